r"""Kernels that pass once over a panel, which holds eight trajectories of all 2^N configurations.

A drive, a pump and dephasing leave no excitation number definite, so a trajectory has the amplitude
φ(i) of every configuration i (bit m: emitter m excited). With the rates p of the pump and γ_φ of
dephasing

.. math::
   H_\mathrm{eff} = \sum_{lm} h_{lm} σ^+_lσ^-_m − \frac{i}{2}\sum_m p_m + \sum_m (w_m σ^+_m + h.c.)
   + E, \qquad h = δ + Δ − \frac{i}{2}Γ + i\,\mathrm{diag}(p/2 − γ_φ), \quad w = \frac{Ω}{2}

and the Ising energies E of the configurations. A pump matrix adds −(i/2)P_lm to h_lm of two
emitters, and a dephasing matrix D multiplies φ(i) by −Σ_mn Re D_mn i_m i_n.

As within excitation blocks (`panel`), hops go through the configuration d with one excitation
fewer; the drive turns one bit. Panels, lanes and unsigned rows are as there. The phases of the
basis states are such that every w is real (`arrays.turned`).
"""

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import (
    LANES,
    OPTIONS,
    add,
    axpy,
    fma,
    inline,
    load,
    store,
    zero,
)

kernel = compiled(**OPTIONS)


@inline
def _start(x, source, target, n, tables, centre, mixed, f):  # type: ignore[no-untyped-def]
    """Set the rows of the result to what c, the drive and the Ising energies give."""
    drive, driven, a, b = tables.drive, tables.driven, load(centre, 0, 0), load(centre, 0, 1)
    pulsed, count, lost = len(mixed) > 0, len(driven), tables.lost
    for i in range(n):
        r, s = load(x, source + i, 0), load(x, source + i, 1)
        # −i(−c)φ = i(a + ib)(r + is)
        yr, yi = fma(fma(zero(), b, r), a, s), fma(zero(), b, s)
        yr, yi = axpy(zero(), -1.0, yr), axpy(fma(zero(), a, r), -1.0, yi)
        if len(lost) > 0:
            yr, yi = axpy(yr, -lost[i], r), axpy(yi, -lost[i], s)
        for k in range(count):
            w, j = drive[k], i ^ driven[k]
            if pulsed:
                j = j if i & driven[k] else n + j
                yr, yi = axpy(yr, w, load(mixed, j, 1)), axpy(yi, -w, load(mixed, j, 0))
            else:
                j += source
                yr, yi = axpy(yr, w, load(x, j, 1)), axpy(yi, -w, load(x, j, 0))
        store(x, target + i, 0, fma(zero(), f, yr))
        store(x, target + i, 1, fma(zero(), f, yi))
    energies = tables.energies
    for i in range(n if len(energies) > 0 else np.uint64(0)):
        e, r, s = energies[i], load(x, source + i, 0), load(x, source + i, 1)
        store(x, target + i, 0, fma(load(x, target + i, 0), f, axpy(zero(), e, s)))
        store(x, target + i, 1, fma(load(x, target + i, 1), f, axpy(zero(), -e, r)))


@inline
def _added(u, v, w, h, l, m, r, s):  # type: ignore[no-untyped-def]
    """The three sums of products with the three numbers of h_lm, with one more amplitude r + is."""
    return axpy(u, h[l, m, 0], add(r, s)), axpy(v, h[l, m, 1], r), axpy(w, h[l, m, 2], s)


@inline
def _give(x, i, f, u, v, w):  # type: ignore[no-untyped-def]
    """Add f times the result of the three sums to row i."""
    store(x, i, 0, fma(load(x, i, 0), f, add(u, v)))
    store(x, i, 1, fma(load(x, i, 1), f, axpy(w, -1.0, u)))


