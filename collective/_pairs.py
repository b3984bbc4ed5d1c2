"""Γ and Δ of every pair of emitters from a Green's tensor, never as one N×N×3×3 array.

Unit dipoles u and couplings per √(Γ_mΓ_n): Γ = (6π/k) u*·Im G·u and Δ = −(3π/k) u*·Re G·u.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective import _checks
from collective._progress import Progress
from collective.emitters import Emitters
from collective.fields.protocol import total_green

_CHUNK_BYTES = 2**24


def unit_couplings(
    emitters: Emitters, field: Any, k: float, *, shift: bool = True
) -> list[NDArray[Any]]:
    """[Γ, Δ] (or [Γ]) per √(Γ_mΓ_n) at one k, from the upper triangle in row chunks."""
    n = len(emitters)
    positions, dipoles = emitters.positions, _checks.real_if_possible(emitters.dipoles)
    factors = [6 * np.pi / k, -3 * np.pi / k] if shift else [6 * np.pi / k]
    matrices = [np.empty((n, n), dtype=dipoles.dtype) for _ in factors]
    _require_reciprocal(emitters, field, k)
    with Progress(n, "coupling emitters") as progress:
        start = 0
        while start < n:
            rows = max(1, _CHUNK_BYTES // ((n - start) * 9 * 16))
            part, rest = slice(start, min(start + rows, n)), slice(start, n)
            green = total_green(field, positions[part, None], positions[None, rest], k)
            tensors = (green.imag, green.real)
            for matrix, tensor, factor in zip(matrices, tensors, factors, strict=False):
                block = factor * _sandwich(dipoles[part], tensor, dipoles[rest])
                matrix[part, rest] = block
                matrix[rest, part] = block.conj().T
            progress.step(part.stop - part.start)
            start = part.stop
    return matrices


def _require_reciprocal(emitters: Emitters, field: Any, k: float) -> None:
    """Only one order of each pair is evaluated: try on one pair that the other would agree."""
    if len(emitters) < 2:
        return
    r, other = emitters.positions[0], emitters.positions[-1]
    forth, back = total_green(field, r, other, k), total_green(field, other, r, k)
    miss = float(np.abs(forth - back.T).max())
    if miss > 1e-6 * float(np.abs(forth).max()):
        raise ValueError(
            f"field {field!r} is not reciprocal: G(r, r') and Gᵀ(r', r) differ by {miss:.2g} for "
            f"emitters 0 and {len(emitters) - 1}"
        )


def averaged_shift(emitters: Emitters, field: Any) -> NDArray[Any]:
    """Δ per √(Γ_mΓ_n), each pair averaged over the two wave numbers."""
    positions, dipoles = emitters.positions, _checks.real_if_possible(emitters.dipoles)
    one_sided = np.empty((len(emitters), len(emitters)), dtype=dipoles.dtype)
    with Progress(len(emitters), "coupling detuned emitters") as progress:
        for m, k in enumerate(emitters.wavenumbers):
            green = total_green(field, positions[m], positions, float(k))
            left, tensor = dipoles[m : m + 1], green.real[None]
            one_sided[m] = -3 * np.pi / k * _sandwich(left, tensor, dipoles)[0]
            progress.step()
    # reciprocity: the adjoint is the same pair at the other emitter's wave number
    return (one_sided + one_sided.conj().T) / 2


def _sandwich(left: NDArray[Any], tensor: NDArray[np.float64], right: NDArray[Any]) -> NDArray[Any]:
    """left*_m · T_mn · right_n for every pair, (M, N)."""
    product = np.einsum("mi,mni->mn", left.conj(), np.einsum("mnij,nj->mni", tensor, right))
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
    strength = np.sqrt(emitters.decay_rates)
    # a unit linewidth stands for d² ∝ 1/k³; a fixed dipole brings the k³ back
    low, high = (
        [(edge / k) ** 3 * part for part in unit_couplings(emitters, field, edge)] for edge in edges
    )
    change = [
        np.abs((b - a) * strength[:, None] * strength).max() for a, b in zip(low, high, strict=True)
    ]
    return float(max(change) / width)
