"""Initial states: the protocol `State`, the states of the package, ρ and ⟨σ⁺_mσ⁻_n⟩ of a state.

A folder of three files: the protocol and the recipes know emitters alone, the matrices of a state
also know couplings and master equations.
"""

from collective.states.matrices import correlations, density_matrix
from collective.states.protocol import State
from collective.states.recipes import (
    coherent,
    dicke,
    ground,
    inverted,
    product,
    single,
    timed_dicke,
)

__all__ = [
    "State",
    "coherent",
    "correlations",
    "density_matrix",
    "dicke",
    "ground",
    "inverted",
    "product",
    "single",
    "timed_dicke",
]
