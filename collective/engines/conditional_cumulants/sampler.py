"""One batch of samples: conditional states from the first output time to the last."""

from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.conditional_cumulants import kernels
from collective.engines.conditional_cumulants.equations import Constants, Samples
from collective.engines.conditional_cumulants.size import Plan
from collective.engines.numerics.pulses import coarse_steps, mean
from collective.engines.request import Request

SINGLE = np.float32
_PARTS = 4  # of a step, in which the envelope is read


@dataclass(frozen=True, eq=False)
class Batch:
    """What the samples of one batch found at the output times.

    Attributes:
        values: (B, T, N + 2), emission, excitation and populations.
        correlations: (T, N, N), the sum over the samples that were not lost. If all were, the sum
            over all until the first was lost, and zero from then on. (T, 0, 0) if unwanted.
        resets: (T,), resets until each time, of all samples that were not lost.
        lost: (B,), how many output times a lost sample reached; T for one that was not lost.
    """

    values: NDArray[np.float64]
    correlations: NDArray[np.complex128]
    resets: NDArray[np.float64]
    lost: NDArray[np.int64]


class Sampler:
    """Draws batches of a request, each from its own random numbers.

    Args:
        request: what is asked for.
        plan: channels, steps and batches.
        means: x, p and z of every emitter at the start, (3, N).
        covariances: of these operators, (3N, 3N).
        efficiency: of the detection, for the samples.
        margin: see `kernels.reset`.
        seed: of random numbers.
    """

    def __init__(
        self,
        request: Request,
        plan: Plan,
        means: NDArray[np.float64],
        covariances: NDArray[np.float64],
        efficiency: float,
        margin: float,
        seed: int,
    ):
        self._plan, self._margin, self._seed = plan, SINGLE(margin), seed
        self._start = (means, covariances)
        self._correlated = "correlations" in request.words
        couplings = plan.couplings.replace(detunings=plan.couplings.detunings - plan.frame)
        self._decay = np.asarray(couplings.decay)
        self._recorded = Constants.of(couplings, plan.jumps, efficiency, SINGLE)
        self._plain = Constants.of(couplings, plan.jumps[:, :0], 0.0, SINGLE)
        self._request = request
        self._drives: NDArray[np.complex128] | None = None
        self._stopped = Event()
        self.steps = 0

    def prepare(self) -> None:
        """Compute what every `draw` needs: the envelope of the drive."""
        self._drives = _drives(self._request, self._plan)

    def stop(self) -> None:
        """Make every `draw` in another thread end soon."""
        self._stopped.set()

    @np.errstate(over="ignore", invalid="ignore")  # samples that overflow are found and left out
    def draw(self, index: int, count: int, bad: NDArray[np.bool_] | None = None) -> Batch:
        """The batch of this index; −1 for one sample of plain second order, without a record.

        The result does not depend on what other threads do.

        Args:
            index: of the batch.
            count: number B of samples.
            bad: (B,) samples that are known to be lost, and do not count for the correlations.
        """
        plan, times = self._plan, self._plan.times
        constants = self._plain if index < 0 else self._recorded
        seeds = np.random.SeedSequence(self._seed, spawn_key=(max(index, 0),))
        rng = np.random.default_rng(seeds)
        samples = Samples(*self._start, constants, count)
        n, quadratures = len(plan.couplings), 2 * constants.channels
        values = np.empty((count, len(times), n + 2))
        correlations = self._no_correlations(len(times))
        good = np.ones(count, bool) if bad is None else ~bad
        resets = np.zeros((len(times), count))
        reached = np.full(count, len(times))
        at = 0
        for row, steps in enumerate(plan.steps):
            step = (times[row] - times[row - 1]) / steps if row else 0.0
            scale = SINGLE(np.sqrt(step))
            for _ in range(steps):
                if self._stopped.is_set():
                    raise InterruptedError("the run is closed")
                increments = rng.standard_normal((count, quadratures), dtype=SINGLE) * scale
                drive = 1.0 + 0j if self._drives is None else self._drives[at]
                samples.step(step, increments, drive)
                kernels.reset(
                    samples.means, samples.covariances, self._margin, samples.resets, samples.lost
                )
                at += 1
                if index >= 0:
                    self.steps += count  # for the progress bar alone
            values[:, row], pairs = self._observed(samples)
            # covariances may overflow one step before the means, on which `reset` looks
            samples.lost |= ~np.isfinite(values[:, row]).all(axis=1)
            if self._correlated:
                correlations[row] = pairs[good].sum(axis=0)
            resets[row] = samples.resets
            reached[samples.lost] = np.minimum(reached[samples.lost], row)
        kept = reached == len(times)
        if not kept.any():
            correlations[reached.min() :] = 0
        elif self._correlated and np.any(kept != good):
            # the sums hold samples that were lost later: the same batch once more, without them
            return self.draw(index, count, ~kept)
        return Batch(values, correlations, resets[:, kept].sum(axis=1), reached)

    def _no_correlations(self, times: int) -> NDArray[np.complex128]:
        """Zeros for ⟨σ⁺_mσ⁻_n⟩ at a number of times, (T, N, N), or (T, 0, 0) if unwanted."""
        side = len(self._plan.couplings) if self._correlated else 0
        return np.zeros((times, side, side), dtype=complex)

    def _observed(self, samples: Samples) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Emission, excitation and populations, (B, N + 2), and ⟨σ⁺_mσ⁻_n⟩, (B, N, N)."""
        kernels.set_own(samples.means, samples.covariances)
        means, n = samples.means, samples.means.shape[2]
        v = samples.covariances
        s = means[:, 0] + 1j * means[:, 1]
        both = (v[:, :n, :n] + v[:, n : 2 * n, n : 2 * n]).astype(complex)
        both.imag = v[:, :n, n : 2 * n] - v[:, n : 2 * n, :n]
        both += s.conj()[:, :, None] * s[:, None, :]
        populations = (1 + means[:, 2].astype(float)) / 2
        emission = np.einsum("mn,bmn->b", self._decay, both).real
        return np.column_stack([emission, populations.sum(axis=1), populations]), both

    def initial(self) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Exact values at the first time: (1, N + 2), and correlations (1, N, N) or (1, 0, 0)."""
        values, pairs = self._observed(Samples(*self._start, self._plain, 1))
        return values, pairs if self._correlated else self._no_correlations(1)


