"""The extent of the spectrum of the generator in every block, by Lanczos for all at once."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.blocks.kernels import products
from collective.engines.blocks.tables import Layout

_STEPS = 14  # extremes to a percent
_EXHAUSTED = 1e-9  # relative: a new vector that is smaller is round-off


def extent(layout: Layout) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The extent of the spectrum of each block of the Liouvillian.

    Its eigenvalues are −i(λ − λ'*), with eigenvalues λ, λ' of H_eff = A − iB in the block. Their
    real part lies between −2 max B and 0, their imaginary part within ±(max A − min A). The extreme
    eigenvalues of A and B are found by Lanczos for all blocks at once.

    Returns:
        The largest decay rate and the largest frequency, (K+1,) each.
    """
    t = layout.tables
    n = layout.blocks.n
    whole = (t.hop[:, 0] + 1j * t.hop[:, 1])[: n * n].reshape(n, n)
    both = np.stack([whole + whole.conj().T, 1j * (whole - whole.conj().T)]) / 2  # A and B
    entries = both.real if not np.any(both.imag) else both
    entries = np.append(entries.reshape(2, -1), np.zeros((2, 1)), axis=1)
    diagonals = np.stack([t.diagonal[:, 0], -t.diagonal[:, 1]])
    low, high = _extremes(
        t.start, entries.dtype, partial(products, t.start, t.targets, t.pairs, entries, diagonals)
    )
    return 2 * np.maximum(high[1], 0), high[0] - low[0]


def _extremes(
    start: NDArray[np.int64], kind: Any, multiply: Callable[[Any, Any], object]
) -> tuple[Any, Any]:
    """The smallest and largest eigenvalue of every block of two Hermitian matrices, (2, K+1) each.

    Args:
        start: (K+2,), the first state of each block.
        kind: the type of their entries.
        multiply: puts the products of the matrices with the first array, (2, states), into the
            second.
    """
    begin, sizes = start[:-1], np.diff(start)
    steps = min(_STEPS, int(sizes.max()))

    def spread(per_block: Any) -> Any:
        return np.repeat(per_block, sizes, axis=1)

    def dot(a: Any, b: Any) -> Any:
        return np.add.reduceat((a.conj() * b).real, begin, axis=1)

    vector = 1 + 0.3 * np.sin(1.7 * np.arange(start[-1]) ** 2) + np.zeros((2, 1))
    vector = (vector / spread(np.sqrt(dot(vector, vector)))).astype(kind)
    image, before, beta = np.empty_like(vector), np.zeros_like(vector), np.zeros((2, len(sizes)))
    matrices = np.zeros((*beta.shape, steps, steps))
    alive, largest = np.ones(beta.shape, bool), np.zeros(beta.shape)
    for s in range(steps):
        multiply(vector, image)
        alpha = dot(vector, image)
        matrices[..., s, s] = np.where(alive, alpha, matrices[..., 0, 0])
        image -= spread(alpha) * vector + spread(beta) * before
        beta = np.sqrt(dot(image, image))
        largest = np.maximum(largest, np.maximum(np.abs(alpha), beta))
        alive &= (beta > _EXHAUSTED * largest) & (s + 1 < sizes)
        beta = np.where(alive, beta, 0)
        if s + 1 < steps:
            matrices[..., s, s + 1] = matrices[..., s + 1, s] = beta
        before = vector
        vector = image * spread(np.where(alive, 1 / np.where(alive, beta, 1), 0))
    eigenvalues = np.linalg.eigvalsh(matrices)
    return eigenvalues[..., 0], eigenvalues[..., -1]
