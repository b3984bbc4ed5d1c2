"""What changes in time during a run: the light of pulses, and detunings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective.plot.labels import labels
from collective.plot.legends import legend
from collective.plot.style import COLOURS, axes
from collective.pulse import Controls, Pulse, Table
from collective.results.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHAPE_WIDTHS = 4.5  # of a Gaussian or sech that are drawn on each side
_POINTS = 201  # of every pulse
_BESIDE = 0.05  # of the time that is drawn before the first and after the last pulse


def pulses(
    drive: Pulse | Sequence[Pulse] | Result,
    *,
    ax: "Axes | None" = None,
) -> "Axes":
    r"""The strength of the light against time, :math:`|Ω|` of the emitter that sees most of it.

    The constant drive of couplings is not drawn. Detunings that change in time are a dashed line.

    Args:
        drive: a pulse, several pulses, or a result of `evolve(..., drive=...)`.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for a result of one time or without pulses and detunings, for no pulse at all,
            and for pulses for different numbers of emitters.
        TypeError: for anything else.

    Example:
        >>> import numpy as np, collective as co
        >>> half = co.pulse.square(area=np.pi / 2, start=0, length=0.1)
        >>> ax = co.plot.pulses(co.pulse.sequence([1, half, 2, half]))
        >>> ax.get_ylabel()
        '|Ω| (Γ₀)'
    """
    if isinstance(drive, Result):
        controls = drive.controls or Controls()
        span = float(drive.times[0]), float(drive.times[-1])
    else:
        controls, span = Controls(drive), None  # type: ignore[arg-type]
    if not controls.drive and controls.detunings is None:
        raise ValueError("drive has no pulses and no detunings that change in time")
    ax = axes(ax)
    unit = labels(drive)
    shapes = {pulse.rabi.shape for pulse in controls.drive} - {()}
    if len(shapes) > 1:
        counts = " and ".join(str(shape[0]) for shape in sorted(shapes))
        raise ValueError(f"drive: its pulses are for different numbers of emitters, {counts}")
    if span is not None and span[0] == span[1]:
        raise ValueError(f"drive: this result has one time alone, t = {span[0]:g}")
    if span is None:
        ends = [t for pulse in controls.drive for t in _drawn(pulse)]
        beside = _BESIDE * (max(ends) - min(ends))
        span = min(ends) - beside, max(ends) + beside
    ax.set(xlabel=unit.times(), xlim=span)
    if controls.drive:
        times = _times(controls.drive, span)
        light = sum(pulse(times).reshape(len(times), -1) for pulse in controls.drive)
        sizes = np.abs(light)
        strongest = sizes[:, int(np.argmax(sizes.max(axis=0)))]
        ax.plot(times, strongest, color=COLOURS[0], label="|Ω|")
        ax.fill_between(times, strongest, color=COLOURS[0], alpha=0.25, lw=0)
        ax.set_ylabel(unit.rates("|Ω|"))
    if isinstance(controls.detunings, Table):
        times = np.linspace(*span, _POINTS)
        values = controls.detunings(times).reshape(len(times), -1)
        ax.plot(times, values[:, 0], "--", color=COLOURS[1], label="δ")
        ax.plot(times, values[:, 1:], "--", color=COLOURS[1])
        ax.set_ylabel(unit.rates("|Ω|, δ" if controls.drive else "δ"))
        legend(ax)
    return ax


def _drawn(pulse: Pulse) -> tuple[float, float]:
    """The times between which a pulse can be seen."""
    if pulse.shape in ("square", "array"):
        return pulse.support
    reach = _SHAPE_WIDTHS * pulse.width
    return pulse.centre - reach, pulse.centre + reach


def _times(drive: Sequence[Pulse], span: tuple[float, float]) -> NDArray[np.float64]:
    """Times that show every pulse, and both sides of its ends."""
    found = [np.array(span)]
    for pulse in drive:
        start, end = _drawn(pulse)
        found += [np.linspace(start, end, _POINTS), np.nextafter([start, end], [-np.inf, np.inf])]
        found.append(np.nextafter([start, end], [np.inf, -np.inf]))
        found.append(np.array(pulse.kinks))
    times = np.unique(np.concatenate(found))
    return times[(times >= span[0]) & (times <= span[1])]
