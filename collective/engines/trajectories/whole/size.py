"""Batches of trajectories with all 2^N amplitudes, and the memory and time they need.

Arithmetic only: no kernel is imported. The Taylor terms of one panel of eight trajectories take
most of the memory, 22 or 26 panels of 2^N amplitudes in each thread: 0.8 MiB at N = 8, 11 MiB at
N = 12, 0.18 GiB at N = 16 and 0.7 GiB at N = 18.
"""

from dataclasses import dataclass, replace

import numpy as np

from collective._tools.memory import available_bytes
from collective._tools.speed import speed
from collective.couplings import noise
from collective.couplings.sharing import without_light
from collective.engines.base import Cost, threads_for
from collective.engines.numerics.pieces import DEGREE
from collective.engines.numerics.spectrum import Extent
from collective.engines.request import Request
from collective.states.answers import is_mixed, probabilities_of, typical_excitation

# repeated from `numerics.lanes` and `kernels`, which cannot be imported without numba
_LANES = 8
_AT_ONCE = 4
_AMPLITUDE = 16  # bytes
_LARGEST_POWER = 500  # emitters whose powers of two are finite
_FREE = 0.7  # of the available memory, which further threads may take
_TERMS, _FEWER_TERMS = 20, 16  # of a Taylor series, above the first one
_SMALL = 10  # emitters; the terms of more of them leave the cache
_PADDING = 3  # rows between two terms
_BATCHES = (16, 128)  # trajectories in a batch, at least and at most
_BATCHED = 1 << 15  # amplitudes of the trajectories of a batch, if these are more than the least
_SLOWEST = 1e-300  # smallest rate in a denominator
_OPERATOR_BYTES = 100  # per entry of an operator, while its rows are put into our order
_CLICK_BYTES, _BATCH_CLICK_BYTES = 48, 60  # per jump, in the record; while its batch is sorted
_CLICKS_BYTES = 24 * 1024  # jumps that are recorded between two pauses
_LEAST_BYTES = 20_000  # of Python objects
_RUN_CALLS, _BATCH_CALLS = 4500.0, 300.0  # of Python, once and per batch
_TABLE_ENTRIES = 4.0  # once, for each of 2^N N numbers of the tables
_STEPS_PER_RADIAN, _STEPS_PER_CLICK = 0.13, 1.4
_HOP_FLOPS, _DRIVE_FLOPS, _ROW_FLOPS = 6.0, 6.0, 40.0  # of an application, per row and lane
_LOCATING_FLOPS = 30.0  # of the search for the jump, per row, lane and term
_READING_FLOPS, _EMISSION_FLOPS = 7.0, 3.5  # of an output time, per row and lane, for terms and N²
_PAIR_FLOPS = 8.0  # of ⟨σ⁺_mσ⁻_n⟩ at an output time, per row, lane and N²
_OPERATOR_FLOPS = 14.0  # per entry of an operator, lane and output time
_STEP_CALLS, _OUTPUT_CALLS = 8.0, 0.5  # per step and output time of eight trajectories
_LARGE_FACTOR = 1.3  # slower kernels once the terms have left the cache
_PIECE_CALLS = 3000.0  # per polynomial of an envelope
_PULSE_FLOPS = 16.0  # per row, lane, term and power of an envelope
_PATH_STEPS = 16  # of the path before the first jump, usually
_PIECES = 30  # polynomials of a usual envelope


