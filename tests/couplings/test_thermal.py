"""Emitters in thermal light, and magnetic dipoles, within the rotating-wave approximation."""

import numpy as np
import pytest
import qutip
import reference
from multilevels import Mirror

import collective as co
from collective import spectral

OMEGA = 1e6  # ω₀/Γ
TILTED = co.Emitters(
    [[0, 0, 0.07], [0.05, 0.02, 0.1]],
    dipoles=[[1, 0, 1j], [0, 1, 1]],
    decay_rates=[1.0, 2.0],
    frequency=OMEGA,
)
NO_JUMPS = co.Jumps(np.zeros(0, int), np.zeros(0), np.zeros(0, int), 1)


def in_rotating_frame(equation):
    """The Liouvillian of a master equation in the frame that rotates at ω₀."""
    hamiltonian = equation.hamiltonian() - qutip.Qobj(
        np.diag(equation.frame), dims=equation.hamiltonian().dims
    )
    return qutip.liouvillian(hamiltonian, equation.collapse_operators()).full()


@pytest.mark.parametrize("kind", ["electric", "magnetic"])
@pytest.mark.parametrize("temperature", [0.0, 0.3 * OMEGA, 20 * OMEGA])
@pytest.mark.parametrize("field", [co.Vacuum(), co.Plasma(3.0), Mirror()])
def test_couplings_and_the_rwa_master_equation_agree(field, kind, temperature):
    emitters = TILTED.replace(kind=kind)
    couplings = co.couple(emitters, field, temperature=temperature)
    equation = co.master_equation(emitters, field, approximation="rwa", temperature=temperature)
    ours, theirs = couplings.liouvillian().full(), in_rotating_frame(equation)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * np.abs(theirs).max())


def test_generator_in_thermal_light_is_the_double_sum():
    photons = 0.7
    couplings = co.couple(TILTED, co.Vacuum()).replace(thermal_photons=photons)
    expected = reference.generator_of(couplings)
    swap = np.arange(16).reshape(4, 4).T.ravel()  # QuTiP stacks columns
    np.testing.assert_allclose(
        couplings.liouvillian().full(), expected[np.ix_(swap, swap)], atol=1e-13
    )


def test_steady_state_has_the_temperature_of_the_light():
    """ρ ∝ e^{−ωn̂/T} for any Γ, as detailed balance requires."""
    couplings = co.couple(TILTED, co.Vacuum(), temperature=0.8 * OMEGA)
    ratio = np.exp(-1 / 0.8)
    single = np.array([ratio, 1]) / (1 + ratio)
    found = co.steady_state(couplings.replace(shift=0 * couplings.shift))
    np.testing.assert_allclose(found.diag(), np.kron(single, single), atol=1e-10)


def test_one_emitter_relaxes_at_the_thermal_rate():
    """ρ_ee decays at (2n̄ + 1)Γ to n̄/(2n̄ + 1), and emits at (n̄ + 1)Γ ρ_ee."""
    n, times = 0.5, np.linspace(0, 3, 7)
    atom = co.Couplings([[1.0]], [[0.0]], thermal_photons=n)
    result = co.evolve(atom, "inverted", times, progress=False)
    final = n / (2 * n + 1)
    excited = final + (1 - final) * np.exp(-(2 * n + 1) * times)
    np.testing.assert_allclose(result.populations[:, 0], excited, atol=1e-7)
    np.testing.assert_allclose(result.emission, (n + 1) * excited, atol=1e-7)


@pytest.mark.parametrize("n", [1e6, 1e15, 1e30])
def test_thermal_relaxation_with_many_photons(n):
    """The fastest rate is (2n̄ + 1)Γ; a negligible drive makes QuTiP integrate."""
    atom = co.Couplings([[1.0]], [[0.0]], thermal_photons=n, drive=0.01)
    times = np.linspace(0, 3, 7) / (2 * n + 1)
    result = co.evolve(atom, "inverted", times, envelope=lambda t: 1.0, progress=False)
    final = n / (2 * n + 1)
    excited = final + (1 - final) * np.exp(-(2 * n + 1) * times)
    np.testing.assert_allclose(result.populations[:, 0], excited, atol=1e-8)
    np.testing.assert_allclose(result.emission / n, excited, rtol=2 / n, atol=1e-8)


