"""Files that are whole or not there: what an interruption leaves is what was before."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: a file is known to be left behind by its age alone
    fcntl = None  # type: ignore[assignment]

_PART = ".part"
_RANDOM = 8  # letters that mkstemp puts between prefix and suffix
_LONGEST = 200  # bytes of the name that a partial file keeps: names end at 255
_YOUNG = 10.0  # seconds: younger ones may not be locked yet by who made them
_OLD = 3600.0  # seconds since the last write, after which nobody is writing any more


def checked_path(name: str, path: Any) -> Path:
    """The path of a file, "~" expanded.

    Raises:
        ValueError: if it is no text, empty, or cannot be a path.
    """
    try:
        text = os.fspath(path)
    except TypeError:
        text = None
    if not isinstance(text, str):
        raise ValueError(f"{name} must be a file name, got {path!r}")
    if not text or "\0" in text:
        raise ValueError(f"{name} must name a file, got {text!r}")
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody of that name
        raise ValueError(f"{name}: no home folder is known for {text!r}") from None


def completed(name: str, path: Any, suffix: str) -> Path:
    """The path with its suffix, or an error if it is no file's."""
    target = checked_path(name, path)
    if target.name in ("", "..") or target.is_dir():
        raise ValueError(f"{name} must name a file, got {str(path)!r}")
    if target.suffix != suffix:
        target = target.with_name(target.name + suffix)
    if target.is_dir():
        raise ValueError(f"{name} must name a file, {str(target)!r} is a folder")
    return target


def written(path: Any, suffix: str, write: Callable[[Path], None], name: str = "path") -> Path:
    """The path of a file that is written beside its place and moved there when complete.

    What killed processes left of the same file is removed on the way.

    Args:
        path: where to; the suffix is appended if missing, folders are made.
        suffix: ".npz".
        write: writes to the path it is given.
        name: of the argument that gave the path.

    Raises:
        ValueError: if the path is no file's.
        OSError: what the system says, with the name of the file that was to be written.
    """
    target = completed(name, path, suffix)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(f"{name}: {str(target.parent)!r} is not a folder") from None
    try:
        _remove_left_behind(target, suffix)
        _write_and_move(target, suffix, write)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(target)) from error
    return target


def _write_and_move(target: Path, suffix: str, write: Callable[[Path], None]) -> None:
    # the suffix stays: some writers choose the format by it
    handle, partial = tempfile.mkstemp(
        dir=target.parent, prefix=_prefix(target), suffix=_PART + suffix
    )
    locked = False
    try:
        locked = _lock(handle)
        if not locked:
            os.close(handle)
        write(Path(partial))
        with open(partial, "rb+") as stream:
            os.fsync(stream.fileno())
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    finally:
        if locked:
            os.close(handle)


def _lock(handle: int) -> bool:
    """Hold the file as ours until the handle is closed; whether that is possible here."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # a file system without locks
        return False
    return True


def _remove_left_behind(target: Path, suffix: str) -> None:
    """Remove partial files of this target that nobody writes any more."""
    prefix, suffix = _prefix(target), _PART + suffix
    try:
        entries = list(os.scandir(target.parent))
    except OSError:  # a folder that may be written but not read
        return
    for entry in entries:
        middle = entry.name[len(prefix) : -len(suffix)]
        if entry.name != prefix + middle + suffix or len(middle) != _RANDOM:
            continue
        try:
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
            if age > _OLD or (age > _YOUNG and _nobodys(entry.path)):
                os.unlink(entry.path)
        except OSError:  # another process was quicker, or it is not ours to remove
            continue


def _nobodys(path: str) -> bool:
    """Whether no process holds the lock that every writer holds."""
    if fcntl is None:
        return False
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _prefix(target: Path) -> str:
    return os.fsdecode(os.fsencode(target.name)[:_LONGEST])


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
