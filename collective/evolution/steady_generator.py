r"""A Lindblad generator that is never stored as a matrix, and an approximate inverse of it.

.. math:: Lρ = Sρ + \sum_k L_kρL_k^†, \qquad Sρ = −i(H_{eff}ρ − ρH_{eff}^†), \qquad
          H_{eff} = H − \frac{i}{2}\sum_k L_k^†L_k

S alone is easily inverted. With :math:`H_{eff} = VλV^{-1}` and :math:`Y = V^{-1}XV^{-†}`,

.. math:: (S − z)^{-1}X = V\left[\frac{Y_{ab}}{−i(λ_a − λ_b^*) − z}\right]V^†,

which takes four products of D × D matrices. It is the preconditioner of `steady_krylov`: minus the
jumps times S⁻¹ is a map of density matrices to density matrices, so that the eigenvalues of LS⁻¹
lie within a circle of radius 1 about 1, and few of them near 0.

A Hermitian matrix ρ is kept as one real matrix R = Re ρ + Im ρ, in the layout of the engine
"driven", and a general matrix as R of its two Hermitian parts, as one complex number. L is then a
real operator on these vectors of D² numbers, and no norm changes.

The file is longer than others: it holds both, with the layout of the vectors that they share.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import Untidied, entries_of, excited
from collective.couplings import noise
from collective.couplings.couplings import Couplings
from collective.couplings.sharing import without_light
from collective.engines.numerics.spectrum import Ellipse

if TYPE_CHECKING:
    from collective.master.equation import MasterEquation

FEWEST_COMPILED = 6  # emitters; for fewer, sparse matrices are as fast and need no compiling
_SMALL = 128  # levels, up to which several threads save no time
_COMPILING = 5  # seconds
_SMALLEST = 1e-11  # denominators of the inverse of S, relative to the largest
_SINGLE = 128  # rows, from which on the inverse of S is computed in single precision …
_SINGLE_ERROR = 0.1  # … unless the condition of V leaves it a larger relative error than this
_WORST = 1e6  # condition of V, above which H_eff is shifted a little
_SHIFTS = (0.0, 1e-5, 1e-3)  # of the largest entry of H_eff

Slope = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Generator:
    """L on vectors of D² numbers.

    Attributes:
        slope: L applied to one real vector, in panels.
        effective: H_eff, (D, D), in the order of the vectors.
        order: the index in QuTiP's basis of each row of H_eff, (D,).
        shape: of the panels, (panels, D, columns of a panel).
        dims: number of levels of every emitter.
        ellipse: gives one around nearly all of the spectrum of L.
        amplitudes: (D,), s; the vectors are then those of ρ_ij/(s_i s_j). None for ones.
    """

    slope: Slope
    effective: NDArray[np.complex128]
    order: NDArray[np.int64]
    shape: tuple[int, int, int]
    dims: list[int]
    ellipse: Callable[[], Ellipse]
    amplitudes: NDArray[np.float64] | None = None

    @property
    def side(self) -> int:
        """D, the dimension of the states."""
        return len(self.order)

    @property
    def size(self) -> int:
        """D², the length of a vector."""
        return self.side**2

    @cached_property
    def norm(self) -> float:
        """An upper bound of the size of L, up to a small factor."""
        return 4 * float(np.abs(self.effective).sum(axis=1).max()) or 1.0

    @cached_property
    def _scale(self) -> NDArray[np.float64] | None:
        """s_i s_j in the layout of the vectors."""
        s = self.amplitudes
        return None if s is None else self._panels(np.outer(s, s)).ravel()

    @cached_property
    def inverse(self) -> "SylvesterInverse":
        """The inverse of S, found when it is first needed."""
        return SylvesterInverse(self.effective, precise=self.amplitudes is not None)

    def scaled(self, amplitudes: NDArray[np.float64]) -> "Generator":
        """The same generator for the vectors of ρ_ij/(s_i s_j).

        Args:
            amplitudes: s, (D,), positive, in QuTiP's order.
        """
        s = amplitudes[self.order]
        effective = self.effective * s / s[:, None]
        return replace(self, effective=effective, amplitudes=s)

    def apply(self, vector: NDArray[Any]) -> NDArray[Any]:
        """L times a real or complex vector, (S,)."""
        if np.iscomplexobj(vector):
            return self.apply(vector.real) + 1j * self.apply(vector.imag)
        if self._scale is None:
            return self.slope(np.ascontiguousarray(vector).reshape(self.shape)).ravel()
        found = self.slope((self._scale * vector).reshape(self.shape)).ravel()
        found /= self._scale
        return found

    def invert(self, vector: NDArray[Any], shift: complex = 0.0) -> NDArray[Any]:
        """(S − z)⁻¹ times a vector, (S,), which may be in single precision.

        Args:
            vector: real for a Hermitian matrix, or complex.
            shift: z, on the imaginary axis; 0 for a real vector.
        """
        single = np.float32 if self.inverse.single else np.float64
        real = not np.iscomplexobj(vector)
        square = self._square(vector.astype(single if real else np.result_type(single, 1j)))
        matrix = self.inverse.of(_matrix(square), shift)
        return self._panels(_packed(matrix, real=real)).ravel()

    def panels_of(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """The real vector (S,) of a Hermitian (D, D) in the order of H_eff, already scaled."""
        return self._panels(_packed(matrix, real=True)).ravel()

    def pack(self, matrix: NDArray[Any], *, real: bool = False) -> NDArray[Any]:
        """The vector (S,) of a matrix (D, D) in QuTiP's basis.

        Args:
            matrix: any.
            real: whether it is Hermitian, so that the vector is real.
        """
        square = _packed(matrix[np.ix_(self.order, self.order)], real=real)
        found = self._panels(square).ravel()
        return found if self._scale is None else found / self._scale

    def unpack(self, vector: NDArray[Any]) -> NDArray[np.complex128]:
        """The matrix (D, D) in QuTiP's basis of a vector (S,)."""
        whole = vector if self._scale is None else vector * self._scale
        back = np.argsort(self.order)
        return _matrix(self._square(whole))[np.ix_(back, back)]

    def row(self, operator: Any) -> NDArray[np.complex128]:
        """The row (S,) whose product with the vector of X is tr(OX); O is sparse or dense (D, D).

        With X_ij = ½(1 + i)R_ij + ½(1 − i)R_ji it is ½(1 + i)O_ji + ½(1 − i)O_ij.
        """
        dense = operator.toarray() if hasattr(operator, "toarray") else np.asarray(operator)
        turned = dense[np.ix_(self.order, self.order)].T.astype(complex)
        found = self._panels(_matrix(turned)).ravel()
        return np.asarray(found if self._scale is None else found * self._scale)

    @cached_property
    def trace(self) -> NDArray[np.float64]:
        """The row (S,) that gives the trace."""
        return self.row(np.eye(self.side)).real

    def _square(self, vector: NDArray[Any]) -> NDArray[Any]:
        """R as a matrix (D, D)."""
        return vector.reshape(self.shape).transpose(1, 0, 2).reshape(self.side, self.side)

    def _panels(self, square: NDArray[Any]) -> NDArray[Any]:
        """R in panels, from a matrix (D, D)."""
        panels, side, columns = self.shape
        return np.ascontiguousarray(square.reshape(side, panels, columns).transpose(1, 0, 2))


