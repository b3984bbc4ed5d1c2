"""Quantum jumps: each trajectory against a dense replay, means against the master equation."""

import re
import subprocess
import sys
import tracemalloc
import warnings

import numpy as np
import pytest
import qutip
import reference
from random_systems import random_state
from scipy.linalg import expm
from scipy.stats import kstest
from systems import circular_ring, in_unit, routes

import collective as co
from collective.engines import loop
from collective.engines import request as _requests
from collective.engines.choice import engine
from collective.engines.trajectories.engine import _sampler
from collective.engines.trajectories.means import Totals, batch, uniform

TIMES = np.linspace(0, 4, 41)
FIELDS = ("emission", "excitation", "populations")
CHAIN = co.couple(co.chain(4, 0.1), co.Vacuum())
RING = circular_ring(0.15, decay_rates=[1, 0.6, 1.7], detunings=[2.0, -1.0, 0.3])
DRIVEN = CHAIN.replace(drive=[1, 0.5j, 0, 0], dephasing=[0.2, 0, 0, 0.1], pump=[0, 0.3, 0, 0])


SAMPLED = {"seed": 1, "progress": False}


def evolve(couplings, state="inverted", times=TIMES, **options):
    """Evolve by trajectories: `n` and `standard_error` are for the engine, the rest for `evolve`."""
    known = {name: options.pop(name) for name in ("n", "standard_error") if name in options}
    method = co.engines.Trajectories(**{"n": 500, **known})
    return co.evolve(couplings, state, times, method=method, **SAMPLED | options)


def scores(result, exact):
    """Deviations in standard errors, of emission, excitation and populations, where they vary."""
    found = []
    for name in FIELDS:
        error = getattr(result, f"{name}_error")
        away = getattr(result, name) - getattr(exact, name)
        np.testing.assert_allclose(away[error == 0], 0, atol=1e-9)
        found.append(away[error > 0] / error[error > 0])
    return np.concatenate(found)


def identical(a, b):
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        np.testing.assert_array_equal(getattr(a, f"{name}_error"), getattr(b, f"{name}_error"))
    for name in ("trajectory", "times", "channels"):
        np.testing.assert_array_equal(getattr(a.jumps, name), getattr(b.jumps, name))
    assert a.jumps.n_trajectories == b.jumps.n_trajectories


class Replay:
    """A trajectory computed from its clicks alone by dense matrices, without the engine."""

    def __init__(self, couplings, ket, clicks):
        n = len(couplings)
        self.lower = reference.lowering(n)
        h = np.diag(couplings.detunings) + couplings.shift - 0.5j * couplings.decay
        pairs = [(m, k) for m in range(n) for k in range(n)]
        self.effective = sum(h[m, k] * self.lower[m].T @ self.lower[k] for m, k in pairs)
        self.decay = couplings.decay
        vectors = couplings.modes().jump_vectors
        self.kets, self.starts, self.survivals = [ket], [TIMES[0]], []
        for t, channel in zip(*clicks, strict=True):
            before = self.at(t)
            self.survivals.append(np.vdot(before, before).real)
            after = sum(vectors[m, channel].conj() * self.lower[m] for m in range(n)) @ before
            self.kets.append(after / np.linalg.norm(after))
            self.starts.append(t)

    def at(self, t):
        """ψ, not normalised since the last click before t."""
        last = np.searchsorted(self.starts, t) - 1 if t > self.starts[0] else 0
        return expm(-1j * self.effective * (t - self.starts[last])) @ self.kets[last]

    def correlations(self, t):
        ket = self.at(t)
        lowered = np.array([s @ ket for s in self.lower])
        return lowered.conj() @ lowered.T / np.vdot(ket, ket).real


ROUTES = routes()
THREE = ROUTES["trajectories"].system.couplings
NEAR = co.couple(co.chain(3, 0.04, detunings=[0, 3, -5]), co.Vacuum())


