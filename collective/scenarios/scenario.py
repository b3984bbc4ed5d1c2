"""A scenario: emitters, a field, a state, times, an engine and observables, read from a file."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective.couplings.couple import couple
from collective.couplings.couplings import Couplings
from collective.emitters import Emitters
from collective.engines.choice import methods
from collective.engines.methods import Methods
from collective.errors import EvolutionError
from collective.evolution.evolve import evolve
from collective.master.equation import MasterEquation
from collective.observables import moment
from collective.scenarios import schema
from collective.scenarios.grids import Axis, axes_of, spread, substituted
from collective.scenarios.observing import OBSERVABLES
from collective.scenarios.options import Options
from collective.scenarios.outcome import Outcome
from collective.scenarios.quantities import Units, si_units
from collective.scenarios.source import Keys, ScenarioError, Source, read_source
from collective.scenarios.tables import REFUSALS, Call, Reader, near
from collective.validity import Validity

_LOOKED_AT = 200  # values of an axis that are checked when a file is read
_INSIDE_COUPLE = ("shift", "temperature", "by_displacement")


@dataclass(frozen=True, eq=False, repr=False)
class Scenario:
    """What a scenario file describes, checked; for a sweep, its first point.

    `read` makes it.

    Attributes:
        file: the file.
        source: the file without its grid, at the point that this scenario describes.
        title: of the figure; "" without.
        axes: the keys that a sweep changes; empty without a section [grid].
        emitters: `Emitters`, or None if matrices are given without.
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
    emitters: Emitters | None
    field: Any
    state: Any
    times: NDArray[np.float64] | None
    method: Any
    calls: dict[str, Call]
    observe: dict[str, Call]
    words: tuple[str, ...]
    output: dict[str, str]

    def couplings(self) -> Couplings | MasterEquation:
        """Γ and Δ with what else acts on the emitters, or the master equation.

        Raises:
            ScenarioError: for what `couple`, `Couplings` or `master_equation` refuses.
        """
        return self._guarded(self._couplings, ("couplings", "master_equation", "emitters", "field"))

    def _couplings(self) -> Couplings | MasterEquation:
        if "master_equation" in self.calls:
            call = self.calls["master_equation"]
            return call.options.function(self.emitters, self.field, **call.arguments)
        given = dict(self.calls["couplings"].arguments)
        if isinstance(given.get("drive"), Call):
            given["drive"] = given["drive"](self.emitters)
        if "decay" in given:
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
                ("grid",), "[grid] makes this a sweep: use sweep(), or `collective sweep`"
            )
        couplings = self.couplings()
        before = [name for name in self.observe if not _of_result(name)]
        answers = {name: self.observe[name](couplings) for name in before}
        result = None
        if self.times is not None:
            self._try_observables(couplings)
            options = {**self._options(), "checkpoint": checkpoint, "progress": progress}
            result = self._guarded(lambda: evolve(couplings, *self._evolution(), **options))
        if result is not None and (result.complete or "ended" in result.diagnostics):
            after = [name for name in self.observe if _of_result(name)]
            answers |= {name: self.observe[name](result) for name in after}
        return Outcome(self.title, couplings, result, answers, self.observe)

    def _try_observables(self, couplings: Couplings | MasterEquation) -> None:
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

    def points(self) -> int:
        """The number of points of the grid, 1 without one."""
        return prod(len(axis.values) for axis in self.axes)

    def at(self, chosen: tuple[int, ...]) -> "Scenario":
        """The scenario at one point of the grid, given by the index of the value on each axis."""
        return checked(substituted(self.file, self.axes, chosen), ())

    def indices(self) -> Iterator[tuple[int, ...]]:
        """The indices of all points, the last axis fastest."""
        return product(*(range(len(axis.values)) for axis in self.axes))

    def __repr__(self) -> str:
        kind = f"a sweep of {self.points():,} points" if self.axes else "one run"
        n = "" if self.emitters is None else f", {len(self.emitters)} emitters"
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
        for name in schema.SECTIONS:
            if (name,) in self.source.lines:
                places.setdefault((name,), _place(name, text))
        named = {keys: place for keys, place in places.items() if place >= 0}
        return min(named, key=lambda keys: named[keys]) if named else ("emitters",)


