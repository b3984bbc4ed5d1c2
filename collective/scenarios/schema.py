"""What a scenario file may contain: its sections, and the keys of each.

The keys of a section follow from the signatures of the functions that it stands for (`options`), so
a new lattice, field, state, material, engine or option is known here without an entry.

The file is longer than others because it lists every section.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collective import emitters, engines, fields, materials, states
from collective._tools import checks
from collective._tools.memory import require
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couple import couple
from collective.couplings.couplings import Couplings
from collective.couplings.drives import plane_wave
from collective.emitters import Atoms, Emitters
from collective.emitters.named import atoms
from collective.engines.request import checked_times
from collective.evolution.evolve import evolve
from collective.master.master_equation import master_equation
from collective.scenarios.observing import OBSERVABLES
from collective.scenarios.options import DIMENSIONS, Key, Options, options

_OFFSET = Key(
    "offset",
    "array",
    "offset",
    None,
    DIMENSIONS["offset"],
    meaning="a vector by which all emitters are moved, (3,), for example to a place beside a wire.",
)
_DRIVE = (
    "rate, one number or one for each emitter, or for each channel of [atoms]; or a plane wave: "
    "{rabi_frequency, direction, polarisation}."
)


@dataclass(frozen=True)
class Section:
    """One section of a scenario.

    Attributes:
        name: its name in the file.
        meaning: what it describes.
        variants: the options of the section by the word of its selector; a section without
            selector has one variant, "".
        selector: the key that selects the variant, "" without.
        default: the word of the selector if it is not given; None if it must be.
    """

    name: str
    meaning: str
    variants: Callable[[], dict[str, Options]]
    selector: str = ""
    default: str | None = None


def output_times(
    *,
    start: float | None = None,
    stop: float | None = None,
    number: int | None = None,
    values: NDArray[Any] | None = None,
) -> NDArray[np.float64]:
    """The output times: evenly spaced, or a list.

    Args:
        start: the first time, at which the state is given; 0 if it is not given.
        stop: the last time.
        number: how many times, both ends included.
        values: a list of increasing times, instead of start, stop and number.
    """
    if values is not None:
        for name, other in (("start", start), ("stop", stop), ("number", number)):
            if other is not None:
                raise ValueError(f"{name} does not go with values, which are all times")
        return checked_times(values)
    if stop is None or number is None:
        missing = "stop" if stop is None else "number"
        raise ValueError(f"{missing} is missing: give stop and number, or values")
    return checked_times(evenly(0.0 if start is None else start, stop, number))


def evenly(start: Any, stop: Any, number: Any, log: Any = False) -> NDArray[np.float64]:
    """Evenly spaced numbers, or with equal ratios, both ends included.

    Args:
        start: the first number.
        stop: the last number, another one.
        number: how many, at least 2.
        log: whether the ratio of neighbours is constant, instead of their difference.
    """
    first, last = checks.number("start", start), checks.number("stop", stop)
    count = checks.count("number", number, minimum=2)
    if first == last:
        raise ValueError(f"stop must differ from start, both are {first:g}")
    require(16 * count, f"number = {count:,}: a list of that length", "use fewer")
    if not checks.flag("log", log):
        return np.linspace(first, last, count)
    if first <= 0 or last <= 0:
        worst, name = min((first, "start"), (last, "stop"))
        raise ValueError(f"{name} must be above 0 with log = true, got {worst:g}")
    return np.geomspace(first, last, count)


@cache
def lattices() -> dict[str, Options]:
    """Arrangements of emitters, among them "positions" for a list of places."""
    found: dict[str, Callable[..., Any]] = {}
    for name in emitters.__all__:
        thing = getattr(emitters, name)
        if inspect.isfunction(thing) and inspect.signature(thing).return_annotation is Emitters:
            found[name] = thing
    found["positions"] = Emitters
    renamed = ("kind", "dipole_kind")
    more = [Key(n, "disorder", n, None, meaning=of.meaning) for n, of in disorder().items()]
    return {n: options(f, renamed=renamed).with_keys(_OFFSET, *more) for n, f in found.items()}


@cache
def disorder() -> dict[str, Options]:
    """Kinds of disorder: the methods `with_filling` and others of `Emitters`, in their order."""
    methods = [name for name in vars(Emitters) if name.startswith("with_")]
    return {n.removeprefix("with_"): options(getattr(Emitters, n), ("self",)) for n in methods}


@cache
def atom_kinds() -> dict[str, Options]:
    """Atoms of a line, given by its name or by quantum numbers, and those with J = 0 → 1."""
    made: dict[str, Callable[..., Any]] = {"line": atoms, "isotropic": Atoms.isotropic}
    return {name: options(function, ("positions",)) for name, function in made.items()}


@cache
def two_level_keys() -> frozenset[str]:
    """Keys of [emitters] that say what two-level emitters are, and not where."""
    of_emitters = options(Emitters, ("positions",), ("kind", "dipole_kind")).keys
    return frozenset({*of_emitters, "random_detunings"})


@cache
def field_kinds() -> dict[str, Options]:
    """Fields by their names in small letters: "vacuum", "nanowire".

    Samples of a solver are no words and numbers of a text file: they are given in Python.
    """
    found = {}
    for name in fields.__all__:
        thing: Any = getattr(fields, name)
        answers = ("green", "scattered", "coefficients")
        words = is_dataclass(thing) and thing is not fields.SampledField
        if words and any(hasattr(thing, answer) for answer in answers):
            found[_small(name)] = options(getattr(fields, name))
    return found


@cache
def material_kinds() -> dict[str, Options]:
    """Materials by their names in small letters: "drude", "drude_from_value", "gold"."""
    found = {}
    things = {name: getattr(materials, name) for name in materials.__all__}
    classes = [thing for thing in things.values() if inspect.isclass(thing)]
    for name, thing in things.items():
        made = None if thing in classes else inspect.signature(thing).return_annotation
        if made in classes:
            found[name] = options(thing)
            if (key := found[name].keys.get("length")) is not None:  # measured in metres
                meaning = f"not needed with a section [units]: {key.meaning}"
                found[name] = found[name].with_keys(_needed(replace(key, meaning=meaning)))
        if thing in classes:
            found[_small(name)] = options(thing)
            for other in vars(thing):
                if other.startswith("from_"):
                    found[f"{_small(name)}_{other}"] = options(getattr(thing, other))
    return found


@cache
def state_kinds() -> dict[str, Options]:
    """States by their names in `co.states`: those that a text can describe."""
    made = (name for name in states.__all__ if name not in ("State", "density_matrix"))
    found = {name: getattr(states, name) for name in made}
    modules = states.inverted.__module__, states.levels.__module__
    return {n: options(f) for n, f in found.items() if f.__module__ in modules}


def method_names() -> tuple[str, ...]:
    """Names of the engines, and "auto"."""
    return ("auto", *engines.NAMES)


def _automatic() -> str:
    """The fastest exact engine that fits, else a sampled one, never an approximate one."""
    return "auto"


@cache
def method_kinds() -> dict[str, Options]:
    """Engines by their names."""
    found = {name: options(getattr(engines, kind)) for name, kind in engines.NAMES.items()}
    return {"auto": options(_automatic), **found}


@cache
def observables() -> Options:
    """The keys of [observe]."""
    keys = [
        Key("correlations", "flag", "correlations", False, meaning="⟨σ⁺_mσ⁻_n⟩ at each time."),
        Key("states", "flag", "states", False, meaning="the density matrix at each time."),
    ]
    for name in OBSERVABLES:
        meaning = observable_options(name).meaning
        keys.append(Key(name, "observable", name, None, meaning=meaning))
    return Options(dict, {key.name: key for key in keys})


@cache
def observable_options(name: str) -> Options:
    """The keys of the table of one observable."""
    asked = OBSERVABLES[name]
    first = next(iter(inspect.signature(asked.function).parameters))
    found = options(asked.function, (first, *asked.skip))
    axes = [key for argument, _ in asked.axes.values() for key in [found.keys[argument]]]
    return found.with_keys(*(_needed(key) for key in axes))


def _needed(key: Key) -> Key:
    """A key that must be given, although the function has a default."""
    return Key(key.name, key.kind, key.argument, dimension=key.dimension, meaning=key.meaning)


@cache
def coupled() -> Options:
    """[couplings] of emitters in a field."""
    more = options(Couplings).keys
    acting = [more[name] for name in ("dephasing", "pump", "ising")]
    return options(couple, ("emitters", "field")).with_keys(*acting, _drive_key())


@cache
def coupled_atoms() -> Options:
    """[couplings] of atoms with manifolds in a field."""
    detunings = options(ChannelCouplings).keys["detunings"]
    return options(couple, ("emitters", "field", "temperature")).with_keys(detunings, _drive_key())


@cache
def given_couplings() -> Options:
    """[couplings] with matrices, as soon as it has the key decay."""
    return options(Couplings, ("emitters", "field")).with_keys(_drive_key())


@cache
def drive_options() -> Options:
    """The table of a plane wave."""
    return options(plane_wave, ("emitters",))


def _drive_key() -> Key:
    return Key("drive", "drive", "drive", 0.0, DIMENSIONS["drive"], meaning=_DRIVE)


def _words(*keys: tuple[str, str, Any, str]) -> Callable[[], dict[str, Options]]:
    """A section whose keys are not arguments of a function: (name, kind, default, meaning)."""
    found = {name: Key(name, kind, name, value, "", (), text) for name, kind, value, text in keys}
    return lambda: {"": Options(dict, found)}


@cache
def times_options() -> dict[str, Options]:
    """The options of `output_times`, which are times."""
    found = options(output_times)
    times = (replace(found.keys[name], dimension="time") for name in ("start", "stop", "values"))
    return {"": found.with_keys(*times)}


@cache
def run_options() -> dict[str, Options]:
    """The options of `evolve` that belong to a run."""
    every = inspect.signature(evolve).parameters
    kept = ("seed", "rtol", "atol", "threads")
    return {"": options(evolve, tuple(name for name in every if name not in kept))}


SECTIONS = {
    section.name: section
    for section in (
        Section("units", "What SI units in texts are converted with.", _words(
            ("wavelength", "text", None, 'λ₀, for example "780 nm".'),
            ("linewidth", "text", None, 'Γ₀, for example "3.81e7 1/s", which is 2π × 6.07 MHz.'),
        )),
        Section("emitters", "Where the emitters are, and what they are.", lattices, "kind"),
        Section("atoms", "What the atoms at the places of [emitters] are, with all sublevels. "
                "[emitters] then has no keys of two-level emitters, and a line by its name stands "
                "for the section [units].",
                atom_kinds, "kind", "line"),
        Section("field", "The field that couples them.", field_kinds, "kind"),
        Section("couplings", "Options of `couple` and what else acts on the emitters; with decay "
                "and shift, matrices of your own.",
                lambda: {"": coupled(), "with decay": given_couplings(),
                         "with atoms": coupled_atoms()}),
        Section("master_equation", "Instead of [couplings]: a master equation beyond the RWA.",
                lambda: {"": options(master_equation, ("system", "environment"))}),
        Section("state", "The initial state.", state_kinds, "kind"),
        Section("times", "The output times.", times_options),
        Section("method", "The engine.", method_kinds, "name", "auto"),
        Section("observe", "What is computed beside emission, excitation and populations.",
                lambda: {"": observables()}),
        Section("run", "Tolerances, seed, threads.", run_options),
        Section("output", "Where the answers go.", _words(
            ("folder", "text", None, "relative to this file; by default its name with -output."),
            ("figure", "text", "figure.png", 'a .png, .pdf or .svg file; "" for none.'),
            ("dataset", "text", "data.nc", "a .nc file; without xarray an .npz file."),
        )),
        Section("grid", "Keys of other sections and the values that a sweep gives them: "
                '"emitters.spacing" = [0.1, 0.2], or {start, stop, number, log}.',
                lambda: {"": Options(dict, {})}),
        Section("made_by", "Written by the program into the copy of a scenario: versions, the seed "
                "that was drawn, copied files.", _words(
            ("versions", "versions", None, "of the packages."),
            ("seed", "integer", None, "the seed that was drawn, used if [run] has none."),
            ("files", "versions", None, "names of copied files of arrays."),
        )),
    )
}  # fmt: skip
TITLE = "title"  # the one key outside of all sections


def _small(name: str) -> str:
    """A class name in small letters with underscores: HalfSpace → half_space."""
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))
