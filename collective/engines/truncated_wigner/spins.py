"""One batch of samples: its arrays and its step.

One step dt is half a step of the single emitters, a turn of every spin about its field in the
middle of the step (predictor and corrector), and the other half.

The work of a step is two products with the 2N × 2N matrix of Δ − iΓ'/2 (16N² flops a sample), one
with the N × R factor of Γ' (4NR if Γ is real), 2R random numbers, and two passes over the spins.
The arrays of a batch stay in the cache; single precision halves them.
"""

import numpy as np
from numpy.typing import NDArray

from collective.engines.truncated_wigner import kernels
from collective.engines.truncated_wigner.model import Model, Single


class Spins:
    """K samples of N spins, and the arrays that a step needs.

    Args:
        model: the equation.
        samples: K.
    """

    def __init__(self, model: Model, samples: int):
        n = model.n
        self.model, self.samples = model, samples
        self.spins = np.empty((3, n, samples), Single)
        self._middle, self._field, self._noise = np.empty((3, 2, n, samples), Single)
        self._offsets, self._paired = np.empty((2, n, samples), Single)
        self._noisy = model.noisy
        self._active = bool(
            np.any(self._noisy) or np.any(model.corrected) or np.any(model.detunings)
        )
        real = model.noise.shape[0] == n
        self._rank = model.noise.shape[1] // (1 if real else 2)
        count = max(2 * self._rank, n if np.any(self._noisy) else 0) * samples
        self._numbers = np.empty(count + count % 2, Single)

    def _random(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """That many standard normal numbers, in an array that the next call overwrites."""
        half = (count + 1) // 2
        bits = rng.integers(0, 2**64, half, dtype=np.uint64)
        kernels.normal(bits, self._numbers[: 2 * half])
        return self._numbers[:count]

    def _times(
        self, matrix: NDArray[np.float32], parts: NDArray[np.float32], out: NDArray[np.float32]
    ) -> None:
        """A matrix, real or stacked, times real and imaginary parts (2, R, K), into (2, N, K)."""
        if matrix.shape[0] == self.model.n:
            np.matmul(matrix, parts, out=out)
        else:
            rows = out.reshape(-1, self.samples)
            np.matmul(matrix, parts.reshape(-1, self.samples), out=rows)

    def alone(self, rates: NDArray[np.float32], rng: np.random.Generator) -> None:
        """A step of single emitters, with `rates` of `single_emitters`."""
        if not self._active:
            return
        numbers = (
            self._random(rng, self.model.n * self.samples)
            if np.any(self._noisy)
            else (self._numbers[:0])
        )
        rows = numbers.reshape(-1, self.samples)
        kernels.alone(self.spins, rates, rows, self._noisy)

    def turn(self, dt: float, drive: NDArray[np.float32], rng: np.random.Generator) -> None:
        """A step of the collective part, with Ω/2 at that time, (2, N)."""
        if self._rank:
            numbers = self._random(rng, 2 * self._rank * self.samples)
            parts = numbers.reshape(2, self._rank, self.samples)
            self._times(self.model.noise, parts, self._noise)
        else:
            self._noise[:] = 0
        # each component of dξ has half of Γ'/2
        step, width = Single(dt), Single(np.sqrt(dt) / 2)
        for midway, lowered in ((True, self.spins[:2]), (False, self._middle)):
            self._times(self.model.field, lowered, self._field)
            out = self._middle if midway else self.spins
            kernels.turn(self.spins, self._field, self._noise, drive, step, width, midway, out)

    def read(self, values: NDArray[np.float32]) -> None:
        """Emission, photon pairs, excitation and excess of every sample into (4, K)."""
        model = self.model
        fields, squares, doubled = self._field, self._middle, self._noise
        kernels.square(self.spins, squares, self._offsets)
        self._times(model.decay, self.spins[:2], fields)
        self._times(model.doubled, squares, doubled)
        np.matmul(model.paired, self._offsets, out=self._paired)
        kernels.light(
            self.spins,
            fields,
            squares,
            doubled,
            self._offsets,
            self._paired,
            model.own,
            model.doubtful,
            values,
        )

    def correlations(self) -> NDArray[np.complex64]:
        """The sum of s⁺_m s⁻_n over the samples, (N, N), with (1 + s^z)/2 where m = n."""
        x, y, z = self.spins
        mixed = x @ y.T
        found = (x @ x.T + y @ y.T) + 1j * (mixed - mixed.T)
        np.fill_diagonal(found, (0.5 + 0.5 * z).sum(axis=1))
        return np.asarray(found, np.complex64)
