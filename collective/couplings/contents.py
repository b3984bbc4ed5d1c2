"""What a file of couplings must hold: names, kinds and shapes of its arrays, and its metadata."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from collective._tools.archive import Declared

COUPLING_ARRAYS = ("decay", "shift", "detunings", "dephasing", "pump", "drive")
EMITTER_ARRAYS = ("positions", "dipoles", "decay_rates", "detunings")
CHANNEL_ARRAYS = ("decay", "shift", "ground_shift", "detunings", "drive")
ATOM_ARRAYS = ("positions", "excited", "lowering", "linewidths", "wavenumbers", "energies", "axis")
FIELD = "field:"  # how the names of large arrays of a field begin
REAL, COMPLEX, WHOLE = "f", "fc", "iu"

Known = dict[str, Any]


def problem(arrays: Mapping[str, Declared], metadata: Any) -> Known:
    """Kinds and shapes of the arrays of couplings, by name; levels, size, number of correlations.

    Raises:
        ValueError: if one is missing, or does not belong to the others.
    """
    if "channels" in metadata:
        return of_channels(arrays, metadata)
    if "mode" in metadata:
        return of_mode(arrays, metadata)
    found = of_couplings(arrays, metadata)
    return found | {"pairs": len(found["levels"])}


def require_fit(declared: Declared, name: str, known: Known) -> None:
    """Raise ValueError unless an array has a kind and a shape that are known to be right."""
    if name.startswith(FIELD) and FIELD in known:  # the field itself knows which shapes are right
        kinds, shapes = COMPLEX, [declared.shape]
    elif name in known:
        kinds, shapes = known[name]
    else:
        raise ValueError(f"{name[:60]!r} does not belong to such couplings")
    if declared.kind not in kinds:
        raise ValueError(f"{name[:60]} has numbers of kind {declared.kind!r}, not {kinds!r}")
    if declared.shape not in shapes:
        raise ValueError(f"{name[:60]} has shape {declared.shape}, not {shapes[0]}")


def of_couplings(arrays: Mapping[str, Declared], metadata: Any) -> Known:
    """`Couplings`, with the emitters if they are known."""
    detunings = have(arrays, "couplings:detunings").shape
    if len(detunings) != 1 or detunings[0] < 1:
        raise ValueError(f"couplings:detunings has shape {detunings}, not (N,)")
    n = detunings[0]
    known: Known = {f"couplings:{name}": (REAL, [(n,)]) for name in COUPLING_ARRAYS}
    known["couplings:drive"] = (COMPLEX, [(n,)])
    for name in ("pump", "dephasing"):  # a matrix where emitters share the noise
        known[f"couplings:{name}"] = (COMPLEX, [(n,), (n, n), ()])
    shapes = [(n, n), ()] if "lattice" not in metadata else [_kernel(metadata["lattice"], n)]
    for name in ("decay", "shift"):  # one number where all are the same
        known[f"couplings:{name}"] = (COMPLEX, shapes)
    if "couplings:ising" in arrays:
        known["couplings:ising"] = (REAL, [(n, n), ()])
    if "lattice" in metadata:
        # the site of each emitter; in older files the emitter on each site
        given = [name for name in ("couplings:places", "couplings:order") if name in arrays]
        if not given and prod(metadata["lattice"]) != n:
            raise ValueError("couplings:places is missing")
        known |= {name: (WHOLE, [(n,)]) for name in given}
    if "emitters" in metadata:
        known |= {f"emitters:{name}": (REAL, [(n,)]) for name in EMITTER_ARRAYS}
        known["emitters:positions"] = (REAL, [(n, 3)])
        known["emitters:dipoles"] = (COMPLEX, [(n, 3)])
    for name in known:
        have(arrays, name)
    return known | {"levels": [2] * n, "size": 2**n if n < 64 else 0}


def of_mode(arrays: Mapping[str, Declared], metadata: Any) -> Known:
    """Emitters with a cavity mode, which is the last factor of a state."""
    stored = metadata["mode"]
    photons = stored.get("photons") if isinstance(stored, dict) else None
    if not isinstance(photons, int) or isinstance(photons, bool) or photons < 1:
        raise ValueError(f"the largest photon number of its mode is {str(photons)[:60]!r}")
    for name in ("linewidth", "detuning"):
        if not number(stored.get(name)):
            raise ValueError(f"the {name} of its mode is {str(stored.get(name))[:60]!r}")
    found = of_couplings(arrays, metadata)
    n = len(found["levels"])
    found |= {"mode:coupling": (COMPLEX, [(), (n,)]), "mode:drive": (COMPLEX, [()])}
    for name in ("mode:coupling", "mode:drive"):
        have(arrays, name)
    size = found["size"] * (photons + 1)
    return found | {"levels": [*found["levels"], photons + 1], "size": size, "pairs": n}


def of_channels(arrays: Mapping[str, Declared], metadata: Any) -> Known:
    """`ChannelCouplings` and their atoms."""
    stored = metadata["channels"]
    names = stored.get("levels") if isinstance(stored, dict) else None
    if not isinstance(names, list) or not names or not all(isinstance(x, str) for x in names):
        raise ValueError("the names of the levels of its atoms are no list of words")
    positions = have(arrays, "atoms:positions").shape
    linewidths = have(arrays, "atoms:linewidths").shape
    if len(positions) != 2 or positions[0] < 1 or len(linewidths) != 1 or linewidths[0] < 1:
        raise ValueError(f"atoms:positions has shape {positions}, not (N, 3)")
    n, lines, count = positions[0], linewidths[0], len(names)
    each = 3 * lines
    side = n * each
    known: Known = {
        "atoms:positions": (REAL, [(n, 3)]),
        "atoms:excited": (WHOLE, [(count,)]),
        "atoms:lowering": (COMPLEX, [(lines, 3, count, count)]),
        "atoms:linewidths": (REAL, [(lines,)]),
        "atoms:wavenumbers": (REAL, [(lines,)]),
        "atoms:energies": (REAL, [(n, count)]),
        "atoms:axis": (REAL, [(3,)]),
        "channels:decay": (COMPLEX, [(side, side)]),
        "channels:shift": (COMPLEX, [(side, side)]),
        "channels:ground_shift": (COMPLEX, [(n, each, each)]),
        "channels:detunings": (REAL, [(n,)]),
        "channels:drive": (COMPLEX, [(side,)]),
    }
    if "lattice" in metadata:
        kernel = (*_kernel(metadata["lattice"], n), each, each)
        known["channels:decay"] = known["channels:shift"] = (COMPLEX, [kernel])
        if "channels:places" in arrays:
            known["channels:places"] = (WHOLE, [(n,)])
        elif prod(metadata["lattice"]) != n:
            raise ValueError("channels:places is missing")
    for name in known:
        have(arrays, name)
    small = n * np.log2(count) < 64
    return known | {"levels": [count] * n, "size": count**n if small else 0, "pairs": side}


def _kernel(sites: Any, n: int) -> tuple[int, ...]:
    """The shape of a kernel of n emitters on sites, which are listed along each lattice vector."""
    whole = isinstance(sites, list) and all(isinstance(m, int) and m > 0 for m in sites)
    if not whole or prod(sites) < n:
        raise ValueError(f"the sites of its lattice are not those of {n} emitters")
    return tuple(2 * m - 1 for m in sites)


def have(arrays: Mapping[str, Declared], name: str) -> Declared:
    """An array that must be there."""
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    return arrays[name]


def number(value: Any) -> bool:
    """Whether a value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
