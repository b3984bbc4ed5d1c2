import mpmath
import numpy as np
import pytest
from multilevels import GOLDEN, golden_pair, number, vector
from scipy import constants as codata
from scipy.integrate import quad

import collective as co
from collective import spectral
from collective.currents import kernels

NATURAL = {"units": "natural"}
R = np.array([0.4, 0.7, 1.1])
# frequency, plasma frequency and k_p for c = 1, each branch written out
BRANCHES = [
    (0.0, 0.0, 0),
    (1.3, 0.0, 1.3),
    (-1.3, 0.0, -1.3),
    (0.6, 1.0, 0.8j),
    (-0.6, 1.0, 0.8j),
    (1.25, 1.0, 0.75),
    (-1.25, 1.0, -0.75),
    (0.0, 2.0, 2j),
    (0.8j, 0.6, 1j),
    (1e-4j, 0.0, 1e-4j),
    (3e-3, 0.0, 3e-3),
    (1.0, 1.0, 0),
    (complex(-0.6, -0.0), 1.0, 0.8j),
    (0.9 + 0.5j, 0.7, complex(mpmath.sqrt((0.9 + 0.5j) ** 2 - 0.49))),
    (-0.9 + 0.5j, 0.7, -complex(mpmath.sqrt((0.9 - 0.5j) ** 2 - 0.49))),
]


def tensor(function, separation, frequency, plasma):
    """The 3 × 3 tensor of a bilinear function of two vectors."""
    one = np.eye(3)
    return function(
        one[:, None], one, separation, frequency, plasma_frequency=plasma, units="natural"
    )


def hessian(function, r):
    """∂_i∂_j of a function of (x, y, z), by differences with forty digits."""
    with mpmath.workdps(40):
        point = tuple(mpmath.mpf(float(x)) for x in r)
        second = np.empty((3, 3), dtype=complex)
        for i in range(3):
            for j in range(3):
                order = tuple(int(n) for n in np.eye(3, dtype=int)[i] + np.eye(3, dtype=int)[j])
                second[i, j] = complex(mpmath.diff(function, point, order))
        return second


def distance(x, y, z):
    return mpmath.sqrt(x * x + y * y + z * z)


def test_momentum_kernel_in_three_systems_of_units():
    # (1/2ε₀)/(ω² − c²q² − ω_p²)
    assert kernels.momentum_kernel(2.0, 1.0, plasma_frequency=0.5, units="natural") == -0.5 / 3.25
    assert kernels.momentum_kernel(2.0, 1.5j, **NATURAL) == -0.5 / 6.25
    static = kernels.momentum_kernel(0.3)
    np.testing.assert_allclose(static, -2 * np.pi * codata.alpha**2 / 0.09, rtol=1e-12)
    np.testing.assert_allclose(
        kernels.momentum_kernel(1e10, 1e16, plasma_frequency=2e16, units="SI"),
        0.5 / codata.epsilon_0 / (1e32 - (codata.c * 1e10) ** 2 - 4e32),
        rtol=1e-9,
    )
    grid = kernels.momentum_kernel(np.ones((4, 1)), np.array([0.5, 2.0, 0.1 + 0.1j]), **NATURAL)
    assert grid.shape == (4, 3)
    assert grid.dtype == complex
    assert kernels.momentum_kernel([1.0, 2.0], **NATURAL).dtype == float


def test_momentum_kernel_is_retarded():
    """Its imaginary part is −π/4E on the photon's positive frequency, and odd in ω."""
    photon = np.hypot(1.2, 0.5)
    for sign in (1, -1):
        weight = quad(
            lambda w, s=sign: (
                kernels.momentum_kernel(
                    1.2, s * w + 1e-3j, plasma_frequency=0.5, units="natural"
                ).imag
            ),
            *(0, 20),
            points=[photon],
            limit=200,
        )[0]
        assert weight == pytest.approx(-sign * np.pi / (4 * photon), rel=1e-3, abs=0)


