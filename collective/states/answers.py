"""The answers of an initial state: whether it can be built, amplitudes, numbers of excitations.

A state is a `State`, or a checked QuTiP ket or density matrix.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.states.protocol import State
from collective.states.recipes import of_independent, of_product, poisson_binomial

if TYPE_CHECKING:
    from qutip import Qobj

_NORM = 1e-8  # by this much the norm of a user's state may differ from one
NOTHING = 1e-14  # a probability that is round-off
_ROWS = 256  # configurations that a state is asked for at once


def missing(state: Any) -> str | None:
    """The reason why no engine can build a state, or None if an engine can.

    Args:
        state: a `State` or a QuTiP state.
    """
    members = ("amplitudes", "spinors", "probabilities")
    if not isinstance(state, State) or any(hasattr(state, member) for member in members):
        return None
    return (
        f"state {state}: its class has neither amplitudes(excited, emitters) nor spinors(n) nor "
        "probabilities(n), see co.states.State"
    )


def amplitudes_of(
    state: State, excited: NDArray[np.bool_], emitters: Any
) -> NDArray[np.complex128]:
    """The checked amplitude of each configuration.

    Args:
        state: any state.
        excited: (B, N), which emitters are excited in each of B configurations.
        emitters: the emitters, or None where their positions are not known.

    Returns:
        (B,) complex.

    Raises:
        ValueError: for a state without amplitudes, or for other than finite numbers of this shape.
    """
    if (why := missing(state)) is not None:
        raise ValueError(why)
    give = getattr(state, "amplitudes", None)
    if give is None:
        found = spinors_of(state, excited.shape[1])
        if found is None:
            raise ValueError(f"state {state} is a mixture, which has no amplitudes")
        return of_product(found, excited)
    return _checked(f"amplitudes of state {state}", give(excited, emitters), (len(excited),))


def one_excitation_of(state: State, n: int, emitters: Any) -> NDArray[np.complex128]:
    """The checked amplitude of each configuration in which one emitter alone is excited, (n,).

    A state is asked for a few rows at a time, so that thousands of emitters need no n² numbers.
    """
    found = np.empty(n, dtype=complex)
    for begin in range(0, n, _ROWS):
        rows = range(begin, min(begin + _ROWS, n))
        some = np.zeros((len(rows), n), dtype=bool)
        some[np.arange(len(rows)), rows] = True
        found[rows.start : rows.stop] = amplitudes_of(state, some, emitters)
    return found


def spinors_of(state: Any, n: int) -> NDArray[np.complex128] | None:
    """Amplitudes of "excited" and "ground" of each emitter, (n, 2), or None without `spinors`.

    Raises:
        ValueError: for spinors of another shape, or that are not normalised.
    """
    give = getattr(state, "spinors", None)
    if give is None:
        return None
    found = _checked(f"spinors of state {state}", give(n), (n, 2))
    norms = np.sum(np.abs(found) ** 2, axis=1)
    if np.any(np.abs(norms - 1) > _NORM):
        m = int(np.argmax(np.abs(norms - 1)))
        raise ValueError(
            f"spinors of state {state} must be normalised: that of emitter {m} has a norm of "
            f"{norms[m]:.9g}"
        )
    return found


def probabilities_of(state: Any, n: int) -> NDArray[np.float64] | None:
    """The probability that each of n independent emitters is excited, (n,), of a mixture.

    It is None for a state with amplitudes or spinors, and for a QuTiP state.

    Raises:
        ValueError: for anything but n numbers from 0 to 1.
    """
    if hasattr(state, "amplitudes") or hasattr(state, "spinors"):
        return None
    give = getattr(state, "probabilities", None)
    if give is None or not isinstance(state, State):
        return None
    name = f"probabilities of state {state}"
    found = checks.finite(name, give(n))
    if found.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), got {found.shape}")
    if found.min() < 0 or found.max() > 1:
        m = int(np.argmax(np.abs(found - 0.5)))
        raise ValueError(f"{name} must be from 0 to 1: that of emitter {m} is {found[m]:.9g}")
    return found


def weights_of(state: Any, excited: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """The probability of each configuration (B, N) of a mixture, (B,); None for other states."""
    chances = probabilities_of(state, excited.shape[1])
    return None if chances is None else of_independent(chances, excited)


def is_mixed(state: Any) -> bool:
    """Whether a state is given as a mixture: a QuTiP density matrix, or one with probabilities."""
    if isinstance(state, State):
        vectors = hasattr(state, "amplitudes") or hasattr(state, "spinors")
        return not vectors and hasattr(state, "probabilities")
    return not state.isket


def _independent(state: State, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Probabilities that each emitter is excited, and that it is not, if they are independent."""
    chances = probabilities_of(state, n)
    if chances is not None:
        return chances, 1 - chances
    each = spinors_of(state, n)
    if each is None:
        return None
    up, down = (np.abs(each) ** 2).T
    return up, down


