"""Trajectories of atoms with manifolds, against method "exact"."""

import numpy as np
import pytest
import qutip
from scipy.special import erf

import collective as co
from collective.engines.trajectories.pulse_pieces import Pieces
from collective.pulse.timeline import Timeline

VACUUM = co.Vacuum()
TIMES = np.linspace(0, 4, 9)
PAIR = [[0, 0, 0], [0.1, 0.05, 0.12]]


def pair(rabi=0.0, **options):
    atoms = co.Atoms.isotropic(PAIR, zeeman=0.4, axis=(1, 2, 0.5), **options)
    channels = co.couple(atoms, VACUUM)
    if not rabi:
        return channels
    wave = co.plane_wave(atoms, rabi, direction=(0, 0, 1), polarisation=(1, 1j, 0))
    return channels.replace(drive=wave, detunings=0.2)


def hyperfine():
    """Two ground levels and both circular polarisations, F = 1/2 → 1/2, driven."""
    atoms = co.atoms(PAIR, ground=1 / 2, excited=1 / 2)
    wave = co.plane_wave(atoms, 1.5, direction=(0, 1, 0), polarisation=(1, 0, 0.3j))
    return co.couple(atoms, VACUUM).replace(drive=wave)


def agree(found, expected):
    """Means within three standard errors on average, and five everywhere."""
    for name in ("emission", "excitation", "populations"):
        error = getattr(found, f"{name}_error")
        away = np.abs(getattr(found, name) - getattr(expected, name))
        n = found.jumps.n_trajectories
        assert np.all(away <= 5 * error + 5 / n), name
        assert np.sqrt(np.mean((away / np.maximum(error, 1e-3)) ** 2)) < 3, name


@pytest.mark.parametrize(
    ("channels", "state"),
    [
        (pair(), co.states.levels(["e +1", "e -1"])),
        (pair(1.3), co.states.level_product([0, 0.6, 0, 0.8j])),
        (hyperfine(), co.states.levels("g +1/2")),
    ],
    ids=["free", "driven", "two ground levels"],
)
def test_means_are_those_of_the_density_matrix(channels, state):
    count = len(channels.atoms.levels)
    sigma = qutip.tensor(qutip.Qobj(np.eye(count, k=2)), qutip.qeye(count))
    observe = ["correlations", {"σ": sigma}]
    engine = co.engines.Trajectories(n=320)
    found = co.evolve(channels, state, TIMES, method=engine, seed=3, observe=observe)
    expected = co.evolve(channels, state, TIMES, method="exact", observe=observe)
    agree(found, expected)
    size = 5 / np.sqrt(320)
    np.testing.assert_allclose(found.correlations, expected.correlations, atol=size)
    np.testing.assert_allclose(found.expect["σ"], expected.expect["σ"], atol=size)
    np.testing.assert_allclose(found.emission[0], expected.emission[0], atol=1e-12)
    np.testing.assert_allclose(found.populations.sum(axis=2), 1, atol=1e-12)


def area(t, start=0.0):
    """∫₀ᵗ exp(−(t' − 3)²)dt'."""
    return 0.5 * np.sqrt(np.pi) * (erf(t - 3) - erf(start - 3))


@pytest.mark.parametrize(
    ("envelope", "turned"),
    [
        (lambda t: np.exp(-((t - 3) ** 2)), area),
        (lambda t: float(1.234 < t < 2.71), lambda t: np.clip(t, 1.234, 2.71) - 1.234),
        pytest.param(
            lambda t: np.exp(-((t - 3) ** 2) * 400),
            lambda t: area(3 + 20 * (t - 3), -57) / 20,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda t: 1j * np.cos(7 * t), lambda t: np.sin(7 * t) / 7, marks=pytest.mark.slow
        ),
    ],
    ids=["smooth", "with jumps", "short", "complex"],
)
def test_a_pulse_turns_an_atom_without_decay_by_its_area(envelope, turned):
    """The population is sin²(½Ω∫f dt), in closed form."""
    atom = co.Atoms.isotropic([[0, 0, 0]]).replace(linewidths=[0.0])
    channels = co.ChannelCouplings(np.zeros((3, 3)), np.zeros((3, 3)), atom, drive=[3.0, 0, 0])
    times = np.linspace(0, 6, 13)
    engine = co.engines.Trajectories(n=1)
    found = co.evolve(channels, "ground", times, method=engine, envelope=envelope, seed=1)
    np.testing.assert_allclose(found.excitation, np.sin(1.5 * turned(times)) ** 2, atol=1e-9)


