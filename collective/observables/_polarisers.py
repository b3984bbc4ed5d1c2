r"""Polarisers: unit vectors ε across a direction n̂, through which the amplitude ε*·E passes.

Light with "helicity+" along n̂ has the vector :math:`e_{+1} = −(a + ib)/\sqrt 2` for any a, b that
are perpendicular to n̂ and to each other with a × b = n̂. "s" is across the plane of n̂ and an axis,
"p" in this plane.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks

NAMES = ("s", "p", "helicity+", "helicity-")
_ALONG = 1e-9  # part of a unit vector across a direction that counts as zero

Vectors = NDArray[np.complex128]


def polarisers(value: Any, unit: NDArray[np.float64], axis: NDArray[np.float64]) -> Vectors:
    """The vector of the polariser in each direction, (D, 3).

    Args:
        value: one of `NAMES`, or a vector (3,) or (D, 3), of which the part across n̂ is taken.
        unit: n̂, (D, 3).
        axis: unit vector (3,) to which "s" and "p" refer.

    Raises:
        ValueError: for another name or shape, or where the polarisation is not defined.
    """
    if isinstance(value, str):
        if value in ("σ+", "σ-", "σ−", "σ⁺", "σ⁻", "π"):
            raise ValueError(
                f"polarisation: {value} is the polarisation of a transition, about the axis of the "
                "atoms (see polarised_emission); far away light has 'helicity+' or 'helicity-' "
                "about its own direction. Along +axis σ⁺ has 'helicity+', along −axis 'helicity-'"
            )
        name = checks.choice("polarisation", value, NAMES)
        if name.startswith("helicity"):
            return _circular(unit, 1 if name.endswith("+") else -1)
        across = _normalised(np.cross(axis, unit), unit, f"is along the axis, where {name!r} is")
        return (across if name == "s" else np.cross(across, unit)).astype(complex)
    vectors = checks.finite("polarisation", value, complex, largest=np.inf)
    if vectors.shape not in ((3,), unit.shape):
        raise ValueError(
            f"polarisation must be one of {', '.join(map(repr, NAMES))}, a vector (3,), or one for "
            f"each direction, {unit.shape}; got shape {vectors.shape}"
        )
    parts = np.maximum(np.abs(vectors.real), np.abs(vectors.imag))
    largest = parts.max(axis=-1, keepdims=True)
    if np.any(largest == 0):
        raise ValueError("polarisation must not be the zero vector")
    vectors, largest = checks.enlarged(vectors, largest)
    vectors = vectors / largest
    vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    along = np.sum(unit * vectors, axis=1, keepdims=True)
    return _normalised(vectors - along * unit, unit, "is along the polarisation, which is then")


def _circular(unit: NDArray[np.float64], sign: int) -> Vectors:
    """e_{±1} about each direction, (D, 3)."""
    least = np.eye(3)[np.argmin(np.abs(unit), axis=1)]
    first = np.cross(unit, least)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(unit, first)
    return np.asarray(-sign * (first + 1j * sign * second) / np.sqrt(2))


def _normalised(vectors: NDArray[Any], unit: NDArray[np.float64], why: str) -> NDArray[Any]:
    """Vectors of length 1; raises where they vanish."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if np.any(lengths < _ALONG):
        at = int(np.argmin(lengths))
        raise ValueError(
            f"polarisation: directions[{at}] = {unit[at]} {why} not defined; leave this direction "
            "out, or give a vector that is not along it"
        )
    return np.asarray(vectors / lengths)
