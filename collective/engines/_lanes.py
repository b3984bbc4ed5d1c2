"""Eight numbers at a time: the vector arithmetic of every kernel.

Arrays end in an axis of eight lanes, and a vector is a tuple of eight floats, which LLVM's
superword-level vectoriser packs into SIMD registers. Three things keep it so: the vectoriser must
be on while a kernel compiles (`_compiled.kernel` sees to it), arithmetic may be contracted into
fused multiply-adds but not reordered (`OPTIONS`), and lanes are literal indices, row numbers
unsigned, so that no address can wrap around.
"""

from typing import Any

from collective._compiled import compiled

LANES = 8
ZERO = (0.0,) * LANES
# no reassociation: it would vectorise the loops over rows, with gathers
OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}

inline = compiled(**OPTIONS)


@inline
def load(x, i, j):  # type: ignore[no-untyped-def]
    """The vector at x[i, j]."""
    return (
        x[i, j, 0], x[i, j, 1], x[i, j, 2], x[i, j, 3],
        x[i, j, 4], x[i, j, 5], x[i, j, 6], x[i, j, 7],
    )  # fmt: skip


@inline
def store(x, i, j, u):  # type: ignore[no-untyped-def]
    """Put a vector at x[i, j]."""
    x[i, j, 0] = u[0]
    x[i, j, 1] = u[1]
    x[i, j, 2] = u[2]
    x[i, j, 3] = u[3]
    x[i, j, 4] = u[4]
    x[i, j, 5] = u[5]
    x[i, j, 6] = u[6]
    x[i, j, 7] = u[7]


@inline
def axpy(u, a, x):  # type: ignore[no-untyped-def]
    """Vector u + a·x, a one number."""
    return (
        u[0] + a * x[0], u[1] + a * x[1], u[2] + a * x[2], u[3] + a * x[3],
        u[4] + a * x[4], u[5] + a * x[5], u[6] + a * x[6], u[7] + a * x[7],
    )  # fmt: skip


@inline
def fma(u, a, x):  # type: ignore[no-untyped-def]
    """Vector u + a·x, lane by lane."""
    return (
        u[0] + a[0] * x[0], u[1] + a[1] * x[1], u[2] + a[2] * x[2], u[3] + a[3] * x[3],
        u[4] + a[4] * x[4], u[5] + a[5] * x[5], u[6] + a[6] * x[6], u[7] + a[7] * x[7],
    )  # fmt: skip


@inline
def column(x, q, i, c):  # type: ignore[no-untyped-def]
    """Lane c of the rows i[0] … i[7] of panel q, as a vector."""
    return (
        x[q, i[0], c], x[q, i[1], c], x[q, i[2], c], x[q, i[3], c],
        x[q, i[4], c], x[q, i[5], c], x[q, i[6], c], x[q, i[7], c],
    )  # fmt: skip
