"""Permutations of the emitters that change nothing in a driven problem and in its initial state."""

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.configurations import group, permuted, qutip_index
from collective.engines.request import Request
from collective.states import State
from collective.states.answers import amplitudes_of, probabilities_of, spinors_of

_SAME = 1e-12  # relative
_MOST_COMPARED = 12  # emitters whose states are compared amplitude by amplitude


def permutations(request: Request) -> list[NDArray[np.int64]]:
    """The permutations of `group` that leave drive, pump and the whole state unchanged too.

    `group` allows a phase of each excitation block, which matters with a drive. Those that remain
    form a group again.
    """
    couplings = request.couplings
    vectors = (couplings.drive, couplings.pump)
    return [
        p
        for p in group(request)
        if all(np.abs(v[p] - v).max() <= _SAME * np.abs(v).max() for v in vectors)
        and _keeps_state(request, p)
    ]


def _keeps_state(request: Request, p: NDArray[np.int64]) -> bool:
    """Whether a permutation changes the initial state by a phase at most."""
    state, n = request.state, len(request.couplings)
    if np.array_equal(p, np.arange(n)):
        return True
    if isinstance(state, State):
        if state.symmetric(n) or probabilities_of(state, n) is not None:
            return True  # compared by `group`
        if spinors_of(state, n) is not None:
            return True  # phases of single emitters change the state by one phase
    if n > _MOST_COMPARED:
        return False
    every = np.arange(1 << n)
    moved = permuted(every, tuple(int(m) for m in p))
    if isinstance(state, State):
        excited = (every[:, None] >> np.arange(n)) & 1 == 1
        ket = amplitudes_of(state, excited, request.couplings.emitters)
    else:
        places = qutip_index(n, every)
        matrix = state.full()
        if not state.isket:
            rho = matrix[np.ix_(places, places)]
            return bool(np.abs(rho[np.ix_(moved, moved)] - rho).max() <= _SAME)
        ket = matrix[places, 0]
    norm = np.vdot(ket, ket).real
    return bool(abs(abs(np.vdot(ket, ket[moved])) - norm) <= _SAME * norm)
