"""At most K excitations, or at most K holes: exact within the cap, an estimated error beyond it."""

from itertools import combinations, permutations
from types import SimpleNamespace

import numpy as np
import pytest
import qutip
import reference

import collective as co
from collective.engines import request as _requests
from collective.engines.capped import size
from collective.engines.capped.channels import Channels
from collective.engines.capped.estimate import largest_rate
from collective.engines.capped.particles import Particles
from collective.engines.capped.tensors import Layers, observed, pairs, slope

T = np.linspace(0, 4, 17)
QUIET = {"progress": False}


def capped(n=None, **cap):
    return co.engines.Capped(n=n, **cap)


def chain(n=4, spacing=0.2, **changes):
    return co.couple(co.chain(n, spacing), co.Vacuum()).replace(**changes)


def everything(n=3, seed=1):
    """Couplings of complex Γ and Δ with all that acts on emitters."""
    rng = np.random.default_rng(seed)

    def matrix():
        return rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))

    a, b = matrix(), matrix()
    return co.Couplings(
        a @ a.conj().T / n, (b + b.conj().T) / 2,
        detunings=rng.normal(size=n), dephasing=rng.uniform(0, 0.4, n),
        pump=rng.uniform(0, 0.4, n), drive=matrix()[0],
    )  # fmt: skip


def pair_rate(rho, couplings):
    """Σ Γ_mnΓ_pq⟨σ⁺_mσ⁺_pσ⁻_qσ⁻_n⟩ by matrices of 2^N rows."""
    n = len(couplings)
    down = [
        qutip.tensor([qutip.sigmam() if i == m else qutip.qeye(2) for i in range(n)]).full()
        for m in range(n)
    ]
    once = sum(
        couplings.decay[m, k] * down[k] @ rho @ down[m].T for m in range(n) for k in range(n)
    )
    light = sum(couplings.decay[m, k] * down[m].T @ down[k] for m in range(n) for k in range(n))
    return np.trace(light @ once).real


# exact within the cap


@pytest.mark.parametrize("cap", [{"excitations": 3}, {"holes": 3}, {"excitations": 9}])
@pytest.mark.parametrize("drive", [True, False])
def test_a_cap_of_all_emitters_is_exact(cap, drive):
    couplings = everything()
    if not drive:
        couplings = couplings.replace(drive=0.0)
    state = co.states.coherent(0.8, 0.4)
    start = reference.projector(reference.product_ket(3, 0.8, 0.4))
    rhos = reference.evolve(reference.generator_of(couplings), start, T)
    result = co.evolve(couplings, state, T, method=capped(**cap), observe="correlations", **QUIET)
    expected = [reference.correlations(rho) for rho in rhos]
    np.testing.assert_allclose(result.correlations, expected, atol=1e-7)
    np.testing.assert_array_equal(result.error_estimate, 0)
    if "holes" in cap:
        assert result.coincidence_rate is None
    else:
        found = [pair_rate(rho, couplings) for rho in rhos]
        np.testing.assert_allclose(result.coincidence_rate, found, atol=1e-6)


def test_all_holes_of_eight_emitters_are_exact():
    eight = chain(8, 0.2)
    exact = co.evolve(eight, "inverted", T[:5], method="blocks", **QUIET)
    found = co.evolve(eight, "inverted", T[:5], method=capped(holes=8), **QUIET)
    np.testing.assert_allclose(found.emission, exact.emission, atol=1e-6)
    np.testing.assert_allclose(found.populations, exact.populations, atol=1e-7)


@pytest.mark.parametrize("state", [co.states.dicke(2), co.states.mixed([0, 0.5, 0, 1, 0])])
def test_two_excitations_that_only_decay_are_exact(state):
    five = chain(5, 0.15)
    exact = co.evolve(five, state, T, method="blocks", observe="correlations", **QUIET)
    found = co.evolve(five, state, T, method="capped", observe="correlations", **QUIET)
    np.testing.assert_allclose(found.correlations, exact.correlations, atol=1e-7)
    assert found.error_estimate.max() == 0


# the amplitudes as tensors, against matrices of 2^N rows


