"""Sweeps of scenarios: every point of the section [grid], by `co.sweep`."""

import hashlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from collective.scenarios.copies import array_files, array_path
from collective.scenarios.grids import Axis, placed
from collective.scenarios.outcome import Outcome
from collective.scenarios.reading import checked
from collective.scenarios.scenario import Scenario
from collective.scenarios.source import Source
from collective.sweeps.sweep import sweep as swept

if TYPE_CHECKING:
    import xarray

SEED = 0  # of a sweep whose scenario has none: a sweep that continues needs the same seed
_IRRELEVANT = ("title", "output", "grid", "made_by", "run")  # they change no answer of a point
# what a sweep keeps of the result of each point
_KEPT = (
    "emission",
    "emission_error",
    "error_estimate",
    "excitation",
    "excitation_error",
    "populations",
    "populations_error",
    "coincidence_rate",
    "coincidence_error",
    "correlations",
    "states",
)


@dataclass(frozen=True, slots=True)
class Point:
    """The function of a sweep: what one point of the grid gives.

    Attributes:
        file: of the scenario.
        axes: of its grid.
        name: by which a store knows it; it differs if a point would give another answer.
    """

    file: Source
    axes: tuple[Axis, ...]
    name: str

    def __getattr__(self, attribute: str) -> str:
        """The name, where the name of a function is asked for."""
        if attribute == "__qualname__":
            return self.name
        raise AttributeError(attribute)

    def __call__(self, *, seed: int, **values: Any) -> "xarray.Dataset":
        """The dataset of one point.

        Args:
            seed: of the random numbers at this point.
            values: of all axes, by their dimensions.
        """
        own = {axis.keys: (values[axis.dimension], axis.where) for axis in self.axes}
        scenario = checked(placed(self.file, own))
        run = scenario.calls["run"]
        if ("run", "seed") not in own:  # a seed that the grid names is that of the point
            run = replace(run, arguments={**run.arguments, "seed": seed})
        scenario = replace(scenario, calls={**scenario.calls, "run": run})
        found = _seen(scenario.run(progress=False))
        if "time" in found.dims and any(axis.keys[0] == "times" for axis in self.axes):
            found = found.drop_indexes("time").rename_dims(time="step")
        return found


def sweep(
    scenario: Scenario,
    *,
    executor: Any = None,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> "xarray.Dataset":
    """Run every point of the section [grid] of a scenario, by `co.sweep`.

    A dimension of the grid has the name of its key, with an underscore for the dot:
    emitters_spacing. Each point has a seed of its own, which follows from that of the section
    [run], or from 0. If the grid has run.seed, its values are the seeds.

    Args:
        scenario: from `read`, with a section [grid].
        executor: as in `co.sweep`.
        store: as in `co.sweep`: a file in which finished points are kept. That of another scenario
            is refused.
        progress: whether to show progress.

    Returns:
        A dataset of the emission, the excitation, the populations and the observables. The
        dimensions of the grid come first.

    Raises:
        ScenarioError: for a scenario without a grid.
        ValueError, EvolutionError, OSError: as `co.sweep`.

    Example:
        >>> import collective as co, tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "pairs.toml"
        >>> written = file.write_text('''
        ... emitters = {kind = "chain", n = 2}
        ... field = {kind = "vacuum"}
        ... state = {kind = "inverted"}
        ... times = {stop = 4, number = 81}
        ... grid.emitters.spacing = [0.1, 0.2]
        ... ''')
        >>> found = co.scenarios.sweep(co.scenarios.read(file))
        >>> found.emission.dims, found.emission.max("time").values.round(4)
        (('emitters_spacing', 'time'), array([2., 2.]))
    """
    if not isinstance(scenario, Scenario):
        raise TypeError(
            f"scenario must be a Scenario (scenarios.read(...)), got {type(scenario).__name__}"
        )
    if not scenario.axes:
        raise scenario.file.error((), "a sweep needs a section [grid]")
    point = Point(scenario.file, scenario.axes, _name(scenario))
    found = swept(
        point,
        {axis.dimension: axis.values for axis in scenario.axes},
        executor=executor,
        store=store,
        seed=scenario.calls["run"].arguments.get("seed", SEED),
        progress=progress,
    )
    for axis in scenario.axes:
        found[axis.dimension].attrs["long_name"] = axis.name
    return found


def _seen(outcome: Outcome) -> "xarray.Dataset":
    """What a sweep keeps of one point: what a detector sees, without couplings and places."""
    found = outcome.to_xarray()
    kept = [name for name in (*_KEPT, *outcome.arrays()) if name in found]
    extra = [name for name in found.coords if name not in found.dims]
    return found[kept].drop_vars(extra, errors="ignore").drop_attrs(deep=False)


def _name(scenario: Scenario) -> str:
    """A name with a digest of all that decides what a point gives, beside its place in the grid."""
    file = scenario.file
    run = {name: value for name, value in file.data.get("run", {}).items() if name != "seed"}
    parts = {name: table for name, table in file.data.items() if name not in _IRRELEVANT}
    digest = hashlib.sha256(repr((_sorted(parts), _sorted(run))).encode())
    for given in array_files(file.data):
        digest.update(array_path(file, given).read_bytes())
    return f"scenario {digest.hexdigest()[:12]}"


def _sorted(value: Any) -> Any:
    """Nested tables as lists that do not depend on the order of their keys."""
    if isinstance(value, dict):
        return sorted((name, _sorted(inner)) for name, inner in value.items())
    return [_sorted(each) for each in value] if isinstance(value, list) else value
