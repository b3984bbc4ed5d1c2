import numpy as np
import pytest
import qutip
import reference
from hypothesis import given
from hypothesis import strategies as st

import collective as co
from collective.engines.request import checked_state, density_matrix

UP, DOWN = qutip.basis(2, 0), qutip.basis(2, 1)


def of(state, n, **options):
    couplings = co.Couplings(np.eye(n), np.zeros((n, n)), **options)
    return density_matrix(checked_state(state, couplings), couplings).full()


def projector(ket):
    return qutip.ket2dm(ket.unit()).full()


def test_states_against_tensor_products():
    np.testing.assert_array_equal(of("inverted", 3), projector(qutip.tensor(UP, UP, UP)))
    np.testing.assert_array_equal(of("ground", 2), projector(qutip.tensor(DOWN, DOWN)))
    np.testing.assert_array_equal(
        of(co.states.single(1), 3), projector(qutip.tensor(DOWN, UP, DOWN))
    )
    w = qutip.tensor(UP, UP, DOWN) + qutip.tensor(UP, DOWN, UP) + qutip.tensor(DOWN, UP, UP)
    np.testing.assert_allclose(of(co.states.dicke(2), 3), projector(w), atol=1e-15)
    one = np.cos(0.35) * DOWN + np.exp(0.2j) * np.sin(0.35) * UP
    np.testing.assert_allclose(
        of(co.states.coherent(0.7, 0.2), 3), projector(qutip.tensor(one, one, one)), atol=1e-15
    )
    np.testing.assert_allclose(of(co.states.coherent(np.pi), 2), of("inverted", 2), atol=1e-15)


def test_timed_dicke_carries_the_phases_of_the_photon():
    atoms = co.Emitters([[0, 0, 0], [0.3, 0.1, 0]])
    k = np.array([2.0, -1.0, 5.0])
    rho = of(co.states.timed_dicke(k), 2, emitters=atoms)
    phase = np.exp(1j * (2 * 0.3 - 0.1))
    expected = projector(qutip.tensor(UP, DOWN) + phase * qutip.tensor(DOWN, UP))
    np.testing.assert_allclose(rho, expected, atol=1e-15)


@pytest.mark.parametrize(
    ("state", "k"),
    [
        (co.states.inverted(), 4),
        (co.states.ground(), 0),
        (co.states.single(2), 1),
        (co.states.dicke(3), 3),
        (co.states.timed_dicke((1, 2, 3)), 1),
    ],
    ids=str,
)
def test_excitation_number(state, k):
    atoms = co.chain(4, 0.2)
    couplings = co.couple(atoms, co.Vacuum())
    rho = density_matrix(state, couplings)
    result = co.evolve(couplings, rho, [0.0])
    assert state.excitations(4) == k
    np.testing.assert_allclose(result.excitation, k, atol=1e-14)
    np.testing.assert_allclose(rho.tr(), 1)


def test_coherent_states_have_no_fixed_number():
    assert co.states.coherent(1.0).excitations(3) is None


def test_words_and_states_are_the_same():
    np.testing.assert_array_equal(of("inverted", 2), of(co.states.inverted(), 2))
    assert str(co.states.dicke(2)) == "dicke(2)"


@given(st.integers(1, 7), st.data())
def test_dicke_states_emit_by_the_ladder(n, data):
    """Γ_mn = 1: rate k(N−k+1) from k excitations."""
    k = data.draw(st.integers(0, n))
    couplings = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
    result = co.evolve(couplings, co.states.dicke(k), [0.0])
    np.testing.assert_allclose(result.emission, k * (n - k + 1), atol=1e-12)


def test_a_dark_state_stays():
    couplings = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)))
    singlet = (qutip.tensor(UP, DOWN) - qutip.tensor(DOWN, UP)).unit()
    result = co.evolve(couplings, singlet, [0.0, 50.0])
    np.testing.assert_allclose(result.emission, 0, atol=1e-12)
    np.testing.assert_allclose(result.excitation, 1, atol=1e-9)


