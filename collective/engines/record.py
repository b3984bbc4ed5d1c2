"""What is kept of ρ at the output times reached so far, so that nothing is lost on the way."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.engines.measures import LevelMeasure, PairMeasure

EIGENVALUE_TIMES = 5


def eigenvalue_steps(steps: int) -> set[int]:
    """Output times, of so many, at which the smallest eigenvalue of ρ is found."""
    return {round(x) for x in np.linspace(0, steps - 1, EIGENVALUE_TIMES)}


def smallest_eigenvalue(matrix: NDArray[Any]) -> float:
    """Of a Hermitian matrix, block by block: without a drive ρ joins few of its basis states."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    _, block_of = connected_components(csr_array(matrix != 0), directed=False)
    order = np.argsort(block_of, kind="stable")
    blocks = np.split(order, np.flatnonzero(np.diff(block_of[order])) + 1)
    return min(float(np.linalg.eigvalsh(matrix[np.ix_(block, block)])[0]) for block in blocks)


class Recorder:
    """Observables of ρ at the output times, one row per time, added in one piece.

    Args:
        measure: what is read off ρ, see `engines.measures`.
        steps: number of output times.
        operators: QuTiP operators by name.
        keep_states: whether to keep ρ at every time.
    """

    def __init__(
        self,
        measure: "PairMeasure | LevelMeasure",
        steps: int,
        operators: "dict[str, Qobj]",
        keep_states: bool,
    ):
        self._measure, self._operators, self._keep_states = measure, operators, keep_states
        self._eigenvalue_steps = eigenvalue_steps(steps)
        # measured, expectation values, ρ or None, trace error, smallest eigenvalue or None
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
        trace = float(np.trace(matrix).real)
        if not np.isfinite(trace):
            raise FloatingPointError("the density matrix is not finite")
        values = [expect(operator, rho) for operator in self._operators.values()]
        smallest = None
        if self.reached in self._eigenvalue_steps:
            smallest = smallest_eigenvalue(matrix)
        kept = rho if self._keep_states else None
        taken = self._measure.take(matrix)
        # one append: an interruption leaves a whole row or none
        self.last = rho
        self._records.append((taken, values, kept, abs(trace - 1), smallest))

    def restore(self, earlier: Any) -> None:
        """Continue from an earlier, interrupted `Result`."""
        taken = self._measure.retake(earlier)
        eigenvalues = iter(earlier.diagnostics["smallest_eigenvalues"])
        for step in range(len(earlier.times)):
            self._records.append(
                (
                    taken[step],
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
        return {
            **self._measure.fields(np.array([record[0] for record in records])),
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
