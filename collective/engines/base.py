"""The engine contract: what `evolve` asks of an engine, and what it gets back.

An engine is a frozen dataclass whose fields are its options, in a folder of its own:
`co.engines.Trajectories(n=500)`. Its name as a string stands for its default options. Every
member of `Engine` is used by `choice` (which engine runs), by `loop` (the one loop around every
run) or by `citation`, and by nothing else.

A request comes in the unit of its largest rate, with times from 0 (`timescale`), and so does an
earlier result. What an engine returns is in that unit too, except the times of jumps, which
`Request.user_time` converts.
"""

import sys
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.compiled import threads_available
from collective._tools.speed import speed
from collective.couplings.couplings import Couplings
from collective.engines.request import Request
from collective.states.answers import missing

if TYPE_CHECKING:
    from collective.results.result import Result

Accuracy = Literal["exact", "sampled", "approximate"]
ACCURACIES: tuple[Accuracy, ...] = ("exact", "sampled", "approximate")
KEPT = ("correlations", "states", "operators", "jumps")
# metadata of an option that only says when a run ends (`field(metadata=ENDS_A_RUN)`): a checkpoint
# may be continued with another value of this option
ENDS_A_RUN = {"only says when a run ends": True}

_COMPRESSED_ENTRIES = 10.0  # entries of arrays that take as long as compressing one byte
_PIECE = 2.0**25  # bytes
_ONE_THREAD = 60_000  # numbers in a vector; for shorter ones a second thread saves no time
_PIECES = 24


@dataclass(frozen=True)
class Cost:
    """Memory and time of a run, predicted without doing it.

    Attributes:
        bytes: memory at the peak, beyond what the process held before the run.
        seconds: time of the run, once its kernels are compiled.
        work: a few words for `Result.reason`, such as "C(16, 8) = 12,870 amplitudes".
    """

    bytes: int
    seconds: float
    work: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "bytes", int(self.bytes))
        object.__setattr__(self, "seconds", float(self.seconds))


class Run(Protocol):
    """A time evolution under way, which `loop` advances piece by piece.

    All methods must answer correctly after every `advance`, also after one that an error or
    Ctrl-C has interrupted: only whole output times count. The first output time is recorded
    from the beginning.
    """

    @property
    def done(self) -> bool:
        """Whether every output time is reached."""
        ...

    @property
    def share(self) -> float:
        """How much of the work is done, from 0 to 1; the progress bar shows it."""
        ...

    def advance(self) -> None:
        """Compute a little more: some output times, or a part of the way to the next one."""
        ...

    def fields(self) -> dict[str, Any]:
        """Fields of `Result` by name, with one row for each output time reached so far."""
        ...

    def diagnostics(self) -> dict[str, Any]:
        """Entries of `Result.diagnostics`: counts, error bounds, the method used inside."""
        ...

    def resume(self) -> dict[str, NDArray[Any]]:
        """Arrays by name from which `Engine.start` can continue; empty if it needs none."""
        ...

    def notes(self) -> list[str]:
        """Warnings that the user gets once the result is safe."""
        ...

    def close(self) -> None:
        """End threads and release what only `advance` needs; called once, also after an error."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Anything that can evolve a request.

    Attributes:
        name: a short word; `method=name` stands for the engine with its default options.
        accuracy: "exact" (to `rtol`), "sampled" (means with standard errors) or "approximate"
            (with an estimate of its error). `method="auto"` never takes an approximate one.
        keeps: which of "correlations", "states", "operators" and "jumps" the result can hold.
        cite: BibTeX keys of `collective.citations` for the method.
    """

    @property
    def name(self) -> str:  # noqa: D102
        ...

    @property
    def accuracy(self) -> Accuracy:  # noqa: D102
        ...

    @property
    def keeps(self) -> tuple[str, ...]:  # noqa: D102
        ...

    @property
    def cite(self) -> tuple[str, ...]:  # noqa: D102
        ...

    def refusal(self, request: Request) -> str | None:
        """The reason why it cannot evolve the request, or None; `choice` adds which engine can.

        Raises:
            ValueError: for an option of the engine that does not fit the request.
        """
        ...

    def cost(self, request: Request) -> Cost:
        """Predict memory and time of a request that the engine does not refuse."""
        ...

    def prepare(self, request: Request) -> None:
        """Compile kernels and import libraries; this does not count as a part of the run."""
        ...

    def start(self, request: Request, earlier: "Result | None") -> Run:
        """Start a run from the initial state, or from where an earlier result ended.

        Args:
            request: one that the engine does not refuse.
            earlier: an interrupted result whose `resume` this engine wrote, or None.

        Raises:
            ValueError: if the arrays of the earlier result do not fit (see `resumed`).
        """
        ...


