"""Which engines can evolve a problem, what each would take, and which one runs.

The file is longer than others: every refusal ends in a way out, found here from all engines.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from numpy.typing import ArrayLike

from collective import engines
from collective._tools import checks
from collective._tools.console import aligned, printable
from collective._tools.memory import available_bytes, bytes_text, fits, require
from collective._tools.progress import say
from collective.couplings.couplings import Couplings
from collective.engines import NAMES, timescale
from collective.engines.base import ACCURACIES, KEPT, Cost, Engine, wrong_answer
from collective.engines.request import Request, checked, checked_problem
from collective.errors import EngineContractError

_ANNOUNCED = 60.0  # seconds beyond which a run is announced
_LONGEST = 86400.0  # seconds beyond which a run starts only if its method is named
_FAST_ENOUGH = 0.1  # seconds below which the first engine is taken: it keeps every observable
_MEMBERS = ("name", "accuracy", "keeps", "cite", "refusal", "cost", "prepare", "start")


@dataclass(frozen=True)
class Choice:
    """The engine that will run, why, and what it will take."""

    engine: Engine
    reason: str
    cost: Cost

    @property
    def method(self) -> str:
        """The name of the engine."""
        return self.engine.name


@dataclass(frozen=True, repr=False)
class Methods:
    """What every engine answers to a problem; print it.

    Attributes:
        costs: predicted bytes and seconds of the engines that can, by name.
        refusals: why the others cannot, by name.
        accuracy: "exact", "sampled" or "approximate", of every engine by name.
        keeps: what the result of every engine can hold, by name.
        available: bytes of memory there are, or None if the system does not say.
        chosen: what `method="auto"` would run; None if no exact and no sampled engine fits and
            ends within a day.
        advice: what to ask for less of where nothing fits.
    """

    costs: dict[str, Cost]
    refusals: dict[str, str]
    accuracy: dict[str, str]
    keeps: dict[str, tuple[str, ...]]
    available: int | None
    chosen: str | None
    advice: str = "use fewer emitters"

    def fits(self, name: str) -> bool:
        """Whether there is memory for an engine.

        Raises:
            KeyError: for an engine that cannot evolve the problem, or that does not exist.
        """
        checks.instance("name", name, str, "the name of an engine")
        if name not in self.costs:
            why = self.refusals.get(name, f"there are {', '.join(self.costs)}")
            raise KeyError(f"no cost of {name!r}: {why}")
        return self.available is None or self.costs[name].bytes <= self.available

    def fitting(self, accuracy: str) -> list[str]:
        """The engines of one accuracy for which there is memory, the fastest first.

        Args:
            accuracy: "exact", "sampled" or "approximate".

        Raises:
            ValueError: for another word.
        """
        checks.choice("accuracy", accuracy, ACCURACIES)
        found = [n for n in self.costs if self.accuracy[n] == accuracy and self.fits(n)]
        return sorted(found, key=lambda name: self.costs[name].seconds)

    def able(self) -> list[str]:
        """The engines that can, fit and end within a day; the most accurate, then fastest first."""
        every = [name for accuracy in ACCURACIES for name in self.fitting(accuracy)]
        return [name for name in every if self.costs[name].seconds <= _LONGEST]

    @printable
    def __repr__(self) -> str:
        rows = [("method", " accuracy", "memory", "time", " work", " keeps")]
        for name, cost in self.costs.items():
            mark = "*" if name == self.chosen else " "
            notes = [] if self.fits(name) else ["more memory than there is"]
            if cost.seconds > _LONGEST:
                notes.append("more than a day")
            work = ", ".join([cost.work, *notes])
            memory, time = bytes_text(cost.bytes), seconds_text(cost.seconds)
            kept = ", ".join(self.keeps[name])
            rows.append((mark + name, self.accuracy[name], memory, time, work, kept))
        rows += [(" " + n, self.accuracy[n], "–", "–", why, "") for n, why in self.refusals.items()]
        text = aligned(rows, "< < > > < <")
        if self.chosen is None:
            text += f'\nno engine that "auto" would take: {self.needed()}'
        return text

    def needed(self) -> str:
        """What would have to change where no engine can, fits and ends within a day."""
        able = self.able()
        if able and self.accuracy[able[0]] == "approximate":
            return f"method={able[0]!r} can, with an approximation"
        if able:
            return f"method={able[0]!r} can"
        if not self.costs:
            return "none can"
        if any(self.fits(name) for name in self.costs):
            return "all that fit take more than a day; use fewer emitters or shorter times"
        return f"none fits into memory; {self.advice}"

    def __str__(self) -> str:
        return repr(self)


def engine(method: str | Engine) -> Engine:
    """An engine from its name, with its default options, or from itself.

    Raises:
        ValueError: for a name that no engine has.
        TypeError: for an object without the members of `Engine`, or with others than it says.
    """
    if isinstance(method, str):
        name = checks.choice("method", method, ("auto", *NAMES))
        return getattr(engines, NAMES[name])()
    if isinstance(method, type):
        raise TypeError(f"method must be an object: use {method.__name__}() with its options")
    missing = [name for name in _MEMBERS if not hasattr(method, name)]
    if missing:
        names = ", ".join(map(repr, NAMES))
        raise TypeError(
            f"method must be one of {names} or an engine such as "
            f"co.engines.Trajectories(n=500); {checks.short(method)} has no {missing[0]!r}"
        )
    try:
        hash(method)
    except TypeError:
        raise TypeError(
            f"method must be a value that can be hashed, such as a frozen dataclass; "
            f"{checks.short(method)} cannot"
        ) from None
    _check_statements(method)
    return method


def _check_statements(given: Engine) -> None:
    """Raise unless what an engine says of itself is what `Engine` lists."""
    name = given.name
    if not isinstance(name, str) or not name.isprintable() or not name.strip():
        raise EngineContractError(
            f"method {type(given).__name__}: name must be a word, got {checks.short(name)}"
        )
    ours = getattr(engines, NAMES[name]) if name in NAMES else None
    if name == "auto" or (ours is not None and not isinstance(given, ours)):
        raise EngineContractError(
            f"method {type(given).__name__}: the name {name!r} is taken by the package; give your "
            "engine another name"
        )
    checks.choice(f"accuracy of method {name!r}", given.accuracy, ACCURACIES)
    for member, words, wanted in (
        ("keeps", KEPT, f"a tuple of words from {', '.join(map(repr, KEPT))}"),
        ("cite", None, "a tuple of keys of collective.citations, or of BibTeX entries"),
    ):
        value = getattr(given, member)
        texts = isinstance(value, tuple) and all(isinstance(word, str) for word in value)
        if not texts or (words is not None and not set(value) <= set(words)):
            raise wrong_answer(given, member, wanted, value)
    for member in ("refusal", "cost", "prepare", "start"):
        if not callable(getattr(given, member)):
            raise wrong_answer(given, member, "a method", getattr(given, member))


def methods(
    couplings: Any,
    state: Any,
    times: ArrayLike,
    *,
    method: str | Engine = "auto",
    observe: Any = (),
    rtol: float = 1e-8,
    atol: float = 1e-10,
    envelope: Callable[[float], complex] | None = None,
    seed: int | None = None,
    threads: int | None = None,
    checkpoint: Any = None,
    progress: bool = True,
) -> Methods:
    """Which engines can evolve this, what each would take, and how far to trust it.

    Args:
        couplings: as for `evolve`, as are all the others: the same call says what it would take.
        state: see `evolve`.
        times: see `evolve`.
        method: an engine with options of its own takes its place in the table.
        observe: see `evolve`.
        rtol: see `evolve`.
        atol: see `evolve`.
        envelope: see `evolve`.
        seed: changes no cost.
        threads: see `evolve`.
        checkpoint: a run with one takes a little more; nothing is written here.
        progress: changes no cost.

    Returns:
        `Methods`, a table to print; the engine that "auto" takes is marked.

    Raises:
        ValueError, TypeError: for bad arguments, as `evolve`.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> found = co.methods(pair, "inverted", np.linspace(0, 4, 81))
        >>> found.chosen, found.accuracy["trajectories"]
        ('exact', 'sampled')
    """
    own = None if isinstance(method, str) and method == "auto" else engine(method)
    request = checked(
        couplings,
        state,
        times,
        observe=observe,
        rtol=rtol,
        atol=atol,
        envelope=envelope,
        seed=seed,
        threads=threads,
        progress=progress,
        checkpointed=checkpoint is not None,
    )
    return table(timescale.scaled(request), own)


def table(request: Request, own: Engine | None = None) -> Methods:
    """`Methods` of a request; an engine of one's own replaces the one of its name."""
    costs, refusals = {}, {}
    asked = {name: engine(name) for name in NAMES}
    if own is not None:
        asked[own.name] = own
    for name, each in asked.items():
        answer = _answer(request, each)
        if isinstance(answer, Cost):
            costs[name] = answer
        else:
            refusals[name] = answer
    found = Methods(
        costs,
        refusals,
        {name: each.accuracy for name, each in asked.items()},
        {name: each.keeps for name, each in asked.items()},
        available_bytes(),
        None,
        _less(request),
    )
    return replace(found, chosen=_fastest(found))


