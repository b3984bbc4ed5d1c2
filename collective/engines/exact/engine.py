r"""The whole density matrix by QuTiP's master-equation solver: every coupling, drive and state.

ρ has 4^N entries, so this ends at about ten emitters. QuTiP is stepped from one output time to the
next: what has been reached is never lost, whatever stops the run.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import Untidied
from collective._tools.progress import Progress
from collective.couplings.couplings import Couplings
from collective.engines.base import Checkpoint, Clock, Cost, Run, without_docstrings
from collective.engines.basis import initial
from collective.engines.exact.size import Size
from collective.engines.measures import LevelMeasure, PairMeasure
from collective.engines.numerics import exponential
from collective.engines.numerics.pulses import driven_hamiltonian
from collective.engines.record import Recorder
from collective.engines.request import Request
from collective.states.matrices import matrix

if TYPE_CHECKING:
    from qutip import MESolver, Qobj

    from collective.master.equation import MasterEquation
    from collective.results.result import Result

_LARGEST_PHASE = 3e5  # some hundred thousand steps of the integrator
_INTEGRATOR = "tsit5"


def refusal(request: Request) -> str | None:
    """Nothing is refused but what needs a memory or a time without end; see `cost`."""
    problem = request.problem
    if (unknown := initial.refusal(request, "exact")) is not None:
        return unknown
    if isinstance(problem, Couplings):
        return without_docstrings()
    if problem.dimension**2 <= exponential.LARGEST:
        return None
    span = float(request.times[-1] - request.times[0])
    turns = float(np.ptp(problem.hamiltonian().diag().real) * span)
    if turns <= _LARGEST_PHASE:
        return without_docstrings()
    return (
        f"times: the laboratory frame turns by {turns:.1e} rad, which the integrator would have "
        f"to follow (Liouville dimension {problem.dimension**2} is too large for exponentials); "
        "evolve the Couplings of the RWA, or fewer emitters"
    )


def cost(request: Request) -> Cost:
    """Memory and time of a run."""
    problem, size = request.problem, Size(request)
    kept = len(request.times) if "states" in request.words else 0
    by_exponentials = size.by_exponentials()
    if isinstance(problem, Couplings):
        how = "exact exponentials" if by_exponentials else "QuTiP"
        work = f"{how}, the density matrix of {len(problem)} emitters"
    elif by_exponentials:
        dimension = problem.dimension**2
        work = f"exact exponentials, Liouville dimension {dimension} ≤ {exponential.LARGEST}"
    else:
        work = f"QuTiP, Liouville dimension {problem.dimension**2} > {exponential.LARGEST}"
    if kept:
        work += f" at {kept} times, states kept"
    return Cost(size.bytes(), size.seconds(), work)


class Stepper(Protocol):
    """Anything that carries ρ from one output time to the next, as QuTiP's solvers do."""

    def start(self, state0: "Qobj", t0: float) -> None:
        """Set ρ at a time."""
        ...

    def step(self, t: float) -> "Qobj":
        """ρ at a later time."""
        ...


@Untidied()
def run(request: Request, earlier: "Result | None", checkpoint: Checkpoint | None) -> Run:
    """Evolve ρ through the times not reached earlier.

    Ctrl-C and failures of the integrator come back in `Run.failure`, beside what was reached.
    """
    problem, times = request.problem, request.times
    recorder = Recorder(_measure(problem), len(times), request.operators, "states" in request.words)
    if earlier is not None:
        recorder.restore(earlier)
    clock = Clock(checkpoint)
    failure: BaseException | None = None
    bounds: dict[str, float] = {}

    def report() -> Run:
        diagnostics = {**clock.diagnostics(), **recorder.checks(), **bounds}
        return Run(recorder.observables(), diagnostics, failure)

    if recorder.reached == 0:
        recorder.record(matrix(request.state, problem))
    first, following = recorder.reached, times[recorder.reached :]
    try:
        clock.first(report)
        if Size(request).by_exponentials():
            exponentials = exponential.Exponential(problem.liouvillian())
            bounds["error_bound"] = exponentials.error_bound(float(np.ptp(times)))
            stepper: Stepper = exponentials
        else:
            stepper = solver(problem, times, request.rtol, request.atol, request.envelope)
        stepper.start(recorder.last, times[first - 1])
    except KeyboardInterrupt as error:  # the rows there are come back all the same
        failure, following = error, following[:0]
    try:
        with Progress(len(times), "evolving (exact)", show=request.progress) as bar:
            bar.step(first)
            for t in following:
                recorder.record(stepper.step(t))
                clock.look()
                bar.step()
                clock.keep(report)
    except (KeyboardInterrupt, Exception) as error:
        failure = error
    finished = report()
    clock.last(finished)
    return finished


def _measure(problem: "Couplings | MasterEquation") -> PairMeasure | LevelMeasure:
    if isinstance(problem, Couplings):
        photons = problem.thermal_photons  # which make the emitters emit faster
        return PairMeasure((1 + photons) * problem.decay if photons else problem.decay)
    return LevelMeasure(problem.levels, problem.emission_operator)


def solver(
    problem: "Couplings | MasterEquation",
    times: NDArray[np.float64],
    rtol: float,
    atol: float,
    envelope: Callable[[float], complex] | None = None,
) -> "MESolver":
    """QuTiP's solver for a problem with operators, or for a generator that has none."""
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
