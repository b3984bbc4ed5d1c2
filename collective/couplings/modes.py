r"""Collective modes of a single excitation, and its jump channels.

If a matrix M does not change when the order of the emitters is reversed (:math:`JMJ = M`, where J
exchanges m and N−1−m, as for a chain, a ring or a square), its modes are even or odd. The
eigenproblem then splits into two problems of half the size:

.. math:: M = \begin{pmatrix} A & CJ \\ JC & JAJ \end{pmatrix}, \qquad
          M_{even} = A + C, \quad M_{odd} = A − C,

which is a quarter of the work. For odd N the emitter in the middle belongs to the even problem,
with couplings √2 times as large.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks, equality, notebook
from collective._tools.blas import BlasThreads
from collective._tools.console import printable, span
from collective._tools.progress import notice
from collective._tools.speed import speed
from collective.couplings.excitation import Amplitudes

# allowed deviation from a reflection, for each emitter and relative to the largest entry: the
# round-off of positions far from the origin (9e-13 for 2,000 emitters at λ/20)
REFLECTED = 8 * float(np.finfo(float).eps)
_LARGE = 200  # rows above which a matrix gets its own thread
_MODE_FLOPS = 120.0  # per cubed number of rows of H_eff; most of them are no products of matrices
_LITTLE = 3e10  # flops that take less than ten seconds on any machine
_ANNOUNCED = 10.0  # seconds; longer work is announced


@dataclass(frozen=True, eq=False, repr=False)
class Modes:
    """Collective modes of a single excitation: H_eff v = λv with H_eff = δ + Δ − iΓ/2.

    Attributes:
        eigenvalues: λ of H_eff, (N,) complex; the mode that decays fastest is first.
        vectors: right eigenvectors in the columns, (N, N), each of norm 1 (not orthogonal).
        jump_rates: eigenvalues of Γ, (N,), ascending: the rates of the jump channels, which are
            not the decay rates of the modes.
        jump_vectors: eigenvectors of Γ in the columns, (N, N).

    Decay rates have a round-off of at most about N·4·10⁻¹⁶·max|λ|. A rate below it is not known,
    not even its sign: take no lifetime from it. `print(modes)` says how many there are. Where two
    vectors are nearly parallel, the round-off of their rates is larger: at an exceptional point
    only half of the digits are left.
    """

    eigenvalues: NDArray[np.complex128]
    vectors: NDArray[Any]
    jump_rates: NDArray[np.float64]
    jump_vectors: NDArray[Any]

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.lock(vars(self))

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        n = len(self.eigenvalues)
        text = (
            f"Modes: {n} of one excitation\n"
            f"  decay rates  {span(self.rates)}\n"
            f"  shifts       {span(self.shifts)}\n"
            f"  jump rates   {span(self.jump_rates)}"
        )
        limit = 2 * n * np.finfo(float).eps * np.abs(self.eigenvalues).max()
        lost = int(np.count_nonzero(self.rates < limit))
        if lost == 0 or not self.rates.any():  # without decay all rates are 0 as they stand
            return text
        which = "1 decay rate is" if lost == 1 else f"{lost} decay rates are"
        return f"{text}\n  round-off    {limit:.1e}; {which} smaller, with no digit known"

    @property
    def rates(self) -> NDArray[np.float64]:
        """Decay rate −2 Im λ of each mode, (N,), descending; see above for round-off."""
        return -2 * self.eigenvalues.imag

    @property
    def shifts(self) -> NDArray[np.float64]:
        """Frequency shift Re λ of each mode, (N,)."""
        return self.eigenvalues.real

    def state(self, i: int) -> Amplitudes:
        r"""Mode i as an initial state of one excitation, :math:`\sum_m v_m|m⟩`.

        It decays at `rates[i]` and keeps its shape: :math:`e^{−iHt}v = e^{−iλt}v`.

        Args:
            i: index of the mode, from 0 for the one that decays fastest to N − 1, or from −1
                backwards for the slowest ones.

        Raises:
            ValueError: for an index beyond the modes.

        Example:
            >>> import numpy as np, collective as co
            >>> ring = co.couple(co.ring(8, 0.3), co.Vacuum())
            >>> modes = ring.modes()
            >>> result = co.evolve(ring, modes.state(0), [0.0, 0.5])
            >>> bool(np.isclose(result.excitation[1], np.exp(-0.5 * modes.rates[0])))
            True
        """
        n = len(self.eigenvalues)
        if checks.count("i", i, minimum=-n) >= n:
            raise ValueError(f"i must be from {-n} to {n - 1}, the numbers of the modes; got {i}")
        return Amplitudes(tuple(self.vectors[:, i].tolist()))


@dataclass(frozen=True, eq=False)
class Part:
    """A matrix restricted to the even vectors, the odd ones, or the whole.

    Attributes:
        parity: 1 for even, −1 for odd, 0 for the whole.
        size: N of the whole matrix.
        matrix: the restricted matrix.
    """

    parity: int
    size: int
    matrix: NDArray[Any]

    def fold(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """The part of vectors (N, …) that has this parity, in the coordinates of the part."""
        if self.parity == 0:
            return vectors
        half = self.size // 2
        folded = (vectors[:half] + self.parity * vectors[::-1][:half]) / np.sqrt(2)
        middle = vectors[half : len(self.matrix)]  # empty, except for even vectors of odd N
        return np.concatenate([folded, middle])

    def unfold(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Vectors of this part in the coordinates of the whole, (N, …), with the same norms."""
        if self.parity == 0:
            return vectors
        half = self.size // 2
        whole = np.zeros((self.size, *vectors.shape[1:]), dtype=vectors.dtype)
        whole[:half] = vectors[:half] / np.sqrt(2)
        whole[half : len(self.matrix)] = vectors[half:]
        whole[::-1][:half] = self.parity * whole[:half]
        return whole


