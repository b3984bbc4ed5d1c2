""" "modes" and "heom" of `compare`, which keep the whole bath: against other routes."""

import numpy as np
import pytest
import qutip
from multilevels import flip
from qutip import basis, destroy, qeye, sigmax, tensor
from scipy.integrate import ode, quad

import collective as co
from collective import spectral
from collective.engines import loop
from collective.engines.request import checked
from collective.evolution import references
from collective.evolution.hierarchy import Hierarchy, unhidden
from collective.master.pseudomodes import bare

G = np.array([0.05, 0.04])
TIMES = np.linspace(0, 40, 5)
MODE = spectral.LossyModes(1.6, 0.5, G)


def qubits(*frequencies):
    places = [[0, 0, i] for i in range(len(frequencies))]
    return co.Multilevel(places, [[w, 0.0] for w in frequencies], [flip()] * len(frequencies))


PAIR = qubits(1.05, 0.95)
ONE = qubits(1.0)


def compared(system, bath, *names, state="inverted", times=TIMES, **options):
    found = co.compare(system, bath, state, times, approximations=names, progress=False, **options)
    for name in names:
        if name in references.EXACT:
            told = found.results[name].diagnostics["truncation_error"]
            assert told <= options.get("tolerance", 1e-6)
    return found


def with_one_mode(frequencies, g, photons, levels, times):
    """Populations of qubits and one mode that is damped at n photons, by QuTiP's solver."""
    n = len(frequencies)
    ones = [qeye(2)] * n

    def at(i, operator):
        return tensor(*[operator if i == j else one for j, one in enumerate(ones)], qeye(levels))

    a = tensor(*ones, destroy(levels))
    H = 1.6 * a.dag() * a
    for i, w in enumerate(frequencies):
        H += w * at(i, basis(2, 0).proj()) + g[i] * at(i, sigmax()) * (a + a.dag())
    losses = [np.sqrt(0.5 * (photons + 1)) * a, np.sqrt(0.5 * photons) * a.dag()]
    thermal = qutip.thermal_dm(levels, photons) if photons else basis(levels, 0).proj()
    start = tensor(*[basis(2, 0).proj()] * n, thermal)
    options = {"rtol": 1e-10, "atol": 1e-12, "nsteps": 10**6, "progress_bar": ""}
    found = qutip.mesolve(H, start, times, losses, options=options)
    return [rho.ptrace(range(n)).full() for rho in found.states]


def test_two_qubits_and_a_mode_in_vacuum():
    found = compared(PAIR, MODE, "modes", "heom", "redfield")
    assert found.distance("modes", "heom").max() < 1e-6
    expected = with_one_mode((1.05, 0.95), G, 0.0, 5, TIMES)
    modes = found.results["modes"].in_frame("lab")
    for rho, known in zip(modes.states, expected, strict=True):
        np.testing.assert_allclose(rho.full(), known, atol=1e-7)
    assert 1e-4 < found.distance("modes", "redfield").max() < 0.05
    assert modes.populations.shape == (5, 2, 2)
    assert modes.emission is None
    assert "quanta in the modes" in modes.reason
    assert "depth" in found.results["heom"].reason


@pytest.mark.slow
def test_one_qubit_and_a_warm_mode():
    """Two modes in vacuum are the same bath as one mode with thermal loss and gain."""
    warm = MODE.thermal(1.0)
    one = spectral.LossyModes(warm.frequencies, warm.linewidths, warm.couplings[:, :1])
    found = compared(ONE, one, "modes", "heom", tolerance=1e-5)
    assert found.distance("modes", "heom").max() < 1e-5
    expected = with_one_mode((1.0,), G, 1 / np.expm1(1.6), 16, TIMES)
    for rho, known in zip(found.results["heom"].in_frame("lab").states, expected, strict=True):
        np.testing.assert_allclose(rho.full(), known, atol=1e-5)


