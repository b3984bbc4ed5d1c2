"""Blocks of a lattice: which site each emitter is on, found from the places of the emitters."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks

SAME_PLACE = 1e-9  # of the shortest lattice vector: how far emitters may be from their sites


@dataclass(frozen=True, eq=False)
class Sites:
    """A complete block of a lattice.

    Attributes:
        shape: number of sites along each lattice vector; the last one varies fastest.
        order: (N,), the emitter on each site, or None if emitters and sites have the same order.
    """

    shape: tuple[int, ...]
    order: NDArray[np.intp] | None = None

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        if self.order is not None:
            if not np.array_equal(np.sort(self.order), np.arange(len(self))):
                raise ValueError("order must name every emitter once")
            checks.freeze(self, order=self.order)

    def __len__(self) -> int:
        return prod(self.shape)

    def same(self, other: "Sites") -> bool:
        """Whether these are the same sites, with the same emitters on them."""
        own, others = (
            np.arange(len(each)) if each.order is None else each.order for each in (self, other)
        )
        return self.shape == other.shape and np.array_equal(own, others)

    def on_sites(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the emitters (N, …) in the order of the sites, (*shape, …)."""
        ordered = values if self.order is None else values[self.order]
        return ordered.reshape(*self.shape, *values.shape[1:])

    def of_emitters(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values on the sites (*shape, …) in the order of the emitters, (N, …)."""
        flat = values.reshape(len(self), *values.shape[len(self.shape) :])
        if self.order is None:
            return flat
        found = np.empty_like(flat)
        found[self.order] = flat
        return found

    def place(self, m: int) -> tuple[int, ...]:
        """The site of emitter m, as an index along each lattice vector."""
        at = m if self.order is None else int(np.flatnonzero(self.order == m)[0])
        return tuple(int(i) for i in np.unravel_index(at, self.shape))

    def emitter(self, site: tuple[int, ...]) -> int:
        """The emitter on a site."""
        at = int(np.ravel_multi_index(site, self.shape))
        return at if self.order is None else int(self.order[at])


def sites(positions: NDArray[np.float64]) -> Sites | None:
    """The block of a lattice that emitters fill, or None if they fill none.

    Emitters may stand in the order of the sites, whichever the lattice vectors are. Otherwise they
    are sorted by x, then y, then z, which finds lattices along these axes in any order.

    Args:
        positions: (N, 3).
    """
    shape = _block(positions)
    if shape is not None:
        return Sites(shape)
    # round first, so that round-off does not decide the order
    size = float(np.ptp(positions, axis=0).max())
    rounded = np.round(positions / max(size, np.finfo(float).tiny), 9)
    order = np.lexsort(rounded.T[::-1])
    shape = _block(positions[order])
    return None if shape is None else Sites(shape, order)


def _block(positions: NDArray[np.float64]) -> tuple[int, ...] | None:
    """The number of sites along each lattice vector, for emitters in the order of the sites."""
    n, stride = len(positions), 1
    shape: list[int] = []
    vectors: list[NDArray[np.float64]] = []
    tolerance = np.inf
    while stride < n:
        vector = positions[stride] - positions[0]
        tolerance = min(tolerance, SAME_PLACE * float(np.linalg.norm(vector)))
        starts = positions[::stride] - positions[0]
        off = np.abs(starts - np.arange(len(starts))[:, None] * vector).max(axis=1) > tolerance
        length = int(np.argmax(off)) if off.any() else len(starts)
        shape.insert(0, length)
        vectors.insert(0, vector)
        stride *= length
        if n % stride or length < 2:
            return None
    cells = np.stack(np.unravel_index(np.arange(n), shape), axis=1) if shape else np.zeros((1, 0))
    expected = positions[0] + cells @ np.array(vectors).reshape(-1, 3)
    if n == 1 or np.abs(positions - expected).max() > tolerance:
        return None
    return tuple(shape)
