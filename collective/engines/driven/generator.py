r"""The generator of Γ, Δ and everything else, which is never stored as a matrix.

Beside Γ and Δ there are detunings, Ising terms, drive, dephasing and pump. Kernels (`kernels`)
apply it with tables of 2^N rows (`tables`).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import daxpy
from scipy.sparse import csr_array

from collective._tools.compiled import in_threads
from collective.couplings import noise
from collective.couplings.couplings import Couplings
from collective.couplings.sharing import without_light
from collective.engines.driven import kernels
from collective.engines.driven import packed as _packed
from collective.engines.driven.columns import Columns, columns_of
from collective.engines.driven.sharing import share as sharing_kernel
from collective.engines.driven.sharing import sharing
from collective.engines.driven.tables import Tables, energies, scratch, tables
from collective.engines.numerics.alignment import aligned
from collective.engines.numerics.extremes import lanczos
from collective.engines.numerics.spectrum import Ellipse

_BROADER = 1.35  # the ellipse along the real axis; most problems then need the fewest terms
_LANCZOS_STEPS = 24  # the largest eigenvalue to a percent or so


class PackedGenerator:
    """The generator L of ρ̇ = Lρ for packed density matrices.

    Args:
        couplings: the problem.
        threads: number of threads that share the work.
        pool: the pool of all threads but the calling one, or None for one thread.
        columns: the columns that a packed matrix stores; None for all of them.

    Attributes:
        means: the entries of a packed matrix that are equal by symmetry.
        applications: number of applications so far.
    """

    def __init__(
        self,
        couplings: Couplings,
        threads: int,
        pool: ThreadPoolExecutor | None,
        columns: Columns | None = None,
    ):
        couplings = without_light(couplings)
        self._couplings, self._threads, self._pool = couplings, threads, pool
        self._drive = np.zeros(_packed.padded(len(couplings)), dtype=complex)
        self._drive[: len(couplings)] = couplings.drive / 2
        self._constant = _parts(self._drive)
        columns = columns_of(_packed.padded(len(couplings))) if columns is None else columns
        self._tables, self.means = tables(couplings, columns), columns.means
        self._scratch = [scratch(self._tables) for _ in range(threads)]
        self._shared = [sharing(couplings) for _ in range(threads)]
        self._aside = aligned(columns.shape)
        self._squares = np.empty(columns.shape[0])
        self._mixed: NDArray[np.float64] | None = None
        self.applications = 0

    def advance(
        self,
        here: NDArray[np.float64],
        before: NDArray[np.float64],
        sums: NDArray[np.float64],
        recurrence: tuple[float, float, float],
        weight: float,
        light: NDArray[np.complex128] | None = None,
        vectors: NDArray[np.complex128] | None = None,
        past: Sequence[tuple[NDArray[np.complex128], NDArray[np.float64]]] = (),
    ) -> float:
        """Set before to αL·here + β·here + γ·before, then add weight·before to sums.

        Args:
            here: a packed matrix, not changed.
            before: a packed matrix, not read if γ = 0.
            sums: a packed matrix, or `before` itself if the weight is 0.
            recurrence: α, β, γ.
            weight: of the new matrix in the sum.
            light: ½Ω in place of that of the couplings, as `half` gives it; or None.
            vectors: (K, ·), what `half` gives of K drives.
            past: pairs g (K,), R': α times the drive Σ_k g_kΩ_k alone, applied to R', is added to
                `before`.

        Returns:
            The norm √Σ|ρ_ij|² of the new matrix.
        """
        alpha, beta, gamma = recurrence
        real, imaginary = self._constant if light is None else _parts(light)

        def spread(thread: int) -> None:
            kernels.spread(
                self._tables,
                real,
                imaginary,
                here,
                before,
                self._aside,
                self._scratch[thread],
                thread,
                self._threads,
                alpha,
                beta,
                gamma,
            )

        def collect(thread: int) -> None:
            kernels.collect(
                self._tables,
                before,
                self._aside,
                sums,
                self._scratch[thread],
                thread,
                self._threads,
                alpha,
                weight,
                self._squares,
            )

        def share(thread: int) -> None:
            sharing_kernel(
                self._tables,
                self._shared[thread],
                here,
                before,
                self._aside,
                self._scratch[thread],
                thread,
                self._threads,
                alpha,
            )

        in_threads(spread, self._threads, self._pool)
        if self._shared[0] is not None:
            in_threads(share, self._threads, self._pool)
        for k, part in self._sorts(vectors, past):
            assert vectors is not None
            weights = np.array([(g[k] / part).real for g, _ in past])
            if not weights.any():
                continue
            if self._mixed is None:
                self._mixed = np.empty_like(here)
            mixed, one = self._mixed, _parts(part * vectors[k])
            np.multiply(past[0][1], weights[0], out=mixed)
            for w, (_, packed) in zip(weights[1:], past[1:], strict=True):
                daxpy(packed.ravel(), mixed.ravel(), a=w)

            def drive(thread: int, mixed: Any = mixed, one: Any = one) -> None:
                kernels.drive(
                    self._tables,
                    *one,
                    mixed,
                    before,
                    self._aside,
                    self._scratch[thread],
                    thread,
                    self._threads,
                    alpha,
                )

            in_threads(drive, self._threads, self._pool)
        in_threads(collect, self._threads, self._pool)
        self.applications += 1
        return float(np.sqrt(self._squares.sum()))

    @staticmethod
    def _sorts(vectors: NDArray[Any] | None, past: Sequence[Any]) -> list[tuple[int, complex]]:
        """Which drive, and whether its real or its imaginary multiple: (k, 1) and (k, i)."""
        count = len(vectors) if vectors is not None and past else 0
        return [(k, part) for k in range(count) for part in (1 + 0j, 1j)]

    def half(self, drives: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """½Ω of drives (K, N), with the idle emitters, (K, ·)."""
        found = np.zeros((len(drives), len(self._drive)), dtype=complex)
        found[:, : drives.shape[1]] = drives / 2
        return found

    def norm(self, packed: NDArray[np.float64]) -> float:
        """The norm √Σ|ρ_ij|² of a packed matrix, with the columns that are not stored."""
        return float(
            np.sqrt(np.sum(self._tables.copies * np.einsum("pij,pij->pj", packed, packed)))
        )

    def extent(self, light: NDArray[np.complex128] | None = None) -> tuple[float, float, float]:
        """How fast ρ decays and oscillates at most.

        Coherences decay at most at the largest eigenvalue of Σ L†L and oscillate at most at the
        difference of the extreme eigenvalues of H. Both are found by Lanczos on 2^N amplitudes.
        Jumps of dephasing and pump can add their rates to the decay, as they do for independent
        emitters.

        Args:
            light: ½Ω in place of that of the couplings, as `half` gives it; or None.

        Returns:
            The rates of collective decay, of dephasing and pump, and of oscillation.
        """
        couplings = self._couplings
        low, high = extremes(
            couplings.shift + np.diag(couplings.detunings),
            self._drive if light is None else light,
            self._tables,
            energies(couplings, self._tables.jumps.shape[1]),
        )
        largest = extremes(couplings.decay, None, self._tables)[1]
        pump, single = couplings.pump, noise.strongest_dephasing(couplings.dephasing)
        if pump.ndim == 1:
            single += float(np.sum(pump))
        else:  # the emitters that are not excited take it up together, as excited ones emit
            largest += extremes(pump, None, self._tables)[1]
        return largest, single, high - low

    def ellipse(self) -> Ellipse:
        """The ellipse that holds nearly all of the spectrum.

        Coherences that decay and oscillate fast at once lie in the corners of the spectrum, outside
        an ellipse of its extents: F_j(L)ρ would grow with j. A broader ellipse needs fewer terms.
        """
        decay, single, width = self.extent()
        return Ellipse(_BROADER * decay + single, width)


def _parts(drive: NDArray[np.complex128]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The real and the imaginary part of a drive; an empty array stands for a part that is zero."""
    real, imaginary = drive.real.copy(), drive.imag.copy()
    return (
        real if real.any() else real[:0],
        imaginary if imaginary.any() else imaginary[:0],
    )


