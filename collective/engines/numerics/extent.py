r"""How fast a problem turns and decays, roughly: what the number of steps of every engine follows.

From N × N matrices alone, as if excitations did not meet: with the eigenvalues ε of δ + Δ, the
energies of k excitations lie between the sums of the k lowest and of the k highest ε (exact for
hops between neighbours of a chain); the decay of k is at most that of the Dicke states,
:math:`γ_{max} k(N − k/2)/N`, or the sum of the k largest rates; and what is left of k excitations
lives as the k longest-lived modes of H_eff do.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings

_LARGEST = 200  # emitters whose matrices are diagonalised; beyond, sums of rows bound them


@dataclass(frozen=True, eq=False)
class Extent:
    """Rates of a problem.

    Attributes:
        couplings: the problem.
        top: most excitations.
    """

    couplings: Couplings
    top: int

    @cached_property
    def _energies(self) -> NDArray[np.float64]:
        """ε of δ + Δ, ascending."""
        c = self.couplings
        if len(c) > _LARGEST:
            return np.sort(np.abs(c.detunings) + np.abs(c.shift).sum(axis=1))
        return np.linalg.eigvalsh(c.shift + np.diag(c.detunings))

    @cached_property
    def _rates(self) -> NDArray[np.float64]:
        """Eigenvalues of Γ, descending."""
        c = self.couplings
        if len(c) > _LARGEST:
            return np.sort(np.abs(c.decay).sum(axis=1))[::-1]
        return np.maximum(c.collective_rates()[::-1], 0.0)

    @cached_property
    def _lasting(self) -> NDArray[np.float64]:
        """Decay rates of the modes of H_eff, ascending."""
        c = self.couplings
        if len(c) > _LARGEST:
            return self._rates[::-1]
        found = -2 * np.linalg.eigvals(c.effective_hamiltonian()).imag
        return np.sort(np.maximum(found, 0.0))

    def frequency(self, k: int) -> float:
        """Largest difference of energies among k excitations."""
        e = self._energies
        return float(e[len(e) - k :].sum() - e[:k].sum())

    def decay(self, k: int) -> float:
        """Largest rate at which k excitations emit, and absorb thermal light."""
        n = len(self.couplings)
        emitted = max(self._rates[0] * k * (n - k / 2) / n, float(self._rates[:k].sum()))
        return (1 + 2 * self.couplings.thermal_photons) * emitted

    def lasting(self, k: int) -> float:
        """Rate at which the last of k excitations goes."""
        return float(self._lasting[:k].sum())

    @cached_property
    def spread(self) -> float:
        """Largest difference of energies of H, drive included."""
        drive = float(np.abs(self.couplings.drive).sum())
        return float(np.hypot(np.abs(self._energies).sum(), drive))

    @property
    def others(self) -> float:
        """Rates of dephasing and pump together."""
        return float(self.couplings.dephasing.sum() + self.couplings.pump.sum())
