"""Means over samples, gathered batch by batch, and what is known of samples that were lost."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.means import combined, of_values, standard_errors
from collective.engines.base import resumed
from collective.engines.conditional_cumulants.sampler import Batch

if TYPE_CHECKING:
    from collective.results.result import Result

_COLUMNS = ("emission", "excitation", "populations")


@dataclass(frozen=True, eq=False)
class Totals:
    """All samples so far; a new one replaces it, so that an interruption leaves one complete.

    Attributes:
        drawn: number of samples, with those that were lost.
        count: number of samples that were not lost.
        mean: (T, N + 2), means of emission, excitation and populations.
        scatter: (T, N + 2), Σ(x − mean)².
        correlations: (T, N, N), the sum of ⟨σ⁺_mσ⁻_n⟩ over the `count` samples, or over what lost
            samples found as long as there is no other; (T, 0, 0) if not wanted.
        resets: (T,), resets until each time.
        reached: how many output times every lost sample reached; T if none was lost.
        broken: (T, N + 2), the sum of what lost samples found until then.
    """

    drawn: int
    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    correlations: NDArray[np.complex128]
    resets: NDArray[np.float64]
    reached: int
    broken: NDArray[np.float64]

    @classmethod
    def empty(cls, times: int, n: int, correlated: bool) -> "Totals":
        """The totals before the first batch."""
        shape, side = (times, n + 2), n if correlated else 0
        pairs = np.zeros((times, side, side), complex)
        nothing = np.zeros(shape)
        return cls(0, 0, nothing, nothing, pairs, np.zeros(times), times, nothing)

    @classmethod
    def of(cls, earlier: "Result", empty: "Totals") -> "Totals":
        """The totals that `resume` of an interrupted run has kept."""
        kept: dict[str, Any] = {}
        for f in fields(cls):
            like = getattr(empty, f.name)
            if isinstance(like, int):
                kept[f.name] = int(resumed(earlier, f.name, (1,))[0])
            else:
                kept[f.name] = resumed(earlier, f.name, like.shape).astype(like.dtype)
        return cls(**kept)

    def resume(self) -> dict[str, NDArray[Any]]:
        """Arrays that `of` needs."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: np.array([v]) if isinstance(v, int) else v for k, v in found.items()}

    def with_batch(self, new: Batch) -> "Totals":
        """The totals with one more batch."""
        times = len(self.mean)
        good = new.lost == times
        values, broken = new.values[good], new.values[~good].sum(axis=0)
        drawn, count = self.drawn + len(good), self.count + len(values)
        mean, scatter, pairs = self.mean, self.scatter, self.correlations
        if bool(len(values)) == bool(self.count):
            pairs = pairs + new.correlations
        elif len(values):
            pairs = new.correlations
        if len(values):
            mean, scatter = combined(self.count, (mean, scatter), len(values), of_values(values))
        return Totals(
            drawn,
            count,
            mean,
            scatter,
            pairs,
            self.resets + new.resets,
            min(self.reached, int(new.lost.min())),
            self.broken + broken,
        )

    def errors(self) -> NDArray[np.float64]:
        """Standard errors of the means, (T, N + 2).

        A sample that is left alone does not tell its scatter: the error is then as large as itself.
        """
        if self.count == 1:
            return alone(self.mean)
        return standard_errors(self.count, self.scatter)

    def fields(self, errors: NDArray[np.float64]) -> dict[str, Any]:
        """Fields of `Result`, without the estimated error."""
        found: dict[str, Any] = {}
        for values, end in ((self.mean, ""), (errors, "_error")):
            columns = (values[:, 0], values[:, 1], values[:, 2:])
            found |= {
                name + end: column.copy() for name, column in zip(_COLUMNS, columns, strict=True)
            }
        if self.correlations.size:
            found["correlations"] = self.correlations / max(self.count, 1)
        return found


def alone(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Errors (T, …) of values of which only the first, at the start, is known to be right."""
    found = np.abs(values)
    found[0] = 0.0
    return found
