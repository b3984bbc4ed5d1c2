r"""Two ways through time for a packed density matrix: Faber's series for L, powers for L(t).

Both go from one state of rest to the next, a `Leg`: the time, the packed matrix, and what was read
on the way at the output times. What is not finished when something stops the run is lost, and
nothing else. The file is longer than others: both ways share how a leg is cut and judged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from numpy.typing import NDArray
from scipy.linalg.blas import daxpy

from collective.engines.driven.generator import Generator
from collective.engines.driven.packed import KEPT_AT_ONCE, Functionals

_REACH = 24.0  # radius of the ellipse times the longest step: longer ones gain little
_SHORTEST = 2.0**-20  # of it
_SHARE = 0.5  # of the tolerance, for what the series leaves out in the whole run
_ROUND_OFF = 1e-16

_POWER_REACH = 6.0  # largest rate times the longest step of a power series: e^6 of round-off
_POWERS = 80
_DEGREE = 8  # of the polynomial that follows an envelope
_SAMPLES = 32  # of the envelope in a leg, at least
_PER_INTERVAL = 8  # and as many between the closest output times
_INTERVALS = 200  # of the closest output times in a leg, at most: none takes too many samples
_GOLDEN = (5**0.5 - 1) / 2
_SUDDEN = 0.01  # share of the tolerance that a jump of the envelope may use up
_INSTANT = 1e-14  # relative; shorter legs are none
_SHORT = 1e-6  # share of the duration; jumps make legs shorter than that, some tens in a row
_SHORT_LEGS = 300  # in a row: then there is no end of them

Summed = tuple[NDArray[np.float64], NDArray[np.float64], dict[int, NDArray[np.float64]]]


@dataclass(frozen=True)
class Leg:
    """One stretch of an evolution.

    Attributes:
        time: its end.
        state: the packed matrix then.
        taken: functionals at each output time in it, (k, K).
        kept: packed matrices at the output times to be kept, by index of the time.
        applications: of L, that it took.
    """

    time: float
    state: NDArray[np.float64]
    taken: NDArray[np.float64]
    kept: dict[int, NDArray[np.float64]]
    applications: int


class Series:
    r"""Legs of ρ(t + τ) = Σ_j c_j(τ) F_j(L) ρ(t).

    The functionals of F_j(L)ρ(t) are numbers, so output times within a leg cost no application.

    Args:
        generator: L.
        functionals: what is read.
        rtol: relative tolerance of the whole run.
        atol: absolute tolerance of the whole run.
        duration: of the run, over which errors are spread evenly.
        user_time: a time as the user counts it, for messages.
    """

    def __init__(
        self,
        generator: Generator,
        functionals: Functionals,
        rtol: float,
        atol: float,
        duration: float,
        user_time: Callable[[float], float],
    ):
        self._generator, self._functionals = generator, functionals
        self._rtol, self._atol, self._duration = rtol, atol, duration
        self._user_time = user_time
        self._ellipse = generator.ellipse()
        self._longest = _REACH / self._ellipse.radius
        self._buffers: list[NDArray[np.float64]] = []

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
        shortest, applied = self._longest * _SHORTEST, self._generator.applications
        while self._longest > shortest:
            end, inside, wanted = _stretch(time, times, self._longest, kept)
            found = self._summed(state, end - time, inside - time, wanted)
            if found is not None:
                return Leg(end, *found, self._generator.applications - applied)
            self._longest /= 2
        raise FloatingPointError(
            f"the series for e^{{Lt}} does not converge at t = {self._user_time(time):g} in steps "
            f"of {2 * shortest / self._duration:.1e} of the times; method='exact' can"
        )

    def _summed(
        self,
        state: NDArray[np.float64],
        span: float,
        inside: NDArray[np.float64],
        wanted: list[int],
    ) -> Summed | None:
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


class Pulse:
    r"""Legs of ρ̇ = L(t)ρ as a power series in time, for an envelope f(t) of the drive.

    In a leg of length h, f(t + hτ) = Σ_k f_k τ^k, a polynomial fitted to samples denser than the
    output times, and with ρ = Σ_n ρ_n τ^n

    .. math:: (n + 1)ρ_{n+1} = h L_{f_0}ρ_n + h\sum_{k≥1} D_{f_k} ρ_{n−k}

    where D_f is the drive alone. The leg is halved until the polynomial fits and the series
    converges, and doubled for the next one.

    Args:
        generator: L, whose drive is multiplied by
        envelope: f(t), asked within the leg.
        functionals: what is read.
        rtol: relative tolerance of the whole run.
        atol: absolute tolerance of the whole run.
        duration: of the run, over which errors are spread evenly.
        resolution: there are several samples of f in any interval of this length.
        strongest: of the envelope, about, |f|.
        user_time: as for `Series`.
    """

    def __init__(
        self,
        generator: Generator,
        envelope: Callable[[float], complex],
        functionals: Functionals,
        rtol: float,
        atol: float,
        duration: float,
        resolution: float,
        strongest: float,
        user_time: Callable[[float], float],
    ):
        self._generator, self._envelope, self._functionals = generator, envelope, functionals
        self._rtol, self._atol, self._duration = rtol, atol, duration
        self._resolution, self._user_time = resolution, user_time
        ellipse = generator.ellipse(strongest)
        reach = _POWER_REACH / max(ellipse.decay + ellipse.width, 1e-9)
        self._limit = min(reach, _INTERVALS * resolution)
        self._longest = self._limit
        self._short, self._short_legs = _SHORT * min(duration, 100 * self._limit), 0
        self._ring: NDArray[np.float64] | None = None

    def leg(
        self, time: float, state: NDArray[np.float64], times: NDArray[np.float64], kept: set[int]
    ) -> Leg:
        """The next leg; arguments as for `Series.leg`.

        Raises:
            ValueError: where the envelope fails or is not finite.
            FloatingPointError: if no polynomial fits the envelope, or only over very short legs.
        """
        applied = self._generator.applications
        norm = float(np.linalg.norm(state))
        self._longest = min(2 * self._longest, self._limit)
        while self._longest > _INSTANT * max(abs(time), self._duration):
            end, inside, wanted = _stretch(time, times, self._longest, kept)
            share = _SHARE * max((end - time) / self._duration, _SUDDEN)
            tolerance = max(share * (self._rtol * norm + self._atol), 100 * _ROUND_OFF * norm)
            factors = self._fitted(time, end, tolerance / 2)
            if factors is not None:
                found = self._summed(state, factors, inside - time, end - time, wanted, tolerance)
                if found is not None:
                    self._note(time)
                    return Leg(end, *found, self._generator.applications - applied)
            self._longest = (end - time) / 2
        raise self._unfit(time, f"even over {self._share(2 * self._longest)}")

    def _note(self, time: float) -> None:
        """Give up where legs stay too short for an end to be in sight."""
        self._short_legs = self._short_legs + 1 if self._longest < self._short else 0
        if self._short_legs >= _SHORT_LEGS:
            raise self._unfit(time, f"but over {self._share(self._longest)} and shorter stretches")

    def _share(self, stretch: float) -> str:
        return f"a share {stretch / self._duration:.1e} of the times"

    def _unfit(self, time: float, how: str) -> FloatingPointError:
        return FloatingPointError(
            f"no polynomial fits the envelope at t = {self._user_time(time):g}, {how}, to rtol = "
            f"{self._rtol:g}; "
            "smooth the envelope, put its jumps on output times, or raise rtol; method='exact' can"
        )

    def _fitted(self, time: float, end: float, tolerance: float) -> NDArray[Any] | None:
        """f_k in this leg, or None if no polynomial fits to within the tolerance."""
        samples = max(_SAMPLES, int(_PER_INTERVAL * (end - time) / self._resolution))
        # irregular points, so that no period hides between them
        at = np.sort(np.append(np.arange(samples) * _GOLDEN % 1, 1.0))
        values = np.array([self._envelope(time + (end - time) * x) for x in at])
        powers = chebvander(2 * at - 1, _DEGREE)
        fit = np.linalg.lstsq(powers, values, rcond=None)[0]
        allowed = tolerance / ((end - time) * self._generator.drive_strength)
        if not np.abs(powers @ fit - values).max() < max(allowed, 1e-14 * np.abs(values).max()):
            return None
        left = np.cumsum(np.abs(fit)[::-1])[::-1] > allowed / 10
        fit = fit[: max(1, int(np.sum(left)))]
        return _monomials(len(fit)) @ fit

    def _summed(
        self,
        state: NDArray[np.float64],
        factors: NDArray[Any],
        inside: NDArray[np.float64],
        span: float,
        wanted: list[int],
        tolerance: float,
    ) -> Summed | None:
        """State, functionals and kept states; None where the series does not converge."""
        if self._ring is None:
            self._ring = np.empty((_DEGREE + 2, *state.shape))
        ring, depth, functionals = self._ring, len(self._ring), self._functionals
        ring[0] = state
        sums = state.copy()
        kept = {i: state.copy() for i in wanted}
        largest, small = float(np.linalg.norm(state)), 0
        taken, fractions = [functionals.take(state)], inside / span
        for n in range(_POWERS):
            following = ring[(n + 1) % depth]
            rate = span / (n + 1)
            past = [(factors[k], ring[(n - k) % depth]) for k in range(1, len(factors)) if k <= n]
            norm = self._generator.advance(
                ring[n % depth], following, sums, (rate, 0.0, 0.0), 1.0, factors[0], past
            )
            taken.append(functionals.take(following))
            for i in wanted:
                daxpy(following.ravel(), kept[i].ravel(), a=fractions[i] ** (n + 1))
            largest = max(largest, norm)
            if not _ROUND_OFF * largest < tolerance:
                return None
            small = small + 1 if norm < tolerance / 2 else 0
            if small == 3:
                powers = fractions[:, None] ** np.arange(len(taken))
                return sums, powers @ np.array(taken), kept
        return None


@cache
def _monomials(count: int) -> NDArray[np.float64]:
    """Column k: coefficients of 1, x, x² … in the Chebyshev polynomial T_k(2x − 1)."""
    columns = np.zeros((count, count))
    columns[0, 0] = 1.0
    for k in range(1, count):  # T_k = 2(2x − 1)T_{k−1} − T_{k−2}, without the 2 at k = 1
        twice = (1 if k == 1 else 2) * columns[:, k - 1]
        columns[:, k] = 2 * np.roll(twice, 1) - twice
        if k > 1:
            columns[:, k] -= columns[:, k - 2]
    return columns


def _stretch(
    time: float, times: NDArray[np.float64], longest: float, kept: set[int]
) -> tuple[float, NDArray[np.float64], list[int]]:
    """End of the next leg, the output times in it and which of these are kept.

    It ends at the last output time within reach; if there is none, an equal part of the way to
    the first.
    """
    inside = times[times <= time + longest * (1 + 1e-9)]
    wanted = [i for i in range(len(inside)) if i in kept][:KEPT_AT_ONCE]
    if len(wanted) == KEPT_AT_ONCE:
        inside = inside[: wanted[-1] + 1]
    if len(inside):
        return float(inside[-1]), inside, wanted
    ahead = float(times[0]) - time
    return time + ahead / np.ceil(ahead / longest), inside, wanted
