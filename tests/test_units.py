"""Conversions from SI units, atomic units and the conventions of CollectiveSpins.jl."""

import numpy as np
import pytest
import qutip
from scipy import constants

import collective as co


def test_frequency_of_rubidium():
    found = co.units.natural_frequency(780.241e-9, 2 * np.pi * 6.0666e6)
    np.testing.assert_allclose(found, 384.2305e12 / 6.0666e6, rtol=1e-5)
    with pytest.raises(ValueError, match="linewidth must be above 0"):
        co.units.natural_frequency(780e-9, 0)


@pytest.mark.parametrize(
    ("name", "frequency", "lifetime"),
    [
        ("Na23 D2", 508.8487162e12, 16.2492e-9),
        ("Rb87 D1", 377.1074635e12, 27.679e-9),
        ("Rb87 D2", 384.2304844685e12, 26.2348e-9),
        ("Cs133 D1", 335.1160488e12, 34.791e-9),
        ("Cs133 D2", 351.7257185e12, 30.405e-9),
    ],
)
def test_lines_agree_with_the_tabulated_frequencies_and_lifetimes(name, frequency, lifetime):
    from scipy.constants import speed_of_light

    line = co.units.atom(name)
    np.testing.assert_allclose(speed_of_light / line.wavelength, frequency, rtol=1e-8)
    np.testing.assert_allclose(1 / line.linewidth, lifetime, rtol=2e-3)
    np.testing.assert_allclose(line.frequency, 2 * np.pi * frequency * lifetime, rtol=2e-3)
    assert "Steck" in line.source


MASS, TRAP = 86.909 * constants.atomic_mass, 2 * np.pi * 80e3  # rubidium 87


def test_trap_width_has_the_limits_of_zero_point_motion_and_of_equipartition():
    np.testing.assert_allclose(
        co.units.trap_width(MASS, TRAP) ** 2, constants.hbar / (2 * MASS * TRAP), rtol=1e-14
    )
    hot = 1e-3  # K, where ħω/k_BT is 4e-3: the next term of coth is a 12th of its square
    np.testing.assert_allclose(
        co.units.trap_width(MASS, TRAP, hot) ** 2,
        constants.Boltzmann * hot / (MASS * TRAP**2),
        rtol=2e-6,
    )
    coldest = co.units.trap_width(MASS, TRAP, 5e-324)
    assert coldest == co.units.trap_width(MASS, TRAP)


def test_trap_width_is_the_thermal_mean_over_the_levels_of_the_oscillator():
    temperature = 3e-6
    n = np.arange(2000)
    weights = np.exp(-constants.hbar * TRAP * n / (constants.Boltzmann * temperature))
    mean = weights @ (2 * n + 1) / weights.sum() * constants.hbar / (2 * MASS * TRAP)
    widths = co.units.trap_width(MASS, [TRAP, 2 * TRAP], temperature)
    np.testing.assert_allclose(widths[0] ** 2, mean, rtol=1e-12)
    assert widths[1] < widths[0]
    assert np.ndim(co.units.trap_width(MASS, TRAP)) == 0


def test_impossible_traps_are_refused():
    with pytest.raises(ValueError, match="mass must be above 0"):
        co.units.trap_width(0, TRAP)
    with pytest.raises(ValueError, match="frequency must be at least 1e-100 s⁻¹, got -1"):
        co.units.trap_width(MASS, [TRAP, -1.0])
    with pytest.raises(ValueError, match="temperature must not be negative"):
        co.units.trap_width(MASS, TRAP, -1e-6)


def test_unknown_lines_are_refused_with_near_names():
    with pytest.raises(ValueError, match=r"is not in the table\. The table has Li6 D1"):
        co.units.atom("H Lyman-α")
    with pytest.raises(ValueError, match="Did you mean 'Rb87 D2' or 'Rb87 D1'"):
        co.units.atom("Rb87")
    with pytest.raises(ValueError, match='name must be a name such as "Rb87 D2", got 87'):
        co.units.atom(87)
    for name in ("rb87 d2", "Rb-87 D2", "RB87D2"):
        assert co.units.atom(name) == co.units.atom("Rb87 D2")
    assert co.units.atom("sr88 689") == co.units.atom("Sr88 689 nm")


