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
_MOST_COMPARED = 2**18  # configurations; the blocks of more of them fit on no machine


def tolerance(couplings: Couplings, rates: "NDArray[Any] | None" = None) -> float:
    """The largest difference that counts as round-off, of couplings or of rates of emitters, (N,).

    A strong drive, or a detuning with a large offset, has more round-off than the couplings.
    """
    limit = SAME * max(float(np.abs(couplings.decay).max()), float(np.abs(couplings.shift).max()))
    return limit if rates is None else max(limit, _SAME_RATES * float(np.abs(rates).max()))


def changed(couplings: Couplings, p: NDArray[np.int64]) -> str | None:
    """What changes if the emitters are permuted: "couplings", "Ising terms" …; else None."""
    limit, c = tolerance(couplings), couplings
    matrices = (c.decay, c.shift)
    if any(np.abs(a[np.ix_(p, p)] - a).max() > limit for a in matrices):
        return "couplings"
    if _moved(c.ising, p) > tolerance(c, c.ising):
        return "Ising terms"
    rates = {"detunings": c.detunings, "dephasing": c.dephasing, "pump": c.pump, "drive": c.drive}
    for name, vector in rates.items():
        moved = vector[p] if vector.ndim == 1 else vector[np.ix_(p, p)]
        if np.abs(moved - vector).max() > tolerance(c, vector):
            return name
    return None


def _moved(ising: "NDArray[np.float64] | None", p: NDArray[np.int64]) -> float:
    """By how much the Ising terms change at most if the emitters are permuted."""
    if ising is None or checks.constant(ising):
        return 0.0
    return float(np.abs(ising[np.ix_(p, p)] - ising).max())


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
