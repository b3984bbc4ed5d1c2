"""Master equations: evolution, saving, frames and comparison."""

from dataclasses import replace

import numpy as np
import pytest
import qutip
from multilevels import flip, lossy_mode, random_multilevel
from scipy.linalg import expm

import collective as co
from collective.engines import loop
from collective.engines.numerics import exponential
from collective.evolution import comparison, evolve

VACUUM = co.Vacuum()
TIMES = np.linspace(0, 3, 31)


def test_exact_exponentials_against_the_generator():
    system = random_multilevel(1, (3, 2))
    equation = co.master_equation(system, VACUUM, approximation="redfield", temperature=0.5)
    result = co.evolve(equation, "inverted", [0.0, 0.4, 0.8, 2.0], observe="states")
    assert "exact exponentials, Liouville dimension 36" in result.reason
    assert result.frame == "lab"
    generator = equation.liouvillian().full()
    start = result.states[0].full().ravel(order="F")
    for t, rho in zip(result.times, result.states, strict=True):
        expected = (expm(generator * t) @ start).reshape(6, 6, order="F")
        np.testing.assert_allclose(rho.full(), expected, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_uneven_times(scale):
    """All steps of a logarithmic grid come from a few exponentials, also with fast phases."""
    pair = co.chain(2, 0.1, frequency=scale)
    equation = co.master_equation(pair, VACUUM, approximation="redfield")
    times = np.concatenate([[0], np.geomspace(1e-3, 4, 23)])
    ket = (qutip.tensor(qutip.basis(2, 0), qutip.basis(2, 0) + qutip.basis(2, 1))).unit()
    result = co.evolve(equation, ket, times, observe="states")
    generator = equation.liouvillian().full()
    start = result.states[0].full().ravel(order="F")
    for t, rho in zip(times, result.states, strict=True):
        expected = (expm(generator * t) @ start).reshape(4, 4, order="F")
        np.testing.assert_allclose(rho.full(), expected, atol=1e-13 * max(scale * 10, 100))
    assert result.diagnostics["trace_error"] < 1e-8


def test_populations_of_all_levels():
    system = random_multilevel(1, (3, 2))
    equation = co.master_equation(system, VACUUM)
    ket = qutip.tensor(qutip.basis(3, 1), (qutip.basis(2, 0) + 2 * qutip.basis(2, 1)).unit())
    result = co.evolve(equation, ket, TIMES, observe="states")
    assert result.populations.shape == (31, 2, 3)
    assert np.all(np.isnan(result.populations[:, 1, 2]))
    np.testing.assert_allclose(result.populations[0, 0], [0, 1, 0], atol=1e-14)
    np.testing.assert_allclose(result.populations[0, 1, :2], [0.2, 0.8], atol=1e-14)
    for i, rho in enumerate(result.states):
        for m, n in ((0, 3), (1, 2)):
            np.testing.assert_allclose(
                result.populations[i, m, :n], rho.ptrace(m).diag(), atol=1e-12
            )
    assert result.excitation is None
    assert result.correlations is None


def test_named_states_are_the_highest_and_lowest_levels():
    """The order of the levels in the basis does not matter."""
    upside_down = co.Multilevel(
        [[0, 0, 0], [0, 0, 1]], [[0.0, 1.0], [2.0, 0.5]], [0.1 * flip(), 0.1 * flip()]
    )
    equation = co.master_equation(upside_down, VACUUM)
    top = co.observables.moment(equation, "inverted").populations[0]
    np.testing.assert_array_equal(top, [[0, 1], [1, 0]])
    one = co.observables.moment(equation, co.states.single(0)).populations[0]
    np.testing.assert_array_equal(one, [[0, 1], [0, 1]])
    bottom = co.observables.moment(equation, "ground").populations[0]
    np.testing.assert_array_equal(bottom, [[1, 0], [0, 1]])


@pytest.mark.parametrize("approximation", ["universal", "rwa", "redfield"])
def test_emission_against_couplings_at_optical_frequencies(approximation):
    """With ω₀/Γ = 10⁶ the emission, and ρ in the rotating frame, agree with the couplings."""
    atoms = co.Emitters(
        [[0, 0, 0], [0.12, 0, 0.2]], dipoles=[[1, 1j, 0], [1, 0, 1]], frequency=1e6,
        detunings=[1.5, -1.5],
    )  # fmt: skip
    couplings = co.couple(atoms, VACUUM)
    equation = co.master_equation(atoms, VACUUM, approximation=approximation)
    state = co.states.coherent(2.0, 0.3)
    beyond = co.evolve(equation, state, TIMES, observe="states")
    within = co.evolve(couplings, state, TIMES, observe="states")
    np.testing.assert_allclose(beyond.emission, within.emission, atol=1e-4)
    turned = beyond.in_frame("rotating")
    assert turned.frame == "rotating"
    for mine, theirs in zip(turned.states, within.states, strict=True):
        np.testing.assert_allclose(mine.full(), theirs.full(), atol=1e-4)
    back = turned.in_frame("lab")
    np.testing.assert_allclose(back.states[7].full(), beyond.states[7].full(), atol=1e-12)
    lab = within.in_frame("lab")
    np.testing.assert_allclose(lab.states[7].full(), beyond.states[7].full(), atol=2e-4)
    assert within.in_frame("rotating") is within


def test_larger_systems_are_evolved_by_series_or_by_qutip(monkeypatch):
    system = random_multilevel(2, (3, 2))
    ways = []
    for largest in (1024, 1):
        monkeypatch.setattr(exponential, "LARGEST", largest)
        for approximation in ("universal", "redfield"):
            equation = co.master_equation(system, VACUUM, approximation=approximation)
            ways.append(co.evolve(equation, "inverted", TIMES, rtol=1e-9, atol=1e-11))
    assert "exponentials" in ways[0].reason
    assert "series" in ways[2].reason
    assert "QuTiP" in ways[3].reason
    for one, stepped in ((ways[0], ways[2]), (ways[1], ways[3])):
        np.testing.assert_allclose(stepped.populations, one.populations, atol=1e-7)
        np.testing.assert_allclose(stepped.emission, one.emission, atol=1e-6)


def test_frames_agree_at_the_first_time():
    atoms = co.chain(2, 0.3, frequency=1000.0)
    equation = co.master_equation(atoms, VACUUM, approximation="rwa")
    state = co.states.coherent(1.0)
    late = co.evolve(equation, state, [5.0, 6.0], observe="states").in_frame("rotating")
    couplings = co.evolve(co.couple(atoms, VACUUM), state, [5.0, 6.0], observe="states")
    for mine, theirs in zip(late.states, couplings.states, strict=True):
        np.testing.assert_allclose(mine.full(), theirs.full(), atol=1e-6)


def test_a_lab_frame_with_too_fast_phases_is_refused(monkeypatch):
    monkeypatch.setattr(exponential, "LARGEST", 1)
    equation = co.master_equation(co.chain(2, 0.3, frequency=1e6), VACUUM)
    with pytest.raises(ValueError, match=r"phases turn by 6.0e\+06 rad, which the integrator"):
        co.evolve(equation, "inverted", TIMES)


def test_warning_for_a_wrong_trace(monkeypatch):
    equation = co.master_equation(co.chain(2, 0.3, frequency=100.0), VACUUM)
    monkeypatch.setattr("collective.evolution.evolve._TRACE_ERROR", -1.0)
    with pytest.warns(UserWarning, match="the trace of ρ is off by"):
        co.evolve(equation, "inverted", [0.0, 1.0])


def test_phases_beyond_double_precision_are_refused():
    """10¹⁷ radians are known only to some tens of radians, so that no phase is known."""
    equation = co.master_equation(co.chain(2, 0.3, frequency=100.0), VACUUM)
    with pytest.raises(
        co.EvolutionError, match=r"turns phases by \d.*e\+17 rad, of which no digits are left"
    ):
        co.evolve(equation, "inverted", [0.0, 1e15])


def test_user_defined_operators():
    equation = co.MasterEquation(0.5 * qutip.sigmax(), [np.sqrt(0.3) * qutip.sigmam()])
    result = co.evolve(equation, qutip.basis(2, 1), TIMES, observe={"σz": qutip.sigmaz()})
    peer = qutip.mesolve(
        0.5 * qutip.sigmax(), qutip.basis(2, 1), TIMES, c_ops=[np.sqrt(0.3) * qutip.sigmam()],
        e_ops=[qutip.sigmaz()], options={"rtol": 1e-10, "atol": 1e-12},
    )  # fmt: skip
    np.testing.assert_allclose(result.expect["σz"], peer.expect[0], atol=1e-8)
    assert result.emission is None
    with pytest.raises(ValueError, match="does not know its levels"):
        co.evolve(equation, "ground", TIMES)
    with pytest.raises(ValueError, match="does not know the frame"):
        co.evolve(equation, qutip.basis(2, 1), TIMES).in_frame("rotating")
    with pytest.raises(
        ValueError, match="has no emission rate, because its MasterEquation has no bath"
    ):
        co.plot.emission(result)


@pytest.mark.parametrize("approximation", ["universal", "redfield"])
def test_saved_results_contain_the_equation(approximation, tmp_path):
    system = random_multilevel(3, (2, 3), "magnetic")
    equation = co.master_equation(system, VACUUM, approximation=approximation, temperature=0.3)
    result = co.evolve(equation, "inverted", TIMES, observe="states")
    back = co.load(result.save(tmp_path / "run.npz"))
    assert back.couplings is None
    assert repr(back) == repr(result)
    assert str(back.equation.validity()) == str(equation.validity())
    again = co.evolve(back.equation, "inverted", TIMES, observe="states")
    np.testing.assert_allclose(again.populations, result.populations, atol=1e-12)
    np.testing.assert_allclose(
        back.in_frame("rotating").states[3].full(), result.in_frame("rotating").states[3].full()
    )
    assert back.equation.multilevel.kind == "magnetic"


def test_steady_states_of_master_equations():
    atoms = co.chain(2, 0.3, frequency=1e3)
    equation = co.master_equation(atoms, VACUUM, approximation="rwa", temperature=500.0)
    steady = co.steady_state(equation)
    excited = 1 / (1 + np.exp(2))
    np.testing.assert_allclose(steady.ptrace(1).diag(), [excited, 1 - excited], atol=1e-9)


def test_checkpoints_of_master_equations(tmp_path):
    pair, bath = lossy_mode((1.0, 0.9), (0.1, 0.1), 1.2, 0.5)
    equation = co.master_equation(pair, bath)
    first = co.evolve(equation, "inverted", TIMES, checkpoint=tmp_path / "run.npz")
    again = co.evolve(equation, "inverted", TIMES, checkpoint=tmp_path / "run.npz")
    np.testing.assert_array_equal(first.emission, again.emission)
    other = co.master_equation(pair, bath, approximation="redfield")
    with pytest.raises(ValueError, match="belongs to another problem"):
        co.evolve(other, "inverted", TIMES, checkpoint=tmp_path / "run.npz")


def test_comparison():
    pair, bath = lossy_mode((1.25, 0.75), (0.064, 0.048), 0.41, 1.49)
    times = np.linspace(0, 600, 61)
    names = ("universal", "redfield", "rwa")
    found = co.compare(pair, bath, co.states.single(0), times, approximations=names)
    assert set(found.results) == set(names)
    assert all(result.frame == "rotating" for result in found.results.values())
    assert len(found.distances) == 3
    near, far = found.distance("redfield", "universal"), found.distance("rwa", "universal")
    assert near.max() < 0.03
    assert far.max() > 0.25
    # the same frame for both: the distance is that of the laboratory
    a, b = (
        co.evolve(
            co.master_equation(pair, bath, approximation=name), co.states.single(0), times,
            observe="states",
        ).states[13]
        for name in ("universal", "rwa")
    )  # fmt: skip
    np.testing.assert_allclose(far[13], 0.5 * (a - b).norm("tr"), atol=1e-12)
    assert "universal – rwa" in str(found)
    ax = co.plot.comparison(found)
    assert len(ax.get_lines()) == 3
    np.testing.assert_array_equal(ax.get_lines()[1].get_ydata(), found.distance("universal", "rwa"))
    with pytest.raises(KeyError, match="no distance between 'rwa' and 'secular'"):
        found.distance("rwa", "secular")
    for names in (("rwa",), ("rwa", "rwa"), ("rwa", "exact")):
        with pytest.raises(ValueError, match="approximations must be"):
            co.compare(pair, bath, "ground", times, approximations=names)


NAMES = ("universal", "redfield", "rwa")


def compared(**options):
    pair, bath = lossy_mode((1.25, 0.75), (0.064, 0.048), 0.41, 1.49)
    times = np.linspace(0, 60, 7)
    return co.compare(pair, bath, co.states.single(0), times, approximations=NAMES, **options)


@pytest.mark.parametrize("when", [1, 2, 3])
@pytest.mark.parametrize("stage", ["before the first time", "during the run"])
def test_ctrl_c_keeps_the_approximations_evolved_so_far(when, stage, monkeypatch):
    whole, calls = compared(), []
    run = loop.run

    def interrupted(engine, request, earlier, checkpoint):
        calls.append(request)
        if len(calls) < when:
            return run(engine, request, earlier, checkpoint)
        if stage == "before the first time":
            raise KeyboardInterrupt
        found = run(engine, replace(request, times=request.times[:4]), earlier, checkpoint)
        found.failure = KeyboardInterrupt()
        return found

    monkeypatch.setattr(loop, "run", interrupted)
    if (when, stage) == (1, "before the first time"):
        with pytest.raises(KeyboardInterrupt):
            compared()
        return
    found = compared()
    assert len(calls) == when  # no further approximation is started
    assert not found.complete
    reached = NAMES[: when if stage == "during the run" else when - 1]
    assert tuple(found.results) == reached
    assert f"INCOMPLETE: interrupted; it has {', '.join(reached)}" in str(found)
    assert len(found.times) == (4 if stage == "during the run" else 7)
    assert len(found.distances) == len(reached) * (len(reached) - 1) // 2
    for pair, values in found.distances.items():
        np.testing.assert_array_equal(values, whole.distances[pair][: len(values)])
        assert len(values) == (4 if reached[-1] in pair and stage == "during the run" else 7)
    if len(reached) == 1:
        with pytest.raises(ValueError, match="has only universal, so there is no distance"):
            co.plot.comparison(found)


def test_ctrl_c_during_the_distances_keeps_the_results(monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    def last(results, complete):
        monkeypatch.setattr(np.linalg, "eigvalsh", interrupted)
        return distances(results, complete)

    distances = comparison._compared
    monkeypatch.setattr(comparison, "_compared", last)
    found = compared()
    assert not found.complete
    assert tuple(found.results) == NAMES
    assert found.distances == {}


def test_a_warning_raised_as_an_error_has_the_whole_comparison(monkeypatch):
    whole = compared()
    monkeypatch.setattr(evolve, "_TRACE_ERROR", -1.0)
    with pytest.raises(co.EvolutionError, match="'rwa': the trace of ρ is off by") as caught:
        compared()
    assert caught.value.result.complete
    assert tuple(caught.value.result.results) == NAMES
    for pair, values in caught.value.result.distances.items():
        np.testing.assert_array_equal(values, whole.distances[pair])


def test_an_engine_that_fails_keeps_the_comparison_so_far(monkeypatch):
    run, calls = loop.run, []

    def failing(engine, request, earlier, checkpoint):
        calls.append(request)
        if len(calls) < 2:
            return run(engine, request, earlier, checkpoint)
        found = run(engine, replace(request, times=request.times[:3]), earlier, checkpoint)
        found.failure = RuntimeError("too stiff")
        return found

    monkeypatch.setattr(loop, "run", failing)
    with pytest.raises(co.EvolutionError, match=r"approximation 'redfield': .*too stiff") as caught:
        compared()
    found = caught.value.result
    assert not found.complete
    assert len(found.times) == len(found.distance("universal", "redfield")) == 3


def test_validity_of_master_equations():
    pair, bath = lossy_mode((1.25, 0.75), (0.064, 0.048), 0.41, 1.49)
    universal = co.master_equation(pair, bath).validity()
    redfield = co.master_equation(pair, bath, approximation="redfield").validity()
    assert universal["complete positivity"].verdict == "holds"
    assert redfield["complete positivity"].verdict == "fails"
    assert redfield["complete positivity"].value < -1e-4
    secular = co.master_equation(pair, bath, approximation="secular").validity()
    assert "gap of Bohr frequencies (0.5)" in secular["secular gaps"].meaning
    rwa = co.master_equation(pair, bath, approximation="rwa").validity()
    assert "counter-rotating" in rwa["dropped"].meaning
    assert "1 collapse operators" in universal["approximation"].meaning
    close = co.master_equation(co.chain(2, 0.01, frequency=1e4), VACUUM).validity()
    assert close["local eigenoperators"].verdict == "doubtful"
    bare = co.MasterEquation(qutip.sigmaz()).validity()
    assert len(bare.assumptions) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"observe": "correlations"}, "correlations are of two-level Couplings"),
        ({"envelope": np.cos}, "envelope is for Couplings with a drive"),
        ({"state": co.states.single(0)}, r"for two-level emitters, not for \(3, 2\) levels"),
        ({"state": qutip.basis(4, 0)}, r"dims \[3, 2\], shape \(6, 1\)"),
    ],
)
def test_bad_requests(options, message):
    equation = co.master_equation(random_multilevel(1, (3, 2)), VACUUM)
    with pytest.raises(ValueError, match=message):
        co.evolve(equation, options.pop("state", "ground"), TIMES, **options)


def test_expectation_values_belong_to_their_frame():
    equation = co.master_equation(random_multilevel(1, (2,)), VACUUM)
    result = co.evolve(equation, "ground", TIMES, observe={"x": qutip.sigmax()})
    with pytest.raises(ValueError, match="x belong to the lab frame"):
        result.in_frame("rotating")
    bare = co.evolve(co.Couplings([[1]], [[0]]), "ground", TIMES)
    with pytest.raises(ValueError, match="frequency is required"):
        bare.in_frame("lab")
