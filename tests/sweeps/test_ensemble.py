"""Ensembles: means, standard errors, the order of members, and what happens when one fails."""

import errno
import multiprocessing
import os
import signal
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray

import collective as co
from collective.sweeps.journal import Journal
from collective.sweeps.members import member_seed

TIMES = np.linspace(0, 2, 9)
FAR = co.chain(7, 50.3)  # emitters that do not know of each other


def cloud(seed):
    atoms = co.cloud(4, 0.2, min_distance=0.05, seed=seed)
    return co.evolve(co.couple(atoms, co.Vacuum()), "inverted", TIMES)


def loaded(seed):
    atoms = FAR.with_filling(0.8, seed=seed)
    decay = np.diag(atoms.decay_rates)
    alone = co.Couplings(decay, np.zeros_like(decay), emitters=atoms)
    return co.evolve(alone, "inverted", TIMES, method="blocks")


def uneven(seed):
    """Numbers whose sum depends on its order; members take different times."""
    time.sleep(seed % 7 * 1e-4)
    return {"x": np.random.default_rng(seed).standard_cauchy(3), "y": 1j * seed}


def sampled(seed):
    engine = co.engines.Trajectories(n=50)
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    return co.evolve(pair, "inverted", TIMES, method=engine, seed=seed)


def member(seed, **options):
    """The Gaussian number of one member."""
    return np.random.default_rng(seed).standard_normal(**options)


def same(one, other):
    """Raise unless two means are the same bit for bit, attributes too; they may be of other days."""
    one, other = one.assign_attrs(date=""), other.assign_attrs(date="")
    xarray.testing.assert_identical(one, other)
    for name in one.variables:
        assert one[name].values.tobytes() == other[name].values.tobytes(), name


def test_the_mean_and_its_error_are_those_of_a_plain_loop():
    found = co.ensemble(cloud, 12, seed=5)
    alone = [cloud(member_seed(5, i)) for i in range(12)]
    for name in ("emission", "excitation", "populations"):
        values = np.array([getattr(each, name) for each in alone])
        np.testing.assert_allclose(found[name], values.mean(axis=0), rtol=1e-13, atol=1e-14)
        error = values.std(axis=0, ddof=1) / np.sqrt(12)
        np.testing.assert_allclose(found[f"{name}_error"], error, rtol=1e-9, atol=1e-14)
        assert found[name].dims == found[f"{name}_error"].dims
    np.testing.assert_array_equal(found.time, TIMES)
    assert found.emission.attrs == alone[0].to_xarray().emission.attrs
    assert found.emission_error.attrs["units"] == found.emission.attrs["units"]
    assert (found.attrs["n"], found.attrs["seed"], found.attrs["complete"]) == (12, 5, 1)
    assert found.attrs["field"] == "Vacuum()"
    assert found.method in ("blocks", "exact")


@pytest.mark.slow
def test_missing_atoms_have_the_mean_and_the_error_of_a_binomial_distribution():
    """N sites, each filled with probability f: emission N f e^{−t}, variance N f (1 − f) e^{−2t}."""
    n, f, count = 7, 0.8, 150
    found = co.ensemble(loaded, count, seed=2)
    mean = n * f * np.exp(-TIMES)
    error = np.sqrt(n * f * (1 - f) / count) * np.exp(-TIMES)
    np.testing.assert_allclose(found.emission_error, error, rtol=4 / np.sqrt(2 * count))
    assert np.all(abs(found.emission - mean) < 4 * error)


def test_populations_of_different_numbers_of_emitters_are_left_out_by_name():
    found = co.ensemble(loaded, 30, seed=2)
    assert {"emission", "excitation"} <= set(found)
    assert "populations" not in found
    assert "populations: its shape differs: time 9 × emitter " in found.attrs["left_out"]
    assert "emitter" not in found.dims
    with pytest.raises(ValueError, match=r"builder: there is nothing to average in members 0 to"):
        co.ensemble(lambda seed: loaded(seed).populations, 30, seed=2)


