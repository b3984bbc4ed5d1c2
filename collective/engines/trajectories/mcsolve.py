r"""Quantum jumps of driven, pumped or dephased emitters, and of any operator: QuTiP's `mcsolve`.

.. math:: H_\mathrm{eff} = H − \frac{i}{2}\sum_j c_j^†c_j

with H and the c_j of `Couplings.hamiltonian` and `Couplings.collapse_operators`, whose order the
channels of the jumps follow. Every trajectory has its own random stream, spawned from the seed by
its number. Trajectories are drawn one after another in the calling thread, because `mcsolve` can
run in parallel only in other processes.
"""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective._tools import operators as _operators
from collective._tools.speed import speed
from collective.engines.base import Cost
from collective.engines.numerics.pulses import ENVELOPE_STEPS, driven_hamiltonian
from collective.engines.numerics.spectrum import Extent
from collective.engines.request import Request
from collective.engines.trajectories.means import Batch, batch, uniform
from collective.states import State
from collective.states.answers import amplitudes_of, weights_of

if TYPE_CHECKING:
    from qutip import MCSolver, Qobj

_BATCH = 16  # trajectories
_ENTRY_BYTES = 20  # of a sparse operator
_COPIES = 2  # of each operator: one while it is built, and c†c
_VALUE_BYTES = 150  # per expectation value and trajectory of a batch, in lists of QuTiP and here
_VECTORS = 40  # inside the integrator
_RUN_CALLS, _TRAJECTORY_CALLS, _CLICK_CALLS = 4000.0, 350.0, 140.0
_SLOPES_PER_RADIAN = 25.0
_PULSE_CALLS = 15.0  # per slope
_LARGEST_POWER = 500  # emitters whose powers of two are finite
_CLICK_BYTES = 150  # per jump, in the record and in QuTiP's lists before they are freed
_TRAJECTORY_BYTES = 1000  # per trajectory, in the same lists
_SLOWEST = 1e-300  # smallest rate in a denominator
_EMPTY = 1e-14  # parts of ρ with a smaller weight are left out
_OPTIONS = {
    "progress_bar": "",
    "store_states": False,
    "keep_runs_results": True,
    "nsteps": 10**9,
    "norm_tol": 1e-7,  # accuracy of the location of jumps, relative in |ψ|²
    "norm_steps": 200,
}
_LOCATED = 1e-10  # accuracy of jumps in time, if the largest rate is about 1; or …
_DIGITS = 4 * float(np.finfo(float).eps)  # … this share of the last of the times


