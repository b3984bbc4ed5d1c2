r"""Trajectories within excitation blocks: each has a definite number of excitations at any time.

Without drive, pump and dephasing a trajectory that starts with k excitations has k of them until
its first photon, then k−1, and so on: its state is one vector of C(N, k) amplitudes,

.. math:: \dot ψ = −iH_\mathrm{eff}ψ, \qquad ψ → L_νψ/‖L_νψ‖ \text{ at rate } ‖L_νψ‖^2/‖ψ‖^2,

L_ν = √γ_ν Σ_n (V†)_νn σ⁻_n with Γ = V diag(γ) V† (Dalibard, Castin & Mølmer, Phys. Rev. Lett. 68,
580 (1992)). The jump occurs when ∫rate dt reaches −ln of a uniform random number.

Trajectories are drawn in batches, each by one thread. All trajectories of a batch pass through one
excitation block before any enters the next, eight at a time in the lanes of a panel (`kernels`). A
lane whose trajectory has jumped continues with another one. Only the vectors of one batch wait for
the next block. Trajectory i takes its random numbers from row i of one table, which a counter-based
generator (Philox) can enter at any row. Batches do not depend on the number of threads, and neither
does any digit of the result.
"""

import threading
from dataclasses import dataclass
from functools import cached_property
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import announced
from collective.couplings.modes import emitting, jump_modes
from collective.engines.basis.configurations import (
    ExcitationBlocks,
    interaction_energies,
    one_excitation,
)
from collective.engines.numerics.lanes import LANES
from collective.engines.request import Request
from collective.engines.trajectories import kernels
from collective.engines.trajectories.means import Batch, batch, uniform
from collective.engines.trajectories.sampler import Stopped
from collective.engines.trajectories.size import Size
from collective.engines.trajectories.starts import Configurations, Vectors, starts
from collective.states.answers import highest_excitation

_COMPILE_SECONDS = 10
_UNINTERRUPTED = 2e9  # multiply-adds without a pause: some tenths of a second
_STEP = 2e4  # multiply-adds that take as long as the overhead of a step
_END = -1  # in place of a channel: no photon before the end of the times


@dataclass(frozen=True, eq=False)
class _Tables:
    """Tables that the kernels need for k excitations.

    Attributes:
        n: C(N, k).
        arrays: `tables` of `kernels.evolve`.
        loss: k times the mean of the diagonal of Γ.
        most: index of the highest Taylor term.
        budget: number of steps after which the kernel returns, so that Ctrl-C is noticed.
    """

    n: np.uint64
    arrays: tuple[NDArray[Any], ...]
    loss: float
    most: int
    budget: int


@dataclass(frozen=True, eq=False)
class _Workspace:
    """The arrays of one thread: panels of the kernels, amplitudes and values of a batch."""

    panels: tuple[NDArray[Any], ...]
    slots: NDArray[np.float64]
    record: NDArray[np.float64]


