"""Principal values, imaginary-axis integrals and baths, against closed forms and references."""

import warnings

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multilevels import GOLDEN, flip, golden_pair, number, random_multilevel, vector

import collective as co
from collective import spectral
from collective.spectral import sources
from collective.spectral.averages import lorentzian_averages, matsubara_sums

VACUUM = co.Vacuum()


def vacuum_density(omega, r, a, b):
    """J of two dipoles in vacuum, odd in ω."""
    eta = omega * r
    common = eta * np.cos(eta) - np.sin(eta)
    square = eta**2 * np.sin(eta)
    return (a * (square + common) - 3 * b * (square / 3 + common)) / (2 * np.pi * r**3)


@pytest.mark.parametrize("name", [n for n in GOLDEN["dipoles"] if n != "complex_detuned"])
def test_shift_from_the_principal_value(name):
    """K from an Abel sum over J on the real axis agrees with the reference numbers."""
    g = GOLDEN["dipoles"][name]
    m1, m2, r = vector(g["m1"]).real, vector(g["m2"]).real, np.array([float(x) for x in g["r"]])
    distance = np.linalg.norm(r)
    a, b = m1 @ m2, (m1 @ r) * (m2 @ r) / distance**2
    for which in "12":
        found = spectral.principal_value(
            lambda w: vacuum_density(w, distance, a, b),
            float(g[f"Omega{which}"]),
            period=2 * np.pi / distance,
        )
        assert abs(found - number(g[f"K_O{which}"]).real) < 1e-6 * max(abs(a), abs(b))


def test_half_range_shift_from_the_principal_value():
    """S(ω) at T = 0 from J θ(ω), by the same quadrature over half the axis."""
    g = GOLDEN["dipoles"]["generic_real_detuned"]
    m1, m2, r = vector(g["m1"]).real, vector(g["m2"]).real, np.array([float(x) for x in g["r"]])
    distance = np.linalg.norm(r)
    a, b = m1 @ m2, (m1 @ r) * (m2 @ r) / distance**2
    for omega in (0.7, -0.7):
        found = spectral.principal_value(
            lambda w: (w > 0) * vacuum_density(w, distance, a, b),
            omega,
            period=2 * np.pi / distance,
        )
        assert abs(found - number(GOLDEN["S_half"][f"w={omega},T=0"]).real) < 1e-6


@pytest.mark.parametrize("key", GOLDEN["S_half"])
def test_half_range_shift_against_reference_numbers(key):
    omega, temperature = (float(part.split("=")[1]) for part in key.split(","))
    pair, _ = golden_pair("generic_real_detuned")
    g = GOLDEN["dipoles"]["generic_real_detuned"]
    found = spectral.bath(pair, VACUUM, temperature).shift(omega)[:3, 3:]
    value = vector(g["m1"]).real @ found @ vector(g["m2"]).real
    assert abs(value - number(GOLDEN["S_half"][key]).real) < 1e-10


