"""Checks that the arrays and the metadata of a stored result belong together.

`fitting` checks names, types and shapes, before any array is read. `consistent` checks the numbers.
Both run when a result is written and when it is read.

The file is longer than others because it lists the arrays of every kind of result.
"""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from collective._tools.archive import Declared
from collective.couplings.contents import (
    COMPLEX,
    FIELD,
    REAL,
    WHOLE,
    Known,
    have,
    number,
    problem,
)
from collective.results.controls import PREFIX
from collective.states.protocol import OWN

WORDS = ("method", "reason", "initial_state", "frame", "complete", "diagnostics")
ACCURACIES = ("exact", "sampled", "approximate")
_FRAMES = ("rotating", "lab")
_NUMBERS = ("seconds", "bytes_used", "trace_error", "error_bound", "rtol", "atol")
_REAL, _COMPLEX, _WHOLE, _ANY = REAL, COMPLEX, WHOLE, "biufc"


def fitting(arrays: Mapping[str, Declared], metadata: Any) -> None:
    """Raise ValueError unless the arrays belong to each other and to the metadata."""
    _words(metadata)
    times = have(arrays, "times").shape
    if len(times) != 1 or times[0] < 1:
        raise ValueError(f"times has shape {times}, not (T,)")
    of_equation = "equation" in metadata
    known = _problem(arrays, metadata)
    levels, size, pairs = known.pop("levels"), known.pop("size"), known.pop("pairs")
    by_level = of_equation or "channels" in metadata
    known |= _observed(times[0], levels, size, pairs, by_level=by_level, mode="mode" in metadata)
    if "shots" in arrays:
        known["shots"] = (_REAL, [(*have(arrays, "shots").shape[:1], *times)])
    for name, declared in arrays.items():
        kinds, shapes = _ANY, [declared.shape]
        if not name.startswith("resume:"):
            if name.startswith("expect:"):
                kinds, shapes = _ANY, [times]
            elif name.startswith(FIELD):  # the field itself knows which shapes are right
                kinds = _COMPLEX if "field" in metadata else ""
            elif name.startswith(PREFIX):  # and so do the pulses
                kinds = _COMPLEX if "controls" in metadata else ""
            elif name.startswith("jumps:"):
                kinds, shapes = _jumps(arrays, name)
            elif name in known:
                kinds, shapes = known[name]
            else:
                raise ValueError(f"{name[:60]!r} does not belong to such a result")
        if declared.kind not in kinds:
            raise ValueError(f"{name[:60]} has numbers of kind {declared.kind!r}, not {kinds!r}")
        if declared.shape not in shapes:
            raise ValueError(f"{name[:60]} has shape {declared.shape}, not {shapes[0]}")
    for name in ("populations", "emission", "excitation"):
        optional = of_equation and name != "populations"
        if name not in arrays and not optional:
            raise ValueError(f"{name} is missing")
    _named(arrays, metadata)
    _state_array(arrays, metadata["initial_state"], levels, size)
    for name in ("states", "last_state"):
        if name in arrays and metadata.get(f"{name}_dims") != [levels, levels]:
            raise ValueError(f"{name} has dims {metadata.get(f'{name}_dims')}")


def _state_array(arrays: Mapping[str, Declared], stored: Any, levels: list[int], size: int) -> None:
    """Raise unless the numbers of a QuTiP initial state belong to its dims and to the emitters."""
    expected = isinstance(stored, dict) and "dims" in stored
    if expected != ("initial_state" in arrays):
        raise ValueError("initial_state is missing, or is no QuTiP state")
    if expected:
        shape = have(arrays, "initial_state").shape
        # QuTiP writes one 1 or several ones in the dims of a ket, depending on its release
        ones = [[1], [1] * len(levels)]
        right = ones if shape == (size, 1) else [levels]
        if stored["dims"] not in [[levels, each] for each in right]:
            raise ValueError(f"initial_state has dims {str(stored['dims'])[:60]}")


def _problem(arrays: Mapping[str, Declared], metadata: Any) -> Known:
    """Kinds and shapes of the arrays of the problem; levels, size and number of correlations."""
    if "equation" not in metadata:
        return problem(arrays, metadata)
    found = _equation(arrays, metadata)
    return found | {"pairs": len(found["levels"])}


