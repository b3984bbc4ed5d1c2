"""Parts of the integrals, kept in a file as they come.

A file that can no longer be written costs nothing that is computed: it is said once, at the end.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import archive
from collective._tools.archive import Declared
from collective._tools.files import completed, written
from collective._tools.warn import warn
from collective.currents.orbitals import Orbitals
from collective.errors import ProblemTooLargeError

_PARTS = ("charge", "x", "y", "z", "divergence")
_FORMAT = "collective integrals"
_VERSION = 3  # of the file and what is in it; those before had no digest


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
        self._arrays: dict[str, Any] = {}
        if path is None:
            return
        self._path = completed("checkpoint", path, ".npz")
        parts = {f"axis {i}": axis for i, axis in enumerate(orbitals.axes)}
        parts |= {"wavefunctions": orbitals.wavefunctions, "screening": np.array(screening)}
        self._problem = archive.digest(parts)
        self._shape = (len(orbitals),) * 4
        self._dtype = orbitals.wavefunctions.dtype
        if self._path.exists():
            self._arrays = self._read()
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
        pairs, size = int(self._arrays.get(f"{name}_pairs", -1)), self._shape[0]
        if not 0 <= pairs < size * (size + 1) // 2:
            raise self._damaged(f"{name}_pairs")
        return Begun(*found, pairs)

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
        if not {name, f"{name}_error"} <= set(self._arrays):
            return None
        values, error = self._arrays[name], float(self._arrays[f"{name}_error"])
        if values.dtype != self._dtype or not np.all(np.isfinite(values)):
            raise self._damaged(name)
        if not 0 <= error < np.inf:
            raise self._damaged(f"{name}_error")
        return values, error

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
            archive.write(
                path,
                self._arrays,
                {"problem": self._problem},
                kind=_FORMAT,
                version=_VERSION,
                compressed=False,
            )

        assert self._path is not None
        written(self._path, ".npz", write)

    def _read(self) -> dict[str, NDArray[Any]]:
        """What the file holds; ValueError unless it was written for this problem."""
        assert self._path is not None
        try:
            arrays, _ = archive.read(
                self._path,
                "a file of integrals",
                kind=_FORMAT,
                version=_VERSION,
                digest_since=_VERSION,
                check=self._check,
            )
        except ProblemTooLargeError:
            raise
        except ValueError as error:
            raise ValueError(
                f"checkpoint {error}; choose another file, or delete this one"
            ) from None
        return arrays

    def _check(self, declared: Mapping[str, Declared], metadata: Any) -> None:
        """Raise unless the arrays that a file declares are those of this problem."""
        if metadata.get("problem") != self._problem:
            raise archive.ForeignError("belongs to other orbitals or another screening")
        integrals = Declared(self._dtype.kind, self._shape)
        known: dict[str, Declared] = {}
        for name in _PARTS:
            for stored in (name, f"{name}_begun"):
                known |= {stored: integrals, f"{stored}_error": Declared("f", ())}
            known[f"{name}_pairs"] = Declared("i", ())
        for name, found in declared.items():
            if name not in known:
                raise ValueError(f"{name[:60]!r} does not belong into it")
            if found != known[name]:
                raise ValueError(f"{name!r} is of kind {found.kind!r} and shape {found.shape}")
