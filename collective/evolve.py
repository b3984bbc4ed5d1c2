"""Time evolution and steady states: checks, the choice of engine, and the `Result`."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective import _checkpoint, _checks, _operators, states
from collective._memory import ProblemTooLargeError, bytes_text, require
from collective.couplings import Couplings
from collective.engines import exact
from collective.engines.recorder import Recorder
from collective.result import Result

if TYPE_CHECKING:
    from qutip import Qobj

METHODS = ("auto", "exact")
_OBSERVABLES = ("correlations", "states")


class EvolutionError(RuntimeError):
    """The integrator failed; `.result` holds everything it reached before."""

    def __init__(self, message: str, result: Result):
        super().__init__(message)
        self.result = result


def evolve(
    couplings: Couplings,
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
        couplings: from `couple`, or `Couplings` of your own matrices.
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
    _checks.instance("couplings", couplings, Couplings, "co.couple(...) or co.Couplings(...)")
    times_ = _times(times)
    chosen = _checks.choice("method", method, METHODS)
    rtol, atol = _checks.number("rtol", rtol, above=0), _checks.number("atol", atol, above=0)
    if max(rtol, atol) > 0.1:
        raise ValueError(f"rtol and atol must be at most 0.1, got {rtol:g} and {atol:g}")
    words, operators = _observe(observe, len(couplings))
    pulse = _envelope_values(envelope, couplings, times_)
    predicted = _require_memory(couplings, len(times_), "states" in words)
    rho = density_matrix(state, couplings)
    name = str(state) if isinstance(state, str | states.State) else "a QuTiP state"
    why = "asked for" if chosen == "exact" else "the engine for every coupling, drive and state"

    recorder = Recorder(couplings.decay, len(times_), operators, "states" in words)
    keep, problem, before = None, None, 0.0
    if checkpoint is not None:
        problem = _checkpoint.fingerprint(
            couplings, rho, times_, operators, pulse, words, (rtol, atol)
        )
        earlier = _checkpoint.earlier(checkpoint, problem)
        if earlier is not None:
            recorder.restore(earlier)
            before = earlier.diagnostics["seconds"]

        def keep(run: exact.Run) -> None:
            result(run).save(checkpoint)

    def result(run: exact.Run) -> Result:
        reached = len(run.observables["emission"])
        diagnostics = {
            **run.diagnostics,
            "seconds": run.diagnostics["seconds"] + before,
            "bytes_predicted": predicted,
            "rtol": rtol,
            "atol": atol,
            "versions": _versions(),
        }
        if problem is not None:
            diagnostics["problem"] = problem
        return Result(
            times=times_[:reached],
            couplings=couplings,
            method="exact",
            reason=f"{why}; {bytes_text(predicted)} predicted",
            initial_state=name,
            complete=reached == len(times_),
            diagnostics=diagnostics,
            **run.observables,
        )

    run = exact.run(
        couplings,
        rho,
        times_,
        recorder,
        rtol=rtol,
        atol=atol,
        envelope=envelope,
        progress=progress,
        checkpoint=keep,
    )
    finished = result(run)
    if "correlations" not in words:
        finished = finished.replace(correlations=None)
    if run.failure is not None and not isinstance(run.failure, KeyboardInterrupt):
        raise EvolutionError(
            f"the integrator failed after t = {finished.times[-1]:g}: {run.failure}; the error's "
            ".result holds what was reached",
            finished,
        ) from run.failure
    return finished


def steady_state(couplings: Couplings) -> "Qobj":
    """The density matrix with dρ/dt = 0, if there is exactly one.

    Args:
        couplings: usually with a drive or pump; without, the ground state is what decays to.

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
    _checks.instance("couplings", couplings, Couplings, "co.couple(...) or co.Couplings(...)")
    return exact.steady_state(couplings)


