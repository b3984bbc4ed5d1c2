"""Disorder: filling, motion and random detunings have the distributions they promise."""

import numpy as np
import pytest
from scipy import stats

import collective as co

CHAIN = co.chain(
    20000,
    0.5,
    dipoles=np.array([1, 1j, 0]) + np.arange(20000)[:, None],
    decay_rates=np.linspace(1, 2, 20000),
    detunings=np.linspace(-1, 1, 20000),
)


def test_filling_keeps_each_site_with_the_given_probability():
    kept = CHAIN.with_filling(0.7, seed=3)
    where = np.round(kept.positions[:, 2] / 0.5).astype(int)
    for name in ("positions", "dipoles", "decay_rates", "detunings"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(CHAIN, name)[where])
    filled = np.isin(np.arange(20000), where)
    assert abs(filled.sum() - 14000) < 4 * np.sqrt(20000 * 0.7 * 0.3)
    # neighbours are filled independently: both with probability 0.7²
    both = (filled[1:] & filled[:-1]).mean()
    assert abs(both - 0.49) < 4 * np.sqrt(0.49 * 0.51 / 20000) * 2
    assert len(CHAIN.with_filling(1, seed=0)) == 20000


def test_motion_is_gaussian_along_each_axis():
    widths = np.array([0.01, 0.0, 0.3])
    moves = CHAIN.with_motion(widths, seed=5).positions - CHAIN.positions
    assert not moves[:, 1].any()
    for axis in (0, 2):
        _, p = stats.kstest(moves[:, axis] / widths[axis], "norm")
        assert p > 0.01
    assert abs(np.corrcoef(moves[:, 0], moves[:, 2])[0, 1]) < 4 / np.sqrt(20000)
    same = CHAIN.with_motion(0.1, seed=5).positions - CHAIN.positions
    np.testing.assert_allclose(same[:, 2], moves[:, 2] / 3, atol=1e-9)


@pytest.mark.parametrize(
    ("distribution", "law"),
    [
        ("gaussian", stats.norm(scale=0.7)),
        ("lorentzian", stats.cauchy(scale=0.7)),
        ("uniform", stats.uniform(-0.7, 1.4)),
    ],
)
def test_detunings_have_the_width_that_is_promised(distribution, law):
    given = CHAIN.with_random_detunings(0.7, seed=2, distribution=distribution)
    added = given.detunings - CHAIN.detunings
    assert stats.kstest(added, law.cdf).pvalue > 0.01
    if distribution == "lorentzian":
        # a quarter of a Lorentzian lies above its half width at half maximum
        assert abs((added > 0.7).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 20000)
        # the mean coherence decays at the width
        np.testing.assert_allclose(np.exp(-1j * added).mean(), np.exp(-0.7), atol=4 / 141)
    np.testing.assert_array_equal(given.positions, CHAIN.positions)


def test_a_seed_gives_the_same_disorder_again():
    for make in (
        lambda seed: CHAIN.with_filling(0.5, seed=seed).positions,
        lambda seed: CHAIN.with_motion(0.1, seed=seed).positions,
        lambda seed: CHAIN.with_random_detunings(0.1, seed=seed).detunings,
    ):
        np.testing.assert_array_equal(make(7), make(7))
        assert make(7).shape != make(8).shape or np.any(make(7) != make(8))


def test_one_seed_serves_every_kind_of_disorder():
    """What a seed displaces is independent of what it leaves empty, and of a cloud's positions."""
    filled = np.zeros(20000)
    at = CHAIN.with_filling(0.5, seed=4).positions[:, 2]
    filled[np.round(at / 0.5).astype(int)] = 1
    moves = CHAIN.with_motion(1.0, seed=4).positions - CHAIN.positions
    detunings = CHAIN.with_random_detunings(1.0, seed=4).detunings - CHAIN.detunings
    cloud = np.random.default_rng(4).standard_normal(20000)  # as `cloud` draws
    for one, other in [
        (filled, detunings), (filled, moves.ravel()[:20000]), (filled, moves[:, 0]),
        (detunings, moves.ravel()[:20000]), (detunings, moves[:, 2]), (cloud, detunings),
        (cloud, moves.ravel()[:20000]), (cloud, filled),
    ]:  # fmt: skip
        assert abs(np.corrcoef(one, other)[0, 1]) < 4.5 / np.sqrt(20000)


def test_an_array_without_an_atom_is_refused():
    with pytest.raises(ValueError, match=r"fraction 1e-09 leaves none of 3 emitters with seed 0"):
        co.chain(3, 0.5).with_filling(1e-9, seed=0)
    for fraction in (0, 1.5, -0.1):
        with pytest.raises(ValueError, match="fraction must be"):
            co.chain(3, 0.5).with_filling(fraction, seed=0)


def test_impossible_disorder_names_the_width():
    atoms = co.chain(3, 0.5, frequency=10.0)
    with pytest.raises(ValueError, match=r"width 1e\+06 is too large: frequency \+ detunings"):
        atoms.with_random_detunings(1e6, seed=0)
    with pytest.raises(ValueError, match=r"width must not be negative, got -0\.1"):
        atoms.with_motion((0.1, -0.1, 0), seed=0)
    with pytest.raises(ValueError, match=r"width must be one number or \(3,\)"):
        atoms.with_motion((0.1, 0.1), seed=0)
    with pytest.raises(ValueError, match="distribution must be one of 'gaussian'"):
        atoms.with_random_detunings(0.1, seed=0, distribution="normal")
    for seed in (-1, 0.5, None):
        with pytest.raises(ValueError, match="seed must be"):
            atoms.with_motion(0.1, seed=seed)