@pytest.mark.slow
def test_two_qubits_and_a_warm_mode():
    times = np.linspace(0, 20, 5)
    found = compared(PAIR, MODE.thermal(1.0), "modes", "heom", times=times)
    assert found.distance("modes", "heom").max() < 1e-6
    expected = with_one_mode((1.05, 0.95), G, 1 / np.expm1(1.6), 16, times)
    for rho, known in zip(found.results["modes"].in_frame("lab").states, expected, strict=True):
        np.testing.assert_allclose(rho.full(), known, atol=1e-6)


def test_dephasing_by_damped_oscillators_has_a_closed_form():
    """ρ₀₁(t) = ½exp[−4∫dω/2π γ(ω)(1 − cos ωt)/ω²] for A = σ_z, at a temperature."""
    up_down = np.zeros((2, 2, 3))
    up_down[0, 0, 0], up_down[1, 1, 0] = 1, -1
    qubit = co.Multilevel([[0, 0, 0]], [[1.0, 0.0]], [up_down])
    bath = spectral.BrownianModes(1.5, 0.6, [0.2], 1.0)
    times = np.array([0.0, 1.0, 3.0])
    plus = (basis(2, 0) + basis(2, 1)).unit()
    found = compared(qubit, bath, "heom", "redfield", state=plus, times=times, tolerance=1e-5)

    def memory(omega, t):
        even = bath.gamma(omega)[0, 0] + bath.gamma(-omega)[0, 0]
        return even * (1 - np.cos(omega * t)) / omega**2 / (2 * np.pi)

    for t, rho in zip(times[1:], found.results["heom"].states[1:], strict=True):
        exponent = quad(memory, 1e-8, 60, args=(t,), limit=400, epsabs=1e-10)[0]
        np.testing.assert_allclose(rho.full()[0, 1], 0.5 * np.exp(-4 * exponent), atol=1e-5)
    assert found.distance("heom", "redfield").max() > 1e-2


@pytest.mark.slow
def test_redfield_is_the_limit_of_weak_coupling_at_a_temperature():
    """At times of the order of 1/γ the distance is proportional to g²."""
    off = []
    for g in (0.04, 0.02):
        bath = spectral.BrownianModes(1.2, 0.8, [g], 0.8)
        times = np.linspace(0, 0.1 / g**2, 4)
        found = compared(ONE, bath, "heom", "redfield", times=times, tolerance=1e-5)
        off.append(found.distance("heom", "redfield").max())
    assert 3.2 < off[0] / off[1] < 4.8
    assert off[1] < 3e-3


@pytest.mark.slow
def test_fitted_modes_are_as_good_as_their_fit():
    bath = spectral.BrownianModes(1.6, 0.5, [0.1], 0.5)
    fit = spectral.fit_modes(bath, (-3, 3), modes=2)
    by_fit = compared(ONE, fit.modes, "modes", "heom", tolerance=1e-5)
    truth = compared(ONE, bath, "heom", "redfield", tolerance=1e-5).results["heom"]
    off = references.trace_distances(by_fit.results["modes"], truth).max()
    assert 1e-5 < off < 5 * max(fit.error, fit.shift_error)


@pytest.mark.slow
def test_two_modes_with_couplings_of_different_directions():
    bath = spectral.LossyModes([1.0, 2.0], [0.6, 0.5], [[0.1, 0.05], [0.05, -0.1]])
    found = compared(PAIR, bath, "modes", "heom", times=np.linspace(0, 10, 3))
    assert found.distance("modes", "heom").max() < 1e-6


@pytest.mark.slow
def test_answers_do_not_depend_on_the_unit():
    plain, other = (
        compared(
            qubits(u), spectral.LossyModes(1.6 * u, 0.5 * u, [0.05 * u]), "modes", "heom",
            times=TIMES / u,
        )
        for u in (1.0, 3e7)
    )  # fmt: skip
    for name in ("modes", "heom"):
        np.testing.assert_allclose(
            plain.results[name].populations, other.results[name].populations, atol=1e-7
        )


