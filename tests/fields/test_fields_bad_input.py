"""Bad values of fields and materials that are not among those of `test_bad_input`."""

from datetime import date

import numpy as np
import pytest

import collective as co
from collective import materials

K = 2 * np.pi
WIRE = co.Nanowire(0.02, materials.Drude.from_value(-50 + 0.6j, K))
TABLE = materials.Table([1, 2, 3, 4], [2, 2, 2, 2])
R, OTHER = [0.05, 0.02, 0.1], [0.06, 0.0, 0.0]
ODD = {
    "NaN inside": [0.1, np.nan, 0.2],
    "four": [1.0, 2.0, 3.0, 4.0],
    "far": [1e200, 0.0, 0.0],
    "a calendar date": date(2020, 1, 1),
    "None inside": np.array([None, 1.0, 2.0], dtype=object),
}
TENSORS = {
    "Vacuum.green": co.Vacuum().green,
    "Plasma.green": co.Plasma(2.0).green,
    "Plasma.magnetic_green": co.Plasma(2.0).magnetic_green,
    "Nanowire.scattered": WIRE.scattered,
    "Nanowire.magnetic_green": WIRE.magnetic_green,
}


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_invalid_points(name, value):
    with pytest.raises(ValueError, match=r"\br\b"):
        TENSORS[name](value, OTHER, K)
    with pytest.raises(ValueError, match=r"\br_source\b"):
        TENSORS[name](R, value, K)


@pytest.mark.parametrize("k", [K + 1j, -K, -1j * K, 0.0, [K, np.nan], [K, 1j * K]], ids=str)
def test_wave_numbers_off_both_axes(k):
    for ask in (
        *(lambda k, tensor=tensor: tensor(R, OTHER, k) for tensor in TENSORS.values()),
        materials.Drude(10.0, 0.1).permittivity,
        materials.Lorentz(1.0, 10.0, 0.1).permittivity,
        TABLE.permittivity,
    ):
        with pytest.raises(ValueError, match=r"\bk\b"):
            ask(k)


def test_distances_from_a_wire_that_are_too_large_or_too_small():
    """Far away the resonant part is refused before it is noise; on the imaginary axis it is 0."""
    for tensor in (WIRE.scattered, WIRE.magnetic_green):
        for far in ([1e30, 0, 0], [0.05, 0, 1e30], [1e99] * 3):
            with pytest.raises(ValueError, match=r"r and r_source.* at most 1.59155e[+]08"):
                tensor(far, OTHER, K)
            assert not np.any(tensor(far, OTHER, 1j * K))
        for k in (1e-80, 1e-80j):
            with pytest.raises(ValueError, match=r"k = 1e-80i? times the radius 0.02 is below"):
                tensor(R, OTHER, k)


@pytest.mark.parametrize("value", ["no", 0, 1, None, [], np.nan, "True", 1.0])
def test_flags_are_true_or_false(value):
    for make in (
        lambda: co.Nanowire(0.01, -50 - 0.6j, allow_gain=value),
        lambda: materials.Table([1, 2, 3, 4], [2, 2, 2, 2], allow_gain=value),
        lambda: co.check_field(co.Vacuum(), [R, OTHER], kramers_kronig=value),
    ):
        with pytest.raises(ValueError, match=r"(allow_gain|kramers_kronig) must be True or False"):
            make()
