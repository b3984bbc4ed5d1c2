"""The state during the decay: populations of the Dicke ladder, and an animation."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.files import checked_path, written
from collective.couplings.couplings import Couplings
from collective.observables.excitations import excitation_distribution
from collective.plot.labels import labels
from collective.plot.legends import colour_bar, legend
from collective.plot.style import COLOURS, axes
from collective.results.result import Result

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SUFFIXES = (".gif", ".mp4")
_FASTEST_GIF = 50  # frames per second; viewers slow down frames shorter than 0.02 s
_MOST_FRAMES = 100_000
_FEW_RUNGS = 12  # largest number of emitters for which every rung gets a number
_SMALLEST = 30.0  # area of a dot in the ground state, in square points
_LARGEST = 330.0  # area of a dot in the excited state


def ladder(result: Result, *, ax: "Axes | None" = None) -> "Axes":
    """Probability of each number of excitations against time, with the mean as a line.

    The figure shows `observables.excitation_distribution`.

    Args:
        result: of two-level emitters, with states or from trajectories of a decay.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: as for `observables.excitation_distribution`.
    """
    from matplotlib.colors import PowerNorm

    probabilities = excitation_distribution(result)
    n = probabilities.shape[1] - 1
    ax = axes(ax)
    mesh = ax.pcolormesh(
        _edges(result.times),
        np.arange(n + 2) - 0.5,
        # values below zero are errors of the evolution
        np.clip(probabilities.T, 0, 1),
        cmap="Blues",
        # a burst spreads over all rungs, so small probabilities must be visible
        norm=PowerNorm(0.5, vmin=0, vmax=1),
        rasterized=True,
    )
    ax.plot(result.times, probabilities @ np.arange(n + 1), color=COLOURS[1], lw=2, label="mean")
    bar = colour_bar(ax, mesh, "probability")
    bar.set_ticks([0, 0.05, 0.2, 0.5, 1])
    if n <= _FEW_RUNGS:
        ax.set_yticks(range(n + 1))
        ax.hlines(np.arange(n) + 0.5, *ax.get_xlim(), color="0.85", lw=0.6)
    ax.set(
        xlabel=labels(result).times(),
        ylabel="excited emitters",
        xlim=_edges(result.times)[[0, -1]],
        ylim=(-0.5, n + 0.5),
    )
    legend(ax, loc="upper right")
    return ax


def animate(
    result: Result,
    path: str | os.PathLike[str] | None = None,
    *,
    fps: int = 20,
    seconds: float = 5,
) -> "FuncAnimation":
    """A film of the decay: the emitters, bright while they are excited, beside the emission rate.

    Emitters without positions are drawn in a row. Populations and emission are interpolated
    between the output times.

    Args:
        result: from `evolve`, for two-level emitters, with two or more times.
        path: the file to write, a .gif, or an .mp4 if ffmpeg is installed; None writes no file. If
            writing fails, no partial file is left.
        fps: frames per second, a whole number. A .gif can have at most 50, and stores the time of
            a frame in hundredths of a second, rounded down.
        seconds: length of the film.

    Returns:
        `matplotlib.animation.FuncAnimation`. Keep a reference to it while it plays; `.to_jshtml()`
        shows it in a notebook.

    Raises:
        ValueError: for a master equation, a single time, another kind of file, an .mp4 without
            ffmpeg, or a .gif with more than 50 frames per second.
        OSError: if the file cannot be written, before anything is drawn.
    """
    checks.instance("result", result, Result, "co.evolve(...)")
    fps = checks.count("fps", fps)
    seconds = checks.number("seconds", seconds, above=0)
    if fps * seconds > _MOST_FRAMES:
        raise ValueError(
            f"fps times seconds is {fps * seconds:.3g} frames, but at most {_MOST_FRAMES:,} are "
            "possible within hours; make the film shorter or fps smaller"
        )
    if not isinstance(result.couplings, Couplings):
        raise ValueError(
            "animate needs two-level emitters evolved from Couplings; use plot.populations(result)"
        )
    if len(result.times) < 2:
        raise ValueError("animate needs two or more times, but this result has one")
    if path is None:
        return _film(result, fps, seconds)
    target = checked_path("path", path)
    writer = _writer(target, fps)
    films = []

    def write(partial: Path) -> None:
        films.append(_film(result, fps, seconds, lambda film: film.save(partial, writer=writer)))

    written(target, target.suffix, write)
    return films[0]


def _film(
    result: Result,
    fps: int,
    seconds: float,
    finish: "Callable[[FuncAnimation], None]" = lambda film: None,
) -> "FuncAnimation":
    """The film, after `finish` was called with it; the figure is closed if something fails."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(9, 4), layout="constrained")
    try:
        film = _animated(figure, result, fps, seconds)
        finish(film)
    except BaseException:
        plt.close(figure)
        raise
    return film


