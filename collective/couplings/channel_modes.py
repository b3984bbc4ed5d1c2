r"""Modes of one excitation of atoms with one ground level, in parts that do not mix.

If each atom has three excited levels whose dipoles are orthonormal (J = 0 → 1), the Cartesian
components of the dipole are as good a basis as the levels. Two symmetries show there:

* components that no pair couples, such as z of a planar array in the plane x, y;
* inversion: Green's tensor of vacuum is the same for r and −r, so that atoms in an array that is
  its own image, when their order is reversed, have even and odd modes.

Each splits the eigenproblem, whose work grows with the third power of its size.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.modes import REFLECTED, Modes, eigensystems

_ORTHONORMAL = 1e-12


def modes(effective: NDArray[Any], decay: NDArray[Any], dipoles: NDArray[Any]) -> Modes:
    """`Modes` of H_eff and Γ between excited levels, from those of parts that do not mix.

    Args:
        effective: H_eff, (N·n_e, N·n_e), in the order (atom, level).
        decay: Γ between the same states.
        dipoles: ⟨g|d_α|e⟩ of each channel and excited level, (C, n_e).
    """
    turn = _turn(dipoles)
    h, gamma = _turned(effective, turn), _turned(decay, turn)
    gamma = gamma.real if np.abs(gamma.imag).max() <= REFLECTED * np.abs(gamma).max() else gamma
    values, vectors = _eigensystem(h, len(turn), np.linalg.eig)
    rates, jumps = _eigensystem(gamma, len(turn), np.linalg.eigh)
    order, ascending = np.argsort(values.imag, kind="stable"), np.argsort(rates, kind="stable")
    return Modes(
        values[order],
        _levels(vectors[:, order], turn),
        rates[ascending],
        _levels(jumps[:, ascending], turn),
    )


def _turn(dipoles: NDArray[Any]) -> NDArray[Any]:
    """The unitary matrix from levels to Cartesian components, or 1 if there is none."""
    size = dipoles.shape[1]
    one = np.eye(size, dtype=complex)
    if dipoles.shape != (3, 3) or np.abs(dipoles @ dipoles.conj().T - one).max() > _ORTHONORMAL:
        return one
    return dipoles


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


def _eigensystem(matrix: NDArray[Any], each: int, solve: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Eigenvalues and eigenvectors of a matrix over (atom, component), from its parts."""
    size = len(matrix)
    n = size // each
    tolerance = REFLECTED * size * np.abs(matrix).max()
    bases = []  # of each part: the columns of a sparse orthonormal basis
    for group in _groups(matrix, each, tolerance):
        index = (np.arange(n)[:, None] * each + group).ravel()
        bases += _halves(matrix, index, len(group), tolerance)
    parts = [_restricted(matrix, first, second, sign) for first, second, sign in bases]
    found = eigensystems(parts, solve)
    vectors = np.zeros((size, size), dtype=np.result_type(*(v for _, v in found)))
    begin = 0
    for (first, second, sign), (_, columns) in zip(bases, found, strict=True):
        end = begin + len(columns)
        scale = np.where(first == second, 1.0, np.sqrt(0.5))[:, None]
        vectors[second, begin:end] = sign * scale * columns
        vectors[first, begin:end] = scale * columns
        begin = end
    return np.concatenate([values for values, _ in found]), vectors


def _groups(matrix: NDArray[Any], each: int, tolerance: float) -> list[NDArray[np.intp]]:
    """Groups of components that no pair of atoms couples to others."""
    n = len(matrix) // each
    joined = np.array(
        [
            [np.abs(matrix[a::each, b::each]).max() > tolerance for b in range(each)]
            for a in range(each)
        ]
    )
    joined = joined | joined.T | np.eye(each, dtype=bool)
    for _ in range(each):
        joined = joined @ joined
    assert n * each == len(matrix)
    return [np.flatnonzero(joined[a]) for a in range(each) if not joined[a, :a].any()]


def _halves(
    matrix: NDArray[Any], index: NDArray[np.intp], components: int, tolerance: float
) -> list[tuple[NDArray[np.intp], NDArray[np.intp], int]]:
    """Even and odd part under the reversal of the atoms, or the whole if it is no symmetry.

    A part is (first, second, sign): its basis vectors are (|first⟩ ± |second⟩)/√2, or |first⟩ where
    the two are the same.
    """
    n = len(index) // components
    turned = index.reshape(n, components)[::-1].ravel()
    whole = [(index, index, 1)]
    if n == 1:
        return whole
    rows = max(1, 2**22 // len(index))
    for begin in range(0, (len(index) + 1) // 2, rows):
        at = slice(begin, begin + rows)
        change = matrix[np.ix_(index[at], index)] - matrix[np.ix_(turned[at], turned)]
        if np.abs(change).max() > tolerance:
            return whole
    half = n // 2 * components
    first, second = index[:half], turned[:half]
    middle = index[half : (n + 1) // 2 * components]
    even = np.concatenate([first, middle]), np.concatenate([second, middle]), 1
    return [even, (first, second, -1)]


def _restricted(
    matrix: NDArray[Any], first: NDArray[np.intp], second: NDArray[np.intp], sign: int
) -> NDArray[Any]:
    """A matrix in the basis of one part."""
    if np.array_equal(first, second):
        return matrix[np.ix_(first, second)]
    found = matrix[np.ix_(first, first)] + sign * matrix[np.ix_(first, second)]
    fixed = np.where(first == second, np.sqrt(0.5), 1.0)
    # of a fixed state both terms are the same, and its norm is 1, not √2
    return found * fixed[:, None] * fixed
