"""Checked inputs of observables; an error says how to get what is missing."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couple import couple
from collective.couplings.couplings import Couplings, require_markov
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.modes import emitting
from collective.couplings.with_mode import CavityCouplings
from collective.emitters import Atoms, Emitters
from collective.fields import Vacuum
from collective.fields.answers import has_far_field
from collective.results.jumps import Jumps
from collective.results.result import Result

if TYPE_CHECKING:
    from qutip import Qobj


_COINCIDENT = 1e-10  # wavelengths between a point and an emitter, as between two emitters
_SAME_DECAY = 1e-6  # relative error of a Γ that went through a file or another program


def correlations(result: Result, observable: str) -> NDArray[np.complex128]:
    """⟨σ⁺_mσ⁻_n⟩ of a result, (T, N, N)."""
    require_cold(two_level(result, observable), observable)
    if result.method == "retarded":
        raise ValueError(
            f"{observable} takes the correlations at one time, but light of a result of method "
            "'retarded' needs time to arrive: use its emission, populations and correlations"
        )
    if result.controls is not None and result.controls.strength is not None:
        raise ValueError(
            f"{observable} takes Γ of the couplings, but in this run the strength of the coupling "
            "changed in time: use the emission, the populations and the correlations of the result"
        )
    if result.correlations is None:
        raise ValueError(f"{observable} needs correlations: evolve(..., observe=('correlations',))")
    return result.correlations


def channels(result: Result, observable: str) -> ChannelCouplings:
    """The couplings of the atoms with manifolds of a result."""
    checks.instance("result", result, Result, "co.evolve(...)")
    if not isinstance(result.couplings, ChannelCouplings):
        raise ValueError(
            f"{observable} is defined for atoms with manifolds evolved from ChannelCouplings: "
            "co.couple(co.atoms(...), field) makes them"
        )
    return result.couplings


def channel_correlations(result: Result, observable: str) -> NDArray[np.complex128]:
    """⟨σ⁺_cσ⁻_c'⟩ of a result of atoms with manifolds, (T, N·C, N·C)."""
    channels(result, observable)
    if result.correlations is None:
        raise ValueError(f"{observable} needs correlations: evolve(..., observe=('correlations',))")
    return result.correlations


def require_matrices(couplings: Couplings, observable: str) -> None:
    """Raise for couplings of a lattice without N × N matrices: they may have 10⁵ emitters.

    Couplings whose Γ and Δ describe nothing are refused as well.
    """
    require_markov(observable, couplings)
    if isinstance(couplings.decay, LatticeMatrix):
        n = len(couplings)
        raise ValueError(
            f"{observable} needs the {n:,} × {n:,} matrices and N³ operations, but these couplings "
            "of a lattice are stored by displacement: couple(..., by_displacement=False) makes the "
            "matrices"
        )


def states(result: Result, observable: str) -> "list[Qobj]":
    """Density matrices of a result, one for each of its T times."""
    checks.instance("result", result, Result, "co.evolve(...)")
    if result.states is None:
        raise ValueError(
            f"{observable} needs states: evolve(..., observe=('states',)) with an engine that "
            "keeps the density matrix ('exact', 'driven'), or moment(..., states=True); this "
            f"result comes from {result.method!r}"
        )
    return result.states


def photons(result: Result, observable: str) -> Jumps:
    """The jumps of trajectories that are photons, without those of dephasing and pump."""
    checks.instance("result", result, Result, "co.evolve(...)")
    of_atoms = isinstance(result.couplings, ChannelCouplings)  # whose jumps are all photons
    evolved = None if of_atoms else two_level(result, observable)
    if result.jumps is None:
        raise ValueError(
            f"{observable} needs jumps: evolve(..., method='trajectories'); this result comes "
            f"from {result.method!r}{without_jumps(result)}"
        )
    jumps = result.jumps
    if evolved is not None:
        require_cold(evolved, observable)
    if evolved is None or not (np.any(evolved.dephasing) or np.any(evolved.pump)):
        return jumps
    # channels are numbered like collapse operators: first photons, without rates of round-off size
    rates = np.linalg.eigh(evolved.decay)[0]
    kept = jumps.channels < np.count_nonzero(emitting(rates))
    return Jumps(
        jumps.trajectory[kept], jumps.times[kept], jumps.channels[kept], jumps.n_trajectories
    )


def without_jumps(result: Result) -> str:
    """Why a result of trajectories may have no jumps, for errors; empty for other reasons."""
    return "" if result.start is None else ", cut by Result.at, which leaves the jumps out"


def require_cold(couplings: Couplings, observable: str) -> None:
    """Raise for emitters in thermal light: a detector would see that light too.

    Couplings whose Γ and Δ describe nothing are refused as well.
    """
    require_markov(observable, couplings)
    if couplings.thermal_photons:
        raise ValueError(
            f"{observable} is defined for the light of the emitters alone, but these emitters are "
            f"in thermal light of {couplings.thermal_photons:.4g} photons per mode: use the "
            "populations, emission and expectation values of a result, or couplings at "
            "temperature 0"
        )


def emitters(couplings: Couplings, observable: str) -> Emitters:
    """The emitters of couplings, with positions and dipoles."""
    if couplings.emitters is None:
        raise ValueError(
            f"{observable} needs positions and dipoles: co.couple(emitters, field), or "
            "Couplings(..., emitters=...)"
        )
    return couplings.emitters


