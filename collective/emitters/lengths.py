"""Distances of emitters against the wavelength: places that coincide, units that look wrong."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.warn import warn
from collective.emitters import Emitters
from collective.errors import UnitWarning

_FAR = 1e4  # wavelengths, or their inverse: distances that are rather in another unit
_LONELY = 100.0  # wavelengths between neighbours that may be independent by mistake
_INDEPENDENT = 0.01  # of a rate: couplings that hardly show
_LARGEST_SHIFT = 1e9  # linewidths
_COINCIDENT = 1e-10  # in wavelengths; below it the dipole-dipole shift exceeds 10²⁶ linewidths
_ORTHOGONAL = 1e-12  # |u*·u'| of dipoles that do not see each other at one place
_MEANT = "Where it is meant: warnings.simplefilter('ignore', co.UnitWarning)"
_WAY_OUT = (
    "Positions in metres take wavelength= in metres too: Emitters(positions, wavelength=780e-9), "
    f"or chain(4, 150e-9, wavelength=780e-9). {_MEANT}"
)


def nearest_apart(emitters: Emitters) -> float:
    """The smallest distance of emitters that are not at one place, ∞ if there are none."""
    distance, _ = emitters.nearest_pair()
    if distance > 0:
        return distance
    return Emitters(np.unique(emitters.positions, axis=0)).nearest_pair()[0]


def refuse_coincident(emitters: Emitters) -> None:
    """Raise for emitters at one place, unless their dipoles do not see each other's near field."""
    distance, pair = emitters.nearest_pair()
    reach = _COINCIDENT * emitters.wavelength
    if distance >= reach:
        return
    _refuse_overlap(emitters, *pair)
    from scipy.spatial import cKDTree

    for m, n in sorted(cKDTree(emitters.positions).query_pairs(reach)):
        _refuse_overlap(emitters, m, n)


def _refuse_overlap(emitters: Emitters, m: int, n: int) -> None:
    separation = emitters.positions[m] - emitters.positions[n]
    overlap = abs(np.vdot(emitters.dipoles[m], emitters.dipoles[n]))
    if overlap > _ORTHOGONAL or np.any(separation != 0):
        raise ValueError(
            f"emitters {m} and {n} coincide (distance {np.linalg.norm(separation):g}): their shift "
            "diverges; move one, or give Couplings(decay, shift) your own matrices. Only at "
            "exactly one place and with orthogonal dipoles is it finite: here |u*·u'| is "
            f"{overlap:.3g}"
        )


def warn_of_lengths(emitters: Emitters) -> float:
    """Warn of distances that look as if they were in another unit than the wavelength.

    Returns the distance of the nearest emitters that are not at one place, in wavelengths.
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
    if np.isfinite(length) and not 1 / _FAR <= length / wavelength <= _FAR:
        warn(
            f"{what} {length:.3g}, that is {length / wavelength:.3g} wavelengths of "
            f"{wavelength:g}: are all lengths in one unit? {_WAY_OUT}",
            UnitWarning,
        )


def warn_of_spacing(spacing: float) -> None:
    """Warn of a lattice's spacing, in wavelengths, that is rather in metres or nanometres."""
    if not 1 / _FAR <= spacing <= _FAR:
        warn(
            f"spacing: {spacing:.3g} wavelengths between neighbours: is it in another unit? Divide "
            f"it by the wavelength: 532e-9/780e-9, not 532e-9. {_MEANT}",
            UnitWarning,
        )


def warn_of_waist(waist: float, wavelength: float) -> None:
    """Warn of a beam's waist that no wavelength is compared with."""
    if not 1 / _FAR <= waist / wavelength <= _FAR:
        warn(
            f"waist: {waist:.3g} is {waist / wavelength:.3g} wavelengths of {wavelength:g}: is it "
            f"in the unit of the emitters' wavelength? {_MEANT}",
            UnitWarning,
        )


def warn_of_couplings(
    decay: NDArray[Any], shift: NDArray[Any], emitters: Emitters, field: Any
) -> None:
    """Warn of Γ and Δ as positions in another unit than the wavelength give them."""
    nearest = warn_of_lengths(emitters)
    own = np.abs(np.diag(decay)).max()
    if _LONELY < nearest <= _FAR:
        others = max(np.abs(m - np.diag(np.diag(m))).max() for m in (decay, shift))
        if others < _INDEPENDENT * own:
            warn(
                f"emitters: the nearest are {nearest:.3g} wavelengths apart, where they are all "
                f"but independent (couplings of {others:.1e} for rates of {own:.3g}): are "
                f"positions and wavelength in one unit? {_WAY_OUT}",
                UnitWarning,
            )
    largest = float(np.abs(shift).max())
    if len(emitters) > 1 and own == largest == 0 and np.any(emitters.decay_rates):
        warn(
            f"field: in {field!r} nothing decays and nothing is coupled, as between emitters deep "
            "below a cutoff: is its wave number in the inverse unit of the emitters' wavelength, "
            f"which is {emitters.wavelength:g}? {_MEANT}",
            UnitWarning,
        )
    limit, name = _LARGEST_SHIFT * float(emitters.decay_rates.max()), "10⁹ linewidths"
    if emitters.frequency is not None and emitters.frequency < limit:
        limit, name = emitters.frequency, "the transition's frequency"
    if largest > limit and nearest >= 1 / _FAR:  # closer ones have been warned of
        warn(
            f"emitters: a shift of {largest:.3g} is above {limit:.3g}, {name}, where two levels "
            f"are not enough: are positions, wavelength and frequency as meant? {_WAY_OUT}",
            UnitWarning,
        )
