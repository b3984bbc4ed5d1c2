r"""Quantum jumps of atoms with manifolds: all L^N amplitudes, many trajectories at a time.

.. math:: \dot ψ = −iKψ, \qquad K = H − \tfrac i2\sum_ν L_ν^†L_ν

Every trajectory has a time of its own. A step is one Taylor series, whose vectors
:math:`v_k = (−iKh)^kψ/k!` of all trajectories are products with one sparse matrix. They give ψ at
every time in the step, ψ(xh) = Σ x^k v_k, and their scalar products give the norm as a polynomial
in x. It is solved for the time at which the norm has fallen to the random number of the trajectory,
and the next step begins there, after the jump.

The jumps ν are those of `ChannelCouplings.collapse_operators`. Each trajectory has a random stream
of its own, spawned from the seed by its number.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import operators as _operators
from collective.engines.base import threads_for
from collective.engines.numerics import sparse_rows
from collective.engines.request import Request
from collective.engines.trajectories.atom_parts import EffectiveParts, parts_of
from collective.engines.trajectories.means import Batch, batch
from collective.engines.trajectories.norms import crossing, norms_of, power_sum
from collective.states import State
from collective.states.of_atoms import ket_of

TERMS = 24  # of a Taylor series
RADIUS = 3.0  # |K|h of a step: the first term left out is 3²⁴/24! = 5·10⁻¹³
_AT_ONCE = 2**22  # numbers of all Taylor vectors of a batch
_MOST = 64  # trajectories of a batch
_STILL = 1e-15  # relative to the largest rate: a state that changes less stays as it is
_EMPTY = 1e-14  # parts of ρ with a smaller weight are left out


def batch_of(states: int) -> int:
    """How many trajectories of so many amplitudes are drawn together."""
    return max(1, min(_MOST, _AT_ONCE // (TERMS * states)))


class AtomSampler:
    """Draws trajectories of atoms.

    Args:
        request: a request of `ChannelCouplings` that the engine does not refuse.
    """

    def __init__(self, request: Request):
        self.request, self.channels = request, request.channels
        self.times = request.times
        atoms = self.channels.atoms
        self.levels = (len(atoms.levels),) * len(self.channels)
        self.states = int(np.prod(self.levels))
        self.batch, self.threads = batch_of(self.states), threads_for(request)
        self.correlated = "correlations" in request.words
        self.extra = len(request.operators)
        self.extra += len(self.channels.decay) ** 2 if self.correlated else 0
        self._stopped = False

    def prepare(self) -> None:
        """Build the operators and the initial kets."""
        _ = self._step, self._ensemble, self._numbers, self._lower, self._operators
        self._stopped = False

    def stop(self) -> None:
        """Make `draw` end at its next step."""
        self._stopped = True

    @cached_property
    def _parts(self) -> EffectiveParts:
        return parts_of(self.request)

    @cached_property
    def _step(self) -> tuple[float, sparse_rows.Rows]:
        """h, and −iKh."""
        parts = self._parts
        # without any rate one step reaches the end
        h = RADIUS / max(parts.radius, RADIUS / max(float(np.ptp(self.times)), 1e-300))
        return h, sparse_rows.rows_of(parts.effective, -1j * h)

    @cached_property
    def _numbers(self) -> NDArray[np.float64]:
        """For each state which levels are occupied, (N·L, D)."""
        each = np.unravel_index(np.arange(self.states), self.levels)
        found = [level == k for level in each for k in range(self.levels[0])]
        return np.array(found, dtype=float)

    @cached_property
    def _lower(self) -> list[Any]:
        """The lowering operators of all channels, sparse."""
        n, local = len(self.channels), self.channels.atoms.channels
        return [_operators.local(self.levels, m, each) for m in range(n) for each in local]

    @cached_property
    def _operators(self) -> list[Any]:
        """The operators of the user, sparse."""
        found = self.request.operators.values()
        return [_operators.entries_of(operator).tocsr() for operator in found]

    @cached_property
    def _ensemble(self) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """The weights of the initial kets, which sum to one, and the kets, (D, R)."""
        state = self.request.state
        if isinstance(state, State):
            return np.ones(1), ket_of(state, self.channels.atoms)[:, None]
        if state.isket:
            return np.ones(1), state.full()
        weights, vectors = np.linalg.eigh(state.full())
        kept = weights > _EMPTY
        weights = weights[kept]
        return weights / weights.sum(), vectors[:, kept]

    def initial(self) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Exact values at the initial time, (1, N·L + 2), and those without an error, (1, X)."""
        weights, kets = self._ensemble
        values, others = self._read(kets, np.zeros(len(weights)))
        return (weights @ values)[None], (weights @ others)[None]

    def draw(self, seed: int, first: int, count: int) -> Batch:
        """The batch of trajectories first … first + count − 1 of a seed."""
        streams = [
            np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(first + i,)))
            for i in range(count)
        ]
        weights, kets = self._ensemble
        member = np.searchsorted(np.cumsum(weights), [s.random() for s in streams], side="right")
        flight = _Flight(
            kets[:, np.minimum(member, len(weights) - 1)], [s.random() for s in streams]
        )
        values = np.zeros((count, len(self.times), 2 + len(self._numbers)))
        sums = np.zeros((len(self.times), self.extra), dtype=complex)
        clicks: list[list[tuple[float, int]]] = [[] for _ in range(count)]
        while not self._stopped:
            at = np.flatnonzero(flight.due < len(self.times))
            if not len(at):
                break
            jumping = self._advance(flight, at, values, sums)
            if not len(jumping):
                continue
            for b, channel in self._jump(flight, jumping, streams):
                clicks[b].append((float(flight.time[b]), channel))
            for b in self._still(flight, jumping):
                self._finish(flight, b, values, sums)
        record = (
            np.repeat(np.arange(count), [len(of) for of in clicks]),
            self.request.user_time(np.array([t for of in clicks for t, _ in of], float)),
            np.array([channel for of in clicks for _, channel in of], np.int64),
        )
        return batch(values, sums, record)

    def _advance(
        self,
        flight: "_Flight",
        at: NDArray[np.intp],
        values: NDArray[np.float64],
        sums: NDArray[np.complex128],
    ) -> NDArray[np.intp]:
        """Advance some trajectories by a step or to their next jump; those that jump now."""
        (h, matrix), times = self._step, self.times
        terms = np.empty((TERMS + 1, self.states, len(at)), dtype=complex)
        terms[0] = flight.psi[:, at]
        for k in range(1, TERMS + 1):
            sparse_rows.multiply(matrix, terms[k - 1], terms[k], 0, self.states)
            terms[k] /= k
        norms = norms_of(terms)
        left = (times[-1] - flight.time[at]) / h
        x = np.minimum(left, 1.0)
        jumping = power_sum(norms, x) < flight.threshold[at]
        x[jumping] = crossing(norms[:, jumping], x[jumping], flight.threshold[at[jumping]])
        self._record(flight, at, x, terms, values, sums)
        flight.psi[:, at] = np.einsum("kib,kb->ib", terms, x ** np.arange(TERMS + 1)[:, None])
        ending = (x == left) & ~jumping
        flight.time[at] = np.where(ending, times[-1], flight.time[at] + x * h)
        return at[jumping]

    def _still(self, flight: "_Flight", at: NDArray[np.intp]) -> list[int]:
        """Those of some trajectories that have reached a state that stays as it is."""
        psi, parts = flight.psi[:, at], self._parts
        turned, lost = parts.effective @ psi, parts.emission @ psi
        moved = np.linalg.norm(turned - np.sum(psi.conj() * turned, axis=0) * psi, axis=0)
        moved = np.maximum(moved, np.linalg.norm(lost, axis=0))
        return [int(b) for b in at[moved <= _STILL * parts.radius]]

    def _finish(
        self,
        flight: "_Flight",
        b: int,
        values: NDArray[np.float64],
        sums: NDArray[np.complex128],
    ) -> None:
        """Record all later times of a trajectory whose state stays as it is."""
        first = int(flight.due[b])
        later = self.times[first:]
        kets = flight.psi[:, [b]]
        if self.request.operators:  # they may turn with the frame
            kets = np.repeat(kets, len(later), axis=1)
        if len(later):
            values[b, first:], others = self._read(kets, later[: kets.shape[1]])
            sums[first:] += others
        flight.due[b] = len(self.times)

    def _record(
        self,
        flight: "_Flight",
        at: NDArray[np.intp],
        x: NDArray[np.float64],
        terms: NDArray[np.complex128],
        values: NDArray[np.float64],
        sums: NDArray[np.complex128],
    ) -> None:
        """Record the output times that trajectories pass in a step."""
        h, times = self._step[0], self.times
        until = flight.time[at] + x * h
        until[until > times[-1] - 1e-12 * h] = times[-1]
        last = np.searchsorted(times, until, side="right")
        powers = np.arange(TERMS + 1)[:, None]
        columns = np.flatnonzero(last > flight.due[at])
        together = max(1, _AT_ONCE // (self.states * max(1, int((last - flight.due[at]).max()))))
        for i in range(0, len(columns), together):
            kets, where = [], []
            for column in columns[i : i + together].tolist():
                b = int(at[column])
                inside = np.arange(flight.due[b], last[column])
                share = np.maximum(times[inside] - flight.time[b], 0.0) / h
                kets.append(terms[:, :, column].T @ share**powers)
                where.append((np.full(len(inside), b), inside))
            which, index = (np.concatenate(part) for part in zip(*where, strict=True))
            values[which, index], others = self._read(np.concatenate(kets, axis=1), times[index])
            np.add.at(sums, index, others)
        flight.due[at] = np.maximum(last, flight.due[at])

    def _read(
        self, kets: NDArray[np.complex128], times: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Values with an error, (T, N·L + 2), and without, (T, X), of kets (D, T) of any norm."""
        kets = kets / np.linalg.norm(kets, axis=0)
        populations = (self._numbers @ np.abs(kets) ** 2).T
        emission = np.einsum("it,it->t", kets.conj(), self._parts.emission @ kets).real
        excited = np.tile(self.channels.atoms.excited, len(self.channels))
        values = np.column_stack([emission, populations @ excited, populations])
        others: list[NDArray[Any]] = [np.empty((len(values), 0))]
        if self.correlated:
            lowered = np.array([lower @ kets for lower in self._lower])
            found = np.einsum("cit,dit->tcd", lowered.conj(), lowered, optimize=True)
            others.append(found.reshape(len(values), -1))
        if self.request.operators:
            turned = kets * np.exp(-1j * np.outer(self._parts.frame, times))
            others += [
                np.einsum("it,it->t", turned.conj(), each @ turned)[:, None]
                for each in self._operators
            ]
        return values, np.concatenate(others, axis=1).astype(complex)

    def _jump(
        self, flight: "_Flight", at: NDArray[np.intp], streams: list[np.random.Generator]
    ) -> list[tuple[int, int]]:
        """Let some trajectories jump; which of them took which channel."""
        after = (self._parts.jumps @ flight.psi[:, at]).reshape(-1, self.states, len(at))
        sizes = np.cumsum(np.sum(np.abs(after) ** 2, axis=1), axis=0)
        found = []
        for i, b in enumerate(at.tolist()):
            drawn = streams[b].random() * sizes[-1, i]
            channel = min(int(np.searchsorted(sizes[:, i], drawn, side="right")), len(sizes) - 1)
            ket = after[channel, :, i]
            flight.psi[:, b] = ket / np.linalg.norm(ket)
            flight.threshold[b] = streams[b].random()
            found.append((b, channel))
        return found


class _Flight:
    """Trajectories under way: ψ, (D, B), their times, thresholds of the norm, next output times."""

    def __init__(self, psi: NDArray[np.complex128], thresholds: list[float]):
        self.psi = psi / np.linalg.norm(psi, axis=0)
        self.threshold = np.array(thresholds)
        self.time = np.zeros(len(thresholds))
        self.due = np.zeros(len(thresholds), dtype=int)
