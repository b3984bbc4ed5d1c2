"""The answer does not depend on the unit of time, nor on when the clock starts."""

import re
import threading
import warnings

import numpy as np
import pytest
import qutip
import reference

import collective as co
from collective._tools import operators as _operators
from collective._tools.progress import Progress
from collective.engines import loop, timescale
from collective.engines import request as _requests

UNITS = [1e-15, 1e-12, 1e-7, 1e5, 1e15]
VACUUM = co.Vacuum()
PAIR = co.couple(co.chain(2, 0.2, detunings=[0.3, -0.2]), VACUUM)
CHAIN = co.couple(co.chain(3, 0.2), VACUUM)
DRIVEN = CHAIN.replace(drive=[1.0, 0.5j, 0.3], dephasing=0.2, pump=0.1)
ALIKE = co.Couplings(np.full((3, 3), 0.4) + 0.6 * np.eye(3), np.ones((3, 3)))
T = np.linspace(0, 2, 5)

# engine, problem, initial state, its ket
RUNS = {
    "exact": ("exact", DRIVEN, "ground", (0, 0, 0)),
    "blocks": ("blocks", CHAIN, "inverted", (1, 1, 1)),
    "blocks dephased": ("blocks", CHAIN.replace(dephasing=0.3), "inverted", (1, 1, 1)),
    "driven": ("driven", DRIVEN, "ground", (0, 0, 0)),
    "single": ("single", CHAIN, co.states.single(0), (1, 0, 0)),
    "single dephased": ("single", CHAIN.replace(dephasing=0.3), co.states.single(0), (1, 0, 0)),
    "symmetric": ("symmetric", ALIKE, "inverted", (1, 1, 1)),
    "symmetric pumped": ("symmetric", ALIKE.replace(pump=0.2), "inverted", (1, 1, 1)),
    "symmetric driven": ("symmetric", ALIKE.replace(drive=1.0), "ground", (0, 0, 0)),
    "trajectories": ("trajectories", CHAIN, "inverted", (1, 1, 1)),
    "trajectories driven": ("trajectories", DRIVEN, "ground", (0, 0, 0)),
}


def in_unit(couplings, unit):
    """The same emitters with their rates in another unit."""
    rates = ("decay", "shift", "detunings", "dephasing", "pump", "drive")
    return co.Couplings(**{name: getattr(couplings, name) * unit for name in rates})


def options(method, count=40):
    """The engine, and the seed of one that samples."""
    if method != "trajectories":
        return {"method": method}
    return {"method": co.engines.Trajectories(n=count), "seed": 2}


def run(name, unit=1.0, start=0.0, count=40, **further):
    method, couplings, state, _ = RUNS[name]
    further = {"observe": "correlations", **options(method, count), **further}
    problem, times = in_unit(couplings, unit), start + T / unit
    return co.evolve(problem, state, times, progress=False, **further)


def independent(name):
    """Emission and ⟨σ⁺_mσ⁻_n⟩ by matrix exponentials of the plain Lindblad equation, unit 1."""
    _, couplings, _, excited = RUNS[name]
    ket = np.ones(1)
    for up in excited:
        ket = np.kron(ket, [1, 0] if up else [0, 1])
    found = reference.evolve(reference.generator_of(couplings), np.outer(ket, ket), T)
    lower = reference.lowering(3)
    pairs = [[[np.trace(a.T @ b @ rho) for b in lower] for a in lower] for rho in found]
    return np.array([reference.emission(couplings.decay, rho) for rho in found]), np.array(pairs)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", [name for name in RUNS if "trajectories" not in name])
def test_every_engine_is_right_in_any_unit_of_time(name, unit):
    result = run(name, unit)
    emission, correlations = independent(name)
    np.testing.assert_allclose(result.emission / unit, emission, atol=1e-7)
    np.testing.assert_allclose(result.correlations, correlations, atol=1e-7)
    np.testing.assert_array_equal(result.times, T / unit)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", ["trajectories", "trajectories driven"])
