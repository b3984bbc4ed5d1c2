r"""The answers of an initial state for `Atoms`: product vectors, one excitation, the whole ket.

A state is a `State`, or a checked QuTiP ket or density matrix in the basis of `ChannelCouplings`.
"""

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.emitters import Atoms, Emitters
from collective.states.answers import (
    NOTHING,
    amplitudes_of,
    excitations_of,
    spinors_of,
)
from collective.states.protocol import State

if TYPE_CHECKING:
    from qutip import Qobj

_NORM = 1e-8  # by this much the norm of a user's state may differ from one


def level_vectors_of(state: Any, atoms: Atoms) -> NDArray[np.complex128] | None:
    """The checked vector of each atom in a product state, (N, L); None for other states.

    Raises:
        ValueError: for vectors of another shape, or that are not normalised; and for a state that
            these atoms do not have.
    """
    give = getattr(state, "level_vectors", None)
    if give is None:
        return spinors_of(state, len(atoms)) if _two_level(atoms) else None
    shape = len(atoms), len(atoms.levels)
    found = _checked(f"level_vectors of state {state}", give(atoms), shape)
    norms = np.sum(np.abs(found) ** 2, axis=1)
    worst = int(np.argmax(np.abs(norms - 1)))
    if abs(norms[worst] - 1) > _NORM:
        raise ValueError(
            f"level_vectors of state {state} must be normalised: that of atom {worst} has a norm "
            f"of {norms[worst]:.9g}"
        )
    return found


def one_excitation_of(state: Any, atoms: Atoms) -> NDArray[np.complex128] | None:
    """The checked amplitudes of a state of one excitation, (N, n_e); None for other states.

    Raises:
        ValueError: for atoms with several ground levels, for amplitudes of another shape, or that
            are not normalised.
    """
    upper = int(atoms.excited.sum())
    give = getattr(state, "one_excitation", None)
    if give is None:
        one = _two_level(atoms) and hasattr(state, "amplitudes")
        if not one or excitations_of(state, len(atoms)) != 1:
            return None
        each = np.eye(len(atoms), dtype=bool)
        return amplitudes_of(state, each, Emitters(atoms.positions))[:, None]
    if len(atoms.levels) - upper > 1:
        names = ", ".join(repr(name) for name in atoms.levels[upper:])
        raise ValueError(
            f"state {state} is not determined: these atoms have several ground levels, {names}; "
            "use co.states.levels, co.states.level_product or a QuTiP state"
        )
    shape = len(atoms), upper
    found = _checked(f"one_excitation of state {state}", give(atoms), shape)
    norm = float(np.vdot(found, found).real)
    if abs(norm - 1) > _NORM:
        raise ValueError(
            f"one_excitation of state {state} must be normalised: the squares sum to {norm:.9g}"
        )
    return found


def require_exists(state: State, atoms: Atoms) -> None:
    """Raise unless a state exists for these atoms."""
    if level_vectors_of(state, atoms) is None and one_excitation_of(state, atoms) is None:
        raise ValueError(
            f"state {state} is of two-level emitters, but these atoms have the levels "
            f"{', '.join(map(repr, atoms.levels[:6]))}{', …' if len(atoms.levels) > 6 else ''}: "
            "use co.states.levels, co.states.level_product, co.states.from_amplitudes or a QuTiP "
            "state"
        )


def ket_of(state: State, atoms: Atoms) -> NDArray[np.complex128]:
    """The amplitudes of all L^N product levels, atom 0 leftmost."""
    vectors = level_vectors_of(state, atoms)
    if vectors is not None:
        found = np.ones(1, dtype=complex)
        for vector in vectors:
            found = np.multiply.outer(found, vector).ravel()
        return found
    amplitudes = one_excitation_of(state, atoms)
    assert amplitudes is not None
    found = np.zeros(len(atoms.levels) ** len(atoms), dtype=complex)
    found[one_excitation_indices(atoms)] = amplitudes.ravel()
    return found


def one_excitation_indices(atoms: Atoms) -> NDArray[np.int64]:
    """Where the states with one excited atom are in the basis of QuTiP, (N·n_e,).

    The others are in the last level, which must be the only ground level.
    """
    n, count, upper = len(atoms), len(atoms.levels), int(atoms.excited.sum())
    steps = count ** np.arange(n - 1, -1, -1)
    ground = (count - 1) * steps.sum()
    excited = np.arange(upper) - (count - 1)
    return np.asarray((ground + steps[:, None] * excited).ravel())


def most_excited(state: "State | Qobj", atoms: Atoms) -> int:
    """The largest number of excited atoms in a state."""
    if not isinstance(state, State):
        matrix = state.full()
        weights = np.abs(matrix[:, 0]) ** 2 if state.isket else np.diagonal(matrix).real
        numbers = np.zeros(1, dtype=int)
        for _ in range(len(atoms)):
            numbers = np.add.outer(numbers, atoms.excited).ravel()
        return int(numbers[weights > NOTHING].max())
    vectors = level_vectors_of(state, atoms)
    if vectors is None:
        return 1
    excited = np.sum(np.abs(vectors[:, atoms.excited == 1]) ** 2, axis=1)
    return int(np.count_nonzero(excited > NOTHING))


def one_excitation_vectors(state: "State | Qobj", atoms: Atoms) -> NDArray[np.complex128]:
    """Vectors (N·n_e, R) whose projectors sum to the block of one excitation of a state.

    The state has at most one excitation, and the atoms have one ground level.
    """
    n, upper = len(atoms), int(atoms.excited.sum())
    if isinstance(state, State):
        found = one_excitation_of(state, atoms)
        if found is None:
            found = _of_product(level_vectors_of(state, atoms), upper)
        return found.reshape(n * upper, 1)
    block = state.full()[one_excitation_indices(atoms)]
    if state.isket:
        return block
    block = block[:, one_excitation_indices(atoms)]
    weights, vectors = np.linalg.eigh(block)
    kept = weights > NOTHING
    return np.asarray(vectors[:, kept] * np.sqrt(weights[kept]))


def _of_product(vectors: Any, upper: int) -> NDArray[np.complex128]:
    """The amplitudes (N, n_e) of one excitation in a product of vectors (N, L).

    At most one atom is excited, so that the others only give a phase.
    """
    found = np.zeros((len(vectors), upper), dtype=complex)
    at = int(np.argmax(np.sum(np.abs(vectors[:, :upper]) ** 2, axis=1)))
    others = prod(np.delete(vectors[:, -1], at).tolist())
    found[at] = vectors[at, :upper] * others
    return found


def _two_level(atoms: Atoms) -> bool:
    """Whether the atoms have one excited and one ground level."""
    return len(atoms.levels) == 2


def _checked(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """Finite numbers of a shape."""
    found = checks.finite(name, value, complex)
    if found.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {found.shape}")
    return found
