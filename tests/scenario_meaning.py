"""What a scenario file says, from its tables alone, by plain calls of the package.

It shares nothing with `collective.scenarios`: numbers are converted here by other code.
"""

import copy
import re

import numpy as np

import collective as co

# units of the mutants, in the units of the package or in SI
PLAIN = {"wavelengths": 1, "linewidths": 1, "lifetimes": 1, "deg": np.pi / 180, "rad": 1}
PLAIN |= {"wavelength": 1, "linewidth": 1, "lifetime": 1, "T": 1, "G": 1e-4, "mG": 1e-7}
SI = {"nm": 1e-9, "m": 1.0, "ns": 1e-9, "s": 1.0, "1/s": 1.0}
WITH_UNIT = re.compile(r"\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*([A-Za-z]\w*)\s*")


def number(value, units):
    """A number, or a text with a unit or an imaginary part."""
    if not isinstance(value, str):
        return value
    found = WITH_UNIT.fullmatch(value)
    size, unit = found.groups() if found else ("", "")
    if unit in PLAIN:
        return float(size) * PLAIN[unit]
    if unit in SI:
        scale = 1 / si(units, "wavelength") if unit.endswith("m") else si(units, "linewidth")
        return float(size) * SI[unit] * scale
    return complex(value.replace(" ", "").replace("i", "j"))


def si(units, name):
    size, unit = units[name].split()
    return float(size) * SI[unit]


