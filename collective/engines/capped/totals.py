r"""Means over branches, with their standard errors.

With the branch without jumps :math:`ψ_0`, of the squared norm w(t), and M branches φ_i that have
jumped before t,

.. math:: \overline{⟨O⟩} = ⟨ψ_0|O|ψ_0⟩ + (w(0) − w(t)) \frac{1}{M}Σ_i ⟨φ_i|O|φ_i⟩

Only the second part has a standard error. Deviations from ⟨ψ₀|O|ψ₀⟩/w are added up, because they
are small: a jump changes a nearly coherent state little.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.capped.branches import Anchor, Branch

_NO_NORM = 1e-200  # a squared norm that has underflowed


@dataclass(frozen=True, eq=False)
class Drawn:
    """Sums over the branches drawn so far, of deviations d from the branch without jumps.

    Attributes:
        count: number of branches.
        jumps: number of their jumps.
        counts: (T,), how many have jumped before each time.
        sums: (T, columns), Σd.
        squares: (T, columns), Σd².
        matrices: (T, N, N) or (0, N, N), sums of ⟨σ⁺_mσ⁻_n⟩.
    """

    count: int
    jumps: int
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    matrices: NDArray[np.complex128]

    def plus(self, branch: Branch, typical: NDArray[np.float64]) -> "Drawn":
        """The sums with one more branch; `typical` are the rows from which d is counted."""
        found = replace(
            self, count=self.count + 1, jumps=self.jumps + branch.jumps,
            counts=self.counts.copy(), sums=self.sums.copy(), squares=self.squares.copy(),
        )  # fmt: skip
        first = branch.first
        apart = branch.rows - typical[first:]
        found.counts[first:] += 1
        found.sums[first:] += apart
        found.squares[first:] += apart**2
        if len(branch.pairs):
            matrices = self.matrices.copy()
            matrices[first:] += branch.pairs
            found = replace(found, matrices=matrices)
        return found


@dataclass(frozen=True, eq=False)
class Unjumped:
    """The branch without jumps, at the output times reached.

    Attributes:
        rows: (T, columns), not normalised.
        norms: (T,), its squared norm.
        matrices: (T, N, N) or (0, N, N), ⟨σ⁺_mσ⁻_n⟩, not normalised.
        anchors: states from which branches start.
    """

    rows: NDArray[np.float64]
    norms: NDArray[np.float64]
    matrices: NDArray[np.complex128]
    anchors: list[Anchor]

    @property
    def typical(self) -> NDArray[np.float64]:
        """The rows of the normalised state; a jump changes little of them."""
        return _shares(self.rows, self.norms[:, None])


def _shares(values: NDArray[Any], of: NDArray[np.float64]) -> NDArray[Any]:
    """Values over a squared norm; zero where nothing is left of it."""
    found: NDArray[Any] = np.divide(values, of, out=np.zeros_like(values), where=of > _NO_NORM)
    return found


def means(
    unjumped: Unjumped, drawn: Drawn
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]:
    """Rows (T, columns), their standard errors, and ⟨σ⁺_mσ⁻_n⟩ (T, N, N), or (0, N, N)."""
    u = unjumped
    jumped = (u.norms[0] - u.norms)[:, None]
    typical, some = u.typical, np.maximum(drawn.counts, 1)[:, None]
    rows = u.rows + jumped * (typical + drawn.sums / some)
    matrices = u.matrices
    if len(matrices):
        mean = np.where(
            drawn.counts[:, None, None] > 0,
            drawn.matrices / some[..., None],
            _shares(matrices, u.norms[:, None, None]),
        )
        matrices = matrices + jumped[..., None] * mean
    return rows, jumped * _scatter(drawn, typical), matrices


def _scatter(drawn: Drawn, typical: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard errors of the mean of the branches that have jumped, (T, columns).

    Where few have jumped, their own scatter says little: it gets one more deviation, of the size
    that branches have at other times, absolute or relative, whichever is smaller. Without any
    branch, the error is the mean itself.
    """
    counts = np.maximum(drawn.counts, 1)[:, None]
    squares, size = drawn.squares / counts, np.abs(typical)
    shares = np.divide(squares, size**2, out=np.zeros_like(size), where=size > 1e-150)
    usual = np.minimum(shares.max(axis=0) * size**2, squares.max(axis=0))
    spread = (squares - (drawn.sums / counts) ** 2).clip(0) * counts
    spread += np.maximum(squares, usual)
    scatter = np.sqrt(spread / (counts * np.maximum(counts - 1, 1)))
    return np.where(drawn.counts[:, None] > 0, scatter, size)
