"""Driven, pumped and dephased trajectories: each against a dense replay, means against ρ."""

import numpy as np
import pytest
import qutip
import reference
from numba import njit
from random_systems import random_couplings, random_state
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import collective as co
from collective.engines import request as _requests
from collective.engines import timescale
from collective.engines.basis.configurations import qutip_index
from collective.engines.basis.symmetries import group
from collective.engines.numerics.lanes import LANES
from collective.engines.numerics.pieces import pieces_of
from collective.engines.trajectories.philox import key_of, uniforms
from collective.engines.trajectories.whole import panel
from collective.engines.trajectories.whole.sampler import WholeSampler
from collective.engines.trajectories.whole.size import WholeSize

TIMES = np.linspace(0, 3, 31)
FIELDS = ("emission", "excitation", "populations")
EVERYTHING = random_couplings(4, 3).replace(dephasing=[0.4, 0, 0.1], pump=[0, 0.5, 0.2])
CHAIN = co.couple(co.chain(4, 0.15), co.Vacuum()).replace(drive=1.0)


def evolve(couplings, state="ground", times=TIMES, *, n=200, seed=1, **options):
    method = co.engines.Trajectories(n=n)
    return co.evolve(couplings, state, times, method=method, seed=seed, progress=False, **options)


def sampler(couplings, state="ground", times=TIMES, n=8, **options):
    request = timescale.scaled(_requests.checked(couplings, state, times, **options))
    return WholeSampler(request, WholeSize.of(request, n))


def scores(result, exact, least):
    """Deviations in standard errors, where these are above `least`."""
    found = []
    for name in FIELDS:
        error, away = getattr(result, f"{name}_error"), getattr(result, name) - getattr(exact, name)
        found.append(away[error > least] / error[error > least])
        np.testing.assert_allclose(away[error <= least], 0, atol=20 * least)
    return np.concatenate(found)


# random numbers and kernels


@njit
def drawn(key, jump, trajectory):
    return uniforms(key, jump, trajectory)


@pytest.mark.parametrize(("jump", "trajectory"), [(1, 0), (2, 5), (3, 2**40), (2**33, 7)])
def test_random_numbers_are_those_of_numpys_philox(jump, trajectory):
    key = key_of(12345)
    # numpy counts once before it draws
    stream = np.random.Philox(key=key, counter=[jump - 1, trajectory, 0, 0])
    expected = np.random.Generator(stream).random(3)
    np.testing.assert_array_equal(drawn(key, jump, trajectory), expected)


def dense(couplings):
    """H_eff = H − ½i Σ c†c as a matrix, from QuTiP's operators."""
    loss = sum(c.dag() * c for c in couplings.collapse_operators())
    return (couplings.hamiltonian() - 0.5j * loss).full()


@pytest.mark.parametrize("couplings", [EVERYTHING, CHAIN, random_couplings(2, 5)])
def test_the_kernel_applies_the_effective_hamiltonian(couplings):
    n = len(couplings)
    size = 1 << n
    drawing = sampler(couplings)
    unit, tables, basis = drawing.request.unit, drawing.tables, drawing._basis
    rng = np.random.default_rng(3)
    kets = rng.normal(size=(size, LANES)) + 1j * rng.normal(size=(size, LANES))
    x = np.zeros((2 * size, 2, LANES))
    x[:size, 0], x[:size, 1] = kets.real, kets.imag
    number, f = np.zeros((1, 2, LANES)), np.full((1, 1, LANES), 0.5)
    number[0, 0], number[0, 1] = tables.centre
    first, rows = np.uint64(size), np.uint64(size)
    panel.apply(
        x, np.uint64(0), first, rows, tables, number, np.zeros((0, 2, LANES)), f
    )  # fmt: skip
    places = qutip_index(n, np.arange(size))
    matrix = dense(couplings)[np.ix_(places, places)] / unit
    matrix = matrix * np.outer(basis.conj(), basis)
    centre = complex(*tables.centre) - 0.5j * tables.pump.sum()
    expected = -0.5j * (matrix @ kets - centre * kets)
    np.testing.assert_allclose(x[size:, 0] + 1j * x[size:, 1], expected, atol=1e-13)
    panel.recentre(x, first, rows, number, f)
    means = np.sum(kets.conj() * (matrix @ kets), axis=0) / np.sum(np.abs(kets) ** 2, axis=0)
    found = number[0, 0] + 1j * number[0, 1] - 0.5j * tables.pump.sum()
    np.testing.assert_allclose(found, means, atol=1e-13)
    expected = -0.5j * (matrix @ kets - means * kets)
    np.testing.assert_allclose(x[size:, 0] + 1j * x[size:, 1], expected, atol=1e-13)


