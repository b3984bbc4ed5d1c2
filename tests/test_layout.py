"""The rooms of the package and who may enter them: imports run downwards only."""

import ast
import importlib
import os
import re
import statistics
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import collective

PACKAGE = Path(collective.__file__).parent
ROOT = PACKAGE.parent

# helpers without physics, which every room may use
TOOLS = {"_tools", "errors"}

# private modules that tests outside of tests/tools may use: what files are made of
TOOLS_OF_TESTS = {
    "conftest.py": {"memory", "progress", "speed"},
    "mutations.py": {"archive"},
    "results": {"archive"},
    "sweep_functions.py": {"compiled"},
}


@cache
def tables():
    """The rooms of the package and those of engines/: {room: rooms it may import}."""
    found, rows = [], {}
    for line in (ROOT / "docs" / "architecture.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and cells[0].startswith("`"):
            rows[cells[0].strip("`/")] = cells[2]
        elif rows:
            every = set(rows) | TOOLS
            found.append(
                {
                    room: every if allowed == "all" else set(re.findall(r"`(\w+)`", allowed))
                    for room, allowed in rows.items()
                }
            )
            rows = {}
    package, engines = found
    return package, engines


def files():
    """Every file of the package by its dotted name; a folder stands for its __init__."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


FILES = files()
ROOMS = [name for name in FILES if name != "collective"]


@cache
def imports(name):
    """The files of the package that a file imports, at any depth, for types too."""
    found = set()
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports from {'.' * node.level}"
            if (node.module or "").split(".")[0] == "collective":
                members = [f"{node.module}.{alias.name}" for alias in node.names]
                found |= {each if each in FILES else node.module for each in members}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.split(".")[0] == "collective"}
    return found - {name}


def rooms_entered(name, below):
    """Rooms of a package, other than its own, that a file imports."""
    depth = below.count(".") + 1
    own = [*name.split("."), "__init__"][depth]
    targets = (t.split(".") for t in imports(name) if t == below or t.startswith(below + "."))
    return {t[depth] if len(t) > depth else "__init__" for t in targets} - {own}


@pytest.mark.parametrize("name", ROOMS)
def test_imports_run_downwards(name):
    package, engines = tables()
    assert rooms_entered(name, "collective") <= package.get(name.split(".")[1], set()) | TOOLS
    if name.startswith("collective.engines"):
        room = [*name.split("."), "__init__"][2]
        assert rooms_entered(name, "collective.engines") <= engines[room]


def test_every_room_is_listed():
    package, engines = tables()
    for folder, table in ((PACKAGE, set(package) | TOOLS), (PACKAGE / "engines", set(engines))):
        rooms = {p.stem if p.suffix == ".py" else p.name for p in folder.iterdir()}
        assert rooms - {"__init__", "__pycache__", "py.typed"} == table - {"__init__"}


def test_the_tables_run_downwards():
    """A room may import only rooms listed above it."""
    for table in tables():
        above = set(TOOLS)
        for room, allowed in table.items():
            if room != "cli":
                assert allowed <= above, room
            above.add(room)


def test_no_file_imports_itself_through_others():
    done = set()

    def follow(name, path):
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name not in done:
            for below in sorted(imports(name) if name in ROOMS else ()):
                follow(below, [*path, name])
            done.add(name)

    for name in ROOMS:
        follow(name, [])


def test_importing_costs_little_more_than_numpy():
    """Heavy libraries are imported where they are used."""
    code = "import collective, sys; print([m for m in sys.argv[1:] if m in sys.modules])"
    heavy = ["scipy", "numba", "qutip", "matplotlib", "tqdm", "xarray"]
    out = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_importing_takes_less_than_50_ms_beyond_numpy():
    """Processor time, which other programs hardly change; the median of several processes."""
    code = (
        "import time, numpy; begin = time.process_time(); import collective; "
        "print(time.process_time() - begin)"
    )
    command = [sys.executable, "-c", code]
    seconds = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    assert statistics.median(seconds) < 0.05


def test_long_files_say_why_at_their_top():
    for name, path in FILES.items():
        text = path.read_text()
        if len(text.splitlines()) > 310:
            top = " ".join((ast.get_docstring(ast.parse(text)) or "").split())
            assert "The file is longer than others" in top, name


def public_objects():
    """Every public name of the package and of its public rooms, with the object."""
    for name in collective.__all__:
        thing = getattr(collective, name)
        yield name, thing
        if isinstance(thing, ModuleType):
            for inner in thing.__all__:
                yield f"{name}.{inner}", getattr(thing, inner)


def test_public_names_live_in_public_files():
    for name, thing in public_objects():
        if isinstance(thing, type) or callable(thing):
            assert thing.__module__.startswith("collective."), name
            assert "._" not in thing.__module__, f"{name} lives in {thing.__module__}"


def test_public_names_exist_and_are_documented():
    for name in collective.__all__:
        text = getattr(collective, name).__doc__
        assert text, name
        assert not text.startswith(f"{name}("), name  # what a dataclass writes by itself


def test_no_machine_paths_or_hosts():
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not files:  # an unpacked source distribution
        files = [str(p.relative_to(ROOT)) for p in PACKAGE.rglob("*.py")]
    words = [
        os.sep + "work" + os.sep,
        os.sep + "root" + os.sep,
        "pypi" + ".org",
        "python" + "hosted",
    ]
    for name in files:
        text = (ROOT / name).read_text(errors="ignore") if (ROOT / name).exists() else ""
        assert not [word for word in words if word in text], name


def test_no_room_hides_a_public_function():
    """Importing a file sets its name on its room: no public name may be that of a file there."""
    modules = {
        "currents",
        "engines",
        "materials",
        "observables",
        "plot",
        "pulse",
        "scenarios",
        "spectral",
        "states",
        "units",
    }
    assert not (set(collective.__all__) - modules) & set(tables()[0])
    for name in modules:
        room = getattr(collective, name)
        files = {path.stem for path in Path(room.__file__).parent.glob("*.py")}
        if Path(room.__file__).name == "__init__.py":
            assert not files & set(room.__all__), name
    assert sorted(dir(collective)) == sorted(collective.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = collective.nothing


def private_names(path):
    """Private modules and names of the package that a test file uses, as dotted paths.

    Found are imports, attributes of imported modules, and names in strings, as they are given to
    `monkeypatch.setattr` or to another process.
    """
    found, modules = set(), {"collective": "collective", "co": "collective"}
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(alias.name, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(f"{node.module}.{a.name}", a.asname or a.name) for a in node.names]
        else:
            continue
        modules |= {alias: name for name, alias in names if name.split(".")[0] == "collective"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if owner.split(".")[0] in modules:
                first, *rest = owner.split(".")
                found.add(".".join([modules[first], *rest, node.attr]))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".setattr"):
            owner, name = node.args[0], node.args[1]
            if isinstance(name, ast.Constant) and ast.unparse(owner) in modules:
                found.add(f"{modules[ast.unparse(owner)]}.{name.value}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = re.sub(r"from (collective[\w.]*) import (\w+)", r"\1.\2", node.value)
            found |= set(re.findall(r"collective(?:\.\w+)+", text))
    return {
        name
        for name in found | set(modules.values())
        if re.search(r"\._(?!_)", name) and name.startswith("collective.")
    }


def test_private_names_are_found(tmp_path):
    """However a test comes to them; names of Python's own with two underscores are not private."""
    file = tmp_path / "test_something.py"
    file.write_text(
        "import collective as co\n"
        "import collective._a\n"
        "from collective.b import _b as other, c as module\n"
        "from numpy import _private\n"
        "other.x, module._d, module.Class._e.f, co.__doc__, self._own\n"
        'patch.setattr(module, "_g", 1)\n'
        'patch.setattr(module, "public", 1)\n'
        'patch.setattr("collective.h._h", 1)\n'
        'run("from collective.i import _i; import collective.j._j")\n'
    )
    assert private_names(file) == {
        f"collective.{name}"
        for name in (
            *("_a", "b._b", "b._b.x", "b.c._d", "b.c.Class._e", "b.c.Class._e.f"),
            *("b.c._g", "h._h", "i._i", "j._j"),
        )
    }


TESTS = ROOT / "tests"
TEST_FILES = sorted(
    str(path.relative_to(TESTS)) for path in TESTS.rglob("*.py") if path.name != "test_layout.py"
)


@pytest.mark.parametrize("file", TEST_FILES)
def test_private_names_are_used_by_the_tests_of_their_own_room(file):
    """Tests of a room stand in tests/<room>/, or in tests/test_<room>.py where it is one file."""
    folder = file.split("/")[0]
    room = folder.removeprefix("test_").removesuffix(".py")
    own = "_tools" if room == "tools" else room
    for name in private_names(TESTS / file):
        _, entered, *rest = name.split(".")
        allowed = entered == own
        if entered == "_tools":
            allowed |= set(rest[:1]) <= TOOLS_OF_TESTS.get(folder, set())
        assert allowed, f"tests/{file} uses {name}"


def programs():
    """The programs beside the package that no quick test runs as a whole."""
    folders = {"benchmarks": "*.py", "examples": "*/*.py", "teaching": "*.py", "docs": "*.py"}
    return sorted(path for folder, files in folders.items() for path in (ROOT / folder).glob(files))


def names_used(text):
    """Names of the package that a program uses, and those in programs that it has as texts."""
    found, modules, tree = set(), {"collective": "collective"}, ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(alias.name, alias.asname) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(f"{node.module}.{a.name}", a.asname or a.name) for a in node.names]
        else:
            if isinstance(node, ast.Constant) and "import collective" in str(node.value):
                with suppress(SyntaxError):  # prose
                    found |= names_used(node.value)
            continue
        names = [(name, alias) for name, alias in names if name.split(".")[0] == "collective"]
        found |= {name for name, _ in names}
        modules |= {alias: name for name, alias in names if alias}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            first, *rest = ast.unparse(node.value).split(".")
            if first in modules and all(part.isidentifier() for part in rest):
                found.add(".".join([modules[first], *rest, node.attr]))
    return found


def exists(name):
    """Whether a dotted name leads to a module, or to a member of a module or a class."""
    thing, reached = collective, "collective"
    for part in name.split(".")[1:]:
        if not isinstance(thing, ModuleType | type):
            return True  # a member of an object, which only a run can know
        reached += f".{part}"
        if isinstance(thing, ModuleType) and reached in FILES:
            importlib.import_module(reached)
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


@pytest.mark.parametrize("path", programs(), ids=lambda path: path.stem)
def test_programs_use_names_that_exist(path):
    assert [name for name in sorted(names_used(path.read_text())) if not exists(name)] == []


def test_names_that_do_not_exist_are_found():
    text = (
        "import collective as co\n"
        "from collective.engines.loop import run, walk as other\n"
        "import collective.nowhere\n"
        "co.chain(2, co.observables.g7).positions.shape\n"
        "co.Result.load, co.states.ground, other.x\n"
        "CODE = 'import collective as co; co.evolved(1)'\n"
    )
    assert [name for name in sorted(names_used(text)) if not exists(name)] == [
        f"collective.{name}"
        for name in (
            *("Result.load", "engines.loop.walk", "engines.loop.walk.x", "evolved"),
            *("nowhere", "observables.g7"),
        )
    ]
