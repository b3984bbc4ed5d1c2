r"""Thermal light: the number of photons in a mode, and the level shifts that they cause.

At a temperature T (ħ = k_B = 1) the half-range shift of a field is

.. math:: S(ω) = ½K\,[1 + \coth(ω/2T)]
          + \frac T2\Big[\frac{F(0)}{ω} + 2\sum_{n≥1} F(iν_n)\frac{ω}{ω^2 + ν_n^2}\Big],
          \qquad ν_n = 2πnT,

where F = 2k²d·G·d and K = −½ Re F belong to the light that is scattered back to the emitter. A
transition is shifted by S(ω) − S(−ω).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.emitters import Emitters
from collective.fields.answers import imaginary_green
from collective.spectral.averages import lorentzian_averages, matsubara_sums
from collective.spectral.tensors import STATIC, converged_limit

_COLD = 1e-6  # step of the Matsubara frequencies over k, below which their sum becomes an integral
_MOST = 1e60  # photons: their product with rates stays in the range of doubles
_RTOL, _ATOL = 1e-9, 1e-11  # of the integral; the absolute tolerance is in linewidths


def occupation(emitters: Emitters, temperature: float) -> float:
    """n̄ = 1/(e^{ω/T} − 1) at the mean frequency of the emitters; 0 at T = 0.

    Raises:
        ValueError: at T > 0 if the emitters have no frequency.
    """
    if temperature == 0:
        return 0.0
    if emitters.frequency is None:
        raise ValueError(
            f"temperature = {temperature:g} in units of rate needs the frequency ω₀ in the same "
            "unit: use Emitters(frequency=...)"
        )
    mean = emitters.frequency + float(emitters.detunings.mean())
    with np.errstate(over="ignore"):
        return float(1 / np.expm1(mean / temperature))


def level_shifts(
    emitters: Emitters, field: Any, resonant: NDArray[np.float64], temperature: float
) -> NDArray[np.float64]:
    """S(ω) − S(−ω) of each emitter in its linewidths, (N,), by the light scattered back to it.

    Args:
        emitters: the emitters, which must have a frequency.
        field: the field for their kind of dipoles, also at imaginary wave numbers.
        resonant: K/Γ = −(3π/k) u*·Re G^S·u, (N,).
        temperature: T > 0.
    """
    assert emitters.frequency is not None
    positions, dipoles = emitters.positions, emitters.dipoles
    wavenumbers = emitters.wavenumbers
    step = 2 * np.pi * temperature / emitters.frequency * 2 * np.pi / emitters.wavelength

    def tensor(kappa: float) -> NDArray[np.float64]:
        """F(iκ) = −2κ²G(iκ) of every dipole, in linewidths."""
        green = imaginary_green(field, positions, positions, kappa)
        return (
            -6 * np.pi * kappa**2 / wavenumbers**3
            * np.einsum("mi,mij,mj->m", dipoles.conj(), green, dipoles).real
        )  # fmt: skip

    smallest = float(wavenumbers.min())
    if step < _COLD * smallest:  # the sum becomes an integral, and coth(ω/2T) is 1
        return resonant + lorentzian_averages(
            tensor, wavenumbers, anchor=smallest, lowest=np.inf, rtol=_RTOL, atol=_ATOL
        )
    # F(0): in an absorbing field F is linear in κ near zero
    static = converged_limit(
        lambda kappa: 2 * tensor(kappa) - tensor(2 * kappa), STATIC * min(step, smallest)
    )
    sums = matsubara_sums(tensor, step, wavenumbers, rtol=_RTOL)
    frequencies = emitters.frequency + emitters.detunings
    thermal = resonant / np.tanh(frequencies / (2 * temperature))
    return thermal + step / (2 * np.pi) * (static / wavenumbers + 2 * sums)


def checked_photons(value: Any) -> float:
    """A checked n̄ ≥ 0."""
    photons = checks.not_negative("thermal_photons", value)
    if photons > _MOST:
        raise ValueError(f"thermal_photons must be below {_MOST:g}, got {photons:g}")
    return photons
