"""Γ and Δ of alike emitters on a lattice from a field, without N × N matrices.

Rows of a few emitters give the kernels, and others check that the field sees only displacements.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.lattice import LatticeMatrix, kernel_of_rows
from collective.couplings.pairs import require_same_both_ways, unit_row
from collective.couplings.sites import Sites, sites
from collective.emitters import Emitters

_CHECKED = 4  # further emitters whose rows are compared with the kernels
_SAME = 1e-8  # of the largest entry: deviations from a kernel that are round-off


def refusal(emitters: Emitters) -> str | None:
    """Why emitters are not alike on the sites of a lattice, or None if they are."""
    per_emitter = ("dipoles", "dipole"), ("decay_rates", "rate"), ("wavenumbers", "wave number")
    for name, what in per_emitter:
        values = getattr(emitters, name)
        if np.any(values != values[0]):
            return f"the emitters must have the same {what}"
    if len(emitters) == 1 or sites(emitters.positions) is None:
        return (
            "the emitters must fill a block of a lattice, such as co.chain, co.square or co.cubic"
        )
    return None


def unit_kernels(emitters: Emitters, field: Any, k: float) -> tuple[LatticeMatrix, LatticeMatrix]:
    """Γ and Δ per linewidth of emitters that `refusal` does not refuse.

    Raises:
        ValueError: if the couplings of some emitters are not those of others at the same
            displacements.
    """
    found = sites(emitters.positions)
    assert found is not None
    require_same_both_ways(emitters, field, k)
    known: dict[int, list[NDArray[Any]]] = {}

    def row_of(which: int) -> Callable[[int], NDArray[Any]]:
        def row(m: int) -> NDArray[Any]:
            if m not in known:
                known[m] = unit_row(emitters, field, k, m)
            return found.on_sites(known[m][which])

        return row

    decay, shift = (LatticeMatrix(kernel_of_rows(row_of(i), found), found) for i in (0, 1))
    _check_rows(emitters, field, k, found, (decay, shift))
    return decay, shift


def _check_rows(
    emitters: Emitters, field: Any, k: float, found: Sites, matrices: tuple[LatticeMatrix, ...]
) -> None:
    n = len(emitters)
    others = np.random.default_rng(0).integers(0, n, _CHECKED)
    middle = found.emitter(tuple(length // 2 for length in found.shape))
    for m in (middle, *(int(i) for i in others)):
        for name, matrix, values in zip(
            ("decay", "shift"), matrices, unit_row(emitters, field, k, m), strict=True
        ):
            off = np.abs(matrix.row(m) - values)
            if off.max() > _SAME * np.abs(matrix.kernel).max():
                j = int(np.argmax(off))
                raise ValueError(
                    f"by_displacement: in {field!r} the {name} of emitters {m} and {j} is "
                    f"{values[j]:.6g}, that of others at the same displacement "
                    f"{matrix.row(m)[j]:.6g}; use by_displacement=False"
                )


def with_own(matrix: LatticeMatrix, own: Any, scale: float) -> LatticeMatrix:
    """The matrix times a number, with another entry on its diagonal (which is not multiplied)."""
    kernel = matrix.kernel * scale
    kernel[tuple(n - 1 for n in matrix.sites.shape)] = own
    return LatticeMatrix(checks.real_if_possible(kernel), matrix.sites)


def stand_in(matrix: LatticeMatrix) -> NDArray[np.float64]:
    """A 2 × 2 matrix with the diagonal and the largest other entry of a larger one."""
    own, between = float(np.abs(matrix.own)), matrix.largest_between()
    return np.array([[own, between], [between, own]])
