r"""The whole density matrix without a matrix for its generator: everything that Couplings hold.

ρ has 4^N entries and is kept as one real matrix of that size; H_eff moves rows of it and jumps
move blocks (`_driven_kernels`), a fifth of the memory and a small part of the time that sparse
operators take. A constant generator is expanded in Faber polynomials (`_faber`), so output times
cost nothing; with an envelope, powers of time take their place (`_driven_steps`).
Without drive and pump, an engine that keeps excitation numbers apart does less.

The file is longer than others by what memory of many output times and few emitters takes.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools.progress import Progress
from collective._tools.speed import speed
from collective.couplings.couplings import Couplings
from collective.engines.base import (
    Checkpoint,
    Clock,
    Cost,
    Run,
    nothing_left,
    resumed,
    threads_for,
    writing,
)
from collective.engines.basis import initial
from collective.engines.driven import packed as _packed
from collective.engines.measures import pair_fields
from collective.engines.numerics.extent import Extent
from collective.engines.record import EIGENVALUE_TIMES, eigenvalue_steps
from collective.engines.request import Request

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.engines.driven.steps import Leg, Pulse, Series
    from collective.results.result import Result

_COMPILING = 5  # seconds
_TERMS, _FEWEST = 3.1, 15.0  # applications: per radius of the ellipse, and of each leg
_PULSE_TERMS, _PULSE_FEWEST = 8.0, 110.0  # the same where an envelope is followed
_FLOPS = 10.0  # of BLAS, in the time of an entry of ρ, per application and N²; N = 8 takes 0.9 ms
_PULSE_FLOPS = 100.0  # the same for what powers of time add
_APPLICATION_CALLS = 32.0  # of Python, per application
_OVERHEAD = 5500.0  # calls: tables, bounds, operators that read ρ
_TABLES = 8.0  # entries for each of 2^N N² numbers of the tables, likewise
_READ_CALLS, _READ_TERMS = 3.0, 100.0  # per output time; terms of a series
_SAMPLE_CALLS = 10.0  # per output time: the envelope is looked at between
_STATE_CALLS, _STATE_ENTRIES = 100.0, 8.0  # per state kept
_EIGENVALUE_FLOPS = 40.0  # per 8^N
_LARGEST_POWER = 500  # emitters whose powers of two are finite
_SMALL = 7  # emitters; below, handing work to another thread takes as long as doing it
_SERIES_VECTORS = 5  # state, its successor, two polynomials, and V
_PULSE_VECTORS = 14  # state, its successor, ten powers, what the drive meets, and V
_INTERVALS = 20_000  # of the run, at most, in which an envelope is sampled
_EIGENVALUE_EMITTERS = 8
_LOOK_BYTES = 25  # per entry of ρ: unpacked, and a copy for its eigenvalues
_OPERATOR_BYTES = 130  # per entry of an operator, while its functional is made
_PAIR_BYTES = 55  # per correlation and output time: taken, and put together at the end
_ROW_BYTES = 400  # of Python objects per output time
_STATE_BYTES = 400  # of a `Qobj`, beside its matrix
_LEG_REACH = 24.0  # see `_driven_steps`, which needs numba
_STATE_EMITTERS = 10  # up to which the last state is returned


def refusal(request: Request) -> str | None:
    """Master equations other than that of `Couplings`."""
    if isinstance(request.problem, Couplings):
        return initial.refusal(request, "driven")
    return "method 'driven' takes Couplings, not a MasterEquation"


def cost(request: Request) -> Cost:
    """Memory and time of a run."""
    n = len(request.couplings)
    return Cost(_bytes(request), _seconds(request), f"{n} emitters, 4^{n} real entries of ρ")


def _seconds(request: Request) -> float:
    """Applications of the generator, output times, and the few looks at eigenvalues."""
    n, times, s = min(len(request.couplings), _LARGEST_POWER), len(request.times), speed()
    size, pulsed = 4.0**n, request.envelope is not None
    calls = _applications(request)
    entries = n * n + (n if np.any(request.couplings.drive) else 0)
    each = _APPLICATION_CALLS * s.call + _FLOPS * s.flop * size * entries / _threads(request)
    if pulsed:
        each += _PULSE_FLOPS * s.flop * size
    reading = _READ_CALLS * s.call + _READ_TERMS * s.entry
    reading += _READ_TERMS * (n * n + len(request.operators)) * s.flop
    if pulsed:
        reading += _SAMPLE_CALLS * s.call
    if "states" in request.words:
        reading += _STATE_CALLS * s.call + _STATE_ENTRIES * size * s.entry
    looks = min(EIGENVALUE_TIMES, times) if n <= _EIGENVALUE_EMITTERS else 0
    largest = 8.0 ** min(n, _EIGENVALUE_EMITTERS)
    looks_seconds = looks * (400 * s.call + _EIGENVALUE_FLOPS * largest * s.flop)
    recorded = 16.0 * times * len(request.couplings) ** 2
    if "states" in request.words:
        recorded += times * 16 * size
    taken, _ = writing(request, recorded)
    setup = taken + _OVERHEAD * s.call + _TABLES * 2.0**n * n * n * s.entry
    return setup + calls * each + times * reading + looks_seconds


def _applications(request: Request) -> float:
    """How many applications of the generator, roughly."""
    reach = _radius(request.couplings) * float(np.ptp(request.times))
    if request.envelope is not None:
        return _PULSE_TERMS * reach + _PULSE_FEWEST
    # a leg holds no more than some output times at which ρ itself is kept
    legs = len(request.times) / _packed.KEPT_AT_ONCE if "states" in request.words else 1.0
    return _TERMS * reach + _FEWEST * max(legs, 1.0)


def _radius(couplings: Couplings) -> float:
    """Of the ellipse in which the spectrum of the generator lies, roughly; a rate."""
    n = len(couplings)
    extent = Extent(couplings, n)
    return 1.05 * ((extent.decay(n) + extent.others) / 2 + extent.spread) / 2


def _bytes(request: Request) -> int:
    """Memory at the peak."""
    n, n_times = len(request.couplings), len(request.times)
    padded = _packed.padded(n)
    size = 1 << padded
    vectors = _SERIES_VECTORS if request.envelope is None else _PULSE_VECTORS
    tables = size * (8 * (padded * padded // 4 + padded) + 8 * 8 + 40)
    scratch = _threads(request) * 3 * size * 64
    functionals = n * n * max(size // 4, 1) * 16
    operators = sum(_OPERATOR_BYTES * _entries(operator) for operator in request.operators.values())
    rows = _rows_bytes(request)
    found = vectors * 8 * size * size + tables + scratch + functionals + operators + rows
    states = (1 << n) ** 2
    kept = n_times if "states" in request.words else 0
    found += kept * (16 * states + _STATE_BYTES)
    if request.checkpointed:  # arrays to be written: two copies of states, one of correlations
        found += 32 * kept * states + 24 * n * n * n_times
        found += 24 * states if n <= _STATE_EMITTERS else 8 * states
    wanted = len(_wanted(request, 0))
    if wanted:
        found += (_LOOK_BYTES + 8 * min(wanted, _packed.KEPT_AT_ONCE)) * states
    return found


def _rows_bytes(request: Request) -> int:
    """Of the output times: rows, and before them the coefficients of those in one leg."""
    n, n_times = len(request.couplings), len(request.times)
    row = _PAIR_BYTES * (n * n + len(request.operators) + 2) + _ROW_BYTES
    reach = _radius(request.couplings) * float(np.ptp(request.times))
    inside = n_times * min(1.0, _LEG_REACH / reach if reach > 0 else 1.0)
    if "states" in request.words:
        inside = min(inside, _packed.KEPT_AT_ONCE)
    # Faber's coefficients as they fall, as they are scaled, and their size
    terms = 24 * (2.5 * min(reach, _LEG_REACH) + 40) if request.envelope is None else 0.0
    # half of a row's memory is taken when all are put together at the end
    early = int(0.5 * row * (n_times - inside) + terms * inside)
    return max(row * n_times, early) + 50 * row


def _entries(operator: "Qobj") -> int:
    """Stored entries of an operator."""
    data = operator.data
    return int(data.as_scipy().nnz) if hasattr(data, "as_scipy") else operator.shape[0] ** 2


def _threads(request: Request) -> int:
    """How many share the work."""
    if len(request.couplings) <= _SMALL:
        return 1
    return threads_for(request)


@dataclass(frozen=True)
class _Row:
    """What is kept of one output time."""

    correlations: NDArray[np.complex128]
    values: list[Any]
    trace_error: float
    state: "Qobj | None" = None
    smallest: float | None = None


@dataclass(frozen=True, eq=False)
class _Reached:
    """How far a run has come; replaced as a whole, so that an interruption leaves one or the other.

    Attributes:
        rows: one per output time.
        time: of the packed state.
        packed: R then.
    """

    rows: list[_Row]
    time: float
    packed: NDArray[np.float64]


def run(request: Request, earlier: "Result | None", checkpoint: Checkpoint | None) -> Run:
    """Evolve R through the times not reached earlier.

    Ctrl-C and failures come back in `Run.failure`, beside what was reached.
    """
    if earlier is not None and earlier.complete:
        return _whole(earlier)
    couplings, times, threads = request.couplings, request.times, _threads(request)
    failure: BaseException | None = None

    def start() -> tuple[Clock, _packed.Functionals, _Reached]:
        clock = Clock(checkpoint)
        functionals = _packed.Functionals(len(couplings), list(request.operators.values()))
        return clock, functionals, _begin(request, functionals, earlier)

    try:
        _prepare(request)
        clock, functionals, state = start()
    except KeyboardInterrupt as error:
        failure = error
        clock, functionals, state = start()  # there is always a row at the first time
    done = False
    applications = 0 if earlier is None else int(earlier.diagnostics["applications"])
    stepper: Series | Pulse | None = None

    def report() -> Run:
        diagnostics = {"applications": applications, "threads": threads, **clock.diagnostics()}
        resume = {} if done else {"time": np.array(state.time), "state": state.packed}
        return _report(request, state.rows, diagnostics, failure, resume)

    try:
        if failure is None:
            clock.first(report)
    except KeyboardInterrupt as error:
        failure = error
    try:
        with (
            ThreadPoolExecutor(threads - 1) if threads > 1 else nullcontext() as pool,
            Progress(len(times), "evolving (driven)", show=request.progress) as bar,
        ):
            bar.step(len(state.rows))
            if failure is None:
                stepper = _stepper(request, functionals, threads, pool)
            while failure is None and len(state.rows) < len(times):
                assert stepper is not None
                first = len(state.rows)
                leg = stepper.leg(state.time, state.packed, times[first:], _wanted(request, first))
                rows = _rows(request, functionals, leg, first)
                state = _Reached(state.rows + rows, leg.time, leg.state)
                applications += leg.applications
                clock.look()
                bar.step(len(rows))
                clock.keep(report)
    except (KeyboardInterrupt, Exception) as error:
        failure = error
    clock.diagnostics()  # a look at the memory before
    del stepper  # makes room for the state to be unpacked
    last = None
    try:
        if len(couplings) <= _STATE_EMITTERS and state.time == times[len(state.rows) - 1]:
            last = _packed.unpack(state.packed, len(couplings))
        done = len(state.rows) == len(times)
    except KeyboardInterrupt as error:
        failure = error
    finished = report()
    finished.observables["last_state"] = last
    clock.last(finished)
    return finished


def _whole(earlier: "Result") -> Run:
    """The run of a checkpoint that is complete."""
    found = nothing_left(earlier)
    names = ("states", "expect", "last_state")
    found.observables.update({name: getattr(earlier, name) for name in names})
    return found


def _prepare(request: Request) -> None:
    """Compile the kernels, or read them from disk, on the smallest of problems."""
    from collective._tools.compiled import announced

    with announced("the driven engine", _COMPILING, show=request.progress):
        from collective.engines.driven.generator import Generator

        atom = Couplings([[1.0]], [[0.0]])
        vectors = [np.zeros(_packed.shape(1)) for _ in range(3)]
        past = [(1.0, vectors[0])] if request.envelope else []
        here, before, sums = vectors
        Generator(atom, 1, None).advance(here, before, sums, (1.0, 0.0, 0.0), 0.0, 1.0, past)
    if len(request.couplings) <= _STATE_EMITTERS or "states" in request.words:
        import qutip  # noqa: F401  (its seconds and bytes are not the run's)


def _stepper(
    request: Request,
    functionals: _packed.Functionals,
    threads: int,
    pool: ThreadPoolExecutor | None,
) -> "Series | Pulse":
    from collective.engines.driven.generator import Generator
    from collective.engines.driven.steps import Pulse, Series

    generator = Generator(request.couplings, threads, pool)
    duration = float(np.ptp(request.times))
    tolerances = (request.rtol, request.atol, duration)
    if request.envelope is None or duration == 0:
        return Series(generator, functionals, *tolerances, request.user_time)
    # a pulse shorter than this would not be seen
    resolution = max(float(np.diff(request.times).min()), duration / _INTERVALS)
    strongest = float(np.abs(request.pulse).max())
    return Pulse(
        generator, request.envelope, functionals, *tolerances, resolution, strongest,
        request.user_time,
    )  # fmt: skip


def _begin(
    request: Request, functionals: _packed.Functionals, earlier: "Result | None"
) -> _Reached:
    """The initial state, or where an earlier result ended."""
    from collective.engines.driven.steps import Leg

    couplings, times = request.couplings, request.times
    if earlier is None:
        packed = _packed.pack(request.state, len(couplings), couplings.emitters)
        start = _Reached([], float(times[0]), packed)
        kept = {0: packed} if 0 in _wanted(request, 0) else {}
        leg = Leg(start.time, packed, functionals.take(packed)[None], kept, 0)
        return replace(start, rows=_rows(request, functionals, leg, 0))
    if earlier.correlations is None:
        raise ValueError("its correlations are missing")
    eigenvalues = iter(earlier.diagnostics.get("smallest_eigenvalues", []))
    looks = _looks(request)
    rows = [
        _Row(
            earlier.correlations[i],
            [earlier.expect[name][i] for name in request.operators],
            earlier.diagnostics["trace_error"],
            earlier.states[i] if earlier.states is not None else None,
            next(eigenvalues) if i in looks else None,
        )
        for i in range(len(earlier.times))
    ]
    now = resumed(earlier, "state", _packed.shape(len(couplings)))
    return _Reached(rows, float(resumed(earlier, "time", ())), now)


def _looks(request: Request) -> set[int]:
    """Output times at which the smallest eigenvalue of ρ is found."""
    if len(request.couplings) > _EIGENVALUE_EMITTERS:
        return set()
    return eigenvalue_steps(len(request.times))


def _wanted(request: Request, first: int) -> set[int]:
    """The next output times, counted from `first`, at which ρ itself is needed."""
    ahead = len(request.times) - first
    if "states" in request.words:
        return set(range(min(ahead, _packed.KEPT_AT_ONCE)))
    return {i - first for i in _looks(request) if i >= first}


def _rows(request: Request, functionals: _packed.Functionals, leg: "Leg", first: int) -> list[_Row]:
    """The rows of a leg whose first output time is times[first]."""
    traces, correlations, values = functionals.read(leg.taken)
    if not np.all(np.isfinite(traces)):
        raise FloatingPointError("the density matrix is not finite")
    n, looks, states = len(request.couplings), _looks(request), "states" in request.words
    rows = []
    for i, trace in enumerate(traces):
        packed, smallest = leg.kept.get(i), None
        if packed is not None and first + i in looks:
            smallest = float(np.linalg.eigvalsh(_packed.density(packed, n))[0])
        rows.append(
            _Row(
                correlations[i],
                [value[i] for value in values],
                abs(float(trace) - 1),
                None if packed is None or not states else _packed.unpack(packed, n),
                smallest,
            )
        )
    return rows


def _report(
    request: Request,
    rows: list[_Row],
    diagnostics: dict[str, Any],
    failure: BaseException | None,
    resume: dict[str, NDArray[Any]],
) -> Run:
    observables = {
        **pair_fields(request.couplings.decay, np.array([row.correlations for row in rows])),
        "states": [row.state for row in rows] if "states" in request.words else None,
        "expect": {
            name: np.array([row.values[o] for row in rows])
            for o, name in enumerate(request.operators)
        },
        "last_state": None,
    }
    diagnostics = {**diagnostics, "trace_error": max(row.trace_error for row in rows)}
    if _looks(request):
        found = [row.smallest for row in rows if row.smallest is not None]
        diagnostics["smallest_eigenvalues"] = found
    return Run(observables, diagnostics, failure, resume)
