"""The answer does not depend on the unit of time, nor on when the clock starts."""

import numpy as np
import pytest
import qutip
import reference
from systems import in_unit, routes

import collective as co
from collective.engines import request as _requests
from collective.engines import timescale

UNITS = [1e-15, 1e-12, 1e-7, 1e5, 1e15]
VACUUM = co.Vacuum()
# an approximation that expects a large error says so
pytestmark = pytest.mark.filterwarnings("ignore:the error of method")
PAIR = co.couple(co.chain(2, 0.2, detunings=[0.3, -0.2]), VACUUM)
ROUTES = routes()
CHAIN = ROUTES["blocks"].system.couplings
DRIVEN = ROUTES["exact"].system.couplings
ALIKE = ROUTES["symmetric"].system.couplings
T = ROUTES["exact"].system.times

PULSED = [
    "exact",
    "driven",
    "symmetric driven",
    "trajectories driven",
    "cumulants driven",
    "truncated_wigner driven",
    "conditional cumulants driven",
]


@pytest.mark.parametrize("name", PULSED)
def test_a_pulse_has_the_same_effect_in_any_unit_and_at_any_time(name):
    here = ROUTES[name].run(envelope=lambda t: np.exp(-((t - 1) ** 2)))
    assert np.ptp(here.populations) > 0.03
    for unit, start in ((1e-15, 0.0), (1e12, 0.0), (1.0, 1e6)):

        def pulse(t, unit=unit, start=start):
            return np.exp(-(((t - start) * unit - 1) ** 2))

        there = ROUTES[name].run(unit, start, envelope=pulse)
        single = ROUTES[name].engine.accuracy == "approximate"  # in single precision
        tolerance = 2e-4 if single else 1e-8
        np.testing.assert_allclose(there.populations, here.populations, atol=tolerance)


@pytest.mark.parametrize("name", PULSED)
def test_an_envelope_is_called_at_the_times_of_the_user(name):
    """Exactly at the output times, and nowhere outside of them."""
    asked, start = [], 0.1

    def pulse(t):
        asked.append(t)
        return 1.0

    result = ROUTES[name].run(0.3, start, envelope=pulse)
    assert min(asked) == start
    assert max(asked) <= result.times[-1]
    checks = iter(range(17))  # before the run

    def broken(t):
        if next(checks, None) is None and t > 3:
            raise RuntimeError("no light")
        return 1.0

    with pytest.raises(co.EvolutionError, match=r"envelope failed at t = 3\.\d.*no light"):
        ROUTES[name].run(0.3, start, envelope=broken)


