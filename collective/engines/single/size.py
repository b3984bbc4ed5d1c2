"""Predicted memory and time of a run of one excitation, for its three methods."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.speed import COMMON, speed
from collective.couplings import noise
from collective.couplings.couplings import Couplings
from collective.couplings.modes import REFLECTED
from collective.engines.base import Cost, writing
from collective.engines.numerics.spectrum import Extent
from collective.engines.request import Request
from collective.engines.single import amplitudes
from collective.engines.single.problem import couplings_of

_SECONDS_MODES = 2.5e-9  # per N³ of an eigenvalue problem, to compare modes with steps
_OVERHEAD = 1900.0  # calls
_MODE_FLOPS = 180.0  # per N³ of an eigenvalue problem
_READ_FLOPS = 20.0  # per N² and output time
_SQUARE_ENTRIES = 4.0  # per N², once
_KEPT_ENTRIES = 6.0  # per correlation kept: memory is touched for the first time
_TAYLOR_SHARE = 0.5  # of the time by which modes and steps are compared
_SLOPE_CALLS = 25.0  # of the equation with dephasing
_SLOPE_FLOPS, _SLOPE_SQUARE = 8.0, 300.0  # per N³ and N²
_SLOPES_STABLE, _SLOPES_MOVING = 1.5, 12.0  # per unit of phase
WORTH_STEPPING = 0.25  # of the time of the modes; steps that take less are used
_ROWS = 64  # of h that are compared with their reflection at once
_MATRICES = 5  # N × N at the peak, while h is built; its halves need no more later
_VECTORS_OF_STEPS = 34  # stages and interpolation of the equation with dephasing


def cost(request: Request) -> Cost:
    """Predict memory and time: of modes, of Taylor series where these are faster, or of ρ."""
    n, times, s = len(couplings_of(request)), len(request.times), speed()
    correlated = "correlations" in request.words
    side = n if isinstance(request.problem, Couplings) else len(request.channels.decay)
    kept = 16 * side * side * times if correlated else 8 * n * times
    base = _OVERHEAD * s.call + times * (5 * s.call + _READ_FLOPS * n * n * s.flop)
    base += _SQUARE_ENTRIES * n * n * s.entry
    compressing, written = writing(request, kept)
    base, kept = base + compressing, kept + int(written)
    if request.checkpointed:
        kept += 8 * n * times
    if correlated:
        base += times * side * side * _KEPT_ENTRIES * s.entry
    if np.any(couplings_of(request).dephasing):
        slope = _SLOPE_CALLS * s.call + (_SLOPE_FLOPS * n**3 + _SLOPE_SQUARE * n * n) * s.flop
        between = times * (40 * s.call + 12 * n * n * s.entry)
        return Cost(
            16 * n * n * (_VECTORS_OF_STEPS + 4) + kept,
            base + _slopes(request) * slope + between,
            f"one excitation of {n} dephased emitters, {n} × {n} numbers",
        )
    modes, steps = seconds(request)
    vectors = 16 * n * min(times, 64) * 4
    if steps < WORTH_STEPPING * modes:
        return Cost(
            16 * _MATRICES * n * n + kept + vectors,
            base + _TAYLOR_SHARE * steps * s.call / COMMON.call,
            f"one excitation of {n} emitters in steps, {n} amplitudes",
        )
    side = (n + 1) // 2 if _halved(couplings_of(request)) else n
    return Cost(
        16 * _MATRICES * n * n + kept + vectors,
        base + _MODE_FLOPS * (n // side) * side**3 * (1 + 100 / side) * s.flop,
        f"one excitation of {n} emitters, {n // side} × {side} modes",
    )


def _slopes(request: Request) -> float:
    """The number of slopes of the equation with dephasing: while ρ moves, and for stability."""
    couplings, span = couplings_of(request), float(np.ptp(request.times))
    extent = Extent(couplings, 1)
    moving = extent.frequency(1) + extent.decay(1)
    largest = float(np.hypot(moving, 2 * float(noise.own(couplings.dephasing).max())))
    slowest = float(np.trace(couplings.decay).real) / len(couplings)
    slowest += 2 * noise.total(couplings.dephasing) / len(couplings)
    lasting = min(span, 4 / max(slowest, 1e-300))
    return 60 + _SLOPES_STABLE * largest * span + _SLOPES_MOVING * moving * lasting


def _phase(request: Request) -> float:
    """The phase ‖h‖t in the one-norm, roughly."""
    couplings = couplings_of(request)
    norm = np.abs(couplings.shift).sum(axis=0).max() + np.abs(couplings.decay).sum(axis=0).max() / 2
    return float(norm + np.ptp(couplings.detunings)) * float(np.ptp(request.times))


def seconds(request: Request) -> tuple[float, float]:
    """The seconds of modes, and those of Taylor series."""
    n, times = len(couplings_of(request)), len(request.times)
    side = (n + 1) // 2 if _halved(couplings_of(request)) else n
    modes = _SECONDS_MODES * (n // side) * side**3 + 1e-3
    return modes, amplitudes.taylor_seconds(n, 1, _phase(request), times)


def _halved(couplings: Couplings) -> bool:
    """Whether `modes.parts` will split h into two halves; tested some rows at a time."""
    decay, shift, detunings = couplings.decay, couplings.shift, couplings.detunings
    n = len(couplings)
    firsts = [(m[0], m[-1, ::-1]) for m in (decay, shift)]
    # most couplings that have no reflection differ in these already
    if n == 1 or not all(np.allclose(a, b, 1e-9, 1e-9 * np.abs(a).max()) for a, b in firsts):
        return False
    mean = float(np.mean(np.diagonal(shift).real + detunings))

    def rows(begin: int, end: int) -> NDArray[Any]:
        found = shift[begin:end] - 0.5j * decay[begin:end]
        at = np.arange(begin, end)
        found[at - begin, at] += detunings[begin:end] - mean
        return found

    miss = largest = 0.0
    for begin in range(0, (n + 1) // 2, _ROWS):
        end = min(begin + _ROWS, (n + 1) // 2)
        above, below = rows(begin, end), rows(n - end, n - begin)
        miss = max(miss, np.abs(above - below[::-1, ::-1]).max())
        largest = max(largest, np.abs(above).max(), np.abs(below).max())
    return bool(miss <= REFLECTED * n * largest)
