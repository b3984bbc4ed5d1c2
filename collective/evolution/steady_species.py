r"""The steady state of emitters of a few species, and the effect of one photon on it.

As in `steady_identical`, but between the Dicke states of each species (`basis.species_space`).
The first-order coherence of all light has one part for the light that the emitters share. For each
species A with individual decay it has another, for which one emitter of A is a species of its own:

.. math:: \sum_{AB} Γ_{AB}⟨J^+_A(0)J^-_B(τ)⟩ + \sum_A γ_A N_A ⟨σ^+_{1_A}(0)σ^-_{1_A}(τ)⟩

The file is longer than others because it has the state, the prediction of its size, and what
two-time averages need from it.
"""

from dataclasses import dataclass, replace
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective._tools.speed import speed
from collective.couplings.couplings import Couplings
from collective.engines.basis.dicke import identical
from collective.engines.basis.species import Species, split
from collective.engines.basis.species_matrix import expanded
from collective.engines.basis.species_space import SpeciesSpace, entries, one_apart
from collective.engines.basis.species_states import species_of, start_of
from collective.engines.timescale import in_unit, unit_of
from collective.evolution import steady_identical
from collective.evolution.steady_identical import (
    FEWEST,
    Coherence,
    check_matrix,
    expected,
    kernel,
    refined,
)
from collective.evolution.steady_kernel import predicted_seconds
from collective.states.answers import probabilities_of
from collective.states.checking import checked_state

if TYPE_CHECKING:
    from qutip import Qobj

_WORTH = 4  # times fewer entries than ρ has without species
_MATRICES = 10  # emitters up to which the whole ρ is an alternative
_BYTES_FACTORS = 26  # per entry of the factors
_BYTES_ENTRY = 1500  # per entry of ρ: indices, the generator, its copies
# entries of the LU factors of n entries of ρ: the smaller of _FILL n² and _FILL_MORE n^(5/3)
_FILL, _FILL_MORE = 0.3, 5.0
_FACTOR_FLOPS = 2.0  # of BLAS in these factors, over n³