@pytest.mark.parametrize("couplings", [CHAIN, RING, NEAR], ids=["chain", "complex", "near field"])
def test_each_trajectory_agrees_with_a_replay_of_its_clicks(couplings):
    n, count, seed = len(couplings), 5, 3
    result = evolve(couplings, n=count, seed=seed, observe="correlations")
    replays = [Replay(couplings, reference.inverted(n), result.jumps.of(i)) for i in range(count)]
    mean = np.mean([[r.correlations(t) for t in TIMES] for r in replays], axis=0)
    np.testing.assert_allclose(result.correlations, mean, atol=2e-9)
    np.testing.assert_allclose(
        result.populations, np.diagonal(mean, axis1=1, axis2=2).real, atol=2e-9
    )
    emission = np.einsum("mn,tmn->t", couplings.decay, mean).real
    np.testing.assert_allclose(result.emission, emission, atol=2e-8)
    # the jump comes where the norm has fallen to 1 − u, neither early nor late
    chances = uniform(seed, 0, count, 1 + 2 * n)
    for replay, u in zip(replays, chances, strict=True):
        assert len(replay.survivals) > 0
        due = 1 - u[1 : 1 + 2 * len(replay.survivals) : 2]
        np.testing.assert_allclose(replay.survivals, due, atol=1e-9)


@pytest.mark.parametrize(("couplings", "seed"), [(CHAIN, 1), (RING, 1)], ids=["chain", "ring"])
def test_means_of_40000_trajectories_agree_with_the_master_equation(couplings, seed):
    result = evolve(couplings, n=40_000, seed=seed)
    away = scores(result, co.evolve(couplings, "inverted", TIMES, method="exact"))
    assert np.abs(away).max() <= 3
    assert 0.3 < np.sqrt(np.mean(away**2)) < 1.5  # the errors are neither too small nor too large


def test_waiting_times_of_the_first_photon_follow_their_distribution():
    # from one emitter of a pair ln‖ψ‖² is convex: S = ½(e^{−Γ₊t} + e^{−Γ₋t})
    pair, count = co.couple(co.chain(2, 0.1), co.Vacuum()), 40_000
    fast, slow = 1 + pair.decay[0, 1], 1 - pair.decay[0, 1]
    result = evolve(pair, co.states.single(0), [0.0, 2.0, 300.0], n=count)
    assert len(result.jumps) == count

    def emitted(t):
        return 1 - 0.5 * (np.exp(-fast * t) + np.exp(-slow * t))

    assert kstest(result.jumps.times, emitted).pvalue > 0.05
    mean = 0.5 / fast + 0.5 / slow
    spread = np.sqrt(1 / fast**2 + 1 / slow**2 - mean**2)
    assert abs(result.jumps.times.mean() - mean) < 2 * spread / np.sqrt(count)


def test_channels_and_waiting_times_of_two_inverted_emitters():
    pair, count = co.couple(co.chain(2, 0.1), co.Vacuum()), 40_000
    jumps = evolve(pair, times=[0.0, 400.0], n=count).jumps
    first, second = jumps.times.reshape(count, 2).T
    channel = jumps.channels.reshape(count, 2)
    assert kstest(first, "expon", (0, 0.5)).pvalue > 0.05
    rates = np.linalg.eigvalsh(pair.decay)
    bright = np.mean(channel[:, 0] == 1)
    assert abs(bright - rates[1] / 2) < 3 * np.sqrt(rates[1] * rates[0]) / 2 / np.sqrt(count)
    np.testing.assert_array_equal(channel[:, 0], channel[:, 1])
    for mode in (0, 1):
        waited = (second - first)[channel[:, 0] == mode]
        assert kstest(waited, "expon", (0, 1 / rates[mode])).pvalue > 0.02


def test_the_number_of_threads_changes_no_digit():
    alone = evolve(RING, n=700, threads=1)
    identical(alone, evolve(RING, n=700, threads=2))
    identical(alone, evolve(RING, n=700, threads=3))
    other = evolve(RING, n=700, threads=2, seed=2)
    assert not np.array_equal(alone.emission, other.emission)


def test_more_trajectories_start_with_the_same_ones():
    few, many = (evolve(RING, n=n).jumps for n in (130, 300))
    shared = many.trajectory < 128  # a whole block: its lanes do not know of the others
    np.testing.assert_array_equal(few.times[few.trajectory < 128], many.times[shared])


def test_a_seed_is_drawn_and_reported():
    first = evolve(RING, n=20, seed=None)
    identical(first, evolve(RING, n=20, seed=first.diagnostics["seed"]))
    assert first.diagnostics["seed"] != evolve(RING, seed=None).diagnostics["seed"]
    assert first.diagnostics["n_trajectories"] == 20


