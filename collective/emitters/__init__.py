"""Quantum emitters in space: two-level ones and their lattices, and dipoles of any levels."""

from collective.emitters.lattices import chain, cloud, cubic, ring, square, triangular
from collective.emitters.multilevel import Multilevel, spin
from collective.emitters.two_level import Emitters

__all__ = [
    "Emitters",
    "Multilevel",
    "chain",
    "cloud",
    "cubic",
    "ring",
    "spin",
    "square",
    "triangular",
]
