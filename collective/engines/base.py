"""The engine contract: what `evolve` asks of an engine, and what it gets back.

An engine is a frozen dataclass whose fields are its options, in a folder of its own:
`co.engines.Trajectories(n=500)`. Its name as a string stands for its default options. `choice` asks
which engine runs, `loop` is the one loop around every run, and `evolve` puts the `Result` together.
An answer of another kind than this file says raises `EngineContractError`.

A request comes in the unit of its largest rate, with times from 0 (`timescale`), and so does an
earlier result. What an engine returns is in that unit too, except the times of jumps, which
`Request.user_time` converts.

The file is longer than others: the two protocols say what each member must answer.
"""

import re
import sys
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.compiled import threads_available
from collective._tools.speed import speed
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import beyond_markov
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.sharing import shared
from collective.couplings.with_mode import CavityCouplings
from collective.engines.request import Request
from collective.errors import EngineContractError
from collective.master.equation import MasterEquation
from collective.states.answers import missing

if TYPE_CHECKING:
    from collective.results.result import Result

Accuracy = Literal["exact", "sampled", "approximate"]
ACCURACIES: tuple[Accuracy, ...] = ("exact", "sampled", "approximate")
KEPT = ("correlations", "states", "operators", "jumps")
# metadata of an option that only says when a run ends (`field(metadata=ENDS_A_RUN)`): a checkpoint
# may be continued with another value of this option
ENDS_A_RUN = {"only says when a run ends": True}
# the same for an option that only says how a run is computed: answers and checkpoints of one value
# are good for any other
ONLY_HOW = {"only says how a run is computed": True}

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
        error: of an approximate engine, the expected error of the emission relative to its largest
            value; None if it is not known, and for other engines.

    Raises:
        ValueError: for bytes, seconds or an error that are negative or NaN, or work that is not a
            text.
    """

    bytes: int
    seconds: float
    work: str
    error: float | None = None

    def __post_init__(self) -> None:
        for name in ("bytes", "seconds", "error"):
            value = getattr(self, name)
            if name == "error" and value is None:
                continue
            number = isinstance(value, int | float | np.integer | np.floating)
            if not number or isinstance(value, bool | np.timedelta64) or not value >= 0:
                raise ValueError(f"{name} must be a number ≥ 0, got {checks.short(value)}")
        if self.bytes == np.inf:
            raise ValueError("bytes must be finite, got inf")
        if not isinstance(self.work, str):
            raise ValueError(f"work must be a text, got {checks.short(self.work)}")
        object.__setattr__(self, "bytes", int(self.bytes))
        seconds = min(
            self.seconds, sys.float_info.max
        )  # a whole number may be too large for a float
        object.__setattr__(self, "seconds", float(seconds))
        if self.error is not None:
            object.__setattr__(self, "error", float(min(self.error, sys.float_info.max)))


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
        """Compute a little more: some output times, or a part of the way to the next one.

        Raises:
            DivergedError: if the numbers of an approximate engine grow without bound. The run ends
                with the times reached, and the message says why.
        """
        ...

    def fields(self) -> dict[str, Any]:
        """Fields of `Result` by name; arrays have one row for each output time reached.

        "populations" are always needed, (t, N), or (t, N, L) of all levels for `ChannelCouplings`
        and `MasterEquation`. So are "emission" and "excitation", but for a `MasterEquation`, and
        everything that the request asks to observe: "correlations", "states", and "expect" for
        operators. An approximate engine must then also give "error_estimate", the estimated error
        of the emission in the same unit. "last_state", "jumps", "shots", "coincidence_rate" and
        standard errors are given if the engine has them. The `earlier` result of `Engine.start`
        has the same fields.
        """
        ...

    def diagnostics(self) -> dict[str, Any]:
        """Entries of `Result.diagnostics`: counts, error bounds, the method used inside."""
        ...

    def resume(self) -> dict[str, NDArray[Any]]:
        """Arrays by name from which `Engine.start` can continue.

        It is empty if `fields` are enough. The loop does not call it once the run is done.
        """
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
        cite: what `citation` names for the method: keys of `collective.citations`, or BibTeX
            entries.
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
            earlier: an interrupted result of this engine with the same options, or None. It holds
                what `Run.fields` and `Run.resume` gave. An engine that samples may get a complete
                result.

        Raises:
            ValueError: if the arrays of the earlier result do not fit (see `resumed`).
        """
        ...