def test_jumps_are_sorted_by_trajectory_and_time():
    jumps = evolve(CHAIN).jumps
    assert np.all(np.diff(jumps.trajectory) >= 0)
    same = np.diff(jumps.trajectory) == 0
    assert np.all(np.diff(jumps.times)[same] > 0)
    assert jumps.n_trajectories == 500
    assert np.bincount(jumps.trajectory).max() == 4


def test_the_initial_time_of_a_number_state_has_no_error():
    for state in ("inverted", co.states.dicke(2), co.states.single(1)):
        result = evolve(CHAIN, state)
        for name in FIELDS:
            assert np.all(getattr(result, f"{name}_error")[0] == 0)
            assert np.all(getattr(result, f"{name}_error")[5] > 0)


def test_drawing_stops_when_the_error_is_small_enough():
    result = evolve(CHAIN, n=20_000, standard_error=0.03)
    count = result.diagnostics["n_trajectories"]
    assert 100 < count < 20_000
    assert result.complete
    assert result.emission_error.max() <= 0.03 * result.emission.max()
    identical(result, evolve(CHAIN, n=count))
    with pytest.warns(UserWarning, match=r"standard_error: .* 200 trajectories, 0.0001 asked for"):
        evolve(CHAIN, n=200, standard_error=1e-4)


def test_drawing_does_not_stop_before_the_first_photons():
    # until the first photon all trajectories are alike, and their scatter is nothing
    slow = co.Couplings([[1e-2]], [[0.0]])
    result = evolve(slow, times=[0.0, 1.0, 2.0], n=20_000, standard_error=0.1)
    assert len(result.jumps) >= 10
    assert result.diagnostics["n_trajectories"] < 5000
    assert result.emission_error[-1] > 0
    with pytest.warns(UserWarning, match="too few to know the error"):
        evolve(slow.replace(decay=[[1e-4]]), times=[0.0, 2.0], standard_error=0.1)
    ground = evolve(CHAIN, "ground", n=20_000, standard_error=0.1)
    assert ground.diagnostics["n_trajectories"] < 20_000


def test_a_pulse_at_a_later_time_gives_the_same_result():
    atom = co.Couplings([[1.0]], [[0.0]], drive=4.0)

    def pulse(t):
        return np.exp(-((t - 1) ** 2) / 0.1)

    times, shift = TIMES[:21], 64.0
    plain = evolve(atom, "ground", times, envelope=pulse, n=20)
    late = evolve(atom, "ground", times + shift, envelope=lambda t: pulse(t - shift), n=20)
    np.testing.assert_allclose(late.excitation, plain.excitation, atol=1e-6)


def test_an_envelope_that_fails_is_reported_with_its_time():
    def broken(t):
        if 1.3 < t < 1.4:
            raise ZeroDivisionError("no light")
        return 1.0

    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    with pytest.raises(co.EvolutionError, match=r"envelope failed at t = 1\.3.*no light"):
        evolve(atom, "ground", [0.0, 1.0, 3.0], envelope=broken, n=3)


def test_a_photon_of_rates_at_round_off_takes_the_brightest_channel():
    from collective.engines.trajectories import kernels
    from collective.engines.trajectories.blocks import BlockSampler
    from collective.engines.trajectories.size import size_for

    request = _requests.checked(NEAR, "inverted", [0.0, 1.0])
    sampler = BlockSampler(request, size_for(request, 8))
    work, tables = sampler._workspace(), sampler.by_number[3]
    work.slots[0, 0, 0] = 1.0
    chosen = np.full(8, -1)
    kernels.jump(
        tables.n, tables.arrays, sampler.channels, work.panels, work.slots,
        np.array([0]), np.full(8, -1.0), chosen,
    )  # fmt: skip
    assert chosen[0] == 0  # brightest first
    assert np.linalg.norm(work.slots[0]) == pytest.approx(1)


def interrupt(monkeypatch, after):
    """Ctrl-C in the batch after a number of batches."""
    whole, calls = Totals.with_batch, []

    def with_batch(self, new):
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return whole(self, new)

    monkeypatch.setattr(Totals, "with_batch", with_batch)


