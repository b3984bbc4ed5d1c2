"""A run of the exact engine: a stepper moves ρ from one output time to the next."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import Untidied
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.engines.exact.changing import Changing, pieces_of
from collective.engines.exact.lindblad import excitations, lindblad_of
from collective.engines.exact.series import Pulsed, Series
from collective.engines.exact.size import route_of
from collective.engines.measures import CavityMeasure, ChannelMeasure, LevelMeasure, PairMeasure
from collective.engines.numerics import exponential
from collective.engines.numerics.pulses import driven_hamiltonian
from collective.engines.record import Recorder, smallest_eigenvalue
from collective.engines.request import Request
from collective.master.equation import MasterEquation
from collective.states import matrices

if TYPE_CHECKING:
    from qutip import MESolver, Qobj, QobjEvo

    from collective.results.result import Result

_INTEGRATOR = "tsit5"


class Stepper(Protocol):
    """An object that evolves ρ from one output time to the next, as QuTiP's solvers do."""

    def start(self, state0: "Qobj", t0: float) -> None:
        """Set ρ at a time."""
        ...

    def step(self, t: float) -> "Qobj":
        """Return ρ at a later time."""
        ...


class ExactRun:
    """ρ, and its observables at the output times reached so far."""

    def __init__(self, request: Request, earlier: "Result | None"):
        problem = request.problem
        self._request = request
        self._stepper: Stepper | None = None
        self._untidied = ExitStack()
        self._bounds: dict[str, float] = {}
        self._measure: PairMeasure | LevelMeasure | ChannelMeasure | CavityMeasure
        if isinstance(problem, Couplings):
            photons = problem.thermal_photons  # stimulated emission makes the emitters emit faster
            decay = (1 + photons) * problem.decay if photons else problem.decay
            self._measure = PairMeasure(len(problem))
            self._recorder = Recorder(request, decay)
        elif isinstance(problem, ChannelCouplings):
            wanted = "correlations" in request.words
            self._measure = ChannelMeasure(problem, correlations=wanted)
            self._recorder = Recorder(request)
        elif isinstance(problem, CavityCouplings):
            self._measure = CavityMeasure(problem, cut=_cut(problem, request))
            self._recorder = Recorder(request, np.asarray(problem.couplings.decay))
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
        """Whether every output time is reached."""
        return self._recorder.done

    @property
    def share(self) -> float:
        """How many of the output times are reached, from 0 to 1."""
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
        """The stepper: exponentials, series, or QuTiP's solver."""
        request, problem = self._request, self._request.problem
        match route_of(request):
            case "exponentials":
                exponentials = exponential.Exponential(problem.liouvillian())
                span = float(np.ptp(request.times))
                self._bounds["error_bound"] = exponentials.error_bound(span)
                return exponentials
            case "series":
                frame = lindblad_of(request).frame
                turned = float(np.ptp(frame) * np.ptp(request.times))
                self._bounds["error_bound"] = turned * float(np.finfo(float).eps)
                return Series(request) if request.envelope is None else Pulsed(request)
        if request.envelope is None or len(request.times) == 1:
            return solver(request.simple, request.rtol, request.atol)
        if pieces_of(request) is not None:
            return Changing(request)
        assert request.timeline is not None
        return solver(
            request.simple, request.rtol, request.atol,
            driven_hamiltonian(request.couplings, request.envelope, float(request.times[0])),
            longest=float(request.timeline.longest[0]),
        )  # fmt: skip

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
        """What is recorded, with what is read off it at the end."""
        fields = self._measure.completed(self._recorder.fields())
        motion = self._request.motion
        if motion is not None and motion.strength is not None:
            times = self._request.times[: self._recorder.reached]
            strength = np.array([motion.strength(float(t)) for t in times])
            couplings = self._request.couplings
            rates = (1 + couplings.thermal_photons) * np.asarray(couplings.decay)
            pairs = np.einsum("tm,tmn,tn->tmn", strength, fields["correlations"], strength)
            fields["emission"] = np.einsum("mn,tmn->t", rates, pairs).real
        return {**fields, "last_state": self._recorder.now}

    def diagnostics(self) -> dict[str, Any]:
        """Traces, and what is known of the numbers that are kept."""
        found = {**self._recorder.checks(), **self._bounds}
        if isinstance(self._measure, CavityMeasure):
            found["highest_photon_population"] = self._measure.highest
        return found

    def resume(self) -> dict[str, NDArray[Any]]:
        """Nothing beside the last state."""
        return {}  # the last state is enough

    def notes(self) -> list[str]:
        """Warnings of the run."""
        return []

    def close(self) -> None:
        """Release what the stepper holds."""
        if isinstance(self._stepper, Series | Pulsed | Changing):
            self._stepper.close()
        self._stepper = None
        self._untidied.close()


def _cut(problem: CavityCouplings, request: Request) -> bool:
    """Whether photon numbers above the highest one that is kept can be reached."""
    if problem.driven or np.any(problem.couplings.pump):
        return True
    occupied = matrices.matrix(request.state, problem).diag().real > 0
    return int(excitations(problem)[occupied].max()) > problem.photons


def solver(
    problem: Couplings | MasterEquation,
    rtol: float,
    atol: float,
    hamiltonian: "Qobj | QobjEvo | None" = None,
    longest: float = np.inf,
) -> "MESolver":
    """A QuTiP solver for a problem with operators, or for a generator without operators.

    Args:
        problem: what is evolved.
        rtol: relative tolerance.
        atol: absolute tolerance.
        hamiltonian: H(t) in place of that of the problem, or None.
        longest: no step is longer than this.
    """
    from qutip import MESolver

    options = {
        "method": _INTEGRATOR,
        "matrix_form": True,  # never slower than the superoperator, see benchmarks/exact.py
        "rtol": rtol,
        "atol": atol,
        "nsteps": 10**9,
        "progress_bar": "",
    }
    if np.isfinite(longest):
        options["max_step"] = longest
    if not isinstance(problem, Couplings) and not problem.of_lindblad_form:
        return MESolver(problem.liouvillian(), options={**options, "matrix_form": False})
    hamiltonian = problem.hamiltonian() if hamiltonian is None else hamiltonian
    return MESolver(hamiltonian, problem.collapse_operators(), options=options)
