r"""Modes of one excitation of atoms with one ground level, in parts that do not mix.

If each atom has three excited levels whose dipoles are orthonormal (J = 0 → 1), the Cartesian
components of the dipole are as good a basis as the levels. Two symmetries show there:

* components that no pair couples, such as z of a planar array in the plane x, y;
* mirrors: if the places of the atoms are their own mirror image, modes are even or odd. The mirror
  x → −x moves the atoms and changes the sign of the component x. Mirrors in y and z, turns by 180°
  and the inversion are alike. A magnetic field breaks mirrors along it, but not the inversion.

Each splits the eigenproblem, whose work grows with the third power of its size: a rectangular array
in free space has eight parts. The symmetries of a matrix are found from the places of the atoms and
tested on every entry of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.modes import REFLECTED, Modes, announce, eigensystems

_ORTHONORMAL = 1e-12
_ENTRY_FLOPS = 1.5e4  # that take as long as all work on an entry of H_eff and Γ but eigenproblems
_SAME_PLACE = 1e-6  # of the extent: atoms so close to a mirror image are tested as one
# signs of x, y, z: the mirrors, the turns by 180° and the inversion
_MIRRORS = ((-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1), (-1, -1, -1))


@dataclass(frozen=True, eq=False)
class _Part:
    """An orthonormal basis, each vector a sum over the images of one state.

    Attributes:
        images: for each symmetry the states to which it takes the first ones, (G, size).
        weights: their amplitudes, (G, size); a state that several symmetries reach has the same
            amplitude from each.
        scale: by which sums over the symmetries of rows of a matrix are multiplied, (size,).
    """

    images: NDArray[np.intp]
    weights: NDArray[np.float64]
    scale: NDArray[np.float64]

    def of_matrix(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """The matrix in this basis."""
        first = self.images[0]
        if len(self.images) == 1:
            return matrix[np.ix_(first, first)]
        found = 0.0
        for images, weights in zip(self.images, self.weights, strict=True):
            found = found + matrix[np.ix_(first, images)] * (weights * self.scale)
        return np.asarray(found * (self.scale * self.weights[0])[:, None])


def modes(
    decay: Callable[[], NDArray[Any]],
    effective: Callable[[], NDArray[Any]],
    dipoles: NDArray[Any],
    positions: NDArray[np.float64],
) -> Modes:
    """`Modes` of H_eff and Γ between excited levels, from those of parts that do not mix.

    Args:
        decay: makes Γ between the states with one excited atom, (N·n_e, N·n_e), in the order (atom,
            level).
        effective: makes H_eff between the same states, once the modes of Γ are known: both matrices
            are large.
        dipoles: ⟨g|d_α|e⟩ of each channel and excited level, (C, n_e).
        positions: of the atoms, (N, 3).
    """
    rates, jumps = _solved(decay(), dipoles, positions, hermitian=True)
    values, vectors = _solved(effective(), dipoles, positions, hermitian=False)
    return Modes(values, vectors, rates, jumps)


def _solved(
    matrix: NDArray[Any],
    dipoles: NDArray[Any],
    positions: NDArray[np.float64],
    *,
    hermitian: bool,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Eigenvalues, sorted as in `Modes`, and eigenvectors over (atom, level)."""
    turn = _turn(dipoles)
    cartesian = turn is not None
    if turn is None:
        turn = np.eye(dipoles.shape[1], dtype=complex)
    matrix = _turned(matrix, turn)
    if hermitian and np.abs(matrix.imag).max() <= REFLECTED * np.abs(matrix).max():
        matrix = matrix.real.copy()
    parts = _parts(matrix, len(turn), positions, cartesian)
    if not hermitian:
        sides = [part.images.shape[1] for part in parts]
        announce(len(positions), "atoms", sides, _ENTRY_FLOPS * len(matrix) ** 2)
    values, vectors = _eigensystem(matrix, parts, np.linalg.eigh if hermitian else np.linalg.eig)
    del matrix
    order = np.argsort(values if hermitian else values.imag, kind="stable")
    vectors = vectors.take(order, axis=1)
    return values[order], _levels(vectors, turn)


def _turn(dipoles: NDArray[Any]) -> NDArray[Any] | None:
    """The unitary matrix from levels to Cartesian components, or None if there is none."""
    if dipoles.shape != (3, 3):
        return None
    off = np.abs(dipoles @ dipoles.conj().T - np.eye(3)).max()
    return None if off > _ORTHONORMAL else dipoles


def _turned(matrix: NDArray[Any], turn: NDArray[Any]) -> NDArray[Any]:
    """A matrix over levels in the basis of components, U M U†, atom by atom."""
    each = len(turn)
    n = len(matrix) // each
    left = np.matmul(turn, matrix.reshape(n, each, n * each))
    right = left.reshape(-1, each) @ turn.conj().T
    return right.reshape(n * each, n * each)


def _levels(vectors: NDArray[Any], turn: NDArray[Any]) -> NDArray[Any]:
    """Vectors over components as vectors over levels, U† v, atom by atom."""
    each = len(turn)
    n = len(vectors) // each
    found = np.matmul(turn.conj().T, vectors.reshape(n, each, vectors.shape[1]))
    return found.reshape(vectors.shape)


