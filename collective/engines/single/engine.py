r"""At most one excitation, for thousands of emitters: weak excitation, subradiance, timed Dicke states.

Without drive and pump nothing is excited, so of ρ only the block of one excitation matters. Its
vectors obey :math:`\dot c = −ihc`, h = δ + Δ − iΓ/2, an N × N problem, and

.. math:: ⟨σ^+_mσ^-_n⟩ = \sum_r c^{(r)*}_m c^{(r)}_n, \qquad
          \mathrm{emission} = \sum_r c^{(r)†} Γ c^{(r)},

the sum over the vectors of a mixed state. With dephasing the block itself is evolved.

The file is longer than others by the memory and time of its three routes, told beforehand.
"""  # noqa: E501

from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.progress import Progress
from collective._tools.speed import COMMON, speed
from collective.couplings.couplings import Couplings
from collective.couplings.modes import REFLECTED
from collective.engines.base import Checkpoint, Clock, Cost, Run, nothing_left, resumed, writing
from collective.engines.basis import initial
from collective.engines.basis.sectors import Sectors, ensemble, one_excitation
from collective.engines.numerics.extent import Extent
from collective.engines.record import eigenvalue_steps
from collective.engines.request import Request
from collective.engines.single import amplitudes as _amplitudes
from collective.states import State
from collective.states.protocol import amplitudes_of

if TYPE_CHECKING:
    from collective.results.result import Result

_SECONDS_MODES = 2.5e-9  # per N³ of an eigenvalue problem, where the two routes are compared
_OVERHEAD = 1900.0  # calls
_MODE_FLOPS = 180.0  # per N³ of an eigenvalue problem
_READ_FLOPS = 20.0  # per N² and output time
_SQUARE_ENTRIES = 4.0  # per N², once
_KEPT_ENTRIES = 6.0  # per correlation kept: memory is touched for the first time
_TAYLOR_SHARE = 0.5  # of the time that decides about the route
_SLOPE_CALLS = 25.0  # of the equation with dephasing
_SLOPE_FLOPS, _SLOPE_SQUARE = 8.0, 300.0  # per N³ and N²
_SLOPES_STABLE, _SLOPES_MOVING = 1.5, 12.0  # per unit of phase
_WORTH_STEPPING = 0.25  # of the time that modes take
_ROWS = 64  # of h at once, compared with their reflection
_MATRICES = 5  # h while it is made; the halves together take no more later
_VECTORS_OF_STEPS = 34  # stages and interpolation of the equation with dephasing


def refusal(request: Request) -> str | None:
    """What takes a state out of the single excitation."""
    if not isinstance(request.problem, Couplings):
        return "method 'single' takes Couplings, not a MasterEquation"
    if "states" in request.words or request.operators:
        return "method 'single' keeps no density matrix for states and operators"
    couplings, n = request.problem, len(request.problem)
    for name, values in (("drive", couplings.drive), ("pump", couplings.pump)):
        if np.any(values):
            return (
                f"method 'single' is for emitters that nothing excites: the {name} is "
                f"{np.abs(values).max() * request.unit:g}"
            )
    if (unknown := initial.refusal(request, "single")) is not None:
        return unknown
    highest = initial.highest_excitation(request.state, n)
    if highest > 1:
        return (
            f"method 'single' is for at most one excitation: state {request.state_name} has "
            f"{highest}{_weight_above(request)}"
        )
    return None