@pytest.mark.parametrize("unit", UNITS)
def test_steady_states_and_spectra_of_one_atom_in_closed_form(unit):
    """Ω²/(Γ² + 2Ω²); a Lorentzian; e^{−Γτ/2}; 1 − e^{−3Γτ/4}(cosh κτ + (3Γ/4κ) sinh κτ)."""
    decay, rabi = 1.0 * unit, 0.2 * unit
    atom = co.Couplings([[decay]], [[0.0]])
    driven = atom.replace(drive=rabi)
    excited = 0.04 / 1.08
    assert co.steady_state(driven).diag()[0] == pytest.approx(excited, rel=1e-9)
    wrapped = co.MasterEquation(driven.hamiltonian(), driven.collapse_operators())
    assert co.steady_state(wrapped).diag()[0] == pytest.approx(excited, rel=1e-9)

    tau = np.array([0.0, 0.7, 3.0])
    found = co.observables.g1(atom, tau / unit, state="inverted")
    np.testing.assert_allclose(found, np.exp(-tau / 2), atol=1e-10)
    kappa = np.sqrt(1 / 16 - 0.04)
    expected = 1 - np.exp(-0.75 * tau) * (
        np.cosh(kappa * tau) + 0.75 / kappa * np.sinh(kappa * tau)
    )
    np.testing.assert_allclose(co.observables.g2(driven, tau / unit), expected, atol=1e-9)

    omega = np.array([0.0, 0.5, 2.0])
    light = co.observables.spectrum(atom, omega * unit, state="inverted")
    lorentzian = 0.5 / np.pi / (omega**2 + 0.25)
    np.testing.assert_allclose(light.values * unit, lorentzian, rtol=1e-10)
    assert light.total == pytest.approx(1.0)
    np.testing.assert_array_equal(light.frequencies, omega * unit)
    steady = co.observables.spectrum(driven, omega * unit)
    coherent = 0.04 / 1.08**2  # Γ|⟨σ⁻⟩|², |⟨σ⁻⟩| = ΩΓ/(Γ² + 2Ω²)
    assert steady.coherent / unit == pytest.approx(coherent, rel=1e-9)
    assert steady.total / unit == pytest.approx(excited - coherent, rel=1e-9)
    # Mollow's spectrum at its centre, in units of 1: the resolvent of the Bloch equations
    bloch = np.array([[-0.5, 0, 0.1j], [0, -0.5, -0.1j], [0.2j, -0.2j, -1.0]])
    s, start = -1j * 0.2 / 1.08, np.zeros(3, complex)
    start[:] = [excited - abs(s) ** 2, -(s.conjugate() ** 2), -s.conjugate() * 2 * excited]
    values = [np.linalg.solve(-1j * w * np.eye(3) - bloch, start)[0].real / np.pi for w in omega]
    np.testing.assert_allclose(steady.values, values, rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-15, 1e15])
def test_g2_of_a_result_in_any_unit_of_time(unit):
    result = ROUTES["driven"].run(unit, observe="states")
    here = ROUTES["driven"].run(observe="states")
    g2 = co.observables.g2
    np.testing.assert_allclose(g2(result)[1:], g2(here)[1:], rtol=1e-9)


