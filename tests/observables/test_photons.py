"""Photon statistics against closed forms, dense regression, and counted photons."""

from itertools import pairwise

import matplotlib
import numpy as np
import pytest
import reference
from scipy.linalg import expm
from systems import complex_pair

import collective as co
from collective.observables import _inputs
from collective.observables.photons import coincidences, g2, inverted_g2

matplotlib.use("Agg")


def dense_g2(couplings, rho, tau, first=None, second=None):
    """Fourfold sums over emitters with dense matrices and the dense master equation."""
    n = len(couplings)
    first = couplings.decay if first is None else first
    second = couplings.decay if second is None else second
    lower = reference.lowering(n)
    later = expm(reference.generator_of(couplings) * tau)

    def evolved(state):
        return (later @ state.ravel()).reshape(state.shape)

    jumped = sum(first[m, k] * lower[k] @ rho @ lower[m].T for m in range(n) for k in range(n))
    rate = reference.emission
    return rate(second, evolved(jumped)) / (rate(first, rho) * rate(second, evolved(rho)))


def tilted_pair():
    return co.couple(
        co.Emitters(
            [[0, 0, 0], [0.3, 0, 0.1]], dipoles=[[1, 1j, 0], [0, 0.2, 1]], decay_rates=[1, 0.6]
        ),
        co.Vacuum(),
    )


def observed(couplings, state, times, **more):
    return co.evolve(couplings, state, times, observe="states", progress=False, **more)


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("spacing", [0.08, 0.3])
def test_inverted_ensembles(n, spacing):
    """All light: 1 + (Var − 1)/N; one direction: 2 − 2/N."""
    chain = co.couple(co.chain(n, spacing), co.Vacuum())
    variance = np.var(np.linalg.eigvalsh(chain.decay))
    start = co.observables.moment(chain, "inverted", states=True)
    assert g2(start)[0] == pytest.approx(1 + (variance - 1) / n, rel=1e-10)
    assert inverted_g2(chain) == pytest.approx(1 + (variance - 1) / n, rel=1e-12)
    direction = [0.2, 1.0, -0.4]
    assert g2(start, directions=direction)[0] == pytest.approx(2 - 2 / n, rel=1e-10)
    assert inverted_g2(chain, directions=direction) == pytest.approx(2 - 2 / n, rel=1e-12)


def test_identical_couplings_and_independent_emitters():
    same = co.Couplings(np.ones((4, 4)), np.zeros((4, 4)))
    assert g2(co.observables.moment(same, "inverted", states=True))[0] == pytest.approx(2 - 2 / 4)
    # independent emitters: 1 − 1/N
    alone = co.Couplings(np.eye(4), np.zeros((4, 4)))
    assert g2(observed(alone, "inverted", [0.0, 1.0])) == pytest.approx([0.75, 0.75])
    # Dicke state of k excitations: (k−1)(N−k+2)/(k(N−k+1))
    two = co.observables.moment(same, co.states.dicke(2), states=True)
    assert g2(two)[0] == pytest.approx(4 / (2 * 3))
    many = co.Couplings(np.broadcast_to(1.0, (500, 500)), np.broadcast_to(0.0, (500, 500)))
    assert inverted_g2(many) == pytest.approx(2 - 2 / 500)


def test_many_inverted_emitters_need_no_matrix():
    n = 10**5
    flat = np.broadcast_to(1.0, (n, n))
    many = co.Couplings(flat, np.broadcast_to(0.0, (n, n)))
    assert inverted_g2(many) == pytest.approx(2 - 2 / n, rel=1e-12)


def test_against_fourfold_sums():
    """Complex dipoles, a state in the middle of its decay; all light, one direction, two."""
    pair = tilted_pair()
    result = observed(pair, co.states.coherent(2.1, 0.3), [0.0, 0.4, 1.1])
    one, other = np.array([2.0, -1.0, 2.0]) / 3, np.array([0.0, 0.6, 0.8])
    first, second = (
        reference.far_field(pair.emitters, one),
        reference.far_field(pair.emitters, other),
    )
    for directions, matrices in (
        (None, ()),
        (3 * one, (first, first)),
        ([one, other], (first, second)),
    ):
        found = g2(result, directions=directions)
        expected = [dense_g2(pair, rho.full(), 0, *matrices) for rho in result.states]
        np.testing.assert_allclose(found, expected, rtol=1e-8)
    cross = inverted_g2(pair, directions=[one, other])
    assert cross == pytest.approx(dense_g2(pair, np.diag([1.0, 0, 0, 0]), 0, first, second))


