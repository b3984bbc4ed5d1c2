"""Mean field against exact derivatives of product states, closed forms and exact engines."""

from contextlib import nullcontext

import numpy as np
import pytest
import qutip
from scipy.linalg import expm

import collective as co
from collective.engines.mean_field import size
from collective.engines.mean_field.equations import Equations
from collective.engines.numerics.adaptive import Adaptive
from collective.engines.numerics.exchange import exchange, kind
from collective.engines.request import checked

# an approximation that expects a large error says so
pytestmark = pytest.mark.filterwarnings("ignore:the error of method")
VACUUM = co.Vacuum()
MeanField = co.engines.MeanField
QUIET = {"progress": False}


def complex_couplings(n, seed=5, **others):
    """Random complex Γ ⪰ 0 and Δ, with all that acts on emitters."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n, n)) + 1j * rng.normal(size=(2, n, n))
    everything = {
        "drive": rng.normal(size=n) + 1j * rng.normal(size=n),
        "detunings": rng.normal(size=n),
        "dephasing": rng.random(n),
        "pump": rng.random(n),
    }
    return co.Couplings(a @ a.conj().T / n, b + b.conj().T, **(everything | others))


def test_slopes_are_exact_for_product_states():
    """Where there are no correlations, mean field has the exact derivatives of σ⁻ and σ⁺σ⁻."""
    couplings, n = complex_couplings(3), 3
    rng = np.random.default_rng(1)
    one = [qutip.rand_dm(2, seed=int(rng.integers(99))) for _ in range(n)]
    lower = [qutip.tensor([qutip.sigmam() if i == m else qutip.qeye(2) for i in range(n)])
             for m in range(n)]  # fmt: skip
    rho = qutip.tensor(one)
    change = qutip.vector_to_operator(couplings.liouvillian() * qutip.operator_to_vector(rho))
    s = np.array([qutip.expect(a, rho) for a in lower])
    e = np.array([qutip.expect(a.dag() * a, rho) for a in lower])
    equations = Equations(couplings)
    y = equations.joined(s[:, None], e[:, None])
    ds, de = equations.split(equations.slope(0.0, y))
    np.testing.assert_allclose(ds[:, 0], [(a * change).tr() for a in lower], atol=1e-13)
    wanted = [(a.dag() * a * change).tr().real for a in lower]
    np.testing.assert_allclose(de[:, 0], wanted, atol=1e-13)
    pairs = [[qutip.expect(a.dag() * b, rho) for b in lower] for a in lower]
    emission = np.sum(couplings.decay * pairs).real
    np.testing.assert_allclose(equations.emission(y)[0], emission, atol=1e-13)
    step = 1e-6 * rng.normal(size=len(y))
    ahead, behind = (equations.slope(0.0, y + sign * step) for sign in (1, -1))
    np.testing.assert_allclose(equations.derivative(y)(step), (ahead - behind) / 2, atol=1e-14)


def test_one_emitter_follows_the_bloch_equations():
    atom = complex_couplings(1)
    times, state = np.linspace(0, 4, 21), co.states.coherent(1.0, 0.5)

    def pulse(t):
        return np.exp(-((t - 1) ** 2)) * (1 + 0.5j)

    for envelope in (None, pulse):
        options = {"envelope": envelope, "observe": "correlations", **QUIET}
        exact = co.evolve(atom, state, times, method="exact", rtol=1e-11, atol=1e-12, **options)
        found = co.evolve(atom, state, times, method="mean_field", **options)
        for name in ("emission", "populations", "correlations"):
            np.testing.assert_allclose(getattr(found, name), getattr(exact, name), atol=2e-8)
        np.testing.assert_array_equal(found.error_estimate, 0)


def test_weak_excitation_is_that_of_coupled_dipoles():
    """ċ = −ihc without a drive; under a weak drive ihs = −½iΩ in the end."""
    couplings = co.couple(co.square(4, 5, 0.2), VACUUM)
    h, n, small = couplings.effective_hamiltonian(), 20, 1e-5
    angles = np.linspace(0, 4, n)
    state = co.states.product([small] * n, angles.tolist())
    times = np.linspace(0, 3, 4)
    options = {"method": "mean_field", "rtol": 1e-10, "atol": 1e-20, **QUIET}
    found = co.evolve(couplings, state, times, observe="correlations", **options)
    start = np.sin(small / 2) * np.cos(small / 2) * np.exp(1j * angles)
    for t, pairs in zip(times, found.correlations, strict=True):
        c = expm(-1j * h * t) @ start
        np.testing.assert_allclose(pairs, np.outer(c.conj(), c), atol=1e-8 * small**2)
    drive = small * np.exp(1j * angles)
    steady = co.observables.steady(couplings.replace(drive=drive), method="mean_field")
    np.testing.assert_allclose(
        steady.coherences, -np.linalg.solve(h, drive) / 2, rtol=1e-5, atol=1e-12
    )


@pytest.mark.parametrize("weak", [1e-4, 1e-9])
def test_weak_excitation_keeps_its_digits_at_the_usual_tolerance(weak):
    """Emitters far apart decay one by one, by random phases too; weakly driven ones are dipoles."""
    apart, times = co.Couplings(np.eye(4), np.zeros((4, 4))), np.linspace(0, 5, 6)
    state = co.states.mixed(weak)
    found = co.evolve(apart, state, times, method="mean_field", seed=1, **QUIET)
    np.testing.assert_allclose(found.emission, 4 * weak * np.exp(-times), rtol=2e-2)
    couplings = co.couple(co.square(4, 5, 0.2), VACUUM)
    h = couplings.effective_hamiltonian()
    late = -np.linalg.solve(h, np.full(20, weak)) / 2
    found = co.evolve(couplings.replace(drive=weak), "ground", times, method="mean_field", **QUIET)
    for t, emission in zip(times[1:], found.emission[1:], strict=True):
        s = late - expm(-1j * h * t) @ late
        assert emission == pytest.approx(np.vdot(s, couplings.decay @ s).real, rel=1e-5)


@pytest.mark.parametrize("n", [3, 10])
def test_random_phases_have_the_burst_of_dicke(n):
    alike = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
    times = np.linspace(0, 12 * np.log(n + 1) / n, 61)
    exact = co.evolve(alike, "inverted", times, method="symmetric", **QUIET).emission
    found = co.evolve(alike, "inverted", times, method=MeanField(phases=3000), seed=1, **QUIET)
    largest = exact.max()
    assert found.emission[0] == pytest.approx(exact[0], abs=4 * found.emission_error[0])
    assert np.abs(found.emission - exact).max() < 0.1 * largest
    assert abs(found.emission.max() / largest - 1) < 0.04
    assert found.shots.shape == (3000, 61)
    np.testing.assert_allclose(found.shots.mean(axis=0), found.emission)
    lost = -np.diff(found.excitation)  # photons are what emitters lose
    photons = np.diff(times) * (found.emission[1:] + found.emission[:-1]) / 2
    np.testing.assert_allclose(lost, photons, atol=0.02 * photons.max())


def test_random_phases_on_a_lattice_against_the_exact_burst():
    couplings, times = co.couple(co.square(3, 3, 0.2), VACUUM), np.linspace(0, 2, 21)
    exact = co.evolve(couplings, "inverted", times, method="blocks", rtol=1e-6, **QUIET)
    found = co.evolve(couplings, "inverted", times, method="mean_field", seed=1, **QUIET)
    assert found.diagnostics["phases"] == 1000
    away = np.abs(found.emission - exact.emission)
    assert np.all(away < found.error_estimate + 4 * found.emission_error)
    assert away.max() < 0.05 * exact.emission.max()


def test_partly_excited_and_coherent_starts():
    """s̄ and ⟨|s|²⟩ are the means of σ⁻ and σ⁺σ⁻, and pairs are uncorrelated."""
    couplings = co.couple(co.chain(4, 0.3), VACUUM)
    for state in (co.states.mixed([0.9, 0, 0.4, 1]), co.states.coherent(2.0, 0.3)):
        exact = co.evolve(couplings, state, [0, 0.1], observe="correlations", **QUIET)
        for phases in (0, 20000):
            method = MeanField(phases=phases)
            alone = phases == 0 and isinstance(state, type(co.states.mixed(0.5)))
            with pytest.warns(UserWarning, match="one by one") if alone else nullcontext():
                found = co.evolve(
                    couplings, state, [0, 0.1], method=method, observe="correlations", seed=2
                )
            np.testing.assert_allclose(found.correlations[0], exact.correlations[0], atol=0.02)
            np.testing.assert_allclose(found.populations, exact.populations, atol=0.01)


def test_emitters_without_any_field_decay_one_by_one_and_say_so():
    couplings = co.couple(co.chain(5, 0.1), VACUUM)
    with pytest.warns(UserWarning, match=r"decayed one by one, .*MeanField\(phases=500\)"):
        found = co.evolve(couplings, "inverted", [0, 1.0], method=MeanField(phases=0))
    np.testing.assert_allclose(found.emission, [5, 5 / np.e], rtol=1e-8)


def test_populations_that_are_not_possible_are_said():
    """Two excited emitters at the ends of a chain: their spins are too long for their neighbours."""
    couplings = co.couple(co.chain(6, 0.1), VACUUM)
    state, times = co.states.mixed([1, 0, 0, 0, 0, 1]), np.linspace(0, 4, 17)
    with pytest.warns(UserWarning, match=r"population of an emitter falls to -0\.1.*use Cumulants"):
        co.evolve(couplings, state, times, method="mean_field", seed=2, **QUIET)


def test_samples_do_not_depend_on_the_number_of_threads():
    couplings = co.couple(co.chain(150, 0.2), VACUUM)
    method = MeanField(phases=500)
    one, two = (
        co.evolve(couplings, "inverted", [0, 0.2, 0.4], method=method, seed=3, threads=t, **QUIET)
        for t in (1, 2)
    )
    np.testing.assert_array_equal(one.shots, two.shots)
    np.testing.assert_array_equal(one.populations_error, two.populations_error)
    other = co.evolve(couplings, "inverted", [0, 0.2], method=method, seed=4, **QUIET)
    assert np.abs(other.shots[0, 1] - one.shots[0, 1]) > 1e-3


@pytest.mark.parametrize("phases", [0, 40])
def test_an_interrupted_run_continues_bit_for_bit(phases, tmp_path, interrupted_at):
    """Also inside a step, which is then taken again."""
    couplings = co.couple(co.chain(6, 0.15), VACUUM).replace(drive=0.5)
    times, path = np.linspace(0, 3, 31), tmp_path / "run.npz"
    options = {"method": MeanField(phases=phases), "seed": 5, "observe": "correlations", **QUIET}
    state = co.states.coherent(2.0)
    whole = co.evolve(couplings, state, times, **options)
    with interrupted_at(17):
        part = co.evolve(couplings, state, times, checkpoint=path, **options)
    assert not part.complete
    rest = co.evolve(couplings, state, times, checkpoint=path, **options)
    np.testing.assert_array_equal(rest.emission, whole.emission)
    np.testing.assert_array_equal(rest.correlations, whole.correlations)


def test_steps_are_repeated_bit_for_bit_also_after_tries_that_failed():
    """Van der Pol's oscillator jumps, so that every tenth try or so is too long."""

    def solver(t, y, first=None):
        return Adaptive(slope, t, y, 30.0, rtol=1e-5, atol=1e-5, first=first)

    def slope(t, y):
        return np.array([y[1], 30 * (1 - y[0] ** 2) * y[1] - y[0]])

    whole, kept = solver(0.0, np.array([2.0, 0.0])), []
    while len(kept) < 60:
        whole.step()
        kept.append(whole.again)
    t = whole.again[0]
    for again in kept[:-1]:
        rest = solver(*again)
        rest.to(t + 1e-9)
        np.testing.assert_array_equal(rest.again[1], whole.again[1])


