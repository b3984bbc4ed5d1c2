r"""Samples of a Green's tensor between their wave numbers, on both axes.

A cubic spline is linear in its samples: its value at k is :math:`\sum_n w_n(k)\,T_n`. So the weights
of one k serve all pairs of places, and no coefficients of pairs are stored.

Along real wave numbers the scattered tensor itself is interpolated in k. On the imaginary axis it is
F = κ²G(iκ) in ln κ, which tends to a constant as κ → 0 and decays as κ → ∞.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAME = 1e-9  # relative: wave numbers that are one
_FEWEST = 4  # samples of a cubic spline
_PLACES = 16  # from which errors are estimated
# A spline with one sample left out has twice the spacing there: 2⁴ times the error. Half of that
# factor is used.
_REFINED = 8


@dataclass(frozen=True, eq=False)
class Axis:
    """Samples along one axis.

    Attributes:
        sizes: (K,) k or κ, positive and increasing.
        samples: (K, P, P, 3, 3), the tensor that is interpolated.
        logarithmic: whether it is interpolated in the logarithm of the wave number.
    """

    sizes: NDArray[np.float64]
    samples: NDArray[Any]
    logarithmic: bool

    def __len__(self) -> int:
        return len(self.sizes)

    def sample_at(self, size: float) -> int | None:
        """The index of the sample at this wave number, or None."""
        if not len(self):
            return None
        nearest = int(np.argmin(np.abs(self.sizes - size)))
        return nearest if abs(self.sizes[nearest] - size) <= SAME * size else None

    def weights(self, sizes: Any) -> NDArray[np.float64]:
        """What the spline at some wave numbers takes of each sample, (..., K)."""
        return np.asarray(self._spline(self._knots(np.asarray(sizes))))

    def value(
        self, weights: NDArray[np.float64], i: NDArray[np.intp], j: NDArray[np.intp]
    ) -> NDArray[Any]:
        """The sum of the samples of pairs of places with weights (K,), (..., 3, 3)."""
        total = np.zeros((*i.shape, 3, 3), dtype=self.samples.dtype)
        for weight, sample in zip(weights, self.samples, strict=True):
            if weight:
                total += weight * sample[i, j]
        return total

    def error_at(self, size: float) -> float:
        """The estimated error of the spline, relative to the largest entry of all samples."""
        if self.sample_at(size) is not None:
            return 0.0
        above = int(np.searchsorted(self.sizes, size))
        around = [n for n in (above - 2, above - 1) if 0 <= n < len(self._misses)]
        return float(self._misses[around].max()) / _REFINED

    @property
    def enough(self) -> bool:
        """Whether there are enough samples for a spline."""
        return len(self) >= _FEWEST

    def _knots(self, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.log(sizes) if self.logarithmic else sizes)

    @cached_property
    def _spline(self) -> Any:
        from scipy.interpolate import CubicSpline

        return CubicSpline(self._knots(self.sizes), np.eye(len(self)))

    @cached_property
    def _misses(self) -> NDArray[np.float64]:
        """By how much the spline without sample n misses it, for all but the ends, (K − 2,)."""
        from scipy.interpolate import CubicSpline

        some = self.samples[:, :_PLACES, :_PLACES].reshape(len(self), -1)
        largest = max(float(np.abs(some).max(initial=0.0)), np.finfo(float).tiny)
        knots = self._knots(self.sizes)
        misses = np.empty(len(self) - 2)
        for n in range(1, len(self) - 1):
            others = np.delete(np.arange(len(self)), n)
            weights = CubicSpline(knots[others], np.eye(len(others)))(knots[n])
            misses[n - 1] = np.abs(weights @ some[others] - some[n]).max() / largest
        return misses
