"""Initial state and operators of the user, in the order and with the phases of our basis states.

Basis state i is the configuration whose bit m says whether emitter m is excited, times the phase
factor that `whole_arrays.turned` gives it.
"""

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.configurations import qutip_index
from collective.engines.request import Request
from collective.engines.trajectories.whole_arrays import Observed
from collective.states import State
from collective.states.answers import amplitudes_of, weights_of

_EMPTY = 1e-14  # parts of ρ with a smaller weight are left out


def ensemble_of(
    request: Request, basis: NDArray[np.complex128]
) -> tuple[NDArray[np.float64], NDArray[np.complex128] | None]:
    """The weights of the initial kets, (M,), which sum to one, and the normalised kets, (M, 2^N).

    The kets of a mixture of independent emitters are the configurations: None stands for them.

    Args:
        request: what is asked for.
        basis: the phase factor of each basis state, (2^N,).
    """
    state, n = request.state, len(request.couplings)
    every = np.arange(len(basis))
    weights = np.ones(1)
    if isinstance(state, State):
        excited = (every[:, None] >> np.arange(n)) & 1 == 1
        chances = weights_of(state, excited)
        if chances is not None:
            return chances / chances.sum(), None
        kets = amplitudes_of(state, excited, request.couplings.emitters)[None, :]
    elif state.isket:
        kets = state.full()[qutip_index(n, every)].T
    else:
        weights, vectors = np.linalg.eigh(state.full())
        kept = weights > _EMPTY
        weights, kets = weights[kept], vectors[qutip_index(n, every)][:, kept].T
    kets = kets * basis.conj() / np.linalg.norm(kets, axis=1, keepdims=True)
    return weights / weights.sum(), kets


def observed_of(request: Request, basis: NDArray[np.complex128]) -> Observed:
    """The operators of the user as sparse rows; arguments as for `ensemble_of`."""
    size, n = len(basis), len(request.couplings)
    place = qutip_index(n, np.arange(size))
    starts, columns, entries = [], [], []
    before = 0
    for operator in request.operators.values():
        matrix = operator.to("csr").data.as_scipy()[place][:, place].tocsr()
        rows = np.repeat(np.arange(size), np.diff(matrix.indptr))
        data = matrix.data * basis[rows].conj() * basis[matrix.indices]
        starts.append(matrix.indptr.astype(np.int64) + before)
        columns.append(matrix.indices.astype(np.uint32))
        entries.append(np.stack([data.real, data.imag], axis=-1))
        before += matrix.nnz
    if not starts:
        none = np.zeros((0, size + 1), np.int64)
        return Observed(none, np.zeros(0, np.uint32), np.zeros((0, 2)))
    return Observed(np.array(starts), np.concatenate(columns), np.concatenate(entries))
