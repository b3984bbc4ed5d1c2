r"""The whole density matrix by QuTiP's master-equation solver: every coupling, drive and state.

ρ has 4^N entries, so about ten emitters are the limit. QuTiP is stepped from one output time to the
next, so that nothing is lost if the run is stopped. Problems of up to Liouville dimension 1,024
with large frequencies or rates are propagated by exact exponentials instead, and atoms with
manifolds and larger master equations by series in a rotating frame (`series`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.sharing import NAMES
from collective.couplings.with_mode import CavityCouplings
from collective.engines.base import Accuracy, Cost, unsupported, without_docstrings
from collective.engines.exact import series_size
from collective.engines.exact.lindblad import lindblad_of
from collective.engines.exact.run import ExactRun
from collective.engines.exact.sectors import generator_of
from collective.engines.exact.series import compile_kernels
from collective.engines.exact.size import dimension, route_of, size_of
from collective.engines.numerics import exponential
from collective.engines.request import Request
from collective.master.equation import MasterEquation

if TYPE_CHECKING:
    from collective.results.result import Result

_LARGEST_PHASE = 3e5  # some hundred thousand steps of the integrator
_COMPILING = 3  # seconds


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

    def start(self, request: Request, earlier: "Result | None") -> "ExactRun":
        """Record the first output time, or continue from an earlier result."""
        return ExactRun(request, earlier)


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
