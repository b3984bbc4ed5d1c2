r"""Which columns of ρ are stored, and where the others are found.

If a permutation g of the emitters changes neither the generator nor the state, then
ρ(gi, gj) = ρ(i, j) for all configurations i and j. So one column of each orbit of configurations is
stored, with all of its rows. Stored columns go eight to a panel. The last panel repeats a column to
be full. Without symmetries every column is stored, in ascending order.

A row that is missing in a stored panel of the transpose is found in another row: if g takes
configuration i to a stored column, Rᵀ(i, j) = R(j, i) = R(gj, gi). Eight columns of a panel take
part in this at once, which is a *turn*: the rows gj of eight configurations j are transposed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.configurations import permuted
from collective.engines.basis.orbit_means import OrbitMeans, equal_rows, joined
from collective.engines.numerics.alignment import aligned


class Halves(NamedTuple):
    """How ρ falls into two matrices, by a permutation g that undoes itself.

    They belong to the states (|i⟩ ± |gi⟩)/√2, with i ≤ gi, and i < gi if they are odd.

    Attributes:
        places: where R(i, j) lies in a flat packed matrix, (k, k).
        mirrored: where R(gi, j) lies, (k, k).
        scale: (k, k), factors of R(i, j) + R(gi, j), smaller where i = gi or j = gj.
        odd: (k,), which configurations have an odd state.
    """

    places: NDArray[np.int64]
    mirrored: NDArray[np.int64]
    scale: NDArray[np.float64]
    odd: NDArray[np.bool_]


LANES = 8  # columns of a panel, as in `numerics.lanes`, which takes long to import


@dataclass(frozen=True, eq=False)
class Columns:
    """The stored columns of a packed matrix of n = 2^N configurations.

    Attributes:
        n_emitters: N with the idle emitters (`packed.padded`).
        permutations: a group of permutations of them, the identity first.
    """

    n_emitters: int
    permutations: tuple[tuple[int, ...], ...]

    @property
    def reduced(self) -> bool:
        """Whether some columns are left out."""
        return len(self.permutations) > 1

    @cached_property
    def images(self) -> NDArray[np.uint32]:
        """The configuration to which each permutation takes each configuration, (G, n)."""
        every = np.arange(1 << self.n_emitters)
        return np.stack([permuted(every, p) for p in self.permutations]).astype(np.uint32)

    @cached_property
    def _takers(self) -> NDArray[np.intp]:
        """The number g of a permutation that takes each configuration to a stored one, (n,)."""
        return self.images.argmin(axis=0)  # the smallest configuration of each orbit is stored

    @cached_property
    def stored(self) -> NDArray[np.uint32]:
        """The configurations whose columns are stored, (panels, 8)."""
        every = np.arange(1 << self.n_emitters)
        kept = every[self.images.min(axis=0) == every]
        if self.reduced:  # columns of a panel then have about as many excited emitters
            kept = kept[np.argsort(np.bitwise_count(kept), kind="stable")]
        missing = -len(kept) % LANES
        kept = np.append(kept, np.repeat(kept[-1:], missing))
        return kept.reshape(-1, LANES).astype(np.uint32)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of a packed matrix: (panels, configurations, 8)."""
        return len(self.stored), 1 << self.n_emitters, LANES

    @cached_property
    def _lanes(self) -> NDArray[np.int64]:
        """Eight times panel plus lane of the stored column of each configuration's orbit, (n,)."""
        place = np.zeros(1 << self.n_emitters, dtype=np.int64)
        first = self.stored.ravel()[::-1]  # of repeated columns the first one counts
        place[first] = np.arange(len(first))[::-1]
        return place[self.images.min(axis=0)]

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The number of columns for which each lane stands; 0 if it is repeated, (panels, 8)."""
        found = np.bincount(self._lanes, minlength=self.stored.size)
        return found.reshape(self.stored.shape).astype(float)

    @cached_property
    def turns(self) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Turns that fill each row of a panel of the transpose once.

        Returns:
            The permutation g and the panel whose columns are used, (turns, 2); the rows to which
            the eight columns go, (turns, 8), where n, a row of no configuration, takes the rest.
        """
        panel, lane = np.divmod(self._lanes, LANES)
        keys = self._takers * len(self.stored) + panel
        found, number = np.unique(keys, return_inverse=True)
        size = len(keys)
        rows = np.full((len(found), LANES), size, dtype=np.uint32)
        rows[number, lane] = np.arange(size)
        return np.stack(np.divmod(found, len(self.stored)), axis=1), rows

    @cached_property
    def halves(self) -> Halves | None:
        """The `Halves` by the permutation with the fewest fixed points; None without one."""
        every = np.arange(1 << self.n_emitters)
        found = [g for g in self.images if (g[g] == every).all() and (g != every).any()]
        if not found:
            return None
        g = min(found, key=lambda g: int(np.sum(g == every))).astype(np.int64)
        even = every[every <= g]
        once = np.where(even == g[even], np.sqrt(0.5), 1.0)
        return Halves(
            places=self.places(even[:, None], even),
            mirrored=self.places(g[even][:, None], even),
            scale=np.outer(once, once),
            odd=even < g[even],
        )

    @cached_property
    def means(self) -> OrbitMeans:
        """The entries of a flat packed matrix that are equal by symmetry, within each column."""
        found, size = [], self.shape[1]
        for place, rows, counts in equal_rows(self.images, self.stored.ravel()):
            panel, lane = divmod(place, LANES)
            found.append(((panel * size + rows) * LANES + lane, counts))
        return joined(found)

    def places(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where R(i, j) lies in a flat packed matrix."""
        panel, lane = np.divmod(self._lanes[j], LANES)
        row = self.images[self._takers[j], i].astype(np.int64)
        found: NDArray[np.int64] = (panel * self.shape[1] + row) * LANES + lane
        return found

    def expanded(self, panels: NDArray[np.float64]) -> NDArray[np.float64]:
        """R with all rows and columns, (n, n)."""
        wide = panels.transpose(1, 0, 2).reshape(self.shape[1], -1)
        if not self.reduced:
            return wide
        found = np.empty((len(wide), len(wide)))
        for g in np.unique(self._takers):
            here = self._takers == g
            found[:, here] = wide[:, self._lanes[here]][self.images[g]]
        return found

    def taken(self, panels: NDArray[np.float64], other: "Columns") -> NDArray[np.float64]:
        """The columns that are stored here, from a matrix that stores `other` columns."""
        every, found = np.arange(self.shape[1]), aligned(self.shape)
        for p, columns in enumerate(self.stored.astype(np.int64)):
            found[p] = panels.ravel()[other.places(every[:, None], columns)]
        return found


def columns_of(n_emitters: int, permutations: Sequence[Sequence[int]] = ()) -> Columns:
    """The columns to be stored.

    Args:
        n_emitters: N with the idle emitters.
        permutations: a group of permutations of the first emitters; the others stay where they are.
    """
    identity = tuple(range(n_emitters))
    found = {identity: None}
    for p in permutations:
        found[tuple(int(m) for m in p) + identity[len(p) :]] = None
    return Columns(n_emitters, tuple(found))