class SylvesterInverse:
    """(S − z)⁻¹, good enough for a preconditioner.

    Near an exceptional point, where eigenvectors of H_eff coincide, energies at random part them:
    a small share of the largest entry. If they coincide still, as those of a cascade of emitters
    do, H_eff is brought to triangular form instead (Bartels & Stewart, Commun. ACM 15, 820 (1972)),
    which takes several times longer.

    Args:
        effective: H_eff, (D, D).
        precise: whether it is needed in double precision.
    """

    def __init__(self, effective: NDArray[np.complex128], *, precise: bool = False):
        largest = float(np.abs(effective).max())
        moved = np.random.default_rng(0).uniform(-1, 1, len(effective))
        for shift in _SHIFTS:
            values, right, left, condition = _eigenvectors(
                effective + np.diag(shift * largest * moved)
            )
            if condition < _WORST:
                break
        self.slowest = right[:, np.argmax(values.imag)]
        self._triangle: NDArray[np.complex128] | None = None
        self.single = False
        if not condition < _WORST:
            self._triangle, self._unitary = _triangular(effective)
            return
        round_off = float(np.finfo(np.float32).eps) * condition**2
        large = len(effective) >= _SINGLE and not precise
        self.single = large and round_off < _SINGLE_ERROR
        kind = np.complex64 if self.single else np.complex128
        self._right, self._left = right.astype(kind), left.astype(kind)
        rates = -1j * (values[:, None] - values.conj())
        slowest = _SMALLEST * (np.abs(rates).max() or 1.0)
        self._rates = np.minimum(rates.real, -slowest) + 1j * rates.imag
        self._inverse = (1 / self._rates).astype(kind)

    def of(self, matrix: NDArray[Any], shift: complex) -> NDArray[Any]:
        """(S − z)⁻¹ of a matrix (D, D), where z is on the imaginary axis."""
        if self._triangle is not None:
            return self._by_triangle(matrix, shift)
        inside = self._left @ matrix @ self._left.conj().T
        if shift == 0:
            inside *= self._inverse
        else:
            inside /= (self._rates - shift).astype(inside.dtype)
        found: NDArray[Any] = self._right @ inside @ self._right.conj().T
        return found

    def _by_triangle(self, matrix: NDArray[Any], shift: complex) -> NDArray[Any]:
        """The same with −iH_eff = UTU†: TY + YT† − zY = U†XU is solved from its last row on."""
        from scipy.linalg.lapack import ztrsyl

        assert self._triangle is not None
        unitary, triangle = self._unitary, self._triangle
        shifted = triangle - shift * np.eye(len(triangle))
        inside = unitary.conj().T @ matrix @ unitary
        solved, scale, _ = ztrsyl(shifted, triangle, inside, tranb="C")
        found: NDArray[Any] = unitary @ (solved / scale) @ unitary.conj().T
        return found


