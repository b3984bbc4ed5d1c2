"""Limits of the threads of BLAS that overlap in several threads."""

import multiprocessing
import subprocess
import sys
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


def set_by_a_thread(n):
    """Set every BLAS, and leave no thread that `threadpoolctl` takes for the one that may do so."""
    thread = threading.Thread(target=threadpoolctl.threadpool_limits, args=(n, "blas"))
    thread.start()
    thread.join()


@pytest.fixture(params=[1, 3], autouse=True)
def before(request):
    """The number before each test: that of the contexts, or a larger one."""
    original = numbers()[0]
    set_by_a_thread(request.param)
    found = numbers()
    assert set(found) == {request.param}
    yield found
    assert numbers() == found
    assert BlasThreads._open == []
    assert BlasThreads._keeper is None
    set_by_a_thread(original)


@pytest.mark.parametrize("limits", [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("order", sorted(set(permutations(["a", "a", "b", "b"]))))
def test_the_last_context_restores_what_was_before_the_first(limits, order, before):
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
                assert set(numbers()) == {min(inside.values())}
    assert numbers() == before


def fails():
    with BlasThreads(2), BlasThreads(1):
        assert set(numbers()) == {1}
        raise ZeroDivisionError


def test_a_context_in_a_context_and_an_error_leave_nothing_behind():
    with pytest.raises(ZeroDivisionError):
        fails()


def test_ctrl_c_while_the_limit_is_set_leaves_nothing_behind(monkeypatch):
    from collective._tools import blas

    class Interrupted(blas.Event):
        def wait(self, timeout=None):
            super().wait(timeout)
            if threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt

    monkeypatch.setattr(blas, "Event", Interrupted)
    with pytest.raises(KeyboardInterrupt), BlasThreads(2):
        pass
    monkeypatch.undo()


def test_without_a_further_thread_nothing_fails(monkeypatch, before):
    from collective._tools import blas

    def refused(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(blas.Thread, "start", refused)
        with BlasThreads(2):
            assert set(numbers()) == {2}
        assert numbers() == before


def test_a_thread_is_started_only_to_change_the_number(before):
    alone = threading.active_count()
    with BlasThreads(before[0]):
        assert threading.active_count() == alone
        with BlasThreads(2):  # the smaller one holds
            assert threading.active_count() == alone + (before[0] > 2)
    with BlasThreads(2):
        assert threading.active_count() == alone + 1
    assert threading.active_count() == alone


def test_a_number_that_the_user_limits_comes_back():
    with threadpoolctl.threadpool_limits(2, "blas"):
        with BlasThreads(1):
            assert set(numbers()) == {1}
        assert set(numbers()) == {2}


def limited_in_a_child():
    with BlasThreads(2):
        assert set(numbers()) == {2}


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="the system has no fork"
)
def test_a_process_can_limit_that_is_forked_while_other_threads_do():
    over = threading.Event()

    def limits():
        while not over.is_set():
            with BlasThreads(1):
                pass

    with ThreadPoolExecutor(2) as others:
        for _ in range(2):
            others.submit(limits)
        for _ in range(5):
            child = multiprocessing.get_context("fork").Process(target=limited_in_a_child)
            child.start()
            child.join(20)
            child.kill()  # if it waits for ever
            if child.exitcode != 0:
                break
        over.set()
    assert child.exitcode == 0


def test_a_library_that_is_loaded_within_a_context_is_limited_by_the_next():
    code = (
        "import numpy, threadpoolctl\n"
        "from collective._tools.blas import BlasThreads\n"
        "def numbers():\n"
        "    found = threadpoolctl.threadpool_info()\n"
        "    return [each['num_threads'] for each in found if each['user_api'] == 'blas']\n"
        "with BlasThreads(2):\n"
        "    import scipy.linalg\n"
        "    with BlasThreads(2):\n"
        "        assert set(numbers()) == {2}, numbers()\n"
        "    assert set(numbers()) == {2}, numbers()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
