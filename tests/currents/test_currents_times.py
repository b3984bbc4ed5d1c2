"""Interactions in time, and scattering amplitudes of Bloch electrons, ions and phonons."""

import mpmath
import numpy as np
import pytest
import qutip
from scipy import constants as codata
from scipy.integrate import quad

import collective as co

currents = co.currents
NATURAL = {"units": "natural"}


@pytest.mark.parametrize(
    ("q", "plasma", "omega"), [(0.7, 0.0, 0.5j), (0.7, 1.3, 0.3 + 0.4j), (0.0, 0.4, -1.1 + 0.5j)]
)
def test_real_time_transforms_to_the_retarded_kernel(q, plasma, omega):
    """∫₀^∞dt V_J(q, t) e^{iωt} = V_J(q, ω) in the upper half plane; zero before t = 0."""

    def part(t, of):
        kernel = currents.time_kernel(q, t, plasma_frequency=plasma, **NATURAL)
        return of(kernel * np.exp(1j * omega * t))

    end = 45 / omega.imag
    real, imaginary = (
        quad(part, 0, end, args=(of,), limit=400, epsabs=1e-12)[0] for of in (np.real, np.imag)
    )
    expected = currents.momentum_kernel(q, omega, plasma_frequency=plasma, **NATURAL)
    assert real + 1j * imaginary == pytest.approx(expected, rel=1e-9, abs=1e-10)
    assert not np.any(currents.time_kernel(q, [-1.0, -1e-9, 0.0], plasma_frequency=1.0))


def test_retarded_kernel_travels_at_the_speed_of_light():
    """In space, averaged over a Gaussian of width s, it is −(μ₀/8πr) δ_s(t − r/c)."""
    r, s = 3.0, 0.2

    def at(t):
        # (1/2π²r)∫q sin(qr) V_J(q, t) e^{−q²s²/2}, two Gaussians at r ± t
        def integrand(q):
            kernel = currents.time_kernel(q, t, **NATURAL)
            return q * np.sin(q * r) * kernel * np.exp(-((q * s) ** 2) / 2)

        q = np.linspace(
            0, 9 / s, 2001
        )  # the integrand is even and smooth, so the trapezoidal rule is exact
        return integrand(q).sum() * q[1] / (2 * np.pi**2 * r)

    gaussian = lambda x: np.exp(-((x / s) ** 2) / 2) / np.sqrt(2 * np.pi) / s  # noqa: E731
    for t in (1.0, 2.8, 3.0, 3.3, 5.0):
        assert at(t) == pytest.approx(-gaussian(t - r) / (8 * np.pi * r), abs=1e-10)


@pytest.mark.parametrize("temperature", [0.3, 2.0])
@pytest.mark.parametrize("n", [0, 1, -3])
def test_imaginary_time_transforms_to_matsubara_frequencies(temperature, n):
    """∫₀^β dτ V_J(q, τ) e^{iν_nτ} = V_J(q, iν_n), even in ν."""
    q, plasma = 0.7, 0.4
    nu = 2 * np.pi * n * temperature

    def part(tau):
        kernel = currents.imaginary_time_kernel(
            q, tau, temperature, plasma_frequency=plasma, **NATURAL
        )
        return kernel * np.cos(nu * tau)

    found = quad(part, 0, 1 / temperature, epsabs=1e-13)[0]
    expected = currents.momentum_kernel(q, 1j * abs(nu), plasma_frequency=plasma, **NATURAL)
    assert found == pytest.approx(expected, rel=1e-10)


def test_imaginary_time_kernel_is_the_sum_of_the_paper():
    """Eq. (20), summed with mpmath: −½ T Σ_n cos(ν_nτ)/(ν_n² + E²)."""
    q, temperature, tau = 0.7, 0.6, 0.45
    with mpmath.workdps(20):
        e2 = mpmath.mpf(q) ** 2

        def term(n):
            nu = 2 * mpmath.pi * n * temperature
            return 2 * mpmath.cos(nu * tau) / (nu**2 + e2)

        total = 1 / e2 + sum(term(n) for n in range(1, 4000))
    found = currents.imaginary_time_kernel(q, tau, temperature, **NATURAL)
    assert found == pytest.approx(-0.5 * temperature * float(total), rel=1e-6)


def test_imaginary_time_kernel_is_periodic_and_has_its_limits():
    kernel = currents.imaginary_time_kernel
    q, t = 0.7, 0.25
    assert kernel(q, 0.3 + 1 / t, t, **NATURAL) == pytest.approx(kernel(q, 0.3, t, **NATURAL))
    assert kernel(q, -0.3, t, **NATURAL) == pytest.approx(kernel(q, 0.3, t, **NATURAL))
    assert kernel(q, -0.3, 0.0, **NATURAL) == pytest.approx(-np.exp(-0.7 * 0.3) / 4 / 0.7)
    assert kernel(q, 0.3, 1e-3, **NATURAL) == pytest.approx(kernel(q, 0.3, 0, **NATURAL), rel=1e-12)
    hot = 1e6  # classical: the static kernel times T
    static = currents.momentum_kernel(q, **NATURAL)
    assert kernel(q, 0.0, hot, **NATURAL) == pytest.approx(hot * static, rel=1e-9)


