"""The site: its code runs and prints the shown output, golden numbers hold, links have targets."""

import ast
import inspect
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import walker

import collective as co
from collective.scenarios import schema

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS.parent / "examples"
sys.path.insert(0, str(DOCS))

import _names  # noqa: E402
import _pages  # noqa: E402
import _scenarios  # noqa: E402
import _validation  # noqa: E402

SOURCES = sorted(DOCS.glob("*.md")) + sorted(DOCS.glob("tutorial/*.md"))
LONG = (
    "engines",
    "disorder",
    "how_far_to_trust_it",
    "real_atoms",
)  # pages whose code takes seconds
ROLE = re.compile(r":[a-z]+:`[^`]*`")
LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])+\]\(([^)\s]+)\)")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[pytest.mark.slow] * (page.stem in LONG))
        for page in _pages.PAGES
    ],
)
def test_code_of_a_page_runs_and_prints_the_shown_output(page):
    names, wrong = _pages.run(page)
    plt.close("all")
    assert not wrong, "\n".join(wrong)
    if page in _pages.FIGURES:
        assert names["ax"].has_data()
        assert f"generated/{page.stem}.png" in page.read_text(encoding="utf-8")


def test_a_wrong_output_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n")
    _, (complaint,) = _pages.run(page)
    assert complaint == "page.md:2 printed\n2\n"


def test_tutorial_has_eight_short_linked_pages():
    pages = _pages.FIGURES[1:]
    assert [int(page.stem[0]) for page in pages] == list(range(1, 9))
    for page, following in zip(pages, [*pages[1:], None], strict=True):
        text = page.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 70
        assert "**What you learned.**" in text
        assert following is None or f"**Next:** [{title(following)}]({following.stem})" in text


def title(page):
    """The part of the heading of a page after its number, up to a colon."""
    heading = page.read_text(encoding="utf-8").splitlines()[0]
    return heading.split(" · ")[1].split(":")[0]


def test_every_public_name_is_in_the_list_of_names():
    text = (DOCS / "api.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^   ([A-Za-z_][\w.]*)$", text, flags=re.M)
    assert len(listed) == len(set(listed))
    assert {name for name, _ in walker.public()} <= {*listed, "plot.COLOURS"}


def docstrings():
    """Yield (name, docstring) of every public name and of every public member of a class."""
    for name in sorted(_names.listed()):
        found = _names.thing(name)
        members = vars(found).items() if inspect.isclass(found) else ()
        for each, value in [("", found), *members]:
            value = getattr(value, "__func__", value)  # of a class method
            shown = callable(value) or isinstance(value, property)
            if shown and not each.startswith("_"):
                yield f"{name}.{each}".rstrip("."), inspect.getdoc(value) or ""


def taken_for_a_type(docstring):
    """The words before a colon in the first line of what a function returns, if there is one."""
    match = re.search(r"^ *(?:Returns|Yields):\n +(.*)", docstring, re.MULTILINE)
    line = re.sub(r"``.*?``", "", ROLE.sub("", match.group(1))) if match else ""
    before, colon, _ = line.partition(":")
    return before if colon else ""


def test_no_docstring_has_a_colon_in_the_first_line_of_what_is_returned():
    """The site would show the words before it as the name of a type."""
    found = {name: taken_for_a_type(text) for name, text in docstrings()}
    assert {name: words for name, words in found.items() if words} == {}
    assert len(found) > 400


def test_a_colon_in_the_first_line_of_what_is_returned_is_found():
    text = "Decay.\n\nReturns:\n    (N,) rates, in this order: bright, dark.\n"
    assert taken_for_a_type(text) == "(N,) rates, in this order"
    assert taken_for_a_type("Returns:\n    :math:`x` of N.\n    So: more.") == ""


def test_every_name_in_backticks_exists():
    """On the pages and in the docstrings; the site links these names to the reference."""
    texts = [(None, prose(page)) for page in SOURCES]
    texts += [(name, ROLE.sub("", text)) for name, text in docstrings()]
    linked = 0
    for owner, text in texts:
        for literal in re.findall(r"(?<!`)(`+)([^`]+)\1(?!`)", text):
            linked += _names.meant(literal[1], owner) is not None
    assert linked > 1000


@pytest.mark.parametrize(
    ("text", "owner", "name"),
    [
        ("co.evolve(couplings, state, times)", None, "evolve"),
        ("evolve", "Result", "evolve"),
        ("result.emission_error", None, "Result.emission_error"),
        ("couplings.modes().rates", None, "Couplings.modes"),
        ("validity", "Couplings.modes", "Couplings.validity"),
        ("MeanField(phases=8)", None, "engines.MeanField"),
        ('method="single"', "couple", "engines.Single"),
        ("method=co.engines.Single()", None, "engines.Single"),
        ('"blocks"', None, "engines.Blocks"),
        ("moment", "observables.steady", "observables.moment"),
        ("Table", "materials.gold", "materials.Table"),
        ("Table", "pulse.table", "pulse.Table"),
        ("Table", None, None),  # there are two
        ("photons", "CavityCouplings", None),  # an argument of it
        ("chain", None, None),  # mostly a variable
        ("single(m)", None, None),  # a state, not the engine
        ("co.plot", None, None),  # a module
        ("Γ − Δ", None, None),
    ],
)
def test_names_in_backticks_are_understood(text, owner, name):
    assert _names.meant(text, owner) == name


