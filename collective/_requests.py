"""What `evolve` is asked for, checked: state, times, observables, envelope."""

from collections.abc import Callable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective import _checks, _operators, states
from collective.couplings import Couplings
from collective.master import MasterEquation

if TYPE_CHECKING:
    from qutip import Qobj

OBSERVABLES = ("correlations", "states")


def checked_problem(problem: Any) -> list[int]:
    """Dimensions of the tensor factors of what is to be evolved."""
    if isinstance(problem, Couplings):
        return [2] * len(problem)
    if isinstance(problem, MasterEquation):
        return problem.dims
    raise TypeError(
        "couplings must be Couplings or a MasterEquation (co.couple, co.Couplings, "
        f"co.master_equation), got {type(problem).__name__}"
    )


def checked_times(times: ArrayLike) -> NDArray[np.float64]:
    """Increasing finite output times, read-only."""
    array = _checks.finite("times", times)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"times must be a non-empty list of numbers, got shape {array.shape}")
    steps = np.diff(array)
    if np.any(steps <= 0):
        i = int(np.argmax(steps <= 0))
        raise ValueError(
            f"times must increase: times[{i}] = {array[i]:g}, times[{i + 1}] = {array[i + 1]:g}"
        )
    return _checks.readonly(array)


def density_matrix(
    state: "states.State | str | Qobj", problem: Couplings | MasterEquation
) -> "Qobj":
    """ρ of a state, checked: the problem's dims, trace 1, positive."""
    import qutip

    dims = checked_problem(problem)
    size = prod(dims)
    if not isinstance(state, qutip.Qobj):
        amplitudes = _amplitudes(states.named(state), problem)
        return qutip.Qobj(np.outer(amplitudes, amplitudes.conj()), dims=[dims, dims])
    wanted = (size, 1) if state.isket else (size, size)
    if not (state.isket or state.isoper) or state.shape != wanted:
        raise ValueError(
            f"state must be a ket or density matrix of dims {dims}, shape ({size}, 1) or "
            f"({size}, {size}); got {state.type} {state.shape}"
        )
    matrix = state.full()
    if not np.all(np.isfinite(matrix)):
        raise ValueError("state must be finite")
    if state.shape[1] == 1:
        matrix = matrix @ matrix.conj().T
    trace = np.trace(matrix)
    if abs(trace - 1) > 1e-8:
        raise ValueError(f"state must be normalised: its trace is {trace.real:.9g}")
    if np.abs(matrix - matrix.conj().T).max() > 1e-10:
        raise ValueError("state must be a Hermitian density matrix")
    smallest = 0.0 if state.shape[1] == 1 else np.linalg.eigvalsh(matrix)[0]
    if smallest < -1e-8:
        raise ValueError(f"state must be positive: smallest eigenvalue {smallest:.3g}")
    return qutip.Qobj((matrix + matrix.conj().T) / 2, dims=[dims, dims])


def _amplitudes(state: states.State, problem: Couplings | MasterEquation) -> NDArray[np.complex128]:
    if isinstance(problem, Couplings):
        return state.amplitudes(_operators.excited(len(problem)), problem.emitters)
    system = problem.multilevel
    if system is None:
        raise ValueError(
            f"state {state}: this MasterEquation does not know its levels; give a QuTiP ket or "
            "density matrix"
        )
    if state.kind in ("inverted", "ground"):
        pick = np.argmax if state.kind == "inverted" else np.argmin
        chosen = np.ravel_multi_index([int(pick(e)) for e in system.energies], system.levels)
        amplitudes = np.zeros(problem.dimension, dtype=complex)
        amplitudes[chosen] = 1.0
        return amplitudes
    if set(system.levels) != {2}:
        raise ValueError(f"state {state} is for two-level emitters, not for {system.levels} levels")
    level = np.stack(np.unravel_index(np.arange(problem.dimension), system.levels), axis=1)
    upper = np.array([int(np.argmax(e)) for e in system.energies])
    return state.amplitudes(level == upper, system)


def observables(observe: Any, dims: list[int]) -> tuple[set[str], "dict[str, Qobj]"]:
    """The words and the operators by name that evolve is to observe."""
    import qutip

    size = prod(dims)
    words: set[str] = set()
    operators: dict[str, Any] = {}
    if isinstance(observe, str | Mapping):
        observe = (observe,)
    if not isinstance(observe, list | tuple | set):
        raise ValueError(
            "observe must be words, {'name': operator} or a list of these, got "
            f"{type(observe).__name__}"
        )
    for item in observe:
        if isinstance(item, Mapping):
            operators.update(item)
        else:
            words.add(_checks.choice("observe", item, OBSERVABLES))
    for name, operator in operators.items():
        if not isinstance(name, str) or not name.isprintable():
            raise ValueError(f"observe: names must be printable strings, got {name!r}")
        fits = isinstance(operator, qutip.Qobj) and operator.isoper
        if not fits or operator.shape != (size, size):
            shape = getattr(operator, "shape", type(operator).__name__)
            raise ValueError(
                f"observe[{name!r}] must be a QuTiP operator of shape ({size}, {size}), dims "
                f"{[dims, dims]}; got {shape}"
            )
        if not np.isfinite(operator.norm("one")):
            raise ValueError(f"observe[{name!r}] must be finite")
        operators[name] = qutip.Qobj(operator, dims=[dims, dims])
    return words, operators


def envelope_values(
    envelope: Callable[[float], complex] | None,
    problem: Couplings | MasterEquation,
    times: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """The envelope at the output times and between them, to know it again; empty without one."""
    if envelope is None:
        return np.empty(0, dtype=complex)
    _checks.function("envelope", envelope)
    if not isinstance(problem, Couplings):
        raise ValueError("envelope is for Couplings with a drive, not for a master equation")
    if not np.any(problem.drive):
        raise ValueError(
            "envelope multiplies the drive, but there is none: use couplings.replace(drive=...)"
        )
    # irrational fractions of the intervals, so that no period hides between the points
    between = [times[:-1] + np.diff(times) * fraction for fraction in (0.2361, 0.5858, 0.8541)]
    asked = np.concatenate([times, *between])
    values = np.empty(len(asked), dtype=complex)
    for i, t in enumerate(asked):
        value = envelope(float(t))
        if not np.isscalar(value) or isinstance(value, str):
            raise ValueError(f"envelope must return a number: at t = {t:g} it is {value!r}")
        values[i] = value
        if not np.isfinite(values[i]):
            raise ValueError(f"envelope must be finite: at t = {t:g} it is {value}")
    return values
