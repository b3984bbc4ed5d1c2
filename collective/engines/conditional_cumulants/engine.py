r"""Conditional cumulants: second order of the state that a heterodyne record reveals, averaged over records.

A record of the emitted light tells where the emitters are going, so that the conditional state is closer to a product
state than the mean state, and second-order cumulants of it neglect less. The mean over records is the solution of the
master equation, whatever the efficiency of the detection; with efficiency 0 it is plain second order.
"""  # noqa: E501

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.engines import estimates
from collective.engines.base import Accuracy, Cost, resumed, unsupported
from collective.engines.conditional_cumulants import size
from collective.engines.conditional_cumulants.closure import closure_error
from collective.engines.request import Request
from collective.errors import DivergedError
from collective.states.moments import pair_moments, uncorrelated

if TYPE_CHECKING:
    from collective.engines.conditional_cumulants.sampler import Batch, Sampler
    from collective.engines.conditional_cumulants.totals import Totals
    from collective.results.result import Result

_MANY_RESETS, _TOO_MANY_RESETS = 3.0, 10.0  # per sample
_WAIT = 0.2  # seconds until the progress bar moves
_KNOWN = 12  # emitters of a correlated state given as 2^N numbers


@dataclass(frozen=True)
class ConditionalCumulants:
    """Second-order cumulants of states conditioned on heterodyne records, averaged over samples.

    It takes `Couplings` with any Γ, drive, detunings, dephasing and pump, and starts from any state
    whose means and pair correlations are known. Of all approximations it is the one that is right
    at the burst and in the tail after it, for distances from 0.1 λ on; at 0.05 λ it fails, and
    says so. A sample costs a few N × N products a step, so that some hundred emitters are possible.

    The mean does not depend on the efficiency as long as the closure is good: two efficiencies
    that disagree show an error. See `docs/conditional_cumulants.md` for the derivation.

    Args:
        n: number of samples, at least 2. With efficiency 0 one is enough, and one is drawn.
        efficiency: of the heterodyne detection, from 0 (plain second order) to 1.
        cut: channels whose rate is at most this share of the mean decay rate are not recorded.
        margin: an emitter whose Bloch vector becomes longer than 1 + margin is made pure and
            uncorrelated; `diagnostics["resets_per_sample"]` counts it, and above 3 the run warns.

    Raises:
        ValueError: for an n below 2, an efficiency or a cut outside [0, 1], or a margin that is not
            a number above 0.

    Source:
        Wiseman & Milburn, Phys. Rev. A 47, 1652 (1993), for the heterodyne record; Kubo, J. Phys.
        Soc. Jpn. 17, 1100 (1962), for cumulants.

    Example:
        >>> import numpy as np, collective as co
        >>> chain = co.couple(co.chain(5, 0.2), co.Vacuum())
        >>> engine = co.engines.ConditionalCumulants(n=32)
        >>> times = np.linspace(0, 3, 16)
        >>> found = co.evolve(chain, "inverted", times, method=engine, seed=1, progress=False)
        >>> exact = co.evolve(chain, "inverted", times, method="blocks", progress=False)
        >>> error = 4 * found.emission_error + found.error_estimate
        >>> bool(np.all(np.abs(found.emission - exact.emission) <= error + 1e-3))
        True
    """

    n: int = 64
    efficiency: float = 0.5
    cut: float = 0.1
    margin: float = 0.1

    name: ClassVar[str] = "conditional_cumulants"
    accuracy: ClassVar[Accuracy] = "approximate"
    keeps: ClassVar[tuple[str, ...]] = ("correlations",)
    cite: ClassVar[tuple[str, ...]] = ("wiseman1993", "kubo1962")

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "n", checks.count("n", self.n, minimum=2))
        for name in ("efficiency", "cut"):
            value = checks.number(name, getattr(self, name))
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {value:g}")
            set_(self, name, value)
        set_(self, "margin", checks.number("margin", self.margin, above=0))

    def refusal(self, request: Request) -> str | None:
        """Refuse master equations, thermal light and states whose pair moments are not known."""
        common = unsupported(self, request)
        if common is not None:
            return common
        if not _known(request):
            return (
                f"method {self.name!r} needs the correlations of all pairs, which for state "
                f"{request.state_name} of {len(request.couplings)} emitters take 2^N numbers (it "
                f"takes such states of at most {_KNOWN} emitters)"
            )
        return None

    def cost(self, request: Request) -> Cost:
        """Predict memory, time and error of all samples."""
        large = len(request.couplings) > size.SPECTRUM
        return size.cost(request, self._plan(request, guessed=large))

    def prepare(self, request: Request) -> None:
        """Compile the kernels and import what runs them."""
        import threadpoolctl  # noqa: F401

        from collective._tools.compiled import announced
        from collective.engines.conditional_cumulants.sampler import compile_kernels

        with announced("conditional cumulants", 10, show=request.progress):
            compile_kernels()

    def start(self, request: Request, earlier: "Result | None") -> "_Run":
        """Start without samples, or with those of an interrupted run."""
        return _Run(self, request, earlier)

    def _plan(self, request: Request, *, guessed: bool = False) -> size.Plan:
        """Channels, steps and batches; kept, because `start` needs what `cost` has found."""
        key = (self.name, self, guessed)
        if key not in request.memo:
            count = self.n if self.efficiency else 1
            request.memo[key] = size.Plan.of(
                request, count, self.efficiency, self.cut, guessed=guessed
            )
        found: size.Plan = request.memo[key]
        return found


