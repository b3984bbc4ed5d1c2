"""Kernels of driven, pumped or dephased trajectories: eight of them from jump to jump.

Each lane of a panel holds one trajectory with all its 2^N amplitudes (see `panel`) and goes
on with the next one when it reaches the last output time. A step is one Taylor series (see
`taylor`), in which an envelope of the drive is a polynomial too. The number of terms is fixed, so
that the step of a lane follows from its own trajectory alone: no digit of a trajectory depends on
its neighbours. A step ends at the jump, where the integrated rate of all jumps reaches the drawn
value, where the series is no longer accurate, or where a polynomial of the envelope ends.

The file is longer than others: these kernels share one state of eight lanes.
"""

import math

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import LANES, OPTIONS, inline, load, store
from collective.engines.trajectories.panel import product
from collective.engines.trajectories.philox import uniforms
from collective.engines.trajectories.taylor import (
    evaluate,
    evaluate_four,
    integrated,
    power_above,
    predicted_jump,
    shorten,
)
from collective.engines.trajectories.whole.arrays import AT_ONCE
from collective.engines.trajectories.whole.jump import jump
from collective.engines.trajectories.whole.observables import (
    correlate,
    emission,
    expectation,
    populate,
)
from collective.engines.trajectories.whole.panel import apply, mix, recentre

kernel = compiled(**OPTIONS)

DONE, PAUSED, FULL = 0, 1, 2  # why `evolve` returns
_BETWEEN = 4  # terms whose growth is looked at together
_LONGER = 16.0  # a step may exceed the last one by this factor
_GUARD = 100.0  # tolerances for the term before the last, as the last may vanish by chance
_LOCATED = 1e-11  # accuracy of the integrated rate at the jump, relative and absolute
_REFINEMENTS = 100  # of the time of a jump, at most


@inline
def _fill(x, w, kets, member, n):  # type: ignore[no-untyped-def]
    """Put an initial vector into lane w; zeros for member −1."""
    for i in range(n):
        x[i, 0, w] = x[i, 1, w] = 0.0
    if member >= 0 and len(kets) == 0:
        x[member, 0, w] = 1.0
    elif member >= 0:
        for i in range(n):
            x[i, 0, w], x[i, 1, w] = kets[member, i, 0], kets[member, i, 1]


@inline
def _draw(batch, w, key, first):  # type: ignore[no-untyped-def]
    """Draw when the trajectory in lane w jumps next, and through which channel."""
    waiting, chance, _ = uniforms(key, batch.jumps[w], first + batch.lanes[w])
    batch.left[w], batch.chances[w] = -math.log1p(-waiting), chance


@inline
def _follow(path, w, batch, record, means):  # type: ignore[no-untyped-def]
    """Go along the common path as far as the trajectory in lane w does not jump.

    Returns:
        The step of the path in which it jumps.
    """
    s = 0
    while batch.left[w] >= path.spent[s]:
        batch.left[w] -= path.spent[s]
        s += 1
    batch.now[w], batch.scale[w] = path.now[s], path.scale[s]
    batch.following[w], batch.piece[w] = path.following[s], path.piece[s]
    b = batch.lanes[w]
    for t in range(path.following[s]):  # loops compile faster than slices
        for i in range(record.shape[2]):
            record[b, t, i] = path.record[t, i]
        for i in range(means.shape[1]):
            for part in range(means.shape[2]):
                means[t, i, part] += path.means[t, i, part]
    return s


@inline
def _start_next(n, work, batch, path, pulse, reach, key, first, record, means):  # type: ignore[no-untyped-def]
    """Start a trajectory in every lane that has none, as long as there are some."""
    for w in range(LANES):
        if batch.lanes[w] >= 0:
            continue
        while batch.lanes[w] < 0 and batch.cursor[0] < len(batch.members):
            b = batch.cursor[0]
            batch.cursor[0] += 1
            batch.lanes[w] = b
            batch.now[w], batch.scale[w] = pulse.edges[0], power_above(reach)
            batch.following[w] = batch.jumps[w] = batch.piece[w] = 0
            _draw(batch, w, key, first)
            if len(path.now) > 0:
                s = _follow(path, w, batch, record, means)
                if path.ended[0] and s == len(path.now) - 1:
                    batch.lanes[w] = -1  # without a jump
                else:
                    _fill(work.x, w, path.kets, s, n)
            else:
                _fill(work.x, w, batch.kets, batch.members[b], n)
        if batch.lanes[w] < 0:
            batch.now[w] = batch.left[w] = 0.0
            batch.scale[w] = 1.0
            _fill(work.x, w, batch.kets, -1, n)


