"""Some of the emitters, as `atoms[1:]`; several sets together, as `one + other`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks, equality


def places(index: Any, n: int, noun: str) -> NDArray[np.intp]:
    """The numbers of the emitters that an index in brackets means, at least one of them.

    Args:
        index: a whole number, a slice, a list or an array of whole numbers, or one truth value for
            each emitter; −1 is the last emitter.
        n: the number of emitters.
        noun: what they are, "emitters" or "atoms".

    Raises:
        IndexError: for a number beyond them, so that a loop over the emitters ends.
        ValueError: if none is left.
        TypeError: for another index.
    """
    if isinstance(index, slice):
        chosen = np.arange(n)[_whole(index)]
    else:
        array = np.asarray(index)
        if array.dtype.kind == "b" and array.shape == (n,):
            chosen = np.flatnonzero(array)
        elif (array.dtype.kind in "iu" and array.ndim <= 1) or array.shape == (0,):
            chosen = np.atleast_1d(array)
        else:
            raise TypeError(
                f"the index of {noun} must be a whole number, a slice, a list of whole numbers or "
                f"{n} truth values, got {checks.short(index)}"
            )
    beyond = [int(m) for m in chosen if not -n <= m < n]
    if beyond:
        raise IndexError(f"there is no number {beyond[0]}: the {n} {noun} are 0 … {n - 1}")
    if len(chosen) == 0:
        raise ValueError(f"the index {checks.short(index)} leaves none of the {n} {noun}")
    return chosen.astype(np.intp)


def _whole(index: slice) -> slice:
    """A slice between whole numbers."""
    for end in (index.start, index.stop, index.step):
        if end is not None and (isinstance(end, bool) or not isinstance(end, int | np.integer)):
            raise TypeError(f"a slice must have whole numbers, got {checks.short(end)}")
    if index.step == 0:
        raise ValueError("the step of a slice must not be 0")
    return index


def require_same(one: Any, other: Any, names: tuple[str, ...]) -> None:
    """Raise unless two sets of emitters have the same in common, so that they can be one set."""
    for name in names:
        mine, theirs = getattr(one, name), getattr(other, name)
        if not equality.equal(mine, theirs):
            raise ValueError(
                f"both sides of + must have the same {name}, got {checks.short(mine)} and "
                f"{checks.short(theirs)}; give one of them another by replace({name}=...)"
            )


def refuse_numbers(other: Any) -> None:
    """Raise for numbers behind a plus sign, which somebody means to move the emitters by."""
    if isinstance(other, list | tuple | np.ndarray | np.generic | int | float):
        raise TypeError(
            f"+ puts two sets of emitters together, got {checks.short(other)}; "
            "translated([x, y, z]) moves emitters"
        )


def as_one_object(thing: Any, dtype: Any) -> NDArray[Any]:
    """An array without axes that holds an object, so that NumPy does not take it apart."""
    found = np.empty(1, dtype=object)
    found[0] = thing
    whole = found.reshape(())
    return whole if dtype is None else whole.astype(dtype)
