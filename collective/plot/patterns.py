"""Light in space: polar and three-dimensional patterns, and maps of the intensity near emitters."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from collective._tools import checks
from collective.couplings.channels import ChannelCouplings
from collective.fields.answers import inside
from collective.observables import patterns
from collective.plot.labels import Labels, labels
from collective.plot.legends import draw_curves, name_curves
from collective.plot.maps import (
    Plane,
    draw,
    draw_matter,
    middle_of,
    square,
    unit_vectors,
    up_to_matter,
)
from collective.plot.style import axes, by_label
from collective.results.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PER_ANGLE = "emission rate per solid angle"
_ANGLES = 721  # points of a polar curve


def pattern(
    results: Result | Sequence[Result] | Mapping[str, Result],
    *,
    plane: Plane = "xz",
    time: float | None = None,
    polarisation: Literal["s", "p", "helicity+", "helicity-"] | ArrayLike | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """dR/dΩ in a plane, as a polar figure: the distance of a curve from the centre is the rate.

    Args:
        results: with correlations; one result, several, or several by label.
        plane: "xz" has +x on the right and +z on top; likewise "xy", "yz" and the others.
        time: in inverse units of rate; the nearest time of each result is used. None takes the
            time of the largest emission of each result.
        polarisation: of a polariser, as in `observables.angular_pattern`. "s" and "p" need a plane
            without the axis to which they refer; in one with it, such as "xz", give the vector
            (0, 1, 0) for light that is polarised across the plane.
        ax: polar axes to draw on; None makes a new figure.

    Raises:
        ValueError: as for `observables.angular_pattern`, or for axes that are not polar.
    """
    from matplotlib.ticker import MaxNLocator

    across, up = unit_vectors(plane)
    named = by_label(results)
    angles = np.linspace(0, 2 * np.pi, _ANGLES)
    directions = np.cos(angles)[:, None] * across + np.sin(angles)[:, None] * up
    moments = [_at(result, time) for result in named.values()]
    curves = [
        patterns.angular_pattern(moment, directions, polarisation=polarisation)[0]
        for moment in moments
    ]
    drawn = axes(ax, "polar")
    draw_curves(drawn, named, [(angles, curve) for curve in curves])
    drawn.set_ylim(bottom=0)
    ticks = np.arange(8) * np.pi / 4
    ends = [f"+{plane[0]}", "", f"+{plane[1]}", "", f"−{plane[0]}", "", f"−{plane[1]}", ""]
    drawn.set_xticks(ticks, ends)
    drawn.set_rlabel_position(22.5)
    drawn.yaxis.set_major_locator(MaxNLocator(4))
    unit = labels(*named.values())
    drawn.set_xlabel(f"{_PER_ANGLE} ({unit.per_angle})")
    if len(named) > 1:
        name_curves(drawn, list(named), loc="upper left", bbox_to_anchor=(1.05, 1.05))
    titles = {_moment(moment, unit) for moment in moments}
    if len(titles) == 1:
        drawn.set_title(titles.pop())
    return drawn


def pattern_3d(result: Result, *, time: float | None = None, ax: "Axes | None" = None) -> "Axes":
    """dR/dΩ in all directions, as a surface: its distance from the origin and colour are the rate.

    Args:
        result: with correlations.
        time: in inverse units of rate; the nearest time of the result is used. None takes the time
            of the largest emission.
        ax: 3D axes to draw on; None makes a new figure.

    Raises:
        ValueError: as for `observables.angular_pattern`, or for axes that are not 3D.
    """
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    moment = _at(result, time)
    polar, azimuth = np.linspace(0, np.pi, 151), np.linspace(0, 2 * np.pi, 91)
    theta, phi = np.meshgrid(polar, azimuth, indexing="ij")
    directions = np.stack(
        [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1
    )
    rates = patterns.angular_pattern(moment, directions.reshape(-1, 3))[0].reshape(theta.shape)
    drawn = axes(ax, "3d")
    colour = ScalarMappable(Normalize(0, rates.max() or 1.0), matplotlib.colormaps["viridis"])
    surface = np.moveaxis(directions * rates[..., None], -1, 0)
    drawn.plot_surface(
        *surface,
        facecolors=colour.to_rgba(rates),
        rcount=len(polar),
        ccount=len(azimuth),
        linewidth=0,
        antialiased=False,
        shade=False,
    )
    low, high = surface.min(axis=(1, 2)), surface.max(axis=(1, 2))
    # the same scale on all axes, and some space around a narrow lobe
    widths = np.maximum(high - low, 0.4 * np.max(high - low)) if rates.any() else np.ones(3)
    limits = ((low + high) / 2 + np.array([[-0.52], [0.52]]) * widths).T
    drawn.set(**dict(zip(("xlim", "ylim", "zlim"), limits, strict=True)))
    drawn.set_box_aspect(widths, zoom=0.85)
    drawn.set(xlabel="x", ylabel="y", zlabel="z", xticklabels=[], yticklabels=[], zticklabels=[])
    unit = labels(result)
    label = f"{_PER_ANGLE} ({unit.per_angle})"
    drawn.figure.colorbar(colour, ax=drawn, label=label, shrink=0.7, pad=0.1)
    drawn.set_title(_moment(moment, unit))
    return drawn


def field_map(
    result: Result,
    *,
    plane: Plane = "xz",
    extent: float | None = None,
    centre: ArrayLike | None = None,
    time: float | None = None,
    field: Any = None,
    points: int = 121,
    ax: "Axes | None" = None,
) -> "Axes":
    """Intensity of the light of the emitters in a plane, on a logarithmic scale.

    The colours span the middle 98 % of the plane. Discs around emitters in the plane, where it
    diverges, stay white. Solid matter is grey.

    Args:
        result: with correlations.
        plane: "xz" has x to the right and z up; likewise "xy", "yz" and the others.
        extent: half the width of the map, in units of length; None shows one wavelength around
            the emitters.
        centre: of the map, (3,); None takes that of the emitters.
        time: in inverse units of rate; the nearest time of the result is used. None takes the time
            of the largest emission.
        field: as in `observables.near_field`.
        points: number of points along each side of the map.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: as for `observables.near_field`, or for a map that is too small.
    """
    across, up = unit_vectors(plane)
    moment = _at(result, time)
    couplings = moment.couplings
    if couplings is None:
        raise ValueError(
            "result: a map needs emitters evolved from Couplings or ChannelCouplings; for others "
            "draw the numbers of observables.near_field(result, points, field) instead"
        )
    patterns.near_field(moment, np.empty((0, 3)))  # raises if the result lacks something
    emitters = couplings.atoms if isinstance(couplings, ChannelCouplings) else couplings.emitters
    assert emitters is not None
    middle = middle_of(emitters, centre)
    around = square(emitters, plane, extent=extent, middle=middle, margin=1.0, points=points)
    field = couplings.field if field is None else field
    hidden, places = around.hidden(emitters.positions, field), around.places()
    intensity = np.ma.masked_all(hidden.shape)
    intensity[~hidden] = patterns.near_field(moment, places[~hidden], field)[0]
    lit = up_to_matter(intensity, inside(field, places))
    ax = draw(ax, lit, around, emitters, _moment(moment, labels(result)))
    draw_matter(ax, field, around)
    x, y = emitters.positions @ across, emitters.positions @ up
    ax.plot(x, y, "o", ms=5, mfc="white", mec="black", zorder=3, label="emitters")
    return ax


def _at(result: Result, time: float | None) -> Result:
    """One moment of a result, with what patterns need."""
    checks.instance("result", result, Result, "co.evolve(...)")
    if result.correlations is None:
        return result  # the observable says what to ask for
    if time is None:
        index = int(np.argmax(result.emission))
    else:
        index = int(np.argmin(np.abs(result.times - checks.number("time", time))))
    return result.at(result.times[index])


def _moment(moment: Result, unit: Labels) -> str:
    """The time of a result of one time, for a title."""
    if moment.method == "steady":
        return "steady state"
    return f"t = {unit.at(f'{moment.times[0]:.4g}')}"
