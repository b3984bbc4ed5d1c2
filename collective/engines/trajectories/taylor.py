r"""Kernels of one step: a Taylor series of eight trajectories of one excitation block.

.. math:: φ(θ) = Σ_j (θ/g)^j φ_j, \qquad φ_j = (−igK)^j φ_0/j!

K is H_eff minus its mean diagonal, which multiplies all amplitudes by the same factor. The terms
give φ and its norm at any θ: at the output times, and at the times at which the jump is searched.
Each lane has its own g, the power of two above the length of its step. So no power of a rate
overflows or underflows, even if the rates of one problem differ by many orders of magnitude.

Term j occupies the rows j·n … j·n+n−1 of a panel (see `panel`).
"""

import math

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import LANES, OPTIONS, fma, inline, load, store, zero
from collective.engines.trajectories.panel import apply, product, rescale

kernel = compiled(**OPTIONS)

_TOLERANCE = 1e-10  # for the last Taylor term; the sum of all later terms is about a sixth of it
_DIVERGING = 1e60  # relative to ‖φ‖²: with such a term the step is far too long
_GUARD = 100.0  # tolerances for the term before the last, as the last may vanish by chance
_FEWEST = 4  # terms
_AHEAD = 1.5  # step over predicted time of the jump, since the rate of emission mostly falls


