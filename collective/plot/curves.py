"""Curves against time: emission, populations, distances between approximations."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.evolution.comparison import Comparison
from collective.evolution.engine_comparison import EngineComparison
from collective.plot.style import RATE, TIME, axes, by_label, colours
from collective.results.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CURVES = 200  # emitters, beyond which single curves cannot be told apart


def emission(
    results: Result | Sequence[Result] | Mapping[str, Result],
    *,
    independent: bool = True,
    per_emitter: bool = False,
    ax: "Axes | None" = None,
) -> "Axes":
    """Emission rate against time, with the independent decay of the first result for comparison.

    Around an approximate result there is a band: its estimated error, and twice its standard error.

    Args:
        results: one result, several, or several by label.
        independent: whether to draw Σ_m Γ_mm⟨n_m(0)⟩e^{−Γ_mm t} dashed. In thermal light each
            emitter comes to the population n̄/(2n̄ + 1) at the rate (2n̄ + 1)Γ_mm, and emits at
            the rate (n̄ + 1)Γ_mm times its population.
        per_emitter: whether to divide by the number of emitters.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for a result without emission rate.
    """
    named = by_label(results)
    independent = checks.flag("independent", independent)
    per_emitter = checks.flag("per_emitter", per_emitter)
    ax = axes(ax)
    for (label, result), colour in zip(named.items(), colours(len(named)), strict=True):
        if result.emission is None:
            raise ValueError(
                f"results: {label!r} has no emission rate, because its MasterEquation has no bath; "
                "use co.master_equation(...)"
            )
        scale = result.populations.shape[1] if per_emitter else 1
        ax.plot(result.times, result.emission / scale, color=colour, label=label)
        if result.error_estimate is not None:
            band = _band(result)
            low, high = (result.emission - band) / scale, (result.emission + band) / scale
            ax.fill_between(result.times, low, high, color=colour, alpha=0.15, linewidth=0)
    first = next(iter(named.values()))
    if independent and first.couplings is not None:
        rates = first.couplings.decay.diagonal().real
        elapsed = first.times - first.times[0]
        photons = first.couplings.thermal_photons
        final = photons / (1 + 2 * photons)
        left = (np.exp(-(1 + 2 * photons) * t * rates) for t in elapsed)
        above = first.populations[0] - final
        alone = np.array([(1 + photons) * (final + each * above) @ rates for each in left])
        scale = len(first.couplings) if per_emitter else 1
        ax.plot(first.times, alone / scale, "--", color="0.4", label="independent decay")
    ax.set(xlabel=TIME, ylabel="emission rate per emitter (Γ₀)" if per_emitter else RATE)
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    return ax


def _band(result: Result) -> NDArray[np.float64]:
    """Estimated error and twice the standard error of the emission of an approximate result, (T,).

    The standard error is left out where it is not known.
    """
    assert result.error_estimate is not None
    scatter = 0.0 if result.emission_error is None else 2 * np.nan_to_num(result.emission_error)
    return np.asarray(result.error_estimate + scatter)


def populations(result: Result, *, ax: "Axes | None" = None) -> "Axes":
    """Probability that each emitter is excited, against time.

    Args:
        result: from `evolve`; each emitter, or each level of each emitter, gives one curve. For
            more than 200 emitters the mean is drawn, with a band from the least to the most excited
            emitter.
        ax: where to draw; None makes a new figure.
    """
    checks.instance("result", result, Result, "co.evolve(...)")
    ax = axes(ax)
    if result.populations.ndim == 2 and result.populations.shape[1] > _CURVES:
        low, high = result.populations.min(axis=1), result.populations.max(axis=1)
        ax.fill_between(result.times, low, high, alpha=0.2, linewidth=0, label="all emitters")
        curves = {"mean of all emitters": result.populations.mean(axis=1)}
    else:
        curves = {f"emitter {m}": column for m, column in enumerate(result.populations.T)}
    if result.populations.ndim == 3:
        curves = {
            f"emitter {m}, level {level}": column
            for m, columns in enumerate(result.populations.transpose(1, 2, 0))
            for level, column in enumerate(columns)
            if not np.all(np.isnan(column))
        }
    n = len(curves)
    for (label, column), colour in zip(curves.items(), colours(n), strict=True):
        ax.plot(result.times, column, color=colour, label=label)
    ax.set(xlabel=TIME, ylabel="population", ylim=(-0.02, 1.02))
    ax.legend(frameon=False, ncols=1 + (n - 1) // 8)
    return ax


def comparison(comparison: Comparison | EngineComparison, *, ax: "Axes | None" = None) -> "Axes":
    """What `compare` has found, against time.

    Of several approximations it is the trace distance of every pair. Of several engines it is the
    emission with bands: the estimated error of an approximate engine, and twice the standard error
    of one that samples, added.

    Args:
        comparison: from `compare`.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: if Ctrl-C left only one approximation.
    """
    if isinstance(comparison, EngineComparison):
        return emission(comparison.results, independent=False, ax=ax)
    checks.instance("comparison", comparison, Comparison, "co.compare(...)")
    if not comparison.distances:
        raise ValueError(
            f"comparison was interrupted and has only {', '.join(comparison.results)}, so there is "
            "no distance to draw; compare again without interruption"
        )
    ax = axes(ax)
    pairs = comparison.distances.items()
    for ((one, other), values), colour in zip(pairs, colours(len(pairs)), strict=True):
        ax.plot(comparison.times[: len(values)], values, color=colour, label=f"{one} – {other}")
    ax.set(xlabel=TIME, ylabel="trace distance ½‖ρ_a − ρ_b‖₁")
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    return ax
