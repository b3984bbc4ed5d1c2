"""H of driven emitters that never decay, as products with vectors of 2^N amplitudes.

A vector is a real array (2^N/8, 2, 8): real and imaginary parts of eight amplitudes at a time, in
the order of QuTiP's basis (`vector_kernels`). One or two emitters do not fill eight places, so that
idle emitters, which are never excited, are added up to three.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from collective._tools import operators
from collective._tools.compiled import in_threads
from collective.couplings.couplings import Couplings
from collective.engines.basis.configurations import interaction_energies, qutip_index
from collective.engines.driven.vector_kernels import LOW, slope
from collective.engines.numerics.alignment import aligned
from collective.engines.numerics.extremes import lanczos
from collective.engines.numerics.lanes import LANES

_LANCZOS_STEPS = 24
_MARGIN = 1.05  # of the width beyond what Lanczos's method finds, which is a little less


class Hamiltonian:
    """H = δ + Δ, the Ising terms and the drive, from which a number (`centre`) is subtracted.

    Args:
        couplings: the problem; its Γ, dephasing and pump are not read.
        threads: number of threads that share the work.
        driven: whether the drive counts in the width of H.

    Attributes:
        centre: what is subtracted from H: the middle of its spectrum.
        width: half the distance of its extreme eigenvalues, with a margin.
        applications: number of products so far.
    """

    def __init__(self, couplings: Couplings, threads: int, *, driven: bool = True):
        n = len(couplings)
        size, idle = max(n, LOW), max(LOW - n, 0)
        h, drive = np.zeros((size, size), complex), np.zeros(size, complex)
        # by bits: the lowest bit is that of the last emitter
        h[idle:, idle:] = (couplings.shift + np.diag(couplings.detunings))[::-1, ::-1]
        drive[idle:] = couplings.drive[::-1] / 2
        self._shape = (1 << size) // LANES, 2, LANES
        self._real = h.real.copy()
        self._imaginary = h.imag.copy() if h.imag.any() else np.zeros((0, 0))
        self._energies = _energies(couplings, size)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        self.applications, self.centre = 0, 0.0
        self._set_drive(h, drive if driven else 0 * drive)
        lowest, highest = lanczos(self._product, 1 << size, _LANCZOS_STEPS)
        self._set_drive(h, drive)
        self.centre = (lowest + highest) / 2
        self.width = max(_MARGIN * (highest - lowest) / 2, 1e-12)

    def _set_drive(self, h: NDArray[np.complex128], drive: NDArray[np.complex128]) -> None:
        """Set what the kernel needs of the drive, and the parts of the last three emitters."""
        self._drive = np.ascontiguousarray(_parts(drive))
        self._low = _low(h, drive)
        self._low_whole = np.ascontiguousarray(self._low.reshape(3, 2, LANES, LANES).sum(axis=0))

    @cached_property
    def drive_strength(self) -> float:
        """The largest eigenvalue of the drive alone, ½Σ|Ω_m|."""
        return float(np.hypot(*self._drive.T).sum())

    def slope(
        self,
        psi: NDArray[np.float64],
        out: NDArray[np.float64],
        scale: float,
        *,
        last: NDArray[np.float64] | None = None,
        driven: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    ) -> None:
        """Set out to −i·scale·(H − centre)ψ, plus `last` if it is given.

        Args:
            psi: ψ, not changed.
            out: receives the result.
            scale: a number.
            last: a vector that is added; it may be `out`.
            driven: what σ⁺ and σ⁻ of the drive act on, if it is not ψ.
        """
        raising, lowering = (psi, psi) if driven is None else driven
        low = self._low_whole if driven is None else self._low
        size, threads = len(psi), self._threads

        def some(thread: int) -> None:
            slope(
                size * thread // threads,
                size * (thread + 1) // threads,
                psi,
                raising,
                lowering,
                psi if last is None else last,
                out,
                scale,
                0.0 if last is None else 1.0,
                self._real,
                self._imaginary,
                self._drive,
                low,
                self.centre,
            )

        in_threads(some, threads, self._pool)
        if self._energies is not None:
            out[:, 0] += scale * self._energies * psi[:, 1]
            out[:, 1] -= scale * self._energies * psi[:, 0]
        self.applications += 1

    def widen(self) -> None:
        """Assume that the spectrum is half as wide again."""
        self.width *= 1.5

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool, self._threads = None, 1

    def _product(self, v: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Hv for a plain vector."""
        psi, out = aligned(self._shape), aligned(self._shape)
        psi[:, 0], psi[:, 1] = v.real.reshape(-1, LANES), v.imag.reshape(-1, LANES)
        self.slope(psi, out, 1.0)
        return 1j * (out[:, 0] + 1j * out[:, 1]).ravel()


def _energies(couplings: Couplings, size: int) -> NDArray[np.float64] | None:
    """The Ising energies of all amplitudes, (2^N/8, 8), with idle emitters; None without."""
    if couplings.ising is None:
        return None
    n = len(couplings)
    every = np.arange(1 << n)
    found = np.empty(1 << n)
    found[qutip_index(n, every)] = interaction_energies(couplings.ising, every)
    return np.repeat(found, 1 << (size - n)).reshape(-1, LANES)


def packed(kets: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Vectors of n emitters, (R, 2^n), with the idle emitters: (R, 2^N/8, 2, 8)."""
    count, length = kets.shape
    size = max(length, LANES)
    found = aligned((count, size // LANES, 2, LANES))
    step = size // length
    for target, ket in zip(found, kets, strict=True):
        full = np.zeros(size, complex)
        full[step - 1 :: step] = ket  # idle emitters are the last ones, with bits 1
        target[:, 0], target[:, 1] = full.real.reshape(-1, LANES), full.imag.reshape(-1, LANES)
    return found


def unpacked(vectors: NDArray[np.float64], n: int) -> NDArray[np.complex128]:
    """The amplitudes of n emitters, (…, 2^n), from (…, 2^N/8, 2, 8)."""
    found = vectors[..., 0, :] + 1j * vectors[..., 1, :]
    found = found.reshape(*found.shape[:-2], -1)
    step = found.shape[-1] >> n
    return found[..., step - 1 :: step]


def _parts(numbers: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Real and imaginary parts on a last axis of their own."""
    return np.stack([numbers.real, numbers.imag], axis=-1)


def _low(h: NDArray[np.complex128], drive: NDArray[np.complex128]) -> NDArray[np.float64]:
    """H of the last three emitters, its σ⁺ and its σ⁻ of the drive, see `vector_kernels.slope`."""
    few = slice(LOW - 1, None, -1)  # `operators` counts emitters from the highest bit on
    hops = operators.exchange(h[few, few]).full()
    lower = operators.lowering(drive[few].conj()).full()
    return np.stack(
        [part for each in (hops, lower.conj().T, lower) for part in (each.T.real, each.T.imag)]
    ).copy()
