"""Correlations of two times against QuTiP, dense exponentials, closed forms and other methods."""

import time
from itertools import pairwise

import numpy as np
import pytest
import qutip
import reference
from scipy.linalg import expm
from systems import identical

import collective as co
from collective.observables import _delayed_moments, _two_times, correlation, g1, g2, spectrum

TIMES, DELAYS = [2.0, 2.3, 3.1], [0.0, 0.2, 1.3]
WORDS = ("coherence", "coincidence")
SHARED = 0.2 * (np.eye(3) + np.array([[0, 0.5j, 0.2], [-0.5j, 0, 0.3], [0.2, 0.3, 0]]))


def three(**more):
    """Three emitters that differ, with complex couplings."""
    ring = co.couple(co.ring(3, 0.2, dipoles=[1, 1j, 0.3]), co.Vacuum())
    return ring.replace(detunings=[0, 0.3, 0.7], **more)


def alike(**more):
    """Three identical emitters."""
    return identical(3, together=0.6, exchange=0.3, **more)


def dense(couplings, rho, times, delays, operators):
    """The regression theorem with matrices of 4^N × 4^N numbers, written out."""
    n = len(couplings)
    low, generator = reference.lowering(n), reference.generator_of(couplings)

    def evolved(matrix, t):
        return (expm(generator * t) @ matrix.ravel()).reshape(matrix.shape)

    if operators == "coherence":
        pairs = [[(a.T, b, np.eye(2**n)) for b in low] for a in low]
    elif operators == "coincidence":
        pairs = [[(a.T, b.T @ b, a) for b in low] for a in low]
    else:
        pairs = [[operators]]
    found = np.empty((len(times), len(delays), len(pairs), len(pairs[0])), dtype=complex)
    for i, t in enumerate(times):
        then = evolved(rho, t - times[0])
        for k, tau in enumerate(delays):
            for m, row in enumerate(pairs):
                for j, (a, b, c) in enumerate(row):
                    found[i, k, m, j] = np.trace(b @ evolved(c @ then @ a, tau))
    return found if isinstance(operators, str) else found[:, :, 0, 0]


def start_of(couplings, state):
    """ρ of a state by QuTiP's order, or the steady state from the kernel of the generator."""
    if state is not None:
        return co.states.density_matrix(state, couplings).full()
    values, vectors = np.linalg.eig(reference.generator_of(couplings))
    rho = vectors[:, np.argmin(abs(values))].reshape((2 ** len(couplings),) * 2)
    return rho / np.trace(rho)


CASES = {
    "decay": (three(), "inverted"),
    "dephased": (three(dephasing=0.3), co.states.coherent(1.1, 0.3)),
    "one excitation": (three(), co.states.single(1)),
    "one, dephased": (three(dephasing=0.2), co.states.single(1)),
    "mixed": (three(), co.states.mixed([0.9, 0.4, 0.5])),
    "driven": (three(drive=[1, 0.3j, 0.2]), "ground"),
    "steady": (three(drive=[1, 0.3j, 0.2], pump=0.2), None),
    "pumped": (three(pump=[0.1, 0.2, 0.5]), co.states.single(0)),
    "thermal": (three().replace(thermal_photons=0.4), "inverted"),
    "thermal, steady": (three().replace(thermal_photons=0.4), None),
    "interacting": (three(ising=1.3), "inverted"),
    "interacting, driven": (three(ising=1.3, drive=0.8), "ground"),
    "shared noise": (three(pump=SHARED, dephasing=SHARED.conj()), "inverted"),
    "shared noise, steady": (three(pump=SHARED, dephasing=SHARED.conj()), None),
    "identical": (alike(), "inverted"),
    "identical, driven": (alike(drive=1 + 0.3j), co.states.coherent(1.0, 0.2)),
    "identical, steady": (alike(drive=1.0, dephasing=0.1), None),
    "identical, pumped": (alike(pump=0.4), None),
    "purely collective": (identical(3, together=1.0, drive=0.7), "ground"),
}
# which methods each case runs by; quick tests run one of each method
METHODS = {
    "blocks": ("interacting", "decay", "dephased", "one excitation", "one, dephased", "mixed"),
    "symmetric": tuple(name for name in CASES if name.startswith(("identical", "purely"))),
    "driven": (
        "interacting, driven",
        "shared noise",
        "decay",
        "driven",
        "steady",
        "thermal",
        "thermal, steady",
    ),
    "exact": tuple(CASES),
}
QUICK = {("blocks", "dephased"), ("symmetric", "identical, driven"), ("driven", "steady")}


