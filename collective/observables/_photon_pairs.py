"""Pairs of photons in recorded trajectories: window of the first photon, and counts of pairs."""

from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks


def window(
    asked: tuple[float, float] | None, times: NDArray[np.float64], longest: float
) -> tuple[float, float]:
    """Times (from, to) of the first photon: as asked for, or all for which every delay is observed.

    Args:
        asked: the window that the user gave, or None.
        times: output times of the result, (T,).
        longest: the longest delay.
    """
    last = float(times[-1] - longest)
    if not last > times[0]:
        raise ValueError(
            f"edges: the longest delay must be below {times[-1] - times[0]:g}, the length of the "
            f"evolution; got {longest:g}: use shorter delays or evolve longer"
        )
    if asked is None:
        start, end = float(times[0]), last
    else:
        bounds = checks.finite("window", asked)
        if bounds.shape != (2,):
            raise ValueError(f"window must be two times (from, to), got shape {bounds.shape}")
        start, end = map(float, bounds)
    if not times[0] <= start < end <= last:
        raise ValueError(
            f"window must increase and lie within {times[0]:g} … {last:g}, got {start:g} … "
            f"{end:g}; later first photons leave no time for the longest delay of the edges, "
            f"{longest:g}"
        )
    return start, end


def between(
    ordered: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    side: Literal["left", "right"] = "right",
) -> NDArray[np.intp]:
    """Number of the ordered times in each interval (low, high], or [low, high) for "left"."""
    return np.searchsorted(ordered, high, side) - np.searchsorted(ordered, low, side)


def own_pairs(
    runs: NDArray[np.int64],
    times: NDArray[np.float64],
    in_window: NDArray[np.bool_],
    low: float,
    high: float,
    count: int,
) -> NDArray[np.float64]:
    """Number of pairs within each trajectory whose first photon is in the window, (count,).

    Args:
        runs: trajectory of each photon, (P,), increasing.
        times: time of each photon, (P,).
        in_window: whether each photon is in the window, (P,).
        low: shortest delay of a pair.
        high: longest delay of a pair.
        count: number of trajectories.
    """
    found = np.zeros(count)
    bounds = np.searchsorted(runs, np.arange(count + 1))
    for run, (begin, stop) in enumerate(pairwise(bounds)):
        photons = times[begin:stop]
        firsts = photons[in_window[begin:stop]]
        found[run] = between(photons, firsts + low, firsts + high).sum()
    return found
