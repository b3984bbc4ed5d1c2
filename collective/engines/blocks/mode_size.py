"""Which emitters with a cavity mode have blocks, and predicted memory and time."""

from math import comb

import numpy as np

from collective._tools.speed import speed
from collective.couplings.with_mode import CavityCouplings
from collective.engines.base import Cost, writing
from collective.engines.request import Request
from collective.states import State
from collective.states.answers import highest_excitation

_LARGEST = 14  # emitters: their blocks have 2^N rows
_SLOPES_PER_PHASE, _FEWEST_SLOPES, _SLOPES_PER_TIME = 3.0, 200.0, 4.0
_SLOPE_CALLS, _ENTRIES, _VECTOR_ENTRIES = 25.0, 0.8, 12.0
_BYTES = 500  # per entry of ρ: stages of the integrator and products


def refusal(request: Request) -> str | None:
    """The reason why emitters and mode have no such blocks, or None."""
    problem, who = request.cavity, "method 'blocks'"
    if problem.driven:
        return f"{who} needs a number of excitations that changes by jumps alone: no drive"
    if len(problem) > _LARGEST:
        return f"{who} with a cavity mode ends at {_LARGEST} emitters, got {len(problem)}"
    if not isinstance(request.state, State):
        return f"{who} with a cavity mode takes states of co.states, with an empty mode"
    return None


def highest(request: Request) -> int:
    """The largest number of excitations that can be reached."""
    problem = request.cavity
    if np.any(problem.couplings.pump):
        return len(problem) + problem.photons
    return highest_excitation(request.state, len(problem))


def sizes(problem: CavityCouplings, total: int) -> list[int]:
    """The number of rows of each block, from 0 excitations to the largest number of them."""
    n, photons = len(problem), problem.photons
    return [
        sum(comb(n, k) for k in range(max(0, s - photons), min(n, s) + 1)) for s in range(total + 1)
    ]


def cost(request: Request) -> Cost:
    """Predict memory and time."""
    problem, s, times = request.cavity, speed(), len(request.times)
    c, n, total = problem.couplings, len(problem), highest(request)
    rows = sizes(problem, total)
    entries = float(sum(d * d for d in rows))
    hops = np.count_nonzero(np.abs(c.shift) + np.abs(c.decay)) - n
    jumps = np.count_nonzero(c.decay) / 2 + 2 * n + n * bool(np.any(c.pump))
    photons = min(problem.photons, total)
    rate = 2 * float(np.linalg.norm(problem.coupling)) * np.sqrt(photons + 1)
    rate += problem.mode.linewidth * photons + abs(problem.mode.detuning) * photons
    rate += float(np.linalg.norm(c.decay)) + 2 * float(np.linalg.norm(c.shift))
    rate += float(np.abs(c.detunings).sum() + c.pump.sum() + 2 * c.dephasing.sum())
    slopes = _SLOPES_PER_PHASE * rate * float(np.ptp(request.times))
    slopes += _FEWEST_SLOPES + _SLOPES_PER_TIME * times
    each = _ENTRIES * (1 + n + hops / 4 + jumps) + _VECTOR_ENTRIES
    slope = each * entries * s.entry + _SLOPE_CALLS * len(rows) * (n + 2) * s.call
    correlated = 16.0 * n * n * times * ("correlations" in request.words)
    compressing, written = writing(request, correlated + 8.0 * n * times)
    return Cost(
        int(_BYTES * entries + 4 * correlated + written) + 600 * times + 300_000,
        slopes * slope + compressing + 10_000 * s.call,
        f"{n} emitters and up to {photons} photons in blocks of up to {max(rows):,} rows, "
        f"{entries:,.0f} numbers",
    )
