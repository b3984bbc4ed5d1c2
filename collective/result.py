"""What a time evolution returns, and how it is kept: `Result`, `load`."""

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._memory import bytes_text
from collective.couplings import Couplings
from collective.emitters import Emitters
from collective.fields import Vacuum

if TYPE_CHECKING:
    from qutip import Qobj

_FORMAT = "collective result"
_VERSION = 1
_ARRAYS = ("times", "emission", "excitation", "populations", "correlations")
_COUPLING_ARRAYS = ("decay", "shift", "detunings", "dephasing", "pump", "drive")
_EMITTER_ARRAYS = ("positions", "dipoles", "decay_rates", "detunings")
_FIELDS = {"Vacuum": Vacuum}  # those a file can bring back


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    r"""A time evolution: T times, N emitters.

    Attributes:
        times: (T,), in inverse units of rate; fewer than asked for if not `complete`.
        emission: (T,), photons per time into the environment, Σ_mn Γ_mn⟨σ⁺_mσ⁻_n⟩.
        excitation: (T,), mean number of excited emitters.
        populations: (T, N), probability that each emitter is excited.
        correlations: (T, N, N), ⟨σ⁺_mσ⁻_n⟩, if observed.
        states: density matrices at every time, if observed.
        expect: expectation values (T,) of the operators given by name in `observe`.
        method: the engine that ran.
        reason: why it was chosen, with its predicted size.
        diagnostics: seconds, bytes, tolerances, versions, trace error, eigenvalues of ρ.
        initial_state: what the evolution started from.
        frame: "rotating", see `Couplings.detunings`.
        couplings: what was evolved.
        complete: False if the run was interrupted; everything before is here.
        last_state: the density matrix at the last of `times`.
    """

    times: NDArray[np.float64]
    emission: NDArray[np.float64]
    excitation: NDArray[np.float64]
    populations: NDArray[np.float64]
    couplings: Couplings
    method: str
    reason: str
    initial_state: str
    correlations: NDArray[np.complex128] | None = None
    states: "list[Qobj] | None" = None
    expect: dict[str, NDArray[Any]] = field(default_factory=dict)
    diagnostics: dict[str, Any] = field(default_factory=dict)
    frame: str = "rotating"
    complete: bool = True
    last_state: "Qobj | None" = None

    def __post_init__(self) -> None:
        for array in [*(getattr(self, name) for name in _ARRAYS), *self.expect.values()]:
            if array is not None:
                array.flags.writeable = False

    def replace(self, **changes: Any) -> "Result":
        """A copy with some attributes changed."""
        return replace(self, **changes)

    def __repr__(self) -> str:
        d = self.diagnostics
        peak = int(np.argmax(self.emission))
        span = f"t = {self.times[0]:g} … {self.times[-1]:g}"
        rows = {
            "problem": f"{len(self.couplings)} emitters from {self.initial_state}",
            "times": f"{len(self.times)}, {span} ({self.frame} frame)",
            "emission": f"largest {self.emission[peak]:.6g} at t = {self.times[peak]:.6g}",
            "method": f"{self.method} ({self.reason})",
        }
        if not self.complete:
            rows["INCOMPLETE"] = "interrupted; the times above are those reached"
        if "seconds" in d:
            used = d.get("bytes_used")
            memory = "" if used is None else f", {bytes_text(used)} of memory"
            rows["cost"] = f"{d['seconds']:.3g} s{memory}"
        if "trace_error" in d:
            rows["checks"] = (
                f"rtol {d['rtol']:g}, atol {d['atol']:g}; |tr ρ − 1| ≤ {d['trace_error']:.1e}, "
                f"eigenvalues of ρ ≥ {min(d['smallest_eigenvalues']):.1e}"
            )
        extra = [name for name in ("correlations", "states") if getattr(self, name) is not None]
        if extra or self.expect:
            rows["observed"] = ", ".join(extra + sorted(self.expect))
        return "Result\n" + "\n".join(f"  {key:<11} {text}" for key, text in rows.items())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to one compressed .npz file, replacing it only when complete.

        Args:
            path: a file name; ".npz" is appended if missing.

        Returns:
            The path written. `co.load` reads it back; a field other than the package's own
            comes back as None, with its description in `diagnostics["field"]`.
        """
        import tempfile

        target = Path(path)
        if target.name in ("", "..") or target.is_dir():
            raise ValueError(f"path must name a file, got {str(path)!r}")
        if target.suffix != ".npz":
            target = target.with_name(target.name + ".npz")
        arrays, metadata = _pack(self)
        arrays["metadata"] = np.array(json.dumps(metadata))
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez_compressed(stream, **arrays)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(partial, 0o666 & ~_umask())
            os.replace(partial, target)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
        return target


def load(path: str | os.PathLike[str]) -> Result:
    """Read a result written by `Result.save`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is truncated, damaged, or not a result.
    """
    import zipfile
    import zlib

    source = Path(path)
    if not source.exists() and source.with_name(source.name + ".npz").exists():
        source = source.with_name(source.name + ".npz")
    try:
        with source.open("rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("a single array")
            arrays = {name: file[name] for name in file.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
        if isinstance(
            error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError
        ):
            raise
        raise ValueError(
            f"{source} is truncated, damaged or not a result of collective ({error})"
        ) from error
    try:
        metadata = json.loads(str(arrays.pop("metadata")))
        if metadata["format"] != _FORMAT or not isinstance(metadata["version"], int):
            raise KeyError("format")
    except (KeyError, TypeError, json.JSONDecodeError):
        raise ValueError(f"{source} is not a result of collective: no metadata in it") from None
    if metadata["version"] > _VERSION:
        raise ValueError(
            f"{source} has result format {metadata['version']}, this version reads up to "
            f"{_VERSION}; upgrade collective-emission"
        )
    try:
        return _unpack(arrays, metadata)
    except KeyError as missing:
        raise ValueError(f"{source} is damaged: {missing} is missing") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{source} is damaged: {error}") from None


def _pack(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
    couplings = result.couplings
    arrays: dict[str, Any] = {
        name: getattr(result, name) for name in _ARRAYS if getattr(result, name) is not None
    }
    arrays |= {f"expect:{name}": values for name, values in result.expect.items()}
    arrays |= {f"couplings:{name}": getattr(couplings, name) for name in _COUPLING_ARRAYS}
    metadata: dict[str, Any] = {
        "format": _FORMAT,
        "version": _VERSION,
        "diagnostics": dict(result.diagnostics),
    }
    for name in ("method", "reason", "initial_state", "frame", "complete"):
        metadata[name] = getattr(result, name)
    for name, states in (("states", result.states), ("last_state", result.last_state)):
        if states is not None:
            listed = states if isinstance(states, list) else [states]
            arrays[name] = np.stack([state.full() for state in listed])
            metadata[f"{name}_dims"] = listed[0].dims
    if couplings.emitters is not None:
        for name in _EMITTER_ARRAYS:
            arrays[f"emitters:{name}"] = getattr(couplings.emitters, name)
        metadata["emitters"] = {
            "frequency": couplings.emitters.frequency,
            "wavelength": couplings.emitters.wavelength,
        }
    field_name = type(couplings.field).__name__
    if _FIELDS.get(field_name) is type(couplings.field):
        metadata["field"] = field_name
    elif couplings.field is not None:
        metadata["diagnostics"]["field"] = repr(couplings.field)
    return arrays, metadata


def _unpack(arrays: dict[str, Any], metadata: dict[str, Any]) -> Result:
    emitters = None
    if "emitters" in metadata:
        emitters = Emitters(
            **{name: arrays[f"emitters:{name}"] for name in _EMITTER_ARRAYS},
            **metadata["emitters"],
        )
    couplings = Couplings(
        **{name: arrays[f"couplings:{name}"] for name in _COUPLING_ARRAYS},
        emitters=emitters,
        field=_FIELDS[metadata["field"]]() if "field" in metadata else None,
    )
    prefix = "expect:"
    states, last = (_qobjs(name, arrays, metadata) for name in ("states", "last_state"))
    return Result(
        **{name: arrays[name] for name in _ARRAYS if name in arrays},
        couplings=couplings,
        states=states,
        last_state=last[0] if last else None,
        expect={k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)},
        **{
            name: metadata[name]
            for name in ("method", "reason", "initial_state", "frame", "complete", "diagnostics")
        },
    )


def _qobjs(name: str, arrays: dict[str, Any], metadata: dict[str, Any]) -> "list[Qobj] | None":
    if name not in arrays:
        return None
    from qutip import Qobj

    return [Qobj(array, dims=metadata[f"{name}_dims"]) for array in arrays[name]]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
