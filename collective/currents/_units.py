"""Units of the interaction of currents, and the checks of its arguments."""

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks

Units = Literal["atomic", "SI", "natural"]

_LARGEST = 1e60  # cubes of numbers between this and its inverse stay far inside a double


@dataclass(frozen=True)
class Constants:
    """Fundamental constants in one system of units.

    Attributes:
        speed_of_light: c.
        permeability: μ₀.
        charge: e, the elementary charge.
        mass: m, the electron's mass.
        hbar: ħ.
    """

    speed_of_light: float
    permeability: float
    charge: float = 1.0
    mass: float = 1.0
    hbar: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = positive(field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    @property
    def permittivity(self) -> float:
        """ε₀ = 1/μ₀c²."""
        return 1 / self.permeability / self.speed_of_light**2


def constants(units: Units = "atomic") -> Constants:
    """The constants in "atomic" units (ħ = m = e = 4πε₀ = 1), "SI", or "natural" (c = μ₀ = ħ = 1).

    Example:
        >>> import collective as co
        >>> round(co.currents.constants("atomic").speed_of_light, 6)
        137.035999
    """
    checks.choice("units", units, ("atomic", "SI", "natural"))
    if units == "natural":
        return Constants(1.0, 1.0)
    from scipy import constants as codata

    if units == "atomic":
        return Constants(1 / codata.alpha, 4 * np.pi * codata.alpha**2)
    return Constants(codata.c, codata.mu_0, codata.e, codata.m_e, codata.hbar)


def not_negative(name: str, value: Any) -> float:
    """A finite number ≥ 0."""
    return float(sized(name, checks.not_negative(name, value)))


def positive(name: str, value: Any) -> float:
    """A number whose cube neither over- nor underflows, above zero."""
    return float(lengths(name, checks.number(name, value, above=0)))


def temperatures(value: Any) -> float:
    """k_BT, zero or a number whose inverse is one."""
    number = not_negative("temperature", value)
    return positive("temperature", number) if number > 0 else 0.0


def wavevector(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """A vector (3,) whose cube neither over- nor underflows."""
    return np.asarray(sized(name, checks.vector(name, value)))


def velocities(name: str, value: ArrayLike, c: Constants) -> NDArray[np.float64]:
    """Velocities (..., 3) slower than light."""
    array = vectors(name, value)
    fastest = np.linalg.norm(array, axis=-1).max(initial=0.0)
    if fastest >= c.speed_of_light:
        raise ValueError(
            f"{name} must be slower than light, {c.speed_of_light:g} in these units: got "
            f"{fastest:g}"
        )
    return array


def sized(name: str, value: ArrayLike, dtype: type = float) -> NDArray[Any]:
    """Finite numbers whose cubes neither over- nor underflow, unless zero."""
    array = checks.finite(name, value, dtype)
    if np.any(np.abs(array) > _LARGEST):
        raise ValueError(f"{name} must not exceed {_LARGEST:g}, got {np.abs(array).max():g}")
    return array


def lengths(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Positive numbers."""
    array = sized(name, value)
    if np.any(array < 1 / _LARGEST):
        raise ValueError(
            f"{name} must be positive and at least {1 / _LARGEST:g}: got {array.min():g}"
        )
    return array


def vectors(name: str, value: ArrayLike, dtype: type = float) -> NDArray[Any]:
    """Vectors (..., 3)."""
    array = sized(name, value, dtype)
    if array.shape[-1:] != (3,):
        raise ValueError(f"{name} must have shape (..., 3), got {array.shape}")
    return array


def polar(separation: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances (...) and unit vectors (..., 3)."""
    array = vectors("separation", separation)
    r = lengths("the length of separation", np.linalg.norm(array, axis=-1))
    return r, array / r[..., None]


def frequencies(frequency: ArrayLike, name: str = "frequency") -> NDArray[np.complex128]:
    """Angular frequencies in the upper half plane, real axis included."""
    omega = sized(name, frequency, complex)
    if np.any(omega.imag < 0):
        raise ValueError(
            f"{name} must be real or in the upper half plane (time dependence e^{{−iωt}}), got "
            f"{omega[omega.imag < 0][0]:g}"
        )
    return omega + 0j  # −0 would choose the wrong side of the branch cut


def together(**shapes: tuple[int, ...]) -> None:
    """Raise unless the shapes, without any vector index, broadcast."""
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"the leading shapes must broadcast: {listed}") from None
