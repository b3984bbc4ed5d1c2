"""A sphere against closed series of the literature, limits and another route to every number."""

from functools import cache

import mpmath as mp
import numpy as np
import pytest
from scipy import special

import collective as co
from collective import materials, spectral
from collective.fields.sphere import mie, tensors

K = 2 * np.pi
GOLD = materials.Drude.from_value(-11.0 + 1.3j, K)
LOSSY = materials.Drude(45.0, 10.0)


def riccati(kind, n, z):
    """zj_n(z) or zh_n(z) and its derivative with respect to z, by mpmath."""
    bessel = {"j": mp.besselj, "h": mp.hankel1}[kind]

    def value(order):
        return mp.sqrt(mp.pi * z / 2) * bessel(order + mp.mpf(1) / 2, z)

    here = value(n)
    return here, value(n - 1) - n / z * here


def mie_coefficients(n, x, epsilon):
    """Mie's a_n and b_n of a non-magnetic sphere (Bohren and Huffman 1983, equation 4.53)."""
    m = mp.sqrt(mp.mpc(epsilon))
    psi, psi_slope = riccati("j", n, x)
    xi, xi_slope = riccati("h", n, x)
    within, within_slope = riccati("j", n, m * x)
    a = (m * within * psi_slope - psi * within_slope) / (m * within * xi_slope - xi * within_slope)
    b = (within * psi_slope - m * psi * within_slope) / (within * xi_slope - m * xi * within_slope)
    return a, b


