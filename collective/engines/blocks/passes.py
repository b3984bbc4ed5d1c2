"""One application of the generator: blocks in stages, panels in chunks, two passes each.

The first pass over a block needs ρ in this block and in the one above; the second needs the
transposed result of the first, which is kept for one stage of consecutive blocks at a time. So the
transposed result takes as much memory as the largest block, and that of small blocks stays in the
cache. Within a stage chunks of panels, then panels, are shared out to the threads.
"""

from concurrent.futures import ThreadPoolExecutor
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import in_pieces
from collective.engines.blocks import kernels
from collective.engines.blocks.size import VECTOR_BYTES, longest_stage
from collective.engines.blocks.tables import Tables

_CHUNK_BYTES = 600_000  # of results, which stay in the second cache while sources pass by
_MOST_PANELS = 8  # in a chunk: more of them hardly share more rows of the block above
_FEWEST_CHUNKS = 8  # in a block, so that the threads end together


class Passes:
    """The passes over the panels of a problem.

    Args:
        tables: the tables of the kernels.
        dtype: the type of the numbers.
        pieces: into how many pieces the work of a pass is cut.
        threads: how many threads take them.
    """

    def __init__(self, tables: Tables, dtype: Any, pieces: int, threads: int):
        self._tables, self._dtype = tables, np.dtype(dtype)
        self._pieces, self._threads = pieces if threads > 1 else 1, threads
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        sizes = np.diff(tables.start)
        numbers = range(len(sizes) + 1)
        self.first_task = np.searchsorted(tables.tasks[:, 0], numbers)
        self._chunks = chunks(sizes, np.diff(self.first_task))
        # lists, whose entries Python reads faster than those of arrays
        self._tasks = self.first_task.tolist()
        self._first_chunk = np.searchsorted(self._chunks[:, 0], numbers).tolist()
        self._offset = tables.offset.tolist()
        blocks = np.diff(tables.offset)
        self._stage = longest_stage(blocks.tolist())
        self._transposed = aligned((self._stage,), dtype)
        lanes, n = tables.columns.shape[1], tables.decay.shape[1]
        most = int(self._chunks[:, 2].max())
        self._scratch = [
            (
                aligned((int(sizes.max()) + 1, 2, lanes), dtype),
                aligned((lanes, n, lanes), dtype),
                aligned((most * n, n, lanes), dtype),
            )
            for _ in range(threads)
        ]
        weights = aligned((1, *tables.columns.shape), dtype)
        weights[0] = tables.weights
        self._squares = np.zeros(len(tables.tasks))
        self._scaled = np.nan, (np.empty(0), np.empty(0))  # the last α, and what follows from it
        t = tables
        self._for_first = (
            t.start, t.offset, self._chunks, self.first_task, t.columns, t.images, t.sources,
            t.used, t.raised, t.lowered, t.bits, t.dephasing, t.together, t.energies,
        )  # fmt: skip
        self._for_second = (
            t.start, t.offset, t.tasks, t.columns, weights, t.images, t.sources, t.used,
        )  # fmt: skip

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def _scaled_by(self, alpha: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """α(X + Y, X, Y − X) of the hops, (N, N, 3), and αΓ', −αΓ'' of the jumps."""
        t, n = self._tables, self._tables.decay.shape[1]
        x, y = (t.hop[: n * n] * alpha).T.reshape(2, n, n)
        hops = np.stack([x + y, x, y - x], axis=2).astype(self._dtype)
        parts = 2 if np.any(t.decay[1]) else 1
        signs = np.array([alpha, -alpha])[:, None, None]
        return hops, (signs * t.decay)[:parts].astype(self._dtype)

    def _stages(self, lowest: int, highest: int) -> list[tuple[int, int]]:
        """The first and the last block of every stage."""
        offset, found, low = self._offset, [], lowest
        for k in range(lowest, highest + 1):
            if offset[k + 1] - offset[low] > self._stage:
                found.append((low, k - 1))
                low = k
        return [*found, (low, highest)]

    def apply(
        self,
        current: NDArray[Any],
        previous: NDArray[Any],
        y: NDArray[Any],
        recurrence: tuple[float, float, float],
        coefficient: float,
        lowest: int,
        highest: int,
    ) -> float:
        """Replace previous by α𝓛 current + β current + γ previous, and add it to y.

        Args:
            current: a vector, (size,).
            previous: the vector that is replaced, (size,).
            y: the vector to which the result is added, (size,).
            recurrence: α, β and γ.
            coefficient: of the result in y.
            lowest: fewest excitations of the result.
            highest: most excitations of the result.

        Returns:
            The Frobenius norm of the result.
        """
        alpha, beta, gamma = recurrence
        if self._scaled[0] != alpha:
            self._scaled = alpha, self._scaled_by(alpha)
        matrices, squares = self._scaled[1], self._squares
        transposed, stride = self._transposed, self._pieces

        def stage(low: int, high: int) -> None:
            """The passes over the blocks low … high."""
            base = self._offset[low]
            begin, end = self._first_chunk[low], self._first_chunk[high + 1]
            first_task, end_task = self._tasks[low], self._tasks[high + 1]

            def first(thread: int, i: int) -> None:
                kernels.first_pass(
                    begin + i, end, stride, current, previous, transposed, base,
                    *self._scratch[thread], beta, gamma, highest, alpha,
                    *self._for_first, *matrices,
                )  # fmt: skip

            def second(thread: int, i: int) -> None:
                kernels.second_pass(
                    first_task + i, end_task, stride, previous, transposed, base, y,
                    self._scratch[thread][0], coefficient, squares, *self._for_second,
                )  # fmt: skip

            for work in (first, second):
                if self._pool is None:
                    work(0, 0)
                else:
                    in_pieces(work, stride, self._threads, self._pool)

        for low, high in self._stages(lowest, highest):
            stage(low, high)
        return sqrt(squares[self._tasks[lowest] : self._tasks[highest + 1]].sum())


def chunks(sizes: NDArray[np.int64], panels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Block, first panel and number of panels of every chunk, (chunks, 3).

    Args:
        sizes: configurations of every block.
        panels: panels of every block.
    """
    found = []
    for k, (size, count) in enumerate(zip(sizes.tolist(), panels.tolist(), strict=True)):
        fitting = max(1, _CHUNK_BYTES // (size * VECTOR_BYTES))
        most = min(_MOST_PANELS, fitting, -(-count // _FEWEST_CHUNKS))
        found += [(k, p, min(most, count - p)) for p in range(0, count, most)]
    return np.array(found)


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array of zeros whose vectors do not straddle two lines of the cache."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + VECTOR_BYTES, np.uint8)
    begin = -raw.ctypes.data % VECTOR_BYTES
    return raw[begin : begin + size].view(dtype).reshape(shape)
