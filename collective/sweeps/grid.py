"""The points of a sweep: every combination of the values that each argument takes."""

import inspect
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.memory import require
from collective.sweeps.seeds import derived

Value = bool | int | float | str

# dimensions of `Result.to_xarray`, and the variable with the failures
RESERVED = (
    "time", "emitter", "emitter_2", "level", "channel", "sample", "component", "operator", "row",
    "column", "jump", "error",
)  # fmt: skip
LONGEST_NAME = 200  # bytes: stores use names for files, whose names have at most 255
_EACH = 100  # bytes that a value takes at most while it is checked


@dataclass(frozen=True)
class Grid:
    """The grid of a sweep; its points are counted with the last name fastest.

    Attributes:
        names: of the arguments, one for each dimension.
        values: of each argument, Python's own numbers, booleans or texts.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Value, ...], ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The number of values of each argument."""
        return tuple(len(values) for values in self.values)

    @cached_property
    def size(self) -> int:
        """The number of points."""
        return math.prod(self.shape)

    def point(self, index: int) -> dict[str, Value]:
        """The arguments of one point, by name."""
        where = np.unravel_index(index, self.shape)
        each = zip(self.names, self.values, where, strict=True)
        return {name: values[i] for name, values, i in each}

    def described(self, index: int) -> str:
        """A point as a message shows it: "N=2, spacing=0.1"."""
        return ", ".join(f"{name}={value!r}" for name, value in self.point(index).items())

    def seed(self, index: int, seed: int) -> int:
        """The seed of one point: `derived` from the JSON text of its names, sorted, and values.

        Integers count as the equal floats, as in {"N": 2, "spacing": 0.1}.
        """
        point = {name: _plain(value) for name, value in self.point(index).items()}
        return derived(seed, json.dumps(point, sort_keys=True))

    def coordinates(self) -> dict[str, NDArray[Any]]:
        """The values of each argument as an array."""
        return {n: np.array(values) for n, values in zip(self.names, self.values, strict=True)}


def checked(grid: Any) -> Grid:
    """The grid that a user gave.

    Raises:
        ValueError: naming the argument whose values cannot be used, and why.
        ProblemTooLargeError: if there are more points than memory can hold one number for.
    """
    if not isinstance(grid, Mapping):
        raise ValueError(
            "grid must be a mapping from names of arguments to their values, such as "
            f"{{'spacing': [0.1, 0.2]}}, not {checks.short(grid)}"
        )
    if not grid:
        raise ValueError("grid must have at least one argument with values, got an empty mapping")
    for name in grid:
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"grid: {checks.short(name)} cannot be the name of an argument")
        if len(name.encode()) > LONGEST_NAME:
            raise ValueError(
                f"grid: the name {checks.short(name)} is longer than {LONGEST_NAME} bytes, more "
                "than stores can hold"
            )
        if name in RESERVED:
            raise ValueError(
                f"grid: {name!r} is a name that datasets of results use themselves; give the "
                "argument of the function another name"
            )
    found = Grid(tuple(grid), tuple(_values(name, grid[name]) for name in grid))
    require(8 * found.size, f"one number for each of {found.size} points of the grid", "use fewer")
    return found


def _values(name: str, given: Any) -> tuple[Value, ...]:
    """The checked values of one argument."""
    what = f"grid: the values of {name!r}"
    listed = isinstance(given, list | tuple | range)
    if isinstance(given, np.ma.MaskedArray) or not (listed or getattr(given, "ndim", None) == 1):
        raise ValueError(
            f"{what} must be a list or an array of one dimension, not {checks.short(given)}"
        )
    try:
        number = len(given)
    except OverflowError:
        raise ValueError(f"{what} are too many, {checks.short(given)}: use fewer") from None
    require(_EACH * number, f"{what}, {number} of them,", "use fewer")
    if number == 0:
        raise ValueError(f"{what} are empty: give at least one")
    entries = list(given) if listed else np.asarray(given).tolist()
    kinds = {_kind(what, entry) for entry in entries}
    if len(kinds) > 1:
        raise ValueError(
            f"{what} must all be numbers, all booleans or all texts, not "
            f"{' and '.join(sorted(kinds))}"
        )
    kind = kinds.pop()
    if kind == "numbers" and not all(isinstance(entry, int | np.integer) for entry in entries):
        found: list[Value] = [float(entry) + 0.0 for entry in entries]  # + 0.0 turns −0 into 0
    else:
        found = [{"booleans": bool, "numbers": int, "texts": str}[kind](e) for e in entries]
    seen = set()
    for value in found:
        if value in seen:
            raise ValueError(f"{what} must differ from each other: {value!r} occurs twice")
        seen.add(value)
    return tuple(found)


def _kind(what: str, entry: Any) -> str:
    """What an entry is: "numbers", "booleans" or "texts"."""
    if isinstance(entry, bool | np.bool_):
        return "booleans"
    if isinstance(entry, str):
        if "\0" in entry or not _encodable(entry):
            raise ValueError(f"{what} must be texts that a file can hold, not {entry!r}")
        return "texts"
    if not isinstance(entry, int | float | np.integer | np.floating):
        raise ValueError(
            f"{what} must be real numbers, booleans or texts, not {checks.short(entry)}; give "
            "other things a name, or a number, and look them up in the function"
        )
    if isinstance(entry, int | np.integer):
        if abs(int(entry)) > checks.MOST:
            raise ValueError(f"{what} must be integers below 2**63, not {checks.short(entry)}")
    elif not math.isfinite(entry):
        raise ValueError(f"{what} must be finite, not {entry}")
    return "numbers"


def _encodable(text: str) -> bool:
    """Whether a text has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Value) -> Value:
    """A float that is an integer as that integer."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def checked_function(function: Any, grid: Grid, seed: int | None) -> Callable[..., Any]:
    """The function, if it takes the arguments of the grid, and `seed` if there is one.

    Raises:
        ValueError: if it is no function, or if it takes other arguments.
    """
    checks.function("function", function)
    if seed is not None and "seed" in grid.names:
        raise ValueError("grid: 'seed' is given to the function by seed=; use one of the two")
    names = [*grid.names, *(["seed"] if seed is not None else [])]
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # functions of C without a signature
        return function
    parameters = signature.parameters.values()
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    taken = [p.name for p in parameters if p.kind in by_name]
    takes = f"it takes {', '.join(taken) or 'no arguments by name'}"
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        for name in names:
            if name not in taken:
                source = "grid" if name in grid.names else "seed"
                raise ValueError(f"{source}: the function has no argument {name!r}; {takes}")
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        raise ValueError(
            f"function: {error}; the grid gives {', '.join(names)}. Add the argument to the grid, "
            "give it a default, or fix it by functools.partial(function, name=value)"
        ) from None
    return function