@pytest.mark.parametrize("temperature", [0.3, 3.0])
def test_scattered_thermal_light_shifts_levels(temperature):
    """S(ω) − S(−ω) from a principal value over real frequencies equals the Matsubara sum."""
    height, k0 = 0.11, 2 * np.pi
    atom = co.Emitters([[0, 0, height]], dipoles=(1, 0, 2), frequency=OMEGA)
    u = atom.dipoles[0]
    strength = 3 * np.pi / k0**3

    def gamma(omega):  # in units of ω₀
        if omega == 0:
            return 0.0
        k = abs(omega) * k0
        tensor = Mirror().scattered(atom.positions[0], atom.positions[0], k)
        density = np.sign(omega) * strength * 2 * k**2 * (u.conj() @ tensor.imag @ u).real
        return density / -np.expm1(-omega / temperature)

    period = 1 / (2 * height)  # 2πc/2h in units of ω₀

    def half_range(omega):
        marks = (0.0, 5 * temperature, 20 * temperature)
        return spectral.principal_value(gamma, omega, period=period, breakpoints=marks)

    expected = half_range(1.0) - half_range(-1.0)
    found = co.couple(atom, Mirror(), temperature=temperature * OMEGA).shift[0, 0]
    assert found == pytest.approx(expected, rel=1e-6)


def test_thermal_shift_at_low_and_high_temperature():
    """Cold light does not change the shift; for hot light it is T·[F(0) − Re F(ω)]/ω."""
    atom = co.Emitters([[0, 0, 0.11]], dipoles=(1, 0, 2), frequency=OMEGA)
    k0, u = 2 * np.pi, atom.dipoles[0]

    def shift(temperature):
        return co.couple(atom, Mirror(), temperature=temperature).shift[0, 0]

    for cold in (1e-9, 1.0, 0.003 * OMEGA):
        assert shift(cold) == pytest.approx(shift(0.0), rel=1e-8)
    distance = 0.22  # to the image, whose static dipole is (−u_x, −u_y, u_z)
    image = u * [-1, -1, 1]
    static = 2 / (4 * np.pi * distance**3) * (3 * u[2].conj() * image[2] - u.conj() @ image).real
    tensor = Mirror().scattered(atom.positions[0], atom.positions[0], k0).real
    dynamic = 2 * k0**2 * (u.conj() @ tensor @ u).real
    expected = 3 * np.pi / k0**3 * (static - dynamic)
    assert shift(1e4 * OMEGA) / 1e4 == pytest.approx(expected, rel=1e-6)


def test_mirror_has_the_opposite_effect_on_magnetic_dipoles():
    """At a conducting mirror an electric dipole along it is dark, and a magnetic one is bright."""
    near = co.Emitters([[0, 0, 0.001]], dipoles=(1, 0, 0), frequency=OMEGA)
    along = co.couple(near, Mirror())
    assert along.decay[0, 0] == pytest.approx(0, abs=1e-4)
    assert co.couple(near.replace(kind="magnetic"), Mirror()).decay[0, 0] == pytest.approx(2, 1e-4)
    across = near.replace(dipoles=(0, 0, 1))
    assert co.couple(across, Mirror()).decay[0, 0] == pytest.approx(2, 1e-4)
    assert co.couple(across.replace(kind="magnetic"), Mirror()).decay[0, 0] < 1e-4


def test_plasma_screens_magnetic_dipoles_below_its_frequency():
    k0, separation = 2 * np.pi, 0.1
    pair = co.chain(2, separation, kind="magnetic")  # moments along x, apart along z
    found = co.couple(pair, co.Plasma(2 * k0))
    assert not np.any(found.decay)
    x = np.sqrt(3) * k0 * separation
    closed = 3 * np.pi / k0**3 * np.exp(-x) / (4 * np.pi * separation**3) * (1 + x + x**2)
    assert found.shift[0, 1] == pytest.approx(closed, rel=1e-12)
    assert co.couple(pair.replace(kind="electric"), co.Vacuum()).shift[0, 1] == pytest.approx(
        co.couple(pair, co.Vacuum()).shift[0, 1], rel=1e-14
    )


