"""Parts of the integrals, kept in a file as they come.

A file that can no longer be written costs nothing that is computed: it is said once, at the end.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective import _checks
from collective._files import completed, written
from collective._warn import warn
from collective.currents.orbitals import Orbitals

_LAYOUT = 2  # of the file


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


@dataclass(frozen=True)
class Begun:
    """A part of which the first pairs are done: their sums, not yet times the volume element."""

    values: NDArray[Any]
    error: float
    pairs: int


class Kept:
    """A checkpoint: parts by name, of one problem.

    Args:
        path: the file, or None to keep nothing.
        orbitals: whose integrals they are.
        screening: κ.

    Attributes:
        failure: why the file could not be written, or None.

    Raises:
        ValueError: for a file of another problem, or one that is no checkpoint.
        OSError: for a new file that cannot be written.
    """

    def __init__(self, path: "str | os.PathLike[str] | None", orbitals: Orbitals, screening: float):
        self._path: Path | None = None
        self.failure: str | None = None
        if path is None:
            return
        if not isinstance(path, str | os.PathLike):
            raise ValueError(f"checkpoint must be a file name, got {_checks.short(path)}")
        self._path = completed("checkpoint", path, ".npz")
        digest = hashlib.sha256(repr((_LAYOUT, screening)).encode())
        for array in (*orbitals.axes, orbitals.wavefunctions):
            digest.update(np.ascontiguousarray(array).data)
        self._shape = (len(orbitals),) * 4
        self._dtype = orbitals.wavefunctions.dtype
        self._arrays: dict[str, Any] = {"problem": digest.hexdigest()}
        if self._path.is_file():
            found = _read(self._path)
            if str(found.get("problem")) != self._arrays["problem"]:
                raise ValueError(
                    f"checkpoint {path} belongs to other orbitals or another screening, or is "
                    "of another version of this package; choose another file"
                )
            self._arrays = found
        else:
            self._write()  # a file that cannot be written shows now

    def get(self, name: str) -> Integrals | None:
        """A part, if it is there."""
        found = self._stored(name)
        return None if found is None else Integrals(*found)

    def begun(self, name: str) -> Begun | None:
        """A part that was interrupted, if there is one."""
        found = self._stored(f"{name}_begun")
        if found is None:
            return None
        pairs = np.asarray(self._arrays.get(f"{name}_pairs"))
        size = self._shape[0]
        if pairs.shape != () or pairs.dtype.kind != "i" or not 0 <= pairs < size * (size + 1) // 2:
            raise self._damaged(f"{name}_pairs")
        return Begun(*found, int(pairs))

    def put(self, name: str, part: Integrals) -> None:
        """Keep a part."""
        if self._path is None:
            return
        for extra in (f"{name}_begun", f"{name}_begun_error", f"{name}_pairs"):
            self._arrays.pop(extra, None)
        self._arrays |= {name: part.values, f"{name}_error": part.error}
        self._keep()

    def put_begun(self, name: str, part: Begun) -> None:
        """Keep what is done of an interrupted part."""
        if self._path is None:
            return
        self._arrays |= {
            f"{name}_begun": part.values,
            f"{name}_begun_error": part.error,
            f"{name}_pairs": part.pairs,
        }
        self._keep()

    def warn(self) -> None:
        """Say that the file could not be written; where warnings are errors, stay silent."""
        if self.failure is None:
            return
        with suppress(UserWarning):  # the integrals are there, and diagnostics have the failure
            warn(f"the checkpoint could not be written: {self.failure}")

    def _stored(self, name: str) -> tuple[NDArray[Any], float] | None:
        """An array of integrals and its error from the file, checked."""
        if self._path is None or not {name, f"{name}_error"} <= set(self._arrays):
            return None
        values, error = self._arrays[name], np.asarray(self._arrays[f"{name}_error"])
        fits = values.shape == self._shape and values.dtype == self._dtype
        if not fits or not np.all(np.isfinite(values)):
            raise self._damaged(name)
        if error.shape != () or error.dtype.kind != "f" or not 0 <= error < np.inf:
            raise self._damaged(f"{name}_error")
        return values, float(error)

    def _damaged(self, name: str) -> ValueError:
        return ValueError(
            f"checkpoint {self._path} is damaged: {name!r} in it is not what was written; choose "
            "another file, or delete this one"
        )

    def _keep(self) -> None:
        """Write; a full disk must not cost the run itself, nor Ctrl-C what is computed."""
        try:
            self._write()
        except OSError as error:
            self.failure = str(error)
        except KeyboardInterrupt:
            self._write()
            raise

    def _write(self) -> None:
        def write(path: Path) -> None:
            with open(path, "wb") as stream:
                np.savez(stream, **self._arrays)

        assert self._path is not None
        written(self._path, ".npz", write)


def _read(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError:
        raise
    except Exception:  # whatever a broken archive makes of numpy, zipfile and zlib
        raise ValueError(f"checkpoint {path} is not a file of integrals; choose another") from None
