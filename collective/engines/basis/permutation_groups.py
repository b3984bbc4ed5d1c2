r"""Groups of permutations: all of their elements, or a smaller group of them.

A group is listed by the cosets of a smaller one. A very large group, such as the N! permutations of
identical emitters, is not listed: a smaller one is chosen that leaves little work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

MOST = 1000  # permutations of a group that are listed
ALWAYS = 100  # permutations of a group that is always used as a whole
_DRAWN = 12  # random elements from which a smaller group is built …
_FEW = 24  # … of at most so many points; for more of them this takes longer than it saves
_MULTIPLIERS = 12  # u in m → um
_IMAGES = 0.25  # work of each image of a column, in that of its entries


@dataclass(frozen=True, eq=False)
class PermutationGroup:
    """A group of permutations of N points.

    Attributes:
        n: N.
        generators: (S, N); each row p sends point m to p[m].
        levels: for each point of the base, the permutations that send it to every other point of
            its orbit while all earlier points of the base stay, (orbit, N) each. Every element of
            the group is one product of one permutation of each level.
        whole: whether the search came to its end; else further permutations may exist.
    """

    n: int
    generators: NDArray[np.int64]
    levels: list[NDArray[np.int64]]
    whole: bool

    @property
    def order(self) -> int:
        """The number of permutations; a lower bound if the search was given up."""
        return prod(len(level) for level in self.levels)

    def drawn(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """A random permutation of the group, (N,)."""
        found = np.arange(self.n)
        for level in reversed(self.levels):
            found = level[rng.integers(len(level))][found]
        return found


def orbit_of(
    point: int, generators: list[NDArray[np.int64]], n: int
) -> dict[int, NDArray[np.int64]]:
    """The points that a group makes of one point, each with a permutation that leads there."""
    found = {point: np.arange(n)}
    frontier = [point]
    while frontier:
        here = frontier.pop()
        for g in generators:
            there = int(g[here])
            if there not in found:
                found[there] = g[found[here]]
                frontier.append(there)
    return found


def closed(generators: NDArray[np.int64], most: int = MOST) -> NDArray[np.int64] | None:
    """All products of permutations, the identity first, (G, N); None for more than `most`.

    Args:
        generators: (S, N).
        most: number of permutations.
    """
    found: NDArray[np.int64] | None = np.arange(generators.shape[1])[None]
    for i, p in enumerate(generators):
        if found is not None and not np.any(np.all(found == p, axis=1)):
            found = _extended(found, generators[: i + 1], most)
    return found


def closed_as_far(generators: NDArray[np.int64], most: int = MOST) -> NDArray[np.int64]:
    """All products of those generators that do not make them more than `most`, (G, N)."""
    found = np.arange(generators.shape[1])[None]
    kept: list[NDArray[np.int64]] = []
    for p in generators:
        larger = _extended(found, np.array([*kept, p]), most)
        if larger is not None:
            found, kept = larger, [*kept, p]
    return found


def subgroup(
    group: NDArray[np.int64], member: Callable[[NDArray[np.int64]], bool]
) -> NDArray[np.int64]:
    """The permutations of a group (G, N) for which `member` is true.

    They must be a group H too. If p is not in it, neither is any of Hp and pH.
    """
    found = group[:1]
    kept: list[NDArray[np.int64]] = []
    decided = _keys(found)
    for p in group:
        if p.tobytes() in decided:
            continue
        if member(p):
            kept.append(p)
            larger = _extended(found, np.array(kept), len(group))
            assert larger is not None
            found = larger
            decided |= _keys(found)
        else:
            decided |= _keys(found[:, p]) | _keys(p[found])
    return found


def _extended(
    group: NDArray[np.int64], generators: NDArray[np.int64], most: int
) -> NDArray[np.int64] | None:
    """The group of some generators from the group of all of them but the last; None if too large.

    It consists of cosets group∘r. They are complete once r∘s is in one of them for every generator
    s (Dimino's algorithm).
    """
    cosets, known = [group], _keys(group)
    representatives = [group[0]]
    for r in representatives:  # which becomes longer
        for s in generators:
            product = r[s]
            if product.tobytes() in known:
                continue
            if (len(cosets) + 1) * len(group) > most:
                return None
            representatives.append(product)
            cosets.append(group[:, product])
            known |= _keys(cosets[-1])
    return np.concatenate(cosets)


def _keys(permutations: NDArray[np.int64]) -> set[bytes]:
    """One value for each permutation."""
    return {p.tobytes() for p in permutations}


def fixed_configurations(permutations: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many sets of k points the permutations leave unchanged, as a mean over them, (N + 1,).

    By Burnside's lemma this is the number of orbits of the sets. For cycles of lengths l it is the
    coefficient of x^k in the product of 1 + x^l.
    """
    count, n = permutations.shape
    length = np.zeros((count, n), dtype=np.int64)  # of the cycle of each point
    power = permutations
    for steps in range(1, n + 1):
        returned = (power == np.arange(n)) & (length == 0)
        length[returned] = steps
        if np.all(length):
            break
        power = np.take_along_axis(permutations, power, axis=1)
    kinds, repeats = np.unique(np.sort(length, axis=1), axis=0, return_counts=True)
    total = np.zeros(n + 1)
    for kind, repeat in zip(kinds, repeats, strict=True):
        fixed = np.zeros(n + 1)
        fixed[0] = 1
        for l, points in zip(*np.unique(kind, return_counts=True), strict=True):
            for _ in range(points // l):
                fixed[l:] += fixed[:-l].copy()
        total += repeat * fixed
    return total / count


def work(permutations: NDArray[np.int64]) -> float:
    """The work to evolve one column of each orbit of configurations, in entries of all blocks of ρ.

    All permutations of a column are looked at. If several of them lead to the same column, they
    take time without a use.
    """
    orbits, n = fixed_configurations(permutations), permutations.shape[1]
    sizes = np.array([comb(n, k) for k in range(n + 1)], dtype=float)
    return float(np.sum(orbits * (sizes + _IMAGES * len(permutations) * orbits)))


def smaller(group: PermutationGroup, most: int = MOST) -> NDArray[np.int64]:
    """At most `most` permutations of a larger group, themselves a group, (G, N).

    From the identity on, that candidate is added whose products leave the least work. Candidates
    are generators, cycles through the points that can be exchanged, and some random permutations
    and their powers of prime order. The choice is always the same.
    """
    candidates = [*_cycles(group), *group.generators]
    rng = np.random.default_rng(0)
    for _ in range(_DRAWN if group.n <= _FEW else 0):
        drawn = group.drawn(rng)
        candidates += [drawn, *_of_prime_order(drawn)]
    options = list({p.tobytes(): p for p in candidates}.values())
    generators: list[NDArray[np.int64]] = []
    chosen = np.arange(group.n)[None]
    least = work(chosen)
    while options:
        best, left = None, []
        for option in options:
            found = _extended(chosen, np.array([*generators, option]), most)
            if found is None or len(found) == len(chosen):
                continue  # nor does it help together with more of them
            left.append(option)
            remaining = work(found)
            if best is None or remaining < best[0]:
                best = remaining, found, option
        if best is None or best[0] >= least:
            break
        least, chosen, added = best
        generators.append(added)
        options = left
    return chosen


def _of_prime_order(p: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The powers of a permutation whose order is a prime factor of its own."""
    powers = [p]
    identity = np.arange(len(p))
    while not np.array_equal(powers[-1], identity):
        powers.append(p[powers[-1]])
    order = len(powers)
    primes = [q for q in range(2, order + 1) if order % q == 0 and all(q % d for d in range(2, q))]
    return [powers[order // q - 1] for q in primes if q < order]


def _cycles(group: PermutationGroup) -> list[NDArray[np.int64]]:
    """For each class of points that can all be exchanged: m → m + 1 and m → um, modulo its size."""
    exchanges = [g for g in group.generators if np.count_nonzero(g != np.arange(group.n)) == 2]
    found, left = [], set(range(group.n))
    while left:
        points = np.array(sorted(orbit_of(min(left), exchanges, group.n)))
        left -= set(points.tolist())
        size, places = len(points), np.arange(len(points))
        factors = [u for u in range(2, size) if np.gcd(u, size) == 1]
        steps = [(1, 1)] + [(u, 0) for u in factors[-_MULTIPLIERS:]]
        for u, shift in steps if size > 1 else []:
            p = np.arange(group.n)
            p[points] = points[(u * places + shift) % size]
            found.append(p)
    return found
