"""The largest number of floating-point operations of a core in a second, measured in two ways.

Run python benchmarks/peak.py. It prints the speed of fused multiply-adds that mostly stay in the
registers, compiled like the kernels of the package, and of a product of matrices by BLAS, which may
use wider registers than the compiler.
"""

import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import time
from collections.abc import Callable

import numpy as np

from collective._tools.compiled import compiled
from collective.engines.numerics.lanes import OPTIONS

DEGREE = 8  # of the polynomial; small enough that the processor works on many entries at once
ENTRIES = 512  # numbers of 4 KiB in all, which fit into the first cache
SIZE = 1200  # rows of the matrices


@compiled(**OPTIONS)
def polynomial(repeats, x, out):
    """A polynomial of every entry by Horner's rule: DEGREE multiply-adds for one read and write."""
    for _ in range(repeats):
        for i in range(len(x)):
            y = x[i]
            for _ in range(DEGREE):
                y = y * x[i] + 0.5
            out[i] = y


def fastest(function: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of several calls, because other programs may use the core too."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak() -> dict[str, float]:
    """Operations per second of one core, by compiled multiply-adds and by BLAS."""
    x, passes = np.linspace(0.5, 0.9, ENTRIES), 2000
    out = np.empty_like(x)
    polynomial(1, x, out)
    matrix = np.random.default_rng(0).standard_normal((SIZE, SIZE))
    chains = fastest(lambda: polynomial(passes, x, out), 300)
    product = fastest(lambda: matrix @ matrix, 15)
    return {
        "compiled": 2 * DEGREE * ENTRIES * passes / chains,
        "blas": 2 * SIZE**3 / product,
    }


if __name__ == "__main__":
    print(", ".join(f"{name} {rate / 1e9:.1f} Gflop/s" for name, rate in peak().items()))
