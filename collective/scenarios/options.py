"""The keys of a table that stands for a function of the package, read from its signature.

So a scenario knows each argument, default and meaning from the one place where the package has
them: the signature and the docstring.
"""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from collective.emitters import Emitters

REQUIRED = inspect.Parameter.empty

# the dimension of every argument that has a unit; of one function alone, with its name before it
DIMENSIONS = {
    "dampings": "inverse length",
    "damping": "inverse length",
    "centre": "length",
    "coupling": "rate",
    "decay": "rate",
    "decay_rates": "rate",
    "delays": "time",
    "dephasing": "rate",
    "detuning": "rate",
    "detunings": "rate",
    "drive": "rate",
    "frequencies": "rate",
    "frequency": "rate",
    "group_velocity": "velocity",
    "ising": "rate",
    "k": "inverse length",
    "linewidth": "rate",
    "magnetic_field": "magnetic field",
    "min_distance": "length",
    "mirror": "length",
    "offset": "length",
    "phi": "angle",
    "plasma_wavenumber": "inverse length",
    "points": "length",
    "positions": "length",
    "pump": "rate",
    "rabi_frequency": "rate",
    "radius": "length",
    "rate": "rate",
    "shift": "rate",
    "side_rate": "rate",
    "spacing": "length",
    "step": "time",
    "temperature": "rate",
    "theta": "angle",
    "thicknesses": "length",
    "waist": "length",
    "wavelength": "length",
    "wavenumber": "inverse length",
    "wavenumbers": "inverse length",
    "wavevector": "inverse length",
    "zeeman": "rate",
    "from_nk.k": "",  # the imaginary part of a refractive index
    "with_motion.width": "length",
    "with_random_detunings.width": "rate",
}

# kinds of values by what an annotation contains; the first that fits
_KINDS = (
    ("Literal['auto'] | Sequence", "permutations"),
    ("State", "state"),
    ("Literal", "word"),
    ("ArrayLike", "array"),
    ("NDArray", "array"),
    ("Sequence", "array"),
    ("tuple", "array"),
    ("bool", "flag"),
    ("complex", "complex"),
    ("float", "number"),
    ("int", "integer"),
    ("str", "word"),
    ("Any", "array"),
)
_LEVELS = ("levels.names",)  # arguments of functions that are names of levels
_MATERIALS = ("permittivity", "permeability")  # arguments of any kind that are no arrays
_WITH_UNITS = ("array", "complex", "number")
# how an error and the reference table name a kind
NAMED = {
    "array": "a number, a list of numbers, {start, stop, number}, or {file, name}",
    "complex": 'a number, or a complex one as text, "1-0.5i"',
    "drive": "a rate, a list with one for each emitter, or a table of `plane_wave`",
    "flag": "true or false",
    "disorder": "a table of its options",
    "integer": "an integer",
    "material": 'a number, a complex one as text, "-50+0.6i", or a table with its kind',
    "levels": "the name of a level or its number, or a list of these",
    "number": "a number",
    "observable": "true, false, or a table of its options",
    "polarisation": "a word, or a vector of three numbers",
    "permutations": '"auto", or a list of permutations',
    "state": "a word, or a table with its kind",
    "text": "a text",
    "word": "a text",
}


@dataclass(frozen=True)
class Key:
    """One key of a table.

    Attributes:
        name: in the file.
        kind: which values it takes, a key of `NAMED`.
        argument: of the function to which the value is given.
        default: of that argument, or `REQUIRED`.
        dimension: of the number, a key of `quantities.SPELLED`.
        choices: the words that are allowed, if all are known.
        meaning: in one line.
    """

    name: str
    kind: str
    argument: str
    default: Any = REQUIRED
    dimension: str = ""
    choices: tuple[str, ...] = ()
    meaning: str = ""

    @property
    def required(self) -> bool:
        """Whether the key must be there."""
        return self.default is REQUIRED


@dataclass(frozen=True)
class Options:
    """A function, and the keys of the table that gives its arguments.

    Attributes:
        function: of the package.
        keys: by their names in the file.
        meaning: what the function makes, in one line.
    """

    function: Callable[..., Any]
    keys: dict[str, Key]
    meaning: str = ""

    def with_keys(self, *keys: Key) -> "Options":
        """The options with further keys, or with other ones of the same names."""
        return replace(self, keys={**self.keys, **{key.name: key for key in keys}})

    def without(self, *names: str) -> "Options":
        """The options without some keys."""
        return replace(self, keys={n: key for n, key in self.keys.items() if n not in names})


def options(
    function: Callable[..., Any], skip: tuple[str, ...] = (), renamed: tuple[str, str] | None = None
) -> Options:
    """The options of a function.

    Args:
        function: a function, a class, or a classmethod of the package.
        skip: arguments that the table does not give.
        renamed: an argument and the key that stands for it, because the table uses its name for
            something else.
    """
    documented = _documented(function)
    keys = {}
    for parameter in _parameters(function):
        name = parameter.name
        if name in skip:
            continue
        key = name if renamed is None or name != renamed[0] else renamed[1]
        annotation = str(parameter.annotation)
        kind = "material" if name in _MATERIALS else _kind(annotation)
        if f"{getattr(function, '__name__', '')}.{name}" in _LEVELS:
            kind = "levels"
        keys[key] = Key(
            key,
            kind,
            name,
            parameter.default,
            _dimension(function, name) if kind in _WITH_UNITS else "",
            _choices(annotation),
            documented.get(name, ""),
        )
    return Options(function, keys, first_line(function))


def _dimension(function: Callable[..., Any], name: str) -> str:
    """The dimension of an argument."""
    own = f"{getattr(function, '__name__', '')}.{name}"
    return DIMENSIONS.get(own, DIMENSIONS.get(name, ""))


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function; `**emitter_options` are the options of `Emitters`."""
    found: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            own = {each.name for each in found}
            more = inspect.signature(Emitters).parameters.values()
            found += [p for p in more if p.kind is p.KEYWORD_ONLY and p.name not in own]
        else:
            found.append(parameter)
    return found


def _kind(annotation: str) -> str:
    """The kind of value that an annotation asks for."""
    plain = annotation.replace("typing.", "").replace('"', "'")
    if "NestedSequence" in plain or "_SupportsArray" in plain:  # what ArrayLike stands for
        return "polarisation" if "Literal['s'" in plain else "array"
    return next((kind for word, kind in _KINDS if word in plain), "material")


def _choices(annotation: str) -> tuple[str, ...]:
    """The words of a Literal."""
    literal = re.search(r"Literal\[([^\]]*)\]", annotation)
    return tuple(re.findall(r"'([^']*)'", literal.group(1))) if literal else ()


def first_line(function: Callable[..., Any]) -> str:
    """The first sentence of a docstring."""
    text = inspect.getdoc(function) or ""
    return text.split("\n\n")[0].replace("\n", " ").strip()


def _documented(function: Callable[..., Any]) -> dict[str, str]:
    """The meaning of each argument, from the section "Args:" of a docstring."""
    found: dict[str, str] = {}
    sources: Iterable[Callable[..., Any]] = (function,)
    if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values()):
        sources = (Emitters, function)
    for source in sources:
        section = re.search(r"^Args:\n((?:[ ]{4}.*\n?|\n)*)", inspect.getdoc(source) or "", re.M)
        if section is None:
            continue
        for entry in re.split(r"^    (?=[\w*])", section.group(1), flags=re.M)[1:]:
            name, _, text = entry.partition(":")
            found[name] = " ".join(text.split())
    return found
