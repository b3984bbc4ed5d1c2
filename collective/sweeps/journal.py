"""An append-only file of finished points, of which a killed process loses nothing.

The file begins with a line that says what it is. Records follow, each with a mark, the length of
its content, a checksum of both, and the content: a JSON text with its own length, then the bytes of
the arrays. The first record says which sweep it is. A record that was not written to its end is
dropped; one that is damaged is passed over, and its point is computed again. Pickle is never used.
"""

import json
import os
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from collective.sweeps.blocks import Block, Variable

_FIRST = b"collective sweep, version 1\n"
_MARK = b"\x00POINT\r\n"
_HEAD = struct.Struct("<8sQI")  # mark, length of the content, checksum
_LENGTH = struct.Struct("<I")
_TYPES = {"|b1": 1, "<i8": 8, "<f8": 8, "<c16": 16}  # of arrays, and their bytes for each entry
_CHUNK = 2**16  # bytes that are read at a time
_SYNCED = 1.0  # seconds after which the disk is waited for, at the latest
_SHARE = 0.02  # of the time that waiting for the disk may take before

Record = tuple[int, Block | str]


class Journal:
    """The journal of one sweep, open for appending.

    Args:
        path: the file, which this process has locked.
        handle: of the file, open for reading and writing.

    Attributes:
        path: of the file.
        identity: what `begin` was given, or None in a new file.
        damaged: the number of damaged records that were passed over.

    Raises:
        ValueError: if the file is something else.
    """

    def __init__(self, path: Path, handle: int):
        self.path, self.damaged = path, 0
        self._handle = handle
        self._synced, self._took = time.monotonic(), 0.0
        self._end = 0
        self._records = self._read()
        first = next(self._records, None)
        head = {"sweep": None} if first is None else _json(first)
        if "sweep" not in head:
            raise ValueError(
                f"store: the beginning of {str(path)!r} is damaged, so it cannot be told which "
                "sweep it belongs to: restore the file, or delete it to compute all points again"
            )
        self.identity = head["sweep"]

    def begin(self, identity: Any) -> None:
        """Start a new file."""
        self.identity, self._end = identity, 0
        os.ftruncate(self._handle, 0)
        self._write(_FIRST + _record(_text({"sweep": identity})))

    def records(self) -> Iterator[Record]:
        """The points in the file; an index may occur again, and the last time counts."""
        for content in self._records:
            try:
                record = _decoded(content)
            except (ValueError, KeyError, TypeError, struct.error, AttributeError):
                raise ValueError(
                    f"store: {str(self.path)!r} was written by another version of this package: "
                    "finish the sweep with that version, or choose another file"
                ) from None
            yield record
        os.ftruncate(self._handle, self._end)

    def append(self, index: int, what: Block | str) -> None:
        """Write one point: its block, or the traceback of its failure.

        Raises:
            OSError: if the system cannot write. The file is then as it was before.
        """
        self._write(_record(_encoded(index, what)))

    def _write(self, data: bytes) -> None:
        """Append to the file, and wait for the disk from time to time."""
        view, at = memoryview(data), self._end
        try:
            os.lseek(self._handle, at, os.SEEK_SET)
            while view:
                n = os.write(self._handle, view)
                view, at = view[n:], at + n
            since = time.monotonic() - self._synced
            if since > min(_SYNCED, self._took / _SHARE):
                self.sync()
        except BaseException as error:  # also Ctrl-C
            os.ftruncate(self._handle, self._end)
            if isinstance(error, OSError) and error.errno is not None:
                raise OSError(error.errno, os.strerror(error.errno), str(self.path)) from error
            raise
        self._end = at

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        begin = time.monotonic()
        os.fsync(self._handle)
        self._synced = time.monotonic()
        self._took = self._synced - begin

    def _read(self) -> Iterator[bytes]:
        """The contents of all sound records; sets the end of the last of them."""
        size = os.fstat(self._handle).st_size
        # Not by mmap or another handle: closing one ends the lock that this process has on the file
        with open(self._handle, "rb", buffering=_CHUNK, closefd=False) as file:
            file.seek(0)
            if file.read(len(_FIRST)) != _FIRST[:size]:
                raise ValueError(
                    f"store: {str(self.path)!r} is not the journal of a sweep: choose another file"
                )
            at = self._end = min(len(_FIRST), size)
            while at < size:
                content = _sound(file, at, size)
                if content is None:
                    following = _mark(file, at + 1)
                    while following >= 0 and _sound(file, following, size) is None:
                        following = _mark(file, following + 1)
                    if following < 0:  # the last record, which was not written to its end
                        return
                    self.damaged += 1
                    at = following
                    continue
                at = self._end = at + _HEAD.size + len(content)
                yield content


