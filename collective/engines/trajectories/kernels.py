r"""Kernels of the trajectory engine: eight trajectories of one sector abreast.

Within a sector of k excitations H_eff = Σ_lm h_lm σ⁺_lσ⁻_m, applied by way of the sector below: a
configuration d of k−1 excitations is reached by lowering any of the E = N−k+1 configurations d+m,
and left by raising to any d+l, so that

    y(d+l) += Σ_m h_lm φ(d+m)   for every d and l.

Each φ is loaded once for E uses, no table of hops is needed, and the same walk over (d, m) gives
⟨σ⁺_lσ⁻_m⟩ and the jump.

A step keeps the terms of the Taylor series φ(θ) = Σ_j (θ/g)^j φ_j, φ_j = (−igK)^j φ_0/j!, where K
is H_eff less its mean diagonal, which multiplies every amplitude alike. From the terms, φ and its
norm follow at any θ: at the output times, and at those by which the jump is located. Each lane has
a g of its own, the power of two above the length of its step: so no power of a rate leaves the
range of numbers, however far the rates of one problem are apart.

A row of a panel is one amplitude, `x[row, 0]` and `x[row, 1]` its real and imaginary part in eight
lanes; term j occupies rows j·n … j·n+n−1. Row numbers are unsigned (see `_lanes`).

The file is longer than others: it is one loop over steps and the five passes it makes over a panel.
"""

import math

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import LANES, OPTIONS, axpy, fma, inline, load, store, zero

kernel = compiled(**OPTIONS)

ROUNDS = 16  # output times read off one pass over the terms
_TILE = 64  # rows of all terms that stay in the cache while the output times are read off
_TOLERANCE = 1e-10  # of the last Taylor term; what follows it is about a sixth of it
_WILD = 1e60  # of ‖φ‖², in a term: a step that is far too long
_GUARD = 100.0  # a last term that vanishes by chance is not trusted, unless the one before is small
_FEWEST = 4  # terms
_AHEAD = 1.5  # a step reaches beyond the jump foreseen from the rate now, which mostly falls
_LOCATED = 1e-11  # of the integrated rate, at the jump
_BISECTIONS = 100


@inline
def _one(x, source, places, who, h, d, up):  # type: ignore[no-untyped-def]
    """−i Σ_m h_lm φ(d+m), real and imaginary part."""
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
    """The same for l and its neighbour, which share what is loaded."""
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
    """Row i += f·y."""
    store(x, i, 0, axpy(load(x, i, 0), f, yr))
    store(x, i, 1, axpy(load(x, i, 1), f, yi))


@kernel
def apply(x, source, target, n, places, who, h, f):  # type: ignore[no-untyped-def]
    """Rows from target = −i f K · rows from source, n of them.

    Args:
        x: panel, (rows, 2, 8).
        source: first row of φ, unsigned.
        target: first row of the result, unsigned.
        n: C(N, k), unsigned.
        places: (C(N, k−1), E), place of d+m for each emitter m that d leaves empty.
        who: likewise, m itself.
        h: (N, N, 2), real and imaginary part.
        f: factor.
    """
    for i in range(n):
        store(x, target + i, 0, zero())
        store(x, target + i, 1, zero())
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
def _product(x, a, b, n):  # type: ignore[no-untyped-def]
    """Re⟨x_a|x_b⟩ in every lane, of the n rows from a and from b."""
    u = v = zero()
    for i in range(n):
        u = fma(u, load(x, a + i, 0), load(x, b + i, 0))
        v = fma(v, load(x, a + i, 1), load(x, b + i, 1))
    return axpy(u, 1.0, v)


@inline
def _times(x, a, n, factors):  # type: ignore[no-untyped-def]
    """Rows from a times a factor of each lane, (1, 1, 8); ‖·‖² of what they then are."""
    f, u = load(factors, np.uint64(0), 0), zero()
    for i in range(a, a + n):
        r, s = fma(zero(), f, load(x, i, 0)), fma(zero(), f, load(x, i, 1))
        store(x, i, 0, r)
        store(x, i, 1, s)
        u = fma(fma(u, r, r), s, s)
    return u


