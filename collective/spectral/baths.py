"""Rates γ(ω) and half-range shifts S(ω): `Bath`, and the field at a temperature as one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective import _checks
from collective.emitters import Multilevel
from collective.spectral.integrals import principal_value
from collective.spectral.tensors import (
    coupling_tensor,
    decay_and_shift,
    require_coupled,
    static_tensor,
)

_MATSUBARA_TERMS = 20_000
_ZERO = 1e-12  # of the scale of the frequencies: below it γ is its limit T·J'(0)
_HOTTEST = 1e60  # above it occupations times rates leave the range of doubles
_DECAYED = 45.0  # e^-45 is below the round-off of what it is added to


@dataclass(frozen=True)
class Bath:
    r"""Rates and half-range shifts over the coupling operators of a master equation.

    Args:
        gamma: ω → γ(ω), (M, M) Hermitian and positive semidefinite: Fourier transform of the
            bath's correlation function, emission into the bath at ω > 0.
        shift: ω → S(ω) = P∫dω'/2π γ(ω')/(ω − ω'), (M, M) Hermitian. None computes it from γ by
            `principal_value`, for a γ that decays.

    M is the number of coupling operators: Cartesian components of all emitters (i, α) in order,
    3N of them, or only those whose operator is not zero.

    Example:
        A mode at ω_k of linewidth κ that two qubits couple to with g₁ and g₂:

        >>> import numpy as np
        >>> from collective import spectral
        >>> g, mode, kappa = np.array([0.05, 0.04]), 1.6, 0.5
        >>> def shape(w, top): return np.outer(g, g) * top / ((w - mode) ** 2 + kappa**2 / 4)
        >>> bath = spectral.Bath(lambda w: shape(w, kappa), lambda w: shape(w, w - mode))
        >>> bath.gamma(1.6).round(6)
        array([[0.02  , 0.016 ],
               [0.016 , 0.0128]])
    """

    gamma: Callable[[float], NDArray[Any]]
    shift: Callable[[float], NDArray[Any]] | None = None

    __setstate__ = _checks.restored

    def __post_init__(self) -> None:
        _checks.function("gamma", self.gamma)
        if self.shift is None:
            gamma = self.gamma
            object.__setattr__(self, "shift", lambda omega: principal_value(gamma, omega))
        _checks.function("shift", self.shift)

    @classmethod
    def from_spectral_density(
        cls,
        density: Callable[[float], Any],
        temperature: float = 0.0,
        *,
        scale: float = 1.0,
    ) -> "Bath":
        r"""A bath of bosons with the spectral density J(ω), ω > 0, at a temperature.

        γ(ω) = (n + 1)J(ω) for ω > 0 and n(``|ω|``)J(``|ω|``)ᵀ for ω < 0; S by principal value.

        Args:
            density: ω > 0 → J(ω), (M, M), decaying at large ω.
            temperature: in units of rate.
            scale: frequency over which J varies.
        """
        _checks.function("density", density)
        temperature = checked_temperature(temperature)
        scale = _checks.number("scale", scale, above=0)

        def odd(omega: float) -> NDArray[Any]:
            values = np.asarray(density(abs(omega)))
            return values if omega > 0 else -values.T  # J_ab(−ω) = −J_ba(ω)

        def gamma(omega: float) -> NDArray[Any]:
            return thermal_rates(odd, omega, temperature, scale)

        return cls(gamma, lambda w: principal_value(gamma, w, scale=scale))


def thermal_rates(
    odd_density: Callable[[float], NDArray[Any]], omega: float, temperature: float, scale: float
) -> NDArray[Any]:
    """γ(ω) = J(ω)(1 + n(ω)) for an odd J: (n+1)J above zero, n(|ω|)J(|ω|) below, T·J'(0) at it."""
    if abs(omega) < _ZERO * scale:
        step = _ZERO * scale
        return temperature * np.asarray(odd_density(step)) / step
    if temperature == 0:
        return np.asarray(odd_density(omega)) * (omega > 0)
    with np.errstate(over="ignore"):
        return -np.asarray(odd_density(omega)) / np.expm1(-omega / temperature)


def bath(multilevel: Multilevel, field: Any, temperature: float = 0.0) -> Bath:
    r"""The field at a temperature as a bath of unit dipoles, (3N, 3N).

    γ(ω) = (n+1)J(ω) above zero, nJ(``|ω|``) below, T·J'(0) at it, n = 1/(e^{``|ω|``/T} − 1), and

    .. math::

        S = \tfrac12K(ω)[1 + \coth(ω/2T)]
        + \tfrac{T}{2}\Bigl[\frac{F(0)}{ω} + \sum_{n≥1} \frac{2ωF(iν_n)}{ω^2+ν_n^2}\Bigr],
        \quad ν_n = 2πnT

    with J, K of `interaction` and F on the imaginary axis; S(0) = K(0)/2. Self blocks of S diverge
    and are left out: the levels count as renormalised.

    Args:
        multilevel: dipoles whose positions and kind the field is evaluated for.
        field: `Vacuum()` or any `Field` that knows imaginary wave numbers.
        temperature: T in units of rate (ħ = k_B = 1).

    Raises:
        ValueError: for a negative temperature, coincident emitters, or a field without magnetic
            response for magnetic dipoles.
    """
    _checks.instance("multilevel", multilevel, Multilevel, "co.Multilevel(...)")
    require_coupled(multilevel, field)
    temperature = checked_temperature(temperature)
    n = len(multilevel)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    largest = max(float(np.abs(multilevel.bohr_frequencies(i)).max()) for i in range(n)) or 1.0

    def density(omega: float) -> NDArray[np.float64]:
        blocks = np.zeros((n, 3, n, 3))
        for i in range(n):
            own = coupling_tensor(multilevel, field, i, i, abs(omega)).imag
            blocks[i, :, i] = np.sign(omega) * own
        for i, j in pairs:
            blocks[i, :, j], _ = decay_and_shift(multilevel, field, i, j, np.array(omega))
            blocks[j, :, i] = blocks[i, :, j].T
        return blocks.reshape(3 * n, 3 * n)

    def gamma(omega: float) -> NDArray[np.float64]:
        return thermal_rates(density, omega, temperature, largest)

    def shift(omega: float) -> NDArray[np.float64]:
        blocks = np.zeros((n, 3, n, 3))
        for i, j in pairs:
            blocks[i, :, j] = _half_range(multilevel, field, i, j, omega, temperature)
            blocks[j, :, i] = blocks[i, :, j].T
        return blocks.reshape(3 * n, 3 * n)

    return Bath(gamma, shift)


def _half_range(
    multilevel: Multilevel, field: Any, i: int, j: int, omega: float, temperature: float
) -> NDArray[np.float64]:
    """S(ω) between two emitters, (3, 3), from the imaginary axis."""
    _, shift = decay_and_shift(multilevel, field, i, j, np.array(omega))
    if omega == 0:
        return shift / 2

    def imaginary(nu: float) -> NDArray[np.float64]:
        return coupling_tensor(multilevel, field, i, j, 1j * nu).real

    distance = float(np.linalg.norm(multilevel.positions[i] - multilevel.positions[j]))
    cutoff = _DECAYED * multilevel.speed_of_light / distance
    if temperature == 0:
        return shift * (omega > 0) + _lorentzian_average(imaginary, omega, cutoff)
    static = static_tensor(multilevel, field, i, j)
    terms = int(np.ceil(cutoff / (2 * np.pi * temperature)))
    if terms > _MATSUBARA_TERMS:
        # so cold that the sum is its integral; what the static part adds is known in closed form
        excess = shift + static / 2
        return (
            shift / 2
            + excess / 2 / np.tanh(omega / (2 * temperature))
            + _lorentzian_average(imaginary, omega, cutoff)
            - static * np.sign(omega) / 4
        )
    total = static / omega
    for n in range(1, terms + 1):
        nu = 2 * np.pi * n * temperature
        total = total + 2 * imaginary(nu) * omega / (omega**2 + nu**2)
    return shift / 2 * (1 + 1 / np.tanh(omega / (2 * temperature))) + temperature / 2 * total


def _lorentzian_average(
    imaginary: Callable[[float], NDArray[np.float64]], omega: float, cutoff: float
) -> NDArray[np.float64]:
    """(1/2π)∫₀^∞dν F(iν) ω/(ω² + ν²), with ν = |ω| tan φ where the Lorentzian is the narrower."""
    from scipy.integrate import quad_vec

    end = np.arctan(cutoff / abs(omega))
    knee = np.arctan(cutoff / _DECAYED / abs(omega))  # where F begins to decay
    value, _ = quad_vec(
        lambda phi: imaginary(abs(omega) * np.tan(phi)),
        0.0,
        end,
        points=[knee],
        epsrel=1e-12,
        epsabs=1e-300,
    )
    return np.sign(omega) * value / (2 * np.pi)


def checked_temperature(value: float) -> float:
    """A temperature in units of rate, not negative."""
    temperature = _checks.number("temperature", value)
    if temperature < 0:
        raise ValueError(f"temperature must not be negative, got {temperature:g}")
    if temperature > _HOTTEST:
        raise ValueError(f"temperature must be below {_HOTTEST:g} rates, got {temperature:g}")
    return temperature
