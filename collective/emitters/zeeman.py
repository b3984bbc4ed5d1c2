"""Shifts of Zeeman sublevels in a weak magnetic field."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collective._tools.warn import warn
from collective.emitters.transitions import sublevels
from collective.units.lines import Line, Side, fraction

_LINEAR = 0.1  # of the hyperfine splitting: larger shifts are not linear in the field
_STRONGEST = 100.0  # tesla, above any field of a laboratory: the unit is probably wrong


def zeeman_slope(line: Line, side: Side, momentum: float) -> float:
    """Shift of the sublevel m = 1 in linewidths per tesla, g_F μ_B/ħΓ₀."""
    from scipy.constants import hbar, physical_constants

    magneton = physical_constants["Bohr magneton"][0]
    return line.g_factor(side, momentum) * magneton / hbar / line.linewidth


def require_tesla(name: str, field: float) -> None:
    """Raise for a field that is stronger than any, and so probably in gauss."""
    if abs(field) > _STRONGEST:
        raise ValueError(
            f"{name} must be in tesla and at most {_STRONGEST:g}, got {abs(field):g}; is it in "
            "gauss? Multiply it by co.units.gauss = 1e-4"
        )


def zeeman_shifts(line: Line, side: Side, momentum: float, field: float) -> NDArray[np.float64]:
    """g_F m μ_B B/ħ of each sublevel by falling m, in linewidths; it warns of strong fields."""
    require_tesla("magnetic_field", field)
    limit = linear_up_to(line, side, momentum)
    if abs(field) > limit:
        warn(
            f"magnetic_field: at {abs(field):.3g} T the Zeeman shift of F={fraction(momentum)} "
            f"({side}) of {line.name} is above {_LINEAR:.0%} of the hyperfine splitting; shifts "
            f"linear in the field are reliable up to {limit:.2g} T"
        )
    return zeeman_slope(line, side, momentum) * sublevels(momentum) * field


def linear_up_to(line: Line, side: Side, momentum: float) -> float:
    """The field in tesla at which a shift is a tenth of the hyperfine splitting; ∞ without one."""
    every = line.momenta(side)
    steepest = abs(zeeman_slope(line, side, momentum)) * momentum
    if len(every) == 1 or steepest == 0:
        return np.inf
    energies = [line.hyperfine_shift(side, f) for f in every]
    i = every.index(momentum)
    nearest = min(
        abs(high - low) for k, (low, high) in enumerate(pairwise(energies)) if k in (i - 1, i)
    )
    return _LINEAR * 2 * np.pi * nearest / line.linewidth / steepest