@kernel
def evaluate(x, n, terms, first, last, theta, q, value, sums):  # type: ignore[no-untyped-def]
    """Rows first … last of φ(θ) by Horner's rule; adds to ‖φ‖² and to half its slope.

    Args:
        x: terms.
        n: rows of a term, unsigned.
        terms: index of the highest, unsigned.
        first: unsigned.
        last: unsigned, exclusive.
        theta: (ROUNDS, 1, 8), θ of each lane.
        q: row of theta and sums.
        value: (n, 2, 8), gets φ(θ).
        sums: (ROUNDS, 2, 8): ‖φ‖² and Re⟨φ|dφ/dθ⟩.
    """
    t, norm, slope = load(theta, q, 0), load(sums, q, 0), load(sums, q, 1)
    for i in range(first, last):
        row = terms * n + i
        r, s, dr, ds = load(x, row, 0), load(x, row, 1), zero(), zero()
        for _ in range(terms):
            row -= n
            dr, ds = fma(r, t, dr), fma(s, t, ds)
            r, s = fma(load(x, row, 0), t, r), fma(load(x, row, 1), t, s)
        store(value, i, 0, r)
        store(value, i, 1, s)
        norm = fma(fma(norm, r, r), s, s)
        slope = fma(fma(slope, r, dr), s, ds)
    store(sums, q, 0, norm)
    store(sums, q, 1, slope)


@inline
def _populate(value, occupied, first, last, q, excited):  # type: ignore[no-untyped-def]
    """Add |φ_i|² to each emitter that is excited in configuration i; excited: (ROUNDS, N, 8)."""
    for i in range(first, last):
        r, s = load(value, i, 0), load(value, i, 1)
        p = fma(fma(zero(), r, r), s, s)
        for m in range(occupied.shape[1]):
            store(excited, q, occupied[i, m], axpy(load(excited, q, occupied[i, m]), 1.0, p))


