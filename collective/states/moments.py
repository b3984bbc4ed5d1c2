r"""Moments of an initial state up to third order, from which cumulant and spin equations start.

With z = 2σ⁺σ⁻ − 1, which is +1 for an excited emitter, the pairs are ⟨σ⁺_mσ⁻_n⟩, ⟨σ⁻_mσ⁻_n⟩,
⟨z_mσ⁻_n⟩ and ⟨z_mz_n⟩, and the triples are ⟨z_jσ⁺_mσ⁻_n⟩ and ⟨z_iz_jz_k⟩. These are raw moments,
not cumulants. Entries whose emitters coincide are zero. Moments are known for any N if the emitters
are independent, if one of them is excited, and for symmetric states of k excitations. Other states
need 2^N numbers, which are taken for few emitters only.
"""

from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective._tools.operators import excited
from collective.couplings.couplings import Couplings
from collective.states.answers import (
    amplitudes_of,
    definite_number,
    missing,
    numbers,
    one_excitation_of,
    probabilities_of,
    spinors_of,
)
from collective.states.entries import Entries, PairMoments, pairs_of, triples_of
from collective.states.protocol import State

if TYPE_CHECKING:
    from qutip import Qobj

_MOST = 12  # emitters of a state that is written as 2^N numbers
_PURE = 1e-14  # by this much of it a purity may differ from one: amplitudes then by 1e-7
_SAME = 1e-8  # by this much entries of ρ may differ from those of a product
_ROUND_OFF = 1e-12  # an entry of ρ that counts as zero
_FEWER = "use fewer emitters"


def uncorrelated(
    state: "State | Qobj", n: int
) -> tuple[NDArray[np.complex128], NDArray[np.float64]] | None:
    """⟨σ⁻_n⟩ and ⟨z_n⟩ of a checked state of independent emitters, pure or mixed.

    Args:
        state: a `State`, or a QuTiP ket or density matrix of n emitters.
        n: number of emitters.

    Returns:
        (n,) complex and (n,) real; None for a state with correlations, and where only 2^N numbers
        could tell.
    """
    if not isinstance(state, State):
        return _factors(state.full(), n) if n <= _MOST else None
    chances = probabilities_of(state, n)
    if chances is not None:
        return np.zeros(n, dtype=complex), 2 * chances - 1
    each = spinors_of(state, n)
    if each is not None:
        up, down = each.T
        return up * down.conj(), np.abs(up) ** 2 - np.abs(down) ** 2
    k = definite_number(state, n)
    if k in (0, n):
        return np.zeros(n, dtype=complex), np.full(n, -1.0 if k == 0 else 1.0)
    return None


def moments_known(state: "State | Qobj", n: int) -> bool:
    """Whether `pair_moments` and `triple_moments` know a checked state, without computing them.

    Args:
        state: a `State`, or a QuTiP ket or density matrix of n emitters.
        n: number of emitters.
    """
    if n <= _MOST or uncorrelated(state, n) is not None:
        return True
    k = _definite(state, n)
    return k == 1 or (k is not None and isinstance(state, State) and state.symmetric(n))


def pair_moments(state: "State | Qobj", couplings: Couplings) -> PairMoments | None:
    r"""Moments of one and of two emitters of a checked state.

    For independent emitters they are products. For one excitation with populations p,
    :math:`⟨z_mz_n⟩ = 1 - 2(p_m + p_n)`. For symmetric states of k excitations the z of a pair are
    drawn without replacement, which is the hypergeometric distribution.

    Args:
        state: a `State`, or a QuTiP ket or density matrix.
        couplings: how many emitters there are, and where.

    Returns:
        The moments, or None for a state that would need 2^N numbers for more than 12 emitters.

    Raises:
        ProblemTooLargeError: (a MemoryError and ValueError) if N² numbers do not fit.
    """
    n = len(couplings)
    require(16 * 6 * n * n, f"the moments of pairs of {n} emitters", _FEWER)
    alone = uncorrelated(state, n)
    if alone is not None:
        s, z = alone
        return pairs_of(s, z, np.outer(s.conj(), s), np.outer(s, s), np.outer(z, s), np.outer(z, z))
    k = _definite(state, n)
    if k == 1:
        one = _one_excitation(state, couplings)
        p = np.abs(one) ** 2
        together = 1 - 2 * (p[:, None] + p)
        return _number(2 * p - 1, np.outer(one.conj(), one), together)
    if k is not None and state.symmetric(n):
        exchange = np.full((n, n), k * (n - k) / (n * (n - 1)) + 0j)
        together = np.full((n, n), _drawn(n, k, 2))
        return _number(np.full(n, 2 * k / n - 1), exchange, together)
    entries = _entries(state, couplings)
    return None if entries is None else entries.pairs()