def closed_series(radius, epsilon, distance, orders, k=K):
    """Γ/Γ₀ and its radiated part, for a radial and for a tangential dipole.

    Source: Chew, J. Chem. Phys. 87, 1355 (1987); Ruppin, J. Chem. Phys. 76, 1681 (1982); Kim, Leung
    and George, Surf. Sci. 195, 1 (1988).
    """
    with mp.workdps(40 + orders // 2):
        x, rho = mp.mpf(k) * mp.mpf(radius), mp.mpf(k) * mp.mpf(distance)
        whole, radiated = [mp.mpf(1), mp.mpf(1)], [mp.mpf(0), mp.mpf(0)]
        for n in range(1, orders + 1):
            a, b = mie_coefficients(n, x, epsilon)
            psi, psi_slope = riccati("j", n, rho)
            xi, xi_slope = riccati("h", n, rho)
            many = mp.mpf(3) / 2 * n * (n + 1) * (2 * n + 1)
            whole[0] -= many * mp.re(a * (xi / rho**2) ** 2)
            radiated[0] += many * abs((psi - a * xi) / rho**2) ** 2
            few = mp.mpf(3) / 4 * (2 * n + 1)
            whole[1] -= few * mp.re(a * (xi_slope / rho) ** 2 + b * (xi / rho) ** 2)
            radiated[1] += few * (
                abs((psi_slope - a * xi_slope) / rho) ** 2 + abs((psi - b * xi) / rho) ** 2
            )
        return [float(x) for x in whole], [float(x) for x in radiated]


def beside(distance, k=K):
    """A radial and a tangential dipole at a distance from the centre."""
    places = [[0, 0, distance], [distance, 0, 0]]
    return co.Emitters(places, dipoles=(0, 0, 1), wavelength=2 * np.pi / k)


@pytest.mark.parametrize(
    ("radius", "epsilon", "distance", "orders"),
    [
        (0.05, -11 + 1.3j, 0.07, 50),
        (0.02, -50 + 0.6j, 0.05, 25),
        (0.3, 2.5, 0.4, 50),
        (1.0, 2.1 + 0.01j, 1.5, 55),
        (0.1, 16.0, 0.3, 25),
        pytest.param(5.0, 2.25, 7.0, 120, marks=pytest.mark.slow),
    ],
)
def test_purcell_factors_are_those_of_the_closed_series(radius, epsilon, distance, orders):
    whole, radiated = closed_series(radius, epsilon, distance, orders)
    sphere, atoms = co.Sphere(radius, epsilon), beside(distance)
    np.testing.assert_allclose(co.purcell(atoms, sphere), whole, rtol=1e-9)
    # what arrives far away, by integrating the far field
    directions, weights = co.observables.sphere(40 + orders, 40 + orders)
    fields = sphere.far_field(directions[:, None], atoms.positions, K) @ [0, 0, 1]
    found = 6 * np.pi * np.einsum("dni,dni,d->n", fields.conj(), fields, weights).real
    np.testing.assert_allclose(found, radiated, rtol=1e-9)
    if np.isreal(epsilon):
        np.testing.assert_allclose(found, whole, rtol=1e-8)
    else:
        assert np.all(found < whole)


@pytest.mark.slow
def test_purcell_factors_close_to_the_surface():
    whole, _ = closed_series(0.1, -11 + 1.3j, 0.105, 420)
    found = co.purcell(beside(0.105), co.Sphere(0.1, -11 + 1.3j))
    np.testing.assert_allclose(found, whole, rtol=1e-9)


@pytest.mark.parametrize(("radius", "k"), [(1e-4, K), (1.0, 1e-6), (1e-3, 1e-9)])
def test_the_decay_beside_a_tiny_sphere_without_losses_keeps_its_digits(radius, k):
    """Im G is here up to 10⁻³⁶ of Re G: no phase may be a difference of larger ones."""
    distance = 1.4 * radius
    whole, _ = closed_series(radius, 9.0, distance, 60, k)
    place = [0, 0, distance]
    own = 1 + 6 * np.pi / k * np.diag(co.Sphere(radius, 9.0).scattered(place, place, k)).imag
    np.testing.assert_allclose(own[[2, 0, 1]], [whole[0], whole[1], whole[1]], rtol=1e-12)


@pytest.mark.parametrize("rho", [1e-6, 0.03, 1.0])
def test_small_angles_of_outgoing_waves(rho):
    """ξ_n = −i|ξ_n|e^{iφ_n}."""
    found = mie.angles(rho, mie.upward(complex(rho), 12), 12)
    with mp.workdps(200):
        for n in (0, 1, 5, 12):
            xi, _ = riccati("h", n, mp.mpf(rho))
            np.testing.assert_allclose(found[n], float(mp.arg(1j * xi)), rtol=1e-13)


def resonance(order, epsilon, guess):
    """The pole of a_n in x, near a guess: a transverse magnetic whispering-gallery mode."""

    def denominator(x):
        m = mp.sqrt(epsilon)
        xi, xi_slope = riccati("h", order, x)
        within, within_slope = riccati("j", order, m * x)
        return m * within * xi_slope - xi * within_slope

    with mp.workdps(40):
        return complex(mp.findroot(denominator, mp.mpc(guess)))


def test_a_whispering_gallery_mode_takes_the_light():
    """On a resonance of Q ≈ 10⁵ the digits of its width count; far fields keep the balance."""
    pole = resonance(16, 4.0, 10.6)
    quality = pole.real / (-2 * pole.imag)
    assert 8e4 < quality < 9e4
    radius = pole.real / K
    whole, _ = closed_series(radius, 4.0, 1.2 * radius, 65)
    sphere, atoms = co.Sphere(radius, 4.0), beside(1.2 * radius)
    found = co.purcell(atoms, sphere)
    # by one rounding of x the mode moves by about 10⁻¹⁶Q of its width
    np.testing.assert_allclose(found, whole, rtol=1e-9 + 1e-15 * quality)
    assert found[0] > 30
    directions, weights = co.observables.sphere(60, 16)
    fields = sphere.far_field(directions[:, None], atoms.positions[:1], K) @ [0, 0, 1]
    radiated = 6 * np.pi * np.einsum("dni,dni,d->n", fields.conj(), fields, weights).real
    np.testing.assert_allclose(radiated, found[:1], rtol=1e-8)


def harmonics(n, point, k, kind):
    """M and N of order n for every m, and their conjugates' partners, by derivatives of Y_nm."""
    r = np.linalg.norm(point)
    theta, phi = np.arccos(point[2] / r), np.arctan2(point[1], point[0])
    outward = point / r
    south = np.array([np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)])
    east = np.array([-np.sin(phi), np.cos(phi), 0])
    rho = k * r
    j, j_slope = special.spherical_jn(n, rho), special.spherical_jn(n, rho, True)
    y, y_slope = special.spherical_yn(n, rho), special.spherical_yn(n, rho, True)
    h, h_slope = j + 1j * y, j_slope + 1j * y_slope
    transverse, along, across = [], [], []
    for m in range(-n, n + 1):
        norm = (2 * n + 1) / (4 * np.pi) * special.gamma(n - m + 1) / special.gamma(n + m + 1)
        cosine = np.cos(theta)
        value = special.lpmv(m, n, cosine)
        lower = special.lpmv(m, n - 1, cosine) if abs(m) < n else 0.0
        slope = (n * cosine * value - (n + m) * lower) / np.sin(theta)  # dP/dθ
        scale = np.sqrt(norm)
        gradient = scale * (slope * south + 1j * m * value / np.sin(theta) * east)
        transverse.append(h * np.cross(gradient, outward))
        along.append(n * (n + 1) * h / rho * scale * value * outward)
        across.append((h / rho + h_slope) * gradient)
    turn = np.exp(1j * np.arange(-n, n + 1) * phi)[:, None]
    electric = np.array(transverse) * turn
    magnetic = (np.array(along) + np.array(across)) * turn
    return electric, magnetic


