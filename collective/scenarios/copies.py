"""The copy of a scenario beside its answers, from which the run can be repeated.

It is the file itself, word for word, with a last section [made_by] that has the versions, the seed
that was drawn, and the names under which files of arrays were copied.
"""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collective._tools.files import written
from collective._tools.version import versions
from collective.scenarios.source import Source

NAME = "scenario.toml"
_ARRAYS = "arrays"  # the folder of copied arrays, where no other file has their names
_HEAD = "# Written by collective, so that this file repeats the run."


def save_copy(source: Source, folder: str | os.PathLike[str], seed: int | None) -> list[Path]:
    """Write the copy of a scenario, and of the arrays that it reads, into a folder.

    Args:
        source: the file.
        folder: of the answers.
        seed: the seed of the random numbers, or None if there were none.

    Returns:
        The files written, the scenario first.
    """
    target = Path(folder) / NAME
    content = {}
    for given in array_files(source.data):
        content[given] = array_path(source, given).read_bytes()
    names = _names(content)
    data = copy_text(source, seed, names).encode()
    files = [_kept(target, data)]
    files += [_kept(Path(folder) / names[given], each) for given, each in content.items()]
    return files


def copy_text(source: Source, seed: int | None, files: Mapping[str, str]) -> str:
    """The text of the copy.

    Args:
        source: the file.
        seed: of the random numbers, or None.
        files: names of copied files of arrays by their names in the scenario.
    """
    made = {"python": platform.python_version(), **versions()}
    lines = [own_text(source).rstrip("\n"), "", _HEAD, "[made_by]"]
    lines += [f"versions = {_table(made)}"]
    if seed is not None:
        lines.append(f"seed = {seed}")
    if files:
        lines.append(f"files = {_table(files)}")
    return "\n".join(lines).lstrip("\n") + "\n"


def own_text(source: Source) -> str:
    """The text of a scenario without its section [made_by].

    Raises:
        ScenarioError: if that section is not the last one.
    """
    if "made_by" not in source.data:
        return source.text
    start = source.line(("made_by",))
    for keys, line in source.lines.items():
        if keys[0] != "made_by" and line >= start:
            raise source.error(
                ("made_by",), "[made_by] is written by collective and must be the last section"
            )
    lines = source.text.split("\n")[: start - 1]
    if lines and lines[-1] == _HEAD:
        lines.pop()
    return "\n".join(lines)


def differing(source: Source) -> str:
    """Which versions differ from those that wrote the file, in words; "" for none."""
    made = source.data.get("made_by", {}).get("versions", {})
    now = {"python": platform.python_version(), **versions()}
    different = [f"{n} {made[n]} (here {now[n]})" for n in made if n in now and made[n] != now[n]]
    return ", ".join(different)


def array_files(data: Any) -> list[str]:
    """The files of arrays that a scenario names, each once."""
    found: dict[str, None] = {}

    def search(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("file"), str):
                found[value["file"]] = None
            for inner in value.values():
                search(inner)
        elif isinstance(value, list):
            for inner in value:
                search(inner)

    search({name: value for name, value in data.items() if name != "made_by"})
    return list(found)


def array_path(source: Source, given: str) -> Path:
    """Where a file of arrays is: relative to the scenario, or as [made_by] says."""
    made = source.data.get("made_by")
    files = made.get("files") if isinstance(made, dict) else None
    other = files.get(given) if isinstance(files, dict) else None
    return source.folder / (other if isinstance(other, str) else given)


def _names(content: Mapping[str, bytes]) -> dict[str, str]:
    """A name in the folder of arrays for each file, all of them different."""
    found: dict[str, str] = {}
    for given in content:
        path, count = Path(given), 1
        name = f"{_ARRAYS}/{path.name}"
        while name in found.values():
            count += 1
            name = f"{_ARRAYS}/{path.stem}-{count}{path.suffix}"
        found[given] = name
    return found


def _table(texts: Mapping[str, str]) -> str:
    """Texts by name as an inline table of TOML."""
    return "{" + ", ".join(f"{_text(k)} = {_text(v)}" for k, v in texts.items()) + "}"


def _text(value: str) -> str:
    """A text in quotes, as TOML writes it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    plain = (c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped)
    return '"' + "".join(plain) + '"'


def _kept(path: Path, content: bytes) -> Path:
    """Write the bytes of a file, completely or not at all."""

    def write(partial: Path) -> None:
        partial.write_bytes(content)

    return written(path, path.suffix, write)
