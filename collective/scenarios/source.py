"""A scenario file as text, as nested tables, and with the line of every key.

The reader of TOML in Python's standard library gives values without their lines. `key_lines` finds
them in a second pass over text that is known to be correct TOML.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from collective._tools.files import checked_path

Keys = tuple[str | int, ...]

LARGEST = 2**24  # bytes of a scenario file; larger arrays belong into a .npz file
_LONGEST = 1200  # letters of a message
_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?""""{0,2}' r"|'''.*?''''{0,2}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")
_LONG = re.compile(r"[0-9_]{4000,}")


class ScenarioError(ValueError):
    """A scenario file that cannot be used; the message has the file, the line and the way out.

    Attributes:
        path: the file.
        line: the line, from 1; None if it is not known.
        text: the message without file and line.
    """

    def __init__(self, path: str, line: int | None, text: str):
        text = text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."
        super().__init__(path, line, text)
        self.path, self.line, self.text = path, line, text

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.text}"


@dataclass(frozen=True)
class Source:
    """A scenario file.

    Attributes:
        path: the file as it was named.
        folder: of the file, from the root: another process may work in another folder.
        text: its text, with line feeds alone at the ends of lines.
        data: its tables.
        lines: the line of each key, by the names and indices that lead to it.
    """

    path: Path
    folder: Path
    text: str
    data: dict[str, Any]
    lines: dict[Keys, int]

    def line(self, keys: Keys) -> int:
        """The line of a key, or of the innermost table around it that stands in the file.

        It is 1 for a section that the file does not have.
        """
        for depth in range(len(keys), 0, -1):
            if keys[:depth] in self.lines:
                return self.lines[keys[:depth]]
        return 1

    def with_values(self, values: Mapping[tuple[str, ...], tuple[Any, Keys]]) -> "Source":
        """The file as if some keys had other values.

        Args:
            values: by the keys that lead to them, new values, and the keys whose line errors about
                them are to have. Tables on the way are made.

        Raises:
            ScenarioError: for keys that lead through a value that is not a table.
        """
        data = dict(self.data)
        moved: dict[Keys, int] = {}
        for keys, (value, shown) in values.items():
            table = data
            for depth, key in enumerate(keys[:-1], start=1):
                inner = table.get(key, {})
                if not isinstance(inner, dict):
                    where = ".".join(map(str, keys[:depth]))
                    raise self.error(
                        shown,
                        f"{'.'.join(map(str, keys))} is no key, because {where} is not a table",
                    )
                table[key] = dict(inner)
                table = table[key]
            table[keys[-1]] = value
            moved[keys] = self.line(shown)
        return replace(self, data=data, lines={**self.lines, **moved})

    def error(self, keys: Keys, text: str) -> ScenarioError:
        """The error for the value of a key."""
        return ScenarioError(str(self.path), self.line(keys), text)


