"""Predicted memory and time of a run, and how its samples are divided."""

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.speed import speed
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.lattice import LatticeMatrix, largest_row, sum_of_squares
from collective.couplings.sites import padded
from collective.engines.base import Cost, threads_for, writing
from collective.engines.numerics.channels import local_hamiltonians, polarisations
from collective.engines.numerics.exchange import kind, sites_of
from collective.engines.numerics.lattice import TRANSFORM
from collective.engines.request import Request

TOLERANCE = 1e-4  # of a step with random phases: far below their standard errors
_TOGETHER = 2**15  # numbers s that are integrated together
_FEWEST = 16  # samples that one reading of a large matrix serves
_VECTORS = 36  # numbers of stages, slopes and interpolation, for each number of the state
_CALLS = 45.0  # of numpy, per slope, and …
_CALLS_PER_TIME = 80.0  # per output time
_ENTRIES = 30.0  # per emitter and sample, of a slope and its stage, in gathered entries
_PAIR_ENTRIES = 18.0  # per correlation
_IN_LEVELS = 0.5  # of the frequency, because a row of channels has three polarisations
_MATRIX_PRODUCTS = 6.0  # of density matrices of atoms, per slope, and …
_MATRIX_ENTRIES = 12.0  # per number of them
_BLOCK_ENTRIES = 2.0  # per transform of a channel and channel that it acts on
_SINGLE = 0.65  # of the time of a product of matrices, in single precision
_SLOPES = 60.0  # at least, and …
_PER_PHASE = 7.5  # per unit of frequency and time at a tolerance of 1e-4, and …
_STABLE, _DAMPED = 0.7, 2.0  # per frequency and rate, where nothing moves any more
_ORDER = 8  # of the integrator, which says how they grow with the tolerance
_SETTLED = 10.0  # lifetimes, under a drive or a pump


def tolerances(request: Request, phases: int) -> tuple[float, float]:
    """The relative and absolute tolerance of a step."""
    least = TOLERANCE if phases else 0.0
    return max(request.rtol, least), max(request.atol, least)


def channels(request: Request) -> int:
    """How many numbers a product with h takes for each sample."""
    if isinstance(request.problem, ChannelCouplings):
        return len(request.problem) * polarisations(request.problem).shape[1]
    return len(request.couplings)


