"""Laws that every engine obeys, by each of its methods."""

from dataclasses import replace

import numpy as np
import pytest
import reference
from systems import QUIET, engines, in_unit, refusal, routes

import collective as co

# an approximation that expects a large error says so
pytestmark = pytest.mark.filterwarnings("ignore:the error of method")
ROUTES = routes()
BETWEEN = [pytest.param(unit, marks=pytest.mark.slow) for unit in (1e-12, 1e-7, 1e5)]
UNITS = [1e-15, *BETWEEN, 1e15]
SAMPLED = [name for name, route in ROUTES.items() if route.engine.accuracy == "sampled"]
APPROXIMATE = [name for name, route in ROUTES.items() if route.engine.accuracy == "approximate"]
DETERMINISTIC = [name for name in ROUTES if name not in SAMPLED + APPROXIMATE]
CLOSED = [name for name in DETERMINISTIC if ROUTES[name].system.closed]
TIMES = ROUTES["exact"].system.times
COMPILING = "trajectories driven"  # with kernels that take long to compile


def marked(names):
    """Names as parameters; that of the route with the slowest compilation is a long test."""
    return [pytest.param(n, marks=[pytest.mark.slow] * (n == COMPILING)) for n in names]


def test_every_engine_has_a_route():
    assert {route.engine.name for route in ROUTES.values()} == set(engines())


# the unit and the origin of time


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", marked(DETERMINISTIC))
def test_any_unit_of_time(name, unit):
    """Results are compared with the reference, which computes in the unit 1."""
    route = ROUTES[name]
    result = route.run(unit)
    np.testing.assert_allclose(result.emission / unit, route.system.emission, atol=1e-7)
    np.testing.assert_allclose(result.correlations, route.system.correlations, atol=1e-7)
    np.testing.assert_array_equal(result.times, TIMES / unit)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", marked(SAMPLED))
def test_photons_are_emitted_at_the_same_moments_in_any_unit_of_time(name, unit, at_unit_1):
    here, there = at_unit_1(name), ROUTES[name].run(unit)
    np.testing.assert_allclose(there.populations, here.populations, atol=1e-9)
    np.testing.assert_allclose(there.emission / unit, here.emission, atol=1e-9)
    np.testing.assert_allclose(there.emission_error / unit, here.emission_error, atol=1e-9)
    np.testing.assert_array_equal(there.jumps.trajectory, here.jumps.trajectory)
    np.testing.assert_array_equal(there.jumps.channels, here.jumps.channels)
    np.testing.assert_allclose(there.jumps.times * unit, here.jumps.times, atol=1e-9)
    away = np.abs(here.emission - ROUTES[name].system.emission)
    assert np.all(away < 5 * here.emission_error + 1e-7)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", marked(APPROXIMATE))