@pytest.mark.parametrize("operators", WORDS)
@pytest.mark.parametrize(
    ("method", "name"),
    [
        pytest.param(*pair, marks=() if pair in QUICK else pytest.mark.slow)
        for pair in [(method, name) for method, names in METHODS.items() for name in names]
    ],
)
def test_against_dense_exponentials(method, name, operators):
    couplings, state = CASES[name]
    times = [0.0] if state is None else TIMES
    found = correlation(
        couplings, state, times, DELAYS, operators=operators, method=method, progress=False
    )
    expected = dense(couplings, start_of(couplings, state), times, DELAYS, operators)
    np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.slow
def test_against_qutip():
    """Every pair of sites by QuTiP's correlation_2op_2t."""
    couplings = three(drive=[1, 0.3j, 0.2], dephasing=0.1)
    times, delays = np.linspace(0, 1.5, 4), np.linspace(0, 2, 5)
    found = correlation(couplings, "inverted", times, delays)
    low = [reference.as_qobj(each) for each in reference.lowering(3)]
    start = reference.as_qobj(reference.projector(reference.inverted(3)))
    options = {"rtol": 1e-11, "atol": 1e-13, "nsteps": 100_000, "progress_bar": ""}
    more = {"options": options, "reverse": True}  # ⟨A(t)B(t+τ)⟩, not ⟨A(t+τ)B(t)⟩
    hamiltonian, jumps = couplings.hamiltonian(), couplings.collapse_operators()
    for m, n in ((0, 0), (0, 2), (2, 1)):
        up, down = low[m].dag(), low[n]
        expected = qutip.correlation_2op_2t(
            hamiltonian, start, times, delays, jumps, up, down, **more
        )
        np.testing.assert_allclose(found[:, :, m, n], expected, atol=1e-8)
    pairs = correlation(couplings, "inverted", times, delays, operators="coincidence")
    expected = qutip.correlation_3op_2t(
        hamiltonian, start, times, delays, jumps, low[0].dag(), low[2].dag() * low[2], low[0],
        options=options,
    )  # fmt: skip
    np.testing.assert_allclose(pairs[:, :, 0, 2], expected, atol=1e-8)


@pytest.mark.parametrize("method", ["exact", "driven"])
def test_operators_of_the_user(method):
    """⟨A(t)B(t+τ)⟩ and ⟨A(t)B(t+τ)C(t)⟩ of operators that are neither Hermitian nor local."""
    couplings, rng = three(drive=0.8), np.random.default_rng(4)
    matrices = rng.normal(size=(3, 8, 8)) + 1j * rng.normal(size=(3, 8, 8))
    a, b, c = (reference.as_qobj(each) for each in matrices)
    rho = start_of(couplings, "ground")
    for given, (left, middle, right) in (
        ((a, b), (matrices[0], matrices[1], np.eye(8))),
        ((a, b, c), tuple(matrices)),
    ):
        found = correlation(
            couplings, "ground", TIMES[:2], DELAYS[1:], operators=given, method=method
        )
        expected = dense(couplings, rho, TIMES[:2], DELAYS[1:], (left, middle, right))
        np.testing.assert_allclose(found, expected, atol=1e-9)


PULSES = [
    co.pulse.square(area=np.pi / 2, start=0.2, length=0.1),
    co.pulse.square(rabi=[1.0, 0.4j], start=1.0, length=0.6),
]


