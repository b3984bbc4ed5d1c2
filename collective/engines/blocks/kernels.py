r"""The generator of the block engine applied to a vector, panel by panel.

With H_eff = X + iY in block k (X, Y real), Γ = G' + iG'' and :math:`R^T` the transposed block,

.. math:: \dot R = (YR − XR^T) + (YR^T + XR + J')^T − J''^T − d∘R, \qquad
          J_G(i, j) = \sum_{n∉i, m∉j} G_{mn} R_{k+1}(i+n, j+m)

with :math:`J' = J_{G'}^T` and :math:`J'' = J_{G''}^T`. G'' is antisymmetric and absent for real
couplings; d are the rates of dephasing. Everything is real: two multiply-adds per hop, matrix and
vector.

A hop of one excitation costs 64 flops a panel and reads 128 bytes of it, which stay in the cache.
The jumps gather rows of the block above. `hop_pass` and `jump_pass` compute the parts that do not
need the result of another panel; `second_pass` adds the transposed part and the next term of the
expansion.
"""

# The tables are passed one by one because numba unpacks arrays faster than tuples of them. The
# passes are long because a kernel that calls others compiles these twice.

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.blocks.tables import NOBODY
from collective.engines.numerics.lanes import (
    LANES,
    OPTIONS,
    axpy,
    column,
    fma,
    load,
    store,
    total,
    transpose,
    zero,
)

kernel = compiled(**OPTIONS)


@kernel
def hop_pass(  # type: ignore[no-untyped-def]
    begin, end, stride, F1, F0, V, X, alpha, beta, gamma,
    start, offset, tasks, columns, stored, images, targets, pairs, bits, h, diagonal, dephasing, N,
):  # fmt: skip
    """F0 ← α(YR − XRᵀ − d∘R) + βR + γF0 and V ← YRᵀ + XR for panels of R = F1.

    X(i, 0) is the panel. X(i, 1, w) = R(j_w, i) = R(g j_w, g i) is its transpose, where g takes i
    to a stored column.
    """
    rows = np.empty((len(images), LANES), np.uint32)
    for task in range(begin, end, stride):
        k, p = tasks[task, 0], tasks[task, 1]
        first, n = start[k], start[k + 1] - start[k]
        R = F1[offset[k] : offset[k + 1]].reshape((-1, n, LANES))
        F = F0[offset[k] : offset[k + 1]].reshape((-1, n, LANES))
        T = V[offset[k] : offset[k + 1]].reshape((-1, n, LANES))
        for g in range(len(images)):
            for w in range(LANES):
                rows[g, w] = images[g, first + columns[task, w]]
        for i in range(n):
            for w in range(LANES):
                X[i, 0, w] = R[p, i, w]
            s = stored[first + i]
            store(X, i, 1, column(R, s[0], rows, s[2], s[1]))
        for i in range(n):
            x, y = diagonal[first + i, 0], diagonal[first + i, 1]
            r, t = load(X, i, 0), load(X, i, 1)
            xr, yr, xt, yt = (
                axpy(zero(), x, r),
                axpy(zero(), y, r),
                axpy(zero(), x, t),
                axpy(zero(), y, t),
            )
            f = axpy(axpy(zero(), gamma, load(F, p, i)), beta, r)
            for c in range(k * (N - k)):
                x, y = h[pairs[first + i, c], 0], h[pairs[first + i, c], 1]
                j = targets[first + i, c]
                r, t = load(X, j, 0), load(X, j, 1)
                xr, yr = axpy(xr, x, r), axpy(yr, y, r)
                xt, yt = axpy(xt, x, t), axpy(yt, y, t)
            store(F, p, i, axpy(axpy(f, alpha, yr), -alpha, xt))
            store(T, p, i, axpy(yt, 1.0, xr))
        if len(dephasing) > 1:
            for i in range(n):
                for w in range(LANES):
                    different = bits[first + i] ^ bits[first + columns[task, w]]
                    F[p, i, w] -= alpha * dephasing[different] * X[i, 0, w]