@pytest.mark.parametrize("holes", [False, True])
def test_tensors_agree_with_matrices(holes):
    n, rng = 4, np.random.default_rng(3)
    couplings = everything(n).replace(dephasing=0.0)
    particles, layers = Particles.of(couplings, holes), Layers(n, tuple(range(n + 1)))
    jumps = couplings.collapse_operators()
    effective = (couplings.hamiltonian() - 0.5j * sum(c.dag() * c for c in jumps)).full()

    def tensors(ket):
        found = {}
        for k in range(n + 1):
            found[k] = np.zeros((n,) * k, complex)
            for chosen in combinations(range(n), k):
                excited = [(m in chosen) != holes for m in range(n)]
                place = sum((not up) << (n - 1 - m) for m, up in enumerate(excited))
                for order in permutations(chosen):
                    found[k][order] = ket[place]
        return layers.joined(found)

    ket = rng.normal(size=2**n) + 1j * rng.normal(size=2**n)
    ket /= np.linalg.norm(ket)
    flat = tensors(ket)
    moved = slope(particles, layers, flat, 1.0) - tensors(-1j * effective @ ket)
    energy = np.vdot(flat, moved) / np.vdot(flat, flat)  # a constant real energy is left out
    assert abs(energy.real) < 1e-13
    np.testing.assert_allclose(moved, energy * flat, atol=1e-13)

    seen, rho = observed(particles, layers, flat), np.outer(ket, ket.conj())
    expected = reference.correlations(rho)
    found = particles.correlations(1.0, pairs(layers, flat))
    np.testing.assert_allclose(found, expected, atol=1e-13)
    np.testing.assert_allclose(seen["populations"], expected.diagonal().real, atol=1e-13)
    assert seen["emission"] == pytest.approx(np.sum(couplings.decay * expected).real)
    if not holes:
        assert seen["coincidence"] == pytest.approx(pair_rate(rho, couplings))
    channels = Channels.of(particles)
    rates = channels.rates(layers, flat)
    assert rates.sum() == pytest.approx(2 * np.vdot(ket, 1j * effective @ ket).real)
    for channel, rate in enumerate(rates):
        inside, after = channels.jump(layers, flat, channel, n, True)
        assert inside.norm2(after) == pytest.approx(rate, abs=1e-13)


def test_dephasing_jumps_have_their_rates():
    particles = Particles.of(chain(3, dephasing=[0.1, 0.2, 0.3]), False)
    layers, flat = Layers(3, (1,)), np.array([0.6, 0.8, 0]) + 0j
    channels = Channels.of(particles)
    rates = channels.rates(layers, flat)[-3:]
    np.testing.assert_allclose(rates, [0.2 * 0.36, 0.4 * 0.64, 0])
    _, after = channels.jump(layers, flat, len(channels.lost) + 1, 2, False)
    np.testing.assert_allclose(after, [0, 0.8 * np.sqrt(0.4), 0])


# the estimated error


WEAK = {
    "chain": (chain(drive=0.3), "ground", {"excitations": 2}),
    "detuned and dephased": (chain(drive=0.3, detunings=1.0, dephasing=0.1), "ground", {}),
    "chain along its dipoles": (
        co.couple(co.chain(4, 0.1, dipoles=(0, 0, 1)), co.Vacuum()).replace(drive=0.5),
        "ground",
        {},
    ),
    "one excitation": (chain(4, 0.3, drive=0.2), "ground", {"excitations": 1}),
    "pumped": (chain(pump=0.01), "ground", {"excitations": 2}),
    "coherent": (chain(), co.states.coherent(0.3), {"excitations": 2}),
    "driven holes": (chain(4, 0.1, drive=0.2), "inverted", {"holes": 2}),
}


@pytest.mark.filterwarnings("ignore:the error of method 'capped' is estimated")
@pytest.mark.parametrize("name", WEAK)
def test_the_error_lies_within_its_estimate(name):
    couplings, state, cap = WEAK[name]
    times = T / 8 if "holes" in cap else T
    exact = co.evolve(couplings, state, times, method="driven", **QUIET)
    found = co.evolve(couplings, state, times, method=capped(**cap), **QUIET)
    error = np.abs(found.emission - exact.emission)
    assert np.all(error <= found.error_estimate + 1e-8)
    assert error.max() > 0.02 * found.error_estimate.max() > 1e-7  # nor is it far too large


@pytest.mark.slow
def test_the_light_after_a_pulse_keeps_its_error_small():
    couplings = chain(4, 0.3, drive=0.6)

    def pulse(t):
        return np.exp(-(((t - 1) / 0.4) ** 2))

    options = {"envelope": pulse, **QUIET}
    exact = co.evolve(couplings, "ground", T, method="driven", **options)
    for n in (None, 40):
        found = co.evolve(couplings, "ground", T, method=capped(n), seed=1, **options)
        allowed = found.error_estimate + 1e-8
        assert (found.emission_error is None) == (n is None)
        if n:
            allowed = allowed + 4 * found.emission_error
        assert np.all(np.abs(found.emission - exact.emission) <= allowed)
        assert found.error_estimate[-1] < 0.3 * found.emission[-1] < 0.1 * found.emission.max()


