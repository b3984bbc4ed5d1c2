"""Wave numbers at which a permittivity is known: all real, or all imaginary."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks


def wavenumbers(k: ArrayLike) -> NDArray[np.complex128]:
    """Checked wave numbers: all real and positive, or all i times positive.

    Raises:
        ValueError: for other numbers; the message names the number.
    """
    array = checks.finite("k", k, complex)
    real = bool(np.all((array.imag == 0) & (array.real > 0)))
    if not real and not np.all((array.real == 0) & (array.imag > 0)):
        legal = ((array.imag == 0) & (array.real > 0)) | ((array.real == 0) & (array.imag > 0))
        if np.all(legal):
            raise ValueError("k must be all real or all imaginary in one call, not both")
        raise ValueError(
            "k must be positive, or i times positive (the imaginary axis), got "
            f"{array[~legal].flat[0]:g}"
        )
    sizes = np.abs(array)
    if not 1 / checks.LARGEST <= sizes.min(initial=1.0) <= sizes.max(initial=1.0) <= checks.LARGEST:
        for one in (sizes.min(), sizes.max()):
            checks.wavenumber("k", one)
    return array


def finite_at(k: NDArray[np.complex128], value: NDArray[Any]) -> NDArray[Any]:
    """A permittivity; raises if it is not finite."""
    value = np.asarray(value)
    if not np.all(np.isfinite(value)):
        at = np.abs(k[~np.isfinite(value)]).flat[0]
        raise ValueError(f"k: the permittivity is not finite at {at:g}; choose another wave number")
    return value
