"""Emitters along a guide at places on a grid, where delays are multiples of one, and far apart."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.linalg import expm

import collective as co

K = 2 * np.pi
RETARDED = {"method": "retarded", "progress": False}


def by_the_method_of_steps(at_once, delayed, start, delay, times):
    """x with ẋ(t) = A x(t) + Σ_j B_j x(t − jτ), by the exponential of all intervals of τ together.

    The parts x(s + kτ) with 0 ≤ s < τ obey an equation without delay.
    """
    n, count = len(at_once), int(times[-1] / delay) + 1
    parts, found = [start], np.zeros((len(times), n), dtype=complex)
    for k in range(count):
        generator = np.kron(np.eye(k + 1), at_once)
        for j, matrix in delayed.items():
            generator = generator + np.kron(np.eye(k + 1, k=-j), matrix)
        since = times - k * delay
        for q in np.flatnonzero((since >= 0) & (since < delay)):
            found[q] = (expm(generator * since[q]) @ np.concatenate(parts))[k * n :]
        parts.append((expm(generator * delay) @ np.concatenate(parts))[k * n :])
    return found


@pytest.mark.parametrize("chirality", [0.0, 0.4, -1.0])
def test_unequal_emitters_before_a_mirror_by_the_method_of_steps(chirality):
    grid, delay, phase = np.array([2, 3, 5]), 0.3, 1.7
    rates, detunings = np.array([1.0, 0.5, 2.0]), np.array([0.0, 3.0, -2.0])
    row = co.Emitters(grid[:, None] * [0, 0, 1], decay_rates=rates)
    field = co.Waveguide(
        tuple(rates), phase, chirality=chirality, group_velocity=1 / delay, mirror=0.0
    )
    couplings = co.couple(row, field).replace(detunings=detunings)
    times = np.linspace(0, 5, 23)
    found = co.evolve(couplings, co.states.single(2), times, observe="correlations", **RETARDED)
    delayed = {j: np.zeros((3, 3), dtype=complex) for j in range(1, 11)}
    for m, n in np.ndindex(3, 3):
        size, apart, by_mirror = np.sqrt(rates[m] * rates[n]), grid[m] - grid[n], grid[m] + grid[n]
        if apart:
            share = (1 + np.sign(apart) * chirality) / 2
            delayed[abs(apart)][m, n] -= size * share * np.exp(1j * phase * abs(apart))
        back = size * np.sqrt(1 - chirality**2) / 2
        delayed[by_mirror][m, n] += back * np.exp(1j * phase * by_mirror)
    at_once = np.diag(-1j * detunings - rates / 2)
    start = np.array([0, 0, 1], dtype=complex)
    c = by_the_method_of_steps(at_once, delayed, start, delay, times)
    expected = np.einsum("tm,tn->tmn", c.conj(), c)
    np.testing.assert_allclose(found.correlations, expected, atol=1e-9)


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
@pytest.mark.parametrize("chirality", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("mirror", [None, -7777.123, -0.3])
@pytest.mark.parametrize("place", [5574205.123, 130000000.3])
def test_round_off_of_phases_is_the_same_in_gamma_and_in_the_memory(place, mirror, chirality):
    """Γ of far emitters has the error of their phases; the run with delays must not refuse it."""
    pair = co.Emitters([[0, 0, 0.11], [0, 0, place]])
    field = co.Waveguide(1.0, K, chirality=chirality, mirror=mirror, group_velocity=1e9)
    couplings = co.couple(pair, field)
    effective = couplings.shift - 0.5j * couplings.decay
    np.testing.assert_allclose(field.memory(pair).self_energy(0.0), effective, atol=1e-14)
    # no light reaches the other emitter in half the time that it needs
    early = [0.0, (place - 0.11) / 2e9]
    found = co.evolve(couplings, co.states.single(0), early, **RETARDED)
    assert found.populations[-1, 1] == 0


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
def test_far_emitters_before_a_mirror_have_the_phases_of_exact_fractions():
    places, mirror = (Fraction("0.11"), Fraction("5574205.123")), Fraction("-7777.123")
    pair = co.Emitters([[0, 0, float(z)] for z in places])
    field = co.Waveguide(1.0, K, mirror=float(mirror), group_velocity=1e9)
    couplings = co.couple(pair, field)
    for m, n in np.ndindex(2, 2):
        by_mirror = places[m] + places[n] - 2 * mirror
        direct, back = (K * float(z % 1) for z in (abs(places[m] - places[n]), by_mirror))
        assert couplings.decay[m, n] == pytest.approx(np.cos(direct) - np.cos(back), abs=1e-7)
        shift = (np.sin(direct) - np.sin(back)) / 2
        assert couplings.shift[m, n] == pytest.approx(shift, abs=1e-7)


def test_a_self_energy_that_overflows_far_below_the_real_axis_is_refused():
    memory = co.Waveguide(1.0, K, group_velocity=1.0).memory(co.chain(2, 2.0))
    assert np.isfinite(memory.self_energy([-200j, 1e5j])).all()
    with pytest.raises(ValueError, match=r"overflows at the imaginary part -400.*at least -250"):
        memory.self_energy(-400j)


class Echo:
    """An emitter whose light comes back after a delay with any strength."""

    def __init__(self, strength, delay):
        strengths, delays = [[[-0.5j]], [[strength]]], [[[0.0]], [[delay]]]
        self.kept = co.Memory(strengths, delays, [], [])

    def memory(self, emitters):
        return self.kept

    def coefficients(self, emitters):
        at_resonance = self.kept.self_energy(0.0)
        return -2 * at_resonance.imag, at_resonance.real


def test_a_memory_that_gives_energy_is_found_out():
    """Γ = 1 at ω₀ is no fault, but at other frequencies it is 1 − 10 sin ωτ."""
    alone = co.couple(co.Emitters([[0, 0, 0]]), Echo(5.0, 1.0))
    with pytest.raises(
        co.EvolutionError, match=r"4\.01.* excitations .* gives them energy"
    ) as found:
        co.evolve(alone, "inverted", np.linspace(0, 3, 7), **RETARDED)
    np.testing.assert_allclose(found.value.result.excitation, np.exp([0, -0.5, -1]), atol=1e-12)


def test_the_smallest_delay_is_none():
    alone = co.couple(co.Emitters([[0, 0, 0]]), Echo(0.1, 5e-324))
    found = co.evolve(alone, "inverted", [0.0, 1.0], **RETARDED)
    assert found.excitation[1] == pytest.approx(np.exp(-1), abs=1e-12)
