"""Predicted memory and time of a run with delays."""

import numpy as np

from collective._tools.speed import speed
from collective.engines.base import Cost, writing
from collective.engines.request import Request
from collective.engines.retarded.history import NODES, TERMS
from collective.engines.retarded.problem import equation_of, pairs_of
from collective.engines.retarded.steps import PHASE
from collective.fields.memory import Memory

_OVERHEAD = 3000.0  # calls
_TRIES = 2.0  # per step that is kept
_REPEATS = 12.0  # per try
_CALLS = 40.0  # per repetition
_GATHERED = 30.0  # entries per number of the past that is looked up
_PER_KINK = 2.5  # steps
_START = 30.0  # steps, which grow from the shortest delay
_LARGEST_BYTES = 2**25  # of what is gathered at once


def cost(request: Request, memory: Memory) -> Cost:
    """Predict memory and time from the delays and from the norm of the equation."""
    n, times, s = len(memory), len(request.times), speed()
    pairs, last = pairs_of(memory), float(request.times[-1])
    equation = equation_of(request, memory)
    if "kinks" not in request.memo:
        request.memo["kinks"] = equation.kinks(last).count if pairs else 0
    steps = _START + equation.norm * last / PHASE + _PER_KINK * min(request.memo["kinks"], 400)
    lookups = pairs * NODES * TERMS
    each = _REPEATS * (_CALLS * s.call + 4 * lookups * s.flop + 2 * n * n * NODES * s.flop)
    each += 2 * _CALLS * s.call + _GATHERED * pairs * NODES * s.entry
    long = min(steps, 64 + equation.longest / max(last, 1e-300) * steps)
    history = 16 * n * TERMS * 2 * max(64.0, long)
    correlated = "correlations" in request.words
    kept = (16 * n * n if correlated else 8 * n) * times
    compressing, written = writing(request, kept + history)
    held = 8 * lookups * 3 + min(_LARGEST_BYTES, 40 * lookups) + 200 * n * n
    return Cost(
        int(held + history + kept + written),
        _OVERHEAD * s.call + _TRIES * steps * each + times * 30 * s.call + compressing,
        f"one excitation of {n} emitters, {pairs} delays, about {int(np.ceil(steps))} steps",
    )