@pytest.mark.parametrize("couplings", [RING, DRIVEN], ids=["blocks", "whole"])
def test_an_interrupted_run_continues_to_the_same_digits(couplings, tmp_path, monkeypatch):
    options = {"n": 700 if couplings is RING else 300, "observe": "correlations"}
    times = TIMES[:6]
    whole = evolve(couplings, times=times, **options)
    with monkeypatch.context() as patch:
        interrupt(patch, after=2)
        part = evolve(couplings, times=times, checkpoint=tmp_path / "run", **options)
    reached = part.diagnostics["n_trajectories"]
    assert 0 < reached < options["n"]
    assert not part.complete
    assert part.jumps.n_trajectories == reached
    np.testing.assert_array_equal(part.times, times)
    again = evolve(couplings, times=times, checkpoint=tmp_path / "run", **options)
    identical(again, whole)
    np.testing.assert_array_equal(again.correlations, whole.correlations)
    assert again.complete
    third = evolve(couplings, times=times, checkpoint=tmp_path / "run", **options)
    np.testing.assert_array_equal(third.emission, whole.emission)


@pytest.mark.parametrize("couplings", [RING, DRIVEN], ids=["blocks", "whole"])
def test_a_run_interrupted_at_its_first_checkpoint_returns_the_initial_time(
    couplings, tmp_path, monkeypatch
):
    from collective.engines.loop import Clock

    def first(self, report):
        raise KeyboardInterrupt

    monkeypatch.setattr(Clock, "first", first)
    part = evolve(couplings, n=20, checkpoint=tmp_path / "run")
    assert not part.complete
    np.testing.assert_allclose(part.populations, 1, atol=1e-12)


def test_the_initial_observables_need_no_density_matrix(tmp_path, monkeypatch):
    """ρ of twelve emitters takes 256 MiB, the kets of a mixed state of few parts little."""
    chain = co.couple(co.chain(12, 0.2), co.Vacuum()).replace(drive=1.0)
    with monkeypatch.context() as patch:
        interrupt(patch, after=0)
        tracemalloc.start()
        options = {"n": 2, "checkpoint": tmp_path / "run"}
        part = evolve(chain, co.states.coherent(1.0, 0.3), [0.0, 1e-3], **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1.5 * part.diagnostics["bytes_predicted"] < 2**28
    np.testing.assert_allclose(part.populations, np.sin(0.5) ** 2, atol=1e-12)


@pytest.mark.parametrize("couplings", [RING, DRIVEN], ids=["blocks", "whole"])
def test_a_run_interrupted_before_its_first_batch_returns_the_initial_time(
    couplings, tmp_path, monkeypatch
):
    options = {"n": 40, "checkpoint": tmp_path / "run", "observe": "correlations"}
    with monkeypatch.context() as patch:
        interrupt(patch, after=0)
        part = evolve(couplings, co.states.coherent(1.0, 0.3), TIMES[:4], **options)
    assert not part.complete
    start = co.evolve(couplings, co.states.coherent(1.0, 0.3), [0.0], observe="correlations")
    for name in (*FIELDS, "correlations"):
        np.testing.assert_allclose(getattr(part, name), getattr(start, name), atol=1e-12)
    again = evolve(couplings, co.states.coherent(1.0, 0.3), TIMES[:4], **options)
    assert again.complete
    assert again.diagnostics["seed"] == 1


def test_a_finished_run_continues_to_a_smaller_error(tmp_path):
    options = {"n": 10_000, "checkpoint": tmp_path / "run"}
    rough = evolve(RING, standard_error=0.05, **options)
    fine = evolve(RING, standard_error=0.02, **options)
    count = fine.diagnostics["n_trajectories"]
    assert count > rough.diagnostics["n_trajectories"]
    whole = evolve(RING, n=count)
    np.testing.assert_allclose(fine.emission, whole.emission, rtol=1e-12)
    np.testing.assert_allclose(fine.emission_error, whole.emission_error, rtol=1e-9)
    np.testing.assert_array_equal(fine.jumps.times, whole.jumps.times)


@pytest.mark.parametrize(
    "state",
    [
        co.states.coherent(1.1, 0.4),
        co.states.dicke(2),
        qutip.rand_ket([2] * 3, seed=1),
        reference.as_qobj(random_state(2, 3)),
    ],
    ids=["coherent", "dicke", "ket", "mixed"],
)
def test_initial_states_pure_and_mixed(state):
    result = evolve(RING, state, n=20_000, observe="correlations")
    exact = co.evolve(RING, state, TIMES, method="exact", observe="correlations")
    away = scores(result, exact)
    assert np.abs(away).max() < 4
    assert np.sqrt(np.mean(away**2)) < 1.6
    np.testing.assert_allclose(result.correlations, exact.correlations, atol=4 / np.sqrt(20_000))


def test_timed_dicke_depends_on_the_positions():
    atoms = co.chain(3, 0.3)
    couplings = co.couple(atoms, co.Vacuum())
    state = co.states.timed_dicke([0, 0, 2 * np.pi])
    result = evolve(couplings, state, n=4000)
    assert np.abs(scores(result, co.evolve(couplings, state, TIMES, method="exact"))).max() < 4


@pytest.mark.slow
def test_a_dark_state_emits_nothing():
    dark = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)))
    ket = (qutip.basis([2, 2], [0, 1]) - qutip.basis([2, 2], [1, 0])).unit()
    result = evolve(dark, ket, [0.0, 1e2, 1e4])
    assert len(result.jumps) == 0
    np.testing.assert_allclose(result.excitation, 1, atol=1e-12)
    np.testing.assert_allclose(result.emission, 0, atol=1e-9)


