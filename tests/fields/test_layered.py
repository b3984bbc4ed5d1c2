"""Half-spaces and layers against limits with another solution, other integrals, and closed forms.

The laws that they share with other fields are in `test_laws.py`.
"""

import numpy as np
import pytest
from scipy import special
from scipy.integrate import quad, quad_vec

import collective as co
from collective import materials
from collective.fields.layered import bessel, paths, reflection, singularities, sommerfeld

K = 2 * np.pi
SILVER = materials.Drude.from_value(-16 + 0.4j, K)
BOTH_AXES = pytest.mark.parametrize("k", [K, 1j * K])
# lateral distance and heights: of all the ways in which the integrals are computed
PLACES = [
    (0.0, 0.1, 0.1),
    (0.05, 0.1, 0.2),
    (0.4, 0.05, 0.1),
    (1.0, 0.003, 0.004),
    (0.3, 1.5, 0.2),
    (20.0, 0.1, 0.2),
    (3.0, 60.0, 1.0),
    (70.0, 60.0, 1.0),
]


def pair(rho, z, z_source, angle=0.4):
    """Two points above the surface."""
    return np.array([rho * np.cos(angle), rho * np.sin(angle), z]), np.array([0, 0, z_source])


def close(found, expected, accuracy):
    """Assert equality relative to the largest entry."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=accuracy * np.abs(expected).max())


# --- the kernels against their twins in plain numpy and scipy


def test_bessel_functions():
    sizes = np.array([1e-8, 0.3, 1.9, 2.1, 5.0, 11.0, 17.9, 18.1, 60.0])
    for x in (sizes[:, None] * np.exp(-1j * np.array([0.0, 0.02, 0.3, 0.785]))).ravel():
        close(np.array(bessel.bessel(x)), special.jv([0, 1, 2], x), 2e-14)
    for x in (sizes[3:, None] * np.exp(1j * np.array([0.4, 1.0, 1.57]))).ravel():
        close(np.array(bessel.hankel(x)), special.hankel1e([0, 1, 2], x), 2e-14)
    for x in 20 * np.exp(1j * np.array([-0.7, 0.0, 2.3])):
        close(np.array(bessel.hankel(x)), special.hankel1e([0, 1, 2], x), 2e-14)


MEDIA = [
    ([], []),
    ([2.25 + 0j], []),
    ([-16 + 0.4j], []),
    ([4.0 + 0j, -16 + 0.4j, 2.25], [0.7, 0.2]),
    ([1.0 + 1e-9j], []),
]


@pytest.mark.parametrize(("epsilons", "thicknesses"), MEDIA)
@pytest.mark.parametrize("k_squared", [1.0, -1.0])
def test_reflection(epsilons, thicknesses, k_squared):
    """The kernel and its twin, and both against admittances that are carried upwards."""
    epsilons, thicknesses = np.array(epsilons, dtype=complex), np.array(thicknesses, dtype=float)
    q = np.array([0.2, 0.9, 1.3, 2.2, 6.0])
    twin = np.array(reflection.reflections(q, k_squared, epsilons, thicknesses))
    media = [1.0, *epsilons]
    roots = reflection.media_roots(q**2 + 0j, k_squared, media)
    expected = []
    for weights in ([1.0] * len(media), media):
        load = roots[-1] / weights[-1]
        for root, weight, d in zip(
            roots[-2:0:-1], weights[-2:0:-1], thicknesses[::-1], strict=True
        ):
            own, tanh = root / weight, np.tanh(root * d)
            load = own * (load + own * tanh) / (own + load * tanh)
        expected.append((roots[0] - load) / (roots[0] + load))
    size = max(abs(e - 1) for e in [*epsilons, 1.0])
    np.testing.assert_allclose(twin, expected, rtol=1e-11, atol=1e-14 if size > 1e-6 else 1e-16)
    for n, one in enumerate(q):
        found = reflection.reflection(
            one**2 + 0j, roots[0][n], k_squared, k_squared > 0, epsilons, thicknesses
        )
        np.testing.assert_allclose(found, twin[:, n], rtol=1e-12, atol=1e-30)


def plain_integrand(q, h, rho, k_squared, epsilons, thicknesses, functions, magnetic=False):
    """The integrands ρρ, φφ, zz, ρz at q, for functions of order 0, 1, 2 of qρ; λ decays."""
    r = reflection.reflections(q, k_squared, epsilons, thicknesses)
    r_s, r_p = r[::-1] if magnetic else r
    decay = reflection.media_roots(np.asarray(q, dtype=complex) ** 2, k_squared, [1.0])[0]
    zero, one, two = functions
    common = q * np.exp(-decay * h) / (8 * np.pi * decay)
    s, p = k_squared * r_s, decay**2 * r_p
    return np.array(
        [
            common * (s * (zero + two) + p * (zero - two)),
            common * (s * (zero - two) + p * (zero + two)),
            2 * common * q**2 * r_p * zero,
            2 * common * q * decay * r_p * one,
        ]
    )


@pytest.mark.parametrize(("epsilons", "thicknesses"), MEDIA[1:4])
@pytest.mark.parametrize("magnetic", [False, True])
def test_integrands_on_each_piece_of_a_path(epsilons, thicknesses, magnetic):
    epsilons, thicknesses = np.array(epsilons, dtype=complex), np.array(thicknesses, dtype=float)
    found, h, rho = np.zeros(4, dtype=complex), 0.6, 25.0
    theta = np.arctan2(rho, h)

    def plain(q, k_squared, functions):
        return plain_integrand(q, h, rho, k_squared, epsilons, thicknesses, functions, magnetic)

    def kernel(kind, at, imaginary, start=0.0):
        medium = imaginary, epsilons, thicknesses, magnetic
        sommerfeld.integrand(kind, complex(at), start, h, rho, medium, found)
        return found

    q = 0.7 - 0.1j
    expected = plain(q, 1.0, special.jv([0, 1, 2], q * rho))
    close(kernel(paths.STRAIGHT, q, False), expected, 1e-12)
    step, start = np.exp(1j * theta), 9.0
    q = start + 0.05 * step
    up = step * plain(q, 1.0, special.hankel1([0, 1, 2], q * rho)) / 2
    q = np.conj(q)
    down = np.conj(step) * plain(q, 1.0, special.hankel2([0, 1, 2], q * rho)) / 2
    close(kernel(paths.RAYS, 0.05, False, start), up + down, 1e-11)
    # steepest descent for real k, right of the saddle, where λ decays
    u = 0.1
    beyond = np.arccos(1 + 1j * u**2)
    angle = theta + np.sign(beyond.real) * beyond
    q = np.sin(angle)
    slope = -2j * u / np.sin(angle - theta) * np.cos(angle)  # dq/du
    expected = slope * plain(q, 1.0, special.hankel1([0, 1, 2], q * rho)) / 2
    close(kernel(paths.SADDLE, u, False), expected, 1e-11)
    # the hyperbola for imaginary k
    w = 0.2 + 1j * theta
    q = np.sinh(w)
    expected = np.cosh(w) * plain(q, -1.0, special.hankel1([0, 1, 2], q * rho))
    close(kernel(paths.HYPERBOLA, 0.2, True), expected.real, 1e-10)


@pytest.mark.parametrize("material", [lambda _: 2.25, SILVER.permittivity], ids=["glass", "silver"])
@BOTH_AXES
def test_integrals_by_another_path(material, k):
    """scipy's adaptive quadrature on an ellipse below the singularities, and on the real axis."""
    for rho, z, z_source in PLACES[:3]:
        r, source = pair(rho, z, z_source, angle=0.0)
        found = co.HalfSpace(material).scattered(r, source, k)
        epsilons, none = np.array([material(k)], dtype=complex), np.zeros(0)
        h, far = (z + z_source) * K, rho * K
        squared = 1.0 if np.real(k) else -1.0
        width, depth = 1.2, min(0.2, 1 / max(far, 1.0))

        def integrand(q, h=h, far=far, squared=squared, epsilons=epsilons, none=none):
            functions = special.jv([0, 1, 2], q * far)
            return plain_integrand(q, h, far, squared, epsilons, none, functions)

        def below(t, integrand=integrand, width=width, depth=depth):
            q = width * (1 - np.cos(t)) - 1j * depth * np.sin(t)
            return integrand(q) * (width * np.sin(t) - 1j * depth * np.cos(t))

        if np.real(k):
            whole, _ = quad_vec(below, 0, np.pi, epsrel=1e-12)
        else:
            whole, _ = quad_vec(integrand, 0, 2 * width, epsrel=1e-12)
        tail, _ = quad_vec(integrand, 2 * width, 2 * width + 40 / h, epsrel=1e-12, limit=10_000)
        whole = (whole + tail) * np.abs(k) / squared
        close(found[[0, 1, 2, 0], [0, 1, 2, 2]], whole, 3e-11)


