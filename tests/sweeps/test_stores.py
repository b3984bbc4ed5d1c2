"""Stores of sweeps: nothing is lost, nothing is computed twice, and what is damaged is noticed."""

import errno
import functools
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import sweep_functions
import xarray

import collective as co
from collective.sweeps import store as stores

GRID = {"i": range(20), "j": range(10)}


@pytest.fixture(params=[".nc", ".zarr"])
def store(request, tmp_path):
    return tmp_path / f"map{request.param}"


@pytest.fixture
def log(tmp_path):
    return str(tmp_path / "calls")


def swept(function, grid=GRID, **options):
    return co.sweep(function, grid, progress=False, **options)


def calls(log):
    """How often each point was computed."""
    lines = Path(log).read_text().splitlines() if os.path.exists(log) else []
    return Counter(tuple(map(int, line.split()[:2])) for line in lines)


def journal(store):
    return store.with_name(store.name + ".journal")


def same(one, other):
    """Whether two datasets are equal bit for bit, but for the date and the name of the function."""
    for found in (one, other):
        found.attrs = {k: v for k, v in found.attrs.items() if k != "date"}
    assert one.attrs == other.attrs
    assert list(one.variables) == list(other.variables)
    for name in one.variables:
        assert one[name].dtype == other[name].dtype, name
        here, there = one[name].values, other[name].values
        if name == "error":  # texts, as objects
            here, there = here.astype(str), there.astype(str)
        assert here.tobytes() == there.tobytes(), name
    return one.identical(other)


@pytest.mark.parametrize("function", [sweep_functions.emission, sweep_functions.many_kinds])
def test_a_finished_store_gives_the_dataset_without_computing(store, function):
    grid = {"n": [1, 2, 3]} | ({"spacing": [0.1]} if "em" in function.__name__ else {"x": [0.5]})
    plain = swept(function, grid)
    first = swept(function, grid, store=store)
    assert not journal(store).exists()

    again = swept(function, grid, store=store)
    assert same(first, plain)
    assert same(again, plain)
    assert list(store.parent.iterdir()) == [store]


def test_a_finished_store_calls_nothing(store, log):
    function = functools.partial(sweep_functions.logged, log=log)
    swept(function, {"i": [1, 2], "j": [3]}, store=store)
    swept(function, {"i": [1, 2], "j": [3]}, store=store)
    assert calls(log) == {(1, 3): 1, (2, 3): 1}


def test_others_can_read_the_files(store):
    swept(sweep_functions.many_kinds, {"n": [1, 3], "x": [0.5]}, store=str(store))
    engine = "h5netcdf" if store.suffix == ".nc" else "zarr"
    found = xarray.load_dataset(store, engine=engine)
    assert found.complex_imag.sel(n=3, x=0.5)[1] == np.sin(0.5)
    assert found.text.values.tolist() == [["ab"], ["ababab"]]
    assert found.attrs["function"] == "many_kinds"


def started(function, store, grid=GRID):
    """A sweep in a process of its own."""
    process = multiprocessing.get_context("fork").Process(
        target=swept, args=(function, grid), kwargs={"store": store}
    )
    process.start()
    return process


@pytest.mark.slow
def test_ten_kills_lose_nothing_but_the_point_that_was_computed(store, log):
    function = functools.partial(sweep_functions.logged, log=log, seconds=0.002)
    wanted = swept(functools.partial(sweep_functions.logged, log=log + " of another"))
    numbers = random.Random(5)
    for _ in range(10):
        process, last = started(function, store), calls(log).total() + numbers.randrange(1, 16)
        while calls(log).total() < last and process.is_alive():
            time.sleep(0.0005)
        time.sleep(0.002 * numbers.random())  # somewhere in a call, or in what follows it
        process.kill()
        process.join()
    found = swept(function, store=store)
    assert same(found, wanted)
    counted = calls(log)
    assert len(counted) == 200
    assert counted.total() <= 200 + 10
    assert max(counted.values()) <= 11
    assert list(store.parent.glob("map*")) == [store]


