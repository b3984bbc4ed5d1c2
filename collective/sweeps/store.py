"""The store of a sweep: a journal while it runs, a NetCDF file or a zarr folder when it is done.

The journal of "map.nc" is "map.nc.journal". It is removed once the dataset is in its place, unless
points failed, so that they can be tried again. That of an ensemble is kept, for more members.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from collective._tools import files
from collective._tools.version import __version__
from collective._tools.warn import warn
from collective.results.xarray import imported, netcdf, with_complex, without_complex
from collective.sweeps.identity import difference
from collective.sweeps.journal import Journal

if TYPE_CHECKING:
    import xarray

_NEEDED = {".nc": ("h5py", "h5netcdf"), ".zarr": ("zarr",)}
_EXTRA = {".nc": "data", ".zarr": "cluster"}
_OURS = "sweep_store"  # attribute with what `loaded` needs
_SEAL = b"sha256->"  # before the digest at the end of a NetCDF file, which HDF5 does not read
_PIECE = 2**20  # bytes that are read at a time


def checked_path(store: Any) -> Path | None:
    """The path of a store, or None.

    Raises:
        ValueError: if it is not a path that ends in .nc or .zarr.
        ImportError: without what writes such files.
    """
    if store is None:
        return None
    path = files.checked_path("store", store)
    if path.suffix not in _NEEDED:
        raise ValueError(f"store must be a file name that ends in .nc or .zarr, got {str(path)!r}")
    if path.suffix == ".nc" and path.is_dir():
        raise ValueError(f"store must name a file, {str(path)!r} is a folder")
    if path.suffix == ".zarr" and path.is_file():
        raise ValueError(f"store: a .zarr store is a folder, but {str(path)!r} is a file")
    for module in _NEEDED[path.suffix]:
        imported(f"store={path.name!r}", module, _EXTRA[path.suffix])
    return path


def journal_path(path: Path) -> Path:
    """Where the journal of a store lies."""
    return path.with_name(path.name + ".journal")


@contextmanager
def opened(path: Path, identity: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal of a store, which no other process may write meanwhile.

    Raises:
        ValueError: if it belongs to another sweep or another process, or is damaged.
        OSError: if it cannot be opened or written.
    """
    place = journal_path(path)
    with files.claimed(place, "store") as handle:
        journal = Journal(place, handle)
        kept = journal.identity
        if kept is None:
            kept = {**identity, "version": __version__}
            journal.begin(kept)
        told = difference(place, kept, identity)
        if told is not None:
            raise ValueError(told)
        _compare_code(path, kept, identity)
        if kept.get("version") != __version__:
            warn(
                f"store: {str(path)!r} was begun with version {kept.get('version')} of this "
                f"package, this is {__version__}; its points are kept as they are"
            )
        yield journal


def finish(
    path: Path, identity: Mapping[str, Any], found: "xarray.Dataset", *, keep_journal: bool
) -> None:
    """Write the dataset of a complete sweep or ensemble, and remove the journal or keep it."""
    ready = without_complex(found).copy()
    complex_names = [name for name, array in found.variables.items() if array.dtype.kind == "c"]
    ours = {
        **{part: value for part, value in identity.items() if part != "grid"},
        "complex": complex_names,
        "objects": [name for name, array in found.variables.items() if array.dtype.kind == "O"],
        "order": [list(found.data_vars), list(found.coords)],
        "dimensions": list(identity["grid"]),
        "digest": _digest(found),
    }
    ready.attrs = {**found.attrs, "complete": int(found.attrs["complete"])}
    ready.attrs[_OURS] = json.dumps(ours)
    if path.suffix == ".nc":
        files.written(path, ".nc", lambda partial: _sealed(ready, partial), "store")
    else:
        files.written_folder(path, lambda partial: _zarr(ready, partial))
    if not keep_journal:
        journal_path(path).unlink(missing_ok=True)


def _sealed(found: "xarray.Dataset", path: Path) -> None:
    """Write a dataset as a NetCDF file, with the digest of its bytes after its end."""
    netcdf(found, path)
    digest = _digest_of_bytes(path, path.stat().st_size)
    with open(path, "ab") as stream:
        stream.write(_SEAL + digest)


