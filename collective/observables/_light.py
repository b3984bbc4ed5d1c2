r"""Which light is looked at: all of it, or that into one direction.

A detector counts at the rate :math:`\sum_{mn} D_{mn}⟨σ^+_mσ^-_n⟩` with a Hermitian positive
semidefinite D, which is a sum over channels of what a photon in it does to the emitters,

.. math:: D_{mn} = \sum_ν c^*_{νm}c_{νn}, \qquad L_ν = \sum_n c_{νn}σ^-_n.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._operators import lowering
from collective.couplings import Couplings
from collective.observables import _given

if TYPE_CHECKING:
    from qutip import Qobj

_ROUND_OFF = 1e-14  # of the brightest channel
_ALONG = 1e-12  # across a direction, of a unit dipole: what round-off leaves


def emission_matrix(
    couplings: Couplings, direction: ArrayLike | None, observable: str
) -> NDArray[Any]:
    """D of all light, which is Γ, or per solid angle of the far field in one direction, (N, N)."""
    if not np.trace(couplings.decay).real > 0:
        raise ValueError(f"{observable}: every decay rate is zero, there is no light to look at")
    if direction is None:
        return couplings.decay
    emitters = _given.in_vacuum(couplings, observable)
    n = _one_direction(direction)
    across = emitters.dipoles - np.outer(emitters.dipoles @ n, n)
    phases = np.exp(-1j * emitters.wavenumbers.mean() * emitters.positions @ n)
    if np.abs(across).max() < _ALONG:
        raise ValueError(f"direction: every dipole points along {n}, where it radiates nothing")
    field = across * (np.sqrt(3 * emitters.decay_rates / (8 * np.pi)) * phases)[:, None]
    return field.conj() @ field.T


def channels(matrix: NDArray[Any]) -> "list[Qobj]":
    """L_ν with Σ_ν L_ν†L_ν = Σ_mn D_mn σ⁺_mσ⁻_n, dark ones left out."""
    rates, vectors = np.linalg.eigh(matrix)
    bright = rates > len(matrix) * _ROUND_OFF * max(rates[-1], 0.0)
    amplitudes = np.sqrt(rates[bright])[:, None] * vectors[:, bright].conj().T
    return [lowering(row) for row in amplitudes]


def _one_direction(direction: ArrayLike) -> NDArray[np.float64]:
    found = _given.directions("direction", direction)
    if len(found) != 1:
        raise ValueError(f"direction must be one vector of three components, got {len(found)}")
    return found[0]
