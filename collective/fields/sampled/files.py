"""Samples of a Green's tensor in files: NumPy, HDF5, NetCDF and labelled datasets."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.files import checked_path, written
from collective._tools.memory import require

_DIMENSIONS = {
    "positions": ("position", "axis"),
    "wavenumbers": ("wavenumber",),
    "tensors": ("wavenumber", "position", "source", "axis", "source_axis"),
}
_WORDS = {
    "content": ("total", "scattered"),
    "time": ("exp(-iwt)", "exp(+iwt)"),
    "unit": ("SI", "natural"),
}
_LABELLED = {
    "position": "source",
    "source": "position",
    "axis": "source_axis",
    "source_axis": "axis",
}
_HDF5 = (".h5", ".hdf5")
_LAYOUT = "see co.SampledField.from_file for what it must contain"


@dataclass(frozen=True)
class Contents:
    """What a file or a dataset contains.

    Attributes:
        source: where it comes from, for messages.
        arrays: positions, wavenumbers and tensors.
        words: content, time and unit.
    """

    source: str
    arrays: tuple[Any, Any, Any]
    words: dict[str, Any]


def read(path: Any) -> Contents:
    """What a file contains; see `SampledField.from_file`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a file.
    """
    source = checked_path("path", path)
    suffix = source.suffix.lower()
    if suffix not in (".npz", *_HDF5, ".nc"):
        raise ValueError(f"path must end in .npz, .h5, .hdf5 or .nc, got {str(path)!r}")
    if source.is_dir():
        raise ValueError(f"path must name a file, {str(path)!r} is a folder")
    if not source.exists():
        raise FileNotFoundError(f"path: there is no file {str(source)!r}")
    require(2 * source.stat().st_size, f"the file {source}", "give fewer wave numbers or places")
    try:
        if suffix == ".npz":
            return _of_numpy(source)
        return _of_hdf5(source) if suffix in _HDF5 else _of_netcdf(source)
    except (ImportError, MemoryError, _IncompleteError):
        raise
    except Exception as error:  # zip, HDF5 and NetCDF raise many kinds
        raise ValueError(f"{source} cannot be read ({type(error).__name__}: {error})") from error


def write(
    path: Any,
    positions: NDArray[np.float64],
    wavenumbers: NDArray[np.complex128],
    tensors: NDArray[np.complex128],
) -> Path:
    """Write the scattered part in natural units as .npz."""

    def save(partial: Path) -> None:
        with partial.open("wb") as stream:
            np.savez_compressed(
                stream,
                positions=positions,
                wavenumbers=wavenumbers,
                tensors=tensors,
                content=np.array("scattered"),
                time=np.array("exp(-iwt)"),
                unit=np.array("natural"),
            )

    return written(path, ".npz", save)


def of_dataset(dataset: Any, source: str = "the dataset") -> Contents:
    """What an `xarray.Dataset` contains.

    Raises:
        TypeError: if it is no dataset.
        ValueError: if a variable, a dimension or an attribute is missing.
    """
    for member in ("variables", "attrs", "dims"):
        if isinstance(dataset, type) or not hasattr(dataset, member):
            raise TypeError(f"dataset must be an xarray.Dataset, got {type(dataset).__name__}")

    def array(name: str) -> Any:
        wanted = _DIMENSIONS[name.removesuffix("_real").removesuffix("_imag")]
        variable = dataset[name]
        if set(variable.dims) != set(wanted):
            raise _IncompleteError(
                f"{source}: {name} has the dimensions {tuple(map(str, variable.dims))}, not "
                f"{wanted} in any order"
            )
        return variable.transpose(*wanted).values

    names = {str(name) for name in dataset.variables}
    _require_same_labels(source, {name: dataset[name].values for name in names & set(_LABELLED)})
    return _contents(source, names, array, dict(dataset.attrs))


def _require_same_labels(source: str, labels: Mapping[str, NDArray[Any]]) -> None:
    """Raise if places or axes are labelled in another order where the field is than at the source.

    Args:
        source: for messages.
        labels: of dimensions that have some.
    """
    for name, values in labels.items():
        expected, wanted = labels.get(_LABELLED[name], values), f"those of {_LABELLED[name]}"
        if "axis" in name and values.dtype.kind in "UO":
            expected, wanted = np.array(["x", "y", "z"], values.dtype), "x, y, z"
        if not np.array_equal(values, expected):
            raise _IncompleteError(
                f"{source}: the labels of {name} are {', '.join(map(str, values[:3]))}, not "
                f"{wanted}: sort them, for example with dataset.sortby({name!r})"
            )


class _IncompleteError(ValueError):
    """Something is missing in a file that can be read."""


def _of_numpy(path: Path) -> Contents:
    with np.load(path, allow_pickle=False) as stored:
        names = set(stored.files)
        words = {name: _text(stored[name]) for name in _WORDS if name in names}
        return _contents(str(path), names, lambda name: stored[name], words)


def _of_hdf5(path: Path) -> Contents:
    h5py = _imported("h5py")
    with h5py.File(path, "r") as stored:
        words = {name: _text(value) for name, value in stored.attrs.items()}
        return _contents(str(path), set(stored.keys()), lambda name: stored[name][()], words)


def _of_netcdf(path: Path) -> Contents:
    for name in ("h5netcdf", "h5py"):
        _imported(name)
    with _imported("xarray").open_dataset(path, engine="h5netcdf") as stored:
        return of_dataset(stored.load(), str(path))


def _contents(source: str, names: set[str], array: Any, words: Mapping[str, Any]) -> Contents:
    """The arrays and the words, or an error that says what is missing.

    Args:
        source: for messages.
        names: of everything that is stored.
        array: a function from a name to the array.
        words: texts that are stored.
    """
    found = []
    for name in _DIMENSIONS:
        if name in names:
            found.append(array(name))
        elif f"{name}_real" in names and f"{name}_imag" in names:
            real, imaginary = array(f"{name}_real"), array(f"{name}_imag")
            if np.shape(real) != np.shape(imaginary):
                raise _IncompleteError(
                    f"{source}: {name}_real and {name}_imag must have one shape, got "
                    f"{np.shape(real)} and {np.shape(imaginary)}"
                )
            found.append(real + 1j * imaginary)
        else:
            raise _IncompleteError(f"{source}: {name} is missing; {_LAYOUT}")
    for name, choices in _WORDS.items():
        if name not in words:
            raise _IncompleteError(
                f"{source}: the text {name} is missing, one of "
                f"{', '.join(map(repr, choices))}; {_LAYOUT}"
            )
        if not isinstance(words[name], str) or words[name] not in choices:
            raise _IncompleteError(
                f"{source}: {name} must be one of {', '.join(map(repr, choices))}, got "
                f"{str(words[name])[:60]!r}"
            )
    positions, wavenumbers, tensors = found
    return Contents(
        source, (positions, wavenumbers, tensors), {name: words[name] for name in _WORDS}
    )


def _text(value: Any) -> Any:
    """A stored text, which may be bytes or an array of one text, as MATLAB writes it."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, bytes):
        with contextlib.suppress(UnicodeDecodeError):
            return value.decode()
    return value


def _imported(name: str) -> Any:
    """A module that is installed with the extra "data"."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise ImportError(
            f"SampledField.from_file needs {name} for such files: pip install "
            "'collective-emission[data]'"
        ) from None