@pytest.mark.parametrize("temperature", [0.0, 1e-6, 3e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("omega", [0.0, 0.02, 0.7, 3.0])
def test_sum_of_half_range_shifts_is_the_shift(temperature, omega):
    pair, _ = golden_pair("generic_real_detuned")
    found = spectral.bath(pair, VACUUM, temperature)
    _, shift = spectral.decay_and_shift(pair, VACUUM, 0, 1, np.array(omega))
    total = found.shift(omega) + found.shift(-omega)
    np.testing.assert_allclose(total[:3, 3:], shift, atol=1e-12)
    np.testing.assert_allclose(total, total.T, atol=1e-14)
    np.testing.assert_array_equal(total[:3, :3], 0)


def test_half_range_shift_is_continuous_at_low_temperature(monkeypatch):
    """The Matsubara sum and its integral agree; T → 0 gives the zero-temperature formula."""
    pair, _ = golden_pair("generic_real_detuned")
    summed = spectral.bath(pair, VACUUM, 2e-3).shift(0.7)
    monkeypatch.setattr(sources, "_COLD", 1.0)
    integrated = spectral.bath(pair, VACUUM, 2e-3).shift(0.7)
    np.testing.assert_allclose(integrated, summed, atol=1e-9)
    frozen = spectral.bath(pair, VACUUM, 1e-9).shift(0.7)
    np.testing.assert_allclose(frozen, spectral.bath(pair, VACUUM).shift(0.7), atol=1e-12)


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5]))
def test_thermal_rates_are_positive_and_obey_detailed_balance(seed, temperature):
    """γ ⪰ 0, detailed balance, J = γ(ω) − γ(−ω), and the block k³/3π of one emitter in vacuum."""
    system = random_multilevel(seed, (2, 2))
    found = spectral.bath(system, VACUUM, temperature)
    omega = 1.3
    up, down = found.gamma(omega), found.gamma(-omega)
    assert np.linalg.eigvalsh(up)[0] > -1e-12
    np.testing.assert_allclose(down, up * (np.exp(-omega / temperature) if temperature else 0))
    np.testing.assert_allclose((up - down)[:3, :3], omega**3 / (3 * np.pi) * np.eye(3))
    np.testing.assert_allclose(found.gamma(0.0), 0, atol=1e-20)


@pytest.mark.parametrize("kind", [co.Vacuum(), co.Plasma(0.8)])
def test_green_tensor_obeys_kramers_kronig(kind):
    """Kramers–Kronig: −½ Re F at ω equals the principal value of its imaginary part."""
    pair, _ = golden_pair("generic_real_detuned")
    distance = float(np.linalg.norm(pair.positions[0]))

    def density(w):
        if abs(w) in (0.0, 0.8):
            return np.zeros((3, 3))
        return spectral.decay_and_shift(pair, kind, 0, 1, np.array(w))[0]

    breakpoints = (0.0, 0.8, -0.8) if isinstance(kind, co.Plasma) else (0.0,)
    found = spectral.principal_value(
        density, 1.1, period=2 * np.pi / distance, breakpoints=breakpoints
    )
    expected = spectral.decay_and_shift(pair, kind, 0, 1, np.array(1.1))[1]
    np.testing.assert_allclose(found, expected, atol=2e-5 if len(breakpoints) > 1 else 1e-7)


def test_green_on_the_imaginary_axis():
    """Against mpmath's e^{ikr}/4πr at k = iκ, and G(−k*) = G*(k) makes it real."""
    r, kappa = np.array([0.3, -0.2, 0.5]), 1.7
    distance = np.linalg.norm(r)
    green = VACUUM.green(r, [0, 0, 0], 1j * kappa)
    assert not np.any(green.imag)
    k = mpmath.mpc(0, kappa)
    x = k * distance
    wave = mpmath.exp(1j * x) / (4 * mpmath.pi * distance)
    one = complex(wave * (1 + 1j / x - 1 / x**2))
    both = complex(wave * (-1 - 3j / x + 3 / x**2))
    expected = one * np.eye(3) + both * np.outer(r, r) / distance**2
    np.testing.assert_allclose(green, expected, rtol=1e-13)
    np.testing.assert_array_equal(VACUUM.green(r, r, 1j), 0)
    np.testing.assert_allclose(
        VACUUM.magnetic_green(r, [0, 0, 0], 1j * kappa), -(kappa**2) * green, rtol=1e-14
    )


def test_plasma_below_and_far_above_its_frequency():
    r = np.array([0.3, -0.2, 0.5])
    plasma = co.Plasma(2.0)
    np.testing.assert_allclose(
        plasma.green(r, [0, 0, 0], 1.2), VACUUM.green(r, [0, 0, 0], 1.6j), rtol=1e-14
    )
    far = np.sqrt(1e4 + 4)
    np.testing.assert_allclose(
        plasma.green(r, [0, 0, 0], far), VACUUM.green(r, [0, 0, 0], 100.0), rtol=1e-9
    )
    # at the plasma frequency magnetic dipoles see the static field
    at = plasma.magnetic_green(r, [0, 0, 0], 2.0)
    below = plasma.magnetic_green(r, [0, 0, 0], 2.0 * (1 - 1e-12))
    np.testing.assert_allclose(at, below, rtol=1e-9)


