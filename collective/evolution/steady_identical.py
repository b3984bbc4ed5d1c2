r"""What identical emitters come to, and their two-time averages, on Dicke states.

The steady state solves Lρ = 0 with tr ρ = 1 by sparse factors of a few thousand numbers for a
hundred emitters that are only pumped or purely collective, and N³/6 with a drive and individual
decay. Two-time averages follow by the regression theorem:

.. math:: \sum_{mn} Γ_{mn}⟨σ^+_m(0)\,σ^-_n(τ)⟩
          = N \sum_n Γ_{1n}\,\mathrm{Tr}[σ^-_n e^{Lτ}(ρσ^+_1)]

with emitter 1 apart from the others (`_dicke_space.one_apart`) unless all decay is collective.
All rates are in units of the largest one.

The file is longer than others: one state, its size told beforehand, and what two times ask of it.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.couplings.couplings import Couplings
from collective.engines.basis.dicke import Identical, identical
from collective.engines.basis.dicke_space import Space, entries, expanded, one_apart
from collective.engines.basis.dicke_states import density, populations
from collective.engines.numerics.factors import factored
from collective.states.protocol import State, checked_state

if TYPE_CHECKING:
    from qutip import Qobj

FEWEST = 5  # emitters; below, the full ρ is as quick, and has states of any symmetry
_COPIES_EXPANDED = 4  # of the whole ρ
_ZERO = 1e-11  # relative to the norm: a second steady state
_OUTSIDE = 1e-9  # weight of a state that is not symmetric, round-off of its amplitudes
_LEAST = 1e-8  # of one excitation's amplitude, so that powers of it stay numbers
_FAINT = 1e-140  # below it entries are round-off of anything
_BYTES_FACTORS = 26  # per entry of the factors
_BYTES_ENTRY = 600  # per number: indices, the generator, its copies
# entries of the factors over n^{3/2}: of blocks (driven or not) with and without one apart
_FILL = {(True, False): 3.2, (True, True): 8.0, (False, False): 1.0, (False, True): 2.8}


@dataclass(frozen=True, eq=False)
class Light:
    """A state of identical emitters whose light is looked at, in units of the largest rate.

    Attributes:
        e: the emitters, rates in this unit.
        unit: the unit of rate.
        space: entries of ρ.
        rho: ρ, (S,).
        steady: whether it is the steady state.
    """

    e: Identical
    unit: float
    space: Space
    rho: NDArray[np.complex128]
    steady: bool

    @property
    def difference(self) -> int | None:
        """Of a photon's coherence: one excitation, or any with a drive."""
        return None if self.e.drive else 1

    def rate(self) -> NDArray[np.float64]:
        """The row whose product with ρ is the emission rate, (S,)."""
        s = self.space
        bright = (s.k - s.d) * (self.e.n - s.d - s.k + 1.0)
        return (self.e.collective * bright + self.e.individual * s.k) * s.trace()

    def mean(self) -> complex:
        """⟨J⁻⟩ = Σ_m⟨σ⁻_m⟩."""
        s = self.space
        if s.difference is not None:
            return 0j
        ((step, _, values),) = s.lowering()
        to, source, kept = s.moved((step, 0), (0, 0), 0, values, s)
        return complex(np.sum(s.trace()[to] * kept * self.rho[source]))

    def one_photon(
        self, rho: NDArray[Any], observable: str, *, factors: bool
    ) -> tuple[Space, NDArray[Any], NDArray[Any]]:
        """What a photon's emission at time 0 starts, and what it is compared with later.

        Args:
            rho: of the emission, (S,).
            observable: for errors.
            factors: whether the generator will be factored.

        Returns:
            a space, a vector v and a row r in it: Σ_mn Γ_mn⟨σ⁺_m(0)σ⁻_n(τ)⟩ = r·e^{Lτ}v.
        """
        e = self.e
        apart = bool(e.individual)
        check(e, self.difference, observable, apart=apart, factors=factors)
        before = Space(e, self.space.difference, apart=apart)
        after = Space(e, self.difference, apart=apart)
        x = one_apart(self.space, before) @ rho if apart else rho
        # ρσ⁺ of the emitter apart, or ρS⁺ of all of them
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

    def whole(self, after: Space) -> tuple[NDArray[Any], NDArray[Any]]:
        """ρ and the trace among the entries of a photon's coherence."""
        if self.e.drive == 0:
            return np.zeros(len(after), dtype=complex), np.zeros(len(after))
        rho = one_apart(self.space, after) @ self.rho if after.apart else self.rho
        return rho, after.trace()


