r"""At most one excitation, for thousands of emitters: weak excitation, subradiance, timed Dicke states.

Without drive and pump nothing is excited, so of ρ only the block of one excitation matters. Its
vectors obey :math:`\dot c = −ihc`, h = δ + Δ − iΓ/2, an N × N problem, and

.. math:: ⟨σ^+_mσ^-_n⟩ = \sum_r c^{(r)*}_m c^{(r)}_n, \qquad
          \mathrm{emission} = \sum_r c^{(r)†} Γ c^{(r)},

the sum over the vectors of a mixed state. With dephasing the block itself is evolved.
"""  # noqa: E501

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._progress import Progress
from collective._requests import Request
from collective.couplings import Couplings
from collective.engines import _amplitudes
from collective.engines._sectors import Sectors, ensemble, highest_excitation, one_excitation
from collective.engines.runs import Checkpoint, Clock, Cost, Run, nothing_left
from collective.states import State

if TYPE_CHECKING:
    from collective.result import Result

_EIGENVALUE_TIMES = 5
_SECONDS_MODES = 2.5e-9  # per N³ of an eigenvalue problem
_SECONDS_PRODUCT = 2e-9  # per N² of h times a vector, and never below …
_SECONDS_CALL = 4e-5
_PRODUCTS_PER_PHASE = 1.5  # of a Taylor series, per unit of ‖h‖t, and …
_PRODUCTS_PER_TIME = 20
_SECONDS_SLOPE = 8e-10  # per N³ of the equation with dephasing
_SLOPES_PER_PHASE = 25
_WORTH_STEPPING = 0.25  # of the time that modes take
_VECTORS_OF_STEPS = 20  # stages and interpolation of the equation with dephasing


def refusal(request: Request) -> str | None:
    """What takes a state out of the single excitation."""
    if not isinstance(request.problem, Couplings):
        return "method 'single' is for Couplings; use method='exact' for a MasterEquation"
    if "states" in request.words or request.operators:
        return "method 'single' keeps no density matrix for states and operators; use 'exact'"
    couplings, n = request.problem, len(request.problem)
    for name, values in (("drive", couplings.drive), ("pump", couplings.pump)):
        if np.any(values):
            return (
                f"method 'single' is for emitters that nothing excites: the {name} is "
                f"{np.abs(values).max():g}; use method='driven' or 'exact'"
            )
    highest = highest_excitation(request.state, n)
    if highest > 1:
        return (
            f"method 'single' is for at most one excitation: state {request.state_name} has "
            f"{highest}; use method='blocks' or 'exact'"
        )
    return None


def cost(request: Request) -> Cost:
    """Memory and time: of the modes, of Taylor series where those are cheaper, or of ρ."""
    n, times = len(request.couplings), len(request.times)
    kept = 16 * n * n * times if "correlations" in request.words else 8 * n * times
    if np.any(request.couplings.dephasing):
        slopes = _SLOPES_PER_PHASE * (_phase(request) + times / 10)
        return Cost(
            16 * n * n * (_VECTORS_OF_STEPS + 4) + kept,
            slopes * (_SECONDS_SLOPE * n**3 + _SECONDS_CALL),
            f"one excitation of {n} dephased emitters, {n} × {n} numbers",
        )
    modes, steps = _seconds(request)
    vectors = 16 * n * min(times, 64) * 4
    if steps < _WORTH_STEPPING * modes:
        return Cost(
            3 * 16 * n * n + kept + vectors,
            steps,
            f"one excitation of {n} emitters in steps, {n} amplitudes",
        )
    side = (n + 1) // 2 if _looks_reflected(request.couplings) else n
    held = 2 if side < n else 1  # of modes: even and odd
    return Cost(
        16 * (n * n + (held + 3 + (side < n)) * side * side) + kept + vectors,
        modes,
        f"one excitation of {n} emitters, {n // side} × {side} modes",
    )


def run(request: Request, earlier: "Result | None", checkpoint: Checkpoint | None) -> Run:
    """Evolve through the times not reached earlier."""
    if earlier is not None and earlier.complete:
        return nothing_left(earlier)
    return _Recording(request, earlier, checkpoint).finish()


