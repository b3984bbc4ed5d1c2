"""Engines that take pump and dephasing as matrices: exact, driven, symmetric and trajectories."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from random_systems import random_couplings, random_rates, random_state
from scipy.linalg import expm
from systems import circular_ring, identical, in_unit

import collective as co

TIGHT = {"rtol": 1e-11, "atol": 1e-13, "progress": False}


def ladder(n, decay, pump):
    """Γ_mn = decay and P_mn = pump: the n emitters stay on one Dicke ladder."""
    return co.Couplings(np.full((n, n), decay), np.zeros((n, n)), pump=np.full((n, n), pump))


def rates_of_the_ladder(n, decay, pump):
    """The matrix of dp/dt: from k to k − 1 at decay·k(n − k + 1), from k to k + 1 like it."""
    matrix = np.zeros((n + 1, n + 1))
    for k in range(n + 1):
        for to, rate in ((k - 1, decay * k * (n - k + 1)), (k + 1, pump * (k + 1) * (n - k))):
            if rate:
                matrix[to, k] += rate
                matrix[k, k] -= rate
    return matrix


def test_equal_collective_pump_and_decay_fill_the_ladder_evenly():
    """p_k = 1/(N + 1), and g² = ⟨J⁺J⁺J⁻J⁻⟩/⟨J⁺J⁻⟩² = 1.125 for six emitters."""
    six = ladder(6, 0.7, 0.7)
    found = co.observables.steady(six, start="ground")
    np.testing.assert_allclose(found.distribution, np.full(7, 1 / 7), atol=1e-9)
    k = np.arange(7)
    light = k * (7 - k)
    assert (light * (k - 1) * (8 - k)).mean() / light.mean() ** 2 == pytest.approx(1.125)
    assert co.observables.g2(six, [0.0], start="ground")[0] == pytest.approx(1.125, abs=1e-9)
    late = co.evolve(six, "ground", [0.0, 60.0], method="symmetric", **TIGHT)
    np.testing.assert_allclose(late.excitation[1], 3.0, atol=1e-9)
    np.testing.assert_allclose(late.emission[1], 0.7 * light.mean(), atol=1e-8)


@pytest.mark.parametrize("n", [30, 150])
def test_pumped_ladder_against_its_rate_equations(n):
    times, pump = np.linspace(0, 0.4, 5), 0.3
    result = co.evolve(ladder(n, 1.0, pump), "inverted", times, method="symmetric", **TIGHT)
    step = expm(0.1 * rates_of_the_ladder(n, 1.0, pump))
    p, k = np.eye(n + 1)[n], np.arange(n + 1)
    for i in range(len(times)):
        assert result.excitation[i] == pytest.approx(k @ p, abs=1e-8)
        assert result.emission[i] == pytest.approx((k * (n - k + 1)) @ p, rel=1e-8)
        p = step @ p


def test_thermal_light_on_the_ladder_obeys_detailed_balance():
    """p_{k+1}/p_k = n̄/(n̄ + 1), and the emission is (n̄ + 1)⟨J⁺J⁻⟩."""
    n, photons = 12, 0.5
    warm = co.Couplings(np.ones((n, n)), np.zeros((n, n)), thermal_photons=photons)
    found = co.observables.steady(warm, start="ground")
    k = np.arange(n + 1)
    p = (photons / (photons + 1.0)) ** k
    p /= p.sum()
    np.testing.assert_allclose(found.distribution, p, atol=1e-9)
    emission = (1 + photons) * (k * (n - k + 1)) @ p
    assert found.emission == pytest.approx(emission, rel=1e-9)


def test_spectrum_of_identical_emitters_with_shared_noise():
    """Kept apart or not, one emitter has the correlations of the whole density matrix."""
    alike = identical(
        5, together=0.4, exchange=0.6, pump=0.3 + 0.2 * np.eye(5), dephasing=0.2 + 0.1 * np.eye(5)
    )
    delays, s = np.array([0.0, 0.3, 1.0]), reference.lowering(5)
    rho = co.steady_state(alike).full()
    assert np.abs(reference.slope_of(alike, rho)).max() < 1e-10
    up = sum(alike.decay[0, k] * s[k] for k in range(5))
    first = np.trace(up @ rho @ s[0].T)
    slope = np.trace(up @ reference.slope_of(alike, rho @ s[0].T)) / first
    step = 1e-4
    near = co.observables.g1(alike, [0.0, step, 2 * step])
    found = (-1.5 * near[0] + 2 * near[1] - 0.5 * near[2]) / step
    assert found == pytest.approx(slope, rel=1e-5)
    assert co.observables.g1(alike, delays)[0] == pytest.approx(1.0)


def test_answers_do_not_depend_on_the_unit():
    alike = identical(4, pump=0.3 + 0.2 * np.eye(4), dephasing=0.2 + 0.1 * np.eye(4), drive=0.5)
    times, unit = np.array([0.0, 0.5, 1.0]), 4.0**6
    here = co.evolve(alike, "ground", times, method="symmetric", progress=False)
    there = co.evolve(
        in_unit(alike, unit), "ground", times / unit, method="symmetric", progress=False
    )
    np.testing.assert_array_equal(here.populations, there.populations)


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 4), real=st.booleans(), driven=st.booleans())
def test_driven_engine_on_random_systems(seed, n, real, driven):
    couplings = random_couplings(seed, n, real=real, drive=driven).replace(
        pump=random_rates(seed + 1, n, real=real), dephasing=random_rates(seed + 2, n, real=real)
    )
    rho, times = random_state(seed, n), np.array([0.0, 0.4, 0.8])
    result = co.evolve(
        couplings, reference.as_qobj(rho), times, method="driven", observe="states", **TIGHT
    )
    expected = reference.evolve(reference.generator_of(couplings), rho, times)
    np.testing.assert_allclose([x.full() for x in result.states], expected, atol=1e-9)


@pytest.mark.slow
def test_driven_engine_uses_symmetries_of_the_matrices():
    """A ring of five, reduced, against the whole; another dephasing leaves no symmetry."""
    five = co.couple(co.ring(5, 0.3), co.Vacuum())
    shared = five.replace(pump=0.3 * five.decay, dephasing=np.full((5, 5), 0.2), drive=0.5)
    options = {"observe": "correlations", **TIGHT}
    reduced = co.evolve(shared, "ground", [0.0, 1.0], method="driven", **options)
    assert reduced.diagnostics["symmetries"] == 10
    whole = co.evolve(shared, "ground", [0.0, 1.0], method=co.engines.Driven([]), **options)
    np.testing.assert_allclose(reduced.correlations, whole.correlations, atol=1e-12)
    one = co.evolve(
        shared.replace(pump=random_rates(3, 5)), "ground", [0.0, 1.0], method="driven", **options
    )
    assert one.diagnostics["symmetries"] == 1


@pytest.mark.slow
def test_driven_engine_with_an_envelope_and_threads():
    ring = circular_ring().replace(pump=random_rates(1), dephasing=random_rates(2), drive=1.0)
    times = np.linspace(0, 2, 41)
    options = {"envelope": lambda t: np.sin(t) ** 2, "observe": "correlations", **TIGHT}
    found = co.evolve(ring, "ground", times, method="driven", **options)
    other = co.evolve(ring, "ground", times, method="exact", **options)
    np.testing.assert_allclose(found.correlations, other.correlations, atol=1e-8)


@pytest.mark.slow
def test_steady_state_of_six_emitters_with_shared_noise():
    """L applied operator by operator to the steady state from products with the generator."""
    six = co.couple(co.cloud(6, 0.3, seed=3), co.Vacuum()).replace(
        pump=random_rates(1, 6), dephasing=random_rates(2, 6), drive=0.4
    )
    rho = co.steady_state(six, progress=False).full()
    assert np.abs(reference.slope_of(six, rho)).max() < 1e-8


@pytest.mark.slow
def test_thermal_steady_state_of_five_emitters():
    """ρ ∝ (n̄/(n̄ + 1))^n̂ for any Γ, as detailed balance requires."""
    photons = 0.7
    five = co.couple(co.cloud(5, 0.4, seed=1), co.Vacuum()).replace(thermal_photons=photons)
    found = co.steady_state(five.replace(shift=0 * five.shift), progress=False)
    k = np.array([5 - bin(i).count("1") for i in range(32)])
    expected = (photons / (photons + 1)) ** k
    np.testing.assert_allclose(found.diag(), expected / expected.sum(), atol=1e-9)


@pytest.mark.slow
def test_trajectories_with_complex_matrices_and_thermal_light():
    """Every moment and every channel of jumps, within its errors."""
    ring = circular_ring().replace(
        pump=random_rates(1), dephasing=random_rates(2), drive=0.5j, thermal_photons=0.4
    )
    times, engine = np.linspace(0, 1.5, 4), co.engines.Trajectories(n=6000)
    options = {"observe": "correlations", "seed": 3, "progress": False}
    found = co.evolve(ring, "ground", times, method=engine, **options)
    generator, ground = reference.generator_of(ring), reference.projector(reference.ket(3))
    every = np.linspace(0, 1.5, 31)
    states = reference.evolve(generator, ground, every)
    exact = np.array([reference.correlations(x) for x in states])[::10]
    assert np.abs(found.correlations - exact).max() < 5 * 0.5 / np.sqrt(6000)
    away = np.abs(found.populations - np.diagonal(exact, axis1=1, axis2=2).real)
    assert np.all(away <= 5 * found.populations_error + 1e-6)
    emission = 1.4 * np.einsum("mn,tmn->t", ring.decay, exact).real
    assert np.all(np.abs(found.emission - emission) <= 5 * found.emission_error + 1e-6)
    # the number of jumps of each channel is the integral of its rate
    jumps = ring.collapse_operators()
    counted = np.bincount(found.jumps.channels, minlength=len(jumps)) / 6000
    for jump, count in zip(jumps, counted, strict=True):
        rate = np.array([np.trace((jump.dag() * jump).full() @ x).real for x in states])
        expected = np.trapezoid(rate, every)
        assert abs(count - expected) < 5 * np.sqrt(expected * (1 + expected) / 6000) + 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["double", "single"])
def test_blocks_with_shared_dephasing(precision):
    """A burst of six emitters against the whole density matrix."""
    six = co.couple(co.cloud(6, 0.3, seed=3), co.Vacuum())
    six = six.replace(dephasing=random_rates(2, 6, real=True))
    times, limit = np.linspace(0, 1, 3), 1e-8 if precision == "double" else 1e-5
    rtol = 1e-10 if precision == "double" else limit
    options = {"observe": "correlations", "rtol": rtol, "progress": False}
    engine = co.engines.Blocks(precision=precision)
    found = co.evolve(six, "inverted", times, method=engine, **options)
    exact = co.evolve(six, "inverted", times, method="driven", observe="correlations", **TIGHT)
    np.testing.assert_allclose(found.correlations, exact.correlations, atol=limit)


def test_blocks_refuse_complex_dephasing():
    ring = circular_ring().replace(dephasing=random_rates(2))
    why = co.methods(ring, "inverted", [0.0, 1.0], method="blocks").refusals["blocks"]
    assert why.startswith("method 'blocks' takes a real matrix of dephasing")


@pytest.mark.slow
def test_trajectories_are_the_same_with_any_number_of_threads():
    ring = circular_ring().replace(pump=random_rates(1), dephasing=random_rates(2))
    options = {"method": co.engines.Trajectories(n=40), "seed": 3, "progress": False}
    one = co.evolve(ring, "ground", [0.0, 1.0], threads=1, **options)
    two = co.evolve(ring, "ground", [0.0, 1.0], threads=2, **options)
    assert one.jumps == two.jumps
    np.testing.assert_array_equal(one.emission, two.emission)


def test_shared_noise_keeps_the_total_spin():
    """A drive and noise that acts on all emitters alike leave ⟨J²⟩ = N/2(N/2 + 1)."""
    n = 4
    alike = identical(n, pump=np.full((n, n), 0.4), dephasing=np.full((n, n), 0.3), drive=0.8)
    result = co.evolve(
        alike, co.states.coherent(0.7), [0.0, 0.5, 2.0], method="symmetric",
        observe="correlations", **TIGHT,
    )  # fmt: skip
    number, pairs = result.excitation, result.correlations.sum(axis=(1, 2)).real
    exact = co.evolve(
        alike, co.states.coherent(0.7), [0.0, 0.5, 2.0], method="exact",
        observe=["correlations", "states"], **TIGHT,
    )  # fmt: skip
    np.testing.assert_allclose(pairs, exact.correlations.sum(axis=(1, 2)).real, atol=1e-9)
    np.testing.assert_allclose(number, exact.excitation, atol=1e-9)
    spin = sum(reference.lowering(n))
    z = (spin.T @ spin - spin @ spin.T) / 2
    square = spin.T @ spin + z @ z - z
    for rho in exact.states:
        assert np.trace(square @ rho.full()).real == pytest.approx(n / 2 * (n / 2 + 1), abs=1e-9)
