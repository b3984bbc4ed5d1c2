"""Permittivities on both axes, against closed forms and each other."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from collective import materials

CASES = [
    materials.Drude(45.0, 3.0),
    materials.Drude(45.0, 3.0, background=2.5),
    materials.Lorentz([1.3, 0.4], [10.0, 30.0], [2.0, 5.0]),
    materials.Lorentz([1.3], [10.0], [2.0], background=1.7),
]


@pytest.mark.parametrize("material", CASES, ids=str)
def test_both_axes_belong_together(material):
    """Kramers–Kronig: ε(iκ) − ε_∞ = (2/π)∫ q Im ε(q)/(q² + κ²) dq."""
    for kappa in (0.5, 7.0, 60.0):
        value, _ = quad(
            lambda x, kappa=kappa: (
                np.exp(2 * x) * material.permittivity(np.exp(x)).imag / (np.exp(2 * x) + kappa**2)
            ),
            -30,
            20,
            limit=500,
            epsabs=1e-12,
            points=[np.log(10), np.log(30)],
        )
        found = material.permittivity(1j * kappa)
        assert found.imag == 0
        np.testing.assert_allclose(found.real, material.background + 2 / np.pi * value, rtol=1e-8)
    assert material.permittivity(np.ones((2, 3))).shape == (2, 3)
    assert np.all(material.permittivity(np.linspace(0.1, 100, 50)).imag > 0)


def test_golden_silver():
    found = materials.Drude.from_value(-50 + 0.6j, 2 * np.pi)
    np.testing.assert_allclose(found.plasma_wavenumber, 7.141922627943361 * 2 * np.pi, rtol=1e-12)
    np.testing.assert_allclose(found.damping, 0.011764705882352941 * 2 * np.pi, rtol=1e-12)


@given(st.floats(-100, 0.9), st.floats(0, 50), st.floats(0.1, 100), st.floats(1, 5))
def test_from_value_gives_back_the_value(real, imaginary, k, background):
    found = materials.Drude.from_value(real + 1j * imaginary, k, background=background)
    np.testing.assert_allclose(found.permittivity(k), real + 1j * imaginary, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("material", [*CASES, materials.Drude(45.0, 0.1)], ids=str)
def test_tables(material):
    """Between its points a table interpolates; on the imaginary axis the error is as stated."""
    k = np.geomspace(1, 60, 600)
    table = materials.Table(k, material.permittivity(k))
    between = np.sqrt(k[1:] * k[:-1])
    np.testing.assert_allclose(
        table.permittivity(between), material.permittivity(between), rtol=1e-5
    )
    kappa = np.array([0.1, 0.5, 2.0, 6.0, 20.0, 50.0, 200.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = table.permittivity(1j * kappa)
    assert found.dtype == complex
    miss = np.abs(found - material.permittivity(1j * kappa))
    assert np.all(miss <= 1.1 * table.imaginary_error(kappa) + 1e-5)
    middle = (kappa > 3) & (kappa < 30)
    np.testing.assert_allclose(found[middle], material.permittivity(1j * kappa[middle]), rtol=5e-3)


@pytest.mark.parametrize("damping", [0.0, 1e-3, 0.3, 8.0])
def test_free_carriers_continue_a_table(damping):
    """A metal with a bound resonance, measured far above its damping."""
    carriers, k = materials.Drude(45.0, damping), np.linspace(3, 60, 400)
    bound = materials.Lorentz([2.0], [15.0], [3.0])
    table = materials.Table(
        k, carriers.permittivity(k) + bound.permittivity(k) - 1, carriers=carriers
    )
    kappa = np.array([1e-6, 1e-3, 0.1, 1.0, 3.0, 10.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = table.permittivity(1j * kappa).real
    exact = (carriers.permittivity(1j * kappa) + bound.permittivity(1j * kappa) - 1).real
    np.testing.assert_allclose(found, exact, rtol=2e-4)
    assert np.all(np.abs(found - exact) <= table.imaginary_error(kappa) + 1e-5)
    assert np.all((table.imaginary_error(kappa) < 0.01 * exact)[kappa >= 0.1])


def test_wrong_carriers_show_in_the_error():
    k = np.linspace(3, 60, 400)
    right, wrong = materials.Drude(45.0, 0.3), materials.Drude(45.0, 0.6)
    table = materials.Table(k, right.permittivity(k), carriers=wrong)
    kappa = np.array([0.1, 1.0, 5.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        miss = np.abs(table.permittivity(1j * kappa) - right.permittivity(1j * kappa))
    assert np.all(miss > 0.01 * right.permittivity(1j * kappa).real)
    assert np.all(miss <= table.imaginary_error(kappa))


def test_a_table_of_refractive_indices():
    """In any order of wavelengths, and in the same unit of length as the answer."""
    nanometres = np.array([500.0, 700.0, 600.0, 800.0])
    n, extinction = np.array([1.5, 1.7, 1.6, 1.8]), np.array([0.1, 0.3, 0.2, 0.4])
    table = materials.Table.from_nk(nanometres / 780, n, extinction)
    k = 2 * np.pi / (nanometres / 780)
    np.testing.assert_allclose(table.permittivity(k), (n + 1j * extinction) ** 2, rtol=1e-12)


def test_a_coarse_table_has_no_gain_between_its_values():
    """The cubic spline beside a narrow line falls below zero, to Im ε = −0.56 here."""
    lengths = np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    extinction = [0, 0, 2.0, 0, 0, 0]
    n = [1.5, 1.5, 0.1, 1.5, 1.5, 1.5]
    table = materials.Table.from_nk(lengths, n, extinction)
    k = np.linspace(*table.wavenumbers[[0, -1]], 301)
    with pytest.warns(UserWarning, match=r"too coarse around k = 18.76.*\(Im ε = -0.56\)"):
        assert table.permittivity(k).imag.min() == 0
    np.testing.assert_allclose(table.permittivity(table.wavenumbers), table.values, atol=1e-12)
    with_gain = materials.Table.from_nk(lengths, n, extinction, allow_gain=True)
    assert with_gain.permittivity(k).imag.min() < -0.5


def test_measured_metals():
    """Printed values of Johnson and Christy, at 2.14 eV and 1.26 eV, in three units of length."""
    for unit in (1.0, 1e-9, 780e-9):
        gold, silver = materials.gold(unit), materials.silver(unit)
        for metal, at, n, extinction in (
            (gold, 0.5821e-6, 0.29, 2.863),
            (gold, 0.9840e-6, 0.22, 6.350),
            (silver, 0.5821e-6, 0.05, 3.858),
            (silver, 0.9840e-6, 0.04, 6.992),
        ):
            found = complex(metal.permittivity(2 * np.pi * unit / at))
            assert abs(found - (n + 1j * extinction) ** 2) < 1e-9
    with pytest.raises(ValueError, match="outside the table"):
        materials.gold(1e-9).permittivity(2 * np.pi / 2000)


@pytest.mark.parametrize("metal", [materials.gold, materials.silver], ids=["gold", "silver"])
def test_free_electrons_continue_measured_metals(metal):
    """The mass and the relaxation time of the authors fit the infrared end of their table."""
    table = metal(1e-6)
    first, measured = table.wavenumbers[0], table.values[0]
    drude = table.carriers.permittivity(first)
    assert abs(drude.imag / measured.imag - 1) < 0.15
    assert abs((drude - measured).real / measured.real) < 0.1
    # the plasma frequencies of the literature: about 9 eV
    assert 8.9 < table.carriers.plasma_wavenumber * 0.1973269804 < 9.3
    kappa = table.wavenumbers[[0, 20]]
    with pytest.warns(UserWarning, match="known only to"):
        found = table.permittivity(1j * kappa).real
    # between those of the free electrons alone and with all bound electrons
    assert np.all(found > table.carriers.permittivity(1j * kappa).real)
    assert np.all(found < table.carriers.permittivity(1j * kappa).real + 12)


def test_silica():
    """Malitson's fit: n = 1.45847 at the mean sodium line, 1.44402 at 1,550 nm."""
    glass = materials.silica(1e-9)
    for nanometres, n in ((587.6, 1.45846), (852.0, 1.45247), (1550.0, 1.44402)):
        found = np.sqrt(glass.permittivity(2 * np.pi / nanometres).real)
        assert abs(found - n) < 1e-5


