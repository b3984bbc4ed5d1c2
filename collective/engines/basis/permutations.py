"""Permutations of the emitters that change neither couplings nor state."""

from collections.abc import Sequence
from math import comb
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.couplings import Couplings
from collective.engines.basis.initial import numbers
from collective.engines.basis.sectors import permuted, qutip_index
from collective.engines.request import Request
from collective.states import State
from collective.states.protocol import amplitudes_of, configurations, spinors_of
from collective.states.recipes import same_spinors

if TYPE_CHECKING:
    from collective.emitters import Emitters

_SAME = 1e-12  # relative: couplings that a permutation leaves unchanged
_MOST = 1000  # permutations; their images take more than they save
_MOST_COMPARED = 2**18  # configurations: no machine keeps the blocks of more of them


def group(request: Request, symmetries: Sequence[Sequence[int]] = ()) -> list[NDArray[np.int64]]:
    """Permutations that change neither couplings nor state, closed under composition.

    Args:
        request: of Couplings; the reversal of the order of its emitters is tried by itself.
        symmetries: further permutations.

    Raises:
        ValueError: a permutation of the user's that is none of these.
    """
    n = len(request.couplings)
    identity = np.arange(n)
    generators = []
    for i, given in enumerate(checked_permutations(symmetries, n)):
        permutation = np.array(given)
        if not _unchanged(request.couplings, permutation):
            raise ValueError(f"symmetries[{i}] does not leave the couplings unchanged: {given}")
        if not _shared(request, permutation):
            raise ValueError(f"symmetries[{i}] does not leave the state unchanged: {given}")
        generators.append(permutation)
    reversal = identity[::-1]
    if n > 1 and _unchanged(request.couplings, reversal) and _shared(request, reversal):
        generators.append(reversal)
    found = {tuple(identity.tolist()): identity}
    frontier = [identity]
    while frontier:
        if len(found) > _MOST:
            raise ValueError(
                f"symmetries generate more than {_MOST} permutations: give fewer generators; "
                "identical couplings take method='symmetric'"
            )
        frontier = [
            product
            for g in frontier
            for s in generators
            if tuple((product := s[g]).tolist()) not in found
            and found.setdefault(tuple(product.tolist()), product) is product
        ]
    return list(found.values())


def checked_permutations(symmetries: Any, n: int | None = None) -> tuple[tuple[int, ...], ...]:
    """Permutations as tuples, checked.

    Args:
        symmetries: a list, a tuple or an array of sequences of integers.
        n: number of emitters; None for any.

    Raises:
        ValueError: for something else.
    """
    array = isinstance(symmetries, np.ndarray) and symmetries.ndim > 0
    if not (isinstance(symmetries, list | tuple) or array):
        raise ValueError(
            "symmetries must be 'auto' or a list of permutations of the emitters, such as "
            f"[[2, 1, 0]]; got {checks.short(symmetries)}"
        )
    found = []
    for i, permutation in enumerate(symmetries):
        try:
            order = tuple(index(m) for m in permutation)
        except TypeError:
            order = ()
        size = len(order) if n is None else n
        if not order or sorted(order) != list(range(size)):
            last = "N − 1" if n is None else n - 1
            raise ValueError(
                f"symmetries[{i}] must be a permutation of 0 … {last}, got "
                f"{checks.short(permutation)}"
            )
        found.append(order)
    return tuple(found)


def _unchanged(couplings: Couplings, p: NDArray[np.int64]) -> bool:
    """Whether Γ, Δ, δ and γ_φ are those of the emitters in another order."""
    scale = _SAME * max(float(np.abs(couplings.decay).max()), float(np.abs(couplings.shift).max()))
    matrices = (couplings.decay, couplings.shift)
    vectors = (couplings.detunings, couplings.dephasing)
    return all(np.abs(a[np.ix_(p, p)] - a).max() <= scale for a in matrices) and all(
        np.abs(a[p] - a).max() <= scale for a in vectors
    )


def _shared(request: Request, p: NDArray[np.int64]) -> bool:
    """Whether the blocks of the state are those of the emitters in another order."""
    state, n = request.state, len(request.couplings)
    if isinstance(state, State):
        return state.symmetric(n) or _recipe_shared(state, p, request.couplings.emitters)
    every = np.arange(1 << n)
    places = qutip_index(n, every)
    order = qutip_index(n, permuted(every, tuple(p.tolist())))[np.argsort(places)]
    counts = np.bitwise_count(every)[np.argsort(places)]
    matrix = state.full()
    if state.isket:  # the same up to a phase for every excitation number
        ket = matrix[:, 0]
        weights = np.bincount(counts, np.abs(ket) ** 2)
        overlaps = ket.conj() * ket[order]
        real, imaginary = (np.bincount(counts, part) for part in (overlaps.real, overlaps.imag))
        return bool(np.all(weights - np.hypot(real, imaginary) < _SAME))
    same = counts[:, None] == counts[None, :]
    return bool(np.abs((matrix[np.ix_(order, order)] - matrix)[same]).max() < _SAME)


def _recipe_shared(state: State, p: NDArray[np.int64], emitters: "Emitters | None") -> bool:
    """The same for a `State` that is not symmetric."""
    n = len(p)
    each = spinors_of(state, n)
    if each is not None:
        return same_spinors(each, each[p])
    present = numbers(state, n)
    if sum(comb(n, k) for k in present) > _MOST_COMPARED:
        return False
    overlap = 0.0  # the blocks may each have a phase of their own
    for k in present:
        excited = configurations(n, k)
        found = amplitudes_of(state, excited, emitters)
        moved = np.empty_like(excited)
        moved[:, p] = excited
        overlap += float(abs(np.vdot(found, amplitudes_of(state, moved, emitters))))
    return bool(abs(overlap - 1) < _SAME)


def orbits(n: int, highest: int, permutations: list[NDArray[np.int64]]) -> list[int]:
    """How many orbits the configurations with 0 … highest excitations fall into.

    Burnside's lemma: the mean number of configurations a permutation leaves where they are, which
    with cycles of lengths l is the coefficient of x^k in the product of 1 + x^l.
    """
    total = np.zeros(n + 1)
    for permutation in permutations:
        fixed, left = np.zeros(n + 1), set(range(n))
        fixed[0] = 1
        while left:
            m = start = left.pop()
            length = 1
            while (m := int(permutation[m])) != start:
                left.discard(m)
                length += 1
            fixed[length:] += fixed[:-length].copy()
        total += fixed
    return [round(x) for x in total[: highest + 1] / len(permutations)]