def test_states_that_emit_no_light():
    ground = evolve(CHAIN, "ground")
    assert len(ground.jumps) == 0
    assert not np.any(ground.excitation)
    lossless = co.Couplings(np.zeros((2, 2)), [[0, 1.3], [1.3, 0]])
    result = evolve(lossless, co.states.single(0))
    np.testing.assert_allclose(result.populations[:, 0], np.cos(1.3 * TIMES) ** 2, atol=1e-9)
    driven = evolve(lossless.replace(drive=1.0), "ground", n=2)
    assert len(driven.jumps) == 0
    exact = co.evolve(lossless.replace(drive=1.0), "ground", TIMES, method="exact")
    np.testing.assert_allclose(driven.populations, exact.populations, atol=1e-6)


def test_times_may_be_shifted_uneven_or_single():
    shifted = evolve(CHAIN, times=TIMES - 7.0, n=100)
    plain = evolve(CHAIN, times=TIMES, n=100)
    np.testing.assert_allclose(shifted.emission, plain.emission, atol=1e-9)
    np.testing.assert_allclose(shifted.jumps.times + 7, plain.jumps.times, atol=1e-9)
    some = [0, 1, 2, 7, 40]
    uneven = evolve(CHAIN, times=TIMES[some], n=100)
    np.testing.assert_allclose(uneven.populations, plain.populations[some], atol=1e-9)
    one = evolve(CHAIN, times=[0.3])
    np.testing.assert_allclose(one.populations, np.ones((1, 4)))
    assert one.complete


def test_many_output_times_between_two_photons():
    dense = np.linspace(0, 4, 2001)
    many = evolve(RING, times=dense, n=20)
    few = evolve(RING, times=dense[::200], n=20)
    np.testing.assert_allclose(many.populations[::200], few.populations, atol=1e-9)


# all amplitudes: drive, pump, dephasing, operators of the user


@pytest.mark.slow
def test_driven_pumped_and_dephased_emitters_against_the_master_equation():
    operator = {"x": co.Couplings(np.eye(4), np.zeros((4, 4)), drive=2.0).drive_operator()}
    observe = ["correlations", operator]
    times = TIMES[:21:4]
    result = evolve(DRIVEN, "ground", times, n=400, observe=observe)
    exact = co.evolve(DRIVEN, "ground", times, method="exact", observe=observe)
    settled = {name: getattr(result, name)[2:] for name in FIELDS}
    errors = {f"{name}_error": getattr(result, f"{name}_error")[2:] for name in FIELDS}
    late = exact.replace(**{name: getattr(exact, name)[2:] for name in FIELDS})
    assert np.abs(scores(result.replace(**settled, **errors), late)).max() < 4
    np.testing.assert_allclose(result.correlations, exact.correlations, atol=4 / np.sqrt(400))
    np.testing.assert_allclose(result.expect["x"], exact.expect["x"], atol=4 / np.sqrt(400))
    identical(result, evolve(DRIVEN, "ground", times, n=400, observe=observe))