def excitations_of(state: State, n: int) -> int | NDArray[np.float64] | None:
    """The checked answer of `State.excitations`.

    Raises:
        ValueError: for anything but a number 0 … n, None, or probabilities (n + 1,).
    """
    found = state.excitations(n)
    name = f"excitations({n}) of state {state}"
    if found is None:
        return None
    if np.ndim(found) == 0:
        return checks.count(name, found, minimum=0, maximum=n)
    chances = checks.finite(name, found)
    if chances.shape != (n + 1,) or np.any(chances < 0) or abs(chances.sum() - 1) > _NORM:
        raise ValueError(
            f"{name} must be a whole number, None, or {n + 1} probabilities that sum to 1; got "
            f"{checks.short(found)}"
        )
    return np.asarray(chances)


def _checked(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    found = np.asarray(value)
    if found.shape != shape or found.dtype.kind not in "biufc":
        raise ValueError(f"{name} must be numbers of shape {shape}, got {checks.short(value)}")
    found = found.astype(complex, copy=False)
    if not np.all(np.isfinite(found)):
        raise ValueError(f"{name} must be finite: some are not")
    return found


def name_of(state: Any) -> str:
    """The name of a state in results and messages."""
    return str(state) if isinstance(state, str | State) else "a QuTiP state"


def definite_number(state: Any, n: int) -> int | None:
    """The number of excited emitters if it is definite, else None.

    It is also None for a QuTiP state.
    """
    if not isinstance(state, State):
        return None
    if is_mixed(state):
        present = numbers(state, n)
        return present[0] if len(present) == 1 else None
    number = excitations_of(state, n)
    return number if isinstance(number, int) else None


def distribution(state: "State | Qobj", n: int) -> NDArray[np.float64] | None:
    """Probabilities that k of n emitters are excited, (n + 1,), or None if they are not known.

    For independent emitters this is the Poisson binomial distribution.
    """
    if not isinstance(state, State):
        weights, counts = _weights(state, n)
        return np.asarray(np.bincount(counts, weights, n + 1), dtype=float)
    number = None if is_mixed(state) else excitations_of(state, n)
    if isinstance(number, int):
        return np.bincount([number], minlength=n + 1).astype(float)
    if number is not None:
        return number
    each = _independent(state, n)
    return None if each is None else poisson_binomial(*each)


def _weights(state: "Qobj", n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probability and excitations of every configuration in QuTiP's basis, (2^n,) each."""
    matrix = state.full()
    weights = np.abs(matrix[:, 0]) ** 2 if state.isket else np.diagonal(matrix).real
    return weights, np.bitwise_count(~np.arange(1 << n) & ((1 << n) - 1)).astype(np.int64)


def numbers(state: "State | Qobj", n: int) -> list[int]:
    """The numbers of excitations that a state of n emitters has, ascending.

    They are all numbers 0 … n if a `State` does not give its own. If the probability that an
    emitter among independent ones is excited, or is not excited, is only round-off, it counts as
    zero.
    """
    if isinstance(state, State):
        number = None if is_mixed(state) else excitations_of(state, n)
        if isinstance(number, int):
            return [number]
        each = _independent(state, n) if number is None else None
        if each is not None:
            up, down = each
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

    For QuTiP states, and if a `State` does not give its probabilities, it is the highest number.
    """
    each = _independent(state, n) if isinstance(state, State) else None
    if each is not None:
        up, down = each
        mean, variance = float(up.sum()), float(up @ down)
    elif not isinstance(state, State) or (chances := distribution(state, n)) is None:
        return highest_excitation(state, n)
    else:
        mean = float(chances @ np.arange(n + 1))
        variance = float(chances @ (np.arange(n + 1) - mean) ** 2)
    # round-off is not a further excitation
    return int(np.ceil(mean + 2 * np.sqrt(variance) - 1e-9))


def weight_above_one(state: "State | Qobj", n: int) -> float | None:
    """The probability of more than one excitation, or None if it is not known."""
    each = _independent(state, n) if isinstance(state, State) else None
    if each is None:
        chances = distribution(state, n)
        return None if chances is None else float(chances[2:].sum())
    none, one, more = 1.0, 0.0, 0.0
    for up, down in np.transpose(each).tolist():  # sums of positive numbers keep their digits
        more += up * one
        one = down * one + up * none
        none *= down
    return more