def test_kernels_in_si_are_those_in_atomic_units():
    """V_J(q, t) has the unit of V_J(q, ω) over a time, V_J(q, τ) times an energy."""
    bohr, hartree = codata.physical_constants["Bohr radius"][0], codata.physical_constants[
        "Hartree energy"][0]  # fmt: skip
    time = codata.hbar / hartree
    charge, velocity = codata.e, bohr / time
    unit = hartree * bohr**3 / (charge * velocity) ** 2
    q, t, w = 0.4, 0.02, 30.0
    si = {"units": "SI", "plasma_frequency": w / time}
    found = currents.time_kernel(q / bohr, t * time, **si)
    expected = currents.time_kernel(q, t, plasma_frequency=w) * unit / time
    assert found == pytest.approx(expected, rel=1e-8)
    found = currents.imaginary_time_kernel(q / bohr, 0.01 / hartree, 2 * hartree, **si)
    expected = currents.imaginary_time_kernel(q, 0.01, 2.0, plasma_frequency=w) * unit * hartree
    assert found == pytest.approx(expected, rel=1e-8)
    found = currents.coulomb_kernel(q / bohr, units="SI")
    assert found == pytest.approx(currents.coulomb_kernel(q) * unit * velocity**2, rel=1e-8)


def test_coulomb_kernel_is_the_transform_of_the_repulsion():
    """Two unit charges share 2V_C(q): ∫e^{−κr}/r e^{−iq·r} → 4π/q² as κ → 0."""
    q, kappa = 1.7, 1e-3
    found = 4 * np.pi / q * quad(
        lambda r: np.exp(-kappa * r), 0, np.inf, weight="sin", wvar=q
    )[0]  # fmt: skip
    assert 2 * currents.coulomb_kernel(q) == pytest.approx(found, rel=1e-5)


def test_ratio_of_the_static_kernels_of_charges_and_currents():
    """Without screening V_J = −V_C/c², so magnetic effects are of the order of v²/c²."""
    c = currents.constants().speed_of_light
    assert currents.momentum_kernel(0.8) == pytest.approx(-currents.coulomb_kernel(0.8) / c**2)


def test_bloch_coupling_of_free_electrons_is_that_of_plane_waves():
    rng = np.random.default_rng(0)
    k1, k2, q = rng.standard_normal((3, 3))
    arguments = {"volume": 3.0, "frequency": 2.0 + 0.1j, "plasma_frequency": 5.0}
    plane = currents.plane_wave_coupling(k1, k2, q, **arguments)
    assert currents.bloch_coupling(k1, k2, q, lambda k: k, **arguments) == pytest.approx(plane)


def test_currents_of_ions():
    """The coupling of an ion (Z, M) and an electron is −Z m/M of that of two electrons."""
    rng = np.random.default_rng(1)
    k1, k2, q = rng.standard_normal((3, 3))
    charge, mass = 3.0, 2e4
    velocities = (lambda k: k, lambda k: k / mass)
    mixed = currents.bloch_coupling(k1, k2, q, velocities, volume=1.0, charges=(-1, charge))
    plane = currents.plane_wave_coupling(k1, k2, q, volume=1.0)
    assert mixed == pytest.approx(-charge / mass * plane, rel=1e-12)
    ions = currents.bloch_coupling(
        k1, k2, q, lambda k: k / mass, volume=1.0, charges=(charge, charge)
    )
    assert ions == pytest.approx((charge / mass) ** 2 * plane, rel=1e-12)


