"""Γ and Δ of atoms with manifolds: whole tensors, for every polarisation.

For one line of wave number k and linewidth 1, d̃² = 3π/k³, Γ = (6π/k) Im G and Δ = −(3π/k) Re G are
3 × 3 matrices for every pair of places. Both are real, because G has a transposed partner. The
integral along the imaginary axis is −(3/k³)∫₀^∞dκ κ²k/(κ²+k²) G(iκ).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.progress import Progress
from collective.couplings.pairs import ATOL, CHUNK_BYTES, RTOL, upper_triangle
from collective.emitters import Atoms
from collective.fields.answers import imaginary_green, total_green
from collective.spectral.averages import lorentzian_averages
from collective.spectral.tensors import require_reciprocal

Tensors = NDArray[np.float64]


def unit_tensors(positions: NDArray[np.float64], field: Any, k: float) -> tuple[Tensors, Tensors]:
    """Γ and Δ between all components at all places, (N, 3, N, 3) each, in chunks of pairs."""
    n = len(positions)
    decay, shift = (np.empty((n, 3, n, 3)) for _ in range(2))
    require_same_tensors(positions, field, k)
    with Progress(n * (n + 1) // 2, "coupling atoms") as progress:
        for i, j in upper_triangle(n, CHUNK_BYTES):
            green = total_green(field, positions[i], positions[j], k)
            for matrix, tensor in (
                (decay, 6 * np.pi / k * green.imag),
                (shift, -3 * np.pi / k * green.real),
            ):
                matrix[i, :, j, :] = tensor
                matrix[j, :, i, :] = tensor.transpose(0, 2, 1)
            progress.step(len(i))
    return decay, shift


def unit_rows(positions: NDArray[np.float64], field: Any, k: float, m: int) -> list[Tensors]:
    """Γ and Δ between the components at place m and those at all places, (N, 3, 3) each."""
    n, step = len(positions), CHUNK_BYTES // 144
    found = [np.empty((n, 3, 3)) for _ in range(2)]
    for begin in range(0, n, step):
        others = slice(begin, begin + step)
        green = total_green(field, positions[m], positions[others], k)
        found[0][others] = 6 * np.pi / k * green.imag
        found[1][others] = -3 * np.pi / k * green.real
    return found


def require_same_tensors(positions: NDArray[np.float64], field: Any, k: float) -> None:
    """Raise unless G of some pairs is the transpose in the other order."""
    require_reciprocal(
        field,
        positions,
        lambda i, j: total_green(field, positions[i], positions[j], k),
        f"at k = {k:g}",
    )


def integral_tensors(
    positions: NDArray[np.float64], field: Any, k: float, *, pairs: bool
) -> Tensors:
    """The integral along the imaginary axis of all pairs, (N, 3, N, 3), or of each place alone."""
    n = len(positions)
    found = np.zeros((n, 3, n, 3))
    diagonal = np.arange(n), np.arange(n)
    # few pairs at a time, so that a field can reuse what it prepares for them at every κ
    chunks = upper_triangle(n, CHUNK_BYTES // 32) if pairs else iter([diagonal])
    with Progress(n * (n + 1) // 2 if pairs else n, "integrating level shifts") as progress:
        for i, j in chunks:
            farthest = float(np.linalg.norm(positions[i] - positions[j], axis=1).max())

            def integrand(kappa: float, i: Any = i, j: Any = j) -> NDArray[Any]:
                tensor = imaginary_green(field, positions[i], positions[j], kappa)
                return np.asarray(-3 * np.pi * kappa**2 / k**3 * tensor)

            values = lorentzian_averages(
                integrand,
                k,
                anchor=k,
                lowest=1 / farthest if farthest else np.inf,
                rtol=RTOL,
                atol=ATOL,
            )
            found[i, :, j, :] = values
            found[j, :, i, :] = values.transpose(0, 2, 1)
            progress.step(len(i))
    return found


def tensor_variation(atoms: Atoms, field: Any, width: float) -> float:
    """Largest change of Γ and Δ of fixed dipoles over a bandwidth, relative to it."""
    speed = atoms.speed_of_light
    if speed is None or width == 0:
        return 0.0
    change = 0.0
    for k, linewidth in zip(atoms.wavenumbers, atoms.linewidths, strict=True):
        low, high = (float(k + sign * width / (2 * speed)) for sign in (-1, 1))
        if low <= 0:
            return float("inf")
        # a unit linewidth stands for d² ∝ 1/k³; for a fixed dipole the factor k³ is restored
        below, above = (
            [(edge / k) ** 3 * part for part in unit_tensors(atoms.positions, field, edge)]
            for edge in (low, high)
        )
        largest = max(np.abs(b - a).max() for a, b in zip(below, above, strict=True))
        change = max(change, float(linewidth * largest))
    return change / width
