"""The exercises: their code runs up to the blanks, their solutions go on from it and print what they say."""

import contextlib
import doctest
import importlib.util
import io
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

import _pages  # noqa: E402
import exercise_notebooks  # noqa: E402


def code(text):
    return [match[1] for match in _pages.CODE.finditer(text)]


def test_exercises_have_blanks_and_solutions_fill_them():
    """Each line of an exercise stands in its solution, in order, with something else for `...`."""
    _, questions = exercise_notebooks.sections(DOCS / "exercises.md")
    _, answers = exercise_notebooks.sections(DOCS / "exercise_solutions.md")
    assert len(questions) == 10
    assert list(questions) == list(answers)
    for heading, question in questions.items():
        (start,) = code(question)
        assert "..." in start, heading
        solution = "\n".join(code(answers[heading])).splitlines()
        assert not any("..." in line for line in solution), heading
        lines = iter(solution)
        for line in filter(str.strip, start.splitlines()):
            known, blank, _ = line.partition("...")
            assert any(each.startswith(known) if blank else each == line for each in lines), (
                f"{heading}: {line}"
            )


def test_notebook_of_exercises_runs_up_to_the_blanks_and_tells_no_solution():
    notebook = exercise_notebooks.notebook("exercises")
    names, blanks = {}, 0
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        assert "Solution" not in source
        assert not cell.get("outputs")
        if cell["cell_type"] == "code":
            blanks += source.count("...")
            with contextlib.redirect_stdout(io.StringIO()):
                exec(source, names)
    assert blanks >= 10
    assert names["slope"] is names["needed"] is names["excess"](0.1, 3) is ...


@pytest.mark.parametrize("name", ["exercises", "solutions"])
def test_notebooks_of_jupyter_are_well_formed(name):
    notebook = exercise_notebooks.notebook(name)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = notebook["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    fields = {"id", "cell_type", "metadata", "source"}
    for cell in cells:
        extra = {"outputs", "execution_count"} if cell["cell_type"] == "code" else set()
        assert set(cell) == fields | extra
        assert cell["source"]
    text = "".join("".join(cell["source"]) for cell in cells)
    assert "](" not in text  # a link leads to a page that is not there
    assert "```" not in text
    headings = [cell for cell in cells if cell["source"][0].startswith("## ")]
    assert len(headings) == 10
    outputs = [cell for cell in cells if cell.get("outputs")]
    assert len(outputs) == (10 if name == "solutions" else 0)


def test_the_pages_link_to_the_notebooks():
    for page, name in (("exercises", "exercises"), ("exercise_solutions", "solutions")):
        text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
        linked = re.findall(r'href="_static/exercises/([\w.]+)" download', text)
        assert linked == [f"{name}.ipynb", f"{name}.py"]


@pytest.mark.slow
def test_notebooks_of_marimo_run_and_print_what_the_solutions_say(tmp_path):
    exercise_notebooks.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "exercises.ipynb",
        "exercises.py",
        "solutions.ipynb",
        "solutions.py",
    ]
    printed = {}
    for name in ("exercises", "solutions"):
        spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            module.app.run()
        printed[name] = output.getvalue()
    said = "".join(
        "".join(output["text"])
        for cell in exercise_notebooks.notebook("solutions")["cells"]
        for output in cell.get("outputs", ())
    )
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.OutputChecker().check_output(said, printed["solutions"], flags)
    assert "Ellipsis" in printed["exercises"]
