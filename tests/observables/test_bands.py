"""Bands of infinite chains and square lattices: against polylogarithms, direct sums and arrays."""

import mpmath
import numpy as np
import pytest

import collective as co
from collective.observables import _lattice_sums
from collective.observables.bloch import Bands, bands
from collective.plot import arrays

K = 2 * np.pi
TILTED = np.array([1, 0.4j, 0.3 + 0.2j]) / np.linalg.norm([1, 0.4j, 0.3 + 0.2j])


def polylog_band(spacing, bloch, along):
    """ω_Q − iΓ_Q/2 of a chain from the formula in the docstring, with 30 digits."""
    with mpmath.workdps(30):
        xi, p, q = 2 * mpmath.pi * mpmath.mpf(spacing), 1, mpmath.mpf(along)
        total = mpmath.mpc(0)
        for sign in (1, -1):
            z = mpmath.exp(1j * (xi + sign * mpmath.mpf(bloch) * mpmath.mpf(spacing)))
            li = [mpmath.polylog(s, z) for s in (1, 2, 3)]
            total += (p - q) * li[0] / xi + (p - 3 * q) * (1j * li[1] / xi**2 - li[2] / xi**3)
        return complex(-0.5j - 0.75 * total)


def damped_sum(spacing, bloch, dipole, reach):
    """ω_Q of a square lattice: Σ over sites times e^{−(r/s)²}, s → ∞ by Richardson."""
    n = np.arange(-reach, reach + 1)
    cells = np.stack(np.meshgrid(n, n, indexing="ij"), axis=-1).reshape(-1, 2)
    cells = cells[np.any(cells != 0, axis=1)] * spacing
    r = np.linalg.norm(cells, axis=1)
    xi, q = K * r, np.abs(cells @ dipole[:2]) ** 2 / r**2
    wave = np.exp(1j * xi)
    pair = -0.75 * ((1 - q) * wave / xi + (1 - 3 * q) * (1j * wave / xi**2 - wave / xi**3))
    pair = pair * np.cos(cells @ bloch)
    width = reach * spacing / 6
    one, half, quarter = (np.sum(pair * np.exp(-f * (r / width) ** 2)) for f in (1, 2, 4))
    return (4 * (2 * one - half) - (2 * half - quarter)) / 3


def test_polylogarithms_on_the_unit_circle():
    angles = np.array([1e-6, 0.1, 1.0, 3.0, np.pi, 3.3, 6.2, -2.0, 14.0, 20.0])
    for order, values in zip((1, 2, 3), _lattice_sums.polylogarithms(angles), strict=True):
        for angle, value in zip(angles, values, strict=True):
            with mpmath.workdps(30):
                exact = complex(mpmath.polylog(order, mpmath.expj(mpmath.mpf(float(angle)))))
            assert value == pytest.approx(exact, abs=3e-14)


def test_chain_against_golden_numbers():
    found = bands("chain", 0.2, 0.0)
    assert found.shifts[0] == pytest.approx(1.283595, abs=5e-7)
    assert found.rates[0] == pytest.approx(1.875, rel=1e-14)


@pytest.mark.parametrize("spacing", [0.05, 0.2, 0.7, 1.3, 2.6])
@pytest.mark.parametrize("dipole", [(1, 0, 0), (0, 0, 1), TILTED])
def test_chain_against_polylogarithms(spacing, dipole):
    q = np.array([0.0, 1.0, -4.0, 7.3, 11.0, 40.0])
    found = bands("chain", spacing, q, dipole=dipole)
    along = abs(np.asarray(dipole)[2]) ** 2
    exact = np.array([polylog_band(spacing, x, along) for x in q])
    scale = max(1, np.abs(exact).max())
    assert found.shifts == pytest.approx(exact.real, abs=1e-12 * scale)
    assert found.rates == pytest.approx(-2 * exact.imag, abs=1e-11 * scale)
    assert np.array_equal(found.rates > 0, found.radiating)


