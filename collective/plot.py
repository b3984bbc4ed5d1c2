"""Figures: each takes `ax=None` and returns the `Axes` it drew on; nothing is shown or saved."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from collective import _checks
from collective.comparison import Comparison
from collective.couplings import Couplings
from collective.emitters import Emitters
from collective.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito's palette, ordered so that neighbours also differ in grey
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_RATE = "emission rate (Γ₀)"
_TIME = "time (1/Γ₀)"


def emission(
    results: Result | Sequence[Result] | Mapping[str, Result],
    *,
    independent: bool = True,
    per_emitter: bool = False,
    ax: "Axes | None" = None,
) -> "Axes":
    """Emission rate against time, with independent decay of the first result for comparison.

    Args:
        results: one result, several, or several by label.
        independent: draw Σ_m Γ_mm⟨n_m(0)⟩e^{−Γ_mm t} dashed.
        per_emitter: divide by the number of emitters.
        ax: where to draw; None makes a new figure.
    """
    named = _by_label(results)
    ax = _axes(ax)
    colours = _colours(len(named))
    for (label, result), colour in zip(named.items(), colours, strict=True):
        if result.emission is None:
            raise ValueError("results: this MasterEquation knows no bath, so no emission rate")
        scale = result.populations.shape[1] if per_emitter else 1
        ax.plot(result.times, result.emission / scale, color=colour, label=label)
    first = next(iter(named.values()))
    if independent and first.couplings is not None:
        rates = np.diag(first.couplings.decay).real
        elapsed = first.times - first.times[0]
        alone = np.exp(-np.outer(elapsed, rates)) @ (rates * first.populations[0])
        scale = len(first.couplings) if per_emitter else 1
        ax.plot(first.times, alone / scale, "--", color="0.4", label="independent decay")
    ax.set(xlabel=_TIME, ylabel="emission rate per emitter (Γ₀)" if per_emitter else _RATE)
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    return ax


def populations(result: Result, *, ax: "Axes | None" = None) -> "Axes":
    """Probability of each emitter to be excited, against time.

    Args:
        result: of `evolve`; one curve per emitter, or per level of each emitter.
        ax: where to draw; None makes a new figure.
    """
    _checks.instance("result", result, Result, "co.evolve(...)")
    ax = _axes(ax)
    curves = {f"emitter {m}": column for m, column in enumerate(result.populations.T)}
    if result.populations.ndim == 3:
        curves = {
            f"emitter {m}, level {level}": column
            for m, columns in enumerate(result.populations.transpose(1, 2, 0))
            for level, column in enumerate(columns)
            if not np.all(np.isnan(column))
        }
    n = len(curves)
    for (label, column), colour in zip(curves.items(), _colours(n), strict=True):
        ax.plot(result.times, column, color=colour, label=label)
    ax.set(xlabel=_TIME, ylabel="population", ylim=(-0.02, 1.02))
    ax.legend(frameon=False, ncols=1 + (n - 1) // 8)
    return ax


def couplings(couplings: Couplings, *, part: str = "decay", ax: "Axes | None" = None) -> "Axes":
    """Γ_mn or Δ_mn as a map, zero in white; real parts if complex.

    Args:
        couplings: N emitters; N×N squares.
        part: "decay" or "shift".
        ax: where to draw; None makes a new figure.
    """
    _checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    _checks.choice("part", part, ("decay", "shift"))
    ax = _axes(ax)
    matrix = getattr(couplings, part).real
    limit = np.abs(matrix).max() or 1.0
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit)
    name = "Γ" if part == "decay" else "Δ"
    prefix = "Re " if np.iscomplexobj(getattr(couplings, part)) else ""
    ax.figure.colorbar(image, ax=ax, label=f"{prefix}{name}$_{{mn}}$ (Γ₀)")
    ax.set(xlabel="emitter n", ylabel="emitter m")
    ax.locator_params(integer=True)
    return ax


def modes(couplings: Couplings, *, ax: "Axes | None" = None) -> "Axes":
    """Decay rate of every collective mode against its shift; the line is one emitter alone.

    Rates below 10⁻¹² of the largest, zero up to round-off, are drawn there.

    Args:
        couplings: N emitters; N points.
        ax: where to draw; None makes a new figure.
    """
    _checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    ax = _axes(ax)
    found = couplings.modes()
    alone = float(np.mean(np.diag(couplings.decay).real))
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
    ax.set(xlabel="shift of the mode (Γ₀)", ylabel="decay rate of the mode (Γ₀)", yscale="log")
    ax.legend(frameon=False)
    return ax


def lattice(emitters: Emitters, *, ax: "Axes | None" = None) -> "Axes":
    """Positions and dipole directions: flat if the emitters lie in a coordinate plane, else in 3D.

    Args:
        emitters: complex dipoles show their real part.
        ax: where to draw, a 3D axes where needed; None makes a new figure.
    """
    _checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
    r = emitters.positions
    flat = [i for i in range(3) if np.ptp(r[:, i]) < 1e-9 * emitters.wavelength]
    arrows = emitters.dipoles.real * 0.4 * _arrow_length(emitters)
    unit = "λ₀" if emitters.wavelength == 1 else "units of length"
    names = "xyz"
    if not flat:
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.figure().add_subplot(projection="3d")
        if ax.name != "3d":
            raise ValueError(
                "ax must be a 3D axes: these emitters do not lie in a coordinate plane"
            )
        ax.scatter(*r.T, color=COLOURS[0], depthshade=False)
        ax.quiver(*r.T, *arrows.T, color=COLOURS[1])
        ax.set_aspect("equal")
        ax.set(zlabel=f"z ({unit})")
        across, up = 0, 1
    else:
        ax = _axes(ax)
        # a chain leaves two flat directions: keep the one its dipoles point along
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


def comparison(comparison: Comparison, *, ax: "Axes | None" = None) -> "Axes":
    """Trace distance of every pair of approximations against time.

    Args:
        comparison: of `compare`.
        ax: where to draw; None makes a new figure.
    """
    _checks.instance("comparison", comparison, Comparison, "co.compare(...)")
    ax = _axes(ax)
    pairs = comparison.distances.items()
    for ((one, other), values), colour in zip(pairs, _colours(len(pairs)), strict=True):
        ax.plot(comparison.times[: len(values)], values, color=colour, label=f"{one} – {other}")
    ax.set(xlabel=_TIME, ylabel="trace distance ½‖ρ_a − ρ_b‖₁")
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    return ax


def _arrow_length(emitters: Emitters) -> float:
    distance, _ = emitters.nearest_pair()
    return distance if np.isfinite(distance) else emitters.wavelength


def _by_label(results: Any) -> dict[str, Result]:
    if isinstance(results, Result):
        return {"coupled": results}
    if not isinstance(results, Mapping):
        listed = list(results) if isinstance(results, Sequence) else [results]
        results = {}
        for result in listed:
            _checks.instance("results", result, Result, "co.evolve(...)")
            n = result.populations.shape[1]
            label, copies = f"N = {n}", 1
            while label in results:
                copies += 1
                label = f"N = {n} ({copies})"
            results[label] = result
    if not results:
        raise ValueError("results is empty: give at least one result of co.evolve")
    for result in results.values():
        _checks.instance("results", result, Result, "co.evolve(...)")
    return dict(results)


def _colours(n: int) -> list[Any]:
    """The palette, or for more curves than it has, the sequential cividis."""
    if n <= len(COLOURS):
        return list(COLOURS[:n])
    import matplotlib

    return list(matplotlib.colormaps["cividis"](np.linspace(0, 0.9, n)))


def _axes(ax: "Axes | None") -> "Axes":
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]
