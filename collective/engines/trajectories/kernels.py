"""Kernels of the trajectory engine: eight trajectories from photon to photon.

Eight trajectories of one excitation block are evolved together, each in a lane of a panel (see
`panel`), by steps of a Taylor series (see `taylor`). A step ends at the jump, where the integrated
rate of emission reaches the drawn value, or where the series is no longer accurate. The series also
gives the values at the output times within the step.
"""

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import LANES, OPTIONS, axpy, fma, load, store, zero
from collective.engines.trajectories.panel import (
    collective_rates,
    correlate,
    fill_lane,
    populate,
    save_lane,
)
from collective.engines.trajectories.taylor import evaluate, expand, integrated, predicted_jump

kernel = compiled(**OPTIONS)

ROUNDS = 16  # output times that are evaluated in one pass over the terms
_TILE = 64  # rows of all terms that stay in the cache while output times are evaluated
_LOCATED = 1e-11  # relative accuracy of the integrated rate at the jump
_BISECTIONS = 100


@kernel
def _advance(loss, n, terms, work, batch, lane, seeking):  # type: ignore[no-untyped-def]
    """Evolve as far as the series is accurate; keep this state in lanes that do not jump before.

    Args:
        loss: see `evolve`.
        n: see `evolve`.
        terms: index of the last Taylor term.
        work: see `evolve`.
        batch: see `evolve`.
        lane: see `evolve`.
        seeking: (8,), receives the lanes that jump in this step.
    """
    x, value, theta, sums, _, _ = work
    slots, lanes, _, _, _, _, _, jumped = batch
    _, due, norm, rate, want, spent, scale = lane
    none = np.uint64(0)
    sums[0] = 0.0
    for w in range(LANES):
        theta[0, 0, w] = want[w] / scale[w]
    evaluate(x, n, terms, none, n, theta, none, value, sums)
    for w in range(LANES):
        b = lanes[w]
        seeking[w] = False
        if b < 0:
            continue
        spent[w] = integrated(loss, want[w], sums[0, 0, w], norm[w])
        jumped[b] = seeking[w] = spent[w] > due[w]
        if seeking[w]:
            later = loss - 2 * sums[0, 1, w] / sums[0, 0, w] / scale[w]
            jump_at = predicted_jump(due[w] / spent[w], want[w], spent[w], rate[w], later)
            theta[0, 0, w] = jump_at / scale[w]
        else:
            save_lane(value, w, slots, b, n, sums[0, 0, w])


@kernel
def _locate(loss, n, terms, work, batch, lane, seeking):  # type: ignore[no-untyped-def]
    """Solve ∫rate dt = due for θ by Newton's method, with bisection where it leaves the bracket.

    It iterates until the integrated rate agrees to eleven digits. One or two steps of the secant
    method are not enough: ln‖φ‖² is convex, so jumps would come late, which is visible in the means
    of some 10⁴ trajectories.
    """
    x, value, theta, sums, _, _ = work
    slots, lanes, _, _, _, _, _, _ = batch
    _, due, norm, _, want, _, scale = lane
    low, high, none = np.zeros(LANES), want.copy(), np.uint64(0)
    for attempt in range(_BISECTIONS):
        if not seeking.any():
            break
        sums[0] = 0.0
        evaluate(x, n, terms, none, n, theta, none, value, sums)
        for w in range(LANES):
            if not seeking[w]:
                continue
            t = theta[0, 0, w] * scale[w]
            over = integrated(loss, t, sums[0, 0, w], norm[w]) - due[w]
            if over > 0:
                high[w] = t
            else:
                low[w] = t
            slope = loss - 2 * sums[0, 1, w] / sums[0, 0, w] / scale[w]
            closer = t - over / slope if slope > 0 else low[w]
            if not low[w] < closer < high[w]:
                closer = 0.5 * (low[w] + high[w])
            if abs(over) <= _LOCATED or closer == t or attempt == _BISECTIONS - 1:
                seeking[w] = False
                want[w] = t
                save_lane(value, w, slots, lanes[w], n, sums[0, 0, w])
            else:
                theta[0, 0, w] = closer / scale[w]


