"""Predicted memory and time of a run of identical emitters."""

import numpy as np

from collective._tools import checks
from collective._tools.speed import speed
from collective.engines.base import Cost, writing
from collective.engines.basis.dicke import Identical, Triangle, identical
from collective.engines.basis.dicke_states import on_all_ladders
from collective.engines.basis.species import Species, largest_rate
from collective.engines.basis.species_space import entries
from collective.engines.basis.species_states import species_of
from collective.engines.numerics import rational
from collective.engines.request import Request
from collective.engines.symmetric import density
from collective.states import answers

_STEPS_OF_A_BURST = 60
_STEPS_OF_A_PEAK = 3.5  # per √N, for populations that begin as a narrow peak and decay
_RUN_CALLS = 1000.0  # of Python, once
_STEP_CALLS = 25.0  # per step
_FACTORED_CALLS = 80.0  # per step that solves with factors
_LADDER_ENTRIES = 9.0  # per state and step
_TRIANGLE_ENTRIES = 100.0
_FACTORED_ENTRIES = 13.0  # per entry of the factors and step
_FILL_LADDER = 6.0  # entries of the factors of one pumped ladder, per population
_FACTORS_ENTRIES = 60.0  # per state and entry of its column, for the factors of all poles
_FACTORS_OF_A_BURST = 25.0  # number of these, in units of those of one interval and its half
_COMPARED_ENTRIES = 7.0  # per pair of emitters, once, to test whether all are alike
_KEPT_ENTRIES = 12.0  # per correlation kept: memory is touched for the first time
_BYTES_LADDER = 64  # per state
_BYTES_TRIANGLE = 100
_BYTES_FACTORS = 21  # per entry; 18 to 27, as the allocator finds room for them
_SLOPE_ENTRIES = 4.0  # per entry of ρ, mostly for entries of the generator
_SLOPE_CALLS = 15.0
_SLOPES_PER_PHASE = 2.5  # of the stiffest rate; 12 a step of length 4
_SLOPES_PER_TIME = 3.0  # of a run of species, between output times
_SLOPES_AT_LEAST = 200.0
_USUAL_TERMS = 12  # of a row of the generator
_BUILT_ENTRIES = 100.0  # per entry of the generator, once
_BYTES_ENTRY = 550  # per entry of ρ of species: 30 stages of the integrator, tables
_BYTES_TERM = 65  # per entry of its generator, while it is built
_BYTES_DENSITY = 1000  # per entry: 30 stages of the integrator, the generator


def several(request: Request) -> Species | str:
    """The species of couplings and state, or why there are none; found once."""
    key = "species"
    if key not in request.memo:
        request.memo[key] = species_of(request.couplings, request.state)
    found: Species | str = request.memo[key]
    return found


def of_species(request: Request, found: Species) -> Cost:
    """Predict memory and time of a run of a few species."""
    s, times, n = speed(), len(request.times), len(request.couplings)
    size = entries(found, None if found.driven else 0)
    terms = 1 + 6 * len(found) * (len(found) - 1) // 2
    for e in found.members:
        terms += 1 + 3 * sum(x != 0 for x in (e.individual, e.dephasing, e.pump)) + 4 * found.driven
    correlated = 16 * n**2 * times if "correlations" in request.words else 0
    compressing, written = writing(request, correlated + 24 * len(found) ** 2 * times)
    phase = largest_rate(found) * float(np.ptp(request.times))
    slopes = _SLOPES_PER_PHASE * phase + _SLOPES_PER_TIME * times + _SLOPES_AT_LEAST
    slope = _SLOPE_ENTRIES * size * terms / _USUAL_TERMS * s.entry + _SLOPE_CALLS * s.call
    seconds = _RUN_CALLS * s.call + _BUILT_ENTRIES * size * terms * s.entry
    seconds += compressing
    compared = 0 if checks.constant(request.couplings.decay) else n**2
    seconds += _COMPARED_ENTRIES * len(found) * compared * s.entry
    if correlated:
        seconds += _KEPT_ENTRIES * n**2 * times * s.entry
    return Cost(
        int((_BYTES_ENTRY + _BYTES_TERM * terms) * size + correlated + 16 * compared)
        + int(written)
        + 8 * n * times,
        seconds + slope * slopes,
        f"{found} emitters of {len(found)} species, {size:,} entries of ρ between Dicke states"
        if len(found) > 1
        else f"{found} identical emitters on all ladders, {size:,} entries of ρ",
    )


