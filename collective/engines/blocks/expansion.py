r"""The run of the block engine: one Faber expansion of e^{𝓛t} after another.

A step of length h adds :math:`\sum_j c_j(h)F_j` to ρ, F_j from F_{j−1} and F_{j−2} by one
application of the generator. The step is complete when the terms are smaller than the tolerance.
Steps can be long, but not arbitrarily long: each block feeds only the one below it, which makes the
generator non-normal, and the terms grow before they fall. A step whose terms grow too much is
repeated with half the length, and later steps are not longer than that.

`tables` says where each number of ρ is stored, `kernels` do the arithmetic. The file is longer than
others because the run and the density matrix that it changes in place belong together.
"""

import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import in_pieces
from collective.engines.base import pieces_for, resumed
from collective.engines.basis.configurations import ensemble
from collective.engines.blocks import kernels, tables
from collective.engines.numerics.spectrum import LONGEST_STEP, TERMS_PER_RADIUS, Ellipse
from collective.engines.record import Recorder
from collective.engines.request import Request
from collective.states.answers import highest_excitation, weights_of

if TYPE_CHECKING:
    from collective.results.result import Result

LARGEST_GROWTH = 1e6  # of a term, relative to ρ: it loses six digits of sixteen
NEGLIGIBLE = 0.01  # share of the tolerance for the population of the blocks that are dropped
_SHORTEST_STEP = 2.0
_SPARE_TERMS = 80  # a step fails after its radii, three terms for each digit, and these
_AT_ONCE = 2e-3  # seconds of terms in one `advance`
_COUNTED = ("dropped", "applications", "flops")  # numbers in a checkpoint


