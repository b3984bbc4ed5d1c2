"""Time evolution and steady states: checks, the choice of engine, and the `Result`."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from collective import _checkpoint, _checks, _requests, states
from collective._memory import ProblemTooLargeError, bytes_text, require
from collective.couplings import Couplings
from collective.engines import exact, exponential
from collective.engines.exponential import Exponential
from collective.engines.measures import LevelMeasure, PairMeasure
from collective.engines.recorder import Recorder
from collective.master import MasterEquation
from collective.result import Result

if TYPE_CHECKING:
    from qutip import Qobj

METHODS = ("auto", "exact")
_LARGEST_PHASE = 3e5  # some hundred thousand steps of the integrator
_TRACE_ERROR = 1e-6


class EvolutionError(RuntimeError):
    """The integrator failed; `.result` holds everything it reached before."""

    def __init__(self, message: str, result: Result):
        super().__init__(message)
        self.result = result


def evolve(
    couplings: Couplings | MasterEquation,
    state: "states.State | str | Qobj",
    times: ArrayLike,
    *,
    method: str = "auto",
    observe: "str | Mapping[str, Qobj] | Sequence[str | Mapping[str, Qobj]]" = (),
    rtol: float = 1e-8,
    atol: float = 1e-10,
    envelope: Callable[[float], complex] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Result:
    """Evolve a state under the collective master equation, dρ/dt as given at `Couplings`.

    Args:
        couplings: from `couple`, `Couplings` of your own matrices, or a `MasterEquation`, which
            is propagated by exact exponentials up to Liouville dimension 1,024 (five two-level
            emitters), where large frequencies cost nothing; above, QuTiP has to follow them.
        state: "inverted", "ground", a state of `co.states`, or a QuTiP ket or density matrix of
            N two-level systems (`qutip.basis(2, 0)` is excited, emitter 0 leftmost).
        times: (T,), increasing, in inverse units of rate; the state is given at times[0].
        method: "exact" (QuTiP, the whole density matrix) or "auto", which says its choice in
            `Result.reason`.
        observe: "correlations", "states", {"name": operator} or a sequence of these, beyond the
            emission, excitation and populations that are always returned.
        rtol: relative tolerance of the integrator.
        atol: absolute tolerance of the integrator.
        envelope: f(t) multiplies the drive: ½Σ_m(f(t)Ω_m σ⁺_m + h.c.). No internal step is
            longer than the smallest distance of output times (or a 20,000th of the run): choose
            those to resolve the pulse.
        checkpoint: a file in which a long run is kept every half minute and from which the same
            call continues later.
        progress: show a progress bar after two seconds.

    Returns:
        `Result`. Ctrl-C ends the run early: the result then has `complete=False` and the times
        reached.

    Raises:
        ValueError: for bad arguments, or a checkpoint of another problem.
        ProblemTooLargeError: (a MemoryError and ValueError) before anything is allocated.
        EvolutionError: the integrator failed; `.result` holds what it reached.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> result = co.evolve(pair, "inverted", np.linspace(0, 4, 81))
        >>> float(result.emission[0].round(6)), result.method
        (2.0, 'exact')
    """
    problem, dims = couplings, _requests.checked_problem(couplings)
    times_ = _requests.checked_times(times)
    chosen = _checks.choice("method", method, METHODS)
    rtol, atol = _checks.number("rtol", rtol, above=0), _checks.number("atol", atol, above=0)
    if max(rtol, atol) > 0.1:
        raise ValueError(f"rtol and atol must be at most 0.1, got {rtol:g} and {atol:g}")
    words, operators = _requests.observables(observe, dims)
    if "correlations" in words and not isinstance(problem, Couplings):
        raise ValueError("observe: correlations are of two-level Couplings; observe states instead")
    pulse = _requests.envelope_values(envelope, problem, times_)
    engine = _engine(problem, dims, times_, "states" in words)
    rho = _requests.density_matrix(state, problem)
    name = str(state) if isinstance(state, str | states.State) else "a QuTiP state"
    why = "asked for" if chosen == "exact" else engine.reason

    recorder = Recorder(_measure(problem), len(times_), operators, "states" in words)
    keep, fingerprint, before = None, None, 0.0
    if checkpoint is not None:
        fingerprint = _checkpoint.fingerprint(
            problem, rho, times_, operators, pulse, words, (rtol, atol)
        )
        earlier = _checkpoint.earlier(checkpoint, fingerprint)
        if earlier is not None:
            recorder.restore(earlier)
            before = earlier.diagnostics["seconds"]

        def keep(run: exact.Run) -> None:
            result(run).save(checkpoint)

    def result(run: exact.Run) -> Result:
        reached = len(run.observables["populations"])
        diagnostics = {
            **run.diagnostics,
            "seconds": run.diagnostics["seconds"] + before,
            "bytes_predicted": engine.bytes,
            "rtol": rtol,
            "atol": atol,
            "versions": _versions(),
        }
        if fingerprint is not None:
            diagnostics["problem"] = fingerprint
        return Result(
            times=times_[:reached],
            couplings=problem if isinstance(problem, Couplings) else None,
            equation=None if isinstance(problem, Couplings) else problem,
            frame="rotating" if isinstance(problem, Couplings) else "lab",
            method="exact",
            reason=f"{why}; {bytes_text(engine.bytes)} predicted",
            initial_state=name,
            complete=reached == len(times_),
            diagnostics=diagnostics,
            **run.observables,
        )

    if engine.exponential:
        solver: exact.Stepper = Exponential(problem.liouvillian())
    else:
        solver = exact.solver(problem, times_, rtol, atol, envelope)
    run = exact.run(solver, rho, times_, recorder, progress=progress, checkpoint=keep)
    finished = result(run)
    if finished.diagnostics["trace_error"] > _TRACE_ERROR:
        warnings.warn(
            f"the trace of ρ is off by {finished.diagnostics['trace_error']:.1e}: do not trust "
            "these numbers; shorten the times or lower rtol",
            stacklevel=2,
        )
    if "correlations" not in words:
        finished = finished.replace(correlations=None)
    if run.failure is not None and not isinstance(run.failure, KeyboardInterrupt):
        raise EvolutionError(
            f"the integrator failed after t = {finished.times[-1]:g}: {run.failure}; the error's "
            ".result holds what was reached",
            finished,
        ) from run.failure
    return finished


def steady_state(couplings: Couplings | MasterEquation) -> "Qobj":
    """The density matrix with dρ/dt = 0, if there is exactly one.

    Args:
        couplings: usually with a drive or pump; without, the ground state is what decays to. Or a
            `MasterEquation`.

    Returns:
        QuTiP density matrix, dims [[2]*N, [2]*N]. `evolve(couplings, it, [0.0])` gives its
        emission and correlations.

    Raises:
        ValueError: if the steady state is not unique, with the dimension of the kernel.
        ProblemTooLargeError: from about seven emitters.

    Example:
        One emitter driven at Ω is excited with probability Ω²/(Γ² + 2Ω²):

        >>> import collective as co, qutip
        >>> atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
        >>> float(co.steady_state(atom).diag()[0].round(10))
        0.3333333333
    """
    dims = _requests.checked_problem(couplings)
    what = f"{len(dims)} emitters" if isinstance(couplings, Couplings) else f"dims {dims}"
    return exact.steady_state(couplings, dims, what)


@dataclass(frozen=True)
class _Engine:
    """How a problem will be evolved, why, and with how much memory."""

    exponential: bool
    reason: str
    bytes: int


def _engine(
    problem: Couplings | MasterEquation, dims: list[int], times: Any, keep_states: bool
) -> _Engine:
    """The one way there is for now, refused where it does not fit or would never end."""
    n_times = len(times)
    size, kept = prod(dims), n_times if keep_states else 0
    by_exponentials = not isinstance(problem, Couplings) and size**2 <= exponential.LARGEST
    if isinstance(problem, Couplings):
        n = len(problem)
        predicted = exact.predicted_bytes(n, n_times, kept)
        what = f"the density matrix of {n} emitters at {n_times} times"
        reason = "QuTiP's solver, the engine for every coupling, drive and state"
        way_out = "exact evolution ends at ten to twelve emitters"
    elif by_exponentials:
        norm = 2 * problem.hamiltonian().norm("one")
        predicted = exponential.predicted_bytes(size, times, norm) + 16 * size**2 * kept
        what = f"the exponential of a generator of Liouville dimension {size**2}"
        reason = f"exact exponentials, Liouville dimension {size**2} ≤ {exponential.LARGEST}"
        way_out = "use fewer levels"
    else:
        n = max(1, size.bit_length() - 1)
        predicted = exact.predicted_bytes(n + 1, n_times, kept)
        what = f"the density matrix of dimension {size} at {n_times} times"
        reason = f"QuTiP's solver, Liouville dimension {size**2} > {exponential.LARGEST}"
        way_out = "use fewer levels"
        turns = float(np.ptp(problem.hamiltonian().diag().real) * (times[-1] - times[0]))
        if turns > _LARGEST_PHASE:
            raise ValueError(
                f"times: the laboratory frame turns by {turns:.1e} rad, which the integrator would "
                f"have to follow (Liouville dimension {size**2} is too large for exponentials); "
                "evolve the Couplings of the RWA, or fewer emitters"
            )
    if keep_states:
        require(predicted, f"{what}, states kept,", "observe fewer times or no states")
    require(predicted, what, way_out)
    return _Engine(by_exponentials, reason, predicted)


def _measure(problem: Couplings | MasterEquation) -> PairMeasure | LevelMeasure:
    if isinstance(problem, Couplings):
        return PairMeasure(problem.decay)
    return LevelMeasure(problem.levels, problem.emission_operator)


@cache
def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("collective-emission", "qutip", "numpy", "scipy")}


__all__ = ["METHODS", "EvolutionError", "ProblemTooLargeError", "evolve", "steady_state"]