@kernel
def apply(x, source, target, n, tables, centre, mixed, factors):  # type: ignore[no-untyped-def]
    """Set the n rows from `target` on to −i f (H_eff − c) times the n rows from `source` on.

    Four raised configurations at a time use the same loaded numbers.

    Args:
        x: panel, (rows, 2, 8).
        source: first row of φ, unsigned.
        target: first row of the result, unsigned.
        n: 2^N, unsigned.
        tables: `arrays.Tables`.
        centre: (1, 2, 8), real and imaginary part of c in each lane.
        mixed: (2n, 2, 8), what the drive excites, and what it de-excites, under an envelope (see
            `mix`); or (0, 2, 8), if it is φ.
        factors: (1, 1, 8), f in each lane.
    """
    empty, widths, h = tables.empty, tables.width, tables.h
    one, f = np.uint64(1), load(factors, 0, 0)
    _start(x, source, target, n, tables, centre, mixed, f)
    for d in range(n):
        width, base, to = widths[d], source + d, target + d
        up = 0
        while up + 4 <= width:
            a, b = np.uint64(empty[d, up]), np.uint64(empty[d, up + 1])
            c, e = np.uint64(empty[d, up + 2]), np.uint64(empty[d, up + 3])
            u0 = u1 = u2 = u3 = v0 = v1 = v2 = v3 = w0 = w1 = w2 = w3 = zero()
            for m in range(width):
                q = np.uint64(empty[d, m])
                i = base + (one << q)
                r, s = load(x, i, 0), load(x, i, 1)
                u0, v0, w0 = _added(u0, v0, w0, h, a, q, r, s)
                u1, v1, w1 = _added(u1, v1, w1, h, b, q, r, s)
                u2, v2, w2 = _added(u2, v2, w2, h, c, q, r, s)
                u3, v3, w3 = _added(u3, v3, w3, h, e, q, r, s)
            _give(x, to + (one << a), f, u0, v0, w0)
            _give(x, to + (one << b), f, u1, v1, w1)
            _give(x, to + (one << c), f, u2, v2, w2)
            _give(x, to + (one << e), f, u3, v3, w3)
            up += 4
        if up + 2 <= width:
            a, b = np.uint64(empty[d, up]), np.uint64(empty[d, up + 1])
            u0 = u1 = v0 = v1 = w0 = w1 = zero()
            for m in range(width):
                q = np.uint64(empty[d, m])
                i = base + (one << q)
                r, s = load(x, i, 0), load(x, i, 1)
                u0, v0, w0 = _added(u0, v0, w0, h, a, q, r, s)
                u1, v1, w1 = _added(u1, v1, w1, h, b, q, r, s)
            _give(x, to + (one << a), f, u0, v0, w0)
            _give(x, to + (one << b), f, u1, v1, w1)
            up += 2
        if up < width:
            a = np.uint64(empty[d, up])
            u0 = v0 = w0 = zero()
            for m in range(width):
                q = np.uint64(empty[d, m])
                i = base + (one << q)
                r, s = load(x, i, 0), load(x, i, 1)
                u0, v0, w0 = _added(u0, v0, w0, h, a, q, r, s)
            _give(x, to + (one << a), f, u0, v0, w0)


@kernel
def recentre(x, first, n, centre, factors):  # type: ignore[no-untyped-def]
    """Make c the mean of H_eff: take −if⟨H_eff − c⟩φ from the first term.

    In a state that hardly changes all terms are small then, and steps may be long.

    Args:
        x: panel of terms.
        first: first row of the term −if(H_eff − c)φ; φ is in the rows from 0 on.
        n: 2^N, unsigned.
        centre: (1, 2, 8), c; becomes ⟨H_eff⟩.
        factors: (1, 1, 8), f, not zero.
    """
    norm = real = imaginary = zero()
    for i in range(n):
        a, b, r, s = load(x, i, 0), load(x, i, 1), load(x, first + i, 0), load(x, first + i, 1)
        norm = fma(fma(norm, a, a), b, b)
        real = fma(fma(real, a, r), b, s)
        imaginary = axpy(fma(imaginary, a, s), -1.0, fma(zero(), b, r))
    mean = np.empty((3, 1, LANES))
    store(mean, 0, 0, norm)
    store(mean, 1, 0, real)
    store(mean, 2, 0, imaginary)
    for w in range(LANES):
        scale = 1 / mean[0, 0, w] if mean[0, 0, w] > 0 else 0.0
        mean[1, 0, w] *= -scale
        mean[2, 0, w] *= -scale
        # −if m = −(mean[1] + i mean[2])
        centre[0, 0, w] += mean[2, 0, w] / factors[0, 0, w]
        centre[0, 1, w] -= mean[1, 0, w] / factors[0, 0, w]
    u, v = load(mean, 1, 0), load(mean, 2, 0)
    for i in range(n):
        a, b, r, s = load(x, i, 0), load(x, i, 1), load(x, first + i, 0), load(x, first + i, 1)
        store(x, first + i, 0, axpy(fma(r, u, a), -1.0, fma(zero(), v, b)))
        store(x, first + i, 1, fma(fma(s, u, b), v, a))


@kernel
def mix(x, j, n, pitch, powers, pulse, mixed):  # type: ignore[no-untyped-def]
    """Sum what the drive acts on in term j + 1: Σ_k f_k φ_{j−k}, and the same with f_k*.

    Args:
        x: panel of terms.
        j: index of the last term that is known, unsigned.
        n: 2^N, unsigned.
        pitch: rows from one term to the next, unsigned.
        powers: number of coefficients f_k, unsigned.
        pulse: (·, 2, 8), f_k in each lane.
        mixed: (2n, 2, 8), receives both sums.
    """
    last = min(j + np.uint64(1), powers)
    for i in range(n):
        rr = ss = rs = sr = zero()
        row = j * pitch + i
        for k in range(last):
            a, b = load(pulse, k, 0), load(pulse, k, 1)
            r, s = load(x, row, 0), load(x, row, 1)
            rr, ss = fma(rr, a, r), fma(ss, b, s)
            rs, sr = fma(rs, a, s), fma(sr, b, r)
            row -= pitch
        store(mixed, i, 0, axpy(rr, -1.0, ss))
        store(mixed, i, 1, add(rs, sr))
        store(mixed, n + i, 0, add(rr, ss))
        store(mixed, n + i, 1, axpy(rs, -1.0, sr))
