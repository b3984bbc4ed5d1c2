"""Estimated errors: zero where a method is exact, the same in any unit, as large as measured."""

import warnings

import numpy as np
import pytest

import collective as co
from collective.engines import estimates
from collective.engines.request import checked
from collective.engines.timescale import scaled

T = np.linspace(0, 3, 31)
KINDS = ("mean field", "order 2", "order 3", "conditional")


def asked(couplings, state="inverted", times=T, **options):
    return checked(couplings, state, times, **options)


def chain(n, spacing=0.1, **changes):
    return co.couple(co.chain(n, spacing), co.Vacuum()).replace(**changes)


@pytest.mark.parametrize("kind", KINDS)
def test_one_emitter_has_no_error(kind):
    assert estimates.expected(asked(chain(1)), kind) == 0
    assert estimates.expected(asked(chain(1, drive=2.0), "ground"), kind) == 0


def test_no_emission_has_no_error():
    dark = co.Couplings(np.zeros((3, 3)), np.ones((3, 3)))
    assert estimates.expected(asked(dark), "wigner") == 0


def test_each_order_is_exact_for_as_many_emitters():
    for order in (2, 3):
        assert estimates.expected(asked(chain(order)), f"order {order}") == 0
        assert estimates.expected(asked(chain(order + 1)), f"order {order}") > 0


@pytest.mark.parametrize("kind", [*KINDS, "wigner"])
def test_independent_emitters_need_no_correlations(kind):
    error = estimates.expected(asked(co.Couplings(np.eye(4), np.zeros((4, 4)))), kind)
    assert error == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", [*KINDS, "wigner"])
