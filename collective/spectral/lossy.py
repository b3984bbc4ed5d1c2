r"""`LossyModes`: a bath whose correlation functions are exponentials with positive weights.

With the coupling H = Σ_a A_a ⊗ B_a, a bath of bosons is known by

.. math:: C_{ab}(t) = ⟨B_a(t)B_b(0)⟩ = \sum_p c_{ab}^p\, e^{−v_p t}, \quad t ≥ 0, \qquad
          ½γ(ω) + iS(ω) = \sum_p \frac{c^p}{v_p − iω} .

Each term with c ⪰ 0 is a mode that a master equation can hold. `BrownianModes` have c of any sign.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective.spectral.baths import checked_temperature

_NARROWEST = 1e-14  # linewidth of a mode of frequency 1, with a few digits left


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
            self, **checked_modes(self.frequencies, self.linewidths, self.couplings, complex)
        )

    def __len__(self) -> int:
        return len(self.frequencies)

    def gamma(self, omega: float) -> NDArray[Any]:
        """γ(ω), (M, M).

        Args:
            omega: ω, in units of rate.
        """
        return 2 * half_range(*self.exponentials(), omega)[0]

    def shift(self, omega: float) -> NDArray[Any]:
        """S(ω), (M, M).

        Args:
            omega: ω, in units of rate.
        """
        return half_range(*self.exponentials(), omega)[1]

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
        require_positive("thermal", self.frequencies)
        with np.errstate(over="ignore", divide="ignore"):
            photons = 1 / np.expm1(self.frequencies / temperature)
        if not np.all(np.isfinite(photons)):
            raise ValueError(
                f"temperature = {temperature:g} is too high for a mode of frequency "
                f"{self.frequencies.min():g}: its number of quanta overflows"
            )
        up, down = np.sqrt(photons + 1)[:, None], np.sqrt(photons)[:, None]
        return LossyModes(
            np.concatenate([self.frequencies, -self.frequencies]),
            np.concatenate([self.linewidths, self.linewidths]),
            np.concatenate([up * self.couplings, down * self.couplings.conj()]),
        )


def checked_modes(
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
            f"linewidths must be one number, or one per mode: frequencies has {len(found)}, "
            f"linewidths has shape {widths.shape}"
        )
    smallest = np.maximum(_NARROWEST * np.abs(found), 1 / checks.LARGEST)
    if np.any(wrong := widths < smallest):
        k = int(np.argmax(wrong))
        raise ValueError(
            f"linewidths must be above zero, at least {smallest[k]:g} at the frequency of mode "
            f"{k}, got {np.broadcast_to(widths, found.shape)[k]:g}; a mode that does not leak "
            "belongs into the system"
        )
    g = checks.finite("couplings", couplings, dtype)
    if g.ndim == 1:
        g = g[None]
    if g.ndim != 2 or len(g) != len(found) or not g.shape[1]:
        raise ValueError(
            f"couplings must have one row per mode, and frequencies has {len(found)}, and one "
            f"column per coupling operator; got shape {np.shape(couplings)}"
        )
    return {
        "frequencies": found,
        "linewidths": np.broadcast_to(widths, found.shape).copy(),
        "couplings": g,
    }


def require_positive(who: str, frequencies: NDArray[np.float64]) -> None:
    """Raise unless every mode has a positive frequency."""
    if not np.all(frequencies > 0):
        raise ValueError(
            f"{who}: frequencies must be above zero, because n = 1/(e^(ω/T) − 1) is that of a "
            f"mode of positive frequency; got {frequencies.min():g}"
        )


def half_range(
    weights: NDArray[Any], exponents: NDArray[np.complex128], omega: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """½γ(ω) and S(ω), (M, M): the Hermitian parts of Σ c/(v − iω)."""
    omega = checks.number("omega", omega)
    total = np.tensordot(1 / (exponents - 1j * omega), weights, axes=1)
    back = total.conj().T
    return checks.real_if_possible((total + back) / 2), checks.real_if_possible((total - back) / 2j)
