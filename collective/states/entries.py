"""Moments of pairs and triples of emitters, read off a ket or ρ where no closed form is known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import excited


@dataclass(frozen=True, eq=False)
class PairMoments:
    """Raw moments of one and of two emitters; entries m = n are zero.

    Attributes:
        lowered: ⟨σ⁻_n⟩, (N,) complex.
        inversion: ⟨z_n⟩, (N,) real.
        exchange: ⟨σ⁺_mσ⁻_n⟩, (N, N) complex, Hermitian.
        double: ⟨σ⁻_mσ⁻_n⟩, (N, N) complex, symmetric.
        mixed: ⟨z_mσ⁻_n⟩, (N, N) complex.
        inversions: ⟨z_mz_n⟩, (N, N) real, symmetric.
    """

    lowered: NDArray[np.complex128]
    inversion: NDArray[np.float64]
    exchange: NDArray[np.complex128]
    double: NDArray[np.complex128]
    mixed: NDArray[np.complex128]
    inversions: NDArray[np.float64]


def pairs_of(
    lowered: NDArray[np.complex128], inversion: NDArray[np.float64], *pairs: NDArray[Any]
) -> PairMoments:
    """The moments, with the diagonals of the pairs set to zero."""
    for each in pairs:
        np.fill_diagonal(each, 0)
    return PairMoments(lowered, inversion, *pairs)


def triples_of(
    hops: NDArray[np.complex128], inversions: NDArray[np.float64]
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Both moments with zeros where two of the three emitters coincide."""
    all_of = np.arange(len(hops))
    for each in (hops, inversions):
        each[all_of, all_of, :] = 0
        each[all_of, :, all_of] = 0
        each[:, all_of, all_of] = 0
    return hops, inversions


class Entries:
    """Moments read off a ket or ρ in QuTiP's basis.

    An operator of σ⁺ and σ⁻ leads from each configuration s to one t, which differs in the emitters
    concerned: its mean is the sum of the entries ρ_st over the s on which it is not zero.

    Args:
        matrix: a ket (2^N, 1), or ρ (2^N, 2^N).
        n: N.
    """

    def __init__(self, matrix: NDArray[Any], n: int):
        self._matrix, self._n = matrix, n
        self._up = excited(n)
        self._z = 2.0 * self._up - 1
        self._weights = self._between().real

    def _between(self, *emitters: int) -> NDArray[np.complex128]:
        """The entries ρ_st, (2^N,), where t is s with these emitters flipped."""
        s = np.arange(2**self._n)
        t = s ^ sum(1 << (self._n - 1 - m) for m in emitters)
        if self._matrix.shape[1] == 1:
            return np.asarray(self._matrix[s, 0] * self._matrix[t, 0].conj())
        return np.asarray(self._matrix[s, t])

    def _lowering(self, n: int) -> NDArray[np.complex128]:
        """The terms of ⟨σ⁻_n⟩."""
        return self._between(n) * self._up[:, n]

    def _hop(self, m: int, n: int) -> NDArray[np.complex128]:
        """The terms of ⟨σ⁺_mσ⁻_n⟩."""
        return self._between(m, n) * (self._up[:, n] & ~self._up[:, m])

    def lowered(self) -> NDArray[np.complex128]:
        """⟨σ⁻_n⟩, (N,)."""
        return np.array([self._lowering(n).sum() for n in range(self._n)])

    def inversion(self) -> NDArray[np.float64]:
        """⟨z_n⟩, (N,)."""
        return np.asarray(self._weights @ self._z)

    def pairs(self) -> PairMoments:
        """All moments of one and of two emitters."""
        exchange, double, mixed = np.zeros((3, self._n, self._n), dtype=complex)
        for n in range(self._n):
            mixed[:, n] = self._lowering(n) @ self._z
            for m in range(n):
                exchange[m, n] = self._hop(m, n).sum()
                exchange[n, m] = exchange[m, n].conj()
                both = self._between(m, n) @ (self._up[:, m] & self._up[:, n])
                double[m, n] = double[n, m] = both
        inversions = self._z.T @ (self._weights[:, None] * self._z)
        return pairs_of(self.lowered(), self.inversion(), exchange, double, mixed, inversions)

    def triples(self) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """⟨z_jσ⁺_mσ⁻_n⟩ and ⟨z_iz_jz_k⟩, (N, N, N) each."""
        hops = np.zeros((self._n,) * 3, dtype=complex)
        for n in range(self._n):
            for m in range(n):
                hops[:, m, n] = self._hop(m, n) @ self._z
                hops[:, n, m] = hops[:, m, n].conj()
        z = self._z
        weighted = self._weights[:, None] * z
        inversions = np.array([(z[:, i, None] * z).T @ weighted for i in range(self._n)])
        return triples_of(hops, inversions)
