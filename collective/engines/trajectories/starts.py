"""The initial vectors of trajectories within excitation blocks, each with its weight.

A ket has one vector for each number of excitations, and a density matrix has several. A mixture of
independent emitters has one for each configuration: these vectors are made when they are drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.configurations import ExcitationBlocks, ensemble
from collective.states import State
from collective.states.answers import probabilities_of, weights_of

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.emitters import Emitters


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors, each with its number of excitations, and their cumulative weights (M,)."""

    cumulative: NDArray[np.float64]
    vectors: list[tuple[int, NDArray[np.complex128]]]

    def drawn(self, chances: NDArray[np.float64]) -> NDArray[np.int64]:
        """The members that belong to random numbers from 0 to 1."""
        return _drawn(self.cumulative, chances)

    def member(self, i: int) -> tuple[int, NDArray[np.complex128]]:
        """The number of excitations and the vector of one member."""
        return self.vectors[i]

    def pairs(self, blocks: ExcitationBlocks) -> NDArray[np.complex128]:
        """⟨σ⁺_mσ⁻_n⟩ of the initial state, (N, N)."""
        found = np.zeros((blocks.n, blocks.n), complex)
        for k, vector in self.vectors:
            if k > 0:
                # the tables of all blocks are not built: the user has pressed Ctrl-C and is waiting
                places, who = blocks.raised(k - 1)
                lowered = np.zeros((len(places), blocks.n), complex)
                np.put_along_axis(lowered, who, vector[places], axis=1)
                found += lowered.conj().T @ lowered
        return found


@dataclass(frozen=True, eq=False)
class Configurations:
    """All configurations of independent emitters, with cumulative weights (M,).

    Attributes:
        cumulative: of the configurations, those with fewer excitations first.
        firsts: the first member of each number of excitations.
        sizes: the number of configurations of each number of excitations.
        probabilities: that each emitter is excited, (N,).
    """

    cumulative: NDArray[np.float64]
    firsts: NDArray[np.int64]
    sizes: Sequence[int]
    probabilities: NDArray[np.float64]

    def drawn(self, chances: NDArray[np.float64]) -> NDArray[np.int64]:
        """The members that belong to random numbers from 0 to 1."""
        return _drawn(self.cumulative, chances)

    def member(self, i: int) -> tuple[int, NDArray[np.complex128]]:
        """The number of excitations of one member, and the vector of its configuration."""
        k = int(np.searchsorted(self.firsts, i, side="right")) - 1
        vector = np.zeros(self.sizes[k], complex)
        vector[i - self.firsts[k]] = 1.0
        return k, vector

    def pairs(self, blocks: ExcitationBlocks) -> NDArray[np.complex128]:
        """⟨σ⁺_mσ⁻_n⟩ of the initial state, (N, N)."""
        return np.diag(self.probabilities).astype(complex)


def starts(
    state: "State | Qobj", blocks: ExcitationBlocks, emitters: "Emitters | None"
) -> Vectors | Configurations:
    """The initial vectors of a checked state in all blocks.

    Args:
        state: a `State`, or a QuTiP ket or density matrix.
        blocks: the tables of configurations, up to the highest number that the state has.
        emitters: their positions give the phases of `timed_dicke`; None where they are not known.
    """
    numbers = range(len(blocks.sizes))
    chances = probabilities_of(state, blocks.n)
    if chances is not None:
        weights = [weights_of(state, blocks.excited(k)) for k in numbers]
        cumulative = np.concatenate([each for each in weights if each is not None])
        np.cumsum(cumulative, out=cumulative)
        cumulative /= cumulative[-1]
        firsts = np.cumsum([0, *blocks.sizes[:-1]])
        return Configurations(cumulative, firsts, blocks.sizes, chances)
    found = [(k, v) for k in numbers for v in ensemble(state, blocks, k, emitters).T]
    norms = np.array([np.vdot(vector, vector).real for _, vector in found])
    return Vectors(np.cumsum(norms) / norms.sum(), found)


def _drawn(cumulative: NDArray[np.float64], chances: NDArray[np.float64]) -> NDArray[np.int64]:
    """The first members whose cumulative weights are above the chances; all have a weight."""
    last = np.searchsorted(cumulative, cumulative[-1])
    return np.minimum(np.searchsorted(cumulative, chances, side="right"), last)
