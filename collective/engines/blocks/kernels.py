r"""The generator of the block engine applied to a vector, panel by panel.

With H_eff = X + iY in block k (X, Y real), Γ = G' + iG'' and :math:`R^T` the transposed block,

.. math:: \dot R = (YR − XR^T) + (YR^T + XR + J')^T − J''^T − d∘R − E∘R^T, \qquad
          J_G(i, j) = \sum_{n∉i, m∉j} G_{mn} R_{k+1}(i+n, j+m)

with :math:`J' = J_{G'}^T` and :math:`J'' = J_{G''}^T`. G'' is antisymmetric and absent for real
couplings; d are the rates of dephasing. X has no Ising terms: E(i, j) is the difference of their
energies of i and j, by which the coherence between i and j turns. Everything is real.

The states d + m with one excitation more than a state d of the block below hop among each other:
this is a small dense matrix, of which several rows at a time are multiplied from registers
(`sums`), by three multiply-adds for each hop and entry. The jumps gather rows of the block above
and transpose them; panels of it stay in the cache for a chunk of panels. `first_pass` computes what
does not need the result of another panel, and `second_pass` adds the transposed part and the next
term of the expansion. The type of the numbers, and with it the precision, is that of the arrays.
"""

# The tables are passed one by one because numba unpacks arrays faster than tuples of them. The
# passes are long because a kernel that calls others compiles these twice.

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.blocks.columns import NOBODY
from collective.engines.blocks.sums import ROWS, TERMS, hops, jumps
from collective.engines.numerics.lanes import (
    OPTIONS,
    axpy,
    fma,
    load,
    store,
    total,
    transpose_rows,
    zero_of,
)

SOURCES = 4  # panels of the block above that stay in the cache while a chunk reads them

kernel = compiled(**OPTIONS)


@kernel
def share(left, most):  # type: ignore[no-untyped-def]
    """The size of the next of as few and as equal parts of `left` as possible, at most `most`."""
    parts = (left + most - 1) // most
    return (left + parts - 1) // parts


@kernel
def first_pass(  # type: ignore[no-untyped-def]
    begin, end, stride, F1, F0, V, base, X, A, g, beta, gamma, highest, alpha,
    start, offset, chunks, first_task, columns, images, sources, used, raised, lowered, bits,
    dephasing, together, energies, h, decay,
):  # fmt: skip
    """F0 ← α(YR − XRᵀ − d∘R − E∘Rᵀ − J'') + βR + γF0 and V ← α(YRᵀ + XR + J') for chunks of panels.

    X(i, 0) is a panel of R = F1. X(i, 1, w) = R(j_w, i) = R(s j_w, s i) is its transpose, where s
    takes i to a stored column. For each state r = o + m of the block above, n is contracted with Γ
    and added to row r − m. V begins at the number `base` of a vector.
    """
    N, W = decay.shape[1], columns.shape[1]
    places, every = np.empty(W, np.uint32), np.arange(W).astype(np.uint32)
    rows = np.empty((len(g), W), np.uint32)
    own_rows = np.empty_like(rows)
    nowhere = np.uint32(len(X) - 1)
    for chunk in range(begin, end, stride):
        k, p0, count = chunks[chunk, 0], chunks[chunk, 1], chunks[chunk, 2]
        first, n = start[k], start[k + 1] - start[k]
        R = F1[offset[k] : offset[k + 1]].reshape((-1, n, W))
        F = F0[offset[k] : offset[k + 1]].reshape((-1, n, W))
        T = V[offset[k] - base : offset[k + 1] - base].reshape((-1, n, W))
        for p in range(p0, p0 + count):
            task = first_task[k] + p
            for i in range(n):
                r = load(R, p, i)
                store(X, i, 0, r)
                store(F, p, i, axpy(axpy(zero_of(F), gamma, load(F, p, i)), beta, r))
                store(T, p, i, zero_of(F))
            if len(dephasing) > 1:
                for i in range(n):
                    for w in range(W):
                        row, column = bits[first + i], bits[first + columns[task, w]]
                        rate = dephasing[row ^ column]
                        if together:  # (i − j)ᵀD(i − j) from the values of cᵀDc
                            rate = 2 * dephasing[row & ~column] - rate
                            rate += 2 * dephasing[column & ~row]
                        F[p, i, w] -= alpha * rate * X[i, 0, w]
            for s in range(len(images)):
                for w in range(W):
                    rows[0, w] = images[s, first + columns[task, w]]
                for u in range(1, used[k, s, 0] + 1):
                    q = used[k, s, u]
                    for w in range(W):
                        i = sources[k, s, q * W + w]
                        places[w] = nowhere if i == NOBODY else i
                    transpose_rows(R, q, rows, 0, X, places, 1)
            if len(energies) > 0:
                for i in range(n):
                    for w in range(W):
                        apart = energies[first + i] - energies[first + columns[task, w]]
                        F[p, i, w] -= alpha * apart * X[i, 1, w]
            E = N - k + 1
            for d in range(start[k - 1] if k else first, first):
                l = 0
                while l < E:  # as equal shares as possible
                    some = share(E - l, ROWS)
                    hops(X, h, raised, d, l, some, E, F, T, p)
                    l += some
        if k >= highest:
            continue
        above, n1 = start[k + 1], start[k + 2] - start[k + 1]
        Z, K = N - k, k + 1
        R1 = F1[offset[k + 1] : offset[k + 2]].reshape((-1, n1, W))
        for c in range(count):
            for z in range(Z):
                for w in range(W):
                    own_rows[c * Z + z, w] = (
                        above + raised[first + columns[first_task[k] + p0 + c, w], z, 0]
                    )
        for part in range(len(decay)):
            U = F if part else T
            for c in range(count):
                for z in range(Z):
                    for w in range(W):
                        site = raised[first + columns[first_task[k] + p0 + c, w], z, 1]
                        for m in range(N):
                            g[c * N + m, z, w] = decay[part, m, site]
            for s in range(len(images)):
                for z in range(count * Z):
                    for w in range(W):
                        rows[z, w] = images[s, own_rows[z, w]]
                panels = used[K, s, 0]
                for u0 in range(1, panels + 1, SOURCES):
                    for c in range(count):
                        p = p0 + c
                        for u in range(u0, min(u0 + SOURCES, panels + 1)):
                            q = used[K, s, u]
                            for z in range(Z):  # A[x, z, w] = R(s(j_w + n_z), column x of panel q)
                                transpose_rows(R1, q, rows, c * Z + z, A, every, z)
                            for x in range(W):
                                r = sources[K, s, q * W + x]
                                if r == NOBODY:
                                    continue
                                z = 0
                                while z < Z:
                                    some = share(Z - z, TERMS)
                                    jumps(A, x, z, some, g, c * N, lowered, above + r, K, U, p)
                                    z += some


