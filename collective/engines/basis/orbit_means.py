r"""Entries of a reduced ρ that are equal by symmetry, and their means.

Of the columns of ρ that a group of permutations turns into each other, one is stored. Permutations
h that leave the configuration j of a stored column unchanged give R(hi, j) = R(i, j): entries
within the column are equal. If round-off makes them differ, the difference is no matrix with the
symmetry. The generator acts on it in a way that depends on how other columns are read off stored
ones, and for large groups such differences grow exponentially. So they are replaced by their means
now and then.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TERMS = 8  # of a series, between which entries may become different by round-off
_AT_ONCE = 2**18  # entries of which means are taken together
_BYTES = 5  # per entry


@dataclass(frozen=True, eq=False)
class OrbitMeans:
    """Sets of entries that are equal, of two entries or more.

    Attributes:
        places: (E,), where they lie in a flat array, set after set.
        starts: (S + 1,), the first one of each set, and E.
    """

    places: NDArray[Any]
    starts: NDArray[np.int64]

    def settle(self, flat: NDArray[Any]) -> None:
        """Replace entries of a flat array by the means of their sets."""
        starts, begin = self.starts, 0
        while begin < len(starts) - 1:
            end = int(np.searchsorted(starts, starts[begin] + _AT_ONCE, side="right")) - 1
            end = max(end, begin + 1)
            places = self.places[starts[begin] : starts[end]]
            inside = starts[begin : end + 1] - starts[begin]
            counts = np.diff(inside)
            means = np.add.reduceat(flat[places], inside[:-1]) / counts
            flat[places] = np.repeat(means, counts)
            begin = end


def equal_rows(images: NDArray[Any], column: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of one column that are equal, in sets of two or more.

    Args:
        images: (G, n), the configuration to which each permutation takes each configuration.
        column: j, one of them.

    Returns:
        The rows, (E,), set after set, and the length of each set, (S,).
    """
    fixing = images[images[:, column] == column]
    if len(fixing) == 1:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    least = fixing.min(axis=0)  # of the configurations that they turn into each other
    order = np.argsort(least, kind="stable")
    _, counts = np.unique(least, return_counts=True)
    several = np.repeat(counts > 1, counts)
    return order[several].astype(np.int64), counts[counts > 1].astype(np.int64)


def joined(places: list[NDArray[np.int64]], counts: list[NDArray[np.int64]]) -> OrbitMeans:
    """The sets of several columns."""
    every = np.concatenate([np.zeros(0, np.int64), *places])
    kind = np.uint32 if not len(every) or every.max() < 2**32 else np.int64
    sizes = np.concatenate([np.zeros(0, np.int64), *counts])
    return OrbitMeans(every.astype(kind), np.concatenate([[0], np.cumsum(sizes)]))


def bytes_for(rows: int, columns: int, configurations: int, permutations: int) -> int:
    """Bytes of the `OrbitMeans` of some stored columns, roughly.

    Args:
        rows: of a column.
        columns: how many are stored.
        configurations: for how many columns they stand.
        permutations: how many there are.
    """
    # without permutations that leave them unchanged, there would be fewer columns
    fixed = min(columns, 2 * (columns - configurations / permutations))
    return int(_BYTES * rows * max(fixed, 0))
