"""From atoms and a field to `ChannelCouplings`: what `couple` does for `Atoms`."""

from typing import Any

import numpy as np

from collective._tools import checks
from collective._tools.memory import fits, require
from collective.couplings.by_displacement import by_lines, refusal, stand_in, unit_blocks
from collective.couplings.channels import ChannelCouplings
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.pairs import with_way_out
from collective.couplings.tensors import integral_tensors, unit_tensors
from collective.emitters import Atoms, Emitters, lengths
from collective.fields import answers
from collective.fields.protocol import require_field
from collective.spectral.baths import checked_temperature

_NOT_SCATTERED = 1e-12  # per linewidth
_MATRICES = 11  # N·C × N·C at the peak of `couple`: Γ, Δ, both by lines, and the checks of them


def of_atoms(
    atoms: Atoms,
    field: Any,
    coupling: str,
    temperature: Any,
    by_displacement: Any,
    *,
    level_shifts: bool,
) -> ChannelCouplings:
    """The `ChannelCouplings` of atoms with manifolds; the coupling is "full", "rwa", "resonant".

    Without level shifts no atom is shifted by its own scattered light: Δ within it and Λ are 0.
    """
    require_field("field", field)
    temperature = checked_temperature(temperature)
    if temperature > 0:
        raise ValueError(
            f"temperature = {temperature:g}: couple treats thermal light of two-level Emitters "
            "alone; for atoms use co.master_equation(multilevel, field, temperature=...)"
        )
    answers.require_outside("atoms.positions", field, atoms.positions)
    sites = Emitters(
        atoms.positions,
        decay_rates=float(atoms.linewidths.max()),
        wavelength=atoms.wavelength,
        frequency=atoms.frequency,
    )
    lengths.refuse_coincident(sites)
    sparing = _by_displacement(atoms, coupling, by_displacement)
    made = _of_lattice if sparing else _of_matrices
    found = made(atoms, field, coupling, level_shifts=level_shifts)
    lengths.warn_of_field_lengths(answers.lengths(field), atoms.wavelength)
    matrices = found.decay, found.shift
    if isinstance(found.decay, LatticeMatrix) and isinstance(found.shift, LatticeMatrix):
        matrices = stand_in(found.decay), stand_in(found.shift)
    lengths.warn_of_couplings(*matrices, sites, field, absolute=False)
    return found


def _by_displacement(atoms: Atoms, coupling: str, asked: Any) -> bool:
    """Whether Γ and Δ are stored by displacement; raises if they do not fit into memory."""
    n = len(atoms)
    needed = _MATRICES * 8 * (3 * atoms.lines * n) ** 2
    if asked is not None and not checks.flag("by_displacement", asked):
        asked = False
    if asked is None and fits(needed):
        return False
    why = "" if asked is False else refusal(atoms)
    if coupling == "rwa" and asked is not False:
        why = 'the shift must be "full" or "resonant"'
    if why is None:
        return True
    if asked:
        raise ValueError(f"by_displacement: {why}")
    way_out = "use fewer atoms"
    if asked is None:
        way_out += f"; they cannot be stored by displacement: {why}"
    require(needed, f"couple: to hold Γ and Δ of {n:,} atoms", way_out)
    return False


def _of_lattice(atoms: Atoms, field: Any, coupling: str, *, level_shifts: bool) -> ChannelCouplings:
    """The couplings of atoms on a lattice, stored by displacement."""
    one = atoms.replace(positions=atoms.positions[:1], energies=atoms.energies[:1])
    alone = _of_matrices(one, field, coupling, level_shifts=level_shifts)
    blocks = {k: unit_blocks(atoms, field, float(k)) for k in np.unique(atoms.wavenumbers)}
    each = [blocks[k] for k in atoms.wavenumbers]
    decay, shift = (
        by_lines([matrices[i] for matrices in each], own, atoms.linewidths)
        for i, own in enumerate((alone.decay, alone.shift))
    )
    ground = np.tile(alone.ground_shift, (len(atoms), 1, 1))
    return ChannelCouplings(decay, shift, atoms, ground_shift=ground, field=field)


def _of_matrices(
    atoms: Atoms, field: Any, coupling: str, *, level_shifts: bool
) -> ChannelCouplings:
    """The couplings of atoms as matrices over channels."""
    n, lines = len(atoms), atoms.lines
    side = 3 * lines * n
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
        elif back and level_shifts and coupling == "full":
            with with_way_out():
                added = integral_tensors(atoms.positions, field, float(k), pairs=False)
            exchange += added
            lowered = 0.0 - added[here, :, here, :]
        if not back or not level_shifts:
            exchange[here, :, here, :] = 0.0
        for s in np.flatnonzero(atoms.wavenumbers == k):
            decay[:, s, :, :, s] = atoms.linewidths[s] * rates
            shifts[:, s, :, :, s] = atoms.linewidths[s] * exchange
            ground[:, s, :, s] = atoms.linewidths[s] * lowered
    return ChannelCouplings(
        decay.reshape(side, side),
        shifts.reshape(side, side),
        atoms,
        ground_shift=ground.reshape(n, 3 * lines, 3 * lines),
        field=field,
    )
