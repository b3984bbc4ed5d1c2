"""Whether a permutation of the emitters changes the rates or the initial state.

Emitter m takes the place of emitter p[m]. Numbers that differ by round-off are the same.
"""

from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.couplings import Couplings
from collective.engines.basis.configurations import permuted, qutip_index
from collective.engines.request import Request
from collective.states import State
from collective.states.answers import amplitudes_of, numbers, probabilities_of, spinors_of
from collective.states.checking import configurations
from collective.states.recipes import same_spinors

if TYPE_CHECKING:
    from collective.emitters import Emitters

SAME = 1e-12  # relative: round-off
_SAME_RATES = 1e-14  # of rates of single emitters that are far larger than the couplings
_LAST_DIGIT = 1e-15  # of the largest coupling, in sums of couplings
_MOST_COMPARED = 2**18  # configurations; the blocks of more of them fit on no machine


def round_off(couplings: Couplings, values: NDArray[Any]) -> NDArray[np.float64]:
    """The largest difference of each value that counts as round-off, in the shape of the values.

    A large shift of two close emitters has more round-off than couplings of others and rates of
    single emitters, of which smaller differences matter.

    Args:
        couplings: the problem.
        values: Γ or Δ, (N, N), or rates of emitters, (N,).
    """
    decay, shift = (float(np.abs(part).max()) for part in (couplings.decay, couplings.shift))
    least, largest = SAME * (decay or shift), float(np.abs(values).max())
    if values.ndim == 1:  # a strong drive, or a detuning with a large offset
        return np.full(len(values), max(least, _SAME_RATES * largest))
    return np.asarray(max(least, _LAST_DIGIT * largest) + SAME * np.abs(values))


def changed(couplings: Couplings, p: NDArray[np.int64]) -> str | None:
    """What changes if the emitters are permuted: "couplings", "Ising terms" …; else None."""
    c = couplings
    if any(_moved(c, matrix, p) for matrix in (c.decay, c.shift)):
        return "couplings"
    if c.ising is not None and not checks.constant(c.ising) and _moved(c, c.ising, p):
        return "Ising terms"
    rates = {"detunings": c.detunings, "dephasing": c.dephasing, "pump": c.pump, "drive": c.drive}
    for name, values in rates.items():
        if _moved(c, values, p):
            return name
    return None


def _moved(couplings: Couplings, values: NDArray[Any], p: NDArray[np.int64]) -> bool:
    """Whether numbers of emitters or of pairs change if the emitters are permuted."""
    moved = values[p] if values.ndim == 1 else values[np.ix_(p, p)]
    return bool(np.any(np.abs(moved - values) > round_off(couplings, values)))


def shared(request: Request, p: NDArray[np.int64], by_number: bool) -> bool:
    """Whether the state stays the same if the emitters are permuted.

    With `by_number`, coherences between different excitation numbers do not matter.
    """
    state, n = request.state, len(request.couplings)
    if isinstance(state, State):
        return state.symmetric(n) or _recipe_shared(state, p, request.couplings.emitters, by_number)
    every = np.arange(1 << n)
    places = qutip_index(n, every)
    order = qutip_index(n, permuted(every, p))[np.argsort(places)]
    counts = np.bitwise_count(every)[np.argsort(places)]
    if not by_number:
        counts = np.zeros_like(counts)  # all in one block
    matrix = state.full()
    if state.isket:
        ket = matrix[:, 0]
        return all(_alike(ket[counts == k], ket[order][counts == k]) for k in np.unique(counts))
    if np.abs(np.diagonal(matrix)[order] - np.diagonal(matrix)).max() >= SAME:
        return False
    same = counts[:, None] == counts[None, :]
    return bool(np.abs((matrix[np.ix_(order, order)] - matrix)[same]).max() < SAME)


def _recipe_shared(
    state: State, p: NDArray[np.int64], emitters: "Emitters | None", by_number: bool
) -> bool:
    """Whether a `State` that is not symmetric stays the same under a permutation."""
    n = len(p)
    chances = probabilities_of(state, n)
    if chances is not None:
        return bool(np.abs(chances[p] - chances).max() <= SAME)
    each = spinors_of(state, n)
    if each is not None:
        return same_spinors(each, each[p])
    present = numbers(state, n)
    if sum(comb(n, k) for k in present) > _MOST_COMPARED:
        return False
    before, after = [], []
    for k in present:
        excited = configurations(n, k)
        moved = np.empty_like(excited)
        moved[:, p] = excited
        before.append(amplitudes_of(state, excited, emitters))
        after.append(amplitudes_of(state, moved, emitters))
    if by_number:
        return all(map(_alike, before, after))
    return _alike(np.concatenate(before), np.concatenate(after))


def _alike(one: NDArray[np.complex128], other: NDArray[np.complex128]) -> bool:
    """Whether two vectors are the same up to a phase."""
    overlap = np.vdot(one, other)
    phase = overlap / abs(overlap) if overlap else 1.0
    return bool(np.abs(other - phase * one).max() <= SAME)
