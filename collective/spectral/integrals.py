"""P∫dω'/2π f(ω')/(ω − ω') on the real axis, Abel-summed where f oscillates without decaying."""

from collections.abc import Callable
from itertools import pairwise
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective import _checks

_PANEL_NODES, _PANEL_WEIGHTS = np.polynomial.legendre.leggauss(16)
_SETTLED, _AVERAGED = 20, 24  # half periods after the last breakpoint
_LOG_NODES = 12
_LOG_PANEL, _LOG_SHORTEST, _LOG_LONGEST = np.log(10.0), np.log(10.0) / 64, np.log(1e15)
_LOG_LOWEST = 1e-6  # of the scale: below it the integrand is all but constant
_DECAYED = 45.0  # e^-45 is below the round-off of what it is added to


def principal_value(
    function: Callable[[float], Any],
    omega: float,
    *,
    period: float | None = None,
    scale: float = 1.0,
    breakpoints: tuple[float, ...] = (0.0,),
    rtol: float = 1e-9,
) -> Any:
    r"""P∫dω'/2π f(ω')/(ω − ω'), as the regular integral ∫₀^∞ds/2π [f(ω−s) − f(ω+s)]/s.

    With f = J(ω) it gives K, with f = γ(ω) the half-range S.

    Args:
        function: f on the whole real axis, returning a number or an array.
        omega: where to evaluate.
        period: ω-distance over which f oscillates without decaying, 2πc/r for two emitters a
            distance r apart. Given, the integral is Abel-summed, by averages over half periods
            (f may then grow like a power). None: f decays at least as fast as 1/ω.
        scale: ω-distance over which f varies, where it does not oscillate.
        breakpoints: frequencies at which f or a derivative jumps; or that refine the panels
            where f varies faster than over a period. Averaging begins beyond the last.
        rtol: relative tolerance of the quadrature without a period.

    Returns:
        A number or array of the shape of f.

    Raises:
        ValueError: if f is not finite where it is needed.

    Example:
        A Lorentzian's partner is its dispersive shape:

        >>> from collective import spectral
        >>> found = spectral.principal_value(lambda w: 1 / (w**2 + 0.25), 1.0, breakpoints=())
        >>> round(float(found), 9)  # ω/(ω² + ¼)
        0.8
    """
    omega = _checks.number("omega", omega)
    _checks.function("function", function)
    at = np.atleast_1d(_checks.finite("breakpoints", breakpoints))
    jumps = sorted({float(abs(b - omega)) for b in at} - {0.0})

    def difference(s: float) -> Any:
        low, high = np.asarray(function(omega - s)), np.asarray(function(omega + s))
        if not (np.all(np.isfinite(low)) and np.all(np.isfinite(high))):
            raise ValueError(f"function is not finite near {omega - s:g} or {omega + s:g}")
        return (low - high) / s

    if period is None:
        return _decaying(difference, jumps, scale, rtol) / (2 * np.pi)
    period = _checks.number("period", period, above=0)
    return _averaged(difference, jumps, period) / (2 * np.pi)


def _decaying(
    difference: Callable[[float], Any], jumps: list[float], scale: float, rtol: float
) -> Any:
    from scipy.integrate import quad_vec

    scale = _checks.number("scale", scale, above=0)
    edges = [0.0, *jumps, (jumps[-1] if jumps else 0.0) + 4 * scale]
    total: Any = 0.0
    for a, b in pairwise(edges):
        total = total + quad_vec(difference, a, b, epsrel=rtol, epsabs=0.0, limit=2000)[0]
    # the tail in 1/s, where an algebraic decay is smooth
    tail, _ = quad_vec(
        lambda x: difference(1 / x) / x**2, 0.0, 1 / edges[-1], epsrel=rtol, epsabs=1e-300
    )
    return total + tail


