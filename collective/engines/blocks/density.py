"""The density matrix of the block engine, packed, and the generator applied to it.

`tables` says where each number sits, `kernels` do the arithmetic, `expansion` chooses the steps.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import in_pieces
from collective.engines.basis.sectors import ensemble
from collective.engines.blocks import kernels, tables
from collective.engines.blocks.size import shares
from collective.engines.numerics.faber import Ellipse
from collective.engines.request import Request
from collective.states.answers import highest_excitation


class PackedDensity:
    """ρ in one excitation block after the other, and the vectors that an expansion needs.

    Args:
        request: of Couplings without drive and pump.
        permutations: a group that changes neither couplings nor state, the identity included.

    Attributes:
        layout: where each number sits.
        y: ρ, (size,).
        one: the last term of an expansion, (size,).
        two: the term before it, (size,).
        lowest: fewest excitations that ρ has.
        highest: most excitations that ρ still has.
        dropped: population of the blocks that were left out once they were nearly empty.
        threads: that apply the generator.
        applications: how often the generator was applied.
        flops: multiplications and additions of its hops and jumps so far.
    """

    def __init__(self, request: Request, permutations: list[NDArray[np.int64]]):
        couplings = request.couplings
        self._request = request
        self._top = self.highest = highest_excitation(request.state, len(couplings))
        self.lowest = 0
        self.layout = tables.layout(couplings, self.highest, permutations)
        t = self.layout.tables
        self._arguments = kernels.arguments(t, len(couplings))
        self._decays, self._frequencies = tables.extent(self.layout)
        self._dephasing = float(couplings.dephasing.sum())
        self._parts = 2 if np.any(t.decay[1]) else 1
        self._task_start = np.searchsorted(t.tasks[:, 0], np.arange(self.highest + 2))
        sizes = self.layout.blocks.sizes
        self._flops = _flops(len(couplings), sizes, 8 * np.diff(self._task_start), self._parts)
        self.threads, self._pieces = shares(request, self.layout.size)
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None
        largest = max(sizes)
        self._scratch = [
            (np.empty((largest, 2, 8)), np.zeros((1, largest + 1, 8))) for _ in range(self.threads)
        ]
        self.dropped = 0.0
        self.applications = 0
        self.flops = 0.0
        self.y, self.one, self.two, self._transposed = (
            np.zeros(self.layout.size) for _ in range(4)
        )

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def set_initial(self) -> None:
        """Set ρ to the initial state."""
        request, t, blocks = self._request, self.layout.tables, self.layout.blocks
        self.y[:] = 0
        self.lowest = self.highest = self._top
        self.dropped = 0.0
        for k in range(self.highest + 1):
            vectors = ensemble(request.state, blocks, k, request.couplings.emitters)
            if vectors.shape[1] == 0:
                continue
            self.lowest = min(self.lowest, k)
            block = self._block(self.y, k)
            columns = t.columns[self._task_start[k] : self._task_start[k + 1]]
            for p, j in enumerate(columns):
                rho = vectors @ vectors[j].conj().T
                block[p] = rho.real + rho.imag

    def set_vector(self, vector: NDArray[Any], dropped: float) -> None:
        """Set ρ to a packed vector, (size,), from which some population was dropped."""
        self.y[:] = vector
        self.lowest, self.highest = 0, self._top
        self.dropped = dropped

    def _block(self, vector: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        """The block of k excitations as panels, (panels, C(N, k), 8)."""
        t = self.layout.tables
        part = vector[t.offset[k] : t.offset[k + 1]]
        return part.reshape(-1, self.layout.blocks.sizes[k], 8)

    @property
    def active(self) -> slice:
        """The numbers of a vector that belong to blocks which are not dropped."""
        return slice(0, self.layout.tables.offset[self.highest + 1])

    @property
    def ellipse(self) -> Ellipse:
        """Around the spectrum of the generator in the blocks which are not dropped."""
        kept = slice(0, self.highest + 1)
        decay = float(self._decays[kept].max()) + self._dephasing
        return Ellipse(decay, float(self._frequencies[kept].max()))

    def populations(self) -> NDArray[np.float64]:
        """Probability of each excitation number, (K+1,)."""
        start = self.layout.tables.start[:-1]
        return np.add.reduceat(self.y[self.layout.diagonal_places], start)

    def trace_error(self) -> float:
        """How far the trace of ρ, with what was dropped, is from 1."""
        return abs(float(self.populations().sum()) + self.dropped - 1)

    def moments(self, vector: NDArray[np.float64]) -> NDArray[np.complex128]:
        """⟨σ⁺_mσ⁻_n⟩ of a packed vector, (N, N)."""
        out = np.empty((self.layout.blocks.n,) * 2, dtype=complex)
        places, emitters = self.layout.pair_places, self.layout.pair_emitters
        kernels.moments(
            vector, self.layout.diagonal_places, self.layout.excited, places, emitters, out
        )
        return out

    def norm(self) -> float:
        """Frobenius norm of ρ."""
        total = 0.0
        for k in range(self.highest + 1):
            weights = self.layout.tables.weights[self._task_start[k] : self._task_start[k + 1]]
            block = self._block(self.y, k)
            total += float(np.einsum("piw,piw,pw->", block, block, weights))
        return total**0.5

    def drop_empty(self, most: float) -> None:
        """Leave out the highest blocks as long as all that is dropped has at most this population.

        The trace norm of a positive block is its trace: the error is known.
        """
        populations, t = np.abs(self.populations()), self.layout.tables
        while self.highest > 0:
            leaving = float(populations[self.highest])
            if self.dropped + leaving > most:
                return
            for vector in (self.y, self.one, self.two):
                vector[t.offset[self.highest] :] = 0
            self.dropped += leaving
            self.highest -= 1

    def apply(
        self,
        current: NDArray[np.float64],
        previous: NDArray[np.float64],
        recurrence: tuple[float, float, float],
        coefficient: float,
        lowest: int,
    ) -> float:
        """Compute the next term of an expansion, and add it to ρ.

        Args:
            current: the last term, (size,).
            previous: the term before it, which is replaced by the next one, (size,).
            recurrence: α, β, γ of `Ellipse.recurrence`.
            coefficient: of the next term in ρ.
            lowest: fewest excitations that the next term has.

        Returns:
            The Frobenius norm of the next term.
        """
        begin = int(self._task_start[lowest])
        end = int(self._task_start[self.highest + 1])
        alpha, beta, gamma = recurrence
        stride = self._pieces
        squares = np.zeros(stride)

        for_hops, for_jumps, for_second = self._arguments
        transposed, highest = self._transposed, self.highest

        def first(thread: int, i: int) -> None:
            panel, rows = self._scratch[thread]
            kernels.hop_pass(
                begin + i, end, stride, current, previous, transposed, panel, alpha, beta, gamma,
                *for_hops,
            )  # fmt: skip
            for part in range(self._parts):
                kernels.jump_pass(
                    begin + i, end, stride, current, previous, transposed, rows, alpha, part,
                    highest, *for_jumps,
                )  # fmt: skip

        def second(thread: int, i: int) -> None:
            squares[i] = kernels.second_pass(
                begin + i, end, stride, previous, transposed, self.y, alpha, coefficient,
                *for_second,
            )  # fmt: skip

        in_pieces(first, stride, self.threads, self._pool)
        in_pieces(second, stride, self.threads, self._pool)
        self.applications += 1
        self.flops += float(self._flops[lowest : self.highest + 1].sum())
        return float(np.sqrt(squares.sum()))


def _flops(n: int, sizes: list[int], columns: NDArray[np.int64], parts: int) -> Any:
    """Multiplications and additions of the hops and jumps of every block, (K+1,).

    Args:
        n: number of emitters.
        sizes: C(N, k) of every block.
        columns: how many columns of every block are stored.
        parts: 1 for a real Γ, 2 for a complex one.
    """
    jumps = [parts * (n - k) ** 2 for k in range(len(sizes))]
    jumps[-1] = 0
    hops = [k * (n - k) + 1 for k in range(len(sizes))]
    return np.array(sizes) * columns * (8.0 * np.array(hops) + 2.0 * np.array(jumps))
