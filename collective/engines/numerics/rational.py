r"""e^{tA}p of a stiff rate matrix A, by rational steps whose error is measured.

.. math:: e^{hA}p ≈ r(hA)p = \mathrm{Re}\sum_z w_z (z − hA)^{-1}p

with r the Padé approximant of degrees 5 over 6: of order 11, and r(−∞) = 0 (Ehle, SIAM J. Math.
Anal. 4, 671 (1973)). Its poles have positive real part, where the resolvent of a rate matrix is
bounded, :math:`\|(z−hA)^{-1}\|_1 ≤ 1/\mathrm{Re}\,z`, however far A is from normal; a contour
through the left half-plane has no such bound, and a ladder of 10⁵ states overflows on it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# poles in the upper half-plane; weights are twice the residues, with the sign of (z − hA) included
POLES = np.array(
    [
        7.4906375288096300922 + 1.6215023887783939784j,
        6.4705149367015697536 + 4.9001211474213864242j,
        4.0388475344888001542 + 8.345600414872215668j,
    ]
)
WEIGHTS = np.array(
    [
        -371.08975771511026082 + 1835.5847297276177004j,
        452.12082378725790751 - 610.20671809010629999j,
        -87.031066072147646688 + 28.030612431281211588j,
    ]
)
FACTORS = 3  # steps whose factors are kept: the whole step, its half, and the next step
_ORDER = 11
_SHARE = 0.1  # of the tolerance, allowed in each step: only few steps have a large error
_ROUND_OFF = 1e-12  # of a step, amplified by the weights; it grows as the root of the states …
_MANY = 1e4  # … above this number of them
_SMALLEST = 1e-13  # step, relative to the time
_SAME = 1e-15  # of the time: evenly spaced times differ by their round-off
_GROWTH = (0.2, 4.0)
_SAFETY = 0.9


class Rational:
    """Solves dp/dt = Ap from one output time to the next.

    Each step is computed once as a whole and once in two halves, and the result of the halves is
    kept. The difference of the two, in Σ|δp|, which e^{tA} never increases, is the error of the
    whole step, about 2,000 times the error of the halves.

    Args:
        step: a function of p and h that returns r(hA)p.
        p: populations at the first time.
        t: the first time.
        rate: rate of leaving the initial state, for a first guess of the step.
        rtol: allowed Σ|δp|.

    Attributes:
        error: sum of the measured differences.
        steps: number of steps.
        rejected: number of steps that were repeated.
    """

    def __init__(
        self,
        step: Callable[[NDArray[np.float64], float], NDArray[np.float64]],
        p: NDArray[np.float64],
        t: float,
        rate: float,
        rtol: float,
    ):
        self._advance, self.p, self._time = step, p, t
        self._step, self._interval = 1 / rate if rate > 0 else np.inf, 0.0
        floor = _ROUND_OFF * max(1.0, float(np.sqrt(len(p) / _MANY)))
        self._tolerance = max(_SHARE * rtol, floor)
        self.error, self.steps, self.rejected = 0.0, 0, 0

    def to(self, t: float) -> NDArray[np.float64]:
        """Populations at a later time.

        Raises:
            ArithmeticError: if the step shrinks to nothing.
        """
        begin, done = self._time, 0.0
        if abs(t - begin - self._interval) > _SAME * abs(t):
            self._interval = t - begin
        interval = self._interval
        while done < 1:
            # the interval over a power of two, so that few different steps have to be factored
            share = 2.0 ** -np.ceil(np.log2(max(interval / self._step, 1.0)))
            while done % share:
                share /= 2
            h = interval * share
            if h < _SMALLEST * max(abs(t), interval):
                raise ArithmeticError(f"the step shrinks to {h / interval:g} of the interval")
            whole = self._advance(self.p, h)
            halves = self._advance(self._advance(self.p, h / 2), h / 2)
            error = float(np.abs(halves - whole).sum())
            if not np.isfinite(error):
                raise ArithmeticError("populations are not finite")
            ratio = self._tolerance / error if error > 0 else np.inf
            factor = float(np.clip(_SAFETY * ratio ** (1 / (_ORDER + 1)), *_GROWTH))
            if error > self._tolerance:
                self._step = factor * h
                self.rejected += 1
                continue
            # a step that an output time has shortened does not limit the next step
            self._step = h * factor if factor < 1 else max(self._step, h * factor)
            done += share
            self.p, self._time = halves, t if done == 1 else begin + interval * done
            self.error += error
            self.steps += 1
        return self.p


def factored(matrix: Any) -> Callable[[NDArray[np.float64], float], NDArray[np.float64]]:
    """A function that returns r(hA)p of a sparse A by LU factors; it keeps those used last."""
    from scipy.sparse import eye_array
    from scipy.sparse.linalg import splu

    known: dict[float, list[Any]] = {}
    one = eye_array(matrix.shape[0], dtype=complex, format="csc")
    # the largest entry of each column is on the diagonal: no pivoting is needed, half the fill
    options = {
        "permc_spec": "MMD_AT_PLUS_A",
        "diag_pivot_thresh": 0.0,
        "options": {"SymmetricMode": True},
    }

    def step(p: NDArray[np.float64], h: float) -> NDArray[np.float64]:
        rounded = float(f"{h:.13e}")  # equal intervals differ in their last digit
        if rounded not in known:
            while len(known) >= FACTORS:
                del known[next(iter(known))]
            known[rounded] = [splu((z * one - rounded * matrix).tocsc(), **options) for z in POLES]
        p = p.astype(complex)
        return sum(
            (w * factors.solve(p)).real for w, factors in zip(WEIGHTS, known[rounded], strict=True)
        )

    return step
