r"""Free space.

With ξ = k|r − r'| and r̂ the direction between the points,

.. math:: G = \frac{k}{4π}\left[(−y_0 + y_1/ξ)\,1 − y_2\,r̂r̂\right]
            + \frac{ik}{4π}\left[(j_0 − j_1/ξ)\,1 + j_2\,r̂r̂\right],

spherical Bessel functions of ξ: the usual e^{ikr}/4πr form, with real and imaginary part kept
apart so that neither loses digits to the other in the near field.
"""

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective import _checks

_COINCIDENT = 1e-90  # below this 1/ξ³ comes near the largest double
_SERIES_BELOW = 0.5  # the closed form of j₁/ξ cancels like ξ⁻²
_J0_SERIES = [(-1) ** n / factorial(2 * n + 1) for n in range(8)]
_J1_SERIES = [(-1) ** n * 2 * (n + 1) / factorial(2 * n + 3) for n in range(8)]


@dataclass(frozen=True)
class Vacuum:
    """Free space, at real wave numbers.

    Example:
        >>> import numpy as np, collective as co
        >>> G = co.Vacuum().green([0, 0, 0.25], [0, 0, 0], 2 * np.pi)
        >>> np.round(G[0, 0] * 6 * np.pi / (2 * np.pi), 6)
        np.complex128(-0.607927+0.567911j)
    """

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """G(r, r_source, k), (..., 3, 3), in inverse units of length.

        Args:
            r: field points, (..., 3).
            r_source: source points, (..., 3).
            k: real positive wave number; a number, or an array that broadcasts over the points.

        Returns:
            The tensor; at coincident points ik/6π·1.

        Raises:
            ValueError: for points that are not finite vectors or k that is not positive.
        """
        separation, k = _separations(r, r_source, k)
        distance = np.sqrt(np.einsum("...i,...i->...", separation, separation))
        xi = np.asarray(k * distance)
        apart = xi > _COINCIDENT
        safe = np.where(apart, xi, 1.0)
        j0, j1_over_xi = _bessel_j(safe)
        # y₀ and y₁/ξ; nothing cancels here: each is dominated by one term at small ξ
        cos, sin = np.cos(safe), np.sin(safe)
        y0 = -cos / safe
        y1_over_xi = (-cos / safe - sin) / safe / safe
        isotropic = np.empty(xi.shape, dtype=complex)
        isotropic.real = np.where(apart, y1_over_xi - y0, 0.0)
        isotropic.imag = np.where(apart, j0 - j1_over_xi, 2 / 3)
        along = np.empty(xi.shape, dtype=complex)
        along.real, along.imag = y0 - 3 * y1_over_xi, 3 * j1_over_xi - j0
        direction = separation / np.where(apart, distance, 1.0)[..., None]
        isotropic *= k / (4 * np.pi)
        along *= k / (4 * np.pi)
        tensor = np.empty((*xi.shape, 3, 3), dtype=complex)
        for i in range(3):
            for j in range(i + 1):
                entry = along * (direction[..., i] * direction[..., j])
                tensor[..., i, j] = tensor[..., j, i] = entry + isotropic if i == j else entry
        return tensor

    def scattered(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """Zero: nothing scatters in free space."""
        separation, _ = _separations(r, r_source, k)
        return np.zeros((*separation.shape, 3), dtype=complex)


def _separations(
    r: ArrayLike, r_source: ArrayLike, k: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r, r_source = np.asarray(r, dtype=float), np.asarray(r_source, dtype=float)
    for name, points in (("r", r), ("r_source", r_source)):
        if points.shape[-1:] != (3,):
            raise ValueError(f"{name} must have three components last, got shape {points.shape}")
        if not np.all(np.isfinite(points)):
            raise ValueError(f"{name} must be finite")
    k = _checks.finite("k", k)
    if np.any(k <= 0):
        raise ValueError(f"k must be a positive wave number, got {k.min():g}")
    return r - r_source, k


def _bessel_j(xi: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """j₀(ξ) and j₁(ξ)/ξ to round-off at every ξ > 0."""
    xi = np.asarray(xi)
    j0 = np.asarray(np.sin(xi) / xi)
    j1_over_xi = np.asarray((j0 - np.cos(xi)) / xi**2)
    small = xi < _SERIES_BELOW
    if np.any(small):
        square = xi[small] ** 2
        j0[small] = np.polynomial.polynomial.polyval(square, _J0_SERIES)
        j1_over_xi[small] = np.polynomial.polynomial.polyval(square, _J1_SERIES)
    return j0, j1_over_xi
