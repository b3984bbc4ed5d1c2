"""The blocks of all points, gathered as they come into one dataset that does not depend on order.

Every variable gets the dimensions of the grid first. Where a dimension has different lengths at
different points, the shorter ones are filled up: with NaN for numbers, with "" for texts. So are
points without an answer. As in xarray itself, integers and booleans with gaps become floats.

The file is longer than others because it has the three ways in which a name is kept: a row for each
point, the labels of a dimension, and a coordinate that may be common to all points.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.sweeps.blocks import Attributes, Block, Variable, equal, in_common
from collective.sweeps.grid import Grid

if TYPE_CHECKING:
    import xarray

_ORDER = "bifc"  # kinds of numbers: each can hold those before it
_TYPES: dict[str, Any] = {"b": bool, "i": int, "f": float, "c": complex, "U": object}
_GAPS: dict[str, Any] = {"f": np.nan, "c": complex(np.nan, np.nan), "U": ""}
NOT_COMPUTED = "not computed"  # in the variable "error"
_WAY_OUT = "return the same kind of answer at every point"


class Gathered:
    """What the points of a grid have given so far.

    Args:
        grid: of the sweep.

    Attributes:
        done: (points,) whether each point has an answer.
        failures: the traceback of each point that failed.
    """

    def __init__(self, grid: Grid):
        self.done = np.zeros(grid.size, dtype=bool)
        self.failures: dict[int, str] = {}
        self._grid = grid
        self._variables: dict[str, _Rows] = {}
        self._coordinates: dict[str, _Coordinate | _Common] = {}
        self._attributes: Attributes | None = None
        self._labelled: dict[str, tuple[bool, int]] = {}  # dimension: has it labels, seen where

    def fail(self, index: int, failure: str) -> None:
        """Note that a point failed."""
        self.failures[index] = failure

    def add(self, index: int, block: Block) -> None:
        """Add the answer of one point.

        Raises:
            ValueError: if it has other dimensions, or other labels of a dimension, than the answer
                of another point, or names of the grid.
            ProblemTooLargeError: if the answers of all points do not fit into memory.
        """
        self._check(index, block)
        for place, (name, variable) in enumerate(block.variables.items()):
            if name not in self._variables:
                self._variables[name] = _Rows(name, variable, self._grid)
            self._variables[name].put(index, place, variable)
        for place, (name, given) in enumerate(block.coordinates.items()):
            variable = _unsigned(given)
            if name not in self._coordinates:
                of_dimension = variable.dims == (name,)
                kind: Any = _Coordinate if of_dimension else _Common
                self._coordinates[name] = kind(name, variable, self._grid)
            self._coordinates[name].put(index, place, variable)
        self._attributes = in_common(self._attributes, block.attributes)
        self.failures.pop(index, None)
        self.done[index] = True

    def _check(self, index: int, block: Block) -> None:
        """Raise if names are those of the grid, or mean another thing at another point."""
        every = block.variables | block.coordinates
        dims = {dim for variable in every.values() for dim in variable.dims}
        for name in (every.keys() | dims) & {*self._grid.names, "error"}:
            raise ValueError(
                f"the answer at {self._grid.described(index)} has {name!r}, which is a name of the "
                "grid or of the failures: give the argument of the function another name, or "
                "return only what you need of the answer"
            )
        for here, elsewhere in (
            (block.variables, self._coordinates),
            (block.coordinates, self._variables),
        ):
            for name in here.keys() & elsewhere.keys():
                raise ValueError(
                    f"{name!r} is a coordinate at some points and a variable at others; {_WAY_OUT}"
                )
        for dim in dims:
            labelled, where = self._labelled.setdefault(dim, (dim in block.coordinates, index))
            if labelled != (dim in block.coordinates):
                points = f"{self._grid.described(where)} or {self._grid.described(index)}"
                raise ValueError(f"{dim!r} has labels only at one of {points}; {_WAY_OUT}")

    def dataset(self, attributes: Mapping[str, Any]) -> "xarray.Dataset":
        """The dataset of all points so far.

        Args:
            attributes: of the sweep. Those that all answers have in common follow them.
        """
        import xarray

        sizes: dict[str, int] = {}
        for one in (*self._variables.values(), *self._coordinates.values()):
            for dim, size in one.sizes().items():
                sizes[dim] = max(size, sizes.get(dim, 0))
        variables = {name: v.finished(sizes) for name, v in _sorted(self._variables)}
        coordinates: dict[str, Any] = dict(self._grid.coordinates())
        coordinates |= {name: c.finished(sizes) for name, c in _sorted(self._coordinates)}
        if self.failures or not self.done.all():
            errors = np.full(self._grid.size, NOT_COMPUTED, dtype=object)
            errors[self.done] = ""
            for index, failure in self.failures.items():
                errors[index] = failure
            meaning = {"long_name": 'traceback of points that failed, else ""'}
            # as objects: in an array of texts every point would take as much as the longest one
            variables["error"] = (self._grid.names, errors.reshape(self._grid.shape), meaning)
        common = {k: v for k, v in (self._attributes or {}).items() if k not in attributes}
        return xarray.Dataset(variables, coordinates, {**attributes, **common})


class _Rows:
    """One variable at every point."""

    def __init__(self, name: str, variable: Variable, grid: Grid):
        self._name, self._dims, self._grid = name, variable.dims, grid
        self._attributes: Attributes | None = None
        self._kind: str = variable.values.dtype.kind
        self._shape = variable.values.shape
        self._held = np.zeros(grid.size, dtype=bool)
        self._first = (grid.size, 0)
        self._values = self._room(self._shape, self._kind)

    def _room(self, shape: tuple[int, ...], kind: str) -> NDArray[Any]:
        """An array for all points; where it can say so, it is full of gaps."""
        size = self._grid.size
        needed = size * int(np.prod(shape)) * np.dtype(_TYPES[kind]).itemsize
        what = f"{self._name!r} of shape {shape} at {size} points of the grid"
        require(needed, what, "return less at each point, or use fewer points")
        if kind in _GAPS and shape != self._shape:
            return np.full((size, *shape), _GAPS[kind], dtype=_TYPES[kind])
        return np.zeros((size, *shape), dtype=_TYPES[kind])  # costs nothing until it is written

    def put(self, index: int, place: int, variable: Variable) -> None:
        """Set the values at one point."""
        kind, shape = variable.values.dtype.kind, variable.values.shape
        if variable.dims != self._dims or (kind == "U") != (self._kind == "U"):
            self._refuse(index, variable)
        if self._kind != "U" and _ORDER.index(kind) > _ORDER.index(self._kind):
            self._become(kind)
        if shape != self._shape:
            self._grow(tuple(map(max, shape, self._shape)))
            if self._kind in _GAPS:
                self._values[index] = _GAPS[self._kind]
            self._values[index][_corner(shape)] = variable.values
        else:
            self._values[index] = variable.values[()]  # a lone text, not the array around it
        self._attributes = in_common(self._attributes, variable.attributes)
        self._held[index] = True
        self._first = min(self._first, (index, place))

    def _become(self, kind: str) -> None:
        """Hold numbers of another kind."""
        require(self._values.size * 16, f"{self._name!r} at all points of the grid", "use fewer")
        self._values, self._kind = self._values.astype(_TYPES[kind]), kind

    def _grow(self, shape: tuple[int, ...]) -> None:
        """Hold values of at least this shape, some of them with gaps."""
        if self._kind in "bi":
            self._become("f")
        if shape != self._shape:
            before = self._values
            self._values = self._room(shape, self._kind)
            self._values[:, *_corner(self._shape)] = before
            self._shape = shape

    def _refuse(self, index: int, variable: Variable) -> None:
        """Raise for an answer that does not fit to that of another point."""
        other = int(np.argmax(self._held))
        told = {True: "texts", False: "numbers"}
        mine, theirs = told[variable.values.dtype.kind == "U"], told[self._kind == "U"]
        raise ValueError(
            f"{self._name!r} is {mine} with dimensions {variable.dims} at "
            f"{self._grid.described(index)}, but {theirs} with dimensions {self._dims} at "
            f"{self._grid.described(other)}; {_WAY_OUT}"
        )

    def sizes(self) -> dict[str, int]:
        """The length of each dimension."""
        return dict(zip(self._dims, self._shape, strict=True))

    @property
    def order(self) -> tuple[int, int]:
        """The first point that has the variable, and the place there."""
        return self._first

    def finished(self, sizes: Mapping[str, int]) -> Any:
        """Dimensions, values and attributes for xarray."""
        shape = tuple(sizes[dim] for dim in self._dims)
        if shape != self._shape:
            self._grow(shape)
        if not self._held.all():
            if self._kind in "bi":
                self._become("f")
            self._values[~self._held] = _GAPS[self._kind]
        values = self._values.reshape(*self._grid.shape, *self._shape)
        if self._kind == "U":
            letters = max(map(len, self._values.flat), default=0)
            what = f"texts of up to {letters} letters in {self._name!r} at all points of the grid"
            require(4 * letters * values.size, what, "return shorter texts, or use fewer points")
            values = values.astype(str)
        return ((*self._grid.names, *self._dims), values, self._attributes)


class _Coordinate:
    """The labels of a dimension: the same at every point, as far as each of them goes."""

    def __init__(self, name: str, variable: Variable, grid: Grid):
        self._name, self._grid = name, grid
        self._values = variable.values
        self._attributes: Attributes | None = None
        self._where, self._first = -1, (grid.size, 0)

    def put(self, index: int, place: int, variable: Variable) -> None:
        """Compare the labels at one point with those so far, and keep the longer ones."""
        self._where = index if self._where < 0 else self._where
        one, other = variable.values, self._values
        common = min(len(one), len(other))
        texts = (one.dtype.kind == "U", other.dtype.kind == "U")
        nan = not any(texts)  # NaN equals NaN
        if texts[0] != texts[1] or not np.array_equal(one[:common], other[:common], equal_nan=nan):
            raise ValueError(
                f"{self._name!r} has other values at {self._grid.described(index)} than at "
                f"{self._grid.described(self._where)}, so they cannot be labels of one dimension; "
                f"use the same {self._name!r} at every point, or return them as plain arrays, such "
                f"as {{'t': result.times, 'emission': result.emission}}"
            )
        if len(one) > len(other):
            self._values, self._where = one, index
        if nan:  # 0, 1 at one point and 0.0, 1.0 at another: floats, whichever came first
            kind = max(one.dtype.kind, other.dtype.kind, key=_ORDER.index)
            self._values = self._values.astype(_TYPES[kind], copy=False)
        self._attributes = in_common(self._attributes, variable.attributes)
        self._first = min(self._first, (index, place))

    def sizes(self) -> dict[str, int]:
        """The number of labels."""
        return {self._name: len(self._values)}

    @property
    def order(self) -> tuple[int, int]:
        """The first point that has the labels, and the place there."""
        return self._first

    def finished(self, sizes: Mapping[str, int]) -> Any:
        """Dimensions, values and attributes for xarray."""
        return ((self._name,), self._values, self._attributes)


class _Common:
    """A coordinate that is no label of a dimension: kept once while it is equal at every point."""

    def __init__(self, name: str, variable: Variable, grid: Grid):
        self._name, self._grid, self._value = name, grid, variable
        self._attributes: Attributes | None = None
        self._held = np.zeros(grid.size, dtype=bool)
        self._first = (grid.size, 0)
        self._rows: _Rows | None = None

    def put(self, index: int, place: int, variable: Variable) -> None:
        """Set the values at one point."""
        self._first = min(self._first, (index, place))
        if self._rows is None and not equal(variable, self._value):
            self._rows = _Rows(self._name, self._value, self._grid)
            before = self._value._replace(attributes=self._attributes or {})
            for seen in np.flatnonzero(self._held):
                self._rows.put(int(seen), place, before)
        if self._rows is not None:
            self._rows.put(index, place, variable)
        self._held[index] = True
        self._attributes = in_common(self._attributes, variable.attributes)

    def sizes(self) -> dict[str, int]:
        """The length of each dimension."""
        if self._rows is not None:
            return self._rows.sizes()
        return dict(zip(self._value.dims, self._value.values.shape, strict=True))

    @property
    def order(self) -> tuple[int, int]:
        """The first point that has the coordinate, and the place there."""
        return self._first

    def finished(self, sizes: Mapping[str, int]) -> Any:
        """Dimensions, values and attributes for xarray."""
        shape = tuple(sizes[dim] for dim in self._value.dims)
        if self._rows is None and shape == self._value.values.shape:
            return (self._value.dims, self._value.values, self._attributes)
        if self._rows is None:  # another variable is longer at some point
            self._rows = _Rows(self._name, self._value, self._grid)
            value = self._value._replace(attributes=self._attributes or {})
            for seen in np.flatnonzero(self._held):
                self._rows.put(int(seen), 0, value)
        return self._rows.finished(sizes)


def _unsigned(variable: Variable) -> Variable:
    """A variable with 0 for −0: the first one of equal labels is kept, whichever that is."""
    if variable.values.dtype.kind not in "fc":
        return variable
    return variable._replace(values=variable.values + 0.0)


def _corner(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Where an array of this shape stands in a larger one."""
    return tuple(slice(n) for n in shape)


def _sorted(held: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Variables in the order of the first point that has them."""
    return sorted(held.items(), key=lambda each: (each[1].order, each[0]))
