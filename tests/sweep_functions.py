"""Functions for sweeps, in a module that workers of every kind can import."""

import os
import time

import numpy as np
from threadpoolctl import threadpool_info

import collective as co
from collective._tools.compiled import threads_available


def product(a, b):
    return a * b


def many_kinds(n, x, fails=()):
    """Every kind of answer, with lengths that follow from n; fails at the n that are named."""
    if n in fails:
        raise ValueError(f"no answer for {n}")
    return {
        "real": x / 3,
        "integer": n,
        "truth": n > 2,
        "text": "ab" * n,
        "complex": np.exp(1j * x * np.arange(n)),
        "table": np.arange(6).reshape(2, 3) * n,
    }


def emission(n, spacing):
    times = np.linspace(0, 1, 5)
    couplings = co.couple(co.chain(n, spacing), co.Vacuum())
    return co.evolve(couplings, "inverted", times, method="exact", progress=False)


def drawn(n, x, seed):
    return np.random.default_rng(seed).normal(size=3) + 0 * n * x


def logged(i, j, log, seconds=0.0, fails=()):
    """Writes each call to a file before it begins, which a kill does not undo."""
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{i} {j} {os.getpid()}\n".encode())
    os.close(handle)
    time.sleep(seconds)
    if i in fails:
        raise RuntimeError(f"no answer for {i}")
    return {"sum": i + j, "waves": np.sin(i * np.linspace(0, 1, 4) + j)}


def threads_of_blas():
    return max(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")


def threads(i):
    """How many threads a point has in BLAS, and by what the package counts."""
    time.sleep(0.02)
    return {"blas": threads_of_blas(), "ours": threads_available()}


def parallel_threads(i):
    from numba import get_num_threads

    return {"numba": get_num_threads()}


def dies(i):
    """The worker of one point ends at once."""
    if i == 5:
        os._exit(1)
    time.sleep(0.01)
    return i


def dies_once(i, mark):
    """The worker of one point ends at once, the first time that it is called."""
    if i == 5 and not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), 9)
    return 1.5 * i


def logged_without_a_file(i, j):
    return {"sum": i + j, "waves": np.sin(i * np.linspace(0, 1, 4) + j)}
