"""What an observable needs of a result, or an error that says how to get it."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.couplings.couple import couple
from collective.couplings.couplings import Couplings
from collective.couplings.modes import emitting
from collective.emitters import Emitters
from collective.fields import Vacuum
from collective.fields.answers import has_far_field
from collective.results.jumps import Jumps
from collective.results.result import Result

if TYPE_CHECKING:
    from qutip import Qobj


_COINCIDENT = 1e-10  # in wavelengths, as for emitters themselves
_SAME_DECAY = 1e-6  # relative, of a Γ that went through a file or another program


def correlations(result: Result, observable: str) -> NDArray[np.complex128]:
    """⟨σ⁺_mσ⁻_n⟩, (T, N, N)."""
    cold(two_level(result, observable), observable)
    if result.correlations is None:
        raise ValueError(f"{observable} needs correlations: evolve(..., observe=('correlations',))")
    return result.correlations


def states(result: Result, observable: str) -> "list[Qobj]":
    """Density matrices at every time."""
    checks.instance("result", result, Result, "co.evolve(...)")
    if result.states is None:
        raise ValueError(
            f"{observable} needs states: evolve(..., observe=('states',)) with an engine that "
            f"keeps the density matrix ('exact', 'driven'); this result is of {result.method!r}"
        )
    return result.states


def photons(result: Result, observable: str) -> Jumps:
    """The jumps of trajectories that are photons: not those of dephasing or a pump."""
    evolved = two_level(result, observable)
    if result.jumps is None:
        raise ValueError(
            f"{observable} needs jumps: evolve(..., method='trajectories'); this result is of "
            f"{result.method!r}"
        )
    jumps = result.jumps
    if not (np.any(evolved.dephasing) or np.any(evolved.pump)):
        return jumps
    # numbered as the collapse operators are, photons first, those of round-off size left out
    rates = np.linalg.eigh(evolved.decay)[0]
    kept = jumps.channels < np.count_nonzero(emitting(rates))
    return Jumps(
        jumps.trajectory[kept], jumps.times[kept], jumps.channels[kept], jumps.n_trajectories
    )


def cold(couplings: Couplings, observable: str) -> None:
    """Raise for emitters in thermal light, which a detector would see beside their own."""
    if couplings.thermal_photons:
        raise ValueError(
            f"{observable} is the light of emitters alone, these are in thermal light of "
            f"{couplings.thermal_photons:.4g} photons per mode: take populations, the emission and "
            "expectation values, or couplings at temperature 0"
        )


def emitters(couplings: Couplings, observable: str) -> Emitters:
    """Positions and dipoles."""
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
    cold(couplings, observable)
    if not has_far_field(couplings.field, found.kind):
        member = "far_field" if found.kind == "electric" else "magnetic_far_field"
        raise ValueError(
            f"{observable} needs the far field of {found.kind} dipoles, which {couplings.field!r} "
            f"does not give: define {member}(directions, r_source, k), or take "
            "near_field(result, points), which works in any field"
        )
    return found, couplings.field


def in_vacuum(couplings: Couplings, observable: str) -> Emitters:
    """Positions and dipoles of emitters whose light leaves through free space.

    Couplings that know no field, made by hand or loaded, must have the vacuum's Γ; losses of
    each emitter by itself may come on top.
    """
    found = emitters(couplings, observable)
    cold(couplings, observable)
    if couplings.field is None:
        extra = couplings.decay - couple(found, Vacuum()).decay
        own = np.diag(extra).real
        shared = np.abs(extra - np.diag(own)).max(initial=0.0)
        wrong = max(shared, -own.min())
        if wrong > _SAME_DECAY * np.abs(couplings.decay).max():
            raise ValueError(
                f"{observable} is the light of free space, but the field of these couplings is not "
                f"known and their decay rates differ from the vacuum's by {wrong:.2g}: "
                "co.couple(emitters, co.Vacuum()), or near_field(result, points, field=...)"
            )
    elif not isinstance(couplings.field, Vacuum):
        raise ValueError(
            f"{observable} is the far field of free space, not of {couplings.field!r}: "
            "near_field(result, points) works in any field"
        )
    return found


def directions(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Unit vectors (D, 3) from vectors of any length but zero; none from an empty list."""
    array = checks.finite(name, value, largest=np.inf)
    if array.shape == (0,):
        array = array.reshape(0, 3)
    if array.shape == (3,):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"{name} must have shape (D, 3) or (3,), got {array.shape}")
    largest = np.abs(array).max(axis=1)
    if np.any(largest == 0):
        raise ValueError(f"{name}[{int(np.argmin(largest))}] is the zero vector: no direction")
    array = array / largest[:, None]  # first, so that no square over- or underflows
    return np.asarray(array / np.linalg.norm(array, axis=1)[:, None])


def apart(points: NDArray[np.float64], positions: NDArray[np.float64], wavelength: float) -> None:
    """Raise for a point at an emitter."""
    from scipy.spatial import cKDTree

    distances, nearest = cKDTree(positions).query(points)
    p = int(np.argmin(distances))
    if distances[p] < _COINCIDENT * wavelength:
        raise ValueError(
            f"points: {points[p]} is at emitter {nearest[p]} (distance {distances[p]:.3g}), where "
            "its field diverges; leave a distance"
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
            f"{name} must increase from zero or later, these are {array[0]:g} … {array[-1]:g}"
        )
    return array


def two_level(result: Result, observable: str) -> Couplings:
    """The couplings of two-level emitters that were evolved."""
    checks.instance("result", result, Result, "co.evolve(...)")
    if result.couplings is None:
        raise ValueError(
            f"{observable} is defined for two-level emitters evolved from Couplings, not for a "
            "MasterEquation: take expectation values of its states"
        )
    found: Couplings = result.couplings
    return found
