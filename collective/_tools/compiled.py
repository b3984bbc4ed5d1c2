"""Compilation of kernels by numba, kept on disk where there is somewhere to keep them."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numba import config, njit
from numba.core.errors import NumbaError

from collective._tools.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUICK = 1.0  # seconds; reading a kernel from the cache takes less


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with a cache, and without one where none can be read or written.

    Where NUMBA_DISABLE_JIT is set the kernel only says so: kernels are written in vector types of
    LLVM, which Python cannot run.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if config.DISABLE_JIT:
            return _disabled
        try:
            return _guarded(njit(cache=True, **options)(function), function)
        except RuntimeError:  # no locator available: neither the package's folder nor the user's
            return njit(**options)(function)

    return decorate


def _disabled(*_: Any) -> Any:
    raise RuntimeError(
        "NUMBA_DISABLE_JIT is set, but this needs compiled kernels: unset it (of the engines "
        "'exact' and 'single' need none)"
    )


def _guarded(kernel: Any, function: Callable[..., Any]) -> Any:
    """A kernel that a broken cache, a full disk or a read-only folder costs only time."""
    compile_ = kernel.compile

    def compile_anyway(signature: Any) -> Any:
        try:
            return compile_(signature)
        except NumbaError:
            raise
        except Exception:
            # not written: the kernel is there all the same, and is found by the second call;
            # not read: numba's pickles fail in any way they like
            if not kernel.overloads:
                _forget(kernel, function)
        try:
            return compile_(signature)
        except NumbaError:
            raise
        except Exception as error:
            raise RuntimeError(
                f"the kernels compiled earlier cannot be read ({type(error).__name__}: {error}): "
                f"delete {kernel.stats.cache_path}, or set NUMBA_CACHE_DIR to another folder"
            ) from None

    kernel.compile = compile_anyway
    return kernel


def _forget(kernel: Any, function: Callable[..., Any]) -> None:
    """Remove what the cache has of one kernel, so that it is compiled again."""
    stem = Path(function.__code__.co_filename).stem
    for path in Path(kernel.stats.cache_path).glob(f"{stem}.{function.__qualname__}-*.nb?"):
        with suppress(OSError):
            path.unlink()


@contextmanager
def announced(what: str, seconds: float, *, show: bool) -> "Iterator[None]":
    """Say in one line that kernels are being compiled, if they are not read from the cache.

    Args:
        what: whose kernels.
        seconds: how long it usually takes.
        show: False keeps silent.
    """
    line = f"collective: compiling {what} (about {seconds:.0f} s, kept for the next time)"
    timer = threading.Timer(_QUICK, say, [line])
    timer.daemon = True
    if show:
        with suppress(RuntimeError):  # no more threads
            timer.start()
    try:
        yield
    finally:
        timer.cancel()


def threads_available() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def in_threads(work: Callable[[int], Any], threads: int, pool: ThreadPoolExecutor | None) -> None:
    """Call work(0) … work(threads − 1), each in a thread; kernels let go of the interpreter."""
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
    """Call work(thread, piece) for every piece, each taken by the next thread that is free."""
    left = count()

    def take(thread: int) -> None:
        while (piece := next(left)) < pieces:
            work(thread, piece)

    in_threads(take, min(threads, pieces), pool)
