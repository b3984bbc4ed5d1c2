r"""The states of one excitation, of two-level emitters and of atoms with one ground level.

An atom with n_e excited levels and one ground level is, while nothing else is excited, like n_e
two-level emitters at one place: the amplitudes of its excited levels obey the same equation,

.. math:: Γ_{me,nf} = \sum_{cc'} D_{ce}^* Γ_{mc,nc'} D_{c'f},

and so for Δ. Channel c then has the amplitude :math:`\sum_e D_{ce}c_{me}`.
"""

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.engines.request import Request


def couplings_of(request: Request) -> Couplings:
    """The couplings of the states of one excitation: those given, or one emitter per level."""
    if isinstance(request.problem, Couplings):
        return request.problem
    if "one excitation" not in request.memo:
        request.memo["one excitation"] = _levels_as_emitters(request.channels)
    found: Couplings = request.memo["one excitation"]
    return found


def _levels_as_emitters(channels: ChannelCouplings) -> Couplings:
    """Couplings of N·n_e emitters, whose matrices need no check: they follow from checked ones."""
    detunings, (decay, shift) = channels.transitions().ravel(), channels.one_excitation()
    nothing = np.zeros(len(detunings))
    found = object.__new__(Couplings)
    known: dict[str, Any] = {
        "decay": checks.real_if_possible(decay),
        "shift": checks.real_if_possible(shift),
        "detunings": detunings,
        "dephasing": nothing,
        "pump": nothing,
        "drive": nothing.astype(complex),
        "emitters": None,
        "field": None,
        "thermal_photons": 0.0,
        "ising": None,
    }
    assert known.keys() == {each.name for each in fields(Couplings)}
    checks.freeze(found, **known)
    return found


def populations(request: Request, excited: NDArray[np.float64]) -> NDArray[np.float64]:
    """The populations of a result from those of the states of one excitation, (t, N·n_e)."""
    if isinstance(request.problem, Couplings):
        return excited
    n = len(request.channels)
    upper = excited.reshape(len(excited), n, -1)
    ground = 1 - upper.sum(axis=2, keepdims=True)
    return np.concatenate([upper, ground], axis=2)


def channel_amplitudes(request: Request, vectors: NDArray[Any]) -> NDArray[Any]:
    """The amplitudes of what `correlations` are of, from vectors (N·n_e, R)."""
    if isinstance(request.problem, Couplings):
        return vectors
    atoms = request.channels.atoms
    upper = int(atoms.excited.sum())
    dipoles = atoms.channels[:, -1, :upper]
    each = dipoles @ vectors.reshape(len(atoms), upper, -1)
    return np.asarray(each.reshape(len(atoms) * len(dipoles), -1))
