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

from collective._tools.memory import require
from collective._tools.operators import exchange, excited
from collective.couplings.couplings import Couplings
from collective.evolution.steady_state import steady_state
from collective.observables import _given
from collective.states import density_matrix

if TYPE_CHECKING:
    from qutip import Qobj

_ZERO = 1e-12  # singular values and rates below this, relative to the largest, are zero
_DENSE_COPIES = 8  # the matrix, its basis, its factors and their workspace
_DARK = 1e-12  # of what fully excited emitters without interference give
_LEAST = 1e-8  # of one excitation's amplitude, so that powers of it stay numbers
_MISSED = 1e-9  # of the photons


def check_size(couplings: Couplings, observable: str, *, dense: bool = False) -> None:
    """Refuse too many emitters before anything is allocated."""
    n = len(couplings)
    entries = 4**n * (4 + 3 * n * n) // 4
    needed = 60 * entries  # of the sparse Liouvillian, three copies
    if dense:
        side = 4**n if np.any(couplings.drive) else comb(2 * n, n)
        needed = max(needed, _DENSE_COPIES * 16 * side**2)
    require(needed, f"{observable} of {n} emitters by the regression theorem", "use fewer emitters")


def check_light(amount: float, brightest: float, observable: str, what: str = "rate") -> None:
    """Raise where there is nothing to normalise to, measured by what excited emitters give."""
    if not amount > _DARK * brightest:
        raise ValueError(
            f"{observable}: there is no light to look at ({what} {amount:.2g}, fully excited "
            f"emitters {brightest:.2g}): the state is dark, or too weakly excited for double "
            "precision"
        )


def require_source(couplings: Couplings, observable: str) -> None:
    """Raise for emitters whose steady state nothing excites, or that light of others shines on."""
    _given.cold(couplings, observable)
    if not (np.any(couplings.drive) or np.any(couplings.pump)):
        raise ValueError(
            f"{observable}: without a drive or pump the steady state is dark; give "
            "couplings.replace(drive=...), or the state that decays: state='inverted'"
        )


def initial(couplings: Couplings, state: Any, observable: str) -> NDArray[np.complex128]:
    """ρ at τ = 0: the steady state, or the one given."""
    if state is not None:
        return density_matrix(state, couplings).full()
    require_source(couplings, observable)
    return _to_every_order(couplings, steady_state(couplings).full())


def grading(couplings: Couplings, rho: NDArray[Any]) -> NDArray[np.float64]:
    """s^(n_a + n_b) of every stacked entry |a⟩⟨b|, s² the mean number of excitations: (4^N,).

    In a weakly excited steady state ρ_ab is of this order. Two photons are of the order s⁴, which
    is lost beside ρ of the ground state unless every entry is measured by its own order.
    """
    counts = excited(len(couplings)).sum(axis=1)
    amplitude = np.clip(np.sqrt(abs(counts @ np.diag(rho).real)), _LEAST, 1.0)
    return np.asarray(amplitude ** (counts[:, None] + counts).ravel())


def _to_every_order(couplings: Couplings, rho: NDArray[Any]) -> NDArray[np.complex128]:
    """A steady state with every entry exact to its own digits, not only to those of the largest."""
    from scipy.sparse.linalg import splu

    orders = grading(couplings, rho)
    if np.all(orders == 1):
        return rho
    matrix = generator(couplings, np.arange(rho.size), orders)
    # the ground state is the last; conserved probability makes its row that of all others
    rest, ground = matrix[:-1, :-1].tocsc(), matrix[:-1, [-1]].toarray()[:, 0]
    factors = splu(rest)
    found = -factors.solve(ground)
    found -= factors.solve(ground + rest @ found)
    found = (orders * np.append(found, 1.0)).reshape(rho.shape, order="F")
    found = (found + found.conj().T) / 2
    return np.asarray(found / np.trace(found))


def sector(couplings: Couplings, difference: int) -> NDArray[np.intp]:
    """Places in a stacked matrix where rows have that many more excitations than columns.

    A drive changes the number of excitations of rows and columns separately: all places.
    """
    counts = excited(len(couplings)).sum(axis=1)
    kept = counts[:, None] - counts == difference
    if np.any(couplings.drive):
        kept[:] = True
    return np.flatnonzero(kept.ravel(order="F"))


def generator(
    couplings: Couplings, places: NDArray[np.intp], orders: NDArray[np.float64] | None = None
) -> Any:
    """The Liouvillian between these places, sparse; acting on entries divided by their orders."""
    from scipy.sparse import csr_array, diags_array

    whole = csr_array(couplings.liouvillian().data_as("csr_matrix"))
    found = whole[places][:, places]
    if orders is None:
        return found
    return csr_array(diags_array(1 / orders[places]) @ found @ diags_array(orders[places]))


