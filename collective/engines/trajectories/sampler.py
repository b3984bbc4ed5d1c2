"""What draws trajectories, and the threads in which batches of them are drawn."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collective.engines.trajectories.means import Batch


class Sampler(Protocol):
    """Draws trajectories, in one of two ways: within excitation blocks or by `mcsolve`.

    Attributes:
        extra: numbers X per time that get no error: ⟨σ⁺_mσ⁻_n⟩ (N²) if wanted, then operators.
        batch: trajectories to be drawn together.
        threads: in which to draw, 0 for the one that asks.
    """

    extra: int
    batch: int
    threads: int

    def prepare(self) -> None:
        """Make what every `draw` needs."""
        ...

    def draw(self, seed: int, first: int, count: int) -> Batch:
        """Trajectories first … first + count − 1 of a seed."""
        ...

    def initial(self) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Exact values at the initial time: (1, N + 2) with an error, (1, X) without."""
        ...

    def stop(self) -> None:
        """Let every `draw` in another thread end soon."""
        ...


def batches(sampler: Sampler, seed: int, first: int, last: int) -> Generator[Batch]:
    """Batches of trajectories in their order, drawn by as many threads as the sampler has."""
    starts: Iterator[int] = iter(range(first, last, sampler.batch))
    if sampler.threads == 0:
        for i in starts:
            yield sampler.draw(seed, i, min(sampler.batch, last - i))
        return
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(sampler.threads) as pool:
        try:
            while True:
                while len(waiting) < 2 * sampler.threads:
                    start = next(starts, None)
                    if start is None:
                        break
                    count = min(sampler.batch, last - start)
                    waiting.append(pool.submit(sampler.draw, seed, start, count))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            sampler.stop()
            for future in waiting:
                future.cancel()
