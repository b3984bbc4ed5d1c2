"""A sweep gives the same dataset by any executor, and loses nothing when workers die."""

import concurrent.futures
import functools
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import sweep_functions

import collective as co
from collective.sweeps.journal import Journal
from collective.sweeps.workers import answers

RUNS = {
    "kinds": (sweep_functions.many_kinds, {"n": [1, 2, 4], "x": [0.5, 1.5]}, None),
    "seeds": (sweep_functions.drawn, {"n": range(15), "x": range(10)}, 5),
    "results": (sweep_functions.emission, {"n": [1, 2], "spacing": [0.1, 0.3]}, None),
}


def swept(function, grid, **options):
    return co.sweep(function, grid, progress=False, **options)


@contextmanager
def process_pool(start):
    context = multiprocessing.get_context(start)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        yield pool


@contextmanager
def loky_pool():
    import loky

    pool = loky.get_reusable_executor(2)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True)


@contextmanager
def dask_cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


POOLS = {
    "threads": lambda: concurrent.futures.ThreadPoolExecutor(3),
    "fork": lambda: process_pool("fork"),
    "spawn": lambda: process_pool("spawn"),
    "loky": loky_pool,
    "dask": dask_cluster,
}
SLOW = ("spawn", "loky", "dask")  # their workers import everything anew
EACH = [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in POOLS]


