"""Steady states of driven and pumped emitters by products with the generator, without its matrix."""

import threading

import numpy as np
import pytest
import qutip
import reference
import systems
from random_systems import random_couplings

import collective as co
from collective.evolution import steady_generator, steady_kernel, steady_krylov, steady_species
from collective.observables import g1, g2, spectrum, steady


def chain(n, spacing=0.2, **more):
    return co.couple(co.chain(n, spacing), co.Vacuum()).replace(**more)


def cascade(n, **more):
    guide = co.Waveguide(1.0, 2 * np.pi, chirality=1.0)
    return co.couple(co.chain(n, 0.23), guide).replace(**more)


def disordered(n, **more):
    """Complex Γ and Δ, detuned, with a drive of many phases."""
    rng = np.random.default_rng(5)
    a, b = (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)) for _ in range(2))
    shift = (b + b.conj().T) / 2
    np.fill_diagonal(shift, 0)
    drive = rng.normal(size=n) + 1j * rng.normal(size=n)
    options = {"drive": drive, "detunings": rng.normal(size=n)} | more
    return co.Couplings(a @ a.conj().T / n, shift, **options)


def pairs(n, own):
    """Pairs of emitters at one place; each has a dark state that decays at the rate `own`."""
    decay = np.kron(np.diag(np.arange(1, n // 2 + 1.0)), np.ones((2, 2))) + own * np.eye(n)
    return co.Couplings(decay, np.zeros((n, n)), drive=1.0)


CASES = {
    "drive": lambda n: chain(n, drive=1.0),
    "strong drive": lambda n: chain(n, drive=1e3),
    "weak drive": lambda n: chain(n, drive=1e-3),
    "one is driven": lambda n: chain(n, drive=np.eye(n)[0]),
    "pump": lambda n: chain(n, pump=0.4),
    "weak pump": lambda n: chain(n, pump=1e-4),
    "dephasing": lambda n: chain(n, drive=1.0, dephasing=20.0),
    "detuned": lambda n: chain(n, drive=1.0, detunings=np.linspace(-30, 30, n)),
    "subradiant": lambda n: chain(n, 0.03, drive=3.0),
    "complex": disordered,
    "everything": lambda n: disordered(n, pump=0.3, dephasing=np.linspace(0, 1, n)),
    "cascade": lambda n: cascade(n, drive=1.0),
    "pumped cascade": lambda n: cascade(n, pump=1.0),
    "thermal": lambda n: chain(n, drive=1.0, thermal_photons=0.3),
}


@pytest.fixture
def without_species(monkeypatch):
    """Also emitters that are alike take the route of all others."""
    monkeypatch.setattr(steady_species, "FEWEST", 100)


@pytest.fixture
def by_products(without_species, monkeypatch):
    """Few emitters take the route of many."""
    monkeypatch.setattr(steady_kernel, "DENSE_DIMENSION", 1)
    monkeypatch.setattr(steady_kernel, "FEWEST", 1)
    monkeypatch.setattr(steady_generator, "FEWEST_COMPILED", 3)


@pytest.mark.parametrize("case", CASES)
def test_against_qutip(case, by_products, monkeypatch):
    """Both products: by kernels, and by sparse jump operators."""
    couplings = CASES[case](3)
    hamiltonian, jumps = couplings.hamiltonian(), couplings.collapse_operators()
    expected = qutip.steadystate(hamiltonian, jumps, method="direct").full()
    found = co.steady_state(couplings)
    np.testing.assert_allclose(found.full(), expected, atol=1e-10)
    monkeypatch.setattr(steady_generator, "FEWEST_COMPILED", 99)
    np.testing.assert_allclose(co.steady_state(couplings).full(), expected, atol=1e-10)
    equation = co.MasterEquation(hamiltonian, jumps)
    np.testing.assert_allclose(co.steady_state(equation).full(), expected, atol=1e-10)


def test_independent_emitters():
    """Six that are driven differently: the product of the states of one, in closed form."""
    rabi = np.array([0.2, 1.0, 3.0, 0.7j, 2 - 1j, 0.05])
    found = co.steady_state(co.Couplings(np.eye(6), np.zeros((6, 6)), drive=rabi))
    alone = []
    for omega in rabi:
        strength = abs(omega) ** 2
        lowered = -1j * omega / (1 + 2 * strength)  # ⟨σ⁻⟩ = ρ_eg
        excited = strength / (1 + 2 * strength)
        alone.append(qutip.Qobj([[excited, lowered], [np.conj(lowered), 1 - excited]]))
    np.testing.assert_allclose(found.full(), qutip.tensor(alone).full(), atol=1e-12)


@pytest.mark.parametrize("unit", [1e-15])
def test_results_do_not_depend_on_the_unit_of_time(unit, by_products):
    one, tau, omega = disordered(3), np.array([0, 0.5]), np.array([0.0, 1.0])
    names = ("decay", "shift", "detunings", "drive")
    scaled = co.Couplings(**{name: unit * getattr(one, name) for name in names})
    rho = co.steady_state(one).full()
    np.testing.assert_allclose(co.steady_state(scaled).full(), rho, atol=1e-11)
    np.testing.assert_allclose(g1(scaled, tau / unit), g1(one, tau), atol=1e-9)
    np.testing.assert_allclose(g2(scaled, tau / unit), g2(one, tau), rtol=1e-9)
    values = spectrum(scaled, omega * unit).values
    np.testing.assert_allclose(values, spectrum(one, omega).values, rtol=1e-7)


def test_several_steady_states_are_refused(by_products):
    for n in (4, 6):
        with pytest.raises(ValueError, match=r"not unique .* a second eigenvalue lies within"):
            co.steady_state(pairs(n, 1e-13))
    with pytest.raises(ValueError, match="not unique"):
        spectrum(pairs(4, 0.0), [0.0])
    undecided = co.MasterEquation(qutip.sigmaz(), [qutip.sigmaz()])
    with pytest.raises(ValueError, match="not unique"):
        co.steady_state(undecided)


def doubled(seed, phases):
    """Three random emitters, each of them twice, the second time in another phase."""
    one = random_couplings(seed, 3, pump=False)
    twice = np.repeat(np.arange(3), 2)
    turns = np.ones(6, complex)
    turns[1::2] = np.exp(1j * np.asarray(phases))
    matrices = {
        name: getattr(one, name)[np.ix_(twice, twice)] * np.outer(turns.conj(), turns)
        for name in ("decay", "shift")
    }
    drive = one.drive[twice] * turns.conj()
    return co.Couplings(**matrices, detunings=one.detunings[twice], drive=drive)


@pytest.mark.parametrize("phases", [(0, 0, 0.5), (1.0, -2.0, 3.1)])
def test_pairs_that_are_alike_are_refused_at_once(phases, monkeypatch):
    couplings = doubled(1, phases)
    assert steady_kernel.alike(couplings) == (0, 1)
    monkeypatch.setattr(steady_kernel, "_by_products", None)
    with pytest.raises(
        ValueError, match="not unique"
    ):  # species of identical emitters say why, too
        co.steady_state(couplings)
    with pytest.raises(ValueError, match=r"not unique .* emitters 0 and 1 are alike"):
        g2(couplings, [0.0])
    # two of these pairs have several steady states by the singular values of L too
    few = {
        name: getattr(couplings, name)[..., :4][:4]
        for name in ("decay", "shift", "detunings", "drive")
    }
    singular = np.linalg.svd(co.Couplings(**few).liouvillian().full(), compute_uv=False)
    assert singular[-2] < 1e-12 * singular[0]


def test_whatever_tells_two_emitters_apart_is_noticed():
    couplings = doubled(2, (0.4, 0.0, 1.0))
    one = np.eye(6)[1]
    for name, value in (
        ("detunings", 1e-9 * one),
        ("drive", 1e-9 * one),
        ("dephasing", 1e-9 * one),
        ("pump", 1e-9 * one),
        ("decay", 1e-9 * np.diag(one)),
    ):
        changed = couplings.replace(**{name: getattr(couplings, name) + value})
        assert steady_kernel.alike(changed) == (2, 3)


@pytest.mark.parametrize("own", [1e-4, pytest.param(1e-8, marks=pytest.mark.slow)])
def test_one_steady_state_with_slow_modes(own, without_species):
    """Dark states that live a million lifetimes; each pair has a state of its own."""
    found = co.steady_state(pairs(6, own))
    for m in range(3):
        decay = (m + 1) * np.ones((2, 2)) + own * np.eye(2)
        alone = co.steady_state(co.Couplings(decay, np.zeros((2, 2)), drive=1.0))
        error = np.abs((found.ptrace([2 * m, 2 * m + 1]) - alone).full()).max()
        assert error < 1e-15 / own + 1e-11


def counts(n):
    """Number of excited emitters in each state of QuTiP's basis."""
    return n - np.array([bin(i).count("1") for i in range(2**n)])


def test_small_entries_of_a_weak_drive():
    """Two photons are of order Ω⁴, below round-off beside the ground state: g² does not change."""
    tau = [0.0, 1.0]
    weak, weaker = (g2(chain(5, drive=rabi), tau) for rabi in (1e-3, 1e-5))
    np.testing.assert_allclose(weaker, weak, rtol=1e-4)
    rho = co.steady_state(chain(5, drive=1e-5)).full()
    doubly = np.abs(np.diagonal(rho)[counts(5) == 2])
    assert 0 < doubly.max() < 1e-18


@pytest.mark.parametrize("triangular", [False, True])
def test_inverse_of_the_evolution_between_jumps(triangular, monkeypatch):
    """S(S − z)⁻¹X − z(S − z)⁻¹X = X, by eigenvectors and where they coincide."""
    couplings = cascade(3, pump=1.0) if triangular else disordered(3)
    with steady_generator.Threads(8) as threads:
        effective = steady_generator.generator(couplings, threads).effective
    if triangular:
        monkeypatch.setattr(steady_generator, "_WORST", 0.0)
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8))
    inverse = steady_generator.SylvesterInverse(effective)
    for shift in (0.0, 0.3j):
        x = inverse.of(matrix, shift)
        slope = -1j * (effective @ x - x @ effective.conj().T) - shift * x
        np.testing.assert_allclose(slope, matrix, atol=1e-9)


@pytest.mark.slow
def test_pumped_cascade_of_six():
    """Eigenvectors of H_eff coincide, and random energies do not part them."""
    found = co.steady_state(cascade(6, pump=1.0))
    assert np.abs(reference.slope_of(cascade(6, pump=1.0), found.full())).max() < 1e-13


def test_vectors_of_matrices(by_products):
    """Packing, L and traces of any matrix, against the dense master equation."""
    couplings = disordered(3, pump=0.2, dephasing=0.1)
    rng = np.random.default_rng(1)
    x, o = (rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8)) for _ in range(2))
    with steady_generator.Threads(8) as threads:
        plain = steady_generator.generator(couplings, threads)
        for whole in (plain, plain.scaled(0.1 ** counts(3))):
            vector = whole.pack(x)
            np.testing.assert_allclose(whole.unpack(vector), x, atol=1e-13)
            slope = whole.unpack(whole.apply(vector))
            np.testing.assert_allclose(slope, reference.slope_of(couplings, x), atol=1e-11)
            assert whole.row(o) @ vector == pytest.approx(np.trace(o @ x), abs=1e-11)
        assert np.linalg.norm(plain.pack(x)) == pytest.approx(np.linalg.norm(x))


