"""P∫dω'/2π f(ω')/(ω − ω') on the real axis, Abel-summed where f oscillates without decaying."""

import warnings
from collections.abc import Callable
from itertools import pairwise
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective import _checks

_PANEL_NODES, _PANEL_WEIGHTS = np.polynomial.legendre.leggauss(16)
_PANEL_LEGENDRE = np.polynomial.legendre.legvander(_PANEL_NODES, 17)
# the last two Legendre coefficients of values at the nodes, and the integral up to the middle
_PANEL_TAIL = (_PANEL_LEGENDRE[:, 14:16] * (np.arange(14, 16) + 0.5) * _PANEL_WEIGHTS[:, None]).T
_PANEL_TO_MIDDLE = _PANEL_WEIGHTS * (
    _PANEL_LEGENDRE[:, :16]
    @ np.array(
        [
            ((2 * n + 1) * x.integ(lbnd=-1)(0.0)) / 2
            for n in range(16)
            for x in [np.polynomial.legendre.Legendre.basis(n)]
        ]
    )
)
_RESOLVED = 1e-3  # of a panel's largest value: what its last coefficients may be
_HALVINGS = 40  # of a panel at a breakpoint, where f may have a root
_SETTLED, _AVERAGED = 20, 24  # half periods after the last breakpoint
_MOST_SETTLED = 320
_MOST_PERIODS = 10_000.0
_FARTHEST = 1e30  # scales
_SMALLEST, _HIGHEST = 1e-200, 1e200  # of a scale: its powers are numbers
_WARNED, _UNRELIABLE = 1e-8, 1e-2  # relative errors that are told, and that are refused
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
            (f may then grow like a power). None: f decays at least as fast as 1/ω. Features of f
            that are narrower than a thirtieth of a period need breakpoints to be seen.
        scale: ω-distance over which f varies, where it does not oscillate.
        breakpoints: frequencies at which f or a derivative jumps; or that refine the panels
            where f varies faster than over a period. Averaging begins beyond the last.
        rtol: relative tolerance, of the largest entry. A value that is known less well is given
            with a warning that says how well, and refused if it is not even known to a hundredth.

    Returns:
        A number or array of the shape of f.

    Raises:
        ValueError: if f is not finite where it is needed, or the integral does not settle: for a
            wrong period, or an f that varies faster than the breakpoints say.

    Example:
        A Lorentzian's partner is its dispersive shape:

        >>> from collective import spectral
        >>> found = spectral.principal_value(lambda w: 1 / (w**2 + 0.25), 1.0, breakpoints=())
        >>> round(float(found), 9)  # ω/(ω² + ¼)
        0.8
    """
    omega = _checks.number("omega", omega)
    function = _checked("function", function, "ω")
    rtol = _tolerance("rtol", rtol)
    scale = _scale("scale", scale)
    at = np.atleast_1d(_checks.finite("breakpoints", breakpoints))
    if at.ndim != 1:
        raise ValueError(f"breakpoints must be a list of frequencies, got shape {at.shape}")
    jumps = sorted({float(abs(b - omega)) for b in at} - {0.0})
    if jumps and jumps[-1] > _FARTHEST * scale:
        raise ValueError(
            f"breakpoints must be within {_FARTHEST:g} scales of omega; one is {jumps[-1]:.3g} "
            f"away, the scale is {scale:.3g}"
        )

    def difference(s: float) -> Any:
        return (function(omega - s) - function(omega + s)) / s

    if period is None:
        value, error, size = _decaying(difference, jumps, scale, rtol)
        way_out = "give the scale over which f varies and the breakpoints at which it jumps"
    else:
        period = _scale("period", period)
        if jumps and jumps[-1] > _MOST_PERIODS * period:
            raise ValueError(
                f"period must be at least {jumps[-1] / _MOST_PERIODS:.3g}, for breakpoints "
                f"{jumps[-1]:.3g} away; got {period:g}"
            )
        value, error, size = _averaged(difference, jumps, period, rtol)
        way_out = (
            "is it the true period, 2πc/r, and do breakpoints= name where f jumps or varies fast?"
        )
    if error > _UNRELIABLE * size and error > rtol * size:
        raise ValueError(
            f"the principal value at ω = {omega:g} is known to {error / (2 * np.pi):.2g} of "
            f"{size / (2 * np.pi):.3g} only: {way_out}"
        )
    if error > max(10 * rtol, _WARNED) * size:
        warnings.warn(
            f"the principal value at ω = {omega:g} is known to {error / (2 * np.pi):.2g} of "
            f"{size / (2 * np.pi):.3g}, not to rtol={rtol:g}: {way_out}; or ask for less, rtol=",
            stacklevel=2,
        )
    return value / (2 * np.pi)


def _decaying(
    difference: Callable[[float], Any], jumps: list[float], scale: float, rtol: float
) -> tuple[Any, float, float]:
    """∫₀^∞ds of the difference, an estimate of its largest error, and the size it is judged by."""
    from scipy.integrate import quad_vec

    edges = [0.0, *jumps, (jumps[-1] if jumps else 0.0) + 4 * scale]
    total: Any = 0.0
    unsure, size = 0.0, 0.0
    for a, b in pairwise(edges):
        value, error = quad_vec(difference, a, b, epsrel=rtol, epsabs=0.0, limit=2000)
        total, unsure = total + value, unsure + error
        size = max(size, _largest(value))
    # the tail in 1/s, where an algebraic decay is smooth
    with np.errstate(over="ignore", invalid="ignore"):  # of an f that grows, told below
        tail, error = quad_vec(
            lambda x: difference(1 / x) / x**2, 0.0, 1 / edges[-1], epsrel=rtol, epsabs=1e-300
        )
    if not (np.all(np.isfinite(tail)) and np.isfinite(error)):
        raise ValueError(
            "function must decay at least as fast as 1/ω: its integral up to infinity is not "
            "finite; give period= if it oscillates without decaying"
        )
    return total + tail, float(unsure + error), max(size, _largest(total + tail))


def _averaged(
    difference: Callable[[float], Any], jumps: list[float], period: float, rtol: float
) -> tuple[Any, float, float]:
    """∫₀^∞ds by averages of partial integrals, its estimated error, and the size it is judged by.

    An oscillation s^n e^{2πis/period} changes sign from one half period to the next. The averages
    of the partial integrals up to there with binomial weights take such a sequence to its Abel
    sum, exactly for n below the number averaged, and fast for a slowly varying amplitude. Two
    sequences that end a quarter period apart, and two of them that begin half a period apart,
    tell how far it has settled; half periods are added until they agree.
    """
    half = period / 2
    first = jumps[-1] if jumps else 0.0
    inside = np.unique(np.concatenate([np.arange(0, first, half), jumps, [0.0, first]]))
    total: Any = 0.0
    unsure, size = 0.0, 0.0
    for a, b in pairwise(inside):
        value, _, error = _panel(difference, float(a), float(b), rtol, size, _HALVINGS)
        total, unsure, size = total + value, unsure + error, max(size, _largest(value))
    weights = np.array([comb(_AVERAGED, j) for j in range(_AVERAGED + 1)]) / 2.0**_AVERAGED
    ends, middles = [], []
    count = 0
    settled = _SETTLED
    while True:
        while count <= settled + _AVERAGED:
            a, b = first + half * count, first + half * (count + 1)
            value, to_middle, error = _panel(
                difference, a, b, rtol, size, 4 if count else _HALVINGS
            )
            middles.append(total + to_middle)
            total, unsure = total + value, unsure + error
            size = size if count else max(size, _largest(value))
            ends.append(total)
            count += 1
        sums = [
            np.tensordot(weights, np.stack(partial[shift : shift + _AVERAGED + 1]), axes=1)
            for partial in (ends, middles)
            for shift in (count - _AVERAGED - 1, count - _AVERAGED - 2)
        ]
        apart = _largest(sums[0] - sums[2])
        # what still drifts from one half period to the next may do so for as many again
        drift = count * max(_largest(sums[0] - sums[1]), _largest(sums[2] - sums[3]))
        error, size = max(apart, drift), max(size, _largest(sums[0]))
        if error <= rtol * size or settled >= _MOST_SETTLED:
            return sums[0], error + unsure, size
        settled *= 2


def _largest(value: Any) -> float:
    return float(np.abs(value).max(initial=0.0))


def _panel(
    difference: Callable[[float], Any], a: float, b: float, rtol: float, size: float, halvings: int
) -> tuple[Any, Any, float]:
    """∫ from a to b, from a to the middle, and the error, halved where 16 nodes do not resolve."""
    middle, width = (a + b) / 2, (b - a) / 2
    values = np.stack([difference(float(middle + width * x)) for x in _PANEL_NODES])
    tail = _largest(np.tensordot(_PANEL_TAIL, values, axes=1))
    largest = max(_largest(values), float(np.finfo(float).tiny))
    # the rule integrates twice as many orders as it resolves: its error is about their square
    error = width * tail**2 / largest
    whole = width * np.tensordot(_PANEL_WEIGHTS, values, axes=1)
    to_middle = width * np.tensordot(_PANEL_TO_MIDDLE, values, axes=1)
    enough = 0.01 * rtol * max(width * largest, size)
    if (error <= enough and tail <= _RESOLVED * largest) or halvings == 0:
        return whole, to_middle, float(error)
    left, _, error = _panel(difference, a, middle, rtol, size, halvings - 1)
    right, _, other = _panel(difference, middle, b, rtol, size, halvings - 1)
    return left + right, left, error + other


def _checked(name: str, function: Any, argument: str) -> Callable[[float], NDArray[Any]]:
    """The function, with an answer that is checked to be finite numbers of one shape."""
    _checks.function(name, function)
    shape: list[tuple[int, ...]] = []

    def checked(x: float) -> NDArray[Any]:
        try:
            value = np.asarray(function(x))
        except TypeError as error:
            raise ValueError(
                f"{name} must take one number and return numbers; at {argument} = {x:g} it "
                f"raised TypeError: {error}"
            ) from error
        if value.dtype.kind not in "biufc":
            raise ValueError(
                f"{name} must return numbers, got an array of {value.dtype} at {argument} = {x:g}"
            )
        if not np.all(np.isfinite(value)):
            raise ValueError(f"{name} is not finite near {argument} = {x:g}")
        shape.append(value.shape) if not shape else None
        if value.shape != shape[0]:
            raise ValueError(
                f"{name} must return arrays of one shape: {value.shape} at {argument} = {x:g}, "
                f"{shape[0]} before"
            )
        return value

    return checked


def _scale(name: str, value: Any) -> float:
    """A positive number whose powers do not leave the range of doubles."""
    scale = _checks.number(name, value, above=0)
    if not _SMALLEST < scale < _HIGHEST:
        raise ValueError(
            f"{name} must be between {_SMALLEST:g} and {_HIGHEST:g}, got {scale:g}: use other units"
        )
    return scale


def _tolerance(name: str, value: Any) -> float:
    """A number that is not negative and below 1."""
    tolerance = _checks.number(name, value)
    if not 0 <= tolerance < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {tolerance:g}")
    return tolerance


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
    scale = _scale("scale", scale)
    rtol, atol = _tolerance("rtol", rtol), _checks.number("atol", atol)
    if atol < 0 or rtol == atol == 0:
        raise ValueError(
            f"atol must not be negative, and not zero where rtol is; got atol = {atol:g}, "
            f"rtol = {rtol:g}"
        )
    function = _checked("function", function, "κ")
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