def _observed(
    steps: int, levels: list[int], size: int, pairs: int, *, by_level: bool, mode: bool
) -> Known:
    """Kinds and shapes of the observed arrays; a cavity mode is the last of the levels."""
    n = len(levels) - mode
    known: Known = {"times": (_REAL, [(steps,)])}
    for name in ("emission", "excitation"):
        known[name] = known[f"{name}_error"] = (_REAL, [(steps,)])
    for name in ("error_estimate", "coincidence_rate", "coincidence_error"):
        known[name] = (_REAL, [(steps,)])
    per_level = (steps, n, max(levels)) if by_level else (steps, n)
    known["populations"] = known["populations_error"] = (_REAL, [per_level])
    known["photons"] = (_REAL, [(steps,)])
    known["correlations"] = (_COMPLEX, [(steps, pairs, pairs)])
    known["states"] = (_COMPLEX, [(steps, size, size)])
    known["last_state"] = (_COMPLEX, [(1, size, size)])
    known["initial_state"] = (_COMPLEX, [(size, 1), (size, size)])
    return known


def _equation(arrays: Mapping[str, Declared], metadata: Any) -> Known:
    stored = metadata["equation"]
    levels = stored.get("dims") if isinstance(stored, dict) else None
    whole = isinstance(levels, list) and all(isinstance(d, int) and d > 0 for d in levels)
    if not whole or not levels:
        raise ValueError("the dims of its equation are no list of whole numbers")
    size = prod(levels)
    jumps = have(arrays, "equation:jumps").shape
    have(arrays, "equation:hamiltonian")
    known: Known = {
        "equation:hamiltonian": (_COMPLEX, [(size, size)]),
        "equation:jumps": (_COMPLEX, [(*jumps[:1], size, size)]),
        "equation:generator": (_COMPLEX, [(size**2, size**2)]),
        "equation:emission": (_COMPLEX, [(size, size)]),
        "equation:frame": (_REAL, [(size,)]),
    }
    if "multilevel" in metadata:
        known["multilevel:positions"] = (_REAL, [(len(levels), 3)])
        for i, n in enumerate(levels):
            known[f"multilevel:energies:{i}"] = (_REAL, [(n,)])
            known[f"multilevel:dipoles:{i}"] = (_COMPLEX, [(n, n, 3)])
        for name in known:
            if name.startswith("multilevel:"):
                have(arrays, name)
    return known | {"levels": levels, "size": size}


def _jumps(arrays: Mapping[str, Declared], name: str) -> tuple[str, list[tuple[int, ...]]]:
    count = have(arrays, "jumps:times").shape[:1]
    found: Known = {
        "jumps:times": (_REAL, [count]),
        "jumps:trajectory": (_WHOLE, [count]),
        "jumps:channels": (_WHOLE, [count]),
        "jumps:n_trajectories": (_WHOLE, [()]),
    }
    for part in found:
        have(arrays, part)
    if name not in found:
        raise ValueError(f"{name[:60]!r} does not belong to such a result")
    return found[name]


def _words(metadata: Any) -> None:
    """Check the metadata that every result has."""
    for name in WORDS:
        if name not in metadata:
            raise ValueError(f"{name} is missing")
        if name == "initial_state" and not isinstance(metadata[name], str):  # since format 4
            _state(metadata[name])
            continue
        kind = {"complete": bool, "diagnostics": dict}.get(name, str)
        if not isinstance(metadata[name], kind):
            raise ValueError(f"{name} is {str(metadata[name])[:60]!r}")
        if kind is str:
            metadata[name].encode()  # fails for text that cannot be printed
    if metadata["frame"] not in _FRAMES:
        raise ValueError(f"frame is {metadata['frame'][:60]!r}")
    accuracy, start = metadata.get("accuracy"), metadata.get("start")
    if accuracy not in (None, *ACCURACIES):
        raise ValueError(f"accuracy is {str(accuracy)[:60]!r}")
    if start is not None and not (number(start) and np.isfinite(start)):
        raise ValueError(f"start is {str(start)[:60]!r}")
    diagnostics = metadata["diagnostics"]
    for name in _NUMBERS:
        value = diagnostics.get(name)
        missing = value is None and (name not in diagnostics or name != "seconds")
        if not missing and not number(value):
            raise ValueError(f"diagnostics: {name} is {str(value)[:60]!r}")
    ended = diagnostics.get("ended", "")
    if not isinstance(ended, str):
        raise ValueError(f"diagnostics: ended is {str(ended)[:60]!r}")
    smallest = diagnostics.get("smallest_eigenvalues", [])
    if not isinstance(smallest, list) or not all(number(x) for x in smallest):
        raise ValueError(f"diagnostics: smallest_eigenvalues is {str(smallest)[:60]!r}")
    cited = diagnostics.get("cite", [])
    if not isinstance(cited, list) or not all(isinstance(each, str) for each in cited):
        raise ValueError(f"diagnostics: cite is {str(cited)[:60]!r}")