def test_progress_and_interruption():
    """The share that is done only grows, and Ctrl-C ends the threads."""
    shares = []
    with steady_generator.Threads(32) as threads:
        whole = steady_generator.generator(disordered(5), threads)
        steady_krylov.steady(whole, shares.append)
    assert len(shares) > 10
    assert 0 <= min(shares) <= max(shares) <= 1

    def interrupted(share):
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), steady_generator.Threads(1024) as threads:
        steady_krylov.steady(whole, interrupted)
    assert threading.active_count() == before


def test_memory_is_predicted(available_memory):
    available_memory(2**27)
    driven = chain(9, drive=1.0)
    with pytest.raises(MemoryError, match=r"evolve until long after .* only ρ"):
        co.steady_state(driven)
    for call in (g1, g2, spectrum):
        with pytest.raises(MemoryError, match="9 emitters by the regression theorem"):
            call(driven, [0.0])


@pytest.mark.parametrize("couplings", [
    disordered(3), pytest.param(chain(3, pump=1.0, dephasing=0.1), marks=pytest.mark.slow)
])  # fmt: skip
def test_light_against_matrices(couplings, by_products, monkeypatch):
    tau, omega = np.array([0, 0.3, 1.0, 7.0]), np.linspace(-3, 3, 9)

    def everything():
        light = spectrum(couplings, omega)
        return (
            g1(couplings, tau),
            g2(couplings, tau),
            g1(couplings, tau, state="inverted"),
            g2(couplings, tau, state=co.states.coherent(1.0, 0.2)),
            np.array([*light.values, light.total, light.coherent]),
            steady(couplings).correlations,
        )

    found = everything()
    monkeypatch.setattr(steady_kernel, "FEWEST", 99)
    for one, other in zip(found, everything(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.slow
def test_integral_of_the_spectrum_is_the_incoherent_emission(by_products):
    three = disordered(3, dephasing=0.2)
    angles = (np.arange(90) + 0.5) * np.pi / 90 - np.pi / 2
    omega = 3 * np.tan(angles)
    light = spectrum(three, omega)
    rho = co.steady_state(three).full()
    assert light.total + light.coherent == pytest.approx(
        reference.emission(three.decay, rho), rel=1e-10
    )
    integral = np.sum(light.values * 3 / np.cos(angles) ** 2) * np.pi / 90
    assert integral == pytest.approx(light.total, rel=1e-8)


def test_very_long_delays_by_products(by_products):
    three = chain(3, 0.4, drive=1.0)
    late = [0.0, 1e6, 1e200]
    coherent = spectrum(three, [0.0])
    elastic = coherent.coherent / (coherent.coherent + coherent.total)
    np.testing.assert_allclose(g1(three, late)[1:], elastic, atol=1e-9)
    np.testing.assert_allclose(g2(three, late)[1:], 1, rtol=1e-9)


def test_result_of_one_time(tmp_path):
    driven = chain(5, drive=1.0)
    up = qutip.tensor([qutip.basis(2, 0).proj()] * 5)
    found = co.steady_state(driven, result=True, observe={"all up": up})
    rho = co.steady_state(driven)
    assert found.method == "steady"
    assert found.accuracy == "exact"
    assert found.emission[0] == pytest.approx(reference.emission(driven.decay, rho.full()))
    assert found.expect["all up"][0] == pytest.approx(qutip.expect(up, rho))
    np.testing.assert_allclose(found.correlations[0], steady(driven).correlations, atol=1e-12)
    assert found.states[0] == rho
    assert found.diagnostics["residual"] < 1e-12
    assert 0.01 < found.diagnostics["gap"] < 1
    assert found.diagnostics["error"] < 1e-11
    assert "products with L" in repr(found)
    assert co.load(found.save(tmp_path / "steady")) == found
    pattern = co.observables.angular_pattern(found, [[0, 0, 1], [1, 0, 0]])
    moment = co.observables.moment(driven, rho)
    np.testing.assert_allclose(
        pattern, co.observables.angular_pattern(moment, [[0, 0, 1], [1, 0, 0]])
    )
    np.testing.assert_allclose(g2(found), g2(driven, [0.0]), rtol=1e-9)
    scaled = driven.replace(decay=driven.decay * 4, shift=driven.shift * 4, drive=4.0)
    faster = co.steady_state(scaled, result=True)
    assert faster.emission[0] == pytest.approx(4 * found.emission[0])
    assert faster.diagnostics["gap"] == pytest.approx(4 * found.diagnostics["gap"], rel=1e-6)
    with pytest.raises(ValueError, match="give result=True too"):
        co.steady_state(driven, observe={"all up": up})


def test_result_of_a_master_equation_and_of_identical_emitters(tmp_path):
    lambda_ = co.MasterEquation(
        0.3
        * (
            qutip.basis(3, 0) @ qutip.basis(3, 2).dag()
            + qutip.basis(3, 2) @ qutip.basis(3, 0).dag()
        ),
        [
            qutip.basis(3, 1) @ qutip.basis(3, 2).dag(),
            0.4 * qutip.basis(3, 0) @ qutip.basis(3, 1).dag(),
        ],
    )
    found = co.steady_state(lambda_, result=True)
    assert found.emission is None
    np.testing.assert_allclose(found.populations[0, 0], found.states[0].diag().real)
    assert co.load(found.save(tmp_path / "levels")) == found
    many = systems.identical(6, together=1.0, exchange=0.0, drive=2.0)
    chosen = co.steady_state(many, start="ground", result=True)
    assert chosen.emission[0] == pytest.approx(steady(many, start="ground").emission)
    assert co.load(chosen.save(tmp_path / "many")) == chosen


def test_superradiance_of_pumped_emitters_against_rate_equations():
    """Ten with collective decay 1 and a pump of 10 each: populations of |J, M⟩ (Chase & Geremia,
    Phys. Rev. A 78, 052101 (2008); Shammah et al., Phys. Rev. A 98, 063815 (2018), table II)."""
    n, pump = 10, 10.0
    states = [(j, m) for j in range(n // 2 + 1) for m in range(-j, j + 1)]
    index = {state: i for i, state in enumerate(states)}
    rates = np.zeros((len(states),) * 2)
    for (j, m), i in index.items():
        moves = {
            (j, m - 1): (j + m) * (j - m + 1.0),
            (j + 1, m + 1): pump
            * (j + m + 1)
            * (j + m + 2)
            * (n / 2 - j)
            / (2 * (j + 1) * (2 * j + 1)),
        }
        if j:
            moves[j, m + 1] = pump * (n + 2) * (j + m + 1) * (j - m) / (4 * j * (j + 1))
            moves[j - 1, m + 1] = (
                pump * (j - m - 1) * (j - m) * (j + 1 + n / 2) / (2 * j * (2 * j + 1))
            )
        pumped = sum(rate for (_, to), rate in moves.items() if to > m)
        assert pumped == pytest.approx(pump * (n / 2 - m))
        for to, rate in moves.items():
            if rate:
                rates[index[to], i] += rate
                rates[i, i] -= rate
    rates[0] = 1
    weights = np.linalg.solve(rates, np.eye(len(states))[0])
    j, m = np.array(states, dtype=float).T
    bright = (j + m) * (j - m + 1)
    emission = bright @ weights
    twice = (bright * (j + m - 1) * (j - m + 2)) @ weights / emission**2
    couplings = systems.identical(n, together=1.0, exchange=0.0, pump=pump)
    found = steady(couplings)
    assert found.excitation == pytest.approx((m + n / 2) @ weights, rel=1e-9)
    assert found.emission == pytest.approx(emission, rel=1e-9)
    assert g2(couplings, [0.0])[0] == pytest.approx(twice, rel=1e-9)


@pytest.mark.slow
def test_eight_emitters_against_a_long_evolution():
    eight = chain(8, 2.3, drive=1.0, pump=0.2, dephasing=0.1)
    late = co.evolve(eight, "ground", [0, 50.0], method="driven", rtol=1e-11, atol=1e-13)
    error = np.abs((co.steady_state(eight) - late.last_state).full()).max()
    assert error < 1e-8


@pytest.mark.slow
def test_time_and_frequency_routes_of_six_emitters():
    """g1 is the Fourier transform of the spectrum, the elastic line included."""
    six = chain(6, 0.4, drive=1.0, dephasing=0.2)
    angles = (np.arange(160) + 0.5) * np.pi / 160 - np.pi / 2
    omega = 2 * np.tan(angles)
    light = spectrum(six, omega)
    weights = light.values * 2 / np.cos(angles) ** 2 * np.pi / 160
    assert weights.sum() == pytest.approx(light.total, rel=1e-8)
    # 1/(1 + iω) is the integral of e^{−τ}e^{−iωτ}
    nodes, parts = np.polynomial.laguerre.laggauss(40)
    coherence = g1(six, nodes) * (light.total + light.coherent) - light.coherent
    smoothed = np.sum(weights / (1 + 1j * omega))
    assert parts @ coherence == pytest.approx(smoothed, rel=1e-6)
