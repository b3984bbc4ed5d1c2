"""Integration of an ordinary differential equation from one output time to the next."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.pulse.timeline import Timeline

_CALLS = 12  # of the slope, in a step of one try


class Adaptive:
    """Solves y' = f(t, y) by Dormand and Prince's method of order 8, for real or complex y.

    Steps do not stop at output times: between them y is interpolated to order 7.

    Args:
        slope: the function f.
        t: initial time.
        y: initial value, (n,).
        end: no step goes beyond this time.
        rtol: relative tolerance of a step.
        atol: absolute tolerance of a step, a number or (n,).
        first: length of the first step, or None; see `again`.
        pieces: of the time, at whose ends steps stop because the slope may jump there; a step is
            at most as long as its piece allows. None for a slope without jumps.

    Attributes:
        again: time and value at the beginning of an earlier step, and its length: with these as
            `t`, `y` and `first` another object takes the same steps again, so that an interrupted
            run continues as it was. It is the last step that needed one try: after a try that
            failed the next step is not longer, and a new object would not know of it.
        steps: how many steps were taken.
    """

    def __init__(
        self,
        slope: Callable[[float, NDArray[Any]], NDArray[Any]],
        t: float,
        y: NDArray[Any],
        end: float,
        *,
        rtol: float,
        atol: float | NDArray[Any],
        first: float | None = None,
        pieces: Timeline | None = None,
    ):
        self._slope, self._end, self._rtol, self._atol = slope, end, rtol, atol
        self._pieces = pieces
        self._solver = self._made(t, y, first)
        self.again: tuple[float, NDArray[Any], float | None] = (t, y, first)
        self._between: Callable[[float], NDArray[Any]] | None = None
        self.steps = 0

    @property
    def last(self) -> NDArray[Any]:
        """The value at the end of the last step."""
        return np.asarray(self._solver.y)

    def _made(self, t: float, y: NDArray[Any], first: float | None) -> Any:
        """The solver from a time on, up to the end or to the end of the piece."""
        from scipy.integrate import DOP853

        slope, end, longest, pieces = self._slope, self._end, np.inf, self._pieces
        if pieces is not None:
            piece = pieces.piece(t)
            end = min(end, float(pieces.edges[piece + 1]))
            longest = float(pieces.longest[piece])

            def slope(t: float, y: NDArray[Any]) -> NDArray[Any]:
                return self._slope(pieces.inside(t, piece), y)

            first = None if first is None else min(first, end - t)
        return DOP853(
            slope, t, y, end, rtol=self._rtol, atol=self._atol, max_step=longest, first_step=first
        )

    def step(self) -> tuple[float, float]:
        """Make one step; returns the times at which it begins and ends.

        Raises:
            ArithmeticError: if the step shrinks to nothing.
        """
        if self._solver.status == "finished" and self._solver.t < self._end:
            t, y = float(self._solver.t), self._solver.y
            self.close()
            self._solver = self._made(t, y, None)
        before, value, calls = float(self._solver.t), self._solver.y, self._solver.nfev
        message = self._solver.step()
        if self._solver.status == "failed":
            raise ArithmeticError(f"the integrator stopped: {message}")
        self._between = None
        if self._solver.nfev - calls == _CALLS:
            self.again = before, value, float(self._solver.step_size)
        self.steps += 1
        return before, float(self._solver.t)

    def to(self, t: float) -> NDArray[Any]:
        """The value at a time that is not earlier than the beginning of the last step.

        Raises:
            ArithmeticError: if the step shrinks to nothing.
        """
        while self._solver.t < t:
            self.step()
        solver = self._solver
        if solver.t == t:
            return solver.y
        if self._between is None:
            self._between = solver.dense_output()
        return self._between(t)

    def close(self) -> None:
        """Release the vectors now: scipy's solver refers to itself and would keep them a while."""
        self._between = None
        vars(self._solver).clear()
