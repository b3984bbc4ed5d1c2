"""Predicted memory and time of truncated Wigner."""

import numpy as np

from collective._tools.memory import available_bytes
from collective._tools.speed import speed
from collective.engines import estimates
from collective.engines.base import Cost, threads_for, writing
from collective.engines.request import Request
from collective.engines.truncated_wigner.model import batch_size, longest_step, steps_between

_SINGLE_FLOP = 0.5  # of a flop in double precision
_TURN_ENTRIES = 2.2  # of both passes over a spin, in the time of an entry
_NUMBER_ENTRIES = 1.0  # of a normal number
_ALONE_ENTRIES = 0.4  # of a spin without random phase
_PHASE_ENTRIES = 6.0  # of one with it
_READ_ENTRIES = 10.0  # of a spin at an output time
_VALUE_ENTRIES = 20.0  # of a sample at an output time
_STEP_CALLS = 40.0  # of a batch
_READ_CALLS = 150.0
_RUN_CALLS = 4000.0
_FACTOR_FLOPS = 30.0  # per N³, once
_MATRICES = 12  # N × N numbers in double precision while the model is made, at most
_FREE = 0.7  # of the available memory, which further threads may take


def step_of(request: Request, step: float | None) -> float:
    """The longest step in the unit of the request.

    Args:
        request: what is asked for.
        step: the longest step that the user wants, in the user's unit, or None.
    """
    key = ("truncated Wigner: step",)
    if step is not None:
        return step * request.unit
    if key not in request.memo:
        strongest = float(np.abs(request.pulse).max()) if len(request.pulse) else 1.0
        request.memo[key] = longest_step(request.couplings, strongest)
    found: float = request.memo[key]
    return found


def turns(request: Request, step: float | None) -> int:
    """The number of steps to the last output time."""
    return int(min(steps_between(request.times, step_of(request, step)).sum(), 2.0**62))


def thread_bytes(request: Request, count: int) -> int:
    """Bytes of the arrays of one thread, and of the batches that wait for it."""
    n, times = len(request.couplings), len(request.times)
    batch = min(batch_size(n), count)
    numbers = 2 * n * (2 if np.iscomplexobj(request.couplings.decay) else 1)
    spins = 4 * batch * n * (11 + 2 * numbers // n)
    values = 60 * batch * times + 32 * times * (n + 3)
    pairs = 16 * n * n * times if "correlations" in request.words else 0
    return int(spins + values + pairs)


def threads_of(request: Request, count: int, step: float | None) -> int:
    """The number of threads: those that are allowed, have a batch to draw and fit into memory."""
    n = len(request.couplings)
    wanted = min(threads_for(request), -(-count // batch_size(n)))
    available = available_bytes()
    if available is None:
        return max(1, wanted)
    rest = int(_FREE * available) - _shared_bytes(request, count, step)
    return max(1, min(wanted, rest // max(thread_bytes(request, count), 1)))


def _shared_bytes(request: Request, count: int, step: float | None) -> int:
    """Bytes of the matrices, of what is kept of all samples, and of the copy that is returned."""
    n, times = len(request.couplings), len(request.times)
    each = 16 if np.iscomplexobj(request.couplings.decay) else 8
    matrices = each * _MATRICES * n * n
    pulse = 0 if request.envelope is None else 48 * turns(request, step)
    kept = (
        pulse + 16 * count * times + 40 * times * (n + 3)
    )  # the shots that are returned are a copy
    if "correlations" in request.words:
        kept += 32 * n * n * times
    return int(matrices + kept)


def cost(request: Request, count: int, step: float | None) -> Cost:
    """Predict memory, time and error of that many samples."""
    n, times, s = len(request.couplings), len(request.times), speed()
    couplings, steps = request.couplings, turns(request, step)
    doubled = 2 if np.iscomplexobj(couplings.decay) else 1
    random_phase = np.any(couplings.pump) or np.any(couplings.dephasing)
    own = _PHASE_ENTRIES if random_phase else _ALONE_ENTRIES
    flops = _SINGLE_FLOP * (16 * n * n + 4 * doubled * n * n)
    passes = n * (_TURN_ENTRIES + own + 2 * _NUMBER_ENTRIES)
    batches = -(-count // batch_size(n))
    read = (
        _SINGLE_FLOP * (8 * doubled + 2) * n * n * s.flop
        + (n * _READ_ENTRIES + _VALUE_ENTRIES) * s.entry
    )
    if "correlations" in request.words:
        read += _SINGLE_FLOP * 8 * n * n * s.flop + n * n * s.entry / min(count, batch_size(n))
    threads = threads_of(request, count, step)
    seconds = count * steps * (flops * s.flop + passes * s.entry) + count * times * read
    seconds += batches * s.call * (steps * _STEP_CALLS + times * _READ_CALLS)
    seconds = seconds / threads + _RUN_CALLS * s.call + _FACTOR_FLOPS * n**3 * s.flop
    recorded = 8 * count * times + 8 * times * (2 * n + 6)
    if "correlations" in request.words:
        recorded += 16 * n * n * times
    compressing, written = writing(request, recorded)
    held = (
        _shared_bytes(request, count, step) + threads * thread_bytes(request, count) + int(written)
    )
    work = f"{count:,} samples of {n} emitters, {steps:,} steps"
    return Cost(held, seconds + compressing, work, estimates.expected(request, "wigner", count))
