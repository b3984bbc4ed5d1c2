"""Time evolution of quantum emitters coupled through a common electromagnetic field.

    emitters in a field → couplings → QuTiP operators → dynamics → what a detector sees

Lengths are in wavelengths, rates in linewidths, times in inverse linewidths; the conventions are
those of `docs/conventions.md`.
"""

from collective import plot, states, units
from collective._memory import ProblemTooLargeError
from collective.couplings import Couplings, Modes, couple
from collective.drives import plane_wave
from collective.emitters import Emitters, chain, cloud, cubic, ring, square, triangular
from collective.evolve import EvolutionError, evolve, steady_state
from collective.fields import Field, Vacuum
from collective.result import Result, load

__version__ = "0.1.0"

__all__ = [
    "Couplings",
    "Emitters",
    "EvolutionError",
    "Field",
    "Modes",
    "ProblemTooLargeError",
    "Result",
    "Vacuum",
    "chain",
    "cloud",
    "couple",
    "cubic",
    "evolve",
    "load",
    "plane_wave",
    "plot",
    "ring",
    "square",
    "states",
    "steady_state",
    "triangular",
    "units",
]
