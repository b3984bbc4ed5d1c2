"""Initial states: the protocol `State`, the states of the package, ρ and ⟨σ⁺_mσ⁻_n⟩ of a state.

Files for the states of the package, what is asked of any state, matrices, and the moments of up to
three emitters.
"""

from collective.states.level_states import level_product, levels
from collective.states.matrices import correlations, density_matrix
from collective.states.protocol import State
from collective.states.recipes import (
    coherent,
    dicke,
    from_amplitudes,
    ground,
    inverted,
    mixed,
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
    "from_amplitudes",
    "ground",
    "inverted",
    "level_product",
    "levels",
    "mixed",
    "product",
    "single",
    "timed_dicke",
]
