"""The jumps of particles: their rates in a state, and the state after one of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.modes import emitting, jump_modes
from collective.engines.capped.particles import Particles
from collective.engines.capped.tensors import Layers, lowered, pairs, raised


@dataclass(frozen=True, eq=False)
class Channels:
    """The jumps of particles.

    Attributes:
        lost: (ν, N), vectors v of Σ_n v_n b_n.
        gained: (ν, N), vectors v of Σ_n v_n b⁺_n.
        dephasing: (N,), 2γ, the rates of b⁺_nb_n.
    """

    lost: NDArray[np.complex128]
    gained: NDArray[np.complex128]
    dephasing: NDArray[np.float64]

    @classmethod
    def of(cls, particles: Particles) -> "Channels":
        """The channels of G and G', from their eigenvectors."""
        return cls(_vectors(particles.lost), _vectors(particles.gained), 2 * particles.dephasing)

    def rates(self, layers: Layers, flat: NDArray[Any]) -> NDArray[np.float64]:
        """The rate of every jump: of those that lose a particle, that gain one, of dephasing."""
        among, n = pairs(layers, flat), layers.n
        swapped = layers.norm2(flat) * np.eye(n) + among.T - 2 * np.diag(among.diagonal())
        parts = [
            np.einsum("vm,mn,vn->v", v.conj(), matrix, v).real
            for v, matrix in ((self.lost, among), (self.gained, swapped))
            if len(v)
        ]
        return np.concatenate([*parts, self.dephasing * among.diagonal().real]).clip(0)

    def jump(
        self, layers: Layers, flat: NDArray[Any], channel: int, highest: int, driven: bool
    ) -> tuple[Layers, NDArray[np.complex128]]:
        """The state after a jump, not normalised, and its layers.

        Args:
            layers: those of the state before the jump.
            flat: the state before the jump.
            channel: as in `rates`.
            highest: the largest number of particles K.
            driven: whether all layers are kept.
        """
        tensors, losing, n = layers.split(flat), len(self.lost), layers.n
        if channel < losing:
            after = {k - 1: lowered(self.lost[channel], x) for k, x in tensors.items() if k}
        elif channel < losing + len(self.gained):
            vector = self.gained[channel - losing]
            after = {k + 1: raised(vector, x) for k, x in tensors.items() if k < highest}
        else:
            m, after = channel - losing - len(self.gained), {}
            root = np.sqrt(self.dephasing[m])
            for k, x in tensors.items():
                after[k] = np.zeros_like(x)
                for axis in range(k):
                    here = (slice(None),) * axis + (m,)
                    after[k][here] = root * x[here]
        numbers = layers.numbers if driven else tuple(sorted(after))
        inside = Layers(n, numbers)
        return inside, inside.joined(after)


def _vectors(rates: NDArray[Any]) -> NDArray[np.complex128]:
    """Vectors v with G_mn = Σ_v v*_m v_n, one in each row, the brightest first."""
    if not np.any(rates):
        return np.empty((0, len(rates)), dtype=complex)
    values, columns = jump_modes(rates)
    kept = np.flatnonzero(emitting(values))[::-1]
    return np.ascontiguousarray((np.sqrt(values[kept]) * columns[:, kept].conj()).T, dtype=complex)
