"""From atoms and a field to `ChannelCouplings`: what `couple` does for `Atoms`."""

from typing import Any

import numpy as np

from collective._tools import checks
from collective._tools.memory import require
from collective.couplings.channels import ChannelCouplings
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
