"""The one loop around every run: progress, Ctrl-C, memory, checkpoints and failures.

The file is longer than others: it also checks the answers of a run, before they go into a `Result`.
"""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.memory import held_bytes
from collective._tools.progress import Progress
from collective._tools.warn import warn
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.engines.base import Engine, Run, wrong_answer
from collective.engines.request import Request
from collective.errors import DivergedError, EngineContractError
from collective.master.equation import MasterEquation

if TYPE_CHECKING:
    from collective.results.result import Result

CHECKPOINT_SECONDS = 30
CHECKPOINT_SHARE = 0.05  # of the time, at most
_BETWEEN_LOOKS = 0.1  # seconds between two looks at the memory
_MARKS = 1000  # of the progress bar
SHOWN_AFTER = 2.0  # seconds
_OBSERVED = (
    "emission", "excitation", "populations", "correlations", "states", "expect", "last_state",
    "emission_error", "excitation_error", "populations_error", "jumps", "error_estimate", "shots",
    "coincidence_rate", "coincidence_error", "photons",
)  # fmt: skip
# entries of `Result.diagnostics` that an engine must not give
_OURS = (
    "seconds", "bytes_used", "bytes_predicted", "rtol", "atol", "cite", "versions", "problem",
    "layout", "ended",
)  # fmt: skip
_MEMBERS = ("done", "share", "advance", "fields", "diagnostics", "resume", "notes", "close")


@dataclass
class Outcome:
    """What a run returns, complete or interrupted.

    Attributes:
        fields: fields of `Result` by name, with one row for each output time reached.
        diagnostics: entries of `Result.diagnostics`.
        failure: KeyboardInterrupt or an error of the engine that is not raised yet, or None.
        resume: arrays by name from which the engine can continue; empty once complete.
        notes: warnings that the user gets once the result is safe.

    `diagnostics["ended"]` is the reason why an approximate run ended before the last time.
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
        EngineContractError: if an answer of the engine or of its run breaks the contract in `base`.
        OSError: if the first checkpoint cannot be written.
    """
    if earlier is not None and (earlier.complete or "ended" in earlier.diagnostics):
        finished = _complete(engine, request, earlier)
        if finished is not None:
            return finished
    engine.prepare(request)
    clock = Clock(checkpoint)  # it starts here, because compiling is not part of the run
    under_way = _started(engine, request, earlier)
    failure: BaseException | None = None
    ended: str | None = None

    def report() -> Outcome:
        fields = _checked(engine, request, under_way.fields())
        last = under_way.done or ended is not None
        resume = {} if last else _named(engine, "resume()", under_way.resume())
        for name, array in resume.items():
            if not isinstance(array, np.ndarray):
                raise wrong_answer(engine, f"{name!r} of resume()", "an array", array)
        own = _diagnostics(engine, under_way)
        if ended is not None:
            own["ended"] = ended
        return Outcome(fields, {**clock.diagnostics(), **own}, failure, resume)

    try:
        _checked(engine, request, under_way.fields())  # now, and not only after hours
        clock.first(report)
        _advance(engine, under_way, clock, report, show=request.progress)
    except KeyboardInterrupt as error:
        failure = error
    except DivergedError as error:
        ended = str(error)
    except BaseException as error:
        if not clock.started or not isinstance(error, Exception):
            under_way.close()
            raise
        failure = error
    clock.look()
    try:
        under_way.close()
    except (KeyboardInterrupt, Exception) as error:
        failure = failure or error
    try:
        finished = report()
    except KeyboardInterrupt as error:  # a second Ctrl-C must not lose what is computed
        failure = failure or error
        finished = report()
    except EngineContractError as error:
        raise error from failure
    clock.last(finished)
    finished.notes += _ended(finished.diagnostics)
    finished.notes += _notes(engine, under_way)
    return finished


def _ended(diagnostics: dict[str, Any]) -> list[str]:
    """The warning that a run ended before the last time, if it did."""
    if "ended" not in diagnostics:
        return []
    return [f"{diagnostics['ended']}: the result has only the times before that"]


def _started(engine: Engine, request: Request, earlier: "Result | None") -> Run:
    """The run that an engine starts; raises if it lacks a member of `Run`."""
    found = engine.start(request, earlier)
    missing = [name for name in _MEMBERS if not hasattr(found, name)]
    if missing or isinstance(found, type):
        lacking = f"it has no {missing[0]!r}" if missing else "not a class"
        wanted = f"an object with {', '.join(_MEMBERS)} ({lacking})"
        raise wrong_answer(engine, "start(request, earlier)", wanted, found)
    for name in _MEMBERS[2:]:
        if not callable(getattr(found, name)):
            raise wrong_answer(engine, f"{name} of the run", "a method", getattr(found, name))
    if not isinstance(found.done, bool | np.bool_):
        raise wrong_answer(engine, "done of the run", "a property, True or False", found.done)
    return found


def _named(engine: Engine, member: str, found: Any) -> dict[str, Any]:
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise wrong_answer(engine, member, "a dictionary by name", found)
    return found


def _diagnostics(engine: Engine, under_way: Run) -> dict[str, Any]:
    found = _named(engine, "diagnostics()", under_way.diagnostics())
    for name, value in found.items():
        if name in _OURS:
            wanted = f"others than {', '.join(_OURS)}"
            raise wrong_answer(engine, "names in diagnostics()", wanted, name)
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            wanted = "what JSON can hold: numbers, texts, lists of these"
            raise wrong_answer(engine, f"{name!r} of diagnostics()", wanted, value) from None
    return found


def _notes(engine: Engine, under_way: Run) -> list[str]:
    found = under_way.notes()
    if not isinstance(found, list) or not all(isinstance(note, str) for note in found):
        raise wrong_answer(engine, "notes()", "a list of texts", found)
    return found


