r"""The generator of Γ, Δ, drive, detunings, dephasing and pump, which is never stored as a matrix.

It has tables of 2^N rows, which the file `kernels` uses.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigvalsh_tridiagonal
from scipy.linalg.blas import daxpy
from scipy.sparse import csr_array

from collective._tools.compiled import in_threads
from collective.couplings.couplings import Couplings
from collective.engines.driven import kernels
from collective.engines.driven import packed as _packed
from collective.engines.numerics.spectrum import Ellipse

_LANCZOS_STEPS = 24  # the largest eigenvalue to a percent or so
_EXHAUSTED = 1e-10  # relative: a new Lanczos vector with a smaller norm is round-off


class PackedGenerator:
    """The generator L of ρ̇ = Lρ for packed density matrices.

    Args:
        couplings: the problem.
        threads: number of threads that share the work.
        pool: the pool of all threads but the calling one, or None for one thread.
    """

    def __init__(self, couplings: Couplings, threads: int, pool: ThreadPoolExecutor | None):
        self._couplings, self._threads, self._pool = couplings, threads, pool
        self._drive = np.zeros(_packed.padded(len(couplings)), dtype=complex)
        self._drive[: len(couplings)] = couplings.drive / 2
        self._tables = tables(couplings)
        panels = _packed.shape(len(couplings))[0]
        self._aside = np.empty(_packed.shape(len(couplings)))
        self._squares = np.empty(panels)
        self._mixed: NDArray[np.float64] | None = None
        self.applications = 0

    def advance(
        self,
        here: NDArray[np.float64],
        before: NDArray[np.float64],
        sums: NDArray[np.float64],
        recurrence: tuple[float, float, float],
        weight: float,
        factor: complex = 1.0,
        past: Sequence[tuple[complex, NDArray[np.float64]]] = (),
    ) -> float:
        """Set before to αL·here + β·here + γ·before, then add weight·before to sums.

        Args:
            here: a packed matrix, not changed.
            before: a packed matrix, not read if γ = 0.
            sums: a packed matrix, or `before` itself if the weight is 0.
            recurrence: α, β, γ.
            weight: of the new matrix in the sum.
            factor: f, which multiplies the drive.
            past: pairs g, R': α times g times the drive alone, applied to R', is added to `before`.

        Returns:
            The norm √Σ|ρ_ij|² of the new matrix.
        """
        alpha, beta, gamma = recurrence
        real, imaginary = _parts(complex(factor) * self._drive)

        def spread(thread: int) -> None:
            kernels.spread(
                self._tables,
                real,
                imaginary,
                here,
                before,
                self._aside,
                thread,
                self._threads,
                alpha,
                beta,
                gamma,
            )

        def collect(thread: int) -> None:
            kernels.collect(
                before, self._aside, sums, thread, self._threads, alpha, weight, self._squares
            )

        in_threads(spread, self._threads, self._pool)
        for part in (1.0, 1j) if past else ():
            weights = np.array([(g / part).real for g, _ in past])
            if not weights.any():
                continue
            if self._mixed is None:
                self._mixed = np.empty_like(here)
            mixed, one = self._mixed, _parts(complex(part) * self._drive)
            np.multiply(past[0][1], weights[0], out=mixed)
            for w, (_, packed) in zip(weights[1:], past[1:], strict=True):
                daxpy(packed.ravel(), mixed.ravel(), a=w)

            def drive(thread: int, mixed: Any = mixed, one: Any = one) -> None:
                kernels.drive(*one, mixed, before, self._aside, thread, self._threads, alpha)

            in_threads(drive, self._threads, self._pool)
        in_threads(collect, self._threads, self._pool)
        self.applications += 1
        return float(np.sqrt(self._squares.sum()))

    @property
    def drive_strength(self) -> float:
        """An upper bound on the norm of the drive as a part of L."""
        return 2 * float(np.abs(self._drive).sum())

    def ellipse(self, factor: float = 1.0) -> Ellipse:
        """The ellipse that holds nearly all of the spectrum if the drive is multiplied by a factor.

        Coherences decay at most at the largest eigenvalue of Σ L†L and oscillate at most at the
        difference of the extreme eigenvalues of H. Both are found by Lanczos on 2^N amplitudes.
        Jumps of dephasing and pump can add their rates to the decay, as they do for independent
        emitters.
        """
        couplings = self._couplings
        low, high = extremes(
            couplings.shift + np.diag(couplings.detunings),
            complex(factor) * self._drive,
            self._tables,
        )
        largest = extremes(couplings.decay, None, self._tables)[1]
        single = float(np.sum(couplings.pump) + np.sum(couplings.dephasing))
        return Ellipse(largest + single, high - low)


def _parts(drive: NDArray[np.complex128]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The real and the imaginary part of a drive; an empty array stands for a part that is zero."""
    real, imaginary = drive.real.copy(), drive.imag.copy()
    return (
        real if real.any() else real[:0],
        imaginary if imaginary.any() else imaginary[:0],
    )


