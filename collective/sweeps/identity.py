"""Which sweep a store belongs to: the function, its code, the grid and the seed."""

import dataclasses
import functools
import hashlib
import types
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from collective._tools.version import versions
from collective.sweeps.grid import Grid

_OTHER = "choose another file, or delete this one"


def identity(function: Callable[..., Any], grid: Grid, seed: int | None) -> dict[str, Any]:
    """What identifies a sweep, as JSON can hold it."""
    values = {n: list(each) for n, each in zip(grid.names, grid.values, strict=True)}
    return {"function": name(function), "code": code(function), "seed": seed, "grid": values}


def identity_of_ensemble(builder: Callable[..., Any], seed: int) -> dict[str, Any]:
    """What identifies an ensemble, with any number of members, as JSON can hold it."""
    kind = {"kind": "ensemble", "grid": {}}
    return {"function": name(builder), "code": code(builder), "seed": seed, **kind}


def provenance(function: Callable[..., Any]) -> dict[str, Any]:
    """Attributes of a dataset that say what made it, and when."""
    return {
        "function": name(function),
        "versions": ", ".join(f"{package} {number}" for package, number in versions().items()),
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def name(function: Callable[..., Any]) -> str:
    """The name of a function, also of one with fixed arguments, and of an object that is called."""
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__qualname__", type(function).__qualname__)


def code(function: Callable[..., Any]) -> str:
    """A digest of what a function does: its bytecode, and the values fixed in it.

    Comments and names of files do not matter. What the function reads from its module does, but is
    not part of the digest; neither are objects that cannot be told by their text.
    """
    digest = hashlib.sha256()
    for word in _words(function):
        digest.update(word.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _words(thing: Any, depth: int = 0) -> list[str]:
    """Texts that differ if two things differ, as far as that can be told."""
    if depth > 8:
        return ["..."]
    below = depth + 1
    if isinstance(thing, functools.partial):
        return ["partial", *_words([thing.func, thing.args, thing.keywords], below)]
    if isinstance(thing, types.MethodType):
        return ["method", *_words([thing.__func__, thing.__self__], below)]
    if isinstance(thing, types.FunctionType):
        enclosed = [cell.cell_contents for cell in thing.__closure__ or () if _filled(cell)]
        parts = [thing.__code__, thing.__defaults__, thing.__kwdefaults__, enclosed]
        return [thing.__qualname__, *_words(parts, below)]
    if isinstance(thing, types.CodeType):
        return [thing.co_code.hex(), *_words([thing.co_consts, thing.co_names], below)]
    if isinstance(thing, np.ndarray):
        return [repr((thing.shape, thing.dtype)), hashlib.sha256(thing.tobytes()).hexdigest()]
    if isinstance(thing, Mapping):
        return [word for item in thing.items() for word in _words(item, below)]
    if isinstance(thing, list | tuple):
        return ["[", *(word for part in thing for word in _words(part, below)), "]"]
    if isinstance(thing, set | frozenset):
        return sorted(word for part in thing for word in _words(part, below))
    if thing is None or isinstance(thing, bool | int | float | complex | str | bytes):
        return [repr(thing)]
    if callable(thing) and not isinstance(thing, type):
        called = type(thing).__call__
        if isinstance(called, types.FunctionType):
            inside = dict(getattr(thing, "__dict__", {}))
            return [type(thing).__qualname__, *_words([called, inside], below)]
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        parts = [getattr(thing, each.name) for each in dataclasses.fields(thing)]
        return [type(thing).__qualname__, *_words(parts, below)]
    try:
        text = repr(thing)
    except Exception:  # a fault in the object's own method
        text = " at 0x"
    return [type(thing).__qualname__, "" if " at 0x" in text else text]


def _filled(cell: Any) -> bool:
    """Whether an enclosed variable has a value yet."""
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def difference(path: Any, kept: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """What differs between the sweep in a store and this one, as an error says it, or None.

    The code of the function is not looked at.
    """
    kind, this = (each.get("kind", "sweep") for each in (kept, now))
    if kind != this:
        return f"store: {str(path)!r} is of co.{kind}, not of co.{this}; {_OTHER}"
    if kept.get("function") != now["function"]:
        told = f"the function {kept.get('function')!r}, this one is of {now['function']!r}"
    elif kept.get("seed") != now["seed"]:
        told = f"seed={kept.get('seed')}, this one has seed={now['seed']}"
    else:
        told = _grids(kept.get("grid", {}), now["grid"])
        if not told:
            return None
    return f"store: {str(path)!r} is of another {kind}, with {told}; {_OTHER}"


def _grids(kept: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """How two grids differ, or an empty text."""
    if list(kept) != list(now):
        return f"the grid {', '.join(kept)}, the grid of this one is {', '.join(now)}"
    for each, values in now.items():
        if kept[each] != values:
            lengths = f"{len(kept[each])} values of {each!r}, this one has {len(values)}"
            if len(kept[each]) != len(values):
                return lengths
            i = next(i for i, (a, b) in enumerate(zip(kept[each], values, strict=True)) if a != b)
            return f"{each}[{i}] = {kept[each][i]!r}, in this one it is {values[i]!r}"
    return ""
