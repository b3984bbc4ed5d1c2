"""Arguments of QuTiP's solvers: the error says what to give instead, and that gives the same."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import qutip

import collective as co
from collective.evolution import habits

ATOM = co.Couplings([[1.0]], [[0.0]], detunings=0.7, drive=0.9)
TIMES = np.linspace(0, 2, 5)
LOWER = qutip.sigmam()
RED = 0.7 * LOWER.dag() * LOWER + 0.45 * (LOWER + LOWER.dag())  # a laser below the atom
PAGE = Path(__file__).parents[2] / "docs" / "coming_from_qutip.md"


@pytest.mark.parametrize("name", habits.OF_EVOLVE)
def test_evolve_says_what_an_argument_of_qutip_is_called_here(name):
    with pytest.raises(TypeError, match=f"^evolve has no argument {name}: .*Coming from QuTiP"):
        co.evolve(ATOM, "ground", **{name: []})  # also where the times are missing


@pytest.mark.parametrize("name", habits.OF_VERSION_0_1)
def test_evolve_says_where_an_argument_of_the_first_version_went(name):
    with pytest.raises(TypeError, match=f"^evolve no longer has {name}: give method=co.engines"):
        co.evolve(ATOM, "ground", TIMES, **{name: 5})


@pytest.mark.parametrize("name", habits.OF_STEADY_STATE)
def test_steady_state_says_what_an_argument_of_qutip_is_called_here(name):
    with pytest.raises(TypeError, match=f"^steady_state has no argument {name}: "):
        co.steady_state(ATOM, **{name: []})


def test_too_many_arguments_by_position_are_explained():
    with pytest.raises(TypeError, match=r"couplings, state, times by position, got 5 arguments"):
        co.evolve(ATOM, "ground", TIMES, [LOWER], [LOWER])
    with pytest.raises(TypeError, match="couplings by position, got 2 arguments"):
        co.steady_state(ATOM, [LOWER])


def test_a_hamiltonian_of_qutip_belongs_to_a_master_equation():
    for wrong in (
        lambda: co.evolve(RED, "ground", TIMES),
        lambda: co.evolve(RED, qutip.basis(2, 1), TIMES, [LOWER], e_ops=[LOWER]),
        lambda: co.steady_state(RED, [LOWER]),
    ):
        with pytest.raises(TypeError, match=r"couplings first, not a Hamil.* co.MasterEquation\(H"):
            wrong()


def test_other_wrong_calls_have_the_message_of_python():
    with pytest.raises(TypeError, match="unexpected keyword argument 'observ'"):
        co.evolve(ATOM, "ground", TIMES, observ="states")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'times'"):
        co.evolve(ATOM, "ground")


def test_the_functions_keep_their_signatures_and_take_all_by_name():
    for function, known in (
        (co.evolve, habits.OF_EVOLVE),
        (co.steady_state, habits.OF_STEADY_STATE),
    ):
        parameters = inspect.signature(function).parameters
        assert next(iter(parameters)) == "couplings"
        assert len(parameters) >= 5
        assert not parameters.keys() & known.keys()
    found = co.evolve(times=TIMES, state="ground", couplings=ATOM)
    assert found == co.evolve(ATOM, "ground", TIMES)


def test_all_arguments_of_the_solvers_of_qutip_are_known_or_the_same():
    solvers = (qutip.mesolve, qutip.mcsolve, qutip.sesolve)
    theirs = {name for solver in solvers for name in inspect.signature(solver).parameters}
    rare = {"kwargs", "target_tol", "timeout", "_e_ops", "_options"}
    assert theirs - rare - {"state"} <= habits.OF_EVOLVE.keys()
    theirs = set(inspect.signature(qutip.steadystate).parameters)
    assert theirs - {"kwargs"} <= habits.OF_STEADY_STATE.keys()


def test_what_stands_in_the_messages_gives_what_qutip_gives():
    """tlist, e_ops, c_ops, H, rho0 of a driven atom, whose detuning has the sign of the page."""
    number = LOWER.dag() * LOWER
    ground = qutip.basis(2, 1)
    options = {"rtol": 1e-10, "atol": 1e-12, "store_states": True}
    theirs = qutip.mesolve(RED, ground, TIMES, [LOWER], e_ops=[number], options=options)
    for problem in (ATOM, co.MasterEquation(RED, [LOWER])):
        ours = co.evolve(
            problem, ground, TIMES, rtol=1e-10, observe=["states", {"n": number}], progress=False
        )
        np.testing.assert_allclose(ours.expect["n"], theirs.expect[0], atol=1e-8)
        np.testing.assert_allclose(ours.states[-1].full(), theirs.states[-1].full(), atol=1e-8)
    stationary = qutip.steadystate(RED, [LOWER])
    np.testing.assert_allclose(co.steady_state(ATOM).full(), stationary.full(), atol=1e-10)
    read = co.observables.moment(ATOM, stationary)
    np.testing.assert_allclose(read.populations, [[qutip.expect(number, stationary)]], atol=1e-10)


def test_a_drive_in_time_is_an_envelope():
    def pulse(t):
        return np.sin(t) ** 2

    drive = qutip.QobjEvo([0.7 * LOWER.dag() * LOWER, [0.45 * (LOWER + LOWER.dag()), pulse]])
    options = {"rtol": 1e-10, "atol": 1e-12}
    number = LOWER.dag() * LOWER
    theirs = qutip.mesolve(
        drive, qutip.basis(2, 1), TIMES, [LOWER], e_ops=[number], options=options
    )
    ours = co.evolve(ATOM, "ground", TIMES, envelope=pulse)
    np.testing.assert_allclose(ours.excitation, theirs.expect[0], atol=1e-6)


def test_every_argument_of_qutip_stands_in_the_table_of_the_page():
    table = "\n".join(line for line in PAGE.read_text().splitlines() if line.startswith("|"))
    named = set(re.findall(r"\w+", table))
    assert habits.OF_EVOLVE.keys() <= named
