"""Initial states: the protocol `State`, the states of the package, ρ and ⟨σ⁺_mσ⁻_n⟩ of a state.

A folder of three files: the states of the package, what is asked of any state, and matrices. A time
evolution does not need the last.
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