def test_user_defined_baths():
    g, mode, kappa = np.array([0.3, 0.2]), 1.5, 0.4

    def gamma(w):
        return np.outer(g, g) * kappa / ((w - mode) ** 2 + kappa**2 / 4)

    numeric = spectral.Bath(gamma)
    closed = np.outer(g, g) * (0.8 - mode) / ((0.8 - mode) ** 2 + kappa**2 / 4)
    np.testing.assert_allclose(numeric.shift(0.8), closed, atol=1e-9)

    def ohmic(w):
        return np.array([[w * np.exp(-w)]])

    warm = spectral.Bath.from_spectral_density(ohmic, 0.7)
    np.testing.assert_allclose(warm.gamma(0.0), 0.7, rtol=1e-5)
    np.testing.assert_allclose(warm.gamma(-1.1), warm.gamma(1.1) * np.exp(-1.1 / 0.7))
    cold = spectral.Bath.from_spectral_density(ohmic)
    with mpmath.workdps(20):
        expected = mpmath.quad(
            lambda s: (
                ((0.5 - s) * mpmath.exp(s - 0.5) * (s < 0.5) - (0.5 + s) * mpmath.exp(-s - 0.5)) / s
            ),
            [0, 0.5, 2, 10, 60],
        ) / (2 * mpmath.pi)
    np.testing.assert_allclose(cold.shift(0.5), float(expected), atol=1e-8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: spectral.bath(golden_pair("real_par")[0], VACUUM, -1.0),
            "temperature must not be",
        ),
        (
            lambda: spectral.bath(golden_pair("real_par")[0], VACUUM, 1e80),
            "below 1e.60 in units of rate",
        ),
        (lambda: spectral.Bath(3), "gamma must be a function"),
        (lambda: spectral.principal_value(np.cos, 1.0, breakpoints=None), "breakpoints must be"),
        (lambda: spectral.principal_value(lambda w: np.inf, 1.0), "function is not finite near"),
        (lambda: spectral.principal_value(np.sin, 1.0, period=-1), "period must be above 0"),
        (lambda: VACUUM.green([0, 0, 1], [0, 0, 0], 1 + 1j), "k must be positive, or i times"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("omega", "temperature", "r", "odd"),
    [(1e-3, 1.0, 1.0, -3.350990e-5), (1e-3, 1e5, 0.01, -397.89)],
)
def test_half_range_shift_at_high_temperature(omega, temperature, r, odd):
    """The odd part of S for T ≫ ω, from 40-digit quadrature: F(0) must cancel K there."""
    pair = co.Multilevel([[0, 0, r], [0, 0, 0]], [[1.0, 0]] * 2, [flip(), flip()])
    found = spectral.bath(pair, VACUUM, temperature)
    value = (found.shift(omega) - found.shift(-omega))[0, 3]
    assert min(abs(value - odd), abs(value / 2 - odd)) < 1e-4 * abs(odd)


def test_complex_spectral_densities_obey_detailed_balance():
    """γ_ab(−ω) = e^{−ω/T}γ_ba(ω): the transpose matters for a complex Hermitian J."""

    def density(w):
        return 0.02 * w * np.exp(-w) * np.array([[1, 0.8j], [-0.8j, 1]])

    found = spectral.Bath.from_spectral_density(density, 0.7)
    np.testing.assert_allclose(
        found.gamma(-1.1), np.exp(-1.1 / 0.7) * found.gamma(1.1).T, rtol=1e-12
    )
    np.testing.assert_allclose(found.gamma(0.0), 0.7 * density(1e-9) / 1e-9, rtol=1e-6)


