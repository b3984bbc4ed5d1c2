"""Ising terms, matrices of pump and dephasing, thermal light and a drive at once, in every engine."""

import pickle

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from random_systems import random_couplings, random_matrix, random_rates, random_state
from systems import identical, in_unit

import collective as co
from collective.evolution import steady_kernel
from collective.results.xarray import parts

TIGHT = {"rtol": 1e-11, "atol": 1e-13, "progress": False}
TIMES = np.array([0.0, 0.4, 0.8])
DELAYS = np.array([0.0, 0.3, 0.9])
PHOTONS = 0.3
START = co.states.coherent(1.1, 0.3)


def everything(seed, n, *, real=False, drive=True, photons=PHOTONS):
    """Random couplings of n emitters with all that `Couplings` takes, of order one."""
    v = np.triu(random_matrix(seed + 3, n, real=True), 1)
    return random_couplings(seed, n, real=real, drive=drive).replace(
        pump=random_rates(seed + 1, n, real=real),
        dephasing=random_rates(seed + 2, n, real=real),
        ising=v + v.T,
        thermal_photons=photons,
    )


def alike(n, drive=0.0, photons=PHOTONS, *, opposed=False):
    """Identical emitters with all of it; the pumps of two emitters may have opposed signs."""
    together = -0.1 / n if opposed else 0.3
    return identical(n, together=0.5, exchange=0.6, detunings=0.2, drive=drive).replace(
        pump=together + 0.2 * np.eye(n),
        dephasing=0.2 + 0.1 * np.eye(n),
        ising=0.7,
        thermal_photons=photons,
    )


def steady_of(generator):
    """The state that a generator leaves as it is."""
    vector = np.linalg.svd(generator)[2][-1].conj()
    rho = vector.reshape((round(len(vector) ** 0.5),) * 2)
    return rho / np.trace(rho)


def light(couplings, rho, delays):
    """Σ Γ_mn⟨σ⁺_m(0)σ⁻_n(τ)⟩ over its first value, and ⟨R(0)R(τ)⟩ of photons over ⟨R⟩²."""
    generator, decay = reference.generator_of(couplings), couplings.decay
    s = reference.lowering(len(decay))
    sent = [sum(row[k] * s[k] for k in range(len(s))) for row in decay]
    rate = sum(s[m].T @ sent[m] for m in range(len(s)))
    first = sum(
        np.array([np.trace(sent[m] @ x) for x in reference.evolve(generator, rho @ s[m].T, delays)])
        for m in range(len(s))
    )
    after = sum(sent[m] @ rho @ s[m].T for m in range(len(s)))
    later = reference.evolve(generator, after, delays)
    second = np.array([np.trace(rate @ x).real for x in later])
    return first / first[0], second / np.trace(rate @ rho).real ** 2


def squeezing_of(rho):
    """The smallest variance across ⟨J⟩ of Kitagawa and Ueda, from a scan of directions."""
    n = len(rho).bit_length() - 1
    low = sum(reference.lowering(n))
    spins = [(low + low.T) / 2, (low - low.T) / 2j, (low.T @ low - low @ low.T) / 2]
    mean = np.array([np.trace(a @ rho).real for a in spins])
    products = [[np.trace((a @ b + b @ a) @ rho).real / 2 for b in spins] for a in spins]
    along = mean / np.linalg.norm(mean)
    one = np.cross(along, [0.3, 1, 0.1])
    one /= np.linalg.norm(one)
    angles = np.linspace(0, np.pi, 20001)[:, None]
    across = np.cos(angles) * one + np.sin(angles) * np.cross(along, one)
    covariance = np.array(products) - np.outer(mean, mean)
    return 4 / n * np.einsum("ai,ij,aj->a", across, covariance, across).min()


def require_dense(couplings, method, unit=1.0):
    """Hold an engine against the dense master equation, from a random state and a late start."""
    n = len(couplings)
    rho = random_state(5, n)
    result = co.evolve(
        in_unit(couplings, unit), reference.as_qobj(rho), (5 + TIMES) / unit, method=method,
        observe=("states", "correlations"), **TIGHT,
    )  # fmt: skip
    wanted = reference.evolve(reference.generator_of(couplings), rho, TIMES)
    decay = (1 + couplings.thermal_photons) * couplings.decay
    np.testing.assert_allclose([x.full() for x in result.states], wanted, atol=1e-9)
    emission = [reference.emission(decay, x) for x in wanted]
    np.testing.assert_allclose(result.emission / unit, emission, atol=1e-8)


