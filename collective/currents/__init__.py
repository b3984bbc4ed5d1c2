"""Coulomb and Ampère interactions of orbitals and Bloch electrons, in atomic units."""

from collective.currents.bloch import (
    bloch_coupling,
    bloch_current,
    phonon_coupling,
    phonon_matrix_element,
)
from collective.currents.estimates import (
    Estimate,
    momentum_ratio,
    phonon_ratio,
    plane_wave_coupling,
    plasma_frequency,
    screening_wavenumber,
    velocity_ratio,
)
from collective.currents.fermions import annihilator, number, spin
from collective.currents.integrals import Interactions, interactions
from collective.currents.kernels import (
    Constants,
    constants,
    darwin_energy,
    dipole_energy,
    momentum_kernel,
    spatial_kernel,
    transverse_kernel,
)
from collective.currents.orbitals import Orbitals
from collective.currents.propagators import coulomb_kernel, imaginary_time_kernel, time_kernel
from collective.currents.shapes import gaussian, hydrogen_like

__all__ = [
    "Constants",
    "Estimate",
    "Interactions",
    "Orbitals",
    "annihilator",
    "bloch_coupling",
    "bloch_current",
    "constants",
    "coulomb_kernel",
    "darwin_energy",
    "dipole_energy",
    "gaussian",
    "hydrogen_like",
    "imaginary_time_kernel",
    "interactions",
    "momentum_kernel",
    "momentum_ratio",
    "number",
    "phonon_coupling",
    "phonon_matrix_element",
    "phonon_ratio",
    "plane_wave_coupling",
    "plasma_frequency",
    "screening_wavenumber",
    "spatial_kernel",
    "spin",
    "time_kernel",
    "transverse_kernel",
    "velocity_ratio",
]