@kernel
def correlate(value, places, who, pairs):  # type: ignore[no-untyped-def]
    """⟨σ⁺_lσ⁻_m⟩ = Σ_d φ*(d+l) φ(d+m) for l ≤ m.

    Args:
        value: (n, 2, 8).
        places: as for `apply`, emitters ascending.
        who: likewise.
        pairs: (N², 2, 8), gets row N l + m.
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
def _take(x, w, slots, b, n):  # type: ignore[no-untyped-def]
    """Lane w = the amplitudes kept for trajectory b; empty for b < 0."""
    for i in range(n):
        x[i, 0, w] = slots[b, i, 0] if b >= 0 else 0.0
        x[i, 1, w] = slots[b, i, 1] if b >= 0 else 0.0


@inline
def _keep(value, w, slots, b, n, norm):  # type: ignore[no-untyped-def]
    """Keep lane w for trajectory b, normalised."""
    scale = 1 / np.sqrt(norm)
    for i in range(n):
        slots[b, i, 0] = scale * value[i, 0, w]
        slots[b, i, 1] = scale * value[i, 1, w]


@inline
def _power_above(value):  # type: ignore[no-untyped-def]
    """The power of two above a number, 1 above 0."""
    return math.ldexp(1.0, math.frexp(value)[1])


@kernel
def _tame(x, n, terms, lane, size):  # type: ignore[no-untyped-def]
    """Shorten the steps whose last term is beyond all use, with the terms that there are.

    Args:
        x: terms.
        n: rows of a term, unsigned.
        terms: index of the last.
        lane: see `evolve`; scale and want are shortened.
        size: (8,), ‖φ_j‖² of the last term.

    Returns:
        Whether any step was.
    """
    _, _, norm, _, want, _, scale = lane
    factors, power, any_wild = np.ones((1, 1, LANES)), np.ones((1, 1, LANES)), False
    for w in range(LANES):
        if norm[w] > 0 and size[w] > _WILD * norm[w]:
            # so that the last term is about as large as φ itself
            digits = min(0.5 * math.log2(size[w] / norm[w]), 500.0)
            down = math.ldexp(1.0, -int(digits / terms))
            factors[0, 0, w] = down
            scale[w] *= down
            want[w] = min(want[w], scale[w])
            any_wild = True
    for j in range(1, terms + 1 if any_wild else 1):
        power *= factors
        _times(x, np.uint64(j) * n, n, power)
    return any_wild


@kernel
def _expand(x, n, most, places, who, h, loss, lane):  # type: ignore[no-untyped-def]
    """Terms of the Taylor series, and how far each lane may go with them.

    As many terms as it takes to bring every lane to its jump, foreseen from the rate at which it
    emits now, or to the end of its time; at most `most`, and then less far.

    Args:
        x: term 0 on entry.
        n: rows of a term, unsigned.
        most: highest term.
        places: as for `apply`, as are who and h.
        who: likewise.
        h: likewise.
        loss: what the mean diagonal of H_eff takes from ‖φ‖², a rate.
        lane: see `evolve`; sets norm, rate, want and scale.

    Returns:
        Index of the last term.
    """
    room, left, norm, rate, want, _, scale = lane
    none = np.uint64(0)
    seen, factors = np.empty((1, 3, LANES)), np.ones((1, 1, LANES))
    slope, before, after = seen[0, 0], seen[0, 1], seen[0, 2]
    store(seen, 0, 2, _product(x, none, none, n))
    norm[:] = after
    for j in range(1, most + 1):
        to = np.uint64(j) * n
        apply(x, to - n, to, n, places, who, h, 1 / j)
        if j == 1:
            store(seen, 0, 0, _product(x, none, n, n))
            for w in range(LANES):
                scale[w] = 1.0
                if norm[w] > 0:
                    rate[w] = loss - 2 * slope[w] / norm[w]
                    want[w] = room[w]
                    if rate[w] * room[w] > _AHEAD * left[w]:
                        want[w] = _AHEAD * left[w] / rate[w]
                    scale[w] = _power_above(want[w])
            factors[0, 0] = scale
        before[:] = after
        store(seen, 0, 2, _times(x, to, n, factors))
        if _tame(x, n, j, lane, after):
            store(seen, 0, 1, _product(x, to - n, to - n, n))
            store(seen, 0, 2, _product(x, to, to, n))
            factors[0, 0] = scale
        if j < _FEWEST:
            continue
        enough = True
        for w in range(LANES):
            if norm[w] > 0:
                bound, share = norm[w] * _TOLERANCE**2, want[w] / scale[w]
                power = share ** (2 * j - 2)
                enough &= after[w] * power * share**2 <= bound
                enough &= before[w] * power <= bound * _GUARD**2
        if enough:
            return j
    for w in range(LANES):
        bound = norm[w] * _TOLERANCE**2
        if after[w] > 0:
            want[w] = min(want[w], scale[w] * (bound / after[w]) ** (0.5 / most))
        if before[w] > 0:
            within = (bound * _GUARD**2 / before[w]) ** (0.5 / (most - 1))
            want[w] = min(want[w], scale[w] * within)
    return most


@inline
def _integrated(loss, theta, norm, start):  # type: ignore[no-untyped-def]
    """∫rate dt = −ln of what is left of the norm, after θ."""
    return loss * theta - np.log(norm / start)


@inline
def _foreseen(s, theta, whole, rate, later):  # type: ignore[no-untyped-def]
    """Where a share s of the integrated rate `whole` is reached: cubic Hermite in s."""
    if not (rate > 0 and later > 0):
        return s * theta
    a, b = whole / rate, whole / later
    guess = s * s * (3 - 2 * s) * theta + s * (1 - s) * ((1 - s) * a - s * b)
    return guess if 0 < guess < theta else s * theta


@kernel
def _advance(loss, n, terms, work, block, lane, seeking):  # type: ignore[no-untyped-def]
    """Go as far as the series holds; where no jump is on the way, keep the state there.

    Args:
        loss: as for `evolve`, as are n, work and block.
        n: likewise.
        terms: index of the last.
        work: likewise.
        block: likewise.
        lane: see `evolve`.
        seeking: (8,), gets the lanes whose jump is on the way.
    """
    x, value, theta, sums, _, _ = work
    slots, lanes, _, _, _, _, _, jumped = block
    _, due, norm, rate, want, spent, scale = lane
    none = np.uint64(0)
    sums[0] = 0.0
    theta[0, 0] = want / scale
    evaluate(x, n, terms, none, n, theta, none, value, sums)
    for w in range(LANES):
        b = lanes[w]
        seeking[w] = False
        if b < 0:
            continue
        spent[w] = _integrated(loss, want[w], sums[0, 0, w], norm[w])
        jumped[b] = seeking[w] = spent[w] > due[w]
        if seeking[w]:
            later = loss - 2 * sums[0, 1, w] / sums[0, 0, w] / scale[w]
            jump_at = _foreseen(due[w] / spent[w], want[w], spent[w], rate[w], later)
            theta[0, 0, w] = jump_at / scale[w]
        else:
            _keep(value, w, slots, b, n, sums[0, 0, w])


@kernel
def _locate(loss, n, terms, work, block, lane, seeking):  # type: ignore[no-untyped-def]
    """Newton's method for ∫rate dt = due, which rises with θ; bisection where it strays.

    It goes on until the integrated rate is met to eleven digits: jumps located by a chord or two
    come late, ln‖φ‖² being convex, and the means of some 10⁴ trajectories show it.
    """
    x, value, theta, sums, _, _ = work
    slots, lanes, _, _, _, _, _, _ = block
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
            over = _integrated(loss, t, sums[0, 0, w], norm[w]) - due[w]
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
                _keep(value, w, slots, lanes[w], n, sums[0, 0, w])
            else:
                theta[0, 0, w] = closer / scale[w]


@kernel
def _read(k, loss, n, terms, tables, work, block, lane, stop, times, record, pairs):  # type: ignore[no-untyped-def]
    """Write down what each lane passes up to its time `stop`."""
    places, who, occupied, h = tables
    x, value, theta, sums, excited, correlations = work
    _, lanes, _, _, now, _, following, _ = block
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
                _populate(value, occupied, first, last, q, excited)
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
def evolve(k, loss, most, n, tables, work, block, times, record, pairs, budget):  # type: ignore[no-untyped-def]
    """Carry the trajectories of a queue through one sector, each to its jump or to the end.

    Args:
        k: excitations.
        loss: k times the mean of Γ's diagonal.
        most: highest Taylor term.
        n: C(N, k), unsigned.
        tables: places, who (see `apply`), occupied (n, k), h.
        work: panel of terms; panel of one; θ; sums; excited; correlations, see above.
        block: slots (B, ·, 2), the amplitudes of each trajectory; lanes (8,), whose they are;
            queue, indices; cursor (1,), how many of it have begun; now (B,), times;
            left (B,), ∫rate dt to the jump; following (B,), next output; jumped (B,).
        times: (T,).
        record: (B, T, N + 2), gets emission, k and populations.
        pairs: (T, N, N, 2), gets the sum of ⟨σ⁺_lσ⁻_m⟩, l ≤ m, over trajectories; or empty.
        budget: steps after which to return, so that an interruption is noticed.

    Returns:
        Whether the queue is done.
    """
    places, who, _, h = tables
    slots, lanes, queue, cursor, now, left, _, jumped = block
    # of each lane: time there is; ∫rate dt until the jump; ‖φ‖² and the rate at the start of the
    # step; its length; ∫rate dt over it; g of its terms
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
            _take(work[0], w, slots, b, n)
        if not busy:
            return True
        last = _expand(work[0], n, most, places, who, h, loss, lane)
        terms = np.uint64(last)
        _advance(loss, n, terms, work, block, lane, seeking)
        _locate(loss, n, terms, work, block, lane, seeking)
        for w in range(LANES):
            if lanes[w] >= 0:
                stop[w] = times[-1] if want[w] == room[w] else now[lanes[w]] + want[w]
        _read(k, loss, n, terms, tables, work, block, lane, stop, times, record, pairs)
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
    """One photon from each of up to eight trajectories: φ → L_ν φ, ν drawn by ‖L_ν φ‖².

    Args:
        n: C(N, k), unsigned.
        tables: as for `evolve`.
        channels: (C, N, 2), the coefficients √γ_ν (V†)_νm, in the order in which ν is drawn.
        work: as for `evolve`.
        slots: (B, ·, 2), amplitudes of k excitations on entry, of k−1 after.
        members: indices of trajectories, at most 8.
        chances: (B,), uniform in [0, 1).
        chosen: (B,), gets ν.
    """
    places, who, _, h = tables
    x, value, _, _, _, pairs = work
    size = np.uint64(len(h))
    for w in range(LANES):
        _take(x, w, slots, members[w] if w < len(members) else -1, n)
    correlate(x, places, who, pairs)
    share = np.zeros((len(channels), 1, LANES))
    for c in range(np.uint64(len(channels))):
        total = zero()
        for p in range(size):
            for q in range(p, size):
                # twice Re c_p* c_q ⟨σ⁺_pσ⁻_q⟩ for the pair, once on the diagonal
                i, twice = size * p + q, 1.0 if p == q else 2.0
                re = channels[c, p, 0] * channels[c, q, 0] + channels[c, p, 1] * channels[c, q, 1]
                im = channels[c, p, 0] * channels[c, q, 1] - channels[c, p, 1] * channels[c, q, 0]
                total = axpy(total, twice * re, load(pairs, i, 0))
                total = axpy(total, -twice * im, load(pairs, i, 1))
        store(share, c, 0, total)
    weight = np.zeros((size, 2, LANES))
    for w in range(len(members)):
        target, reached, drawn = chances[members[w]] * share[:, 0, w].sum(), 0.0, -1
        for c in range(len(channels)):
            if share[c, 0, w] > 0 and reached <= target:
                drawn = c
                reached += share[c, 0, w]
        if drawn < 0:  # shares that are round-off: a photon came all the same
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
            _keep(value, w, slots, members[w], places.shape[0], norms[0, 0, w])
