r"""Emitters of a few species: alike within each, and coupled alike to all of every other one.

Two emitters are of one species if exchanging them changes neither couplings nor state. Then

.. math:: Γ_{mn} = Γ_{AB} + γ_A δ_{mn}, \qquad m ∈ A, \; n ∈ B,

and Δ and the Ising terms likewise, so that ρ is given by Dicke states
:math:`|J_1, M_1⟩ … |J_S, M_S⟩` of each species: 441 kets for two ensembles of twenty emitters that
decay purely collectively, instead of 2^40.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couplings import Couplings
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.sharing import shared
from collective.engines.basis.dicke import Identical

MOST = 8  # species; with more of them other engines need fewer numbers
_EQUAL = 1e-12  # relative to the largest entry
_PROBES = 3  # emitters whose couplings to two others are compared before whole rows are
_ROWS = 256  # of matrices, that are compared at once
_NONE = 1e-13  # γ_A relative to the rate of an emitter, below which it is round-off


@dataclass(frozen=True, eq=False)
class Species:
    """The common parameters of the emitters of each of S species.

    Attributes:
        labels: the species of each emitter, (N,).
        members: the emitters of each species, by themselves.
        collective: Γ_AB between emitters of two species, (S, S) Hermitian.
        exchange: Δ_AB, (S, S) Hermitian.
        ising: V_AB of two emitters of two species, (S, S); its diagonal is in `members`.
        all_ladders: whether a species leaves its longest ladder, or starts on others, (S,).
        top: the largest number of excitations that is ever reached.
    """

    labels: NDArray[np.int64]
    members: tuple[Identical, ...]
    collective: NDArray[np.complex128]
    exchange: NDArray[np.complex128]
    ising: NDArray[np.float64]
    all_ladders: tuple[bool, ...]
    top: int

    def __len__(self) -> int:
        return len(self.members)

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of emitters of each species, (S,)."""
        return np.array([e.n for e in self.members])

    @property
    def individual(self) -> NDArray[np.float64]:
        """γ_A, (S,)."""
        return np.array([e.individual for e in self.members])

    @property
    def driven(self) -> bool:
        """Whether there is a drive."""
        return any(e.drive != 0 for e in self.members)

    @property
    def pumped(self) -> bool:
        """Whether there is a pump."""
        return any(e.pump != 0 for e in self.members)

    def __str__(self) -> str:
        return " + ".join(str(e.n) for e in self.members)


def grouped(values: NDArray[Any], allowed: float) -> NDArray[np.int64] | None:
    """Labels of rows (N, …) that are the same within a tolerance; None for more than `MOST`.

    They count from 0 in the order of the first rows.
    """
    values = values.reshape(len(values), -1)
    labels = np.full(len(values), -1)
    for label in range(MOST):
        left = np.flatnonzero(labels < 0)
        if not len(left):
            break
        same = np.abs(values[left] - values[left[0]]).max(axis=1) <= allowed
        labels[left[same]] = label
    return None if np.any(labels < 0) else labels


def species(
    couplings: Couplings,
    labels: NDArray[np.int64] | None = None,
    *,
    leaves: NDArray[np.bool_] | None = None,
    top: int | None = None,
) -> Species | str:
    """The species of emitters, or a text that says why there are none.

    Args:
        couplings: any.
        labels: emitters with different numbers are of different species, (N,); None for all alike.
        leaves: whether the start of an emitter is on other than the longest ladders, (N,).
        top: the largest number of excitations of the start.
    """
    if couplings.thermal_photons:
        return "species of emitters are not computed in thermal light"
    if given := shared(couplings):
        return f"the {given[0]} is a matrix, which is possible for emitters of one species only"
    if isinstance(couplings.decay, LatticeMatrix):
        return "their couplings are stored by displacement"
    n = len(couplings)
    found = _labels(couplings, np.zeros(n, dtype=int) if labels is None else labels)
    if found is None:
        return f"there are more than {MOST} kinds of emitters"
    firsts = np.unique(found, return_index=True)[1]
    counts = np.bincount(found)
    if n > 1 and counts.max() == 1:
        return "no two emitters are alike"
    collective, exchange = (_between(m, found, firsts) for m in (couplings.decay, couplings.shift))
    ising = np.zeros(collective.shape)
    if couplings.ising is not None:
        ising = _between(couplings.ising, found, firsts).real
    between = collective.real, exchange.real, ising
    members = tuple(
        _member(couplings, int(first), int(count), *(float(part[a, a]) for part in between))
        for a, (first, count) in enumerate(zip(firsts, counts, strict=True))
    )
    starts = np.zeros(n, dtype=bool) if leaves is None else leaves
    everywhere = tuple(
        e.n > 1 and (bool(starts[found == a].any()) or not e.one_ladder)
        for a, e in enumerate(members)
    )
    falls = not any(e.drive or e.pump for e in members)
    highest = n if top is None or not falls else top
    return Species(found, members, collective, exchange, ising, everywhere, highest)