def test_engines_agree():
    chain = co.couple(co.chain(3, 0.12), co.Vacuum()).replace(dephasing=0.1)
    times = np.linspace(0, 2, 5)
    exact = g2(observed(chain, "inverted", times, method="exact"))
    driven = g2(observed(chain, "inverted", times, method="driven"))
    np.testing.assert_allclose(exact, driven, rtol=1e-5)


def test_g2_without_light_is_nan():
    driven = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    found = g2(observed(driven, "ground", [0.0, 3.0]))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("rabi", [0.2, 1.0, 6.0])
def test_driven_atom(rabi):
    """Carmichael & Walls (1976)."""
    tau = np.linspace(0, 12, 41)
    mu = np.sqrt(rabi**2 - 1 / 16 + 0j)
    expected = 1 - np.exp(-0.75 * tau) * (np.cos(mu * tau) + 3 / (4 * mu) * np.sin(mu * tau))
    found = g2(co.Couplings([[1.0]], [[0.0]], drive=rabi), tau)
    np.testing.assert_allclose(found, expected.real, atol=1e-9)


def test_delayed_g2_against_dense_regression():
    pair = tilted_pair().replace(drive=[1.0, 0.4j], detunings=[0.3, -0.5])
    one, other = np.array([2.0, -1.0, 2.0]) / 3, np.array([0.0, 0.6, 0.8])
    matrices = reference.far_field(pair.emitters, one), reference.far_field(pair.emitters, other)
    steady = co.steady_state(pair).full()
    for tau in (0.0, 0.7, 2.5):
        found = g2(pair, [tau], directions=[one, other])[0]
        assert found == pytest.approx(dense_g2(pair, steady, tau, *matrices), rel=1e-8)
    decaying = complex_pair(detunings=[0.3, -0.5], dephasing=[0, 0.2])
    found = g2(decaying, [0, 0.7], state="inverted")
    expected = [dense_g2(decaying, np.diag([1.0, 0, 0, 0]), tau) for tau in (0, 0.7)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("drive", [1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("relative", [(1, 1), (1, -0.5j)])
def test_weakly_driven_blockade(drive, relative):
    """Two photons are of fourth order in Ω, from the amplitudes of one and two excitations."""
    pair = co.couple(co.chain(2, 0.03, dipoles=(1, 0, 0)), co.Vacuum())
    delta = -float(pair.shift[0, 1])
    rabi = drive * np.array(relative)
    one = -np.linalg.solve(pair.shift + delta * np.eye(2) - 0.5j * pair.decay, rabi / 2)
    two = -(rabi[0] * one[1] + rabi[1] * one[0]) / 2 / (2 * delta - 1j)
    gamma = pair.decay[0, 1]
    expected = abs(two) ** 2 * (2 + 2 * gamma**2) / (one.conj() @ pair.decay @ one).real ** 2
    driven = pair.replace(drive=rabi, detunings=delta)
    found = g2(driven, [0.0])
    # the next order is Ω² over the squared width of the subradiant state
    assert found[0] == pytest.approx(expected, rel=1e-10 + 2e4 * drive**2)
    if relative == (1, 1):
        assert found[0] == pytest.approx(2.0497e-5, rel=1e-4)
        assert g2(driven, [0.0, 12.0])[1] == pytest.approx(1, abs=1e-4)


def test_weakly_pumped_emitters():
    """Two independent emitters of equal rate have g² = 1/2, also with a very weak pump."""
    pair = co.Couplings(np.eye(2), np.zeros((2, 2)), pump=1e-8)
    assert g2(pair, [0.0])[0] == pytest.approx(0.5, rel=1e-10)


def test_zero_delay_of_couplings_against_a_result():
    chain = co.couple(co.chain(3, 0.15), co.Vacuum()).replace(drive=1.5)
    steady = co.steady_state(chain)
    at_once = g2(co.observables.moment(chain, steady, states=True))[0]
    assert g2(chain, [0.0])[0] == pytest.approx(at_once, rel=1e-9)
    assert g2(chain, [0.0], state=steady)[0] == pytest.approx(at_once, rel=1e-9)


def counted_by_regression(couplings, state, low, high, end):
    """∫∫G²/∫∫RR' over first photons in 0 … end and delays in a bin, on Gauss points."""
    from numpy.polynomial.legendre import leggauss

    x, w = leggauss(8)
    firsts, delays = end * (x + 1) / 2, low + (high - low) * (x + 1) / 2
    result = co.evolve(
        couplings, state, np.concatenate([[0.0], firsts]), observe="states", method="exact"
    )
    above = below = 0.0
    for i, rho in enumerate(result.states[1:]):
        early = reference.emission(couplings.decay, rho.full())
        later = co.evolve(couplings, rho, np.concatenate([[0.0], delays]), method="exact").emission
        chance = early * later[1:] * w * w[i]
        below += chance.sum()
        above += (chance * g2(couplings, delays, state=rho)).sum()
    return above / below


def test_counted_photons_of_a_burst():
    """Within four standard errors of the regression theorem; the errors are of the right size."""
    chain = co.couple(co.chain(3, 0.1), co.Vacuum())
    result = co.evolve(
        chain, "inverted", [0.0, 4.0], method=co.engines.Trajectories(n=4000), seed=3
    )
    edges = [0.0, 0.3, 1.0, 2.0]
    values, errors = coincidences(result, edges, window=(0.0, 1.0))
    for k in range(3):
        expected = counted_by_regression(chain, "inverted", edges[k], edges[k + 1], 1.0)
        assert abs(values[k] - expected) < 4 * errors[k], (k, values[k], errors[k], expected)
    assert np.all(errors < 0.1 * values)
    assert np.all(errors > 0.003)


def test_errors_are_the_spread_of_repeated_runs():
    pair = co.Couplings(np.eye(2), np.zeros((2, 2)))
    found = [
        coincidences(
            co.evolve(
                pair, "inverted", [0.0, 6.0], method=co.engines.Trajectories(n=200), seed=seed
            ),
            [0.0, 0.5, 2.0],
        )
        for seed in range(60)
    ]
    values, errors = np.moveaxis(np.array(found), 1, 0)
    np.testing.assert_allclose(values.mean(axis=0), 0.5, atol=0.02)
    np.testing.assert_allclose(values.std(axis=0), errors.mean(axis=0), rtol=0.35)


def test_only_photons_are_counted():
    """Dephasing jumps of one emitter come often, and a single excitation gives one photon."""
    pair = co.Couplings(np.eye(2), np.zeros((2, 2)), dephasing=3.0)
    result = co.evolve(
        pair, co.states.single(0), [0.0, 2.0, 6.0], method=co.engines.Trajectories(n=30), seed=1
    )
    assert len(result.jumps) > 40
    values, errors = coincidences(result, [0.0, 5.0])
    assert (values[0], errors[0]) == (0, 0)
    # a decay channel of rate zero is not numbered
    dicke = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)), dephasing=3.0)
    result = co.evolve(dicke, "inverted", [0.0, 9.0], method=co.engines.Trajectories(n=10), seed=1)
    assert set(_inputs.photons(result, "photons").channels) == {0}
    assert set(result.jumps.channels) == {0, 1, 2}


