"""The error that an approximate engine says covers the true one, on small problems.

`benchmarks/accuracy.py` has 250 problems. Here are those that take milliseconds.
"""

import warnings

import numpy as np
import pytest

import collective as co

T = np.linspace(0, 4, 41)
SECOND, THIRD = co.engines.Cumulants(order=2), co.engines.Cumulants(order=3)


def vacuum(emitters, **changes):
    return co.couple(emitters, co.Vacuum()).replace(**changes)


PROBLEMS = {
    "chain, 0.1 wavelengths": (vacuum(co.chain(6, 0.1)), "inverted"),
    "chain, 0.3 wavelengths": (vacuum(co.chain(6, 0.3)), "inverted"),
    "square, 0.15 wavelengths": (vacuum(co.square(2, 3, 0.15)), "inverted"),
    "cloud": (vacuum(co.cloud(6, 0.25, min_distance=0.08, seed=7)), "inverted"),
    "half excited": (vacuum(co.ring(5, 0.15)), co.states.mixed(0.5)),
    "dephased": (vacuum(co.chain(5, 0.1), dephasing=0.5), "inverted"),
    "weak drive": (vacuum(co.chain(5, 0.2), drive=0.3), "ground"),
    "strong drive": (vacuum(co.square(2, 2, 0.2), drive=5.0), "ground"),
}


def exact(name):
    couplings, state = PROBLEMS[name]
    found = co.evolve(couplings, state, T, rtol=1e-7, atol=1e-9, progress=False)
    assert found.accuracy == "exact"
    return found.emission


def approximate(name, engine):
    couplings, state = PROBLEMS[name]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the error of method")
        return co.evolve(couplings, state, T, method=engine, seed=3, rtol=1e-6, progress=False)


def expected(name, engine):
    couplings, state = PROBLEMS[name]
    return co.methods(couplings, state, T, method=engine).costs[engine.name].error


@pytest.mark.parametrize("name", PROBLEMS)
def test_cumulants_of_second_order_say_how_wrong_they_are(name):
    covered_and_useful(name, SECOND, at_most=40 if "drive" in name else 12)


@pytest.mark.parametrize("name", [name for name in PROBLEMS if "drive" not in name])
def test_cumulants_of_third_order_say_how_wrong_they_are(name):
    covered_and_useful(name, THIRD, at_most=8)


@pytest.mark.parametrize("name", ["chain, 0.1 wavelengths", "strong drive"])
def test_mean_field_says_how_wrong_it_is(name):
    covered_and_useful(name, co.engines.MeanField(), at_most=12)


def covered_and_useful(name, engine, at_most):
    """The band holds the truth at every time, and is not many times wider than it must be."""
    truth, found = exact(name), approximate(name, engine)
    off, size = np.abs(found.emission - truth), truth.max()
    scatter = 0.0 if found.emission_error is None else 3 * found.emission_error
    assert np.all(off <= found.error_estimate + scatter + 2e-4 * size)
    assert found.error_estimate.max() < at_most * (off.max() + 1e-3 * size)


@pytest.mark.parametrize("engine", [SECOND, THIRD], ids=["order 2", "order 3"])
def test_the_error_expected_before_a_run_is_right_within_a_factor_of_three(engine):
    for name in [name for name in PROBLEMS if "drive" not in name]:
        truth = exact(name)
        off = np.abs(approximate(name, engine).emission - truth).max() / truth.max()
        assert off / 3 - 1e-3 < expected(name, engine) < 3 * off + 1e-3, name


def test_the_engine_to_believe_is_among_the_best():
    for name, best in (
        ("chain, 0.3 wavelengths", {"cumulants", "mean_field"}),
        ("weak drive", {"cumulants", "mean_field", "capped"}),
    ):
        couplings, state = PROBLEMS[name]
        assert co.methods(couplings, state, T).believe in best, name
