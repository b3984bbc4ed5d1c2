"""The coefficients of Dormand and Prince's method of order 8, as SciPy's `DOP853` has them."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

STAGES = 12


class Coefficients:
    """The coefficients, with zeros left out.

    Attributes:
        nodes: (16,), c_i; the slope at the end of the step is stage 12.
        stages: for each stage, and for y at the end (12), the stages that are added, and a_ij.
        error_rows: the stages in the error estimates.
        error_weights: (2, ·), of order 5 and of order 3.
    """

    def __init__(self) -> None:
        from scipy.integrate import DOP853

        a = np.zeros((16, 16))
        a[:STAGES, :STAGES] = DOP853.A
        a[STAGES, :STAGES] = DOP853.B
        a[STAGES + 1 :, : DOP853.A_EXTRA.shape[1]] = DOP853.A_EXTRA
        self.nodes = np.array([*DOP853.C, 1.0, *DOP853.C_EXTRA])
        self.stages = [trimmed(row) for row in a]
        self._b, self._d = a[STAGES], DOP853.D
        both = np.array([DOP853.E5, DOP853.E3])
        self.error_rows = np.flatnonzero(np.any(both != 0, axis=0))
        self.error_weights = np.ascontiguousarray(both[:, self.error_rows])

    def interpolation(self, x: float) -> NDArray[np.float64]:
        """Weights (16,) of the stages in y(t + xh) − y(t), over h."""
        powers = np.zeros(7)  # of the seven terms of Hairer's polynomial, by Horner's rule
        for i in range(7):
            powers[6 - i] = 1.0
            powers *= x if i % 2 == 0 else 1 - x
        weights = (powers[0] - powers[1] + 2 * powers[2]) * self._b
        weights[0] += powers[1] - powers[2]
        weights[STAGES] -= powers[2]
        found: NDArray[np.float64] = weights + powers[3:] @ self._d
        return found


def trimmed(row: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The places of the coefficients that are not zero, and these coefficients."""
    places = np.flatnonzero(row)
    return places, row[places]


@cache
def coefficients() -> Coefficients:
    """The coefficients, made once."""
    return Coefficients()
