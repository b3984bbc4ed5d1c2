r"""Samples of a Green's tensor between their wave numbers, on both axes.

A cubic spline is linear in its samples: its value at k is :math:`\sum_n w_n(k)\,T_n`. So the
weights of one k serve all pairs of places, and no coefficients of pairs are stored.

Along real wave numbers the scattered tensor itself is interpolated in k. On the imaginary axis it
is F = κ²G(iκ) in ln κ, which tends to a constant as κ → 0 and decays as κ → ∞.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.warn import warn
from collective.fields.permittivity import spelled

SAME = 1e-9  # relative: wave numbers that are one
_FEWEST = 4  # samples of a cubic spline
_PLACES = 16  # from which errors are estimated
# A spline with one sample left out has twice the spacing there: 2⁴ times the error. Half of that
# factor is used.
_REFINED = 8
_WORTH_A_WARNING = 1e-3  # estimated error between two samples
_NO_STRUCTURE = 1e-3  # κ over the smallest real k below which κ²G(iκ) is constant
_DECAYED = 1e-6  # of its largest value, below which κ²G(iκ) has decayed


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
        refined = _REFINED if len(around) == 2 else 1  # next to an end the spline is less accurate
        return float(self._misses[around].max()) / refined

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


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of a scattered tensor along both axes.

    Attributes:
        real: G^S along real wave numbers.
        imaginary: κ²G^S(iκ), which is real.
    """

    real: Axis
    imaginary: Axis

    @classmethod
    def of(cls, wavenumbers: NDArray[np.complex128], tensors: NDArray[np.complex128]) -> "Samples":
        """Divide tensors (K, P, P, 3, 3) at wave numbers (K,), real ones first, by their axis."""
        count = int(np.sum(wavenumbers.imag == 0))
        kappas = wavenumbers.imag[count:]
        response = kappas[:, None, None, None, None] ** 2 * tensors[count:].real
        return cls(
            Axis(wavenumbers.real[:count], tensors[:count], logarithmic=False),
            Axis(kappas, response, logarithmic=True),
        )

    def tensors(
        self, k: complex, i: NDArray[np.intp], j: NDArray[np.intp], field: str
    ) -> NDArray[Any]:
        """G^S at one wave number between places i and j (pairs,), (pairs, 3, 3).

        Args:
            k: of either axis.
            i: indices of the places of r.
            j: indices of the places of r'.
            field: the field in words, for messages.
        """
        axis, size = (self.imaginary if k.imag else self.real), abs(k)
        scale = size**2 if k.imag else 1.0
        at = axis.sample_at(size)
        if at is None and k.imag and self._is_constant_below(size):
            at = 0
        if at is not None:
            return np.asarray(axis.samples[at][i, j] / scale)
        if k.imag and self._has_decayed(size, i, j):
            return np.zeros((*i.shape, 3, 3))
        self._require_inside(k, field)
        error = axis.error_at(size)
        if error > _WORTH_A_WARNING:
            warn(
                f"{field} is interpolated at k = {spelled(k)} with an error of about {error:.1g} "
                "of its largest entry: add samples around it"
            )
        return axis.value(axis.weights(size), i, j) / scale

    def error_at(self, k: complex, field: str) -> float:
        """The estimated error at a wave number of either axis; raises outside the samples."""
        axis = self.imaginary if k.imag else self.real
        if axis.sample_at(abs(k)) is None:
            self._require_inside(k, field)
        return axis.error_at(abs(k))

    def words(self) -> list[str]:
        """Number and range of the wave numbers, for the name of a field."""
        found = []
        for axis, one, many, letter in (
            (self.real, "real wave number", "real wave numbers", ""),
            (self.imaginary, "imaginary one", "imaginary ones", "i"),
        ):
            if len(axis):
                ends = " … ".join(f"{x:g}{letter}" for x in np.unique(axis.sizes[[0, -1]]))
                found += [f"{len(axis)} {one if len(axis) == 1 else many}", ends]
        return found

    def _is_constant_below(self, kappa: float) -> bool:
        """Whether κ lies below samples that begin where κ²G(iκ) is constant."""
        first = self.imaginary.sizes[:1]
        return bool(np.any((kappa < first) & (first <= _NO_STRUCTURE * self.real.sizes[0])))

    def _has_decayed(self, kappa: float, i: NDArray[np.intp], j: NDArray[np.intp]) -> bool:
        """Whether κ lies above samples whose last ones are negligible for pairs of places."""
        if not np.any(kappa > self.imaginary.sizes[-1:]):
            return False
        largest = np.abs(self.imaginary.samples).max(axis=(0, -2, -1))[i, j]
        last = np.abs(self.imaginary.samples[-1][i, j]).max(axis=(-2, -1))
        return bool(np.all(last <= _DECAYED * largest))

    def _require_inside(self, k: complex, field: str) -> None:
        """Raise for a wave number outside the samples, or if there are too few samples."""
        axis, kind, letter = (
            (self.imaginary, "imaginary", "i") if k.imag else (self.real, "real", "")
        )
        if not len(axis):
            raise ValueError(
                f"k = {spelled(k)}: {field} has no samples at imaginary wave numbers, which level "
                'shifts by scattered light, shift="rwa" and master equations need; add them, or '
                'use couple(..., shift="resonant")'
            )
        first, last = axis.sizes[[0, -1]]
        if not axis.enough:
            known = ", ".join(f"{size:.10g}{letter}" for size in axis.sizes)
            raise ValueError(
                f"k = {abs(k):.10g}{letter} is none of the {kind} wave numbers of {field}, "
                f"{known}; at least 4 of them are interpolated (samples agree with k to {SAME:g})"
            )
        if not first <= abs(k) <= last:
            more = (
                ""
                if kind == "real"
                else (
                    ". Below them κ²G is constant if they begin below "
                    f"{_NO_STRUCTURE * self.real.sizes[0]:.3g}i, above them it is zero if it falls "
                    f"to {_DECAYED:g} of its largest value"
                )
            )
            raise ValueError(
                f"k = {spelled(k)} is outside the {kind} wave numbers of {field}, "
                f"{first:g}{letter} … {last:g}{letter}, and nothing is extrapolated: add samples"
                f"{more}"
            )
