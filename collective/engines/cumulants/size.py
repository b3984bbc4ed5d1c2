"""Predicted memory and time of cumulants, and which closure and which order beside a request needs.

A vector of order 2 has 1.5N² numbers, of the general closure 3.5N², of order 3 7N³/6. Products of
matrices bound the time: 8N³, 24N³ and 8N⁴ flops for each slope. The steps follow from the fastest
frequency of the couplings and from rtol.
"""

import numpy as np

from collective._tools.speed import speed
from collective.couplings.channels import ChannelCouplings
from collective.engines import estimates
from collective.engines.base import Cost, threads_for, writing
from collective.engines.numerics.channels import local_hamiltonians, lowering
from collective.engines.numerics.runge_kutta import VECTORS
from collective.engines.request import Request
from collective.states.moments import without_coherence

_ROWS = 512  # of Γ and Δ that are read
_BESIDE_SECONDS = 1.0  # that the order beside may take, or …
_DARK = 0.05  # excited pairs without a dipole, up to which mean field tells the error
_BESIDE_SHARE = 3.0  # … so many times as long as the order asked for
_FIRST, _PER_PHASE = 14.0, 1.1  # steps: at least, and per unit of frequency times time
_LIFETIMES, _LATER = 15.0, 0.35  # after so many, steps are longer and so much fewer
_RTOL = 1e-8  # for which these hold; steps are longer for a larger rtol, by its eighth root
_SLOPES = 14.5  # per step: 12 stages, 3 to interpolate, some steps repeated
_CALLS = {"second": 40.0, "third": 90.0, "general": 60.0}
_PAIR_FLOPS = {"second": 900.0, "third": 900.0, "general": 5000.0}  # per N²
_TRIPLE_FLOPS = 1200.0  # per N³
_VECTOR_ENTRIES = 3.0  # per number of the vector and slope
_READ_CALLS, _READ_ENTRIES = 60.0, 10.0  # per output time, and N²
_PAIR_ENTRIES = 0.75  # per number that the pass over pairs of atoms adds, and …
_PAIR_CALLS = 2.3  # per pair
_LEVEL_CALLS = 90.0  # per slope
_LEAST_BYTES = 400_000  # of Python objects
_OVERHEAD = 3000.0  # calls, once


def coherence(request: Request) -> str | None:
    """What creates coherence, as words after a method, or None if there is nothing."""
    drive = request.couplings.drive
    if np.any(drive):
        return f"takes no drive, but the drive is {np.abs(drive).max() * request.unit:g}"
    if not without_coherence(request.state, len(request.couplings)):
        return f"takes no coherent initial state, but the state is {request.state_name}"
    return None


def beside(request: Request, order: int, *, general: bool) -> int | None:
    """The order that runs beside for an estimate of the error, or None if it would take long."""
    if len(request.rwa) <= order:
        return None
    if general:
        s = estimates.strength(request)
        # without a dipole, mean field misses the burst of excited emitters and tells nothing
        return 1 if not s.correlated and s.excited**2 * (1 - s.coherence) < _DARK else None
    if order == 3:
        return 2
    limit = max(_BESIDE_SECONDS, _BESIDE_SHARE * _seconds(request, "second"))
    return 3 if _seconds(request, "third") <= limit else None


def share_beside(request: Request, order: int) -> float:
    """The share of the work that the order beside takes."""
    if isinstance(request.problem, ChannelCouplings):
        return 0.02
    if coherence(request) is not None:
        return 0.02
    second, third = _seconds(request, "second"), _seconds(request, "third")
    return (third if order == 2 else second) / (second + third)


def cost(request: Request, order: int, *, general: bool) -> Cost:
    """Predict memory and time, without the expected error."""
    n, times = len(request.couplings), len(request.times)
    kind = "third" if order == 3 else "general" if general else "second"
    other = beside(request, order, general=general)
    seconds, held = _seconds(request, kind), _bytes(n, kind)
    if other in (2, 3):
        another = "third" if other == 3 else "second"
        seconds, held = seconds + _seconds(request, another), max(held, _bytes(n, another))
    correlated = "correlations" in request.words
    recorded = times * (16.0 * n * n if correlated else 8.0 * n + 16)
    compressing, written = writing(request, recorded + 8 * _length(n, kind))
    names = {"second": "second", "third": "third", "general": "second"}
    vector = f"{_length(n, kind):,.0f} moments"
    return Cost(
        int(_LEAST_BYTES + 1.03 * (held + recorded) + written),
        seconds + compressing + _OVERHEAD * speed().call,
        f"cumulants of {names[kind]} order of {n} emitters, {vector}",
    )