def test_channels_of_pump_and_decay_count_the_collapse_operators():
    # emitter 0 decays, emitter 1 is pumped, each once: which operator did what shows on a state
    couplings = co.Couplings(np.diag([1.0, 0.0]), np.zeros((2, 2)), pump=[0, 20.0])
    result = evolve(couplings, co.states.single(0), [0.0, 60.0], n=30)
    np.testing.assert_allclose(result.populations[-1], [0, 1], atol=1e-9)
    before = qutip.basis([2, 2], [0, 1])  # excited is 0
    ends = {0: [1, 1], 1: [0, 0]}  # after the click of each emitter alone
    clicks = {0: [], 1: []}
    for i, operator in enumerate(couplings.collapse_operators()):
        after = (operator @ before).unit()
        emitter = next(m for m in ends if abs(after.overlap(qutip.basis([2, 2], ends[m]))) > 0.9)
        clicks[emitter] = result.jumps.times[result.jumps.channels == i]
    assert [len(clicks[0]), len(clicks[1])] == [30, 30]
    assert kstest(clicks[0], "expon", (0, 1.0)).pvalue > 0.01
    assert kstest(clicks[1], "expon", (0, 0.05)).pvalue > 0.01
    assert kstest(clicks[0], "expon", (0, 0.05)).pvalue < 0.01  # the two can be told apart


@pytest.mark.slow
def test_a_pulse_on_a_mixed_state_against_the_master_equation():
    atom = co.Couplings([[1.0]], [[0.0]], drive=4.0)
    state = qutip.Qobj(np.diag([0.3, 0.7]), dims=[[2], [2]])

    def envelope(t):
        return np.exp(-((t - 1) ** 2) / 0.1)

    result = evolve(atom, state, TIMES[:21], envelope=envelope, n=600)
    exact = co.evolve(atom, state, TIMES[:21], envelope=envelope, method="exact")
    assert np.abs(scores(result, exact)).max() < 4


def test_a_driven_atom_in_closed_form():
    atom = co.Couplings([[1.0]], [[0.0]], drive=3.0)
    result = evolve(atom, "ground", n=20_000)
    away = (result.excitation - reference.driven_atom(3.0, TIMES))[1:]
    assert np.abs(away / result.excitation_error[1:]).max() < 4


# what is refused, what it takes


def test_refusals_name_another_engine():
    with pytest.raises(
        ValueError, match=r"keeps no density matrix for states.*method='(exact|driven)'"
    ):
        evolve(CHAIN, observe="states")
    equation = co.master_equation(co.chain(2, 0.1, frequency=100.0), co.Vacuum())
    with pytest.raises(ValueError, match=r"takes Couplings.*method='exact'"):
        evolve(equation)


def test_thousands_of_emitters_are_refused_at_once():
    for n in (50, 500):
        couplings = co.Couplings(np.eye(n), np.zeros((n, n)), drive=1.0)
        with pytest.raises(co.ProblemTooLargeError, match=f"{n} emitters"):
            evolve(couplings)
    with pytest.raises(co.ProblemTooLargeError, match="50 emitters"):
        evolve(co.Couplings(np.eye(50), np.zeros((50, 50))))
    for n, state in ((63, "inverted"), (500, co.states.single(0))):
        with pytest.raises(
            ValueError, match=rf"takes at most 62 emitters, got {n}; (use method=|no oth)"
        ):
            evolve(co.Couplings(np.eye(n), np.zeros((n, n))), state)


def test_one_excitation_of_fifty_emitters_takes_fifty_amplitudes():
    couplings = co.couple(co.chain(50, 0.3), co.Vacuum())
    result = evolve(couplings, co.states.single(20), n=None)
    exact = co.evolve(couplings, co.states.single(20), TIMES, method="single")
    assert np.abs(result.excitation - exact.excitation).max() < 4 * result.excitation_error.max()
    assert result.diagnostics["bytes_predicted"] < 1e7


def test_the_reason_names_the_number_of_trajectories_and_amplitudes():
    couplings = co.couple(co.chain(10, 0.2), co.Vacuum())
    result = evolve(couplings, times=[0.0, 0.1], n=10)
    assert result.method == "trajectories"
    assert "10 trajectories of 10 emitters, up to C(10, 5) = 252" in result.reason


def test_the_number_of_trajectories_follows_from_the_options():
    kind = co.engines.Trajectories
    assert kind() == engine("trajectories")
    assert (kind().most, kind(n=7).most, kind(n=7, standard_error=0.1).most) == (1000, 7, 7)
    assert kind(standard_error=0.1).most == 100_000


