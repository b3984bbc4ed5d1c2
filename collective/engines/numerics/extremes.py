"""The extreme eigenvalues of a sparse Hermitian matrix, to about a percent."""

from typing import Any

import numpy as np

_DENSE = 300  # rows of a matrix that is diagonalised
_DIGITS = 1e-2


def extremes(matrix: Any) -> tuple[float, float]:
    """The lowest and the highest eigenvalue; those of large matrices by Lanczos's method."""
    if matrix.shape[0] <= _DENSE:
        values = np.linalg.eigvalsh(matrix.toarray())
        return float(values[0]), float(values[-1])
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    start = np.random.default_rng(0).standard_normal(matrix.shape[0])
    found = []
    for end in ("SA", "LA"):
        try:
            values = eigsh(matrix, 1, which=end, v0=start, tol=_DIGITS, return_eigenvectors=False)
        except ArpackNoConvergence:
            return bounds(matrix)
        found.append(float(values[0]))
    return found[0], found[1]


def bounds(matrix: Any) -> tuple[float, float]:
    """Numbers between which all eigenvalues lie, by the sums of rows (Gershgorin)."""
    own = matrix.diagonal().real
    across = np.asarray(abs(matrix).sum(axis=1)).ravel() - np.abs(own)
    return float((own - across).min()), float((own + across).max())
