r"""The columns of each block that are stored, in panels.

A permutation g of the emitters that leaves the problem unchanged gives R(gi, gj) = R(i, j): one
column of each orbit is stored, with all its rows. Columns go W to a panel,
panel[i, w] = R(i, column w), with as many lanes W as one vector of the processor has (eight
doubles or sixteen floats); the last panel of a block repeats a column to be full.

The kernels pass over a panel once for each permutation that leads to one of its columns. So
columns that stand for equally many states are neighbours: the same permutations lead to them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOBODY = np.uint32(2**32 - 1)


class Columns(NamedTuple):
    """The stored columns; the attributes are those of the same name in `tables.Tables`."""

    offset: NDArray[np.int64]
    tasks: NDArray[np.int64]
    columns: NDArray[np.uint32]
    weights: NDArray[np.float64]
    stored: NDArray[np.uint32]
    sources: NDArray[np.uint32]
    used: NDArray[np.int64]


def stored_columns(images: NDArray[np.uint32], start: NDArray[np.int64], lanes: int) -> Columns:
    """One column of each orbit of every block, in panels.

    Args:
        images: (G, states), index of g(state) in its block; the identity is first.
        start: (K+2,), first state of each block.
        lanes: columns of a panel, W.
    """
    orbit = images.min(axis=0)
    stored = np.empty((images.shape[1], 3), np.uint32)
    tasks, columns, weights, offset, sources = [], [], [], [0], []
    for k, size in enumerate(np.diff(start).tolist()):
        here = slice(start[k], start[k + 1])
        kept, place, count = np.unique(orbit[here], return_inverse=True, return_counts=True)
        order = np.argsort(-count, kind="stable")
        kept, count, place = kept[order], count[order], np.argsort(order)[place]
        panels = -(-len(kept) // lanes)
        spare = panels * lanes - len(kept)
        taken = _few_permutations(images[:, here], kept, place, count, lanes)
        stored[here] = np.stack([place // lanes, place % lanes, taken], axis=1)
        source = np.full((len(images), panels * lanes), NOBODY)
        source[taken, place] = np.arange(size)
        sources.append(source)
        columns.append(np.append(kept, np.full(spare, kept[0])).reshape(panels, lanes))
        weights.append(np.append(count, np.zeros(spare)).reshape(panels, lanes))
        tasks += [(k, p) for p in range(panels)]
        offset.append(offset[-1] + panels * size * lanes)
    widest = max(source.shape[1] for source in sources)
    all_sources = np.full((len(sources), len(images), widest), NOBODY)
    for k, source in enumerate(sources):
        all_sources[k, :, : source.shape[1]] = source
    return Columns(
        np.array(offset),
        np.array(tasks),
        np.concatenate(columns).astype(np.uint32),
        np.concatenate(weights),
        stored,
        all_sources,
        _used(all_sources, lanes),
    )


def _few_permutations(
    images: NDArray[np.uint32],
    kept: NDArray[np.uint32],
    place: NDArray[np.int64],
    count: NDArray[np.int64],
    lanes: int,
) -> NDArray[np.int64]:
    """For each state of a block a permutation that takes it to its column, (size,).

    Where several do, the states of a panel share as few permutations as possible: the kernels
    read a panel once for each of them.

    Args:
        images: (G, size).
        kept: the stored columns.
        place: (size,), index in `kept` of the column of each state.
        count: number of states for each stored column.
        lanes: columns of a panel.
    """
    taken = np.argmax(images == kept[place], axis=0)
    for panel in np.unique(np.flatnonzero(count < len(images)) // lanes):
        left = np.flatnonzero(place // lanes == panel)
        fit = images[:, left] == kept[place[left]]
        while len(left):
            g = fit.sum(axis=1).argmax()
            taken[left[fit[g]]] = g
            left, fit = left[~fit[g]], fit[:, ~fit[g]]
    return taken


def _used(sources: NDArray[np.uint32], lanes: int) -> NDArray[np.int64]:
    """How many panels have a source of each permutation, and which, (K+1, G, panels + 1)."""
    has = np.any(sources.reshape(*sources.shape[:2], -1, lanes) != NOBODY, axis=-1)
    first = np.argsort(~has, axis=-1, kind="stable")
    return np.concatenate([has.sum(axis=-1)[..., None], first], axis=-1)