@settings(max_examples=12)
@given(st.floats(0.2, 3.0), st.floats(-3.0, 3.0), st.floats(0.3, 3.0), st.sampled_from([0, 1, 2]))
def test_abel_sums_estimate_their_error(distance, omega, share, power):
    """P∫ of ω^n sin(ωr + …): right to 10⁻⁷, or with a warning, or refused, for any period."""

    def density(w):
        return w**power * (np.sin if power % 2 == 0 else np.cos)(w * distance)

    partner = -np.cos(omega * distance) if power % 2 == 0 else np.sin(omega * distance)
    expected = omega**power * partner / 2
    period = share * 2 * np.pi / distance
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            found = spectral.principal_value(density, omega, period=period)
        except ValueError as error:
            refused = str(error)
        else:
            refused = ""
    if refused:
        assert "known only to" in refused
        assert abs(share - 1) > 0.3  # a period that is off by a third is still accepted
        return
    size = max(abs(omega) ** power, (1 / distance) ** power)
    assert abs(found - expected) < (1e-2 if warned else 1e-7) * size


@pytest.mark.parametrize("share", [0.1, 0.5, 2.0, 4.0])
def test_a_wrong_period_is_refused(share):
    """Twice the true period samples every oscillation at the same phase and would give 73."""
    with pytest.raises(ValueError, match=r"known only to .* of .*: check that the period is"):
        spectral.principal_value(lambda w: w**2 * np.sin(3 * w), 1.0, period=share * 2 * np.pi / 3)


@pytest.mark.parametrize("width", [0.3, 0.05, 0.01])
@pytest.mark.parametrize("period", [0.4, 2.0, 10.0])
def test_narrow_lines_within_a_period(width, period):
    """A Lorentzian at a breakpoint, narrower than a period or not: accurate, or with a warning."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = spectral.principal_value(lambda w: 1 / (w**2 + width**2), 0.3, period=period)
    expected = 0.3 / (2 * width * (0.09 + width**2))
    np.testing.assert_allclose(found, expected, rtol=1e-3 if warned else 1e-7)


def test_integral_above_its_tolerance_warns():
    """The tail of 1/ω² does not oscillate, so averages over periods converge slowly."""
    with pytest.warns(UserWarning, match=r"not to rtol=1e-09: check that the period is") as warned:
        spectral.principal_value(lambda w: 1 / (1 + w**2), 0.3, period=0.05)
    assert warned[0].filename == __file__
    with pytest.raises(ValueError, match="not finite"):
        spectral.principal_value(lambda w: w, 1.0)


@given(st.integers(0, 10**6))
def test_lorentzian_averages_against_closed_forms(seed):
    """∫dκ e^{−κr} s/(κ² + s²)/π against Gauss panels and the closed form in Ci and Si."""
    from scipy.special import sici

    rng = np.random.default_rng(seed)
    r, s = 10 ** rng.uniform(-3, 2, 3), 10 ** rng.uniform(-3, 2, (2, 1))
    found = lorentzian_averages(
        lambda kappa: np.exp(-kappa * r), s, anchor=1.0, lowest=1 / r.max(), rtol=1e-10
    )
    sine, cosine = sici(r * s)
    closed = (cosine * np.sin(r * s) + (np.pi / 2 - sine) * np.cos(r * s)) / np.pi
    np.testing.assert_allclose(found, closed, rtol=1e-9)
    panels = spectral.imaginary_axis(
        lambda kappa: np.exp(-kappa * r) * s / (kappa**2 + s**2) / np.pi,
        float(s.max()), rtol=1e-11, atol=1e-14,
    )  # fmt: skip
    np.testing.assert_allclose(found, panels, rtol=1e-7, atol=1e-9)


def test_function_that_is_not_smooth_is_refused_or_warns():
    """A function that is not analytic is refused; small numerical noise gives a warning."""

    def average(noise):
        rng = np.random.default_rng(0)
        return lorentzian_averages(
            lambda kappa: np.exp(-kappa) * (1 + noise * rng.standard_normal()),
            1.0, anchor=1.0, lowest=1.0, rtol=1e-10,
        )  # fmt: skip

    smooth = average(0.0)
    with pytest.raises(ValueError, match=r"not smooth on the imaginary axis, .* known to"):
        average(0.3)
    with pytest.warns(
        UserWarning, match=r"not smooth on the imaginary axis, .* known to"
    ) as warned:
        found = average(1e-3)
    assert warned[0].filename == __file__
    assert abs(found - smooth) < 1e-3 * smooth
    np.testing.assert_allclose(average(1e-7), smooth, rtol=1e-6)  # squared, it is below rtol


@pytest.mark.parametrize("temperature", [1e-8, 3e-3, 0.2, 8.0])
def test_matsubara_sums_against_the_digamma_function(temperature):
    """Σ 2ω/(ω²+ν²) e^{−ν/Λ} agrees with the sum term by term."""
    omega, cutoff = 0.7, 0.05 if temperature < 1e-4 else 5.0
    spacing = 2 * np.pi * temperature
    found = matsubara_sums(lambda nu: np.array([np.exp(-nu / cutoff)]), spacing, omega, rtol=1e-11)
    if temperature < 1e-4:  # the integral, half the first term and its slope
        with mpmath.workdps(20):
            integral = mpmath.quad(
                lambda x: omega / (omega**2 + x**2) * mpmath.exp(-x / cutoff), [0, 0.1, 1, 4]
            )
        expected = float(integral) / spacing - 0.5 / omega + spacing / cutoff / omega / 12
    else:
        nu = spacing * np.arange(1, int(40 * cutoff / spacing) + 3)
        expected = np.sum(np.exp(-nu / cutoff) * omega / (omega**2 + nu**2))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6, 2.0**70])
def test_thermal_bath_does_not_depend_on_its_scale_argument(scale):
    """γ(1) = J(n + 1), γ(−1) = Jn and γ(0) = T·J'(0), also for a scale 10²¹ times too large."""
    bath = spectral.Bath.from_spectral_density(
        lambda w: np.array([[w / (w**2 + 0.25) ** 2]]), 0.5, scale=scale
    )
    density, photons = 1 / 1.25**2, 1 / np.expm1(2.0)
    assert bath.gamma(1.0)[0, 0] == pytest.approx(density * (photons + 1), rel=1e-12)
    assert bath.gamma(-1.0)[0, 0] == pytest.approx(density * photons, rel=1e-12)
    assert bath.gamma(0.0)[0, 0] == pytest.approx(0.5 / 0.25**2, rel=1e-6)


