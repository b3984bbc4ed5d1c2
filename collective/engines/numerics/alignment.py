"""Arrays that begin with a cache line; it imports no compiled code."""

from math import prod

import numpy as np
from numpy.typing import NDArray

CACHE_LINE = 64  # bytes


def aligned(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Zeros that begin with a cache line, so that no eight lanes lie in two of them."""
    bytes_ = 8 * prod(shape)
    memory = np.zeros(bytes_ + CACHE_LINE, dtype=np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return memory[first : first + bytes_].view(float).reshape(shape)
