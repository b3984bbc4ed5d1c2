"""Powers of one dense exponential e^{Lt}, for delays far away and for long even grids."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require

LARGEST = 1100  # rows of a generator whose dense exponential takes about a second
MOST = 52  # squarings: a phase of 2⁵² radians has no digits left
SECONDS_CUBE = 6e-10  # for a product of dense n × n matrices, over n³
_ROUND_OFF = 4e-15  # error of an exponential, which every squaring doubles
_TAYLOR_TERMS = 18  # over a time 1/‖L‖: 1/19! is below round-off
_EVEN = 1e-13  # of the longest time, by which evenly spaced ones may deviate
_ROWS_BYTES = 2**26  # of all rows of one leap


class Powers:
    """The powers e^{L2^j} of a dense L of norm 1, computed when they are needed."""

    def __init__(self, matrix: Any, what: str):
        from scipy.linalg import expm

        n = matrix.shape[0]
        require(16 * n * n * (MOST + 8), f"{what} at long delays", "use shorter delays")
        self._matrix = matrix
        self._powers = [expm(matrix.toarray())]
        self._limit: NDArray[np.complex128] | None = None

    @property
    def products(self) -> int:
        """Number of matrix products already computed; the first exponential counts as twelve."""
        return len(self._powers) + 12

    def through(self, time: float, vectors: NDArray[Any]) -> NDArray[Any]:
        """e^{Lt} applied to vectors (n, C)."""
        whole = int(time)
        for n in range(whole.bit_length()):
            while len(self._powers) <= n and self._limit is None:
                self._square()
            if n >= len(self._powers):
                return np.asarray(self._limit @ vectors)
        term = vectors
        for j in range(1, _TAYLOR_TERMS + 1):
            term = (self._matrix @ term) * ((time - whole) / j)
            vectors = vectors + term
        for n in range(whole.bit_length()):
            if whole >> n & 1:
                vectors = self._powers[n] @ vectors
        return vectors

    def _square(self) -> None:
        """Append the next power, or store it as the limit of infinite time."""
        last = self._powers[-1]
        square = last @ last
        round_off = _ROUND_OFF * 2.0 ** len(self._powers)
        if np.abs(square - last).max() <= round_off * np.abs(last).max():
            self._limit = square
        elif len(self._powers) > MOST:
            raise ValueError(
                "delays: the slowest decay is below 10⁻¹⁵ of the fastest rate, which double "
                "precision cannot resolve; use shorter delays"
            )
        else:
            self._powers.append(square)


def even_step(times: NDArray[np.float64]) -> float | None:
    """The step of evenly spaced times, or None if they are not, or fewer than three."""
    if len(times) < 3:
        return None
    step = float(times[-1] - times[0]) / (len(times) - 1)
    off = times - times[0] - step * np.arange(len(times))
    return step if np.abs(off).max() <= _EVEN * times[-1] else None


class Grid:
    """How to reach many evenly spaced times: rows of several steps, and leaps of as many.

    Args:
        shape: rows of L, of the outputs, and columns of the vectors.
        count: number of steps.
        step: of time, in units of 1/‖L‖.
    """

    def __init__(self, shape: tuple[int, int, int], count: int, step: float):
        n, outputs, columns = shape
        best = np.sqrt(max(count * columns / outputs, 1.0))
        most = min(best, _ROWS_BYTES / (16 * outputs * n), count)
        self._doublings = int(np.log2(max(most, 1.0)))
        self.step = step
        self.leap = 2**self._doublings
        whole = np.log2(min(step, 2.0**MOST) + 1)
        cubes = n**3 * (14 + 2 * whole + self._doublings)
        rows, leaps = self.leap * outputs * n * n, count / self.leap * n * n * columns
        self.seconds = SECONDS_CUBE * (cubes + rows + leaps + count * outputs * n * columns)

    def made(
        self, powers: Powers, rows: NDArray[Any]
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """Rows times e^{Lt} of the steps 1 … leap, (leap · R, n), and e^{Lt} of a leap, (n, n)."""
        power = powers.through(self.step, np.eye(rows.shape[1], dtype=complex))
        found = rows @ power
        for _ in range(self._doublings):
            found = np.concatenate([found, found @ power])
            power = power @ power
        return found, power
