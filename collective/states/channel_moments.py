r"""Correlations of channels and populations of levels of `Atoms` in a given state.

With the lowering operators σ⁻_c of one atom and its vector v or one excitation c_me, the vectors

.. math:: a_{mc} = σ^-_c|v_m⟩, \qquad w_{mc} = \sum_e ⟨g|σ^-_c|e⟩\,c_{me}

give ⟨σ⁺_mcσ⁻_nc'⟩: of a product ⟨a_mc|v_m⟩⟨v_n|a_nc'⟩ for m ≠ n and ⟨a_mc|a_mc'⟩ for m = n, of one
excitation w*_mc w_nc'.
"""

from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective._tools.operators import local
from collective.couplings.channels import ChannelCouplings
from collective.states.of_atoms import level_vectors_of, one_excitation_of
from collective.states.protocol import State

if TYPE_CHECKING:
    from qutip import Qobj

_COPIES = 3  # of the matrix of correlations, while it is built
_NOTHING = 1e-14  # a weight of a mixture that is only round-off

Moments = tuple[NDArray[np.complex128], NDArray[np.float64]]


def of_channels(state: "State | Qobj", channels: ChannelCouplings) -> Moments:
    """⟨σ⁺_cσ⁻_c'⟩ (N·C, N·C) and the populations (N, L) of a checked state."""
    side = len(channels.decay)
    require(16 * _COPIES * side**2, f"correlations of {side:,} channels", "use fewer atoms")
    if not isinstance(state, State):
        return _of_qutip(state, channels)
    vectors = level_vectors_of(state, channels.atoms)
    if vectors is not None:
        return _of_product(vectors, channels)
    amplitudes = one_excitation_of(state, channels.atoms)
    assert amplitudes is not None  # other states are refused when they are checked
    return _of_one_excitation(amplitudes, channels)


def _of_product(vectors: NDArray[np.complex128], channels: ChannelCouplings) -> Moments:
    """Those of independent atoms with the vectors (N, L)."""
    n = len(channels)
    lowered = np.einsum("cge,me->mcg", channels.atoms.channels, vectors)
    mean = np.einsum("mg,mcg->mc", vectors.conj(), lowered)
    found = np.outer(mean.conj(), mean).reshape(n, mean.shape[1], n, mean.shape[1])
    own = np.einsum("mcg,mdg->mcd", lowered.conj(), lowered)
    found[range(n), :, range(n), :] = own
    return found.reshape(mean.size, mean.size), np.abs(vectors) ** 2


def _of_one_excitation(amplitudes: NDArray[np.complex128], channels: ChannelCouplings) -> Moments:
    """Those of one excitation with amplitudes (N, n_e), above a single ground level."""
    upper = amplitudes.shape[1]
    field = (amplitudes @ channels.atoms.channels[:, -1, :upper].T).ravel()
    excited = np.abs(amplitudes) ** 2
    ground = 1 - excited.sum(axis=1, keepdims=True)
    return np.outer(field.conj(), field), np.concatenate([excited, ground], axis=1)


def _of_qutip(state: "Qobj", channels: ChannelCouplings) -> Moments:
    """Those of a QuTiP ket or density matrix."""
    n, count = len(channels), len(channels.atoms.levels)
    levels = (count,) * n
    kets = state.full()
    if not state.isket:
        require(64 * prod(levels) ** 2, "the eigenvectors of a density matrix", "use a ket")
        weights, vectors = np.linalg.eigh(kets)
        kept = weights > _NOTHING
        kets = vectors[:, kept] * np.sqrt(weights[kept])
    side = len(channels.decay)
    require(16 * side * kets.size, f"the correlations of {n} atoms", "use fewer atoms")
    lowered = np.array(
        [local(levels, m, lower) @ kets for m in range(n) for lower in channels.atoms.channels]
    ).reshape(side, -1)
    chances = np.sum(np.abs(kets) ** 2, axis=1).reshape(levels)
    each = [chances.sum(axis=tuple(j for j in range(n) if j != m)) for m in range(n)]
    return lowered.conj() @ lowered.T, np.array(each)
