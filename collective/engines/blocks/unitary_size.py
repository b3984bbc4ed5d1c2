"""Predicted memory and time of emitters that never decay, and the method for each block.

The width of H in a block of k excitations follows from its N × N matrix of one excitation.
"""

from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.speed import COMMON, Speed, speed
from collective.engines.base import Cost, writing
from collective.engines.basis.configurations import one_excitation
from collective.engines.numerics.spectrum import Extent
from collective.engines.request import Request
from collective.states import State, answers

LONGEST = 300.0  # radians; an expansion is not longer
TERMS_AT_ONCE = 16  # terms that are added to all output times at once
AMPLITUDES_AT_ONCE = 2**22  # of all output times that are computed together
SMALLEST_SERIES = 40  # configurations; smaller blocks always take eigenvectors
LARGEST_MODES = 1500  # configurations; all eigenvectors of such a block are found in seconds
_TERM_CALLS = 25.0  # per term of the series
_TERM_ENTRIES = 1.2  # per term, entry of H and column
_VECTOR_ENTRIES = 5.0  # per term and amplitude
_AMPLITUDE_FLOPS = 40.0  # per term and output time
_SETUP_ENTRIES = 70.0  # per entry of H
_PAIR_ENTRIES = 3.5  # per amplitude, emitter and output time, with correlations
_MODES_FLOPS = 10.0  # per n³ of a real H, four times as many of a complex one
_TURN_FLOPS = 16.0  # per n² and output time
_TIME_CALLS = 40.0  # per output time
_RUN_CALLS = 2500.0
_BYTES_ENTRY = 70  # of H, while it is built


def cost(request: Request) -> Cost:
    """Predict memory and time; sums of rows of the N × N matrix give the width of H."""
    n, state, times = len(request.couplings), request.state, len(request.times)
    present, columns = numbers(request), 1
    if answers.is_mixed(state):
        columns = max(1, *(_configurations(state, n, k) for k in present))
    sizes = {k: comb(n, k) for k in present}
    hopping = np.count_nonzero(matrix_of_one_excitation(request)) / max(1, n * n)
    entries = sum(size * (1 + k * (n - k) * hopping) for k, size in sizes.items())
    amplitudes = sum(sizes.values()) * columns
    largest = max(sizes.values()) * columns
    turns, real = phase(request), not np.iscomplexobj(matrix_of_one_excitation(request))
    tables = sum(comb(n, max(k - 1, 0)) * (n - k + 1) * 32 for k in present)
    correlated = "correlations" in request.words
    kept = 8 * n + (16 * n * n if correlated else 0)
    at_once = min(times, max(1, AMPLITUDES_AT_ONCE // largest))
    compressing, written = writing(request, kept * times)
    s = speed()
    seconds = (_RUN_CALLS + _TIME_CALLS * times) * s.call + _SETUP_ENTRIES * entries * s.entry
    modes = 0
    for k, size in sizes.items():
        if by_modes(size, turns, times, real):
            modes = max(modes, size)
            seconds += _modes_flops(size, times * columns, real) * s.flop
        else:
            hops = size * (1 + k * (n - k) * hopping)
            seconds += _series_seconds(size * columns, hops * columns, turns, times)
    if correlated:
        seconds += _PAIR_ENTRIES * amplitudes * n * times * s.entry
    everything = 0 if isinstance(state, State) else 16 * (2**n if state.isket else 3 * 4**n)
    return Cost(
        int(_BYTES_ENTRY * entries + 16 * largest * (TERMS_AT_ONCE + 8 + 2 * columns) + tables)
        + int(max(32 * at_once * largest, written))
        + kept * (times + at_once)
        + 64 * modes**2
        + everything,
        float(seconds + compressing),
        f"{amplitudes:,} amplitudes of a state that never decays, {n} emitters",
    )


def _configurations(state: Any, n: int, k: int) -> int:
    """The largest number of vectors of k excitations that a mixture consists of."""
    chances = answers.probabilities_of(state, n)
    if chances is None:
        return comb(n, k)
    certain = np.count_nonzero(chances == 1)
    open_ = np.count_nonzero((chances > 0) & (chances < 1))
    return comb(open_, k - certain) if k >= certain else 0


def by_modes(size: int, turns: float, times: int, real: bool) -> bool:
    """Whether a block is evolved by the eigenvectors of H.

    The answer is the same on every machine, so that the numbers of a run are the same too.

    Args:
        size: number of configurations of the block.
        turns: phase of H in the whole run, in radians.
        times: number of output times.
        real: whether H is real.
    """
    if size > LARGEST_MODES:
        return False
    made = _modes_flops(size, times, real) * COMMON.flop
    return size <= SMALLEST_SERIES or made < _series_seconds(size, size, turns, times, COMMON)


def _modes_flops(size: int, vectors: int, real: bool) -> float:
    """Flops to find all eigenvectors of a block, and to evolve some vectors in their basis."""
    return _MODES_FLOPS * (1 if real else 4) * size**3 + _TURN_FLOPS * size**2 * vectors


def _series_seconds(
    size: int, entries: float, turns: float, times: int, s: Speed | None = None
) -> float:
    """Seconds that the series of one block takes.

    Args:
        size: number of amplitudes of all columns.
        entries: number of multiplications in a product with H.
        turns: phase of H in the whole run, in radians.
        times: number of output times.
        s: the speed of a machine; None stands for this machine.
    """
    s = speed() if s is None else s
    expansions = max(1.0, turns / LONGEST)
    terms = turns + 60 * expansions
    each = _TERM_CALLS * s.call + (_TERM_ENTRIES * entries + _VECTOR_ENTRIES * size) * s.entry
    together = _AMPLITUDE_FLOPS * size * times * terms / expansions
    return float(terms * each + together * s.flop)


def numbers(request: Request) -> list[int]:
    """The excitation numbers that the state has."""
    return answers.numbers(request.state, len(request.couplings))


def matrix_of_one_excitation(request: Request) -> NDArray[Any]:
    """H = δ + Δ of one excitation, (N, N); a real array if H is real."""
    h = one_excitation(request.couplings)
    return h if np.any(h.imag) else h.real


def phase(request: Request) -> float:
    """The phase of H in the whole run, in radians, roughly.

    The width of H is estimated as that of free fermions, or of a ladder of equal exchange rates.
    """
    h, n = matrix_of_one_excitation(request), len(request.couplings)
    modes = np.linalg.eigvalsh(h)
    mean = abs(np.sum(h - np.diag(np.diagonal(h)))) / max(1, n * (n - 1))
    extent = Extent(request.couplings, n)
    widths = [
        max((modes[n - k :].sum() - modes[:k].sum()) / 2, mean * k * (n - k + 1) / 2)
        + extent.interaction(k) / 2
        for k in numbers(request)
    ]
    return max(widths) * float(np.ptp(request.times))
