r"""The steady state of identical emitters between Dicke states, and the effect of one photon on it.

The steady state solves Lρ = 0 with tr ρ = 1 by sparse LU factors. ρ has a few thousand entries for
a hundred emitters that are only pumped or decay purely collectively, and N³/6 entries with a drive
and individual decay. Two-time averages follow from the regression theorem:

.. math:: \sum_{mn} Γ_{mn}⟨σ^+_m(0)\,σ^-_n(τ)⟩
          = N \sum_n Γ_{1n}\,\mathrm{Tr}[σ^-_n e^{Lτ}(ρσ^+_1)]

where emitter 1 is kept apart from the others (`dicke_space.one_apart`) unless all decay is
collective. All rates are in units of the largest rate.

The file is longer than others because it has the state, the prediction of its size, and what
two-time averages need from it.
"""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.couplings.couplings import Couplings
from collective.engines.basis.dicke import Identical, identical
from collective.engines.basis.dicke_space import Space, entries, expanded, one_apart
from collective.engines.basis.dicke_states import density, on_all_ladders, populations
from collective.engines.numerics.factors import factored
from collective.states.answers import name_of
from collective.states.checking import checked_state
from collective.states.protocol import State

if TYPE_CHECKING:
    from qutip import Qobj

FEWEST = 5  # emitters; for fewer the full ρ is as fast, and takes states of any symmetry
_COPIES_EXPANDED = 4  # copies of the full ρ held at a time
_ZERO = 1e-11  # eigenvalue over the norm of L below which there is a second steady state
_NOT_SYMMETRIC = 1e-9  # a state with a larger weight off the longest ladder is not symmetric
_SMALLEST_AMPLITUDE = 1e-8  # of one excitation, so that its powers do not underflow
_SMALLEST_MAGNITUDE = 1e-140  # expected magnitude of an entry, so that its inverse stays finite
_BYTES_FACTORS = 26  # per entry of the factors
_BYTES_ENTRY = 600  # per entry of ρ: indices, the generator, its copies
# entries of the LU factors over n^{3/2}, by (driven with several ladders, one emitter apart)
_FILL = {(True, False): 3.2, (True, True): 8.0, (False, False): 1.0, (False, True): 2.8}


