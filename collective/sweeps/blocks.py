"""What a function returns at one point, as named arrays with dimensions: a block of a dataset."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.results.result import Result
from collective.results.xarray import Parts, parts
from collective.sweeps.grid import LONGEST_NAME

Attributes = dict[str, str | int | float]

# attributes by which files describe how a variable is stored, not what it means
_ENCODING = {
    "_FillValue", "add_offset", "bounds", "calendar", "coordinates", "dtype", "grid_mapping",
    "missing_value", "scale_factor",
}  # fmt: skip
_NOT_KEPT = ("diagnostics", "versions")  # seconds, and what the dataset of a sweep says itself
# attributes of results that become variables, because they differ from point to point
_MEANING = {"method": "engine that ran", "complete": "whether the run reached its last time"}
_EXPECTED = (
    "the function must return numbers, booleans, texts, arrays of these, a mapping from names to "
    "these, a Result or a dataset of xarray"
)


class Variable(NamedTuple):
    """An array with the names of its dimensions and its attributes."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attributes: Attributes


@dataclass
class Block:
    """Variables, coordinates and attributes of one point.

    Values are of five kinds: bool, int64, float64, complex128 and text.
    """

    variables: dict[str, Variable] = field(default_factory=dict)
    coordinates: dict[str, Variable] = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        every = (*self.variables.values(), *self.coordinates.values())
        return sum(variable.values.nbytes for variable in every)


def block(answer: Any) -> Block:
    """The block of an answer. A lone number or array is named "value".

    Dimension i of a plain array of the name a is a_i.

    Raises:
        TypeError: if it is, or contains, something else than numbers, booleans and texts.
        ValueError: if names are in each other's way, or an array is masked.
    """
    found = Block()
    if isinstance(answer, Mapping) and not _from_xarray(answer):
        if not answer:
            raise TypeError(f"{_EXPECTED}; it returned an empty mapping")
        for name, value in answer.items():
            _add(found, name, value)
    elif isinstance(answer, Result):
        _add_parts(found, *parts(answer))
        for name, value in (("method", answer.method), ("complete", answer.complete)):
            found.attributes.pop(name, None)
            found.variables[name] = Variable((), array(name, value), {"long_name": _MEANING[name]})
        for name in _NOT_KEPT:
            found.attributes.pop(name, None)
    elif _from_xarray(answer) and hasattr(answer, "data_vars"):
        _add_dataset(found, answer)
    else:
        name = getattr(answer, "name", None) if _from_xarray(answer) else None
        _add(found, "value" if name is None else name, answer)
    _check_names(found)
    return found


def _from_xarray(thing: Any) -> bool:
    """Whether a thing is a Dataset or DataArray, without importing xarray."""
    return type(thing).__module__.partition(".")[0] == "xarray"


def _add(found: Block, name: Any, value: Any) -> None:
    """Add one variable to a block."""
    _named(name)
    if _from_xarray(value) and hasattr(value, "coords") and not hasattr(value, "data_vars"):
        found.variables[name] = _variable(name, value)
        for other, coordinate in value.coords.items():
            found.coordinates[_named(other)] = _variable(other, coordinate)
        return
    values = array(name, value)
    dims = tuple(f"{name}_{i}" for i in range(values.ndim))
    found.variables[name] = Variable(dims, values, {})


def _add_dataset(found: Block, dataset: Any) -> None:
    """Add everything in a dataset to a block."""
    for name, value in dataset.data_vars.items():
        found.variables[_named(name)] = _variable(name, value)
    for name, value in dataset.coords.items():
        found.coordinates[_named(name)] = _variable(name, value)
    found.attributes |= attributes(dataset.attrs)


def _add_parts(
    found: Block, variables: Parts, coordinates: Parts, described: dict[str, Any]
) -> None:
    """Add what the dataset of a result is made of; xarray would take several times as long."""
    for part, target in ((variables, found.variables), (coordinates, found.coordinates)):
        for name, (dims, values, about) in part.items():
            target[name] = Variable(dims, array(name, values), attributes(about))
    found.attributes |= attributes(described)


def _variable(name: Any, value: Any) -> Variable:
    """The variable of a DataArray."""
    dims = tuple(_named(dim) for dim in value.dims)
    return Variable(dims, array(name, value.values), attributes(value.attrs))