def test_a_lattice_by_displacement_gives_the_same_run():
    emitters, times = co.square(12, 13, 0.2), np.linspace(0, 2, 5)
    plain, found = (
        co.couple(emitters, VACUUM, by_displacement=sparing).replace(drive=np.linspace(0, 2, 156))
        for sparing in (False, True)
    )
    one, other = (
        co.evolve(c, "ground", times, method="mean_field", observe="correlations", **QUIET)
        for c in (plain, found)
    )
    np.testing.assert_allclose(other.emission, one.emission, rtol=1e-8)
    np.testing.assert_allclose(other.correlations, one.correlations, atol=1e-9)


def test_the_field_of_the_others_by_every_route():
    rng = np.random.default_rng(2)
    for couplings in (complex_couplings(7), co.couple(co.square(20, 25, 0.2), VACUUM)):
        n = len(couplings)
        s = rng.normal(size=(n, 2)) + 1j * rng.normal(size=(n, 2))
        h = couplings.shift - 0.5j * couplings.decay
        wanted = h @ s - np.diag(h)[:, None] * s
        np.testing.assert_allclose(exchange(couplings)(s, 1), wanted, atol=1e-11)
        np.testing.assert_allclose(exchange(couplings, single=True)(s, 1), wanted, atol=1e-3)
        alone = co.Couplings(couplings.decay, couplings.shift)
        np.testing.assert_allclose(exchange(alone)(s, 1), wanted, atol=1e-11)
    n = 5000  # stored as one number
    alike = co.Couplings(np.broadcast_to(0.5, (n, n)), np.broadcast_to(0.25, (n, n)))
    s = rng.normal(size=(n, 1)) + 0j
    np.testing.assert_allclose(exchange(alike)(s, 1), (0.25 - 0.25j) * (s.sum() - s), atol=1e-10)


