r"""Two-time averages of N emitters by the quantum regression theorem.

With the Liouvillian L,

.. math:: ⟨A(0)B(τ)C(0)⟩ = \mathrm{Tr}[B\,e^{Lτ}(CρA)]

(Carmichael, *Statistical Methods in Quantum Optics 1*, Springer (1999), chapter 1). Matrices are
stacked as in QuTiP, column by column.

Without a drive, only entries ``|a⟩⟨b|`` are needed whose numbers of excitations differ by a fixed
number: C(2N, N) or C(2N, N−1) of all 4^N.

The file is longer than others because it holds the same theorem for all of ρ and for these entries.
"""

from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective._tools.operators import exchange, excited
from collective._tools.progress import say
from collective._tools.speed import speed
from collective.couplings.couplings import Couplings
from collective.evolution.steady_state import steady_state
from collective.observables import _inputs
from collective.states import density_matrix

if TYPE_CHECKING:
    from qutip import Qobj

_ZERO = 1e-12  # singular values and rates below this, relative to the largest, count as zero
_DENSE_COPIES = 10  # copies of a dense matrix: itself, its basis, its factors, their workspace
_DENSE_FLOPS = 200.0  # of a Schur form, singular values and products, per cube of the rows
_ANNOUNCED, _LONGEST = 60.0, 3600.0  # predicted seconds
_DARK = 1e-12  # light below this share of that of fully excited emitters counts as none
_SMALLEST_AMPLITUDE = 1e-8  # of one excitation, so that its powers do not underflow
_MISSING_PHOTONS = 1e-9  # largest error of the number of photons, per emitter


def check_size(couplings: Couplings, observable: str, *, dense: bool = False) -> None:
    """Raise if there are too many emitters, before anything is allocated.

    Args:
        couplings: of N emitters.
        observable: its name, for errors.
        dense: whether the Liouvillian will be a dense matrix.
    """
    n = len(couplings)
    entries = 4**n * (4 + 3 * n * n) // 4
    needed = 60 * entries  # bytes of three copies of the sparse Liouvillian
    if dense:
        side = 4**n if np.any(couplings.drive) else comb(2 * n, n)
        needed = max(needed, _DENSE_COPIES * 16 * side**2)
    require(needed, f"{observable} of {n} emitters by the regression theorem", "use fewer emitters")
    if dense:
        _check_seconds(couplings, observable, _DENSE_FLOPS * float(side) ** 3 * speed().flop)


def _check_seconds(couplings: Couplings, observable: str, seconds: float) -> None:
    """Announce a calculation that takes minutes, and refuse one that takes hours."""
    n = len(couplings)
    if seconds > _LONGEST:
        ways = "use fewer emitters"
        if couplings.dephasing.ndim == 2:
            ways += ", or a state with one excitation and a dephasing of each emitter alone"
        elif np.any(couplings.dephasing) and not np.any(couplings.pump):
            ways += ", a state with one excitation, or couplings without dephasing"
        raise ValueError(
            f"{observable} of {n} emitters by the regression theorem would take about "
            f"{seconds / 3600:.2g} hours: {ways}"
        )
    if seconds > _ANNOUNCED:
        say(f"collective: {observable} of {n} emitters, about {seconds / 60:.2g} min predicted")


def is_lit(amount: float, brightest: float) -> bool:
    """Whether there is light enough to normalise to; arguments as in `check_light`."""
    return amount > _DARK * brightest


def check_light(amount: float, brightest: float, observable: str, what: str = "rate") -> None:
    """Raise if there is too little light to normalise to.

    Args:
        amount: of light.
        brightest: amount of light of fully excited emitters without interference.
        observable: its name, for errors.
        what: what the amount is, for errors.
    """
    if not is_lit(amount, brightest):
        raise ValueError(
            f"{observable}: there is no light ({what} {amount:.2g}, against {brightest:.2g} of "
            "fully excited emitters): the state is dark, or too weakly excited for double "
            "precision; use another state, or drive more strongly"
        )


