"""Arguments of QuTiP, and of earlier versions: the error says what they are called now."""

from collections.abc import Callable, Mapping
from functools import wraps
from types import FunctionType, MappingProxyType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_PLACE = "docs: Coming from QuTiP"
_COLLAPSE = (
    "decay, dephasing and pump belong to the couplings, co.Couplings(decay, shift, dephasing=..., "
    "pump=...); collapse operators of your own go into co.MasterEquation(H, c_ops)"
)
_HAMILTONIAN = (
    "the Hamiltonian belongs to the first argument: co.couple(emitters, field) makes it, or "
    "co.MasterEquation(H, c_ops) takes your own"
)
_OBSERVE = (
    'give observe={"name": operator}; the values are then result.expect["name"], and emission '
    "and populations are always there"
)
_TIMES = "the times are called times, a list or an array"
_STATE = 'the initial state is called state: "inverted", one of co.states, or a QuTiP state'

OF_EVOLVE = {
    "tlist": _TIMES,
    "e_ops": _OBSERVE,
    "c_ops": _COLLAPSE,
    "H": _HAMILTONIAN,
    "rho0": _STATE,
    "psi0": _STATE,
    "options": (
        "tolerances are rtol= and atol=, QuTiP's method is method=co.engines..., store_states is "
        'observe="states", and the number of steps needs no limit'
    ),
    "solver": (
        'the solver is chosen for you; method= names another, such as method="exact" or '
        'method="trajectories", and co.methods lists all'
    ),
    "args": "light that changes in time is drive=, pulses, or envelope=, a function of the time",
    "progress_bar": "give progress=True or progress=False",
    "ntraj": "give method=co.engines.Trajectories(n=...)",
    "seeds": "give seed=, one whole number",
}
OF_VERSION_0_1 = {
    "n_trajectories": "give method=co.engines.Trajectories(n=...)",
    "standard_error": "give method=co.engines.Trajectories(standard_error=...)",
    "symmetries": "give method=co.engines.Blocks(symmetries=...), or Driven with a drive",
}
OF_STEADY_STATE = {
    "e_ops": (
        'give result=True and observe={"name": operator}; the values are then result.expect["name"]'
    ),
    "c_ops": _COLLAPSE,
    "A": _HAMILTONIAN,
    "H": _HAMILTONIAN,
    "options": "the method and its tolerances are chosen from the size of the problem",
    "solver": "the solver is chosen from the size of the problem, and its residual is checked",
    "method": "the method is chosen from the size of the problem, and its residual is checked",
    "tlist": "a steady state has no times; co.evolve has them",
    "times": "a steady state has no times; co.evolve has them",
    "rho0": 'a state that decides between several steady states is called start, e.g. "ground"',
    "state": 'a state that decides between several steady states is called start, e.g. "ground"',
}


def explained(
    habits: Mapping[str, str],
    positional: tuple[str, ...],
    earlier: Mapping[str, str] = MappingProxyType({}),
) -> Callable[..., Any]:
    """Decorator of a function whose users may give other arguments by habit.

    A call with one of these arguments, with an operator of QuTiP as the first, or with too many by
    position, raises a TypeError that says what to give instead. All other calls go on unchanged.

    Args:
        habits: what to give instead of each argument, by its name.
        positional: the names of the arguments that are given by position.
        earlier: what to give instead of each argument of an earlier version, by its name.
    """

    def decorate(function: Function) -> Function:
        name, place = function.__name__, _PLACE  # `call` sees no names of this module, see below

        def call(*args: Any, **given: Any) -> Any:
            if args and type(args[0]).__name__ == "Qobj":
                raise TypeError(
                    f"{name} takes couplings first, not a Hamiltonian: co.couple(emitters, field) "
                    f"makes them, and co.MasterEquation(H, c_ops) is your own problem ({place})"
                )
            for each in given:
                if each in habits:
                    raise TypeError(f"{name} has no argument {each}: {habits[each]} ({place})")
                if each in earlier:
                    raise TypeError(f"{name} no longer has {each}: {earlier[each]} (changelog)")
            if len(args) > len(positional):
                raise TypeError(
                    f"{name} takes {', '.join(positional)} by position, got {len(args)} arguments: "
                    f"all others go by their names; collapse operators and operators to observe "
                    f"have no place of their own ({place})"
                )
            return function(*args, **given)

        # with the module of the function as its own, so that doctest finds the examples there
        at_home = FunctionType(
            call.__code__, function.__globals__, function.__name__, None, call.__closure__
        )
        return wraps(function)(at_home)  # type: ignore[return-value]

    return decorate
