"""Means over samples and their standard errors, gathered batch by batch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.means import combined, standard_errors

_NAMES = ("emission", "coincidence_rate", "excitation")
_ERRORS = ("emission_error", "coincidence_error", "excitation_error")


@dataclass(frozen=True, eq=False)
class Batch:
    """Some samples.

    Attributes:
        count: number B of samples.
        shots: (B, T), emission of each.
        mean: (T, 3 + N), means of emission, photon pairs, excitation and populations.
        scatter: (T, 3 + N), Σ(x − mean)².
        excess: (T,), the mean of `kernels.light`.
        correlations: (T, N, N), means of s⁺_m s⁻_n; (T, 0, 0) if not wanted.
    """

    count: int
    shots: NDArray[np.float32]
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    excess: NDArray[np.float64]
    correlations: NDArray[np.complex64]


@dataclass(frozen=True, eq=False)
class Totals:
    """All samples so far; a new one replaces it, so that an interruption leaves one complete.

    Attributes:
        count: number of samples.
        mean: see `Batch`.
        scatter: see `Batch`.
        excess: see `Batch`.
        correlations: see `Batch`, in double precision.
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    excess: NDArray[np.float64]
    correlations: NDArray[np.complex128]

    @classmethod
    def empty(cls, steps: int, n: int, *, correlated: bool) -> "Totals":
        """The totals before the first batch."""
        pairs = np.zeros((steps, n, n) if correlated else (steps, 0, 0), complex)
        shape = (steps, 3 + n)
        return cls(0, np.zeros(shape), np.zeros(shape), np.zeros(steps), pairs)

    def with_batch(self, new: Batch) -> "Totals":
        """The totals with one more batch."""
        count = self.count + new.count
        share = new.count / count
        known, further = (self.mean, self.scatter), (new.mean, new.scatter)
        mean, scatter = combined(self.count, known, new.count, further)
        pairs = new.correlations - self.correlations
        pairs *= share
        pairs += self.correlations
        return Totals(
            count,
            mean,
            scatter,
            self.excess + share * (new.excess - self.excess),
            pairs,
        )

    def errors(self) -> NDArray[np.float64]:
        """Standard errors of the means, (T, 3 + N)."""
        return standard_errors(self.count, self.scatter)

    def fields(self) -> dict[str, Any]:
        """Fields of `Result`, without shots and the estimated error."""
        errors = self.errors()
        found: dict[str, Any] = {
            "populations": self.mean[:, 3:].copy(),
            "populations_error": errors[:, 3:].copy(),
        }
        for i, name in enumerate(_NAMES):
            found |= {name: self.mean[:, i].copy(), _ERRORS[i]: errors[:, i].copy()}
        return found
