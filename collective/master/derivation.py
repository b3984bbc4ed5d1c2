r"""Eigenoperators of a system and the matrices of its bath, the parts of every master equation.

A_a(ω) = Σ_{E_y−E_x=ω} ``|x⟩⟨x|``A_a``|y⟩⟨y|``, over all Bohr frequencies of all emitters at once.

The file is longer than others because all approximations use the same parts, a few lines each.
"""

from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective._tools.operators import local, sum_of_levels
from collective.emitters import Multilevel
from collective.master.interactions import Interaction, embed
from collective.spectral.baths import FieldBath
from collective.spectral.sources import BathMatrices, checked_bath_matrix

_SAME_FREQUENCY = 1e-13  # relative to the largest: smaller differences are rounding
_SPANNED = 1e-14  # share of the dissipator below which a jump operator is left out


class Derivation:
    """Eigenoperators and bath matrices of one system, from which all approximations are made.

    Attributes:
        multilevel: the emitters.
        source: the field or the bath.
        bare: H₀, a sparse matrix.
        hamiltonian: the Hamiltonian whose eigenoperators are used: H₀, or H₀ + H_LS.
        kept: indices of the coupling operators that are not zero, among all 3N.
        operators: these operators A_a.
        emitter: the emitter of each.
        frequencies: all Bohr frequencies, ascending.
        parts: parts[a][w] is A_a(ω_w).
        used: whether any operator has a part at each frequency.
        gamma: γ at each frequency.
    """

    def __init__(
        self, multilevel: Multilevel, source: BathMatrices | FieldBath, hamiltonian: Any = None
    ):
        from scipy.sparse import csr_array, diags_array

        self.multilevel, self.source = multilevel, source
        levels = multilevel.levels
        size = prod(levels)
        needed = 16 * 20 * size * len(levels) * 3
        require(needed, f"a system of dimension {size}", "use fewer levels")
        self.bare = csr_array(diags_array(sum_of_levels(multilevel.energies).astype(complex)))
        self.hamiltonian = self.bare if hamiltonian is None else hamiltonian
        operators = [
            local(levels, i, multilevel.dipoles[i][:, :, alpha])
            for i in range(len(levels))
            for alpha in range(3)
        ]
        self.kept = [a for a, operator in enumerate(operators) if operator.nnz]
        self.operators = [operators[a] for a in self.kept]
        self.emitter = [a // 3 for a in self.kept]
        if hamiltonian is None:
            self._split_locally()
        else:
            self._split_dressed(size)
        # the bath is not evaluated at frequencies without any part, usually 0
        self.used = [
            any(parts[w].nnz for parts in self.parts) for w in range(len(self.frequencies))
        ]
        self.gamma = self._at_all_frequencies([self._gamma(w) for w in self._used_frequencies])

    @property
    def _used_frequencies(self) -> list[float]:
        """The frequencies at which the bath is needed."""
        return [w for w, used in zip(self.frequencies, self.used, strict=True) if used]

    def _at_all_frequencies(self, matrices: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """Matrices at all frequencies: the given ones where the bath is needed, else zeros."""
        found = iter(matrices)
        zero = np.zeros((len(self.kept),) * 2)
        return [next(found) if used else zero for used in self.used]

    def _gamma(self, omega: float) -> NDArray[Any]:
        """γ(ω) for the coupling operators that are not zero."""
        if isinstance(self.source, BathMatrices):
            return self.source.matrix("gamma", omega)
        matrix = self.source.gamma(omega)[np.ix_(self.kept, self.kept)]
        return checked_bath_matrix("gamma", omega, matrix)

    def _shifts(self, own_only: bool) -> list[NDArray[Any]]:
        """S at every frequency; own_only sets the entries between different emitters to zero."""
        needed = self._used_frequencies
        if own_only and "shift" in self.__dict__:  # already computed for all pairs
            same = np.equal.outer(self.emitter, self.emitter)
            return [np.where(same, shift, 0) for shift in self.shift]
        if isinstance(self.source, BathMatrices):
            found = [self.source.matrix("shift", omega) for omega in needed]
            same = np.equal.outer(self.emitter, self.emitter)
            found = [np.where(same, s, 0) if own_only else s for s in found]
            return self._at_all_frequencies(found)
        shifts = self.source.shifts(needed, own_only=own_only)
        found = [
            checked_bath_matrix("shift", omega, matrix[np.ix_(self.kept, self.kept)])
            for omega, matrix in zip(needed, shifts, strict=True)
        ]
        return self._at_all_frequencies(found)

    @cached_property
    def shift(self) -> list[NDArray[Any]]:
        """S(ω) at every frequency; computed only if an approximation needs it."""
        return self._shifts(own_only=False)

    def _split_locally(self) -> None:
        """Find A_a(ω) from the levels of each emitter; all share one list of frequencies."""
        m = self.multilevel
        gaps = [-m.bohr_frequencies(i) for i in range(len(m))]  # [x, y]: ω = E_y − E_x
        self.frequencies = _distinct(np.concatenate([w.ravel() for w in gaps]))
        self.parts: list[list[Any]] = []
        for a in self.kept:
            i, alpha = divmod(a, 3)
            index = _nearest(self.frequencies, gaps[i])
            matrix = m.dipoles[i][:, :, alpha]
            self.parts.append(
                [
                    local(m.levels, i, np.where(index == w, matrix, 0))
                    for w in range(len(self.frequencies))
                ]
            )

    def _split_dressed(self, size: int) -> None:
        """Find A_a(ω) from the eigenstates of the whole Hamiltonian."""
        from scipy.sparse import csr_array

        what, way_out = f"dressed eigenoperators of dimension {size}", 'use eigenoperators="local"'
        require(16 * 6 * size**2, what, way_out)
        energies, vectors = np.linalg.eigh(self.hamiltonian.toarray())
        bohr = energies[None] - energies[:, None]
        self.frequencies = _distinct(bohr.ravel())
        require(16 * size**2 * len(self.frequencies) * len(self.operators), what, way_out)
        index = _nearest(self.frequencies, bohr)
        self.parts = []
        for operator in self.operators:
            inside = vectors.conj().T @ (operator @ vectors)
            self.parts.append(
                [
                    csr_array(vectors @ np.where(index == w, inside, 0) @ vectors.conj().T)
                    for w in range(len(self.frequencies))
                ]
            )

    def dressed(self) -> "Derivation":
        """The same system with eigenoperators of H₀ + H_LS."""
        return Derivation(self.multilevel, self.source, self.bare + self.lamb_shift())

    def weighted(self, a: int, matrices: list[NDArray[Any]]) -> Any:
        """Σ_{b,ω} M_ab(ω) A_b(ω)."""
        total = 0 * self.operators[0]
        for w, matrix in enumerate(matrices):
            for b, parts in enumerate(self.parts):
                if matrix[a, b] != 0 and parts[w].nnz:
                    total = total + matrix[a, b] * parts[w]
        return total

    def half_sided(self, pairs_only: bool = False) -> list[Any]:
        """B_a = Σ_{b,ω} [½γ_ab(ω) + iS_ab(ω)] A_b(ω) for each a."""
        matrices = [0.5 * g + 1j * s for g, s in zip(self.gamma, self.shift, strict=True)]
        if pairs_only:
            other = np.not_equal.outer(self.emitter, self.emitter)
            matrices = [matrix * other for matrix in matrices]
        return [self.weighted(a, matrices) for a in range(len(self.operators))]

    def lamb_shift(self, pairs_only: bool = False) -> Any:
        """H_LS, Hermitian; pairs_only leaves out the terms of single emitters."""
        total = 0 * self.bare
        for operator, half in zip(self.operators, self.half_sided(pairs_only), strict=True):
            product = operator @ half
            total = total + (product - product.conj().T) / 2j
        return total

    def roots(self, chosen: Any) -> list[NDArray[Any]]:
        """Hermitian square roots of γ at the chosen frequencies, zero at the others."""
        return [
            _root(g) if keep else np.zeros_like(g)
            for g, keep in zip(self.gamma, chosen(np.array(self.frequencies)), strict=True)
        ]

    def jumps(self, chosen: Any) -> list[Any]:
        """L_λ = Σ [γ(ω)^½]_{λa} A_a(ω) over the chosen frequencies, as few operators as possible.

        Any unitary mixture of the L_λ gives the same dissipator. This one makes them orthogonal
        and leaves out those that are zero then: a single mode gives a single jump.
        """
        roots = self.roots(chosen)
        found = [self.weighted(a, roots) for a in range(len(self.operators))]
        gram = np.array(
            [[(left.conj().multiply(right)).sum() for right in found] for left in found]
        )
        if not gram.size:
            return []
        weights, mixture = np.linalg.eigh(gram)
        return [
            sum(mixture[a, v] * op for a, op in enumerate(found))
            for v in reversed(range(len(found)))
            if weights[v] > _SPANNED * max(weights[-1], np.finfo(float).tiny)
        ]

    def emission(self) -> Any:
        """Σ_{ω,ω'>0} ½(γ + γ')_ab A_a†(ω')A_b(ω)."""
        up = [g if w > 0 else 0 * g for g, w in zip(self.gamma, self.frequencies, strict=True)]
        one = np.eye(len(self.operators))
        positive = [one if w > 0 else 0 * one for w in self.frequencies]
        total = 0 * self.bare
        for a in range(len(self.operators)):
            product = self.weighted(a, positive).conj().T @ self.weighted(a, up)
            total = total + (product + product.conj().T) / 2
        return total

    def interaction(self) -> Interaction:
        """G^(P) and G^(D) of every pair, from the same stored tensors."""
        if isinstance(self.source, BathMatrices):
            return Interaction(self.multilevel, self.source.field, self.source)
        return Interaction(self.multilevel, self.source.tensors.field, self.source.tensors)

    def resonant(self) -> Any:
        """H_LS of the RWA: the terms of G^(P) with Ω₁Ω₂ < 0 or both zero, and level shifts.

        The level shifts of each emitter follow the same rule: they are
        Σ ½[S_ab(ω) + S_ab(ω')] A_a†(ω')A_b(ω) over ω, ω' of the same sign or both zero.
        """
        m = self.multilevel
        total = 0 * self.bare
        pairs = self.interaction()
        pairs.prepare()
        for i in range(len(m)):
            for j in range(i + 1, len(m)):
                first, second = m.bohr_frequencies(i), m.bohr_frequencies(j)
                both = np.multiply.outer(first, second)
                static = np.logical_and.outer(first == 0, second == 0)
                kept = np.where((both < 0) | static, pairs.principal(i, j), 0)
                total = total + embed(m.levels, {(i, j): kept})
        source = self.source
        if isinstance(source, FieldBath) and not source.tensors.scatters(self._used_frequencies):
            return total  # without scattered light there are no level shifts to compute
        shifts = self._shifts(own_only=True)
        signs = np.sign(self.frequencies)
        one = np.eye(len(self.operators))
        for sign in (-1, 0, 1):
            chosen = [
                shift if s == sign else 0 * one for shift, s in zip(shifts, signs, strict=True)
            ]
            plain = [one if s == sign else 0 * one for s in signs]
            for a in range(len(self.operators)):
                product = self.weighted(a, plain).conj().T @ self.weighted(a, chosen)
                total = total + (product + product.conj().T) / 2
        return total

    def secular_shift(self) -> Any:
        """H_LS restricted to terms of equal frequency."""
        total = 0 * self.bare
        for w, shift in enumerate(self.shift):
            for a, left in enumerate(self.parts):
                for b, right in enumerate(self.parts):
                    if shift[a, b] != 0 and left[w].nnz and right[w].nnz:
                        total = total + shift[a, b] * (left[w].conj().T @ right[w])
        return total

    def redfield(self) -> Any:
        """The sparse Redfield superoperator for the stacked columns of ρ."""
        from scipy.sparse import identity, kron

        size = self.bare.shape[0]
        half_sided = self.half_sided()
        filling = 1 + max((op.nnz for op in half_sided), default=0) // size
        require(
            20 * 6 * size**2 * filling**2,
            f"the Redfield superoperator of dimension {size}",
            'use approximation="universal"',
        )
        one = identity(size, dtype=complex)

        def both(left: Any, right: Any) -> Any:  # ρ → left ρ right
            return kron(right.T, left, format="csr")

        total = -1j * (both(self.bare, one) - both(one, self.bare))
        for a, half in zip(self.operators, half_sided, strict=True):
            back = half.conj().T
            total = total + both(half, a) + both(a, back)
            total = total - both(a @ half, one) - both(one, back @ a)
        return total

    def variation(self, width: float) -> float:
        """The largest relative change of γ over a width around a Bohr frequency."""
        largest = 0.0
        for omega in self.frequencies:
            if omega > 0 and width > 0:
                start = max(omega - width / 2, omega * 1e-3)
                samples = [self._gamma(w) for w in (start, omega, omega + width / 2)]
                spread = max(
                    np.abs(samples[k] - samples[m]).max() for k, m in ((0, 1), (1, 2), (0, 2))
                )
                size = max(np.abs(sample).max() for sample in samples)
                largest = max(largest, float(spread / max(size, np.finfo(float).tiny)))
        return largest

    def rates(self) -> list[NDArray[Any]]:
        """γ(ω) times the dipole strengths at every frequency; the eigenvalues are rates."""
        strength = np.array([abs(op).max() if op.nnz else 0.0 for op in self.operators])
        return [g * np.outer(strength, strength) for g in self.gamma]


def _root(matrix: NDArray[Any]) -> NDArray[Any]:
    """The Hermitian square root; negative eigenvalues of round-off size become zero."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.conj().T


def _distinct(frequencies: NDArray[np.float64]) -> list[float]:
    """The distinct frequencies in ascending order, symmetric about an exact zero."""
    positive = np.sort(np.abs(frequencies))
    tolerance = _SAME_FREQUENCY * positive[-1]
    positive = positive[positive > tolerance]
    chosen = positive[np.diff(positive, prepend=-np.inf) > tolerance]
    return [*(-chosen[::-1]).tolist(), 0.0, *chosen.tolist()]


def _nearest(frequencies: list[float], values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the listed frequency closest to each value."""
    listed = np.array(frequencies)
    right = np.clip(np.searchsorted(listed, values), 1, max(len(listed) - 1, 1))
    if len(listed) == 1:
        return np.zeros(values.shape, dtype=np.intp)
    return np.where(
        np.abs(values - listed[right - 1]) <= np.abs(values - listed[right]), right - 1, right
    )
