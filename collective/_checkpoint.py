"""Long runs are kept in a file as they go and continued from it by the same call."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from collective import _checks
from collective._requests import Request
from collective.couplings import Couplings
from collective.master import MasterEquation
from collective.result import Result, load


def fingerprint(request: Request, method: str) -> str:
    """A digest of the whole problem, so that a checkpoint is only continued by its own."""
    import hashlib

    parts = (
        request.problem,
        request.state,
        request.times,
        request.operators,
        request.pulse,
        sorted(request.words),
        (request.rtol, request.atol, request.symmetries),
        (method, request.seed, request.n_trajectories) if method == "trajectories" else method,
    )

    digest = hashlib.sha256()

    def add(part: Any) -> None:
        if isinstance(part, MasterEquation):
            add(part.hamiltonian())
            add(part.liouvillian() if not part.of_lindblad_form else "Lindblad")
            for jump in part.collapse_operators() if part.of_lindblad_form else []:
                add(jump)
        elif isinstance(part, Couplings):
            for name in ("decay", "shift", "detunings", "dephasing", "pump", "drive"):
                add(getattr(part, name))
            if part.thermal_photons:
                add(("thermal photons", part.thermal_photons))
            if part.emitters is not None:  # the phases of timed_dicke
                add(part.emitters.positions)
        elif isinstance(part, np.ndarray) and _checks.constant(part):
            add((part.shape, complex(part[0, 0])))
        elif isinstance(part, np.ndarray):
            digest.update(np.ascontiguousarray(part, dtype=complex).tobytes())
        elif isinstance(part, Mapping):
            for name in sorted(part):
                add(name)
                add(part[name].full())
        elif hasattr(part, "full"):
            add(part.full())
        else:
            digest.update(repr(part).encode())

    for part in parts:
        add(part)
    return digest.hexdigest()


def stored(path: str | os.PathLike[str]) -> Result | None:
    """The result kept in a checkpoint, of whatever problem, or None if there is none yet."""
    if not isinstance(path, str | os.PathLike):
        raise ValueError(f"checkpoint must be a file name, got {path!r}")
    try:
        return load(path)
    except FileNotFoundError:
        return None


def same(
    found: Result | None, path: str | os.PathLike[str], problem: str, method: str
) -> Result | None:
    """What was found, if it is of this problem and engine; ValueError if it is of another."""
    if found is None or found.diagnostics.get("problem") == problem:
        return found
    by = "" if found.method == method else f" or method (it was made by {found.method!r})"
    raise ValueError(f"checkpoint {path} belongs to another problem{by}; choose another file")