class _Recording:
    """Observables of the times reached so far, and what carries the state to the next."""

    def __init__(self, request: Request, earlier: "Result | None", checkpoint: Checkpoint | None):
        self._request, self._clock = request, Clock(checkpoint)
        self._decay = np.asarray(request.couplings.decay)
        self._emission: list[float] = []
        self._populations: list[NDArray[np.float64]] = []
        self._correlations: list[NDArray[np.complex128]] = []
        self._smallest: list[float] = []
        self._excess = 0.0
        self._diagnostics: dict[str, Any] = {}
        self._failure: BaseException | None = None
        steps = len(request.times)
        self._looked_at = {round(x) for x in np.linspace(0, steps - 1, _EIGENVALUE_TIMES)}
        self._dephased = bool(np.any(request.couplings.dephasing))
        if earlier is None:
            vectors = _one_excitation_vectors(request)
            # amplitudes (N, R), or ρ (N, N)
            self._now = vectors @ vectors.conj().T if self._dephased else vectors
        else:
            self._now = earlier.resume["state"]
            self._emission = list(earlier.emission)
            self._populations = list(earlier.populations)
            if earlier.correlations is not None:
                self._correlations = list(earlier.correlations)
            self._smallest = list(earlier.diagnostics["smallest_eigenvalues"])
            self._excess = earlier.diagnostics["trace_error"]

    def finish(self) -> Run:
        """Go through all times, whatever stops it."""
        times = self._request.times
        if not self._emission:
            if self._dephased:
                self._record_matrix(self._now)
            else:
                self._record(self._now[:, :, None])
        self._clock.first(self._report)
        reached = len(self._emission)
        try:
            with Progress(len(times), "evolving (single)", show=self._request.progress) as bar:
                bar.step(reached)
                evolve = self._matrices if self._dephased else self._vectors
                for count in evolve(reached):
                    self._clock.look()
                    bar.step(count)
                    self._clock.keep(self._report)
        except (KeyboardInterrupt, Exception) as error:
            self._failure = error
        finished = self._report()
        self._clock.last(finished)
        return finished

    def _vectors(self, reached: int) -> Iterator[int]:
        """Record amplitudes at the times left; yields how many times came at once."""
        left, first = self._request.times[reached:], float(self._request.times[reached - 1])
        if len(left) == 0:
            return
        h = one_excitation(self._request.couplings)
        for amplitudes in self._carrier(h, first, float(left[-1])).through(left):
            self._record(amplitudes)
            yield amplitudes.shape[2]

    def _carrier(
        self, h: NDArray[Any], first: float, last: float
    ) -> "_amplitudes.ByModes | _amplitudes.BySteps":
        """Modes, unless they are slower or would cost digits."""
        modes, steps = _seconds(self._request)
        why = "fewer operations than the modes"
        if steps >= _WORTH_STEPPING * modes:
            try:
                carrier = _amplitudes.ByModes(h, self._now, first, last)
            except _amplitudes.IllConditionedError:
                why = "two modes coincide"
            else:
                self._clock.look()
                if carrier.error <= self._request.rtol:
                    self._diagnostics |= {"route": "modes", "error_bound": carrier.error}
                    return carrier
                why = f"modes are nearly parallel, with an error of up to {carrier.error:.1e}"
        self._diagnostics |= {"route": f"Taylor series: {why}"}
        return _amplitudes.BySteps(h, self._now, first)

    def _matrices(self, reached: int) -> Iterator[int]:
        """Record ρ at the times left, one at a time."""
        request, times = self._request, self._request.times
        if reached == len(times):
            return
        carrier = _amplitudes.Dephased(
            one_excitation(request.couplings),
            request.couplings.dephasing,
            self._now,
            float(times[reached - 1]),
            float(times[-1]),
            request.rtol,
            request.atol,
        )
        for t in times[reached:]:
            self._record_matrix(carrier.at(t))
            yield 1

    def _record(self, amplitudes: NDArray[Any]) -> None:
        """Observables of amplitudes (N, R, t)."""
        flat = amplitudes.reshape(len(amplitudes), -1)
        emission = np.sum((flat.conj() * (self._decay @ flat)).real, axis=0)
        populations = np.sum(np.abs(amplitudes) ** 2, axis=1).T
        for i, rate in enumerate(emission.reshape(amplitudes.shape[1:]).sum(axis=0)):
            c = amplitudes[:, :, i]
            if "correlations" in self._request.words:
                self._correlations.append(c.conj() @ c.T)
            self._append(rate, populations[i], 0.0, c)

    def _record_matrix(self, rho: NDArray[Any]) -> None:
        """Observables of ρ."""
        if "correlations" in self._request.words:
            self._correlations.append(rho.T.copy())
        rate = float(np.sum(self._decay * rho.T).real)
        smallest = 0.0
        if len(self._emission) in self._looked_at:
            smallest = float(np.linalg.eigvalsh(rho)[0])
        self._append(rate, rho.diagonal().real.copy(), smallest, rho)

    def _append(
        self, rate: float, populations: NDArray[np.float64], smallest: float, now: NDArray[Any]
    ) -> None:
        ground = 1 - float(populations.sum())
        if not np.isfinite(ground):
            raise FloatingPointError("the amplitudes are not finite")
        self._excess = max(self._excess, -ground)
        if len(self._emission) in self._looked_at:
            self._smallest.append(min(smallest, ground))
        self._now = now
        self._populations.append(populations)
        self._emission.append(float(rate))  # last: so many times are whole

    def _report(self) -> Run:
        reached = len(self._emission)
        populations = np.array(self._populations[:reached])
        done = reached == len(self._request.times)
        observables = {
            "emission": np.array(self._emission),
            "excitation": populations.sum(axis=1),
            "populations": populations,
        }
        if "correlations" in self._request.words:
            observables["correlations"] = np.array(self._correlations[:reached])
        diagnostics = {
            **self._clock.diagnostics(),
            **self._diagnostics,
            "trace_error": self._excess,
            "smallest_eigenvalues": self._smallest,
        }
        resume = {} if done else {"state": self._now}
        return Run(observables, diagnostics, self._failure, resume)


