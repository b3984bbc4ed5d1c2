r"""At most one excitation, for thousands of emitters: weak excitation, subradiance, timed Dicke states.

Without drive and pump no further emitter is excited, so only the block of ρ with one excitation
matters. Its vectors obey :math:`\dot c = −ihc`, h = δ + Δ − iΓ/2, an N × N problem, and

.. math:: ⟨σ^+_mσ^-_n⟩ = \sum_r c^{(r)*}_m c^{(r)}_n, \qquad
          \mathrm{emission} = \sum_r c^{(r)†} Γ c^{(r)},

where r counts the vectors of a mixed state. With dephasing the block itself is evolved.
"""  # noqa: E501

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective._tools.blas import BlasThreads
from collective.couplings.channels import ChannelCouplings
from collective.engines.base import Accuracy, Cost, resumed, unsupported
from collective.engines.basis.configurations import one_excitation, one_excitation_vectors
from collective.engines.record import Recorder
from collective.engines.request import Request
from collective.engines.single import size
from collective.engines.single.amplitudes import (
    ByModes,
    BySteps,
    Dephased,
    IllConditionedError,
)
from collective.engines.single.problem import channel_amplitudes, couplings_of, populations
from collective.states import answers, of_atoms
from collective.states.of_atoms import most_excited

if TYPE_CHECKING:
    from collective.results.result import Result


