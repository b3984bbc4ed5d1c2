"""What a scenario may ask for beyond the emission: observables, as arrays with names and units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective import observables
from collective._tools import checks, equality
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.modes import Modes

_RATE = "units of rate (Γ₀ by default)"
_TIME = "inverse units of rate (1/Γ₀ by default)"
_LENGTH = "units of length (wavelengths by default)"
_SOLID = "units of rate per steradian"
_AREA = "share of the power of the beam; without waist an area in units of length²"
_WITH_WAIST = "waist"


@dataclass(frozen=True)
class Part:
    """One array of the answer of an observable.

    Attributes:
        dims: its dimensions.
        units: its units.
        attribute: of the answer that holds it; "" if the answer is the array itself.
        only_with: an argument without which the answer has no such array.
    """

    dims: tuple[str, ...]
    units: str = "1"
    attribute: str = ""
    only_with: str = ""


@dataclass(frozen=True)
class Observable:
    """How an observable is asked for.

    Attributes:
        name: of the function in `collective.observables`, or "modes".
        of: "result", or "couplings" if no time evolution is needed.
        parts: arrays of the answer, by what is added to the name of the observable.
        needs: "correlations" or "states", which the result must then hold.
        instead: what it needs of an engine that keeps no states, if that can be enough.
        axes: dimensions whose coordinates are an argument, with that argument and its units.
        skip: arguments beside the first that a scenario does not give.
    """

    name: str
    of: str
    parts: dict[str, Part]
    needs: str = ""
    instead: str | None = None
    axes: dict[str, tuple[str, str]] = field(default_factory=dict)
    skip: tuple[str, ...] = ()

    def needed(self, method: Any) -> str:
        """What the result of an engine, or of "auto", must hold."""
        kept = ("states",) if isinstance(method, str) else method.keeps
        return self.needs if self.instead is None or "states" in kept else self.instead

    @property
    def function(self) -> Any:
        """The function, whose first argument is the result or the couplings."""
        return modes if self.name == "modes" else getattr(observables, self.name)


@dataclass(frozen=True, eq=False)
class Observed:
    """An array that a scenario has asked for, with its dimensions, units and meaning."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    units: str
    meaning: str

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.lock(vars(self))


def modes(couplings: Couplings | ChannelCouplings) -> Modes:
    """Decay rate and shift of each collective mode of a single excitation, `Couplings.modes`."""
    if not isinstance(couplings, ChannelCouplings):
        checks.instance("couplings", couplings, Couplings, "a section [couplings]")
    return couplings.modes()


_VECTORS = ("direction", "point")  # dimensions whose coordinates have three components
_OWN = (*_VECTORS, "frequency", "delay", "polar", "azimuth")  # of each observable alone
_DIRECTION = {"direction": ("directions", "1")}
_FREQUENCY = {"frequency": ("frequencies", _RATE)}
_DELAY = {"delay": ("delays", _TIME)}

