"""Operators made from bit tables leave QuTiP's settings alone."""

import multiprocessing
import threading

import pytest
import qutip

import collective as co
from collective._tools.operators import Untidied

CHAIN = co.couple(co.chain(3, 0.2), co.Vacuum())


def test_qutip_is_left_as_it_was():
    """The settings of QuTiP are kept, in several threads and with the settings of the user."""
    core = qutip.settings.core
    assert core["auto_tidyup"]
    inside, leave = threading.Barrier(2, timeout=10), threading.Event()

    def late():
        with Untidied():
            inside.wait()
            leave.wait(10)

    thread = threading.Thread(target=late)
    with Untidied():
        thread.start()
        inside.wait()
    assert not core["auto_tidyup"]  # the other thread is still at work
    leave.set()
    thread.join()
    assert core["auto_tidyup"]
    with qutip.CoreOptions(auto_tidyup=False):
        CHAIN.hamiltonian()
        assert not qutip.settings.core["auto_tidyup"]
    with pytest.raises(ValueError, match="inside"), Untidied():
        raise ValueError("inside")
    assert core["auto_tidyup"]


def is_as_before():
    assert qutip.settings.core["auto_tidyup"]
    with Untidied():
        assert not qutip.settings.core["auto_tidyup"]
    assert qutip.settings.core["auto_tidyup"]


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="the system has no fork"
)
def test_a_process_that_is_forked_while_another_thread_is_inside_begins_anew():
    inside, leave = threading.Barrier(2, timeout=10), threading.Event()

    def late():
        with Untidied():
            inside.wait()
            leave.wait(60)

    thread = threading.Thread(target=late)
    thread.start()
    inside.wait()
    child = multiprocessing.get_context("fork").Process(target=is_as_before)
    child.start()
    child.join(20)
    child.kill()  # if it waits for ever
    leave.set()
    thread.join()
    assert child.exitcode == 0
    assert qutip.settings.core["auto_tidyup"]
