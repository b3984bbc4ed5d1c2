r"""A density matrix as one real matrix: R = Re ρ + Im ρ, in panels of eight columns.

ρ is Hermitian, so Re ρ = ½(R + Rᵀ) and Im ρ = ½(R − Rᵀ): R needs half the memory and loses
nothing. R(i, j) belongs to the configurations i and j, whose bit m says whether emitter m is
excited. If all columns are stored, it lies at R[j // 8, i, j % 8]; else `Columns` says where. One
or two emitters do not fill a panel, so that idle emitters, which are never excited, are added up to
three.
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import entries_of
from collective.engines.basis.configurations import qutip_index
from collective.engines.driven.columns import Columns, columns_of
from collective.engines.numerics.alignment import aligned
from collective.engines.record import smallest_eigenvalue
from collective.states import State
from collective.states.answers import amplitudes_of, weights_of

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.emitters import Emitters

_PANEL = 8
_SMALLEST = 3  # emitters, whose eight configurations fill a panel


def padded(n: int) -> int:
    """The number of emitters with the idle ones."""
    return max(n, _SMALLEST)


def shape(n: int) -> tuple[int, int, int]:
    """The shape of R with all columns: (panels, configurations, 8)."""
    size = 1 << padded(n)
    return size // _PANEL, size, _PANEL


def pack(
    state: "State | Qobj", n: int, emitters: "Emitters | None", columns: Columns | None = None
) -> NDArray[np.float64]:
    """R of a checked state of n emitters.

    Args:
        state: a `State`, or a QuTiP ket or density matrix.
        n: N.
        emitters: their positions give the phases of `timed_dicke`; None where they are not known.
        columns: the columns to be stored; None for all of them.
    """
    columns = columns_of(padded(n)) if columns is None else columns
    panels = aligned(columns.shape)
    every, size = np.arange(1 << n), columns.shape[1]
    if not isinstance(state, State) and not state.isket:
        rho = np.zeros((size, size))
        places = qutip_index(n, every)
        matrix = state.full()[np.ix_(places, places)]
        rho[: len(every), : len(every)] = matrix.real + matrix.imag
        for p, stored in enumerate(columns.stored):
            panels[p] = rho[:, stored]
        return panels
    amplitudes = np.zeros(size, dtype=complex)
    if isinstance(state, State):
        excited = (every[:, None] >> np.arange(n)) & 1 == 1
        chances = weights_of(state, excited)
        if chances is not None:
            for p, stored in enumerate(columns.stored):
                lanes = np.flatnonzero(stored < len(every))
                panels[p, stored[lanes], lanes] = chances[stored[lanes]]
            return panels
        amplitudes[: len(every)] = amplitudes_of(state, excited, emitters)
    else:
        amplitudes[: len(every)] = state.full()[qutip_index(n, every), 0]
    a, b = amplitudes.real, amplitudes.imag
    for p, stored in enumerate(columns.stored):
        panels[p] = np.outer(a, (a - b)[stored]) + np.outer(b, (a + b)[stored])
    return panels


def density(
    panels: NDArray[np.float64], n: int, columns: Columns | None = None
) -> NDArray[np.complex128]:
    """The density matrix of n emitters, (2^N, 2^N), rows and columns by configuration."""
    size = 1 << n
    columns = columns_of(padded(n)) if columns is None else columns
    return _hermitian(columns.expanded(panels)[:size, :size])


def _hermitian(packed: NDArray[np.float64]) -> NDArray[np.complex128]:
    """The Hermitian matrix H of which Re H + Im H is given."""
    found = np.empty(packed.shape, dtype=complex)
    np.add(packed, packed.T, out=found.real)
    np.subtract(packed, packed.T, out=found.imag)
    found *= 0.5
    return found


def unpack(panels: NDArray[np.float64], n: int, columns: Columns | None = None) -> "Qobj":
    """The density matrix of n emitters as a QuTiP object."""
    from qutip import Qobj

    back = np.argsort(qutip_index(n, np.arange(1 << n)))  # the configuration at each index of QuTiP
    columns = columns_of(padded(n)) if columns is None else columns
    packed = columns.expanded(panels)[back][:, back]
    return Qobj(_hermitian(packed), dims=[[2] * n, [2] * n], copy=False)


def smallest(panels: NDArray[np.float64], n: int, columns: Columns) -> float:
    """The smallest eigenvalue of ρ.

    If a symmetry g undoes itself, states that are even and odd under it do not mix: with
    :math:`|±⟩ = (|i⟩ ± |gi⟩)/√2` two matrices of half the size are left.
    """
    halves = columns.halves
    if halves is None:
        return smallest_eigenvalue(density(panels, n, columns))
    flat = panels.ravel()
    here, mirrored = flat[halves.places], flat[halves.mirrored]
    sums = halves.scale * (here + mirrored)
    differences = (here - mirrored)[np.ix_(halves.odd, halves.odd)]
    return min(smallest_eigenvalue(_hermitian(part)) for part in (sums, differences))


class Functionals:
    """The observables tr ρ, ⟨σ⁺_mσ⁻_n⟩ and tr(Oρ) as sparse linear functionals of R.

    Let Q_mn be the sum of R over the configurations (b + n, b + m), where m and n are not excited
    in b. Then the correlations are ½(Q + Qᵀ) + ½i(Q − Qᵀ). The expectation value of an operator is
    tr(Oρ) = Σ_ij O_ij(½(1 − i)R_ij + ½(1 + i)R_ji).

    Args:
        n: N.
        operators: QuTiP operators of n emitters; they need not have the symmetries of ρ.
        columns: the columns that are stored; None for all of them.
    """

    def __init__(self, n: int, operators: "Sequence[Qobj]" = (), columns: Columns | None = None):
        from scipy.sparse import csr_array, vstack

        self._n, self._real = n, [bool(operator.isherm) for operator in operators]
        self._columns = columns_of(padded(n)) if columns is None else columns
        size = self._columns.shape[1]
        every = np.arange(1 << n)
        rows = [every * (size + 1)]
        for m in range(n):
            for k in range(n):
                both = (1 << m) | (1 << k)
                base = every[every & both == 0]
                rows.append((base | 1 << k) * size + (base | 1 << m))
        lengths = [len(row) for row in rows]
        where = self._places(np.concatenate(rows), size)
        pointers = np.concatenate([[0], np.cumsum(lengths)])
        length = prod(self._columns.shape)
        parts = [csr_array((np.ones(len(where)), where, pointers), shape=(len(rows), length))]
        for operator in operators:
            entries = entries_of(operator)
            back = np.argsort(qutip_index(n, every))
            i, j = back[entries.row].astype(np.int64), back[entries.col].astype(np.int64)
            places = self._places(np.concatenate([i * size + j, j * size + i]), size)
            weights = np.concatenate([(0.5 - 0.5j) * entries.data, (0.5 + 0.5j) * entries.data])
            pair = np.stack([weights.real, weights.imag])
            at = (np.repeat([0, 1], len(places)), np.tile(places, 2))
            parts.append(csr_array((pair.ravel(), at), shape=(2, length)))
        self._matrix = vstack(parts, format="csr")

    def _places(self, flat: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        """The index in the panels of R(i, j), which is given as i·size + j."""
        return self._columns.places(*np.divmod(flat, size))

    def values(self, panels: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values of all functionals, (K,), for R or any vector of the same layout."""
        return self._matrix @ panels.ravel()

    def largest(self, values: NDArray[np.float64]) -> float:
        """The largest trace or correlation of one vector, in values (K,)."""
        return float(np.abs(values[: 1 + self._n**2]).max())

    def observables(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.complex128], list[NDArray[Any]]]:
        """The trace (T,), correlations (T, N, N) and one (T,) per operator, from values (T, K)."""
        n = self._n
        q = values[:, 1 : 1 + n * n].reshape(-1, n, n)
        turned = q.transpose(0, 2, 1)
        correlations = np.empty(q.shape, dtype=complex)
        np.add(q, turned, out=correlations.real)
        np.subtract(q, turned, out=correlations.imag)
        correlations *= 0.5
        pairs = values[:, 1 + n * n :].reshape(len(values), len(self._real), 2)
        expectations = [
            pairs[:, o, 0] if real else pairs[:, o, 0] + 1j * pairs[:, o, 1]
            for o, real in enumerate(self._real)
        ]
        return values[:, 0], correlations, expectations
