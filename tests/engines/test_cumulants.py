"""Cumulants of orders 2 and 3, against operator algebra and exact engines."""

import tracemalloc
import warnings
from itertools import combinations, permutations

import numpy as np
import pytest
from cumulant_oracle import slope
from random_systems import random_couplings, random_matrix
from scipy.linalg import expm

import collective as co
from collective.engines.cumulants.first import First
from collective.engines.cumulants.general import General
from collective.engines.cumulants.pairs import rates
from collective.engines.cumulants.run import CumulantRun
from collective.engines.cumulants.second import Second
from collective.engines.cumulants.third import Third
from collective.engines.numerics.runge_kutta import RungeKutta, StepUnderflowError
from collective.states.entries import PairMoments

N = 5


def interacting(couplings):
    """The same emitters with random energies of pairs of excited ones."""
    n = len(couplings)
    ising = np.triu(np.random.default_rng(n).normal(size=(n, n)), 1)
    return couplings.replace(ising=ising + ising.T)


def random_moments(seed, n=N):
    """Moments that no state has: every term of the equations counts."""
    rng, off = np.random.default_rng(seed), 1 - np.eye(n)
    c, m = random_matrix(rng, n) * off, random_matrix(rng, n) * off
    zz, q = rng.normal(size=(n, n)) * off, rng.normal(size=(n, n, n))
    t = rng.normal(size=(n, n, n)) + 1j * rng.normal(size=(n, n, n))
    for i in range(n):
        t[i, i], t[:, i, i], t[i, :, i] = 0, 0, 0
    return {
        "s": random_matrix(rng, n, 1)[:, 0],
        "z": rng.normal(size=n),
        "c": c + c.conj().T,
        "m": m + m.T,
        "y": random_matrix(rng, n) * off,
        "zz": zz + zz.T,
        "t": t + t.conj().transpose(0, 2, 1),
        "q": sum(q.transpose(axes) for axes in permutations(range(3))),
    }


def pairs_of(moments):
    return PairMoments(*(moments[name] for name in ("s", "z", "c", "m", "y", "zz")))


def mean(moments, *, coherent):
    """The function that gives the oracle the mean of a product of up to three operators."""

    def found(word):
        names = "".join(name for _, name in word)
        sites = {name: [i for i, each in word if each == name] for name in "+-z"}
        if not coherent and names.count("+") != names.count("-"):
            return 0.0
        if names.count("+") > names.count("-"):
            swap = {"+": "-", "-": "+", "z": "z"}
            return np.conj(found(tuple((i, swap[name]) for i, name in word)))
        if names == "-":
            return moments["s"][sites["-"][0]]
        if set(names) == {"z"}:
            return moments[{1: "z", 2: "zz", 3: "q"}[len(names)]][tuple(sites["z"])]
        kinds = {("+", "-"): "c", ("-", "-"): "m", ("z", "-"): "y", ("z", "+", "-"): "t"}
        ordered = sorted(word, key=lambda each: "z+-".index(each[1]))
        kind = kinds[tuple(name for _, name in ordered)]
        return moments[kind][tuple(i for i, _ in ordered)]

    return found


def slopes(equations, start, t=0.0):
    out = np.full_like(start, np.nan)
    equations.slope(t, start, out)
    return out


@pytest.mark.parametrize("order", [2, 3])
def test_equations_without_coherence_are_those_of_operator_algebra(order):
    couplings, moments = interacting(random_couplings(1, N, drive=False)), random_moments(2)
    equations = {2: Second, 3: Third}[order](rates(couplings))
    if order == 2:
        start = equations.start(pairs_of(moments))
    else:
        start = equations.start_triples(pairs_of(moments), moments["t"], moments["q"])
    found = slopes(equations, start)
    c, z, zz = equations.parts(found)
    known = mean(moments, coherent=False)

    def expected(*word):
        return slope(word, couplings, known, order)

    pairs = list(combinations(range(N), 2))
    wanted = [expected((m, "+"), (n, "-")) for m, n in pairs]
    np.testing.assert_allclose(c, wanted, atol=1e-11)
    wanted = [expected((m, "z"), (n, "z")) for m, n in pairs]
    np.testing.assert_allclose(zz, wanted, atol=1e-11)
    np.testing.assert_allclose(z, [expected((m, "z")) for m in range(N)], atol=1e-11)
    if order == 2:
        return
    t, q = equations.triples(found)
    for j in range(N):
        for place, (m, n) in enumerate(pairs):
            wanted = 0.0 if j in (m, n) else expected((j, "z"), (m, "+"), (n, "-"))
            assert abs(t[j, place] - wanted) < 1e-11
    wanted = [expected(*((i, "z") for i in three)) for three in combinations(range(N), 3)]
    np.testing.assert_allclose(q, wanted, atol=1e-11)


