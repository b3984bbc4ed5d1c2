"""One mode of a guide and one of a cavity, against closed forms and master equations by hand."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

import collective as co

K = 2 * np.pi
TIMES = np.linspace(0, 3, 7)
CASCADE = co.Waveguide(1.0, K, chirality=1.0)
BAD_CAVITY = co.Cavity((0.1, 0.2j, -0.15), 5.0, 1.0, side_rate=0.05)
E = co.engines


def in_guide(spacings, **options):
    """Emitters at these spacings along z, in wavelengths of the guide."""
    heights = np.concatenate([[0.0], np.cumsum(spacings)])
    atoms = co.Emitters([[0.2 * (-1) ** m, 0, z] for m, z in enumerate(heights)])
    return co.couple(atoms, co.Waveguide(1.0, K, **options))


@pytest.mark.parametrize("n", [1, 2, 7])
def test_at_whole_wavelengths_all_decay_as_one(n):
    """β|z| = 2πn: Γ has rank one, and nothing is exchanged; in between signs alternate."""
    together = in_guide([n, n, n])
    np.testing.assert_allclose(together.decay, np.ones((4, 4)), atol=1e-12)
    np.testing.assert_allclose(together.collective_rates(), [0, 0, 0, 4], atol=1e-12)
    np.testing.assert_allclose(together.shift, 0, atol=1e-12)
    alternating = in_guide([n + 0.5, n + 0.5])
    np.testing.assert_allclose(alternating.decay[0], [1, -1, 1], atol=1e-12)


@pytest.mark.parametrize("odd", [1, 3, 5])
def test_at_odd_quarters_of_a_wavelength_a_pair_only_exchanges(odd):
    """β|z| = π/2, 3π/2, …: Γ₁₂ = 0, and Δ₁₂ = ±γ/2."""
    pair = in_guide([odd / 4])
    np.testing.assert_allclose(pair.decay, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(pair.shift[0, 1], 0.5 * (-1) ** ((odd - 1) // 2), atol=1e-12)


@pytest.mark.parametrize("direction", [1, -1])
def test_the_axis_turns_the_guide_and_its_length_does_not_matter(direction):
    one = co.couple(co.chain(3, 0.2), co.Waveguide(1.0, K, chirality=0.4))
    turned = co.chain(3, 0.2, axis=(0, 1, 1), dipoles=(1, 0, 0))
    guide = co.Waveguide(1.0, K, chirality=0.4 * direction, axis=(0, 3 * direction, 3 * direction))
    other = co.couple(turned, guide)
    np.testing.assert_allclose(other.decay, one.decay, atol=1e-13)
    np.testing.assert_allclose(other.shift, one.shift, atol=1e-13)


def test_emitters_in_one_plane_across_the_guide_have_no_order():
    """Round-off of their places must not make one of them the first of a cascade."""
    atoms = co.ring(5, 0.3).translated([0.1, 0.7, 0.3])
    found = co.couple(atoms, co.Waveguide(1.0, K, chirality=1.0, axis=(0, 0, 1)))
    np.testing.assert_array_equal(found.shift, 0)
    tilted = co.Emitters([[0.1, 0.2, 0.0], [0.2, 0.1, 0.0], [0.3, 0.0, 0.0]])
    found = co.couple(tilted, co.Waveguide(1.0, K, chirality=1.0, axis=(1, 1, 0)))
    np.testing.assert_array_equal(found.shift, 0)


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.floats(-1, 1))
def test_decay_is_positive_anywhere(seed, chirality):
    rng = np.random.default_rng(seed)
    atoms = co.Emitters(rng.uniform(-100, 100, (6, 3)))
    rates, aside = tuple(rng.uniform(0, 2, 6)), tuple(rng.uniform(0, 0.1, 6))
    guide = co.Waveguide(rates, K, chirality=chirality, side_rate=aside, axis=rng.normal(size=3))
    found = co.couple(atoms, guide)
    assert np.linalg.eigvalsh(found.decay)[0] >= -1e-12
    np.testing.assert_allclose(np.diag(found.decay), np.add(rates, aside), rtol=1e-12)
    along = guide.guided(atoms)
    np.testing.assert_allclose(along["forward"] + along["backward"], rates, rtol=1e-14)
    allowed = 1e-12 + 1e-12 * np.abs(along["forward"])
    assert np.all(np.abs(along["forward"] - (1 + chirality) / 2 * np.array(rates)) <= allowed)


def lowering(n, *others):
    """σ⁻ of each of n emitters as operators, with further factors of these dimensions."""
    rest = [qutip.qeye(size) for size in others]
    return [
        qutip.tensor(*[qutip.sigmam() if k == m else qutip.qeye(2) for k in range(n)], *rest)
        for m in range(n)
    ]


@pytest.mark.parametrize("chirality", [1.0, -1.0, 0.35, 0.0])
def test_the_generator_is_the_series_product_of_cascaded_systems(chirality):
    """Each direction is a cascade (S = 1, L, H): H gains (L₂†L₁ − L₁†L₂)/2i for 2 after 1.

    Source: Gough and James, IEEE Trans. Autom. Control 54, 2530 (2009).
    """
    spacings = [0.13, 0.4]
    heights = np.concatenate([[0.0], np.cumsum(spacings)])
    s = lowering(3)
    hamiltonian, jumps = 0, []
    for order, rate, sign in (([0, 1, 2], 1 + chirality, 1), ([2, 1, 0], 1 - chirality, -1)):
        total, own = 0 * s[0], 0 * s[0]
        for m in order:
            jump = np.sqrt(rate / 2) * np.exp(-1j * sign * K * heights[m]) * s[m]
            own = own + (jump.dag() * total - total.dag() * jump) / 2j
            total = total + jump
        hamiltonian, jumps = hamiltonian + own, [*jumps, total]
    jumps += [np.sqrt(0.3) * each for each in s]
    expected = qutip.liouvillian(hamiltonian, jumps)
    found = in_guide(spacings, chirality=chirality, side_rate=0.3).liouvillian()
    np.testing.assert_allclose(found.full(), expected.full(), atol=1e-12)


@pytest.mark.parametrize("chirality", [1.0, 0.3, -0.6])
def test_a_driven_chiral_pair_ends_in_a_pure_dimer(chirality):
    """|D⟩ ∝ |gg⟩ + α|S⟩, α = −√2Ω/(2δ − i(γ_R − γ_L)), for detunings ±δ: no light leaves.

    Source: Pichler, Ramos, Daley and Zoller, Phys. Rev. A 91, 042116 (2015).
    """
    drive, detuning = 0.7, 0.4
    pair = in_guide([1.0], chirality=chirality)
    pair = pair.replace(drive=drive, detunings=[detuning, -detuning])
    excited, ground = qutip.basis(2, 0), qutip.basis(2, 1)
    singlet = (qutip.tensor(excited, ground) - qutip.tensor(ground, excited)).unit()
    share = -np.sqrt(2) * drive / (2 * detuning - 1j * chirality)
    dimer = (qutip.tensor(ground, ground) + share * singlet).unit()
    found = co.steady_state(pair)
    np.testing.assert_allclose(found.full(), dimer.proj().full(), atol=1e-8)


ENGINES = {
    "exact": E.Exact(),
    "single": E.Single(),
    "blocks": E.Blocks(),
    "driven": E.Driven(),
    "trajectories": E.Trajectories(n=20),
    "cumulants": E.Cumulants(),
    "cumulants of order 3": E.Cumulants(order=3),
    "truncated_wigner": E.TruncatedWigner(n=200),
    "capped": E.Capped(excitations=3),
    "mean_field": E.MeanField(),
    "conditional_cumulants": E.ConditionalCumulants(n=20),
    "symmetric": E.Symmetric(),
    "retarded": E.Retarded(),
}


def test_every_engine_is_tried_on_a_cascade():
    assert {engine.name for engine in ENGINES.values()} == set(E.NAMES)


@pytest.mark.filterwarnings("ignore:the error of method 'truncated_wigner' is estimated")
@pytest.mark.parametrize("chirality", [1.0, -1.0])
@pytest.mark.parametrize("name", ENGINES)
def test_nothing_comes_back_to_the_first_of_a_cascade(name, chirality):
    """Whatever is done to those behind it, the first emitter does not notice, to 1e-12."""
    couplings = in_guide([0.13, 0.13], chirality=chirality, group_velocity=1.0)
    first, last = (0, 2) if chirality > 0 else (2, 0)
    drives = np.zeros((2, 3))
    drives[:, last] = 0.7, 0.2
    options = {"method": ENGINES[name], "seed": 1, "progress": False}
    if name == "symmetric":
        with pytest.raises(ValueError, match="method 'symmetric' is for identical couplings"):
            co.evolve(couplings, "inverted", TIMES, **options)
        return
    if name in (
        "single",
        "retarded",
        "blocks",
        "cumulants of order 3",
    ):  # nothing may drive the emitters
        run = co.evolve(couplings, co.states.single(1), TIMES, **options)
        assert np.abs(run.populations[:, first]).max() <= 1e-12
        assert run.populations[-1, last] > 0.01
        return
    one, other = (
        co.evolve(couplings.replace(drive=drive), "ground", TIMES, **options) for drive in drives
    )
    assert np.abs(one.populations[:, last] - other.populations[:, last]).max() > 0.01
    there = one.populations[:, first]
    assert np.abs(there - other.populations[:, first]).max() <= 1e-12
    if name != "truncated_wigner":  # its ground state has sampled noise
        assert np.abs(there).max() <= 1e-12


@pytest.mark.parametrize("engine", [E.Exact(), E.Driven(), E.Blocks()], ids=lambda e: e.name)
def test_the_second_of_a_cascade_is_excited_by_the_first(engine):
    """c₂ = −γt e^{iβz − γt/2} from an excited first: at most 4/e² of the excitation, at 2/γ."""
    cascade = in_guide([0.3], chirality=1.0)
    found = co.evolve(cascade, co.states.single(0), TIMES, method=engine, progress=False)
    expected = np.stack([np.exp(-TIMES), TIMES**2 * np.exp(-TIMES)], axis=1)
    np.testing.assert_allclose(found.populations, expected, atol=1e-7)


def whole_cavity(g, kappa, detuning, excited, photons):
    """Populations of emitters and a mode together, by QuTiP; the frame turns with the emitters."""
    s = lowering(len(g), photons)
    a = qutip.tensor(*[qutip.qeye(2)] * len(g), qutip.destroy(photons))
    exchange = sum(g[m] * s[m] * a.dag() for m in range(len(g)))
    hamiltonian = -detuning * a.dag() * a + exchange + exchange.dag()
    kets = [qutip.basis(2, 0 if m in excited else 1) for m in range(len(g))]
    start = qutip.tensor(*kets, qutip.basis(photons, 0))
    options = {"atol": 1e-12, "rtol": 1e-10, "nsteps": 10**6}
    numbers = [each.dag() * each for each in s]
    jumps = [np.sqrt(kappa) * a]
    run = qutip.mesolve(hamiltonian, start, TIMES, jumps, e_ops=numbers, options=options)
    return np.array(run.expect).T


@pytest.mark.parametrize(("excited", "offset"), [((0,), 0.0), ((0, 1), 0.4)])
def test_a_bad_cavity_is_the_limit_of_emitters_and_a_mode(excited, offset):
    """With 4g²/κ kept at 1, the error of populations falls as (g/κ)²."""
    unit = np.array([1.0, 0.7 * np.exp(0.8j)])
    errors = []
    for ratio in (0.05, 0.025, 0.0125):
        kappa = 1 / (4 * ratio**2)
        g, detuning = ratio * kappa * unit, offset * kappa
        whole = whole_cavity(g, kappa, detuning, excited, len(excited) + 1)
        couplings = co.couple(co.chain(2, 0.3), co.Cavity(tuple(g), kappa, detuning))
        state = "inverted" if len(excited) == 2 else co.states.single(0)
        found = co.evolve(couplings, state, TIMES, method="exact", progress=False)
        errors.append(np.abs(found.populations - whole).max())
    errors = np.array(errors)
    assert np.all(errors <= 5 * np.array([0.05, 0.025, 0.0125]) ** 2)
    np.testing.assert_allclose(errors[:-1] / errors[1:], 4, rtol=0.12)


def test_rates_and_shifts_of_a_cavity():
    """Γ = 4g²/κ on resonance; far off, Δ = g²/δ; the phase of each coupling enters."""
    atoms = co.chain(2, 0.3)
    resonant = co.couple(atoms, co.Cavity(0.5, 10.0, 0.0))
    np.testing.assert_allclose(resonant.decay, 0.1, rtol=1e-14)
    np.testing.assert_array_equal(resonant.shift, 0)
    far = co.couple(atoms, co.Cavity((0.5, 0.5j), 1.0, 1e4))
    np.testing.assert_allclose(far.shift, 0.25e-4 * np.array([[1, 1j], [-1j, 1]]), rtol=1e-8)
    # the eigenmode that has all the light of the mode decays, every other is dark
    rates = co.couple(co.chain(3, 0.3), co.Cavity(0.5, 10.0, 0.0, side_rate=0.2)).modes().rates
    np.testing.assert_allclose(np.sort(rates), [0.2, 0.2, 0.5], atol=1e-12)


def test_the_elimination_is_reported():
    report = co.couple(co.chain(4, 0.3), co.Cavity(0.5, 10.0, 0.0)).validity()
    row = report["cavity eliminated"]
    assert (row.value, row.verdict) == (pytest.approx(0.2), "fails")
    good = co.couple(co.chain(4, 0.3, detunings=[0, 0, 1, 0]), co.Cavity(0.5, 1e4, 0.0))
    assert good.validity()["cavity eliminated"].verdict == "holds"
    spread = good.validity()["one detuning from the cavity"].value
    np.testing.assert_allclose(spread, 2e-4, rtol=1e-12)


def test_emitters_that_are_all_detuned_from_the_cavity_are_reported():
    """δ counts from ω₀: emitters at ω₀ + 5 are off a mode at ω₀, though none from another."""
    together = co.chain(2, 0.3, detunings=5.0)
    row = co.couple(together, co.Cavity(0.1, 10.0, 0.0)).validity()["one detuning from the cavity"]
    assert (row.value, row.verdict) == (pytest.approx(1.0), "fails")


@settings(max_examples=12)
@given(st.integers(0, 10**6))
def test_decay_in_a_cavity_is_positive_for_any_couplings(seed):
    rng = np.random.default_rng(seed)
    g = rng.standard_normal(6) + 1j * rng.standard_normal(6)
    cavity = co.Cavity(g, 20.0, rng.normal(scale=10), side_rate=rng.uniform(0, 0.1, 6))
    found = co.couple(co.Emitters(rng.uniform(-1, 1, (6, 3))), cavity)
    assert np.linalg.eigvalsh(found.decay)[0] >= -1e-13
    np.testing.assert_allclose(found.shift, found.shift.conj().T, atol=1e-15)


def test_absolute_rates_are_not_measured_in_linewidths_of_the_emitters():
    """Rates per second are no sign of a wrong unit, and a rate of zero is not below a cutoff."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast = co.couple(co.chain(2, 0.25), co.Waveguide(1e11, K))
    assert fast.shift[0, 1] == pytest.approx(5e10)
    with pytest.warns(co.UnitWarning, match="are zero, as its own numbers say"):
        co.couple(co.chain(2, 0.25), co.Waveguide(0.0, K))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: co.Waveguide(1.0, K, chirality=1.2), "chirality must lie between -1 and 1, got"),
        (lambda: co.Waveguide(-1.0, K), "rate must not be negative: rate is -1"),
        (lambda: co.Waveguide((1.0, -2.0), K), r"rate must not be negative: rate\[1\] is -2"),
        (lambda: co.Waveguide((), K), "rate must be a number or one number for each"),
        (lambda: co.Waveguide(1.0, -K), "wavenumber must be above 0"),
        (lambda: co.Waveguide(1.0, K, side_rate=-0.1), "side_rate must not be negative"),
        (lambda: co.Waveguide(1.0, K, axis=(0, 0, 0)), "axis must not be the zero vector"),
        (lambda: co.Cavity(0.1, 0.0, 0.0), "linewidth must be above 0"),
        (lambda: co.Cavity(np.nan, 1.0, 0.0), "coupling must be finite"),
        (lambda: co.Cavity(0.1, 1.0, 1j), "detuning must be real"),
        (lambda: co.Cavity(0.1, 1.0, 0.0, side_rate=-1.0), "side_rate must not be negative"),
    ],
)
def test_impossible_models_are_refused(make, message):
    with pytest.raises(ValueError, match="^" + message):
        make()


