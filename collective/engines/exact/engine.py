r"""The whole density matrix by QuTiP's master-equation solver: every coupling, drive and state.

ρ has 4^N entries, so about ten emitters are the limit. QuTiP is stepped from one output time to the
next, so that nothing is lost if the run is stopped. Problems of up to Liouville dimension 1,024
with large frequencies or rates are propagated by exact exponentials instead.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import Untidied
from collective.couplings.couplings import Couplings
from collective.engines.base import Accuracy, Cost, unsupported, without_docstrings
from collective.engines.exact.size import size_of
from collective.engines.measures import LevelMeasure, PairMeasure
from collective.engines.numerics import exponential
from collective.engines.numerics.pulses import driven_hamiltonian
from collective.engines.record import Recorder, smallest_eigenvalue
from collective.engines.request import Request
from collective.states import matrices

if TYPE_CHECKING:
    from qutip import MESolver, Qobj

    from collective.master.equation import MasterEquation
    from collective.results.result import Result

_LARGEST_PHASE = 3e5  # some hundred thousand steps of the integrator
_INTEGRATOR = "tsit5"


@dataclass(frozen=True)
class Exact:
    """The whole density matrix, by QuTiP's `MESolver` or by exact exponentials.

    It takes every `Couplings` and every `MasterEquation`, up to about ten two-level emitters.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> result = co.evolve(pair, "inverted", np.linspace(0, 4, 81), method=co.engines.Exact())
        >>> result.method, result.accuracy
        ('exact', 'exact')
    """

    name: ClassVar[str] = "exact"
    accuracy: ClassVar[Accuracy] = "exact"
    keeps: ClassVar[tuple[str, ...]] = ("correlations", "states", "operators")
    cite: ClassVar[tuple[str, ...]] = ("qutip",)

    def refusal(self, request: Request) -> str | None:
        """Refuse a `MasterEquation` whose phases are too large to integrate, and python -OO."""
        common = unsupported(self, request, equations=True, thermal=True)
        if common is not None:
            return common
        problem = request.simple
        if isinstance(problem, Couplings):
            return without_docstrings()
        if problem.dimension**2 <= exponential.LARGEST:
            return None
        span = float(request.times[-1] - request.times[0])
        turns = float(np.ptp(problem.hamiltonian().diag().real) * span)
        if turns <= _LARGEST_PHASE:
            return without_docstrings()
        return (
            f"times: the laboratory frame turns by {turns:.1e} rad, which the integrator would "
            f"have to follow (Liouville dimension {problem.dimension**2} is too large for "
            "exponentials); evolve the Couplings of the RWA, or fewer emitters"
        )

    def cost(self, request: Request) -> Cost:
        """Predict memory and time of a run."""
        problem, size = request.simple, size_of(request)
        kept = len(request.times) if "states" in request.words else 0
        if isinstance(problem, Couplings):
            how = "exact exponentials" if size.by_exponentials else "QuTiP"
            work = f"{how}, the density matrix of {len(problem)} emitters"
        elif size.by_exponentials:
            dimension = problem.dimension**2
            work = f"exact exponentials, Liouville dimension {dimension} ≤ {exponential.LARGEST}"
        else:
            work = f"QuTiP, Liouville dimension {problem.dimension**2} > {exponential.LARGEST}"
        if kept:
            work += f" at {kept} times, states kept"
        return Cost(size.bytes(), size.seconds(), work)

    def prepare(self, request: Request) -> None:
        """Import QuTiP."""
        import qutip  # noqa: F401

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Record the first output time, or continue from an earlier result."""
        return _Run(request, earlier)


class Stepper(Protocol):
    """An object that evolves ρ from one output time to the next, as QuTiP's solvers do."""

    def start(self, state0: "Qobj", t0: float) -> None:
        """Set ρ at a time."""
        ...

    def step(self, t: float) -> "Qobj":
        """Return ρ at a later time."""
        ...


