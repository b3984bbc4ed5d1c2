"""Directions and solid angles whose weighted sums are integrals over the sphere or a cone."""

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require

_BYTES = 96  # per direction: its components, temporary arrays, its solid angle


def resolution(largest: float) -> tuple[int, int]:
    """Numbers of polar and azimuthal angles that integrate e^{iξn̂·r̂} to 10⁻¹², ξ up to largest."""
    # j_l(ξ) falls faster than exponentially once l exceeds ξ by a few ξ^⅓
    degree = int(np.ceil(largest + 9 * np.cbrt(largest) + 10))
    return degree // 2 + 1, degree + 1


def band(
    n_polar: int, n_azimuth: int, span: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions (P·A, 3) with cos θ from 1 − span to 1, and their solid angles (P·A,).

    Args:
        n_polar: P, number of polar angles.
        n_azimuth: A, number of azimuthal angles.
        span: range of cos θ, 2 for the whole sphere.
    """
    from scipy.special import roots_legendre

    require(
        _BYTES * n_polar * n_azimuth,
        f"a grid of {n_polar} × {n_azimuth} directions",
        "emitters far apart have fine lobes, which need many directions: use "
        "angular_pattern(result, directions) with the directions you need",
    )
    # scipy solves a tridiagonal matrix: ten thousand nodes take a few seconds
    nodes, weights = roots_legendre(n_polar)
    cosines = 1 - span / 2 * (1 - nodes)
    solid = span / 2 * weights * 2 * np.pi / n_azimuth
    directions = unit_vectors(cosines, azimuths(n_azimuth))
    return directions.reshape(-1, 3), np.repeat(solid, n_azimuth)


def azimuths(n: int) -> NDArray[np.float64]:
    """Evenly spaced angles from the x axis around z, (n,)."""
    return 2 * np.pi * np.arange(n) / n


def unit_vectors(cosines: NDArray[np.float64], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Directions of every cos θ and azimuth, (P, A, 3)."""
    sines = np.sqrt((1 - cosines) * (1 + cosines))[:, None]
    up = np.broadcast_to(cosines[:, None], (len(cosines), len(angles)))
    return np.stack([sines * np.cos(angles), sines * np.sin(angles), up], axis=-1)


def frame(pole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Three unit vectors as rows, (3, 3): two perpendicular to the pole (3,), and the pole."""
    least = np.eye(3)[np.argmin(np.abs(pole))]
    across = np.cross(pole, least)
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(pole, across), pole])


def extents(positions: NDArray[np.float64]) -> tuple[float, float]:
    """Largest distances of emitters across the z axis (an upper bound) and along it."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    across = positions[:, :2] - (low + high)[:2] / 2
    return float(2 * np.linalg.norm(across, axis=1).max()), float(high[2] - low[2])
