"""One problem solved under several approximations, and the distances between the results.

`compare` also compares engines, see `engine_comparison`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.console import aligned, printable
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.emitters import Emitters, Multilevel
from collective.engines.base import Engine
from collective.errors import EvolutionError
from collective.evolution.engine_comparison import EngineComparison, compare_engines
from collective.evolution.evolve import evolve
from collective.evolution.references import EXACT, FINEST, refined, trace_distances
from collective.master.approximations import APPROXIMATIONS
from collective.master.master_equation import derive, equation_of
from collective.master.pseudomodes import checked_environment
from collective.results.result import Result

_DEFAULT = ("universal", "rwa")
_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Comparison:
    """Results of one problem under several approximations, in one frame.

    Attributes:
        results: one for each approximation, with states. Those of "modes" and "heom" have no
            emission, and their `equation` is H₀ of the emitters alone, because no equation for ρ
            alone is exact; their `reason` says how far they were refined.
        distances: trace distance ½ ``‖ρ_a − ρ_b‖₁`` of every pair of approximations, (T,).
        complete: False if the comparison was interrupted; the results until then are kept.
    """

    results: dict[str, Result]
    distances: dict[tuple[str, str], NDArray[np.float64]]
    complete: bool = True

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.lock(vars(self))

    @property
    def times(self) -> NDArray[np.float64]:
        """The times that all results have, (T,)."""
        return min((result.times for result in self.results.values()), key=len)

    def distance(self, one: str, other: str) -> NDArray[np.float64]:
        """Trace distance of two approximations, whose order does not matter, (T,).

        Raises:
            KeyError: for an approximation that was not compared.
        """
        checks.instance("one", one, str, "the name of an approximation")
        checks.instance("other", other, str, "the name of an approximation")
        for pair in ((one, other), (other, one)):
            if pair in self.distances:
                return self.distances[pair]
        raise KeyError(
            f"there is no distance between {one!r} and {other!r}; the comparison has "
            f"{list(self.results)}"
        )

    @printable
    def __str__(self) -> str:
        rows = [("approximations", "largest distance", "at t")]
        for (one, other), values in self.distances.items():
            k = int(np.argmax(values))
            rows.append((f"{one} – {other}", f"{values[k]:.3e}", f"{self.times[k]:.4g}"))
        text = aligned(rows, "<24 >16 >10")
        if self.complete:
            return text
        return f"{text}\nINCOMPLETE: interrupted; it has {', '.join(self.results)}"

    __repr__ = __str__


@overload
def compare(
    system: Couplings | ChannelCouplings,
    environment: Any,
    state: Any = ...,
    times: None = ...,
    *,
    engines: Sequence[str | Engine],
    seed: int | None = ...,
    threads: int | None = ...,
    progress: bool = ...,
) -> EngineComparison: ...
@overload
def compare(
    system: Multilevel | Emitters,
    environment: Any,
    state: Any,
    times: ArrayLike,
    *,
    approximations: Sequence[str] = ...,
    temperature: float = ...,
    tolerance: float = ...,
    progress: bool = ...,
) -> Comparison: ...
def compare(
    system: Any,
    environment: Any = None,
    state: Any = None,
    times: Any = None,
    *,
    approximations: Sequence[str] = _DEFAULT,
    temperature: float = 0.0,
    tolerance: float = _TOLERANCE,
    engines: Sequence[str | Engine] | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: bool = True,
) -> Comparison | EngineComparison:
    """Evolve one problem under several master equations, or by several engines.

    ``compare(system, environment, state, times, approximations=[...])`` computes the trace
    distances of several master equations; no probability differs by more than this distance.
    ``compare(couplings, state, times, engines=[...])`` shows where several engines agree, with
    their estimated errors.

    Args:
        system: `Multilevel`, or `Emitters` with a frequency. To compare engines: `Couplings` or
            `ChannelCouplings`, and then there is no environment.
        environment: a field or a `spectral.Bath`; for "modes" `spectral.LossyModes`, for "heom"
            these or `spectral.BrownianModes`.
        state: the initial state, as for `evolve`.
        times: (T,), increasing.
        approximations: two or more of "universal", "redfield", "secular" and "rwa", and of the
            exact "modes", which keeps the modes of the bath in the Hilbert space, and "heom",
            QuTiP's hierarchical equations of motion.
        temperature: of the field, in units of rate. A bath has its own, see `LossyModes.thermal`,
            and modes at another temperature are refused.
        tolerance: of "modes" and "heom": numbers of quanta, the depth of the hierarchy and the
            number of Matsubara terms are raised until ρ changes by less, as a trace distance.
            `Result.diagnostics["truncation_error"]` is the last change.
        engines: names or engines, such as ["cumulants", co.engines.Cumulants(order=3)].
        seed: of the random numbers of engines that sample, as for `evolve`.
        threads: the largest number of threads of an engine.
        progress: whether to show progress bars.

    Returns:
        `Comparison`, in the rotating frame, or `EngineComparison`; `co.plot.comparison` draws both.
        After Ctrl-C it has `complete=False`, and what was reached until then.

    Raises:
        ValueError: for fewer than two approximations, or an unknown one; for "modes" or "heom"
            in an environment that is not made of modes; for an engine that refuses the problem,
            before any engine runs.
        EvolutionError: as for `evolve`; `.result` is the `Comparison` of what was reached.
        KeyboardInterrupt: for Ctrl-C during the first approximation, before it has a result.

    Example:
        >>> import numpy as np, collective as co
        >>> pair = co.chain(2, 0.1, frequency=1e4)
        >>> found = co.compare(pair, co.Vacuum(), co.states.single(0), np.linspace(0, 2, 5))
        >>> bool(found.distance("universal", "rwa").max() < 1e-2)
        True
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> found = co.compare(pair, "inverted", np.linspace(0, 2, 5), engines=["exact", "blocks"])
        >>> bool(abs(found.deviation("exact", "blocks")).max() < 1e-6)
        True
    """
    if isinstance(system, Couplings | ChannelCouplings):
        default = isinstance(approximations, tuple) and approximations == _DEFAULT
        if (
            not default
            or checks.number("temperature", temperature) != 0
            or checks.number("tolerance", tolerance) != _TOLERANCE
        ):
            raise ValueError(
                "approximations, temperature and tolerance are for Emitters or a Multilevel, not "
                "for Couplings"
            )
        given, at = _without_environment(environment, state, times)
        return compare_engines(
            system,
            given,
            at,
            engines,
            seed=seed,
            threads=threads,
            progress=progress,
        )
    if not isinstance(system, Emitters | Multilevel):
        raise TypeError(
            "system must be Emitters or a Multilevel, or Couplings to compare engines; got "
            f"{checks.short(system)}"
        )
    _unused("engines", engines)
    _unused("seed", seed)
    _unused("threads", threads)
    for name, value in (("environment", environment), ("state", state), ("times", times)):
        if value is None:
            raise ValueError(f"{name} is missing: compare(system, environment, state, times)")
    if isinstance(approximations, str) or not isinstance(approximations, Sequence):
        raise ValueError(
            "approximations must be a list of two or more names, such as ('universal', 'rwa'); "
            f"got {checks.short(approximations)}"
        )
    known = (*APPROXIMATIONS, *EXACT)
    names = [checks.choice("approximations", name, known) for name in approximations]
    if len(set(names)) < 2 or len(set(names)) != len(names):
        raise ValueError(f"approximations must be two or more different names, got {names}")
    tolerance = checks.number("tolerance", tolerance, above=0)
    if not FINEST <= tolerance <= 0.1:
        raise ValueError(f"tolerance must be between {FINEST:g} and 0.1, got {tolerance:g}")
    for name in names:
        if name in EXACT:
            checked_environment(name, environment)
    derivation = derive(system, environment, temperature)  # shared by all approximations
    # "rwa" comes last, because it reuses integrals that the others compute
    equations = {
        name: equation_of(derivation, system, name, temperature)
        for name in sorted(names, key=lambda name: name == "rwa")
        if name not in EXACT
    }
    results: dict[str, Result] = {}
    failure: tuple[str, EvolutionError] | None = None
    complete = True
    for name in names:
        try:
            if name in EXACT:
                result = refined(
                    name,
                    system,
                    environment,
                    state,
                    times,
                    tolerance=tolerance,
                    progress=progress,
                )
            else:
                result = evolve(equations[name], state, times, observe="states", progress=progress)
        except EvolutionError as error:
            result, failure = error.result, (name, error)
        except KeyboardInterrupt:
            if not results:
                raise
            complete = False
            break
        results[name] = result.in_frame("rotating")
        complete = result.complete
        if not complete:
            break
    found = _compared(results, complete)
    if failure is not None:
        name, cause = failure
        raise EvolutionError(
            f"approximation {name!r}: {cause}, in a Comparison of {', '.join(results)}", found
        ) from cause
    return found


def _without_environment(first: Any, second: Any, times: Any) -> tuple[Any, Any]:
    """State and times, which come in the first two places, or by their names."""
    if first is None:
        return second, times
    if times is None:
        return first, second
    if second is None:
        return first, times
    raise ValueError("environment: Couplings have one already, leave it out")


def _unused(name: str, value: Any) -> None:
    """Raise if an argument is given that only a comparison of engines uses."""
    if value is not None:
        raise ValueError(f"{name} is for engines: compare(couplings, state, times, engines=[...])")


def _compared(results: dict[str, Result], complete: bool) -> Comparison:
    """The comparison of all pairs of results, at the times that both have."""
    distances = {}
    for one, other in combinations(results, 2):
        try:
            distances[one, other] = trace_distances(results[one], results[other])
        except KeyboardInterrupt:  # the results are kept
            return Comparison(results, distances, complete=False)
    return Comparison(results, distances, complete)
