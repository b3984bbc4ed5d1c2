"""Tables of the kernels of the driven engine, and the memory in which they work."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collective.couplings import noise
from collective.couplings.couplings import Couplings
from collective.engines.basis.configurations import interaction_energies
from collective.engines.driven import packed as _packed
from collective.engines.driven.columns import Columns
from collective.engines.numerics.alignment import aligned
from collective.engines.numerics.lanes import LANES


class Tables(NamedTuple):
    """Tables that do not change between applications; n = 2^N configurations, at least eight.

    Attributes:
        order: (n,), configurations by excitation number: loops of equal length follow each other.
        hops: (n,), number of configurations that H_eff reaches by moving an excitation.
        partner: (n, ·), these configurations.
        pair: (n, ·), where X and Y of the move back are in `weights`.
        weights: (2N²,), X and Y of one excitation, of row l and column m at 2(l·N + m).
        diagonal: (2n,), X and Y of the configurations themselves, with their Ising terms.
        ones: (n,), number of excited emitters.
        lowered: (n, N), the configurations with one excitation fewer, the lowest bit first.
        site: (n, N), the emitter that has lost it.
        jumps: (2, N, N), G and −G', or (1, N, N) for a real Γ.
        dephasing: (N,), rates of dephasing, or (0,) without it, or if they are a matrix.
        pump: (N,), rates of the pump, or (0,) without one, or if they are a matrix.
        images: (G, n), to which configuration each symmetry takes each of them.
        columns: (P, 8), the stored columns.
        copies: (P, 8), the number of columns for which each stands.
        turns: (T, 2), symmetry and panel of each turn.
        places: (T, 8), the configurations that it reaches, n for none.
    """

    order: NDArray[np.uint64]
    hops: NDArray[np.int64]
    partner: NDArray[np.uint32]
    pair: NDArray[np.uint32]
    weights: NDArray[np.float64]
    diagonal: NDArray[np.float64]
    ones: NDArray[np.int64]
    lowered: NDArray[np.uint32]
    site: NDArray[np.uint32]
    jumps: NDArray[np.float64]
    dephasing: NDArray[np.float64]
    pump: NDArray[np.float64]
    images: NDArray[np.uint32]
    columns: NDArray[np.uint32]
    copies: NDArray[np.float64]
    turns: NDArray[np.int64]
    places: NDArray[np.uint32]


class Scratch(NamedTuple):
    """Memory of one thread.

    Attributes:
        x: (n + 1, 4, 8), R and Rᵀ of two panels; the last row takes what belongs to no row.
        uv: (4, n, 8), their U and V.
        raised: (8, N, 8), for each of eight rows, one row of Rᵀ for each emitter.
        rates: (2N, N, 8), G_nm of the emitter m and the n-th emitter that is not excited in the
            column of a lane; then G'_mn.
        rows: (G·N, 8), the rows of R that a turn reads.
        lanes: (8,), the numbers 0 … 7.
        loss: (n, 8), minus the rates of dephasing, or (0, 8).
        steps: (N, 8), how they change if one more emitter is excited in the row.
    """

    x: NDArray[np.float64]
    uv: NDArray[np.float64]
    raised: NDArray[np.float64]
    rates: NDArray[np.float64]
    rows: NDArray[np.uint32]
    lanes: NDArray[np.uint32]
    loss: NDArray[np.float64]
    steps: NDArray[np.float64]


def scratch(tables: Tables) -> Scratch:
    """The memory of one thread."""
    size, n, dephased = len(tables.order), tables.jumps.shape[1], len(tables.dephasing) > 0
    return Scratch(
        x=aligned((size + 1, 4, LANES)),
        uv=aligned((4, size, LANES)),
        raised=aligned((LANES, n, LANES)),
        rates=aligned((2 * n, n, LANES)),
        rows=np.zeros((len(tables.images) * n, LANES), dtype=np.uint32),
        lanes=np.arange(LANES, dtype=np.uint32),
        loss=aligned((size * dephased, LANES)),
        steps=aligned((n * dephased, LANES)),
    )


def energies(couplings: Couplings, n: int) -> Any:
    """Ising energies of the configurations of n emitters without their mean, (2^n,); 0 for none."""
    if couplings.ising is None:
        return 0.0
    ising, real = np.zeros((n, n)), slice(0, len(couplings))
    ising[real, real] = couplings.ising
    found = interaction_energies(ising, np.arange(1 << n))
    return found - found.mean()


def tables(couplings: Couplings, columns: Columns) -> Tables:
    """The `Tables` of a problem, with the idle emitters."""
    n = _packed.padded(len(couplings))
    every = np.arange(1 << n)
    excited = (every[:, None] >> np.arange(n)) & 1 == 1
    ones = np.bitwise_count(every).astype(np.int64)
    one = np.zeros((n, n), dtype=complex)  # H_eff of one excitation
    real = slice(0, len(couplings))
    one[real, real] = couplings.effective_hamiltonian()
    pump, dephasing = np.zeros(n), np.zeros(n)
    pump[real] = noise.own(couplings.pump)
    if couplings.dephasing.ndim == 1:
        dephasing[real] = couplings.dephasing
    moving = one != 0
    if couplings.pump.ndim == 2:  # its jumps are those of `sharing`
        between = couplings.pump - np.diag(pump[real])
        one[real, real] -= 0.5j * between
        moving[real, real] |= (between != 0) | (one[real, real] != 0)
    jumps = np.zeros((n, n), dtype=complex)
    jumps[real, real] = couplings.decay

    moves = [(m, k) for m in range(n) for k in range(n) if m != k and moving[m, k]]
    hops = np.zeros(len(every), dtype=np.int64)
    partner = np.zeros((len(every), max(1, (n // 2) * (n - n // 2))), dtype=np.uint32)
    pair = np.zeros_like(partner)
    for m, k in moves:  # ⟨i|σ⁺_mσ⁻_k|j⟩: m is excited in i, k is not
        rows = every[excited[:, m] & ~excited[:, k]]
        partner[rows, hops[rows]] = rows ^ (1 << m) ^ (1 << k)
        pair[rows, hops[rows]] = 2 * (m * n + k)
        hops[rows] += 1
    lowered = np.zeros((len(every), n), dtype=np.uint32)
    site = np.zeros_like(lowered)
    place = np.zeros(len(every), dtype=np.int64)
    for m in range(n):
        rows = every[excited[:, m]]
        lowered[rows, place[rows]] = rows ^ (1 << m)
        site[rows, place[rows]] = m
        place[rows] += 1

    diagonal = excited @ np.diag(one) - 0.5j * (~excited @ pump)
    diagonal += energies(couplings, n)
    turns, places = columns.turns
    return Tables(
        order=np.argsort(ones, kind="stable").astype(np.uint64),
        hops=hops,
        partner=partner,
        pair=pair,
        weights=one.ravel().view(float),
        diagonal=diagonal.view(float),
        ones=ones,
        lowered=lowered,
        site=site,
        jumps=np.stack([jumps.real, jumps.imag] if jumps.imag.any() else [jumps.real]),
        dephasing=dephasing if dephasing.any() else np.zeros(0),
        pump=pump if pump.any() and couplings.pump.ndim == 1 else np.zeros(0),
        images=columns.images,
        columns=columns.stored,
        copies=columns.weights,
        turns=turns,
        places=places,
    )
