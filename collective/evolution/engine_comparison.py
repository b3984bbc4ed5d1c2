"""One problem evolved by several engines, to see where approximations agree."""

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.console import aligned, printable
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.engines import timescale
from collective.engines.base import Engine
from collective.engines.choice import chosen, engine
from collective.engines.methods import seconds_text
from collective.engines.request import checked
from collective.errors import EvolutionError
from collective.evolution.evolve import evolve
from collective.results.result import Result


@dataclass(frozen=True, eq=False)
class EngineComparison:
    """Results of one problem by several engines.

    Attributes:
        results: one for each engine, by its name, and by its options where they are not the
            default ones.
        complete: False if the comparison was interrupted; the results until then are kept.
    """

    results: dict[str, Result]
    complete: bool = True

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    @property
    def times(self) -> NDArray[np.float64]:
        """The times that all results have, (T,)."""
        return min((result.times for result in self.results.values()), key=len)

    def deviation(self, one: str, other: str) -> NDArray[np.float64]:
        """How much the emission of one engine is above that of another one, (T,).

        Raises:
            KeyError: for an engine that was not compared.
        """
        count = len(self.times)
        emission = []
        for name, value in (("one", one), ("other", other)):
            checks.instance(name, value, str, "the name of an engine")
            if value not in self.results:
                known = list(self.results)
                raise KeyError(f"{name}: there is no result of {value!r}; there are {known}")
            emission.append(self.results[value].emission[:count])
        return np.asarray(emission[0] - emission[1])

    @printable
    def __str__(self) -> str:
        rows = [("engine", "accuracy", "largest emission", "at t", "estimated error", "time")]
        for name, result in self.results.items():
            k = int(np.argmax(result.emission))
            estimate = result.error_estimate
            rows.append(
                (
                    name,
                    result.accuracy or "not known",
                    f"{result.emission[k]:.5g}",
                    f"{result.times[k]:.4g}",
                    "–" if estimate is None else f"{estimate.max():.2g}",
                    seconds_text(result.diagnostics["seconds"]),
                )
            )
        text = aligned(rows, "< < > > > >")
        if self.complete:
            return text
        return f"{text}\nINCOMPLETE: interrupted; it has {', '.join(self.results)}"

    __repr__ = __str__


def compare_engines(
    couplings: Couplings | ChannelCouplings,
    state: Any,
    times: ArrayLike,
    engines: Sequence[str | Engine] | None,
    *,
    seed: int | None,
    threads: int | None,
    progress: bool,
) -> EngineComparison:
    """Evolve a problem by several engines; the arguments are those of `compare`."""
    if times is None:
        raise ValueError("times is missing: compare(couplings, state, times, engines=[...])")
    if engines is None:
        raise ValueError(
            "engines is missing: compare(couplings, state, times, engines=[...]). For several "
            "approximations give Emitters or a Multilevel instead of Couplings"
        )
    named = _by_name(engines)
    options: dict[str, Any] = {"seed": seed, "threads": threads, "progress": progress}
    request = timescale.scaled(checked(couplings, state, times, **options))
    for each in named.values():  # before the first run, so that no result is lost
        chosen(request, each)
    results: dict[str, Result] = {}
    for name, each in named.items():
        try:
            results[name] = evolve(couplings, state, times, method=each, **options)
        except EvolutionError as error:
            results[name] = error.result
            found = EngineComparison(results, complete=False)
            raise EvolutionError(f"engine {name!r}: {error}, in a comparison", found) from error
        except KeyboardInterrupt:
            if not results:
                raise
            return EngineComparison(results, complete=False)
        except Exception as error:
            if not results:
                raise
            found = EngineComparison(results, complete=False)
            raise EvolutionError(f"engine {name!r}: {error}, in a comparison", found) from error
        if not results[name].complete and "ended" not in results[name].diagnostics:
            return EngineComparison(results, complete=False)
    return EngineComparison(results)


def _by_name(engines: Any) -> dict[str, Engine]:
    """Engines by name and options.

    Raises:
        ValueError: for anything but a list of one or more different engines.
    """
    if isinstance(engines, str) or not isinstance(engines, Sequence) or len(engines) == 0:
        raise ValueError(
            "engines must be a list such as ['cumulants', co.engines.TruncatedWigner()]; "
            f"got {checks.short(engines)}"
        )
    found: dict[str, Engine] = {}
    for each in engines:
        if isinstance(each, str) and each == "auto":
            raise ValueError("engines: name each engine; co.methods says which one 'auto' takes")
        one = engine(each)
        label = _label(one)
        if label in found:
            raise ValueError(f"engines: {label!r} is given twice")
        found[label] = one
    return found


def _label(one: Engine) -> str:
    """The name of an engine, with its options that are not the default ones."""
    if not is_dataclass(one):
        return one.name
    changed = [
        f"{f.name}={getattr(one, f.name)!r}"
        for f in fields(one)
        if f.default is MISSING or getattr(one, f.name) != f.default
    ]
    return f"{one.name} ({', '.join(changed)})" if changed else one.name
