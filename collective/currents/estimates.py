"""Estimates of the Ampère interaction: the published formulas and the corrected ones.

Su, Wang and Zhang compare it with the attraction by phonons (α₁, eq. 33; α₃ at finite momentum,
eq. 52) and with the Coulomb repulsion (α₂, eq. 38).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from collective._tools import checks
from collective._tools.console import printable
from collective.currents.arguments import (
    bounded,
    not_negative,
    positive,
    positive_numbers,
    velocities,
    wavevector,
)
from collective.currents.kernels import momentum_kernel
from collective.currents.units import Units, constants


@dataclass(frozen=True)
class Estimate:
    """A ratio by the formula in the paper, and by the corrected formula.

    Attributes:
        printed: the value by the formula in the paper.
        corrected: the value by the corrected formula.
        note: what was corrected.
    """

    printed: float
    corrected: float
    note: str

    @printable
    def __repr__(self) -> str:
        return f"Estimate: printed {self.printed:.6g}, corrected {self.corrected:.6g} ({self.note})"


def plasma_frequency(
    density: float,
    *,
    ion_density: float = 0.0,
    ion_charge: float = 1.0,
    ion_mass: float | None = None,
    units: Units = "SI",
) -> float:
    """√(ω_p² + ω_I²), with ω_p² = ne²/ε₀m for electrons and ω_I² = n_I Z²e²/ε₀M for ions.

    Args:
        density: electrons per volume, in m⁻³ (atomic units: bohr⁻³).
        ion_density: ions per volume; zero if the ions do not move.
        ion_charge: Z, in units of e.
        ion_mass: M, in kg (atomic units: electron masses); required with ions.
        units: "SI", "atomic" or "natural".

    Returns:
        An angular frequency.

    Raises:
        ValueError: for negative densities, or ions without a mass.

    Example:
        Copper: its plasma frequency, and the length over which it screens the interaction:

        >>> import collective as co
        >>> omega = co.currents.plasma_frequency(8.49e28)
        >>> print(f"{omega:.4g} s⁻¹, {1e9 / co.currents.screening_wavenumber(omega):.0f} nm")
        1.644e+16 s⁻¹, 18 nm
    """
    c = constants(units)
    over_mass = not_negative("density", density) / c.mass
    ions = not_negative("ion_density", ion_density)
    charge = float(bounded("ion_charge", checks.number("ion_charge", ion_charge)))
    if ions > 0:
        if ion_mass is None:
            raise ValueError(f"ion_mass is required with ion_density = {ions:g}")
        over_mass += ions * charge**2 / positive("ion_mass", ion_mass)
    return c.charge * float(np.sqrt(over_mass / c.permittivity))


def screening_wavenumber(plasma_frequency: float, *, units: Units = "SI") -> float:
    """q_F = ω_p/c: the range of the interaction of static currents is 1/q_F, eq. (18).

    In atomic units it is the argument ``screening`` of `interactions`.

    Args:
        plasma_frequency: ω_p, an angular frequency.
        units: "SI" (m⁻¹), "atomic" (bohr⁻¹) or "natural".

    Example:
        A metal of 0.0126 electrons per bohr³ (copper), 1/q_F = 18 nm:

        >>> import collective as co
        >>> omega = co.currents.plasma_frequency(0.01258, units="atomic")
        >>> q = co.currents.screening_wavenumber(omega, units="atomic")
        >>> print(f"q_F = {q:.6f} per bohr, 1/q_F = {0.0529177 / q:.0f} nm")
        q_F = 0.002901 per bohr, 1/q_F = 18 nm
    """
    return not_negative("plasma_frequency", plasma_frequency) / constants(units).speed_of_light


def phonon_ratio(
    fermi_energy: float, phonon_energy: float, coupling: float, *, electrons_per_ion: float = 1.0
) -> Estimate:
    """α₁ = E_F ħω/g², the ratio of the Ampère interaction at q → 0 to that by phonons, eq. (33).

    The Ampère interaction is e²ħ²k_F²/(2ε₀𝒱m²ω_p²) = E_F/N_e, because ω_p² = N_e e²/(ε₀m𝒱). That by
    phonons is g²/(N_I ħω). With N_e = Z N_I the ratio is smaller by the factor Z, which the paper
    omits.

    Args:
        fermi_energy: E_F; the three energies have the same unit.
        phonon_energy: ħω, for example k_B times the Debye temperature.
        coupling: g, the electron-phonon matrix element.
        electrons_per_ion: Z, conduction electrons per ion.

    Example:
        Tin, 10.2 eV and 200 K, with the g = 0.5 eV of the paper's eq. (35):

        >>> import collective as co
        >>> co.currents.phonon_ratio(10.2, 200 * 8.617333e-5, 0.5, electrons_per_ion=4)
        Estimate: printed 0.703174, corrected 0.175794 (ω_p² counts 4 electrons per ion)
    """
    energy = positive("fermi_energy", fermi_energy)
    phonon = positive("phonon_energy", phonon_energy)
    per_ion = positive("electrons_per_ion", electrons_per_ion)
    g = positive("coupling", coupling)
    printed = (energy / g) * (phonon / g)
    return Estimate(
        printed,
        printed / per_ion,
        f"ω_p² counts {per_ion:g} electron{'s' * (per_ion != 1)} per ion",
    )


def velocity_ratio(
    v1: ArrayLike, v2: ArrayLike, direction: ArrayLike, *, units: Units = "SI"
) -> Estimate:
    """α₂ of two point charges, the ratio of Ampère to Coulomb: ``|v₁·v₂|/c²``, eq. (38).

    The corrected value is Darwin's, ``|v₁·v₂ + (v₁·r̂)(v₂·r̂)|/2c²``.

    Args:
        v1: velocity (3,) of the first charge, slower than light.
        v2: velocity (3,) of the second.
        direction: from one charge to the other, (3,), of any length except zero.
        units: "SI" (m/s), "atomic" or "natural".

    Example:
        Parallel velocities of 10⁶ m/s, side by side; the paper rounds α₂ up to 10⁻⁴:

        >>> import collective as co
        >>> co.currents.velocity_ratio([1e6, 0, 0], [1e6, 0, 0], [0, 0, 1])
        Estimate: printed 1.11265e-05, corrected 5.56325e-06 (Darwin's transverse projection)
    """
    c = constants(units)
    first, second = (
        velocities(name, checks.vector(name, v), c.speed_of_light) / c.speed_of_light
        for name, v in (("v1", v1), ("v2", v2))
    )
    r = checks.direction("direction", direction)
    darwin = first @ second + (first @ r) * (second @ r)
    return Estimate(
        abs(float(first @ second)), abs(float(darwin)) / 2, "Darwin's transverse projection"
    )


def momentum_ratio(q: float, plasma_frequency: float, *, units: Units = "SI") -> Estimate:
    """α₃/α₁, the reduction of the Ampère interaction at momentum transfer q: ω_p²/c²q², eq. (52).

    The corrected value is ω_p²/(c²q² + ω_p²) = V_J(q, 0)/V_J(0, 0), which never exceeds 1.

    Args:
        q: wave number, positive, in m⁻¹ (atomic units: bohr⁻¹).
        plasma_frequency: ω_p, an angular frequency.
        units: "SI", "atomic" or "natural".

    Example:
        ħω_p = 10 eV at a Fermi momentum of 10¹⁰ m⁻¹:

        >>> import collective as co
        >>> co.currents.momentum_ratio(1e10, 10 / 6.582119569e-16)
        Estimate: printed 2.56819e-05, corrected 2.56812e-05 (V_J has ω_p² + c²q²)
    """
    photon = constants(units).speed_of_light * float(positive_numbers("q", checks.number("q", q)))
    ratio = not_negative("plasma_frequency", plasma_frequency) / photon
    return Estimate(ratio**2, ratio**2 / (1 + ratio**2), "V_J has ω_p² + c²q²")


def plane_wave_coupling(
    k1: ArrayLike,
    k2: ArrayLike,
    q: ArrayLike,
    *,
    volume: float,
    frequency: ArrayLike = 0.0,
    plasma_frequency: float = 0.0,
    units: Units = "atomic",
) -> Any:
    """g_J = (e²ħ²/𝒱m²) V_J(q, ω) (k₁ − ½q)_⊥·(k₂ + ½q)_⊥ of two plane waves, eq. (26), an energy.

    It scatters electrons k₁ − q → k₁ and k₂ + q → k₂. At frequency zero, electrons that move in the
    same direction attract each other; electrons that move in opposite directions, as in a Cooper
    pair (k, −k), repel.

    Args:
        k1: wave vector (3,).
        k2: wave vector (3,).
        q: momentum transfer (3,), not zero: it defines the transverse direction.
        volume: 𝒱, the normalisation volume of the plane waves.
        frequency: as in `momentum_kernel`, any shape.
        plasma_frequency: ω_p, an angular frequency.
        units: "atomic", "SI" or "natural".

    Example:
        >>> import collective as co
        >>> k, q = [1, 0, 0], [0, 0, 0.1]
        >>> print(f"{co.currents.plane_wave_coupling(k, [-1, 0, 0], q, volume=1):.5f}")
        0.03346
    """
    k1, k2, q = (wavevector(name, v) for name, v in (("k1", k1), ("k2", k2), ("q", q)))
    along = checks.direction("q", q)
    # the terms ∓½q are longitudinal, so their projection is zero
    transverse = k1 @ k2 - (k1 @ along) * (k2 @ along)
    c = constants(units)
    scale = (c.charge * c.hbar / c.mass) ** 2 / positive("volume", volume)
    kernel = momentum_kernel(
        np.linalg.norm(q), frequency, plasma_frequency=plasma_frequency, units=units
    )
    return scale * kernel * transverse
