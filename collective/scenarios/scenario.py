"""A scenario: emitters, a field, a state, times, an engine and observables, read from a file."""

import os
import re
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks, equality
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couple import couple
from collective.couplings.couplings import Couplings
from collective.emitters import Atoms, Emitters
from collective.engines.choice import methods
from collective.engines.methods import Methods
from collective.errors import EvolutionError
from collective.evolution.evolve import evolve
from collective.master.equation import MasterEquation
from collective.observables import moment
from collective.scenarios import schema
from collective.scenarios.grids import Axis
from collective.scenarios.observing import OBSERVABLES
from collective.scenarios.outcome import Outcome
from collective.scenarios.source import Keys, ScenarioError, Source
from collective.scenarios.tables import REFUSALS, Call
from collective.validity import Validity

_INSIDE_COUPLE = ("shift", "temperature", "level_shifts", "by_displacement")


@dataclass(frozen=True, eq=False, repr=False)
class Scenario:
    """What a scenario file describes, checked; for a sweep, its first point.

    `read` makes it.

    Attributes:
        file: the file.
        source: the file without its grid, at the point that this scenario describes.
        title: of the figure; "" without.
        axes: the keys that a sweep changes; empty without a section [grid].
        emitters: `Emitters`, or `Atoms` with a section [atoms], or None if matrices are given
            without.
        field: the field, or None if matrices are given without.
        state: the initial state, or None without a time evolution.
        times: (T,), or None without a time evolution.
        method: an engine, or "auto".
        calls: each section as the call of a function.
        observe: the call of each observable by its name.
        words: "correlations", "states": what the result must hold.
        output: folder, figure and dataset, as far as given.
    """

    file: Source
    source: Source
    title: str
    axes: tuple[Axis, ...]
    emitters: Emitters | Atoms | None
    field: Any
    state: Any
    times: NDArray[np.float64] | None
    method: Any
    calls: dict[str, Call]
    observe: dict[str, Call]
    words: tuple[str, ...]
    output: dict[str, str]

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.lock(self.times)

    def couplings(self) -> Couplings | ChannelCouplings | MasterEquation:
        """Γ and Δ with what else acts on the emitters, or the master equation.

        Raises:
            ScenarioError: for what `couple`, `Couplings` or `master_equation` refuses.
        """
        first = "couplings", "master_equation", "atoms", "emitters", "field"
        return self._guarded(self._couplings, first)

    def _couplings(self) -> Couplings | ChannelCouplings | MasterEquation:
        if "master_equation" in self.calls:
            call = self.calls["master_equation"]
            return call.options.function(self.emitters, self.field, **call.arguments)
        given = dict(self.calls["couplings"].arguments)
        if isinstance(given.get("drive"), Call):
            given["drive"] = given["drive"](self.emitters)
        if "decay" in given:
            assert not isinstance(self.emitters, Atoms)  # which have no matrices of their own
            return Couplings(**given, emitters=self.emitters, field=self.field)
        inside = {name: given.pop(name) for name in _INSIDE_COUPLE if name in given}
        assert self.emitters is not None
        found = couple(self.emitters, self.field, **inside)
        return found.replace(**given) if given else found

    def validity(self) -> Validity:
        """The assumptions behind the couplings, with their numbers."""
        return self.couplings().validity()

    def methods(self) -> Methods:
        """What each engine would take, as `co.methods`.

        Raises:
            ScenarioError: for a scenario without a time evolution, or arguments that do not fit.
        """
        couplings = self.couplings()
        return self._guarded(lambda: methods(couplings, *self._evolution(), **self._options()))

    def _evolution(self) -> tuple[Any, NDArray[np.float64]]:
        """The state and the times; raises without them."""
        if self.times is None:
            raise self.source.error((), "this needs sections [state] and [times]")
        return self.state, self.times

    def _options(self) -> dict[str, Any]:
        """The named arguments of `evolve`."""
        return {"method": self.method, "observe": self.words, **self.calls["run"].arguments}

    def run(
        self,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: bool = True,
    ) -> Outcome:
        """Compute everything that the scenario asks for.

        Args:
            checkpoint: a file in which a long run is kept, as in `evolve`.
            progress: whether to show progress.

        Returns:
            `Outcome`, with the result and the observables. Its result is not complete after Ctrl-C;
            it then has no observables.

        Raises:
            ScenarioError: for values that do not fit together, a problem that does not fit into
                memory, or a scenario with a grid.
            EvolutionError: if the run failed.

        Example:
            >>> import collective as co, tempfile, pathlib
            >>> file = pathlib.Path(tempfile.mkdtemp()) / "pair.toml"
            >>> written = file.write_text('''
            ... emitters = {kind = "chain", n = 2, spacing = 0.1}
            ... field = {kind = "vacuum"}
            ... state = {kind = "inverted"}
            ... times = {stop = 4, number = 81}
            ... ''')
            >>> outcome = co.scenarios.read(file).run()
            >>> float(outcome.result.emission[0].round(6))
            2.0
        """
        if self.axes:
            raise self.file.error(
                ("grid",),
                "[grid] makes this a sweep: use co.scenarios.sweep, or `collective sweep`",
            )
        couplings = self.couplings()
        before = [name for name in self.observe if not of_result(name)]
        answers = {name: self.observe[name](couplings) for name in before}
        result = None
        if self.times is not None:
            self._try_observables(couplings)
            options = {**self._options(), "checkpoint": checkpoint, "progress": progress}
            result = self._guarded(lambda: evolve(couplings, *self._evolution(), **options))
        if result is not None and (result.complete or "ended" in result.diagnostics):
            after = [name for name in self.observe if of_result(name)]
            answers |= {name: self.observe[name](result) for name in after}
        asked = self.source.data.get("observe", {})
        left_out = tuple(word for word in self.words if not asked.get(word))
        return Outcome(self.title, couplings, result, answers, self.observe, left_out)

    def _try_observables(self, couplings: Couplings | ChannelCouplings | MasterEquation) -> None:
        """Raise for bad arguments of observables now, and not after a long run.

        Those that need correlations are computed once for the initial state.
        """
        asked = [name for name in self.observe if OBSERVABLES[name].needs == "correlations"]
        if not asked:
            return
        try:
            start = moment(couplings, self.state)
        except REFUSALS:  # its correlations are not known without a time evolution
            return
        for name in asked:
            self.observe[name](start)

    @property
    def points(self) -> int:
        """The number of points of the grid, 1 without one."""
        return prod(len(axis.values) for axis in self.axes)

    def __repr__(self) -> str:
        kind = f"a sweep of {self.points:,} points" if self.axes else "one run"
        noun = "atoms" if isinstance(self.emitters, Atoms) else "emitters"
        n = "" if self.emitters is None else f", {len(self.emitters)} {noun}"
        return f"Scenario({str(self.file.path)!r}: {kind}{n})"

    def _guarded(self, function: Any, first: tuple[str, ...] = ()) -> Any:
        """The answer of a function, whose refusal becomes an error at the key that it names."""
        try:
            return function()
        except (ScenarioError, EvolutionError):
            raise
        except REFUSALS as error:
            text = str(error) or type(error).__name__
            keys = self._blamed(text, (*first, "run"))
            raise self.source.error(keys, text) from error

    def _blamed(self, text: str, sections: tuple[str, ...]) -> Keys:
        """The keys that a message of the package is about: what it names first."""
        places: dict[Keys, int] = {}
        for name in sections:
            call = self.calls.get(name)
            if call is None:
                continue
            for key in call.options.keys.values():
                keys = (*call.where, key.name)
                if len(key.argument) > 1 and keys in self.source.lines:
                    places[keys] = _place(key.argument, text)
        for name, section in schema.SECTIONS.items():
            if (name,) in self.source.lines:
                selector = (name, section.selector)
                keys = selector if selector in self.source.lines else (name,)
                places.setdefault(keys, _place(name, text))
        named = {keys: place for keys, place in places.items() if place >= 0}
        return min(named, key=lambda keys: named[keys]) if named else ("emitters",)


def _place(word: str, text: str) -> int:
    """Where a word stands in a text; −1 if it does not."""
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)
    return -1 if found is None else found.start()


def of_result(name: str) -> bool:
    """Whether an observable needs a time evolution."""
    return OBSERVABLES[name].of == "result"
