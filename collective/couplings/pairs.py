"""Γ and Δ of every pair of emitters from a Green's tensor, never as one N×N×3×3 array.

Unit dipoles u and couplings per √(Γ_mΓ_n): Γ = (6π/k) u*·Im G·u and Δ = −(3π/k) u*·Re G·u, and the
part that scattered light and the RWA coupling add, −(3/k³)∫dκ κ²k/(κ²+k²) u*·G(iκ)·u. Between
emitters of different wave number k³ is (k_mk_n)^{3/2}: each dipole has its own size, 3πΓ_m/k_m³.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.progress import Progress
from collective.emitters import Emitters
from collective.fields.answers import imaginary_green, total_green
from collective.spectral.averages import lorentzian_averages
from collective.spectral.tensors import require_reciprocal

CHUNK_BYTES = 2**24
RTOL, ATOL = 1e-9, 1e-11  # of each integral, the latter in linewidths

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


def unit_couplings(
    emitters: Emitters, field: Any, k: float, *, shift: bool = True
) -> list[NDArray[Any]]:
    """[Γ, Δ] (or [Γ]) per √(Γ_mΓ_n) at one k, (N, N) each, computed in chunks of pairs m ≤ n."""
    n = len(emitters)
    positions, dipoles = emitters.positions, checks.real_if_possible(emitters.dipoles)
    factors = [6 * np.pi / k, -3 * np.pi / k] if shift else [6 * np.pi / k]
    matrices = [np.empty((n, n), dtype=dipoles.dtype) for _ in factors]
    require_same_both_ways(emitters, field, k)
    with Progress(n * (n + 1) // 2, "coupling emitters") as progress:
        for i, j in upper_triangle(n, CHUNK_BYTES):
            green = total_green(field, positions[i], positions[j], k)
            for matrix, tensor, factor in zip(
                matrices, (green.imag, green.real), factors, strict=False
            ):
                values = factor * _sandwich(dipoles[i], tensor, dipoles[j])
                matrix[i, j] = values
                matrix[j, i] = values.conj()
            progress.step(len(i))
    return matrices


def unit_row(emitters: Emitters, field: Any, k: float, m: int) -> list[NDArray[Any]]:
    """Row m of Γ and of Δ per √(Γ_mΓ_n) at one k, (N,) each."""
    n = len(emitters)
    positions, dipoles = emitters.positions, checks.real_if_possible(emitters.dipoles)
    found = [np.empty(n, dtype=dipoles.dtype) for _ in range(2)]
    step = CHUNK_BYTES // 144
    for begin in range(0, n, step):
        others = slice(begin, begin + step)
        green = total_green(field, positions[m], positions[others], k)
        left = np.broadcast_to(dipoles[m], (len(green), 3))
        found[0][others] = 6 * np.pi / k * _sandwich(left, green.imag, dipoles[others])
        found[1][others] = -3 * np.pi / k * _sandwich(left, green.real, dipoles[others])
    return found


def integral_parts(emitters: Emitters, field: Any, *, pairs: bool) -> NDArray[Any]:
    """−(3/k³)∫₀^∞dκ κ²k/(κ²+k²) u*·G(iκ)·u of every pair, or of the diagonal alone, (N, N).

    For two different wave numbers it is the average of the two values, as for the shift itself.
    """
    n, wavenumbers = len(emitters), emitters.wavenumbers
    positions, dipoles = emitters.positions, checks.real_if_possible(emitters.dipoles)
    found = np.zeros((n, n), dtype=dipoles.dtype)
    diagonal = np.arange(n), np.arange(n)
    # fewer pairs at a time, so that a field can reuse what it prepares for them at every κ
    chunks = upper_triangle(n, CHUNK_BYTES // 32) if pairs else iter([diagonal])
    with Progress(n * (n + 1) // 2 if pairs else n, "integrating level shifts") as progress:
        for i, j in chunks:
            sizes = 1.5 / (wavenumbers[i] * wavenumbers[j]) ** 1.5
            distances = np.linalg.norm(positions[i] - positions[j], axis=1)
            farthest = float(distances.max())

            def integrand(kappa: float, i: Any = i, j: Any = j, sizes: Any = sizes) -> NDArray[Any]:
                tensor = imaginary_green(field, positions[i], positions[j], kappa)
                strength = -np.pi * kappa**2 * sizes
                return np.asarray(strength * _sandwich(dipoles[i], tensor, dipoles[j]))

            values = lorentzian_averages(
                integrand,
                np.stack([wavenumbers[i], wavenumbers[j]]),
                anchor=float(wavenumbers.mean()),
                lowest=1 / farthest if farthest else np.inf,
                rtol=RTOL,
                atol=ATOL,
            ).sum(axis=0)
            found[i, j] = values
            found[j, i] = values.conj()
            progress.step(len(i))
    return found


@contextmanager
def with_way_out() -> Iterator[None]:
    """Errors of a field without imaginary wave numbers say which couplings need none."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            f"{error}. Only the shift of each level by its own scattered light needs them here: "
            "level_shifts=False leaves it out"
        ) from error