def extremes(
    matrix: NDArray[Any],
    drive: NDArray[np.complex128] | None,
    tables: Tables,
    further: Any = 0.0,
) -> tuple[float, float]:
    """Estimates of the extreme eigenvalues of Σ_mn M_mn σ⁺_mσ⁻_n + Σ_m (w_m σ⁺_m + h.c.) + E.

    Lanczos's method from a fixed vector gives a slightly smaller range.

    Args:
        matrix: M, Hermitian, (N, N).
        drive: w, (N,) with the idle emitters, or None.
        tables: the configurations to which an excitation can move.
        further: E, energies of the configurations, (2^N,), or 0.
    """
    n = tables.jumps.shape[1]
    full = np.zeros((n, n), dtype=complex)
    full[: len(matrix), : len(matrix)] = matrix
    every = np.arange(1 << n)
    used = np.arange(tables.pair.shape[1]) < tables.hops[:, None]
    starts = np.concatenate([[0], np.cumsum(tables.hops)])
    moves = csr_array(
        (full.ravel()[tables.pair[used] // 2], tables.partner[used], starts), shape=(1 << n, 1 << n)
    )
    excited = (every[:, None] >> np.arange(n)) & 1 == 1
    diagonal = excited @ np.diag(full).real + further
    flips = []
    for m in range(n):
        if drive is not None and drive[m] != 0:
            raised = np.where(excited[:, m], drive[m], drive[m].conj())
            flips.append((raised, every ^ (1 << m)))

    def product(v: NDArray[np.complex128]) -> NDArray[np.complex128]:
        found = diagonal * v + moves @ v
        for raised, partner in flips:
            found += raised * v[partner]
        return found

    return lanczos(product, 1 << n, _LANCZOS_STEPS)