def _labels(couplings: Couplings, given: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The species of each emitter, (N,); None if there are more than `MOST`."""
    n = len(couplings)
    matrices = [m for m in (couplings.decay, couplings.shift, couplings.ising) if m is not None]
    own = [couplings.detunings, couplings.dephasing, couplings.pump, couplings.drive, given]
    sizes = [float(np.abs(values).max()) for values in own]
    allowed = [_EQUAL * float(np.abs(m[0] if _constant(m) else m).max()) for m in matrices]

    def alike(m: int, others: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of some emitters may take the place of emitter m."""
        same = np.ones(len(others), dtype=bool)
        for values, size in zip(own, sizes, strict=True):
            same &= np.abs(values[others] - values[m]) <= _EQUAL * size
        for matrix, most in zip(matrices, allowed, strict=True):
            if _constant(matrix):
                continue
            same &= np.abs(matrix[others, others] - matrix[m, m]) <= most
            same &= np.abs(np.imag(matrix[m, others])) <= most
            for third in range(min(n, _PROBES)):  # of most emitters one entry tells
                differs = np.abs(matrix[others, third] - matrix[m, third]) > most
                same &= ~differs | (others == third) | (m == third)
            some = np.flatnonzero(same)
            for begin in range(0, len(some), _ROWS):
                part = some[begin : begin + _ROWS]
                rows = np.abs(matrix[others[part]] - matrix[m])
                # beside the rows the two emitters themselves are exchanged
                rows[np.arange(len(part)), others[part]] = 0
                rows[:, m] = 0
                same[part] = rows.max(axis=1) <= most
        return same

    labels = np.full(n, -1)
    for label in range(MOST):
        left = np.flatnonzero(labels < 0)
        if not len(left):
            break
        labels[left[0]] = label
        others = left[1:]
        labels[others[alike(int(left[0]), others)]] = label
    return None if np.any(labels < 0) else labels


def _constant(matrix: NDArray[Any]) -> bool:
    """Whether a matrix stores one number for all of its entries."""
    return matrix.strides == (0, 0)


def _between(
    matrix: NDArray[Any], labels: NDArray[np.int64], firsts: NDArray[np.int64]
) -> NDArray[np.complex128]:
    """The entry between two emitters of each pair of species, (S, S); of a single one its own."""
    found = np.array(matrix[np.ix_(firsts, firsts)], dtype=complex)
    for a, first in enumerate(firsts):
        others = np.flatnonzero(labels == a)[1:2]
        if len(others):
            found[a, a] = matrix[first, others[0]].real
    return found


def _member(
    couplings: Couplings, m: int, n: int, together: float, exchange: float, ising: float
) -> Identical:
    """What the n emitters of a species have in common, of which m is one."""
    alone, own = float(couplings.decay[m, m].real), float(couplings.shift[m, m].real)
    individual = alone - together
    return Identical(
        n,
        float(together),
        0.0 if abs(individual) <= _NONE * alone else individual,
        float(exchange),
        float(couplings.detunings[m]) + own,
        float(couplings.dephasing[m]),
        float(couplings.pump[m]),
        complex(couplings.drive[m]),
        ising,
    )


def split(found: Species, a: int) -> Species:
    """The same emitters with one of species a as a species of its own, which is the last one."""
    e = found.members[a]
    alone = Identical(
        1, e.collective + e.individual, 0.0, e.detuning, e.detuning, e.dephasing, e.pump, e.drive
    )
    others = tuple(_fewer(each) if b == a else each for b, each in enumerate(found.members))
    labels = found.labels.copy()
    labels[np.flatnonzero(labels == a)[0]] = len(found)

    def extended(matrix: NDArray[Any], own: float) -> NDArray[np.complex128]:
        size = len(found) + 1
        larger = np.empty((size, size), dtype=complex)
        larger[:-1, :-1] = matrix
        larger[-1, :-1], larger[:-1, -1], larger[-1, -1] = matrix[a], matrix[:, a], own
        return larger

    return Species(
        labels,
        (*others, alone),
        extended(found.collective, alone.collective),
        extended(found.exchange, alone.exchange),
        extended(found.ising, 0.0).real,
        (*found.all_ladders, False),
        found.top,
    )


def _fewer(e: Identical) -> Identical:
    """The same species with one emitter less."""
    return replace(e, n=e.n - 1)


def largest_rate(found: Species) -> float:
    """The largest rate or frequency of the generator, roughly."""
    largest = []
    for e in found.members:
        k = min(found.top, (e.n + 1) // 2)
        largest.append(k * (e.n - k + 1.0))
    bright = np.sqrt(largest)
    rate = float(
        np.sum((np.abs(found.collective) + 2 * np.abs(found.exchange)) * np.outer(bright, bright))
    )
    for e in found.members:
        rate += min(e.n, found.top) * (e.individual + abs(e.detuning - e.exchange))
        rate += e.n * (e.dephasing + e.pump + abs(e.drive))
    excited = np.minimum(found.counts, found.top)
    pairs = np.outer(excited, excited) - np.diag(excited)
    return rate + float(np.sum(np.abs(found.ising) * pairs)) / 2


def pair_correlations(
    found: Species, numbers: NDArray[np.float64], bright: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """⟨σ⁺_mσ⁻_n⟩ of all emitters, (T, N, N), from ⟨n̂_A⟩ (T, S) and ⟨J⁺_AJ⁻_B⟩ (T, S, S)."""
    counts, labels = found.counts.astype(float), found.labels
    pairs = bright / np.outer(counts, counts)
    own = np.arange(len(counts))
    among = np.maximum(counts * (counts - 1), 1)
    pairs[:, own, own] = (bright[:, own, own] - numbers) / among
    whole = pairs[:, labels[:, None], labels]
    each = np.arange(len(labels))
    whole[:, each, each] = (numbers / counts)[:, labels]
    return np.asarray(whole)
