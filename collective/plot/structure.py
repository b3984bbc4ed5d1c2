"""Figures of emitters and couplings, without time: coupling matrices, modes, lattices."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from collective._tools import checks
from collective.couplings.couplings import Couplings
from collective.couplings.modes import Modes
from collective.emitters import Emitters
from collective.emitters.lengths import nearest_apart
from collective.plot.labels import labels
from collective.plot.legends import colour_bar, legend
from collective.plot.style import COLOURS, OUT_OF_PLANE, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def couplings(
    couplings: Couplings, *, part: Literal["decay", "shift"] = "decay", ax: "Axes | None" = None
) -> "Axes":
    """Γ_mn or Δ_mn as a map of N×N squares, with zero in white; real parts if they are complex.

    Args:
        couplings: of N emitters.
        part: "decay" or "shift".
        ax: where to draw; None makes a new figure.
    """
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    checks.choice("part", part, ("decay", "shift"))
    ax = axes(ax)
    matrix = getattr(couplings, part).real
    limit = np.abs(matrix).max() or 1.0
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit)
    name = "Γ" if part == "decay" else "Δ"
    prefix = "Re " if np.iscomplexobj(getattr(couplings, part)) else ""
    colour_bar(ax, image, labels(couplings).rates(f"{prefix}{name}$_{{mn}}$"))
    ax.set(xlabel="emitter n", ylabel="emitter m")
    ax.locator_params(integer=True)
    return ax


def modes(couplings: Couplings | Modes, *, ax: "Axes | None" = None) -> "Axes":
    """Decay rate of every collective mode against its shift; the line is the rate of one emitter.

    Rates below 10⁻¹² of the largest are zero up to round-off; they are drawn at this value.

    Args:
        couplings: of N emitters, or their `Couplings.modes()`; each mode is one point.
        ax: where to draw; None makes a new figure.
    """
    found = couplings
    if not isinstance(found, Modes):
        checks.instance("couplings", found, Couplings, "co.couple(...), or its modes()")
        found = found.modes()
    ax = axes(ax)
    alone = float(np.mean(found.jump_rates))  # the trace of Γ is that of its diagonal
    rates = np.maximum(found.rates, 1e-12 * found.rates.max())
    excess = rates / alone - 1 if alone > 0 else rates
    for chosen, colour, marker, label in (
        (excess > 1e-9, COLOURS[1], "o", "superradiant"),
        (excess < -1e-9, COLOURS[0], "s", "subradiant"),
        (np.abs(excess) <= 1e-9, COLOURS[6], "d", "independent"),
    ):
        if np.any(chosen):
            ax.plot(found.shifts[chosen], rates[chosen], marker, color=colour, ms=5, label=label)
    ax.axhline(alone, color="0.4", ls="--", lw=1, label="one emitter")
    unit = labels(couplings)
    ax.set(
        xlabel=unit.rates("shift of the mode"),
        ylabel=unit.rates("decay rate of the mode"),
        yscale="log" if rates.max() > 0 else "linear",
    )
    legend(ax)
    return ax


def lattice(emitters: Emitters, *, ax: "Axes | None" = None) -> "Axes":
    """Positions and dipole directions, in 3D if the emitters do not lie in a coordinate plane.

    Args:
        emitters: of complex dipoles the real part is drawn.
        ax: where to draw, 3D axes where needed; None makes a new figure.
    """
    checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
    r = emitters.positions
    flat = [i for i in range(3) if np.ptp(r[:, i]) < 1e-9 * emitters.wavelength]
    arrows = emitters.dipoles.real * 0.4 * _arrow_length(emitters)
    unit = labels(emitters).of_length
    names = "xyz"
    if not flat:
        ax = axes(ax, "3d", OUT_OF_PLANE)
        ax.scatter(*r.T, color=COLOURS[0], depthshade=False)
        ax.quiver(*r.T, *arrows.T, color=COLOURS[1])
        ax.set_aspect("equal")
        ax.set(zlabel=f"z ({unit})")
        across, up = 0, 1
    else:
        ax = axes(ax)
        # a chain is flat in two directions: keep the one along which its dipoles point
        hidden = min(flat, key=lambda i: float(np.abs(arrows[:, i]).max()))
        across, up = (i for i in range(3) if i != hidden)
        ax.plot(r[:, across], r[:, up], "o", color=COLOURS[0])
        ax.quiver(
            *r[:, [across, up]].T,
            *arrows[:, [across, up]].T,
            color=COLOURS[1],
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.006,
        )
        tips = r + arrows
        ax.update_datalim(tips[:, [across, up]])
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.15)
    ax.set(xlabel=f"{names[across]} ({unit})", ylabel=f"{names[up]} ({unit})")
    return ax


def _arrow_length(emitters: Emitters) -> float:
    """Unit of the length of arrows: the smallest distance, or the wavelength of a lone emitter."""
    distance = nearest_apart(emitters)
    return distance if np.isfinite(distance) else emitters.wavelength
