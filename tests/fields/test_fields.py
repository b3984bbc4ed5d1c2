import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from reference import rotation

import collective as co

K = 2 * np.pi


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
def test_rotation_invariance(seed):
    """G(Rr, Rr') = R G(r, r') Rᵀ for every rotation R."""
    a, b = np.random.default_rng(seed).standard_normal((2, 4, 3))
    turn = rotation(seed)
    green = co.Vacuum().green(a, b, K)
    turned = co.Vacuum().green(a @ turn.T, b @ turn.T, K)
    np.testing.assert_allclose(turned, turn @ green @ turn.T, rtol=1e-9, atol=1e-9)


def test_coincident_points_keep_the_imaginary_part():
    green = co.Vacuum().green([1, 2, 3], [1, 2, 3], K)
    np.testing.assert_array_equal(green.real, 0)
    np.testing.assert_allclose(green.imag, K / (6 * np.pi) * np.eye(3), rtol=1e-15)
    # closer than doubles can cube is coincident too, never infinite
    assert np.all(np.isfinite(co.Vacuum().green([1e-120, 0, 0], [0, 0, 0], K)))


def test_wave_numbers_broadcast_against_points():
    rng = np.random.default_rng(0)
    a, b, k = rng.standard_normal((4, 1, 3)), rng.standard_normal((5, 3)), np.linspace(1, 9, 5)
    green = co.Vacuum().green(a, b, k)
    assert green.shape == (4, 5, 3, 3)
    np.testing.assert_allclose(green[2, 3], co.Vacuum().green(a[2, 0], b[3], k[3]))
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


class Mirrored(co.Field):
    """A perfect mirror at z = 0, defined by what it scatters."""

    def scattered(self, r, r_source, k):
        image = np.asarray(r_source) * [1, 1, -1]
        return co.Vacuum().green(r, image, k) * [-1, -1, 1]


class Whole(co.Field):
    def green(self, r, r_source, k):
        return Mirrored().green(r, r_source, k)


class NotDerived:
    """It does not inherit from `Field`."""

    def scattered(self, r, r_source, k):
        return Mirrored().scattered(r, r_source, k)


def test_a_field_may_define_either_part():
    above = co.Emitters([[0, 0, 0.1], [0.05, 0, 0.2]], dipoles=(1, 0, 0))
    found = [co.couple(above, field) for field in (Mirrored(), Whole(), NotDerived())]
    for other in found[1:]:
        np.testing.assert_allclose(other.decay, found[0].decay, rtol=1e-12)
        np.testing.assert_allclose(other.shift, found[0].shift, rtol=1e-9)
    # image theory: a dipole along the mirror and one against it, 2z away
    decay, _ = reference.vacuum_pair([0, 0, 0.2], [0, 0, 0], [1, 0, 0], [1, 0, 0])
    np.testing.assert_allclose(found[0].decay[0, 0], 1 - decay.real, rtol=1e-12)
    r, other = above.positions
    np.testing.assert_allclose(
        Whole().scattered(r, other, K), Mirrored().scattered(r, other, K), atol=1e-12
    )


def test_what_is_a_field():
    for field in (co.Vacuum(), co.Plasma(1.0), co.Nanowire(0.1, 2.0), Mirrored(), NotDerived()):
        assert isinstance(field, co.Field)
        assert issubclass(type(field), co.Field)
    for other in (None, 1.0, "Vacuum", co.Vacuum, co.chain(2, 0.1)):
        assert not isinstance(other, co.Field)
    assert not isinstance(co.Vacuum(), Mirrored)

    class Nothing(co.Field):
        pass

    for method in (Nothing().green, Nothing().scattered):
        with pytest.raises(TypeError, match="Nothing must define green or scattered"):
            method([0, 0, 1], [0, 0, 0], K)


def free(r, r_source, k):
    """The textbook tensor, of one pair or of many, infinite at coincident points."""
    separation = np.asarray(r) - np.asarray(r_source)
    distance = np.sqrt(np.sum(separation**2, axis=-1))[..., None, None]
    n = separation / distance[..., 0]
    x = k * distance
    along = n[..., :, None] * n[..., None, :]
    wave = np.exp(1j * x) / (4 * np.pi * distance)
    return wave * (np.eye(3) * (1 + 1j / x - 1 / x**2) + along * (-1 - 3j / x + 3 / x**2))


