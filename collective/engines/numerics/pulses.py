"""The Hamiltonian H(t) of a drive with an envelope for QuTiP, and means of a pulse over steps."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.pulse.timeline import Timeline

if TYPE_CHECKING:
    from qutip import QobjEvo

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)


def driven_hamiltonian(
    couplings: Couplings, envelope: Callable[[float], complex], start: float
) -> "QobjEvo":
    """H(t).

    Args:
        couplings: the problem.
        envelope: the function f.
        start: the first time at which f is defined.
    """
    from qutip import QobjEvo

    def pulse(t: float) -> complex:
        # QuTiP also asks at t = 0, where the envelope need not be defined
        return envelope(t) if t >= start else 0j

    up = couplings.drive_operator()
    return QobjEvo(
        [
            couplings.undriven_hamiltonian(),
            [up, pulse],
            [up.dag(), lambda t: pulse(t).conjugate()],
        ]
    )


def mean(
    function: Callable[[float], complex], start: float, end: float, pieces: Timeline
) -> complex:
    """The mean of a function between two times, however short its features are.

    Args:
        function: f.
        start: the first time.
        end: the second time.
        pieces: where f has kinks, and how fast it changes.
    """
    ends = pieces.parts(start, end)
    found = 0j
    for a, b in pairwise(ends):
        piece, half = pieces.piece(0.5 * (a + b)), 0.5 * (b - a)
        values = (function(pieces.inside(a + half * (1 + x), piece)) for x in _NODES)
        found += half * sum(w * value for w, value in zip(_WEIGHTS, values, strict=True))
    return found / (end - start)


def coarse_steps(times: NDArray[np.float64], pieces: Timeline) -> NDArray[np.intp]:
    """Indices of the steps between times (T,) in which a rule without kinks is not enough."""
    if len(pieces.longest) == 1:
        return np.empty(0, dtype=np.intp)
    first = np.searchsorted(pieces.edges, times[:-1], side="right") - 1
    last = np.searchsorted(pieces.edges, times[1:], side="left") - 1
    last = np.clip(last, first, len(pieces.longest) - 1)
    too_long = np.diff(times) > pieces.longest[np.clip(first, 0, len(pieces.longest) - 1)]
    return np.flatnonzero((first != last) | too_long)