class _Run:
    """Samples drawn so far, and the threads that draw the next ones."""

    def __init__(
        self, engine: ConditionalCumulants, request: Request, earlier: "Result | None"
    ):
        from collective.engines.conditional_cumulants.sampler import Sampler
        from collective.engines.conditional_cumulants.totals import Totals

        self._request, self._plan = request, engine._plan(request)
        self._conditional = engine.efficiency > 0
        if earlier is not None:
            self._seed = int(earlier.diagnostics["seed"])
        elif request.seed is not None:
            self._seed = request.seed
        else:
            self._seed = int(np.random.default_rng().integers(2**53))
        means, covariances = _moments(request)
        self._sampler: Sampler = Sampler(
            request, self._plan, means, covariances, engine.efficiency, engine.margin, self._seed
        )
        n, times = len(request.couplings), len(request.times)
        self._totals: Totals = Totals.empty(times, n, "correlations" in request.words)
        self._plain = np.zeros(times)  # emission of plain second order
        self._plain_known = False
        self._diverged = False
        if earlier is not None and earlier.resume:
            self._totals = Totals.of(earlier, self._totals)
            self._plain = resumed(earlier, "plain", (times,)).astype(float)
            self._plain_known = bool(resumed(earlier, "plain_known", (1,))[0])
        self._batches: Generator[Batch | None] | None = None
        self._limits = ExitStack()
        self._before = self._totals.drawn

    @property
    def done(self) -> bool:
        return self._totals.drawn >= self._plan.count

    @property
    def share(self) -> float:
        drawn = self._before + self._sampler.steps / max(self._plan.length, 1)
        return min(1.0, max(drawn, self._totals.drawn) / self._plan.count)

    def advance(self) -> None:
        """Add the next batch, or wait for it a little."""
        if self._batches is None:
            from threadpoolctl import threadpool_limits

            self._limits.enter_context(threadpool_limits(1, "blas"))
            if self._conditional and not self._plain_known:
                plain = self._sampler.draw(-1, 1)
                values = plain.values[0, :, 0]
                # where plain second order is lost, nothing bounds the error
                values[plain.lost[0] :] = np.inf
                self._plain, self._plain_known = values, True
            self._batches = self._drawn()
        new = next(self._batches)
        if new is None:
            return
        self._totals = self._totals.with_batch(new)
        if self.done and not self._totals.count:
            self._diverged = True
            t = self._request.user_time(float(self._plan.times[self._totals.reached]))
            raise DivergedError(f"conditional cumulants diverged at t = {t:.4g} in all samples")

    def _drawn(self) -> "Generator[Batch | None]":
        """Batches in their order, drawn by threads; None while the next one is not ready."""
        plan = self._plan
        starts = iter(range(self._totals.drawn, plan.count, plan.batch))
        waiting: deque[Future[Batch]] = deque()
        with ThreadPoolExecutor(plan.threads) as pool:
            try:
                while True:
                    while len(waiting) < 2 * plan.threads:
                        first = next(starts, None)
                        if first is None:
                            break
                        count = min(plan.batch, plan.count - first)
                        # without a record the sample is that of plain second order
                        index = first // plan.batch if self._conditional else -1
                        waiting.append(pool.submit(self._sampler.draw, index, count))
                    if not waiting:
                        return
                    try:
                        found = waiting[0].result(timeout=_WAIT)
                    except TimeoutError:
                        yield None
                        continue
                    waiting.popleft()
                    yield found
            finally:
                self._sampler.stop()
                for future in waiting:
                    future.cancel()

    def fields(self) -> dict[str, Any]:
        """Means at all output times; before the first batch, exact values at the first time."""
        from collective.engines.conditional_cumulants.totals import Totals

        totals = self._totals
        if self._diverged:
            rows = max(totals.reached, 1)
            mean = totals.broken[:rows] / totals.drawn
            nothing = np.zeros_like(mean)
            pairs = totals.correlations[:0]
            lost = Totals(1, 1, mean, nothing, pairs, nothing[:, 0], rows, nothing)
            found = lost.fields(np.zeros_like(mean))
            if totals.correlations.size:
                found["correlations"] = np.repeat(self._sampler.initial()[1], rows, axis=0)
            return found | {"error_estimate": np.abs(found["emission"])}
        if totals.count == 0:
            values, pairs = self._sampler.initial()
            nothing = np.zeros_like(values)
            start = Totals(1, 1, values, nothing, pairs, np.zeros(1), 1, nothing)
            return start.fields(nothing) | {"error_estimate": np.zeros(1)}
        errors = totals.errors() if self._conditional else np.zeros_like(totals.mean)
        found = totals.fields(errors)
        if self._conditional:
            found["error_estimate"] = closure_error(
                found["emission"], self._plain, errors[:, 0], totals.resets / totals.count
            )
        else:
            expected = estimates.expected(self._request, "order 2") or 0.0
            found["error_estimate"] = estimates.from_expected(found["emission"], expected)
        return found

    def diagnostics(self) -> dict[str, Any]:
        totals = self._totals
        return {
            "samples": totals.count,
            "lost_samples": totals.drawn - totals.count,
            "resets_per_sample": self._resets,
            "channels": self._plan.jumps.shape[1],
            "steps": self._plan.length,
            "seed": self._seed,
            "threads": self._plan.threads,
        }

    @property
    def _resets(self) -> float:
        return float(self._totals.resets[-1] / max(self._totals.count, 1))

    def resume(self) -> dict[str, NDArray[Any]]:
        plain = np.where(np.isfinite(self._plain), self._plain, np.finfo(float).max)
        return self._totals.resume() | {"plain": plain, "plain_known": np.array([self._plain_known])}

    def notes(self) -> list[str]:
        """Warnings of resets and of lost samples."""
        found = []
        lost = self._totals.drawn - self._totals.count
        if lost and self._totals.count:
            found.append(
                f"conditional cumulants: {lost} of {self._totals.drawn} samples did not stay "
                "finite and are left out of the means"
            )
        if self._resets > _TOO_MANY_RESETS:
            found.append(
                f"conditional cumulants: {self._resets:.3g} resets in a sample, more than "
                f"{_TOO_MANY_RESETS:g}: do not believe this result; the emitters are too close for "
                "this approximation"
            )
        elif self._resets > _MANY_RESETS:
            found.append(
                f"conditional cumulants: {self._resets:.3g} resets in a sample, more than "
                f"{_MANY_RESETS:g}: the numbers after the burst may be wrong"
            )
        return found

    def close(self) -> None:
        if self._batches is not None:
            self._batches.close()
        self._limits.close()


def _known(request: Request) -> bool:
    """Whether the means and the correlations of all pairs are known without 2^N numbers."""
    couplings = request.couplings
    if uncorrelated(request.state, len(couplings)) is not None:
        return True
    return pair_moments(request.state, couplings) is not None


def _moments(request: Request) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means (3, N) and covariances (3N, 3N) of x, p and z at the start."""
    found = pair_moments(request.state, request.couplings)
    assert found is not None
    s, z = found.lowered, found.inversion
    c = found.exchange - np.outer(s.conj(), s)
    m = found.double - np.outer(s, s)
    y = found.mixed - np.outer(z, s)
    zz = found.inversions - np.outer(z, z)
    # σ± = x ∓ ip
    xx, pp = (c + m).real / 2, (c - m).real / 2
    xp, px = (m + c).imag / 2, (m - c).imag / 2
    blocks = [[xx, xp, y.real.T], [px, pp, y.imag.T], [y.real, y.imag, zz]]
    n = len(z)
    v = np.block(blocks).reshape(3, n, 3, n)
    v[:, range(n), :, range(n)] = 0
    return np.stack([s.real, s.imag, z]), v.reshape(3 * n, 3 * n)
