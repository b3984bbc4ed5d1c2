"""Emitters that are evolved together with the lossy modes of their bath."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective.emitters import Multilevel
from collective.engines.base import Accuracy, Cost, unsupported
from collective.engines.exact.engine import Exact
from collective.engines.measures import LevelMeasure, level_populations
from collective.engines.record import Recorder, smallest_eigenvalue
from collective.engines.request import Request
from collective.engines.timescale import scaled
from collective.master.equation import MasterEquation
from collective.master.pseudomodes import with_modes
from collective.spectral.lossy import LossyModes
from collective.states import matrices

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.results.result import Result


@dataclass(frozen=True)
class WithModes:
    """ρ of the emitters, traced out of the exact evolution of emitters and modes.

    The problem is the equation of the emitters alone; the light comes with the modes.

    Attributes:
        modes: of the bath, which start in vacuum.
        quanta: the largest number of quanta in each mode.
    """

    modes: LossyModes
    quanta: tuple[int, ...]

    name: ClassVar[str] = "modes"
    accuracy: ClassVar[Accuracy] = "exact"
    keeps: ClassVar[tuple[str, ...]] = ("states", "operators")
    cite: ClassVar[tuple[str, ...]] = ("qutip",)

    def refusal(self, request: Request) -> str | None:
        """Refuse what the exact engine refuses for emitters and modes together."""
        common = unsupported(self, request, equations=True)
        return common or Exact().refusal(self._enlarged(request))

    def cost(self, request: Request) -> Cost:
        """Predict memory and time of a run."""
        whole = Exact().cost(self._enlarged(request))
        return Cost(
            whole.bytes, whole.seconds, f"up to {self.text} quanta in the modes; {whole.work}"
        )

    @property
    def text(self) -> str:
        """The numbers of quanta, such as "3, 2"."""
        return ", ".join(map(str, self.quanta))

    def prepare(self, request: Request) -> None:
        """Compile what the exact engine needs."""
        Exact().prepare(self._enlarged(request))

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Start from the state of the emitters and modes in vacuum."""
        assert earlier is None  # `compare` writes no checkpoints
        return _Run(request, self._enlarged(request), self.quanta)

    def _enlarged(self, request: Request) -> Request:
        """The request for emitters and modes together, in its own unit of time."""
        found: Request | None = request.memo.get(("enlarged", self))
        if found is None:
            import qutip

            whole = with_modes(emitters_of(request), self.modes, self.quanta)
            rho = matrices.matrix(request.state, request.problem)
            vacuum = [qutip.basis(n + 1, 0).proj() for n in self.quanta]
            found = request.memo["enlarged", self] = scaled(
                Request(
                    whole,
                    qutip.tensor(rho, *vacuum).to("Dense"),
                    request.user_time(request.times),
                    rtol=request.rtol,
                    atol=request.atol,
                    threads=request.threads,
                    progress=request.progress,
                )
            )
        return found


class _Run:
    """The run of emitters and modes, of which ρ of the emitters is recorded."""

    def __init__(self, request: Request, whole: Request, quanta: tuple[int, ...]):
        own = emitters_of(request).levels
        self._request = request
        self._count = len(own)
        self._levels = (*own, *(n + 1 for n in quanta))
        self._measure = LevelMeasure(own, None)
        self._recorder = Recorder(request)
        self._highest = np.zeros(len(self._levels) - self._count)
        self._inner = Exact().start(whole, None)
        self._record(self._inner.fields()["last_state"])

    @property
    def done(self) -> bool:
        return self._recorder.done

    @property
    def share(self) -> float:
        return self._recorder.share

    def advance(self) -> None:
        """Step to the next output time."""
        if len(self._inner.fields()["populations"]) == self._recorder.reached:
            self._inner.advance()
        self._record(self._inner.fields()["last_state"])

    def _record(self, rho: "Qobj") -> None:
        """Record the emitters, and how full the modes are."""
        own = level_populations(rho.full(), self._levels)[self._count :]
        highest = [row[~np.isnan(row)][-1] for row in own]
        record(self._request, self._recorder, self._measure, rho.ptrace(range(self._count)))
        self._highest = np.maximum(self._highest, highest)

    def fields(self) -> dict[str, Any]:
        return {
            **self._measure.completed(self._recorder.fields()),
            "last_state": self._recorder.now,
        }

    def diagnostics(self) -> dict[str, Any]:
        return {
            **self._inner.diagnostics(),
            **self._recorder.checks(),
            "highest_level": self._highest.tolist(),
        }

    def resume(self) -> dict[str, NDArray[Any]]:
        return {}

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        self._inner.close()


def emitters_of(request: Request) -> Multilevel:
    """The emitters of an equation that was made by `bare`."""
    problem = request.problem
    assert isinstance(problem, MasterEquation)
    assert problem.multilevel is not None
    return problem.multilevel


def record(request: Request, recorder: Recorder, measure: LevelMeasure, rho: "Qobj") -> None:
    """Record everything asked for from ρ of the emitters at the next output time."""
    from qutip import expect

    matrix = rho.full()
    trace = float(np.trace(matrix).real)
    if not np.isfinite(trace):
        raise FloatingPointError("the density matrix is not finite")
    rows = {name: values[None] for name, values in measure.read(matrix).items()}
    for i, operator in enumerate(request.operators.values()):
        rows[f"expect:{i}"] = np.array([expect(operator, rho)])
    smallest = {0: smallest_eigenvalue(matrix)} if recorder.eigenvalue_due() else None
    recorder.add(rows, trace_error=abs(trace - 1), smallest=smallest, states=[rho], now=rho)
