r"""Batches of samples: from the initial state through all output times, each by one thread.

The spin of an emitter with a Bloch vector along n starts with the component +1 along n, and with
±1, equally likely, in two directions across it. This is the Wigner function of spin ½ on discrete
points, without negative weights. For a mixture, whose Bloch vector r is shorter than 1, the
component along n is −1 with the probability (1 − |r|)/2. All first and second moments are exact,
and spins have the length √3.

Batches depend on N and the number of samples alone, each has random numbers of its own, and they
are added in their order. So no number depends on the threads.
"""

import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from collective.engines.request import Request
from collective.engines.truncated_wigner.means import Batch
from collective.engines.truncated_wigner.model import (
    Model,
    Single,
    batch_size,
    pulse,
    single_emitters,
    steps_between,
)
from collective.engines.truncated_wigner.spins import Spins

_KEPT_RATES = 16  # arrays of rates, at most


class Stopped(Exception):  # noqa: N818 - no error
    """Raised in a thread that shall stop."""


class Sampler:
    """Draws batches of samples.

    Args:
        request: what is asked for.
        model: its equation.
        longest: the longest step.
        bloch: ⟨σ⁻_n⟩ (N,) and ⟨z_n⟩ (N,) of the initial state.
        threads: threads that draw batches at the same time.
    """

    def __init__(
        self,
        request: Request,
        model: Model,
        longest: float,
        bloch: tuple[NDArray[np.complex128], NDArray[np.float64]],
        threads: int,
    ):
        self.request, self.model, self.threads = request, model, threads
        self.steps = len(request.times)
        self.correlated = "correlations" in request.words
        self._frames = frames(*bloch)
        self._stopped = threading.Event()
        self._idle: SimpleQueue[Spins] = SimpleQueue()
        self._counts = steps_between(request.times, longest)
        self._pulses: list[NDArray[np.complex128]] = []
        self._rates: dict[float, NDArray[np.float32]] = {}

    def prepare(self) -> None:
        """Evaluate the envelope, which is a function of the user, in one thread."""
        envelope, times = self.request.envelope, self.request.times
        pieces = self.request.timeline
        if envelope is not None and pieces is not None:
            self._pulses = [
                pulse(float(times[i]), float(times[i + 1]), int(count), envelope, pieces)
                for i, count in enumerate(self._counts)
            ]

    def stop(self) -> None:
        """Make every thread end soon, without completing its batch."""
        self._stopped.set()

    def draw(self, seed: int, index: int, count: int) -> Batch:
        """The batch of that index, with that many samples."""
        rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(index,))))
        spins = self._spins(count)
        self._start(spins, rng)
        n, steps = self.model.n, self.steps
        values = np.empty((4, steps, count), Single)
        mean, scatter = np.empty((steps, 3 + n)), np.empty((steps, 3 + n))
        pairs = np.empty((steps, n, n) if self.correlated else (steps, 0, 0), np.complex64)
        for i in range(steps):
            if i:
                self._move(spins, i - 1, rng)
            now = np.empty((4, count), Single)
            spins.read(now)
            values[:, i] = now
            population = 0.5 + 0.5 * spins.spins[2]
            mean[i, 3:] = population.mean(axis=1)
            scatter[i, 3:] = count * population.var(axis=1)
            if self.correlated:
                pairs[i] = spins.correlations() / count
        self._idle.put(spins)
        wide = values.astype(float)
        if not np.all(np.isfinite(wide)):
            raise FloatingPointError("the spins are not finite: use a shorter step")
        mean[:, :3] = wide[:3].mean(axis=2).T
        scatter[:, :3] = count * wide[:3].var(axis=2).T
        return Batch(count, values[0].T, mean, scatter, wide[3].mean(axis=1), pairs)

    def _spins(self, count: int) -> Spins:
        """The arrays of a batch that no other thread uses."""
        while not self._idle.empty():
            found = self._idle.get()
            if found.samples == count:
                return found
        return Spins(self.model, count)

    def _start(self, spins: Spins, rng: np.random.Generator) -> None:
        """Draw the initial spins."""
        chance, directions = self._frames
        n, count = self.model.n, spins.samples
        signs = 2 * rng.integers(0, 2, (3, n, count), dtype=np.int8).astype(Single) - 1
        signs[0] = np.where(rng.random((n, count), dtype=Single) < chance[:, None], 1, -1)
        x, y, z = np.einsum("inc,nck->ink", directions, signs.transpose(1, 0, 2)).astype(Single)
        spins.spins[0], spins.spins[1], spins.spins[2] = x / 2, -y / 2, z

    def _move(self, spins: Spins, i: int, rng: np.random.Generator) -> None:
        """Move the spins from output time i to the next."""
        count = int(self._counts[i])
        dt = float(self.request.times[i + 1] - self.request.times[i]) / count
        half, whole = self._rates_of(dt / 2), self._rates_of(dt)
        lowered = self.model.drive[0] + 1j * self.model.drive[1]
        drive = self.model.drive.astype(Single)
        spins.alone(half, rng)
        for j in range(count):
            if self._stopped.is_set():
                raise Stopped
            if self._pulses:
                now = self._pulses[i][j] * lowered
                drive = np.array([now.real, now.imag], Single)
            spins.turn(dt, drive, rng)
            spins.alone(whole if j < count - 1 else half, rng)

    def _rates_of(self, dt: float) -> NDArray[np.float32]:
        """`single_emitters` of a step; those of evenly spaced times are kept."""
        known = float(Single(dt))
        if known not in self._rates:
            found = single_emitters(self.model, known)
            if len(self._rates) >= _KEPT_RATES:
                return found
            self._rates[known] = found
        return self._rates[known]


