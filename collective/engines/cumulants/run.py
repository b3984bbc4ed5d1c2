"""A run of cumulants: first the order beside, then the order asked for, step by step."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.engines.base import resumed
from collective.engines.cumulants.beside import Beside
from collective.engines.cumulants.general import General
from collective.engines.cumulants.levels import Levels
from collective.engines.cumulants.problem import Problem
from collective.engines.cumulants.second import Second
from collective.engines.numerics.runge_kutta import RungeKutta
from collective.engines.record import Recorder, eigenvalue_times
from collective.engines.request import Request

if TYPE_CHECKING:
    from collective.results.result import Result


class CumulantRun:
    """Moments, and the observables at the output times reached so far.

    The recorder keeps from where a run continues: time, vector, and length of the next step, which
    is None before the first one.

    Args:
        order: 2 or 3.
        general: whether all moments are kept, and not only those with as many σ⁺ as σ⁻.
        request: what is asked for.
        earlier: an interrupted result, or None.
    """

    def __init__(self, order: int, general: bool, request: Request, earlier: "Result | None"):
        self._order, self._request = order, request
        self._problem = Problem(request, general=general)
        self._beside = Beside(self._problem, order)
        self._recorder = Recorder(request, eigenvalues=False)
        self._due = eigenvalue_times(len(request.times))
        self._smallest: dict[int, float] = {}
        self._steps, self._slopes, self._excess, self._balance = 0, 0, 0.0, 0.0
        pumped = isinstance(request.problem, Couplings) and np.any(request.problem.pump)
        self._closed = not (np.any(request.rwa.drive) or pumped)
        self._equations: Second | General | Levels | None = None
        self._track: RungeKutta | None = None
        if earlier is not None and "state" in earlier.resume:
            self._continue(earlier)
            return
        equations = self._problem.equations(order)
        start = self._problem.start(equations)
        now = float(request.times[0]), start, None
        self._record(equations, start[: equations.observed], now)

    def _continue(self, earlier: "Result") -> None:
        """Take over what an interrupted result has reached."""
        length = self._problem.equations(self._order).blocks[-1]
        state = resumed(earlier, "state", (length,)).astype(float)
        clock = resumed(earlier, "clock", (2,)).astype(float)
        names: tuple[str, ...] = ("emission", "excitation", "populations")
        if "correlations" in self._request.words:
            names = (*names, "correlations")
        now = float(clock[0]), state, float(clock[1])
        self._recorder.restore(earlier, names, now=now)
        known = earlier.diagnostics
        found = known.get("smallest_correlation_eigenvalues", ())
        self._smallest = dict(zip(sorted(self._due), found, strict=False))
        self._steps, self._slopes = known["steps"], known["slopes"]
        self._excess = known["population_excess"]
        self._balance = known.get("energy_balance", 0.0)
        if "beside" in earlier.resume:
            self._beside.emission = resumed(earlier, "beside", (-1,)).astype(float)

    @property
    def done(self) -> bool:
        """Whether every output time is recorded."""
        return self._recorder.done

    @property
    def share(self) -> float:
        """The share of the work, that of the order beside included."""
        if self.done:
            return 1.0
        first, last = self._request.times[[0, -1]]
        own = float((self._recorder.now[0] - first) / (last - first))
        weight = self._beside.weight
        return weight * self._beside.share + (1 - weight) * own

    def advance(self) -> None:
        """Do one step of the order beside, or of the order asked for once the other has ended."""
        self._problem.limit()
        if not self._beside.done:
            self._beside.advance()
            return
        if self._track is None or self._equations is None:
            self._equations = self._problem.equations(self._order)
            self._track = self._problem.integrator(self._equations, *self._recorder.now)
        track, equations = self._track, self._equations
        self._problem.step(track, self._order)
        ahead = self._request.times[self._recorder.reached :]
        for t in ahead[: np.searchsorted(ahead, track.t, side="right")]:
            # one after the other, because a step may pass many; a run that is interrupted here
            # continues from the beginning of the step
            self._record(equations, track.at(float(t), equations.observed), self._recorder.now)
        self._steps += 1
        if self._closed:
            emission = equations.emission(track.y[: equations.observed])
            self._balance = max(self._balance, abs(emission - equations.lost(track.rate)))
        self._recorder.add({}, now=(track.t, track.y, track.step_size))

    def _record(
        self, equations: Second | General | Levels, y: NDArray[np.float64], now: Any
    ) -> None:
        """Record the next output time, and from where the run continues."""
        i, populations = self._recorder.reached, equations.populations(y)
        rows: dict[str, NDArray[Any]] = {
            "emission": np.array([equations.emission(y)]),
            "populations": populations[None],
            "excitation": np.array([equations.excitation(populations)]),
        }
        self._excess = max(self._excess, -float(populations.min()), float(populations.max()) - 1)
        correlated = "correlations" in self._request.words
        if correlated or i in self._due:
            matrix = equations.correlations(y)
            if correlated:
                rows["correlations"] = matrix[None]
            if i in self._due:
                self._smallest[i] = float(np.linalg.eigvalsh(matrix)[0])
        self._recorder.add(rows, now=now)

    def fields(self) -> dict[str, Any]:
        """What is recorded, and the estimated error."""
        found = self._recorder.fields()
        return {**found, "error_estimate": self._beside.band(found["emission"])}

    def diagnostics(self) -> dict[str, Any]:
        """Counts, and signs of an unphysical state."""
        reached = self._recorder.reached
        found: dict[str, Any] = {
            "order": self._order,
            "closure": "general" if self._problem.general else "u1",
            "steps": self._steps,
            "slopes": self._slopes + (0 if self._track is None else self._track.slopes),
            "population_excess": self._excess,
            "smallest_correlation_eigenvalues": [
                value for i, value in sorted(self._smallest.items()) if i < reached
            ],
            "error_from": self._beside.source,
        }
        return {**found, "energy_balance": self._balance} if self._closed else found

    def resume(self) -> dict[str, NDArray[Any]]:
        """The moments, the clock, and the emission of the order beside."""
        t, state, step = self._recorder.now
        if step is None:
            return {}
        found = {"state": state, "clock": np.array([t, step])}
        known = self._beside.emission
        return found if known is None else {**found, "beside": known}

    def notes(self) -> list[str]:
        """Nothing: what there is to say is in the estimated error."""
        return []

    def close(self) -> None:
        """End the threads."""
        if self._track is not None:
            self._slopes += self._track.slopes
        self._track = None
        self._problem.close()
