"""Which driven problems keep pure states pure, and the predicted time and memory of their runs.

Most of the time is spent in products of H with the vectors: for a constant drive about one for each
radian of half the width of H, under an envelope about six. Most of the memory holds terms of the
series and the vectors of the output times that are computed together.
"""

import numpy as np
from numpy.typing import NDArray

from collective._tools import operators
from collective._tools.speed import speed
from collective.engines.base import Cost, threads_for, writing
from collective.engines.driven.size import STATE_EMITTERS
from collective.engines.numerics.spectrum import Extent
from collective.engines.request import Request
from collective.states import State
from collective.states.answers import amplitudes_of, probabilities_of, weights_of

LONGEST = 300.0  # radians of half the width of H; a series is not longer
TERMS_AT_ONCE = 10  # terms that are kept, and added to all output times at once
AMPLITUDES_AT_ONCE = 2**22  # of all output times that are computed together
REACH = 6.0  # radians of a step under an envelope: round-off grows by e^6
_WORTH = 16  # vectors take less time and memory if they are fewer than 2^N by this factor
_ROWS = 2**14  # states whose amplitudes are asked for at once
_PURE = 1e-14  # largest deviation of a density matrix from a pure state
_SMALL = 2**15  # amplitudes; a second thread saves no time for fewer
_PHASE_TERMS, _MORE_TERMS, _LANCZOS_TERMS = 1.05, 32.0, 26.0
_PULSE_TERMS, _PIECES = 6.0, 12.0
_TERM_CALLS = 28.0  # per term
_PULSE_CALLS = 60.0  # per term under an envelope, in addition
_HOP_FLOPS = 1.6  # of BLAS in the time of an amplitude and a hop …
_OWN_FLOPS = 260.0  # … and in what takes as long whatever the number of emitters
_SUM_FLOPS = 8.0  # per term, amplitude and output time
_PAIR_ENTRIES = 2.0  # per amplitude, emitter and output time, with correlations
_PAIR_FLOPS = 5.0  # per amplitude, pair and output time, with correlations
_TIME_CALLS, _READ_ENTRIES = 60.0, 1.0  # per output time; per amplitude of it and emitter
_RUN_CALLS = 6000.0
_LARGEST_POWER = 200  # emitters whose powers of four are far from infinite


def applies(request: Request) -> bool:
    """Whether a request of Couplings is evolved by vectors: nothing makes pure states mixed."""
    couplings = request.couplings
    if any(np.any(part) for part in (couplings.decay, couplings.dephasing, couplings.pump)):
        return False
    return number_of_vectors(request) * _WORTH <= 2 ** len(couplings) or (
        number_of_vectors(request) == 1
    )


def number_of_vectors(request: Request) -> int:
    """The number of vectors of which the initial ρ consists; 2^N if it is not known."""
    state, n = request.state, len(request.couplings)
    if isinstance(state, State):
        chances = probabilities_of(state, n)
        if chances is None:
            return 1
        return 2 ** int(np.count_nonzero((chances > 0) & (chances < 1)))
    return 1 if state.isket or _ket_of(request) is not None else 2**n


def initial(request: Request) -> NDArray[np.complex128]:
    """The vectors whose projectors sum to the initial ρ, (R, 2^N), in QuTiP's basis."""
    state, n = request.state, len(request.couplings)
    if not isinstance(state, State):
        ket = state.full()[:, 0] if state.isket else _ket_of(request)
        assert ket is not None
        return ket[None]
    shifts = np.arange(n - 1, -1, -1)
    pieces = range(0, 1 << n, _ROWS)
    parts = ((np.arange(p, min(p + _ROWS, 1 << n))[:, None] >> shifts) & 1 == 0 for p in pieces)
    if probabilities_of(state, n) is None:
        emitters = request.couplings.emitters
        return np.concatenate([amplitudes_of(state, up, emitters) for up in parts])[None]
    found = [weights_of(state, up) for up in parts]
    chances = np.concatenate([part for part in found if part is not None])
    present = np.flatnonzero(chances)
    vectors = np.zeros((len(present), 1 << n), complex)
    vectors[np.arange(len(present)), present] = np.sqrt(chances[present])
    return vectors