def conjugated(n, point, k):
    """The same with Y*_nm in the place of Y_nm, by (−1)^m Y_n,−m = Y*_nm."""
    electric, magnetic = harmonics(n, point, k, "h")
    signs = ((-1.0) ** np.arange(-n, n + 1))[:, None]
    return signs * electric[::-1], signs * magnetic[::-1]


@pytest.mark.parametrize("epsilon", [-11 + 1.3j, 6.0])
def test_the_tensor_is_the_sum_over_vector_spherical_harmonics(epsilon):
    """G^S = −ik Σ_nm [b_n MM' + a_n NN']/(n(n + 1)), every m by itself."""
    radius = 0.11
    r, r_source = np.array([0.2, -0.1, 0.15]), np.array([-0.12, 0.21, 0.05])
    expected = np.zeros((3, 3), dtype=complex)
    for n in range(1, 31):
        a, b = (complex(each) for each in mie_coefficients(n, mp.mpf(K * radius), epsilon))
        electric, magnetic = harmonics(n, r, K, "h")
        electric_source, magnetic_source = conjugated(n, r_source, K)
        expected -= 1j * K / (n * (n + 1)) * b * electric.T @ electric_source
        expected -= 1j * K / (n * (n + 1)) * a * magnetic.T @ magnetic_source
    found = co.Sphere(radius, epsilon).scattered(r, r_source, K)
    np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("k", [K, 1j * K])
def test_a_small_sphere_is_a_polarisable_dipole(k):
    """G^S → k²α G₀(r, 0)·G₀(0, r'), α = 4πR³(ε − 1)/(ε + 2), with an error of order (kR)²."""
    r, r_source = np.array([0.1, 0.2, -0.3]), np.array([0.4, 0.1, 0.2])
    epsilon, errors = 2.8, []
    vacuum = co.Vacuum()
    for radius in (0.01, 0.005, 0.0025):
        polarisability = 4 * np.pi * radius**3 * (epsilon - 1) / (epsilon + 2)
        zero = np.zeros(3)
        dipole = vacuum.green(r, zero, k) @ vacuum.green(zero, r_source, k)
        expected = k**2 * polarisability * dipole
        found = co.Sphere(radius, epsilon).scattered(r, r_source, k)
        errors.append(np.abs(found - expected).max() / np.abs(expected).max())
    assert errors[0] < (K * 0.01) ** 2 * 2
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.02)


@pytest.mark.parametrize("k", [1e-3, 1e-3j])
def test_close_to_the_surface_the_image_is_that_of_a_plane(k):
    """G^S → (ε − 1)/(ε + 1) times the image dipole; the error falls as gap over radius."""
    epsilon, errors = 3.2, []
    for gap in (0.04, 0.02, 0.01, 0.005):
        r, r_source = np.array([0.3 * gap, 0, 1 + gap]), np.array([0, 0.2 * gap, 1 + 1.5 * gap])
        image = r_source * [1, 1, -1] + [0, 0, 2.0]
        flip = (epsilon - 1) / (epsilon + 1) * np.array([-1, -1, 1])
        expected = co.Vacuum().green(r, image, k) * flip
        found = co.Sphere(1.0, epsilon).scattered(r, r_source, k)
        errors.append(np.abs(found - expected).max() / np.abs(expected).max())
    assert errors[-1] < 0.02
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2, rtol=0.1)


@pytest.mark.parametrize("gap", [0.1, 1e-2, 1e-3])
@pytest.mark.parametrize("epsilon", [2.25, -11 + 1.3j, -2.5 + 0.01j])
def test_close_to_a_small_sphere_is_the_series_of_electrostatics(epsilon, gap):
    """For kR → 0 Laplace's equation alone is left, at a gap of a thousandth of the radius, too.

    Source: Gersten and Nitzan, J. Chem. Phys. 75, 1139 (1981).
    """
    r, k = 1 + gap, 1e-6
    n = np.arange(1, int(60 / gap))
    answer = n * (epsilon - 1) / (n * (epsilon + 1) + 1) / r ** (2 * n + 4) / (4 * np.pi)
    expected = np.diag([np.sum(answer * n * (n + 1) / 2)] * 2 + [np.sum(answer * (n + 1) ** 2)])
    found = k**2 * co.Sphere(1.0, epsilon).scattered([0, 0, r], [0, 0, r], k)
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())


