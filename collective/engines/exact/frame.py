r"""The frame in which a master equation has no optical frequencies.

A diagonal F with

.. math:: [H, F] = 0, \qquad [F, L_ν] = −s_ν L_ν

can be taken out of the equation: :math:`e^{iFt}ρe^{−iFt}` obeys it with H − F in place of H. All
such F are found from the places of the entries of H and L_ν alone: F is the same for states that H
connects, and changes by the same s_ν along every entry of L_ν. They are a linear space. The one
that is nearest to the diagonal of H is taken, so that H − F turns as slowly as possible: within the
rotating-wave approximation it is the optical frequency times the number of excitations.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUND_OFF = 1e-14  # entries of H between states, relative to the largest, that count as zero
_SAME = 1e-9  # relative: energies of one sector
_KERNEL = 1e-9  # relative: eigenvalues of zero
_MOST = 1100  # unknowns, whose eigenvectors take a second
_MOST_SECTORS = 64  # with more of them, the blocks of ρ are too small to be fast


def frame_of(hamiltonian: Any, jumps: list[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The diagonal of F, (D,), and the sector of every state, (D,).

    Without such a frame F is zero, and all states are one sector.

    Args:
        hamiltonian: H, sparse.
        jumps: the L_ν, sparse.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = hamiltonian.shape[0]
    energies = hamiltonian.diagonal().real
    entries = coo_array(hamiltonian)
    between = (entries.row != entries.col) & (entries.data != 0)
    sizes = np.abs(entries.data) * between
    kept = sizes > _ROUND_OFF * sizes.max(initial=0.0)
    graph = coo_array((np.ones(kept.sum()), (entries.row[kept], entries.col[kept])), (size, size))
    count, group = connected_components(graph, directed=False)
    if count + len(jumps) > _MOST:
        return np.zeros(size), np.zeros(size, dtype=int)
    weights = np.bincount(group, minlength=count)
    middle = float(energies.mean())
    sums = np.bincount(group, energies - middle, minlength=count)
    # independent emitters of many frequencies have a sector for each state: then one step for all
    for steps in (np.arange(len(jumps)), np.zeros(len(jumps), dtype=int)):
        basis = _allowed(group, count, jumps, steps)
        # the nearest to the energies, each group as often as it has states
        products = basis.T @ (weights[:, None] * basis)
        factors = np.linalg.lstsq(products, basis.T @ sums, rcond=None)[0]
        frame, sector = _sectors(middle + (basis @ factors)[group])
        if sector.max() < _MOST_SECTORS:
            return frame, sector
    return np.zeros(size), np.zeros(size, dtype=int)


def _allowed(
    group: NDArray[np.int32], count: int, jumps: list[Any], steps: NDArray[np.int64]
) -> NDArray[np.float64]:
    """All F that jumps change by the amounts s of given numbers, as columns over the groups."""
    from scipy.sparse import coo_array

    normal = np.zeros((count + len(jumps), count + len(jumps)))
    for v, jump in zip(steps, jumps, strict=True):
        entries = coo_array(jump)
        kept = entries.data != 0
        pairs = np.unique(np.stack([group[entries.row[kept]], group[entries.col[kept]]]), axis=1)
        # the square of F_column − F_row − s
        signed = ((pairs[1], 1), (pairs[0], -1), (np.full(pairs.shape[1], count + v), -1))
        for one, a in signed:
            for other, b in signed:
                np.add.at(normal, (one, other), a * b)
    values, vectors = np.linalg.eigh(normal)
    return np.asarray(vectors[:count, values <= _KERNEL * max(values[-1], 1.0)])


def _sectors(frame: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The frame with one value for each sector, and the sectors, ascending."""
    order = np.argsort(frame, kind="stable")
    steps = np.diff(frame[order])
    number = np.zeros(len(frame), dtype=int)
    number[order[1:]] = np.cumsum(steps > _SAME * max(float(np.ptp(frame)), 1e-300))
    means = np.bincount(number, frame) / np.bincount(number)
    return means[number], number
