"""Conditional cumulants against exact engines, their errors, their warnings and their samples."""

import warnings

import numpy as np
import pytest

import collective as co
from collective.engines.conditional_cumulants import sampler as _sampler
from collective.engines.conditional_cumulants.equations import Constants, Samples
from collective.engines.conditional_cumulants.size import Plan, channels
from collective.engines.request import checked

Engine = co.engines.ConditionalCumulants
TIMES = np.linspace(0, 5, 51)
QUIET = {"progress": False}


def array(n, spacing, **changes):
    """A chain in the vacuum, with a drive, detunings or other changes."""
    return co.couple(co.chain(n, spacing), co.Vacuum()).replace(**changes)


def evolved(couplings, state="inverted", times=TIMES, seed=1, **options):
    """A run with a seed."""
    asked = {key: options.pop(key) for key in ("threads", "observe") if key in options}
    return co.evolve(couplings, state, times, method=Engine(**options), seed=seed, **asked, **QUIET)


def warned(*arguments, **options):
    """A run, and all that it warns of as one text."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = evolved(*arguments, **options)
    return found, "; ".join(str(each.message) for each in seen)


# exact for two emitters


def everything():
    """A pair with complex couplings, a drive, detunings, dephasing and pump."""
    return co.Couplings(
        [[1, 0.4 + 0.3j], [0.4 - 0.3j, 0.8]],
        [[0, 0.7 - 0.2j], [0.7 + 0.2j, 0]],
        detunings=[0.3, -0.5],
        dephasing=0.1,
        pump=[0.2, 0.1],
        drive=[1.0, 0.5j],
    )


@pytest.mark.parametrize("state", ["inverted", "ground", co.states.coherent(1.0)], ids=str)
def test_plain_second_order_is_exact_for_two_emitters(state):
    found = evolved(everything(), state, efficiency=0, observe="correlations")
    exact = co.evolve(everything(), state, TIMES, method="exact", observe="correlations", **QUIET)
    np.testing.assert_allclose(found.emission, exact.emission, atol=3e-4)
    np.testing.assert_allclose(found.populations, exact.populations, atol=3e-4)
    np.testing.assert_allclose(found.correlations, exact.correlations, atol=3e-4)
    assert np.all(found.emission_error == 0)


@pytest.mark.parametrize("efficiency", [0.3, 0.7])
def test_the_mean_of_two_emitters_is_exact_at_any_efficiency(efficiency):
    """The moments of every sample are those of a density matrix, so that no closure is needed."""
    exact = co.evolve(everything(), "inverted", TIMES, method="exact", **QUIET)
    found = evolved(everything(), n=300, efficiency=efficiency)
    for name in ("emission", "excitation", "populations"):
        away = np.abs(getattr(found, name) - getattr(exact, name))
        assert np.all(away <= 5 * getattr(found, f"{name}_error") + 2e-3), name
    assert found.emission_error[1:].min() > 0
    assert found.emission_error.max() < 0.08
    assert found.diagnostics["resets_per_sample"] < 0.3  # the steps alone make a few


@pytest.mark.slow
def test_a_sample_of_two_emitters_follows_the_stochastic_master_equation():
    """The same record moves the density matrix and its moments."""
    couplings, efficiency, steps = everything(), 0.6, 1500
    step = 1.0 / steps
    jumps, _ = channels(couplings.decay, 0.0)
    samples = Samples(
        np.array([[0, 0], [0, 0], [1.0, 1.0]]),
        np.zeros((6, 6)),
        Constants.of(couplings, jumps, efficiency),
        1,
    )
    rho = np.zeros((4, 4), complex)
    rho[0, 0] = 1
    lower = np.array([[0, 0], [1, 0]], complex)
    lowered = [np.kron(lower, np.eye(2)), np.kron(np.eye(2), lower)]
    seen = [sum(jumps[m, v].conj() * lowered[m] for m in range(2)) for v in range(2)]
    liouvillian = couplings.liouvillian().full()
    rng = np.random.default_rng(3)
    for _ in range(steps):
        noise = rng.normal(size=(1, 4)) * np.sqrt(step)
        change = (liouvillian @ rho.ravel(order="F")).reshape(4, 4, order="F") * step
        for factor, kicks in ((1, noise[0, :2]), (-1j, noise[0, 2:])):
            for c, kick in zip(seen, kicks, strict=True):
                both = factor * c @ rho + rho @ (factor * c).conj().T
                change += np.sqrt(efficiency / 2) * (both - np.trace(both) * rho) * kick
        rho = rho + change
        samples.step(step, noise, 1 + 0j)
    x, p, z = samples.means[0]
    for m in range(2):
        s = np.trace(rho @ lowered[m])
        assert abs(s - (x[m] + 1j * p[m])) < 0.01
        up = np.trace(rho @ lowered[m].conj().T @ lowered[m]).real
        assert abs(up - (1 + z[m]) / 2) < 0.01
    assert np.abs(x).max() > 0.05  # the record has moved the pair away from its mean


# the accuracy of more emitters


@pytest.mark.slow
@pytest.mark.parametrize(("n", "spacing"), [(10, 0.1), (9, 0.2)])
def test_a_chain_is_right_at_the_burst_and_after_it(n, spacing):
    chain = array(n, spacing)
    exact = co.evolve(chain, "inverted", TIMES, method="blocks", **QUIET).emission
    found = evolved(chain, n=128)
    away = np.abs(found.emission - exact)
    assert np.all(away <= 0.03 * exact.max() + 3 * found.emission_error)
    assert np.all(away <= found.error_estimate + 3 * found.emission_error)
    for t in (2, 3, 5):
        i = int(np.argmin(np.abs(TIMES - t)))
        slack = 2 * found.emission_error[i] / exact[i]
        assert 0.75 - slack < found.emission[i] / exact[i] < 1.4 + slack
    assert found.error_estimate.max() < 0.2 * exact.max()
    # plain second order is far off in the tail of the denser chain
    if spacing == 0.1:
        plain, _ = warned(chain, efficiency=0)
        assert plain.emission[-1] / exact[-1] < 0.6


@pytest.mark.slow
def test_two_efficiencies_agree():
    square = co.couple(co.square(3, 3, 0.15), co.Vacuum())
    low, high = (evolved(square, n=128, efficiency=e, seed=3) for e in (0.3, 0.7))
    error = np.hypot(low.emission_error, high.emission_error)
    away = np.abs(low.emission - high.emission)
    assert np.all(away <= 3 * error + 0.03 * low.emission.max())
    plain = evolved(square, efficiency=0)
    assert np.abs(plain.emission - low.emission).max() > 0.03 * low.emission.max()


@pytest.mark.slow
def test_a_driven_array_with_a_pulse():
    pair = array(4, 0.2, drive=3.0, detunings=[0.5, -0.5, 0.2, 0.0])
    times = np.linspace(0, 4, 41)

    def pulse(t):
        return np.exp(-((t - 1) ** 2) / 0.3)

    exact = co.evolve(pair, "ground", times, envelope=pulse, method="driven", **QUIET)
    method = Engine(n=256)
    found = co.evolve(pair, "ground", times, envelope=pulse, method=method, seed=4, **QUIET)
    scale = exact.emission.max()
    away = np.abs(found.emission - exact.emission)
    assert np.all(away <= 0.03 * scale + 3 * found.emission_error)


def test_correlations_belong_to_the_emission():
    chain = array(4, 0.2)
    found = evolved(chain, co.states.coherent(2.0), n=16, observe="correlations")
    emission = np.einsum("mn,tmn->t", chain.decay, found.correlations).real
    np.testing.assert_allclose(emission, found.emission, atol=1e-5)
    populations = np.diagonal(found.correlations, axis1=1, axis2=2).real
    np.testing.assert_allclose(populations, found.populations, atol=1e-6)


def test_a_common_frequency_does_not_matter():
    """It is subtracted, so that the steps need not follow it; correlations do not turn with it."""
    chain = array(3, 0.2)
    state = co.states.coherent(2.0)
    here = evolved(chain, state, n=4, observe="correlations")
    there = evolved(chain.replace(detunings=300.0), state, n=4, observe="correlations")
    assert there.diagnostics["steps"] == here.diagnostics["steps"]
    np.testing.assert_allclose(there.correlations, here.correlations, atol=1e-4)


def test_shifts_of_dense_emitters_set_the_steps():
    """Half of the width of the spectrum of Δ turns; the middle, which all share, does not."""
    dense = co.couple(co.square(10, 10, 0.05), co.Vacuum())
    turning = np.ptp(np.linalg.eigvalsh(dense.shift)) / 2
    steps = Plan.of(checked(dense, "inverted", [0, 1]), 2, 0.5, 0.1).length
    assert steps == pytest.approx(turning / (0.16 / turning) ** (1 / 3), abs=2)


# samples, threads, warnings


def test_the_threads_do_not_change_the_numbers():
    chain = array(5, 0.2)
    one, two = (evolved(chain, n=50, threads=k, observe="correlations") for k in (1, 2))
    for name in ("emission", "emission_error", "populations", "correlations", "error_estimate"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    other = evolved(chain, n=50, seed=2)
    assert np.abs(other.emission - one.emission).max() > 1e-4


@pytest.mark.slow
def test_the_standard_error_is_that_of_independent_runs():
    chain, times = array(3, 0.1), np.linspace(0, 2, 9)
    runs = np.array([evolved(chain, times=times, n=16, seed=s).emission for s in range(20, 50)])
    said = np.mean([evolved(chain, times=times, n=16, seed=s).emission_error for s in range(3)], 0)
    ratio = runs.std(axis=0)[2:] / said[2:]
    assert np.all((ratio > 0.6) & (ratio < 1.6))


def test_single_precision_is_enough():
    chain = array(6, 0.1)
    jumps, _ = channels(chain.decay, 0.1)
    start = np.array([np.zeros(6), np.zeros(6), np.ones(6)]), np.zeros((18, 18))
    both = [
        Samples(*start, Constants.of(chain, jumps, 0.5, kind), 2)
        for kind in (np.float64, np.float32)
    ]
    rng = np.random.default_rng(0)
    for _ in range(100):
        noise = rng.normal(size=(2, 2 * jumps.shape[1])) * 0.1
        for samples in both:
            kind = samples.means.dtype
            samples.step(0.01, noise.astype(kind), 1 + 0j)
    assert both[1].means.dtype == np.float32
    np.testing.assert_allclose(both[1].means, both[0].means, atol=1e-4)


def test_an_emitter_outside_its_bloch_ball_becomes_pure():
    means = np.array([[[0.5, 0.0], [0.0, 0.0], [0.9, -1.0]]])
    v = np.full((1, 6, 6), 0.1)
    resets, lost = np.zeros(1, np.int64), np.zeros(1, bool)
    _sampler.kernels.reset(means, v, 0.1, resets, lost)
    assert (resets[0], lost[0]) == (1, False)
    length = means[0, 2] ** 2 + 4 * (means[0, 0] ** 2 + means[0, 1] ** 2)
    np.testing.assert_allclose(length, 1)
    assert np.all(v[0][[0, 2, 4]] == 0)
    assert np.all(v[0][:, [0, 2, 4]] == 0)
    assert v[0, 1, 3] == 0.1


@pytest.mark.slow
def test_resets_are_warned_of():
    found, told = warned(array(8, 0.03), times=np.linspace(0, 3, 7), n=4)
    assert "do not believe this result" in told
    assert found.diagnostics["resets_per_sample"] > 10
    exact = co.evolve(array(8, 0.03), "inverted", found.times, method="blocks", **QUIET)
    away = np.abs(found.emission - exact.emission)
    assert np.all(away <= found.error_estimate + 4 * found.emission_error + 1e-3)


def broken(monkeypatch, which):
    """Make one sample of each batch, or all of them, infinite after a while."""
    step = Samples.step

    def breaks(samples, dt, noise, drive):
        step(samples, dt, noise, drive)
        samples.age = getattr(samples, "age", 0) + 1
        if samples.age == 50 and noise.shape[1]:
            samples.means[which, 0] = np.nan

    monkeypatch.setattr(_sampler.Samples, "step", breaks)


def test_a_lost_sample_is_left_out_with_a_warning(monkeypatch):
    broken(monkeypatch, 0)
    found, told = warned(array(3, 0.2), n=20, observe="correlations")
    assert "2 of 20 samples did not stay finite" in told
    populations = np.diagonal(found.correlations, axis1=1, axis2=2).real
    np.testing.assert_allclose(populations, found.populations, atol=1e-6)
    assert (found.diagnostics["samples"], found.diagnostics["lost_samples"]) == (18, 2)
    assert np.isfinite(found.emission_error).all()
    assert found.complete


def test_the_run_ends_where_all_samples_are_lost(monkeypatch):
    broken(monkeypatch, slice(None))
    found, told = warned(array(3, 0.2), n=20, observe="correlations")
    assert "diverged at t = 1.3 in all samples" in told
    assert not found.complete
    assert "diverged at t = 1.3 in all samples" in found.reason
    assert 1 < len(found.times) < 15
    assert np.isfinite(found.emission).all()
    emission = np.einsum("mn,tmn->t", array(3, 0.2).decay, found.correlations).real
    np.testing.assert_allclose(emission, found.emission, atol=1e-5)
    assert np.abs(emission[-1] - emission[0]) > 0.1
    # means over lost samples have no known error, but at the start, which is exact
    for error in (found.emission_error, found.error_estimate):
        np.testing.assert_array_equal(error[1:], found.emission[1:])
        assert error[0] == 0


def test_a_sample_that_overflows_at_an_output_time_is_lost(monkeypatch):
    """The covariances overflow before the means, which are finite for one more step."""
    step = Samples.step

    def breaks(samples, dt, noise, drive):
        step(samples, dt, noise, drive)
        samples.age = getattr(samples, "age", 0) + 1
        if samples.age == 200 and noise.shape[1]:
            samples.covariances[0] = np.inf

    monkeypatch.setattr(_sampler.Samples, "step", breaks)
    found, told = warned(array(3, 0.2), n=4, observe="correlations")  # 200 steps
    assert found.diagnostics["steps"] == 200
    assert "1 of 4 samples did not stay finite" in told
    for values in (found.emission, found.correlations, found.emission_error):
        assert np.isfinite(values).all()


def test_a_sample_left_alone_has_an_error_as_large_as_itself(monkeypatch):
    broken(monkeypatch, 0)
    found, told = warned(array(3, 0.2), n=2)
    assert "1 of 2 samples did not stay finite" in told
    np.testing.assert_array_equal(found.emission_error[1:], found.emission[1:])


def test_nothing_to_record_is_plain_second_order():
    """Emitters that decay independently have no bright channel: one sample, and its error."""
    couplings = co.Couplings(np.eye(4), array(4, 0.1).shift, drive=2.0)
    found, plain = (evolved(couplings, "ground", **o) for o in ({"cut": 1}, {"efficiency": 0}))
    assert (found.diagnostics["channels"], found.diagnostics["samples"]) == (0, 1)
    np.testing.assert_array_equal(found.emission, plain.emission)
    assert found.error_estimate.max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"detunings": [0.0, 200.0, -100.0]}, co.states.product([0.5, 1.5, 2.0])),
        ({"drive": 50.0}, "ground"),
    ],
    ids=["detunings", "drive"],
)
def test_steps_follow_what_turns_fast(changes, state):
    """Heun's rule lets it grow at the rate ωφ³/8, and delays it by ωφ²/6, for steps of phase φ."""
    chain, times = array(3, 0.3, **changes), np.linspace(0, 1, 4)
    exact = co.evolve(chain, state, times, method="driven", observe="correlations", **QUIET)
    found = evolved(chain, state, times, efficiency=0, observe="correlations")
    assert found.diagnostics["resets_per_sample"] == 0
    np.testing.assert_allclose(found.correlations, exact.correlations, atol=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, "n must be at least 2, got 1"),
        ({"efficiency": 1.5}, "efficiency must lie between 0 and 1, got 1.5"),
        ({"efficiency": -0.1}, "efficiency must lie between 0 and 1, got -0.1"),
        ({"cut": 2}, "cut must lie between 0 and 1, got 2"),
        ({"margin": 0}, "margin must be above 0, got 0"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        Engine(**options)


@pytest.mark.slow
def test_a_state_of_unknown_correlations_is_refused():
    """Thirteen emitters with two excitations of different amplitudes would take 2^13 numbers."""
    import qutip

    ket = qutip.rand_ket([2] * 13, density=1e-3, seed=1)
    with pytest.raises(ValueError, match="needs the correlations of all pairs"):
        co.evolve(array(13, 0.2), ket, [0, 0.1], method=Engine(), **QUIET)
