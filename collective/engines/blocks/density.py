"""ρ in excitation blocks, packed into panels of real numbers, and the extent of its generator."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings import noise
from collective.engines.base import pieces_for
from collective.engines.basis.configurations import ensemble
from collective.engines.blocks import kernels, size, tables
from collective.engines.blocks.passes import Passes, aligned
from collective.engines.blocks.size import VECTOR_BYTES
from collective.engines.numerics.spectrum import Ellipse
from collective.engines.request import Request
from collective.states.answers import highest_excitation, weights_of

_STEPS = 14  # of Lanczos: extremes to a percent
_EXHAUSTED = 1e-9  # relative: a new vector that is smaller is round-off


class PackedDensity:
    """The excitation blocks of ρ one after the other, and the vectors that an expansion needs.

    Args:
        request: a request of Couplings without drive and pump.
        permutations: a group that changes neither couplings nor state, the identity first, (G, N).
        number: the type of the numbers of ρ, float64 or float32.

    Attributes:
        layout: where each number is stored.
        y: ρ, (size,).
        one: the last term of an expansion, (size,).
        two: the term before it, (size,).
        lowest: fewest excitations that ρ has.
        highest: most excitations that ρ still has.
        dropped: population of the blocks that were left out once they were nearly empty.
        threads: number of threads that apply the generator.
        applications: number of applications of the generator so far.
        flops: number of multiplications and additions of its hops and jumps so far.
    """

    def __init__(self, request: Request, permutations: NDArray[np.int64], number: Any = np.float64):
        couplings = request.couplings
        self._request = request
        self._top = self.highest = highest_excitation(request.state, len(couplings))
        self.lowest = 0
        self._lanes = VECTOR_BYTES // np.dtype(number).itemsize
        self.layout = tables.layout(couplings, self.highest, permutations, self._lanes)
        t = self.layout.tables
        self._decays, self._frequencies = extent(self.layout)
        self._dephasing = noise.strongest_dephasing(couplings.dephasing)
        self.threads, pieces = pieces_for(request, self.layout.size)
        self._passes = Passes(t, number, pieces, self.threads)
        self._task_start = self._passes.first_task
        parts = 2 if np.any(t.decay[1]) else 1
        columns = self._lanes * np.diff(self._task_start)
        self._flops = _flops(len(couplings), self.layout.blocks.sizes, columns, parts)
        self.dropped = 0.0
        self.applications = 0
        self.flops = 0.0
        self.y, self.one, self.two = (aligned((self.layout.size,), number) for _ in range(3))

    def close(self) -> None:
        """End the threads."""
        self._passes.close()

    def set_initial(self) -> None:
        """Set ρ to the initial state."""
        request, t, blocks = self._request, self.layout.tables, self.layout.blocks
        self.y[:] = 0
        self.lowest = self.highest = self._top
        self.dropped = 0.0
        for k in range(self.highest + 1):
            block = self._block(self.y, k)
            columns = t.columns[self._task_start[k] : self._task_start[k + 1]]
            chances = weights_of(request.state, blocks.excited(k))
            if chances is not None:
                for p, j in enumerate(columns):  # the block is diagonal
                    block[p, j, np.arange(len(j))] = chances[j]
                if np.any(chances):
                    self.lowest = min(self.lowest, k)
                continue
            vectors = ensemble(request.state, blocks, k, request.couplings.emitters)
            if vectors.shape[1] == 0:
                continue
            self.lowest = min(self.lowest, k)
            for p, j in enumerate(columns):
                rho = vectors @ vectors[j].conj().T
                block[p] = rho.real + rho.imag

    def set_vector(self, vector: NDArray[Any], dropped: float) -> None:
        """Set ρ to a packed vector, (size,), from which some population was dropped."""
        self.y[:] = vector
        self.lowest, self.highest = 0, self._top
        self.dropped = dropped

    def _block(self, vector: NDArray[Any], k: int) -> NDArray[Any]:
        """The block of k excitations as panels, (panels, C(N, k), W)."""
        t = self.layout.tables
        part = vector[t.offset[k] : t.offset[k + 1]]
        return part.reshape(-1, self.layout.blocks.sizes[k], self._lanes)

    @property
    def active(self) -> slice:
        """The slice of a vector with the blocks that are not dropped."""
        return slice(0, self.layout.tables.offset[self.highest + 1])

    @property
    def ellipse(self) -> Ellipse:
        """The ellipse around the spectrum of the generator in the blocks that are not dropped."""
        kept = slice(0, self.highest + 1)
        decay = float(self._decays[kept].max()) + self._dephasing
        return size.ellipse(decay, float(self._frequencies[kept].max()))

    def populations(self) -> NDArray[Any]:
        """Probability of each excitation number, (K+1,)."""
        start = self.layout.tables.start[:-1]
        return np.add.reduceat(self.y[self.layout.diagonal_places].astype(float), start)

    def trace_error(self) -> float:
        """The difference from 1 of the trace of ρ with the dropped population."""
        return abs(float(self.populations().sum()) + self.dropped - 1)

    def moments(self, vector: NDArray[Any]) -> tuple[NDArray[np.complex128], float]:
        """⟨σ⁺_mσ⁻_n⟩ of a packed vector, (N, N), and its trace."""
        out = np.empty((self.layout.blocks.n,) * 2, dtype=complex)
        layout = self.layout
        trace = kernels.moments(
            vector, layout.diagonal_places, layout.excited, layout.sites, layout.pair_places,
            layout.pair_emitters, out,
        )  # fmt: skip
        return out.ravel()[layout.same_pairs], trace

    def norm(self) -> float:
        """Frobenius norm of ρ."""
        total = 0.0
        for k in range(self.highest + 1):
            weights = self.layout.tables.weights[self._task_start[k] : self._task_start[k + 1]]
            block = self._block(self.y, k)
            total += float(np.einsum("piw,piw,pw->", block, block, weights, dtype=float))
        return total**0.5

    def drop_empty(self, most: float) -> None:
        """Drop the highest blocks as long as the dropped population is at most `most`.

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
        current: NDArray[Any],
        previous: NDArray[Any],
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
        norm = self._passes.apply(
            current, previous, self.y, recurrence, coefficient, lowest, self.highest
        )
        self.applications += 1
        self.flops += sum(self._flops[lowest : self.highest + 1])
        return norm


