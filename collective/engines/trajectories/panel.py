r"""Kernels that pass once over a panel, which holds eight trajectories of one excitation block.

Within the block of k excitations H_eff = Σ_lm h_lm σ⁺_lσ⁻_m + E is applied through the block below,
but for the Ising energies E, which belong to one configuration each. A
configuration d of k−1 excitations is reached by lowering any of the E = N−k+1 configurations d+m,
and raising leads from d to any d+l, so that

    y(d+l) += Σ_m h_lm φ(d+m)   for every d and l.

Each φ is loaded once and used E times. No table of hops is needed. The same loop over (d, m) gives
⟨σ⁺_lσ⁻_m⟩ and the jump.

A row of a panel is one amplitude, `x[row, 0]` and `x[row, 1]` its real and imaginary part in eight
lanes. Row numbers are unsigned (see `lanes`).
"""

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import OPTIONS, axpy, fma, inline, load, store, zero

kernel = compiled(**OPTIONS)


@inline
def _one(x, source, places, who, h, d, up):  # type: ignore[no-untyped-def]
    """The real and imaginary part of −i Σ_m h_lm φ(d+m)."""
    yr = yi = zero()
    p = who[d, up]
    for m in range(places.shape[1]):
        i, q = source + places[d, m], who[d, m]
        a, b = h[p, q, 0], h[p, q, 1]
        r, s = load(x, i, 0), load(x, i, 1)
        yr, yi = axpy(axpy(yr, a, s), b, r), axpy(axpy(yi, b, s), -a, r)
    return yr, yi


@inline
def _two(x, source, places, who, h, d, up):  # type: ignore[no-untyped-def]
    """The two results of `_one` for l and l + 1, which use the same loaded numbers."""
    yr = yi = zr = zi = zero()
    p, o = who[d, up], who[d, up + 1]
    for m in range(places.shape[1]):
        i, q = source + places[d, m], who[d, m]
        r, s = load(x, i, 0), load(x, i, 1)
        a, b = h[p, q, 0], h[p, q, 1]
        yr, yi = axpy(axpy(yr, a, s), b, r), axpy(axpy(yi, b, s), -a, r)
        a, b = h[o, q, 0], h[o, q, 1]
        zr, zi = axpy(axpy(zr, a, s), b, r), axpy(axpy(zi, b, s), -a, r)
    return yr, yi, zr, zi


@inline
def _add(x, i, f, yr, yi):  # type: ignore[no-untyped-def]
    """Add f·y to row i."""
    store(x, i, 0, axpy(load(x, i, 0), f, yr))
    store(x, i, 1, axpy(load(x, i, 1), f, yi))


@kernel
def apply(x, source, target, n, places, who, h, energies, f):  # type: ignore[no-untyped-def]
    """Set the n rows from `target` on to −i f K times the n rows from `source` on.

    Args:
        x: panel, (rows, 2, 8).
        source: first row of φ, unsigned.
        target: first row of the result, unsigned.
        n: C(N, k), unsigned.
        places: (C(N, k−1), E), index of d+m for each emitter m that is not excited in d.
        who: (C(N, k−1), E), these emitters m.
        h: (N, N, 2), real and imaginary part.
        energies: (C(N, k),), E of each configuration; empty without Ising terms.
        f: factor f.
    """
    for i in range(n):
        store(x, target + i, 0, zero())
        store(x, target + i, 1, zero())
    for i in range(n if len(energies) > 0 else np.uint64(0)):
        turn = f * energies[i]
        store(x, target + i, 0, axpy(zero(), turn, load(x, source + i, 1)))
        store(x, target + i, 1, axpy(zero(), -turn, load(x, source + i, 0)))
    width = places.shape[1]
    for d in range(places.shape[0]):
        for up in range(0, width - 1, 2):
            yr, yi, zr, zi = _two(x, source, places, who, h, d, up)
            _add(x, target + places[d, up], f, yr, yi)
            _add(x, target + places[d, up + 1], f, zr, zi)
        if width % 2:
            yr, yi = _one(x, source, places, who, h, d, width - 1)
            _add(x, target + places[d, width - 1], f, yr, yi)


@inline
def product(x, a, b, n):  # type: ignore[no-untyped-def]
    """Re⟨x_a|x_b⟩ in every lane, of the n rows from a on and the n rows from b on."""
    u = v = zero()
    for i in range(n):
        u = fma(u, load(x, a + i, 0), load(x, b + i, 0))
        v = fma(v, load(x, a + i, 1), load(x, b + i, 1))
    return axpy(u, 1.0, v)