@dataclass(frozen=True, eq=False)
class Coherence:
    r"""A part of the first-order coherence, the sum over c of ⟨⟨row_c| e^{Lτ} |vector_c⟩⟩.

    Attributes:
        generator: L in the unit of the light, sparse (S', S').
        vectors: (S', C).
        rows: (C, S').
        limit: ρ at infinite time in this space, (S',); zeros without a drive.
        trace: the row that gives the trace, (S',); zeros without a drive.
    """

    generator: Any
    vectors: NDArray[np.complex128]
    rows: NDArray[np.complex128]
    limit: NDArray[np.complex128]
    trace: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Light:
    """A state of identical emitters and what their light needs, in units of the largest rate.

    Attributes:
        emitters: their common rates, in this unit.
        unit: the unit of rate.
        space: the entries of ρ that are kept.
        rho: ρ, (S,).
        steady: whether it is the steady state.
    """

    emitters: Identical
    unit: float
    space: Space
    rho: NDArray[np.complex128]
    steady: bool

    @property
    def difference(self) -> int | None:
        """Difference of excitations in the coherence of a photon: one, or any with a drive."""
        return None if self.emitters.drive else 1

    @property
    def driven(self) -> bool:
        """Whether there is a drive."""
        return self.emitters.drive != 0

    @property
    def pumped(self) -> bool:
        """Whether there is a pump."""
        return self.emitters.pumped

    @property
    def count(self) -> int:
        """N."""
        return self.emitters.n

    @property
    def brightest(self) -> float:
        """The rate of light of fully excited emitters without interference."""
        e = self.emitters
        return e.n * (e.collective + e.individual)

    def generator(self) -> Any:
        """L, sparse (S, S)."""
        return self.space.generator()

    def photons(self) -> Any:
        """X → Σ_mn Γ_mn σ⁻_n X σ⁺_m, sparse (S, S)."""
        return self.space.photons()

    def trace(self) -> NDArray[np.float64]:
        """The row whose product with ρ is its trace, (S,)."""
        return self.space.trace()

    def excitation(self) -> NDArray[np.float64]:
        """The row whose product with ρ is the mean number of excitations, (S,)."""
        return self.space.k * self.space.trace()

    def weights(self) -> NDArray[np.float64]:
        """The expected magnitude of every entry of a steady state, (S,)."""
        return magnitudes(self.space, self.rho)

    def limit(self, observable: str) -> NDArray[np.complex128]:
        """The steady state that ρ comes to, (S,); ValueError if it is not unique."""
        return steady(self.emitters, observable, symmetric=True)[1]

    def rate(self) -> NDArray[np.float64]:
        """The row whose product with ρ is the emission rate, (S,)."""
        s, e = self.space, self.emitters
        bright = (s.k - s.d) * (e.n - s.d - s.k + 1.0)
        return (e.collective * bright + e.individual * s.k) * s.trace()

    def mean(self) -> complex:
        """⟨J⁻⟩ = Σ_m⟨σ⁻_m⟩."""
        s = self.space
        if s.difference is not None:
            return 0j
        ((step, _, values),) = s.lowering()
        to, source, kept = s.moved((step, 0), (0, 0), 0, values, s)
        return complex(np.sum(s.trace()[to] * kept * self.rho[source]))

    def coherences(self, rho: NDArray[Any], observable: str, *, factors: bool) -> "list[Coherence]":
        """What gives the first-order coherence of all light, in one part.

        Args:
            rho: ρ at time 0, (S,).
            observable: its name, for errors.
            factors: whether the generator will be factored.
        """
        space, vector, row = self._one_photon(rho, observable, factors=factors)
        parts = vector[:, None], row[None]
        return [Coherence(space.generator(), *parts, *self._stationary(space))]

    def _one_photon(
        self, rho: NDArray[Any], observable: str, *, factors: bool
    ) -> tuple[Space, NDArray[Any], NDArray[Any]]:
        """The vector and the row that give the first-order coherence of all light.

        Args:
            rho: ρ at time 0, (S,).
            observable: its name, for errors.
            factors: whether the generator will be factored.

        Returns:
            A space of S' entries, and in it a vector v and a row r, both (S',), with
            Σ_mn Γ_mn⟨σ⁺_m(0)σ⁻_n(τ)⟩ = r·e^{Lτ}v.
        """
        e = self.emitters
        apart = bool(e.individual)
        check_size(e, self.difference, observable, apart=apart, factors=factors)
        before = Space(e, self.space.difference, apart=apart)
        after = Space(e, self.difference, apart=apart)
        x = one_apart(self.space, before) @ rho if apart else rho
        # ρσ⁺ for the emitter kept apart, or ρS⁺ for all emitters
        moves = before.lowering(right=True)[-1:]
        v = before.summed(
            [before.moved((0, 0), move[:2], 0, move[2], after) for move in moves], after
        )
        row = np.zeros(len(after), dtype=complex)
        bottom = Space(e, None if e.drive else 0, apart=apart)
        everyone = after.lowering()
        parts = [(move, e.collective) for move in everyone]
        if apart:
            parts.append((everyone[-1], e.individual))
        for (dk, ds, values), strength in parts:
            to, source, kept = after.moved((dk, ds), (0, 0), 0, values, bottom)
            np.add.at(row, source, strength * bottom.trace()[to] * kept)
        return after, (e.n if apart else 1) * (v @ x), row

    def _stationary(self, after: Space) -> tuple[NDArray[Any], NDArray[Any]]:
        """ρ and the row that gives the trace, both in the space of a photon's coherence, (S',)."""
        if self.emitters.drive == 0:
            return np.zeros(len(after), dtype=complex), np.zeros(len(after))
        rho = one_apart(self.space, after) @ self.rho if after.apart else self.rho
        return rho, after.trace()


