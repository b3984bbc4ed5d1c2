"""Sweeps of scenarios: every point of the section [grid], by `co.sweep`."""

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from collective.scenarios.grids import Axis, substituted
from collective.scenarios.scenario import Scenario
from collective.scenarios.source import Source

if TYPE_CHECKING:
    import xarray

SEED = 0  # of a sweep whose scenario has none: a sweep that continues needs the same seed


@dataclass(frozen=True)
class Point:
    """The function of a sweep: what one point of the grid gives.

    Attributes:
        file: of the scenario.
        axes: of its grid.
    """

    file: Source
    axes: tuple[Axis, ...]

    def __call__(self, *, seed: int | None = None, **values: Any) -> "xarray.Dataset":
        """The dataset of one point.

        Args:
            seed: of random numbers at this point.
            values: of all axes, by their dimensions.
        """
        from collective.scenarios.scenario import checked

        chosen = tuple(axis.values.index(values[axis.dimension]) for axis in self.axes)
        scenario = checked(substituted(self.file, self.axes, chosen))
        run = scenario.calls["run"]
        run = replace(run, arguments={**run.arguments, "seed": seed})
        scenario = replace(scenario, calls={**scenario.calls, "run": run})
        return scenario.run(progress=False).of_sweep()


def sweep(
    scenario: Scenario,
    *,
    executor: Any = None,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> "xarray.Dataset":
    """Run every point of the grid of a scenario.

    Args:
        scenario: with a section [grid].
        executor: as in `co.sweep`.
        store: as in `co.sweep`: a file in which finished points are kept.
        progress: whether to show progress.

    Returns:
        A dataset with the axes of the grid first.
    """
