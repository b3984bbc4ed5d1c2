r"""The exact collective master equation without drive and pump, by excitation number.

Excitations only leave: ρ is blocks of C(N, k)² instead of 4^N, each fed by the one above it, and
coherences between different k never reach ⟨σ⁺_mσ⁻_n⟩, so they are left out. The Liouvillian is
block triangular; its spectrum, that of H_eff in each sector, lies in an ellipse known beforehand,
on which e^{𝓛t} is expanded in Faber polynomials (`_faber`): an application of the generator per
term, nothing tried and thrown away, and the moments ⟨O F_j⟩ give every output time at no cost.
Blocks whose population has decayed below the tolerance are dropped from the top: the trace norm of
a positive block is its trace, so the error this makes is known.

Permutations of the emitters that change neither couplings nor state (the reversal of a chain is
found by itself) are used to keep one column per orbit; see `_blocks_tables`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from math import ceil, comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._progress import Progress
from collective._requests import Request
from collective.couplings import Couplings
from collective.engines._faber import Ellipse
from collective.engines._sectors import (
    LARGEST,
    ensemble,
    highest_excitation,
    qutip_index,
)
from collective.engines.measures import pair_fields
from collective.engines.runs import Checkpoint, Clock, Cost, Run, threads_available
from collective.states import State

if TYPE_CHECKING:
    from collective.engines._blocks_tables import Layout
    from collective.result import Result

_LONGEST_STEP = 45.0  # radii of the ellipse; longer ones lose digits to non-normality
_SHORTEST_STEP = 2.0
_LARGEST_GROWTH = 1e6  # of a term over the state; six digits of sixteen, or what rtol leaves
_TERMS_PER_RADIUS = 2.0  # roughly
_SPARE_TERMS = 80  # beyond the radii of a step and three for each digit, before it has failed
_NEGLIGIBLE = 0.01  # of the tolerance: the population of the blocks that are dropped
_SAME = 1e-12  # relative: couplings that a permutation leaves unchanged
_LARGEST_DEPHASED = 24  # emitters: a table of 2^N rates
_ONE_THREAD = 60_000  # numbers in a vector; below, handing out the work costs more
_FLOPS = 1.5e10  # per second and core, an average of hops and jumps
_PIECES = 24  # of an application; a thread takes the next when it is done
_OVERHEAD = 4e-3  # seconds: tables and bounds of the spectrum
_COMPILING = 4.0  # seconds


def refusal(request: Request) -> str | None:
    """Drives, pumps, and what only a whole density matrix has."""
    problem = request.problem
    if not isinstance(problem, Couplings):
        return "method 'blocks' is for Couplings: a master equation takes method='exact'"
    if np.any(problem.drive) or np.any(problem.pump):
        what = "drive" if np.any(problem.drive) else "pump"
        return (
            f"method 'blocks' needs a falling excitation number, but there is a {what}: use "
            "method='driven' or 'exact'"
        )
    if request.operators or "states" in request.words:
        return (
            "method 'blocks' keeps no whole density matrix: operators and states take "
            "method='driven' or 'exact'"
        )
    if len(problem) > (_LARGEST_DEPHASED if np.any(problem.dephasing) else LARGEST):
        return (
            f"method 'blocks' ends at {LARGEST} emitters ({_LARGEST_DEPHASED} with dephasing), got "
            f"{len(problem)}; weak excitation "
            "takes method='single', identical couplings 'symmetric'"
        )
    return None


def cost(request: Request) -> Cost:
    """Four vectors and the tables; applications by the mean-field extent of the spectrum."""
    couplings, n = request.couplings, len(request.couplings)
    highest = highest_excitation(request.state, n)
    group = len(_group(request))
    columns = [_columns(n, k, group) for k in range(highest + 1)]
    size = sum(comb(n, k) * -(-c // 8) * 8 for k, c in enumerate(columns))
    states = sum(comb(n, k) for k in range(highest + 1))
    hops = max(k * (n - k) for k in range(highest + 1))
    pairs = (
        sum(comb(n - 2, k - 1) for k in range(1, highest + 1)) * n * (n - 1) // 2 if n > 1 else 0
    )
    tables = states * (6 * hops + 8 * n + 8 * (highest + 1) + 60 + 8 * group) + 24 * pairs
    flops = sum(
        comb(n, k) * c * (8 * (k * (n - k) + 1) + 6 * (n - k) ** 2) for k, c in enumerate(columns)
    )
    span = float(np.ptp(request.times))
    rates = np.linalg.eigvalsh(couplings.decay)
    rate = max(rates[-1] * highest * (n - highest / 2) / n, float(rates[-highest:].sum()), 0.0)
    shift = np.abs(np.linalg.eigvalsh(couplings.shift + np.diag(couplings.detunings)))
    radius = (rate + float(np.sort(shift)[-highest:].sum()) + float(couplings.dephasing.sum())) / 2
    terms = max(8.0, span * radius * _TERMS_PER_RADIUS)
    half = "" if group == 1 else f", one column of {group} by symmetry"
    return Cost(
        (4 + request.checkpointed) * 8 * size
        + tables
        + 16 * n * n * (len(request.times) + _SPARE_TERMS),
        _OVERHEAD + float(terms * flops / (_FLOPS * _threads(request, size))),
        f"{size:.3g} numbers in {highest + 1} excitation blocks{half}",
    )


def _columns(n: int, k: int, group: int) -> int:
    """Orbits of the configurations: exact for the identity and one reversal, near it otherwise."""
    fixed = comb(n // 2, k // 2) if n % 2 or not k % 2 else 0
    return comb(n, k) if group == 1 else -(-(comb(n, k) + fixed * (group - 1)) // group)


def _threads(request: Request, size: int) -> int:
    if size < _ONE_THREAD:
        return 1
    available = threads_available()
    return available if request.threads is None else min(available, request.threads)


def run(request: Request, earlier: "Result | None", checkpoint: Checkpoint | None) -> Run:
    """Expand e^{𝓛t} step by step; Ctrl-C comes back in `Run.failure`, after whole steps."""
    compile_kernels(request.progress)
    clock = Clock(checkpoint)
    record = _Record(len(request.times), len(request.couplings))
    failure: BaseException | None = None
    work = _Work(request)
    if earlier is None:
        work.prepare(request)
        record.add(work.moments(work.y)[None])
    else:
        work.restore(earlier.resume)
        record.add(np.asarray(earlier.correlations))

    def report() -> Run:
        done = record.reached == len(request.times)
        return Run(
            record.fields(request.couplings.decay),
            {**clock.diagnostics(), **work.diagnostics},
            failure,
            {} if done else work.resume(),
        )

    clock.first(report)
    try:
        with work, Progress(1000, "evolving (blocks)", show=request.progress) as bar:
            while record.reached < len(request.times):
                record.add(work.step(request.times[record.reached :], bar, clock.look))
                clock.keep(report)
    except (KeyboardInterrupt, ArithmeticError) as error:
        failure = error
    finished = report()
    clock.last(finished)
    return finished


@cache
def compile_kernels(show: bool) -> None:
    """Compile, or read from the cache, on two emitters."""
    from collective._compiled import announced

    with announced("the blocks engine", _COMPILING, show=show):
        pair = Request(Couplings(np.eye(2), np.zeros((2, 2))), State("inverted"), np.arange(2.0))
        work = _Work(pair)
        work.prepare(pair)
        work.moments(work.y)
        with work:
            work.step(pair.times[1:], None, lambda: None)


@dataclass
class _Record:
    """⟨σ⁺_mσ⁻_n⟩ at the times reached."""

    steps: int
    emitters: int
    taken: list[NDArray[np.complex128]] = field(default_factory=list)

    @property
    def reached(self) -> int:
        return sum(map(len, self.taken))

    def add(self, correlations: NDArray[np.complex128]) -> None:
        """Those of some more times, (T, N, N)."""
        self.taken.append(correlations)

    def fields(self, decay: NDArray[Any]) -> dict[str, Any]:
        """Fields of `Result`."""
        return pair_fields(decay, np.concatenate(self.taken))


class _Work:
    """The state and the vectors of the expansion.

    Args:
        request: of Couplings without drive and pump.
    """

    def __init__(self, request: Request):
        from collective.engines import _blocks_kernels, _blocks_tables

        self._kernels = _blocks_kernels
        couplings = request.couplings
        self.highest = highest_excitation(request.state, len(couplings))
        group = _group(request)
        self.layout: Layout = _blocks_tables.layout(couplings, self.highest, group)
        t = self.layout.tables
        self._arguments = _blocks_kernels.arguments(t, len(couplings))
        self._decays, self._frequencies = _blocks_tables.extent(self.layout)
        self._dephasing = float(couplings.dephasing.sum())
        self._parts = 2 if np.any(t.decay[1]) else 1
        self._threads = _threads(request, self.layout.size)
        # a number of the size alone, so that sums do not depend on the threads
        self._pieces = 1 if self.layout.size < _ONE_THREAD else _PIECES
        self._pool: ThreadPoolExecutor | None = None
        self._tolerance = request.rtol
        self._growth = min(_LARGEST_GROWTH, max(1e3, 1e14 * request.rtol))
        self._longest = _LONGEST_STEP
        self._restart: Callable[[], None] | None = None
        self._task_start = np.searchsorted(t.tasks[:, 0], np.arange(self.highest + 2))
        self._flops = _flops(
            len(couplings), self.layout.sectors.sizes, 8 * np.diff(self._task_start), self._parts
        )
        self.lowest = 0
        self._end = float(request.times[-1])
        self._span = max(float(np.ptp(request.times)), 1e-300)
        self.time = float(request.times[0])
        largest = max(self.layout.sectors.sizes)
        self._scratch = [
            (np.empty((largest, 2, 8)), np.zeros((1, largest + 1, 8))) for _ in range(self._threads)
        ]
        self.diagnostics: dict[str, Any] = {
            "applications": 0,
            "flops": 0.0,
            "dropped": 0.0,
            "threads": self._threads,
            "symmetries": len(group),
            "trace_error": 0.0,
        }
        self.whole = True
        self.y, self._one, self._two, self._transposed = (
            np.zeros(self.layout.size) for _ in range(4)
        )
        self._start = np.zeros(self.layout.size) if request.checkpointed else None

    def __enter__(self) -> "_Work":
        if self._threads > 1:
            self._pool = ThreadPoolExecutor(self._threads - 1)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def prepare(self, request: Request) -> None:
        """The initial state, packed."""
        self._restart = lambda: self.prepare(request)
        t, sectors = self.layout.tables, self.layout.sectors
        self.y[:] = 0
        self.lowest = self.highest
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

    def restore(self, resume: dict[str, NDArray[Any]]) -> None:
        """Continue from a whole step."""
        self._restart = lambda: self.restore(resume)
        self.y[:] = resume["vector"]
        self.time = float(resume["time"])
        self.diagnostics["dropped"] = float(resume["dropped"])

    def resume(self) -> dict[str, NDArray[Any]]:
        """What `restore` needs; nothing in the middle of a step, unless its start was kept."""
        vector = self.y if self.whole else self._start
        if vector is None:
            return {}
        dropped = np.array(self.diagnostics["dropped"])
        return {"vector": vector, "time": np.array(self.time), "dropped": dropped}

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
        self._kernels.moments(
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
            if self.diagnostics["dropped"] + leaving > _NEGLIGIBLE * self._tolerance:
                return
            for vector in (self.y, self._one, self._two):
                vector[t.offset[self.highest] :] = 0
            self.diagnostics["dropped"] += leaving
            self.highest -= 1

    def step(
        self,
        times: NDArray[np.float64],
        bar: Progress | None,
        look: Callable[[], None],
    ) -> NDArray[np.complex128]:
        """Advance by one expansion, as long a one as its terms allow.

        Args:
            times: output times still to come.
            bar: counts thousandths of the whole.
            look: called after each term.

        Returns:
            ⟨σ⁺_mσ⁻_n⟩ at those of the times that the step reached, (T, N, N).

        Raises:
            FloatingPointError: the terms grow out of bounds however short the step.
        """
        self._drop()
        decay = float(self._decays[: self.highest + 1].max()) + self._dephasing
        ellipse = Ellipse(decay, float(self._frequencies[: self.highest + 1].max()))
        left = self._end - self.time
        while True:
            steps = max(1, ceil(left * ellipse.radius / self._longest))
            taken, growth = self._expand(ellipse, left / steps, steps == 1, times, bar, look)
            if growth < self._growth:
                break
            # only the first step can be taken back: the next ones know from it how far to go
            if self._restart is None or self._longest < _SHORTEST_STEP:
                raise FloatingPointError(
                    f"the expansion does not converge over a step of {left / steps:.3g}: its terms "
                    f"grow {growth:.1e} times; method='exact' steps more slowly"
                )
            self._longest /= 2
            self._restart()
        self._restart = None
        if growth > self._growth**0.8:
            self._longest *= 0.8
        return taken

    def _expand(
        self,
        ellipse: Ellipse,
        h: float,
        last: bool,
        times: NDArray[np.float64],
        bar: Progress | None,
        look: Callable[[], None],
    ) -> tuple[NDArray[np.complex128], float]:
        """Moments at the output times within h, and the largest term over the state."""
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
        self.whole = False
        self.y[active] *= weights[0, -1]
        small, growth = 0, 1.0
        expected = max(8.0, _TERMS_PER_RADIUS * h * ellipse.radius)
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
                break
            seen = max(np.abs(taken[-1]).max() / max(np.abs(taken[0]).max(), 1e-300), size / norm)
            small = small + 1 if abs(weight) * seen < tolerance else 0
            if small == 2 and j > h * ellipse.radius / 2:
                self.lowest = max(0, self.lowest - j)
                self.time, self.whole = end, True
                trace = float(self.populations().sum()) + self.diagnostics["dropped"]
                error = max(self.diagnostics["trace_error"], abs(trace - 1))
                self.diagnostics["trace_error"] = error
                break
        else:
            growth = np.inf
        self._one, self._two = current, previous
        return np.einsum("jt,jmn->tmn", weights[: len(taken), :-1], np.array(taken)), growth

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
            self._kernels.hop_pass(
                begin + i, end, stride, current, previous, transposed, panel, alpha, beta, gamma,
                *for_hops,
            )  # fmt: skip
            for part in range(self._parts):
                self._kernels.jump_pass(
                    begin + i, end, stride, current, previous, transposed, rows, alpha, part,
                    highest, *for_jumps,
                )  # fmt: skip

        def second(thread: int, i: int) -> None:
            shares[i] = self._kernels.second_pass(
                begin + i, end, stride, previous, transposed, self.y, alpha, coefficient,
                *for_second,
            )  # fmt: skip

        from collective._compiled import in_pieces

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


def _group(request: Request) -> list[NDArray[np.int64]]:
    """Permutations that change neither couplings nor state, closed under composition.

    Raises:
        ValueError: a permutation of the user's that is none of these.
    """
    n = len(request.couplings)
    identity = np.arange(n)
    generators = []
    for i, given in enumerate(request.symmetries):
        permutation = np.array(given)
        if not _unchanged(request.couplings, permutation):
            raise ValueError(f"symmetries[{i}] does not leave the couplings unchanged: {given}")
        if not _shared(request, permutation):
            raise ValueError(f"symmetries[{i}] does not leave the state unchanged: {given}")
        generators.append(permutation)
    reversal = identity[::-1]
    if n > 1 and _unchanged(request.couplings, reversal) and _shared(request, reversal):
        generators.append(reversal)
    found = {tuple(identity.tolist()): identity}
    frontier = [identity]
    while frontier:
        frontier = [
            product
            for g in frontier
            for s in generators
            if tuple((product := s[g]).tolist()) not in found
            and found.setdefault(tuple(product.tolist()), product) is product
        ]
    return list(found.values())


def _unchanged(couplings: Couplings, p: NDArray[np.int64]) -> bool:
    """Whether Γ, Δ, δ and γ_φ are those of the emitters in another order."""
    scale = _SAME * max(float(np.abs(couplings.decay).max()), float(np.abs(couplings.shift).max()))
    matrices = (couplings.decay, couplings.shift)
    vectors = (couplings.detunings, couplings.dephasing)
    return all(np.abs(a[np.ix_(p, p)] - a).max() <= scale for a in matrices) and all(
        np.abs(a[p] - a).max() <= scale for a in vectors
    )


def _shared(request: Request, p: NDArray[np.int64]) -> bool:
    """Whether the blocks of the state are those of the emitters in another order."""
    state, n = request.state, len(request.couplings)
    if isinstance(state, State):
        if state.kind not in ("single", "timed_dicke"):
            return True
        amplitudes = state.amplitudes(np.eye(n, dtype=bool), request.couplings.emitters)
        moved = np.empty_like(amplitudes)
        moved[p] = amplitudes
        return bool(abs(abs(np.vdot(amplitudes, moved)) - 1) < _SAME)
    every = np.arange(1 << n)
    moved_bits = np.zeros_like(every)
    for m, to in enumerate(p):
        moved_bits |= (every >> m & 1) << int(to)
    order = qutip_index(n, moved_bits)[np.argsort(qutip_index(n, every))]
    matrix = state.full()
    if state.isket:
        matrix = matrix @ matrix.conj().T
    counts = np.bitwise_count(every)[np.argsort(qutip_index(n, every))]
    same = counts[:, None] == counts[None, :]
    return bool(np.abs((matrix[np.ix_(order, order)] - matrix)[same]).max() < _SAME)
