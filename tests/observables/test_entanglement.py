import numpy as np
import pytest
import qutip
import reference
from random_systems import random_state

import collective as co
from collective.observables.entanglement import (
    concurrence,
    entropy,
    negativity,
    purity,
)
from collective.observables.excitations import excitation_distribution
from collective.observables.spin_squeezing import squeezing

TIMES = np.linspace(0, 3, 13)
DARK = qutip.Qobj(np.array([0, 1, -1, 0]) / np.sqrt(2), dims=[[2, 2], [1, 1]])


def still(state, n):
    """A result with one state of n emitters, at time zero and without any rates."""
    nothing = co.Couplings(np.zeros((n, n)), np.zeros((n, n)))
    return co.observables.moment(nothing, state, states=True)


@pytest.fixture(scope="module")
def chain():
    return co.couple(co.chain(3, 0.15), co.Vacuum())


# concurrence


def test_dark_state_of_two_emitters_stays_maximally_entangled():
    pair = co.Couplings(np.ones((2, 2)), [[0, 3.0], [3.0, 0]])
    result = co.evolve(pair, DARK, TIMES, observe="states")
    np.testing.assert_allclose(concurrence(result, 0, 1), 1, atol=1e-9)
    np.testing.assert_allclose(concurrence(result, 1, 0), 1, atol=1e-9)
    np.testing.assert_allclose(negativity(result, [1]), 0.5, atol=1e-9)


def test_concurrence_of_dark_and_bright_states_decays_at_their_rates():
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    for sign in (1, -1):
        ket = qutip.Qobj(np.array([0, 1, sign, 0]) / np.sqrt(2), dims=[[2, 2], [1, 1]])
        found = concurrence(co.evolve(pair, ket, TIMES, observe="states"), 0, 1)
        rate = 1 + sign * 0.9226968484
        np.testing.assert_allclose(found, np.exp(-rate * TIMES), atol=1e-8)


@pytest.mark.parametrize("p", [0, 0.2, 1 / 3, 0.5, 1])
def test_werner_states(p):
    dark = DARK.proj().full()
    result = still(reference.as_qobj(p * dark + (1 - p) * np.eye(4) / 4), 2)
    assert concurrence(result, 0, 1)[0] == pytest.approx(max(0, (3 * p - 1) / 2), abs=1e-9)
    assert negativity(result, [0])[0] == pytest.approx(max(0, (3 * p - 1) / 4), abs=1e-9)
    assert purity(result)[0] == pytest.approx((1 + 3 * p**2) / 4)


def test_bell_diagonal_states():
    weights = np.array([0.62, 0.2, 0.15, 0.03])
    rho = sum(
        w * qutip.bell_state(b).proj()
        for w, b in zip(weights, ["00", "01", "10", "11"], strict=True)
    )
    result = still(rho, 2)
    assert concurrence(result, 0, 1)[0] == pytest.approx(2 * 0.62 - 1)
    assert entropy(result)[0] == pytest.approx(-(weights * np.log(weights)).sum())


def test_x_state_of_a_decaying_pair():
    """A mixture of the inverted and the dark state keeps the X form: 2 max(0, |c| − √(ρ_ee ρ_gg))."""
    pair = co.couple(co.chain(2, 0.08), co.Vacuum())
    state = 0.2 * qutip.ket2dm(qutip.basis([2, 2], [0, 0])) + 0.8 * DARK.proj()
    result = co.evolve(pair, state, TIMES, observe=("states", "correlations"))
    g = pair.decay[0, 1]
    ee = 0.2 * np.exp(-2 * TIMES)
    plus = 0.2 * (1 + g) / (1 - g) * (np.exp(-(1 + g) * TIMES) - np.exp(-2 * TIMES))
    minus = 0.2 * (1 - g) / (1 + g) * (np.exp(-(1 - g) * TIMES) - np.exp(-2 * TIMES))
    minus += 0.8 * np.exp(-(1 - g) * TIMES)
    closed = np.abs(plus - minus) - 2 * np.sqrt(ee * (1 - ee - plus - minus))
    np.testing.assert_allclose(concurrence(result, 0, 1), np.maximum(closed, 0), atol=1e-6)
    assert concurrence(result, 0, 1)[-1] > 0.5
    with pytest.raises(ValueError, match="needs states"):
        concurrence(result.replace(states=None), 0, 1)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_against_qutip(rank):
    rho = reference.as_qobj(random_state(rank, 3, rank))
    result = still(rho, 3)
    for m, n in ((0, 1), (0, 2), (2, 1)):
        wanted = qutip.concurrence(rho.ptrace([m, n]))
        assert concurrence(result, m, n)[0] == pytest.approx(wanted, abs=1e-7)
    transposed = qutip.partial_transpose(rho, [0, 1, 0]).eigenenergies()
    assert negativity(result, [1])[0] == pytest.approx((np.abs(transposed).sum() - 1) / 2)
    np.testing.assert_allclose(negativity(result, [0, 2]), negativity(result, [1]))
    assert entropy(result)[0] == pytest.approx(qutip.entropy_vn(rho), abs=1e-10)
    kept = rho.ptrace([0, 2])
    assert entropy(result, emitters=[2, 0])[0] == pytest.approx(qutip.entropy_vn(kept))
    assert purity(result, emitters=[2, 0])[0] == pytest.approx(kept.purity())


