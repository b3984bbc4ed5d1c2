r"""One excitation with everything that the field remembers: delays of light and modes that keep it.

The amplitudes of one excitation and a :math:`Σ(ω)` that depends on frequency,

.. math:: c(t) = \frac{i}{2π}\int dω\,e^{−iωt}\,[ω − δ − Σ(ω)]^{-1}c(0),

solve a linear equation with delays wherever Σ(ω) is a sum of :math:`S e^{iωτ}` and of modes
:math:`g^*g/(ω − ν)`. It is solved in time, where nothing arrives before r/c, with a bound on the
error. Each mode is an amplitude of its own. Of a field that only has a Green's tensor, Σ(ω) is
sampled, and what delays alone do not describe is added as an integral over frequency.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective._tools.blas import BlasThreads
from collective.engines.base import Accuracy, Cost, resumed, unsupported
from collective.engines.basis.configurations import one_excitation_vectors
from collective.engines.record import Recorder
from collective.engines.request import Request
from collective.engines.retarded import size
from collective.engines.retarded.history import TERMS
from collective.engines.retarded.of_field import of_field
from collective.engines.retarded.problem import equation_of, kept, memory_of, most_excitation
from collective.engines.retarded.steps import Steps
from collective.fields.memory import Memory
from collective.states import answers

if TYPE_CHECKING:
    from collective.results.result import Result


_ROUND_OFF = 1e-6  # of the excitation: more than this above the largest possible one is no error
_WARNED = 0.01  # error of the amplitudes
_SHARE = 0.05  # of the error by the band of frequencies, that steps in time may add


@dataclass(frozen=True)
class Retarded:
    r"""One excitation beyond the Markov approximation: light needs the time r/c, and modes keep it.

    It asks the field for its `Memory`: `Waveguide` with a group velocity, also with a mirror at its
    end, `Cavity`, whose mode is kept, `Vacuum` and `Mirror`, or a field of your own. Any other
    field with a Green's tensor is sampled at some hundred frequencies around ω₀: a wire, a sphere,
    layers, samples of a Maxwell solver, with their dispersion and their resonances, however narrow.
    Drives, pumps, dephasing, thermal light, detunings that are functions of time and states with a
    second excitation are refused, and so are fields without a spectrum: samples at one frequency, a
    permittivity that is one number of a metal, and a guide without a group velocity. It answers
    another question than the master equation, and "auto" never takes it: name it.

    `Result.emission` is the rate at which the emitters lose excitation, −d⟨n̂⟩/dt. It is negative
    while they absorb light that is still on its way, or in the cavity. The amplitudes are exact up
    to `diagnostics["error_bound"]`. In three dimensions the phase ωr/c is exact, and the strength
    of the interaction is right to first order in ω/ω₀: what is neglected is smaller than what the
    RWA neglects, and rates and shifts above a fifth of ω₀ are refused. Of a field that is sampled,
    Σ(ω) is that of the field within the band `diagnostics["spectrum"]["band"]`, counted from ω₀.
    Beyond it Σ continues as a straight line beside its delay, and `error_bound` contains an
    estimate of what that changes: how much the outer half of the band does, and at least what the
    integral gives before the start, where a causal field gives nothing. Amplitudes of about (rates
    and shifts)/ω₀ depend on how the excitation has come into the emitters, which no model within
    the RWA says.

    Source: Milonni and Knight, Phys. Rev. A 10, 1096 (1974); for a mirror Dorner and Zoller, Phys.
    Rev. A 66, 023816 (2002).

    Example:
        Two emitters half a wavelength apart in a guide have a dark state. With delay a part of
        the excitation is light between them, and 1/(1 + Γτ/2)² stays with the emitters:

        >>> import numpy as np, collective as co
        >>> guide = co.Waveguide(1.0, 2 * np.pi, group_velocity=1.0)
        >>> pair = co.couple(co.chain(2, 0.5), guide)  # Γτ = 0.5
        >>> dark, times = co.states.timed_dicke([0, 0, 0]), [0.0, 40.0]
        >>> float(co.evolve(pair, dark, times, method=co.engines.Retarded()).excitation[1].round(9))
        0.64
        >>> float(co.evolve(pair, dark, times, method="single").excitation[1].round(9))
        1.0
    """

    name: ClassVar[str] = "retarded"
    accuracy: ClassVar[Accuracy] = "exact"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ()

    def refusal(self, request: Request) -> str | None:
        """Refuse what excites or dephases, two excitations, and fields without a spectrum."""
        common = unsupported(self, request, ising=True, memory=True)
        if common is not None:
            return common
        if request.turn is not None:
            return (
                "method 'retarded' takes no detunings that are functions of time, because the "
                "light depends on the frequency of the emitters: give constant ones by "
                "couplings.replace(detunings=...)"
            )
        couplings, n = request.couplings, len(request.couplings)
        for name in ("drive", "pump", "dephasing"):
            values = getattr(couplings, name)
            if np.any(values):
                return (
                    "method 'retarded' is for emitters that nothing excites or dephases, but the "
                    f"{name} is {np.abs(values).max() * request.unit:g}"
                )
        highest = answers.highest_excitation(request.state, n)
        if highest > 1:
            return (
                f"method 'retarded' is for at most one excitation: state {request.state_name} has "
                f"{highest}"
            )
        found = memory_of(request)
        return found if isinstance(found, str) else None

    def cost(self, request: Request) -> Cost:
        """Predict memory and time from delays and rates, and from a few samples of a field."""
        return size.cost(request, _memory(request))

    def prepare(self, request: Request) -> None:
        """Import the libraries whose memory does not count as the run's."""
        import scipy.linalg
        import scipy.sparse  # noqa: F401
        import threadpoolctl  # noqa: F401

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Start with amplitudes of one excitation in an empty field."""
        return _Run(request, earlier)


class _Run:
    """Observables of the times reached so far, and the amplitudes of the past."""

    def __init__(self, request: Request, earlier: "Result | None"):
        self._request = request
        memory = _memory(request)
        self._n, self._modes = len(memory), len(memory.frequencies)
        self._recorder = Recorder(request)
        self._limits = ExitStack()
        self._limited = False
        last = float(request.times[-1])
        couplings = request.couplings
        vectors = one_excitation_vectors(request.state, self._n, couplings.emitters)
        now = kept(vectors, self._modes)
        self._of_field = of_field(request, now)
        tolerance = request.rtol
        if self._of_field is None:
            equation = equation_of(request, memory)
            self._most = most_excitation(memory)
        else:
            equation = self._of_field.equation
            self._most = most_excitation(self._of_field.spectrum.memory)
            tolerance = max(tolerance, _SHARE * self._of_field.error)
        self._steps = Steps(equation, now, last, tolerance)
        if earlier is None:
            self._record(now, equation.generator @ now)
            return
        n, columns = now.shape
        seen = n * (1 + equation.by_slopes)
        terms = resumed(earlier, "terms", (-1, seen, TERMS, columns))
        edges = resumed(earlier, "edges", (len(terms) + 1,))
        sums = resumed(earlier, "sums", (len(terms) + 1, seen, columns))
        numbers = resumed(earlier, "numbers", (4,))
        self._steps.history.restore(edges, terms, sums, numbers)
        names: tuple[str, ...] = ("emission", "populations", "excitation")
        if "correlations" in request.words:
            names = (*names, "correlations")
        self._recorder.restore(earlier, names)

    @property
    def done(self) -> bool:
        return self._recorder.done

    @property
    def share(self) -> float:
        last = float(self._request.times[-1])
        return 1.0 if self.done else min(1.0, self._steps.history.now / last)

    def advance(self) -> None:
        """Take one step, or record the output times that the last one has passed."""
        if not self._limited:
            if self._request.threads:
                self._limits.enter_context(BlasThreads(self._request.threads))
            self._limited = True
        steps, times = self._steps, self._request.times
        passed = int(np.searchsorted(times, steps.history.now, side="right"))
        if passed <= self._recorder.reached:
            steps.advance()
            return
        added, at = self._of_field, self._recorder.reached
        amplitudes, slopes = steps.at(times[at:passed])
        if added is not None:
            amplitudes = amplitudes[:, : self._n] + added.remainder.amplitudes[at:passed]
            slopes = slopes[:, : self._n] + added.remainder.slopes[at:passed]
        for now, change in zip(amplitudes, slopes, strict=True):
            self._record(now, change)

    def _record(self, amplitudes: NDArray[Any], slopes: NDArray[Any]) -> None:
        """Record the observables of amplitudes and their slopes at one time, (N + K, R) each."""
        c, change = amplitudes[: self._n], slopes[: self._n]
        populations = np.sum(np.abs(c) ** 2, axis=1)
        rows: dict[str, NDArray[Any]] = {
            "emission": np.array([-2 * np.sum((c.conj() * change).real)]),
            "populations": populations[None],
            "excitation": np.array([populations.sum()]),
        }
        ground = 1 - float(populations.sum())
        if not np.isfinite(ground):
            raise FloatingPointError("the amplitudes are not finite")
        if 1 - ground > self._most + _ROUND_OFF + 3 * self._error:
            raise ValueError(
                f"the emitters have {1 - ground:.6g} excitations after they had one at most: the "
                f"field {self._request.couplings.field!r} gives them energy. Its Γ must not be "
                "negative at any frequency, also with its delays and modes. In vacuum the shifts "
                "must be far below the frequency, and the time not too late"
            )
        if "correlations" in self._request.words:
            rows["correlations"] = (c.conj() @ c.T)[None]
        smallest = {0: min(0.0, ground)} if self._recorder.eigenvalue_due() else None
        self._recorder.add(rows, smallest=smallest)

    def fields(self) -> dict[str, Any]:
        return self._recorder.fields()

    @property
    def _error(self) -> float:
        """The bound on the error of the amplitudes, with what sampling a field adds."""
        of_field = self._of_field
        return self._steps.history.past.bound + (0.0 if of_field is None else of_field.error)

    def diagnostics(self) -> dict[str, Any]:
        checks = self._recorder.checks()
        del checks["trace_error"]  # the rest of the excitation is in the field
        taken = self._steps.history.past.taken
        found: dict[str, Any] = {"error_bound": self._error, "steps": taken}
        if self._of_field is not None:
            found["spectrum"] = self._of_field.diagnostics()
        return {**found, **checks}

    def resume(self) -> dict[str, NDArray[Any]]:
        return self._steps.history.whole()

    def notes(self) -> list[str]:
        of_field = self._of_field
        if of_field is None or of_field.error < _WARNED:
            return []
        return [
            "method 'retarded': the spectrum of the field is not known well enough, and the "
            f"amplitudes may be wrong by {of_field.error:.1g}. The frequency of the emitters is "
            "not high enough above their rates and shifts, or the field is not causal"
        ]

    def close(self) -> None:
        self._limits.close()


def _memory(request: Request) -> Memory:
    """The memory of the field of a request that is not refused."""
    found = memory_of(request)
    assert isinstance(found, Memory)
    return found
