"""P∫dω'/2π f(ω')/(ω − ω') on the real axis, as an Abel sum if f oscillates without decay."""

from collections.abc import Callable
from itertools import pairwise
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.warn import warn

_PANEL_NODES, _PANEL_WEIGHTS = np.polynomial.legendre.leggauss(16)
_PANEL_LEGENDRE = np.polynomial.legendre.legvander(_PANEL_NODES, 17)
# from values at the nodes: the last two Legendre coefficients, the integral up to the middle
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
_RESOLVED = 1e-3  # allowed size of the last coefficients, relative to the largest value of a panel
_HALVINGS = 40  # of a panel at a breakpoint, where f may behave like a square root
_SETTLED, _AVERAGED = 20, 24  # half periods after the last breakpoint: before and in the average
_MOST_SETTLED = 320
_MOST_PERIODS = 10_000.0
_FARTHEST = 1e30  # scales
_SMALLEST, _HIGHEST = 1e-200, 1e200  # of a scale: its powers stay in the range of doubles
_WARNED, _UNRELIABLE = 1e-8, 1e-2  # relative errors above which a warning or an error follows


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
        period: the period in ω of an f that oscillates without decay: 2πc/r for two emitters at
            a distance r. The integral is then an Abel sum, from averages over half periods, and f
            may grow like a power. None: f decays at least as fast as 1/ω. Features of f that are
            narrower than a thirtieth of a period need breakpoints.
        scale: the ω-distance over which an f that does not oscillate varies.
        breakpoints: frequencies at which f or a derivative jumps, or near which f varies faster
            than over a period. The averages begin after the last one.
        rtol: tolerance relative to the largest entry. If the estimated error is larger, a warning
            gives it; if it is above a hundredth, the integral is refused.

    Returns:
        A number or array of the shape of f.

    Raises:
        ValueError: if f is not finite, or if the integral does not converge, because the period is
            wrong or f varies fast where there are no breakpoints.

    Example:
        The transform of a Lorentzian is its dispersive shape:

        >>> from collective import spectral
        >>> found = spectral.principal_value(lambda w: 1 / (w**2 + 0.25), 1.0, breakpoints=())
        >>> round(float(found), 9)  # ω/(ω² + ¼)
        0.8
    """
    omega = checks.number("omega", omega)
    function = checked_function("function", function, "ω")
    rtol = tolerance("rtol", rtol)
    scale = positive_scale("scale", scale)
    at = np.atleast_1d(checks.finite("breakpoints", breakpoints))
    if at.ndim != 1:
        raise ValueError(f"breakpoints must be a list of frequencies, got shape {at.shape}")
    jumps = sorted({float(abs(b - omega)) for b in at if abs(b - omega) > _SMALLEST * scale})
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
        period = positive_scale("period", period)
        if jumps and jumps[-1] > _MOST_PERIODS * period:
            raise ValueError(
                f"period must be at least {jumps[-1] / _MOST_PERIODS:.3g} for breakpoints at a "
                f"distance of {jumps[-1]:.3g} from omega; got {period:g}"
            )
        value, error, size = _averaged(difference, jumps, period, rtol)
        way_out = (
            "check that the period is 2πc/r, and give breakpoints= where f jumps or varies fast"
        )
    if error > _UNRELIABLE * size and error > rtol * size:
        raise ValueError(
            f"the principal value at ω = {omega:g} is known only to {error / (2 * np.pi):.2g} of "
            f"{size / (2 * np.pi):.3g}: {way_out}"
        )
    if error > max(10 * rtol, _WARNED) * size:
        warn(
            f"the principal value at ω = {omega:g} is known to {error / (2 * np.pi):.2g} of "
            f"{size / (2 * np.pi):.3g}, not to rtol={rtol:g}: {way_out}, or give "
            f"rtol={error / size:.0e}"
        )
    return value / (2 * np.pi)


def _decaying(
    difference: Callable[[float], Any], jumps: list[float], scale: float, rtol: float
) -> tuple[Any, float, float]:
    """∫₀^∞ds of the difference, its estimated error, and the size to which that is relative."""
    from scipy.integrate import quad_vec

    edges = [0.0, *jumps, (jumps[-1] if jumps else 0.0) + 4 * scale]
    total: Any = 0.0
    total_error, size = 0.0, 0.0
    for a, b in pairwise(edges):
        value, error = quad_vec(difference, a, b, epsrel=rtol, epsabs=1e-300, limit=2000)
        total, total_error = total + value, total_error + error
        size = max(size, _largest(value))
    # the tail is integrated over 1/s, in which an algebraic decay is smooth
    with np.errstate(over="ignore", invalid="ignore"):  # if f grows; an error follows below
        tail, error = quad_vec(
            lambda x: difference(1 / x) / x**2, 0.0, 1 / edges[-1], epsrel=rtol, epsabs=1e-300
        )
    if not (np.all(np.isfinite(tail)) and np.isfinite(error)):
        raise ValueError(
            "function must decay at least as fast as 1/ω: its integral up to infinity is not "
            "finite; give period= if it oscillates without decaying"
        )
    return total + tail, float(total_error + error), max(size, _largest(total + tail))


def _averaged(
    difference: Callable[[float], Any], jumps: list[float], period: float, rtol: float
) -> tuple[Any, float, float]:
    """∫₀^∞ds by averages of partial integrals, its estimated error, and the size for that.

    An oscillation s^n e^{2πis/period} changes sign from one half period to the next. Averages of
    the partial integrals with binomial weights converge to the Abel sum: exactly if n is below
    the number of partial integrals averaged, and fast for a slowly varying amplitude. The error is
    estimated from two sequences that end a quarter period apart, each also shifted by half a
    period. Half periods are added until all agree.
    """
    half = period / 2
    first = jumps[-1] if jumps else 0.0
    inside = np.unique(np.concatenate([np.arange(0, first, half), jumps, [0.0, first]]))
    total: Any = 0.0
    total_error, size = 0.0, 0.0
    for a, b in pairwise(inside):
        value, _, error = _panel(difference, float(a), float(b), rtol, size, _HALVINGS)
        total, total_error = total + value, total_error + error
        size = max(size, _largest(value))
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
            total, total_error = total + value, total_error + error
            size = size if count else max(size, _largest(value))
            ends.append(total)
            count += 1
        sums = [
            np.tensordot(weights, np.stack(partial[shift : shift + _AVERAGED + 1]), axes=1)
            for partial in (ends, middles)
            for shift in (count - _AVERAGED - 1, count - _AVERAGED - 2)
        ]
        apart = _largest(sums[0] - sums[2])
        # a drift from one half period to the next may continue for as many half periods again
        drift = count * max(_largest(sums[0] - sums[1]), _largest(sums[2] - sums[3]))
        error, size = max(apart, drift), max(size, _largest(sums[0]))
        if error <= rtol * size or settled >= _MOST_SETTLED:
            return sums[0], error + total_error, size
        settled *= 2


def _largest(value: Any) -> float:
    """The largest absolute value of an array."""
    return float(np.abs(value).max(initial=0.0))


def _panel(
    difference: Callable[[float], Any], a: float, b: float, rtol: float, size: float, halvings: int
) -> tuple[Any, Any, float]:
    """∫ from a to b, from a to the middle, and the error; halved if 16 nodes are too few."""
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


def checked_function(name: str, function: Any, argument: str) -> Callable[[float], NDArray[Any]]:
    """The function; every value is checked to be finite and of the same shape."""
    checks.function(name, function)
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
                f"{name} must always return the same shape: {value.shape} at {argument} = {x:g}, "
                f"{shape[0]} before"
            )
        return value

    return checked


def positive_scale(name: str, value: Any) -> float:
    """A checked positive number whose powers stay in the range of doubles."""
    scale = checks.number(name, value, above=0)
    if not _SMALLEST < scale < _HIGHEST:
        raise ValueError(
            f"{name} must be between {_SMALLEST:g} and {_HIGHEST:g}, got {scale:g}: use other units"
        )
    return scale


def tolerance(name: str, value: Any) -> float:
    """A checked tolerance, at least 0 and below 1."""
    tolerance = checks.number(name, value)
    if not 0 <= tolerance < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {tolerance:g}")
    return tolerance
