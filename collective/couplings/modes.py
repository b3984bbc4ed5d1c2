r"""Collective modes of a single excitation, and the channels of its jumps.

Where reversing the order of the emitters leaves a matrix M unchanged (:math:`JMJ = M`, J the
exchange of m and N−1−m: a chain, a ring, a square, anything with a centre), its modes are even or
odd, and each half of the emitters carries one problem of half the size:

.. math:: M = \begin{pmatrix} A & CJ \\ JC & JAJ \end{pmatrix}, \qquad
          M_{even} = A + C, \quad M_{odd} = A − C,

a quarter of the work. For odd N the emitter in the middle belongs to the even ones, with couplings
√2 times as large.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks

# per emitter and relative to the largest entry: what the round-off of positions far from the
# origin leaves of a reflection (9e-13 for 2,000 emitters at a twentieth of a wavelength)
REFLECTED = 8 * float(np.finfo(float).eps)
_LARGE = 200  # rows above which a matrix is worth a thread


@dataclass(frozen=True, eq=False)
class Modes:
    """Collective modes of a single excitation: H_eff v = λv with H_eff = δ + Δ − iΓ/2.

    Attributes:
        eigenvalues: λ of H_eff, (N,) complex, brightest first.
        vectors: right eigenvectors in the columns, (N, N), each of norm 1 (not orthogonal).
        jump_rates: eigenvalues of Γ, (N,), ascending: rates of the jump channels, not decay
            rates of modes.
        jump_vectors: eigenvectors of Γ in the columns, (N, N).
    """

    eigenvalues: NDArray[np.complex128]
    vectors: NDArray[Any]
    jump_rates: NDArray[np.float64]
    jump_vectors: NDArray[Any]

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        checks.lock(vars(self))

    @property
    def rates(self) -> NDArray[np.float64]:
        """Decay rate −2 Im λ of each mode, (N,), descending."""
        return -2 * self.eigenvalues.imag

    @property
    def shifts(self) -> NDArray[np.float64]:
        """Frequency shift Re λ of each mode, (N,)."""
        return self.eigenvalues.real


@dataclass(frozen=True, eq=False)
class Part:
    """A matrix restricted to the even vectors, the odd ones, or the whole.

    Attributes:
        parity: 1 even, −1 odd, 0 the whole.
        size: N of the whole.
        matrix: the restricted one.
    """

    parity: int
    size: int
    matrix: NDArray[Any]

    def fold(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """The part of vectors (N, …) that has this parity, in its own coordinates."""
        if self.parity == 0:
            return vectors
        half = self.size // 2
        folded = (vectors[:half] + self.parity * vectors[::-1][:half]) / np.sqrt(2)
        middle = vectors[half : len(self.matrix)]  # empty but for even vectors of odd N
        return np.concatenate([folded, middle])

    def unfold(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Vectors of this part in the coordinates of the whole, (N, …), norms kept."""
        if self.parity == 0:
            return vectors
        half = self.size // 2
        whole = np.zeros((self.size, *vectors.shape[1:]), dtype=vectors.dtype)
        whole[:half] = vectors[:half] / np.sqrt(2)
        whole[half : len(self.matrix)] = vectors[half:]
        whole[::-1][:half] = self.parity * whole[:half]
        return whole


def parts(matrix: NDArray[Any]) -> list[Part]:
    """The even and the odd part of a matrix that reversal leaves unchanged, else the whole."""
    n = len(matrix)
    half, more = n // 2, (n + 1) // 2
    top, turned = matrix[:more], matrix[::-1, ::-1][:more]
    if n == 1 or np.abs(top - turned).max() > REFLECTED * n * np.abs(matrix).max():
        return [Part(0, n, matrix)]
    top = (top + turned) / 2
    near, far = top[:half, :half], top[:half, ::-1][:, :half]
    even = np.empty((more, more), dtype=top.dtype)
    even[:half, :half] = near + far
    even[:half, half:] = top[:half, half:more] * np.sqrt(2)
    even[half:, :half] = top[half:, :half] * np.sqrt(2)
    even[half:, half:] = top[half:, half:more]
    return [Part(1, n, even), Part(-1, n, near - far)]


def eigensystems(
    matrices: list[NDArray[Any]],
    solve: Callable[[NDArray[Any]], Any] = np.linalg.eig,
    threads: int | None = None,
) -> list[Any]:
    """Eigenvalues and vectors of each matrix, large ones at the same time if threads allow it.

    One thread each: most of the work is a chain of rotations that BLAS cannot share out, and two
    callers of one BLAS with threads of its own get in each other's way.
    """
    if len(matrices) == 1 or len(matrices[0]) < _LARGE:
        return [solve(matrix) for matrix in matrices]
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_limits

    workers = len(matrices) if threads is None else min(threads, len(matrices))
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        return list(pool.map(solve, matrices))


def modes(effective: NDArray[Any], decay: NDArray[Any]) -> Modes:
    """`Modes` of H_eff and Γ.

    Some 100 N³ floating-point operations, 25 N³ if both can be split by reflection.
    """
    values, vectors = _eigensystem(effective, np.linalg.eig)
    order = np.argsort(values.imag, kind="stable")
    return Modes(values[order], vectors[:, order], *jump_modes(decay))


def jump_modes(decay: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Eigenvalues of Γ, (N,), ascending, and its eigenvectors in the columns, (N, N).

    Whoever numbers jump channels takes them from here: where Γ is degenerate, another solver
    finds other vectors.
    """
    rates, channels = _eigensystem(decay, np.linalg.eigh)
    ascending = np.argsort(rates, kind="stable")
    return rates[ascending], channels[:, ascending]


def emitting(rates: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which eigenvalues of Γ, ascending, are rates of jumps: those above round-off."""
    return rates > len(rates) * np.finfo(float).eps * max(rates[-1], 0.0)


def _eigensystem(
    matrix: NDArray[Any], solve: Callable[[NDArray[Any]], Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    pieces = parts(matrix)
    found = eigensystems([piece.matrix for piece in pieces], solve)
    if len(pieces) == 1:
        return found[0]
    vectors = [p.unfold(columns) for p, (_, columns) in zip(pieces, found, strict=True)]
    return np.concatenate([values for values, _ in found]), np.concatenate(vectors, axis=1)
