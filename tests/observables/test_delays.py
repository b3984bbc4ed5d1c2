"""Long delays of correlation functions: right where the light settles, refused where it does not."""

import time

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.sparse import csr_array
from systems import identical

import collective as co
from collective.observables import _delayed_moments, g1, g2


def test_moments_of_any_generator():
    """Stiff, oscillating, far from normal; against dense exponentials."""
    rng = np.random.default_rng(3)
    raising = np.diag(np.full(19, 40.0), 1)
    for matrix in (
        np.diag(-np.logspace(-6, 3, 20)),
        1j * np.diag(np.linspace(-300, 300, 20)),
        raising - 41 * np.eye(20),
        co.couple(co.chain(2, 1e-2), co.Vacuum()).replace(drive=1.0).liouvillian().full(),
    ):
        n = len(matrix)
        starts, rows = rng.normal(size=(n, 2)), rng.normal(size=(3, n))
        tau = np.array([0, 1e-4, 0.3, 0.30001, 2.0, 17.0])
        found = _delayed_moments.moments(
            csr_array(matrix.astype(complex)), starts, rows, tau, "test"
        )
        expected = np.array([rows @ expm(matrix * t) @ starts for t in tau])
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, atol=2e-9 * scale)


def test_hopeless_delays_are_refused_with_numbers(monkeypatch):
    monkeypatch.setattr(_delayed_moments, "_LARGEST_DENSE", 10)
    monkeypatch.setattr(_delayed_moments, "_STATIONARY_WITHIN", 0.2)
    pair = co.couple(co.chain(3, 2e-3), co.Vacuum()).replace(drive=1.0)
    with pytest.raises(
        ValueError, match=r"delays: g1 is not yet stationary at a delay of .* hours"
    ):
        g1(pair, [0.0, 1e9])


@pytest.mark.parametrize("unit", [1.0, 2.0**20])
def test_refused_delays_are_given_in_the_users_time(unit, monkeypatch):
    monkeypatch.setattr(_delayed_moments, "_LARGEST_DENSE", 10)
    monkeypatch.setattr(_delayed_moments, "_STATIONARY_WITHIN", 0.0)
    couplings = identical(10, together=0.0, drive=3.0)
    couplings = co.Couplings(couplings.decay * unit, couplings.shift * unit, drive=3 * unit)
    with pytest.raises(ValueError, match=r"evolution to (1e\+12|9.54e\+05) would take"):
        g2(couplings, [0.0, 1e12 / unit])


@pytest.mark.slow
def test_delays_that_take_hours_are_refused_within_seconds():
    """A hundred emitters above threshold: the decay so far shows that it does not end soon."""
    many = identical(100, exchange=0.3, drive=60.0)
    begin = time.process_time()
    with pytest.raises(ValueError, match="g1 is not yet stationary at a delay of"):
        g1(many, [0, 1.0, 1e9], start="ground")
    assert time.process_time() - begin < 20
