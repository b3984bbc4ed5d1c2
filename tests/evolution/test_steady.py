"""Steady states and light of identical emitters between Dicke states, and very long delays."""

import numpy as np
import pytest
import qutip
import reference
import systems

import collective as co
from collective.engines.basis.dicke import identical as common
from collective.engines.basis.dicke_space import Space, one_apart
from collective.engines.symmetric.density import LadderBlocks
from collective.evolution import steady_identical, steady_species
from collective.observables import g1, g2, spectrum, steady


def identical(n, *, together=0.7, exchange=0.3, **others):
    return systems.identical(n, together=together, exchange=exchange, **others)


CASES = {
    "drive": {"drive": 1.1 + 0.3j, "detunings": 0.6},
    "everything": {"drive": 1.1, "dephasing": 0.2, "pump": 0.4, "detunings": 0.6},
    "pump": {"pump": 0.3, "dephasing": 0.1},
    "subradiant together": {"drive": 0.5, "together": -0.2},
}


@pytest.mark.parametrize("n", [1, 2, 5])
def test_keeping_one_emitter_apart_commutes_with_time_evolution(n):
    """The map to "one and N − 1 others", and both generators, which are computed separately."""
    e = common(identical(n, **CASES["everything"]))
    whole = Space(e, None)
    blocks = LadderBlocks(e)
    engine = blocks.slope(None)(0.0, np.eye(len(whole), dtype=complex))
    np.testing.assert_allclose(whole.generator().toarray(), engine, atol=1e-13)
    apart = Space(e, None, apart=True)
    split = one_apart(whole, apart)
    difference = apart.generator() @ split - split @ whole.generator()
    assert abs(difference).max() < 1e-13
    np.testing.assert_allclose(apart.trace() @ split, whole.trace(), atol=1e-14)


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("case", CASES)
def test_against_the_whole_density_matrix(n, case, monkeypatch):
    couplings = identical(n, **CASES[case])
    tau, omega = np.array([0, 0.1, 1.0, 5.0]), np.array([-2.0, 0.0, 0.5, 3.0])

    def everything():
        light = spectrum(couplings, omega)
        return (
            co.steady_state(couplings).full(),
            g1(couplings, tau),
            g2(couplings, tau),
            np.array([light.total, light.coherent, *light.values]),
            steady(couplings).correlations,
        )

    full = everything()
    monkeypatch.setattr(steady_identical, "FEWEST", 1)
    for one, other in zip(full, everything(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-13)


def test_photons_of_a_decay_that_leaves_excitation_in_dark_states():
    """Γ has a zero mode, the symmetric one; the photons are those of the full ρ."""
    omega, state = np.array([0.0, 0.4]), "inverted"
    five = identical(5, together=-0.25, exchange=0.0)
    light = spectrum(five, omega, state=state)
    late = co.evolve(five, state, [0, 300.0], method="symmetric")
    assert late.excitation[-1] > 0.1
    assert light.total == pytest.approx(5 - late.excitation[-1], rel=1e-6)
    with pytest.raises(ValueError, match=r"stays in dark states|photons are missing"):
        spectrum(identical(8, together=-1 / 7, exchange=0.0), omega, state=state)


def test_small_entries_of_a_weak_drive(monkeypatch):
    """Two photons are of fourth order in Ω, one photon of second order."""
    couplings = identical(4, drive=1e-4)
    full = g2(couplings, [0, 1.0]), g1(couplings, [0, 1.0]), steady(couplings).emission
    monkeypatch.setattr(steady_identical, "FEWEST", 1)
    np.testing.assert_allclose(full[0], g2(couplings, [0, 1.0]), rtol=1e-10)
    np.testing.assert_allclose(full[1], g1(couplings, [0, 1.0]), rtol=1e-10)
    assert steady(couplings).emission == pytest.approx(full[2], rel=1e-9)


@pytest.mark.parametrize("state", ["inverted", co.states.coherent(1.0, 0.3), co.states.dicke(1)])
@pytest.mark.parametrize("others", [{}, {"dephasing": 0.3, "detunings": 0.2}, {"together": 1.0}])
def test_light_of_a_decay_against_the_whole_density_matrix(state, others, monkeypatch):
    couplings = identical(3, **others)
    tau, omega = np.array([0, 0.1, 1.0, 5.0]), np.array([-2.0, 0.0, 0.5, 3.0])

    def everything():
        light = spectrum(couplings, omega, state=state)
        return (
            g1(couplings, tau, state=state),
            g2(couplings, tau, state=state),
            np.array([light.total, *light.values]),
        )

    full = everything()
    monkeypatch.setattr(steady_identical, "FEWEST", 1)
    for one, other in zip(full, everything(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)


@pytest.mark.parametrize("ratio", [0.3, 0.5, 1.2])
def test_cooperative_resonance_fluorescence(ratio):
    """ρ ∝ AA†, A = (J⁻ + iΩ/Γ)⁻¹ on the longest ladder (Puri & Lawande 1979), N = 100."""
    n, rabi = 100, 100 * ratio
    found = steady(identical(n, together=1.0, exchange=0.0, drive=rabi), start="ground")
    k = np.arange(1, n + 1)
    lower = np.diag(np.sqrt(k * (n - k + 1.0)), 1)
    inverse = np.linalg.inv(lower + 1j * rabi * np.eye(n + 1))
    rho = inverse @ inverse.conj().T
    rho /= np.trace(rho)
    number = np.arange(n + 1) @ np.diagonal(rho).real
    np.testing.assert_allclose(found.distribution, np.diagonal(rho).real, atol=1e-12)
    assert found.excitation == pytest.approx(number, rel=1e-11)
    assert found.emission == pytest.approx(np.trace(lower @ rho @ lower.T).real, rel=1e-11)
    assert found.coherences[7] == pytest.approx(np.trace(lower @ rho) / n, rel=1e-10)
    bright = g2(identical(n, together=1.0, exchange=0.0, drive=rabi), [0.0], start="ground")
    pairs = np.trace(lower @ lower @ rho @ lower.T @ lower.T).real
    assert bright[0] == pytest.approx(pairs / found.emission**2, rel=1e-10)


@pytest.mark.slow
def test_a_hundred_pumped_emitters():
    """All photons come from the pump, R = p(N − n); independent emitters have a known g²."""
    couplings = identical(100, pump=1.0, dephasing=0.1)
    found = steady(couplings)
    assert found.emission == pytest.approx(100 - found.excitation, rel=1e-12)
    late = co.evolve(couplings, "ground", [0, 200.0], method="symmetric", observe="correlations")
    np.testing.assert_allclose(found.correlations, late.correlations[-1], atol=1e-7)
    alone = identical(100, together=0.0, exchange=0.0, pump=0.5)
    # independent emitters: two photons come from two of them
    assert g2(alone, [0.0])[0] == pytest.approx(0.99, rel=1e-10)
    np.testing.assert_allclose(g1(alone, [0, 0.8]), [1, np.exp(-0.75 * 0.8)], atol=1e-10)
    light = spectrum(alone, [0.0, 0.75])
    np.testing.assert_allclose(light.values, light.total / 0.75 / np.pi * np.array([1, 0.5]))


def test_independent_driven_emitters_against_one_emitter():
    """N = 12 and Γ₁₂ = 0: N times the incoherent light of one emitter, and the same g1."""
    n, tau, omega = 12, np.array([0, 0.7, 3.0]), np.array([-1.3, 0.0, 0.4])
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.3)
    many = identical(n, together=0.0, exchange=0.0, drive=1.3)
    one, all_ = spectrum(atom, omega), spectrum(many, omega)
    np.testing.assert_allclose(all_.values, n * one.values, rtol=1e-9)
    np.testing.assert_allclose(g1(many, tau), g1(atom, tau), atol=1e-10)
    # pairs of photons of one emitter, and of two
    np.testing.assert_allclose(g2(many, tau), 1 + (g2(atom, tau) - 1) / n, atol=1e-10)


@pytest.mark.parametrize("unit", [1e-15, 1e15])
def test_results_do_not_depend_on_the_unit_of_time(unit):
    tau, omega = np.array([0, 0.5]), np.array([0.0, 1.0])

    def seen(scale):
        rates = dict.fromkeys(("drive", "pump", "dephasing"), 0.4 * scale)
        couplings = identical(6, **rates)
        couplings = couplings.replace(decay=couplings.decay * scale, shift=couplings.shift * scale)
        light = spectrum(couplings, omega * scale)
        return np.concatenate(
            [
                g1(couplings, tau / scale),
                g2(couplings, tau / scale),
                light.values,
                [light.total / scale, steady(couplings).emission / scale],
            ]
        )

    np.testing.assert_allclose(seen(unit), seen(1.0), rtol=1e-9)


def test_full_density_matrix_of_a_steady_state():
    couplings = identical(6, drive=1.0 + 0.4j, pump=0.1)
    rho = co.steady_state(couplings)
    assert rho.dims == [[2] * 6] * 2
    assert abs(rho.tr() - 1) < 1e-13
    slope = reference.slope_of(couplings, rho.full())
    assert np.abs(slope).max() < 1e-13
    swapped = rho.permute([3, 1, 2, 0, 4, 5])
    assert abs((rho - swapped).full()).max() < 1e-15


@pytest.mark.parametrize("couplings", [
    "driven", "pumped", pytest.param("three", marks=pytest.mark.slow)
])  # fmt: skip
def test_full_density_matrix_of_species(couplings):
    """In any order of the emitters; without species it solves the same equation."""
    order = np.array([0, 2, 4, 1, 5, 3])
    if couplings == "driven":
        found = ensembles((4, 2), alone=(0.2, 0.1), dephasing=(0, 0.3), **DRIVEN)
    elif couplings == "pumped":
        found = ensembles((2, 4), alone=(0, 0.3), pump=(0.2, 0.1), detunings=(0, 0.4))
    else:
        found = ensembles((2, 4), alone=(0.1, 0.3), drive=(0.3, 1j))
        found = found.replace(detunings=[0, 0, 0.5, 0.5, 0, 0])
    mixed = co.Couplings(
        found.decay[np.ix_(order, order)],
        found.shift[np.ix_(order, order)],
        **{name: getattr(found, name)[order] for name in ("detunings", "dephasing", "pump")},
        drive=found.drive[order],
    )
    result = co.steady_state(mixed, result=True)
    assert result.reason == "the only state with dρ/dt = 0; factors between Dicke states"
    rho = result.states[0].full()
    assert np.abs(reference.slope_of(mixed, rho)).max() < 1e-13
    assert np.trace(rho) == pytest.approx(1, abs=1e-13)
    assert np.linalg.eigvalsh(rho)[0] > -1e-13
    np.testing.assert_allclose(steady(mixed).correlations, result.correlations[0], atol=1e-13)


def test_species_are_used_only_where_they_are_faster():
    """Four pairs have 10,000 entries, whose factors take a hundred times as long as products."""
    pairs = np.repeat(np.arange(4), 2)
    couplings = identical(8, drive=1.0).replace(detunings=pairs / 10)
    assert steady_species.light(couplings, None, "steady") is None
    assert steady_species.light(couplings.replace(drive=0.0, pump=0.3), None, "steady") is not None


def test_start_selects_one_of_several_steady_states_of_species():
    couplings = ensembles((2, 2), drive=(1.1, 0.5j), detunings=(0.3, 0.1))
    with pytest.raises(ValueError, match="not unique"):
        co.steady_state(couplings)
    for state in ("ground", co.states.mixed([1, 1, 0, 0])):
        found = co.steady_state(couplings, start=state).full()
        late = co.evolve(couplings, state, [0, 200.0], method="exact", observe="states")
        np.testing.assert_allclose(found, late.states[-1].full(), atol=1e-9)


def test_start_selects_one_of_several_steady_states():
    couplings = identical(4, together=1.0, drive=2.0)
    for call in (
        lambda **o: co.steady_state(couplings, **o),
        lambda **o: g2(couplings, [0.0], **o),
    ):
        with pytest.raises(ValueError, match="not unique"):
            call()
    for state in ("ground", "inverted", co.states.dicke(2), co.states.coherent(0.3)):
        late = co.evolve(
            couplings, state, [0, 60.0], observe="states", rtol=1e-10, atol=1e-12, method="exact"
        )
        found = co.steady_state(couplings, start=state)
        np.testing.assert_allclose(found.full(), late.states[-1].full(), atol=1e-9)
    many = identical(12, together=1.0, drive=8.0)
    with pytest.raises(ValueError, match="give start='ground'"):
        steady(many)
    rate = co.evolve(many, "ground", [0, 20.0], method="symmetric").emission[-1]
    assert steady(many, start="ground").emission == pytest.approx(rate, rel=1e-6)
    assert g2(many, [0.0, 1e9], start="ground")[1] == pytest.approx(1, abs=1e-9)


def test_the_advice_of_refusals_works():
    """Each way out that an error names is possible."""
    driven = identical(40, drive=1.0)
    with pytest.raises(MemoryError, match=r"use co.observables.steady\(couplings\)"):
        co.steady_state(driven)
    assert steady(identical(16, drive=1.0)).emission > 0
    thirty = co.couple(co.chain(30, 0.2), co.Vacuum()).replace(drive=1.0)
    with pytest.raises(MemoryError, match="fewer emitters") as refused:
        co.steady_state(thirty)
    assert "late" not in str(refused.value)  # 2³⁰ amplitudes are too many for trajectories too
    with pytest.raises(MemoryError, match="N² numbers, or a pump"):
        g2(identical(600, drive=1.0), [0.0])


def test_bad_start():
    couplings = identical(6, drive=1.0)
    for call in (
        lambda **o: co.steady_state(couplings, **o),
        lambda **o: steady(couplings, **o),
        lambda **o: g1(couplings, [0.0], **o),
        lambda **o: g2(couplings, [0.0], **o),
        lambda **o: spectrum(couplings, [0.0], **o),
    ):
        for state in (co.states.single(1), co.states.mixed(0.4)):
            with pytest.raises(ValueError, match="start must be a state on the longest Dicke"):
                call(start=state)
        with pytest.raises(ValueError, match="unknown state"):
            call(start="up")
    with pytest.raises(ValueError, match="leave one of them out"):
        g2(couplings, [0.0], state="inverted", start="ground")
    chain = co.couple(co.chain(4, 0.2), co.Vacuum()).replace(drive=1.0)
    for call in (co.steady_state, steady):
        with pytest.raises(ValueError, match="start is possible for identical couplings"):
            call(chain, start="ground")
    pair = co.couple(co.chain(2, 0.2), co.Vacuum()).replace(drive=1.0)
    with pytest.raises(ValueError, match="not for one direction"):
        g1(pair, [0.0], direction=[0, 0, 1], start="ground")


LONG = [0.0, 1e6, 1e9, 2.0**70, 1e200, 1.7e308]


@pytest.mark.parametrize("couplings", [
    co.Couplings([[1.0]], [[0.0]], drive=1.0),
    co.couple(co.chain(2, 0.1), co.Vacuum()).replace(drive=1.0),
    co.couple(co.chain(3, 0.1), co.Vacuum()).replace(pump=0.3),
    identical(5, drive=1.0),
])  # fmt: skip
def test_very_long_delays_give_the_stationary_limit(couplings):
    coherent = spectrum(couplings, [0.0])
    elastic = coherent.coherent / (coherent.coherent + coherent.total)
    np.testing.assert_allclose(g1(couplings, LONG)[1:], elastic, atol=1e-9)
    np.testing.assert_allclose(g2(couplings, LONG)[1:], 1, rtol=1e-9)


def test_very_long_delays_of_a_decay():
    """g1 goes to zero, and g2 has no light to divide by."""
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    assert np.abs(g1(pair, LONG, state="inverted")[1:]).max() < 1e-12
    with pytest.raises(ValueError, match="there is no light"):
        g2(pair, LONG, state="inverted")
    close = co.couple(co.chain(2, 1e-2), co.Vacuum()).replace(drive=1.0)
    late = g1(close, [0.0, 3e3, 1e9])
    elastic = spectrum(close, [0]).coherent / steady(close).emission
    assert late[2] == pytest.approx(elastic, rel=1e-5)


def test_many_delays_agree_with_few():
    couplings = co.couple(co.chain(3, 0.1), co.Vacuum()).replace(drive=1.0)
    tau = np.linspace(0, 20, 20001)
    found = g1(couplings, tau)
    few = np.array([0, 137, 5000, 20000])
    np.testing.assert_allclose(found[few], g1(couplings, tau[few]), atol=1e-11)


def test_g2_of_five_identical_emitters_against_qutip():
    couplings = identical(5, drive=2.0)
    jumps = couplings.collapse_operators()
    rate = sum(L.dag() @ L for L in jumps)
    rho = co.steady_state(couplings)
    after = sum(L @ rho @ L.dag() for L in jumps)
    tau = np.array([0, 0.4, 1.1])
    counted = qutip.mesolve(
        couplings.hamiltonian(), after, tau, jumps, e_ops=[rate],
        options={"rtol": 1e-10, "atol": 1e-12},
    ).expect[0]  # fmt: skip
    light = qutip.expect(rate, rho)
    np.testing.assert_allclose(g2(couplings, tau), np.real(counted) / light**2, rtol=1e-7)


def test_ten_collective_emitters_with_a_strong_individual_pump():
    """Rate equation of Dicke states |J, M⟩, written out: γ = 1 together, p = 10 each."""
    n, gamma, p = 10, 1.0, 10.0
    states = [(j, m - j) for j in range(n // 2 + 1) for m in range(2 * j + 1)]
    place = {state: i for i, state in enumerate(states)}
    rates = np.zeros((len(states), len(states)))
    for (j, m), i in place.items():
        leads = {
            (j, m - 1): gamma * (j + m) * (j - m + 1),
            (j, m + 1): p * (n / 2 + 1) * (j - m) * (j + m + 1) / (2 * j * (j + 1) or 1),
            (j - 1, m + 1): p
            * ((n / 2 + j + 1) * (j - m) * (j - m - 1) / (2 * j * (2 * j + 1) or 1)),
            (j + 1, m + 1): p
            * ((n / 2 - j) * (j + m + 1) * (j + m + 2) / (2 * (j + 1) * (2 * j + 1))),
        }
        for to, rate in leads.items():
            if to in place and rate > 0:
                rates[place[to], i] += rate
                rates[i, i] -= rate
    system = np.vstack([np.ones(len(states)), rates[1:]])
    weights = np.linalg.solve(system, np.eye(len(states))[0])
    j, m = np.array(states).T
    emission = weights @ ((j + m) * (j - m + 1))
    pairs = weights @ ((j + m) * (j - m + 1) * np.maximum(j + m - 1, 0) * (j - m + 2))
    couplings = identical(n, together=gamma, exchange=0.0, pump=p)
    found = steady(couplings)
    assert found.excitation == pytest.approx(weights @ (n / 2 + m), rel=1e-9)
    assert found.emission == pytest.approx(emission, rel=1e-9)
    assert g2(couplings, [0.0])[0] == pytest.approx(pairs / emission**2, rel=1e-9)


def ensembles(counts, *, alone=(0.0, 0.0), **others):
    """Two species with complex Γ_AB and Δ_AB."""
    labels = np.repeat(np.arange(2), counts)
    between = np.ix_(labels, labels)
    decay = np.array([[0.7, 0.5 + 0.2j], [0.5 - 0.2j, 0.9]])
    shift = np.array([[0.4, 0.3 - 0.4j], [0.3 + 0.4j, -0.2]])
    each = {name: np.array(value)[labels] for name, value in others.items()}
    own = np.diag(np.array(alone)[labels])
    return co.Couplings(decay[between] + own, shift[between], **each)


DRIVEN = {"drive": (1.1, 0.5j), "detunings": (0.3, 0.1)}


@pytest.mark.parametrize(("couplings", "state"), [
    (ensembles((2, 1), alone=(0.2, 0), dephasing=(0, 0.3), **DRIVEN), None),
    pytest.param(
        ensembles((1, 2), alone=(0, 0.3), pump=(0.2, 0.1)), None, marks=pytest.mark.slow
    ),
    pytest.param(
        ensembles((2, 1), alone=(0.2, 0)), co.states.mixed([1, 1, 0]), marks=pytest.mark.slow
    ),
    (ensembles((2, 1), alone=(0.2, 0), dephasing=(0.1, 0)), co.states.coherent(1.1, 0.4)),
    (identical(3), co.states.single(2)),
])  # fmt: skip
def test_species_against_the_whole_density_matrix(couplings, state, monkeypatch):
    tau, omega = np.array([0, 0.1, 5.0]), np.array([-2.0, 0.5])

    def everything():
        light = spectrum(couplings, omega, state=state)
        yield g1(couplings, tau, state=state)
        yield g2(couplings, tau, state=state)
        yield [light.total, light.coherent, *light.values]
        if state is None:
            found = steady(couplings)
            for name in ("correlations", "coherences", "distribution", "emission", "excitation"):
                yield getattr(found, name)

    full = list(everything())
    used = []
    monkeypatch.setattr(steady_identical, "FEWEST", 1)
    monkeypatch.setattr(steady_species, "_worth", lambda *a, **k: used.append(1) or True)
    for one, other in zip(full, everything(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    assert used


def test_steady_state_of_two_driven_ensembles_against_qutip():
    """Spins of 5/2 and 3/2: 24 kets instead of 256."""
    counts, rabi, detuned = (5, 3), (1.1, 0.5j), (0.3, 0.1)
    couplings = ensembles(counts, drive=rabi, detunings=detuned)
    with pytest.raises(ValueError, match="spin J of the 5 emitters of a species; give start="):
        steady(couplings)
    found = steady(couplings, start="ground")
    low = [
        qutip.tensor(qutip.jmat(5 / 2, "-"), qutip.qeye(4)),
        qutip.tensor(qutip.qeye(6), qutip.jmat(3 / 2, "-")),
    ]
    number = [
        qutip.tensor(qutip.jmat(5 / 2, "z") + 2.5, qutip.qeye(4)),
        qutip.tensor(qutip.qeye(6), qutip.jmat(3 / 2, "z") + 1.5),
    ]
    decay = np.array([[0.7, 0.5 + 0.2j], [0.5 - 0.2j, 0.9]])
    shift = np.array([[0.4, 0.3 - 0.4j], [0.3 + 0.4j, -0.2]])
    H = sum(
        detuned[a] * number[a] + (rabi[a] * low[a].dag() + np.conj(rabi[a]) * low[a]) / 2
        for a in range(2)
    )
    pairs = [(a, b) for a in range(2) for b in range(2)]
    H += sum(shift[a, b] * low[a].dag() * low[b] for a, b in pairs)
    rates, vectors = np.linalg.eigh(decay)
    jumps = [
        np.sqrt(rate) * (v[0].conj() * low[0] + v[1].conj() * low[1])
        for rate, v in zip(rates, vectors.T, strict=True)
    ]
    rho = qutip.steadystate(H, jumps)
    rate = sum(jump.dag() * jump for jump in jumps)
    emission = qutip.expect(rate, rho)
    assert found.emission == pytest.approx(emission, rel=1e-8)
    expected = np.repeat([qutip.expect(x, rho) for x in number], counts) / np.repeat(counts, counts)
    np.testing.assert_allclose(found.populations, expected, rtol=1e-8)
    paired = sum(jump.dag() * rate * jump for jump in jumps)
    mine = g2(couplings, [0.0], start="ground")[0]
    assert mine == pytest.approx(qutip.expect(paired, rho) / emission**2, rel=1e-8)
    late = co.evolve(couplings, "ground", [0, 60.0], method="symmetric")
    assert late.emission[-1] == pytest.approx(emission, rel=1e-6)


# --- atoms with manifolds


def driven_atoms(positions, ground, excited, polarisation=(1, 0, 0.3j)):
    atoms = co.atoms(positions, ground=ground, excited=excited)
    wave = co.plane_wave(atoms, 1.3, direction=(0, 1, 0), polarisation=polarisation)
    return co.couple(atoms, co.Vacuum()).replace(drive=wave)


@pytest.mark.parametrize("unit", [1.0, 4.0**12])
def test_driven_atoms_of_many_levels_do_not_change_in_their_steady_state(unit):
    """64 states, which the generator itself and not its matrix solves."""
    channels = driven_atoms([[0, 0, 0], [0.1, 0.05, 0.12]], 1, 2)
    atoms = channels.atoms.replace(linewidths=[unit])
    channels = co.couple(atoms, co.Vacuum()).replace(drive=channels.drive * unit)
    rho = co.steady_state(channels)
    left = channels.liouvillian().data.as_scipy() @ rho.full().ravel(order="F")
    assert np.abs(left).max() < 1e-13 * unit
    assert abs(rho.tr() - 1) < 1e-12
    assert rho.eigenenergies()[0] > -1e-13


@pytest.mark.slow
def test_three_driven_atoms_end_in_their_steady_state():
    channels = driven_atoms([[0, 0, 0], [0.1, 0.05, 0.12], [0.2, 0, 0.1]], 0, 1)
    start = co.states.levels("g 0")
    late = co.evolve(channels, start, [0, 150.0], rtol=1e-11, method="exact")
    np.testing.assert_allclose(late.last_state.full(), co.steady_state(channels).full(), atol=1e-8)


def test_atoms_with_dark_ground_states_have_no_unique_steady_state():
    """J = 1 → 0 with linear polarisation: two of three ground levels do not see the light."""
    channels = driven_atoms([[0, 0, 0], [0.1, 0.05, 0.12]], 1, 0, (1, 0, 0))
    with pytest.raises(ValueError, match="not unique"):
        co.steady_state(channels)
