"""The code on the pages: run when the site is built, for the figures, and by the tests.

A fence ```python is run, all of a page in one namespace that knows `np` and `co`. A fence ```text
that directly follows is what it prints, where ... stands for anything. What is not to be run is
written as a {code-block} with the class "fragment".
"""

import contextlib
import doctest
import io
import re
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
FIGURES = [DOCS / "index.md", *sorted(DOCS.glob("tutorial/[0-9]*.md"))]
_OF_THE_READER = {"sharp_bits", "conventions"}  # their code starts from matrices not given here
PAGES = [
    page
    for page in sorted(DOCS.glob("*.md")) + FIGURES[1:]
    if page.stem not in _OF_THE_READER and "```python" in page.read_text(encoding="utf-8")
]
CODE = re.compile(r"^```python\n(.*?)^```\n(?:\n*^```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def blocks(page):
    """The code of a page: (line, code, what it prints or None), in order."""
    text = page.read_text(encoding="utf-8")
    for match in CODE.finditer(text):
        yield text[: match.start(1)].count("\n") + 1, *match.groups()


def run(page):
    """Run the code of a page; returns its names, and where it printed something else."""
    import numpy as np

    import collective as co

    names, wrong = {"np": np, "co": co}, []
    checker = doctest.OutputChecker()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for line, code, expected in blocks(page):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)
            if expected is not None and not checker.check_output(
                expected, printed.getvalue(), flags
            ):
                wrong.append(f"{page.name}:{line} printed\n{printed.getvalue()}")
    return names, wrong


def draw(folder):
    """The figure of each page that draws one, its `ax`, as <page>.png in a folder."""
    import matplotlib.pyplot as plt

    for page in FIGURES:
        names, _ = run(page)
        if "ax" in names:
            names["ax"].figure.savefig(folder / f"{page.stem}.png", dpi=110)
        plt.close("all")