class Expansion:
    """The evolution of ρ in excitation blocks through the output times; see `base.Run`.

    A step changes ρ in place. If a run ends within a step, it continues from the start of the step,
    which is kept if the run is checkpointed. The recorder holds the time after the last whole step
    with ρ at this time, or None within a step whose start is not kept.

    Args:
        request: a request of Couplings without drive and pump.
        permutations: a group that changes neither couplings nor state, the identity first, (G, N).
        earlier: an interrupted result of the same request, or None.

    Raises:
        ValueError: if the arrays of the earlier result do not fit.
    """

    def __init__(
        self,
        request: Request,
        permutations: NDArray[np.int64],
        earlier: "Result | None" = None,
    ):
        self._request, self._permutations = request, np.asarray(permutations)
        self._rho = PackedDensity(request, permutations)
        self._recorder = Recorder(request, request.couplings.decay, eigenvalues=False)
        self._begin, self._end = float(request.times[0]), float(request.times[-1])
        self._span = max(self._end - self._begin, 1e-300)
        self._growth = min(LARGEST_GROWTH, max(1e3, 1e14 * request.rtol))
        self._longest = LONGEST_STEP
        self._restart: Callable[[], None] | None
        self._start = np.zeros_like(self._rho.y) if request.checkpointed else None
        if earlier is not None and earlier.resume:
            self._continue_from(earlier)
        else:
            self._restart = self._rho.set_initial
            self._restart()
            first = {"correlations": self._rho.moments(self._rho.y)[None]}
            self._recorder.add(first, now=(self._begin, self._rho.y))
        self._share = (self._recorder.now[0] - self._begin) / self._span
        self._terms = self._steps()

    def _continue_from(self, earlier: "Result") -> None:
        """Continue from what an interrupted run has reached."""
        rho = self._rho
        found = {name: resumed(earlier, name, ()).item() for name in (*_COUNTED, "time")}
        vector = resumed(earlier, "vector", (rho.layout.size,)).real
        self._restart = lambda: rho.set_vector(vector, found["dropped"])
        self._restart()
        rho.applications, rho.flops = found["applications"], found["flops"]
        now = float(found["time"]), rho.y
        self._recorder.restore(earlier, ("correlations",), now=now)

    @property
    def done(self) -> bool:
        """Whether every output time is reached."""
        return self._recorder.done

    @property
    def share(self) -> float:
        """The share of the time that has passed, from 0 to 1."""
        return 1.0 if self.done else self._share

    def advance(self) -> None:
        """Compute some terms of the expansion."""
        begin = time.monotonic()
        while True:
            next(self._terms)
            if self.done or time.monotonic() - begin > _AT_ONCE:
                return

    def fields(self) -> dict[str, Any]:
        """The recorded arrays by the names of `Result`."""
        return self._recorder.fields()

    def diagnostics(self) -> dict[str, Any]:
        """Numbers of applications and operations, and the largest error of the trace."""
        return {
            "applications": self._rho.applications,
            "flops": self._rho.flops,
            "dropped": self._rho.dropped,
            "threads": self._rho.threads,
            "symmetries": len(self._permutations),
            **self._recorder.checks(),
        }

    def resume(self) -> dict[str, NDArray[Any]]:
        """ρ after the last whole step, and its time.

        It is empty within a step whose start is not kept.
        """
        at, vector = self._recorder.now
        if vector is None:
            return {}
        counted = {name: np.array(getattr(self._rho, name)) for name in _COUNTED}
        permutations = self._permutations.astype(np.uint8)
        return {"vector": vector, "time": np.array(at), "permutations": permutations, **counted}

    def notes(self) -> list[str]:
        """No warnings."""
        return []

    def close(self) -> None:
        """End the threads."""
        self._terms.close()
        self._rho.close()

    def _steps(self) -> Generator[None, None, None]:
        """Compute step after step until every output time is reached; yields after each term."""
        while not self.done:
            yield from self._step()
            yield

    def _step(self) -> Generator[None, None, None]:
        """Advance by one expansion, as long as its terms allow.

        Raises:
            FloatingPointError: if the terms grow too much even in a very short step.
        """
        rho, left = self._rho, self._end - self._recorder.now[0]
        while True:
            rho.drop_empty(NEGLIGIBLE * self._request.rtol)
            if rho.highest == 0:
                self._stay_in_ground_state()
                return
            ellipse = rho.ellipse
            steps = max(1, ceil(left * ellipse.radius / self._longest))
            h = left / steps
            growth = yield from self._expand(ellipse, h, last=steps == 1)
            if growth < self._growth:
                break
            # the first step finds out how long later ones can be; later ones are repeated only if
            # their start is kept
            if self._restart is None or self._longest < _SHORTEST_STEP:
                raise FloatingPointError(
                    f"the expansion does not converge over a share {h / self._span:.1e} "
                    f"of the times: its terms grow {growth:.1e} times; method='exact' steps more "
                    "slowly"
                )
            self._longest /= 2
            self._restart()
        self._restart = None if self._start is None else self._set_start
        if growth > self._growth**0.8:
            self._longest *= 0.8

    def _set_start(self) -> None:
        """Set ρ to its value before this step."""
        self._rho.y[:] = self._start

    def _stay_in_ground_state(self) -> None:
        """Record the later times, at which only the ground state is left."""
        later, n = len(self._request.times) - self._recorder.reached, len(self._request.couplings)
        zeros = np.broadcast_to(np.complex128(0), (later, n, n))  # takes no memory
        self._recorder.add({"correlations": zeros}, now=(self._end, self._rho.y))

    def _expand(self, ellipse: Ellipse, h: float, *, last: bool) -> Generator[None, None, float]:
        """Advance ρ by h if the expansion converges; returns the largest term relative to ρ."""
        rho, begin = self._rho, self._recorder.now[0]
        tolerance = max(self._request.rtol * h / self._span, 1e-15)  # all steps share it
        end = self._end if last else begin + h
        times = self._request.times[self._recorder.reached :]
        inside = times[times <= end * (1 + np.sign(end) * 1e-14)] - begin
        count = ceil(h * ellipse.radius - 3 * np.log10(tolerance)) + _SPARE_TERMS
        weights = ellipse.coefficients(count, np.append(inside, h))
        norm = rho.norm()
        active = rho.active
        previous, current = rho.two, rho.one
        current[active] = rho.y[active]
        previous[active] = 0
        moments = [rho.moments(current)]
        if self._start is not None:
            self._start[:] = rho.y
        self._recorder.add({}, now=(begin, self._start))
        rho.y[active] *= weights[0, -1]
        small, growth = 0, 1.0
        expected = max(8.0, TERMS_PER_RADIUS * h * ellipse.radius)
        for j in range(1, count):
            weight = float(weights[j, -1])
            lowest = max(0, rho.lowest - j)
            size = rho.apply(current, previous, ellipse.recurrence(j), weight, lowest)
            current, previous = previous, current
            moments.append(rho.moments(current))
            reached = begin + h * min(1.0, j / expected) - self._begin
            self._share = max(self._share, reached / self._span)
            yield
            growth = max(growth, abs(weight) * size / norm)
            if not growth < self._growth:
                return growth
            first, latest = np.abs(moments[0]).max(), np.abs(moments[-1]).max()
            seen = max(latest / max(first, 1e-300), size / norm)
            small = small + 1 if abs(weight) * seen < tolerance else 0
            if small == 2 and j > h * ellipse.radius / 2:
                rho.one, rho.two = current, previous
                rho.lowest = lowest
                found = np.einsum("jt,jmn->tmn", weights[: j + 1, :-1], np.array(moments))
                error = rho.trace_error()
                self._recorder.add({"correlations": found}, trace_error=error, now=(end, rho.y))
                return growth
        return max(growth, self._growth)


