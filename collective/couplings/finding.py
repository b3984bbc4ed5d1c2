"""Lattices found from the places of the emitters alone, with all sites taken or with vacant ones.

A lattice with vacant sites counts only where Γ and Δ by displacement take at most half as many
numbers as N × N matrices. Emitters at random places have no lattice for which that holds: their
coordinates have no common step of such a size. It takes N log N operations to find out.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.sites import Sites, padded

SAME_PLACE = 1e-9  # of the shortest lattice vector: how far emitters may be from their sites
_ROUND_OFF = 1e-12  # of coordinates
_LOOKED_AT = 64  # emitters whose neighbours show the lattice vectors, and …
_NEIGHBOURS = 12  # of each
_FURTHER = 8, 500  # emitters that are compared with all, and differences that are taken of these
_ROUNDED = 6  # digits by which differences are told apart
_ASIDE = 0.1  # of its length: how far a lattice vector is from the span of the shorter ones


def sites(positions: NDArray[np.float64]) -> Sites | None:
    """The lattice on which emitters sit, or None if they sit on none.

    Emitters that fill a block may stand in the order of the sites, whichever the lattice vectors
    are. Otherwise they are sorted by x, then y, then z, which finds blocks along these axes in any
    order. Last, vacant sites are allowed, for emitters in any order: either their coordinates along
    each axis are multiples of a step, or their places are sums of the shortest differences.

    Args:
        positions: (N, 3).
    """
    shape = _block(positions)
    if shape is not None:
        return Sites(shape)
    size = float(np.ptp(positions, axis=0).max())
    if size == 0:
        return None
    # round first, so that round-off does not decide the order
    rounded = np.round(positions / size, 9)
    order = np.lexsort(rounded.T[::-1])
    shape = _block(positions[order])
    if shape is not None:
        return Sites(shape, np.argsort(order))
    if not pays((len(positions) + 1,), len(positions)):
        return None  # too few for the smallest lattice with a vacant site
    scaled = (positions - positions[0]) / size
    round_off = _ROUND_OFF * max(1.0, float(np.abs(positions[0]).max()) / size)
    each_way = (_along_axes(scaled, round_off), _by_neighbours(scaled, round_off))
    found = [each for each in each_way if each is not None]
    return min(found, key=lambda each: prod(padded(each.shape)), default=None)


def pays(shape: tuple[int, ...], n: int) -> bool:
    """Whether a kernel of this box has at most half as many numbers as the matrix of n emitters."""
    return 2 * prod(2 * length - 1 for length in shape) <= n * n


def lattice_of(
    positions: NDArray[np.float64], cells: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The origin (3,) and the vectors (d, 3) of the lattice that fits emitters on known sites.

    Args:
        positions: (N, 3).
        cells: (N, d), the site of each emitter as numbers of lattice vectors.
    """
    middle, centre = cells.mean(axis=0), positions.mean(axis=0)
    vectors = np.linalg.lstsq(cells - middle, positions - centre, rcond=None)[0]
    return centre - middle @ vectors, vectors


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


def _along_axes(positions: NDArray[np.float64], round_off: float) -> Sites | None:
    """The sites of a lattice along x, y and z, with a step of its own along each.

    Args:
        positions: (N, 3), of which the extent is 1.
        round_off: of the coordinates; smaller differences are none.
    """
    cells = []
    smallest = max(round_off, 4.0 / len(positions) ** 2)  # with more sites it would not pay
    for values in positions.T:
        ordered = np.sort(values)
        gaps = np.diff(ordered)
        gaps = gaps[gaps > round_off]
        if gaps.size == 0:
            continue  # all in one plane
        step = _common_step(gaps, smallest * float(gaps.sum()), round_off)
        if step is None:
            return None
        cells.append(np.round((values - ordered[0]) / step))
    return _confirmed(positions, np.array(cells).T) if cells else None


def _common_step(gaps: NDArray[np.float64], smallest: float, round_off: float) -> float | None:
    """The largest step of which all gaps are multiples, by Euclid's method; None below a size."""
    step = float(gaps.min())
    while step > smallest:
        off = np.abs(gaps - np.round(gaps / step) * step)
        left = off[off > max(SAME_PLACE * step, round_off)]
        if left.size == 0:
            return step
        step = float(left.min())  # at most half as long
    return None