def parts(matrix: NDArray[Any]) -> list[Part]:
    """The even and the odd part of a matrix that reversal does not change, else the whole."""
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
    """Eigenvalues and vectors of each matrix; large matrices are solved in parallel.

    Each has one thread, because most of the work is a sequence of rotations that BLAS cannot
    parallelise, and because two callers slow down a BLAS that has its own threads.
    """
    if len(matrices) == 1 or len(matrices[0]) < _LARGE:
        return [solve(matrix) for matrix in matrices]
    from concurrent.futures import ThreadPoolExecutor

    workers = len(matrices) if threads is None else min(threads, len(matrices))
    with BlasThreads(1), ThreadPoolExecutor(workers) as pool:
        return list(pool.map(solve, matrices))


def announce(count: int, noun: str, sides: list[int], further: float = 0.0) -> None:
    """Print one line before eigenproblems that take more than ten seconds.

    Args:
        count: number of emitters.
        noun: what they are.
        sides: numbers of rows of the parts of H_eff, which are solved in parallel.
        further: flops that other work takes as long as.
    """
    each = [_MODE_FLOPS * side**3 for side in sides]
    if sum(each) + further < _LITTLE:
        return
    from collective._tools.compiled import threads_available

    seconds = (max(sum(each) / threads_available(), *each) + further) * speed().flop
    if seconds > _ANNOUNCED:
        notice(f"collective: the modes of {count:,} {noun}, about {seconds:.0f} s predicted")


def modes(effective: NDArray[Any], decay: NDArray[Any]) -> Modes:
    """`Modes` of H_eff and Γ.

    This takes about 100 N³ floating-point operations, or 25 N³ if both matrices split into parts.
    """
    pieces = parts(effective)
    announce(len(effective), "emitters", [len(piece.matrix) for piece in pieces])
    values, vectors = _eigensystem(pieces, np.linalg.eig)
    order = np.argsort(values.imag, kind="stable")
    return Modes(values[order], vectors[:, order], *jump_modes(decay))


def jump_modes(decay: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Eigenvalues of Γ, (N,), ascending, and its eigenvectors in the columns, (N, N).

    All numbers of jump channels refer to this order: for a degenerate Γ another solver would give
    other vectors.
    """
    rates, channels = _eigensystem(parts(decay), np.linalg.eigh)
    ascending = np.argsort(rates, kind="stable")
    return rates[ascending], channels[:, ascending]


def emitting(rates: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each eigenvalue of Γ (ascending) is above round-off, and so the rate of a jump."""
    return rates > len(rates) * np.finfo(float).eps * max(rates[-1], 0.0)


def _eigensystem(
    pieces: list[Part], solve: Callable[[NDArray[Any]], Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Eigenvalues and eigenvectors of a matrix from those of its parts."""
    found = eigensystems([piece.matrix for piece in pieces], solve)
    if len(pieces) == 1:
        return found[0]
    vectors = [p.unfold(columns) for p, (_, columns) in zip(pieces, found, strict=True)]
    return np.concatenate([values for values, _ in found]), np.concatenate(vectors, axis=1)