def test_the_start_of_a_burst_by_holes():
    eight, early = chain(8, 0.1), np.linspace(0, 0.3, 7)
    exact = co.evolve(eight, "inverted", early, method="blocks", **QUIET)
    with pytest.warns(UserWarning, match="error of method 'capped'"):
        found = co.evolve(eight, "inverted", early, method=capped(holes=3), **QUIET)
    missing = exact.emission - found.emission
    assert np.all(missing >= -1e-7)  # it is a bound: what is left out can only add light
    assert np.all(missing <= found.error_estimate + 1e-7)
    assert found.error_estimate[1] < 3e-3 * found.emission[1]
    # of three and fewer holes each probability is exact
    four = co.evolve(eight, "inverted", early, method=capped(holes=8), **QUIET)
    assert four.diagnostics["weight_beyond"] < 1e-8
    assert found.diagnostics["weight_beyond"] == pytest.approx(
        1 - exact_holes(eight, early[-1]), abs=1e-6
    )


def exact_holes(couplings, t):
    """The probability of at most three holes, from exact blocks of ρ."""
    n = len(couplings)
    found = co.evolve(couplings, "inverted", [0, t], method="driven", observe="states", **QUIET)
    excited = n - np.bitwise_count(np.arange(2**n))
    return float(found.states[-1].diag().real[excited >= n - 3].sum())


def test_the_largest_rate_is_that_of_dicke_states():
    alike = np.linalg.eigvalsh(np.ones((6, 6)))
    assert [largest_rate(alike, 6, k) for k in (1, 3, 6)] == pytest.approx([6, 12, 6])
    assert [largest_rate(np.ones(6), 6, k) for k in (1, 3, 6)] == pytest.approx([1, 3, 6])
    rng = np.random.default_rng(2)
    couplings = everything(4)
    rates = couplings.collective_rates()
    operator = sum(
        couplings.decay[m, k]
        * qutip.tensor([qutip.sigmap() if i == m else qutip.qeye(2) for i in range(4)])
        * qutip.tensor([qutip.sigmam() if i == k else qutip.qeye(2) for i in range(4)])
        for m in range(4)
        for k in range(4)
    ).full()
    counts = 4 - np.bitwise_count(np.arange(16))
    for k in range(1, 5):
        block = operator[np.ix_(counts == k, counts == k)]
        assert np.linalg.eigvalsh(block)[-1] <= largest_rate(rng.permutation(rates), 4, k) + 1e-12


def test_a_strong_drive_is_warned_of():
    strong = chain(drive=3.0)
    with pytest.warns(UserWarning, match="error of method 'capped' is estimated to be up to"):
        found = co.evolve(strong, "ground", T, method="capped", **QUIET)
    assert found.trusted_until < T[-1]
    assert co.methods(strong, "ground", T).costs["capped"].error > 0.9
    assert co.methods(chain(drive=0.1), "ground", T).costs["capped"].error < 1e-2


# trajectories