@pytest.mark.parametrize(
    ("bath", "options", "message"),
    [
        (
            spectral.Bath(MODE.gamma, MODE.shift),
            {},
            "'heom' takes spectral.LossyModes or .* not Bath",
        ),
        (co.Vacuum(), {}, "fit_modes finds modes"),
        (spectral.BrownianModes(1, 1, [0.1, 0.1], 1), {}, "negative weight; take 'heom'"),
        (spectral.LossyModes(1, 1, [0.1, 0.1j]), {}, "mode 0 have different phases; take 'modes'"),
        (spectral.LossyModes(1, 1, [0.1]), {}, "must be 6×6"),
        (MODE, {"tolerance": 0.5}, "tolerance must be between 1e-11 and 0.1"),
        (MODE, {"tolerance": 1e-13}, "tolerance must be between 1e-11 and 0.1"),
        (MODE, {"temperature": 0.5}, r"leak into the vacuum; with modes.thermal\(0.5\)"),
    ],
)
def test_what_cannot_be_exact_is_refused(bath, options, message):
    with pytest.raises(ValueError, match=message):
        compared(PAIR, bath, "heom", "modes", **options)


def test_modes_at_another_temperature_than_asked_for_are_refused():
    damped = spectral.BrownianModes(1, 1, [0.1, 0.1], 0.7)
    with pytest.raises(ValueError, match=r"temperature = 0.5 .* BrownianModes are at .* = 0.7"):
        co.master_equation(PAIR, damped, temperature=0.5)
    warm = (damped, 0.7), (MODE.thermal(0.5), 0.5)
    for bath, temperature in warm:
        plain = co.master_equation(PAIR, bath, approximation="redfield")
        said = co.master_equation(PAIR, bath, approximation="redfield", temperature=temperature)
        assert (plain.liouvillian() - said.liouvillian()).norm() == 0


def test_the_size_of_a_hierarchy_is_predicted():
    warm = spectral.BrownianModes([1.6, 1.0], 0.5, [[0.05, 0.04], [0.1, 0.0]], 0.5)
    for bath, terms in ((MODE, 0), (warm, 2)):
        engine = Hierarchy(bath, 3, terms)
        problem = checked(bare(PAIR), "inverted", TIMES)
        solver = engine._solver(problem)
        entries = solver.rhs(0).data_as("csr_matrix").nnz
        assert solver.rhs(0).shape[0] == 16 * engine.matrices
        assert entries / 1.3 < engine._entries(PAIR) < 1.3 * entries
        assert engine.cost(problem).bytes > 20 * entries


def test_a_refinement_that_does_not_settle_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr(references, "_MOST", 3)
    with pytest.raises(co.EvolutionError, match=r"'heom' did not settle to 1e-11 .* take a larger"):
        compared(ONE, spectral.LossyModes(1.0, 0.1, [0.1]), "redfield", "heom", tolerance=1e-11)


def test_ctrl_c_during_a_refinement_keeps_what_was_reached(monkeypatch):
    run, calls = loop.run, []

    def interrupted(engine, request, earlier, checkpoint):
        calls.append(engine.name)
        if calls.count("modes") < 2:
            return run(engine, request, earlier, checkpoint)
        found = run(engine, request, earlier, checkpoint)
        found.fields = {
            name: values[:3] if name in ("populations", "states") else values
            for name, values in found.fields.items()
        }
        found.failure = KeyboardInterrupt()
        return found

    monkeypatch.setattr(loop, "run", interrupted)
    found = co.compare(
        ONE, spectral.LossyModes(1.6, 0.5, [0.05]), "inverted", TIMES,
        approximations=("redfield", "modes"), progress=False,
    )  # fmt: skip
    assert not found.complete
    assert len(found.times) == 3
    assert "truncation_error" not in found.results["modes"].diagnostics


def test_ctrl_c_within_the_derivative_of_a_hierarchy_is_ctrl_c():
    """scipy makes another error of it: "Function to integrate must not return a tuple"."""

    def interrupted(t, y):
        raise KeyboardInterrupt

    solver = ode(interrupted).set_integrator("zvode").set_initial_value([1.0 + 0j])
    with pytest.raises(KeyboardInterrupt), unhidden():
        solver.integrate(1.0)
    with pytest.raises(ValueError, match="another"), unhidden():
        raise ValueError("another")
