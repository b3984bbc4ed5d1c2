"""From a file to a `Scenario`: every section is read, and what belongs together is checked."""

import os
from dataclasses import replace
from typing import Any

from collective.emitters import Emitters
from collective.scenarios import schema
from collective.scenarios.copies import own_text
from collective.scenarios.grids import Axis, axes_of, spread, substituted
from collective.scenarios.observing import OBSERVABLES
from collective.scenarios.options import Options
from collective.scenarios.quantities import Units, si_units
from collective.scenarios.scenario import Scenario, of_result
from collective.scenarios.source import Source, read_source
from collective.scenarios.tables import Call, Reader, near, shown
from collective.units import atom

_LOOKED_AT = 200  # values of an axis that are checked when a file is read


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
    own_text(source)  # raises if it has a section [made_by] that is not the last one
    axes = axes_of(source)
    first = checked(substituted(source, axes, (0,) * len(axes)), axes, source)
    for place, axis in enumerate(axes):
        for i in spread(len(axis.values), _LOOKED_AT)[1:]:
            chosen = tuple(i if k == place else 0 for k in range(len(axes)))
            checked(substituted(source, axes, chosen))
    return first


def at(scenario: Scenario, chosen: tuple[int, ...]) -> Scenario:
    """The scenario at one point of its grid, given by the index of the value on each axis."""
    return checked(substituted(scenario.file, scenario.axes, chosen))


def checked(source: Source, axes: tuple[Axis, ...] = (), whole: Source | None = None) -> Scenario:
    """The scenario of a file without a grid, or of the first point of a grid.

    Args:
        source: the file without its grid.
        axes: of the grid.
        whole: the file with its grid.

    Raises:
        ScenarioError: for whatever is wrong in it.
    """
    allowed = (schema.TITLE, *schema.SECTIONS)
    for name in source.data:
        if name not in allowed:
            raise source.error(
                (name,), f"there is no section or key {shown(name)} here; {near(name, allowed)}"
            )
    title = source.data.get(schema.TITLE, "")
    if not isinstance(title, str):
        raise source.error((schema.TITLE,), f"title must be a text, got {shown(title)}")
    reader = Reader(source, _units(source))
    data = source.data
    calls: dict[str, Call] = {}
    made: dict[str, Any] = {}
    for name in ("emitters", "field", "state"):
        if name in data:
            variants = schema.SECTIONS[name].variants()
            _, calls[name] = reader.selected((name,), data[name], variants, "kind")
            made[name] = _made(name, calls[name])
    if "atoms" in data:
        calls["atoms"] = _atoms(reader, data)
        made["emitters"] = calls["atoms"](made["emitters"].positions)
        _require_levels(calls, made)
    _couplings_of(reader, data, calls)
    _require_places(source, calls)
    if "times" in data:
        calls["times"] = reader.table(("times",), data["times"], schema.times_options()[""])
        made["times"] = calls["times"]()
    method: Any = "auto"
    if "method" in data:
        method = _method(reader, data["method"])
    calls["run"] = reader.table(("run",), data.get("run", {}), schema.run_options()[""])
    observe, words = _observe(reader, data.get("observe", {}), method)
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
    for name in ("emitters", "atoms"):
        table = source.data.get(name)
        if "units" in source.data and isinstance(table, dict) and "wavelength" in table:
            raise source.error(
                (name, "wavelength"),
                f"[{name}] wavelength and a section [units] exclude each other: with [units] "
                "lengths are in wavelengths",
            )
    return _of_line(source, found)


def _of_line(source: Source, found: Units) -> Units:
    """The wavelength and the linewidth of the atoms, if their line has a name."""
    table = source.data.get("atoms")
    name = table.get("line") if isinstance(table, dict) else None
    if not isinstance(name, str):
        return found
    try:
        line = atom(name)
    except ValueError as error:
        raise source.error(("atoms", "line"), f"[atoms] line: {error}") from None
    if "units" in source.data:
        raise source.error(
            ("units",),
            f"[units] and the line {name!r} of [atoms], which has both, exclude each other",
        )
    return Units(line.wavelength, line.linewidth)


def _atoms(reader: Reader, data: dict[str, Any]) -> Call:
    """The call of a section [atoms], which needs the places of [emitters]."""
    source = reader.source
    if "emitters" not in data:
        raise source.error(
            ("atoms",), "[atoms] needs a section [emitters], which says where the atoms are"
        )
    for name in data["emitters"]:
        if name in schema.two_level_keys():
            raise source.error(
                ("emitters", name),
                f"[emitters] {name} describes two-level emitters; what the atoms are is said in "
                "[atoms]",
            )
    if "master_equation" in data:
        raise source.error(
            ("master_equation",),
            "[master_equation] is for two-level emitters here; with [atoms] use [couplings], which "
            "is the same within the rotating-wave approximation",
        )
    return reader.selected(("atoms",), data["atoms"], schema.atom_kinds(), "kind", "line")[1]


def _made(name: str, call: Call) -> Any:
    """Emitters, field or state of a section."""
    if name != "emitters":
        return call()
    given = call.arguments
    offset = given.get("offset")
    disorder = [given[kind] for kind in schema.disorder() if kind in given]
    plain = {n: each for n, each in given.items() if n not in ("offset", *schema.disorder())}
    found = replace(call, arguments=plain)()
    if offset is not None:
        found = call.guarded(lambda: _moved(found, offset))
    for change in disorder:
        found = change(found)
    return found


def _moved(emitters: Emitters, offset: Any) -> Emitters:
    try:
        return emitters.translated(offset)
    except ValueError as error:
        raise ValueError(str(error).replace("vector", "offset")) from None


def _require_levels(calls: dict[str, Call], made: dict[str, Any]) -> None:
    """Raise for a state of levels that the atoms do not have."""
    vectors = getattr(made.get("state"), "level_vectors", None)
    if vectors is not None:
        calls["state"].guarded(lambda: vectors(made["emitters"]))


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
    if "atoms" in data:
        calls["couplings"] = reader.table(
            ("couplings",), table, schema.coupled_atoms(), " with a section [atoms]"
        )
        return
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


def _observe(reader: Reader, table: Any, method: Any) -> tuple[dict[str, Call], tuple[str, ...]]:
    """The observables of [observe], and what the result of the method must hold for them."""
    given = reader.table(("observe",), table, schema.observables()).arguments
    calls = {n: call for n, call in given.items() if n in OBSERVABLES and call is not None}
    words = {word for word in ("correlations", "states") if given.get(word)}
    words |= {OBSERVABLES[name].needed(method) for name in calls} - {""}
    return calls, tuple(sorted(words))


def _require_evolution(source: Source, observe: dict[str, Call], words: tuple[str, ...]) -> None:
    """Raise if the state or the times are missing, and there is something to evolve."""
    data = source.data
    missing = [name for name in ("state", "times") if name not in data]
    if not missing:
        return
    alone = [name for name in observe if not of_result(name)]
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