def test_w_and_ghz_states():
    n = 5
    w = still(co.states.dicke(1), n)
    assert concurrence(w, 1, 4)[0] == pytest.approx(2 / n)
    for size in (1, 2):  # one of two Schmidt coefficients is √(size/N)
        p = size / n
        assert negativity(w, range(size))[0] == pytest.approx(np.sqrt(p * (1 - p)))
        wanted = -p * np.log(p) - (1 - p) * np.log(1 - p)
        assert entropy(w, emitters=range(size))[0] == pytest.approx(wanted)
    ghz = still(qutip.ghz_state(4), 4)
    assert concurrence(ghz, 0, 3)[0] == pytest.approx(0, abs=1e-9)
    assert negativity(ghz, [0, 2])[0] == pytest.approx(0.5)


def test_separable_and_mixed_states():
    product = still(co.states.coherent(1.2, 0.3), 3)
    for values in (concurrence(product, 0, 1), negativity(product, [0]), entropy(product)):
        assert 0 <= values[0] < 1e-7
    mixed = still(reference.as_qobj(np.eye(8) / 8), 3)
    assert purity(mixed)[0] == pytest.approx(1 / 8)
    assert entropy(mixed)[0] == pytest.approx(3 * np.log(2))
    assert negativity(mixed, [2])[0] == pytest.approx(0)


def test_concurrence_agrees_between_engines(chain):
    state = co.states.single(0)
    wanted = concurrence(co.evolve(chain, state, TIMES, method="exact", observe="states"), 0, 2)
    driven = co.evolve(chain, state, TIMES, method="driven", observe="states")
    np.testing.assert_allclose(concurrence(driven, 0, 2), wanted, atol=1e-5)
    for method in ("exact", "blocks", "single", "driven"):
        result = co.evolve(chain, state, TIMES, method=method, observe="correlations")
        np.testing.assert_allclose(concurrence(result, 0, 2), wanted, atol=1e-6)
    sampled = co.evolve(
        chain,
        state,
        TIMES,
        method=co.engines.Trajectories(n=900),
        seed=3,
        observe="correlations",
    )
    np.testing.assert_allclose(concurrence(sampled, 0, 2), wanted, atol=4 / np.sqrt(900))
    populations, _ = reference.one_excitation(
        chain.decay, chain.shift, chain.detunings, np.array([1, 0, 0]), TIMES
    )
    np.testing.assert_allclose(
        wanted, 2 * np.sqrt(populations[:, 0] * populations[:, 2]), atol=1e-6
    )
    assert wanted.max() > 0.1


def test_superposition_of_one_excitation_and_the_ground_state():
    """Coherences with the ground state do not change the concurrence, with any engine."""
    ket = np.zeros(8, complex)
    ket[[3, 5, 7]] = 0.6, 0.48j, 0.64
    state = qutip.Qobj(ket, dims=[[2] * 3, [1] * 3])
    result = still(state, 3)
    single = co.evolve(result.couplings, state, [0.0], method="single", observe="correlations")
    assert concurrence(result, 0, 1)[0] == pytest.approx(2 * 0.6 * 0.48)
    assert concurrence(single, 0, 1)[0] == pytest.approx(2 * 0.6 * 0.48)