@pytest.mark.parametrize(
    "text", ["co.evolv", "Couplings.rates", "result.emision", "co.engines.Fast(n=1)"]
)
def test_a_name_that_does_not_exist_is_found(text):
    with pytest.raises(LookupError, match=r"no (member|public name) '[\w.]+'"):
        _names.meant(text)


@pytest.mark.slow
def test_every_example_has_its_place_in_the_gallery():
    """`STORY` in `docs/conf.py`; an example without a place stops the build of the pages."""
    (story,) = (
        ast.literal_eval(node.value)
        for node in ast.parse((DOCS / "conf.py").read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "STORY"
    )
    examples = DOCS.parent / "examples"
    found = {each.name: {file.stem for file in each.glob("*.py")} for each in examples.iterdir()}
    found.pop("GALLERY_HEADER.rst", None)
    assert {chapter: set(names) for chapter, names in story.items()} == found


def test_golden_numbers():
    rows = list(_validation.compared())
    assert len(rows) > 70
    for _, row, theirs, ours, difference in rows:
        assert difference < row["tolerance"] <= 1e-4, (row["key"], theirs, ours)


def test_tables_of_the_validation_page(tmp_path, monkeypatch):
    chapter, row = {"chapter": "One", "source": "a paper"}, {"quantity": "Γ", "tolerance": 1e-3}
    found = [(chapter, row, 1.5, 1.5 + 0j, 0.0), (chapter, row, 1 - 2j, 1 - 2j, 2e-16)]
    monkeypatch.setattr(_validation, "compared", lambda: iter(found))
    _validation.write(tmp_path / "table.md")
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert text.count("## One") == text.count("Theirs: a paper.") == 1
    assert "| Γ | 1.5 | 1.5 | 0e+00 | 1e-03 |" in text
    assert "| Γ | 1 − 2i | 1 − 2i | 2e-16 | 1e-03 |" in text


def test_tables_of_the_page_on_scenario_files():
    text = _scenarios.tables()
    assert "| `spacing` (ring) | number | λ₀ | required | straight distance" in text
    assert "| `rtol` | number |  | 1e-08 | relative tolerance, at least 1e-14 |" in text
    for section in schema.SECTIONS.values():
        _, _, rest = text.partition(f"### [{section.name}]\n")
        part = rest.partition("\n### ")[0]
        for found in section.variants().values():
            assert all(f"| `{name}`" in part for name in found.keys)
    for line in text.splitlines():
        if line.startswith("| `"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 6), line


@pytest.mark.parametrize("page", SOURCES, ids=lambda page: page.stem)
def test_links_have_targets(page):
    for target in LINK.findall(prose(page)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue  # another host
        linked = (page.parent / path).resolve() if path else page
        if DOCS / "gallery" in linked.parents:  # the build makes these pages from the examples
            name = linked.relative_to(DOCS / "gallery").with_suffix(".py")
            linked = DOCS / "index.md" if name == Path("index.py") else EXAMPLES / name
        files = [linked, linked.with_suffix(".md"), linked.with_suffix(".rst")]
        found = [file for file in files if file.is_file()]
        assert found, f"{page.name}: {target}"
        assert not anchor or anchor in anchors(found[0]), f"{page.name}: {target}"


def prose(page):
    """The text of a page without its code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)


def anchors(page):
    """The anchors of the headings of a page, as on the site."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_cells_of_tables_are_marked_by_the_length_of_their_text():
    import conf
    from docutils import nodes

    lengths = {18: ["short"], 19: ["words"], 61: ["sentence"]}
    row = nodes.row("", *(nodes.entry("", nodes.paragraph(text="x" * n)) for n in lengths))
    conf.long_cells(None, row, "page")
    assert [cell["classes"] for cell in row] == list(lengths.values())


def test_every_page_is_in_the_table_of_contents():
    listed = set()
    for index in (DOCS / "index.md", DOCS / "tutorial" / "index.md", DOCS / "exercises.md"):
        for entries in re.findall(
            r"^```\{toctree\}\n(.*?)^```", index.read_text(encoding="utf-8"), re.DOTALL | re.M
        ):
            names = [line for line in entries.splitlines() if line and not line.startswith(":")]
            listed |= {(index.parent / name).with_suffix(".md") for name in names}
    assert set(SOURCES) - listed == {DOCS / "index.md"}


def test_the_changelog_and_the_citation_name_this_version():
    root = DOCS.parent
    newest = re.search(r"^## \[([^]]+)\](?: - (\S+))?$", (root / "CHANGELOG.md").read_text(), re.M)
    citation = (root / "CITATION.cff").read_text()
    assert f"\nversion: {co.__version__}\n" in citation
    assert newest[1] in (co.__version__, "Unreleased")
    assert newest[1] == "Unreleased" or f"\ndate-released: {newest[2]}\n" in citation


def test_the_figure_of_the_readme_is_what_its_code_draws(tmp_path, monkeypatch):
    root = DOCS.parent
    readme = (root / "README.md").read_text(encoding="utf-8")
    code = re.search(r"^```python\n(.*?)^```", readme, re.DOTALL | re.M)[1]
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    figure = plt.gcf()
    figure.set_size_inches(6, 3.6)
    figure.savefig("burst.png", dpi=110)
    plt.close("all")
    shown = re.search(r"!\[[^]]*\]\((.*?)\)", readme)[1]
    kept, drawn = (plt.imread(path)[..., :3] for path in (root / shown, tmp_path / "burst.png"))
    # letters may be drawn by another library of fonts
    assert kept.shape == drawn.shape
    assert (abs(kept - drawn).max(axis=2) > 0.2).mean() < 0.02
