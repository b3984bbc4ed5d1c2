"""Locks that a forked process finds free."""

import os
from collections.abc import Callable
from threading import Lock
from typing import Any


def free_after_fork(in_child: Callable[[], None] | None = None) -> Any:
    """A lock that is free in a forked process.

    A fork waits until no thread holds the lock. In the new process no other thread exists, so that
    a lock which one of them held would never be released.

    Args:
        in_child: what the new process does first, while it holds the lock.
    """
    lock = Lock()

    def begin() -> None:
        if in_child is not None:
            in_child()
        lock.release()

    if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=begin)
    return lock