def test_concurrence_error_names_what_is_missing(chain):
    inverted = co.evolve(chain, "inverted", TIMES, method="blocks", observe="correlations")
    with pytest.raises(ValueError, match=r"needs states: .*'blocks' and started in inverted"):
        concurrence(inverted, 0, 1)
    pumped = co.evolve(
        chain.replace(pump=0.1), co.states.single(0), TIMES, method="driven", observe="correlations"
    )
    with pytest.raises(ValueError, match="needs states"):
        concurrence(pumped, 0, 1)
    bare = co.evolve(chain, co.states.single(0), TIMES)
    with pytest.raises(ValueError, match=r"observe=\('correlations',\) is enough"):
        concurrence(bare, 0, 1)
    for of in (lambda r: negativity(r, [0]), purity, entropy, squeezing):
        with pytest.raises(ValueError, match="needs states"):
            of(bare)
    with pytest.raises(TypeError, match="result must be Result"):
        concurrence(chain, 0, 1)


def test_bad_indices():
    result = still("inverted", 3)
    for bad, message in (
        ((1, 1), "two different emitters, both are 1"),
        ((0, 3), "n must be below 3"),
        ((-1, 0), "m must be at least 0"),
        ((0.5, 1), "m must be an integer"),
        ((False, True), "m must be an integer, got False"),
    ):
        with pytest.raises(ValueError, match=message):
            concurrence(result, *bad)
    for bad, message in (
        (np.array(1), "must be a list of indices"),
        ([True, False], r"emitters\[0\] must be an integer, got True"),
        (np.array([False]), r"emitters\[0\] must be an integer"),
        ([], "emitters is empty"),
        ([0, 1, 2], "these are all 3 emitters"),
        ([0, 0], "must be different"),
        ([3], r"emitters\[0\] must be below 3"),
        ([1.0], r"emitters\[0\] must be an integer"),
        (1, "must be a list of indices"),
        ("01", "must be a list of indices"),
    ):
        with pytest.raises(ValueError, match=message):
            negativity(result, bad)
    with pytest.raises(ValueError, match="must be a list of indices"):
        purity(result, emitters=np.array(1))
    with pytest.raises(ValueError, match="must be different"):
        entropy(result, emitters=[1, 1])
    with pytest.raises(ValueError, match="definition must be one of"):
        squeezing(result, definition="best")


def test_multilevel_emitters():
    spins = co.Multilevel.from_emitters(co.chain(2, 0.1, frequency=100.0))
    equation = co.master_equation(spins, co.Vacuum())
    result = co.evolve(equation, DARK, [0, 1.0], observe="states")
    assert concurrence(result, 0, 1)[0] == pytest.approx(1)
    with pytest.raises(ValueError, match="concurrence needs states") as caught:
        concurrence(result.replace(states=None), 0, 1)
    assert "correlations" not in str(caught.value)
    assert purity(result)[0] == pytest.approx(1)
    with pytest.raises(ValueError, match="two-level emitters evolved from Couplings"):
        squeezing(result)
    three = co.MasterEquation(qutip.tensor(qutip.qeye(3), qutip.qeye(2)))
    state = qutip.tensor(qutip.basis(3, 0), qutip.basis(2, 0))
    state = (state + qutip.tensor(qutip.basis(3, 2), qutip.basis(2, 1))).unit()
    larger = co.observables.moment(three, state)
    assert negativity(larger, [0])[0] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="emitter m = 0 has 3 levels"):
        concurrence(larger, 0, 1)


# spin squeezing


@pytest.mark.parametrize("definition", ["wineland", "kitagawa-ueda"])
def test_coherent_spin_states_are_not_squeezed(definition):
    for theta, phi in ((1.1, 0.4), (np.pi, 0), (0.3, -2.0)):
        result = still(co.states.coherent(theta, phi), 4)
        assert squeezing(result, definition=definition)[0] == pytest.approx(1)


