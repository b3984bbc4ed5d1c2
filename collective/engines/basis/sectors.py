r"""The 2^N configurations of N two-level emitters, sorted by how many are excited.

A configuration is an integer whose bit m says whether emitter m is excited. Without a drive the
excitation number k only falls by jumps, so every fast engine works in these sectors of
n_k = C(N, k) configurations, and within one H_eff moves an excitation from m to l:
:math:`⟨c'|H|c⟩ = h_{lm}`, the matrix of one excitation, its diagonal summed over the excited.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.states import State
from collective.states.answers import NOTHING, amplitudes_of

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.emitters import Emitters

LARGEST = 62  # emitters: bits of an integer


@dataclass(frozen=True, eq=False)
class Sectors:
    """Tables of N emitters, for up to `highest` excitations.

    Attributes:
        n: N.
        highest: largest excitation number kept.
    """

    n: int
    highest: int

    @cached_property
    def sizes(self) -> list[int]:
        """C(N, k) for k = 0 … highest."""
        return [comb(self.n, k) for k in range(self.highest + 1)]

    @cached_property
    def _sorted(self) -> list[NDArray[np.int64]]:
        found = [np.zeros(1, dtype=np.int64)]
        for k in range(1, self.highest + 1):
            # emitter m the highest excited one, below it any k − 1
            fewer = found[-1]
            parts = [fewer[: comb(m, k - 1)] | (1 << m) for m in range(k - 1, self.n)]
            found.append(np.concatenate(parts))
        return found

    def rank(self, k: int, configurations: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Place of configurations with k excited emitters in their sector."""
        return np.searchsorted(self._sorted[k], configurations).astype(np.uint32)

    def configurations(self, k: int) -> NDArray[np.int64]:
        """Bit strings with k excited emitters, ascending, (n_k,)."""
        return self._sorted[k]

    def excited(self, k: int) -> NDArray[np.bool_]:
        """Which emitters are excited, (n_k, N)."""
        return (self.configurations(k)[:, None] >> np.arange(self.n)) & 1 == 1

    def occupied(self, k: int) -> NDArray[np.int64]:
        """The excited emitters, (n_k, k)."""
        return np.nonzero(self.excited(k))[1].reshape(self.sizes[k], k)

    def empty(self, k: int) -> NDArray[np.int64]:
        """The others, (n_k, N − k)."""
        return np.nonzero(~self.excited(k))[1].reshape(self.sizes[k], self.n - k)

    def hops(self, k: int) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
        """Where one excitation of each configuration can go within its sector.

        Returns:
            target, (n_k, k(N−k)): place of the configuration with the excitation of m moved to l;
            m and l, likewise.
        """
        here = self.configurations(k)[:, None, None]
        m = self.occupied(k)[:, :, None]
        to = self.empty(k)[:, None, :]
        target = self.rank(k, here ^ (1 << m) ^ (1 << to))
        shape = target.shape
        flat = (len(here), shape[1] * shape[2])
        return (
            target.reshape(flat),
            np.broadcast_to(m, shape).reshape(flat),
            np.broadcast_to(to, shape).reshape(flat),
        )

    def lowered(self, k: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Places in sector k−1 once one of the excitations has left, and which: (n_k, k) each."""
        m = self.occupied(k)
        return self.rank(k - 1, self.configurations(k)[:, None] ^ (1 << m)), m

    def raised(self, k: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Places in sector k+1 after another emitter is excited, and which: (n_k, N−k) each."""
        m = self.empty(k)
        return self.rank(k + 1, self.configurations(k)[:, None] | (1 << m)), m


def permuted(configurations: NDArray[np.int64], permutation: Sequence[int]) -> NDArray[np.int64]:
    """Configurations with emitter m moved to permutation[m]."""
    moved = np.zeros_like(configurations)
    for m, to in enumerate(permutation):
        moved |= (configurations >> m & 1) << int(to)
    return moved


def qutip_index(n: int, configurations: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index in QuTiP's basis: emitter 0 leftmost, excited first."""
    index = np.zeros_like(configurations)
    for m in range(n):
        index |= (1 - (configurations >> m & 1)) << (n - 1 - m)
    return index


def ensemble(
    state: "State | Qobj", sectors: Sectors, k: int, emitters: "Emitters | None"
) -> NDArray[np.complex128]:
    """Vectors whose projectors sum to the block of ρ with k excitations on both sides.

    Coherences between different k do not enter: without a drive they evolve by themselves, and
    ⟨σ⁺_mσ⁻_n⟩ does not see them.

    Args:
        state: a `State`, or a QuTiP ket or density matrix.
        sectors: tables.
        k: excitation number.
        emitters: for the phases of `timed_dicke`.

    Returns:
        (n_k, R), orthogonal, not normalised; R = 0 where the block is empty.
    """
    if isinstance(state, State):
        vectors = amplitudes_of(state, sectors.excited(k), emitters)[:, None]
    else:
        places = qutip_index(sectors.n, sectors.configurations(k))
        matrix = state.full()
        if state.isket:
            vectors = matrix[places]
        else:
            values, columns = np.linalg.eigh(matrix[np.ix_(places, places)])
            kept = values > NOTHING
            vectors = columns[:, kept] * np.sqrt(values[kept])
    vectors = np.asarray(vectors, dtype=complex)
    return vectors[:, np.any(vectors != 0, axis=0)]


def one_excitation(couplings: Any) -> NDArray[np.complex128]:
    """One excitation's h = δ + Δ − iΓ/2, without what is the same for every emitter of a sector.

    The mean transition frequency multiplies k and drops out of every block (k, k).
    """
    matrix = np.asarray(couplings.effective_hamiltonian(), dtype=complex)
    mean = np.mean(np.diagonal(matrix).real)
    return matrix - mean * np.eye(len(matrix))