@pytest.mark.parametrize(
    ("emitters", "model", "message"),
    [
        (co.chain(3, 0.2), co.Waveguide((1.0, 2.0), K), "rate has 2 numbers, but there are 3"),
        (
            co.chain(2, 0.2, decay_rates=[1, 2]),
            co.Waveguide(0.5, K),
            "rate = 0.5 is one number for all, but emitters.decay_rates differ, from 1 to 2",
        ),
        (
            co.chain(2, 0.2, decay_rates=[1, 2]),
            co.Waveguide((0.5, 1.0), K, side_rate=0.1),
            "side_rate = 0.1 is one number for all",
        ),
        (
            co.chain(2, 0.2, decay_rates=[1, 2]),
            co.Cavity(0.1, 1.0, 0.0),
            "coupling = 0.1 is one number for all",
        ),
        (co.chain(2, 1e4), co.Waveguide(1.0, 1e6), "emitters: they are up to 5e"),
    ],
)
def test_emitters_that_do_not_fit_a_model_are_refused(emitters, model, message):
    for call in (lambda: model.coefficients(emitters), lambda: co.couple(emitters, model)):
        with pytest.raises(ValueError, match="^" + message):
            call()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_good_cavity_is_refused_by_every_engine_of_two_matrices(engine):
    """Nothing can be eliminated above g = √(δ² + κ²/4), and the error says what keeps the mode."""
    couplings = co.couple(co.chain(2, 0.2), co.Cavity(9.0, 0.8, 0.3))
    arguments = couplings, co.states.single(0), TIMES
    if engine == "retarded":
        result = co.evolve(*arguments, method=ENGINES[engine], progress=False)
        assert result.excitation.min() < 0.7
        return
    name = ENGINES[engine].name
    with pytest.raises(ValueError, match=f"method '{name}' uses Γ and Δ.*9 is 18 times") as caught:
        co.evolve(*arguments, method=ENGINES[engine], progress=False)
    assert "use method='retarded'" in str(caught.value)
    assert "co.CavityCouplings" in str(caught.value)


