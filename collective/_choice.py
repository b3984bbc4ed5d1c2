"""Which engines can evolve a problem, what each would take, and the one to use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from collective import _checks, _requests, _timescale
from collective._console import printable
from collective._memory import available_bytes, bytes_text, require
from collective._requests import Request
from collective.couplings import Couplings
from collective.engines.runs import Cost, Engine

# in the order in which they are asked; the first of equals is taken
ENGINES = ("exact", "single", "symmetric", "blocks", "driven", "trajectories")
METHODS = ("auto", *ENGINES)
_FAST_ENOUGH = 0.1  # seconds below which QuTiP serves best: it keeps every observable


@dataclass(frozen=True)
class Choice:
    """The engine that will run, why, and what it will take."""

    method: str
    reason: str
    cost: Cost


@dataclass(frozen=True, repr=False)
class Methods:
    """What every engine says to a problem; print it.

    Attributes:
        costs: predicted bytes and seconds of the engines that can, by name.
        refusals: why the others cannot, by name.
        available: bytes of memory there are, or None if the system does not say.
        chosen: what `method="auto"` would run, or None if nothing fits.
    """

    costs: dict[str, Cost]
    refusals: dict[str, str]
    available: int | None
    chosen: str | None

    def fits(self, name: str) -> bool:
        """Whether an engine's memory is there."""
        return self.available is None or self.costs[name].bytes <= self.available

    @printable
    def __repr__(self) -> str:
        lines = [f"{'method':<14}{'memory':>11}{'time':>11}  work"]
        for name, cost in self.costs.items():
            mark = "*" if name == self.chosen else " "
            note = "" if self.fits(name) else ", more than there is"
            lines.append(
                f"{mark + name:<14}{bytes_text(cost.bytes):>11}{_seconds_text(cost.seconds):>11}"
                f"  {cost.work}{note}"
            )
        lines += [f" {name:<13}{'–':>11}{'–':>11}  {why}" for name, why in self.refusals.items()]
        return "\n".join(lines)


def engine(name: str) -> Engine:
    """The module of an engine, imported when it is first asked."""
    return cast(Engine, import_module(f"collective.engines.{name}"))


def methods(
    couplings: Any,
    state: Any,
    times: ArrayLike,
    *,
    observe: Any = (),
    rtol: float = 1e-8,
    atol: float = 1e-10,
    envelope: Callable[[float], complex] | None = None,
    n_trajectories: int | None = None,
    standard_error: float | None = None,
    symmetries: Sequence[Sequence[int]] = (),
    threads: int | None = None,
) -> Methods:
    """Which engines can evolve this, and what each would take.

    Args:
        couplings: as for `evolve`, as are all the others.
        state: likewise.
        times: likewise.
        observe: likewise.
        rtol: likewise.
        atol: likewise.
        envelope: likewise.
        n_trajectories: likewise.
        standard_error: likewise.
        symmetries: likewise.
        threads: likewise.

    Returns:
        `Methods`, a table to print; the engine that "auto" takes is marked.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> found = co.methods(pair, "inverted", np.linspace(0, 4, 81))
        >>> found.chosen, "exact" in found.costs
        ('exact', True)
    """
    request = _requests.checked(
        couplings,
        state,
        times,
        observe=observe,
        rtol=rtol,
        atol=atol,
        envelope=envelope,
        n_trajectories=n_trajectories,
        standard_error=standard_error,
        symmetries=symmetries,
        threads=threads,
    )
    return table(_timescale.scaled(request))


def table(request: Request) -> Methods:
    """`Methods` of a request."""
    costs, refusals = {}, {}
    for name in ENGINES:
        refusal = _refusal(name, request)
        if refusal is None:
            costs[name] = engine(name).cost(request)
        else:
            refusals[name] = refusal
    found = Methods(costs, refusals, available_bytes(), None)
    return replace(found, chosen=_fastest(request, found))