def require_source(couplings: Couplings, observable: str) -> None:
    """Raise for emitters without drive or pump, whose steady state is dark, or in thermal light."""
    _inputs.require_cold(couplings, observable)
    if not (np.any(couplings.drive) or np.any(couplings.pump)):
        raise ValueError(
            f"{observable}: without a drive or pump the steady state is dark; give "
            "couplings.replace(drive=...), or a state that decays, such as state='inverted'"
        )


def initial(couplings: Couplings, state: Any, observable: str) -> NDArray[np.complex128]:
    """ρ at τ = 0, (2^N, 2^N): the given state, or the steady state if that is None."""
    if state is not None:
        return density_matrix(state, couplings).full()
    require_source(couplings, observable)
    return _refined(couplings, steady_state(couplings).full())


def magnitudes(couplings: Couplings, rho: NDArray[Any]) -> NDArray[np.float64]:
    """Expected magnitude s^(n_a + n_b) of every stacked entry |a⟩⟨b|, (4^N,).

    s² is the mean number of excitations; in a weakly excited steady state ρ_ab is of this
    magnitude. Two photons are of the order s⁴, which round-off hides beside the ground state
    unless every entry is divided by its own magnitude first.
    """
    counts = excited(len(couplings)).sum(axis=1)
    amplitude = np.clip(np.sqrt(abs(counts @ np.diag(rho).real)), _SMALLEST_AMPLITUDE, 1.0)
    return np.asarray(amplitude ** (counts[:, None] + counts).ravel())


def _refined(couplings: Couplings, rho: NDArray[Any]) -> NDArray[np.complex128]:
    """A steady state whose every entry, also a small one, has a small relative error."""
    from scipy.sparse.linalg import splu

    scale = magnitudes(couplings, rho)
    if np.all(scale == 1):
        return rho
    matrix = generator(couplings, np.arange(rho.size), scale)
    # the ground state is the last entry; its row follows from the others, which conserve the trace
    rest, ground = matrix[:-1, :-1].tocsc(), matrix[:-1, [-1]].toarray()[:, 0]
    factors = splu(rest)
    found = -factors.solve(ground)
    found -= factors.solve(ground + rest @ found)
    found = (scale * np.append(found, 1.0)).reshape(rho.shape, order="F")
    found = (found + found.conj().T) / 2
    return np.asarray(found / np.trace(found))


def places_of(couplings: Couplings, difference: int) -> NDArray[np.intp]:
    """Places in a stacked matrix whose row has `difference` more excitations than its column, (P,).

    With a drive all places are needed: it changes the numbers of rows and columns separately.
    """
    counts = excited(len(couplings)).sum(axis=1)
    kept = counts[:, None] - counts == difference
    if np.any(couplings.drive):
        kept[:] = True
    return np.flatnonzero(kept.ravel(order="F"))


def generator(
    couplings: Couplings, places: NDArray[np.intp], scale: NDArray[np.float64] | None = None
) -> Any:
    """The Liouvillian between some places, sparse (P, P).

    Args:
        couplings: of N emitters.
        places: in a stacked matrix, (P,).
        scale: of every stacked entry, (4^N,); the result then acts on entries divided by it.
    """
    from scipy.sparse import csr_array, diags_array

    whole = csr_array(couplings.liouvillian().data_as("csr_matrix"))
    found = whole[places][:, places]
    if scale is None:
        return found
    return csr_array(diags_array(1 / scale[places]) @ found @ diags_array(scale[places]))


