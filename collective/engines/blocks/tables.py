r"""Where the block engine stores what: columns, panels, hops, jumps and moments.

Block k holds the real matrix R = Re ρ + Im ρ of the n_k = C(N, k) configurations with k excited
emitters; Re ρ is symmetric and Im ρ antisymmetric, so R holds a whole Hermitian block in half
of its memory. Which of its columns are stored, and how, is in `columns`.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from math import comb
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collective.couplings import noise
from collective.couplings.couplings import Couplings
from collective.engines.basis.configurations import (
    ExcitationBlocks,
    interaction_energies,
    one_excitation,
    permuted_places,
)
from collective.engines.basis.orbit_means import OrbitMeans, equal_rows, joined
from collective.engines.basis.symmetries import needed_pairs, same_pairs
from collective.engines.blocks.columns import stored_columns
from collective.engines.numerics.lanes import LANES

_KEPT = 12  # emitters; up to this number tables are kept, which take some MiB


class Tables(NamedTuple):
    """Tables for the kernels; a state is a configuration of any block, and `states` counts them.

    Attributes:
        start: (K+2,), first state of each block.
        offset: (K+2,), index of the first number of each block in a vector.
        tasks: (P, 2), block of every panel, and index of the panel within the block.
        columns: (P, W), index in the block of the column in each lane.
        weights: (P, W), number of columns that each lane stands for; 0 where it is repeated.
        stored: (states, 3), panel, lane and permutation g: g takes the state to that column.
        images: (G, states), index of g(state) in its block.
        sources: (K+1, G, columns), the state that g takes to a stored column, or NOBODY.
        used: (K+1, G, panels + 1), how many panels have a source of g, and which these are.
        targets: (states, M), the state that each hop leads to.
        pairs: (states, M), the element of h of the way back: m·N + l for a hop from m to l.
        raised: (states, N, 2), state of the block above and the emitter that it has in addition.
        lowered: (states, K+1, 2), state of the block below with one excited emitter fewer, and
            this emitter; the unused last one leads to a row that no other one leads to.
        bits: (states,), the configurations as integers.
        hop: (N² + 1, 2), real and imaginary part of h; the last is zero.
        diagonal: (states, 2), real and imaginary part of the energies of the configurations: of
            h_mm summed over the excited emitters, with their Ising terms.
        decay: (2, N, N), real and imaginary part of Γ.
        dephasing: (2^N,) rates cᵀDc of coherences between a configuration c and the ground state:
            that of two configurations is the one of their exclusive or, if D is diagonal. A single
            zero without dephasing.
        energies: (states,), Ising energies of the configurations; empty without Ising terms.
        together: whether D is not diagonal.
    """

    start: NDArray[np.int64]
    offset: NDArray[np.int64]
    tasks: NDArray[np.int64]
    columns: NDArray[np.uint32]
    weights: NDArray[np.float64]
    stored: NDArray[np.uint32]
    images: NDArray[np.uint32]
    sources: NDArray[np.uint32]
    used: NDArray[np.int64]
    targets: NDArray[np.uint32]
    pairs: NDArray[np.uint16]
    raised: NDArray[np.uint32]
    lowered: NDArray[np.uint32]
    bits: NDArray[np.int64]
    hop: NDArray[np.float64]
    diagonal: NDArray[np.float64]
    decay: NDArray[np.float64]
    dephasing: NDArray[np.float64]
    energies: NDArray[np.float64]
    together: bool = False


@dataclass(frozen=True, eq=False)
class Layout:
    """The layout of a vector, and the indices of its observables.

    Attributes:
        blocks: configurations by excitation number.
        tables: tables for the kernels.
        excited: (states, N), which emitters are excited.
        diagonal_places: (states,), indices of the populations in a vector.
        pair_places: (pairs, 2, 2^(N−2) or fewer), indices of R(i, i') and R(i', i), whose sums
            give ⟨σ⁺_mσ⁻_n⟩.
        pair_emitters: (pairs, 2), m and n of each pair, m < n: one of those that the permutations
            turn into each other.
        same_pairs: (N, N), for each ordered pair the pair m·N + n among these to which it is equal.
        means: the numbers of a vector that are equal by symmetry, within each column.
    """

    blocks: ExcitationBlocks
    tables: Tables
    excited: NDArray[np.bool_]
    diagonal_places: NDArray[np.int64]
    pair_places: NDArray[np.uint32]
    pair_emitters: NDArray[np.int64]
    same_pairs: NDArray[np.int64]
    means: OrbitMeans

    @cached_property
    def sites(self) -> NDArray[np.int64]:
        """The emitters whose populations are enough: one of those that are alike, ascending."""
        n = self.blocks.n
        alike = np.diagonal(self.same_pairs)
        return np.flatnonzero(alike == np.arange(n) * (n + 1))

    @property
    def size(self) -> int:
        """The length of a vector."""
        return int(self.tables.offset[-1])


def _place(t: Any, k: int, n: int, i: Any, j: Any) -> Any:
    """Index in a vector of R(i, j) in the block of k excitations, which has n configurations."""
    begin, lanes = t.start[k], t.columns.shape[1]
    panel, lane, g = t.stored[begin + j].astype(np.int64).T
    return t.offset[k] + (panel * n + t.images[g, begin + i]) * lanes + lane


def layout(
    couplings: Couplings,
    highest: int,
    permutations: NDArray[np.int64],
    lanes: int = LANES,
) -> Layout:
    """Tables of a problem with at most `highest` excitations.

    Args:
        couplings: N emitters without drive and pump.
        highest: largest excitation number K.
        permutations: a group that leaves the couplings unchanged, the identity first, (G, N).
        lanes: columns of a panel, W.
    """
    n = len(couplings)
    group = tuple(map(tuple, np.asarray(permutations).tolist()))
    empty = (_kept_structure if n <= _KEPT else _structure)(n, highest, group, lanes)
    h = one_excitation(couplings)
    flat: NDArray[Any] = np.append(h.ravel(), 0)
    on_site: NDArray[Any] = empty.excited @ np.diagonal(h)
    energies = np.zeros(0)
    if couplings.ising is not None:
        energies = interaction_energies(couplings.ising, empty.tables.bits)
        for begin, end in pairwise(empty.tables.start.tolist()):
            energies[begin:end] -= energies[begin:end].mean()  # a phase of the whole block
        on_site = on_site + energies
    tables = empty.tables._replace(
        hop=np.stack([flat.real, flat.imag], axis=1),
        diagonal=np.stack([on_site.real, on_site.imag], axis=1),
        decay=np.stack([couplings.decay.real, couplings.decay.imag]).astype(float),
        dephasing=_dephasing(couplings.dephasing),
        energies=energies,
        together=couplings.dephasing.ndim == 2,
    )
    return replace(empty, tables=tables)


def _structure(
    n: int, highest: int, permutations: tuple[tuple[int, ...], ...], lanes: int
) -> Layout:
    """The tables that do not depend on the couplings."""
    blocks = ExcitationBlocks(n, highest)
    sizes = blocks.sizes
    start = np.concatenate([[0], np.cumsum(sizes)])
    bits = np.concatenate([blocks.configurations(k) for k in range(highest + 1)])
    images = permuted_places(bits, np.repeat(start[:-1], sizes), permutations)

    kept = stored_columns(images, start, lanes)

    hops = max(1, *(k * (n - k) for k in range(highest + 1)))
    targets = np.zeros((len(bits), hops), np.uint32)
    pairs = np.full((len(bits), hops), n * n, np.uint16)
    raised = np.zeros((len(bits), n, 2), np.uint32)
    lowered = np.zeros((len(bits), highest + 1, 2), np.uint32)
    for k in range(highest + 1):
        here = slice(start[k], start[k + 1])
        target, m, to = blocks.hops(k)
        targets[here, : target.shape[1]] = target
        pairs[here, : target.shape[1]] = m * n + to
        if k < highest:
            up, site = blocks.raised(k)
            raised[here, : n - k] = np.stack([up, site], axis=2)
        if k:
            down, site = blocks.lowered(k)
            lowered[here, :k] = np.stack([down, site], axis=2)
            lowered[here, k:, 0] = sizes[
                k - 1
            ]  # a row beyond the block, so that no real target occurs twice
    unknown, no_energies = np.zeros((0, 2)), np.zeros(0)
    tables = Tables(
        start,
        images=images,
        targets=targets,
        pairs=pairs,
        raised=raised,
        lowered=lowered,
        bits=bits,
        hop=unknown,
        diagonal=unknown,
        decay=unknown,
        dephasing=unknown,
        energies=no_energies,
        **kept._asdict(),
    )
    excited = np.concatenate([blocks.excited(k) for k in range(highest + 1)])
    observed = _moments(blocks, tables, np.array(permutations))
    return Layout(blocks, tables, excited, *observed, _means(tables))


_kept_structure = lru_cache(maxsize=4)(_structure)  # for scans of a parameter


def _dephasing(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rate cᵀDc of a coherence between each configuration c and the ground state, (2^N,)."""
    if not np.any(rates):
        return np.zeros(1)
    own, table = noise.own(rates), np.zeros(1)
    for m, rate in enumerate(own):  # bit m doubles the table
        pairs = np.zeros(1)
        if rates.ndim == 2:
            for k in range(m):
                pairs = np.concatenate([pairs, pairs + 2 * rates[m, k].real])
        table = np.concatenate([table, table + rate + pairs])
    return table


