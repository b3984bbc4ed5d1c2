"""Initial states of emitters of a few species: who is alike in them, and their entries of ρ."""

from math import lgamma
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import excited
from collective.couplings.couplings import Couplings
from collective.engines.basis.dicke import Triangle
from collective.engines.basis.dicke_states import LARGEST_BY_AMPLITUDES, mixture_weights, of_spinor
from collective.engines.basis.species import MOST, Species, grouped, species
from collective.engines.basis.species_space import SpeciesSpace
from collective.states import State
from collective.states.answers import (
    amplitudes_of,
    definite_number,
    highest_excitation,
    one_excitation_of,
    probabilities_of,
    spinors_of,
)

if TYPE_CHECKING:
    from qutip import Qobj

_SAME = 1e-12  # of amplitudes, spinors and probabilities
_NORM = 1e-8
_OUTSIDE = 1e-9  # weight outside the longest ladders that may be round-off
_AT_ONCE = 4096  # configurations
_LARGEST = 2**22  # amplitudes of all longest ladders


def species_of(couplings: Couplings, state: "State | Qobj | None") -> Species | str:
    """The species of emitters in a state, or a text that says why there are none.

    Args:
        couplings: any.
        state: a checked state, or None for that which the couplings alone decide.
    """
    if state is None:
        return species(couplings)
    n = len(couplings)
    if n > LARGEST_BY_AMPLITUDES and _needs_all(state, n):
        return (
            f"state {state} of more than {LARGEST_BY_AMPLITUDES} emitters has too many amplitudes"
        )
    labels = _labels(state, couplings)
    if isinstance(labels, str):
        return labels
    chances = probabilities_of(state, n)
    leaves = None if chances is None else (chances > 0) & (chances < 1)
    found = species(couplings, labels, leaves=leaves, top=highest_excitation(state, n))
    if isinstance(found, str):
        return found
    if float(np.prod(found.counts + 1.0)) > _LARGEST:
        return f"its longest ladders have {np.prod(found.counts + 1.0):,.0f} states"
    if not isinstance(state, State):
        outside = 1 - float(np.trace(_projected(state, found)).real)
        if outside > _OUTSIDE:
            return f"a weight of {outside:.2g} of this QuTiP state is on other than longest ladders"
    return found


def _needs_all(state: "State | Qobj", n: int) -> bool:
    """Whether a state is known by its amplitudes of all numbers of excitations only."""
    known = probabilities_of(state, n) is not None or spinors_of(state, n) is not None
    return not known and definite_number(state, n) is None


def _labels(state: "State | Qobj", couplings: Couplings) -> NDArray[np.int64] | str:
    """Numbers (N,) that differ where a state differs, or a text if there are too many."""
    n = len(couplings)
    everyone = np.zeros(n, dtype=np.int64)
    if not isinstance(state, State) or state.symmetric(n):
        return everyone
    chances, each = probabilities_of(state, n), spinors_of(state, n)
    if chances is not None:
        found = grouped(chances, _SAME)
    elif each is not None:  # Bloch vectors, which no phase of an emitter changes
        up, down = each.T
        coherence = 2 * up * down.conj()
        vectors = np.stack([coherence.real, coherence.imag, np.abs(up) ** 2], axis=1)
        found = grouped(vectors, _SAME)
    elif definite_number(state, n) == 1:
        found = grouped(one_excitation_of(state, n, couplings.emitters), _SAME)
    else:
        return f"of state {state} it is not known for which emitters it is the same"
    return f"state {state} has more than {MOST} kinds of emitters" if found is None else found


