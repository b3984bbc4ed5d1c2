"""What an environment has to offer: the `Field` protocol."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray


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


def total_green(field: Any, r: ArrayLike, r_source: ArrayLike, k: Any) -> NDArray[np.complex128]:
    """The whole Green's tensor of a field that defines `green` or only `scattered`, checked."""
    if isinstance(field, type):
        raise TypeError(f"field must be an object: use {field.__name__}() with its arguments")
    if hasattr(field, "green"):
        tensor = np.asarray(field.green(r, r_source, k))
    elif hasattr(field, "scattered"):
        from collective.fields.vacuum import Vacuum

        tensor = Vacuum().green(r, r_source, k) + field.scattered(r, r_source, k)
    else:
        raise TypeError(
            "field must be a Field (an object with green(r, r_source, k) or scattered(...)), "
            f"got {type(field).__name__}"
        )
    return checked_tensor(field, tensor, r, r_source)


def checked_tensor(
    field: Any, tensor: Any, r: ArrayLike, r_source: ArrayLike
) -> NDArray[np.complex128]:
    """A field's answer, or an error that says what is wrong with it."""
    tensor = np.asarray(tensor)
    shape = (*np.broadcast_shapes(np.shape(r)[:-1], np.shape(r_source)[:-1]), 3, 3)
    if tensor.shape != shape or tensor.dtype.kind != "c":
        raise ValueError(
            f"field {field!r} must return a complex array of shape {shape}, got {tensor.dtype} of "
            f"shape {tensor.shape}"
        )
    if not np.all(np.isfinite(tensor)):
        raise ValueError(f"field {field!r} returned a Green's tensor that is not finite")
    return tensor
