"""Products of a sparse matrix with the columns of a dense one, row by row, without copies.

Where numba must not compile, `multiply_plainly` takes the place of the kernel.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import config

from collective._tools.compiled import compiled

OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}


class Rows(NamedTuple):
    """A sparse matrix by rows: where they begin, columns, values."""

    begins: Any
    columns: Any
    values: Any


def rows_of(matrix: Any, factor: complex = 1.0) -> Rows:
    """The rows of a sparse matrix times a factor."""
    matrix = matrix.tocsr()
    return Rows(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int64),
        (factor * matrix.data).astype(complex),
    )


def sparse(rows: Rows, width: int) -> Any:
    """The sparse matrix with these rows."""
    from scipy.sparse import csr_array

    shape = len(rows.begins) - 1, width
    return csr_array((rows.values, rows.columns, rows.begins), shape=shape)


def multiply_plainly(matrix: Rows, dense: Any, out: Any, begin: int, end: int) -> None:
    """What `multiply` does, by scipy."""
    out[begin:end] = sparse(matrix, len(dense))[begin:end] @ dense


@compiled(**OPTIONS)
def multiply(matrix: Any, dense: Any, out: Any, begin: Any, end: Any) -> None:  # pragma: no cover
    """Write rows begin … end of a product, matrix·dense, to out."""
    begins, columns, values = matrix
    for i in range(begin, end):
        row = out[i]
        row[:] = 0.0
        for k in range(begins[i], begins[i + 1]):
            weight, source = values[k], dense[columns[k]]
            for j in range(len(row)):
                row[j] += weight * source[j]


def compile_multiply() -> None:
    """Compile the kernel, or read it from disk, on the smallest of problems."""
    one = Rows(np.array([0, 1]), np.array([0]), np.ones(1, dtype=complex))
    multiply(one, np.ones((1, 1), dtype=complex), np.ones((1, 1), dtype=complex), 0, 1)


if config.DISABLE_JIT:
    multiply = multiply_plainly
