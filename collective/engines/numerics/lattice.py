r"""Regular lattices, whose couplings depend on displacements alone, and products with them by FFT.

.. math:: h_{mn} = δ_m δ_{mn} + Δ_{mn} − ½iΓ_{mn}

The diagonals may differ from emitter to emitter: only what lies beside them has to follow from
displacements.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.convolution import Convolution
from collective.couplings.couplings import Couplings
from collective.couplings.finding import sites
from collective.couplings.lattice import ROUND_OFF, LatticeMatrix, from_matrix, kernel_of_rows
from collective.couplings.sites import Sites, padded

_FEWEST = 16  # emitters; fewer are never worth a transform
# flops of a product of matrices that take as long as a transform, per number and power of two
TRANSFORM = 60.0


@dataclass(frozen=True, eq=False)
class Lattice:
    """The couplings of emitters on a lattice, for products with vectors.

    Attributes:
        sites: of the emitters.
        decay: kernel of Γ without its diagonal, by displacement.
        shift: kernel of Δ without its diagonal.
        own: diagonal of h, (N,) complex.
        single: whether products are computed in single precision.
    """

    sites: Sites
    decay: NDArray[Any]
    shift: NDArray[Any]
    own: NDArray[np.complex128]
    single: bool = False

    def product(self, vectors: NDArray[Any], workers: int = 1) -> NDArray[Any]:
        """The product of h with vectors (N,) or (N, B), by this number of threads."""
        own = self.own.reshape((-1,) + (1,) * (vectors.ndim - 1))
        return self.between(vectors, workers) + own * vectors

    def between(self, vectors: NDArray[Any], workers: int = 1) -> NDArray[Any]:
        """The product of h without its diagonal with vectors (N,) or (N, B)."""
        return self._exchange.product(vectors, workers)

    @cached_property
    def _exchange(self) -> Convolution:
        return Convolution(self.shift - 0.5j * self.decay, self.sites, single=self.single)


def diagonal(couplings: Couplings) -> NDArray[np.complex128]:
    """The diagonal of h, δ_m + Δ_mm − ½iΓ_mm, (N,)."""
    shift, decay = couplings.shift.diagonal(), couplings.decay.diagonal()
    return couplings.detunings + shift.real - 0.5j * decay.real


def of(couplings: Couplings, *, single: bool = False) -> Lattice | None:
    """The lattice whose couplings these are, or None.

    The places of the emitters say which lattice it may be, and every entry of Γ and Δ is then
    compared: a wire or a mirror, other dipoles or matrices of the user may couple the same places
    in another way.

    Args:
        couplings: of any emitters.
        single: whether products are to be computed in single precision.
    """
    decay, shift = couplings.decay, couplings.shift
    own = diagonal(couplings)
    if isinstance(decay, LatticeMatrix) and isinstance(shift, LatticeMatrix):
        return Lattice(decay.sites, decay.between(), shift.between(), own, single)
    n = len(couplings)
    if couplings.emitters is None or n < _FEWEST or checks.constant(decay):
        return None
    found = sites(couplings.emitters.positions)
    if found is None:
        return None
    kernels = [from_matrix(np.asarray(matrix), found) for matrix in (decay, shift)]
    if kernels[0] is None or kernels[1] is None:
        return None
    return Lattice(found, kernels[0], kernels[1], own, single)


def likely(couplings: Couplings, found: Sites) -> bool:
    """Whether the row of the emitter in the middle is that of the corners, by displacement.

    A wire across the lattice, a mirror or other dipoles show here; `of` compares all rows.
    """
    middle, corners = found.middle, found.corners
    for matrix in (couplings.decay, couplings.shift):
        # with vacant sites the corners do not have all displacements
        kernel = kernel_of_rows(matrix.__getitem__, found, corners, np.nan)
        kernel[found.no_displacement] = 0.0
        off = np.abs(matrix[middle] - kernel.reshape(-1)[found.displacements(middle)])
        off[middle] = 0.0
        if np.nanmax(off) > ROUND_OFF * np.nanmax(np.abs(kernel)):
            return False
    return True


def faster(found: Sites) -> bool:
    """Whether transforms of the box of sites are faster than a product with the matrix."""
    n, around = len(found), float(np.prod(padded(found.shape)))
    return n >= _FEWEST and TRANSFORM * around * np.log2(around) < 8.0 * n**2