def _eigensystem(
    matrix: NDArray[Any], parts: list[_Part], solve: Any
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Eigenvalues and eigenvectors of a matrix over (atom, component), from its parts."""
    found = eigensystems([part.of_matrix(matrix) for part in parts], solve)
    vectors = np.zeros(matrix.shape, dtype=np.result_type(*(v for _, v in found)))
    begin = 0
    for part, (_, columns) in zip(parts, found, strict=True):
        end = begin + len(columns)
        for images, weights in zip(part.images, part.weights, strict=True):
            vectors[images, begin:end] = weights[:, None] * columns
        begin = end
    return np.concatenate([values for values, _ in found]), vectors


def _parts(
    matrix: NDArray[Any], each: int, positions: NDArray[np.float64], cartesian: bool
) -> list[_Part]:
    """Bases of the parts of a matrix over (atom, component) that do not mix.

    Args:
        matrix: (N·each, N·each).
        each: components, or levels, of an atom.
        positions: (N, 3).
        cartesian: whether the components are x, y, z, whose signs mirrors change.
    """
    tolerance = REFLECTED * len(matrix) * np.abs(matrix).max()
    images = _mirror_images(positions, cartesian)
    found = []
    for group in _groups(matrix, each, tolerance):
        index = np.arange(len(positions))[:, None] * each + group  # (N, components)
        orders, signs = [np.arange(len(positions))], [np.ones(len(group))]
        for order, changed in images:
            sign = changed[group] if cartesian else np.ones(len(group))
            new = not _useless(order, sign, orders, signs)
            if new and _unchanged(matrix, index, order, sign, tolerance):
                orders += [order[other] for other in orders]
                signs += [sign * other for other in signs]
        found += _split(index, np.array(orders), np.array(signs))
    return found


def _groups(matrix: NDArray[Any], each: int, tolerance: float) -> list[NDArray[np.intp]]:
    """Groups of components that no pair of atoms couples to others."""
    joined = np.array(
        [
            [np.abs(matrix[a::each, b::each]).max() > tolerance for b in range(each)]
            for a in range(each)
        ]
    )
    joined = joined | joined.T | np.eye(each, dtype=bool)
    for _ in range(each):
        joined = joined @ joined
    return [np.flatnonzero(joined[a]) for a in range(each) if not joined[a, :a].any()]


def _mirror_images(
    positions: NDArray[np.float64], cartesian: bool
) -> list[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Orders of the atoms to which mirrors lead, with the signs of x, y, z, where there are any."""
    from scipy.spatial import cKDTree

    n = len(positions)
    if n == 1:
        return []
    away = positions - (positions.min(axis=0) + positions.max(axis=0)) / 2
    nearest = cKDTree(away)
    found = []
    for signs in _MIRRORS if cartesian else _MIRRORS[-1:]:
        distances, order = nearest.query(away * signs)
        same = distances.max() <= _SAME_PLACE * np.abs(away).max()
        # a mirror, applied twice, moves nothing
        if same and np.array_equal(order[order], np.arange(n)):
            found.append((order, np.array(signs, dtype=float)))
    # the user's own Γ and Δ need not belong to the positions
    return [*found, (np.arange(n)[::-1], -np.ones(3))]


def _useless(
    order: NDArray[np.intp], sign: NDArray[np.float64], orders: list[Any], signs: list[Any]
) -> bool:
    """Whether a symmetry is among others, but for a common sign, or does not commute with them."""
    return any(
        (np.array_equal(order, other) and len(set(sign * changed)) == 1)
        or not np.array_equal(order[other], other[order])
        for other, changed in zip(orders, signs, strict=True)
    )


def _unchanged(
    matrix: NDArray[Any],
    index: NDArray[np.intp],
    order: NDArray[np.intp],
    sign: NDArray[np.float64],
    tolerance: float,
) -> bool:
    """Whether a symmetry leaves the part of a matrix over (atom, component) as it is."""
    here, there = index.ravel(), index[order].ravel()
    signs = np.tile(sign, len(index))
    step = max(1, 2**22 // len(here))
    for begin in range(0, len(here), step):
        at = slice(begin, begin + step)
        image = matrix[np.ix_(there[at], there)] * np.outer(signs[at], signs)
        if np.abs(matrix[np.ix_(here[at], here)] - image).max() > tolerance:
            return False
    return True


def _split(
    index: NDArray[np.intp], orders: NDArray[np.intp], signs: NDArray[np.float64]
) -> list[_Part]:
    r"""The parts of states (atom, component) that are even or odd under each of some symmetries.

    With the G symmetries g and a character :math:`χ_g = ±1`, state s gives the basis vector
    :math:`\sum_g χ_g\, g|s⟩`, of norm √(G·F) if F symmetries leave s where it is. It vanishes if
    one of these changes its sign, :math:`χ_g g|s⟩ = -|s⟩`.

    Args:
        index: numbers of the states, (N, components).
        orders: where each symmetry takes the atoms, (G, N), G a power of 2.
        signs: of the components, (G, components).
    """
    count = len(orders)
    first = np.flatnonzero(orders.min(axis=0) == np.arange(len(index)))
    fixed = orders[:, first] == first  # (G, atoms)
    found = []
    for number in range(count):
        # symmetry g is the product of those generators whose bits are set in g
        character = np.array([(-1.0) ** (number & g).bit_count() for g in range(count)])
        amplitudes = character[:, None] * signs  # (G, components)
        kept = np.all(~fixed[:, :, None] | (amplitudes[:, None] > 0), axis=0)
        atom, component = np.nonzero(kept)
        if not len(atom):
            continue
        stay = fixed.sum(axis=0)[atom]
        found.append(
            _Part(
                index[orders[:, first[atom]], component],
                amplitudes[:, component] * np.sqrt(stay / count),
                np.sqrt(count) / stay,
            )
        )
    return found
