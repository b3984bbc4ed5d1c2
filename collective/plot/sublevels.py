"""Figures of atoms with Zeeman sublevels: level diagrams, and shifts in a magnetic field."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Atoms
from collective.emitters.selection import chosen_momenta
from collective.emitters.spherical import spherical_vectors
from collective.emitters.transitions import amplitudes, sublevels
from collective.emitters.zeeman import linear_up_to, require_tesla, zeeman_slope
from collective.plot.legends import legend
from collective.plot.style import COLOURS, axes
from collective.results.result import Result
from collective.units import Line
from collective.units.lines import Side, fraction
from collective.units.table import named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POLARISATIONS = ("σ⁺", "π", "σ⁻")
DRAWN = {  # colour and style
    "σ⁺": (COLOURS[0], "-"),
    "π": (COLOURS[2], "--"),
    "σ⁻": (COLOURS[1], ":"),
}
_LABELLED = 16  # transitions: of more the strengths are not written
_LABEL_AT = (0.75, 0.5, 0.25)  # of the arrow of σ⁺, π, σ⁻: so that labels do not overlap
_TILT = 0.3  # height of the largest Zeeman shift, of the distance between two manifolds
_LARGEST_CIRCLE = 500.0  # of a population of 1, in square points
# how far populations of an approximation may be outside 0 … 1; they are drawn as 0 or 1
_OUTSIDE = 0.1
_LARGEST_SHIFT = 10.0  # linewidths: how far `zeeman` draws, unless a field is given


def levels(
    atoms: Atoms,
    *,
    populations: "Result | ArrayLike | None" = None,
    time: float | None = None,
    atom: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Level diagram: Zeeman sublevels, transitions with relative strengths, populations.

    Sublevels stand side by side by m, excited manifolds above ground manifolds, and are displaced
    by their energies in the rotating frame (not to scale with the transition). The width of an
    arrow is the share of a transition in the decay of the excited sublevel, which is also written
    if there are few. The area of a circle is a population.

    Args:
        atoms: whose levels and transitions are drawn; they are the same for all.
        populations: a result, or numbers (L,) or (N, L); the mean over the atoms is drawn. None
            draws no circles.
        time: of a result, in inverse units of rate; its nearest time is drawn. None is its last.
        atom: whose energies displace the sublevels.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for populations of another shape or far outside 0 … 1, a time without a result,
            or an atom that does not exist.
    """
    checks.instance("atoms", atoms, Atoms, 'co.atoms(positions, "Rb87 D2", ...)')
    atom = checks.index("atom", atom, len(atoms), "atoms")
    at = None if time is None else checks.number("time", time)
    if at is not None and not isinstance(populations, Result):
        raise ValueError("time: only a result has times; give populations=result")
    shown = None if populations is None else _mean_populations(populations, atoms, at)
    ax = axes(ax)
    m, heights, labels = _places(atoms, atoms.energies[atom])
    _draw_transitions(ax, atoms, m, heights)
    ax.hlines(heights, m - 0.32, m + 0.32, color=COLOURS[6], linewidth=2)
    if shown is not None:
        ax.scatter(m, heights, s=_LARGEST_CIRCLE * shown, color=COLOURS[5], alpha=0.8, zorder=3)
    ticks = sorted(set(m))
    ax.set_xticks(ticks, [fraction(x) for x in ticks])
    ax.set_yticks(list(labels.values()), list(labels))
    ax.set(xlabel="m", xlim=(m.min() - 0.6, m.max() + 0.6))
    ax.margins(y=0.12)
    return ax


