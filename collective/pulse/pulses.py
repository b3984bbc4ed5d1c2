r"""Pulses of light with a shape in time, and sequences of them.

.. math:: H(t) = ½\sum_m (Ω_m(t)σ^+_m + h.c.), \qquad
          Ω_m(t) = Ω_m\, s(t)\, e^{i(φ − δτ − ½χτ²)}, \qquad τ = t − t_c

s is the shape, t_c the centre, φ the phase, δ the detuning of the light from the frame of the
couplings and χ the chirp: at the time t the light is δ + χτ above the frame's frequency.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from collective._tools import checks, equality
from collective.pulse.tables import INTERPOLATIONS, Table
from collective.pulse.timeline import Marks

SHAPES = ("square", "gaussian", "sech", "array")
_GAUSSIAN_REACH = 8.5  # widths from the centre: beyond, the shape is below round-off
_SECH_REACH = 37.0


@dataclass(frozen=True, eq=False, repr=False)
class Pulse:
    """One pulse; made by `square`, `gaussian`, `sech` or `from_array`, and called with a time.

    Attributes:
        shape: "square", "gaussian", "sech" or "array".
        rabi: Rabi frequency Ω at the peak, where the shape is 1: a number, or (N,).
        centre: t_c, the middle of the pulse.
        width: length of a square or of an array, standard deviation of a Gaussian, w of
            sech(τ/w).
        phase: φ, in radians.
        detuning: δ, frequency of the light at the centre minus that of the frame.
        chirp: χ, how fast this frequency grows.
        values: the shape of an "array", otherwise None.

    Two pulses are equal (`==`) if all of these are.
    """

    shape: str
    rabi: Any
    centre: float
    width: float
    phase: float = 0.0
    detuning: float = 0.0
    chirp: float = 0.0
    values: Table | None = None

    __getstate__ = checks.arguments
    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.choice("shape", self.shape, SHAPES)
        rabi = checks.finite("rabi", self.rabi, complex)
        if rabi.ndim > 1 or not rabi.size:
            raise ValueError(
                f"rabi must be a number or one number per emitter, got shape {rabi.shape}"
            )
        if (self.values is not None) != (self.shape == "array"):
            raise ValueError("values must be a Table for the shape 'array', and None for others")
        if self.values is not None:
            checks.instance("values", self.values, Table, "co.pulse.table")
            if self.values.values.ndim != 1:
                raise ValueError(
                    "values must be one number at each time, got shape "
                    f"{self.values.values.shape}; give the ratio of the emitters as rabi"
                )
        checks.freeze(
            self,
            rabi=rabi,
            width=checks.number("width", self.width, above=0),
            **{x: checks.number(x, getattr(self, x)) for x in _PLAIN},
        )

    def __call__(self, t: ArrayLike) -> Any:
        """Ω at a time or at times (T,): a complex number or (N,); (T,) or (T, N)."""
        return np.multiply.outer(self.factor(checks.finite("t", t)), self.rabi)[()]

    def factor(self, t: Any) -> Any:
        """Ω_m(t)/Ω_m, a complex number at a time, or at an array of times."""
        tau = np.asarray(t) - self.centre
        start, end = self.support
        inside = (t >= start) & ((t <= end) if self.shape != "square" else (t < end))
        within = np.where(inside, tau, 0.0)
        match self.shape:
            case "square":
                form: Any = 1.0
            case "gaussian":
                form = np.exp(-0.5 * (within / self.width) ** 2)
            case "sech":
                form = 1 / np.cosh(within / self.width)
            case _:
                assert self.values is not None
                form = self.values(np.where(inside, t, start))
        turned = self.phase - self.detuning * within - 0.5 * self.chirp * within**2
        return np.where(inside, form * np.exp(1j * turned), 0j)[()]

    @property
    def support(self) -> tuple[float, float]:
        """The times before and after which it is zero, or below round-off of its peak."""
        if self.values is not None:
            return float(self.values.times[0]), float(self.values.times[-1])
        reach = {"square": 0.5, "gaussian": _GAUSSIAN_REACH, "sech": _SECH_REACH}[self.shape]
        return self.centre - reach * self.width, self.centre + reach * self.width

    @property
    def kinks(self) -> tuple[float, ...]:
        """Times at which an integrator stops: both ends, and where an array has kinks."""
        return self.support if self.values is None else self.values.kinks

    @property
    def area(self) -> Any:
        r""":math:`|Ω_m \int s\,dt|`, a number or (N,): π turns an emitter from ground to excited.

        This is the angle of the rotation of a resonant emitter without decay; detuning and
        chirp are not part of it.
        """
        return np.abs(self.rabi * _integral(self.shape, self.width, self.values))[()]

    def marks(self) -> Marks:
        """Where an integrator has to stop, and how long its steps may be."""
        if self.values is not None:
            return self.values.marks()
        if self.shape == "square":
            return Marks(self.kinks)
        near = 8 * self.width
        inner = (self.centre - near, self.centre + near, self.width)
        return Marks(self.kinks, (inner, (*self.support, 4 * self.width)))

    def replace(self, **changes: Any) -> "Pulse":
        """A copy with some attributes changed.

        Raises:
            ValueError, TypeError: for a name that is not an attribute, or a value that is not
                possible; and for a new centre or width of a pulse from an array (use `shifted`).
        """
        known = [each.name for each in fields(self)]
        if unknown := sorted(changes.keys() - known):
            raise TypeError(f"a pulse has no {unknown[0]}: it has {', '.join(known)}")
        if self.values is not None and {"centre", "width"} & changes.keys():
            raise ValueError("centre and width of a pulse from an array follow from its times")
        return replace(self, **changes)

    def shifted(self, delay: float) -> "Pulse":
        """The same pulse at a later time.

        Args:
            delay: how much later, in inverse units of rate; negative for earlier.

        Example:
            >>> import collective as co
            >>> half = co.pulse.square(area=1.5, start=0, length=0.1)
            >>> half.shifted(5).support
            (5.0, 5.1)
        """
        delay = checks.number("delay", delay)
        values = self.values
        if values is not None:
            values = Table(values.times + delay, values.values, values.interpolation, values.name)
        return replace(self, centre=self.centre + delay, values=values)

    def __repr__(self) -> str:
        size = float(np.abs(self.rabi).max())
        which = "|Ω| ≤ " if self.rabi.ndim else "|Ω| = "
        further = "".join(
            f", {name} {getattr(self, name):g}"
            for name in ("phase", "detuning", "chirp")
            if getattr(self, name)
        )
        return (
            f"Pulse: {self.shape}, {which}{size:.6g}, centre {self.centre:g}, width "
            f"{self.width:g}{further}"
        )


_PLAIN = ("centre", "phase", "detuning", "chirp")


def _integral(shape: str, width: float, values: Table | None) -> complex:
    """∫ s dt."""
    if values is not None:
        return complex(values.integral())
    return {"square": 1.0, "gaussian": np.sqrt(2 * np.pi), "sech": np.pi}[shape] * width


def _made(
    shape: str,
    rabi: Any,
    area: Any,
    centre: Any,
    width: Any,
    phase: Any,
    detuning: Any,
    chirp: Any,
    values: Table | None = None,
) -> Pulse:
    """A pulse with a given Rabi frequency, or with a given area."""
    if (rabi is None) == (area is None):
        raise ValueError(
            "rabi and area: give one of them, the Rabi frequency at the peak or the area (np.pi "
            "for a π-pulse)"
        )
    width = checks.number("length" if shape == "square" else "width", width, above=0)
    if rabi is None:
        integral = abs(_integral(shape, width, values))
        if not integral > 0:
            raise ValueError("area: the integral of these values is 0; give rabi instead")
        rabi = checks.finite("area", area) / integral
    return Pulse(shape, rabi, centre, width, phase, detuning, chirp, values)


def square(
    *,
    length: float,
    start: float | None = None,
    centre: float | None = None,
    rabi: ArrayLike | None = None,
    area: ArrayLike | None = None,
    phase: float = 0.0,
    detuning: float = 0.0,
    chirp: float = 0.0,
) -> Pulse:
    r"""A pulse of constant strength: s = 1 for `length`.

    .. math:: Ω_m(t) = Ω_m e^{i(φ − δτ − ½χτ²)}

    Args:
        length: how long it lasts, in inverse units of rate.
        start: when it begins; or give `centre`.
        centre: its middle; or give `start`.
        rabi: Ω, a number or (N,) complex; without decay the population is sin²(Ωt/2).
        area: instead of rabi, Ω times the length: np.pi for a π-pulse, a number or (N,).
        phase: φ in radians.
        detuning: δ, frequency of the light at its centre minus that of the frame.
        chirp: χ, how fast this frequency grows, in units of rate squared.

    Raises:
        ValueError: for numbers that are not finite, or if both or none of start and centre, or of
            rabi and area, are given.

    Example:
        >>> import numpy as np, collective as co
        >>> co.pulse.square(area=np.pi, start=1, length=0.5)
        Pulse: square, |Ω| = 6.28319, centre 1.25, width 0.5
    """
    length = checks.number("length", length, above=0)
    if (start is None) == (centre is None):
        raise ValueError("start and centre: give one of them")
    if centre is None:
        centre = checks.number("start", start) + length / 2
    return _made("square", rabi, area, centre, length, phase, detuning, chirp)


def gaussian(
    *,
    centre: float,
    width: float,
    rabi: ArrayLike | None = None,
    area: ArrayLike | None = None,
    phase: float = 0.0,
    detuning: float = 0.0,
    chirp: float = 0.0,
) -> Pulse:
    r"""A Gaussian pulse: :math:`s = e^{−τ²/2w²}`.

    Args:
        centre: when it is strongest, in inverse units of rate.
        width: w, the standard deviation; Ω falls to half of its peak within 1.18 w. Beyond 8.5 w
            it is zero, which is below round-off of the peak.
        rabi: Ω at the peak, a number or (N,) complex.
        area: instead of rabi, :math:`\sqrt{2π}\,Ωw`: np.pi for a π-pulse, a number or (N,).
        phase: φ in radians.
        detuning: δ, frequency of the light at its centre minus that of the frame.
        chirp: χ, how fast this frequency grows, in units of rate squared.

    Raises:
        ValueError: for numbers that are not finite, or if both or none of rabi and area are given.

    Example:
        >>> import numpy as np, collective as co
        >>> pulse = co.pulse.gaussian(area=np.pi, centre=2, width=0.1)
        >>> float(abs(pulse(2)).round(4)), float(pulse.area.round(6))
        (12.5331, 3.141593)
    """
    return _made("gaussian", rabi, area, centre, width, phase, detuning, chirp)


def sech(
    *,
    centre: float,
    width: float,
    rabi: ArrayLike | None = None,
    area: ArrayLike | None = None,
    phase: float = 0.0,
    detuning: float = 0.0,
    chirp: float = 0.0,
) -> Pulse:
    r"""A pulse of the shape :math:`s = 1/\cosh(τ/w)`, that of self-induced transparency.

    Without decay a detuned emitter ends with the population
    :math:`\sin^2(A/2)/\cosh^2(πδw/2)`, where A is the area (Rosen and Zener, Phys. Rev. 40, 502
    (1932)).

    Args:
        centre: when it is strongest, in inverse units of rate.
        width: w. Beyond 37 w it is zero, which is below round-off of the peak.
        rabi: Ω at the peak, a number or (N,) complex.
        area: instead of rabi, πΩw: np.pi for a π-pulse, a number or (N,).
        phase: φ in radians.
        detuning: δ, frequency of the light at its centre minus that of the frame.
        chirp: χ, how fast this frequency grows, in units of rate squared.

    Raises:
        ValueError: for numbers that are not finite, or if both or none of rabi and area are given.

    Example:
        >>> import numpy as np, collective as co
        >>> co.pulse.sech(area=2 * np.pi, centre=0, width=0.5)
        Pulse: sech, |Ω| = 4, centre 0, width 0.5
    """
    return _made("sech", rabi, area, centre, width, phase, detuning, chirp)


def from_array(
    times: ArrayLike,
    values: ArrayLike,
    *,
    rabi: ArrayLike | None = None,
    area: ArrayLike | None = None,
    interpolation: str = "linear",
    phase: float = 0.0,
    detuning: float = 0.0,
    chirp: float = 0.0,
) -> Pulse:
    """A pulse whose shape is given by numbers, such as the samples of a generator.

    Args:
        times: (K,), increasing, in inverse units of rate. Before and after them the pulse is zero.
        values: (K,), s at these times, real or complex.
        rabi: Ω, by which the values are multiplied, a number or (N,) complex; 1 if neither rabi
            nor area is given.
        area: instead of rabi, the absolute value of Ω∫s dt, a number or (N,).
        interpolation: "linear", "cubic", or "steps", which keeps each value until the next of the
            times; the last value then has no effect.
        phase: φ in radians.
        detuning: δ, frequency of the light in the middle minus that of the frame.
        chirp: χ, how fast this frequency grows, in units of rate squared.

    Raises:
        ValueError: for times that do not increase, values of another length, or numbers that are
            not finite.

    Example:
        >>> import collective as co
        >>> pulse = co.pulse.from_array([0, 1, 3], [0, 2, 0], rabi=0.5)
        >>> pulse([0.5, 1, 2, 4]).real
        array([0.5, 1. , 0.5, 0. ])
    """
    checks.choice("interpolation", interpolation, INTERPOLATIONS)
    found = Table(times, values, interpolation)  # type: ignore[arg-type]
    if found.values.ndim != 1:
        raise ValueError(
            f"values must be (K,), one number at each time, got shape {found.values.shape}; give "
            "the ratio of the emitters as rabi"
        )
    first, last = float(found.times[0]), float(found.times[-1])
    if rabi is None and area is None:
        rabi = 1.0
    centre, width = 0.5 * (first + last), last - first
    return _made("array", rabi, area, centre, width, phase, detuning, chirp, found)


def sequence(parts: Iterable[Pulse | float], *, start: float = 0.0) -> tuple[Pulse, ...]:
    """Pulses one after the other, with waits between them.

    Args:
        parts: pulses, which begin as soon as the part before has ended, and waits, numbers ≥ 0 in
            inverse units of rate. A Gaussian takes 17 and a sech 74 of its widths.
        start: when the first part begins.

    Returns:
        The shifted pulses, for `evolve(drive=...)`.

    Raises:
        ValueError, TypeError: for a part that is neither a pulse nor a wait.

    Example:
        >>> import numpy as np, collective as co
        >>> half = co.pulse.square(area=np.pi / 2, start=0, length=0.25)
        >>> [pulse.support for pulse in co.pulse.sequence([half, 4, half])]
        [(0.0, 0.25), (4.25, 4.5)]
    """
    now, found = checks.number("start", start), []
    if isinstance(parts, Pulse | str) or not isinstance(parts, Iterable):
        raise TypeError(f"parts must be a list of pulses and waits, got {checks.short(parts)}")
    for i, part in enumerate(parts):
        if isinstance(part, Pulse):
            begin, end = part.support
            found.append(part.shifted(now - begin))
            now += end - begin
        else:
            now += checks.not_negative(f"parts[{i}]", part)
    return tuple(found)