@dataclass(frozen=True, eq=False)
class SpeciesLight:
    """A state of emitters of a few species and what their light needs, in units of a rate.

    Attributes:
        species: of the emitters, in this unit.
        unit: the unit of rate.
        space: the entries of ρ that are kept.
        rho: ρ, (E,).
        steady: whether it is the steady state.
    """

    species: Species
    unit: float
    space: SpeciesSpace
    rho: NDArray[np.complex128]
    steady: bool

    @property
    def driven(self) -> bool:
        """Whether there is a drive."""
        return self.species.driven

    @property
    def pumped(self) -> bool:
        """Whether there is a pump."""
        return self.species.pumped

    @property
    def count(self) -> int:
        """N."""
        return len(self.species.labels)

    @property
    def brightest(self) -> float:
        """The rate of light of fully excited emitters without interference."""
        each = np.array([e.collective + e.individual for e in self.species.members])
        return float(each @ self.species.counts)

    def generator(self) -> Any:
        """L, sparse (E, E)."""
        return self.space.whole()

    def photons(self) -> Any:
        """X → Σ_mn Γ_mn σ⁻_n X σ⁺_m, sparse (E, E)."""
        return self.space.photons()

    def trace(self) -> NDArray[np.float64]:
        """The row whose product with ρ is its trace, (E,)."""
        return self.space.trace

    def excitation(self) -> NDArray[np.float64]:
        """The row whose product with ρ is the mean number of excitations, (E,)."""
        return np.asarray(self.space.numbers().sum(axis=0))

    def rate(self) -> NDArray[np.complex128]:
        """The row whose product with ρ is the emission rate, (E,)."""
        collective, bright = self.species.collective, self.space.brightness()
        pairs = sum(
            collective[a, b] * row for a, rows in enumerate(bright) for b, row in enumerate(rows)
        )
        return np.asarray(pairs + self.species.individual @ self.space.numbers())

    def weights(self) -> NDArray[np.float64]:
        """The expected magnitude of every entry of a steady state, (E,)."""
        return _weights(self.space, self.rho)

    def limit(self, observable: str) -> NDArray[np.complex128]:
        """The steady state that ρ comes to, (E,); ValueError if it is not unique."""
        return _steady(self.species, observable, given=True)[1]

    def means(self) -> NDArray[np.complex128]:
        """⟨J⁻_A⟩ of each species, (S,)."""
        found = np.zeros(len(self.species), dtype=complex)
        if self.space.difference is None:
            for a, each in enumerate(self.space.ladders):
                to, source, values = self.space.moved([(a, each.lower)], 1.0)
                found[a] = np.sum(self.space.trace[to] * values * self.rho[source])
        return found

    def coherences(self, rho: NDArray[Any], observable: str, *, factors: bool) -> list[Coherence]:
        """What gives the first-order coherence of all light: the shared part and the others.

        Args:
            rho: ρ at time 0, (E,).
            observable: its name, for errors.
            factors: whether the generators will be factored.
        """
        found = []
        rates = self.species.collective
        if np.any(rates):
            every = range(len(self.species))
            found.append(self._part(self.species, self.space, rho, list(every), rates, factors))
        for a, rate in enumerate(self.species.individual):
            if rate:
                alone = split(self.species, a)
                check_size(alone, self.space.difference, observable, factors=False)
                space = SpeciesSpace(alone, self.space.difference)
                one = one_apart(self.space, space, a) @ rho
                last, weight = [len(alone) - 1], np.array([[rate * self.species.counts[a]]])
                found.append(self._part(alone, space, one, last, weight, factors))
        return found

    def _part(
        self,
        species: Species,
        before: SpeciesSpace,
        rho: NDArray[Any],
        which: list[int],
        rates: NDArray[Any],
        factors: bool,
    ) -> Coherence:
        """The part Σ_ab rates_ab⟨J⁺_a(0)J⁻_b(τ)⟩ of some species a and b."""
        difference = None if self.driven else 1
        check_size(species, difference, "the light", factors=factors)
        after = before if difference is None else SpeciesSpace(species, difference)
        vectors = np.stack(
            [after_step(before, [(a, before.ladders[a].lower_column)], after) @ rho for a in which],
            axis=1,
        )
        bottom = before if difference is None else SpeciesSpace(species, 0)
        lowered = np.stack(
            [bottom.trace @ after_step(after, [(b, after.ladders[b].lower)], bottom) for b in which]
        )
        size = len(after)
        limit, trace = np.zeros(size, dtype=complex), np.zeros(size)
        if self.driven and self.steady:
            limit = self.rho
            if species is not self.species:
                limit = one_apart(self.space, before, _apart(self.species, species)) @ limit
            trace = after.trace
        return Coherence(after.whole(), vectors, rates @ lowered, limit, trace)


def after_step(space: SpeciesSpace, moves: list[Any], to: SpeciesSpace) -> Any:
    """The sparse map of one step of a species into another space."""
    return space.summed([space.moved(moves, 1.0, to)], to)


def _apart(whole: Species, apart: Species) -> int:
    """Which species has one emitter less."""
    return int(np.argmax(whole.counts - apart.counts[:-1]))


def light(
    couplings: Couplings, state: Any, observable: str, start: Any = None
) -> SpeciesLight | None:
    """ρ of emitters of a few species between Dicke states, or None where this is not possible.

    Args:
        couplings: any.
        state: the state that emits the light, or None for the steady state.
        observable: its name, for errors.
        start: the state from which the steady state is reached, or None.

    Raises:
        ValueError: if the steady state is not unique.
        ProblemTooLargeError: before anything is allocated.
    """
    asked = start if state is None else state
    checked = None if asked is None else checked_state(asked, couplings)
    unit = unit_of(couplings)
    if unit == 0:
        return None
    couplings = in_unit(couplings, unit)
    found = species_of(couplings, checked)
    if isinstance(found, str):
        return None
    if state is None:
        found = replace(found, top=len(couplings))
    if not _worth(found, start is not None, observable, factors=state is None):
        return None
    if state is None:
        space, rho = _steady(found, observable, given=start is not None)
        return SpeciesLight(found, unit, space, rho, True)
    assert checked is not None
    space = SpeciesSpace(found, None if found.driven else 0)
    rho = start_of(checked, space, couplings.emitters)
    return SpeciesLight(found, unit, space, rho, False)