SAMPLED = {
    "driven": (chain(3, 0.2, drive=0.4), "ground", {"excitations": 2}),
    "all processes": (
        chain(3, 0.2, drive=0.3, dephasing=0.2, pump=0.05),
        "ground",
        {"excitations": 2},
    ),
    "two excitations": (chain(3, 0.15), co.states.dicke(2), {"excitations": 2}),
    "three excitations": (chain(3, 0.3, drive=0.3), co.states.dicke(2), {"excitations": 3}),
    "holes": (chain(4, 0.1, dephasing=0.1), "inverted", {"holes": 2}),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the error of method 'capped' is estimated")
@pytest.mark.parametrize("name", SAMPLED)
def test_trajectories_agree_with_the_density_matrix(name):
    couplings, state, cap = SAMPLED[name]
    times = np.linspace(0, 1 if "holes" in cap else 2, 5)
    options = {"observe": "correlations", "seed": 2, **QUIET}
    whole = co.evolve(couplings, state, times, method=capped(**cap), **options)
    found = co.evolve(couplings, state, times, method=capped(40, **cap), **options)
    assert whole.diagnostics["route"] == "density matrix"
    assert found.diagnostics["route"] == "trajectories"
    assert found.diagnostics["n_branches"] == 40 <= found.diagnostics["jumps"]
    for field in ("emission", "excitation", "populations"):
        away = np.abs(getattr(found, field) - getattr(whole, field))
        assert np.all(away <= 4.5 * getattr(found, field + "_error") + 1e-5), field
    if whole.coincidence_rate is not None:
        away = np.abs(found.coincidence_rate - whole.coincidence_rate)
        assert np.all(away <= 4.5 * found.coincidence_error + 1e-5)
    spread = np.abs(found.correlations - whole.correlations).max()
    assert spread <= 6 * found.populations_error.max()
    np.testing.assert_allclose(
        found.populations, np.diagonal(found.correlations, axis1=1, axis2=2).real, atol=1e-12
    )
    assert found.emission_error[-1] < 0.3 * whole.emission.max()


@pytest.mark.slow
def test_the_error_falls_with_the_number_of_trajectories():
    couplings, times = chain(2, 0.2, drive=0.4), np.linspace(0, 2, 4)
    few, many = (
        co.evolve(couplings, "ground", times, method=capped(n), seed=4, **QUIET) for n in (16, 64)
    )
    ratio = few.emission_error[1:] / many.emission_error[1:]
    assert np.all((ratio > 1.5) & (ratio < 8))


def test_results_do_not_depend_on_the_threads():
    couplings, times = chain(5, 0.2, drive=0.5), np.linspace(0, 4, 6)
    one, two, other = (
        co.evolve(couplings, "ground", times, method=capped(12), seed=s, threads=t, **QUIET)
        for s, t in ((7, 1), (7, 2), (8, 2))
    )
    np.testing.assert_array_equal(one.emission, two.emission)
    np.testing.assert_array_equal(one.populations_error, two.populations_error)
    assert np.any(one.emission != other.emission)


def test_one_excitation_of_a_hundred_emitters_needs_no_sampling():
    """After its photon nothing is left, so that every branch is dark."""
    couplings, state = chain(100), co.states.timed_dicke([0, 0, 2 * np.pi])
    exact = co.evolve(couplings, state, T, method="single", **QUIET)
    found = co.evolve(couplings, state, T, method=capped(4, excitations=1), seed=1, **QUIET)
    np.testing.assert_allclose(found.emission, exact.emission, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.populations, exact.populations, atol=1e-6)


# photon pairs under a weak drive


def weak_pairs(couplings):
    r"""g²(0) and emission of a stationary weak drive, for symmetric h, to leading order in Ω.

    With modes V, λ of h: ψ₁ = −h⁻¹Ω/2, and (h ⊗ 1 + 1 ⊗ h)ψ₂ = −½(Ωψ₁ᵀ + ψ₁Ωᵀ) + diag(μ), where μ
    makes the diagonal of ψ₂ vanish, as no emitter is excited twice.
    """
    decay = couplings.decay
    h, half = couplings.effective_hamiltonian(), couplings.drive / 2
    one = np.linalg.solve(h, -half)
    values, modes = np.linalg.eig(h)
    modes = modes / np.sqrt(np.sum(modes**2, axis=0))
    both = values[:, None] + values

    def solved(source):
        return modes @ ((modes.T @ source @ modes) / both) @ modes.T

    source = -(np.outer(half, one) + np.outer(one, half))
    free = solved(source)
    products = np.einsum("ni,mi->nmi", modes, modes)
    back = np.einsum("nmi,ij,nmj->nm", products, 1 / both, products, optimize=True)
    two = free + solved(np.diag(np.linalg.solve(back, -np.diag(free))))
    rate = np.vdot(one, decay @ one).real
    return np.vdot(two, decay @ two @ decay.T).real / rate**2, rate


def test_the_closed_form_is_the_g2_of_four_atoms():
    four = chain(4, 0.3, drive=1e-3, detunings=0.3)
    g2, _ = weak_pairs(four)
    assert co.observables.g2(four, [0.0])[0] == pytest.approx(g2, rel=1e-4)
    assert abs(g2 - 1) > 0.1


@pytest.mark.parametrize("n", [4, 30])
def test_photon_pairs_of_a_weak_drive(n):
    couplings = chain(n, 0.6 if n > 4 else 0.3, drive=1e-3, detunings=0.3)
    g2, rate = weak_pairs(couplings)
    times = [0.0, 60.0] if n == 4 else [0.0, 40.0]
    found = co.evolve(couplings, "ground", times, method=capped(8), seed=1, **QUIET)
    assert found.emission[-1] == pytest.approx(rate, rel=1e-3)
    assert found.coincidence_rate[-1] / found.emission[-1] ** 2 == pytest.approx(g2, rel=2e-3)


# what is refused, and what it takes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"excitations": 0}, "excitations must be at least 1"),
        ({"holes": 1.5}, "holes must be an integer"),
        ({"n": 0}, "n must be at least 1"),
        ({"excitations": 2, "holes": 3}, r"excitations \(2\) or of holes \(3\), not both"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        co.engines.Capped(**options)


def test_the_default_is_two_excitations():
    assert co.engines.Capped() == co.engines.Capped(excitations=2)


def test_refusals_name_the_weight():
    def why(state, method="capped", **changes):
        table = co.methods(chain(**changes), state, T, method=method)
        return table.refusals["capped"]

    assert "at most 2 excitations, but state inverted has a weight of 1 beyond" in why("inverted")
    assert "engines.Capped(holes=...)" in why("inverted")
    assert "has a weight of 0.065 beyond" in why(co.states.coherent(1.1))
    assert "at most 1 holes" in why("ground", capped(holes=1))
    assert "engines.Capped(excitations=...)" in why("ground", capped(holes=1))
    mixture = co.states.mixed(0.001)
    assert "pure states only" in why(mixture, capped(5))
    assert "at most 62 emitters in a mixed state, got 70" in why(mixture, n=70)
    with pytest.raises(ValueError, match=r"^method 'capped' keeps at most 2 excitations.* use met"):
        co.evolve(chain(), "inverted", T, method="capped")


def test_too_many_amplitudes_are_refused_with_their_bytes():
    with pytest.raises(co.ProblemTooLargeError, match=r"capped.* needs .* GiB"):
        co.evolve(chain(400, drive=0.01), "ground", T, method=capped(excitations=4))
    with pytest.raises(co.ProblemTooLargeError, match=r"300 excitations .* 2\.0e\+90 states"):
        co.evolve(chain(300, drive=0.01), "ground", T, method=capped(excitations=300))


def test_the_error_of_thousands_of_emitters_is_not_predicted(monkeypatch):
    """It would take N³ flops, in a table that shall appear at once."""
    monkeypatch.setattr(size, "_RATED", 5)
    for n, known in ((5, True), (6, False)):
        cost = co.methods(chain(n, drive=0.01), "ground", T, method=capped()).costs["capped"]
        assert (cost.error is not None) == known


def test_no_branch_is_drawn_where_nothing_can_jump():
    """The integrator lowers the norm a little, as jumps do."""
    matrix = np.ones((3, 3)) - np.eye(3)
    times = [0.0, 0.1, 0.5]
    couplings = co.Couplings(0 * matrix, matrix, drive=0.3)
    found = co.evolve(couplings, "ground", times, method=capped(8), **QUIET)
    right = co.evolve(couplings, "ground", times, method=capped(), **QUIET)
    assert found.diagnostics["jumps"] == 0
    np.testing.assert_allclose(found.excitation, right.excitation, atol=1e-4)


def test_the_route_is_the_same_on_every_machine(monkeypatch):
    """Which route runs depends on neither the speed of the machine nor the threads."""
    fast = SimpleNamespace(call=1e-7, flop=1e-12, entry=1e-10)
    slow = SimpleNamespace(call=1e-5, flop=1e-9, entry=1e-8)
    for emitters, cap, matrix in ((6, {}, True), (40, {}, False), (10, {"excitations": 3}, True)):
        for threads, pace in ((1, fast), (2, slow)):
            monkeypatch.setattr(size, "speed", lambda pace=pace: pace)
            request = _requests.checked(chain(emitters, drive=0.05), "ground", T, threads=threads)
            assert capped(**cap)._size(request).matrix == matrix
    request = _requests.checked(chain(200, drive=0.01), "ground", np.linspace(0, 10, 101))
    cost = co.engines.Capped().cost(request)
    assert "20,101 states, 64 trajectories" in cost.work
    assert 5e7 < cost.bytes < 3e8


def test_an_interrupted_run_of_trajectories_continues_bit_for_bit(tmp_path, interrupted_at):
    couplings, path = chain(3, 0.2, drive=0.4), tmp_path / "run.npz"
    options = {"method": capped(10), "seed": 3, "observe": "correlations", **QUIET}
    whole = co.evolve(couplings, "ground", T, **options)
    with interrupted_at(22):  # after the branch without jumps and some others
        part = co.evolve(couplings, "ground", T, checkpoint=path, **options)
    assert not part.complete
    assert 0 < part.diagnostics["n_branches"] < 10
    rest = co.evolve(couplings, "ground", T, checkpoint=path, **options)
    assert rest.complete
    np.testing.assert_array_equal(rest.emission, whole.emission)
    np.testing.assert_array_equal(rest.correlations, whole.correlations)
    np.testing.assert_array_equal(rest.coincidence_error, whole.coincidence_error)