def _animated(figure: "Figure", result: Result, fps: int, seconds: float) -> "FuncAnimation":
    """The animation of a result on an empty figure."""
    from matplotlib.animation import FuncAnimation

    frames = max(2, round(fps * seconds))
    times = np.linspace(result.times[0], result.times[-1], frames)
    populations = np.array([np.interp(times, result.times, p) for p in result.populations.T]).T
    emission = np.interp(times, result.times, result.emission)

    dots = _dots(figure, result)
    beside = figure.add_subplot(1, 2, 2)
    beside.plot(result.times, result.emission, color="0.85", lw=1)
    (curve,) = beside.plot([], [], color=COLOURS[0], lw=2)
    (tip,) = beside.plot([], [], "o", color=COLOURS[1], ms=7)
    unit = labels(result)
    beside.set(xlabel=unit.times(), ylabel=unit.rates(), xlim=result.times[[0, -1]])
    beside.set_ylim(bottom=0, top=1.08 * max(float(result.emission.max()), 1e-300))
    clock = beside.set_title(" ", fontsize=10)
    # the layout is computed once, so that frames are fast and nothing else moves
    figure.canvas.draw()
    figure.set_layout_engine("none")
    for ax in (dots.axes, beside):
        ax.autoscale(False)

    def draw(frame: int) -> list[Any]:
        p = np.clip(populations[frame], 0, 1)
        dots.set_array(p)
        dots.set_sizes(_SMALLEST + (_LARGEST - _SMALLEST) * p)
        shown = result.times < times[frame]
        curve.set_data(
            np.append(result.times[shown], times[frame]),
            np.append(result.emission[shown], emission[frame]),
        )
        tip.set_data([times[frame]], [emission[frame]])
        clock.set_text(f"t = {unit.at(_clock(times, frame))},  {p.sum():.2f} excited")
        return [dots, curve, tip, clock]

    return FuncAnimation(figure, draw, frames=frames, interval=1000 / fps, blit=False)


def _clock(times: NDArray[np.float64], frame: int) -> str:
    """The time of a frame, with the digits that tell the frames of a film apart."""
    largest = float(np.abs(times).max())
    return f"{times[frame]:.2f}" if 0.1 <= largest < 1e4 else f"{times[frame]:.3g}"


def _dots(figure: Any, result: Result) -> Any:
    """Draw the emitters in a plane if they lie in one, else in 3D; returns the dots."""
    emitters = result.couplings.emitters
    n = len(result.couplings)
    style = {"cmap": "cividis", "vmin": 0, "vmax": 1, "edgecolors": "0.3", "linewidths": 0.8}
    if emitters is None:
        ax = figure.add_subplot(1, 2, 1)
        across, up = np.arange(n, dtype=float), np.zeros(n)
        ax.set(xlabel="emitter", yticks=[])
        ax.xaxis.get_major_locator().set_params(integer=True)
    else:
        r = emitters.positions
        extents = np.ptp(r, axis=0)
        unit = labels(emitters).of_length
        if extents.min() > 1e-9 * emitters.wavelength:
            ax = figure.add_subplot(1, 2, 1, projection="3d")
            ax.set(xlabel=f"x ({unit})", ylabel=f"y ({unit})", zlabel=f"z ({unit})")
            ax.zaxis.labelpad = 9
            dots = ax.scatter(*r.T, c=np.ones(n), s=_LARGEST, depthshade=False, **style)
            ax.set_aspect("equal")  # after the dots, which set the limits
            return _with_bar(figure, ax, dots)
        # a chain is drawn horizontally, along whichever axis it lies
        i, j = sorted(np.argsort(-extents, kind="stable")[:2])
        if extents[i] == 0:
            i, j = j, i
        ax = figure.add_subplot(1, 2, 1)
        across, up = r[:, i], r[:, j]
        ax.set(xlabel=f"{'xyz'[i]} ({unit})", ylabel=f"{'xyz'[j]} ({unit})")
        ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.15)
    dots = ax.scatter(across, up, c=np.ones(n), s=_LARGEST, **style)
    return _with_bar(figure, ax, dots)


def _with_bar(figure: Any, ax: Any, dots: Any) -> Any:
    """Add the colour bar of the dots, and return the dots."""
    figure.colorbar(dots, ax=ax, label="population", location="left", shrink=0.8)
    return dots


def _writer(path: Path, fps: int) -> Any:
    """Matplotlib's writer for a film with this file name."""
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"path must end in .gif or .mp4, got {path.name!r}")
    from matplotlib.animation import FFMpegWriter, PillowWriter

    if path.suffix.lower() == ".gif":
        if fps > _FASTEST_GIF:
            raise ValueError(
                f"fps must be at most {_FASTEST_GIF} for a .gif, got {fps}; an .mp4 can have more"
            )
        return PillowWriter(fps=fps)
    if not FFMpegWriter.isAvailable():
        raise ValueError(
            f"path: {path.name} needs the program ffmpeg, which was not found; install it or use "
            "a .gif"
        )
    return FFMpegWriter(fps=fps)


def _edges(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of the cells around the output times, (T + 1,), from the first time to the last."""
    if len(times) == 1:
        return times[0] + np.array([-0.5, 0.5])
    return np.concatenate([times[:1], (times[1:] + times[:-1]) / 2, times[-1:]])