class _Run:
    """ρ, and its observables at the output times reached so far."""

    def __init__(self, request: Request, earlier: "Result | None"):
        problem = request.simple
        self._request = request
        self._stepper: Stepper | None = None
        self._untidied = ExitStack()
        self._bounds: dict[str, float] = {}
        self._measure: PairMeasure | LevelMeasure
        if isinstance(problem, Couplings):
            photons = problem.thermal_photons  # stimulated emission makes the emitters emit faster
            decay = (1 + photons) * problem.decay if photons else problem.decay
            self._measure = PairMeasure(len(problem))
            self._recorder = Recorder(request, decay)
        else:
            self._measure = LevelMeasure(problem.levels, problem.emission_operator)
            self._recorder = Recorder(request)
        if earlier is not None:
            if earlier.last_state is None:
                raise ValueError("its array 'last_state' is missing")
            self._recorder.restore(earlier, self._measure.names, now=earlier.last_state)
        else:
            self._record(matrices.matrix(request.state, problem))

    @property
    def done(self) -> bool:
        return self._recorder.done

    @property
    def share(self) -> float:
        return self._recorder.share

    def advance(self) -> None:
        """Step to the next output time."""
        times, reached = self._request.times, self._recorder.reached
        if self._stepper is None:
            self._untidied.enter_context(Untidied())  # until the run is closed
            stepper = self._made()
            stepper.start(self._recorder.now, times[reached - 1])
            self._stepper = stepper
        self._record(self._stepper.step(times[reached]))

    def _made(self) -> Stepper:
        """The stepper: exponentials or QuTiP's solver."""
        request = self._request
        if not size_of(request).by_exponentials:
            return solver(
                request.simple, request.times, request.rtol, request.atol, request.envelope
            )
        exponentials = exponential.Exponential(request.simple.liouvillian())
        self._bounds["error_bound"] = exponentials.error_bound(float(np.ptp(request.times)))
        return exponentials

    def _record(self, rho: "Qobj") -> None:
        """Record everything asked for from ρ at the next output time."""
        from qutip import expect

        matrix = rho.data_as("ndarray", copy=False)
        trace = float(np.trace(matrix).real)
        if not np.isfinite(trace):
            raise FloatingPointError("the density matrix is not finite")
        rows = {name: values[None] for name, values in self._measure.read(matrix).items()}
        for i, operator in enumerate(self._request.operators.values()):
            rows[f"expect:{i}"] = np.array([expect(operator, rho)])
        due = self._recorder.eigenvalue_due()
        smallest = {0: smallest_eigenvalue(matrix)} if due else None
        self._recorder.add(
            rows, trace_error=abs(trace - 1), smallest=smallest, states=[rho], now=rho
        )

    def fields(self) -> dict[str, Any]:
        fields = self._measure.completed(self._recorder.fields())
        return {**fields, "last_state": self._recorder.now}

    def diagnostics(self) -> dict[str, Any]:
        return {**self._recorder.checks(), **self._bounds}

    def resume(self) -> dict[str, NDArray[Any]]:
        return {}  # the last state is enough

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        self._stepper = None
        self._untidied.close()


def solver(
    problem: "Couplings | MasterEquation",
    times: NDArray[np.float64],
    rtol: float,
    atol: float,
    envelope: Callable[[float], complex] | None = None,
) -> "MESolver":
    """A QuTiP solver for a problem with operators, or for a generator without operators."""
    from qutip import MESolver

    options = {
        "method": _INTEGRATOR,
        "matrix_form": True,  # never slower than the superoperator, see benchmarks/exact.py
        "rtol": rtol,
        "atol": atol,
        "nsteps": 10**9,
        "progress_bar": "",
    }
    if not isinstance(problem, Couplings) and not problem.of_lindblad_form:
        return MESolver(problem.liouvillian(), options={**options, "matrix_form": False})
    if not isinstance(problem, Couplings):
        return MESolver(problem.hamiltonian(), problem.collapse_operators(), options=options)
    hamiltonian, further = driven_hamiltonian(problem, times, envelope)
    return MESolver(hamiltonian, problem.collapse_operators(), options={**options, **further})
