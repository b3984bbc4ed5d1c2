"""The bound modes of a lossless dielectric wire, against other routes to the same numbers.

The whole Green's tensor is integrated on a path below all poles and knows nothing of modes. The
radiated part is an integral over |k_z| < k on the real axis, where there is no pole. The modes come
from their own fields. All three must agree.
"""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from reference import cylinder_point as at
from reference import cylinder_tensor as local

import collective as co
from collective import materials, spectral
from collective.fields.nanowire import bound, cylinder, guided

K = 2 * np.pi
SILICA = 1.45**2
FIBRE = co.Nanowire(200 / 852, SILICA)  # caesium's line, one mode
THICK = co.Nanowire(400 / 780, SILICA)  # four modes
MAGNETIC = co.Nanowire(0.3, 2.5, permeability=1.8)
RICH = co.Nanowire(0.4, 9.0, permeability=2.0)  # thirty modes, EH among them
WIRES = pytest.mark.parametrize("wire", [FIBRE, THICK, MAGNETIC, RICH], ids=repr)
KINDS = pytest.mark.parametrize("kind", ["electric", "magnetic"])


def fields_of(wire, kind, points):
    """Fields of every mode, direction and circulation at the points, (modes, points, 3)."""
    found = []
    for mode in wire.guided_modes(K):
        of = mode.electric if kind == "electric" else mode.magnetic
        for circulation in (1, -1) if mode.order else (1,):
            found += [of(points, direction=way, circulation=circulation) for way in (1, -1)]
    return np.array(found)


