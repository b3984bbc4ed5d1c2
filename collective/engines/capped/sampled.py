"""Runs by quantum trajectories within the cap: the branch without jumps, then sampled branches."""

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.blas import BlasThreads
from collective.engines.base import resumed, threads_for
from collective.engines.capped.branches import (
    Anchor,
    Branch,
    Columns,
    Flow,
    Tolerance,
    draw,
)
from collective.engines.capped.channels import Channels
from collective.engines.capped.deterministic import summary
from collective.engines.capped.estimate import band
from collective.engines.capped.particles import Particles
from collective.engines.capped.size import ANCHORS, LEAST_ATOL, LEAST_RTOL
from collective.engines.capped.tensors import Layers, observed, pairs
from collective.engines.capped.totals import Drawn, Unjumped, means
from collective.engines.request import Request, envelope_at
from collective.states import State
from collective.states.answers import amplitudes_of
from collective.states.checking import configurations

if TYPE_CHECKING:
    from collective.results.result import Result

_CERTAIN = 1e-13  # probability of a jump below which no branch is drawn
_NAMES = ("counts", "sums", "squares", "matrices")


class SampledRun:
    """The branch without jumps, and the branches drawn so far.

    Args:
        request: what is asked for; its state is pure.
        earlier: an interrupted result, or None.
        holes: whether the particles are holes.
        highest: K.
        n: number of branches.
    """

    def __init__(
        self, request: Request, earlier: "Result | None", holes: bool, highest: int, n: int
    ):
        self._request, self._holes, self._highest, self._n = request, holes, highest, n
        self._particles = Particles.of(request.couplings, holes)
        self._channels = Channels.of(self._particles)
        self._columns = Columns(self._particles.n, highest)
        self._correlated = "correlations" in request.words
        self._stop = threading.Event()
        envelope = request.envelope
        self._flow = Flow(
            self._particles,
            None if envelope is None else lambda t: envelope_at(envelope, t),
            Tolerance(
                max(request.rtol, LEAST_RTOL), max(request.atol, LEAST_ATOL), request.timeline
            ),
            self._stop.is_set,
        )
        self._threads = threads_for(request)
        self._limits = ExitStack()
        self._work: Iterator[None] | None = None
        layers, flat = start(request, holes, highest, self._particles.driven)
        norm2 = layers.norm2(flat)
        first = self._seen(layers, flat)
        matrices = first[1][None] if self._correlated else self._none
        anchor = Anchor(float(request.times[0]), norm2, layers, flat)
        self._unjumped = Unjumped(first[0][None], np.array([norm2]), matrices, [anchor])
        steps, n_emitters = len(request.times), self._particles.n
        shape = (steps, self._columns.width)
        kept = (steps if self._correlated else 0, n_emitters, n_emitters)
        self._drawn = Drawn(
            0, 0, np.zeros(steps, np.int64), np.zeros(shape), np.zeros(shape),
            np.zeros(kept, complex),
        )  # fmt: skip
        self._seed = request.seed
        if earlier is not None:
            self._seed = int(earlier.diagnostics["seed"])
            if earlier.diagnostics["n_branches"]:
                own = self._drawn
                arrays = {x: resumed(earlier, x, getattr(own, x).shape) for x in _NAMES}
                self._drawn = Drawn(
                    int(earlier.diagnostics["n_branches"]), int(earlier.diagnostics["jumps"]),
                    **arrays,
                )  # fmt: skip
                self._follow_again()
        elif self._seed is None:
            self._seed = int(np.random.default_rng().integers(2**53))

    def _follow_again(self) -> None:
        """Compute the branch without jumps again, which takes as long as two other branches."""
        with BlasThreads(1):
            for _ in self._follow():
                pass

    @property
    def _none(self) -> NDArray[np.complex128]:
        n = self._particles.n
        return np.empty((0, n, n), dtype=complex)

    def _seen(
        self, layers: Layers, flat: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """The row and the correlations of a state that is not normalised."""
        row = self._columns.row(observed(self._particles, layers, flat))
        if not np.all(np.isfinite(row)):
            raise FloatingPointError("the amplitudes are not finite")
        if not self._correlated:
            return row, self._none
        return row, self._particles.correlations(layers.norm2(flat), pairs(layers, flat))

    @property
    def _followed(self) -> bool:
        """Whether the branch without jumps has reached the last time."""
        return len(self._unjumped.norms) == len(self._request.times)

    @property
    def _chance(self) -> float:
        """The probability of a jump before the last time."""
        norms = self._unjumped.norms
        return float(norms[0] - norms[-1])

    @property
    def done(self) -> bool:
        """Whether every branch is drawn; none is needed if nothing jumps."""
        return self._followed and (self._chance < _CERTAIN or self._drawn.count >= self._n)

    @property
    def share(self) -> float:
        """How much is done, in runs from the first time to the last."""
        followed = len(self._unjumped.norms) / len(self._request.times)
        return 1.0 if self.done else (followed + self._drawn.count) / (1 + self._n)

    def advance(self) -> None:
        """Follow the branch without jumps to the next time, or draw another branch."""
        if self._work is None:
            # trajectories share the threads, so that products of matrices need one each
            self._limits.enter_context(BlasThreads(1))
            self._work = self._pieces()
        next(self._work)

    def _pieces(self) -> Iterator[None]:
        if not self._followed:
            yield from self._follow()
        if not self.done:
            yield from self._draw()

    def _follow(self) -> Iterator[None]:
        """Follow the branch without jumps."""
        times, first = self._request.times, self._unjumped.anchors[0]
        every = max(1, -(-len(times) // ANCHORS))
        layers = first.layers
        begin = replace(
            self._unjumped, rows=self._unjumped.rows[:1], norms=self._unjumped.norms[:1],
            matrices=self._unjumped.matrices[:1], anchors=[first],
        )  # fmt: skip
        found = begin
        steps = self._flow.solver(layers, first.flat, first.time, float(times[-1]))
        for i, t in enumerate(times[1:], 1):
            state = steps.to(float(t))
            row, matrix = self._seen(layers, state)
            norm2 = layers.norm2(state)
            anchors = found.anchors
            if i % every == 0 and i < len(times) - 1:
                anchors = [*anchors, Anchor(float(t), norm2, layers, state.copy())]
            # rounding must not let the norm grow
            norm2 = min(norm2, float(found.norms[-1]))
            found = Unjumped(
                np.concatenate([found.rows, row[None]]),
                np.append(found.norms, norm2),
                np.concatenate([found.matrices, matrix[None]]) if self._correlated else self._none,
                anchors,
            )
            self._unjumped = found
            yield
        steps.close()

    def _draw(self) -> Iterator[None]:
        """Draw branches in threads, and add them up in their order."""
        assert self._seed is not None
        seed, end, chance = self._seed, float(self._unjumped.norms[0]), self._chance
        order = np.random.default_rng([seed, self._n]).permutation(self._n)
        times, columns = np.asarray(self._request.times), self._columns
        typical = self._unjumped.typical

        def one(i: int) -> Branch:
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(i,)))
            # one first jump in each of n parts of equal probability
            target = end - chance * (order[i] + rng.random()) / self._n
            return draw(
                self._flow, self._channels, self._unjumped.anchors, times, columns,
                self._highest, self._correlated, float(target), rng,
            )  # fmt: skip

        waiting: deque[Future[Branch]] = deque()
        left = iter(range(self._drawn.count, self._n))
        with ThreadPoolExecutor(self._threads) as pool:
            try:
                while not self.done:
                    while len(waiting) < 2 * self._threads and (i := next(left, None)) is not None:
                        waiting.append(pool.submit(one, i))
                    self._drawn = self._drawn.plus(waiting[0].result(), typical)
                    waiting.popleft()
                    yield
            finally:
                self._stop.set()
                for future in waiting:
                    future.cancel()

    def _means(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]:
        """Rows, their standard errors, and ⟨σ⁺_mσ⁻_n⟩, at all times that have a result."""
        u = self._unjumped
        if not self.done and not self._drawn.count:  # nothing but the first time
            return u.rows[:1], np.zeros_like(u.rows[:1]), u.matrices[:1]
        return means(u, self._drawn)

    def fields(self) -> dict[str, Any]:
        """Fields of `Result` with the estimated error."""
        rows, errors, matrices = self._means()
        c = self._columns
        found: dict[str, Any] = {
            "emission": rows[:, 0].copy(),
            "emission_error": errors[:, 0].copy(),
            "excitation": rows[:, 2].copy(),
            "excitation_error": errors[:, 2].copy(),
            "populations": rows[:, c.populations].copy(),
            "populations_error": errors[:, c.populations].copy(),
            "error_estimate": band(
                self._request.couplings, self._holes, self._highest, rows[:, c.weights], rows[:, 0]
            ),
            "expect": {},
        }
        if not self._holes:
            found["coincidence_rate"] = rows[:, 1].copy()
            found["coincidence_error"] = errors[:, 1].copy()
        if self._correlated:
            found["correlations"] = matrices
        return found

    def diagnostics(self) -> dict[str, Any]:
        """The route, counts, and the largest weights at the edge of the cap and beyond."""
        rows, _, _ = self._means()
        return {
            "route": "trajectories",
            "n_branches": self._drawn.count,
            "jumps": self._drawn.jumps,
            "seed": self._seed,
            "threads": self._threads,
            "jump_probability": self._chance,
            **summary(rows[:, self._columns.weights]),
        }

    def resume(self) -> dict[str, NDArray[Any]]:
        """The sums; the branch without jumps is computed again."""
        return {name: getattr(self._drawn, name) for name in _NAMES}

    def notes(self) -> list[str]:
        """No warnings of its own."""
        return []

    def close(self) -> None:
        """End threads, and release what only `advance` needs."""
        self._stop.set()
        if self._work is not None:
            self._work.close()  # type: ignore[attr-defined]
        self._work = None
        self._limits.close()


def start(
    request: Request, holes: bool, highest: int, driven: bool
) -> tuple[Layers, NDArray[np.complex128]]:
    """A pure state within the cap, and the layers that it needs."""
    n, state = len(request.couplings), request.state
    tensors: dict[int, NDArray[np.complex128]] = {}
    for k in range(highest + 1):
        occupied = configurations(n, k)
        excited = ~occupied if holes else occupied
        if isinstance(state, State):
            values = amplitudes_of(state, excited, request.couplings.emitters)
        else:
            bits = (~excited @ (1 << np.arange(n)[::-1])).astype(np.int64)
            values = state.full()[bits, 0]
        if not (driven or np.any(values)):
            continue
        places = np.nonzero(occupied)[1].reshape(len(occupied), k)
        tensors[k] = np.full((n,) * k, values[0] if k == 0 else 0, dtype=complex)
        for order in permutations(range(k)) if k else ():
            tensors[k][tuple(places[:, i] for i in order)] = values
    numbers = tuple(range(min(tensors), max(tensors) + 1))
    layers = Layers(n, numbers)
    return layers, layers.joined(tensors)
