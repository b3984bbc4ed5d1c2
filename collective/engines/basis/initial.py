"""What engines ask of an initial state: how many excitations, and whether it can be built at all.

A state is a `State`, or a checked QuTiP ket or density matrix.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.states import State
from collective.states.protocol import excitations_of, spinors_of

if TYPE_CHECKING:
    from qutip import Qobj

NOTHING = 1e-14  # a probability that is round-off


def definite_number(state: Any, n: int) -> int | None:
    """How many emitters are excited, if the state has a definite number; None otherwise.

    None also for what is not a `State`.
    """
    if not isinstance(state, State):
        return None
    number = excitations_of(state, n)
    return number if isinstance(number, int) else None


def distribution(state: "State | Qobj", n: int) -> NDArray[np.float64] | None:
    """Probability that k of n emitters are excited, (n + 1,), or None if a `State` does not tell.

    Of a product state it is the Poisson binomial distribution. It is summed from positive numbers
    alone, so that small probabilities keep their digits.
    """
    if not isinstance(state, State):
        weights, counts = _weights(state, n)
        return np.asarray(np.bincount(counts, weights, n + 1), dtype=float)
    found = np.zeros(n + 1)
    number = excitations_of(state, n)
    if isinstance(number, int):
        found[number] = 1.0
        return found
    if number is not None:
        return number
    each = spinors_of(state, n)
    if each is None:
        return None
    found[0] = 1.0
    for up, down in np.abs(each) ** 2:
        found[1:] = down * found[1:] + up * found[:-1]
        found[0] *= down
    return found


def _weights(state: "Qobj", n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probability of every configuration in QuTiP's basis, and how many emitters it excites."""
    matrix = state.full()
    weights = np.abs(matrix[:, 0]) ** 2 if state.isket else np.diagonal(matrix).real
    return weights, np.bitwise_count(~np.arange(1 << n) & ((1 << n) - 1)).astype(np.int64)


def numbers(state: "State | Qobj", n: int) -> list[int]:
    """The numbers of excitations that a state of n emitters has, ascending.

    All numbers, where a `State` does not tell. Emitters of a product state whose probability is
    round-off count as certainly excited or not excited.
    """
    if isinstance(state, State):
        number = excitations_of(state, n)
        if isinstance(number, int):
            return [number]
        each = spinors_of(state, n) if number is None else None
        if each is not None:
            up, down = (np.abs(each) ** 2).T
            return list(range(np.count_nonzero(down < NOTHING), np.sum(up >= NOTHING) + 1))
        if number is None:
            return list(range(n + 1))
        return np.flatnonzero(number > NOTHING).tolist()
    weights, counts = _weights(state, n)
    return np.flatnonzero(np.bincount(counts[weights > NOTHING])).tolist()


def highest_excitation(state: "State | Qobj", n: int) -> int:
    """The largest number of excitations that a state of n emitters has."""
    return numbers(state, n)[-1]


def typical_excitation(state: "State | Qobj", n: int) -> int:
    """A number of excitations that few draws from the state exceed: two deviations above the mean.

    It is the highest number of QuTiP states, and where a `State` does not tell its probabilities.
    """
    each = spinors_of(state, n) if isinstance(state, State) else None
    if each is not None:
        up, down = (np.abs(each) ** 2).T
        mean, variance = float(up.sum()), float(up @ down)
    elif not isinstance(state, State) or (chances := distribution(state, n)) is None:
        return highest_excitation(state, n)
    else:
        mean = float(chances @ np.arange(n + 1))
        variance = float(chances @ (np.arange(n + 1) - mean) ** 2)
    # round-off is not a further excitation
    return int(np.ceil(mean + 2 * np.sqrt(variance) - 1e-9))


def weight_above_one(state: "State | Qobj", n: int) -> float | None:
    """The probability of more than one excitation, or None if a `State` does not tell."""
    each = spinors_of(state, n) if isinstance(state, State) else None
    if each is None:
        chances = distribution(state, n)
        return None if chances is None else float(chances[2:].sum())
    none, one, more = 1.0, 0.0, 0.0
    for up, down in (np.abs(each) ** 2).tolist():  # sums of positive numbers keep their digits
        more += up * one
        one = down * one + up * none
        none *= down
    return more
