"""Time evolution of quantum emitters coupled through a common electromagnetic field.

    emitters in a field → couplings → QuTiP operators → dynamics → what a detector sees

Lengths are in wavelengths, rates in linewidths, times in inverse linewidths; the conventions are
those of `docs/conventions.md`.
"""

from collective import plot, spectral, states, units
from collective._memory import ProblemTooLargeError
from collective.compare import Comparison, compare
from collective.couplings import Couplings, Modes, couple
from collective.drives import plane_wave
from collective.emitters import (
    Emitters,
    Multilevel,
    chain,
    cloud,
    cubic,
    ring,
    spin,
    square,
    triangular,
)
from collective.evolve import EvolutionError, evolve, steady_state
from collective.fields import Field, Plasma, Vacuum
from collective.interaction import interaction
from collective.master import MasterEquation, master_equation
from collective.result import Result, load

__version__ = "0.1.0"

__all__ = [
    "Comparison",
    "Couplings",
    "Emitters",
    "EvolutionError",
    "Field",
    "MasterEquation",
    "Modes",
    "Multilevel",
    "Plasma",
    "ProblemTooLargeError",
    "Result",
    "Vacuum",
    "chain",
    "cloud",
    "compare",
    "couple",
    "cubic",
    "evolve",
    "interaction",
    "load",
    "master_equation",
    "plane_wave",
    "plot",
    "ring",
    "spectral",
    "spin",
    "square",
    "states",
    "steady_state",
    "triangular",
    "units",
]
