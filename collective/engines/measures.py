"""Observables of ρ at an output time: arrays by the names of `Result`."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import operators

if TYPE_CHECKING:
    from qutip import Qobj


class PairMeasure:
    """⟨σ⁺_mσ⁻_n⟩ of two-level emitters, from which emission and populations follow.

    Args:
        n: number of emitters.
    """

    names = ("correlations",)

    def __init__(self, n: int):
        self._n = n
        pairs, self._rows, self._columns = operators.pair_table(n)
        self._above, self._below = (pairs[:, 0], pairs[:, 1]), (pairs[:, 1], pairs[:, 0])
        self._excited = operators.excited(n).astype(float)

    def read(self, rho: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Correlations, (N, N)."""
        correlations = np.empty((self._n, self._n), dtype=complex)
        sums = rho[self._rows, self._columns].sum(axis=1)
        correlations[self._above] = sums
        correlations[self._below] = sums.conj()
        correlations.flat[:: self._n + 1] = rho.diagonal().real @ self._excited
        return {"correlations": correlations}

    def completed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result`: all of them are known."""
        return fields


class LevelMeasure:
    """The populations of every level of every emitter, and the emission rate where it is known.

    Args:
        levels: L_i of each emitter.
        emission_operator: the operator whose expectation value is the emission rate, or None.
    """

    def __init__(self, levels: tuple[int, ...], emission_operator: "Qobj | None"):
        self._levels = levels
        self._emission = None
        self.names: tuple[str, ...] = ("populations",)
        if emission_operator is not None:
            self._emission = operators.entries_of(emission_operator).T.tocsr()
            self.names = ("populations", "emission")

    def read(self, rho: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Populations padded with NaN, (N, L_max), and the emission, ()."""
        diagonal = np.diagonal(rho).real.reshape(self._levels)
        populations = np.full((len(self._levels), max(self._levels)), np.nan)
        for i, n in enumerate(self._levels):
            others = tuple(j for j in range(len(self._levels)) if j != i)
            populations[i, :n] = diagonal.sum(axis=others)
        if self._emission is None:
            return {"populations": populations}
        return {
            "populations": populations,
            "emission": np.asarray(self._emission.multiply(rho).sum().real),
        }

    def completed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result`; None for those that are defined for two levels only."""
        return {"emission": None, **fields, "excitation": None, "correlations": None}