def test_the_same_in_any_unit_of_rate(kind):
    here = estimates.expected(asked(chain(5, drive=0.7)), kind)
    one = chain(5, drive=0.7)
    there = co.Couplings(1e9 * one.decay, 1e9 * one.shift, drive=1e9 * one.drive)
    request = asked(there, times=T / 1e9)
    assert estimates.expected(request, kind) == pytest.approx(here, rel=1e-9)
    assert estimates.expected(scaled(request), kind) == pytest.approx(here, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_grow_with_density_and_never_reach_the_emission(kind):
    errors = [estimates.expected(asked(chain(40, a)), kind) for a in (0.4, 0.2, 0.1, 0.05)]
    assert np.all(np.diff(errors) > 0)
    assert errors[-1] < 1


def test_errors_do_not_grow_with_the_length_of_a_chain():
    few, many = (estimates.expected(asked(chain(n, 0.3)), "order 2") for n in (20, 600))
    assert many == pytest.approx(few, rel=0.3)


@pytest.mark.parametrize(
    ("spacing", "peak"), [(0.2, 0.09), (0.1, 0.27)], ids=["0.2 wavelengths", "0.1 wavelengths"]
)
def test_a_hundred_emitters_on_a_square_as_measured(spacing, peak):
    """The peak of second order, against conditional cumulants and Wigner, which agree there."""
    square = asked(co.couple(co.square(10, 10, spacing), co.Vacuum()))
    assert estimates.expected(square, "order 2") == pytest.approx(peak, rel=0.3)


def test_third_order_is_expected_to_fail_where_it_diverges():
    square = asked(co.couple(co.square(10, 10, 0.1), co.Vacuum()))
    assert estimates.expected(square, "order 3") > 0.4


def test_dephasing_and_different_frequencies_help_low_orders():
    plain = estimates.expected(asked(chain(8)), "order 2")
    noisy = estimates.expected(asked(chain(8, dephasing=2.0)), "order 2")
    spread = estimates.expected(asked(chain(8, detunings=np.arange(8) * 20.0)), "order 2")
    assert noisy < 0.7 * plain
    assert spread < 0.5 * plain


def test_wigner_is_useless_under_a_weak_drive():
    weak, strong = (asked(chain(6, drive=om), "ground") for om in (0.2, 5.0))
    assert estimates.expected(weak, "wigner") > 1
    assert estimates.expected(strong, "wigner") < 0.4


def test_mean_field_is_exact_for_a_vanishing_drive():
    errors = [
        estimates.expected(asked(chain(6, drive=om), "ground"), "mean field")
        for om in (1e-3, 1e-2, 0.1)
    ]
    assert errors[0] < 1e-5
    assert errors[1] == pytest.approx(100 * errors[0], rel=0.05)
    assert errors[2] == pytest.approx(100 * errors[1], rel=0.05)


def test_more_samples_have_a_smaller_error():
    request = asked(chain(8))
    few, many = (estimates.expected(request, "conditional", n) for n in (16, 1600))
    exact = estimates.expected(request, "conditional")
    assert few - exact == pytest.approx(10 * (many - exact))


@pytest.mark.parametrize("pump", [0.1, 0.5, 2.0, 10.0])
@pytest.mark.parametrize("spacing", [0.1, 0.3])
def test_bands_of_mean_field_cover_what_pumped_emitters_do_together(pump, spacing):
    """In mean field they come to emit one by one, also if random phases let them begin together."""
    couplings = co.couple(co.chain(5, spacing), co.Vacuum()).replace(pump=pump)
    times = np.linspace(0, 5, 6)
    for state in ("ground", "inverted"):
        exact = co.evolve(couplings, state, times, rtol=1e-6, progress=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large errors
            found = co.evolve(couplings, state, times, method="mean_field", seed=1, progress=False)
        scatter = 0 if found.emission_error is None else 3 * found.emission_error
        away = np.abs(found.emission - exact.emission)
        assert np.all(away <= found.error_estimate + scatter + 1e-6)


@pytest.mark.parametrize("spacing", [0.1, 0.2])
@pytest.mark.parametrize("populations", [0.1, 0.3, [1, 0, 0, 0, 1], [0, 1, 0, 0, 0]])
def test_bands_of_random_phases_cover_partly_excited_starts(populations, spacing):
    couplings, state = co.couple(co.chain(5, spacing), co.Vacuum()), co.states.mixed(populations)
    times, method = np.linspace(0, 4, 9), co.engines.MeanField(phases=2000)
    exact = co.evolve(couplings, state, times, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large errors and of negative populations
        found = co.evolve(couplings, state, times, method=method, seed=1, progress=False)
    away = np.abs(found.emission - exact.emission)
    assert np.all(away <= found.error_estimate + 3 * found.emission_error)


def test_bands_of_two_orders_that_agree_vanish():
    curve = np.exp(-T)
    for band in estimates.from_orders(curve, curve):
        np.testing.assert_array_equal(band, 0)


def test_bands_of_two_orders_stay_where_the_curves_cross():
    second, third = np.exp(-T), np.exp(-T) * (1 + 0.1 * np.sin(4 * T))
    band, other = estimates.from_orders(second, third)
    assert np.all(band[5:] > 0.05 * second[5:])
    assert np.all(other[1:] < band[1:])


def test_the_band_of_second_order_goes_on_where_third_order_has_diverged():
    second, third = np.exp(-T), np.exp(-T[:10]) * (1 + 0.1 * T[:10])
    band, other = estimates.from_orders(second, third)
    assert band.shape == T.shape
    assert other.shape == (10,)
    assert np.all(np.isfinite(band))
    assert np.all(band[10:] >= 0.3 * second[10:])


def test_a_band_from_an_expected_error_falls_more_slowly_than_the_emission():
    curve = np.exp(-T)
    band = estimates.from_expected(curve, 0.05)
    assert 0.05 < band[0] < 0.2
    assert np.all(np.diff(band / curve) > 0)


def test_the_band_of_conditional_cumulants_grows_with_resets():
    curve = np.exp(-T)
    none, some = (estimates.from_conditional(curve, curve, resets) for resets in (0, 3))
    np.testing.assert_array_equal(none, 0)
    assert np.all(some > 0.025 * curve**0.75)
