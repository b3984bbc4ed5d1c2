r"""The problem in terms of particles: excitations of the ground state, or holes in full inversion.

With b⁺_n = σ⁺_n for excitations and b⁺_n = σ⁻_n for holes, every problem has the same form,

.. math::
   H_\mathrm{eff} = c + Σ_{mn} h_{mn} b^+_m b_n + ½Σ_n (Ω_n b^+_n + Ω^*_n b_n)
            + Σ_{m<n} V_{mn} b^+_mb_m b^+_nb_n, \qquad
   \dot ρ = −i(H_\mathrm{eff}ρ − ρH_\mathrm{eff}^†) + Σ_{mn} G_{mn} b_n ρ b^+_m
            + Σ_{mn} G'_{mn} b^+_n ρ b_m + Σ_n 2γ_n b^+_nb_n ρ b^+_nb_n,

and no emitter holds two particles. Excitations are lost with G = Γ and gained with G' = p. Holes
are lost with G = p and gained with G' = Γ. For them :math:`σ^+_mσ^-_n = b^+_n b_m` (m ≠ n) and
:math:`σ^+_nσ^-_n = 1 − b^+_nb_n`, which transposes h and changes the sign of its diagonal. The
Ising terms of excitations are then those of holes, and shift hole m by −Σ_n V_mn.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings


@dataclass(frozen=True, eq=False)
class Particles:
    """What particles do.

    Attributes:
        n: number of emitters N.
        holes: whether the particles are holes.
        h: (N, N), the effective Hamiltonian of one particle, with all its losses.
        constant: c, the effective Hamiltonian without particles.
        drive: Ω, (N,), for an envelope of 1.
        lost: G, (N, N).
        gained: G', (N, N).
        dephasing: γ, (N,).
        light: (N, N), A of the emission rate a + Σ A_mn⟨b⁺_mb_n⟩.
        light_constant: a.
        ising: V, (N, N), or None without Ising terms.
    """

    n: int
    holes: bool
    h: NDArray[np.complex128]
    constant: complex
    drive: NDArray[np.complex128]
    lost: NDArray[Any]
    gained: NDArray[Any]
    dephasing: NDArray[np.float64]
    light: NDArray[Any]
    light_constant: float
    ising: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, couplings: Couplings, holes: bool) -> "Particles":
        """The excitations of couplings, or their holes."""
        decay, n = np.asarray(couplings.decay), len(couplings)
        effective = np.asarray(couplings.effective_hamiltonian(), dtype=complex)
        pump, dephasing = np.asarray(couplings.pump), np.asarray(couplings.dephasing)
        drive = np.asarray(couplings.drive, dtype=complex)
        if not np.any(drive):  # the mean frequency multiplies every layer by a phase
            effective = effective - np.mean(np.diagonal(effective).real) * np.eye(n)
        if not holes:
            h = effective + np.diag(0.5j * pump - 1j * dephasing)
            constant, light_constant = complex(-0.5j * pump.sum()), 0.0
            lost, gained, light = decay, np.diag(pump), decay
        else:
            h = _turned(effective) - np.diag(0.5j * pump + 1j * dephasing)
            constant = complex(np.trace(effective))
            if couplings.ising is not None:
                h -= np.diag(couplings.ising.sum(axis=1))
            lost, gained, light = np.diag(pump), decay, _turned(decay)
            light_constant = float(np.trace(decay).real)
            drive = drive.conj()
        # a real constant multiplies all amplitudes by one phase
        return cls(
            n, holes, h, 1j * constant.imag, drive, lost, gained, dephasing, light, light_constant,
            couplings.ising,
        )  # fmt: skip

    @property
    def driven(self) -> bool:
        """Whether layers of different numbers of particles are coupled coherently."""
        return bool(np.any(self.drive))

    def pair_energies(self, k: int) -> NDArray[np.float64]:
        """Σ_{i<j} V[n_i, n_j] of k ≥ 2 indices, (N, …, N); kept once computed."""
        if k not in self._energies:
            assert self.ising is not None
            n = self.n
            found = np.zeros((n,) * k)
            for i in range(k):
                for j in range(i + 1, k):
                    found += self.ising.reshape([n if a in (i, j) else 1 for a in range(k)])
            self._energies[k] = found
        return self._energies[k]

    @cached_property
    def _energies(self) -> dict[int, NDArray[np.float64]]:
        return {}

    def populations(self, weight: Any, particles: NDArray[np.float64]) -> NDArray[np.float64]:
        """Excited populations from ⟨b⁺_nb_n⟩, for states of this weight."""
        return weight - particles if self.holes else particles

    def correlations(self, weight: Any, pairs: NDArray[Any]) -> NDArray[Any]:
        """⟨σ⁺_mσ⁻_n⟩ from ⟨b⁺_mb_n⟩, (N, N), for a state of this weight."""
        if not self.holes:
            return pairs
        return _turned(pairs) + weight * np.eye(self.n)


def _turned(matrix: NDArray[Any]) -> NDArray[Any]:
    """The transposed matrix with its diagonal negated."""
    return matrix.T - 2 * np.diag(np.diagonal(matrix))
