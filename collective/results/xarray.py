"""A result as an `xarray.Dataset`, and that as a NetCDF-4 file.

There is one variable for each array of `Result` and `Couplings`, with the same names. NetCDF has no
complex numbers, so a file holds z as z_real and z_imag.

The file is longer than others because every kind of problem has variables of its own.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.console import described
from collective._tools.files import written
from collective.couplings.channels import ChannelCouplings
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.modes import jump_modes
from collective.couplings.with_mode import CavityCouplings
from collective.states import State
from collective.states.answers import name_of

if TYPE_CHECKING:
    import xarray

    from collective.emitters import Atoms, Emitters, Multilevel

_RATE = "units of rate (Γ₀ by default)"
_LENGTH = "units of length (wavelengths by default)"
_PAIR = ("emitter", "emitter_2")
# dimensions, values and attributes by name
Parts = dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, str]]]
_CONVENTIONS = (
    "dρ/dt = −i[H, ρ] + Σ_mn Γ_mn(σ⁻_n ρ σ⁺_m − ½{σ⁺_m σ⁻_n, ρ}), "
    "H = Σ_m δ_m σ⁺_m σ⁻_m + Σ_mn Δ_mn σ⁺_m σ⁻_n + ½Σ_m(Ω_m σ⁺_m + h.c.), "
    "jumps √(2γ_φ)σ⁺σ⁻ and √p σ⁺ of each emitter, or matrices (see Couplings); e^{−iωt}, ħ = 1; "
    "basis: emitter 0 is the leftmost factor, index 0 of a two-level emitter is excited"
)

# name: dimensions, units, what it is
_OBSERVED = {
    "emission": (("time",), _RATE, "photons per time into the environment"),
    "emission_error": (("time",), _RATE, "standard error of the emission"),
    "error_estimate": (("time",), _RATE, "estimated error of the emission"),
    "shots": (("sample", "time"), _RATE, "emission of every sample"),
    "coincidence_rate": (("time",), f"{_RATE}, squared", "rate of photon pairs"),
    "coincidence_error": (("time",), f"{_RATE}, squared", "standard error of the rate of pairs"),
    "excitation": (("time",), "1", "mean number of excited emitters"),
    "excitation_error": (("time",), "1", "standard error of the excitation"),
    "populations": (("time", "emitter", "level"), "1", "probability of each emitter and level"),
    "populations_error": (("time", "emitter"), "1", "standard error of the populations"),
    "photons": (("time",), "1", "mean number of photons in the cavity mode"),
    "correlations": (("time", *_PAIR), "1", "⟨σ⁺_m σ⁻_n⟩ of emitter m and emitter_2 n"),
}
_COUPLINGS = {
    "decay": (_PAIR, _RATE, "Γ_mn"),
    "shift": (_PAIR, _RATE, "Δ_mn"),
    "detunings": (("emitter",), _RATE, "δ_m"),
    "dephasing": (("emitter",), _RATE, "γ_φ: coherences decay at this extra rate"),
    "pump": (("emitter",), _RATE, "p: incoherent excitation"),
    "drive": (("emitter",), _RATE, "Rabi frequency Ω_m"),
    "ising": (_PAIR, _RATE, "V_mn: energy of m and n both excited, in H once for each pair"),
}
_CHANNELS = {
    "decay": (("channel", "channel_2"), _RATE, "Γ between channels (atom, line, component)"),
    "shift": (("channel", "channel_2"), _RATE, "Δ between channels (atom, line, component)"),
    "energies": (("emitter", "level"), _RATE, "energy of each level in the rotating frame"),
    "drive": (("channel",), _RATE, "Rabi frequency Ω of each channel"),
}


_COUNTED = ("emitter", "emitter_2", "level", "channel", "channel_2", "sample")
_CHANNEL_OF = {
    True: "its channel: an eigenvector of Γ, channel_vector",
    False: "its channel: index into Couplings.collapse_operators()",
}


def dataset(result: Any) -> "xarray.Dataset":
    """The dataset of `Result.to_xarray`."""
    return imported("to_xarray", "xarray").Dataset(*parts(result))


def parts(result: Any) -> tuple[Parts, Parts, dict[str, Any]]:
    """Variables, coordinates and attributes of the dataset, without xarray."""
    variables: Parts = {}

    def add(name: str, values: Any, dims: tuple[str, ...], units: str, meaning: str) -> None:
        variables[name] = (dims, np.array(values), {"long_name": meaning, "units": units})

    add("time", result.times, ("time",), "inverse units of rate (1/Γ₀ by default)", "time")
    for name, (dims, units, meaning) in _OBSERVED.items():
        values = getattr(result, name)
        if values is not None:
            if name == "correlations" and isinstance(result.couplings, ChannelCouplings):
                dims, meaning = ("time", "channel", "channel_2"), "⟨σ⁺_c σ⁻_c'⟩ of two channels"
            add(name, values, dims[: values.ndim], units, meaning)
    of_atoms = isinstance(result.couplings, ChannelCouplings)
    if result.couplings is not None:
        couplings = _of_emitters(result)
        if couplings is not result.couplings:
            _add_mode(result.couplings, add)
        for name, (dims, units, meaning) in (_CHANNELS if of_atoms else _COUPLINGS).items():
            values = getattr(couplings, name)
            if isinstance(values, LatticeMatrix):
                _add_kernel(name, values, units, meaning, add)
            elif checks.constant(values):  # one number for all pairs: N² copies may not fit
                add(name, values[0, 0], (), units, f"{meaning}, the same for every m and n")
            elif values is not None:  # noise that emitters share is a matrix
                along = dims if of_atoms or values.ndim != 2 else _PAIR
                add(name, values, along, units, meaning)
        if of_atoms:
            names = list(couplings.atoms.levels)
            add("level", names, ("level",), "1", "name of the level")
        elif couplings.thermal_photons:
            photons = couplings.thermal_photons
            add("thermal_photons", photons, (), "1", "n̄ per mode: emission (n̄ + 1)Γ, absorption n̄Γ")
    if result.expect:
        stacked = np.stack(list(result.expect.values()))
        add("expect", stacked, ("operator", "time"), "of the operator", "expectation values")
        add("operator", list(result.expect), ("operator",), "1", "name given in observe")
    if result.states is not None:
        states = np.stack([state.full() for state in result.states])
        add("states", states, ("time", "row", "column"), "1", f"ρ in the {result.frame} frame")
    if result.jumps is not None:
        _add_jumps(result, add)
    _add_places(result, add)
    sizes: dict[str, int] = {}
    for dims, values, _ in variables.values():
        sizes.update(zip(dims, values.shape, strict=True))
    places = [name for name in variables if name in sizes or name in "xyz"]
    coordinates = {name: variables.pop(name) for name in places}
    for name in _COUNTED:
        if name in sizes and name not in coordinates:
            coordinates[name] = ((name,), np.arange(sizes[name]), {})
    return variables, coordinates, _attributes(result)


def _of_emitters(result: Any) -> Any:
    """The couplings of a result; those of the emitters where a cavity mode is beside them."""
    found = result.couplings
    return found.couplings if isinstance(found, CavityCouplings) else found


def _add_mode(problem: CavityCouplings, add: Any) -> None:
    """Add the numbers of the cavity mode."""
    mode = problem.mode
    add("mode_coupling", problem.coupling, ("emitter",), _RATE, "coupling g_m to the cavity mode")
    add("mode_linewidth", mode.linewidth, (), _RATE, "κ: the mode loses energy at this rate")
    add("mode_detuning", mode.detuning, (), _RATE, "mode minus frame")
    add("mode_drive", mode.drive, (), _RATE, "drive η of the mode")


def _add_kernel(name: str, matrix: LatticeMatrix, units: str, meaning: str, add: Any) -> None:
    """Add a matrix that is stored by displacement, and the sites of the emitters."""
    along = [f"displacement_{i + 1}" for i in range(len(matrix.sites.shape))]
    along += ["channel_of_one", "channel_of_other"] if matrix.in_blocks else []
    add(name, matrix.kernel, tuple(along), units, f"{meaning} by displacement between sites")
    for i, numbers in enumerate(matrix.sites.coordinates.T, 1):
        add(
            f"site_{i}",
            numbers,
            ("emitter",),
            "1",
            f"site of each emitter along lattice vector {i}",
        )


def _add_jumps(result: Any, add: Any) -> None:
    """Add the jumps, and the meaning of their channels."""
    jumps = result.jumps
    assert jumps is not None
    add("jump_trajectory", jumps.trajectory, ("jump",), "1", "trajectory of each jump")
    add("jump_time", jumps.times, ("jump",), "inverse units of rate", "time of each jump")
    add("jump_channel", jumps.channels, ("jump",), "1", _CHANNEL_OF[_by_eigenvectors(result)])
    if _by_eigenvectors(result):
        rates, vectors = jump_modes(result.couplings.decay)
        add("channel_rate", rates, ("channel",), _RATE, "eigenvalue of Γ")
        add("channel_vector", vectors, ("emitter", "channel"), "1", "eigenvector of Γ")


def _by_eigenvectors(result: Any) -> bool:
    """Whether channels are indices of eigenvectors of Γ, and not of the collapse operators.

    The engine "trajectories" draws such channels if emitters only decay and no operators of the
    user are observed.
    """
    c = _of_emitters(result)
    if isinstance(c, ChannelCouplings):
        return False
    others = () if c is None else (c.drive, c.pump, c.dephasing, c.thermal_photons)
    return c is not None and not result.expect and not any(np.any(values) for values in others)


def _add_places(result: Any, add: Any) -> None:
    """Add the positions of the emitters, and their dipoles or levels."""
    system: Atoms | Emitters | Multilevel | None
    if isinstance(result.couplings, ChannelCouplings):
        system = result.couplings.atoms
    elif result.couplings is not None:
        system = emitters = _of_emitters(result).emitters
        if emitters is not None:
            axes = ("emitter", "component")
            lowering = f"direction of {emitters.kind} ⟨g|d|e⟩"
            add("dipoles", emitters.dipoles, axes, "1", lowering)
            add("component", list("xyz"), ("component",), "1", "Cartesian component")
            add("decay_rates", emitters.decay_rates, ("emitter",), _RATE, "vacuum linewidth")
            own = "ω_m − ω₀ of the emitters; detunings are from the frame of the couplings"
            add("emitter_detunings", emitters.detunings, ("emitter",), _RATE, own)
    else:
        assert result.equation is not None
        system = levels = result.equation.multilevel
        if levels is not None:
            energies = np.full(result.populations.shape[1:], np.nan)
            for row, values in zip(energies, levels.energies, strict=True):
                row[: len(values)] = values
            add("energies", energies, ("emitter", "level"), _RATE, "energy of each level")
    if system is not None:
        for name, values in zip("xyz", system.positions.T, strict=True):
            add(name, values, ("emitter",), _LENGTH, f"position along {name}")


def _attributes(result: Any) -> dict[str, Any]:
    versions = result.diagnostics.get("versions", {})
    left_out = [] if result.last_state is None else ["last_state"]
    left_out += [] if result.controls is None else ["controls"]
    left_out += ["resume"] if result.resume else []
    left_out += [] if isinstance(result.initial_state, str | State) else ["initial_state"]
    attributes = {
        "method": result.method,
        "reason": result.reason,
        "initial_state": name_of(result.initial_state),
        "frame": result.frame,
        "accuracy": result.accuracy or "not known",
        "complete": result.complete,
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "diagnostics": json.dumps(result.diagnostics),
        "conventions": _CONVENTIONS,
    }
    if result.start is not None:
        attributes["start"] = result.start
    if result.couplings is not None:
        of_atoms = isinstance(result.couplings, ChannelCouplings)
        couplings = _of_emitters(result)
        emitters = couplings.atoms if of_atoms else couplings.emitters
        field = couplings.field
        if field is not None:
            attributes["field"] = described(field)
        if emitters is not None:
            attributes["wavelength"] = emitters.wavelength
            if emitters.frequency is not None:
                attributes["frequency"] = emitters.frequency
    if result.equation is not None:
        attributes["equation"] = described(result.equation)
        left_out.append("the operators of the equation")
    if result.jumps is not None:
        attributes["n_trajectories"] = result.jumps.n_trajectories
    return attributes | {"left_out": ", ".join(left_out)}


def write_netcdf(result: Any, path: str | os.PathLike[str]) -> Path:
    """The file of `Result.to_netcdf`."""
    imported("to_netcdf", "xarray")
    return write_dataset(dataset(result), path)


def write_dataset(found: "xarray.Dataset", path: str | os.PathLike[str]) -> Path:
    """Write a dataset as NetCDF-4, with real and imaginary parts of complex variables."""
    for module in ("xarray", "h5py", "h5netcdf"):
        imported("to_netcdf", module)
    found = without_complex(found)
    # NetCDF has no booleans either
    found.attrs |= {n: int(value) for n, value in found.attrs.items() if isinstance(value, bool)}
    return written(path, ".nc", lambda partial: netcdf(found, partial))


def netcdf(found: "xarray.Dataset", path: Path) -> None:
    """Write a dataset without complex numbers as a NetCDF-4 file."""
    # written from memory, because HDF5 crashes the interpreter if the disk is full
    with _without_a_cluster():
        path.write_bytes(found.to_netcdf(engine="h5netcdf"))


def _without_a_cluster() -> AbstractContextManager[Any]:
    """A context in which xarray does not use the dask client of the user, if there is one.

    It would ask the scheduler of the cluster for a lock on a file in the memory of this process.
    """
    if "dask" not in sys.modules:
        return nullcontext()
    import dask

    return dask.config.set(scheduler=dask.get)  # a name would be warned of


def without_complex(found: "xarray.Dataset") -> "xarray.Dataset":
    """The dataset with real and imaginary parts in place of complex variables."""
    for name, array in found.variables.items():
        if array.dtype.kind == "c":
            is_coordinate = name in found.coords
            found = found.drop_vars(name)
            for suffix, part in (("real", array.values.real), ("imag", array.values.imag)):
                attrs = dict(array.attrs)
                if "long_name" in attrs:
                    attrs["long_name"] = f"{attrs['long_name']}, {suffix} part"
                found[f"{name}_{suffix}"] = (array.dims, part, attrs)
                if is_coordinate:
                    found = found.set_coords(f"{name}_{suffix}")
    return found


def with_complex(found: "xarray.Dataset", names: Sequence[str]) -> "xarray.Dataset":
    """The dataset before `without_complex`, but for the order of its variables."""
    for name in names:
        real, imag = found.variables[f"{name}_real"], found.variables[f"{name}_imag"]
        values = np.empty(real.shape, dtype=complex)
        values.real, values.imag = real.values, imag.values
        attrs = dict(real.attrs)
        if "long_name" in attrs:
            attrs["long_name"] = attrs["long_name"].removesuffix(", real part")
        is_coordinate = f"{name}_real" in found.coords
        found = found.drop_vars([f"{name}_real", f"{name}_imag"])
        found[name] = (real.dims, values, attrs)
        found = found.set_coords(name) if is_coordinate else found
    return found


def imported(what: str, module: str, extra: str = "data") -> Any:
    """A module of an extra of this package; the error names what needs it."""
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError:
        raise ImportError(
            f"{what} needs {module}: pip install 'collective-emission[{extra}]'"
        ) from None
