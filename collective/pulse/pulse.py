r"""Pulses of light with a shape in time, and sequences of them.

.. math:: H(t) = ½\sum_m (Ω_m(t)σ^+_m + h.c.), \qquad
          Ω_m(t) = Ω_m\, s(t)\, e^{i(φ − δτ − ½χτ²)}, \qquad τ = t − t_c

s is the shape, t_c the centre, φ the phase, δ the detuning of the light from the frame of the
couplings and χ the chirp: at the time t the light is δ + χτ above the frame's frequency.
"""

import cmath
import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective.pulse.tables import Table, integral_of_table, interpolated, marks_of_table
from collective.pulse.timeline import Marks

SHAPES = ("square", "gaussian", "sech", "array")
_PLAIN = ("centre", "phase", "detuning", "chirp")
_GAUSSIAN_REACH = 8.5  # widths from the centre: beyond, the shape is below round-off
_SECH_REACH = 37.0
_RADIANS = 3.0  # by which the light turns in one step, at most


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
        return np.multiply.outer(shape_at(self, checks.finite("t", t)), self.rabi)[()]

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
        return np.abs(self.rabi * integral(self.shape, self.width, self.values))[()]

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


def factor_at(pulse: Pulse, t: float) -> complex:
    """Ω_m(t)/Ω_m at one time, in a few microseconds: integrators ask often."""
    start, end = pulse.support
    if not start <= t <= end or (t == end and pulse.shape == "square"):
        return 0j
    tau = t - pulse.centre
    match pulse.shape:
        case "square":
            form: complex = 1.0
        case "gaussian":
            form = math.exp(-0.5 * (tau / pulse.width) ** 2)
        case "sech":
            form = 1 / math.cosh(tau / pulse.width)
        case _:
            assert pulse.values is not None
            form = complex(interpolated(pulse.values, t))
    turned = pulse.phase - (pulse.detuning + 0.5 * pulse.chirp * tau) * tau
    return form * cmath.exp(1j * turned)


def shape_at(pulse: Pulse, t: NDArray[np.float64]) -> Any:
    """Ω_m(t)/Ω_m at an array of times."""
    found = [factor_at(pulse, each) for each in t.ravel().tolist()]
    return np.array(found, dtype=complex).reshape(t.shape)


def marks_of_pulse(pulse: Pulse) -> Marks:
    """Where an integrator has to stop, and how long its steps may be."""
    start, end = pulse.support
    turning = abs(pulse.detuning) + 0.5 * abs(pulse.chirp) * (end - start)
    found = Marks(limits=((start, end, _RADIANS / turning),)) if turning else Marks()
    if pulse.values is not None:
        return found.joined(marks_of_table(pulse.values))
    if pulse.shape == "square":
        return found.joined(Marks(pulse.kinks))
    near = 8 * pulse.width
    inner = (pulse.centre - near, pulse.centre + near, pulse.width)
    return found.joined(Marks(pulse.kinks, (inner, (start, end, 4 * pulse.width))))


def integral(shape: str, width: float, values: Table | None) -> complex:
    """∫ s dt."""
    if values is not None:
        return complex(integral_of_table(values))
    return {"square": 1.0, "gaussian": np.sqrt(2 * np.pi), "sech": np.pi}[shape] * width