@pytest.mark.parametrize(
    ("epsilons", "thicknesses"),
    [([e], []) for e in (2.25, -16 + 0.4j, 0.3, -0.4 + 0.01j)] + [([4.0, 1.0], [0.3])],
)
def test_steepest_descent_and_the_path_below_the_axis_agree(epsilons, thicknesses):
    epsilons, thicknesses = np.array(epsilons, dtype=complex), np.array(thicknesses, dtype=float)
    marks, end = singularities.landmarks(epsilons), singularities.end(epsilons, thicknesses)
    far, never = singularities.leaks(epsilons, thicknesses), np.zeros(2)
    medium = False, epsilons, thicknesses, False
    angles = np.array([0.0, 0.01, 0.2, 0.4, 0.9, 1.2])
    h, rho = 6000 * np.cos(angles), 6000 * np.sin(angles)
    (found, error), (axis, _) = (
        sommerfeld.integrals(h, rho, medium, (marks, end, 0.25, leaks)) for leaks in (far, never)
    )
    sizes = np.abs(axis).max(axis=1)
    assert np.all(np.abs(found - axis).max(axis=1) < 1e-10 * sizes)
    assert np.all(error < 1e-10 * sizes)
    assert np.sum(np.any(found != axis, axis=1)) >= 3  # two different paths


