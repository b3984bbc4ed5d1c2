r"""Times at which a derivative of the amplitudes may jump: at the delays and at sums of them.

The excitation is there from time 0 on. So its light begins at each delay τ_i with a jump of the
slope by J_i. Along a way of q delays the jump is one of a higher derivative. At a time a away from
it the slope is off by

.. math:: J_1 J_2 … J_q\left(\frac aq + G\right)^{q−1},

where G is how much of the slope itself is an interaction, over J: for these parts the next delay
does not smooth the jump.
"""

import numpy as np
from numpy.typing import NDArray

from collective.engines.retarded.history import NODES

_GAP = float(1 + np.polynomial.legendre.leggauss(NODES)[0][0]) / 2  # from an end to the first node
_KINDS = 6  # delays whose sums are kept as possible kinks
_KINKS = 50_000  # of each kind, at most
_SUMS = 200_000  # made for a kind, of which some are the same
_SEEN = 0.05  # of a step: as far from the nearest node a kink inside it seems to be


class Kinks:
    """Where a derivative of the amplitudes may jump, up to the last time.

    Args:
        delays: (Q,).
        first: how large the jump of the slope is where light of time 0 arrives, (Q,).
        jumps: the same for an amplitude of 1, (Q,).
        gains: the part of the slope that is an interaction, (Q,).
        last: the last time.
        going_on: about which share of the ways can go on by any delay.

    Attributes:
        made: the largest number of sums that were made at once.
        left_out: whether sums of two delays are so many that they are left out.
    """

    def __init__(
        self,
        delays: NDArray[np.float64],
        first: NDArray[np.float64],
        jumps: NDArray[np.float64],
        gains: NDArray[np.float64],
        last: float,
        going_on: float,
    ):
        early = delays < last
        own, (size, jump, gain) = _merged(delays[early], first[early], jumps[early], gains[early])
        self._later = float((gain / np.maximum(jump, np.finfo(float).tiny)).max(initial=0.0))
        self._going_on = going_on
        times, sizes, orders, sums = [own], [size], [np.ones(len(own), dtype=int)], own
        self.made, self.left_out = len(own), False
        for order in range(2, _KINDS + 1):
            if len(sums) * len(own) > _SUMS:
                break
            self.made = max(self.made, len(sums) * len(own))
            later = np.add.outer(sums, own).ravel()
            most = later < last
            sums, (size,) = _merged(later[most], np.multiply.outer(size, jump).ravel()[most])
            if len(sums) > _KINKS:
                break
            times.append(sums)
            sizes.append(size)
            orders.append(np.full(len(sums), order))
        self.left_out = len(times) == 1 and len(own) > 0
        every = np.concatenate(times)
        sorting = np.argsort(every, kind="stable")
        self._times = every[sorting]
        self._orders = np.concatenate(orders)[sorting]
        self._sizes = np.concatenate(sizes)[sorting]

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
        return float(self._integral(inside, away, close).sum())

    def foreseen(self, t: float, end: float) -> float:
        """About how large the error of a step will be by all its kinks."""
        inside = self.inside(t, end)
        times = self._times[inside]
        if not len(times):
            return 0.0
        away = np.minimum(np.minimum(times - t, end - times), _SEEN * (end - t))
        sizes = self._integral(inside, away, slice(None))
        return float(np.linalg.norm(sizes * self._going_on ** (self._orders[inside] - 1)))

    def middle(self, t: float, end: float) -> float:
        """The one nearest to the middle of a step, or the middle itself if there is none."""
        middle, inside = (t + end) / 2, self._times[self.inside(t, end)]
        return float(inside[np.argmin(np.abs(inside - middle))]) if len(inside) else middle

    def _integral(
        self,
        inside: slice,
        away: NDArray[np.float64],
        some: NDArray[np.bool_] | slice,
    ) -> NDArray[np.float64]:
        """The integral of how far off the slope is, up to a distance from each of some kinks."""
        away, orders = away[some], self._orders[inside][some]
        sizes = self._sizes[inside][some]
        return np.asarray(sizes * away * (away / orders + self._later) ** (orders - 1))


def _merged(
    times: NDArray[np.float64], *values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Sorted times, those that differ by round-off as one, and the sums of values there."""
    found = apart(times)
    at = np.searchsorted(found, times, side="right") - 1  # the first of those that are one
    return found, [np.bincount(at, each, len(found)).astype(float) for each in values]


def apart(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sorted times, of those that differ by round-off only the first."""
    ordered = np.unique(times)
    if not len(ordered):
        return ordered
    return ordered[np.concatenate([[True], np.diff(ordered) > 1e-13 * ordered[1:]])]
