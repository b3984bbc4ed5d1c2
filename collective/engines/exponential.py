r"""ρ by exact exponentials of a constant generator: :math:`ρ(t+h) = e^{\mathcal{L}h}ρ(t)`.

Nothing is integrated, so ω₀/Γ = 10⁶ costs nothing extra. Evenly spaced times take one exponential;
times with many different steps take those of the steps h₀2^j, 1/h₀ = ‖L‖, squared one from another,
and compose every step of them. 16·D⁴ bytes each; up to Liouville dimension 1,024.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qutip import Qobj

LARGEST = 1024  # Liouville dimension D²
_SAME_STEP = 1e-15  # relative: differences of rounding in evenly spaced times
_KEPT = 4  # different steps that get an exponential of their own
_TERMS = 18  # of the Taylor series over less than 1/‖L‖: 1/19! is below round-off
_HIGHEST = 52  # doublings of h₀: a phase of 2⁵² radians has no digits left


class Exponential:
    """Carries ρ by matrix exponentials.

    Args:
        liouvillian: QuTiP superoperator, D² × D².
    """

    def __init__(self, liouvillian: "Qobj"):
        self._generator = liouvillian.full()
        self._dims = liouvillian.dims[0]
        self._steps: dict[float, NDArray[np.complex128]] = {}
        self._ladder: list[NDArray[np.complex128]] = []
        self._vector, self._time = np.zeros(0, dtype=complex), 0.0

    def start(self, state0: "Qobj", t0: float) -> None:
        """Set ρ at a time."""
        self._vector = state0.full().ravel(order="F")
        self._time = float(t0)

    def step(self, t: float) -> "Qobj":
        """ρ at a later time."""
        from qutip import Qobj

        step = float(t) - self._time
        single = self._exponential(step)
        self._vector = self._composed(step) if single is None else single @ self._vector
        self._time = float(t)
        size = round(np.sqrt(len(self._vector)))
        return Qobj(self._vector.reshape(size, size, order="F"), dims=self._dims)

    def _exponential(self, step: float) -> NDArray[np.complex128] | None:
        """The exponential of a step met before, or a new one of the first few."""
        from scipy.linalg import expm

        for known, matrix in self._steps.items():
            if abs(known - step) <= _SAME_STEP * (step + abs(self._time)):
                return matrix
        if len(self._steps) == _KEPT:
            return None
        self._steps[step] = expm(self._generator * step)
        return self._steps[step]

    def _composed(self, step: float) -> NDArray[np.complex128]:
        """ρ after a step, by the binary digits of step·‖L‖ and a series for the rest."""
        from scipy.linalg import expm

        rate = float(np.abs(self._generator).sum(axis=0).max())
        if not self._ladder:
            self._ladder.append(expm(self._generator / rate))
        whole = int(step * rate)
        if whole.bit_length() > _HIGHEST:
            raise ValueError(f"a step turns phases by {whole:.1e} rad: no digits left")
        vector = term = self._vector
        for n in range(1, _TERMS + 1):
            term = self._generator @ term * ((step - whole / rate) / n)
            vector = vector + term
        for j in range(whole.bit_length()):
            if j == len(self._ladder):
                self._ladder.append(self._ladder[-1] @ self._ladder[-1])
            if whole >> j & 1:
                vector = self._ladder[j] @ vector
        return vector


def predicted_bytes(dimension: int, times: NDArray[np.float64], norm: float) -> int:
    """The generator, the exponentials kept, and what computing one takes.

    Args:
        dimension: D.
        times: (T,), output times.
        norm: of the Liouvillian, roughly.
    """
    steps = np.diff(times)
    if len(steps):
        steps = steps.max() * np.unique(np.round(steps / steps.max(), 12))
    ladder = 0.0
    if len(steps) > _KEPT:
        ladder = min(_HIGHEST, np.log2(max(2.0, float(steps.max()) * norm)) + 2)
    return int(16 * dimension**4 * (1 + min(_KEPT, len(steps)) + 8 + ladder))