@pytest.mark.parametrize(("frequency", "plasma"), [(0.7j, 0.5), (0.0, 1.0), (0.6 + 0.8j, 0.3)])
def test_spatial_kernel_is_the_fourier_transform_of_the_momentum_kernel(frequency, plasma):
    r = 0.9

    def integrand(q, part):
        kernel = kernels.momentum_kernel(q, frequency, plasma_frequency=plasma, units="natural")
        return q * part(kernel)

    parts = [
        quad(integrand, 0, np.inf, args=(part,), weight="sin", wvar=r)[0]
        for part in (np.real, np.imag)
    ]
    kernel = kernels.spatial_kernel(r, frequency, plasma_frequency=plasma, units="natural")
    np.testing.assert_allclose(kernel, complex(*parts) / (2 * np.pi**2 * r), rtol=1e-8)


@pytest.mark.parametrize(("frequency", "plasma", "k"), BRANCHES)
def test_spatial_kernel_on_every_branch(frequency, plasma, k):
    kernel = kernels.spatial_kernel([0.5, 2.0], frequency, plasma_frequency=plasma, **NATURAL)
    r = np.array([0.5, 2.0])
    np.testing.assert_allclose(kernel, -np.exp(1j * k * r) / (8 * np.pi * r), rtol=1e-14)
    assert np.iscomplexobj(kernel) == (np.real(k) != 0)


def test_kernels_are_real_on_the_imaginary_axis():
    nu = np.random.default_rng(1).uniform(0, 3, 50)
    for kernel in (
        kernels.spatial_kernel(0.7, 1j * nu, plasma_frequency=0.37, **NATURAL),
        kernels.transverse_kernel(R, 1j * nu, plasma_frequency=0.37, **NATURAL),
        kernels.momentum_kernel(0.7, 1j * nu, plasma_frequency=0.37, **NATURAL),
    ):
        assert kernel.dtype == float


def test_kernels_against_reference_numbers():
    value = kernels.spatial_kernel(1e-9, plasma_frequency=codata.c / 20e-9, units="SI")
    assert value == pytest.approx(-47.5614712509291, rel=1e-8, abs=0)
    golden = [
        [0.0316841523901509, 0.00439186270754567, 0.0069014985404289],
        [0.00439186270754567, 0.0368602762954726, 0.0120776224457506],
        [0.0069014985404289, 0.0120776224457506, 0.0481536375434471],
    ]
    np.testing.assert_allclose(kernels.transverse_kernel(R), golden, rtol=1e-12)


@pytest.mark.parametrize(("frequency", "plasma", "k"), BRANCHES)
@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_tensors_against_derivatives_of_spherical_waves(frequency, plasma, k, scale):
    r = scale * R
    k_mp = mpmath.mpmathify(k)

    def wave(*point):
        return mpmath.expj(k_mp * distance(*point)) / (4 * mpmath.pi * distance(*point))

    def longitudinal(*point):  # (e^{ikr} − 1)/4πrk² minus its constant at k = 0
        if k == 0:
            return -distance(*point) / (8 * mpmath.pi)
        return (wave(*point) - 1 / (4 * mpmath.pi * distance(*point))) / k_mp**2

    # two dipoles: 2 (∇∇ − ∇²) V_J with V_J = −½ e^{ikr}/4πr
    second = hessian(wave, r)
    dipoles = np.trace(second) * np.eye(3) - second
    found = tensor(kernels.dipole_energy, r, frequency, plasma)
    np.testing.assert_allclose(found, dipoles, rtol=0, atol=1e-14 / scale**3)
    transverse = complex(wave(*r)) * np.eye(3) + hessian(longitudinal, r)
    found = kernels.transverse_kernel(r, frequency, plasma_frequency=plasma, **NATURAL)
    np.testing.assert_allclose(found, transverse, rtol=0, atol=1e-15 / scale)


def test_transverse_kernel_is_the_transform_of_the_projector():
    """Along r, ∫dΩ (1 − q̂_r²) e^{iq·r} = 8π j₁(qr)/qr."""
    r, kappa = 1.3, 0.8

    def integrand(q):
        z = q * r
        return q * q / (q * q + kappa**2) * (mpmath.sin(z) - z * mpmath.cos(z)) / z**3

    along = mpmath.quadosc(integrand, [0, mpmath.inf], omega=r) / mpmath.pi**2
    kernel = kernels.transverse_kernel([0, 0, r], plasma_frequency=kappa, **NATURAL)
    assert kernel[2, 2] == pytest.approx(float(along), rel=1e-10, abs=0)
    assert np.trace(kernel) == pytest.approx(
        2 * np.exp(-kappa * r) / (4 * np.pi * r), rel=1e-13, abs=0
    )
    # in a divergence-free tensor the parts across and along are related at every distance
    assert kernel[0, 0] == kernel[1, 1]


