r"""The whole density matrix by QuTiP's master-equation solver: every coupling, drive and state.

ρ has 4^N entries, so this ends at about ten emitters. QuTiP is stepped from one output time to the
next: what has been reached is never lost, whatever stops the run.
"""

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import bytes_text, fits, require
from collective._tools.operators import Untidied, entries_of
from collective._tools.progress import Progress
from collective.couplings.couplings import Couplings
from collective.engines.base import Checkpoint, Clock, Cost, Run, without_docstrings
from collective.engines.exact.size import ENVELOPE_STEPS, Size, density_bytes
from collective.engines.measures import LevelMeasure, PairMeasure
from collective.engines.numerics import exponential
from collective.engines.record import Recorder
from collective.engines.request import Request, density_matrix

if TYPE_CHECKING:
    from qutip import MESolver, Qobj, QobjEvo

    from collective.master.equation import MasterEquation
    from collective.results.result import Result

_LARGEST_PHASE = 3e5  # some hundred thousand steps of the integrator
_DENSE_DIMENSION = 256  # of the Liouvillian; its singular values take a second
_ZERO = 1e-11  # relative to the norm of the Liouvillian; below it ρ loses five digits
_SAMPLED = 2**16  # levels up to which driven trajectories end within days
_FILL_BYTES = 20  # per entry of a full LU factor: an upper bound, near it at six emitters
_INTEGRATOR = "tsit5"


def refusal(request: Request) -> str | None:
    """Nothing is refused but what needs a memory or a time without end; see `cost`."""
    problem = request.problem
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
        recorder.record(density_matrix(request.state, problem))
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


def driven_hamiltonian(
    couplings: Couplings,
    times: NDArray[np.float64],
    envelope: Callable[[float], complex] | None,
) -> "tuple[Qobj | QobjEvo, dict[str, float]]":
    """H(t), and the options with which an integrator of QuTiP's sees the pulse.

    Args:
        couplings: the problem.
        times: of the run.
        envelope: f, or None.
    """
    from qutip import QobjEvo

    if envelope is None:
        return couplings.hamiltonian(), {}

    def pulse(t: float) -> complex:
        # QuTiP also asks at t = 0, where the envelope need not be defined
        return envelope(t) if t >= times[0] else 0j

    up = couplings.drive_operator()
    hamiltonian = QobjEvo(
        [
            couplings.undriven_hamiltonian(),
            [up, pulse],
            [up.dag(), lambda t: pulse(t).conjugate()],
        ]
    )
    if len(times) == 1:
        return hamiltonian, {}
    # a pulse shorter than an internal step would be stepped over unseen
    span = float(times[-1] - times[0])
    return hamiltonian, {"max_step": max(float(np.diff(times).min()), span / ENVELOPE_STEPS)}


@Untidied()
def steady_state(problem: "Couplings | MasterEquation", dims: list[int], what: str) -> "Qobj":
    """The one density matrix in the kernel of the Liouvillian; see `collective.steady_state`."""
    from qutip import Qobj

    size = prod(dims)
    require(_FILL_BYTES * size**4, f"the steady state of {what}", _way_to_steady(problem, size))
    liouvillian = problem.liouvillian()
    dense = size**2 <= _DENSE_DIMENSION
    vector = _dense_kernel(liouvillian.full()) if dense else _sparse_kernel(liouvillian)
    rho = vector.reshape(size, size).T  # QuTiP stacks columns
    rho = rho / np.trace(rho)
    return Qobj((rho + rho.conj().T) / 2, dims=[dims, dims])


def _way_to_steady(problem: "Couplings | MasterEquation", size: int) -> str:
    """What can be had instead of a steady state too large to solve for."""
    held = density_bytes(size)
    if fits(held):
        return (
            "evolve to times late against the slowest decay instead, where ρ alone "
            f"({bytes_text(held)}) is held"
        )
    if isinstance(problem, Couplings):
        ways = [
            "use fewer emitters",
            "couplings that are the same for all of them (co.observables.steady holds a hundred)",
        ]
        if size <= _SAMPLED:
            ways.append("method='trajectories' to late times")
        return f"{', '.join(ways[:-1])}, or {ways[-1]}"
    return "use fewer levels"


def _dense_kernel(matrix: NDArray[Any]) -> NDArray[Any]:
    _, singular, adjoint = np.linalg.svd(matrix)
    kernel = int(np.sum(singular <= _ZERO * singular[0]))
    if kernel != 1:
        raise ValueError(
            _degenerate(
                f"the kernel of the Liouvillian has dimension {kernel} (singular values below "
                f"{_ZERO:g} of the largest)"
            )
        )
    return adjoint[-1].conj()


def _sparse_kernel(liouvillian: "Qobj") -> NDArray[Any]:
    """Solve Lρ = 0 with one redundant row replaced by tr ρ = 1; singular if ρ is not unique."""
    from scipy.sparse import csr_array, vstack
    from scipy.sparse.linalg import LinearOperator, norm, onenormest, splu

    matrix = csr_array(entries_of(liouvillian))
    size = matrix.shape[0]
    side = int(np.sqrt(size))
    diagonal = np.arange(side) * (side + 1)
    scale = norm(matrix, np.inf)
    trace = csr_array(
        (np.full(side, scale, dtype=complex), (np.zeros(side, int), diagonal)), shape=(1, size)
    )
    target = np.zeros(size, dtype=complex)
    target[0] = scale
    try:
        factors = splu(vstack([trace, matrix[1:]]).tocsc())
    except RuntimeError as error:
        raise ValueError(_degenerate(f"the Liouvillian is singular ({error})")) from None
    inverse = LinearOperator(
        (size, size),
        matvec=factors.solve,
        rmatvec=lambda v: factors.solve(v, "H"),
        dtype=complex,
    )
    gap = 1 / (onenormest(inverse) * scale)
    if not gap > _ZERO:
        raise ValueError(
            _degenerate(f"a second eigenvalue lies within {gap:.1e} of zero, relative to the norm")
        )
    return factors.solve(target)


def _degenerate(finding: str) -> str:
    return (
        f"the steady state is not unique to working precision: {finding}, so where the emitters "
        "end depends on where they start; evolve from a state, or add dephasing, a pump or "
        "unequal couplings"
    )