def start_of(state: "State | Qobj", space: SpeciesSpace, emitters: Any) -> NDArray[np.complex128]:
    """All entries (E,) of ρ of a state for which `species_of` has found the species.

    Raises:
        ValueError: for a state whose amplitudes differ within a species.
    """
    found = space.found
    rho = np.zeros(len(space), dtype=complex)
    chances = probabilities_of(state, len(found.labels))
    if chances is not None:
        diagonal = np.flatnonzero(space.trace)
        rho[diagonal] = 1.0
        for a, e in enumerate(found.members):
            p = float(chances[np.flatnonzero(found.labels == a)[0]])
            states = Triangle.of(e.n)
            weights = mixture_weights(e.n, states.k, states.d, p)
            rho[diagonal] *= weights[states.place(space.rows[a], space.dark[a])[diagonal]]
        return rho
    longest = np.flatnonzero(~np.any(space.dark, axis=0))
    rows, columns = (tuple(x[:, longest]) for x in (space.rows, space.columns))
    if isinstance(state, State):
        amplitudes = _amplitudes(state, found, emitters)
        rho[longest] = amplitudes[rows] * amplitudes[columns].conj()
        return rho
    side = tuple(found.counts + 1)
    matrix = _projected(state, found)
    rho[longest] = matrix[np.ravel_multi_index(rows, side), np.ravel_multi_index(columns, side)]
    return rho


def _amplitudes(state: State, found: Species, emitters: Any) -> NDArray[np.complex128]:
    """Amplitudes of |k_1⟩ … |k_S⟩ of the longest ladders, (N_1 + 1, …, N_S + 1)."""
    n, counts = len(found.labels), found.counts
    each = spinors_of(state, n)
    if each is not None:
        outer: NDArray[Any] = np.ones((), dtype=complex)
        for a, count in enumerate(counts):
            up, down = each[np.flatnonzero(found.labels == a)[0]]
            outer = np.multiply.outer(outer, of_spinor(complex(up), complex(down), int(count)))
        return np.asarray(outer)
    side = tuple(counts + 1)
    numbers = np.indices(side).reshape(len(counts), -1)
    definite = definite_number(state, n)
    asked = np.arange(numbers.shape[1])
    if definite is not None:
        asked = np.flatnonzero(numbers.sum(axis=0) == definite)
    # emitter m is among the first k_A of its species
    order = np.zeros(n, dtype=np.int64)
    for a, count in enumerate(counts):
        order[found.labels == a] = np.arange(count)
    whole = np.zeros(numbers.shape[1], dtype=complex)
    for begin in range(0, len(asked), _AT_ONCE):
        some = asked[begin : begin + _AT_ONCE]
        configurations = order < numbers[:, some][found.labels].T
        values = amplitudes_of(state, configurations, emitters)
        each_ways = [_log_ways(int(c), k) for c, k in zip(counts, numbers[:, some], strict=True)]
        ways = np.sum(each_ways, axis=0)
        # as logarithms: an amplitude may be as small as the number of ways is large
        present = values != 0
        sizes = np.log(np.abs(values[present])) + ways[present] / 2
        whole[some[present]] = np.exp(sizes + 1j * np.angle(values[present]))
    norm = float(np.vdot(whole, whole).real)
    if abs(norm - 1) > _NORM:
        raise ValueError(
            f"state {state} says that it is the same for several emitters, but the squares of its "
            f"amplitudes on their symmetric states sum to {norm:.9g}"
        )
    return whole.reshape(side)


def _log_ways(n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
    """The logarithms of C(n, k)."""
    logs = np.array([lgamma(m + 1.0) for m in range(n + 1)])
    return np.asarray(logs[n] - logs[k] - logs[n - k])


def _projected(state: "Qobj", found: Species) -> NDArray[np.complex128]:
    """A QuTiP state between the states |k_1⟩ … |k_S⟩ of the longest ladders."""
    n, side = len(found.labels), tuple(found.counts + 1)
    up = excited(n)
    numbers = [up[:, found.labels == a].sum(axis=1) for a in range(len(found))]
    places = np.ravel_multi_index(numbers, side)
    project = np.zeros((int(np.prod(side)), 2**n))
    project[places, np.arange(2**n)] = 1 / np.sqrt(np.bincount(places))[places]
    matrix = project @ state.full()
    return np.asarray(matrix @ matrix.conj().T if state.isket else matrix @ project.T)
