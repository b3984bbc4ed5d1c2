r"""Identical couplings: a Dicke ladder of up to 10⁵ emitters, or all ladders of some hundreds.

Emitters of a few species, alike within each, are in `species`; this file has those of one species.

If no permutation of the emitters changes couplings and state, ρ is given by Dicke states |J, M⟩:

* If all Γ_mn are equal and nothing is individual, by one ladder of N + 1 populations,
  :math:`\dot p_k = −r_kp_k + r_{k+1}p_{k+1}`, :math:`r_k = γ_c k(N−k+1)`.
* With individual decay, dephasing or a pump, by the populations of all ladders, about N²/4.
* Emitters that are pumped together, or in thermal light, stay on one ladder.
* With a drive, also by the coherences within each ladder, (N+1)² of one or N³/6 of all.

Without a drive, coherences between different M do not change the observables, nor do Δ, δ and
uniform Ising terms.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective.couplings.sharing import NAMES
from collective.couplings.with_mode import CavityCouplings
from collective.engines.base import Accuracy, Cost, Run, resumed, unsupported
from collective.engines.basis.dicke import Identical, identical
from collective.engines.basis.dicke_states import density, on_all_ladders, populations
from collective.engines.basis.species import Species
from collective.engines.mode_run import ModeRun
from collective.engines.record import Recorder
from collective.engines.request import Request
from collective.engines.symmetric import mode, size
from collective.engines.symmetric.density import Density, LadderBlocks
from collective.engines.symmetric.populations import Populations, compile_kernels
from collective.engines.symmetric.size import several
from collective.states import State

if TYPE_CHECKING:
    from collective.results.result import Result

_LARGEST_CORRELATED = 2000  # emitters
_OUTSIDE = 1e-9  # weight outside the symmetric subspace that may be round-off
_COUNTED = ("steps", "rejected_steps", "error_estimate")


@dataclass(frozen=True)
class Symmetric:
    r"""Identical couplings on Dicke states: up to 10⁵ emitters, or hundreds with all ladders.

    If couplings and state are the same for every emitter, one ladder of N + 1 populations is enough
    without individual rates and drive (Dicke, Phys. Rev. 93, 99 (1954)); otherwise all ladders
    are kept (Shammah et al., Phys. Rev. A 98, 063815 (2018)), as for a start from
    `co.states.mixed`.

    There may also be a few *species*: emitters that can be exchanged without any change of
    couplings and state are of one species, and ρ is given by Dicke states of each of them,

    .. math:: Γ_{mn} = Γ_{AB} + γ_A δ_{mn}, \qquad m ∈ A, \; n ∈ B,

    and Δ and the Ising terms likewise. Two ensembles of N_A and N_B emitters that decay purely
    collectively have (N_A + 1)(N_B + 1) kets; individual decay, dephasing or a pump of a species
    multiply its share of ρ from (N_A + 1)² to about N_A³/6. Species are found by themselves, also
    those that only the state makes: `co.states.single(0)` of a hundred identical emitters is one
    and ninety-nine.

    `CavityCouplings` of identical emitters without a drive are evolved between Dicke states and
    photon numbers, by the total number of excitations: some 60 inverted emitters, a thousand with
    20 excitations, or 20 with a pump.

    Example:
        >>> import numpy as np, collective as co
        >>> one, none = (np.broadcast_to(x, (5000, 5000)) for x in (1.0, 0.0))
        >>> cloud = co.Couplings(one, none)
        >>> result = co.evolve(cloud, "inverted", [0.0, 1e-3], method=co.engines.Symmetric())
        >>> float(result.emission[0])
        5000.0

        Twenty inverted emitters beside twenty in the ground state, which take up some of the light:

        >>> start = co.states.mixed([1.0] * 20 + [0.0] * 20)
        >>> forty = co.Couplings(np.ones((40, 40)), np.zeros((40, 40)))
        >>> result = co.evolve(forty, start, [0.0, 0.2], method="symmetric")
        >>> bool(result.populations[1, -1] > 0.1)
        True
    """

    name: ClassVar[str] = "symmetric"
    accuracy: ClassVar[Accuracy] = "exact"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ("shammah2018",)

    def refusal(self, request: Request) -> str | None:
        """Refuse couplings and states that are not the same for every emitter."""
        common = unsupported(self, request, one_number=True, noise=NAMES, ising=True, cavity=True)
        if common is not None:
            return common
        alone = request.problem
        n = len(alone) if isinstance(alone, CavityCouplings) else len(request.couplings)
        if "correlations" in request.words and n > _LARGEST_CORRELATED:
            gigabytes = 16 * n * n * len(request.times) / 1e9
            return (
                f"observe: correlations of {n} emitters at {len(request.times)} times are "
                f"{gigabytes:,.0f} GB of two different numbers each; observe emission and "
                "populations"
            )
        if isinstance(request.problem, CavityCouplings):
            return mode.refusal(request)
        why = _not_one_species(request)
        if why is None:
            return None
        found = several(request)
        if isinstance(found, str):
            return f"{why}; nor are there a few species of emitters: {found}"
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory and time of a run."""
        if isinstance(request.problem, CavityCouplings):
            return mode.cost(request)
        if _not_one_species(request) is None:
            return size.cost(request)
        found = several(request)
        assert isinstance(found, Species)
        return size.of_species(request, found)

    def prepare(self, request: Request) -> None:
        """Compile the kernels for populations, or import what a drive or a pump needs."""
        if isinstance(request.problem, CavityCouplings):
            import scipy.integrate
            import scipy.sparse

            return
        e = identical(request.couplings)
        if isinstance(e, str) or e.drive or _not_one_species(request):
            import scipy.integrate
            import scipy.sparse
        elif e.pumped:
            import scipy.sparse.linalg  # noqa: F401
        else:
            compile_kernels(request.progress)

    def start(self, request: Request, earlier: "Result | None") -> Run:
        """Start with populations of the Dicke states, or with ρ if it has coherences."""
        if isinstance(request.problem, CavityCouplings):
            names = ("emission", "excitation", "photons")
            return ModeRun(request, mode.LadderMode(request), names, earlier, further=("bright",))
        if _not_one_species(request) is None:
            return _Run(request, earlier)
        found = several(request)
        assert isinstance(found, Species)
        from collective.engines.symmetric.species import SpeciesRun

        return SpeciesRun(request, found, earlier)


