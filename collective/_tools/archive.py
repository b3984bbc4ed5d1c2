"""Named arrays and metadata in one .npz file, which is read safely even if it is damaged.

The file is a zip of .npy members, as `numpy.savez` writes it, with two members of text beside the
arrays: "metadata", which is JSON, and "digest", the SHA-256 of all other members, by which damage
and edits are found. What a file declares (names, types, shapes) is checked before any array is
read. So no file can ask for more memory than the caller's checks allow. Pickle is never used.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import require
from collective.errors import ProblemTooLargeError

_METADATA, _DIGEST = "metadata", "digest"
_LARGEST_METADATA = 64 * 2**20  # bytes; numpy stores four for each character
_LONGEST_HEADER = 1000
_CHUNK = 2**24  # bytes read at once
_HEADER = re.compile(  # as numpy writes it; nothing else is evaluated
    rb"\{'descr': '([<>|=][biufcU]\d{1,9})', 'fortran_order': (True|False), "
    rb"'shape': \((\d*(?:, ?\d+)*),?\),? ?\}\s*"
)


@dataclass(frozen=True)
class Declared:
    """The type and the shape of an array, as a file declares them or as an array has them.

    Attributes:
        kind: of its dtype, one of "biufcU".
        shape: of the array.
    """

    kind: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, array: Any) -> "Declared":
        """The type and the shape of an array in memory."""
        array = np.asarray(array)
        return cls(array.dtype.kind, array.shape)


Check = Callable[[Mapping[str, Declared], Any], None]


@dataclass(frozen=True)
class _Member:
    """A .npy member of the zip file, as its header describes it."""

    info: zipfile.ZipInfo
    start: int
    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]


def write(
    path: Path,
    arrays: Mapping[str, Any],
    metadata: Mapping[str, Any],
    *,
    kind: str,
    version: int,
    compressed: bool = True,
) -> None:
    """Write one file.

    Args:
        path: the file.
        arrays: the arrays by name.
        metadata: what JSON can store.
        kind: what the file is, for example "collective result".
        version: the version of the file's layout.
        compressed: whether to compress the arrays, which takes longer.

    Raises:
        ValueError: if the metadata are too long.
    """
    text = json.dumps({**metadata, "format": kind, "version": version})
    members = {**{name: np.asarray(array) for name, array in arrays.items()}}
    members[_METADATA] = np.array(text)
    if members[_METADATA].nbytes > _LARGEST_METADATA:
        raise ValueError(
            f"metadata must have at most {_LARGEST_METADATA // 4:,} characters as JSON, got "
            f"{len(text):,}; if they hold a long table of a material, give it fewer values"
        )
    members[_DIGEST] = np.array(digest(members))
    save = np.savez_compressed if compressed else np.savez
    with path.open("wb") as stream:
        save(stream, **members)  # type: ignore[arg-type]


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of names, types, shapes and contents."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        found.update(repr((name, array.dtype.str, array.shape)).encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def read(
    path: Path, what: str, *, kind: str, version: int, digest_since: int, check: Check
) -> tuple[dict[str, NDArray[Any]], Any]:
    """Arrays and metadata of a file written by `write`, or by releases without a digest.

    Args:
        path: the file.
        what: what the file should be, for messages: "a result of collective".
        kind: as for `write`.
        version: the newest version of the layout that this release reads.
        digest_since: the first version that has a digest.
        check: is called with the names, types and shapes of all arrays, and with the metadata,
            before any array is read. It raises ValueError if they are wrong, and `ForeignError`
            if the file is undamaged but belongs to something else.

    Raises:
        ValueError: if the file is damaged or of another kind; the message names the file.
        OSError: if there is no such file, or it cannot be read.
        ProblemTooLargeError: if the file is larger than the available memory.
    """
    if path.exists() and not path.is_file():
        kind_of = "a folder" if path.is_dir() else "not an ordinary file"
        raise ValueError(f"path must be {what}; {str(path)!r} is {kind_of}")
    with path.open("rb") as stream:
        try:
            with zipfile.ZipFile(stream) as file:
                members = _members(file)
                if _METADATA not in members:
                    raise ForeignError(f"is not {what}: it contains no metadata")
                text = _text(file, members.pop(_METADATA))
                metadata = _metadata(str(text), kind)
                if metadata is None:
                    raise ForeignError(f"is not {what}: its metadata say something else")
                stated = metadata["version"]
                if stated > version:
                    raise ForeignError(
                        f"has {kind.split()[-1]} format {stated}, this version reads up to "
                        f"{version}; upgrade collective-emission"
                    )
                signed = members.pop(_DIGEST, None)
                if stated >= digest_since and signed is None:
                    raise ValueError("its digest is missing")
                size = sum(member.info.file_size for member in members.values())
                require(size, f"the file {path}", "read it on a machine with more memory")
                declared = {n: Declared(m.dtype.kind, m.shape) for n, m in members.items()}
                check(declared, metadata)
                arrays = {name: _array(file, member) for name, member in members.items()}
                found = digest({**arrays, _METADATA: text})
                if signed is not None and str(_array(file, signed)) != found:
                    raise ValueError(
                        "its contents were changed after it was written: the digest differs"
                    )
        except ForeignError as error:
            raise ValueError(f"{path} {error}") from None
        except MemoryError as error:
            if isinstance(error, ProblemTooLargeError):
                raise
            raise ProblemTooLargeError(f"the file {path} does not fit into memory") from None
        except Exception as error:  # zip, zlib, json and numpy raise about twenty kinds
            raise ValueError(
                f"{path} is truncated, damaged or not {what} ({_words(error)})"
            ) from None
    native = {
        name: array.astype(array.dtype.newbyteorder("="), copy=False)
        for name, array in arrays.items()
    }
    return native, metadata


def kind_of(path: Path) -> str | None:
    """What a file says it is, for example "collective result"; None if it does not say."""
    if not path.is_file():  # a device might never end
        return None
    try:
        with zipfile.ZipFile(path) as file:
            name = f"{_METADATA}.npy"
            with file.open(name) as stream:
                member = _header(_METADATA, file.getinfo(name), stream)
            found = json.loads(str(_text(file, member)))
        return str(found["format"])
    except Exception:  # whatever is wrong, `read` says it
        return None


class ForeignError(ValueError):
    """The file is undamaged but belongs to another program, another problem or a later release."""


def _words(error: Exception) -> str:
    """The message of an error, or its class if it has none."""
    return str(error) or type(error).__name__


def _members(file: zipfile.ZipFile) -> dict[str, _Member]:
    """The header of every member, by the name of its array."""
    found: dict[str, _Member] = {}
    for info in file.infolist():
        if not info.filename.endswith(".npy"):
            raise ValueError(f"it has a part {info.filename[:60]!r} that is not an array")
        name = info.filename.removesuffix(".npy")
        if name in found:
            raise ValueError(f"it contains {name[:60]} twice")
        if info.flag_bits & 1:
            raise ValueError(f"{name[:60]} is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name[:60]} is compressed by an unknown method")
        with file.open(info) as stream:
            found[name] = _header(name[:60], info, stream)
    return found


def _header(name: str, info: zipfile.ZipInfo, stream: IO[bytes]) -> _Member:
    """The header of a member; raises if the member's size does not fit the declared array."""
    start = stream.read(8)
    lengths = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4, b"\x93NUMPY\x03\x00": 4}
    if start not in lengths:
        raise ValueError(f"{name} is not an array")
    size = int.from_bytes(stream.read(lengths[start]), "little")
    if size > _LONGEST_HEADER:
        raise ValueError(f"{name} has a header of {size} bytes")
    match = _HEADER.fullmatch(stream.read(size))
    if match is None:
        raise ValueError(f"the header of {name} does not describe an array of numbers")
    dtype = np.dtype(match[1].decode())
    shape = tuple(int(n) for n in match[3].replace(b" ", b"").split(b",") if n)
    start_of_data = 8 + lengths[start] + size
    items = 1
    for n in shape:
        items *= n
    if start_of_data + items * dtype.itemsize != info.file_size:
        raise ValueError(
            f"{name} declares {items} numbers and holds {info.file_size - start_of_data} bytes"
        )
    return _Member(info, start_of_data, dtype, match[2] == b"True", shape)


