r"""Steps of a linear equation with delays, by polynomials that fulfil it at the nodes of Gauss.

.. math:: \dot x(t) = −iH x(t) − i\sum_q S_q\,e_{to(q)}\,x_{from(q)}(t − τ_q)

The slope jumps where light arrives for the first time, at t = τ_q, its derivative at the sums of
two delays, and so on. A step that meets such a time ends there, unless it does not matter.

The defect of a polynomial is a source inside the emitters. As emitters and field together keep the
norm, the error of the amplitudes is at most the integral of the defect over time. The last
coefficients of the slope tell how large it is.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.retarded.history import NODES, TERMS, History, legendre

_S, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
_AT_NODES = legendre(_S)  # (TERMS, NODES)
# coefficients of a polynomial from its values at the nodes, (NODES, NODES)
_TO_TERMS = (np.arange(NODES)[:, None] + 0.5) * _AT_NODES[:NODES] * _WEIGHTS
_GAP = float(1 + _S[0]) / 2  # of a step, between an end and the first node
PHASE = 3.0  # largest norm of the equation times a step
_MOST = 60  # repetitions of one step; more mean that it is too long
_SETTLED = 4e-16  # relative change of the slopes at which repetitions end
_ALMOST = 1e-12  # the same after the last repetition
_TAIL = 3  # coefficients that tell the defect
_SAFE = 4.0  # times their sum; a kink inside a step is underestimated by about 2
_SMALLEST = 1e-14  # of the last time: the shortest step
_SHARE = 1e-3  # of the whole error that any step may make, however short it is
_CALM = 1e-3  # of the allowed defect, below which the next step is twice as long
_KINDS = 6  # delays whose sums are kept as possible kinks
_KINKS = 3000  # of each kind, at most


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
        self._rates = np.abs(strengths) * np.where(caused, 1.0, self.norm)

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

    def kinks(self, last: float) -> "Kinks":
        """The times up to the last one at which the slope or a derivative may jump."""
        own = apart(self.delays[self.delays < last])
        early = self.delays < last
        nearest = np.searchsorted(own, self.delays[early] * (1 + 1e-12)) - 1
        jumps = np.zeros(len(own))
        np.add.at(jumps, nearest, self._rates[early])
        times, orders = [own], [np.ones(len(own), dtype=int)]
        sums = own
        for order in range(2, _KINDS + 1):
            if len(sums) * len(own) > 100 * _KINKS:
                break
            sums = apart(np.add.outer(sums, own).ravel())
            sums = sums[sums < last]
            if len(sums) > _KINKS:
                break
            times.append(sums)
            orders.append(np.full(len(sums), order))
        return Kinks(np.concatenate(times), np.concatenate(orders), jumps, self.norm, self.gain)


class Kinks:
    """Where a derivative of the amplitudes may jump: at delays and sums of delays.

    Args:
        times: (K,), with those of one delay first.
        orders: (K,), how many delays each is a sum of.
        jumps: of the slope, of those of one delay.
        norm: of the equation.
        gain: of its interactions that slopes cause.
    """

    def __init__(
        self,
        times: NDArray[np.float64],
        orders: NDArray[np.intp],
        jumps: NDArray[np.float64],
        norm: float,
        gain: float,
    ):
        first = np.concatenate([jumps, np.full(len(times) - len(jumps), norm)])
        order = np.argsort(times, kind="stable")
        self._times, self._orders, self._first = times[order], orders[order], first[order]
        self._norm, self._gain = norm, gain

    def inside(self, t: float, end: float) -> slice:
        """Those within a step, but for its ends."""
        away = 1e-9 * (end - t)
        return slice(*np.searchsorted(self._times, [t + away, end - away]))

    def unseen(self, t: float, end: float) -> float:
        """The integral of the defect by kinks between an end of a step and its first node."""
        inside = self.inside(t, end)
        times = self._times[inside]
        away = np.minimum(times - t, end - times)
        close = away < _GAP * (end - t)
        if not close.any():
            return 0.0
        away, orders = away[close], self._orders[inside][close]
        size = self._first[inside][close] * away
        # each further delay smooths the kink once more, but for what slopes cause
        further = self._norm * away / orders + self._gain
        return float((size * further ** (orders - 1)).sum())

    def middle(self, t: float, end: float) -> float:
        """The one nearest to the middle of a step, or the middle itself if there is none."""
        middle, inside = (t + end) / 2, self._times[self.inside(t, end)]
        return float(inside[np.argmin(np.abs(inside - middle))]) if len(inside) else middle


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
        self._kinks = equation.kinks(last)
        seen = len(start) * (1 + equation.by_slopes)
        self.history = History(seen, start.shape[1], self._longest)

    def advance(self) -> None:
        """One step further."""
        history, t = self.history, self.history.now
        before = history.past
        shortest = _SMALLEST * self._last
        length = min(before.length, self._longest, self._last - t)
        if self._last - t - length < shortest:
            length = self._last - t
        end = t + length
        while True:
            slopes, terms, change, settled = self._tried(t, end)
            defect = _SAFE * (end - t) * (float(_sizes(slopes[-_TAIL:]).sum()) + change)
            defect += self._kinks.unseen(t, end)
            allowed = self._tolerance * max((end - t) / self._last, _SHARE)
            if (settled and defect <= allowed) or end - t <= 2 * shortest:
                break
            end = self._kinks.middle(t, end)
        if end <= t:
            raise FloatingPointError("the steps became shorter than round-off of the time")
        length = (end - t) * (2 if defect <= _CALM * allowed else 1)
        terms = self._equation.causes(terms, slopes)
        bound, memory = before.bound + defect, self._equation.longest
        history.append(end, terms, slopes, bound, length, memory)

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

    def _spread(
        self, some: NDArray[np.intp], values: NDArray[np.complex128]
    ) -> NDArray[np.complex128]:
        """−iΣ_q S_q of the values (Q, NODES, R), on the amplitudes, (NODES, n, R)."""
        spread = self._equation.spread
        chosen = spread if len(some) == spread.shape[1] else spread[:, some]
        flat = chosen @ values.reshape(len(values), -1)
        return flat.reshape(len(self._equation), NODES, -1).transpose(1, 0, 2)


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


def _sizes(terms: NDArray[np.complex128]) -> NDArray[np.float64]:
    """The norm of each coefficient (K, n, R): of the largest column."""
    return np.linalg.norm(terms, axis=1).max(axis=1)


def apart(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sorted times, of those that differ by round-off only the first."""
    ordered = np.unique(times)
    if not len(ordered):
        return ordered
    return ordered[np.concatenate([[True], np.diff(ordered) > 1e-13 * ordered[1:]])]
