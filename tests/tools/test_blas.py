"""Limits of the threads of BLAS that overlap in several threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest
import scipy.linalg  # noqa: F401 - it loads a BLAS of its own
import threadpoolctl

from collective._tools.blas import BlasThreads


def numbers():
    """The number of threads of every BLAS."""
    found = threadpoolctl.threadpool_info()
    return [each["num_threads"] for each in found if each["user_api"] == "blas"]


@pytest.mark.parametrize("limits", [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("order", sorted(set(permutations(["a", "a", "b", "b"]))))
def test_the_last_context_restores_what_was_before_the_first(limits, order):
    before = numbers()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        threads = {"a": one, "b": other}
        contexts = dict(zip("ab", map(BlasThreads, limits), strict=True))
        inside = {}
        for name in order:
            context = contexts[name]
            if name in inside:
                threads[name].submit(context.__exit__, None, None, None).result()
                del inside[name]
            else:
                threads[name].submit(context.__enter__).result()
                inside[name] = context._n
            if inside:
                assert max(numbers()) <= min(inside.values())
    assert numbers() == before


def fails():
    with BlasThreads(2), BlasThreads(1):
        assert set(numbers()) == {1}
        raise ZeroDivisionError


def test_a_context_in_a_context_and_an_error_leave_nothing_behind():
    before = numbers()
    with pytest.raises(ZeroDivisionError):
        fails()
    assert numbers() == before
    assert BlasThreads._open == []


def test_ctrl_c_while_the_limit_is_set_leaves_nothing_behind(monkeypatch):
    from collective._tools import blas

    before = numbers()

    class Interrupted(blas.Event):
        def wait(self, timeout=None):
            super().wait(timeout)
            if threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt

    monkeypatch.setattr(blas, "Event", Interrupted)
    with pytest.raises(KeyboardInterrupt), BlasThreads(1):
        pass
    monkeypatch.undo()
    assert numbers() == before
    assert BlasThreads._open == []


def test_without_a_further_thread_nothing_fails(monkeypatch):
    from collective._tools import blas

    def refused(self):
        raise RuntimeError("can't start new thread")

    before = numbers()
    monkeypatch.setattr(blas.Thread, "start", refused)
    with BlasThreads(1):
        assert set(numbers()) == {1}
    assert numbers() == before
