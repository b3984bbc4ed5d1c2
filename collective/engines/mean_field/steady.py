r"""Steady states of mean field: evolution, then Newton's method without a matrix.

Newton's step solves :math:`J\,δy = −\dot y` by GMRES, with the derivative of the equations

.. math:: δ\dot s = −(ih_{nn} + γ_φ + p/2)δs + i(2F\,δe + (2e − 1)δF), \qquad
          δ\dot e = −(Γ_{nn} + p)δe + 2\,\mathrm{Im}(F\,δs^* + s^*δF), \qquad δF = h\,δs.

Evolution brings the state near to an attractor: where there are several, the start decides. A small
disturbance of the answer must die out.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.engines.mean_field import size
from collective.engines.mean_field.equations import Equations
from collective.engines.numerics.adaptive import Adaptive
from collective.engines.request import Request

_LIFETIMES = 10.0  # evolved between two attempts
_ATTEMPTS = 60
_NEAR = 0.02  # ẏ over the largest own rate, below which Newton's method is tried
_STEPS = 12  # of Newton's method
_EXACT = 1e-11  # ẏ over the largest own rate
_RTOL, _ATOL = 1e-6, 1e-8
_DISTURBANCE, _GROWTH = 1e-5, 2.0
_KRYLOV, _RESTARTS = 80, 6
_VECTORS = 64  # beside those of the Krylov space

Vectors = tuple[NDArray[np.complex128], NDArray[np.float64]]


def steady(couplings: Couplings, lowered: NDArray[Any], excited: NDArray[Any]) -> Vectors:
    """⟨σ⁻_n⟩ and populations of the steady state that a start leads to, (N,) each.

    Args:
        couplings: in a unit near the largest rate.
        lowered: ⟨σ⁻_n⟩ at the start, (N,).
        excited: populations at the start, (N,).

    Raises:
        ValueError: if no stable steady state is reached.
    """
    equations = Equations(couplings)
    rates = equations.decay + equations.pump
    own = float(rates.max())
    if own == 0:
        raise ValueError("couplings: without decay and pump there is no steady state")
    span = _LIFETIMES / float(rates.mean())
    rng = np.random.default_rng(0)
    now = equations.joined(lowered[:, None], excited[:, None])
    for _ in range(_ATTEMPTS):
        now = _evolved(equations, now, span)
        if _residual(equations, now) > _NEAR * own:
            continue
        found = _newton(equations, now, _EXACT * own)
        if found is None:
            continue
        disturbed = found + _DISTURBANCE * rng.standard_normal(len(found))
        later = _evolved(equations, disturbed, span)
        before, after = (np.linalg.norm(y - found) for y in (disturbed, later))
        if after <= _GROWTH * before:
            s, e = equations.split(found)
            return s[:, 0].copy(), e[:, 0].copy()
        now = later  # a state that is steady but not stable: leave it
    raise ValueError(
        f"couplings: mean field has reached no stable steady state after {_ATTEMPTS * span:.3g} "
        "inverse rates: it may oscillate for ever, or take longer; evolve it to see"
    )


def _evolved(equations: Equations, y: NDArray[Any], span: float) -> NDArray[Any]:
    return Adaptive(equations.slope, 0.0, y, span, rtol=_RTOL, atol=_ATOL).to(span)


def _residual(equations: Equations, y: NDArray[Any]) -> float:
    return float(np.abs(equations.slope(0.0, y)).max())


def _newton(equations: Equations, y: NDArray[Any], wanted: float) -> NDArray[Any] | None:
    """A point where ẏ = 0 beside y, or None if Newton's method does not find one."""
    from scipy.sparse.linalg import LinearOperator, gmres

    slope = equations.slope(0.0, y)
    residual = float(np.abs(slope).max())
    for _ in range(_STEPS):
        if residual <= wanted:
            return y
        derivative = equations.derivative(y)
        operator = LinearOperator((len(y), len(y)), matvec=derivative, dtype=float)
        step, _ = gmres(operator, -slope, rtol=1e-4, restart=_KRYLOV, maxiter=_RESTARTS)
        further = y + step
        e = equations.split(further)[1]
        slope = equations.slope(0.0, further)
        before, residual = residual, float(np.abs(slope).max())
        physical = np.abs(e - 0.5).max() <= 0.5 + 1e-6
        if not physical or not residual < 0.5 * before:
            # round-off ends it too
            return y if before <= 100 * wanted else None
        y = further
    return y if residual <= 100 * wanted else None


def needed(request: Request) -> int:
    """Bytes at the peak while a steady state is found."""
    n = len(request.couplings)
    return size.cost(request, 0, None).bytes + 24 * n * (_KRYLOV + _VECTORS)


def mean_emission(couplings: Couplings, lowered: NDArray[Any], excited: NDArray[Any]) -> float:
    """The emission of a product state, from ⟨σ⁻_n⟩ and populations, (N,) each."""
    equations = Equations(couplings)
    return float(equations.emission(equations.joined(lowered[:, None], excited[:, None]))[0])
