"""Files that are whole or not there: what an interruption leaves is what was before."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def completed(name: str, path: str | os.PathLike[str], suffix: str) -> Path:
    """The path with its suffix, or an error if it is no file's."""
    target = Path(path)
    if target.name in ("", "..") or target.is_dir():
        raise ValueError(f"{name} must name a file, got {str(path)!r}")
    if target.suffix != suffix:
        target = target.with_name(target.name + suffix)
    if target.is_dir():
        raise ValueError(f"{name} must name a file, {str(target)!r} is a folder")
    return target


def written(path: str | os.PathLike[str], suffix: str, write: Callable[[Path], None]) -> Path:
    """The path of a file that is written beside its place and moved there when complete.

    Args:
        path: where to; the suffix is appended if missing.
        suffix: ".npz".
        write: writes to the path it is given.
    """
    target = completed("path", path, suffix)
    target.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays: some writers choose the format by it
    handle, partial = tempfile.mkstemp(
        dir=target.parent, prefix=target.name, suffix=".part" + suffix
    )
    os.close(handle)
    try:
        write(Path(partial))
        with open(partial, "rb+") as stream:
            os.fsync(stream.fileno())
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
