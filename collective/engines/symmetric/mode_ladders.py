r"""Operators of identical emitters and a cavity mode between Dicke states and photon numbers.

An entry is ⟨J, k, n|X|J, k', n'⟩ with k excited emitters, n photons and d = N/2 − J dark pairs
(`basis/dicke`). Without a drive the difference k + n − k' − n' does not change: ρ needs entries
where it is 0, and ρa†, for the spectrum of the light, those where it is 1.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.with_mode import CavityCouplings
from collective.engines.basis.dicke import Identical, identical, lost, processes


class Ladders:
    """Entries of operators of emitters and mode, and the generator between them.

    Args:
        problem: identical emitters and a mode, without a drive.
        total: largest number of excited emitters and photons in a row.
        longest: whether only the longest ladder is kept.
        difference: k + n − k' − n' of all entries.

    Attributes:
        d: dark pairs of each entry, (S,).
        k: excited emitters in the row, (S,).
        k2: excited emitters in the column, (S,).
        n: photons in the row, (S,).
        n2: photons in the column, (S,).
        matrix: the sparse matrix L of dX/dt = LX, (S, S).
    """

    def __init__(self, problem: CavityCouplings, total: int, *, longest: bool, difference: int = 0):
        e = identical(problem.couplings)
        assert isinstance(e, Identical)
        self._problem, self._e, self._photons = problem, e, problem.photons
        self._total, self._difference = total, difference
        ladders = 1 if longest else min(e.n // 2, total) + 1
        self._ladders = ladders
        parts = [part for d in range(ladders) for part in self._of_ladder(d)]
        self.d, self.k, self.k2, self.n, self.n2 = (
            np.concatenate(part) for part in zip(*parts, strict=True)
        )
        keys = self._keys(self.d, self.k, self.k2, self.n)
        self._order = np.argsort(keys)
        self._sorted = keys[self._order]
        self.matrix = self._generator()

    def __len__(self) -> int:
        return len(self.d)

    def _of_ladder(self, d: int) -> Iterator[tuple[NDArray[Any], ...]]:
        """The entries of a ladder, block by block: d, k, k', n, n'."""
        most, photons = self._e.n - d, self._photons

        def fitting(s: int) -> NDArray[np.int64]:
            """The photon numbers of s excitations."""
            return np.arange(max(0, s - most), min(s - d, photons) + 1)

        for s in range(d, min(self._total, most + photons) + 1):
            other = s - self._difference
            rows, columns = np.meshgrid(fitting(s), fitting(other), indexing="ij")
            n, n2 = rows.ravel(), columns.ravel()
            yield np.full_like(n, d), s - n, other - n2, n, n2

    def _keys(self, d: Any, k: Any, k2: Any, n: Any) -> NDArray[np.int64]:
        """A number for each entry; that of n' follows from it."""
        side = self._e.n + 1
        return np.asarray(((d * side + k) * side + k2) * (self._photons + 1) + n)

    def place(self, d: Any, k: Any, k2: Any, n: Any, n2: Any) -> NDArray[np.int64]:
        """Indices of entries, −1 where an entry does not exist."""
        e, photons = self._e, self._photons
        inside = (d >= 0) & (d < self._ladders) & (k + n - k2 - n2 == self._difference)
        for number in (k, k2):
            inside &= (number >= d) & (number <= e.n - d)
        for number in (n, n2):
            inside &= (number >= 0) & (number <= photons)
        keys = self._keys(*(np.where(inside, x, 0) for x in (d, k, k2, n)))
        at = np.minimum(np.searchsorted(self._sorted, keys), len(self) - 1)
        inside &= self._sorted[at] == keys
        return np.where(inside, self._order[at], -1)

    def moved(
        self, values: Any, *, b: int = 0, k: tuple[int, int] = (0, 0), n: tuple[int, int] = (0, 0)
    ) -> tuple[Any, Any, Any]:
        """Triplets that map each entry to another one, multiplied by values.

        Args:
            values: factors, (S,).
            b: step of the ladder.
            k: steps of the excitations in row and column.
            n: steps of the photons in row and column.
        """
        target = self.place(
            self.d + b, self.k + k[0], self.k2 + k[1], self.n + n[0], self.n2 + n[1]
        )
        source = np.flatnonzero((target >= 0) & (values != 0))
        return target[source], source, values[source]

    def _generator(self) -> Any:
        """The sparse matrix L of dρ/dt = Lρ."""
        from scipy.sparse import csr_array

        e, mode, d = self._e, self._problem.mode, self.d
        g = complex(self._problem.coupling[0])
        triplets = []
        left, right = processes(e, self.k, d), processes(e, self.k2, d)
        for (a, b), (strength, square) in left.items():
            if (a, b) == (0, 0):  # dephasing by σ_z: f = M and f' = M' have signs
                factors = (self.k - e.n / 2) * (self.k2 - e.n / 2)
            else:
                factors = np.sqrt(square * right[a, b][1])
            triplets.append(self.moved(strength * factors, b=b, k=(a, a)))
        leaving = mode.linewidth * np.sqrt(self.n * 1.0 * self.n2)
        triplets.append(self.moved(leaving, n=(-1, -1)))

        def energy(k: NDArray[Any], n: NDArray[Any]) -> NDArray[np.complex128]:
            """The complex energy of H_eff: a ket evolves with e^{−i·energy·t}."""
            bright = (k - d) * (e.n - d - k + 1.0)
            own = e.exchange * bright + (e.detuning - e.exchange) * k + e.energy(k)
            own = own + mode.detuning * n
            return np.asarray(own - 0.5j * (lost(e, k, d) + mode.linewidth * n))

        both = energy(self.k, self.n) - energy(self.k2, self.n2).conj()
        triplets.append(self.moved(-1j * both))

        def down(k: NDArray[Any], n: NDArray[Any]) -> NDArray[np.float64]:
            """The element of a†J⁻ from (k, n) to (k − 1, n + 1)."""
            return np.sqrt((n + 1.0) * (k - d) * (e.n - d - k + 1.0))

        def up(k: NDArray[Any], n: NDArray[Any]) -> NDArray[np.float64]:
            """The element of aJ⁺ from (k, n) to (k + 1, n − 1)."""
            return np.sqrt(1.0 * n * (k + 1.0 - d) * (e.n - d - k))

        row, column = (self.k, self.n), (self.k2, self.n2)
        triplets.append(self.moved(-1j * g * down(*row), k=(-1, 0), n=(1, 0)))
        triplets.append(self.moved(-1j * np.conj(g) * up(*row), k=(1, 0), n=(-1, 0)))
        triplets.append(self.moved(1j * np.conj(g) * down(*column), k=(0, -1), n=(0, 1)))
        triplets.append(self.moved(1j * g * up(*column), k=(0, 1), n=(0, -1)))
        rows, columns, values = (np.concatenate(part) for part in zip(*triplets, strict=True))
        size = len(d)
        return csr_array((values.astype(complex), (rows, columns)), shape=(size, size))
