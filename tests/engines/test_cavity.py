"""Emitters with a cavity mode that is kept: every engine against a generator made by hand."""

import numpy as np
import pytest
import qutip
from scipy import integrate, linalg, sparse

import collective as co
from collective import errors

# approximations of a few emitters warn of their error
pytestmark = pytest.mark.filterwarnings("ignore:the error of method")
T = np.linspace(0, 1.0, 4)


def emitters(n, seed=0, **options):
    """Emitters with random Γ ⪰ 0, Δ and detunings."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    shift = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    return co.Couplings(
        root @ root.conj().T / n, shift + shift.conj().T, detunings=rng.normal(size=n), **options
    )


def identical(n, **options):
    decay, shift = 0.2 * np.ones((n, n)) + 0.3 * np.eye(n), 0.4 * np.ones((n, n))
    return co.Couplings(decay, shift, detunings=0.2, **options)


def alone(n, **options):
    """Emitters that do nothing but meet the mode."""
    return co.Couplings(np.zeros((n, n)), np.zeros((n, n)), **options)


def random_mode(n, seed=1, **options):
    rng = np.random.default_rng(seed)
    g = rng.normal(size=n) + 1j * rng.normal(size=n)
    return co.cavity_mode(0.6 * g, 0.9, -0.3, **options)


def by_hand(problem):
    """The generator and σ⁻_m and a, from qutip.tensor alone."""
    c, mode, n, levels = problem.couplings, problem.mode, len(problem), problem.photons + 1
    ones = [qutip.qeye(2)] * n + [qutip.qeye(levels)]

    def local(i, operator):
        return qutip.tensor(*ones[:i], operator, *ones[i + 1 :])

    lower, a = [local(m, qutip.sigmam()) for m in range(n)], local(n, qutip.destroy(levels))
    h = mode.detuning * a.dag() * a + mode.drive * a.dag() + np.conj(mode.drive) * a
    generator = mode.linewidth * qutip.lindblad_dissipator(a)
    for m in range(n):
        up = lower[m].dag()
        g = np.broadcast_to(mode.coupling, n)[m]
        half = 0.5 * c.drive[m] * up + g * a.dag() * lower[m]
        h += c.detunings[m] * up * lower[m] + half + half.dag()
        generator += c.pump[m] * qutip.lindblad_dissipator(up)
        generator += 2 * c.dephasing[m] * qutip.lindblad_dissipator(up * lower[m])
        for k in range(n):
            h += c.shift[m, k] * up * lower[k]
            jump = qutip.sprepost(lower[k], up)
            loss = up * lower[k]
            generator += c.decay[m, k] * (jump - 0.5 * (qutip.spre(loss) + qutip.spost(loss)))
    return generator - 1j * (qutip.spre(h) - qutip.spost(h)), lower, a


def expected(problem, rho, times=T):
    """⟨σ⁺_mσ⁻_n⟩ and ⟨a†a⟩ by the exponential of the generator made by hand."""
    generator, lower, a = by_hand(problem)
    start, pairs, photons = rho.full().ravel(order="F"), [], []
    matrix = generator.to("CSR").data_as("csr_matrix")
    vectors = sparse.linalg.expm_multiply(
        matrix, start, times[0], times[-1], len(times), traceA=generator.tr()
    )
    for vector in vectors:
        state = qutip.Qobj(vector.reshape(rho.shape, order="F"), dims=rho.dims)
        pairs.append([[(m.dag() * k * state).tr() for k in lower] for m in lower])
        photons.append((a.dag() * a * state).tr().real)
    return np.array(pairs), np.array(photons)


PUMPED = {"pump": 0.1, "dephasing": [0.2, 0.1]}
DRIVEN = {"drive": [0.2, 0.1j]}


@pytest.mark.parametrize(
    ("couplings", "mode", "methods"),
    [
        (emitters(2), random_mode(2), ("exact", "blocks")),
        (emitters(2, **PUMPED), random_mode(2), ("exact", "blocks")),
        (emitters(2, **DRIVEN), random_mode(2, drive=0.1 - 0.1j), ("exact",)),
        (identical(2), co.cavity_mode(0.7 + 0.2j, 0.9, -0.3), ("exact", "blocks", "symmetric")),
        (
            identical(2, pump=0.1, dephasing=0.1),
            co.cavity_mode(0.7 + 0.2j, 0.9, -0.3),
            ("blocks", "symmetric"),
        ),
    ],
    ids=["decay", "pump", "drive", "identical", "identical, pumped"],
)
def test_exact_engines_agree_with_a_generator_made_by_hand(couplings, mode, methods):
    large = bool(np.any(couplings.pump) or np.any(couplings.drive))
    problem = co.CavityCouplings(couplings, mode, 6 if large else None)
    for state in ("inverted",) if large else ("inverted", co.states.coherent(1.1, 0.3)):
        pairs, photons = expected(problem, co.states.density_matrix(state, problem))
        for method in methods:
            found = co.evolve(problem, state, T, method=method, observe="correlations", rtol=1e-9)
            np.testing.assert_allclose(found.correlations, pairs, atol=2e-8)
            np.testing.assert_allclose(found.photons, photons, atol=2e-8)
            emission = np.einsum("mn,tmn->t", couplings.decay, pairs).real
            np.testing.assert_allclose(found.emission, emission, atol=5e-8)


def test_operators_are_those_made_by_hand():
    problem = co.CavityCouplings(
        emitters(2, **PUMPED, **DRIVEN), random_mode(2, drive=0.3j), photons=3
    )
    difference = problem.liouvillian() - by_hand(problem)[0]
    assert abs(difference.full()).max() < 1e-12
    names = problem.collapse_operator_names()
    assert len(names) == len(problem.collapse_operators())
    assert names[-1] == "photon leaves the mode"


@pytest.mark.parametrize("method", ["exact", "blocks", "symmetric"])
@pytest.mark.parametrize("n", [1, 3])
def test_one_excitation_goes_to_and_fro_at_root_n_times_g(n, method):
    problem = co.CavityCouplings(alone(n), co.cavity_mode(1.3, 0.0))
    found = co.evolve(problem, co.states.dicke(1), T, method=method, rtol=1e-10, atol=1e-12)
    wanted = np.sin(np.sqrt(n) * 1.3 * T) ** 2
    np.testing.assert_allclose(found.photons, wanted, atol=1e-8)
    np.testing.assert_allclose(found.excitation, 1 - wanted, atol=1e-8)


def test_a_thousand_emitters_share_one_excitation():
    nothing = np.broadcast_to(0.0, (1000, 1000))
    problem = co.CavityCouplings(co.Couplings(nothing, nothing), co.cavity_mode(0.1, 1.0))
    found = co.evolve(problem, co.states.dicke(1), T, method="symmetric")
    # ċ = −i√N g α, α̇ = −i√N g c − κα/2
    matrix = np.array([[0, -1j * np.sqrt(1000) * 0.1], [-1j * np.sqrt(1000) * 0.1, -0.5]])
    wanted = [abs(linalg.expm(matrix * t)[1, 0]) ** 2 for t in T]
    np.testing.assert_allclose(found.photons, wanted, atol=1e-8)


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        ("blocks", co.CavityCouplings(emitters(3), random_mode(3))),
        ("symmetric", co.CavityCouplings(identical(3), co.cavity_mode(0.7, 0.9))),
        ("cumulants", co.CavityCouplings(emitters(3), random_mode(3))),
    ],
)
def test_what_is_lost_is_what_is_emitted(method, problem):
    times = np.linspace(0, 1.5, 301)
    found = co.evolve(problem, "inverted", times, method=method)
    lost = found.emission + 0.9 * found.photons
    away = integrate.cumulative_simpson(lost, x=times, initial=0)
    np.testing.assert_allclose(found.excitation + found.photons + away, 3, atol=1e-6)


def test_an_eliminated_mode_is_a_cavity():
    g, own = np.array([0.3, 0.2j]), emitters(2)
    problem = co.CavityCouplings(own, co.cavity_mode(g, 4.0, -1.5))
    bad = co.couple(co.chain(2, 0.3), co.Cavity(g, 4.0, 1.5))
    found = problem.adiabatic()
    np.testing.assert_allclose(found.decay, own.decay + bad.decay, atol=1e-14)
    np.testing.assert_allclose(found.shift, own.shift + bad.shift, atol=1e-14)


def test_a_faster_cavity_comes_closer_to_the_eliminated_one():
    """At a constant Γ = 4g²/κ the error falls as (g/κ)², also with a laser on the mode."""
    errors_found = []
    for kappa in (50.0, 200.0):
        g = 0.5 * np.sqrt(kappa) * np.array([1.0, 0.6j])
        mode = co.cavity_mode(g, kappa, 0.2 * kappa, drive=0.1 * np.sqrt(kappa))
        problem = co.CavityCouplings(alone(2), mode, photons=6)
        kept = co.evolve(problem, "inverted", T, method="exact")
        gone = co.evolve(problem.adiabatic(), "inverted", T, method="exact")
        errors_found.append(abs(kept.populations - gone.populations).max())
    assert errors_found[1] < errors_found[0] / 3
    assert errors_found[1] < 0.02


def test_answers_do_not_depend_on_the_unit_of_rate():
    one = co.CavityCouplings(identical(2, pump=0.3), co.cavity_mode(0.7, 0.9, 0.1), photons=7)
    for unit in (3e-7,):
        c = one.couplings
        other = co.CavityCouplings(
            co.Couplings(
                c.decay * unit, c.shift * unit, detunings=c.detunings * unit, pump=c.pump * unit
            ),
            co.cavity_mode(0.7 * unit, 0.9 * unit, 0.1 * unit),
            photons=7,
        )
        for method in ("exact", "blocks", "symmetric", "cumulants"):
            here = co.evolve(one, "ground", T, method=method)
            there = co.evolve(other, "ground", T / unit, method=method)
            np.testing.assert_allclose(there.photons, here.photons, rtol=1e-7, atol=1e-10)
            np.testing.assert_allclose(there.emission / unit, here.emission, rtol=1e-7, atol=1e-10)


def test_second_order_begins_exactly():
    """What it leaves out grows as t³: an eighth of the time, 400 times less error."""
    couplings = emitters(3, pump=[0, 0.3, 0.1], dephasing=[0.2, 0.1, 0])
    problem, worst = co.CavityCouplings(couplings, random_mode(3), photons=6), []
    for t in (0.01, 0.08):
        exact, second = (
            co.evolve(
                problem, "inverted", [0, t], method=method, observe="correlations", rtol=1e-11,
                atol=1e-13,
            )
            for method in ("exact", "cumulants")
        )  # fmt: skip
        worst.append(
            max(
                abs(exact.correlations - second.correlations).max(),
                abs(exact.photons - second.photons).max(),
            )
        )
    assert worst[0] < worst[1] / 300


def test_classes_of_identical_emitters_have_the_equations_of_each():
    """Five numbers of four identical emitters, and one of each pair of slightly different ones."""
    mode = co.cavity_mode(0.7, 0.9, -0.3)
    few = co.CavityCouplings(identical(4, pump=0.4), mode)
    apart = co.CavityCouplings(
        identical(4, pump=0.4).replace(detunings=0.2 + 1e-9 * np.arange(4)), mode
    )
    for state in ("inverted", co.states.dicke(2)):
        one, many = (co.evolve(p, state, T, method="cumulants") for p in (few, apart))
        assert (one.diagnostics["classes"], many.diagnostics["classes"]) == (1, 4)
        np.testing.assert_allclose(one.photons, many.photons, atol=1e-7)
        np.testing.assert_allclose(one.emission, many.emission, atol=1e-7)


def test_mean_field_of_a_weakly_driven_mode_is_linear():
    g, kappa, eta = np.array([0.5, 0.3j]), 2.0, 1e-3
    problem = co.CavityCouplings(identical(2), co.cavity_mode(g, kappa, 0.4, drive=eta))
    found = co.evolve(problem, "ground", T, method="mean_field", rtol=1e-10, atol=1e-14)
    # amplitudes of one excitation, driven at η
    matrix = np.zeros((3, 3), dtype=complex)
    matrix[:2, :2] = identical(2).effective_hamiltonian()
    matrix[2, :2], matrix[:2, 2] = g, g.conj()
    matrix[2, 2] = 0.4 - 0.5j * kappa
    source = np.array([0, 0, eta])
    wanted = [
        abs((linalg.solve(matrix, (linalg.expm(-1j * matrix * t) - np.eye(3)) @ source))[2]) ** 2
        for t in T
    ]
    np.testing.assert_allclose(found.photons, wanted, rtol=1e-4, atol=1e-14)


@pytest.mark.parametrize(("drive", "detuning"), [(0.0, 0.0), (0.0, 4.0), (0.02, 4.0)])
def test_mean_field_of_detuned_emitters_is_exact_for_little_excitation(drive, detuning):
    """Emitters and mode have frequencies of their own, and the emitters are not driven."""
    pair = co.Couplings(0.3 * np.eye(2), np.zeros((2, 2)), detunings=[2.0, 3.0])
    problem = co.CavityCouplings(pair, co.cavity_mode(0.5, 1.0, detuning, drive=drive), photons=3)
    options = {"rtol": 1e-10, "atol": 1e-14, "progress": False}
    start = co.states.coherent(0.05)
    right = co.evolve(problem, start, T, method="exact", **options)
    found = co.evolve(problem, start, T, method="mean_field", **options)
    np.testing.assert_allclose(found.photons, right.photons, atol=1e-3 * right.photons.max())
    np.testing.assert_allclose(found.populations, right.populations, atol=1e-3 * 0.05**2 / 4)


def test_an_envelope_multiplies_both_drives():
    problem = co.CavityCouplings(emitters(1, drive=0.02), random_mode(1, drive=0.03j), photons=3)

    def twice(t):
        return 2.0

    strong = co.CavityCouplings(emitters(1, drive=0.04), random_mode(1, drive=0.06j), photons=3)
    for method in ("exact", "mean_field"):
        pulsed = co.evolve(problem, "ground", T, method=method, envelope=twice)
        constant = co.evolve(strong, "ground", T, method=method)
        np.testing.assert_allclose(pulsed.photons, constant.photons, atol=1e-8)


def test_random_phases_begin_a_burst_in_the_mode():
    problem = co.CavityCouplings(alone(20), co.cavity_mode(0.5, 3.0))
    one, two = (
        co.evolve(problem, "inverted", T, method="mean_field", seed=3, threads=threads)
        for threads in (1, 2)
    )
    assert one.photons.max() > 1
    assert np.array_equal(one.photons, two.photons)


def test_too_few_photons_end_the_run():
    problem = co.CavityCouplings(alone(3), co.cavity_mode(1.0, 0.5), photons=2)
    for method in ("exact", "blocks", "symmetric"):
        with pytest.raises(errors.EvolutionError, match=r"photons=6"):
            co.evolve(problem, "inverted", T, method=method)
    with pytest.raises(ValueError, match="photons=4"):
        co.steady_state(co.CavityCouplings(alone(1, pump=1.0), co.cavity_mode(1.0, 0.5), 1))


def test_other_engines_refuse_a_mode_by_name():
    problem = co.CavityCouplings(emitters(2), random_mode(2))
    for method in ("driven", "trajectories"):
        with pytest.raises(ValueError, match=f"method '{method}' takes emitters alone"):
            co.evolve(problem, "inverted", T, method=method)
    driven = co.CavityCouplings(identical(2), co.cavity_mode(1.0, 1.0, drive=0.1), photons=4)
    for method in ("blocks", "cumulants"):
        with pytest.raises(ValueError, match=f"method '{method}'.*drive.*use method="):
            co.evolve(driven, "ground", T, method=method)
    with pytest.raises(ValueError, match="unequal"):
        co.evolve(problem.replace(couplings=identical(2)), "inverted", T, method="symmetric")
    with pytest.raises(ValueError, match=r"evolve\(\.\.\.\) gives the light of a decay"):
        co.observables.cavity_light(problem)


def test_a_result_with_a_mode_is_saved_and_loaded(tmp_path):
    problem = co.CavityCouplings(emitters(2), random_mode(2, drive=0.1j), photons=6)
    result = co.evolve(problem, "inverted", T, observe=("states", "correlations"))
    again = co.load(result.save(tmp_path / "mode"))
    assert again == result
    assert again.couplings == problem
    assert again.states[0].dims == [[2, 2, 7], [2, 2, 7]]
    data = result.to_xarray()
    np.testing.assert_array_equal(data.photons, result.photons)
    np.testing.assert_array_equal(data.mode_coupling, problem.coupling)
    assert "tavis1968" in co.citation(result)


@pytest.mark.parametrize("method", ["blocks", "symmetric", "cumulants", "mean_field"])
def test_an_interrupted_run_continues_as_it_was(method, tmp_path, monkeypatch):
    problem = co.CavityCouplings(identical(2), co.cavity_mode(0.7, 0.9, -0.3))
    state = co.states.coherent(1.0, 0.2) if method == "mean_field" else "inverted"
    whole = co.evolve(problem, state, T, method=method)
    from collective.engines import mode_run

    step, taken = mode_run.ModeRun.advance, []

    def interrupted(run):
        taken.append(1)
        if len(taken) == 5:
            raise KeyboardInterrupt
        step(run)

    monkeypatch.setattr(mode_run.ModeRun, "advance", interrupted)
    file = tmp_path / "run"
    part = co.evolve(problem, state, T, method=method, checkpoint=file)
    assert not part.complete
    monkeypatch.undo()
    rest = co.evolve(problem, state, T, method=method, checkpoint=file)
    for name in ("photons", "emission", "populations"):
        np.testing.assert_array_equal(getattr(rest, name), getattr(whole, name))


def test_the_spectrum_of_the_mode_is_that_of_qutip():
    atoms = co.Couplings([[0.3]], [[0.0]], pump=1.0, dephasing=0.05, detunings=0.3)
    problem = co.CavityCouplings(atoms, co.cavity_mode(0.8, 2.0, -0.4), photons=7)
    w = np.array([-1.0, 0.2])
    found = co.observables.cavity_light(problem, w, method="symmetric")
    a = qutip.tensor(qutip.qeye(2), qutip.destroy(8))
    h, jumps = problem.hamiltonian(), problem.collapse_operators()
    both = qutip.spectrum(h, w, jumps, a.dag(), a)
    np.testing.assert_allclose(found.values, 2.0 / (2 * np.pi) * both, rtol=1e-8)
    steady = co.steady_state(problem, result=True)
    assert found.photons == pytest.approx(steady.photons[0], rel=1e-8)
    assert found.output == pytest.approx(2 * found.photons)
    assert found.excitation == pytest.approx(steady.excitation[0], rel=1e-8)


def test_a_superradiant_laser_has_the_linewidth_4g2_over_kappa():
    """Meiser et al., Phys. Rev. Lett. 102, 163601 (2009), deep in its regime Γ ≪ p ≪ NC."""
    n, g, kappa = 10_000, 60.0, 1e5
    nothing = np.broadcast_to(0.0, (n, n))
    laser = co.CavityCouplings(co.Couplings(nothing, nothing, pump=20.0), co.cavity_mode(g, kappa))
    found = co.observables.cavity_light(laser)
    assert found.linewidth == pytest.approx(4 * g**2 / kappa, rel=0.02)
    assert found.output == pytest.approx(n * 20.0 / 2, rel=0.02)


@pytest.mark.parametrize("pump", [2.0, 8.0])
def test_the_linewidth_follows_from_the_steady_state_in_closed_form(pump):
    r"""Δω = 2Nγ|g|²(e − C)/(n(κ/2 + γ)²), γ = (Γ + p)/2, from the two slow equations."""
    n, g, kappa = 400, 3.0, 1e3
    atoms = co.Couplings(np.eye(n), np.zeros((n, n)), pump=pump)
    found = co.observables.cavity_light(co.CavityCouplings(atoms, co.cavity_mode(g, kappa)))
    width, e = (1 + pump) / 2, found.excitation / n
    flow = found.output / n  # photons per emitter: 2α, and C = zα/γ
    pairs = (2 * e - 1) * flow / 2 / width
    wanted = 2 * n * width * g**2 * (e - pairs) / (found.photons * (kappa / 2 + width) ** 2)
    assert found.linewidth == pytest.approx(wanted, rel=0.01)
    assert flow == pytest.approx(pump * (1 - e) - e, rel=1e-6)  # what is pumped and not lost


def test_frequencies_add_up_to_the_output():
    atoms = co.Couplings(np.eye(5), np.zeros((5, 5)), pump=3.0)
    problem = co.CavityCouplings(atoms, co.cavity_mode(1.0, 6.0))
    fine = co.observables.cavity_light(problem, np.linspace(-60, 60, 4001))
    total = integrate.simpson(fine.values, x=fine.frequencies)
    # beyond ±60 the spectrum falls as ω⁻⁴
    assert total == pytest.approx(fine.output, rel=1e-3)
    assert fine.values.argmax() == 2000


@pytest.mark.slow
def test_six_emitters_in_blocks_and_exactly():
    chain = co.couple(co.chain(6, 0.2), co.Vacuum())
    problem = co.CavityCouplings(chain, co.cavity_mode(0.8 * np.exp(0.3j * np.arange(6)), 2.0))
    exact, blocks = (
        co.evolve(problem, "inverted", T, method=method) for method in ("exact", "blocks")
    )
    np.testing.assert_allclose(blocks.emission, exact.emission, atol=1e-8)
    np.testing.assert_allclose(blocks.photons, exact.photons, atol=1e-8)


@pytest.mark.slow
def test_second_order_of_a_laser_comes_close_to_dicke_states():
    atoms = co.Couplings(0.1 * np.eye(12), np.zeros((12, 12)), pump=0.5)
    problem = co.CavityCouplings(atoms, co.cavity_mode(1.0, 20.0), photons=7)
    exact, second = (
        co.observables.cavity_light(problem, [0.0], method=method)
        for method in ("symmetric", "cumulants")
    )
    assert second.photons == pytest.approx(exact.photons, rel=0.15)
    assert second.excitation == pytest.approx(exact.excitation, rel=0.1)


def test_noise_that_emitters_share_is_taken_or_refused_by_name():
    shared = {"pump": 0.05 * np.ones((2, 2)), "dephasing": 0.1 * np.ones((2, 2))}
    mode = co.cavity_mode(0.4, 0.9)
    problem = co.CavityCouplings(identical(2, **shared), mode, 6)
    exact, symmetric = (
        co.evolve(problem, "inverted", T, method=method) for method in ("exact", "symmetric")
    )
    np.testing.assert_allclose(symmetric.photons, exact.photons, atol=1e-8)
    np.testing.assert_allclose(symmetric.emission, exact.emission, atol=1e-8)
    alone = co.CavityCouplings(identical(2, pump=0.05, dephasing=0.1), mode, 6)
    other = co.evolve(alone, "inverted", T, method="symmetric")
    assert abs(other.photons - exact.photons).max() > 1e-4
    for method in ("blocks", "cumulants", "mean_field"):
        with pytest.raises(ValueError, match=f"method '{method}' takes the .* of each emitter"):
            co.evolve(problem, "inverted", T, method=method)
    with pytest.raises(ValueError, match="each emitter alone"):
        co.observables.cavity_light(problem)


def test_ising_terms_beside_a_mode():
    """Two excited emitters have the energy V: exactly, in blocks and on ladders the same."""
    mode = co.cavity_mode(0.7, 0.9)
    pair = np.array([[0, 1.5], [1.5, 0]])
    problem = co.CavityCouplings(identical(2).replace(ising=pair), mode)
    plain = co.evolve(problem.replace(couplings=identical(2)), "inverted", T, method="blocks")
    exact, blocks, symmetric = (
        co.evolve(problem, "inverted", T, method=m) for m in ("exact", "blocks", "symmetric")
    )
    np.testing.assert_allclose(blocks.photons, exact.photons, atol=1e-8)
    np.testing.assert_allclose(symmetric.photons, exact.photons, atol=1e-8)
    assert abs(plain.photons - exact.photons).max() > 1e-3
    for method in ("cumulants", "mean_field"):
        with pytest.raises(ValueError, match="does not treat Ising terms"):
            co.evolve(problem, "inverted", T, method=method)
    pumped = problem.replace(couplings=identical(2, pump=1.0).replace(ising=pair))
    with pytest.raises(ValueError, match="Ising terms"):
        co.observables.cavity_light(pumped)