def _checked(engine: Engine, request: Request, found: Any) -> dict[str, Any]:
    """The fields of a run; raises if `Result` cannot hold them, or if one is missing."""
    fields, problem = _named(engine, "fields()", found), request.problem
    needed = ["populations"]
    if not isinstance(problem, MasterEquation):
        needed += ["emission", "excitation"]
        needed += ["error_estimate"] if engine.accuracy == "approximate" else []
    needed += ["photons"] if isinstance(problem, CavityCouplings) else []
    needed += [*sorted(request.words), *(["expect"] if request.operators else [])]
    for name in needed:
        if fields.get(name) is None:
            raise wrong_answer(engine, f"{name!r} of fields()", "given for this request", None)
    for name in fields:
        if name not in _OBSERVED:
            wanted = f"fields of Result ({', '.join(_OBSERVED)})"
            raise wrong_answer(engine, "names in fields()", wanted, name)
    populations = fields["populations"]
    reached = len(populations) if np.ndim(populations) > 1 else 0
    if not 1 <= reached <= len(request.times):
        wanted = f"an array of 1 to {len(request.times)} rows, one for each output time reached"
        raise wrong_answer(engine, "'populations' of fields()", wanted, populations)
    rows = {name: fields[name] for name in _OBSERVED if fields.get(name) is not None}
    for name in ("jumps", "last_state"):
        rows.pop(name, None)
    expect = rows.pop("expect", {})
    if not isinstance(expect, dict) or set(expect) != set(request.operators):
        wanted = f"a dictionary of the operators {list(request.operators)}"
        raise wrong_answer(engine, "'expect' of fields()", wanted, expect)
    states = rows.pop("states", None)
    if states is not None and (not isinstance(states, list) or len(states) != reached):
        wanted = f"a list of {reached} density matrices, as many as populations has rows"
        raise wrong_answer(engine, "'states' of fields()", wanted, states)
    if isinstance(problem, Couplings | CavityCouplings):
        each: tuple[int, ...] = (len(problem),)
        pairs = each * 2
    elif isinstance(problem, ChannelCouplings):
        each, pairs = (len(problem), len(problem.atoms.levels)), problem.decay.shape
    else:
        each, pairs = (len(problem.levels), max(problem.levels)), ()
    shapes = {"populations": each, "populations_error": each, "correlations": pairs}
    shots = rows.pop("shots", None)
    if shots is not None:
        samples = len(shots) if np.ndim(shots) == 2 else 0
        _check_array(engine, "shots", shots, (samples, reached), "f")
    for name, array in rows.items():
        kinds = "fc" if name == "correlations" else "f"
        _check_array(engine, name, array, (reached, *shapes.get(name, ())), kinds)
    for name, array in expect.items():
        _check_array(engine, f"expect: {name}", array, (reached,), "fc")
    return fields


def _check_array(engine: Engine, name: str, array: Any, shape: tuple[int, ...], kinds: str) -> None:
    fits = isinstance(array, np.ndarray) and array.shape == shape and array.dtype.kind in kinds
    if not fits:
        wanted = f"an array of shape {shape} of {'real ' if kinds == 'f' else ''}numbers"
        raise wrong_answer(engine, f"{name!r} of fields()", wanted, array)


def _advance(
    engine: Engine, under_way: Run, clock: "Clock", report: Callable[[], Outcome], *, show: bool
) -> None:
    """Advance a run until it is done; a progress bar appears after some seconds."""
    shown, label = 0, f"evolving ({engine.name})"
    with ExitStack() as stack:
        bar: Progress | None = None
        while not under_way.done:
            under_way.advance()
            clock.look()
            clock.keep(report)
            share = under_way.share
            if not isinstance(share, int | float | np.number) or not np.isfinite(share):
                raise wrong_answer(engine, "share of the run", "a number from 0 to 1", share)
            now = int(_MARKS * min(max(share, 0), 1))
            if bar is not None:
                bar.step(now - shown)
            elif show and clock.seconds > SHOWN_AFTER:
                bar = stack.enter_context(Progress(_MARKS, label, delay=0.0, done=now))
            shown = now


def _complete(engine: Engine, request: Request, earlier: "Result") -> Outcome | None:
    """The outcome of a checkpoint that is complete, or that ended, without computing anything.

    It is None if more samples are needed to reach a smaller standard error than before.
    """
    notes: list[str] = []
    if engine.accuracy == "sampled":
        under_way = _started(engine, request, earlier)
        try:
            done, notes = under_way.done, _notes(engine, under_way)
        finally:
            under_way.close()
        if not done:
            return None
    kept = {name: getattr(earlier, name) for name in _OBSERVED}
    notes = _ended(earlier.diagnostics) + notes
    return Outcome(kept, {**earlier.diagnostics, "seconds": 0.0}, notes=notes)


class Clock:
    """Seconds and memory of a run, and when to keep it on disk.

    Checkpoints are at least half a minute apart, and take at most a twentieth of the time.

    Args:
        checkpoint: a function that writes an `Outcome`, or None.

    Attributes:
        started: whether the first checkpoint is written, or none is wanted.
    """

    def __init__(self, checkpoint: Checkpoint | None):
        self._checkpoint = checkpoint
        self._start = self._saved = time.monotonic()
        self._interval = float(CHECKPOINT_SECONDS)
        self._before = self._peak = held_bytes()
        self._looked = self._start
        self.started = False
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
            self._peak = max(self._peak, held_bytes() or 0)

    def first(self, report: Callable[[], Outcome]) -> None:
        """Write the first checkpoint, so that a file that cannot be written fails at once."""
        if self._checkpoint:
            self._checkpoint(report())
        self.started = True

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
