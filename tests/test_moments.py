"""Moments of initial states against QuTiP operators on the whole density matrix."""

from itertools import permutations

import numpy as np
import pytest
import qutip
from systems import STATES

import collective as co
from collective.states import moments

UP, DOWN = qutip.basis(2, 0), qutip.basis(2, 1)
N = 4
LINE = co.couple(co.chain(N, 0.15), co.Vacuum())


def places(one, m, n=N):
    """An operator of emitter m alone."""
    return qutip.tensor([one if i == m else qutip.qeye(2) for i in range(n)])


def by_operators(state, couplings=LINE):
    """All moments by QuTiP, with zeros where emitters coincide."""
    n = len(couplings)
    rho = co.states.density_matrix(state, couplings)
    lower = [places(qutip.sigmam(), m, n) for m in range(n)]
    z = [places(qutip.sigmaz(), m, n) for m in range(n)]
    exchange, double, mixed, inversions = np.zeros((4, n, n), dtype=complex)
    hops, triples = np.zeros((2, n, n, n), dtype=complex)
    for a, b in permutations(range(n), 2):
        exchange[a, b] = qutip.expect(lower[a].dag() * lower[b], rho)
        double[a, b] = qutip.expect(lower[a] * lower[b], rho)
        mixed[a, b] = qutip.expect(z[a] * lower[b], rho)
        inversions[a, b] = qutip.expect(z[a] * z[b], rho)
    for a, b, c in permutations(range(n), 3):
        hops[a, b, c] = qutip.expect(z[a] * lower[b].dag() * lower[c], rho)
        triples[a, b, c] = qutip.expect(z[a] * z[b] * z[c], rho)
    pairs = {
        "lowered": [qutip.expect(a, rho) for a in lower],
        "inversion": [qutip.expect(a, rho) for a in z],
        "exchange": exchange,
        "double": double,
        "mixed": mixed,
        "inversions": inversions,
    }
    return pairs, hops, triples


def block_diagonal():
    """A mixture of kets of two numbers of excitations."""
    kets = [co.states.density_matrix(s, LINE) for s in (co.states.dicke(2), co.states.single(1))]
    return 0.3 * kets[0] + 0.7 * kets[1]


GIVEN = [
    *STATES.values(),
    co.states.dicke(1),
    co.states.dicke(3),
    co.states.mixed(0.3),
    qutip.rand_ket([2] * N, seed=3),
    qutip.rand_dm([2] * N, seed=4),
    block_diagonal(),
    qutip.tensor(UP, (UP + 1j * DOWN).unit(), DOWN, (2 * UP - DOWN).unit()),
]