# splittings of neighbouring hyperfine levels in MHz, by rising F, as the sources list them
SPLITTINGS = [
    ("Rb87 D2", "ground", [6834.682610904], 1e-8),
    ("Rb87 D2", "excited", [72.2180, 156.9470, 266.6500], 0.01),
    ("Rb85 D2", "ground", [3035.732439], 1e-6),
    ("Rb85 D2", "excited", [29.372, 63.401, 120.640], 0.01),
    ("Cs133 D2", "ground", [9192.631770], 1e-8),
    ("Cs133 D2", "excited", [151.2247, 201.2871, 251.0916], 0.01),
    ("Cs133 D1", "excited", [1167.680], 0.01),
    ("Na23 D2", "ground", [1771.6261288], 1e-6),
    ("Na23 D2", "excited", [15.810, 34.344, 58.326], 0.01),
    ("Li6 D2", "ground", [228.20526], 1e-4),
    ("Li7 D2", "ground", [803.5040866], 1e-6),
    ("K39 D2", "ground", [461.7197202], 1e-6),
    ("K40 D2", "ground", [-1285.7886], 1e-3),
    # of each level the three energies, and so A and B, follow from two measured splittings
    ("Sr87 689 nm", "excited", [-1130.26, -1463.15], 0.02),
    ("Sr87 461 nm", "excited", [-60.0, 17.0], 1.0),
    ("Yb171 556 nm", "excited", [5936.67], 0.01),
    ("Yb171 399 nm", "excited", [-321.26], 0.01),
    ("Yb173 556 nm", "excited", [-1495.87, -4698.12], 0.01),
]


@pytest.mark.parametrize(("name", "side", "splittings", "tolerance"), SPLITTINGS)
def test_hyperfine_splittings_agree_with_the_sources(name, side, splittings, tolerance):
    line = co.units.atom(name)
    energies = [line.hyperfine_shift(side, f) / 1e6 for f in line.momenta(side)]
    np.testing.assert_allclose(np.diff(energies), splittings, atol=tolerance)
    weights = 2 * np.array(line.momenta(side)) + 1
    assert abs(weights @ energies) < 1e-6 * np.abs(energies).max()  # the centre does not move


# energies of the upper levels in cm⁻¹ (NIST, natural mixture), measured lifetimes in µs
LEVELS = [
    ("Sr88 461 nm", 21698.452, 5.216e-3),
    ("Sr88 689 nm", 14504.338, 21.28),
    ("Sr87 689 nm", 14504.336, 21.28),
    ("Yb174 399 nm", 25068.222, 5.464e-3),
    ("Yb174 556 nm", 17992.007, 0.875),
    ("Er168 401 nm", 24943.272, None),
    ("Er168 583 nm", 17157.307, None),
    ("Er168 841 nm", 11887.503, 20.0),
    ("Dy164 421 nm", 23736.610, None),
    ("Dy164 626 nm", 15972.35, None),
    ("Dy164 741 nm", 13495.92, 89.3),
    ("Li6 D2", 14903.633, 27.102e-3),
    ("K39 D2", 13042.8955, 26.37e-3),
]


@pytest.mark.parametrize(("name", "wavenumber", "lifetime"), LEVELS)
def test_lines_agree_with_energy_levels_and_lifetimes(name, wavenumber, lifetime):
    line = co.units.atom(name)
    assert abs(line.wavelength - 0.01 / wavenumber) < max(2 * line.wavelength_error, 2e-13)
    if lifetime:
        assert line.linewidth * lifetime * 1e-6 == pytest.approx(1, abs=0.006)


# the unit of A of a nucleus is g_I: two isotopes differ in A by the ratio of their g_I, and by the
# hyperfine anomaly, which is below 1 % (and by the errors of A of the line at 399 nm)
@pytest.mark.parametrize(("line", "tolerance"), [("556 nm", 0.005), ("399 nm", 0.012)])
def test_hyperfine_constants_of_isotopes_have_the_ratio_of_their_moments(line, tolerance):
    one, other = (co.units.atom(f"{isotope} {line}") for isotope in ("Yb171", "Yb173"))
    constants_ratio = one.excited.magnetic_dipole / other.excited.magnetic_dipole
    moments = one.nuclear_g_factor / other.nuclear_g_factor
    assert constants_ratio == pytest.approx(moments, rel=tolerance)