def imaginary_axis(
    function: Callable[[float], NDArray[Any]], scale: float, *, rtol: float, atol: float
) -> NDArray[Any]:
    """∫₀^∞dκ f(κ) of an array that is smooth in ln κ and decays, to a tolerance for each entry.

    Gauss panels in ln κ, halved where the last Legendre coefficients of an entry say so: the rule
    integrates twice as many orders as it resolves, so its error is about their square.

    Args:
        function: κ > 0 → array.
        scale: κ around which most of it lies.
        rtol: relative to each entry.
        atol: absolute.

    Raises:
        ValueError: for a function that does not decay.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_LOG_NODES)
    legendre = np.polynomial.legendre.legvander(nodes, _LOG_NODES - 1)
    last = (legendre * (2 * np.arange(_LOG_NODES) + 1) / 2)[:, -2:] * weights[:, None]

    def panel(a: float, b: float) -> tuple[NDArray[Any], NDArray[np.float64]]:
        kappa = np.exp((a + b) / 2 + (b - a) / 2 * nodes)
        values = np.stack([function(float(x)) * x for x in kappa])
        tail = np.abs(np.tensordot(last.T, values, axes=1)).max(axis=0)
        largest = np.maximum(np.abs(values).max(axis=0), np.finfo(float).tiny)
        half = (b - a) / 2
        return half * np.tensordot(weights, values, axes=1), half * tail**2 / largest

    low = np.log(scale * _LOG_LOWEST)
    start = np.exp(low)
    total = (
        start
        / 2
        * sum(w * function(float(start / 2 * (1 + x))) for x, w in zip(nodes, weights, strict=True))
    )
    panels = {}
    edge, quiet = low, 0
    while quiet < 2:
        panels[edge, edge + _LOG_PANEL] = panel(edge, edge + _LOG_PANEL)
        value = panels[edge, edge + _LOG_PANEL][0]
        total, edge = total + value, edge + _LOG_PANEL
        settled = np.all(np.abs(value) <= 0.1 * (rtol * np.abs(total) + atol))
        quiet = quiet + 1 if settled and edge > np.log(scale) else 0
        if edge > low + _LOG_LONGEST:
            raise ValueError(
                f"the integrand does not decay on the imaginary axis: at κ = {np.exp(edge):.3g} a "
                f"factor of {np.exp(_LOG_PANEL):.0f} in κ still adds {np.abs(value).max():.3g}"
            )
    while panels:
        allowed = rtol * np.abs(total) + atol
        worse = {
            ends: value
            for ends, (value, error) in panels.items()
            if np.any(error > allowed) and ends[1] - ends[0] > _LOG_SHORTEST
        }
        panels = {}
        for (a, b), value in worse.items():
            middle = (a + b) / 2
            halves = {(a, middle): panel(a, middle), (middle, b): panel(middle, b)}
            total = total - value + sum(half for half, _ in halves.values())
            panels |= halves
    return np.asarray(total)


def _averaged(difference: Callable[[float], Any], jumps: list[float], period: float) -> Any:
    """Partial integrals up to successive half periods, averaged with binomial weights.

    An oscillation s^n e^{2πis/period} changes sign from one half period to the next. The averages
    take such a sequence to its Abel sum, exactly for n below the number averaged, and fast for a
    slowly varying amplitude.
    """
    half = period / 2
    first = jumps[-1] if jumps else 0.0
    inside = np.arange(0, first, half)
    later = first + half * np.arange(_SETTLED + _AVERAGED + 1)
    edges = np.unique(np.concatenate([inside, jumps, later]))
    total: Any = 0.0
    partial = []
    for a, b in pairwise(edges):
        middle, width = (a + b) / 2, (b - a) / 2
        values = [difference(float(middle + width * x)) for x in _PANEL_NODES]
        total = total + width * np.tensordot(_PANEL_WEIGHTS, np.stack(values), axes=1)
        partial.append(total)
    weights = np.array([comb(_AVERAGED, j) for j in range(_AVERAGED + 1)]) / 2.0**_AVERAGED
    return np.tensordot(weights, np.stack(partial[-_AVERAGED - 1 :]), axes=1)
