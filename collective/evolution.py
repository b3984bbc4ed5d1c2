"""Time evolution and steady states: checks, the choice of engine, and the `Result`."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from collective import _checkpoint, _choice, _requests, states
from collective._choice import METHODS
from collective._memory import ProblemTooLargeError, bytes_text
from collective.couplings import Couplings
from collective.engines.runs import Run
from collective.master import MasterEquation
from collective.result import Result

if TYPE_CHECKING:
    from qutip import Qobj

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
            Either of the two makes "auto" take trajectories.
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
        EvolutionError: the integrator failed; `.result` holds what it reached.

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
    choice = _choice.chosen(request, method, None if found is None else found.method)
    problem = request.problem
    keep, fingerprint, earlier = None, None, None
    if checkpoint is not None:
        fingerprint = _checkpoint.fingerprint(request, choice.method)
        earlier = _checkpoint.same(found, checkpoint, fingerprint, choice.method)

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
        }
        if earlier is not None:
            diagnostics["seconds"] += earlier.diagnostics["seconds"]
        if fingerprint is not None:
            diagnostics["problem"] = fingerprint
        return Result(
            times=request.times[:reached],
            couplings=problem if isinstance(problem, Couplings) else None,
            equation=None if isinstance(problem, Couplings) else problem,
            frame="rotating" if isinstance(problem, Couplings) else "lab",
            method=choice.method,
            reason=f"{choice.reason}; {bytes_text(choice.cost.bytes)} predicted",
            initial_state=request.state_name,
            complete=reached == len(request.times) and not run.resume,
            diagnostics=diagnostics,
            resume=run.resume,
            **run.observables,
        )

    _choice.announce(choice, show=request.progress)
    run = _choice.engine(choice.method).run(request, earlier, keep)
    finished = result(run)
    if finished.diagnostics.get("trace_error", 0.0) > _TRACE_ERROR:
        warnings.warn(
            f"the trace of ρ is off by {finished.diagnostics['trace_error']:.1e}: do not trust "
            "these numbers; shorten the times or lower rtol",
            stacklevel=2,
        )
    if "correlations" not in request.words:
        finished = finished.replace(correlations=None)
    if run.failure is not None and not isinstance(run.failure, KeyboardInterrupt):
        raise EvolutionError(
            f"method {choice.method!r} failed after t = {finished.times[-1]:g}: {run.failure}; the "
            "error's .result holds what was reached",
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
    from collective.engines import exact

    dims = _requests.checked_problem(couplings)
    what = f"{len(dims)} emitters" if isinstance(couplings, Couplings) else f"dims {dims}"
    return exact.steady_state(couplings, dims, what)


@cache
def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("collective-emission", "qutip", "numpy", "scipy")}


__all__ = ["METHODS", "EvolutionError", "ProblemTooLargeError", "evolve", "steady_state"]
