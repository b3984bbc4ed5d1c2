r"""Kernels that pass once over a panel, which holds eight trajectories of all 2^N configurations.

A drive, a pump and dephasing leave no excitation number definite, so a trajectory has the amplitude
φ(i) of every configuration i (bit m: emitter m excited). With the rates p of the pump and γ_φ of
dephasing

.. math::
   H_\mathrm{eff} = \sum_{lm} h_{lm} σ^+_lσ^-_m − \frac{i}{2}\sum_m p_m + \sum_m (w_m σ^+_m + h.c.),
   \qquad h = δ + Δ − \frac{i}{2}Γ + i\,\mathrm{diag}(p/2 − γ_φ), \quad w = \frac{Ω}{2}

As within excitation blocks (`panel`), hops go through the configuration d with one excitation fewer;
the drive turns one bit. Panels, lanes and unsigned rows are as there. The phases of the basis states
are such that every w is real (see `whole`).
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
    inline,
    load,
    store,
    zero,
)

kernel = compiled(**OPTIONS)


class Tables(NamedTuple):
    """What the kernels know of a problem of N emitters with n = 2^N configurations.

    Attributes:
        empty: (n, N), the emitters that are not excited in a configuration, and zeros.
        count: (n,), how many these are.
        h: (N, N, 3), a, b − a and a + b of h = a + ib: three products make a complex one,
            −i(a + ib)(r + is) = [a(r + s) + (b − a)r] + i[(a + b)s − a(r + s)].
        centre: (2,), the number c that is subtracted from Σ h σ⁺σ⁻: half the trace of h.
        drive: (D,), w of each driven emitter.
        driven: (D,), 1 << m of each of them.
        decay: (N, N), the real part of Γ.
        across: (N, N), its imaginary part, or (0, 0) if Γ is real.
        channels: (C, N, 2), coefficients √γ_ν (V†)_νm of the collective jumps, the brightest first.
        dephasing: (N,), 2γ_φ.
        pump: (N,), p.
    """

    empty: NDArray[np.uint8]
    count: NDArray[np.int64]
    h: NDArray[np.float64]
    centre: NDArray[np.float64]
    drive: NDArray[np.float64]
    driven: NDArray[np.uint64]
    decay: NDArray[np.float64]
    across: NDArray[np.float64]
    channels: NDArray[np.float64]
    dephasing: NDArray[np.float64]
    pump: NDArray[np.float64]


@inline
def _start(x, source, target, n, tables, mixed, f):  # type: ignore[no-untyped-def]
    """Set the rows of the result to what c and the drive give."""
    drive, driven, a, b = tables.drive, tables.driven, tables.centre[0], tables.centre[1]
    pulsed, count = len(mixed) > 0, len(tables.driven)
    for i in range(n):
        r, s = load(x, source + i, 0), load(x, source + i, 1)
        # −i(−c)φ = i(a + ib)(r + is)
        yr, yi = axpy(axpy(zero(), -b, r), -a, s), axpy(axpy(zero(), a, r), -b, s)
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


@inline
def _give(x, i, f, u, v, w):  # type: ignore[no-untyped-def]
    """Add f times the result of the three sums to row i."""
    store(x, i, 0, fma(load(x, i, 0), f, add(u, v)))
    store(x, i, 1, fma(load(x, i, 1), f, axpy(w, -1.0, u)))


@kernel
def apply(x, source, target, n, tables, mixed, factors):  # type: ignore[no-untyped-def]
    """Set the n rows from `target` on to −i f (H_eff − c) times the n rows from `source` on.

    Four raised configurations at a time use the same loaded numbers.

    Args:
        x: panel, (rows, 2, 8).
        source: first row of φ, unsigned.
        target: first row of the result, unsigned.
        n: 2^N, unsigned.
        tables: `Tables`.
        mixed: (2n, 2, 8), what the drive excites, and what it de-excites, under an envelope (see
            `mix`); or (0, 2, 8), if it is φ.
        factors: (1, 1, 8), f in each lane.
    """
    empty, count, h = tables.empty, tables.count, tables.h
    one, f = np.uint64(1), load(factors, 0, 0)
    _start(x, source, target, n, tables, mixed, f)
    for d in range(n):
        width, base, to = count[d], source + d, target + d
        up = 0
        while up + 4 <= width:
            a, b = np.uint64(empty[d, up]), np.uint64(empty[d, up + 1])
            c, e = np.uint64(empty[d, up + 2]), np.uint64(empty[d, up + 3])
            u0 = u1 = u2 = u3 = v0 = v1 = v2 = v3 = w0 = w1 = w2 = w3 = zero()
            for m in range(width):
                q = np.uint64(empty[d, m])
                i = base + (one << q)
                r, s = load(x, i, 0), load(x, i, 1)
                t = add(r, s)
                u0, v0, w0 = axpy(u0, h[a, q, 0], t), axpy(v0, h[a, q, 1], r), axpy(w0, h[a, q, 2], s)
                u1, v1, w1 = axpy(u1, h[b, q, 0], t), axpy(v1, h[b, q, 1], r), axpy(w1, h[b, q, 2], s)
                u2, v2, w2 = axpy(u2, h[c, q, 0], t), axpy(v2, h[c, q, 1], r), axpy(w2, h[c, q, 2], s)
                u3, v3, w3 = axpy(u3, h[e, q, 0], t), axpy(v3, h[e, q, 1], r), axpy(w3, h[e, q, 2], s)
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
                t = add(r, s)
                u0, v0, w0 = axpy(u0, h[a, q, 0], t), axpy(v0, h[a, q, 1], r), axpy(w0, h[a, q, 2], s)
                u1, v1, w1 = axpy(u1, h[b, q, 0], t), axpy(v1, h[b, q, 1], r), axpy(w1, h[b, q, 2], s)
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
                t = add(r, s)
                u0, v0, w0 = axpy(u0, h[a, q, 0], t), axpy(v0, h[a, q, 1], r), axpy(w0, h[a, q, 2], s)
            _give(x, to + (one << a), f, u0, v0, w0)


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


@kernel
def emission(value, n, tables, found):  # type: ignore[no-untyped-def]
    """Σ_lm Γ_lm ⟨σ⁺_lσ⁻_m⟩ of the n rows of φ, in every lane, to found (1, ·, 8)."""
    empty, count, decay, across = tables.empty, tables.count, tables.decay, tables.across
    one, total, whole = np.uint64(1), zero(), len(across) > 0
    for d in range(n):
        width = count[d]
        for l in range(0, width, 2):  # two emitters at a time use the same loaded numbers
            p, two = np.uint64(empty[d, l]), l + 1 < width
            o = np.uint64(empty[d, l + 1]) if two else p
            x, y = load(value, d + (one << p), 0), load(value, d + (one << p), 1)
            ur, ui = axpy(zero(), 0.5 * decay[p, p], x), axpy(zero(), 0.5 * decay[p, p], y)
            g, h, vr, vi = zero(), zero(), zero(), zero()
            if two:
                g, h = load(value, d + (one << o), 0), load(value, d + (one << o), 1)
                ur, ui = axpy(ur, decay[p, o], g), axpy(ui, decay[p, o], h)
                vr, vi = axpy(vr, 0.5 * decay[o, o], g), axpy(vi, 0.5 * decay[o, o], h)
                if whole:
                    ur, ui = axpy(ur, -across[p, o], h), axpy(ui, across[p, o], g)
            for m in range(l + 2, width):
                q = np.uint64(empty[d, m])
                r, s = load(value, d + (one << q), 0), load(value, d + (one << q), 1)
                ur, ui = axpy(ur, decay[p, q], r), axpy(ui, decay[p, q], s)
                vr, vi = axpy(vr, decay[o, q], r), axpy(vi, decay[o, q], s)
                if whole:
                    ur, ui = axpy(ur, -across[p, q], s), axpy(ui, across[p, q], r)
                    vr, vi = axpy(vr, -across[o, q], s), axpy(vi, across[o, q], r)
            total = fma(fma(fma(fma(total, x, ur), y, ui), g, vr), h, vi)
    store(found, 0, 0, add(total, total))


@kernel
def correlate(value, n, tables, pairs):  # type: ignore[no-untyped-def]
    """Compute ⟨σ⁺_lσ⁻_m⟩ = Σ_d φ*(d+l) φ(d+m) for l ≤ m; pairs is (N², 2, 8), row N l + m.

    For each pair the configurations d, in which both emitters are not excited, are counted through:
    the bits of the two emitters are put between the others.
    """
    size, one = np.uint64(len(tables.h)), np.uint64(1)
    for p in range(size):
        low, u = (one << p) - one, zero()
        for k in range(n >> one):
            i = ((k & ~low) << one) | (k & low) | (one << p)
            r, s = load(value, i, 0), load(value, i, 1)
            u = fma(fma(u, r, r), s, s)
        store(pairs, size * p + p, 0, u)
        store(pairs, size * p + p, 1, zero())
        for q in range(p + one, size):
            high = (one << (q - one)) - one
            rr = ss = rs = sr = zero()
            for k in range(n >> np.uint64(2)):
                d = ((k & ~high) << one) | (k & high)
                d = ((d & ~low) << one) | (d & low)
                i, j = d + (one << p), d + (one << q)
                a, b, r, s = load(value, i, 0), load(value, i, 1), load(value, j, 0), load(value, j, 1)
                rr, ss, rs, sr = fma(rr, a, r), fma(ss, b, s), fma(rs, a, s), fma(sr, b, r)
            store(pairs, size * p + q, 0, add(rr, ss))
            store(pairs, size * p + q, 1, axpy(rs, -1.0, sr))


@kernel
def expectation(value, n, starts, columns, entries, found):  # type: ignore[no-untyped-def]
    """⟨φ|O|φ⟩ of a sparse operator in every lane.

    Args:
        value: φ, (n, 2, 8).
        n: 2^N, unsigned.
        starts: (n + 1,), the first entry of each row.
        columns: the column of each entry.
        entries: (·, 2), real and imaginary part of each entry.
        found: (1, 2, 8), receives the expectation values.
    """
    real = imaginary = zero()
    for i in range(n):
        ur = ui = zero()
        for k in range(starts[i], starts[i + np.uint64(1)]):
            j = np.uint64(columns[k])
            r, s, a, b = load(value, j, 0), load(value, j, 1), entries[k, 0], entries[k, 1]
            ur, ui = axpy(axpy(ur, a, r), -b, s), axpy(axpy(ui, a, s), b, r)
        r, s = load(value, i, 0), load(value, i, 1)
        real = fma(fma(real, r, ur), s, ui)
        imaginary = axpy(fma(imaginary, r, ui), -1.0, fma(zero(), s, ur))
    store(found, 0, 0, real)
    store(found, 0, 1, imaginary)


@kernel
def populate(value, n, excited):  # type: ignore[no-untyped-def]
    """Compute how much of ‖φ‖² has each emitter excited, (N, 1, 8), highest bit first; φ is lost.

    The squares of configurations that differ in the highest bit are added, then those that differ in
    the next one, and so on.
    """
    for i in range(n):
        r, s = load(value, i, 0), load(value, i, 1)
        store(value, i, 0, fma(fma(zero(), r, r), s, s))
    half, m = n, len(excited)
    while m > 0:
        half >>= np.uint64(1)
        m -= 1
        upper = zero()
        for i in range(half):
            above = load(value, half + i, 0)
            upper = add(upper, above)
            store(value, i, 0, add(load(value, i, 0), above))
        store(excited, np.uint64(m), 0, upper)


@inline
def _shares(n, tables, value, pairs, norm, share):  # type: ignore[no-untyped-def]
    """Set the rate of each channel, times ‖φ‖², in every lane; returns the number of channels.

    Collective decay comes first, then dephasing and pump of each emitter that has them, as in
    `Couplings.collapse_operators`.
    """
    channels, dephasing, pump = tables.channels, tables.dephasing, tables.pump
    size = np.uint64(len(dephasing))
    correlate(value, n, tables, pairs)
    known = np.uint64(len(channels))
    for c in range(known):
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
    for m in range(size):
        if dephasing[m] > 0:
            store(share, known, 0, axpy(zero(), dephasing[m], load(pairs, size * m + m, 0)))
            known += np.uint64(1)
    for m in range(size):
        if pump[m] > 0:
            free = axpy(load(norm, 0, 0), -1.0, load(pairs, size * m + m, 0))
            store(share, known, 0, axpy(zero(), pump[m], free))
            known += np.uint64(1)
    return known


@inline
def _drawn(share, known, w, chance):  # type: ignore[no-untyped-def]
    """The channel that a random number draws in lane w."""
    total = 0.0
    for c in range(known):
        total += max(share[c, 0, w], 0.0)
    target, reached, drawn, brightest = chance * total, 0.0, -1, 0
    for c in range(known):
        if share[c, 0, w] > share[brightest, 0, w]:
            brightest = c
        if share[c, 0, w] > 0 and reached <= target:
            drawn = c
            reached += share[c, 0, w]
    # all shares may be round-off, but a jump has come
    return drawn if drawn >= 0 else brightest


@inline
def _weigh(tables, w, channel, down, up, hold):  # type: ignore[no-untyped-def]
    """Set the weights of σ⁻_m, σ⁺_m and σ⁺_mσ⁻_m in lane w for the jump of a channel."""
    channels, dephasing, pump = tables.channels, tables.dephasing, tables.pump
    if channel < len(channels):
        for m in range(len(dephasing)):
            down[m, 0, w], down[m, 1, w] = channels[channel, m, 0], channels[channel, m, 1]
        return
    left = channel - len(channels)
    for m in range(len(dephasing)):
        if dephasing[m] > 0:
            if left == 0:
                hold[m, 0, w] = 1.0
            left -= 1
    for m in range(len(pump)):
        if pump[m] > 0:
            if left == 0:
                up[m, 0, w] = 1.0
            left -= 1


@kernel
def jump(x, value, n, tables, work, jumped, chances, chosen):  # type: ignore[no-untyped-def]
    """Apply one jump c_j φ, j drawn by ‖c_jφ‖², in the lanes that jump, and normalise all lanes.

    Args:
        x: panel, whose first n rows receive the new φ.
        value: φ, (n, 2, 8).
        n: 2^N, unsigned.
        tables: `Tables`.
        work: ‖φ‖² (1, 1, 8); pairs (N², 2, 8); shares (3N, 1, 8); weights of σ⁻_m (N, 2, 8), of
            σ⁺_m and of σ⁺_mσ⁻_m (N, 1, 8) each.
        jumped: (8,), the lanes that jump.
        chances: (8,), random numbers, uniform in [0, 1).
        chosen: (8,), receives the channels.
    """
    norm, pairs, share, down, up, hold = work
    factor = np.empty((1, 1, LANES))
    if not jumped.any():
        for w in range(LANES):
            factor[0, 0, w] = 1 / np.sqrt(norm[0, 0, w]) if norm[0, 0, w] > 0 else 0.0
        f = load(factor, 0, 0)
        for i in range(n):
            store(x, i, 0, fma(zero(), f, load(value, i, 0)))
            store(x, i, 1, fma(zero(), f, load(value, i, 1)))
        return
    known = _shares(n, tables, value, pairs, norm, share)
    down[:], up[:], hold[:], factor[:] = 0.0, 0.0, 0.0, 1.0
    for w in range(LANES):
        if jumped[w]:
            chosen[w] = _drawn(share, np.int64(known), w, chances[w])
            _weigh(tables, w, chosen[w], down, up, hold)
            factor[0, 0, w] = 0.0
    others = known > len(tables.channels)
    size, one = np.uint64(len(hold)), np.uint64(1)
    kept, total = load(factor, 0, 0), zero()
    for i in range(n):
        x0, y0 = load(value, i, 0), load(value, i, 1)
        r, s = fma(zero(), kept, x0), fma(zero(), kept, y0)
        for m in range(size):
            j = i ^ (one << m)
            if i & (one << m):
                if others:
                    g, k = load(up, m, 0), load(hold, m, 0)
                    r = fma(fma(r, g, load(value, j, 0)), k, x0)
                    s = fma(fma(s, g, load(value, j, 1)), k, y0)
            else:
                a, b = load(down, m, 0), load(down, m, 1)
                re, im = load(value, j, 0), load(value, j, 1)
                r = axpy(fma(r, a, re), -1.0, fma(zero(), b, im))
                s = fma(fma(s, a, im), b, re)
        store(x, i, 0, r)
        store(x, i, 1, s)
        total = fma(fma(total, r, r), s, s)
    store(factor, 0, 0, total)
    for w in range(LANES):
        factor[0, 0, w] = 1 / np.sqrt(factor[0, 0, w]) if factor[0, 0, w] > 0 else 0.0
    f = load(factor, 0, 0)
    for i in range(n):
        store(x, i, 0, fma(zero(), f, load(x, i, 0)))
        store(x, i, 1, fma(zero(), f, load(x, i, 1)))
