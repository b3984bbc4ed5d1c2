"""What an environment has to offer: the `Field` protocol."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray


@runtime_checkable
class Field(Protocol):
    """Anything with a Green's tensor.

    A field of your own needs one method, `green` (the whole tensor) or `scattered` (the whole
    less the vacuum's).
    """

    def green(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """G(r, r_source, k) in Cartesian components, broadcasting over points.

        Args:
            r: field points, (..., 3), in units of length.
            r_source: source points, (..., 3).
            k: vacuum wave number ω/c, in inverse units of length.

        Returns:
            (..., 3, 3), in inverse units of length. At coincident points the divergent real
            part of the vacuum is dropped: ik/6π·1 + scattered.
        """
        ...


def total_green(field: Any, r: ArrayLike, r_source: ArrayLike, k: float) -> NDArray[np.complex128]:
    """The whole Green's tensor of a field that defines `green` or only `scattered`."""
    if isinstance(field, Field):
        return np.asarray(field.green(r, r_source, k))
    if hasattr(field, "scattered"):
        from collective.fields.vacuum import Vacuum

        return Vacuum().green(r, r_source, k) + field.scattered(r, r_source, k)
    raise TypeError(
        f"field must be a Field (an object with green(r, r_source, k) or scattered(...)), "
        f"got {type(field).__name__}"
    )
