"""Exact evolution in a bath of lossy modes, refined until it no longer changes: `refined`."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.emitters import Emitters, Multilevel
from collective.engines.base import Engine
from collective.errors import EvolutionError
from collective.evolution.evolve import evolve
from collective.evolution.hierarchy import Hierarchy
from collective.evolution.pseudomodes import WithModes
from collective.master.pseudomodes import bare
from collective.results.result import Result
from collective.spectral.brownian import BrownianModes
from collective.spectral.lossy import LossyModes

if TYPE_CHECKING:
    from qutip import Qobj

EXACT = ("modes", "heom")
FINEST = 1e-11  # tolerance: the integrators are a hundred times finer
_QUANTA = 2  # in each mode, at first
_DEPTH = 2  # of the hierarchy, at first
_MOST = 40  # quanta, or depth
_MOST_TERMS = 128  # of the Matsubara sum


def refined(
    name: str,
    system: Multilevel | Emitters,
    environment: LossyModes | BrownianModes,
    state: Any,
    times: Any,
    *,
    tolerance: float,
    progress: bool,
) -> Result:
    """ρ of the emitters with "modes" or "heom", refined until ρ changes by less than a tolerance.

    `Result.diagnostics["truncation_error"]` is the last change, a trace distance, and
    `Result.reason` says how fine the last run was. An interrupted result has no such number.

    Raises:
        EvolutionError: if a run fails, or if the finest one still changes ρ.
        ProblemTooLargeError: if the next finer run does not fit into memory.
    """
    equation = bare(system)
    ladder: _Quanta | _Depths
    if name == "modes":
        assert isinstance(environment, LossyModes)
        ladder = _Quanta(environment, tolerance)
    else:
        ladder = _Depths(environment, tolerance)
    rtol = min(1e-8, tolerance / 100)
    coarser: Result | None = None
    while (engine := ladder.engine()) is not None:
        found = evolve(
            equation,
            state,
            times,
            method=engine,
            observe="states",
            rtol=rtol,
            atol=rtol / 100,
            progress=progress,
        )
        if not found.complete:
            return found
        change = None if coarser is None else float(trace_distances(found, coarser).max())
        if ladder.settled(found, change):
            reason = f"{found.reason}; a coarser run differs by {ladder.error:.1e}"
            told = {**found.diagnostics, "truncation_error": ladder.error}
            return found.replace(reason=reason, diagnostics=told)
        coarser = found
    raise EvolutionError(
        f"{name!r} did not settle to {tolerance:g} with {ladder.text}: the last refinement changed "
        f"ρ by {change:.1e}; take a larger tolerance, weaker couplings or shorter times",
        found,
    )


class _Quanta:
    """Which numbers of quanta are tried: modes that are full get more, and at last all of them."""

    def __init__(self, modes: LossyModes, tolerance: float):
        self._modes, self._tolerance = modes, tolerance
        self._quanta = np.full(len(modes), _QUANTA)
        self._all_raised = False
        self.error = np.inf

    @property
    def text(self) -> str:
        return f"{', '.join(map(str, self._quanta))} quanta in the modes"

    def engine(self) -> Engine | None:
        """The engine of the next run, or None if there is none."""
        if self._quanta.max() > _MOST:
            return None
        return WithModes(self._modes, tuple(map(int, self._quanta)))

    def settled(self, found: Result, change: float | None) -> bool:
        """Whether the last run is fine enough; if not, raise the numbers."""
        if self._all_raised and change is not None:
            self.error = change
            if change <= self._tolerance:
                return True
        full = np.array(found.diagnostics["highest_level"]) > self._tolerance
        self._all_raised = not np.any(full)
        self._quanta = self._quanta + (full | self._all_raised)
        return False


class _Depths:
    """Which hierarchies are tried: more Matsubara terms at a small depth, then a larger depth."""

    def __init__(self, bath: LossyModes | BrownianModes, tolerance: float):
        self._bath, self._tolerance = bath, tolerance
        self._depth, self._terms = _DEPTH, 0
        self._of_terms = 0.0 if isinstance(bath, LossyModes) else np.inf  # the last change
        self._of_depth = np.inf
        self._raised = ""

    @property
    def text(self) -> str:
        return f"depth {self._depth} and {self._terms} Matsubara terms"

    @property
    def error(self) -> float:
        """The sum of the last changes."""
        return self._of_terms + self._of_depth

    def engine(self) -> Engine | None:
        """The engine of the next run, or None if there is none."""
        if self._depth > _MOST or self._terms > _MOST_TERMS:
            return None
        return Hierarchy(self._bath, self._depth, self._terms)

    def settled(self, found: Result, change: float | None) -> bool:
        """Whether the last run is fine enough; if not, raise the depth or the terms."""
        if change is not None and self._raised == "terms":
            self._of_terms = change
        elif change is not None and self._raised == "depth":
            self._of_depth = change
        if self._of_terms > self._tolerance / 2:
            self._raised = "terms"
            self._terms = 2 * self._terms or 1
            return False
        if self._raised == "terms":  # half as many are enough, as the change shows
            self._raised, self._terms = "back", self._terms // 2
            return False
        if self.error <= self._tolerance:
            return True
        self._raised = "depth"
        self._depth += 1
        return False


def trace_distances(one: Result, other: Result) -> NDArray[np.float64]:
    """½‖ρ_a − ρ_b‖₁ at the times that both results have, (T,)."""
    pairs = zip(one.states or [], other.states or [], strict=False)
    return np.array([_trace_distance(a, b) for a, b in pairs])


def _trace_distance(one: "Qobj", other: "Qobj") -> float:
    return float(0.5 * np.abs(np.linalg.eigvalsh((one - other).full())).sum())
