"""The sites of a lattice in a box, and which of them each emitter is on.

All sites of the box may be taken, or some may be vacant: a cloud of atoms in an optical lattice, or
a ball that is cut out of a crystal.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product as every
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks


@dataclass(frozen=True, eq=False)
class Sites:
    """The sites of N emitters in a box of a lattice.

    Attributes:
        shape: number of sites along each lattice vector of the box; the last one varies fastest.
        places: (N,), the number of the site of each emitter, counted through the box; or None if
            there is an emitter on every site, in the order of the sites.
    """

    shape: tuple[int, ...]
    places: NDArray[np.intp] | None = None

    __getstate__ = checks.arguments
    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        if self.places is None:
            return
        count = prod(self.shape)
        places = np.array(self.places)
        whole = places.ndim == 1 and len(places) > 0 and places.dtype.kind in "iu"
        if not whole or places.min() < 0 or places.max() >= count:
            raise ValueError(
                f"places must be whole numbers from 0 to {count - 1}, one for each emitter"
            )
        if len(np.unique(places)) < len(places):
            raise ValueError("places must name a site of its own for every emitter")
        checks.freeze(self, places=places.astype(np.intp))

    def __len__(self) -> int:
        return prod(self.shape) if self.places is None else len(self.places)

    @property
    def vacant(self) -> int:
        """How many sites of the box have no emitter."""
        return prod(self.shape) - len(self)

    @property
    def block(self) -> "Sites":
        """All sites of the box, with an emitter on each."""
        return Sites(self.shape)

    @cached_property
    def coordinates(self) -> NDArray[np.intp]:
        """The site of each emitter as whole numbers of lattice vectors, (N, d)."""
        places = np.arange(len(self)) if self.places is None else self.places
        return checks.readonly(np.stack(np.unravel_index(places, self.shape), axis=1))

    def same(self, other: "Sites") -> bool:
        """Whether these are the same sites, with the same emitters on them."""
        alike = self.shape == other.shape and len(self) == len(other)
        return alike and np.array_equal(self.coordinates, other.coordinates)

    def on_sites(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the emitters (N, …) on the sites, (*shape, …); 0 on vacant sites."""
        ordered = values
        if self.places is not None:
            ordered = np.zeros((prod(self.shape), *values.shape[1:]), dtype=values.dtype)
            ordered[self.places] = values
        return ordered.reshape(*self.shape, *values.shape[1:])

    def of_emitters(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values on the sites (*shape, …) of the emitters, (N, …)."""
        flat = values.reshape(prod(self.shape), *values.shape[len(self.shape) :])
        return flat if self.places is None else flat[self.places]

    def nearest(self, site: tuple[int, ...]) -> int:
        """The emitter on a site, or the one nearest to it in numbers of lattice vectors."""
        return int(np.argmin(((self.coordinates - site) ** 2).sum(axis=1)))

    @property
    def corners(self) -> list[int]:
        """The emitters in the corners of the box, or nearest to them."""
        return [self.nearest(site) for site in every(*((0, n - 1) for n in self.shape))]

    @property
    def middle(self) -> int:
        """The emitter in the middle of the box, or nearest to it."""
        return self.nearest(tuple(n // 2 for n in self.shape))

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Number of displacements between the sites of the box, 2n − 1 along each direction."""
        return tuple(2 * n - 1 for n in self.shape)

    @property
    def no_displacement(self) -> tuple[int, ...]:
        """The index of displacement 0 in a kernel, which begins with the most negative one."""
        return tuple(n - 1 for n in self.shape)

    def displacements(self, m: int) -> NDArray[np.intp]:
        """Where in a flat kernel the displacements from emitter m to all emitters are, (N,)."""
        begin = np.ravel_multi_index(self.no_displacement, self.kernel_shape)
        return self._in_kernel - self._in_kernel[m] + begin

    @cached_property
    def _in_kernel(self) -> NDArray[np.intp]:
        """The coordinates of each emitter as one number, by which flat kernels count, (N,)."""
        found = np.zeros(len(self), dtype=np.intp)
        for length, along in zip(self.kernel_shape, self.coordinates.T, strict=True):
            found = found * length + along
        return found

    @cached_property
    def pairs(self) -> NDArray[np.float64]:
        """How many ordered pairs of emitters have each displacement, (2n₁ − 1, …)."""
        if self.vacant:
            return checks.readonly(self._counted_pairs())
        times = np.ones(1)
        for n in self.shape:
            times = np.multiply.outer(times, n - np.abs(np.arange(1 - n, n)))
        return checks.readonly(times.reshape(self.kernel_shape))

    def _counted_pairs(self) -> NDArray[np.float64]:
        r"""The same with vacant sites: :math:`\sum_m o_m o_{m+d}` of the occupations o = 0 or 1."""
        from scipy import fft

        lengths = padded(self.shape)
        occupied = self.on_sites(np.ones(len(self)))
        around = fft.irfftn(np.abs(fft.rfftn(occupied, lengths)) ** 2, lengths)
        return np.round(around[np.ix_(*places_of_displacements(self.shape, lengths))])


def padded(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The lengths of Fourier transforms along each direction, of at least 2n − 1."""
    from scipy import fft

    return tuple(int(fft.next_fast_len(2 * n - 1)) for n in shape)


def places_of_displacements(
    shape: tuple[int, ...], lengths: tuple[int, ...]
) -> list[NDArray[np.intp]]:
    """Where transforms of these lengths have displacement −d: negative ones count from the end.

    A convolution reads its kernel so; pairs of emitters are alike at d and −d.
    """
    sides = zip(shape, lengths, strict=True)
    return [(n - 1 - np.arange(2 * n - 1)) % length for n, length in sides]
