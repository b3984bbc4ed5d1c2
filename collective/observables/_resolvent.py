r"""(ω − H)⁻¹f for many frequencies ω: by elimination, or from products with H alone.

The Krylov space of H and f does not depend on ω. Its orthonormal basis V of j vectors is computed
once, with :math:`HV_j = V_{j+1}\bar H`, and at every ω the combination of least residual is taken
(GMRES for shifted systems: Frommer & Glässner, SIAM J. Sci. Comput. 19, 15 (1998)). With
:math:`A = ω\bar 1 − \bar H` the residual is :math:`1/\|ν\|` of f, where ν is the vector with
:math:`A^†ν = 0` and ν₀ = 1, which a recurrence extends by one entry at every step.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.blas import BlasThreads
from collective._tools.memory import available_bytes, bytes_text, require
from collective._tools.progress import Progress

Vectors = NDArray[np.complex128]

_MOST_PRODUCTS = 2000
_FEWEST_PRODUCTS = 60  # for which there must be memory
_BLOCK = 32  # basis vectors that are stored together
_AGAIN = 0.7  # orthogonalise again if this share or less of a vector is left
_INVARIANT = 1e-14  # of the norm of a product: what is left of it is round-off
_FEWER = "ask for fewer frequencies, or use fewer atoms"
_SHARE = 0.5  # of the available memory, which the basis may take


def by_elimination(matrix: Vectors, source: Vectors, frequencies: NDArray[np.float64]) -> Vectors:
    """The answers (F, n), for H as a matrix (n, n).

    Raises:
        ValueError: for the frequency of a mode that does not decay.
    """
    from scipy.linalg import get_lapack_funcs

    n = len(source)
    norm, factor, condition, solve = get_lapack_funcs(
        ("lange", "getrf", "gecon", "getrs"), dtype=np.complex128
    )
    require(48 * n * n, f"weak_light: elimination in {n:,} equations", "use method='sum'")
    found = np.empty((len(frequencies), n), dtype=complex)
    with Progress(len(frequencies), "solving for weak light") as progress:
        for i, frequency in enumerate(frequencies):
            shifted = np.asfortranarray(-matrix)
            shifted[range(n), range(n)] += frequency
            size = norm("1", shifted)
            factors, pivots, singular = factor(shifted, overwrite_a=True)
            if singular or condition(factors, size)[0] < np.finfo(float).eps:
                raise ValueError(_undamped(i, frequency))
            found[i] = solve(factors, pivots, source)[0]
            progress.step()
    return found


def by_products(
    product: Callable[[Vectors], Vectors],
    source: Vectors,
    frequencies: NDArray[np.float64],
    tolerance: float,
    label: tuple[int, float] | None = None,
) -> tuple[Vectors, int]:
    """The answers (F, n) and the number of products.

    Args:
        product: H times vectors (n, B).
        source: f, (n,), not 0.
        frequencies: ω, (F,).
        tolerance: largest residual at any frequency, relative to f.
        label: number and value of the frequency for errors, if it is a single one under another
            name; then no progress is shown.

    Raises:
        ValueError: if it does not converge, or for the frequency of a mode that does not decay.
        ProblemTooLargeError: if a basis of 60 vectors does not fit into memory.
    """
    n, count = len(source), len(frequencies)
    needed = 16 * n * (min(n, _FEWEST_PRODUCTS) + 3 * count + 8)
    require(needed, f"weak_light: {count} answers of {n:,} numbers", _FEWER)
    available = available_bytes()
    most = min(n, _MOST_PRODUCTS)
    if available is not None:
        most = min(most, max(_FEWEST_PRODUCTS, int(_SHARE * (available - needed) / (16 * n))))
    size = float(np.linalg.norm(source))
    basis, small = _Basis(source / size), np.zeros((most + 1, most), dtype=complex)
    nu = np.zeros((count, most + 1), dtype=complex)
    nu[:, 0] = 1.0
    residuals, unsolved = np.ones(count), np.arange(count)
    digits, shown = int(np.ceil(-10 * np.log10(tolerance))), 0
    text = "solving for weak light (tenths of digits)"
    # one thread: BLAS is called with small arrays, and its threads would wait most of the time
    with Progress(digits, text, show=label is None) as progress, BlasThreads(1):
        for j in range(most):
            left = basis.extend(product(basis.last[:, None])[:, 0], small[:, j])
            small[j + 1, j] = left
            if left == 0.0:
                return size * _combined(basis, small[: j + 1, : j + 1], frequencies, label), j + 1
            known = nu[unsolved, : j + 1]
            new = frequencies[unsolved] * known[:, j] - known @ small[: j + 1, j].conj()
            nu[unsolved, j + 1] = new / left
            residuals[unsolved] = 1 / np.linalg.norm(nu[unsolved, : j + 2], axis=1)
            worst = float(residuals.max())
            unsolved = np.flatnonzero(residuals > tolerance)  # ν of the others would overflow
            now = min(digits, int(-10 * np.log10(worst)))
            progress.step(max(0, now - shown))
            shown = max(shown, now)
            if worst <= tolerance:
                return size * _combined(basis, small[: j + 2, : j + 1], frequencies, label), j + 1
    worst_at = int(np.argmax(residuals))
    i, frequency = (worst_at, frequencies[worst_at]) if label is None else label
    raise ValueError(
        f"frequencies[{i}] = {frequency:g}: after {most} products the residual is "
        f"{worst:.2g} of the beam, above tolerance = {tolerance:g}. Modes that hardly decay need "
        f"many products: give a larger tolerance=, or method='dense', which takes about "
        f"{bytes_text(176 * n * n)}"
    )


class _Basis:
    """Orthonormal vectors, (n,) each, stored in blocks.

    Args:
        first: of length 1.
    """

    def __init__(self, first: Vectors):
        self._blocks: list[Vectors] = []
        self.count, self.last = 0, first
        self._append(first)

    def extend(self, vector: Vectors, overlaps: Vectors) -> float:
        """Append the part of a vector that is orthogonal to all; write its overlaps with them.

        Returns:
            The length of that part; 0 if it is round-off, and then nothing is appended.
        """
        whole = before = float(np.linalg.norm(vector))
        left = 0.0
        for _ in range(3):
            begin = 0
            for block in self._filled():
                weights = (block @ vector.conj()).conj()
                vector = vector - weights @ block
                overlaps[begin : begin + len(block)] += weights
                begin += len(block)
            left = float(np.linalg.norm(vector))
            if left > _AGAIN * before or left <= _INVARIANT * whole:
                break
            before = left
        if left <= _INVARIANT * whole or self.count == len(vector):
            return 0.0
        self._append(vector / left)
        return left

    def combinations(self, weights: Vectors) -> Vectors:
        """Sums of the first vectors with weights (F, j), (F, n)."""
        found = np.zeros((len(weights), len(self.last)), dtype=complex)
        begin = 0
        for block in self._filled():
            end = min(begin + len(block), weights.shape[1])
            found += weights[:, begin:end] @ block[: end - begin]
            begin = end
        return found

    def _append(self, vector: Vectors) -> None:
        if self.count % _BLOCK == 0:
            self._blocks.append(np.empty((_BLOCK, len(vector)), dtype=complex))
        self._blocks[-1][self.count % _BLOCK] = vector
        self.count, self.last = self.count + 1, vector

    def _filled(self) -> list[Vectors]:
        """The blocks, without rows that are not yet filled."""
        rest = self.count - _BLOCK * (len(self._blocks) - 1)
        return [*self._blocks[:-1], self._blocks[-1][:rest]]


def _combined(
    basis: _Basis,
    small: Vectors,
    frequencies: NDArray[np.float64],
    label: tuple[int, float] | None,
) -> Vectors:
    """The combinations of least residual for f of length 1, (F, n).

    Args:
        basis: V.
        small: H between basis vectors, (j + 1, j), or (j, j) if the space is invariant.
        frequencies: (F,).
        label: as in `by_products`.
    """
    from scipy.linalg import LinAlgError, solve_triangular

    rows, columns = small.shape
    weights = np.empty((len(frequencies), columns), dtype=complex)
    for i, frequency in enumerate(frequencies):
        shifted = frequency * np.eye(rows, columns) - small
        unitary, triangular = np.linalg.qr(shifted)
        diagonal = np.abs(np.diagonal(triangular))
        try:
            if diagonal.min() <= _INVARIANT * diagonal.max():
                raise LinAlgError
            weights[i] = solve_triangular(triangular, unitary[0].conj())
        except LinAlgError:
            raise ValueError(_undamped(*(label or (i, float(frequency))))) from None
    return basis.combinations(weights)


def _undamped(i: int, frequency: float) -> str:
    return (
        f"frequencies[{i}] = {frequency:g} is the frequency of a mode that does not decay, at "
        "which the response diverges: move the frequency"
    )


def preconditioned(
    product: Callable[[Vectors], Vectors],
    inverse: Callable[[float], Callable[[Vectors], Vectors]],
    source: Vectors,
    frequencies: NDArray[np.float64],
    tolerance: float,
) -> tuple[Vectors, int]:
    """As `by_products`, with a near inverse: few products, but a Krylov space for each frequency.

    Args:
        product: H times vectors (n, B).
        inverse: for a frequency, a function like (ω − H)⁻¹, of vectors (n, B).
        source: f, (n,), not 0.
        frequencies: ω, (F,).
        tolerance: largest residual at any frequency, relative to f.
    """
    n, count = len(source), len(frequencies)
    require(16 * n * count, f"weak_light: {count} answers of {n:,} numbers", _FEWER)
    found, total = np.empty((count, n), dtype=complex), 0
    with Progress(count, "solving for weak light") as progress:
        for i, frequency in enumerate(frequencies):
            near = inverse(float(frequency))

            def minus(x: Vectors, near: Any = near, frequency: float = frequency) -> Vectors:
                guess = near(x)
                return product(guess) - frequency * guess

            answer, products = by_products(minus, source, np.zeros(1), tolerance, (i, frequency))
            found[i] = near(answer.T)[:, 0]
            total += products
            progress.step()
    return found, total


def residuals(
    product: Callable[[Vectors], Vectors],
    answers: Vectors,
    source: Vectors,
    frequencies: NDArray[np.float64],
    together: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Residuals relative to f and −2 Im b†Hb of each answer b, (F,) each, by new products.

    Args:
        product: H times vectors (n, B).
        answers: b, (F, n).
        source: f, (n,).
        frequencies: ω, (F,).
        together: B, how many vectors are multiplied at a time.
    """
    left, lost = np.empty(len(answers)), np.empty(len(answers))
    for begin in range(0, len(answers), together):
        some = slice(begin, begin + together)
        moved = product(np.ascontiguousarray(answers[some].T)).T
        rest = frequencies[some, None] * answers[some] - moved - source
        left[some] = np.linalg.norm(rest, axis=1) / np.linalg.norm(source)
        lost[some] = -2 * np.einsum("fn,fn->f", answers[some].conj(), moved).imag
    return left, lost