def _triangular(
    effective: NDArray[np.complex128],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """T and U of −iH_eff = UTU†, (D, D) each; no mode lives so long that S has no inverse."""
    from scipy.linalg import schur

    triangle, unitary = schur(-1j * effective, output="complex")
    place = np.diag_indices(len(triangle))
    slowest = -_SMALLEST * np.abs(triangle).max()
    diagonal = triangle[place]
    triangle[place] = np.minimum(diagonal.real, slowest) + 1j * diagonal.imag
    return np.asfortranarray(triangle), unitary


def _eigenvectors(
    matrix: NDArray[np.complex128],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.complex128], float]:
    """Eigenvalues, right eigenvectors as columns, left ones as rows, and their condition."""
    values, right = np.linalg.eig(matrix)
    try:
        left = np.linalg.inv(right)
    except np.linalg.LinAlgError:
        return values, right, right, np.inf
    # with columns of norm 1 the norms of the rows are the conditions of the eigenvalues
    condition = float(np.linalg.norm(left, axis=1).max())
    return values, right, left, condition if np.isfinite(condition) else np.inf


def _matrix(square: NDArray[Any]) -> NDArray[Any]:
    """X = ½(1 + i)R + ½(1 − i)Rᵀ of a real or complex R, (D, D)."""
    if np.iscomplexobj(square):
        half = square.dtype.type(0.5 + 0.5j)
        return half * square + half.conjugate() * square.T
    found = np.empty(square.shape, np.result_type(square.dtype, np.complex64))
    np.add(square, square.T, out=found.real)
    np.subtract(square, square.T, out=found.imag)
    found *= square.dtype.type(0.5)
    return found


def _packed(matrix: NDArray[Any], *, real: bool) -> NDArray[Any]:
    """R = Re X + Im X of a Hermitian X; for any other, ½(1 − i)X + ½(1 + i)Xᵀ, (D, D)."""
    if real:
        return np.asarray(matrix.real + matrix.imag)
    half = matrix.dtype.type(0.5 - 0.5j) if np.iscomplexobj(matrix) else 0.5 - 0.5j
    return np.asarray(half * matrix + np.conj(half) * matrix.T)