@pytest.fixture(params=EACH, scope="module")
def executor(request):
    """One of each kind, for all tests that do not break it; new processes use more threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_NUM_THREADS", "2")
        with POOLS[request.param]() as found:
            yield found.get_executor() if request.param == "dask" else found


def same(one, other):
    for found in (one, other):
        found.attrs = {k: v for k, v in found.attrs.items() if k != "date"}
    assert one.attrs == other.attrs
    for name in one.variables:
        assert one[name].values.tobytes() == other[name].values.tobytes(), name
    return one.identical(other)


def test_every_executor_gives_the_same_dataset(executor, tmp_path):
    for name, (function, grid, seed) in RUNS.items():
        wanted = swept(function, grid, seed=seed)
        found = swept(function, grid, seed=seed, executor=executor, store=tmp_path / f"{name}.nc")
        assert same(found, wanted)


def test_failures_come_back_from_every_executor(executor):
    function = functools.partial(sweep_functions.many_kinds, fails=(2,))
    with pytest.warns(UserWarning, match="2 of 4 points failed, the first at n=2, x=0: ValueError"):
        found = swept(function, {"n": [1, 2], "x": [0, 1]}, executor=executor)
    text = found.error.sel(n=2, x=1).item()
    assert "sweep_functions.py" in text
    assert text.endswith("ValueError: no answer for 2")


def test_a_point_has_one_thread(executor):
    before = executor.submit(sweep_functions.threads_of_blas).result()
    found = swept(sweep_functions.threads, {"i": range(8)}, executor=executor)
    assert (found.blas == 1).all()
    assert (found.ours == 1).all()
    assert executor.submit(sweep_functions.threads_of_blas).result() == before


def test_a_point_has_one_thread_where_blas_has_more():
    """In a process of its own, because BLAS reads the variable when it is loaded."""
    code = (
        "import multiprocessing, collective as co, sweep_functions as f\n"
        "from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor\n"
        "fork = multiprocessing.get_context('fork')\n"
        "for pool in (ThreadPoolExecutor(2), ProcessPoolExecutor(2, mp_context=fork)):\n"
        "    with pool:\n"
        "        found = co.sweep(f.threads, {'i': range(6)}, executor=pool)\n"
        "    print(found.blas.values.tolist(), f.threads_of_blas())\n"
        "print(co.sweep(f.threads, {'i': [0]}).blas.item())\n"
    )
    environment = os.environ | {
        "OPENBLAS_NUM_THREADS": "2",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    all_cores = min(2, os.cpu_count())
    assert done.stdout == f"[1, 1, 1, 1, 1, 1] {all_cores}\n" * 2 + f"{all_cores}\n"


def test_parallel_kernels_of_a_process_have_one_thread():
    with process_pool("fork") as pool:
        found = swept(sweep_functions.parallel_threads, {"i": range(3)}, executor=pool)
    assert (found.numba == 1).all()


def test_without_an_executor_threads_are_as_usual(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    found = swept(sweep_functions.threads, {"i": [1]})
    assert found.ours.item() == 3


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_a_dead_worker_leaves_the_points_in_the_store(start, tmp_path):
    store = tmp_path / "a.nc"
    mark = str(tmp_path / "mark")
    function = functools.partial(sweep_functions.dies_once, mark=mark)
    grid = {"i": range(8)}
    with (
        process_pool(start) as pool,
        pytest.raises(co.EvolutionError, match="the executor failed: BrokenProcessPool") as caught,
    ):
        swept(function, grid, executor=pool, store=store)
    assert "points are safe in" in str(caught.value)
    reached = int((caught.value.result.error == "").sum())
    assert f"{reached} of 8 points are safe" in str(caught.value)
    found = swept(function, grid, store=store)
    np.testing.assert_array_equal(found.value, 1.5 * np.arange(8))


def test_an_executor_that_was_shut_down():
    pool = concurrent.futures.ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(co.EvolutionError, match="the executor failed: RuntimeError: cannot sched"):
        swept(sweep_functions.product, {"a": [1], "b": [1]}, executor=pool)


def test_an_executor_that_cannot_start_a_process(tmp_path):
    class Full:
        def submit(self, *_):
            raise BlockingIOError(11, "Resource temporarily unavailable")

    text = r"0 of 2 points: the executor failed: BlockingIOError: .*; 0 of 2 points are safe"
    with pytest.raises(co.EvolutionError, match=text):
        swept(
            sweep_functions.product,
            {"a": [1, 2], "b": [1]},
            executor=Full(),
            store=tmp_path / "a.nc",
        )


def test_lambdas_travel_where_cloudpickle_sends_them(executor):
    factor = 3
    if isinstance(executor, concurrent.futures.ProcessPoolExecutor):
        with pytest.raises(ValueError, match=r"function cannot be sent .*cloudpickle: loky"):
            swept(lambda a: factor * a, {"a": [1, 2]}, executor=executor)
        return
    answer = swept(lambda a: factor * a, {"a": [1, 2]}, executor=executor)
    assert answer.value.values.tolist() == [3, 6]


def test_objects_whose_submit_gives_other_futures_are_refused():
    class Client:
        def submit(self, *_):
            return 3

    with pytest.raises(ValueError, match=r"executor: its submit must return a future .* not a int"):
        swept(sweep_functions.product, {"a": [1], "b": [1]}, executor=Client())


def test_ctrl_c_with_an_executor_keeps_what_has_arrived(tmp_path, capsys):
    def press():
        while not os.path.exists(log) or len(Path(log).read_text().splitlines()) < 30:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    log, store = str(tmp_path / "calls"), tmp_path / "a.nc"
    function = functools.partial(sweep_functions.logged, log=log, seconds=0.01)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        thread = threading.Thread(target=press)
        thread.start()
        part = swept(function, {"i": range(20), "j": range(10)}, executor=pool, store=store)
        thread.join()
    assert part.attrs["complete"] is False
    reached = int((part.error == "").sum())
    assert 0 < reached < 200
    assert f"{reached} of 200 points are safe" in capsys.readouterr().err
    counted = Counter(Path(log).read_text().splitlines())
    found = swept(function, {"i": range(20), "j": range(10)}, store=store)
    again = Counter(Path(log).read_text().splitlines())
    assert again.total() - counted.total() == 200 - reached
    assert found.attrs["complete"] is True


def test_kills_of_a_sweep_by_processes_lose_only_what_is_on_its_way(tmp_path):
    """Workers that outlive the killed sweep do not lock its store."""
    log, store = str(tmp_path / "calls"), tmp_path / "a.nc"
    function = functools.partial(sweep_functions.logged, log=log, seconds=0.004)
    grid = {"i": range(20), "j": range(10)}

    def run():
        os.setsid()
        with process_pool("fork") as pool:
            swept(function, grid, executor=pool, store=store)

    def computed():
        return len(Path(log).read_text().splitlines()) if os.path.exists(log) else 0

    groups, numbers = [], random.Random(2)
    for _ in range(4):
        process = multiprocessing.get_context("fork").Process(target=run)
        process.start()
        last = computed() + numbers.randrange(5, 25)
        while computed() < last and process.is_alive():
            time.sleep(0.001)
        process.kill()
        process.join()
        groups.append(process.pid)
    kept = points_in(store.with_name("a.nc.journal"))
    try:
        found = swept(function, grid, store=store)
    finally:
        for group in groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
    wanted = swept(functools.partial(sweep_functions.logged, log=log + "x"), grid)
    assert same(found, wanted)
    lines = [tuple(map(int, line.split())) for line in Path(log).read_text().splitlines()]
    last = Counter(10 * i + j for i, j, process in lines if process == os.getpid())
    assert last == Counter(set(range(200)) - kept)  # what was kept is not computed again
    assert max(Counter(line[:2] for line in lines).values()) <= 5
    assert kept


def points_in(path):
    """The points that a journal has; from a copy, because reading cuts off a torn end."""
    copy = shutil.copy(path, path.with_name("copy"))
    handle = os.open(copy, os.O_RDWR)
    try:
        return {index for index, _ in Journal(copy, handle).records()}
    finally:
        os.close(handle)


def test_answers_in_order_take_no_more_items_than_fill_the_workers():
    taken = []

    def items():
        for i in range(40_000):
            taken.append(i)
            yield i, i

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        hold = threading.Event()

        def job(i):
            if i == 0:
                hold.wait(5)
            return i

        def release():
            time.sleep(0.3)
            seen.append(len(taken))
            hold.set()

        seen = []
        threading.Thread(target=release).start()
        found = [answer.value for answer in answers(job, items(), pool, ordered=True)]
    assert found == list(range(40_000))
    assert seen[0] < 20_000


def test_calls_of_very_different_length_share_the_workers():
    """The estimate of a cheap call must not send many long ones to one worker."""

    def job(i):
        time.sleep(0.0 if i < 200 else 0.1)
        return threading.get_ident()

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = {a.index: a.value for a in answers(job, ((i, i) for i in range(216)), pool)}
    by_worker = Counter(found[i] for i in range(200, 216))
    assert len(by_worker) == 2
    assert min(by_worker.values()) >= 4


@pytest.mark.slow
def test_a_killed_worker_of_dask_changes_nothing(tmp_path):
    log = str(tmp_path / "calls")
    function = functools.partial(sweep_functions.logged, log=log, seconds=0.02)
    grid = {"i": range(20), "j": range(10)}
    with dask_cluster() as client:
        first = next(iter(client.run(os.getpid).values()))

        def kill():
            while not os.path.exists(log) or Path(log).read_text().count(f" {first}\n") < 10:
                time.sleep(0.01)
            os.kill(first, signal.SIGKILL)

        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        found = swept(function, grid, executor=client.get_executor(), store=tmp_path / "a.nc")
        thread.join(10)
    wanted = swept(functools.partial(sweep_functions.logged, log=log + "x"), grid)
    assert same(found, wanted)
    used = {int(line.split()[2]) for line in Path(log).read_text().splitlines()}
    assert first in used
    assert len(used) > 1
    by_point = {}
    for line in Path(log).read_text().splitlines():
        i, j, process = map(int, line.split())
        by_point.setdefault((i, j), []).append(process)
    assert len(by_point) == 200
    # only what the killed worker had begun, and had not sent, is computed again
    twice = [processes for processes in by_point.values() if len(processes) > 1]
    assert all(len(processes) == 2 and first in processes for processes in twice)