def _means(t: Tables) -> OrbitMeans:
    """The numbers of a vector that are equal by symmetry, within each column."""
    found, lanes = [], t.columns.shape[1]
    for k, size in enumerate(np.diff(t.start).tolist()):
        columns = t.columns[t.tasks[:, 0] == k].ravel()
        images = t.images[:, t.start[k] : t.start[k + 1]]
        for place, rows, counts in equal_rows(images, columns):
            panel, lane = divmod(place, lanes)
            found.append((t.offset[k] + (panel * size + rows) * lanes + lane, counts))
    return joined(found)


def _moments(
    blocks: ExcitationBlocks, tables: Tables, permutations: NDArray[np.int64]
) -> tuple[Any, Any, Any, Any]:
    """Indices of populations and of the entries that sum to ⟨σ⁺_mσ⁻_n⟩ = Σ ρ(i, i − n + m).

    Of the pairs that the permutations turn into each other, one is enough.
    """
    n = blocks.n
    same = same_pairs(permutations)
    emitters = needed_pairs(same)
    kept = np.zeros(n * n + 1, dtype=bool)
    kept[emitters @ [n, 1]] = True
    on_diagonal, by_pair = [], []
    for k, size in enumerate(blocks.sizes):
        every = np.arange(size)
        on_diagonal.append(_place(tables, k, size, every, every))
        here = slice(tables.start[k], tables.start[k + 1])
        other, m = np.divmod(tables.pairs[here, : k * (n - k)], n)
        pair = m.astype(np.int64) * n + other
        i, hop = np.nonzero(kept[pair])  # of the two directions of each hop, that with m < n
        to = tables.targets[here][i, hop]
        order = np.argsort(pair[i, hop], kind="stable")
        both = np.stack([_place(tables, k, size, i, to), _place(tables, k, size, to, i)])
        by_pair.append(
            both[:, order].reshape(2, len(emitters), comb(n - 2, k - 1) if 0 < k < n else 0)
        )
    kind = np.uint32 if tables.offset[-1] < 2**32 else np.uint64
    places = np.concatenate(by_pair, axis=2).swapaxes(0, 1).astype(kind)
    return np.concatenate(on_diagonal), np.ascontiguousarray(places), emitters, same