def test_magnetic_dipoles_are_driven_by_the_magnetic_field():
    along_y = co.Emitters([[0, 0, 0.3]], dipoles=(0, 1, 0), kind="magnetic")
    found = co.plane_wave(along_y, 2.0, direction=(0, 0, 1), polarisation=(1, 0, 0))
    np.testing.assert_allclose(found, [2 * np.exp(0.6j * np.pi)], rtol=1e-14)


class OnlyElectric:
    """A field without a tensor for magnetic dipoles."""

    def green(self, r, r_source, k):
        return co.Vacuum().green(r, r_source, k)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: co.couple(TILTED.replace(kind="magnetic"), OnlyElectric()), "magnetic_green"),
        (lambda: co.chain(2, 0.1, kind="gravitational"), "kind must be one of"),
        (lambda: co.couple(co.chain(2, 0.1), co.Vacuum(), temperature=1.0), "needs the frequency"),
        (lambda: co.couple(TILTED, co.Vacuum(), temperature=-1.0), "must not be negative"),
        (lambda: co.couple(TILTED, co.Vacuum(), temperature=np.nan), "temperature must be finite"),
        (lambda: co.couple(TILTED, co.Vacuum(), temperature=1, shift="rwa"), 'shift="full"'),
        (lambda: co.Couplings([[1.0]], [[0.0]], thermal_photons=-1), "must not be negative"),
        (lambda: co.Couplings([[1.0]], [[0.0]], thermal_photons="x"), "must be a number or"),
        (lambda: co.Nanowire(0.01, -50).plasmon_rate(TILTED.replace(kind="magnetic")), "magnetic"),
    ],
)
def test_bad_arguments_with_temperature_and_kind_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "method",
    [
        "single",
        "blocks",
        "cumulants",
        "truncated_wigner",
        "capped",
        "mean_field",
        "conditional_cumulants",
        "retarded",
    ],
)
def test_engines_without_thermal_light_refuse_it(method):
    warm = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)), thermal_photons=0.5)
    with pytest.raises(ValueError, match=rf"'{method}' does not treat thermal light.*driven"):
        co.evolve(warm, "ground", [0.0, 1.0], method=method, progress=False)
    assert co.methods(warm, "ground", [0.0, 1.0]).chosen == "exact"


@pytest.mark.parametrize(
    "look",
    [
        lambda c, r: co.observables.angular_pattern(r, [1, 0, 0]),
        lambda c, r: co.observables.near_field(r, [1, 0, 0]),
        lambda c, r: co.observables.g1(c, [0.0, 1.0]),
        lambda c, r: co.observables.g2(c, [0.0, 1.0]),
        lambda c, r: co.observables.spectrum(c, [0.0, 1.0]),
        lambda c, r: co.observables.burst_criterion(c),
        lambda c, r: co.observables.coincidences(r.replace(jumps=NO_JUMPS), [0.0, 1.0]),
        lambda c, r: co.observables.inverted_g2(c),
        lambda c, r: co.observables.scattering(c, [0.0], waist=2.0),
    ],
)
def test_observables_of_the_emitted_light_refuse_thermal_light(look):
    warm = co.couple(TILTED, co.Vacuum(), temperature=OMEGA)
    result = co.observables.moment(warm, "ground")
    with pytest.raises(ValueError, match="photons per mode"):
        look(warm, result)


def test_identical_emitters_in_thermal_light_have_its_temperature():
    """The fast way by Dicke states must include thermal light."""
    n, photons = 3, 0.8
    alike = co.Couplings(
        np.full((n, n), 0.6) + 0.4 * np.eye(n), np.zeros((n, n)), thermal_photons=photons
    )
    ratio = photons / (photons + 1)
    single = np.array([ratio, 1]) / (1 + ratio)
    expected = np.kron(np.kron(single, single), single)
    np.testing.assert_allclose(co.steady_state(alike).diag(), expected, atol=1e-10)


