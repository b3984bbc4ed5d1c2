"""How many emitters are excited: the probability of each number."""

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import excited
from collective.observables import _inputs
from collective.results.result import Result
from collective.states.answers import definite_number, name_of


def excitation_distribution(result: Result) -> NDArray[np.float64]:
    r"""Probability that k of the N emitters are excited: the populations of the Dicke ladder.

    .. math:: p_k(t) = \sum_{|c| = k} ⟨c|ρ(t)|c⟩, \qquad \sum_k k\,p_k = ⟨\hat n⟩

    over the configurations c of k excited emitters. It is known from the states of "exact" and
    "driven"; from the jumps of "trajectories", where each takes one excitation away from an initial
    state that has a definite number and nothing but decay acts (standard error
    √(p_k(1−p_k)/M) of M trajectories, any N); and from any engine where there is at most
    one excitation.

    Args:
        result: of `evolve`, for two-level emitters.

    Returns:
        (T, N + 1), rows adding up to 1.

    Raises:
        ValueError: for another result, with what to ask for.

    Example:
        >>> import collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> result = co.evolve(pair, "inverted", [0, 1.0], observe="states")
        >>> co.observables.excitation_distribution(result).round(4)
        array([[0.    , 0.    , 1.    ],
               [0.5624, 0.3023, 0.1353]])
    """
    couplings = _inputs.two_level(result, "excitation_distribution")
    n = len(couplings)
    if result.states is not None:
        counts = excited(n).sum(axis=1)
        found = np.zeros((len(result.states), n + 1))
        for row, rho in zip(found, result.states, strict=True):
            np.add.at(row, counts, rho.diag().real)
        return found
    if n == 1 or at_most_one(result):
        found = np.zeros((len(result.times), n + 1))
        found[:, 0], found[:, 1] = 1 - result.excitation, result.excitation
        return found
    start = _number(result)
    if result.jumps is None or start is None or not _only_decay(result):
        raise ValueError(
            "excitation_distribution needs states: evolve(..., observe=('states',)) with 'exact' "
            "or 'driven', or moment(..., states=True); or, where nothing but decay acts on an "
            "initial state of a definite number of excitations, method='trajectories', "
            f"which counts jumps; this result is of {result.method!r} from "
            f"{name_of(result.initial_state)}{_inputs.without_jumps(result)}"
        )
    return _from_jumps(result, start)


def at_most_one(result: Result) -> bool:
    """Whether the evolution never has more than one excitation, as far as the result tells."""
    if result.method == "single":
        return True
    number = _number(result)
    return number is not None and number <= 1 and not _excited(result)


def _excited(result: Result) -> bool:
    c, controls = result.couplings, result.controls
    lit = controls is not None and bool(controls.drive)
    return bool(lit or np.any(c.drive) or np.any(c.pump) or c.thermal_photons)


def _only_decay(result: Result) -> bool:
    return not (_excited(result) or np.any(result.couplings.dephasing))


def _number(result: Result) -> int | None:
    """How many emitters are excited at the start, if it is a definite number."""
    return definite_number(result.initial_state, len(result.couplings))


def _from_jumps(result: Result, start: int) -> NDArray[np.float64]:
    jumps = result.jumps
    assert jumps is not None
    # rank of each jump in its trajectory: they come in order of trajectory and time
    begins = np.searchsorted(jumps.trajectory, jumps.trajectory, side="left")
    ranks = np.arange(len(jumps)) - begins
    at_least = np.zeros((len(result.times), start + 2))  # fraction with j jumps or more
    at_least[:, 0] = 1.0
    for j in range(start):
        times = np.sort(jumps.times[ranks == j])
        so_far = np.searchsorted(times, result.times, side="right")
        at_least[:, j + 1] = so_far / max(jumps.n_trajectories, 1)
    found = np.zeros((len(result.times), len(result.couplings) + 1))
    found[:, : start + 1] = (at_least[:, :-1] - at_least[:, 1:])[:, ::-1]
    return found