def under_pulses(couplings, rho, start, end):
    """A matrix between two times, by exponentials of the pieces that square pulses leave."""
    edges = sorted({start, end, *(t for t in (0.2, 0.3, 1.0, 1.6) if start < t < end)})
    for left, right in pairwise(edges):
        rabi = sum(np.asarray(pulse((left + right) / 2)) for pulse in PULSES)
        generator = reference.generator_of(couplings.replace(drive=couplings.drive + rabi))
        rho = (expm(generator * (right - left)) @ rho.ravel()).reshape(rho.shape)
    return rho


@pytest.mark.parametrize("operators", [
    pytest.param("coherence"),
    pytest.param("coincidence", marks=pytest.mark.slow),
    pytest.param("own", marks=pytest.mark.slow),
])  # fmt: skip
@pytest.mark.parametrize("method", ["exact", pytest.param("driven", marks=pytest.mark.slow)])
@pytest.mark.parametrize("drive", [0.0, pytest.param(0.5j, marks=pytest.mark.slow)])
def test_under_and_after_pulses(method, operators, drive):
    """From a time before all pulses, in one of them, and after them."""
    pair = co.couple(co.chain(2, 0.2), co.Vacuum()).replace(detunings=[0.3, -0.2], drive=drive)
    times, delays = [0.1, 1.2, 2.0], np.array([0.0, 0.9])
    low = reference.lowering(2)
    given = operators
    if operators == "own":
        given = tuple(reference.as_qobj(each) for each in (low[0].T, low[1] + 2 * low[0].T))
    found = correlation(
        pair, "inverted", times, delays, operators=given, drive=PULSES, method=method
    )
    for i, t in enumerate(times):
        rho = under_pulses(pair, reference.projector(reference.inverted(2)), times[0], t)
        for k, tau in enumerate(delays):
            if operators == "own":
                later = under_pulses(pair, rho @ low[0].T, t, t + tau)
                expected = np.trace((low[1] + 2 * low[0].T) @ later)
            elif operators == "coherence":
                later = [under_pulses(pair, rho @ a.T, t, t + tau) for a in low]
                expected = [[np.trace(b @ x) for b in low] for x in later]
            else:
                later = [under_pulses(pair, a @ rho @ a.T, t, t + tau) for a in low]
                expected = [[np.trace(b.T @ b @ x) for b in low] for x in later]
            np.testing.assert_allclose(found[i, k], expected, atol=1e-9)


@pytest.mark.slow
def test_pulses_in_another_unit_of_time():
    pair, unit = co.couple(co.chain(2, 0.2), co.Vacuum()), 2e9
    one = correlation(pair, "ground", [0.0, 0.25, 2.0], [0.5], drive=PULSES[:1])
    faster = pair.replace(decay=pair.decay * unit, shift=pair.shift * unit)
    pulse = co.pulse.square(area=np.pi / 2, start=0.2 / unit, length=0.1 / unit)
    times, delays = np.array([0.0, 0.25, 2.0]) / unit, [0.5 / unit]
    other = correlation(faster, "ground", times, delays, drive=pulse)
    np.testing.assert_allclose(other, one, atol=1e-10)


def test_closed_form_of_two_emitters_at_one_place():
    """The bright superposition decays at 2Γ, the dark one stays."""
    pair = co.Couplings(np.ones((2, 2)), np.diag([0.0, 0.0]))
    t, tau = np.array([0.0, 0.7]), np.array([0.0, 0.4, 3.0])
    found = correlation(pair, co.states.single(0), t, tau)

    def amplitudes(s):
        return np.array([1 + np.exp(-s), np.exp(-s) - 1]) / 2

    expected = np.einsum("mt,ntk->tkmn", amplitudes(t), amplitudes(np.add.outer(t, tau)))
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_sums_are_those_of_detectors():
    """Σ Γ_mn of the coherences is g¹, Σ Γ_mm of the coincidences of lone emitters is g²."""
    couplings = three(drive=0.8)
    tau = np.array([0.0, 0.5, 2.0])
    total = np.einsum("mn,kmn->k", couplings.decay, correlation(couplings, None, 0.0, tau)[0])
    np.testing.assert_allclose(total / total[0], g1(couplings, tau), atol=1e-10)
    alone = co.Couplings(np.diag([1.0, 0.5, 2.0]), couplings.shift, drive=0.8)
    rates, steady = np.diagonal(alone.decay), co.observables.steady(alone)
    pairs = correlation(alone, None, 0.0, tau, operators="coincidence")[0].real
    together = np.einsum("m,kmn,n->k", rates, pairs, rates) / steady.emission**2
    np.testing.assert_allclose(together, g2(alone, tau), atol=1e-10)


