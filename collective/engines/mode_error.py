"""Errors of approximations of emitters with a cavity mode, as comparisons with exact results say.

Second order was compared with Dicke states for 2 to 40 identical emitters, with g/κ from 0.02 to 1
and pumps from 0.1 to 20 times Γ, from the ground state and inverted. The largest error of the
emission was a tenth of its maximum with a pump, and a quarter without; that of the photons was a
quarter and a third. Order 2 does not converge with the number of emitters in a burst: what is left
out is the noise by which it begins.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.request import Request
from collective.states.moments import uncorrelated

Kind = str  # "order 2", "mean field" or "random phases"

_PUMPED, _DECAYING, _COLLECTIVE = 0.1, 0.25, 0.4
_PHASES, _MEAN_FIELD, _DARK = 0.4, 0.4, 0.95


def expected(request: Request, kind: Kind) -> float:
    """The error of the emission, relative to its largest value.

    Args:
        request: of emitters with a mode.
        kind: the approximation.
    """
    c = request.cavity.couplings
    if kind == "mean field":
        started = uncorrelated(request.state, len(request.cavity))
        coherent = started is not None and bool(np.any(started[0]))
        return _MEAN_FIELD if request.cavity.driven or coherent else _DARK
    if kind == "random phases":
        return _DARK if np.any(c.pump) else _PHASES
    decay = c.decay
    together = len(decay) > 1 and bool(np.any(decay[0, 1:]))
    usual = _PUMPED if np.any(c.pump) else _DECAYING
    return max(usual, _COLLECTIVE) if together else usual


def band(request: Request, kind: Kind, fields: dict[str, Any]) -> NDArray[np.float64]:
    """The estimated error of the emission at every time, (T,)."""
    emission = fields["emission"]
    largest = float(np.abs(emission).max())
    return np.full(len(emission), expected(request, kind) * largest)