def test_emitters_in_a_good_cavity_exchange_their_excitation_with_it():
    """Two alike emitters, √2 g: e^{−κt/4}(cos Ωt + (κ/4Ω) sin Ωt), Ω² = 2g² − κ²/16."""
    g, kappa, times = 1.1, 0.5, np.linspace(0, 9, 37)
    pair = co.couple(co.chain(2, 0.2), co.Cavity(g, kappa, 0.0))
    found = co.evolve(pair, co.states.dicke(1), times, method="retarded", progress=False)
    omega = np.sqrt(2 * g**2 - kappa**2 / 16)
    c = np.cos(omega * times) + kappa / (4 * omega) * np.sin(omega * times)
    np.testing.assert_allclose(found.excitation, np.exp(-kappa * times / 2) * c**2, atol=1e-8)
    compared = co.compare(pair, co.states.dicke(1), times, engines=["retarded"], progress=False)
    np.testing.assert_array_equal(compared.results["retarded"].excitation, found.excitation)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: co.evolve(c, co.states.single(0), TIMES),
        lambda c: co.steady_state(c.replace(drive=1.0)),
        lambda c: c.liouvillian(),
        lambda c: c.collapse_operators(),
        lambda c: c.modes(),
        lambda c: co.observables.spectrum(c, [0.0], state="inverted"),
        lambda c: co.observables.g2(c.replace(drive=1.0), [0.0]),
        lambda c: co.observables.burst_criterion(c),
        lambda c: co.CavityCouplings(c, co.cavity_mode(0.1, 1.0)).hamiltonian(),
        lambda c: co.compare(c, co.states.single(0), TIMES, engines=["retarded", "single"]),
    ],
)
def test_what_uses_the_two_matrices_of_a_good_cavity_is_refused(call):
    good = co.couple(co.chain(2, 0.2), co.Cavity((9.0, 1j), 0.8, 0.3))
    with pytest.raises(ValueError, match=r"uses Γ and Δ.*coupling: 9 is 18 times √\(δ² \+ κ²/4\)"):
        call(good)


