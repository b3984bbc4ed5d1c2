r"""ρ by exact exponentials of a constant generator: :math:`ρ(t+h) = e^{\mathcal{L}h}ρ(t)`.

Nothing is integrated: large frequencies and rates cost a few products of matrices more, however
stiff they make the equation. What is kept is :math:`E = e^{\mathcal{L}h} − 1`, from a series over a
short step and then by doubling it,

.. math:: E(2h) = 2E(h) + E(h)^2,

so that slow parts keep their digits beside fast ones: in :math:`e^{\mathcal{L}h}` itself a rate of
1 beside one of 10¹² is lost in the round-off of the number 1. The generator acts on Hermitian
matrices as a real matrix, :math:`ρ_{ii}, \mathrm{Re}\,ρ_{ij}, \mathrm{Im}\,ρ_{ij}`, which falls into
parts that never meet (excitation numbers, without a drive); only what the state reaches is kept.
Every product is freed of the round-off that would change the trace.

Evenly spaced times take one exponential; times with many different steps take those of the steps
h₀2^j, ‖L‖h₀ < 1/16, doubled one from another, and compose every step of them. Up to 1,024 numbers.
"""  # noqa: E501

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import entries_of

if TYPE_CHECKING:
    from qutip import Qobj

LARGEST = 1024  # Liouville dimension D²
_SAME_STEP = 1e-15  # relative: differences of rounding in evenly spaced times
_KEPT = 4  # different steps that get an exponential of their own
_SHORTEST = 4  # the series runs over less than 2⁻⁴/‖L‖: its tenth term is below round-off
_SERIES_PRODUCTS = 4
_NO_DIGITS = 2.0**52  # radians: of such a phase nothing is known
_TRACELESS = 1e-12  # of the generator: round-off of its trace, or of a part that should be real
_SPARSE_BYTES = 120  # per entry of the generator, while it is turned into its real form


class Exponential:
    """Carries ρ by matrix exponentials.

    Args:
        liouvillian: QuTiP superoperator, D² × D².
    """

    def __init__(self, liouvillian: "Qobj"):
        from scipy.sparse import csr_array

        self._dims = liouvillian.dims[0]
        self._side = round(np.sqrt(liouvillian.shape[0]))
        generator = csr_array(entries_of(liouvillian))
        # what turns; what decays keeps its digits however long it does
        self._turning = float(abs(generator.imag).sum(axis=0).max())
        self._basis, self._matrix = _real_form(generator, self._side)
        self._parts: list[_Part] = []
        self._time = 0.0

    def start(self, state0: "Qobj", t0: float) -> None:
        """Set ρ at a time."""
        values = _values(state0, self._basis, self._matrix)
        diagonal = np.zeros(len(values), dtype=bool)
        diagonal[np.arange(self._side) * (self._side + 1)] = True
        self._parts = [
            _Part(self._matrix[part][:, part].toarray(), part, values[part], diagonal[part])
            for part in _occupied(self._matrix, values)
        ]
        self._time = float(t0)

    def step(self, t: float) -> "Qobj":
        """ρ at a later time."""
        from qutip import Qobj

        step = float(t) - self._time
        if self._turning * step > _NO_DIGITS:
            turned = self._turning * step
            raise ValueError(
                f"a step turns phases by {turned:.1e} rad, of which no digits are left; use "
                "shorter steps, or steady_state for what it all comes to"
            )
        values = np.zeros(self._side**2, dtype=self._matrix.dtype)
        for part in self._parts:
            part.advance(step, abs(self._time))
            values[part.places] = part.values
        self._time = float(t)
        rho = np.asarray(self._basis @ values).reshape((self._side, self._side), order="F")
        return Qobj(rho, dims=self._dims)

    def error_bound(self, span: float) -> float:
        """Of ρ after a time: phases are known to the round-off of the rates that turn them."""
        return float(np.finfo(float).eps * self._turning * span)


class _Part:
    """One part of ρ that the others do not reach, and the exponentials of its generator.

    Args:
        generator: (n, n).
        places: of its numbers among all, (n,).
        values: at the first time, (n,).
        diagonal: which of them are populations, (n,).
    """

    def __init__(
        self,
        generator: NDArray[Any],
        places: NDArray[np.intp],
        values: NDArray[Any],
        diagonal: NDArray[np.bool_],
    ):
        self.places, self.values = places, values
        self._norm = float(np.abs(generator).sum(axis=0).max())
        # large rates may have cancelled in a population, so the leak is measured by the largest
        leak = np.abs(generator[diagonal].sum(axis=0))
        kept = np.all(leak <= _TRACELESS * self._norm)
        self._populations = np.flatnonzero(diagonal) if kept else np.empty(0, dtype=np.intp)
        self._generator = self._traceless(generator)
        self._steps: dict[float, NDArray[Any]] = {}
        self._ladder: list[NDArray[Any]] = []

    def advance(self, step: float, time: float) -> None:
        """Carry the values on by a step from a time, whose round-off tells equal steps."""
        known = next(
            (m for h, m in self._steps.items() if abs(h - step) <= _SAME_STEP * (step + time)), None
        )
        if known is None and len(self._steps) == _KEPT:
            self.values = self._composed(step)
            return
        if known is None:
            doublings = _doublings(self._norm * step)
            known = self._series(step / 2.0**doublings)
            for _ in range(doublings):
                known = self._doubled(known)
            self._steps[step] = known
        self.values = self.values + known @ self.values

    def _series(self, step: float) -> NDArray[Any]:
        """E of a short step, nine terms of its series in four products."""
        m = self._generator * step
        m2 = m @ m
        m3 = m2 @ m
        high = m / 5040 + m2 / 40320 + m3 / 362880
        high = m / 24 + m2 / 120 + m3 / 720 + m3 @ high
        return self._traceless(m + m2 / 2 + m3 / 6 + m3 @ high)

    def _doubled(self, e: NDArray[Any]) -> NDArray[Any]:
        """E of twice the step."""
        found = e @ e
        found += e
        found += e
        return self._traceless(found)

    def _traceless(self, e: NDArray[Any]) -> NDArray[Any]:
        """E without the round-off by which it changes the trace, shared out over populations."""
        if len(self._populations):
            rows = e[self._populations]
            e[self._populations] = rows - rows.sum(axis=0) / len(rows)
        return e

    def _composed(self, step: float) -> NDArray[Any]:
        """The values after a step, by the binary digits of step·2⁴‖L‖ and a series for the rest."""
        unit = 2.0**-_SHORTEST / self._norm if self._norm > 0 else step
        whole = int(step / unit)
        values = term = self.values
        for n in range(1, 10):
            term = self._generator @ term * ((step - whole * unit) / n)
            values = values + term
        for j in range(whole.bit_length()):
            if j == len(self._ladder):
                last = self._doubled(self._ladder[-1]) if self._ladder else self._series(unit)
                self._ladder.append(last)
            if whole >> j & 1:
                values = values + self._ladder[j] @ values
        return values


