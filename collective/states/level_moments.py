r"""Density matrices of one atom and of two atoms in an initial state of `Atoms`.

They are known for any number of atoms if these are independent, or if one of them is excited:

.. math:: ρ_m = (1 − |c_m|^2)|g⟩⟨g| + |c_m⟩⟨c_m|, \qquad
          ρ_{mn} = (1 − |c_m|^2 − |c_n|^2)|gg⟩⟨gg| + |ψ_{mn}⟩⟨ψ_{mn}|, \qquad
          |ψ_{mn}⟩ = |c_m⟩|g⟩ + |g⟩|c_n⟩.

A QuTiP state has L^N numbers, from which they are read off.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.emitters import Atoms
from collective.states.of_atoms import level_vectors_of, one_excitation_of
from collective.states.protocol import State

if TYPE_CHECKING:
    from qutip import Qobj

_SAME = 1e-8  # by this much entries of ρ may differ from those of a product

Matrices = NDArray[np.complex128]


def uncorrelated_matrices(state: "State | Qobj", atoms: Atoms) -> Matrices | None:
    """The density matrix of each atom, (N, L, L), or None if atoms are correlated."""
    if isinstance(state, State):
        vectors = level_vectors_of(state, atoms)
        if vectors is None:
            return _alone(state, atoms) if len(atoms) == 1 else None
        return vectors[:, :, None] * vectors[:, None, :].conj()
    found = matrices(state, atoms)
    count = len(atoms.levels)
    require(48 * count ** (2 * len(atoms)), "the comparison of a density matrix", "use fewer atoms")
    product = np.ones((1, 1), dtype=complex)
    for each in found:
        product = np.kron(product, each)
    return found if np.abs(product - _whole(state)).max() <= _SAME else None


def matrices(state: "State | Qobj", atoms: Atoms) -> Matrices:
    """The density matrix of each atom, (N, L, L)."""
    if isinstance(state, State):
        found = uncorrelated_matrices(state, atoms)
        return _alone(state, atoms) if found is None else found
    return np.array([state.ptrace(m).full() for m in range(len(atoms))])


def correlations(state: "State | Qobj", atoms: Atoms) -> dict[tuple[int, int], Matrices]:
    """ρ_mn − ρ_m ⊗ ρ_n of the pairs m < n, (L², L²) each; empty if atoms are independent."""
    n = len(atoms)
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    if not isinstance(state, State):
        each = matrices(state, atoms)
        return {(a, b): state.ptrace([a, b]).full() - np.kron(each[a], each[b]) for a, b in pairs}
    if level_vectors_of(state, atoms) is not None:
        return {}
    amplitudes, each = _amplitudes(state, atoms), matrices(state, atoms)
    weights = np.sum(np.abs(amplitudes) ** 2, axis=1)
    ground = np.zeros(len(atoms.levels))
    ground[-1] = 1.0
    both = np.outer(np.kron(ground, ground), np.kron(ground, ground))
    found = {}
    for a, b in pairs:
        ket = np.kron(amplitudes[a], ground) + np.kron(ground, amplitudes[b])
        together = np.outer(ket, ket.conj()) + (1 - weights[a] - weights[b]) * both
        found[a, b] = together - np.kron(each[a], each[b])
    return found


def _amplitudes(state: State, atoms: Atoms) -> Matrices:
    """The amplitudes of one excitation, (N, L), zero in the ground level."""
    excited = one_excitation_of(state, atoms)
    assert excited is not None
    return np.concatenate([excited, np.zeros((len(atoms), 1))], axis=1)


def _alone(state: State, atoms: Atoms) -> Matrices:
    """ρ_m of a state of one excitation."""
    amplitudes = _amplitudes(state, atoms)
    found = amplitudes[:, :, None] * amplitudes[:, None, :].conj()
    found[:, -1, -1] = 1 - np.sum(np.abs(amplitudes) ** 2, axis=1)
    return found


def _whole(state: "Qobj") -> Matrices:
    """The density matrix of a QuTiP state."""
    found: Matrices = (state.proj() if state.isket else state).full()
    return found
