r"""Identical couplings: a Dicke ladder of up to 10⁵ emitters, or all ladders of some hundreds.

If no permutation of the emitters changes couplings and state, ρ lives on Dicke states |J, M⟩:

* Γ_mn all equal and nothing individual: one ladder of N + 1 populations,
  :math:`\dot p_k = −r_kp_k + r_{k+1}p_{k+1}`, :math:`r_k = γ_c k(N−k+1)`;
* individual decay, dephasing or a pump besides: the populations of all ladders, some N²/4;
* a drive: the coherences within each ladder too, (N+1)² of one or N³/6 of all.

Coherences between different M don't reach the observables without a drive, nor do Δ and δ.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._operators import excited
from collective._progress import Progress
from collective._requests import Request
from collective.couplings import Couplings
from collective.engines import _dicke_blocks, _rational
from collective.engines._dicke import Identical, Triangle, identical
from collective.engines.runs import Checkpoint, Clock, Cost, Run
from collective.states import State

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.result import Result

_EIGENVALUE_TIMES = 5
_LARGEST_CORRELATED = 2000  # emitters
_OUTSIDE = 1e-9  # weight of a state that is not symmetric, round-off of its amplitudes
_STEPS_OF_A_BURST = 60
_SECONDS_LADDER = 1.2e-8  # per state and solve
_SECONDS_TRIANGLE = 6e-8
_SECONDS_FACTOR = 1.5e-8  # per square of the fill of a column
_SECONDS_SLOPE = 2e-9  # per entry of the generator
_PER_ENTRY = 12  # of the generator, per entry of ρ
_SLOPES_PER_PHASE = 3  # of the stiffest rate; 12 a step of length 4
_VECTORS_OF_STEPS = 33  # stages, interpolation and work of the integrator
_ENVELOPE_STEPS = 20_000


def refusal(request: Request) -> str | None:
    """What is not the same for every emitter."""
    if not isinstance(request.problem, Couplings):
        return "method 'symmetric' is for Couplings; use method='exact' for a MasterEquation"
    if "states" in request.words or request.operators:
        return "method 'symmetric' keeps no density matrix for states and operators; use 'exact'"
    n, state = len(request.problem), request.state
    if "correlations" in request.words and n > _LARGEST_CORRELATED:
        size = 16 * n * n * len(request.times) / 1e9
        return (
            f"correlations of {n} emitters at {len(request.times)} times are {size:,.0f} GB of "
            "two different numbers each; observe emission and populations"
        )
    found = identical(request.problem)
    if isinstance(found, str):
        return (
            f"method 'symmetric' is for identical couplings: {found}; use method='blocks', or "
            "'exact' with a drive, pump or dephasing"
        )
    if isinstance(state, State):
        if n > 1 and state.kind in ("single", "timed_dicke"):
            return (
                f"method 'symmetric' is for states that no permutation changes, which {state} is "
                "not; use method='single' or 'blocks'"
            )
        return None
    outside = 1 - float(_populations(request).sum())
    if outside > _OUTSIDE:
        return (
            "method 'symmetric' is for states of the symmetric subspace: a weight of "
            f"{outside:.2g} of this QuTiP state is outside; use method='blocks' or 'exact'"
        )
    return None


def cost(request: Request) -> Cost:
    """Memory and time."""
    e = identical(request.couplings)
    assert isinstance(e, Identical)
    times = len(request.times)
    steps = times + _STEPS_OF_A_BURST
    kept = 16 * e.n**2 * times if "correlations" in request.words else 0
    kept += 200 * times
    if e.drive:
        size = _dicke_blocks.entries(e.n, e.one_ladder)
        table = 0 if e.one_ladder else 3 * 8 * Triangle.size(e.n) ** 2
        return Cost(
            16 * size * _VECTORS_OF_STEPS + 20 * _PER_ENTRY * size * 3 + table + kept,
            _SECONDS_SLOPE * _PER_ENTRY * size * _SLOPES_PER_PHASE * (_phase(e, request) + steps),
            f"{e.n} identical driven emitters, {size:,} entries of ρ between Dicke states",
        )
    if e.one_ladder:
        return Cost(
            8 * (e.n + 1) * 8 + kept,
            _SECONDS_LADDER * 3 * 3 * (e.n + 1) * steps / 3 + 1e-3,
            f"{e.n} identical emitters, {e.n + 1:,} populations of one Dicke ladder",
        )
    size = Triangle.size(e.n)
    work = f"{e.n} identical emitters, {size:,} populations of Dicke states"
    if e.pump:
        fill = max(10.0, 15 * (np.log2(size) - 8))
        held = 24 * fill * size * 3 * _rational.FACTORS
        factors = 9 * _SECONDS_FACTOR * size * fill**2 * 10
        return Cost(int(held + 500 * size) + kept, 9e-8 * size * fill * steps + factors, work)
    return Cost(8 * size * 40 + kept, _SECONDS_TRIANGLE * 9 * size * steps, work)


def run(request: Request, earlier: "Result | None", checkpoint: Checkpoint | None) -> Run:
    """Evolve through the times not reached earlier."""
    e = identical(request.couplings)
    assert isinstance(e, Identical)
    carrier = _Density(e, request) if e.drive else _Populations(e, request)
    return _recorded(e, carrier, request, earlier, checkpoint)


class _Populations:
    """Populations of Dicke states, carried by rational steps."""

    def __init__(self, e: Identical, request: Request):
        self._e, self._rtol = e, request.rtol
        ladder = _populations(request)
        if e.one_ladder:
            k = np.arange(e.n + 1.0)
            self.excitations, self.bright = k, k * (e.n - k + 1)
            self.now = ladder
            self._rates = e.collective * self.bright
        else:
            self._states = Triangle.of(e.n)
            self.excitations, self.bright = self._states.k.astype(float), self._states.bright
            self.now = np.zeros(len(self.excitations))
            self.now[self._states.d == 0] = ladder
            self._leaving = self._states.rates(e)
            self._rates = np.sum(list(self._leaving.values()), axis=0)
        self._steps: _rational.Rational | None = None
        self._step = self._compiled(request)

    def _compiled(
        self, request: Request
    ) -> Callable[[NDArray[np.float64], float], NDArray[np.float64]]:
        """One rational step."""
        if self._e.pump:
            return _rational.factored(self._states.matrix(self._e))
        from collective._compiled import announced
        from collective.engines import _symmetric_kernels as kernels

        poles, weights, rates, n = _rational.POLES, _rational.WEIGHTS, self._rates, self._e.n
        with announced("the symmetric engine", 4, show=request.progress):
            kernels.rehearse(poles, weights)
        if self._e.one_ladder:

            def ladder(p: NDArray[np.float64], h: float) -> NDArray[np.float64]:
                result = np.empty_like(p)
                kernels.ladder(p, rates, h, poles, weights, result)
                return result

            return ladder
        states, leaving = self._states, self._leaving
        fed = np.array([states.arriving(leaving[-1, b], -1, b) for b in (1, 0, -1)])
        mixed = np.array([states.arriving(leaving[0, b], 0, b) for b in (1, -1)])

        def triangle(p: NDArray[np.float64], h: float) -> NDArray[np.float64]:
            result = np.empty_like(p)
            kernels.triangle(p, n, rates, fed, mixed, h, poles, weights, result)
            return result

        return triangle

    def start(self, t: float) -> None:
        """Take `now` as the populations at a time."""
        rate = float(self._rates @ np.abs(self.now))
        self._steps = _rational.Rational(self._step, self.now, t, rate, self._rtol)

    def to(self, t: float) -> None:
        """Go on to a time."""
        assert self._steps is not None
        self.now = self._steps.to(t)

    def diagonal(self) -> NDArray[np.float64]:
        """Populations of the Dicke states."""
        return self.now

    def smallest(self) -> float:
        """The smallest eigenvalue of ρ."""
        return float(self.now.min())

    def diagnostics(self) -> dict[str, Any]:
        """Of the steps taken."""
        if self._steps is None:
            return {}
        s = self._steps
        return {"steps": s.steps, "rejected_steps": s.rejected, "error_estimate": s.error}


class _Density:
    """The blocks of ρ, carried by an explicit integrator."""

    def __init__(self, e: Identical, request: Request):
        self._request = request
        self._blocks = _dicke_blocks.Blocks(e)
        self.excitations, self.bright = self._blocks.excitations, self._blocks.bright
        self.now: NDArray[Any] = self._blocks.start(_density(request))
        self._steps: Any = None

    def start(self, t: float) -> None:
        """Take `now` as ρ at a time."""
        request, times = self._request, self._request.times
        longest = np.inf
        if request.envelope is not None and len(times) > 1:
            # a pulse shorter than a step would be stepped over unseen
            longest = max(float(np.diff(times).min()), float(np.ptp(times)) / _ENVELOPE_STEPS)
        left = np.append(t, times[times > t])
        self._steps = _dicke_blocks.stepper(
            self._blocks, self.now, left, request.rtol, request.atol, request.envelope, longest
        )

    def to(self, t: float) -> None:
        """Go on to a time."""
        self.now = self._steps.to(t)

    def diagonal(self) -> NDArray[np.float64]:
        """Populations of the Dicke states."""
        return self._blocks.diagonal(self.now)

    def smallest(self) -> float:
        """The smallest eigenvalue of ρ."""
        return self._blocks.smallest_eigenvalue(self.now)

    def diagnostics(self) -> dict[str, Any]:
        """Of the steps taken."""
        return {} if self._steps is None else {"steps": self._steps.steps}


def _recorded(
    e: Identical,
    carrier: _Populations | _Density,
    request: Request,
    earlier: "Result | None",
    checkpoint: Checkpoint | None,
) -> Run:
    """Observables at the output times: all follow from ⟨n̂⟩ and ⟨J⁺J⁻⟩."""
    times, clock = request.times, Clock(checkpoint)
    looked_at = {round(x) for x in np.linspace(0, len(times) - 1, _EIGENVALUE_TIMES)}
    # ⟨n̂⟩, ⟨J⁺J⁻⟩, trace error, ρ as far as kept, smallest eigenvalue or None
    records: list[tuple[float, float, float, NDArray[Any], float | None]] = []
    failure: BaseException | None = None

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
            **carrier.diagnostics(),
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
        kept = earlier.resume
        for i, number in enumerate(earlier.excitation):
            lowest = next(smallest) if i in looked_at else None
            row = (float(number), float(kept["bright"][i]), float(kept["trace_errors"][i]))
            records.append((*row, kept["state"], lowest))
        carrier.now = kept["state"]
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


def _correlations(
    n: int, number: NDArray[np.float64], bright: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """⟨σ⁺_mσ⁻_n⟩ = (⟨J⁺J⁻⟩ − ⟨n̂⟩)/N(N−1) of every pair, ⟨n̂⟩/N on the diagonal."""
    pairs = (bright - number) / max(1, n * (n - 1))
    found = np.empty((len(number), n, n), dtype=complex)
    found[:] = pairs[:, None, None]
    found[:, np.arange(n), np.arange(n)] = (number / n)[:, None]
    return found


def _populations(request: Request) -> NDArray[np.float64]:
    """Of the symmetric states of k excitations, (N + 1,) ascending."""
    n, state = len(request.couplings), request.state
    if isinstance(state, State):
        return np.abs(_ladder_amplitudes(state, n)) ** 2
    return np.diagonal(_symmetric_part(state, n)).real.copy()


def _density(request: Request) -> NDArray[np.complex128]:
    """ρ between the symmetric states of k excitations, (N + 1, N + 1) ascending."""
    n, state = len(request.couplings), request.state
    if not isinstance(state, State):
        return _symmetric_part(state, n)
    amplitudes = _ladder_amplitudes(state, n)
    return np.outer(amplitudes, amplitudes.conj())


def _symmetric_part(state: "Qobj", n: int) -> NDArray[np.complex128]:
    """Of a QuTiP state: what it has between the symmetric states."""
    counts = excited(n).sum(axis=1)
    project = np.zeros((n + 1, 2**n))
    project[counts, np.arange(2**n)] = 1 / np.sqrt(np.bincount(counts))[counts]
    matrix = project @ state.full()
    return matrix @ matrix.conj().T if state.isket else matrix @ project.T


def _ladder_amplitudes(state: State, n: int) -> NDArray[np.complex128]:
    """Amplitude on the symmetric state of k excitations, k = 0 … N."""
    amplitudes = np.zeros(n + 1, dtype=complex)
    k = state.excitations(n)
    if k is not None:
        amplitudes[k] = 1.0
        return amplitudes
    theta, phi = state.parameters  # coherent: binomial weights
    up, down = np.exp(1j * phi) * np.sin(theta / 2), complex(np.cos(theta / 2))
    if up == 0 or down == 0:
        amplitudes[0 if up == 0 else n] = 1.0
        return amplitudes
    k = np.arange(n)
    ratios = np.log((n - k) / (k + 1)) + 2 * np.log(abs(up / down))
    # summed from the largest weight on either side: small numbers near it keep their digits
    top = int(np.searchsorted(-ratios, 0.0))
    logs = np.concatenate([-np.cumsum(ratios[:top][::-1])[::-1], [0.0], np.cumsum(ratios[top:])])
    weights = np.exp(logs)
    phases = np.angle(up) * np.arange(n + 1) + np.angle(down) * np.arange(n, -1, -1)
    return np.sqrt(weights / weights.sum()) * np.exp(1j * phases)


def _phase(e: Identical, request: Request) -> float:
    """The stiffest rate times the time."""
    rate = abs(e.collective) * (e.n + 2) ** 2 / 4 + e.n * (e.individual + e.dephasing + e.pump)
    rate += (abs(e.drive) + abs(e.exchange) + abs(e.detuning)) * e.n / 2
    return rate * float(np.ptp(request.times))