def zeeman(
    line: str | Line,
    *,
    ground: float,
    excited: float,
    field: float | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    r"""Shifts of all transitions between two hyperfine levels against the magnetic field.

    .. math:: δ = (g_{F'} m' - g_F m)\, μ_B B/ħ

    A vertical line marks the field at which the shift of a level is a tenth of its hyperfine
    splitting; beyond it shifts are not linear.

    Args:
        line: a name such as "Rb87 D2", or a `units.Line`.
        ground: F, or J without a nuclear spin.
        excited: F′.
        field: the largest field in tesla; None draws shifts up to 10 linewidths.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for a line without g factors, a level that it does not have, a forbidden
            transition, or a field that is not above 0.
    """
    if not isinstance(line, Line):
        line = named("line", line)
    electrons = line.level("ground").momentum, line.level("excited").momentum
    ground, excited = _one_momentum("ground", ground, line), _one_momentum("excited", excited, line)
    slopes = {side: zeeman_slope(line, side, f) for side, f in _sides(ground, excited)}
    allowed = amplitudes(electrons, line.nuclear_spin, ground, excited)
    if not np.any(allowed):
        raise ValueError(
            f"excited: F′={fraction(excited)} → F={fraction(ground)} is forbidden for electric "
            "dipoles: F changes by at most 1, and 0 → 0 does not occur"
        )
    lower, upper = sublevels(ground), sublevels(excited)
    shifts = slopes["excited"] * upper - slopes["ground"] * lower[:, None]
    steepest = np.abs(shifts[np.any(allowed != 0, axis=0)]).max()
    if field is None:
        field = _LARGEST_SHIFT / steepest if steepest else 1.0
    else:
        field = checks.number("field", field, above=0)
        require_tesla("field", field)
    ax = axes(ax)
    unit, factor = ("mT", 1e3) if field >= 1e-4 else ("µT", 1e6)
    for name, strengths in zip(_POLARISATIONS, allowed, strict=True):
        colour, style = DRAWN[name]
        label: str | None = name
        for i, k in np.argwhere(strengths != 0):
            ax.plot(
                [0, factor * field], [0, field * shifts[i, k]], style, color=colour, label=label
            )
            label = None
    limit = min(linear_up_to(line, side, f) for side, f in _sides(ground, excited))
    if limit < field:
        ax.axvline(factor * limit, color="0.6", linewidth=1, label="linear up to here")
    ax.set(xlabel=f"magnetic field ({unit})", ylabel="shift of the transition (Γ₀)")
    ax.margins(x=0)
    symbol = "F" if line.nuclear_spin else "J"
    legend(ax, title=f"{line.name}, {symbol} = {fraction(ground)} → {fraction(excited)}")
    return ax


def _one_momentum(side: Side, value: Any, line: Line) -> float:
    """The checked F of one hyperfine level."""
    number = checks.number(side, value)
    return chosen_momenta(side, number, line)[0]


def _sides(ground: float, excited: float) -> tuple[tuple[Side, float], tuple[Side, float]]:
    """The two hyperfine levels with their sides."""
    return ("ground", ground), ("excited", excited)


def _mean_populations(value: Any, atoms: Atoms, time: float | None) -> NDArray[np.float64]:
    """Mean population of each level, (L,); of a result at a time, None for its last."""
    given = value
    if isinstance(value, Result):
        row = -1 if time is None else int(np.argmin(np.abs(value.times - time)))
        given = value.populations[row]
    array = checks.finite("populations", given)
    wrong = array[(array < -_OUTSIDE) | (array > 1 + _OUTSIDE)]
    if wrong.size:
        raise ValueError(f"populations must be from 0 to 1, got {wrong[0]:g}")
    count = len(atoms.levels)
    if array.shape not in ((count,), (len(atoms), count)):
        raise ValueError(
            f"populations must be a result of these atoms, or have shape ({count},) or "
            f"({len(atoms)}, {count}); got {array.shape}"
        )
    return np.clip(array.reshape(-1, count).mean(axis=0), 0.0, 1.0)


def _places(
    atoms: Atoms, energies: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, float]]:
    """Projection m and height of every level, and the height of every manifold by its name."""
    manifolds = [name.rsplit(" ", 1)[0] for name in atoms.levels]
    order = list(dict.fromkeys(manifolds))
    # a line of higher frequency begins at a higher, or ends on a lower manifold
    touched = np.any(atoms.lowering != 0, axis=1)
    highest = np.max(
        atoms.wavenumbers[:, None] * (touched.any(axis=1) | touched.any(axis=2)), axis=0
    )
    own = np.array([np.mean(energies[[x == name for x in manifolds]]) for name in manifolds])
    # manifolds of one line have the same frequency, and their distance is in the energies
    order.sort(key=lambda name: (highest[manifolds.index(name)], own[manifolds.index(name)]))
    upper = [name for name in order if atoms.excited[manifolds.index(name)]]
    lower = [name for name in order if name not in upper]
    heights = {name: -0.6 * i for i, name in enumerate(lower)}
    heights |= {name: 1.0 + 0.6 * i for i, name in enumerate(upper)}
    m = np.array(projections(atoms.levels))
    displaced = energies - own
    largest = np.abs(displaced).max()
    tilt = _TILT / largest if largest else 0.0
    return m, np.array([heights[name] for name in manifolds]) + tilt * displaced, heights


def projections(names: tuple[str, ...]) -> list[float]:
    """Projection m of every level from its name, or by its place in its manifold."""
    manifolds = [name.rsplit(" ", 1)[0] for name in names]
    found = []
    for i, name in enumerate(names):
        try:
            found.append(float(Fraction(name.rsplit(" ", 1)[-1])))
        except ValueError:
            same = [k for k, manifold in enumerate(manifolds) if manifold == manifolds[i]]
            found.append((len(same) - 1) / 2 - same.index(i))
    return found


def _draw_transitions(
    ax: Any, atoms: Atoms, m: NDArray[np.float64], heights: NDArray[np.float64]
) -> None:
    """An arrow for each decay: its colour the polarisation, its width the relative strength."""
    projected = np.einsum("qa,sage->sqge", spherical_vectors(atoms.axis).conj(), atoms.lowering)
    strengths = np.einsum("s,sqge->qge", atoms.linewidths, np.abs(projected) ** 2)
    rates = atoms.decay_rates
    strongest = [(int(np.argmax(strengths[:, g, e])), g, e)
                 for g, e in np.argwhere(strengths.sum(axis=0) > 1e-12 * rates.max())]  # fmt: skip
    for q, g, e in strongest:
        share = strengths[:, g, e].sum() / rates[e]
        colour, style = DRAWN[_POLARISATIONS[q]]
        begin, end = np.array([m[e], heights[e]]), np.array([m[g], heights[g]])
        ax.annotate(
            "",
            xy=tuple(end),
            xytext=tuple(begin),
            arrowprops={
                "arrowstyle": "-|>",
                "color": colour,
                "linestyle": style,
                "linewidth": 0.5 + 2.5 * share,
                "shrinkA": 0,
                "shrinkB": 0,
            },
            zorder=1,
        )
        if len(strongest) <= _LABELLED:
            ax.text(
                *(begin + _LABEL_AT[q] * (end - begin)),
                f"{share:.2g}",
                fontsize="small",
                ha="center",
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
    for q in sorted({q for q, _, _ in strongest}):
        colour, style = DRAWN[_POLARISATIONS[q]]
        ax.plot([], [], style, color=colour, label=_POLARISATIONS[q])
    legend(ax, loc="center left", bbox_to_anchor=(1.0, 0.5))