def stationary(
    couplings: Couplings, rho: NDArray[Any], places: NDArray[np.intp], *, steady: bool
) -> tuple[NDArray[np.complex128], NDArray[np.float64]] | None:
    """A ρ that stays for ever, stacked, and the trace, both at these places; None if not known.

    Args:
        couplings: any.
        rho: ρ at τ = 0.
        places: where.
        steady: whether that is the steady state; else the ground state is, of what only decays.
    """
    trace = np.eye(len(rho)).ravel()[places]
    if steady:
        return rho.ravel(order="F")[places], trace
    if np.any(couplings.drive) or np.any(couplings.pump):
        return None
    return (places == rho.size - 1).astype(complex), trace


def between_eigenstates(
    couplings: Couplings, places: NDArray[np.intp]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """The Liouvillian without drive between |a⟩⟨b| of eigenstates of H, and these as columns.

    There shifts are on the diagonal alone, and leave the rates of close emitters, smaller by many
    orders, all their digits.
    """
    size = 2 ** len(couplings)
    counts = excited(len(couplings)).sum(axis=1)
    hamiltonian = couplings.undriven_hamiltonian().full()
    energies, states = np.zeros(size), np.zeros((size, size), dtype=complex)
    for count in range(len(couplings) + 1):
        some = np.flatnonzero(counts == count)
        block = np.ix_(some, some)
        energies[some], states[block] = np.linalg.eigh(hamiltonian[block])
    columns, rows = np.divmod(places, size)
    basis = states[np.ix_(rows, rows)] * states[np.ix_(columns, columns)].conj()
    alone = couplings.replace(shift=np.zeros((len(couplings),) * 2), detunings=0.0)
    matrix = basis.conj().T @ (generator(alone, places) @ basis)
    matrix -= 1j * np.diag(energies[rows] - energies[columns])
    return matrix, basis


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
        self._dark = unitary[:, :skipped]

    def moments(
        self,
        outputs: NDArray[Any],
        inputs: NDArray[Any],
        frequencies: NDArray[np.float64],
    ) -> NDArray[np.complex128]:
        """Σ_c outputs[c]·(−iω − L)⁻¹·inputs[:, c] at every frequency, (F,).

        Raises:
            ValueError: if what was taken for dark gives light.
        """
        from scipy.linalg import solve_triangular

        lost = abs(np.einsum("cn,nc->", outputs @ self._dark, self._dark.conj().T @ inputs))
        if lost > _MISSED * abs(np.einsum("cn,nc->", outputs, inputs)):
            share = f"a share {lost:.2g} of the light decays below {_ZERO:g} of the largest rate"
            raise ValueError(_too_close(share))
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

    Raises:
        ValueError: where photons and what stays are not all excitations there were: rates far
            below others are lost in double precision.
    """
    size = len(rho)
    places = sector(couplings, 0)
    matrix, basis = between_eigenstates(couplings, places)
    start = basis.conj().T @ rho.ravel(order="F")[places]
    # coherences turn at the shifts, populations decay at Γ: each is measured by its own rate
    unit = np.maximum(np.abs(np.diag(matrix)), np.trace(couplings.decay).real) ** -0.5
    left, singular, right = np.linalg.svd(unit[:, None] * matrix * unit)
    kept = singular <= _ZERO * singular[0]
    stationary, conserved = unit[:, None] * right[kept].conj().T, left[:, kept].conj().T * unit
    # 0 is a semisimple eigenvalue of a Lindblad generator: kernel and image span everything
    staying = stationary @ np.linalg.solve(conserved @ stationary, conserved @ start)
    start = start - staying
    amounts = (left[:, ~kept].conj().T @ (unit * start)) / singular[~kept]
    found = np.zeros(size**2, dtype=complex)
    found[places] = basis @ (-unit * (right[~kept].conj().T @ amounts))
    rates = exchange(couplings.decay).full().ravel()
    excitations = np.diag(excited(len(couplings)).sum(axis=1)).ravel()[places]
    missed = abs(excitations @ basis @ start - rates @ found)
    if missed > _MISSED * len(couplings):
        raise ValueError(_too_close(f"{missed:.1e} photons are missing"))
    return found.reshape(size, size, order="F")


def _too_close(finding: str) -> str:
    return (
        f"emitters are too close for double precision: {finding}, lost beside their shifts; move "
        "them apart"
    )


def sources(rho: NDArray[Any], operators: "list[Qobj]") -> NDArray[np.complex128]:
    """ρL† of every channel, stacked: (4^N, C)."""
    # (Lρ†)† by the sparse L from the left
    found = [(L.data_as("csr_matrix") @ rho.conj().T).conj().T for L in operators]
    return np.stack([matrix.ravel(order="F") for matrix in found], axis=1)


def read_out(operators: "list[Qobj]") -> NDArray[np.complex128]:
    """Rows whose product with a stacked X is Tr[LX], (C, 4^N)."""
    return np.stack([L.full().ravel() for L in operators])
