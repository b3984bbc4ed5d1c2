r"""Steps of a linear equation with delays, by polynomials that fulfil it at the nodes of Gauss.

.. math:: \dot x(t) = −iH x(t) − i\sum_q S_q\,e_{to(q)}\,x_{from(q)}(t − τ_q)

The slope jumps where light arrives for the first time, at t = τ_q, its derivative at the sums of
two delays, and so on. A step that meets such a time ends there, unless it does not matter.

The defect of a polynomial is a source inside the emitters. Its integral D(t) over time is an error
of the amplitudes at the time t, and it disturbs them later. As emitters and field together keep the
norm, the error of the amplitudes is at most :math:`|D| + \int|L D|dt`, where L is the whole right
side. The end of each step is corrected so that D is zero there: D follows from the integral of the
past, which is known. Within the step the last coefficients of the slope tell how large D is.

The file is longer than others, because the steps and what is foreseen of them need one tolerance.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collective.engines.retarded.history import NODES, TERMS, History, integrals, legendre
from collective.engines.retarded.kinks import Kinks

_S, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
_AT_NODES = legendre(_S)  # (TERMS, NODES)
# coefficients of a polynomial from its values at the nodes, (NODES, NODES)
_TO_TERMS = (np.arange(NODES)[:, None] + 0.5) * _AT_NODES[:NODES] * _WEIGHTS
PHASE = 3.0  # largest norm of the equation times a step
_MOST = 60  # repetitions of one step; more mean that it is too long
_SETTLED = 4e-16  # relative change of the slopes at which repetitions end
_ALMOST = 1e-12  # the same after the last repetition
_TAIL = 3  # coefficients that tell the defect
_SAFE = 4.0  # times their sum; a kink inside a step is underestimated by about 2
_LONGER = 2 * NODES + 1  # ∫P_k from −1 to s is (P_{k+1} − P_{k−1})/(2k + 1), here at k = NODES
_SMALLEST = 1e-14  # of the last time: the shortest step
_SHARE = 1e-3  # of the whole error that any step may make, however short it is
_COUNTED = 5000  # tries that are foreseen one by one
_SUMS_LEFT_OUT = 1.7  # times as many steps as without these kinks, about
_GOING_ON = 2.0  # ways to an emitter that go on by a delay, about
_ROUND_OFF = 4e-16  # of a step
_CALM = 1e-3  # of the allowed error, below which the next step is twice as long


class Equation:
    """H and the delayed interactions of n amplitudes.

    Args:
        instantaneous: H, (n, n).
        strengths: S_q, (Q,).
        delays: τ_q > 0, (Q,).
        to: (Q,), the amplitude on which each acts.
        origin: (Q,), the amplitude that causes it; for numbers from n on i times the slope of
            one.
        mixing: a matrix (n, n) that multiplies all delayed interactions; None for 1.
        frame: the frequency from which the phases of the amplitudes count.

    Attributes:
        gain: the norm of the interactions that slopes cause.
        norm: of all others, with what they gain.
    """

    def __init__(
        self,
        instantaneous: NDArray[Any],
        strengths: NDArray[np.complex128],
        delays: NDArray[np.float64],
        to: NDArray[np.intp],
        origin: NDArray[np.intp],
        mixing: NDArray[Any] | None = None,
        frame: float = 0.0,
    ):
        from scipy.sparse import csr_array

        n = len(instantaneous)
        self.generator, self.frame = -1j * instantaneous, frame
        self.delays, self.origin = delays, origin
        count = len(delays)
        self.spread = csr_array((-1j * strengths, (to, np.arange(count))), shape=(n, count))
        if mixing is not None:
            self.spread = csr_array(mixing * (mixing != 0)) @ self.spread
        self.by_slopes = bool(np.any(origin >= n))
        amplitudes, slopes = np.abs(instantaneous), np.zeros((n, n))
        caused = origin < n
        np.add.at(amplitudes, (to[caused], origin[caused]), np.abs(strengths[caused]))
        np.add.at(slopes, (to[~caused], origin[~caused] - n), np.abs(strengths[~caused]))
        self.gain = _norm(slopes)
        self.norm = _norm(amplitudes) / (1 - self.gain)
        self._jumps = np.abs(strengths) * np.where(caused, 1.0, self.norm)
        self._gains = np.where(caused, 0.0, np.abs(strengths))

    def causes(
        self, terms: NDArray[np.complex128], slopes: NDArray[np.complex128]
    ) -> NDArray[np.complex128]:
        """Coefficients of what causes something, (n or 2n, TERMS, R), of a step."""
        if not self.by_slopes:
            return terms.transpose(1, 0, 2)
        padded = np.zeros_like(terms)
        padded[:NODES] = 1j * slopes
        return np.concatenate([terms, padded], axis=1).transpose(1, 0, 2)

    def __len__(self) -> int:
        return len(self.generator)

    @property
    def longest(self) -> float:
        """The longest delay."""
        return float(self.delays.max(initial=0.0))

    def kinks(self, start: NDArray[np.complex128], last: float) -> Kinks:
        """The times up to the last one at which the slope or a derivative may jump."""
        n = len(self)
        first = self._jumps * np.abs(start).max(axis=1)[self.origin % n]
        return Kinks(self.delays, first, self._jumps, self._gains, last, min(1.0, _GOING_ON / n))


class Foreseen(NamedTuple):
    """About what a run will do.

    Attributes:
        steps: that it takes.
        tries: steps that are tried.
        repetitions: of all tries.
        arrived: delays of which the past is looked up, in all tries.
        inside: delays within a step, in all repetitions.
        kept: steps that are remembered at once.
        sums: of delays that are made at once.
    """

    steps: float
    tries: float
    repetitions: float
    arrived: float
    inside: float
    kept: float
    sums: int


class Steps:
    """Advances the amplitudes step by step.

    Args:
        equation: of n amplitudes.
        start: x at time 0, (n, R).
        last: the last time.
        tolerance: of the amplitudes at the last time.
    """

    def __init__(
        self, equation: Equation, start: NDArray[np.complex128], last: float, tolerance: float
    ):
        self._equation, self._start = equation, start
        self._last, self._tolerance = last, tolerance
        self._longest = min(last, PHASE / equation.norm) if equation.norm else last
        self._kinks = equation.kinks(start, last)
        seen = len(start) * (1 + equation.by_slopes)
        self.history = History(seen, start.shape[1], self._longest)

    def advance(self) -> None:
        """One step further; without delays to the last time."""
        history, t = self.history, self.history.now
        before = history.past
        if not len(self._equation.delays):
            error = _ROUND_OFF * (1 + self._equation.norm * self._last)
            history.past = before._replace(begin=self._last, lasting=error, taken=1)
            return
        shortest = _SMALLEST * self._last
        length = min(before.length, self._longest, self._last - t)
        if self._last - t - length < shortest:
            length = self._last - t
        end = t + length
        while True:
            slopes, terms, change, settled = self._tried(t, end)
            missing = self._missing(t, end, slopes, terms)
            error = (end - t) * (_SAFE * float(_sizes(slopes[-_TAIL:]).sum()) / _LONGER + change)
            error = max(error, _size(missing)) + self._kinks.unseen(t, end)
            allowed = self._allowed(end - t)
            if (settled and error <= allowed) or end - t <= 2 * shortest:
                break
            end = self._kinks.middle(t, end)
        if end <= t:
            raise FloatingPointError("the steps became shorter than round-off of the time")
        length = (end - t) * (2 if error <= _CALM * allowed else 1)
        slopes[0] += missing / (end - t)
        terms = self._equation.causes(_integrated(slopes, self._now(), end - t), slopes)
        error /= 1 - self._equation.gain
        lasting = before.lasting + self._equation.norm * (end - t) * error + _ROUND_OFF
        bounds = lasting, max(before.passing, error)
        history.append(end, terms, bounds, length, self._equation.longest)

    def foreseen(self) -> "Foreseen":
        """About what the run will do, from its delays alone."""
        delays = np.sort(self._equation.delays)
        if not len(delays):
            return Foreseen(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0)
        t, length, ends, counts = 0.0, self._longest, [0.0], np.zeros(4)
        while t < self._last and counts[0] < _COUNTED:
            end = t + min(length, self._longest, self._last - t)
            while True:
                times = _repetitions(self._equation.norm * (end - t))
                arrived, inside = np.searchsorted(delays, [end, end - t])
                counts += 1, times, arrived, inside * times
                error, allowed = self._kinks.foreseen(t, end), self._allowed(end - t)
                if error <= allowed or end - t <= _SMALLEST * self._last:
                    break
                end = self._kinks.middle(t, end)
            length = (end - t) * (2 if error <= _CALM * allowed else 1)
            t = end
            ends.append(t)
        more = _SUMS_LEFT_OUT if self._kinks.left_out else 1.0
        if 0 < t < self._last:
            more *= self._last / t
        steps, old = len(ends) - 1, np.array(ends) - self._equation.longest
        remembered = int((np.arange(steps + 1) - np.searchsorted(ends, old)).max())
        tries, repetitions, arrived, inside = (more * float(x) for x in counts)
        kept = more * min(steps, 2 * remembered)  # it forgets when half are too old
        return Foreseen(more * steps, tries, repetitions, arrived, inside, kept, self._kinks.made)

    def _allowed(self, length: float) -> float:
        """The largest error of a step of this length, in it and by its effect on later ones."""
        share, effect = max(length / self._last, _SHARE), self._equation.norm * length
        return 0.5 * self._tolerance * min(1.0, share / effect if effect else 1.0)

    def at(
        self, times: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """Amplitudes and slopes at times (T,) within the last step, (T, n, R) each.

        The slopes are those of the equation: the slope of a polynomial misses kinks in its step.
        """
        e = self._equation
        if not len(e.delays):
            found = exponentials(e.generator, self._start, times)
            return found, e.generator @ found
        amplitudes = self.history.last(times)[:, : len(e)]
        arriving = np.flatnonzero(e.delays <= times[-1])
        past = self.history.at(times - e.delays[arriving, None], e.origin[arriving])
        return amplitudes, e.generator @ amplitudes + self._spread(arriving, past)

    def _now(self) -> NDArray[np.complex128]:
        """The amplitudes at the end of the last step: every P_k(1) is 1."""
        p = self.history.past
        return p.terms[p.kept - 1].sum(axis=1)[: len(self._start)] if p.kept else self._start

    def _tried(
        self, t: float, end: float
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128], float, bool]:
        """Coefficients of slope and amplitudes in a step, the last change, and if that is small."""
        e, length, now = self._equation, end - t, self._now()
        shape = now.shape
        times = t + length * (1 + _S) / 2
        constant = np.zeros((NODES, *shape), dtype=complex)
        arriving = times[-1] - e.delays > 0  # from which light has come at all
        inside = np.flatnonzero(e.delays < length * (1 + _S[-1]) / 2)
        if arriving.any() and self.history.past.kept:
            some = np.flatnonzero(arriving)
            asked = times - e.delays[some, None]
            past = np.where(asked < t, asked, -1.0)
            values = self.history.at(past, e.origin[some])
            constant += self._spread(some, values)
        local = _S - 2 * e.delays[inside, None] / length
        basis = legendre(local) * (local >= -1)
        basis = np.ascontiguousarray(basis.transpose(1, 2, 0))  # (pairs, NODES, TERMS)
        terms = np.zeros((TERMS, *shape), dtype=complex)
        terms[0] = now
        slopes = np.zeros((NODES, *shape), dtype=complex)
        for _ in range(_MOST):
            nodes = np.tensordot(_AT_NODES, terms, axes=(0, 0))
            values = constant + e.generator @ nodes
            if len(inside):
                seen = e.causes(terms, slopes)[e.origin[inside]]
                parts = np.ascontiguousarray(seen).view(float)
                own = np.ascontiguousarray(basis @ parts).view(complex)
                values += self._spread(inside, own)
            before, slopes = slopes, np.tensordot(_TO_TERMS, values, axes=1)
            terms = _integrated(slopes, now, length)
            change = float(np.abs(slopes - before).max())
            size = max(float(np.abs(slopes).max()), 1e-3 * e.norm)
            if not change > _SETTLED * size:
                break
        return slopes, terms, change, change <= _ALMOST * size

    def _missing(
        self,
        t: float,
        end: float,
        slopes: NDArray[np.complex128],
        terms: NDArray[np.complex128],
    ) -> NDArray[np.complex128]:
        """The integral over a step of its defect, (n, R): what the nodes do not see of kinks."""
        e, history, length = self._equation, self.history, end - t
        at_once = length * (e.generator @ terms[0] - slopes[0])
        some = np.flatnonzero(e.delays < end)
        if not len(some):
            return np.asarray(at_once)
        delays, origin, own = e.delays[some], e.origin[some], e.causes(terms, slopes)
        until = end - delays
        values = history.integrated(np.minimum(until, t), origin)
        values -= history.integrated(np.maximum(t - delays, 0.0), origin)
        inside = until > t
        local = integrals(2 * (until[inside] - t) / length - 1)
        parts = np.einsum("kq,qkr->qr", local, own[origin[inside]])
        values[inside] += parts * (length / 2)
        return np.asarray(at_once + self._spread(some, values[:, None])[0])

    def _spread(
        self, some: NDArray[np.intp], values: NDArray[np.complex128]
    ) -> NDArray[np.complex128]:
        """−iΣ_q S_q of the values (Q, K, R), on the amplitudes, (K, n, R)."""
        spread = self._equation.spread
        chosen = spread if len(some) == spread.shape[1] else spread[:, some]
        nodes, columns = values.shape[1:]
        flat = chosen @ values.reshape(len(values), nodes * columns)
        return flat.reshape(len(self._equation), nodes, columns).transpose(1, 0, 2)


def exponentials(
    generator: NDArray[np.complex128], start: NDArray[np.complex128], times: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Amplitudes e^{Gt}x(0) at increasing times, (T, n, R); equal steps share an exponential."""
    from scipy.linalg import expm

    found = np.empty((len(times), *start.shape), dtype=complex)
    now, before, step, factor = start, 0.0, 0.0, np.eye(len(start))
    for k, (t, away) in enumerate(zip(times, different_steps(times), strict=True)):
        if away:
            step = float(t) - before
            factor = expm(step * generator)
        now = factor @ now
        found[k], before = now, float(t)
    return found


