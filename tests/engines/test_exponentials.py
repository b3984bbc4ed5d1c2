"""Stiff problems by exponentials: slow rates keep their digits beside fast ones."""

import numpy as np
import pytest
import qutip
from random_systems import random_matrix
from scipy.linalg import expm

import collective as co
from collective.engines.numerics import exponential

T = np.linspace(0, 4, 9)


def exact(couplings, state, times=T, **options):
    return co.evolve(couplings, state, times, method="exact", progress=False, **options)


@pytest.mark.parametrize("fast", [1e4, 1e8, 1e12])
def test_a_slow_emitter_beside_a_fast_one(fast):
    """Rates of 0.2 and up to 10¹²: in e^{Lt} itself the slow one would be lost in round-off."""
    pair = co.Couplings(np.diag([0.2, fast]), np.zeros((2, 2)))
    found = exact(pair, "inverted")
    assert "exponentials" in found.reason
    expected = np.stack([np.exp(-0.2 * T), np.exp(-fast * T)], axis=1)
    np.testing.assert_allclose(found.populations, expected, atol=1e-14)
    assert found.diagnostics["trace_error"] < 1e-14


@pytest.mark.parametrize("dephasing", [1e3, 1e6, 1e10])
def test_exchange_under_strong_dephasing(dephasing):
    """Coherences decay at 2γ = G: the difference w of populations obeys ẅ + Gẇ + 4Δ²w = 0."""
    exchange = 0.5 * np.sqrt(dephasing)
    pair = co.Couplings(np.zeros((2, 2)), [[0, exchange], [exchange, 0]], dephasing=dephasing)
    found = exact(pair, co.states.single(0))
    width = 2 * dephasing
    root = np.sqrt(width**2 / 4 - 4 * exchange**2)
    slow, fast = -4 * exchange**2 / (width / 2 + root), -(width / 2 + root)
    w = (fast * np.exp(slow * T) - slow * np.exp(fast * T)) / (fast - slow)
    np.testing.assert_allclose(found.populations[:, 0], (1 + w) / 2, atol=1e-12)


@pytest.mark.parametrize("exchange", [1e3, 1e6, 1e9])
def test_fast_exchange_is_exact_to_the_round_off_of_its_phase(exchange):
    """p₀ = ¼(e^{−Γ₊t} + e^{−Γ₋t}) + ½e^{−Γt}cos 2Δt."""
    pair = co.Couplings([[1, 0.6], [0.6, 1]], [[0, exchange], [exchange, 0]])
    found = exact(pair, co.states.single(0))
    expected = (np.exp(-1.6 * T) + np.exp(-0.4 * T)) / 4 + np.exp(-T) * np.cos(2 * exchange * T) / 2
    bound = found.diagnostics["error_bound"]
    assert 1e-16 * exchange < bound < 1e-13 * exchange
    np.testing.assert_allclose(found.populations[:, 0], expected, atol=bound + 1e-14)


def test_long_times_end_in_the_steady_state():
    """Ω²/(Γ² + 2Ω²), after 10⁸ lifetimes."""
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    found = exact(atom, "ground", [0, 1e6, 1e8])
    np.testing.assert_allclose(found.populations[1:, 0], 1 / 3, atol=1e-13)


EVEN, UNEVEN = np.linspace(0, 20, 5), np.geomspace(1, 20, 9)


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({}, EVEN),
        ({"drive": 30.0}, UNEVEN),
        ({"drive": 2j, "dephasing": 1.0, "pump": 0.5}, EVEN),
        ({"detunings": [0, 90, 5]}, UNEVEN),
    ],
)
def test_exponentials_agree_with_series_that_need_no_matrix(changes, times):
    couplings = co.couple(co.chain(3, 0.05), co.Vacuum()).replace(**changes)
    mine = exact(couplings, co.states.coherent(1.0), times, observe="correlations")
    assert "exponentials" in mine.reason
    other = co.evolve(
        couplings, co.states.coherent(1.0), times, method="driven", rtol=1e-11, atol=1e-13,
        observe="correlations",
    )  # fmt: skip
    np.testing.assert_allclose(mine.correlations, other.correlations, atol=1e-9)


def test_any_generator_is_applied_without_change():
    matrix = random_matrix(1, 4)
    generator = qutip.Qobj(matrix, dims=[[[2], [2]], [[2], [2]]])
    solver = exponential.Exponential(generator)
    rho = qutip.ket2dm((qutip.basis(2, 0) + 1j * qutip.basis(2, 1)).unit())
    solver.start(rho, 0.0)
    found = solver.step(0.7).full().ravel(order="F")
    np.testing.assert_allclose(found, expm(0.7 * matrix) @ rho.full().ravel(order="F"), atol=1e-12)


def test_only_entries_that_the_state_reaches_are_kept():
    """One excitation of five emitters reaches 1 + 25 numbers of 1,024."""
    couplings = co.couple(co.chain(5, 0.02), co.Vacuum())
    for state, size in ((co.states.single(2), 26), ("inverted", 252)):
        found = exact(couplings, state, [0.0])
        sizes, _, _ = exponential.extent(couplings.liouvillian(), found.last_state)
        assert sum(sizes) == size


@pytest.mark.parametrize("times", [[0, 3.0, 6.0], np.geomspace(1e-3, 50, 9)])
def test_large_rates_that_cancel_in_a_population_keep_the_trace(times):
    """Dephasing adds to a population what it removes: round-off of 10⁶ beside a decay of 1.

    Strong dephasing leaves rate equations, here of emitters that do not decay together:
    exp(−Γ_mm t) of each, and its shifts of the order 1/γ_φ.
    """
    decay = np.array([[0.9, 0.2], [0.2, 1.3]])
    pair = co.Couplings(decay, [[0, 0.7], [0.7, 0]], dephasing=[1.1e6, 0.7e6])
    found = co.evolve(pair, "inverted", times, progress=False)
    assert "exponentials" in found.reason
    assert found.diagnostics["trace_error"] < 1e-14
    elapsed = np.asarray(times)[:, None] - times[0]
    expected = np.exp(-elapsed * np.diagonal(decay))
    np.testing.assert_allclose(found.populations, expected, atol=1e-5)