# single trajectories


class Replay:
    """A trajectory computed from its clicks alone by dense matrices, without the engine."""

    def __init__(self, couplings, ket, clicks, envelope=None):
        self.couplings, self.envelope = couplings, envelope
        self.effective = dense(couplings)
        self.up = couplings.drive_operator().full()
        jumps = [c.full() for c in couplings.collapse_operators()]
        self.kets, self.starts, self.survivals = [ket], [TIMES[0]], []
        for t, channel in zip(*clicks, strict=True):
            before = self.at(t)
            self.survivals.append(np.vdot(before, before).real)
            after = jumps[channel] @ before
            self.kets.append(after / np.linalg.norm(after))
            self.starts.append(t)

    def at(self, t):
        """ψ, not normalised since the last click before t."""
        last = np.searchsorted(self.starts, t) - 1 if t > self.starts[0] else 0
        start, ket = self.starts[last], np.asarray(self.kets[last], complex)
        if self.envelope is None or t == start:
            return expm(-1j * self.effective * (t - start)) @ ket

        def slope(s, psi):
            change = (self.envelope(s) - 1) * self.up
            return -1j * ((self.effective + change + change.conj().T) @ psi)

        return solve_ivp(slope, (start, t), ket, "DOP853", rtol=1e-11, atol=1e-12).y[:, -1]

    def mean(self, operator, t):
        ket = self.at(t)
        return np.vdot(ket, operator @ ket) / np.vdot(ket, ket).real


def smooth(t):
    return np.exp(-((t - 1) ** 2)) * np.exp(0.7j * t)


@pytest.mark.parametrize("envelope", [None, smooth], ids=["constant", "envelope"])
def test_each_trajectory_agrees_with_a_replay_of_its_clicks(envelope):
    couplings, count, seed = EVERYTHING, 3, 5
    n, few = len(couplings), slice(None, None, 10)
    operator = reference.as_qobj(random_state(3, 3) @ np.diag(np.arange(8) + 1j))
    result = evolve(
        couplings, n=count, seed=seed, envelope=envelope, observe=["correlations", {"x": operator}]
    )
    clicks = [result.jumps.of(i) for i in range(count)]
    start = reference.ket(n).astype(complex)
    replays = [Replay(couplings, start, each, envelope) for each in clicks]
    assert len(result.jumps) > 5
    assert len(np.unique(result.jumps.channels)) > 2

    def means(wanted):
        return np.mean([[r.mean(wanted, t) for t in TIMES[few]] for r in replays], axis=0)

    lower = reference.lowering(n)
    for m in range(n):
        for k in range(n):
            found = means(lower[m].T @ lower[k])
            np.testing.assert_allclose(result.correlations[few, m, k], found, atol=3e-8)
    np.testing.assert_allclose(result.expect["x"][few], means(operator.full()), atol=1e-7)
    pairs = np.einsum("mn,tmn->t", couplings.decay, result.correlations).real
    np.testing.assert_allclose(result.emission, pairs, atol=1e-9)
    diagonal = np.diagonal(result.correlations, axis1=1, axis2=2).real
    np.testing.assert_allclose(result.populations, diagonal, atol=1e-12)
    # the jump comes where the norm has fallen to 1 − u, neither early nor late
    for i, replay in enumerate(replays):
        due = [1 - drawn(key_of(seed), j, i)[0] for j in range(len(replay.survivals))]
        np.testing.assert_allclose(replay.survivals, due, atol=1e-7)


def test_no_digit_depends_on_threads_or_on_other_trajectories():
    alone, many = evolve(EVERYTHING, n=3), evolve(EVERYTHING, n=300, threads=2)
    shared = many.jumps.trajectory < 3
    for name in ("times", "channels", "trajectory"):
        np.testing.assert_array_equal(getattr(many.jumps, name)[shared], getattr(alone.jumps, name))
    one = evolve(EVERYTHING, n=300, threads=1)
    for name in (*FIELDS, *(f"{name}_error" for name in FIELDS)):
        np.testing.assert_array_equal(getattr(many, name), getattr(one, name))
    assert not np.array_equal(evolve(EVERYTHING, n=3, seed=2).populations, alone.populations)
    # from eight on, trajectories share their common path up to the first jump
    eight = evolve(EVERYTHING, n=8)
    np.testing.assert_array_equal(eight.jumps.times, many.jumps.times[many.jumps.trajectory < 8])
    other = evolve(EVERYTHING, n=3, times=TIMES[::10])  # more output times change no photon
    np.testing.assert_array_equal(other.jumps.times, alone.jumps.times)
    np.testing.assert_allclose(other.populations, alone.populations[::10], atol=1e-12)