def _by_neighbours(positions: NDArray[np.float64], round_off: float) -> Sites | None:
    """The sites of a lattice whose vectors are the shortest differences between emitters."""
    from scipy.spatial import cKDTree

    n = len(positions)
    some = positions[np.linspace(0, n - 1, min(n, _LOOKED_AT)).astype(int)]
    _, which = cKDTree(positions).query(some, k=min(n, _NEIGHBOURS + 1))
    differences = (positions[which] - some[:, None]).reshape(-1, 3)
    differences = differences[np.abs(differences).max(axis=1) > round_off]
    vectors = _shortest(differences)
    for _ in range(2):  # lines or planes of a long lattice vector have no neighbours in others
        further = _outside(vectors, positions, some[:: len(some) // _FURTHER[0] + 1])
        if len(further) == 0:
            break
        differences = np.concatenate([differences, further])
        vectors = _shortest(differences)
    cells = (positions - positions[0]) @ np.linalg.pinv(vectors)
    return _confirmed(positions, np.round(cells - cells.min(axis=0)))


def _outside(
    vectors: NDArray[np.float64], positions: NDArray[np.float64], some: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The shortest differences from some emitters to all that leave the span of vectors, (n, 3)."""
    aside = np.eye(3) - np.linalg.pinv(vectors) @ vectors
    beside = SAME_PLACE * float(np.linalg.norm(vectors, axis=1).min(initial=1.0))
    if np.abs((positions - positions[0]) @ aside).max() <= beside:
        return np.zeros((0, 3))
    found = []
    for each in some:
        differences = positions - each
        differences = differences[np.abs(differences @ aside).max(axis=1) > beside]
        nearest = np.argsort(np.linalg.norm(differences, axis=1))[: _FURTHER[1] // len(some)]
        found.append(differences[nearest])
    return np.concatenate(found)


def _shortest(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shortest differences that point in directions of their own, (d, 3), d ≤ 3.

    In up to three dimensions the shortest vectors of a lattice span it.
    """
    lengths = np.linalg.norm(differences, axis=1)
    unit = lengths.min(initial=np.inf)
    # the same differences once, in an order that round-off does not change
    rounded = np.round(differences / unit, _ROUNDED)
    distinct = differences[np.unique(rounded, axis=0, return_index=True)[1]]
    lengths = np.round(np.linalg.norm(distinct, axis=1) / unit, _ROUNDED)
    found: list[NDArray[np.float64]] = []
    span = np.zeros((0, 3))
    for i in np.argsort(-lengths, kind="stable")[::-1]:
        aside = distinct[i] - span.T @ (span @ distinct[i])
        across = float(np.linalg.norm(aside))
        if across > _ASIDE * unit * lengths[i]:
            found.append(distinct[i])
            span = np.vstack([span, aside / across])
    return np.array(found).reshape(-1, 3)


def _confirmed(positions: NDArray[np.float64], cells: NDArray[Any]) -> Sites | None:
    """Sites for emitters at these numbers of lattice vectors, if they are there and if it pays.

    Args:
        positions: (N, 3).
        cells: (N, d), whole numbers from 0 on.
    """
    largest = cells.max(axis=0, initial=0.0)
    if not np.all(largest < len(positions) ** 2):
        return None
    shape = tuple(int(length) + 1 for length in largest)
    if not shape or 1 in shape or not pays(shape, len(positions)):
        return None
    origin, vectors = lattice_of(positions, cells)
    if np.linalg.matrix_rank(vectors) < len(vectors):
        return None  # a plane across the box, which is a lattice of its own
    off = np.abs(positions - origin - cells @ vectors).max()
    if not off <= SAME_PLACE * float(np.linalg.norm(vectors, axis=1).min()):
        return None
    places = np.ravel_multi_index(tuple(cells.T.astype(np.intp)), shape)
    return Sites(shape, places) if len(np.unique(places)) == len(places) else None
