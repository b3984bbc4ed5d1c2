"""How a request whose couplings change in time looks to an engine, before its unit is known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.engines.request import Problem
from collective.pulse.motion import Motion
from collective.pulse.timeline import Marks

Shape = Callable[[float], complex]


@dataclass(frozen=True, eq=False)
class Light:
    """One part of the light: Rabi frequencies, (N,), and a function of the user's time."""

    rabi: NDArray[np.complex128]
    shape: Shape


@dataclass(frozen=True, eq=False)
class Plan:
    """How a request looks to an engine, still in the user's unit and time.

    Attributes:
        problem: the couplings, whose drive is what the envelope multiplies.
        envelope: function of the user's time, or None.
        pulse: values of the envelope.
        strongest: the largest of them.
        share: the mean strength of the light over its largest strength.
        fastest: a frequency with which something turns beside what the problem says, or 0.
        quicker: the mean over time of the largest factor of Γ and Δ.
        stronger: the largest factor of Γ and Δ, at least 1.
        lights: parts of the drive, if one envelope is not enough.
        detunings: function of the user's time that returns (N,), or None.
        strength: the same for g.
        marks: kinks; None if nothing is known of them.
        unknown: functions of the user's time that are sampled for kinks.
        turn: φ, or None.
    """

    problem: Problem
    envelope: Shape | None = None
    pulse: NDArray[np.complex128] | None = None
    strongest: float = 1.0
    share: float = 1.0
    quicker: float = 1.0
    fastest: float = 0.0
    stronger: float = 1.0
    lights: tuple[Light, ...] | None = None
    detunings: Callable[[float], NDArray[np.float64]] | None = None
    strength: Callable[[float], NDArray[np.float64]] | None = None
    marks: Marks | None = None
    unknown: tuple[Callable[[float], Any], ...] = ()
    turn: Callable[[float], float] | None = None

    def in_unit(
        self, times: NDArray[np.float64], since: NDArray[np.float64], unit: float
    ) -> dict[str, Any]:
        """Arguments of a request in another unit, whose times are `since`."""
        clock = _Clock(times, since, unit)
        found: dict[str, Any] = {"turn": self.turn, "share": self.share, "quicker": self.quicker}
        if self.pulse is not None:
            found["pulse"] = self.pulse
        if self.envelope is not None:
            found["envelope"] = clock.slowed(self.envelope)
        if self.marks is not None:
            found["marks"] = self.marks.moved(float(times[0]), unit)
            found["unknown"] = tuple(clock.slowed(each) for each in self.unknown)
        if self.lights is not None:
            assert isinstance(self.problem, Couplings | ChannelCouplings)
            detunings, strength = self.detunings, self.strength
            shape = len(self.lights), len(self.problem.drive)
            rabi: NDArray[np.complex128] = np.zeros(shape, dtype=complex)
            for k, light in enumerate(self.lights):
                rabi[k] = light.rabi / unit
            found["motion"] = Motion(
                rabi,
                tuple(clock.slowed(light.shape) for light in self.lights),
                None if detunings is None else clock.slowed(lambda t: detunings(t) / unit),
                None if strength is None else clock.slowed(strength),
            )
        return found


@dataclass(frozen=True, eq=False)
class _Clock:
    """Times of the user (T,), the same in the engine's unit, and this unit."""

    times: NDArray[np.float64]
    since: NDArray[np.float64]
    unit: float

    def slowed(self, function: Callable[[float], Any]) -> Callable[[float], Any]:
        """A function as one of the engine's time; at output times exactly the user's."""
        first, last, unit = float(self.times[0]), float(self.times[-1]), self.unit
        known = dict(zip(self.since.tolist(), self.times.tolist(), strict=True))

        def slowed(t: float) -> Any:
            user = known.get(float(t))
            if user is None:
                user = min(max(first + float(t) / unit, first), last)
            return function(user)

        return slowed
