"""What counts as a number, a count or a flag."""

import inspect
from decimal import Decimal
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest

import collective as co
from collective._tools import checks


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "must be a number or"),
        ([True, False], "must be a number or"),
        ("0.1", "must be a number or a regular array of numbers, not '0.1'"),
        (np.array(["1"]), "must be a number or"),
        (b"1", "must be a number or"),
        (np.timedelta64(1, "s"), "must be a number or"),
        (np.datetime64("1970-01-02"), "must be a number or"),
        (np.zeros(2, [("a", float)]), "must be a number or"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), "must not be a masked array"),
        (np.ma.masked, "must not be a masked array"),
        ([object()], "must be a number or"),
        ([1.0, None], "must be a number or"),
        pytest.param(10**400, "must be .*below 1e308", id="long"),
        pytest.param(10**5000, "must be .*below 1e308.*got something of type int", id="longer"),
        (1e101, "must be at most 1e.100 in size.*x is 1e.101"),
        ([0, 1e200j], r"must be at most 1e.100 in size.*x\[1\] is"),
        ([1, np.inf], r"must be finite: x\[1\] is inf"),
    ],
)
def test_what_is_no_number(value, message):
    with pytest.raises(ValueError, match=f"^x {message}"):
        checks.finite("x", value, complex)


def test_what_is_a_number():
    for value in (0.5, np.float32(0.5), Decimal("0.5"), Fraction(1, 2), np.array(0.5), 0.5 + 0j):
        assert checks.number("x", value) == 0.5
    assert checks.number("x", 2**70) == 2.0**70
    np.testing.assert_array_equal(checks.finite("x", [2**70, Fraction(1, 2)]), [2.0**70, 0.5])
    assert checks.finite("x", [2**70, 1j], complex)[1] == 1j


def test_counts_and_flags():
    assert checks.count("n", np.int32(3)) == 3
    for value in (True, np.True_, 1.0, "1", None):
        with pytest.raises(ValueError, match=r"^n must be an integer, got"):
            checks.count("n", value)
    with pytest.raises(ValueError, match=r"^n must be at most 9223372036854775807, got 1000"):
        checks.count("n", 10**400)
    assert checks.flag("full", np.True_) is True
    for value in (1, 0, "no", None, np.array([True])):
        with pytest.raises(ValueError, match=r"^full must be True or False, got"):
            checks.flag("full", value)


def test_words_that_a_function_takes_are_in_its_signature():
    """An editor then completes them; `checks.choice` refuses the others."""
    found = []
    for function, name in (
        (co.pulse.table, "interpolation"),
        (co.pulse.from_array, "interpolation"),
        (co.currents.Interactions.hamiltonian, "form"),
        (co.plot.couplings, "part"),
        (co.observables.correlation, "method"),
        (co.observables.cavity_light, "method"),
        (co.units.from_atomic, "unit"),
    ):
        annotation = inspect.signature(function).parameters[name].annotation
        words = get_args(annotation)
        assert words, f"{function.__qualname__}({name}=) is {annotation}"
        assert all(f'"{word}"' in function.__doc__ for word in words)
        found.append(words)
    assert found[0] == found[1] == ("linear", "cubic", "steps")