def cost(request: Request) -> Cost:
    """Memory and time: of the modes, of Taylor series where those are cheaper, or of ρ."""
    n, times, s = len(request.couplings), len(request.times), speed()
    correlated = "correlations" in request.words
    kept = 16 * n * n * times if correlated else 8 * n * times
    base = _OVERHEAD * s.call + times * (5 * s.call + _READ_FLOPS * n * n * s.flop)
    base += _SQUARE_ENTRIES * n * n * s.entry
    taken, held = writing(request, kept)
    base, kept = base + taken, kept + int(held)
    if request.checkpointed:
        kept += 8 * n * times
    if correlated:
        base += times * n * n * _KEPT_ENTRIES * s.entry
    if np.any(request.couplings.dephasing):
        slope = _SLOPE_CALLS * s.call + (_SLOPE_FLOPS * n**3 + _SLOPE_SQUARE * n * n) * s.flop
        between = times * (40 * s.call + 12 * n * n * s.entry)
        return Cost(
            16 * n * n * (_VECTORS_OF_STEPS + 4) + kept,
            base + _slopes(request) * slope + between,
            f"one excitation of {n} dephased emitters, {n} × {n} numbers",
        )
    modes, steps = _seconds(request)
    vectors = 16 * n * min(times, 64) * 4
    if steps < _WORTH_STEPPING * modes:
        return Cost(
            16 * _MATRICES * n * n + kept + vectors,
            base + _TAYLOR_SHARE * steps * s.call / COMMON.call,
            f"one excitation of {n} emitters in steps, {n} amplitudes",
        )
    side = (n + 1) // 2 if _halved(request.couplings) else n
    return Cost(
        16 * _MATRICES * n * n + kept + vectors,
        base + _MODE_FLOPS * (n // side) * side**3 * (1 + 100 / side) * s.flop,
        f"one excitation of {n} emitters, {n // side} × {side} modes",
    )


def _slopes(request: Request) -> float:
    """Of the equation with dephasing: many while it moves, few as stability demands."""
    couplings, span = request.couplings, float(np.ptp(request.times))
    extent = Extent(couplings, 1)
    moving = extent.frequency(1) + extent.decay(1)
    largest = float(np.hypot(moving, 2 * float(couplings.dephasing.max())))
    slowest = float(np.trace(couplings.decay).real) / len(couplings)
    slowest += 2 * float(couplings.dephasing.mean())
    lasting = min(span, 4 / max(slowest, 1e-300))
    return 60 + _SLOPES_STABLE * largest * span + _SLOPES_MOVING * moving * lasting


def run(request: Request, earlier: "Result | None", checkpoint: Checkpoint | None) -> Run:
    """Evolve through the times not reached earlier."""
    if earlier is not None and earlier.complete:
        return nothing_left(earlier)
    import scipy.integrate
    import scipy.linalg
    import scipy.sparse.linalg  # noqa: F401  before memory is measured
    from threadpoolctl import threadpool_limits

    with threadpool_limits(request.threads, "blas") if request.threads else nullcontext():
        return _Recording(request, earlier, checkpoint).finish()


class _Recording:
    """Observables of the times reached so far, and what carries the state to the next."""

    def __init__(self, request: Request, earlier: "Result | None", checkpoint: Checkpoint | None):
        self._request, self._clock = request, Clock(checkpoint)
        self._decay = np.asarray(request.couplings.decay)
        steps, n = len(request.times), len(request.couplings)
        self._emission, self._populations = np.empty(steps), np.empty((steps, n))
        correlated = "correlations" in request.words
        self._correlations = np.empty((steps, n, n), dtype=complex) if correlated else None
        self._smallest: dict[int, float] = {}
        self._diagnostics: dict[str, Any] = {}
        self._bound: float | None = 0.0  # of what was reached earlier
        self._failure: BaseException | None = None
        self._looked_at = sorted(eigenvalue_steps(steps))
        self._dephased = bool(np.any(request.couplings.dephasing))
        if earlier is None:
            vectors = _one_excitation_vectors(request)
            # amplitudes (N, R), or ρ (N, N)
            start = vectors @ vectors.conj().T if self._dephased else vectors
            self._reached = 0, start
            if self._dephased:
                self._record_matrix(start)
            else:
                self._record(start[:, :, None])
            return
        reached = len(earlier.times)
        self._emission[:reached] = earlier.emission
        self._populations[:reached] = earlier.populations
        if self._correlations is not None:
            self._correlations[:reached] = earlier.correlations
        found = earlier.diagnostics["smallest_eigenvalues"]
        self._smallest = dict(zip(self._looked_at, found, strict=False))
        if reached > 1:
            self._bound = earlier.diagnostics.get("error_bound")
        # how many times are whole and the state at the last of them: one name, so that nothing
        # comes between them
        self._reached = reached, resumed(earlier, "state", (n, n if self._dephased else -1))

    def finish(self) -> Run:
        """Go through all times, whatever stops it."""
        times = self._request.times
        self._clock.first(self._report)
        reached, now = self._reached
        try:
            with Progress(len(times), "evolving (single)", show=self._request.progress) as bar:
                bar.step(reached)
                evolve = self._matrices if self._dephased else self._vectors
                for count in evolve(reached, now):
                    self._clock.look()
                    bar.step(count)
                    self._clock.keep(self._report)
        except (KeyboardInterrupt, Exception) as error:
            self._failure = error
        finished = self._report()
        self._clock.last(finished)
        return finished

    def _vectors(self, reached: int, now: NDArray[Any]) -> Iterator[int]:
        """Record amplitudes at the times left; yields how many times came at once."""
        left, first = self._request.times[reached:], float(self._request.times[reached - 1])
        if len(left) == 0:
            return
        h = one_excitation(self._request.couplings)
        for amplitudes in self._carrier(h, now, first, float(left[-1])).through(left):
            self._record(amplitudes)
            yield amplitudes.shape[2]

    def _carrier(
        self, h: NDArray[Any], now: NDArray[Any], first: float, last: float
    ) -> "_amplitudes.ByModes | _amplitudes.BySteps":
        """Modes, unless they are slower or would cost digits."""
        modes, steps = _seconds(self._request)
        why = "fewer operations than the modes"
        if steps >= _WORTH_STEPPING * modes:
            try:
                carrier = _amplitudes.ByModes(h, now, first, last, self._request.threads)
            except _amplitudes.IllConditionedError:
                why = "two modes coincide"
            else:
                self._clock.look()
                if carrier.error <= self._request.rtol:
                    self._diagnostics["route"] = "modes"
                    if self._bound is not None:
                        self._diagnostics["error_bound"] = self._bound + carrier.error
                    return carrier
                why = f"modes are nearly parallel, with an error of up to {carrier.error:.1e}"
        self._diagnostics["route"] = f"exponentials in steps: {why}"
        return _amplitudes.BySteps(h, now, first)

    def _matrices(self, reached: int, now: NDArray[Any]) -> Iterator[int]:
        """Record ρ at the times left, one at a time."""
        request, times = self._request, self._request.times
        if reached == len(times):
            return
        carrier = _amplitudes.Dephased(
            one_excitation(request.couplings),
            request.couplings.dephasing,
            now,
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
            if self._correlations is not None:
                np.matmul(c.conj(), c.T, out=self._correlations[self._reached[0]])
            self._append(rate, populations[i], 0.0, c)

    def _record_matrix(self, rho: NDArray[Any]) -> None:
        """Observables of ρ."""
        reached = self._reached[0]
        if self._correlations is not None:
            self._correlations[reached] = rho.T
        rate = float(np.sum(self._decay * rho.T).real)
        smallest = float(np.linalg.eigvalsh(rho)[0]) if reached in self._looked_at else 0.0
        self._append(rate, rho.diagonal().real.copy(), smallest, rho)

    def _append(
        self, rate: float, populations: NDArray[np.float64], smallest: float, now: NDArray[Any]
    ) -> None:
        reached = self._reached[0]
        ground = 1 - float(populations.sum())
        if not np.isfinite(ground):
            raise FloatingPointError("the amplitudes are not finite")
        if reached in self._looked_at:
            self._smallest[reached] = min(smallest, ground)
        self._populations[reached] = populations
        self._emission[reached] = rate
        self._reached = reached + 1, now

    def _report(self) -> Run:
        reached, now = self._reached
        populations = self._populations[:reached]
        observables = {
            "emission": self._emission[:reached],
            "excitation": populations.sum(axis=1),
            "populations": populations,
        }
        if self._correlations is not None:
            observables["correlations"] = self._correlations[:reached]
        diagnostics = {
            **self._clock.diagnostics(),
            **self._diagnostics,
            "smallest_eigenvalues": [x for at, x in self._smallest.items() if at < reached],
        }
        resume = {} if reached == len(self._request.times) else {"state": now}
        return Run(observables, diagnostics, self._failure, resume)


def _one_excitation_vectors(request: Request) -> NDArray[np.complex128]:
    """Vectors (N, R) whose projectors sum to the block of one excitation."""
    n, state = len(request.couplings), request.state
    if isinstance(state, State):
        return amplitudes_of(state, np.eye(n, dtype=bool), request.couplings.emitters)[:, None]
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
    side = (n + 1) // 2 if _halved(request.couplings) else n
    modes = _SECONDS_MODES * (n // side) * side**3 + 1e-3
    return modes, _amplitudes.taylor_seconds(n, 1, _phase(request), times)


def _weight_above(request: Request) -> str:
    """The probability of more than one excitation, where it may be small."""
    state, n = request.state, len(request.couplings)
    weight = initial.weight_above_one(state, n)
    if weight is None or initial.definite_number(state, n) is not None:
        return ""
    return f", with a weight of {weight:.2g} beyond one"


def _halved(couplings: Couplings) -> bool:
    """Whether `_modes.parts` will split h: its test, some rows at a time."""
    decay, shift, detunings = couplings.decay, couplings.shift, couplings.detunings
    n = len(couplings)
    firsts = [(m[0], m[-1, ::-1]) for m in (decay, shift)]
    # seen at once of most that nothing reflects
    if n == 1 or not all(np.allclose(a, b, 1e-9, 1e-9 * np.abs(a).max()) for a, b in firsts):
        return False
    mean = float(np.mean(np.diagonal(shift).real + detunings))

    def rows(begin: int, end: int) -> NDArray[Any]:
        found = shift[begin:end] - 0.5j * decay[begin:end]
        at = np.arange(begin, end)
        found[at - begin, at] += detunings[begin:end] - mean
        return found

    miss = largest = 0.0
    for begin in range(0, (n + 1) // 2, _ROWS):
        end = min(begin + _ROWS, (n + 1) // 2)
        above, below = rows(begin, end), rows(n - end, n - begin)
        miss = max(miss, np.abs(above - below[::-1, ::-1]).max())
        largest = max(largest, np.abs(above).max(), np.abs(below).max())
    return bool(miss <= REFLECTED * n * largest)