def different_steps(times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which steps, from 0 on, differ from the one before by more than round-off of the times."""
    steps = np.diff(times, prepend=0.0)
    away = np.abs(np.diff(steps, prepend=-1.0)) > 4 * np.finfo(float).eps * times
    away[0] = True
    return np.asarray(away)


def _norm(sizes: NDArray[np.float64]) -> float:
    """A bound on the 2-norm of a matrix with entries of these sizes."""
    return float(np.sqrt(sizes.sum(axis=0).max() * sizes.sum(axis=1).max()))


def _integrated(
    slopes: NDArray[np.complex128], start: NDArray[np.complex128], length: float
) -> NDArray[np.complex128]:
    """Coefficients of the integral of the slope from the begin of a step, plus the start."""
    found = np.zeros((TERMS, *start.shape), dtype=complex)
    scaled = slopes * (length / 2) / (2 * np.arange(NODES) + 1)[:, None, None]
    found[1:] += scaled
    found[: NODES - 1] -= scaled[1:]
    found[0] += scaled[0]  # ∫P₀ = P₁ + P₀ from −1 on
    found[0] += start
    return found


def _repetitions(phase: float) -> int:
    """About how many repetitions a step takes: x^k/k! falls below round-off."""
    size, count = 1.0, 1
    while size > _SETTLED and count < _MOST:
        size *= phase / count
        count += 1
    return count


def _size(amplitudes: NDArray[np.complex128]) -> float:
    """The norm of amplitudes (n, R): of the largest column."""
    return float(np.linalg.norm(amplitudes, axis=0).max())


def _sizes(terms: NDArray[np.complex128]) -> NDArray[np.float64]:
    """The norm of each coefficient (K, n, R): of the largest column."""
    return np.linalg.norm(terms, axis=1).max(axis=1)
