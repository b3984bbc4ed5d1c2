"""Every engine on every system that it does not refuse, against an independent route."""

import numpy as np
import pytest
from reference import two_inverted_atoms
from systems import as_pattern, engines, refusal, systems, within_the_estimate

import collective as co

# an approximation that expects a large error says so
pytestmark = pytest.mark.filterwarnings("ignore:the error of method")
SYSTEMS = {system.name: system for system in systems()}
SHARED = {"thermal light", "shared noise", "identical, shared noise"}
OPEN = {"driven atom", "everything", "identical, everything", "Ising, everything", *SHARED}
SHARED |= {"dephased together"}
ISING = {"Ising", "Ising, everything"}
# the systems that an engine must not refuse, now and later; a new engine gets a line
TAKEN = {
    "exact": set(SYSTEMS),
    "blocks": set(SYSTEMS) - OPEN,
    "driven": set(SYSTEMS),
    "trajectories": set(SYSTEMS),
    "symmetric": {
        "single atom",
        "two atoms",
        "Dicke ladder",
        "driven atom",
        "identical, everything",
        "identical, shared noise",
    },
    "single": {"single atom", "detuned pair", "absorbed photon", "dephased", "dephased together"},
    "cumulants": set(SYSTEMS) - SHARED,
    "truncated_wigner": {
        "single atom",
        "two atoms",
        "Dicke ladder",
        "chain",
        "complex dipoles",
        "coherent",
        "lossless",
        "driven atom",
        "everything",
        "identical, everything",
    },
    "capped": set(SYSTEMS) - {"chain", *SHARED},
    "mean_field": set(SYSTEMS)
    - {"detuned pair", "absorbed photon", "dephased", "mixed state", "guide", *SHARED},
    "conditional_cumulants": set(SYSTEMS) - SHARED - ISING,
    "retarded": {"guide"},
}
ENGINES = {name: getattr(co.engines, kind)() for name, kind in co.engines.NAMES.items()}
ENGINES["trajectories"] = co.engines.Trajectories(n=400)
ENGINES["capped"] = co.engines.Capped(excitations=3)


# the driven engine has a kernel for shared noise alone, whose compilation takes seconds
LONG = {("driven", name) for name in SHARED}
PAIRS = [
    pytest.param(method, name, marks=pytest.mark.slow if (method, name) in LONG else ())
    for method in list(ENGINES)[::-1]
    for name in SYSTEMS
]


def test_every_engine_is_listed():
    assert set(engines()) == set(ENGINES) == set(TAKEN)
    assert all(TAKEN.values())


def asked(system, *observe):
    """The arguments of `co.evolve` without the method."""
    arguments = {"couplings": system.couplings, "state": system.state, "times": system.times}
    return {**arguments, "observe": observe}


# backwards, so that two processes do not compile the same kernels as `test_laws.py` at once
@pytest.mark.parametrize(("method", "name"), PAIRS)
def test_engine_agrees_with_the_reference(method, name):
    engine, system = ENGINES[method], SYSTEMS[name]
    why = refusal(engine, **asked(system, "correlations"))
    if why is not None:
        assert name not in TAKEN[method], why
        with pytest.raises(ValueError, match=as_pattern(why)):
            co.evolve(**asked(system, "correlations"), method=engine)
        return
    observe = [word for word in ("correlations", "states") if word in engine.keeps]
    options = {"rtol": 1e-10, "atol": 1e-12, "seed": 5, "progress": False}
    result = co.evolve(**asked(system, *observe), method=engine, **options)

    assert result.method == method
    assert result.accuracy == engine.accuracy
    if engine.accuracy == "sampled":
        agrees_within_errors(result, system)
        return
    if engine.accuracy == "approximate":
        agrees_within_the_estimate(result, system)
        return
    assert result.emission_error is None
    np.testing.assert_allclose(result.emission, system.emission, atol=1e-7)
    np.testing.assert_allclose(result.populations, system.populations, atol=1e-8)
    np.testing.assert_allclose(result.excitation, system.populations.sum(axis=1), atol=1e-8)
    np.testing.assert_allclose(result.correlations, system.correlations, atol=1e-8)
    if "states" in observe:
        states = [rho.full() for rho in result.states]
        np.testing.assert_allclose(states, system.states, atol=1e-8)
    assert result.diagnostics.get("trace_error", 0.0) < 1e-10
    assert min(result.diagnostics.get("smallest_eigenvalues", [0])) > -1e-9


def agrees_within_errors(result, system):
    """All values within five standard errors, and these of a size that n runs have.

    An event of a probability up to 5/n may be missing, so that the error is too small or even 0.
    """
    n = result.diagnostics["n_trajectories"]
    expected = {
        "emission": system.emission,
        "excitation": system.populations.sum(axis=1),
        "populations": system.populations,
    }
    for field, exact in expected.items():
        away = np.abs(getattr(result, field) - exact)
        error = getattr(result, f"{field}_error")
        largest = max(1, np.abs(exact).max())
        assert np.all(away <= 5 * error + 5 * largest / n + 1e-6), field
        assert np.all(error <= largest / np.sqrt(n)), field
    np.testing.assert_allclose(result.correlations, system.correlations, atol=5 / np.sqrt(n))


def agrees_within_the_estimate(result, system):
    """The emission as `within_the_estimate` says, and everything else finite."""
    assert within_the_estimate(result, system.emission)
    """The emission within twice its estimated error and five standard errors, and 3 % beside them.

    How often the estimate covers the error is measured in `benchmarks/accuracy.py`.
    """
    largest = np.abs(system.emission).max()
    scatter = 0.0 if result.emission_error is None else 5 * result.emission_error
    allowed = 2 * result.error_estimate + scatter + 0.03 * largest + 1e-12
    assert np.all(np.abs(result.emission - system.emission) <= allowed)
    assert np.all(np.isfinite(result.correlations))
    np.testing.assert_allclose(result.excitation, result.populations.sum(axis=1), atol=1e-6)


@pytest.mark.parametrize("name", [name for name, s in SYSTEMS.items() if s.closed_form])
def test_reference_agrees_with_closed_forms(name):
    system = SYSTEMS[name]
    np.testing.assert_allclose(system.emission, system.closed_form(system.times), atol=1e-13)


def test_two_inverted_atoms_at_any_distance():
    times = np.linspace(0, 5, 51)
    for spacing in (0.02, 0.3, 1.7):
        couplings = co.couple(co.chain(2, spacing), co.Vacuum())
        result = co.evolve(couplings, "inverted", times)
        expected = two_inverted_atoms(couplings.decay[0, 1], times)
        np.testing.assert_allclose(result.emission, expected, atol=1e-7)


def peak(times, emission):
    """Time and height of the parabola through the three highest samples."""
    i = int(np.argmax(emission))
    a, b, c = np.polyfit(times[i - 1 : i + 2], emission[i - 1 : i + 2], 2)
    return -b / (2 * a), c - b**2 / (4 * a)


def dicke_peak(n, samples):
    """The peak from samples of [0, 4] in 2,000 steps, as in the reference."""
    times = np.linspace(0, 4, 2001)[samples]
    couplings = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
    return peak(times, co.evolve(couplings, "inverted", times).emission)


def test_dicke_peak_of_three():
    np.testing.assert_allclose(dicke_peak(3, slice(None)), (0.156707, 3.22485), atol=1e-4)


@pytest.mark.slow
def test_dicke_peak_of_ten():
    np.testing.assert_allclose(
        dicke_peak(10, [0, 50, 105, 106, 107, 108]), (0.212843, 22.75912), atol=1e-4
    )