def test_every_kind_of_answer():
    number = co.ensemble(member, 40, seed=1)
    values = [member(member_seed(1, i)) for i in range(40)]
    np.testing.assert_allclose(number.value, np.mean(values))
    np.testing.assert_allclose(number.value_error, np.std(values, ddof=1) / np.sqrt(40))

    array = co.ensemble(lambda seed: member(seed, size=(2, 3)), 4, seed=1)
    assert array.value.dims == ("value_0", "value_1")

    def mixed(seed):
        x = member(seed)
        return {"count": 3, "up": x > 0, "wave": x + 1j, "name": "same", "other": str(x)}

    several = co.ensemble(mixed, 40, seed=1)
    assert several.attrs["left_out"] == "other: it differs between members"
    assert (several["count"], several["name"]) == (3, "same")
    np.testing.assert_allclose(several.up, np.mean(np.array(values) > 0))
    np.testing.assert_allclose(several.wave, np.mean(values) + 1j)
    assert several.wave_error.dtype.kind == "f"
    np.testing.assert_allclose(several.wave_error, number.value_error)

    def labelled(seed):
        x = xarray.DataArray(member(seed, size=3), {"k": [1, 2, 3]}, attrs={"units": "Γ₀"})
        return x.rename("power")

    found = co.ensemble(labelled, 4, seed=1)
    assert found.power.attrs == {"units": "Γ₀"}
    assert list(found.k) == [1, 2, 3]


def test_numbers_that_are_complex_in_some_members_only():
    def some(seed):
        return {"z": 1.0 if seed % 2 else 1j}

    found = co.ensemble(some, 20, seed=3)
    odd = np.mean([member_seed(3, i) % 2 for i in range(20)])
    np.testing.assert_allclose(found.z, odd + 1j * (1 - odd))


def test_a_variable_of_the_name_complete_is_averaged_like_any_other():
    found = co.ensemble(lambda seed: {"complete": seed % 2}, 20, seed=3)
    assert 0 < found["complete"] < 1


def test_members_that_are_not_finite_have_no_mean_and_never_a_small_error():
    def build(seed):
        return {"x": np.inf, "y": [np.nan, 1.0 + 1e-3 * member(seed)]}

    with pytest.warns(UserWarning, match="standard_error: inf of the largest x after 30"):
        found = co.ensemble(build, 30, seed=0, standard_error=0.1)
    assert np.isnan(found.x)
    assert np.isnan(found.x_error)
    np.testing.assert_allclose(found.y, [np.nan, 1.0], atol=1e-3)


def test_an_incomplete_dataset_is_a_failure():
    partial = xarray.Dataset({"x": 1.0}, attrs={"complete": False})
    with pytest.raises(co.EvolutionError, match="the dataset is incomplete"):
        co.ensemble(lambda _: partial, 3, seed=0)


def test_equal_members_have_no_error_and_one_member_has_none_that_is_known():
    found = co.ensemble(lambda _: 0.1, 7, seed=0)
    assert (float(found.value), float(found.value_error)) == (0.1, 0.0)
    assert np.isnan(co.ensemble(lambda _: 0.1, 1, seed=0).value_error)


def test_labels_that_differ_leave_out_what_they_label():
    def moving(seed):
        return xarray.Dataset({"y": ("k", [1.0, 2.0]), "x": 1.0}, {"k": [0, seed]})

    found = co.ensemble(moving, 3, seed=0)
    assert set(found) == {"x", "x_error"}
    assert "y: its k differs between members" in found.attrs["left_out"]


def test_single_jumps_have_no_mean():
    """All photons leave: every member has as many jumps, at other times."""

    def late(seed):
        engine = co.engines.Trajectories(n=3)
        pair = co.Couplings(np.eye(2), np.zeros((2, 2)))
        return co.evolve(pair, "inverted", [0, 1.0, 60.0], method=engine, seed=seed)

    found = co.ensemble(late, 4, seed=1)
    assert not [name for name in found if "jump" in str(name) or "channel" in str(name)]
    assert "jump_time: single jumps" in found.attrs["left_out"]


def test_the_seed_of_a_member_depends_on_the_seed_and_its_number_alone():
    seen = []
    co.ensemble(lambda seed: seen.append(seed) or 0.0, 5, seed=7)
    assert seen == [member_seed(7, i) for i in range(5)]
    assert all(isinstance(each, int) and 0 <= each < 2**63 for each in seen)
    more = {member_seed(s, i) for s in range(30) for i in range(30)}
    assert len(more) == 900


