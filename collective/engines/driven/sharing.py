r"""Pump and dephasing given as matrices: what they add to the generator, in a kernel of its own.

The notation is that of `kernels`. A pump P adds, beside its part of H_eff,

.. math:: \sum_{mn} P_{mn} σ^+_m ρ σ^-_n, \qquad
          (ij) → \sum_{mn} P_{mn} ρ(i − m, j − n),

which is the jump of a decay :math:`P^T` between configurations in which excited and not excited
are exchanged. Dephasing D multiplies each entry of ρ by a rate, in which i and j are rows of N
numbers 0 and 1,

.. math:: \dot ρ(i, j) = … + (2\,i^TDj − i^T\mathrm{Re}D\,i − j^T\mathrm{Re}D\,j)\,ρ(i, j).

Its imaginary part turns R(i, j) into R(j, i).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled
from collective.couplings.couplings import Couplings
from collective.engines.driven import packed as _packed
from collective.engines.driven.kernels import jump, transposed_panel
from collective.engines.numerics.alignment import aligned
from collective.engines.numerics.lanes import LANES, OPTIONS, add, axpy, fma, inline, zero
from collective.engines.numerics.rows import get, put

_ONE, _TWO = (np.uint64(k) for k in (1, 2))


class Sharing(NamedTuple):
    """Tables of the matrices; n = 2^N configurations.

    Attributes:
        jumps: (2, N, N), Re P and −Im P; (1, N, N) for a real P, (0, N, N) without one.
        lost: (n,), iᵀ Re D i of each configuration, or (0,) without dephasing.
        twice: (2, N, N), 2 Re D and 2 Im D.
        pairs: (n, 8), 2 iᵀ Re D j of the columns j of a panel.
        turned: (n, 8), 2 iᵀ Im D j.
        steps: (2N, 8), how these two change if one more emitter is excited in the row.
    """

    jumps: NDArray[np.float64]
    lost: NDArray[np.float64]
    twice: NDArray[np.float64]
    pairs: NDArray[np.float64]
    turned: NDArray[np.float64]
    steps: NDArray[np.float64]


def sharing(couplings: Couplings) -> Sharing | None:
    """The tables and the memory of one thread, with the idle emitters; None without matrices."""
    pump, dephasing = couplings.pump, couplings.dephasing
    if pump.ndim == 1 and dephasing.ndim == 1:
        return None
    n, size = len(couplings), _packed.padded(len(couplings))
    parts = np.zeros((2, size, size))
    if pump.ndim == 2:
        parts[:, :n, :n] = np.real(pump), -np.imag(pump)
    kept = 0 if pump.ndim == 1 else 2 if parts[1].any() else 1
    twice, rows = np.zeros((2, size, size)), 0
    if dephasing.ndim == 2:
        twice[:, :n, :n] = 2 * np.real(dephasing), 2 * np.imag(dephasing)
        rows = 1 << size
    excited = (np.arange(rows)[:, None] >> np.arange(size)) & 1
    return Sharing(
        jumps=parts[:kept],
        lost=np.sum((excited @ twice[0] / 2) * excited, axis=1),
        twice=twice,
        pairs=aligned((rows, LANES)),
        turned=aligned((rows, LANES)),
        steps=aligned((2 * size, LANES)),
    )


@inline
def _dephase(tables: Any, shared: Any, here: Any, p: Any, scratch: Any) -> None:
    """Add the dephasing of panel p to its U."""
    uv, steps, pairs, turned = scratch.uv, shared.steps, shared.pairs, shared.turned
    n, size = np.uint64(here.shape[1]), np.uint64(len(shared.twice[0]))
    transposed_panel(tables, here, p, scratch.rows, scratch.x)
    for w in range(LANES):
        j = np.uint64(tables.columns[p, w])
        pairs[0, w], turned[0, w] = -shared.lost[j], 0.0
        for m in range(size):
            real, imaginary = 0.0, 0.0
            for k in range(size):
                if j & (_ONE << k):
                    real += shared.twice[0, m, k]
                    imaginary += shared.twice[1, m, k]
            steps[m, w], steps[m + size, w] = real, imaginary
    for i in range(n):
        if i > 0:
            before, site = tables.lowered[i, 0], np.uint64(tables.site[i, 0])
            put(pairs, i, add(get(pairs, before), get(steps, site)))
            put(turned, i, add(get(turned, before), get(steps, site + size)))
        r, u = get(here, np.uint64(p) * n + i), get(uv, i)
        u = axpy(fma(u, get(pairs, i), r), -shared.lost[i], r)
        put(uv, i, fma(u, get(turned, i), get(scratch.x, i)))


@compiled(**OPTIONS)
def share(
    tables: Any,
    shared: Any,
    here: Any,
    before: Any,
    aside: Any,
    scratch: Any,
    thread: int,
    threads: int,
    alpha: float,
) -> None:
    """Add αU of the matrices to before, and their V to aside; arguments as for `kernels.spread`."""
    uv, n = scratch.uv, np.uint64(here.shape[1])
    for p in range(thread, len(here), threads):
        for i in range(_TWO * n):
            put(uv, i, zero())
        if len(shared.lost) > 0:
            _dephase(tables, shared, here, p, scratch)
        if len(shared.jumps) > 0:
            jump(tables, shared.jumps, here, p, scratch, 0, True)
        for i in range(n):
            j = np.uint64(p) * n + i
            put(before, j, axpy(get(before, j), alpha, get(uv, i)))
            put(aside, j, add(get(aside, j), get(uv, n + i)))