def test_a_kill_while_the_dataset_is_written(store, log, monkeypatch):
    """The journal goes only when the dataset is in its place."""
    grid = {"i": [1, 2], "j": [3]}
    function = functools.partial(sweep_functions.logged, log=log)
    wanted = swept(function, grid)
    replace = os.replace

    def stop(source, target):
        if Path(target) == store:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stop)
        process = started(function, store, grid)
        process.join(30)
        assert process.exitcode == -signal.SIGKILL
    assert journal(store).exists()
    assert not store.exists()
    before = calls(log).total()
    assert same(swept(function, grid, store=store), wanted)
    assert calls(log).total() == before
    assert not journal(store).exists()


def test_a_journal_that_was_left_beside_a_finished_store_is_removed(store):
    swept(sweep_functions.product, {"a": [1], "b": [2]}, store=store)
    journal(store).write_bytes(b"")
    swept(sweep_functions.product, {"a": [1], "b": [2]}, store=store)
    assert not journal(store).exists()


def interrupted(log, at=5):
    """A function that stops the sweep by Ctrl-C at one point, the first time."""

    def function(i, j):
        if i == at and not os.path.exists(log + ".mark"):
            Path(log + ".mark").touch()
            raise KeyboardInterrupt
        return sweep_functions.logged(i, j, log)

    return function


def test_ctrl_c_keeps_the_points_and_says_how_to_go_on(store, log, capsys):
    function = interrupted(log)
    part = swept(function, store=store)
    assert part.attrs["complete"] is False
    assert int((part.error == "").sum()) == 50
    told = capsys.readouterr().err
    assert "Ctrl-C after 50 of 200 points; 50 of 200 points are safe in" in told
    assert str(journal(store)) in told
    assert not store.exists()
    found = swept(function, store=store)
    assert found.attrs["complete"] is True
    assert set(calls(log).values()) == {1}
    plain = swept(functools.partial(sweep_functions.logged, log=log))
    plain.attrs["function"] = found.attrs["function"]
    assert same(found, plain)


def test_failed_points_are_tried_again_or_not(store, log):
    grid = {"i": [1, 2, 3], "j": [0, 1]}
    broken = Path(log + ".broken")
    broken.touch()

    def function(i, j):
        if i == 2 and broken.exists():
            raise RuntimeError("not yet")
        return sweep_functions.logged(i, j, log)

    with pytest.warns(UserWarning, match="2 of 6 points failed"):
        first = swept(function, grid, store=store)
    assert store.exists()
    assert calls(log).total() == 4
    with pytest.warns(UserWarning, match="2 of 6 points failed"):
        kept = swept(function, grid, store=store, retry_failed=False)
    assert same(kept, first)
    assert calls(log).total() == 4
    broken.unlink()
    found = swept(function, grid, store=store)
    assert calls(log).total() == 6
    assert "error" not in found
    assert found["sum"].dtype == int
    assert same(found, swept(function, grid))
    assert not journal(store).exists()


def test_failed_points_without_their_journal_need_an_answer(store):
    function = functools.partial(sweep_functions.many_kinds, fails=(2,))
    with pytest.warns(UserWarning, match="1 of 2 points failed"):
        swept(function, {"n": [1, 2], "x": [1]}, store=store)
    journal(store).unlink()
    with pytest.raises(
        ValueError, match=r"store: 1 points in .* failed, and its journal, map.*mis"
    ):
        swept(function, {"n": [1, 2], "x": [1]}, store=store)


def test_failures_in_an_unfinished_store_are_kept_if_they_are_not_retried(store, log):
    inner = functools.partial(sweep_functions.logged, log=log, fails=(0,))
    stop = interrupted(log, at=1)

    def function(i, j):
        return stop(i, j) if i == 1 else inner(i, j)

    grid = {"i": [0, 2, 1], "j": [0]}
    with pytest.warns(UserWarning, match="1 of 3 points failed"):
        part = swept(function, grid, store=store)
    assert part.attrs["failed"] == 1
    assert part.attrs["complete"] is False
    with pytest.warns(UserWarning, match="1 of 3 points failed"):
        found = swept(function, grid, store=store, retry_failed=False)
    assert calls(log) == {(0, 0): 1, (2, 0): 1, (1, 0): 1}
    assert "no answer for 0" in found.error.sel(i=0, j=0).item()


