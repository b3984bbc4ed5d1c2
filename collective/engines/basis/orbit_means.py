r"""Entries of a reduced ρ that are equal by symmetry, and their means.

Of the columns of ρ that a group of permutations turns into each other, one is stored. Permutations
h that leave the configuration j of a stored column unchanged give R(hi, j) = R(i, j): entries
within the column are equal. If round-off makes them differ, the difference is no matrix with the
symmetry. The generator acts on it in a way that depends on how other columns are read off stored
ones, and for large groups such differences grow exponentially. So they are replaced by their means
now and then, more often if they grow (`Settling`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled

_FIRST, _FEWEST, _MOST = 16, 8, 64  # terms of a series between two times at which means are taken
_ROUND_OFF = 30.0  # relative to that of one number: the differences do not grow much
_BYTES = 8  # per entry

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OrbitMeans:
    """Sets of entries that are equal, of two entries or more.

    Attributes:
        places: (E,), where they lie in a flat array, set after set.
        starts: (S + 1,), the first one of each set, and E.
    """

    places: NDArray[Any]
    starts: NDArray[np.int64]

    def settle(self, flat: NDArray[Any]) -> float:
        """Replace entries of a flat array by the means of their sets.

        Returns:
            The norm of what is changed.
        """
        return float(_settle(self.places, self.starts, flat)) ** 0.5


@compiled()
def _settle(places, starts, flat):  # type: ignore[no-untyped-def]
    """Replace the entries of each set by their mean, and return the square of the change's norm."""
    squares = 0.0
    for s in range(len(starts) - 1):
        total = 0.0
        for e in range(starts[s], starts[s + 1]):
            total += flat[places[e]]
        mean = flat.dtype.type(total / (starts[s + 1] - starts[s]))
        for e in range(starts[s], starts[s + 1]):
            squares += float(flat[places[e]] - mean) ** 2
            flat[places[e]] = mean
    return squares


class Settling:
    """When the means are taken in the course of a series of which each term follows from two.

    Args:
        means: the sets of entries that are equal.
    """

    def __init__(self, means: OrbitMeans):
        self._means, self._next, self._pause = means, _FIRST, _FIRST

    def after(self, j: int, size: float, terms: Sequence[NDArray[Any]]) -> None:
        """Settle two terms if it is time.

        Args:
            j: index of the last term.
            size: its norm.
            terms: the last two terms.
        """
        if j < self._next or len(self._means.starts) == 1:
            return
        changed = max(self._means.settle(term.ravel()) for term in terms)
        calm = changed <= _ROUND_OFF * np.finfo(terms[0].dtype).eps * size
        self._pause = min(2 * self._pause, _MOST) if calm else max(self._pause // 2, _FEWEST)
        self._next = j + self._pause


def equal_rows(images: NDArray[Any], columns: NDArray[Any]) -> Iterator[tuple[int, Rows, Rows]]:
    """Rows of stored columns that are equal, in sets of two or more.

    Args:
        images: (G, n), the configuration to which each permutation takes each configuration.
        columns: (C,), the configurations of the columns.

    Yields:
        The number of a column that has such rows; the rows, (E,), set after set; and the length of
        each set, (S,).
    """
    fixing = images[:, columns] == columns
    for place in np.flatnonzero(fixing.sum(axis=0) > 1).tolist():
        least = images[fixing[:, place]].min(axis=0)  # of what they turn into each other
        order = np.argsort(least, kind="stable")
        counts = np.bincount(least)
        counts = counts[counts > 0]
        several = np.repeat(counts > 1, counts)
        yield place, order[several].astype(np.int64), counts[counts > 1].astype(np.int64)


def joined(found: list[tuple[Rows, Rows]]) -> OrbitMeans:
    """The sets of several columns, as places in a flat array, and the length of each set."""
    none = np.zeros(0, np.int64)
    places = np.concatenate([none, *(each for each, _ in found)])
    kind = np.uint32 if places.max(initial=0) < 2**32 else np.int64
    sizes = np.concatenate([none, *(each for _, each in found)])
    return OrbitMeans(places.astype(kind), np.concatenate([[0], np.cumsum(sizes)]))


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
    entries = rows * max(fixed, 0)
    return int(_BYTES * entries)
