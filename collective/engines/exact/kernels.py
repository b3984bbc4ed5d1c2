"""The kernel of jumps for `sectors`, without copies of ρ.

A row of A_cρ stays in the fastest cache while the few entries of B_c take their numbers from it.
Where numba must not compile, `jump_plainly` takes its place.
"""

from typing import Any

import numpy as np
from numba import config

from collective._tools.compiled import compiled
from collective.engines.numerics.sparse_rows import OPTIONS, Rows, sparse


def jump_plainly(
    left: Rows, right: Rows, count: int, rho: Any, out: Any, begin: int, end: int
) -> None:
    """What `jump` does, by scipy."""
    below, beside = sparse(left, rho.shape[0]), sparse(right, rho.shape[1])
    height, width = out.shape
    for c in range(count):
        rows = below[c * height + begin : c * height + end] @ rho
        out[begin:end] += (beside[c * width : (c + 1) * width] @ rows.T).T


@compiled(**OPTIONS)
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
    jump = jump_plainly
