r"""ρ by exact exponentials of a constant generator: :math:`ρ(t+h) = e^{\mathcal{L}h}ρ(t)`.

Nothing is integrated, so ω₀/Γ = 10⁶ costs nothing extra. One exponential for every different step,
16·D⁴ bytes each; up to Liouville dimension 1,024.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qutip import Qobj

LARGEST = 1024  # Liouville dimension D²
_SAME_STEP = 1e-15  # relative: differences of rounding in evenly spaced times
_KEPT = 4


class Exponential:
    """Carries ρ by matrix exponentials; each different step is exponentiated once.

    Args:
        liouvillian: QuTiP superoperator, D² × D².
    """

    def __init__(self, liouvillian: "Qobj"):
        self._generator = liouvillian.full()
        self._dims = liouvillian.dims[0]
        self._steps: dict[float, NDArray[np.complex128]] = {}
        self._vector, self._time = np.zeros(0, dtype=complex), 0.0

    def start(self, state0: "Qobj", t0: float) -> None:
        """Set ρ at a time."""
        self._vector = state0.full().ravel(order="F")
        self._time = float(t0)

    def step(self, t: float) -> "Qobj":
        """ρ at a later time."""
        from qutip import Qobj

        self._vector = self._exponential(float(t) - self._time) @ self._vector
        self._time = float(t)
        size = round(np.sqrt(len(self._vector)))
        return Qobj(self._vector.reshape(size, size, order="F"), dims=self._dims)

    def _exponential(self, step: float) -> NDArray[np.complex128]:
        from scipy.linalg import expm

        for known, matrix in self._steps.items():
            if abs(known - step) <= _SAME_STEP * (step + abs(self._time)):
                return matrix
        if len(self._steps) == _KEPT:
            self._steps.pop(next(iter(self._steps)))
        self._steps[step] = expm(self._generator * step)
        return self._steps[step]


def predicted_bytes(dimension: int) -> int:
    """The generator, the exponentials kept, and what computing one takes."""
    return 16 * dimension**4 * (1 + _KEPT + 8)
