"""Truncated Wigner: kernels against numpy, means against exact engines, and its estimated error."""

from itertools import product

import numpy as np
import pytest
from systems import as_pattern, chain, circular_ring, identical

import collective as co
from collective.engines.truncated_wigner import kernels
from collective.engines.truncated_wigner.model import Model, separated, single_emitters
from collective.engines.truncated_wigner.samples import frames
from collective.engines.truncated_wigner.spins import Spins

# the estimated errors have tests of their own
pytestmark = pytest.mark.filterwarnings("ignore:the error of method")
RNG = np.random.default_rng(3)
# emission of 4 × 3 inverted emitters, 0.1 wavelengths apart, at t = 0, 0.05 … 0.3, by `blocks`
LATTICE = [12.0, 15.09238, 17.98609, 20.09677, 21.06193, 20.84758, 19.65848]


def wigner(couplings, state, times, n=2000, seed=1, step=None, **options):
    engine = co.engines.TruncatedWigner(n=n, step=step)
    return co.evolve(couplings, state, times, method=engine, seed=seed, progress=False, **options)


def exact(couplings, state, times, **options):
    return co.evolve(couplings, state, times, method="exact", progress=False, **options)


def random_spins(n, k):
    """Spins of length √3 in all directions, (3, n, k), as the kernels store them."""
    vectors = RNG.standard_normal((3, n, k))
    vectors *= np.sqrt(3 / np.sum(vectors**2, axis=0))
    return (vectors * [[[0.5]], [[0.5]], [[1.0]]]).astype(np.float32)


def length(spins):
    return 4 * spins[0] ** 2 + 4 * spins[1] ** 2 + spins[2] ** 2


# the kernels


@pytest.mark.parametrize("scale", [0.01, 0.7, 3.0])
def test_a_turn_is_the_rotation_by_a_matrix(scale):
    """The rotation vector of ds⁻ = i s^z B, ds^z = −2i(s⁺B − c.c.) is (2 Re B, −2 Im B, 0)."""
    from scipy.spatial.transform import Rotation

    n, k, dt, width = 3, 40, 0.1, 0.3
    spins = random_spins(n, k)
    field, noise = (scale * RNG.standard_normal((2, 2, n, k))).astype(np.float32)
    drive = RNG.standard_normal((2, n)).astype(np.float32)
    b = dt * (field + drive[:, :, None]) + width * noise
    out, middle = np.empty_like(spins), np.empty((2, n, k), np.float32)
    steps = np.float32(dt), np.float32(width)
    kernels.turn(spins, field, noise, drive, *steps, False, out)
    kernels.turn(spins, field, noise, drive, *steps, True, middle)
    vectors = np.array([2 * spins[0], -2 * spins[1], spins[2]]).reshape(3, -1).T
    axes = np.array([2 * b[0], -2 * b[1], 0 * b[0]]).reshape(3, -1).T
    turned = Rotation.from_rotvec(axes).apply(vectors).T.reshape(3, n, k)
    np.testing.assert_allclose(2 * out[0], turned[0], atol=2e-5)
    np.testing.assert_allclose(-2 * out[1], turned[1], atol=2e-5)
    np.testing.assert_allclose(out[2], turned[2], atol=2e-5)
    np.testing.assert_allclose(middle, (spins[:2] + out[:2]) / 2, atol=1e-5)
    np.testing.assert_allclose(length(out), 3, rtol=1e-5)


