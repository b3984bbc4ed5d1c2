r"""Steps of a packed density matrix under an envelope of the drive, each by a power series in time.

They are used in the same way as the steps of a constant generator (`steps`).
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from numpy.typing import NDArray
from scipy.linalg.blas import daxpy

from collective.engines.driven.packed import Functionals
from collective.engines.driven.size import DEGREE, INTERVALS
from collective.engines.driven.steps import (
    ROUND_OFF,
    Step,
    Summing,
    Tolerance,
    planned,
    terms_between_pauses,
)
from collective.pulse.timeline import Timeline

if TYPE_CHECKING:
    from collective.engines.driven.generator import PackedGenerator

_REACH = 6.0  # largest rate times the longest step of a power series: round-off grows by e^6
_POWERS = 80
_SAMPLES = 32  # of the envelope in a step, at least
_PER_INTERVAL = 8  # samples of the envelope in its shortest feature, at least
_GOLDEN = (5**0.5 - 1) / 2
_LOOKED_AT = 17  # times of a piece at which the strength of the light is looked at
_SUDDEN = 0.01  # share of the tolerance that a jump of the envelope may use up
_INSTANT = 1e-14  # of the time or duration: no step is shorter
_SHORT = 1e-6  # share of the duration; a jump needs some tens of shorter steps in a row
_SHORT_STEPS = 300  # after so many steps in a row that are shorter, the run fails


class PowerSteps:
    r"""Steps of ρ̇ = L(t)ρ as a power series in time, for drives with functions of time.

    In a step of length h, f(t + hτ) = Σ_k f_k τ^k, a polynomial fitted to samples denser than the
    features of f, and with ρ = Σ_n ρ_n τ^n

    .. math:: (n + 1)ρ_{n+1} = h L_{f_0}ρ_n + h\sum_{k≥1} D_{f_k} ρ_{n−k}

    where D_f is the drive alone. Several drives have a function each. The step is halved until the
    polynomial fits and the series converges, and doubled for the next one. It stops at every kink.

    Args:
        generator: L, with the drive as it is at its strongest.
        functionals: the observables.
        tolerance: the tolerance of the whole run.
        user_time: a function that gives a time as the user counts it, for messages.
        vectors: (K, N), the drives Ω_m.
        factors: (K,), their f(t), evaluated only within the step.
        pieces: where these functions have kinks, and how fast they change between them.
        strongest: the largest |f| of the drive of the generator, roughly.
    """

    def __init__(
        self,
        generator: "PackedGenerator",
        functionals: Functionals,
        tolerance: Tolerance,
        user_time: Callable[[float], float],
        vectors: NDArray[np.complex128],
        factors: tuple[Callable[[float], complex], ...],
        pieces: Timeline,
        strongest: float,
    ):
        self._generator, self._factors, self._functionals = generator, factors, functionals
        self._vectors, self._pieces, self._strongest = generator.half(vectors), pieces, strongest
        self._tolerance, self._duration = tolerance, tolerance.duration
        self._user_time = user_time
        self._strengths = 2 * np.abs(self._vectors).sum(axis=1)  # bounds on norms of the drives
        self._short_steps = 0
        self._powers: NDArray[np.float64] | None = None
        self._piece = -1
        self._longest = np.inf

    def _enter(self, piece: int) -> None:
        """Set how long steps may be in a piece of the time."""
        start, end = self._pieces.edges[piece : piece + 2]
        self._piece, self._stop = piece, float(end)
        self._resolution = min(float(self._pieces.longest[piece]), float(end - start))
        extents = self._generator.extent(self._strongest_light(piece))
        reach = _REACH / max(sum(extents), 1e-9)
        self._limit = min(reach, INTERVALS * self._resolution)
        self._longest = min(self._longest, self._limit)
        self._short = _SHORT * min(self._duration, 100 * self._limit)

    def _strongest_light(self, piece: int) -> NDArray[np.complex128]:
        """½Ω where it is strongest in a piece of the time."""
        if len(self._pieces.longest) == 1 and len(self._factors) == 1:
            return self._strongest * self._vectors[0]
        start, end = self._pieces.edges[piece : piece + 2]
        found = [self._light(start + (end - start) * x) for x in np.linspace(0, 1, _LOOKED_AT)]
        return max(found, key=lambda light: float(np.abs(light).sum()))

    def _light(self, t: float) -> NDArray[np.complex128]:
        """½Ω at a time of the piece."""
        t = self._pieces.inside(t, self._piece)
        return np.asarray(np.array([factor(t) for factor in self._factors]) @ self._vectors)

    def step(
        self,
        time: float,
        state: NDArray[np.float64],
        times: NDArray[np.float64],
        kept: Callable[[int], bool],
    ) -> "Iterator[float | Step]":
        """Compute the next step, as `FaberSteps.step` does.

        Raises:
            ValueError: where the envelope fails or is not finite.
            FloatingPointError: if no polynomial fits the envelope, or only over very short steps.
        """
        norm = self._generator.norm(state)
        piece = self._pieces.piece(time)
        if piece != self._piece:
            self._enter(piece)
        self._longest = min(2 * self._longest, self._limit)
        while self._longest > _INSTANT * max(abs(time), self._duration):
            end, inside, wanted = planned(time, times, self._longest, kept, self._stop)
            share = max((end - time) / self._duration, _SUDDEN)
            tolerance = self._tolerance.of(norm, share)
            readable = self._tolerance.of_readings(share)
            factors = self._fitted(time, end, tolerance / 2)
            if factors is not None:
                found = yield from self._summed(
                    state, factors, time, end, inside - time, wanted, tolerance, readable
                )
                if found is not None:
                    self._count_short(time)
                    yield Step(end, *found)
                    return
            self._longest = (end - time) / 2
        raise self._unfit(time, f"even over {self._share(2 * self._longest)}")

    def _count_short(self, time: float) -> None:
        """Raise an error after so many short steps in a row that the run would not end."""
        self._short_steps = self._short_steps + 1 if self._longest < self._short else 0
        if self._short_steps >= _SHORT_STEPS:
            raise self._unfit(time, f"but over {self._share(self._longest)} or less")

    def _share(self, length: float) -> str:
        return f"a share {length / self._duration:.1e} of the times"

    def _unfit(self, time: float, how: str) -> FloatingPointError:
        return FloatingPointError(
            f"no polynomial fits the envelope at t = {self._user_time(time):g}, {how}, to rtol = "
            f"{self._tolerance.rtol:g}; "
            "smooth the envelope, put its jumps on output times, or raise rtol; method='exact' can"
        )

    def _fitted(self, time: float, end: float, tolerance: float) -> NDArray[Any] | None:
        """The coefficients f_k of every drive in this step, (k, K); None if one does not fit."""
        found = []
        for factor, strength in zip(self._factors, self._strengths, strict=True):
            fit = self._polynomial(factor, float(strength), time, end, tolerance)
            if fit is None:
                return None
            found.append(fit)
        powers = np.zeros((max(map(len, found)), len(found)), dtype=complex)
        for k, fit in enumerate(found):
            powers[: len(fit), k] = fit
        return powers

    def _polynomial(
        self,
        factor: Callable[[float], complex],
        strength: float,
        time: float,
        end: float,
        tolerance: float,
    ) -> NDArray[Any] | None:
        """The coefficients f_k of one drive, or None if none fit within the tolerance."""
        samples = max(_SAMPLES, int(_PER_INTERVAL * (end - time) / self._resolution))
        # irregular points, so that no periodic envelope vanishes at all of them
        at = np.sort(np.append(np.arange(samples) * _GOLDEN % 1, 1.0))
        inside, piece = self._pieces.inside, self._piece
        values = np.array([factor(inside(time + (end - time) * x, piece)) for x in at])
        powers = chebvander(2 * at - 1, DEGREE)
        fit = np.linalg.lstsq(powers, values, rcond=None)[0]
        allowed = tolerance / ((end - time) * strength)
        if not np.abs(powers @ fit - values).max() < max(allowed, 1e-14 * np.abs(values).max()):
            return None
        left = np.cumsum(np.abs(fit)[::-1])[::-1] > allowed / 10
        fit = fit[: max(1, int(np.sum(left)))]
        return _monomials(len(fit)) @ fit

    def _summed(
        self,
        state: NDArray[np.float64],
        factors: NDArray[Any],
        time: float,
        end: float,
        inside: NDArray[np.float64],
        wanted: list[int],
        tolerance: float,
        readable: float,
    ) -> Summing:
        """The sum of the series, or None if it does not converge."""
        if self._powers is None:
            self._powers = np.empty((DEGREE + 2, *state.shape))
        powers, depth, functionals = self._powers, len(self._powers), self._functionals
        powers[0] = state
        sums = state.copy()
        kept = {i: state.copy() for i in wanted}
        largest, small, span = self._generator.norm(state), 0, end - time
        values, fractions = [functionals.values(state)], inside / span
        pause = terms_between_pauses(state)
        light = np.asarray(sum(f * v for f, v in zip(factors[0], self._vectors, strict=True)))
        for n in range(_POWERS):
            following = powers[(n + 1) % depth]
            rate = span / (n + 1)
            past = [(factors[k], powers[(n - k) % depth]) for k in range(1, len(factors)) if k <= n]
            norm = self._generator.advance(
                powers[n % depth], following, sums, (rate, 0.0, 0.0), 1.0, light, self._vectors,
                past,
            )  # fmt: skip
            values.append(functionals.values(following))
            for i in wanted:
                daxpy(following.ravel(), kept[i].ravel(), a=fractions[i] ** (n + 1))
            largest = max(largest, norm)
            if not ROUND_OFF * largest < tolerance:
                return None
            negligible = norm < tolerance / 2 and functionals.largest(values[-1]) < readable / 2
            small = small + 1 if negligible else 0
            if small == 3:
                self._generator.means.settle(sums.ravel())
                exponents = np.arange(len(values))
                return sums, (fractions[:, None] ** exponents) @ np.array(values), kept
            if (n + 1) % pause == 0:
                yield time + span * n / _POWERS
        return None


@cache
def _monomials(count: int) -> NDArray[np.float64]:
    """A matrix whose column k has the coefficients of 1, x, x² … in T_k(2x − 1) (Chebyshev)."""
    columns = np.zeros((count, count))
    columns[0, 0] = 1.0
    for k in range(1, count):  # T_k = 2(2x − 1)T_{k−1} − T_{k−2}, without the 2 at k = 1
        twice = (1 if k == 1 else 2) * columns[:, k - 1]
        columns[:, k] = 2 * np.roll(twice, 1) - twice
        if k > 1:
            columns[:, k] -= columns[:, k - 2]
    return columns
