"""The protocol of objects that draw trajectories, and the threads that draw batches of them."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collective.engines.trajectories.means import Batch


class Stopped(Exception):  # noqa: N818 - no error
    """Raised in a thread that shall stop."""


class Sampler(Protocol):
    """Draws trajectories, in one of two ways: within excitation blocks or with all amplitudes.

    Attributes:
        extra: how many numbers X per time get no error: ⟨σ⁺_mσ⁻_n⟩ (N²) if wanted, then operators.
        batch: how many trajectories are drawn together.
        threads: how many threads draw.
    """

    extra: int
    batch: int
    threads: int

    def prepare(self) -> None:
        """Compute what every `draw` needs."""
        ...

    def draw(self, seed: int, first: int, count: int) -> Batch:
        """The batch of trajectories first … first + count − 1 of a seed."""
        ...

    def initial(self) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Exact values at the initial time: (1, N + 2) of those with an error, (1, X) others."""
        ...

    def stop(self) -> None:
        """Make every `draw` in another thread end soon."""
        ...


def batches(sampler: Sampler, seed: int, first: int, last: int) -> Generator[Batch]:
    """Yield batches of trajectories in their order, drawn by the threads of the sampler."""
    starts: Iterator[int] = iter(range(first, last, sampler.batch))
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
