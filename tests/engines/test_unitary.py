"""Emitters that never decay: amplitudes that evolve by H alone."""

import time

import numpy as np
import pytest
import qutip
import reference
from random_systems import random_matrix
from scipy.sparse import csr_array
from scipy.sparse.linalg import expm_multiply

import collective as co
from collective.engines.blocks import unitary, unitary_size

UP, DOWN = qutip.basis(2, 0), qutip.basis(2, 1)


def undamped(n, seed, *, imaginary=False, **others):
    """Random exchange, Hermitian, without any decay."""
    shift = random_matrix(seed, n, real=not imaginary)
    return co.Couplings(np.zeros((n, n)), (shift + shift.conj().T) / 2, **others)


def evolve(couplings, state, times, **options):
    return co.evolve(couplings, state, times, method="blocks", progress=False, **options)


def schroedinger(couplings, ket, times):
    """⟨σ⁺_mσ⁻_n⟩ by QuTiP's sesolve."""
    options = {"rtol": 1e-12, "atol": 1e-14, "nsteps": 10**6, "method": "dop853"}
    kets = qutip.sesolve(couplings.hamiltonian(), ket, times, options=options).states
    return np.array([reference.correlations(psi.proj().full()) for psi in kets])


@pytest.mark.parametrize("imaginary", [False, True])
@pytest.mark.parametrize(
    ("state", "ket"),
    [
        (co.states.single(1), qutip.tensor(DOWN, UP, DOWN, DOWN)),
        (
            co.states.coherent(1.1, 0.4),
            reference.as_qobj(reference.product_ket(4, 1.1, 0.4)),
        ),
        (None, qutip.tensor(UP, DOWN, UP, (UP + 2j * DOWN).unit())),
    ],
)
def test_correlations_agree_with_the_schroedinger_equation(imaginary, state, ket):
    couplings = undamped(4, 3, imaginary=imaginary, detunings=[0.3, -1, 0, 2])
    times = np.array([0, 0.01, 0.7, 3.0])
    found = evolve(couplings, ket if state is None else state, times, observe="correlations")
    expected = schroedinger(couplings, ket, times)
    np.testing.assert_allclose(found.correlations, expected, atol=1e-9)
    np.testing.assert_allclose(
        found.populations, np.diagonal(expected, axis1=1, axis2=2).real, atol=1e-9
    )
    assert not np.any(found.emission)
    assert "never decays" in found.reason