def _place(word: str, text: str) -> int:
    """Where a word stands in a text; −1 if it does not."""
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)
    return -1 if found is None else found.start()


def _of_result(name: str) -> bool:
    """Whether an observable needs a time evolution."""
    return OBSERVABLES[name].of == "result"


def read(path: str | os.PathLike[str]) -> Scenario:
    """Read and check a scenario file.

    Every unknown section or key, and every value of the wrong kind or unit, is an error with the
    file and the line. `collective scenario --example` prints a file to start from.

    Args:
        path: a TOML file.

    Raises:
        ScenarioError: (a ValueError) with file, line and the way out.

    Example:
        >>> import collective as co, tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "pair.toml"
        >>> written = file.write_text('emitters = {kind = "chain", n = 2, spacng = 0.1}')
        >>> co.scenarios.read(file)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        collective.scenarios.source.ScenarioError: ...pair.toml:1: [emitters] has no key 'spacng'...
    """
    source = read_source(path)
    axes = axes_of(source)
    first = checked(substituted(source, axes, (0,) * len(axes)), axes, source)
    for place, axis in enumerate(axes):
        for i in spread(len(axis.values), _LOOKED_AT)[1:]:
            first.at(tuple(i if k == place else 0 for k in range(len(axes))))
    return first


def checked(source: Source, axes: tuple[Axis, ...], whole: Source | None = None) -> Scenario:
    """The scenario of a file without a grid, or of the first point of a grid."""
    allowed = (schema.TITLE, *schema.SECTIONS)
    for name in source.data:
        if name not in allowed:
            raise source.error(
                (name,), f"there is no section or key {name!r} here; {near(name, allowed)}"
            )
    title = source.data.get(schema.TITLE, "")
    if not isinstance(title, str):
        raise source.error((schema.TITLE,), f"title must be a text, got {title!r}")
    reader = Reader(source, _units(source))
    data = source.data
    calls: dict[str, Call] = {}
    made: dict[str, Any] = {}
    for name in ("emitters", "field", "state"):
        if name in data:
            variants = schema.SECTIONS[name].variants()
            _, calls[name] = reader.selected((name,), data[name], variants, "kind")
            made[name] = _made(name, calls[name])
    _couplings_of(reader, data, calls)
    _require_places(source, calls)
    if "times" in data:
        calls["times"] = reader.table(("times",), data["times"], schema.times_options()[""])
        made["times"] = calls["times"]()
    method: Any = "auto"
    if "method" in data:
        method = _method(reader, data["method"])
    calls["run"] = reader.table(("run",), data.get("run", {}), schema.run_options()[""])
    observe, words = _observe(reader, data.get("observe", {}))
    plain = {
        name: reader.table((name,), data.get(name, {}), schema.SECTIONS[name].variants()[""])
        for name in ("output", "made_by")
    }
    if "seed" in plain["made_by"].arguments:
        calls["run"].arguments.setdefault("seed", plain["made_by"].arguments["seed"])
    _require_evolution(source, observe, words)
    return Scenario(
        whole or source,
        source,
        title,
        axes,
        made.get("emitters"),
        made.get("field"),
        made.get("state"),
        made.get("times"),
        method,
        calls,
        observe,
        words,
        _output(source, plain["output"].arguments),
    )


def _units(source: Source) -> Units:
    """What SI units are converted with."""
    options = schema.SECTIONS["units"].variants()[""]
    given = Reader(source).table(("units",), source.data.get("units", {}), options)
    found: Units = given.guarded(lambda: si_units(given.arguments))
    emitters = source.data.get("emitters")
    if "units" in source.data and isinstance(emitters, dict) and "wavelength" in emitters:
        raise source.error(
            ("emitters", "wavelength"),
            "[emitters] wavelength and a section [units] exclude each other: with [units] lengths "
            "are in wavelengths",
        )
    return found


