"""How trajectories are cut into blocks, and what memory and time they take: arithmetic only.

The Taylor terms of one panel of eight trajectories take most: 17 C(N, N/2) rows of 128 bytes in
each thread; the vectors that wait for the next sector take C(N, N/2) amplitudes of each trajectory
of a block. From full inversion with 101 times, one or two threads take 43 or 78 MiB at N = 16,
0.55 or 0.97 GiB at N = 20, 2.1 or 3.7 GiB at N = 22, and 8.4 GiB at N = 24 for one.
"""

from dataclasses import dataclass
from functools import cached_property
from math import comb

# as in `_lanes` and `_trajectories_kernels`, which need numba
_LANES = 8
_ROUNDS = 16
_AMPLITUDE = 16  # bytes
_SMALL = 1000  # amplitudes of a sector whose longer Taylor series stay in the cache
_LONG, _SHORT = 24, 16  # Taylor terms
_WAITING = 1 << 19  # amplitudes that wait for the next sector, per block
_BLOCKS = (8, 128)  # trajectories in a block, at least and at most
_SECONDS_PER_MULTIPLY = 0.15e-9
_SECONDS_PER_TRAJECTORY = 1e-5
_SECONDS_PER_OUTPUT = 4e-9  # and pair of emitters
_PASSES = 16  # applications of H_eff in a sector, beside those that long times take


@dataclass(frozen=True)
class Size:
    """Blocks, memory and work of trajectories of N emitters.

    Attributes:
        n: N.
        top: largest number of excitations.
        steps: output times T.
        block: trajectories drawn together, by one thread.
        threads: that draw blocks at the same time.
    """

    n: int
    top: int
    steps: int
    block: int
    threads: int

    @classmethod
    def of(cls, n: int, top: int, steps: int, count: int, threads: int) -> "Size":
        """For `count` trajectories and at most so many threads.

        The block depends on N, the state and the count, never on the machine, and neither do the
        numbers. Other counts share the trajectories of whole blocks, digit by digit; the last
        block of a smaller count agrees with them to round-off.
        """
        widest = max(comb(n, k) for k in range(top + 1))
        block = _BLOCKS[1]
        while block > _BLOCKS[0] and block * widest > _WAITING:
            block //= 2
        block = min(block, count)
        return cls(n, top, steps, block, max(1, min(threads, -(-count // block))))

    @staticmethod
    def terms(width: int) -> int:
        """Highest term of a Taylor series of so many amplitudes."""
        return _LONG if width <= _SMALL else _SHORT

    @cached_property
    def widths(self) -> list[int]:
        """C(N, k) for k = 0 … top."""
        return [comb(self.n, k) for k in range(self.top + 1)]

    @property
    def widest(self) -> int:
        """Most amplitudes of a sector."""
        return max(self.widths)

    @property
    def rows(self) -> int:
        """Most rows of all terms of a series."""
        return max((self.terms(width) + 1) * width for width in self.widths)

    @property
    def shared_bytes(self) -> int:
        """Tables: where each configuration goes when lowered, who is excited, and their making."""
        n = self.n
        lowered = [self.widths[k - 1] * (n - k + 1) for k in range(1, self.top + 1)]
        occupied = [self.widths[k] * k for k in range(1, self.top + 1)]
        configurations = 8 * sum(self.widths)
        making = 33 * max(lowered, default=0)
        return configurations + 5 * sum(lowered) + sum(occupied) + making

    def thread_bytes(self, correlated: bool) -> int:
        """Panels, waiting vectors and records of one thread."""
        n = self.n
        panels = _LANES * _AMPLITUDE * (self.rows + self.widest + n**2) + 64 * _ROUNDS * (n + 3)
        records = 8 * self.block * self.steps * (n + 2)
        pairs = 64 * self.steps * n**2 if correlated else 0
        return panels + records + pairs + _AMPLITUDE * self.block * self.widest

    def total_bytes(self, count: int, correlated: bool) -> int:
        """Memory at the peak, the jump record of `count` trajectories included."""
        jumps = 48 * count * self.top
        return self.shared_bytes + self.threads * self.thread_bytes(correlated) + jumps

    def seconds(self, count: int, phase: float) -> float:
        """Time of `count` trajectories.

        Args:
            count: of trajectories.
            phase: by which one excitation turns from the first to the last of the times.
        """
        pairs = [0] + [self.widths[k] * k * (self.n - k + 1) for k in range(1, self.top + 1)]
        late = sum(pairs[: self.top // 4 + 2])  # where the last, dark excitations stay
        work = 4 * (_PASSES * sum(pairs) + 2 * phase * late)
        each = _SECONDS_PER_TRAJECTORY + _SECONDS_PER_OUTPUT * self.steps * self.n**2
        return count * (each + _SECONDS_PER_MULTIPLY * work) / self.threads
