r"""Quantum jumps: photons one by one, means over trajectories with their standard errors.

.. math:: \overline{⟨O⟩} = \frac{1}{M}\sum_{i=1}^M \frac{⟨ψ_i|O|ψ_i⟩}{⟨ψ_i|ψ_i⟩}, \qquad
          σ = \sqrt{\mathrm{var}/M}

Couplings that only decay keep the number of excitations sharp between photons, and are drawn
sector by sector (`_trajectories_sectors`): emission −d ln‖ψ‖²/dt, populations and correlations are
exact along each trajectory. Of the initial state only the blocks ρ^(k,k) of equal excitation number
matter: coherences between numbers evolve apart from them and reach none of these observables.

A drive, a pump, dephasing or operators of the user go to QuTiP's `mcsolve`
(`_trajectories_qutip`); the channels of its jumps count `couplings.collapse_operators()`.

The file is longer than others: the loop over batches of trajectories, and when it may stop.
"""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import threads_available
from collective._tools.memory import available_bytes
from collective._tools.progress import Progress
from collective.couplings.couplings import Couplings
from collective.engines.base import Checkpoint, Clock, Cost, Run, without_docstrings
from collective.engines.basis import initial
from collective.engines.basis.sectors import LARGEST
from collective.engines.numerics.extent import Extent
from collective.engines.request import Request
from collective.engines.trajectories.means import Batch, Totals
from collective.engines.trajectories.size import Size

if TYPE_CHECKING:
    from collective.results.result import Result

DEFAULT_COUNT = 1000
MOST_FOR_ERROR = 100_000  # trajectories, where a standard error is asked for but no number
_TRUSTED = 100  # trajectories before their scatter is believed
_CLICKS = 10  # jumps before it is believed either: without one, all trajectories are alike
_UNLIKELY = 0.01  # photons of all trajectories asked for: none is waited for
_FREE = 0.7  # of the memory there is, which further threads may take


def refusal(request: Request) -> str | None:
    """States, a master equation that is not of couplings, and more emitters than bits."""
    if not isinstance(request.problem, Couplings):
        return "method 'trajectories' takes Couplings, not a MasterEquation"
    if "states" in request.words:
        return "observe: method 'trajectories' has no density matrices ('states')"
    if (unknown := initial.refusal(request, "trajectories")) is not None:
        return unknown
    n = len(request.couplings)
    if n > LARGEST and by_sectors(request):
        return f"method 'trajectories' ends at {LARGEST} emitters, got {n}"
    return None if by_sectors(request) else without_docstrings()


def by_sectors(request: Request) -> bool:
    """Whether the excitation number stays sharp and nothing but sectors' observables is wanted."""
    couplings = request.couplings
    others = (couplings.drive, couplings.pump, couplings.dephasing)
    return not (request.operators or any(np.any(values) for values in others))


def asked(request: Request) -> int:
    """How many trajectories, at most."""
    if request.n_trajectories is not None:
        return request.n_trajectories
    return DEFAULT_COUNT if request.standard_error is None else MOST_FOR_ERROR


def cost(request: Request) -> Cost:
    """Memory and time of a run."""
    couplings, count = request.couplings, asked(request)
    n = len(couplings)
    at_most = "at most " if request.standard_error is not None else ""
    noun = "trajectory" if count == 1 else "trajectories"
    work = f"{at_most}{count:,} {noun} of {n} emitters"
    if not by_sectors(request):
        from collective.engines.trajectories import mcsolve

        return mcsolve.cost(request, count, f"QuTiP mcsolve, {work}")
    size = sized(request)
    extent = Extent(couplings, size.top)
    correlated = "correlations" in request.words
    held = size.total_bytes(count, correlated)
    if request.checkpointed:  # the record of jumps once more, and correlations three times
        held += 24 * count * size.top + (56 * n * n * len(request.times) if correlated else 0)
    return Cost(
        held,
        size.seconds(count, extent, request.times, _typical(request, size.top)),
        f"{work}, up to C({n}, {size.widths.index(size.widest)}) = {size.widest:,} amplitudes",
    )


def _typical(request: Request, top: int) -> int:
    """How many excitations most trajectories begin with, of at most so many."""
    return min(top, initial.typical_excitation(request.state, len(request.couplings)))


def sized(request: Request) -> Size:
    """Blocks and threads: as many as asked for or there are, while their memory is there.

    The threads depend on the memory of the moment, and may be fewer when the run begins than when
    its cost was asked; the numbers do not depend on them.
    """
    n, count = len(request.couplings), asked(request)
    top = initial.highest_excitation(request.state, n)
    size = Size.of(n, top, len(request.times), count, request.threads or threads_available())
    available = available_bytes()
    if available is None:
        return size
    rest = int(_FREE * available) - size.shared_bytes
    fitting = rest // size.thread_bytes("correlations" in request.words)
    return Size(n, top, size.steps, size.block, max(1, min(size.threads, fitting)))


class Sampler(Protocol):
    """Draws trajectories; the two ways of it.

    Attributes:
        extra: numbers X per time that get no error: ⟨σ⁺_mσ⁻_n⟩ (N²) if wanted, then operators.
        block: trajectories to be drawn together.
        threads: in which to draw, 0 for the one that asks.
    """

    extra: int
    block: int
    threads: int

    def compile(self) -> None: ...  # noqa: D102
    def prepare(self) -> None: ...  # noqa: D102
    def draw(self, seed: int, first: int, count: int) -> Batch: ...  # noqa: D102
    def initial(self) -> tuple[NDArray[np.float64], NDArray[np.complex128]]: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102


