"""Compiled passes over pairs of atoms with manifolds; `levels` has the equations.

χ of a pair m < n is a Hermitian matrix (L², L²), kept as a real one, in the row that `levels` says.
"""

from typing import Any

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.cumulants.pairs import OPTIONS

inline = compiled(**OPTIONS)


@inline
def _unpack(real: Any, levels: Any) -> Any:  # pragma: no cover
    """A packed χ as a complex array (L, L, L, L)."""
    size = levels * levels
    found = np.empty((size, size), dtype=np.complex128)
    for i in range(size):
        found[i, i] = real[i, i]
        for j in range(i + 1, size):
            found[i, j] = complex(real[i, j], real[j, i])
            found[j, i] = complex(real[i, j], -real[j, i])
    return found.reshape(levels, levels, levels, levels)


@compiled(**OPTIONS)
def traces_of_pairs(
    chi: Any, where: Any, values: Any, traced: Any, thread: Any, threads: Any
) -> None:  # pragma: no cover
    """Write X[l, k, n] = tr_l(a_k χ_nl) of all pairs whose first atom belongs to a thread."""
    n, levels = traced.shape[0], traced.shape[3]
    for a in range(thread, n, threads):
        traced[a, :, a] = 0.0
        for b in range(a + 1, n):
            c = _unpack(chi[a * (2 * n - a - 1) // 2 + b - a - 1], levels)
            traced[a, :, b] = 0.0
            traced[b, :, a] = 0.0
            for x in range(len(values)):
                k, g, e = where[x]
                for i in range(levels):
                    for j in range(levels):
                        traced[b, k, a, i, j] += values[x] * c[i, e, j, g]
                        traced[a, k, b, i, j] += values[x] * c[e, i, g, j]


@inline
def _side(
    c: Any, out: Any, m: Any, n: Any, rho: Any, s: Any, field: Any, traced: Any, around: Any,
    raising: Any, h: Any, own: Any, fed: Any, where: Any, values: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """Add to `out` what the first atom m of a pair does: half of it, of which h.c. follows."""
    levels, kinds, upper = rho.shape[1], s.shape[1], fed.shape[1]
    hop = h[m, :, n, :]
    alone = own[m].copy()  # the generator in the field of all but n
    for x in range(len(values)):
        k, g, e = where[x]
        others = field[m, k]
        for q in range(kinds):
            others -= hop[k, q] * s[n, q]
        alone[e, g] -= 1j * others * values[x].conjugate()
        alone[g, e] -= 1j * others.conjugate() * values[x]
    for i in range(levels):
        for p in range(levels):
            value = alone[i, p]
            if value != 0:
                for j in range(levels):
                    for u in range(levels):
                        for v in range(levels):
                            out[i, j, u, v] += value * c[p, j, u, v]
    # a†Bχ − Bχa†
    for x in range(len(values)):
        k, g, e = where[x]
        for z in range(len(values)):
            q, low, high = where[z]
            value = -1j * hop[k, q] * values[x].conjugate() * values[z]
            for u in range(levels):
                for v in range(levels):
                    out[e, low, u, v] += value * c[g, high, u, v]
                    out[u, low, g, v] -= value * c[u, high, e, v]
    # [a†, ρ_m](G + Bρ_n − fρ_n)
    for k in range(kinds):
        beside = around[m, k, n].copy()
        mean = 0j
        for q in range(kinds):
            mean += hop[k, q] * s[n, q]
        for i in range(levels):
            for j in range(levels):
                beside[i, j] -= mean * rho[n, i, j]
        for z in range(len(values)):
            q, low, high = where[z]
            for j in range(levels):
                beside[low, j] += hop[k, q] * values[z] * rho[n, high, j]
        for i in range(levels):
            for u in range(levels):
                value = raising[m, k, i, u]
                if value != 0:
                    for j in range(levels):
                        for v in range(levels):
                            out[i, j, u, v] += value * beside[j, v]
    # −[a†, tr_n Bχ]ρ_n
    back = np.zeros((levels, levels), dtype=np.complex128)
    for x in range(len(values)):
        k, g, e = where[x]
        for q in range(kinds):
            value = 1j * hop[k, q] * values[x].conjugate()
            for i in range(levels):
                back[e, i] += value * traced[n, q, m, g, i]
                back[i, g] -= value * traced[n, q, m, i, e]
    for i in range(levels):
        for u in range(levels):
            for j in range(levels):
                for v in range(levels):
                    out[i, j, u, v] += back[i, u] * rho[n, j, v]
    # jumps of the atom alone, of which half is half
    for e in range(upper):
        for f in range(upper):
            for g in range(levels - upper):
                for b in range(levels - upper):
                    value = 0.5 * fed[m, e, f, g, b]
                    if value != 0:
                        for j in range(levels):
                            for v in range(levels):
                                out[upper + g, j, upper + b, v] += value * c[e, j, f, v]


@compiled(**OPTIONS)
def slopes_of_pairs(
    chi: Any, rho: Any, s: Any, field: Any, traced: Any, around: Any, raising: Any, h: Any,
    own: Any, fed: Any, where: Any, values: Any, slopes: Any, thread: Any, threads: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """The slopes of χ of all pairs whose first atom belongs to a thread."""
    count, levels = rho.shape[0], rho.shape[1]
    size = levels * levels
    for a in range(thread, count, threads):
        for b in range(a + 1, count):
            pair = a * (2 * count - a - 1) // 2 + b - a - 1
            c = _unpack(chi[pair], levels)
            given = np.empty((2, levels, levels, levels, levels), dtype=np.complex128)
            found = np.zeros((2, levels, levels, levels, levels), dtype=np.complex128)
            for i in range(levels):
                for j in range(levels):
                    for u in range(levels):
                        for v in range(levels):
                            given[0, i, j, u, v] = given[1, j, i, v, u] = c[i, j, u, v]
            for side in range(2):  # one call, which is compiled once
                m, n = (a, b) if side == 0 else (b, a)
                _side(
                    given[side], found[side], m, n, rho, s, field, traced, around, raising, h, own,
                    fed, where, values,
                )  # fmt: skip
            for x in range(size):
                i, j = x // levels, x % levels
                for y in range(x, size):
                    u, v = y // levels, y % levels
                    value = found[0, i, j, u, v] + found[1, j, i, v, u]
                    value += (found[0, u, v, i, j] + found[1, v, u, j, i]).conjugate()
                    slopes[pair, x, y] = value.real
                    if y > x:
                        slopes[pair, y, x] = value.imag