class Threads:
    """Threads that share the work of kernels; they end with the context.

    Args:
        levels: D.
    """

    def __init__(self, levels: int):
        self._wanted = levels > _SMALL
        self.count = 1
        self.pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> "Threads":
        if self._wanted:
            from collective._tools.compiled import threads_available

            self.count = threads_available()
            if self.count > 1:
                self.pool = ThreadPoolExecutor(self.count - 1)
        return self

    def __exit__(self, *error: Any) -> None:
        if self.pool is not None:
            self.pool.shutdown()
            self.pool = None


def generator(
    problem: "Couplings | MasterEquation", threads: Threads, *, show: bool = False
) -> Generator:
    """The generator of couplings, or of a master equation of Lindblad form.

    Args:
        problem: in the unit of its largest rate.
        threads: that share the work.
        show: whether to say that kernels are being compiled.
    """
    if not isinstance(problem, Couplings):
        return _of_jumps(problem, problem.dims)
    n, problem = len(problem), without_light(problem)
    if n < FEWEST_COMPILED:
        return _of_jumps(problem, [2] * n)
    from collective._tools.compiled import announced

    with announced("kernels of the steady state", _COMPILING, show=show):
        from collective.engines.basis.configurations import qutip_index
        from collective.engines.driven import packed
        from collective.engines.driven.generator import PackedGenerator

        here, after = np.zeros(packed.shape(1)), np.zeros(packed.shape(1))
        atom = PackedGenerator(Couplings([[1.0]], [[0.0]]), 1, None)
        atom.advance(here, after, after, (1.0, 0.0, 0.0), 0.0)
    slopes = PackedGenerator(problem, threads.count, threads.pool)
    order = qutip_index(n, np.arange(1 << n))

    def slope(here: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.empty_like(here)
        slopes.advance(here, found, found, (1.0, 0.0, 0.0), 0.0)
        return found

    effective = problem.hamiltonian().full()
    effective += -0.5j * _lost(problem)
    return Generator(
        slope, effective[np.ix_(order, order)], order, packed.shape(n), [2] * n, slopes.ellipse
    )


@Untidied()
def _lost(couplings: Couplings) -> NDArray[np.complex128]:
    """Σ_ν L_ν†L_ν of all jumps, (2^N, 2^N)."""
    from collective._tools.operators import exchange

    up, pump, dephasing = excited(len(couplings)), couplings.pump, couplings.dephasing
    own = noise.own(pump)
    moved = np.asarray(couplings.decay)
    if pump.ndim == 2:  # σ⁻_nσ⁺_m is σ⁺_mσ⁻_n for two emitters
        moved = moved + pump - np.diag(own)
    lost = np.asarray(exchange(moved).full())
    if dephasing.ndim == 1:
        dephased = up @ (2 * dephasing)
    else:
        dephased = np.sum((up @ (2 * dephasing.real)) * up, axis=1)
    lost[np.diag_indices(len(lost))] += ~up @ own + dephased
    return lost


@Untidied()
def _of_jumps(problem: "Couplings | MasterEquation", dims: list[int]) -> Generator:
    """The generator by sparse matrices of the jump operators."""
    from scipy.sparse import csr_array

    side = prod(dims)
    jumps = [csr_array(entries_of(jump)) for jump in problem.collapse_operators()]
    effective = problem.hamiltonian().full()
    for jump in jumps:
        effective -= 0.5j * (jump.conj().T @ jump).toarray()
    sparse = csr_array(effective)
    conjugates = [jump.conj() for jump in jumps]

    def slope(here: NDArray[np.float64]) -> NDArray[np.float64]:
        rho = _matrix(here[0])
        half = -1j * (sparse @ rho)
        found = half + half.conj().T
        for jump, turned in zip(jumps, conjugates, strict=True):
            found += (turned @ (jump @ rho).T).T
        return _packed(found, real=True)[None]

    def ellipse() -> Ellipse:
        lost = np.linalg.eigvalsh(1j * (effective - effective.conj().T))[-1]
        energies = np.linalg.eigvalsh((effective + effective.conj().T) / 2)
        return Ellipse(2 * float(lost), float(energies[-1] - energies[0]))

    shape = (1, side, side)
    return Generator(slope, effective, np.arange(side), shape, dims, ellipse)
