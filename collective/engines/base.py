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
# metadata of an option that only says when enough is computed (`field(metadata=ENDS_A_RUN)`): a
# checkpoint may be continued with another value of it
ENDS_A_RUN = {"only says when a run ends": True}

_COMPRESSED_ENTRIES = 10.0  # in the time of a byte written
_PIECE = 2.0**25  # bytes
_ONE_THREAD = 60_000  # numbers in a vector; below, handing out the work costs more
_PIECES = 24


@dataclass(frozen=True)
class Cost:
    """What a run will take, predicted without doing it.

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


class Run(Protocol):
    """A time evolution under way: it moves on by itself, step by step, from `loop`.

    What it says of itself must be right after every `advance`, also after one that an error or
    Ctrl-C has interrupted: only whole output times count. The first output time is there from
    the beginning.
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
        """Fields of `Result` by name, as long as the output times reached so far."""
        ...

    def diagnostics(self) -> dict[str, Any]:
        """Entries of `Result.diagnostics`: counts, error bounds, which route was taken."""
        ...

    def resume(self) -> dict[str, NDArray[Any]]:
        """Arrays by name from which `Engine.start` can continue; empty if there is no need."""
        ...

    def notes(self) -> list[str]:
        """What the user must be warned of once the result is safe."""
        ...

    def close(self) -> None:
        """End threads and release what only `advance` needs; called once, whatever happened."""
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
        """Why it cannot evolve this, or None if it can; `choice` adds which engine can.

        Raises:
            ValueError: for an option of the engine that does not fit the request.
        """
        ...

    def cost(self, request: Request) -> Cost:
        """Memory and time of a request that it does not refuse."""
        ...

    def prepare(self, request: Request) -> None:
        """Compile kernels and import libraries, which no run is charged for."""
        ...

    def start(self, request: Request, earlier: "Result | None") -> Run:
        """A run from the initial state, or from where an earlier result ended.

        Args:
            request: one that it does not refuse.
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
    """Why an engine cannot evolve a request, as far as every engine is asked the same.

    Args:
        engine: by its `name` and what it `keeps`.
        request: what is asked for.
        equations: whether it takes a `MasterEquation`.
        thermal: whether it takes thermal light.
        one_number: whether it takes a Γ that is one number seen N² times.
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
            f"{who} does not treat thermal light, of which these couplings have "
            f"{problem.thermal_photons:.4g} photons per mode"
        )
    if (why := missing(request.state)) is not None:
        return f"{who} cannot build the {why}"
    asked: list[str] = [word for word in ("correlations", "states") if word in request.words]
    asked += ["operators"] if request.operators else []
    lacking = [word for word in asked if word not in engine.keeps]
    if "correlations" in lacking:
        return f"observe: {who} does not keep {' and '.join(lacking)}"
    if lacking:
        return f"observe: {who} keeps no density matrix for {' and '.join(lacking)}"
    return None


def identity(engine: Engine) -> str:
    """Class and options of an engine, without those that only say when a run ends."""
    if not is_dataclass(engine):
        return repr(engine)
    options = {f.name: getattr(engine, f.name) for f in fields(engine) if f.metadata != ENDS_A_RUN}
    return f"{type(engine).__qualname__}({options})"


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
    """How many threads may work: as many cores as there are, or fewer if fewer are asked for."""
    available = threads_available()
    return min(request.threads or available, available)


def pieces_for(request: Request, size: int) -> tuple[int, int]:
    """Threads for vectors of so many numbers, and pieces an application is cut into.

    The pieces follow from the size alone, so that sums do not depend on the threads.
    """
    return (1, 1) if size < _ONE_THREAD else (threads_for(request), _PIECES)


def resumed(earlier: "Result", name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array from which an interrupted run continues.

    Args:
        earlier: the run so far.
        name: of the array in `Result.resume`.
        shape: it must have; −1 for any number.

    Raises:
        ValueError: if it is not there, or of another shape: numpy would spread one number over
            all entries without a word.
    """
    array = earlier.resume.get(name)
    if array is None:
        raise ValueError(f"its array {name!r} is missing")
    fits = len(array.shape) == len(shape)
    if not fits or any(a != b != -1 for a, b in zip(array.shape, shape, strict=True)):
        raise ValueError(f"its array {name!r} has shape {array.shape}, not {shape}")
    if array.dtype.kind not in "fciu":
        raise ValueError(f"its array {name!r} is not of numbers")
    return np.asarray(array)
