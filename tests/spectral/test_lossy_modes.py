"""Baths of lossy modes and of damped oscillators, and modes fitted to other baths."""

import numpy as np
import pytest
from scipy import integrate

import collective as co
from collective import spectral

W, K = np.array([1.0, 2.2]), np.array([0.4, 0.3])
G = np.array([[0.3, 0.1j], [0.1, -0.2]])
POINTS = (-1.3, 0.0, 0.4, 1.0, 2.5)


def test_rates_and_shifts_are_sums_of_lorentzians():
    modes = spectral.LossyModes(W, K, G)
    for omega in POINTS:
        rates = shifts = 0
        for w, k, g in zip(W, K, G, strict=True):
            line = np.outer(g, g.conj()) / ((omega - w) ** 2 + k**2 / 4)
            rates, shifts = rates + k * line, shifts + (omega - w) * line
        np.testing.assert_allclose(modes.gamma(omega), rates, atol=1e-15)
        np.testing.assert_allclose(modes.shift(omega), shifts, atol=1e-15)


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_shifts_are_the_principal_value_of_the_rates(temperature):
    modes = spectral.LossyModes(W, K, G).thermal(temperature)
    integrated = spectral.Bath(modes.gamma)
    np.testing.assert_allclose(modes.shift(0.4), integrated.shift(0.4), atol=1e-10)


def test_rates_of_a_warm_mode_obey_detailed_balance_at_its_frequency():
    narrow = spectral.LossyModes(1.0, 1e-5, [0.2]).thermal(0.6)
    ratio = narrow.gamma(-1.0) / narrow.gamma(1.0)
    np.testing.assert_allclose(ratio, np.exp(-1 / 0.6), rtol=1e-8)


def test_damped_oscillators_are_a_bath_of_their_spectral_density():
    bath = spectral.BrownianModes(W, K, [[0.3, 0.1], [0.2, -0.1]], 0.3)

    def density(omega):
        total = 0
        for w, k, g in zip(W, K, bath.couplings, strict=True):
            lines = [k / ((omega - s * w) ** 2 + k**2 / 4) for s in (1, -1)]
            total = total + np.outer(g, g) * (lines[0] - lines[1])
        return total

    made = spectral.Bath.from_spectral_density(density, 0.3, scale=0.3)
    for omega in (-1.3, 0.4, 2.5):
        np.testing.assert_allclose(bath.gamma(omega), made.gamma(omega), atol=1e-12)
    np.testing.assert_allclose(bath.shift(0.4), made.shift(0.4), atol=1e-10)
    beside = (bath.gamma(1e-3) + bath.gamma(-1e-3)) / 2
    np.testing.assert_allclose(bath.gamma(0.0), beside, rtol=1e-4)


def test_oscillators_at_a_temperature_far_below_their_frequency():
    """e^{ω/T} overflows; S(ω) = −P∫γ(ω')/(ω' − ω) dω'/2π with γ = J at ω' > 0."""
    cold = spectral.BrownianModes(1.0, 0.4, [0.1], temperature=5e-4)
    rates = {"weight": "cauchy", "limit": 500}
    for omega in (0.4, 1.7):
        near, _ = integrate.quad(lambda w: cold.gamma(w)[0, 0], 0.01, 40, wvar=omega, **rates)
        rest, _ = integrate.quad(
            lambda w, at=omega: cold.gamma(w)[0, 0] / (w - at), -0.01, 0.01, limit=500
        )
        expected = -(near + rest) / (2 * np.pi)
        np.testing.assert_allclose(cold.shift(omega), [[expected]], rtol=1e-3)
        assert cold.shift(omega).dtype == float


def test_exponentials_give_the_correlation_function_of_damped_oscillators():
    """C(t) = ∫dω/2π γ(ω)e^{−iωt} at t = 0.8, by a fine sum over ω."""
    bath = spectral.BrownianModes(1.0, 0.4, [0.3], 0.5)
    omega = np.linspace(-60, 60, 3_001)
    gamma = np.array([bath.gamma(w)[0, 0] for w in omega])
    by_sum = np.trapezoid(gamma * np.exp(-0.8j * omega), omega) / (2 * np.pi)
    weights, exponents = bath.exponentials(20)
    by_terms = (weights[:, 0, 0] * np.exp(-0.8 * exponents)).sum()
    np.testing.assert_allclose(by_terms, by_sum, atol=5e-7)
    left_out = bath.remainder(3) - bath.remainder(20)
    weights, exponents = bath.exponentials(20)
    np.testing.assert_allclose(left_out, (weights.T / exponents).T[5:].sum(axis=0), rtol=1e-12)