def cost(request: Request, count: int, work: str) -> Cost:
    """Predict memory and time of `count` trajectories."""
    couplings, times = request.couplings, request.times
    n, steps = len(couplings), len(times)
    operators = 1 + n + len(request.operators)
    if "correlations" in request.words:
        operators += n * (n - 1) // 2
    size = 2**n
    entries = size * (n * n // 4 + 1)
    jumps = n + 2 * int(np.count_nonzero(couplings.dephasing + couplings.pump))
    used = _COPIES * _ENTRY_BYTES * entries * (jumps + 2) + _ENTRY_BYTES * size * operators
    used += 16 * _VECTORS * size + _VALUE_BYTES * min(count, _BATCH) * steps * operators
    used += int(count * (_TRAJECTORY_BYTES + _CLICK_BYTES * _clicks(request)))
    return Cost(used, _seconds(request, count, operators), work)


def _seconds(request: Request, count: int, operators: int) -> float:
    """Seconds of `count` trajectories: for slopes, jumps and output times."""
    couplings, s, n = request.couplings, speed(), len(request.couplings)
    few, span = min(n, _LARGEST_POWER), float(np.ptp(request.times))
    extent = Extent(couplings, few)
    size = 2.0**few
    phase = (extent.spread + 0.3 * (extent.decay(few) + extent.others)) * span
    slope = (0.6 + 0.09 * n * n) * s.call + 0.7 * s.entry * size * (n * n / 4 + 1 + n)
    slopes = _SLOPES_PER_RADIAN * phase + 100
    if request.envelope is not None and span > 0:
        slopes += 12 * min(span / float(np.diff(request.times).min()), ENVELOPE_STEPS)
        slope = 1.5 * slope + _PULSE_CALLS * s.call
    click = _CLICK_CALLS * s.call + 20 * slope
    reading = operators * (5 * s.call + 8 * size * s.entry)
    each = _TRAJECTORY_CALLS * s.call + slopes * slope
    each += _clicks(request) * click + len(request.times) * reading
    return _RUN_CALLS * s.call + count * each


def _clicks(request: Request) -> float:
    """The number of jumps of one trajectory, roughly.

    It counts those of the initial excitations, and those of each emitter as if it were alone: with
    the rate W = |Ω|²/(Γ + pump + 2γ_φ) of excitation and de-excitation by the drive, an emitter is
    excited with the probability p = (pump + W)/(Γ + pump + 2W).
    """
    couplings, span = request.couplings, float(np.ptp(request.times))
    decay = np.diag(couplings.decay).real
    pump, dephasing = couplings.pump, couplings.dephasing
    strength = np.abs(couplings.drive)
    if request.envelope is not None:
        strength = strength * float(np.abs(request.pulse).max())
    width = np.maximum(decay + pump + 2 * dephasing, _SLOWEST)
    flips = strength * (strength / width)
    excited = (pump + flips) / np.maximum(decay + pump + 2 * flips, _SLOWEST)
    lasting = span * float(np.sum((decay + 2 * dephasing) * excited + pump * (1 - excited)))
    first = 1 + 2 * dephasing * np.minimum(span, 1 / np.maximum(decay, _SLOWEST))
    return lasting + float(np.sum(first))


class QutipSampler:
    """Draws trajectories by `mcsolve`, some at a time.

    Args:
        request: a request of `Couplings` that the engine does not refuse.
    """

    batch, threads = _BATCH, 0

    def __init__(self, request: Request):
        self.request = request
        self.n = len(request.couplings)
        self.times = request.times
        self.correlated = "correlations" in request.words
        self.extra = (self.n**2 if self.correlated else 0) + len(request.operators)

    @_operators.Untidied()
    def prepare(self) -> None:
        """Build the operators."""
        _ = self._solver, self._observed, self._ensemble

    def stop(self) -> None:
        """There is nothing to stop: only the calling thread draws."""

    @cached_property
    def _solver(self) -> "MCSolver":
        from qutip import MCSolver

        request, couplings = self.request, self.request.couplings
        hamiltonian, further = driven_hamiltonian(couplings, self.times, request.envelope)
        tolerances = {
            "method": "tsit5",
            "rtol": request.rtol,
            "atol": request.atol,
            "norm_t_tol": max(_LOCATED, _DIGITS * float(self.times[-1])),
        }
        jumps = couplings.collapse_operators() or [0 * couplings.hamiltonian()]
        return MCSolver(hamiltonian, jumps, options={**_OPTIONS, **tolerances, **further})

    @cached_property
    def _observed(self) -> "list[Qobj]":
        """Operators of emission, populations, ⟨σ⁺_lσ⁻_m⟩ for l < m if wanted, and of the user."""
        unit = np.eye(self.n)
        found = [_operators.exchange(self.request.couplings.decay)]
        found += [_operators.exchange(np.diag(row)) for row in unit]
        for l, m in self._pairs:
            found.append(_operators.exchange(np.outer(unit[l], unit[m])))
        return found + list(self.request.operators.values())

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        n = self.n if self.correlated else 0
        return [(l, m) for l in range(n) for m in range(l + 1, n)]

    @cached_property
    def _ensemble(self) -> "tuple[NDArray[np.float64], NDArray[np.complex128] | None]":
        """The weights of the initial kets, which sum to one, and the kets as columns.

        The kets of a mixture of independent emitters are the configurations: None stands for them.
        """
        state, couplings = self.request.state, self.request.couplings
        weights = np.ones(1)
        if isinstance(state, State):
            excited = _operators.excited(self.n)
            chances = weights_of(state, excited)
            if chances is not None:
                return chances / chances.sum(), None
            vectors = amplitudes_of(state, excited, couplings.emitters)[:, None]
        elif state.isket:
            vectors = state.full()
        else:
            weights, vectors = np.linalg.eigh(state.full())
            kept = weights > _EMPTY
            weights, vectors = weights[kept], vectors[:, kept]
        return weights / weights.sum(), vectors

    def _ket(self, member: int) -> "Qobj":
        """One of the initial kets."""
        from qutip import Qobj

        vectors = self._ensemble[1]
        if vectors is None:
            ket = np.zeros(2**self.n, dtype=complex)
            ket[member] = 1.0
        else:
            ket = vectors[:, member]
        return Qobj(ket, dims=[[2] * self.n, [1] * self.n])

    @_operators.Untidied()
    def initial(self) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """The exact values at the initial time, (1, N + 2), and those without an error, (1, X).

        They are computed from the kets, so that ρ with its 4^N entries is never built.
        """
        from qutip import expect

        weights, vectors = self._ensemble
        if vectors is None:
            means = [o.diag() @ weights for o in self._observed]
        else:
            kets = [self._ket(i) for i in range(len(weights))]
            means = [
                sum(w * expect(o, ket) for w, ket in zip(weights, kets, strict=True))
                for o in self._observed
            ]
        values = np.array(means, dtype=complex)[None, :, None]
        return self._errorful(values)[0], self._others(values)

    @_operators.Untidied()
    def draw(self, seed: int, first: int, count: int) -> Batch:
        """The batch of trajectories first … first + count − 1 of a seed."""
        weights, _ = self._ensemble
        chances = uniform(seed, first, count, 1)[:, 0]
        drawn = np.searchsorted(np.cumsum(weights), chances, side="right")
        drawn = np.minimum(drawn, np.flatnonzero(weights)[-1])
        seeds = [np.random.SeedSequence(seed, spawn_key=(first + i,)) for i in range(count)]
        values = np.zeros((count, len(self._observed), len(self.times)), complex)
        clicks: list[list[tuple[float, int]]] = [[] for _ in range(count)]
        for member in np.unique(drawn):
            mine = np.flatnonzero(drawn == member)
            result = self._solver.run(
                self._ket(member),
                self.times,
                ntraj=len(mine),
                e_ops=self._observed,
                seeds=[seeds[i] for i in mine],
            )
            values[mine] = np.stack([np.asarray(runs) for runs in result.runs_expect], axis=1)
            for i, times, channels in zip(mine, result.col_times, result.col_which, strict=True):
                clicks[i] = list(zip(times, channels, strict=True))
        record = (
            np.repeat(np.arange(count), [len(of) for of in clicks]),
            self.request.user_time(np.array([t for of in clicks for t, _ in of], float)),
            np.array([channel for of in clicks for _, channel in of], np.int64),
        )
        return batch(self._errorful(values), self._others(values), record)

    def _errorful(self, values: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Emission, excitation, populations, (B, T, N + 2), from the observed values, (B, O, T)."""
        emission, populations = values[:, :1].real, values[:, 1 : 1 + self.n].real
        excitation = populations.sum(axis=1, keepdims=True)
        return np.swapaxes(np.concatenate([emission, excitation, populations], axis=1), 1, 2).copy()

    def _others(self, values: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Sums over B of correlations, if wanted, and of operators of the user, (T, X)."""
        total = values.sum(axis=0).T
        rest = total[:, 1 + self.n :]
        if not self.correlated:
            return rest
        correlations = np.zeros((len(total), self.n, self.n), complex)
        for i, (l, m) in enumerate(self._pairs):
            correlations[:, l, m], correlations[:, m, l] = rest[:, i], rest[:, i].conj()
        for m in range(self.n):
            correlations[:, m, m] = total[:, 1 + m]
        flat = correlations.reshape(len(total), -1)
        return np.concatenate([flat, rest[:, len(self._pairs) :]], axis=1)