def test_frequencies_near_zero_give_the_static_limit():
    """J falls as k³, which is below the smallest double at k = 10⁻¹²⁰."""
    pair = co.Multilevel.from_emitters(co.chain(2, 0.1, frequency=1e6))
    static = spectral.static_tensor(pair, VACUUM, 0, 1)
    frequencies = [1e-300, -5e-324, 0.0, 1e-120]
    decay, shift = spectral.decay_and_shift(pair, VACUUM, 0, 1, frequencies)
    assert not np.any(decay)
    np.testing.assert_allclose(shift, np.broadcast_to(-static / 2, (4, 3, 3)), rtol=1e-9)
    for shape in ((0,), (0, 3), (2, 0)):
        decay, shift = spectral.decay_and_shift(pair, VACUUM, 0, 1, np.zeros(shape))
        assert decay.shape == shift.shape == (*shape, 3, 3)


def test_very_low_temperatures_agree_with_zero():
    atoms = co.Multilevel.from_emitters(co.chain(2, 0.1, frequency=10.0))
    cold = spectral.bath(atoms, VACUUM)
    for temperature in (5e-324, 1e-308, 1e-30):
        warm = spectral.bath(atoms, VACUUM, temperature)
        for omega in (10.0, -10.0):
            np.testing.assert_allclose(warm.gamma(omega), cold.gamma(omega), atol=1e-30)
            np.testing.assert_allclose(warm.shift(omega), cold.shift(omega), rtol=1e-9)


def test_principal_value_that_is_zero_needs_few_evaluations():
    """An even function at its centre, and at frequencies that are not distinguishable from it."""
    evaluated = []

    def even(omega):
        evaluated.append(omega)
        return 1 / (omega**2 + 0.25)

    for omega in (0.0, 5e-324, 1e-308):
        assert spectral.principal_value(even, omega) == pytest.approx(0.0, abs=1e-15)
    assert len(evaluated) < 10_000
