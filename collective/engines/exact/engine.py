r"""The whole density matrix by QuTiP's master-equation solver: every coupling, drive and state.

ρ has 4^N entries, so about ten emitters are the limit. QuTiP is stepped from one output time to the
next, so that nothing is lost if the run is stopped. Problems of up to Liouville dimension 1,024
with large frequencies or rates are propagated by exact exponentials instead, and atoms with
manifolds and larger master equations by series in a rotating frame (`series`).
"""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import Untidied
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.sharing import NAMES
from collective.couplings.with_mode import CavityCouplings
from collective.engines.base import Accuracy, Cost, unsupported, without_docstrings
from collective.engines.exact import series_size
from collective.engines.exact.changing import Changing, pieces_of
from collective.engines.exact.lindblad import excitations, lindblad_of
from collective.engines.exact.sectors import generator_of
from collective.engines.exact.series import Pulsed, Series, compile_kernels
from collective.engines.exact.size import dimension, route_of, size_of
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

_LARGEST_PHASE = 3e5  # some hundred thousand steps of the integrator
_COMPILING = 3  # seconds
_INTEGRATOR = "tsit5"


@dataclass(frozen=True)
class Exact:
    """The whole density matrix, by QuTiP's `MESolver`, exact exponentials or series.

    It takes every `Couplings`, `ChannelCouplings` and `MasterEquation`, up to about ten two-level
    emitters, or five atoms of four levels, and `CavityCouplings` of up to 2,048 states, seven
    emitters with as many photons. Atoms and emitters with a mode are computed in their rotating
    frame, and so are master equations whose jumps all change the energy by definite amounts, as
    those of the rotating-wave approximation: optical frequencies then cost no time.

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
        """Refuse too many states, phases that are too large to follow, and python -OO."""
        common = unsupported(
            self, request, equations=True, noise=NAMES, channels=True, ising=True, cavity=True,
            motion=("drive", "detunings", "strength"),
        )  # fmt: skip
        if common is not None:
            return common
        problem = request.problem
        if isinstance(problem, Couplings):
            return without_docstrings()
        if isinstance(problem, ChannelCouplings):
            if series_size.takes_atoms(problem):
                return None
            levels, n = len(problem.atoms.levels), len(problem)
            return (
                f"method {self.name!r} takes atoms that have up to {series_size.LARGEST:,} states "
                f"together, but {n} atoms of {levels} levels have {levels}^{n}"
            )
        if isinstance(problem, CavityCouplings):
            states = dimension(problem)
            if states <= series_size.LARGEST:
                return None
            return (
                f"method {self.name!r} takes up to {series_size.LARGEST:,} states together, but "
                f"{len(problem)} emitters and up to {problem.photons} photons have {states:,}; "
                "photons=... keeps fewer"
            )
        if route_of(request) == "exponentials":
            return None
        if route_of(request) == "series":
            return _phases(lindblad_of(request).hamiltonian.diagonal().real, request)
        return _phases(problem.hamiltonian().diag().real, request) or without_docstrings()

    def cost(self, request: Request) -> Cost:
        """Predict memory and time of a run."""
        problem, route = request.problem, route_of(request)
        kept = len(request.times) if "states" in request.words else 0
        if isinstance(problem, Couplings):
            how = "QuTiP" if request.marks is None else "steps between kinks"
            how = "exact exponentials" if route == "exponentials" else how
            work = f"{how}, the density matrix of {len(problem)} emitters"
        elif route == "exponentials":
            side = dimension(problem) ** 2
            work = f"exact exponentials, Liouville dimension {side} ≤ {exponential.LARGEST}"
        elif route == "series":
            stored = generator_of(request).size
            turning = not isinstance(problem, MasterEquation) or np.any(lindblad_of(request).frame)
            how = "series in a rotating frame" if turning else "series"
            work = f"{how}, {stored:,} of {dimension(problem)}² numbers of ρ"
        else:
            assert isinstance(problem, MasterEquation)
            work = f"QuTiP, Liouville dimension {problem.dimension**2} > {exponential.LARGEST}"
        if kept:
            work += f" at {kept} times, states kept"
        size = series_size.SeriesSize(request) if route == "series" else size_of(request)
        return Cost(size.bytes(), size.seconds(), work)

    def prepare(self, request: Request) -> None:
        """Import QuTiP, and compile the kernels of series."""
        import qutip  # noqa: F401

        if route_of(request) == "series":
            from collective._tools.compiled import announced

            with announced("the exact engine for atoms", _COMPILING, show=request.progress):
                compile_kernels(pulsed=request.envelope is not None)

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Record the first output time, or continue from an earlier result."""
        return _Run(request, earlier)


def _phases(energies: NDArray[np.float64], request: Request) -> str | None:
    """The reason why the phases of a master equation cannot be followed, or None.

    Args:
        energies: those that are left in the frame in which it is evolved.
        request: with a Liouville dimension that is too large for exponentials.
    """
    turns = float(np.ptp(energies) * np.ptp(request.times))
    if turns <= _LARGEST_PHASE:
        return None
    return (
        f"times: phases turn by {turns:.1e} rad, which the integrator would have to follow: these "
        f"jumps leave no frame without them, and Liouville dimension {len(energies) ** 2} "
        'is too large for exponentials; evolve approximation="rwa", the couplings of the RWA, or '
        "fewer emitters"
    )


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
        found = {**self._recorder.checks(), **self._bounds}
        if isinstance(self._measure, CavityMeasure):
            found["highest_photon_population"] = self._measure.highest
        return found

    def resume(self) -> dict[str, NDArray[Any]]:
        return {}  # the last state is enough

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
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
