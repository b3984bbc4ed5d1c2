"""Systems of units of `co.currents`, and the fundamental constants in each."""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from collective._tools import checks
from collective.currents.arguments import positive

Units = Literal["atomic", "SI", "natural"]


@dataclass(frozen=True)
class Constants:
    """Fundamental constants in one system of units.

    Attributes:
        speed_of_light: c.
        permeability: μ₀.
        charge: e, the elementary charge.
        mass: m, the mass of the electron.
        hbar: ħ.

    Raises:
        ValueError: for a constant that is not positive.
    """

    speed_of_light: float
    permeability: float
    charge: float = 1.0
    mass: float = 1.0
    hbar: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = positive(field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    @property
    def permittivity(self) -> float:
        """ε₀ = 1/μ₀c²."""
        return 1 / self.permeability / self.speed_of_light**2


def constants(units: Units = "atomic") -> Constants:
    """The constants in "atomic" units (ħ = m = e = 4πε₀ = 1), "SI", or "natural" (c = μ₀ = ħ = 1).

    Args:
        units: "atomic", "SI" or "natural".

    Example:
        >>> import collective as co
        >>> round(co.currents.constants("atomic").speed_of_light, 6)
        137.035999
    """
    checks.choice("units", units, ("atomic", "SI", "natural"))
    if units == "natural":
        return Constants(1.0, 1.0)
    from scipy import constants as codata

    if units == "atomic":
        return Constants(1 / codata.alpha, 4 * np.pi * codata.alpha**2)
    return Constants(codata.c, codata.mu_0, codata.e, codata.m_e, codata.hbar)
