r"""Integrals along the imaginary axis: averages over Lorentzians, Matsubara sums, others.

S(ω) at zero temperature and level shifts are averages

.. math:: \frac{1}{π}\int_0^∞ dκ\, f(κ)\, \frac{s}{κ^2 + s^2}

A causal field is analytic where Re κ > 0, and so is the Lorentzian: in x = ln κ the integrand is
analytic for ``|Im x|`` < π/2, and the trapezoidal rule with step h errs by about e^{−π²/h}
(Trefethen & Weideman, SIAM Review 56, 385 (2014)). One grid of κ is used for every s and pair.
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
_LOG_LOWEST = 1e-6  # of the scale: below it the integrand is almost constant
_STEPS = 8  # nodes for each factor of ten in κ
_HALVINGS = 3
_LOWEST = 1e-4  # of the lowest scale: below it f is replaced by its tangent
_TANGENT = 18  # factors of ten below that, over which the tangent is integrated
_LONGEST = 25  # factors of ten above the highest scale; if f has not decayed there, it is refused
_LARGEST_ERROR = 1e-3  # relative: a result with a larger error is refused
_NOISE = 1e-13  # round-off relative to the largest entry
_DIRECT, _STENCIL = 32, 4  # terms summed one by one; half width of the stencil of the derivatives


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
        anchor: a node of the grid; calls with the same anchor use the same nodes.
        lowest: κ below which f does not change any more: 1/r of the farthest pair.
        rtol: tolerance relative to each entry, or to the largest along the axes `together`.
        atol: absolute tolerance.
        together: axes along which all entries have the same tolerance.

    Returns:
        An array of the common shape of f and s.

    Raises:
        ValueError: if f grows, or is not smooth in ln κ. If the estimated error is below a
            thousandth (f from a numerical solver, for example), a warning gives the error.
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

    def below_grid(nodes: NDArray[np.float64]) -> Any:
        """Sum of the terms below the grid, where f is replaced by its tangent."""
        kappas = anchor * np.exp(nodes)
        weights = np.stack([weight(kappa) for kappa in kappas])
        distances = (kappas - kappa0).reshape(-1, *[1] * s.ndim)
        return weights.sum(axis=0) * near + (distances * weights).sum(axis=0) * slope

    def term(node: float) -> Any:
        kappa = anchor * float(np.exp(node))
        return weight(kappa) * function(kappa)

    below = step * np.arange(bottom - _TANGENT * _STEPS, bottom)
    tail = below_grid(below)
    # bottom and bottom − 18·8, where `below` starts, are both even or both odd
    even, odd = below_grid(below[::2]), tail - below_grid(below[::2])
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
                f"{np.abs(value).max():.3g}, the sum {np.abs(even + odd).max():.3g}; at two "
                "equal points a field must return its scattered part alone"
            )
    total, coarse = step * (even + odd), 2 * step * even
    changes = []
    for _ in range(_HALVINGS):
        # halving the step squares the error
        change = np.abs(total - coarse)
        changes.append(float(change.max()))
        enough = allowed(total)
        if np.all(change**2 <= enough * np.maximum(enough, np.finfo(float).tiny) / rtol):
            return np.asarray(total)
        middles = step * (np.arange(bottom, top) - 0.5)
        between = below_grid(below + step / 2)
        # the first middle lies below the grid and is already in the last sum
        for node in middles[1:]:
            between = between + term(float(node))
        coarse, total = total, (total + step * between) / 2
        below = np.sort(np.concatenate([below, below + step / 2]))
        step, bottom, top = step / 2, 2 * bottom, 2 * top
    # a single change may be small by chance
    error = max(*changes, float(np.abs(total - coarse).max()))
    size = float(np.abs(total).max())
    message = (
        "the field is not smooth on the imaginary axis, as a causal field is: its integral is "
        f"known to {error:.2g} of {size:.3g}; see co.check_field(field, points)"
    )
    if error > _LARGEST_ERROR * size:
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

    The first terms are summed one by one. The rest follows from the Euler-Maclaurin formula: an
    integral to infinity, and derivatives up to the seventh, which come from nearby terms.

    Args:
        function: ν > 0 → array.
        spacing: 2πT.
        scales: s > 0, an array that broadcasts against that of f.
        rtol: tolerance relative to each entry.
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

    It uses Gauss panels in ln κ. A panel is halved if the last Legendre coefficients of an entry
    are too large: the rule integrates twice as many orders as it resolves, so its error is about
    their square.

    Args:
        function: κ > 0 → array.
        scale: κ > 0 around which f is largest.
        rtol: tolerance relative to each entry, not negative.
        atol: absolute tolerance, not negative.

    Raises:
        ValueError: if the function does not decay or is not finite, or an argument is not such a
            number.

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
            f"atol must not be negative, nor zero if rtol is zero; got atol = {atol:g}, "
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
    """Add ∫dκ f(κ) from start to infinity to `first`, with the panels of `imaginary_axis`."""
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
                "give the scale of κ around which it is largest, or a function that decays "
                "faster than 1/κ"
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