def radiating(couplings: Couplings, observable: str) -> tuple[Emitters, Any]:
    """Positions and dipoles of emitters, and the field that says what they send far away."""
    found = emitters(couplings, observable)
    if couplings.field is None:
        return in_vacuum(couplings, observable), Vacuum()
    require_cold(couplings, observable)
    _require_far_field(couplings.field, found.kind, observable)
    return found, couplings.field


def radiating_atoms(channels: ChannelCouplings, observable: str) -> tuple[Atoms, Any]:
    """Atoms with manifolds, and the field that says what they send far away."""
    if channels.field is None:
        _require_decay_of_vacuum(channels, channels.atoms, observable)
        return channels.atoms, Vacuum()
    _require_far_field(channels.field, "electric", observable)
    return channels.atoms, channels.field


def _require_far_field(field: Any, kind: str, observable: str) -> None:
    """Raise for a field that does not give its far field."""
    if not has_far_field(field, kind):
        member = "far_field" if kind == "electric" else "magnetic_far_field"
        raise ValueError(
            f"{observable} needs the far field of {kind} dipoles, which {field!r} "
            f"does not give: define {member}(directions, r_source, k), or take "
            "near_field(result, points), which works in any field with a Green's tensor"
        )


def in_vacuum(couplings: Couplings, observable: str) -> Emitters:
    """The emitters of couplings, whose light leaves through free space.

    Couplings without a field, made by hand or loaded from a file, must have the Γ of vacuum;
    each emitter may have further losses of its own.
    """
    found = emitters(couplings, observable)
    require_cold(couplings, observable)
    if couplings.field is None:
        _require_decay_of_vacuum(couplings, found, observable)
    elif not isinstance(couplings.field, Vacuum):
        raise ValueError(
            f"{observable} is the far field in free space, but the field of these couplings is "
            f"{couplings.field!r}: near_field(result, points) works in any field with a "
            "Green's tensor"
        )
    return found


def _require_decay_of_vacuum(
    couplings: Couplings | ChannelCouplings, emitters: Emitters | Atoms, observable: str
) -> None:
    """Raise for couplings without a field whose Γ is not that of vacuum, but for own losses."""
    extra = couplings.decay - couple(emitters, Vacuum()).decay
    own = np.diag(extra).real
    shared = np.abs(extra - np.diag(own)).max(initial=0.0)
    wrong = max(shared, -own.min())
    if wrong > _SAME_DECAY * np.abs(couplings.decay).max():
        raise ValueError(
            f"{observable} is defined in free space, but these couplings have no field, and "
            f"their decay rates differ from those in vacuum by {wrong:.2g}: use "
            "co.couple(emitters, co.Vacuum()), or near_field(result, points, field=...)"
        )


def directions(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Unit vectors (D, 3) along vectors of any length but zero; an empty list gives (0, 3)."""
    array = checks.finite(name, value, largest=np.inf)
    if array.shape == (0,):
        array = array.reshape(0, 3)
    if array.shape == (3,):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"{name} must have shape (D, 3) or (3,), got {array.shape}")
    largest = np.abs(array).max(axis=1)
    if np.any(largest == 0):
        which = int(np.argmin(largest))
        raise ValueError(f"{name}[{which}] is the zero vector, which has no direction")
    array = array / largest[:, None]  # first, so that no square overflows or underflows
    return np.asarray(array / np.linalg.norm(array, axis=1)[:, None])


def require_apart(
    points: NDArray[np.float64], positions: NDArray[np.float64], wavelength: float
) -> None:
    """Raise if one of the points (P, 3) is at an emitter."""
    from scipy.spatial import cKDTree

    distances, nearest = cKDTree(positions).query(points)
    p = int(np.argmin(distances))
    if distances[p] < _COINCIDENT * wavelength:
        raise ValueError(
            f"points: {points[p]} is at emitter {nearest[p]} (distance {distances[p]:.3g}), where "
            "its field diverges; move the point away"
        )


def emitter(name: str, index: Any, count: int) -> int:
    """The index of an emitter, 0 … N − 1."""
    return checks.index(name, index, count)


def delays(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Delays τ ≥ 0, increasing from 0 or later, (K,)."""
    array = np.atleast_1d(checks.finite(name, value, largest=np.inf))
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"{name} must be one row of numbers, got shape {array.shape}")
    if array[0] < 0 or np.any(np.diff(array) <= 0):
        raise ValueError(
            f"{name} must increase, from 0 or later; got numbers from {array[0]:g} to {array[-1]:g}"
        )
    return array


def two_level(result: Result, observable: str) -> Couplings:
    """The couplings of the two-level emitters of a result."""
    checks.instance("result", result, Result, "co.evolve(...)")
    if result.couplings is None:
        raise ValueError(
            f"{observable} is defined for two-level emitters evolved from Couplings, not for a "
            "MasterEquation: use expectation values of the result's states"
        )
    if isinstance(result.couplings, ChannelCouplings):
        raise ValueError(
            f"{observable} is defined for two-level emitters evolved from Couplings, not for atoms "
            f"with {len(result.couplings.atoms.levels)} levels: use the populations and "
            "correlations of the result"
        )
    if isinstance(result.couplings, CavityCouplings):
        raise ValueError(
            f"{observable} is defined for emitters without a cavity mode, but this result is of "
            "CavityCouplings: use its photons, populations and correlations, or couplings after "
            "CavityCouplings.adiabatic()"
        )
    found: Couplings = result.couplings
    return found
