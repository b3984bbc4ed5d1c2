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
from collective.observables.photons import coincidences, g2, inverted_g2
from collective.observables.spectra import Spectrum, g1, spectrum

__all__ = [
    "FarField",
    "Spectrum",
    "angular_pattern",
    "coincidences",
    "collected",
    "concurrence",
    "entropy",
    "excitation_distribution",
    "far_field",
    "g1",
    "g2",
    "inverted_g2",
    "near_field",
    "negativity",
    "purity",
    "spectrum",
    "sphere",
    "squeezing",
]