EXECUTORS = {
    "one thread": lambda: ThreadPoolExecutor(1),
    "three threads": lambda: ThreadPoolExecutor(3),
    "two processes": lambda: ProcessPoolExecutor(2),
}


@pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS)
def test_the_mean_is_the_same_bit_for_bit_with_any_executor(executor):
    here = co.ensemble(uneven, 200, seed=4)
    with executor() as workers:
        there = co.ensemble(uneven, 200, seed=4, executor=workers)
    same(there, here)


@pytest.mark.slow
def test_an_ensemble_ends_at_the_same_member_with_any_number_of_workers():
    here = co.ensemble(member, 1000, seed=4, standard_error=0.9)
    n = here.attrs["n"]
    assert 20 <= n < 1000
    values = [member(member_seed(4, i)) for i in range(n)]

    def reached(k):
        some = np.array(values[:k])
        return some.std(ddof=1) / np.sqrt(k) <= 0.9 * abs(some.mean())

    assert reached(n)
    assert not any(reached(k) for k in range(20, n))
    for workers in (1, 2, 3):
        with ThreadPoolExecutor(workers) as executor:
            there = co.ensemble(member, 1000, seed=4, standard_error=0.9, executor=executor)
        same(there, here)


@pytest.mark.slow
def test_the_standard_error_of_results_is_that_of_the_emission():
    found = co.ensemble(cloud, 500, seed=1, standard_error=0.008)

    def relative(name):
        return float(found[f"{name}_error"].max() / abs(found[name]).max())

    assert 20 < found.attrs["n"] < 500
    assert relative("emission") <= 0.008 < relative("shift")


def test_a_standard_error_that_is_not_reached_warns_with_the_members_needed():
    with pytest.warns(UserWarning, match=r"0\.\d+ of the largest x after 30 members, 0\.001 asked"):
        found = co.ensemble(lambda s: {"x": 1 + member(s)}, 30, seed=2, standard_error=1e-3)
    assert found.attrs["n"] == 30
    with (
        warnings.catch_warnings(action="error"),
        pytest.raises(co.EvolutionError, match="result holds the whole ensemble") as error,
    ):
        co.ensemble(lambda s: {"x": 1 + member(s)}, 30, seed=2, standard_error=1e-3)
    same(error.value.result, found)


def test_a_mean_of_zero_is_not_taken_for_a_known_one():
    """1, −1 and zeros: the mean of 30 is 0, and its error √(2/29·30)."""
    few = {member_seed(2, 0): 1.0, member_seed(2, 1): -1.0}
    with pytest.warns(UserWarning, match="the mean of value is zero or not a number"):
        found = co.ensemble(lambda seed: few.get(seed, 0.0), 30, seed=2, standard_error=0.5)
    assert found.value == 0
    assert found.value_error == pytest.approx(np.sqrt(2 / (29 * 30)))
    assert co.ensemble(lambda _: 0.0, 30, seed=2, standard_error=0.5).attrs["n"] == 20


def test_a_standard_error_of_one_member_is_refused():
    with pytest.raises(ValueError, match="n must be at least 2 with standard_error"):
        co.ensemble(member, 1, seed=2, standard_error=0.5)


def fails_at_seven(seed):
    if seed == member_seed(0, 7):
        raise RuntimeError("no cloud today")
    return member(seed)


@pytest.mark.parametrize("workers", [None, 3])
def test_a_member_that_fails_is_named_and_the_others_are_kept(workers):
    executor = None if workers is None else ThreadPoolExecutor(workers)
    text = rf"member 7, builder\({member_seed(0, 7)}\), failed: RuntimeError: no cloud today"
    with pytest.raises(co.EvolutionError, match=text) as error:
        co.ensemble(fails_at_seven, 20, seed=0, executor=executor)
    partial = error.value.result
    assert (partial.attrs["n"], partial.attrs["complete"]) == (7, 0)
    np.testing.assert_array_equal(partial.value, co.ensemble(member, 7, seed=0).value)
    assert "in fails_at_seven" in str(error.value)  # the traceback
    if executor is not None:
        executor.shutdown()


def test_a_first_member_that_fails_leaves_nothing():
    with pytest.raises(co.EvolutionError, match="no member was finished") as error:
        co.ensemble(lambda seed: 1 / 0, 5, seed=0)
    assert error.value.result is None
    with pytest.raises(co.EvolutionError, match="function must return numbers"):
        co.ensemble(lambda seed: None, 5, seed=0)