def light(couplings: Couplings, state: Any, observable: str, start: Any = None) -> "Light | None":
    """ρ of identical emitters between Dicke states, or None for other emitters or states.

    Args:
        couplings: any.
        state: the state that emits the light, or None for the steady state.
        observable: its name, for errors.
        start: the state from which the steady state is reached, or None.

    Raises:
        ValueError: if the steady state is not unique.
        ProblemTooLargeError: before anything is allocated.
    """
    common = identical(couplings)
    if isinstance(common, str):
        return None
    e, unit = scaled(common)
    symmetric = start is not None and is_symmetric(couplings, start)
    if state is None:
        space, rho = steady(e, observable, symmetric=symmetric)
        return Light(e, unit, space, rho, True)
    if not is_symmetric(couplings, state):
        return None
    checked = checked_state(state, couplings)
    check_size(e, None if e.drive else 0, observable, factors=False)
    space = Space(e, None if e.drive else 0)
    rho = np.zeros(len(space), dtype=complex)
    if e.drive:
        rho[: (e.n + 1) ** 2] = density(checked, e.n).ravel()
    else:
        k = np.arange(e.n + 1)
        rho[space.place(0 * k, k, 0 * k, k, 0 * k)] = populations(checked, e.n)
    return Light(e, unit, space, rho, False)


def steady_state(couplings: Couplings, start: Any) -> "Qobj":
    """The steady state of identical emitters as a QuTiP matrix.

    Args:
        couplings: of identical emitters.
        start: the state from which the steady state is reached, or None.

    Raises:
        ValueError: if the steady state is not unique.
        ProblemTooLargeError: if 2^N × 2^N numbers do not fit.
    """
    check_matrix(len(couplings))
    found = light(couplings, None, "steady_state", start)
    assert found is not None
    return expanded(found.space, found.rho)


def check_matrix(n: int) -> None:
    """Raise if the full matrix of n emitters does not fit."""
    require(
        _COPIES_EXPANDED * 16 * 4**n,
        f"the density matrix of {n} emitters",
        "use co.observables.steady(couplings) for emission, populations and correlations of this "
        "steady state, and g1, g2 and spectrum for its light; they do not need that matrix",
    )


def check_start(observable: str, couplings: Couplings, start: Any) -> None:
    """Raise for a start that is on no Dicke ladder, or for emitters that are not identical."""
    if start is None:
        return
    try:
        symmetric = is_symmetric(couplings, start)
    except ValueError as error:
        raise ValueError(f"{observable}: start: {error}") from None
    if not symmetric:
        raise ValueError(
            f"{observable}: start must be a state on the longest Dicke ladder, "
            f"which {name_of(start)} is not: 'ground', 'inverted', co.states.dicke(k) or "
            "co.states.coherent(theta, phi)"
        )
    common = identical(couplings)
    if isinstance(common, str):
        raise ValueError(
            f"{observable}: start is possible for identical couplings, or a few species of "
            f"identical emitters, but {common}; leave it out, or evolve from that state to late "
            "times"
        )


def is_symmetric(couplings: Couplings, state: Any) -> bool:
    """Whether a state is on the longest Dicke ladder."""
    checked = checked_state(state, couplings)
    n = len(couplings)
    if isinstance(checked, State):
        return checked.symmetric(n) and not on_all_ladders(checked, n)
    return 1 - float(populations(checked, n).sum()) < _NOT_SYMMETRIC


def scaled(e: Identical) -> tuple[Identical, float]:
    """The emitters in units of the largest rate (a power of two, so that no digit changes)."""
    names = [each.name for each in fields(e) if each.name != "n"]
    largest = max(abs(getattr(e, name)) for name in names)
    if largest == 0:
        return e, 1.0
    unit = float(2.0 ** np.floor(np.log2(largest)))
    return replace(e, **{name: getattr(e, name) / unit for name in names}), unit


