"""The section [grid]: which keys a sweep changes, and to which values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from collective._tools.memory import require
from collective.errors import ProblemTooLargeError
from collective.scenarios import schema
from collective.scenarios.options import Key, Options
from collective.scenarios.source import Keys, Source
from collective.scenarios.tables import Reader, near, shown, spelled

_RANGE = {"start", "stop", "number", "log"}
_FIXED = ("grid", "output", "made_by", "units")  # sections that are the same at every point


@dataclass(frozen=True)
class Axis:
    """One key that a sweep changes.

    Attributes:
        keys: that lead to it, such as ("emitters", "spacing").
        values: numbers, truth values or texts.
        where: the keys that lead to its values in the section [grid].
    """

    keys: tuple[str, ...]
    values: tuple[Any, ...]
    where: Keys

    @property
    def name(self) -> str:
        """As it is written in a file: emitters.spacing."""
        return ".".join(self.keys)

    @property
    def dimension(self) -> str:
        """The dimension of the sweep's dataset: emitters_spacing."""
        return "_".join(self.keys)


def axes_of(source: Source) -> tuple[Axis, ...]:
    """The axes of the section [grid]; none without it.

    Raises:
        ScenarioError: for values that are not a list or a range, are not alike, or occur twice.
    """
    grid = source.data.get("grid", {})
    reader = Reader(source)
    reader.require_table(("grid",), grid)
    found = tuple(_axis(reader, *entry) for entry in _entries(grid, ("grid",), ()))
    if "grid" in source.data and not found:
        raise source.error(("grid",), '[grid] is empty: write "emitters.spacing" = [0.1, 0.2]')
    for i, axis in enumerate(found):
        if axis.keys in [other.keys for other in found[:i]]:
            raise source.error(axis.where, f"[grid] has {axis.name} twice")
        if axis.dimension in [other.dimension for other in found[:i]]:
            raise source.error(axis.where, f"[grid] {axis.name} is too like another name")
    points = prod(len(axis.values) for axis in found)
    try:
        require(8 * points, f"a sweep of {points:,} points", "use fewer values")
    except ProblemTooLargeError as error:
        raise source.error(("grid",), f"[grid] {error}") from None
    return found


def _entries(
    table: dict[str, Any], where: Keys, keys: tuple[str, ...]
) -> list[tuple[Keys, tuple[str, ...], Any]]:
    """Places and values of all axes: a dotted key is one key with quotes, else nested tables."""
    found = []
    for name, value in table.items():
        inner, path = (*where, name), (*keys, *name.split("."))
        numbers = isinstance(value, dict) and value.keys() <= _RANGE and len(path) > 1
        plain = numbers and not any(isinstance(each, list | dict) for each in value.values())
        if isinstance(value, dict) and value and not plain:
            found += _entries(value, inner, path)
        else:
            found.append((inner, path, value))
    return found


def _axis(reader: Reader, where: Keys, keys: tuple[str, ...], value: Any) -> Axis:
    """The checked axis of one entry."""
    source, name = reader.source, ".".join(keys)
    allowed = [section for section in schema.SECTIONS if section not in _FIXED]
    if keys[0] not in allowed or len(keys) < 2 or "" in keys:
        raise source.error(
            where,
            f"[grid] {name!r} must be a section and a key, such as emitters.spacing; "
            f"{near(keys[0], allowed)}",
        )
    label = f"{spelled(('grid',))} {name}"
    if isinstance(value, dict):
        ends = {n: Key(n, "number", n) for n in ("start", "stop")}
        more = {"number": Key("number", "integer", "number"), "log": Key("log", "flag", "log", 0)}
        numbers = reader.table(where, value, Options(schema.evenly, {**ends, **more}))()
        ints = all(isinstance(value[end], int) for end in ("start", "stop"))
        if ints and all(x == round(x) for x in numbers):  # an argument may have to be an integer
            return Axis(keys, tuple(int(x) for x in numbers), where)
        return Axis(keys, tuple(float(x) for x in numbers), where)
    if not isinstance(value, list) or not value:
        raise source.error(
            where,
            f"{label} must be a list of values, or {{start, stop, number}}; got {shown(value)}",
        )
    for i, each in enumerate(value):
        if not isinstance(each, bool | int | float | str):
            raise source.error(
                (*where, i),
                f"{label}[{i}] must be a number, true, false or a text, got {shown(each)}",
            )
        if _sort(each) != _sort(value[0]):
            raise source.error(
                (*where, i),
                f"{label} must have values of one kind, but {shown(value[0])} and {shown(each)} "
                "differ",
            )
        if isinstance(each, float) and each - each != 0:
            raise source.error((*where, i), f"{label}[{i}] must be finite, got {each}")
    if len(set(value)) < len(value):
        i = next(i for i, each in enumerate(value) if each in value[:i])
        raise source.error((*where, i), f"{label} has {shown(value[i])} twice")
    return Axis(keys, tuple(value), where)


def _sort(value: Any) -> str:
    """Which values may stand in one list."""
    if isinstance(value, bool):
        return "truth value"
    return "text" if isinstance(value, str) else "number"


def substituted(source: Source, axes: tuple[Axis, ...], chosen: tuple[int, ...]) -> Source:
    """The file at one point of the grid, without the section [grid].

    Args:
        source: the file.
        axes: of its grid.
        chosen: the index of the value on each axis.
    """
    pairs = list(zip(axes, chosen, strict=True))
    return placed(source, {a.keys: (a.values[i], (*a.where, i)) for a, i in pairs})


def placed(source: Source, values: Mapping[tuple[str, ...], tuple[Any, Keys]]) -> Source:
    """The file with these values, as in `Source.with_values`, without the section [grid]."""
    at = source.with_values(values)
    return replace(at, data={name: table for name, table in at.data.items() if name != "grid"})


def spread(size: int, most: int) -> list[int]:
    """Indices from 0 to size − 1, all of them or so many that are evenly spread.

    >>> spread(3, 10), spread(101, 3)
    ([0, 1, 2], [0, 50, 100])
    """
    if size <= most:
        return list(range(size))
    return [k * (size - 1) // (most - 1) for k in range(most)]