@pytest.mark.parametrize(
    "state", GIVEN, ids=lambda s: str(s)[:30] if not hasattr(s, "full") else ""
)
@pytest.mark.parametrize("written_out", [False, True], ids=["closed form", "numbers"])
def test_moments_against_operators(state, written_out, monkeypatch):
    if written_out:  # the same without any closed form
        state = co.states.density_matrix(state, LINE)
        monkeypatch.setattr(moments, "uncorrelated", lambda *_: None)
    pairs, hops, triples = by_operators(state)
    found = moments.pair_moments(state, LINE)
    for name, wanted in pairs.items():
        np.testing.assert_allclose(getattr(found, name), wanted, atol=1e-14, err_msg=name)
    for given, wanted in zip(moments.triple_moments(state, LINE), (hops, triples), strict=True):
        np.testing.assert_allclose(given, wanted, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_moments_of_few_emitters(n):
    """Where there are no triples, or no pairs, they are zero."""
    couplings = co.couple(co.chain(n, 0.15), co.Vacuum())
    for state in (co.states.dicke(1), co.states.single(0), co.states.mixed(0.3), "inverted"):
        state = co.states.inverted() if state == "inverted" else state
        pairs, hops, triples = by_operators(state, couplings)
        found = moments.pair_moments(state, couplings)
        for name, wanted in pairs.items():
            np.testing.assert_allclose(getattr(found, name), wanted, atol=1e-14, err_msg=name)
        for given, wanted in zip(
            moments.triple_moments(state, couplings), (hops, triples), strict=True
        ):
            np.testing.assert_allclose(given, wanted, atol=1e-14)


def test_moments_of_many_emitters_are_closed_forms():
    n, k = 40, 13
    couplings = co.couple(co.chain(n, 0.2), co.Vacuum())
    found = moments.pair_moments(co.states.dicke(k), couplings)
    # ⟨J_z²⟩ = (k − N/2)² and ⟨J⁺J⁻⟩ = k(N − k + 1)
    total = n + found.inversions.sum()
    np.testing.assert_allclose(total, (2 * k - n) ** 2)
    np.testing.assert_allclose(k + found.exchange.sum(), k * (n - k + 1))
    hops, triples = moments.triple_moments(co.states.dicke(k), couplings)
    # the sum over all z_j without those of the pair: (2k − N) − 0 for each ⟨σ⁺_mσ⁻_n⟩
    np.testing.assert_allclose(hops.sum(axis=0), (2 * k - n) * found.exchange, atol=1e-13)
    z = 2 * k - n
    np.testing.assert_allclose(triples.sum(), z**3 - (3 * n - 2) * z)
    photon = co.states.timed_dicke((0, 0, 6.0))
    pairs = moments.pair_moments(photon, couplings)
    wanted = co.states.correlations(photon, couplings)
    np.testing.assert_allclose(pairs.exchange, wanted - np.diag(np.diagonal(wanted)), atol=1e-15)


@pytest.fixture
def cat():
    """A superposition of "all" and "none", which no closed form knows."""

    class Cat:
        def excitations(self, n):
            return None

        def symmetric(self, n):
            return True

        def amplitudes(self, excited, emitters=None):
            return (excited.all(axis=1) + 1j * ~excited.any(axis=1)) / np.sqrt(2)

    return Cat()


def test_states_that_need_all_numbers_have_none_for_many_emitters(cat):
    few, many = (co.couple(co.chain(n, 0.2), co.Vacuum()) for n in (3, 13))
    assert moments.uncorrelated(cat, 3) is None
    assert moments.pair_moments(cat, few).inversions[0, 1] == pytest.approx(1)
    assert moments.pair_moments(cat, many) is None
    assert moments.triple_moments(cat, many) is None
    ket = qutip.basis([2] * 13, [0] * 13)
    assert moments.uncorrelated(ket, 13) is None
    assert moments.pair_moments(ket, many) is None


def test_independent_emitters_are_found():
    one = (2 * UP - 1j * DOWN).unit()
    product = qutip.tensor(one, UP, one)
    s, z = moments.uncorrelated(product, 3)
    np.testing.assert_allclose(s, [0.4j, 0, 0.4j])
    np.testing.assert_allclose(z, [0.6, 1, 0.6])
    for independent in (qutip.ket2dm(product), qutip.tensor([0.5 * qutip.qeye(2)] * 3)):
        assert moments.uncorrelated(independent, 3) is not None
    weak = (qutip.tensor(DOWN, DOWN) + 1e-6 * qutip.tensor(UP, UP)).unit()  # has ⟨σ⁻σ⁻⟩ = 1e-6
    assert moments.uncorrelated(weak, 2) is None
    assert moments.uncorrelated(qutip.ket2dm(weak), 2) is None
    for correlated in (
        qutip.ket2dm(qutip.ghz_state(3)),
        qutip.ghz_state(3),
        0.5 * qutip.ket2dm(qutip.tensor([UP] * 3)) + 0.5 * qutip.ket2dm(qutip.tensor([DOWN] * 3)),
        co.states.dicke(1),
        co.states.single(2),
    ):
        assert moments.uncorrelated(correlated, 3) is None
    s, z = moments.uncorrelated(co.states.mixed([0.25, 1, 0]), 3)
    np.testing.assert_array_equal(s, 0)
    np.testing.assert_allclose(z, [-0.5, 1, -1])


def test_without_coherence():
    quiet = [co.states.inverted(), co.states.dicke(2), co.states.single(0), co.states.mixed(0.2)]
    quiet += [co.states.product([np.pi, 0, 0, np.pi]), qutip.basis([2] * 4, [0, 1, 1, 0])]
    assert all(moments.without_coherence(state, N) for state in [*quiet, block_diagonal()])
    other = [co.states.coherent(1e-3), qutip.ghz_state(4), qutip.rand_dm([2] * 4, seed=1)]
    assert not any(moments.without_coherence(state, N) for state in other)


@pytest.mark.slow
def test_moments_that_do_not_fit_are_refused():
    many = co.Couplings(np.eye(3000), np.zeros((3000, 3000)))
    with pytest.raises(co.ProblemTooLargeError, match="triples of 3000 emitters"):
        moments.triple_moments(co.states.inverted(), many)


@pytest.mark.slow
def test_whether_moments_are_known_is_told_without_computing_them():
    """Also for so many emitters that the moments themselves would not fit."""
    states = [co.states.inverted(), co.states.dicke(2), co.states.single(0), co.states.mixed(0.2)]
    states += [co.states.coherent(2.0), co.states.product(np.linspace(0, 1, 13))]
    many = co.Couplings(np.eye(13), np.zeros((13, 13)))
    for state in [*states, qutip.rand_ket([2] * 13, density=1e-3, seed=1)]:
        known = moments.pair_moments(state, many) is not None
        assert moments.moments_known(state, 13) == known
    assert moments.moments_known(qutip.rand_ket([2] * 4, seed=1), 4)
    assert moments.moments_known(co.states.dicke(3), 10**6)
