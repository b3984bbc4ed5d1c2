r"""First order, which is mean field: s = ⟨σ⁻⟩ and z of every emitter, and no correlations.

With e, a, b of `pairs`, and w = Ω/2,

.. math::
   \dot s = es + iz(hs + w), \qquad \dot z = −az − b + 4\,\mathrm{Im}\,s^*(hs + w).

It only runs beside the general second order, to tell its error: one product of h with a vector.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.cumulants.pairs import Rates
from collective.states.entries import PairMoments


class First:
    """The equations of mean field for a vector (s, z).

    Args:
        rates: of the couplings.
        envelope: f(t), by which the drive is multiplied, or None.

    Attributes:
        blocks: where the parts of the vector end.
    """

    def __init__(self, rates: Rates, envelope: Callable[[float], complex] | None = None):
        self._rates, self._envelope, n = rates, envelope, len(rates.own)
        self.blocks: tuple[int, ...] = (2 * n, 3 * n)

    def start(self, moments: PairMoments) -> NDArray[np.float64]:
        """The vector of the moments of an initial state."""
        s = np.ascontiguousarray(moments.lowered, dtype=complex)
        return np.concatenate([s.view(float), moments.inversion])

    def slope(self, t: float, y: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Write the time derivative of a vector to `out`."""
        r, (s, z), (ds, dz) = self._rates, self.parts(y), self.parts(out)
        field = r.h @ s + (1.0 if self._envelope is None else self._envelope(t)) * r.drive
        ds[:] = r.e * s + 1j * z * field
        dz[:] = -r.a * z - r.b + 4 * (s.conj() * field).imag

    def parts(self, y: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Views of s and z."""
        return y[: self.blocks[0]].view(complex), y[self.blocks[0] :]

    def inversion(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """⟨z_n⟩, (N,)."""
        return self.parts(y)[1]

    def emission(self, y: NDArray[np.float64]) -> float:
        """The emission: −2 Im s†hs is that of the dipoles, as h = Δ − iΓ/2."""
        s, z = self.parts(y)
        return float(-2 * np.vdot(s, self._rates.h @ s).imag + self._rates.own @ (1 + z) / 2)