def _sound(file: BinaryIO, at: int, size: int) -> bytes | None:
    """The content of the record that begins here, or None if there is no sound one."""
    file.seek(at)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    mark, length, checksum = _HEAD.unpack(head)
    if mark != _MARK or at + _HEAD.size + length > size:
        return None
    content = file.read(length)
    return content if len(content) == length and _checksum(content) == checksum else None


def _mark(file: BinaryIO, at: int) -> int:
    """Where the next mark of a record stands, from here on; −1 if there is none."""
    while True:
        file.seek(at)
        part = file.read(_CHUNK)
        found = part.find(_MARK)
        if found >= 0:
            return at + found
        if len(part) < _CHUNK:
            return -1
        at += _CHUNK - len(_MARK) + 1


def _record(content: bytes) -> bytes:
    """A record with this content."""
    return _HEAD.pack(_MARK, len(content), _checksum(content)) + content


def _checksum(content: bytes) -> int:
    """CRC-32 of the content and its length."""
    return zlib.crc32(content, zlib.crc32(struct.pack("<Q", len(content))))


def _text(value: Any) -> bytes:
    """A JSON text with its length before it."""
    text = json.dumps(value, separators=(",", ":")).encode()
    return _LENGTH.pack(len(text)) + text


def _json(content: bytes) -> Any:
    """The value of the JSON text with which a content begins."""
    (length,) = _LENGTH.unpack_from(content)
    return json.loads(content[_LENGTH.size : _LENGTH.size + length])


def _encoded(index: int, what: Block | str) -> bytes:
    """The content of the record of one point: a block, or the traceback of a failure."""
    if isinstance(what, str):
        return _text({"index": index, "failure": what})
    buffers: list[bytes] = []

    def listed(variables: dict[str, Variable]) -> list[Any]:
        rows: list[Any] = []
        for name, (dims, values, attributes) in variables.items():
            row: list[Any] = [name, dims, attributes, values.shape]
            if values.dtype.kind == "U":
                row += ["text", values.ravel().tolist()]
            else:
                plain = values.astype(values.dtype.newbyteorder("<"), copy=False)
                row += [plain.dtype.str, None]
                buffers.append(plain.tobytes())
            rows.append(row)
        return rows

    head = {
        "index": index,
        "variables": listed(what.variables),
        "coordinates": listed(what.coordinates),
        "attributes": what.attributes,
    }
    return b"".join([_text(head), *buffers])


def _decoded(content: bytes) -> Record:
    """The point in the content of a record."""
    head = _json(content)
    if "failure" in head:
        return head["index"], head["failure"]
    (length,) = _LENGTH.unpack_from(content)
    at = _LENGTH.size + length

    def read(rows: list[Any]) -> dict[str, Variable]:
        nonlocal at
        found = {}
        for name, dims, attributes, shape, kind, texts in rows:
            if kind == "text":
                values = np.array(texts, dtype=object).reshape(shape).astype(str)
            else:
                count = int(np.prod(shape))
                values = np.empty(shape, np.dtype(kind))
                if count:
                    values[...] = np.frombuffer(content, kind, count, at).reshape(shape)
                at += count * _TYPES[kind]
            found[name] = Variable(tuple(dims), values, attributes)
        return found

    variables, coordinates = read(head["variables"]), read(head["coordinates"])
    return head["index"], Block(variables, coordinates, head["attributes"])