@kernel
def evaluate(x, n, terms, first, last, theta, q, value, sums):  # type: ignore[no-untyped-def]
    """Compute rows of φ(θ) by Horner's rule, and add their share to ‖φ‖² and to half its slope.

    Args:
        x: terms.
        n: rows of a term, unsigned.
        terms: index of the highest term, unsigned.
        first: first row, unsigned.
        last: end of the rows, not included, unsigned.
        theta: (ROUNDS, 1, 8), θ of each lane.
        q: row of theta and sums.
        value: (n, 2, 8), receives φ(θ).
        sums: (ROUNDS, 2, 8), ‖φ‖² and Re⟨φ|dφ/dθ⟩.
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


@kernel
def evaluate_four(x, pitch, terms, n, theta, values, norms):  # type: ignore[no-untyped-def]
    """Compute φ(θ) at four θ of each lane in one pass over the terms.

    Args:
        x: terms; term j begins at row j·pitch.
        pitch: unsigned.
        terms: index of the highest term, unsigned.
        n: rows of a term, unsigned.
        theta: (4, 1, 8), θ of each lane.
        values: (4, n, 2, 8), receives φ(θ).
        norms: (4, 1, 8), receives ‖φ(θ)‖².
    """
    t0, t1, t2, t3 = load(theta, 0, 0), load(theta, 1, 0), load(theta, 2, 0), load(theta, 3, 0)
    one, two, three, four = values[0], values[1], values[2], values[3]
    u0 = u1 = u2 = u3 = zero()
    for i in range(n):
        row = terms * pitch + i
        r0 = r1 = r2 = r3 = load(x, row, 0)
        s0 = s1 = s2 = s3 = load(x, row, 1)
        for _ in range(terms):
            row -= pitch
            a, b = load(x, row, 0), load(x, row, 1)
            r0, r1, r2, r3 = fma(a, t0, r0), fma(a, t1, r1), fma(a, t2, r2), fma(a, t3, r3)
            s0, s1, s2, s3 = fma(b, t0, s0), fma(b, t1, s1), fma(b, t2, s2), fma(b, t3, s3)
        store(one, i, 0, r0)
        store(one, i, 1, s0)
        store(two, i, 0, r1)
        store(two, i, 1, s1)
        store(three, i, 0, r2)
        store(three, i, 1, s2)
        store(four, i, 0, r3)
        store(four, i, 1, s3)
        u0, u1 = fma(fma(u0, r0, r0), s0, s0), fma(fma(u1, r1, r1), s1, s1)
        u2, u3 = fma(fma(u2, r2, r2), s2, s2), fma(fma(u3, r3, r3), s3, s3)
    store(norms, 0, 0, u0)
    store(norms, 1, 0, u1)
    store(norms, 2, 0, u2)
    store(norms, 3, 0, u3)


@inline
def integrated(loss, theta, norm, start):  # type: ignore[no-untyped-def]
    """∫rate dt up to θ, which is −ln of the remaining norm."""
    return loss * theta - np.log(norm / start)


@inline
def predicted_jump(s, theta, whole, rate, later):  # type: ignore[no-untyped-def]
    """The θ at which a share s of the integrated rate `whole` is reached, cubic in s (Hermite)."""
    if not (rate > 0 and later > 0):
        return s * theta
    a, b = whole / rate, whole / later
    guess = s * s * (3 - 2 * s) * theta + s * (1 - s) * ((1 - s) * a - s * b)
    return guess if 0 < guess < theta else s * theta


@inline
def power_above(value):  # type: ignore[no-untyped-def]
    """The smallest power of two above a number; 1 for the number 0."""
    return math.ldexp(1.0, math.frexp(value)[1])


@kernel
def shorten(x, n, terms, lane, size):  # type: ignore[no-untyped-def]
    """Shorten the steps whose last term is far too large, with the terms found so far.

    Args:
        x: terms.
        n: rows of a term, unsigned.
        terms: index of the last term.
        lane: see `evolve`; scale and want become smaller.
        size: (8,), ‖φ_j‖² of the last term.

    Returns:
        Whether any step was shortened.
    """
    _, _, norm, _, want, _, scale = lane
    factors, power, any_diverges = np.ones((1, 1, LANES)), np.ones((1, 1, LANES)), False
    for w in range(LANES):
        if norm[w] > 0 and size[w] > _DIVERGING * norm[w]:
            # after this the last term is about as large as φ itself
            digits = min(0.5 * math.log2(size[w] / norm[w]), 500.0)
            down = math.ldexp(1.0, -int(digits / terms))
            factors[0, 0, w] = down
            scale[w] *= down
            want[w] = min(want[w], scale[w])
            any_diverges = True
    for j in range(1, terms + 1 if any_diverges else 1):
        power *= factors
        rescale(x, np.uint64(j) * n, n, power)
    return any_diverges


@kernel
def expand(x, n, most, places, who, h, energies, loss, lane):  # type: ignore[no-untyped-def]
    """Compute terms of the Taylor series, and the length of the step that each lane can make.

    There are as many terms as every lane needs to reach its jump, which is predicted from its
    present rate of emission, or the end of its time. If these are more than `most`, the steps are
    shorter.

    Args:
        x: panel of terms; term 0 is set on entry.
        n: rows of a term, unsigned.
        most: index of the highest term.
        places: see `apply`.
        who: see `apply`.
        h: see `apply`.
        energies: see `apply`.
        loss: decay rate of ‖φ‖² by the mean diagonal of H_eff.
        lane: see `evolve`; sets norm, rate, want and scale.

    Returns:
        Index of the last term.
    """
    room, left, norm, rate, want, _, scale = lane
    none = np.uint64(0)
    seen, factors = np.empty((1, 3, LANES)), np.ones((1, 1, LANES))
    slope, before, after = seen[0, 0], seen[0, 1], seen[0, 2]
    store(seen, 0, 2, product(x, none, none, n))
    for w in range(LANES):
        norm[w] = after[w]
    for j in range(1, most + 1):
        to = np.uint64(j) * n
        apply(x, to - n, to, n, places, who, h, energies, 1 / j)
        if j == 1:
            store(seen, 0, 0, product(x, none, n, n))
            for w in range(LANES):
                scale[w] = 1.0
                if norm[w] > 0:
                    rate[w] = loss - 2 * slope[w] / norm[w]
                    want[w] = room[w]
                    if rate[w] * room[w] > _AHEAD * left[w]:
                        want[w] = _AHEAD * left[w] / rate[w]
                    scale[w] = power_above(want[w])
                factors[0, 0, w] = scale[w]
        for w in range(LANES):
            before[w] = after[w]
        store(seen, 0, 2, rescale(x, to, n, factors))
        if shorten(x, n, j, lane, after):
            store(seen, 0, 1, product(x, to - n, to - n, n))
            store(seen, 0, 2, product(x, to, to, n))
            for w in range(LANES):
                factors[0, 0, w] = scale[w]
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