# --- limits


@BOTH_AXES
@pytest.mark.parametrize("magnetic", [False, True])
def test_a_perfect_metal_is_a_mirror(k, magnetic):
    """The fields enter a metal by 1/(k√|ε|): the difference falls as |ε|^−½."""
    name = "magnetic_green" if magnetic else "green"
    for place in PLACES:
        r, source = pair(*place)
        if np.imag(k) and np.linalg.norm(r - source) > 50:
            continue  # nothing is left
        mirror = getattr(co.Mirror(), name)(r, source, k)
        image = np.abs(co.Mirror().scattered(r, source, k)).max() * (K**2 if magnetic else 1)
        apart = []
        for size in (1e14, 1e16):
            constant = -size if np.real(k) else size
            field = co.HalfSpace((lambda value: lambda _: value)(constant))
            apart.append(np.abs(getattr(field, name)(r, source, k) - mirror).max() / image)
        assert apart[0] < 1e-4
        np.testing.assert_allclose(apart[0] / apart[1], 10, rtol=0.02)


@BOTH_AXES
def test_almost_nothing_reflects_almost_nothing(k):
    """ε → 1: ∝ ε − 1, with all digits, for every path."""
    for place in PLACES:
        r, source = pair(*place)
        if np.imag(k) and np.linalg.norm(r - source) > 50:
            continue
        one, tiny = (co.HalfSpace(1 + x).scattered(r, source, k) / x for x in (1e-5, 1e-9))
        close(one, tiny, 1e-3)
        assert not co.HalfSpace(1.0).scattered(r, source, k).any()