def test_a_good_cavity_is_shown_and_kept_in_files(tmp_path):
    good = co.couple(co.chain(2, 0.2), co.Cavity(9.0, 0.8, 0.3))
    assert repr(good).endswith("only for method='retarded'")
    assert good.validity()["cavity eliminated"].verdict == "fails"
    assert co.load(good.save(tmp_path / "good")) == good
    bad = co.couple(co.chain(2, 0.2), co.Cavity(0.4, 0.8, 0.3))
    assert "retarded" not in repr(bad)


def test_a_field_of_its_own_says_where_two_matrices_describe_nothing():
    class Slow(co.Vacuum):
        def beyond_markov(self, emitters):
            return "light needs a second"

    pair = co.couple(co.chain(2, 0.2), Slow())
    with pytest.raises(ValueError, match="describe nothing here: light needs a second"):
        pair.hamiltonian()

    class Wrong(co.Vacuum):
        def beyond_markov(self, emitters):
            return True

    with pytest.raises(TypeError, match=r"field\.beyond_markov"):
        co.couple(co.chain(2, 0.2), Wrong()).hamiltonian()


def test_linewidths_do_not_enter_and_unequal_emitters_have_numbers_of_their_own():
    guide = co.Waveguide((0.5, 2.0), K, side_rate=(0.1, 0.4))
    found = co.couple(co.chain(2, 1.0, decay_rates=[1, 4]), guide)
    np.testing.assert_allclose(found.decay, [[0.6, 1.0], [1.0, 2.4]], rtol=1e-12)
    scaled = co.couple(co.chain(2, 0.2, decay_rates=7.0), co.Waveguide(0.5, K))
    plain = co.couple(co.chain(2, 0.2), co.Waveguide(0.5, K))
    np.testing.assert_array_equal(scaled.decay, plain.decay)


