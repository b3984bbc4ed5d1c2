"""Means over trajectories, their standard errors, and the jump record, gathered batch by batch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.means import combined, of_values, standard_errors
from collective.couplings.channels import ChannelCouplings
from collective.engines.base import resumed
from collective.engines.request import Request
from collective.results.jumps import Jumps

if TYPE_CHECKING:
    from collective.results.result import Result

_COLUMNS = ("emission", "excitation", "populations")


@dataclass(frozen=True, eq=False)
class Batch:
    """Some trajectories, one after another.

    Attributes:
        count: number B of trajectories.
        mean: (T, N + 2), means of emission, excitation and populations.
        scatter: (T, N + 2), Σ(x − mean)².
        sums: (T, X) complex, sums over trajectories of observables without an error.
        jumps: trajectory (from 0 in the batch), time and channel of every jump, three (J,).
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    sums: NDArray[np.complex128]
    jumps: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]


def batch(values: NDArray[np.float64], sums: NDArray[np.complex128], jumps: Any) -> Batch:
    """The `Batch` of the values (B, T, N + 2) of each trajectory, which are overwritten."""
    return Batch(len(values), *of_values(values), sums, jumps)


@dataclass(frozen=True, eq=False)
class Totals:
    """All trajectories so far; a new one replaces it, so that an interruption leaves one complete.

    Attributes:
        count: number of trajectories.
        mean: see `Batch`.
        scatter: see `Batch`.
        sums: see `Batch`.
        jumps: jumps of each batch, with trajectories numbered from the first batch on.
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    sums: NDArray[np.complex128]
    jumps: tuple[Any, ...] = ()

    @classmethod
    def empty(cls, times: int, values: int, extra: int) -> "Totals":
        """The totals before the first batch."""
        shape = (times, values)
        return cls(0, np.zeros(shape), np.zeros(shape), np.zeros((times, extra), complex))

    @classmethod
    def of(cls, earlier: "Result", means: NDArray[np.complex128]) -> "Totals":
        """The totals of an earlier run; exact to the last digit if it was interrupted.

        Args:
            earlier: the result of this run.
            means: (T, X), means of observables without an error.
        """
        jumps = earlier.jumps
        if jumps is None:
            raise ValueError("its jumps are missing")
        before = ((jumps.trajectory, jumps.times, jumps.channels),)
        if earlier.resume:
            shape = (len(means), earlier.populations[0].size + len(_COLUMNS) - 1)
            mean, scatter = (resumed(earlier, name, shape) for name in ("mean", "scatter"))
            sums = resumed(earlier, "sums", means.shape).astype(complex)
            return cls(jumps.n_trajectories, mean, scatter, sums, before)
        count = jumps.n_trajectories
        columns = [
            np.column_stack(
                [getattr(earlier, name + end).reshape(len(means), -1) for name in _COLUMNS]
            )
            for end in ("", "_error")
        ]
        scatter = columns[1] ** 2 * (count * (count - 1)) if count > 1 else 0 * columns[0]
        return cls(count, columns[0], scatter, means * count, before)

    def resume(self) -> dict[str, NDArray[Any]]:
        """Arrays that `of` needs, in addition to the jumps."""
        return {"mean": self.mean, "scatter": self.scatter, "sums": self.sums}

    def with_batch(self, new: Batch) -> "Totals":
        """The totals with one more batch."""
        trajectory, times, channels = new.jumps
        jumps = (*self.jumps, (trajectory + self.count, times, channels))
        known, further = (self.mean, self.scatter), (new.mean, new.scatter)
        mean, scatter = combined(self.count, known, new.count, further)
        return Totals(self.count + new.count, mean, scatter, self.sums + new.sums, jumps)

    @property
    def clicks(self) -> int:
        """The number of jumps."""
        return sum(len(times) for _, times, _ in self.jumps)

    def errors(self) -> NDArray[np.float64]:
        """Standard errors of the means, (T, N + 2); NaN for a single trajectory."""
        if self.count == 1:
            return np.full_like(self.scatter, np.nan)
        return standard_errors(self.count, self.scatter)

    def observables(self) -> dict[str, Any]:
        """Fields of `Result`."""
        found: dict[str, Any] = {"jumps": self._jumps()}
        for values, end in ((self.mean, ""), (self.errors(), "_error")):
            columns = (values[:, 0], values[:, 1], values[:, 2:])
            found |= {
                name + end: column.copy() for name, column in zip(_COLUMNS, columns, strict=True)
            }
        return found

    def _jumps(self) -> Jumps:
        def joined(i: int, kind: Any) -> NDArray[Any]:
            return np.concatenate([np.empty(0, kind), *(part[i] for part in self.jumps)])

        return Jumps(joined(0, np.int64), joined(1, np.float64), joined(2, np.int64), self.count)


def uniform(seed: int, first: int, count: int, width: int) -> NDArray[np.float64]:
    """Rows first … first + count − 1 of a table of uniform random numbers in [0, 1).

    The generator yields four numbers at a time, so that every row can be the first if the width is
    a multiple of four.
    """
    width += -width % 4
    stream = np.random.Philox(seed).advance(first * width // 4)
    return np.random.Generator(stream).random((count, width))


def populations(request: Request) -> int:
    """How many populations there are: one per emitter, or one per level of every atom."""
    if isinstance(request.problem, ChannelCouplings):
        return request.channels.energies.size
    return len(request.couplings)


def named(request: Request, means: NDArray[np.complex128]) -> dict[str, Any]:
    """Means of (T, X) as fields of `Result`."""
    found: dict[str, Any] = {}
    if "correlations" in request.words:
        problem = request.problem
        n = len(problem.decay if isinstance(problem, ChannelCouplings) else request.couplings)
        found["correlations"] = means[:, : n * n].reshape(-1, n, n).copy()
        means = means[:, n * n :]
    expect = zip(request.operators.items(), means.T, strict=True)
    found["expect"] = {
        name: values.real.copy() if operator.isherm else values.copy()
        for (name, operator), values in expect
    }
    return found


def earlier_means(request: Request, earlier: "Result") -> NDArray[np.complex128]:
    """Means of (T, X) from the fields of `Result`."""
    parts: list[NDArray[Any]] = [np.empty((len(request.times), 0))]
    if "correlations" in request.words:
        if earlier.correlations is None:
            raise ValueError("its correlations are missing")
        parts.append(earlier.correlations.reshape(len(request.times), -1))
    parts += [earlier.expect[name][:, None] for name in request.operators]
    return np.concatenate(parts, axis=1).astype(complex)