def test_at_equal_times_it_is_the_correlations_of_evolve():
    couplings = three(drive=[1, 0.3j, 0.2])
    found = correlation(couplings, "ground", TIMES, 0.0)
    result = co.evolve(couplings, "ground", TIMES, observe="correlations", rtol=1e-11)
    np.testing.assert_allclose(found[:, 0], result.correlations, atol=1e-9)
    twice = np.diagonal(
        correlation(couplings, "ground", TIMES, 0.0, operators="coincidence")[:, 0],
        axis1=1, axis2=2,
    )  # fmt: skip
    np.testing.assert_allclose(twice, 0, atol=1e-12)  # no emitter emits twice at once


def test_what_is_conserved():
    """An excitation that never leaves keeps ⟨σ⁺_mσ⁻_m⟩, and turns at its frequency."""
    still = co.Couplings(np.zeros((2, 2)), np.zeros((2, 2)), detunings=[0.5, -0.2])
    found = correlation(still, co.states.mixed([0.3, 0.8]), [0.0, 5.0], [0.0, 40.0])
    for m, (delta, chance) in enumerate(((0.5, 0.3), (-0.2, 0.8))):
        expected = chance * np.exp(-1j * delta * np.array([0.0, 40.0]))
        np.testing.assert_allclose(found[:, :, m, m], [expected] * 2, atol=1e-12)
    np.testing.assert_allclose(found[:, :, 0, 1], 0, atol=1e-15)
    nothing = co.Couplings(np.zeros((2, 2)), np.zeros((2, 2)))  # no rate at all
    kept = correlation(nothing, "inverted", [0.0, 1e9], [0.0, 1e9])
    np.testing.assert_array_equal(kept, np.broadcast_to(np.eye(2), (2, 2, 2, 2)))


@pytest.mark.parametrize("unit", [pytest.param(1e-9, marks=pytest.mark.slow), 3e12])
def test_answers_do_not_depend_on_the_unit_of_time(unit):
    couplings, alike_ = three(drive=0.8), alike(drive=0.8)
    for given in (couplings, alike_):
        other = given.replace(
            decay=given.decay * unit, shift=given.shift * unit,
            detunings=given.detunings * unit, drive=given.drive * unit,
        )  # fmt: skip
        one = correlation(given, "ground", TIMES, DELAYS)
        times, delays = np.array(TIMES) / unit, np.array(DELAYS) / unit
        np.testing.assert_allclose(correlation(other, "ground", times, delays), one, atol=1e-11)


def test_many_identical_emitters():
    """Independent ones, far more than ρ has room for: each is coherent with itself alone."""
    n, tau = 40, np.array([0.0, 0.6])
    alone = co.Couplings(np.eye(n), np.zeros((n, n)))
    found = correlation(alone, "inverted", [0.0, 1.0], tau)
    expected = np.einsum("t,k,mn->tkmn", np.exp(-np.array([0, 1.0])), np.exp(-tau / 2), np.eye(n))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.slow
def test_identical_emitters_by_three_methods():
    five = identical(5, together=0.6, exchange=0.3, drive=1.2, dephasing=0.2)
    decaying = five.replace(drive=0)
    for operators in WORDS:
        one, other = (
            correlation(five, "ground", [0, 0.7], DELAYS, operators=operators, method=method)
            for method in ("symmetric", "driven")
        )
        np.testing.assert_allclose(one, other, atol=1e-11)
        one, other = (
            correlation(decaying, "inverted", [0, 0.7], DELAYS, operators=operators, method=method)
            for method in ("symmetric", "blocks")
        )
        np.testing.assert_allclose(one, other, atol=1e-11)


