r"""Products with Δ − iΓ/2 between all components of dipoles in vacuum, without the 3N × 3N matrix.

.. math:: y_m = −\frac{i}{2}x_m − \frac{3π}{k}\sum_{n≠m} G(r_m, r_n, k)·x_n

per linewidth. On a lattice G depends on displacements alone: the sum is a convolution, which fast
Fourier transforms give in S log S operations, S the number of sites. Elsewhere `vacuum_sum` adds N²
terms, each computed anew.
"""

from collections.abc import Callable
from math import prod

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import threads_available
from collective._tools.memory import require
from collective.couplings.finding import lattice_of
from collective.couplings.lattice import transformed, transformed_back
from collective.couplings.sites import Sites, padded, places_of_displacements
from collective.fields import Vacuum

Product = Callable[[NDArray[np.complex128]], NDArray[np.complex128]]  # (N, 3, B) to the same

_ZERO = 1e-14  # of the largest entry: components that no pair couples
_BYTES = 16 * (6 + 9 + 6)  # per site: six kernels, while they are made, and vectors


def on_lattice(positions: NDArray[np.float64], sites: Sites, k: float) -> Product:
    """The product for atoms on the sites of a lattice.

    Args:
        positions: (N, 3).
        sites: on which they are; some may be vacant.
        k: wave number.

    Raises:
        ProblemTooLargeError: if the transforms do not fit into memory.
    """
    lengths = padded(sites.shape)
    what = f"weak_light: transforms of {prod(lengths):,} sites"
    require(_BYTES * prod(lengths), what, "use fewer atoms, or fewer vacant sites")
    kernels = _kernels(positions, sites, k, lengths)

    def product(vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
        found, workers = -0.5j * vectors, threads_available()
        for b in range(vectors.shape[2]):
            seen = [
                transformed(sites.on_sites(vectors[:, i, b]), lengths, workers) for i in range(3)
            ]
            for i in range(3):
                terms = [kernel * seen[j] for (a, j), kernel in kernels.items() if a == i]
                if terms:
                    total = transformed_back(sum(terms[1:], terms[0]), sites.shape, workers)
                    found[:, i, b] += sites.of_emitters(total)
        return found

    return product


def _kernels(
    positions: NDArray[np.float64], sites: Sites, k: float, lengths: tuple[int, ...]
) -> dict[tuple[int, int], NDArray[np.complex128]]:
    """Transforms of −(3π/k)G_ij by displacement, of the components that are not 0."""
    _, vectors = lattice_of(positions, sites.coordinates)
    steps = np.stack(np.indices(sites.kernel_shape), axis=-1) - sites.no_displacement
    tensors = -3 * np.pi / k * Vacuum().green(steps @ vectors, np.zeros(3), k)
    tensors[sites.no_displacement] = 0.0
    places = np.ix_(*places_of_displacements(sites.shape, lengths))
    largest, found = np.abs(tensors).max(), {}
    for i in range(3):
        for j in range(i + 1):
            if np.abs(tensors[..., i, j]).max() > _ZERO * largest:
                around = np.zeros(lengths, dtype=complex)
                around[places] = tensors[..., i, j]
                found[i, j] = found[j, i] = transformed(around, lengths)
    return found


def of_cloud(positions: NDArray[np.float64], k: float) -> Product:
    """The product for atoms anywhere, in about 10 ns for each pair and a few for each vector.

    Args:
        positions: (N, 3).
        k: wave number.
    """
    scaled = k * (positions - positions.mean(axis=0))

    def product(vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
        from collective.couplings.vacuum_sum import sums

        return sums(scaled, vectors) - 0.5j * vectors

    return product