@inline
def _shape(w, batch, pulse, out):  # type: ignore[no-untyped-def]
    """Set the coefficients of the envelope in lane w, in powers of its unit of time from now on."""
    k, powers = batch.piece[w], pulse.coefficients.shape[1]
    start, length = pulse.edges[k], pulse.edges[k + 1] - pulse.edges[k]
    u = min((batch.now[w] - start) / length, 1.0)
    for part in range(2):
        for j in range(powers):
            out[j, part, w] = pulse.coefficients[k, j, part]
        for j in range(powers):  # Horner's rule again and again moves the origin to u
            for i in range(powers - 2, j - 1, -1):
                out[i, part, w] += u * out[i + 1, part, w]
        power = 1.0
        for j in range(powers):
            out[j, part, w] *= power
            power *= batch.scale[w] / length


@inline
def _shape_all(batch, pulse, out):  # type: ignore[no-untyped-def]
    for w in range(LANES):
        if batch.lanes[w] >= 0:
            _shape(w, batch, pulse, out)


@kernel
def _expand(most, n, pitch, tables, pulse, work, batch, lane, tolerance):  # type: ignore[no-untyped-def]
    """Compute the terms of the series, and the length of the step that each lane can make.

    Sets norm, loss, want and scale of `lane` (see `evolve`); `room` is the longest step allowed.

    Returns:
        The length of the step that the series allows, (8,).
    """
    x, mixed, centre = work.x, work.mixed, work.centre
    room, _, norm, loss, want, _, scale = lane
    none, powers = np.uint64(0), np.uint64(len(work.pulse))
    seen, factors, reach = np.zeros((1, 3, LANES)), np.ones((1, 1, LANES)), np.empty(LANES)
    before, after = seen[0, 1], seen[0, 2]
    pumped = tables.pumped[0]
    if powers > 0:
        _shape_all(batch, pulse, work.pulse)
    centre[0, 0], centre[0, 1] = tables.centre[0], tables.centre[1]
    store(seen, 0, 2, product(x, none, none, n))
    for w in range(LANES):
        norm[w], want[w] = after[w], room[w]
    for j in range(1, most + 1):
        to = np.uint64(j) * pitch
        if powers > 0:
            mix(x, np.uint64(j - 1), n, pitch, powers, work.pulse, mixed)
        for w in range(LANES):
            factors[0, 0, w] = scale[w] / j
        apply(x, to - pitch, to, n, tables, centre, mixed, factors)
        if j == 1:
            recentre(x, pitch, n, centre, factors)
        if j > 2 and j % _BETWEEN and j < most:
            continue
        store(seen, 0, 2, product(x, to, to, n))
        if shorten(x, pitch, j, lane, after):
            store(seen, 0, 2, product(x, to, to, n))
            if powers > 0:
                _shape_all(batch, pulse, work.pulse)
    for w in range(LANES):
        loss[w] = pumped - 2 * centre[0, 1, w]
    to = np.uint64(most - 1) * pitch
    store(seen, 0, 1, product(x, to, to, n))
    for w in range(LANES):
        reach[w], bound = _LONGER * scale[w], norm[w] * tolerance**2
        if after[w] > 0:
            reach[w] = min(reach[w], scale[w] * (bound / after[w]) ** (0.5 / most))
        if before[w] > 0:
            within = (bound * _GUARD**2 / before[w]) ** (0.5 / (most - 1))
            reach[w] = min(reach[w], scale[w] * within)
        want[w] = min(room[w], reach[w])
    return reach


@inline
def _rate(loss, sums, w, scale):  # type: ignore[no-untyped-def]
    """The rate of all jumps, from ‖φ‖² and half its slope."""
    return loss - 2 * sums[0, 1, w] / sums[0, 0, w] / scale


