"""Which engines can evolve a problem, what each of them needs, and which one runs.

The file is longer than others: every refusal ends in a way out, which is found here among all
engines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from numpy.typing import ArrayLike

from collective import engines
from collective._tools import checks
from collective._tools.memory import available_bytes, bytes_text, fits, require
from collective._tools.progress import notice
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import beyond_markov, require_markov
from collective.engines import NAMED_ONLY, NAMES, timescale
from collective.engines.base import ACCURACIES, KEPT, Accuracy, Cost, Engine, wrong_answer
from collective.engines.methods import LONGEST, Methods, error_text, seconds_text
from collective.engines.request import Request, checked, checked_problem
from collective.errors import EngineContractError
from collective.master.equation import MasterEquation
from collective.pulse import Pulse, Table
from collective.pulse.controls import Function
from collective.states.answers import missing

_ANNOUNCED = 60.0  # seconds; a longer run is announced
_FAST_ENOUGH = 0.1  # seconds; if the first engine is as fast, it runs: it keeps every observable
_MEMBERS = ("name", "accuracy", "keeps", "cite", "refusal", "cost", "prepare", "start")


@dataclass(frozen=True)
class Choice:
    """The engine that will run, the reason, and its predicted cost."""

    engine: Engine
    reason: str
    cost: Cost

    @property
    def method(self) -> str:
        """The name of the engine."""
        return self.engine.name


def engine(method: str | Engine) -> Engine:
    """An engine from its name, with its default options, or a checked engine of the user.

    Raises:
        ValueError: for a name that no engine has.
        TypeError: for an object without the members of `Engine`, or with members of another kind.
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
    """Raise if a member of an engine is not as `Engine` describes it."""
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
    drive: "Pulse | Sequence[Pulse]" = (),
    detunings: Table | Function | None = None,
    strength: Table | Function | None = None,
    seed: int | None = None,
    threads: int | None = None,
    checkpoint: Any = None,
    progress: bool = True,
) -> Methods:
    """Which engines can evolve a problem, what each of them needs, and how far to trust it.

    Args:
        couplings: see `evolve`; both functions take the same arguments.
        state: see `evolve`.
        times: see `evolve`.
        method: an engine with other than the default options, which the table then shows.
        observe: see `evolve`.
        rtol: see `evolve`.
        atol: see `evolve`.
        envelope: see `evolve`.
        drive: see `evolve`.
        detunings: see `evolve`.
        strength: see `evolve`.
        seed: does not change the cost.
        threads: see `evolve`.
        checkpoint: a run with a checkpoint needs a little more; nothing is written here.
        progress: does not change the cost.

    Returns:
        `Methods`, a table to print; it marks the engine that "auto" would use.

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
        drive=drive,
        detunings=detunings,
        strength=strength,
        seed=seed,
        threads=threads,
        progress=progress,
        checkpointed=checkpoint is not None,
    )
    return table(timescale.scaled(request), own)


def table(request: Request, own: Engine | None = None, accuracy: str | None = None) -> Methods:
    """`Methods` of a request, of all engines or of those with the given accuracy.

    The engine `own` replaces the one of the same name.
    """
    costs, refusals = {}, {}
    asked = {name: engine(name) for name in NAMES}
    if accuracy is not None:
        asked = {
            name: each
            for name, each in asked.items()
            if each.accuracy == accuracy and name not in NAMED_ONLY
        }
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
    """The cost of an engine, or why it cannot; kept, so that no engine is asked twice."""
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
    """The fastest exact engine that fits; if there is none, the fastest sampled one.

    The answer is None if neither fits, or if it takes more than a day. An approximate engine is
    never chosen: a user who wants one names it.
    """
    fitting = _candidates(found, "exact") or _candidates(found, "sampled")
    if not fitting:
        return None
    first = next(iter(NAMES))
    if first in fitting and found.costs[first].seconds < _FAST_ENOUGH:
        return first
    return fitting[0] if found.costs[fitting[0]].seconds <= LONGEST else None


def _candidates(found: Methods, accuracy: Accuracy) -> list[str]:
    """The engines of one accuracy that "auto" may take, the fastest first."""
    return [name for name in found.fitting(accuracy) if name not in NAMED_ONLY]


def chosen(request: Request, method: str | Engine, before: str | None = None) -> Choice:
    """The engine for a request; raises with numbers if none fits.

    Args:
        request: what is asked for.
        method: an engine, its name, or "auto".
        before: the engine that "auto" chose when an interrupted run was started, or None.

    Raises:
        ValueError: if the named engine cannot, with the reason and an engine that can.
        ProblemTooLargeError: if no engine, or not the named one, fits into memory.
    """
    if isinstance(method, str) and method == "auto":
        if before in NAMES and isinstance(_answer(request, engine(before)), Cost):
            return _named(request, engine(before), "the engine that started the checkpoint")
        return _automatic(request)
    return _named(request, engine(method), "asked for")


def _named(request: Request, named: Engine, why: str) -> Choice:
    """The choice of a named engine if it can and fits; only if not, the others are asked."""
    cost = _answer(request, named)
    if isinstance(cost, str):
        raise ValueError(f"{cost}; {_others(request, named)}")
    available = available_bytes()
    if available is not None and cost.bytes > available:
        require(cost.bytes, f"method {named.name!r} ({cost.work})", _others(request, named))
    return Choice(named, f"{why}: {cost.work}", cost)


def _automatic(request: Request) -> Choice:
    """The choice of "auto".

    If the first engine is fast enough, the others are not asked. If an exact engine can, those that
    are not exact are not asked.
    """
    require_markov('"auto"', request.problem)
    first = engine(next(iter(NAMES)))
    answer, available = _answer(request, first), available_bytes()
    if isinstance(answer, Cost):
        fits_in = available is None or answer.bytes <= available
        if fits_in and answer.seconds < _FAST_ENOUGH:
            return Choice(first, answer.work, answer)
    found = table(request, accuracy="exact")
    if found.chosen is None:
        found = table(request)
    if found.chosen is not None:
        cost = found.costs[found.chosen]
        others = [name for name in found.costs if name != found.chosen and not found.fits(name)]
        why = f"; {' and '.join(others)} would not fit" if others else ""
        return Choice(engine(found.chosen), f"{cost.work}{why}", cost)
    if not found.costs:
        raise ValueError("no engine can: " + "; ".join(found.refusals.values()))
    fitting = _candidates(found, "exact") or _candidates(found, "sampled")
    if fitting:
        raise ValueError(_too_long(found, fitting[0]))
    allowed = [name for name in found.costs if name not in NAMED_ONLY]
    accurate = [name for name in allowed if found.accuracy[name] != "approximate"]
    if not accurate:
        raise ValueError(f"no exact and no sampled engine can: {_approximate(found)}")
    name = min(accurate, key=lambda name: found.costs[name].bytes)
    cost = found.costs[name]
    least = f"method {name!r} ({cost.work}), the least of all engines,"
    way_out = f"{_less(request)}, see co.methods"
    require(cost.bytes, least, "; ".join(filter(None, [_approximate(found), way_out])))
    return _automatic(request)  # other processes have freed memory since


def _approximate(found: Methods) -> str:
    """A text that names the approximate engines that could run, with their numbers."""
    named = [
        f"method={name!r} ({', '.join(_numbers(found.costs[name]))})"
        for name in found.fitting("approximate")
    ]
    if not named:
        return ""
    return f'"auto" takes no approximation, but you can: {" or ".join(named)}'


def _numbers(cost: Cost) -> list[str]:
    """Memory, time and expected error of an engine, in words."""
    numbers = [bytes_text(cost.bytes), seconds_text(cost.seconds)]
    return numbers if cost.error is None else [*numbers, error_text(cost.error)]


def _too_long(found: Methods, name: str) -> str:
    """The message that refuses a run of more than a day."""
    text = (
        f"times: method {name!r} ({found.costs[name].work}), the fastest that fits, would take "
        f"about {seconds_text(found.costs[name].seconds)}; use shorter times or fewer emitters"
    )
    sampled = found.fitting("sampled")
    if sampled and sampled[0] != name and found.costs[sampled[0]].seconds <= LONGEST:
        seconds = seconds_text(found.costs[sampled[0]].seconds)
        text += f", or method={sampled[0]!r} ({seconds}, with statistical errors)"
    text += f"; method={name!r} runs it all the same"
    approximate = _approximate(found)
    return f"{text}; {approximate}" if approximate else text


def _others(request: Request, refused: Engine) -> str:
    """The way out of a refusal: engines that can and fit, or the statement that none can."""
    of_atoms = isinstance(request.problem, ChannelCouplings)
    if beyond_markov(request.problem) is not None:
        can = isinstance(_answer(request, engine("retarded")), Cost)
        return "use method='retarded'" if can else "no other engine can"
    if not of_atoms and missing(request.state) is not None:
        return "no other engine can"
    found = table(request)
    able = [name for name in found.able() if name not in {refused.name, *NAMED_ONLY}]
    best = [name for name in able if found.accuracy[name] == found.accuracy[able[0]]]
    named = best[:2]
    if named:
        text = "use method=" + " or ".join(repr(name) for name in named)
        approximate = found.accuracy[named[0]] == "approximate"
        return f"{text}, which is an approximation" if approximate else text
    rest = [name for name in found.costs if name not in {refused.name, *NAMED_ONLY}]
    if not rest:
        return f"no other engine can; {_less(request)}"
    if any(found.fits(name) for name in rest):
        return f"every other engine that fits takes more than a day; {_less(request)}"
    return f"no other engine that can fits into memory; {_less(request)}, see co.methods"


def _less(request: Request) -> str:
    """Advice on what to reduce."""
    dims = checked_problem(request.problem)
    if "states" in request.words and fits(16 * prod(dims) ** 2):
        return "observe fewer times or no states"
    if isinstance(request.problem, MasterEquation):
        return "use fewer levels"
    return "use fewer emitters"


def announce(choice: Choice, *, show: bool) -> None:
    """Print one line before a run that will take more than a minute."""
    if show and choice.cost.seconds > _ANNOUNCED:
        notice(
            f"collective: method {choice.method!r} ({choice.cost.work}), about "
            f"{seconds_text(choice.cost.seconds)} predicted"
        )