def triple_moments(
    state: "State | Qobj", couplings: Couplings
) -> tuple[NDArray[np.complex128], NDArray[np.float64]] | None:
    r"""Moments of three emitters of a checked state, those that keep the number of excitations.

    For one excitation :math:`⟨z_jσ^+_mσ^-_n⟩ = -⟨σ^+_mσ^-_n⟩` and
    :math:`⟨z_iz_jz_k⟩ = 2(p_i + p_j + p_k) - 1`.

    Args:
        state: a `State`, or a QuTiP ket or density matrix.
        couplings: how many emitters there are, and where.

    Returns:
        ⟨z_jσ⁺_mσ⁻_n⟩ (N, N, N) complex by j, m, n, and ⟨z_iz_jz_k⟩ (N, N, N) real. They are zero
        where two emitters coincide. None for a state that would need 2^N numbers for more than
        12 emitters.

    Raises:
        ProblemTooLargeError: (a MemoryError and ValueError) if N³ numbers do not fit.
    """
    n = len(couplings)
    require(16 * 3 * n**3, f"the moments of triples of {n} emitters", _FEWER)
    alone = uncorrelated(state, n)
    if alone is not None:
        s, z = alone
        hops = z[:, None, None] * np.outer(s.conj(), s)
        return triples_of(hops, z[:, None, None] * np.outer(z, z))
    k = _definite(state, n)
    if k == 1:
        one = _one_excitation(state, couplings)
        p = np.abs(one) ** 2
        hops = np.repeat(-np.outer(one.conj(), one)[None], n, axis=0)
        return triples_of(hops, 2 * (p[:, None, None] + p[:, None] + p) - 1)
    if k is not None and state.symmetric(n):
        hop = k * (n - k) / (n * (n - 1)) + 0j
        other = 2 * (k - 1) / (n - 2) - 1 if n > 2 else 0.0  # the mean z of the others
        return triples_of(np.full((n, n, n), hop * other), np.full((n, n, n), _drawn(n, k, 3)))
    entries = _entries(state, couplings)
    return None if entries is None else entries.triples()


def without_coherence(state: "State | Qobj", n: int) -> bool:
    """Whether every moment that changes the number of excitations is zero for certain.

    This holds for pure states of a definite number and for ρ that is block diagonal in this number.

    Args:
        state: a `State`, or a QuTiP ket or density matrix of n emitters.
        n: number of emitters.
    """
    if isinstance(state, State):
        return probabilities_of(state, n) is not None or len(numbers(state, n)) == 1
    if state.isket:
        return len(numbers(state, n)) == 1
    matrix, counts = state.full(), excited(n).sum(axis=1)
    apart = [np.abs(matrix[np.ix_(counts == k, counts != k)]) for k in range(n + 1)]
    return all(np.all(block <= _ROUND_OFF) for block in apart)


def _definite(state: "State | Qobj", n: int) -> int | None:
    """The definite number of excitations of a `State` with amplitudes, else None."""
    if not isinstance(state, State) or missing(state) is not None:
        return None
    return definite_number(state, n)


def _one_excitation(state: State, couplings: Couplings) -> NDArray[np.complex128]:
    """The amplitudes (N,) of a state of one excitation."""
    return one_excitation_of(state, len(couplings), couplings.emitters)


def _drawn(n: int, k: int, of: int) -> float:
    """The mean product of the z of `of` different emitters if k of n are excited at random."""
    found = sum(
        (-1) ** (of - up) * comb(k, up) * comb(n - k, of - up) for up in range(min(of, k) + 1)
    )
    return found / comb(n, of) if n >= of else 0.0


def _number(
    inversion: NDArray[np.float64],
    exchange: NDArray[np.complex128],
    inversions: NDArray[np.float64],
) -> PairMoments:
    """The moments of a state of a definite number of excitations."""
    nothing = np.zeros_like(exchange)
    lowered = np.zeros(len(inversion), dtype=complex)
    return pairs_of(lowered, inversion, exchange, nothing, nothing.copy(), inversions)


def _factors(
    matrix: NDArray[Any], n: int
) -> tuple[NDArray[np.complex128], NDArray[np.float64]] | None:
    """⟨σ⁻_n⟩ and ⟨z_n⟩ of a ket (2^N, 1) or of ρ if it is a product, else None."""
    found = Entries(matrix, n)
    s, z = found.lowered(), found.inversion()
    if matrix.shape[1] == 1:  # a ket is a product if every emitter alone is in a pure state
        norm = np.vdot(matrix, matrix).real ** 2
        pure = np.all(np.abs(norm - z**2 - 4 * np.abs(s) ** 2) <= _PURE * norm)
        return (s, z) if pure else None
    require(32 * 4**n, f"the comparison of a density matrix of {n} emitters", _FEWER)
    product = np.ones((1, 1), dtype=complex)
    for lowered, inversion in zip(s, z, strict=True):
        up, down = (1 + inversion) / 2, (1 - inversion) / 2
        product = np.kron(product, [[up, lowered], [lowered.conj(), down]])
    return (s, z) if np.abs(product - matrix).max() <= _SAME else None


def _entries(state: "State | Qobj", couplings: Couplings) -> "Entries | None":
    """All 2^N numbers of a state of few emitters, None for more of them."""
    n = len(couplings)
    if n > _MOST:
        return None
    if isinstance(state, State):
        return Entries(amplitudes_of(state, excited(n), couplings.emitters)[:, None], n)
    return Entries(state.full(), n)