@pytest.mark.parametrize("unit", [1.0, 4.0**15])
def test_everything_at_once_in_the_engine_exact(unit):
    require_dense(everything(1, 2), "exact", unit)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 4),
    real=st.booleans(),
    drive=st.booleans(),
    photons=st.sampled_from([0.0, PHOTONS]),
    method=st.sampled_from(["exact", "driven"]),
    unit=st.sampled_from([1.0, 4.0**-12, 4.0**15]),
)
def test_everything_at_once_on_random_systems(seed, n, real, drive, photons, method, unit):
    couplings = everything(seed, n, real=real, drive=drive, photons=photons)
    require_dense(couplings, method, unit)
    rho = co.steady_state(couplings).full()
    assert np.abs(reference.slope_of(couplings, rho)).max() < 1e-10


@pytest.mark.parametrize("opposed", [False, True])
@pytest.mark.parametrize("drive", [0.0, 0.5 - 0.2j])
def test_everything_at_once_on_dicke_states(drive, opposed):
    """Evolution, steady state and squeezing of identical emitters; P_12 may be negative."""
    three = alike(3, drive, opposed=opposed)
    generator, decay = reference.generator_of(three), (1 + PHOTONS) * three.decay
    rho = reference.projector(reference.product_ket(3, 1.1, 0.3))
    states = reference.evolve(generator, rho, TIMES)
    found = co.evolve(three, START, TIMES, method="symmetric", observe="correlations", **TIGHT)
    wanted = [reference.correlations(x) for x in states]
    np.testing.assert_allclose(found.correlations, wanted, atol=1e-9)
    emission = [reference.emission(decay, x) for x in states]
    np.testing.assert_allclose(found.emission, emission, atol=1e-9)
    last = co.observables.steady(three)
    assert last.emission == pytest.approx(reference.emission(decay, steady_of(generator)))
    squeezed = co.observables.squeezing(
        three, definition="kitagawa-ueda", state=START, times=TIMES[[0, 2]]
    )
    np.testing.assert_allclose(squeezed, [squeezing_of(states[i]) for i in (0, 2)], atol=1e-7)


def test_two_species_know_the_interaction():
    """Two emitters of one kind and one of another, with V_AA and V_AB."""
    ising = np.array([[0, 1.1, -0.6], [1.1, 0, -0.6], [-0.6, -0.6, 0]])
    three = identical(
        3, together=0.0, alone=0.3, exchange=0.4, detunings=[0.2, 0.2, -0.3], ising=ising
    )
    rho = reference.projector(reference.product_ket(3, 1.1, 0.3))
    states = reference.evolve(reference.generator_of(three), rho, TIMES)
    found = co.evolve(three, START, TIMES, method="symmetric", observe="correlations", **TIGHT)
    assert found.diagnostics["species"] == [2, 1]
    wanted = [reference.correlations(x) for x in states]
    np.testing.assert_allclose(found.correlations, wanted, atol=1e-9)


@pytest.mark.parametrize("couplings", [everything(7, 2, photons=0.0), alike(2, 0.4, 0.0)])
def test_light_of_the_steady_state_knows_everything(couplings):
    one, two = light(couplings, steady_of(reference.generator_of(couplings)), DELAYS)
    np.testing.assert_allclose(co.observables.g1(couplings, DELAYS), one, atol=1e-9)
    np.testing.assert_allclose(co.observables.g2(couplings, DELAYS), two, atol=1e-9)


@pytest.mark.parametrize(
    ("couplings", "methods"),
    [
        (everything(4, 2), ["exact", "driven"]),
        (alike(2), ["symmetric"]),
        (everything(4, 2, drive=False, photons=0.0).replace(pump=0.0, dephasing=0.1), ["blocks"]),
    ],
)
def test_correlations_at_two_times_know_everything(couplings, methods):
    """Photons of one emitter followed by those of another, by the dense generator."""
    generator, s = reference.generator_of(couplings), reference.lowering(2)
    rho = reference.projector(reference.product_ket(2, 1.1, 0.3))
    wanted = np.empty((len(DELAYS), 2, 2))
    for m in range(2):
        for i, x in enumerate(reference.evolve(generator, s[m] @ rho @ s[m].T, DELAYS)):
            wanted[i, m] = [np.trace(a.T @ a @ x).real for a in s]
    for method in methods:
        found = co.observables.correlation(
            couplings, START, 0.0, DELAYS, operators="coincidence", method=method, progress=False
        )
        np.testing.assert_allclose(found.reshape(wanted.shape), wanted, atol=1e-9)


def test_blocks_say_that_they_correlate_no_shared_dephasing():
    falling = everything(4, 2, drive=False, photons=0.0).replace(pump=0.0)
    with pytest.raises(ValueError, match=r"'blocks' of correlation .*or matrix of dephasing"):
        co.observables.correlation(falling, START, 0.0, DELAYS, method="blocks")