def _state(stored: Any) -> None:
    """Check what the metadata hold of the initial state.

    It is a state of the package, the dims of a QuTiP state, or a text.
    """
    if isinstance(stored, dict):
        kind, parameters = stored.get("state"), stored.get("parameters")
        if set(stored) == {"dims"}:
            return
        if set(stored) == {"text"} and isinstance(stored["text"], str):
            stored["text"].encode()
            return
        ours = kind in [own.__name__ for own in OWN]
        if set(stored) == {"state", "parameters"} and ours and isinstance(parameters, dict):
            return
    raise ValueError(f"initial_state is {str(stored)[:60]!r}")


def _levels(metadata: Any) -> Any:
    """How many levels each emitter has, (N,) or (1,)."""
    if "channels" in metadata:
        return np.array([len(metadata["channels"]["levels"])])
    return np.array(metadata["equation"]["dims"])


def expectations(arrays: Mapping[str, Any], metadata: Any) -> dict[str, str]:
    """A dictionary from the name of each operator to the name of its array of expectation values.

    The metadata list the names of the operators. Until format 2 they were part of the names of
    arrays.
    """
    if "expect" in metadata:
        return {name: f"expect:{i}" for i, name in enumerate(metadata["expect"])}
    return {name[7:]: name for name in arrays if name.startswith("expect:")}


def _named(arrays: Mapping[str, Declared], metadata: Any) -> None:
    listed = metadata.get("expect", [])
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise ValueError("the names of its operators are no list of words")
    found = expectations(arrays, metadata)
    stored = {name for name in arrays if name.startswith("expect:")}
    if len(set(listed)) != len(listed) or stored != set(found.values()):
        raise ValueError(f"it has {len(stored)} expectation values of {len(listed)} operators")
    if not all(name.isprintable() for name in found):
        raise ValueError("a name of its operators cannot be printed")


def consistent(arrays: Mapping[str, Any], metadata: Any) -> None:
    """Raise ValueError unless the numbers are finite and can be those of one result.

    The standard errors of a single trajectory are not known: they are NaN.
    """
    alone = metadata["diagnostics"].get("n_trajectories") == 1
    for name, array in arrays.items():
        if alone and name.endswith("_error") and np.all(np.isnan(array)):
            continue
        if name in ("populations", "populations_error") and np.ndim(array) == 3:
            levels = _levels(metadata)[:, None]
            if np.any(np.isfinite(array) != (np.arange(array.shape[2]) < levels)):
                raise ValueError(f"{name} is not finite, or has more levels than the emitters")
        elif not np.all(np.isfinite(array)):
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise ValueError(f"{name[:60]}{list(where) or ''} is {np.asarray(array)[where]}")
        if name.endswith(("_error", "_estimate")) and np.any(np.asarray(array) < 0):
            raise ValueError(f"{name} is negative")
    steps = np.diff(arrays["times"])
    if np.any(steps <= 0):
        i = int(np.argmax(steps <= 0))
        raise ValueError(f"times[{i + 1}] does not come after times[{i}]")
    if "jumps:times" in arrays:
        n = int(arrays["jumps:n_trajectories"])
        trajectory, channels = arrays["jumps:trajectory"], arrays["jumps:channels"]
        if n < 0 or np.any((trajectory < 0) | (trajectory >= n)) or np.any(channels < 0):
            raise ValueError(f"jumps belong to no channel or none of {n} trajectories")
