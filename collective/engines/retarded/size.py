"""Predicted memory and time of a run with delays."""

import numpy as np

from collective._tools.speed import speed
from collective.engines.base import Cost, writing
from collective.engines.request import Request
from collective.engines.retarded.history import NODES, TERMS
from collective.engines.retarded.problem import equation_of
from collective.engines.retarded.remainder import BYTES, MORE
from collective.engines.retarded.remainder import NODES as OF_PANEL
from collective.engines.retarded.sampled import FREQUENCIES, NARROWEST, Sampled
from collective.engines.retarded.steps import PHASE, apart
from collective.fields.memory import Memory

_OVERHEAD = 3000.0  # calls
_START, _PER_PHASE = 15.0, 2.0  # steps, and how many for each of the longest length
_PER_KINK = 1.5  # steps for each delay, and …
_PER_PAIR = 0.06  # for each pair of delays, where these are as long as the dynamics
_BY_SLOPES = 2.5  # times as many where slopes cause kinks of …
_SEEN = 1e-3  # of rtol
_PAIRS = 36_000  # of delays, at most
_TRIES = 2.0  # per step that is kept
_REPEATS = 24.0  # per try
_CALLS = 40.0  # per repetition
_GATHERED = 45.0  # entries per number of the past that is looked up
_BASIS_BYTES, _GATHERED_BYTES = 26, 30  # per number
_AT_ONCE = 2**20  # numbers gathered
# of a field that is sampled:
_COPIES = 6  # of each sample
_PANELS = 60.0, 4.0  # panels, and how many for each phase that a delay turns in the band
_SOLVES = 6.0  # linear equations at each node, with panels that are split
_PHASE = 12.0  # entries per integral of a polynomial and a phase


def cost(request: Request, memory: Memory) -> Cost:
    """Predict memory and time from the delays and from the norm of the equation."""
    n, times, s = len(memory), len(request.times), speed()
    sampled = request.memo.get("sampled")
    resonant = sampled.markov if isinstance(sampled, Sampled) else None
    last, equation = float(request.times[-1]), equation_of(request, memory, resonant)
    pairs = len(equation.delays)
    delays = len(apart(equation.delays[equation.delays < last]))
    phase, slow = equation.norm * last, equation.norm * equation.longest
    steps = _START + _PER_PHASE * phase / PHASE + _PER_KINK * delays
    # kinks at the sum of two delays, where these matter
    twice = slow / (1 + slow)
    if equation.gain * slow > _SEEN * request.rtol:
        twice += _BY_SLOPES
    steps += _PER_PAIR * min(delays * delays, _PAIRS) * twice
    lookups = pairs * NODES * TERMS
    each = _REPEATS * (_CALLS * s.call + 4 * lookups * s.flop + 2 * n * n * NODES * s.flop)
    each += 2 * _CALLS * s.call + _GATHERED * pairs * NODES * s.entry
    history = 16 * (1 + equation.by_slopes) * len(equation) * TERMS * max(64.0, 1.5 * steps)
    correlated = "correlations" in request.words
    kept = (16 * n * n if correlated else 8 * n) * times
    compressing, written = writing(request, kept + history)
    held = max(_BASIS_BYTES * lookups, _GATHERED_BYTES * min(lookups, _AT_ONCE)) + 200 * n * n
    bytes_of_field, seconds_of_field, work = _of_field(request, equation.longest)
    return Cost(
        int(held + history + kept + written + bytes_of_field),
        _OVERHEAD * s.call
        + _TRIES * steps * each
        + times * 30 * s.call
        + compressing
        + seconds_of_field,
        f"one excitation of {n} emitters, {pairs} delays, about {int(np.ceil(steps))} steps{work}",
    )


def _of_field(request: Request, longest: float) -> tuple[float, float, str]:
    """Bytes and seconds of a field that is sampled, and a few words; nothing for another field."""
    sampled = request.memo.get("sampled")
    if not isinstance(sampled, Sampled):
        return 0.0, 0.0, ""
    n, times, s = len(request.couplings), len(request.times) + 2 * MORE, speed()
    turned = 2 * NARROWEST * sampled.size / request.unit * longest
    nodes = OF_PANEL * (_PANELS[0] + _PANELS[1] * turned)
    seconds = FREQUENCIES * sampled.seconds + nodes * _PHASE * times * s.entry
    seconds += nodes * _SOLVES * (8 / 3 * n**3 * s.flop + 10 * n * n * s.entry)
    held = 16 * n * n * _COPIES * FREQUENCIES + min(
        1.25 * BYTES, 5 * nodes * max(8 * n * n, 3 * times)
    )
    return held + 48 * n * times, seconds, f", {FREQUENCIES} frequencies of the field"
