"""Criteria from the couplings alone: whether a burst starts, up to which spacing, size of modes.

The first derivative of the emission of the inverted state depends on Γ only, not on the
Hamiltonian, dephasing, pump and drive.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.console import printable
from collective.couplings.couple import couple
from collective.couplings.couplings import Couplings
from collective.emitters import Emitters
from collective.fields import Vacuum
from collective.observables import _inputs
from collective.observables._detection import emission_matrix, trace_of_square


@dataclass(frozen=True, repr=False)
class BurstCriterion:
    """Whether the emission of the inverted state rises at first; see `burst_criterion`.

    Attributes:
        rate: R(0), of all light, or per steradian into the direction.
        slope: its time derivative Ṙ(0).
        variance: of the eigenvalues of Γ/Γ̄, where Γ̄ is the mean rate of one emitter; for one
            direction it is Tr(ΓD)/(N Γ̄ D̄) − 1, which is the same for D = Γ.
        threshold: the variance above which a burst starts: 1 for equal rates.
        g2: coincidences of a first photon into any direction and a second photon into the
            observed ones, 1 + Ṙ(0)/[R(0) ΣΓ_mm].
        bursts: whether a burst starts: Ṙ(0) > 0, variance > threshold and g2 > 1 all mean the
            same.
    """

    rate: float
    slope: float
    variance: float
    threshold: float
    g2: float
    bursts: bool

    @printable
    def __repr__(self) -> str:
        word, side = ("bursts", "above") if self.bursts else ("no burst", "not above")
        return (
            f"{word}: Ṙ(0) = {self.slope / self.rate:+.4g} R(0), "
            f"variance {self.variance:.4g} {side} {self.threshold:.4g}"
        )


def burst_criterion(couplings: Couplings, direction: ArrayLike | None = None) -> BurstCriterion:
    r"""Whether inverted emitters start with a burst, in all light or into one direction.

    With the rate :math:`R = \sum_{mn} D_{mn}⟨σ^+_mσ^-_n⟩`, where D = Γ for all light and

    .. math:: D_{mn} = \frac{3}{8π}\sqrt{Γ_mΓ_n}\,
              [u_m^*·u_n − (u_m^*·n̂)(n̂·u_n)]\, e^{ikn̂·(r_m − r_n)}

    per steradian into n̂, the inverted state has

    .. math:: \dot R(0) = \sum_{m≠n} Γ_{mn}D_{nm} − \sum_m Γ_{mm}D_{mm}.

    A burst starts if this is positive; for equal rates, this means that the variance of the
    eigenvalues of Γ/Γ₀ exceeds 1 (Masson & Asenjo-Garcia, arXiv:2106.02042). Shifts, detunings,
    dephasing, pump and drive change the burst, but not whether it starts.

    Args:
        couplings: of N emitters; for a direction they need positions and vacuum.
        direction: n̂ (3,), of any length but zero; None for all light.

    Returns:
        `BurstCriterion`.

    Raises:
        ValueError: if no light is emitted, or none into the direction.

    Example:
        >>> import collective as co
        >>> co.observables.burst_criterion(co.couple(co.chain(10, 0.1), co.Vacuum()))
        bursts: Ṙ(0) = +1.782 R(0), variance 2.782 above 1
        >>> co.observables.burst_criterion(co.couple(co.chain(10, 0.4), co.Vacuum()))
        no burst: Ṙ(0) = -0.8045 R(0), variance 0.1955 not above 1
    """
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    _inputs.require_cold(couplings, "burst_criterion")
    decay = couplings.decay
    own = decay.diagonal().real
    total = float(own.sum())
    if total == 0:
        raise ValueError(
            "couplings: every decay rate is zero, so no light is emitted; give couplings with a "
            "positive decay rate"
        )
    if direction is None:
        seen = own
        product = trace_of_square(decay)
    else:
        matrix = emission_matrix(couplings, direction, "burst_criterion into a direction")
        seen = np.diagonal(matrix).real
        product = float(np.einsum("mn,nm->", decay, matrix).real)
    rate, diagonal = float(seen.sum()), float(own @ seen)
    slope = product - 2 * diagonal
    scale = len(couplings) / (total * rate)
    return BurstCriterion(
        rate=rate,
        slope=slope,
        variance=product * scale - 1,
        threshold=2 * diagonal * scale - 1,
        g2=1 + slope / (total * rate),
        bursts=slope > 0,
    )


def critical_spacing(
    builder: Callable[[float], Couplings | Emitters],
    *,
    bracket: tuple[float, float] = (0.05, 1.0),
    direction: ArrayLike | None = None,
    which: Literal["first", "last"] = "last",
    samples: int = 96,
) -> float:
    r"""The spacing at which :math:`\dot R(0)` of the inverted state passes zero.

    First the bracket is sampled evenly; then the crossing is found to 1e-12 of the upper end of
    the bracket. Two crossings closer than one step are missed. Γ oscillates with the spacing, so
    that a large array may burst again beyond the first crossing. One or two emitters never start a
    burst: ``2|Γ_12 D_21|`` never exceeds Γ_11 D_11 + Γ_22 D_22.

    Args:
        builder: function from a spacing to `Couplings`, or to `Emitters`, which are then in
            vacuum.
        bracket: the smallest and the largest spacing of the search.
        direction: of a burst into one direction, as in `burst_criterion`.
        which: "last" for the largest spacing of the bracket up to which a burst still starts,
            "first" for the smallest spacing at which it no longer starts.
        samples: number of spacings that are sampled first.

    Returns:
        The spacing.

    Raises:
        ValueError: if no burst ends inside the bracket, or if `which="last"` and a burst still
            starts at the upper end. An error of the builder gets a note with the spacing.

    Example:
        >>> import collective as co
        >>> round(co.observables.critical_spacing(lambda spacing: co.chain(10, spacing)), 5)
        0.22053
    """
    checks.function("builder", builder)
    last = checks.choice("which", which, ("last", "first")) == "last"
    ends = checks.finite("bracket", bracket)
    if ends.shape != (2,) or not 0 < ends[0] < ends[1]:
        raise ValueError(f"bracket must be two spacings, 0 < low < high, got {bracket}")
    spacings = np.linspace(ends[0], ends[1], checks.count("samples", samples, minimum=2))

    def excess(spacing: float) -> float:
        try:
            return burst_criterion(_built(builder, spacing), direction).g2 - 1
        except Exception as error:
            error.add_note(f"builder at spacing {spacing:g}")
            raise

    rising = np.array([excess(float(spacing)) > 0 for spacing in spacings])
    crossings = np.flatnonzero(rising[:-1] & ~rising[1:])
    where = f"between {ends[0]:g} and {ends[1]:g}"
    if not np.any(rising):
        few = len(_built(builder, float(ends[0]))) <= 2
        raise ValueError(
            f"bracket: no burst starts at any spacing {where}; "
            + ("one or two emitters never start one" if few else "use smaller spacings")
        )
    if len(crossings) == 0 or (last and rising[-1]):
        raise ValueError(
            f"bracket: a burst still starts at {ends[1]:g}, so the critical spacing is not "
            f"{where}; raise the upper end"
        )
    from scipy.optimize import brentq

    index = crossings[-1 if last else 0]
    return float(brentq(excess, spacings[index], spacings[index + 1], xtol=1e-12 * ends[1]))


def participation_ratios(couplings: Couplings) -> NDArray[np.float64]:
    r"""Number of emitters over which each mode of H_eff is spread, between 1 and N.

    .. math:: P_ν = \left(\sum_m |v_{mν}|^2\right)^2 / \sum_m |v_{mν}|^4

    Degenerate modes have no definite ratio, because any superposition of them is a mode too.

    Args:
        couplings: of N emitters.

    Returns:
        P, (N,), in the order of `Couplings.modes`, brightest mode first.

    Example:
        >>> import collective as co
        >>> co.observables.participation_ratios(co.couple(co.chain(2, 0.1), co.Vacuum())).round(12)
        array([2., 2.])
    """
    checks.instance("couplings", couplings, Couplings, "co.couple(...)")
    _inputs.require_matrices(couplings, "participation_ratios")
    weights = np.abs(couplings.modes().vectors) ** 2
    return weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0)


def _built(builder: Callable[[float], Couplings | Emitters], spacing: float) -> Couplings:
    """The couplings that the builder makes at a spacing."""
    built = builder(spacing)
    if isinstance(built, Emitters):
        return couple(built, Vacuum())
    if not isinstance(built, Couplings):
        raise TypeError(f"builder must return Couplings or Emitters, got {type(built).__name__}")
    return built