def tables(couplings: Couplings) -> kernels.Tables:
    """The `Tables` of a problem, with the idle emitters."""
    n = _packed.padded(len(couplings))
    every = np.arange(1 << n)
    excited = (every[:, None] >> np.arange(n)) & 1 == 1
    ones = np.bitwise_count(every).astype(np.int64)
    one = np.zeros((n, n), dtype=complex)  # H_eff of one excitation
    real = slice(0, len(couplings))
    one[real, real] = couplings.effective_hamiltonian()
    pump, dephasing = np.zeros(n), np.zeros(n)
    pump[real], dephasing[real] = couplings.pump, couplings.dephasing
    jumps = np.zeros((n, n), dtype=complex)
    jumps[real, real] = couplings.decay

    moves = [(m, k) for m in range(n) for k in range(n) if m != k and one[m, k] != 0]
    hops = np.zeros(len(every), dtype=np.int64)
    partner = np.zeros((len(every), max(1, (n // 2) * (n - n // 2))), dtype=np.uint32)
    pair = np.zeros_like(partner)
    for m, k in moves:  # ⟨i|σ⁺_mσ⁻_k|j⟩: m is excited in i, k is not
        rows = every[excited[:, m] & ~excited[:, k]]
        partner[rows, hops[rows]] = rows ^ (1 << m) ^ (1 << k)
        pair[rows, hops[rows]] = m * n + k
        hops[rows] += 1
    lowered = np.zeros((len(every), n), dtype=np.uint32)
    site = np.zeros_like(lowered)
    place = np.zeros(len(every), dtype=np.int64)
    for m in range(n):
        rows = every[excited[:, m]]
        lowered[rows, place[rows]] = rows ^ (1 << m)
        site[rows, place[rows]] = m
        place[rows] += 1

    diagonal = excited @ np.diag(one) - 0.5j * (~excited @ pump)
    lanes = (every[:, None] & ~7) | ((every[:, None] ^ np.arange(8)) & 7)
    return kernels.Tables(
        order=np.argsort(ones, kind="stable").astype(np.uint64),
        hops=hops,
        partner=partner,
        pair=pair,
        weights=np.stack([one.real.ravel(), one.imag.ravel()], axis=1),
        diagonal=np.stack([diagonal.real, diagonal.imag], axis=1),
        loss=-(excited @ dephasing)[lanes][:, None, :],
        ones=ones,
        lowered=lowered,
        site=site,
        jumps=np.stack([jumps.real, jumps.imag] if jumps.imag.any() else [jumps.real]),
        pump=pump if pump.any() else np.zeros(0),
    )


def extremes(
    matrix: NDArray[Any], drive: NDArray[np.complex128] | None, tables: kernels.Tables
) -> tuple[float, float]:
    """Estimates of the extreme eigenvalues of Σ_mn M_mn σ⁺_mσ⁻_n + Σ_m (w_m σ⁺_m + h.c.).

    Lanczos's method from a fixed vector gives a slightly smaller range.

    Args:
        matrix: M, Hermitian, (N, N).
        drive: w, (N,) with the idle emitters, or None.
        tables: the configurations to which an excitation can move.
    """
    n = round(len(tables.weights) ** 0.5)
    full = np.zeros((n, n), dtype=complex)
    full[: len(matrix), : len(matrix)] = matrix
    every = np.arange(1 << n)
    used = np.arange(tables.pair.shape[1]) < tables.hops[:, None]
    starts = np.concatenate([[0], np.cumsum(tables.hops)])
    moves = csr_array(
        (full.ravel()[tables.pair[used]], tables.partner[used], starts), shape=(1 << n, 1 << n)
    )
    excited = (every[:, None] >> np.arange(n)) & 1 == 1
    diagonal = excited @ np.diag(full).real
    flips = [] if drive is None else [m for m in range(n) if drive[m] != 0]

    def product(v: NDArray[np.complex128]) -> NDArray[np.complex128]:
        found = diagonal * v + moves @ v
        for m in flips:
            assert drive is not None
            found += np.where(excited[:, m], drive[m], drive[m].conj()) * v[every ^ (1 << m)]
        return found

    rng = np.random.default_rng(0)
    here = rng.normal(size=1 << n) + 1j * rng.normal(size=1 << n)
    here /= np.linalg.norm(here)
    before, beta = np.zeros_like(here), 0.0
    alphas: list[float] = []
    betas: list[float] = []
    for _ in range(_LANCZOS_STEPS):
        following = product(here) - beta * before
        alphas.append(float(np.vdot(here, following).real))
        following -= alphas[-1] * here
        beta = float(np.linalg.norm(following))
        if beta <= _EXHAUSTED * (abs(alphas[-1]) + sum(betas)):
            break
        betas.append(beta)
        before, here = here, following / beta
    values = eigvalsh_tridiagonal(alphas, betas[: len(alphas) - 1])
    return float(values[0]), float(values[-1])
