r"""One application of the whole generator to a packed density matrix, in numba.

ρ is Hermitian, so the real matrix R = Re ρ + Im ρ holds all of it. With H_eff = X + iY (which
contains the drive; Y contains −½Γ and −½ of the pump), Γᵀ = G + iG' (G symmetric, G' antisymmetric)
and 𝒥_G(R) = Σ_nm G_nm σ_n R σ_mᵀ,

.. math::
   \dot R = U + V^T, \qquad U = YR − XR^T − 𝒥_{G'}(R^T) + \text{dephasing}, \qquad
   V = YR^T + XR + 𝒥_G(R^T) + \text{pump}.

R(i, j) of the configurations i and j (bit m: emitter m excited) is stored for all i and for the
columns j of `Columns`, eight to a panel. H_eff moves whole rows of eight lanes. `spread` computes U
and V for two panels at a time, so that an entry of H_eff that is read serves four rows of lanes.
`collect` adds the transposed V once V is complete.

Jumps read the rows of R in which an emitter n is excited in addition: 𝒥_G(Rᵀ)(i, j) is the sum of
G_nm R(j + n, i + m). A turn (see `columns`) makes them columns.

The file is longer than others: what LLVM is to compile into one loop stands in one place.
"""

from typing import Any

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import LANES, OPTIONS, add, axpy, fma, inline, total, zero
from collective.engines.numerics.rows import always_inline, get, put, turn

_ZERO, _ONE, _TWO, _FOUR = (np.uint64(k) for k in (0, 1, 2, 4))


@always_inline
def _turned(tables: Any, r: Any, p: Any, rows: Any, x: Any, step: Any, s: Any) -> None:
    """Write row i of panel p of the transpose of r to row step·i + s of x."""
    images, columns, turns, n = tables.images, tables.columns, tables.turns, r.shape[1]
    for g in range(len(images)):
        for w in range(LANES):
            rows[g, w] = images[g, columns[p, w]]
    for t in range(len(turns)):
        turn(r, turns[t, 1] * n, rows, turns[t, 0], x, tables.places, t, step, s)


@always_inline
def transposed_panel(tables: Any, r: Any, p: Any, rows: Any, x: Any) -> None:
    """Write row i of panel p of the transpose of r to row i of x."""
    _turned(tables, r, p, rows, x, 1, 0)


@always_inline
def _filled(tables: Any, r: Any, p: Any, rows: Any, x: Any, s: Any) -> None:
    """Write panel p of R to x[:, s], and that of Rᵀ to x[:, s + 1]."""
    first = np.uint64(p * r.shape[1])
    for i in range(np.uint64(r.shape[1])):
        put(x, _FOUR * i + s, get(r, first + i))
    _turned(tables, r, p, rows, x, 4, s + 1)


@always_inline
def _flip(real: Any, imaginary: Any, x: Any, i: Any, s: Any, sums: Any) -> Any:
    """Add the parts YR, XRᵀ, XR and YRᵀ of the drive in row i to the four sums."""
    br, at, ar, bt = sums
    bit = np.uint64(1)
    for m in range(len(real)):
        j, a = _FOUR * (i ^ bit) + s, real[m]
        at, ar = axpy(at, a, get(x, j + _ONE)), axpy(ar, a, get(x, j))
        bit <<= _ONE
    bit = np.uint64(1)
    for m in range(len(imaginary)):  # Ω in the rows where m is excited, Ω* in the others
        j, b = _FOUR * (i ^ bit) + s, imaginary[m] if i & bit else -imaginary[m]
        br, bt = axpy(br, b, get(x, j)), axpy(bt, b, get(x, j + _ONE))
        bit <<= _ONE
    return br, at, ar, bt


@always_inline
def _moved(x: Any, j: Any, a: Any, b: Any, sums: Any) -> Any:
    """Add bR, aRᵀ, aR and bRᵀ of row j of x to the four sums."""
    br, at, ar, bt = sums
    r, t = get(x, j), get(x, j + _ONE)
    return axpy(br, b, r), axpy(at, a, t), axpy(ar, a, r), axpy(bt, b, t)


@always_inline
def _move(tables: Any, real: Any, imaginary: Any, x: Any, uv: Any) -> None:
    """Write YR − XRᵀ and YRᵀ + XR of two panels to uv."""
    partner, pair, weights, hops = tables.partner, tables.pair, tables.weights, tables.hops
    diagonal, order, n = tables.diagonal, tables.order, np.uint64(len(tables.order))
    nothing = zero(), zero(), zero(), zero()
    for k in range(len(order)):
        i = order[k]
        j, a, b = _FOUR * i, diagonal[_TWO * i], diagonal[_TWO * i + _ONE]
        one, two = _moved(x, j, a, b, nothing), _moved(x, j + _TWO, a, b, nothing)
        for c in range(hops[i]):
            j, w = _FOUR * np.uint64(partner[i, c]), np.uint64(pair[i, c])
            a, b = weights[w], weights[w + _ONE]
            one, two = _moved(x, j, a, b, one), _moved(x, j + _TWO, a, b, two)
        one = _flip(real, imaginary, x, i, _ZERO, one)
        two = _flip(real, imaginary, x, i, _TWO, two)
        put(uv, i, axpy(one[0], -1.0, one[1]))
        put(uv, n + i, add(one[2], one[3]))
        put(uv, n + n + i, axpy(two[0], -1.0, two[1]))
        put(uv, n + n + n + i, add(two[2], two[3]))


