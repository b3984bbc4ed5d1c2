r"""The slope of ρ from light, detunings and strength of one moment, as sparse matrices.

.. math:: K = \sum_{mn} k_{mn}σ^+_mσ^-_n + ½\sum_m(Ω_mσ^+_m + h.c.), \qquad
          k_{mn} = δ_{mn}δ_m + g_mg_n(Δ_{mn} − ½iΓ_{mn}) + \dots
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.operators import entries_of, excited
from collective.couplings.couplings import Couplings
from collective.couplings.modes import emitting
from collective.engines.request import Request


class Moving:
    """What changes: Ω, δ and g of all emitters at a time.

    Args:
        request: of couplings, with an envelope or with `motion`.
    """

    def __init__(self, request: Request):
        self._couplings, self._motion = request.couplings, request.motion
        self._envelope = request.envelope
        self.n = len(request.couplings)

    def __call__(self, t: float) -> NDArray[np.complex128]:
        """Ω, δ and g in one row, (3N,)."""
        motion, n = self._motion, self.n
        found = np.ones(3 * n, dtype=complex)
        found[n : 2 * n] = self._couplings.detunings
        if motion is None:
            assert self._envelope is not None
            found[:n] = self._envelope(t) * self._couplings.drive
            return found
        found[:n] = motion.drive(t)
        if motion.detunings is not None:
            found[n : 2 * n] += motion.detunings(t)
        if motion.strength is not None:
            found[2 * n :] = motion.strength(t)
        return found


class Generator:
    """The slope of ρ from Ω, δ and g of one moment.

    What does not change is read off the operators of the couplings.

    Args:
        couplings: the others.
    """

    def __init__(self, couplings: Couplings):
        n, photons = len(couplings), couplings.thermal_photons
        self._n, self._side, self._photons = n, 2**n, photons
        decay = np.asarray(couplings.decay, dtype=complex)
        self._exchange = np.asarray(couplings.shift) - 0.5j * (1 + 2 * photons) * decay
        # σ⁻σ⁺ = 1 − σ⁺σ⁻: what absorption loses of a ground state
        self._absorbed = 0.5j * photons * np.diag(decay).real
        up = excited(n)
        self._effective = _Pattern(*_places_of_hamiltonian(up))
        self._lowering = _Pattern(*_places_of_lowering(up))
        rates, vectors = np.linalg.eigh(decay)
        bright = emitting(rates)
        self._jumps = (vectors[:, bright] * np.sqrt(rates[bright])).conj().T
        self._still, self._diagonal, self._others = _unchanging(couplings)

    def apply(
        self, now: NDArray[np.complex128], flat: NDArray[np.complex128]
    ) -> NDArray[np.complex128]:
        """The slope of ρ, (D²,), from Ω, δ and g in one row, (3N,), and ρ, (D²,)."""
        n = self._n
        drive, detunings, strength = now[:n], now[n : 2 * n].real, now[2 * n :].real
        rho = flat.reshape(self._side, self._side)
        moved = self._exchange * np.outer(strength, strength)
        absorbed = self._absorbed * strength**2
        moved[np.diag_indices(n)] += detunings + 2 * absorbed
        numbers = np.concatenate([moved.ravel(), drive / 2, drive.conj() / 2, [-absorbed.sum()]])
        found = -1j * (self._effective.matrix(numbers) @ rho)
        if self._still is not None:
            found = found - 1j * (self._still @ rho)
        found = found + found.conj().T
        for row in self._jumps:
            jump = self._lowering.matrix(row * strength)
            once = jump @ rho
            found += (1 + self._photons) * (jump @ once.conj().T).conj().T
            if self._photons:
                raised = jump.conj().T.tocsr()
                found += self._photons * (raised @ (raised @ rho).conj().T).conj().T
        if self._diagonal is not None:
            found += self._diagonal * rho
        for jump in self._others:
            found += (jump @ (jump @ rho).conj().T).conj().T
        return np.asarray(found.ravel())


def _unchanging(couplings: Couplings) -> tuple[Any, NDArray[np.complex128] | None, list[Any]]:
    """What acts beside Γ, Δ, δ and the drive, read off QuTiP's operators of the couplings.

    Returns:
        Its part of K, or None; the sum of l_il_j* of all diagonal jumps l, or None; other jumps.
    """
    n = len(couplings)
    bare = object.__new__(Couplings)
    nothing = {"decay": np.zeros((n, n)), "shift": np.zeros((n, n)), "detunings": np.zeros(n)}
    nothing |= {"drive": np.zeros(n, dtype=complex)}
    checks.freeze(bare, **vars(couplings) | nothing | {"thermal_photons": 0.0})
    still = entries_of(bare.undriven_hamiltonian()).tocsr().astype(complex)
    diagonal, others = None, []
    for operator in bare.collapse_operators():
        jump = entries_of(operator).tocsr()
        still = still - 0.5j * (jump.conj().T @ jump)
        entries = jump.diagonal()
        if np.count_nonzero(entries) == jump.nnz:
            both = np.outer(entries, entries.conj())
            diagonal = both if diagonal is None else diagonal + both
        else:
            others.append(jump)
    return still if still.nnz else None, diagonal, others


class _Pattern:
    """Sparse matrices whose entries are sums of some numbers, always in the same places.

    Args:
        side: of the matrix.
        rows: of every term.
        columns: of every term.
        sources: which number every term is.
        count: how many numbers there are.
    """

    def __init__(
        self,
        side: int,
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        sources: NDArray[np.intp],
        count: int,
    ):
        from scipy.sparse import csr_array

        places, at = np.unique(rows * side + columns, return_inverse=True)
        ones = np.ones(len(at))
        self._sums = csr_array((ones, (at, sources)), shape=(len(places), count))
        starts = np.searchsorted(places // side, np.arange(side + 1))
        self._shape = csr_array(
            (np.zeros(len(places), complex), places % side, starts), shape=(side, side)
        )

    def matrix(self, numbers: NDArray[Any]) -> Any:
        """The matrix for some values of the numbers; the next call overwrites it."""
        self._shape.data[:] = self._sums @ numbers
        return self._shape


_Places = tuple[int, NDArray[Any], NDArray[Any], NDArray[Any], int]


def _places_of_lowering(up: NDArray[np.bool_]) -> _Places:
    """The terms of Σ_n c_nσ⁻_n."""
    side, n = up.shape
    states, at = np.nonzero(up)
    return side, states + (1 << (n - 1 - at)), states, at, n


def _places_of_hamiltonian(up: NDArray[np.bool_]) -> _Places:
    """The terms of Σ k_mnσ⁺_mσ⁻_n + Σ (w_mσ⁺_m + v_mσ⁻_m) + c from k, w, v and c."""
    side, n = up.shape
    every, bits = np.arange(side), 1 << (n - 1 - np.arange(n))
    rows, columns, sources = [every], [every], [np.full(side, n * n + 2 * n)]
    for m in range(n):
        for k in range(n):
            before = every[up[:, k] & ~up[:, m]] if m != k else every[up[:, m]]
            after = before + bits[k] - bits[m]
            rows, columns = [*rows, after], [*columns, before]
            sources.append(np.full(len(before), m * n + k))
        low = every[up[:, m]] + bits[m]  # bit 0 is the excited state
        high = every[up[:, m]]
        rows, columns = [*rows, high, low], [*columns, low, high]
        sources += [np.full(len(low), n * n + m), np.full(len(low), n * n + n + m)]
    return (
        side,
        np.concatenate(rows),
        np.concatenate(columns),
        np.concatenate(sources),
        (n * n + 2 * n + 1),
    )