OBSERVABLES = {
    each.name: each
    for each in (
        Observable(
            "angular_pattern",
            "result",
            {"": Part(("time", "direction"), _SOLID)},
            "correlations",
            axes=_DIRECTION,
        ),
        Observable("collected", "result", {"": Part(("time",), _RATE)}, "correlations"),
        Observable(
            "far_field",
            "result",
            {
                "": Part(("time", "polar", "azimuth"), _SOLID, "pattern"),
                "_polar": Part(("polar",), "rad", "polar"),
                "_azimuth": Part(("azimuth",), "rad", "azimuth"),
            },
            "correlations",
        ),
        Observable(
            "near_field",
            "result",
            {"": Part(("time", "point"), "units of rate per length²")},
            "correlations",
            axes={"point": ("points", _LENGTH)},
            skip=("field",),
        ),
        Observable(
            "excitation_distribution", "result", {"": Part(("time", "excited"))}, "states", ""
        ),
        Observable("concurrence", "result", {"": Part(("time",))}, "states", "correlations"),
        Observable("negativity", "result", {"": Part(("time",))}, "states"),
        Observable("purity", "result", {"": Part(("time",))}, "states"),
        Observable("entropy", "result", {"": Part(("time",))}, "states"),
        Observable("squeezing", "result", {"": Part(("time",))}, "states", skip=("state", "times")),
        Observable(
            "spectrum",
            "couplings",
            {
                "": Part(("frequency",), "photons per frequency", "values"),
                "_coherent": Part((), _RATE, "coherent"),
                "_total": Part((), "photons, per time in a steady state", "total"),
            },
            axes=_FREQUENCY,
        ),
        Observable("g1", "couplings", {"": Part(("delay",))}, axes=_DELAY),
        Observable("g2", "couplings", {"": Part(("delay",))}, axes=_DELAY),
        Observable(
            "steady",
            "couplings",
            {
                "_emission": Part((), _RATE, "emission"),
                "_excitation": Part((), "1", "excitation"),
                "_populations": Part(("emitter",), "1", "populations"),
            },
        ),
        Observable(
            "scattering",
            "couplings",
            {
                "_transmission": Part(("frequency",), "1", "transmission"),
                "_reflection": Part(("frequency",), "1", "reflection"),
                "_loss": Part(("frequency",), "1", "loss"),
            },
            axes=_FREQUENCY,
        ),
        Observable(
            "weak_light",
            "couplings",
            {
                "_extinction": Part(("frequency",), _AREA, "extinction"),
                "_scattered": Part(("frequency",), _AREA, "scattered"),
                "_transmission": Part(("frequency",), "1", "transmission", _WITH_WAIST),
                "_reflection": Part(("frequency",), "1", "reflection", _WITH_WAIST),
                "_loss": Part(("frequency",), "1", "loss", _WITH_WAIST),
                "_optical_depth": Part(("frequency",), "1", "optical_depth", _WITH_WAIST),
            },
            axes=_FREQUENCY,
        ),
        Observable(
            "polarised_emission",
            "result",
            {"": Part(("time", "line", "transition"), _RATE)},
            "correlations",
        ),
        Observable(
            "burst_criterion",
            "couplings",
            {
                "_slope": Part((), f"{_RATE}, squared", "slope"),
                "_variance": Part((), "1", "variance"),
                "_threshold": Part((), "1", "threshold"),
                "_bursts": Part((), "1", "bursts"),
            },
        ),
        Observable("inverted_g2", "couplings", {"": Part(())}),
        Observable("participation_ratios", "couplings", {"": Part(("mode",))}),
        Observable(
            "modes",
            "couplings",
            {
                "_rates": Part(("mode",), _RATE, "rates"),
                "_shifts": Part(("mode",), _RATE, "shifts"),
            },
        ),
    )
}


def observed(
    name: str, answer: Any, arguments: Mapping[str, Any], meaning: str
) -> dict[str, Observed]:
    """The arrays of the answer of an observable, with those of its coordinates.

    Args:
        name: of the observable.
        answer: what its function has returned.
        arguments: what it was given.
        meaning: what the observable is, in one line.
    """
    asked = OBSERVABLES[name]
    found = {}
    for suffix, part in asked.parts.items():
        if part.only_with and arguments.get(part.only_with) is None:
            continue
        values = np.asarray(getattr(answer, part.attribute) if part.attribute else answer)
        what = f"{part.attribute} of: {meaning}" if part.attribute else meaning
        along = part.dims
        if along == ("emitter",) and values.ndim == 2:  # of atoms with levels
            along = ("emitter", "level")
        if values.ndim != len(along):  # points of any shape, or a single one
            values = values.reshape(len(values), -1)
        found[name + suffix] = Observed(along, values, part.units, what)
    for dim, (argument, units) in asked.axes.items():
        values = np.asarray(arguments[argument], dtype=float)
        dims: tuple[str, ...] = (dim,)
        if dim in _VECTORS:
            values, dims = values.reshape(-1, 3), (dim, "component")
        suffix = argument if dim in _VECTORS else dim
        found[f"{name}_{suffix}"] = Observed(dims, np.atleast_1d(values), units, argument)
    own = {dim: f"{name}_{dim}" for dim in _OWN}
    return {key: _renamed(one, own) for key, one in found.items()}


def _renamed(one: Observed, names: Mapping[str, str]) -> Observed:
    """The array with other names of dimensions, so that two observables do not share them."""
    dims = tuple(names.get(dim, dim) for dim in one.dims)
    return Observed(dims, one.values, one.units, one.meaning)
