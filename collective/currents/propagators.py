r"""The Coulomb and the Ampère interaction in momentum space, as functions of time.

With :math:`Ω_q = \sqrt{c^2q^2 + ω_p^2}`, the frequency of a photon in the plasma, the transforms of
V_J(q, ω) = (1/2ε₀)/((ω + i0)² − Ω²) are (Su, Wang and Zhang, "Microscopic Ampère current-current
interaction", eqs. 2, 3, 16 and 20)

.. math:: V_J(q, t) = \int\frac{dω}{2π} V_J(q, ω)\,e^{−iωt} = −\frac{θ(t)}{2ε_0}\frac{\sin Ωt}{Ω},

.. math:: V_J(q, τ) = \frac1β\sum_n ħ^2 V_J(q, iν_n)\,e^{−iν_nτ}
          = −\frac{ħ^2}{2ε_0}\,\frac{e^{−Eτ} + e^{−E(β − τ)}}{2E\,(1 − e^{−βE})}, \qquad E = ħΩ.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective.currents.arguments import (
    bounded,
    not_negative,
    positive_numbers,
    require_broadcast,
    thermal_energy,
    wavenumbers,
)
from collective.currents.units import Units, constants


def coulomb_kernel(q: ArrayLike, *, units: Units = "atomic") -> Any:
    """V_C(q) = 1/(2ε₀q²): the Coulomb interaction of eq. (1) is Σ_q V_C(q) ρ(−q)ρ(q).

    As with V_J, the sum contains every pair of charges twice, so the energy of two charges has
    twice the kernel. The interaction is instantaneous and is not screened here.

    Args:
        q: wave number, positive, any shape.
        units: see `constants`.

    Returns:
        The shape of q, in energy·volume per squared charge.

    Raises:
        ValueError: for q that is not positive.

    Example:
        >>> import collective as co
        >>> co.currents.coulomb_kernel(2.0, units="natural")
        np.float64(0.125)
    """
    return (1 / (2 * constants(units).permittivity) / positive_numbers("q", q) ** 2)[()]


def time_kernel(
    q: ArrayLike, t: ArrayLike, *, plasma_frequency: float = 0.0, units: Units = "atomic"
) -> Any:
    """V_J(q, t) = −θ(t) sin(Ωt)/(2ε₀Ω): the effect of a current on another a time t later.

    The interaction at a time t is Σ_q ∫dt' V_J(q, t − t') j_⊥(−q, t)·j_⊥(q, t'); for
    constant currents it has ∫V_J dt = V_J(q, ω = 0).

    Args:
        q: wave number, any shape.
        t: time since the first current acted; the kernel is zero at t < 0. Broadcasts over q.
        plasma_frequency: ω_p, an angular frequency.
        units: see `constants`.

    Returns:
        An array of the broadcast shape, in units of V_J(q, ω) times a frequency.

    Example:
        >>> import collective as co
        >>> found = co.currents.time_kernel(3.0, [0, 0.5], plasma_frequency=4.0, units="natural")
        >>> found.round(6) + 0.0
        array([ 0.      , -0.059847])
    """
    frequency = _photon(q, plasma_frequency, units)
    time = bounded("t", t)
    require_broadcast(q=frequency.shape, t=time.shape)
    later = np.where(time > 0, time, 0.0)
    # sin(Ωt)/Ω without a division by zero at q = ω_p = 0
    kernel = later * np.sinc(frequency * later / np.pi)
    return (-kernel / (2 * constants(units).permittivity))[()]


def imaginary_time_kernel(
    q: ArrayLike,
    tau: ArrayLike,
    temperature: float,
    *,
    plasma_frequency: float = 0.0,
    units: Units = "atomic",
) -> Any:
    """V_J(q, τ) of eq. (20) at a temperature; it is periodic in τ with the period 1/k_BT.

    Args:
        q: wave number, any shape.
        tau: imaginary time τ = it/ħ, in inverse units of energy; broadcasts over q.
        temperature: k_BT as an energy; at 0 the kernel is −(ħ²/2ε₀) e^{−E``|τ|``}/2E.
        plasma_frequency: ω_p, an angular frequency.
        units: see `constants`.

    Returns:
        The broadcast shape.

    Raises:
        ValueError: for q = 0 without a plasma, because the kernel diverges there.

    Example:
        >>> import collective as co
        >>> print(f"{co.currents.imaginary_time_kernel(3.0, 0.1, 2.0, units='natural'):.6f}")
        -0.111775
    """
    c = constants(units)
    energy = c.hbar * _photon(q, plasma_frequency, units)
    if np.any(energy == 0):
        raise ValueError("q must be positive if plasma_frequency is 0, since V_J(q, τ) diverges")
    times = bounded("tau", tau)
    require_broadcast(q=energy.shape, tau=times.shape)
    temperature = thermal_energy(temperature)
    kernel = matsubara_sum(energy, times, temperature)
    return (-(c.hbar**2) / (2 * c.permittivity) * kernel)[()]


def matsubara_sum(
    energy: NDArray[np.float64], tau: NDArray[np.float64], temperature: float
) -> NDArray[np.float64]:
    """T Σ_n e^{−iν_nτ}/(ν_n² + E²), ν_n = 2πnT, in closed form; an integral at T = 0."""
    if temperature == 0:
        return np.asarray(np.exp(-energy * np.abs(tau)) / (2 * energy))
    period = 1 / temperature
    tau = np.mod(tau, period)
    decays = np.exp(-energy * tau) + np.exp(-energy * (period - tau))
    return np.asarray(decays / (-2 * energy * np.expm1(-energy * period)))


def _photon(q: ArrayLike, plasma_frequency: float, units: Units) -> NDArray[np.float64]:
    """Ω_q, the frequency of a photon in the plasma."""
    q = wavenumbers(q)
    cutoff = not_negative("plasma_frequency", plasma_frequency)
    return np.asarray(np.hypot(constants(units).speed_of_light * q, cutoff))