def test_single_emitters_step_as_in_numpy():
    model = Model.of(chain(3, 0.2, pump=[0.3, 0, 0], dephasing=[0, 0.4, 0], detunings=[0, 1, 2]))
    rates, spins = single_emitters(model, 0.1), random_spins(3, 200)
    before, noise = spins.astype(float), RNG.standard_normal((3, 200)).astype(np.float32)
    kernels.alone(spins, rates, noise, model.noisy)
    th, kept, rest, wide, c, s = (row[:, None] for row in rates.astype(float))
    z = before[2]
    between = np.clip((z + th) / (1 + z * th), -np.sqrt(3), np.sqrt(3))
    after = rest + (between - rest) * kept
    phases = np.angle(before[0] + 1j * before[1]) + np.angle(c - 1j * s)
    spread = np.sqrt(np.maximum(wide + np.log((3 - after**2) / (3 - between**2)), 0))
    phases = phases + spread * noise * model.noisy[:, None]
    lowered = 0.5 * np.sqrt(3 - after**2) * np.exp(1j * phases)
    away = (
        3 - np.maximum(before[2] ** 2, between**2) > 0.05
    )  # close to a pole single precision loses the azimuth
    np.testing.assert_allclose(spins[2], after, atol=1e-5)
    np.testing.assert_allclose(spins[0][away], lowered.real[away], atol=1e-4)
    np.testing.assert_allclose(spins[1][away], lowered.imag[away], atol=1e-4)
    np.testing.assert_allclose(length(spins), 3, rtol=1e-4)


def test_random_numbers_are_normal():
    bits = np.random.default_rng(1).integers(0, 2**64, 200_000, dtype=np.uint64)
    found = np.empty(400_000, np.float32)
    kernels.normal(bits, found)
    first, second = found[:200_000].astype(float), found[200_000:].astype(float)
    for numbers in (first, second):
        assert abs(numbers.mean()) < 5 / np.sqrt(200_000)
        assert abs(np.mean(numbers**2) - 1) < 5 * np.sqrt(2 / 200_000)
        assert abs(np.mean(numbers**4) - 3) < 5 * np.sqrt(96 / 200_000)
    assert abs(np.mean(first * second)) < 5 / np.sqrt(200_000)
    u, v = (bits >> 40) + 1, (((bits >> 8) & 0xFFFFFF).astype(float) - 2**23) / 2**24
    radius = np.sqrt(-2 * np.log(u / 2**24))
    np.testing.assert_allclose(first, radius * np.cos(2 * np.pi * v), atol=1e-5)
    np.testing.assert_allclose(second, radius * np.sin(2 * np.pi * v), atol=1e-5)


