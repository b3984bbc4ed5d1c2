"""What `co.sweep` costs beyond the function, and what a second worker brings.

python benchmarks/sweeps.py [points] takes a function that costs nothing, at 10⁵ points unless
another number is given. It prints the processor time of this process and its workers for each
point, and by how many bytes a point the memory of this process grows between a tenth of the points
and all of them: without an executor, by two processes, and both with a store. Beside it stands the
bare loop.

Then it prints how much faster two workers are than one at points that keep a core busy for a fifth
of a second. Only the cores bound this. It is the one ratio of wall times: it needs two idle cores.
"""

import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np

import collective as co

SIDE = 100  # values of the second argument
BUSY = 0.2  # seconds that a point of the second part takes
POINTS = 60  # of the second part


def cheap(i, j):
    return 0.5 * i + j


def busy(i):
    end = time.process_time() + BUSY
    while time.process_time() < end:
        pass
    return i


def used():
    """Seconds of processor time of this process and of workers that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def resident():
    """Bytes that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def pool(workers):
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork"))


def swept(points, workers=None, store=None):
    """Seconds of processor time, and bytes by which this process grew."""
    grid = {"i": range(points // SIDE), "j": range(SIDE)}
    begin, before = used(), resident()
    with pool(workers) if workers else nullcontext() as executor:
        found = co.sweep(cheap, grid, executor=executor, store=store, progress=False)
        grown = resident() - before
    expected = np.add.outer(0.5 * np.arange(points // SIDE), np.arange(SIDE))
    assert np.array_equal(found.value, expected)
    return used() - begin, grown


def costs(points):
    """Print the first table."""
    begin = used()
    np.array([cheap(i, j) for i in range(points // SIDE) for j in range(SIDE)])
    print(f"{points} points           µs a point   bytes a point")
    print(f"bare loop            {(used() - begin) / points * 1e6:10.2f}")
    with tempfile.TemporaryDirectory() as folder:
        for label, workers, name in (
            ("no executor", None, None),
            ("no executor, store", None, "a.nc"),
            ("2 processes", 2, None),
            ("2 processes, store", 2, "b.nc"),
        ):
            stores = [f"{folder}/{size}{name}" if name else None for size in ("few", "many")]
            swept(1000, workers)  # what is imported on first use is not counted
            _, few = swept(points // 10, workers, stores[0])
            seconds, many = swept(points, workers, stores[1])
            growth = (many - few) / (0.9 * points)
            print(f"{label:20} {seconds / points * 1e6:10.2f} {growth:15.1f}")


def scaling():
    """Print how much faster two workers are than one."""
    seconds = {}
    for workers in (1, 2):
        with pool(workers) as executor:
            co.sweep(busy, {"i": range(2)}, executor=executor, progress=False)
            begin = time.perf_counter()
            co.sweep(busy, {"i": range(POINTS)}, executor=executor, progress=False)
            seconds[workers] = time.perf_counter() - begin
    print(f"{POINTS} points of {BUSY:g} s of a core: {seconds[1]:.1f} s by one worker, ", end="")
    print(f"{seconds[2]:.1f} s by two, {seconds[1] / seconds[2]:.2f} times as fast")


if __name__ == "__main__":
    costs(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
    scaling()
