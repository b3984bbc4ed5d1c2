"""Long runs are written to a file while they run, and the same call continues from the file.

A file is continued only by the problem, the engine and the release that wrote it. Otherwise an
error says what differs.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from collective._tools import checks
from collective._tools.files import completed
from collective._tools.version import __version__
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.with_mode import CavityCouplings
from collective.engines.base import Engine, identity
from collective.engines.request import Request
from collective.errors import EngineContractError, ProblemTooLargeError
from collective.master.equation import MasterEquation
from collective.pulse import Controls, Pulse, Table
from collective.results.result import Result, loaded
from collective.states import State

LAYOUT = 5  # of `Result.resume` and `fingerprint`: increase it when one of them changes


def fingerprint(request: Request, engine: Engine) -> str:
    """A digest of the whole problem, so that no other problem continues a checkpoint."""
    import hashlib

    parts: tuple[Any, ...] = (
        request.problem,
        request.state,
        request.times,
        request.operators,
        request.pulse,
        sorted(request.words),
        (request.rtol, request.atol),
        (identity(engine), None if engine.accuracy == "exact" else request.seed),
    )
    if request.controls is not None:
        parts = (*parts, request.recorded)

    digest = hashlib.sha256()

    def add(part: Any) -> None:
        if isinstance(part, MasterEquation):
            add(part.dims)
            add(part.hamiltonian())
            add(part.liouvillian() if not part.of_lindblad_form else "Lindblad")
            for jump in part.collapse_operators() if part.of_lindblad_form else []:
                add(jump)
            add(part.emission_operator)
            system = part.multilevel
            if system is not None:  # which level is "inverted", the phases of timed_dicke
                for energies in system.energies:
                    add(energies)
                add(system.positions)
        elif isinstance(part, State):
            add(type(part).__qualname__)
            if is_dataclass(part):  # because the repr of a large array leaves numbers out
                add({each.name: getattr(part, each.name) for each in fields(part)})
            else:
                add(repr(part))
        elif isinstance(part, Couplings):
            for name in ("decay", "shift", "detunings", "dephasing", "pump", "drive"):
                add(getattr(part, name))
            if part.ising is not None:
                add(("Ising", checks.constant(part.ising)))
                add(part.ising)
            if part.thermal_photons:
                add(("thermal photons", part.thermal_photons))
            if part.emitters is not None:  # the phases of timed_dicke
                add(part.emitters.positions)
        elif isinstance(part, CavityCouplings):
            add(part.couplings)
            add(("mode", repr(part.mode), part.photons))
        elif isinstance(part, Controls):
            for each in (*part.drive, part.detunings, part.strength):
                add(each)
        elif isinstance(part, Pulse | Table):
            add({each.name: getattr(part, each.name) for each in fields(part)})
        elif isinstance(part, ChannelCouplings):
            for name in ("decay", "shift", "ground_shift", "detunings", "drive"):
                add(getattr(part, name))
            for name in ("positions", "levels", "excited", "lowering", "energies"):
                add(getattr(part.atoms, name))
        elif isinstance(part, LatticeMatrix):
            add((part.sites.shape, part.sites.places is None))
            if part.sites.places is not None:
                add(part.sites.places)
            add(part.kernel)
        elif isinstance(part, np.ndarray) and checks.constant(part):
            add((part.shape, complex(part[0, 0])))
        elif isinstance(part, np.ndarray):
            digest.update(repr(part.shape).encode())
            digest.update(np.ascontiguousarray(part, dtype=complex).tobytes())
        elif isinstance(part, Mapping):
            for name in sorted(part):
                add(name)
                add(part[name])
        elif hasattr(part, "full"):
            add(part.dims)
            add(part.full())
        else:
            digest.update(repr(part).encode())

    for part in parts:
        add(part)
    return digest.hexdigest()


def marks(request: Request, engine: Engine) -> dict[str, Any]:
    """Entries of `Result.diagnostics` by which a checkpoint is recognised."""
    return {"problem": fingerprint(request, engine), "layout": LAYOUT}


def stored(path: str | os.PathLike[str]) -> Result | None:
    """The result in a checkpoint, of any problem, or None if there is no file yet."""
    source = completed("checkpoint", path, ".npz")
    try:
        return loaded(source)
    except FileNotFoundError:
        return None
    except ProblemTooLargeError:
        raise
    except ValueError as error:
        raise ValueError(f"checkpoint: {error}; choose another file") from None


def same(
    found: Result | None, path: str | os.PathLike[str], request: Request, engine: Engine
) -> Result | None:
    """The stored result if this problem, engine and release made it; else a ValueError."""
    if found is None:
        return None
    diagnostics, name = found.diagnostics, "collective-emission"
    versions = diagnostics.get("versions")
    made_by = versions.get(name) if isinstance(versions, dict) else None
    if diagnostics.get("layout") != LAYOUT or made_by != __version__:
        raise ValueError(
            f"checkpoint {path} was written by {name} {made_by or 'of an unknown version'} with "
            f"layout {diagnostics.get('layout', 1)}, this is {__version__} with layout "
            f"{LAYOUT}: finish it with the release that wrote it, or choose another file"
        )
    if diagnostics.get("problem") != fingerprint(request, engine):
        other = f"method (it was made by {found.method!r})"
        by = f" or {other if found.method != engine.name else 'to other options of the method'}"
        raise ValueError(f"checkpoint {path} belongs to another problem{by}; choose another file")
    reached = len(found.times)
    done = reached == len(request.times) and not found.resume
    if found.complete != done or not np.array_equal(found.times, request.times[:reached]):
        raise ValueError(
            f"checkpoint {path} is damaged: its times are not the first {reached} of this run; "
            "choose another file"
        )
    return found


@contextmanager
def continuing(path: str | os.PathLike[str] | None) -> Iterator[None]:
    """A context in which errors of an engine that cannot continue also name the file."""
    try:
        yield
    except (ProblemTooLargeError, EngineContractError):
        raise
    except (LookupError, StopIteration, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"checkpoint {path} cannot be continued: {str(error) or type(error).__name__}; choose "
            "another file"
        ) from error
