"""Pump and dephasing as matrices: what `Couplings` makes of them, and how light looks with them."""

import pickle

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from random_systems import random_couplings, random_rates, random_state

import collective as co
from collective.results.xarray import parts

ONE = np.ones((2, 2))
PAIR = co.Couplings([[1, 0.4], [0.4, 1]], [[0, 1.0], [1.0, 0]])
NOISY = PAIR.replace(pump=[[0.3, 0.1j], [-0.1j, 0.2]], dephasing=[[0.5, 0.2], [0.2, 0.4]])


def of_columns(superoperator):
    """A superoperator on stacked rows as one on stacked columns, as QuTiP stacks them."""
    side = round(len(superoperator) ** 0.5)
    swap = np.arange(side**2).reshape(side, side).T.ravel()
    return superoperator[np.ix_(swap, swap)]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), real=st.booleans())
def test_generator_is_the_double_sum(seed, real):
    noise = {
        name: random_rates(seed + i, 2, real=real) for i, name in enumerate(("pump", "dephasing"))
    }
    couplings = random_couplings(seed, 2).replace(**noise)
    np.testing.assert_allclose(
        couplings.liouvillian().full(),
        of_columns(reference.generator_of(couplings)),
        atol=1e-12 * (1 + np.abs(couplings.decay).max()),
    )


def test_diagonal_matrices_are_stored_as_rates_of_single_emitters():
    rates = np.array([0.2, 0.7])
    for name in ("pump", "dephasing"):
        alone = PAIR.replace(**{name: rates})
        assert PAIR.replace(**{name: np.diag(rates)}) == alone
        assert getattr(PAIR.replace(**{name: np.diag(rates)}), name).shape == (2,)
        assert PAIR.replace(**{name: np.diag(rates) + 0.1}) != alone
    assert co.Couplings([[1.0]], [[0.0]], pump=[[0.3]]).pump.tolist() == [0.3]


def test_jumps_of_the_noise_are_named_in_their_order():
    names = NOISY.replace(thermal_photons=0.1).collapse_operator_names()
    assert names == [
        "collective decay 0",
        "collective decay 1",
        "collective dephasing 0",
        "collective dephasing 1",
        "collective pump 0",
        "collective pump 1",
        "collective absorption 0",
        "collective absorption 1",
    ]
    jumps = NOISY.replace(pump=0.2 * ONE, dephasing=0.0).collapse_operators()
    assert len(jumps) == 3  # the second eigenvalue of the pump is zero
    up = np.sqrt(0.2) * sum(s.T for s in reference.lowering(2))
    np.testing.assert_allclose(np.abs(jumps[2].full()), up, atol=1e-12)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ([[1, 2], [2, 1]], "must be positive semidefinite: smallest eigenvalue -1"),
        ([[-1, 0], [0, 1]], r"must be positive semidefinite: {0}\[0, 0\] = -1"),
        ([[1, 1], [0, 1]], r"must be Hermitian: {0}\[0, 1\] = 1"),
        (np.eye(3), r"must be a number, 2 numbers \(one per emitter\) or a matrix \(2, 2\)"),
        (np.ones((2, 2, 2)), r"or a matrix \(2, 2\), got shape \(2, 2, 2\)"),
        ([[np.nan, 0], [0, 1]], "finite"),
    ],
)
@pytest.mark.parametrize("name", ["pump", "dephasing"])
def test_bad_matrices_are_refused(name, noise, message):
    with pytest.raises(ValueError, match=f"{name}.*" + message.format(name)):
        PAIR.replace(**{name: noise})


def test_coherences_decay_by_the_difference_of_their_configurations():
    """A coherence of i and j decays at (i − j)ᵀD(i − j): none for emitters that turn together."""
    n, rate = 3, 0.3
    quiet = co.Couplings(np.zeros((n, n)), np.zeros((n, n)), dephasing=np.full((n, n), rate))
    rho = np.full((8, 8), 1 / 8)  # every coherence is there
    result = co.evolve(
        quiet, reference.as_qobj(rho), [0.0, 1.5], method="exact", observe="states",
        rtol=1e-11, atol=1e-12, progress=False,
    )  # fmt: skip
    excited = np.array([bin(7 - i).count("1") for i in range(8)])
    expected = rho * np.exp(-rate * 1.5 * np.subtract.outer(excited, excited) ** 2)
    np.testing.assert_allclose(result.states[1].full(), expected, atol=1e-10)


def test_thermal_light_is_a_pump_matrix():
    """Decay (n̄ + 1)Γ and pump n̄Γ are the master equation of thermal light."""
    photons = 0.6
    warm = PAIR.replace(thermal_photons=photons)
    same = co.Couplings((1 + photons) * PAIR.decay, PAIR.shift, pump=photons * PAIR.decay)
    np.testing.assert_allclose(warm.liouvillian().full(), same.liouvillian().full(), atol=1e-14)


def test_matrices_survive_files_copies_and_xarray(tmp_path):
    result = co.evolve(NOISY, "ground", [0.0, 1.0], method="exact", progress=False)
    back = co.load(result.save(tmp_path / "noisy"))
    assert back.couplings == NOISY == pickle.loads(pickle.dumps(NOISY))
    assert parts(result)[0]["dephasing"][0] == ("emitter", "emitter_2")
    assert "dephasing matrix of rates 0.2438 … 0.6562" in repr(NOISY)


def test_checkpoint_of_another_matrix_is_refused(tmp_path):
    path, options = tmp_path / "run.npz", {"method": "exact", "progress": False}
    co.evolve(NOISY, "ground", [0.0, 1.0], checkpoint=path, **options)
    with pytest.raises(ValueError, match="another problem"):
        co.evolve(NOISY.replace(pump=0.2), "ground", [0.0, 1.0], checkpoint=path, **options)


@pytest.mark.parametrize("noise", ["pump", "dephasing"])
@pytest.mark.parametrize("name", list(co.engines.NAMES))
def test_engines_without_matrices_refuse_them_by_name(name, noise):
    takes = {"exact", "driven", "trajectories", "symmetric"}
    takes |= {"blocks", "single"} if noise == "dephasing" else set()
    shared = PAIR.replace(**{noise: 0.2 * ONE})
    why = co.methods(shared, "ground", [0.0, 1.0], method=name).refusals.get(name)
    if name in takes:
        assert why is None
    else:
        assert f"'{name}' takes the {noise} of each emitter alone" in why


def test_mean_field_steady_state_refuses_matrices():
    with pytest.raises(ValueError, match="takes the pump of each emitter alone"):
        co.observables.steady(PAIR.replace(pump=0.2 * ONE), method="mean_field")


def test_light_of_a_decay_with_shared_dephasing():
    """⟨σ⁺_m(0)σ⁻_n(τ)⟩ by the regression theorem on the generator of the double sum."""
    couplings = PAIR.replace(dephasing=0.3 * ONE)
    delays, rho = np.array([0.0, 0.4, 1.1]), random_state(5, 2, 2)
    generator, s = reference.generator_of(couplings), reference.lowering(2)
    found = np.zeros(3, dtype=complex)
    for m in range(2):
        later = reference.evolve(generator, rho @ s[m].T, delays)
        for k in range(2):
            found += couplings.decay[m, k] * np.array([np.trace(s[k] @ x) for x in later])
    light = co.observables.g1(couplings, delays, state=reference.as_qobj(rho))
    np.testing.assert_allclose(light, found / found[0], atol=1e-9)
