"""Extended charges and currents: Coulomb and Ampère interactions of orbitals, in atomic units."""

from collective.currents._fermions import annihilator, number, spin
from collective.currents.integrals import Interactions, interactions
from collective.currents.orbitals import Orbitals
from collective.currents.shapes import gaussian, hydrogen_like

__all__ = [
    "Interactions",
    "Orbitals",
    "annihilator",
    "gaussian",
    "hydrogen_like",
    "interactions",
    "number",
    "spin",
]
