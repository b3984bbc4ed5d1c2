"""Checks of arguments in SI units."""

from collective._tools import checks

_LARGEST_UNIT = 1e30  # of length or rate, in metres or s⁻¹
LARGEST_MOMENT = 1e6  # of a transition, in C·m or J/T: no more in any unit


def unit(name: str, value: float, si_unit: str) -> float:
    """A checked unit of length or rate, in SI units."""
    size = checks.number(name, value, above=0)
    if not 1 / _LARGEST_UNIT <= size <= _LARGEST_UNIT:
        raise ValueError(
            f"{name} must be between {1 / _LARGEST_UNIT:g} and {_LARGEST_UNIT:g} {si_unit}, got "
            f"{size:g}"
        )
    return size