def _one_excitation_vectors(request: Request) -> NDArray[np.complex128]:
    """Vectors (N, R) whose projectors sum to the block of one excitation."""
    n, state = len(request.couplings), request.state
    if isinstance(state, State):
        amplitudes = state.amplitudes(np.eye(n, dtype=bool), request.couplings.emitters)
        return np.asarray(amplitudes, dtype=complex)[:, None]
    vectors = ensemble(state, Sectors(n, 1), 1, request.couplings.emitters)
    return vectors if vectors.size else np.zeros((n, 1), dtype=complex)


def _phase(request: Request) -> float:
    """‖h‖t in the one-norm, roughly."""
    couplings = request.couplings
    norm = np.abs(couplings.shift).sum(axis=0).max() + np.abs(couplings.decay).sum(axis=0).max() / 2
    return float(norm + np.ptp(couplings.detunings)) * float(np.ptp(request.times))


def _seconds(request: Request) -> tuple[float, float]:
    """What modes take, and Taylor series."""
    n, times = len(request.couplings), len(request.times)
    side = (n + 1) // 2 if _looks_reflected(request.couplings) else n
    modes = _SECONDS_MODES * (n // side) * side**3 + 1e-3
    products = _PRODUCTS_PER_PHASE * _phase(request) + _PRODUCTS_PER_TIME * times
    return modes, products * (_SECONDS_PRODUCT * n * n + _SECONDS_CALL)


def _looks_reflected(couplings: Couplings) -> bool:
    """Whether reversing the order changes nothing, judged on the first row and the detunings."""
    if len(couplings) < 2:
        return False
    rows = [(m[0], m[-1, ::-1]) for m in (couplings.decay, couplings.shift)]
    rows.append((couplings.detunings, couplings.detunings[::-1]))
    return all(np.allclose(a, b, rtol=1e-9, atol=1e-10 * np.abs(a).max()) for a, b in rows)
