r"""The imaginary axis: averages of F(iν) over Lorentzians, Matsubara sums, any other integral.

S(ω) at zero temperature, and level shifts, are averages

.. math:: \frac{1}{π}\int_0^∞ dκ\, f(κ)\, \frac{s}{κ^2 + s^2}

A causal field is analytic where Re κ > 0, and so is the Lorentzian: in x = ln κ the integrand is
analytic for ``|Im x|`` < π/2, and the trapezoidal rule with step h errs by about e^{−π²/h}
(Trefethen & Weideman, SIAM Review 56, 385 (2014)). One grid of κ serves every s and every pair.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.warn import warn
from collective.spectral.integrals import checked_function, positive_scale, tolerance

_LOG_NODES = 12
_LOG_PANEL, _LOG_SHORTEST, _LOG_LONGEST = np.log(10.0), np.log(10.0) / 64, np.log(1e15)
_LOG_LOWEST = 1e-6  # of the scale: below it the integrand is all but constant
_STEPS = 8  # nodes in a factor of ten
_HALVINGS = 3
_LOWEST = 1e-4  # of the lowest scale: below it f is its tangent
_UNSEEN = 18  # factors of ten below that, which only the weights take part in
_LONGEST = 25  # factors of ten above the highest scale at which to give up
_ROUGH = 1e-3  # relative: what the last halving may change and the result still be given
_NOISE = 1e-13  # of the largest entry: what round-off leaves of one that is zero
_DIRECT, _STENCIL = 32, 4  # terms summed one by one; half width of the derivative's stencil


def lorentzian_averages(
    function: Callable[[float], NDArray[np.floating[Any]]],
    scales: ArrayLike,
    *,
    anchor: float,
    lowest: float,
    rtol: float,
    atol: float = 0.0,
    together: tuple[int, ...] = (),
) -> NDArray[Any]:
    r"""(1/π)∫₀^∞dκ f(κ) s/(κ² + s²) for every s.

    Args:
        function: κ > 0 → array that tends to a limit at κ = 0, as F(iκ) does.
        scales: s > 0, an array that broadcasts against that of f.
        anchor: a node of the grid, the same for calls that are to share their nodes.
        lowest: κ below which f does not change any more, 1/r of the farthest pair.
        rtol: relative to each entry, or to the largest along the axes of `together`.
        atol: absolute.
        together: axes over which entries share their tolerance.

    Returns:
        An array of the common shape of f and s.

    Raises:
        ValueError: for an f that grows, or that is not smooth in ln κ. One that is known to a
            thousandth (from a solver, say) is taken with a warning that says how well.
    """
    s = np.asarray(scales, dtype=float)
    step = np.log(10.0) / _STEPS
    bottom = int(np.floor(np.log(_LOWEST * min(lowest, float(s.min())) / anchor) / step))

    def weight(kappa: Any) -> NDArray[np.float64]:
        ratio = kappa / s
        return np.asarray(ratio / (1 + ratio**2) / np.pi)  # dκ = κ dx included

    def allowed(total: Any) -> NDArray[np.float64]:
        size = np.abs(total).max(axis=together, keepdims=True) if together else np.abs(total)
        return np.asarray(rtol * size + atol + _NOISE * np.abs(total).max(initial=0.0))

    near, far = (function(anchor * np.exp(step * (bottom + j))) for j in (0, _STEPS // 2))
    kappa0, kappa1 = (anchor * np.exp(step * (bottom + j)) for j in (0, _STEPS // 2))
    slope = (far - near) / (kappa1 - kappa0)

    def unseen(nodes: NDArray[np.float64]) -> Any:
        """Terms below the grid, from the tangent."""
        kappas = anchor * np.exp(nodes)
        weights = np.stack([weight(kappa) for kappa in kappas])
        lever = (kappas - kappa0).reshape(-1, *[1] * s.ndim)
        return weights.sum(axis=0) * near + (lever * weights).sum(axis=0) * slope

    def term(node: float) -> Any:
        kappa = anchor * float(np.exp(node))
        return weight(kappa) * function(kappa)

    below = step * np.arange(bottom - _UNSEEN * _STEPS, bottom)
    tail = unseen(below)
    even, odd = unseen(below[::2]), tail - unseen(below[::2])  # bottom − 18·8 is of one parity
    even, odd = (even, odd) if bottom % 2 == 0 else (odd, even)
    top, quiet = bottom, 0
    while quiet < _STEPS:
        value = term(step * top)
        even, odd = (even + value, odd) if top % 2 == 0 else (even, odd + value)
        high = anchor * np.exp(step * top) > s.max()
        settled = np.all(np.abs(value) <= 0.01 * allowed(even + odd))
        quiet = quiet + 1 if settled and high else 0
        top += 1
        if step * top > np.log(s.max() / anchor) + _LONGEST * np.log(10.0):
            raise ValueError(
                "the field does not decay on the imaginary axis: at κ = "
                f"{anchor * np.exp(step * top):.3g} a term of its integral is still "
                f"{np.abs(value).max():.3g} of {np.abs(even + odd).max():.3g}; where two points "
                "are one, a field gives there what it scatters alone"
            )
    total, coarse = step * (even + odd), 2 * step * even
    misses = []
    for _ in range(_HALVINGS):
        # halving the step squares the error
        miss = np.abs(total - coarse)
        misses.append(float(miss.max()))
        enough = allowed(total)
        if np.all(miss**2 <= enough * np.maximum(enough, np.finfo(float).tiny) / rtol):
            return np.asarray(total)
        middles = step * (np.arange(bottom, top) - 0.5)
        between = unseen(below + step / 2)
        # the lowest middle lies below the bottom: it is the last of those already counted
        for node in middles[1:]:
            between = between + term(float(node))
        coarse, total = total, (total + step * between) / 2
        below = np.sort(np.concatenate([below, below + step / 2]))
        step, bottom, top = step / 2, 2 * bottom, 2 * top
    # one of the differences may be small by chance
    unsure = max(*misses, float(np.abs(total - coarse).max()))
    size = float(np.abs(total).max())
    message = (
        "the field is not smooth on the imaginary axis, as a causal one is: its integral is known "
        f"to {unsure:.2g} of {size:.3g}; see co.check_field(field, points)"
    )
    if unsure > _ROUGH * size:
        raise ValueError(message)
    warn(message)
    return np.asarray(total)


def matsubara_sums(
    function: Callable[[float], NDArray[np.floating[Any]]],
    spacing: float,
    scales: ArrayLike,
    *,
    rtol: float,
) -> NDArray[Any]:
    r"""Σ_{n≥1} f(ν_n) s/(s² + ν_n²), ν_n = n·spacing, for every s.

    The first terms one by one, the rest by Euler and Maclaurin: an integral from there to infinity
    and derivatives, from the terms around it, up to the seventh.

    Args:
        function: ν > 0 → array.
        spacing: 2πT.
        scales: s > 0, an array that broadcasts against that of f.
        rtol: relative to each entry.
    """
    s = np.asarray(scales, dtype=float)

    def term(nu: float) -> NDArray[Any]:
        return np.asarray(function(nu) * (s / (s**2 + nu**2)))

    total, terms, quiet = np.zeros(()), [], 0
    for n in range(1, _DIRECT + _STENCIL + 1):
        terms.append(term(n * spacing))
        if n < _DIRECT:
            total = total + terms[-1]
            size = np.abs(terms[-1]).max(initial=0.0)
            quiet = quiet + 1 if size <= 1e-3 * rtol * np.abs(total).max(initial=0.0) else 0
            if quiet == 3:
                return np.asarray(total)
    around = np.stack(terms[_DIRECT - 1 - _STENCIL :])
    taylor = np.linalg.inv(np.vander(np.arange(-_STENCIL, _STENCIL + 1.0), increasing=True))
    first, third, fifth, seventh = (np.tensordot(taylor[k], around, axes=1) for k in (1, 3, 5, 7))
    # derivatives are k! times these
    total = total + around[_STENCIL] / 2 - first / 12 + third / 120 - fifth / 252 + seventh / 240
    size = float(np.abs(total).max(initial=0.0))
    scaled = log_panels(
        lambda nu: term(nu) / spacing,
        _DIRECT * spacing,
        float(max(s.max(), _DIRECT * spacing)),
        total,
        rtol=rtol,
        atol=1e-3 * rtol * size,
    )
    return np.asarray(scaled)


def imaginary_axis(
    function: Callable[[float], NDArray[Any]], scale: float, *, rtol: float, atol: float
) -> NDArray[Any]:
    """∫₀^∞dκ f(κ) of an array that is smooth in ln κ and decays, to a tolerance for each entry.

    Gauss panels in ln κ, halved where the last Legendre coefficients of an entry say so: the rule
    integrates twice as many orders as it resolves, so its error is about their square.

    Args:
        function: κ > 0 → array.
        scale: κ > 0 around which most of it lies.
        rtol: relative to each entry, not negative.
        atol: absolute, not negative.

    Raises:
        ValueError: for a function that does not decay, is not finite, or arguments that are not
            numbers of this kind.

    Example:
        >>> import numpy as np
        >>> from collective import spectral
        >>> found = spectral.imaginary_axis(lambda k: np.exp(-k), 1.0, rtol=1e-10, atol=1e-12)
        >>> round(float(found), 9)
        1.0
    """
    scale = positive_scale("scale", scale)
    rtol, atol = tolerance("rtol", rtol), checks.number("atol", atol)
    if atol < 0 or rtol == atol == 0:
        raise ValueError(
            f"atol must not be negative, and not zero where rtol is; got atol = {atol:g}, "
            f"rtol = {rtol:g}"
        )
    function = checked_function("function", function, "κ")
    start = scale * _LOG_LOWEST
    nodes, weights = np.polynomial.legendre.leggauss(_LOG_NODES)
    first = (
        start
        / 2
        * sum(w * function(float(start / 2 * (1 + x))) for x, w in zip(nodes, weights, strict=True))
    )
    return log_panels(function, start, scale, first, rtol=rtol, atol=atol)


def log_panels(
    function: Callable[[float], NDArray[Any]],
    start: float,
    scale: float,
    first: Any,
    *,
    rtol: float,
    atol: float,
) -> NDArray[Any]:
    """Add to a first part ∫dκ f(κ) from start to infinity, by `imaginary_axis`'s panels."""
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

    total, low = first, np.log(start)
    panels = {}
    edge, quiet = low, 0
    while quiet < 2:
        panels[edge, edge + _LOG_PANEL] = panel(edge, edge + _LOG_PANEL)
        value = panels[edge, edge + _LOG_PANEL][0]
        total, edge = total + value, edge + _LOG_PANEL
        settled = np.all(np.abs(value) <= 0.1 * (rtol * np.abs(total) + atol))
        quiet = quiet + 1 if settled and edge > np.log(scale) else 0
        if quiet < 2 and edge > max(low, np.log(scale)) + _LOG_LONGEST:
            raise ValueError(
                f"the integrand does not decay on the imaginary axis: at κ = {np.exp(edge):.3g} a "
                f"factor of {np.exp(_LOG_PANEL):.0f} in κ still adds {np.abs(value).max():.3g}; "
                "give the scale of κ around which it lies, or a function that decays faster "
                "than 1/κ"
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
