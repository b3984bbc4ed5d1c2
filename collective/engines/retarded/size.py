"""Predicted memory and time of a run with delays."""

import numpy as np

from collective._tools.speed import speed
from collective.engines.base import Cost, writing
from collective.engines.basis.configurations import one_excitation_vectors
from collective.engines.request import Request
from collective.engines.retarded.history import ENTRIES, NODES, TERMS
from collective.engines.retarded.problem import equation_of, kept
from collective.engines.retarded.remainder import BYTES, MORE
from collective.engines.retarded.remainder import NODES as OF_PANEL
from collective.engines.retarded.sampled import FREQUENCIES, NARROWEST, Sampled
from collective.engines.retarded.steps import PHASE, Steps, different_steps
from collective.fields.memory import Memory

_OVERHEAD = 2000.0  # calls
_PER_TRY, _PER_REPETITION, _PER_TIME = 950.0, 24.0, 15.0  # calls
_EXPONENTIAL = 300.0  # calls of one exponential
_LOOKED_UP = 0.8  # entries for each number of the past in a step
_READ = 3.0  # the same at an output time
_MULTIPLIED = 57.0  # flops for each number of a step itself
_BASIS_BYTES, _GATHERED_BYTES = 26, 50  # per number
_GROWS, _FEWEST = 1.3, 16.0  # the room for steps, and its start
_READ_BYTES = 15  # of each amplitude that is looked up at an output time
_SUM_BYTES = 60  # of each sum of delays
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
    vectors = one_excitation_vectors(request.state, n, request.couplings.emitters)
    start = kept(vectors, len(memory.frequencies))
    pairs, columns = len(equation.delays), start.shape[1]
    foreseen = Steps(equation, start, last, request.rtol).foreseen()
    numbers = NODES * TERMS * columns
    seconds = _OVERHEAD + _PER_TRY * foreseen.tries + _PER_REPETITION * foreseen.repetitions
    seconds = (seconds + _PER_TIME * times) * s.call
    seconds += _LOOKED_UP * foreseen.arrived * numbers * s.entry
    seconds += _READ * pairs * times * TERMS * columns * s.entry
    seconds += _MULTIPLIED * foreseen.inside * numbers * s.flop
    seconds += 8 * len(equation) ** 2 * NODES * columns * foreseen.repetitions * s.flop
    if not pairs:
        made = int(different_steps(request.times).sum())
        seconds += made * (_EXPONENTIAL * s.call + 60 * len(equation) ** 3 * s.flop)
    room = _GROWS * max(_FEWEST, foreseen.kept)
    history = 16 * (1 + equation.by_slopes) * len(equation) * (TERMS + 1) * columns * room
    correlated = "correlations" in request.words
    recorded = (16 * n * n if correlated else 8 * n) * times
    compressing, written = writing(request, recorded + history)
    lookups = pairs * numbers
    longest = min(1.0, PHASE / max(PHASE, equation.norm * last))  # of all times, in a step
    read = pairs * columns * times * longest
    gathered = _GATHERED_BYTES * min(max(lookups, TERMS * read), ENTRIES) + _READ_BYTES * read
    held = max(_BASIS_BYTES * lookups, gathered, _SUM_BYTES * foreseen.sums) + 200 * n * n
    bytes_of_field, seconds_of_field, work = _of_field(request, equation.longest)
    return Cost(
        int(held + history + recorded + written + bytes_of_field),
        seconds + compressing + seconds_of_field,
        f"one excitation of {n} emitters, {pairs} delays, about {int(np.ceil(foreseen.steps))} "
        f"steps{work}",
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