def test_an_incomplete_run_is_a_failure():
    def cut(seed):
        whole = cloud(1)
        return whole.at(whole.times[:5]).replace(complete=False)

    with pytest.raises(co.EvolutionError, match=r"only the times to t = 1: it was interrupted"):
        co.ensemble(cut, 5, seed=0)


class Interrupted:
    """Ctrl-C in the given member; `evolve` would answer it with the times until then."""

    def __init__(self, at):
        self.at, self.calls = at, 0

    def __call__(self, seed):
        self.calls += 1
        if self.calls == self.at:
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                return 1e6
        return member(seed)


def test_ctrl_c_returns_the_mean_so_far():
    found = co.ensemble(Interrupted(6), 20, seed=0)
    assert (found.attrs["n"], found.attrs["complete"]) == (5, 0)
    np.testing.assert_array_equal(found.value, co.ensemble(member, 5, seed=0).value)
    with pytest.raises(KeyboardInterrupt):
        co.ensemble(Interrupted(1), 20, seed=0)


def dies(seed):
    if seed == member_seed(0, 30):
        os._exit(1)
    return member(seed)


def test_a_worker_that_dies_leaves_the_mean_of_those_before():
    with (
        ProcessPoolExecutor(2) as executor,
        pytest.raises(co.EvolutionError, match="the executor failed: BrokenProcessPool") as error,
    ):
        co.ensemble(dies, 100, seed=0, executor=executor)
    partial = error.value.result
    assert partial is None or partial.attrs["n"] <= 30


@pytest.mark.slow
def test_members_far_ahead_are_not_started():
    """Nor kept: the first member waits until no other one is started any more."""
    started = []

    def build(seed):
        started.append(seed)
        before = 0
        while seed == member_seed(0, 0) and before < len(started):
            before = len(started)
            time.sleep(0.1)
        return 1.0

    with ThreadPoolExecutor(2) as executor:
        found = co.ensemble(build, 10**6, seed=0, executor=executor, standard_error=0.5)
    assert found.attrs["n"] == 20
    assert len(started) < 20_000


@pytest.mark.slow
def test_trajectories_by_one_two_and_three_processes():
    """20 runs of 50 trajectories: near the exact result, with the scatter of 1,000 trajectories."""
    found = co.ensemble(sampled, 20, seed=3)
    for workers in (1, 2, 3):
        with ProcessPoolExecutor(workers) as executor:
            same(co.ensemble(sampled, 20, seed=3, executor=executor), found)
    exact = co.evolve(co.couple(co.chain(2, 0.1), co.Vacuum()), "inverted", TIMES, method="exact")
    assert np.all(abs(found.emission - exact.emission) < 4.5 * found.emission_error + 1e-9)
    assert np.all(abs(found.excitation - exact.excitation) < 4.5 * found.excitation_error + 1e-9)
    together = co.evolve(
        exact.couplings, "inverted", TIMES, method=co.engines.Trajectories(n=1000), seed=1
    )
    later = TIMES > 0
    ratio = found.emission_error.values[later] / together.emission_error[later]
    assert 0.7 < np.sqrt(np.mean(ratio**2)) < 1.4
    assert found.attrs["n_trajectories"] == 50


class Counted:
    """Members that note their seeds in a file; the 13th dies if there is a file "die" beside it."""

    def __init__(self, log):
        self.log = log

    def __call__(self, seed):
        with open(self.log, "a") as log:
            log.write(f"{seed}\n")
        if self.calls() == 13 and (self.log.parent / "die").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return {"x": member(seed, size=3), "z": 1j * member(seed)}

    def calls(self):
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


