"""Collective modes of a single excitation, and the channels of its jumps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Modes:
    """Collective modes of a single excitation: H_eff v = λv with H_eff = δ + Δ − iΓ/2.

    Attributes:
        eigenvalues: λ of H_eff, (N,) complex, brightest first.
        vectors: right eigenvectors in the columns, (N, N), each of norm 1 (not orthogonal).
        jump_rates: eigenvalues of Γ, (N,), ascending: rates of the jump channels, not decay
            rates of modes.
        jump_vectors: eigenvectors of Γ in the columns, (N, N).
    """

    eigenvalues: NDArray[np.complex128]
    vectors: NDArray[Any]
    jump_rates: NDArray[np.float64]
    jump_vectors: NDArray[Any]

    @property
    def rates(self) -> NDArray[np.float64]:
        """Decay rate −2 Im λ of each mode, (N,), descending."""
        return -2 * self.eigenvalues.imag

    @property
    def shifts(self) -> NDArray[np.float64]:
        """Frequency shift Re λ of each mode, (N,)."""
        return self.eigenvalues.real


def modes(effective: NDArray[Any], decay: NDArray[Any]) -> Modes:
    """`Modes` of H_eff and Γ."""
    values, vectors = np.linalg.eig(effective)
    order = np.argsort(values.imag, kind="stable")
    return Modes(values[order], vectors[:, order], *np.linalg.eigh(decay))
