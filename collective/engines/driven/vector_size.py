"""Which driven problems keep pure states pure, and the predicted time and memory of their runs.

Most of the time is spent in products of H with the vectors: for a constant drive about one for each
radian of half the width of H, under an envelope about six. Most of the memory holds terms of the
series and the vectors of the output times that are computed together.
"""

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from qutip import Qobj

LONGEST = 300.0  # radians of half the width of H; a series is not longer
TERMS_AT_ONCE = 10  # terms that are kept, and added to all output times at once
AMPLITUDES_AT_ONCE = 2**22  # of all output times that are computed together
REACH = 6.0  # radians of a step under an envelope: round-off grows by e^6
_WORTH = 16  # vectors take less time and memory if they are fewer than 2^N by this factor
_ROWS = 2**14  # states whose amplitudes are asked for at once
_PURE = 1e-14  # largest deviation of a density matrix from a pure state
_SMALL = 2**15  # amplitudes; a second thread saves no time for fewer
_PHASE_TERMS, _MORE_TERMS = 1.15, 28.0  # per radian, and of a series beside these
_PULSE_TERMS, _STEP_TERMS = 6.5, 30.0  # per radian, and of a step, under an envelope
_PIECES = 6.0  # of an envelope, at least
_LANCZOS = 24.0  # products that find the width of H
_LANCZOS_ENTRIES = 13.0  # per amplitude, beside the product
_TERM_CALLS = 12.0  # per term and vector
_PULSE_CALLS, _PULSE_ENTRIES = 30.0, 5.0  # under an envelope: per term, and per amplitude too
_HOP_FLOPS = 10.0  # of BLAS, in the time of an amplitude and a hop …
_OWN_FLOPS = 400.0  # … and of what takes as long whatever the number of emitters
_SUM_FLOPS = 25.0  # per term, amplitude and output time
_PAIR_ENTRIES, _PAIR_FLOPS = 4.0, 10.0  # per amplitude, time, and emitter or pair of them
_TIME_CALLS, _READ_ENTRIES = 15.0, 0.7  # per output time; per amplitude and emitter of it
_EMITTER_CALLS = 4.0  # per output time and emitter
_STATE_CALLS, _STATE_ENTRIES = 100.0, 3.0  # per ρ that is kept, and per entry of it
_RUN_CALLS = 5000.0
_ENVELOPE_CALLS, _SAMPLE_CALLS = 25_000.0, 60.0  # once, and per output time
_ADDED_BYTES = 2**21  # of terms that are multiplied by their weights at once, at most
_WEIGHT_BYTES = 24  # per term and output time of a series
_STATE_BYTES = 580  # of a `Qobj`, beside its matrix
_LEAST_BYTES = 30_000
_LARGEST_POWER = 200  # emitters whose powers of four are far from infinite


def applies(request: Request) -> bool:
    """Whether a request of Couplings is evolved by vectors: nothing makes pure states mixed."""
    couplings = request.couplings
    if request.motion is not None:  # several drives, which the steps of ρ take
        return False
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
        assert not isinstance(request.state, State)
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
    together = min(max(times - 1, 1), max(1, int(AMPLITUDES_AT_ONCE // (count * size))))
    groups = -(-times // together)
    turns, pulsed = phase(request), request.envelope is not None
    inside = together
    if pulsed:
        steps = max(turns / REACH, _PIECES, groups)
        inside = int(min(together, -(-times // steps)))
        terms, added = _PULSE_TERMS * turns + _STEP_TERMS * _PIECES, _STEP_TERMS * (steps + times)
    else:
        series = max(groups, turns / LONGEST)
        terms = _PHASE_TERMS * turns + _MORE_TERMS * series
        added = terms / series * times
    hops = n * n / 4 * (1.5 if np.any(request.couplings.shift.imag) else 1) + n
    each = (_HOP_FLOPS * hops + _OWN_FLOPS) * size * s.flop / threads(request)
    term = each + _TERM_CALLS * s.call
    if pulsed:
        term += _PULSE_CALLS * s.call + _PULSE_ENTRIES * size * s.entry
    reading = _TIME_CALLS * s.call
    reading += n * (_EMITTER_CALLS * s.call + _READ_ENTRIES * size * count * s.entry)
    if "correlations" in request.words:
        pairs = _PAIR_ENTRIES * n * s.entry + _PAIR_FLOPS * n * n * s.flop
        reading += count * (pairs * size + _EMITTER_CALLS * n * s.call)
    reading += sum(_entries(o) for o in request.operators.values()) * count * s.entry
    kept, dense = times if "states" in request.words else 0, 4.0 ** min(n, _LARGEST_POWER)
    calls = _RUN_CALLS + pulsed * (_ENVELOPE_CALLS + _SAMPLE_CALLS * times)
    seconds = calls * s.call + _LANCZOS * (each + _LANCZOS_ENTRIES * size * s.entry)
    seconds += count * (terms * term + _SUM_FLOPS * added * size * s.flop) + times * reading
    seconds += kept * (_STATE_CALLS * s.call + _STATE_ENTRIES * dense * s.entry)
    row = 8 * n + (16 * n * n if "correlations" in request.words else 0)
    row += 16 * len(request.operators)
    compressing, written = writing(request, row * times + 16 * kept * dense)
    one = 16 * size * count
    running = one * (TERMS_AT_ONCE + inside + 3 + 2 * pulsed) + min(_ADDED_BYTES, one * inside)
    running += _WEIGHT_BYTES * inside * (min(_PHASE_TERMS * turns, LONGEST) + _MORE_TERMS)
    memory = max(running, 16 * dense if n <= STATE_EMITTERS else 0) + _LEAST_BYTES
    memory += row * times + max(row * together, written) + kept * (16 * dense + _STATE_BYTES)
    if request.checkpointed:
        memory += one + 32 * kept * dense
    what = "amplitudes of a pure state" if count == 1 else f"amplitudes of {count} pure states"
    return Cost(int(memory), float(seconds + compressing), f"{n} emitters, 2^{n} {what}")


def _entries(operator: "Qobj") -> int:
    """The number of entries of an operator that are not zero."""
    return int(operators.entries_of(operator).nnz)