def test_bloch_current_conserves_charge():
    """Continuity: q·j(q) = Q(ε_{k+q} − ε_k)/√𝒱 for parabolic bands, to third order for others."""
    k, direction = np.array([0.3, -0.4, 0.8]), np.array([0.2, 0.7, -0.5])

    def missed(energy, velocity, q):
        j = currents.bloch_current(k, q, velocity, volume=4.0, charge=2.0)
        return q @ j - (energy(k + q) - energy(k))

    def parabola(k):
        return k @ k / 2

    def cosines(k):
        return -np.cos(k).sum()

    assert abs(missed(parabola, lambda k: k, direction)) < 1e-14
    errors = [abs(missed(cosines, np.sin, x * direction)) for x in (0.2, 0.1, 0.05)]
    assert errors[0] / errors[1] == pytest.approx(8, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(8, rel=0.1)


def test_only_the_current_across_q_interacts():
    """A velocity along q does not change the coupling."""
    k1, k2, q = [1, 0.2, 0], [0.4, 1, 0.3], np.array([0.1, 0.2, -0.4])
    for added in (0.0, 0.5, 3.0):
        found = currents.bloch_coupling(k1, k2, q, lambda k, a=added: np.sin(k) + a * q, volume=1.0)
        plain = currents.bloch_coupling(k1, k2, q, np.sin, volume=1.0)
        assert found == pytest.approx(plain, rel=1e-12)


def test_static_phonon_coupling_is_the_energy_of_a_distorted_lattice():
    """One ion of mass M on a spring: a force F lowers the energy by F²/2Mω²; g_λ and g_p agree.

    With the paper's g_λ, without the 2, it would be twice as much.
    """
    q, omega, mass, potential = np.array([0.3, 0.4, 1.2]), 0.02, 900.0, -0.35
    direction = np.array([1.0, 1.0, 2.0]) / np.sqrt(6)
    g = currents.phonon_matrix_element(q, direction, omega, potential, ion_mass=mass)
    force = (q @ direction) * potential
    expected = -(force**2) / (2 * mass * omega**2)
    assert currents.phonon_coupling(g, omega, ions=1) == pytest.approx(expected, rel=1e-12)
    # and by the levels of the displaced oscillator
    b = qutip.destroy(60)
    ground = (omega * b.dag() * b + g * (b + b.dag())).eigenenergies()[0]
    assert ground == pytest.approx(expected, rel=1e-9)
    # whose displacement operator is √(1/2Mω)(b + b†)
    x = np.sqrt(1 / (2 * mass * omega)) * (b + b.dag())
    p = 1j * np.sqrt(mass * omega / 2) * (b.dag() - b)
    oscillator = p * p / (2 * mass) + 0.5 * mass * omega**2 * x * x
    np.testing.assert_allclose(oscillator.diag()[:9].real, omega * (np.arange(9) + 0.5), rtol=1e-12)


def test_phonons_in_imaginary_time():
    """∫₀^β dτ g_p(q, τ)e^{iντ} = g_p(q, iν), summed over branches."""
    g, energies, temperature = [0.3, 0.2 + 0.1j], [0.5, 0.9], 0.4
    for n in (0, 2):
        nu = 2 * np.pi * n * temperature

        def part(tau, nu=nu):
            found = currents.phonon_coupling(g, energies, ions=7, tau=tau, temperature=temperature)
            return found * np.cos(nu * tau)

        found = quad(part, 0, 1 / temperature, epsabs=1e-13)[0]
        expected = currents.phonon_coupling(g, energies, ions=7, energy=1j * nu)
        assert found == pytest.approx(expected, rel=1e-10)


def test_ratio_of_ampere_and_phonon_coupling_in_a_cooper_pair():
    """ḡ_J/ḡ_p of eq. (32) is α₁: V_J at q → 0 gives E_F/N, phonons give g²/Nħω."""
    electrons, volume, kf, g, phonon = 50.0, 300.0, 0.9, 0.03, 0.004
    omega = currents.plasma_frequency(electrons / volume, units="atomic")
    across, small = np.array([kf, 0, 0]), np.array([0, 0, 1e-9])
    ampere = currents.bloch_coupling(
        across, -across, small, lambda k: k, volume=volume, plasma_frequency=omega
    )
    phonons = currents.phonon_coupling(g, phonon, ions=50)
    assert ampere > 0 > phonons
    expected = currents.phonon_ratio(kf**2 / 2, phonon, g).printed
    assert -ampere / phonons == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: currents.coulomb_kernel(0.0), "q must be positive"),
        (lambda: currents.imaginary_time_kernel(0.0, 0.1, 1.0), "plasma_frequency is 0"),
        (lambda: currents.time_kernel(-1.0, 0.1), "q must not be negative"),
        (lambda: currents.time_kernel([1.0, 2], [0.1, 0.2, 0.3]), "must broadcast"),
        (
            lambda: currents.phonon_coupling(1.0, 0.2, ions=1, energy=0.2),
            "must not equal that of a",
        ),
        (lambda: currents.phonon_coupling(1.0, 0.2, ions=1, energy=0.1, tau=1), "exclude"),
        (
            lambda: currents.phonon_coupling(1.0, 0.2, ions=1, temperature=1),
            "temperature must be 0 without tau",
        ),
        (
            lambda: currents.bloch_coupling([1, 0, 0], [1, 0, 0], [0, 0, 0], abs, volume=1.0),
            "q must not be the zero vector",
        ),
        (
            lambda: currents.bloch_current([200, 0, 0], [1, 0, 0], lambda k: k, volume=1.0),
            r"velocity at k = \[200.0, 0.0, 0.0\] must be slower than light",
        ),
    ],
)
def test_diverging_and_contradictory_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
