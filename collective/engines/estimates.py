r"""Estimated errors of approximate engines: before a run, and from what a run has found.

Every error is one of the emission. Before a run it is relative to the largest emission,
:math:`\max_t|R - R_\mathrm{exact}|/\max_t R_\mathrm{exact}`; after it, there is a band (T,) around
the emission.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collective.engines.request import Request

Kind = Literal["mean field", "order 2", "order 3", "wigner", "conditional"]


def expected(request: Request, kind: Kind) -> float | None:
    """The expected error of a kind of approximation, relative to the largest emission.

    Args:
        request: Γ, Δ, the drive and the state are read.
        kind: the approximation.

    Returns:
        A number, or None if it is not known.
    """
    couplings = request.couplings
    n = len(couplings)
    decay, shift = np.asarray(couplings.decay), np.asarray(couplings.shift)
    own = float(np.abs(np.diagonal(decay)).mean())
    if n == 1 or own == 0:
        return 0.0
    pairs = float(np.sum(np.abs(decay) ** 2) - np.sum(np.abs(np.diagonal(decay)) ** 2))
    shifts = float(np.sum(np.abs(shift) ** 2) - np.sum(np.abs(np.diagonal(shift)) ** 2))
    strength = (pairs + 0.1 * shifts) / (n * own**2)
    factor = {"order 2": 0.02, "order 3": 0.01, "wigner": 0.03, "conditional": 0.01}.get(kind, 0.3)
    return float(min(factor * strength, 1.0))


def from_orders(
    second: NDArray[np.float64], third: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bands of the cumulants of second and third order from the gap between the two, (T,) each."""
    gap = np.maximum.accumulate(np.abs(second - third))
    return gap, 0.5 * gap


def from_expected(emission: NDArray[np.float64], error: float) -> NDArray[np.float64]:
    """A band (T,) from the expected error alone: this share of the largest emission so far."""
    return error * np.maximum.accumulate(np.abs(emission))
