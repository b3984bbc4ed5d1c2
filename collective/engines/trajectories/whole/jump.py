"""The kernel of one jump: collective decay, dephasing or pump, drawn in each lane of a panel.

Panels and tables are those of `panel`.
"""

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import (
    LANES,
    OPTIONS,
    axpy,
    fma,
    inline,
    load,
    store,
    zero,
)
from collective.engines.trajectories.panel import collective_rates
from collective.engines.trajectories.whole.observables import correlate

kernel = compiled(**OPTIONS)


@inline
def _shares(n, tables, value, pairs, norm, share):  # type: ignore[no-untyped-def]
    """Set the rate of each channel, times ‖φ‖², in every lane; returns the number of channels.

    Collective decay comes first, then dephasing and pump of each emitter that has them, or of
    emitters together, as in `Couplings.collapse_operators`.
    """
    channels, dephasing, pump = tables.channels, tables.dephasing, tables.pump
    raising, holding = tables.raising, tables.holding
    size = np.uint64(len(dephasing))
    correlate(value, n, tables, pairs)
    known = np.uint64(len(channels))
    collective_rates(channels, size, pairs, share)
    for m in range(size):
        if dephasing[m] > 0:
            store(share, known, 0, axpy(zero(), dephasing[m], load(pairs, size * m + m, 0)))
            known += np.uint64(1)
    for c in range(np.uint64(len(holding))):
        store(share, known, 0, _held(value, n, holding, c))
        known += np.uint64(1)
    for m in range(size):
        if pump[m] > 0:
            free = axpy(load(norm, 0, 0), -1.0, load(pairs, size * m + m, 0))
            store(share, known, 0, axpy(zero(), pump[m], free))
            known += np.uint64(1)
    collective_rates(raising, size, pairs, share[known:])
    for c in range(np.uint64(len(raising))):
        # of ⟨σ⁻_mσ⁺_m⟩ = ‖φ‖² − ⟨σ⁺_mσ⁻_m⟩ the sum has counted ⟨σ⁺_mσ⁻_m⟩
        total = load(share, known, 0)
        for m in range(size):
            rate = raising[c, m, 0] ** 2 + raising[c, m, 1] ** 2
            total = axpy(total, rate, load(norm, 0, 0))
            total = axpy(total, -2 * rate, load(pairs, size * m + m, 0))
        store(share, known, 0, total)
        known += np.uint64(1)
    return known


@inline
def _held(value, n, holding, c):  # type: ignore[no-untyped-def]
    """The rate of channel c of a dephasing matrix, times ‖φ‖², in every lane."""
    total, one, size = zero(), np.uint64(1), np.uint64(holding.shape[1])
    for i in range(n):
        re, im = 0.0, 0.0
        for m in range(size):
            if i & (one << m):
                re += holding[c, m, 0]
                im += holding[c, m, 1]
        r, s = load(value, i, 0), load(value, i, 1)
        total = axpy(total, re * re + im * im, fma(fma(zero(), r, r), s, s))
    return total


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
    raising, holding = tables.raising, tables.holding
    left = channel - len(channels)
    for m in range(len(dephasing)):
        if dephasing[m] > 0:
            if left == 0:
                hold[m, 0, w] = 1.0
            left -= 1
    if 0 <= left < len(holding):
        for m in range(len(hold)):
            hold[m, 0, w], hold[m, 1, w] = holding[left, m, 0], holding[left, m, 1]
    left -= len(holding)
    for m in range(len(pump)):
        if pump[m] > 0:
            if left == 0:
                up[m, 0, w] = 1.0
            left -= 1
    if 0 <= left < len(raising):
        for m in range(len(up)):
            up[m, 0, w], up[m, 1, w] = raising[left, m, 0], -raising[left, m, 1]


@kernel
def jump(x, value, n, tables, work, jumped, chances, chosen):  # type: ignore[no-untyped-def]
    """Apply one jump c_j φ, j drawn by ‖c_jφ‖², in the lanes that jump, and normalise all lanes.

    Args:
        x: panel, whose first n rows receive the new φ.
        value: φ, (n, 2, 8).
        n: 2^N, unsigned.
        tables: `arrays.Tables`.
        work: ‖φ‖² (1, 1, 8); pairs (N², 2, 8); shares (4N, 1, 8); weights of σ⁻_m, of σ⁺_m and
            of σ⁺_mσ⁻_m, (N, 2, 8) each.
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
    together = len(tables.raising) + len(tables.holding) > 0
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
                    re, im = load(value, j, 0), load(value, j, 1)
                    r, s = fma(fma(r, g, re), k, x0), fma(fma(s, g, im), k, y0)
                    if together:
                        g, k = load(up, m, 1), load(hold, m, 1)
                        r = axpy(r, -1.0, fma(fma(zero(), g, im), k, y0))
                        s = fma(fma(s, g, re), k, x0)
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
