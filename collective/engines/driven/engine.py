r"""The whole density matrix of any `Couplings`, without a matrix for the generator.

ρ has 4^N entries and is kept as one real matrix of that size (`packed`). H_eff moves rows of it and
jumps move blocks (`kernels`), which takes a fifth of the memory and a small part of the time of
sparse operators. e^{Lt} of a constant generator L is expanded in Faber polynomials (`steps`), so
that output times cost almost nothing. With an envelope, ρ is expanded in powers of time (`pulsed`).
Without drive and pump, the engine "blocks" needs less work.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.engines.base import Accuracy, Cost, resumed, unsupported
from collective.engines.driven import packed as _packed
from collective.engines.driven.size import EIGENVALUE_EMITTERS, STATE_EMITTERS, Size
from collective.engines.numerics.pulses import ENVELOPE_STEPS
from collective.engines.record import Recorder, smallest_eigenvalue
from collective.engines.request import Request

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.engines.driven.generator import PackedGenerator
    from collective.engines.driven.pulsed import PowerSteps
    from collective.engines.driven.steps import FaberSteps, Step
    from collective.results.result import Result

_COMPILING = 5  # seconds


@dataclass(frozen=True)
class Driven:
    """The whole density matrix of any `Couplings`, by kernels of our own.

    It takes every drive, envelope, dephasing, pump and state, up to about twelve emitters.
    ρ̇ = Lρ is solved to `rtol` of the norm of ρ: by a series of Faber polynomials of L (Huisinga et
    al., J. Chem. Phys. 110, 5538 (1999)), or by a power series in time if the drive has an
    envelope. The result has a `last_state` for up to 10 emitters, and the smallest eigenvalues of ρ
    for up to 8. The engine has no options.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum()).replace(drive=1.0)
        >>> result = co.evolve(pair, "ground", np.linspace(0, 4, 81), method=co.engines.Driven())
        >>> result.method, result.accuracy, float(result.excitation[0])
        ('driven', 'exact', 0.0)
    """

    name: ClassVar[str] = "driven"
    accuracy: ClassVar[Accuracy] = "exact"
    keeps: ClassVar[tuple[str, ...]] = ("correlations", "states", "operators")
    cite: ClassVar[tuple[str, ...]] = ()

    def refusal(self, request: Request) -> str | None:
        """Refuse master equations, thermal light and a Γ that is one number (`unsupported`)."""
        return unsupported(self, request)

    def cost(self, request: Request) -> Cost:
        """Predict memory and time of a run."""
        size, n = Size(request), len(request.couplings)
        return Cost(size.bytes(), size.seconds(), f"{n} emitters, 4^{n} real entries of ρ")

    def prepare(self, request: Request) -> None:
        """Compile the kernels, or read them from disk, on the smallest of problems."""
        from collective._tools.compiled import announced

        with announced("the driven engine", _COMPILING, show=request.progress):
            from collective.engines.driven.generator import PackedGenerator

            atom = Couplings([[1.0]], [[0.0]])
            vectors = [np.zeros(_packed.shape(1)) for _ in range(3)]
            past = [] if request.envelope is None else [(1.0, vectors[0])]
            here, before, sums = vectors
            generator = PackedGenerator(atom, 1, None)
            generator.advance(here, before, sums, (1.0, 0.0, 0.0), 0.0, 1.0, past)
        if len(request.couplings) <= STATE_EMITTERS or "states" in request.words:
            import qutip  # noqa: F401  (its seconds and bytes do not count as the run's)

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Record the first output time, or continue from an earlier result."""
        return _Run(request, earlier)


@dataclass(frozen=True, eq=False)
class _Moment:
    """The state that a run has reached.

    Attributes:
        time: in the unit of the request; it may lie between two output times.
        packed: R at this time.
    """

    time: float
    packed: NDArray[np.float64]


class _Run:
    """R, and the observables at the output times reached so far."""

    def __init__(self, request: Request, earlier: "Result | None"):
        couplings = request.couplings
        self._request, self._n = request, len(couplings)
        self._with_states = "states" in request.words
        self._functionals = _packed.Functionals(self._n, list(request.operators.values()))
        eigenvalues = self._n <= EIGENVALUE_EMITTERS
        self._recorder = Recorder(request, couplings.decay, eigenvalues=eigenvalues)
        self._threads = Size(request).threads
        self._pool: ThreadPoolExecutor | None = None
        self._generator: PackedGenerator | None = None
        self._steps: FaberSteps | PowerSteps | None = None
        self._step: Iterator[float | Step] | None = None
        self._last_state: Qobj | None = None
        self._unpacking = False
        self._earlier_applications = 0
        if earlier is None:
            state = _packed.pack(request.state, self._n, couplings.emitters)
            time, values = float(request.times[0]), self._functionals.values(state)[None]
            self._record(time, state, values, {0: state} if self._kept(0) else {})
        else:
            self._earlier_applications = int(earlier.diagnostics["applications"])
            state = resumed(earlier, "state", _packed.shape(self._n))
            now = _Moment(float(resumed(earlier, "time", ())), state)
            self._recorder.restore(earlier, ("correlations",), now=now)
        self._shown = self._now.time

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
        self._generator = PackedGenerator(request.couplings, self._threads, self._pool)
        duration = float(np.ptp(request.times))
        tolerance = Tolerance(request.rtol, request.atol, duration)
        common = self._generator, self._functionals, tolerance, request.user_time
        if request.envelope is None:
            return FaberSteps(*common)
        # a pulse shorter than this would be missed
        resolution = max(float(np.diff(request.times).min()), duration / ENVELOPE_STEPS)
        strongest = float(np.abs(request.pulse).max())
        return PowerSteps(*common, request.envelope, resolution, strongest)

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
        density, unpack, n = _packed.density, _packed.unpack, self._n
        smallest = {i: smallest_eigenvalue(density(r, n)) for i, r in kept.items() if due(i)}
        self._recorder.add(
            {
                "correlations": correlations,
                **{f"expect:{o}": row for o, row in enumerate(expectations)},
            },
            trace_error=float(np.abs(traces - 1).max(initial=0.0)),
            smallest=smallest,
            states=[unpack(r, n) for _, r in sorted(kept.items())] if self._with_states else None,
            now=_Moment(time, state),
        )

    def fields(self) -> dict[str, Any]:
        return {**self._recorder.fields(), "last_state": self._last_state}

    def diagnostics(self) -> dict[str, Any]:
        return {
            "applications": self._applications,
            "threads": self._threads,
            **self._recorder.checks(),
        }

    @property
    def _applications(self) -> int:
        """How often the generator was applied."""
        made = 0 if self._generator is None else self._generator.applications
        return self._earlier_applications + made

    def resume(self) -> dict[str, NDArray[Any]]:
        now = self._now
        return {"time": np.array(now.time), "state": now.packed}

    def notes(self) -> list[str]:
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
            self._last_state = _packed.unpack(now.packed, self._n)
            self._unpacking = False
