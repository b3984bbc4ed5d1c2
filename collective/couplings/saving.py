"""Couplings as named arrays and JSON in a file; `couplings/loading.py` reads it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from collective._tools import archive, checks
from collective._tools.console import described
from collective._tools.files import written
from collective.couplings.contents import (
    ATOM_ARRAYS,
    CHANNEL_ARRAYS,
    COUPLING_ARRAYS,
    EMITTER_ARRAYS,
    FIELD,
)
from collective.couplings.lattice import LatticeMatrix
from collective.fields.saving import encoded

KIND, VERSION = "collective couplings", 1

Pack = Callable[[Any, dict[str, Any], dict[str, Any]], None]


def save(couplings: Any, pack: Pack, path: str | os.PathLike[str]) -> Path:
    """Write couplings to one file, which is replaced only when complete; the path written.

    Args:
        couplings: of any kind.
        pack: the function below for this kind.
        path: a file name.
    """
    arrays: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    pack(couplings, arrays, metadata)

    def write(partial: Path) -> None:
        archive.write(partial, arrays, metadata, kind=KIND, version=VERSION)

    return written(path, ".npz", write)


def pack_couplings(couplings: Any, arrays: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Add Γ, Δ, what else acts on the emitters, the emitters and the field."""
    for name in COUPLING_ARRAYS:
        array = _by_displacement(getattr(couplings, name), "couplings", arrays, metadata)
        arrays[f"couplings:{name}"] = array[0, 0] if checks.constant(array) else array
    ising = couplings.ising
    if ising is not None:
        arrays["couplings:ising"] = ising[0, 0] if checks.constant(ising) else ising
    if couplings.thermal_photons:
        metadata["thermal_photons"] = couplings.thermal_photons
    if couplings.emitters is not None:
        for name in EMITTER_ARRAYS:
            arrays[f"emitters:{name}"] = getattr(couplings.emitters, name)
        metadata["emitters"] = {
            "frequency": couplings.emitters.frequency,
            "wavelength": couplings.emitters.wavelength,
            "kind": couplings.emitters.kind,
        }
    _pack_field(couplings.field, arrays, metadata)


def pack_channels(channels: Any, arrays: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Add Γ and Δ over channels, the atoms and the field."""
    atoms = channels.atoms
    for name in CHANNEL_ARRAYS:
        arrays[f"channels:{name}"] = _by_displacement(
            getattr(channels, name), "channels", arrays, metadata
        )
    arrays |= {f"atoms:{name}": getattr(atoms, name) for name in ATOM_ARRAYS}
    metadata["channels"] = {
        "levels": list(atoms.levels),
        "wavelength": atoms.wavelength,
        "frequency": atoms.frequency,
    }
    _pack_field(channels.field, arrays, metadata)


def pack_mode(problem: Any, arrays: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Emitters with a cavity mode: the emitters as they are alone, and the mode beside them."""
    mode = problem.mode
    pack_couplings(problem.couplings, arrays, metadata)
    arrays["mode:coupling"] = np.asarray(mode.coupling)
    arrays["mode:drive"] = np.asarray(mode.drive)
    metadata["mode"] = {
        "linewidth": mode.linewidth,
        "detuning": mode.detuning,
        "photons": problem.photons,
    }


def _pack_field(field: Any, arrays: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Add a field of this package to the metadata, or the description of another one."""
    if field is None:
        return
    try:
        metadata["field"] = encoded(field, arrays, FIELD)
    except TypeError:  # a field or a material that is not of this package
        metadata["unknown_field"] = described(field)


def _by_displacement(
    array: Any, prefix: str, arrays: dict[str, Any], metadata: dict[str, Any]
) -> Any:
    """The kernel of a matrix by displacement, of which the sites are added; or any other array."""
    if not isinstance(array, LatticeMatrix):
        return array
    metadata["lattice"] = list(array.sites.shape)
    if array.sites.places is not None:
        arrays[f"{prefix}:places"] = array.sites.places
    return array.kernel
