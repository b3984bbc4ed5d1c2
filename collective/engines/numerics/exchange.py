r"""The field of the other emitters at each emitter, :math:`\sum_{n≠m} h_{mn} s_n`, of many vectors.

By a matrix, the product of B vectors takes 8 N²B operations and reads h once: for a few vectors of
many emitters the memory bounds it. On a lattice transforms take N log N operations; if all Γ_mn and
Δ_mn are one number, a sum does.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.couplings import Couplings
from collective.couplings.finding import sites
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.sites import Sites
from collective.engines.numerics import lattice

_ROWS = 512  # of a matrix that one thread multiplies at a time

Exchange = Callable[[NDArray[Any], int], NDArray[Any]]


def kind(couplings: Couplings) -> str:
    """How products will be computed: "alike", "lattice" or "matrix".

    Only a few rows of matrices are compared.
    """
    if checks.constant(couplings.decay) and checks.constant(couplings.shift):
        return "alike"
    if isinstance(couplings.decay, LatticeMatrix):
        return "lattice"
    if not lattice.faster(Sites((len(couplings),))):
        return "matrix"  # no lattice of so few emitters is faster, not even a chain
    found = sites_of(couplings)
    if found is None or not lattice.faster(found):
        return "matrix"
    return "lattice" if lattice.likely(couplings, found) else "matrix"


def sites_of(couplings: Couplings) -> Sites | None:
    """The sites of emitters on a lattice, or None."""
    if isinstance(couplings.decay, LatticeMatrix):
        return couplings.decay.sites
    return None if couplings.emitters is None else sites(couplings.emitters.positions)


def exchange(couplings: Couplings, *, single: bool = False) -> Exchange:
    """A function of vectors (N, B) and a number of threads that gives the field of the others.

    Its values are the same with any number of threads.

    Args:
        couplings: of N emitters.
        single: whether to compute in single precision.
    """
    how = kind(couplings)
    if how == "alike":
        value = complex(couplings.shift[0, 0] - 0.5j * couplings.decay[0, 0])
        return lambda vectors, threads: value * (vectors.sum(axis=0) - vectors)
    found = lattice.of(couplings, single=single) if how == "lattice" else None
    return by_matrix(_matrix(couplings, single)) if found is None else found.between


def _matrix(couplings: Couplings, single: bool) -> NDArray[Any]:
    """The matrix h without its diagonal."""
    n = len(couplings)
    h = np.empty((n, n), dtype=np.complex64 if single else np.complex128)
    for begin in range(0, n, _ROWS):
        rows = slice(begin, begin + _ROWS)
        h[rows] = couplings.shift[rows] - 0.5j * couplings.decay[rows]
    np.fill_diagonal(h, 0.0)
    return h


def by_matrix(h: NDArray[Any]) -> Exchange:
    """The product with a matrix (n, n), in its precision, by any number of threads."""
    n = len(h)

    def product(vectors: NDArray[Any], threads: int) -> NDArray[Any]:
        given = np.ascontiguousarray(vectors.astype(h.dtype, copy=False))
        if threads == 1 or n <= 2 * _ROWS:
            return _blocks(h, given, range(0, n, _ROWS))
        found = np.empty((n, *vectors.shape[1:]), dtype=h.dtype)

        def fill(begin: int) -> None:
            found[begin : begin + _ROWS] = h[begin : begin + _ROWS] @ given

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, range(0, n, _ROWS)))
        return found

    return product


def _blocks(h: NDArray[Any], vectors: NDArray[Any], begins: range) -> NDArray[Any]:
    """The product by the same blocks of rows as with many threads, so that no digit differs."""
    if len(begins) == 1:
        return np.asarray(h @ vectors)
    return np.concatenate([h[begin : begin + _ROWS] @ vectors for begin in begins])
