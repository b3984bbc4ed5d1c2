r"""Dormand and Prince's method of order 8 for large real vectors, on several threads.

.. math:: k_i = f(t + c_ih,\; y + h\sum_{j<i} a_{ij}k_j), \qquad y(t+h) = y + h\sum_i b_ik_i

It takes the coefficients and the control of the step from SciPy's `DOP853` (Hairer, Nørsett &
Wanner, *Solving Ordinary Differential Equations I*, section II.10). Each sum is formed in one pass
over the vectors, which bytes bound; 13 vectors hold all stages, those of the interpolation
included, because stages 2 to 4 are no longer needed once the later ones are known.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import compiled, in_threads
from collective.engines.numerics.dormand_prince import STAGES, coefficients, trimmed
from collective.pulse.timeline import Timeline

VECTORS = 16  # of the length of y: stages, y at both ends of a step, and one point between
_SHARED = 60_000  # numbers; sums of shorter vectors are formed by one thread
_CHUNK = 1024  # numbers that stay in the fastest cache while all stages are added
_SAFETY, _SLOWER, _FASTER, _ORDER = 0.9, 0.2, 10.0, 8
_OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}


class StepUnderflowError(ArithmeticError):
    """The step has shrunk to nothing: the solution grows without bound, or is not finite."""


class RungeKutta:
    """Solves y' = f(t, y) for a real vector y, with interpolation between the steps.

    The error of a step is at most rtol of the largest distance of a number of its block from that
    block's origin, plus atol, as the root of the mean square over a block.

    Args:
        slope: f, called as ``slope(t, y, out)``; it writes y' to ``out``.
        t: initial time.
        y: initial value, (n,); it is not changed.
        end: no step goes beyond this time.
        rtol: relative tolerance of a step.
        atol: absolute tolerance of a step.
        blocks: the indices at which blocks of y end, ascending; the last is n.
        origins: of the blocks, by default 0: what their numbers tend to, so that small differences
            from it keep their digits.
        step: the length of the first step, or None.
        threads: how many threads form sums of long vectors.
        pool: their pool, or None for one thread.
        pieces: of the time, at whose ends steps stop because the slope may jump there; a step is
            at most as long as its piece allows. None for a slope without jumps.

    Attributes:
        t: the time reached.
        y: the value there. The next step but one overwrites this array.
        step_size: the length of the next step, from which a run can be continued.
        largest: the largest number of every block of y.
        steps: steps so far.
        slopes: calls of f so far.
    """

    def __init__(
        self,
        slope: Callable[[float, NDArray[np.float64], NDArray[np.float64]], None],
        t: float,
        y: NDArray[np.float64],
        end: float,
        *,
        rtol: float,
        atol: float,
        blocks: tuple[int, ...],
        origins: tuple[float, ...] | None = None,
        step: float | None = None,
        threads: int = 1,
        pool: ThreadPoolExecutor | None = None,
        pieces: Timeline | None = None,
    ):
        self._slope, self._end, self._longest = slope, end, np.inf
        self._pieces, self._last = pieces, end
        self._rtol, self._atol = max(rtol, 1e-14), atol
        self._blocks = np.array((0, *blocks))
        self._origins = np.zeros(len(blocks)) if origins is None else np.array(origins)
        self._threads, self._pool = (threads, pool) if len(y) > _SHARED else (1, None)
        self._table = coefficients()
        self._rows = np.array([*range(STAGES + 1), 1, 2, 3])  # where the stages lie
        self._k = np.zeros((STAGES + 1, len(y)))
        self.t, self.y = t, np.array(y, dtype=float)
        self._next, self._between = np.empty_like(self.y), np.empty_like(self.y)
        self._from = t, self.y, 0.0  # where the last step began, and its length
        self._extended = False
        self.steps = self.slopes = 0
        self.largest = self._largest(self.y, np.zeros(len(blocks)))
        self._sizes = self._largest(self.y, self._origins)
        self._enter(t)
        self._evaluate(t, self.y, 0)
        self.step_size = self._first_step() if step is None else step
        if step is not None and pieces is not None and t in pieces.edges[1:-1]:
            self.step_size = min(step, self._first_step())  # as without an interruption

    def step(self) -> None:
        """Advance by one step.

        Raises:
            StepUnderflowError: if the step shrinks to nothing.
        """
        if self.steps:
            self._rows[[0, STAGES]] = self._rows[[STAGES, 0]]  # the last slope is the first
            if self.t == self._end != self._last:
                self._enter(self.t)
                self._evaluate(self.t, self.y, 0)
                self.step_size = min(self.step_size, self._first_step())
        h, rejected = min(self.step_size, self._longest), False
        while True:
            left = self._end - self.t
            size = left if h > 0.999 * left else h
            if not size > 10 * np.finfo(float).eps * max(abs(self.t), abs(self._end)):
                raise StepUnderflowError(f"the step shrinks to nothing at t = {self.t:g}")
            self._try(size)
            error, largest, sizes = self._error(size)
            if error < 1:
                break
            rejected = True
            factor = _SAFETY * error ** (-1 / _ORDER) if np.isfinite(error) else 0.0
            h = size * max(_SLOWER, factor)
        growth = _FASTER if error == 0 else min(_FASTER, _SAFETY * error ** (-1 / _ORDER))
        self._from = self.t, self.y, size
        # a last step that was cut short says little about the next one
        self.step_size = max(h, size) * (min(growth, 1.0) if rejected else growth)
        self.y, self._next = self._next, self.y
        self.t = self._end if size == left else self.t + size
        self.largest, self._sizes, self._extended = largest, sizes, False
        self.steps += 1

    def _enter(self, t: float) -> None:
        """Set the end and the longest step of the piece that begins at a time."""
        if self._pieces is not None:
            self._piece = self._pieces.piece(t)
            self._end = min(self._last, float(self._pieces.edges[self._piece + 1]))
            self._longest = float(self._pieces.longest[self._piece])

    @property
    def rate(self) -> NDArray[np.float64]:
        """The slope y' at the time reached."""
        return self._k[self._rows[STAGES if self.steps else 0]]

    def at(self, t: float, first: int | None = None) -> NDArray[np.float64]:
        """The value at a time within the last step; the next call overwrites it.

        Args:
            t: the time.
            first: only so many numbers at the beginning of y are computed, if given.
        """
        start, old, size = self._from
        if t == self.t:
            return self.y[:first]
        if not self._extended:
            for i in range(3):
                stage = STAGES + 1 + i
                self._combine(old, size, self._table.stages[stage])
                self._evaluate(start + self._table.nodes[stage] * size, self._between, stage)
            self._extended = True
        weights = trimmed(self._table.interpolation((t - start) / size))
        self._combine(old, size, weights, self._between[:first])
        return self._between[:first]

    def _try(self, size: float) -> None:
        """Compute all stages of a step, and y and its slope at the end."""
        for stage in range(1, STAGES):
            self._combine(self.y, size, self._table.stages[stage])
            self._evaluate(self.t + self._table.nodes[stage] * size, self._between, stage)
        self._combine(self.y, size, self._table.stages[STAGES], self._next)
        self._evaluate(self.t + size, self._next, STAGES)

    def _evaluate(self, t: float, y: NDArray[np.float64], stage: int) -> None:
        if self._pieces is not None:
            t = self._pieces.inside(t, self._piece)
        self._slope(t, y, self._k[self._rows[stage]])
        self.slopes += 1

    def _combine(
        self,
        y: NDArray[np.float64],
        size: float,
        terms: tuple[NDArray[np.int64], NDArray[np.float64]],
        out: NDArray[np.float64] | None = None,
    ) -> None:
        """Write y plus a sum of stages to `out`."""
        target = self._between if out is None else out
        rows, weights = self._rows[terms[0]], size * terms[1]
        cuts = self._cuts(len(target))

        def work(thread: int) -> None:
            _combined(target, y, self._k, rows, weights, cuts[thread], cuts[thread + 1])

        in_threads(work, self._threads, self._pool)

    def _cuts(self, size: int) -> list[int]:
        """Where the shares of the threads begin and end."""
        return [size * i // self._threads for i in range(self._threads + 1)]

    def _error(self, size: float) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """The largest error over its tolerance; largest numbers, and distances from the origins."""
        rows = self._rows[self._table.error_rows]
        parts = np.zeros((self._threads, len(self._blocks) - 1, 4))
        cuts = self._cuts(len(self.y))

        def work(thread: int) -> None:
            _errors(
                self._k, rows, self._table.error_weights, self._next, self._blocks, self._origins,
                cuts[thread], cuts[thread + 1], parts[thread],
            )  # fmt: skip

        in_threads(work, self._threads, self._pool)
        fifth, third = parts[:, :, 0].sum(axis=0), parts[:, :, 1].sum(axis=0)
        largest, sizes = parts[:, :, 2].max(axis=0), parts[:, :, 3].max(axis=0)
        counts = np.maximum(np.diff(self._blocks), 1)
        both = fifth + 0.01 * third
        each = size * fifth / np.sqrt(np.where(both > 0, both, 1.0) * counts)
        found = each / (self._atol + self._rtol * np.maximum(sizes, self._sizes))
        # numpy's maximum keeps NaN
        return float(np.max(found)) if len(found) else 0.0, largest, sizes

    def _largest(self, y: NDArray[np.float64], origins: NDArray[np.float64]) -> NDArray[np.float64]:
        """The largest distance from the origins of every block."""
        blocks = zip(self._blocks[:-1], self._blocks[1:], origins, strict=True)
        return np.array([np.abs(y[a:b] - origin).max(initial=0.0) for a, b, origin in blocks])

    def _norm(self, y: NDArray[np.float64]) -> float:
        """The size of a vector in units of the tolerance, the largest of all blocks."""
        scale = self._atol + self._rtol * self._sizes
        pairs = zip(self._blocks[:-1], self._blocks[1:], scale, strict=True)
        return max(float(np.sqrt(np.mean(y[a:b] ** 2)) / s) for a, b, s in pairs if b > a)

    def _first_step(self) -> float:
        """A length at which the error of the first step is small (Hairer et al., section II.4)."""
        slope = self._k[self._rows[0]]
        size, speed = self._norm(self.y), self._norm(slope)
        h = 1e-6 if size < 1e-5 or speed < 1e-5 else 0.01 * size / speed
        h = min(h, self._end - self.t, self._longest)
        if not h > 0:
            return 0.0
        self._combine(self.y, h, (np.array([0]), np.array([1.0])))
        self._evaluate(self.t + h, self._between, STAGES)
        bend = self._norm(self._k[self._rows[STAGES]] - slope) / h
        fastest = max(speed, bend)
        bound = max(1e-6, h * 1e-3) if fastest <= 1e-15 else (0.01 / fastest) ** (1 / _ORDER)
        return float(min(100 * h, bound, self._end - self.t, self._longest))


@compiled(**_OPTIONS)
def _combined(
    out: Any, y: Any, k: Any, rows: Any, weights: Any, begin: Any, end: Any
) -> None:  # pragma: no cover
    """Write y + Σ weights·k[rows] to `out`, from index begin to end."""
    for a in range(begin, end, _CHUNK):
        b = min(a + _CHUNK, end)
        target = out[a:b]
        for i in range(b - a):
            target[i] = y[a + i]
        for r in range(len(rows)):
            row, w = k[rows[r], a:b], weights[r]
            for i in range(b - a):
                target[i] += w * row[i]


@compiled(**_OPTIONS)
def _errors(
    k: Any,
    rows: Any,
    weights: Any,
    y: Any,
    blocks: Any,
    origins: Any,
    begin: Any,
    end: Any,
    parts: Any,
) -> None:  # pragma: no cover
    """Add to `parts`, for every block, squares of errors, the largest |y| and distance."""
    fifth, third = np.empty(_CHUNK), np.empty(_CHUNK)
    for block in range(len(blocks) - 1):
        first, last = max(blocks[block], begin), min(blocks[block + 1], end)
        for a in range(first, last, _CHUNK):
            count = min(_CHUNK, last - a)
            fifth[:count], third[:count] = 0.0, 0.0
            for r in range(len(rows)):
                row, w5, w3 = k[rows[r], a : a + count], weights[0, r], weights[1, r]
                for i in range(count):
                    fifth[i] += w5 * row[i]
                    third[i] += w3 * row[i]
            largest, size, origin = parts[block, 2], parts[block, 3], origins[block]
            for i in range(count):
                parts[block, 0] += fifth[i] * fifth[i]
                parts[block, 1] += third[i] * third[i]
                largest = max(largest, abs(y[a + i]))
                size = max(size, abs(y[a + i] - origin))
            parts[block, 2], parts[block, 3] = largest, size
