"""Conversions from SI units and from other programs; the lines of common atoms.

The package itself measures lengths in wavelengths λ₀ and rates in linewidths Γ₀ of one reference
transition.
"""

from collective.units.conversions import (
    bloch_angles_from_collective_spins,
    debye,
    density_matrix_from_julia,
    from_atomic,
    from_collective_spins,
    gauss,
    linewidth,
    natural_frequency,
    trap_width,
)
from collective.units.lines import Level, Line
from collective.units.table import atom

__all__ = [
    "Level",
    "Line",
    "atom",
    "bloch_angles_from_collective_spins",
    "debye",
    "density_matrix_from_julia",
    "from_atomic",
    "from_collective_spins",
    "gauss",
    "linewidth",
    "natural_frequency",
    "trap_width",
]