def radiated(wire, kind, rho, angle, z, orders=30):
    """The scattered tensor's integral over |k_z| < k, by Gauss's rule in the angle of emission."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    theta = (nodes + 1) * np.pi / 4
    kz, weights = K * np.sin(theta), weights * np.pi / 4 * K * np.cos(theta)
    constants = wire.epsilon(K), wire.mu(K)
    if kind == "magnetic":
        constants = constants[::-1]
    spectrum = cylinder.spectra(
        kz,
        complex(K),
        cylinder.reflection(kz, complex(K), *constants, wire.radius, orders),
        cylinder.waves(kz, complex(K), wire.radius, np.array(rho), orders),
        np.array(rho),
        np.array([[0, 1]]),
        np.array([angle]),
        np.array([orders]),
    )[0]
    found = np.zeros(9, dtype=complex)
    for which, phase in (
        (cylinder.EVEN_IN_Z, 2 * np.cos(kz * z)),
        (cylinder.ODD_IN_Z, 2 * np.sin(kz * z)),
    ):
        found[which] = spectrum[which] @ (weights * phase)
    return found.reshape(3, 3).imag


def tensor(wire, kind, r, r_source):
    """G, or C/k², of the whole."""
    if kind == "electric":
        return wire.green(r, r_source, K)
    return wire.magnetic_green(r, r_source, K) / K**2


@WIRES
def test_modes_solve_the_published_characteristic_equation(wire):
    """Snyder and Love, chapter 12, with μ: in mpmath, from u and w alone."""
    epsilon, mu = wire.epsilon(K).real, wire.mu(K).real
    modes = bound.profiles(K, epsilon, mu, wire.radius)
    assert len({mode.name for mode in modes}) == len(modes)
    with mpmath.workdps(30):
        strength2 = (mpmath.mpf(epsilon) * mu - 1) * (mpmath.mpf(K) * wire.radius) ** 2
        for mode in modes:
            m, u, w = mode.order, mpmath.mpf(mode.u), mpmath.mpf(mode.w)
            assert abs(u**2 + w**2 - strength2) < 1e-14 * strength2
            inside = mpmath.besselj(m, u, 1) / (u * mpmath.besselj(m, u))
            outside = (
                -(mpmath.besselk(m - 1, w) + mpmath.besselk(m + 1, w))
                / 2
                / (w * mpmath.besselk(m, w))
            )
            beta2 = 1 + w**2 / (K * wire.radius) ** 2  # of k²
            right = m**2 * beta2 * (1 / u**2 + 1 / w**2) ** 2
            factors = mu * inside + outside, epsilon * inside + outside
            if m == 0:
                size = abs(outside)
                assert abs(factors[mode.name.startswith("TM")]) < 1e-12 * size
            else:
                assert abs(factors[0] * factors[1] - right) < 1e-12 * right


def test_cut_offs_are_those_of_the_textbooks():
    """TE01 and TM01 begin at V = 2.405; HE12 and EH11 at 3.832 (Okamoto, chapter 3)."""

    def names(strength):
        radius = strength / (K * np.sqrt(SILICA - 1))
        return {mode.name for mode in co.Nanowire(radius, SILICA).guided_modes(K)}

    assert names(0.8) == names(2.4048) == {"HE11"}
    assert names(2.4049) == {"HE11", "TE01", "TM01"}
    assert names(3.8317) == names(2.9)
    assert names(3.8318) - names(3.8317) == {"EH11"}
    assert names(3.86) - names(3.8318) == {"HE12"}  # as loosely bound at first as HE11
    # HE21: (ε + 1) J₁(V) = V J₂(V) for m = 2 (Snyder and Love, chapter 12)
    with mpmath.workdps(20):
        cut = mpmath.findroot(
            lambda v: (SILICA + 1) * mpmath.besselj(1, v) - v * mpmath.besselj(2, v), 2.8
        )
    assert names(float(cut) * (1 + 1e-6)) - names(float(cut) * (1 - 1e-6)) == {"HE21"}


@WIRES
def test_fields_meet_the_boundary_conditions_and_maxwell(wire):
    """All components but D_ρ and B_ρ in the same way, and curl E = ikμH on both sides."""
    epsilon, mu = wire.epsilon(K).real, wire.mu(K).real
    step, angle = 1e-4, 0.7
    for mode in wire.guided_modes(K):
        for options in ({}, {"direction": -1}, {"circulation": -1}):
            inner, outer = (at(wire.radius * (1 + side * 1e-9), angle, 0.2) for side in (-1, 1))
            for of, constant in ((mode.electric, epsilon), (mode.magnetic, mu)):
                one, other = (local_vector(of(r, **options), angle) for r in (inner, outer))
                one[0] *= constant
                np.testing.assert_allclose(one, other, atol=1e-6 * np.abs(other).max())
            for rho, constant in ((0.6 * wire.radius, mu), (1.3 * wire.radius, 1.0)):
                r = at(rho, angle, 0.2)
                curl = np.zeros(3, dtype=complex)
                for j in range(3):
                    shift = step * np.eye(3)[j] * wire.radius
                    points = r + np.array([-2, -1, 1, 2])[:, None] * shift
                    e = mode.electric(points, **options)
                    slope = (8 * (e[2] - e[1]) - (e[3] - e[0])) / (12 * step * wire.radius)
                    curl += np.cross(np.eye(3)[j], slope)
                expected = 1j * K * constant * mode.magnetic(r, **options)
                np.testing.assert_allclose(curl, expected, atol=1e-7 * np.abs(expected).max())


def local_vector(vector, phi):
    """The components ρ, φ, z of a Cartesian vector at the angle φ."""
    turn = [[np.cos(phi), np.sin(phi), 0], [-np.sin(phi), np.cos(phi), 0], [0, 0, 1]]
    return turn @ vector


@WIRES
def test_power_is_one_and_the_share_outside_is_its_integral(wire):
    nodes, weights = np.polynomial.legendre.leggauss(40)
    for mode in wire.guided_modes(K)[:6]:

        def power(a, b, mode=mode):
            rho = (b - a) / 2 * nodes + (a + b) / 2
            points = np.stack([rho, 0 * rho, 0 * rho], axis=1)
            flux = np.cross(mode.electric(points), mode.magnetic(points).conj())[:, 2].real
            return np.sum(2 * np.pi * rho * flux * weights) * (b - a) / 2

        edges = wire.radius * np.concatenate([[1.0], 2.0 ** np.arange(1, 9)])
        outside = sum(power(a, b) for a, b in pairwise(edges))
        np.testing.assert_allclose(power(0, wire.radius) + outside, 1.0, rtol=1e-11)
        np.testing.assert_allclose(mode.power_outside, outside, rtol=1e-10)


@pytest.mark.parametrize(
    "wire",
    [FIBRE, THICK, MAGNETIC, co.Nanowire(0.2, materials.Lorentz([30.0], [25.0], [0.0]))],
    ids=repr,
)
def test_group_velocity_is_the_slope_of_the_dispersion(wire):
    """The energy's velocity against differences of β(k), with a dispersive material too."""
    step = 1e-3
    around = [wire.guided_modes(K + j * step) for j in (-2, -1, 1, 2)]
    for mode in wire.guided_modes(K):
        beta = [next(one.wavenumber for one in modes if one.name == mode.name) for modes in around]
        slope = (8 * (beta[2] - beta[1]) - (beta[3] - beta[0])) / (12 * step)
        np.testing.assert_allclose(mode.group_velocity, 1 / slope, rtol=1e-8)


