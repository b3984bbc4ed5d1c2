"""What a state is: the protocol `State`, the answers of any state, and checks of them."""

from itertools import combinations
from math import comb, prod
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.couplings import Couplings
from collective.master.equation import MasterEquation
from collective.states import recipes
from collective.states.recipes import of_product

if TYPE_CHECKING:
    from qutip import Qobj

_NORM = 1e-8  # by which the norm of a state of the user's may differ from one
_MOST_SUMMED = 2**14  # configurations: of more the norm is not checked

OWN = (
    recipes.Inverted,
    recipes.Ground,
    recipes.Single,
    recipes.Dicke,
    recipes.TimedDicke,
    recipes.Product,
)


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


def _checked(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    found = np.asarray(value)
    if found.shape != shape or found.dtype.kind not in "biufc":
        raise ValueError(f"{name} must be numbers of shape {shape}, got {checks.short(value)}")
    found = found.astype(complex, copy=False)
    if not np.all(np.isfinite(found)):
        raise ValueError(f"{name} must be finite: some are not")
    return found


def name_of(state: Any) -> str:
    """How results and messages speak of a state."""
    return str(state) if isinstance(state, str | State) else "a QuTiP state"


def checked_state(
    state: "State | str | Qobj", problem: Couplings | MasterEquation
) -> "State | Qobj":
    """A `State`, or a QuTiP state of the problem's dims, normalised and positive.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(state, str) and state in ("inverted", "ground"):
        state = recipes.inverted() if state == "inverted" else recipes.ground()
    if isinstance(state, State) and not isinstance(state, type):
        if isinstance(problem, Couplings):  # a state that does not exist is refused at once
            _require_exists(state, problem)
        return state
    import qutip

    if isinstance(state, qutip.Qobj):
        return _checked_qobj(state, problem)
    shown = repr(state) if isinstance(state, str) else f"of type {type(state).__name__}"
    raise ValueError(
        f"unknown state {shown}: use 'inverted', 'ground', co.states.single(m), dicke(k), "
        "timed_dicke(wavevector), coherent(theta, phi), product(theta, phi), a QuTiP ket or "
        "density matrix, or a class of your own with the methods of co.states.State"
    )


def _require_exists(state: State, couplings: Couplings) -> None:
    """Raise unless N emitters can be in this state, and its norm is one where that is cheap."""
    n, emitters = len(couplings), couplings.emitters
    number = excitations_of(state, n)
    if missing(state) is not None:
        return  # each engine refuses it
    if isinstance(state, OWN):
        amplitudes_of(state, np.zeros((1, n), dtype=bool), emitters)
        return
    if spinors_of(state, n) is not None and not hasattr(state, "amplitudes"):
        return
    numbers = [number] if isinstance(number, int) else list(range(n + 1))
    if sum(comb(n, k) for k in numbers) > _MOST_SUMMED:
        amplitudes_of(state, np.zeros((1, n), dtype=bool), emitters)
        return
    total = 0.0
    for k in numbers:
        found = amplitudes_of(state, configurations(n, k), emitters)
        total += float(np.vdot(found, found).real)
    if abs(total - 1) > _NORM:
        where = f" of {number} excitations" if isinstance(number, int) else ""
        raise ValueError(
            f"state {state} must be normalised: the squares of its amplitudes{where} sum to "
            f"{total:.9g}"
        )


def configurations(n: int, k: int) -> NDArray[np.bool_]:
    """Which emitters are excited in every configuration of k of n, (C(n, k), n)."""
    if k == 1:
        return np.eye(n, dtype=bool)
    found = np.zeros((comb(n, k), n), dtype=bool)
    for row, chosen in zip(found, combinations(range(n), k), strict=True):
        row[list(chosen)] = True
    return found


def _checked_qobj(state: "Qobj", problem: Couplings | MasterEquation) -> "Qobj":
    """A QuTiP state of the problem's dims, normalised and positive."""
    import qutip

    dims = dims_of(problem)
    size = prod(dims)
    wanted = (size, 1) if state.isket else (size, size)
    if not (state.isket or state.isoper) or state.shape != wanted:
        raise ValueError(
            f"state must be a ket or density matrix of dims {dims}, shape ({size}, 1) or "
            f"({size}, {size}); got {state.type} {state.shape}"
        )
    matrix = state.full()
    if not np.all(np.isfinite(matrix)):
        raise ValueError("state must be finite: some of its entries are not")
    ket = state.shape[1] == 1
    trace = np.vdot(matrix, matrix) if ket else np.trace(matrix)
    if abs(trace - 1) > _NORM:
        raise ValueError(f"state must be normalised: its trace is {trace.real:.9g}")
    if ket:
        return qutip.Qobj(matrix, dims=[dims, [1] * len(dims)])
    if np.abs(matrix - matrix.conj().T).max() > 1e-10:
        raise ValueError("state must be a Hermitian density matrix")
    smallest = np.linalg.eigvalsh(matrix)[0]
    if smallest < -1e-8:
        raise ValueError(f"state must be positive: smallest eigenvalue {smallest:.3g}")
    return qutip.Qobj((matrix + matrix.conj().T) / 2, dims=[dims, dims])


def _dims(problem: Couplings | MasterEquation) -> list[int]:
    return [2] * len(problem) if isinstance(problem, Couplings) else problem.dims


def dims_of(problem: Couplings | MasterEquation) -> list[int]:
    """Dimensions of the tensor factors of the states of a problem."""
    return [2] * len(problem) if isinstance(problem, Couplings) else problem.dims