def test_equations_with_coherence_are_those_of_operator_algebra():
    couplings, moments = interacting(random_couplings(3, N)), random_moments(4)
    equations = General(rates(couplings), lambda t: 0.7 + 0.2j * t)
    start = equations.start(pairs_of(moments))
    c, z, s, m, y, zz = equations.parts(slopes(equations, start, 2.0))
    known = mean(moments, coherent=True)

    def expected(*word):
        return slope(word, couplings, known, 2, 0.7 + 0.4j)

    for place, (i, j) in enumerate(combinations(range(N), 2)):
        assert abs(c[place] - expected((i, "+"), (j, "-"))) < 1e-11
        assert abs(m[place] - expected((i, "-"), (j, "-"))) < 1e-11
        assert abs(zz[place] - expected((i, "z"), (j, "z"))) < 1e-11
        assert abs(y[i, j] - expected((i, "z"), (j, "-"))) < 1e-11
        assert abs(y[j, i] - expected((j, "z"), (i, "-"))) < 1e-11
    for i in range(N):
        assert abs(s[i] - expected((i, "-"))) < 1e-11
        assert abs(z[i] - expected((i, "z"))) < 1e-11


def test_equations_of_mean_field_are_those_of_operator_algebra():
    couplings, moments = interacting(random_couplings(5, N)), random_moments(6)
    equations = First(rates(couplings), couplings.decay, lambda t: 1.3 - 0.4j * t)
    start = equations.start(pairs_of(moments))
    s, z = equations.parts(slopes(equations, start, 0.5))
    known = mean(moments, coherent=True)
    for i in range(N):
        for found, name in ((s[i], "-"), (z[i], "z")):
            assert abs(found - slope(((i, name),), couplings, known, 1, 1.3 - 0.2j)) < 1e-11


TIGHT = {"rtol": 1e-11, "atol": 1e-13, "progress": False}
TIMES = np.linspace(0, 5, 51)


def run(couplings, state="inverted", times=TIMES, **options):
    engine = co.engines.Cumulants(
        **{name: options.pop(name) for name in ("order", "closure") if name in options}
    )
    return co.evolve(couplings, state, times, method=engine, **{"progress": False, **options})


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("state", [co.states.inverted(), co.states.dicke(1), "mixed"])
def test_as_many_emitters_as_the_order_are_exact(order, state):
    """Random complex Γ and Δ, Ising terms, detunings, dephasing and pump."""
    couplings = interacting(random_couplings(order, order, drive=False))
    if state == "mixed":
        state = co.states.mixed(np.linspace(0.2, 0.9, order))
    options = {**TIGHT, "observe": "correlations"}
    exact = co.evolve(couplings, state, TIMES, method="exact", **options)
    found = run(couplings, state, order=order, **options)
    np.testing.assert_allclose(found.emission, exact.emission, atol=1e-8)
    np.testing.assert_allclose(found.correlations, exact.correlations, atol=1e-8)
    assert np.all(found.error_estimate == 0)


def test_two_driven_emitters_are_exact():
    """With an envelope, dephasing and pump, from a coherent state."""
    couplings, state = interacting(random_couplings(7, 2)), co.states.product([0.4, 2.0], 0.3)
    options = {**TIGHT, "observe": "correlations", "envelope": lambda t: np.exp(-((t - 2) ** 2))}
    exact = co.evolve(couplings, state, TIMES, method="driven", **options)
    found = run(couplings, state, **options)
    np.testing.assert_allclose(found.correlations, exact.correlations, atol=1e-8)
    assert found.diagnostics["closure"] == "general"


def test_both_closures_agree_without_coherence():
    chain = co.couple(co.chain(7, 0.15), co.Vacuum()).replace(pump=0.2, dephasing=0.1)
    one, two = (run(chain, closure=name, **TIGHT) for name in ("u1", "general"))
    np.testing.assert_allclose(one.emission, two.emission, atol=1e-9)


def largest_error(found, exact):
    return np.abs(found.emission - exact.emission).max() / exact.emission.max()


@pytest.mark.parametrize(
    ("emitters", "second", "third"),
    [
        (co.square(3, 3, 0.2), 0.035, 0.01),
        pytest.param(co.chain(12, 0.2), 0.03, 0.008, marks=pytest.mark.slow),
    ],
)
def test_bursts_of_inverted_emitters(emitters, second, third):
    couplings, times = co.couple(emitters, co.Vacuum()), np.linspace(0, 5, 101)
    exact = co.evolve(couplings, "inverted", times, method="blocks", progress=False)
    for order, allowed in ((2, second), (3, third)):
        found = run(couplings, times=times, order=order)
        assert 0.3 * allowed < largest_error(found, exact) <= allowed
        assert found.diagnostics["error_from"] == "the gap between orders 2 and 3"
        off = np.abs(found.emission - exact.emission)
        assert np.all(off <= 2 * found.error_estimate + 0.002 * exact.emission.max())