@BOTH_AXES
@pytest.mark.parametrize("epsilon", [4.0, -16 + 0.4j])
def test_image_limit_near_the_surface(k, epsilon):
    """The static image (ε − 1)/(ε + 1); what retardation adds is smaller by (kz)²."""
    if np.imag(k):
        epsilon = np.abs(epsilon)
    z = 1e-4
    tensor = k**2 * co.HalfSpace(epsilon).scattered([0, 0, z], [0, 0, z], k)
    image = (epsilon - 1) / (epsilon + 1) / (4 * np.pi * (2 * z) ** 3)
    close(tensor, image * np.diag([1, 1, 2]), 1e-5)


def test_constants_that_are_not_known_on_the_imaginary_axis():
    with pytest.raises(ValueError, match="permittivity -16"):
        co.HalfSpace(-16 + 0.4j).scattered([0, 0, 1], [0, 0, 1], 1j)


# --- decay rates


def by_chance_prock_silbey(epsilon, z):
    """Γ⊥ and Γ∥ per Γ₀ of an electric dipole, as Chance, Prock and Silbey write them."""

    def roots(u):
        return -1j * np.sqrt(1 - u * u + 0j), -1j * np.sqrt(epsilon - u * u + 0j)

    def integrands(u):
        l1, l2 = roots(u)
        parallel, across = (epsilon * l1 - l2) / (epsilon * l1 + l2), (l1 - l2) / (l1 + l2)
        phase = np.exp(-2 * l1 * z * K)
        return (
            parallel * phase * u**3 / l1,
            (across + (1 - u * u) * -parallel) * phase * u / l1,
        )

    found = []
    for part, factor in ((0, 1.5), (1, 0.75)):
        total = 0.0
        # u = sin t and u = cosh t take out the root at u = 1
        total += quad(
            lambda t, part=part: (integrands(np.sin(t))[part] * np.cos(t)).imag,
            0, np.pi / 2, epsabs=1e-12, epsrel=1e-11, limit=500,
        )[0]  # fmt: skip
        far = np.arccosh(1 + 40 / (2 * z * K))
        corners = np.sqrt([epsilon / (1 + epsilon) + 0j, epsilon + 0j])
        marks = np.abs(np.arccosh(corners).real)  # the plasmon, the edge of light in the material
        total += quad(
            lambda t, part=part: (integrands(np.cosh(t))[part] * np.sinh(t)).imag,
            0, far, epsabs=1e-12, epsrel=1e-11, limit=500, points=marks,
        )[0]  # fmt: skip
        found.append(1 + factor * total)
    return found


@pytest.mark.parametrize("apart", [0.0, 0.5, 3.0])
def test_decay_at_a_transparent_surface_has_no_round_off_of_the_near_field(apart):
    """The near field is larger by (kz)⁻³, but real: Γ is that of the limit z → 0."""
    z = 1e-9
    tensor = co.HalfSpace(2.25).scattered([apart * z, 0, z], [0, 0, z], K)
    found = 1 + 6 * np.pi / K * tensor.imag
    limit = by_chance_prock_silbey(2.25, 1e-9)
    np.testing.assert_allclose(np.diag(found), [limit[1], limit[1], limit[0]], rtol=1e-7)


@pytest.mark.parametrize("epsilon", [-16 + 0.4j, -2.5 + 0.2j, 3 + 1j])
@pytest.mark.parametrize("z", [0.01, 0.1, 0.6])
def test_decay_rates_of_chance_prock_and_silbey(epsilon, z):
    atoms = co.Emitters([[0, 0, z], [1, 0, z]], dipoles=[(0, 0, 1), (1, 0, 0)])
    found = co.purcell(atoms, co.HalfSpace(epsilon))
    np.testing.assert_allclose(found, by_chance_prock_silbey(epsilon, z), rtol=1e-9)