@pytest.mark.slow
def test_means_under_a_pulse_are_those_of_the_density_matrix():
    """Two ground levels, a late start, and a pulse that begins when all atoms are dark."""
    asked = (hyperfine(), co.states.levels("e +1/2"), TIMES + 100)
    options = {"envelope": lambda t: 2 * np.exp(-((t - 102) ** 2) * 4) * np.exp(0.4j * t)}
    engine = co.engines.Trajectories(n=320)
    found = co.evolve(*asked, method=engine, seed=3, observe="correlations", **options)
    expected = co.evolve(*asked, method="exact", observe="correlations", **options)
    agree(found, expected)
    np.testing.assert_allclose(found.correlations, expected.correlations, atol=5 / np.sqrt(320))


def test_a_pulse_between_two_output_times_is_not_stepped_over():
    light = co.pulse.square(start=0.41237, length=0.013, rabi=80 * hyperfine().drive)
    asked = (hyperfine().replace(drive=0.0), co.states.levels("g +1/2"), [0.0, 1.0, 2.0])
    found = co.evolve(*asked, method=co.engines.Trajectories(n=64), seed=3, drive=[light])
    expected = co.evolve(*asked, method="exact", drive=[light])
    assert expected.excitation[1] > 0.1
    agree(found, expected)


def test_noise_is_no_envelope_of_polynomials(monkeypatch):
    monkeypatch.setattr("collective.engines.trajectories.pulse_pieces._MOST", 100)
    noise = np.random.default_rng(1).random(100_000)
    whole = Timeline(np.array([0.0, 1.0]), np.array([5e-5]))
    with pytest.raises(ValueError, match=r"envelope: more than 100 polynomials.*noise"):
        Pieces(lambda t: noise[int(t * 1e4) % 100_000], whole, 1.0, 1.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [pair(1.3), hyperfine()], ids=["J = 1", "J = 1/2"])
def test_twenty_thousand_trajectories_have_no_bias(channels):
    state = co.states.levels(channels.atoms.levels[0])
    engine = co.engines.Trajectories(n=20_000)
    found = co.evolve(channels, state, TIMES, method=engine, seed=11)
    expected = co.evolve(channels, state, TIMES, method="exact")
    for name in ("emission", "excitation"):
        away = np.abs(getattr(found, name) - getattr(expected, name))[1:]
        assert np.all(away < 3.5 * getattr(found, f"{name}_error")[1:]), name


def test_photons_of_inverted_atoms_are_counted_once_each():
    times = np.array([0, 5, 400.0])
    engine = co.engines.Trajectories(n=250)
    found = co.evolve(pair(), co.states.levels("e 0"), times, method=engine, seed=2)
    jumps = found.jumps
    assert np.all(np.bincount(jumps.trajectory, minlength=250) == 2)
    np.testing.assert_allclose(found.excitation[-1], 0, atol=1e-12)
    early = np.bincount(jumps.trajectory, jumps.times <= 5, minlength=250)
    np.testing.assert_allclose(found.excitation[1], 2 - early.mean(), atol=0.12)
    names = pair().collapse_operator_names()
    assert len(names) == len(pair().collapse_operators()) == 6
    assert names[1] == "line 0, collective decay 1"
    assert set(jumps.channels) <= set(range(6))


def test_waiting_times_of_one_atom_are_exponential():
    """The mean of the times of decay is 1, and so is their deviation."""
    one = co.couple(co.Atoms.isotropic([[0, 0, 0]]), VACUUM)
    engine = co.engines.Trajectories(n=1000)
    found = co.evolve(one, co.states.levels("e 0"), [0, 30.0], method=engine, seed=4)
    times = found.jumps.times
    assert len(times) == 1000
    assert abs(times.mean() - 1) < 0.1
    assert abs(times.std() - 1) < 0.15