@inline
def rescale(x, a, n, factors):  # type: ignore[no-untyped-def]
    """Multiply the n rows from a on by a factor for each lane, (1, 1, 8); returns their ‖·‖²."""
    f, u = load(factors, np.uint64(0), 0), zero()
    for i in range(a, a + n):
        r, s = fma(zero(), f, load(x, i, 0)), fma(zero(), f, load(x, i, 1))
        store(x, i, 0, r)
        store(x, i, 1, s)
        u = fma(fma(u, r, r), s, s)
    return u


@inline
def populate(value, occupied, first, last, q, excited):  # type: ignore[no-untyped-def]
    """Add |φ_i|² to each emitter that is excited in configuration i; excited: (ROUNDS, N, 8)."""
    for i in range(first, last):
        r, s = load(value, i, 0), load(value, i, 1)
        p = fma(fma(zero(), r, r), s, s)
        for m in range(occupied.shape[1]):
            store(excited, q, occupied[i, m], axpy(load(excited, q, occupied[i, m]), 1.0, p))


@kernel
def correlate(value, places, who, pairs):  # type: ignore[no-untyped-def]
    """Compute ⟨σ⁺_lσ⁻_m⟩ = Σ_d φ*(d+l) φ(d+m) for l ≤ m.

    Args:
        value: φ, (n, 2, 8).
        places: see `apply`; emitters ascending.
        who: see `apply`; emitters ascending.
        pairs: (N², 2, 8), receives the result in row N l + m.
    """
    size = np.uint64(np.sqrt(len(pairs)))
    pairs[:] = 0.0
    width = places.shape[1]
    for d in range(places.shape[0]):
        for up in range(width):
            a, b = load(value, places[d, up], 0), load(value, places[d, up], 1)
            for m in range(up, width):
                r, s = load(value, places[d, m], 0), load(value, places[d, m], 1)
                i = size * who[d, up] + who[d, m]
                store(pairs, i, 0, fma(fma(load(pairs, i, 0), a, r), b, s))
                cross = axpy(fma(zero(), a, s), -1.0, fma(zero(), b, r))
                store(pairs, i, 1, axpy(load(pairs, i, 1), 1.0, cross))


@inline
def fill_lane(x, w, slots, b, n):  # type: ignore[no-untyped-def]
    """Copy the amplitudes of trajectory b into lane w; zeros for b < 0."""
    for i in range(n):
        x[i, 0, w] = slots[b, i, 0] if b >= 0 else 0.0
        x[i, 1, w] = slots[b, i, 1] if b >= 0 else 0.0


@inline
def save_lane(value, w, slots, b, n, norm):  # type: ignore[no-untyped-def]
    """Copy lane w, normalised, to the amplitudes of trajectory b."""
    scale = 1 / np.sqrt(norm)
    for i in range(n):
        slots[b, i, 0] = scale * value[i, 0, w]
        slots[b, i, 1] = scale * value[i, 1, w]


@kernel
def collective_rates(channels, size, pairs, share):  # type: ignore[no-untyped-def]
    """Set share[c, 0] to the rate of each collective channel c, from ⟨σ⁺_pσ⁻_q⟩ in every lane.

    Args:
        channels: (C, N, 2), coefficients of the jumps.
        size: N, unsigned.
        pairs: (N², 2, 8), real and imaginary parts of ⟨σ⁺_pσ⁻_q⟩ for p ≤ q.
        share: (C, 1, 8).
    """
    for c in range(np.uint64(len(channels))):
        total = zero()
        for p in range(size):
            for q in range(p, size):
                # 2 Re c_p* c_q ⟨σ⁺_pσ⁻_q⟩ for a pair, without the factor 2 on the diagonal
                i, twice = size * p + q, 1.0 if p == q else 2.0
                re = channels[c, p, 0] * channels[c, q, 0] + channels[c, p, 1] * channels[c, q, 1]
                im = channels[c, p, 0] * channels[c, q, 1] - channels[c, p, 1] * channels[c, q, 0]
                total = axpy(total, twice * re, load(pairs, i, 0))
                total = axpy(total, -twice * im, load(pairs, i, 1))
        store(share, c, 0, total)