def test_an_approximation_in_any_unit_of_time(name, unit, at_unit_1):
    """The same samples are drawn, and every step is as long; adaptive steps differ by round-off."""
    here, there = at_unit_1(name), ROUTES[name].run(unit)
    np.testing.assert_allclose(there.emission / unit, here.emission, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(
        there.error_estimate / unit, here.error_estimate, rtol=0.02, atol=1e-3
    )
    np.testing.assert_allclose(there.populations, here.populations, atol=2e-4)


@pytest.fixture(scope="module")
def at_unit_1():
    """The result of a route in the unit 1, computed once."""
    found = {}

    def result(name):
        if name not in found:
            found[name] = ROUTES[name].run()
        return found[name]

    return result


@pytest.mark.parametrize("name", marked(ROUTES))
def test_units_apart_by_a_power_of_four_agree_to_the_last_digit(name, at_unit_1):
    here, there = at_unit_1(name), ROUTES[name].run(4.0**-26)
    np.testing.assert_array_equal(there.emission * 4.0**26, here.emission)
    np.testing.assert_array_equal(there.correlations, here.correlations)
    if here.jumps is not None:
        np.testing.assert_array_equal(there.jumps.times * 4.0**-26, here.jumps.times)


@pytest.mark.parametrize("start", [1e13, 1e15, -1e15])
@pytest.mark.parametrize("name", marked(ROUTES))
def test_time_translation_invariance(name, start, at_unit_1):
    """Half a lifetime can be resolved after 10¹⁵ of them: floats are spaced by 0.125 there."""
    here, there = at_unit_1(name), ROUTES[name].run(start=start)
    np.testing.assert_array_equal(there.emission, here.emission)
    np.testing.assert_array_equal(there.correlations, here.correlations)
    np.testing.assert_array_equal(there.times, start + TIMES)
    if here.jumps is not None:
        shifted = start + here.jumps.times
        np.testing.assert_allclose(there.jumps.times, shifted, rtol=0, atol=abs(start) * 3e-16)


# symmetry, positivity, energy


@pytest.mark.parametrize("name", [*DETERMINISTIC, "trajectories"])
def test_permutation_of_the_emitters(name, at_unit_1):
    """Driven trajectories draw other photons when the collapse operators change places."""
    route, order = ROUTES[name], [2, 0, 1]
    system, here = route.system, at_unit_1(name)
    c = system.couplings
    permuted = co.Couplings(
        c.decay[np.ix_(order, order)],
        c.shift[np.ix_(order, order)],
        **{rate: getattr(c, rate)[order] for rate in ("detunings", "dephasing", "pump", "drive")},
        ising=None if c.ising is None else c.ising[np.ix_(order, order)],
    )
    if isinstance(c.field, co.Waveguide):
        permuted = co.couple(c.emitters.replace(positions=c.emitters.positions[order]), c.field)
    state = reference.as_qobj(system.start).permute(order)
    there = co.evolve(permuted, state, TIMES, method=route.engine, observe="correlations", **QUIET)
    np.testing.assert_allclose(there.emission, here.emission, atol=1e-8)
    np.testing.assert_allclose(there.populations, here.populations[:, order], atol=1e-8)
    expected = here.correlations[:, order][:, :, order]
    np.testing.assert_allclose(there.correlations, expected, atol=1e-8)


@pytest.mark.parametrize("name", marked([*DETERMINISTIC, *SAMPLED]))
def test_correlations_are_positive_and_agree_with_populations_and_emission(name, at_unit_1):
    result = at_unit_1(name)
    decay = ROUTES[name].system.couplings.decay
    found = result.correlations
    np.testing.assert_allclose(found, found.conj().swapaxes(1, 2), atol=1e-12)
    assert np.linalg.eigvalsh(found).min() > -1e-9
    assert result.populations.min() > -1e-9
    assert result.populations.max() < 1 + 1e-9
    diagonal = np.diagonal(found, axis1=1, axis2=2).real
    np.testing.assert_allclose(result.populations, diagonal, atol=1e-12)
    np.testing.assert_allclose(result.excitation, result.populations.sum(axis=1), atol=1e-12)
    rate = np.einsum("mn,tmn->t", decay, found).real
    np.testing.assert_allclose(result.emission, rate, atol=1e-12)


@pytest.mark.parametrize("name", marked(APPROXIMATE))
def test_correlations_of_an_approximation_agree_with_populations_and_emission(name, at_unit_1):
    """They need not be positive: that is a part of what an approximation gets wrong."""
    result, found = at_unit_1(name), at_unit_1(name).correlations
    np.testing.assert_allclose(found, found.conj().swapaxes(1, 2), atol=1e-6)
    diagonal = np.diagonal(found, axis1=1, axis2=2).real
    np.testing.assert_allclose(result.populations, diagonal, atol=1e-5)
    np.testing.assert_allclose(result.excitation, result.populations.sum(axis=1), atol=1e-5)
    rate = np.einsum("mn,tmn->t", ROUTES[name].system.couplings.decay, found).real
    np.testing.assert_allclose(result.emission, rate, atol=1e-5)


@pytest.mark.parametrize("name", marked([*DETERMINISTIC, *SAMPLED]))
def test_states_have_trace_one_and_no_negative_eigenvalue(name):
    """Tested on the states if the engine keeps them, else on its diagnostics."""
    route, s = ROUTES[name], ROUTES[name].system
    if refusal(route.engine, s.couplings, s.state, TIMES, observe="states") is None:
        for rho in route.run(observe="states").states:
            assert abs(rho.tr() - 1) < 1e-9
            assert np.linalg.eigvalsh(rho.full()).min() > -1e-9
    elif name in DETERMINISTIC:
        diagnostics = route.run().diagnostics
        assert diagnostics.get("trace_error", 0.0) < 1e-9
        assert min(diagnostics.get("smallest_eigenvalues", [0.0])) > -1e-9


@pytest.mark.parametrize("name", marked(CLOSED))
def test_photons_are_lost_excitations(name):
    """By Simpson's rule, whose error is far below that of the engine at this spacing."""
    route, times = ROUTES[name], np.linspace(0, 3, 601)
    result = co.evolve(
        route.system.couplings, route.system.state, times, method=route.engine, progress=False
    )
    start, middle, end = result.emission[:-2:2], result.emission[1:-1:2], result.emission[2::2]
    photons = np.concatenate([[0], np.cumsum(start + 4 * middle + end)]) * times[1] / 3
    lost = result.excitation[0] - result.excitation[::2]
    np.testing.assert_allclose(photons, lost, atol=1e-7)


def test_each_photon_takes_one_excitation():
    n, times, s = 400, np.linspace(0, 3, 301), ROUTES["trajectories"].system
    engine = co.engines.Trajectories(n=n)
    result = co.evolve(s.couplings, s.state, times, method=engine, seed=1, progress=False)
    photons = np.array([np.sum(result.jumps.times <= t) for t in times]) / n
    np.testing.assert_allclose(result.excitation, 3 - photons, atol=1e-12)


# interruption

# these reach all output times in two steps; their own tests interrupt them within one
AT_ONCE = {"blocks lossless", "single"}


@pytest.mark.parametrize("name", marked(ROUTES))
def test_checkpoint_continues_to_the_same_result(name, tmp_path, interrupted_at):
    """Checkpoints in any unit and at any time; a finished run is read from its file, bit for bit."""
    route, path, unit, start = ROUTES[name], tmp_path / "run.npz", 1e-12, 1e12
    many = getattr(route.engine, "n", None) is not None
    if name in SAMPLED:
        route = route.repeated(300)
    elif name in APPROXIMATE:
        route = replace(route, system=replace(route.system, times=np.linspace(0, 6, 41)))
    else:
        until = 1000 if name in ("blocks", "blocks dephased") else 60  # whose steps are quick
        route = replace(route, system=replace(route.system, times=np.linspace(0, until, 41)))
    whole = route.run(unit, start)
    with interrupted_at(2):
        part = route.run(unit, start, checkpoint=path)
    assert part.complete == (name in AT_ONCE)
    kept = co.load(path)
    np.testing.assert_array_equal(kept.times, whole.times[: len(kept.times)])
    if not many:
        reached = whole.emission[: len(part.times)]
        np.testing.assert_allclose(part.emission, reached, rtol=1e-6, atol=1e-9 * unit)
    rest = route.run(unit, start, checkpoint=path)
    assert rest.complete
    tolerance = (
        {"rtol": 1e-14 if name in SAMPLED else 1e-6}
        if many
        else {"rtol": 1e-7, "atol": 1e-8 * unit}
    )
    np.testing.assert_allclose(rest.emission, whole.emission, **tolerance)
    np.testing.assert_allclose(rest.correlations, whole.correlations, atol=1e-8)
    if many:
        if whole.jumps is not None:
            np.testing.assert_array_equal(rest.jumps.times, whole.jumps.times)
        np.testing.assert_allclose(rest.emission_error, whole.emission_error, rtol=1e-12)
    finished = route.run(unit, start, checkpoint=path)
    np.testing.assert_array_equal(finished.emission, rest.emission)
    for observed in ("populations", "correlations"):  # means come from sums of all runs
        np.testing.assert_allclose(
            getattr(finished, observed), getattr(rest, observed), rtol=1e-14 if many else 0
        )
    with pytest.raises(ValueError, match="another problem"):
        co.evolve(
            in_unit(route.system.couplings, 4 * unit), route.system.state, whole.times,
            method=route.engine, observe="correlations", checkpoint=path, **QUIET,
        )  # fmt: skip
