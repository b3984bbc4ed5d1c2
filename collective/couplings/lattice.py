r"""Γ and Δ of a regular lattice, stored by displacement.

If all emitters are alike and sit on the sites of a lattice, an entry depends only on the
displacement between two sites, M_mn = K(site_n − site_m). In d dimensions the kernel K has less
than 2^d numbers for each site of the box, and a product with M is a convolution,

.. math:: (Mx)_m = \sum_n K(\mathrm{site}_n − \mathrm{site}_m) x_n,

which fast Fourier transforms give in S log S operations, S the number of sites (`convolution`).
Sites without an emitter have x = 0. The kernel is 0 at displacements that no pair of emitters has.

If each emitter has C channels, the kernel has a block of C × C numbers for each displacement, and
the matrix N·C rows in the order (emitter, channel).

The file is longer than others: it holds one class, which answers everything that is asked of an
N × N array, so that couplings need not know how their matrices are stored.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.memory import require
from collective.couplings.convolution import BlockConvolution, Convolution
from collective.couplings.sites import Sites

ROUND_OFF = 1e-10  # allowed deviation, relative to the largest entry
_STEPS = 60  # of Lanczos's method
_FEW = 200  # emitters whose matrix has all eigenvalues within milliseconds
_MATRICES = 6  # N × N at the peak while one is made and checked
_NEGATIVE = 1e-8  # of the largest rate: a smaller negative one is round-off


class LatticeMatrix(NDArrayOperatorsMixin):
    """An N × N matrix, or one of N·C × N·C, that is stored by displacement; it is read-only.

    ``matrix @ vectors`` is a convolution. Whatever else is asked of it is asked of the array, which
    is made each time, and refused with `ProblemTooLargeError` if it does not fit into memory.

    Args:
        kernel: (2n₁ − 1, …) or (2n₁ − 1, …, C, C), its entries or blocks by displacement, from the
            most negative one on. Entries at displacements that no pair of emitters has are
            replaced by 0.
        sites: of the emitters; some of them may be vacant.
    """

    ndim = 2

    def __init__(self, kernel: NDArray[Any], sites: Sites):
        along = len(sites.shape)
        block = kernel.shape[along:]
        square = block == () or (len(block) == 2 and block[0] == block[1])
        if kernel.shape[:along] != sites.kernel_shape or not square:
            raise ValueError(f"a kernel of shape {kernel.shape} does not fit sites {sites.shape}")
        if sites.vacant:
            there = (sites.pairs > 0).reshape(sites.kernel_shape + (1,) * len(block))
            kernel = np.where(there, kernel, 0.0)
        self.kernel, self.sites = checks.readonly(kernel), sites
        self.each = block[0] if block else 1

    def __len__(self) -> int:
        return len(self.sites) * self.each

    @property
    def in_blocks(self) -> bool:
        """Whether the kernel has a block for each displacement."""
        return self.kernel.ndim > len(self.sites.shape)

    @property
    def blocks(self) -> NDArray[Any]:
        """The kernel as blocks, (2n₁ − 1, …, C, C)."""
        return self.kernel if self.in_blocks else self.kernel[..., None, None]

    @property
    def shape(self) -> tuple[int, int]:
        """(N·C, N·C)."""
        return len(self), len(self)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its entries."""
        return self.kernel.dtype

    def require_hermitian(self, name: str) -> None:
        """Raise unless the entries are finite, and those of opposite displacements conjugate.

        Args:
            name: of the matrix.
        """
        checks.finite(name, self.kernel, None)
        turned = np.flip(self.blocks, tuple(range(len(self.sites.shape)))).swapaxes(-1, -2)
        kernel, off = self.blocks, np.abs(self.blocks - turned.conj())
        if off.max() > ROUND_OFF * np.abs(kernel).max():
            raise ValueError(
                f"{name} must be Hermitian: entries of opposite displacements differ by "
                f"{off.max():.3g}"
            )

    def row(self, m: int) -> NDArray[Any]:
        """Row m, (N·C,)."""
        emitter, channel = divmod(m, self.each)
        blocks = self.blocks[..., channel, :].reshape(-1, self.each)
        return blocks[self.sites.displacements(emitter)].reshape(-1)

    def diagonal(self) -> NDArray[Any]:
        """The diagonal, (N·C,), on which the entries of one emitter are repeated."""
        return np.tile(np.atleast_2d(self.own).diagonal(), len(self.sites))

    @property
    def own(self) -> Any:
        """The entry on the diagonal, or the block of one emitter, (C, C)."""
        return self.kernel[self.sites.no_displacement]

    def largest_between(self) -> float:
        """The largest size of an entry between two emitters."""
        return float(np.abs(self.between()).max(initial=0.0))

    def between(self) -> NDArray[Any]:
        """The kernel without the diagonal, or without the blocks of the emitters alone."""
        kernel = self.kernel.copy()
        kernel[self.sites.no_displacement] = 0.0
        return kernel

    def scaled(self, factor: float) -> "LatticeMatrix":
        """The matrix multiplied by a number."""
        return LatticeMatrix(self.kernel * factor, self.sites)

    @property
    def few(self) -> bool:
        """Whether the emitters are so few that `extremes` are those of the N × N matrix."""
        return len(self) <= _FEW

    @cached_property
    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest eigenvalue of a Hermitian matrix.

        For more than 200 emitters they are those of a Krylov space of 60 products (Lanczos's
        method), from inside the range of the true ones: far from the others they have all digits,
        within a dense spectrum some.
        """
        if self.few:
            values = np.linalg.eigvalsh(np.asarray(self))
            return float(values[0]), float(values[-1])
        return krylov_extremes(self, real=False)

    def __matmul__(self, vectors: Any) -> NDArray[Any]:
        vectors = np.asarray(vectors)
        found = self._convolution.product(vectors)
        real = not np.iscomplexobj(vectors) and not np.iscomplexobj(self.kernel)
        return found.real if real else found

    @cached_property
    def _convolution(self) -> Convolution | BlockConvolution:
        made = BlockConvolution if self.in_blocks else Convolution
        return made(self.kernel, self.sites)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        n = len(self)
        what = f"the {n:,} × {n:,} matrix of a lattice that is stored by displacement"
        way_out = "use fewer emitters, or what needs no matrix, such as method='mean_field'"
        require(2 * self.dtype.itemsize * n * n, what, way_out)
        found = np.stack([self.row(m) for m in range(n)])
        return found if dtype is None else found.astype(dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        arrays = [np.asarray(x) if isinstance(x, LatticeMatrix) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getitem__(self, where: Any) -> Any:
        """Rows are made alone: [m], [m:n] or [array of m]; so is one entry, [m, n]."""
        if isinstance(where, tuple) and all(isinstance(i, int | np.integer) for i in where):
            return self[where[0]][where[1:]]
        if isinstance(where, int | np.integer):
            return self.row(int(range(len(self))[where]))
        if isinstance(where, slice) or (isinstance(where, np.ndarray) and where.dtype.kind in "iu"):
            return np.stack([self.row(int(m)) for m in np.arange(len(self))[where]])
        return np.asarray(self)[where]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"LatticeMatrix has no attribute {name!r}")
        return getattr(np.asarray(self), name)

    def __getstate__(self) -> dict[str, Any]:
        return {"kernel": self.kernel, "sites": self.sites}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["kernel"], state["sites"])  # type: ignore[misc]

    def __repr__(self) -> str:
        sides = " × ".join(map(str, self.sites.shape))
        channels = f", {self.each} channels on each" if self.in_blocks else ""
        vacant = f", {self.sites.vacant:,} of them vacant" if self.sites.vacant else ""
        size = f"{len(self):,} × {len(self):,}"
        return f"LatticeMatrix: {size}, a lattice of {sides} sites{channels}{vacant}"


def alike(decay: Any, shift: Any) -> tuple[Any, Any]:
    """Γ and Δ, both by displacement between the same sites or both as N × N arrays."""
    both = [each.sites for each in (decay, shift) if isinstance(each, LatticeMatrix)]
    if len(both) == 2 and both[0].same(both[1]):
        return decay, shift
    return _array("decay", decay), _array("shift", shift)


def _array(name: str, matrix: Any) -> Any:
    """A matrix in another form than by displacement."""
    if not isinstance(matrix, LatticeMatrix):
        return matrix
    n = len(matrix)
    what = f"{name}: the {n:,} × {n:,} matrix, which only Γ and Δ of the same sites can do without,"
    require(_MATRICES * matrix.dtype.itemsize * n * n, what, "give both by displacement")
    return checks.hermitian(name, np.asarray(matrix))


def same_entries(one: Any, other: Any) -> bool:
    """Whether two matrices have the same entries, each in any of its forms."""
    if len(one) != len(other):
        return False
    if checks.constant(one) and checks.constant(other):
        return bool(one[0, 0] == other[0, 0])
    both = isinstance(one, LatticeMatrix) and isinstance(other, LatticeMatrix)
    if both and one.sites.same(other.sites):  # both kernels are 0 where no pair is
        return np.array_equal(one.kernel, other.kernel)
    return all(np.array_equal(one[m], other[m]) for m in range(len(one)))


def sum_of_squares(matrix: Any) -> float:
    """Σ_{m≠n} |M_mn|² of a matrix in any of its forms, without a copy of it.

    Of a matrix of blocks only those between different emitters count.
    """
    if isinstance(matrix, LatticeMatrix):
        squares = np.abs(matrix.between()) ** 2
        pairs = matrix.sites.pairs.reshape(
            matrix.sites.kernel_shape + (1,) * (squares.ndim - matrix.sites.pairs.ndim)
        )
        return float(np.sum(pairs * squares))
    if checks.constant(matrix):
        return float(len(matrix) * (len(matrix) - 1) * np.abs(matrix[0, 0]) ** 2)
    own = np.sum(np.abs(matrix.diagonal()) ** 2)
    return float(max(np.vdot(matrix, matrix).real - own, 0.0))


def largest_row(matrix: Any) -> float:
    """The largest Σ_{n≠m} |M_mn|² of a row m of a matrix in any of its forms."""
    n = len(matrix)
    if isinstance(matrix, LatticeMatrix):
        ones = np.ones(len(matrix.sites))
        of_rows = (np.abs(matrix.between()) ** 2).reshape(matrix.blocks.shape).sum(axis=-1)
        each = (Convolution(of_rows[..., c], matrix.sites) for c in range(matrix.each))
        return float(max(max(squares.product(ones).real.max() for squares in each), 0.0))
    if checks.constant(matrix):
        return float((n - 1) * np.abs(matrix[0, 0]) ** 2)
    rows = np.array([np.vdot(row, row).real for row in matrix])
    return float(max((rows - np.abs(matrix.diagonal()) ** 2).max(), 0.0))


def krylov_extremes(matrix: Any, *, real: bool) -> tuple[float, float]:
    """The extreme eigenvalues that a Hermitian matrix has in a Krylov space of 60 products.

    They are inside the range of the true ones: far from the others they have all digits, within a
    dense spectrum some (Lanczos's method).

    Args:
        matrix: anything with a length and products with vectors.
        real: whether it is real, so that real vectors do.
    """
    rng = np.random.default_rng(0)
    now = rng.standard_normal(len(matrix))
    if not real:
        now = now + 1j * rng.standard_normal(len(matrix))
    now = now / np.linalg.norm(now)
    before, coupling = np.zeros_like(now), 0.0
    middle: list[float] = []
    beside: list[float] = []
    for _ in range(min(_STEPS, len(matrix))):
        new = matrix @ now - coupling * before
        middle.append(float(np.vdot(now, new).real))
        new -= middle[-1] * now
        coupling = float(np.linalg.norm(new))
        beside.append(coupling)
        if coupling <= 1e-12 * max(map(abs, middle)):
            break
        before, now = now, new / coupling
    couplings = beside[: len(middle) - 1]
    values = np.linalg.eigvalsh(np.diag(middle) + np.diag(couplings, 1) + np.diag(couplings, -1))
    return float(values[0]), float(values[-1])


def require_positive(decay: LatticeMatrix) -> None:
    """Raise if the decay matrix of a lattice has a negative eigenvalue beyond round-off.

    Raises:
        ValueError: with the lowest eigenvalue that Lanczos's method finds.
    """
    lowest, highest = decay.extremes
    if lowest < -_NEGATIVE * max(highest, 0.0):
        raise ValueError(
            f"decay must be positive semidefinite: it has an eigenvalue of {lowest:.3g} or below"
        )


def from_matrix(matrix: NDArray[Any], sites: Sites) -> NDArray[Any] | None:
    """The kernel of an N × N matrix without its diagonal, or None if it is more than a kernel.

    Every entry is compared with the kernel, to 1e-10 of the largest.
    """
    # with vacant sites the corners may not have all displacements
    rows = range(len(matrix)) if sites.vacant else sites.corners
    found = kernel_of_rows(matrix.__getitem__, sites, rows)
    found[sites.no_displacement] = 0.0
    whole = LatticeMatrix(found, sites)
    largest = float(np.abs(found).max())
    for m in range(len(matrix)):
        off = np.abs(matrix[m] - whole.row(m))
        off[m] = 0.0
        if off.max() > ROUND_OFF * largest:
            return None
    return found


def kernel_of_rows(
    row: Callable[[int], NDArray[Any]], sites: Sites, emitters: Iterable[int], unknown: float = 0.0
) -> NDArray[Any]:
    """The kernel (2n₁ − 1, …) from the rows of some emitters; those in the corners have all of it.

    Args:
        row: a function of an emitter that gives its row, (N,), or its blocks, (N, C, C).
        sites: of the emitters.
        emitters: those whose rows are read.
        unknown: entry at displacements that these rows do not have.
    """
    kernel: NDArray[Any] | None = None
    for m in emitters:
        values = row(m)
        if kernel is None:
            shape = prod(sites.kernel_shape), *values.shape[1:]
            kernel = np.full(shape, unknown, dtype=values.dtype)
        kernel[sites.displacements(m)] = values
    assert kernel is not None
    return kernel.reshape(*sites.kernel_shape, *kernel.shape[1:])
