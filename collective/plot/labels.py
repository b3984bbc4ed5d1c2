"""The units in the labels of figures: of what is drawn, or as `in_units` names them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.emitters import Atoms, Emitters, Multilevel
from collective.results.result import Result

_SAME = 1e-9  # relative distance from 1 of a linewidth that is the unit of rate


@dataclass(frozen=True)
class Labels:
    """Units for the labels of one figure; without a name it is "units of time", for example.

    Attributes:
        time: such as "1/Γ₀" or "ns"; None if it has no name.
        length: such as "λ₀" or "nm"; None if it has no name.
    """

    time: str | None = "1/Γ₀"
    length: str | None = "λ₀"

    @property
    def rate(self) -> str | None:
        """The inverse of the unit of time."""
        if self.time is None:
            return None
        return self.time[2:] if self.time.startswith("1/") else f"1/{self.time}"

    @property
    def of_time(self) -> str:
        """For the label of an axis."""
        return self.time or "units of time"

    @property
    def of_rate(self) -> str:
        """For the label of an axis."""
        return self.rate or "units of rate"

    @property
    def of_length(self) -> str:
        """For the label of an axis."""
        return self.length or "units of length"

    @property
    def per_angle(self) -> str:
        """The unit of a rate per solid angle."""
        return _per(self.rate, "sr") or "units of rate/sr"

    @property
    def per_area(self) -> str:
        """The unit of a rate per area."""
        area = f"{self.length}²" if self.length else "length²"
        return _per(self.rate, area) or f"rate/{area}"

    @property
    def per_length(self) -> str:
        """The unit of a wave number."""
        return f"1/{self.of_length}"

    def times(self, label: str = "time") -> str:
        """The label of an axis of times."""
        return f"{label} ({self.of_time})"

    def rates(self, label: str = "emission rate") -> str:
        """The label of an axis of rates."""
        return f"{label} ({self.of_rate})"

    def at(self, time: str) -> str:
        """A time as text, such as "2/Γ₀", "2 ns", or "2" in a unit without a name."""
        return _with_unit(time, self.time)

    def rate_of(self, rate: str) -> str:
        """A rate as text, such as "2 Γ₀", "2/ns", or "2" in a unit without a name."""
        return _with_unit(rate, self.rate)


_NAMED: ContextVar[Labels | None] = ContextVar("units of figures", default=None)


def in_units(*, time: str | None = None, length: str | None = None) -> AbstractContextManager[None]:
    """Name the units of the numbers in figures: all that are drawn inside of the block.

    Nothing is converted: the names must be those of the units in which the emitters and times were
    given. Without it labels say λ₀ and Γ₀ where the wavelength of the emitters is 1 and the
    linewidth of one of them is 1, and "units of length" and "units of time" elsewhere. Spectra,
    reflections, pulses, `Modes` and a `MasterEquation` of your own do not know their emitters:
    their figures say Γ₀. Bands and the shifts of `zeeman` are always in Γ₀, whatever is named.

    Args:
        time: the unit of time, such as "ns"; the unit of rates is then "1/ns". None is as without
            `in_units`.
        length: the unit of length, such as "nm". None is as without `in_units`.

    Returns:
        What belongs behind ``with``.

    Raises:
        ValueError: if neither is given.
        TypeError: for a name that is not a text.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.Couplings([[2e7, 1e7], [1e7, 2e7]], [[0, 0], [0, 0]])  # 1/s
        >>> result = co.evolve(pair, "inverted", np.linspace(0, 2e-7, 51))
        >>> with co.plot.in_units(time="s"):
        ...     ax = co.plot.emission(result)
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('time (s)', 'emission rate (1/s)')
    """
    if time is None and length is None:
        raise ValueError('in_units needs a unit: time="ns", length="nm", or both')
    for name, unit in (("time", time), ("length", length)):
        if unit is None:
            continue
        if not isinstance(unit, str):
            raise TypeError(f'{name} must be the name of a unit, such as "ns"; got {unit!r}')
        if not unit.strip():
            raise ValueError(f'{name} must be the name of a unit, such as "ns"; got {unit!r}')
    return _named(time, length)


@contextmanager
def _named(time: str | None, length: str | None) -> Iterator[None]:
    """The block of `in_units`; a block inside of another one changes what it names."""
    outer = _NAMED.get() or Labels(None, None)
    token = _NAMED.set(Labels(time or outer.time, length or outer.length))
    try:
        yield
    finally:
        _NAMED.reset(token)


def labels(*things: Any) -> Labels:
    """The units of a figure of these things.

    Args:
        things: results, datasets, couplings, emitters; what does not know its units is in
            Γ₀ and λ₀.
    """
    found = Labels()
    if any(_in_linewidths(thing) is False for thing in things):
        found = replace(found, time=None)
    if any(_in_wavelengths(thing) is False for thing in things):
        found = replace(found, length=None)
    named = _NAMED.get()
    if named is None:
        return found
    return Labels(named.time or found.time, named.length or found.length)


def _in_linewidths(thing: Any) -> bool | None:
    """Whether the linewidth of some emitter is 1, so that it is Γ₀; None if that is not known."""
    thing = _source(thing)
    if isinstance(thing, Emitters):
        return _one_is_unit(thing.decay_rates)
    if isinstance(thing, Atoms):
        return _one_is_unit(thing.linewidths)
    if isinstance(thing, Multilevel):
        return _one_is_unit(_linewidths(thing))
    if isinstance(thing, Couplings):
        return _one_is_unit(np.asarray(thing.decay.diagonal()).real)
    variables = getattr(thing, "data_vars", {})  # of a dataset of co.ensemble or co.sweep
    if "decay_rates" in variables:
        return _one_is_unit(thing["decay_rates"].values)
    if "decay" in variables and thing["decay"].dims == ("emitter", "emitter_2"):
        return _one_is_unit(thing["decay"].values.diagonal().real)
    return None


def _in_wavelengths(thing: Any) -> bool | None:
    """Whether the wavelength of the emitters is the unit of length; None if that is not known."""
    thing = _source(thing)
    if isinstance(thing, Emitters | Atoms):
        return bool(thing.wavelength == 1)
    return None


def _source(thing: Any) -> Any:
    """What knows the units: emitters, atoms or levels if there are some."""
    if isinstance(thing, Result):
        if thing.couplings is None:
            return thing.equation.multilevel if thing.equation is not None else None
        thing = thing.couplings
    if isinstance(thing, CavityCouplings):
        thing = thing.couplings
    if isinstance(thing, ChannelCouplings):
        return thing.atoms
    if isinstance(thing, Couplings) and thing.emitters is not None:
        return thing.emitters
    return thing


def _linewidths(levels: Multilevel) -> list[float]:
    """Γ = ω³|d̃|²/3πc³ of each pair of levels of each emitter."""
    found: list[float] = []
    for energies, dipoles in zip(levels.energies, levels.dipoles, strict=True):
        frequency = energies[:, None] - energies
        size = np.sum(np.abs(dipoles) ** 2, axis=-1)
        k = np.maximum(frequency, 0) / levels.speed_of_light
        found += list((k**3 * size / (3 * np.pi)).ravel())
    return found


def _one_is_unit(rates: ArrayLike) -> bool:
    """Whether one of some rates is 1."""
    return bool(np.any(np.abs(np.asarray(rates, dtype=float) - 1) <= _SAME))


def _per(rate: str | None, other: str) -> str | None:
    """The unit of a rate per something else."""
    if rate is None:
        return None
    return f"{rate[:2]}({rate[2:]} {other})" if rate.startswith("1/") else f"{rate}/{other}"


def _with_unit(number: str, unit: str | None) -> str:
    """A number before its unit; "1/s" becomes "/s"."""
    if unit is None:
        return number
    return f"{number}{unit[1:]}" if unit.startswith("1/") else f"{number} {unit}"
