r"""A run of emitters of a few species, by the entries of ρ between the Dicke states of each.

.. math::
   \dot ρ = −i(H_{eff}ρ − ρH_{eff}^†) + \sum_{AB} Γ_{AB} J^-_B ρ J^+_A + \text{individual jumps}

(`basis.species_space`). Without a drive only entries are kept whose row and column have equally
many excitations in all, among them the coherences between two species.
"""

from collections.abc import Callable
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective.engines.base import resumed
from collective.engines.basis.species import Species, pair_correlations
from collective.engines.basis.species_space import SpeciesSpace
from collective.engines.basis.species_states import start_of
from collective.engines.record import Recorder
from collective.engines.request import Request
from collective.engines.symmetric.density import Density

if TYPE_CHECKING:
    from collective.results.result import Result


class SpeciesBlocks:
    """The generator of the entries, and what is read off them.

    Args:
        found: the species.
    """

    def __init__(self, found: Species):
        self.space = SpeciesSpace(found, None if found.driven else 0)
        self._still, self._found = self.space.generator(), found
        self._up: Any = None
        self._down: Any = None
        if found.driven:
            self._up, self._down = self.space.drives()
        self._diagonal = np.flatnonzero(self.space.trace)
        self._numbers = self.space.numbers()
        self._bright = self.space.brightness()
        self._order, self._sides = self._blocks()

    def _blocks(self) -> tuple[NDArray[np.int64], list[int]]:
        """The order of entries in which the blocks of ρ follow each other, and their sides."""
        space = self.space
        ladder = space.dark
        if space.difference is not None:
            ladder = np.vstack([ladder, space.rows.sum(axis=0)[None]])
        order = np.lexsort((*space.columns[::-1], *space.rows[::-1], *ladder[::-1]))
        firsts = np.flatnonzero(np.any(np.diff(ladder[:, order], axis=1) != 0, axis=0)) + 1
        sizes = np.diff(np.concatenate([[0], firsts, [len(order)]]))
        return order, [isqrt(int(size)) for size in sizes]

    def slope(
        self, envelope: Callable[[float], complex] | None
    ) -> Callable[[float, NDArray[Any]], NDArray[Any]]:
        """A function of time and of all entries that returns dρ/dt."""
        if envelope is None or self._up is None:
            whole = self._still if self._up is None else self._still + self._up + self._down
            return lambda t, rho: whole @ rho
        still, up, down = self._still, self._up, self._down

        def driven(t: float, rho: NDArray[Any]) -> NDArray[Any]:
            value = complex(envelope(t))
            return still @ rho + value * (up @ rho) + value.conjugate() * (down @ rho)

        return driven

    def diagonal(self, rho: NDArray[Any]) -> NDArray[np.float64]:
        """Populations of the products of Dicke states, (D,)."""
        return rho[self._diagonal].real

    def read(self, rho: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """⟨n̂_A⟩ of each species, (S,), and ⟨J⁺_AJ⁻_B⟩, (S, S)."""
        return (self._numbers @ rho).real, np.array(
            [[row @ rho for row in rows] for rows in self._bright]
        )

    def smallest_eigenvalue(self, rho: NDArray[Any]) -> float:
        """The smallest eigenvalue of all blocks."""
        lowest, first, ordered = np.inf, 0, rho[self._order]
        for side in self._sides:
            block = ordered[first : first + side**2].reshape(side, side)
            lowest = min(lowest, np.linalg.eigvalsh((block + block.conj().T) / 2)[0])
            first += side**2
        return float(lowest)


class SpeciesRun:
    """⟨n̂_A⟩ and ⟨J⁺_AJ⁻_B⟩ at the output times reached so far; see `base.Run`.

    Args:
        request: its species are known to be `found`.
        found: the species.
        earlier: an interrupted result of the same request, or None.
    """

    def __init__(self, request: Request, found: Species, earlier: "Result | None"):
        self._request, self._found = request, found
        self._blocks = SpeciesBlocks(found)
        rho = start_of(request.state, self._blocks.space, request.couplings.emitters)
        self._dynamics = Density(self._blocks, rho, request)
        self._recorder = Recorder(request)
        self._started = False
        self._steps = 0
        if earlier is None:
            self._record()
            return
        now = resumed(earlier, "state", rho.shape)
        size = len(found)
        further = {
            "numbers": resumed(earlier, "numbers", (len(earlier.times), size)),
            "bright": resumed(earlier, "bright", (len(earlier.times), size, size)),
        }
        self._recorder.restore(earlier, ("emission",), further=further, now=now)
        self._dynamics.now = now
        self._steps = int(earlier.diagnostics.get("steps", 0))

    @property
    def done(self) -> bool:
        """Whether every output time is reached."""
        return self._recorder.done

    @property
    def share(self) -> float:
        """The share of the output times that is reached."""
        return self._recorder.share

    def advance(self) -> None:
        """Step to the next output time."""
        times, reached = self._request.times, self._recorder.reached
        if not self._started:
            self._dynamics.start(float(times[reached - 1]))
            self._started = True
        self._dynamics.to(float(times[reached]))
        self._record()

    def _record(self) -> None:
        """Record the next output time."""
        found, rho = self._found, self._dynamics.now
        trace = float(self._blocks.diagonal(rho).sum())
        if not np.isfinite(trace):
            raise FloatingPointError("the populations are not finite")
        numbers, bright = self._blocks.read(rho)
        emission = np.sum(found.collective * bright).real + found.individual @ numbers
        rows = {"emission": np.array([emission]), "numbers": numbers[None], "bright": bright[None]}
        due = self._recorder.eigenvalue_due()
        smallest = {0: self._blocks.smallest_eigenvalue(rho)} if due else None
        self._recorder.add(rows, trace_error=abs(trace - 1), smallest=smallest, now=rho)

    def fields(self) -> dict[str, Any]:
        """The recorded arrays by the names of `Result`."""
        fields, found = self._recorder.fields(), self._found
        numbers, bright = fields.pop("numbers"), fields.pop("bright")
        fields["populations"] = (numbers / found.counts)[:, found.labels]
        fields["excitation"] = numbers.sum(axis=1)
        if "correlations" in self._request.words:
            fields["correlations"] = pair_correlations(found, numbers, bright)
        return fields

    def diagnostics(self) -> dict[str, Any]:
        """Checks, the species, and the steps of all parts of a run that was interrupted."""
        steps = self._steps + self._dynamics.diagnostics().get("steps", 0)
        species = [int(count) for count in self._found.counts]
        return {**self._recorder.checks(), "species": species, "steps": steps}

    def resume(self) -> dict[str, NDArray[Any]]:
        """All entries of ρ, and what is recorded of each species."""
        recorded = self._recorder.fields()
        kept = {name: recorded[name] for name in ("numbers", "bright")}
        return {"state": self._recorder.now, **kept}

    def notes(self) -> list[str]:
        """No warnings."""
        return []

    def close(self) -> None:
        """Nothing is held beyond the run."""
