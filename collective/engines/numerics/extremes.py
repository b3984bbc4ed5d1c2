"""The extreme eigenvalues of a Hermitian matrix, to about a percent, from products with it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DENSE = 200  # rows of a matrix that is diagonalised
_STEPS = 30
_EXHAUSTED = 1e-10  # relative: a new vector with a smaller norm is round-off


def extremes(matrix: Any) -> tuple[float, float]:
    """The lowest and the highest eigenvalue.

    Lanczos's method, from a fixed vector, gives a slightly smaller range for large matrices.
    """
    size = matrix.shape[0]
    if size <= _DENSE:
        values = np.linalg.eigvalsh(matrix.toarray())
        return float(values[0]), float(values[-1])
    return lanczos(lambda vector: matrix @ vector, size, _STEPS)


def lanczos(
    product: Callable[[NDArray[np.complex128]], NDArray[np.complex128]], size: int, steps: int
) -> tuple[float, float]:
    """The lowest and the highest eigenvalue that Lanczos's method finds, from a fixed vector.

    Args:
        product: the matrix times a vector, (size,).
        size: number of rows.
        steps: number of products.
    """
    from scipy.linalg import eigvalsh_tridiagonal

    rng = np.random.default_rng(0)
    here = rng.standard_normal(size) + 1j * rng.standard_normal(size)
    here /= np.linalg.norm(here)
    before, beta = np.zeros_like(here), 0.0
    alphas: list[float] = []
    betas: list[float] = []
    for _ in range(steps):
        following = product(here) - beta * before
        alphas.append(float(np.vdot(here, following).real))
        following -= alphas[-1] * here
        beta = float(np.linalg.norm(following))
        if beta <= _EXHAUSTED * (abs(alphas[-1]) + sum(betas)):
            break
        betas.append(beta)
        before, here = here, following / beta
    values = eigvalsh_tridiagonal(alphas, betas[: len(alphas) - 1])
    return float(values[0]), float(values[-1])
