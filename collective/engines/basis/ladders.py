"""The Dicke states of one species of emitters: entries of operators, and steps between them.

An operator that no exchange of the n emitters changes consists of entries |J, M⟩⟨J, M'|, summed
over the copies of each ladder J = n/2 − d, with k = M + n/2 excitations in the row and k' in the
column. A term of the generator moves each entry to at most one other.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.dicke import Identical, lost, processes

# the entry that each one goes to, or −1 for none, and the amplitudes
Move = tuple[NDArray[np.int64], NDArray[Any]]


class Ladders:
    """The entries of one species.

    Args:
        e: its emitters.
        all_ladders: whether all ladders are kept, or the longest one only.
        top: the largest number of excitations.
        reach: the largest difference between the excitations of row and column.

    Attributes:
        d: dark pairs, (E,).
        k: excitations of the row, (E,).
        k2: excitations of the column, (E,).
    """

    def __init__(self, e: Identical, all_ladders: bool, top: int, reach: int):
        self.e, self.n = e, e.n
        parts = []
        for d in range(min(e.n // 2, top) + 1 if all_ladders else 1):
            inside = np.arange(d, min(e.n - d, top) + 1)
            k, k2 = (x.ravel() for x in np.meshgrid(inside, inside, indexing="ij"))
            near = np.abs(k - k2) <= reach
            parts.append(np.stack([np.full(near.sum(), d), k[near], k2[near]]))
        self.d, self.k, self.k2 = np.concatenate(parts, axis=1)
        self._keys = self._key(self.d, self.k, self.k2)

    def __len__(self) -> int:
        return len(self.d)

    def _key(self, d: NDArray[Any], k: NDArray[Any], k2: NDArray[Any]) -> NDArray[np.int64]:
        """A number for each entry, larger for later ones."""
        return (d * (self.n + 1) + k) * (self.n + 1) + k2

    def place(self, d: NDArray[Any], k: NDArray[Any], k2: NDArray[Any]) -> NDArray[np.int64]:
        """Indices of entries, −1 for one that does not exist."""
        n = self.n
        inside = (d >= 0) & (k >= d) & (k <= n - d) & (k2 >= d) & (k2 <= n - d)
        keys = np.where(inside, self._key(d, k, k2), -1)
        found = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[found] == keys, found, -1)

    def _moved(self, a: int, a2: int, b: int, amplitudes: NDArray[Any]) -> Move:
        """The step to k + a, k' + a2 and d + b."""
        return self.place(self.d + b, self.k + a, self.k2 + a2), amplitudes

    def _squared(self, k: NDArray[Any]) -> NDArray[np.float64]:
        """The squared norm |J⁻|J, M⟩|², (E,)."""
        return (k - self.d) * (self.n - self.d - k + 1.0)

    @cached_property
    def bright(self) -> NDArray[np.float64]:
        """⟨J⁺J⁻⟩ of the row, (E,)."""
        return self._squared(self.k)

    @cached_property
    def lower(self) -> Move:
        """J⁻X."""
        return self._moved(-1, 0, 0, np.sqrt(self._squared(self.k)))

    @cached_property
    def raised(self) -> Move:
        """J⁺X."""
        return self._moved(1, 0, 0, np.sqrt(np.maximum(self._squared(self.k + 1), 0)))

    @cached_property
    def lower_column(self) -> Move:
        """XJ⁺."""
        return self._moved(0, -1, 0, np.sqrt(self._squared(self.k2)))

    @cached_property
    def raised_column(self) -> Move:
        """XJ⁻."""
        return self._moved(0, 1, 0, np.sqrt(np.maximum(self._squared(self.k2 + 1), 0)))

    def jumps(self, *, photons: bool) -> list[Move]:
        """The jumps of this species alone: those with a photon, or all others."""
        left, right = processes(self.e, self.k, self.d), processes(self.e, self.k2, self.d)
        found = []
        for (a, b), (strength, square) in left.items():
            if photons != (a == -1):
                continue
            if (a, b) == (0, 0):  # dephasing by σ_z: f = M and f' = M' have signs
                factors = (self.k - self.n / 2) * (self.k2 - self.n / 2)
            else:
                factors = np.sqrt(square * right[a, b][1])
            found.append(self._moved(a, a, b, strength * factors))
        return found

    def turned(self) -> NDArray[np.complex128]:
        """−i(E − E'*) of each entry, with the complex energies of H_eff, (E,)."""

        def energy(k: NDArray[Any]) -> NDArray[np.complex128]:
            e, bright = self.e, self._squared(k)
            own = e.exchange * bright + (e.detuning - e.exchange) * k + e.energy(k)
            return np.asarray(own - 0.5j * lost(e, k, self.d))

        return np.asarray(-1j * (energy(self.k) - energy(self.k2).conj()))


def clebsch(n: int, d: Any, k: Any, s: Any, up: bool) -> NDArray[np.float64]:
    """⟨j, m; s|J, M⟩ with J = j ± ½, where k = m + n/2 of the others are excited."""
    width = n - 2 * d + 1.0  # 2j + 1
    above, below = k - d, n - d - k  # j + m, j − m
    if up:
        return np.sqrt(np.where(s == 1, above + 1, below + 1) / width)
    return np.sqrt(np.where(s == 1, below, above) / width) * np.where(s == 1, -1, 1)