@pytest.mark.parametrize("count", [3, 16])  # without and with a common path
def test_a_single_output_time_has_the_initial_state(count):
    result = evolve(CHAIN, co.states.single(1), [0.5], n=count, observe="correlations")
    exact = co.evolve(CHAIN, co.states.single(1), [0.5], method="driven", observe="correlations")
    for name in (*FIELDS, "correlations"):
        np.testing.assert_allclose(getattr(result, name), getattr(exact, name), atol=1e-15)
    assert len(result.jumps) == 0


def test_many_jumps_between_two_pauses_are_all_recorded():
    busy = co.Couplings([[50.0]], [[0.0]], pump=50.0)
    result = evolve(busy, times=[0.0, 4.0], n=64)
    counts = np.bincount(result.jumps.trajectory, minlength=64)
    assert len(result.jumps) > 5000
    assert abs(counts.mean() - 200) < 5 * counts.std() / 8
    assert np.all(np.diff(result.jumps.times)[np.diff(result.jumps.trajectory) == 0] > 0)
    kinds = result.jumps.channels.reshape(-1)[result.jumps.trajectory == 0]
    np.testing.assert_array_equal(kinds, (np.arange(len(kinds)) + 1) % 2)  # pump comes first


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_trajectories_are_the_same_in_any_unit_of_time(unit):
    scaled = co.Couplings(
        unit * EVERYTHING.decay,
        unit * EVERYTHING.shift,
        **{
            name: unit * getattr(EVERYTHING, name)
            for name in ("detunings", "dephasing", "pump", "drive")
        },
    )
    here, there = evolve(EVERYTHING, n=40), evolve(scaled, times=TIMES / unit, n=40)
    np.testing.assert_allclose(there.populations, here.populations, atol=1e-7)
    np.testing.assert_allclose(there.emission / unit, here.emission, atol=1e-7)
    np.testing.assert_array_equal(there.jumps.channels, here.jumps.channels)
    np.testing.assert_allclose(there.jumps.times * unit, here.jumps.times, atol=1e-7)


def test_a_state_that_hardly_changes_takes_few_steps():
    """A slow pump is waited for in long steps, although the emitter decays fast once excited."""
    atom = co.Couplings([[1.0]], [[0.0]], pump=1e-8, detunings=50.0)
    result = evolve(atom, times=[0.0, 1.0, 1e4, 1e8], n=400)
    jumps = np.bincount(result.jumps.trajectory, minlength=400)
    assert abs(jumps.mean() - 2) < 5 * jumps.std() / 20  # each time one of the pump and one photon
    assert np.all(result.populations < 0.01)


# deterministic limits


def square(t):
    return 1.0 if 0.5 < t < 1.2345 else 0.0


@pytest.mark.parametrize(
    "envelope",
    [
        None,
        smooth,
        square,
        lambda t: abs(t - 1.1),
        pytest.param(lambda t: np.sin(40 * t), marks=pytest.mark.slow),
    ],
    ids=["constant", "smooth", "square", "kink", "fast"],
)
def test_without_jumps_a_trajectory_is_the_exact_evolution(envelope):
    lossless = co.Couplings(np.zeros((3, 3)), random_couplings(4, 3).shift, drive=[1, 2j, -0.5])
    result = evolve(lossless, n=1, envelope=envelope)
    assert len(result.jumps) == 0
    exact = co.evolve(lossless, "ground", TIMES, envelope=envelope, method="driven", progress=False)
    np.testing.assert_allclose(result.populations, exact.populations, atol=2e-7)


def test_an_envelope_that_no_polynomial_fits_is_refused_by_name():
    rng = np.random.default_rng(1)
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    with pytest.raises(co.EvolutionError, match=r"no polynomial fits the envelope at t = .*smooth"):
        evolve(atom, n=1, envelope=lambda t: rng.normal())


def test_pieces_at_a_jump_have_no_large_coefficients():
    """Their series would overflow in the long steps that begin there."""
    edges, coefficients = pieces_of(lambda t: float(t < 0.3053), np.array([0.0, 1.0]), 1e-8, 150.0)
    assert np.abs(coefficients).sum(axis=1).max() <= 4.0
    lengths, values = np.diff(edges), coefficients @ (1 / np.arange(1.0, 10))
    assert abs(lengths @ values - 0.3053) < 1e-9


