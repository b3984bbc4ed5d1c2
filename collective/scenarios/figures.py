"""Figures of scenarios: of one run, and of a sweep."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from collective import plot
from collective._tools.files import written
from collective.couplings.couplings import Couplings
from collective.couplings.modes import Modes
from collective.plot.labels import Labels
from collective.plot.legends import draw_curves, legend
from collective.results.result import Result
from collective.scenarios.observing import Observed

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CURVES = 7  # values of a grid that get a curve each; more are drawn as a map
_PANELS = 6  # of observables at most
_COLUMNS = 3
_UNIT = Labels()  # plain numbers of a scenario are in Γ₀ and λ₀
_COUNTED = ("mode", "emitter")  # dimensions between whose values there is nothing


def saved(figure: "Figure", target: Path) -> Path:
    """Write a figure to a file."""

    def write(partial: Path) -> None:
        figure.savefig(partial, dpi=150)

    return written(target, target.suffix, write, "folder")


def of_run(
    title: str, result: Result | None, modes: Modes | None, arrays: Mapping[str, Observed]
) -> "Figure":
    """Emission, populations, modes, and a panel for each other observable that is a curve."""
    curves = [name for name, one in arrays.items() if _curve(name, one, result)][:_PANELS]
    panels: list[Callable[[Axes], Any]] = []
    if result is not None and result.emission is not None:
        panels.append(lambda ax: plot.emission(result, independent=_decays(result), ax=ax))
    if result is not None:
        panels.append(lambda ax: plot.populations(result, ax=ax))
    if modes is not None:
        panels.append(lambda ax: plot.modes(modes, ax=ax))
    figure, places = _grid(max(1, len(panels) + len(curves)), title)
    with plot.in_units(time=_UNIT.time):
        for draw in panels:
            draw(next(places))
    for name in curves:
        one, ax = arrays[name], next(places)
        along = _along(one, arrays, result)
        ax.plot(along, _real(one.values), "o" if one.dims[0] in _COUNTED else "-")
        ax.set(xlabel=_axis_label(one.dims[0]), ylabel=name.replace("_", " "))
        if one.dims[0] in _COUNTED:
            ax.xaxis.get_major_locator().set_params(integer=True)
    if not panels and not curves:
        _numbers(next(places), {name: one.values for name, one in arrays.items()})
    return figure


def _decays(result: Result) -> bool:
    """Whether emitters alone would only decay: nothing drives or pumps them."""
    couplings = result.couplings
    driven = isinstance(couplings, Couplings) and (
        np.any(couplings.drive) or np.any(couplings.pump)
    )
    return not driven


def of_sweep(title: str, dataset: "xarray.Dataset", axes: Sequence[str]) -> "Figure":
    """What depends on the grid: curves for one axis, maps for two.

    Args:
        title: of the figure.
        dataset: of a sweep.
        axes: dimensions of the grid. Of further axes than two the first value is drawn.
    """
    fixed = dict.fromkeys(axes[2:], 0)
    shown = dataset.isel(fixed)
    if fixed:
        at = ", ".join(f"{_label(dataset, a)} = {_text(dataset[a].values[0])}" for a in fixed)
        title = f"{title}\n{at}" if title else at
    axes = axes[:2]
    numbers = {
        str(name): array
        for name, array in shown.data_vars.items()
        if set(array.dims) == set(axes) and array.dtype.kind in "fiub" and _varies(array.values)
    }
    panels: dict[str, Any] = {}
    if "emission" in shown:
        emission = shown["emission"]
        if len(axes) == 1 and "time" in emission.dims:
            panels["emission"] = emission.transpose(axes[0], "time")
        steps = [dim for dim in emission.dims if dim not in axes]  # "time", or "step" if it varies
        panels["largest emission"] = emission.max(steps)
    panels |= dict(list(numbers.items())[:_PANELS])
    for name, array in shown.data_vars.items():
        spectral = array.ndim == 2 and len(axes) == 1 and axes[0] in array.dims
        if spectral and "time" not in array.dims and len(panels) < _PANELS:
            panels[str(name)] = array.transpose(axes[0], ...)
    figure, places = _grid(max(1, len(panels)), title)
    for name, array in panels.items():
        ax = next(places)
        if set(array.dims) == set(axes):
            _against_grid(ax, name, array.transpose(*axes), axes)
        else:
            _against_time(ax, name, array)
    if not panels:
        next(places).set_title("nothing to draw")
    return figure


def _grid(count: int, title: str) -> tuple["Figure", Any]:
    """A figure with panels side by side, and an iterator over them."""
    from matplotlib.figure import Figure

    columns = 2 if count == 4 else min(count, _COLUMNS)
    rows = -(-count // columns)
    figure = Figure(figsize=(5 * columns, 3.9 * rows), layout="constrained")
    found = figure.subplots(rows, columns, squeeze=False)
    for ax in found.flat[count:]:
        ax.set_axis_off()
    if title:
        figure.suptitle(title)
    return figure, iter(found.flat)


def _curve(name: str, one: Observed, result: Result | None) -> bool:
    """Whether an observable is a row of numbers that is not a coordinate."""
    if len(one.dims) != 1 or one.dims == (name,) or one.values.size < 2 or "modes_" in name:
        return False
    return one.dims[0] != "time" or result is not None


def _along(one: Observed, arrays: Mapping[str, Observed], result: Result | None) -> Any:
    """What an observable is drawn against."""
    dim = one.dims[0]
    if dim == "time":
        assert result is not None
        return result.times
    return arrays[dim].values if dim in arrays else np.arange(one.values.size)


def _axis_label(dim: str) -> str:
    """The label of an axis for a dimension."""
    if dim == "time":
        return _UNIT.times()
    if dim.endswith("frequency"):
        return _UNIT.rates("frequency")
    return _UNIT.times("delay") if dim.endswith("delay") else dim.replace("_", " ")


def _real(values: Any) -> Any:
    """The values, or the size of complex ones."""
    return np.abs(values) if np.iscomplexobj(values) else values


def _numbers(ax: "Axes", values: Mapping[str, Any]) -> None:
    """Numbers that are no curves, as text."""
    single = {name: one for name, one in values.items() if np.ndim(one) == 0}
    lines = [
        f"{name.replace('_', ' ')} = {np.asarray(one).item():.6g}" for name, one in single.items()
    ]
    ax.set_axis_off()
    ax.text(0.02, 0.98, "\n".join(lines), va="top", family="monospace")


def _varies(values: Any) -> bool:
    """Whether there is anything to see: not all values are the same."""
    known = values[np.isfinite(values)]
    return known.size > 0 and bool(np.any(known != known.flat[0]))


def _positions(array: Any, axis: str) -> tuple[Any, list[str] | None]:
    """Where the values of an axis are drawn, and their labels: texts, and each of few integers."""
    values = array[axis].values
    if values.dtype.kind in "iu" and len(values) <= _CURVES:
        return values, [str(value) for value in values]
    if values.dtype.kind in "fiu":
        return values, None
    return np.arange(len(values)), [str(value) for value in values]


def _label(array: Any, axis: str) -> str:
    """The label of an axis of the grid: the key as it stands in the file."""
    return str(array[axis].attrs.get("long_name", axis))


def _text(value: Any) -> str:
    """A value of the grid in a label."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _against_grid(ax: "Axes", name: str, array: Any, axes: Sequence[str]) -> None:
    """One number for each point: a line for one axis, a map for two."""
    along, words = _positions(array, axes[0])
    largest = _UNIT.rates("largest emission rate")
    label = largest if name == "largest emission" else name.replace("_", " ")
    if len(axes) == 1:
        ax.plot(along, array.values, "o-" if len(along) < 30 else "-")
        ax.set(ylabel=label)
    else:
        up, others = _positions(array, axes[1])
        mesh = ax.pcolormesh(along, up, np.asarray(array.values, dtype=float).T, shading="nearest")
        ax.figure.colorbar(mesh, ax=ax)
        ax.set(ylabel=_label(array, axes[1]), title=label)
        if others is not None:
            ax.set_yticks(up, others)
    ax.set(xlabel=_label(array, axes[0]))
    if words is not None:
        ax.set_xticks(along, words)


def _against_time(ax: "Axes", name: str, array: Any) -> None:
    """A curve for each value of the grid, or a map if there are many."""
    axis, dim = array.dims
    values = array[axis].values
    along = array[dim].values if dim in array.coords else np.arange(array.sizes[dim])
    drawn = _real(array.values)
    label = _UNIT.rates() if name == "emission" else name.replace("_", " ")
    if len(values) <= _CURVES:
        marker = "o" if dim in _COUNTED else ""
        lines = draw_curves(ax, map(_text, values), [(along, row) for row in drawn])
        for line in lines:
            line.set_marker(marker)
        ax.set(ylabel=label)
        legend(ax, title=_label(array, str(axis)))
    else:
        up, words = _positions(array, axis)
        mesh = ax.pcolormesh(along, up, drawn, shading="nearest")
        ax.figure.colorbar(mesh, ax=ax, label=label)
        ax.set(ylabel=_label(array, str(axis)))
        if words is not None:
            ax.set_yticks(up, words)
    ax.set(xlabel=_axis_label(str(dim)))