def cost(request: Request) -> Cost:
    """Predict memory and time of a run of identical emitters."""
    e, s = identical(request.couplings), speed()
    assert isinstance(e, Identical)
    times = len(request.times)
    steps = times + _STEPS_OF_A_BURST
    if answers.definite_number(request.state, e.n) not in (0, e.n):
        steps += int(_STEPS_OF_A_PEAK * np.sqrt(e.n))
    kept = 400 * times
    seconds = _RUN_CALLS * s.call
    correlated = 16 * e.n**2 * times if "correlations" in request.words else 0
    compressing, written = writing(request, correlated + 8 * e.n * times)
    seconds, kept = seconds + compressing, kept + int(written)
    if not checks.constant(request.couplings.decay):
        kept += 16 * e.n**2
        seconds += _COMPARED_ENTRIES * e.n**2 * s.entry
    if correlated:
        kept += correlated
        seconds += _KEPT_ENTRIES * e.n**2 * times * s.entry
    if e.drive:
        size = density.entries(e.n, e.one_ladder)
        slope = _SLOPE_ENTRIES * size * s.entry + _SLOPE_CALLS * s.call
        return Cost(
            _BYTES_DENSITY * size + kept,
            seconds + slope * (_SLOPES_PER_PHASE * _phase(e, request) + 3 * steps),
            f"{e.n} identical driven emitters, {size:,} entries of ρ between Dicke states",
        )
    one_ladder = e.one_ladder and not on_all_ladders(request.state, e.n)
    if one_ladder and not e.pumped:
        step = _LADDER_ENTRIES * (e.n + 1) * s.entry + _STEP_CALLS * s.call
        return Cost(
            _BYTES_LADDER * (e.n + 1) + kept,
            seconds + step * steps,
            f"{e.n} identical emitters, {e.n + 1:,} populations of one Dicke ladder",
        )
    size = e.n + 1 if one_ladder else Triangle.size(e.n)
    work = f"{e.n} identical emitters, {size:,} populations of Dicke states"
    if e.pumped:
        fill = max(10.0, 8 * np.log2(size) - 50) * (1.45 if e.dephasing else 1)
        fill = _FILL_LADDER if one_ladder else fill
        factors = _BYTES_FACTORS * fill * size * 3 * rational.FACTORS
        step = _FACTORED_ENTRIES * size * fill * s.entry + _FACTORED_CALLS * s.call
        # intervals that differ, even by round-off of late times, need separate factors
        intervals = np.diff(request.times)
        rounded = np.round(intervals / intervals.max(), 13) if times > 1 else intervals
        made = 1 + np.count_nonzero(np.diff(rounded)) / _FACTORS_OF_A_BURST
        seconds += step * steps + made * _FACTORS_ENTRIES * size * fill**2 * s.entry
        return Cost(int(factors) + 4 * 2**20 + 500 * size + kept, seconds, work)
    step = _TRIANGLE_ENTRIES * size * s.entry + _STEP_CALLS * s.call
    return Cost(_BYTES_TRIANGLE * size + kept, seconds + step * steps, work)


def _phase(e: Identical, request: Request) -> float:
    """The largest rate times the length of the run."""
    together = abs(e.collective) + e.pump_together + e.dephasing_together
    rate = together * (e.n + 2) ** 2 / 4 + e.n * (e.individual + e.dephasing + e.pump)
    rate += (abs(e.drive) + abs(e.exchange) + abs(e.detuning)) * e.n / 2
    rate += abs(e.ising) * e.n * (e.n - 1) / 2
    return rate * float(np.ptp(request.times))