@pytest.mark.slow
def test_driven_emitters():
    """By a wave that runs along the square; emitters driven alike are 3.3 % off."""
    square = co.square(3, 3, 0.2)
    drive = co.plane_wave(square, 5.0, direction=(1, 0, 0), polarisation=(0, 0, 1))
    couplings = co.couple(square, co.Vacuum()).replace(drive=drive)
    exact = co.evolve(couplings, "ground", TIMES, method="driven", progress=False)
    assert 0.005 < largest_error(run(couplings, "ground"), exact) <= 0.03


@pytest.mark.parametrize("drive", [0.2, 1.0, 5.0])
def test_mean_field_beside_tells_the_error_under_a_drive(drive):
    chain = co.couple(co.chain(6, 0.1), co.Vacuum()).replace(drive=drive)
    exact = co.evolve(chain, "ground", TIMES, method="driven", progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of 45 % at the strongest drive
        found = run(chain, "ground")
    assert found.diagnostics["error_from"] == "the gap between orders 1 and 2"
    off = np.abs(found.emission - exact.emission)
    assert np.all(off <= found.error_estimate + 1e-4 * exact.emission.max())
    assert found.error_estimate.max() < 3 * off.max()


@pytest.mark.slow
def test_weak_excitation_keeps_its_digits():
    """Populations of 10⁻⁸, beside inversions near −1; the closure is off by Ω²."""
    chain = co.couple(co.chain(3, 0.2), co.Vacuum()).replace(drive=1e-4)
    options = {"rtol": 1e-9, "atol": 1e-18, "progress": False}
    h = chain.effective_hamiltonian()
    dipoles = (np.eye(3) - expm(-5j * h)) @ np.linalg.solve(h, chain.drive / 2)  # classical ones
    found = run(chain, "ground", times=[0, 5], **options)
    np.testing.assert_allclose(found.populations[-1], np.abs(dipoles) ** 2, rtol=1e-6)


def test_the_default_tolerance_is_kept():
    chain = co.couple(co.chain(10, 0.1), co.Vacuum())
    for order in (2, 3):
        found, tight = run(chain, order=order), run(chain, order=order, **TIGHT)
        assert np.abs(found.emission - tight.emission).max() < 1e-6 * tight.emission.max()


def test_emission_is_what_the_emitters_lose():
    found = run(co.couple(co.cloud(8, 0.3, seed=1), co.Vacuum()), order=3)
    assert found.diagnostics["energy_balance"] < 1e-12
    assert len(found.diagnostics["smallest_correlation_eigenvalues"]) == 5
    assert abs(np.trapezoid(found.emission, TIMES) - 8 + found.excitation[-1]) < 0.05


def test_a_frequency_of_all_emitters_has_no_effect():
    pair = co.couple(co.chain(3, 0.1), co.Vacuum())
    for state in ("inverted", co.states.coherent(1.0)):
        here, there = run(pair, state), run(pair.replace(detunings=1e4), state)
        np.testing.assert_allclose(here.emission, there.emission, atol=1e-6)
        assert there.diagnostics["steps"] <= 1.2 * here.diagnostics["steps"]


@pytest.mark.parametrize("order", [2, 3])
def test_threads_change_nothing(order):
    chain = co.couple(co.chain(36, 0.3), co.Vacuum())
    times = [0.0, 0.5]
    one, two = (run(chain, times=times, order=order, threads=k) for k in (1, 2))
    np.testing.assert_allclose(one.emission, two.emission, rtol=1e-12)


def test_a_run_that_diverges_ends_there():
    """Emitters driven hard at a twentieth of a wavelength: order 2 leaves the physical region."""
    chain = co.couple(co.chain(5, 0.05), co.Vacuum()).replace(drive=20.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = run(chain, "ground")
    said = [str(warning.message) for warning in caught]
    assert any("cumulants of order 2 diverged at t = 0.45" in text for text in said)
    assert not found.complete
    assert 0 < len(found.times) < len(TIMES)
    assert found.times[-1] < 0.46
    assert "diverged at t = 0.45" in found.reason
    for values in (found.emission, found.populations, found.error_estimate):
        assert np.all(np.isfinite(values))
    assert np.abs(found.populations).max() < 1.5


def test_a_divergence_of_the_order_beside_does_not_end_the_run(monkeypatch):
    chain = co.couple(co.chain(6, 0.2), co.Vacuum())
    whole = run(chain)
    step = RungeKutta.step

    def diverging(self):
        if len(self.y) > 200 and self.t > 1:
            raise StepUnderflowError
        step(self)

    monkeypatch.setattr(RungeKutta, "step", diverging)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a wide band
        found = run(chain)
    np.testing.assert_array_equal(found.emission, whole.emission)
    known = TIMES < 1
    np.testing.assert_array_equal(found.error_estimate[known], whole.error_estimate[known])
    assert np.all(np.isfinite(found.error_estimate))
    assert "order 3 diverged" in found.diagnostics["error_from"]


def test_tolerances_below_round_off_are_named():
    pair = co.couple(co.chain(3, 0.2), co.Vacuum())
    with pytest.raises(co.EvolutionError, match=r"rtol=1e-14 and atol=1e-300 cannot be reached"):
        run(pair, rtol=1e-14, atol=1e-300)


def test_the_initial_moments_have_no_error():
    """Also where nothing runs beside, as for a single output time."""
    chain = co.couple(co.chain(6, 0.1), co.Vacuum())
    for found in (run(chain), run(chain, times=[0.0]), run(chain, order=3, times=[2.0])):
        assert found.error_estimate[0] == 0


@pytest.mark.parametrize("closure", ["u1", "general"])
def test_a_divergence_of_the_lower_order_does_not_end_the_run(monkeypatch, closure):
    """After it nothing tells the error, which is then as large as the emission."""
    chain = co.couple(co.chain(5, 0.2), co.Vacuum())
    chain = chain.replace(drive=1.0) if closure == "general" else chain
    step, numbers = RungeKutta.step, {"u1": 100, "general": 20}[closure]

    def diverging(self):
        if len(self.y) < numbers and self.t > 1:
            raise StepUnderflowError
        step(self)

    monkeypatch.setattr(RungeKutta, "step", diverging)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a wide band
        found = run(chain, "ground" if closure == "general" else "inverted",
                    order=2 if closure == "general" else 3)  # fmt: skip
    assert found.complete
    unknown = TIMES > 1.5
    np.testing.assert_array_equal(found.error_estimate[unknown], found.emission[unknown])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 1}, "order must be 2 or 3, got 1"),
        ({"order": 4}, "order must be 2 or 3, got 4"),
        ({"order": 2.5}, "order"),
        ({"closure": "best"}, "closure must be one of 'auto', 'u1', 'general'"),
        ({"order": 3, "closure": "general"}, "closure: order 3 keeps only moments"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        co.engines.Cumulants(**options)


def test_refusals_name_the_number_and_the_way_out():
    chain = co.couple(co.chain(3, 0.2), co.Vacuum())
    with pytest.raises(ValueError, match=r"order 3 takes no drive, but the drive is 2\.5: use Cum"):
        run(chain.replace(drive=2.5), order=3)
    with pytest.raises(
        ValueError, match=r"order 3 takes no coherent initial state.*: use Cumulants"
    ):
        run(chain, co.states.coherent(1.0), order=3)
    with pytest.raises(ValueError, match=r'closure="u1" takes no coherent.*use closure="general"'):
        run(chain, co.states.coherent(1.0), closure="u1")


def test_many_output_times_within_a_step_take_no_further_memory():
    chain, times = co.couple(co.chain(40, 0.3), co.Vacuum()), np.linspace(0, 0.02, 401)
    run(chain, times=times[:2], observe="correlations")
    tracemalloc.start()
    found = run(chain, times=times, observe="correlations")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.diagnostics["steps"] < 10
    assert peak < 1.1 * found.diagnostics["bytes_predicted"]
    assert peak > 16 * 40 * 40 * 401


def test_ctrl_c_between_the_output_times_of_a_step_loses_nothing(monkeypatch, tmp_path):
    chain, times = co.couple(co.chain(5, 0.3), co.Vacuum()), np.linspace(0, 3, 61)
    whole, record, seen = run(chain, times=times), CumulantRun._record, []

    def interrupted(self, equations, y, now):
        seen.append(len(equations.inversion(y)) == 5)  # and not the three that are compiled with
        if seen[-1] and sum(seen) == 20:
            raise KeyboardInterrupt
        record(self, equations, y, now)

    monkeypatch.setattr(CumulantRun, "_record", interrupted)
    found = run(chain, times=times, checkpoint=tmp_path / "kept.npz")
    assert (found.complete, len(found.times)) == (False, 19)
    found = run(chain, times=times, checkpoint=tmp_path / "kept.npz")
    assert sum(seen) == 20 + 61 - 19
    np.testing.assert_array_equal(found.emission, whole.emission)


@pytest.mark.slow
def test_large_problems_say_their_bytes():
    couplings = co.Couplings(np.eye(1500), np.zeros((1500, 1500)))
    found = co.methods(couplings, "inverted", [0, 1], method=co.engines.Cumulants(order=3))
    assert found.costs["cumulants"].bytes > 16 * 8 * 7 / 6 * 1500**3
    with pytest.raises(co.ProblemTooLargeError, match="third order of 1500 emitters"):
        run(couplings, times=[0, 1], order=3)
