"""Couplings from named arrays and JSON, as `couplings/saving.py` writes them."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from collective._tools import archive
from collective.couplings import contents, saving
from collective.couplings.channels import ChannelCouplings
from collective.couplings.contents import (
    ATOM_ARRAYS,
    CHANNEL_ARRAYS,
    COUPLING_ARRAYS,
    EMITTER_ARRAYS,
)
from collective.couplings.couplings import Couplings
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.sites import Sites
from collective.couplings.with_mode import CavityCouplings, CavityMode
from collective.emitters import Atoms, Emitters
from collective.errors import ProblemTooLargeError
from collective.fields.saving import decoded

Stored = Couplings | CavityCouplings | ChannelCouplings


def loaded(source: Path) -> Stored:
    """The couplings in a file; the errors are those of `load`."""
    arrays, metadata = archive.read(
        source,
        "a file of couplings",
        kind=saving.KIND,
        version=saving.VERSION,
        digest_since=1,
        check=_fitting,
    )
    try:
        return unpack(arrays, metadata)
    except MemoryError as error:
        raise ProblemTooLargeError(f"{source} does not fit into memory: {error}") from None
    except Exception as error:  # any error of a class that is built from the contents
        raise ValueError(f"{source} is damaged: {error}") from None


def _fitting(arrays: Mapping[str, archive.Declared], metadata: Any) -> None:
    """Raise ValueError unless the arrays are those of couplings."""
    known = contents.problem(arrays, metadata)
    if "field" in metadata:
        known[contents.FIELD] = None  # its arrays may be there
    for name, declared in arrays.items():
        contents.require_fit(declared, name, known)


def unpack(arrays: dict[str, Any], metadata: dict[str, Any]) -> Stored:
    """The couplings of any kind."""
    if "channels" in metadata:
        return unpack_channels(arrays, metadata)
    if "mode" in metadata:
        return unpack_mode(arrays, metadata)
    return unpack_couplings(arrays, metadata)


def unpack_couplings(arrays: dict[str, Any], metadata: dict[str, Any]) -> Couplings:
    """`Couplings`; a number stands for a matrix of it."""
    emitters, field = None, None
    if "emitters" in metadata:
        emitters = Emitters(
            **{name: arrays[f"emitters:{name}"] for name in EMITTER_ARRAYS},
            **metadata["emitters"],
        )
    if "field" in metadata:
        field = decoded(metadata["field"], arrays)
    found = {name: arrays[f"couplings:{name}"] for name in COUPLING_ARRAYS}
    side = (len(found["detunings"]),) * 2
    if "lattice" in metadata:
        sites = _sites("couplings", tuple(metadata["lattice"]), arrays)
        matrices = {name: LatticeMatrix(found[name], sites) for name in ("decay", "shift")}
        found |= matrices
    for name in ("decay", "shift", "pump", "dephasing"):
        if found[name].ndim == 0:  # one number for all
            found[name] = np.broadcast_to(found[name], side)
    return Couplings(
        **found,
        emitters=emitters,
        field=field,
        thermal_photons=metadata.get("thermal_photons", 0.0),
        ising=arrays.get("couplings:ising"),
    )


def unpack_channels(arrays: dict[str, Any], metadata: dict[str, Any]) -> ChannelCouplings:
    """`ChannelCouplings` and their atoms."""
    atoms = Atoms(**{name: arrays[f"atoms:{name}"] for name in ATOM_ARRAYS}, **metadata["channels"])
    found = {name: arrays[f"channels:{name}"] for name in CHANNEL_ARRAYS}
    if "lattice" in metadata:
        sites = _sites("channels", tuple(metadata["lattice"]), arrays)
        found |= {name: LatticeMatrix(found[name], sites) for name in ("decay", "shift")}
    field = decoded(metadata["field"], arrays) if "field" in metadata else None
    return ChannelCouplings(**found, atoms=atoms, field=field)


def unpack_mode(arrays: dict[str, Any], metadata: dict[str, Any]) -> CavityCouplings:
    """Emitters with a cavity mode."""
    stored = metadata["mode"]
    mode = CavityMode(
        arrays["mode:coupling"],
        stored["linewidth"],
        stored["detuning"],
        drive=complex(arrays["mode:drive"]),
    )
    return CavityCouplings(unpack_couplings(arrays, metadata), mode, stored["photons"])


def _sites(prefix: str, shape: tuple[int, ...], arrays: dict[str, Any]) -> Sites:
    """The sites of the emitters; older files have the emitter on each site of a full block."""
    if "couplings:order" not in arrays:
        return Sites(shape, arrays.get(f"{prefix}:places"))
    order = arrays["couplings:order"]
    if not np.array_equal(np.sort(order), np.arange(prod(shape))):
        raise ValueError("couplings:order must name every emitter once")
    return Sites(shape, np.argsort(order))