def read_source(path: Any) -> Source:
    """Read a scenario file.

    Raises:
        ScenarioError: for a file that cannot be read, is not UTF-8, or is not TOML.
    """
    file = checked_path("path", path)
    text = _text(file)
    try:
        data = tomllib.loads(text)
        lines = key_lines(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(file, text, str(error)) from None
    except RecursionError:
        raise ScenarioError(str(file), None, "arrays or tables are nested too deeply") from None
    except ValueError as error:  # Python reads no integer of more than 4,300 digits
        long = _LONG.search(text)
        line = None if long is None else text.count("\n", 0, long.start()) + 1
        raise ScenarioError(str(file), line, f"not a number that can be used: {error}") from None
    return Source(file, file.absolute().parent, text, data, lines)


def _text(file: Path) -> str:
    """The text of a file; a byte order mark of UTF-8 is dropped."""
    name = str(file)
    try:
        if file.is_dir():
            raise ScenarioError(name, None, "this path is a folder, not a scenario file")
        size = file.stat().st_size
        if size > LARGEST:
            raise ScenarioError(
                name,
                None,
                f"this path has {size:,} bytes, a scenario at most {LARGEST:,}; keep large "
                'arrays in a .npz file: positions = {file = "atoms.npz", name = "positions"}',
            )
        content = file.read_bytes()
    except FileNotFoundError:
        raise ScenarioError(name, None, "this path names no file") from None
    except OSError as error:
        raise ScenarioError(
            name, None, f"this path cannot be read: {error.strerror or error}"
        ) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ScenarioError(
            name,
            line,
            f"byte {content[error.start]:#04x} is not UTF-8: save the file with the encoding UTF-8",
        ) from None
    return text.replace("\r\n", "\n")


def _syntax(file: Path, text: str, message: str) -> ScenarioError:
    """The error for text that is not TOML."""
    found = _PLACE.fullmatch(message)
    if found is None:
        return ScenarioError(str(file), None, f"this is not TOML: {message}")
    what, line = found.groups()
    at = int(line) if line else text.count("\n") + (not text.endswith("\n"))
    return ScenarioError(str(file), max(at, 1), f"this is not TOML: {what}")


def key_lines(text: str) -> dict[Keys, int]:
    r"""The line of every key and of every element of an array, in text that is correct TOML.

    >>> key_lines("[a]\nb.c = [1,\n 2]")
    {('a',): 1, ('a', 'b'): 2, ('a', 'b', 'c'): 2, ('a', 'b', 'c', 0): 2, ('a', 'b', 'c', 1): 3}
    """
    return _Finder(text).found()


class _Finder:
    """A pass over correct TOML that notes where each key stands."""

    def __init__(self, text: str):
        self._text, self._at = text, 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[Keys, int] = {}
        self._tables: dict[Keys, int] = {}  # how many elements an array of tables has so far

    def found(self) -> dict[Keys, int]:
        """Lines by keys."""
        table: Keys = ()
        self._skip(_SPACE)
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_SPACE)
        return self._lines

    def _skip(self, pattern: re.Pattern[str]) -> str:
        """Go on past a pattern and return what it matched; nothing where it does not match."""
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group()

    def _note(self, keys: Keys, start: int) -> None:
        """Note the line of a key, and of the tables around it that have no line yet."""
        line = bisect_right(self._ends, start - 1) + 1
        for depth in range(1, len(keys) + 1):
            self._lines.setdefault(keys[:depth], line)

    def _header(self) -> Keys:
        """A line [a.b] or [[a.b]]; returns the keys of the table that it opens."""
        start = self._at
        several = self._text.startswith("[[", self._at)
        self._at += 2 if several else 1
        *outer, last = self._names()
        self._at += 2 if several else 1
        table: Keys = ()
        for name in outer:
            table = self._newest((*table, name))
        table = (*table, last)
        if several:
            self._tables[table] = self._tables.get(table, 0) + 1
        table = self._newest(table)
        self._note(table, start)
        return table

    def _newest(self, keys: Keys) -> Keys:
        """The keys, with the index of the newest element if they lead to an array of tables."""
        return (*keys, self._tables[keys] - 1) if keys in self._tables else keys

    def _names(self) -> list[str]:
        """A dotted key."""
        names = []
        while True:
            self._skip(_BLANK)
            quoted = self._skip(_STRING)
            names.append(_unquoted(quoted) if quoted else self._skip(_BARE))
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _pair(self, table: Keys) -> None:
        """A key with its value."""
        start = self._at
        keys = (*table, *self._names())
        self._note(keys, start)
        self._at += 1  # the sign =
        self._skip(_BLANK)
        self._value(keys)

    def _value(self, keys: Keys) -> None:
        """A value: an array and an inline table are entered."""
        opened = self._text[self._at]
        if opened not in "[{":
            if not self._skip(_STRING):
                self._skip(_SCALAR)
            return
        self._at += 1
        index = 0
        while True:
            self._skip(_SPACE)
            if self._text[self._at] in "]},":
                self._at += 1
                if self._text[self._at - 1] == ",":
                    continue
                return
            if opened == "{":
                self._pair(keys)
            else:
                self._note((*keys, index), self._at)
                self._value((*keys, index))
                index += 1


def _unquoted(name: str) -> str:
    """The name in quotes of a key."""
    if "\\" not in name:
        return name[1:-1]
    found: str = tomllib.loads(f"k = {name}")["k"]
    return found
