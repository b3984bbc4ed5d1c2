"""How long a scenario will take and how much memory, predicted without running it."""

from dataclasses import dataclass

from collective._tools.memory import bytes_text
from collective.engines.base import Cost
from collective.engines.methods import seconds_text
from collective.scenarios.grids import spread
from collective.scenarios.reading import at
from collective.scenarios.scenario import Scenario
from collective.scenarios.source import ScenarioError

_LOOKED_AT = 64  # points of a sweep whose cost is predicted one by one


@dataclass(frozen=True)
class Plan:
    """What a scenario will take.

    Attributes:
        points: of the grid, 1 for a single run.
        looked_at: points whose cost was predicted; the rest is as long as these on average.
        seconds: of all points, one after the other.
        bytes: of the largest point.
        methods: how many of the points looked at each engine would run.
        refused: points looked at that no engine can evolve, or whose values do not fit.
        why: the first of these refusals.
    """

    points: int
    looked_at: int
    seconds: float
    bytes: int
    methods: dict[str, int]
    refused: int
    why: str

    def __str__(self) -> str:
        names = ", ".join(sorted(self.methods, key=lambda name: -self.methods[name]))
        by = f" by {names}" if names else ""
        text = f"predicted: {seconds_text(self.seconds)}{by}, {bytes_text(self.bytes)} of memory"
        if self.points > 1:
            text = (
                f"{self.points:,} points, one after the other: {text.removeprefix('predicted: ')}"
            )
        if self.looked_at < self.points:
            text += f" (from {self.looked_at} of them)"
        if not self.methods and not self.refused:
            text = "no time evolution: nothing to predict"
        if self.refused:
            text += f"\n{self.refused} of {self.looked_at} cannot be evolved, the first: {self.why}"
        return text + "\nObservables and the reading of files are not included."


def plan(scenario: Scenario) -> Plan:
    """Predict the time and the memory of a run, or of all points of a sweep.

    Of a sweep with many points only some are looked at, evenly spread over the grid.
    """
    points = scenario.points
    chosen = spread(points, _LOOKED_AT)
    shape = tuple(len(axis.values) for axis in scenario.axes)
    seconds, largest, refused, why = 0.0, 0, 0, ""
    methods: dict[str, int] = {}
    for flat in chosen:
        place = _place(flat, shape)
        try:
            found = cost(at(scenario, place) if shape else scenario)
        except ScenarioError as error:
            refused += 1
            why = why or str(error)
            continue
        if found is None:
            continue
        name, needed = found
        seconds += needed.seconds
        largest = max(largest, needed.bytes)
        methods[name] = methods.get(name, 0) + 1
    answered = max(1, len(chosen) - refused)
    return Plan(points, len(chosen), seconds * points / answered, largest, methods, refused, why)


def cost(scenario: Scenario) -> tuple[str, Cost] | None:
    """The engine that will run, and its cost; None for a scenario without a time evolution.

    Raises:
        ScenarioError: if no engine, or not the named one, can evolve it.
    """
    if scenario.times is None:
        return None
    table = scenario.methods()
    automatic = isinstance(scenario.method, str)
    name = table.chosen if automatic else scenario.method.name
    if name is None:
        raise scenario.source.error(
            ("method", "name"), f'no engine that "auto" would take: {table.needed()}'
        )
    if name not in table.costs:
        raise scenario.source.error(("method", "name"), table.refusals[name])
    if not table.fits(name):
        needed = bytes_text(table.costs[name].bytes)
        raise scenario.source.error(
            ("method", "name"), f"method {name!r} needs {needed}, more than there is"
        )
    return name, table.costs[name]


def _place(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index on each axis of a point that is counted with the last axis fastest."""
    found = []
    for size in reversed(shape):
        flat, index = divmod(flat, size)
        found.append(index)
    return tuple(reversed(found))
