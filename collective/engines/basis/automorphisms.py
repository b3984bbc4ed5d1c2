r"""All permutations of N points that leave the colour of every ordered pair unchanged.

The points get colours by refinement: the new colour of a point says which colours it had and to
which points of which colours it belongs by pairs of which colours. Where points of equal colours
are left, one of them is marked and the colours are refined again, until all colours differ. These
marked points are the base. A permutation of the group sends the base to points whose marking gives
the same colours; it is found by trying them one after the other (backtracking). What is known of
the group already saves most of the trials: of the points that it turns into each other, one is
tried. See B. D. McKay and A. Piperno, J. Symb. Comput. 60, 94 (2014).

Colours are 64-bit hashes, so that those of two markings can be compared. A permutation counts only
after it is compared with all pairs: a collision of hashes can hide a permutation, not invent one.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.permutation_groups import PermutationGroup, orbit_of

_MOST_REFINEMENTS = 3000  # of one search: a tenth of a second for 24 points
_BY_TRIPLES = 32  # points; for more of them the refinement by triples costs more than it saves

Colours = NDArray[np.uint64]


def automorphisms(pairs: NDArray[np.int64]) -> PermutationGroup:
    """The group of the permutations p with pairs[p[m], p[n]] = pairs[m, n].

    Args:
        pairs: (N, N) colours of ordered pairs; the diagonal has the colours of the points.
    """
    return _Search(pairs).group()


class _Search:
    """One search for the group; see the top of the file.

    Attributes:
        base: the points of the base.
        colours: the colours before each of these points is marked, and those at the end, (N,) each.
    """

    def __init__(self, pairs: NDArray[np.int64]):
        self._pairs, self._left = pairs, _MOST_REFINEMENTS
        self._hashes = _by_triples(pairs)
        self.base: list[int] = []
        self.colours = [self._refined(_mixed(np.diagonal(self._hashes).copy()))]
        while (repeated := _repeated(self.colours[-1])) is not None:
            self.base.append(repeated)
            self.colours.append(self._marked(self.colours[-1], repeated))

    def group(self) -> PermutationGroup:
        """The group, found from the last point of the base to the first."""
        n = len(self._pairs)
        generators, levels = _exchanges(self._pairs), []
        for i in reversed(range(len(self.base))):
            fixing = [g for g in generators if all(g[b] == b for b in self.base[:i])]
            orbit = orbit_of(self.base[i], fixing, n)
            tried = set(orbit)
            for point in np.flatnonzero(self.colours[i] == self.colours[i][self.base[i]]).tolist():
                if point in tried:
                    continue
                found = self._sending(i, self.colours[i], point)
                if found is None:  # then neither to the points that the group makes of this one
                    tried |= set(orbit_of(point, fixing, n))
                    continue
                fixing.append(found)
                generators.append(found)
                orbit = orbit_of(self.base[i], fixing, n)
                tried |= set(orbit)
            levels.append(np.array(list(orbit.values())))
        every = np.array(generators, dtype=np.int64).reshape(-1, n)
        return PermutationGroup(n, every, levels[::-1], self._left > 0)

    def _sending(self, i: int, colours: Colours, point: int) -> NDArray[np.int64] | None:
        """A permutation that sends point i of the base to this one, or None.

        Args:
            i: index of the point in the base.
            colours: of the points to which the base before i is sent.
            point: where point i is sent.
        """
        if self._left <= 0:
            return None
        marked = self._marked(colours, point)
        wanted = self.colours[i + 1]
        here, there = np.argsort(wanted), np.argsort(marked)
        if not np.array_equal(wanted[here], marked[there]):
            return None
        if i + 1 == len(self.base):
            p = np.empty(len(here), dtype=np.int64)
            p[here] = there
            return p if np.array_equal(self._pairs[np.ix_(p, p)], self._pairs) else None
        following = self.base[i + 1]
        options = np.flatnonzero(marked == wanted[following]).tolist()
        for option in sorted(options, key=lambda x: x != following):  # stay in place if possible
            found = self._sending(i + 1, marked, option)
            if found is not None:
                return found
        return None

    def _marked(self, colours: Colours, point: int) -> Colours:
        """The refined colours after one point gets a colour of its own."""
        changed = colours.copy()
        changed[point : point + 1] = _mixed(~colours[point : point + 1])
        return self._refined(changed)

    def _refined(self, colours: Colours) -> Colours:
        """The colours after as many refinements as make more of them different."""
        count = len(np.unique(colours))
        while True:
            self._left -= 1
            seen = _mixed(self._hashes + _mixed(colours)).sum(axis=1, dtype=np.uint64)
            colours = _mixed(3 * colours + seen)
            before, count = count, len(np.unique(colours))
            if count == before or count == len(colours):
                return colours


def _mixed(x: Any) -> Colours:
    """Hashes of 64-bit numbers (the finaliser of splitmix64)."""
    x = np.asarray(x, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))


def _by_triples(pairs: NDArray[np.int64]) -> Colours:
    """Hashes of the pairs, refined by the pairs that both points have with each third one."""
    hashes = _mixed(pairs + np.eye(len(pairs), dtype=np.int64) * (pairs.max() + 1))
    count = len(np.unique(hashes))
    while 1 < len(pairs) <= _BY_TRIPLES:
        both = _mixed(3 * hashes[:, :, None] + hashes[None, :, :])
        hashes = _mixed(hashes + both.sum(axis=1, dtype=np.uint64))
        before, count = count, len(np.unique(hashes))
        if count == before:
            break
    return hashes


def _repeated(colours: Colours) -> int | None:
    """The first point of the largest class of equal colours, or None if all colours differ."""
    _, first, counts = np.unique(colours, return_index=True, return_counts=True)
    largest = counts.max()
    return None if largest == 1 else int(first[counts == largest].min())


def _exchanges(pairs: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The exchanges of two neighbours among points that can be exchanged without any change."""
    n, found = len(pairs), []
    left = set(range(n))
    for m in range(n):
        if m not in left:
            continue
        alike = [m]
        for other in sorted(left - {m}):
            p = np.arange(n)
            p[[m, other]] = other, m
            if np.array_equal(pairs[p][:, p], pairs):
                alike.append(other)
        left -= set(alike)
        for a, b in pairwise(alike):
            p = np.arange(n)
            p[[a, b]] = b, a
            found.append(p)
    return found