@kernel
def _read(k, loss, n, terms, tables, work, batch, lane, stop, times, record, pairs):  # type: ignore[no-untyped-def]
    """Record the output times that each lane passes up to its time `stop`."""
    places, who, occupied, h, _ = tables
    x, value, theta, sums, excited, correlations = work
    _, lanes, _, _, now, _, following, _ = batch
    want, scale = lane[4], lane[6]
    size, none = np.uint64(len(h)), np.uint64(0)
    tile = np.uint64(_TILE) if len(pairs) == 0 else n
    which = np.zeros((ROUNDS, LANES), np.int64)
    while True:
        rounds = 0
        which[:] = -1
        for w in range(LANES):
            b, q = lanes[w], 0
            while b >= 0 and q < ROUNDS and following[b] < len(times):
                t = times[following[b]]
                if t > stop[w]:
                    break
                which[q, w], theta[q, 0, w] = following[b], min(t - now[b], want[w]) / scale[w]
                following[b] += 1
                q += 1
            rounds = max(rounds, q)
        if rounds == 0:
            return
        sums[:rounds] = 0.0
        excited[:rounds] = 0.0
        for first in range(none, n, tile):
            last = min(first + tile, n)
            for q in range(np.uint64(rounds)):
                evaluate(x, n, terms, first, last, theta, q, value, sums)
                populate(value, occupied, first, last, q, excited)
                if len(pairs):
                    correlate(value, places, who, correlations)
                    for w in range(LANES):
                        for i in range(size * size if which[q, w] >= 0 else none):
                            entry = pairs[which[q, w], i // size, i % size]
                            entry[0] += correlations[i, 0, w] / sums[q, 0, w]
                            entry[1] += correlations[i, 1, w] / sums[q, 0, w]
        for q in range(rounds):
            for w in range(LANES):
                if which[q, w] >= 0:
                    row = record[lanes[w], which[q, w]]
                    row[0] = loss - 2 * sums[q, 1, w] / sums[q, 0, w] / scale[w]
                    row[1] = k
                    for m in range(size):
                        row[2 + m] = excited[q, m, w] / sums[q, 0, w]


@kernel
def evolve(k, loss, most, n, tables, work, batch, times, record, pairs, budget):  # type: ignore[no-untyped-def]
    """Evolve the trajectories of a queue in one excitation block, to the jump or to the end.

    Args:
        k: number of excitations.
        loss: k times the mean of the diagonal of Γ.
        most: index of the highest Taylor term.
        n: C(N, k), unsigned.
        tables: places, who (see `apply`), occupied (n, k), h, energies (see `apply`).
        work: panel of terms; panel of one vector; θ; sums; excited; correlations, see above.
        batch: slots (B, ·, 2), amplitudes of each trajectory; lanes (8,), the trajectory in each
            lane; queue, indices of trajectories; cursor (1,), how many of them have started;
            now (B,), times; left (B,), ∫rate dt until the jump; following (B,), index of the next
            output time; jumped (B,).
        times: output times, (T,).
        record: (B, T, N + 2), receives emission, k and populations.
        pairs: (T, N, N, 2), receives the sum of ⟨σ⁺_lσ⁻_m⟩, l ≤ m, over trajectories; or empty.
        budget: number of steps after which to return, so that an interruption is noticed.

    Returns:
        Whether all trajectories of the queue are done.
    """
    places, who, _, h, energies = tables
    slots, lanes, queue, cursor, now, left, _, jumped = batch
    # for each lane: remaining time; ∫rate dt until the jump; ‖φ‖² and the rate at the start of the
    # step; length of the step; ∫rate dt over it; g of its terms
    room, due, norm = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    rate, want, spent = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    lane = room, due, norm, rate, want, spent, np.ones(LANES)
    seeking, stop = np.zeros(LANES, np.bool_), np.zeros(LANES)
    for _ in range(budget):
        busy = False
        for w in range(LANES):
            if lanes[w] < 0 and cursor[0] < len(queue):
                lanes[w] = queue[cursor[0]]
                cursor[0] += 1
            b = lanes[w]
            busy |= b >= 0
            room[w], due[w] = (times[-1] - now[b], left[b]) if b >= 0 else (0.0, 0.0)
            want[w] = 0.0
            fill_lane(work[0], w, slots, b, n)
        if not busy:
            return True
        last = expand(work[0], n, most, places, who, h, energies, loss, lane)
        terms = np.uint64(last)
        _advance(loss, n, terms, work, batch, lane, seeking)
        _locate(loss, n, terms, work, batch, lane, seeking)
        for w in range(LANES):
            if lanes[w] >= 0:
                stop[w] = times[-1] if want[w] == room[w] else now[lanes[w]] + want[w]
        _read(k, loss, n, terms, tables, work, batch, lane, stop, times, record, pairs)
        for w in range(LANES):
            b = lanes[w]
            if b >= 0:
                now[b] = stop[w]
                if jumped[b] or stop[w] == times[-1]:
                    lanes[w] = -1
                else:
                    left[b] -= spent[w]
    return False


@kernel
def jump(n, tables, channels, work, slots, members, chances, chosen):  # type: ignore[no-untyped-def]
    """Emit one photon from each of up to eight trajectories: φ → L_ν φ, ν drawn by ‖L_ν φ‖².

    Args:
        n: C(N, k), unsigned.
        tables: see `evolve`.
        channels: (C, N, 2), the coefficients √γ_ν (V†)_νm, in the order in which ν is drawn.
        work: see `evolve`.
        slots: (B, ·, 2), amplitudes of k excitations before, of k − 1 afterwards.
        members: indices of trajectories, at most 8.
        chances: (B,), random numbers, uniform in [0, 1).
        chosen: (B,), receives ν.
    """
    places, who, _, h, _ = tables
    x, value, _, _, _, pairs = work
    size = np.uint64(len(h))
    for w in range(LANES):
        fill_lane(x, w, slots, members[w] if w < len(members) else -1, n)
    correlate(x, places, who, pairs)
    share = np.zeros((len(channels), 1, LANES))
    collective_rates(channels, size, pairs, share)
    weight = np.zeros((size, 2, LANES))
    for w in range(len(members)):
        target, reached, drawn = chances[members[w]] * share[:, 0, w].sum(), 0.0, -1
        for c in range(len(channels)):
            if share[c, 0, w] > 0 and reached <= target:
                drawn = c
                reached += share[c, 0, w]
        if drawn < 0:  # all shares are round-off, but a photon has come
            drawn = 0
            for c in range(1, len(channels)):
                if share[c, 0, w] > share[drawn, 0, w]:
                    drawn = c
        chosen[members[w]] = drawn
        for m in range(size):
            for part in range(2):
                weight[m, part, w] = channels[drawn, m, part]
    norm = zero()
    for d in range(np.uint64(places.shape[0])):
        r = s = zero()
        for m in range(places.shape[1]):
            i, q = np.uint64(places[d, m]), np.uint64(who[d, m])
            a, b = load(weight, q, 0), load(weight, q, 1)
            re, im = load(x, i, 0), load(x, i, 1)
            r = axpy(fma(r, a, re), -1.0, fma(zero(), b, im))
            s = fma(fma(s, a, im), b, re)
        store(value, d, 0, r)
        store(value, d, 1, s)
        norm = fma(fma(norm, r, r), s, s)
    norms = np.empty((1, 1, LANES))
    store(norms, 0, 0, norm)
    for w in range(len(members)):
        if norms[0, 0, w] > 0:
            save_lane(value, w, slots, members[w], places.shape[0], norms[0, 0, w])
