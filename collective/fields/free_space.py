r"""The Green's tensor of free space, at real and imaginary wave numbers.

With ξ = k|r − r'| and r̂ the direction between the points,

.. math:: G = \frac{k}{4π}\left[(−y_0 + y_1/ξ)\,1 − y_2\,r̂r̂\right]
            + \frac{ik}{4π}\left[(j_0 − j_1/ξ)\,1 + j_2\,r̂r̂\right],

spherical Bessel functions of ξ: the usual e^{ikr}/4πr form, with real and imaginary part kept
apart so that neither loses digits to the other in the near field. At k = iκ, x = κr:

.. math:: G = \frac{e^{−x}}{4πr}\left[(1 + 1/x + 1/x^2)\,1 − (1 + 3/x + 3/x^2)\,r̂r̂\right].
"""

from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective.fields.points import checked_pairs

_SQUARED_IS_TINY = 1e-140  # the square of a smaller length loses digits
_COINCIDENT = 1e-90  # for a smaller ξ, 1/ξ³ comes close to the largest double
_SERIES_BELOW = 0.5  # the closed form of j₁/ξ cancels like ξ⁻²
_J0_SERIES = [(-1) ** n / factorial(2 * n + 1) for n in range(8)]
_J1_SERIES = [(-1) ** n * 2 * (n + 1) / factorial(2 * n + 3) for n in range(8)]


def times_squared(
    squared: NDArray[np.complex128], tensor: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """k²G, or an error if it overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        tensor = squared[..., None, None] * tensor
    if not np.all(np.isfinite(tensor)):
        raise ValueError(
            "k² times the Green's tensor is too large for a number at k = "
            f"{np.sqrt(np.abs(squared).max()):.3g}"
        )
    return tensor


def separations(
    r: ArrayLike, r_source: ArrayLike, k: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Separations r − r', (..., 3), and k as an array, both checked."""
    field, source, k, _ = checked_pairs(r, r_source, k)
    return field - source, k


def free_green(
    separation: NDArray[np.float64], k: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """G = isotropic·1 + along·r̂r̂ for k all real or all imaginary."""
    distance = _length(separation)
    xi = np.asarray(np.abs(k) * distance)
    apart = xi > _COINCIDENT
    radial = _imaginary_axis if np.any(k.imag) else _real_axis
    isotropic, along = radial(np.where(apart, xi, 1.0), apart)
    scale = np.abs(k) / (4 * np.pi)
    with np.errstate(over="ignore", invalid="ignore"):
        isotropic, along = isotropic * scale, along * scale
    if not (np.all(np.isfinite(isotropic)) and np.all(np.isfinite(along))):
        raise ValueError(
            f"points {distance[distance > 0].min():.3g} apart at wave number "
            f"{np.abs(k).max():.3g}: the near field there is too large for a number"
        )
    direction = separation / np.where(apart, distance, 1.0)[..., None]
    tensor = np.empty((*xi.shape, 3, 3), dtype=complex)
    for i in range(3):
        for j in range(i + 1):
            entry = along * (direction[..., i] * direction[..., j])
            tensor[..., i, j] = tensor[..., j, i] = entry + isotropic if i == j else entry
    return tensor


def vacuum_green(r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
    """The tensor of free space, as `Vacuum.green` gives it."""
    return free_green(*separations(r, r_source, k))


def _length(separation: NDArray[np.float64]) -> NDArray[np.float64]:
    """|r − r'|, correct also if squares of the components underflow."""
    distance = np.sqrt(np.einsum("...i,...i->...", separation, separation))
    tiny = distance < _SQUARED_IS_TINY
    if np.any(tiny):
        largest = np.abs(separation).max(axis=-1)
        scale = np.where(largest > 0, largest, 1.0)
        scaled = np.linalg.norm(separation / scale[..., None], axis=-1)
        distance = np.where(tiny, scale * scaled, distance)
    return np.asarray(distance)


def _real_axis(
    xi: NDArray[np.float64], apart: NDArray[np.bool_]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    j0, j1_over_xi = _bessel_j(xi)
    # y₀ and y₁/ξ; nothing cancels here: each is dominated by one term at small ξ
    cos, sin = np.cos(xi), np.sin(xi)
    y0 = -cos / xi
    y1_over_xi = (-cos / xi - sin) / xi / xi
    isotropic = np.empty(xi.shape, dtype=complex)
    isotropic.real = np.where(apart, y1_over_xi - y0, 0.0)
    isotropic.imag = np.where(apart, j0 - j1_over_xi, 2 / 3)
    along = np.empty(xi.shape, dtype=complex)
    along.real, along.imag = y0 - 3 * y1_over_xi, 3 * j1_over_xi - j0
    return isotropic, along


def _imaginary_axis(
    x: NDArray[np.float64], apart: NDArray[np.bool_]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    decay = np.where(apart, np.exp(-x) / x, 0.0)
    isotropic = decay * (1 + (1 + 1 / x) / x)
    along = -decay * (1 + (3 + 3 / x) / x)
    return isotropic.astype(complex), along.astype(complex)


def _bessel_j(xi: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """j₀(ξ) and j₁(ξ)/ξ to round-off at every ξ > 0."""
    xi = np.asarray(xi)
    j0 = np.asarray(np.sin(xi) / xi)
    j1_over_xi = np.asarray((j0 - np.cos(xi)) / xi / xi)
    small = xi < _SERIES_BELOW
    if np.any(small):
        square = xi[small] ** 2
        j0[small] = np.polynomial.polynomial.polyval(square, _J0_SERIES)
        j1_over_xi[small] = np.polynomial.polynomial.polyval(square, _J1_SERIES)
    return j0, j1_over_xi