def _answer(request: Request, asked: Engine) -> Cost | str:
    """What an engine would take, or why it cannot; no engine is asked twice."""
    if asked not in request.memo:
        request.memo[asked] = _asked(request, asked)
    found: Cost | str = request.memo[asked]
    return found


def _asked(request: Request, asked: Engine) -> Cost | str:
    why = asked.refusal(request)
    if why is not None:
        if not isinstance(why, str) or not why.strip():
            raise wrong_answer(asked, "refusal(request)", "None, or a text that says why", why)
        return why
    cost = asked.cost(request)
    if not isinstance(cost, Cost):
        raise wrong_answer(asked, "cost(request)", "a co.engines.Cost", cost)
    return cost


def _fastest(found: Methods) -> str | None:
    """The fastest exact engine that fits; without one the fastest sampled one.

    None where neither fits, or where it takes more than a day. An approximate engine is never
    taken: who wants one names it.
    """
    fitting = found.fitting("exact") or found.fitting("sampled")
    if not fitting:
        return None
    first = next(iter(NAMES))
    if first in fitting and found.costs[first].seconds < _FAST_ENOUGH:
        return first
    return fitting[0] if found.costs[fitting[0]].seconds <= _LONGEST else None


def chosen(request: Request, method: str | Engine, before: str | None = None) -> Choice:
    """The engine for a request; refused with numbers where none fits.

    Args:
        request: what is asked for.
        method: an engine, its name, or "auto".
        before: the engine that "auto" took when an interrupted run was started.

    Raises:
        ValueError: an engine was asked for that cannot, with the reason and one that can.
        ProblemTooLargeError: no engine, or not the one asked for, fits into memory.
    """
    if isinstance(method, str) and method == "auto":
        if before in NAMES and isinstance(_answer(request, engine(before)), Cost):
            return _named(request, engine(before), "as the checkpoint was started")
        return _automatic(request)
    return _named(request, engine(method), "asked for")