@pytest.mark.parametrize("mu", [0.05, 0.3, 0.9])
def test_one_axis_twisting(mu):
    """Against the closed form of Kitagawa & Ueda."""
    n = 6
    counts = np.array([bin(~i & (2**n - 1)).count("1") for i in range(2**n)])
    m = counts - n / 2
    ket = np.exp(-0.5j * mu * m**2) / 2 ** (n / 2)
    result = still(qutip.Qobj(ket, dims=[[2] * n, [1] * n]), n)
    a = 1 - np.cos(mu) ** (n - 2)
    b = 4 * np.sin(mu / 2) * np.cos(mu / 2) ** (n - 2)
    wanted = 1 + (n - 1) / 4 * (a - np.hypot(a, b))
    assert squeezing(result, definition="kitagawa-ueda")[0] == pytest.approx(wanted)
    contrast = np.cos(mu / 2) ** (n - 1)
    assert squeezing(result)[0] == pytest.approx(wanted / contrast**2)
    assert wanted < 1


def test_squeezing_without_mean_spin_is_infinite():
    result = still(co.states.dicke(2), 4)
    assert squeezing(result)[0] == np.inf
    assert squeezing(result, definition="kitagawa-ueda")[0] == np.inf


def test_mean_spin_below_the_numerical_error_counts_as_zero():
    """A mean spin ⟨J⟩ below the rtol of the evolution has no direction."""
    dicke = np.array([0, 1, 1, 0]) / np.sqrt(2)
    state = qutip.Qobj(dicke + 5e-9 * np.array([1, 0, 0, 1]), dims=[[2, 2], [1, 1]]).unit()
    assert squeezing(still(state, 2))[0] == np.inf


def test_zeros_are_not_negative():
    result = still("inverted", 3)
    assert not np.signbit(negativity(result, [0])).any()
    dicke = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)))
    sampled = co.evolve(dicke, "inverted", [0.0, 1.0], method=co.engines.Trajectories(n=5), seed=1)
    assert not np.signbit(excitation_distribution(sampled)).any()


# the number of excitations


def test_distribution_of_the_dicke_ladder():
    """Against the rates k(N−k+1) of the ladder, from states and from jumps."""
    from scipy.linalg import expm

    n = 4
    k = np.arange(n + 1)
    rates = k * (n - k + 1.0)
    ladder = np.diag(-rates) + np.diag(rates[1:], 1)
    wanted = np.array([expm(ladder * t)[:, n] for t in TIMES])
    dicke = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
    for method in ("exact", "driven"):
        result = co.evolve(dicke, "inverted", TIMES, method=method, observe="states")
        np.testing.assert_allclose(excitation_distribution(result), wanted, atol=1e-7)
    sampled = co.evolve(dicke, "inverted", TIMES, method=co.engines.Trajectories(n=2000), seed=1)
    found = excitation_distribution(sampled)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found @ k, sampled.excitation, atol=1e-9)
    error = np.sqrt(wanted * (1 - wanted) / 2000)
    assert np.all(np.abs(found - wanted) < 4.5 * error + 1e-3)


def test_distribution_of_few_excitations(chain):
    state = co.states.dicke(2)
    exact = co.evolve(chain, state, TIMES, method="exact", observe="states")
    sampled = co.evolve(chain, state, TIMES, method=co.engines.Trajectories(n=1500), seed=2)
    found, wanted = excitation_distribution(sampled), excitation_distribution(exact)
    np.testing.assert_array_equal(found[:, 3], 0)
    np.testing.assert_allclose(found, wanted, atol=4.5 * 0.5 / np.sqrt(1500))
    single = co.evolve(chain, co.states.single(1), TIMES, method="single")
    full = co.evolve(chain, co.states.single(1), TIMES, method="exact", observe="states")
    np.testing.assert_allclose(
        excitation_distribution(single), excitation_distribution(full), atol=1e-7
    )


def test_distribution_error_names_what_is_missing(chain):
    with pytest.raises(ValueError, match=r"excitation_distribution needs states.*'blocks'"):
        excitation_distribution(co.evolve(chain, "inverted", TIMES, method="blocks"))
    coherent = co.evolve(
        chain, co.states.coherent(1.0), TIMES, method=co.engines.Trajectories(n=20), seed=1
    )
    with pytest.raises(ValueError, match=r"from coherent\(1,0\)|from coherent\(1, 0\)"):
        excitation_distribution(coherent)