def _not_one_species(request: Request) -> str | None:
    """The reason why couplings and state are not those of identical emitters, or None."""
    key = "not one species"
    if key not in request.memo:
        request.memo[key] = _difference(request)
    found: str | None = request.memo[key]
    return found


def _difference(request: Request) -> str | None:
    """The reason why couplings and state are not those of identical emitters, or None."""
    n, state = len(request.couplings), request.state
    found = identical(request.couplings)
    if isinstance(found, str):
        return f"method 'symmetric' is for identical couplings: {found}"
    if isinstance(state, State):
        return _asymmetry(state, found)
    outside = 1 - float(populations(state, n).sum())
    if outside > _OUTSIDE:
        return (
            "method 'symmetric' is for states of the symmetric subspace: a weight of "
            f"{outside:.2g} of this QuTiP state is outside"
        )
    return None


def _asymmetry(state: State, e: Identical) -> str | None:
    """The reason why a `State` is not on the ladders that are evolved, or None if it is."""
    n = e.n
    if not state.symmetric(n):
        return f"method 'symmetric' is for states that no permutation changes, which {state} is not"
    if on_all_ladders(state, n):
        if e.drive == 0:
            return None
        return (
            "method 'symmetric' with a drive starts on the longest Dicke ladder, but the mixture "
            f"{state} is on all ladders"
        )
    try:
        populations(state, n)
    except ValueError as error:
        return f"method 'symmetric' cannot build this state: {error}"
    return None


class _Run:
    """⟨n̂⟩ and ⟨J⁺J⁻⟩ at the output times reached so far, from which all observables follow."""

    def __init__(self, request: Request, earlier: "Result | None"):
        e = identical(request.couplings)
        assert isinstance(e, Identical)
        self._request, self._emitters = request, e
        self._dynamics: Density | Populations
        self._states: LadderBlocks | Populations
        if e.drive:
            self._states = blocks = LadderBlocks(e)
            rho = blocks.start(density(request.state, e.n))
            self._dynamics = Density(blocks, rho, request)
        else:
            self._states = self._dynamics = Populations(e, request)
        self._recorder = Recorder(request)
        self._started = False
        self._before: dict[str, Any] = {}
        if earlier is None:
            self._record()
            return
        now = resumed(earlier, "state", self._dynamics.now.shape)
        bright = resumed(earlier, "bright", (len(earlier.times),))
        names = ("emission", "excitation")
        self._recorder.restore(earlier, names, further={"bright": bright}, now=now)
        self._dynamics.now = now
        self._before = earlier.diagnostics

    @property
    def done(self) -> bool:
        return self._recorder.done

    @property
    def share(self) -> float:
        return self._recorder.share

    def advance(self) -> None:
        """Step to the next output time."""
        times, reached = self._request.times, self._recorder.reached
        if not self._started:
            self._dynamics.start(float(times[reached - 1]))
            self._started = True
        self._dynamics.to(float(times[reached]))
        self._record()

    def _record(self) -> None:
        """Record the next output time."""
        e, dynamics = self._emitters, self._dynamics
        p = dynamics.diagonal()
        trace = float(p.sum())
        if not np.isfinite(trace):
            raise FloatingPointError("the populations are not finite")
        smallest = {0: dynamics.smallest()} if self._recorder.eigenvalue_due() else None
        states = self._states
        number, bright = float(p @ states.excitations), float(p @ states.bright)
        rows = {
            "emission": np.array([e.collective * bright + e.individual * number]),
            "excitation": np.array([number]),
            "bright": np.array([bright]),
        }
        self._recorder.add(rows, trace_error=abs(trace - 1), smallest=smallest, now=dynamics.now)

    def fields(self) -> dict[str, Any]:
        fields, n = self._recorder.fields(), self._emitters.n
        bright, number = fields.pop("bright"), fields["excitation"]
        fields["populations"] = np.broadcast_to((number / n)[:, None], (len(number), n))
        if "correlations" in self._request.words:
            fields["correlations"] = _correlations(n, number, bright)
        return fields

    def diagnostics(self) -> dict[str, Any]:
        """Checks, and the steps and errors, summed over all parts of a run that was interrupted."""
        parts = (self._before, self._dynamics.diagnostics())
        counts = ((name, [p[name] for p in parts if name in p]) for name in _COUNTED)
        return {**self._recorder.checks(), **{k: sum(v) for k, v in counts if v}}

    def resume(self) -> dict[str, NDArray[Any]]:
        bright = self._recorder.fields()["bright"]
        return {"state": self._recorder.now, "bright": bright}

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        """Nothing is held beyond the run."""


def _correlations(
    n: int, number: NDArray[np.float64], bright: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """⟨σ⁺_mσ⁻_n⟩ = (⟨J⁺J⁻⟩ − ⟨n̂⟩)/N(N−1) of every pair, ⟨n̂⟩/N on the diagonal."""
    pairs = (bright - number) / max(1, n * (n - 1))
    found = np.empty((len(number), n, n), dtype=complex)
    found[:] = pairs[:, None, None]
    found[:, np.arange(n), np.arange(n)] = (number / n)[:, None]
    return found
