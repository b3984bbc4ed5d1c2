"""Tables of a scenario file as calls of functions of the package, checked against the schema.

Every error has the line of its key. What only the function itself can check, such as a spacing
below zero, is reported with the line of the argument that the function names.

The file is longer than others because every kind of value is converted here.
"""

import difflib
import math
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zipfile import BadZipFile

import numpy as np

from collective._tools import checks, equality
from collective.scenarios import schema
from collective.scenarios.copies import array_path
from collective.scenarios.options import NAMED, Key, Options
from collective.scenarios.quantities import SI_UNKNOWN, SPELLED, Units, complex_text, quantity
from collective.scenarios.source import Keys, ScenarioError, Source

_LONG = 60  # letters of a key in a message
# what the functions of the package raise for a bad argument
REFUSALS = (ValueError, TypeError, ArithmeticError, MemoryError, LookupError)


@dataclass(frozen=True, eq=False)
class Call:
    """A function of the package, with the arguments that one table of a scenario gives.

    Attributes:
        source: the file.
        where: the keys that lead to the table.
        options: the function and the keys of the table.
        arguments: converted values by the names of the arguments.
    """

    source: Source
    where: Keys
    options: Options
    arguments: dict[str, Any]

    __eq__ = equality.same
    __hash__ = equality.hashed

    def __call__(self, *first: Any) -> Any:
        """The answer of the function; `first` are its arguments that the table does not give.

        Raises:
            ScenarioError: for what the function refuses, with the line.
        """
        return self.guarded(lambda: self.options.function(*first, **self.arguments))

    def guarded(self, function: Callable[[], Any]) -> Any:
        """The answer of a function whose errors are about this table."""
        try:
            return function()
        except ScenarioError:
            raise
        except REFUSALS as error:
            raise self.error(error) from error

    def error(self, error: BaseException) -> ScenarioError:
        """The error of the package as one of the scenario, at the line of the argument it names."""
        text = str(error) or type(error).__name__
        text = text.removeprefix(f"{self.where[-1]}: ") if self.where else text
        first = re.match(r"\w+", text)
        ours = [key.argument for key in self.options.keys.values()]
        colon = "" if first and first.group() in ours else ":"
        where = (*self.where, *self.named(text))
        return self.source.error(where, f"{spelled(self.where)}{colon} {text}")

    def named(self, text: str) -> Keys:
        """The key of the argument that a message names first, if it stands in the table."""
        places = {}
        for key in self.options.keys.values():
            found = re.search(rf"(?<!\w){re.escape(key.argument)}(?!\w)", text)
            if found:
                places[key.name] = found.start()
        first = min(places, key=lambda name: places[name], default=None)
        return (first,) if first and (*self.where, first) in self.source.lines else ()


def spelled(keys: Keys) -> str:
    """Keys as a message shows them: [emitters] dipoles[2], [field] permittivity.kind."""
    if not keys:
        return "the scenario"
    section, *rest = keys
    text = f"[{section}]"
    for i, key in enumerate(rest):
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f"{'.' if i else ' '}{key if len(key) <= _LONG else key[:_LONG] + '…'}"
    return text


