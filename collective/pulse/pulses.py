"""What makes pulses: shapes with a Rabi frequency or an area, and sequences of them."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from collective._tools import checks
from collective.pulse.pulse import Pulse, integral
from collective.pulse.tables import INTERPOLATIONS, Interpolation, Table


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
        whole = abs(integral(shape, width, values))
        if not whole > 0:
            raise ValueError("area: the integral of these values is 0; give rabi instead")
        given = checks.finite("area", area)
        if given.ndim > 1 or not given.size:
            raise ValueError(
                f"area must be a number or one number per emitter, got shape {given.shape}"
            )
        rabi = given / whole
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
    interpolation: Interpolation = "linear",
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


def sequence(parts: Sequence[Pulse | float], *, start: float = 0.0) -> tuple[Pulse, ...]:
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
    if not isinstance(parts, list | tuple):
        raise TypeError(f"parts must be a list of pulses and waits, got {checks.short(parts)}")
    for i, part in enumerate(parts):
        if isinstance(part, Pulse):
            begin, end = part.support
            found.append(part.shifted(now - begin))
            now += end - begin
        else:
            now += checks.not_negative(f"parts[{i}]", part)
    return tuple(found)
