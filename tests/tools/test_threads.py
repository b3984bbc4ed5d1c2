"""The limit of one thread in a process."""

import os
import threading

import pytest
from threadpoolctl import threadpool_info

from collective._tools.compiled import one_thread, threads_available


@pytest.fixture(autouse=True)
def three_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)


def of_blas():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_the_limit_ends_with_the_last_of_several():
    """`test_blas.py` asks the same of BLAS."""
    inside, leave = threading.Event(), threading.Event()

    def other():
        with one_thread():
            inside.set()
            leave.wait()

    assert threads_available() == 3
    with one_thread():
        thread = threading.Thread(target=other, daemon=True)
        thread.start()
        inside.wait()
        both = of_blas()
    still = threads_available()
    leave.set()
    thread.join()
    assert both == {1}
    assert (still, threads_available()) == (1, 3)


def test_parallel_kernels_of_the_calling_thread_alone():
    from numba import get_num_threads

    before = get_num_threads()
    with one_thread(kernels=True):
        assert get_num_threads() == 1
    assert get_num_threads() == before
    with one_thread():
        assert get_num_threads() == before


def test_a_forked_process_starts_without_the_count():
    """What is counted in the parent are its threads, which the child does not have."""
    with one_thread():
        child = os.fork()
        if child == 0:
            before = threads_available()
            with one_thread():
                os._exit(0 if (before, threads_available()) == (3, 1) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert threads_available() == 3