def _digest_of_bytes(path: Path, size: int) -> bytes:
    """SHA-256 of the first bytes of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while size > 0 and (piece := stream.read(min(size, _PIECE))):
            digest.update(piece)
            size -= len(piece)
    return digest.digest()


def _require_whole(path: Path) -> None:
    """Raise if the bytes of a NetCDF file are not those that were written.

    HDF5 may never come back from a damaged file, so it must not see one. A file without a digest,
    which another program has written anew, is left to it.
    """
    length = len(_SEAL) + hashlib.sha256().digest_size
    size = path.stat().st_size
    if size < length:
        return
    with open(path, "rb") as stream:
        stream.seek(size - length)
        end = stream.read()
    if end.startswith(_SEAL) and end[len(_SEAL) :] != _digest_of_bytes(path, size - length):
        raise _damaged(path, "its bytes are not those that were written")


def _zarr(found: "xarray.Dataset", path: Path) -> None:
    """Write a dataset as a zarr folder, in the format that other readers know longest."""
    found.to_zarr(path, zarr_format=2, consolidated=True)


def loaded(path: Path, identity: Mapping[str, Any]) -> "xarray.Dataset | None":
    """The dataset in a store, or None if the sweep is not finished.

    Raises:
        ValueError: if the file is damaged, or is not the store of this sweep.
        OSError: if the system cannot read it.
    """
    import xarray

    if not path.exists():
        return None
    engine: Any = {".nc": "h5netcdf", ".zarr": "zarr"}[path.suffix]
    if not os.access(path, os.R_OK):
        raise PermissionError(13, os.strerror(13), str(path))
    if path.suffix == ".nc":
        _require_whole(path)
    try:
        found = xarray.load_dataset(path, engine=engine, decode_times=False)
    except Exception as error:  # h5py, zarr and the codecs have errors of many kinds
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    if _OURS not in found.attrs:
        raise ValueError(f"store: {str(path)!r} was not written by a sweep: choose another file")
    try:
        ours = json.loads(found.attrs.pop(_OURS))
        found = _restored(found, ours)
        if _digest(found) != ours["digest"]:
            raise ValueError("its numbers are not those that were written")
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, str(error)) from None
    kept = {**ours, "grid": {name: found[name].values.tolist() for name in ours["dimensions"]}}
    told = difference(path, kept, identity)
    if told is not None:
        raise ValueError(told)
    _compare_code(path, kept, identity)
    return found


def _restored(found: "xarray.Dataset", ours: Mapping[str, Any]) -> "xarray.Dataset":
    """The dataset as `finish` got it: complex numbers, texts, attributes and the order."""
    import xarray

    found = with_complex(found, ours["complex"])

    def variable(name: str) -> Any:
        held = found.variables[name]
        values = held.values
        if values.dtype.kind in "OTU":
            values = values.astype(object if name in ours["objects"] else str)
        return held.dims, values, _plain(held.attrs)

    variables, coordinates = ([(n, variable(n)) for n in names] for names in ours["order"])
    attributes = _plain(found.attrs)
    attributes["complete"] = bool(attributes["complete"])
    return xarray.Dataset(dict(variables), dict(coordinates), attributes)


def _plain(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as Python's own numbers and texts."""
    return {n: v.item() if isinstance(v, np.generic) else v for n, v in attributes.items()}


def _digest(found: "xarray.Dataset") -> str:
    """SHA-256 of all values, dimensions and attributes."""
    digest = hashlib.sha256()
    for name in sorted(found.variables):
        array = found.variables[name]
        head = [name, list(array.dims), list(array.shape), array.dtype.kind, dict(array.attrs)]
        digest.update(json.dumps(head, sort_keys=True).encode())
        values = array.values
        plain = json.dumps(values.tolist()).encode() if values.dtype.kind in "OU" else None
        digest.update(np.ascontiguousarray(values).tobytes() if plain is None else plain)
    digest.update(json.dumps(dict(found.attrs), sort_keys=True).encode())
    return digest.hexdigest()


def _damaged(path: Path, why: str) -> ValueError:
    """The error for a store that cannot be read."""
    return ValueError(
        f"store: {str(path)!r} is damaged ({' '.join(why.split())[:300]}): restore it from a copy, "
        "or delete it to compute all points again"
    )


def _compare_code(path: Path, kept: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Warn if the function has changed since the points in a store were computed."""
    if kept.get("code") != now["code"]:
        warn(
            f"store: the code of {now['function']!r}, or the version of Python, has changed since "
            f"points of {str(path)!r} were computed; they are kept as they are. Delete the store "
            "if the numbers change too"
        )


def remove_journal(path: Path) -> None:
    """Remove a journal that a process left which was killed after it had written the dataset."""
    place = journal_path(path)
    if place.exists():
        with suppress(OSError, ValueError), files.claimed(place, "store"):
            place.unlink()
