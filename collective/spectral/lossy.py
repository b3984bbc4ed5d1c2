r"""Baths whose correlation functions are sums of exponentials: lossy modes and damped oscillators.

With the coupling H = Σ_a A_a ⊗ B_a, a bath of bosons is known by

.. math:: C_{ab}(t) = ⟨B_a(t)B_b(0)⟩ = \sum_p c_{ab}^p\, e^{−v_p t}, \quad t ≥ 0, \qquad
          ½γ(ω) + iS(ω) = \sum_p \frac{c^p}{v_p − iω} .

`LossyModes` has positive c only: each term is a mode that a master equation can hold. In
`BrownianModes`, whose γ(ω) obeys detailed balance, c has any sign, and a hierarchy of equations
treats it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective.spectral.baths import checked_temperature, thermal_rates

_TAIL = 1e3  # of the largest frequency: terms of the Matsubara sum above it are below 1e-12
_COLDEST = 1e-4  # of the largest frequency, with 10^7 terms of the Matsubara sum


@dataclass(frozen=True, eq=False)
class LossyModes:
    r"""Modes of harmonic oscillators that leak into the vacuum, as a bath: a sum of Lorentzians.

    Mode k of frequency ω_k loses its energy at the rate κ_k, and couples to the emitters by
    Σ_a A_a(g_ak b_k + g*_ak b†_k), where A_a are the coupling operators. Then

    .. math:: γ_{ab}(ω) = \sum_k \frac{g_{ak}g_{bk}^*\,κ_k}{(ω−ω_k)^2 + κ_k^2/4}, \qquad
              S_{ab}(ω) = \sum_k \frac{g_{ak}g_{bk}^*(ω−ω_k)}{(ω−ω_k)^2 + κ_k^2/4}

    at every ω. A mode of negative ω_k gives energy to the emitters. `thermal` uses such modes for
    light at a temperature.

    `master_equation`, `interaction` and `compare` take it as they take a `Bath`. With "modes"
    `compare` also keeps the modes themselves, which is exact.

    Args:
        frequencies: ω_k, (K,), or one number.
        linewidths: κ_k > 0, (K,), or one number for all modes.
        couplings: g_ak, (K, M), one row for each mode, or (M,) for one mode. M is the number of
            coupling operators, as for `Bath`. Rates and frequencies have the same unit.

    Raises:
        ValueError: for a linewidth that is not above zero, or arrays that do not fit.

    Source: B. M. Garraway, Phys. Rev. A 55, 2290 (1997); D. Tamascelli, A. Smirne,
    S. F. Huelga and M. B. Plenio, Phys. Rev. Lett. 120, 030402 (2018).

    Example:
        >>> from collective import spectral
        >>> modes = spectral.LossyModes(1.6, 0.5, [0.05, 0.04])
        >>> modes.gamma(1.6).round(6)
        array([[0.02  , 0.016 ],
               [0.016 , 0.0128]])
    """

    frequencies: Any
    linewidths: Any
    couplings: Any

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.freeze(
            self, **_checked_modes(self.frequencies, self.linewidths, self.couplings, complex)
        )

    def __len__(self) -> int:
        return len(self.frequencies)

    def gamma(self, omega: float) -> NDArray[Any]:
        """γ(ω), (M, M).

        Args:
            omega: ω, in units of rate.
        """
        return 2 * _half_range(*self.exponentials(), omega)[0]

    def shift(self, omega: float) -> NDArray[Any]:
        """S(ω), (M, M).

        Args:
            omega: ω, in units of rate.
        """
        return _half_range(*self.exponentials(), omega)[1]

    def exponentials(self) -> tuple[NDArray[Any], NDArray[np.complex128]]:
        """The terms of C(t): weights c^p, (K, M, M), and exponents v_p = iω_p + κ_p/2, (K,)."""
        g = checks.real_if_possible(self.couplings)
        return g[:, :, None] * g.conj()[:, None], 1j * self.frequencies + self.linewidths / 2

    def thermal(self, temperature: float) -> "LossyModes":
        r"""The same modes if the surroundings into which they leak have a temperature.

        A mode then holds n_k = 1/(e^{ω_k/T} − 1) quanta, and its correlation function is

        .. math:: C(t) = gg^†(n_k+1)\,e^{−iω_kt−κ_kt/2} + (gg^†)^*\,n_k\,e^{iω_kt−κ_kt/2} .

        This is exactly the bath of two modes in vacuum, one at ω_k with the coupling √(n_k+1) g
        and one at −ω_k with √n_k g*. These are returned. n_k is the same over the whole line, as it
        is in the usual master equation of a damped mode. So γ(−ω) = e^{−ω/T}γ(ω) holds at
        ω = ω_k only; `BrownianModes` have it at every ω.

        Args:
            temperature: T ≥ 0 in units of rate (ħ = k_B = 1).

        Returns:
            `LossyModes` with 2K modes, or these modes for T = 0.

        Raises:
            ValueError: for a negative temperature, or a mode whose frequency is not above zero.

        Example:
            >>> from collective import spectral
            >>> warm = spectral.LossyModes(1.0, 0.2, [0.1]).thermal(1 / np.log(2))  # n = 1
            >>> len(warm), warm.couplings.real.round(4).ravel().tolist()
            (2, [0.1414, 0.1])
        """
        temperature = checked_temperature(temperature)
        if temperature == 0:
            return self
        _require_positive("thermal", self.frequencies)
        with np.errstate(over="ignore"):
            photons = 1 / np.expm1(self.frequencies / temperature)
        up, down = np.sqrt(photons + 1)[:, None], np.sqrt(photons)[:, None]
        return LossyModes(
            np.concatenate([self.frequencies, -self.frequencies]),
            np.concatenate([self.linewidths, self.linewidths]),
            np.concatenate([up * self.couplings, down * self.couplings.conj()]),
        )


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
        arrays = _checked_modes(self.frequencies, self.linewidths, self.couplings, float)
        _require_positive("BrownianModes", arrays["frequencies"])
        checks.freeze(self, **arrays, temperature=checked_temperature(temperature))
        if temperature < _COLDEST * self._largest:
            raise ValueError(
                f"temperature must be at least {_COLDEST * self._largest:g}, 1e-4 of the largest "
                f"frequency or linewidth, got {temperature:g}; LossyModes are a bath at T = 0"
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
        direct = _half_range(*self._direct, omega)[1]
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
        added = np.einsum("kn,ka,kb->nab", self._weights(decays), self.couplings, self.couplings)
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
        below = 1 / np.expm1((w + 0.5j * k) / self.temperature)  # n(ω_k + iκ_k/2)
        pairs = np.einsum("ka,kb->kab", self.couplings, self.couplings)
        weights = np.concatenate([above, below])[:, None, None] * np.concatenate([pairs, pairs])
        return weights, np.concatenate([1j * w + k / 2, -1j * w + k / 2])

    @cached_property
    def _matsubara(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """All Matsubara terms: weights for g = 1, (K, n), and ν_n, (n,)."""
        spacing = 2 * np.pi * self.temperature
        decays = spacing * np.arange(1, max(int(_TAIL * self._largest / spacing), 10_000) + 1)
        return self._weights(decays), decays

    def _weights(self, decays: NDArray[np.float64]) -> NDArray[np.float64]:
        """−iT J(−iν) of each mode with g = 1, (K, n)."""
        w, k = self.frequencies[:, None], self.linewidths[:, None]
        flat = w**2 - decays**2 + k**2 / 4
        bent = 2 * w * decays
        return -2 * self.temperature * k * bent / (flat**2 + bent**2)


def _checked_modes(
    frequencies: ArrayLike, linewidths: ArrayLike, couplings: ArrayLike, dtype: type
) -> dict[str, NDArray[Any]]:
    """ω_k (K,), κ_k (K,) and g_ak (K, M), checked."""
    found = np.atleast_1d(checks.finite("frequencies", frequencies))
    if found.ndim != 1 or not len(found):
        raise ValueError(
            f"frequencies must be a list of one number per mode, got shape {found.shape}"
        )
    widths = np.atleast_1d(checks.finite("linewidths", linewidths))
    if widths.shape not in (found.shape, (1,)):
        raise ValueError(
            f"linewidths must be one number, or one per mode, {len(found)}; got shape "
            f"{widths.shape}"
        )
    if not np.all(widths > 0):
        raise ValueError(
            f"linewidths must be above zero, got {widths.min():g}; a mode that does not leak "
            "belongs into the system"
        )
    g = checks.finite("couplings", couplings, dtype)
    if g.ndim == 1:
        g = g[None]
    if g.ndim != 2 or len(g) != len(found) or not g.shape[1]:
        raise ValueError(
            f"couplings must have one row per mode, {len(found)}, and one column per coupling "
            f"operator; got shape {np.shape(couplings)}"
        )
    return {
        "frequencies": found,
        "linewidths": np.broadcast_to(widths, found.shape).copy(),
        "couplings": g,
    }


def _require_positive(who: str, frequencies: NDArray[np.float64]) -> None:
    """Raise unless every mode has a positive frequency."""
    if not np.all(frequencies > 0):
        raise ValueError(
            f"{who}: frequencies must be above zero, because n = 1/(e^(ω/T) − 1) is that of a "
            f"mode of positive frequency; got {frequencies.min():g}"
        )


def _half_range(
    weights: NDArray[Any], exponents: NDArray[np.complex128], omega: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """½γ(ω) and S(ω), (M, M): the Hermitian parts of Σ c/(v − iω)."""
    omega = checks.number("omega", omega)
    total = np.tensordot(1 / (exponents - 1j * omega), weights, axes=1)
    back = total.conj().T
    return checks.real_if_possible((total + back) / 2), checks.real_if_possible((total - back) / 2j)
