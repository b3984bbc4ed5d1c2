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
from collective.couplings.convolution import BlockConvolution
from collective.couplings.finding import lattice_of
from collective.couplings.sites import Sites, padded
from collective.fields import Vacuum

Product = Callable[[NDArray[np.complex128]], NDArray[np.complex128]]

_BYTES = 16 * (6 + 9 + 6)  # per site: six kernels, while they are made, and vectors


class LatticeDipoles:
    """Products for atoms on the sites of a lattice.

    Args:
        positions: (N, 3).
        sites: on which they are; some may be vacant.
        k: wave number.

    Attributes:
        averaged: transform of the circulant matrix that is nearest to the one without vacancies,
            (n₁, …, 3, 3): displacements d and d − n are averaged, with the numbers of pairs that
            have them as weights (T. Chan, SIAM J. Sci. Stat. Comput. 9, 766 (1988)).

    Raises:
        ProblemTooLargeError: if the transforms do not fit into memory.
    """

    def __init__(self, positions: NDArray[np.float64], sites: Sites, k: float):
        count = prod(padded(sites.shape))
        what = f"weak_light: transforms of {count:,} sites"
        require(_BYTES * count, what, "use fewer atoms, or fewer vacant sites")
        _, vectors = lattice_of(positions, sites.coordinates)
        steps = np.moveaxis(np.indices(sites.kernel_shape), 0, -1) - sites.no_displacement
        tensors = -3 * np.pi / k * Vacuum().green(steps @ vectors, np.zeros(3), k)
        tensors[sites.no_displacement] = 0.0
        self._between = BlockConvolution(tensors, sites)
        tensors[sites.no_displacement] = -0.5j * np.eye(3)
        self.averaged = _averaged(tensors, sites.shape)

    def product(self, vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """(Δ − iΓ/2)x per linewidth, (N, 3, B)."""
        found, workers = -0.5j * vectors, threads_available()
        for b in range(vectors.shape[2]):  # one at a time: their transforms are large
            between = self._between.product(vectors[:, :, b].reshape(-1), workers)
            found[:, :, b] += between.reshape(-1, 3)
        return found


def _averaged(tensors: NDArray[np.complex128], shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """Transform of the nearest circulant matrix, of tensors by displacement (2n₁ − 1, …, 3, 3)."""
    from scipy import fft

    for axis, n in enumerate(shape):
        steps = np.arange(n)
        share = (steps / n).reshape((n,) + (1,) * (tensors.ndim - axis - 1))
        positive = np.take(tensors, n - 1 + steps, axis=axis)
        negative = np.take(tensors, steps - 1, axis=axis)  # d − n; of share 0 for d = 0
        tensors = (1 - share) * positive + share * negative
    return np.asarray(fft.fftn(tensors, axes=range(len(shape))))


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


def over_levels(
    own: NDArray[np.float64], exchange: Product, dipoles: NDArray[np.complex128]
) -> Product:
    """H times vectors over (atom, level), from level energies and a product between components.

    Args:
        own: energy of each excited level, (N, n_e).
        exchange: (Δ − iΓ/2)x, (N, 3, B) to the same.
        dipoles: ⟨g|d_α|e⟩, (3, n_e).
    """
    n, levels = own.shape

    def product(vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
        parts = vectors.reshape(n, levels, -1)
        found = np.matmul(dipoles.conj().T, exchange(np.matmul(dipoles, parts)))
        return (found + own[:, :, None] * parts).reshape(vectors.shape)

    return product


def nearly_inverse(
    own: NDArray[np.float64],
    averaged: NDArray[np.complex128],
    dipoles: NDArray[np.complex128],
    sites: Sites,
) -> Callable[[float], Product]:
    """For a frequency, (ω − H)⁻¹ of a lattice that closes on itself, between its atoms.

    Args:
        own: energy of each excited level, (N, n_e); their means over the atoms are taken.
        averaged: transform of the circulant matrix of Δ − iΓ/2, (n₁, …, 3, 3).
        dipoles: ⟨g|d_α|e⟩, (3, n_e).
        sites: of the atoms.
    """
    from scipy import fft

    n, levels = own.shape
    axes = range(averaged.ndim - 2)
    between = np.matmul(dipoles.conj().T, np.matmul(averaged, dipoles)) + np.diag(own.mean(axis=0))

    def at(frequency: float) -> Product:
        shifted = frequency * np.eye(levels) - between
        try:
            inverse = np.linalg.inv(shifted)
        except np.linalg.LinAlgError:  # levels with the same dipole have a dark superposition
            inverse = np.linalg.pinv(shifted)

        def near(vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
            values = sites.on_sites(vectors.reshape(n, levels, -1))
            values = np.matmul(inverse, fft.fftn(values, axes=axes))
            values = fft.ifftn(values, axes=axes, overwrite_x=True)
            return np.asarray(sites.of_emitters(values).reshape(vectors.shape))

        return near

    return at
