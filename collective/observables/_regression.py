r"""Two-time averages of N emitters by the quantum regression theorem.

With the Liouvillian L,

.. math:: ⟨A(0)B(τ)C(0)⟩ = \mathrm{Tr}[B\,e^{Lτ}(CρA)]

(Carmichael, *Statistical Methods in Quantum Optics 1*, Springer (1999), chapter 1). Matrices are
columns on top of each other, as QuTiP stacks them.

Without a drive only entries ``|a⟩⟨b|`` of one difference in the number of excitations are needed:
C(2N, N) or C(2N, N−1) of 4^N.
"""

from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._memory import require
from collective._operators import excited
from collective.couplings import Couplings
from collective.evolution import evolve, steady_state

if TYPE_CHECKING:
    from qutip import Qobj

_ZERO = 1e-12  # singular values and rates below this, relative to the largest, are zero
_DENSE_COPIES = 6  # the matrix, its factors and their workspace
_DARK = 1e-12  # of the rate of fully excited emitters without interference


def check_size(couplings: Couplings, observable: str, *, dense: bool = False) -> None:
    """Refuse too many emitters before anything is allocated."""
    n = len(couplings)
    entries = 4**n * (4 + 3 * n * n) // 4
    needed = 60 * entries  # of the sparse Liouvillian, three copies
    if dense:
        side = 4**n if np.any(couplings.drive) else comb(2 * n, n)
        needed = max(needed, _DENSE_COPIES * 16 * side**2)
    require(needed, f"{observable} of {n} emitters by the regression theorem", "use fewer emitters")


def check_light(rate: float, matrix: NDArray[Any], observable: str) -> None:
    """Raise where there is nothing to normalise to."""
    if not rate > _DARK * np.trace(matrix).real:
        raise ValueError(
            f"{observable}: there is no light to look at (rate {rate:.2g}): the state is dark, "
            "or too weakly excited for double precision"
        )


def initial(couplings: Couplings, state: Any, observable: str) -> NDArray[np.complex128]:
    """ρ at τ = 0: the steady state, or the one given."""
    if state is not None:
        result = evolve(couplings, state, [0.0], method="exact", observe="states", progress=False)
        assert result.states is not None
        return result.states[0].full()
    if not (np.any(couplings.drive) or np.any(couplings.pump)):
        raise ValueError(
            f"{observable}: without a drive or pump the steady state is dark; give "
            "couplings.replace(drive=...), or the state that decays: state='inverted'"
        )
    return steady_state(couplings).full()


def sector(couplings: Couplings, difference: int) -> NDArray[np.intp]:
    """Places in a stacked matrix where rows have that many more excitations than columns.

    A drive changes the number of excitations of rows and columns separately: all places.
    """
    counts = excited(len(couplings)).sum(axis=1)
    kept = counts[:, None] - counts == difference
    if np.any(couplings.drive):
        kept[:] = True
    return np.flatnonzero(kept.ravel(order="F"))


def generator(couplings: Couplings, places: NDArray[np.intp]) -> Any:
    """The Liouvillian between these places, sparse."""
    from scipy.sparse import csr_array

    whole = csr_array(couplings.liouvillian().data_as("csr_matrix"))
    return whole[places][:, places]


def evolved(matrix: Any, vectors: NDArray[Any], delays: NDArray[np.float64]) -> NDArray[Any]:
    """e^{Lτ} applied to columns (n, C), at every delay: (K, n, C)."""
    from scipy.sparse.linalg import expm_multiply

    require(
        32 * len(delays) * vectors.size,
        f"two-time averages at {len(delays)} delays",
        "use fewer delays or emitters",
    )
    found = np.empty((len(delays), *vectors.shape), dtype=complex)
    earlier = 0.0
    for k, delay in enumerate(delays):
        if delay > earlier:
            vectors = expm_multiply(matrix * (delay - earlier), vectors)
        found[k], earlier = vectors, delay
    return found


class Resolvent:
    """(−iω − L)⁻¹ at many frequencies from one Schur decomposition L = QTQ†.

    Unlike eigenvectors it is stable where two of them coincide, as at Ω = Γ/4 of one emitter.
    Coherences with a dark state never decay and never shine: they come first in Q, where T is
    triangular, and what is left is solved without them.
    """

    def __init__(self, matrix: NDArray[np.complex128]):
        from scipy.linalg import schur

        dark = _ZERO * np.abs(matrix).max()
        upper, unitary, skipped = schur(
            matrix, output="complex", sort=lambda value: bool(value.real > -dark)
        )
        self._upper, self._unitary = upper[skipped:, skipped:], unitary[:, skipped:]

    def moments(
        self,
        outputs: NDArray[Any],
        inputs: NDArray[Any],
        frequencies: NDArray[np.float64],
    ) -> NDArray[np.complex128]:
        """Σ_c outputs[c]·(−iω − L)⁻¹·inputs[:, c] at every frequency, (F,)."""
        from scipy.linalg import solve_triangular

        rows, columns = outputs @ self._unitary, self._unitary.conj().T @ inputs
        diagonal = np.arange(len(self._upper))
        system = -self._upper
        found = np.empty(len(frequencies), dtype=complex)
        for k, frequency in enumerate(frequencies):
            system[diagonal, diagonal] = -1j * frequency - self._upper[diagonal, diagonal]
            solved = solve_triangular(system, columns, check_finite=False)
            found[k] = np.einsum("cn,nc->", rows, solved)
        return found


def lifetime(couplings: Couplings, rho: NDArray[Any]) -> NDArray[np.complex128]:
    """∫₀^∞dt (ρ(t) − ρ(∞)) of a decay, between states of as many excitations.

    What stays for ever, in the ground state or in a dark one, gives no light.
    """
    size = len(rho)
    places = sector(couplings, 0)
    matrix = generator(couplings, places).toarray()
    start = rho.ravel(order="F")[places]
    left, singular, right = np.linalg.svd(matrix)
    kept = singular <= _ZERO * singular[0]
    stationary, conserved = right[kept].conj().T, left[:, kept].conj().T
    # 0 is a semisimple eigenvalue of a Lindblad generator: kernel and image span everything
    start = start - stationary @ np.linalg.solve(conserved @ stationary, conserved @ start)
    amounts = (left[:, ~kept].conj().T @ start) / singular[~kept]
    found = np.zeros(size**2, dtype=complex)
    found[places] = -right[~kept].conj().T @ amounts
    return found.reshape(size, size, order="F")


def sources(rho: NDArray[Any], operators: "list[Qobj]") -> NDArray[np.complex128]:
    """ρL† of every channel, stacked: (4^N, C)."""
    # (Lρ†)† by the sparse L from the left
    found = [(L.data_as("csr_matrix") @ rho.conj().T).conj().T for L in operators]
    return np.stack([matrix.ravel(order="F") for matrix in found], axis=1)


def read_out(operators: "list[Qobj]") -> NDArray[np.complex128]:
    """Rows whose product with a stacked X is Tr[LX], (C, 4^N)."""
    return np.stack([L.full().ravel() for L in operators])
