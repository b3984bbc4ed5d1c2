"""The integral of a function of time, by polynomials between its kinks."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

_DEGREE = 16
_FITS = 1e-13  # of the largest value
_CELLS = 20_000
_SHORTEST = 2.0**-45  # of the whole time


class Phase:
    r""":math:`φ(t) = \int_{t_0}^t f\,dt'` of a real function f.

    Args:
        function: f, with one number at a time.
        edges: (P + 1,), the first and the last time, and where f has kinks between them; there it
            is called a little aside.

    Example:
        >>> import numpy as np
        >>> phase = Phase(np.cos, np.array([0.0, 2.0]))
        >>> bool(abs(phase(1.0) - np.sin(1.0)) < 1e-13)
        True
    """

    def __init__(self, function: Callable[[float], Any], edges: NDArray[np.float64]):
        nodes = chebyshev.chebpts1(_DEGREE + 1)
        fit = np.linalg.inv(chebyshev.chebvander(nodes, _DEGREE))
        cells = list(pairwise(edges))[::-1]
        starts: list[float] = []
        found: list[NDArray[np.float64]] = []
        largest = 0.0
        shortest = _SHORTEST * float(edges[-1] - edges[0])
        while cells:
            a, b = cells.pop()
            middle = 0.5 * (a + b)
            values = np.array([float(function(middle + 0.5 * (b - a) * x)) for x in nodes])
            largest = max(largest, float(np.abs(values).max()))
            polynomial = fit @ values
            rough = np.abs(polynomial[-3:]).max() > _FITS * largest
            if rough and b - a > shortest and len(found) + len(cells) < _CELLS:
                cells += [(middle, b), (a, middle)]
                continue
            starts.append(a)
            found.append(chebyshev.chebint(polynomial, lbnd=-1, scl=0.5 * (b - a)))
        self._edges = np.append(starts, edges[-1])
        ends = np.cumsum([0.0, *(each.sum() for each in found)])  # every T_k(1) = 1
        self._parts = np.array(found)
        self._parts[:, 0] += ends[:-1]

    def __call__(self, t: float) -> float:
        """φ at a time between the first and the last edge."""
        at = int(np.searchsorted(self._edges, t, side="right")) - 1
        at = min(max(at, 0), len(self._parts) - 1)
        a, b = self._edges[at], self._edges[at + 1]
        x = min(max((2 * t - a - b) / (b - a), -1.0), 1.0)
        return float(chebyshev.chebval(x, self._parts[at]))
