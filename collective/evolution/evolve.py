"""Time evolution: checks, the choice of the engine, and the `Result`."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from collective import states
from collective._tools.memory import bytes_text
from collective._tools.version import versions
from collective._tools.warn import warn
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.engines import loop, timescale
from collective.engines.base import Engine
from collective.engines.choice import Choice, announce, chosen
from collective.engines.request import Request, checked
from collective.errors import EvolutionError
from collective.evolution import checkpoint as checkpoints
from collective.evolution import habits
from collective.master.equation import MasterEquation
from collective.pulse import Controls, Pulse, Table
from collective.pulse.controls import Function
from collective.results.result import Result

if TYPE_CHECKING:
    from qutip import Qobj

_TRACE_ERROR = 1e-6  # or three times rtol if that is larger
_LARGE_ERROR = 0.2  # estimated error of the emission, relative to its largest value
_ENDLESS = 1e12  # seconds, 30,000 years


@habits.explained(habits.OF_EVOLVE, ("couplings", "state", "times"), habits.OF_VERSION_0_1)
def evolve(
    couplings: Couplings | CavityCouplings | ChannelCouplings | MasterEquation,
    state: "states.State | str | Qobj",
    times: ArrayLike,
    *,
    method: str | Engine = "auto",
    observe: "str | Mapping[str, Qobj] | Sequence[str | Mapping[str, Qobj]]" = (),
    rtol: float = 1e-8,
    atol: float = 1e-10,
    envelope: Callable[[float], complex] | None = None,
    drive: "Pulse | Sequence[Pulse]" = (),
    detunings: Table | Function | None = None,
    strength: Table | Function | None = None,
    seed: int | None = None,
    threads: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Result:
    """Evolve a state under the collective master equation, dρ/dt as given at `Couplings`.

    Args:
        couplings: the result of `couple`, `Couplings` of your own matrices, or a `MasterEquation`.
            Some engines also take `ChannelCouplings` (atoms with manifolds) and `CavityCouplings`
            (emitters with a cavity mode); the others refuse them.
            A `MasterEquation` of Liouville dimension up to 1,024 (five two-level emitters) is
            evolved by exact exponentials, and large frequencies cost nothing. A larger one of
            Lindblad form is evolved in a rotating frame if its operators allow one, as those of
            `approximation="rwa"` do. Frequencies that remain in this frame cost time.
        state: "inverted", "ground", a state of `co.states`, or a QuTiP ket or density matrix of
            N two-level systems (`qutip.basis(2, 0)` is excited, emitter 0 leftmost). A cavity mode
            is empty, unless a QuTiP state says otherwise.
        times: (T,), increasing, in inverse units of rate; the state is given at times[0].
        method: an engine, such as `co.engines.Trajectories(n=500)`, or its name, which stands
            for the engine with its default options, such as "exact"; `co.methods` lists all names,
            what each of them needs and how far to trust it. "auto" takes the fastest exact engine
            that fits, else a sampled one, never an approximate one, and says why in
            `Result.reason`. An engine of your own is an object with the members of
            `co.engines.Engine`. A run of more than a minute is announced; one of more than a day
            starts only if its method is named.
        observe: "correlations", "states", {"name": operator} or a sequence of these, beyond the
            emission, excitation and populations that are always returned.
        rtol: relative tolerance, at least 1e-14. It applies to the steps of the integrator, to the
            norm of ρ in "blocks" and "driven", and to the amplitudes in "single" and in driven
            trajectories. It has no effect on the statistical errors of trajectories.
        atol: absolute tolerance of the integrators ("exact", pulses).
        envelope: f(t) multiplies the drive of the couplings: ½Σ_m(f(t)Ω_m σ⁺_m + h.c.). It is
            sampled for kinks and short features; one that is shorter than a few thousandths of the
            run and than the smallest distance of output times may be missed. Pulses of `drive`
            never are.
        drive: a pulse or a list of pulses (`co.pulse`), whose light is added to the drive of the
            couplings. No output times are needed to resolve them.
        detunings: δ(t), added to the detunings of the couplings: a function of time, or a
            `co.pulse.table`, that gives a number or one number per emitter, (N,).
        strength: g(t), real, a number or (N,): Γ_mn becomes g_m(t)g_n(t)Γ_mn, and Δ_mn the same,
            diagonals included; pump and dephasing stay. 0 switches emitters off, for example.
        seed: the seed of random numbers; the same seed gives the same numbers, with any number of
            threads. For None a seed is drawn, which is kept in `Result.diagnostics["seed"]`.
            Engines without random numbers ignore it.
        threads: the largest number of threads; for None the size of the problem decides.
        checkpoint: a file in which a long run is kept every half minute and from which the same
            call continues later, with the engine that started it.
        progress: show progress after two seconds, as the environment variable
            ``COLLECTIVE_PROGRESS`` says: ``bar``, ``lines`` or ``off``. Without it, a bar in a
            terminal or a notebook, else at most one line in 30 seconds.

    Returns:
        `Result`. Ctrl-C ends the run early. The result then has `complete=False` and the times
        reached.

    Raises:
        ValueError: for bad arguments, a checkpoint of another problem, or a problem whose
            fastest engine would take more than a day.
        TypeError: for an engine of your own that breaks the contract `co.engines.Engine`, and for
            arguments of QuTiP's solvers, such as `tlist` or `e_ops`: it says what to give instead.
        ProblemTooLargeError: (a MemoryError and ValueError) before anything is allocated.
        EvolutionError: if the engine failed; `.result` holds what it reached. It is also raised if
            Python turns warnings into errors and the run ends with a warning; then `.result`
            holds the whole result.
        KeyboardInterrupt: for Ctrl-C while a run is prepared, when nothing is computed yet; a
            checkpoint stays as it was.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> result = co.evolve(pair, "inverted", np.linspace(0, 4, 81))
        >>> float(result.emission[0].round(6)), result.method
        (2.0, 'exact')
    """
    request = checked(
        couplings,
        state,
        times,
        observe=observe,
        rtol=rtol,
        atol=atol,
        envelope=envelope,
        drive=drive,
        detunings=detunings,
        strength=strength,
        seed=seed,
        threads=threads,
        progress=progress,
        checkpointed=checkpoint is not None,
    )
    controls = request.recorded  # an error of the user's functions shall come now
    found = None if checkpoint is None else checkpoints.stored(checkpoint)
    scaled = timescale.scaled(request)
    choice = chosen(scaled, method, None if found is None else found.method)
    _refuse_endless(choice, float(scaled.times[-1]))
    keep, earlier = None, None
    marks: dict[str, Any] = {}
    if checkpoint is not None:
        marks = checkpoints.marks(request, choice.engine)
        earlier = checkpoints.same(found, checkpoint, request, choice.engine)

        def keep(outcome: loop.Outcome) -> None:
            result(outcome).save(checkpoint)

    def result(outcome: loop.Outcome) -> Result:
        return _result(request, scaled, choice, outcome, earlier, marks, controls)

    announce(choice, show=request.progress)
    if earlier is None:
        outcome = loop.run(choice.engine, scaled, None, keep)
    else:
        with checkpoints.continuing(checkpoint):
            outcome = loop.run(choice.engine, scaled, timescale.inward(earlier, scaled), keep)
    if "correlations" not in request.words:  # some engines need them to continue a checkpoint
        outcome.fields.pop("correlations", None)
    return _finished(result(outcome), outcome)


def _result(
    request: Request,
    scaled: Request,
    choice: Choice,
    outcome: loop.Outcome,
    earlier: Result | None,
    marks: dict[str, Any],
    controls: Controls | None,
) -> Result:
    """The `Result` of an outcome, in the units of the user."""
    problem, reached = request.problem, len(outcome.fields["populations"])
    diagnostics = {
        **outcome.diagnostics,
        "bytes_predicted": choice.cost.bytes,
        "rtol": request.rtol,
        "atol": request.atol,
        "cite": list(choice.engine.cite),
        "versions": versions(),
        **marks,
    }
    if earlier is not None:
        diagnostics["seconds"] += earlier.diagnostics.get("seconds", 0.0)
    coupled = None if isinstance(problem, MasterEquation) else problem
    reasons = [choice.reason, f"{bytes_text(choice.cost.bytes)} predicted"]
    return Result(
        times=request.times[:reached],
        couplings=coupled,
        equation=problem if isinstance(problem, MasterEquation) else None,
        frame="rotating" if coupled is not None else "lab",
        method=choice.method,
        reason="; ".join([*reasons, *filter(None, [outcome.diagnostics.get("ended")])]),
        controls=controls,
        initial_state=request.state,
        accuracy=choice.engine.accuracy,
        complete=reached == len(request.times)
        and not outcome.resume
        and "ended" not in outcome.diagnostics,
        diagnostics=diagnostics,
        resume=outcome.resume,
        **timescale.outward(outcome.fields, scaled),
    )


def _finished(found: Result, outcome: loop.Outcome) -> Result:
    """Return a result after its warnings, or raise the failure of the run."""
    notes = list(outcome.notes)
    allowed = _TRACE_ERROR * max(1.0, 3 * found.diagnostics.get("rtol", 0.0) / 1e-6)
    if found.diagnostics.get("trace_error", 0.0) > allowed:
        notes.append(
            f"the trace of ρ is off by {found.diagnostics['trace_error']:.1e}: do not trust "
            "these numbers; shorten the times or lower rtol"
        )
    for name in ("emission", "excitation", "populations"):
        values = getattr(found, name)
        if found.couplings is not None and not np.all(np.isfinite(values)):
            notes.append(f"the {name} of method {found.method!r} has entries that are not finite")
    notes += _uncertain(found)
    failure = outcome.failure
    error = _warned(notes, found)
    if failure is not None and not isinstance(failure, KeyboardInterrupt):
        raise EvolutionError(
            f"method {found.method!r} failed after t = {found.times[-1]:g}: {failure}; the "
            "error's .result holds what was reached",
            found,
        ) from failure
    if error is not None:
        raise error
    return found


def _uncertain(found: Result) -> list[str]:
    """A warning if the estimated error of an approximate result is large."""
    if found.error_estimate is None:
        return []
    worst = int(np.argmax(found.error_estimate))
    error, largest = float(found.error_estimate[worst]), float(np.abs(found.emission).max())
    if not error > _LARGE_ERROR * largest:
        return []
    share = f"{error / largest:.0%} of the largest emission" if largest > 0 else f"{error:.2g}"
    return [
        f"the error of method {found.method!r} is estimated to be up to {share}, at "
        f"t = {found.times[worst]:.4g}; see Result.error_estimate, and co.methods for what other "
        "engines promise"
    ]


def _warned(notes: list[str], finished: Result) -> EvolutionError | None:
    """Give all warnings; return the error to raise if warnings are errors, else None."""
    found = None
    for note in notes:
        try:
            warn(note)
        except Warning as error:
            found = EvolutionError(f"{note}; the error's .result holds the whole result", finished)
            found.__cause__ = error
    return found


def _refuse_endless(choice: Choice, phase: float) -> None:
    """Raise for a run of more than 30,000 years."""
    if not choice.cost.seconds <= _ENDLESS:
        raise ValueError(
            f"times: they span {phase:.2g} times the inverse of the largest rate, for which method "
            f"{choice.method!r} would take {choice.cost.seconds / 3.2e7:.0e} years; give shorter "
            "times, or see co.methods for what other engines take"
        )
