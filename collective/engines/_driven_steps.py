r"""Two ways through time for a packed density matrix: a series for L, Runge–Kutta for L(t).

Both go from one state of rest to the next, a `Leg`: the time, the packed matrix, and what was read
on the way at the output times. What is not finished when something stops the run is lost, and
nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853
from scipy.linalg.blas import daxpy

from collective.engines._faber import Ellipse
from collective.engines._generator import Generator
from collective.engines._packed import Functionals

_REACH = 24.0  # radius of the ellipse times the longest step: longer ones gain little
_SHORTEST = 2.0**-20  # of it
_SHARE = 0.5  # of the tolerance, for what the series leaves out in the whole run
_ROUND_OFF = 1e-16
_KEPT_AT_ONCE = 16  # states summed up in one step


@dataclass(frozen=True)
class Leg:
    """One stretch of an evolution.

    Attributes:
        time: its end.
        state: the packed matrix then.
        taken: functionals at each output time in it, (k, K).
        kept: packed matrices at the output times to be kept, by index of the time.
    """

    time: float
    state: NDArray[np.float64]
    taken: NDArray[np.float64]
    kept: dict[int, NDArray[np.float64]]


class Series:
    r"""Legs of ρ(t + τ) = Σ_j c_j(τ) F_j(L) ρ(t).

    The functionals of F_j(L)ρ(t) are numbers, so output times within a leg cost no application.

    Args:
        generator: L.
        functionals: what is read.
        rtol: relative tolerance of the whole run.
        atol: absolute tolerance of the whole run.
        duration: of the run, over which errors are spread evenly.
    """

    def __init__(
        self,
        generator: Generator,
        functionals: Functionals,
        rtol: float,
        atol: float,
        duration: float,
    ):
        self._generator, self._functionals = generator, functionals
        self._rtol, self._atol, self._duration = rtol, atol, duration
        self._ellipse = generator.ellipse()
        self._longest = _REACH / self._ellipse.radius
        self._buffers: list[NDArray[np.float64]] = []

    @property
    def applications(self) -> int:
        """How often L has been applied."""
        return self._generator.applications

    def leg(
        self, time: float, state: NDArray[np.float64], times: NDArray[np.float64], kept: set[int]
    ) -> Leg:
        """The next leg, to the last output time within reach, or a part of the way to the first.

        Args:
            time: where the last one ended.
            state: its packed matrix, not changed.
            times: output times ahead, at least one.
            kept: indices of those at which the matrix is wanted.

        Raises:
            FloatingPointError: if the series does not converge.
        """
        shortest = self._longest * _SHORTEST
        while self._longest > shortest:
            inside = times[times <= time + self._longest * (1 + 1e-9)]
            wanted = [i for i in range(len(inside)) if i in kept][:_KEPT_AT_ONCE]
            if len(wanted) == _KEPT_AT_ONCE:
                inside = inside[: wanted[-1] + 1]
            if len(inside):
                end = float(inside[-1])
            else:
                ahead = float(times[0]) - time
                end = time + ahead / np.ceil(ahead / self._longest)
            found = self._summed(state, end - time, inside - time, wanted)
            if found is not None:
                return Leg(end, *found)
            self._longest /= 2
        raise FloatingPointError(
            f"the series for e^{{Lt}} does not converge at t = {time:g} in steps of "
            f"{2 * shortest:.1e}; method='exact' can"
        )

    def _summed(
        self,
        state: NDArray[np.float64],
        span: float,
        inside: NDArray[np.float64],
        wanted: list[int],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[int, NDArray[np.float64]]] | None:
        """State, functionals and kept states; None where round-off or lack of terms spoils them."""
        ellipse, functionals = self._ellipse, self._functionals
        count = int(2.5 * ellipse.radius * span) + 40
        weights = ellipse.coefficients(count, [*inside, span])
        here, before = self._scratch(state)
        here[:] = state
        sums = weights[0, -1] * state
        kept = {i: weights[0, i] * state for i in wanted}
        norm = float(np.linalg.norm(state))
        share = _SHARE * span / self._duration
        tolerance = max(share * (self._rtol * norm + self._atol), 100 * _ROUND_OFF * norm)
        # coefficients first rise, and those of early times may exceed those of the last
        sizes = np.abs(weights).max(axis=1)
        ahead = np.maximum.accumulate(sizes[::-1])[::-1]
        taken, largest, small = [functionals.take(here)], norm * sizes[0], 0
        for j in range(1, count):
            recurrence = ellipse.recurrence(j)
            norm = self._generator.advance(here, before, sums, recurrence, weights[j, -1])
            here, before = before, here
            taken.append(functionals.take(here))
            for i in wanted:
                daxpy(here.ravel(), kept[i].ravel(), a=weights[j, i])
            largest = max(largest, norm * sizes[j])
            if not _ROUND_OFF * largest < tolerance:
                return None
            small = small + 1 if norm * ahead[j] < tolerance else 0
            if small == 2:
                rows = weights[: j + 1, :-1].T @ np.array(taken)
                return sums, rows, kept
        return None

    def _scratch(self, like: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        if not self._buffers:
            self._buffers = [np.empty_like(like), np.empty_like(like)]
        return self._buffers


class RungeKutta:
    r"""Legs of ρ̇ = L(t)ρ by the eighth-order pair of Dormand and Prince, one output time each.

    Args:
        generator: L, whose drive is multiplied by
        envelope: f(t), checked at every time it is asked.
        functionals: what is read.
        rtol: relative tolerance.
        atol: absolute tolerance.
        longest: no step is longer.
    """

    def __init__(
        self,
        generator: Generator,
        envelope: Callable[[float], complex],
        functionals: Functionals,
        rtol: float,
        atol: float,
        longest: float,
    ):
        self._generator, self._envelope, self._functionals = generator, envelope, functionals
        self._rtol, self._atol = max(rtol, 1e-13), atol
        self._longest = longest
        self._step: float | None = None

    @property
    def applications(self) -> int:
        """How often L has been applied."""
        return self._generator.applications

    def leg(
        self, time: float, state: NDArray[np.float64], times: NDArray[np.float64], kept: set[int]
    ) -> Leg:
        """The leg to the next output time; arguments as for `Series.leg`.

        Raises:
            ValueError: where the envelope is not finite.
            FloatingPointError: where the steps get too short.
        """
        shape = state.shape

        def slope(t: float, y: NDArray[np.float64]) -> Any:
            found = np.empty(shape)
            factor = self._factor(t)
            self._generator.advance(y.reshape(shape), found, found, (1.0, 0.0, 0.0), 0.0, factor)
            return found.ravel()

        end = float(times[0])
        first = None if self._step is None else min(self._step, end - time)
        solver = DOP853(
            slope,
            time,
            state.ravel(),
            end,
            max_step=self._longest,
            rtol=self._rtol,
            atol=self._atol,
            first_step=first,
        )
        self._step = 0.0
        while solver.status == "running":
            message = solver.step()
            if solver.status == "failed":
                raise FloatingPointError(f"at t = {solver.t:g}: {message}")
            self._step = max(self._step, float(solver.step_size))  # the last one is cut short
        found = solver.y.reshape(shape)
        taken = self._functionals.take(found)[None]
        return Leg(end, found, taken, {0: found} if 0 in kept else {})

    def _factor(self, t: float) -> complex:
        value = complex(self._envelope(t))
        if not np.isfinite(value):
            raise ValueError(f"envelope must be finite: at t = {t:g} it is {value}")
        return value
