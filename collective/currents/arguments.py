"""Checks of the arguments of `co.currents`: numbers whose powers stay in the range of doubles."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks

_LARGEST = 1e60  # cubes of numbers between this and its inverse stay far inside a double


def not_negative(name: str, value: Any) -> float:
    """A checked number ≥ 0."""
    return float(bounded(name, checks.not_negative(name, value)))


def positive(name: str, value: Any) -> float:
    """A checked number above zero, whose cube neither overflows nor underflows."""
    return float(positive_numbers(name, checks.number(name, value, above=0)))


def thermal_energy(value: Any) -> float:
    """A checked k_BT ≥ 0."""
    number = not_negative("temperature", value)
    return positive("temperature", number) if number > 0 else 0.0


def wavenumbers(q: ArrayLike) -> NDArray[np.float64]:
    """Checked lengths of wave vectors, ≥ 0."""
    array = bounded("q", q)
    if np.any(array < 0):
        raise ValueError(f"q must not be negative, got {array.min():g}; it is a wave number")
    return array


def wavevector(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """A checked vector (3,), whose cube neither overflows nor underflows."""
    return np.asarray(bounded(name, checks.vector(name, value)))


def velocities(name: str, value: ArrayLike, speed_of_light: float) -> NDArray[np.float64]:
    """Checked velocities (..., 3), slower than light."""
    array = vectors(name, value)
    fastest = np.linalg.norm(array, axis=-1).max(initial=0.0)
    if fastest >= speed_of_light:
        raise ValueError(
            f"{name} must be slower than light, {speed_of_light:g} in these units; got {fastest:g}"
        )
    return array


def bounded(name: str, value: ArrayLike, dtype: type = float) -> NDArray[Any]:
    """Checked numbers whose cubes do not overflow."""
    array = checks.finite(name, value, dtype)
    if np.any(np.abs(array) > _LARGEST):
        raise ValueError(f"{name} must not exceed {_LARGEST:g}, got {np.abs(array).max():g}")
    return array


def positive_numbers(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Checked positive numbers, whose cubes neither overflow nor underflow."""
    array = bounded(name, value)
    if np.any(array < 1 / _LARGEST):
        raise ValueError(
            f"{name} must be positive and at least {1 / _LARGEST:g}, got {array.min():g}"
        )
    return array


def vectors(name: str, value: ArrayLike, dtype: type = float) -> NDArray[Any]:
    """Checked vectors (..., 3)."""
    array = bounded(name, value, dtype)
    if array.shape[-1:] != (3,):
        raise ValueError(f"{name} must have shape (..., 3), got {array.shape}")
    return array


def distance_and_direction(
    separation: ArrayLike,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The distances (...) and unit vectors (..., 3) of checked separations."""
    array = vectors("separation", separation)
    r = positive_numbers("the length of separation", np.linalg.norm(array, axis=-1))
    return r, array / r[..., None]


def frequencies(frequency: ArrayLike, name: str = "frequency") -> NDArray[np.complex128]:
    """Checked angular frequencies, real or in the upper half plane."""
    omega = bounded(name, frequency, complex)
    if np.any(omega.imag < 0):
        raise ValueError(
            f"{name} must be real or in the upper half plane (time dependence is e^{{−iωt}}), got "
            f"{omega[omega.imag < 0][0]:g}"
        )
    return omega + 0j  # an imaginary part −0 would be on the wrong side of the branch cut


def require_broadcast(**shapes: tuple[int, ...]) -> None:
    """Raise unless these shapes, which exclude vector indices, broadcast."""
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"these shapes must broadcast: {listed}") from None
