"""Light in time and frequency: spectra, photons of single trajectories, and single samples."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from collective._tools import checks
from collective.observables import _inputs
from collective.observables.spectra import Spectrum
from collective.plot.labels import labels
from collective.plot.legends import draw_curves, legend, name_curves
from collective.plot.style import COLOURS, axes, colours, from_zero
from collective.results.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOTS = 8  # samples that are drawn
_TRAJECTORIES = 5  # drawn if the caller does not say how many
_ARROWS = 7  # for which there is room, one below the other
_VISIBLE = 1e-9  # share of all light below which an elastic line is round-off


def spectrum(
    spectra: Spectrum | Mapping[str, Spectrum],
    *,
    log: bool = False,
    ax: "Axes | None" = None,
) -> "Axes":
    """Spectra of light. The elastic line is an arrow with its rate beside it.

    A line without width has a rate, not a density, so that the height of its arrow is no number.
    Of several arrows that of the strongest line is the tallest; the seven strongest are drawn.

    Args:
        spectra: one spectrum from `observables.spectrum`, or several by label.
        log: whether the vertical axis is logarithmic, for lines of very different strength.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for no spectrum at all.
    """
    named = spectra if isinstance(spectra, Mapping) else {"": spectra}
    if not named:
        raise ValueError("spectra is empty: give at least one of co.observables.spectrum")
    for one in named.values():
        checks.instance("spectra", one, Spectrum, "co.observables.spectrum(...)")
    log = checks.flag("log", log)
    ax = axes(ax)
    orders = [(one, np.argsort(one.frequencies)) for one in named.values()]
    curves = [(one.frequencies[order], one.values[order]) for one, order in orders]
    lines = draw_curves(ax, named, curves)
    elastic = [
        (one.coherent, line.get_color())
        for one, line in zip(named.values(), lines, strict=True)
        if one.coherent > _VISIBLE * (one.coherent + one.total)
    ]
    elastic.sort(key=lambda line: -line[0])
    top = max(float(one.values.max()) for one in named.values())
    if log:
        ax.set_yscale("log")
    else:
        ax.set_ylim(0, 1.3 * top if elastic else 1.08 * top)
    for i, (weight, colour) in enumerate(elastic[:_ARROWS]):
        height = 0.94 - 0.07 * i  # all arrows are at frequency zero, and the strongest is tallest
        ax.annotate(
            "",
            xy=(0, height),
            xytext=(0, 0),
            xycoords=("data", "axes fraction"),
            arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.8, "shrinkA": 0},
            annotation_clip=True,
        )
        ax.annotate(
            f"elastic {labels().rate_of(f'{weight:.3g}')}",
            xy=(0, height),
            xycoords=("data", "axes fraction"),
            xytext=(8, -4),
            textcoords="offset points",
            color=colour,
            annotation_clip=True,
        )
    ax.set(xlabel=labels().rates("frequency ω"), ylabel="spectrum S(ω)")
    if any(named):
        name_curves(ax, list(named))
    return ax


def jumps(result: Result, *, trajectories: int | None = None, ax: "Axes | None" = None) -> "Axes":
    """Number of photons up to each time in single trajectories, and the mean of all trajectories.

    Args:
        result: from `evolve(..., method="trajectories")`.
        trajectories: number of trajectories to draw, from the first on; None for five, or all if
            there are fewer.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for a result without jumps, or with fewer trajectories than asked for.
    """
    photons = _inputs.photons(result, "plot.jumps")
    shown = max(1, min(_TRAJECTORIES, photons.n_trajectories))
    if trajectories is not None:
        shown = checks.count("trajectories", trajectories)
    if shown > photons.n_trajectories:
        raise ValueError(
            f"trajectories must be at most {photons.n_trajectories}, the number that the result "
            f"has; got {shown}"
        )
    ax = axes(ax)
    start, end = float(result.times[0]), float(result.times[-1])
    for run, colour in enumerate(colours(shown)):
        times, _ = photons.of(run)
        stairs = np.concatenate([[start], times, [end]])
        counted = np.concatenate([np.arange(len(times) + 1), [len(times)]])
        label = None if run else "single trajectories" if shown > 1 else "a single trajectory"
        ax.step(stairs, counted, where="post", color=colour, lw=1.1, alpha=0.85, label=label)
    times = np.sort(photons.times)
    mean = np.arange(1, len(times) + 1) / photons.n_trajectories
    ax.plot(
        np.concatenate([[start], times, [end]]),
        np.concatenate([[0], mean, mean[-1:] if len(mean) else [0]]),
        color="black",
        lw=2.8,
        label=f"mean of {photons.n_trajectories:,}",
    )
    ax.set(xlabel=labels(result).times(), ylabel="photons emitted", xlim=(start, end))
    from_zero(ax)
    ax.locator_params(axis="y", integer=True)
    legend(ax)
    return ax


def shots(
    result: Result, *, count: int = _SHOTS, per_emitter: bool = False, ax: "Axes | None" = None
) -> "Axes":
    """Emission of single samples against time, and the mean of all samples.

    Args:
        result: from an engine that draws samples, such as `co.engines.TruncatedWigner`.
        count: number of samples to draw, from the first on; all if there are fewer.
        per_emitter: whether to divide by the number of emitters.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for a result without `shots`.
    """
    checks.instance("result", result, Result, "co.evolve(...)")
    if result.shots is None:
        raise ValueError(
            f"plot.shots needs the emission of single samples, and a result of {result.method!r} "
            "has none; use method=co.engines.TruncatedWigner(n=1000)"
        )
    count = checks.count("count", count)
    per_emitter = checks.flag("per_emitter", per_emitter)
    ax = axes(ax)
    scale = result.populations.shape[1] if per_emitter else 1
    for sample, emission in enumerate(result.shots[:count]):
        label = None if sample else "single shots"
        ax.plot(result.times, emission / scale, color="0.6", lw=0.9, label=label)
    mean = f"mean of {len(result.shots):,}"
    ax.plot(result.times, result.emission / scale, color=COLOURS[0], lw=2.4, label=mean)
    name = "emission rate per emitter" if per_emitter else "emission rate"
    ax.set(xlabel=labels(result).times(), ylabel=labels(result).rates(name))
    legend(ax)
    return ax
