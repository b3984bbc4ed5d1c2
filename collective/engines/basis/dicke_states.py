r"""An initial state on the longest Dicke ladder, ordered by k = 0 … N excitations.

A mixture of independent emitters that are excited with equal probability is on all ladders.
"""

from math import comb
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import excited
from collective.engines.basis.dicke import Triangle
from collective.states import State
from collective.states.answers import (
    amplitudes_of,
    definite_number,
    is_mixed,
    probabilities_of,
    spinors_of,
)

if TYPE_CHECKING:
    from qutip import Qobj

LARGEST_BY_AMPLITUDES = 1000  # emitters: C(N, N/2) must be a float
_NORM = 1e-8


def on_all_ladders(state: "State | Qobj", n: int) -> bool:
    """Whether a `State` is a mixture of independent emitters, unless their number is definite."""
    return isinstance(state, State) and is_mixed(state) and definite_number(state, n) is None


def mixture(state: State, states: Triangle) -> NDArray[np.float64]:
    r"""Populations (S,) of all Dicke states, of a mixture of emitters of equal probability p.

    There are :math:`\binom{N}{d} - \binom{N}{d-1}` ladders with d dark pairs. Each configuration of
    k excitations has the probability :math:`p^k(1-p)^{N-k}`.
    """
    chances = probabilities_of(state, states.n)
    assert chances is not None
    return mixture_weights(states.n, states.k, states.d, float(chances[0]))


def mixture_weights(
    n: int, k: NDArray[np.int64], d: NDArray[np.int64], p: float
) -> NDArray[np.float64]:
    """Populations (S,) of Dicke states (k, d) of n emitters, each excited with probability p."""
    if p in (0.0, 1.0):
        return ((k == n * p) & (d == 0)).astype(float)
    pairs = np.arange(n // 2 + 1)
    ladders = np.concatenate([[0.0], np.cumsum(np.log((n + 1 - pairs[1:]) / pairs[1:]))])
    ladders += np.log((n - 2 * pairs + 1) / (n - pairs + 1))
    return np.asarray(np.exp(ladders[d] + k * np.log(p) + (n - k) * np.log1p(-p)))


def populations(state: "State | Qobj", n: int) -> NDArray[np.float64]:
    """Populations of the symmetric states of k excitations, (N + 1,); they sum to 1 or less."""
    if isinstance(state, State):
        return np.abs(_amplitudes(state, n)) ** 2
    return np.diagonal(_symmetric_part(state, n)).real.copy()


def density(state: "State | Qobj", n: int) -> NDArray[np.complex128]:
    """The density matrix between the symmetric states of k excitations, (N + 1, N + 1)."""
    if not isinstance(state, State):
        return _symmetric_part(state, n)
    amplitudes = _amplitudes(state, n)
    return np.outer(amplitudes, amplitudes.conj())


def _symmetric_part(state: "Qobj", n: int) -> NDArray[np.complex128]:
    """The block of a QuTiP state between the symmetric states, (N + 1, N + 1)."""
    counts = excited(n).sum(axis=1)
    project = np.zeros((n + 1, 2**n))
    project[counts, np.arange(2**n)] = 1 / np.sqrt(np.bincount(counts))[counts]
    matrix = project @ state.full()
    return matrix @ matrix.conj().T if state.isket else matrix @ project.T


def _amplitudes(state: State, n: int) -> NDArray[np.complex128]:
    """Amplitudes of the symmetric states of k = 0 … N excitations, (N + 1,).

    Raises:
        ValueError: for a state that is not symmetric, or that does not give its amplitudes.
    """
    if not state.symmetric(n):
        raise ValueError(f"state {state} is changed by permutations of the emitters")
    found = np.zeros(n + 1, dtype=complex)
    k = definite_number(state, n)
    if k is not None:
        found[k] = 1.0
        return found
    each = spinors_of(state, n)
    if each is not None:
        return of_spinor(complex(each[0, 0]), complex(each[0, 1]), n)
    if n > LARGEST_BY_AMPLITUDES:
        raise ValueError(
            f"state {state}: a superposition of excitation numbers that is given by amplitudes may "
            f"have up to {LARGEST_BY_AMPLITUDES} emitters, got {n}; give spinors(n)"
        )
    first = np.arange(n) < np.arange(n + 1)[:, None]  # one configuration of each number
    found = amplitudes_of(state, first, None) * np.sqrt([float(comb(n, k)) for k in range(n + 1)])
    norm = float(np.vdot(found, found).real)
    if abs(norm - 1) > _NORM:
        raise ValueError(
            f"state {state} says that it is symmetric, but the squares of its amplitudes on "
            f"symmetric states sum to {norm:.9g}"
        )
    return found


def of_spinor(up: complex, down: complex, n: int) -> NDArray[np.complex128]:
    """Amplitudes (N + 1,) if all n emitters are in the same state: roots of binomial weights."""
    if up == 0 or down == 0:
        found = np.zeros(n + 1, dtype=complex)
        found[0 if up == 0 else n] = 1.0
        return found
    below = np.arange(n)
    ratios = np.log((n - below) / (below + 1)) + 2 * np.log(abs(up / down))
    # cumulated from the largest weight to both sides, so that its neighbours keep their digits
    top = int(np.searchsorted(-ratios, 0.0))
    logs = np.concatenate([-np.cumsum(ratios[:top][::-1])[::-1], [0.0], np.cumsum(ratios[top:])])
    weights = np.exp(logs)
    phases = np.angle(up) * np.arange(n + 1) + np.angle(down) * np.arange(n, -1, -1)
    return np.sqrt(weights / weights.sum()) * np.exp(1j * phases)
