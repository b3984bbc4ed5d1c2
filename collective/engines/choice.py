"""Which engines can evolve a problem, what each would take, and the one to use.

The file is longer than others: every refusal ends in a way out, found here from all engines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from math import prod
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from collective._tools import checks
from collective._tools.console import aligned, printable
from collective._tools.memory import available_bytes, bytes_text, fits, require
from collective._tools.progress import say
from collective.couplings.couplings import Couplings
from collective.engines import request as _requests
from collective.engines import timescale
from collective.engines.base import Cost, Engine
from collective.engines.request import Request

# in the order in which they are asked; the first of equals is taken
ENGINES = ("exact", "single", "symmetric", "blocks", "driven", "trajectories")
METHODS = ("auto", *ENGINES)
_SAID = 60.0  # seconds beyond which a run is announced
_LONGEST = 86400.0  # seconds beyond which a run is begun only where its method is named
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
        chosen: what `method="auto"` would run, or None if nothing fits or ends within a day.
        advice: what to ask for less of where nothing fits.
    """

    costs: dict[str, Cost]
    refusals: dict[str, str]
    available: int | None
    chosen: str | None
    advice: str = "use fewer emitters"

    def fits(self, name: str) -> bool:
        """Whether an engine's memory is there.

        Raises:
            KeyError: for an engine that cannot, or none.
        """
        checks.instance("name", name, str, "the name of an engine")
        if name not in self.costs:
            why = self.refusals.get(name, f"there are {', '.join(self.costs)}")
            raise KeyError(f"no cost of {name!r}: {why}")
        return self.available is None or self.costs[name].bytes <= self.available

    def able(self) -> list[str]:
        """The engines that can, fit and end within a day, the fastest first."""
        found = [n for n, c in self.costs.items() if self.fits(n) and c.seconds <= _LONGEST]
        # statistical errors come last, however fast
        return sorted(found, key=lambda n: (n == "trajectories", self.costs[n].seconds))

    @printable
    def __repr__(self) -> str:
        rows = [("method", "memory", "time", " work")]
        for name, cost in self.costs.items():
            mark = "*" if name == self.chosen else " "
            notes = [] if self.fits(name) else ["more memory than there is"]
            if cost.seconds > _LONGEST:
                notes.append("more than a day")
            work = ", ".join([cost.work, *notes])
            rows.append((mark + name, bytes_text(cost.bytes), seconds_text(cost.seconds), work))
        rows += [(" " + name, "–", "–", why) for name, why in self.refusals.items()]
        text = aligned(rows, "< > > <")
        if self.chosen is None:
            text += f'\nno engine that "auto" would take: {self.needed()}'
        return text

    def needed(self) -> str:
        """What would have to change where no engine can, fits and ends within a day."""
        able = self.able()
        if able:
            return f"method={able[0]!r} can"
        if not self.costs:
            return "none can"
        if any(self.fits(name) for name in self.costs):
            return "all that fit take more than a day; use fewer emitters or shorter times"
        return f"none fits into memory; {self.advice}"


def engine(name: str) -> Engine:
    """The module of an engine, imported when it is first asked."""
    return cast(Engine, import_module(f"collective.engines.{name}.engine"))


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
    return table(timescale.scaled(request))


def table(request: Request) -> Methods:
    """`Methods` of a request."""
    costs, refusals = {}, {}
    for name in ENGINES:
        refusal = _refusal(name, request)
        if refusal is None:
            costs[name] = engine(name).cost(request)
        else:
            refusals[name] = refusal
    found = Methods(costs, refusals, available_bytes(), None, _less(request))
    return replace(found, chosen=_fastest(request, found))


def _refusal(name: str, request: Request) -> str | None:
    """Why an engine cannot; the question alone may cost 100 GB where Γ is one number for 10⁵."""
    problem = request.problem
    if name != "symmetric" and isinstance(problem, Couplings) and checks.constant(problem.decay):
        return (
            f"method {name!r} needs the {len(problem)} × {len(problem)} matrices, of which decay "
            "is one number"
        )
    if name != "exact" and isinstance(problem, Couplings) and problem.thermal_photons:
        return (
            f"method {name!r} does not know thermal light, of which these couplings have "
            f"{problem.thermal_photons:.4g} photons per mode"
        )
    return engine(name).refusal(request)


