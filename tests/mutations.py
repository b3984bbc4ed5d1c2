"""Random damage and random edits of a file of named arrays, from a given generator."""

import io
import json
import struct
import zipfile

import numpy as np

from collective._tools import archive

JUNK = (
    None, True, -1, 0, 3, 1e300, 10**400, "", "x", "\ud800", "rotating", [], [1], ["a"], {}, {"a": 1},
    [[2, 2]], [10**9] * 9, {"part": "Vacuum"}, {"part": "Nanowire", "radius": -1}, ["Vacuum"],
)  # fmt: skip


def members(content):
    """The raw members of a zip file by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(parts, method=zipfile.ZIP_DEFLATED):
    """A zip file with the given (name, content) pairs."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for name, content in parts:
            file.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def npy(array, allow_pickle=False):
    """An array as the bytes of a .npy file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def header(count):
    """The header of a .npy file with a number of doubles."""
    text = repr({"descr": "<f8", "fortran_order": False, "shape": (count,)}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def array_of(content):
    """The array in the bytes of a .npy file."""
    return np.load(io.BytesIO(content), allow_pickle=False)


def signed(parts):
    """The members with their correct digest; unchanged if a member is not an array."""
    arrays = {}
    for name, content in parts.items():
        if name == "digest.npy":
            continue
        try:
            arrays[name.removesuffix(".npy")] = array_of(content)
        except Exception:
            return parts
    return {**parts, "digest.npy": npy(np.array(archive.digest(arrays)))}


def of_format_2(parts):
    """The members in the layout of version 2: no digest, operators' names in the arrays' names."""
    parts = {name: content for name, content in parts.items() if name != "digest.npy"}
    metadata = json.loads(str(array_of(parts["metadata.npy"])))
    for i, name in enumerate(metadata.pop("expect", [])):
        parts[f"expect:{name}.npy"] = parts.pop(f"expect:{i}.npy")
    metadata["version"] = 2
    return {**parts, "metadata.npy": npy(np.array(json.dumps(metadata)))}


def damaged(content, random):
    """A copy of a file with bytes changed, removed or added."""
    content, n = bytearray(content), len(content)
    kind = random.integers(6)
    if kind == 0:
        for i in random.integers(n, size=random.integers(1, 65)):
            content[i] = random.integers(256)
    elif kind == 1:
        del content[random.integers(n) :]
    elif kind == 2:
        at = random.integers(n)
        del content[at : at + random.integers(1, 200)]
    elif kind == 3:
        at = random.integers(n)
        content[at:at] = random.bytes(random.integers(1, 200))
    elif kind == 4:  # an entry of the directory at the end of the zip file
        entries = [i for i in range(n - 4) if content[i : i + 4] == b"PK\x01\x02"]
        at = entries[random.integers(len(entries))] + random.integers(4, 46)
        content[at] = random.integers(256)
    else:
        at = random.integers(n)
        content[at : at + 64] = bytes(64)
    return bytes(content)


def edited(parts, random, *, same_numbers=False):
    """Change members so that they differ from what was written; returns them and how to zip them."""
    parts, method = dict(parts), zipfile.ZIP_DEFLATED
    names = [name for name in parts if name not in ("metadata.npy", "digest.npy")]
    name = names[random.integers(len(names))]
    array = array_of(parts[name])
    kind = random.integers(4 if same_numbers else 0, 16)
    if kind == 0:
        parts[name] = npy(array * 0)
    elif kind == 1:
        parts[name] = npy(-array.astype(complex) if array.dtype.kind == "c" else -1 * array)
    elif kind == 2:
        parts[name] = npy(array + 1e300)
    elif kind == 3:
        parts[name] = npy(np.flip(array))
    elif kind == 4:
        del parts[name]
    elif kind == 5:
        other = names[random.integers(len(names))]
        parts[name], parts[other] = parts[other], parts[name]
        if same_numbers:
            del parts[name]
    elif kind == 6:
        parts["unknown.npy"] = npy(np.ones(3))
    elif kind == 7:
        parts["notes.txt"] = b"hello"
    elif kind == 8:
        bad = np.array(array, dtype=complex if array.dtype.kind == "c" else float)
        bad.reshape(-1)[: max(1, bad.size // 2)] = (np.nan, np.inf)[random.integers(2)]
        parts[name] = npy(bad if bad.size else np.ones(2))
    elif kind == 9:
        shapes = ((0,), (1,), (3, 7), (2, 2, 2), (*array.shape, 1), (*array.shape[::-1], 2))
        parts[name] = npy(np.zeros(shapes[random.integers(len(shapes))]))
    elif kind == 10:
        kinds = ("U3", "S2", "O", "M8[s]", "f4,i2")
        parts[name] = npy(np.zeros(array.shape, kinds[random.integers(5)]), allow_pickle=True)
    elif kind == 11:
        parts[name] = header(10 ** int(random.integers(9, 18))) + bytes(64)
    elif kind == 12:
        parts[name] = (b"", b"hello", parts[name][:-8] or b"x", parts[name] + b"more")[
            random.integers(4)
        ]
    elif kind == 13:
        method = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED)[random.integers(3)]
    else:
        parts["metadata.npy"] = npy(np.array(_changed_metadata(parts, random)))
    return parts, method


def _changed_metadata(parts, random):
    """The metadata with one value removed or replaced."""
    text = str(array_of(parts["metadata.npy"]))
    if random.integers(8) == 0:
        return ("", "[" * 100_000, "{}", "null", text[: len(text) // 2], text + "}")[
            random.integers(6)
        ]
    metadata = json.loads(text)
    inside = metadata
    while True:
        keys = list(inside)
        key = keys[random.integers(len(keys))]
        if isinstance(inside[key], dict) and inside[key] and random.integers(3):
            inside = inside[key]
            continue
        break
    if random.integers(3) == 0:
        del inside[key]
    else:
        inside[key] = JUNK[random.integers(len(JUNK))]
    return json.dumps(metadata)