def test_light_into_one_direction_in_any_unit_of_time():
    """The rates of this light come from the emitters, not from Γ."""

    def seen(unit):
        atoms = co.couple(co.chain(2, 0.2, decay_rates=unit), VACUUM)
        driven, along, tau = atoms.replace(drive=unit), (0, 0.6, 0.8), np.array([0, 1.0]) / unit
        omega = np.array([0, 0.5]) * unit
        steady = co.observables.spectrum(driven, omega, direction=along)
        decay = co.observables.spectrum(atoms, omega, direction=along, state="inverted")
        return np.concatenate(
            [
                co.observables.g1(driven, tau, direction=along),
                co.observables.g2(driven, tau, directions=[along, (0, 0, 1)]),
                steady.values,
                [steady.total / unit, steady.coherent / unit],
                decay.values * unit,
                [decay.total, decay.coherent],
            ]
        )

    for unit in (1e-15, 1e15):
        np.testing.assert_allclose(seen(unit), seen(1.0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("unit", UNITS)
def test_master_equations_in_any_unit_of_time(unit):
    """They are evolved by exponentials and by the integrator, of Lindblad form or not."""
    here = in_unit(DRIVEN, 1.0)
    ground = qutip.tensor([qutip.basis(2, 1)] * 3)
    states = reference.evolve(reference.generator_of(here), ground.proj().full(), T)
    excited = [np.trace(sum(s.T @ s for s in reference.lowering(3)) @ rho).real for rho in states]
    there = in_unit(DRIVEN, unit)
    light = co.Couplings(here.decay, here.decay).hamiltonian()  # Σ Γ_mn σ⁺_mσ⁻_n
    operators = there.hamiltonian(), there.collapse_operators()
    for equation in (
        co.MasterEquation(*operators, emission_operator=light),
        co.MasterEquation(operators[0], generator=there.liouvillian()),
    ):
        result = co.evolve(equation, ground, T / unit, progress=False)
        np.testing.assert_allclose(result.populations[:, :, 0].sum(axis=1), excited, atol=1e-7)
        if equation.emission_operator is not None:  # an operator of the user, in any unit
            expected = [reference.emission(here.decay, rho) for rho in states]
            np.testing.assert_allclose(result.emission, expected, atol=1e-7)


def test_master_equations_for_the_integrator_in_any_unit_of_time():
    """A Liouville dimension above that of exponentials."""
    six = co.couple(co.chain(6, 0.3), VACUUM)
    state = qutip.tensor([qutip.basis(2, 0)] + [qutip.basis(2, 1)] * 5)
    for unit in (1e-15, 1e15):
        there = in_unit(six, unit)
        equation = co.MasterEquation(there.hamiltonian(), there.collapse_operators())
        result = co.evolve(equation, state, T[:3] / unit, progress=False)
        expected = co.evolve(six, co.states.single(0), T[:3], method="single").populations
        np.testing.assert_allclose(result.populations[:, :, 0], expected, atol=1e-7)


@pytest.mark.parametrize("unit", [1e-15, 1e15])
def test_operators_for_the_user_keep_every_entry(unit):
    there = in_unit(DRIVEN, unit)
    dense = reference.generator_of(DRIVEN)
    size = 64  # from row-major to QuTiP's columns
    order = np.arange(size).reshape(8, 8).T.ravel()
    found = there.liouvillian().full() / unit
    np.testing.assert_allclose(found, dense[np.ix_(order, order)], atol=1e-12)
    whole = there.hamiltonian().full() / unit
    np.testing.assert_allclose(whole, DRIVEN.hamiltonian().full(), atol=1e-15)
    jumps = [jump.full() for jump in there.collapse_operators()]
    total = sum(jump.conj().T @ jump for jump in jumps) / unit
    expected = sum((jump.dag() @ jump).full() for jump in DRIVEN.collapse_operators())
    np.testing.assert_allclose(total, expected, atol=1e-12)


def test_hermitian_is_tested_relative_to_the_size_of_the_operator():
    lopsided = 1e-13 * (qutip.sigmaz() + qutip.sigmap())
    with pytest.raises(ValueError, match="hamiltonian must be Hermitian"):
        co.MasterEquation(lopsided)
    rounded = 1e15 * (qutip.sigmax() + 1e-15j * qutip.sigmaz())
    assert co.MasterEquation(rounded).dimension == 2
    atom = co.Couplings([[1e-14]], [[0.0]], detunings=1e-14)
    plus = (qutip.basis(2, 0) + qutip.basis(2, 1)).unit()
    observed = {"amplitude": 1e-14 * qutip.sigmam()}
    result = co.evolve(atom, plus, [0, 1e14], observe=observed, method="exact")
    expected = 0.5e-14 * np.exp(-0.5 - 1j)
    assert result.expect["amplitude"][1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("length", [2.0, 2e4])
@pytest.mark.parametrize("state", ["inverted", co.states.single(0)], ids=str)
@pytest.mark.parametrize(
    "problem",
    [CHAIN, DRIVEN, ALIKE, CHAIN.replace(pump=0.5), CHAIN.replace(drive=3.0, dephasing=0.2)],
    ids=["closed", "everything", "alike", "pumped", "driven"],
)
def test_costs_and_choice_do_not_depend_on_the_unit_of_time(problem, state, length):
    times = np.linspace(0, length, 11)
    here = co.methods(problem, state, times)
    for unit in (4.0**-25, 4.0**25):
        there = co.methods(in_unit(problem, unit), state, times / unit)
        assert there.chosen == here.chosen
        assert there.refusals.keys() == here.refusals.keys()
        assert there.costs == here.costs
        if problem is DRIVEN:  # messages are in the user's units
            assert f"the drive is {unit:g}" in there.refusals["single"]


def test_costs_with_delay_do_not_depend_on_the_unit_of_time():
    def cost(unit, start):
        guide = co.Waveguide(unit, 6.0, group_velocity=0.3 * unit)
        trio = co.couple(co.chain(3, 0.2, decay_rates=unit), guide)
        times = start + np.linspace(0, 20, 11) / unit
        return co.methods(trio, co.states.single(0), times).costs["retarded"]

    here = cost(1.0, 0.0)
    assert cost(4.0**-25, 0.0) == cost(4.0**25, 0.0) == here
    assert cost(1.0, 64.0) == here


@pytest.mark.parametrize("start", [0.0, -3.0, 50.0])
def test_light_with_a_delay_in_any_unit_and_at_any_time(start):
    """The clock starts with the excitation, whatever it shows."""

    def run(unit, start):
        guide = co.Waveguide(unit, 6.0, group_velocity=0.3 * unit, mirror=-0.1)
        trio = co.couple(co.chain(3, 0.2, decay_rates=unit), guide)
        times = (start + np.linspace(0, 6, 13)) / unit
        result = co.evolve(trio, co.states.single(1), times, method="retarded", progress=False)
        return np.concatenate([result.populations, result.emission[:, None] / unit], axis=1)

    here = run(1.0, 0.0)
    for unit in (1e-15, 1.0, 1e12):
        np.testing.assert_allclose(run(unit, start), here, atol=1e-9)


@pytest.mark.parametrize(
    "couplings",
    [
        co.Couplings([[3.0]], [[0.0]]),
        co.Couplings(np.zeros((2, 2)), [[0, 5.0], [5.0, 0]]),
        co.Couplings(np.zeros((2, 2)), np.zeros((2, 2)), detunings=[0, -7.0]),
        co.Couplings(np.eye(2), np.zeros((2, 2)), dephasing=30.0),
        co.Couplings(np.eye(2), np.zeros((2, 2)), pump=[0, 40.0]),
        co.Couplings(np.eye(2), np.zeros((2, 2)), drive=50j),
        co.Couplings(np.eye(2), np.zeros((2, 2)), drive=1.0, detunings=60.0),
        co.Couplings(np.eye(2), [[0, 9j], [-9j, 0]]),
    ],
)
def test_the_largest_rate_or_frequency_is_about_one(couplings):
    for power in (-300, -7, 0, 11, 300):
        scale = 2.0**power
        unit = timescale.unit_of(in_unit(couplings, scale))
        assert np.log2(unit) % 2 == 0
        found = timescale.in_unit(in_unit(couplings, scale), unit)
        rates = ("decay", "shift", "detunings", "dephasing", "pump", "drive")
        assert 0.5 <= max(np.abs(getattr(found, name)).max() for name in rates) < 2


def test_a_common_detuning_does_not_set_the_unit_of_time():
    """The optical frequency of undriven emitters has no effect."""
    far = CHAIN.replace(detunings=2.4e15)
    assert timescale.unit_of(far) == timescale.unit_of(CHAIN)
    assert timescale.unit_of(far.replace(drive=1.0)) > 1e15


def test_large_matrices_are_not_copied_without_need():
    many = co.Couplings(3 * np.eye(600), np.zeros((600, 600)))
    request = timescale.scaled(_requests.checked(many, co.states.single(0), T))
    assert request.couplings.decay is many.decay
    ladder = co.Couplings(*(np.broadcast_to(rate, (10**5, 10**5)) for rate in (1e9, 0.0)))
    request = timescale.scaled(_requests.checked(ladder, "inverted", T))
    assert request.couplings.decay.strides == (0, 0)


@pytest.mark.parametrize(
    "name",
    [
        "exact",
        "blocks",
        "driven",
        "single",
        "symmetric",
        "truncated_wigner",
        "capped",
        "mean_field",
        "conditional_cumulants",
    ],
)
def test_nothing_changes_where_all_rates_are_zero(name):
    still = co.Couplings(np.zeros((2, 2)), np.zeros((2, 2)))
    for last in (1e-300, 1.0, 1e100):
        result = co.evolve(still, "inverted" if name != "single" else co.states.single(0),
                           [0.0, last], method=name)  # fmt: skip
        np.testing.assert_allclose(result.populations[1], result.populations[0])
        np.testing.assert_array_equal(result.emission, 0)


def test_nothing_changes_with_delay_where_all_rates_are_zero():
    with pytest.warns(co.UnitWarning, match="all decay rates and couplings are zero"):
        still = co.couple(co.chain(2, 0.3), co.Waveguide(0.0, 6.0, group_velocity=1.0))
    for last in (1e-300, 1.0, 1e100):
        result = co.evolve(still, co.states.single(0), [0.0, last], method="retarded")
        np.testing.assert_array_equal(result.populations, [[1, 0], [1, 0]])
        np.testing.assert_array_equal(result.emission, 0)


def test_rates_near_the_limits_of_floating_point():
    for unit in (1e-99, 1e99):
        for name in ("exact", "blocks", "trajectories"):
            there = ROUTES[name].run(unit)
            np.testing.assert_allclose(there.populations, ROUTES[name].run().populations, atol=1e-9)


@pytest.mark.parametrize("unit", [1e-250, 1e-170, 1e160, 1e250])
def test_equations_with_rates_of_any_size(unit):
    """QuTiP's largest entry is a root of a square: none below 10⁻¹⁶², infinite above 10¹⁵⁴."""
    turning = co.MasterEquation(unit * qutip.sigmax())
    found = co.evolve(turning, qutip.basis(2, 0), [0.0, min(0.3 / unit, 1e100)])
    angle = min(0.3, 1e100 * unit)
    assert found.populations[1, 0, 0] == pytest.approx(np.cos(angle) ** 2, abs=1e-12)


def test_times_and_rates_beyond_floating_point_are_refused():
    up = qutip.basis(2, 0)
    with pytest.raises(ValueError, match=r"largest rate is 1e\+301.*another unit of time"):
        co.evolve(co.MasterEquation(1e301 * qutip.sigmax()), up, [0.0, 1.0])
    with pytest.raises(ValueError, match="span more than 10³⁰⁰ times"):
        co.evolve(co.MasterEquation(1e250 * qutip.sigmax()), up, [0.0, 1e100])
    with pytest.raises(ValueError, match=r"step from 1.*e-09 to 2.*e-09 is lost beside"):
        co.evolve(PAIR, "inverted", [-1e9, 1e-9, 2e-9])
    fast = co.Couplings([[1e100]], [[0.0]])
    with pytest.raises(ValueError, match=r"method 'driven' would take \S+ years"):
        co.evolve(fast, "inverted", [0.0, 1.0], method="driven")
    for method in ("exact", "blocks", "single"):  # of 10¹⁰⁰ lifetimes few are followed
        late = co.evolve(fast, "inverted", [0.0, 1.0], method=method)
        np.testing.assert_allclose(late.populations[:, 0], [1, 0], atol=1e-12)


@pytest.mark.parametrize("start", [0.0, 1e6])
def test_evenly_spaced_times_share_their_factors(start, monkeypatch):
    """The factors for a step serve all steps of its length, at late times too."""
    import scipy.sparse.linalg

    made, splu = [], scipy.sparse.linalg.splu

    def counted(*arguments, **options):
        made.append(1)
        return splu(*arguments, **options)

    monkeypatch.setattr(scipy.sparse.linalg, "splu", counted)
    one = np.ones((9, 9))
    pumped = co.Couplings(0.8 * one + 0.2 * np.eye(9), 0 * one, pump=0.2)
    times = start + np.linspace(0, 997.31, 1201)
    found = co.evolve(pumped, "inverted", times, method="symmetric", progress=False)
    assert found.diagnostics["steps"] >= 1200
    assert len(made) < 60