@dataclass(frozen=True)
class Single:
    """At most one excitation of thousands of emitters, by modes of H_eff or in steps.

    It takes decay, shifts, detunings and dephasing; drives, pumps and states with a second
    excitation are refused. Atoms with several excited levels and one ground level are allowed
    (J = 0 → 1): their populations are those of the levels. The error of the modes is bounded, in
    `diagnostics["error_bound"]`.

    Example:
        >>> import numpy as np, collective as co
        >>> chain = co.couple(co.chain(300, 0.2), co.Vacuum())
        >>> k = co.states.timed_dicke([0, 0, 2 * np.pi])
        >>> result = co.evolve(chain, k, [0.0, 1.0], method=co.engines.Single())
        >>> float(result.excitation[0].round(9))
        1.0
    """

    name: ClassVar[str] = "single"
    accuracy: ClassVar[Accuracy] = "exact"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ()

    def refusal(self, request: Request) -> str | None:
        """Refuse drives, pumps, and states with more than one excitation."""
        common = unsupported(self, request, channels=True, noise=("dephasing",), ising=True)
        if common is not None:
            return common
        if isinstance(request.problem, ChannelCouplings):
            return _refusal_of_atoms(request)
        couplings, n = request.couplings, len(request.couplings)
        for name, values in (("drive", couplings.drive), ("pump", couplings.pump)):
            if np.any(values):
                return (
                    f"method 'single' is for emitters that nothing excites, but the {name} is "
                    f"{np.abs(values).max() * request.unit:g}"
                )
        highest = answers.highest_excitation(request.state, n)
        if highest > 1:
            return (
                f"method 'single' is for at most one excitation: state {request.state_name} has "
                f"{highest}{_weight_above(request)}"
            )
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory and time: of modes, of Taylor series where these are faster, or of ρ."""
        return size.cost(request)

    def prepare(self, request: Request) -> None:
        """Import the libraries whose memory does not count as the run's."""
        import scipy.linalg
        import scipy.sparse.linalg
        import threadpoolctl  # noqa: F401

        if np.any(couplings_of(request).dephasing):
            import scipy.integrate  # noqa: F401

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Start with amplitudes of one excitation, or with its density matrix under dephasing."""
        return _Run(request, earlier)


class _Run:
    """Observables of the times reached so far, and the amplitudes at the last of them."""

    def __init__(self, request: Request, earlier: "Result | None"):
        self._request = request
        self._couplings = couplings_of(request)
        self._decay = np.asarray(self._couplings.decay)
        self._recorder = Recorder(request)
        self._dephased = bool(np.any(self._couplings.dephasing))
        self._diagnostics: dict[str, Any] = {}
        self._earlier_bound: float | None = 0.0
        self._steps: Iterator[None] | None = None
        self._limits = ExitStack()
        if earlier is None:
            vectors = _vectors(request)
            if self._dephased:
                self._record_matrix(vectors @ vectors.conj().T)
            else:
                self._record(vectors[:, :, None])
            return
        n = len(self._couplings)
        # amplitudes (N, R), or ρ (N, N)
        now = resumed(earlier, "state", (n, n if self._dephased else -1))
        names: tuple[str, ...] = ("emission", "populations", "excitation")
        if "correlations" in request.words:
            names = (*names, "correlations")
        self._recorder.restore(earlier, names, now=now)
        if len(earlier.times) > 1:
            self._earlier_bound = earlier.diagnostics.get("error_bound")

    @property
    def done(self) -> bool:
        return self._recorder.done

    @property
    def share(self) -> float:
        return self._recorder.share

    def advance(self) -> None:
        """Record the next output times, as many as are computed together."""
        if self._steps is None:
            if self._request.threads:
                self._limits.enter_context(BlasThreads(self._request.threads))
            self._steps = self._matrices() if self._dephased else self._vectors()
        next(self._steps)

    def _vectors(self) -> Iterator[None]:
        """Record the amplitudes at the remaining times."""
        times, reached = self._request.times, self._recorder.reached
        left, first = times[reached:], float(times[reached - 1])
        h = one_excitation(self._couplings)
        route = self._route(h, self._recorder.now, first, float(left[-1]))
        for amplitudes in route.through(left):
            self._record(amplitudes)
            yield

    def _route(
        self, h: NDArray[Any], now: NDArray[Any], first: float, last: float
    ) -> ByModes | BySteps:
        """The object that gives the amplitudes: modes, unless they are slower or lose digits."""
        modes, steps = size.seconds(self._request)
        why = "fewer operations than the modes"
        if steps >= size.WORTH_STEPPING * modes:
            try:
                by_modes = ByModes(h, now, first, last, self._request.threads)
            except IllConditionedError:
                why = "two modes coincide"
            else:
                if by_modes.error <= self._request.rtol:
                    self._diagnostics["route"] = "modes"
                    if self._earlier_bound is not None:
                        self._diagnostics["error_bound"] = self._earlier_bound + by_modes.error
                    return by_modes
                why = f"modes are nearly parallel, with an error of up to {by_modes.error:.1e}"
        self._diagnostics["route"] = f"exponentials in steps: {why}"
        return BySteps(h, now, first)

    def _matrices(self) -> Iterator[None]:
        """Record ρ at the remaining times, one after the other."""
        request, times, reached = self._request, self._request.times, self._recorder.reached
        dynamics = Dephased(
            one_excitation(self._couplings),
            self._couplings.dephasing,
            self._recorder.now,
            float(times[reached - 1]),
            float(times[-1]),
            request.rtol,
            request.atol,
        )
        for t in times[reached:]:
            self._record_matrix(dynamics.at(t))
            yield

    def _record(self, amplitudes: NDArray[Any]) -> None:
        """Record the observables of amplitudes (N, R, t)."""
        n, columns, count = amplitudes.shape
        flat = amplitudes.reshape(n, -1)
        emission = np.sum((flat.conj() * (self._decay @ flat)).real, axis=0)
        excited = np.sum(np.abs(amplitudes) ** 2, axis=1).T
        rows = {
            "emission": emission.reshape(columns, count).sum(axis=0),
            "populations": populations(self._request, excited),
            "excitation": excited.sum(axis=1),
        }
        for i in range(count):
            c = amplitudes[:, :, i]
            each = {name: values[i : i + 1] for name, values in rows.items()}
            if "correlations" in self._request.words:
                seen = channel_amplitudes(self._request, c)
                each["correlations"] = (seen.conj() @ seen.T)[None]
            self._add(each, 0.0, c)

    def _record_matrix(self, rho: NDArray[Any]) -> None:
        """Record the observables of ρ, (N, N)."""
        rows = {
            "emission": np.array([np.sum(self._decay * rho.T).real]),
            "populations": rho.diagonal().real.copy()[None],
        }
        rows["excitation"] = rows["populations"].sum(axis=1)
        if "correlations" in self._request.words:
            rows["correlations"] = rho.T[None].astype(complex)
        due = self._recorder.eigenvalue_due()
        self._add(rows, float(np.linalg.eigvalsh(rho)[0]) if due else 0.0, rho)

    def _add(self, rows: dict[str, NDArray[Any]], smallest: float, now: NDArray[Any]) -> None:
        """Record one output time; the smallest eigenvalue may be that of the ground state."""
        ground = 1 - float(rows["excitation"].sum())
        if not np.isfinite(ground):
            raise FloatingPointError("the amplitudes are not finite")
        found = {0: min(smallest, ground)} if self._recorder.eigenvalue_due() else None
        self._recorder.add(rows, smallest=found, now=now)

    def fields(self) -> dict[str, Any]:
        return self._recorder.fields()

    def diagnostics(self) -> dict[str, Any]:
        checks = self._recorder.checks()
        del checks["trace_error"]  # the rest of the population is in the ground state
        return {**self._diagnostics, **checks}

    def resume(self) -> dict[str, NDArray[Any]]:
        return {"state": self._recorder.now}

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        self._steps = None
        self._limits.close()


def _vectors(request: Request) -> NDArray[np.complex128]:
    """Vectors whose projectors sum to the block of one excitation, (N, R) or (N·n_e, R)."""
    if isinstance(request.problem, ChannelCouplings):
        return of_atoms.one_excitation_vectors(request.state, request.channels.atoms)
    couplings = request.couplings
    return one_excitation_vectors(request.state, len(couplings), couplings.emitters)


def _refusal_of_atoms(request: Request) -> str | None:
    """The reason why amplitudes of one excitation do not describe these atoms, or None."""
    channels, atoms = request.channels, request.channels.atoms
    upper = int(atoms.excited.sum())
    if len(atoms.levels) - upper > 1:
        names = ", ".join(atoms.levels[upper:])
        return (
            f"method 'single' takes atoms with one ground level: these have "
            f"{len(atoms.levels) - upper} ({names})"
        )
    if np.any(channels.drive):
        return (
            "method 'single' is for atoms that nothing excites, but the drive is "
            f"{np.abs(channels.drive).max() * request.unit:g}"
        )
    highest = most_excited(request.state, atoms)
    if highest > 1:
        return (
            f"method 'single' is for at most one excitation: state {request.state_name} has "
            f"{highest}"
        )
    return None


def _weight_above(request: Request) -> str:
    """The probability of more than one excitation, where it may be small."""
    state, n = request.state, len(request.couplings)
    weight = answers.weight_above_one(state, n)
    if weight is None or answers.definite_number(state, n) is not None:
        return ""
    return f", with a weight of {weight:.2g} beyond one"