def test_a_table_warns_if_it_is_uncertain():
    k = np.linspace(5, 8, 20)
    table = materials.Table(k, materials.Drude(45.0, 0.1).permittivity(k))
    with pytest.warns(UserWarning, match=r"known only to .*% between its ends k = 5i and 8i"):
        table.permittivity(8j)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: materials.Drude(-1, 0), "plasma_wavenumber must be above 0, got -1"),
        (lambda: materials.Drude(1, -2), "damping must not be negative, got -2"),
        (lambda: materials.Drude(1, 0, 0.5), "background must be at least 1, got 0.5"),
        (lambda: materials.Drude.from_value(2, 1), "real part below 1"),
        (lambda: materials.Drude.from_value(-2 - 1j, 1), "no negative imaginary"),
        (lambda: materials.Drude.from_value(-2, 0), "k must be above 0"),
        (lambda: materials.Drude(1, 0).permittivity(0), "k must be positive"),
        (lambda: materials.Drude(1, 0).permittivity(1 + 1j), "k must be positive"),
        (lambda: materials.Drude.from_value([1, 2], 1), "epsilon must be one number"),
        (lambda: materials.Lorentz(1, 2, 0).permittivity(2), "undamped resonance 2"),
        (lambda: materials.Lorentz([1, 2], [3], [1, 1]), "lists of the same length"),
        (lambda: materials.Lorentz([1], [-3], [1]), "wavenumbers must be positive, got -3"),
        (lambda: materials.Table([1, 2, 3], [1, 1, 1]), "at least 4"),
        (lambda: materials.Table.from_nk([1, 2, 2, 3], [1] * 4), "wavelength: 2 is given twice"),
        (lambda: materials.Table.from_nk([1, 2, -2, 3], [1] * 4), "above 0, got -2"),
        (lambda: materials.Table.from_nk([1, 2, 3, 4], [1, 2]), "n must have the shape"),
        (
            lambda: materials.Table.from_nk([1, 2, 3, 4], [1] * 4, [1, 2, 3]),
            "k must have the shape",
        ),
        (lambda: materials.Table.from_nk([1, 2, 3, 4], [1] * 4, -0.1), "gain at k"),
        (lambda: materials.gold(-1), "length must be above 0, got -1"),
        (lambda: materials.Table([1, 2, 4, 3], [1, 1, 1, 1]), "positive and increasing"),
        (
            lambda: materials.Table([1, 2, 3, 4], [2, 2 - 0.1j, 2, 2]),
            r"gain at k = 2 \(Im ε = -0.1\); give allow_gain=True",
        ),
        (
            lambda: materials.Table([1, 2, 3, 4], [2, 2, 2, 2]).permittivity(0.5),
            "k = 0.5 is outside the table, which covers 1 … 4",
        ),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