@kernel
def _reach_jump(most, n, pitch, work, batch, lane, jumped):  # type: ignore[no-untyped-def]
    """Find how far each lane goes in this step, and φ there: to its jump if that comes before.

    ∫rate dt = due is solved for θ by Newton's method, with bisection where it leaves the bracket,
    until the integrated rate agrees to eleven digits: the norm is no exponential, so jumps that are
    located by few steps would come late.

    Args:
        most: see `evolve`.
        n: see `evolve`.
        pitch: see `evolve`.
        work: see `arrays`.
        batch: see `arrays.Lanes`.
        lane: see `evolve`.
        jumped: (8,), receives the lanes that jump.
    """
    x, value, theta, sums = work.x, work.value, work.theta, work.sums
    _, due, norm, loss, want, spent, scale = lane
    none, terms = np.uint64(0), np.uint64(most)
    low, high, seeking = np.zeros(LANES), want.copy(), np.zeros(LANES, np.bool_)
    sums[:] = 0.0
    for w in range(LANES):
        theta[0, 0, w] = want[w] / scale[w]
    evaluate(x, pitch, terms, none, n, theta, none, value, sums)
    for w in range(LANES):
        jumped[w] = False
        if batch.lanes[w] < 0:
            continue
        spent[w] = integrated(loss[w], want[w], sums[0, 0, w], norm[w])
        jumped[w] = seeking[w] = spent[w] > due[w]
        if seeking[w]:
            later = _rate(loss[w], sums, w, scale[w])
            at = predicted_jump(due[w] / spent[w], want[w], spent[w], loss[w], later)
            theta[0, 0, w] = at / scale[w]
    for attempt in range(_REFINEMENTS):
        if not seeking.any():
            break
        sums[:] = 0.0
        evaluate(x, pitch, terms, none, n, theta, none, value, sums)
        for w in range(LANES):
            if not seeking[w]:
                continue
            t = theta[0, 0, w] * scale[w]
            over = integrated(loss[w], t, sums[0, 0, w], norm[w]) - due[w]
            if over > 0:
                high[w] = t
            else:
                low[w] = t
            slope = _rate(loss[w], sums, w, scale[w])
            closer = t - over / slope if slope > 0 else low[w]
            if not low[w] < closer < high[w]:
                closer = 0.5 * (low[w] + high[w])
            if abs(over) <= _LOCATED or closer == t or attempt == _REFINEMENTS - 1:
                seeking[w] = False
                want[w] = t
            else:
                theta[0, 0, w] = closer / scale[w]
    store(work.norm, 0, 0, load(sums, 0, 0))


@kernel
def _read(most, n, pitch, tables, observed, work, batch, lane, stop, times, record, means):  # type: ignore[no-untyped-def]
    """Record the output times that each lane passes up to its time `stop`."""
    theta, norms, excited, pairs = work.theta, work.norms, work.excited, work.pairs
    want, scale = lane[4], lane[6]
    size, count = np.uint64(len(tables.h)), len(observed.starts)
    correlated = means.shape[1] > count
    which, rates = np.zeros((AT_ONCE, LANES), np.int64), np.zeros((1, 1, LANES))
    while True:
        rounds = 0
        which[:], theta[:] = -1, 0.0
        for w in range(LANES):
            q = 0
            while batch.lanes[w] >= 0 and q < AT_ONCE and batch.following[w] < len(times):
                t = times[batch.following[w]]
                if t > stop[w]:
                    break
                which[q, w] = batch.following[w]
                theta[q, 0, w] = min(t - batch.now[w], want[w]) / scale[w]
                batch.following[w] += 1
                q += 1
            rounds = max(rounds, q)
        if rounds == 0:
            return
        evaluate_four(work.x, pitch, np.uint64(most), n, theta, work.values, norms)
        for q in range(rounds):
            value = work.values[q]
            for k in range(count):
                expectation(
                    value, n, observed.starts[k], observed.columns, observed.entries, work.found
                )
                column = means.shape[1] - count + k
                for w in range(LANES):
                    if which[q, w] >= 0:
                        for part in range(2):
                            share = work.found[0, part, w] / norms[q, 0, w]
                            means[which[q, w], column, part] += share
            if correlated:
                correlate(value, n, tables, pairs)
                for w in range(LANES):
                    for i in range(size * size if which[q, w] >= 0 else np.uint64(0)):
                        means[which[q, w], i, 0] += pairs[i, 0, w] / norms[q, 0, w]
                        means[which[q, w], i, 1] += pairs[i, 1, w] / norms[q, 0, w]
            emission(value, n, tables, rates)
            populate(value, n, excited)
            for w in range(LANES):
                if which[q, w] >= 0:
                    row = record[batch.lanes[w], which[q, w]]
                    row[0] = rates[0, 0, w] / norms[q, 0, w]
                    row[1] = 0.0
                    for m in range(size):
                        row[2 + m] = excited[m, 0, w] / norms[q, 0, w]
                        row[1] += row[2 + m]


