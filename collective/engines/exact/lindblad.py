r"""A master equation as sparse matrices in a rotating frame: `Lindblad`.

.. math:: \dot ρ = −i(Kρ − ρK^†) + \sum_c A_c ρ B_c^†, \qquad
          K = H − F − \tfrac i2 \sum_c B_c^†A_c

F is diagonal. H conserves it, and A_c and B_c change it by the same amount, so that
:math:`e^{iFt}ρe^{−iFt}` obeys the equation with H − F in place of H, whatever the frequencies in F.
States of equal F are a *sector*. Without a drive, atoms have one sector for each number of
excitations.

The collective jumps of atoms need no eigenvectors of Γ: with spherical channels c, each of which
has every transition once, B_c = σ_c and A_c = Σ_c' Γ_cc' σ_c'.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import entries_of, local, sum_of_levels
from collective.couplings.channels import ChannelCouplings, mean_transition
from collective.couplings.with_mode import CavityCouplings
from collective.emitters.spherical import spherical_vectors
from collective.engines.exact.frame import frame_of
from collective.engines.request import Request
from collective.master.equation import MasterEquation

_NOTHING = 1e-15  # relative: entries of this size are round-off of a rotation of the axes


@dataclass(frozen=True, eq=False)
class Lindblad:
    """The matrices of a master equation, all sparse, (D, D).

    Attributes:
        hamiltonian: H − F, without a drive that has an envelope.
        left: the A_c.
        right: the B_c.
        frame: the diagonal of F, (D,).
        sector: the number of the sector of every state, (D,); F grows with it.
        raising: the exciting half of a drive with an envelope, or None.
    """

    hamiltonian: Any
    left: list[Any]
    right: list[Any]
    frame: NDArray[np.float64]
    sector: NDArray[np.int64]
    raising: Any = None

    @property
    def dimension(self) -> int:
        """D."""
        return len(self.frame)

    def effective(self) -> Any:
        """K."""
        pairs = zip(self.left, self.right, strict=True)
        losses = sum((b.conj().T @ a for a, b in pairs), 0 * self.hamiltonian)
        return (self.hamiltonian - 0.5j * losses).tocsr()


def lindblad_of(request: Request) -> Lindblad:
    """The matrices of a request of atoms, or of a master equation of Lindblad form; kept in it."""
    found: Lindblad | None = request.memo.get("lindblad")
    if found is None:
        problem = request.problem
        if isinstance(problem, ChannelCouplings):
            found = of_channels(problem, pulsed=request.envelope is not None)
        elif isinstance(problem, CavityCouplings):
            found = of_mode(problem, pulsed=request.envelope is not None)
        else:
            assert isinstance(problem, MasterEquation)
            found = of_equation(problem)
        request.memo["lindblad"] = found
    return found


def of_channels(channels: ChannelCouplings, *, pulsed: bool = False) -> Lindblad:
    """The matrices of atoms; a drive with an envelope is kept apart."""
    hamiltonian = entries_of(channels.undriven_hamiltonian()).tocsr()
    left, right = _collective_jumps(channels)
    raising, driven = None, bool(np.any(channels.drive))
    if driven:
        raising = entries_of(channels.drive_operator()).tocsr()
        if not pulsed:
            hamiltonian, raising = hamiltonian + raising + raising.conj().T, None
    excited = channels.atoms.excited
    numbers = sum_of_levels([excited] * len(channels))
    if driven:
        numbers = 0 * numbers
    apart = mean_transition(channels)
    return _in_frame(hamiltonian, left, right, apart * numbers, numbers.astype(int), raising)


def of_mode(problem: CavityCouplings, *, pulsed: bool = False) -> Lindblad:
    """The matrices of emitters with a cavity mode; a drive with an envelope is kept apart.

    Without a drive all jumps change the number of excitations, photons included, by one or none.
    """
    hamiltonian = entries_of(problem.undriven_hamiltonian()).tocsr()
    jumps = [entries_of(jump).tocsr() for jump in problem.collapse_operators()]
    raising = None
    if problem.driven:
        raising = entries_of(problem.drive_operator()).tocsr()
        if not pulsed:
            hamiltonian, raising = hamiltonian + raising + raising.conj().T, None
    numbers = 0 * excitations(problem) if problem.driven else excitations(problem)
    own = problem.couplings.detunings + problem.couplings.shift.diagonal().real
    frame = np.mean([*own, problem.mode.detuning]) * numbers.astype(float)
    return _in_frame(hamiltonian, jumps, jumps, frame, numbers, raising)


def excitations(problem: CavityCouplings) -> NDArray[np.int64]:
    """The number of excited emitters and photons in every state, (D,)."""
    levels = [[1, 0]] * len(problem) + [range(problem.photons + 1)]
    return sum_of_levels(levels).astype(int)


def _collective_jumps(channels: ChannelCouplings) -> tuple[list[Any], list[Any]]:
    """A_c and B_c of every spherical channel that has a transition."""
    atoms, n = channels.atoms, len(channels)
    count, dims = len(atoms.levels), (len(atoms.levels),) * n
    vectors = spherical_vectors(atoms.axis)  # σ_q = Σ_α e_qα* σ_α
    one = np.einsum("qa,sage->sqge", vectors.conj(), atoms.lowering)
    one = _tidied(one.reshape(3 * atoms.lines, count, count))
    each = np.kron(np.eye(atoms.lines), vectors.T)  # (Cartesian, spherical) of one atom
    gamma = channels.decay.reshape(n, len(each), n, len(each))
    gamma = np.einsum("ap,manb,bq->mpnq", each.conj(), gamma, each)
    gamma = _tidied(gamma.reshape(n * len(each), n * len(each)))
    lower = [local(dims, m, matrix) for m in range(n) for matrix in one]
    left, right = [], []
    for row, own in zip(gamma, lower, strict=True):
        terms = [g * other for g, other in zip(row, lower, strict=True) if g != 0 and other.nnz]
        if own.nnz and terms:
            left.append(sum(terms[1:], terms[0]))
            right.append(own)
    return left, right


def _tidied(array: NDArray[Any]) -> NDArray[Any]:
    """An array with entries of the size of round-off set to zero."""
    return np.where(np.abs(array) > _NOTHING * np.abs(array).max(initial=0.0), array, 0)


def of_equation(equation: MasterEquation) -> Lindblad:
    """The matrices of a master equation of Lindblad form, in the frame that turns with it."""
    hamiltonian = entries_of(equation.hamiltonian()).tocsr()
    jumps = [entries_of(jump).tocsr() for jump in equation.collapse_operators()]
    frame, sector = frame_of(hamiltonian, jumps)
    return _in_frame(hamiltonian, jumps, jumps, frame, sector)


def _in_frame(
    hamiltonian: Any,
    left: list[Any],
    right: list[Any],
    frame: NDArray[np.float64],
    sector: NDArray[np.int64],
    raising: Any = None,
) -> Lindblad:
    """The matrices with F subtracted from H."""
    from scipy.sparse import diags_array

    if np.any(frame):
        hamiltonian = (hamiltonian - diags_array(frame)).tocsr()
    return Lindblad(hamiltonian, left, right, frame, sector, raising)
