"""Batches of samples, steps of time, and the memory and time they need: arithmetic only.

For N = 100 and 28 channels a step of one sample takes 1.5 ms of one core, and the sample 2 MB.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.speed import speed
from collective.couplings.couplings import Couplings
from collective.engines import estimates
from collective.engines.base import Cost, threads_for, writing
from collective.engines.request import Request

_NUMBER = 4  # bytes of single precision
_BATCHES = (2, 16)  # samples in a batch, at least and at most
_IN_CACHE = 20_000  # N² numbers of the samples of one batch
_LARGEST_STEP = 0.025  # in units of the mean lifetime
_TURN = 0.2  # largest phase of Δ in one step
_GROWTH = 0.02  # largest rate at which steps may lengthen a coherence, in mean decay rates
_DELAY = 0.02  # phase by which steps may delay a drive or a detuning in a mean lifetime
_MOST_STEPS = 1e18  # of which whole numbers can be counted; they would take longer than anything
_BRIGHT = 0.15  # largest probability of a photon from one excitation of the brightest channel
_SINGLE_FLOP = 0.6  # time of an operation in single precision, against double precision
_PASS_FLOPS = 3500.0  # time of the passes over one pair of emitters, in operations of a product
_STEP_CALLS = 140.0  # of Python, per step of a batch
_OUTPUT_CALLS = 200.0  # per output time of a batch
_RUN_CALLS = 6000.0
_GUESSED = 0.3  # channels per emitter, where they are not counted
_POWERS = 15
_DRIVE_BYTES = 32, 200  # of the envelope, for every step, and for those of the longest interval
SPECTRUM = 1500  # emitters; the eigenvalues of more are found only when a run starts
_OUTPUT_FLOPS = 800.0  # per pair of emitters and output time


@dataclass(frozen=True, eq=False)
class Plan:
    """Channels, steps and batches of a request.

    Attributes:
        couplings: the problem.
        jumps: Λ, (N, k), amplitudes of the channels that are recorded; ΛΛ† ≈ Γ.
        frame: a frequency that is subtracted from all emitters.
        steps: how many steps lead to each output time, (T,); the first is 0.
        times: output times, (T,).
        batch: samples in a batch.
        count: samples in all.
        threads: threads that draw batches at the same time.
    """

    couplings: Couplings
    jumps: NDArray[np.complex128]
    frame: float
    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    batch: int
    count: int
    threads: int

    @classmethod
    def of(
        cls, request: Request, count: int, efficiency: float, cut: float, *, guessed: bool = False
    ) -> "Plan":
        """The plan for `count` samples; it depends on the machine only in the number of threads.

        Args:
            request: what is asked for.
            count: number of samples.
            efficiency: of the detection; without any there are no channels.
            cut: see `ConditionalCumulants`.
            guessed: whether eigenvalues of Γ and Δ are only estimated, to predict the cost.
        """
        couplings = request.couplings
        n = len(couplings)
        decay = np.asarray(couplings.decay)
        mean = float(np.trace(decay).real) / n
        shift = np.asarray(couplings.shift) + np.diag(couplings.detunings)
        if guessed:
            brightest = _norm(decay)
            jumps = np.zeros((n, int(_GUESSED * n) if efficiency else 0), complex)
            highest = _norm(shift)
            lowest = -highest
        else:
            jumps, brightest = channels(decay, cut * mean if efficiency else np.inf)
            lowest, highest = np.linalg.eigvalsh(shift)[[0, -1]]
        strength = float(np.abs(couplings.drive).max())
        if len(request.pulse):
            strength *= float(np.abs(request.pulse).max())
        # under a drive the frame is that of the drive
        frame = 0.0 if strength else (lowest + highest) / 2
        turning = max(abs(lowest - frame), abs(highest - frame), strength)
        own = np.diagonal(shift).real
        own = own if strength else own - own.mean()
        alone = max(float(np.abs(own).max()), strength)
        losing = float((couplings.dephasing + couplings.pump).max())
        span = float(np.ptp(request.times))
        limits = [
            _LARGEST_STEP / mean if mean else np.inf,
            _turning_step(turning, alone, max(mean, 1 / span if span else 0.0)),
            _BRIGHT / brightest if brightest > 0 else np.inf,
            _BRIGHT / losing if losing else np.inf,
        ]
        spans = np.diff(request.times, prepend=request.times[0])
        steps = np.maximum(np.ceil(spans / min(limits) - 1e-9), np.arange(len(spans)) > 0)
        steps = np.minimum(steps, _MOST_STEPS / len(spans))
        if not jumps.shape[1]:  # without a record all samples are the same
            count = 1
        batch = int(np.clip(_IN_CACHE // n**2, *_BATCHES))
        batch = min(batch, count)
        threads = max(1, min(threads_for(request), -(-count // batch)))
        return cls(
            couplings, jumps, frame, steps.astype(np.int64), request.times, batch, count, threads
        )

    @cached_property
    def length(self) -> int:
        """The number of steps of one sample."""
        return int(self.steps.sum())

    def thread_bytes(self) -> int:
        """Bytes of the arrays of one batch."""
        n, k = len(self.couplings), self.jumps.shape[1]
        each = 4 * 9 * n * n + 3 * n * (2 * n + 2 * k) + 11 * n * n
        return self.batch * (_NUMBER * each + 8 * len(self.times) * (n + 3))

    def step_seconds(self) -> float:
        """Seconds of one step of one sample on one core."""
        n, k, s = len(self.couplings), self.jumps.shape[1], speed()
        products = 48 * n**3 + 48 * n * n * k + 36 * n * n * k
        work = (_SINGLE_FLOP * products + _PASS_FLOPS * n * n) * s.flop
        return float(work + _STEP_CALLS * s.call / self.batch)


def _turning_step(turning: float, alone: float, slow: float) -> float:
    """The longest step for what turns at a frequency ω and decays at a slow rate.

    Heun's rule turns what should turn by φ in a step by φ − φ³/6, and lengthens it by φ⁴/8 of
    itself. The growth, at the rate ωφ³/8, must be slow beside the decay. The delay, ωφ²/6, changes
    shifts by less than a per cent, but a drive or a detuning must keep its phase for a lifetime.

    Args:
        turning: the largest frequency.
        alone: that of single emitters and of the drive.
        slow: the rate of decay.
    """
    limits = [np.inf]
    if turning:
        limits.append(min(_TURN, (8 * _GROWTH * slow / turning) ** (1 / 3)) / turning)
    if alone:
        limits.append((6 * _DELAY * slow / alone) ** (1 / 2) / alone)
    return min(limits)


def _norm(matrix: NDArray[Any]) -> float:
    """The largest |eigenvalue| of a Hermitian matrix, roughly: by some powers of it."""
    vector = np.random.default_rng(0).standard_normal(len(matrix)) + 0j
    size = 0.0
    for _ in range(_POWERS):
        size = float(np.linalg.norm(vector))
        if size == 0:
            break
        vector = matrix @ (vector / size)
    return size


def channels(decay: NDArray[Any], above: float) -> tuple[NDArray[np.complex128], float]:
    """Λ of shape (N, k) with ΛΛ† ≈ Γ from the channels brighter than a rate; the brightest rate."""
    values, vectors = np.linalg.eigh(decay)
    kept = values > max(above, 1e-10 * values[-1])
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]), dtype=complex), float(values[-1])


def cost(request: Request, plan: Plan) -> Cost:
    """Predict memory, time and error."""
    n, times, s = len(request.couplings), len(request.times), speed()
    correlated = "correlations" in request.words
    kept = 16 * n * n * times * (plan.threads + 3) if correlated else 0
    held = plan.threads * plan.thread_bytes() + 200 * n * n + 64 * times * (n + 3) + kept
    if request.envelope is not None:
        held += _DRIVE_BYTES[0] * plan.length + _DRIVE_BYTES[1] * int(plan.steps.max())
    seconds, written = writing(request, 16.0 * times * (n + 3) + kept / (plan.threads + 3))
    samples = plan.count + 1  # and one of plain second order
    each = n * n * _OUTPUT_FLOPS * s.flop + _OUTPUT_CALLS * s.call / plan.batch
    outputs = samples * times * each
    drawn = samples * plan.length * plan.step_seconds() + outputs
    k = plan.jumps.shape[1]
    noun = "channel" if k == 1 else "channels"
    work = f"{plan.count:,} samples of {n} emitters, {k} {noun}, {plan.length:,} steps"
    return Cost(
        int(held + written),
        seconds + _RUN_CALLS * s.call + drawn / plan.threads,
        work,
        estimates.expected(request, "conditional", plan.count)
        if k
        else estimates.expected(request, "order 2"),
    )