@kernel
def evolve(  # type: ignore[no-untyped-def]
    most, n, pitch, tables, pulse, observed, work, batch, path,
    times, record, means, key, first, tolerance, reach, budget,
):  # fmt: skip
    """Evolve the trajectories of a batch, until all are done or the caller is needed.

    Args:
        most: index of the highest Taylor term.
        n: 2^N, unsigned.
        pitch: rows from one term to the next, unsigned; other than a power of two, so that the
            terms of a row do not compete for the same lines of the cache.
        tables: see `arrays`.
        pulse: see `arrays`.
        observed: see `arrays`.
        work: see `arrays`.
        batch: see `arrays.Lanes`.
        path: see `arrays`.
        times: output times, (T,).
        record: (B, T, N + 2), receives emission, excitation and populations.
        means: (T, X, 2), receives sums over trajectories of ⟨σ⁺_lσ⁻_m⟩, l ≤ m, if there are N²
            more columns than operators, and of the operators.
        key: of the random numbers.
        first: the number of the first trajectory of the batch.
        tolerance: of the last Taylor term.
        reach: a first guess of the length of a step.
        budget: number of steps after which to return, so that an interruption is noticed.

    Returns:
        DONE; PAUSED after `budget` steps; or FULL if there is no room for more jumps.
    """
    # for each lane: longest step; ∫rate dt until the jump; ‖φ‖² and the rate of all jumps at the
    # start of the step, which is that of ‖φ‖² by the mean of H_eff; length of the step; ∫rate dt
    # over it; unit of time
    room, due, norm = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    loss, want, spent = np.zeros(LANES), np.zeros(LANES), batch.spent
    lane = room, due, norm, loss, want, spent, batch.scale
    jumped, stop, chosen = np.zeros(LANES, np.bool_), np.zeros(LANES), np.zeros(LANES, np.int64)
    after = work.norm, work.pairs, work.share, work.down, work.up, work.hold
    end, whole_run = times[-1], times[-1] - times[0]
    for _ in range(budget):
        if batch.cursor[1] + LANES > len(batch.click_times):
            return FULL
        _start_next(n, work, batch, path, pulse, reach, key, first, record, means)
        if batch.lanes.max() < 0:
            return DONE
        for w in range(LANES):
            b = batch.lanes[w]
            room[w] = pulse.edges[batch.piece[w] + 1] - batch.now[w] if b >= 0 else 0.0
            due[w] = batch.left[w]
        reached = _expand(most, n, pitch, tables, pulse, work, batch, lane, tolerance)
        _reach_jump(most, n, pitch, work, batch, lane, jumped)
        for w in range(LANES):
            if batch.lanes[w] >= 0:
                whole = want[w] == room[w]
                stop[w] = pulse.edges[batch.piece[w] + 1] if whole else batch.now[w] + want[w]
        _read(most, n, pitch, tables, observed, work, batch, lane, stop, times, record, means)
        jump(work.x, work.value, n, tables, after, jumped, batch.chances, chosen)
        for w in range(LANES):
            b = batch.lanes[w]
            if b < 0:
                continue
            # in the dark nothing limits a step, and powers of its length would overflow
            batch.now[w], batch.scale[w] = stop[w], power_above(min(reached[w], whole_run))
            if jumped[w]:
                c = batch.cursor[1]
                batch.click_times[c] = stop[w]
                batch.clicks[c, 0], batch.clicks[c, 1] = b, chosen[w]
                batch.cursor[1] += 1
                batch.jumps[w] += 1
                _draw(batch, w, key, first)
            else:
                batch.left[w] -= spent[w]
            if stop[w] >= end:
                batch.lanes[w] = -1
            elif stop[w] >= pulse.edges[batch.piece[w] + 1]:
                batch.piece[w] += 1
    return PAUSED
