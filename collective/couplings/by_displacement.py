"""Γ and Δ of alike emitters on a lattice from a field, without N × N matrices.

Atoms with manifolds have a block of 3 × 3 numbers for each displacement. The rows of emitters in
the corners of the box give the kernels. If sites are vacant, they are the rows that emitters on all
sites would have. Rows of the given emitters then check that the field sees only displacements.
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
from collective.couplings.tensors import require_same_tensors, unit_rows
from collective.emitters import Atoms, Emitters
from collective.fields import answers

_CHECKED = 4  # further emitters whose rows are compared with the kernels
_NUMBERS = 11  # per displacement, at the peak while both kernels are made, and …
_ROW_BYTES, _AT_ONCE = 400, 116_500  # of Green's tensors of a row, and what they are made from
_SAME = 1e-8  # of the largest entry: deviations from a kernel that are round-off


Row = Callable[[int], list[NDArray[Any]]]  # of Γ and of Δ, of an emitter


def refusal(emitters: Emitters | Atoms) -> str | None:
    """Why emitters are not alike on the sites of a lattice, or None if they are."""
    per_emitter = ("dipoles", "dipole"), ("decay_rates", "rate"), ("wavenumbers", "wave number")
    for name, what in per_emitter if isinstance(emitters, Emitters) else ():
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
    seen = answers.response(emitters.kind, field)
    numbers = 2 if np.any(emitters.dipoles.imag) else 1

    def rows(positions: NDArray[np.float64]) -> Row:
        there = _at(emitters, positions)
        return lambda m: unit_row(there, seen, k, m)

    found = _found_sites(emitters, numbers)
    require_same_both_ways(emitters, seen, k)
    return _by_rows(emitters, field, found, rows)


def unit_blocks(atoms: Atoms, field: Any, k: float) -> tuple[LatticeMatrix, LatticeMatrix]:
    """Γ and Δ per linewidth between all components of dipoles, of atoms on a lattice.

    Raises:
        ProblemTooLargeError: if the kernels do not fit into memory.
        ValueError: as `unit_kernels`.
    """
    found = _found_sites(atoms, 9 * atoms.lines)
    require_same_tensors(atoms.positions, field, k)
    return _by_rows(atoms, field, found, lambda places: lambda m: unit_rows(places, field, k, m))


def _found_sites(emitters: Emitters | Atoms, numbers: int) -> Sites:
    """The sites of emitters, if kernels of so many real numbers per displacement fit."""
    found = sites(emitters.positions)
    assert found is not None
    displacements = prod(found.kernel_shape)
    needed = _NUMBERS * 8 * numbers * displacements + _ROW_BYTES * min(prod(found.shape), _AT_ONCE)
    what = f"couple: to hold Γ and Δ at {displacements:,} displacements"
    require(needed, what, "use fewer emitters, or fewer vacant sites")
    return found


def _by_rows(
    emitters: Emitters | Atoms,
    field: Any,
    found: Sites,
    rows: Callable[[NDArray[np.float64]], Row],
) -> tuple[LatticeMatrix, LatticeMatrix]:
    """Γ and Δ by displacement, checked.

    Args:
        emitters: the emitters.
        field: that couples them.
        found: their sites.
        rows: a function of places that gives the rows of emitters at these places.
    """
    row = rows(emitters.positions)
    if not found.vacant:
        kernels = _kernels(row, found)
    else:
        origin, vectors = lattice_of(emitters.positions, found.coordinates)
        everywhere = origin + found.block.coordinates @ vectors
        try:
            answers.require_outside("sites", field, everywhere)
            kernels = _kernels(rows(everywhere), found.block)
        except ValueError as error:
            raise ValueError(
                f"by_displacement: the field is also needed at vacant sites of the lattice: {error}"
                "; use by_displacement=False"
            ) from error
    decay, shift = (LatticeMatrix(kernel, found) for kernel in kernels)
    _check_rows(row, field, found, (decay, shift))
    return decay, shift


def _kernels(row: Row, block: Sites) -> list[NDArray[Any]]:
    """The kernels of Γ and Δ per linewidth, from the rows of the corners of a block."""
    known = {m: row(m) for m in dict.fromkeys(block.corners)}

    def kernel(which: int) -> NDArray[Any]:
        return kernel_of_rows(lambda m: known[m][which], block, known)

    return [kernel(0), kernel(1)]


def _at(emitters: Emitters, positions: NDArray[np.float64]) -> Emitters:
    """Emitters like the given ones at these places."""
    if positions is emitters.positions:
        return emitters
    return emitters.replace(
        positions=positions,
        dipoles=emitters.dipoles[0],
        decay_rates=emitters.decay_rates[0],
        detunings=emitters.detunings[0],
    )


def _check_rows(row: Row, field: Any, found: Sites, matrices: tuple[LatticeMatrix, ...]) -> None:
    """Raise unless rows of emitters in the middle and of some others are those of the kernels."""
    n = len(found)
    others = np.random.default_rng(0).integers(0, n, _CHECKED)
    for m in (found.middle, *(int(i) for i in others)):
        for name, matrix, values in zip(("decay", "shift"), matrices, row(m), strict=True):
            kernel = matrix.blocks.reshape(-1, matrix.each, matrix.each)
            seen = kernel[found.displacements(m)].reshape(n, -1)
            values = values.reshape(n, -1)
            off = np.abs(seen - values)
            if off.max() > _SAME * np.abs(matrix.kernel).max():
                j, part = np.unravel_index(int(np.argmax(off)), off.shape)
                raise ValueError(
                    f"by_displacement: in {field!r} the {name} of emitters {m} and {j} is "
                    f"{values[j, part]:.6g}, that of others at the same displacement "
                    f"{seen[j, part]:.6g}; use by_displacement=False"
                )


def with_own(matrix: LatticeMatrix, own: Any, scale: float) -> LatticeMatrix:
    """The matrix times a number, with another entry on its diagonal (which is not multiplied)."""
    kernel = matrix.kernel * scale
    kernel[matrix.sites.no_displacement] = own
    return LatticeMatrix(checks.real_if_possible(kernel), matrix.sites)


def by_lines(
    matrices: list[LatticeMatrix], own: NDArray[Any], linewidths: NDArray[np.float64]
) -> LatticeMatrix:
    """The matrix over the channels of several lines, with another block for each atom alone.

    Args:
        matrices: that of each line, per linewidth, with blocks of 3 × 3.
        own: the block of an atom alone, (3S, 3S), which is not multiplied.
        linewidths: (S,).
    """
    found, each = matrices[0].sites, len(own)
    kernel = np.zeros((*found.kernel_shape, each, each))
    for s, (matrix, linewidth) in enumerate(zip(matrices, linewidths, strict=True)):
        line = slice(3 * s, 3 * s + 3)
        kernel[..., line, line] = linewidth * matrix.kernel
    kernel[found.no_displacement] = own
    # exactly Hermitian, as matrices are
    turned = np.flip(kernel, tuple(range(len(found.shape)))).swapaxes(-1, -2)
    return LatticeMatrix(kernel / 2 + turned / 2, found)


def stand_in(matrix: LatticeMatrix) -> NDArray[np.float64]:
    """A 2 × 2 matrix with the diagonal and the largest other entry of a larger one."""
    own, between = float(np.abs(matrix.diagonal()).max()), matrix.largest_between()
    return np.array([[own, between], [between, own]])
