"""Calls of one function for many arguments, by the workers of an executor or in this process.

Cheap calls travel together: a task holds as many as take about a quarter of a second, as measured
on the way. A task ends early when it has taken twice as long, and what it left is sent again, so
that calls of very different length share the workers well. Only a few tasks for each worker are on
their way at a time, so that memory does not grow with the number of calls.

The file is longer than others because what is sent, what a worker does with it, and how the answers
and failures come back must fit together.
"""

import os
import pickle
import platform
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from collective._tools import checks

_TASK = 0.25  # seconds that a task should take
_LONGEST = 2 * _TASK  # seconds after which a task ends, even if calls are left
_MOST = 1000  # calls in a task
_GROWTH = 4  # a task holds at most so many times the calls of the largest one so far
_BYTES = 2**24  # of answers after which a task ends
_OURS = str(Path(__file__).parent)

Item = tuple[int, Any]


class ExecutorError(RuntimeError):
    """The executor lost its workers, or cannot take more work; answers that came before stand."""


@dataclass(frozen=True)
class Answer:
    """What one call gave.

    Attributes:
        index: of the item.
        value: what the job returned, or None if it failed.
        failure: None, or the traceback without the frames of this package's machinery.
        seconds: that the call took.
    """

    index: int
    value: Any
    failure: str | None
    seconds: float


@dataclass(frozen=True)
class _Report:
    """The answers of one task, and which worker it ran on."""

    worker: tuple[str, int, int]
    answers: list[Answer]


def checked_executor(executor: Any) -> None:
    """Raise unless the executor is None or has the method `submit` of an executor."""
    if executor is None:
        return
    if isinstance(executor, type) or not callable(getattr(executor, "submit", None)):
        raise ValueError(
            "executor must be None or an executor of concurrent.futures, of loky, of mpi4py, or of "
            f"a dask client (client.get_executor()), not {checks.short(executor)}"
        )


def answers(
    job: Callable[[Any], Any],
    items: Iterable[Item],
    executor: Any = None,
    *,
    ordered: bool = False,
) -> Generator[Answer, None, None]:
    """Yield job(argument) for every (index, argument), as the calls end.

    Close the iterator (`contextlib.closing`) to drop what is still on its way. By an executor each
    call has one thread of BLAS and of kernels.

    Args:
        job: a function of one argument. An executor of processes has to pickle it.
        items: pairs of an index, an integer that occurs once, and an argument. They are taken one
            after the other, a few tasks ahead.
        executor: None to call in this process, or an object with the method `submit` that returns
            futures of `concurrent.futures`.
        ordered: whether to yield in the order of the items. Then no more items are taken ahead of
            the next one in order than fill the workers.

    Raises:
        ValueError: if the job cannot be pickled, or the executor is none.
        ExecutorError: if the executor fails. Answers that have arrived are yielded before.
        KeyboardInterrupt: for Ctrl-C, also if a call caught it and returned what it had so far:
            such an answer is not yielded.
    """
    checked_executor(executor)
    if executor is None:
        return _here(job, items)
    if isinstance(executor, ProcessPoolExecutor):
        try:
            pickle.dumps(job)
        except Exception as error:
            raise _not_pickled(error) from None
    return _Calls(job, items, executor, ordered).run()


def _here(job: Callable[[Any], Any], items: Iterable[Item]) -> Generator[Answer, None, None]:
    """Call in this process."""
    with _ctrl_c() as pressed:
        for index, argument in items:
            answer = _call(job, index, argument)
            if pressed:
                raise KeyboardInterrupt
            yield answer


def _call(job: Callable[[Any], Any], index: int, argument: Any) -> Answer:
    """One call; an error of the job becomes a text."""
    begin = time.perf_counter()
    value = failure = None
    try:
        value = job(argument)
    except (Exception, SystemExit) as error:
        failure = _described(error)
    return Answer(index, value, failure, time.perf_counter() - begin)