@pytest.mark.slow
def test_rows_of_a_matrix_may_be_shared_among_threads():
    couplings = complex_couplings(1100, drive=0.0)
    s = np.random.default_rng(1).normal(size=(1100, 2)) + 0j
    product = exchange(couplings)
    np.testing.assert_array_equal(product(s, 1), product(s, 2))


@pytest.mark.parametrize("drive", [0.05, 1.0, 5.0])
def test_the_steady_state_of_one_emitter(drive):
    """Ω²/(Γ² + 2Ω²), and with everything else the exact steady state."""
    atom = co.Couplings([[1.0]], [[0.0]], drive=drive)
    found = co.observables.steady(atom, method="mean_field")
    assert found.excitation == pytest.approx(drive**2 / (1 + 2 * drive**2), rel=1e-10)
    atom = complex_couplings(1)
    found, exact = (co.observables.steady(atom, method=m) for m in ("mean_field", "exact"))
    assert found.emission == pytest.approx(exact.emission, rel=1e-9)
    np.testing.assert_allclose(found.coherences, exact.coherences, atol=1e-9)
    assert found.distribution is None
    assert "an approximation" in repr(found)


@pytest.mark.parametrize("drive", [1e-4, 1e-6, 1e-12])
def test_steady_states_of_coupled_dipoles_have_their_digits(drive):
    """Hs = −½Ω, and populations |s|², however weak the drive is."""
    couplings = co.couple(co.square(4, 5, 0.2), VACUUM)
    s = -np.linalg.solve(couplings.effective_hamiltonian(), np.full(20, drive)) / 2
    for start in (None, "inverted"):
        found = co.observables.steady(
            couplings.replace(drive=drive), method="mean_field", start=start
        )
        np.testing.assert_allclose(found.coherences, s, rtol=1e-6)
        np.testing.assert_allclose(found.populations, np.abs(s) ** 2, rtol=1e-6)
        emission = np.vdot(s, couplings.decay @ s).real
        assert found.emission == pytest.approx(emission, rel=1e-6)


