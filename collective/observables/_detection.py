r"""What a detector counts: all light, or the light into one direction.

A detector counts photons at the rate :math:`\sum_{mn} D_{mn}⟨σ^+_mσ^-_n⟩`, where D is Hermitian
and positive semidefinite. D is a sum over channels; a photon in channel ν acts on the emitters as
L_ν,

.. math:: D_{mn} = \sum_ν c^*_{νm}c_{νn}, \qquad L_ν = \sum_n c_{νn}σ^-_n.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective._tools.memory import require
from collective._tools.operators import lowering
from collective.couplings.couplings import Couplings
from collective.couplings.lattice import sum_of_squares
from collective.emitters import Atoms, Emitters
from collective.fields.answers import far_field
from collective.observables import _inputs

if TYPE_CHECKING:
    from qutip import Qobj

_ROUND_OFF = 1e-14  # rate of a channel that counts as dark, per emitter and brightest channel
_ALONG = 1e-12  # part of a unit dipole across a direction that counts as zero


def emission_matrix(
    couplings: Couplings,
    direction: ArrayLike | None,
    observable: str,
    name: str = "direction",
    site: Any = None,
) -> NDArray[Any]:
    """D, (N, N): Γ for all light, or the matrix of one direction per solid angle, or of one site.

    Args:
        couplings: of N emitters.
        direction: (3,), or None for all light.
        observable: its name, for errors.
        name: name of the direction, for errors.
        site: an emitter whose light alone is seen, D_mm = Γ_mm, or None.
    """
    if site is not None:
        return _of_site(couplings, direction, observable, site)
    if direction is None:
        require_light(couplings, observable)
        return couplings.decay
    n = len(couplings)
    require(48 * n * n, f"the light of {n} emitters in one direction", "use fewer emitters")
    field = amplitudes(couplings, direction, observable, name)
    return field.conj() @ field.T


def _of_site(
    couplings: Couplings, direction: ArrayLike | None, observable: str, site: Any
) -> NDArray[np.float64]:
    """The matrix with Γ_mm of one emitter and zeros, (N, N)."""
    m = checks.index("site", site, len(couplings))
    if direction is not None:
        raise ValueError(
            f"{observable}: site gives the light of one emitter, direction that of all emitters "
            "into one direction; leave one of them out"
        )
    require_light(couplings, observable)
    rate = float(couplings.decay.diagonal().real[m])
    if not rate > 0:
        raise ValueError(f"site: emitter {m} has the decay rate {rate:g}, so it emits no light")
    found = np.zeros((len(couplings),) * 2)
    found[m, m] = rate
    return found


def require_light(couplings: Couplings, observable: str) -> None:
    """Raise if no emitter decays, or if there is thermal light beside that of the emitters."""
    _inputs.require_cold(couplings, observable)
    if not couplings.decay.diagonal().real.sum() > 0:
        raise ValueError(
            f"{observable}: every decay rate is zero, so no light is emitted; give couplings with "
            "a positive decay rate"
        )


def amplitudes(
    couplings: Couplings, direction: ArrayLike, observable: str, name: str = "direction"
) -> NDArray[np.complex128]:
    """Far fields f_n of the emitters in one direction, (N, 3); D_mn = f_m*·f_n."""
    require_light(couplings, observable)
    emitters, field = _inputs.radiating(couplings, observable)
    n = _one_direction(direction, name)
    found = far_fields(emitters, field, n)
    largest = np.sqrt(3 * emitters.decay_rates.max() / (8 * np.pi))
    if np.abs(found).max() < _ALONG * largest:
        raise ValueError(
            f"{name}: every dipole points along {n}, or the field sends none of its light there"
        )
    return found


def far_fields(emitters: Emitters, field: Any, unit: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Far fields of the emitters in directions n̂ (..., 3); their norms² are rates per solid angle.

    f_n = √(6πΓ_n) A(n̂, r_n, k)·u_n, (..., N, 3), at the mean wave number; in vacuum this is
    √(3Γ_n/8π) [u_n − n̂(n̂·u_n)] e^{−ikn̂·r_n}.
    """
    k = wavenumber(emitters)
    tensors = far_field(field, emitters.kind, unit[..., None, :], emitters.positions, k)
    strengths = np.sqrt(6 * np.pi * emitters.decay_rates)[:, None] * emitters.dipoles
    return np.asarray(np.einsum("...nij,nj->...ni", tensors, strengths))


def far_fields_of_line(
    atoms: Atoms, line: int, field: Any, unit: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Far fields of the three components of a line of atoms, (D, 3N, 3), in order (atom, α).

    f_mα = √(6πΓ_s) A(n̂, r_m, k_s)·e_α in directions n̂ (D, 3).
    """
    k = float(atoms.wavenumbers[line])
    tensors = far_field(field, "electric", unit[:, None, :], atoms.positions, k)
    strength = np.sqrt(6 * np.pi * atoms.linewidths[line])
    columns = np.swapaxes(strength * tensors, -1, -2)  # the field of each component in a row
    return columns.reshape(len(unit), 3 * len(atoms), 3)


def wavenumber(emitters: Emitters) -> float:
    """The mean wave number, as in Γ, so that the detector sees as many photons as are emitted."""
    return float(emitters.wavenumbers.mean())


def trace_of_square(decay: Any) -> float:
    """Tr Γ² = Σ|Γ_mn|² of a matrix in any of its forms, without a copy of it."""
    own = decay.diagonal().real
    return sum_of_squares(decay) + float(own @ own)


def channels(matrix: NDArray[Any]) -> "list[Qobj]":
    """Operators L_ν with Σ_ν L_ν†L_ν = Σ_mn D_mn σ⁺_mσ⁻_n, without dark channels."""
    return [lowering(row) for row in channels_of(matrix)]


def channels_of(matrix: NDArray[Any]) -> NDArray[Any]:
    """The amplitudes c_νn of all channels that are not dark, (C, N)."""
    rates, vectors = np.linalg.eigh(matrix)
    bright = rates > len(matrix) * _ROUND_OFF * max(rates[-1], 0.0)
    return np.asarray(np.sqrt(rates[bright])[:, None] * vectors[:, bright].conj().T)


def _one_direction(direction: ArrayLike, name: str) -> NDArray[np.float64]:
    """A single unit vector, (3,)."""
    found = _inputs.directions(name, direction)
    if len(found) != 1:
        raise ValueError(f"{name} must be one vector of three components, got {len(found)}")
    return found[0]
