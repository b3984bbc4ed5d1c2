r"""ρ by exact exponentials of a constant generator: :math:`ρ(t+h) = e^{\mathcal{L}h}ρ(t)`.

Nothing is integrated: large frequencies and rates cost a few more products of matrices, even if
they make the equation very stiff. The matrix :math:`E = e^{\mathcal{L}h} − 1` is computed by a
series over a short step, which is then doubled again and again,

.. math:: E(2h) = 2E(h) + E(h)^2,

so that slow parts keep their digits beside fast ones: in :math:`e^{\mathcal{L}h}` itself a rate of
1 beside one of 10¹² is lost in the round-off of the number 1. On Hermitian matrices the generator
is a real matrix, which acts on :math:`ρ_{ii}, \mathrm{Re}\,ρ_{ij}, \mathrm{Im}\,ρ_{ij}`. It splits
into parts that do not couple (without a drive, for example, by excitation numbers), and only the
parts that the state reaches are kept. After every product the round-off that would change the trace
is removed.

Evenly spaced times need one exponential. Times with many different steps use the exponentials of
the steps h₀2^j, ‖L‖h₀ < 1/16, each found by doubling the last, and every step is composed of these.
The method takes up to 1,024 numbers.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.operators import entries_of

if TYPE_CHECKING:
    from qutip import Qobj

LARGEST = 1024  # Liouville dimension D²
_SAME_STEP = 1e-15  # relative: differences by round-off in evenly spaced times
_KEPT = 4  # different steps that get an exponential of their own
_SHORTEST = 4  # the series runs over less than 2⁻⁴/‖L‖: its tenth term is below round-off
_SERIES_PRODUCTS = 4
_NO_DIGITS = 2.0**52  # radians: such a phase has no correct digit
_TRACELESS = 1e-12  # relative to the generator: round-off of its trace, or of its imaginary part
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
        # only rotation loses digits over long times, decay does not
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
                "shorter steps, or steady_state for the state at late times"
            )
        values = np.zeros(self._side**2, dtype=self._matrix.dtype)
        for part in self._parts:
            part.advance(step, abs(self._time))
            values[part.places] = part.values
        self._time = float(t)
        rho = np.asarray(self._basis @ values).reshape((self._side, self._side), order="F")
        return Qobj(rho, dims=self._dims)

    def error_bound(self, span: float) -> float:
        """A bound on the error of ρ after a time: the round-off of the rates, times this time."""
        return float(np.finfo(float).eps * self._turning * span)


class _Part:
    """A part of ρ that does not couple to the others, and the exponentials of its generator.

    Args:
        generator: its generator, (n, n).
        places: indices of its numbers among all numbers of ρ, (n,).
        values: its numbers at the first time, (n,).
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
        # large rates may cancel in a population, so the round-off is compared with the largest rate
        leak = np.abs(generator[diagonal].sum(axis=0))
        kept = np.all(leak <= _TRACELESS * self._norm)
        self._populations = np.flatnonzero(diagonal) if kept else np.empty(0, dtype=np.intp)
        self._generator = self._traceless(generator)
        self._steps: dict[float, NDArray[Any]] = {}
        self._ladder: list[NDArray[Any]] = []

    def advance(self, step: float, time: float) -> None:
        """Advance the values by a step; steps that differ by round-off of the time are equal."""
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
        """The matrix E of a short step: nine terms of its series by four products."""
        m = self._generator * step
        m2 = m @ m
        m3 = m2 @ m
        high = m / 5040 + m2 / 40320 + m3 / 362880
        high = m / 24 + m2 / 120 + m3 / 720 + m3 @ high
        return self._traceless(m + m2 / 2 + m3 / 6 + m3 @ high)

    def _doubled(self, e: NDArray[Any]) -> NDArray[Any]:
        """The matrix E of twice the step."""
        found = e @ e
        found += e
        found += e
        return self._traceless(found)

    def _traceless(self, e: NDArray[Any]) -> NDArray[Any]:
        """E without the round-off that changes the trace, corrected in the populations."""
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
    """The number of times that the step of the series is doubled to reach ‖L‖h."""
    return max(0, int(np.ceil(np.log2(max(phase, 1e-300)))) + _SHORTEST)


def _real_form(generator: Any, side: int) -> tuple[Any, Any]:
    """The basis ρ_ii, Re ρ_ij, Im ρ_ij as columns (D², D²), and the generator in it, both sparse.

    A generator that does not keep ρ Hermitian stays complex and unchanged.
    """
    from scipy.sparse import csr_array, eye_array

    size = side * side
    here = np.arange(size)
    column, row = np.divmod(here, side)  # QuTiP stacks columns
    across = row * side + column
    upper, lower = np.flatnonzero(row < column), np.flatnonzero(row > column)
    diagonal = np.flatnonzero(row == column)
    # for i < j the place of ρ_ij holds its real part, and the place of ρ_ji its imaginary part
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
    """The numbers of ρ in the basis of `_real_form`, (D²,)."""
    found = np.asarray(basis.conj().T @ state.full().ravel(order="F"))
    found = found / np.asarray((abs(basis) ** 2).sum(axis=0)).ravel()
    return found if np.iscomplexobj(matrix) else found.real


def extent(liouvillian: "Qobj", state: "Qobj") -> tuple[tuple[int, ...], int, float]:
    """Sizes of the parts that a state reaches, number of entries of the generator, and its norm."""
    from scipy.sparse import csr_array

    side = round(np.sqrt(liouvillian.shape[0]))
    generator = csr_array(entries_of(liouvillian))
    basis, matrix = _real_form(generator, side)
    parts = _occupied(matrix, _values(state, basis, matrix))
    norm = float(abs(matrix).sum(axis=0).max())
    return tuple(len(part) for part in parts) or (1,), generator.nnz, norm


def _occupied(matrix: Any, values: NDArray[Any]) -> list[NDArray[np.intp]]:
    """Indices of every part of the generator that the state occupies now or later."""
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
    """The number of products of matrices, and the number of their results that are kept.

    Args:
        times: (T,), output times.
        norm: the norm of the Liouvillian, roughly.
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
    """Bytes of the sparse generator, of the exponentials kept, and of computing one of them.

    Args:
        sizes: how many numbers each part of ρ has that the state reaches.
        entries: number of entries of the sparse generator.
        kept: number of exponentials kept.
    """
    squares = sum(n**2 for n in sizes)
    return _SPARSE_BYTES * entries + 8 * squares * (kept + 1) + 8 * max(sizes) ** 2 * 6
