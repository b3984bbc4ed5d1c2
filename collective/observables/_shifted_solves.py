r"""Moments of a resolvent, ⟨⟨r| (−iω − L)⁻¹ |b⟩⟩, at many frequencies, from products with L.

x(ω) = (−iω − L)⁻¹b is solved by GMRES with the preconditioner (S + iω)⁻¹ (`steady_krylov`) at a few
frequencies only. The space of these solutions y, with their images Ly, gives an approximation at
every other frequency, for which the norm of b − (−iω − L)x is smallest. Where that is largest, one
more solution joins, until it is small at every frequency. This is a reduced basis, as in rational
interpolation (Antoulas, *Approximation of Large-Scale Dynamical Systems*, SIAM (2005), chapter 11).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.evolution.steady_space import Rows, Space

if TYPE_CHECKING:
    from collective.evolution.steady_generator import Generator

_ACCEPTED = 1000  # times the tolerance; a larger residual is an error
_LOST = 0.3  # share of a vector beside the basis, below which it is made orthogonal once more
_NOTHING = 1e-14  # share of a vector that is round-off
_TRIES = 4  # solutions at one frequency


def resolved(
    generator: "Generator",
    steady: NDArray[np.float64],
    start: NDArray[np.complex128],
    row: NDArray[np.complex128],
    frequencies: NDArray[np.float64],
    tolerance: float,
    report: Callable[[float], None],
) -> NDArray[np.complex128]:
    """⟨⟨row| (−iω − L)⁻¹ |start⟩⟩ at every frequency, (F,).

    Args:
        generator: L.
        steady: the steady state, (S,), of trace 1.
        start: b, (S,), of trace 0.
        row: (S,).
        frequencies: ω, (F,), in the unit of the generator.
        tolerance: of the residual, relative to the norm of b.
        report: is called with the share of the work that is done.

    Raises:
        ValueError: if the residual stays large at a frequency.
    """
    size = float(np.linalg.norm(start))
    found = np.zeros(len(frequencies), dtype=complex)
    if size == 0:
        return found
    space = _Solutions(generator, steady, start / size, row, tolerance)
    left = np.arange(len(frequencies))
    at = int(np.argmin(np.abs(frequencies)))
    while True:
        norm = space.grow(float(frequencies[at]))
        if norm > _ACCEPTED * tolerance:
            raise ValueError(
                f"spectrum: light at the frequency {frequencies[at]:.4g}, in units of the largest "
                f"rate, is known only to a residual of {norm:.1e}: some coherences live too long "
                "beside the others; add a little dephasing"
            )
        answers = [space.at(float(frequencies[k])) for k in left]
        norms = np.array([answer[1] for answer in answers])
        done = (norms <= 2 * tolerance) | (left == at)
        found[left[done]] = [size * a[0] for a, d in zip(answers, done, strict=True) if d]
        largest = float(np.log(norms.max()) / np.log(tolerance))
        report(1.0 if done.all() else float(np.clip(largest, 0, 1)))
        if done.all():
            return found
        at, left = int(left[~done][np.argmax(norms[~done])]), left[~done]


class _Solutions:
    """Solutions y and their images Ly, by coefficients in an orthonormal basis from b on."""

    def __init__(
        self,
        generator: "Generator",
        steady: NDArray[np.float64],
        start: NDArray[np.complex128],
        row: NDArray[np.complex128],
        tolerance: float,
    ):
        self._generator, self._steady, self._row = generator, steady, row
        self._tolerance = tolerance
        self._basis = Rows(generator.size, np.dtype(complex))
        self._along = np.zeros(0, dtype=complex)  # the row times each vector of the basis
        self._solutions: list[NDArray[np.complex128]] = []  # coefficients of each y
        self._images: list[NDArray[np.complex128]] = []  # coefficients of each Ly
        self._add(start)

    def grow(self, frequency: float) -> float:
        """Add the solution at a frequency, and return the norm of the residual there."""
        for _ in range(_TRIES):
            _, norm, residual = self._answer(frequency)
            if norm <= self._tolerance:
                break
            space = Space(self._generator, self._steady, lambda norm: None, -1j * frequency)
            new, _ = space.reduced(self._basis.times(residual), self._tolerance / 2)
            self._extend(new)
        return self._answer(frequency)[1]

    def at(self, frequency: float) -> tuple[complex, float]:
        """The row times x(ω), and the norm of the residual."""
        return self._answer(frequency)[:2]

    def _answer(self, frequency: float) -> tuple[complex, float, NDArray[np.complex128]]:
        """The row times x(ω), the norm of the smallest residual, and its coefficients."""
        target = np.zeros(len(self._basis), dtype=complex)
        target[0] = 1.0
        if not self._solutions:
            return 0j, 1.0, target
        solutions, images = (self._table(each) for each in (self._solutions, self._images))
        unitary, upper = np.linalg.qr(-1j * frequency * solutions - images)
        share = unitary.conj().T @ target
        residual = target - unitary @ share
        value = self._along @ (solutions @ np.linalg.solve(upper, share))
        return complex(value), float(np.linalg.norm(residual)), residual

    def _table(self, columns: list[NDArray[np.complex128]]) -> NDArray[np.complex128]:
        """Columns of coefficients, with zeros for vectors that joined the basis later."""
        found = np.zeros((len(self._basis), len(columns)), dtype=complex)
        for k, column in enumerate(columns):
            found[: len(column), k] = column
        return found

    def _extend(self, new: NDArray[np.complex128]) -> None:
        """Add a direction, made orthogonal to the others so that its image keeps its digits."""
        earlier = self._table(self._solutions)
        for _ in range(2):
            new = new - (self._generator.trace @ new) * self._steady
            new -= self._basis.times(earlier @ (earlier.conj().T @ self._basis.along(new)))
            new /= np.linalg.norm(new)
        image = self._generator.apply(new)
        self._solutions.append(self._add(new))
        self._images.append(self._add(image))

    def _add(self, vector: NDArray[Any]) -> NDArray[np.complex128]:
        """The coefficients of a vector in the basis, which grows by what is new in it."""
        vector = vector.astype(complex)
        size = float(np.linalg.norm(vector))
        shares = self._basis.removed_from(vector)
        left = float(np.linalg.norm(vector))
        if left < _LOST * size:
            shares += self._basis.removed_from(vector)
            left = float(np.linalg.norm(vector))
        if not left > _NOTHING * size:
            return shares
        self._basis.append(vector / left)
        self._along = np.append(self._along, self._row @ vector / left)
        return np.append(shares, left)
