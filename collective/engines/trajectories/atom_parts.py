r"""K and the jumps of atoms with manifolds, as sparse matrices over all L^N states.

.. math:: K = H − F − \tfrac i2\sum_ν L_ν^†L_ν

Without a drive the frame F has the mean energy of a transition for each excited atom. K conserves
it, and a jump changes it by one such energy, a common phase of a trajectory. A drive with an
envelope f is no part of K: it adds fR + f*R† to H.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from collective._tools import operators as _operators
from collective.couplings.channels import ChannelCouplings, mean_transition
from collective.engines.numerics.extremes import extremes
from collective.engines.request import Request

if TYPE_CHECKING:
    from qutip import Qobj


class EffectiveParts:
    """K and the jumps of atoms as sparse matrices.

    Args:
        channels: the problem.
        strongest: the largest |f| of the envelope of the drive; None without an envelope.

    Attributes:
        frame: the energies of a frame, (D,), that are left out of K: without a drive the mean
            energy of a transition for each excited atom.
        effective: K, without a constant in the middle of the energies.
        jumps: the L_ν below each other, (jumps·D, D).
        emission: Σ L_ν†L_ν.
        raising: R, or None without an envelope.
        turning: the largest rate by which R + R† turns a state; 0 without an envelope.
        radius: about the norm of K, with the strongest drive, on the states that the energies span.
    """

    @_operators.Untidied()
    def __init__(self, channels: ChannelCouplings, strongest: float | None = None):
        from scipy.sparse import csr_array, diags_array, vstack

        atoms, n = channels.atoms, len(channels)
        pulsed = strongest is not None
        hamiltonian = _entries(
            channels.undriven_hamiltonian() if pulsed else channels.hamiltonian()
        )
        self.raising, self.turning = None, 0.0
        if pulsed:
            self.raising = _entries(channels.drive_operator())
            self.turning = extremes(self.raising + self.raising.conj().T)[1]
        numbers = _operators.sum_of_levels([atoms.excited] * n)
        self.frame = np.zeros(len(numbers))
        if not np.any(channels.drive):
            self.frame = numbers * mean_transition(channels)
        hamiltonian = hamiltonian - diags_array(self.frame)
        jumps = [_entries(jump) for jump in channels.collapse_operators()]
        nothing = csr_array(hamiltonian.shape, dtype=complex)
        self.jumps = vstack(jumps or [nothing], format="csr")
        self.emission = (self.jumps.conj().T @ self.jumps).tocsr()
        low, high = extremes(hamiltonian)
        losses = extremes(self.emission)[1]
        self.radius = float(np.hypot((high - low) / 2, losses / 2))
        self.radius += (strongest or 0.0) * self.turning
        middle = diags_array(np.full(len(numbers), (high + low) / 2))
        self.effective = (hamiltonian - middle - 0.5j * self.emission).tocsr()


def parts_of(request: Request) -> EffectiveParts:
    """K and the jumps of a request; they are made once and kept."""
    found: EffectiveParts | None = request.memo.get("effective parts")
    if found is None:
        strongest = float(np.abs(request.pulse).max()) if request.envelope is not None else None
        found = request.memo["effective parts"] = EffectiveParts(request.channels, strongest)
    return found


def _entries(operator: "Qobj") -> Any:
    """A QuTiP operator as a sparse matrix."""
    return _operators.entries_of(operator).tocsr()
