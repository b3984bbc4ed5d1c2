r"""Means of samples and their standard errors, gathered batch by batch.

For n values x the mean and M = Σ(x − mean)² are kept. Two groups a and b are combined by

.. math:: M = M_a + M_b + (\bar x_b − \bar x_a)^2\, n_a n_b/n

(Chan, Golub & LeVeque, Am. Stat. 37, 242 (1983)); the standard error is √(M/(n−1)n). Batches are
combined in their order, so that the result does not depend on the number of threads.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]


def of_values(values: NDArray[np.float64]) -> Arrays:
    """Mean and M of values (B, T, X), (T, X) each; the values are overwritten."""
    first = values[0].copy()
    values -= first  # so that equal values have no scatter, not even round-off
    mean = values.mean(axis=0)
    values -= mean
    return first + mean, np.einsum("btx,btx->tx", values, values)


def combined(count: int, one: Arrays, further: int, other: Arrays) -> Arrays:
    """Mean and M of two groups together.

    Args:
        count: how many values the first group has.
        one: its mean and M.
        further: how many values the second group has, at least one.
        other: its mean and M.
    """
    share, apart = further / (count + further), other[0] - one[0]
    return one[0] + share * apart, one[1] + other[1] + apart * apart * (count * share)


def standard_errors(count: int, scatter: NDArray[Any]) -> NDArray[np.float64]:
    """Standard errors of means from M; zero without a value and for one value alone."""
    return np.sqrt(scatter / (max(count - 1, 1) * max(count, 1)))