def run(request: Request, earlier: "Result | None", checkpoint: Checkpoint | None) -> Run:
    """Draw trajectories until there are as many as asked for, or their error is small enough.

    Ctrl-C comes back in `Run.failure`, beside the trajectories drawn so far; with none, beside the
    exact observables of the initial time.
    """
    sampler, count = _sampler(request), asked(request)
    totals = Totals.empty(len(request.times), len(request.couplings) + 2, sampler.extra)
    seed = request.seed
    if earlier is not None:
        seed = int(earlier.diagnostics["seed"])
        if earlier.diagnostics["n_trajectories"] > 0:
            totals = Totals.of(earlier, _means(request, earlier))
    elif seed is None:
        seed = int(np.random.default_rng().integers(2**53))
    failure: BaseException | None = None

    def finished() -> bool:
        return totals.count >= count or _good_enough(totals, request)

    initial = cache(sampler.initial)

    def report() -> Run:
        diagnostics = {
            **clock.diagnostics(),
            "n_trajectories": totals.count,
            "seed": seed,
            "threads": max(sampler.threads, 1),
        }
        kept = {} if finished() else totals.resume()
        shown, means = totals, totals.sums / max(totals.count, 1)
        if totals.count == 0:
            values, means = initial()
            shown = Totals(0, values, np.zeros_like(values), means)
        observables = {**shown.observables(), **_named(request, means)}
        return Run(observables, diagnostics, failure, kept)

    clock = Clock(checkpoint)
    try:
        sampler.compile()
        clock = Clock(checkpoint)  # compiling is not the run's
        clock.first(report)
    except KeyboardInterrupt as error:
        failure = error
    try:
        if failure is None and not finished():
            sampler.prepare()
            with (
                Progress(count, "drawing trajectories", show=request.progress) as bar,
                closing(_batches(sampler, seed, totals.count, count)) as batches,
            ):
                bar.step(totals.count)
                for batch in batches:
                    totals = totals.with_batch(batch)
                    clock.look()
                    bar.step(batch.count)
                    if finished():
                        break
                    clock.keep(report)
    except (KeyboardInterrupt, Exception) as error:
        failure = error
    done = report()
    clock.last(done)
    if not done.resume:
        done.notes += _large_error(totals, request)
    return done


def _named(request: Request, means: NDArray[np.complex128]) -> dict[str, Any]:
    """Means of (T, X) as fields of `Result`."""
    n = len(request.couplings)
    found: dict[str, Any] = {}
    if "correlations" in request.words:
        found["correlations"] = means[:, : n * n].reshape(-1, n, n).copy()
        means = means[:, n * n :]
    expect = zip(request.operators.items(), means.T, strict=True)
    found["expect"] = {
        name: values.real.copy() if operator.isherm else values.copy()
        for (name, operator), values in expect
    }
    return found


def _means(request: Request, earlier: "Result") -> NDArray[np.complex128]:
    """The same backwards."""
    parts: list[NDArray[Any]] = [np.empty((len(request.times), 0))]
    if "correlations" in request.words:
        if earlier.correlations is None:
            raise ValueError("its correlations are missing")
        parts.append(earlier.correlations.reshape(len(request.times), -1))
    parts += [earlier.expect[name][:, None] for name in request.operators]
    return np.concatenate(parts, axis=1).astype(complex)


def _sampler(request: Request) -> Sampler:
    if by_sectors(request):
        from collective.engines.trajectories.sectors import SectorTrajectories

        return SectorTrajectories(request, sized(request))
    from collective.engines.trajectories.mcsolve import QutipTrajectories

    return QutipTrajectories(request)


def _batches(sampler: Sampler, seed: int, first: int, last: int) -> Generator[Batch]:
    """Blocks of trajectories in their order, drawn by as many threads as the sampler has."""
    blocks: Iterator[int] = iter(range(first, last, sampler.block))
    if sampler.threads == 0:
        for i in blocks:
            yield sampler.draw(seed, i, min(sampler.block, last - i))
        return
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(sampler.threads) as pool:
        try:
            while True:
                while len(waiting) < 2 * sampler.threads:
                    start = next(blocks, None)
                    if start is None:
                        break
                    size = min(sampler.block, last - start)
                    waiting.append(pool.submit(sampler.draw, seed, start, size))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            sampler.stop()
            for future in waiting:
                future.cancel()


def _relative_error(totals: Totals) -> float:
    """Largest standard error of the emission, relative to its largest value; 0 without emission."""
    error, emission = totals.errors()[:, 0].max(), np.abs(totals.mean[:, 0]).max()
    return float(error / emission) if emission > 0 else 0.0


def _believed(totals: Totals, request: Request) -> bool:
    """Whether the scatter can be trusted: without a jump all trajectories are alike.

    Where no photon is to be expected from all that are asked for, there is nothing to wait for.
    """
    if totals.count < _TRUSTED:
        return False
    if totals.clicks >= _CLICKS:
        return True
    photons = float(np.trapezoid(totals.mean[:, 0], request.times))
    return photons * asked(request) < _UNLIKELY


def _good_enough(totals: Totals, request: Request) -> bool:
    wanted = request.standard_error
    return wanted is not None and _relative_error(totals) <= wanted and _believed(totals, request)


def _large_error(totals: Totals, request: Request) -> list[str]:
    """What there is to say of a standard error that was asked for and not reached."""
    wanted, reached = request.standard_error, _relative_error(totals)
    if wanted is None:
        return []
    if reached > wanted:
        return [
            f"standard_error: {reached:.2g} of the largest emission after {totals.count:,} "
            f"trajectories, {wanted:g} asked for; allow more by n_trajectories"
        ]
    if not _believed(totals, request):
        return [
            f"standard_error: only {totals.clicks} jumps in {totals.count:,} trajectories, too few "
            "to know the error; allow more by n_trajectories"
        ]
    return []