def check_size(
    e: Identical,
    difference: int | None,
    observable: str,
    *,
    apart: bool = False,
    factors: bool = True,
) -> None:
    """Raise if there are too many emitters, before anything is allocated.

    Args:
        e: the emitters.
        difference: of excitations between rows and columns; None for all.
        observable: its name, for errors.
        apart: whether one emitter is kept apart from the others.
        factors: whether the generator will be factored.
    """
    n = e.n - apart
    size = entries(n, difference is None, e.one_ladder and not apart, apart)
    fill = _FILL[difference is None and not e.one_ladder, apart] * size**1.5
    whole = size if difference is None else (n // 2 + 1) * (n - n // 2 + 1) * (4 if apart else 1)
    require(
        int(_BYTES_ENTRY * max(size, whole // 4) + (_BYTES_FACTORS * fill if factors else 0)),
        f"{observable} of {e.n} identical emitters ({size:,} entries of ρ between Dicke states)",
        "use fewer emitters"
        + ("" if e.one_ladder else ", or purely collective decay, which needs N² numbers")
        + (", or a pump instead of the drive" if e.drive and not e.one_ladder else ""),
    )


def steady(e: Identical, observable: str, *, symmetric: bool) -> tuple[Space, NDArray[Any]]:
    """The steady state between Dicke states, each entry (S,) with a small relative error.

    Args:
        e: the emitters, with rates in units of the largest.
        observable: its name, for errors.
        symmetric: whether they start on the longest ladder, which purely collective decay never
            leaves.

    Raises:
        ValueError: if the steady state is not unique.
        ProblemTooLargeError: before anything is allocated.
    """
    if e.one_ladder and e.n > 1 and not symmetric:
        raise ValueError(
            f"{observable}: the steady state is not unique: purely collective decay and drive keep "
            "the total spin J of the initial state; give start='ground' for the steady state that "
            "the ground state comes to, or add decay, dephasing or a pump of each emitter alone"
        )
    difference = None if e.drive else 0
    check_size(e, difference, observable)
    space = Space(e, difference)
    generator, trace = space.generator(), space.trace()
    rho = kernel(generator, trace, observable)
    rho = refined(generator, trace, rho, magnitudes(space, rho))
    adjoint = space.place(space.d, space.k2, space.s2, space.k, space.s)
    rho = (rho + rho[adjoint].conj()) / 2
    return space, rho / (trace @ rho).real


def magnitudes(space: Space, rho: NDArray[Any]) -> NDArray[np.float64]:
    """Expected magnitude of every entry, (S,); see `expected`."""
    number = float((space.trace() * (space.k + space.s) @ rho).real)
    return expected(number, space.k + space.s + space.k2 + space.s2)


def expected(number: float, excitations: NDArray[Any]) -> NDArray[np.float64]:
    """Expected magnitude s^(k + k') of every entry, (S,).

    s² is the mean number of excitations, or one if that is larger. See `_regression.magnitudes`.

    Args:
        number: the mean number of excitations.
        excitations: k + k' of row and column of every entry, (S,).
    """
    amplitude = np.clip(np.sqrt(abs(number)), _SMALLEST_AMPLITUDE, 1.0)
    return np.asarray(np.maximum(amplitude**excitations, _SMALLEST_MAGNITUDE))


def kernel(matrix: Any, trace: NDArray[Any], observable: str) -> NDArray[np.complex128]:
    """The solution (S,) of Lρ = 0 with tr ρ = 1 in place of the first row, which is redundant."""
    from scipy.sparse import csr_array, vstack
    from scipy.sparse.linalg import LinearOperator, onenormest

    size = matrix.shape[0]
    scale = float(abs(matrix).sum(axis=1).max()) if matrix.nnz else 1.0
    system = vstack([csr_array(scale * trace[None]), matrix[1:]]).tocsc()
    target = np.zeros(size, dtype=complex)
    target[0] = scale
    try:
        solve = factored(system)
        rho = solve(target)
        inverse = LinearOperator(
            (size, size), matvec=solve, rmatvec=lambda v: solve(v, "H"), dtype=complex
        )
        gap = 1 / (onenormest(inverse) * scale) if size > 1 else 1.0
    except (RuntimeError, ArithmeticError):
        gap = 0.0
    if not gap > _ZERO:
        raise ValueError(
            f"{observable}: the steady state is not unique to working precision (a second "
            f"eigenvalue of the generator lies within {gap:.1e} of zero, relative to the norm), so "
            "the final state depends on the initial one; add decay, dephasing or a pump"
        )
    return rho


def refined(
    matrix: Any, trace: NDArray[Any], rho: NDArray[Any], scale: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """A steady state whose every entry (S,), also a small one, has a small relative error.

    Args:
        matrix: L, sparse (S, S); entry 0 is the ground state.
        trace: the row that gives the trace, (S,).
        rho: the steady state to within round-off of its largest entry, (S,).
        scale: the expected magnitude of every entry, (S,).
    """
    from scipy.sparse import diags_array

    if np.all(scale == 1):
        return rho
    # entry 0 is the ground state; its row follows from the others, which conserve the trace
    rescaled = (diags_array(1 / scale) @ matrix @ diags_array(scale)).tocsc()
    ground = rescaled[1:, [0]].toarray()[:, 0]
    found = scale * np.append(1.0, -factored(rescaled[1:, 1:])(ground))
    return np.asarray(found / (trace @ found))