@pytest.mark.parametrize("options", [{"n": 0}, {"n": 2.5}, {"n": True}, {"standard_error": 0.0}])
def test_bad_options_are_refused_by_name(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))} must be"):
        co.engines.Trajectories(**options)


@pytest.mark.slow
def test_methods_does_not_compile():
    code = (
        "import numpy as np, sys, collective as co;"
        "c = co.Couplings(np.eye(3), np.zeros((3, 3)));"
        "co.methods(c, 'inverted', [0.0, 1.0]);"
        "print([m for m in sys.modules if m.endswith(('kernels', 'numerics.lanes'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_kernels_are_compiled_once_for_any_request():
    """Output times are read-only or not, depending on the unit of the largest rate."""
    from collective.engines.trajectories import kernels

    for scale in (1.0, 64.0):
        evolve(co.Couplings(scale * np.eye(2), np.zeros((2, 2))), n=8)
    assert len(kernels.evolve.signatures) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("n", "count"), [(13, 256), (15, 64)])
def test_memory_within_excitation_blocks_is_as_predicted(n, count):
    code = (
        "run = lambda n, m: co.evolve(co.couple(co.chain(n, 0.2), co.Vacuum()), 'inverted',"
        " np.linspace(0, 3, 501), method=co.engines.Trajectories(n=m), threads=2,"
        " progress=False, seed=1);"
        f"run(2, 8); measured(lambda: run({n}, {count}))"
    )
    (ratio,) = reference.predicted_over_used(code)
    assert 0.77 < ratio < 1.3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("couplings", "until", "count"),
    [
        (co.Couplings([[100.0]], [[0.0]], pump=100.0), 4.0, 32),
        (co.Couplings([[1.0]], [[0.0]], drive=3.0), 60.0, 32),
        (co.couple(co.chain(9, 0.2), co.Vacuum()).replace(drive=1.0), 0.1, 2),
    ],
    ids=["clicks of a pump", "clicks of a drive", "operators"],
)
def test_memory_with_all_amplitudes_is_as_predicted(couplings, until, count):
    evolve(DRIVEN, times=[0.0, 0.1], n=2)  # imports
    tracemalloc.start()
    result = evolve(couplings, "ground", np.linspace(0, until, 5), n=count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.7 < result.diagnostics["bytes_predicted"] / peak < 1.3


def test_the_size_has_the_constants_of_the_kernels_without_importing_them():
    from collective.engines.numerics import lanes
    from collective.engines.trajectories import kernels, size

    assert size._LANES == lanes.LANES
    assert size._ROUNDS == kernels.ROUNDS


def test_cost_grows_with_the_problem():
    def cost(n, count=1000):
        couplings = co.Couplings(np.eye(n), np.zeros((n, n)))
        request = _requests.checked(couplings, "inverted", [0.0, 1.0], threads=1)
        return co.engines.Trajectories(n=count).cost(request)

    assert cost(12).seconds > 2 * cost(10).seconds
    assert cost(16).bytes > 2 * cost(14).bytes
    many, few = cost(10, 4000), cost(10, 1000)
    assert many.seconds == pytest.approx(4 * few.seconds, rel=0.05)


# means and errors


def test_means_and_errors_of_batches_join_to_those_of_all():
    rng = np.random.default_rng(5)
    values = rng.normal(3.0, 2.0, size=(100, 4, 5))
    totals = Totals.empty(4, 5, 0)
    nothing = (np.empty(0, int), np.empty(0), np.empty(0, int))
    for part in np.split(values, [10, 45, 46]):
        totals = totals.with_batch(batch(part.copy(), np.zeros((4, 0), complex), nothing))
    np.testing.assert_allclose(totals.mean, values.mean(axis=0), rtol=1e-13)
    errors = values.std(axis=0, ddof=1) / np.sqrt(100)
    np.testing.assert_allclose(totals.errors(), errors, rtol=1e-12)


def test_random_numbers_of_any_rows_are_those_of_the_whole_table():
    whole = uniform(7, 0, 20, 5)
    np.testing.assert_array_equal(uniform(7, 13, 7, 5), whole[13:])
    assert not np.array_equal(uniform(8, 0, 20, 5), whole)
    assert kstest(uniform(1, 0, 5000, 4).ravel(), "uniform").pvalue > 0.01


def test_a_run_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evolve(CHAIN, standard_error=0.5)


@pytest.mark.parametrize("unit", [1e-40, 1e-12, 1e9, 1e40])
def test_the_kernels_work_in_any_unit_of_time(unit):
    """The engine alone is run, with a request that is not in the unit of its rates."""

    times = ROUTES["trajectories"].system.times

    def drawn(scale):
        problem = in_unit(THREE, scale)
        request = _requests.checked(problem, "inverted", times / scale, seed=1, progress=False)
        found = loop.run(co.engines.Trajectories(n=40), request)
        assert found.failure is None
        return found.fields

    here, there = drawn(1.0), drawn(unit)
    np.testing.assert_allclose(there["populations"], here["populations"], atol=1e-10)
    np.testing.assert_allclose(there["emission"] / unit, here["emission"], atol=1e-10)


@pytest.mark.parametrize("ratio", [1e-4, 1e-8])
def test_trajectories_of_rates_that_differ_by_orders_of_magnitude(ratio):
    """A slow emitter beside a fast one, long after the fast one has decayed."""
    couplings = co.Couplings(np.diag([1.0, ratio]), np.zeros((2, 2)))
    times = np.array([0.0, 1.0, 100.0, 1000.0])
    result = evolve(couplings, times=times, n=400, seed=5)
    fast, slow = np.exp(-times), np.exp(-ratio * times)
    apart = np.abs(result.populations - np.stack([fast, slow], axis=1))
    assert np.all(apart < 4 * result.populations_error + 0.01)
    assert result.emission[-1] == pytest.approx(ratio * result.populations[-1, 1], rel=1e-3)
    assert np.all(result.emission > 0)


@pytest.mark.parametrize("name", ["trajectories", "trajectories driven"])
def test_one_trajectory_has_no_standard_error(name, tmp_path):
    """Its standard errors are NaN; they can be printed, drawn and saved."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, path = ROUTES[name].repeated(1).run(), tmp_path / "run.npz"
        assert one.diagnostics["n_trajectories"] == one.jumps.n_trajectories == 1
        for values in (one.emission_error, one.excitation_error, one.populations_error):
            assert np.all(np.isnan(values))
        assert np.all(np.isfinite(one.populations))
        assert re.search(r"error +not known: one trajectory", str(one))
        assert "1 trajectory of" in one.reason
        for draw in (co.plot.emission, co.plot.populations, co.plot.jumps):
            draw(one).figure.canvas.draw()
        np.testing.assert_array_equal(co.load(one.save(path)).emission_error, one.emission_error)
        again = [ROUTES[name].repeated(1).run(checkpoint=tmp_path / "kept") for _ in range(2)]
        np.testing.assert_array_equal(again[0].populations, again[1].populations)
        assert np.all(np.isnan(again[1].emission_error))
    first = ROUTES[name].repeated(8).run()
    mine = first.jumps.of(0)[0]
    np.testing.assert_allclose(one.jumps.times, mine, rtol=1e-9)


def test_no_trajectories_are_refused():
    with pytest.raises(ValueError, match="n must be at least 1"):
        co.engines.Trajectories(n=0)


@pytest.mark.parametrize("dephasing", [0.0, 0.1], ids=["in blocks", "all amplitudes"])
def test_trajectories_draw_a_configuration_of_a_mixture(dephasing):
    """Each trajectory starts with emitters that are excited or not, as often as they should be."""
    chances, n = [0.8, 0.0, 0.4, 1.0], 100
    couplings = co.couple(co.chain(4, 0.15), co.Vacuum()).replace(dephasing=dephasing)
    method, state = co.engines.Trajectories(n=n), co.states.mixed(chances)
    found = co.evolve(couplings, state, [0.0, 1.0], method=method, seed=4, progress=False)
    p, error = found.populations[0], found.populations_error[0]
    np.testing.assert_allclose(p * n, np.round(p * n), atol=1e-9)
    assert np.all(np.abs(p - chances) <= 4 * error)
    asked = _requests.checked(couplings, state, [0.0, 1.0], observe="correlations")
    values, pairs = _sampler(asked, n).initial()  # what a run without any trajectory gives
    np.testing.assert_allclose(values[0, 2:], chances, atol=1e-14)
    wanted = co.observables.moment(couplings, state)
    np.testing.assert_allclose(values[0, 0], wanted.emission[0], atol=1e-14)
    np.testing.assert_allclose(pairs.reshape(4, 4), wanted.correlations[0], atol=1e-14)
