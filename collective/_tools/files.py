"""Files that are written completely or not at all: an interruption leaves the old file."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collective._tools.locks import free_after_fork

try:
    import fcntl
except ImportError:  # Windows: only its age tells that a partial file is abandoned
    fcntl = None  # type: ignore[assignment]

_PART = ".part"
_RANDOM = 8  # characters that mkstemp puts between prefix and suffix
_LONGEST = 200  # bytes of the name that a partial file keeps: names have at most 255
_YOUNG = 10.0  # seconds: the writer of a younger file may not have locked it yet
_OLD = 3600.0  # seconds since the last write: nobody writes to an older file any more
_claimed: set[str] = set()  # real paths that this process has claimed
_ONE_AT_A_TIME = free_after_fork()


def checked_path(name: str, path: Any) -> Path:
    """The path of a file, with "~" expanded.

    Raises:
        ValueError: if it is not text, empty, or cannot be a path.
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
    except RuntimeError:  # there is no user of that name
        raise ValueError(f"{name}: the home folder in {text!r} is unknown; write it out") from None


def completed(name: str, path: Any, suffix: str) -> Path:
    """The path with its suffix; raises if it cannot be the path of a file."""
    target = checked_path(name, path)
    if target.name in ("", "..") or target.is_dir():
        raise ValueError(f"{name} must name a file, got {str(path)!r}")
    if target.suffix != suffix:
        target = target.with_name(target.name + suffix)
    if target.is_dir():
        raise ValueError(f"{name} must name a file, {str(target)!r} is a folder")
    return target


def written(path: Any, suffix: str, write: Callable[[Path], None], name: str = "path") -> Path:
    """Write a file under a temporary name, move it to its place when complete, return its path.

    Partial files of the same target that killed processes left behind are removed.

    Args:
        path: the target. The suffix is added if it is missing; folders are created.
        suffix: for example ".npz".
        write: a function that writes the file to the path it is given.
        name: the name of the argument that gave the path.

    Raises:
        ValueError: if the path cannot be the path of a file.
        OSError: the error of the system, with the name of the target.
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


def written_folder(path: Path, write: Callable[[Path], None]) -> None:
    """Write a folder under a temporary name, and move it to its place when complete.

    An older folder of that name is replaced. The caller must hold a claim that no other process
    writes the same folder: what killed processes left behind is removed.

    Raises:
        OSError: the error of the system, with the name of the target.
    """
    partial, older = (path.with_name(f"{path.name}.{what}{_PART}") for what in ("new", "old"))
    try:
        for left in (partial, older):
            shutil.rmtree(left, ignore_errors=True)
        write(partial)
        for file in partial.rglob("*"):
            if file.is_file():
                with open(file, "rb+") as stream:
                    os.fsync(stream.fileno())
        if path.exists():
            os.replace(path, older)
        os.replace(partial, path)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(older, ignore_errors=True)


@contextmanager
def claimed(path: Path, name: str) -> Iterator[int]:
    """A handle for reading and writing a file that no other process or thread may claim meanwhile.

    The file and its folder are made if they are missing. The claim ends with the process, however
    that ends: processes that were forked from it do not inherit it.

    Args:
        path: of the file.
        name: the name of the argument that gave the path.

    Raises:
        ValueError: if the file is claimed.
        OSError: if the system cannot open the file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(f"{name}: {str(path.parent)!r} is not a folder") from None
    real = os.path.realpath(path)
    with _ONE_AT_A_TIME:
        if real in _claimed:
            raise _taken(path, name)
        _claimed.add(real)
    try:
        handle = _opened(path, name)
        try:
            yield handle
        finally:
            os.close(handle)
    finally:
        with _ONE_AT_A_TIME:
            _claimed.discard(real)


def _opened(path: Path, name: str) -> int:
    """Open a file and lock it; again if it was removed between these two."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl is not None:
                try:
                    fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except (BlockingIOError, PermissionError):
                    raise _taken(path, name) from None
                except OSError:  # a file system without locks
                    return handle
            if fcntl is None or os.fstat(handle).st_ino == os.stat(path).st_ino:
                return handle
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _taken(path: Path, name: str) -> ValueError:
    """The error for a file that another process, or another thread, has claimed."""
    return ValueError(
        f"{name}: another process is writing {str(path)!r}: wait for it, or choose another file"
    )


def _write_and_move(target: Path, suffix: str, write: Callable[[Path], None]) -> None:
    """Write to a locked temporary file in the folder of the target, then rename it."""
    # the temporary file has the suffix too: some writers choose the format by it
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
    """Lock the file until the handle is closed; returns whether locks are possible here."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # a file system without locks
        return False
    return True


def _remove_left_behind(target: Path, suffix: str) -> None:
    """Remove partial files of this target to which nobody writes any more."""
    prefix, suffix = _prefix(target), _PART + suffix
    try:
        entries = list(os.scandir(target.parent))
    except OSError:  # a folder with permission to write but not to read
        return
    for entry in entries:
        middle = entry.name[len(prefix) : -len(suffix)]
        if entry.name != prefix + middle + suffix or len(middle) != _RANDOM:
            continue
        try:
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
            if age > _OLD or (age > _YOUNG and _unlocked(entry.path)):
                os.unlink(entry.path)
        except OSError:  # another process removed it, or we have no permission to
            continue


def _unlocked(path: str) -> bool:
    """Whether no process holds the lock on a file: every writer holds it."""
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
    """The start of the names of partial files."""
    return os.fsdecode(os.fsencode(target.name)[:_LONGEST])


def _umask() -> int:
    """The permissions that new files of this process do not get."""
    with _ONE_AT_A_TIME:  # it can only be read by setting it, and a second thread would read 0
        mask = os.umask(0)
        os.umask(mask)
    return mask