def frames(
    lowered: NDArray[np.complex128], inversion: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The probability of +1 along the Bloch vector (N,), and axes along and across it (3, N, 3).

    Args:
        lowered: ⟨σ⁻_n⟩, (N,).
        inversion: ⟨z_n⟩, (N,).
    """
    vectors = np.array([2 * lowered.real, -2 * lowered.imag, inversion])
    length = np.sqrt(np.sum(vectors**2, axis=0))
    tilted = np.hypot(vectors[0], vectors[1]) > 1e-12 * length
    along = np.where(tilted, vectors / np.where(length > 0, length, 1), [[0.0], [0.0], [1.0]])
    sign = np.where(tilted, length, inversion)  # a mixture without coherence keeps z as its axis
    across = np.where(np.abs(along[2]) < 0.9, [[0.0], [0.0], [1.0]], [[1.0], [0.0], [0.0]])
    first = np.cross(across, along, axis=0)
    first /= np.linalg.norm(first, axis=0)
    second = np.cross(along, first, axis=0)
    chance = np.clip((1 + sign) / 2, 0, 1)
    return chance.astype(Single), np.stack([along, first, second], axis=2).astype(Single)


def batches(sampler: Sampler, seed: int, first: int, last: int) -> Generator[Batch]:
    """Yield batches in their order, drawn by the threads of the sampler.

    Args:
        sampler: what draws.
        seed: of the random numbers.
        first: number of samples drawn before.
        last: number of samples wanted.
    """
    size = batch_size(sampler.model.n)
    starts = iter(range(first, last, size))
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(sampler.threads) as pool:
        try:
            while True:
                while len(waiting) <= sampler.threads:
                    start = next(starts, None)
                    if start is None:
                        break
                    count = min(size, last - start)
                    waiting.append(pool.submit(sampler.draw, seed, start // size, count))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            sampler.stop()
            for future in waiting:
                future.cancel()


def compile_kernels() -> None:
    """Call every kernel once, for two emitters."""
    from collective.couplings.couplings import Couplings
    from collective.states import inverted

    couplings = Couplings(np.eye(2), np.zeros((2, 2)), dephasing=1.0)
    request = Request(couplings, inverted(), np.array([0.0, 0.1]))
    start = np.zeros(2, complex), np.ones(2)
    sampler = Sampler(request, Model.of(couplings), 0.1, start, 1)
    sampler.prepare()
    sampler.draw(1, 0, 2)
