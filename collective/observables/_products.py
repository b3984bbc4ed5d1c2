"""A generator of which only products with vectors are known, in the place of a sparse matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.numerics.spectrum import Ellipse
from collective.evolution.steady_generator import Generator

_ENTRIES = 0.4  # of a sparse matrix, for each entry of ρ and pair of emitters


class Products:
    """A generator of which only products with vectors are known, like a sparse matrix.

    Args:
        generator: L.
        unit: it is divided by this.
    """

    def __init__(self, generator: Generator, unit: float = 1.0):
        self._generator, self._unit = generator, unit

    @property
    def unit(self) -> float:
        """A rate near the largest of L."""
        return self._generator.ellipse().radius

    @property
    def work(self) -> float:
        """The number of entries of a sparse matrix whose products with a vector take as long."""
        n = np.log2(self._generator.side)
        return float(_ENTRIES * self._generator.size * n * n)

    def __truediv__(self, unit: float) -> "Products":
        return Products(self._generator, self._unit * unit)

    def __matmul__(self, vectors: NDArray[Any]) -> NDArray[Any]:
        found = np.empty_like(vectors)
        for c in range(vectors.shape[1]):
            found[:, c] = self._generator.apply(vectors[:, c])
        found /= self._unit
        return found

    def ellipse(self) -> Ellipse:
        """An ellipse around nearly all of the spectrum."""
        whole = self._generator.ellipse()
        return Ellipse(whole.decay / self._unit, whole.width / self._unit)