@pytest.mark.parametrize("eta", [1e-6, 1e-3, 0.3, 0.999, 1.001, 5.0])
def test_small_imaginary_parts_of_kernels_are_accurate(eta):
    """The imaginary parts are smaller than the real ones by factors η³ and η."""
    with mpmath.workdps(60):
        x = mpmath.mpc(0, -eta)
        wave = mpmath.exp(-x)
        f = (1 - (1 + x) * wave) / x**2
        across = complex((1 + x + x**2) * wave / (4 * mpmath.pi))
        along = complex((-2 - 2 * x) * wave / (4 * mpmath.pi))
        kernel = complex((wave - f) / (4 * mpmath.pi)), complex(2 * f / (4 * mpmath.pi))
    energy = tensor(kernels.dipole_energy, [0, 0, 1], eta, 0.0)
    transverse = kernels.transverse_kernel([0, 0, 1], eta, **NATURAL)
    found = [energy[0, 0], energy[2, 2], transverse[0, 0], transverse[2, 2]]
    for value, expected in zip(found, [across, along, *kernel], strict=True):
        assert value.real == pytest.approx(expected.real, rel=1e-13, abs=0)
        assert value.imag == pytest.approx(expected.imag, rel=1e-13, abs=0)


def parts(m1, m2, r, frequency, plasma=0.0):
    """J and K from E = K − (i/2)J, K even and J odd in the frequency."""
    up, down = kernels.dipole_energy(
        m1, m2, r, [frequency, -frequency], plasma_frequency=plasma, units="natural"
    )
    return 1j * (up - down), (up + down) / 2