def stationary(
    couplings: Couplings, rho: NDArray[Any], places: NDArray[np.intp], *, steady: bool
) -> tuple[NDArray[np.complex128], NDArray[np.float64]] | None:
    """ρ at infinite time and the row that gives the trace, both (P,); None if not known.

    Args:
        couplings: of N emitters.
        rho: ρ at τ = 0.
        places: of both in a stacked matrix, (P,).
        steady: whether ρ is the steady state. If not, emitters that only decay come to the ground
            state, and the limit of others is not known.
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
    """The Liouvillian without drive between eigenstates |a⟩⟨b| of H, and these as columns.

    In this basis the shifts are on the diagonal only. The rates of close emitters, smaller by many
    orders of magnitude, then keep all their digits.

    Args:
        couplings: of N emitters.
        places: in a stacked matrix, (P,), all with the same difference of excitations.

    Returns:
        Both (P, P).
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
    alone = couplings.replace(shift=np.zeros((len(couplings),) * 2), detunings=0.0, ising=None)
    matrix = basis.conj().T @ (generator(alone, places) @ basis)
    matrix -= 1j * np.diag(energies[rows] - energies[columns])
    return matrix, basis


class Resolvent:
    """(−iω − L)⁻¹ at many frequencies from one Schur decomposition L = QTQ†.

    Unlike eigenvectors it is stable where two of them coincide, as at Ω = Γ/4 of one emitter.
    Coherences with a dark state never decay and give no light. They are sorted to the front of Q;
    T is triangular, so the rest is solved without them.

    Args:
        matrix: L, dense (P, P).
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

        Args:
            outputs: rows, (C, P).
            inputs: columns, (P, C).
            frequencies: ω, (F,).

        Raises:
            ValueError: if a coherence that counts as dark gives light.
        """
        from scipy.linalg import solve_triangular

        lost = abs(np.einsum("cn,nc->", outputs @ self._dark, self._dark.conj().T @ inputs))
        if lost > _MISSING_PHOTONS * abs(np.einsum("cn,nc->", outputs, inputs)):
            share = (
                f"light of rate {lost:.2g} comes from coherences that decay more slowly than "
                f"{_ZERO:g} of the largest rate"
            )
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


def time_integral(couplings: Couplings, rho: NDArray[Any]) -> NDArray[np.complex128]:
    """∫₀^∞dt (ρ(t) − ρ(∞)) of a decay, between states with the same number of excitations.

    The part of ρ that stays forever, in the ground state or a dark state, gives no light.

    Args:
        couplings: of N emitters, without drive and pump.
        rho: ρ at t = 0, (2^N, 2^N).

    Raises:
        ValueError: if the photons and the excitations that stay do not add up to those at t = 0:
            some rates are too far below others for double precision.
    """
    size = len(rho)
    places = places_of(couplings, 0)
    matrix, basis = between_eigenstates(couplings, places)
    start = basis.conj().T @ rho.ravel(order="F")[places]
    # coherences rotate at the shifts, populations decay at Γ: each is divided by its own rate
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
    missing = abs(excitations @ basis @ start - rates @ found)
    if missing > _MISSING_PHOTONS * len(couplings):
        raise ValueError(_too_close(f"{missing:.1e} photons are missing"))
    return found.reshape(size, size, order="F")


def _too_close(finding: str) -> str:
    """Text of the error for rates that are too small beside the shifts."""
    return (
        "couplings: the emitters are so close that their shifts hide their slowest decay rates in "
        f"double precision ({finding}); move them apart"
    )


def sources(rho: NDArray[Any], operators: "list[Qobj]") -> NDArray[np.complex128]:
    """ρL† of every channel, stacked: (4^N, C)."""
    # (Lρ†)†, so that the sparse L multiplies from the left
    found = [(L.data_as("csr_matrix") @ rho.conj().T).conj().T for L in operators]
    return np.stack([matrix.ravel(order="F") for matrix in found], axis=1)


def read_out(operators: "list[Qobj]") -> NDArray[np.complex128]:
    """Rows whose product with a stacked X is Tr[LX], (C, 4^N)."""
    return np.stack([L.full().ravel() for L in operators])
