"""Linear systems by sparse factors, without pivoting where that is accurate enough."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_REFINEMENTS = 4
_SOLVED = 1e-13  # residual, relative to the right-hand side and to the terms that cancel in it


def factored(matrix: Any) -> Callable[..., NDArray[np.complex128]]:
    """A function that solves with sparse factors and refines, with pivoting if it is needed.

    Raises:
        RuntimeError: if the matrix is singular.
        ArithmeticError: if a solution has no correct digit.
    """
    from scipy.sparse.linalg import splu

    # without pivoting the fill is half as large, and the diagonal nearly always serves as pivots
    symmetric = {
        "permc_spec": "MMD_AT_PLUS_A",
        "diag_pivot_thresh": 0.0,
        "options": {"SymmetricMode": True},
    }
    matrix = matrix.tocsc().astype(complex)
    transposed = matrix.conj().T.tocsc()
    norm = float(abs(matrix).sum(axis=1).max())
    factors: list[Any] = []

    def refined(target: NDArray[Any], which: str) -> NDArray[Any] | None:
        system = matrix if which == "N" else transposed
        x = factors[-1].solve(target, which)
        for _ in range(_REFINEMENTS):
            left = target - system @ x
            size = np.abs(target).max() + norm * np.abs(x).max()
            if np.abs(left).max() <= _SOLVED * size:
                return np.asarray(x)
            x = x + factors[-1].solve(left, which)
        return None

    def solve(target: NDArray[Any], which: str = "N") -> NDArray[np.complex128]:
        target = np.asarray(target, dtype=complex).reshape(-1)
        if not factors:
            try:
                factors.append(splu(matrix, **symmetric))
            except RuntimeError:
                factors.append(splu(matrix))
        x = refined(target, which)
        if x is None:
            factors[:] = [splu(matrix)]
            x = refined(target, which)
        if x is None or not np.all(np.isfinite(x)):
            raise ArithmeticError("a linear system has no solution in double precision")
        return x

    return solve
