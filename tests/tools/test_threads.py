"""The limit of one thread in a process."""

import os
import threading

from threadpoolctl import threadpool_info

from collective._tools.compiled import one_thread, threads_available


def test_limits_of_threads_end_with_the_last_of_several():
    inside, leave = threading.Event(), threading.Event()

    def other():
        with one_thread():
            inside.set()
            leave.wait()

    before = [each["num_threads"] for each in threadpool_info()]
    with one_thread():
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait()
    assert {each["num_threads"] for each in threadpool_info()} == {1}
    leave.set()
    thread.join()
    assert [each["num_threads"] for each in threadpool_info()] == before


def test_a_forked_process_starts_without_the_limit(monkeypatch):
    """What is counted in the parent are its threads, which the child does not have."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    with one_thread():
        assert threads_available() == 1
        child = os.fork()
        if child == 0:
            before = threads_available()
            with one_thread():
                os._exit(0 if (before, threads_available()) == (3, 1) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert threads_available() == 3