@pytest.mark.parametrize("model", [CASCADE, BAD_CAVITY], ids=["waveguide", "cavity"])
def test_what_needs_a_tensor_refuses_the_models_by_name(model):
    atoms = co.chain(3, 0.2, frequency=1e6)
    levels = co.Multilevel.from_emitters(atoms)
    couplings = co.couple(atoms, model)
    result = co.evolve(couplings, "inverted", TIMES, observe="correlations", progress=False)
    name = type(model).__name__
    for call, kind, message in (
        (lambda: co.couple(atoms, model, shift="rwa"), ValueError, name),
        (lambda: co.couple(atoms, model, temperature=1.0), ValueError, name),
        (lambda: co.couple(atoms, model, by_displacement=True), ValueError, name),
        (lambda: co.interaction(levels, model), TypeError, name),
        (lambda: co.master_equation(atoms, model), TypeError, name),
        (lambda: co.spectral.bath(levels, model), TypeError, name),
        (lambda: co.check_field(model, atoms.positions), TypeError, name),
        (lambda: co.observables.near_field(result, [[0, 0, 1.0]]), TypeError, name),
        (lambda: co.observables.angular_pattern(result, [1, 0, 0]), ValueError, "far_field"),
    ):
        with pytest.raises(kind, match=message):
            call()


