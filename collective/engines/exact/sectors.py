r"""The generator of a master equation on the blocks of ρ that a state reaches.

Sorted by sectors (`lindblad`), ρ consists of blocks ρ_ab between two sectors. H stays in a block,
and a jump moves a block to another one, so that a state without coherences between sectors needs
the blocks ρ_aa alone. Of a block above the diagonal only ρ_ab† = ρ_ba is needed:

.. math:: \dot ρ_{ab} = −iK_aρ_{ab} + (−iK_bρ_{ba})^† + \sum_c A_c ρ_{a'b'} B_c^†
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import in_threads
from collective.engines.exact.lindblad import Lindblad, lindblad_of
from collective.engines.numerics import sparse_rows
from collective.engines.numerics.extremes import extremes
from collective.engines.numerics.sparse_rows import Rows, rows_of
from collective.engines.numerics.spectrum import Ellipse
from collective.engines.request import Request
from collective.states.matrices import matrix

_SHARED = 2e5  # multiplications, from which on threads share the work

Block = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Jumps:
    """The jumps that move one block to another.

    Attributes:
        source: the block from which they lead.
        target: the block to which they lead; its first sector is not above its second.
        left: the A_c below each other, (n·d_a, d_a').
        right: the B_c* below each other, (n·d_b, d_b').
        count: n.
    """

    source: Block
    target: Block
    left: Rows
    right: Rows
    count: int


class Generator:
    """The generator on the blocks that a density matrix reaches.

    Args:
        lindblad: the master equation.
        reached: a matrix of booleans, (D, D): entries that a state may have at the first time.
    """

    def __init__(self, lindblad: Lindblad, reached: NDArray[np.bool_]):
        self._states = sectors(lindblad)
        self._frame = np.array([lindblad.frame[states[0]] for states in self._states])
        jumps = self._jumps_between(lindblad)
        self.blocks = self._reached(reached, jumps)
        self._places: dict[Block, slice] = {}
        end = 0
        for a, b in self.blocks:
            begin, end = end, end + len(self._states[a]) * len(self._states[b])
            self._places[a, b] = slice(begin, end)
        self.size = end
        self._jumps = [each for block in self.blocks for each in self._joined(block, jumps)]
        self._effective = self._parts(lindblad.effective())
        self._turning = [rows_of(part, -1j) for part in self._effective]
        self._raising = None if lindblad.raising is None else self._parts(lindblad.raising)
        self._threads = 1
        self._pool: ThreadPoolExecutor | None = None

    def pack(self, matrix: NDArray[Any]) -> NDArray[np.complex128]:
        """The numbers of the blocks of ρ, one after the other."""
        found = np.empty(self.size, dtype=complex)
        for (a, b), place in self._places.items():
            found[place] = matrix[np.ix_(self._states[a], self._states[b])].ravel()
        return found

    def unpack(self, values: NDArray[Any], elapsed: float) -> NDArray[np.complex128]:
        """ρ from the numbers of its blocks, turned out of the frame."""
        size = sum(map(len, self._states))
        found = np.zeros((size, size), dtype=complex)
        for (a, b), place in self._places.items():
            phase = np.exp(-1j * (self._frame[a] - self._frame[b]) * elapsed)
            shape = len(self._states[a]), len(self._states[b])
            found[np.ix_(self._states[a], self._states[b])] = phase * values[place].reshape(shape)
        return found

    def apply(self, values: NDArray[Any], factor: complex = 0.0) -> NDArray[np.complex128]:
        """Lρ; the drive that has an envelope is multiplied by a factor."""
        found = np.empty(self.size, dtype=complex)
        for block in self.blocks:
            self._turn(block, values, found, factor)
        for a, b in self.blocks:
            if a <= b:
                here = self._block(found, (a, b))
                here += self._block(found, (b, a)).conj().T
        for each in self._jumps:
            self._jump(each, values, found)
        for a, b in self.blocks:
            if a > b:
                self._block(found, (a, b))[:] = self._block(found, (b, a)).conj().T
        return found

    def jumped(self, values: NDArray[Any]) -> NDArray[np.complex128]:
        """Σ A_cρB_c† on the blocks on and above the diagonal, of any matrix."""
        found = np.zeros(self.size, dtype=complex)
        for each in self._jumps:
            self._jump(each, values, found)
        return found

    def share(self, threads: int) -> None:
        """Let several threads share the work, if there is enough of it; `close` ends them."""
        if threads > 1 and self.entries() > _SHARED and self._pool is None:
            self._threads, self._pool = threads, ThreadPoolExecutor(threads - 1)

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
        self._threads, self._pool = 1, None

    def ellipse(self, factor: float = 0.0) -> Ellipse:
        """The ellipse that holds nearly all of the spectrum.

        A coherence decays at most at the largest eigenvalue of Σ B†A, and oscillates at most at the
        difference of the extreme energies of its two sectors. Jumps that stay in a block may add
        their rates.
        """
        extents = {}
        for a in {sector for block in self.blocks for sector in block}:
            effective = self._driven(a, factor)
            energies = extremes(0.5 * (effective + effective.conj().T))
            losses = extremes(1j * (effective - effective.conj().T))
            extents[a] = *energies, max(losses[1], 0.0)
        width = max(extents[a][1] - extents[b][0] for a, b in self.blocks)
        decay = max(0.5 * (extents[a][2] + extents[b][2]) for a, b in self.blocks)
        if any(each.source == each.target for each in self._jumps):
            decay *= 2
        return Ellipse(decay, max(width, 0.0))

    def entries(self) -> float:
        """Multiplications of complex numbers in one application."""
        found = 0.0
        for a, b in self.blocks:
            found += self._effective[a].nnz * len(self._states[b])
        for each in self._jumps:
            (a, _), (_, below) = each.target, each.source
            found += len(each.left.values) * len(self._states[below])
            found += len(each.right.values) * len(self._states[a])
        return found

    def cubes(self) -> float:
        """The sum of cubes of the sizes of matrices into which ρ falls apart."""
        sizes = [float(len(states)) for states in self._states]
        if any(a != b for a, b in self.blocks):
            return sum(sizes) ** 3
        return sum(size**3 for size in sizes)

    def calls(self) -> int:
        """Products of matrices in one application."""
        return 2 * len(self.blocks) + len(self._jumps)

    def _block(self, values: NDArray[Any], block: Block) -> NDArray[Any]:
        """One block as a matrix."""
        shape = len(self._states[block[0]]), len(self._states[block[1]])
        return values[self._places[block]].reshape(shape)

    def _turn(
        self, block: Block, values: NDArray[Any], found: NDArray[np.complex128], factor: complex
    ) -> None:
        """Write −iK_aρ_ab to its block."""
        matrix = self._turning[block[0]]
        if self._raising is not None:
            matrix = rows_of(self._driven(block[0], factor), -1j)
        rho, target = self._block(values, block), self._block(found, block)

        def work(begin: int, end: int) -> None:
            sparse_rows.multiply(matrix, rho, target, begin, end)

        self._by_rows(len(target), work)

    def _by_rows(self, count: int, work: Callable[[int, int], None]) -> None:
        """Let the threads do some rows each."""
        cuts = [count * i // self._threads for i in range(self._threads + 1)]
        in_threads(lambda t: work(cuts[t], cuts[t + 1]), self._threads, self._pool)

    def _driven(self, sector: int, factor: complex) -> Any:
        """K of a sector with the drive times a factor."""
        if self._raising is None:
            return self._effective[sector]
        up = factor * self._raising[sector]
        return self._effective[sector] + up + up.conj().T

    def _jump(self, each: Jumps, values: NDArray[Any], found: NDArray[np.complex128]) -> None:
        """Add Σ A_cρB_c† of some jumps to their block."""
        from collective.engines.exact import kernels

        rho, target = self._block(values, each.source), self._block(found, each.target)

        def work(begin: int, end: int) -> None:
            kernels.jump(each.left, each.right, each.count, rho, target, begin, end)

        self._by_rows(len(target), work)

    def _parts(self, matrix: Any) -> list[Any]:
        """The part of a matrix within every sector."""
        from scipy.sparse import csr_array

        return [csr_array(matrix[states][:, states]) for states in self._states]

    def _jumps_between(self, lindblad: Lindblad) -> list[dict[int, tuple[int, Any, Any]]]:
        """Of every jump, by the sector it leads from: the sector it leads to, A_c and B_c."""
        from scipy.sparse import coo_array

        found = []
        for left, right in zip(lindblad.left, lindblad.right, strict=True):
            places = coo_array(abs(left) + abs(right))
            after, before = lindblad.sector[places.row], lindblad.sector[places.col]
            pairs = sorted(set(zip(before.tolist(), after.tolist(), strict=True)))
            found.append({
                b: (a, left[self._states[a]][:, self._states[b]],
                    right[self._states[a]][:, self._states[b]])
                for b, a in pairs
            })  # fmt: skip
        return found

    def _reached(
        self, reached: NDArray[np.bool_], jumps: list[dict[int, tuple[int, Any, Any]]]
    ) -> list[Block]:
        """The blocks that differ from zero now or later, with their transposes, ascending."""
        count = len(self._states)
        new = {
            (a, b)
            for a in range(count)
            for b in range(count)
            if reached[np.ix_(self._states[a], self._states[b])].any()
        }
        new |= {(b, a) for a, b in new}
        found: set[Block] = set()
        while new:
            found |= new
            after = {
                (jump[a][0], jump[b][0])
                for a, b in new
                for jump in jumps
                if a in jump and b in jump
            }
            new = after - found
        return sorted(found)

    def _joined(self, source: Block, jumps: list[dict[int, tuple[int, Any, Any]]]) -> list[Jumps]:
        """The jumps that lead from a block, joined if they lead to the same one."""
        from scipy.sparse import vstack

        a, b = source
        by_target: dict[Block, list[tuple[Any, Any]]] = {}
        for jump in jumps:
            if a in jump and b in jump:
                target = jump[a][0], jump[b][0]
                if target[0] <= target[1]:
                    by_target.setdefault(target, []).append((jump[a][1], jump[b][2].conj()))
        found = []
        for target, pairs in by_target.items():
            left, right = (rows_of(vstack(part)) for part in zip(*pairs, strict=True))
            found.append(Jumps(source, target, left, right, len(pairs)))
        return found


def sectors(lindblad: Lindblad) -> list[NDArray[np.intp]]:
    """The states of every sector."""
    last = int(lindblad.sector.max())
    return [np.flatnonzero(lindblad.sector == a) for a in range(last + 1)]


def generator_of(request: Request) -> Generator:
    """The generator on the blocks that the initial state reaches; it is made once and kept."""
    found: Generator | None = request.memo.get("generator")
    if found is None:
        lindblad = lindblad_of(request)
        try:
            reached = matrix(request.state, request.problem).full() != 0
        except ValueError:  # a state by name, but the levels are not known: the run raises it
            reached = np.ones((lindblad.dimension,) * 2, dtype=bool)
        found = request.memo["generator"] = Generator(lindblad, reached)
    return found