@dataclass(frozen=True)
class WholeSize:
    """Batches, memory and steps of trajectories.

    Attributes:
        n: N.
        terms: index of the highest Taylor term.
        batch: trajectories that one thread draws together.
        threads: threads that draw batches at the same time.
        reach: a first guess of the length of a step.
    """

    n: int
    terms: int
    batch: int
    threads: int
    reach: float

    @classmethod
    def of(cls, request: Request, count: int) -> "WholeSize":
        """The size for `count` trajectories, with as many threads as fit into memory.

        Terms and batches depend on N and the count alone, so that the numbers do not depend on the
        machine.
        """
        n = min(len(request.couplings), _LARGEST_POWER)
        least, most = _BATCHES
        batch = min(count, max(least, min(most, _BATCHED >> n)))
        terms = _TERMS if n <= _SMALL else _FEWER_TERMS
        threads = max(1, min(threads_for(request), -(-count // batch)))
        found = cls(n, terms, batch, threads, terms / 8 / _fastest(request))
        available = available_bytes()
        if available is None:
            return found
        fitting = int(_FREE * available) // found.thread_bytes(request)
        return replace(found, threads=max(1, min(threads, fitting)))

    @property
    def pitch(self) -> int:
        """Rows from one Taylor term to the next."""
        return (1 << self.n) + _PADDING

    @property
    def longest_path(self) -> int:
        """The most steps that are kept of the path before the first jump."""
        return _LANES * self.terms

    def thread_bytes(self, request: Request) -> int:
        """Bytes of the panels and records of one thread."""
        n, rows, steps = self.n, 1 << self.n, len(request.times)
        panels = (self.terms + 1) * self.pitch + (1 + _AT_ONCE) * rows
        panels += 2 * rows if request.envelope is not None else 0
        pairs = 40 * steps * n**2 if "correlations" in request.words else 0
        records = 8 * self.batch * steps * (n + 2) + 24 * steps * len(request.operators)
        return _LANES * _AMPLITUDE * (panels + n**2) + pairs + int(1.1 * records)

    def shared_bytes(self, request: Request) -> int:
        """Bytes of the tables, of the operators, and of the initial kets at their peak."""
        n, rows = self.n, 1 << self.n
        tables = rows * (11 * n + 16)
        state = request.state
        if hasattr(state, "isket"):
            kets = 1 if state.isket else rows
            states = 3 * _AMPLITUDE * kets * rows
        else:
            states = rows * (2 * n + (8 if probabilities_of(state, n) is not None else 80))
        used = sum(_entries(operator) for operator in request.operators.values())
        states += 0 if is_mixed(state) else _AMPLITUDE * rows * _PATH_STEPS
        return max(tables, states if is_mixed(state) else tables) + states + _OPERATOR_BYTES * used


def _entries(operator: object) -> int:
    """The number of stored entries of an operator."""
    data = operator.data  # type: ignore[attr-defined]
    rows: int = operator.shape[0]  # type: ignore[attr-defined]
    return int(data.as_scipy().nnz) if hasattr(data, "as_scipy") else rows**2


def _fastest(request: Request) -> float:
    """Roughly the norm of H_eff without its mean."""
    couplings = request.couplings
    n = min(len(couplings), _LARGEST_POWER)
    extent = Extent(couplings, n)
    return max((extent.spread * _strongest(request) + extent.decay(n) + extent.others) / 2, 1e-12)


def _strongest(request: Request) -> float:
    """The largest |f| of the envelope, 1 without one."""
    return max(1.0, float(np.abs(request.pulse).max())) if len(request.pulse) else 1.0


def cost_of_whole(request: Request, count: int, work: str) -> Cost:
    """Predict memory and time of `count` trajectories with all 2^N amplitudes.

    Args:
        request: a request of couplings.
        count: number of trajectories.
        work: a text for `Cost.work`.
    """
    size, n, steps = WholeSize.of(request, count), len(request.couplings), len(request.times)
    held = size.shared_bytes(request) + size.threads * size.thread_bytes(request)
    held += _LEAST_BYTES + size.threads * 2 * _CLICKS_BYTES
    in_batches = min(count, size.threads * size.batch)
    held += int((_CLICK_BYTES * count + _BATCH_CLICK_BYTES * in_batches) * _clicks(request))
    if "correlations" in request.words:
        held += 50 * n * n * steps
    seconds = _seconds(request, size, count)
    return Cost(held, seconds, f"{work}, 2^{n} amplitudes")


def _seconds(request: Request, size: WholeSize, count: int) -> float:
    """Seconds of `count` trajectories: for series, jumps and output times."""
    s, n, couplings = speed(), size.n, request.couplings
    span, times = float(np.ptp(request.times)), len(request.times)
    extent = Extent(couplings, n)
    rows, driven = _LANES * 2.0**n, int(np.count_nonzero(couplings.drive))
    phase = extent.spread * _strongest(request) + 0.3 * extent.decay(n) + extent.others
    phase *= span
    steps = 1 + _STEPS_PER_RADIAN * phase + _STEPS_PER_CLICK * _clicks(request)
    once = _RUN_CALLS * s.call + _TABLE_ENTRIES * 2.0**n * n * s.entry
    apply = _HOP_FLOPS * (n * n / 4 + 1) + _DRIVE_FLOPS * driven + _ROW_FLOPS
    if request.envelope is not None:
        steps += _PIECES
        once += _PIECES * _PIECE_CALLS * s.call
        apply += _PULSE_FLOPS * (DEGREE + 1)
    slower = _LARGE_FACTOR if n > _SMALL else 1.0
    each = slower * s.flop * rows * size.terms * (apply + _LOCATING_FLOPS) + _STEP_CALLS * s.call
    reading = _READING_FLOPS * size.terms + _EMISSION_FLOPS * n * n
    if "correlations" in request.words:
        reading += _PAIR_FLOPS * n * n
    used = sum(_entries(operator) for operator in request.operators.values())
    output = slower * s.flop * (rows * reading + _LANES * _OPERATOR_FLOPS * used)
    output += _OUTPUT_CALLS * s.call
    groups = -(-count // _LANES)
    if not is_mixed(request.state):  # the path before the first jump is computed once
        once += steps * each
        groups *= 1 - np.exp(-_clicks(request))
    once += _BATCH_CALLS * s.call * -(-count // size.batch) / size.threads
    return once + groups * (steps * each + times * output) / size.threads


def _clicks(request: Request) -> float:
    """The number of jumps of one trajectory, roughly.

    It counts those of the initial excitations, and those of each emitter as if it were alone: with
    the rate W = |Ω|²/(Γ + pump + 2γ_φ) of excitation and de-excitation by the drive, an emitter is
    excited with the probability p = (pump + W)/(Γ + pump + 2W).
    """
    couplings = without_light(request.couplings)
    span = float(np.ptp(request.times))
    decay = np.diag(couplings.decay).real
    pump, dephasing = noise.own(couplings.pump), noise.own(couplings.dephasing)
    strength = np.abs(couplings.drive)
    if request.envelope is not None:
        strength = strength * float(np.abs(request.pulse).max())
    width = np.maximum(decay + pump + 2 * dephasing, _SLOWEST)
    flips = strength * (strength / width)
    excited = (pump + flips) / np.maximum(decay + pump + 2 * flips, _SLOWEST)
    lasting = span * float(np.sum((decay + 2 * dephasing) * excited + pump * (1 - excited)))
    first = 1 + 2 * dephasing * np.minimum(span, 1 / np.maximum(decay, _SLOWEST))
    initially = typical_excitation(request.state, len(couplings)) / len(couplings)
    return lasting + initially * float(np.sum(first))
