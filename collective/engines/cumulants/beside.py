"""The order that runs beside the one asked for: the gap between both tells the error."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collective.engines import estimates
from collective.engines.cumulants import size
from collective.engines.cumulants.problem import Problem
from collective.engines.numerics.runge_kutta import StepUnderflowError
from collective.errors import DivergedError

_AT_ONCE = 8  # output times between two returns
_UNKNOWN = 1.0  # error relative to the largest emission, if nothing tells it


class Beside:
    """The emission of the other order, and the estimated error that follows from it.

    Args:
        problem: what is asked for.
        order: the order asked for; the other one runs here if it takes little.

    Attributes:
        emission: (t,), up to the last time or a divergence, once it is known; else None.
        weight: the share of the whole work, roughly.
    """

    def __init__(self, problem: Problem, order: int):
        self._problem, self._order = problem, order
        request = problem.request
        self._other = size.beside(request, order, general=problem.general)
        self.emission: NDArray[np.float64] | None = None
        self.weight = 0.0 if self._other is None else size.share_beside(request, order)
        self._running: Iterator[float] | None = None
        self._found: list[float] = []
        kind: Literal["order 2", "order 3"] = "order 2" if order == 2 else "order 3"
        expected = estimates.expected(request, kind)
        self._expected = _UNKNOWN if expected is None else expected

    @property
    def done(self) -> bool:
        """Whether nothing is left to compute."""
        return self._other is None or self.emission is not None

    @property
    def share(self) -> float:
        """How much is computed, from 0 to 1."""
        return 1.0 if self.done else len(self._found) / len(self._problem.request.times)

    def advance(self) -> None:
        """Compute the emission at a few more times."""
        if self._running is None:
            self._running, self._found = self._emissions(), []
        try:
            for emission in self._running:
                self._found.append(emission)
                if len(self._found) % _AT_ONCE == 0:
                    return
        except (DivergedError, StepUnderflowError):
            pass
        self.emission, self._running = np.array(self._found), None

    def _emissions(self) -> Iterator[float]:
        """The emission at every output time."""
        assert self._other is not None
        problem, times = self._problem, self._problem.request.times
        equations = problem.first() if self._other == 1 else problem.equations(self._other)
        start = problem.start(equations)
        yield equations.emission(start)
        if len(times) == 1:
            return
        track = problem.integrator(equations, float(times[0]), start)
        for t in times[1:]:
            while track.t < t:
                problem.step(track, self._other)
            yield equations.emission(track.at(float(t), equations.observed))

    def band(self, emission: NDArray[np.float64]) -> NDArray[np.float64]:
        """The estimated error of an emission of the order asked for, (T,)."""
        found = self._band(emission)
        found[0] = 0.0  # the moments of the initial state are exact
        return found

    def _band(self, emission: NDArray[np.float64]) -> NDArray[np.float64]:
        if len(self._problem.request.rwa) <= self._order:
            return np.zeros_like(emission)
        request, other = self._problem.request, self.emission
        if other is None:
            return estimates.from_expected(emission, self._expected, request)
        both = min(len(other), len(emission))
        if self._other == 3:
            return estimates.from_orders(emission, other[:both], request)[0]
        if self._other == 1:
            found = estimates.from_mean_field(other[:both], emission[:both], request)[1]
        else:
            found = estimates.from_orders(other[:both], emission[:both], request)[1]
        # where the lower order has ended, nothing tells the error
        return np.concatenate([found, np.abs(emission[both:])])

    @property
    def source(self) -> str:
        """What the estimated error rests on."""
        if len(self._problem.request.rwa) <= self._order:
            return f"order {self._order} is exact for so few emitters"
        if self.emission is None:
            return "the couplings alone"
        low, high = sorted((self._order, self._other or 0))
        found = f"the gap between orders {low} and {high}"
        if len(self.emission) == len(self._problem.request.times):
            return found
        return f"{found}, up to where order {self._other} diverged"