def one_pair(r, r_source, k):
    if np.array_equal(r, r_source):
        return 1j * k / (6 * np.pi) * np.eye(3)
    if float(r[2] - r_source[2]) == np.inf:
        raise AssertionError
    return free(r, r_source, k)


class Singular:
    def green(self, r, r_source, k):
        return free(r, r_source, k)


class SingularSilently:
    def green(self, r, r_source, k):
        with np.errstate(all="ignore"):
            return free(r, r_source, k)


class OnePair:
    def green(self, r, r_source, k):
        if np.ndim(r) > 1:
            raise IndexError("too many indices")
        return one_pair(r, r_source, k)


class OneShape:
    def green(self, r, r_source, k):
        first, second = (np.reshape(x, (-1, 3))[0] for x in (r, r_source))
        return np.asarray(one_pair(first, second, k), dtype=complex)


class Vectorised:
    def green(self, r, r_source, k):
        return np.vectorize(one_pair, signature="(i),(j),()->(i,j)", otypes=[complex])(
            r, r_source, k
        )


def test_a_wrong_field_of_a_user_is_told_what_to_return():
    pair = co.Emitters([[0, 0, 0], [0.1, 0.2, 0.3]], dipoles=(1, 0, 0))
    for field in (Singular(), SingularSilently()):
        with pytest.raises(ValueError, match=r"coincident|where r equals r_source, green must"):
            co.couple(pair, field)
    for field in (OnePair(), OneShape()):
        with pytest.raises(ValueError, match=r"broadcast over points.*np\.vectorize"):
            co.couple(pair, field)
    # the advice works
    found = co.couple(pair, Vectorised())
    np.testing.assert_allclose(found.decay, co.couple(pair, co.Vacuum()).decay, rtol=1e-12)

    class Broken:  # its own error stays its own
        def green(self, r, r_source, k):
            raise ValueError("no mesh here")

    with pytest.raises(ValueError, match=r"^no mesh here$"):
        co.couple(pair, Broken())


def test_check_field_says_what_it_cannot_assess():
    class RealOnly:
        def green(self, r, r_source, k):
            if np.imag(k):
                raise RuntimeError("no such mesh")
            return co.Vacuum().green(r, r_source, k)

    class Narrow:
        def green(self, r, r_source, k):
            if not 1.0 < np.abs(k) < 20.0:
                raise RuntimeError("out of the table")
            return co.Vacuum().green(r, r_source, k)

    points = [[0, 0, 0], [0.1, 0.2, 0.3]]
    found = co.check_field(RealOnly(), points)
    assert found.imaginary_axis is None
    assert found.kramers_kronig is None
    assert found.passed
    assert "not assessed: no answer at k = 6.28i (RuntimeError: no such mesh)" in str(found)
    metal = co.check_field(co.Nanowire(0.01, -50 + 0.6j), np.add(points, [0.1, 0, 0]))
    assert "not assessed: no answer at k = 6.28i (ValueError: permittivity -50+0.6j" in str(metal)
    found = co.check_field(Narrow(), points)
    assert found.imaginary_axis == 0
    assert "does not answer between" in str(found)
    assert "out of the table" in str(found)
    far = co.check_field(co.Vacuum(), [[0, 0, 0], [0, 0, 30.0]])
    assert "not assessed: points 30 apart are too far" in str(far)
    assert "not asked for" in str(co.check_field(co.Vacuum(), points, kramers_kronig=False))


@pytest.mark.parametrize("distance", [1e-40, 1e-20, 1e20, 1e60, 1e100])
@pytest.mark.parametrize("k", [1e-60, 1.0, 1e60, 1e-60j, 1.0j, 1e60j])
def test_extreme_distances_give_a_finite_tensor_or_an_error(distance, k):
    """A finite tensor of the right size, or an error that says which number is too large."""
    try:
        green = co.Vacuum().green([0, 0, distance], [0, 0, 0], k)
    except ValueError as error:
        assert "too large for a number" in str(error)  # noqa: PT017
        assert abs(k) * distance < 1e-80
        return
    assert np.all(np.isfinite(green))
    xi = abs(k) * distance
    if np.imag(k) == 0 and xi > 1e3:
        assert np.abs(green[0, 0]) <= 1.0001 / (4 * np.pi * distance)
    if 1e-80 < xi < 1e-3:  # the static dipole field, 1/(4πk²r³)
        expected = 2 / (4 * np.pi * distance) / xi / xi
        np.testing.assert_allclose(np.abs(green[2, 2]), expected, rtol=1e-4)
