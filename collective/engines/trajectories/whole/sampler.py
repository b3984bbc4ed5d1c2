r"""Trajectories of driven, pumped or dephased emitters, and of any operator: all 2^N amplitudes.

.. math:: \dot ψ = −iH_\mathrm{eff}ψ, \qquad H_\mathrm{eff} = H − \frac{i}{2}\sum_j c_j^†c_j, \qquad
          ψ → c_jψ/‖c_jψ‖ \text{ at rate } ‖c_jψ‖^2/‖ψ‖^2

with H and the jumps c_j of `Couplings.hamiltonian` and `Couplings.collapse_operators`, whose order
the channels follow (Dalibard, Castin & Mølmer, Phys. Rev. Lett. 68, 580 (1992)). No matrix of H_eff
is stored: hops and the drive act on eight trajectories at once in the lanes of a panel
(`kernels`). Trajectory i takes its random numbers from a generator whose counter is i
(`philox`), and every step follows from this trajectory alone. So no digit of a trajectory depends
on the number of threads or on how many others are drawn.

All trajectories from one ket are alike before their first jump. This path is computed once; each
trajectory begins with the step in which it jumps. If a permutation of the emitters leaves problem
and state unchanged, the populations and ⟨σ⁺_mσ⁻_n⟩ of every trajectory are replaced by their means
over the permutations: the expectation values are the same, and the standard errors smaller.
"""

import threading
from functools import cached_property
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import announced
from collective.couplings.couplings import Couplings
from collective.engines.basis.symmetries import group, mean_over, same_pairs
from collective.engines.numerics.lanes import LANES
from collective.engines.numerics.pieces import pieces_of
from collective.engines.request import Request
from collective.engines.trajectories.means import Batch, batch, uniform
from collective.engines.trajectories.philox import key_of
from collective.engines.trajectories.sampler import Stopped
from collective.engines.trajectories.whole import kernels
from collective.engines.trajectories.whole.arrays import (
    Lanes,
    Observed,
    Path,
    Pulse,
    Tables,
    Work,
    tables,
    turned,
    workspace,
)
from collective.engines.trajectories.whole.inputs import ensemble_of, initial_values, observed_of
from collective.engines.trajectories.whole.size import WholeSize

_COMPILE_SECONDS = 20
_UNINTERRUPTED = 1e9  # multiply-adds without a pause: some tenths of a second
_CLICKS = 1024  # jumps that are recorded between two pauses
_MOSTLY_JUMPED = 12.0  # ∫rate dt up to which few trajectories have no jump
_SHARE = 0.1  # of rtol, for the last term of each series


