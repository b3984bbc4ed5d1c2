"""Selection of times of a result, and its arrays at these times."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks

_ROUND_OFF = 1e-12  # relative to the largest time


def places(stored: NDArray[np.float64], times: ArrayLike) -> NDArray[np.intp]:
    """The indices of times among the stored ones, which may differ by round-off, (M,).

    Raises:
        ValueError: for a time that is not stored (the message names the nearest ones), or for
            times that do not increase.
    """
    asked = np.atleast_1d(checks.finite("times", times, largest=np.inf))
    if asked.ndim != 1 or len(asked) == 0:
        raise ValueError(f"times must be one number or a list, got shape {asked.shape}")
    if np.any(np.diff(asked) <= 0):
        i = int(np.argmax(np.diff(asked) <= 0))
        raise ValueError(
            f"times must increase: times[{i}] = {asked[i]:g}, times[{i + 1}] = {asked[i + 1]:g}"
        )
    after = np.clip(np.searchsorted(stored, asked), 1, max(len(stored) - 1, 1))
    neighbours = np.stack([after - 1, np.minimum(after, len(stored) - 1)])
    nearest = np.argmin(np.abs(stored[neighbours] - asked), axis=0)
    found = neighbours[nearest, np.arange(len(asked))]
    missed = np.abs(stored[found] - asked) > _ROUND_OFF * np.abs(stored).max()
    if np.any(missed):
        i = int(np.argmax(missed))
        near = sorted({float(stored[j]) for j in neighbours[:, i]})
        shown = " and ".join(f"{t:.12g}" for t in near)
        raise ValueError(
            f"times: {asked[i]:.12g} is not a time of this result, the nearest are {shown}; "
            "evolve with this time among the times, or take one of those"
        )
    if np.any(np.diff(found) <= 0):
        i = int(np.argmax(np.diff(found) <= 0))
        raise ValueError(f"times[{i}] and times[{i + 1}] are the same time of this result")
    return found


def at_rows(value: Any, rows: NDArray[np.intp]) -> Any:
    """The given rows of an array, a list or a dictionary of arrays; None stays None."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {name: at_rows(each, rows) for name, each in value.items()}
    if isinstance(value, list):
        return [value[i] for i in rows]
    return value[rows]
