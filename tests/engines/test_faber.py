"""The polynomial series of e^{Lt} against the matrix exponential and the Bessel functions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_systems import random_matrix
from scipy.linalg import expm
from scipy.special import ive, jv

from collective.engines.numerics.spectrum import Ellipse


def normal_matrix(decay, width, size, seed):
    """A normal matrix with its eigenvalues in the ellipse, and the unitary that makes it so."""
    rng = np.random.default_rng(seed)
    radii, angles = np.sqrt(rng.uniform(0, 1, size)), rng.uniform(0, 2 * np.pi, size)
    values = decay / 2 * (radii * np.cos(angles) - 1) + 1j * width * radii * np.sin(angles)
    unitary = np.linalg.qr(random_matrix(rng, size))[0]
    return unitary @ np.diag(values) @ unitary.conj().T


def terms(ellipse, time, tolerance=1e-18):
    """The number of terms with a coefficient above the tolerance."""
    found = ellipse.coefficients(int(4 * ellipse.radius * time) + 60, [time])[:, 0]
    return int(np.flatnonzero(np.abs(found) > tolerance)[-1]) + 1


def expanded(ellipse, matrix, vector, times, terms):
    """Σ_j c_j(t) F_j(L) v and the norms of F_j(L) v."""
    before, here = np.zeros_like(vector), vector
    coefficients = ellipse.coefficients(terms, times)
    total, norms = np.outer(coefficients[0], here), [np.linalg.norm(here)]
    for j in range(1, terms):
        alpha, beta, gamma = ellipse.recurrence(j)
        before, here = here, alpha * matrix @ here + beta * here + gamma * before
        total = total + np.outer(coefficients[j], here)
        norms.append(np.linalg.norm(here))
    return total, norms


@given(
    st.floats(0, 12),
    st.floats(0, 12),
    st.floats(1e-3, 2),
    st.integers(0, 10**6),
)
def test_the_series_is_the_exponential(decay, width, time, seed):
    ellipse, matrix = Ellipse(decay, width), normal_matrix(decay, width, 6, seed)
    vector = np.random.default_rng(seed).normal(size=6) + 0j
    times = np.array([0, 1e-30, 0.1, 0.77, 1]) * time
    found, norms = expanded(ellipse, matrix, vector, times, terms(ellipse, time))
    exact = np.array([expm(matrix * t) @ vector for t in times])
    np.testing.assert_allclose(found, exact, atol=1e-12 * np.linalg.norm(vector))
    assert max(norms) < 2.01 * np.linalg.norm(vector)


def test_the_series_converges_with_an_eigenvalue_outside_the_ellipse():
    ellipse, matrix = Ellipse(1.0, 1.0), normal_matrix(3.0, 2.0, 8, 1)
    vector = np.ones(8) + 0j
    found, norms = expanded(ellipse, matrix, vector, [3.0], 90)
    np.testing.assert_allclose(found[0], expm(matrix * 3.0) @ vector, atol=1e-9)
    assert norms[60] > 1e6


@pytest.mark.parametrize(("decay", "width"), [(2.0, 0.3), (0.5, 3.0), (1e-3, 40.0), (40.0, 0.0)])
def test_coefficients_are_bessel_functions(decay, width):
    ellipse, times = Ellipse(decay, width), np.array([0.0, 1e-3, 0.4, 1.3])
    j = np.arange(25)[:, None]
    focus = 2 * ellipse.radius * np.sqrt(abs(ellipse.ratio))
    bessel = ive(j, focus * times) if ellipse.ratio > 0 else jv(j, focus * times)
    growth = ellipse.centre + (focus if ellipse.ratio > 0 else 0.0)
    expected = bessel * np.exp(growth * times) * (2 * ellipse.radius / focus) ** j
    np.testing.assert_allclose(ellipse.coefficients(25, times), expected, rtol=1e-9, atol=1e-15)


def test_coefficients_of_a_circle_are_those_of_taylor():
    ellipse = Ellipse(4.0, 2.0)
    assert ellipse.ratio == 0
    j = np.arange(12)
    factorial = np.cumprod(np.maximum(j, 1)).astype(float)
    expected = np.exp(ellipse.centre * 0.7) * (ellipse.radius * 0.7) ** j / factorial
    np.testing.assert_allclose(ellipse.coefficients(12, [0.7])[:, 0], expected, rtol=1e-12)


def test_coefficients_do_not_depend_on_how_many_are_asked():
    ellipse = Ellipse(5.0, 9.0)
    few, many = ellipse.coefficients(5, [0.1, 2.0]), ellipse.coefficients(80, [0.1, 2.0])
    np.testing.assert_allclose(few, many[:5], rtol=1e-12)
    assert terms(ellipse, 2.0) < 60
    assert abs(many[terms(ellipse, 2.0) - 1, 1]) > 1e-18