def unsupported(
    engine: Engine,
    request: Request,
    *,
    equations: bool = False,
    noise: tuple[str, ...] = (),
    one_number: bool = False,
    lattice: bool = False,
    channels: bool = False,
    ising: bool = False,
    cavity: bool = False,
    memory: bool = False,
    motion: tuple[str, ...] = (),
) -> str | None:
    """The reason why an engine cannot evolve a request, by the checks that engines share, or None.

    Args:
        engine: its `name` and `keeps` are read.
        request: what is asked for.
        equations: whether the engine takes a `MasterEquation`.
        noise: which of "pump" and "dephasing" it takes as a matrix; thermal light is such a pump.
        one_number: whether it takes a Γ that is stored as one number for all N² entries.
        lattice: whether it takes a Γ that is stored by displacement.
        channels: whether it takes `ChannelCouplings` of atoms with manifolds.
        ising: whether it takes Ising terms.
        cavity: whether it takes `CavityCouplings`, emitters with a mode that is kept.
        memory: whether it takes couplings whose Γ and Δ alone describe nothing.
        motion: what it takes of `Motion`, for two-level `Couplings`: "drive" for several Rabi
            vectors, "detunings", "strength".
    """
    problem, who = request.problem, f"method {engine.name!r}"
    if not memory and (why := beyond_markov(problem)) is not None:
        return f"{who} uses Γ and Δ, which describe nothing here: {why}"
    if isinstance(problem, CavityCouplings):
        if not cavity:
            return f"{who} takes emitters alone, not CavityCouplings with a mode that is kept"
        problem = problem.couplings
    if isinstance(problem, MasterEquation):
        if not equations:
            return f"{who} takes Couplings, not a MasterEquation"
    elif isinstance(problem, ChannelCouplings):
        if not channels:
            return (
                f"{who} takes two-level Couplings, not ChannelCouplings of atoms with "
                f"{len(problem.atoms.levels)} levels"
            )
        if not lattice and isinstance(problem.decay, LatticeMatrix):
            return _by_displacement(who, len(problem.decay))
    elif not one_number and checks.constant(problem.decay):
        n = len(problem)
        return f"{who} needs the {n} × {n} matrices, but decay is given as one number"
    elif not lattice and isinstance(problem.decay, LatticeMatrix):
        return _by_displacement(who, len(problem))
    elif not one_number and problem.ising is not None and checks.constant(problem.ising):
        n = len(problem)
        return f"{who} needs the {n} × {n} matrices, but ising is given as one number"
    elif not ising and problem.ising is not None:
        largest = problem.largest_interaction() * request.unit
        return (
            f"{who} does not treat Ising terms, but these couplings have ising= with |V_mn| up to "
            f"{largest:.4g}"
        )
    elif "pump" not in noise and problem.thermal_photons:
        return (
            f"{who} does not treat thermal light, but these couplings have "
            f"{problem.thermal_photons:.4g} thermal photons per mode"
        )
    elif refused := [name for name in shared(problem) if name not in noise]:
        return f"{who} takes the {refused[0]} of each emitter alone, not a matrix (N, N)"
    of_atoms = isinstance(problem, ChannelCouplings)  # whose states `request` has checked
    if request.motion is not None and (why := _moving(request, () if of_atoms else motion)):
        return f"{who} {why}"
    if not of_atoms and (why := missing(request.state)) is not None:
        return f"{who} cannot build the {why}"
    asked: list[str] = [word for word in ("correlations", "states") if word in request.words]
    asked += ["operators"] if request.operators else []
    lacking = [word for word in asked if word not in engine.keeps]
    if "correlations" in lacking:
        return f"observe: {who} does not keep {' and '.join(lacking)}"
    if lacking:
        return f"observe: {who} keeps no density matrix for {' and '.join(lacking)}"
    return None


def _by_displacement(who: str, side: int) -> str:
    """The refusal of an engine that needs matrices of this side."""
    return (
        f"{who} needs the {side:,} × {side:,} matrices, but these couplings of a lattice are "
        "stored by displacement: couple(..., by_displacement=False) makes the matrices"
    )


def _moving(request: Request, motion: tuple[str, ...]) -> str | None:
    """What an engine does not take of what changes in time, or None."""
    found = request.motion
    assert found is not None
    if found.strength is not None and "strength" not in motion:
        return "does not take a strength of the coupling that changes in time"
    if found.detunings is not None and "detunings" not in motion:
        if request.operators:
            return "does not take detunings that change in time when operators are observed"
        return "does not take detunings that change in time and differ between the emitters"
    if len(found.vectors) > 1 and "drive" not in motion:
        return (
            "takes light whose Rabi frequencies have one common ratio between the emitters, but "
            "those of the pulses and of the constant drive differ"
        )
    return None


def wrong_answer(engine: Engine, member: str, wanted: str, got: Any) -> EngineContractError:
    """The error for a member of an engine, or of its run, whose answer breaks the contract."""
    array = isinstance(got, np.ndarray)
    text = f"{got.dtype} of shape {got.shape}" if array else checks.short(got)
    return EngineContractError(f"method {engine.name!r}: {member} must be {wanted}, got {text}")


def identity(engine: Engine) -> str:
    """The class and the options of an engine that distinguish its runs.

    Options that only say when a run ends, or how it is computed, are left out.

    Raises:
        EngineContractError: if the text would differ in another process.
    """
    if is_dataclass(engine):
        known = [f.name for f in fields(engine) if f.metadata not in (ENDS_A_RUN, ONLY_HOW)]
        options = {name: getattr(engine, name) for name in known}
        for name, value in options.items():
            if isinstance(value, np.ndarray):  # its repr leaves numbers out
                options[name] = value.tolist()
        text = f"{type(engine).__qualname__}({options})"
    else:
        text = repr(engine)
    if re.search(r" at 0x[0-9a-fA-F]+", text):
        raise EngineContractError(
            f"checkpoint: method {engine.name!r} cannot be recognised by {checks.short(text)}; "
            "make it a frozen dataclass whose fields are numbers, texts or tuples of these"
        )
    return text


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