@inline
def _dephase(tables: Any, p: Any, scratch: Any, s: Any) -> None:
    """Add −(Σ_m γ_m of the emitters m that differ in i and j) R(i, j) to U of a panel."""
    x, uv, loss, steps = scratch.x, scratch.uv, scratch.loss, scratch.steps
    n = np.uint64(len(loss))
    for w in range(LANES):
        loss[0, w] = 0.0
        for m in range(len(tables.dephasing)):
            rate, bit = tables.dephasing[m], _ONE << np.uint64(m)
            same = tables.columns[p, w] & bit
            steps[m, w] = rate if same else -rate
            if same:
                loss[0, w] -= rate
    for i in range(n):
        if i > 0:  # the lowest excited emitter is added last
            before = get(loss, tables.lowered[i, 0])
            put(loss, i, add(before, get(steps, tables.site[i, 0])))
        u = get(uv, s * n + i)
        put(uv, s * n + i, fma(u, get(loss, i), get(x, _FOUR * i + s)))


@inline
def _neighbours(tables: Any, jumps: Any, p: Any, rows: Any, rates: Any, excited: bool) -> int:
    """Find the rows of R for the columns j of a panel with one emitter n changed, and their rates.

    Args:
        tables: of the problem.
        jumps: rates of the jumps.
        p: the panel.
        rows: receives the rows of R.
        rates: receives the rates.
        excited: whether the emitters n are those that are excited in j, or the others.

    Returns:
        The largest number of emitters n in one of these columns.
    """
    images, most = tables.images, 0
    size = jumps.shape[1]
    for w in range(LANES):
        j, count = np.uint64(tables.columns[p, w]), 0
        for n in range(size):
            bit = _ONE << np.uint64(n)
            if ((j & bit) != 0) != excited:
                continue
            for g in range(len(images)):
                rows[g * size + count, w] = images[g, j ^ bit]
            for m in range(size):
                rates[m, count, w] = jumps[0, n, m]
                if len(jumps) > 1:
                    rates[size + m, count, w] = jumps[1, n, m]
            count += 1
        most = max(most, count)
        for z in range(count, size):
            for g in range(len(images)):
                rows[g * size + z, w] = images[g, j]
            for m in range(len(jumps) * size):
                rates[m, z, w] = 0.0
    return most


@always_inline
def jump(tables: Any, jumps: Any, r: Any, p: Any, scratch: Any, s: Any, up: bool) -> None:
    """Add panel p of 𝒥_G(Rᵀ) to its V, and that of −𝒥_G'(Rᵀ) to its U.

    Args:
        tables: of the problem.
        jumps: (2, N, N), the matrices G and −G'; (1, N, N) if G' is zero.
        r: the panels of R.
        p: the panel.
        scratch: of the thread.
        s: where U and V begin, in configurations.
        up: whether the jumps excite; then excited and not excited emitters are exchanged.
    """
    uv, raised, rates, rows = scratch.uv, scratch.raised, scratch.rates, scratch.rows
    lowered, site, ones, places = tables.lowered, tables.site, tables.ones, tables.places
    n, size = np.uint64(r.shape[1]), np.uint64(jumps.shape[1])
    exchanged = n - _ONE if up else np.uint64(0)
    count = np.uint64(_neighbours(tables, jumps, p, rows, rates, up))
    pairs = count - (count & _ONE)
    for t in range(len(tables.turns)):
        g, first = np.uint64(tables.turns[t, 0]) * size, np.uint64(tables.turns[t, 1]) * n
        for z in range(count):
            turn(r, first, rows, g + z, raised, scratch.lanes, 0, size, z)
        for e in range(LANES):
            c, d = np.uint64(places[t, e]), np.uint64(e) * size
            if c == n:
                continue
            c ^= exchanged
            for h in range(len(jumps)):
                to, q = np.uint64(s + 1 - h) * n, np.uint64(h) * size
                for k in range(ones[c]):
                    i = to + (np.uint64(lowered[c, k]) ^ exchanged)
                    m = (q + np.uint64(site[c, k])) * size
                    even, odd = zero(), zero()  # two sums, because each waits for itself
                    for z in range(_ZERO, pairs, _TWO):
                        even = fma(even, get(rates, m + z), get(raised, d + z))
                        odd = fma(odd, get(rates, m + z + _ONE), get(raised, d + z + _ONE))
                    if pairs < count:
                        even = fma(even, get(rates, m + pairs), get(raised, d + pairs))
                    put(uv, i, add(get(uv, i), add(even, odd)))


