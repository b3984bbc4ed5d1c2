"""How many threads BLAS uses: a setting of the process, which the runs in several threads share."""

import sys
from threading import Event, Thread
from typing import Any, ClassVar

from collective._tools.locks import free_after_fork


class BlasThreads:
    """Inside this context BLAS uses at most n threads.

    Contexts in several threads of the user may overlap. While any is open, the smallest of their
    numbers holds. The end of the last one restores what was before the first, whichever ends
    first: `threadpool_limits` alone would restore the limit of another context.

    A thread of its own sets and restores the number, because from version 3.8 on `threadpoolctl`
    lets only one thread do so. Where BLAS counts for each thread, the caller's thread is set too.
    Where BLAS has that number already, nothing is set and no thread is started.

    Args:
        n: the number of threads.
    """

    _lock: ClassVar[Any] = free_after_fork(lambda: BlasThreads._begin_anew())
    _open: ClassVar[list["BlasThreads"]] = []
    _keeper: ClassVar["_Keeper | None"] = None

    def __init__(self, n: int):
        self._n = n
        self._own: Any = None

    def __enter__(self) -> None:
        with BlasThreads._lock:
            BlasThreads._open.append(self)
            try:
                wanted = BlasThreads._adjust()
                if wanted is not None and _differ(wanted):
                    self._own = _limited(wanted)
                    self._own.__enter__()
            except BaseException:  # Ctrl-C
                self._leave()
                raise

    def __exit__(self, *error: Any) -> None:
        with BlasThreads._lock:
            self._leave()

    def _leave(self) -> None:
        """Forget this context; a keeper restores the number last."""
        if self in BlasThreads._open:  # not in a process that was forked within the context
            BlasThreads._open.remove(self)
        own, self._own = self._own, None
        if own is not None:
            own.__exit__(None, None, None)
        BlasThreads._adjust()

    @classmethod
    def _adjust(cls) -> int | None:
        """Make the smallest number hold that is asked for, or the one before all contexts.

        Returns:
            That number; None if no context is open.
        """
        wanted = min((each._n for each in cls._open), default=None)
        # one that was loaded within a context differs too
        if cls._keeper is not None and (wanted is None or _differ(wanted)):
            last, cls._keeper = cls._keeper, None
            last.stop()
        if cls._keeper is None and wanted is not None and _differ(wanted):
            cls._keeper = _Keeper(wanted)
        return wanted

    @classmethod
    def _begin_anew(cls) -> None:
        """Leave the contexts of other threads, which a forked process does not have."""
        cls._open, cls._keeper = [], None


class _Keeper:
    """A thread that sets the number of threads of BLAS, waits, and restores the one before."""

    def __init__(self, n: int):
        self._n = n
        self._ready, self._over = Event(), Event()
        self._thread = Thread(target=self._keep, name="collective: threads of BLAS", daemon=True)
        try:
            self._thread.start()
            self._ready.wait()
        except RuntimeError:  # the system allows no more threads
            return
        except BaseException:  # Ctrl-C
            self.stop()
            raise

    def stop(self) -> None:
        """Restore the number, and end the thread."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _keep(self) -> None:
        try:
            with _limited(self._n):
                self._ready.set()
                self._over.wait()
        finally:
            self._ready.set()


def _limited(n: int) -> Any:
    """A context of `threadpoolctl` in which every BLAS has n threads."""
    return _Libraries.now().limit(limits=n, user_api="blas")


def _differ(n: int) -> bool:
    """Whether some BLAS has another number of threads, as this thread sees it."""
    return any(each.num_threads != n for each in _Libraries.now().lib_controllers)


class _Libraries:
    """The BLAS libraries that are loaded, by `threadpoolctl`.

    To find them takes longer than to set them. Python loads libraries when it imports modules: as
    long as there are no new ones, the same libraries are taken.
    """

    _found: ClassVar[tuple[int, Any]] = -1, None

    @classmethod
    def now(cls) -> Any:
        """A `ThreadpoolController` of the libraries."""
        modules, controller = cls._found
        if modules != len(sys.modules):
            from threadpoolctl import ThreadpoolController

            controller = ThreadpoolController().select(user_api="blas")
            cls._found = len(sys.modules), controller
        return controller