def test_steady_states_under_a_weak_drive_are_exact():
    couplings = co.couple(co.chain(4, 0.2), VACUUM).replace(drive=[0.01, 0.012, 0.01j, 0.01])
    found, exact = (co.observables.steady(couplings, method=m) for m in ("mean_field", "exact"))
    assert found.emission == pytest.approx(exact.emission, rel=1e-3)
    np.testing.assert_allclose(found.coherences, exact.coherences, atol=1e-5)
    np.testing.assert_allclose(found.correlations, exact.correlations, atol=1e-6)


def test_the_steady_state_is_where_evolution_ends():
    couplings = co.couple(co.square(10, 10, 0.3), VACUUM).replace(drive=2.0)
    steady = co.observables.steady(couplings, method="mean_field")
    late = co.evolve(couplings, "ground", [0, 60.0], method="mean_field", **QUIET)
    assert steady.emission == pytest.approx(late.emission[-1], rel=1e-6)
    np.testing.assert_allclose(steady.populations, late.populations[-1], atol=1e-7)


def test_two_steady_states_of_absorptive_bistability():
    """N alike emitters have x(1 + 2C/(1 + x²)) = √2Ω, with 2C = (N − 1)Γ₁₂ (Bonifacio & Lugiato)."""
    n, g, drive = 40, 0.5, 7.0
    alike = co.Couplings(g * np.ones((n, n)) + (1 - g) * np.eye(n), np.zeros((n, n)), drive=drive)
    found = [
        co.observables.steady(alike, method="mean_field", start=start).excitation / n
        for start in ("ground", co.states.mixed(0.5))
    ]
    c = (n - 1) * g
    roots = np.roots([1, -np.sqrt(2) * drive, 1 + c, -np.sqrt(2) * drive])
    x = np.sort(roots.real[np.abs(roots.imag) < 1e-9])
    assert len(x) == 3
    excited = x**2 / (1 + x**2) / 2
    np.testing.assert_allclose(found, [excited[0], excited[2]], rtol=1e-8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MeanField(phases=1), "phases must be 0 or at least 2"),
        (lambda: MeanField(phases=-1), "phases must be at least 0"),
        (
            lambda: run(state=co.states.dicke(2)),
            r"without correlations between emitters, .* not state dicke\(2\); use method=",
        ),
        (lambda: run(state=co.states.single(0)), "without correlations between emitters"),
        (lambda: run(observe="states"), "keeps no density matrix for states"),
        (lambda: steady(drive=1.0, start=co.states.dicke(1)), "start: mean field needs a state"),
        (lambda: steady(drive=1.0, start="up"), "start: unknown state 'up'"),
        (lambda: steady(thermal_photons=0.5), "does not treat thermal light"),
        (
            lambda: steady(decay=np.zeros((3, 3)), shift=np.zeros((3, 3)), drive=1.0),
            "without decay and pump there is no steady state",
        ),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def run(state="inverted", **options):
    couplings = co.couple(co.chain(3, 0.2), VACUUM)
    return co.evolve(couplings, state, [0, 1.0], method="mean_field", **options, **QUIET)


