"""A function of time that is given by its values at some times."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective.pulse.timeline import Marks

Interpolation = Literal["linear", "cubic", "steps"]
INTERPOLATIONS = get_args(Interpolation)
_STRAIGHT = 1e-14  # of the largest slope: a smaller jump of the slope is round-off


@dataclass(frozen=True, eq=False)
class Table:
    """A function of time from K values at K times; made by `table`.

    Attributes:
        times: (K,), increasing.
        values: (K,) for one number, or (K, N) for one number per emitter; real or complex.
        interpolation: "linear", "cubic" or "steps", see `table`.
        name: of the function from which the values come, or "".

    Before the first and after the last of its times the function keeps the value it has there.
    Two tables are equal (`==`) if all of these are.
    """

    times: NDArray[np.float64]
    values: NDArray[Any]
    interpolation: Interpolation = "linear"
    name: str = ""

    __getstate__ = checks.arguments
    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        times = checks.finite("times", self.times)
        if times.ndim != 1 or len(times) < 2:
            raise ValueError(f"times must be at least two numbers, got shape {times.shape}")
        if np.any(np.diff(times) <= 0):
            i = int(np.argmax(np.diff(times) <= 0))
            raise ValueError(
                f"times must increase: times[{i}] = {times[i]:g}, times[{i + 1}] = {times[i + 1]:g}"
            )
        values = checks.finite("values", self.values, None)
        if values.ndim not in (1, 2) or len(values) != len(times) or not values.size:
            raise ValueError(
                f"values must have one row for each of the {len(times)} times, (K,) or (K, N), "
                f"got shape {values.shape}"
            )
        checks.choice("interpolation", self.interpolation, INTERPOLATIONS)
        if not isinstance(self.name, str):
            raise ValueError(f"name must be a text, got {checks.short(self.name)}")
        checks.freeze(self, times=times, values=checks.real_if_possible(values))

    def __call__(self, t: ArrayLike) -> Any:
        """The value at a time, or at an array of times (T,): a number or (N,); (T,) or (T, N)."""
        return interpolated(self, checks.finite("t", t))

    @cached_property
    def spline(self) -> Any:
        """The smooth curve of a cubic interpolation."""
        from scipy.interpolate import CubicSpline

        return CubicSpline(self.times, self.values)

    @property
    def kinks(self) -> tuple[float, ...]:
        """Times at which the function, or its slope, jumps."""
        times, values = self.times, self.values.reshape(len(self.times), -1)
        if self.interpolation == "cubic":
            return float(times[0]), float(times[-1])
        found = np.diff(values, axis=0)
        if self.interpolation == "linear":
            slopes = found / np.diff(times)[:, None]
            found = np.diff(slopes, axis=0)
            found[np.abs(found) <= _STRAIGHT * np.abs(slopes).max()] = 0
        else:
            found = found[:-1]
        jumps = np.concatenate([[True], np.any(found != 0, axis=1), [True]])
        return tuple(times[jumps].tolist())

    def __repr__(self) -> str:
        which = f" of {self.name}" if self.name else ""
        many = f", {self.values.shape[1]} numbers each" if self.values.ndim == 2 else ""
        return (
            f"Table{which}: {len(self.times)} values{many}, t = {self.times[0]:g} … "
            f"{self.times[-1]:g}, {self.interpolation}"
        )


def interpolated(table: Table, t: Any) -> Any:
    """The value of a table at a time or at times that are known to be finite numbers."""
    times, values = table.times, table.values
    asked = np.minimum(np.maximum(t, times[0]), times[-1])
    if table.interpolation == "cubic":
        return table.spline(asked)
    at = np.searchsorted(times, asked, side="right") - 1
    if table.interpolation == "steps":
        return values[at]
    at = np.minimum(at, len(times) - 2)
    share = (asked - times[at]) / (times[at + 1] - times[at])
    if values.ndim > 1:
        share = np.expand_dims(share, -1)
    return values[at] * (1 - share) + values[at + 1] * share


def marks_of_table(table: Table) -> Marks:
    """Where an integrator has to stop, and how long its steps may be."""
    if table.interpolation != "cubic":
        return Marks(table.kinks)
    first, last = table.kinks
    return Marks(table.kinks, ((first, last, 2 * float(np.diff(table.times).min())),))


def integral_of_table(table: Table) -> Any:
    """The integral over all its times: a number, or (N,)."""
    steps, values = np.diff(table.times), table.values
    if table.interpolation == "cubic":
        return table.spline.integrate(table.times[0], table.times[-1])
    if table.interpolation == "steps":
        return np.tensordot(steps, values[:-1], axes=1)
    return np.tensordot(steps, (values[:-1] + values[1:]) / 2, axes=1)


def table(times: ArrayLike, values: ArrayLike, *, interpolation: Interpolation = "linear") -> Table:
    """A function of time from values at some times, such as a sweep of the detuning.

    Args:
        times: (K,), at least two, increasing, in inverse units of rate.
        values: (K,) for one number at a time, or (K, N) for one number per emitter.
        interpolation: "linear" joins the values by straight lines, "cubic" by a smooth curve;
            "steps" keeps each value until the next of the times.

    Returns:
        `Table`, a function that can be called with a time. Before the first and after the last
        time it keeps the value it has there.

    Raises:
        ValueError: for times that do not increase, values of another length, or numbers that are
            not finite.

    Example:
        >>> import collective as co
        >>> sweep = co.pulse.table([0, 10], [-20, 20])
        >>> float(sweep(2.5)), float(sweep(30))
        (-10.0, 20.0)
    """
    return Table(times, values, interpolation)  # type: ignore[arg-type]
