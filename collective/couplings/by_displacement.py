"""Γ and Δ of alike emitters on a lattice from a field, without N × N matrices.

The rows of emitters in the corners of the box give the kernels. If sites are vacant, they are the
rows that emitters on all sites would have. Rows of the given emitters then check that the field
sees only displacements.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.memory import require
from collective.couplings.finding import SAME_PLACE, lattice_of, sites
from collective.couplings.lattice import LatticeMatrix, kernel_of_rows
from collective.couplings.pairs import require_same_both_ways, unit_row
from collective.couplings.sites import Sites
from collective.emitters import Emitters
from collective.fields import answers

_CHECKED = 4  # further emitters whose rows are compared with the kernels
_NUMBERS = 11  # per displacement, at the peak while both kernels are made, and …
_ROW_BYTES, _AT_ONCE = 400, 116_500  # of Green's tensors of a row, and what they are made from
_SAME = 1e-8  # of the largest entry: deviations from a kernel that are round-off


def refusal(emitters: Emitters) -> str | None:
    """Why emitters are not alike on the sites of a lattice, or None if they are."""
    per_emitter = ("dipoles", "dipole"), ("decay_rates", "rate"), ("wavenumbers", "wave number")
    for name, what in per_emitter:
        values = getattr(emitters, name)
        if np.any(values != values[0]):
            return f"the emitters must have the same {what}"
    n = len(emitters)
    if n == 1 or sites(emitters.positions) is None:
        return (
            "the emitters must fill a block of a lattice, such as co.chain, co.square or co.cubic, "
            f"to {SAME_PLACE:g} of its spacing; sites may be vacant if the block has at most "
            f"N²/2 = {n * n // 2:,} displacements"
        )
    return None


def unit_kernels(emitters: Emitters, field: Any, k: float) -> tuple[LatticeMatrix, LatticeMatrix]:
    """Γ and Δ per linewidth of emitters that `refusal` does not refuse.

    Raises:
        ProblemTooLargeError: if the kernels do not fit into memory.
        ValueError: if the couplings of some emitters are not those of others at the same
            displacements, or if the field does not answer at a vacant site.
    """
    found = sites(emitters.positions)
    assert found is not None
    _require_memory(emitters, found)
    seen = answers.response(emitters.kind, field)
    require_same_both_ways(emitters, seen, k)
    if not found.vacant:
        kernels = _kernels(emitters, seen, k, found)
    else:
        everywhere = _on_all_sites(emitters, found)
        try:
            answers.require_outside("sites", field, everywhere.positions)
            kernels = _kernels(everywhere, seen, k, found.block)
        except ValueError as error:
            raise ValueError(
                f"by_displacement: the field is also needed at vacant sites of the lattice: {error}"
                "; use by_displacement=False"
            ) from error
    decay, shift = (LatticeMatrix(kernel, found) for kernel in kernels)
    _check_rows(emitters, seen, k, found, (decay, shift))
    return decay, shift


def _require_memory(emitters: Emitters, found: Sites) -> None:
    """Raise if the kernels of emitters on these sites do not fit into memory."""
    displacements = prod(found.kernel_shape)
    digits = 16 if np.any(emitters.dipoles.imag) else 8
    needed = _NUMBERS * digits * displacements + _ROW_BYTES * min(prod(found.shape), _AT_ONCE)
    what = f"couple: to hold Γ and Δ at {displacements:,} displacements"
    require(needed, what, "use fewer emitters, or fewer vacant sites")


def _kernels(emitters: Emitters, field: Any, k: float, block: Sites) -> list[NDArray[Any]]:
    """The kernels of Γ and Δ per linewidth, from the rows of the corners of a block."""
    known: dict[int, list[NDArray[Any]]] = {}

    def row_of(which: int) -> Callable[[int], NDArray[Any]]:
        def row(m: int) -> NDArray[Any]:
            if m not in known:
                known[m] = unit_row(emitters, field, k, m)
            return known[m][which]

        return row

    return [kernel_of_rows(row_of(which), block, block.corners) for which in (0, 1)]


def _on_all_sites(emitters: Emitters, found: Sites) -> Emitters:
    """Emitters like the given ones on all sites of the box."""
    origin, vectors = lattice_of(emitters.positions, found.coordinates)
    return emitters.replace(
        positions=origin + found.block.coordinates @ vectors,
        dipoles=emitters.dipoles[0],
        decay_rates=emitters.decay_rates[0],
        detunings=emitters.detunings[0],
    )


def _check_rows(
    emitters: Emitters, field: Any, k: float, found: Sites, matrices: tuple[LatticeMatrix, ...]
) -> None:
    n = len(emitters)
    others = np.random.default_rng(0).integers(0, n, _CHECKED)
    for m in (found.middle, *(int(i) for i in others)):
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
    kernel[matrix.sites.no_displacement] = own
    return LatticeMatrix(checks.real_if_possible(kernel), matrix.sites)


def stand_in(matrix: LatticeMatrix) -> NDArray[np.float64]:
    """A 2 × 2 matrix with the diagonal and the largest other entry of a larger one."""
    own, between = float(np.abs(matrix.own)), matrix.largest_between()
    return np.array([[own, between], [between, own]])