def _fastest(request: Request, found: Methods) -> str | None:
    """Of the engines that fit, the fastest; the one with statistical errors only if alone.

    None where none fits, or the fastest takes more than a day.
    """
    fitting = {name: cost.seconds for name, cost in found.costs.items() if found.fits(name)}
    meant = _meant(request)
    if meant is not None:
        return meant[1] if meant[1] in fitting else None
    sampled = fitting.pop("trajectories", None)
    if fitting.get("exact", np.inf) < _FAST_ENOUGH:
        return "exact"
    if fitting:
        name = min(fitting, key=lambda name: fitting[name])
        return name if fitting[name] <= _LONGEST else None
    return None if sampled is None or sampled > _LONGEST else "trajectories"


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
    name = checks.choice("method", method, METHODS)
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
        raise ValueError(f"{refusal}; {_without(request, *meant)}")
    if refusal is not None:
        raise ValueError(f"{refusal}; {_others(request, name)}")
    cost = engine(name).cost(request)
    available = available_bytes()
    if available is not None and cost.bytes > available:  # the others are asked only then
        require(cost.bytes, f"method '{name}' ({cost.work})", _others(request, name))
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
    fitting = {name: cost.seconds for name, cost in found.costs.items() if found.fits(name)}
    if fitting:
        raise ValueError(_too_long(found, fitting))
    name = min(found.costs, key=lambda name: found.costs[name].bytes)
    cost = found.costs[name]
    least = f"method '{name}' ({cost.work}), the least of all engines,"
    require(cost.bytes, least, f"{_less(request)}, see co.methods")
    raise AssertionError("unreachable: nothing fits, and yet it does")


def _too_long(found: Methods, fitting: dict[str, float]) -> str:
    """What is said instead of beginning a run of days."""
    exact = {name: seconds for name, seconds in fitting.items() if name != "trajectories"}
    name = min(exact or fitting, key=lambda name: fitting[name])
    text = (
        f"times: method {name!r} ({found.costs[name].work}), the fastest that fits, would take "
        f"about {seconds_text(fitting[name])}; use shorter times or fewer emitters"
    )
    if name != "trajectories" and fitting.get("trajectories", np.inf) <= _LONGEST:
        sampled = seconds_text(fitting["trajectories"])
        text += f", or method='trajectories' ({sampled}, with statistical errors)"
    return text + f"; method={name!r} runs it all the same"


def _others(request: Request, name: str) -> str:
    """The way out of a refusal: engines that can and fit, or that there are none."""
    found = table(request)
    able = [other for other in found.able() if other != name]
    exact = [other for other in able if other != "trajectories"]
    named = (exact or able)[:2]
    if named:
        return "use method=" + " or ".join(repr(other) for other in named)
    rest = [other for other in found.costs if other != name]
    if not rest:
        return f"no other engine can; {_less(request)}"
    if any(found.fits(other) for other in rest):
        return f"every other engine that fits takes more than a day; {_less(request)}"
    return f"no other engine that can fits into memory; {_less(request)}, see co.methods"


def _without(request: Request, option: str, owner: str) -> str:
    """The way out where an option's engine cannot: leaving it out, if then another one can."""
    found = table(request)
    if any(name != owner for name in found.able()):
        return f"leave out {option}"
    return f"without {option} no other engine can either; {_less(request)}"


def _less(request: Request) -> str:
    """What to ask for less of."""
    dims = _requests.checked_problem(request.problem)
    if "states" in request.words and fits(16 * prod(dims) ** 2):
        return "observe fewer times or no states"
    if not isinstance(request.problem, Couplings):
        return "use fewer levels"
    return "use fewer emitters"


def announce(choice: Choice, *, show: bool) -> None:
    """Say in one line that a run is going to take more than a minute, before it begins."""
    if show and choice.cost.seconds > _SAID:
        say(
            f"collective: method {choice.method!r} ({choice.cost.work}), about "
            f"{seconds_text(choice.cost.seconds)} predicted"
        )


def seconds_text(seconds: float) -> str:
    """A time as people say it.

    >>> [seconds_text(s) for s in (0.0024, 1.5, 600, 8000, 1e6, 1e12)]
    ['2 ms', '1.5 s', '10 min', '2.22 h', '11.6 days', '3.2e+04 years']
    """
    if seconds < 1:
        return f"{max(1, round(1000 * seconds))} ms"
    if seconds < 120:
        return f"{seconds:.2g} s"
    if seconds < 7200:
        return f"{seconds / 60:.3g} min"
    if seconds < 2 * _LONGEST:
        return f"{seconds / 3600:.3g} h"
    years = seconds / (365.25 * 86400)
    if years < 2:
        return f"{seconds / 86400:.3g} days"
    return f"{years:.2g} years" if years < 1e9 else "more than 1e9 years"