def _made(name: str, call: Call) -> Any:
    """Emitters, field or state of a section."""
    if name != "emitters":
        return call()
    offset = call.arguments.pop("offset", None)
    found = call()
    return found if offset is None else call.guarded(lambda: _moved(found, offset))


def _moved(emitters: Emitters, offset: Any) -> Emitters:
    try:
        return emitters.translated(offset)
    except ValueError as error:
        raise ValueError(str(error).replace("vector", "offset")) from None


def _couplings_of(reader: Reader, data: dict[str, Any], calls: dict[str, Call]) -> None:
    """Add the call of [master_equation] or of [couplings], which may be absent."""
    source = reader.source
    if "master_equation" in data:
        if "couplings" in data:
            raise source.error(
                ("master_equation",), "[master_equation] and [couplings] exclude each other"
            )
        options = schema.SECTIONS["master_equation"].variants()[""]
        calls["master_equation"] = reader.table(
            ("master_equation",), data["master_equation"], options
        )
        return
    table = data.get("couplings", {})
    reader.require_table(("couplings",), table)
    given = "decay" in table
    options = schema.given_couplings() if given else schema.coupled()
    remark = " with a matrix decay" if given else " without a matrix decay"
    calls["couplings"] = reader.table(("couplings",), table, options, remark)


def _require_places(source: Source, calls: dict[str, Call]) -> None:
    """Raise if emitters or a field are missing that the couplings need."""
    given = "couplings" in calls and "decay" in calls["couplings"].arguments
    for name in ("emitters", "field"):
        if name not in calls and not given:
            raise source.error(
                (), f"the scenario needs a section [{name}], or [couplings] with decay and shift"
            )
    drive = None if "couplings" not in calls else calls["couplings"].arguments.get("drive")
    if isinstance(drive, Call) and "emitters" not in calls:
        raise source.error(drive.where, "a plane wave as drive needs a section [emitters]")


def _method(reader: Reader, table: Any) -> Any:
    """The engine of a section [method], or "auto"."""
    reader.require_table(("method",), table)
    names = schema.method_names()
    if table.get("name", "auto") not in names:  # before the engines are imported
        unknown: dict[str, Options] = dict.fromkeys(names, Options(dict, {}))
        reader.selected(("method",), table, unknown, "name", "auto")
    return reader.selected(("method",), table, schema.method_kinds(), "name", "auto")[1]()


def _observe(reader: Reader, table: Any) -> tuple[dict[str, Call], tuple[str, ...]]:
    """The observables of [observe], and what the result must hold for them."""
    given = reader.table(("observe",), table, schema.observables()).arguments
    calls = {n: call for n, call in given.items() if n in OBSERVABLES and call is not None}
    words = {word for word in ("correlations", "states") if given.get(word)}
    words |= {OBSERVABLES[name].needs for name in calls} - {""}
    return calls, tuple(sorted(words))


def _require_evolution(source: Source, observe: dict[str, Call], words: tuple[str, ...]) -> None:
    """Raise if the state or the times are missing, and there is something to evolve."""
    data = source.data
    missing = [name for name in ("state", "times") if name not in data]
    if not missing:
        return
    alone = [name for name in observe if not _of_result(name)]
    if len(missing) == 2 and alone and not words:
        for name in ("method", "run"):
            if name in data:
                raise source.error(
                    (name,), f"[{name}] is for a time evolution, which needs [state] and [times]"
                )
        return
    raise source.error((), f"the scenario needs a section [{missing[0]}]")


def _output(source: Source, given: dict[str, str]) -> dict[str, str]:
    """The checked section [output]."""
    for name, suffixes in (("figure", (".png", ".pdf", ".svg")), ("dataset", (".nc",))):
        text = given.get(name)
        if text is None or (name == "figure" and not text):
            continue
        if not text.endswith(suffixes) or "/" in text or "\\" in text or text in suffixes:
            raise source.error(
                ("output", name),
                f"[output] {name} must be a file name that ends in {' or '.join(suffixes)}, "
                f"without folders; got {text!r}",
            )
    for name, text in given.items():
        if "\0" in text or (name == "folder" and not text):
            raise source.error(("output", name), f"[output] {name} must name a file, got {text!r}")
    return given