def test_bad_input():
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    driven = pair.replace(drive=1.0)
    plain = co.evolve(pair, "inverted", [0.0, 1.0])
    result = observed(pair, "inverted", [0.0, 1.0])
    with pytest.raises(ValueError, match=r"g2 needs states: evolve\(..., observe=\('states',\)"):
        g2(plain)
    with pytest.raises(ValueError, match="delays must be given"):
        g2(pair)
    with pytest.raises(ValueError, match="only possible with couplings"):
        g2(result, [0.0])
    with pytest.raises(TypeError, match="source must be a Result"):
        g2("inverted")
    for bad in ([-0.1], [1, 0.5], [0, 0]):
        with pytest.raises(ValueError, match="delays must increase"):
            g2(driven, bad)
    with pytest.raises(ValueError, match="finite"):
        g2(driven, [np.nan])
    with pytest.raises(ValueError, match="dark"):
        g2(pair, [0.0])
    with pytest.raises(ValueError, match="no light"):
        g2(pair, [0.0], state="ground")
    with pytest.raises(ValueError, match="no light"):
        g2(pair, [0.0, 2000.0], state="inverted")
    with pytest.raises(ValueError, match="at every time the emission rate is below"):
        g2(observed(pair, "ground", [0.0, 1.0]))
    with pytest.raises(ValueError, match="zero vector"):
        g2(result, directions=[0, 0, 0])
    for wrong in (np.eye(3), []):
        with pytest.raises(ValueError, match="one or two"):
            inverted_g2(pair, directions=wrong)
    along = pair.emitters.dipoles[0].real
    for call in (lambda d: inverted_g2(pair, directions=d), lambda d: g2(result, directions=d)):
        with pytest.raises(ValueError, match=r"directions\[1\]: every dipole points along"):
            call([pair.emitters.dipoles[0].real[[1, 2, 0]], along])
        with pytest.raises(ValueError, match="directions: every dipole points along"):
            call(along)
    with pytest.raises(ValueError, match="every decay rate is zero"):
        inverted_g2(co.Couplings([[0.0]], [[0.0]]))
    with pytest.raises(MemoryError, match="30 emitters"):
        g2(co.couple(co.chain(30, 0.2), co.Vacuum()).replace(drive=1.0), [0.0])