def test_one_excitation_of_a_hundred_emitters():
    """A mode of the array decays and turns at its own complex frequency."""
    chain = co.couple(co.chain(100, 0.3), co.Vacuum())
    modes = chain.modes()
    found = correlation(chain, modes.state(0), [0.0, 0.5], [0.0, 0.4])
    turned = np.exp(-0.4j * modes.eigenvalues[0])
    np.testing.assert_allclose(found[:, 1], turned * found[:, 0], atol=1e-12)
    np.testing.assert_allclose(found[1], np.exp(-0.5 * modes.rates[0]) * found[0], atol=1e-12)
    assert np.trace(found[0, 0]).real == pytest.approx(1, abs=1e-12)


def test_long_grids_are_stepped_by_powers_of_one_propagator():
    """A hundred thousand delays: values against dense exponentials, within a second."""
    couplings, tau = three(drive=0.8), np.linspace(5, 1005, 100_001)
    begin = time.process_time()
    found = correlation(couplings, "ground", 0.0, tau)
    assert time.process_time() - begin < 2
    some = [0, 1, 4097, 50_000, -1]
    expected = dense(couplings, start_of(couplings, "ground"), [0.0], tau[some], "coherence")
    np.testing.assert_allclose(found[:, some], expected, atol=1e-9)


def test_a_long_grid_of_the_steady_state_ends_at_the_product_of_means():
    couplings = three(drive=0.8)
    found = correlation(couplings, None, 0.0, np.linspace(0, 2000, 20_001))[0]
    means = co.observables.steady(couplings).coherences
    np.testing.assert_allclose(found[-1], np.outer(means.conj(), means), atol=1e-12)
    expected = dense(couplings, start_of(couplings, None), [0.0], [20.0], "coherence")[0, 0]
    np.testing.assert_allclose(found[200], expected, atol=1e-11)


def test_delays_that_would_take_hours_are_announced_and_refused(monkeypatch, capsys):
    correlation(three(drive=0.8), "inverted", 0.0, [0.0, 1e9])  # by powers
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_delayed_moments, "_LARGEST_DENSE", 10)
    monkeypatch.setattr(_delayed_moments, "_STATIONARY_WITHIN", 0.0)
    with pytest.raises(ValueError, match="correlation is not yet stationary at a delay of"):
        correlation(three(drive=0.8), "inverted", 0.0, [0.0, 1e9])
    assert "collective: correlation at 2 delays, about" in capsys.readouterr().err
    with pytest.raises(ValueError, match="times: correlation is not yet stationary at a time of"):
        correlation(three(drive=0.8), "inverted", [0.0, 1e9], [0.0])


@pytest.mark.slow
def test_many_times_are_taken_in_parts(monkeypatch):
    whole = correlation(three(), "inverted", TIMES, DELAYS)
    monkeypatch.setattr(_two_times, "_AT_ONCE", 1)
    np.testing.assert_allclose(correlation(three(), "inverted", TIMES, DELAYS), whole, atol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("inverted", 0, 0, {"method": "single"}), "method must be one of 'auto'"),
        (("inverted", 0, 0, {"method": "symmetric"}), "identical emitters, but the detunings are"),
        (("ground", 0, 0, {"method": "blocks", "drive": 1.0}), "takes no drive, pump or thermal"),
        ((None, 0, 0, {"method": "blocks", "drive": 1.0}), "'blocks' of correlation needs a state"),
        ((None, 0, 0, {}), "state: without a drive or pump the steady state is the ground state"),
        ((None, 0, 0, {"drive": 1.0, "pulses": PULSES}), "drive: with pulses there is no steady"),
        (("ground", 0, 0, {"method": "blocks", "pulses": PULSES}), "'blocks' .* takes no pulses"),
        ((None, [0, 1], 0, {"drive": 1.0}), "times: the steady state .* is the same at all 2"),
        (("ground", [1, 0], 0, {}), "times must increase"),
        (("ground", 0, [-1, 0], {}), "delays must increase, from 0 or later"),
        (("ground", 0, 0, {"operators": "g2"}), "operators must be one of 'coherence', 'coinc"),
        (("ground", 0, 0, {"operators": (qutip.sigmam(),) * 2}), r"operators\[0\] must have dims"),
        (("ground", 0, 0, {"operators": (qutip.sigmam(),)}), "operators must be 'coherence' or"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments, message):
    state, times, delays, options = arguments
    given = dict(options)
    couplings, pulses = three(drive=given.pop("drive", 0.0)), given.pop("pulses", ())
    with pytest.raises(ValueError, match=message):
        correlation(couplings, state, times, delays, drive=pulses, **given)


