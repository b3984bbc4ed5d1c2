"""How curves are told apart: colours, dashes and widths, legends, and colour bars beside a figure.

A legend has no frame and covers no curve. More curves than the palette has colours get a colour bar
with their labels in the place of a legend.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.plot.style import COLOURS, colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox

# the dash of each colour of the palette, so that curves differ without colour as well
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (6, 1.5, 1, 1.5, 1, 1.5)),
    (0, (10, 2)),
    (0, (1.2, 1)),
    (0, (2.5, 1.2)),
)
_WIDTH = 1.5  # of a curve, in points
_WIDER = 1.2  # points: how much wider a curve is below each one that lies on it
_SAME = 0.005  # of the height of the figure: curves that are closer lie on each other
_MOSTLY = 0.8  # of a curve must lie on another one
_TICKS = 12  # labels beside a colour bar; of more curves some have none
_WORDS = 24  # the same, for labels that are no numbers
_HIGHEST = 2.0  # how many times as high the axes may become to make room for a legend
_GAP = 0.02  # of the height of the axes, between a legend and a curve
# name, number, unit; a dash behind a letter or a digit is no sign, as in "run-3"
_NUMBERED = re.compile(r"(.*?)[\s=]*((?:(?<![^\s=])[-−+])?\d[\d.,]*(?:e[-+]?\d+)?)\s*([^\d]*)")


Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def draw_curves(
    ax: "Axes", labels: Iterable[Any], curves: Sequence[Curve], *, above: Sequence[Curve] = ()
) -> list["Line2D"]:
    """Draw several curves; call `legend` or `name_curves` afterwards.

    Up to seven have different colours and dashes. Where curves lie on each other the earlier ones
    are wider, so that all can be seen.

    Args:
        ax: where to draw.
        labels: of the curves.
        curves: x and y of each, (P,).
        above: curves that the caller draws later.
    """
    few = len(curves) <= len(COLOURS)
    widths = _widths([*curves, *above]) if few else [_WIDTH] * len(curves)
    drawn = []
    for i, (label, (x, y)) in enumerate(zip(labels, curves, strict=True)):
        (line,) = ax.plot(
            x,
            y,
            color=colours(len(curves))[i],
            linestyle=DASHES[i] if few else "-",
            linewidth=widths[i],
            marker="o" if len(x) == 1 else None,  # a line between no other points is not seen
            label=str(label) if few else f"_{label}",  # a legend leaves out what begins with _
        )
        drawn.append(line)
    return drawn


def name_curves(ax: "Axes", labels: Sequence[Any], **options: Any) -> None:
    """Say which curve of `draw_curves` is which: a legend, or a colour bar for more than seven."""
    if len(labels) > len(COLOURS):
        _bar_of_labels(ax, [str(label) for label in labels])
    if ax.get_legend_handles_labels()[0]:
        legend(ax, **options)


def legend(ax: "Axes", **options: Any) -> "Legend":
    """A legend without a frame, where it covers no curve.

    If it finds no such place, the vertical axis is extended. With `loc` it stays where it is put.
    """
    made = ax.legend(frameon=False, handlelength=2.6, **options)
    if "loc" not in options and ax.name == "rectilinear":
        _make_room(ax, made)
    return made


def colour_bar(ax: "Axes", drawn: Any, label: str, **options: Any) -> Any:
    """A colour bar at the right of the axes, as high as they are also if these are square."""
    bar = ax.figure.colorbar(drawn, ax=ax, label=label, **options)
    if ax.name == "rectilinear":
        bar.ax.set_axes_locator(_Beside(ax, bar.ax.get_axes_locator()))
    return bar


@dataclass(frozen=True)
class _Beside:
    """The place of a colour bar when it is drawn, beside a map that does not fill its place."""

    map: "Axes"
    given: Any  # the place that matplotlib gives to it, a function of axes and renderer

    def __call__(self, bar: Any, renderer: Any) -> "Bbox":
        from matplotlib.transforms import Bbox

        place, room = bar.get_position(original=True), self.map.get_position(original=True)
        inside = self.given(bar, renderer)  # without the triangles at its ends
        self.map.apply_aspect()
        filled = self.map.get_position()
        factor = filled.height / place.height
        return Bbox.from_bounds(
            inside.x0 + filled.x1 - room.x1,
            filled.y0 + factor * (inside.y0 - place.y0),
            inside.width,
            factor * inside.height,
        )

    def get_subplotspec(self) -> Any:
        """What `Figure.tight_layout` asks for."""
        return self.given.get_subplotspec()


def _bar_of_labels(ax: "Axes", labels: list[str]) -> None:
    """A colour bar with one step for each curve, and the labels of some of them."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    name, texts = _common(labels)
    count, most = len(labels), _TICKS if name is not None else _WORDS
    steps = ScalarMappable(Normalize(-0.5, count - 0.5), ListedColormap(colours(count)))
    bar = colour_bar(ax, steps, name or "")
    ticks = np.arange(count)
    if count > most:
        ticks = np.unique(np.round(np.linspace(0, count - 1, most // 2)).astype(int))
    bar.set_ticks(list(ticks), labels=[texts[i] for i in ticks])
    bar.ax.tick_params(length=0)


def _common(labels: list[str]) -> tuple[str | None, list[str]]:
    """What labels with one number each share, such as "N" of "N = 3", and the numbers.

    Without such a name it is None, and the labels as they are.
    """
    found = [_NUMBERED.fullmatch(label) for label in labels]
    if not all(found):
        return None, labels
    parts = [match.groups() for match in found if match is not None]
    parts = [(name.rstrip("-_:,"), number, unit) for name, number, unit in parts]
    if len({(name, unit) for name, _, unit in parts}) > 1:
        return None, labels
    name, _, unit = parts[0]
    shared = f"{name} ({unit})" if name and unit else name or unit
    return shared, [number for _, number, _ in parts]


def _widths(curves: list[Curve]) -> list[float]:
    """Widths of curves: wider for each later one that lies on it."""
    rows = [np.asarray(y, dtype=float) for _, y in curves]
    known = np.concatenate([row[np.isfinite(row)] for row in rows]) if rows else np.empty(0)
    close = _SAME * np.ptp(known) if known.size else 0.0
    widths = []
    for i, (x, _) in enumerate(curves):
        above = 0
        for (later, _), row in zip(curves[i + 1 :], rows[i + 1 :], strict=True):
            shared = (x >= np.min(later)) & (x <= np.max(later))
            apart = np.abs(rows[i] - np.interp(x, later, row))[shared]
            above += bool(apart.size and np.mean(apart <= close) >= _MOSTLY)
        widths.append(_WIDTH + _WIDER * above)
    return widths


def _make_room(ax: "Axes", made: "Legend") -> None:
    """Extend the vertical axis upwards until some place at the top is free for the legend."""
    ax.figure.canvas.figure.draw_without_rendering()  # places the axes and the legend
    box = made.get_window_extent()
    if not _covers(ax, box):
        return
    frame = ax.get_window_extent()
    wide, high = box.width / frame.width, box.height / frame.height + 2 * _GAP
    points = ax.transAxes.inverted().transform(_points(ax))
    starts = {"upper right": 1 - wide - _GAP, "upper left": _GAP, "upper center": (1 - wide) / 2}
    tops = {}
    for place, start in starts.items():
        beside = points[(points[:, 0] >= start - _GAP) & (points[:, 0] <= start + wide + _GAP)]
        inside = beside[beside[:, 1] <= 1, 1]
        tops[place] = float(inside.max()) if inside.size else 0.0
    place = min(tops, key=lambda name: tops[name])
    factor = max(1.0, tops[place] / max(1 - high, 1e-9))
    if factor > _HIGHEST:
        return
    to = ax.yaxis.get_transform()
    low, top = to.transform(np.array(ax.get_ylim(), dtype=float))
    raised = to.inverted().transform(np.array([low + factor * (top - low)]))[0]
    ax.set_ylim(top=float(raised), auto=None)
    made.set_loc(place)


def _points(ax: "Axes") -> NDArray[np.float64]:
    """Points of all curves on the screen, no further apart than a few pixels, (P, 2)."""
    from matplotlib.collections import LineCollection, PathCollection

    found = [np.empty((0, 2))]
    for line in ax.get_lines():
        if not all(line.get_transform().contains_branch_seperately(ax.transData)):
            continue  # such as the line of axhline
        ends = line.get_transform().transform(np.column_stack(line.get_data(orig=False)))
        if line.get_linestyle() == "None":
            found.append(ends)
            continue
        ends = ends[np.isfinite(ends).all(axis=1)]
        shares = np.linspace(0, 1, 9)[:, None, None]
        between = ends[:-1] + shares * np.diff(ends, axis=0)
        found += [ends, between.reshape(-1, 2)]
    for dots in ax.collections:  # and lines with a colour at each point
        if isinstance(dots, PathCollection):
            found.append(dots.get_offset_transform().transform(np.ma.getdata(dots.get_offsets())))
        elif isinstance(dots, LineCollection):
            found += [ax.transData.transform(piece) for piece in dots.get_segments()]
    points = np.concatenate(found)
    return points[np.isfinite(points).all(axis=1)]


def _covers(ax: "Axes", box: "Bbox") -> bool:
    """Whether a box on the screen lies on a curve."""
    points = _points(ax)
    across = (points[:, 0] >= box.x0) & (points[:, 0] <= box.x1)
    return bool(np.any(across & (points[:, 1] >= box.y0) & (points[:, 1] <= box.y1)))
