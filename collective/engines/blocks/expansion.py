r"""The state of the block engine, carried on by one Faber expansion after another.

A step of length h adds :math:`\sum_j c_j(h)F_j` to a vector, F_j from F_{j−1} and F_{j−2} by one
application of the generator; it is over when the norm of the terms says so. Steps may be long, but
not without end: the blocks feed each other one way only, which makes the generator non-normal, and
terms grow before they fall. A first step that grows too much is taken back, the later ones learn.

The file is longer than others: it is one object, the state, and the one loop that moves it.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import in_pieces
from collective._tools.progress import Progress
from collective.engines.base import resumed
from collective.engines.basis.initial import highest_excitation
from collective.engines.basis.permutations import group
from collective.engines.basis.sectors import ensemble
from collective.engines.blocks import kernels, tables
from collective.engines.blocks.size import LONGEST_STEP, TERMS_PER_RADIUS, shares
from collective.engines.numerics.faber import Ellipse
from collective.engines.request import Request

if TYPE_CHECKING:
    from collective.results.result import Result

LARGEST_GROWTH = 1e6  # of a term over the state; six digits of sixteen, or what rtol leaves
NEGLIGIBLE = 0.01  # of the tolerance: the population of the blocks that are dropped
_SHORTEST_STEP = 2.0
_COUNTED = ("dropped", "applications", "flops", "trace_error")  # in a checkpoint
_SPARE_TERMS = 80  # beyond the radii of a step and three for each digit, before it has failed


class Expansion:
    """The state, the vectors of the expansion, and the moments at the times reached.

    Args:
        request: of Couplings without drive and pump.

    Attributes:
        steps: (time, ⟨σ⁺_mσ⁻_n⟩ at the output times of the step) of every whole step, the start
            first. A step is added in one piece: an interruption leaves it whole or out.
        diagnostics: entries of `Result.diagnostics`.
    """

    def __init__(self, request: Request):
        couplings = request.couplings
        self._request = request
        self._top = self.highest = highest_excitation(request.state, len(couplings))
        permutations = group(request)
        self.layout = tables.layout(couplings, self.highest, permutations)
        t = self.layout.tables
        self._arguments = kernels.arguments(t, len(couplings))
        self._decays, self._frequencies = tables.extent(self.layout)
        self._dephasing = float(couplings.dephasing.sum())
        self._parts = 2 if np.any(t.decay[1]) else 1
        self._threads, self._pieces = shares(request, self.layout.size)
        self._pool: ThreadPoolExecutor | None = None
        self._tolerance = request.rtol
        self._growth = min(LARGEST_GROWTH, max(1e3, 1e14 * request.rtol))
        self._longest = LONGEST_STEP
        self._restart: Callable[[], None] | None = self.prepare
        self._task_start = np.searchsorted(t.tasks[:, 0], np.arange(self.highest + 2))
        self._flops = _flops(
            len(couplings), self.layout.sectors.sizes, 8 * np.diff(self._task_start), self._parts
        )
        self.lowest = 0
        self._end = float(request.times[-1])
        self._span = max(float(np.ptp(request.times)), 1e-300)
        self.steps: list[tuple[float, NDArray[np.complex128]]] = []
        self._begun = 0
        largest = max(self.layout.sectors.sizes)
        self._scratch = [
            (np.empty((largest, 2, 8)), np.zeros((1, largest + 1, 8))) for _ in range(self._threads)
        ]
        self.diagnostics: dict[str, Any] = {
            "applications": 0,
            "flops": 0.0,
            "dropped": 0.0,
            "threads": self._threads,
            "symmetries": len(permutations),
            "trace_error": 0.0,
        }
        self.y, self._one, self._two, self._transposed = (
            np.zeros(self.layout.size) for _ in range(4)
        )
        self._start = np.zeros(self.layout.size) if request.checkpointed else None

    @property
    def time(self) -> float:
        """How far the whole steps have come."""
        return self.steps[-1][0]

    @property
    def reached(self) -> int:
        """Output times whose moments are known."""
        return sum(len(moments) for _, moments in self.steps)

    @property
    def _whole(self) -> bool:
        """Whether y is ρ, not in the middle of a step."""
        return self._begun < len(self.steps) + 1

    def __enter__(self) -> "Expansion":
        if self._threads > 1:
            self._pool = ThreadPoolExecutor(self._threads - 1)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def begin(self, earlier: "Result | None") -> None:
        """From the initial state, or from where an earlier run was interrupted."""
        if earlier is None or not earlier.resume:
            self.prepare()
            first = self.moments(self.y)[None]
            self.steps.append((float(self._request.times[0]), first))
            return
        found = {name: resumed(earlier, name, ()) for name in (*_COUNTED, "time")}
        found["vector"] = resumed(earlier, "vector", (self.layout.size,))
        if earlier.correlations is None:
            raise ValueError("its correlations are missing")
        self._restart = lambda: self._restore(found)
        self._restore(found)
        for name in ("applications", "flops", "trace_error"):
            self.diagnostics[name] = found[name].item()
        self.steps.append((float(found["time"]), np.asarray(earlier.correlations)))

    def prepare(self) -> None:
        """The initial state, packed."""
        request, t, sectors = self._request, self.layout.tables, self.layout.sectors
        self.y[:] = 0
        self.lowest = self.highest = self._top
        for k in range(self.highest + 1):
            vectors = ensemble(request.state, sectors, k, request.couplings.emitters)
            if vectors.shape[1] == 0:
                continue
            self.lowest = min(self.lowest, k)
            block = self._block(self.y, k)
            columns = t.columns[self._task_start[k] : self._task_start[k + 1]]
            for p, j in enumerate(columns):
                rho = vectors @ vectors[j].conj().T
                block[p] = rho.real + rho.imag

    def _restore(self, resume: dict[str, NDArray[Any]]) -> None:
        """The vector of a whole step."""
        self.y[:] = resume["vector"]
        self.lowest, self.highest = 0, self._top
        self.diagnostics["dropped"] = float(resume["dropped"])

    def resume(self) -> dict[str, NDArray[Any]]:
        """What `begin` needs; nothing in the middle of a step, unless its start was kept."""
        vector = self.y if self._whole else self._start
        if vector is None:
            return {}
        counted = {name: np.array(self.diagnostics[name]) for name in _COUNTED}
        return {"vector": vector, "time": np.array(self.time), **counted}

    def _block(self, vector: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        t = self.layout.tables
        part = vector[t.offset[k] : t.offset[k + 1]]
        return part.reshape(-1, self.layout.sectors.sizes[k], 8)

    def populations(self) -> NDArray[np.float64]:
        """Probability of each excitation number, (K+1,)."""
        start = self.layout.tables.start[:-1]
        return np.add.reduceat(self.y[self.layout.diagonal_places], start)

    def moments(self, vector: NDArray[np.float64]) -> NDArray[np.complex128]:
        """⟨σ⁺_mσ⁻_n⟩, (N, N)."""
        out = np.empty((self.layout.sectors.n,) * 2, dtype=complex)
        places, emitters = self.layout.pair_places, self.layout.pair_emitters
        kernels.moments(
            vector, self.layout.diagonal_places, self.layout.excited, places, emitters, out
        )
        return out

    def _norm(self) -> float:
        """Frobenius norm of ρ."""
        total = 0.0
        for k in range(self.highest + 1):
            weights = self.layout.tables.weights[self._task_start[k] : self._task_start[k + 1]]
            block = self._block(self.y, k)
            total += float(np.einsum("piw,piw,pw->", block, block, weights))
        return total**0.5

    def _drop(self) -> None:
        """Leave out the highest blocks once they are empty to within the tolerance."""
        populations, t = np.abs(self.populations()), self.layout.tables
        while self.highest > 0:
            leaving = float(populations[self.highest])
            if self.diagnostics["dropped"] + leaving > NEGLIGIBLE * self._tolerance:
                return
            for vector in (self.y, self._one, self._two):
                vector[t.offset[self.highest] :] = 0
            self.diagnostics["dropped"] += leaving
            self.highest -= 1

    def step(
        self,
        bar: Progress | None,
        look: Callable[[], None],
    ) -> None:
        """Advance by one expansion, as long a one as its terms allow.

        Args:
            bar: counts thousandths of the whole.
            look: called after each term.

        Raises:
            FloatingPointError: the terms grow out of bounds however short the step.
        """
        self._drop()
        if self.highest == 0:
            self._rest()
            return
        decay = float(self._decays[: self.highest + 1].max()) + self._dephasing
        ellipse = Ellipse(decay, float(self._frequencies[: self.highest + 1].max()))
        left = self._end - self.time
        while True:
            steps = max(1, ceil(left * ellipse.radius / self._longest))
            growth = self._expand(ellipse, left / steps, steps == 1, bar, look)
            if growth < self._growth:
                break
            # later steps know from the first how far to go, and can be taken back if they are kept
            if self._restart is None or self._longest < _SHORTEST_STEP:
                raise FloatingPointError(
                    f"the expansion does not converge over a share {left / steps / self._span:.1e} "
                    f"of the times: its terms grow {growth:.1e} times; method='exact' steps more "
                    "slowly"
                )
            self._longest /= 2
            self._restart()
        start = self._start
        self._restart = None if start is None else lambda: self._take_back(start)
        if growth > self._growth**0.8:
            self._longest *= 0.8

    def _rest(self) -> None:
        """Go to the end with the ground state alone, in which nothing happens any more."""
        later, n = len(self._request.times) - self.reached, self.layout.sectors.n
        self.steps.append((self._end, np.zeros((later, n, n), dtype=complex)))

    def _take_back(self, start: NDArray[np.float64]) -> None:
        self.y[:] = start

    def _expand(
        self,
        ellipse: Ellipse,
        h: float,
        last: bool,
        bar: Progress | None,
        look: Callable[[], None],
    ) -> float:
        """Add a step of length h to `steps` if it converges; the largest term over the state."""
        times = self._request.times[self.reached :]
        tolerance = max(self._tolerance * h / self._span, 1e-15)  # so that all steps share it
        begin, end = self.time, self._end if last else self.time + h
        reached = times[times <= end * (1 + np.sign(end) * 1e-14)] - begin
        count = ceil(h * ellipse.radius - 3 * np.log10(tolerance)) + _SPARE_TERMS
        weights = ellipse.coefficients(count, np.append(reached, h))
        norm = self._norm()
        active = slice(0, self.layout.tables.offset[self.highest + 1])
        previous, current = self._two, self._one
        current[active] = self.y[active]
        previous[active] = 0
        taken = [self.moments(current)]
        if self._start is not None:
            self._start[:] = self.y
        self._begun = len(self.steps) + 1
        self.y[active] *= weights[0, -1]
        small, growth = 0, 1.0
        expected = max(8.0, TERMS_PER_RADIUS * h * ellipse.radius)
        shown, share = 0, 1000 * h / self._span
        for j in range(1, count):
            lowest = max(0, self.lowest - j)
            weight = float(weights[j, -1])
            size = self._apply(current, previous, ellipse.recurrence(j), weight, lowest)
            current, previous = previous, current
            taken.append(self.moments(current))
            look()
            if bar is not None:
                now = int(share * min(1.0, j / expected))
                bar.step(now - shown)
                shown = now
            growth = max(growth, abs(weight) * size / norm)
            if not growth < self._growth:
                return growth
            seen = max(np.abs(taken[-1]).max() / max(np.abs(taken[0]).max(), 1e-300), size / norm)
            small = small + 1 if abs(weight) * seen < tolerance else 0
            if small == 2 and j > h * ellipse.radius / 2:
                self._one, self._two = current, previous
                self.lowest = max(0, self.lowest - j)
                trace = float(self.populations().sum()) + self.diagnostics["dropped"]
                error = max(self.diagnostics["trace_error"], abs(trace - 1))
                self.diagnostics["trace_error"] = error
                terms = np.array(taken)
                moments = np.einsum("jt,jmn->tmn", weights[: len(terms), :-1], terms)
                self.steps.append((end, moments))
                return growth
        return max(growth, self._growth)

    def _apply(
        self,
        current: NDArray[np.float64],
        previous: NDArray[np.float64],
        recurrence: tuple[float, float, float],
        coefficient: float,
        lowest: int,
    ) -> float:
        """The next term, in place of the previous one, and added to y; its norm."""
        begin = int(self._task_start[lowest])
        end = int(self._task_start[self.highest + 1])
        alpha, beta, gamma = recurrence
        stride = self._pieces
        shares = np.zeros(stride)

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
            shares[i] = kernels.second_pass(
                begin + i, end, stride, previous, transposed, self.y, alpha, coefficient,
                *for_second,
            )  # fmt: skip

        in_pieces(first, stride, self._threads, self._pool)
        in_pieces(second, stride, self._threads, self._pool)
        self.diagnostics["applications"] += 1
        self.diagnostics["flops"] += float(self._flops[lowest : self.highest + 1].sum())
        return float(np.sqrt(shares.sum()))


def _flops(n: int, sizes: list[int], columns: NDArray[np.int64], parts: int) -> Any:
    """Multiplications and additions of the hops and jumps of every block."""
    jumps = [parts * (n - k) ** 2 for k in range(len(sizes))]
    jumps[-1] = 0
    hops = [k * (n - k) + 1 for k in range(len(sizes))]
    return np.array(sizes) * columns * (8.0 * np.array(hops) + 2.0 * np.array(jumps))
