"""Quantum emitters: two-level ones, their lattices, atoms with manifolds, any number of levels."""

from collective.emitters.atoms import Atoms
from collective.emitters.lattices import chain, cloud, cubic, ring, square, triangular
from collective.emitters.multilevel import Multilevel, spin
from collective.emitters.two_level import Emitters

__all__ = [
    "Atoms",
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
