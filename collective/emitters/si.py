"""Checks of arguments in SI units."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.warn import warn
from collective.errors import UnitWarning

_LARGEST_UNIT = 1e30  # of length or rate, in metres or s⁻¹
LARGEST_MOMENT = 1e6  # of a transition, in C·m or J/T: no more in any unit
# of a transition, in C·m and J/T, above which the unit is probably wrong
_SUSPICIOUS = {"electric": 1e-18, "magnetic": 1e-12}
_IN_SI = {
    "electric": "C·m? Multiply debye by co.units.debye = 3.336e-30",
    "magnetic": "J/T? Multiply Bohr magnetons by 9.274e-24",
}


def unit(name: str, value: float, si_unit: str) -> float:
    """A checked unit of length or rate, in SI units."""
    size = checks.number(name, value, above=0)
    if not 1 / _LARGEST_UNIT <= size <= _LARGEST_UNIT:
        raise ValueError(
            f"{name} must be between {1 / _LARGEST_UNIT:g} and {_LARGEST_UNIT:g} {si_unit}, got "
            f"{size:g}"
        )
    return size


def warn_of_moments(moments: NDArray[Any], kind: str) -> None:
    """Warn of transition dipoles that are too large for C·m or J/T."""
    largest = float(np.abs(moments).max())
    if largest > _SUSPICIOUS[kind]:
        warn(
            f"dipoles: a component of {largest:.3g} is larger than in any emitter: is it in "
            f"{_IN_SI[kind]}. If it is intended: "
            "warnings.simplefilter('ignore', co.UnitWarning)",
            UnitWarning,
        )