def cost_of_atoms(request: Request) -> Cost:
    """Predict memory and time of atoms with manifolds, without the expected error."""
    n, times, s, threads = len(request.channels), len(request.times), speed(), threads_for(request)
    lower, up = lowering(request.channels), int(request.channels.atoms.excited.sum())
    kinds, levels, entries = *lower.shape[:2], float(np.count_nonzero(lower))
    pairs, square = n * (n - 1) / 2, levels**2
    numbers = n * square + pairs * square**2
    product = 8.0 * (n * kinds) ** 2 * n * square * s.flop
    # of one pair and atom: its generator, exchange, two outer products, jumps
    each = (levels + 2 * entries + 2 * kinds) * levels**3 + 2 * entries**2 * square + square**2
    each += (up * (levels - up)) ** 2 * square
    pass_ = pairs * (_PAIR_ENTRIES * (2 * each + 3 * square**2) * s.entry + _PAIR_CALLS * s.call)
    vectors = _VECTOR_ENTRIES * numbers * s.entry
    slope = _LEVEL_CALLS * s.call + (product + pass_ + vectors) / threads
    slopes = _steps(request) * _SLOPES
    correlated = "correlations" in request.words
    recorded = times * (16.0 * len(request.channels.decay) ** 2 if correlated else 8.0 * n * levels)
    compressing, written = writing(request, recorded + 8 * numbers)
    held = 8 * VECTORS * numbers + 48.0 * n * n * kinds * square + 48.0 * (n * kinds) ** 2
    return Cost(
        int(_LEAST_BYTES + 1.03 * (held + recorded) + written),
        slopes * slope + times * slope + compressing + _OVERHEAD * s.call,
        f"cumulants of second order of {n} atoms of {levels} levels, {numbers:,.0f} moments",
    )


def _length(n: int, kind: str) -> float:
    """The length of the vector."""
    pairs = n * (n - 1) / 2
    if kind == "general":
        return 5 * pairs + 2.0 * n * n + 3 * n
    found = 3 * pairs + n
    return found if kind == "second" else found + 2 * n * pairs + n * (n - 1) * (n - 2) / 6


def _bytes(n: int, kind: str) -> float:
    """The bytes at the peak: the vectors of the integrator, matrices, and the initial moments."""
    start = {"second": 0.0, "third": 60.0 * n**3, "general": 0.0}[kind] + 90.0 * n * n
    matrices = {"second": 5, "third": 12, "general": 12}[kind] * 16.0 * n * n
    return max(start, 8 * VECTORS * _length(n, kind) + 40.0 * n**3 * (kind == "third")) + matrices


def _frequency(request: Request) -> float:
    """The fastest frequency of the couplings, roughly; at most 512 rows of Γ and Δ are read."""
    if isinstance(request.problem, ChannelCouplings):
        return _frequency_of_atoms(request.problem)
    couplings = request.usual
    n = len(couplings)
    chosen = np.unique(np.linspace(0, n - 1, min(n, _ROWS)).astype(int))
    h = np.abs(couplings.shift[chosen] - 0.5j * couplings.decay[chosen])
    h[np.arange(len(chosen)), chosen] = 0.0
    own = couplings.detunings + np.diagonal(couplings.shift).real
    found = float(np.sqrt((h**2).sum(axis=1)).max())
    # a frequency that all emitters share has no effect without a drive
    found += float(np.abs(own).max() if np.any(couplings.drive) else np.ptp(own))
    if couplings.ising is not None:
        shifts = couplings.ising[chosen]  # those of both signs cancel
        together = np.maximum(np.abs(shifts.sum(axis=1)), np.sqrt((shifts**2).sum(axis=1)))
        found += float(together.max())
    found += 2 * float(np.abs(couplings.drive).max()) + float(couplings.dephasing.max())
    return found + float(couplings.pump.max()) + float(np.diagonal(couplings.decay).real.max())


def _frequency_of_atoms(channels: ChannelCouplings) -> float:
    """The fastest frequency of atoms with manifolds, roughly."""
    n, each = len(channels), len(channels.decay) // len(channels)
    h = np.abs(channels.shift - 0.5j * channels.decay).reshape(n, each, n, each)
    h[range(n), :, range(n)] = 0.0
    found = float(np.sqrt((h**2).sum(axis=(2, 3))).max())
    levels = np.linalg.eigvalsh(local_hamiltonians(channels))
    drive = np.linalg.norm(channels.drive.reshape(n, each), axis=1).max()
    own = channels.decay.diagonal().real.max()
    return found + float(np.ptp(levels, axis=1).max() + 2 * drive + own)


def _steps(request: Request) -> float:
    """The number of steps, roughly; kept with the request."""
    if _steps not in request.memo:
        request.memo[_steps] = _counted(request)
    found: float = request.memo[_steps]
    return found


def _counted(request: Request) -> float:
    if len(request.times) == 1:
        return 0.0
    tighter = (_RTOL / request.rtol) ** (1 / 8)
    span = float(np.ptp(request.times))
    lifetime = 1 / max(float(np.diagonal(request.rwa.decay).real.mean()), 1e-300)
    moving = min(span, _LIFETIMES * lifetime)
    phase = _frequency(request) * (moving + _LATER * (span - moving))
    return (_FIRST + _PER_PHASE * phase) * tighter


def _seconds(request: Request, kind: str) -> float:
    """The seconds of all steps."""
    n, s, threads = len(request.couplings), speed(), threads_for(request)
    flops = {"second": 8.0, "general": 24.0, "third": 8.0 * n}[kind] * n**3
    flops += _PAIR_FLOPS[kind] * n * n
    flops += _TRIPLE_FLOPS * n**3 if kind == "third" else 0.0
    each = _CALLS[kind] * s.call + flops * s.flop / threads
    each += _VECTOR_ENTRIES * _length(n, kind) * s.entry / threads
    reading = _READ_CALLS * s.call + _READ_ENTRIES * n * n * s.entry
    return _steps(request) * _SLOPES * each + len(request.times) * reading