def killed(path, log):
    """An ensemble in a process of its own, killed while it computes its 13th member."""
    die = log.parent / "die"
    die.touch()
    process = multiprocessing.get_context("fork").Process(
        target=co.ensemble, args=(Counted(log), 20), kwargs={"seed": 1, "store": path}
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    die.unlink()


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_killed_ensemble_goes_on_where_it_was(tmp_path, suffix):
    path, log = tmp_path / f"mean{suffix}", tmp_path / "log"
    undisturbed = co.ensemble(Counted(tmp_path / "other"), 20, seed=1)
    killed(path, log)
    build = Counted(log)
    same(co.ensemble(build, 20, seed=1, store=path), undisturbed)
    assert build.calls() == 13 + 20 - 12
    same(co.ensemble(build, 20, seed=1, store=path), undisturbed)
    assert build.calls() == 21


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_text_that_all_members_share_comes_back(tmp_path, suffix):
    def build(seed):
        return {"x": member(seed), "error": "none", "note": "shared"}

    first = co.ensemble(build, 5, seed=1, store=tmp_path / f"mean{suffix}")
    again = co.ensemble(build, 5, seed=1, store=tmp_path / f"mean{suffix}")
    same(again, first)
    assert (again["error"], again.note) == ("none", "shared")


def test_a_store_can_be_continued_to_more_members_or_a_smaller_error(tmp_path):
    path, build = tmp_path / "mean.nc", Counted(tmp_path / "log")
    co.ensemble(build, 20, seed=1, store=path)
    same(
        co.ensemble(build, 30, seed=1, store=path), co.ensemble(Counted(tmp_path / "x"), 30, seed=1)
    )
    assert build.calls() == 30
    few = co.ensemble(build, 10, seed=1, store=path)
    same(few, co.ensemble(Counted(tmp_path / "x"), 10, seed=1))
    assert build.calls() == 30
    options = {"seed": 1, "standard_error": 0.9}
    alone = co.ensemble(Counted(tmp_path / "x"), 500, **options)
    same(co.ensemble(build, 500, store=path, **options), alone)
    assert 30 <= build.calls() == alone.attrs["n"]
    # the mean alone is enough for the same question
    (tmp_path / "mean.nc.journal").unlink()
    same(co.ensemble(build, alone.attrs["n"], store=path, **options), alone)
    with pytest.raises(
        ValueError, match=rf"has the mean of {alone.attrs['n']} members, and its jou"
    ):
        co.ensemble(build, 1000, store=path, **options)


def test_a_damaged_member_is_computed_again(tmp_path):
    path, build = tmp_path / "mean.nc", Counted(tmp_path / "log")
    whole = co.ensemble(build, 20, seed=1, store=path)
    path.unlink()
    journal = tmp_path / "mean.nc.journal"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)
    with pytest.warns(UserWarning, match=r"is damaged: member \d+ cannot be read"):
        same(co.ensemble(build, 20, seed=1, store=path), whole)
    assert build.calls() == 21


def test_the_store_of_something_else_is_refused(tmp_path):
    path = tmp_path / "mean.nc"
    co.ensemble(member, 5, seed=1, store=path)
    with pytest.raises(
        ValueError, match=r"is of another ensemble, with seed=1, this one has seed=2"
    ):
        co.ensemble(member, 5, seed=2, store=path)
    with pytest.raises(ValueError, match="another ensemble, with the function 'member'"):
        co.ensemble(uneven, 5, seed=1, store=path)
    with pytest.raises(ValueError, match=r"is of co\.ensemble, not of co\.sweep"):
        co.sweep(member, {"seed": [1, 2]}, store=path)
    other = tmp_path / "sweep.nc"
    co.sweep(member, {"seed": [1, 2]}, store=other)
    with pytest.raises(ValueError, match=r"is of co\.sweep, not of co\.ensemble"):
        co.ensemble(member, 5, seed=1, store=other)
    with pytest.raises(ValueError, match=r"store must be a file name that ends in \.nc or \.zarr"):
        co.ensemble(member, 5, seed=1, store=tmp_path / "mean.npz")


def test_a_failure_leaves_the_members_before_it_in_the_store(tmp_path):
    path = tmp_path / "mean.nc"
    for _ in range(2):
        with pytest.raises(co.EvolutionError, match="member 7") as error:
            co.ensemble(fails_at_seven, 20, seed=0, store=path)
        assert error.value.result.attrs["n"] == 7
    same(
        co.ensemble(fails_at_seven, 7, seed=0, store=path),
        co.ensemble(fails_at_seven, 7, seed=0),
    )