@pytest.mark.parametrize("k", [6.0, 6.29])
def test_group_velocity_close_to_a_resonance(k):
    """The derivative of kε is ε + 2sk₀²k²/(k₀² − k²)², also a thousandth below the resonance."""
    strength, resonance = 1e-3, 6.3
    glass = materials.Lorentz([strength], [resonance], [0.0], 2.0)
    epsilon = glass.permittivity(k).real
    slope = epsilon + 2 * strength * resonance**2 * k**2 / (resonance**2 - k**2) ** 2
    found = co.Nanowire(0.2, glass).guided_modes(k)[0]
    (profile, *_) = bound.profiles(k, float(epsilon), 1.0, 0.2)
    expected = guided.guided_mode(profile, k, (float(epsilon), 1.0), (float(slope), 1.0), 0.2)
    np.testing.assert_allclose(found.group_velocity, expected.group_velocity, rtol=1e-8)


def test_group_velocity_at_the_ends_of_a_table():
    """There differences are taken inside; a hair away the slope is the same."""
    wavelength = np.linspace(0.8, 1.0, 41)
    glass = materials.Table.from_nk(wavelength, 1.45 + 0.02 * (wavelength - 1) ** 2)
    wire = co.Nanowire(0.235, glass)
    for k, inside in ((K / 0.8, K / 0.801), (K / 1.0, K / 0.999)):
        end, near = (wire.guided_modes(x)[0].group_velocity for x in (k, inside))
        assert end == pytest.approx(near, rel=2e-3)


def test_no_group_velocity_where_nothing_is_known_around():
    known = co.Nanowire(0.2, lambda k: 2.1 if k == K else np.nan)
    with pytest.raises(ValueError, match=r"permittivity is known at k = 6\.28319, but not around"):
        known.guided_modes(K)
    jump = co.Nanowire(0.2, lambda k: 2.1 if k > K else 2.0)
    with pytest.raises(ValueError, match=r"permittivity changes too fast at k = 6\.28319"):
        jump.guided_modes(K)


@KINDS
@WIRES
def test_guided_and_radiated_light_are_all_of_it(wire, kind):
    """Im G of a pair: modes by their fields, radiation on the real axis, the whole by its path."""
    rho, angle, z = np.array([1.1, 1.3]) * wire.radius, 0.7, 0.4
    r, r_source = at(rho[0], 0.3, z), at(rho[1], 0.3 - angle, 0.0)
    e, e_source = (fields_of(wire, kind, point) for point in (r, r_source))
    shared = np.einsum("vi,vj->ij", e, e_source.conj()) / (4 * K)
    np.testing.assert_allclose(shared.imag, 0, atol=1e-15 * np.abs(e).max() ** 2)
    found = local(shared.real, 0.3, 0.3 - angle) + radiated(wire, kind, rho, angle, z)
    vacuum = tensor(co.Vacuum(), kind, r, r_source).imag
    whole = local(tensor(wire, kind, r, r_source).imag - vacuum, 0.3, 0.3 - angle)
    own = np.abs(tensor(wire, kind, r, r).imag).max()
    np.testing.assert_allclose(found, whole, atol=1e-8 * own)


