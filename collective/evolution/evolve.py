"""Time evolution and steady states: checks, the choice of engine, and the `Result`."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from collective import states
from collective._tools.memory import bytes_text
from collective._tools.version import __version__
from collective._tools.warn import warn
from collective.couplings.couplings import Couplings
from collective.engines import choice as _choice
from collective.engines import request as _requests
from collective.engines import timescale
from collective.engines.base import Run
from collective.errors import EvolutionError
from collective.evolution import checkpoint as _checkpoint
from collective.master.equation import MasterEquation
from collective.results.result import Result

if TYPE_CHECKING:
    from qutip import Qobj

_TRACE_ERROR = 1e-6
_ENDLESS = 1e12  # seconds, 30,000 years


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
    seed: int | None = None,
    n_trajectories: int | None = None,
    standard_error: float | None = None,
    symmetries: Sequence[Sequence[int]] = (),
    threads: int | None = None,
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
        method: "auto" takes the one that suits and says why in `Result.reason`; `co.methods` shows
            what each would take. A run of more than a minute is announced; one of more than a
            day is begun only where its method is named. "exact" is QuTiP, the whole density
            matrix, or exact exponentials where few emitters are stiff; "blocks" goes excitation
            number by excitation number, without drive and pump; "driven" is the whole density
            matrix of any Couplings in a tenth of QuTiP's time; "trajectories" are quantum jumps,
            means with standard errors and every jump in `Result.jumps` (with a drive, pump or
            dephasing through QuTiP's `mcsolve`); "symmetric" is for identical couplings, up to
            10⁵ emitters on Dicke states; "single" for at most one excitation of thousands of
            emitters.
        observe: "correlations", "states", {"name": operator} or a sequence of these, beyond the
            emission, excitation and populations that are always returned.
        rtol: relative tolerance, at least 1e-14: of the integrator, in "blocks" and "driven" of
            the norm of ρ, in "single" of the amplitudes; not of sampled trajectories.
        atol: absolute tolerance of the integrators ("exact", pulses, QuTiP's `mcsolve`).
        envelope: f(t) multiplies the drive: ½Σ_m(f(t)Ω_m σ⁺_m + h.c.). It is looked at in
            every interval as long as the smallest distance of output times (or a 20,000th of the
            run): choose those to resolve the pulse.
        seed: of trajectories; the same seed gives the same numbers, with any number of threads.
            None draws one, kept in `Result.diagnostics["seed"]`.
        n_trajectories: how many, at most; None for 1,000, or up to 100,000 with a standard_error.
            Either of the two makes "auto" take trajectories. One alone has no standard error: NaN.
        standard_error: of the emission, relative to its largest value, at which trajectories may
            stop early.
        symmetries: permutations of the emitters that leave couplings and state unchanged, beyond
            the reversal of their order, which is tried anyway; `[[1, 2, 3, 0]]` for a ring. They
            make "auto" take "blocks".
        threads: at most this many in "blocks", "driven" and "trajectories"; None lets the size
            decide.
        checkpoint: a file in which a long run is kept every half minute and from which the same
            call continues later.
        progress: show a progress bar after two seconds.

    Returns:
        `Result`. Ctrl-C ends the run early: the result then has `complete=False` and the times
        reached.

    Raises:
        ValueError: for bad arguments, a checkpoint of another problem, or a problem whose
            fastest engine would take more than a day.
        ProblemTooLargeError: (a MemoryError and ValueError) before anything is allocated.
        EvolutionError: the integrator failed; `.result` holds what it reached. Also where Python
            turns warnings into errors and there is something to warn of after the run: no warning
            takes a result away, `.result` holds all of it.
        KeyboardInterrupt: for Ctrl-C while a run is prepared, when nothing is computed yet; a
            checkpoint stays as it was.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> result = co.evolve(pair, "inverted", np.linspace(0, 4, 81))
        >>> float(result.emission[0].round(6)), result.method
        (2.0, 'exact')
    """
    request = _requests.checked(
        couplings,
        state,
        times,
        observe=observe,
        rtol=rtol,
        atol=atol,
        envelope=envelope,
        seed=seed,
        n_trajectories=n_trajectories,
        standard_error=standard_error,
        symmetries=symmetries,
        threads=threads,
        progress=progress,
        checkpointed=checkpoint is not None,
    )
    found = None if checkpoint is None else _checkpoint.stored(checkpoint)
    scaled = timescale.scaled(request)
    choice = _choice.chosen(scaled, method, None if found is None else found.method)
    _refuse_without_end(choice, float(scaled.times[-1]))
    problem = request.problem
    keep, earlier = None, None
    marks: dict[str, Any] = {}
    if checkpoint is not None:
        marks = _checkpoint.marks(request, choice.method)
        earlier = _checkpoint.same(found, checkpoint, request, choice.method)

        def keep(run: Run) -> None:
            result(run).save(checkpoint)

    def result(run: Run) -> Result:
        reached = len(run.observables["populations"])
        diagnostics = {
            **run.diagnostics,
            "bytes_predicted": choice.cost.bytes,
            "rtol": request.rtol,
            "atol": request.atol,
            "versions": _versions(),
            **marks,
        }
        if earlier is not None:
            diagnostics["seconds"] += earlier.diagnostics.get("seconds", 0.0)
        return Result(
            times=request.times[:reached],
            couplings=problem if isinstance(problem, Couplings) else None,
            equation=None if isinstance(problem, Couplings) else problem,
            frame="rotating" if isinstance(problem, Couplings) else "lab",
            method=choice.method,
            reason=f"{choice.reason}; {bytes_text(choice.cost.bytes)} predicted",
            initial_state=request.state,
            complete=reached == len(request.times) and not run.resume,
            diagnostics=diagnostics,
            resume=run.resume,
            **timescale.outward(run.observables, scaled),
        )

    before = None if earlier is None else timescale.inward(earlier, scaled)
    _choice.announce(choice, show=request.progress)
    with _checkpoint.continuing(checkpoint, earlier):
        run = _choice.engine(choice.method).run(scaled, before, keep)
    finished = result(run)
    notes = list(run.notes)
    if finished.diagnostics.get("trace_error", 0.0) > _TRACE_ERROR:
        notes.append(
            f"the trace of ρ is off by {finished.diagnostics['trace_error']:.1e}: do not trust "
            "these numbers; shorten the times or lower rtol"
        )
    if "correlations" not in request.words:
        finished = finished.replace(correlations=None)
    failed = run.failure is not None and not isinstance(run.failure, KeyboardInterrupt)
    error = _warned(notes, finished)
    if failed:
        raise EvolutionError(
            f"method {choice.method!r} failed after t = {finished.times[-1]:g}: {run.failure}; the "
            "error's .result holds what was reached",
            finished,
        ) from run.failure
    if error is not None:
        raise error
    return finished


def _warned(notes: list[str], finished: Result) -> EvolutionError | None:
    """Warn of everything; the error to raise where warnings are errors, with the result in it."""
    found = None
    for note in notes:
        try:
            warn(note)
        except Warning as error:
            found = EvolutionError(f"{note}; the error's .result holds the whole result", finished)
            found.__cause__ = error
    return found


def _refuse_without_end(choice: _choice.Choice, phase: float) -> None:
    """Raise for a run that nobody lives to see the end of."""
    if not choice.cost.seconds <= _ENDLESS:
        raise ValueError(
            f"times: they span {phase:.2g} times the inverse of the largest rate, for which method "
            f"{choice.method!r} would take {choice.cost.seconds / 3.2e7:.0e} years; give shorter "
            "times, or see co.methods for what other engines take"
        )


@cache
def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"collective-emission": __version__}
    for name in ("qutip", "numpy", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a bundle without metadata
            found[name] = "unknown"
    return found
