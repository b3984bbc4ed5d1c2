r"""A run of the driven engine: R, and the observables at the output times reached so far."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.sharing import without_light
from collective.engines.base import resumed
from collective.engines.driven import packed as _packed
from collective.engines.driven import symmetry
from collective.engines.driven.size import EIGENVALUE_EMITTERS, STATE_EMITTERS, Size
from collective.engines.record import Recorder
from collective.engines.request import Request

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.engines.driven.generator import PackedGenerator
    from collective.engines.driven.pulsed import PowerSteps
    from collective.engines.driven.steps import FaberSteps, Step
    from collective.results.result import Result


@dataclass(frozen=True, eq=False)
class _Moment:
    """The state that a run has reached.

    Attributes:
        time: in the unit of the request; it may lie between two output times.
        packed: R at this time.
    """

    time: float
    packed: NDArray[np.float64]


class DrivenRun:
    """R, and the observables at the output times reached so far.

    Args:
        request: what is asked for.
        group: the permutations by which ρ is reduced.
        earlier: an interrupted result, or None.
    """

    def __init__(self, request: Request, group: list[NDArray[np.int64]], earlier: "Result | None"):
        couplings = request.couplings
        self._request, self._n, self._group = request, len(couplings), group
        self._columns = symmetry.columns(self._n, group)
        self._with_states = "states" in request.words
        self._functionals = _packed.Functionals(
            self._n, list(request.operators.values()), self._columns
        )
        eigenvalues = self._n <= EIGENVALUE_EMITTERS
        decay = without_light(couplings).decay
        self._recorder = Recorder(request, decay, eigenvalues=eigenvalues)
        self._threads = Size(request, group).threads
        self._pool: ThreadPoolExecutor | None = None
        self._generator: PackedGenerator | None = None
        self._steps: FaberSteps | PowerSteps | None = None
        self._step: Iterator[float | Step] | None = None
        self._last_state: Qobj | None = None
        self._unpacking = False
        self._earlier_applications = 0
        if earlier is None:
            state = _packed.pack(request.state, self._n, couplings.emitters, self._columns)
            time, values = float(request.times[0]), self._functionals.values(state)[None]
            self._record(time, state, values, {0: state} if self._kept(0) else {})
        else:
            self._earlier_applications = int(earlier.diagnostics["applications"])
            now = _Moment(float(resumed(earlier, "time", ())), self._resumed(earlier))
            self._recorder.restore(earlier, ("correlations",), now=now)
        self._shown = self._now.time

    def _resumed(self, earlier: "Result") -> NDArray[np.float64]:
        """R of an earlier run, which may have stored other columns."""
        theirs = symmetry.columns(self._n, [])
        if "symmetries" in earlier.resume:
            group = resumed(earlier, "symmetries", (-1, self._n))
            theirs = symmetry.columns(self._n, list(group))
        state = resumed(earlier, "state", theirs.shape)
        same = set(theirs.permutations) == set(self._columns.permutations)
        return state if same else self._columns.taken(state, theirs)

    @property
    def _now(self) -> _Moment:
        found: _Moment = self._recorder.now
        return found

    @property
    def done(self) -> bool:
        """False also if the run was stopped while its last state was unpacked: it can continue."""
        return self._recorder.done and not self._unpacking

    @property
    def share(self) -> float:
        """How far the run has come in time."""
        if self.done:
            return 1.0
        first, last = self._request.times[[0, -1]]
        return float((self._shown - first) / (last - first))

    def advance(self) -> None:
        """Compute some terms of a series; after the last of a step, record its output times."""
        now = self._now
        if self._step is None:
            if self._steps is None:
                self._steps = self._made()
            ahead = self._request.times[self._recorder.reached :]
            self._step = self._steps.step(now.time, now.packed, ahead, self._kept)
        found = next(self._step)
        if isinstance(found, float):
            self._shown = max(self._shown, found)
            return
        self._step = None
        self._record(found.time, found.state, found.values, found.kept)
        self._shown = max(self._shown, found.time)

    def _made(self) -> "FaberSteps | PowerSteps":
        """The object that computes steps for this request, with a generator and its threads."""
        from collective.engines.driven.generator import PackedGenerator
        from collective.engines.driven.pulsed import PowerSteps
        from collective.engines.driven.steps import FaberSteps, Tolerance

        request = self._request
        if self._threads > 1 and self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads - 1)
        self._generator = PackedGenerator(
            request.couplings, self._threads, self._pool, self._columns
        )
        duration = float(np.ptp(request.times))
        tolerance = Tolerance(request.rtol, request.atol, duration)
        common = self._generator, self._functionals, tolerance, request.user_time
        pieces = request.timeline
        if pieces is None or request.envelope is None:
            return FaberSteps(*common)
        strongest = float(np.abs(request.pulse).max())
        if request.motion is not None:
            light = request.motion.vectors, request.motion.factors
        else:
            light = request.couplings.drive[None], (request.envelope,)
        return PowerSteps(*common, *light, pieces, strongest)

    def _kept(self, ahead: int) -> bool:
        """Whether ρ itself is needed at the output time that is `ahead` after the next one."""
        return self._with_states or self._recorder.eigenvalue_due(ahead)

    def _record(
        self,
        time: float,
        state: NDArray[np.float64],
        values: NDArray[np.float64],
        kept: dict[int, NDArray[np.float64]],
    ) -> None:
        """Record the output times of a step, and the state at its end."""
        traces, correlations, expectations = self._functionals.observables(values)
        if not np.all(np.isfinite(traces)):
            raise FloatingPointError("the density matrix is not finite")
        due = self._recorder.eigenvalue_due
        n, columns = self._n, self._columns
        smallest = {i: _packed.smallest(r, n, columns) for i, r in kept.items() if due(i)}
        self._recorder.add(
            {
                "correlations": correlations,
                **{f"expect:{o}": row for o, row in enumerate(expectations)},
            },
            trace_error=float(np.abs(traces - 1).max(initial=0.0)),
            smallest=smallest,
            states=[_packed.unpack(r, n, columns) for _, r in sorted(kept.items())]
            if self._with_states
            else None,
            now=_Moment(time, state),
        )

    def fields(self) -> dict[str, Any]:
        """What is recorded, and ρ at the end."""
        return {**self._recorder.fields(), "last_state": self._last_state}

    def diagnostics(self) -> dict[str, Any]:
        """Counts, the size of the symmetry group, and checks of ρ."""
        return {
            "applications": self._applications,
            "threads": self._threads,
            "symmetries": len(self._group),
            **self._recorder.checks(),
        }

    @property
    def _applications(self) -> int:
        """How often the generator was applied."""
        made = 0 if self._generator is None else self._generator.applications
        return self._earlier_applications + made

    def resume(self) -> dict[str, NDArray[Any]]:
        """R and its time, and the symmetries that say which columns it stores."""
        now = self._now
        found = {"time": np.array(now.time), "state": now.packed}
        return found | ({"symmetries": np.array(self._group)} if self._columns.reduced else {})

    def notes(self) -> list[str]:
        """Nothing: the answers are exact."""
        return []

    def close(self) -> None:
        """End the threads, release vectors, and unpack ρ if the run has ended at an output time."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._earlier_applications, self._generator = self._applications, None
        self._step = self._steps = None
        now = self._now
        at_output_time = now.time == self._request.times[self._recorder.reached - 1]
        if at_output_time and self._n <= STATE_EMITTERS:
            self._unpacking = True
            self._last_state = _packed.unpack(now.packed, self._n, self._columns)
            self._unpacking = False
