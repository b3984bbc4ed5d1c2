"""The interaction of two dipoles as a function of the delay."""

import numpy as np
import pytest
from multilevels import Mirror
from scipy.integrate import quad
from scipy.special import jv

import collective as co
from collective import spectral

R = 0.8
AXIS = np.array([0.0, 0.6, 0.8])  # r̂
WIDTH = 0.05
C = 2.0


def pair(kind="magnetic", places=((0, 0, 0), tuple(R * AXIS))):
    flip = np.zeros((2, 2, 3))
    flip[0, 1, 0] = flip[1, 0, 0] = 1
    return co.Multilevel(places, [[1.0, 0.0]] * 2, [flip] * 2, kind=kind, speed_of_light=C)


def gaussian(x, order=0, width=WIDTH):
    """The derivative of a normalised Gaussian."""
    y = x / width
    hermite = [1, -y, y**2 - 1][order]
    return hermite * np.exp(-(y**2) / 2) / np.sqrt(2 * np.pi) / width ** (order + 1)


def free(s, r, direction):
    """δ, δ' and δ'' on the light cone, with a Gaussian for the δ."""
    tau, one, along = r / C, np.eye(3), np.multiply.outer(direction, direction)
    g = [gaussian(np.asarray(s) - tau, k)[..., None, None] for k in range(3)]
    near, far = one - 3 * along, one - along
    return (near * (g[0] + tau * g[1]) + far * tau**2 * g[2]) / (4 * np.pi * r**3)


@pytest.mark.parametrize("kind", ["electric", "magnetic"])
def test_retarded_field_in_vacuum_is_on_the_light_cone(kind):
    s = np.linspace(-0.3, 0.8, 31)
    found = spectral.retarded(pair(kind), co.Vacuum(), 0, 1, s, width=WIDTH)
    expected = free(s, R, AXIS)
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
    assert np.abs(found[s < R / C - 8 * WIDTH]).max() < 1e-10 * np.abs(found).max()


def test_retarded_field_is_the_transform_of_the_interaction():
    """∫ds D(s)e^{iωs} = K(ω) − (i/2)J(ω), times the transform of the Gaussian."""
    s, step = np.linspace(
        -0.3, 1.1, 141, retstep=True
    )  # the integrand is smooth, so the trapezoidal rule is exact
    found = spectral.retarded(pair(), co.Vacuum(), 0, 1, s, width=WIDTH)
    omegas = np.array([0.0, 3.0, 20.0])
    total = np.einsum("ws,sij->wij", np.exp(1j * np.multiply.outer(omegas, s)), found) * step
    decay, shift = spectral.decay_and_shift(pair(), co.Vacuum(), 0, 1, omegas)
    gaussians = np.exp(-((omegas * WIDTH) ** 2) / 2)[:, None, None]
    expected = (shift - 0.5j * decay) * gaussians
    np.testing.assert_allclose(total, expected, atol=1e-8 * np.abs(found).max() * step)


@pytest.mark.slow
def test_light_of_the_mirror_image_arrives_later():
    places = np.array([[0.1, 0, 0.9], [0.3, -0.2, 0.4]])
    s = np.linspace(0, 1.0, 21)
    found = spectral.retarded(pair("electric", places), Mirror(), 0, 1, s, width=WIDTH)
    direct, reflected = places[0] - places[1], places[0] - places[1] * [1, 1, -1]
    lengths = [np.linalg.norm(v) for v in (direct, reflected)]
    assert lengths[0] < lengths[1]
    expected = free(s, lengths[0], direct / lengths[0])
    image = free(s, lengths[1], reflected / lengths[1]) @ np.diag([-1.0, -1.0, 1.0])
    expected = expected + image
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())


def test_retarded_field_in_a_plasma_against_its_closed_form():
    """D_⊥ from derivatives of e^{ik_pr}: δ(s − τ) − ω_pτ J₁(ω_p√(s² − τ²))/√(s² − τ²) after τ."""
    wave, width = 6.0, 0.08
    cutoff = wave * C

    def front(s, r):
        tau = r / C

        def tail(u):  # s'² = τ² + u²
            later = np.sqrt(tau**2 + u**2)
            return -cutoff * tau * jv(1, cutoff * u) / later * gaussian(s - later, width=width)

        end = np.sqrt(max(s + 9 * width, tau) ** 2 - tau**2)
        return gaussian(s - tau, width=width) + quad(tail, 0, end, limit=200, epsabs=1e-11)[0]

    def across(s, h=0.004):
        f = np.array([front(s, R + k * h) for k in range(-3, 4)])
        first = f @ [-1, 9, -45, 0, 45, -9, 1] / (60 * h)
        second = f @ [2, -27, 270, -490, 270, -27, 2] / (180 * h**2)
        return (R**2 * second - R * first + f[3]) / (4 * np.pi * R**3)

    perpendicular = np.array([1.0, 0.0, 0.0])
    times = np.array([0.0, 0.2, 0.4, 0.55, 0.9, 1.6])
    found = spectral.retarded(pair(), co.Plasma(wave), 0, 1, times, width=width, breakpoints=cutoff)
    ours = perpendicular @ found @ perpendicular
    expected = [across(s) for s in times]
    np.testing.assert_allclose(ours, expected, atol=1e-5 * np.abs(expected).max())
    assert np.abs(ours[-1]) > 1e-3 * np.abs(ours).max()  # it still oscillates


def test_retarded_field_is_reciprocal():
    places = np.array([[0.1, 0, 0.9], [0.3, -0.2, 0.4]])
    both = [
        spectral.retarded(pair("electric", places), Mirror(), i, 1 - i, [0.3, 0.7], width=0.3)
        for i in (0, 1)
    ]
    np.testing.assert_allclose(both[0], both[1].transpose(0, 2, 1), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda **k: spectral.retarded(pair(), co.Vacuum(), 0, 0, 1.0, **k), "different places"),
        (lambda **k: spectral.retarded(pair(), co.Vacuum(), 0, 1, 1, rtol=0, **k), "rtol must be"),
        (lambda **k: spectral.retarded(pair(), co.Vacuum(), 0, 2, 1.0, **k), "j must be below 2"),
        (lambda **k: spectral.retarded(pair(), co.Vacuum(), "a", 1, 1.0, **k), "i must be an int"),
        (lambda **k: spectral.retarded(pair(), co.Vacuum(), 0, 1, [np.nan], **k), "delays must be"),
        (lambda **k: spectral.retarded(pair(), co.Vacuum(), 0, 1, 1e9, **k), "width = 0.05 is too"),
        (
            lambda **k: spectral.retarded(pair("electric"), co.Plasma(2.0), 0, 1, 1.0, width=0.2),
            "does not converge",
        ),
        (
            lambda **k: spectral.retarded(pair(), co.Vacuum(), 0, 1, 1.0, **{**k, "width": 0}),
            "width must be above 0",
        ),
        (
            lambda **k: spectral.retarded(
                pair(places=[[0, 0, 0]] * 2), co.Vacuum(), 0, 1, 1.0, **k
            ),
            "coincide",
        ),
    ],
)
def test_bad_arguments_of_retarded_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(width=WIDTH)
