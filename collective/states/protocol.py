"""What a state is: the protocol `State`, and the answers of any state, checked."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks

_NORM = 1e-8  # by which the norm of a state of the user's may differ from one
_SAME = 1e-12  # amplitudes that differ by no more are the same


@runtime_checkable
class State(Protocol):
    """A pure state of N two-level emitters, for every N that it exists for.

    A class of your own is a state if it has `excitations`, `symmetric` and one of these two:

    - ``amplitudes(excited, emitters)``: the amplitude of each of B configurations, (B,) complex.
      ``excited`` is (B, N), true where an emitter is excited. ``emitters`` are `Emitters`, a
      `Multilevel`, or None where their places are not known.
    - ``spinors(n)``: the amplitudes of "excited" and "ground" of each emitter, (n, 2) complex, of a
      product state.

    Each engine asks for the configurations that it keeps and for no others. It refuses a state that
    has neither of the two. ``levels(multilevel)`` is optional: the level that each emitter
    of a `MasterEquation` occupies, for states that exist for more than two levels. ``str(state)``
    is the name that results and error messages show; a frozen dataclass has a good one.

    Example:
        Two amplitudes on the first two of N emitters:

        >>> from dataclasses import dataclass
        >>> import numpy as np, collective as co
        >>> @dataclass(frozen=True)
        ... class Split:
        ...     weight: float
        ...     def excitations(self, n):
        ...         return 1
        ...     def symmetric(self, n):
        ...         return False
        ...     def amplitudes(self, excited, emitters=None):
        ...         first = excited[:, 0] * np.sqrt(self.weight)
        ...         second = excited[:, 1] * np.sqrt(1 - self.weight)
        ...         return (excited.sum(axis=1) == 1) * (first + second + 0j)
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> co.evolve(pair, Split(0.8), [0, 1.0]).populations[0].round(12)
        array([0.8, 0.2])
    """

    def excitations(self, n: int) -> Any:
        """How many of n emitters are excited.

        Args:
            n: number of emitters.

        Returns:
            A whole number, 0 to n. For a superposition of several numbers: the probability of each
            number, (n + 1,), or None where it is not known or follows from `spinors`.

        Raises:
            ValueError: if the state does not exist for n emitters.
        """
        ...

    def symmetric(self, n: int) -> bool:
        """Whether no permutation of n emitters changes the state, wherever they are.

        Args:
            n: number of emitters.
        """
        ...


def missing(state: Any) -> str | None:
    """Why no engine can build this state, or None if one can.

    Args:
        state: a `State` or a QuTiP state.
    """
    if not isinstance(state, State) or hasattr(state, "amplitudes") or hasattr(state, "spinors"):
        return None
    return (
        f"state {state}: its class has neither amplitudes(excited, emitters) nor spinors(n), see "
        "co.states.State"
    )


def amplitudes_of(
    state: State, excited: NDArray[np.bool_], emitters: Any
) -> NDArray[np.complex128]:
    """Amplitude of each configuration, of any state.

    Args:
        state: any.
        excited: (B, N), which emitters are excited in each of B configurations.
        emitters: where they are, or None.

    Returns:
        (B,) complex.

    Raises:
        ValueError: for a state that gives none, or no finite numbers of this shape.
    """
    if (why := missing(state)) is not None:
        raise ValueError(why)
    give = getattr(state, "amplitudes", None)
    if give is None:
        found = spinors_of(state, excited.shape[1])
        assert found is not None
        return of_product(found, excited)
    return _checked(f"amplitudes of state {state}", give(excited, emitters), (len(excited),))


def spinors_of(state: Any, n: int) -> NDArray[np.complex128] | None:
    """Amplitudes of "excited" and "ground" of each emitter, (n, 2), or None if it gives none.

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


def excitations_of(state: State, n: int) -> int | NDArray[np.float64] | None:
    """What `State.excitations` gives, checked.

    Raises:
        ValueError: for another number than 0 … n, or no probabilities (n + 1,).
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


def of_product(spinors: NDArray[Any], excited: NDArray[np.bool_]) -> NDArray[np.complex128]:
    """Amplitudes of configurations (B, N) of a product state with spinors (N, 2)."""
    up, down = spinors.T
    if np.all(spinors == spinors[:1]):
        counts = excited.sum(axis=1)
        # real where it is: a real power keeps the last digits
        low = down[0] if down[0].imag else down[0].real
        return np.asarray(up[0] ** counts * low ** (excited.shape[1] - counts), dtype=complex)
    found = np.ones(len(excited), dtype=complex)
    for m in range(excited.shape[1]):
        found *= np.where(excited[:, m], up[m], down[m])
    return found


def same_spinors(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two product states with spinors (N, 2), or (1, 2), are the same up to phases."""
    areas = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    return bool(np.abs(areas).max() <= _SAME)


def _checked(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    found = np.asarray(value)
    if found.shape != shape or found.dtype.kind not in "biufc":
        raise ValueError(f"{name} must be numbers of shape {shape}, got {checks.short(value)}")
    found = found.astype(complex, copy=False)
    if not np.all(np.isfinite(found)):
        raise ValueError(f"{name} must be finite: some are not")
    return found