@given(st.integers(0, 10**6))
def test_photon_statistics_of_inverted_emitters(seed):
    """g²(0) of all photons is 1 + (Var − 1)/N, Var of the eigenvalues of Γ; 1 − 1/N by emitter."""
    n = 4
    couplings = co.couple(co.cloud(n, 0.3, seed=seed), co.Vacuum())
    inverted = qutip.tensor([UP] * n)

    def g2(jumps):
        once = sum(qutip.expect(a.dag() * a, inverted) for a in jumps)
        twice = sum((b * a * inverted).norm() ** 2 for a in jumps for b in jumps)
        return twice / once**2

    variance = np.var(np.linalg.eigvalsh(couplings.decay))
    np.testing.assert_allclose(
        g2(couplings.collapse_operators()), 1 + (variance - 1) / n, atol=1e-10
    )
    alone = co.Couplings(np.eye(n), np.zeros((n, n)))
    np.testing.assert_allclose(g2(alone.collapse_operators()), 1 - 1 / n, atol=1e-12)
    dicke = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
    np.testing.assert_allclose(g2(dicke.collapse_operators()), 2 - 2 / n, atol=1e-12)
    # photons into one direction: one jump with the phases of that direction
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random(n))
    lowering = [qutip.Qobj(s, dims=[[2] * n, [2] * n]) for s in reference.lowering(n)]
    one_way = sum(phase * s for phase, s in zip(phases, lowering, strict=True))
    np.testing.assert_allclose(g2([one_way]), 2 - 2 / n, atol=1e-12)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("excited", "unknown state 'excited': use 'inverted', 'ground'"),
        (co.states.single(3), r"single\(3\) needs emitter 3, but there are 3"),
        (co.states.dicke(4), r"dicke\(4\) needs 4 emitters, but there are 3"),
        (co.states.timed_dicke((0, 0, 1)), "timed_dicke needs positions"),
        (qutip.basis(4, 0), r"shape \(8, 1\) or \(8, 8\); got ket \(4, 1\)"),
        (2 * qutip.basis([2] * 3, [0] * 3), "state must be normalised: its trace is 4"),
        (qutip.Qobj(np.diag([1.5, -0.5] + [0] * 6)), "state must be positive: smallest.*-0.5"),
        (qutip.Qobj(np.eye(8) / 8 + 0.1j * np.eye(8, k=1)), "Hermitian density matrix"),
        (qutip.Qobj(np.full((8, 1), np.nan)), "state must be finite"),
        (np.eye(8), "unknown state of type ndarray"),
        (None, "unknown state of type NoneType"),
        ((1 + 1e-6) ** 0.5 * qutip.basis([2] * 3, [0] * 3), "its trace is 1.000001"),
        (qutip.Qobj(np.diag([1 + 1e-6, -1e-6] + [0] * 6)), "smallest eigenvalue -1e-06"),
        (qutip.basis([2] * 3, [0] * 3).dag(), r"got bra \(1, 8\)"),
        (qutip.operator_to_vector(qutip.qeye([2] * 3) / 8), "got operator-ket"),
    ],
)
def test_bad_states(state, message):
    with pytest.raises(ValueError, match=message):
        co.evolve(co.Couplings(np.eye(3), np.zeros((3, 3))), state, [0, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: co.states.single(-1), "m must be at least 0, got -1"),
        (lambda: co.states.single(0.5), "m must be an integer"),
        (lambda: co.states.dicke(-1), "k must be at least 0"),
        (lambda: co.states.timed_dicke((1, 2)), "wavevector must have three components"),
        (lambda: co.states.coherent(np.nan), "theta must be finite"),
        (lambda: co.states.State("foo"), "unknown state 'foo' with 0 parameters"),
        (lambda: co.states.State("dicke"), "unknown state 'dicke' with 0 parameters"),
        (lambda: co.states.State([], ()), r"unknown state \[\] with 0 parameters"),
        (lambda: co.states.State("dicke", 1), "unknown state 'dicke' with 1 parameters"),
        (lambda: co.states.State("dicke", (1.9,)), "state 'dicke' must be an integer, got 1.9"),
        (lambda: co.states.State("dicke", (True,)), "must be an integer, got True"),
        (lambda: co.states.State("single", (-1,)), "state 'single' must be at least 0"),
        (lambda: co.states.State("single", ("a",)), "must be an integer, got 'a'"),
        (lambda: co.states.State("coherent", (np.nan, 0.0)), "parameters .* must be finite"),
        (lambda: co.states.State("timed_dicke", (0, 0, np.inf)), "parameters .* must be finite"),
        (lambda: co.states.dicke(3).excitations(2), "needs 3 emitters, but there are 2"),
        (lambda: co.states.single(2).excitations(2), "needs emitter 2, but there are 2"),
        (lambda: co.states.dicke(1).amplitudes(np.eye(2)), "excited must be truth values"),
        (
            lambda: co.states.timed_dicke((0, 0, 1)).amplitudes(
                np.eye(2, dtype=bool), co.chain(3, 0.1)
            ),
            "emitters must be 2 emitters",
        ),
    ],
)
def test_bad_recipes(make, message):
    with pytest.raises(ValueError, match=message):
        make()