def test_nuclear_spins_split_the_ground_level_of_strontium_and_ytterbium():
    """Shifts between neighbouring m in Hz per gauss, from moments in nuclear magnetons."""
    magneton = constants.value("nuclear magneton in MHz/T") * 100
    moments = (("Sr87", 4.5, -1.09316), ("Yb171", 0.5, 0.4923), ("Yb173", 2.5, -0.678))
    for isotope, spin, moment in moments:
        line = co.units.atom(f"{isotope} {'689' if isotope == 'Sr87' else '556'}")
        electron = constants.value("Bohr magneton in Hz/T") * 1e-4
        found = line.g_factor("ground", spin) * electron
        assert found == pytest.approx(-moment / spin * magneton, rel=1e-5)


def test_strontium_87_is_shifted_against_strontium_88():
    """The centres of gravity at 689 nm are 62.2 MHz apart."""
    one, other = (
        constants.speed_of_light / co.units.atom(f"Sr{mass} 689").wavelength for mass in (87, 88)
    )
    assert (other - one) / 1e6 == pytest.approx(62.18, abs=0.05)


def test_lines_are_made_of_levels():
    upper = co.units.Level(1, g_factor=1.5)
    line = co.units.Line("mine", 5e-7, 1e7, ground=co.units.Level(0), excited=upper)
    assert line.level("excited") is upper
    assert line.g_factor("ground", 0) == 0
    assert line.g_factor("excited", 1) == 1.5
    assert repr(line).splitlines()[1:] == [
        "  wavelength  500 nm",
        "  linewidth   2π·1.59154943092 MHz",
        "  source      –",
    ]
    assert len({co.units.atom("Rb87 D2"), co.units.atom("rb87 d2"), line}) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: co.units.Level(0.7), "momentum must be a multiple of 1/2, got 0.7"),
        (lambda: co.units.Level(-1), "momentum must not be negative"),
        (lambda: co.units.Level(51), "momentum must be at most 50"),
        (lambda: co.units.Line("x", 0, 1e6), "wavelength must be above 0"),
        (lambda: co.units.Line("x", 1e-6, 1e6, ground=co.units.Level(0)), "excited is missing"),
        (lambda: co.units.Line("x", 1e-6, 1e6).momenta("ground"), "line 'x' has no levels"),
        (lambda: co.units.atom("Rb87 D2").momenta("upper"), "side must be one of 'ground'"),
        (
            lambda: co.units.atom("Rb87 D2").g_factor("ground", 3),
            "momentum must be one of 1, 2 in the ground level, got 3",
        ),
    ],
)
def test_impossible_lines_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_collective_spins_matrices():
    """Γ = 3/2·F and Ω = 3/4·G, from the documentation of CollectiveSpins.jl, in two orientations."""
    for cos in (0.0, 1.0):
        xi = 2 * np.pi * 0.18
        alpha, beta = 1 - cos**2, 1 - 3 * cos**2
        f = alpha * np.sin(xi) / xi + beta * (np.cos(xi) / xi**2 - np.sin(xi) / xi**3)
        g = -alpha * np.cos(xi) / xi + beta * (np.sin(xi) / xi**2 + np.cos(xi) / xi**3)
        theirs = co.units.from_collective_spins(
            0.75 * g * np.array([[0, 1], [1, 0]]), np.array([[1, 1.5 * f], [1.5 * f, 1]]), delta=2
        )
        dipole = (np.sqrt(alpha), 0, cos)
        ours = co.couple(co.chain(2, 0.18, dipoles=dipole), co.Vacuum())
        converted = co.Couplings(**theirs)
        np.testing.assert_allclose(converted.decay, ours.decay, atol=1e-13)
        np.testing.assert_allclose(converted.shift, ours.shift, atol=1e-13)
        np.testing.assert_array_equal(converted.detunings, 2)


def test_julia_density_matrices():
    """In QuantumOptics.jl, tensor(a, b, c) is stored as kron(c, b, a)."""
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((2, 2)) for _ in range(3)]
    theirs = np.kron(factors[2], np.kron(factors[1], factors[0]))
    ours = co.units.density_matrix_from_julia(theirs)
    np.testing.assert_allclose(ours, qutip.tensor([qutip.Qobj(f) for f in factors]).full())
    np.testing.assert_array_equal(co.units.density_matrix_from_julia(ours), theirs)
    with pytest.raises(ValueError, match=r"matrix must have shape \(2\^N, 2\^N\)"):
        co.units.density_matrix_from_julia(np.eye(3))


