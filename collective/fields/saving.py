"""A field, or an argument of a field, as words and numbers for a file, and back.

A field or a material is written as its name and its arguments if it is a frozen dataclass of this
package. Arrays of few numbers become words, those of many numbers arrays of the file. Nothing has
to be registered: the classes in `collective.fields` and `collective.materials` are found by name.
No other object is ever made from a file.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import collective.fields as all_fields
from collective import materials
from collective.fields.protocol import COUPLING

_MANY = 10_000  # numbers of an array that is stored as an array, if the file has arrays


def encoded(value: Any, arrays: dict[str, NDArray[Any]] | None = None, prefix: str = "") -> Any:
    """A field, a material, numbers, texts and tuples of them for JSON; TypeError for others.

    Args:
        value: what is written.
        arrays: arrays of the file, to which large ones are added; None writes all as words.
        prefix: of their names.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case complex():
            return {"complex": [value.real, value.imag]}
        case np.ndarray() if arrays is not None and value.size >= _MANY:
            name = f"{prefix}{sum(each.startswith(prefix) for each in arrays)}"
            arrays[name] = value
            return {"stored": name}
        case np.ndarray() if np.iscomplexobj(value):
            return {"array": [value.real.tolist(), value.imag.tolist()]}
        case np.ndarray():
            return {"array": [value.tolist()]}
        case tuple():
            return {"tuple": [encoded(each, arrays, prefix) for each in value]}
    name = type(value).__name__
    if _part(name) is not type(value):
        raise TypeError(f"{name} cannot be saved")
    arguments = {
        f.name: encoded(getattr(value, f.name), arrays, prefix) for f in fields(value) if f.init
    }
    return {"part": name, **arguments}


def decoded(value: Any, arrays: Mapping[str, NDArray[Any]] | None = None) -> Any:
    """The value that `encoded` has turned into this one; ValueError for an unknown name."""
    if isinstance(value, list):  # a field in files of format 1
        return _known(value[0])(**value[1])
    if not isinstance(value, dict):
        return value
    if "complex" in value:
        return complex(*value["complex"])
    if "tuple" in value:
        return tuple(decoded(each, arrays) for each in value["tuple"])
    if "stored" in value:
        if arrays is None or value["stored"] not in arrays:
            raise ValueError(f"{str(value['stored'])[:60]} is missing")
        return arrays[value["stored"]]
    if "array" in value:
        real, *imaginary = map(np.array, value["array"])
        return real + 1j * imaginary[0] if imaginary else real
    arguments = {name: decoded(part, arrays) for name, part in value.items() if name != "part"}
    return _known(value["part"])(**arguments)


def _part(name: str) -> Any:
    """The frozen dataclass of this name that is a field or a material of the package, or None."""
    found = getattr(all_fields, name) if name in all_fields.__all__ else vars(materials).get(name)
    members = (*COUPLING, "permittivity")
    if is_dataclass(found) and any(hasattr(found, member) for member in members):
        return found
    return None


def _known(name: str) -> Any:
    """The class of this name, or ValueError."""
    found = _part(name)
    if found is None:
        raise ValueError(f"a field or material named {name!r} is not known")
    return found
