"""Light of emitters that nothing excites, by number of excitations."""

import time

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import collective as co
from collective.observables import _falling, g1, g2, spectrum

TAU, OMEGA = np.array([0, 0.1, 1.0, 5.0]), np.array([-2.0, 0.0, 0.5])


def seen(couplings, state, direction=None):
    """Everything that is computed by number of excitations; g2 needs a second photon."""
    yield g1(couplings, TAU, state=state, direction=direction)
    yield g2(couplings, TAU, state=state, directions=direction)
    light = spectrum(couplings, OMEGA, state=state, direction=direction)
    yield np.array([light.total, *light.values])


@pytest.mark.parametrize("direction", [None, pytest.param((1.0, 0.2, 0.3), marks=pytest.mark.slow)])
@pytest.mark.parametrize("dephasing", [0.0, pytest.param(0.3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("state", [
    "inverted", co.states.dicke(2), co.states.coherent(1.1, 0.4), co.states.single(0),
    co.states.mixed([0.3, 0.5, 0.9]), co.states.timed_dicke([0, 0, 3.0]),
], ids=str)  # fmt: skip
def test_against_the_whole_liouvillian(state, dephasing, direction, monkeypatch):
    ring = co.couple(co.ring(3, 0.2, dipoles=[1, 1j, 0.3]), co.Vacuum())
    couplings = ring.replace(detunings=[0, 0.3, 0.7], dephasing=dephasing)
    monkeypatch.setattr(_falling, "_FEW", 0)
    blocks = list(seen(couplings, state, direction))
    monkeypatch.setattr(_falling, "possible", lambda *_: False)
    for one, other in zip(blocks, seen(couplings, state, direction), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("state", [co.states.single(1), co.states.from_amplitudes([0.6, 0.8j, 0])])
def test_spectrum_of_one_dephased_excitation(state, monkeypatch):
    ring = co.couple(co.ring(3, 0.2, dipoles=[1, 1j, 0.3]), co.Vacuum())
    couplings = ring.replace(detunings=[0, 0.3, 0.7], dephasing=[0.4, 0.0, 2.0])
    for direction in (None, (1.0, 0.2, 0.3)):
        whole = spectrum(couplings, OMEGA, state=state, direction=direction)
        with monkeypatch.context() as patch:
            patch.setattr(_falling, "_FEW", 0)
            found = spectrum(couplings, OMEGA, state=state, direction=direction)
        np.testing.assert_allclose(found.values, whole.values, rtol=1e-9)
        assert found.total == pytest.approx(whole.total, rel=1e-9)


def test_dephased_emitter_that_never_decays():
    couplings = co.Couplings(np.diag([*np.ones(6), 0.0]), np.zeros((7, 7)), dephasing=0.2)
    found = spectrum(couplings, [0.0, 0.5], state=co.states.single(0))
    width = 1 / 2 + 0.2  # a Lorentzian
    np.testing.assert_allclose(
        found.values, width / np.pi / (np.array([0, 0.25]) + width**2), rtol=1e-12
    )
    with pytest.raises(ValueError, match="1 of 1 photons are missing"):
        spectrum(couplings, [0.0], state=co.states.single(6))


def test_dephasing_leaves_the_light_of_one_excitation():
    """One photon never meets a second one, however fast its phase is lost."""
    chain = co.couple(co.chain(3, 0.3), co.Vacuum()).replace(dephasing=50.0)
    np.testing.assert_array_equal(g2(chain, [0, 3.0], state=co.states.single(0)), 0)
    with pytest.raises(ValueError, match="g2 at a delay of 99: there is no light"):
        g2(chain, [0, 99.0], state=co.states.single(0))


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 4), st.integers(0, 4), st.integers(0, 2**16))
def test_the_generator_is_that_of_qutip(n, highest, seed):
    """Blocks of the Liouvillian between chosen numbers of excitations, for random couplings."""
    highest, rng = min(highest, n), np.random.default_rng(seed)
    root = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    shift = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    couplings = co.Couplings(
        root @ root.conj().T, shift + shift.conj().T, dephasing=rng.uniform(0, 1, n)
    )
    falling = _falling.Falling(couplings, highest)
    for q in (0, 1):
        shapes = falling.shapes(q)
        blocks = [rng.normal(size=s) + 1j * rng.normal(size=s) for s in shapes]
        if not blocks:
            continue
        whole = np.zeros((2**n, 2**n), dtype=complex)
        places = [qutip_places(n, k) for k in range(highest + 1)]
        for k, block in enumerate(blocks, start=q):
            whole[np.ix_(places[k], places[k - q])] = block
        slope = qutip.vector_to_operator(
            couplings.liouvillian() * qutip.operator_to_vector(
                qutip.Qobj(whole, dims=[[2] * n] * 2)
            )
        ).full()  # fmt: skip
        expected = [slope[np.ix_(places[k], places[k - q])] for k in range(q, highest + 1)]
        mine = falling.generator(q) @ np.concatenate([block.ravel() for block in blocks])
        np.testing.assert_allclose(mine, np.concatenate([x.ravel() for x in expected]), atol=1e-10)


def qutip_places(n, k):
    """Indices in QuTiP's basis of the configurations of k excitations, in ascending order."""
    configurations = [c for c in range(2**n) if c.bit_count() == k]
    return [sum((1 - (c >> m & 1)) << (n - 1 - m) for m in range(n)) for c in configurations]


@pytest.mark.slow
def test_two_groups_that_do_not_couple():
    """Eight emitters in two groups of four: twice the light of one group, which has all of ρ."""
    four = co.couple(co.chain(4, 0.3), co.Vacuum())
    decay, shift = (np.kron(np.eye(2), x) for x in (four.decay, four.shift))
    eight, tau = co.Couplings(decay, shift), np.array([0, 0.4, 1.5])
    some, all_ = co.states.mixed([1, 0, 1, 1]), co.states.mixed([1, 0, 1, 1] * 2)
    np.testing.assert_allclose(g1(eight, tau, state=all_), g1(four, tau, state=some), atol=1e-9)
    light, twice = spectrum(four, OMEGA, state=some), spectrum(eight, OMEGA, state=all_)
    np.testing.assert_allclose(twice.values, 2 * light.values, rtol=1e-8)
    assert twice.total == pytest.approx(6, rel=1e-9)
    # the second photon comes from the same group, or from the other one
    pairs = 0.5 * g2(four, tau, state=some) + 0.5
    np.testing.assert_allclose(g2(eight, tau, state=all_), pairs, rtol=1e-8)


def test_one_excitation_of_a_hundred_emitters():
    """A mode is a Lorentzian of its own width; a second photon never comes."""
    chain = co.couple(co.chain(100, 0.3), co.Vacuum())
    modes = chain.modes()
    state, width, centre = modes.state(0), modes.rates[0], modes.shifts[0]
    omega = centre + np.array([0, 0.5, 1.7])
    light = spectrum(chain, omega, state=state)
    line = width / (2 * np.pi) / ((omega - centre) ** 2 + width**2 / 4)
    np.testing.assert_allclose(light.values, line, rtol=1e-8)
    assert light.total == pytest.approx(1, rel=1e-10)
    later = g1(chain, [0, 0.4], state=state)[1]
    assert later == pytest.approx(np.exp(-0.4j * modes.eigenvalues[0]), rel=1e-9)
    np.testing.assert_array_equal(g2(chain, [0, 0.4], state=state), [0, 0])


def test_dark_states_keep_their_excitation():
    """Seven emitters at one place: one of them excited emits 1/7 of a photon."""
    seven = co.Couplings(np.ones((7, 7)), np.diag([0.0] * 7))
    found = _falling.spectrum(seven, np.ones((7, 7)), OMEGA, co.states.single(2))
    assert found[1] == pytest.approx(1 / 7, rel=1e-10)
    with pytest.raises(ValueError, match=r"photons are missing.*at most six"):
        _falling.spectrum(seven, np.ones((7, 7)), OMEGA, co.states.mixed([1, 1, 0, 0, 0, 0, 0]))


def test_too_many_numbers_are_refused_at_once():
    forty = co.couple(co.chain(40, 0.3), co.Vacuum())
    begin = time.process_time()
    for call in (g1, g2, spectrum):
        with pytest.raises(MemoryError, match="of 40 emitters with up to 40 excitations"):
            call(forty, [0.0], state="inverted")
    assert time.process_time() - begin < 2
    with pytest.raises(ValueError, match="there is no light"):
        g1(forty, [0.0], state="ground")


@pytest.mark.slow
def test_four_hundred_emitters():
    chain = co.couple(co.chain(400, 0.3), co.Vacuum())
    found = spectrum(chain, OMEGA, state=co.states.single(170))
    assert found.total == pytest.approx(1, rel=1e-9)
    h = chain.effective_hamiltonian()
    for omega, value in zip(OMEGA, found.values, strict=True):
        c = np.linalg.solve(h - omega * np.eye(400), np.eye(400)[170])
        assert value == pytest.approx((c.conj() @ chain.decay @ c).real / 2 / np.pi, rel=1e-8)
