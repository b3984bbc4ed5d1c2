"""Figures: each takes `ax=None` and returns the `Axes` it drew on; nothing is shown or saved."""

from collective.plot._style import COLOURS
from collective.plot.curves import comparison, emission, populations
from collective.plot.structure import couplings, lattice, modes

__all__ = [
    "COLOURS",
    "comparison",
    "couplings",
    "emission",
    "lattice",
    "modes",
    "populations",
]
