"""Kernels compiled by numba and cached on disk where possible, and threads that run them."""

import hashlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from itertools import count
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config, get_num_threads, njit, set_num_threads
from numba.core.errors import NumbaError

from collective._tools.blas import BlasThreads
from collective._tools.progress import notice

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = "collective."
_QUICK = 1.0  # seconds; reading a kernel from the cache takes less


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with a cache on disk, or without one where no cache can be read or written.

    If NUMBA_DISABLE_JIT is set, calling the kernel raises an error: kernels use vector types of
    LLVM, which Python cannot run.

    The name of the cache of a kernel says what it was compiled from (`_stamp`), because numba
    itself notices changes of the file of a kernel alone, not of the functions that it calls.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if config.DISABLE_JIT:
            return _disabled
        function.__qualname__ += f"_{_stamp(function)}"
        try:
            return _guarded(njit(cache=True, **options)(function), function)
        except RuntimeError:  # numba can write neither to the package's folder nor to the user's
            return njit(**options)(function)

    return decorate


def _stamp(function: Callable[..., Any]) -> str:
    """A short text that changes if a file or a constant that the compiled function needs does."""
    found: set[str] = set()
    _gather(function, found, set())
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()[:12]


def _gather(function: Callable[..., Any], found: set[str], seen: set[int]) -> None:
    """Add the files and the constants on which a function of this package depends.

    Args:
        function: a plain function, in which numba looks up names when it compiles.
        found: descriptions of files and constants, to which those of the function are added.
        seen: identities of the functions that are done.
    """
    if id(function) in seen:
        return
    seen.add(id(function))
    found.add(_version(function.__module__))
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [part for part in code.co_consts if isinstance(part, CodeType)]
        names = [name for name in code.co_names if name in function.__globals__]
        values = {name: function.__globals__[name] for name in names}
        for module in [each for each in values.values() if isinstance(each, ModuleType)]:
            if module.__name__.startswith(_PACKAGE):
                members = [name for name in code.co_names if hasattr(module, name)]
                values |= {name: getattr(module, name) for name in members}
        for name, value in values.items():
            plain = getattr(value, "py_func", value)  # what numba has compiled
            if not str(getattr(plain, "__module__", "")).startswith(_PACKAGE):
                if isinstance(value, int | float | complex | str | tuple | np.generic):
                    found.add(f"{name} = {value!r}")
            elif isinstance(plain, FunctionType):
                _gather(plain, found, seen)
            else:
                found.add(_version(plain.__module__))


@cache
def _version(module: str) -> str:
    """The file of a module, with its size and the time of its last change."""
    path = getattr(sys.modules[module], "__file__", None)
    if path is None or not os.path.exists(path):
        return module
    about = os.stat(path)
    return f"{module} {about.st_size} {about.st_mtime_ns}"


def _disabled(*_: Any) -> Any:
    """What a kernel does while NUMBA_DISABLE_JIT is set."""
    raise RuntimeError(
        "NUMBA_DISABLE_JIT is set, but this needs compiled kernels: unset it, or use the engine "
        "'exact' or 'single', which need none"
    )


def _guarded(kernel: Any, function: Callable[..., Any]) -> Any:
    """A kernel that also works with a broken cache, a full disk or no write access."""
    compile_ = kernel.compile

    def compile_anyway(signature: Any) -> Any:
        try:
            return compile_(signature)
        except NumbaError:
            raise
        except Exception:
            # If writing to the cache failed, the kernel is compiled, and the second call finds it.
            # If reading failed, numba's pickles raise errors of many kinds.
            if not kernel.overloads:
                _forget(kernel, function)
        try:
            return compile_(signature)
        except NumbaError:
            raise
        except Exception as error:
            raise RuntimeError(
                f"the cache of compiled kernels cannot be read ({type(error).__name__}: {error}): "
                f"delete {kernel.stats.cache_path}, or set NUMBA_CACHE_DIR to another folder"
            ) from None

    kernel.compile = compile_anyway
    return kernel


def _forget(kernel: Any, function: Callable[..., Any]) -> None:
    """Remove one kernel from the cache, so that it is compiled again."""
    stem = Path(function.__code__.co_filename).stem
    for path in Path(kernel.stats.cache_path).glob(f"{stem}.{function.__qualname__}-*.nb?"):
        with suppress(OSError):
            path.unlink()


@contextmanager
def announced(what: str, seconds: float, *, show: bool) -> "Iterator[None]":
    """Print one line if kernels are being compiled, and not read from the cache.

    Args:
        what: what the kernels belong to.
        seconds: how long compiling usually takes.
        show: whether to print anything.
    """
    line = f"collective: compiling {what} (about {seconds:.0f} s, cached for later runs)"
    timer = threading.Timer(_QUICK, notice, [line])
    timer.daemon = True
    if show:
        with suppress(RuntimeError):  # the system allows no more threads
            timer.start()
    try:
        yield
    finally:
        timer.cancel()


def threads_available() -> int:
    """The number of threads that this process may use: one in `one_thread`, else one a core."""
    if _limited.count:
        return 1
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


class _Limited:
    """How many callers in this process want one thread."""

    def __init__(self) -> None:
        self.lock, self.count = threading.Lock(), 0


_limited = _Limited()
if hasattr(os, "register_at_fork"):  # the threads that are counted do not exist in the new process
    os.register_at_fork(after_in_child=_limited.__init__)  # type: ignore[misc]


@contextmanager
def one_thread(*, kernels: bool = False) -> "Iterator[None]":
    """A context in which BLAS and `threads_available` keep to one thread in this process.

    Contexts in several threads may overlap.

    Args:
        kernels: also set the threads of parallel numba kernels, for the calling thread alone. This
            starts numba's threads, after which some of its threading layers do not allow a fork.
    """
    with _kernels_in_one_thread() if kernels else nullcontext(), BlasThreads(1):
        with _limited.lock:
            _limited.count += 1
        try:
            yield
        finally:
            with _limited.lock:
                _limited.count -= 1


@contextmanager
def _kernels_in_one_thread() -> "Iterator[None]":
    """A context in which parallel kernels called by this thread run in one thread."""
    before = get_num_threads()
    set_num_threads(1)
    try:
        yield
    finally:
        set_num_threads(before)


def in_threads(work: Callable[[int], Any], threads: int, pool: ThreadPoolExecutor | None) -> None:
    """Call work(0) … work(threads − 1), each in a thread; kernels release the interpreter lock."""
    if pool is None or threads == 1:
        for i in range(threads):
            work(i)
        return
    others = [pool.submit(work, i) for i in range(1, threads)]
    work(0)
    for other in others:
        other.result()


def in_pieces(
    work: Callable[[int, int], Any], pieces: int, threads: int, pool: ThreadPoolExecutor | None
) -> None:
    """Call work(thread, piece) for every piece; the next free thread takes the next piece."""
    left = count()

    def take(thread: int) -> None:
        while (piece := next(left)) < pieces:
            work(thread, piece)

    in_threads(take, min(threads, pieces), pool)
