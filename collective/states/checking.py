"""Checks of an initial state against the problem that it is for."""

from itertools import combinations
from math import comb, prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.master.equation import MasterEquation
from collective.states import of_atoms, recipes
from collective.states.answers import (
    amplitudes_of,
    excitations_of,
    missing,
    probabilities_of,
    spinors_of,
)
from collective.states.protocol import OWN, State

if TYPE_CHECKING:
    from qutip import Qobj

Problem = Couplings | CavityCouplings | ChannelCouplings | MasterEquation

_NORM = 1e-8  # by this much the norm of a state may differ from one
_MOST_SUMMED = 2**14  # configurations; with more of them, the norm is not checked


def checked_state(state: "State | str | Qobj", problem: Problem) -> "State | Qobj":
    """A `State`, or a QuTiP state of the problem's dims, normalised and positive.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(state, str) and state in ("inverted", "ground"):
        state = recipes.inverted() if state == "inverted" else recipes.ground()
    if isinstance(state, State) and not isinstance(state, type):
        if isinstance(problem, Couplings):  # a state that does not exist is refused at once
            _require_exists(state, problem)
        elif isinstance(problem, CavityCouplings):
            _require_exists(state, problem.couplings)
        elif isinstance(problem, ChannelCouplings):
            of_atoms.require_exists(state, problem.atoms)
        return state
    import qutip

    if isinstance(state, qutip.Qobj):
        return _checked_qobj(state, problem)
    shown = repr(state) if isinstance(state, str) else f"of type {type(state).__name__}"
    raise ValueError(
        f"unknown state {shown}: use 'inverted', 'ground', a state of co.states such as single(m) "
        "or product(theta, phi), a QuTiP ket or density matrix, or a class of your own with the "
        "methods of co.states.State"
    )


def _require_exists(state: State, couplings: Couplings) -> None:
    """Raise if the state does not exist for N emitters, or is not what it says.

    The norm of a state of a user is checked only where that is cheap. If it says that it is
    symmetric, its amplitudes are compared: engines then ask for one configuration of each number.
    """
    n, emitters = len(couplings), couplings.emitters
    chances = probabilities_of(state, n)
    if isinstance(state, OWN):
        if chances is None:
            amplitudes_of(state, np.zeros((1, n), dtype=bool), emitters)
        return
    number = excitations_of(state, n)
    if missing(state) is not None:
        return  # each engine refuses such a state
    if chances is not None:
        if state.symmetric(n) and np.ptp(chances) > _NORM:
            raise ValueError(f"{_wrongly(state)} its probabilities are not the same")
        return
    symmetric = state.symmetric(n)
    each = spinors_of(state, n)
    if each is not None and symmetric and not recipes.same_spinors(each[:1], each):
        raise ValueError(f"{_wrongly(state)} its spinors are not the same")
    if each is not None and not hasattr(state, "amplitudes"):
        return
    numbers = [number] if isinstance(number, int) else list(range(n + 1))
    if (comb(n, number) if isinstance(number, int) else 2**n) > _MOST_SUMMED:
        k = number if isinstance(number, int) else n // 2
        both = np.zeros((2, n), dtype=bool)
        both[0, :k] = both[1, n - k :] = True
        found = amplitudes_of(state, both, emitters)
        if symmetric and not _same(found):
            raise ValueError(f"{_wrongly(state)} amplitudes of {k} excitations differ")
        return
    total = 0.0
    for k in numbers:
        found = amplitudes_of(state, configurations(n, k), emitters)
        if symmetric and not _same(found):
            raise ValueError(f"{_wrongly(state)} amplitudes of {k} excitations differ")
        total += float(np.vdot(found, found).real)
    if abs(total - 1) > _NORM:
        where = f" of {number} excitations" if isinstance(number, int) else ""
        raise ValueError(
            f"state {state} must be normalised: the squares of its amplitudes{where} sum to "
            f"{total:.9g}"
        )


def _wrongly(state: State) -> str:
    """The beginning of an error for a state that is not as symmetric as it says."""
    return f"state {state} says that it is symmetric, but"


def _same(amplitudes: NDArray[np.complex128]) -> bool:
    """Whether all amplitudes are the same up to round-off."""
    return bool(np.all(np.abs(amplitudes - amplitudes[0]) <= _NORM * np.abs(amplitudes[0])))


def configurations(n: int, k: int) -> NDArray[np.bool_]:
    """A mask of the excited emitters in every configuration of k out of n, (C(n, k), n)."""
    if k == 1:
        return np.eye(n, dtype=bool)
    found = np.zeros((comb(n, k), n), dtype=bool)
    for row, chosen in zip(found, combinations(range(n), k), strict=True):
        row[list(chosen)] = True
    return found


def _checked_qobj(state: "Qobj", problem: Problem) -> "Qobj":
    """A QuTiP state of the problem's dims, normalised and positive."""
    import qutip

    dims = dims_of(problem)
    size = prod(dims)
    wanted = (size, 1) if state.isket else (size, size)
    if not (state.isket or state.isoper) or state.shape != wanted:
        raise ValueError(
            f"state must be a ket or density matrix of dims {dims}, shape ({size}, 1) or "
            f"({size}, {size}); got {state.type} {state.shape}"
        )
    matrix = state.full()
    if not np.all(np.isfinite(matrix)):
        raise ValueError("state must be finite: some of its entries are not")
    ket = state.shape[1] == 1
    trace = np.vdot(matrix, matrix) if ket else np.trace(matrix)
    if abs(trace - 1) > _NORM:
        raise ValueError(f"state must be normalised: its trace is {trace.real:.9g}")
    if ket:
        return qutip.Qobj(matrix, dims=[dims, [1] * len(dims)])
    if np.abs(matrix - matrix.conj().T).max() > 1e-10:
        raise ValueError("state must be a Hermitian density matrix")
    smallest = np.linalg.eigvalsh(matrix)[0]
    if smallest < -1e-8:
        raise ValueError(f"state must be positive: smallest eigenvalue {smallest:.3g}")
    return qutip.Qobj((matrix + matrix.conj().T) / 2, dims=[dims, dims])


def dims_of(problem: Problem) -> list[int]:
    """Dimensions of the tensor factors of the states of a problem."""
    if isinstance(problem, ChannelCouplings):
        return [len(problem.atoms.levels)] * len(problem)
    if isinstance(problem, CavityCouplings):
        return [2] * len(problem) + [problem.photons + 1]
    return [2] * len(problem) if isinstance(problem, Couplings) else problem.dims
