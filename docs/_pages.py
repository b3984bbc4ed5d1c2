"""Run the code on the pages, for the figures when the site is built, and for the tests.

Every fence ```python of a page is run, in one namespace that contains `np` and `co`. A fence
```text directly after it is the expected output, in which ... stands for any text. Code that must
not be run is written as a {code-block} with the class "fragment".
"""

import contextlib
import doctest
import io
import re
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
FIGURES = [DOCS / "index.md", *sorted(DOCS.glob("tutorial/[0-9]*.md"))]
_NOT_RUN = {
    "sharp_bits",  # the code of these two needs variables of the reader
    "conventions",
    "first_tasks",  # each script runs alone, in tests/pages/test_first_tasks.py
}
PAGES = [
    page
    for page in sorted(DOCS.glob("*.md")) + FIGURES[1:]
    if page.stem not in _NOT_RUN and "```python" in page.read_text(encoding="utf-8")
]
CODE = re.compile(r"^```python\n(.*?)^```\n(?:\n*^```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def blocks(page):
    """Yield (line, code, expected output or None) of every fence of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for match in CODE.finditer(text):
        yield text[: match.start(1)].count("\n") + 1, *match.groups()


def run(page):
    """Run the code of a page; returns its variables, and messages about wrong output."""
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
    """Save the figure of each page that has one, its `ax`, as <page>.png in a folder."""
    import matplotlib.pyplot as plt

    for page in FIGURES:
        names, _ = run(page)
        if "ax" in names:
            names["ax"].figure.savefig(folder / f"{page.stem}.png", dpi=110)
        plt.close("all")
