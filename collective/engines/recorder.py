"""What is kept of ρ at the output times reached so far, so that nothing is lost on the way."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective import _operators

if TYPE_CHECKING:
    from qutip import Qobj

_EIGENVALUE_TIMES = 5


class Recorder:
    """Observables of ρ at the output times, one row per time, added in one piece.

    Args:
        decay: Γ, (N, N).
        steps: number of output times.
        operators: QuTiP operators by name.
        keep_states: whether to keep ρ at every time.
    """

    def __init__(
        self, decay: NDArray[Any], steps: int, operators: "dict[str, Qobj]", keep_states: bool
    ):
        n = len(decay)
        self._decay, self._operators, self._keep_states = decay, operators, keep_states
        self._pairs, self._rows, self._columns = _operators.pair_table(n)
        self._excited = _operators.excited(n).astype(float)
        self._eigenvalue_steps = {round(x) for x in np.linspace(0, steps - 1, _EIGENVALUE_TIMES)}
        # correlations, expectation values, ρ or None, trace error, smallest eigenvalue or None
        self._records: list[tuple[NDArray[Any], list[Any], Any, float, float | None]] = []
        self.last: Qobj | None = None

    @property
    def reached(self) -> int:
        """How many output times are recorded."""
        return len(self._records)

    def record(self, rho: "Qobj") -> None:
        """Take everything asked for from ρ at the next output time."""
        from qutip import expect

        matrix = rho.data_as("ndarray", copy=False)
        diagonal = np.diagonal(matrix).real
        trace = float(diagonal.sum())
        if not np.isfinite(trace):
            raise FloatingPointError("the density matrix is not finite")
        n = len(self._decay)
        correlations = np.zeros((n, n), dtype=complex)
        m, k = self._pairs.T
        correlations[m, k] = matrix[self._rows, self._columns].sum(axis=1)
        correlations[k, m] = correlations[m, k].conj()
        np.fill_diagonal(correlations, diagonal @ self._excited)
        values = [expect(operator, rho) for operator in self._operators.values()]
        smallest = None
        if self.reached in self._eigenvalue_steps:
            smallest = float(np.linalg.eigvalsh(matrix)[0])
        kept = rho if self._keep_states else None
        # one append: an interruption leaves a whole row or none
        self.last = rho
        self._records.append((correlations, values, kept, abs(trace - 1), smallest))

    def restore(self, earlier: Any) -> None:
        """Continue from an earlier, interrupted `Result`."""
        eigenvalues = iter(earlier.diagnostics["smallest_eigenvalues"])
        for step in range(len(earlier.times)):
            self._records.append(
                (
                    earlier.correlations[step],
                    [earlier.expect[name][step] for name in self._operators],
                    earlier.states[step] if self._keep_states else None,
                    earlier.diagnostics["trace_error"],
                    next(eigenvalues) if step in self._eigenvalue_steps else None,
                )
            )
        self.last = earlier.last_state

    def observables(self) -> dict[str, Any]:
        """What was recorded, by the names of `Result`."""
        records = list(self._records)
        correlations = np.array([record[0] for record in records])
        populations = np.diagonal(correlations, axis1=1, axis2=2).real.copy()
        return {
            "emission": np.einsum("mn,tmn->t", self._decay, correlations).real,
            "excitation": populations.sum(axis=1),
            "populations": populations,
            "correlations": correlations,
            "states": [record[2] for record in records] if self._keep_states else None,
            "expect": {
                name: np.array([record[1][i] for record in records])
                for i, name in enumerate(self._operators)
            },
            "last_state": self.last,
        }

    def checks(self) -> dict[str, Any]:
        """Worst trace error at all times, smallest eigenvalue of ρ at five of them."""
        return {
            "trace_error": max(record[3] for record in self._records),
            "smallest_eigenvalues": [r[4] for r in self._records if r[4] is not None],
        }
