r"""First order: ⟨σ⁻_n⟩ and ⟨z_n⟩ alone, the mean field that tells the error of driven second order.

.. math:: \dot s_n = e_ns_n + iz_nF_n, \qquad \dot z_n = −a_nz_n − b_n + 4\,\mathrm{Im}\,s^*_nF_n,
   \qquad F_n = \sum_lh_{nl}s_l + ½Ω_n

with h without its diagonal, and e, a, b of `pairs`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.cumulants.ising import add_to_first
from collective.engines.cumulants.pairs import Rates
from collective.states.entries import PairMoments


class First:
    """The equations of first order for a vector (s, z).

    Args:
        rates: of the couplings.
        decay: Γ, (N, N).
        envelope: f(t), by which the drive is multiplied, or None.

    Attributes:
        blocks: where the parts of the vector end.
        observed: how many numbers of the vector the emission needs: all.
        origins: the values of the parts in the ground state.
    """

    def __init__(
        self,
        rates: Rates,
        decay: NDArray[Any],
        envelope: Callable[[float], complex] | None = None,
    ):
        self._rates, self._decay, self._envelope = rates, decay, envelope
        n = len(rates.own)
        self.blocks, self.origins = (2 * n, 3 * n), (0.0, -1.0)
        self.observed = 3 * n

    def start(self, moments: PairMoments) -> NDArray[np.float64]:
        """The vector of the moments of an initial state."""
        lowered = np.ascontiguousarray(moments.lowered, dtype=complex)
        return np.concatenate([lowered.view(float), moments.inversion])

    def slope(self, t: float, y: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Write the time derivative of a vector to `out`."""
        r, (s, z), (ds, dz) = self._rates.at(t), self.parts(y), self.parts(out)
        field = r.h @ s + (1.0 if self._envelope is None else self._envelope(t)) * r.drive
        ds[:] = r.e * s + 1j * z * field
        if r.ising is not None:
            add_to_first(r.ising, s, z, ds)
        dz[:] = -r.a * z - r.b + 4 * (s.conj() * field).imag

    def parts(self, y: NDArray[np.float64]) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """Views of s and z."""
        end = self.blocks[0]
        return y[:end].view(complex), y[end:]

    def emission(self, y: NDArray[np.float64]) -> float:
        """The emission, where different emitters are independent."""
        s, z = self.parts(y)
        pairs = np.vdot(s, self._decay @ s).real - self._rates.own @ np.abs(s) ** 2
        return float(pairs + self._rates.own @ (1 + z) / 2)
