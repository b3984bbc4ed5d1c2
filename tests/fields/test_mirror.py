"""A perfect mirror against closed forms. The laws that it shares with other fields are in `test_laws.py`."""

import mpmath
import numpy as np
import pytest

import collective as co

K = 2 * np.pi
HEIGHTS = np.geomspace(1e-3, 30.0, 25)


def closed_forms(z):
    """Γ⊥ and Γ∥ per Γ₀ of an electric dipole above a perfect conductor, with 40 digits."""
    with mpmath.workdps(40):
        x = 4 * mpmath.pi * mpmath.mpf(z)
        cos, sin = mpmath.cos(x), mpmath.sin(x)
        across = 1 - 3 * (cos / x**2 - sin / x**3)
        along = 1 - mpmath.mpf(3) / 2 * (sin / x + cos / x**2 - sin / x**3)
        return float(across), float(along)


@pytest.mark.parametrize(
    ("mirror", "dipoles", "flipped"),
    [
        ("electric", "electric", False),
        ("electric", "magnetic", True),
        ("magnetic", "electric", True),
        ("magnetic", "magnetic", False),
    ],
)
def test_decay_in_front_of_a_mirror(mirror, dipoles, flipped):
    """The image of a magnetic dipole, or in a magnetic mirror, has the opposite sign."""
    expected = np.array([closed_forms(z) for z in HEIGHTS])
    if flipped:
        expected = 2 - expected
    for column, direction in enumerate([(0, 0, 1), (1, 1j, 0)]):
        points = np.outer(HEIGHTS, [0, 0, 1]) + np.array([0.3, -0.2, 0])
        atoms = co.Emitters(points, dipoles=direction, kind=dipoles)
        found = co.purcell(atoms, co.Mirror(mirror))
        np.testing.assert_allclose(found, expected[:, column], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("k", [K, 1j * K])
def test_no_field_along_the_mirror(k):
    source, r = np.array([0.1, 0.2, 0.15]), np.array([0.4, -0.1, 1e-12])
    for kind, field in (("electric", "green"), ("magnetic", "magnetic_green")):
        tensor = getattr(co.Mirror(kind), field)(r, source, k)
        assert np.abs(tensor[:2]).max() < 1e-9 * np.abs(tensor[2]).max()


def test_far_field_of_the_magnetic_mirror_of_magnetic_dipoles():
    """Duality: it is k² times that of electric dipoles above an electric mirror."""
    directions, source = np.array([[0.6, 0, 0.8], [0, 0.6, -0.8]]), [0.1, 0.2, 0.3]
    magnetic = co.Mirror("magnetic").magnetic_far_field(directions, source, K)
    electric = co.Mirror().far_field(directions, source, K)
    np.testing.assert_allclose(magnetic, K**2 * electric, rtol=1e-13)
    assert not electric[1].any()


def test_both_levels_of_an_atom_fall_towards_a_mirror():
    """The energy of fluctuating image dipoles is the same for both levels; the RWA has one alone.

    That energy is half that of a dipole |d|² and its image, −d²(1 + cos²)/(32πε₀z³).
    """
    z = 1e-3
    for dipole, squares in (((0, 0, 1), 2), ((1, 0, 0), 1)):
        atom = co.Emitters([[0, 0, z]], dipoles=dipole)
        level = -3 / 64 * squares / (K * z) ** 3
        rwa = co.couple(atom, co.Mirror(), shift="rwa").shift[0, 0]
        np.testing.assert_allclose(rwa, level, rtol=0.01)
        full = co.couple(atom, co.Mirror()).shift[0, 0]
        assert abs(full) < 0.02 * abs(level)


def test_bad_arguments():
    with pytest.raises(ValueError, match="kind must be one of"):
        co.Mirror("plasmonic")
    for call in (
        lambda: co.Mirror().scattered([0, 0, 0], [0, 0, 1], K),
        lambda: co.Mirror().green([0, 0, 1], [0, 0, -1], K),
        lambda: co.Mirror().far_field([0, 0, 1], [0, 0, 0], K),
    ):
        with pytest.raises(ValueError, match=r"r(_source)?: .* is on or below the surface z = 0"):
            call()
