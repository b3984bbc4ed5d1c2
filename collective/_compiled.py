"""Compilation of kernels by numba, kept on disk where there is somewhere to keep them."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from numba import njit

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUICK = 1.0  # seconds; reading a kernel from the cache takes less


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with a cache; without one where no cache directory can be written."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # no locator available: neither the package's folder nor the user's
            return njit(**options)(function)

    return decorate


@contextmanager
def announced(what: str, seconds: float, *, show: bool) -> "Iterator[None]":
    """Say in one line that kernels are being compiled, if they are not read from the cache.

    Args:
        what: whose kernels.
        seconds: how long it usually takes.
        show: False keeps silent.
    """

    def say() -> None:
        print(
            f"collective: compiling {what} (about {seconds:.0f} s, kept for the next time)",
            file=sys.stderr,
            flush=True,
        )

    timer = threading.Timer(_QUICK, say)
    timer.daemon = True
    if show:
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
