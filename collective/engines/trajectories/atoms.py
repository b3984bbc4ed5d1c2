r"""Quantum jumps of atoms with manifolds: all L^N amplitudes, many trajectories at a time.

.. math:: \dot ψ = −iKψ, \qquad K = H − \tfrac i2\sum_ν L_ν^†L_ν

Every trajectory has a time of its own. A step is one Taylor series, whose vectors
:math:`v_k = (−iKh)^kψ/k!` of all trajectories are products with one sparse matrix. They give ψ at
every time in the step, ψ(xh) = Σ x^k v_k, and their scalar products give the norm as a polynomial
in x. It is solved for the time at which the norm has fallen to the random number of the trajectory,
and the next step begins there, after the jump.

A drive with an envelope f adds fR + f*R† to K. With :math:`f(t + xh) = \sum_j c_jx^j` (see
`pulse_pieces`) a step is a series in x all the same,

.. math:: v_{k+1} = −\frac{ih}{k+1}\Bigl[Kv_k + \sum_j(c_jR + c_j^*R^†)v_{k−j}\Bigr].

The jumps ν are those of `ChannelCouplings.collapse_operators`. Each trajectory has a random stream
of its own, spawned from the seed by its number.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.base import threads_for
from collective.engines.numerics import sparse_rows
from collective.engines.request import Request
from collective.engines.trajectories.atom_parts import EffectiveParts, parts_of
from collective.engines.trajectories.atom_reading import Reader
from collective.engines.trajectories.means import Batch, batch
from collective.engines.trajectories.norms import crossing, norms_of, power_sum
from collective.engines.trajectories.pulse_pieces import DEGREE, Pieces
from collective.states import State
from collective.states.of_atoms import ket_of

TERMS = 24  # of a Taylor series
RADIUS = 3.0  # |K|h of a step: the first term left out is 3²⁴/24! = 5·10⁻¹³
AT_ONCE = 2**22  # numbers of all Taylor vectors of a batch
_MOST = 64  # trajectories of a batch
_LAST = 1e-12  # of the last term of a series under a pulse, relative to ψ
_STILL = 1e-15  # relative to the largest rate: a state that changes less stays as it is
_EMPTY = 1e-14  # parts of ρ with a smaller weight are left out


def batch_of(states: int) -> int:
    """How many trajectories of so many amplitudes are drawn together."""
    return max(1, min(_MOST, AT_ONCE // (TERMS * states)))


class AtomSampler:
    """Draws trajectories of atoms.

    Args:
        request: a request of `ChannelCouplings` that the engine does not refuse.
    """

    def __init__(self, request: Request):
        self.request, self.channels = request, request.channels
        self.times = request.times
        atoms = self.channels.atoms
        self.states = len(atoms.levels) ** len(self.channels)
        self.batch, self.threads = batch_of(self.states), threads_for(request)
        self.correlated = "correlations" in request.words
        self.extra = len(request.operators)
        self.extra += len(self.channels.decay) ** 2 if self.correlated else 0
        self._stopped = False

    def prepare(self) -> None:
        """Build the operators and the initial kets."""
        _ = self._step, self._pulse, self._ensemble, self._reader
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
    def _pulse(self) -> tuple[Pieces, sparse_rows.Rows, sparse_rows.Rows] | None:
        """The envelope, −iRh and −iR†h; None without an envelope."""
        h, raising, envelope = self._step[0], self._parts.raising, self.request.envelope
        timeline = self.request.timeline
        if envelope is None or raising is None or timeline is None:
            return None
        pieces = Pieces(
            envelope, timeline, h, self._parts.turning, float(np.abs(self.request.pulse).max())
        )
        up, down = (sparse_rows.rows_of(each, -1j * h) for each in (raising, raising.conj().T))
        return pieces, up, down

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.request)

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
        values, others = self._reader.read(kets, np.zeros(len(weights)))
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
        values = np.zeros((count, len(self.times), 2 + self._reader.populations))
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
        times = self.times
        terms, h, reach = self._series(flight, at)
        norms = norms_of(terms)
        left = (times[-1] - flight.time[at]) / h
        x = np.minimum(left, reach)
        jumping = power_sum(norms, x) < flight.threshold[at]
        x[jumping] = crossing(norms[:, jumping], x[jumping], flight.threshold[at[jumping]])
        self._record(flight, at, x, h, terms, values, sums)
        flight.psi[:, at] = np.einsum("kib,kb->ib", terms, x ** np.arange(TERMS + 1)[:, None])
        ending = (x == left) & ~jumping
        flight.time[at] = np.where(ending, times[-1], flight.time[at] + x * h)
        return at[jumping]

    def _series(
        self, flight: "_Flight", at: NDArray[np.intp]
    ) -> tuple[NDArray[np.complex128], Any, Any]:
        """The vectors of Taylor series, the steps h, and up to which x the series are right."""
        h, matrix = self._step
        terms = np.empty((TERMS + 1, self.states, len(at)), dtype=complex)
        terms[0] = flight.psi[:, at]
        if self._pulse is None:
            for k in range(1, TERMS + 1):
                sparse_rows.multiply(matrix, terms[k - 1], terms[k], 0, self.states)
                terms[k] /= k
            return terms, h, 1.0
        pieces, up, down = self._pulse
        steps, pulse = pieces.steps(flight.time[at], h)
        raised, lowered = (np.empty_like(terms[:-1]) for _ in range(2))
        kept = [j for j in range(DEGREE + 1) if np.any(pulse[j])]
        for k in range(1, TERMS + 1):
            before = terms[k - 1]
            for each, out in ((matrix, terms[k]), (up, raised[k - 1]), (down, lowered[k - 1])):
                sparse_rows.multiply(each, before, out, 0, self.states)
            for j in kept:
                if j < k:
                    terms[k] += pulse[j] * raised[k - 1 - j]
                    terms[k] += pulse[j].conj() * lowered[k - 1 - j]
            terms[k] *= steps / h / k
        sizes = np.linalg.norm(terms[-1], axis=0) / np.linalg.norm(terms[0], axis=0)
        reach = (_LAST / np.maximum(sizes, _LAST)) ** (1 / TERMS)
        return terms, steps, reach

    def _still(self, flight: "_Flight", at: NDArray[np.intp]) -> list[int]:
        """Those of some trajectories that have reached a state that stays as it is."""
        if self._pulse is not None:  # which may move it later
            return []
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
            values[b, first:], others = self._reader.read(kets, later[: kets.shape[1]])
            sums[first:] += others
        flight.due[b] = len(self.times)

    def _record(
        self,
        flight: "_Flight",
        at: NDArray[np.intp],
        x: NDArray[np.float64],
        h: float | NDArray[np.float64],
        terms: NDArray[np.complex128],
        values: NDArray[np.float64],
        sums: NDArray[np.complex128],
    ) -> None:
        """Record the output times that trajectories pass in a step of length xh."""
        times, h = self.times, np.broadcast_to(h, len(at))
        until = flight.time[at] + x * h
        until[until > times[-1] - 1e-12 * self._step[0]] = times[-1]
        last = np.searchsorted(times, until, side="right")
        powers = np.arange(TERMS + 1)[:, None]
        columns = np.flatnonzero(last > flight.due[at])
        together = max(1, AT_ONCE // (self.states * max(1, int((last - flight.due[at]).max()))))
        for i in range(0, len(columns), together):
            kets, where = [], []
            for column in columns[i : i + together].tolist():
                b = int(at[column])
                inside = np.arange(flight.due[b], last[column])
                share = np.maximum(times[inside] - flight.time[b], 0.0) / h[column]
                kets.append(terms[:, :, column].T @ share**powers)
                where.append((np.full(len(inside), b), inside))
            which, index = (np.concatenate(part) for part in zip(*where, strict=True))
            values[which, index], others = self._reader.read(
                np.concatenate(kets, axis=1), times[index]
            )
            np.add.at(sums, index, others)
        flight.due[at] = np.maximum(last, flight.due[at])

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