@kernel
def jump_pass(  # type: ignore[no-untyped-def]
    begin, end, stride, F1, F0, V, U, alpha, part, highest,
    start, offset, tasks, columns, images, sources, raised, lowered, decay,
):  # fmt: skip
    """V ← V + J' (part 0) or F0 ← F0 − αJ'' (part 1): U(o, w) = J(j_w, o).

    For each state r = o + m of the block above, n is contracted with G and added to row r − m.
    """
    N = decay.shape[1]
    G = decay[part]
    for task in range(begin, end, stride):
        k, p = tasks[task, 0], tasks[task, 1]
        if k >= highest:
            continue
        first, n, above, n1 = start[k], start[k + 1] - start[k], start[k + 1], start[k + 2]
        Z, K = N - k, k + 1
        R = F1[offset[k + 1] : offset[k + 2]].reshape((-1, n1 - above, LANES))
        T = (F0 if part else V)[offset[k] : offset[k + 1]].reshape((-1, n, LANES))
        g = np.empty((N, Z, LANES))
        X = np.empty((Z, LANES, LANES))
        Y = np.empty((1, LANES, LANES))
        rows = np.empty((Z, LANES), np.uint32)
        for z in range(Z):
            for w in range(LANES):
                site = raised[first + columns[task, w], z, 1]
                for m in range(N):
                    g[m, z, w] = G[m, site]
        U[0, : n + 1] = 0.0
        for s in range(len(images)):
            for z in range(Z):
                for w in range(LANES):
                    rows[z, w] = images[s, above + raised[first + columns[task, w], z, 0]]
            for q in range(len(R)):
                for z in range(Z):  # X[x, z, w] = R(g(j_w + n_z), column x of panel q)
                    for w in range(LANES):
                        store(Y, 0, w, load(R, q, rows[z, w]))
                    transpose(Y, 0, 0, X, z, 0)
                for x in range(LANES):
                    r = sources[k + 1, s, q * LANES + x]
                    if r != NOBODY:
                        # two at a time; for odd K the unused last one has a row to itself
                        for t in range(0, K, 2):
                            i, m = lowered[above + r, t, 0], lowered[above + r, t, 1]
                            j, o = lowered[above + r, t + 1, 0], lowered[above + r, t + 1, 1]
                            a, b = load(U, 0, i), load(U, 0, j)
                            for z in range(Z):
                                u = load(X, z, x)
                                a, b = fma(a, load(g, m, z), u), fma(b, load(g, o, z), u)
                            store(U, 0, i, a)
                            store(U, 0, j, b)
        factor = -alpha if part else 1.0
        for i in range(n):
            for w in range(LANES):
                T[p, i, w] += factor * U[0, i, w]


@kernel
def second_pass(  # type: ignore[no-untyped-def]
    begin, end, stride, F0, V, y, alpha, c, start, offset, tasks, columns, weights, stored, images,
):  # fmt: skip
    """F0 ← F0 + αVᵀ, y ← y + c·F0; returns the contribution of these panels to ‖F0‖²."""
    norm = 0.0
    for task in range(begin, end, stride):
        k, p = tasks[task, 0], tasks[task, 1]
        here, panel = slice(start[k], start[k + 1]), slice(offset[k], offset[k + 1])
        n = start[k + 1] - start[k]
        j = columns[task]
        T = V[panel].reshape((-1, n, LANES))
        F = F0[panel].reshape((-1, n, LANES))
        Y = y[panel].reshape((-1, n, LANES))
        rows = np.empty((len(images), LANES), np.uint32)
        for g in range(len(images)):
            for w in range(LANES):
                rows[g, w] = images[g, start[k] + j[w]]
        states = stored[here]
        squares = zero()
        for i in range(n):
            s = states[i]
            f = axpy(load(F, p, i), alpha, column(T, s[0], rows, s[2], s[1]))
            store(F, p, i, f)
            store(Y, p, i, axpy(load(Y, p, i), c, f))
            squares = fma(squares, f, f)
        norm += total(fma(zero(), load(weights, 0, task), squares))
    return norm


@kernel
def moments(F, diagonal_places, excited, pair_places, pair_emitters, out):  # type: ignore[no-untyped-def]
    """out[m, n] = ⟨σ⁺_mσ⁻_n⟩, (N, N) complex."""
    out[:] = 0
    for i in range(len(diagonal_places)):
        value = F[diagonal_places[i]]
        for m in range(excited.shape[1]):
            if excited[i, m]:
                out[m, m] += value
    for e in range(len(pair_emitters)):
        here, there = 0.0, 0.0
        for i in range(pair_places.shape[2]):
            here += F[pair_places[e, 0, i]]
            there += F[pair_places[e, 1, i]]
        m, n = pair_emitters[e, 0], pair_emitters[e, 1]
        out[m, n] = complex(0.5 * (here + there), 0.5 * (here - there))
        out[n, m] = complex(0.5 * (here + there), -0.5 * (here - there))