def test_a_large_conductor_is_a_mirror():
    """The error falls as one over the radius."""
    errors = []
    for radius in (20.0, 40.0, 80.0):
        sphere = co.Sphere(radius, -4e6, 2.5e-7, centre=(0, 0, -radius))
        r, r_source = np.array([0.05, 0, 0.3]), np.array([0, 0.1, 0.2])
        expected = co.Vacuum().green(r, r_source * [1, 1, -1], K) * [-1, -1, 1]
        found = sphere.scattered(r, r_source, K)
        errors.append(np.abs(found - expected).max() / np.abs(expected).max())
    assert errors[-1] < 0.01
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2, rtol=0.1)


@pytest.mark.slow
def test_principal_value_and_imaginary_axis_agree():
    """−(1/π)P∫ q² Im G/(q − k): over q > 0 it has a part from the imaginary axis, else it has none.

    The light goes by the sphere's centre, which is its path, and the metal ends at the edge 45.
    """
    sphere = co.Sphere(0.02, LOSSY)
    r, other = np.array([0.3, 0, 0.1]), np.array([0, 0.25, -0.05])

    @cache
    def dissipation(q):
        return q**2 * sphere.scattered(r, other, q).imag

    def half(q):
        return dissipation(q) if q > 0 else np.zeros((3, 3))

    def odd(q):
        return dissipation(q) if q > 0 else -dissipation(-q)

    def inner(kappa):
        weight = kappa**2 * K / (kappa**2 + K**2) / np.pi
        return weight * sphere.scattered(r, other, 1j * kappa).real

    period = 2 * np.pi / (np.linalg.norm(r) + np.linalg.norm(other))
    edges = np.array([15.0, 26, 32, 45, 60, 100])
    edges = (*-edges, 0.0, *edges)
    by_half, by_whole = (
        2 * spectral.principal_value(f, K, period=period, breakpoints=edges) for f in (half, odd)
    )
    resonant = -(K**2) * sphere.scattered(r, other, K).real
    expected = resonant - spectral.imaginary_axis(inner, K, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(by_half, expected, atol=1e-10 * np.abs(expected).max())
    np.testing.assert_allclose(by_whole, resonant, atol=1e-10 * np.abs(resonant).max())


@pytest.mark.slow
@pytest.mark.parametrize("sphere", [co.Sphere(0.1, GOLD), co.Sphere(0.3, 2.1)])
def test_real_and_imaginary_axis_belong_together(sphere):
    """Kramers and Kronig, also for a dielectric without losses."""
    found = co.check_field(sphere, [[0, 0, 0.6], [0.4, 0.3, 0]])
    assert found.passed, found
    assert found.kramers_kronig < 1e-7


@pytest.mark.parametrize("k", [K, 1j * K])
@pytest.mark.parametrize("gap", [0.3, 0.01, 1e-3])
def test_more_orders_change_nothing(monkeypatch, k, gap):
    sphere = co.Sphere(0.1, GOLD)
    r, r_source = 0.1 * np.array([[0, 0, 1 + gap], [0, 0.8 * gap, 1 + gap]])
    found = [sphere.scattered(r, r_source, k)]
    monkeypatch.setattr(mie, "DECAYED", 90.0)
    found.append(sphere.scattered(r, r_source, k))
    size = np.abs(sphere.scattered(r, r, k)).max()
    np.testing.assert_allclose(*found, rtol=0, atol=1e-13 * size)


def test_a_pair_does_not_depend_on_the_others_in_its_call(monkeypatch):
    """Batches of pairs that need different numbers of orders give the numbers of each pair alone."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((20, 3))
    distances = 0.1 * (1 + np.geomspace(0.003, 3, 20))
    r = distances[:, None] * directions / np.linalg.norm(directions, axis=1)[:, None]
    sphere = co.Sphere(0.1, GOLD)
    whole = sphere.scattered(r[:, None], r, K)
    monkeypatch.setattr("collective.fields.sphere.tensors._TABLE", 2**16)
    np.testing.assert_array_equal(sphere.scattered(r[:, None], r, K), whole)
    alone = np.array([[sphere.scattered(a, b, K) for b in r[:3]] for a in r])
    np.testing.assert_allclose(whole[:, :3], alone, rtol=1e-12, atol=1e-12 * np.abs(alone).max())


@pytest.mark.parametrize("k", [K, 1j * K])
def test_it_may_be_anywhere_and_has_no_direction(k):
    rng = np.random.default_rng(3)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    centre = np.array([3.0, -1.0, 0.4])
    r, r_source = np.array([0.1, 0.2, 0.25]), np.array([0.3, -0.1, 0.2])
    expected = co.Sphere(0.2, GOLD).scattered(r, r_source, k)
    moved = co.Sphere(0.2, GOLD, centre=centre)
    found = moved.scattered(turn @ r + centre, turn @ r_source + centre, k)
    np.testing.assert_allclose(found, turn @ expected @ turn.T, atol=1e-12 * np.abs(expected).max())


def test_a_sphere_of_vacuum_scatters_nothing():
    r = np.array([[0, 0, 0.12], [0.1, 0.1, 0.1]])
    for k in (K, 1j * K):
        found = co.Sphere(0.1, 1.0).scattered(r[:, None], r, k)
        np.testing.assert_allclose(found, 0, atol=1e-13)


@pytest.mark.parametrize("k", [0.7 + 0j, 11.3 + 0j, 4.0j])
def test_the_coefficients_are_those_of_mie(k):
    """C_n = −ξ_n(x)² a_n or b_n, and ratios of Bessel functions, by mpmath."""
    x, epsilon, top = complex(k), 4.0, 30
    inside, outside, back = mie.downward(2 * x, top), mie.downward(x, top), mie.upward(x, top)
    with mp.workdps(60):
        for n in (1, 2, 9, 30):
            a, b = mie_coefficients(n, mp.mpc(x), epsilon)
            xi, _ = riccati("h", n, mp.mpc(x))
            before, _ = riccati("h", n - 1, mp.mpc(x))
            np.testing.assert_allclose(back[n], complex(before / xi), rtol=1e-13)
            for eta, value in ((epsilon, a), (1.0, b)):
                found = mie.coefficients(x, inside, outside, back, complex(eta))[n]
                expected = complex(-(xi**2) * value) * (2 * n + 1) / (n * (n + 1))
                np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_width_of_resonances_keeps_its_digits():
    """Im h_{n−1}/h_n = 1/|ξ_n|², also where it is 10⁻⁴⁰ of the real part."""
    back = mie.upward(3.0 + 0j, 30)
    with mp.workdps(80):
        xi, _ = riccati("h", 30, mp.mpf(3))
        before, _ = riccati("h", 29, mp.mpf(3))
        np.testing.assert_allclose(back[30].imag, float(mp.im(before / xi)), rtol=1e-12)
    assert back[30].imag < 1e-40 * back[30].real


def plain_sums(electric, magnetic, waves, slopes, left, right, near, gaps, orders):
    """The twin of `mie.sums` in plain numpy, with Legendre polynomials of numpy."""
    found = np.zeros((len(left), 7), dtype=complex)
    for p, top in enumerate(orders):
        n = np.arange(1, top + 1)
        values = []
        for derivative in range(3):
            each = [np.polynomial.Legendre.basis(m).deriv(derivative)(1 - gaps[p]) for m in n]
            values.append(np.array(each))
        value, slope, bend = values
        a, b = left[p], right[p]
        both = waves[a, n] * waves[b, n]
        e, m = electric[n] * both, magnetic[n] * both
        whole, da, db = n * (n + 1.0), slopes[a, n], slopes[b, n]
        terms = [
            e * slope,
            e * bend,
            near[p] * m * whole**2 * value,
            near[p] * m * whole * db * slope,
            m * whole * da * slope,
            m * da * db * bend,
            m * da * db * slope,
        ]
        found[p] = [each.sum() for each in terms]
    return found


def test_the_compiled_sums_have_a_plain_twin():
    rng = np.random.default_rng(5)
    top, radii, pairs = 14, 3, 6

    def numbers(*shape):
        return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)

    arguments = (
        numbers(top + 1),
        numbers(top + 1),
        numbers(radii, top + 1),
        numbers(radii, top + 1),
        rng.integers(radii, size=pairs),
        rng.integers(radii, size=pairs),
        np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0]),
        np.array([0.0, 1e-6, 0.3, 1.0, 1.7, 2.0]),
        np.array([14, 1, 7, 14, 14, 14]),
    )
    found, _ = mie.sums(*arguments)
    expected = plain_sums(*arguments)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: co.Sphere(-1.0, 2.0), "radius must be above 0"),
        (lambda: co.Sphere(0.1, 0.0), "permittivity must be one number, not zero"),
        (lambda: co.Sphere(0.1, 2.0, centre=(0, 0)), "centre must have three components"),
        (lambda: co.Sphere(0.1, 2.0).scattered([0, 0, 0.05], [0, 0, 1], K), "r: the point"),
        (lambda: co.Sphere(0.1, 2.0).scattered([0, 0, 1], [0, 0, 0.1], K), "r_source: the point"),
        (
            lambda: co.Sphere(1.0, 2.0).scattered([0, 0, 1 + 1e-5], [0, 0, 1 + 1e-5], K),
            r"points 1.00001 from the centre of a sphere of radius 1 need 2.5e\+06 orders at \|k\| = "
            r"6.28319 and the index 1.41\+0j inside, and at most 100,000",
        ),
        (
            lambda: co.Sphere(1.0, 2.0).scattered([0, 0, 1 + 1e-5], [0, 0, 1 + 1e-5], 1j * K),
            "points 1.00001 from the centre",
        ),
        (lambda: co.Sphere(0.1, 2 - 1j).scattered([0, 0, 1], [0, 0, 1], K), "permittivity with ga"),
        (lambda: co.Sphere(0.1, -9 + 1j).scattered([0, 0, 1], [0, 0, 1], 1j), "permittivity -9"),
        (lambda: co.Sphere(1e-40, 2.0).scattered([0, 0, 1], [0, 0, 1], K), "k = 6.28319 times the"),
        (lambda: co.Sphere(1.0, 2.0).scattered([0, 0, 2], [0, 0, 1e10], K), "r and r_source, the"),
        (lambda: co.Sphere(1.0, 2.0).far_field([0, 0, 2], [0, 0, 2], K), "directions must be unit"),
        (lambda: co.Sphere(1.0, 2.0).far_field([0, 0, 1], [0, 0, 2], 1j), "k must be real"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match="^" + message):
        call()


def test_after_the_first_call_nothing_is_left_to_compile():
    """One signature of each kernel serves near, far, real and imaginary wave numbers."""
    tensors.compile_kernels()
    kernels = (mie.sums, mie.radial, mie.far_away, mie.coefficients, mie.upward, mie.downward)
    before = [len(kernel.signatures) for kernel in kernels]
    ball = co.Sphere(0.1, GOLD)
    r, r_source = np.array([[0, 0, 0.2], [0, 0.3, 0]]), np.array([0.15, 0, 0])
    for k in (K, 1j * K, 1e-3):
        ball.scattered(r, r_source, k)
        ball.magnetic_green(r, r_source, k)
    ball.far_field([[0, 0, 1], [0, 0.6, 0.8]], r_source, K)
    assert [len(kernel.signatures) for kernel in kernels] == before


def test_gain_on_request():
    pumped = co.Sphere(0.1, 2 - 0.1j, allow_gain=True)
    lossy = co.Sphere(0.1, 2 + 0.1j)
    atom = co.Emitters([[0, 0, 0.11]], dipoles=(0, 0, 1))
    assert co.purcell(atom, pumped)[0] < co.purcell(atom, lossy)[0]


def test_a_sphere_serves_multilevel_dipoles():
    pair = co.Emitters([[0, 0, 0.12], [0, 0, -0.12]], frequency=1e6)
    sphere = co.Sphere(0.1, GOLD)
    couplings = co.couple(pair, sphere)
    found = co.interaction(co.Multilevel.from_emitters(pair), sphere).principal(0, 1)
    np.testing.assert_allclose(found[0, 1, 1, 0], couplings.shift[0, 1], rtol=1e-9)


def test_a_sphere_is_cited_saved_and_measured(tmp_path):
    sphere = co.Sphere(0.1, GOLD, centre=(0, 0, 1))
    couplings = co.couple(co.Emitters([[0, 0, 1.2]]), sphere)
    assert "ruppin1982" in co.citation(couplings)
    result = co.evolve(couplings, "inverted", [0, 1], progress=False)
    assert co.load(result.save(tmp_path / "run.npz")).couplings.field == sphere
    with pytest.warns(co.UnitWarning, match="its radius is"):
        co.couple(co.Emitters([[0, 0, 0.1]]), co.Sphere(1e-5, 2.0))