def test_pieces_of_a_function_follow_its_kinks_and_steps():
    times = np.linspace(0, 4, 41)
    for function in (smooth, square, lambda t: abs(t - 1.3)):
        edges, coefficients = pieces_of(function, times, 1e-8, 1.0)
        assert np.all(np.diff(edges) > 0)
        assert (edges[0], edges[-1]) == (0.0, 4.0)
        assert len(coefficients) < 40
        at = np.linspace(0, 4, 4001)
        k = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, len(coefficients) - 1)
        u = (at - edges[k]) / (edges[k + 1] - edges[k])
        found = np.sum(coefficients[k] * u[:, None] ** np.arange(9), axis=1)
        apart = np.abs(found - np.array([function(t) for t in at]))
        assert np.sort(apart)[-3] < 1e-6  # two of the points are steps
    with pytest.raises(FloatingPointError, match="at t = 20"):
        pieces_of(lambda t: np.nan if t > 2 else 1.0, times, 1e-8, 1.0, lambda t: 10 * t)


def test_two_output_times_that_are_very_close_do_not_make_all_pieces_short():
    edges, _ = pieces_of(smooth, np.array([0, 1e-9, 4.0]), 1e-8, 1.0)
    assert len(edges) < 200


# means


def test_one_emitter_follows_the_optical_bloch_equations():
    """With drive, detuning, dephasing and pump, its steady state is also a closed form."""
    gamma, dephasing, pump, rabi, delta = 1.0, 0.3, 0.4, 1.5, 0.6
    atom = co.Couplings([[gamma]], [[0.0]], drive=rabi, dephasing=dephasing, pump=pump,
                        detunings=delta)  # fmt: skip
    times = np.linspace(0, 12, 49)
    result = evolve(atom, times=times, n=6000, observe={"s": atom.drive_operator().dag()})
    width = (gamma + pump) / 2 + dephasing
    # d⟨σ⁻⟩/dt = −(iδ + κ)⟨σ⁻⟩ + ½iΩ(2p − 1), dp/dt = −(Γ + P)p + P − Ω Im⟨σ⁻⟩
    matrix = np.array([[-width, delta, 0.0], [-delta, -width, rabi], [0.0, -rabi, -(gamma + pump)]])
    source = np.array([0.0, -rabi / 2, pump])
    steady = -np.linalg.solve(matrix, source)
    flips = rabi**2 * width / (2 * (width**2 + delta**2))
    assert steady[2] == pytest.approx((pump + flips) / (gamma + pump + 2 * flips), rel=1e-12)
    exact = np.array([steady - expm(matrix * t) @ steady for t in times])
    away = (result.excitation - exact[:, 2])[1:] / result.excitation_error[1:]
    assert np.abs(away).max() < 3.5
    lowering = (exact[:, 0] + 1j * exact[:, 1]) * rabi / 2
    np.testing.assert_allclose(result.expect["s"], lowering, atol=4 * rabi / 2 / np.sqrt(6000))
    kinds = np.bincount(result.jumps.channels, minlength=3) / 6000  # decay, dephasing, pump
    spent = np.trapezoid(exact[:, 2], times)
    wanted = np.array([gamma * spent, 2 * dephasing * spent, pump * (times[-1] - spent)])
    np.testing.assert_allclose(kinds, wanted, rtol=0.02)


def test_a_weak_drive_of_which_few_trajectories_see_a_jump():
    """Most go along the common path to the end; the mean of all is still that of ρ."""
    weak = CHAIN.replace(drive=0.2)
    result = evolve(weak, n=2000, observe="correlations")
    exact = co.evolve(weak, "ground", TIMES, method="driven", observe="correlations")
    jumped = len(np.unique(result.jumps.trajectory))
    assert 50 < jumped < 1000
    away = np.abs(result.excitation - exact.excitation)
    assert np.all(away <= 4 * result.excitation_error + 3e-4)
    np.testing.assert_allclose(result.correlations, exact.correlations, atol=4e-3)
    alone = evolve(weak, n=1)  # one trajectory is computed without the path
    first = result.jumps.times[result.jumps.trajectory == 0]
    np.testing.assert_array_equal(alone.jumps.times, first)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", ["everything", "chain", "pulsed"])