def test_mixed_states_agree_with_exact():
    couplings = undamped(3, 5)
    rho = qutip.rand_dm([2] * 3, seed=1)
    times = np.linspace(0, 2, 4)
    exact = co.evolve(couplings, rho, times, method="exact", rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(
        evolve(couplings, rho, times).populations, exact.populations, atol=1e-9
    )


@pytest.mark.slow
def test_sixteen_sites_keep_excitation_and_energy():
    """Excitation, energy and reversibility are kept over some hundred radians of H."""
    n = 16
    shift = co.couple(co.chain(n, 0.2), co.Vacuum()).shift
    couplings = co.Couplings(np.zeros((n, n)), shift)
    staggered = reference.as_qobj(reference.ket(n, *range(1, n, 2)))
    times = np.linspace(0, 25, 26)
    assert co.methods(couplings, staggered, times).chosen in ("blocks", "driven")
    found = evolve(couplings, staggered, times, observe="correlations")
    assert found.diagnostics["applications"] > 100
    np.testing.assert_allclose(found.excitation, 8, atol=1e-11)
    energy = np.einsum("mn,tmn->t", shift, found.correlations).real
    np.testing.assert_allclose(energy, energy[0], atol=1e-10)
    # the mirror image of the state is its complement
    np.testing.assert_allclose(found.populations, 1 - found.populations[:, ::-1], atol=1e-11)
    # H → −H undoes the evolution, and so does a longer way in steps of other lengths
    direct = evolve(couplings, staggered, [0, 25.0])
    np.testing.assert_allclose(found.populations[-1], direct.populations[-1], atol=1e-10)


def test_a_nearest_neighbour_chain_agrees_with_free_fermions():
    """Jordan and Wigner: populations are sums of one-particle chances, N = 14 half filled."""
    n = 14
    hop = np.diag(np.ones(n - 1), 1)
    couplings = co.Couplings(np.zeros((n, n)), 0.7 * (hop + hop.T))
    filled = np.arange(0, n, 2)
    ket = reference.as_qobj(reference.ket(n, *filled))
    times = np.array([0, 1.0, 6.0, 40.0])
    modes, vectors = np.linalg.eigh(couplings.shift)
    expected = [
        np.sum(np.abs((vectors * np.exp(-1j * modes * t)) @ vectors.T)[:, filled] ** 2, axis=1)
        for t in times
    ]
    np.testing.assert_allclose(evolve(couplings, ket, times).populations, expected, atol=1e-11)


@pytest.mark.parametrize("largest_modes", [1500, 0])
def test_an_interrupted_run_continues(largest_modes, monkeypatch, tmp_path):
    """Evolved by eigenvectors, and by the series, which is interrupted between two terms."""
    monkeypatch.setattr(unitary, "AMPLITUDES_AT_ONCE", 60)  # three output times at once
    monkeypatch.setattr(unitary_size, "LARGEST_MODES", largest_modes)
    couplings, times, path = undamped(6, 9), np.linspace(0, 3, 12), tmp_path / "run.npz"
    state, options = co.states.dicke(3), {"observe": "correlations"}
    whole = evolve(couplings, state, times, **options)
    advance, calls = unitary.PureStates.advance, []

    def stop(self):
        calls.append(self._recorder.reached)
        if self._recorder.reached > 4 and calls.count(calls[-1]) > 1:
            raise KeyboardInterrupt
        return advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(unitary.PureStates, "advance", stop)
        partial = evolve(couplings, state, times, checkpoint=path, **options)
    assert not partial.complete
    assert len(partial.times) == 7
    again = evolve(couplings, state, times, checkpoint=path, **options)
    assert again.complete
    assert (again.diagnostics["applications"] > 0) == (largest_modes == 0)
    np.testing.assert_allclose(again.correlations, whole.correlations, atol=1e-12)


def test_populations_stay_without_exchange():
    alone = co.Couplings(np.zeros((9, 9)), np.diag(np.arange(9.0)))
    ket = reference.as_qobj(reference.ket(9, 0, 2, 5, 6))
    found = evolve(alone, ket, [0, 20.0], observe="correlations")
    np.testing.assert_allclose(found.populations[1], [1, 0, 1, 0, 0, 1, 1, 0, 0], atol=1e-12)
    still = co.Couplings(np.zeros((8, 8)), np.zeros((8, 8)))
    assert evolve(still, co.states.dicke(4), [0, 5.0]).populations[1] == pytest.approx(0.5)


def test_permutations_that_are_no_symmetries_are_refused():
    turned = co.engines.Blocks(symmetries=[[1, 2, 0]])
    with pytest.raises(ValueError, match="does not leave the couplings unchanged"):
        co.evolve(undamped(3, 1), "inverted", [0, 1.0], method=turned)


@pytest.mark.parametrize("imaginary", [False, True])
def test_eigenvectors_and_the_series_agree(imaginary, monkeypatch):
    couplings, times = undamped(8, 11, imaginary=imaginary), np.linspace(0, 60, 7)
    state, options = co.states.coherent(1.2, 0.3), {"observe": "correlations"}
    modes = evolve(couplings, state, times, **options)
    assert modes.diagnostics["applications"] == 0
    monkeypatch.setattr(unitary_size, "LARGEST_MODES", 0)
    series = evolve(couplings, state, times, **options)
    assert series.diagnostics["applications"] > 100
    np.testing.assert_allclose(modes.correlations, series.correlations, atol=1e-10)


@pytest.mark.parametrize("time", [1e6, 1e9])
def test_long_times_cost_no_more(time):
    """Two emitters exchange one excitation: cos²(Δt), known to the round-off of its phase."""
    pair = co.Couplings(np.zeros((2, 2)), [[0, 1.0], [1.0, 0]])
    found = evolve(pair, co.states.single(0), [0, time])
    bound = found.diagnostics["error_bound"]
    assert 1e-16 * time < bound < 1e-14 * time
    assert found.populations[1, 0] == pytest.approx(np.cos(time) ** 2, abs=bound)
    ten = undamped(10, 2)
    cost = co.methods(ten, co.states.dicke(5), [0, time]).costs["blocks"]
    assert cost.seconds < 0.2
    assert evolve(ten, co.states.dicke(5), [0, time]).excitation[1] == pytest.approx(5, abs=1e-9)


def test_phases_beyond_double_precision_are_refused():
    with pytest.raises(ValueError, match=r"span a phase of .* use shorter times"):
        evolve(undamped(4, 1), co.states.dicke(2), [0, 1e17])


def test_predicted_seconds_of_the_series_grow_with_the_phase():
    """3,432 amplitudes and long times: the cost follows the phase, in seconds."""
    hop = np.diag(np.ones(13), 1)
    chain = co.Couplings(np.zeros((14, 14)), hop + hop.T)
    costs = [
        co.methods(chain, co.states.dicke(7), [0, time]).costs["blocks"].seconds
        for time in (1e3, 1e6, 1e9)
    ]
    assert 900 < costs[1] / costs[0] < 1100
    assert costs[2] > 86400
    with pytest.raises(ValueError, match="would take"):
        co.evolve(chain, co.states.dicke(7), [0, 1e9])


def xy_ring(n):
    """Neighbours on a ring exchange excitations at rate 1; every second emitter is excited."""
    shift = np.zeros((n, n))
    sites = np.arange(n)
    shift[sites, (sites + 1) % n] = 1.0
    return co.Couplings(np.zeros((n, n)), shift + shift.T), co.states.mixed([1, 0] * (n // 2))


def test_a_configuration_given_as_certain_populations_is_one_vector():
    ring, neel = xy_ring(8)
    table = co.methods(ring, neel, [0, 3.0])
    assert "70 amplitudes" in table.costs["blocks"].work
    found = co.evolve(ring, neel, [0, 3.0], method="blocks", observe="correlations")
    angles = co.states.product(np.pi * np.array([1, 0] * 4))
    wanted = co.evolve(ring, angles, [0, 3.0], method="exact", observe="correlations")
    np.testing.assert_allclose(found.correlations, wanted.correlations, atol=1e-7)


@pytest.mark.slow
def test_sixteen_sites_of_a_closed_chain_against_a_sparse_exponential():
    """The Néel state of 16 sites up to t = 3: C(16, 8) amplitudes by a Hamiltonian made here."""
    n, times = 16, np.linspace(0, 3, 7)
    ring, neel = xy_ring(n)
    begin = time.process_time()
    found = co.evolve(ring, neel, times, progress=False)
    assert time.process_time() - begin < 10
    assert found.method == "blocks"
    states = [c for c in range(2**n) if c.bit_count() == n // 2]
    place = {c: i for i, c in enumerate(states)}
    hops = [
        (place[c ^ (1 << m) ^ (1 << (m + 1) % n)], place[c])
        for c in states
        for m in range(n)
        if (c >> m & 1) != (c >> (m + 1) % n & 1)
    ]
    rows, columns = np.transpose(hops)
    H = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(states),) * 2)
    start = np.zeros(len(states), dtype=complex)
    start[place[sum(1 << m for m in range(0, n, 2))]] = 1
    kets = expm_multiply(-1j * H, start, times[0], times[-1], len(times))
    up = np.array([[c >> m & 1 for m in range(n)] for c in states])
    np.testing.assert_allclose(found.populations, np.abs(kets) ** 2 @ up, atol=1e-9)
