"""F(ω) between two dipoles, and its parts J = Im F and K = −½ Re F."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.emitters import Multilevel
from collective.fields.protocol import checked_tensor, imaginary_green, total_green

_COINCIDENT = 1e-60  # in units of length; its cube is near the smallest double
_STATIC = 1e-5  # k·r at which the static limit is extrapolated; the error is its fourth power


def coupling_tensor(
    multilevel: Multilevel, field: Any, i: int, j: int, omega: complex
) -> NDArray[np.complex128]:
    """F(ω) between unit dipoles of emitters i and j, (3, 3); ω > 0 or i times positive."""
    k = omega / multilevel.speed_of_light
    r, r_source = multilevel.positions[i], multilevel.positions[j]
    if multilevel.kind == "electric":
        if np.imag(k):
            real = imaginary_green(field, r, r_source, float(np.imag(k)))
            return (2 * k**2 * real).astype(complex)
        return 2 * k**2 * total_green(field, r, r_source, k)
    return 2 * checked_tensor(field, field.magnetic_green(r, r_source, k), r, r_source)


def static_tensor(multilevel: Multilevel, field: Any, i: int, j: int) -> NDArray[np.float64]:
    """F(0) = lim 2k²G between emitters i and j, (3, 3) real, from two small wave numbers.

    F is even in ω at low frequency, so (4F(k) − F(2k))/3 is right to the fourth order of k·r.
    """
    r = np.linalg.norm(multilevel.positions[i] - multilevel.positions[j])
    omega = _STATIC / float(r) * multilevel.speed_of_light
    near, far = (coupling_tensor(multilevel, field, i, j, s * omega).real for s in (1, 2))
    return (4 * near - far) / 3


def decay_and_shift(
    multilevel: Multilevel, field: Any, i: int, j: int, frequencies: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """J(ω) and K(ω) between two different emitters at signed frequencies, (..., 3, 3) each."""
    frequencies = np.asarray(frequencies, dtype=float)
    sizes, where = np.unique(np.abs(frequencies), return_inverse=True)
    tensors = [
        static_tensor(multilevel, field, i, j).astype(complex)
        if size == 0
        else coupling_tensor(multilevel, field, i, j, float(size))
        for size in sizes
    ]
    tensor = np.stack(tensors)[where.reshape(frequencies.shape)]
    return np.sign(frequencies)[..., None, None] * tensor.imag, -0.5 * tensor.real


def require_coupled(multilevel: Multilevel, field: Any) -> None:
    """Raise if the field does not know such dipoles, or two emitters coincide."""
    if isinstance(field, type):
        raise TypeError(f"field must be an object: use {field.__name__}() with its arguments")
    if multilevel.kind == "magnetic" and not hasattr(field, "magnetic_green"):
        raise ValueError(
            f"field {field!r} has no magnetic response: define magnetic_green(r, r_source, k) or "
            "use electric dipoles"
        )
    r = multilevel.positions
    for i in range(1, len(r)):
        same = np.flatnonzero(np.abs(r[:i] - r[i]).max(axis=1) < _COINCIDENT)
        if len(same):
            raise ValueError(f"emitters {same[0]} and {i} coincide: their interaction diverges")
