"""Rates γ(ω) and half-range shifts S(ω): `Bath`, and a field at a temperature as a bath."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks, equality
from collective.emitters import Multilevel
from collective.spectral.integrals import principal_value
from collective.spectral.sources import FieldTensors

_ZERO = 1e-12  # of the scale of the frequencies: below it γ is its limit T·J'(0)
_SMALLEST = 1e-200  # frequency: below it γ is that limit for any scale
_HOTTEST = 1e60  # temperature: above it occupations times rates overflow


@dataclass(frozen=True, eq=False)
class Bath:
    r"""Rates and half-range shifts over the coupling operators of a master equation.

    Args:
        gamma: ω → γ(ω), (M, M) Hermitian and positive semidefinite: the Fourier transform of
            the bath's correlation function. The system emits into the bath at ω > 0.
        shift: ω → S(ω) = P∫dω'/2π γ(ω')/(ω − ω'), (M, M) Hermitian. None: it is computed from γ
            by `principal_value`; γ must then decay.

    M is the number of coupling operators. These are the Cartesian components of all emitters
    (i, α) in order, 3N of them, or only those whose operator is not zero.

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

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.function("gamma", self.gamma)
        if self.shift is None:
            object.__setattr__(self, "shift", _Shift(self.gamma))
        checks.function("shift", self.shift)

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
            density: ω > 0 → J(ω), (M, M), which decays at large ω.
            temperature: T in units of rate.
            scale: the frequency over which J varies.

        Raises:
            ValueError: for a negative temperature, or a density that is not a square matrix.
        """
        checks.function("density", density)
        temperature = checked_temperature(temperature)
        scale = checks.number("scale", scale, above=0)
        shortest = min(scale, temperature) if temperature > 0 else scale  # over which γ varies
        rates = _Bosons(density, temperature, shortest)
        return cls(rates, _Shift(rates, scale))


# the functions of a bath are objects of classes, because a pickle cannot hold functions within
# functions


@dataclass(frozen=True)
class _Shift:
    """S(ω), the principal value of γ, which varies over a scale (None: not known)."""

    gamma: Callable[[float], NDArray[Any]]
    scale: float | None = None

    def __call__(self, omega: float) -> NDArray[Any]:
        if self.scale is not None:
            return np.asarray(principal_value(self.gamma, omega, scale=self.scale))
        try:
            return np.asarray(principal_value(self.gamma, omega))
        except ValueError as error:
            raise ValueError(
                f"bath: shift({omega:g}) from gamma: {error}; give shift= as a function"
            ) from error


@dataclass(frozen=True)
class _Bosons:
    """γ(ω) of bosons with a spectral density at a temperature; it varies over a scale."""

    density: Callable[[float], Any]
    temperature: float
    scale: float

    def __call__(self, omega: float) -> NDArray[Any]:
        return thermal_rates(self._odd, omega, self.temperature, self.scale)

    def _odd(self, omega: float) -> NDArray[Any]:
        """J(ω), continued to ω < 0."""
        at = abs(omega)
        values = checks.finite(f"density({at:g})", self.density(at), complex)
        if values.ndim != 2 or values.shape[0] != values.shape[1]:
            raise ValueError(
                f"density({at:g}) must be a square matrix (M, M), got shape {values.shape}"
            )
        values = checks.real_if_possible(values)
        return values if omega > 0 else -values.T  # J_ab(−ω) = −J_ba(ω)


def thermal_rates(
    odd_density: Callable[[float], NDArray[Any]], omega: float, temperature: float, scale: float
) -> NDArray[Any]:
    """γ(ω) = J(ω)(1 + n(ω)) of an odd J: (n+1)J at ω > 0, n(|ω|)J(|ω|) at ω < 0, T·J'(0) at 0."""
    omega = checks.number("omega", omega)
    step = max(_ZERO * scale, _SMALLEST)
    if abs(omega) < step:
        return temperature * np.asarray(odd_density(step)) / step
    if temperature == 0:
        return np.asarray(odd_density(omega)) * (omega > 0)
    with np.errstate(over="ignore"):
        return -np.asarray(odd_density(omega)) / np.expm1(-omega / temperature)


def bath(multilevel: Multilevel, field: Any, temperature: float = 0.0) -> Bath:
    r"""A field at a temperature, as a bath of unit dipoles with matrices (3N, 3N).

    γ(ω) = (n+1)J(ω) at ω > 0, nJ(``|ω|``) at ω < 0, T·J'(0) at 0, n = 1/(e^{``|ω|``/T} − 1), and

    .. math::

        S = \tfrac12K(ω)[1 + \coth(ω/2T)]
        + \tfrac{T}{2}\Bigl[\frac{F(0)}{ω} + \sum_{n≥1} \frac{2ωF(iν_n)}{ω^2+ν_n^2}\Bigr],
        \quad ν_n = 2πnT

    with J, K of `interaction` and F on the imaginary axis; S(0) = K(0)/2. The part of S
    that an emitter in vacuum has alone diverges and is left out: the levels are already
    renormalised. The part that the field scatters back to an emitter is finite and is included. It
    shifts levels, differently for each direction of the dipole, and mixes levels of equal energy.

    Args:
        multilevel: the emitters.
        field: `Vacuum()` or any `Field` that also takes imaginary wave numbers.
        temperature: T in units of rate (ħ = k_B = 1).

    Raises:
        ValueError: for a negative temperature, emitters whose interaction diverges, a field that
            is not reciprocal, or magnetic dipoles in a field without `magnetic_green`.

    Example:
        >>> import collective as co
        >>> pair = co.Multilevel.from_emitters(co.chain(2, 0.1, frequency=1e6))
        >>> bath = co.spectral.bath(pair, co.Vacuum())
        >>> bath.gamma(1e6).shape
        (6, 6)
    """
    checks.instance("multilevel", multilevel, Multilevel, "co.Multilevel(...)")
    return FieldBath(FieldTensors(multilevel, field), checked_temperature(temperature)).bath()


class FieldBath:
    """γ(ω) and S(ω) of a field at a temperature; each tensor of the field is computed once.

    Attributes:
        tensors: F of every pair.
        temperature: T in units of rate.
    """

    def __init__(self, tensors: FieldTensors, temperature: float):
        self.tensors, self.temperature = tensors, temperature

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FieldBath):
            return NotImplemented
        return equality.equal(self._parts, other._parts)

    def __hash__(self) -> int:
        return equality.digest(self._parts)

    @property
    def _parts(self) -> tuple[Multilevel, Any, float]:
        """The emitters, the field and the temperature."""
        return self.tensors.multilevel, self.tensors.field, self.temperature

    def __repr__(self) -> str:
        return f"FieldBath({self.tensors.field!r}, temperature={self.temperature:g})"

    def bath(self) -> Bath:
        """The same as a `Bath`."""
        return Bath(self.gamma, self.shift)

    def gamma(self, omega: float) -> NDArray[np.float64]:
        """γ(ω), (3N, 3N)."""

        def density(omega: float) -> NDArray[np.float64]:
            return np.sign(omega) * self.tensors.matrix(self.tensors.real(abs(omega)).imag)

        if omega == 0 and self.temperature == 0:
            size = 3 * len(self.tensors.multilevel)
            return np.zeros((size, size))
        return thermal_rates(density, omega, self.temperature, self.tensors.largest)

    def shift(self, omega: float) -> NDArray[np.float64]:
        """S(ω), (3N, 3N)."""
        return self.shifts([omega])[0]

    def shifts(
        self, frequencies: list[float], *, own_only: bool = False
    ) -> list[NDArray[np.float64]]:
        """S at many frequencies from one grid of wave numbers; see `FieldTensors.half_ranges`."""
        frequencies = [checks.number("omega", omega) for omega in frequencies]
        return self.tensors.half_ranges(frequencies, self.temperature, own_only=own_only)


def checked_temperature(temperature: float) -> float:
    """A checked temperature ≥ 0 in units of rate."""
    temperature = checks.not_negative("temperature", temperature)
    if temperature > _HOTTEST:
        raise ValueError(
            f"temperature must be below {_HOTTEST:g} in units of rate, got {temperature:g}"
        )
    return temperature
