r"""Permutations of the emitters that change nothing in a request, drive and coherences included.

They must leave Γ, Δ, Ising terms, detunings, dephasing, pump, drive (with its phases) and the state
unchanged. Then ρ keeps them at all times, and one column of each orbit of configurations is enough
(`columns`). An observable need not have the symmetry, because every entry of ρ is still known.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.symmetries import found, generated, orbits
from collective.engines.driven import packed
from collective.engines.driven.columns import LANES, Columns, columns_of
from collective.engines.request import Request

_MOST = 14  # emitters: ρ of more fits on no machine


def reduced(request: Request, given: Sequence[Sequence[int]] | None) -> list[NDArray[np.int64]]:
    """The group of permutations by which ρ is reduced; the identity alone if that saves no panel.

    Args:
        request: a request of Couplings.
        given: permutations that generate the group; None: they are found.

    Raises:
        ValueError: if a given permutation changes couplings, rates, drive or state.
    """
    n = len(request.couplings)
    identity = [np.arange(n)]
    if given is None:
        group = list(found(request).permutations) if n <= _MOST else identity
    else:
        group = list(generated(request, given).permutations)
    saves = len(group) > 1 and panels(n, group) < panels(n, identity)
    return group if saves else identity


def panels(n: int, permutations: Sequence[NDArray[np.int64]]) -> int:
    """The number of panels of eight columns of the stored columns of n emitters."""
    columns = sum(orbits(n, n, np.asarray(permutations))) if len(permutations) > 1 else 1 << n
    return -(-columns * 2 ** (packed.padded(n) - n) // LANES)


def columns(n: int, permutations: Sequence[NDArray[np.int64]]) -> Columns:
    """The stored columns of n emitters."""
    return columns_of(packed.padded(n), [p.tolist() for p in permutations])
