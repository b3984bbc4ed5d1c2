"""Parts of the integrals, kept in a file as they come."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._files import completed, written
from collective.currents.orbitals import Orbitals


@dataclass(frozen=True)
class Integrals:
    """[l₁, l₂, l₃, l₄] of one field of the pairs, and the largest error by aliasing."""

    values: NDArray[Any]
    error: float

    def __add__(self, other: "Integrals") -> "Integrals":
        return Integrals(self.values + other.values, self.error + other.error)

    def scaled(self, factor: float) -> "Integrals":
        """Times a number."""
        return Integrals(factor * self.values + 0.0, abs(factor) * self.error)


class Kept:
    """A checkpoint: parts by name, of one problem.

    Args:
        path: the file, or None to keep nothing.
        orbitals: whose integrals they are.
        screening: κ.

    Raises:
        ValueError: for a file of another problem, or one that is no checkpoint.
    """

    def __init__(self, path: "str | os.PathLike[str] | None", orbitals: Orbitals, screening: float):
        self._path: Path | None = None
        if path is None:
            return
        if not isinstance(path, str | os.PathLike):
            raise ValueError(f"checkpoint must be a file name, got {path!r}")
        self._path = completed("checkpoint", path, ".npz")
        digest = hashlib.sha256(repr(screening).encode())
        for array in (*orbitals.axes, orbitals.wavefunctions):
            digest.update(np.ascontiguousarray(array).data)
        self._arrays: dict[str, Any] = {"problem": digest.hexdigest()}
        if self._path.is_file():
            found = _read(self._path)
            if str(found.get("problem")) != self._arrays["problem"]:
                raise ValueError(
                    f"checkpoint {path} belongs to other orbitals or another screening; choose "
                    "another file"
                )
            self._arrays = found
        self._write()  # a file that cannot be written shows now

    def get(self, name: str) -> Integrals | None:
        """A part, if it is there."""
        if self._path is None or not {name, f"{name}_error"} <= set(self._arrays):
            return None
        return Integrals(self._arrays[name], float(self._arrays[f"{name}_error"]))

    def put(self, name: str, part: Integrals) -> None:
        """Keep a part."""
        if self._path is None:
            return
        self._arrays |= {name: part.values, f"{name}_error": part.error}
        self._write()

    def _write(self) -> None:
        def write(path: Path) -> None:
            with open(path, "wb") as stream:
                np.savez(stream, **self._arrays)

        assert self._path is not None
        written(self._path, ".npz", write)


def _read(path: Path) -> dict[str, Any]:
    from zipfile import BadZipFile

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, TypeError, BadZipFile, EOFError):
        raise ValueError(f"checkpoint {path} is not a file of integrals; choose another") from None
