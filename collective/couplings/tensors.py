"""Γ and Δ of atoms with manifolds: whole tensors, for every polarisation.

For one line of wave number k and linewidth 1, d̃² = 3π/k³, Γ = (6π/k) Im G and Δ = −(3π/k) Re G are
3 × 3 matrices for every pair of places. Both are real, because G has a transposed partner. The
integral along the imaginary axis is −(3/k³)∫₀^∞dκ κ²k/(κ²+k²) G(iκ).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.memory import require
from collective._tools.progress import Progress
from collective.couplings.channels import ChannelCouplings
from collective.couplings.pairs import ATOL, CHUNK_BYTES, RTOL, upper_triangle
from collective.emitters import Atoms, Emitters, lengths
from collective.fields import answers
from collective.fields.answers import imaginary_green, total_green
from collective.fields.protocol import require_field
from collective.spectral.averages import lorentzian_averages
from collective.spectral.baths import checked_temperature
from collective.spectral.tensors import require_reciprocal

Tensors = NDArray[np.float64]

_NOT_SCATTERED = 1e-12  # per linewidth
_MATRICES = 11  # N·C × N·C at the peak of `couple`: Γ, Δ, both by lines, and the checks of them


def of_atoms(
    atoms: Atoms, field: Any, coupling: str, temperature: Any, by_displacement: Any
) -> ChannelCouplings:
    """The `ChannelCouplings` of atoms with manifolds; the coupling is "full", "rwa", "resonant"."""
    require_field("field", field)
    temperature = checked_temperature(temperature)
    if temperature > 0:
        raise ValueError(
            f"temperature = {temperature:g}: couple treats thermal light of two-level Emitters "
            "alone; for atoms use co.master_equation(multilevel, field, temperature=...)"
        )
    if by_displacement is not None and checks.flag("by_displacement", by_displacement):
        raise ValueError(
            "by_displacement: Γ and Δ of Atoms are always matrices over channels; only those of "
            "alike two-level Emitters on a lattice are stored by displacement"
        )
    answers.require_outside("atoms.positions", field, atoms.positions)
    sites = Emitters(
        atoms.positions,
        decay_rates=float(atoms.linewidths.max()),
        wavelength=atoms.wavelength,
        frequency=atoms.frequency,
    )
    lengths.refuse_coincident(sites)
    n, lines = len(atoms), atoms.lines
    side = 3 * lines * n
    require(_MATRICES * 8 * side**2, f"couple: to hold Γ and Δ of {n:,} atoms", "use fewer atoms")
    decay, shifts = (np.zeros((n, lines, 3, n, lines, 3)) for _ in range(2))
    ground = np.zeros((n, lines, 3, lines, 3))
    here = np.arange(n)
    for k in np.unique(atoms.wavenumbers):
        rates, exchange = unit_tensors(atoms.positions, field, float(k))
        own = np.abs(rates[here, :, here, :] - np.eye(3)).max()
        back = max(own, np.abs(exchange[here, :, here, :]).max()) > _NOT_SCATTERED
        lowered = np.zeros((n, 3, 3))
        if coupling == "rwa":
            exchange += integral_tensors(atoms.positions, field, float(k), pairs=True)
        elif back and coupling == "full":
            added = integral_tensors(atoms.positions, field, float(k), pairs=False)
            exchange += added
            lowered = 0.0 - added[here, :, here, :]
        if not back:
            exchange[here, :, here, :] = 0.0
        for s in np.flatnonzero(atoms.wavenumbers == k):
            decay[:, s, :, :, s] = atoms.linewidths[s] * rates
            shifts[:, s, :, :, s] = atoms.linewidths[s] * exchange
            ground[:, s, :, s] = atoms.linewidths[s] * lowered
    found = ChannelCouplings(
        decay.reshape(side, side),
        shifts.reshape(side, side),
        atoms,
        ground_shift=ground.reshape(n, 3 * lines, 3 * lines),
        field=field,
    )
    lengths.warn_of_field_lengths(answers.lengths(field), atoms.wavelength)
    lengths.warn_of_couplings(found.decay, found.shift, sites, field, absolute=False)
    return found


def unit_tensors(positions: NDArray[np.float64], field: Any, k: float) -> tuple[Tensors, Tensors]:
    """Γ and Δ between all components at all places, (N, 3, N, 3) each, in chunks of pairs."""
    n = len(positions)
    decay, shift = (np.empty((n, 3, n, 3)) for _ in range(2))
    require_reciprocal(
        field,
        positions,
        lambda i, j: total_green(field, positions[i], positions[j], k),
        f"at k = {k:g}",
    )
    with Progress(n * (n + 1) // 2, "coupling atoms") as progress:
        for i, j in upper_triangle(n, CHUNK_BYTES):
            green = total_green(field, positions[i], positions[j], k)
            for matrix, tensor in (
                (decay, 6 * np.pi / k * green.imag),
                (shift, -3 * np.pi / k * green.real),
            ):
                matrix[i, :, j, :] = tensor
                matrix[j, :, i, :] = tensor.transpose(0, 2, 1)
            progress.step(len(i))
    return decay, shift


def integral_tensors(
    positions: NDArray[np.float64], field: Any, k: float, *, pairs: bool
) -> Tensors:
    """The integral along the imaginary axis of all pairs, (N, 3, N, 3), or of each place alone."""
    n = len(positions)
    found = np.zeros((n, 3, n, 3))
    diagonal = np.arange(n), np.arange(n)
    # few pairs at a time, so that a field can reuse what it prepares for them at every κ
    chunks = upper_triangle(n, CHUNK_BYTES // 32) if pairs else iter([diagonal])
    with Progress(n * (n + 1) // 2 if pairs else n, "integrating level shifts") as progress:
        for i, j in chunks:
            farthest = float(np.linalg.norm(positions[i] - positions[j], axis=1).max())

            def integrand(kappa: float, i: Any = i, j: Any = j) -> NDArray[Any]:
                tensor = imaginary_green(field, positions[i], positions[j], kappa)
                return np.asarray(-3 * np.pi * kappa**2 / k**3 * tensor)

            values = lorentzian_averages(
                integrand,
                k,
                anchor=k,
                lowest=1 / farthest if farthest else np.inf,
                rtol=RTOL,
                atol=ATOL,
            )
            found[i, :, j, :] = values
            found[j, :, i, :] = values.transpose(0, 2, 1)
            progress.step(len(i))
    return found