def _flops(n: int, sizes: list[int], columns: NDArray[np.int64], parts: int) -> list[float]:
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
    found = np.array(sizes) * columns * (8.0 * np.array(hops) + 2.0 * np.array(jumps))
    return found.tolist()


def extent(layout: tables.Layout) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The extent of the spectrum of each block of the Liouvillian.

    Its eigenvalues are −i(λ − λ'*), with eigenvalues λ, λ' of H_eff = A − iB in the block. Their
    real part lies between −2 max B and 0, their imaginary part within ±(max A − min A). The extreme
    eigenvalues of A and B are found by Lanczos for all blocks at once.

    Returns:
        The largest decay rate and the largest frequency, (K+1,) each.
    """
    t = layout.tables
    n = layout.blocks.n
    whole = (t.hop[:, 0] + 1j * t.hop[:, 1])[: n * n].reshape(n, n)
    both = np.stack([whole + whole.conj().T, 1j * (whole - whole.conj().T)]) / 2  # A and B
    entries = both.real if not np.any(both.imag) else both
    entries = np.append(entries.reshape(2, -1), np.zeros((2, 1)), axis=1)
    diagonals = np.stack([t.diagonal[:, 0], -t.diagonal[:, 1]])
    product = partial(kernels.products, t.start, t.targets, t.pairs, entries, diagonals)
    low, high = _extremes(t.start, entries.dtype, product)
    return 2 * np.maximum(high[1], 0), high[0] - low[0]


def _extremes(
    start: NDArray[np.int64], kind: Any, multiply: Callable[[Any, Any], object]
) -> tuple[Any, Any]:
    """The smallest and largest eigenvalue of every block of two Hermitian matrices, (2, K+1) each.

    Args:
        start: (K+2,), the first state of each block.
        kind: the type of their entries.
        multiply: puts the products of the matrices with the first array, (2, states), into the
            second.
    """
    begin, sizes = start[:-1], np.diff(start)
    steps = min(_STEPS, int(sizes.max()))

    def spread(per_block: Any) -> Any:
        return np.repeat(per_block, sizes, axis=1)

    def dot(a: Any, b: Any) -> Any:
        return np.add.reduceat((a.conj() * b).real, begin, axis=1)

    vector = 1 + 0.3 * np.sin(1.7 * np.arange(start[-1]) ** 2) + np.zeros((2, 1))
    vector = (vector / spread(np.sqrt(dot(vector, vector)))).astype(kind)
    image, before, beta = np.empty_like(vector), np.zeros_like(vector), np.zeros((2, len(sizes)))
    matrices = np.zeros((*beta.shape, steps, steps))
    alive, largest = np.ones(beta.shape, bool), np.zeros(beta.shape)
    for s in range(steps):
        multiply(vector, image)
        alpha = dot(vector, image)
        matrices[..., s, s] = np.where(alive, alpha, matrices[..., 0, 0])
        image -= spread(alpha) * vector + spread(beta) * before
        beta = np.sqrt(dot(image, image))
        largest = np.maximum(largest, np.maximum(np.abs(alpha), beta))
        alive &= (beta > _EXHAUSTED * largest) & (s + 1 < sizes)
        beta = np.where(alive, beta, 0)
        if s + 1 < steps:
            matrices[..., s, s + 1] = matrices[..., s + 1, s] = beta
        before = vector
        vector = image * spread(np.where(alive, 1 / np.where(alive, beta, 1), 0))
    eigenvalues = np.linalg.eigvalsh(matrices)
    return eigenvalues[..., 0], eigenvalues[..., -1]