@pytest.mark.parametrize(("phi", "theta"), [(0.0, 0.0), (0.4, 1.1), (2.0, np.pi)])
def test_bloch_angles_give_the_same_state(phi, theta):
    """The state in CollectiveSpins.jl is cos(θ/2)|1⟩ + e^{iφ}sin(θ/2)|2⟩; |1⟩ is the upper level."""
    theirs = np.array([np.cos(theta / 2), np.exp(1j * phi) * np.sin(theta / 2)])
    ours = co.states.coherent(*co.units.bloch_angles_from_collective_spins(phi, theta))
    rho = co.states.density_matrix(ours, co.Couplings([[1]], [[0]]))
    np.testing.assert_allclose(rho.full(), np.outer(theirs, theirs.conj()), atol=1e-15)


def test_conversion_from_atomic_units():
    assert co.units.from_atomic(1.0, "eV") == pytest.approx(27.211386245981)
    assert co.units.from_atomic([2.0], "meV")[0] == pytest.approx(54422.772491962)
    assert co.units.from_atomic(1.0, "nm") == pytest.approx(0.0529177210544)
    # h/E of the hartree is 2π atomic units of time
    period = 2 * np.pi * co.units.from_atomic(1.0, "s")
    assert co.units.from_atomic(1.0, "Hz") * period == pytest.approx(1)
    assert co.units.from_atomic(1.0, "K") == pytest.approx(315775.02480398)
    with pytest.raises(ValueError, match="unit must be one of"):
        co.units.from_atomic(1.0, "ft")


def test_linewidths_from_dipoles():
    """Hydrogen 2p–1s: ⟨1s|z|2p⟩ = 2^7.5/3^5 bohr, and 6.2649e8 s⁻¹ in the tables of NIST."""
    from scipy.constants import elementary_charge, physical_constants

    bohr = physical_constants["Bohr radius"][0]
    reduced = 1 + physical_constants["electron-proton mass ratio"][0]
    dipole = 2**7.5 / 3**5 * elementary_charge * bohr * reduced
    found = co.units.linewidth(dipole, 121.567e-9)
    np.testing.assert_allclose(found, 6.2649e8, rtol=2e-4)
    # Steck: 2.98931 e a₀ and 2π·6.0666 MHz for the closed transition of the rubidium D2 line
    rubidium = co.units.linewidth(2.98931 * elementary_charge * bohr, 780.241209686e-9)
    np.testing.assert_allclose(rubidium / (2 * np.pi), 6.0666e6, rtol=1e-3)
    vectors = dipole * np.array([[0, 0, 1], [0.6, 0, 0.8j]])
    np.testing.assert_allclose(co.units.linewidth(vectors, 121.567e-9), found, rtol=1e-12)
    halves = co.units.linewidth(vectors, [121.567e-9, 2 * 121.567e-9])
    np.testing.assert_allclose(halves, [found, found / 8], rtol=1e-12)


def test_linewidths_of_magnetic_dipoles():
    """Γ of m = d·c is that of the electric dipole d: the wave impedance of vacuum."""
    from scipy.constants import c

    electric = co.units.linewidth(1e-29, 600e-9)
    np.testing.assert_allclose(
        co.units.linewidth(1e-29 * c, 600e-9, kind="magnetic"), electric, rtol=1e-9
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1e-29, 0], 6e-7), r"shape \(\.\.\., 3\), got \(2,\)"),
        ((1e-29, 0.0), "wavelength must be above 0, got 0"),
        (([[1e-29, 0, 0]] * 2, [6e-7] * 3), "does not fit dipoles"),
        ((np.nan, 6e-7), "dipole"),
    ],
)
def test_bad_dipoles_and_wavelengths(arguments, message):
    with pytest.raises(ValueError, match=message):
        co.units.linewidth(*arguments)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((10, 6e-7), "electric", r"a component of 10, .* Multiply debye"),
        (([[0, 1, 0]], 6e-7), "magnetic", r"a component of 1, .* Multiply Bohr magnetons"),
        ((1e-29, [6e-7, 600]), "electric", r"wavelength: 600 m .* in metres\?"),
    ],
)
def test_other_units_than_si_are_asked_about(arguments, kind, message):
    with pytest.warns(co.UnitWarning, match=message):
        co.units.linewidth(*arguments, kind=kind)


def test_a_debye():
    """10⁻¹⁸ statcoulomb centimetres."""
    np.testing.assert_allclose(co.units.debye, 3.33564e-30, rtol=1e-6)
