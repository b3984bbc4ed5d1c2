"""Checks of points in space and of wave numbers that broadcast."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.materials import wavenumbers


def checked_points(name: str, points: ArrayLike) -> NDArray[np.float64]:
    """Points in space, (..., 3), or an error that says what is wrong with them."""
    array = checks.finite(name, points)
    if array.shape[-1:] != (3,):
        raise ValueError(f"{name} must have three components last, got shape {array.shape}")
    return array


def checked_shapes(
    r: NDArray[np.float64], r_source: NDArray[np.float64], k: NDArray[Any], first: str = "r"
) -> tuple[int, ...]:
    """The shape of pairs of points and wave numbers that broadcast, or an error.

    Args:
        r: field points or directions, (..., 3).
        r_source: source points, (..., 3).
        k: wave numbers.
        first: name of r, for the error.
    """
    try:
        return np.broadcast_shapes(r.shape[:-1], r_source.shape[:-1], k.shape)
    except ValueError:
        raise ValueError(
            f"{first}, r_source and k must broadcast over points: their shapes are {r.shape}, "
            f"{r_source.shape} and {k.shape}"
        ) from None


def checked_pairs(
    r: ArrayLike, r_source: ArrayLike, k: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128], tuple[int, ...]]:
    """Field points, source points, (..., 3) each, and wave numbers as arrays, and their shape.

    Raises:
        ValueError: for anything but points and wave numbers of one axis that broadcast.
    """
    field, source = checked_points("r", r), checked_points("r_source", r_source)
    k = wavenumbers(k)
    return field, source, k, checked_shapes(field, source, k)


def below_surface(points: ArrayLike) -> NDArray[np.bool_]:
    """Which points (..., 3) are on or below the plane z = 0, (...)."""
    return np.asarray(checked_points("points", points)[..., 2] <= 0)


def require_above(name: str, points: NDArray[np.float64]) -> None:
    """Raise unless all points (..., 3) are above the plane z = 0."""
    wrong = points[..., 2] <= 0
    if np.any(wrong):
        raise ValueError(
            f"{name}: {points[wrong][0]} is on or below the surface z = 0; emitters and points "
            "must be above it, at z > 0"
        )