def test_a_fit_finds_the_modes_that_made_the_bath():
    made = spectral.LossyModes(W, K, G)
    for unit in (1.0, 1e6):
        given = spectral.LossyModes(unit * W, unit * K, unit * G)
        fit = spectral.fit_modes(
            spectral.Bath(given.gamma, given.shift), (0, 3 * unit), modes=2, points=40
        )
        assert max(fit.error, fit.shift_error) < 1e-9
        np.testing.assert_allclose(fit.modes.frequencies, unit * W, rtol=1e-8)
        np.testing.assert_allclose(fit.modes.linewidths, unit * K, rtol=1e-7)
        np.testing.assert_allclose(fit.modes.gamma(0.9 * unit), unit * made.gamma(0.9), rtol=1e-7)


def test_the_error_of_a_fit_is_the_largest_deviation():
    warm = spectral.BrownianModes(1.6, 0.5, [0.05, 0.04], 0.5)
    coarse, fine = (spectral.fit_modes(warm, (-3, 3), modes=k, points=40) for k in (1, 2))
    assert fine.error < 0.01 < 0.03 < coarse.error
    at = np.linspace(-3, 3, 1001)
    largest = max(warm.gamma(w).max() for w in at)
    off = max(abs(fine.modes.gamma(w) - warm.gamma(w)).max() for w in at) / largest
    np.testing.assert_allclose(fine.error, off, rtol=1e-2)
    off = max(abs(fine.modes.shift(w) - warm.shift(w)).max() for w in at[::10]) / largest
    np.testing.assert_allclose(fine.shift_error, 2 * off, rtol=2e-2)
    assert "2 modes" in str(fine)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: spectral.LossyModes(1.0, 0.0, [0.1]), "linewidths must be above zero.* got 0"),
        (
            lambda: spectral.LossyModes([1, 2], 0.1, [0.1]),
            "one row per mode, and frequencies has 2",
        ),
        (
            lambda: spectral.LossyModes([1, 2], [1, 1, 1], G),
            r"frequencies has 2, linewidths has shape \(3,\)",
        ),
        (lambda: spectral.LossyModes(-1.0, 0.1, [0.1]).thermal(1), "got -1"),
        (lambda: spectral.LossyModes(1.0, 0.1, [0.1]).thermal(-1), "temperature must not be neg"),
        (lambda: spectral.LossyModes(1e-300, 0.1, [0.1]).thermal(1e10), "is too high for a mode"),
        (lambda: spectral.BrownianModes(1.0, 0.1, [0.1], 1e-6), "temperature must be at least"),
        (lambda: spectral.BrownianModes(1.0, 0.1, [0.1j], 1.0), "couplings must be real"),
        (lambda: spectral.BrownianModes(-1.0, 0.1, [0.1], 1.0), "frequencies must be above zero"),
        (lambda: spectral.fit_modes(lambda w: 1.0, (2, 1)), "band must be the lowest"),
        (lambda: spectral.fit_modes(lambda w: 0.0, (0, 1)), "gamma is zero from 0 to 1"),
        (lambda: spectral.fit_modes(lambda w: [[0, 1], [0, 0]], (0, 1)), "must be Hermitian"),
        (lambda: spectral.fit_modes(lambda w: np.ones(3), (0, 1)), "number or a square matrix"),
        (lambda: spectral.fit_modes(lambda w: np.ones((0, 0)), (0, 1)), r"got shape \(0, 0\)"),
        (lambda: spectral.fit_modes(lambda w: w, (-1, 1)), r"gamma\(-1\) has the eigenvalue -1"),
        (lambda: spectral.fit_modes(lambda w: 1.0, (1, 1 + 1e-15)), "band must be the lowest"),
        (lambda: spectral.fit_modes(co.Vacuum(), (0, 1)), "a field, which becomes a bath"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_bath_of_modes_gives_the_equation_of_its_functions():
    flip = np.zeros((2, 2, 3))
    flip[0, 1, 0] = flip[1, 0, 0] = 1
    pair = co.Multilevel([[0, 0, 0], [0, 0, 1]], [[1.1, 0], [0.9, 0]], [flip, flip])
    modes = spectral.LossyModes(W, K, G)
    functions = spectral.Bath(modes.gamma, modes.shift)
    for name in ("universal", "rwa"):
        one, other = (
            co.master_equation(pair, bath, approximation=name) for bath in (modes, functions)
        )
        assert (one.hamiltonian() - other.hamiltonian()).norm("max") < 1e-15
    assert co.interaction(pair, modes).principal(0, 1).shape == (2, 2, 2, 2)