def _named(name: Any) -> str:
    """A name that files can hold, and that can be the name of a file in a zarr folder."""
    fits = isinstance(name, str) and name and name[0] != "." and not set("/\\\0") & set(name)
    if not fits or clean(name) != name or len(name.encode()) > LONGEST_NAME:
        raise TypeError(
            f"the function returned something of the name {checks.short(name)}: names must be "
            f"texts of 1 to {LONGEST_NAME} bytes, must not begin with a dot, and must not have "
            "/ or \\ in them, because stores use them as names of files"
        )
    return name


def array(name: str, value: Any) -> NDArray[Any]:
    """A new array of one of the five kinds."""
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError(f"{name!r} is a masked array: fill it with .filled(...), its mask is lost")
    if isinstance(value, Mapping | set | frozenset | bytes) or value is None:
        raise TypeError(f"{_EXPECTED}; {name!r} is {checks.short(value)}")
    try:
        found = np.array(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{_EXPECTED}; {name!r} is {checks.short(value)}") from None
    kind = found.dtype.kind
    if kind == "U" and isinstance(value, list | tuple):  # numpy makes texts of numbers beside them
        found = np.array(value, dtype=object)
        kind = "O"
    if kind == "u" and found.size and found.max() > checks.MOST:
        raise ValueError(f"{name!r} has an integer of 2**63 or more, {found.max()}: return a float")
    if kind == "O" and found.size and all(isinstance(entry, str) for entry in found.flat):
        kind = "U"
    if kind in "UT":
        text = "".join(found.flat)
        if "\0" in text or clean(text) != text:
            raise ValueError(f"{name!r} has letters that a file cannot hold: {checks.short(value)}")
        return found.astype(str)
    kinds: dict[str, type] = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
    if kind not in kinds:
        raise TypeError(f"{_EXPECTED}; {name!r} is {checks.short(value)}")
    return found.astype(kinds[kind], copy=False)


def attributes(given: Mapping[Any, Any]) -> Attributes:
    """Attributes that a file returns as they are: texts and numbers; others become their text."""
    found: Attributes = {}
    for name, value in given.items():
        if name in _ENCODING:
            continue
        plain = value.item() if isinstance(value, np.generic) else value
        if isinstance(plain, bool):
            plain = int(plain)
        fits = isinstance(plain, float) or (isinstance(plain, int) and abs(plain) <= checks.MOST)
        found[_named(str(name))] = plain if fits else clean(str(plain))
    return found


def clean(text: str) -> str:
    """A text without the letters that files cannot hold."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _check_names(found: Block) -> None:
    """Raise if a variable has the name of a dimension, of which it is not the coordinate."""
    every = found.variables | found.coordinates
    dims = {dim for variable in every.values() for dim in variable.dims}
    for name in found.variables.keys() & dims:
        raise ValueError(f"{name!r} is both a variable and a dimension; rename one of them")
    for name, variable in every.items():  # files hold the parts of complex numbers by these names
        for taken in every.keys() & {f"{name}_real", f"{name}_imag"}:
            if variable.values.dtype.kind == "c":
                raise ValueError(f"{taken!r} cannot be a name beside the complex {name!r}")
    for name in found.coordinates.keys() & dims:
        if found.coordinates[name].dims != (name,):
            raise ValueError(f"the coordinate {name!r} must have the dimension {name!r} alone")
        if found.coordinates[name].values.dtype.kind == "c":
            raise ValueError(f"the coordinate {name!r} of a dimension must not be complex")


def equal(one: Variable, other: Variable) -> bool:
    """Whether two variables have the same dimensions and the same values; NaN equals NaN."""
    if one.dims != other.dims or one.values.shape != other.values.shape:
        return False
    if one.values.dtype.kind != other.values.dtype.kind:
        return False
    return np.array_equal(one.values, other.values, equal_nan=one.values.dtype.kind in "fc")


def in_common(before: Attributes | None, new: Attributes) -> Attributes:
    """The attributes that two answers have in common, with values of the same type."""
    if before is None:
        return new
    return {name: value for name, value in before.items() if _same(value, new.get(name))}


def _same(one: Any, other: Any) -> bool:
    """Whether two attributes are equal; NaN equals NaN, and 1 differs from 1.0."""
    return type(one) is type(other) and (one == other or (one != one and other != other))
