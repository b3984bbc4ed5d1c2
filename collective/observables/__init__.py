"""What a detector sees, and what the couplings alone tell."""

from collective.observables.entanglement import (
    concurrence,
    entropy,
    negativity,
    purity,
    squeezing,
)
from collective.observables.excitations import excitation_distribution
from collective.observables.patterns import (
    FarField,
    angular_pattern,
    collected,
    far_field,
    near_field,
    sphere,
)

__all__ = [
    "FarField",
    "angular_pattern",
    "collected",
    "concurrence",
    "entropy",
    "excitation_distribution",
    "far_field",
    "near_field",
    "negativity",
    "purity",
    "sphere",
    "squeezing",
]
