"""Initial state and operators of the user, in the order and with the phases of our basis states.

Basis state i is the configuration whose bit m says whether emitter m is excited, times the phase
factor that `arrays.turned` gives it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.configurations import qutip_index
from collective.engines.request import Request
from collective.engines.trajectories.whole.arrays import Observed
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


def initial_values(
    request: Request,
    ensemble: tuple[NDArray[np.float64], NDArray[np.complex128] | None],
    observed: Observed,
    phases: NDArray[np.complex128],
) -> tuple[NDArray[np.float64], NDArray[np.complex128], NDArray[np.complex128]]:
    """The exact values of the initial state, from its kets: ρ with its 4^N entries is never built.

    Args:
        request: what is asked for.
        ensemble: see `ensemble_of`.
        observed: see `observed_of`.
        phases: see `arrays.turned`.

    Returns:
        emission, excitation and populations, (1, N + 2); ⟨σ⁺_mσ⁻_n⟩, (N, N); operators, (X,).
    """
    weights, kets = ensemble
    n, every = len(phases), np.arange(1 << len(phases))
    pairs = np.zeros((n, n), complex)
    means = np.zeros(len(observed.starts), complex)
    if kets is None:
        excited = (every[:, None] >> np.arange(n)) & 1 == 1
        pairs += np.diag(weights @ excited)
        means += [_mean(observed, k, np.sqrt(weights), diagonal=True) for k in range(len(means))]
    else:
        for weight, ket in zip(weights, kets, strict=True):
            lowered = np.zeros((n, len(every)), complex)
            for m in range(n):
                here = every[every >> m & 1 == 0]
                lowered[m, here] = ket[here | 1 << m]
            pairs += weight * (lowered.conj() @ lowered.T)
            means += [weight * _mean(observed, k, ket) for k in range(len(means))]
    pairs = pairs * np.outer(phases.conj(), phases)
    populations = np.diagonal(pairs).real
    emission = np.sum(request.couplings.decay * pairs).real
    return np.array([[emission, populations.sum(), *populations]]), pairs, means


def _mean(observed: Observed, k: int, ket: NDArray[Any], *, diagonal: bool = False) -> complex:
    """⟨ket|O|ket⟩ of the operator k, or of its diagonal alone."""
    starts, columns, entries = observed
    mine = slice(starts[k, 0], starts[k, -1])
    rows = np.repeat(np.arange(len(ket)), np.diff(starts[k]))
    products = ket[rows].conj() * (entries[mine] @ [1, 1j]) * ket[columns[mine]]
    return complex(products[rows == columns[mine]].sum() if diagonal else products.sum())
