"""The checkpoint of `interactions`: a file to which finished parts of the integrals are written.

If the file can no longer be written, the run continues, and one warning follows at the end.
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
_VERSION = 3  # of the layout of the file; earlier versions had no digest


@dataclass(frozen=True)
class Integrals:
    """Integrals [l₁, l₂, l₃, l₄] of one part, and their largest error by aliasing."""

    values: NDArray[Any]
    error: float

    def __add__(self, other: "Integrals") -> "Integrals":
        return Integrals(self.values + other.values, self.error + other.error)

    def scaled(self, factor: float) -> "Integrals":
        """The integrals times a number."""
        return Integrals(factor * self.values + 0.0, abs(factor) * self.error)


@dataclass(frozen=True)
class UnfinishedIntegrals:
    """Integrals of a part that was interrupted.

    Attributes:
        values: the sums of the finished pairs, without the volume element.
        error: their largest error by aliasing.
        pairs: the number of finished pairs.
    """

    values: NDArray[Any]
    error: float
    pairs: int


class Checkpoint:
    """The file of one problem, with finished parts by name.

    Args:
        path: the file, or None for no checkpoint.
        orbitals: the orbitals.
        screening: κ in bohr⁻¹.

    Attributes:
        failure: why the file could not be written, or None.

    Raises:
        ValueError: if the file belongs to another problem or is not a checkpoint.
        OSError: if a new file cannot be written.
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
            self._write()  # so that a file that cannot be written is noticed before the run

    def get(self, name: str) -> Integrals | None:
        """A finished part, or None."""
        found = self._stored(name)
        return None if found is None else Integrals(*found)

    def get_unfinished(self, name: str) -> UnfinishedIntegrals | None:
        """A part that was interrupted, or None."""
        found = self._stored(f"{name}_begun")
        if found is None:
            return None
        pairs, size = int(self._arrays.get(f"{name}_pairs", -1)), self._shape[0]
        if not 0 <= pairs < size * (size + 1) // 2:
            raise self._damaged(f"{name}_pairs")
        return UnfinishedIntegrals(*found, pairs)

    def put(self, name: str, part: Integrals) -> None:
        """Save a finished part."""
        if self._path is None:
            return
        for extra in (f"{name}_begun", f"{name}_begun_error", f"{name}_pairs"):
            self._arrays.pop(extra, None)
        self._arrays |= {name: part.values, f"{name}_error": part.error}
        self._save()

    def put_unfinished(self, name: str, part: UnfinishedIntegrals) -> None:
        """Save the finished pairs of an interrupted part."""
        if self._path is None:
            return
        self._arrays |= {
            f"{name}_begun": part.values,
            f"{name}_begun_error": part.error,
            f"{name}_pairs": part.pairs,
        }
        self._save()

    def warn(self) -> None:
        """Warn if the file could not be written, unless warnings are errors."""
        if self.failure is None:
            return
        with suppress(UserWarning):  # the diagnostics have the failure too
            warn(f"the checkpoint could not be written: {self.failure}; the integrals are complete")

    def _stored(self, name: str) -> tuple[NDArray[Any], float] | None:
        """A checked array of integrals from the file, and its error."""
        if not {name, f"{name}_error"} <= set(self._arrays):
            return None
        values, error = self._arrays[name], float(self._arrays[f"{name}_error"])
        if values.dtype != self._dtype or not np.all(np.isfinite(values)):
            raise self._damaged(name)
        if not 0 <= error < np.inf:
            raise self._damaged(f"{name}_error")
        return values, error

    def _damaged(self, name: str) -> ValueError:
        """The error for an array that cannot be right."""
        return ValueError(
            f"checkpoint {self._path} is damaged: {name!r} in it is wrong; choose another file, "
            "or delete this one"
        )

    def _save(self) -> None:
        """Write the file; a full disk does not stop the run, and Ctrl-C waits for the write."""
        try:
            self._write()
        except OSError as error:
            self.failure = str(error)
        except KeyboardInterrupt:
            self._write()
            raise

    def _write(self) -> None:
        """Write all parts to the file."""

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
        """The arrays in the file; raises if it was not written for this problem."""
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
                raise ValueError(f"{name[:60]!r} is not part of a checkpoint")
            if found != known[name]:
                raise ValueError(f"{name!r} is of kind {found.kind!r} and shape {found.shape}")