def test_thermal_photons_survive_replace_files_and_xarray(tmp_path):
    warm = co.couple(TILTED.replace(kind="magnetic"), co.Vacuum(), temperature=OMEGA)
    assert warm.replace(dephasing=1.0).thermal_photons == warm.thermal_photons
    assert "thermal photons 0.582" in repr(warm)
    assert "2 magnetic two-level emitters" in repr(warm.emitters)
    result = co.evolve(warm, "ground", [0.0, 1.0], progress=False)
    dataset = result.to_xarray()
    assert dataset["thermal_photons"] == warm.thermal_photons
    assert "magnetic" in dataset["dipoles"].long_name
    back = co.load(result.save(tmp_path / "warm"))
    assert back.couplings.thermal_photons == warm.thermal_photons
    assert back.couplings.emitters.kind == "magnetic"
    assert warm.validity()["one occupation for all"].verdict == "holds"
    # d ln n̄/d ln ω by differences
    n, h = (lambda x: 1 / np.expm1(x)), 1e-6
    slope = abs((n(1 + h) - n(1 - h)) / (2 * h) / n(1.0))
    width = (1 + 2 * n(1.0)) * warm.collective_rates()[-1] / OMEGA
    assert warm.validity()["one occupation for all"].value == pytest.approx(slope * width, 1e-6)


def test_checkpoint_of_another_temperature_is_refused(tmp_path):
    cold = co.couple(TILTED, co.Vacuum())
    path = tmp_path / "run.npz"
    co.evolve(cold, "inverted", [0.0, 1.0], method="exact", checkpoint=path, progress=False)
    warm = cold.replace(thermal_photons=0.1)
    with pytest.raises(ValueError, match="another problem"):
        co.evolve(warm, "inverted", [0.0, 1.0], method="exact", checkpoint=path, progress=False)


def test_emission_of_the_steady_state_equals_that_at_late_times():
    """`steady` and `evolve` agree on (n̄ + 1)ΣΓ⟨σ⁺σ⁻⟩; one emitter has (n̄ + 1)n̄/(2n̄ + 1)."""
    photons = 0.6
    one = co.Couplings([[1.0]], [[0.0]], thermal_photons=photons)
    expected = (photons + 1) * photons / (2 * photons + 1)
    assert co.observables.steady(one).emission == pytest.approx(expected, rel=1e-9)
    pair = co.couple(TILTED, co.Vacuum()).replace(thermal_photons=photons)
    late = co.evolve(pair, "ground", [0.0, 60.0], progress=False).emission[-1]
    assert co.observables.steady(pair).emission == pytest.approx(late, rel=1e-6)


@pytest.mark.parametrize("photons", [1e4, 1e8])
def test_rates_grow_with_the_number_of_thermal_photons(photons):
    """All rates grow by 2n̄ + 1; early and late times are computed in a few steps nevertheless."""
    pair = co.couple(TILTED, co.Vacuum()).replace(thermal_photons=photons)
    single = pair.decay[0, 0].real
    for name, start in (("inverted", 1.0), ("ground", 0.0)):
        early = co.evolve(pair, name, np.array([0.0, 1e-3, 1e-2]) / photons, progress=False)
        # to first order in the time the other emitter has no effect
        slope = (early.populations[1, 0] - start) / 1e-3 * photons / (2 * photons + 1)
        assert slope == pytest.approx((0.5 - start) * single, rel=2e-2)
        late = co.evolve(pair, name, [0.0, 5.0], progress=False)
        np.testing.assert_allclose(late.populations[-1], photons / (2 * photons + 1), rtol=1e-9)
    report = pair.validity()["no retardation"]
    cold = pair.replace(thermal_photons=0.0).validity()["no retardation"]
    assert report.value == pytest.approx((2 * photons + 1) * cold.value, rel=1e-12)


def test_drawn_independent_decay_includes_thermal_light():
    """For emitters without coupling the dotted curve is the emission."""
    alone = co.Couplings(np.diag([1.0, 2.0]), np.zeros((2, 2)), thermal_photons=0.7)
    result = co.evolve(alone, "inverted", np.linspace(0, 3, 31), progress=False)
    drawn, dotted = co.plot.emission(result).get_lines()
    np.testing.assert_allclose(dotted.get_ydata(), drawn.get_ydata(), rtol=1e-6)
