r"""Permutations of the emitters that change neither the problem nor its initial state.

If emitter m takes the place of emitter p[m] and nothing changes,

.. math:: Γ_{p_mp_n} = Γ_{mn}, \qquad Δ_{p_mp_n} = Δ_{mn},

with Ising terms, detunings, dephasing, pump, drive and state alike, then R(gi, gj) = R(i, j) holds
for ρ at all times: of the columns that the permutations turn into each other, one is enough. All
permutations are found from the colours of pairs: two pairs have the same colour if their couplings
are equal, and so are the moments of the state (`automorphisms`). What is found is compared with the
couplings and with the state itself. Entries that differ by less than round-off are equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.engines.basis.automorphisms import automorphisms
from collective.engines.basis.permutation_groups import (
    ALWAYS,
    MOST,
    PermutationGroup,
    closed,
    closed_as_far,
    fixed_configurations,
    smaller,
    subgroup,
    work,
)
from collective.engines.basis.unchanged import SAME, changed, round_off, shared
from collective.engines.request import Request
from collective.errors import ProblemTooLargeError
from collective.states import State
from collective.states.moments import moments_known, pair_moments


@dataclass(frozen=True, eq=False)
class Symmetries:
    """Permutations that leave a problem and its state unchanged.

    Attributes:
        permutations: a group, the identity first, (G, N).
        order: how many such permutations there are; more than G if a smaller group of them leaves
            less work, or if they are too many to be listed. If the search for them was given up,
            there may be more.
    """

    permutations: NDArray[np.int64]
    order: int

    def __len__(self) -> int:
        return len(self.permutations)

    def __str__(self) -> str:
        """What is saved, in words."""
        text = f"one column of {len(self)} by symmetry"
        if self.order == len(self):
            return text
        every = f"{self.order:,}" if self.order < 10**7 else f"{self.order:.1e}"
        return f"{text} ({len(self)} of {every} permutations)"


def group(
    request: Request, symmetries: Sequence[Sequence[int]] = (), *, by_number: bool = False
) -> list[NDArray[np.int64]]:
    """The permutations of `found`, or of `generated` if some are given.

    Args:
        request: a request of Couplings.
        symmetries: permutations that generate the group; all are found if there are none.
        by_number: see `found`.

    Raises:
        ValueError: see `generated`.
    """
    if len(symmetries) == 0:
        return list(found(request, by_number=by_number).permutations)
    return list(generated(request, symmetries, by_number=by_number).permutations)


def found(request: Request, *, by_number: bool = False) -> Symmetries:
    """All permutations that change neither couplings nor state, or a smaller group of them.

    Up to 100 permutations are always used. Of more of them those are chosen, at most 1,000, that
    leave the least work.

    Args:
        request: a request of Couplings.
        by_number: whether coherences between different excitation numbers do not matter: the parts
            of a state with different numbers may then get different phases.
    """
    colours = _colours(request, by_number)
    known, listed = _of_colours(colours.tobytes(), len(colours))

    def valid(p: NDArray[np.int64]) -> bool:
        return changed(request.couplings, p) is None and shared(request, p, by_number)

    broken = [not valid(p) for p in known.generators]
    if any(broken):  # colours know the moments of pairs, but not all of the state
        every = closed(known.generators) if known.order <= MOST else None
        kept = (
            closed_as_far(known.generators[~np.array(broken)])
            if every is None
            else subgroup(every, valid)
        )
        return Symmetries(kept, len(kept))
    return Symmetries(listed, max(known.order, len(listed)))


@lru_cache(maxsize=16)  # for scans of a parameter, which rarely changes the colours
def _of_colours(colours: bytes, n: int) -> tuple[PermutationGroup, NDArray[np.int64]]:
    """The group of colours (N, N), and those of its permutations that are used."""
    known = automorphisms(np.frombuffer(colours, dtype=np.int64).reshape(n, n))
    listed = closed(known.generators) if known.order <= MOST else None
    if listed is None or len(listed) > ALWAYS:
        part = smaller(known)
        if listed is None or work(part) < work(listed):
            listed = part
    return known, checks.readonly(listed)


def generated(
    request: Request, symmetries: Sequence[Sequence[int]], *, by_number: bool = False
) -> Symmetries:
    """The products of given permutations.

    Args:
        request: a request of Couplings.
        symmetries: permutations of its emitters.
        by_number: see `found`.

    Raises:
        ValueError: if a permutation changes couplings or state, or if there are more than 1,000
            products.
    """
    n = len(request.couplings)
    given = checked_permutations(symmetries, n)
    for i, each in enumerate(given):
        permutation = np.array(each)
        what = changed(request.couplings, permutation)
        if what is None and not shared(request, permutation, by_number):
            what = "state"
        if what is not None:
            raise ValueError(f"symmetries[{i}] does not leave the {what} unchanged: {each}")
    products = closed(np.array(given, dtype=np.int64).reshape(-1, n))
    if products is None:
        raise ValueError(
            f"symmetries generate more than {MOST:,} permutations: give fewer generators, or "
            "'auto', which chooses some of them; identical couplings take method='symmetric'"
        )
    return Symmetries(products, len(products))


def generated_with_reversal(request: Request, symmetries: Sequence[Sequence[int]]) -> Symmetries:
    """The permutations of runs before all were found: given ones, and the reversal of the order.

    Their checkpoints hold ρ reduced by these.
    """
    reversal = tuple(reversed(range(len(request.couplings))))
    p = np.array(reversal)
    if changed(request.couplings, p) is None and shared(request, p, by_number=True):
        symmetries = [*symmetries, reversal]
    return generated(request, symmetries, by_number=True)


def checked_permutations(symmetries: Any, n: int | None = None) -> tuple[tuple[int, ...], ...]:
    """Checked permutations as tuples.

    Args:
        symmetries: a list, a tuple or an array of sequences of integers.
        n: number of emitters; None for any.

    Raises:
        ValueError: for anything that is not such permutations.
    """
    array = isinstance(symmetries, np.ndarray) and symmetries.ndim > 0
    if not (isinstance(symmetries, list | tuple) or array):
        raise ValueError(
            "symmetries must be 'auto' or a list of permutations of the emitters, such as "
            f"[[2, 1, 0]]; got {checks.short(symmetries)}"
        )
    known = []
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
        known.append(order)
    return tuple(known)


def same_pairs(permutations: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least m·N + n of the ordered pairs that each ordered pair is turned into, (N, N)."""
    n = permutations.shape[1]
    return np.asarray((permutations[:, :, None] * n + permutations[:, None, :]).min(axis=0))