def _ket_of(request: Request) -> NDArray[np.complex128] | None:
    """The vector of a pure state that is given as a density matrix, or None if it is mixed."""
    if "ket" not in request.memo:
        rho = request.state.full()
        largest = int(np.argmax(rho.diagonal().real))
        ket = rho[:, largest] / np.sqrt(rho[largest, largest].real)
        pure = np.abs(rho - np.outer(ket, ket.conj())).max() < _PURE
        request.memo["ket"] = ket if pure else None
    known: NDArray[np.complex128] | None = request.memo["ket"]
    return known


def threads(request: Request) -> int:
    """The number of threads that share the work."""
    return 1 if 2 ** len(request.couplings) < _SMALL else threads_for(request)


def phase(request: Request) -> float:
    """Half the width of H times the length of the run, in radians, roughly."""
    extent, span = Extent(request.couplings, len(request.couplings)), float(np.ptp(request.times))
    if request.envelope is None:
        return extent.spread / 2 * span
    undriven = Extent(request.couplings.replace(drive=0), extent.top).spread
    drive = float(np.abs(request.couplings.drive).sum() * np.abs(request.pulse).mean())
    return (undriven + drive) / 2 * span


def cost(request: Request) -> Cost:
    """Predict memory and time."""
    n, times, s = len(request.couplings), len(request.times), speed()
    count, size = number_of_vectors(request), 2.0 ** min(max(n, 3), _LARGEST_POWER)
    together = min(times, max(1, int(AMPLITUDES_AT_ONCE // (count * size))))
    groups = -(-times // together)
    turns = phase(request)
    if request.envelope is None:
        terms = _PHASE_TERMS * turns + _MORE_TERMS * max(groups, turns / LONGEST)
        calls = _TERM_CALLS
    else:
        terms = _PULSE_TERMS * turns + _MORE_TERMS * max(groups, _PIECES)
        calls = _TERM_CALLS + _PULSE_CALLS
    hops = n * n / 4 * (2 if np.any(request.couplings.shift.imag) else 1) + n
    each = calls * s.call * count
    each += (_HOP_FLOPS * hops + _OWN_FLOPS / 8) * count * size * s.flop / threads(request)
    # all terms of a group are added to its output times
    adding = _SUM_FLOPS * size * count * together * s.flop
    reading = _TIME_CALLS * s.call + _READ_ENTRIES * size * count * n * s.entry
    if "correlations" in request.words:
        reading += (_PAIR_ENTRIES * n * s.entry + _PAIR_FLOPS * n * n * s.flop) * size * count
    kept = times if "states" in request.words else 0
    dense = 4.0 ** min(n, _LARGEST_POWER)
    reading += sum(int(_entries(o)) for o in request.operators.values()) * count * s.entry
    seconds = _RUN_CALLS * s.call + terms * (each + adding) + times * reading
    seconds += _LANCZOS_TERMS * each + kept * dense * 2 * count * s.flop
    row = 8 * n + (16 * n * n if "correlations" in request.words else 0)
    row += 16 * len(request.operators)
    compressing, written = writing(request, row * times + 16 * kept * dense)
    vectors = 16 * size * count * (TERMS_AT_ONCE + 6 + together)
    memory = vectors + 160 * size + max(row * (times + together), written) + 16 * kept * dense
    if n <= STATE_EMITTERS:
        memory += 32 * dense
    if request.checkpointed:
        memory += 16 * size * count + 32 * kept * dense
    what = "amplitudes of a pure state" if count == 1 else f"amplitudes of {count} pure states"
    return Cost(int(memory), float(seconds + compressing), f"{n} emitters, 2^{n} {what}")


def _entries(operator: object) -> int:
    """The number of entries of an operator that are not zero."""
    return int(operators.entries_of(operator).nnz)  # type: ignore[arg-type]
