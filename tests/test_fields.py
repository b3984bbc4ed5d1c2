import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

import collective as co

K = 2 * np.pi


def rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


@pytest.mark.parametrize("distance", [1e-7, 1e-3, 0.05, 0.0795, 0.0796, 0.3, 2.7, 1e3])
def test_every_component_against_forty_digits(distance):
    r = distance * np.array([0.36, -0.48, 0.8])
    green = co.Vacuum().green(r, [0, 0, 0], K)
    for i in range(3):
        for j in range(3):
            decay, shift = reference.vacuum_pair(r, [0, 0, 0], np.eye(3)[i], np.eye(3)[j])
            np.testing.assert_allclose(green[i, j].imag * 6 * np.pi / K, decay.real, atol=2e-13)
            expected = -shift.real * K / (3 * np.pi)
            np.testing.assert_allclose(green[i, j].real, expected, rtol=1e-11, atol=1e-13)


def test_it_solves_the_wave_equation():
    """∇×∇×G = k²G away from the source, by differences of a plane-wave-sized stencil."""
    step, r = 1e-3, np.array([0.2, 0.5, -0.3])
    axes = step * np.eye(3)

    def green(offset):
        return co.Vacuum().green(r + offset, [0, 0, 0], K)

    second = np.array(
        [
            [
                (
                    green(axes[i] + axes[j])
                    - green(axes[i] - axes[j])
                    - green(axes[j] - axes[i])
                    + green(-axes[i] - axes[j])
                )
                / (4 * step**2)
                for j in range(3)
            ]
            for i in range(3)
        ]
    )
    # ∇×∇×G = ∇(∇·G) − ∇²G, column by column
    curl_curl = np.einsum("ijjn->in", second) - np.einsum("jjin->in", second)
    np.testing.assert_allclose(curl_curl, K**2 * green(0), rtol=2e-4, atol=2e-4)


@given(st.integers(0, 10**6))
def test_reciprocity_and_rotation(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 4, 3))
    turn = rotation(seed)
    vacuum = co.Vacuum()
    green = vacuum.green(a, b, K)
    np.testing.assert_allclose(green, np.swapaxes(vacuum.green(b, a, K), -1, -2), atol=1e-14)
    turned = vacuum.green(a @ turn.T, b @ turn.T, K)
    np.testing.assert_allclose(turned, turn @ green @ turn.T, rtol=1e-9, atol=1e-9)


def test_coincident_points_keep_the_imaginary_part():
    green = co.Vacuum().green([1, 2, 3], [1, 2, 3], K)
    np.testing.assert_array_equal(green.real, 0)
    np.testing.assert_allclose(green.imag, K / (6 * np.pi) * np.eye(3), rtol=1e-15)
    # closer than doubles can cube is coincident too, never infinite
    assert np.all(np.isfinite(co.Vacuum().green([1e-120, 0, 0], [0, 0, 0], K)))


def test_broadcasting_over_points_and_wave_numbers():
    rng = np.random.default_rng(0)
    a, b, k = rng.standard_normal((4, 1, 3)), rng.standard_normal((5, 3)), np.linspace(1, 9, 5)
    green = co.Vacuum().green(a, b, k)
    assert green.shape == (4, 5, 3, 3)
    np.testing.assert_allclose(green[2, 3], co.Vacuum().green(a[2, 0], b[3], k[3]))
    assert co.Vacuum().scattered(a, b, 1.0).shape == (4, 5, 3, 3)
    assert not np.any(co.Vacuum().scattered(a, b, 1.0))


@pytest.mark.parametrize(
    ("points", "k", "message"),
    [
        (([0, 0], [0, 0, 0]), 1.0, "r must have three components"),
        (([0, 0, np.nan], [0, 0, 0]), 1.0, "r must be finite"),
        (([0, 0, 0], [0, np.inf, 0]), 1.0, "r_source must be finite"),
        (([0, 0, 1], [0, 0, 0]), 0.0, "k must be positive, or i times positive .*, got 0"),
        (([0, 0, 1], [0, 0, 0]), -2.0, "k must be positive, or i times positive .*, got -2"),
        (([0, 0, 1], [0, 0, 0]), 1 + 1j, "k must be positive, or i times"),
    ],
)
def test_bad_points_and_wave_numbers(points, k, message):
    with pytest.raises(ValueError, match=message):
        co.Vacuum().green(*points, k)