def test_light_and_photon_pairs_are_sums_over_emitters():
    """Γ_mnΓ_pq σ⁺_mσ⁺_pσ⁻_qσ⁻_n term by term, with one operator for each emitter."""
    couplings, k = circular_ring(), 5
    model, n = Model.of(couplings), 3
    batch = Spins(model, k)
    batch.spins[:] = random_spins(n, k)
    values = np.empty((4, k), np.float32)
    batch.read(values)
    lowered, z = batch.spins[0] + 1j * batch.spins[1], batch.spins[2]
    emission, pairs = np.zeros(k, complex), np.zeros(k, complex)

    def symbol(raised, lowering):
        found = np.ones(k, complex)
        for m in range(n):
            up, down = raised.count(m), lowering.count(m)
            if max(up, down) > 1:
                return 0 * found
            if up and down:
                found *= (1 + z[m]) / 2
            elif up or down:
                found *= lowered[m].conj() if up else lowered[m]
        return found

    decay = couplings.decay
    for m, i in product(range(n), repeat=2):
        emission += decay[m, i] * symbol([m], [i])
        for p, q in product(range(n), repeat=2):
            pairs += decay[m, i] * decay[p, q] * symbol([m, p], [q, i])
    np.testing.assert_allclose(values[0], emission.real, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(values[1], pairs.real, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(values[2], ((1 + z) / 2).sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(values[3], model.doubtful @ (z**2 - 1) / 4, rtol=1e-4, atol=1e-5)


# the model


@pytest.mark.parametrize("spacing", [0.1, 0.8])
def test_decay_splits_into_single_emitters_and_noise(spacing):
    decay = co.couple(co.ring(5, spacing, decay_rates=[1, 2, 0.5, 1, 3]), co.Vacuum()).decay
    apart, factor = separated(decay)
    np.testing.assert_allclose(np.diag(apart) + factor @ factor.conj().T, decay, atol=1e-4)
    assert (apart.max() > 0.1) == (spacing > 0.5)
    if spacing > 0.5:
        assert factor.shape[1] < 5


def test_emitters_without_decay_have_no_noise():
    apart, factor = separated(np.diag([0.0, 2.0, 0.0]))
    np.testing.assert_allclose(apart, [0, 2, 0])
    assert factor.shape == (3, 0)
    assert separated(np.zeros((2, 2)))[1].shape == (2, 0)


def test_initial_spins_have_the_moments_of_the_state():
    lowered = np.array([0.3 - 0.1j, 0, 0, 0.5j])
    inversion = np.array([0.2, -0.4, 1.0, 0.0])
    chance, axes = frames(lowered, inversion)
    bloch = np.array([2 * lowered.real, -2 * lowered.imag, inversion])
    along = axes[:, :, 0] * (2 * chance - 1)
    np.testing.assert_allclose(along, bloch, atol=1e-6)
    np.testing.assert_allclose(
        np.einsum("inc,jnc->nij", axes, axes), np.tile(np.eye(3), (4, 1, 1)), atol=1e-6
    )


# single emitters


ACTED_ON = {
    "decays": {},
    "driven": {"drive": 2.0},
    "detuned": {"drive": 3.0 + 1.0j, "detunings": 2.0},
    "dephased": {"drive": 2.0, "dephasing": 0.5},
    "pumped": {"drive": 1.0, "pump": 0.7},
}


@pytest.mark.parametrize("what", ACTED_ON)
def test_a_single_emitter_is_exact(what):
    times = np.linspace(0, 4, 9)
    couplings = co.Couplings([[1.0]], [[0.0]], **ACTED_ON[what])
    state = co.states.coherent(2.0, 0.4) if what == "detuned" else "inverted"
    found, right = wigner(couplings, state, times, 4000), exact(couplings, state, times)
    assert np.all(np.abs(found.emission - right.emission) < 4 * found.emission_error + 0.002)
    if what == "decays":
        np.testing.assert_allclose(right.emission, np.exp(-times), atol=1e-6)
    assert found.error_estimate.max() == 0


def test_emitters_of_unequal_rates_far_apart_are_exact():
    couplings = co.Couplings(np.diag([0.5, 2.0]), np.zeros((2, 2)))
    times = np.linspace(0, 2, 5)
    found = wigner(couplings, co.states.mixed([0.8, 0.4]), times)
    right = np.array([0.8, 0.4]) * np.exp(-times[:, None] * [0.5, 2.0])
    assert np.all(np.abs(found.populations - right) < 4 * found.populations_error + 1e-6)


# bursts


@pytest.mark.parametrize("n", [10, 30, 100])
def test_the_burst_of_identical_emitters(n):
    couplings, last = identical(n), {10: 0.4, 30: 0.2, 100: 0.08}[n]
    times = np.linspace(0, last, 21)
    found = wigner(couplings, "inverted", times, 2000)
    right = co.evolve(couplings, "inverted", times, method="symmetric", progress=False).emission
    peak = right.max()
    assert right[-1] < 0.9 * peak
    until = right.argmax() + 1
    allowed = 0.035 * peak + 2 * found.emission_error
    assert np.all(np.abs(found.emission - right)[:until] < allowed[:until])
    assert abs(found.emission.max() - peak) < allowed[until - 1]


def test_the_burst_of_a_dense_lattice():
    """4 × 3 emitters 0.1 wavelengths apart, against the numbers of `blocks`."""
    times = np.linspace(0, 0.3, 7)
    right = np.array(LATTICE)
    found = wigner(co.couple(co.square(4, 3, 0.1), co.Vacuum()), "inverted", times, 4000)
    assert np.all(np.abs(found.emission - right) < 0.03 * right.max() + 2 * found.emission_error)


def test_the_estimated_error_covers_the_tail():
    couplings, times = chain(6, 0.2), np.linspace(0, 5, 26)
    found, right = wigner(couplings, "inverted", times), exact(couplings, "inverted", times)
    away = np.abs(found.emission - right.emission)
    assert np.all(away < found.error_estimate + 4 * found.emission_error)
    assert away[-1] > 3 * right.emission[-1]  # this tail is wrong
    assert found.error_estimate[-1] < 4 * away[-1]  # and the estimate is of its size
    assert 1 < found.trusted_until < 4
    assert found.error_estimate[5] < 0.1 * right.emission.max()


def test_strong_shifts_do_not_lose_excitation():
    """At 0.05 wavelengths Δ is ten times Γ; steps that suit Γ would lose 7 % of the emission."""
    couplings, times = chain(2, 0.05), np.linspace(0, 2, 9)
    found, right = wigner(couplings, "inverted", times, 4000), exact(couplings, "inverted", times)
    allowed = found.error_estimate + 3 * found.emission_error
    assert np.all(np.abs(found.emission - right.emission) < allowed)


def test_a_weak_drive_is_said_to_be_useless():
    couplings = chain(4, 0.15, drive=0.3)
    with pytest.warns(UserWarning, match="is estimated to be up to"):
        found = wigner(couplings, "ground", np.linspace(0, 6, 7))
    right = exact(couplings, "ground", np.linspace(0, 6, 7)).emission
    away = np.abs(found.emission - right)
    assert away[-1] > right[-1]
    assert np.all(away < found.error_estimate + 4 * found.emission_error)


def test_a_strong_pulse():
    """A pulse of area π inverts the emitters, and the burst follows."""
    couplings, times = chain(3, 0.2, drive=20.0), np.linspace(0, 1, 11)

    def pulse(t):
        return np.exp(-((t - 0.2) ** 2) / (2 * 0.05**2)) * np.sqrt(np.pi / 2) / (20 * 0.05)

    found = wigner(couplings, "ground", times, 4000, envelope=pulse)
    right = exact(couplings, "ground", times, envelope=pulse).emission
    allowed = found.error_estimate + 4 * found.emission_error + 0.02 * right.max()
    assert right.max() > 2
    assert np.all(np.abs(found.emission - right) < allowed)


def test_complex_couplings_and_coherent_starts():
    couplings, state = circular_ring(0.3), co.states.product([1.0, 2.0, 2.5], 0.4)
    times = np.linspace(0, 0.6, 4)
    found = wigner(couplings, state, times, 8000, observe="correlations")
    right = exact(couplings, state, times, observe="correlations")
    scatter = 5 * 0.5 / np.sqrt(8000)
    np.testing.assert_allclose(found.correlations, right.correlations, atol=scatter + 0.02)
    np.testing.assert_allclose(found.correlations[0], right.correlations[0], atol=scatter)
    swapped = found.correlations.conj().swapaxes(1, 2)
    np.testing.assert_allclose(found.correlations, swapped, atol=1e-6)
    rate = np.einsum("mn,tmn->t", couplings.decay, found.correlations).real
    np.testing.assert_allclose(found.emission, rate, atol=1e-4)


def test_half_the_step_changes_little():
    couplings, times = chain(6, 0.1), np.linspace(0, 1, 6)
    whole = wigner(couplings, "inverted", times, 4000)
    half = wigner(couplings, "inverted", times, 4000, step=0.01, seed=2)
    assert half.diagnostics["steps"] == 100
    assert whole.diagnostics["steps"] < 50
    scatter = 4 * np.hypot(whole.emission_error, half.emission_error)
    assert np.all(np.abs(whole.emission - half.emission) < scatter + 0.01 * half.emission.max())


# photon pairs and shots


def test_photon_pairs_at_the_start():
    couplings = chain(5, 0.1)
    found = wigner(couplings, "inverted", [0.0], 4000)
    value = co.observables.g2(found)[0]
    rate, error = found.emission[0], found.coincidence_error[0]
    allowed = 4 * (error / rate**2 + 2 * value * found.emission_error[0] / rate)
    assert abs(value - co.observables.inverted_g2(couplings)) < allowed < 0.1


@pytest.mark.parametrize("state", ["inverted", co.states.coherent(1.2)])
def test_photon_pairs_follow_the_exact_ones(state):
    couplings, times = circular_ring(), np.linspace(0, 0.4, 5)
    found = wigner(couplings, state, times, 8000)
    right = exact(couplings, state, times, observe="states")
    pairs = co.observables.g2(right) * right.emission**2
    allowed = 4 * found.coincidence_error + 0.03 * pairs.max()
    assert np.all(np.abs(found.coincidence_rate - pairs) < allowed)


def test_pairs_of_all_light_only():
    found = wigner(chain(2), "inverted", [0.0, 0.1], 100)
    with pytest.raises(ValueError, match="directions: method 'truncated_wigner' knows the photon"):
        co.observables.g2(found, directions=[0, 0, 1])
    with pytest.raises(ValueError, match="only possible with couplings"):
        co.observables.g2(found, [0.0, 1.0])


def test_results_without_pairs_name_the_engines_that_have_them():
    found = co.evolve(chain(2), "inverted", [0.0, 0.1], method="cumulants", progress=False)
    with pytest.raises(ValueError, match=r"result of 'cumulants'.*TruncatedWigner\(\) or co.eng"):
        co.observables.g2(found)


def test_shots_are_the_samples():
    found = wigner(chain(4, 0.1), "inverted", np.linspace(0, 1, 6), 700)
    assert found.shots.shape == (700, 6)
    np.testing.assert_allclose(found.shots.mean(axis=0), found.emission, rtol=1e-5)
    scatter = found.shots.std(axis=0, ddof=1) / np.sqrt(700)
    np.testing.assert_allclose(scatter, found.emission_error, rtol=1e-5)


# seeds, threads, refusals


def test_a_seed_gives_the_same_numbers_with_any_number_of_threads():
    couplings, times = chain(80, 0.2), np.linspace(0, 0.2, 3)
    one = wigner(couplings, "inverted", times, 600, threads=1)
    two = wigner(couplings, "inverted", times, 600, threads=2)
    assert two.diagnostics["threads"] == 2
    np.testing.assert_array_equal(one.shots, two.shots)
    np.testing.assert_array_equal(one.populations_error, two.populations_error)
    other = wigner(couplings, "inverted", times, 600, seed=2)
    assert np.all(other.emission != one.emission)


def test_an_interrupted_run_continues_with_the_next_batch(tmp_path, interrupted_at):
    couplings, times, path = chain(3), np.linspace(0, 1, 4), tmp_path / "run.npz"
    whole = wigner(couplings, "inverted", times, 1200)
    with interrupted_at(1):
        part = wigner(couplings, "inverted", times, 1200, checkpoint=path)
    assert part.shots.shape == (512, 4)
    np.testing.assert_array_equal(part.shots, whole.shots[:512])
    rest = wigner(couplings, "inverted", times, 1200, checkpoint=path)
    np.testing.assert_array_equal(rest.shots, whole.shots)
    np.testing.assert_allclose(rest.coincidence_error, whole.coincidence_error, rtol=1e-12)


def test_correlated_states_are_refused_by_name():
    why = (
        "method 'truncated_wigner' starts from emitters that are independent of each other, but "
        "those of state dicke(2) are correlated"
    )
    with pytest.raises(ValueError, match=as_pattern(why)):
        wigner(chain(4), co.states.dicke(2), [0.0, 1.0])


@pytest.mark.parametrize(("option", "value"), [("n", 1), ("n", 2.5), ("step", 0.0), ("step", "1")])
def test_bad_options_are_named(option, value):
    with pytest.raises((ValueError, TypeError), match=f"^{option} "):
        co.engines.TruncatedWigner(**{option: value})


def test_too_many_samples_are_refused_with_their_bytes():
    with pytest.raises(co.ProblemTooLargeError, match=r"1,000,000,000 samples .* TiB"):
        wigner(chain(4), "inverted", np.linspace(0, 1, 2001), 10**9)


def test_the_prediction_names_memory_that_is_held():
    couplings, times = chain(60, 0.2), np.linspace(0, 0.5, 51)
    found = wigner(couplings, "inverted", times, 1000, observe="correlations")
    used, said = found.diagnostics["bytes_used"], found.diagnostics["bytes_predicted"]
    assert used < 1.3 * said
    assert said < 6 * max(used, 2**24)


def test_samples_do_not_depend_on_the_threads_of_blas():
    """Eigenvectors of Γ are rounded differently by one and by two threads."""
    from threadpoolctl import threadpool_limits

    many = co.couple(co.chain(300, 0.2), co.Vacuum())
    emission = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            engine = co.engines.TruncatedWigner(n=16)
            found = co.evolve(many, "inverted", [0, 0.5], method=engine, seed=1, progress=False)
        emission.append(found.emission)
    np.testing.assert_array_equal(*emission)
