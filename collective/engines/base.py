"""What `evolve` asks of an engine and what it gets back; the same for all of them.

An engine is a file with three functions::

    refusal(request) -> str | None      why it cannot, None if it can; `_choice` finds who can
    cost(request) -> Cost               memory and time, predicted without doing the work
    run(request, earlier, checkpoint) -> Run

A request comes in the unit of its largest rate, its times from 0 (`_timescale`), and so does an
earlier result; what an engine brings back is in that unit too, but for the times of jumps, which
`Request.user_time` gives. `Run.resume` is the engine's own.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collective._tools.compiled import threads_available
from collective._tools.memory import resident_bytes
from collective._tools.speed import speed
from collective._tools.warn import warn
from collective.engines.request import Request

if TYPE_CHECKING:
    from collective.results.result import Result

CHECKPOINT_SECONDS = 30
CHECKPOINT_SHARE = 0.05  # of the time, at most
_BETWEEN_LOOKS = 0.1  # seconds
_COMPRESSED_ENTRIES = 10.0  # in the time of a byte written
_PIECE = 2.0**25  # bytes


@dataclass(frozen=True)
class Cost:
    """What a run will take.

    Attributes:
        bytes: at the peak, beyond what the process holds before.
        seconds: once its kernels are compiled.
        work: what it does, for `Result.reason`: "C(16, 8) = 12,870 amplitudes".
    """

    bytes: int
    seconds: float
    work: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "bytes", int(self.bytes))
        object.__setattr__(self, "seconds", float(self.seconds))


@dataclass
class Run:
    """What an engine brings back, whole or interrupted.

    Attributes:
        observables: fields of `Result` by name, as long as the times reached.
        diagnostics: entries of `Result.diagnostics`.
        failure: KeyboardInterrupt or an error of the engine, raised by nobody so far.
        resume: arrays by name from which the engine can go on; empty once complete.
        notes: what the user is to be warned of once the result is safe.
    """

    observables: dict[str, Any]
    diagnostics: dict[str, Any]
    failure: BaseException | None = None
    resume: dict[str, NDArray[Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


Checkpoint = Callable[[Run], None]


class Engine(Protocol):
    """A module in `engines/`."""

    def refusal(self, request: Request) -> str | None: ...  # noqa: D102
    def cost(self, request: Request) -> Cost: ...  # noqa: D102
    def run(  # noqa: D102
        self, request: Request, earlier: "Result | None", checkpoint: Checkpoint | None
    ) -> Run: ...


class Clock:
    """Seconds and memory of a run, and when to keep it on disk.

    Checkpoints are half a minute apart, and take no more than a twentieth of the time.

    Args:
        checkpoint: writes a `Run`, or None.
    """

    def __init__(self, checkpoint: Checkpoint | None):
        self._checkpoint = checkpoint
        self._start = self._saved = time.monotonic()
        self._interval = float(CHECKPOINT_SECONDS)
        self._before = self._peak = resident_bytes()
        self._looked = self._start
        self._notes: list[str] = []

    def diagnostics(self) -> dict[str, Any]:
        """Seconds since the start, bytes at the highest of the looks so far."""
        self._looked = -np.inf
        self.look()
        used = None if self._before is None or self._peak is None else self._peak - self._before
        return {"seconds": time.monotonic() - self._start, "bytes_used": used}

    def look(self) -> None:
        """Notice the memory held now and then; asking takes a while."""
        now = time.monotonic()
        if self._peak is not None and now - self._looked > _BETWEEN_LOOKS:
            self._looked = now
            self._peak = max(self._peak, resident_bytes() or 0)

    def first(self, run: Callable[[], Run]) -> None:
        """Write the first checkpoint: a file that cannot be written shows now, not after hours."""
        if self._checkpoint:
            self._checkpoint(run())

    def keep(self, run: Callable[[], Run]) -> None:
        """Write a checkpoint if it is time; what hinders that must not cost the run itself."""
        if self._checkpoint and time.monotonic() - self._saved > self._interval:
            failure = self._written(run())
            if failure is None:
                return
            try:
                warn(failure)  # now, while there is time to make room
            except Warning:  # warnings are errors here, which must not end the run
                self._notes.append(failure)

    def last(self, run: Run) -> None:
        """Write a checkpoint in any case, and add to the run's notes what went wrong."""
        if self._checkpoint is None:
            return
        try:
            failure = self._written(run)
        except KeyboardInterrupt:  # what was computed is about to be returned
            failure = "Ctrl-C came while the checkpoint was written: it holds what was kept before"
        run.notes += self._notes
        if failure is not None:
            run.notes.append(failure)

    def _written(self, run: Run) -> str | None:
        """Write a checkpoint; why that was not possible."""
        assert self._checkpoint is not None
        begin = time.monotonic()
        failure = None
        try:
            self._checkpoint(run)
        except Exception as error:  # a full disk, no memory to pack it, numbers that are none
            failure = f"the checkpoint could not be written: {str(error) or type(error).__name__}"
        self._saved = time.monotonic()
        spent = self._saved - begin
        self._interval = max(CHECKPOINT_SECONDS, spent / CHECKPOINT_SHARE)
        return failure


def without_docstrings() -> str | None:
    """Why QuTiP's integrators cannot be used, or None; they put docstrings together."""
    if sys.flags.optimize < 2:
        return None
    return (
        "QuTiP's integrators cannot run under python -OO, which takes away the docstrings they "
        "read: run python -O"
    )


def writing(request: Request, recorded: float) -> tuple[float, float]:
    """Seconds and bytes that the last checkpoint of a run takes, of so many bytes recorded.

    Compressing takes most of the time; large arrays go to the file piece by piece.
    """
    if not request.checkpointed:
        return 0.0, 0.0
    seconds = 4000 * speed().call + _COMPRESSED_ENTRIES * recorded * speed().entry
    return seconds, 1.25 * min(recorded, _PIECE)


def threads_for(request: Request) -> int:
    """Cores there are, or as many of them as are asked for."""
    available = threads_available()
    return min(request.threads or available, available)


def resumed(earlier: "Result", name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array from which an interrupted run goes on.

    Args:
        earlier: the run so far.
        name: of the array in `Result.resume`.
        shape: it must have; −1 for any number.

    Raises:
        ValueError: if it is not there, or of another shape: numpy would spread one number over
            all without a word.
    """
    array = earlier.resume.get(name)
    if array is None:
        raise ValueError(f"its array {name!r} is missing")
    fits = len(array.shape) == len(shape)
    if not fits or any(a != b != -1 for a, b in zip(array.shape, shape, strict=True)):
        raise ValueError(f"its array {name!r} has shape {array.shape}, not {shape}")
    if array.dtype.kind not in "fciu":
        raise ValueError(f"its array {name!r} is not of numbers")
    return array


def nothing_left(earlier: "Result") -> Run:
    """The run of a checkpoint that is complete: what was observed, in no time."""
    names = ("emission", "excitation", "populations", "correlations")
    kept = {name: getattr(earlier, name) for name in names if getattr(earlier, name) is not None}
    return Run(kept, {**earlier.diagnostics, "seconds": 0.0})
