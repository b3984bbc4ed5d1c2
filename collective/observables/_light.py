r"""Which light is looked at: all of it, or that into one direction.

A detector counts at the rate :math:`\sum_{mn} D_{mn}⟨σ^+_mσ^-_n⟩` with a Hermitian positive
semidefinite D, which is a sum over channels of what a photon in it does to the emitters,

.. math:: D_{mn} = \sum_ν c^*_{νm}c_{νn}, \qquad L_ν = \sum_n c_{νn}σ^-_n.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._memory import require
from collective._operators import lowering
from collective.couplings import Couplings
from collective.observables import _given

if TYPE_CHECKING:
    from qutip import Qobj

_ROUND_OFF = 1e-14  # of the brightest channel
_ALONG = 1e-12  # across a direction, of a unit dipole: what round-off leaves


def emission_matrix(
    couplings: Couplings,
    direction: ArrayLike | None,
    observable: str,
    name: str = "direction",
) -> NDArray[Any]:
    """D of all light, which is Γ, or per solid angle of the far field in one direction, (N, N)."""
    if direction is None:
        require_light(couplings, observable)
        return couplings.decay
    n = len(couplings)
    require(48 * n * n, f"the light of {n} emitters in one direction", "use fewer emitters")
    field = amplitudes(couplings, direction, observable, name)
    return field.conj() @ field.T


def require_light(couplings: Couplings, observable: str) -> None:
    """Raise unless some emitter decays."""
    if not np.trace(couplings.decay).real > 0:
        raise ValueError(f"{observable}: every decay rate is zero, there is no light to look at")


def amplitudes(
    couplings: Couplings, direction: ArrayLike, observable: str, name: str = "direction"
) -> NDArray[np.complex128]:
    """Far fields f_n of the emitters in one direction, D_mn = f_m*·f_n: (N, 3)."""
    require_light(couplings, observable)
    emitters = _given.in_vacuum(couplings, observable)
    n = _one_direction(direction, name)
    across = emitters.dipoles - np.outer(emitters.dipoles @ n, n)
    phases = np.exp(-1j * emitters.wavenumbers.mean() * emitters.positions @ n)
    if np.abs(across).max() < _ALONG:
        raise ValueError(f"{name}: every dipole points along {n}, where it radiates nothing")
    return across * (np.sqrt(3 * emitters.decay_rates / (8 * np.pi)) * phases)[:, None]


def channels(matrix: NDArray[Any]) -> "list[Qobj]":
    """L_ν with Σ_ν L_ν†L_ν = Σ_mn D_mn σ⁺_mσ⁻_n, dark ones left out."""
    rates, vectors = np.linalg.eigh(matrix)
    bright = rates > len(matrix) * _ROUND_OFF * max(rates[-1], 0.0)
    amplitudes = np.sqrt(rates[bright])[:, None] * vectors[:, bright].conj().T
    return [lowering(row) for row in amplitudes]


def _one_direction(direction: ArrayLike, name: str) -> NDArray[np.float64]:
    found = _given.directions(name, direction)
    if len(found) != 1:
        raise ValueError(f"{name} must be one vector of three components, got {len(found)}")
    return found[0]