def work_of_one(request: Request) -> int:
    """The work of one sample, in emitters of two levels."""
    if isinstance(request.problem, ChannelCouplings):
        return max(1, len(request.problem) * len(request.problem.atoms.levels) ** 2 // 4)
    return len(request.couplings)


def columns(request: Request, phases: int) -> list[int]:
    """How many samples are integrated together, for each of the groups.

    The groups follow from the problem alone, so that results do not depend on the threads.
    """
    groups = _groups(request, phases)
    least, larger = divmod(max(phases, 1), groups)
    return [least + 1] * larger + [least] * (groups - larger)


def _groups(request: Request, phases: int) -> int:
    """The number of groups into which samples are divided."""
    of_atoms = isinstance(request.problem, ChannelCouplings)
    least = _FEWEST if of_atoms or kind(request.couplings) == "matrix" else 1
    return max(1, -(-phases // max(_TOGETHER // work_of_one(request), least)))


def cost(request: Request, phases: int, error: float | None) -> Cost:
    """Predict memory and time."""
    if isinstance(request.problem, ChannelCouplings):
        return _cost_of_atoms(request, phases, error)
    couplings, n, times, s = request.couplings, len(request.couplings), len(request.times), speed()
    samples, groups = max(phases, 1), _groups(request, phases)
    together = -(-samples // groups)  # in the largest group
    threads = min(threads_for(request), groups)
    how, correlated = kind(couplings), "correlations" in request.words
    digits = 8 if phases else 16
    slopes = evaluations(request, phases)
    each = s.entry * _ENTRIES * n * together
    held = 24 * n * samples * _VECTORS + 24 * n * samples
    if how == "matrix":
        held += digits * n * n + 24 * n * min(n, 512)
        reading = digits * n * n / 8 * s.entry * 0.5
        each += max(8.0 * n * n * together * s.flop * (_SINGLE if phases else 1.0), reading)
        work = f"{n} × {n} couplings"
    elif how == "lattice":
        found = sites_of(couplings)
        assert found is not None
        around = float(np.prod(padded(found.shape)))
        held += int(digits * around * (1 + 2 * together * threads) + 48 * around)
        each += TRANSFORM * around * np.log2(around) * together * s.flop
        work = f"products of {n:,} emitters by Fourier transforms"
    else:
        work = f"{n:,} identical emitters"
    kept = 8 * n * times * (2 if phases else 1) + 8 * phases * times
    seconds = (slopes + times) * each + s.call * (_CALLS * slopes + _CALLS_PER_TIME * times)
    seconds *= groups
    if correlated:
        kept += 16 * n * n * times
        seconds += times * n * n * (8.0 * samples * s.flop + _PAIR_ENTRIES * s.entry)
        held += 32 * n * n
    compressing, written = writing(request, kept + 24 * n * samples)
    kind_of = f"{phases} samples of random phases, " if phases else "mean field, "
    return Cost(held + kept + int(written), seconds + compressing, kind_of + work, error)


def _cost_of_atoms(request: Request, phases: int, error: float | None) -> Cost:
    """Predict memory and time of density matrices of atoms."""
    n, count, s = len(request.rwa), len(request.channels.atoms.levels), speed()
    samples, groups = max(phases, 1), _groups(request, phases)
    times = len(request.times)
    together = -(-samples // groups)
    numbers = 2.0 * n * count**2
    slopes = evaluations(request, phases)
    each, held = _exchange_of_atoms(request, together, phases)
    each += n * together * s.flop * 8 * _MATRIX_PRODUCTS * count**3
    each += s.entry * _MATRIX_ENTRIES * numbers * together + s.call * _CALLS
    held += 8 * numbers * samples * _VECTORS
    held += 16.0 * n * count**2 * (count**2 / 4 + 8)
    kept = 8 * n * count * times * (2 if phases else 1) + 8 * phases * times
    seconds = groups * (each * (slopes + times) + s.call * _CALLS_PER_TIME * times)
    if "correlations" in request.words:
        pairs = len(request.channels.decay) ** 2
        kept += 16 * pairs * times
        held += 32 * pairs
        seconds += times * pairs * (8.0 * samples * s.flop + _PAIR_ENTRIES * s.entry)
    compressing, written = writing(request, kept + 8 * numbers * samples)
    kind_of = f"{phases} samples of random phases, " if phases else "mean field, "
    work = f"{kind_of}{n:,} density matrices of {count} levels"
    return Cost(int(held + kept + written), seconds + compressing, work, error)


def _exchange_of_atoms(request: Request, together: int, phases: int) -> tuple[float, float]:
    """Seconds of a product with h for so many samples, and the bytes of what it needs."""
    s, side, digits = speed(), channels(request), 8 if phases else 16
    decay = request.channels.decay
    if not isinstance(decay, LatticeMatrix):
        product = 8.0 * side**2 * together * s.flop * (_SINGLE if phases else 1.0)
        reading = digits * side**2 / 8 * s.entry * 0.4
        return max(product, reading), digits * side**2 + 24.0 * side * 512
    kinds = side // len(request.channels)
    around = float(np.prod(padded(decay.sites.shape)))
    seconds = (
        around
        * together
        * kinds
        * (TRANSFORM * np.log2(around) * s.flop + _BLOCK_ENTRIES * kinds * s.entry)
    )
    held = digits * around * (kinds**2 + (kinds + 3) * together) + 32 * around
    return seconds + 8 * kinds**2 * s.call, held + 48.0 * decay.kernel.size


def evaluations(request: Request, phases: int) -> float:
    """The number of slopes of a run, roughly.

    They follow the frequencies while emitters move. Driven or pumped ones come to rest, and then
    steps are as long as is stable.
    """
    couplings, span = request.rwa, float(np.ptp(request.times))
    finer = (TOLERANCE / tolerances(request, phases)[0]) ** (1 / _ORDER)
    own, open_ = float(couplings.decay.diagonal().real.mean()), bool(np.any(couplings.drive))
    if isinstance(couplings, ChannelCouplings):
        frequency, rate = _frequencies_of_atoms(couplings)
    else:
        frequency, rate = frequencies(request.usual)
        own, open_ = own + float(couplings.pump.mean()), open_ or bool(np.any(couplings.pump))
    lasting = min(span, _SETTLED / max(own, 1e-300)) if open_ else span
    if request.envelope is not None:
        lasting = span
    resting = (_STABLE * frequency + _DAMPED * rate) * span
    return _SLOPES + _PER_PHASE * finer * frequency * lasting + resting


def frequencies(couplings: Couplings) -> tuple[float, float]:
    """A frequency with which emitters turn, and the largest rate of one of them.

    Neighbours count by a mean between most emitters and the one with the closest neighbours.
    """
    usual = np.sqrt(sum_of_squares(couplings.shift) / len(couplings))
    most = np.sqrt(largest_row(couplings.shift))
    own = couplings.detunings + couplings.shift.diagonal().real
    drive = float(np.abs(couplings.drive).max())
    turning = own if drive > 0 else own - own.mean()
    rates = couplings.decay.diagonal().real + couplings.pump + couplings.dephasing
    bright = np.sqrt(sum_of_squares(couplings.decay) / len(couplings))
    if kind(couplings) == "alike":
        bright = abs(couplings.decay[0, 0]) * (len(couplings) - 1)
    frequency = np.sqrt(usual * most) + np.abs(turning).max() + drive + 0.3 * bright
    frequency += interaction(couplings.ising)
    return float(frequency), float(rates.max() + bright)


def interaction(ising: NDArray[np.float64] | None) -> float:
    """The shift of an emitter by others of population ¼, roughly; those of both signs cancel."""
    if ising is None:
        return 0.0
    if checks.constant(ising):
        return abs(float(ising[0, 0])) * (len(ising) - 1) / 4
    together = np.maximum(np.abs(ising.sum(axis=1)), np.sqrt((ising**2).sum(axis=1)))
    return float(together.max()) / 4


def _frequencies_of_atoms(channels: ChannelCouplings) -> tuple[float, float]:
    """A frequency with which the density matrices of atoms turn, and the largest rate of one."""
    n = len(channels)
    usual = np.sqrt(sum_of_squares(channels.shift) / len(channels.shift))
    most = np.sqrt(largest_row(channels.shift))
    levels = np.linalg.eigvalsh(local_hamiltonians(channels))
    bright = np.sqrt(sum_of_squares(channels.decay) / len(channels.decay))
    drive = float(np.linalg.norm(channels.drive.reshape(n, -1), axis=1).max())
    frequency = np.sqrt(usual * most) + float(np.ptp(levels, axis=1).max()) + drive + 0.3 * bright
    frequency *= _IN_LEVELS
    return float(frequency), float(channels.decay.diagonal().real.max() + bright)
