"""What an environment has to offer: the `Field` protocol."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective import _checks

_REAL = 1e-8  # relative: what G(iκ) may miss being real by


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
            k: vacuum wave number ω/c, a number, positive or i times positive, in inverse units of
                length. Level shifts by scattered light, `shift="rwa"` and master equations beyond
                the RWA need the imaginary axis, where G is real.

        Returns:
            (..., 3, 3), in inverse units of length. At coincident points the divergent real
            part of the vacuum is dropped: ik/6π·1 + scattered.
        """
        ...


def checked_points(name: str, points: ArrayLike) -> NDArray[np.float64]:
    """Points in space, (..., 3), or an error that says what is wrong with them."""
    array = _checks.finite(name, points)
    if array.shape[-1:] != (3,):
        raise ValueError(f"{name} must have three components last, got shape {array.shape}")
    return array


def require_field(field: Any) -> None:
    """Raise for anything that is no field, neither of a Green's tensor nor of coefficients.

    None is a field that is not known.
    """
    known = [hasattr(field, name) for name in ("green", "scattered", "coefficients")]
    if field is not None and (isinstance(field, type) or not any(known)):
        raise TypeError(
            "field must be a Field, an object with green(r, r_source, k) or scattered(...) such as "
            f"co.Vacuum(), or None; got {_checks.short(field)}"
        )


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


def imaginary_green(
    field: Any, r: ArrayLike, r_source: ArrayLike, kappa: float
) -> NDArray[np.float64]:
    """The real tensor G(iκ) of a field, or an error that says it is not known there."""
    try:
        tensor = total_green(field, r, r_source, 1j * kappa)
    except (KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        raise ValueError(
            f"field {field!r} gives no Green's tensor at imaginary wave numbers, which this needs "
            f"({type(error).__name__} at k = {kappa:.3g}i: {error})"
        ) from error
    size = float(np.abs(tensor).max(initial=0.0))
    if float(np.abs(tensor.imag).max(initial=0.0)) > _REAL * size:
        raise ValueError(
            f"field {field!r} must be real at k = {kappa:.3g}i, as G(−k*) = G*(k) has it; its "
            f"imaginary part is {np.abs(tensor.imag).max():.3g} of {size:.3g}"
        )
    return np.ascontiguousarray(tensor.real)


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