@pytest.mark.parametrize("matrix", [False, True])
@pytest.mark.parametrize("start", ["inverted", co.states.single(1)])
def test_spectrum_of_a_decay_knows_interaction_and_dephasing(start, matrix):
    """From the resolvent of the dense generator."""
    couplings = everything(9, 3, drive=False, photons=0.0).replace(pump=0.0)
    if not matrix:
        couplings = couplings.replace(dephasing=[0.1, 0.0, 0.4])
    generator, s = reference.generator_of(couplings), reference.lowering(3)
    rho = co.states.density_matrix(start, couplings).full()
    ground = reference.projector(reference.ket(3))
    spent = np.linalg.lstsq(generator, (ground - rho).ravel(), rcond=None)[0].reshape(8, 8)
    frequencies, wanted = np.array([-2.0, 0.3, 1.5]), np.zeros(3)
    for i, frequency in enumerate(frequencies):
        for m in range(3):
            sent = sum(couplings.decay[m, k] * s[k] for k in range(3))
            later = np.linalg.solve(
                generator + 1j * frequency * np.eye(64), -(spent @ s[m].T).ravel()
            )
            wanted[i] += np.trace(sent @ later.reshape(8, 8)).real / np.pi
    found = co.observables.spectrum(couplings, frequencies, state=start)
    np.testing.assert_allclose(found.values, wanted, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("real", [False, True])
def test_trajectories_with_everything_at_once(real):
    three, count = everything(5, 3, real=real), 3000
    generator = reference.generator_of(three)
    states = reference.evolve(
        generator, reference.projector(reference.product_ket(3, 1.1, 0.3)), np.linspace(0, 1, 41)
    )
    found = co.evolve(
        three, START, [0.0, 0.5, 1.0], method=co.engines.Trajectories(n=count),
        observe="correlations", seed=3, progress=False,
    )  # fmt: skip
    exact = np.array([reference.correlations(x) for x in states])[::20]
    assert np.abs(found.correlations - exact).max() < 5 * 0.5 / np.sqrt(count)
    emission = (1 + PHOTONS) * np.einsum("mn,tmn->t", three.decay, exact).real
    assert np.all(np.abs(found.emission - emission) <= 5 * found.emission_error + 1e-6)
    jumps = three.collapse_operators()
    counted = np.bincount(found.jumps.channels, minlength=len(jumps)) / count
    for jump, number in zip(jumps, counted, strict=True):
        rates = [np.trace((jump.dag() * jump).full() @ x).real for x in states]
        expected = np.trapezoid(rates, dx=0.025)
        assert abs(number - expected) < 5 * np.sqrt(expected * (1 + expected) / count) + 2e-3


@pytest.mark.slow
def test_symmetries_and_an_envelope_with_everything_at_once():
    """A ring of five: reduced and whole in "driven", and in "exact"."""
    five = co.couple(co.ring(5, 0.3), co.Vacuum())
    neighbours = np.roll(np.eye(5), 1, axis=1) + np.roll(np.eye(5), -1, axis=1)
    five = five.replace(
        pump=0.3 * five.decay, dephasing=0.2 * five.decay, ising=0.7 * neighbours,
        thermal_photons=PHOTONS, drive=0.5,
    )  # fmt: skip
    for envelope in (None, lambda t: np.sin(3 * t) ** 2):
        options = {"observe": "correlations", "envelope": envelope, **TIGHT}
        exact = co.evolve(five, "ground", TIMES, method="exact", **options)
        reduced = co.evolve(five, "ground", TIMES, method="driven", **options)
        assert reduced.diagnostics["symmetries"] == 10
        whole = co.evolve(five, "ground", TIMES, method=co.engines.Driven([]), **options)
        np.testing.assert_allclose(reduced.correlations, whole.correlations, atol=1e-12)
        np.testing.assert_allclose(reduced.correlations, exact.correlations, atol=1e-8)


@pytest.mark.slow
def test_blocks_with_shared_dephasing_and_interaction():
    """A burst of five emitters in a ring, reduced by ten symmetries, against the whole ρ."""
    five = co.couple(co.ring(5, 0.3), co.Vacuum())
    neighbours = np.roll(np.eye(5), 1, axis=1) + np.roll(np.eye(5), -1, axis=1)
    five = five.replace(dephasing=0.2 * five.decay, ising=0.7 * neighbours)
    for start in ("inverted", START):
        options = {"observe": "correlations", **TIGHT}
        found = co.evolve(five, start, TIMES, method="blocks", **options)
        assert found.diagnostics["symmetries"] == 10
        wanted = co.evolve(five, start, TIMES, method="exact", **options)
        np.testing.assert_allclose(found.correlations, wanted.correlations, atol=1e-9)


def test_files_copies_tables_and_checkpoints_keep_everything(tmp_path):
    two = everything(3, 2)
    path, options = tmp_path / "run.npz", {"method": "exact", "progress": False}
    result = co.evolve(two, "ground", [0.0, 1.0], checkpoint=path, **options)
    assert co.load(result.save(tmp_path / "result")).couplings == two
    assert pickle.loads(pickle.dumps(two)) == two
    table = parts(result)[0]
    for name in ("pump", "dephasing", "ising"):
        np.testing.assert_array_equal(table[name][1], getattr(two, name))
        other = two.replace(**{name: getattr(two, name) * 1.001})
        assert other != two
        with pytest.raises(ValueError, match="another problem"):
            co.evolve(other, "ground", [0.0, 1.0], checkpoint=path, **options)


def test_dark_pairs_are_found_beside_noise_and_interaction():
    """Two emitters that emit only together are no dark pair if anything tells them apart."""
    n = 6
    decay = np.full((n, n), 0.2) + 0.8 * np.eye(n)
    decay[0, 1] = decay[1, 0] = 1.0
    pair = co.Couplings(decay, np.zeros((n, n)), drive=0.5)
    assert steady_kernel.alike(pair) == (0, 1)
    between, apart, noise = (np.zeros((n, n)) for _ in range(3))
    between[0, 1] = between[1, 0] = 1.3  # the antisymmetric state does not feel this one
    apart[0, 2] = apart[2, 0] = 1.3
    assert steady_kernel.alike(pair.replace(ising=between)) == (0, 1)
    assert steady_kernel.alike(pair.replace(ising=apart)) is None
    noise[1:3, 1:3] = 0.3  # a matrix in which most emitters have no part
    elsewhere = np.roll(noise, (2, 2), axis=(0, 1))
    for name in ("pump", "dephasing"):
        assert steady_kernel.alike(pair.replace(**{name: noise})) is None
        assert steady_kernel.alike(pair.replace(**{name: elsewhere})) == (0, 1)


@pytest.mark.slow
def test_steady_state_where_only_the_interaction_tells_a_pair_apart():
    n = 5
    decay = np.full((n, n), 0.2) + 0.8 * np.eye(n)
    decay[0, 1] = decay[1, 0] = 1.0
    ising, pump = np.zeros((n, n)), np.zeros((n, n))
    ising[0, 2] = ising[2, 0] = 1.3
    pump[3:, 3:] = 0.3
    five = co.Couplings(decay, np.zeros((n, n)), drive=0.5, ising=ising, pump=pump)
    rho = co.steady_state(five, progress=False).full()
    assert np.abs(reference.slope_of(five, rho)).max() < 1e-9
    step = 1e-4
    near = co.observables.g1(five, [0.0, step, 2 * step])
    one = np.array(light_slope(five, rho))
    assert (-1.5 * near[0] + 2 * near[1] - 0.5 * near[2]) / step == pytest.approx(one, rel=1e-5)


def light_slope(couplings, rho):
    """The slope of g1 at zero delay, operator by operator."""
    s, decay = reference.lowering(len(couplings)), couplings.decay
    first, slope = 0.0, 0.0
    for m in range(len(s)):
        sent = sum(decay[m, k] * s[k] for k in range(len(s)))
        first += np.trace(sent @ rho @ s[m].T)
        slope += np.trace(sent @ reference.slope_of(couplings, rho @ s[m].T))
    return slope / first


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ({"pump": 0.2 + np.eye(4)}, "the pump is a matrix, which is possible for emitters of one"),
        ({"dephasing": 0.2 + np.eye(4)}, "the dephasing is a matrix, which is possible for"),
        ({"thermal_photons": 0.2}, "species of emitters are not computed in thermal light"),
    ],
)
def test_species_refuse_shared_noise_by_name(noise, message):
    two_kinds = identical(4, detunings=[0.0, 0.0, 1.0, 1.0]).replace(ising=0.4, **noise)
    why = co.methods(two_kinds, "inverted", [0.0, 1.0], method="symmetric").refusals["symmetric"]
    assert message in why


def test_noise_of_zero_is_no_matrix():
    """Also one number for all pairs, of which no engine would know that it is zero."""
    many = (6000, 6000)
    for nothing in (np.broadcast_to(0.0, many), 0.0):
        found = co.Couplings(
            np.broadcast_to(1.0, many), np.broadcast_to(0.0, many), pump=nothing, dephasing=nothing
        )
        assert found.pump.shape == found.dephasing.shape == (6000,)


def test_methods_say_that_an_error_is_not_known():
    chain = co.couple(co.chain(4, 0.2), co.Vacuum())
    plain, with_ising = (
        str(co.methods(c, "inverted", [0.0, 1.0])) for c in (chain, chain.replace(ising=0.3))
    )
    assert "error not known" not in plain
    for name in ("mean_field", "cumulants"):
        row = next(line for line in with_ising.splitlines() if name in line)
        assert "approximate, error not known" in row
