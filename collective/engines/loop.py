"""The one loop around every run: progress, Ctrl-C, memory, checkpoints and failures."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import resident_bytes
from collective._tools.progress import Progress
from collective._tools.warn import warn
from collective.engines.base import Engine, Run
from collective.engines.request import Request

if TYPE_CHECKING:
    from collective.results.result import Result

CHECKPOINT_SECONDS = 30
CHECKPOINT_SHARE = 0.05  # of the time, at most
_BETWEEN_LOOKS = 0.1  # seconds between two looks at the memory
_MARKS = 1000  # of the progress bar
SHOWN_AFTER = 2.0  # seconds
_OBSERVED = (
    "emission", "excitation", "populations", "correlations", "states", "expect", "last_state",
    "emission_error", "excitation_error", "populations_error", "jumps",
)  # fmt: skip


@dataclass
class Outcome:
    """What a run returns, complete or interrupted.

    Attributes:
        fields: fields of `Result` by name, with one row for each output time reached.
        diagnostics: entries of `Result.diagnostics`.
        failure: KeyboardInterrupt or an error of the engine that is not raised yet, or None.
        resume: arrays by name from which the engine can continue; empty once complete.
        notes: warnings that the user gets once the result is safe.
    """

    fields: dict[str, Any]
    diagnostics: dict[str, Any]
    failure: BaseException | None = None
    resume: dict[str, NDArray[Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


Checkpoint = Callable[[Outcome], None]


def run(
    engine: Engine,
    request: Request,
    earlier: "Result | None" = None,
    checkpoint: Checkpoint | None = None,
) -> Outcome:
    """Evolve a request through the output times that an earlier result has not reached.

    Ctrl-C and errors of the engine are returned in `Outcome.failure`, with what was reached.

    Args:
        engine: one that does not refuse the request.
        request: what is asked for.
        earlier: an interrupted or complete result of the same request, or None.
        checkpoint: a function that writes an `Outcome`, or None.

    Raises:
        KeyboardInterrupt: for Ctrl-C before the run has started, when nothing is computed yet.
        ValueError: as `Engine.start`.
        OSError: if the first checkpoint cannot be written.
    """
    if earlier is not None and earlier.complete:
        ended = _complete(engine, request, earlier)
        if ended is not None:
            return ended
    engine.prepare(request)
    clock = Clock(checkpoint)  # it starts here, because compiling is not part of the run
    under_way = engine.start(request, earlier)
    failure: BaseException | None = None

    def report() -> Outcome:
        resume = {} if under_way.done else under_way.resume()
        diagnostics = {**clock.diagnostics(), **under_way.diagnostics()}
        return Outcome(under_way.fields(), diagnostics, failure, resume)

    try:
        clock.first(report)
    except KeyboardInterrupt as error:
        failure = error
    except BaseException:
        under_way.close()
        raise
    if failure is None:
        try:
            _advance(under_way, clock, report, f"evolving ({engine.name})", show=request.progress)
        except (KeyboardInterrupt, Exception) as error:
            failure = error
    clock.look()
    try:
        under_way.close()
    except (KeyboardInterrupt, Exception) as error:
        failure = failure or error
    finished = report()
    clock.last(finished)
    finished.notes += under_way.notes()
    return finished


def _advance(
    under_way: Run, clock: "Clock", report: Callable[[], Outcome], label: str, *, show: bool
) -> None:
    """Advance a run until it is done; a progress bar appears after some seconds."""
    shown = 0
    with ExitStack() as stack:
        bar: Progress | None = None
        while not under_way.done:
            under_way.advance()
            clock.look()
            clock.keep(report)
            now = int(_MARKS * under_way.share)
            if bar is not None:
                bar.step(now - shown)
            elif show and clock.seconds > SHOWN_AFTER:
                bar = stack.enter_context(Progress(_MARKS, label, delay=0.0, done=now))
            shown = now


def _complete(engine: Engine, request: Request, earlier: "Result") -> Outcome | None:
    """The outcome of a checkpoint that is already complete, without computing anything.

    It is None if more samples are needed to reach a smaller standard error than before.
    """
    notes: list[str] = []
    if engine.accuracy == "sampled":
        under_way = engine.start(request, earlier)
        done, notes = under_way.done, under_way.notes()
        under_way.close()
        if not done:
            return None
    kept = {name: getattr(earlier, name) for name in _OBSERVED}
    return Outcome(kept, {**earlier.diagnostics, "seconds": 0.0}, notes=notes)


class Clock:
    """Seconds and memory of a run, and when to keep it on disk.

    Checkpoints are half a minute apart, and take no more than a twentieth of the time.

    Args:
        checkpoint: a function that writes an `Outcome`, or None.
    """

    def __init__(self, checkpoint: Checkpoint | None):
        self._checkpoint = checkpoint
        self._start = self._saved = time.monotonic()
        self._interval = float(CHECKPOINT_SECONDS)
        self._before = self._peak = resident_bytes()
        self._looked = self._start
        self._notes: list[str] = []

    @property
    def seconds(self) -> float:
        """The seconds since the start."""
        return time.monotonic() - self._start

    def diagnostics(self) -> dict[str, Any]:
        """The seconds since the start, and the largest memory seen so far, in bytes."""
        self._looked = -np.inf
        self.look()
        used = None if self._before is None or self._peak is None else self._peak - self._before
        return {"seconds": self.seconds, "bytes_used": used}

    def look(self) -> None:
        """Measure the memory now held, but not at every call, because measuring takes a while."""
        now = time.monotonic()
        if self._peak is not None and now - self._looked > _BETWEEN_LOOKS:
            self._looked = now
            self._peak = max(self._peak, resident_bytes() or 0)

    def first(self, report: Callable[[], Outcome]) -> None:
        """Write the first checkpoint, so that a file that cannot be written fails at once."""
        if self._checkpoint:
            self._checkpoint(report())

    def keep(self, report: Callable[[], Outcome]) -> None:
        """Write a checkpoint if it is time for one; if writing fails, the run continues."""
        if self._checkpoint and time.monotonic() - self._saved > self._interval:
            failure = self._written(report())
            if failure is None:
                return
            try:
                warn(failure)  # now, while the user can still make room
            except Warning:  # where warnings are errors, they must not end the run
                self._notes.append(failure)

    def last(self, outcome: Outcome) -> None:
        """Write a last checkpoint, and add a note if this fails."""
        if self._checkpoint is None:
            return
        try:
            failure = self._written(outcome)
        except KeyboardInterrupt:  # what was computed is about to be returned
            failure = "Ctrl-C came while the checkpoint was written: it holds what was kept before"
        outcome.notes += self._notes
        if failure is not None:
            outcome.notes.append(failure)

    def _written(self, outcome: Outcome) -> str | None:
        """Write a checkpoint; return the reason why that was not possible, or None."""
        assert self._checkpoint is not None
        begin = time.monotonic()
        failure = None
        try:
            self._checkpoint(outcome)
        except Exception as error:  # a full disk, too little memory to pack it, NaN
            failure = f"the checkpoint could not be written: {str(error) or type(error).__name__}"
        self._saved = time.monotonic()
        spent = self._saved - begin
        self._interval = max(CHECKPOINT_SECONDS, spent / CHECKPOINT_SHARE)
        return failure
