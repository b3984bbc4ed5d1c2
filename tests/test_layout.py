"""The rooms of the package and who may enter them: imports run downwards only."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import collective

PACKAGE = Path(collective.__file__).parent
ROOT = PACKAGE.parent

# helpers without physics, which every room may use
TOOLS = {"_archive", "_checks", "_compiled", "_console", "_files", "_memory", "_progress", "_warn"}


def table():
    """The rooms and what they may import, as docs/architecture.md has it."""
    rooms = {}
    for line in (ROOT / "docs" / "architecture.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and cells[0].startswith("`"):
            rooms[cells[0].strip("`/")] = cells[2]
    names = set(rooms) | TOOLS
    return {
        room: names if allowed == "all" else set(re.findall(r"`(\w+)`", allowed))
        for room, allowed in rooms.items()
    }


def imports(path):
    """Names of the collective modules a file imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "collective":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.split(".")[1]
                for alias in node.names
                if alias.name.startswith("collective.")
            }
    return found


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room != "__init__":
            yield pytest.param(room, path, id=str(path.relative_to(PACKAGE)))


@pytest.mark.parametrize(("room", "path"), list(modules()))
def test_imports_run_downwards(room, path):
    assert imports(path) - {room} <= table().get(room, set()) | TOOLS


def test_every_room_is_listed():
    rooms = {p.stem if p.suffix == ".py" else p.name for p in PACKAGE.iterdir()}
    assert rooms - {"__init__", "__pycache__", "py.typed"} == set(table()) | TOOLS


def test_the_table_has_no_way_round():
    """No room imports itself through others, but for types."""
    rooms = table()
    rooms["validity"] -= {"couplings", "master"}
    rooms["_storage"] -= {"result"}
    rooms["_xarray"] -= {"result"}

    def reach(room, seen=()):
        assert room not in seen, seen
        for below in rooms.get(room, set()) - {room}:
            reach(below, (*seen, room))

    for room in set(rooms) - {"cli"}:
        reach(room)


def test_importing_costs_little_more_than_numpy():
    """Heavy libraries are imported where they are used."""
    code = "import collective, sys; print([m for m in sys.argv[1:] if m in sys.modules])"
    heavy = ["scipy", "numba", "qutip", "matplotlib", "tqdm", "xarray"]
    out = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


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
    """Importing a room sets its name on the package: no public name may be a room's."""
    modules = {"currents", "materials", "observables", "plot", "spectral", "states", "units"}
    assert not (set(collective.__all__) - modules) & set(table())
    assert sorted(dir(collective)) == sorted(collective.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = collective.nothing
