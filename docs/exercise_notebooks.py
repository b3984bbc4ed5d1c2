"""The exercises and their solutions as notebooks for Jupyter and marimo, made from the two pages.

A fence ```python of a page becomes a cell of code, a fence ```text after it the output of this
cell, everything else a cell of text. In the solutions each answer stands below its question.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import _pages

DOCS = Path(__file__).parent
LINK = re.compile(r"\[([^\]]+)\]\([^)\s]+\)")
HEADING = re.compile(r"^## ", re.MULTILINE)
INTRODUCTIONS = {
    "exercises": """# Exercises

Replace each `...` by your own code, and go on from there. Run the cells in their order: some need
what came before. The package `collective` must be installed where this notebook runs.
""",
    "solutions": """# Solutions of the exercises

Run the cells in their order: some need what came before. The package `collective` must be installed
where this notebook runs.
""",
}


def sections(page):
    """The first code of a page, and its sections {heading: text below it}."""
    first, *rest = HEADING.split(page.read_text(encoding="utf-8"))
    found = dict(section.split("\n", 1) for section in rest)
    return _pages.CODE.search(first)[1], found


def cells(text):
    """Cells of Jupyter for a piece of a page, in its order."""
    made, end = [], 0
    for match in _pages.CODE.finditer(text):
        made += [words(text[end : match.start()]), code(*match.groups())]
        end = match.end()
    return [cell for cell in [*made, words(text[end:])] if cell["source"]]


def words(text):
    """A cell of text; links, which lead to pages of the site, are words only."""
    source = LINK.sub(r"\1", text).strip().splitlines(keepends=True)
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source, printed=None):
    """A cell of code, with what it prints."""
    outputs = []
    if printed is not None:
        lines = printed.splitlines(keepends=True)
        outputs = [{"name": "stdout", "output_type": "stream", "text": lines}]
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": outputs,
        "source": source.strip().splitlines(keepends=True),
    }


def notebook(name):
    """The notebook "exercises" or "solutions" of Jupyter, as a dictionary."""
    first, questions = sections(DOCS / "exercises.md")
    _, answers = sections(DOCS / "exercise_solutions.md")
    if list(questions) != list(answers):
        raise ValueError("exercises.md and exercise_solutions.md have different headings")
    made = [words(INTRODUCTIONS[name]), code(first)]
    for heading, question in questions.items():
        asked = cells(f"## {heading}\n{question}")
        if name == "solutions":
            asked = [cell for cell in asked if cell["cell_type"] == "markdown"]
            asked += cells("**Solution.**\n\n" + answers[heading])
        made += asked
    return {
        "cells": [{"id": f"cell-{i}", **cell} for i, cell in enumerate(made)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write(folder):
    """Write exercises.ipynb, exercises.py, solutions.ipynb and solutions.py; .py is for marimo."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in INTRODUCTIONS:
        jupyter = folder / f"{name}.ipynb"
        text = json.dumps(notebook(name), indent=1, ensure_ascii=False)
        jupyter.write_text(text + "\n", encoding="utf-8")
        convert = [sys.executable, "-m", "marimo", "--quiet", "--yes", "convert", jupyter]
        subprocess.run([*convert, "--output", folder / f"{name}.py"], check=True)


if __name__ == "__main__":
    write(DOCS / "_static" / "exercises")