@KINDS
def test_rates_are_the_guided_part_of_each_decay(kind):
    """`guided` and `beta` against the same split at one point, for three dipoles."""
    rho = 1.2 * THICK.radius
    dipoles = np.array([[1, 0, 0], [0, 1, 0.3], [0.2, 0.5j, 1j]])
    atoms = co.Emitters(
        [at(rho, 0.4, z) for z in (0.0, 1.0, 2.0)],
        dipoles=dipoles,
        decay_rates=[1.0, 2.0, 3.0],
        kind=kind,
    )
    rest = local(tensor(co.Vacuum(), kind, np.zeros(3), np.zeros(3)).imag, 0.4, 0.4)
    rest = rest + radiated(THICK, kind, np.array([rho, rho]), 0.0, 0.0)
    u = np.array([local_vector(one, 0.4) for one in atoms.dipoles])
    free = 6 * np.pi / K * np.einsum("mi,ij,mj->m", u.conj(), rest, u).real
    whole = co.purcell(atoms, THICK)
    rates = THICK.guided(atoms)
    assert list(rates) == ["HE11", "TE01", "TM01", "HE21"]
    np.testing.assert_allclose(sum(rates.values()), (whole - free) * atoms.decay_rates, rtol=1e-8)
    np.testing.assert_allclose(THICK.beta(atoms), 1 - free / whole, rtol=1e-8)
    forward, backward = (THICK.guided(atoms, direction=way) for way in (1, -1))
    for name, rate in rates.items():
        np.testing.assert_allclose(forward[name] + backward[name], rate, rtol=1e-12, atol=1e-15)


def test_a_shared_decay_is_positive_and_of_low_rank():
    rng = np.random.default_rng(1)
    places = [
        at(FIBRE.radius * a, b, c) for a, b, c in rng.uniform([1.1, -3, -2], [2, 3, 2], (7, 3))
    ]
    dipoles = rng.normal(size=(7, 3)) + 1j * rng.normal(size=(7, 3))
    atoms = co.Emitters(places, dipoles=dipoles, decay_rates=rng.uniform(0.5, 2, 7))
    shared = FIBRE.guided_decay(atoms)
    green = FIBRE.green(atoms.positions[:, None], atoms.positions[None], K).imag
    whole = 6 * np.pi / K * np.einsum("mi,mnij,nj->mn", atoms.dipoles.conj(), green, atoms.dipoles)
    strength = np.sqrt(atoms.decay_rates)
    whole = whole * strength[:, None] * strength
    size = np.linalg.eigvalsh(whole)[-1]
    for matrix in (shared, whole - shared, whole):
        np.testing.assert_allclose(matrix, matrix.conj().T, atol=1e-12 * size)
        assert np.linalg.eigvalsh(matrix)[0] > -1e-10 * size
    # HE11 has two circulations and two directions
    assert np.linalg.matrix_rank(shared, tol=1e-10) == 4
    ways = [FIBRE.guided_decay(atoms, direction=way) for way in (1, -1)]
    assert [np.linalg.matrix_rank(matrix, tol=1e-10) for matrix in ways] == [2, 2]
    np.testing.assert_allclose(sum(ways), shared, atol=1e-13)
    np.testing.assert_allclose(np.diag(shared).real, FIBRE.guided(atoms)["HE11"], rtol=1e-12)


def test_far_along_the_fibre_only_bound_modes_are_left():
    """Both sides of a dipole, the phase with its sign, and Δ as the modes' wave has it."""
    r = at(1.2 * FIBRE.radius, 0.3, 0.0)
    (mode,) = FIBRE.guided_modes(K)
    for z, way in ((3000.0, 1), (-3000.0, -1)):
        far = at(1.1 * FIBRE.radius, -0.5, z)
        expected = np.zeros((3, 3), dtype=complex)
        for circulation in (1, -1):
            options = {"direction": way, "circulation": circulation}
            here, there = mode.electric(r, **options), mode.electric(far, **options)
            expected += 1j / (2 * K) * np.outer(there, here.conj())
        found = FIBRE.green(far, r, K)
        np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.slow
