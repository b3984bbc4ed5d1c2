r"""A function of time as polynomials, each on an interval of its own.

.. math:: f(t) ≈ \sum_k c_k u^k, \qquad u = (t − a)/(b − a), \quad a ≤ t ≤ b

Intervals are as long as a polynomial of degree eight fits. Where the function has a kink or a step,
an interval ends there: its place is found by bisection, up to a time in which the error of the
function has no effect within the tolerance.
"""

from collections.abc import Callable

import numpy as np
from numpy.polynomial.chebyshev import cheb2poly, chebvander
from numpy.typing import NDArray

from collective.pulse.timeline import ENVELOPE_STEPS, Timeline

DEGREE = 8
_SAMPLES = 32  # of the function in an interval, at least
_PER_INTERVAL = 8  # samples between the closest output times, at least
_INTERVALS = 200  # longest piece, in smallest intervals of output times
_GOLDEN = (5**0.5 - 1) / 2
_SUDDEN = 0.01  # share of the tolerance that a jump of the function may use up
_INSTANT = 1e-14  # of the time or duration: no piece is shorter
_SHORT = 1e-6  # share of the duration; a kink or a step needs a few shorter pieces in a row
_SHORT_PIECES = 50  # after so many in a row that are shorter, there is no end
_COARSE = 2  # bisections before a kink is looked for
_ROUND_OFF = 1e-14
_BENT = 4.0  # Σ|c_k| over the largest |f|: in a short piece more than that is a jump


def pieces_of(
    function: Callable[[float], complex],
    times: NDArray[np.float64],
    tolerance: float,
    strength: float,
    user_time: Callable[[float], float] = lambda t: t,
    timeline: Timeline | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Polynomials of a function between the first and the last of the times.

    Args:
        function: f, evaluated only between these times.
        times: (T,), at least two, increasing; there are several samples between any two of them,
            if these are at least 1/20,000 of the whole time apart.
        tolerance: of what f changes in the whole interval, ∫|δf| strength dt.
        strength: a rate, by which f is multiplied.
        user_time: a function that gives a time as the user counts it, for messages.
        timeline: where f has kinks, and how fast it changes between them; None if not known.

    Returns:
        edges, (P + 1,) increasing, and coefficients c_k, (P, 9).

    Raises:
        FloatingPointError: if no polynomials fit within the tolerance.

    Example:
        >>> edges, coefficients = pieces_of(lambda t: abs(t - 1), np.array([0.0, 2.0]), 1e-6, 1.0)
        >>> len(coefficients) < 6, bool(np.abs(edges - 1).min() < 1e-6)
        (True, True)
    """
    fitting = _Fitting(function, times, tolerance, strength, timeline)
    last = float(times[-1])
    edges, found, length, reach = [float(times[0])], [], last - float(times[0]), np.inf
    short = 0
    while edges[-1] < last:
        start = edges[-1]
        end = fitting.enter(start)
        longest = _INTERVALS * fitting.resolution
        # pieces are short at a kink and soon long again
        reach = min(max(2 * length, reach / 4), longest)
        piece = fitting.longest(start, min(end, start + reach))
        if piece is None or short >= _SHORT_PIECES:
            raise FloatingPointError(
                f"no polynomial fits the envelope at t = {user_time(start):g}, or only over a "
                f"share {length / fitting.duration:.1e} of the times, to rtol = {tolerance:g}; "
                "smooth the envelope, put its jumps on output times, or raise rtol; "
                "method='exact' can"
            )
        edges.append(piece[0])
        found.append(piece[1])
        length = piece[0] - start if piece[0] < end else max(length, piece[0] - start)
        short = short + 1 if length < _SHORT * fitting.duration else 0
    return np.array(edges), np.array(found)


class _Fitting:
    """Fits of one function; arguments as for `pieces_of`."""

    def __init__(
        self,
        function: Callable[[float], complex],
        times: NDArray[np.float64],
        tolerance: float,
        strength: float,
        timeline: Timeline | None,
    ):
        self.function, self.tolerance, self.strength = function, tolerance, strength
        self.duration = float(times[-1] - times[0])
        longest = np.inf if timeline is not None else float(np.diff(times).min())
        # a pulse shorter than this may be missed
        self.resolution = max(longest, self.duration / ENVELOPE_STEPS)
        self._timeline, self._end, self._piece = timeline, float(times[-1]), 0

    def enter(self, start: float) -> float:
        """Where the piece of the time ends that begins at, or contains, a time."""
        if self._timeline is None:
            return self._end
        self._piece = self._timeline.piece(start)
        end = float(self._timeline.edges[self._piece + 1])
        self.resolution = min(float(self._timeline.longest[self._piece]), end - start)
        return end

    def _value(self, t: float) -> complex:
        if self._timeline is not None:
            t = self._timeline.inside(t, self._piece)
        return self.function(t)

    def longest(self, start: float, end: float) -> tuple[float, NDArray[np.complex128]] | None:
        """The longest piece from `start` to at most `end`: where it ends, and its polynomial.

        If the function is smooth beyond the piece, the end is found roughly. If it is not, there is
        a kink, which is located.
        """
        best = self._fit(start, end)
        if best is not None:
            return end, best
        good, bad = start, end
        shortest = _INSTANT * max(abs(start), self.duration)
        attempt = 0
        while bad - good > shortest:
            if best is not None and attempt >= _COARSE and self._fit(good, bad) is not None:
                break
            middle = 0.5 * (good + bad)
            fit = self._fit(start, middle)
            if fit is None:
                bad = middle
            else:
                good, best = middle, fit
                attempt += 1
        return None if best is None else (good, best)

    def _fit(self, start: float, end: float) -> NDArray[np.complex128] | None:
        """The coefficients of a polynomial in an interval, or None if none fits."""
        length = end - start
        samples = max(_SAMPLES, int(_PER_INTERVAL * length / self.resolution))
        # irregular points, so that no periodic function vanishes at all of them
        at = np.sort(np.append(np.arange(samples) * _GOLDEN % 1, 1.0))
        values = np.array([self._value(start + length * u) for u in at], dtype=complex)
        powers = chebvander(2 * at - 1, DEGREE)
        fit = np.linalg.lstsq(powers, values, rcond=None)[0]
        share = max(length / self.duration, _SUDDEN)
        allowed = self.tolerance * share / max(length * self.strength, 1e-300)
        error = np.abs(powers @ fit - values).max()
        if not error < max(allowed, _ROUND_OFF * np.abs(values).max()):
            return None
        # 2u − 1 = v: powers of v, then of u
        found = np.zeros(DEGREE + 1, complex)
        for coefficient in cheb2poly(fit)[::-1]:
            shifted = np.zeros_like(found)
            shifted[1:] = 2 * found[:-1]
            found = shifted - found
            found[0] += coefficient
        largest = np.abs(values).max()
        if length > _SHORT * self.duration or np.abs(found).sum() <= _BENT * largest:
            return found
        # a polynomial through a jump has large coefficients, whose series overflow: a constant
        mean = values.mean()
        if np.abs(values - mean).max() > allowed:
            return None
        return np.array([mean, *np.zeros(DEGREE)])
