r"""The 2^N configurations of N two-level emitters by excitation block, and their permutations.

A configuration is an integer whose bit m says whether emitter m is excited. Without a drive the
excitation number k only falls by jumps, so every fast engine works in these excitation blocks of
n_k = C(N, k) configurations. Within a block H_eff moves an excitation from m to l:
:math:`⟨c'|H|c⟩ = h_{lm}`, with the matrix h of one excitation; a diagonal element is the sum of
h_mm over the excited emitters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.states import State
from collective.states.answers import (
    NOTHING,
    amplitudes_of,
    one_excitation_of,
    probabilities_of,
    weights_of,
)

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.emitters import Emitters

_AT_ONCE = 2**14  # configurations whose energies are found together
LARGEST = 62  # emitters: as many bits as an integer has


@dataclass(frozen=True, eq=False)
class ExcitationBlocks:
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
            # emitter m is the highest excited one, and below it any k − 1 are excited
            fewer = found[-1]
            parts = [fewer[: comb(m, k - 1)] | (1 << m) for m in range(k - 1, self.n)]
            found.append(np.concatenate(parts))
        return found

    def rank(self, k: int, configurations: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Indices of configurations with k excited emitters within their block."""
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
        """The emitters that are not excited, (n_k, N − k)."""
        return np.nonzero(~self.excited(k))[1].reshape(self.sizes[k], self.n - k)

    def hops(self, k: int) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
        """Configurations that are reached by moving one excitation within a block.

        Returns:
            Three arrays (n_k, k(N−k)): the index of the configuration with the excitation of m
            moved to l, m, and l.
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
        """Indices in block k−1 after one excitation is lost, and the emitter: (n_k, k) each."""
        m = self.occupied(k)
        return self.rank(k - 1, self.configurations(k)[:, None] ^ (1 << m)), m

    def raised(self, k: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Indices in block k+1 after one more is excited, and the emitter: (n_k, N−k) each."""
        m = self.empty(k)
        return self.rank(k + 1, self.configurations(k)[:, None] | (1 << m)), m


def permuted(
    configurations: NDArray[np.int64], permutation: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.int64]:
    """Configurations with emitter m moved to permutation[m]."""
    moved = np.zeros_like(configurations)
    for m, to in enumerate(permutation):
        moved |= (configurations >> m & 1) << int(to)
    return moved


def permuted_places(
    bits: NDArray[np.int64],
    first: NDArray[np.int64],
    permutations: tuple[tuple[int, ...], ...],
) -> NDArray[np.uint32]:
    """The index in its block of every permuted configuration, (G, states).

    Args:
        bits: configurations, in the order of their excitation numbers, (states,).
        first: the index of the first configuration of the same block, (states,).
        permutations: of the emitters.
    """
    order = np.argsort(bits)
    ascending = bits[order]
    found = np.empty((len(permutations), len(bits)), np.uint32)
    for image, permutation in zip(found, permutations, strict=True):
        moved = np.searchsorted(ascending, permuted(ascending, permutation))
        image[order] = order[moved] - first[order]
    return found


def qutip_index(n: int, configurations: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of configurations in QuTiP's basis: emitter 0 is leftmost, excited comes first."""
    index = np.zeros_like(configurations)
    for m in range(n):
        index |= (1 - (configurations >> m & 1)) << (n - 1 - m)
    return index


def ensemble(
    state: "State | Qobj", blocks: ExcitationBlocks, k: int, emitters: "Emitters | None"
) -> NDArray[np.complex128]:
    """Vectors whose projectors sum to the block of ρ with k excitations on both sides.

    Coherences between different k do not enter: without a drive they evolve independently, and
    ⟨σ⁺_mσ⁻_n⟩ does not depend on them.

    Args:
        state: a `State`, or a QuTiP ket or density matrix.
        blocks: the tables of configurations.
        k: excitation number.
        emitters: their positions give the phases of `timed_dicke`; None where they are not known.

    Returns:
        (n_k, R), orthogonal, not normalised; R = 0 where the block is empty.
    """
    if isinstance(state, State):
        excited = blocks.excited(k)
        chances = weights_of(state, excited)
        if chances is None:
            vectors = amplitudes_of(state, excited, emitters)[:, None]
        else:
            present = np.flatnonzero(chances)
            vectors = np.zeros((len(chances), len(present)), dtype=complex)
            vectors[present, np.arange(len(present))] = np.sqrt(chances[present])
    else:
        places = qutip_index(blocks.n, blocks.configurations(k))
        matrix = state.full()
        if state.isket:
            vectors = matrix[places]
        else:
            values, columns = np.linalg.eigh(matrix[np.ix_(places, places)])
            kept = values > NOTHING
            vectors = columns[:, kept] * np.sqrt(values[kept])
    vectors = np.asarray(vectors, dtype=complex)
    return vectors[:, np.any(vectors != 0, axis=0)]


def one_excitation_vectors(
    state: "State | Qobj", n: int, emitters: "Emitters | None"
) -> NDArray[np.complex128]:
    """Vectors (n, R) whose projectors sum to ρ of one excitation, of a state with at most one."""
    if isinstance(state, State):
        chances = probabilities_of(state, n)
        if chances is None:
            return one_excitation_of(state, n, emitters)[:, None]
        # at most one emitter may be excited: the chances of the others are round-off
        return np.sqrt(np.where(chances < NOTHING, 0, chances)).astype(complex)[:, None]
    vectors = ensemble(state, ExcitationBlocks(n, 1), 1, emitters)
    return vectors if vectors.size else np.zeros((n, 1), dtype=complex)


def interaction_energies(
    ising: NDArray[np.float64], configurations: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The Ising energy Σ_{m<n} V_mn of the excited emitters of each configuration.

    Args:
        ising: V, (N, N), real and symmetric with a zero diagonal.
        configurations: bit strings, (C,).
    """
    found = np.empty(len(configurations))
    emitters = np.arange(len(ising))
    for begin in range(0, len(found), _AT_ONCE):
        some = slice(begin, begin + _AT_ONCE)
        excited = (configurations[some, None] >> emitters & 1).astype(float)
        found[some] = np.einsum("cm,cm->c", excited @ ising, excited) / 2
    return found


def one_excitation(couplings: Any) -> NDArray[np.complex128]:
    """The matrix h = δ + Δ − iΓ/2 of one excitation, (N, N), without the mean frequency.

    The mean frequency is multiplied by k and drops out of every block (k, k).
    """
    matrix = np.asarray(couplings.effective_hamiltonian(), dtype=complex)
    mean = np.mean(np.diagonal(matrix).real)
    return matrix - mean * np.eye(len(matrix))
