r"""The generator of the block engine applied to a vector, panel by panel.

With H_eff = X + iY in block k (X, Y real), Γ = G' + iG'' and :math:`R^T` the transposed block,

.. math:: \dot R = (YR − XR^T) + (YR^T + XR + J')^T − J''^T − d∘R, \qquad
          J_G(i, j) = \sum_{n∉i, m∉j} G_{mn} R_{k+1}(i+n, j+m)

with :math:`J' = J_{G'}^T`, and J'' likewise with the antisymmetric G'', absent for real couplings;
d are the rates of dephasing. Everything is real: two multiply-adds per hop, matrix and vector.

An application of a hop costs 64 flops and 128 bytes of a panel that stays in the cache; the jumps
gather rows of the block above. `first_pass` computes what does not need another panel's result,
`second_pass` adds the transposed part and the expansion's next term.
"""

# The tables are passed one by one: numba unpacks arrays faster than tuples of them.

from typing import Any

import numpy as np

from collective._compiled import compiled
from collective.engines._lanes import LANES, OPTIONS, ZERO, axpy, column, fma, load, store

kernel = compiled(**OPTIONS)
EIGHT = np.arange(LANES, dtype=np.uint32)


@kernel
def transposed(R, rows, stored, X, h):  # type: ignore[no-untyped-def]
    """X(i, h, w) = R(j_w, i) = R(g j_w, g i), where g takes i to a stored column."""
    for i in range(len(stored)):
        store(X, i, h, column(R, stored[i, 0], load(rows, 0, stored[i, 2]), stored[i, 1]))


@kernel
def hop(X, F, p, V, targets, pairs, h, diagonal, M, alpha, beta, gamma):  # type: ignore[no-untyped-def]
    """For a panel X = [R | Rᵀ]: F ← α(YR − XRᵀ) + βR + γF, V ← YRᵀ + XR."""
    for i in range(len(X)):
        x, y = diagonal[i, 0], diagonal[i, 1]
        r, t = load(X, i, 0), load(X, i, 1)
        xr, yr, xt, yt = axpy(ZERO, x, r), axpy(ZERO, y, r), axpy(ZERO, x, t), axpy(ZERO, y, t)
        for c in range(M):
            x, y = h[pairs[i, c], 0], h[pairs[i, c], 1]
            j = targets[i, c]
            r, t = load(X, j, 0), load(X, j, 1)
            xr, yr = axpy(xr, x, r), axpy(yr, y, r)
            xt, yt = axpy(xt, x, t), axpy(yt, y, t)
        f = axpy(axpy(ZERO, gamma, load(F, p, i)), beta, load(X, i, 0))
        store(F, p, i, axpy(axpy(f, alpha, yr), -alpha, xt))
        store(V, 0, i, axpy(yt, 1.0, xr))


@kernel
def dephase(X, F, p, bits, columns, rates, alpha):  # type: ignore[no-untyped-def]
    """F ← F − α d∘R for a panel."""
    for i in range(len(bits)):
        for w in range(LANES):
            F[p, i, w] -= alpha * rates[bits[i] ^ bits[columns[w]]] * X[i, 0, w]


@kernel
def jump(R, V, G, raised, Z, images, sources, lowered, K):  # type: ignore[no-untyped-def]
    """V(o, w) += J(j_w, o): for each state r = o + m of the block above, contract n with G."""
    N = len(G)
    g = np.empty((N, Z, LANES))
    X = np.empty((LANES, Z, LANES))
    rows = np.empty((1, Z, LANES), np.uint32)
    for m in range(N):
        for z in range(Z):
            for w in range(LANES):
                g[m, z, w] = G[m, raised[w, z, 1]]
    for s in range(len(images)):
        for z in range(Z):
            for w in range(LANES):
                rows[0, z, w] = images[s, raised[w, z, 0]]
        for q in range(len(R)):
            for z in range(Z):  # X[x, z, w] = R(g(j_w + n_z), column x of panel q)
                i = load(rows, 0, z)
                for x in range(LANES):
                    store(X, x, z, column(R, q, i, x))
            for x in range(LANES):
                r = sources[s, q * LANES + x]
                if r != NOBODY:
                    for t in range(0, K, 2):  # two at a time; for odd K the last has its own row
                        i, m = lowered[r, t, 0], lowered[r, t, 1]
                        j, n = lowered[r, t + 1, 0], lowered[r, t + 1, 1]
                        a, b = load(V, 0, i), load(V, 0, j)
                        for z in range(Z):
                            u = load(X, x, z)
                            a, b = fma(a, load(g, m, z), u), fma(b, load(g, n, z), u)
                        store(V, 0, i, a)
                        store(V, 0, j, b)


