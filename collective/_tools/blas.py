"""How many threads BLAS uses: a setting of the process, which the runs in several threads share."""

from threading import Event, Lock, Thread
from typing import Any, ClassVar


class BlasThreads:
    """Inside this context BLAS uses at most n threads.

    Contexts in several threads of the user may overlap. While any is open, the smallest of their
    numbers holds. The end of the last one restores what was before the first, whichever ends
    first: `threadpool_limits` alone would restore the limit of another context.

    A thread of its own sets and restores the number, because from version 3.8 on `threadpoolctl`
    lets only one thread do so. Where BLAS counts for each thread, the caller's thread is set too.

    Args:
        n: the number of threads.
    """

    _lock: ClassVar[Any] = Lock()
    _open: ClassVar[list[int]] = []
    _keeper: ClassVar["_Keeper | None"] = None

    def __init__(self, n: int):
        self._n = n
        self._own: Any = None

    def __enter__(self) -> None:
        from threadpoolctl import threadpool_limits

        with BlasThreads._lock:
            BlasThreads._open.append(self._n)
            try:
                BlasThreads._adjust()
                self._own = threadpool_limits(min(BlasThreads._open), "blas")
                self._own.__enter__()
            except BaseException:  # Ctrl-C
                self._leave()
                raise

    def __exit__(self, *error: Any) -> None:
        with BlasThreads._lock:  # the thread of its own still sets the number, and restores it last
            self._own.__exit__(*error)
            self._leave()

    def _leave(self) -> None:
        """Forget this context."""
        BlasThreads._open.remove(self._n)
        BlasThreads._adjust()

    @classmethod
    def _adjust(cls) -> None:
        """Make the smallest number hold that is asked for, or the one before all contexts."""
        wanted = min(cls._open, default=None)
        if cls._keeper is not None and cls._keeper.n != wanted:
            cls._keeper.stop()
            cls._keeper = None
        if cls._keeper is None and wanted is not None:
            cls._keeper = _Keeper(wanted)


class _Keeper:
    """A thread that sets the number of threads of BLAS, waits, and restores the one before."""

    def __init__(self, n: int):
        self.n = n
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
        from threadpoolctl import threadpool_limits

        try:
            with threadpool_limits(self.n, "blas"):
                self._ready.set()
                self._over.wait()
        finally:
            self._ready.set()