@pytest.mark.parametrize("model", [CASCADE, BAD_CAVITY], ids=["waveguide", "cavity"])
def test_results_in_the_models_are_saved_cited_tabled_and_drawn(model, tmp_path):
    couplings = co.couple(co.chain(3, 0.2), model)
    result = co.evolve(couplings, "inverted", TIMES, observe="correlations", progress=False)
    again = co.load(result.save(tmp_path / "run.npz"))
    assert again.couplings.field == model
    np.testing.assert_array_equal(again.couplings.decay, couplings.decay)
    assert model.citation in co.citation(again)
    np.testing.assert_array_equal(result.to_xarray().emission.values, result.emission)
    report = str(couplings.validity())
    assert "decay matrix positive" in report
    co.plot.populations(result)
    plt.close("all")


def test_a_state_in_a_cavity_evolves_as_the_plain_master_equation_says():
    couplings = co.couple(co.chain(3, 0.2), BAD_CAVITY)
    found = co.evolve(couplings, "inverted", TIMES, observe="correlations", progress=False)
    states = reference.evolve(
        reference.generator_of(couplings), reference.projector(reference.inverted(3)), TIMES
    )
    expected = np.array([reference.correlations(rho) for rho in states])
    np.testing.assert_allclose(found.correlations, expected, atol=1e-9)