def test_trajectories_jump_at_the_same_moments_in_any_unit_of_time(name, unit):
    here, there = run(name), run(name, unit)
    np.testing.assert_allclose(there.populations, here.populations, atol=1e-9)
    np.testing.assert_allclose(there.emission / unit, here.emission, atol=1e-9)
    np.testing.assert_allclose(there.emission_error / unit, here.emission_error, atol=1e-9)
    np.testing.assert_array_equal(there.jumps.trajectory, here.jumps.trajectory)
    np.testing.assert_array_equal(there.jumps.channels, here.jumps.channels)
    np.testing.assert_allclose(there.jumps.times * unit, here.jumps.times, atol=1e-9)
    emission, _ = independent(name)
    assert np.all(np.abs(here.emission - emission) < 5 * here.emission_error + 1e-7)


@pytest.mark.parametrize("name", RUNS)
def test_units_apart_by_a_power_of_four_agree_to_the_last_digit(name):
    here, there = run(name), run(name, 4.0**-26)
    np.testing.assert_array_equal(there.emission * 4.0**26, here.emission)
    np.testing.assert_array_equal(there.correlations, here.correlations)
    if here.jumps is not None:
        np.testing.assert_array_equal(there.jumps.times * 4.0**-26, here.jumps.times)


@pytest.mark.parametrize("start", [1e13, 1e15, -1e15])
@pytest.mark.parametrize("name", RUNS)
def test_time_translation_invariance(name, start):
    """Half a lifetime after 10¹⁵ of them is still a number: 0.125 is the spacing there."""
    here, there = run(name), run(name, start=start)
    np.testing.assert_array_equal(there.emission, here.emission)
    np.testing.assert_array_equal(there.correlations, here.correlations)
    np.testing.assert_array_equal(there.times, start + T)
    if here.jumps is not None:
        shifted = start + here.jumps.times
        np.testing.assert_allclose(there.jumps.times, shifted, rtol=0, atol=abs(start) * 3e-16)


PULSED = ["exact", "driven", "symmetric driven", "trajectories driven"]


@pytest.mark.parametrize("name", PULSED)
def test_a_pulse_acts_alike_in_any_unit_and_at_any_time(name):
    here = run(name, envelope=lambda t: np.exp(-((t - 1) ** 2)))
    assert np.ptp(here.populations) > 0.03
    for unit, start in ((1e-15, 0.0), (1e12, 0.0), (1.0, 1e6)):

        def pulse(t, unit=unit, start=start):
            return np.exp(-(((t - start) * unit - 1) ** 2))

        there = run(name, unit, start, envelope=pulse)
        np.testing.assert_allclose(there.populations, here.populations, atol=1e-8)


@pytest.mark.parametrize("name", PULSED)
def test_an_envelope_is_asked_at_the_users_times(name):
    """Exactly at the output times, and nowhere outside of them."""
    asked, start = [], 0.1

    def pulse(t):
        asked.append(t)
        return 1.0

    result = run(name, 0.3, start, envelope=pulse)
    assert min(asked) == start
    assert max(asked) <= result.times[-1]
    checks = iter(range(17))  # before the run

    def broken(t):
        if next(checks, None) is None and t > 3:
            raise RuntimeError("no light")
        return 1.0

    with pytest.raises(co.EvolutionError, match=r"envelope failed at t = 3\.\d.*no light"):
        run(name, 0.3, start, envelope=broken)


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
    result = run("driven", unit, observe="states")
    here = run("driven", observe="states")
    g2 = co.observables.g2
    np.testing.assert_allclose(g2(result)[1:], g2(here)[1:], rtol=1e-9)


def test_light_into_one_direction_in_any_unit_of_time():
    """Its rates come from the emitters, not from Γ."""

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
    """By exponentials and by the integrator, of Lindblad form or not."""
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
        if equation.emission_operator is not None:  # the user's own, whatever its unit
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
def test_operators_given_to_the_user_keep_every_entry(unit):
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


def test_qutip_is_left_as_it_was():
    """Whatever several threads do, and what the user has set himself."""
    core = qutip.settings.core
    assert core["auto_tidyup"]
    inside, leave = threading.Barrier(2, timeout=10), threading.Event()

    def late():
        with _operators.Untidied():
            inside.wait()
            leave.wait(10)

    thread = threading.Thread(target=late)
    with _operators.Untidied():
        thread.start()
        inside.wait()
    assert not core["auto_tidyup"]  # the other thread is still at work
    leave.set()
    thread.join()
    assert core["auto_tidyup"]
    with qutip.CoreOptions(auto_tidyup=False):
        CHAIN.hamiltonian()
        assert not qutip.settings.core["auto_tidyup"]
    with pytest.raises(ValueError, match="inside"), _operators.Untidied():
        raise ValueError("inside")
    assert core["auto_tidyup"]