@pytest.mark.parametrize("dipole", [(1, 0, 0), (0, 0, 1)])
def test_chain_against_a_long_finite_chain(dipole):
    """The middle emitter of a long chain, its neighbours damped smoothly towards the ends."""
    n = 6001
    z = 0.2 * (np.arange(n) - n // 2)
    emitters = co.Emitters([[0, 0, 0.0], [0, 0, 0.2]], dipoles=dipole)
    xi, q = K * np.abs(np.where(z == 0, 1, z)), abs(dipole[2]) ** 2
    wave = np.exp(1j * xi)
    pair = -0.75 * ((1 - q) * wave / xi + (1 - 3 * q) * (1j * wave / xi**2 - wave / xi**3))
    pair[n // 2] = -0.5j
    couplings = co.couple(emitters, co.Vacuum())
    neighbour = couplings.shift[0, 1] - 0.5j * couplings.decay[0, 1]
    assert pair[n // 2 + 1] == pytest.approx(neighbour)
    for bloch in (0.0, 2.0, 9.0, 14.0):
        widths = z[-1] / 6 / np.sqrt(np.array([1, 2, 4]))
        one, half, quarter = (
            np.sum(pair * np.cos(bloch * z) * np.exp(-((z / w) ** 2))) for w in widths
        )
        limit = (4 * (2 * one - half) - (2 * half - quarter)) / 3
        found = bands("chain", 0.2, bloch, dipole=dipole)
        assert found.shifts[0] == pytest.approx(limit.real, abs=1e-6)
        assert found.rates[0] == pytest.approx(-2 * limit.imag, abs=1e-6)


def test_modes_of_a_finite_chain_lie_on_the_band():
    """N = 400: the darkest modes are standing waves with Q near π/a."""
    n, spacing = 400, 0.2
    modes = co.couple(co.chain(n, spacing), co.Vacuum()).modes()
    nodes = np.pi / spacing * (1 - np.arange(1, 4) / (n + 1))
    shifts = bands("chain", spacing, nodes).shifts
    for shift in shifts:
        assert np.abs(modes.shifts - shift).min() < 2e-5


def test_bands_are_periodic_and_even_in_the_quasimomentum():
    q = np.array([0.3, 2.0, 8.0])
    one = bands("chain", 0.3, q)
    assert bands("chain", 0.3, -q).shifts == pytest.approx(one.shifts)
    assert bands("chain", 0.3, q + 2 * np.pi / 0.3).rates == pytest.approx(one.rates)
    plane = np.array([[0.3, 1.0], [2.0, -7.0]])
    two = bands("square", 0.3, plane, dipole=TILTED)
    again = bands("square", 0.3, plane + np.array([2, -6]) * np.pi / 0.3, dipole=TILTED)
    assert again.shifts == pytest.approx(two.shifts)
    assert again.rates == pytest.approx(two.rates)


@pytest.mark.parametrize("spacing", [0.1, 0.2, 0.8, 1.3, 3.3])
def test_ewald_does_not_depend_on_the_splitting(spacing):
    xi = K * spacing
    q = np.array([[0.0, 0.0], [0.3, 0.1], [0.8, 0.9], [2.1, -1.4]])
    split = max(np.sqrt(np.pi) / xi, 0.25)
    found = [_lattice_sums.square_shifts(xi, q, TILTED, split * f) for f in (0.75, 1, 1.5, 2.2)]
    for other in found:
        assert other == pytest.approx(found[1], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("spacing", "bloch"), [(0.2, (0, 0)), (0.2, (1.0, 0.5)), (0.2, (7.5, 6.0)), (0.8, (1.0, 0.5))]
)
def test_square_lattice_against_a_direct_sum(spacing, bloch):
    limit = damped_sum(spacing, np.array(bloch), TILTED, 300)
    found = bands("square", spacing, bloch, dipole=TILTED)
    assert found.shifts[0] == pytest.approx(limit.real, abs=5e-7)
    assert found.rates[0] == pytest.approx(1 - 2 * limit.imag, abs=2e-6)


def test_square_rates_follow_from_the_open_orders():
    assert bands("square", 0.8, (0, 0)).rates[0] == pytest.approx(3 / (4 * np.pi * 0.64))
    assert bands("square", 0.3, (0, 0), dipole=(0, 0, 1)).rates[0] == 0
    outside = bands("square", 0.2, [[7.0, 0.0], [10.0, 12.0]], dipole=TILTED)
    assert np.array_equal(outside.rates, [0, 0])
    assert not outside.radiating.any()


def test_mean_rate_over_the_zone_is_that_of_one_emitter():
    """(a²/4π²)∫d²Q Γ_Q = Γ₀ over the light cone, which lies within the first zone here."""
    spacing = 0.2
    nodes, weights = np.polynomial.legendre.leggauss(12)
    theta, weights = (nodes + 1) * np.pi / 4, weights * np.pi / 4
    total = 0.0
    for angle in 2 * np.pi * np.arange(8) / 8:
        q = K * np.sin(theta)[:, None] * [np.cos(angle), np.sin(angle)]
        rates = bands("square", spacing, q, dipole=TILTED).rates
        total += 2 * np.pi / 8 * weights @ (rates * K**2 * np.sin(theta) * np.cos(theta))
    assert total * spacing**2 / (4 * np.pi**2) == pytest.approx(1, rel=1e-12)


def test_mean_over_one_quasimomentum_of_a_square_lattice_is_a_chain():
    """In the mean over Q_y all chains of the lattice but one cancel."""
    spacing, n = 0.35, 60
    qy = (np.arange(n) + 0.5) / n * 2 * np.pi / spacing
    qx = np.full(n, 13.9 / 2)  # outside the light cone for every Q_y: smooth, so it converges fast
    plane = bands("square", spacing, np.stack([qx, qy], axis=1), dipole=(0, 0, 1))
    chain = bands("chain", spacing, qx[:1], dipole=(1, 0, 0))
    assert plane.shifts.mean() == pytest.approx(chain.shifts[0], abs=1e-9)
    assert chain.rates[0] == 0


def test_bands_are_read_only_and_finite_on_the_light_line_of_parallel_dipoles():
    found = bands("chain", 0.2, K, dipole=(0, 0, 1))
    assert found.rates[0] == pytest.approx(0, abs=1e-12)
    assert found.shifts[0] == pytest.approx(polylog_band(0.2, K * (1 - 1e-12), 1).real, abs=1e-9)
    with pytest.raises(ValueError, match="read-only"):
        found.shifts[0] = 1
    assert isinstance(found, Bands)
    assert found.light_line == pytest.approx(K)


@pytest.mark.parametrize("lattice", ["chain", "square"])
def test_rates_beyond_the_light_line_are_zero(lattice):
    """Dipoles along the wave do not couple to it: on the light line and on both sides of it."""
    dipole = (0, 0, 1) if lattice == "chain" else (1, 0, 0)
    q = K * (1 + np.array([-1e-6, -5e-11, -1e-13, 0, 1e-13, 5e-11, 1e-6]))
    found = bands(lattice, 0.2, q if lattice == "chain" else np.stack([q, 0 * q], 1), dipole=dipole)
    assert np.all(found.rates >= 0)
    assert np.all(found.rates[3:] == 0)
    assert np.all(found.rates[:2] > 0)
    assert found.shifts == pytest.approx(np.full(7, found.shifts[3]), abs=0.01)
    assert np.array_equal(found.radiating, np.arange(7) < 3)
    with pytest.raises(ValueError, match="lies on the light line"):
        bands(lattice, 0.2, [K * (1 - 5e-11)] if lattice == "chain" else [[0, K * (1 - 5e-11)]])


def test_many_orders_are_summed_in_chunks(monkeypatch):
    q = np.array([[0.3, 0.1], [0.8, 0.9], [2.1, -1.4]])
    whole = bands("square", 2.3, q, dipole=TILTED)
    monkeypatch.setattr("collective.observables.bloch._CHUNK", 1)
    again = bands("square", 2.3, q, dipole=TILTED)
    assert again.rates == pytest.approx(whole.rates, rel=1e-14)
    assert again.radiating.all()
    with pytest.raises(ValueError, match=r"quasimomenta\[1\] = \[0\. +6\.28.* light line"):
        bands("square", 0.2, [[0, 0], [0, K]])
    with pytest.raises(ValueError, match=r"bands of a square with spacing 1e\+08.* needs"):
        bands("square", 1e8, [[0.3, 0.1]])
    for lattice, point in (("square", [[0, 0]]), ("chain", [0])):
        with pytest.raises(ValueError, match=r"spacing must be at most 1e\+09 wavelengths"):
            bands(lattice, 1e13, point)


@pytest.mark.parametrize("spacing", [0.3, 0.5001, 2.7, 31.4, 4321.1])
@pytest.mark.parametrize("dipole", [(1, 0, 0), (0, 0, 1), (1, 0.5j, 2)])
def test_rates_of_a_chain_are_the_sum_over_its_open_orders(spacing, dipole):
    """The sum of the formula, order by order; the package sums the orders in closed form."""
    q = np.array([0.0, 0.123, -1.0, 3.3, 6.1, 41.0])
    unit = np.array(dipole) / np.linalg.norm(dipole)
    along = abs(unit[2]) ** 2
    orders = q[:, None] / K + np.arange(-2 * spacing - 9, 2 * spacing + 9).round() / spacing
    orders = orders - np.round(q * spacing / K)[:, None] / spacing
    each = (1 - along) * (1 + orders**2) / 2 + along * (1 - orders**2)
    expected = 0.75 / spacing * np.where(np.abs(orders) < 1, each, 0).sum(axis=1)
    found = bands("chain", spacing, q, dipole=dipole)
    assert found.rates == pytest.approx(expected, rel=1e-9)
    np.testing.assert_array_equal(found.radiating, expected > 0)


@pytest.mark.parametrize("spacing", [532e-9, 0.99e-4, 1.01e4])
def test_warning_for_spacings_in_another_unit(spacing):
    """A spacing in metres or nanometres instead of wavelengths, also for `infinite_array`."""
    with pytest.warns(co.UnitWarning, match=r"spacing.*wavelengths.*another unit"):
        bands("chain", spacing, [0.1])
    if spacing < 1:
        with pytest.warns(co.UnitWarning, match="spacing") as warned:
            co.observables.infinite_array(spacing, [0.0])
        assert [warning.filename for warning in warned] == [__file__]


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
def test_chain_with_many_orders_needs_little_memory():
    """Emitters 10⁸ wavelengths apart are single ones: rate 1, shift 0."""
    found = bands("chain", 1e8 + 0.123, [0.0, 1.0, 5.0])
    assert found.rates == pytest.approx([1, 1, 1], abs=1e-7)
    assert found.shifts == pytest.approx([0, 0, 0], abs=1e-7)


def test_bad_input():
    with pytest.raises(ValueError, match="quasimomenta is empty"):
        bands("chain", 0.2, [])
    with pytest.raises(ValueError, match=r"quasimomenta\[1\] = 6\.28.* on the light line"):
        bands("chain", 0.2, [0, K])
    with pytest.raises(ValueError, match=r"quasimomenta\[0\] = \[0\. +6\.28.* light line"):
        bands("square", 0.2, [[0, K]])
    with pytest.raises(ValueError, match="light line"):
        bands("square", 1.0, [[0, 0]])
    with pytest.raises(ValueError, match=r"quasimomenta must be finite: quasimomenta\[0\] is nan"):
        bands("chain", 0.2, [np.nan])
    with pytest.raises(ValueError, match=r"of a square must have shape \(K, 2\)"):
        bands("square", 0.2, [1, 2, 3])
    with pytest.raises(ValueError, match=r"of a chain must have shape \(K,\)"):
        bands("chain", 0.2, [[1, 2]])
    with pytest.raises(ValueError, match="spacing must be above 0"):
        bands("chain", 0, [0])
    with pytest.raises(ValueError, match="dipole must not be the zero vector"):
        bands("chain", 0.2, [0], dipole=(0, 0, 0))
    with pytest.raises(ValueError, match="lattice must be one of 'chain', 'square'"):
        bands("cubic", 0.2, [0])


@pytest.mark.parametrize("lattice", ["chain", "square"])
def test_figure_of_bands(lattice):

    q = np.linspace(-15, 15, 200)
    found = bands(lattice, 0.2, q if lattice == "chain" else np.stack([q, 0 * q], axis=1))
    ax = arrays.bands(found)
    assert "1/λ₀" in ax.get_xlabel()
    assert ax.get_ylabel() == "shift (Γ₀)"
    shaded = ax.patches[0]
    width = shaded.get_width() if hasattr(shaded, "get_width") else np.ptp(shaded.get_xy()[:, 0])
    assert width == pytest.approx(2 * K, abs=0.3)
    dark = arrays.bands(bands("chain", 0.2, [8.0, 9.0, 10.0]))
    assert not dark.patches
    with pytest.raises(ValueError, match="use at least two"):
        arrays.bands(bands("chain", 0.2, 0.0))
    for same in (bands("chain", 0.2, [1.0, 1.0]), bands("square", 0.2, [[1.0, 2.0]] * 3)):
        with pytest.raises(ValueError, match="quasi-momenta are the same"):
            arrays.bands(same)
    with pytest.raises(TypeError, match="bands must be Bands"):
        arrays.bands(q)


def test_figure_of_a_mode():

    flat = co.couple(co.square(3, 3, 0.3), co.Vacuum())
    ax = arrays.mode(flat, -1)
    sizes = ax.collections[0].get_sizes()
    weights = np.abs(flat.modes().vectors[:, -1]) ** 2
    assert sizes / sizes.max() == pytest.approx(weights / weights.max())
    assert "rate" in ax.get_title()
    line = arrays.mode(co.couple(co.chain(4, 0.2), co.Vacuum()))
    assert "weight" in line.get_ylabel()
    assert arrays.mode(co.couple(co.cubic(2, 2, 2, 0.3), co.Vacuum())).name == "3d"
    with pytest.raises(ValueError, match="3d axes"):
        arrays.mode(co.couple(co.cubic(2, 2, 2, 0.3), co.Vacuum()), ax=ax)
    with pytest.raises(ValueError, match="index must be below 9"):
        arrays.mode(flat, 9)
    with pytest.raises(ValueError, match="needs positions"):
        arrays.mode(co.Couplings(np.eye(2), np.zeros((2, 2))))
