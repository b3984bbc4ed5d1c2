"""Quantum emitters: two-level emitters, their lattices, and emitters with any number of levels."""

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
