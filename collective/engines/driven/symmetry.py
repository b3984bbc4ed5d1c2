r"""Permutations of the emitters that change nothing in a request, drive and coherences included.

They must leave Γ, Δ, detunings, dephasing, pump, drive (with its phases) and the state unchanged.
Then ρ keeps them at all times, and one column of each orbit of configurations is enough
(`columns`). An observable need not have the symmetry, because every entry of ρ is still known.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.configurations import group, orbits, permuted, qutip_index
from collective.engines.driven import packed
from collective.engines.driven.columns import Columns, columns_of
from collective.engines.numerics.lanes import LANES
from collective.engines.request import Request
from collective.states import State
from collective.states.answers import amplitudes_of, probabilities_of, spinors_of
from collective.states.recipes import same_spinors

_SAME = 1e-12  # relative: what a permutation leaves unchanged
_MOST = 14  # emitters: ρ of more fits on no machine


def reduced(request: Request, given: Sequence[Sequence[int]] | None) -> list[NDArray[np.int64]]:
    """The group of permutations by which ρ is reduced; the identity alone if that saves no panel.

    Args:
        request: a request of Couplings.
        given: permutations that generate the group; None: they are found.

    Raises:
        ValueError: if a given permutation changes couplings, drive, pump or state.
    """
    n = len(request.couplings)
    identity = [np.arange(n)]
    if given is not None and len(given) == 0:
        return identity
    candidates = [] if given is None and n > _MOST else group(request, given or ())
    for i, p in enumerate(given or ()):
        what = _changed(request, np.array(p))
        if what is not None:
            raise ValueError(f"symmetries[{i}] does not leave the {what} unchanged: {tuple(p)}")
    found = _subgroup(n, candidates, lambda p: _changed(request, p) is None)
    saves = len(found) > 1 and panels(n, found) < panels(n, identity)
    return found if saves else identity


def _subgroup(
    n: int, group: Sequence[NDArray[np.int64]], kept: Callable[[NDArray[np.int64]], bool]
) -> list[NDArray[np.int64]]:
    """The permutations of a group that change nothing; they form a group again.

    If h changes nothing, p and ph change the same. So few of them are tried.
    """
    generators: list[NDArray[np.int64]] = []
    found = {tuple(range(n)): np.arange(n)}
    broken: set[tuple[int, ...]] = set()
    for p in group:
        name = tuple(p.tolist())
        if name in found or name in broken:
            continue
        if not kept(p):
            broken |= {tuple(p[h].tolist()) for h in found.values()}
            continue
        generators.append(p)
        new = list(found.values())
        while new:
            products = [g[h] for h in new for g in generators]
            new = [h for h in products if tuple(h.tolist()) not in found]
            found |= {tuple(h.tolist()): h for h in new}
    return list(found.values())


def panels(n: int, permutations: Sequence[NDArray[np.int64]]) -> int:
    """The number of panels of eight columns of the stored columns of n emitters."""
    columns = sum(orbits(n, n, list(permutations)))
    return -(-columns * 2 ** (packed.padded(n) - n) // LANES)


def columns(n: int, permutations: Sequence[NDArray[np.int64]]) -> Columns:
    """The stored columns of n emitters."""
    return columns_of(packed.padded(n), [p.tolist() for p in permutations])


def _changed(request: Request, p: NDArray[np.int64]) -> str | None:
    """What changes if the emitters are permuted: "drive", "pump" or "state"; else None.

    `group` has compared the rest.
    """
    couplings = request.couplings
    scale = float(max(np.abs(couplings.decay).max(), np.abs(couplings.shift).max()))
    for name in ("drive", "pump"):
        rates = getattr(couplings, name)
        if np.abs(rates[p] - rates).max() > _SAME * max(scale, float(np.abs(rates).max())):
            return name
    return None if _state_kept(request, p) else "state"


def _state_kept(request: Request, p: NDArray[np.int64]) -> bool:
    """Whether the state stays the same, with its coherences between excitation numbers."""
    state, n, emitters = request.state, len(p), request.couplings.emitters
    if isinstance(state, State):
        if state.symmetric(n):
            return True
        chances = probabilities_of(state, n)
        if chances is not None:
            return bool(np.abs(chances[p] - chances).max() <= _SAME)
        each = spinors_of(state, n)
        if each is not None:
            return same_spinors(each, each[p])
    every = np.arange(1 << n)
    order = permuted(every, p.tolist())
    if isinstance(state, State):
        excited = (every[:, None] >> np.arange(n)) & 1 == 1
        ket = amplitudes_of(state, excited, emitters)
    elif state.isket:
        ket = state.full()[qutip_index(n, every), 0]
    else:
        places = qutip_index(n, every)
        matrix = state.full()[np.ix_(places, places)]
        return bool(np.abs(matrix[np.ix_(order, order)] - matrix).max() <= _SAME)
    # one phase of the whole ket is allowed
    return bool(abs(np.vdot(ket, ket) - abs(np.vdot(ket, ket[order]))) < _SAME)
