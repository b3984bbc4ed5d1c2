"""The checked arguments of `evolve`: state, times, observables, and what changes in time.

The file is longer than others: a request is all that an engine knows, and its arguments are checked
in one place.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools import operators as _operators
from collective._tools.progress import SWITCH, style
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.lattice import LatticeMatrix
from collective.couplings.with_mode import CavityCouplings
from collective.master.equation import MasterEquation
from collective.pulse.controls import Controls, Function, fit, recorded, values_at
from collective.pulse.motion import Motion
from collective.pulse.pulse import Pulse
from collective.pulse.tables import Table
from collective.pulse.timeline import ENVELOPE_STEPS, Marks, Timeline, timeline
from collective.states import ground, inverted
from collective.states.answers import name_of
from collective.states.checking import checked_state
from collective.states.protocol import State

if TYPE_CHECKING:
    from qutip import Qobj

OBSERVABLES = ("correlations", "states")
_WORDS = {"inverted": inverted, "ground": ground}  # which exist for every problem
Problem = Couplings | CavityCouplings | ChannelCouplings | MasterEquation

_SMALLEST_RTOL = 1e-14  # double precision
_OF_TIME, _OF_SPAN = 1e-10, 1e-11  # shortest pulse, by its distance from 0 and by the whole run


@dataclass(frozen=True, eq=False)
class Request:
    """One time evolution with checked arguments: all that an engine knows of it.

    Attributes:
        problem: `Couplings`, `CavityCouplings`, `ChannelCouplings` or `MasterEquation`.
        state: a `State`, or a QuTiP ket or density matrix of the problem's dims.
        times: (T,), increasing.
        words: "correlations", "states".
        operators: QuTiP operators by name.
        rtol: relative tolerance.
        atol: absolute tolerance.
        envelope: of the drive, or None.
        pulse: values of the envelope at and between the times, by which a checkpoint recognises it.
        controls: pulses, detunings and strength that change in time, as the user gives them, or
            None. A scaled request (see `timescale`) has an envelope in their place, or `motion`.
        motion: what changes in time for engines that take more than an envelope, or None; the
            envelope is then 1, and the drive of the problem only says how strong it becomes.
        marks: what is known of kinks and features of what changes in time; None if nothing is.
        unknown: functions of time that know nothing of their kinks and are sampled for them.
        share: the mean strength of the light over its largest strength, by which the cost of a run
            with short pulses is predicted.
        quicker: the mean over time of the largest factor of Γ and Δ, by which costs are predicted.
        turn: the phase by which the frame of the engine turns beside that of the user, as a
            function of the user's time, or None.
        seed: of random numbers, or None.
        threads: the largest number of threads, or None for the engine's choice.
        progress: whether to show progress.
        checkpointed: whether the run writes checkpoints.
        unit: the unit of rate of problem and times, in the user's units.
        origin: the time 0 as the user counts it.
        memo: what an engine has computed from the request, so that `start` need not repeat what
            `cost` has done.
    """

    problem: Problem
    state: "State | Qobj"
    times: NDArray[np.float64]
    words: frozenset[str] = frozenset()
    operators: "dict[str, Qobj]" = field(default_factory=dict)
    rtol: float = 1e-8
    atol: float = 1e-10
    envelope: Callable[[float], complex] | None = None
    pulse: NDArray[np.complex128] = field(default_factory=lambda: np.empty(0, dtype=complex))
    controls: Controls | None = None
    motion: Motion | None = None
    marks: Marks | None = None
    unknown: tuple[Callable[[float], Any], ...] = ()
    share: float = 1.0
    quicker: float = 1.0
    turn: Callable[[float], float] | None = None
    seed: int | None = None
    threads: int | None = None
    progress: bool = True
    checkpointed: bool = False
    unit: float = 1.0
    origin: float = 0.0
    memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    __getstate__ = checks.arguments
    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.lock([self.times, self.pulse])

    def user_time(self, t: Any) -> Any:
        """A time, or an array of times, as the user counts them."""
        return self.origin + t / self.unit

    @property
    def timeline(self) -> Timeline | None:
        """The run in pieces at whose ends integrators stop; None if nothing changes in time."""
        if self.envelope is None or len(self.times) == 1:
            return None
        found: Timeline | None = self.memo.get("timeline")
        if found is None:
            first, last = float(self.times[0]), float(self.times[-1])
            marks, functions, longest = self.marks, self.unknown, np.inf
            if marks is None:
                marks, functions = Marks(), (self.envelope,)
            if functions:
                longest = max(float(np.diff(self.times).min()), (last - first) / ENVELOPE_STEPS)
            found = timeline(first, last, marks, functions, longest)
            self.memo["timeline"] = found
        return found

    @property
    def fewest_steps(self) -> float:
        """The steps that an integrator takes at least for what changes in time, roughly.

        Functions are not sampled for it.
        """
        if self.envelope is None or len(self.times) == 1:
            return 0.0
        first, last = float(self.times[0]), float(self.times[-1])
        known = timeline(first, last, self.marks or Marks()).steps
        if self.marks is not None and not self.unknown:
            return known
        shortest = float(np.diff(self.times).min())
        return known + min((last - first) / shortest, ENVELOPE_STEPS)

    @property
    def recorded(self) -> Controls | None:
        """The controls with the values of functions in their place, as a result keeps them."""
        if self.controls is None:
            return None
        found: Controls | None = self.memo.get("recorded")
        if found is None:
            found = self.memo["recorded"] = recorded(self.controls, self.times)
        return found

    @property
    def couplings(self) -> Couplings:
        """The problem as `Couplings`, for engines that refuse every master equation."""
        assert isinstance(self.problem, Couplings)
        return self.problem

    @property
    def cavity(self) -> CavityCouplings:
        """The problem as `CavityCouplings`, for engines that know it to be of this kind."""
        assert isinstance(self.problem, CavityCouplings)
        return self.problem

    @property
    def usual(self) -> Couplings:
        """The couplings with the mean strength of light, Γ and Δ in time, to predict costs."""
        if self.share == self.quicker == 1.0:
            return self.couplings
        found, kept = object.__new__(Couplings), vars(self.couplings)
        changed = {"drive": self.share * self.couplings.drive}
        if self.quicker != 1.0:
            changed |= {name: _multiple(kept[name], self.quicker) for name in ("decay", "shift")}
        checks.freeze(found, **kept | changed)
        return found

    @property
    def simple(self) -> Couplings | MasterEquation:
        """The problem, for engines that refuse `ChannelCouplings`."""
        assert not isinstance(self.problem, ChannelCouplings | CavityCouplings)
        return self.problem

    @property
    def rwa(self) -> Couplings | ChannelCouplings:
        """The problem, for engines that refuse every master equation."""
        assert not isinstance(self.problem, MasterEquation | CavityCouplings)
        return self.problem

    @property
    def channels(self) -> ChannelCouplings:
        """The problem as `ChannelCouplings`, for engines that know it to be of this kind."""
        assert isinstance(self.problem, ChannelCouplings)
        return self.problem

    @property
    def state_name(self) -> str:
        """The name of the initial state in the result."""
        return name_of(self.state)


def _multiple(matrix: Any, factor: float) -> Any:
    """A matrix times a number, stored in the same way."""
    if isinstance(matrix, LatticeMatrix):
        return matrix.scaled(factor)
    if checks.constant(matrix):
        return np.broadcast_to(matrix[0, 0] * factor, matrix.shape)
    return matrix * factor


def checked(
    problem: Any,
    state: Any,
    times: ArrayLike,
    *,
    observe: Any = (),
    rtol: float = 1e-8,
    atol: float = 1e-10,
    envelope: Callable[[float], complex] | None = None,
    drive: Any = (),
    detunings: Table | Function | None = None,
    strength: Table | Function | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: bool = True,
    checkpointed: bool = False,
) -> Request:
    """The arguments of `evolve` as a `Request`, or an error that names the bad one."""
    dims = checked_problem(problem)
    times_ = checked_times(times)
    rtol = checks.number("rtol", rtol, above=0, scale=False)
    atol = checks.number("atol", atol, above=0, scale=False)
    if rtol < _SMALLEST_RTOL:
        raise ValueError(f"rtol must be at least {_SMALLEST_RTOL:g}, got {rtol:g}")
    if max(rtol, atol) > 0.1:
        raise ValueError(f"rtol and atol must be at most 0.1, got {rtol:g} and {atol:g}")
    words, operators = observables(observe, dims)
    if "correlations" in words and isinstance(problem, MasterEquation):
        raise ValueError(
            "observe: correlations are of two-level Couplings and ChannelCouplings; observe states "
            "instead"
        )
    named = _WORDS.get(state) if isinstance(state, str) else None
    return Request(
        problem,
        named() if named is not None else checked_state(state, problem),
        times_,
        frozenset(words),
        operators,
        rtol,
        atol,
        envelope,
        envelope_values(envelope, problem, times_),
        checked_controls(problem, times_, drive, detunings, strength),
        seed=None if seed is None else checks.count("seed", seed, minimum=0, maximum=None),
        threads=None if threads is None else checks.count("threads", threads, minimum=1),
        progress=_shown(progress),
        checkpointed=checkpointed,
    )


def checked_controls(
    problem: Problem,
    times: NDArray[np.float64],
    drive: Any,
    detunings: Table | Function | None,
    strength: Table | Function | None,
) -> Controls | None:
    """The pulses, detunings and strength of a run; None if there are none."""
    if isinstance(drive, list | tuple) and not drive and detunings is None and strength is None:
        return None
    found = Controls(drive, detunings, strength)
    named = [name for name in ("detunings", "strength") if getattr(found, name) is not None]
    if isinstance(problem, MasterEquation):
        which = "drive" if found.drive else named[0]
        raise ValueError(f"{which} is for Couplings, not for a MasterEquation")
    if isinstance(problem, CavityCouplings):
        which = "drive=[pulse, …]" if found.drive else named[0]
        raise ValueError(
            f"{which} of evolve is for emitters without a cavity mode; CavityCouplings take the "
            "drive of the couplings or of the mode, with envelope="
        )
    if isinstance(problem, ChannelCouplings) and named:
        raise ValueError(
            f"{named[0]} that change in time are for Couplings of two-level emitters, not for "
            "ChannelCouplings of atoms with manifolds"
        )
    fit(found, len(problem), len(problem.drive))
    for i, pulse in enumerate(found.drive):
        _resolved(f"drive[{i}]", pulse, times)
    for name in named:  # an error of the user's function shall come at once
        for t in times[[0, -1]]:
            value = values_at(name, getattr(found, name), float(t))
            if value.shape not in ((), (len(problem),)):
                raise ValueError(
                    f"{name} must return a number or {len(problem)} numbers, one per emitter: at "
                    f"t = {t:g} it has the shape {value.shape}"
                )
    return found


def _resolved(name: str, pulse: Pulse, times: NDArray[np.float64]) -> None:
    """Raise ValueError for a pulse so short that the digits of its times do not tell its length."""
    first, last = float(times[0]), float(times[-1])
    start, end = np.clip(pulse.support, first, last)
    shortest = max(_OF_TIME * max(abs(first), abs(end)), _OF_SPAN * (last - first))
    if start < end and pulse.width < shortest:
        raise ValueError(
            f"{name}: a pulse of the width {pulse.width:g} at t = {pulse.centre:g} is too short "
            f"for a run from {first:g} to {last:g}, because numbers have 16 digits; it needs at "
            f"least {shortest:.2g}. Give a longer pulse of the same area, or a shorter run that "
            "begins close to it, near t = 0"
        )


def _shown(progress: bool) -> bool:
    """Whether progress is shown; a bad value of the switch of the package is refused now."""
    if checks.flag("progress", progress) and SWITCH in os.environ:
        style()
    return bool(progress)


def checked_problem(problem: Any) -> list[int]:
    """The dimensions of the tensor factors of the problem; raises for a problem of another type."""
    if isinstance(problem, Couplings):
        return [2] * len(problem)
    if isinstance(problem, ChannelCouplings):
        return [len(problem.atoms.levels)] * len(problem)
    if isinstance(problem, MasterEquation):
        return problem.dims
    if isinstance(problem, CavityCouplings):
        return [2] * len(problem) + [problem.photons + 1]
    raise TypeError(
        "couplings must be Couplings, CavityCouplings, ChannelCouplings or a MasterEquation "
        "(co.couple, co.Couplings, co.CavityCouplings, co.master_equation), got "
        f"{type(problem).__name__}"
    )


def checked_times(times: ArrayLike) -> NDArray[np.float64]:
    """Increasing finite output times, read-only."""
    array = checks.finite("times", times)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"times must be a non-empty list of numbers, got shape {array.shape}")
    steps = np.diff(array)
    if np.any(steps <= 0):
        i = int(np.argmax(steps <= 0))
        raise ValueError(
            f"times must increase: times[{i}] = {array[i]:g}, times[{i + 1}] = {array[i + 1]:g}"
        )
    return checks.readonly(array)


def observables(observe: Any, dims: list[int]) -> tuple[set[str], "dict[str, Qobj]"]:
    """The words and the named operators in the argument `observe` of `evolve`."""
    size = prod(dims)
    words: set[str] = set()
    operators: dict[str, Any] = {}
    if isinstance(observe, str | Mapping):
        observe = (observe,)
    if not isinstance(observe, list | tuple | set):
        raise ValueError(
            "observe must be words, {'name': operator} or a list of these, got "
            f"{checks.short(observe)}"
        )
    for item in observe:
        if isinstance(item, Mapping):
            operators.update(item)
        elif isinstance(item, str):
            words.add(checks.choice("observe", item, OBSERVABLES))
        else:
            raise ValueError(
                "observe: an operator needs a name, by which Result.expect holds its expectation "
                f"values: observe={{'name': operator}}; got {checks.short(item)}"
            )
    if not operators:
        return words, operators
    import qutip

    for name, operator in operators.items():
        if not isinstance(name, str) or not name.isprintable():
            raise ValueError(f"observe: names must be printable strings, got {name!r}")
        fits = isinstance(operator, qutip.Qobj) and operator.isoper
        if not fits or operator.shape != (size, size):
            shape = getattr(operator, "shape", type(operator).__name__)
            raise ValueError(
                f"observe[{name!r}] must be a QuTiP operator of shape ({size}, {size}), dims "
                f"{[dims, dims]}; got {shape}"
            )
        if not np.isfinite(operator.norm("one")):
            raise ValueError(f"observe[{name!r}] must be finite")
        fitting = qutip.Qobj(operator, dims=[dims, dims])
        hermitian = _operators.is_hermitian(fitting)
        operators[name] = qutip.Qobj(fitting, isherm=hermitian)
    return words, operators


def envelope_at(envelope: Callable[[float], complex], t: float) -> complex:
    """f(t).

    Raises:
        ValueError: if it is not finite, or the function itself fails.
    """
    try:
        value = complex(envelope(t))
    except Exception as error:
        raise ValueError(f"envelope failed at t = {t:g}: {error!r}") from error
    if not np.isfinite(value):
        raise ValueError(f"envelope must be finite: at t = {t:g} it is {value}")
    return value


def envelope_values(
    envelope: Callable[[float], complex] | None,
    problem: Problem,
    times: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """Values of the envelope at and between the output times; empty without an envelope.

    A checkpoint recognises the envelope by them.
    """
    if envelope is None:
        return np.empty(0, dtype=complex)
    checks.function("envelope", envelope)
    if isinstance(problem, MasterEquation):
        raise ValueError("envelope is for Couplings with a drive, not for a master equation")
    driven = problem.driven if isinstance(problem, CavityCouplings) else np.any(problem.drive)
    if not driven:
        raise ValueError(
            "envelope multiplies the drive, but there is none: use couplings.replace(drive=...), "
            "pulses, evolve(..., drive=[co.pulse.gaussian(...)]), or drive= of the mode of "
            "CavityCouplings"
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