@pytest.mark.parametrize("name", list(GOLDEN["dipoles"]))
def test_dipole_energy_equals_the_magnetic_interaction(name):
    g = GOLDEN["dipoles"][name]
    m1, m2, r = vector(g["m1"]), vector(g["m2"]), [float(x) for x in g["r"]]
    omega = float(g["Omega1"]), float(g["Omega2"])
    close = {"rtol": 1e-12, "atol": 1e-15}
    for which in (0, 1):
        J, K = parts(m1, m2, r, omega[which])
        np.testing.assert_allclose(J, number(g[f"J_O{which + 1}"]), **close)
        np.testing.assert_allclose(K, number(g[f"K_O{which + 1}"]), **close)
    J, K = parts(m1, m2, r, omega[0], plasma=1.0)
    np.testing.assert_allclose(J, number(g["J_plasma_wp1"]), **close)
    np.testing.assert_allclose(K, number(g["K_plasma_wp1"]), **close)

    pair, element = golden_pair(name)
    for field, plasma in ((co.Vacuum(), 0.0), (co.Plasma(0.65), 0.65)):
        principal = co.interaction(pair, field).principal(0, 1)[element]
        mean = sum(parts(m1, m2, r, w, plasma)[1] for w in omega) / 2
        np.testing.assert_allclose(mean, principal, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("frequency", [1.7, 0.4, -0.4, -1.7])
@pytest.mark.parametrize(("field", "plasma"), [(co.Vacuum(), 0.0), (co.Plasma(0.9), 0.9)])
def test_tensor_equals_that_of_spectral(field, plasma, frequency):
    dipoles = np.zeros((2, 2, 2, 3))
    pair = co.Multilevel([R, [0, 0, 0]], [[1.0, 0.0]] * 2, list(dipoles), kind="magnetic")
    J, K = spectral.decay_and_shift(pair, field, 0, 1, np.array([frequency]))
    T = tensor(kernels.dipole_energy, R, frequency, plasma)
    np.testing.assert_allclose(T, (K - 0.5j * J)[0], rtol=1e-9, atol=1e-12)


def test_dipole_energy_of_two_bohr_magnetons():
    magneton = codata.value("Bohr magneton")
    m = [magneton, 0, 0]
    energy = kernels.dipole_energy(m, m, [0, 0, 10e-9], 2 * np.pi * 2.87e9, units="SI")
    assert energy.real == pytest.approx(8.60072629792184183e-30, rel=1e-8, abs=0)
    assert -2 * energy.imag == pytest.approx(2.49572684438874756e-48, rel=1e-8, abs=0)
    hartree, bohr = codata.value("Hartree energy"), codata.value("Bohr radius")
    atomic = kernels.dipole_energy([0.5, 0, 0], [0.5, 0, 0], [0, 0, 10e-9 / bohr])
    assert isinstance(atomic, float)
    assert atomic * hartree == pytest.approx(8.60072629792184183e-30, rel=1e-8, abs=0)


def test_static_dipole_energy_is_classical():
    r, m1, m2 = R, np.array([1.0, 0.5, 0.2]), np.array([0.3, 1.0, -0.4])
    d = np.linalg.norm(r)
    classical = (m1 @ m2 - 3 * (m1 @ r) * (m2 @ r) / d**2) / (4 * np.pi * d**3)
    for frequency, plasma in ((0.0, 0.0), (2.5, 2.5), (-2.5, 2.5)):
        energy = kernels.dipole_energy(
            m1, m2, r, frequency, plasma_frequency=plasma, units="natural"
        )
        assert energy == pytest.approx(classical, rel=1e-14, abs=0)
        assert isinstance(energy, float)


def test_darwin_energy_of_two_charges():
    r, v1, v2 = 2 * R, np.array([0.1, 0.2, -0.3]), np.array([-0.2, 0.1, 0.25])
    d = np.linalg.norm(r)
    energy = -2 * 3 / (8 * np.pi * d) * (v1 @ v2 + (v1 @ r) * (v2 @ r) / d**2)
    charges = {"charges": (2, 3), **NATURAL}
    assert kernels.darwin_energy(r, v1, v2, **charges) == pytest.approx(energy, rel=1e-14, abs=0)
    # over Coulomb's e²/4πε₀r: half of the printed v²/c² for velocities across the separation
    v = [1e6, 0, 0]
    coulomb = codata.e**2 / (4 * np.pi * codata.epsilon_0 * 1e-10)
    ratio = kernels.darwin_energy([0, 0, 1e-10], v, v, units="SI") / coulomb
    assert ratio == pytest.approx(-5.56325028026809e-6, rel=1e-8, abs=0)
    many = kernels.darwin_energy(np.tile(r, (5, 1)), v1, np.tile(v2, (4, 1, 1)), **charges)
    np.testing.assert_allclose(many, np.full((4, 5), energy))


Z = [0, 0, 1.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kernels.momentum_kernel(3.0, -5.0, plasma_frequency=4.0, **NATURAL), r"pole .* = 5: add a positive"),
        (lambda: kernels.momentum_kernel([1.0, 0.0]), "pole"),
        (lambda: kernels.momentum_kernel(1.0, 1 - 1j), r"upper half plane .* 1-1j"),
        (lambda: kernels.momentum_kernel(-1.0), "q must not be negative"),
        (lambda: kernels.momentum_kernel(1e80), "q must not exceed"),
        (lambda: kernels.momentum_kernel(np.nan), "q must be finite"),
        (lambda: kernels.momentum_kernel([1, 2, 3], [1, 2]), r"q \(3,\), frequency \(2,\)"),
        (lambda: kernels.momentum_kernel(1.0, plasma_frequency=-1), "plasma_frequency must not be negative, got -1"),
        (lambda: kernels.momentum_kernel(1.0, units="cgs"), "units must be one of"),
        (lambda: kernels.spatial_kernel([1.0, 0.0]), "r must be positive"),
        (lambda: kernels.transverse_kernel([0, 0, 0]), "length of separation must be positive"),
        (lambda: kernels.transverse_kernel([1, 2]), r"separation must have shape \(\.\.\., 3\), got \(2,\)"),
        (lambda: kernels.transverse_kernel([Z, Z], [1, 2, 3]), "must broadcast"),
        (lambda: kernels.darwin_energy(Z, [1e6, 0, 0], Z), "v1 must be slower than light, 137"),
        (lambda: kernels.darwin_energy(Z, Z, Z, charges=(1,)), "charges must be two numbers"),
        (lambda: kernels.dipole_energy([Z, Z], [Z, Z, Z], Z), r"m1 \(2,\), m2 \(3,\)"),
        (lambda: kernels.dipole_energy(Z, Z, Z, -1e-9j), "upper half plane"),
    ],
)  # fmt: skip
def test_bad_arguments_of_kernels_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