def test_principal_value_and_imaginary_axis_agree_for_a_fibre():
    """Both axes of G, which knows no modes, through the one shift that uses both.

    A low pass h(q) without poles in the upper half-plane ends the integral; −k² Re[Gh] less the
    integral over the imaginary axis is −(1/π)P∫₀^∞dq q² Im[Gh]/(q − k).
    """
    fibre, edge = co.Nanowire(0.1, 2.1), 2j * K
    r, other = np.array([0.2, 0, 0.5]), np.array([0, 0.23, 0])

    def filtered(q):
        return q**2 * (edge / (q + edge)) ** 12 * fibre.scattered(r, other, q)

    found = np.zeros((3, 3))
    edges = K * np.array([0, *range(2, 17)])
    for a, b in pairwise(edges):
        # an even rule on 0 … 2k has nodes on both sides of k, where the pole cancels
        nodes, weights = np.polynomial.legendre.leggauss(24 if a else 48)
        for q, weight in zip((b - a) / 2 * nodes + (a + b) / 2, (b - a) / 2 * weights, strict=True):
            found -= weight * filtered(q).imag / (q - K) / np.pi
    expected = -filtered(K).real - spectral.imaginary_axis(
        lambda kappa: -K / (kappa**2 + K**2) * filtered(1j * kappa).real / np.pi,
        K,
        rtol=1e-11,
        atol=1e-14,
    )
    np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())


def test_a_thin_fibre_binds_loosely_and_then_not_at_all():
    """The decay constant keeps its digits where β is k; the law of small V holds."""
    for radius in (0.03, 0.05):
        (mode,) = co.Nanowire(radius, 2.1).guided_modes(K)
        strength2 = 1.1 * (K * radius) ** 2
        # (1 + ε)/2V² to leading order in V², from J and K of small argument (m = 1)
        law = 2 * np.exp(-np.euler_gamma - 3.1 / strength2 + 3.1 / 8 + 0.5 * 1.1 / 8)
        w = mode.decay_constant * radius
        assert np.log(w) == pytest.approx(np.log(law), abs=0.6)
        assert mode.wavenumber == K
        atom = co.Emitters([[2 * radius, 0, 0]], dipoles=(1, 0, 0))
        rate = co.Nanowire(radius, 2.1).guided(atom)["HE11"][0]
        assert 0 < rate < 1e-15
    # the law itself, from the characteristic equation in many digits
    with mpmath.workdps(60):
        (found,) = bound.profiles(K, 2.1, 1.0, 0.05)
        strength = mpmath.sqrt(mpmath.mpf(2.1) - 1) * mpmath.mpf(K) * mpmath.mpf(0.05)

        def mismatch(log_w):
            w = mpmath.exp(log_w)
            u = mpmath.sqrt(strength**2 - w**2)
            inside = mpmath.besselj(1, u, 1) / (u * mpmath.besselj(1, u))
            outside = -mpmath.besselk(0, w) / (w * mpmath.besselk(1, w)) - 1 / w**2
            right = (1 / u**2 + 1 / w**2) * (mpmath.mpf(2.1) / u**2 + 1 / w**2)
            return ((inside + outside) * (mpmath.mpf(2.1) * inside + outside) - right) * w**2

        exact = mpmath.findroot(mismatch, mpmath.log(found.w) + 0.01)
        assert abs(mpmath.log(found.w) - exact) < 1e-12
    thinner = co.Nanowire(0.01, 2.1)
    atom = co.Emitters([[0.02, 0, 0]], dipoles=(1, 0, 0))
    assert thinner.guided(atom) == {}
    assert thinner.beta(atom) == 0
    with pytest.raises(ValueError, match=r"no bound mode at k = 6\.28319: HE11 would reach"):
        thinner.guided_modes(K)


