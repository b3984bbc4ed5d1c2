"""What is read off ρ at every output time: one small array, and the fields of `Result` it makes."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import operators

if TYPE_CHECKING:
    from qutip import Qobj


def pair_fields(decay: NDArray[Any], correlations: NDArray[Any]) -> dict[str, Any]:
    """Fields of `Result` from ⟨σ⁺_mσ⁻_n⟩ at T times, (T, N, N)."""
    populations = np.diagonal(correlations, axis1=1, axis2=2).real.copy()
    return {
        "emission": np.einsum("mn,tmn->t", decay, correlations).real,
        "excitation": populations.sum(axis=1),
        "populations": populations,
        "correlations": correlations,
    }


class PairMeasure:
    """⟨σ⁺_mσ⁻_n⟩ of two-level emitters: emission, populations and correlations.

    Args:
        decay: Γ, (N, N).
    """

    def __init__(self, decay: NDArray[Any]):
        n = len(decay)
        self._decay = decay
        self._pairs, self._rows, self._columns = operators.pair_table(n)
        self._excited = operators.excited(n).astype(float)

    def take(self, rho: NDArray[Any]) -> NDArray[Any]:
        """Correlations, (N, N)."""
        n = len(self._decay)
        correlations = np.zeros((n, n), dtype=complex)
        m, k = self._pairs.T
        correlations[m, k] = rho[self._rows, self._columns].sum(axis=1)
        correlations[k, m] = correlations[m, k].conj()
        np.fill_diagonal(correlations, np.diagonal(rho).real @ self._excited)
        return correlations

    def fields(self, taken: NDArray[Any]) -> dict[str, Any]:
        """Fields of `Result` from T of them, (T, N, N)."""
        return pair_fields(self._decay, taken)

    def retake(self, earlier: Any) -> NDArray[Any]:
        """What an earlier `Result` took."""
        return earlier.correlations


class LevelMeasure:
    """Populations of every level of every emitter, and the emission rate where it is known.

    Args:
        levels: L_i of each emitter.
        emission_operator: its expectation value is the emission rate, or None.
    """

    def __init__(self, levels: tuple[int, ...], emission_operator: "Qobj | None"):
        self._levels = levels
        self._emission = None
        if emission_operator is not None:
            self._emission = operators.entries_of(emission_operator).T.tocsr()

    def take(self, rho: NDArray[Any]) -> NDArray[Any]:
        """Emission, then populations padded with NaN, (1 + N·L_max,)."""
        diagonal = np.diagonal(rho).real.reshape(self._levels)
        populations = np.full((len(self._levels), max(self._levels)), np.nan)
        for i, n in enumerate(self._levels):
            others = tuple(j for j in range(len(self._levels)) if j != i)
            populations[i, :n] = diagonal.sum(axis=others)
        emission = np.nan if self._emission is None else self._emission.multiply(rho).sum().real
        return np.concatenate([[emission], populations.ravel()])

    def fields(self, taken: NDArray[Any]) -> dict[str, Any]:
        """Fields of `Result` from T of them, (T, 1 + N·L_max)."""
        return {
            "emission": None if self._emission is None else taken[:, 0].copy(),
            "excitation": None,
            "populations": taken[:, 1:].reshape(len(taken), len(self._levels), -1).copy(),
            "correlations": None,
        }

    def retake(self, earlier: Any) -> NDArray[Any]:
        """What an earlier `Result` took."""
        steps = len(earlier.times)
        emission = np.full(steps, np.nan) if earlier.emission is None else earlier.emission
        return np.concatenate([emission[:, None], earlier.populations.reshape(steps, -1)], axis=1)
