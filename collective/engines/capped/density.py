r"""The density matrix of at most K particles.

.. math:: \dot ρ = −i(H_\mathrm{eff}ρ − ρH_\mathrm{eff}^†) + \mathcal{J}ρ, \qquad
          (\mathcal{J}ρ)_{cc'} = Σ_{n∉c,\,m∉c'} G_{mn}\,ρ_{c+n,\,c'+m}
          + Σ_{n∈c,\,m∈c'} G'_{mn}\,ρ_{c−n,\,c'−m} + Σ_{n∈c∩c'} 2γ_n ρ_{cc'}

with the names of `particles`; c + n is the configuration c with one more particle. Without a drive
the coherences between different numbers of particles reach no observable, and only the blocks
(k, k) are kept.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.configurations import (
    ExcitationBlocks,
    interaction_energies,
    qutip_index,
)
from collective.engines.capped.particles import Particles
from collective.states import State
from collective.states.answers import amplitudes_of, weights_of

if TYPE_CHECKING:
    from qutip import Qobj

_CHUNK = 2**25  # bytes of an intermediate array


@dataclass(frozen=True, eq=False)
class Cap:
    """The configurations of at most K particles, and ρ on them as one flat vector.

    Attributes:
        particles: the problem.
        highest: K.
    """

    particles: Particles
    highest: int

    @cached_property
    def blocks(self) -> ExcitationBlocks:
        """Configurations by number of particles."""
        return ExcitationBlocks(self.particles.n, self.highest)

    @cached_property
    def groups(self) -> list[list[int]]:
        """Numbers of particles whose coherences are kept together: all of them under a drive."""
        every = list(range(self.highest + 1))
        return [every] if self.particles.driven else [[k] for k in every]

    @cached_property
    def _starts(self) -> dict[int, tuple[int, int, int, int]]:
        """By number of particles: offset of its group, size of the group, first and last row."""
        found, offset = {}, 0
        for group in self.groups:
            sizes = [self.blocks.sizes[k] for k in group]
            ends = np.cumsum([0, *sizes]).tolist()
            for i, k in enumerate(group):
                found[k] = (offset, ends[-1], ends[i], ends[i + 1])
            offset += ends[-1] ** 2
        return found

    @property
    def size(self) -> int:
        """How many complex numbers ρ has."""
        return sum(sum(self.blocks.sizes[k] for k in group) ** 2 for group in self.groups)

    def group(self, flat: NDArray[Any], k: int) -> NDArray[Any]:
        """The matrix of the group that contains k particles, a view."""
        offset, size, _, _ = self._starts[k]
        return flat[offset : offset + size * size].reshape(size, size)

    def block(self, flat: NDArray[Any], j: int, k: int) -> NDArray[Any]:
        """The block (j, k) of ρ, a view."""
        _, _, top, bottom = self._starts[j]
        _, _, left, right = self._starts[k]
        return self.group(flat, k)[top:bottom, left:right]

    @cached_property
    def _pairs(self) -> list[tuple[int, int]]:
        """The blocks (j, k) that are kept."""
        return [(j, k) for group in self.groups for j in group for k in group]

    @cached_property
    def hamiltonians(self) -> list[Any]:
        """H_eff without the drive on each group, sparse."""
        from scipy.sparse import block_diag

        return [block_diag([self._layer(k) for k in g], format="csr") for g in self.groups]

    def _layer(self, k: int) -> Any:
        from scipy.sparse import csr_array

        p, size = self.particles, self.blocks.sizes[k]
        diagonal = p.constant + self.blocks.excited(k) @ np.diagonal(p.h)
        if p.ising is not None:
            diagonal = diagonal + interaction_energies(p.ising, self.blocks.configurations(k))
        here = np.arange(size)
        if k == 0:
            return csr_array((diagonal, (here, here)), shape=(size, size))
        target, m, to = self.blocks.hops(k)
        source = np.broadcast_to(here[:, None], target.shape)
        values = np.concatenate([diagonal, p.h[to, m].ravel()])
        rows = np.concatenate([here, target.ravel()])
        columns = np.concatenate([here, source.ravel()])
        return csr_array((values, (rows, columns)), shape=(size, size))

    @cached_property
    def raising(self) -> Any:
        """½Σ Ω_n b⁺_n on all layers, sparse; for driven problems."""
        from scipy.sparse import csr_array

        rows, columns, values = [], [], []
        for k in range(self.highest):
            places, who = self.blocks.raised(k)
            _, size, first, _ = self._starts[k]
            here = first + np.arange(len(places))
            rows.append((self._starts[k + 1][2] + places.astype(np.int64)).ravel())
            columns.append(np.broadcast_to(here[:, None], places.shape).ravel())
            values.append(self.particles.drive[who].ravel() / 2)
        at = (np.concatenate(rows), np.concatenate(columns))
        return csr_array((np.concatenate(values), at), shape=(size, size))

    @cached_property
    def _above(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """For k < K: configurations with one particle more, and this particle."""
        return [self.blocks.raised(k) for k in range(self.highest)]

    @cached_property
    def _below(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """For k ≥ 1, at index k − 1: configurations with one particle fewer, and this particle."""
        return [self.blocks.lowered(k) for k in range(1, self.highest + 1)]

    @cached_property
    def _dephased(self) -> dict[tuple[int, int], NDArray[np.float64]]:
        """Σ_{n∈c∩c'} 2γ_n for every block."""
        excited = [self.blocks.excited(k).astype(float) for k in range(self.highest + 1)]
        twice = 2 * self.particles.dephasing
        return {(j, k): (excited[j] * twice) @ excited[k].T for j, k in self._pairs}

    def slope(self, flat: NDArray[Any], envelope: complex) -> NDArray[Any]:
        """ρ̇; the drive is multiplied by the envelope."""
        p, found = self.particles, np.empty_like(flat)
        for group, hamiltonian in zip(self.groups, self.hamiltonians, strict=True):
            rho, out = self.group(flat, group[0]), self.group(found, group[0])
            moved = hamiltonian @ rho
            if p.driven and envelope != 0 and self.highest:
                factor = envelope.conjugate() if p.holes else envelope
                moved += (factor * self.raising) @ rho
                moved += (factor * self.raising).conj().T @ rho
            np.multiply(moved, -1j, out=out)
            out += 1j * moved.conj().T
        lost, gained, dephased = np.any(p.lost), np.any(p.gained), np.any(p.dephasing)
        for j, k in self._pairs:
            out = self.block(found, j, k)
            if lost and max(j, k) < self.highest:
                out += self.lost(flat, j, k)
            if gained and min(j, k) > 0:
                source = self.block(flat, j - 1, k - 1)
                out += carried(p.gained, source, self._below[j - 1], self._below[k - 1])
            if dephased:
                out += self._dephased[j, k] * self.block(flat, j, k)
        return found

    def lost(self, flat: NDArray[Any], j: int, k: int) -> NDArray[Any]:
        """What the block (j, k) gains because particles are lost: Σ G_mn b_nρb⁺_m."""
        source = self.block(flat, j + 1, k + 1)
        return carried(self.particles.lost, source, self._above[j], self._above[k])

    def pairs(self, block: NDArray[Any], k: int) -> NDArray[np.complex128]:
        """⟨b⁺_mb_n⟩ of a block (k, k), (N, N)."""
        n = self.particles.n
        if k == 0:
            return np.zeros((n, n), dtype=complex)
        rows, columns, index = self._pair_places[k - 1]
        values = block[rows, columns]
        both = [np.bincount(index, part, n * n) for part in (values.real, values.imag)]
        return (both[0] + 1j * both[1]).reshape(n, n)

    @cached_property
    def _pair_places(self) -> list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """For k ≥ 1: ⟨b⁺_mb_n⟩ is the sum of ρ[c + n, c + m] over c; the index is mN + n."""
        found = []
        for places, who in self._above:
            rows, columns = np.broadcast_arrays(places[:, :, None], places[:, None, :])
            index = who[:, None, :] * self.particles.n + who[:, :, None]
            found.append((rows.ravel(), columns.ravel(), index.ravel()))
        return found

    def observed(self, flat: NDArray[Any]) -> dict[str, Any]:
        """Emission, pairs of photons, populations, weights of the layers, and ⟨σ⁺_mσ⁻_n⟩."""
        p, every = self.particles, range(self.highest + 1)
        weights = {k: float(np.trace(self.block(flat, k, k)).real) for k in every}
        among = np.zeros((p.n, p.n), dtype=complex)
        for k in every:
            among += self.pairs(self.block(flat, k, k), k)
        weight, coincidence = sum(weights.values()), 0.0
        if not p.holes:
            for k in range(1, self.highest):
                after = self.pairs(self.lost(flat, k, k), k)
                coincidence += float(np.sum(p.light * after).real)
        return {
            "emission": float(np.sum(p.light * among).real) + p.light_constant * weight,
            "coincidence": coincidence,
            "populations": p.populations(weight, among.diagonal().real),
            "weights": weights,
            "correlations": p.correlations(weight, among),
        }

    def start(self, state: "State | Qobj", emitters: Any) -> NDArray[np.complex128]:
        """ρ of a state, without what lies beyond the cap."""
        found, every = np.zeros(self.size, dtype=complex), range(self.highest + 1)
        if isinstance(state, State):
            chances = [weights_of(state, self._excited(k)) for k in every]
            for k, weights in enumerate(chances):
                if weights is not None:
                    np.fill_diagonal(self.block(found, k, k), weights)
            if chances[0] is not None:
                return found
            parts = {k: amplitudes_of(state, self._excited(k), emitters)[:, None] for k in every}
        elif state.isket:
            parts = {k: state.full()[self._places(k)] for k in every}
        else:
            matrix = state.full()
            for j, k in self._pairs:
                block = matrix[np.ix_(self._places(j), self._places(k))]
                self.block(found, j, k)[...] = block
            return found
        for j, k in self._pairs:
            self.block(found, j, k)[...] = parts[j] @ parts[k].conj().T
        return found

    def _excited(self, k: int) -> NDArray[np.bool_]:
        """Which emitters are excited in the configurations of k particles, (n_k, N)."""
        occupied = self.blocks.excited(k)
        return ~occupied if self.particles.holes else occupied

    def _places(self, k: int) -> NDArray[np.int64]:
        """Indices of configurations of k particles in QuTiP's basis."""
        n, bits = self.particles.n, self.blocks.configurations(k)
        return qutip_index(n, bits ^ ((1 << n) - 1) if self.particles.holes else bits)


def carried(
    rates: NDArray[Any],
    source: NDArray[Any],
    rows: tuple[NDArray[Any], NDArray[Any]],
    columns: tuple[NDArray[Any], NDArray[Any]],
) -> NDArray[np.complex128]:
    """Σ G_mn ρ[places of row, places of column] over the n of a row and the m of a column.

    One product of matrices sums over n, for all m; gathered columns are then added over m.

    Args:
        rates: G, (N, N).
        source: a block of ρ.
        rows: places (n_j, A) in the source, and the n of each.
        columns: places (n_k, B) in the source, and the m of each.

    Returns:
        (n_j, n_k).
    """
    n, width = len(rates), source.shape[1]
    places, who = columns
    index = who * width + places.astype(np.int64)
    found = np.zeros((len(rows[0]), len(places)), dtype=complex)
    chunk = max(1, _CHUNK // (16 * width * (n + rows[0].shape[1])))
    for begin in range(0, len(found), chunk):
        end = begin + chunk
        weights = rates[:, rows[1][begin:end]].swapaxes(0, 1)
        summed = np.matmul(weights, source[rows[0][begin:end]])
        flat = summed.reshape(len(summed), n * width)
        for column in index.T:
            found[begin:end] += flat[:, column]
    return found
