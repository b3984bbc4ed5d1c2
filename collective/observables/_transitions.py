r"""The light of multi-level emitters: their transitions and the correlations between them.

A transition a = (m, y → x) of emitter m with E_y > E_x has the lowering operator
:math:`T_a = |x⟩⟨y|_m`, the frequency E_y − E_x and the reduced dipole ⟨x|d|y⟩. Transitions between
levels of equal energy do not radiate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools.memory import require
from collective._tools.operators import local
from collective.emitters import Multilevel
from collective.fields.answers import require_outside, response, total_green
from collective.fields.points import checked_points
from collective.observables import _inputs
from collective.results.result import Result

if TYPE_CHECKING:
    from qutip import Qobj


Fields = Callable[[slice], NDArray[np.complex128]]


@dataclass(frozen=True)
class Transitions:
    """K transitions that radiate.

    Attributes:
        emitter: index m, (K,).
        lower: lower level x, (K,).
        upper: upper level y, (K,).
        wavenumbers: (E_y − E_x)/c, (K,).
        dipoles: ⟨x|d|y⟩, (K, 3).
    """

    emitter: NDArray[np.intp]
    lower: NDArray[np.intp]
    upper: NDArray[np.intp]
    wavenumbers: NDArray[np.float64]
    dipoles: NDArray[np.complex128]


def light(
    result: Result, points: ArrayLike, field: Any
) -> tuple[NDArray[np.complex128], NDArray[np.float64], Fields]:
    """Everything that the near field of the emitters of a `MasterEquation` needs.

    Args:
        result: with states.
        points: (..., 3).
        field: in which the emitters radiate.

    Returns:
        Correlations ⟨T_a†T_b⟩ (T, K, K), the checked points (..., 3), and a function that gives
        the fields (P, K, 3) of all transitions at a slice of the flattened points.

    Raises:
        ValueError: without positions and dipoles, without a field or states, or for a point at an
            emitter.
    """
    multilevel = None if result.equation is None else result.equation.multilevel
    if multilevel is None:
        raise ValueError(
            "near_field needs positions and dipoles, which this MasterEquation does not have: use "
            "co.master_equation(...), or MasterEquation(..., multilevel=...)"
        )
    if field is None:
        raise ValueError(
            "near_field needs a field, which a MasterEquation does not have: use "
            "near_field(result, points, field=...), with co.Vacuum() for free space"
        )
    _inputs.states(result, "near_field")
    if result.frame != "lab":  # in which every transition rotates at its own frequency
        result = result.replace(expect={}).in_frame("lab")
    chosen = transitions(multilevel, "near_field")
    seen = response(multilevel.kind, field)
    where = checked_points("points", points)
    at = where.reshape(-1, 3)
    require_outside("points", field, at)
    if len(at):
        longest = 2 * np.pi / float(chosen.wavenumbers.min())
        _inputs.require_apart(at, multilevel.positions, longest)
    found = correlations(_inputs.states(result, "near_field"), multilevel, chosen)
    return found, where, lambda some: fields_of(multilevel, seen, chosen, at[some])


def transitions(multilevel: Multilevel, observable: str) -> Transitions:
    """The transitions of all emitters that have a dipole.

    Args:
        multilevel: the emitters.
        observable: its name, for errors.

    Raises:
        ValueError: if no transition radiates.
    """
    found = []
    for m, dipoles in enumerate(multilevel.dipoles):
        gaps = multilevel.bohr_frequencies(m)  # [y, x] = E_y − E_x
        radiating = (gaps > 0) & np.any(dipoles != 0, axis=-1)
        found += [(m, x, y, gaps[y, x], dipoles[x, y]) for y, x in np.argwhere(radiating)]
    if not found:
        raise ValueError(
            f"{observable}: no emitter has a transition that radiates; give at least one a dipole "
            "between levels of different energy"
        )
    emitter, lower, upper, gap, dipole = zip(*found, strict=True)
    return Transitions(
        np.array(emitter),
        np.array(lower),
        np.array(upper),
        np.array(gap) / multilevel.speed_of_light,
        np.array(dipole),
    )


def correlations(
    states: "list[Qobj]", multilevel: Multilevel, of: Transitions
) -> NDArray[np.complex128]:
    """⟨T_a†T_b⟩ at every time, (T, K, K).

    Args:
        states: density matrices, T of them.
        multilevel: the emitters.
        of: the transitions.
    """
    levels, count = multilevel.levels, len(of.emitter)
    require(
        16 * len(states) * count**2 + 40 * count * states[0].shape[0],
        f"correlations of {count} transitions at {len(states)} times",
        "observe fewer times",
    )
    lowering = []
    for m, x, y in zip(of.emitter, of.lower, of.upper, strict=True):
        matrix = np.zeros((levels[m],) * 2)
        matrix[x, y] = 1
        lowering.append(local(levels, m, matrix))
    found = np.empty((len(states), count, count), dtype=complex)
    for row, state in zip(found, states, strict=True):
        rho = state.full()
        for b, lower in enumerate(lowering):
            after = lower @ rho
            for a, other in enumerate(lowering[: b + 1]):
                # Tr(T_bρT_a†) as a sum over the entries of T_a
                row[a, b] = other.conj().multiply(after).sum()
                row[b, a] = row[a, b].conjugate()
    return found


def fields_of(
    multilevel: Multilevel, field: Any, of: Transitions, points: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """√2 k^{3/2} G(r, r_m, k)·⟨x|d|y⟩ of every transition at points (P, 3): (P, K, 3).

    Args:
        multilevel: the emitters.
        field: the field that acts on their dipoles, electric or magnetic.
        of: the transitions.
        points: r, (P, 3).
    """
    found = np.empty((len(points), len(of.emitter), 3), dtype=complex)
    for k in np.unique(of.wavenumbers):
        some = np.flatnonzero(of.wavenumbers == k)
        places = multilevel.positions[of.emitter[some]]
        tensors = total_green(field, points[:, None], places[None], float(k))
        found[:, some] = np.einsum("pkij,kj->pki", tensors, np.sqrt(2) * k**1.5 * of.dipoles[some])
    return found