def steady_state(couplings: Couplings, start: Any) -> "Qobj | None":
    """The steady state of one species or a few as a QuTiP matrix; None where another way is better.

    Args:
        couplings: any.
        start: the state from which the steady state is reached, or None.

    Raises:
        ValueError: for a start that is on no Dicke ladder, or a steady state that is not unique.
        ProblemTooLargeError: if 2^N × 2^N numbers do not fit.
    """
    check_start("steady_state", couplings, start)
    n = len(couplings)
    if start is None and n < FEWEST:
        return None
    if not isinstance(identical(couplings), str):
        return steady_identical.steady_state(couplings, start)
    if start is None and isinstance(species_of(couplings, None), str):
        return None
    check_matrix(n)
    found = light(couplings, None, "steady_state", start)
    return None if found is None else expanded(found.space, found.rho)


def check_start(observable: str, couplings: Couplings, start: Any) -> None:
    """Raise for a start that is not on the longest ladders of one species, or of several."""
    if start is None:
        return
    if not isinstance(identical(couplings), str) or not _possible(couplings, start):
        steady_identical.check_start(observable, couplings, start)


def _possible(couplings: Couplings, start: Any) -> bool:
    """Whether a start is on the longest Dicke ladder of each of several species of couplings."""
    try:
        checked = checked_state(start, couplings)
    except ValueError:
        return False
    chances = probabilities_of(checked, len(couplings))
    if chances is not None and np.any((chances > 0) & (chances < 1)):
        return False
    return not isinstance(species_of(couplings, checked), str)


def _worth(found: Species, given: bool, observable: str, *, factors: bool) -> bool:
    """Whether species need clearly fewer numbers than ρ has; raises if nothing else is left."""
    n, difference = len(found.labels), None if found.driven else 0
    size = entries(found, difference)
    if size * _WORTH > (4**n if found.driven else comb(2 * n, n)):
        return given
    if factors and not given and n <= _MATRICES and _seconds(size) > predicted_seconds(2**n):
        return False
    if given or n > _MATRICES:
        check_size(found, difference, observable, factors=factors)
    return True


def _seconds(size: int) -> float:
    """Seconds of CPU for the factors of the generator of this many entries, roughly."""
    return _FACTOR_FLOPS * float(size) ** 3 * speed().flop


def check_size(
    found: Species, difference: int | None, observable: str, *, factors: bool = True
) -> None:
    """Raise if there are too many entries, before anything is allocated.

    Args:
        found: the species.
        difference: of excitations between rows and columns; None for all.
        observable: its name, for errors.
        factors: whether the generator will be factored.
    """
    size = entries(found, difference)
    fill = min(_FILL * size**2, _FILL_MORE * size ** (5 / 3)) if factors else 0.0
    require(
        int(_BYTES_ENTRY * size + _BYTES_FACTORS * fill),
        f"{observable} of {found} emitters of {len(found)} species ({size:,} entries of ρ between "
        "Dicke states)",
        "use fewer emitters or fewer species, or purely collective decay",
    )


def _weights(space: SpeciesSpace, rho: NDArray[Any]) -> NDArray[np.float64]:
    """The expected magnitude of every entry, (E,)."""
    number = float((space.numbers().sum(axis=0) @ rho).real)
    return expected(number, (space.rows + space.columns).sum(axis=0))


def _steady(
    found: Species, observable: str, *, given: bool
) -> tuple[SpeciesSpace, NDArray[np.complex128]]:
    """The steady state between Dicke states, each entry (E,) with a small relative error.

    Args:
        found: the species, with rates in units of the largest.
        observable: its name, for errors.
        given: whether they start on the longest ladders, which purely collective decay never
            leaves.

    Raises:
        ValueError: if the steady state is not unique.
        ProblemTooLargeError: before anything is allocated.
    """
    kept = [
        a
        for a, (e, everywhere) in enumerate(zip(found.members, found.all_ladders, strict=True))
        if e.n > 1 and not everywhere
    ]
    if kept and not given:
        raise ValueError(
            f"{observable}: the steady state is not unique: purely collective decay and drive keep "
            f"the total spin J of the {found.members[kept[0]].n} emitters of a species; give "
            "start='ground' for the steady state that the ground state comes to, or add individual "
            "decay, dephasing or a pump"
        )
    difference = None if found.driven else 0
    check_size(found, difference, observable)
    space = SpeciesSpace(found, difference)
    generator, trace = space.whole(), space.trace
    rho = kernel(generator, trace, observable)
    rho = refined(generator, trace, rho, _weights(space, rho))
    rho = (rho + rho[space.adjoint].conj()) / 2
    return space, rho / (trace @ rho).real
