r"""Averages of F(iν) over Lorentzians: integrals at zero temperature, Matsubara sums above it.

.. math:: \frac{1}{π}\int_0^∞ dκ\, f(κ)\, \frac{s}{κ^2 + s^2}

A causal field is analytic where Re κ > 0, and so is the Lorentzian: in x = ln κ the integrand is
analytic for ``|Im x|`` < π/2, and the trapezoidal rule with step h errs by about e^{−π²/h}
(Trefethen & Weideman, SIAM Review 56, 385 (2014)). One grid of κ serves every s and every pair.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective.spectral.integrals import log_panels

_STEPS = 8  # nodes in a factor of ten
_HALVINGS = 4
_LOWEST = 1e-4  # of the lowest scale: below it f is its tangent
_UNSEEN = 18  # factors of ten below that, which only the weights take part in
_LONGEST = 25  # factors of ten above the highest scale at which to give up
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
        ValueError: for an f that grows, or that is not smooth in ln κ.
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
                f"{np.abs(value).max():.3g} of {np.abs(even + odd).max():.3g}"
            )
    total, coarse = step * (even + odd), 2 * step * even
    for _ in range(_HALVINGS):
        # halving the step squares the error
        miss = np.abs(total - coarse)
        size = np.maximum(allowed(total), np.finfo(float).tiny) / max(rtol, 1e-16)
        if np.all(miss**2 <= size * allowed(total)):
            return np.asarray(total)
        middles = step * (np.arange(bottom, top) - 0.5)
        between = unseen(below + step / 2)
        # the lowest middle lies below the bottom: it is the last of those already counted
        for node in middles[1:]:
            between = between + term(float(node))
        coarse, total = total, (total + step * between) / 2
        below = np.sort(np.concatenate([below, below + step / 2]))
        step, bottom, top = step / 2, 2 * bottom, 2 * top
    raise ValueError(
        "the field is not smooth on the imaginary axis: its integral is known to "
        f"{np.abs(total - coarse).max():.2g} of {np.abs(total).max():.3g} only; "
        "look at it with co.check_field(field, points)"
    )


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