def test_the_same_seed_gives_the_same_numbers_whatever_the_number_of_trajectories():
    asked = (pair(1.3), co.states.levels("g 0"), TIMES)
    few = co.evolve(*asked, method=co.engines.Trajectories(n=70), seed=7)
    many = co.evolve(*asked, method=co.engines.Trajectories(n=130), seed=7, threads=1)
    mine = many.jumps.trajectory < 64  # whole batches
    np.testing.assert_array_equal(
        many.jumps.times[mine], few.jumps.times[few.jumps.trajectory < 64]
    )
    again = co.evolve(*asked, method=co.engines.Trajectories(n=70), seed=7, threads=2)
    assert again == few


def test_the_unit_of_rate_does_not_matter():
    unit = 4.0**10
    channels = pair(1.3)
    atoms = channels.atoms.replace(linewidths=[unit], energies=channels.atoms.energies * unit)
    fast = co.couple(atoms, VACUUM).replace(
        drive=channels.drive * unit, detunings=channels.detunings * unit
    )
    engine, state = co.engines.Trajectories(n=64), co.states.levels("g 0")
    slow = co.evolve(channels, state, TIMES, method=engine, seed=1)
    found = co.evolve(fast, state, TIMES / unit, method=engine, seed=1)
    np.testing.assert_allclose(found.populations, slow.populations, atol=1e-9)
    np.testing.assert_allclose(found.jumps.times * unit, slow.jumps.times, rtol=1e-9)


@pytest.mark.slow
def test_mixed_states_are_drawn_by_their_weights():
    channels = pair()
    up, down = (
        co.states.density_matrix(co.states.levels(names), channels)
        for names in (["e 0", "g 0"], ["e +1", "e -1"])
    )
    mixed = 0.7 * up + 0.3 * down
    engine = co.engines.Trajectories(n=320)
    found = co.evolve(channels, mixed, TIMES, method=engine, seed=5)
    agree(found, co.evolve(channels, mixed, TIMES, method="exact"))


def test_interrupted_trajectories_of_atoms_continue(tmp_path, interrupted_at):
    asked = (pair(1.3), co.states.levels("g 0"), TIMES)
    options = {"method": co.engines.Trajectories(n=200), "seed": 7, "progress": False}
    whole = co.evolve(*asked, observe="correlations", **options)
    with interrupted_at(2):
        part = co.evolve(*asked, observe="correlations", checkpoint=tmp_path / "part", **options)
    assert 0 < part.jumps.n_trajectories < 200
    again = co.evolve(*asked, observe="correlations", checkpoint=tmp_path / "part", **options)
    np.testing.assert_allclose(again.populations, whole.populations, rtol=1e-12)
    np.testing.assert_allclose(again.populations_error, whole.populations_error, rtol=1e-9)
    np.testing.assert_allclose(again.correlations, whole.correlations, atol=1e-12)
    np.testing.assert_array_equal(again.jumps.times, whole.jumps.times)
    kept = co.load(tmp_path / "part")
    np.testing.assert_array_equal(kept.populations_error, again.populations_error)


@pytest.mark.slow
def test_one_atom_never_emits_two_photons_at_once():
    one = co.Atoms.isotropic([[0, 0, 0]])
    wave = co.plane_wave(one, 2.0, direction=(0, 0, 1), polarisation=(1, 0, 0))
    channels = co.couple(one, VACUUM).replace(drive=wave)
    found = co.evolve(
        channels, co.states.levels("g 0"), [0, 60.0],
        method=co.engines.Trajectories(n=300), seed=1,
    )  # fmt: skip
    value, error = co.observables.coincidences(found, [0, 0.1, 0.2, 20, 25], window=(5, 30))
    assert value[0] < 0.05
    assert abs(value[-1] - 1) < 4 * error[-1]


def test_what_trajectories_of_atoms_cannot_do_is_refused():
    many = co.couple(co.Atoms.isotropic(np.arange(30).reshape(10, 3) / 9), VACUUM)
    with pytest.raises(ValueError, match=r"up to 65,536 states together, but 10 atoms of 4 levels"):
        co.evolve(many, co.states.levels("e 0"), TIMES, method="trajectories")
