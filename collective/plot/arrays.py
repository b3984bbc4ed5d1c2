"""Ordered arrays: bands with the light cone, modes on the lattice, transmission and reflection."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.couplings import Couplings
from collective.observables.beam import Scattering
from collective.observables.bloch import Bands
from collective.plot.labels import Labels, labels
from collective.plot.legends import DASHES, colour_bar, legend
from collective.plot.style import COLOURS, OUT_OF_PLANE, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FLAT = 1e-9  # extent in wavelengths below which emitters lie in a plane
_LARGEST_DOT = 260.0  # area of a dot, in square points


def bands(bands: Bands, *, ax: "Axes | None" = None) -> "Axes":
    """Shift of every Bloch mode, coloured by its decay rate; dark modes are black.

    A chain is drawn against Q. A square lattice is drawn against the distance along the path of
    its quasi-momenta, which must be in the order of the path. The light cone is shaded, and the
    curve is interrupted at the light line.

    Args:
        bands: from `co.observables.bands`.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for fewer than two different quasi-momenta.
    """
    checks.instance("bands", bands, Bands, "co.observables.bands(...)")
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection
    from matplotlib.colors import ListedColormap, PowerNorm

    across, unit = _path(bands), Labels()  # bands are in λ₀ and Γ₀
    ax = axes(ax)
    dark = bands.rates == 0
    bright = PowerNorm(0.5, 0, float(bands.rates.max()) or 1.0)
    glow = ListedColormap(colormaps["inferno"](np.linspace(0.15, 0.8, 256)))
    ends = np.stack([across, bands.shifts], axis=1)
    pieces = np.stack([ends[:-1], ends[1:]], axis=1)
    same = bands.radiating[:-1] == bands.radiating[1:]
    lit = same & ~dark[:-1]
    line = LineCollection(list(pieces[lit]), cmap=glow, norm=bright, lw=3)
    line.set_array((bands.rates[:-1] + bands.rates[1:])[lit] / 2)
    ax.add_collection(line)
    ax.add_collection(LineCollection(list(pieces[same & dark[:-1]]), colors=COLOURS[6], lw=1.5))
    ax.autoscale_view()
    colour_bar(ax, line, unit.rates("decay rate"))
    for low, high in _cone(bands, across):
        ax.axvspan(low, high, color="0.92", zorder=0, lw=0)
    ax.plot([], [], color=COLOURS[6], lw=1.5, label="does not decay")
    ax.fill_between([], [], color="0.88", label="light cone")
    legend(ax)
    name = "quasi-momentum $Q$" if bands.lattice == "chain" else "distance along the path of $Q$"
    ax.set(xlabel=f"{name} ({unit.per_length})", ylabel=unit.rates("shift"))
    ax.set_xlim(across.min(), across.max())
    return ax


def mode(couplings: Couplings, index: int = 0, *, ax: "Axes | None" = None) -> "Axes":
    """One mode of H_eff on the lattice: the weight ``|v_m|²`` as area of the dots, phase as colour.

    For a chain along a coordinate axis the weight is also the height of the dots. The phase is
    relative to the emitter with the largest weight.

    Args:
        couplings: with emitters.
        index: number of the mode in `Couplings.modes`, brightest first; −1 is the darkest.
        ax: where to draw, 3D axes for emitters that do not lie in a coordinate plane; None makes a
            new figure.

    Raises:
        ValueError: for couplings without emitters, or an index that does not exist.
    """
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    if couplings.emitters is None:
        raise ValueError(
            "mode needs positions: use co.couple(...), or Couplings(..., emitters=...)"
        )
    n = len(couplings)
    index = checks.count("index", index, minimum=-n)
    if index >= n:
        raise ValueError(f"index must be below {n}, the number of modes; got {index}")
    modes = couplings.modes()
    vector = modes.vectors[:, index]
    heaviest = vector[np.argmax(np.abs(vector))]
    weights, phases = np.abs(vector) ** 2, np.angle(vector / heaviest)
    r, wavelength = couplings.emitters.positions, couplings.emitters.wavelength
    wide = [i for i in range(3) if np.ptp(r[:, i]) > _FLAT * wavelength]
    flat = len(wide) < 3
    ax = axes(ax, None if flat else "3d", "" if flat else OUT_OF_PLANE)
    style: dict[str, Any] = {
        "c": phases / np.pi,
        "s": _LARGEST_DOT * weights / weights.max(),
        "cmap": "twilight",
        "vmin": -1,
        "vmax": 1,
        "edgecolors": "0.35",
        "linewidths": 0.6,
        "zorder": 3,
    }
    unit = labels(couplings)
    names = [f"{name} ({unit.of_length})" for name in "xyz"]
    if len(wide) == 3:
        dots = ax.scatter(*r.T, depthshade=False, **style)
        ax.set(xlabel=names[0], ylabel=names[1], zlabel=names[2])
        ax.set_aspect("equal")
    elif len(wide) == 2:
        dots = ax.scatter(*r[:, wide].T, **style)
        ax.plot(*r[:, wide].T, ".", color="0.6", ms=2, zorder=1)
        ax.set(xlabel=names[wide[0]], ylabel=names[wide[1]])
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.12)
    else:
        along = r[:, wide[0] if wide else 0]
        ax.vlines(along, 0, weights, color="0.6", lw=1, zorder=1)
        style["s"] = 36
        dots = ax.scatter(along, weights, **style)
        ax.set(xlabel=names[wide[0] if wide else 0], ylabel="weight |v$_m$|²")
        ax.set_ylim(0, 1.15 * weights.max())
    colour_bar(ax, dots, "phase (π)", ticks=[-1, -0.5, 0, 0.5, 1])
    rate, shift = modes.rates[index], modes.shifts[index]
    height, place = unit.rate_of(f"{rate:.3g}"), unit.rate_of(f"{shift:+.3g}")
    ax.set_title(f"rate {height}, shift {place}", fontsize="medium")
    return ax


def scattering(
    scattering: Scattering, *, infinite: Scattering | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Transmission, reflection and loss to other directions against frequency.

    Args:
        scattering: from `co.observables.scattering`.
        infinite: from `co.observables.infinite_array`; its reflection is drawn dashed.
        ax: where to draw; None makes a new figure.
    """
    checks.instance("scattering", scattering, Scattering, "co.observables.scattering(...)")
    ax = axes(ax)
    x = scattering.frequencies
    for values, name, colour, style in (
        (scattering.reflection, "reflected |r|²", COLOURS[1], DASHES[0]),
        (scattering.transmission, "transmitted |t|²", COLOURS[0], DASHES[2]),
        (scattering.loss, "lost", COLOURS[6], ":"),
    ):
        ax.plot(x, values, linestyle=style, color=colour, label=name)
    if infinite is not None:
        checks.instance("infinite", infinite, Scattering, "co.observables.infinite_array(...)")
        ax.plot(
            infinite.frequencies,
            infinite.reflection,
            "--",
            color="0.5",
            lw=1,
            label="reflected, infinite array",
        )
    frequency = labels().rates("frequency $ω − ω_0$")
    ax.set(xlabel=frequency, ylabel="share of the power", ylim=(-0.02, 1.02))
    legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def _path(bands: Bands) -> NDArray[np.float64]:
    """Q of a chain, or the length of the path in the plane up to each Q, (K,)."""
    q = bands.quasimomenta
    if len(q) < 2:
        raise ValueError("bands has one quasi-momentum, which gives no curve; use at least two")
    if np.all(q == q[0]):
        raise ValueError(
            f"bands: all {len(q)} quasi-momenta are the same, which gives no curve; use different "
            "ones"
        )
    if bands.lattice == "chain":
        return q
    steps = np.linalg.norm(np.diff(q, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _cone(bands: Bands, across: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Intervals of the horizontal axis in which the modes radiate."""
    lit = np.concatenate([[False], bands.radiating, [False]])
    starts, stops = np.flatnonzero(~lit[:-1] & lit[1:]), np.flatnonzero(lit[:-1] & ~lit[1:]) - 1
    middle = np.concatenate([across[:1], (across[:-1] + across[1:]) / 2, across[-1:]])
    return [(float(middle[a]), float(middle[b + 1])) for a, b in zip(starts, stops, strict=True)]
