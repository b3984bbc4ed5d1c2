"""H of emitters that never decay, one excitation block after the other."""

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.configurations import ExcitationBlocks, interaction_energies
from collective.engines.blocks.unitary_size import SMALLEST_SERIES

_MARGIN = 0.02  # of the width, added beyond the eigenvalues found
_LOOSE = 1e-3  # relative tolerance of these eigenvalues


class Hamiltonian:
    """H in units of its largest rate; its matrices, widths and modes are kept once computed.

    Args:
        h: H of one excitation, (N, N).
        blocks: configurations by excitation number.
        ising: V of the Ising terms, (N, N), or None.

    Attributes:
        unit: the largest rate.
    """

    def __init__(
        self,
        h: NDArray[Any],
        blocks: ExcitationBlocks,
        ising: NDArray[np.float64] | None = None,
    ):
        largest = np.abs(h).sum(axis=0)
        if ising is not None:
            largest = largest + np.abs(ising).sum(axis=0)
        self.unit = float(largest.max()) or 1.0
        self._ising = None if ising is None else ising / self.unit
        self._h, self._blocks = h / self.unit, blocks
        self._matrices: dict[int, Any] = {}
        self._ranges: dict[int, tuple[float, float]] = {}
        self._modes: dict[int, tuple[NDArray[np.float64], NDArray[Any]]] = {}

    def matrix(self, k: int) -> Any:
        """The sparse matrix of H in the block of k excitations, in units of the largest rate."""
        if k not in self._matrices:
            from scipy.sparse import csr_array

            size = self._blocks.sizes[k]
            target, m, to = self._blocks.hops(k)
            values = self._h[to, m]
            kept = values != 0
            sources = np.broadcast_to(np.arange(size)[:, None], target.shape)
            own = self._blocks.excited(k) @ np.diagonal(self._h)
            if self._ising is not None:
                energies = interaction_energies(self._ising, self._blocks.configurations(k))
                own = own + (energies - energies.mean())  # the mean is a phase of the whole block
            rows = np.concatenate([target[kept].astype(np.int32), np.arange(size, dtype=np.int32)])
            columns = np.concatenate([sources[kept].astype(np.int32), np.arange(size)])
            data = np.concatenate([values[kept], own])
            self._matrices[k] = csr_array((data, (rows, columns)), shape=(size, size))
        return self._matrices[k]

    def width(self, k: int) -> tuple[float, float]:
        """The centre c and half the width w of an interval around the spectrum of H in block k."""
        if k not in self._ranges:
            from scipy.sparse.linalg import ArpackError, eigsh

            matrix = self.matrix(k)
            size = matrix.shape[0]
            reach = float(abs(matrix).sum(axis=1).max())
            ends = np.array([-reach, reach])
            if size <= SMALLEST_SERIES:
                ends = np.linalg.eigvalsh(matrix.toarray())[[0, -1]]
            elif reach > 0:
                options = {"tol": _LOOSE, "v0": np.random.default_rng(1).normal(size=size)}
                with suppress(ArpackError):  # if it fails, the sums of rows remain, which are wider
                    ends = np.array(
                        [
                            eigsh(matrix, 1, which=which, return_eigenvectors=False, **options)[0]
                            for which in ("SA", "LA")
                        ]
                    ).real
            w = (1 + _MARGIN) * (ends[1] - ends[0]) / 2
            self._ranges[k] = float(ends.sum()) / 2, max(float(w), 1e-12)
        return self._ranges[k]

    def widen(self, k: int) -> None:
        """Assume that the spectrum is half as wide again."""
        c, w = self.width(k)
        self._ranges[k] = c, 1.5 * w

    def by_eigenvectors(
        self, k: int, start: NDArray[Any], elapsed: NDArray[np.float64]
    ) -> NDArray[np.complex128]:
        """Evolve vectors of k excitations by the eigenvectors of H.

        Args:
            k: number of excitations.
            start: initial vectors, (n_k, R).
            elapsed: times since then, (T,).

        Returns:
            The vectors at these times, (T, n_k, R).
        """
        if k not in self._modes:
            self._modes[k] = np.linalg.eigh(self.matrix(k).toarray())
        energies, modes = self._modes[k]
        turns = np.exp(-1j * self.unit * np.outer(elapsed, energies))
        parts = turns[:, :, None] * (modes.conj().T @ start)
        return np.asarray(modes @ parts)
