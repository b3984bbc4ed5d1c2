"""Norms of Taylor series as polynomials in time, and where they cross a threshold."""

import numpy as np
from numpy.typing import NDArray

_HALVINGS = 50  # of the interval in which a jump lies


def norms_of(terms: NDArray[np.complex128]) -> NDArray[np.float64]:
    """The coefficients of ‖Σ x^k v_k‖² as a polynomial in x, (2m + 1, B), of v (m + 1, D, B)."""
    count = len(terms)
    each = np.ascontiguousarray(terms.transpose(2, 0, 1)).view(float)  # real and imaginary parts
    products = each @ each.transpose(0, 2, 1)
    found = np.zeros((2 * count - 1, terms.shape[2]))
    for k in range(count):
        found[k : k + count] += products[:, k].T
    return found


def power_sum(coefficients: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Polynomials at one x each, by Horner's rule."""
    found = np.zeros_like(x)
    for row in coefficients[::-1]:
        found = found * x + row
    return found


def crossing(
    norms: NDArray[np.float64], end: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where the norms, which fall, reach their thresholds between 0 and the end."""
    low, high = np.zeros_like(end), end.copy()
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = power_sum(norms, middle) >= thresholds
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return high
