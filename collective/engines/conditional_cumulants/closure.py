"""The estimated error of the closure of conditional cumulants, calibrated against exact runs."""

import numpy as np
from numpy.typing import NDArray


def closure_error(
    emission: NDArray[np.float64],
    plain: NDArray[np.float64],
    scatter: NDArray[np.float64],
    resets: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The estimated error (T,) of the emission that is not statistical.

    Args:
        emission: mean of the samples, (T,).
        plain: emission of plain second order, (T,); NaN where it is not known.
        scatter: standard error of the emission, (T,).
        resets: resets of a sample until each time, (T,).
    """
    gap = np.maximum.accumulate(np.abs(emission - plain))
    return 0.5 * gap
