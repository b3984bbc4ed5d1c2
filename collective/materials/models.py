"""Permittivities in closed form: free carriers and bound charges."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective.materials.axis import finite_at, wavenumbers


@dataclass(frozen=True)
class Drude:
    r"""Free carriers: :math:`ε = ε_∞ − k_p^2/(k^2 + iγk)`.

    Args:
        plasma_wavenumber: k_p = ω_p/c, in inverse units of length.
        damping: γ/c ≥ 0, in inverse units of length.
        background: ε_∞ ≥ 1, from all resonances at higher frequencies.

    Raises:
        ValueError: if a number is outside its range.

    Example:
        >>> import numpy as np
        >>> from collective import materials
        >>> silver = materials.Drude.from_value(-50 + 0.6j, 2 * np.pi)
        >>> complex(silver.permittivity(2 * np.pi).round(9))
        (-50+0.6j)
    """

    plasma_wavenumber: float
    damping: float
    background: float = 1.0

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        checks.freeze(
            self,
            plasma_wavenumber=checks.wavenumber("plasma_wavenumber", self.plasma_wavenumber),
            damping=_damping("damping", self.damping),
            background=_background(self.background),
        )

    @classmethod
    def from_value(cls, epsilon: complex, k: float, *, background: float = 1.0) -> "Drude":
        """The Drude metal with permittivity ε at wave number k.

        Args:
            epsilon: ε(k) with Re ε < background and Im ε ≥ 0.
            k: real wave number, > 0.
            background: ε_∞.

        Raises:
            ValueError: if no Drude metal has this value.
        """
        array = checks.finite("epsilon", epsilon, complex)
        if array.shape:
            raise ValueError(f"epsilon must be one number, got shape {array.shape}")
        value = complex(array)
        k = checks.wavenumber("k", k)
        below = _background(background) - value.real
        if below <= 0 or value.imag < 0:
            raise ValueError(
                f"epsilon must have a real part below {background:g} and no negative imaginary "
                f"part, as every Drude metal has; got {value:g}"
            )
        damping = _damping("damping of such a metal", k * value.imag / below)
        return cls(float(np.sqrt(below) * np.hypot(k, damping)), damping, background)

    def permittivity(self, k: ArrayLike) -> NDArray[np.complex128]:
        """ε(k) for k > 0 or i times positive; the shape of k."""
        k = wavenumbers(k)
        with np.errstate(all="ignore"):
            value = self.background - self.plasma_wavenumber**2 / (k * (k + 1j * self.damping))
        return finite_at(k, value)


@dataclass(frozen=True, eq=False)
class Lorentz:
    r"""Bound charges: :math:`ε = ε_∞ + \sum_j s_j k_j^2/(k_j^2 − k^2 − iγ_jk)`.

    Args:
        strengths: s_j ≥ 0, what each resonance adds to the static ε; number or (J,).
        wavenumbers: k_j > 0, (J,).
        dampings: γ_j ≥ 0, (J,).
        background: ε_∞ ≥ 1.

    Raises:
        ValueError: if a number is outside its range, or the arrays have different lengths.

    Example:
        >>> from collective import materials
        >>> glass = materials.Lorentz([1.1], [60.0], [0.0])
        >>> float(glass.permittivity(6.0).real.round(6))
        2.111111
    """

    strengths: NDArray[np.float64]
    wavenumbers: NDArray[np.float64]
    dampings: NDArray[np.float64]
    background: float = 1.0

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        arrays = {
            name: np.atleast_1d(checks.finite(name, getattr(self, name)))
            for name in ("strengths", "wavenumbers", "dampings")
        }
        if len({array.shape for array in arrays.values()}) > 1 or arrays["strengths"].ndim > 1:
            raise ValueError(
                "strengths, wavenumbers and dampings must be lists of the same length, got shapes "
                + ", ".join(str(array.shape) for array in arrays.values())
            )
        for name, array in arrays.items():
            if np.any(array < 0) or (name == "wavenumbers" and np.any(array == 0)):
                raise ValueError(f"{name} must be positive, got {array.min():g}")
        for one in arrays["wavenumbers"]:
            checks.wavenumber("wavenumbers", one)
        for one in arrays["dampings"]:
            _damping("dampings", one)
        checks.freeze(self, **arrays, background=_background(self.background))

    def permittivity(self, k: ArrayLike) -> NDArray[np.complex128]:
        """ε(k) for k > 0 or i times positive; the shape of k."""
        k = wavenumbers(k)[..., None]
        resonances = self.wavenumbers**2
        if np.any((k == self.wavenumbers) & (self.dampings == 0)):
            at = float(self.wavenumbers[self.dampings == 0][0])
            raise ValueError(f"k must not be at the undamped resonance {at:g}, where ε is infinite")
        with np.errstate(all="ignore"):
            value = self.background + np.sum(
                self.strengths * resonances / (resonances - k**2 - 1j * self.dampings * k), axis=-1
            )
        return finite_at(k[..., 0], value)


def _damping(name: str, value: Any) -> float:
    """A checked damping rate ≥ 0."""
    number = checks.not_negative(name, value)
    if number > checks.LARGEST:
        raise ValueError(f"{name} must be at most {checks.LARGEST:g}, got {number:g}")
    return number


def _background(value: Any) -> float:
    """A checked ε_∞ ≥ 1."""
    number = checks.number("background", value)
    if number < 1:
        raise ValueError(f"background must be at least 1, got {number:g}")
    return number