@kernel
def second_pass(  # type: ignore[no-untyped-def]
    begin, end, stride, F0, V, base, y, X, c, squares,
    start, offset, tasks, columns, weights, images, sources, used,
):  # fmt: skip
    """F0 ← F0 + Vᵀ and y ← y + c·F0; squares ← what each panel contributes to ‖F0‖²."""
    W = columns.shape[1]
    rows, places = np.empty((1, W), np.uint32), np.empty(W, np.uint32)
    nowhere = np.uint32(len(X) - 1)
    for task in range(begin, end, stride):
        k, p = tasks[task, 0], tasks[task, 1]
        n = start[k + 1] - start[k]
        F = F0[offset[k] : offset[k + 1]].reshape((-1, n, W))
        T = V[offset[k] - base : offset[k + 1] - base].reshape((-1, n, W))
        Y = y[offset[k] : offset[k + 1]].reshape((-1, n, W))
        for s in range(len(images)):
            for w in range(W):
                rows[0, w] = images[s, start[k] + columns[task, w]]
            for u in range(1, used[k, s, 0] + 1):
                q = used[k, s, u]
                for w in range(W):
                    i = sources[k, s, q * W + w]
                    places[w] = nowhere if i == NOBODY else i
                transpose_rows(T, q, rows, 0, X, places, 0)
        square = zero_of(F)
        for i in range(n):
            f = axpy(load(F, p, i), 1.0, load(X, i, 0))
            store(F, p, i, f)
            store(Y, p, i, axpy(load(Y, p, i), c, f))
            square = fma(square, f, f)
        squares[task] = total(fma(zero_of(F), load(weights, 0, task), square))


@kernel
def moments(F, diagonal_places, excited, sites, pair_places, pair_emitters, out):  # type: ignore[no-untyped-def]
    """out[m, n] = ⟨σ⁺_mσ⁻_n⟩, (N, N) complex, of some sites and pairs; returns the trace."""
    out[:] = 0
    trace = 0.0
    for i in range(len(diagonal_places)):
        value = F[diagonal_places[i]]
        trace += value
        for m in sites:
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
    return trace


@kernel
def products(start, targets, pairs, entries, diagonals, x, out):  # type: ignore[no-untyped-def]
    """out[a] = M_a x[a] for two matrices of all blocks, entries[a, pairs] beside the diagonal."""
    for k in range(len(start) - 1):
        first = start[k]
        for i in range(first, start[k + 1]):
            one, two = diagonals[0, i] * x[0, i], diagonals[1, i] * x[1, i]
            for c in range(targets.shape[1]):
                j, pair = first + targets[i, c], pairs[i, c]
                one += entries[0, pair] * x[0, j]
                two += entries[1, pair] * x[1, j]
            out[0, i], out[1, i] = one, two
