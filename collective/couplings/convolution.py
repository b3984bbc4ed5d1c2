r"""Products with matrices that depend on displacements alone: fast Fourier transforms.

.. math:: (Mx)_m = \sum_n K(\mathrm{site}_n − \mathrm{site}_m)\,x_n

K is a number for each displacement, or a block of C × C numbers where each site has C of them.
Transforms have twice the length along each direction, so that nothing comes around.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.sites import Sites, padded, places_of_displacements

_NOTHING = 1e-14  # of the largest entry: parts of blocks that no pair has


class Convolution:
    """Products with a matrix that depends on displacements alone.

    Args:
        kernel: (2n₁ − 1, …), its entries by displacement, from the most negative one on.
        sites: of the emitters.
        single: whether to compute in single precision.
    """

    def __init__(self, kernel: NDArray[Any], sites: Sites, *, single: bool = False):
        from scipy import fft

        self._sites = sites
        self._lengths = padded(sites.shape)
        around = np.zeros(self._lengths, dtype=complex)
        around[np.ix_(*places_of_displacements(sites.shape, self._lengths))] = kernel
        transform = fft.fftn(around, overwrite_x=True)
        self._dtype = np.dtype(np.complex64 if single else np.complex128)
        self._transform = transform.astype(self._dtype)

    def product(self, vectors: NDArray[Any], workers: int = 1) -> NDArray[Any]:
        """The matrix times vectors (N,) or (N, B), by this number of threads."""
        shape = self._sites.shape
        values = self._sites.on_sites(vectors.astype(self._dtype, copy=False))
        values = transformed(values, self._lengths, workers)
        trailing = (1,) * (vectors.ndim - 1)
        values *= self._transform.reshape(self._lengths + trailing)
        return self._sites.of_emitters(transformed_back(values, shape, workers))


class BlockConvolution:
    """Products with a matrix of C × C blocks that depend on displacements alone.

    Args:
        kernel: (2n₁ − 1, …, C, C), the blocks by displacement, from the most negative one on.
        sites: of the emitters, each of which has C numbers.
        single: whether to compute in single precision.
    """

    def __init__(self, kernel: NDArray[Any], sites: Sites, *, single: bool = False):
        self._sites, self._lengths = sites, padded(sites.shape)
        self._each = kernel.shape[-1]
        self._dtype = np.dtype(np.complex64 if single else np.complex128)
        self._parts = self._transforms(kernel)

    def _transforms(self, kernel: NDArray[Any]) -> dict[tuple[int, int], NDArray[Any]]:
        """The transforms of the parts ij of the blocks, of those that are not 0."""
        places = np.ix_(*places_of_displacements(self._sites.shape, self._lengths))
        largest = np.abs(kernel).max(initial=0.0)
        found: dict[tuple[int, int], NDArray[Any]] = {}
        for i in range(self._each):
            for j in range(self._each):
                part = kernel[..., i, j]
                if not np.abs(part).max() > _NOTHING * largest:
                    continue
                if (j, i) in found and np.array_equal(part, kernel[..., j, i]):
                    found[i, j] = found[j, i]
                    continue
                around = np.zeros(self._lengths, dtype=complex)
                around[places] = part
                found[i, j] = transformed(around, self._lengths).astype(self._dtype, copy=False)
        return found

    def product(self, vectors: NDArray[Any], workers: int = 1) -> NDArray[Any]:
        """The matrix times vectors (N·C,) or (N·C, B), by this number of threads."""
        sites, lengths = self._sites, self._lengths
        given = vectors.reshape(len(sites), self._each, -1).astype(self._dtype, copy=False)
        seen = {
            j: transformed(sites.on_sites(given[:, j]), lengths, workers)
            for j in {j for _, j in self._parts}
        }
        found = np.zeros(given.shape, dtype=self._dtype)
        for i in {i for i, _ in self._parts}:
            total = np.zeros((*lengths, given.shape[2]), dtype=self._dtype)
            for j in seen:
                if (i, j) in self._parts:
                    total += self._parts[i, j][..., None] * seen[j]
            found[:, i] = sites.of_emitters(transformed_back(total, sites.shape, workers))
        return found.reshape(vectors.shape)


def transformed(values: NDArray[Any], lengths: tuple[int, ...], workers: int = 1) -> NDArray[Any]:
    """The Fourier transform of values on sites (n₁, …), filled up with zeros to these lengths.

    Directions are transformed one after the other, so that rows of zeros are left out.
    """
    from scipy import fft

    for axis in reversed(range(len(lengths))):
        values = fft.fft(values, lengths[axis], axis=axis, workers=workers)
    return values


def transformed_back(
    values: NDArray[Any], shape: tuple[int, ...], workers: int = 1
) -> NDArray[Any]:
    """The values on sites of this shape, of which the rest is dropped, from their transform."""
    from scipy import fft

    for axis in range(len(shape)):
        values = fft.ifft(values, axis=axis, overwrite_x=True, workers=workers)
        values = values[(slice(None),) * axis + (slice(shape[axis]),)]
    return values
