"""Numbers of models without a Green's tensor: one for all emitters, or one for each.

A model gives absolute rates. So the linewidths of the emitters do not enter, but unequal ones say
that the emitters differ, and then one number cannot be right for all of them.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks
from collective.emitters import Emitters


def rates(name: str, value: ArrayLike) -> Any:
    """One number, zero or above, or a tuple of them, one for each emitter."""
    found = numbers(name, value, float)
    array = np.atleast_1d(found)
    if np.any(array < 0):
        at = int(np.argmax(array < 0))
        where = f"{name}[{at}]" if isinstance(found, tuple) else name
        raise ValueError(f"{name} must not be negative: {where} is {array[at]:g}")
    return found


def numbers(name: str, value: ArrayLike, dtype: type = complex) -> Any:
    """One finite number, or a tuple of them, one for each emitter; real if all are."""
    array = checks.finite(name, value, dtype)
    if not np.any(array.imag):
        array = array.real
    if array.ndim > 1 or array.size == 0:
        raise ValueError(
            f"{name} must be a number or one number for each emitter, got shape {array.shape}"
        )
    return tuple(array.tolist()) if array.ndim else array.item()


def of_emitters(name: str, value: Any, emitters: Emitters) -> NDArray[Any]:
    """The numbers of N emitters, (N,).

    Args:
        name: of the argument of the model.
        value: what `rates` or `numbers` has returned for it.
        emitters: N of them.

    Raises:
        ValueError: for another number of them than of emitters, or one number for emitters of
            different linewidths.
    """
    n = len(emitters)
    if isinstance(value, tuple):
        if len(value) != n:
            raise ValueError(f"{name} has {len(value)} numbers, but there are {n} emitters")
        return np.array(value)
    linewidths = emitters.decay_rates
    if value != 0 and np.any(linewidths != linewidths[0]):
        raise ValueError(
            f"{name} = {value:g} is one number for all, but emitters.decay_rates differ, from "
            f"{linewidths.min():g} to {linewidths.max():g}, which says that the emitters differ: "
            f"give one number for each emitter, {name}=(…), or equal decay_rates, which do not "
            "enter here"
        )
    return np.full(n, value)