class WholeSampler:
    """Draws trajectories of any couplings, some at a time.

    Args:
        request: a request of `Couplings` that the engine does not refuse.
        size: memory and batches, see `WholeSize`.
    """

    def __init__(self, request: Request, size: WholeSize):
        self.request, self.size = request, size
        self.n, self.rows = len(request.couplings), 1 << len(request.couplings)
        self.times = np.array(request.times)  # kernels are not compiled for read-only arrays
        self.correlated = "correlations" in request.words
        self.pairs = self.n**2 if self.correlated else 0
        self.extra = self.pairs + len(request.operators)
        self.batch, self.threads = size.batch, size.threads
        self.tolerance = max(_SHARE * request.rtol, 10 * float(np.finfo(float).eps))
        self._stopped = threading.Event()
        self._idle: SimpleQueue[Work] = SimpleQueue()

    def prepare(self) -> None:
        """Build the tables, and allocate the memory of every thread."""
        _ = self.tables, self.pulse, self.observed, self._ensemble, self._same
        powers = self.pulse.coefficients.shape[1]
        spaces = [
            workspace(self.n, self.size.terms, self.size.pitch, powers)
            for _ in range(self.size.threads)
        ]
        self._path = self._common_path(spaces[0])
        for each in spaces:
            self._idle.put(each)

    def _common_path(self, work: Work) -> Path:
        """The evolution before the first jump, which is the same for all from one ket."""
        kets, steps = self._ensemble[1], len(self.times)
        record, means = np.zeros((1, steps, self.n + 2)), np.zeros((steps, self.extra, 2))
        none = Path(
            kets=np.zeros((0, self.rows, 2)),
            now=np.zeros(0),
            scale=np.zeros(0),
            spent=np.zeros(0),
            following=np.zeros(0, np.int64),
            piece=np.zeros(0, np.int64),
            record=record[0],
            means=means,
            ended=np.zeros(1, np.bool_),
        )
        if kets is None or len(kets) > 1 or self.size.batch < LANES or steps == 1:
            return none
        state = self._begin(np.zeros(1))
        state.cursor[0], state.lanes[0], state.left[0] = 1, 0, np.inf  # it never jumps
        state.now[0], state.scale[0] = self.times[0], np.ldexp(1.0, np.frexp(self.size.reach)[1])
        work.x[: self.rows, 0, 0], work.x[: self.rows, 1, 0] = kets[0].real, kets[0].imag
        passed: list[NDArray[np.float64]] = []
        places: list[tuple[Any, ...]] = []
        spent: list[float] = []
        ended = False
        while not ended and sum(spent) < _MOSTLY_JUMPED and len(spent) < self.size.longest_path:
            passed.append(work.x[: self.rows, :, 0].copy())
            here = (state.now, state.scale, state.following, state.piece)
            places.append(tuple(each[0] for each in here))
            ended = bool(state.now[0] >= self.times[-1])
            if not ended:
                self._evolve(work, state, none, record, means, 0, 0, 1)
                spent.append(float(state.spent[0]))
        spent[len(places) - 1 :] = [np.inf]
        now, scale, following, piece = (np.array(each) for each in zip(*places, strict=True))
        return Path(
            kets=np.array(passed),
            now=now,
            scale=scale,
            spent=np.array(spent),
            following=following,
            piece=piece,
            record=record[0],
            means=means,
            ended=np.array([ended]),
        )

    def stop(self) -> None:
        """Make every thread end soon, without completing its batch."""
        self._stopped.set()

    @cached_property
    def tables(self) -> Tables:
        """What the kernels know of the problem."""
        return tables(self.request.couplings, self._phases)

    @cached_property
    def _phases(self) -> NDArray[np.complex128]:
        return turned(self.request.couplings)

    @cached_property
    def _basis(self) -> NDArray[np.complex128]:
        """The phase factor of each basis state, (2^N,)."""
        every = np.arange(self.rows)
        found = np.ones(self.rows, complex)
        for m, phase in enumerate(self._phases):
            found[every >> m & 1 == 1] *= phase
        return found

    @cached_property
    def pulse(self) -> Pulse:
        """The envelope as polynomials."""
        request, shape, times = self.request, self.request.envelope, self.times
        if shape is None or len(times) == 1:
            return Pulse(self.times[[0, -1]].copy(), np.zeros((1, 0, 2)))
        strength = 0.5 * float(np.abs(request.couplings.drive).sum())
        edges, coefficients = pieces_of(
            shape, times, request.rtol, strength, request.user_time, request.timeline
        )
        return Pulse(edges, np.stack([coefficients.real, coefficients.imag], axis=-1))

    @cached_property
    def observed(self) -> Observed:
        """The operators of the user."""
        return observed_of(self.request, self._basis)

    @cached_property
    def _same(self) -> NDArray[np.int64]:
        """One number for each ordered pair, equal if permutations turn pairs into each other."""
        return same_pairs(np.array(group(self.request)))

    @cached_property
    def _ensemble(self) -> tuple[NDArray[np.float64], NDArray[np.complex128] | None]:
        """The weights of the initial kets, and the kets; see `ensemble_of`."""
        return ensemble_of(self.request, self._basis)

    def initial(self) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """The exact values at the initial time, (1, N + 2), and those without an error, (1, X).

        They are computed from the kets, so that ρ with its 4^N entries is never built.
        """
        values, pairs, means = initial_values(
            self.request, self._ensemble, self.observed, self._phases
        )
        return values, np.concatenate([pairs.ravel()[: self.pairs], means])[None, :]

    def draw(self, seed: int, first: int, count: int) -> Batch:
        """The batch of trajectories first … first + count − 1 of a seed."""
        work = self._idle.get()
        try:
            return self._draw(work, seed, first, count)
        finally:
            self._idle.put(work)

    def _draw(self, work: Work, seed: int, first: int, count: int) -> Batch:
        steps = len(self.times)
        state = self._begin(uniform(seed, first, count, 1)[:, 0])
        record, means = np.zeros((count, steps, self.n + 2)), np.zeros((steps, self.extra, 2))
        clicks: list[tuple[NDArray[np.float64], NDArray[np.int64]]] = []
        reason = kernels.PAUSED
        while reason != kernels.DONE:
            if self._stopped.is_set():
                raise Stopped
            reason = self._evolve(work, state, self._path, record, means, seed, first, self._budget)
            found = state.cursor[1]
            clicks.append((state.click_times[:found].copy(), state.clicks[:found].copy()))
            state.cursor[1] = 0
        moments = np.concatenate([t for t, _ in clicks])
        which = np.concatenate([c for _, c in clicks])
        order = np.argsort(which[:, 0], kind="stable")  # lanes record in order of time
        jumps = (which[order, 0], self.request.user_time(moments[order]), which[order, 1])
        return batch(self._averaged(record), self._sums(means), jumps)

    def _evolve(
        self,
        work: Work,
        state: Lanes,
        path: Path,
        record: NDArray[np.float64],
        means: NDArray[np.float64],
        seed: int,
        first: int,
        budget: int,
    ) -> int:
        """Call the kernel; arguments and answer as there."""
        size, rows = self.size, np.uint64(self.rows)
        found: int = kernels.evolve(
            size.terms, rows, np.uint64(size.pitch), self.tables, self.pulse,
            self.observed, work, state, path, self.times, record, means, key_of(seed), first,
            self.tolerance, size.reach, budget,
        )  # fmt: skip
        return found

    @property
    def _budget(self) -> int:
        """The number of steps between two looks at whether to stop."""
        work = LANES * 4.0 * self.size.terms * self.rows * (self.n**2 / 4 + self.n + 8)
        return max(1, int(_UNINTERRUPTED / work))

    def _begin(self, chances: NDArray[np.float64]) -> Lanes:
        """The state of the lanes before the first trajectory of a batch."""
        weights, kets = self._ensemble
        drawn = np.searchsorted(np.cumsum(weights), chances, side="right")
        members = np.minimum(drawn, np.flatnonzero(weights)[-1]).astype(np.int64)
        parts = np.zeros((0, self.rows, 2))
        if kets is not None:
            parts = np.stack([kets.real, kets.imag], axis=-1)
        return Lanes(
            kets=parts,
            members=members,
            lanes=np.full(LANES, -1),
            cursor=np.zeros(2, np.int64),
            now=np.zeros(LANES),
            left=np.zeros(LANES),
            spent=np.zeros(LANES),
            chances=np.zeros(LANES),
            scale=np.ones(LANES),
            following=np.zeros(LANES, np.int64),
            jumps=np.zeros(LANES, np.int64),
            piece=np.zeros(LANES, np.int64),
            click_times=np.zeros(_CLICKS),
            clicks=np.zeros((_CLICKS, 2), np.int64),
        )

    def _averaged(self, record: NDArray[np.float64]) -> NDArray[np.float64]:
        """The record with populations averaged over permutations that change nothing."""
        weights = mean_over(np.diagonal(self._same))
        for populations in record[:, :, 2:]:  # of one trajectory at a time, to save memory
            populations[:] = populations @ weights
        return record

    def _sums(self, means: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Sums over trajectories of correlations, if wanted, and of operators, (T, X)."""
        found = means[..., 0] + 1j * means[..., 1]
        if self.correlated:
            upper = found[:, : self.pairs].reshape(-1, self.n, self.n)
            lower = np.swapaxes(upper, 1, 2).conj()
            whole = np.where(np.tri(self.n, k=-1, dtype=bool), lower, upper)
            whole = whole * np.outer(self._phases.conj(), self._phases)
            weights = mean_over(self._same.ravel())
            found[:, : self.pairs] = whole.reshape(len(found), -1) @ weights
        return found


def compile_kernels(*, show: bool) -> None:
    """Compile the kernels, or read them from the cache.

    Args:
        show: whether to print a line if it takes a while.
    """
    with announced("the trajectories engine", _COMPILE_SECONDS, show=show):
        couplings = Couplings([[1.0]], [[0.0]], drive=1.0)
        from collective.states import ground

        request = Request(couplings, ground(), np.array([0.0, 1.0]))
        tiny = WholeSampler(request, WholeSize.of(request, 1))
        tiny.prepare()
        tiny.draw(1, 0, 1)