def plain(value, units):
    """Numbers, lists of numbers and ranges, as the package takes them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, dict):
        ends = [float(number(value[name], units)) for name in ("start", "stop")]
        spaced = np.geomspace if value.get("log") else np.linspace
        return spaced(*ends, value["number"])
    if isinstance(value, list):
        return [plain(each, units) for each in value]
    return number(value, units)


WORDS = {
    "line", "kind", "name", "shift", "shape", "dipole_kind", "approximation", "eigenoperators", "symmetries",
    "closure", "method", "definition", "distribution", "polarisation",
}  # fmt: skip


def arguments(table, units, *, skip=()):
    """The arguments that a table gives to a function."""
    found = {}
    for name, value in table.items():
        if name in skip:
            continue
        number_of = name == "polarisation" and is_number(value)  # a complex one
        if name == "names" or (name in WORDS and isinstance(value, str) and not number_of):
            found[name] = value
        elif name in ("permittivity", "permeability") and isinstance(value, dict):
            found[name] = material(value, units)
        elif name in ("state", "start") and isinstance(value, str | dict) and not is_number(value):
            found[name] = state({"kind": value} if isinstance(value, str) else value, units)
        elif name == "drive" and isinstance(value, dict) and "rabi_frequency" in value:
            found[name] = arguments(value, units)
        else:
            found[name] = plain(value, units)
    return found


def is_number(value):
    return isinstance(value, str) and value[:1] in "0123456789+-. "


def material(table, units):
    given = arguments(table, units, skip=("kind",))
    if table["kind"] == "drude_from_value":
        return co.materials.Drude.from_value(**given)
    return getattr(co.materials, table["kind"].capitalize())(**given)


def state(table, units):
    return getattr(co.states, table["kind"])(**arguments(table, units, skip=("kind",)))


def emitters(table, units):
    disorder = ("filling", "motion", "random_detunings")
    given = arguments(table, units, skip=("kind", "offset", "dipole_kind", *disorder))
    if "dipole_kind" in table:
        given["kind"] = table["dipole_kind"]
    kind = table["kind"]
    found = co.Emitters(**given) if kind == "positions" else getattr(co, kind)(**given)
    if "offset" in table:
        found = found.translated(plain(table["offset"], units))
    for name in disorder:
        if name in table:
            found = getattr(found, f"with_{name}")(**arguments(table[name], units))
    return found


def atoms(table, places, units):
    made = {"line": co.atoms, "isotropic": co.Atoms.isotropic}[table.get("kind", "line")]
    return made(places, **arguments(table, units, skip=("kind",)))


def of_line(table, units):
    """The units that the name of a line stands for."""
    if not isinstance(table.get("line"), str):
        return units
    line = co.units.atom(table["line"])
    return {"wavelength": f"{line.wavelength!r} m", "linewidth": f"{line.linewidth!r} 1/s"}


def at_first_point(data):
    """The tables at the first point of the grid, and the name and values of each axis."""
    data = copy.deepcopy(data)
    axes = {}

    def search(table, path):
        for name, value in table.items():
            keys = (*path, *name.split("."))
            if isinstance(value, list) or (isinstance(value, dict) and "number" in value):
                axes[keys] = value if isinstance(value, list) else list(plain(value, {}))
            else:
                search(value, keys)

    search(data.pop("grid", {}), ())
    for (*outer, last), values in axes.items():
        table = data
        for key in outer:
            table = table.setdefault(key, {})
        table[last] = values[0]
    return data, axes


def assert_means(scenario, data):
    """Fail unless a scenario is what its tables say, with nothing lost and nothing added."""
    data, axes = at_first_point(data)
    assert {axis.keys: list(axis.values) for axis in scenario.axes} == axes
    units = data.pop("units", {})
    assert scenario.title == data.pop("title", "")
    assert scenario.output == data.pop("output", {})
    data.pop("made_by", None)
    if "emitters" in data:
        given = data.pop("atoms", None)
        if given is not None:
            units = of_line(given, units)
        expected = emitters(data.pop("emitters"), units)
        if given is not None:
            expected = atoms(given, expected.positions, units)
        same(vars(scenario.emitters), vars(expected))
    else:
        assert scenario.emitters is None
    if "field" in data:
        table = data.pop("field")
        kind = getattr(co, "".join(map(str.capitalize, table["kind"].split("_"))))
        assert repr(scenario.field) == repr(kind(**arguments(table, units, skip=("kind",))))
    else:
        assert scenario.field is None
    for name in ("couplings", "master_equation"):
        given = arguments(data.pop(name, {}), units)
        found = dict(scenario.calls[name].arguments) if name in scenario.calls else {}
        if isinstance(given.get("drive"), dict):
            found["drive"] = found["drive"].arguments
        same(found, given)
    if "state" in data:
        assert scenario.state == state(data.pop("state"), units)
        times = data.pop("times")
        if "values" in times:
            expected = plain(times["values"], units)
        else:
            expected = plain({"start": 0, **times}, units)
        same(scenario.times, np.asarray(expected))
    else:
        assert scenario.state is scenario.times is None
    method = data.pop("method", {})
    name = method.get("name", "auto")
    if name == "auto":
        assert scenario.method == "auto"
    else:
        engine = getattr(co.engines, co.engines.NAMES[name])
        assert scenario.method == engine(**arguments(method, units, skip=("name",)))
    same(scenario.calls["run"].arguments, arguments(data.pop("run", {}), units))
    observe = data.pop("observe", {})
    words = {word for word in ("correlations", "states") if observe.pop(word, False)}
    assert words <= set(scenario.words)
    asked = {
        n: {} if value is True else value for n, value in observe.items() if value is not False
    }
    assert set(scenario.observe) == set(asked)
    for name, table in asked.items():
        same(scenario.observe[name].arguments, arguments(table, units))
    assert data == {}


def same(found, expected):
    """Fail unless two values, or tables of values, are the same."""
    if isinstance(expected, dict):
        assert set(found) == set(expected)
        for name in expected:
            same(found[name], expected[name])
    elif isinstance(expected, bool) or not isinstance(expected, np.ndarray | list | float | int):
        assert found == expected or repr(found) == repr(expected)
    elif isinstance(expected, int):  # it may be too large for a float
        assert found == expected
    else:
        np.testing.assert_allclose(
            np.asarray(found, complex), np.asarray(expected, complex), rtol=1e-13, atol=1e-300
        )
