r"""The interaction of multi-level dipoles through a field, with counter-rotating terms.

With τ^{yx} = ``|y⟩⟨x|``, Ω^{yx} = E_y − E_x and the dipole elements m^{yx}, one tensor per pair,

.. math:: F(ω) = 2k^2 G(r_1, r_2, k) \;\text{(electric)}, \quad 2C \;\text{(magnetic)}, \qquad
          J = \mathrm{Im}\,F, \quad K = −½\,\mathrm{Re}\,F,

J odd and K even in ω, gives

.. math:: H_{12} = \sum_{yx,uv} (G^{(P)} + G^{(D)})\, τ_1^{yx} τ_2^{uv}

.. math:: G^{(P)} = ½[K(Ω_1^{yx}) + K(Ω_2^{uv})], \quad
          G^{(D)} = \tfrac{i}{4}[J(Ω_1^{yx}) + J(Ω_2^{uv})]

(Hu, Zhao and Li, "The field-induced interaction between non-resonant magnetic dipoles"; the signs
are corrected, see the list of errata in the documentation).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks, equality
from collective._tools.console import aligned, printable
from collective.emitters import Multilevel
from collective.spectral import Bath, BrownianModes, LossyModes
from collective.spectral.sources import BathMatrices, FieldTensors

if TYPE_CHECKING:
    from qutip import Qobj

_SAME = 1e-9  # relative difference below which two frequencies are resonant


@dataclass(frozen=True, eq=False, repr=False)
class Interaction:
    """G^(P) and G^(D) between every pair of multi-level dipoles; made by `interaction`."""

    multilevel: Multilevel
    field: Any
    source: FieldTensors | BathMatrices = dataclass_field(compare=False)

    __eq__ = equality.same
    __hash__ = equality.hashed

    def principal(self, i: int, j: int) -> NDArray[np.complex128]:
        """G^(P) as [y, x, u, v] for ``|y⟩⟨x|`` on emitter i and ``|u⟩⟨v|`` on j, in rates."""
        return self._elements(i, j)[0]

    def dissipative(self, i: int, j: int) -> NDArray[np.complex128]:
        """G^(D) as [y, x, u, v] for ``|y⟩⟨x|`` on emitter i and ``|u⟩⟨v|`` on j, in rates."""
        return self._elements(i, j)[1]

    def hamiltonian(self) -> "Qobj":
        """Σ over unordered pairs of Σ (G^(P) + G^(D)) τ_i τ_j, without H₀; a QuTiP operator."""
        from qutip import Qobj

        return Qobj(self.sparse(), dims=[list(self.multilevel.levels)] * 2)

    def sparse(self) -> Any:
        """The same Hamiltonian as a sparse matrix."""
        levels = self.multilevel.levels
        total = embed(levels, {})
        self.prepare()
        for i in range(len(levels)):
            for j in range(i + 1, len(levels)):
                principal, dissipative = self._elements(i, j)
                total = total + embed(levels, {(i, j): principal + dissipative})
        return total

    def prepare(self) -> None:
        """Compute the tensors of all pairs in one call of the field."""
        if len(self.multilevel) > 1:
            self.source.prepare()

    def terms(self) -> "Terms":
        """Every non-zero term, named and sorted by size; print it."""
        rows = []
        n = len(self.multilevel)
        self.prepare()
        for i in range(n):
            for j in range(i + 1, n):
                principal, dissipative = self._elements(i, j)
                first = self.multilevel.bohr_frequencies(i)
                second = self.multilevel.bohr_frequencies(j)
                for y, x, u, v in np.argwhere((principal != 0) | (dissipative != 0)):
                    rows.append(
                        Term(
                            (i, j),
                            (int(y), int(x), int(u), int(v)),
                            _kind(first[y, x], second[u, v], y == x and u == v),
                            complex(principal[y, x, u, v]),
                            complex(dissipative[y, x, u, v]),
                        )
                    )
        rows.sort(key=lambda term: -abs(term.principal + term.dissipative))
        return Terms(tuple(rows))

    def _elements(self, i: int, j: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """G^(P) and G^(D) of one pair as [y, x, u, v]."""
        m = self.multilevel
        i, j = checks.index("i", i, len(m)), checks.index("j", j, len(m))
        if i == j:
            raise ValueError(
                f"i and j must differ, got {i} twice; for level shifts use co.master_equation"
            )
        first, second = m.dipoles[i], m.dipoles[j]
        # a complex bath has K_ab(−Ω) ≠ K_ab(Ω): the frequency of emitter j enters with a minus sign
        parts = []
        for dipole, frequencies, pattern, sign in (
            (first, m.bohr_frequencies(i), "yxa,yxab,uvb->yxuv", 1),
            (second, -m.bohr_frequencies(j), "yxa,uvab,uvb->yxuv", -1),
        ):
            needed = dipole.any(axis=-1)
            decay, shift = np.zeros((2, *needed.shape, 3, 3), dtype=complex)
            decay[needed], shift[needed] = self.source.pair(i, j, frequencies[needed])
            parts.append(
                [np.einsum(pattern, first, tensor, second) for tensor in (shift, sign * decay)]
            )
        principal = 0.5 * (parts[0][0] + parts[1][0])
        dissipative = 0.25j * (parts[0][1] + parts[1][1])
        return principal, dissipative

    @printable
    def __repr__(self) -> str:
        return f"Interaction of {self.multilevel!r}\n  through {self.field!r}"


@dataclass(frozen=True)
class Term:
    """One term (G^(P) + G^(D)) ``|y⟩⟨x| ⊗ |u⟩⟨v|``.

    Attributes:
        pair: the two emitters (i, j).
        levels: (y, x, u, v).
        kind: "permanent" (both operators are diagonal), "mixed" (one operator does not change the
            energy), "resonant" or "detuned" (one emitter gains energy and the other loses it, the
            same amount or not), or "counter-rotating" (both gain or both lose energy).
        principal: G^(P).
        dissipative: G^(D).
    """

    pair: tuple[int, int]
    levels: tuple[int, int, int, int]
    kind: str
    principal: complex
    dissipative: complex


@dataclass(frozen=True)
class Terms:
    """A table of interaction terms; the largest is first."""

    rows: tuple[Term, ...]

    def __iter__(self) -> Iterator[Term]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @printable
    def __str__(self) -> str:
        rows = [("pair", "term", "kind", "|G(P)|", "|G(D)|")]
        for t in self.rows:
            y, x, u, v = t.levels
            pair, term = f"{t.pair[0]}–{t.pair[1]}", f"|{y}⟩⟨{x}| ⊗ |{u}⟩⟨{v}|"
            sizes = f"{abs(t.principal):.4g}", f"{abs(t.dissipative):.4g}"
            rows.append((pair, term, t.kind, *sizes))
        return aligned(rows, "<6 <18 <18 >10 >10")

    __repr__ = __str__


def interaction(multilevel: Multilevel, field: Any) -> Interaction:
    """The field-mediated interaction of multi-level dipoles.

    Args:
        multilevel: electric or magnetic dipoles.
        field: `Vacuum()`, `Plasma(...)` or any `Field`; magnetic dipoles need `magnetic_green`.
            A `spectral.Bath` for the coupling operators gives K = S(ω) + S(−ω) and
            J = γ(ω) − γ(−ω).

    Raises:
        ValueError: for emitters at one place (unless all dipole elements of one are orthogonal to
            those of the other), a field that is not reciprocal, magnetic dipoles in a field
            without `magnetic_green`, or a bath of the wrong size.

    Example:
        >>> import collective as co
        >>> pair = co.chain(2, 0.1, frequency=1e6)
        >>> G = co.interaction(co.Multilevel.from_emitters(pair), co.Vacuum())
        >>> float(G.principal(0, 1)[0, 1, 1, 0].real.round(9))  # Δ₁₂ of the RWA
        2.597093874
    """
    checks.instance("multilevel", multilevel, Multilevel, "co.Multilevel(...)")
    if isinstance(field, Bath | LossyModes | BrownianModes):
        return Interaction(multilevel, field, BathMatrices(multilevel, field))
    return Interaction(multilevel, field, FieldTensors(multilevel, field, own=False))


def embed(levels: tuple[int, ...], parts: dict[tuple[int, int], NDArray[Any]]) -> Any:
    """Σ of pair operators [y, x, u, v] on emitters (i, j), i < j, as one sparse matrix."""
    from scipy.sparse import csr_array, identity, kron

    size = prod(levels)
    total = csr_array((size, size), dtype=complex)
    for (i, j), part in parts.items():
        before, between, after = (
            identity(prod(levels[a:b])) for a, b in ((0, i), (i + 1, j), (j + 1, None))
        )
        for y in range(levels[i]):
            for x in range(levels[i]):
                if not np.any(part[y, x]):
                    continue
                unit = csr_array(([1.0], ([y], [x])), shape=(levels[i], levels[i]))
                left = kron(kron(before, unit), between)
                total = total + kron(kron(left, csr_array(part[y, x])), after)
    return csr_array(total)


def _kind(first: float, second: float, diagonal: bool) -> str:
    """The kind of a term with these two Bohr frequencies; see `Term`."""
    if diagonal:
        return "permanent"
    if first == 0 and second == 0:
        return "resonant"
    if first == 0 or second == 0:
        return "mixed"
    if first * second > 0:
        return "counter-rotating"
    return "resonant" if abs(first + second) <= _SAME * abs(first) else "detuned"