def _doublings(phase: float) -> int:
    """How often the step of the series is doubled to reach ‖L‖h."""
    return max(0, int(np.ceil(np.log2(max(phase, 1e-300)))) + _SHORTEST)


def _real_form(generator: Any, side: int) -> tuple[Any, Any]:
    """Columns of the basis ρ_ii, Re ρ_ij, Im ρ_ij in ρ (D², D²), and the generator in it; sparse.

    A generator that does not keep ρ Hermitian stays as it is, complex.
    """
    from scipy.sparse import csr_array, eye_array

    size = side * side
    here = np.arange(size)
    column, row = np.divmod(here, side)  # QuTiP stacks columns
    across = row * side + column
    upper, lower = np.flatnonzero(row < column), np.flatnonzero(row > column)
    diagonal = np.flatnonzero(row == column)
    # the place of ρ_ij, i < j, holds its real part, that of ρ_ji the imaginary part of ρ_ij
    places = [diagonal, upper, across[upper], across[lower], lower]
    holders = [diagonal, upper, upper, lower, lower]
    factors = [np.full(len(p), f) for p, f in zip(places, (1, 1, 1, 1j, -1j), strict=True)]
    basis = csr_array(
        (np.concatenate(factors), (np.concatenate(places), np.concatenate(holders))),
        shape=(size, size),
    )
    halves = np.where(row == column, 1.0, 0.5)
    found = csr_array((basis.conj().T @ generator @ basis).multiply(halves[:, None]))
    largest = float(np.abs(found.data).max(initial=0.0))
    if float(np.abs(found.data.imag).max(initial=0.0)) > _TRACELESS * largest:
        return eye_array(size, dtype=complex, format="csr"), generator
    found = csr_array((found.data.real, found.indices, found.indptr), shape=found.shape)
    found.eliminate_zeros()
    return basis, found


def _values(state: "Qobj", basis: Any, matrix: Any) -> NDArray[Any]:
    """ρ in the basis of `_real_form`."""
    found = np.asarray(basis.conj().T @ state.full().ravel(order="F"))
    found = found / np.asarray((abs(basis) ** 2).sum(axis=0)).ravel()
    return found if np.iscomplexobj(matrix) else found.real


def extent(liouvillian: "Qobj", state: "Qobj") -> tuple[tuple[int, ...], int, float]:
    """Numbers of each part that a state reaches, entries of the generator, and its norm."""
    from scipy.sparse import csr_array

    side = round(np.sqrt(liouvillian.shape[0]))
    generator = csr_array(entries_of(liouvillian))
    basis, matrix = _real_form(generator, side)
    parts = _occupied(matrix, _values(state, basis, matrix))
    norm = float(abs(matrix).sum(axis=0).max())
    return tuple(len(part) for part in parts) or (1,), generator.nnz, norm


def _occupied(matrix: Any, values: NDArray[Any]) -> list[NDArray[np.intp]]:
    """Places of every part of the generator in which there is, or comes to be, anything."""
    from scipy.sparse.csgraph import connected_components

    reached = values != 0
    while True:
        further = reached | (abs(matrix) @ reached.astype(float) > 0)
        if np.array_equal(further, reached):
            break
        reached = further
    places = np.flatnonzero(reached)
    _, labels = connected_components(abs(matrix[places][:, places]), directed=False)
    return [places[labels == label] for label in range(labels.max(initial=-1) + 1)]


def products(times: NDArray[np.float64], norm: float) -> tuple[int, int]:
    """Products of matrices to be made, and how many of their results are kept.

    Args:
        times: (T,), output times.
        norm: of the Liouvillian, roughly.
    """
    steps = np.diff(times)
    if len(steps) == 0:
        return 0, 0
    steps = steps.max() * np.unique(np.round(steps / steps.max(), 12))
    each = _doublings(float(steps.max()) * norm)
    single = min(_KEPT, len(steps))
    ladder = 0 if len(steps) <= _KEPT else each + 1
    found = single * (_SERIES_PRODUCTS + each) + (_SERIES_PRODUCTS + ladder if ladder else 0)
    return found, single + ladder


def predicted_bytes(sizes: tuple[int, ...], entries: int, kept: int) -> int:
    """The sparse generator, the exponentials kept, and what computing one takes.

    Args:
        sizes: numbers of each part of ρ that is reached.
        entries: of the sparse generator.
        kept: exponentials.
    """
    squares = sum(n**2 for n in sizes)
    return _SPARSE_BYTES * entries + 8 * squares * (kept + 1) + 8 * max(sizes) ** 2 * 6
