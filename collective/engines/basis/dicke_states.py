r"""What an initial state is on the longest Dicke ladder, k = 0 … N excitations ascending."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import excited
from collective.states import State

if TYPE_CHECKING:
    from qutip import Qobj


def populations(state: "State | Qobj", n: int) -> NDArray[np.float64]:
    """Of the symmetric states of k excitations, (N + 1,); less than 1 in all if not symmetric."""
    if isinstance(state, State):
        return np.abs(_amplitudes(state, n)) ** 2
    return np.diagonal(_symmetric_part(state, n)).real.copy()


def density(state: "State | Qobj", n: int) -> NDArray[np.complex128]:
    """ρ between the symmetric states of k excitations, (N + 1, N + 1)."""
    if not isinstance(state, State):
        return _symmetric_part(state, n)
    amplitudes = _amplitudes(state, n)
    return np.outer(amplitudes, amplitudes.conj())


def _symmetric_part(state: "Qobj", n: int) -> NDArray[np.complex128]:
    """Of a QuTiP state: what it has between the symmetric states."""
    counts = excited(n).sum(axis=1)
    project = np.zeros((n + 1, 2**n))
    project[counts, np.arange(2**n)] = 1 / np.sqrt(np.bincount(counts))[counts]
    matrix = project @ state.full()
    return matrix @ matrix.conj().T if state.isket else matrix @ project.T


def _amplitudes(state: State, n: int) -> NDArray[np.complex128]:
    """Amplitude on the symmetric state of k excitations, k = 0 … N."""
    amplitudes = np.zeros(n + 1, dtype=complex)
    k = state.excitations(n)
    if k is not None:
        amplitudes[k] = 1.0
        return amplitudes
    theta, phi = state.parameters  # coherent: binomial weights
    up, down = np.exp(1j * phi) * np.sin(theta / 2), complex(np.cos(theta / 2))
    if up == 0 or down == 0:
        amplitudes[0 if up == 0 else n] = 1.0
        return amplitudes
    below = np.arange(n)
    ratios = np.log((n - below) / (below + 1)) + 2 * np.log(abs(up / down))
    # summed from the largest weight on either side: small numbers near it keep their digits
    top = int(np.searchsorted(-ratios, 0.0))
    logs = np.concatenate([-np.cumsum(ratios[:top][::-1])[::-1], [0.0], np.cumsum(ratios[top:])])
    weights = np.exp(logs)
    phases = np.angle(up) * np.arange(n + 1) + np.angle(down) * np.arange(n, -1, -1)
    return np.sqrt(weights / weights.sum()) * np.exp(1j * phases)
