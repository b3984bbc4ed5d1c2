"""Kernels of `sectors`: products with sparse matrices, row by row, without copies of ρ.

A row of A_cρ stays in the fastest cache while the few entries of B_c take their numbers from it.
Where numba must not compile, `multiply_plainly` and `jump_plainly` take their place.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import config

from collective._tools.compiled import compiled

_OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}


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


def multiply_plainly(matrix: Rows, rho: Any, out: Any, begin: int, end: int) -> None:
    """What `multiply` does, by scipy."""
    out[begin:end] = _sparse(matrix, len(rho))[begin:end] @ rho


def jump_plainly(
    left: Rows, right: Rows, count: int, rho: Any, out: Any, begin: int, end: int
) -> None:
    """What `jump` does, by scipy."""
    below, beside = _sparse(left, rho.shape[0]), _sparse(right, rho.shape[1])
    height, width = out.shape
    for c in range(count):
        rows = below[c * height + begin : c * height + end] @ rho
        out[begin:end] += (beside[c * width : (c + 1) * width] @ rows.T).T


def _sparse(rows: Rows, width: int) -> Any:
    """The sparse matrix with these rows."""
    from scipy.sparse import csr_array

    shape = len(rows.begins) - 1, width
    return csr_array((rows.values, rows.columns, rows.begins), shape=shape)


@compiled(**_OPTIONS)
def multiply(matrix: Any, rho: Any, out: Any, begin: Any, end: Any) -> None:  # pragma: no cover
    """Write rows begin … end of a product, matrix·ρ, to out."""
    begins, columns, values = matrix
    for i in range(begin, end):
        row = out[i]
        row[:] = 0.0
        for k in range(begins[i], begins[i + 1]):
            weight, source = values[k], rho[columns[k]]
            for j in range(len(row)):
                row[j] += weight * source[j]


@compiled(**_OPTIONS)
def jump(
    left: Any, right: Any, count: Any, rho: Any, out: Any, begin: Any, end: Any
) -> None:  # pragma: no cover
    """Add rows begin … end of Σ_c A_cρB_c† to out.

    Args:
        left: the A_c below each other.
        right: the B_c* below each other.
        count: how many.
        rho: the block from which the jumps lead.
        out: the block to which they lead.
        begin: first row.
        end: the row after the last one.
    """
    left_begins, left_columns, left_values = left
    right_begins, right_columns, right_values = right
    height, width = out.shape
    row = np.empty(rho.shape[1], dtype=np.complex128)
    for i in range(begin, end):
        for c in range(count):
            first, last = left_begins[c * height + i], left_begins[c * height + i + 1]
            if first == last:
                continue
            row[:] = 0.0
            for k in range(first, last):
                weight, source = left_values[k], rho[left_columns[k]]
                for j in range(len(row)):
                    row[j] += weight * source[j]
            for j in range(width):
                at = c * width + j
                for k in range(right_begins[at], right_begins[at + 1]):
                    out[i, j] += row[right_columns[k]] * right_values[k]


if config.DISABLE_JIT:
    multiply, jump = multiply_plainly, jump_plainly