@inline
def _pump(tables: Any, r: Any, p: Any, scratch: Any, s: Any) -> None:
    """Add panel p of Σ_m p_m σ⁺_m Rᵀ σ⁻_m to its V."""
    uv, raised, rates, rows, places = (
        scratch.uv,
        scratch.raised,
        scratch.rates,
        scratch.rows,
        tables.places,
    )
    n = np.uint64(r.shape[1])
    for m in range(len(tables.pump)):
        rate, bit = tables.pump[m], _ONE << np.uint64(m)
        if rate == 0.0:
            continue
        for w in range(LANES):
            j = np.uint64(tables.columns[p, w])
            rates[0, 0, w] = rate if j & bit else 0.0
            for g in range(len(tables.images)):
                rows[g, w] = tables.images[g, j & ~bit]
        for t in range(len(tables.turns)):
            turn(
                r, tables.turns[t, 1] * n, rows, tables.turns[t, 0], raised, scratch.lanes, 0, 1, 0
            )
            for e in range(LANES):
                c = np.uint64(places[t, e])
                if c != n and not c & bit:
                    i = np.uint64(s + 1) * n + (c | bit)
                    put(uv, i, fma(get(uv, i), get(rates, 0), get(raised, e)))


@compiled(**OPTIONS)
def spread(
    tables: Any,
    real: Any,
    imaginary: Any,
    here: Any,
    before: Any,
    aside: Any,
    scratch: Any,
    thread: int,
    threads: int,
    alpha: float,
    beta: float,
    gamma: float,
) -> None:
    """Set before to αU + β·here + γ·before and aside to V, in every threads-th pair of panels.

    Args:
        tables: `Tables` (file `tables`).
        real: (N,), ½ Re Ω of the drive, or (0,).
        imaginary: (N,), ½ Im Ω, or (0,) for a real drive.
        here: R, (P, n, 8).
        before: (P, n, 8), not read if γ = 0.
        aside: V, (P, n, 8).
        scratch: `Scratch` of this thread (file `tables`).
        thread: the first pair of this thread.
        threads: the step from one pair of this thread to the next.
        alpha: α.
        beta: β.
        gamma: γ.
    """
    x, uv, n = scratch.x, scratch.uv, np.uint64(here.shape[1])
    for first in range(2 * thread, len(here), 2 * threads):
        last = min(first + 1, len(here) - 1)  # of an odd number of panels the last one fills both
        _filled(tables, here, first, scratch.rows, x, _ZERO)
        _filled(tables, here, last, scratch.rows, x, _TWO)
        _move(tables, real, imaginary, x, uv)
        for p in range(first, last + 1):
            s = np.uint64(2 * (p - first))
            if len(tables.dephasing) > 0:
                _dephase(tables, p, scratch, s)
            jump(tables, tables.jumps, here, p, scratch, s, False)
            _pump(tables, here, p, scratch, s)
            u, panel = s * n, np.uint64(p) * n
            for i in range(n):
                f = axpy(axpy(zero(), beta, get(x, _FOUR * i + s)), alpha, get(uv, u + i))
                if gamma != 0.0:
                    f = axpy(f, gamma, get(before, panel + i))
                put(before, panel + i, f)
                put(aside, panel + i, get(uv, u + n + i))


@compiled(**OPTIONS)
def drive(
    tables: Any,
    real: Any,
    imaginary: Any,
    here: Any,
    before: Any,
    aside: Any,
    scratch: Any,
    thread: int,
    threads: int,
    alpha: float,
) -> None:
    """Add αU of the drive alone to before, and its V to aside; arguments as for `spread`."""
    x, n, nothing = scratch.x, np.uint64(here.shape[1]), (zero(), zero(), zero(), zero())
    for p in range(thread, len(here), threads):
        _filled(tables, here, p, scratch.rows, x, _ZERO)
        for i in range(n):
            br, at, ar, bt = _flip(real, imaginary, x, i, _ZERO, nothing)
            j = np.uint64(p) * n + i
            put(before, j, axpy(axpy(get(before, j), alpha, br), -alpha, at))
            put(aside, j, add(get(aside, j), add(ar, bt)))


@compiled(**OPTIONS)
def collect(
    tables: Any,
    before: Any,
    aside: Any,
    sums: Any,
    scratch: Any,
    thread: int,
    threads: int,
    alpha: float,
    weight: float,
    squares: Any,
) -> None:
    """Add α·asideᵀ to before and weight·before to sums; squares[p] is |before|² of the columns."""
    x, n = scratch.x, np.uint64(before.shape[1])
    for p in range(thread, len(before), threads):
        _turned(tables, aside, p, scratch.rows, x, 1, 0)
        square, panel = zero(), np.uint64(p) * n
        for i in range(n):
            f = axpy(get(before, panel + i), alpha, get(x, i))
            put(before, panel + i, f)
            if weight != 0.0:
                put(sums, panel + i, axpy(get(sums, panel + i), weight, f))
            square = fma(square, f, f)
        squares[p] = total(fma(zero(), get(tables.copies, p), square))
