r"""Identical couplings: a Dicke ladder of up to 10⁵ emitters, or all ladders of some hundreds.

If no permutation of the emitters changes couplings and state, ρ lives on Dicke states |J, M⟩:

* Γ_mn all equal and nothing individual: one ladder of N + 1 populations,
  :math:`\dot p_k = −r_kp_k + r_{k+1}p_{k+1}`, :math:`r_k = γ_c k(N−k+1)`;
* individual decay, dephasing or a pump besides: the populations of all ladders, some N²/4;
* a drive: the coherences within each ladder too, (N+1)² of one or N³/6 of all.

Coherences between different M don't reach the observables without a drive, nor do Δ and δ.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.progress import Progress
from collective._tools.speed import speed
from collective.couplings.couplings import Couplings
from collective.engines.base import Checkpoint, Clock, Cost, Run, nothing_left, resumed, writing
from collective.engines.basis import initial
from collective.engines.basis.dicke import Identical, Triangle, identical
from collective.engines.basis.dicke_states import populations
from collective.engines.numerics import rational
from collective.engines.record import eigenvalue_steps
from collective.engines.request import Request
from collective.engines.symmetric import density
from collective.engines.symmetric.density import Density
from collective.engines.symmetric.populations import Populations, compile_kernels
from collective.states import State

if TYPE_CHECKING:
    from collective.results.result import Result

_OF_STEPS = ("steps", "rejected_steps", "error_estimate")
_PER_TIME = ("bright", "trace_errors")
_LARGEST_CORRELATED = 2000  # emitters
_OUTSIDE = 1e-9  # weight of a state that is not symmetric, round-off of its amplitudes
_STEPS_OF_A_BURST = 60
_STEPS_OF_A_PEAK = 3.5  # per √N: of populations that begin as a narrow peak and run down
_RUN_CALLS = 1000.0  # of Python, once
_STEP_CALLS = 25.0  # and per step
_FACTORED_CALLS = 80.0  # where it solves with factors
_LADDER_ENTRIES = 9.0  # in the time of a state, per step
_TRIANGLE_ENTRIES = 100.0
_FACTORED_ENTRIES = 13.0  # per entry of the factors and step
_FACTORS_ENTRIES = 60.0  # per state and entry of its column, for those of all poles and steps
_FACTORS_OF_A_BURST = 25.0  # in these, one interval and its half as the unit
_COMPARED_ENTRIES = 7.0  # per pair of emitters, once: whether all are alike
_KEPT_ENTRIES = 12.0  # per correlation kept: memory is touched for the first time
_BYTES_LADDER = 64  # per state
_BYTES_TRIANGLE = 100
_BYTES_FACTORS = 24  # per entry
_SLOPE_ENTRIES = 4.0  # per entry of ρ, most of it for the generator's
_SLOPE_CALLS = 15.0
_SLOPES_PER_PHASE = 2.5  # of the stiffest rate; 12 a step of length 4
_BYTES_DENSITY = 1000  # per entry: 30 stages of the integrator, the generator


def refusal(request: Request) -> str | None:
    """What is not the same for every emitter."""
    if not isinstance(request.problem, Couplings):
        return "method 'symmetric' takes Couplings, not a MasterEquation"
    if "states" in request.words or request.operators:
        return "method 'symmetric' keeps no density matrix for states and operators"
    n, state = len(request.problem), request.state
    if "correlations" in request.words and n > _LARGEST_CORRELATED:
        size = 16 * n * n * len(request.times) / 1e9
        return (
            f"correlations of {n} emitters at {len(request.times)} times are {size:,.0f} GB of "
            "two different numbers each; observe emission and populations"
        )
    found = identical(request.problem)
    if isinstance(found, str):
        return f"method 'symmetric' is for identical couplings: {found}"
    if isinstance(state, State):
        return initial.refusal(request, "symmetric") or _asymmetry(state, n)
    outside = 1 - float(populations(state, n).sum())
    if outside > _OUTSIDE:
        return (
            "method 'symmetric' is for states of the symmetric subspace: a weight of "
            f"{outside:.2g} of this QuTiP state is outside"
        )
    return None


def _asymmetry(state: State, n: int) -> str | None:
    """Why a `State` is not on the longest ladder, or None if it is."""
    if not state.symmetric(n):
        return f"method 'symmetric' is for states that no permutation changes, which {state} is not"
    try:
        populations(state, n)
    except ValueError as error:
        return f"method 'symmetric' cannot build this state: {error}"
    return None


def cost(request: Request) -> Cost:
    """Memory and time."""
    e, s = identical(request.couplings), speed()
    assert isinstance(e, Identical)
    times = len(request.times)
    steps = times + _STEPS_OF_A_BURST
    if initial.definite_number(request.state, e.n) not in (0, e.n):
        steps += int(_STEPS_OF_A_PEAK * np.sqrt(e.n))
    kept = 400 * times
    seconds = _RUN_CALLS * s.call
    correlated = 16 * e.n**2 * times if "correlations" in request.words else 0
    taken, held = writing(request, correlated + 8 * e.n * times)
    seconds, kept = seconds + taken, kept + int(held)
    if not checks.constant(request.couplings.decay):
        kept += 16 * e.n**2
        seconds += _COMPARED_ENTRIES * e.n**2 * s.entry
    if correlated:
        kept += correlated
        seconds += _KEPT_ENTRIES * e.n**2 * times * s.entry
    if e.drive:
        size = density.entries(e.n, e.one_ladder)
        slope = _SLOPE_ENTRIES * size * s.entry + _SLOPE_CALLS * s.call
        return Cost(
            _BYTES_DENSITY * size + kept,
            seconds + slope * (_SLOPES_PER_PHASE * _phase(e, request) + 3 * steps),
            f"{e.n} identical driven emitters, {size:,} entries of ρ between Dicke states",
        )
    if e.one_ladder:
        step = _LADDER_ENTRIES * (e.n + 1) * s.entry + _STEP_CALLS * s.call
        return Cost(
            _BYTES_LADDER * (e.n + 1) + kept,
            seconds + step * steps,
            f"{e.n} identical emitters, {e.n + 1:,} populations of one Dicke ladder",
        )
    size = Triangle.size(e.n)
    work = f"{e.n} identical emitters, {size:,} populations of Dicke states"
    if e.pump:
        fill = max(10.0, 8 * np.log2(size) - 50) * (1.45 if e.dephasing else 1)
        factors = _BYTES_FACTORS * fill * size * 3 * rational.FACTORS
        step = _FACTORED_ENTRIES * size * fill * s.entry + _FACTORED_CALLS * s.call
        # intervals that differ, be it by round-off of late times, need factors of their own
        intervals = np.diff(request.times)
        rounded = np.round(intervals / intervals.max(), 13) if times > 1 else intervals
        made = 1 + np.count_nonzero(np.diff(rounded)) / _FACTORS_OF_A_BURST
        seconds += step * steps + made * _FACTORS_ENTRIES * size * fill**2 * s.entry
        return Cost(int(factors) + 4 * 2**20 + 500 * size + kept, seconds, work)
    step = _TRIANGLE_ENTRIES * size * s.entry + _STEP_CALLS * s.call
    return Cost(_BYTES_TRIANGLE * size + kept, seconds + step * steps, work)


def run(request: Request, earlier: "Result | None", checkpoint: Checkpoint | None) -> Run:
    """Evolve through the times not reached earlier."""
    if earlier is not None and earlier.complete:
        return nothing_left(earlier)
    e = identical(request.couplings)
    assert isinstance(e, Identical)
    if not (e.drive or e.pump):
        compile_kernels(request.progress)
    clock = Clock(checkpoint)  # from here on: what compiling takes is not the run's
    carrier = Density(e, request) if e.drive else Populations(e, request)
    clock.look()
    return _recorded(e, carrier, request, earlier, clock)


def _recorded(
    e: Identical,
    carrier: Populations | Density,
    request: Request,
    earlier: "Result | None",
    clock: Clock,
) -> Run:
    """Observables at the output times: all follow from ⟨n̂⟩ and ⟨J⁺J⁻⟩."""
    times = request.times
    looked_at = eigenvalue_steps(len(times))
    # ⟨n̂⟩, ⟨J⁺J⁻⟩, trace error, ρ as far as kept, smallest eigenvalue or None
    records: list[tuple[float, float, float, NDArray[Any], float | None]] = []
    failure: BaseException | None = None
    taken_before = {} if earlier is None else earlier.diagnostics

    def record() -> None:
        p = carrier.diagonal()
        trace = float(p.sum())
        if not np.isfinite(trace):
            raise FloatingPointError("the populations are not finite")
        smallest = carrier.smallest() if len(records) in looked_at else None
        number, bright = float(p @ carrier.excitations), float(p @ carrier.bright)
        records.append((number, bright, abs(trace - 1), carrier.now, smallest))
        if len(records) > 1:
            records[-2] = (*records[-2][:3], np.empty(0), records[-2][4])

    def report() -> Run:
        rows = list(records)
        number, bright, errors = (np.array([row[i] for row in rows]) for i in range(3))
        observables = {
            "emission": e.collective * bright + e.individual * number,
            "excitation": number,
            "populations": np.broadcast_to((number / e.n)[:, None], (len(rows), e.n)),
        }
        if "correlations" in request.words:
            observables["correlations"] = _correlations(e.n, number, bright)
        diagnostics = {
            **clock.diagnostics(),
            **_summed(taken_before, carrier.diagnostics()),
            "trace_error": float(errors.max()),
            "smallest_eigenvalues": [row[4] for row in rows if row[4] is not None],
        }
        if len(rows) == len(times):
            return Run(observables, diagnostics, failure)
        resume = {"state": rows[-1][3], "bright": bright, "trace_errors": errors}
        return Run(observables, diagnostics, failure, resume)

    if earlier is None:
        record()
    else:
        smallest = iter(earlier.diagnostics["smallest_eigenvalues"])
        bright, errors = (resumed(earlier, n, times[: len(earlier.times)].shape) for n in _PER_TIME)
        now = resumed(earlier, "state", carrier.now.shape)
        for i, number in enumerate(earlier.excitation):
            lowest = next(smallest) if i in looked_at else None
            row = (float(number), float(bright[i]), float(errors[i]))
            records.append((*row, now, lowest))
        carrier.now = now
    clock.first(report)
    first = len(records)
    try:
        with Progress(len(times), "evolving (symmetric)", show=request.progress) as bar:
            bar.step(first)
            carrier.start(float(times[first - 1]))
            for t in times[first:]:
                carrier.to(float(t))
                record()
                clock.look()
                bar.step()
                clock.keep(report)
    except (KeyboardInterrupt, Exception) as error:
        failure = error
    finished = report()
    clock.last(finished)
    return finished


def _summed(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Steps and errors of all parts of a run; before its first step a part has none."""
    both = ((name, [part[name] for part in (before, now) if name in part]) for name in _OF_STEPS)
    return {name: sum(values) for name, values in both if values}


def _correlations(
    n: int, number: NDArray[np.float64], bright: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """⟨σ⁺_mσ⁻_n⟩ = (⟨J⁺J⁻⟩ − ⟨n̂⟩)/N(N−1) of every pair, ⟨n̂⟩/N on the diagonal."""
    pairs = (bright - number) / max(1, n * (n - 1))
    found = np.empty((len(number), n, n), dtype=complex)
    found[:] = pairs[:, None, None]
    found[:, np.arange(n), np.arange(n)] = (number / n)[:, None]
    return found


def _phase(e: Identical, request: Request) -> float:
    """The stiffest rate times the time."""
    rate = abs(e.collective) * (e.n + 2) ** 2 / 4 + e.n * (e.individual + e.dephasing + e.pump)
    rate += (abs(e.drive) + abs(e.exchange) + abs(e.detuning)) * e.n / 2
    return rate * float(np.ptp(request.times))
