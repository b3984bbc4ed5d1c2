r"""The 2^N configurations of N two-level emitters by excitation block, and their permutations.

A configuration is an integer whose bit m says whether emitter m is excited. Without a drive the
excitation number k only falls by jumps, so every fast engine works in these excitation blocks of
n_k = C(N, k) configurations. Within a block H_eff moves an excitation from m to l:
:math:`⟨c'|H|c⟩ = h_{lm}`, with the matrix h of one excitation; a diagonal element is the sum of
h_mm over the excited emitters. Permutations of the emitters that change neither couplings nor state
group the configurations into orbits.

The file is longer than others: both kinds of tables serve every run by blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.couplings import Couplings
from collective.engines.request import Request
from collective.states import State
from collective.states.answers import (
    NOTHING,
    amplitudes_of,
    numbers,
    one_excitation_of,
    probabilities_of,
    spinors_of,
    weights_of,
)
from collective.states.checking import configurations
from collective.states.recipes import same_spinors

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.emitters import Emitters

LARGEST = 62  # emitters: as many bits as an integer has
_SAME = 1e-12  # relative: couplings that a permutation leaves unchanged
_MOST = 1000  # permutations; with more of them, the tables of images cost more than they save
_MOST_COMPARED = 2**18  # configurations; the blocks of more of them fit on no machine


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


def permuted(configurations: NDArray[np.int64], permutation: Sequence[int]) -> NDArray[np.int64]:
    """Configurations with emitter m moved to permutation[m]."""
    moved = np.zeros_like(configurations)
    for m, to in enumerate(permutation):
        moved |= (configurations >> m & 1) << int(to)
    return moved


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


def one_excitation(couplings: Any) -> NDArray[np.complex128]:
    """The matrix h = δ + Δ − iΓ/2 of one excitation, (N, N), without the mean frequency.

    The mean frequency is multiplied by k and drops out of every block (k, k).
    """
    matrix = np.asarray(couplings.effective_hamiltonian(), dtype=complex)
    mean = np.mean(np.diagonal(matrix).real)
    return matrix - mean * np.eye(len(matrix))


def group(request: Request, symmetries: Sequence[Sequence[int]] = ()) -> list[NDArray[np.int64]]:
    """Permutations that change neither couplings nor state, closed under composition.

    Args:
        request: a request of Couplings; the reversal of the order of its emitters is always tried.
        symmetries: further permutations.

    Raises:
        ValueError: if a permutation of the user changes couplings or state.
    """
    n = len(request.couplings)
    identity = np.arange(n)
    generators = []
    for i, given in enumerate(checked_permutations(symmetries, n)):
        permutation = np.array(given)
        if not _unchanged(request.couplings, permutation):
            raise ValueError(f"symmetries[{i}] does not leave the couplings unchanged: {given}")
        if not _shared(request, permutation):
            raise ValueError(f"symmetries[{i}] does not leave the state unchanged: {given}")
        generators.append(permutation)
    reversal = identity[::-1]
    if n > 1 and _unchanged(request.couplings, reversal) and _shared(request, reversal):
        generators.append(reversal)
    found = {tuple(identity.tolist()): identity}
    frontier = [identity]
    while frontier:
        if len(found) > _MOST:
            raise ValueError(
                f"symmetries generate more than {_MOST} permutations: give fewer generators; "
                "identical couplings take method='symmetric'"
            )
        frontier = [
            product
            for g in frontier
            for s in generators
            if tuple((product := s[g]).tolist()) not in found
            and found.setdefault(tuple(product.tolist()), product) is product
        ]
    return list(found.values())


def checked_permutations(symmetries: Any, n: int | None = None) -> tuple[tuple[int, ...], ...]:
    """Checked permutations as tuples.

    Args:
        symmetries: a list, a tuple or an array of sequences of integers.
        n: number of emitters; None for any.

    Raises:
        ValueError: for anything that is not such permutations.
    """
    array = isinstance(symmetries, np.ndarray) and symmetries.ndim > 0
    if not (isinstance(symmetries, list | tuple) or array):
        raise ValueError(
            "symmetries must be 'auto' or a list of permutations of the emitters, such as "
            f"[[2, 1, 0]]; got {checks.short(symmetries)}"
        )
    found = []
    for i, permutation in enumerate(symmetries):
        try:
            order = tuple(index(m) for m in permutation)
        except TypeError:
            order = ()
        size = len(order) if n is None else n
        if not order or sorted(order) != list(range(size)):
            last = "N − 1" if n is None else n - 1
            raise ValueError(
                f"symmetries[{i}] must be a permutation of 0 … {last}, got "
                f"{checks.short(permutation)}"
            )
        found.append(order)
    return tuple(found)


def _unchanged(couplings: Couplings, p: NDArray[np.int64]) -> bool:
    """Whether Γ, Δ, δ and γ_φ stay the same if the emitters are permuted."""
    scale = _SAME * max(float(np.abs(couplings.decay).max()), float(np.abs(couplings.shift).max()))
    matrices = (couplings.decay, couplings.shift)
    vectors = (couplings.detunings, couplings.dephasing)
    return all(np.abs(a[np.ix_(p, p)] - a).max() <= scale for a in matrices) and all(
        np.abs(a[p] - a).max() <= scale for a in vectors
    )


def _shared(request: Request, p: NDArray[np.int64]) -> bool:
    """Whether the blocks of the state stay the same if the emitters are permuted."""
    state, n = request.state, len(request.couplings)
    if isinstance(state, State):
        return state.symmetric(n) or _recipe_shared(state, p, request.couplings.emitters)
    every = np.arange(1 << n)
    places = qutip_index(n, every)
    order = qutip_index(n, permuted(every, tuple(p.tolist())))[np.argsort(places)]
    counts = np.bitwise_count(every)[np.argsort(places)]
    matrix = state.full()
    if state.isket:  # each excitation block may be multiplied by a phase
        ket = matrix[:, 0]
        weights = np.bincount(counts, np.abs(ket) ** 2)
        overlaps = ket.conj() * ket[order]
        real, imaginary = (np.bincount(counts, part) for part in (overlaps.real, overlaps.imag))
        return bool(np.all(weights - np.hypot(real, imaginary) < _SAME))
    same = counts[:, None] == counts[None, :]
    return bool(np.abs((matrix[np.ix_(order, order)] - matrix)[same]).max() < _SAME)


def _recipe_shared(state: State, p: NDArray[np.int64], emitters: "Emitters | None") -> bool:
    """Whether the blocks of a `State` that is not symmetric stay the same under a permutation."""
    n = len(p)
    chances = probabilities_of(state, n)
    if chances is not None:
        return bool(np.abs(chances[p] - chances).max() <= _SAME)
    each = spinors_of(state, n)
    if each is not None:
        return same_spinors(each, each[p])
    present = numbers(state, n)
    if sum(comb(n, k) for k in present) > _MOST_COMPARED:
        return False
    overlap = 0.0  # each block may be multiplied by a phase
    for k in present:
        excited = configurations(n, k)
        found = amplitudes_of(state, excited, emitters)
        moved = np.empty_like(excited)
        moved[:, p] = excited
        overlap += float(abs(np.vdot(found, amplitudes_of(state, moved, emitters))))
    return bool(abs(overlap - 1) < _SAME)


def orbits(n: int, highest: int, permutations: list[NDArray[np.int64]]) -> list[int]:
    """The number of orbits of the configurations with k = 0 … highest excitations.

    By Burnside's lemma it is the mean over the permutations of the number of configurations that a
    permutation does not change. For cycles of lengths l this number is the coefficient of x^k in
    the product of 1 + x^l.
    """
    total = np.zeros(n + 1)
    for permutation in permutations:
        fixed, left = np.zeros(n + 1), set(range(n))
        fixed[0] = 1
        while left:
            m = start = left.pop()
            length = 1
            while (m := int(permutation[m])) != start:
                left.discard(m)
                length += 1
            fixed[length:] += fixed[:-length].copy()
        total += fixed
    return [round(x) for x in total[: highest + 1] / len(permutations)]