def _described(error: BaseException) -> str:
    """The traceback of an error, from the first frame that is not of this folder."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(_OURS):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame)).rstrip()


@contextmanager
def _ctrl_c() -> Iterator[list[bool]]:
    """A list that is no longer empty once Ctrl-C was pressed.

    `evolve` answers Ctrl-C with the times reached so far. For a point of a sweep that is a wrong
    answer, so the signal is noted before Python raises KeyboardInterrupt. Only the main thread
    gets signals.
    """
    pressed: list[bool] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield pressed
        return

    def note(number: int, frame: Any) -> None:
        pressed.append(True)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _perform(job: Callable[[Any], Any], batch: list[Item], home: str, _: str) -> _Report:
    """What a worker does: calls for a batch of items until the time or the room of a task is up.

    Args:
        job: as in `answers`.
        batch: items.
        home: `_process()` of the process that runs the sweep.
        _: differs for every task, because dask gives equal tasks the same answer.
    """
    import scipy.linalg  # noqa: F401  # its BLAS must be loaded before its threads are limited

    from collective._tools.compiled import one_thread

    begin, room, found = time.perf_counter(), _BYTES, []
    with one_thread(kernels=_process() != home), _ctrl_c() as pressed:
        for index, argument in batch:
            answer = _call(job, index, argument)
            if pressed:
                raise KeyboardInterrupt
            found.append(answer)
            room -= getattr(answer.value, "nbytes", 0)
            if time.perf_counter() - begin > _LONGEST or room < 0:
                break
    return _Report((platform.node(), os.getpid(), threading.get_ident()), found)


def _process() -> str:
    """A name of this process among those of all machines."""
    return f"{platform.node()} {os.getpid()}"


class _Calls:
    """The tasks of one executor: which are on their way, and how large the next one is."""

    def __init__(
        self, job: Callable[[Any], Any], items: Iterable[Item], executor: Any, ordered: bool
    ):
        from collective._tools.compiled import threads_available

        self._job, self._executor, self._ordered = job, executor, ordered
        self._items = iter(items)
        self._left: deque[Item] = deque()  # items that a task left because its time was up
        self._running: dict[Future[_Report], list[Item]] = {}
        self._order: deque[int] = deque()  # indices that are on their way or wait for their turn
        self._ready: dict[int, Answer] = {}
        self._seconds: float | None = None  # of one call, as measured
        self._largest = 1  # calls in the largest task so far
        self._workers: set[tuple[str, int, int]] = set()
        self._window = 2 * threads_available() + 2  # tasks on their way
        self._home, self._token, self._sent = _process(), uuid4().hex, 0

    def run(self) -> Generator[Answer, None, None]:
        """The iterator of `answers`."""
        import scipy.linalg  # noqa: F401  # its BLAS must be loaded before its threads are limited

        from collective._tools.compiled import one_thread

        failure: BaseException | None = None
        try:
            with one_thread():  # for workers that are threads of this process, or forked from it
                while failure is None:
                    failure = self._submit()
                    if not self._running:
                        break
                    wait(self._running, 0 if failure else None, return_when=FIRST_COMPLETED)
                    arrived, lost = self._arrived()
                    yield from self._in_order(arrived) if self._ordered else arrived
                    failure = failure or lost
        finally:
            for future in self._running:
                future.cancel()
        if failure is not None:
            raise failure

    def _submit(self) -> BaseException | None:
        """Send tasks until the window is full; returns why the executor takes none, or None."""
        while len(self._running) < self._window and (batch := self._batch()):
            token = f"{self._token} {self._sent}"
            try:
                future = self._executor.submit(_perform, self._job, batch, self._home, token)
            except (RuntimeError, OSError) as error:  # broken, shut down, or no process can start
                return _failed(error)
            if not isinstance(future, Future):
                return ValueError(
                    "executor: its submit must return a future of concurrent.futures, not a "
                    f"{type(future).__name__}; of a dask client, give client.get_executor()"
                )
            self._running[future] = batch
            self._sent += 1
        return None

    def _batch(self) -> list[Item]:
        """The items of the next task; empty if there are none, or if too many are on their way."""
        size = 1
        if self._seconds is not None:
            size = int(min(_TASK / max(self._seconds, 1e-9), _MOST, _GROWTH * self._largest))
            size = max(1, size)
        batch = [self._left.popleft() for _ in range(min(size, len(self._left)))]
        if not batch and (not self._ordered or len(self._order) < self._window * size):
            batch = list(islice(self._items, size))
            if self._ordered:
                self._order += [index for index, _ in batch]
        self._largest = max(self._largest, len(batch))
        return batch

    def _arrived(self) -> tuple[list[Answer], BaseException | None]:
        """The answers of the tasks that have ended, and the first failure of the executor."""
        found: list[Answer] = []
        failure: BaseException | None = None
        for future in [future for future in self._running if future.done()]:
            batch = self._running.pop(future)
            try:
                report = future.result()
            except KeyboardInterrupt as error:
                failure = failure or error
                continue
            except BaseException as error:
                failure = failure or _failed(error)
                continue
            found += report.answers
            self._left += batch[len(report.answers) :]
            self._measure(report)
        return found, failure

    def _measure(self, report: _Report) -> None:
        """Learn from a report how long a call takes and how many workers there are."""
        new = sum(answer.seconds for answer in report.answers) / len(report.answers)
        self._seconds = new if self._seconds is None else (self._seconds + new) / 2
        self._workers.add(report.worker)
        self._window = max(self._window, 2 * len(self._workers) + 2)

    def _in_order(self, arrived: list[Answer]) -> Iterator[Answer]:
        """Answers whose turn it is."""
        self._ready |= {answer.index: answer for answer in arrived}
        while self._order and self._order[0] in self._ready:
            yield self._ready.pop(self._order.popleft())


def _failed(error: BaseException) -> BaseException:
    """What to raise for an error of the executor itself."""
    unpicklable = isinstance(error, pickle.PicklingError) or "pickle" in str(error)
    if unpicklable and isinstance(error, pickle.PicklingError | AttributeError | TypeError):
        return _not_pickled(error)
    text = " ".join(str(error).split()) or "it gave no reason"
    if isinstance(error, BrokenExecutor):
        text += " A worker may have run out of memory, or could not import the function"
    found = ExecutorError(f"the executor failed: {type(error).__name__}: {text}")
    found.__cause__ = error
    return found


def _not_pickled(error: BaseException) -> ValueError:
    """The error for a function that the executor cannot send to its workers."""
    return ValueError(
        f"function cannot be sent to the workers of the executor ({error}): define it with def in "
        "a module, not inside a function and not by lambda, or take an executor that pickles such "
        "functions with cloudpickle: loky.get_reusable_executor() or a dask client"
    )
