"""The oldest versions that pyproject.toml allows, as constraints for pip: python oldest.py.

What it does not name is taken from constraints.txt, but for what the old versions bring themselves.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = ("progress", "data", "cluster", "test")
BROUGHT = {"llvmlite"}  # numba takes the one it was built with


def plain(name: str) -> str:
    """A package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def oldest() -> dict[str, str]:
    """Lowest version of every package named in pyproject.toml with one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = list(project["dependencies"])
    for extra in EXTRAS:
        listed += project["optional-dependencies"][extra]
    found = (re.fullmatch(r"([\w.-]+)>=([\w.]+)", requirement) for requirement in listed)
    return {plain(match[1]): match[2] for match in found if match}


def main() -> None:
    """Print one constraint a line."""
    lowest = oldest()
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name = plain(line.split("==")[0])
        if "==" in line and name not in lowest and name not in BROUGHT:
            print(line)
    for name, version in lowest.items():
        print(f"{name}=={version}")


if __name__ == "__main__":
    sys.exit(main())
