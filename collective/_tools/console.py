"""Text that can be printed on any console, also on one that has few characters."""

import sys
import unicodedata
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import fields
from functools import wraps
from typing import Any

import numpy as np

_PLAIN = {
    "…": "...", "−": "-", "–": "-", "—": "-", "×": "x", "·": "*", "±": "+-", "′": "'", "†": "^+",
    "≤": "<=", "≥": ">=", "≈": "~", "∝": "~", "≪": "<<", "≫": ">>", "≠": "!=", "→": "->",
    "↔": "<->", "←": "<-", "⟨": "<", "⟩": ">", "‖": "|", "√": "sqrt ", "∞": "inf", "∈": "in",
    "ħ": "hbar", "°": " deg", "⁻": "-", "₋": "-", "⊥": "_|_", "↑": "up", "↓": "down",
}  # fmt: skip

_MANY = 12  # entries of a tuple that are all shown; of more there are the first few
_FEW = 4

_to_console = ContextVar("_to_console", default=True)


def described(thing: Any) -> str:
    """The repr with all its characters, for a file; the console does not matter."""
    before = _to_console.set(False)
    try:
        return repr(thing)
    finally:
        _to_console.reset(before)


def shown(text: str) -> str:
    """The text, in which characters that stdout cannot encode are replaced by ASCII.

    Args:
        text: any text. It stays unchanged if stdout can encode it, or replaces characters itself.
    """
    if not _to_console.get():
        return text
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if getattr(sys.stdout, "errors", "strict") not in (None, "strict"):
        return text
    if _fits(text, encoding):
        return text
    return "".join(letter if _fits(letter, encoding) else _plain(letter) for letter in text)


def _plain(letter: str) -> str:
    """ASCII for a character: "gamma" for γ, "Gamma" for Γ, "0" for ₀, "e" for é."""
    if letter in _PLAIN:
        return _PLAIN[letter]
    words = unicodedata.name(letter, "").split()
    if words[:1] == ["GREEK"] and "LETTER" in words:
        name = words[words.index("LETTER") + 1].lower()
        return name.capitalize() if "CAPITAL" in words else name
    apart = unicodedata.normalize("NFKD", letter).replace("\N{FRACTION SLASH}", "/")
    return apart.encode("ascii", "ignore").decode() or "?"


def _fits(text: str, encoding: str) -> bool:
    """Whether an encoding has all characters of the text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    except LookupError:  # Python has no encoding of that name: leave the text to the stream
        return True
    return True


def aligned(rows: Sequence[Sequence[str]], columns: str) -> str:
    """Rows of cells in columns, each as wide as its longest cell, two spaces apart.

    Args:
        rows: each has one cell for each column.
        columns: the side and the least width of each column, as in a format: "<24 >10 <".

    >>> print(aligned([["rate", "at t"], ["1e-300", "0.25"]], "<8 >6"))
    rate        at t
    1e-300      0.25
    """
    sides = [(column[0], int(column[1:] or 0)) for column in columns.split()]
    widths = [max([least, *(len(row[i]) for row in rows)]) for i, (_, least) in enumerate(sides)]
    lines = []
    for row in rows:
        cells = zip(row, sides, widths, strict=True)
        lines.append("  ".join(f"{cell:{side}{width}}" for cell, (side, _), width in cells))
    return "\n".join(line.rstrip() for line in lines)


def span(values: Any) -> str:
    """The common value of numbers, or the smallest and the largest one.

    >>> span([1.0, 3.0]), span([2.0, 2.0]), span([])
    ('1 … 3', '2', 'none')
    """
    if len(values) == 0:
        return "none"
    low, high = (f"{float(each) + 0.0:.6g}" for each in (np.min(values), np.max(values)))
    return low if low == high else f"{low} … {high}"


def brief(thing: Any) -> str:
    """`__repr__` of a dataclass whose fields may be long tuples: of these the first numbers.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Weights:
    ...     values: tuple
    >>> brief(Weights((1.0, 2.0))), brief(Weights(tuple(range(400))))
    ('Weights(values=(1.0, 2.0))', 'Weights(values=(0, 1, 2, 3, … 400 in all))')
    """
    parts = (f"{each.name}={_few(getattr(thing, each.name))}" for each in fields(thing))
    return shown(f"{type(thing).__name__}({', '.join(parts)})")


def _few(value: Any) -> str:
    """The repr of a value; of long tuples that of its first entries."""
    if not isinstance(value, tuple):
        return repr(value)
    if len(value) <= _MANY:
        inside = ", ".join(map(_few, value)) + "," * (len(value) == 1)
        return f"({inside})"
    return f"({', '.join(map(_few, value[:_FEW]))}, … {len(value)} in all)"


def printable(method: Callable[[Any], str]) -> Callable[[Any], str]:
    """Decorator of `__repr__` and `__str__`: the text can be printed on this console."""

    @wraps(method)
    def text(self: Any) -> str:
        return shown(method(self))

    return text