def test_emitters_of_different_frequency_have_modes_of_their_own():
    pair = co.Emitters(
        [[0.6, 0, 0], [0.6, 0, 0.3]], dipoles=(1, 0, 0), frequency=10.0, detunings=[-4.0, 2.0]
    )
    rates = THICK.guided(pair)
    for m, k in enumerate(pair.wavenumbers):
        alone = THICK.guided(pair.replace(detunings=0.0, wavelength=2 * np.pi / k))
        for name, rate in rates.items():
            expected = alone[name][m] if name in alone else 0.0
            np.testing.assert_allclose(rate[m], expected, rtol=1e-12)
    assert rates["HE21"][0] == 0 < rates["HE21"][1]
    mean = pair.replace(detunings=0.0, wavelength=2 * np.pi / pair.wavenumbers.mean())
    np.testing.assert_allclose(THICK.guided_decay(pair), THICK.guided_decay(mean), rtol=1e-12)
    dark = pair.replace(decay_rates=0.0)
    np.testing.assert_allclose(THICK.beta(dark), THICK.beta(pair), rtol=1e-12)


ATOM = co.Emitters([[0.4, 0, 0]], dipoles=(1, 0, 0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: co.Nanowire(0.2, 2.1 + 0.01j).guided_modes(K),
            r"permittivity 2.1\+0.01j at k = 6.28319 is not real: a mode that is absorbed",
        ),
        (lambda: co.Nanowire(0.2, 2.1 + 0.01j).guided(ATOM), "permittivity .* is not real"),
        (lambda: co.Nanowire(0.2, 2.1 + 0.01j).beta(ATOM), "permittivity .* is not real"),
        (lambda: co.Nanowire(0.2, 2.1 + 0.01j).guided_decay(ATOM), "permittivity .* is not real"),
        (lambda: co.Nanowire(0.2, 2.1, 1.1 + 0.1j).guided(ATOM), "permeability .* is not real"),
        (lambda: co.Nanowire(0.2, -50 + 0.6j).guided_modes(K), r"of a metal the plasmon, plasmon"),
        (lambda: co.Nanowire(0.2, -50.0).guided_decay(ATOM), "permittivity -50 .* is negative"),
        (lambda: co.Nanowire(0.2, 2.0, -3.0).guided(ATOM), "permeability -3 .* is negative"),
        (lambda: co.Nanowire(0.2, -50 + 0.6j).guided(ATOM, direction=1), "direction: the plasmon"),
        (lambda: co.Nanowire(0.2, 0.5).guided_modes(K), "εμ above 1, got ε = 0.5, μ = 1"),
        (lambda: co.Nanowire(9.0, 12.0).guided_modes(K), r"guides about \d+ modes \(V = 188\)"),
        (lambda: FIBRE.guided(ATOM, direction=0), "direction must be 1 or −1, got 0"),
        (lambda: FIBRE.guided_decay(ATOM, direction=0.5), "direction must be 1 or −1, got 0.5"),
        (
            lambda: FIBRE.guided_modes(K)[0].electric([0.3, 0, 0], circulation=2),
            "circulation must be 1 or −1, got 2",
        ),
        (lambda: FIBRE.guided_modes(-1.0), "k must be above 0"),
        (
            lambda: FIBRE.guided(co.Emitters([[0.1, 0, 0]], dipoles=(1, 0, 0))),
            r"emitters.positions: \[0.1 0. +0. *\] is on or inside the wire",
        ),
        (
            lambda: FIBRE.guided_decay(co.Emitters([[0.1, 0, 0]], dipoles=(1, 0, 0))),
            "is on or inside the wire",
        ),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("of", [FIBRE.guided, FIBRE.guided_decay])
def test_a_wave_number_in_the_place_of_emitters_is_sent_to_the_modes(of):
    with pytest.raises(TypeError, match=r"emitters must be Emitters .* guided_modes\(k\)\), got"):
        of(K)
