"""Checks of the arguments of `SampledField`: shapes, axes, what is missing or given twice."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.fields.permittivity import spelled
from collective.fields.sampled.interpolation import SAME

PLACE = 1e-9  # wavelengths: how far a point may be from its sample


def checked_positions(value: Any) -> NDArray[np.float64]:
    """Checked positions (P, 3)."""
    positions = checks.finite("positions", value)
    if positions.ndim != 2 or positions.shape[1] != 3 or len(positions) == 0:
        raise ValueError(f"positions must have shape (P, 3), P ≥ 1, got {positions.shape}")
    return positions


def checked_wavenumbers(value: Any) -> NDArray[np.complex128]:
    """Checked wave numbers (K,), each on one of the two axes, and one of them real."""
    k = checks.finite("wavenumbers", value, complex)
    if k.ndim != 1 or len(k) == 0:
        raise ValueError(f"wavenumbers must be a list (K,), K ≥ 1, got shape {k.shape}")
    for one in k:
        real, imaginary = one.imag == 0 and one.real > 0, one.real == 0 and one.imag > 0
        if not real and not imaginary:
            raise ValueError(
                f"wavenumbers must be positive, or i times positive, got {one:g}: the other half "
                "of each axis follows from G(−k*) = G*(k)"
            )
        checks.wavenumber("wavenumbers", abs(one))
    if not np.any(k.real):
        raise ValueError("wavenumbers must contain at least one real wave number")
    ordered = k[sorted_axes(k)]
    gaps = np.abs(np.diff(ordered))  # from one axis to the other they are large
    if np.any(gaps <= 2 * SAME * np.abs(ordered[1:])):
        twice = ordered[int(np.argmin(gaps / np.abs(ordered[1:])))]
        raise ValueError(f"wavenumbers: {spelled(twice)} is given twice")
    return k


def sorted_axes(k: NDArray[np.complex128]) -> NDArray[np.intp]:
    """The order in which real wave numbers come first, and both axes increase."""
    return np.lexsort((np.abs(k), k.imag > 0))


def checked_numbers(value: Any) -> NDArray[np.complex128]:
    """Checked tensors of any shape; a missing pair is named."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc" and value.ndim == 5:
        missing = np.isnan(value).any(axis=(3, 4))
        if missing.any():
            n, i, j = (int(x) for x in np.argwhere(missing)[0])
            raise ValueError(
                f"tensors: {missing.sum()} of {missing.size} are missing (NaN), the first at wave "
                f"number {n} between the positions {i} and {j}; G(r', r) is the transpose of "
                "G(r, r')"
            )
    return checks.finite("tensors", value, complex)


def checked_tensors(
    value: Any, positions: NDArray[np.float64], k: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """A new array of checked tensors (K, P, P, 3, 3)."""
    tensors = checked_numbers(value)
    expected = (len(k), len(positions), len(positions), 3, 3)
    if tensors.shape != expected:
        raise ValueError(
            f"tensors must have the shape (K, P, P, 3, 3) = {expected}, which follows from "
            f"wavenumbers (K,) and positions (P, 3); got {tensors.shape}"
        )
    return tensors


def require_different(positions: NDArray[np.float64], k: NDArray[np.complex128]) -> None:
    """Raise for two samples at one place of wavelengths down to the shortest one."""
    if len(positions) == 1:
        return
    from scipy.spatial import cKDTree

    distances, partners = cKDTree(positions).query(positions, k=2)
    m = int(np.argmin(distances[:, 1]))
    shortest = 2 * np.pi / k.real.max()
    if distances[m, 1] <= 2 * PLACE * shortest:
        other = next(int(p) for p in partners[m] if p != m)
        raise ValueError(
            f"positions {min(m, other)} and {max(m, other)} are {distances[m, 1]:.3g} apart, "
            f"which is one place at wavelengths from {shortest:.3g} on: give each place once, in "
            "the unit of length of the wave numbers"
        )
