"""A run of emitters with a cavity mode whose numbers are one vector y with dy/dt = f(t, y)."""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collective.engines.base import resumed
from collective.engines.numerics.adaptive import Adaptive
from collective.engines.record import Recorder
from collective.engines.request import Request
from collective.errors import DivergedError

if TYPE_CHECKING:
    from collective.results.result import Result


class ModeEquations(Protocol):
    """The equations of one engine."""

    def start(self) -> NDArray[Any]:
        """The vector at the first time."""
        ...

    def slope(self, t: float, y: NDArray[Any]) -> NDArray[Any]:
        """The derivative dy/dt."""
        ...

    def tolerances(self) -> tuple[float, float]:
        """The relative and the absolute tolerance of a step."""
        ...

    def rows(self, y: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Fields of `Result` at one time, with the leading axis of length one.

        Raises:
            ValueError: if photon numbers are missing.
        """
        ...

    def watch(self, y: NDArray[Any]) -> None:
        """Look at the vector after a step.

        Raises:
            ValueError: if photon numbers are missing.
        """
        ...

    def finished(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of `Result` from what was recorded."""
        ...

    def diagnostics(self) -> dict[str, Any]:
        """Entries of `Result.diagnostics` beside the number of steps."""
        ...

    def notes(self) -> list[str]:
        """Warnings that the user gets."""
        ...


class ModeRun:
    """Observables at the output times reached so far, and the vector at the last of them.

    Args:
        request: what is asked for.
        equations: of the engine.
        names: fields of `Result` that `equations.rows` gives.
        earlier: an interrupted result, or None.
        further: names of other rows that `equations.rows` gives.
    """

    def __init__(
        self,
        request: Request,
        equations: ModeEquations,
        names: tuple[str, ...],
        earlier: "Result | None",
        *,
        further: tuple[str, ...] = (),
    ):
        self._further = further
        self._request, self._equations = request, equations
        self._recorder = Recorder(request, eigenvalues=False)
        self._solver: Adaptive | None = None
        self._before = 0
        y = equations.start()
        if earlier is None:
            self._record(y, (float(request.times[0]), y, None))
            return
        clock = resumed(earlier, "clock", (2,))
        values = resumed(earlier, "state", y.shape).astype(y.dtype)
        step = float(clock[1]) if clock[1] > 0 else None
        rows = {name: resumed(earlier, name, (len(earlier.times),)) for name in further}
        now = float(clock[0]), values, step
        self._recorder.restore(earlier, names, further=rows, now=now)
        self._before = int(earlier.diagnostics.get("steps", 0))

    @property
    def done(self) -> bool:
        """Whether every output time is reached."""
        return self._recorder.done

    @property
    def share(self) -> float:
        """How many of the output times are reached, from 0 to 1."""
        return self._recorder.share

    def advance(self) -> None:
        """Make a step towards the next output time, and record it if it is reached."""
        request, times = self._request, self._request.times
        if self._solver is None:
            rtol, atol = self._equations.tolerances()
            t, y, first = self._recorder.now
            self._solver = Adaptive(
                self._equations.slope, t, y, float(times[-1]), rtol=rtol, atol=atol,
                first=first, pieces=request.timeline,
            )  # fmt: skip
            self._reached = t
        target = float(times[self._recorder.reached])
        try:
            if self._reached < target:
                self._reached = self._solver.step()[1]
                self._equations.watch(self._solver.last)
            if self._reached < target:
                return
            y = self._solver.to(target)
        except ArithmeticError as error:
            when = request.user_time(target)
            raise DivergedError(f"the equations diverged before t = {when:.4g}: {error}") from None
        if not np.all(np.isfinite(y)):
            raise DivergedError(
                f"the equations diverged before t = {request.user_time(target):.4g}"
            )
        self._record(y, self._solver.again)

    def _record(self, y: NDArray[Any], now: Any) -> None:
        """Record one output time."""
        rows = self._equations.rows(y)
        error = float(rows.pop("trace_error", np.zeros(1))[0])
        self._recorder.add(rows, trace_error=error, now=now)

    def fields(self) -> dict[str, Any]:
        """What is recorded."""
        return self._equations.finished(self._recorder.fields())

    def diagnostics(self) -> dict[str, Any]:
        """The number of steps, and what the equations say."""
        steps = self._before + (0 if self._solver is None else self._solver.steps)
        return {"steps": steps, **self._recorder.checks(), **self._equations.diagnostics()}

    def resume(self) -> dict[str, NDArray[Any]]:
        """The beginning and the length of the last step, and the vector there."""
        t, y, step = self._recorder.now
        recorded = self._recorder.fields()
        rows = {name: recorded[name] for name in self._further}
        return {"clock": np.array([t, step or 0.0]), "state": np.asarray(y), **rows}

    def notes(self) -> list[str]:
        """Warnings of the equations."""
        return self._equations.notes()

    def close(self) -> None:
        """Release the vectors."""
        if self._solver is not None:
            self._before += self._solver.steps
            self._solver.close()
        self._solver = None
