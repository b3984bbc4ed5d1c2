"""A run of mean field: all samples move together from one output time to the next."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.blas import BlasThreads
from collective.couplings.channels import ChannelCouplings
from collective.engines import estimates
from collective.engines.base import pieces_for, resumed, threads_for
from collective.engines.mean_field import size
from collective.engines.mean_field.equations import Equations
from collective.engines.mean_field.levels import LevelEquations
from collective.engines.mean_field.start import alone, begin, units
from collective.engines.numerics.adaptive import Adaptive
from collective.engines.record import Recorder
from collective.engines.request import Request
from collective.errors import DivergedError

if TYPE_CHECKING:
    from collective.results.result import Result


_POSSIBLE = 0.02  # a population that is negative by less is not warned of


class MeanFieldRun:
    """Observables of the times reached so far, and s and e of every sample at the last of them."""

    def __init__(self, request: Request, phases: int, earlier: "Result | None"):
        self._request, self._phases = request, phases
        self._recorder = Recorder(request, eigenvalues=False)
        self._groups = size.columns(request, phases)
        kind: estimates.Kind = "random phases" if phases else "mean field"
        self._expected = estimates.expected(request, kind)
        self._lost = not phases and len(request.rwa) > 1 and alone(request)
        self._seed = request.seed
        self._stopped = Event()
        self._limits = ExitStack()
        self._equations = _equations(request, single=bool(phases))
        self._solvers: list[Adaptive] | None = None
        self._threads = (1, 1)  # groups at a time, and threads of a product
        if earlier is None:
            if phases and self._seed is None:
                self._seed = int(np.random.default_rng().integers(2**53))
            self._begin()
        else:
            self._continue(earlier)

    def _begin(self) -> None:
        """Record the first time."""
        equations, seed = self._equations, self._seed
        values = begin(self._request, equations, self._groups, seed if self._phases else None)
        t = float(self._request.times[0])
        self._record(values, [(t, y, None) for y in values])

    def _continue(self, earlier: "Result") -> None:
        """Continue from the last step of every group."""
        numbers, samples = self._equations.numbers, max(self._phases, 1)
        times = resumed(earlier, "since", (len(self._groups),))
        steps = resumed(earlier, "steps", (len(self._groups),))
        whole = resumed(earlier, "values", (numbers * samples,)).astype(float)
        ends = np.cumsum([numbers * count for count in self._groups])[:-1]
        again = [
            (float(t), y, float(step) if step > 0 else None)
            for t, y, step in zip(times, np.split(whole, ends), steps, strict=True)
        ]
        names = ["emission", "excitation", "populations"]
        names += ["correlations"] if "correlations" in self._request.words else []
        further = {}
        if self._phases:
            names += ["emission_error", "populations_error", "excitation_error"]
            self._seed = int(earlier.diagnostics["seed"])
            if earlier.shots is None:
                raise ValueError("its array 'shots' is missing")
            further = {"shots": earlier.shots.T}
        self._recorder.restore(earlier, tuple(names), further=further, now=again)

    @property
    def done(self) -> bool:
        """Whether every output time is reached."""
        return self._recorder.done

    @property
    def share(self) -> float:
        """How many of the output times are reached, from 0 to 1."""
        return self._recorder.share

    def advance(self) -> None:
        """Record the next output time."""
        request = self._request
        if self._solvers is None:
            self._prepare()
        assert self._solvers is not None
        t = float(request.times[self._recorder.reached])
        groups, _ = self._threads
        try:
            if groups == 1:
                values = [solver.to(t) for solver in self._solvers]
            else:
                values = list(self._pool.map(partial(_to, t), self._solvers))
        except ArithmeticError as error:
            time = request.user_time(t)
            raise DivergedError(f"mean field diverged before t = {time:.4g}: {error}") from None
        if not all(np.all(np.isfinite(y)) for y in values):
            raise DivergedError(f"mean field diverged before t = {request.user_time(t):.4g}")
        self._record(values, [solver.again for solver in self._solvers])

    def _prepare(self) -> None:
        """Set up integrators and threads."""
        request, groups = self._request, len(self._groups)
        self._limits.enter_context(BlasThreads(1))
        together = min(threads_for(request), groups)
        if together > 1 and self._equations.n * max(self._groups) >= 1000:
            self._pool = self._limits.enter_context(ThreadPoolExecutor(together))
            self._threads = (together, 1)
        elif groups == 1:
            self._threads = (1, pieces_for(request, size.channels(request) * 8)[0])
        rtol, atol = size.tolerances(request, self._phases)
        weak, excited = units(request, self._phases)
        end = float(request.times[-1])
        self._solvers = [
            Adaptive(
                self._slope,
                t,
                y,
                end,
                rtol=rtol,
                atol=atol * self._equations.scales(weak, excited, len(y)),
                pieces=request.timeline,  # no pulse is stepped over
                first=first,
            )
            for t, y, first in self._recorder.now
        ]

    def _slope(self, t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._stopped.is_set():
            raise RuntimeError("the run was stopped")
        return self._equations.slope(t, y, self._threads[1])

    def _record(self, values: list[NDArray[np.float64]], again: list[Any]) -> None:
        """Record one output time."""
        equations = self._equations
        threads, t = self._threads[1], float(self._request.times[self._recorder.reached])
        emission = np.concatenate([equations.emission(y, threads, t) for y in values])
        each = np.concatenate([equations.populations(y) for y in values], axis=-1)
        populations, excitation = each.mean(axis=-1), equations.excitation(each)
        rows = {
            "emission": emission.mean(keepdims=True),
            "populations": populations[None],
            "excitation": np.array([equations.excitation(populations)]),
        }
        if self._phases:
            rows |= {
                "emission_error": _error(emission[None]),
                "populations_error": _error(each)[None],
                "excitation_error": _error(excitation[None]),
                "shots": emission[None],
            }
        if "correlations" in self._request.words:
            pairs = sum(equations.pairs(y) for y in values) / len(emission)
            rows["correlations"] = np.asarray(pairs)[None]
        self._recorder.add(rows, now=again)

    def fields(self) -> dict[str, Any]:
        """Means over samples, their standard errors, and the estimated error of the emission."""
        found = self._recorder.fields()
        if "shots" in found:
            found["shots"] = np.ascontiguousarray(found["shots"].T)
        error = 1.0 if self._expected is None else self._expected
        estimate = estimates.from_expected(found["emission"], error, self._request)
        found["error_estimate"] = estimate
        return found

    def diagnostics(self) -> dict[str, Any]:
        """The steps of all groups, and the seed of the phases."""
        solvers = self._solvers or []
        found: dict[str, Any] = {"steps": sum(solver.steps for solver in solvers)}
        if self._phases:
            found |= {"phases": self._phases, "seed": self._seed}
        return found

    def resume(self) -> dict[str, NDArray[Any]]:
        """The beginning and the length of the last step of every group, and s and e there."""
        again = self._recorder.now
        return {
            "since": np.array([t for t, _, _ in again]),
            "steps": np.array([step or 0.0 for _, _, step in again]),
            "values": np.concatenate([y for _, y, _ in again]),
        }

    def notes(self) -> list[str]:
        """A warning if emitters were not coupled at all, or if populations are not possible."""
        found = self._recorder.fields()
        if self._phases:
            # from an even start a mean of few samples is negative by chance alone
            even = np.ptp(found["populations"][0]) < _POSSIBLE
            rows = zip(found["populations"], found["populations_error"], strict=True)
            if even or min(float((row + 3 * error).min()) for row, error in rows) > -_POSSIBLE:
                return []
            return [
                f"mean field with random phases: the population of an emitter falls to "
                f"{found['populations'].min():.3g}, because excited emitters stand beside others "
                "that are not; use Cumulants() or ConditionalCumulants()"
            ]
        if not self._lost:
            return []
        return [
            "mean field without random phases: the emitters start without coherence and nothing "
            "drives them, so that they have decayed one by one, without any burst; use "
            "MeanField(phases=500), Cumulants() or TruncatedWigner()"
        ]

    def close(self) -> None:
        """End the threads soon."""
        self._stopped.set()
        self._limits.close()
        for solver in self._solvers or []:
            solver.close()


def _equations(request: Request, *, single: bool) -> Equations | LevelEquations:
    """The equations of the emitters, or of atoms with manifolds."""
    if isinstance(request.problem, ChannelCouplings):
        return LevelEquations(request.channels, request.envelope, single=single)
    return Equations(request.couplings, request.envelope, single=single, motion=request.motion)


def _to(t: float, solver: Adaptive) -> NDArray[Any]:
    return solver.to(t)


def _error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard errors of the means of rows."""
    return np.asarray(values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1]))
