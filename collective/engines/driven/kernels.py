r"""One application of the whole generator to a packed density matrix, in numba.

ρ is Hermitian, so the real matrix R = Re ρ + Im ρ holds all of it. With H_eff = X + iY (which
contains the drive; Y contains −½Γ and −½ of the pump), Γᵀ = G + iG' (G symmetric, G' antisymmetric)
and 𝒥_G(R) = Σ_nm G_nm σ_n R σ_mᵀ,

.. math::
   \dot R = U + V^T, \qquad U = YR − XR^T + 𝒥_G(R) + \text{pump and dephasing}, \qquad
   V = YR^T + XR − 𝒥_{G'}(R).

R(i, j) of the configurations i and j (bit m: emitter m excited) lies at R[j // 8, i, j % 8]: panels
of eight columns, in which H_eff moves whole rows of eight lanes. `spread` computes U and V panel by
panel. `collect` adds the transposed V once V is complete.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import (
    LANES,
    OPTIONS,
    add,
    axpy,
    fma,
    from_clear_0,
    from_clear_1,
    from_clear_2,
    from_set_0,
    from_set_1,
    from_set_2,
    inline,
    load,
    store,
    total,
    transpose,
    zero,
)

_AT_ONCE = 4  # lowered columns that `_jump` contracts in one pass over the rows


class Tables(NamedTuple):
    """Tables that do not change between applications; n = 2^N configurations, at least eight.

    Attributes:
        order: (n,), configurations by excitation number: loops of equal length follow each other.
        hops: (n,), number of configurations that H_eff reaches by moving an excitation.
        partner: (n, ·), these configurations.
        pair: (n, ·), the entry of `weights` for the move back.
        weights: (N², 2), X and Y of one excitation, row l and column m at l·N + m.
        diagonal: (n, 2), X and Y of the configuration itself.
        loss: (n, 1, 8), entry [x, 0, w]: minus the dephasing rate of ρ_ij with i xor j
            = (x with its last three bits turned by those of w).
        ones: (n,), number of excited emitters.
        lowered: (n, N), the configurations with one excitation fewer.
        site: (n, N), the emitter that has lost it.
        jumps: (2, N, N), G and −G', or (1, N, N) for a real Γ.
        pump: (N,), rates of the pump, or (0,) without one.
    """

    order: NDArray[np.uint64]
    hops: NDArray[np.int64]
    partner: NDArray[np.uint32]
    pair: NDArray[np.uint32]
    weights: NDArray[np.float64]
    diagonal: NDArray[np.float64]
    loss: NDArray[np.float64]
    ones: NDArray[np.int64]
    lowered: NDArray[np.uint32]
    site: NDArray[np.uint32]
    jumps: NDArray[np.float64]
    pump: NDArray[np.float64]


@inline
def _flip(
    real: Any, imaginary: Any, r: Any, p: Any, t: Any, i: Any, br: Any, at: Any, ar: Any, bt: Any
) -> Any:
    """Add the parts YR, XRᵀ, XR and YRᵀ of the drive in row i to br, at, ar and bt."""
    bit = np.uint64(1)
    for m in range(len(real)):
        at, ar = axpy(at, real[m], load(t, 0, i ^ bit)), axpy(ar, real[m], load(r, p, i ^ bit))
        bit <<= np.uint64(1)
    bit = np.uint64(1)
    for m in range(len(imaginary)):  # Ω in the rows where m is excited, Ω* in the others
        b = imaginary[m] if i & bit else -imaginary[m]
        br, bt = axpy(br, b, load(r, p, i ^ bit)), axpy(bt, b, load(t, 0, i ^ bit))
        bit <<= np.uint64(1)
    return br, at, ar, bt


@inline
def _move(tables: Any, real: Any, imaginary: Any, r: Any, p: Any, t: Any, uv: Any) -> None:
    """Write panel p of YR − XRᵀ and dephasing to uv[0], of YRᵀ + XR to uv[1]; t is Rᵀ."""
    partner, pair, weights, hops = tables.partner, tables.pair, tables.weights, tables.hops
    diagonal, loss, order = tables.diagonal, tables.loss, tables.order
    first = np.uint64(p * LANES)
    for k in range(len(order)):
        i = order[k]
        x, y, a, b = load(r, p, i), load(t, 0, i), diagonal[i, 0], diagonal[i, 1]
        br, at = fma(axpy(zero(), b, x), load(loss, i ^ first, 0), x), axpy(zero(), a, y)
        ar, bt = axpy(zero(), a, x), axpy(zero(), b, y)
        for c in range(hops[i]):
            j, w = partner[i, c], pair[i, c]
            x, y, a, b = load(r, p, j), load(t, 0, j), weights[w, 0], weights[w, 1]
            br, at = axpy(br, b, x), axpy(at, a, y)
            ar, bt = axpy(ar, a, x), axpy(bt, b, y)
        br, at, ar, bt = _flip(real, imaginary, r, p, t, i, br, at, ar, bt)
        store(uv, 0, i, axpy(br, -1.0, at))
        store(uv, 1, i, add(ar, bt))


@inline
def _gathered(matrix: Any, p: Any, weights: Any, panels: Any) -> Any:
    """The columns that are lowered to panel p, in passes of four: weights[n, s] and their panels.

    Emitters 0, 1, 2 belong to lanes of panel p itself. For any other emitter m that is not excited
    they lie in panel p | 2^(m−3).
    """
    count = 0
    for m in range(len(matrix)):
        bit = 1 << (m - 3) if m >= 3 else 0
        if not p & bit:
            panels[count] = p | bit
            for n in range(len(matrix)):
                weights[n, count] = matrix[n, m]
            count += 1
    passes = (count + _AT_ONCE - 1) // _AT_ONCE
    for s in range(count, _AT_ONCE * passes):
        panels[s] = p
        for n in range(len(matrix)):
            weights[n, s] = 0.0
    return passes


@inline
def _jump(
    tables: Any, r: Any, p: Any, weights: Any, panels: Any, passes: int, uv: Any, h: Any
) -> None:
    """Add panel p of 𝒥(R) to uv[h]: each row with lowered columns goes to all lowered rows."""
    order, ones, lowered, site = tables.order, tables.ones, tables.lowered, tables.site
    for s in range(0, _AT_ONCE * passes, _AT_ONCE):
        s0, s1, s2, s3 = np.uint64(s), np.uint64(s + 1), np.uint64(s + 2), np.uint64(s + 3)
        for k in range(len(order)):
            j = order[k]
            x3 = load(r, panels[s3], j)
            if s == 0:
                x = load(r, p, j)
                x0, x1, x2 = from_set_0(x), from_set_1(x), from_set_2(x)
            else:
                x0, x1, x2 = (
                    load(r, panels[s0], j),
                    load(r, panels[s1], j),
                    load(r, panels[s2], j),
                )
            for c in range(ones[j]):
                i, n = lowered[j, c], site[j, c]
                here = axpy(axpy(load(uv, h, i), weights[n, s0], x0), weights[n, s1], x1)
                there = axpy(axpy(zero(), weights[n, s2], x2), weights[n, s3], x3)
                store(uv, h, i, add(here, there))


@inline
def _pump(tables: Any, r: Any, p: Any, out: Any) -> None:
    """Add panel p of Σ_m p_m σ⁺_m R σ⁻_m."""
    for m in range(len(tables.pump)):
        rate, bit = tables.pump[m], np.uint64(1) << np.uint64(m)
        if rate == 0.0 or (m >= 3 and not np.uint64(p * LANES) & bit):
            continue
        for k in range(len(tables.order)):
            i = tables.order[k]
            if i & bit:
                if m == 0:
                    x = from_clear_0(load(r, p, i ^ bit))
                elif m == 1:
                    x = from_clear_1(load(r, p, i ^ bit))
                elif m == 2:
                    x = from_clear_2(load(r, p, i ^ bit))
                else:
                    x = load(r, np.uint64(p) ^ (bit >> np.uint64(3)), i ^ bit)
                store(out, 0, i, axpy(load(out, 0, i), rate, x))


@compiled(**OPTIONS)
def spread(
    tables: Any,
    real: Any,
    imaginary: Any,
    here: Any,
    before: Any,
    aside: Any,
    thread: int,
    threads: int,
    alpha: float,
    beta: float,
    gamma: float,
) -> None:
    """Set before to αU + β·here + γ·before and aside to V, in every threads-th panel.

    Args:
        tables: `Tables`.
        real: (N,), ½ Re Ω of the drive.
        imaginary: (N,), ½ Im Ω, or (0,) for a real drive.
        here: R, (n/8, n, 8).
        before: (n/8, n, 8), not read if γ = 0.
        aside: V, (n/8, n, 8).
        thread: the first panel of this thread.
        threads: the step from one panel of this thread to the next.
        alpha: α.
        beta: β.
        gamma: γ.
    """
    n, n_emitters = here.shape[1], tables.jumps.shape[1]
    t, uv = np.empty((1, n, LANES)), np.empty((2, n, LANES))
    weights = np.empty((n_emitters, n_emitters + _AT_ONCE))
    panels = np.empty(n_emitters + _AT_ONCE, np.uint64)
    for p in range(thread, len(here), threads):
        for q in range(len(here)):
            transpose(here, q, p * LANES, t, 0, q * LANES)
        _move(tables, real, imaginary, here, p, t, uv)
        for h in range(len(tables.jumps)):
            passes = _gathered(tables.jumps[h], p, weights, panels)
            _jump(tables, here, p, weights, panels, passes, uv, h)
        _pump(tables, here, p, uv)
        for i in range(n):
            f = axpy(axpy(zero(), beta, load(here, p, i)), alpha, load(uv, 0, i))
            if gamma != 0.0:
                f = axpy(f, gamma, load(before, p, i))
            store(before, p, i, f)
            store(aside, p, i, load(uv, 1, i))


@compiled(**OPTIONS)
def drive(
    real: Any,
    imaginary: Any,
    here: Any,
    before: Any,
    aside: Any,
    thread: int,
    threads: int,
    alpha: float,
) -> None:
    """Add αU of the drive alone to before, and its V to aside; arguments as for `spread`."""
    n = here.shape[1]
    t = np.empty((1, n, LANES))
    for p in range(thread, len(here), threads):
        for q in range(len(here)):
            transpose(here, q, p * LANES, t, 0, q * LANES)
        for i in range(n):
            br, at, ar, bt = _flip(
                real, imaginary, here, p, t, np.uint64(i), zero(), zero(), zero(), zero()
            )
            u = axpy(axpy(load(before, p, i), alpha, br), -alpha, at)
            store(before, p, i, u)
            store(aside, p, i, add(load(aside, p, i), add(ar, bt)))


@compiled(**OPTIONS)
def collect(
    before: Any,
    aside: Any,
    sums: Any,
    thread: int,
    threads: int,
    alpha: float,
    weight: float,
    squares: Any,
) -> None:
    """Add α·asideᵀ to before and weight·before to sums; squares[p] = |before[p]|²; see `spread`."""
    n = before.shape[1]
    t = np.empty((1, n, LANES))
    for p in range(thread, len(before), threads):
        for q in range(len(before)):
            transpose(aside, q, p * LANES, t, 0, q * LANES)
        square = zero()
        for i in range(n):
            f = axpy(load(before, p, i), alpha, load(t, 0, i))
            store(before, p, i, f)
            store(sums, p, i, axpy(load(sums, p, i), weight, f))
            square = fma(square, f, f)
        squares[p] = total(square)
