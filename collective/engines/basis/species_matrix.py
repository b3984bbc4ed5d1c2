"""ρ of emitters of a few species as a matrix between all 2^N configurations."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.basis.dicke_space import elements
from collective.engines.basis.species_space import SpeciesSpace

if TYPE_CHECKING:
    from qutip import Qobj


def expanded(space: SpeciesSpace, rho: NDArray[Any]) -> "Qobj":
    """ρ, (E,), of few emitters as a QuTiP matrix of dims [[2]*N, [2]*N].

    An element depends on how many emitters of each species are excited in its row and column, in
    its row only, and in its column only.
    """
    from qutip import Qobj

    found, n = space.found, len(space.found.labels)
    table = np.zeros([len(each) for each in space.ladders], dtype=complex)
    table[tuple(space.local)] = rho
    places = []
    for each in space.ladders:  # the first axis becomes the last one
        one = elements(each.n, each.d, each.k, each.k2, np.eye(len(each)))
        kinds = np.indices((each.n + 1,) * 3)
        kept = kinds.sum(axis=0) <= each.n
        places.append(np.cumsum(kept.ravel()).reshape(kept.shape) - 1)
        table = np.tensordot(table, one[kept], axes=(0, 1))
    up = ~np.arange(2**n) & (2**n - 1)  # bit 1 is the ground state in QuTiP's basis
    emitters = 1 << np.arange(n)[::-1]
    masks = [int(emitters[found.labels == a].sum()) for a in range(len(found))]
    count = np.bitwise_count
    numbers = [count(up & mask) for mask in masks]
    matrix = np.empty((2**n, 2**n), dtype=complex)
    for i, row in enumerate(up):
        at = []
        for mask, excited, place in zip(masks, numbers, places, strict=True):
            both = count(row & mask & up)
            at.append(place[both, excited[i] - both, excited - both])
        matrix[i] = table[tuple(at)]
    return Qobj(matrix, dims=[[2] * n, [2] * n])