def test_hermitian_is_judged_by_the_operators_own_size():
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


@pytest.mark.parametrize("problem", [CHAIN, DRIVEN, ALIKE], ids=["closed", "driven", "alike"])
def test_costs_and_choice_know_no_unit_of_time(problem):
    here = co.methods(problem, "inverted", T)
    for unit in (4.0**-25, 4.0**25):
        there = co.methods(in_unit(problem, unit), "inverted", T / unit)
        assert there.chosen == here.chosen
        assert there.refusals.keys() == here.refusals.keys()
        for name, cost in here.costs.items():
            assert (there.costs[name].bytes, there.costs[name].seconds, there.costs[name].work) == (
                cost.bytes,
                cost.seconds,
                cost.work,
            )
        if problem is DRIVEN:  # messages speak the user's units
            assert f"the drive is {unit:g}" in there.refusals["single"]


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


def test_a_frequency_that_all_share_is_no_unit():
    """The optical frequency of undriven emitters turns nothing against anything."""
    far = CHAIN.replace(detunings=2.4e15)
    assert timescale.unit_of(far) == timescale.unit_of(CHAIN)
    assert timescale.unit_of(far.replace(drive=1.0)) > 1e15


def test_large_matrices_are_not_copied_for_nothing():
    many = co.Couplings(3 * np.eye(600), np.zeros((600, 600)))
    request = timescale.scaled(_requests.checked(many, co.states.single(0), T))
    assert request.couplings.decay is many.decay
    ladder = co.Couplings(*(np.broadcast_to(rate, (10**5, 10**5)) for rate in (1e9, 0.0)))
    request = timescale.scaled(_requests.checked(ladder, "inverted", T))
    assert request.couplings.decay.strides == (0, 0)


@pytest.mark.parametrize("name", ["exact", "blocks", "driven", "single", "symmetric"])
def test_nothing_happens_in_any_time_where_nothing_acts(name):
    still = co.Couplings(np.zeros((2, 2)), np.zeros((2, 2)))
    for last in (1e-300, 1.0, 1e100):
        result = co.evolve(still, "inverted" if name != "single" else co.states.single(0),
                           [0.0, last], method=name)  # fmt: skip
        np.testing.assert_allclose(result.populations[1], result.populations[0])
        np.testing.assert_array_equal(result.emission, 0)


def test_rates_near_the_end_of_numbers():
    for unit in (1e-99, 1e99):
        for name in ("exact", "blocks", "trajectories"):
            there = run(name, unit)
            np.testing.assert_allclose(there.populations, run(name).populations, atol=1e-9)


@pytest.mark.parametrize("unit", [1e-250, 1e-170, 1e160, 1e250])
def test_equations_have_rates_of_any_size(unit):
    """QuTiP's largest entry is a root of a square: none below 10⁻¹⁶², infinite above 10¹⁵⁴."""
    turning = co.MasterEquation(unit * qutip.sigmax())
    found = co.evolve(turning, qutip.basis(2, 0), [0.0, min(0.3 / unit, 1e100)])
    angle = min(0.3, 1e100 * unit)
    assert found.populations[1, 0, 0] == pytest.approx(np.cos(angle) ** 2, abs=1e-12)


def test_what_no_unit_helps_is_refused():
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


@pytest.mark.parametrize("unit", [1e-40, 1e-12, 1e9, 1e40])
def test_the_kernels_of_trajectories_need_no_help_with_their_unit(unit):
    """Taylor terms of the engine alone, its request not brought to the unit of its rates."""

    def drawn(scale):
        problem = in_unit(CHAIN, scale)
        request = _requests.checked(problem, "inverted", T / scale, seed=1, progress=False)
        found = loop.run(co.engines.Trajectories(n=40), request)
        assert found.failure is None
        return found.fields

    here, there = drawn(1.0), drawn(unit)
    np.testing.assert_allclose(there["populations"], here["populations"], atol=1e-10)
    np.testing.assert_allclose(there["emission"] / unit, here["emission"], atol=1e-10)


