"""Pairs of photons in recorded runs: which are looked at, and how many there are."""

from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks


def window(
    asked: tuple[float, float] | None, times: NDArray[np.float64], longest: float
) -> tuple[float, float]:
    """When the first photon may come: as asked for, or as long as all delays are observed."""
    last = float(times[-1] - longest)
    if not last > times[0]:
        raise ValueError(
            f"edges: the longest delay must be below {times[-1] - times[0]:g}, the time that is "
            f"observed; got {longest:g}"
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
            f"window must increase and lie within {times[0]:g} … {last:g}, where delays up to the "
            f"longest of the edges, {longest:g}, are still observed; got {start:g} … {end:g}"
        )
    return start, end


def between(
    ordered: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    side: Literal["left", "right"] = "right",
) -> NDArray[np.intp]:
    """How many of the ordered times lie in each (low, high], or in [low, high) for "left"."""
    return np.searchsorted(ordered, high, side) - np.searchsorted(ordered, low, side)


def own_pairs(
    runs: NDArray[np.int64],
    times: NDArray[np.float64],
    in_window: NDArray[np.bool_],
    low: float,
    high: float,
    count: int,
) -> NDArray[np.float64]:
    """Pairs of photons of one run, first in the window, per run: (n_trajectories,)."""
    found = np.zeros(count)
    bounds = np.searchsorted(runs, np.arange(count + 1))
    for run, (begin, stop) in enumerate(pairwise(bounds)):
        mine = times[begin:stop]
        firsts = mine[in_window[begin:stop]]
        found[run] = between(mine, firsts + low, firsts + high).sum()
    return found
