"""A run of cumulants: the order beside, then the order asked for, step by step."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.engines import estimates
from collective.engines.base import resumed, threads_for
from collective.engines.cumulants import size
from collective.engines.cumulants.general import General
from collective.engines.cumulants.pairs import rates
from collective.engines.cumulants.second import Second
from collective.engines.cumulants.third import Third
from collective.engines.numerics.pulses import ENVELOPE_STEPS
from collective.engines.numerics.runge_kutta import RungeKutta, StepUnderflowError
from collective.engines.record import Recorder, eigenvalue_times
from collective.engines.request import Request
from collective.errors import DivergedError
from collective.states.moments import pair_moments, triple_moments

if TYPE_CHECKING:
    from collective.results.result import Result

BOUND = 2.0  # of every moment; no physical one exceeds 1
_UNKNOWN = 1.0  # error relative to the largest emission, if nothing tells it


class CumulantRun:
    """Moments, and the observables at the output times reached so far.

    Args:
        order: 2 or 3.
        general: whether all moments are kept, and not only those with as many σ⁺ as σ⁻.
        request: what is asked for.
        earlier: an interrupted result, or None.
    """

    def __init__(self, order: int, general: bool, request: Request, earlier: "Result | None"):
        self._order, self._general, self._request = order, general, request
        self._rates = rates(request.couplings)
        self._kind: estimates.Kind = "order 2" if order == 2 else "order 3"
        self._recorder = Recorder(request, eigenvalues=False)
        self._smallest: dict[int, float] = {}
        self._beside_order = size.beside(request, order, general=general)
        self._beside: NDArray[np.float64] | None = None  # emission of the other order, once known
        self._share_beside = 0.0
        self._steps, self._slopes, self._excess, self._balance = 0, 0, 0.0, 0.0
        self._pool: ThreadPoolExecutor | None = None
        self._limits: ExitStack | None = None
        self._track: RungeKutta | None = None
        self._searching: Iterator[float] | None = None
        if earlier is not None and "state" in earlier.resume:
            self._continue(earlier)
            return
        equations = self._equations(order)
        start = self._start(order, equations)
        now = float(request.times[0]), start, None
        self._record(equations, [start[: equations.blocks[1]]], now)

    def _continue(self, earlier: "Result") -> None:
        """Take over what an interrupted result has reached."""
        length = self._equations(self._order).blocks[-1]
        state = resumed(earlier, "state", (length,)).astype(float)
        clock = resumed(earlier, "clock", (2,)).astype(float)
        names: tuple[str, ...] = ("emission", "populations")
        if "correlations" in self._request.words:
            names = (*names, "correlations")
        now = float(clock[0]), state, float(clock[1])
        self._recorder.restore(earlier, names, now=now)
        known = earlier.diagnostics
        at = sorted(eigenvalue_times(len(self._request.times)))
        self._smallest = dict(
            zip(at, known.get("smallest_correlation_eigenvalues", ()), strict=False)
        )
        self._steps, self._slopes = known["steps"], known["slopes"]
        self._excess = known["population_excess"]
        self._balance = known.get("energy_balance", 0.0)
        if "beside" in earlier.resume:
            self._beside = resumed(earlier, "beside", (-1,)).astype(float)

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
        own = (self._recorder.now[0] - first) / (last - first)
        if self._beside_order is None:
            return float(own)
        weight = size.share_beside(self._request, self._order)
        beside = self._share_beside if self._beside is None else 1.0
        return float(weight * beside + (1 - weight) * own)

    def advance(self) -> None:
        """Do one step of the order beside, or of the order asked for once the other has ended."""
        self._limit()
        if self._beside is None and self._beside_order is not None:
            self._search()
            return
        if self._track is None:
            t, state, step = self._recorder.now
            self._equation = self._equations(self._order)
            self._track = self._integrator(self._equation, t, state, step)
        track, equations = self._track, self._equation
        self._step(track, self._order)
        values, times = [], self._request.times
        ahead = times[self._recorder.reached :]
        rows = ahead[: np.searchsorted(ahead, track.t, side="right")]
        values = [track.at(t, equations.blocks[1]).copy() for t in rows]
        self._watch(equations, track)
        self._record(equations, values, (track.t, track.y, track.step_size))

    def _search(self) -> None:
        """Do one step of the order beside; keep its emission once it has ended or diverged."""
        if self._searching is None:
            self._searching, self._found = self._emissions(), []
        try:
            for emission in self._searching:
                self._found.append(emission)
                if len(self._found) % 8 == 0:
                    return
        except DivergedError:
            pass
        self._beside, self._searching = np.array(self._found), None

    def _emissions(self) -> Iterator[float]:
        """The emission of the order beside at every output time."""
        assert self._beside_order is not None
        times = self._request.times
        equations = self._equations(self._beside_order)
        start = self._start(self._beside_order, equations)
        yield equations.emission(start)
        track = self._integrator(equations, float(times[0]), start, None)
        for i, t in enumerate(times[1:], 1):
            while track.t < t:
                self._step(track, self._beside_order)
            self._share_beside = i / len(times)
            yield equations.emission(track.at(float(t), equations.blocks[1]))

    def _equations(self, order: int) -> Second | General:
        """The equations of an order."""
        threads = threads_for(self._request)
        if order == 3:
            return Third(self._rates, threads, self._pool)
        if self._general:
            return General(self._rates, self._request.envelope, threads, self._pool)
        return Second(self._rates, threads, self._pool)

    def _start(self, order: int, equations: Second | General) -> NDArray[np.float64]:
        """The vector of the initial state."""
        request = self._request
        moments = pair_moments(request.state, request.couplings)
        assert moments is not None
        if not isinstance(equations, Third):
            return equations.start(moments)
        triples = triple_moments(request.state, request.couplings)
        assert triples is not None
        return equations.start_triples(moments, *triples)

    def _integrator(
        self, equations: Second | General, t: float, state: NDArray[np.float64], step: float | None
    ) -> RungeKutta:
        request = self._request
        longest = np.inf
        if request.envelope is not None and len(request.times) > 1:
            span = float(np.ptp(request.times))  # a pulse shorter than this would be missed
            longest = max(float(np.diff(request.times).min()), span / ENVELOPE_STEPS)
        return RungeKutta(
            equations.slope, t, state, float(request.times[-1]), rtol=request.rtol,
            atol=request.atol, blocks=equations.blocks, longest=longest, step=step,
            threads=threads_for(request), pool=self._pool,
        )  # fmt: skip

    def _step(self, track: RungeKutta, order: int) -> None:
        """One step; raises if a moment has left the physical region for good."""
        try:
            track.step()
        except StepUnderflowError:
            pass
        else:
            if np.all(track.largest <= BOUND):
                return
        raise DivergedError(
            f"the cumulants of order {order} diverged at t = {self._request.user_time(track.t):.4g}"
        )

    def _record(
        self, equations: Second | General, values: list[NDArray[np.float64]], now: Any
    ) -> None:
        """Record the next output times, and from where the run continues."""
        rows: dict[str, NDArray[Any]] = {}
        if values:
            z = np.array([equations.inversion(y) for y in values])
            rows["emission"] = np.array([equations.emission(y) for y in values])
            rows["populations"] = (1 + z) / 2
            found = rows["populations"]
            self._excess = max(self._excess, -float(found.min()), float(found.max()) - 1)
        first, due = self._recorder.reached, eigenvalue_times(len(self._request.times))
        correlated = "correlations" in self._request.words
        kept = []
        for i, y in enumerate(values):
            if not correlated and first + i not in due:
                continue
            matrix = equations.correlations(y)
            if correlated:
                kept.append(matrix)
            if first + i in due:
                self._smallest[first + i] = float(np.linalg.eigvalsh(matrix)[0])
        if kept:
            rows["correlations"] = np.array(kept)
        self._recorder.add(rows, now=now)

    def _watch(self, equations: Second | General, track: RungeKutta) -> None:
        """Compare the emission with the loss of excitation at the end of a step."""
        self._steps += 1
        if self._closed:
            emission = equations.emission(track.y[: equations.blocks[1]])
            lost = -0.5 * equations.inversion(track.rate).sum()
            self._balance = max(self._balance, float(abs(emission - lost)))

    @property
    def _closed(self) -> bool:
        """Whether emitters only decay."""
        couplings = self._request.couplings
        return not (np.any(couplings.drive) or np.any(couplings.pump))

    def fields(self) -> dict[str, Any]:
        """What is recorded, and the estimated error."""
        found = self._recorder.fields()
        return {**found, "error_estimate": self._band(found["emission"])}

    def _band(self, emission: NDArray[np.float64]) -> NDArray[np.float64]:
        """The estimated error of the emission, (T,)."""
        n = len(self._request.couplings)
        if n <= self._order:
            return np.zeros_like(emission)
        expected = estimates.expected(self._request, self._kind)
        band = estimates.from_expected(emission, _UNKNOWN if expected is None else expected)
        if self._beside is None:
            return band
        both = min(len(self._beside), len(emission))
        own, other = emission[:both], self._beside[:both]
        if self._order == 2:
            known = estimates.from_orders(own, other)[0]
        else:
            known = estimates.from_orders(other, own)[1]
        # where the other order has diverged, the error is at least what it was before
        last = known[-1] if both else 0.0
        return np.concatenate([known, np.maximum(band[both:], last)])

    def diagnostics(self) -> dict[str, Any]:
        """Counts, and signs of an unphysical state."""
        slopes = self._slopes + (0 if self._track is None else self._track.slopes)
        reached = self._recorder.reached
        found: dict[str, Any] = {
            "order": self._order,
            "closure": "general" if self._general else "u1",
            "steps": self._steps,
            "slopes": slopes,
            "population_excess": self._excess,
            "smallest_correlation_eigenvalues": [
                value for i, value in sorted(self._smallest.items()) if i < reached
            ],
            "error_from": self._source(),
        }
        if self._closed:
            found["energy_balance"] = self._balance
        return found

    def _source(self) -> str:
        """What the estimated error rests on."""
        if len(self._request.couplings) <= self._order:
            return f"order {self._order} is exact for so few emitters"
        if self._beside is None:
            return "the couplings alone"
        found = "the gap between orders 2 and 3"
        if len(self._beside) == len(self._request.times):
            return found
        return f"{found}; later, where order {self._beside_order} diverged, the couplings alone"

    def resume(self) -> dict[str, NDArray[Any]]:
        """The moments, the clock, and the emission of the order beside."""
        t, state, step = self._recorder.now
        if step is None:
            return {}
        found = {"state": state, "clock": np.array([t, step])}
        return found if self._beside is None else {**found, "beside": self._beside}

    def notes(self) -> list[str]:
        """Nothing: what there is to say is in the estimated error."""
        return []

    def _limit(self) -> None:
        """Start the threads, and limit those of BLAS, once."""
        if self._limits is not None:
            return
        self._limits, threads = ExitStack(), threads_for(self._request)
        if self._request.threads:
            from threadpoolctl import threadpool_limits

            self._limits.enter_context(threadpool_limits(threads, "blas"))
        if threads > 1:
            self._pool = ThreadPoolExecutor(threads - 1)
            self._limits.callback(self._pool.shutdown)

    def close(self) -> None:
        """End the threads."""
        if self._track is not None:
            self._slopes += self._track.slopes
        self._track = self._searching = None
        if self._limits is not None:
            self._limits.close()
        self._limits = self._pool = None
