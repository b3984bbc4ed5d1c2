"""The steady state of second order with a cavity mode: what pump and losses leave in the end."""

import numpy as np
from numpy.typing import NDArray

from collective.couplings.with_mode import CavityCouplings
from collective.engines.cumulants.mode import Equations
from collective.engines.cumulants.mode_classes import classes_of

_LARGEST = 40  # classes: their derivative is a matrix of 5,000 rows
_SPANS = 40  # each twice as long as the one before
_SETTLED = 1e-3  # relative change in one lifetime, from which on Newton's method takes over
_RESIDUAL = 1e-9  # relative


def steady(problem: CavityCouplings) -> tuple[Equations, NDArray[np.float64]]:
    """The equations, and the vector that does not change.

    The equations are integrated from the ground state until they are nearly still, and Newton's
    method does the rest.

    Args:
        problem: with a pump and without a drive, in a unit near its largest rate.

    Raises:
        ValueError: for too many classes of emitters, or if no steady state is found.
    """
    from scipy.integrate import solve_ivp
    from scipy.optimize import root

    classes = classes_of(problem, None)
    k = len(classes.sizes)
    if k > _LARGEST:
        raise ValueError(
            f"problem: the steady state takes up to {_LARGEST} kinds of emitters that are alike, "
            f"but there are {k}; evolve to late times instead"
        )
    equations = Equations(classes)
    nothing = np.zeros((k, k), dtype=complex)
    z = np.full(k, -1.0)
    y = equations.joined(0.0, z, np.zeros(k, dtype=complex), nothing, np.outer(z, z))
    rates = [*(classes.decay + classes.pump), classes.linewidth]
    slowest = min(rate for rate in rates if rate > 0)
    span = 1 / max(rates)
    for _ in range(_SPANS):
        found = solve_ivp(
            lambda t, y: equations.slope(y), (0.0, span), y, method="LSODA", rtol=1e-5, atol=1e-12
        )
        if not found.success or not np.all(np.isfinite(found.y[:, -1])):
            break
        y, span = found.y[:, -1], 2 * span
        scale = np.maximum(np.abs(y), 1e-6 * np.abs(y).max())
        if span * slowest > 1 and np.all(np.abs(equations.slope(y)) < _SETTLED * slowest * scale):
            break
    scale = np.maximum(np.abs(y), 1e-12)
    polished = root(lambda x: equations.slope(x * scale) / scale / slowest, y / scale, tol=1e-13)
    y = polished.x * scale
    residual = float((np.abs(equations.slope(y)) / scale).max()) / max(rates)
    if not residual < _RESIDUAL or not y[0] >= 0:
        raise ValueError(
            f"problem: no steady state of second order is found, the residual is {residual:.2g}; "
            "evolve to late times instead"
        )
    return equations, y