def _drives(request: Request, plan: Plan) -> NDArray[np.complex128] | None:
    """The mean of the envelope in every step, (steps,); None without an envelope."""
    pieces, envelope = request.timeline, request.envelope
    if envelope is None:
        return None
    means = []
    for row, steps in enumerate(plan.steps):
        if steps:
            points = np.linspace(plan.times[row - 1], plan.times[row], _PARTS * steps + 1)
            found = (envelope(float(t)) for t in points)
            values = np.fromiter(found, complex, len(points))
            middles = ((values[:-1] + values[1:]) / 2).reshape(steps, _PARTS).mean(axis=1)
            assert pieces is not None
            ends = points[::_PARTS]
            for i in coarse_steps(ends, pieces):  # with a kink, or a feature shorter than a step
                middles[i] = mean(envelope, float(ends[i]), float(ends[i + 1]), pieces)
            means.append(middles)
    return np.concatenate(means) if means else np.ones(0, dtype=complex)


def compile_kernels() -> None:
    """Compile the kernels by one step of a pair."""
    from collective.couplings.couplings import Couplings

    constants = Constants.of(Couplings(np.eye(2), np.zeros((2, 2))), np.eye(2), 0.5, SINGLE)
    samples = Samples(np.zeros((3, 2)), np.zeros((6, 6)), constants, 1)
    samples.step(0.01, np.zeros((1, 4), SINGLE), 1 + 0j)
    kernels.reset(samples.means, samples.covariances, SINGLE(0.1), samples.resets, samples.lost)