def test_operators_belong_to_methods_with_the_whole_density_matrix():
    a = reference.as_qobj(reference.lowering(3)[0])
    with pytest.raises(ValueError, match="'blocks' of correlation takes no operators of your own"):
        correlation(three(), "inverted", 0, 0, operators=(a.dag(), a), method="blocks")
    with pytest.raises(ValueError, match=r"'symmetric' .* is for states on the longest Dicke"):
        correlation(alike(), co.states.single(0), 0, 0, method="symmetric")
    with pytest.raises(ValueError, match=r"state: the steady state is not unique.*late time"):
        correlation(identical(3, together=1.0, drive=1.0), None, 0, 0)
    with pytest.raises(MemoryError, match="correlation at 100000 times and 100000 delays"):
        correlation(three(), "inverted", np.arange(1e5), np.arange(1e5))


def test_spectrum_of_one_site_is_its_share_of_the_emission():
    """∫S dω of each site is Γ_mm times its population; together with the elastic part."""
    couplings = three(drive=0.8)
    steady, omega = co.observables.steady(couplings), [0.0, 0.4]
    for m in range(3):
        light = spectrum(couplings, omega, site=m)
        rate = couplings.decay[m, m].real * steady.populations[m]
        assert light.total + light.coherent == pytest.approx(rate, rel=1e-8)
        own = correlation(couplings, None, 0.0, [0.0, 0.7])[0, :, m, m]
        np.testing.assert_allclose(g1(couplings, [0.0, 0.7], site=m), own / own[0], atol=1e-10)


@pytest.mark.slow
def test_spectrum_of_one_site_that_decays_counts_its_photons():
    decay = [spectrum(three(), [0.0], state="inverted", site=m).total for m in range(3)]
    times = np.linspace(0, 60, 6001)
    populations = co.evolve(three(), "inverted", times, rtol=1e-11).populations
    expected = np.diagonal(three().decay).real * simpson_of(populations, times)
    np.testing.assert_allclose(decay, expected, atol=1e-7)


def simpson_of(values, times):
    """Integrals over time."""
    from scipy.integrate import simpson

    return simpson(values, times, axis=0)


def test_spectrum_of_one_site_against_the_lorentzian_of_a_lone_emitter():
    alone = co.Couplings(np.diag([1.0, 0.5]), np.zeros((2, 2)), detunings=[0.0, 2.0])
    omega = np.array([1.5, 2.0])
    light = spectrum(alone, omega, state="inverted", site=1)
    line = 0.5 / (2 * np.pi) / ((omega - 2.0) ** 2 + 0.5**2 / 4)
    np.testing.assert_allclose(light.values, line, rtol=1e-9)


def test_a_site_is_refused_by_name():
    couplings = co.Couplings(np.diag([1.0, 0.0]), np.zeros((2, 2)), drive=1.0, pump=0.1)
    with pytest.raises(ValueError, match="site must be below 2"):
        spectrum(couplings, [0.0], site=2)
    with pytest.raises(ValueError, match="site: emitter 1 has the decay rate 0"):
        spectrum(couplings, [0.0], site=1)
    with pytest.raises(ValueError, match="leave one of them out"):
        g1(couplings, [0.0], site=0, direction=(0, 0, 1))
    with pytest.raises(ValueError, match="not for one direction or one site"):
        spectrum(identical(3, together=1.0, drive=1.0), [0.0], site=0, start="ground")