class BlockSampler:
    """Draws trajectories of undriven couplings, some at a time.

    Args:
        request: a request that the engine does not refuse.
        size: memory and batches, see `Size`.
    """

    def __init__(self, request: Request, size: Size):
        self.request, self.size = request, size
        couplings = request.couplings
        self.n = len(couplings)
        self.times = np.array(request.times)  # kernels are not compiled for read-only arrays
        self.top = highest_excitation(request.state, self.n)
        self.blocks = ExcitationBlocks(self.n, self.top)
        h = one_excitation(couplings)
        self.loss = float(-2 * np.mean(np.diagonal(h)).imag)
        h = h - np.mean(np.diagonal(h)) * np.eye(self.n)
        self.h = np.ascontiguousarray(np.stack([h.real, h.imag], axis=-1))
        rates, vectors = jump_modes(couplings.decay)
        # the brightest channels first, because they are drawn most often
        self.kept = np.flatnonzero(emitting(rates))[::-1]
        weights = (np.sqrt(rates[self.kept]) * vectors[:, self.kept].conj()).T
        self.channels = np.ascontiguousarray(np.stack([weights.real, weights.imag], axis=-1))
        self.correlated = "correlations" in request.words
        self.extra = self.n**2 if self.correlated else 0
        self.batch, self.threads = size.batch, size.threads
        self._stopped = threading.Event()
        self._idle: SimpleQueue[_Workspace] = SimpleQueue()

    def prepare(self) -> None:
        """Build the tables, and allocate the arrays of every thread."""
        _ = self.starts, self.by_number
        for _ in range(self.size.threads):
            self._idle.put(self._workspace())

    def stop(self) -> None:
        """Make every thread end soon, without completing its batch."""
        self._stopped.set()

    def _workspace(self) -> _Workspace:
        size, rounds = self.size, kernels.ROUNDS
        panels = (
            np.zeros((size.rows, 2, LANES)),
            np.zeros((size.widest, 2, LANES)),
            np.zeros((rounds, 1, LANES)),
            np.zeros((rounds, 2, LANES)),
            np.zeros((rounds, self.n, LANES)),
            np.zeros((self.n**2, 2, LANES)),
        )
        record = np.zeros((size.batch, len(self.times), self.n + 2))
        return _Workspace(panels, np.zeros((size.batch, size.widest, 2)), record)

    @cached_property
    def starts(self) -> Vectors | Configurations:
        """The initial vectors with their weights."""
        return starts(self.request.state, self.blocks, self.request.couplings.emitters)

    @cached_property
    def by_number(self) -> list[_Tables]:
        """The tables of k = 1 … top, at index k."""
        empty = _Tables(np.uint64(1), (), 0.0, 0, 0)
        found = [empty]
        for k in range(1, self.top + 1):
            places, who = self.blocks.raised(k - 1)
            occupied = self.blocks.occupied(k)
            n = len(occupied)
            most = self.size.terms(n)
            work = LANES * 4 * most * places.size * places.shape[1]
            found.append(
                _Tables(
                    np.uint64(n),
                    (
                        places,
                        who.astype(np.uint8),
                        occupied.astype(np.uint8),
                        self.h,
                        self._energies(k),
                    ),
                    k * self.loss,
                    most,
                    max(1, int(_UNINTERRUPTED / (work + _STEP))),
                )
            )
        return found

    def _energies(self, k: int) -> NDArray[np.float64]:
        """Ising energies of the configurations without their mean, (n,); (0,) for none."""
        ising = self.request.couplings.ising
        if ising is None:
            return np.zeros(0)
        found = interaction_energies(ising, self.blocks.configurations(k))
        return found - found.mean()

    def initial(self) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """The exact values at the initial time: (1, N + 2), and ⟨σ⁺_mσ⁻_n⟩ as (1, N²) if wanted."""
        pairs = self.starts.pairs(self.blocks)
        populations = np.diagonal(pairs).real
        emission = np.sum(self.request.couplings.decay * pairs).real
        values = np.array([[emission, populations.sum(), *populations]])
        return values, pairs.reshape(1, -1)[:, : self.extra]

    def draw(self, seed: int, first: int, count: int) -> Batch:
        """The batch of trajectories first … first + count − 1 of a seed."""
        work = self._idle.get()
        try:
            return self._draw(work, seed, first, count)
        finally:
            self._idle.put(work)

    def _draw(self, work: _Workspace, seed: int, first: int, count: int) -> Batch:
        chances = uniform(seed, first, count, 1 + 2 * self.top)
        steps, n = len(self.times), self.n
        record = work.record[:count]
        record[:] = 0.0
        pairs = np.zeros((steps if self.correlated else 0, n, n, 2))
        now = np.zeros(count)
        left, following = np.zeros(count), np.zeros(count, np.int64)
        photons = np.zeros((count, self.top))
        channels = np.full((count, self.top), _END)
        starts = self._start(work.slots, chances[:, 0])
        arrived = np.empty(0, np.int64)
        for k in range(self.top, 0, -1):
            queue = np.concatenate([np.flatnonzero(starts == k), arrived])
            column = self.top - k
            left[queue] = -np.log1p(-chances[queue, 1 + 2 * column])
            # sorted, so that neighbouring lanes need as many terms and pass as many output times
            queue = queue[np.argsort(left[queue], kind="stable")]
            jumped = np.zeros(count, np.bool_)
            batch_state = (
                work.slots, np.full(LANES, -1), queue, np.zeros(1, np.int64),
                now, left, following, jumped,
            )  # fmt: skip
            tables = self.by_number[k]
            done = False
            while not done:
                if self._stopped.is_set():
                    raise Stopped
                done = kernels.evolve(
                    k, tables.loss, tables.most, tables.n, tables.arrays,
                    work.panels, batch_state, self.times, record, pairs, tables.budget,
                )  # fmt: skip
            arrived = np.flatnonzero(jumped)
            photons[arrived, column] = self.request.user_time(now[arrived])
            self._jump(k, work, arrived, chances[:, 2 + 2 * column], channels[:, column])
        trajectory, place = np.nonzero(channels != _END)
        jumps = (trajectory, photons[trajectory, place], self.kept[channels[trajectory, place]])
        sums = _hermitian(pairs[..., 0] + 1j * pairs[..., 1]).reshape(steps, self.extra)
        return batch(record, sums, jumps)

    def _start(self, slots: NDArray[np.float64], chances: NDArray[np.float64]) -> NDArray[np.int64]:
        """Draw the initial vectors into the slots; returns their excitation numbers."""
        numbers = np.zeros(len(chances), np.int64)
        for i, member in enumerate(self.starts.drawn(chances)):
            numbers[i], vector = self.starts.member(member)
            slots[i, : len(vector), 0] = vector.real
            slots[i, : len(vector), 1] = vector.imag
        return numbers

    def _jump(
        self,
        k: int,
        work: _Workspace,
        arrived: NDArray[np.int64],
        chances: NDArray[np.float64],
        channels: NDArray[np.int64],
    ) -> None:
        """Apply the jumps of these trajectories, eight at a time."""
        chances, chosen = np.ascontiguousarray(chances), np.full(len(chances), _END)
        tables = self.by_number[k]
        for i in range(0, len(arrived), LANES):
            members = arrived[i : i + LANES]
            kernels.jump(
                tables.n, tables.arrays, self.channels, work.panels, work.slots,
                members, chances, chosen,
            )  # fmt: skip
        channels[:] = chosen


def _hermitian(upper: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Hermitian matrices (T, N, N) from their entries l ≤ m."""
    lower = np.swapaxes(upper, 1, 2).conj()
    return np.where(np.tri(upper.shape[1], k=-1, dtype=bool), lower, upper)


def compile_kernels(*, show: bool) -> None:
    """Compile the kernels, or read them from the cache.

    Args:
        show: whether to print a line if it takes a while.
    """
    with announced("the trajectories engine", _COMPILE_SECONDS, show=show):
        _call_kernels()


def _call_kernels() -> None:
    """Call every kernel once, for two emitters."""
    from collective.couplings.couplings import Couplings
    from collective.states import inverted

    couplings = Couplings([[1.0, 0.5], [0.5, 1.0]], [[0.0, 1.0], [1.0, 0.0]])
    request = Request(couplings, inverted(), np.array([0.0, 1.0]), frozenset(["correlations"]))
    size = Size(2, 2, 2, 8, 1)
    tiny = BlockSampler(request, size)
    tiny._idle.put(tiny._workspace())
    tiny.draw(1, 0, 8)
