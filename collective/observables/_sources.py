"""What sends the light of a result far away: two-level emitters, or the lines of atoms."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.channels import ChannelCouplings
from collective.emitters import Atoms
from collective.observables import _inputs
from collective.observables._detection import far_fields, far_fields_of_line, wavenumber
from collective.results.result import Result

Fields = Callable[[Any], NDArray[np.complex128]]


@dataclass
class Sources:
    """What sends light: emitters, or atoms line by line.

    Attributes:
        positions: (N, 3).
        wavenumber: the largest k, which sets how fine patterns are.
        axis: to which polarisations refer, (3,).
        kind: of the dipoles.
        lines: for each line its correlations (T, n, n), and a function that gives the far fields
            (D, n, 3) in directions (D, 3).
    """

    positions: NDArray[np.float64]
    wavenumber: float
    axis: NDArray[np.float64]
    kind: str
    lines: list[tuple[NDArray[np.complex128], Fields]]


def sources_of(result: Result, observable: str) -> Sources:
    """The sources of a result with correlations; an error says what it lacks."""
    checks.instance("result", result, Result, "co.evolve(...)")
    if not isinstance(result.couplings, ChannelCouplings):
        seen = _inputs.correlations(result, observable)
        emitters, field = _inputs.radiating(result.couplings, observable)
        one: Fields = partial(far_fields, emitters, field)
        axis = np.array([0.0, 0.0, 1.0])
        return Sources(emitters.positions, wavenumber(emitters), axis, emitters.kind, [(seen, one)])
    seen = _inputs.channel_correlations(result, observable)
    atoms, field = _inputs.radiating_atoms(result.couplings, observable)
    lines: list[tuple[NDArray[np.complex128], Fields]] = [
        (own, partial(far_fields_of_line, atoms, s, field))
        for s, own in enumerate(by_line(seen, atoms))
    ]
    return Sources(atoms.positions, float(atoms.wavenumbers.max()), atoms.axis, "electric", lines)


def by_line(correlations: NDArray[np.complex128], atoms: Atoms) -> list[NDArray[np.complex128]]:
    """⟨σ⁺_cσ⁻_c'⟩ of each line from those of all channels, (T, 3N, 3N) each."""
    if atoms.lines == 1:
        return [correlations]
    index = np.arange(correlations.shape[1]).reshape(len(atoms), atoms.lines, 3)
    chosen = (index[:, s].ravel() for s in range(atoms.lines))
    return [correlations[:, some[:, None], some] for some in chosen]
