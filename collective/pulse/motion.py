"""Couplings that change in time, in the unit of rate and the time of an engine."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Motion:
    """What an engine needs that takes more than one shape of the drive.

    Attributes:
        vectors: (K, N), Rabi vectors, none a multiple of all others; K may be 0.
        factors: (K,) functions of time, by which they are multiplied; the constant drive has one.
        detunings: a function of time, (N,), added to those of the couplings; or None.
        strength: a function of time, g (N,); or None.
    """

    vectors: NDArray[np.complex128]
    factors: tuple[Callable[[float], complex], ...]
    detunings: Callable[[float], Vector] | None = None
    strength: Callable[[float], Vector] | None = None

    def shares(self, t: float) -> NDArray[np.complex128]:
        """The factors at a time, (K,)."""
        return np.array([factor(t) for factor in self.factors], dtype=complex)

    def drive(self, t: float) -> NDArray[np.complex128]:
        """Ω at a time, (N,)."""
        return np.asarray(self.shares(t) @ self.vectors)