@pytest.mark.parametrize("ratio", [1e-4, 1e-8])
def test_trajectories_of_rates_far_apart(ratio):
    """A slow emitter beside a fast one, long after the fast one has decayed."""
    couplings = co.Couplings(np.diag([1.0, ratio]), np.zeros((2, 2)))
    times = np.array([0.0, 1.0, 100.0, 1000.0])
    result = co.evolve(couplings, "inverted", times, method=co.engines.Trajectories(n=400), seed=5)
    fast, slow = np.exp(-times), np.exp(-ratio * times)
    apart = np.abs(result.populations - np.stack([fast, slow], axis=1))
    assert np.all(apart < 4 * result.populations_error + 0.01)
    assert result.emission[-1] == pytest.approx(ratio * result.populations[-1, 1], rel=1e-3)
    assert np.all(result.emission > 0)


def interrupt(monkeypatch, after):
    """Ctrl-C at a step of the progress bar."""
    real, calls = Progress.step, iter(range(10**9))

    def step(self, *arguments):
        if next(calls) == after:
            raise KeyboardInterrupt
        return real(self, *arguments)

    monkeypatch.setattr(Progress, "step", step)


@pytest.mark.parametrize("name", RUNS)
def test_a_checkpoint_keeps_the_users_units_and_goes_on_exactly(name, tmp_path, monkeypatch):
    path, unit, start = tmp_path / "run.npz", 1e-12, 1e12
    many = {"count": 300} if "trajectories" in name else {}
    whole = run(name, unit, start, **many)
    with monkeypatch.context() as patch:
        interrupt(patch, after=2)
        part = run(name, unit, start, checkpoint=path, **many)
    kept = co.load(path)
    np.testing.assert_array_equal(kept.times, whole.times[: len(kept.times)])
    if not many:
        np.testing.assert_allclose(part.emission, whole.emission[: len(part.times)], rtol=1e-6)
    rest = run(name, unit, start, checkpoint=path, **many)
    assert rest.complete
    tolerance = {"rtol": 1e-14} if many else {"rtol": 1e-7, "atol": 1e-9 * unit}
    np.testing.assert_allclose(rest.emission, whole.emission, **tolerance)
    np.testing.assert_allclose(rest.correlations, whole.correlations, atol=1e-8)
    if many:
        np.testing.assert_array_equal(rest.jumps.times, whole.jumps.times)
        np.testing.assert_allclose(rest.emission_error, whole.emission_error, rtol=1e-12)
    finished = run(name, unit, start, checkpoint=path, **many)
    np.testing.assert_array_equal(finished.emission, rest.emission)
    method, couplings, state, _ = RUNS[name]
    with pytest.raises(ValueError, match="another problem"):  # of other rates
        co.evolve(in_unit(couplings, 4 * unit), state, start + T / unit,
                  observe="correlations", checkpoint=path, **options(method, **many))  # fmt: skip


@pytest.mark.parametrize("name", ["trajectories", "trajectories driven"])
def test_one_trajectory_is_a_legal_number(name, tmp_path):
    """It has no standard error: NaN, which prints, draws, and is kept."""
    from matplotlib import pyplot

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, path = run(name, count=1), tmp_path / "run.npz"
        assert one.diagnostics["n_trajectories"] == one.jumps.n_trajectories == 1
        for values in (one.emission_error, one.excitation_error, one.populations_error):
            assert np.all(np.isnan(values))
        assert np.all(np.isfinite(one.populations))
        assert re.search(r"error +not known: one trajectory", str(one))
        assert "1 trajectory of" in one.reason
        for draw in (co.plot.emission, co.plot.populations, co.plot.jumps):
            draw(one).figure.canvas.draw()
            pyplot.close("all")
        np.testing.assert_array_equal(co.load(one.save(path)).emission_error, one.emission_error)
        again = [run(name, count=1, checkpoint=tmp_path / "kept") for _ in range(2)]
        np.testing.assert_array_equal(again[0].populations, again[1].populations)
        assert np.all(np.isnan(again[1].emission_error))
    first = run(name, count=8)
    mine = first.jumps.of(0)[0]
    np.testing.assert_allclose(one.jumps.times, mine, rtol=1e-9)


@pytest.mark.parametrize("start", [0.0, 1e6])
def test_evenly_spaced_times_are_equal_steps(start, monkeypatch):
    """Factors made for a step serve all steps of its length, at late times too."""
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
