"""Every public function of fields and materials answers bad values with a clear error."""

import warnings
from datetime import date

import numpy as np
import pytest

import collective as co
from collective import materials

K = 2 * np.pi
WIRE = co.Nanowire(0.02, materials.Drude.from_value(-50 + 0.6j, K))
ATOMS = co.Emitters([[0.05, 0, 0], [0.05, 0.1, 0.2]], dipoles=(1, 0, 0))
R, OTHER = [0.05, 0.02, 0.1], [0.06, 0.0, 0.0]
BAD = {
    "None": None,
    "text": "a",
    "number as text": "1.5",
    "bytes": b"1",
    "empty": [],
    "NaN": np.nan,
    "NaN inside": [0.1, np.nan, 0.2],
    "infinite": np.inf,
    "huge": 1e308,
    "tiny": 1e-308,
    "beyond floats": 10**400,
    "zero": 0.0,
    "negative": -1.0,
    "complex": 1 + 2j,
    "both axes": [1.0, 1j],
    "two": [1.0, 2.0],
    "four": [1.0, 2.0, 3.0, 4.0],
    "matrix": np.ones((2, 2)),
    "ragged": [[1.0], [1.0, 2.0]],
    "object": object(),
    "class": co.Vacuum,
    "set": {1.0},
    "dict": {"a": 1.0},
    "date": date(2020, 1, 1),
    "datetime64": np.datetime64("2020-01-01"),
    "masked": np.ma.array([0.1, 0.2, 0.3], mask=[0, 0, 1]),
    "structured": np.zeros(2, [("a", "f8")]),
    "object array": np.array([None, 1.0, 2.0], dtype=object),
    "far": [1e200, 0.0, 0.0],
    "huge array": [1e308, 1e308, 1e308],
    "True": True,
    "function": lambda k: None,
    "generator": (x for x in ()),
}
CALLS = {
    "Vacuum.green(r)": lambda x: co.Vacuum().green(x, OTHER, K),
    "Vacuum.green(r_source)": lambda x: co.Vacuum().green(R, x, K),
    "Vacuum.green(k)": lambda x: co.Vacuum().green(R, OTHER, x),
    "Vacuum.scattered(k)": lambda x: co.Vacuum().scattered(R, OTHER, x),
    "Vacuum.magnetic_green(r)": lambda x: co.Vacuum().magnetic_green(x, OTHER, K),
    "Vacuum.magnetic_green(k)": lambda x: co.Vacuum().magnetic_green(R, OTHER, x),
    "Plasma(wavenumber)": lambda x: co.Plasma(x).green(R, OTHER, K),
    "Plasma.green(k)": lambda x: co.Plasma(2.0).green(R, OTHER, x),
    "Plasma.magnetic_green(k)": lambda x: co.Plasma(2.0).magnetic_green(R, OTHER, x),
    "Nanowire(radius)": lambda x: co.Nanowire(x, 2.0).green(R, OTHER, K),
    "Nanowire(permittivity)": lambda x: co.Nanowire(0.02, x).green(R, OTHER, K),
    "Nanowire(permeability)": lambda x: co.Nanowire(0.02, 2.0, x).green(R, OTHER, K),
    "Nanowire.green(r)": lambda x: WIRE.green(x, OTHER, K),
    "Nanowire.green(r_source)": lambda x: WIRE.green(R, x, K),
    "Nanowire.green(k)": lambda x: WIRE.green(R, OTHER, x),
    "Nanowire.scattered(k)": lambda x: WIRE.scattered(R, OTHER, x),
    "Nanowire.magnetic_green(k)": lambda x: WIRE.magnetic_green(R, OTHER, x),
    "Nanowire.epsilon(k)": lambda x: WIRE.epsilon(x),
    "Nanowire.mu(k)": lambda x: WIRE.mu(x),
    "Nanowire.plasmon(k)": lambda x: WIRE.plasmon(x),
    "Nanowire.purcell(emitters)": lambda x: WIRE.purcell(x),
    "Nanowire.beta(emitters)": lambda x: WIRE.beta(x),
    "Nanowire.plasmon_rate(emitters)": lambda x: WIRE.plasmon_rate(x),
    "check_field(field)": lambda x: co.check_field(x, [R, OTHER], kramers_kronig=False).passivity,
    "check_field(points)": lambda x: co.check_field(co.Vacuum(), x, kramers_kronig=False).passivity,
    "check_field(k)": lambda x: (
        co.check_field(co.Vacuum(), [R, OTHER], x, kramers_kronig=False).passivity
    ),
    "Drude(plasma_wavenumber)": lambda x: materials.Drude(x, 1.0).permittivity(K),
    "Drude(damping)": lambda x: materials.Drude(1.0, x).permittivity(K),
    "Drude(background)": lambda x: materials.Drude(1.0, 1.0, x).permittivity(K),
    "Drude.from_value(epsilon)": lambda x: materials.Drude.from_value(x, K).damping,
    "Drude.from_value(k)": lambda x: materials.Drude.from_value(-50 + 1j, x).damping,
    "Drude.permittivity": lambda x: materials.Drude(10.0, 0.1).permittivity(x),
    "Lorentz(strengths)": lambda x: materials.Lorentz(x, 10.0, 0.1).permittivity(K),
    "Lorentz(wavenumbers)": lambda x: materials.Lorentz(1.0, x, 0.1).permittivity(K),
    "Lorentz(dampings)": lambda x: materials.Lorentz(1.0, 10.0, x).permittivity(K),
    "Lorentz.permittivity": lambda x: materials.Lorentz(1.0, 10.0, 0.1).permittivity(x),
    "Table(wavenumbers)": lambda x: materials.Table(x, [2, 2, 2, 2]).permittivity(2.0),
    "Table(values)": lambda x: materials.Table([1, 2, 3, 4], x).permittivity(2.0),
    "Table.permittivity": lambda x: materials.Table([1, 2, 3, 4], [2, 2, 2, 2]).permittivity(x),
    "Table.imaginary_error": lambda x: materials.Table([1, 2, 3, 4], [2, 2, 2, 2]).imaginary_error(
        x
    ),
}


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_bad_values_get_a_clear_error_or_a_finite_answer(call):
    """ValueError or TypeError in plain words, or finite numbers where the value was legal."""
    for name, value in BAD.items():
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "radius|the table")  # advice, not numpy's
                found = CALLS[call](value)
        except (ValueError, TypeError) as error:
            text = str(error)
            assert len(text) > 20, (call, name, text)
            for raw in ("unsupported operand", "could not be broadcast", "ufunc", "float()"):
                assert raw not in text, (call, name, text)
        else:
            assert np.all(np.isfinite(np.asarray(found, dtype=complex))), (call, name, found)


@pytest.mark.parametrize("value", ["no", 0, 1, None, [], np.nan, "True", 1.0])
def test_flags_are_true_or_false(value):
    for make in (
        lambda: co.Nanowire(0.01, -50 - 0.6j, allow_gain=value),
        lambda: materials.Table([1, 2, 3, 4], [2, 2, 2, 2], allow_gain=value),
        lambda: co.check_field(co.Vacuum(), [R, OTHER], kramers_kronig=value),
    ):
        with pytest.raises(ValueError, match=r"(allow_gain|kramers_kronig) must be True or False"):
            make()
