r"""Steps of a packed density matrix under a constant generator, each by one Faber series.

A step ends at the last output time within reach. The same series gives the other output times
inside it. A step is computed term by term: between the terms of a long one, the loop around the
run shows progress and writes checkpoints. If something stops the run, only the unfinished step is
lost.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import daxpy

from collective.engines.basis.orbit_means import Settling
from collective.engines.driven.packed import Functionals
from collective.engines.driven.size import KEPT_AT_ONCE, REACH
from collective.engines.numerics.alignment import aligned

if TYPE_CHECKING:
    from collective.engines.driven.generator import PackedGenerator

ROUND_OFF = 1e-16
_SHORTEST = 2.0**-20  # of the longest step
_SHARE = 0.5  # of the tolerance, for the truncation of all series of the run
_IGNORED = 1e-6  # of the tolerance: terms that are left out of ρ at a time inside a step
_PAUSE = 2**18  # entries of ρ that are computed between two pauses, in some milliseconds

# the state at the end, the functionals at each output time, and the states to be kept
Summed = tuple[NDArray[np.float64], NDArray[np.float64], dict[int, NDArray[np.float64]]]
Summing = Generator[float, None, Summed | None]


@dataclass(frozen=True)
class Step:
    """One step of an evolution.

    Attributes:
        time: the end of the step.
        state: the packed matrix at this time.
        values: values of the functionals at each output time in the step, (k, K).
        kept: packed matrices at the output times to be kept, by index of the time.
    """

    time: float
    state: NDArray[np.float64]
    values: NDArray[np.float64]
    kept: dict[int, NDArray[np.float64]]


@dataclass(frozen=True)
class Tolerance:
    """The error that is allowed in the whole run; every part of it may have an equal share.

    Attributes:
        rtol: relative to the norm of ρ.
        atol: absolute.
        duration: length of the run.
    """

    rtol: float
    atol: float
    duration: float

    def of(self, norm: float, share: float) -> float:
        """The error allowed in a share of the run for a state of this norm; not below round-off."""
        return max(_SHARE * share * (self.rtol * norm + self.atol), 100 * ROUND_OFF * norm)

    def of_readings(self, share: float) -> float:
        """The error allowed in tr ρ and in the correlations, which are at most 1.

        In a mixture of many states they may change by more than ρ does by its norm.
        """
        return max(_SHARE * share * (self.rtol + self.atol), 100 * ROUND_OFF)


class FaberSteps:
    r"""Computes steps by ρ(t + τ) = Σ_j c_j(τ) F_j(L) ρ(t).

    The functionals of F_j(L)ρ(t) are numbers, so output times within a step cost no application.

    Args:
        generator: L.
        functionals: the observables.
        tolerance: the tolerance of the whole run.
        user_time: a function that gives a time as the user counts it, for messages.
    """

    def __init__(
        self,
        generator: "PackedGenerator",
        functionals: Functionals,
        tolerance: Tolerance,
        user_time: Callable[[float], float],
    ):
        self._generator, self._functionals = generator, functionals
        self._tolerance, self._user_time = tolerance, user_time
        self._ellipse = generator.ellipse()
        self._longest = REACH / self._ellipse.radius
        self._buffers: list[NDArray[np.float64]] = []

    def step(
        self,
        time: float,
        state: NDArray[np.float64],
        times: NDArray[np.float64],
        kept: Callable[[int], bool],
    ) -> "Iterator[float | Step]":
        """Compute the next step, to the last output time within reach or towards the first one.

        Args:
            time: the end of the last step.
            state: the packed matrix at this time, not changed.
            times: output times that follow, at least one.
            kept: a function of the index of a time: whether the matrix is wanted there.

        Yields:
            Times between the terms, which estimate how far the step is, and the `Step` at the end.

        Raises:
            FloatingPointError: if the series does not converge.
        """
        shortest = self._longest * _SHORTEST
        while self._longest > shortest:
            end, inside, wanted = planned(time, times, self._longest, kept)
            found = yield from self._summed(state, time, end, inside - time, wanted)
            if found is not None:
                yield Step(end, *found)
                return
            self._longest /= 2
        share = 2 * shortest / self._tolerance.duration
        raise FloatingPointError(
            f"the series for e^{{Lt}} does not converge at t = {self._user_time(time):g} in steps "
            f"of {share:.1e} of the times; method='exact' can"
        )

    def _summed(
        self,
        state: NDArray[np.float64],
        time: float,
        end: float,
        inside: NDArray[np.float64],
        wanted: list[int],
    ) -> Summing:
        """The sum of the series, or None if round-off is too large or the terms are too few."""
        ellipse, functionals, span = self._ellipse, self._functionals, end - time
        count = int(2.5 * ellipse.radius * span) + 40
        weights = ellipse.coefficients(count, np.append(inside, span))
        here, before = self._scratch(state)
        here[:] = state
        sums = aligned(state.shape)
        np.multiply(state, weights[0, -1], out=sums)
        at_end = [i for i in wanted if inside[i] == span]
        kept = {i: weights[0, i] * state for i in wanted if i not in at_end}
        norm = self._generator.norm(state)
        share = span / self._tolerance.duration
        tolerance, readable = self._tolerance.of(norm, share), self._tolerance.of_readings(share)
        # coefficients grow first, and those of early times may exceed those of the last time
        sizes = np.abs(weights).max(axis=1)
        ahead = np.maximum.accumulate(sizes[::-1])[::-1]
        values, largest, small = [functionals.values(here)], norm * sizes[0], 0
        pause, settling = terms_between_pauses(state), Settling(self._generator.means)
        for j in range(1, count):
            recurrence = ellipse.recurrence(j)
            norm = self._generator.advance(here, before, sums, recurrence, weights[j, -1])
            here, before = before, here
            settling.after(j, norm, (here, before))
            values.append(functionals.values(here))
            for i in kept:
                if abs(weights[j, i]) * norm > _IGNORED * tolerance:  # early times need few terms
                    daxpy(here.ravel(), kept[i].ravel(), a=weights[j, i])
            largest = max(largest, norm * sizes[j])
            if not ROUND_OFF * largest < tolerance:
                return None
            negligible = norm * ahead[j] < tolerance
            if negligible:
                negligible = functionals.largest(values[-1]) * ahead[j] < readable
            small = small + 1 if negligible else 0
            if small == 2:
                self._generator.means.settle(sums.ravel())
                kept |= dict.fromkeys(at_end, sums)
                return sums, weights[: j + 1, :-1].T @ np.array(values), kept
            if j % pause == 0:
                yield time + span * j / count
        return None

    def _scratch(self, like: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Memory for two polynomials of the recurrence."""
        if not self._buffers:
            self._buffers = [aligned(like.shape), aligned(like.shape)]
        return self._buffers


def terms_between_pauses(state: NDArray[np.float64]) -> int:
    """The number of terms of a series that are computed between two pauses."""
    return 1 + _PAUSE // state.size


def planned(
    time: float,
    times: NDArray[np.float64],
    longest: float,
    kept: Callable[[int], bool],
    stop: float = np.inf,
) -> tuple[float, NDArray[np.float64], list[int]]:
    """The end of the next step, the output times in it, and the indices of those to be kept.

    A step ends at the last output time within reach. If there is none, the interval to the first
    output time, or to `stop`, is divided into equal steps. No step goes beyond `stop`.
    """
    inside = times[times <= min(time + longest * (1 + 1e-9), stop)]
    wanted = list(islice(filter(kept, range(len(inside))), KEPT_AT_ONCE))
    if len(wanted) == KEPT_AT_ONCE:
        inside = inside[: wanted[-1] + 1]
    if len(inside):
        return float(inside[-1]), inside, wanted
    target = min(float(times[0]), stop)
    count = np.ceil((target - time) / (longest * (1 + 1e-9)))
    return target if count <= 1 else time + (target - time) / count, inside, wanted
