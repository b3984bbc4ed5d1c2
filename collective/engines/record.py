"""The recorder of all engines: what is kept at the output times reached so far."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.request import Request

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.results.result import Result

EIGENVALUE_TIMES = 5  # output times at which the smallest eigenvalue of ρ is found
_EXPECT = "expect:"
_FEW = 16  # basis states
_MANY = 48  # basis states of which the tridiagonal form is faster than all eigenvalues


class Recorder:
    """Observables at the output times reached so far.

    Every array has a row for each output time from the beginning, and a row counts only once it is
    complete: after an interruption a row is either complete or not counted.

    Args:
        request: its output times, operators and words are read.
        decay: Γ, (N, N), from which emission follows where only correlations are recorded.
        eigenvalues: whether the smallest eigenvalue of ρ is recorded at a few times.

    Attributes:
        progress: how many output times are recorded, and what the engine needs to continue from
            the last of them; replaced as one value, so that an interruption cannot separate
            the two.
        trace_error: the largest ``|tr ρ − 1|`` so far.
    """

    def __init__(
        self, request: Request, decay: NDArray[Any] | None = None, *, eigenvalues: bool = True
    ):
        self._steps, self._operators = len(request.times), request.operators
        self._decay = decay
        self._arrays: dict[str, NDArray[Any]] = {}
        self._states: list[Qobj] | None = [] if "states" in request.words else None
        self._eigenvalue_times = eigenvalue_times(self._steps) if eigenvalues else set()
        self._smallest: dict[int, float] = {}
        self.progress: tuple[int, Any] = (0, None)
        self.trace_error = 0.0

    @property
    def reached(self) -> int:
        """How many output times are recorded."""
        return self.progress[0]

    @property
    def done(self) -> bool:
        """Whether every output time is recorded."""
        return self.reached == self._steps

    @property
    def share(self) -> float:
        """The share of the output times that is recorded, from 0 to 1."""
        return self.reached / self._steps

    @property
    def now(self) -> Any:
        """What the engine passed with the last recorded time: ρ, amplitudes or populations."""
        return self.progress[1]

    def eigenvalue_due(self, ahead: int = 0) -> bool:
        """Whether the smallest eigenvalue is wanted at the time that is `ahead` after the next."""
        return self.reached + ahead in self._eigenvalue_times

    def add(
        self,
        rows: dict[str, NDArray[Any]],
        *,
        trace_error: float = 0.0,
        smallest: dict[int, float] | None = None,
        states: "list[Qobj] | None" = None,
        now: Any = None,
    ) -> None:
        """Record the next t output times, where t is the number of rows.

        Args:
            rows: fields of `Result` by name, (t, …) each; expectation values, in the order of the
                operators, as "expect:0", "expect:1", …
            trace_error: the largest trace error at these times.
            smallest: smallest eigenvalues of ρ, by the index of the time among these t.
            states: ρ at these times, if states are observed.
            now: what the engine needs to continue from the last of these times.
        """
        count = 0
        for name, values in rows.items():
            count = len(values)
            if name not in self._arrays:
                self._arrays[name] = np.empty((self._steps, *values.shape[1:]), values.dtype)
            self._arrays[name][self.reached : self.reached + count] = values
        for ahead, value in (smallest or {}).items():
            self._smallest[self.reached + ahead] = value
        if self._states is not None:
            del self._states[self.reached :]  # rows of an interrupted call
            self._states += states or []
        self.trace_error = max(self.trace_error, trace_error)
        self.progress = self.reached + count, now

    def restore(
        self,
        earlier: "Result",
        names: tuple[str, ...],
        *,
        further: dict[str, NDArray[Any]] | None = None,
        now: Any = None,
    ) -> None:
        """Continue from an interrupted result.

        Args:
            earlier: the interrupted result.
            names: fields of `Result` that the engine records.
            further: other rows that the engine records, from `Result.resume`.
            now: what the engine needs to continue.

        Raises:
            ValueError: if one of them is missing, or not as long as the times.
        """
        rows: dict[str, Any] = {name: getattr(earlier, name) for name in names} | (further or {})
        rows |= {f"{_EXPECT}{i}": earlier.expect[name] for i, name in enumerate(self._operators)}
        count = len(earlier.times)
        if self._states is not None:
            rows["states"] = earlier.states
        for name, values in rows.items():
            if values is None:
                raise ValueError(f"its array {name!r} is missing")
            if len(values) != count:
                raise ValueError(f"its array {name!r} has {len(values)} rows, not {count}")
        rows.pop("states", None)
        found = iter(earlier.diagnostics.get("smallest_eigenvalues", ()))
        at = [i for i in sorted(self._eigenvalue_times) if i < len(earlier.times)]
        error = float(earlier.diagnostics.get("trace_error", 0.0))
        smallest = dict(zip(at, found, strict=False))
        self.add(rows, trace_error=error, smallest=smallest, states=earlier.states, now=now)

    def fields(self) -> dict[str, Any]:
        """The recorded arrays by the names of `Result`."""
        rows = {name: values[: self.reached] for name, values in self._arrays.items()}
        found: dict[str, Any] = {
            k: values for k, values in rows.items() if not k.startswith(_EXPECT)
        }
        if "correlations" in found and "populations" not in found:
            assert self._decay is not None
            found |= pair_fields(self._decay, found["correlations"])
        if "excitation" not in found and "populations" in found:
            found["excitation"] = found["populations"].sum(axis=1)
        found["expect"] = {name: rows[f"{_EXPECT}{i}"] for i, name in enumerate(self._operators)}
        found["states"] = None if self._states is None else self._states[: self.reached]
        return found

    def checks(self) -> dict[str, Any]:
        """The largest trace error of all times, and the smallest eigenvalues of ρ if any."""
        smallest = [v for at, v in sorted(self._smallest.items()) if at < self.reached]
        found: dict[str, Any] = {"trace_error": self.trace_error}
        return found | ({"smallest_eigenvalues": smallest} if smallest else {})


def eigenvalue_times(steps: int) -> set[int]:
    """Indices of the output times at which the smallest eigenvalue of ρ is found."""
    return {round(x) for x in np.linspace(0, steps - 1, EIGENVALUE_TIMES)}


def pair_fields(decay: NDArray[Any], correlations: NDArray[Any]) -> dict[str, Any]:
    """Fields of `Result` from ⟨σ⁺_mσ⁻_n⟩ at T times, (T, N, N)."""
    populations = np.diagonal(correlations, axis1=1, axis2=2).real.copy()
    return {
        "emission": np.einsum("mn,tmn->t", decay, correlations).real,
        "excitation": populations.sum(axis=1),
        "populations": populations,
        "correlations": correlations,
    }


def smallest_eigenvalue(matrix: NDArray[Any]) -> float:
    """The smallest eigenvalue of a Hermitian matrix, found block by block.

    Without a drive most entries of ρ vanish, so that it consists of small blocks.
    """
    joined = matrix != 0
    if joined[0].all():  # under a drive all entries of the first row differ from zero
        return _least(matrix)
    diagonal = matrix.diagonal().real
    np.fill_diagonal(joined, False)
    alone = ~joined.any(axis=1)
    found = diagonal[alone].tolist()
    others = np.flatnonzero(~alone)
    if len(others):
        for group in _connected(joined[np.ix_(others, others)]):
            block = others[group]
            found.append(_least(matrix[np.ix_(block, block)]))
    return min(found)


def _least(matrix: NDArray[Any]) -> float:
    """The smallest eigenvalue of a Hermitian matrix, to round-off of the largest one.

    A large matrix becomes tridiagonal, of which only the smallest eigenvalue is computed.
    """
    if len(matrix) < _MANY:
        return float(np.linalg.eigvalsh(matrix)[0])
    from scipy.linalg import eigvalsh_tridiagonal
    from scipy.linalg.lapack import zhetrd, zhetrd_lwork

    work, _ = zhetrd_lwork(len(matrix))
    # the transpose has the same eigenvalues, and the order of entries that LAPACK reads
    _, diagonal, beside, _, failed = zhetrd(matrix.T, lwork=int(work.real))
    assert not failed
    smallest = eigvalsh_tridiagonal(diagonal, beside, select="i", select_range=(0, 0))
    return float(smallest[0])


def _connected(joined: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Groups of basis states that the entries of a Hermitian matrix connect."""
    if len(joined) <= _FEW:  # for few states products are faster than scipy's graphs
        reach = joined | np.eye(len(joined), dtype=bool)
        while ((further := reach @ reach) != reach).any():
            reach = further
        block_of = reach.argmax(axis=1)
        return [np.flatnonzero(block_of == first) for first in sorted(set(block_of.tolist()))]
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    _, block_of = connected_components(csr_array(joined), directed=False)
    order = np.argsort(block_of, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(block_of[order])) + 1)