def _named(request: Request, taken: Engine, why: str) -> Choice:
    """One engine, if it can and fits; the others are asked only if not."""
    cost = _answer(request, taken)
    if isinstance(cost, str):
        raise ValueError(f"{cost}; {_others(request, taken)}")
    available = available_bytes()
    if available is not None and cost.bytes > available:
        require(cost.bytes, f"method {taken.name!r} ({cost.work})", _others(request, taken))
    return Choice(taken, f"{why}: {cost.work}", cost)


def _automatic(request: Request) -> Choice:
    """What "auto" takes; the first engine is taken unseen by the others if it is fast enough."""
    first = engine(next(iter(NAMES)))
    answer, available = _answer(request, first), available_bytes()
    if isinstance(answer, Cost):
        fits_in = available is None or answer.bytes <= available
        if fits_in and answer.seconds < _FAST_ENOUGH:
            return Choice(first, answer.work, answer)
    found = table(request)
    if found.chosen is not None:
        cost = found.costs[found.chosen]
        others = [name for name in found.costs if name != found.chosen and not found.fits(name)]
        why = f"; {' and '.join(others)} would not fit" if others else ""
        return Choice(engine(found.chosen), f"{cost.work}{why}", cost)
    if not found.costs:
        raise ValueError("no engine can: " + "; ".join(found.refusals.values()))
    fitting = found.fitting("exact") or found.fitting("sampled")
    if fitting:
        raise ValueError(_too_long(found, fitting[0]))
    accurate = [name for name in found.costs if found.accuracy[name] != "approximate"]
    if not accurate:
        raise ValueError(f"no exact and no sampled engine can: {_approximate(found)}")
    name = min(accurate, key=lambda name: found.costs[name].bytes)
    cost = found.costs[name]
    least = f"method {name!r} ({cost.work}), the least of all engines,"
    way_out = f"{_less(request)}, see co.methods"
    require(cost.bytes, least, "; ".join(filter(None, [_approximate(found), way_out])))
    return _automatic(request)  # other processes have freed memory since