OTHERS = [
    ({"grid": {"i": [1, 2], "j": [3, 4]}}, "1 values of 'j', this one has 2"),
    ({"grid": {"i": [1, 5], "j": [3]}}, r"i\[1\] = 2, in this one it is 5"),
    ({"grid": {"j": [3], "i": [1, 2]}}, "the grid i, j, the grid of this one is j, i"),
    ({"seed": 4}, "seed=3, this one has seed=4"),
    ({"function": sweep_functions.drawn}, "the function 'first', this one is of 'drawn'"),
]


@pytest.mark.parametrize(("change", "message"), OTHERS)
@pytest.mark.parametrize("finished", [True, False])
def test_stores_of_other_sweeps_are_refused(store, change, message, finished):
    def first(i, j, seed):
        if not finished and i == 2:
            raise KeyboardInterrupt
        return i

    first.__qualname__ = "first"
    given = {"function": first, "grid": {"i": [1, 2], "j": [3]}, "seed": 3}
    swept(store=store, **given)
    other = given | change
    if change.get("function"):
        other["grid"] = {"n": [1, 2], "x": [3]}
    with pytest.raises(ValueError, match=rf"store: .*{message}; choose another file, or delete"):
        swept(store=store, **other)


def test_other_code_is_warned_of(store):
    def made(version, constant=None):
        if version == 1:

            def function(a):  # fmt: skip
                return a + 0 * (constant or 0)
        else:

            def function(a):  # fmt: skip
                return a + 1

        function.__qualname__ = "function"
        return function

    grid = {"a": [1, 2]}
    first = swept(made(1, 5), grid, store=store)
    assert same(swept(made(1, 5), grid, store=store), first)
    for other in (made(2), made(1, 6), made(1)):
        with pytest.warns(UserWarning, match="the code of 'function', or the version of Python"):
            assert same(swept(other, grid, store=store), first)


def test_points_of_another_version_are_warned_of(store, log, monkeypatch):
    function = interrupted(log)
    swept(function, store=store)
    monkeypatch.setattr(stores, "__version__", "99.0")
    with pytest.warns(
        UserWarning, match=r"was begun with version .* of this package, this is 99.0"
    ):
        assert swept(function, store=store).attrs["complete"] is True
    assert set(calls(log).values()) == {1}


@pytest.mark.slow
def test_a_store_is_written_by_one_process_alone(store, log):
    function = functools.partial(sweep_functions.logged, log=log, seconds=0.05)
    process = started(function, store, {"i": range(20), "j": [0]})
    while not os.path.exists(log):
        time.sleep(0.01)
    with pytest.raises(ValueError, match="store: another process is writing"):
        swept(function, {"i": range(20), "j": [0]}, store=store)
    process.join()
    assert set(calls(log).values()) == {1}

    def inside(i):
        return swept(inside, {"i": [1]}, store=store.with_name("b.nc")).value.item()

    with pytest.raises(co.EvolutionError, match="another process is writing"):
        swept(inside, {"i": [1]}, store=store.with_name("b.nc"))


def test_a_store_that_goes_on_is_written_by_one_process_alone(store, log, tmp_path):
    """Reading the journal must not end the lock on it, as closing a second handle would."""
    stop, inside, go = interrupted(log), tmp_path / "inside", tmp_path / "go"

    def function(i, j):
        if os.path.exists(log + ".mark"):
            inside.touch()
            while not go.exists():
                time.sleep(0.01)
        return stop(i, j)

    swept(function, store=store)
    assert calls(log).total() == 50
    process = started(function, store)
    try:
        while not inside.exists() and process.is_alive():
            time.sleep(0.01)
        with pytest.raises(ValueError, match="store: another process is writing"):
            swept(function, store=store)
    finally:
        go.touch()
        process.join()
    assert set(calls(log).values()) == {1}