def upper_triangle(n: int, size: int) -> Iterator[Pairs]:
    """Indices of all pairs m ≤ n, whole rows at a time, in chunks of bounded tensors (bytes)."""
    start = 0
    while start < n:
        rows = np.arange(start, min(start + max(1, size // ((n - start) * 144)), n))
        lengths = n - rows
        first = np.repeat(rows, lengths)
        offsets = np.repeat(np.cumsum(lengths) - lengths, lengths)
        yield first, first + np.arange(len(first)) - offsets
        start = int(rows[-1]) + 1


def require_same_both_ways(emitters: Emitters, field: Any, k: float) -> None:
    """Raise if some pairs differ between their two orders, since only one order is evaluated."""
    r = emitters.positions
    require_reciprocal(field, r, lambda i, j: total_green(field, r[i], r[j], k), f"at k = {k:g}")


def averaged_shift(emitters: Emitters, field: Any) -> NDArray[Any]:
    """Δ per √(Γ_mΓ_n) averaged over the two wave numbers, each dipole of its own size."""
    positions, dipoles = emitters.positions, checks.real_if_possible(emitters.dipoles)
    n = len(emitters)
    one_sided = np.empty((n, n), dtype=dipoles.dtype)
    with Progress(n, "coupling detuned emitters") as progress:
        for k in np.unique(emitters.wavenumbers):
            rows = np.flatnonzero(emitters.wavenumbers == k)
            step = max(1, CHUNK_BYTES // (n * 144))
            for part in (rows[a : a + step] for a in range(0, len(rows), step)):
                green = total_green(field, positions[part, None], positions[None], float(k))
                left = np.repeat(dipoles[part], n, axis=0)
                right = np.tile(dipoles, (len(part), 1))
                values = _sandwich(left, green.real.reshape(-1, 3, 3), right)
                sizes = -3 * np.pi / k * (k / emitters.wavenumbers) ** 1.5
                one_sided[part] = sizes * values.reshape(len(part), n)
                progress.step(len(part))
    # reciprocity: the adjoint is the same pair at the other emitter's wave number
    return (one_sided + one_sided.conj().T) / 2


def _sandwich(left: NDArray[Any], tensor: NDArray[np.float64], right: NDArray[Any]) -> NDArray[Any]:
    """left* · T · right of every pair, (pairs,)."""
    product = np.einsum("pi,pi->p", left.conj(), np.einsum("pij,pj->pi", tensor, right))
    if np.iscomplexobj(product):
        # equal complex dipoles have real couplings: round-off must not make them complex
        round_off = 8 * np.finfo(float).eps * np.abs(tensor).max(axis=(-2, -1))
        product.imag[np.abs(product.imag) <= round_off] = 0.0
    return product


def linewidth_variation(emitters: Emitters, field: Any, width: float) -> float:
    """Largest change of Γ_mn and Δ_mn of fixed dipoles over a bandwidth, relative to it."""
    if emitters.frequency is None or width == 0:
        return 0.0
    k = float(emitters.wavenumbers.mean())
    edges = [k * (1 + sign * width / 2 / emitters.frequency) for sign in (-1, 1)]
    if edges[0] <= 0:
        return float("inf")
    # a unit linewidth stands for d² ∝ 1/k³; for a fixed dipole the factor k³ has to be restored
    strength = np.sqrt(emitters.decay_rates / emitters.wavenumbers**3)
    low, high = (
        [edge**3 * part for part in unit_couplings(emitters, field, edge)] for edge in edges
    )
    change = [
        np.abs((b - a) * strength[:, None] * strength).max() for a, b in zip(low, high, strict=True)
    ]
    return float(max(change) / width)
