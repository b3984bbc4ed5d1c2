"""Curves against time: emission, populations, distances between approximations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.evolution.comparison import Comparison
from collective.evolution.engine_comparison import EngineComparison
from collective.plot.labels import labels
from collective.plot.legends import draw_curves, name_curves
from collective.plot.style import axes, by_label, from_zero, is_dataset
from collective.results.result import Result

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes


_CURVES = 200  # emitters, beyond which single curves cannot be told apart
_ROUND_OFF = 1e-12  # of rates and populations that are the same in all members


def emission(
    results: "Result | xarray.Dataset | Sequence[Result | xarray.Dataset] | Mapping[str, Any]",
    *,
    independent: bool = True,
    per_emitter: bool = False,
    ax: "Axes | None" = None,
) -> "Axes":
    """Emission rate against time, with the independent decay of the first result for comparison.

    More than seven results have a colour bar with their labels in the place of a legend. If all
    labels are one number each, such as "N = 3", the bar has the numbers, and the rest is its name.

    Around an approximate result there is a band: its estimated error, and twice its standard error.
    Around the mean of an ensemble there is one of twice its standard error.

    Args:
        results: one result, several, or several by label; a dataset of `co.ensemble` counts as one.
        independent: whether to draw Σ_m Γ_mm⟨n_m(0)⟩e^{−Γ_mm t} dotted. In thermal light each
            emitter comes to the population n̄/(2n̄ + 1) at the rate (2n̄ + 1)Γ_mm, and emits at
            the rate (n̄ + 1)Γ_mm times its population. It is left out for an ensemble whose
            members start with other rates or populations.
        per_emitter: whether to divide by the number of emitters.
        ax: where to draw; None makes a new figure.

    Raises:
        ValueError: for a result without emission rate.
    """
    named = by_label(results, ensembles=True)
    independent = checks.flag("independent", independent)
    per_emitter = checks.flag("per_emitter", per_emitter)
    curves = {
        label: _of_ensemble(label, each) if is_dataset(each) else _of_result(label, each)
        for label, each in named.items()
    }
    ax = axes(ax)
    scales = {label: curve.scale(label) if per_emitter else 1 for label, curve in curves.items()}
    label, first = next(iter(curves.items()))
    alone = []
    if independent and first.start is not None and len(first.times) > 1:
        decay = _independent(first.times, *first.start)
        alone = [(first.times, decay / scales[label])]
    drawn = [(curve.times, curve.emission / scales[label]) for label, curve in curves.items()]
    lines = draw_curves(ax, curves, drawn, above=alone)
    for (label, curve), line in zip(curves.items(), lines, strict=True):
        if curve.band is not None:
            low, high = curve.emission - curve.band, curve.emission + curve.band
            ax.fill_between(
                curve.times,
                low / scales[label],
                high / scales[label],
                color=line.get_color(),
                alpha=0.15,
                linewidth=0,
            )
    for times, decay in alone:
        ax.plot(times, decay, ":", color="0.3", label="independent decay")
    unit = labels(*named.values())
    name = "emission rate per emitter" if per_emitter else "emission rate"
    ax.set(xlabel=unit.times(), ylabel=unit.rates(name))
    from_zero(ax)
    name_curves(ax, list(curves))
    return ax


@dataclass
class _Curve:
    """What `emission` draws of one result.

    Attributes:
        times: (T,).
        emission: (T,).
        band: half its width, (T,), or None.
        emitters: how many there are; None if that is not known.
        start: decay rates and populations of the emitters at the start, (N,) each, and the number
            of thermal photons; None if these are not known.
    """

    times: NDArray[np.float64]
    emission: NDArray[np.float64]
    band: NDArray[np.float64] | None
    emitters: int | None
    start: tuple[NDArray[np.float64], NDArray[np.float64], float] | None

    def scale(self, label: str) -> int:
        """The number of emitters; raises if it is not known."""
        if self.emitters is None:
            raise ValueError(
                f"per_emitter: the members of {label!r} have different numbers of emitters; divide "
                "in the builder of the ensemble"
            )
        return self.emitters


def _of_result(label: str, result: Result) -> _Curve:
    """The curve of a result; raises if it has no emission."""
    if result.emission is None:
        raise ValueError(
            f"results: {label!r} has no emission rate, because its MasterEquation has no bath; "
            "use co.master_equation(...)"
        )
    start, couplings = None, result.couplings
    if isinstance(couplings, Couplings):
        rates = couplings.decay.diagonal().real
        start = (rates, result.populations[0], couplings.thermal_photons)
    band = None if result.error_estimate is None else _band(result)
    return _Curve(result.times, result.emission, band, result.populations.shape[1], start)


def _of_ensemble(label: str, mean: "xarray.Dataset") -> _Curve:
    """The curve of the mean of an ensemble; raises if it has no emission against time."""
    for name in ("emission", "emission_error"):
        if name not in mean or mean[name].dims != ("time",) or "time" not in mean.coords:
            raise ValueError(
                f"results: {label!r} must have {name} against time alone, as co.ensemble gives it "
                "for results of co.evolve; choose one point of a sweep by .sel(...)"
            )
    band = 2 * np.nan_to_num(mean["emission_error"].values)
    if "error_estimate" in mean:
        band = band + mean["error_estimate"].values
    emitters = mean.sizes.get("emitter")
    return _Curve(mean["time"].values, mean["emission"].values, band, emitters, _start(mean))


def _start(mean: "xarray.Dataset") -> tuple[NDArray[np.float64], NDArray[np.float64], float] | None:
    """What all members of an ensemble start with, as in `_Curve`; None if they differ."""
    dims = {"decay": ("emitter", "emitter_2"), "populations": ("time", "emitter")}
    if any(name not in mean or mean[name].dims != along for name, along in dims.items()):
        return None

    def varies(name: str, where: Any) -> bool:
        error = mean.get(f"{name}_error")
        return error is not None and bool(np.any(error.values[where] > _ROUND_OFF))

    diagonal = np.diag_indices(mean.sizes["emitter"])
    if varies("decay", diagonal) or varies("populations", 0) or varies("thermal_photons", ()):
        return None
    photons = float(mean["thermal_photons"]) if "thermal_photons" in mean else 0.0
    return mean["decay"].values[diagonal].real, mean["populations"].values[0], photons


def _independent(
    times: NDArray[np.float64],
    rates: NDArray[np.float64],
    populations: NDArray[np.float64],
    photons: float,
) -> NDArray[np.float64]:
    """The emission of emitters that do not know of each other, (T,)."""
    final = photons / (1 + 2 * photons)
    left = (np.exp(-(1 + 2 * photons) * t * rates) for t in times - times[0])
    above = populations - final
    return np.array([(1 + photons) * (final + each * above) @ rates for each in left])


def _band(result: Result) -> NDArray[np.float64]:
    """Estimated error and twice the standard error of the emission of an approximate result, (T,).

    The standard error is left out where it is not known.
    """
    assert result.error_estimate is not None
    scatter = 0.0 if result.emission_error is None else 2 * np.nan_to_num(result.emission_error)
    return np.asarray(result.error_estimate + scatter)


def populations(result: Result, *, ax: "Axes | None" = None) -> "Axes":
    """Probability that each emitter is excited, or the populations of levels, against time.

    Args:
        result: from `evolve`; each emitter, or each level of each emitter, gives one curve. For
            more than 200 emitters the mean is drawn, with a band from the least to the most excited
            emitter. For atoms with manifolds it is drawn for each level, by its name.
        ax: where to draw; None makes a new figure.
    """
    checks.instance("result", result, Result, "co.evolve(...)")
    ax = axes(ax)
    if isinstance(result.couplings, ChannelCouplings):
        return _populations_of_levels(result, result.couplings.atoms.levels, ax)
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
    draw_curves(ax, curves, [(result.times, column) for column in curves.values()])
    ax.set(xlabel=labels(result).times(), ylabel="population", ylim=(-0.02, 1.02))
    name_curves(ax, list(curves))
    return ax


def _populations_of_levels(result: Result, levels: tuple[str, ...], ax: "Axes") -> "Axes":
    """The mean population of each level, and a band over all atoms."""
    means = result.populations.mean(axis=1)
    lines = draw_curves(ax, levels, [(result.times, column) for column in means.T])
    if result.populations.shape[1] > 1:
        low, high = result.populations.min(axis=1), result.populations.max(axis=1)
        for i, line in enumerate(lines):
            band = {"color": line.get_color(), "alpha": 0.15, "linewidth": 0}
            ax.fill_between(result.times, low[:, i], high[:, i], **band)
    ax.set(xlabel=labels(result).times(), ylabel="population", ylim=(-0.02, 1.02))
    name_curves(ax, levels)
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
    curves = {
        f"{one} – {other}": (comparison.times[: len(values)], values)
        for (one, other), values in comparison.distances.items()
    }
    unit = labels(*comparison.results.values()).times()
    draw_curves(ax, curves, list(curves.values()))
    ax.set(xlabel=unit, ylabel="trace distance ½‖ρ_a − ρ_b‖₁")
    from_zero(ax)
    name_curves(ax, list(curves))
    return ax
