"""A run of conditional cumulants: samples drawn so far, and the threads that draw the next ones."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.blas import BlasThreads
from collective.engines import estimates
from collective.engines.base import resumed
from collective.engines.conditional_cumulants.sampler import Batch, Sampler
from collective.engines.conditional_cumulants.size import Plan
from collective.engines.conditional_cumulants.totals import Totals, alone
from collective.engines.request import Request
from collective.errors import DivergedError
from collective.states.moments import pair_moments

if TYPE_CHECKING:
    from collective.results.result import Result

_MANY_RESETS = 3.0  # of a sample
_PLAIN = -1  # the index of the sample of plain second order
_WAIT = 0.2  # seconds until the progress bar moves


class SampledRun:
    """Samples drawn so far, and the threads that draw the next ones.

    Args:
        request: what is asked for.
        plan: channels, steps and batches.
        efficiency: of the detection.
        margin: see `ConditionalCumulants`.
        earlier: an interrupted run, or None.
    """

    def __init__(
        self,
        request: Request,
        plan: Plan,
        efficiency: float,
        margin: float,
        earlier: "Result | None",
    ):
        self._request, self._plan = request, plan
        self._conditional = plan.jumps.shape[1] > 0
        if earlier is not None:
            self._seed = int(earlier.diagnostics["seed"])
        elif request.seed is not None:
            self._seed = request.seed
        else:
            self._seed = int(np.random.default_rng().integers(2**53))
        means, covariances = _moments(request)
        self._sampler = Sampler(request, plan, means, covariances, efficiency, margin, self._seed)
        n, times = len(request.couplings), len(request.times)
        self._totals = Totals.empty(times, n, "correlations" in request.words)
        self._plain = np.zeros(times)  # emission of plain second order
        self._plain_known = False
        self._diverged = False
        if earlier is not None and earlier.resume:
            self._totals = Totals.of(earlier, self._totals)
            self._plain = resumed(earlier, "plain", (times,)).astype(float)
            self._plain_known = bool(resumed(earlier, "plain_known", (1,))[0])
        self._batches: Generator[Batch | None] | None = None
        self._limits = ExitStack()
        self._before = self._totals.drawn

    @property
    def done(self) -> bool:
        """Whether all samples are drawn."""
        return self._totals.drawn >= self._plan.count

    @property
    def share(self) -> float:
        """How many of the samples are drawn, with the steps of those under way."""
        drawn = self._before + self._sampler.steps / max(self._plan.length, 1)
        return min(1.0, max(drawn, self._totals.drawn) / self._plan.count)

    def advance(self) -> None:
        """Add the next batch, or wait for it a little."""
        if self._batches is None:
            self._limits.enter_context(BlasThreads(1))
            self._sampler.prepare()
            self._batches = self._drawn()
        new = next(self._batches)
        if new is None:
            return
        self._totals = self._totals.with_batch(new)
        if self.done and not self._totals.count:
            self._diverged = True
            t = self._request.user_time(float(self._plan.times[self._totals.reached]))
            raise DivergedError(f"conditional cumulants diverged at t = {t:.4g} in all samples")

    def _drawn(self) -> Generator[Batch | None]:
        """Batches in their order, drawn by threads; None while the next one is not ready."""
        plan = self._plan
        tasks: Iterator[tuple[int, int]] = (
            (first // plan.batch, min(plan.batch, plan.count - first))
            for first in range(self._totals.drawn, plan.count, plan.batch)
        )
        if not self._conditional:
            tasks = iter([(_PLAIN, 1)])
        elif not self._plain_known:
            tasks = chain([(_PLAIN, 1)], tasks)
        waiting: deque[tuple[int, Future[Batch]]] = deque()
        with ThreadPoolExecutor(plan.threads) as pool:
            try:
                while True:
                    for index, count in islice(tasks, 2 * plan.threads - len(waiting)):
                        waiting.append((index, pool.submit(self._sampler.draw, index, count)))
                    if not waiting:
                        return
                    index, future = waiting[0]
                    try:
                        found = future.result(timeout=_WAIT)
                    except TimeoutError:
                        yield None
                        continue
                    waiting.popleft()
                    if index == _PLAIN and self._conditional:
                        self._plain = found.values[0, :, 0]
                        self._plain[found.lost[0] :] = np.nan
                        self._plain_known = True
                        yield None
                    else:
                        yield found
            finally:
                self._sampler.stop()
                for _, future in waiting:
                    future.cancel()

    def fields(self) -> dict[str, Any]:
        """Means at all output times; before the first batch, exact values at the first time."""
        totals = self._totals
        if self._diverged:
            rows = max(totals.reached, 1)
            mean, drawn = totals.broken[:rows] / totals.drawn, totals.drawn
            nothing, pairs = np.zeros_like(mean), totals.correlations[:rows]
            lost = Totals(drawn, drawn, mean, nothing, pairs, nothing[:, 0], rows, nothing)
            found = lost.fields(alone(mean))
            return found | {"error_estimate": alone(found["emission"])}
        if totals.count == 0:
            values, pairs = self._sampler.initial()
            nothing = np.zeros_like(values)
            start = Totals(1, 1, values, nothing, pairs, np.zeros(1), 1, nothing)
            return start.fields(nothing) | {"error_estimate": np.zeros(1)}
        errors = totals.errors() if self._conditional else np.zeros_like(totals.mean)
        found = totals.fields(errors)
        if self._conditional:
            # where plain second order is lost, only the size of the emission is known
            plain = np.where(np.isfinite(self._plain), self._plain, 0.0)
            found["error_estimate"] = estimates.from_conditional(
                found["emission"], plain, self._resets, self._request
            )
        else:
            expected = estimates.expected(self._request, "order 2") or 0.0
            found["error_estimate"] = estimates.from_expected(
                found["emission"], expected, self._request
            )
        found["error_estimate"][0] = 0.0  # the moments of the initial state are exact
        return found

    def diagnostics(self) -> dict[str, Any]:
        """Counts of samples, resets, channels and steps, and the seed."""
        totals = self._totals
        return {
            "samples": totals.count,
            "lost_samples": totals.drawn - totals.count,
            "resets_per_sample": self._resets,
            "channels": self._plan.jumps.shape[1],
            "steps": self._plan.length,
            "seed": self._seed,
            "threads": self._plan.threads,
        }

    @property
    def _resets(self) -> float:
        return float(self._totals.resets[-1] / max(self._totals.count, 1))

    def resume(self) -> dict[str, NDArray[Any]]:
        """The sums of all samples so far."""
        return self._totals.resume() | {
            "plain": np.nan_to_num(self._plain),
            "plain_known": np.array([int(self._plain_known)]),
        }

    def notes(self) -> list[str]:
        """Warnings of resets and of lost samples."""
        found = []
        lost = self._totals.drawn - self._totals.count
        if lost and self._totals.count:
            found.append(
                f"conditional cumulants: {lost} of {self._totals.drawn} samples did not stay "
                "finite and are left out of the means"
            )
        if self._resets > estimates.UNBELIEVABLE:
            most = estimates.UNBELIEVABLE
            found.append(
                f"conditional cumulants: {self._resets:.3g} resets a sample, more than {most:g}: "
                "do not believe this result; the emitters are too close for this approximation"
            )
        elif self._resets > _MANY_RESETS:
            found.append(
                f"conditional cumulants: {self._resets:.3g} resets a sample, more than "
                f"{_MANY_RESETS:g}: the numbers after the burst may be wrong"
            )
        return found

    def close(self) -> None:
        """End the threads."""
        if self._batches is not None:
            self._batches.close()
        self._limits.close()


def _moments(request: Request) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means (3, N) and covariances (3N, 3N) of x, p and z at the start."""
    found = pair_moments(request.state, request.couplings)
    assert found is not None
    s, z = found.lowered, found.inversion
    c = found.exchange - np.outer(s.conj(), s)
    m = found.double - np.outer(s, s)
    y = found.mixed - np.outer(z, s)
    zz = found.inversions - np.outer(z, z)
    # σ± = x ∓ ip
    xx, pp = (c + m).real / 2, (c - m).real / 2
    xp, px = (m + c).imag / 2, (m - c).imag / 2
    blocks = [[xx, xp, y.real.T], [px, pp, y.imag.T], [y.real, y.imag, zz]]
    n = len(z)
    v = np.block(blocks).reshape(3, n, 3, n)
    v[:, range(n), :, range(n)] = 0
    return np.stack([s.real, s.imag, z]), v.reshape(3 * n, 3 * n)
