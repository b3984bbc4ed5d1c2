"""Figures. Each function takes `ax=None` and returns the `Axes`; it does not show or save them.

Labels say λ₀ and Γ₀ where these are the units of the emitters; `in_units` names other units.
"""

from collective.plot.arrays import bands, mode, scattering
from collective.plot.controls import pulses
from collective.plot.curves import comparison, emission, populations
from collective.plot.labels import in_units
from collective.plot.light import jumps, shots, spectrum
from collective.plot.patterns import field_map, pattern, pattern_3d
from collective.plot.polarisations import polarised_emission, zeeman_spectrum
from collective.plot.states import animate, ladder
from collective.plot.structure import couplings, lattice, modes
from collective.plot.style import COLOURS
from collective.plot.sublevels import levels, zeeman
from collective.plot.surroundings import environment

__all__ = [
    "COLOURS",
    "animate",
    "bands",
    "comparison",
    "couplings",
    "emission",
    "environment",
    "field_map",
    "in_units",
    "jumps",
    "ladder",
    "lattice",
    "levels",
    "mode",
    "modes",
    "pattern",
    "pattern_3d",
    "polarised_emission",
    "populations",
    "pulses",
    "scattering",
    "shots",
    "spectrum",
    "zeeman",
    "zeeman_spectrum",
]