def test_means_of_20000_trajectories_agree_with_the_master_equation(name, unit):
    couplings = EVERYTHING if name == "everything" else CHAIN
    rates = ("detunings", "dephasing", "pump", "drive")
    couplings = co.Couplings(
        unit * couplings.decay,
        unit * couplings.shift,
        **{rate: unit * getattr(couplings, rate) for rate in rates},
    )
    envelope = (lambda t: smooth(t * unit)) if name == "pulsed" else None
    times = TIMES / unit
    result = evolve(couplings, times=times, n=20_000, seed=12, envelope=envelope)
    exact = co.evolve(couplings, "ground", times, method="driven", envelope=envelope)
    inward = {f: getattr(result, f) / unit for f in ("emission", "emission_error")}
    away = scores(result.replace(**inward), exact.replace(emission=exact.emission / unit), 3e-4)
    assert np.abs(away).max() <= 3
    assert 0.3 < np.sqrt(np.mean(away**2)) < 1.5


# symmetric averages


def test_emitters_that_a_reflection_exchanges_have_equal_populations_and_smaller_errors():
    """Dephasing of single emitters breaks the symmetry of each trajectory, not that of the means."""
    chain = CHAIN.replace(dephasing=0.5)
    kept = evolve(chain, n=300, observe="correlations")
    np.testing.assert_allclose(kept.populations, kept.populations[:, ::-1], atol=1e-15)
    turned = kept.correlations[:, ::-1, ::-1]
    np.testing.assert_allclose(kept.correlations, turned, atol=1e-15)
    # a reflection that is not quite one: the same trajectories, no averages
    broken = chain.replace(drive=[1, 1, 1, 1 + 1e-10])
    plain = evolve(broken, n=300, observe="correlations")
    np.testing.assert_array_equal(plain.jumps.channels, kept.jumps.channels)
    both = (plain.populations + plain.populations[:, ::-1]) / 2
    np.testing.assert_allclose(kept.populations, both, atol=1e-7)
    np.testing.assert_allclose(kept.excitation, plain.excitation, atol=1e-7)
    assert np.abs(plain.populations - plain.populations[:, ::-1]).max() > 0.01
    assert np.all(kept.populations_error[10:] < 0.95 * plain.populations_error[10:])


def test_only_permutations_that_change_nothing_are_averaged():
    def count(couplings, state="ground"):
        return len(group(_requests.checked(couplings, state, TIMES)))

    assert count(CHAIN) == 2
    assert count(CHAIN.replace(pump=0.3, dephasing=0.1), co.states.coherent(1.0)) == 2
    for changes in (
        {"pump": [0.1, 0, 0, 0]},
        {"dephasing": [0, 0.2, 0, 0]},
        {"drive": [1, 1j, 1, 1]},
        {"detunings": [0, 0, 0, 1]},
    ):
        assert count(CHAIN.replace(**changes)) == 1
    assert count(CHAIN, co.states.single(1)) == 1
    # each excitation block changes by a phase alone, but not by the same one
    pair = co.couple(co.chain(2, 0.1), co.Vacuum()).replace(drive=1.0)
    down, odd = (
        qutip.basis([2, 2], [1, 1]),
        qutip.basis([2, 2], [0, 1]) - qutip.basis([2, 2], [1, 0]),
    )
    even = qutip.basis([2, 2], [0, 1]) + qutip.basis([2, 2], [1, 0])
    assert count(pair, (down + odd).unit()) == 1
    assert count(pair, odd.unit()) == count(pair, (down + even).unit()) == 2
    assert count(pair, qutip.ket2dm((down + even).unit())) == 2
    assert count(pair, qutip.ket2dm((down + odd).unit())) == 1


# sizes


@pytest.mark.slow
@pytest.mark.parametrize(("n", "count"), [(10, 64), (12, 16)])
def test_memory_of_large_panels_is_as_predicted(n, count):
    code = (
        "run = lambda n, m: co.evolve(co.couple(co.chain(n, 0.2), co.Vacuum()).replace(drive=1.0),"
        " 'ground', np.linspace(0, 1, 201), method=co.engines.Trajectories(n=m), threads=2,"
        " observe='correlations', progress=False, seed=1);"
        f"run(2, 8); measured(lambda: run({n}, {count}))"
    )
    (ratio,) = reference.predicted_over_used(code)
    assert 0.77 < ratio < 1.3


def test_the_size_has_the_constants_of_the_kernels_without_importing_them():
    from collective.engines.trajectories.whole import arrays, sampler, size

    assert size._LANES == LANES
    assert size._AT_ONCE == arrays.AT_ONCE
    assert size._CLICKS_BYTES == 24 * sampler._CLICKS
