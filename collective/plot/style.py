"""What all figures share: colours, axes, units, and results with labels."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from collective._tools import checks
from collective.results.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito's palette, ordered so that neighbours also differ in grey
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
OUT_OF_PLANE = ": these emitters do not lie in a coordinate plane"


def colours(n: int) -> list[Any]:
    """Colours for n curves: the palette, or cividis if n is larger than the palette."""
    if n <= len(COLOURS):
        return list(COLOURS[:n])
    import matplotlib

    return list(matplotlib.colormaps["cividis"](np.linspace(0, 0.9, n)))


def axes(ax: "Axes | None", projection: str | None = None, why: str = "") -> Any:
    """The axes to draw on, with the projection that a figure needs.

    Args:
        ax: matplotlib axes; None makes a new figure.
        projection: "3d" or "polar"; None for flat axes.
        why: the reason for the projection, for the error.

    Raises:
        TypeError: if `ax` is not an `Axes`.
        ValueError: if `ax` has another projection.
    """
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None and projection is None:
        return plt.subplots(layout="constrained")[1]
    if ax is None:
        return plt.figure(layout="constrained").add_subplot(projection=projection)
    if not isinstance(ax, Axes):
        raise TypeError(
            f"ax must be matplotlib axes, as from plt.subplots()[1], or None for a new figure; "
            f"got {checks.short(ax)}"
        )
    if projection is not None and ax.name != projection:
        made = f"plt.subplot(projection={projection!r})"
        raise ValueError(f"ax must be {projection} axes, {made}{why}; got {ax.name}")
    if projection is None and ax.name in ("3d", "polar"):
        raise ValueError(f"ax must be flat axes, as from plt.subplots()[1]; got {ax.name}")
    return ax


def from_zero(ax: "Axes") -> None:
    """Begin the vertical axis at zero, unless it is logarithmic."""
    if ax.get_yscale() == "linear":
        ax.set_ylim(bottom=0)


def by_label(results: Any, *, ensembles: bool = False) -> dict[str, Any]:
    """Results by label, from one result, a list of results, or results by label.

    Args:
        results: what a user gives.
        ensembles: whether the dataset of an ensemble may stand for a result.
    """
    if isinstance(results, Result) or is_dataset(results):
        results = {"mean" if is_dataset(results) else "coupled": results}
    elif not isinstance(results, Mapping):
        listed = list(results) if isinstance(results, Sequence) else [results]
        results = {}
        for result in listed:
            _check(result, ensembles)
            label = name = _name(result)
            copies = 1
            while label in results:
                copies += 1
                label = f"{name} ({copies})"
            results[label] = result
    if not results:
        raise ValueError("results is empty: give at least one result of co.evolve")
    for result in results.values():
        _check(result, ensembles)
    return dict(results)


def is_dataset(thing: Any) -> bool:
    """Whether something is an `xarray.Dataset`; nobody has one before xarray is imported."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(thing, xarray.Dataset)


def _check(result: Any, ensembles: bool) -> None:
    """Raise for what is not a result."""
    if not (ensembles and is_dataset(result)):
        either = " or co.ensemble(...)" if ensembles else ""
        checks.instance("results", result, Result, f"co.evolve(...){either}")


def _name(result: Any) -> str:
    """The label of one result in a list: its number of emitters, or that it is a mean."""
    if not is_dataset(result):
        return f"N = {result.populations.shape[1]}"
    return f"N = {result.sizes['emitter']}" if "emitter" in result.sizes else "mean"
