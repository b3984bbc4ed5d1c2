r"""Rational functions through samples of a function, chosen where they are needed.

.. math:: r(x) = \sum_j \frac{w_jf_j}{x − x_j} \Big/ \sum_j \frac{w_j}{x − x_j}

goes through f_j at the support points x_j. The weights w_j make it come close to the function at
test points between them, and the worst of these becomes the next support point. A resonance needs
about two of them, however narrow it is, because its tails are seen from far away.

Source: Driscoll, Nakatsukasa and Trefethen, SIAM J. Sci. Comput. 46, A929 (2024).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BETWEEN = 3  # test points between two support points
_MOST = 60  # support points
_STUCK = 8  # further support points that do not halve the error: the rest is noise of the samples
_COLUMNS = 32  # entries, or random combinations of them, that the weights follow from
_EXTRA = 7  # points of the last test …
_ASIDE = 0.6180339887  # … and where in a gap they are
_CLOSEST = 1e-13  # of the largest number: two points that are nearer are one
_ENTRIES = 2**22  # of terms at once

Samples = Callable[[NDArray[np.float64]], NDArray[np.complex128]]


@dataclass(frozen=True, eq=False)
class Rational:
    """r(x) with values of any shape.

    Attributes:
        points: support points, (S,).
        values: f at these, (S, …).
        weights: (S,).
    """

    points: NDArray[np.float64]
    values: NDArray[np.complex128]
    weights: NDArray[np.complex128]

    def __call__(self, x: NDArray[Any]) -> NDArray[np.complex128]:
        """The value at points (P,), also complex ones, (P, …)."""
        flat = self.values.reshape(len(self.values), -1)
        found = np.empty((len(x), flat.shape[1]), dtype=complex)
        rows = max(1, _ENTRIES // len(self.points))
        for begin in range(0, len(x), rows):
            some = slice(begin, begin + rows)
            away = x[some, None] - self.points
            same = away == 0
            terms = self.weights / np.where(same, 1.0, away)
            met = same.any(axis=1)
            terms[met] = same[met]
            found[some] = terms @ flat / terms.sum(axis=1)[:, None]
        return found.reshape(len(x), *self.values.shape[1:])


class Fit:
    """A rational function that comes close to samples of a function between two ends.

    Args:
        sampled: the function; x (P,) to its values (P, …).
        support: the first support points, increasing; their ends are the ends of the fit.
        tolerance: a function of x, by how much any entry may be wrong.

    Attributes:
        rational: the `Rational`.
        error: the largest deviation of an entry at any sample, in units of the tolerance there.
    """

    def __init__(
        self,
        sampled: Samples,
        support: NDArray[np.float64],
        tolerance: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ):
        points = np.array(support, dtype=float)
        values = sampled(points)
        tests = np.concatenate([_between(*ends) for ends in pairwise(points)])
        known = sampled(tests)
        self.error, stuck = np.inf, 0
        while True:
            rational = _through(points, values, tests, known, tolerance(tests))
            away = _away(rational, tests, known, tolerance)
            if away.max() <= 1:
                further = _elsewhere(points)
                tests = np.concatenate([tests, further])
                known = np.concatenate([known, sampled(further)])
                away = _away(rational, tests, known, tolerance)
            stuck = 0 if away.max() < self.error / 2 else stuck + 1
            if away.max() < self.error:
                self.rational, self.error = rational, float(away.max())
            if self.error <= 1 or len(points) >= _MOST or stuck >= _STUCK:
                break
            worst = int(np.argmax(away))
            place = int(np.searchsorted(points, tests[worst]))
            further = np.concatenate(
                [
                    _between(points[place - 1], tests[worst]),
                    _between(tests[worst], points[place]),
                ]
            )
            points = np.insert(points, place, tests[worst])
            values = np.insert(values, place, known[worst], axis=0)
            tests, known = np.delete(tests, worst), np.delete(known, worst, axis=0)
            every = np.concatenate([points, tests])
            nearest = np.abs(further[:, None] - every).min(axis=1)
            further = further[nearest > _CLOSEST * np.abs(points).max()]
            tests = np.concatenate([tests, further])
            known = np.concatenate([known, sampled(further)])
            if not len(tests):
                break


def _away(
    rational: Rational,
    x: NDArray[np.float64],
    known: NDArray[np.complex128],
    tolerance: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """The largest deviation of an entry at each point, in units of the tolerance."""
    off = np.abs(rational(x) - known).reshape(len(x), -1).max(axis=1)
    return np.asarray(off / tolerance(x))


def _elsewhere(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of which a fit knows nothing yet: one in each of the widest gaps."""
    gaps = np.diff(points)
    widest = np.argsort(-gaps, kind="stable")[:_EXTRA]
    return np.asarray(points[widest] + _ASIDE * gaps[widest])


def _between(low: float, high: float) -> NDArray[np.float64]:
    """Test points between two support points."""
    return low + (high - low) * np.arange(1, _BETWEEN + 1) / (_BETWEEN + 1)


def _through(
    points: NDArray[np.float64],
    values: NDArray[np.complex128],
    tests: NDArray[np.float64],
    known: NDArray[np.complex128],
    tolerance: NDArray[np.float64],
) -> Rational:
    """The rational function through values at points whose linear deviation is the smallest."""
    flat, seen = values.reshape(len(values), -1), known.reshape(len(known), -1)
    if flat.shape[1] > _COLUMNS:
        mixing = np.random.default_rng(0).normal(size=(flat.shape[1], _COLUMNS))
        flat, seen = flat @ mixing, seen @ mixing
    rows = (seen[:, None, :] - flat) / (tests[:, None] - points)[:, :, None]
    rows = (rows / tolerance[:, None, None]).transpose(0, 2, 1).reshape(-1, len(points))
    triangle = np.linalg.qr(rows, mode="r") if len(rows) > len(points) else rows
    weights = np.linalg.svd(triangle)[2][-1].conj()
    return Rational(points, values, weights)
