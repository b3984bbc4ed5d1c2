"""How trajectories are divided into batches, and the memory and time they need: arithmetic only.

The Taylor terms of one panel of eight trajectories take most of the memory: 17 C(N, N/2) rows of
128 bytes in each thread. The vectors that wait for the next excitation block take C(N, N/2)
amplitudes of each trajectory of a batch. From full inversion with 101 times, one or two threads
take 43 or 78 MiB at N = 16, 0.55 or 0.97 GiB at N = 20, 2.1 or 3.7 GiB at N = 22, and one thread
takes 8.4 GiB at N = 24.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import comb

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import available_bytes
from collective._tools.speed import speed
from collective.engines.base import Cost, threads_for
from collective.engines.numerics.spectrum import Extent
from collective.engines.request import Request
from collective.states import answers

# repeated from `numerics.lanes` and `kernels`, which cannot be imported without numba
_LANES = 8
_ROUNDS = 16
_AMPLITUDE = 16  # bytes
_SMALL = 1000  # amplitudes of a block; the long Taylor series of smaller ones stay in the cache
_LONG, _SHORT = 24, 16  # Taylor terms
_WAITING = 1 << 19  # amplitudes that wait for the next excitation block, per batch
_BATCHES = (8, 128)  # trajectories in a batch, at least and at most
_RUN_CALLS = 6500.0  # of Python, once
_RADIAN_CALLS = 0.1  # of a step, in addition to its multiplications
_TRAJECTORY_CALLS = 12.0
_OUTPUT_ENTRIES = 2.4  # per output time and pair of emitters, while anything is excited
_DARK_ENTRIES = 1.0  # per output time and emitter
_MULTIPLY_FLOPS = 28.0  # of BLAS, in the time of a complex multiply-add
_PASSES = 16.0  # applications of H_eff in an excitation block, in addition to …
_PASSES_PER_PHASE = 1.8  # … those for each radian of phase
_SLOWEST = 1e-300  # smallest rate in a denominator
_FREE = 0.7  # of the available memory, which further threads may take


@dataclass(frozen=True)
class Size:
    """Batches, memory and work of trajectories of N emitters.

    Attributes:
        n: N.
        top: largest number of excitations.
        steps: output times T.
        batch: trajectories that one thread draws together.
        threads: threads that draw batches at the same time.
        mixed: whether a configuration is drawn for each trajectory at its start.
    """

    n: int
    top: int
    steps: int
    batch: int
    threads: int
    mixed: bool = False

    @classmethod
    def of(
        cls, n: int, top: int, steps: int, count: int, threads: int, mixed: bool = False
    ) -> "Size":
        """The size for `count` trajectories and at most `threads` threads.

        The batch depends on N, the state and the count, never on the machine, so the numbers do not
        depend on the machine either. Runs with different counts agree in every digit in the
        batches that both complete, and to round-off in the last batch of the smaller count.
        """
        widest = max(comb(n, k) for k in range(top + 1))
        batch = _BATCHES[1]
        while batch > _BATCHES[0] and batch * widest > _WAITING:
            batch //= 2
        batch = min(batch, count)
        return cls(n, top, steps, batch, max(1, min(threads, -(-count // batch))), mixed)

    @staticmethod
    def terms(width: int) -> int:
        """The index of the highest term of a Taylor series of `width` amplitudes."""
        return _LONG if width <= _SMALL else _SHORT

    @cached_property
    def widths(self) -> list[int]:
        """The numbers C(N, k) for k = 0 … top."""
        return [comb(self.n, k) for k in range(self.top + 1)]

    @property
    def widest(self) -> int:
        """The largest number of amplitudes of an excitation block."""
        return max(self.widths)

    @property
    def rows(self) -> int:
        """The largest number of rows of all terms of a series."""
        return max((self.terms(width) + 1) * width for width in self.widths)

    @property
    def shared_bytes(self) -> int:
        """Bytes of the tables of lowered configurations and excited emitters, at their peak."""
        n = self.n
        lowered = [self.widths[k - 1] * (n - k + 1) for k in range(1, self.top + 1)]
        occupied = [self.widths[k] * k for k in range(1, self.top + 1)]
        configurations = 8 * sum(self.widths)
        making = 33 * max(lowered, default=0)
        if self.mixed:  # the probability of each configuration, from a table of bits
            configurations += 16 * sum(self.widths)
            making = max(making, 17 * n * self.widest)
        return configurations + 5 * sum(lowered) + sum(occupied) + making

    def thread_bytes(self, correlated: bool) -> int:
        """Bytes of the panels, waiting vectors and records of one thread."""
        n = self.n
        panels = _LANES * _AMPLITUDE * (self.rows + self.widest + n**2) + 64 * _ROUNDS * (n + 3)
        records = 8 * self.batch * self.steps * (n + 2)
        pairs = 64 * self.steps * n**2 if correlated else 0
        return panels + records + pairs + _AMPLITUDE * self.batch * self.widest

    def total_bytes(self, count: int, correlated: bool) -> int:
        """Bytes at the peak, with the jump record of `count` trajectories."""
        jumps = 48 * count * self.top
        return self.shared_bytes + self.threads * self.thread_bytes(correlated) + jumps

    def seconds(
        self, count: int, extent: Extent, times: NDArray[np.float64], typical: int
    ) -> float:
        """Seconds that `count` trajectories take.

        A trajectory leaves an excitation block after a time between the lifetime of its slowest
        emitters alone and the lifetime of its darkest state. The geometric mean of the two is
        used.

        Args:
            count: number of trajectories.
            extent: rates of the problem.
            times: output times.
            typical: number of excitations of most trajectories at the start.
        """
        s, n, span = speed(), self.n, float(np.ptp(times))
        # the excitations that decay fast are lost first
        alone = np.sort(np.diagonal(extent.couplings.decay).real)
        work = until = radians = 0.0
        for k in range(min(self.top, typical), 0, -1):
            pairs = self.widths[k] * k * (n - k + 1)
            darkest = max(extent.lasting(k), _SLOWEST)
            typically = max(float(alone[:k].sum()), k * _SLOWEST)
            lasting = min(span, 1 / (np.sqrt(darkest) * np.sqrt(typically)))
            turned = (extent.frequency(k) + extent.decay(k)) / 2 * float(lasting)
            work += pairs * (_PASSES + _PASSES_PER_PHASE * turned)
            radians += turned
            until += float(lasting)
        excited = np.searchsorted(times, times[0] + until) if until else 0
        outputs = _OUTPUT_ENTRIES * excited * n**2 + _DARK_ENTRIES * self.steps * (n + 2)
        each = _TRAJECTORY_CALLS * s.call + float(outputs) * s.entry
        each += _MULTIPLY_FLOPS * work * s.flop
        # the trajectories of one panel share the overhead of its steps
        together = -(-count // _LANES) * _LANES
        stepped = together * _RADIAN_CALLS * radians * s.call
        return _RUN_CALLS * s.call + (count * each + stepped) / self.threads


def size_for(request: Request, count: int) -> Size:
    """The batches and threads of a request: all threads that are allowed and fit into memory.

    The number of threads depends on the memory that is free now: when the run starts it may be
    smaller than when the cost was predicted. The results do not depend on it.
    """
    n = len(request.couplings)
    top = answers.highest_excitation(request.state, n)
    mixed = answers.probabilities_of(request.state, n) is not None
    size = Size.of(n, top, len(request.times), count, threads_for(request), mixed)
    available = available_bytes()
    if available is None:
        return size
    rest = int(_FREE * available) - size.shared_bytes
    fitting = rest // size.thread_bytes("correlations" in request.words)
    return replace(size, threads=max(1, min(size.threads, fitting)))


def cost_within_blocks(request: Request, count: int, work: str) -> Cost:
    """Predict memory and time of `count` trajectories within excitation blocks.

    Args:
        request: a request of couplings that only decay.
        count: number of trajectories.
        work: a text for `Cost.work`.
    """
    size, n = size_for(request, count), len(request.couplings)
    correlated = "correlations" in request.words
    held = size.total_bytes(count, correlated)
    if request.checkpointed:  # one more copy of the jump record, and three of the correlations
        held += 24 * count * size.top + (56 * n * n * size.steps if correlated else 0)
    extent = Extent(request.couplings, size.top)
    return Cost(
        held,
        size.seconds(count, extent, request.times, _typical(request, size.top)),
        f"{work}, up to C({n}, {size.widths.index(size.widest)}) = {size.widest:,} amplitudes",
    )


def _typical(request: Request, top: int) -> int:
    """The number of excitations with which most trajectories start, at most `top`."""
    return min(top, answers.typical_excitation(request.state, len(request.couplings)))