def found(couplings: Couplings, state: Any, observable: str, start: Any = None) -> "Light | None":
    """ρ of identical emitters, or None where it does not fit Dicke states.

    Args:
        couplings: any.
        state: of which the light is, or None for the steady state.
        observable: for errors.
        start: from where the steady state is reached, or None.

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
    check(e, None if e.drive else 0, observable, factors=False)
    space = Space(e, None if e.drive else 0)
    rho = np.zeros(len(space), dtype=complex)
    if e.drive:
        rho[: (e.n + 1) ** 2] = density(checked, e.n).ravel()
    else:
        k = np.arange(e.n + 1)
        rho[space.place(0 * k, k, 0 * k, k, 0 * k)] = populations(checked, e.n)
    return Light(e, unit, space, rho, False)


def steady_state(couplings: Couplings, start: Any) -> "Qobj | None":
    """The steady state of identical emitters as a QuTiP matrix, or None where others serve.

    Raises:
        ValueError: for a start that is on no Dicke ladder, or a steady state that is not unique.
        ProblemTooLargeError: where 2^N × 2^N numbers do not fit.
    """
    check_start("steady_state", couplings, start)
    n = len(couplings)
    if start is None and n < FEWEST:
        return None
    if isinstance(identical(couplings), str):
        return None
    require(
        _COPIES_EXPANDED * 16 * 4**n,
        f"the density matrix of {n} emitters",
        "co.observables.steady(couplings) gives emission, populations and correlations of this "
        "steady state, and g1, g2 and spectrum its light, without that matrix",
    )
    light = found(couplings, None, "steady_state", start)
    assert light is not None
    return expanded(light.space, light.rho)


def check_start(observable: str, couplings: Couplings, start: Any) -> None:
    """Raise for a state that is on no Dicke ladder, or where there are none."""
    if start is None:
        return
    try:
        symmetric = is_symmetric(couplings, start)
    except ValueError as error:
        raise ValueError(f"{observable}: start: {error}") from None
    if not symmetric:
        raise ValueError(
            f"{observable}: start must be a state that no permutation of the emitters changes: "
            "'ground', 'inverted', co.states.dicke(k) or coherent(theta, phi)"
        )
    common = identical(couplings)
    if isinstance(common, str):
        raise ValueError(
            f"{observable}: start is for identical couplings, and {common}; leave it out, or "
            "evolve from that state to late times"
        )


def is_symmetric(couplings: Couplings, state: Any) -> bool:
    """Whether a state lies on the longest ladder."""
    checked = checked_state(state, couplings)
    n = len(couplings)
    if isinstance(checked, State):
        return checked.symmetric(n)
    return 1 - float(populations(checked, n).sum()) < _OUTSIDE


def scaled(e: Identical) -> tuple[Identical, float]:
    """The emitters in units of the largest rate (a power of two, so that no digit changes)."""
    names = ("collective", "individual", "exchange", "detuning", "dephasing", "pump", "drive")
    largest = max(abs(getattr(e, name)) for name in names)
    if largest == 0:
        return e, 1.0
    unit = float(2.0 ** np.floor(np.log2(largest)))
    return replace(e, **{name: getattr(e, name) / unit for name in names}), unit


def check(
    e: Identical,
    difference: int | None,
    observable: str,
    *,
    apart: bool = False,
    factors: bool = True,
) -> None:
    """Refuse too many emitters before anything is allocated."""
    n = e.n - apart
    size = entries(n, difference is None, e.one_ladder and not apart, apart)
    fill = _FILL[difference is None and not e.one_ladder, apart] * size**1.5
    whole = size if difference is None else (n // 2 + 1) * (n - n // 2 + 1) * (4 if apart else 1)
    require(
        int(_BYTES_ENTRY * max(size, whole // 4) + (_BYTES_FACTORS * fill if factors else 0)),
        f"{observable} of {e.n} identical emitters ({size:,} entries of ρ between Dicke states)",
        "use fewer emitters"
        + ("" if e.one_ladder else ", or purely collective decay, which takes N² numbers")
        + (", or a pump instead of the drive" if e.drive and not e.one_ladder else ""),
    )


def steady(e: Identical, observable: str, *, symmetric: bool) -> tuple[Space, NDArray[Any]]:
    """The steady state among Dicke states, its entries to their own digits.

    Args:
        e: the emitters, rates in units of the largest.
        observable: for errors.
        symmetric: whether they start on the longest ladder, which purely collective decay never
            leaves.
    """
    if e.one_ladder and e.n > 1 and not symmetric:
        raise ValueError(
            f"{observable}: the steady state is not unique: purely collective decay and drive keep "
            "the total spin J that the emitters start with; give start='ground' for the one that "
            "the ground state comes to, or add individual decay, dephasing or a pump"
        )
    difference = None if e.drive else 0
    check(e, difference, observable)
    space = Space(e, difference)
    generator, trace = space.generator(), space.trace()
    rho = _kernel(generator, trace, observable)
    rho = _graded(space, generator, trace, rho)
    adjoint = space.place(space.d, space.k2, space.s2, space.k, space.s)
    rho = (rho + rho[adjoint].conj()) / 2
    return space, rho / (trace @ rho).real


def orders(space: Space, rho: NDArray[Any]) -> NDArray[np.float64]:
    """s^(k + k') of every entry, s² the mean number of excitations if below one, (S,)."""
    number = float((space.trace() * (space.k + space.s) @ rho).real)
    amplitude = np.clip(np.sqrt(abs(number)), _LEAST, 1.0)
    return np.asarray(np.maximum(amplitude ** (space.k + space.s + space.k2 + space.s2), _FAINT))


def _kernel(matrix: Any, trace: NDArray[Any], observable: str) -> NDArray[np.complex128]:
    """Lρ = 0 with the first row, which the others imply, replaced by tr ρ = 1."""
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
            f"eigenvalue of the generator within {gap:.1e} of zero, relative to the norm), so "
            "where the emitters end depends on where they start; add decay, dephasing or a pump"
        )
    return rho


def _graded(
    space: Space, matrix: Any, trace: NDArray[Any], rho: NDArray[Any]
) -> NDArray[np.complex128]:
    """A weakly excited steady state with every entry exact to its own digits."""
    from scipy.sparse import diags_array

    weights = orders(space, rho)
    if np.all(weights == 1):
        return rho
    # entry 0 is the ground state; conserved probability makes its row that of all others
    graded = (diags_array(1 / weights) @ matrix @ diags_array(weights)).tocsc()
    ground = graded[1:, [0]].toarray()[:, 0]
    found = weights * np.append(1.0, -factored(graded[1:, 1:])(ground))
    return np.asarray(found / (trace @ found))
