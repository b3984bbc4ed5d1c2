r"""Channel couplings as the arrays that engines of one- and two-atom density matrices need.

Polarisations that no transition has are left out, and those that remain are spherical about the
quantisation axis, where most operators have few entries:

.. math:: a_{mk} = \sum_α U^*_{αk} σ^-_{mα}, \qquad Γ' = U^†ΓU, \qquad Δ' = U^†ΔU, \qquad
          Ω' = U^†Ω.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.channels import ChannelCouplings, mean_transition, within
from collective.couplings.convolution import BlockConvolution
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.modes import emitting
from collective.emitters.spherical import spherical_vectors
from collective.engines.numerics.exchange import Exchange, by_matrix

_NOTHING = 1e-12  # entries of a transition, relative to the largest, that are round-off


@dataclass(frozen=True, eq=False)
class Channels:
    """N atoms of L levels with K channels each.

    Attributes:
        lower: a_k, (K, L, L).
        h: Δ' − iΓ'/2 between different atoms, (N·K, N·K); zero within an atom. By displacement
            where Γ and Δ are.
        own: −i h_m − ½Σ Γ' a†a of each atom, without the drive, (N, L, L). If there is no drive,
            h_m is in a frame that turns with the mean energy of a transition.
        jumps: √γ_ν Σ_k (V†)_νk a_k of each atom, (N, K, L, L), from its block Γ' = V diag(γ) V†.
        half_drive: Ω'/2, (N, K).
    """

    lower: NDArray[np.complex128]
    h: NDArray[Any] | LatticeMatrix
    own: NDArray[np.complex128]
    jumps: NDArray[np.complex128]
    half_drive: NDArray[np.complex128]

    @cached_property
    def entries(self) -> tuple[NDArray[np.int64], NDArray[np.complex128]]:
        """The entries (k, g, e) of the lowering operators, (entries, 3), and their values."""
        # one order of memory for any number of entries, so that kernels are compiled once
        where = np.ascontiguousarray(np.argwhere(self.lower != 0))
        return where, self.lower[tuple(where.T)]


def of(channels: ChannelCouplings, *, single: bool = False) -> Channels:
    """The arrays of channel couplings.

    Args:
        channels: of N atoms.
        single: whether h is in single precision.
    """
    n = len(channels)
    basis, lower = polarisations(channels), lowering(channels)
    each = len(basis)
    if isinstance(channels.decay, LatticeMatrix):
        h, alone = _by_displacement(channels, basis)
    else:
        h, alone = _by_rows(channels, basis, single)
    pairs = np.einsum("kge,lgf->klef", lower.conj(), lower)
    loss = np.einsum("mkl,klef->mef", alone, pairs, optimize=True)
    rates, vectors = np.linalg.eigh(alone)
    rates = np.where(emitting_each(rates), rates, 0.0)
    jumps = np.einsum("mv,mkv,kge->mvge", np.sqrt(rates), vectors.conj(), lower, optimize=True)
    return Channels(
        lower=lower,
        h=h,
        own=-1j * local_hamiltonians(channels) - 0.5 * loss,
        jumps=jumps,
        half_drive=0.5 * channels.drive.reshape(n, each) @ basis.conj(),
    )


def local_hamiltonians(channels: ChannelCouplings) -> NDArray[np.complex128]:
    """h_m of each atom without its drive; the frame turns with the atoms if nothing drives them."""
    found = channels.local_hamiltonians(drive=False)
    if not np.any(channels.drive):
        found -= mean_transition(channels) * np.diag(channels.atoms.excited)
    return found


def _by_rows(
    channels: ChannelCouplings, basis: NDArray[Any], single: bool
) -> tuple[NDArray[Any], NDArray[np.complex128]]:
    """The matrix h, and Γ' of each atom, (N, K, K)."""
    n, (each, kept) = len(channels), basis.shape
    h = np.empty((n * kept, n * kept), dtype=np.complex64 if single else np.complex128)
    alone = np.empty((n, kept, kept), dtype=complex)
    for m in range(n):  # one row of blocks at a time: no copy of a large matrix
        rows = slice(m * each, (m + 1) * each)
        decay = _turned(channels.decay[rows], basis)
        row = _turned(channels.shift[rows], basis) - 0.5j * decay
        own = slice(m * kept, (m + 1) * kept)
        alone[m] = decay[:, own]
        row[:, own] = 0.0
        h[own] = row
    return h, alone


def _by_displacement(
    channels: ChannelCouplings, basis: NDArray[Any]
) -> tuple[LatticeMatrix, NDArray[np.complex128]]:
    """The same of atoms on a lattice, with h by displacement."""
    decay, shift = channels.decay, channels.shift
    assert isinstance(decay, LatticeMatrix)
    assert isinstance(shift, LatticeMatrix)
    kernel = basis.conj().T @ (shift.between() - 0.5j * decay.between()) @ basis
    alone = basis.conj().T @ within(decay, len(channels)) @ basis
    return LatticeMatrix(kernel, decay.sites), alone


def exchange(h: NDArray[Any] | LatticeMatrix, *, single: bool = False) -> Exchange:
    """A function of vectors (N·K, B) and a number of threads that gives their product with h."""
    if isinstance(h, LatticeMatrix):
        return BlockConvolution(h.kernel, h.sites, single=single).product
    return by_matrix(h)


def polarisations(channels: ChannelCouplings) -> NDArray[np.complex128]:
    """The polarisations of all lines that some transition has, (3S, K), K ≤ 3S."""
    atoms = channels.atoms
    spherical = spherical_vectors(atoms.axis).T
    found = np.zeros((3 * atoms.lines, 3 * atoms.lines), dtype=complex)
    used = []
    for s in range(atoms.lines):
        of_line = slice(3 * s, 3 * s + 3)
        found[of_line, of_line] = spherical
        seen = np.einsum("aq,age->qge", spherical.conj(), atoms.lowering[s])
        largest = np.abs(seen).max(axis=(1, 2))
        used += list(3 * s + np.flatnonzero(largest > _NOTHING * largest.max()))
    return found[:, used]


def lowering(channels: ChannelCouplings) -> NDArray[np.complex128]:
    """The operators a_k of an atom, (K, L, L), without entries of the size of round-off."""
    found = np.einsum("ck,cge->kge", polarisations(channels).conj(), channels.atoms.channels)
    return np.where(np.abs(found) > _NOTHING * np.abs(found).max(), found, 0.0)


def emitting_each(rates: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which decay rates of each atom, (N, K) ascending, are more than round-off."""
    return np.array([emitting(row) for row in rates])


def _turned(rows: NDArray[Any], basis: NDArray[Any]) -> NDArray[Any]:
    """The rows of one atom of a matrix over channels, in the basis of polarisations."""
    each = len(basis)
    left = basis.conj().T @ rows
    return np.asarray((left.reshape(-1, each) @ basis).reshape(basis.shape[1], -1))
