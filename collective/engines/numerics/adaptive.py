"""Integration of an ordinary differential equation from one output time to the next."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        longest: no step is longer than this.
        first: length of the first step, or None; see `again`.

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
        longest: float = np.inf,
        first: float | None = None,
    ):
        from scipy.integrate import DOP853

        self._solver = DOP853(
            slope, t, y, end, rtol=rtol, atol=atol, max_step=longest, first_step=first
        )
        self.again: tuple[float, NDArray[Any], float | None] = (t, y, first)
        self._between: Callable[[float], NDArray[Any]] | None = None
        self.steps = 0

    @property
    def last(self) -> NDArray[Any]:
        """The value at the end of the last step."""
        return np.asarray(self._solver.y)

    def step(self) -> tuple[float, float]:
        """Make one step; returns the times at which it begins and ends.

        Raises:
            ArithmeticError: if the step shrinks to nothing.
        """
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
        solver = self._solver
        while solver.t < t:
            self.step()
        if solver.t == t:
            return solver.y
        if self._between is None:
            self._between = solver.dense_output()
        return self._between(t)

    def close(self) -> None:
        """Release the vectors now: scipy's solver refers to itself and would keep them a while."""
        self._between = None
        vars(self._solver).clear()