def test_a_torn_record_is_dropped_and_a_damaged_one_computed_again(store, log):
    swept(interrupted(log), store=store)
    data = bytearray(journal(store).read_bytes())
    journal(store).write_bytes(data[:-7])
    part = journal(store).read_bytes()
    for cut in (len(part), 0):
        data = bytearray(part)
        if cut == 0:
            data[len(data) // 2] ^= 4
        journal(store).write_bytes(data)
        if store.suffix == ".zarr":
            shutil.rmtree(store, ignore_errors=True)
        else:
            store.unlink(missing_ok=True)
        before = calls(log).total()
        if cut == 0:
            with pytest.warns(UserWarning, match="store: 1 damaged records in .* were passed over"):
                found = swept(interrupted(log), store=store)
        else:
            found = swept(interrupted(log), store=store)
        assert calls(log).total() - before == 200 - 49 + (cut == 0)
        plain = swept(functools.partial(sweep_functions.logged, log=log + "x"))
        plain.attrs["function"] = found.attrs["function"]
        assert same(found, plain)


@pytest.mark.filterwarnings(
    # h5netcdf cannot close a file that it could not open
    "ignore:.*File.close:pytest.PytestUnraisableExceptionWarning"
)
def test_flipped_bits_of_a_finished_store_are_noticed_or_harmless(store):
    """HDF5 and zarr do not check every byte themselves."""
    grid = {"a": [1.5, 2], "b": [3]}
    wanted = swept(sweep_functions.product, grid, store=store)
    file = (
        store
        if store.is_file()
        else max(
            (p for p in store.rglob("*") if p.is_file()), key=lambda p: p.parent.name == "value"
        )
    )
    data, noticed, places = file.read_bytes(), [], random.Random(3)
    for at in places.sample(range(len(data)), min(len(data), 40)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << places.randrange(8)
        file.write_bytes(damaged)
        try:
            found = swept(sweep_functions.product, grid, store=store)
        except ValueError as error:
            noticed.append(str(error))
            continue
        assert same(found, wanted)
    assert noticed
    assert all(text.startswith("store: ") for text in noticed)


def test_hdf5_never_sees_a_damaged_file(tmp_path, monkeypatch):
    """It may never come back from one. Other programs may still read and rewrite a store."""
    grid, store = {"a": [1.5, 2], "b": [3]}, tmp_path / "map.nc"
    wanted = swept(sweep_functions.product, grid, store=store)
    with xarray.open_dataset(store, engine="h5netcdf") as read:
        np.testing.assert_array_equal(read["value"], wanted["value"])
        rewritten = read.load()
    good = store.read_bytes()
    noise = bytearray(good)
    noise[1000:1400] = b"\xff" * 400
    with monkeypatch.context() as patch:
        patch.setattr(xarray, "load_dataset", lambda *_, **__: pytest.fail("HDF5 opened it"))
        for damaged in (noise, good[:2000] + good[2400:], good[:40] + b"0" * 10 + good[50:]):
            store.write_bytes(damaged)
            with pytest.raises(ValueError, match=r"store: .*map.nc' is damaged"):
                swept(sweep_functions.product, grid, store=store)
    rewritten.to_netcdf(store, engine="h5netcdf")
    assert b"sha256->" not in store.read_bytes()
    assert same(swept(sweep_functions.product, grid, store=store), wanted)


def test_files_of_others_are_left_alone(tmp_path):
    grid = {"a": [1], "b": [2]}
    other = tmp_path / "other.nc"
    xarray.Dataset({"x": 1}).to_netcdf(other, engine="h5netcdf")
    with pytest.raises(ValueError, match="was not written by a sweep"):
        swept(sweep_functions.product, grid, store=other)
    noise = tmp_path / "noise.nc"
    noise.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"store: .*noise.nc' is damaged"):
        swept(sweep_functions.product, grid, store=noise)
    mine = tmp_path / "mine.nc.journal"
    mine.write_text("my notes")
    with pytest.raises(ValueError, match=r"mine.nc.journal' is not the journal of a sweep"):
        swept(sweep_functions.product, grid, store=tmp_path / "mine.nc")
    assert mine.read_text() == "my notes"
    (tmp_path / "a.nc").mkdir()
    with pytest.raises(ValueError, match=r"store must name a file, .*a.nc' is a folder"):
        swept(sweep_functions.product, grid, store=tmp_path / "a.nc")
    (tmp_path / "a.zarr").touch()
    with pytest.raises(ValueError, match=r"a .zarr store is a folder, but .*a.zarr' is a file"):
        swept(sweep_functions.product, grid, store=tmp_path / "a.zarr")
    with pytest.raises(NotADirectoryError, match=r"other\.nc"):
        swept(sweep_functions.product, grid, store=other / "b.nc")


def test_a_damaged_beginning_of_a_journal_is_an_error(store, log):
    swept(interrupted(log), store=store)
    data = bytearray(journal(store).read_bytes())
    data[60] ^= 1
    journal(store).write_bytes(data)
    with pytest.raises(ValueError, match=r"store: the beginning of .* is damaged"):
        swept(interrupted(log), store=store)
    journal(store).write_bytes(b"")  # a process that was killed before it wrote anything
    assert swept(interrupted(log), store=store).attrs["complete"] is True


def test_texts_of_failures_and_names_of_files_come_back(store):
    """The tracebacks are objects: one long one must not make every point as large."""

    def function(i, j):
        if (i, j) == (3, 4):
            raise ValueError("x" * 10_000)
        return {"a b.c-é": "text", "other": i}

    with pytest.warns(UserWarning, match="1 of 200 points failed"):
        first = swept(function, store=store)
    assert first.error.dtype == object
    assert first.error.nbytes < 10_000
    with pytest.warns(UserWarning, match="1 of 200 points failed"):
        again = swept(function, store=store, retry_failed=False)
    assert again.error.dtype == object
    assert again.error.sel(i=3, j=4).item().endswith("x" * 10_000)
    assert same(again, first)


def test_a_full_disk_loses_nothing(store, monkeypatch):
    written = []

    def write(handle, data):
        if len(written) == 31:
            room = len(data) // 2
            written.append(None)
            return real(handle, data[:room])
        if len(written) > 31:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(None)
        return real(handle, data)

    real = os.write
    plain = swept(sweep_functions.logged_without_a_file)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(co.EvolutionError, match=r"No space .*; 30 of 200 points are safe") as e:
            swept(sweep_functions.logged_without_a_file, store=store)
    assert int((e.value.result.error == "").sum()) == 31
    assert not store.exists()
    found = swept(sweep_functions.logged_without_a_file, store=store)
    assert same(found, plain)


def test_a_full_disk_at_the_end_leaves_the_journal(store, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    grid = {"a": [1.5], "b": [2, 3]}
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(
            co.EvolutionError, match=r"No space left.*2 of 2 points are safe in"
        ) as e:
            swept(sweep_functions.product, grid, store=store)
    assert e.value.result.value.values.tolist() == [[3, 4.5]]
    assert journal(store).exists()
    assert not store.exists()
    assert swept(sweep_functions.product, grid, store=store).attrs["complete"] is True
    assert list(store.parent.iterdir()) == [store]


def test_what_the_system_forbids_is_raised_before_anything_runs(store, monkeypatch):
    def forbidden(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(store))

    monkeypatch.setattr(os, "open", forbidden)
    with pytest.raises(PermissionError, match="Permission denied"):
        swept(lambda a: 1 / 0, {"a": [1]}, store=store)


def test_zarr_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(ImportError, match=r"store='a.zarr' needs zarr: pip install .*\[cluster\]"):
        swept(sweep_functions.product, {"a": [1], "b": [1]}, store=tmp_path / "a.zarr")
