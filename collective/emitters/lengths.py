"""Checks of distances between emitters: positions that coincide, lengths in a wrong unit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.warn import warn
from collective.emitters import Emitters
from collective.errors import UnitWarning

_LONGEST = 1e4  # wavelengths; a longer length, or one below the inverse, is probably a wrong unit
_DISTANT = 100.0  # wavelengths between neighbours, above which wrong units are suspected
_WEAK = 0.01  # couplings in units of the decay rate, below which emitters are independent
_LARGEST_SHIFT = 1e9  # linewidths
_COINCIDENT = 1e-10  # in wavelengths; below it the dipole-dipole shift exceeds 10²⁶ linewidths
_ORTHOGONAL = 1e-12  # |u*·u'| below which two dipoles at the same place do not interact
_INTENDED = "If it is intended: warnings.simplefilter('ignore', co.UnitWarning)"
_WAY_OUT = (
    "Positions in metres need wavelength= in metres: Emitters(positions, wavelength=780e-9), "
    f"or chain(4, 150e-9, wavelength=780e-9). {_INTENDED}"
)


def nearest_apart(emitters: Emitters) -> float:
    """The smallest distance between emitters at different places; ∞ if all are at one place."""
    distance, _ = emitters.nearest_pair()
    if distance > 0:
        return distance
    return Emitters(np.unique(emitters.positions, axis=0)).nearest_pair()[0]


def refuse_coincident(emitters: Emitters) -> None:
    """Raise if two emitters are at one place, unless their dipoles do not interact there."""
    distance, pair = emitters.nearest_pair()
    closest = _COINCIDENT * emitters.wavelength
    if distance >= closest:
        return
    _refuse_overlap(emitters, *pair)
    from scipy.spatial import cKDTree

    for m, n in sorted(cKDTree(emitters.positions).query_pairs(closest)):
        _refuse_overlap(emitters, m, n)


def _refuse_overlap(emitters: Emitters, m: int, n: int) -> None:
    """Raise unless emitters m and n are at exactly one place and have orthogonal dipoles."""
    separation = emitters.positions[m] - emitters.positions[n]
    overlap = abs(np.vdot(emitters.dipoles[m], emitters.dipoles[n]))
    if overlap > _ORTHOGONAL or np.any(separation != 0):
        raise ValueError(
            f"emitters {m} and {n} coincide (distance {np.linalg.norm(separation):g}): their shift "
            "diverges; move one, or give your own matrices to Couplings(decay, shift). The shift "
            "is finite only for orthogonal dipoles at exactly the same place; here |u*·u'| is "
            f"{overlap:.3g}"
        )


def warn_of_lengths(emitters: Emitters) -> float:
    """Warn if the distances between emitters are far from the size of a wavelength.

    Returns the smallest distance between emitters at different places, in wavelengths.
    """
    nearest = nearest_apart(emitters)
    what = "positions: the distance of the nearest emitters is"
    _warn_of_length(what, nearest, emitters.wavelength)
    return nearest / emitters.wavelength


def warn_of_field_lengths(lengths: Mapping[str, float], wavelength: float) -> None:
    """Warn of lengths of a field, by name, that look as if they were in another unit."""
    for name, length in lengths.items():
        _warn_of_length(f"field: its {name} is", length, wavelength)


def _warn_of_length(what: str, length: float, wavelength: float) -> None:
    """Warn of a finite length that is far from the wavelength."""
    if np.isfinite(length) and not 1 / _LONGEST <= length / wavelength <= _LONGEST:
        warn(
            f"{what} {length:.3g}, which is {length / wavelength:.3g} wavelengths of "
            f"{wavelength:g}: do all lengths have the same unit? {_WAY_OUT}",
            UnitWarning,
        )


def warn_of_spacing(spacing: float) -> None:
    """Warn if the spacing of a lattice is probably not in wavelengths but in another unit."""
    if not 1 / _LONGEST <= spacing <= _LONGEST:
        warn(
            f"spacing: {spacing:.3g} wavelengths between neighbours: is it in another unit? Divide "
            f"it by the wavelength: 532e-9/780e-9, not 532e-9. {_INTENDED}",
            UnitWarning,
        )


def warn_of_waist(waist: float, wavelength: float) -> None:
    """Warn if the waist of a beam is far from the size of a wavelength."""
    if not 1 / _LONGEST <= waist / wavelength <= _LONGEST:
        warn(
            f"waist: {waist:.3g} is {waist / wavelength:.3g} wavelengths of {wavelength:g}: does "
            f"it have the same unit as the emitters' wavelength? {_INTENDED}",
            UnitWarning,
        )


def warn_of_couplings(
    decay: NDArray[Any], shift: NDArray[Any], emitters: Emitters, field: Any, *, absolute: bool
) -> None:
    """Warn if Γ and Δ look as if positions and wavelength had different units.

    Args:
        decay: Γ, (N, N).
        shift: Δ, (N, N).
        emitters: N of them.
        field: that couples them.
        absolute: whether the linewidths of the emitters do not enter Γ, as in a model.
    """
    nearest = warn_of_lengths(emitters)
    own = np.abs(np.diag(decay)).max()
    if _DISTANT < nearest <= _LONGEST:
        others = max(np.abs(m - np.diag(np.diag(m))).max() for m in (decay, shift))
        if others < _WEAK * own:
            warn(
                f"emitters: the nearest are {nearest:.3g} wavelengths apart, so they are almost "
                f"independent (their couplings are {others:.1e}, their rates {own:.3g}): do "
                f"positions and wavelength have the same unit? {_WAY_OUT}",
                UnitWarning,
            )
    largest = float(np.abs(shift).max())
    if len(emitters) > 1 and own == largest == 0 and np.any(emitters.decay_rates):
        far_below = (
            "as they are far below a cutoff: is its wave number in the inverse unit of the "
            f"emitters' wavelength, {emitters.wavelength:g}?"
        )
        why = "as its own numbers say: is one of them zero?" if absolute else far_below
        warn(
            f"field: in {field!r} all decay rates and couplings are zero, {why} {_INTENDED}",
            UnitWarning,
        )
    linewidth = max(float(emitters.decay_rates.max()), own if absolute else 0.0)
    limit, name = _LARGEST_SHIFT * linewidth, "10⁹ linewidths"
    if emitters.frequency is not None and emitters.frequency < limit:
        limit, name = emitters.frequency, "the transition's frequency"
    if largest > limit and nearest >= 1 / _LONGEST:  # closer ones have had a warning already
        warn(
            f"emitters: a shift of {largest:.3g} is above {limit:.3g}, {name}, where "
            f"two-level emitters are a poor model: check the units of positions, wavelength and "
            f"frequency. {_WAY_OUT}",
            UnitWarning,
        )