def density_matrix(state: "states.State | str | Qobj", couplings: Couplings) -> "Qobj":
    """ρ of a state of N emitters, checked: dims [[2]*N, [2]*N], trace 1, positive."""
    import qutip

    n = len(couplings)
    if not isinstance(state, qutip.Qobj):
        amplitudes = states.named(state).amplitudes(_operators.excited(n), couplings.emitters)
        return qutip.Qobj(np.outer(amplitudes, amplitudes.conj()), dims=[[2] * n, [2] * n])
    wanted = (2**n, 1) if state.isket else (2**n, 2**n)
    if not (state.isket or state.isoper) or state.shape != wanted:
        raise ValueError(
            f"state must be a ket or density matrix of {n} two-level systems, "
            f"shape ({2**n}, 1) or ({2**n}, {2**n}); got {state.type} {state.shape}"
        )
    matrix = state.full()
    if not np.all(np.isfinite(matrix)):
        raise ValueError("state must be finite")
    if state.shape[1] == 1:
        matrix = matrix @ matrix.conj().T
    trace = np.trace(matrix)
    if abs(trace - 1) > 1e-8:
        raise ValueError(f"state must be normalised: its trace is {trace.real:.9g}")
    if np.abs(matrix - matrix.conj().T).max() > 1e-10:
        raise ValueError("state must be a Hermitian density matrix")
    smallest = 0.0 if state.shape[1] == 1 else np.linalg.eigvalsh(matrix)[0]
    if smallest < -1e-8:
        raise ValueError(f"state must be positive: smallest eigenvalue {smallest:.3g}")
    return qutip.Qobj((matrix + matrix.conj().T) / 2, dims=[[2] * n, [2] * n])


@cache
def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("collective-emission", "qutip", "numpy", "scipy")}


def _times(times: ArrayLike) -> NDArray[np.float64]:
    array = _checks.finite("times", times)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"times must be a non-empty list of numbers, got shape {array.shape}")
    steps = np.diff(array)
    if np.any(steps <= 0):
        i = int(np.argmax(steps <= 0))
        raise ValueError(
            f"times must increase: times[{i}] = {array[i]:g}, times[{i + 1}] = {array[i + 1]:g}"
        )
    return _checks.readonly(array)


def _observe(observe: Any, n: int) -> tuple[set[str], "dict[str, Qobj]"]:
    import qutip

    words: set[str] = set()
    operators: dict[str, Any] = {}
    if isinstance(observe, str | Mapping):
        observe = (observe,)
    if not isinstance(observe, list | tuple | set):
        raise ValueError(
            "observe must be words, {'name': operator} or a list of these, got "
            f"{type(observe).__name__}"
        )
    for item in observe:
        if isinstance(item, Mapping):
            operators.update(item)
        else:
            words.add(_checks.choice("observe", item, _OBSERVABLES))
    for name, operator in operators.items():
        if not isinstance(name, str) or not name.isprintable():
            raise ValueError(f"observe: names must be printable strings, got {name!r}")
        fits = isinstance(operator, qutip.Qobj) and operator.isoper
        if not fits or operator.shape != (2**n, 2**n):
            shape = getattr(operator, "shape", type(operator).__name__)
            raise ValueError(
                f"observe[{name!r}] must be a QuTiP operator of {n} two-level systems, shape "
                f"({2**n}, {2**n}); got {shape}"
            )
        if not np.all(np.isfinite(operator.full())):
            raise ValueError(f"observe[{name!r}] must be finite")
        operators[name] = qutip.Qobj(operator, dims=[[2] * n, [2] * n])
    return words, operators


def _envelope_values(
    envelope: Callable[[float], complex] | None,
    couplings: Couplings,
    times: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """The envelope at the output times and between them, to know it again; empty without one."""
    if envelope is None:
        return np.empty(0, dtype=complex)
    _checks.function("envelope", envelope)
    if not np.any(couplings.drive):
        raise ValueError(
            "envelope multiplies the drive, but there is none: use couplings.replace(drive=...)"
        )
    # irrational fractions of the intervals, so that no period hides between the points
    between = [times[:-1] + np.diff(times) * fraction for fraction in (0.2361, 0.5858, 0.8541)]
    asked = np.concatenate([times, *between])
    values = np.empty(len(asked), dtype=complex)
    for i, t in enumerate(asked):
        value = envelope(float(t))
        if not np.isscalar(value) or isinstance(value, str):
            raise ValueError(f"envelope must return a number: at t = {t:g} it is {value!r}")
        values[i] = value
        if not np.isfinite(values[i]):
            raise ValueError(f"envelope must be finite: at t = {t:g} it is {value}")
    return values


def _require_memory(couplings: Couplings, n_times: int, keep_states: bool) -> int:
    n = len(couplings)
    predicted = exact.predicted_bytes(n, n_times, n_times if keep_states else 0)
    what = f"the density matrix of {n} emitters at {n_times} times"
    if keep_states:
        require(predicted, f"{what}, states kept,", "observe fewer times or no states")
    require(predicted, what, "exact evolution ends at ten to twelve emitters")
    return predicted


__all__ = ["METHODS", "EvolutionError", "ProblemTooLargeError", "evolve", "steady_state"]