def steady(start=None, **changes):
    couplings = co.couple(co.chain(3, 0.2), VACUUM).replace(**changes)
    return co.observables.steady(couplings, method="mean_field", start=start)


def test_the_expected_error_is_that_of_the_phases_that_are_drawn():
    couplings = co.couple(co.chain(10, 0.1), VACUUM)
    table = co.methods(couplings, "inverted", [0, 1.0], method=MeanField(phases=100))
    plain = co.methods(couplings, "inverted", [0, 1.0], method=MeanField(phases=0))
    assert 0.02 < table.costs["mean_field"].error < plain.costs["mean_field"].error
    assert "100 samples of random phases" in table.costs["mean_field"].work
    found = co.evolve(couplings, "inverted", [0, 1.0], method=MeanField(phases=10), seed=1)
    assert np.all(found.error_estimate > 0)


def test_one_emitter_needs_no_phases():
    """Its decay is exact, so that there is nothing to draw."""
    atom = co.couple(co.chain(1, 0.2), VACUUM)
    found = co.evolve(atom, "inverted", [0, 5.0], method="mean_field", **QUIET)
    assert found.emission[-1] == pytest.approx(np.exp(-5), rel=1e-7)
    assert found.shots is None


def test_a_huge_number_of_samples_is_refused_at_once():
    couplings = co.couple(co.chain(10, 0.2), VACUUM)
    table = co.methods(couplings, "inverted", [0, 1.0], method=MeanField(phases=10**12))
    assert table.costs["mean_field"].bytes > 1e15


def test_samples_are_shared_among_groups_of_nearly_equal_size():
    couplings = co.couple(co.chain(10, 0.2), VACUUM)
    request = checked(couplings, "inverted", [0.0])
    for phases in (0, 2, 3276, 3277, 10000):
        groups = size.columns(request, phases)
        assert sum(groups) == max(phases, 1)
        assert max(groups) - min(groups) <= 1
        assert 10 * max(groups) <= 2**15


def test_what_only_looks_like_a_lattice_is_predicted_as_matrices():
    """Shifts that grow along a chain: products need the matrix, whose memory is predicted."""
    emitters, growing = co.chain(1200, 0.3), np.linspace(1, 2, 1200)
    vacuum = co.couple(emitters, VACUUM)
    shift = growing[:, None] * vacuum.shift * growing
    request = checked(vacuum.replace(shift=shift), "inverted", [0.0])
    assert kind(vacuum) == "lattice"
    assert kind(request.couplings) == "matrix"
    assert MeanField(phases=0).cost(request).bytes > 16 * 1200**2


def test_the_memory_of_a_steady_state_is_asked_for_first(available_memory):
    couplings = co.couple(co.square(30, 30, 0.3), VACUUM).replace(drive=1.0)
    available_memory(2**20)
    with pytest.raises(co.ProblemTooLargeError, match="steady state of 900 emitters in mean field"):
        co.observables.steady(couplings, method="mean_field")


def test_a_checkpoint_of_other_phases_is_refused(tmp_path, interrupted_at):
    couplings = co.couple(co.chain(3, 0.2), VACUUM)
    options = {"method": MeanField(phases=4), "checkpoint": tmp_path / "run.npz", **QUIET}
    with interrupted_at(2):
        co.evolve(couplings, "inverted", [0, 1.0, 2.0], seed=1, **options)
    with pytest.raises(ValueError, match="belongs to another problem"):
        co.evolve(couplings, "inverted", [0, 1.0, 2.0], seed=2, **options)


@pytest.mark.slow
def test_a_hundred_thousand_emitters_take_less_than_a_minute_and_a_gibibyte():
    couplings = co.couple(co.square(316, 316, 0.2), VACUUM)
    times = np.linspace(0, 5, 101)
    found = co.evolve(couplings, "inverted", times, method="mean_field", seed=1, **QUIET)
    assert found.diagnostics["bytes_used"] < 2**30
    # the peak of each emitter still grows with the size of the array: 1.5 for 10 × 10
    assert 5.0 < found.emission.max() / len(couplings) < 6.0