NOBODY = np.uint32(2**32 - 1)


@kernel
def first_pass(  # type: ignore[no-untyped-def]
    begin, end, stride, F1, F0, V, X, U, alpha, beta, gamma, parts, highest,
    start, offset, tasks, columns, stored, images, sources, targets, pairs, raised, lowered, bits,
    h, diagonal, decay, dephasing,
):  # fmt: skip
    """F0 ← α(L F1 without its transposed part) + βF1 + γF0, V ← the transposed part."""
    N = decay.shape[1]
    for task in range(begin, end, stride):
        k, p = tasks[task, 0], tasks[task, 1]
        here, panel = slice(start[k], start[k + 1]), slice(offset[k], offset[k + 1])
        n = start[k + 1] - start[k]
        j = columns[task]
        R = F1[panel].reshape((-1, n, LANES))
        F = F0[panel].reshape((-1, n, LANES))
        T = V[panel].reshape((-1, n, LANES))
        rows = np.empty((1, len(images), LANES), np.uint32)
        for g in range(len(images)):
            for w in range(LANES):
                rows[0, g, w] = images[g, start[k] + j[w]]
        for i in range(n):
            store(X, i, 0, load(R, p, i))
        transposed(R, rows, stored[here], X, 1)
        hop(X[:n], F, p, U, targets[here], pairs[here], h, diagonal[here], k * (N - k),
            alpha, beta, gamma)  # fmt: skip
        if len(dephasing) > 1:
            dephase(X[:n], F, p, bits[here], j, dephasing, alpha)
        if k < highest:
            above = slice(start[k + 1], start[k + 2])
            up = np.empty((LANES, N - k, 2), np.uint32)
            for w in range(LANES):
                up[w] = raised[start[k] + j[w], : N - k]
            R1 = F1[offset[k + 1] : offset[k + 2]].reshape((-1, start[k + 2] - start[k + 1], LANES))
            for part in range(parts):  # of Γ
                for i in range(part * (n + 1)):
                    store(U, 0, i, ZERO)
                jump(R1, U, decay[part], up, N - k, images[:, above], sources[k + 1],
                     lowered[above], k + 1)  # fmt: skip
                for i in range(n):
                    u = load(U, 0, i)
                    if part == 0:
                        store(T, p, i, u)
                    else:
                        store(F, p, i, axpy(load(F, p, i), -alpha, u))
        else:
            for i in range(n):
                store(T, p, i, load(U, 0, i))


@kernel
def second_pass(  # type: ignore[no-untyped-def]
    begin, end, stride, F0, V, y, alpha, c, start, offset, tasks, columns, weights, stored, images,
):  # fmt: skip
    """F0 ← F0 + αVᵀ, y ← y + c·F0; returns this share of ‖F0‖²."""
    norm = 0.0
    for task in range(begin, end, stride):
        k, p = tasks[task, 0], tasks[task, 1]
        here, panel = slice(start[k], start[k + 1]), slice(offset[k], offset[k + 1])
        n = start[k + 1] - start[k]
        j = columns[task]
        T = V[panel].reshape((-1, n, LANES))
        F = F0[panel].reshape((-1, n, LANES))
        Y = y[panel].reshape((-1, n, LANES))
        rows = np.empty((1, len(images), LANES), np.uint32)
        for g in range(len(images)):
            for w in range(LANES):
                rows[0, g, w] = images[g, start[k] + j[w]]
        states = stored[here]
        squares = ZERO
        for i in range(n):
            s = states[i]
            f = axpy(load(F, p, i), alpha, column(T, s[0], load(rows, 0, s[2]), s[1]))
            store(F, p, i, f)
            store(Y, p, i, axpy(load(Y, p, i), c, f))
            squares = fma(squares, f, f)
        for w in range(LANES):
            norm += weights[task, w] * squares[w]
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


def second_arguments(t: Any) -> tuple[Any, ...]:
    """The arguments of `second_pass` from `start` on."""
    return t.start, t.offset, t.tasks, t.columns, t.weights, t.stored, t.images


def arguments(t: Any) -> tuple[Any, ...]:
    """The arguments of `first_pass` from `start` on."""
    return (
        t.start, t.offset, t.tasks, t.columns, t.stored, t.images, t.sources, t.targets, t.pairs,
        t.raised, t.lowered, t.bits, t.hop, t.diagonal, t.decay, t.dephasing,
    )  # fmt: skip