def mean_over(same: NDArray[np.int64]) -> NDArray[np.float64]:
    """The matrix whose product replaces values by their mean over all with the same number."""
    alike = (same[:, None] == same[None, :]).astype(float)
    return alike / alike.sum(axis=0)


def needed_pairs(same: NDArray[np.int64]) -> NDArray[np.int64]:
    """The pairs m < n of which `same_pairs` consists, (P, 2), ascending."""
    pairs = np.stack(np.divmod(np.unique(same), len(same)), axis=1)
    apart = pairs[:, 0] != pairs[:, 1]
    return np.unique(np.sort(pairs[apart], axis=1), axis=0)


def _colours(request: Request, by_number: bool) -> NDArray[np.int64]:
    """One number for each ordered pair of emitters, (N, N), equal where all that is known is equal.

    The diagonal has what belongs to one emitter.
    """
    couplings, n = request.couplings, len(request.couplings)
    rates = (couplings.detunings, couplings.dephasing, couplings.pump, couplings.drive)
    known = [couplings.decay, couplings.shift, *rates]
    if couplings.ising is not None and not checks.constant(couplings.ising):
        known.append(couplings.ising)
    parts = [_classes(values, round_off(couplings, values)) for values in known]
    for moment in _moments(request, by_number):
        parts.append(_classes(moment, np.full(moment.shape, SAME)))
    # colours of one emitter go to the diagonal
    every = [np.diag(x) if x.shape[1:] == () else x for part in parts for x in part]
    _, colours = np.unique(np.reshape(every, (len(every), n * n)), axis=1, return_inverse=True)
    return np.asarray(colours, dtype=np.int64).reshape(n, n)


def _moments(request: Request, by_number: bool) -> list[NDArray[Any]]:
    """Moments of one emitter and of pairs, by which states differ; none if they take too much."""
    state, n = request.state, len(request.couplings)
    if isinstance(state, State) and state.symmetric(n):
        return []
    try:
        known = pair_moments(state, request.couplings) if moments_known(state, n) else None
    except ProblemTooLargeError:
        known = None
    if known is None:
        return []
    found = [known.exchange, known.inversions, known.inversion]
    return found if by_number else [*found, known.lowered]


def _classes(values: NDArray[Any], limits: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Classes of numbers that differ by round-off, counted from 0, for each of Re and Im.

    Args:
        values: the numbers.
        limits: the largest difference of each of them that counts as round-off.
    """
    classes = []
    for part in (values.real, values.imag) if np.iscomplexobj(values) else (values,):
        order = np.argsort(part, axis=None)
        ascending, limit = part.ravel()[order], limits.ravel()[order]
        number = np.zeros(part.size, dtype=np.int64)
        apart = np.diff(ascending) > np.maximum(limit[1:], limit[:-1])
        number[order[1:]] = np.cumsum(apart)
        classes.append(number.reshape(part.shape))
    return classes


def orbits(n: int, highest: int, permutations: NDArray[np.int64]) -> list[int]:
    """The number of orbits of the configurations with k = 0 … highest excitations."""
    fixed = fixed_configurations(np.asarray(permutations).reshape(-1, n))
    return [round(x) for x in fixed[: highest + 1]]