def near(word: Any, allowed: Iterable[str]) -> str:
    """What stands after an unknown word: the nearest allowed word, and all of them."""
    every = list(allowed)
    if not every:
        return "nothing more is allowed here"
    close = difflib.get_close_matches(str(word), every, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Allowed: {', '.join(every)}"


@dataclass(frozen=True)
class Reader:
    """Converts the tables of one file.

    Attributes:
        source: the file.
        units: what texts with a unit of SI are converted with.
    """

    source: Source
    units: Units = SI_UNKNOWN

    def table(self, where: Keys, table: Any, options: Options, remark: str = "") -> Call:
        """A table as a call of the function that it stands for.

        Args:
            where: the keys that lead to the table.
            table: its content.
            options: the function and the keys that are allowed.
            remark: what an error says of the variant that has these keys.

        Raises:
            ScenarioError: for an unknown key, a missing one, or a value of the wrong kind.
        """
        self.require_table(where, table)
        for name in table:
            if name not in options.keys:
                raise self.unknown((*where, name), options.keys, remark)
        for key in options.keys.values():
            if key.required and key.name not in table:
                what = f": {key.meaning}" if key.meaning else ""
                raise self.source.error(where, f"{spelled(where)} needs {key.name}{remark}{what}")
        arguments = {
            options.keys[name].argument: self.value((*where, name), options.keys[name], value)
            for name, value in table.items()
        }
        return Call(self.source, where, options, arguments)

    def selected(
        self,
        where: Keys,
        table: Any,
        variants: Mapping[str, Options],
        selector: str,
        default: str | None = None,
    ) -> tuple[str, Call]:
        """A table whose key `selector` says which function it stands for, and that word."""
        self.require_table(where, table)
        if selector not in table and default is None:
            raise self.source.error(
                where, f"{spelled(where)} needs {selector}: one of {', '.join(variants)}"
            )
        word = table.get(selector, default)
        if not isinstance(word, str) or word not in variants:
            raise self.source.error(
                (*where, selector),
                f"{spelled((*where, selector))} must be one of its words, got "
                f"{shown(word)}; {near(word, variants)}",
            )
        rest = {name: value for name, value in table.items() if name != selector}
        remark = f' with {selector} = "{word}"'
        for name in rest:
            others = [each for each, of in variants.items() if name in of.keys]
            if name not in variants[word].keys and others:
                raise self.source.error(
                    (*where, name),
                    f"{spelled(where)} has no key {shown(name)}{remark}, only with "
                    f"{' or '.join(others)}; {near(name, variants[word].keys)}",
                )
        return word, self.table(where, rest, variants[word], remark)

    def require_table(self, where: Keys, table: Any) -> None:
        """Raise for anything but a table."""
        if not isinstance(table, dict):
            raise self.source.error(
                where, f"{spelled(where)} must be a table of keys, got {shown(table)}"
            )

    def unknown(self, where: Keys, allowed: Iterable[str], remark: str = "") -> ScenarioError:
        """The error for a key that is not known, with the section to which it may belong."""
        *outer, name = where
        every = list(allowed)
        elsewhere = ""
        if not difflib.get_close_matches(str(name), every, 1):
            homes = [
                section.name
                for section in schema.SECTIONS.values()
                if section.name not in outer and any(name in of.keys for of in _cheap(section))
            ]
            elsewhere = f"; [{homes[0]}] has such a key" if homes else ""
        return self.source.error(
            where,
            f"{spelled(tuple(outer))} has no key {shown(name)}{remark}{elsewhere}; "
            f"{near(name, every)}",
        )

    def value(self, where: Keys, key: Key, value: Any) -> Any:
        """The converted value of a key.

        Raises:
            ScenarioError: for a value of the wrong kind, or in the wrong unit.
        """
        convert = getattr(self, f"_{key.kind}")
        try:
            return convert(where, key, value)
        except ScenarioError:
            raise
        except REFUSALS as error:
            raise self.source.error(where, f"{spelled(where)} {error}") from None

    def _wrong(self, where: Keys, key: Key, value: Any) -> ScenarioError:
        """The error for a value of the wrong kind."""
        unit = f" ({SPELLED[key.dimension]})" if key.dimension else ""
        return self.source.error(
            where, f"{spelled(where)} must be {NAMED[key.kind]}{unit}, got {shown(value)}"
        )

    def _integer(self, where: Keys, key: Key, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(where, key, value)
        return value

    def _number(self, where: Keys, key: Key, value: Any) -> float | int:
        found = self._scalar(where, key, value)
        if isinstance(found, complex):
            raise self._wrong(where, key, value)
        return found

    def _complex(self, where: Keys, key: Key, value: Any) -> complex:
        return self._scalar(where, key, value)

    def _scalar(self, where: Keys, key: Key, value: Any) -> Any:
        """A finite number, real or complex, or a text with a unit."""
        if isinstance(value, str):
            found = complex_text(value)
            if found is not None:
                return found
            try:
                return quantity(value, key.dimension, self.units)
            except ValueError as error:
                raise self.source.error(where, f"{spelled(where)} {error}") from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(where, key, value)
        if isinstance(value, float) and not math.isfinite(value):
            raise self.source.error(where, f"{spelled(where)} must be finite, got {value}")
        return value

    def _array(self, where: Keys, key: Key, value: Any) -> Any:
        """Numbers: one, nested lists, evenly spaced ones, or those of a file."""
        found = self._entries(where, key, value)
        if isinstance(found, list):
            try:
                checks.finite("", found, None, largest=np.inf)
            except ValueError as error:
                raise self.source.error(where, f"{spelled(where)}{error}") from None
        return found

    def _entries(self, where: Keys, key: Key, value: Any) -> Any:
        """Numbers, in lists that need not be regular."""
        if isinstance(value, dict) and "file" in value:
            return self._of_file(where, key, value)
        if isinstance(value, dict):
            return self._range(where, key, value)
        if isinstance(value, list):
            return [self._entries((*where, i), key, each) for i, each in enumerate(value)]
        return self._scalar(where, key, value)

    def _range(self, where: Keys, key: Key, value: dict[str, Any]) -> Any:
        ends = {
            name: Key(name, "number", name, dimension=key.dimension) for name in ("start", "stop")
        }
        more = {"number": Key("number", "integer", "number"), "log": Key("log", "flag", "log", 0)}
        return self.table(where, value, Options(schema.evenly, {**ends, **more}))()

    def _of_file(self, where: Keys, key: Key, value: dict[str, Any]) -> Any:
        """An array of a .npy or .npz file, whose path is relative to the scenario."""
        known = {name: Key(name, "text", name) for name in ("file", "name")}
        if str(value["file"]).endswith(".npy"):
            known["name"] = Key("name", "text", "name", None)
        given = self.table(where, value, Options(dict, known)).arguments
        path = array_path(self.source, given["file"])
        try:
            with open(path, "rb") as stream:
                found = np.load(stream, allow_pickle=False)
                if isinstance(found, np.ndarray):
                    return found
                if given["name"] in found.files:
                    return found[given["name"]]
                known_names = found.files
        except FileNotFoundError:
            raise self.source.error((*where, "file"), f"file: there is no {path}") from None
        except (*REFUSALS, OSError, EOFError, BadZipFile, zlib.error) as error:
            what = getattr(error, "strerror", None) or error
            raise self.source.error(
                (*where, "file"), f"file: {path} cannot be read as arrays of numpy: {what}"
            ) from None
        raise self.source.error(
            (*where, "name"),
            f"name: the file has no array {given['name']!r}; {near(given['name'], known_names)}",
        )

    def _flag(self, where: Keys, key: Key, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self._wrong(where, key, value)
        return value

    def _text(self, where: Keys, key: Key, value: Any) -> str:
        if not isinstance(value, str):
            raise self._wrong(where, key, value)
        return value

    def _word(self, where: Keys, key: Key, value: Any) -> str:
        if not isinstance(value, str) or (key.choices and value not in key.choices):
            if not key.choices:
                raise self._wrong(where, key, value)
            raise self.source.error(
                where,
                f"{spelled(where)} must be one of its words, got {shown(value)}; "
                f"{near(value, key.choices)}",
            )
        return value

    def _permutations(self, where: Keys, key: Key, value: Any) -> Any:
        if isinstance(value, str):
            return self._word(where, key, value)
        if not isinstance(value, list):
            raise self._wrong(where, key, value)
        return [self._array((*where, i), key, each) for i, each in enumerate(value)]

    def _polarisation(self, where: Keys, key: Key, value: Any) -> Any:
        convert = self._word if isinstance(value, str) else self._array
        return convert(where, key, value)

    def _material(self, where: Keys, key: Key, value: Any) -> Any:
        if not isinstance(value, dict):
            return self._scalar(where, key, value)
        kinds, word, metres = schema.material_kinds(), value.get("kind"), self.units.wavelength
        if isinstance(word, str) and word in kinds and "length" in kinds[word].keys and metres:
            value = {"length": metres, **value}
        return self.selected(where, value, kinds, "kind")[1]()

    def _state(self, where: Keys, key: Key, value: Any) -> Any:
        table = {"kind": value} if isinstance(value, str) else value
        if not isinstance(table, dict):
            raise self._wrong(where, key, value)
        return self.selected(where, table, schema.state_kinds(), "kind")[1]()

    def _levels(self, where: Keys, key: Key, value: Any) -> Any:
        """Names of levels, or their numbers."""
        if isinstance(value, list):
            return [self._level((*where, i), key, each) for i, each in enumerate(value)]
        return self._level(where, key, value)

    def _level(self, where: Keys, key: Key, value: Any) -> str | int:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self._wrong(where, key, value)
        return value

    def _drive(self, where: Keys, key: Key, value: Any) -> Any:
        """Rabi frequencies, or the call of `plane_wave`, which needs the emitters."""
        if isinstance(value, dict) and not {"file", "start", "stop", "number"} & value.keys():
            return self.table(where, value, schema.drive_options())
        return self._array(where, key, value)

    def _disorder(self, where: Keys, key: Key, value: Any) -> Call:
        """The call of a method of `Emitters` that adds disorder."""
        return self.table(where, value, schema.disorder()[key.name])

    def _observable(self, where: Keys, key: Key, value: Any) -> Call | None:
        """The call of an observable; None if it is not asked for."""
        if isinstance(value, bool):
            value = {} if value else None
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(where, key, value)
        return self.table(where, value, schema.observable_options(key.name))

    def _versions(self, where: Keys, key: Key, value: Any) -> dict[str, str]:
        self.require_table(where, value)
        return {name: self._text((*where, name), key, text) for name, text in value.items()}


def shown(value: Any) -> str:
    """A value as it stands in a file, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return f"the date or time {value.isoformat()}"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list) and len(value) > 3:
        return f"a list of {len(value)}"
    return checks.short(value)


def _cheap(section: schema.Section) -> Iterable[Options]:
    """The variants of a section, but for the engines, whose import takes long."""
    return () if section.name == "method" else section.variants().values()