def test_a_full_disk_ends_the_ensemble_with_what_is_safe(tmp_path, monkeypatch):
    path, append = tmp_path / "mean.nc", Journal.append

    def full(journal, index, what):
        if index == 5:
            raise OSError(errno.ENOSPC, "No space left on device", str(journal.path))
        append(journal, index, what)

    monkeypatch.setattr(Journal, "append", full)
    text = r"ended after 5 of 20 members: .*No space left.*; 5 are safe in .*journal"
    with pytest.raises(co.EvolutionError, match=text) as error:
        co.ensemble(member, 20, seed=1, store=path)
    assert error.value.result.attrs["n"] == 5
    monkeypatch.undo()
    same(co.ensemble(member, 20, seed=1, store=path), co.ensemble(member, 20, seed=1))


CALLS = []  # of `interrupted_once`; what a builder reads from its module is not part of its code


def interrupted_once(seed):
    CALLS.append(seed)
    if len(CALLS) == 6:
        signal.raise_signal(signal.SIGINT)
    return member(seed)


def test_ctrl_c_says_how_to_go_on(tmp_path, capsys):
    path = tmp_path / "mean.nc"
    CALLS.clear()
    assert co.ensemble(interrupted_once, 20, seed=0, store=path).attrs["n"] == 5
    assert "Ctrl-C after 5 of 20 members; 5 are safe in" in capsys.readouterr().err
    whole = co.ensemble(interrupted_once, 20, seed=0, store=path)
    assert len(CALLS) == 6 + 15
    same(whole, co.ensemble(interrupted_once, 20, seed=0))


def test_ensembles_within_a_sweep():
    """Dimensions of the grid come first; what exists at some points only has gaps."""

    def mean(filling):
        def build(seed):
            return FAR.with_filling(filling, seed=seed).positions[:, 2]

        def counted(seed):
            places = build(seed)
            return {"atoms": len(places), "places": places}

        return co.ensemble(counted, 40, seed=1)

    found = co.sweep(mean, {"filling": [0.5, 1.0]})
    assert found.atoms.dims == found.atoms_error.dims == ("filling",)
    assert (float(found.atoms[1]), float(found.atoms_error[1])) == (7, 0)
    assert abs(float(found.atoms[0]) - 3.5) < 4 * np.sqrt(7 * 0.25 / 40)
    np.testing.assert_allclose(found.atoms_error[0], np.sqrt(7 * 0.25 / 40), rtol=0.5)
    np.testing.assert_allclose(found.places[1], FAR.positions[:, 2])
    assert np.all(np.isnan(found.places[0]))


def test_the_emission_of_an_ensemble_is_drawn_with_its_band():
    found = co.ensemble(cloud, 5, seed=1)
    ax = co.plot.emission(found)
    mean, alone = ax.get_lines()
    np.testing.assert_array_equal(mean.get_ydata(), found.emission)
    np.testing.assert_allclose(alone.get_ydata(), 4 * np.exp(-TIMES))
    edges = ax.collections[0].get_paths()[0].vertices
    at = edges[edges[:, 0] == TIMES[3], 1]
    half = 2 * float(found.emission_error[3])
    np.testing.assert_allclose(sorted(set(at)), float(found.emission[3]) + half * np.array([-1, 1]))
    both = co.plot.emission({"mean": found, "one": cloud(1)}, per_emitter=True)
    np.testing.assert_allclose(both.get_lines()[0].get_ydata(), found.emission / 4)
    # rates that differ leave the independent decay unknown; Γ by displacement has no emitters
    for part in ("decay_error", "populations_error"):
        uneven_start = found.assign({part: found[part] + 0.1})
        assert len(co.plot.emission(uneven_start).get_lines()) == 1
    by_displacement = found.rename({"emitter_2": "displacement_2"})
    assert len(co.plot.emission(by_displacement).get_lines()) == 1
    approximate = found.assign(error_estimate=0 * found.emission + 0.5)
    wide = co.plot.emission(approximate).collections[0].get_paths()[0].vertices
    assert wide[wide[:, 0] == TIMES[3], 1].max() == pytest.approx(max(at) + 0.5)
    missing = co.ensemble(loaded, 5, seed=1)
    assert len(co.plot.emission(missing).get_lines()) == 1
    with pytest.raises(ValueError, match="per_emitter: the members of 'mean' have different"):
        co.plot.emission(missing, per_emitter=True)
    with pytest.raises(ValueError, match="results: 'mean' must have emission against time"):
        co.plot.emission(found.drop_vars("emission"))
    plt.close("all")
