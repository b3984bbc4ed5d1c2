"""Observables: what a detector sees, and what follows from the couplings alone."""

from collective.observables.beam import (
    Scattering,
    infinite_array,
    reflection,
    scattering,
    transmission,
)
from collective.observables.bloch import Bands, bands
from collective.observables.criteria import (
    BurstCriterion,
    burst_criterion,
    critical_spacing,
    participation_ratios,
)
from collective.observables.entanglement import (
    concurrence,
    entropy,
    negativity,
    purity,
)
from collective.observables.excitations import excitation_distribution
from collective.observables.linear_response import WeakLight, weak_light
from collective.observables.mode_light import CavityLight, cavity_light
from collective.observables.moments import moment
from collective.observables.patterns import (
    FarField,
    angular_pattern,
    collected,
    far_field,
    near_field,
    sphere,
)
from collective.observables.photons import coincidences, g2, inverted_g2
from collective.observables.polarisation import level_populations, polarised_emission
from collective.observables.spectra import Spectrum, g1, spectrum
from collective.observables.spin_squeezing import squeezing
from collective.observables.stationary import Steady, steady
from collective.observables.two_times import correlation

__all__ = [
    "Bands",
    "BurstCriterion",
    "CavityLight",
    "FarField",
    "Scattering",
    "Spectrum",
    "Steady",
    "WeakLight",
    "angular_pattern",
    "bands",
    "burst_criterion",
    "cavity_light",
    "coincidences",
    "collected",
    "concurrence",
    "correlation",
    "critical_spacing",
    "entropy",
    "excitation_distribution",
    "far_field",
    "g1",
    "g2",
    "infinite_array",
    "inverted_g2",
    "level_populations",
    "moment",
    "near_field",
    "negativity",
    "participation_ratios",
    "polarised_emission",
    "purity",
    "reflection",
    "scattering",
    "spectrum",
    "sphere",
    "squeezing",
    "steady",
    "transmission",
    "weak_light",
]
