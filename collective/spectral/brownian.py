"""`BrownianModes`: damped oscillators whose rates obey detailed balance at every frequency."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks, equality
from collective.spectral.baths import checked_temperature, thermal_rates
from collective.spectral.lossy import checked_modes, half_range, require_positive

_TAIL = 1e3  # of the largest frequency: terms of the Matsubara sum above it are below 1e-12
_COLDEST = 1e-4  # of the largest frequency, with 10^7 terms of the Matsubara sum


@dataclass(frozen=True, eq=False)
class BrownianModes:
    r"""Damped oscillators at a temperature, with detailed balance at every frequency.

    The spectral density is odd in ω, and the rates follow from it:

    .. math:: J_{ab}(ω) = \sum_k g_{ak}g_{bk}\left[\frac{κ_k}{(ω−ω_k)^2 + κ_k^2/4}
              − \frac{κ_k}{(ω+ω_k)^2 + κ_k^2/4}\right], \qquad
              γ(ω) = \frac{J(ω)}{1 − e^{−ω/T}} .

    C(t) has a term at ω_k and at −ω_k of each mode, and the Matsubara terms
    e^{−ν_nt}, ν_n = 2πnT, with negative weights. "heom" of `compare` treats them; "modes" cannot
    hold them, see `fit_modes`.

    Args:
        frequencies: ω_k > 0, (K,), or one number.
        linewidths: κ_k > 0, (K,), or one number for all modes.
        couplings: g_ak, real, (K, M), or (M,) for one mode.
        temperature: T > 0 in units of rate, at least 10⁻⁴ of the largest ω_k or κ_k.

    Raises:
        ValueError: for numbers that are not above zero, or arrays that do not fit.

    Source: Y. Tanimura, J. Chem. Phys. 153, 020901 (2020), sec. II.

    Example:
        >>> from collective import spectral
        >>> bath = spectral.BrownianModes(1.0, 0.2, [0.1], temperature=0.5)
        >>> (bath.gamma(-0.7) / bath.gamma(0.7) / np.exp(-0.7 / 0.5)).round(9)
        array([[1.]])
    """

    frequencies: Any
    linewidths: Any
    couplings: Any
    temperature: float

    __getstate__ = checks.arguments
    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        temperature = checks.number("temperature", self.temperature, above=0)
        arrays = checked_modes(self.frequencies, self.linewidths, self.couplings, float)
        require_positive("BrownianModes", arrays["frequencies"])
        checks.freeze(self, **arrays, temperature=checked_temperature(temperature))
        if temperature < _COLDEST * self._largest:
            raise ValueError(
                f"temperature must be at least 1e-4 of the largest of frequencies and linewidths, "
                f"{self._largest:g}, got {temperature:g}; LossyModes are a bath at T = 0"
            )

    def __len__(self) -> int:
        return len(self.frequencies)

    def gamma(self, omega: float) -> NDArray[np.float64]:
        """γ(ω), (M, M).

        Args:
            omega: ω, in units of rate.
        """
        return thermal_rates(self._odd, omega, self.temperature, self._largest)

    def shift(self, omega: float) -> NDArray[np.float64]:
        """S(ω), (M, M), from the terms of C(t).

        Args:
            omega: ω, in units of rate.
        """
        omega = checks.number("omega", omega)
        direct = half_range(*self._direct, omega)[1]
        weights, decays = self._matsubara
        along = weights @ (omega / (decays**2 + omega**2))
        return direct + np.einsum("k,ka,kb->ab", along, self.couplings, self.couplings)

    def exponentials(self, terms: int = 0) -> tuple[NDArray[Any], NDArray[np.complex128]]:
        """The terms of C(t): weights c^p, (P, M, M), and exponents v_p, (P,).

        Args:
            terms: the number of Matsubara terms; P = 2K + terms.

        Raises:
            ValueError: for a negative number of terms.
        """
        terms = checks.count("terms", terms, minimum=0, maximum=10_000)
        weights, exponents = self._direct
        decays = 2 * np.pi * self.temperature * np.arange(1, terms + 1)
        own: NDArray[Any] = self._weights(decays)
        added = np.einsum("kn,ka,kb->nab", own, self.couplings, self.couplings)
        return np.concatenate([weights, added]), np.concatenate([exponents, decays])

    def remainder(self, terms: int) -> NDArray[np.float64]:
        """Σ c^n/ν_n of the Matsubara terms that `exponentials(terms)` leaves out, (M, M).

        They decay so fast that they act like white noise of this strength.

        Args:
            terms: the number of Matsubara terms that are kept.
        """
        terms = checks.count("terms", terms, minimum=0, maximum=10_000)
        weights, decays = self._matsubara
        strength = (weights[:, terms:] / decays[terms:]).sum(axis=1)
        return np.einsum("k,ka,kb->ab", strength, self.couplings, self.couplings)

    @property
    def _largest(self) -> float:
        """The largest frequency or linewidth."""
        return float(max(self.frequencies.max(), self.linewidths.max()))

    def _odd(self, omega: float) -> NDArray[np.float64]:
        """J(ω), (M, M)."""
        w, k = self.frequencies, self.linewidths
        # the difference of both lines, without the cancellation at small ω
        shape = 4 * k * w * omega / (((omega - w) ** 2 + k**2 / 4) * ((omega + w) ** 2 + k**2 / 4))
        return np.einsum("k,ka,kb->ab", shape, self.couplings, self.couplings)

    @cached_property
    def _direct(self) -> tuple[NDArray[Any], NDArray[np.complex128]]:
        """The terms of C(t) at ±ω_k: weights (2K, M, M) and exponents (2K,)."""
        w, k = self.frequencies, self.linewidths
        above = 1 / -np.expm1(-(w - 0.5j * k) / self.temperature)  # 1 + n(ω_k − iκ_k/2)
        cold = (w + 0.5j * k) / self.temperature
        below = np.exp(-cold) / -np.expm1(-cold)  # n(ω_k + iκ_k/2), also where e^(ω/T) overflows
        pairs = np.einsum("ka,kb->kab", self.couplings, self.couplings)
        weights = np.concatenate([above, below])[:, None, None] * np.concatenate([pairs, pairs])
        return weights, np.concatenate([1j * w + k / 2, -1j * w + k / 2])

    @cached_property
    def _matsubara(self) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """All Matsubara terms: weights for g = 1, (K, n), and ν_n, (n,)."""
        spacing = 2 * np.pi * self.temperature
        decays = spacing * np.arange(1, max(int(_TAIL * self._largest / spacing), 10_000) + 1)
        return self._weights(decays), decays

    def _weights(self, decays: NDArray[Any]) -> NDArray[np.float64]:
        """−iT J(−iν) of each mode with g = 1, (K, n)."""
        w, k = self.frequencies[:, None], self.linewidths[:, None]
        flat = w**2 - decays**2 + k**2 / 4
        bent = 2 * w * decays
        return -2 * self.temperature * k * bent / (flat**2 + bent**2)