class PackedDensity:
    """The excitation blocks of ρ one after the other, and the vectors that an expansion needs.

    Args:
        request: a request of Couplings without drive and pump.
        permutations: a group that changes neither couplings nor state, the identity first, (G, N).

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

    def __init__(self, request: Request, permutations: NDArray[np.int64]):
        couplings = request.couplings
        self._request = request
        self._top = self.highest = highest_excitation(request.state, len(couplings))
        self.lowest = 0
        self.layout = tables.layout(couplings, self.highest, permutations)
        t = self.layout.tables
        self._arguments = arguments(t, len(couplings))
        self._decays, self._frequencies = tables.extent(self.layout)
        self._dephasing = float(couplings.dephasing.sum())
        self._parts = 2 if np.any(t.decay[1]) else 1
        self._task_start = np.searchsorted(t.tasks[:, 0], np.arange(self.highest + 2))
        sizes = self.layout.blocks.sizes
        self._flops = _flops(len(couplings), sizes, 8 * np.diff(self._task_start), self._parts)
        self.threads, self._pieces = pieces_for(request, self.layout.size)
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

    def _block(self, vector: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        """The block of k excitations as panels, (panels, C(N, k), 8)."""
        t = self.layout.tables
        part = vector[t.offset[k] : t.offset[k + 1]]
        return part.reshape(-1, self.layout.blocks.sizes[k], 8)

    @property
    def active(self) -> slice:
        """The slice of a vector with the blocks that are not dropped."""
        return slice(0, self.layout.tables.offset[self.highest + 1])

    @property
    def ellipse(self) -> Ellipse:
        """The ellipse around the spectrum of the generator in the blocks that are not dropped."""
        kept = slice(0, self.highest + 1)
        decay = float(self._decays[kept].max()) + self._dephasing
        return Ellipse(decay, float(self._frequencies[kept].max()))

    def populations(self) -> NDArray[np.float64]:
        """Probability of each excitation number, (K+1,)."""
        start = self.layout.tables.start[:-1]
        return np.add.reduceat(self.y[self.layout.diagonal_places], start)

    def trace_error(self) -> float:
        """The difference from 1 of the trace of ρ with the dropped population."""
        return abs(float(self.populations().sum()) + self.dropped - 1)

    def moments(self, vector: NDArray[np.float64]) -> NDArray[np.complex128]:
        """⟨σ⁺_mσ⁻_n⟩ of a packed vector, (N, N)."""
        out = np.empty((self.layout.blocks.n,) * 2, dtype=complex)
        places, emitters = self.layout.pair_places, self.layout.pair_emitters
        kernels.moments(
            vector, self.layout.diagonal_places, self.layout.excited, places, emitters, out
        )
        return np.asarray(out.ravel()[self.layout.same_pairs])

    def norm(self) -> float:
        """Frobenius norm of ρ."""
        total = 0.0
        for k in range(self.highest + 1):
            weights = self.layout.tables.weights[self._task_start[k] : self._task_start[k + 1]]
            block = self._block(self.y, k)
            total += float(np.einsum("piw,piw,pw->", block, block, weights))
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

        for work in (first, second):
            if self._pool is None:
                for piece in range(stride):
                    work(0, piece)
            else:
                in_pieces(work, stride, self.threads, self._pool)
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


def arguments(t: Any, n: int) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]:
    """The arguments of the hop, jump and second passes from `start` on, for N emitters."""
    shared = t.start, t.offset, t.tasks, t.columns
    return (
        (
            *shared,
            t.stored,
            t.images,
            t.targets,
            t.pairs,
            t.bits,
            t.hop,
            t.diagonal,
            t.dephasing,
            n,
        ),
        (*shared, t.images, t.sources, t.raised, t.lowered, t.decay),
        (*shared, t.weights[None], t.stored, t.images),
    )
