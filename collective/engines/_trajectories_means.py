r"""Means over trajectories, their standard errors, and the jump record, gathered batch by batch.

Of n values x the mean and M = Σ(x − mean)² are kept; two groups a and b join as

.. math:: M = M_a + M_b + (\bar x_b − \bar x_a)^2\, n_a n_b/n

(Chan, Golub & LeVeque, Am. Stat. 37, 242 (1983)); the standard error is √(M/(n−1)n). Batches are
joined in their order, so that the same numbers come out however many threads drew them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._jumps import Jumps

if TYPE_CHECKING:
    from collective.result import Result


@dataclass(frozen=True, eq=False)
class Batch:
    """Some trajectories, one after another.

    Attributes:
        count: how many, B.
        mean: (T, N + 2), of emission, excitation and populations.
        scatter: (T, N + 2), Σ(x − mean)².
        sums: (T, X) complex, of what is wanted without an error, over trajectories.
        jumps: trajectory (from 0 in the batch), time and channel of every jump, three (J,).
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    sums: NDArray[np.complex128]
    jumps: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]


def batch(values: NDArray[np.float64], sums: NDArray[np.complex128], jumps: Any) -> Batch:
    """`Batch` of the values (B, T, N + 2) of each trajectory."""
    away = values - values[0]  # equal values leave no scatter, not even round-off
    shift = away.mean(axis=0)
    away -= shift
    return Batch(len(values), values[0] + shift, np.sum(away * away, axis=0), sums, jumps)


@dataclass(frozen=True, eq=False)
class Totals:
    """All trajectories so far; never changed, so that an interruption leaves a whole one.

    Attributes:
        count: how many.
        mean: as for `Batch`.
        scatter: likewise.
        sums: likewise.
        jumps: of each batch, trajectories counted through.
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    sums: NDArray[np.complex128]
    jumps: tuple[Any, ...] = ()

    @classmethod
    def empty(cls, times: int, values: int, extra: int) -> "Totals":
        """Before the first batch."""
        shape = (times, values)
        return cls(0, np.zeros(shape), np.zeros(shape), np.zeros((times, extra), complex))

    @classmethod
    def of(cls, earlier: "Result") -> "Totals":
        """What an interrupted run had reached."""
        kept, jumps = earlier.resume, earlier.jumps
        assert jumps is not None
        before = ((jumps.trajectory, jumps.times, jumps.channels),)
        return cls(
            int(kept["count"]), kept["mean"], kept["scatter"], kept["sums"].astype(complex), before
        )

    def resume(self) -> dict[str, NDArray[Any]]:
        """Arrays for `of`, beside the jumps."""
        return {
            "count": np.array(self.count),
            "mean": self.mean,
            "scatter": self.scatter,
            "sums": self.sums,
        }

    def with_batch(self, new: Batch) -> "Totals":
        """These and the next."""
        trajectory, times, channels = new.jumps
        jumps = (*self.jumps, (trajectory + self.count, times, channels))
        count = self.count + new.count
        apart = new.mean - self.mean
        share = new.count / count
        return Totals(
            count,
            self.mean + share * apart,
            self.scatter + new.scatter + apart * apart * (self.count * share),
            self.sums + new.sums,
            jumps,
        )

    def errors(self) -> NDArray[np.float64]:
        """Standard errors of the means, (T, N + 2)."""
        return np.sqrt(self.scatter / (max(self.count - 1, 1) * max(self.count, 1)))

    def observables(self) -> dict[str, Any]:
        """Fields of `Result`."""
        errors = self.errors()
        return {
            "emission": self.mean[:, 0].copy(),
            "excitation": self.mean[:, 1].copy(),
            "populations": self.mean[:, 2:].copy(),
            "emission_error": errors[:, 0].copy(),
            "excitation_error": errors[:, 1].copy(),
            "populations_error": errors[:, 2:].copy(),
            "jumps": self._jumps(),
        }

    def _jumps(self) -> Jumps:
        kinds = (np.int64, np.float64, np.int64)
        joined = [
            np.concatenate([np.empty(0, kind), *(part[i] for part in self.jumps)])
            for i, kind in enumerate(kinds)
        ]
        return Jumps(*joined, self.count)