def _array(file: zipfile.ZipFile, member: _Member) -> NDArray[Any]:
    """Read the array of a member, which has the declared size."""
    buffer = bytearray(member.info.file_size - member.start)
    view, filled = memoryview(buffer), 0
    with file.open(member.info) as stream:
        stream.read(member.start)
        while filled < len(buffer):
            part = stream.read(min(_CHUNK, len(buffer) - filled))
            if not part:
                raise EOFError(f"{member.info.filename[:60]} ends early")
            view[filled : filled + len(part)] = part
            filled += len(part)
        if not buffer:
            stream.read(1)  # the checksum is compared at the end
    if not member.dtype.itemsize:  # an empty text
        return np.zeros(member.shape, member.dtype)
    order = "F" if member.fortran else "C"
    return np.frombuffer(buffer, member.dtype).reshape(member.shape, order=order)  # type: ignore[call-overload]


def _text(file: zipfile.ZipFile, member: _Member) -> NDArray[Any]:
    """The text of the metadata, as a NumPy array."""
    if member.dtype.kind != "U" or member.shape != ():
        raise ValueError("its metadata are not text")
    if member.info.file_size > _LARGEST_METADATA:
        raise ValueError(f"its metadata have {member.info.file_size:,} bytes, too many")
    return _array(file, member)


def _metadata(text: str, kind: str) -> Any:
    """The decoded JSON, or None if it does not belong to a file of this kind."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    version = found.get("version") if isinstance(found, dict) else None
    if type(version) is not int or version < 1 or found.get("format") != kind:
        return None
    return found