def unsupported(
    engine: Engine,
    request: Request,
    *,
    equations: bool = False,
    thermal: bool = False,
    one_number: bool = False,
) -> str | None:
    """The reason why an engine cannot evolve a request, by the checks that engines share, or None.

    Args:
        engine: its `name` and `keeps` are read.
        request: what is asked for.
        equations: whether the engine takes a `MasterEquation`.
        thermal: whether it takes thermal light.
        one_number: whether it takes a Γ that is stored as one number for all N² entries.
    """
    problem, who = request.problem, f"method {engine.name!r}"
    if not isinstance(problem, Couplings):
        if not equations:
            return f"{who} takes Couplings, not a MasterEquation"
    elif not one_number and checks.constant(problem.decay):
        n = len(problem)
        return f"{who} needs the {n} × {n} matrices, but decay is given as one number"
    elif not thermal and problem.thermal_photons:
        return (
            f"{who} does not treat thermal light, but these couplings have "
            f"{problem.thermal_photons:.4g} thermal photons per mode"
        )
    if (why := missing(request.state)) is not None:
        return f"{who} cannot build the {why}"
    asked = ["states"] if "states" in request.words else []
    asked += ["operators"] if request.operators else []
    lacking = [word for word in asked if word not in engine.keeps]
    if lacking:
        return f"observe: {who} keeps no density matrix for {' and '.join(lacking)}"
    return None


def identity(engine: Engine) -> str:
    """The class and the options of an engine, without options that only say when a run ends."""
    if not is_dataclass(engine):
        return repr(engine)
    options = {f.name: getattr(engine, f.name) for f in fields(engine) if f.metadata != ENDS_A_RUN}
    return f"{type(engine).__qualname__}({options})"


def without_docstrings() -> str | None:
    """The reason why QuTiP's integrators cannot be used, or None: they read docstrings."""
    if sys.flags.optimize < 2:
        return None
    return (
        "QuTiP's integrators cannot run under python -OO, which removes the docstrings that "
        "they read: run python -O"
    )


def writing(request: Request, recorded: float) -> tuple[float, float]:
    """Seconds and bytes that the last checkpoint takes if the run has recorded this many bytes.

    Compressing takes most of the time; large arrays go to the file piece by piece.
    """
    if not request.checkpointed:
        return 0.0, 0.0
    seconds = 4000 * speed().call + _COMPRESSED_ENTRIES * recorded * speed().entry
    return seconds, 1.25 * min(recorded, _PIECE)


def threads_for(request: Request) -> int:
    """The number of threads: one for each core, or fewer if the request asks for fewer."""
    available = threads_available()
    return min(request.threads or available, available)


def pieces_for(request: Request, size: int) -> tuple[int, int]:
    """The number of threads for vectors of this length, and of pieces that they work on.

    The pieces follow from the length alone, so that sums do not depend on the threads.
    """
    return (1, 1) if size < _ONE_THREAD else (threads_for(request), _PIECES)


def resumed(earlier: "Result", name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """A checked array from which an interrupted run continues.

    Args:
        earlier: the run so far.
        name: the name of the array in `Result.resume`.
        shape: the shape that it must have; −1 for any length.

    Raises:
        ValueError: if it is missing, or has another shape: numpy would silently copy one number
            into all entries.
    """
    array = earlier.resume.get(name)
    if array is None:
        raise ValueError(f"its array {name!r} is missing")
    fits = len(array.shape) == len(shape)
    if not fits or any(a != b != -1 for a, b in zip(array.shape, shape, strict=True)):
        raise ValueError(f"its array {name!r} has shape {array.shape}, not {shape}")
    if array.dtype.kind not in "fciu":
        raise ValueError(f"its array {name!r} does not hold numbers")
    return np.asarray(array)