def _approximate(found: Methods) -> str:
    """The approximate engines that could run, with their numbers; "auto" takes none of them."""
    named = [
        f"method={name!r} ({bytes_text(found.costs[name].bytes)}, "
        f"{seconds_text(found.costs[name].seconds)})"
        for name in found.fitting("approximate")
    ]
    if not named:
        return ""
    return f'"auto" takes no approximation, but you can: {" or ".join(named)}'


def _too_long(found: Methods, name: str) -> str:
    """What is said instead of starting a run of days."""
    text = (
        f"times: method {name!r} ({found.costs[name].work}), the fastest that fits, would take "
        f"about {seconds_text(found.costs[name].seconds)}; use shorter times or fewer emitters"
    )
    sampled = found.fitting("sampled")
    if sampled and sampled[0] != name and found.costs[sampled[0]].seconds <= _LONGEST:
        seconds = seconds_text(found.costs[sampled[0]].seconds)
        text += f", or method={sampled[0]!r} ({seconds}, with statistical errors)"
    text += f"; method={name!r} runs it all the same"
    approximate = _approximate(found)
    return f"{text}; {approximate}" if approximate else text


def _others(request: Request, refused: Engine) -> str:
    """The way out of a refusal: engines that can and fit, or that there are none."""
    found = table(request)
    able = [name for name in found.able() if name != refused.name]
    best = [name for name in able if found.accuracy[name] == found.accuracy[able[0]]]
    named = best[:2]
    if named:
        text = "use method=" + " or ".join(repr(name) for name in named)
        approximate = found.accuracy[named[0]] == "approximate"
        return f"{text}, which is an approximation" if approximate else text
    rest = [name for name in found.costs if name != refused.name]
    if not rest:
        return f"no other engine can; {_less(request)}"
    if any(found.fits(name) for name in rest):
        return f"every other engine that fits takes more than a day; {_less(request)}"
    return f"no other engine that can fits into memory; {_less(request)}, see co.methods"


def _less(request: Request) -> str:
    """What to ask for less of."""
    dims = checked_problem(request.problem)
    if "states" in request.words and fits(16 * prod(dims) ** 2):
        return "observe fewer times or no states"
    if not isinstance(request.problem, Couplings):
        return "use fewer levels"
    return "use fewer emitters"


def announce(choice: Choice, *, show: bool) -> None:
    """Say in one line that a run is going to take more than a minute, before it starts."""
    if show and choice.cost.seconds > _ANNOUNCED:
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