def test_bad_counting():
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    with pytest.raises(ValueError, match=r"needs jumps: evolve\(..., method='trajectories'"):
        coincidences(co.evolve(pair, "inverted", [0.0, 1.0]), [0, 1])
    result = co.evolve(pair, "inverted", [0.0, 3.0], method=co.engines.Trajectories(n=20), seed=1)
    with pytest.raises(ValueError, match="at least two"):
        coincidences(result, [0.0])
    with pytest.raises(ValueError, match="edges must increase"):
        coincidences(result, [1.0, 0.0])
    with pytest.raises(ValueError, match="lie within 0 … 2"):
        coincidences(result, [0.0, 1.0], window=(0.0, 2.5))
    for longest in (3.0, 4.0):
        with pytest.raises(ValueError, match="edges: the longest delay must be below 3, the len"):
            coincidences(result, [0.0, longest])
    with pytest.raises(ValueError, match="window must be two"):
        coincidences(result, [0.0, 1.0], window=(1, 2, 3))
    with pytest.raises(ValueError, match="wider bins"):
        coincidences(result, [0.0, 1e-9])


def test_figure():
    from collective.plot.light import jumps

    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    result = co.evolve(pair, "inverted", [0.0, 8.0], method=co.engines.Trajectories(n=40), seed=1)
    ax = jumps(result, trajectories=3)
    assert len(ax.lines) == 4
    counted = ax.lines[-1].get_ydata()[-1]
    assert counted == len(result.jumps) / 40
    for run in range(3):
        assert ax.lines[run].get_ydata()[-1] == len(result.jumps.of(run)[0])
    with pytest.raises(ValueError, match=r"trajectories must be at most 40.*got 41"):
        jumps(result, trajectories=41)
    with pytest.raises(ValueError, match="needs jumps"):
        jumps(co.evolve(pair, "inverted", [0.0, 1.0]))


def test_counted_photons_of_driven_and_pumped_emitters():
    """In a steady state, jumps of the pump left out, against the regression theorem."""
    pair = co.couple(co.chain(2, 0.1), co.Vacuum()).replace(drive=1.5, pump=0.2)
    result = co.evolve(
        pair,
        "ground",
        np.linspace(0, 40, 41),
        method=co.engines.Trajectories(n=60),
        seed=1,
        progress=False,
    )
    edges = np.array([0, 0.3, 1, 3])
    values, errors = coincidences(result, edges, window=(10, 37))
    delays = np.linspace(0, 3, 301)
    steady = g2(pair, delays)
    for k, (low, high) in enumerate(pairwise(edges)):
        expected = steady[(delays >= low) & (delays <= high)].mean()
        assert abs(values[k] - expected) < 4 * errors[k]
    assert np.all(errors < 0.15)


def test_trajectories_are_counted_instead():
    pair = co.Couplings(np.eye(2), np.zeros((2, 2)))
    result = co.evolve(pair, "inverted", [0, 1], method=co.engines.Trajectories(n=3), seed=1)
    with pytest.raises(ValueError, match=r"coincidences\(result, edges\)"):
        g2(result)


def test_coincidences_of_one_trajectory_are_refused():
    pair = co.Couplings(np.eye(2), np.zeros((2, 2)))
    one = co.evolve(pair, "inverted", [0, 1], method=co.engines.Trajectories(n=1), seed=1)
    with pytest.raises(ValueError, match=r"two trajectories, got 1: use method=co\.engines"):
        coincidences(one, [0.0, 0.5])