@pytest.mark.parametrize("chirality", [0.0, 0.6])
def test_light_before_a_mirror_leaves_through_the_open_end(chirality):
    """γ(1 − √(1 − χ²) cos 2βz) of an emitter alone, and one channel for all together."""
    row = co.chain(3, 0.17).translated([0, 0, 0.3])
    field = co.Waveguide(2.0, K, chirality=chirality, mirror=0.0, group_velocity=4.0)
    couplings = co.couple(row, field)
    away = row.positions[:, 2]
    expected = 2.0 * (1 - np.sqrt(1 - chirality**2) * np.cos(2 * K * away))
    np.testing.assert_allclose(couplings.decay.diagonal(), expected, atol=1e-13)
    np.testing.assert_allclose(field.guided(row)["forward"], expected, atol=1e-13)
    assert not np.any(field.guided(row)["backward"])
    np.testing.assert_allclose(couplings.collective_rates()[:2], 0, atol=1e-12)
    effective = couplings.shift - 0.5j * couplings.decay
    np.testing.assert_allclose(field.memory(row).self_energy(0.0), effective, atol=1e-13)
    late = couplings.validity()["no delay in the guide"]
    assert late.value == pytest.approx(6.0 * 2 * away.max() / 4.0)


def test_emitters_on_both_sides_of_a_mirror_are_refused():
    with pytest.raises(ValueError, match="mirror: the emitters must be on one side"):
        co.couple(co.chain(3, 0.2), co.Waveguide(1.0, K, mirror=0.05))
    with pytest.raises(ValueError, match="group_velocity must be above 0"):
        co.Waveguide(1.0, K, group_velocity=0.0)