def _refusal(name: str, request: Request) -> str | None:
    """Why an engine cannot; the question alone may cost 100 GB where Γ is one number for 10⁵."""
    problem = request.problem
    if name != "symmetric" and isinstance(problem, Couplings) and _checks.constant(problem.decay):
        return (
            f"method {name!r} needs the {len(problem)} × {len(problem)} matrices, of which decay "
            "is one number; use method='symmetric', or give whole matrices"
        )
    if name != "exact" and isinstance(problem, Couplings) and problem.thermal_photons:
        return (
            f"method {name!r} does not know thermal light, of which these couplings have "
            f"{problem.thermal_photons:.4g} photons per mode; use method='exact', or "
            "couplings.replace(thermal_photons=0)"
        )
    return engine(name).refusal(request)


def _fastest(request: Request, found: Methods) -> str | None:
    """Of the engines that fit, the fastest; the one with statistical errors only if alone."""
    fitting = {name: cost.seconds for name, cost in found.costs.items() if found.fits(name)}
    meant = _meant(request)
    if meant is not None:
        return meant[1] if meant[1] in fitting else None
    sampled = fitting.pop("trajectories", None)
    if fitting.get("exact", np.inf) < _FAST_ENOUGH:
        return "exact"
    if fitting:
        return min(fitting, key=lambda name: fitting[name])
    return None if sampled is None else "trajectories"


def _meant(request: Request) -> tuple[str, str] | None:
    """An option that only one engine knows, and that engine."""
    given = {
        "n_trajectories": request.n_trajectories is not None,
        "standard_error": request.standard_error is not None,
        "symmetries": bool(request.symmetries),
    }
    names = [name for name, is_given in given.items() if is_given]
    owners = {name: "blocks" if name == "symmetries" else "trajectories" for name in names}
    if len(set(owners.values())) > 1:
        raise ValueError(
            f"{names[0]} is for method='trajectories', symmetries for 'blocks': leave one out"
        )
    return (names[0], owners[names[0]]) if names else None


def chosen(request: Request, method: str, before: str | None = None) -> Choice:
    """The engine for a request; refused with numbers where none fits.

    Args:
        request: what is asked for.
        method: an engine, or "auto".
        before: the engine that "auto" took when the run was begun, if it is gone on with.

    Raises:
        ValueError: an engine asked for that cannot, with the reason and one that can.
        ProblemTooLargeError: no engine, or not the one asked for, fits into memory.
    """
    name = _checks.choice("method", method, METHODS)
    meant = _meant(request)
    if meant is not None and name not in ("auto", meant[1]):
        raise ValueError(f"{meant[0]} is for method={meant[1]!r}, got method={name!r}")
    if name == "auto" and meant is not None:
        name = meant[1]
    elif name == "auto" and before in ENGINES and _refusal(before, request) is None:
        name = before
    elif name == "auto":
        return _automatic(request)
    refusal = _refusal(name, request)
    if refusal is not None and meant is not None and method == "auto":
        raise ValueError(f"{refusal}; or leave out {meant[0]}")
    if refusal is not None:
        raise ValueError(refusal)
    cost = engine(name).cost(request)
    require(cost.bytes, f"method '{name}' ({cost.work})", _way_out(request, name))
    why = "asked for"
    if name != method:
        why = "as it was begun" if meant is None else f"asked for by {meant[0]}"
    return Choice(name, f"{why}: {cost.work}", cost)


def _automatic(request: Request) -> Choice:
    found = table(request)
    if found.chosen is not None:
        cost = found.costs[found.chosen]
        others = [name for name in found.costs if name != found.chosen and not found.fits(name)]
        why = f"; {' and '.join(others)} would not fit" if others else ""
        return Choice(found.chosen, f"{cost.work}{why}", cost)
    if not found.costs:
        raise ValueError("no engine can: " + "; ".join(found.refusals.values()))
    name = min(found.costs, key=lambda name: found.costs[name].bytes)
    cost = found.costs[name]
    least = f"method '{name}' ({cost.work}), the least of all engines,"
    require(cost.bytes, least, _way_out(request, name))
    raise AssertionError("unreachable: nothing fits, and yet it does")


def _way_out(request: Request, name: str) -> str:
    if "states" in request.words:
        return "observe fewer times or no states"
    if not isinstance(request.problem, Couplings):
        return "use fewer levels"
    return "see co.methods for what other engines take, or use fewer emitters"


def _seconds_text(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 1:
        return f"{max(1, round(1000 * seconds))} ms"
    if seconds < 120:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"
