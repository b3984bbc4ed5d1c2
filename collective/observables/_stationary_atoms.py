"""Expectation values of atoms with manifolds in a steady state, exact or in mean field."""

from typing import TYPE_CHECKING, Any

import numpy as np

from collective._tools import operators
from collective._tools.memory import require
from collective.couplings.channels import ChannelCouplings
from collective.engines import request, timescale
from collective.engines.mean_field.levels import LevelEquations
from collective.engines.mean_field.start import density_matrices
from collective.engines.mean_field.steady import needed, steady_levels
from collective.engines.measures import ChannelMeasure
from collective.states import State

if TYPE_CHECKING:
    from qutip import Qobj

_CHANNELS = 4096  # whose correlations mean field gives


def exact(channels: ChannelCouplings, rho: "Qobj") -> dict[str, Any]:
    """Fields of `Steady` from the density matrix of all atoms."""
    n, atoms = len(channels), channels.atoms
    dims, whole = (len(atoms.levels),) * n, rho.full()
    lower = [operators.local(dims, m, each) for m in range(n) for each in atoms.channels]
    read = ChannelMeasure(channels, correlations=True).read(whole)
    excited = np.zeros(1, dtype=int)
    for _ in range(n):
        excited = np.add.outer(excited, atoms.excited).ravel()
    return {
        "emission": float(read["emission"]),
        "excitation": float(read["excitation"]),
        "populations": read["populations"],
        "correlations": read["correlations"],
        "coherences": np.array([(each @ whole).trace() for each in lower], dtype=complex),
        "distribution": np.bincount(excited, np.diagonal(whole).real, n + 1).astype(float),
    }


def mean_field(channels: ChannelCouplings, start: "State | str | Qobj | None") -> dict[str, Any]:
    """Fields of `Steady` of the product state to which mean field leads from a start."""
    try:
        asked = request.checked(channels, "ground" if start is None else start, [0.0])
        found = density_matrices(asked)
    except (TypeError, ValueError) as error:
        raise type(error)(f"start: {error}") from None
    if found is None:
        raise ValueError(
            f"start: mean field needs a state without correlations between atoms, not "
            f"{asked.state_name}"
        )
    n, count = len(channels), len(channels.decay)
    bytes_needed = needed(asked) + (48 * count**2 if count <= _CHANNELS else 0)
    require(bytes_needed, f"the steady state of {n:,} atoms in mean field", "use fewer atoms")
    scaled = timescale.in_unit(channels, timescale.unit_of(channels))
    rho = steady_levels(scaled, found)
    equations = LevelEquations(channels)
    y = equations.joined(rho[:, None])
    populations = equations.populations(y)[:, :, 0]
    return {
        "emission": float(equations.emission(y)[0]),
        "excitation": float(equations.excitation(populations)),
        "populations": populations,
        "correlations": equations.pairs(y) if count <= _CHANNELS else None,
        "coherences": np.einsum("cge,meg->mc", channels.atoms.channels, rho).ravel(),
        "distribution": None,
    }
