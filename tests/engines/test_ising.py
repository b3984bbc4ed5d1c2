"""Ising terms in every engine, against closed forms, operators and the dense Lindblad equation."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from systems import refusal

import collective as co

QUIET = {"progress": False, "rtol": 1e-10, "atol": 1e-12}
TIMES = np.linspace(0, 2, 9)
EQUATOR = co.states.coherent(np.pi / 2)
REFUSING = ("truncated_wigner", "conditional_cumulants")


def random_interaction(seed, n):
    """A symmetric V with energies of both signs, of the size of Γ."""
    v = np.random.default_rng(seed).normal(size=(n, n))
    return np.triu(v, 1) + np.triu(v, 1).T


def lowering(n):
    """{"a": σ⁻ of emitter 0}, to be observed."""
    return {"a": reference.as_qobj(reference.lowering(n)[0])}


def coherence(ising, detunings, times, *, decay=0.0, pump=0.0, dephasing=0.0):
    """⟨σ⁻_0⟩ of independent emitters from the equator; see `factor`."""
    found = 0.5 * np.exp(-1j * detunings[0] * times - ((decay + pump) / 2 + dephasing) * times)
    for v in ising[0][1:]:
        found = found * factor(v, times, decay, pump)
    return found


def factor(v, times, decay, pump):
    """The mean of exp(−iV∫n dt) over the jumps of a neighbour that starts on the equator.

    Foss-Feig et al., Phys. Rev. A 87, 042101 (2013), eq. (7): with σ^z in place of n, it is
    Φ(J, t) = e^{−λt}[cos(t√(s²−r)) + λt sinc(t√(s²−r))] with λ = (Γ + p)/2, r = Γp and
    s = 2J + i(Γ − p)/2 of J = V/4, and a phase e^{−iVt/2} of the field.
    """
    rate, r = (decay + pump) / 2, decay * pump
    s = v / 2 - 0.5j * (decay - pump)
    root = np.sqrt(s * s - r + 0j)
    sine = times if abs(root) < 1e-12 else np.sin(root * times) / root
    return np.exp(-rate * times - 0.5j * v * times) * (np.cos(root * times) + rate * sine)


def test_the_factor_of_a_neighbour_is_the_mean_over_its_jumps():
    """The same by the exponential of a matrix for the probabilities of excited and ground."""
    v, decay, pump = 1.3, 0.7, 0.4
    matrix = np.array([[-decay - 1j * v, pump], [decay, -pump]])
    wanted = [(expm(matrix * t) @ [0.5, 0.5]).sum() for t in TIMES]
    np.testing.assert_allclose(factor(v, TIMES, decay, pump), wanted, atol=1e-13)


@pytest.mark.parametrize("method", ["exact", pytest.param("driven", marks=pytest.mark.slow)])
def test_coherence_without_decay_has_a_closed_form(method):
    n, delta = 4, np.array([0.3, -0.2, 0.5, 0.0])
    v = random_interaction(1, n)
    atoms = co.Couplings(np.zeros((n, n)), np.zeros((n, n)), ising=v, detunings=delta)
    found = co.evolve(atoms, EQUATOR, TIMES, method=method, observe=lowering(n), **QUIET)
    np.testing.assert_allclose(found.expect["a"], coherence(v, delta, TIMES), atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["exact", "driven"])
def test_coherence_with_decay_and_pump_has_a_closed_form(method):
    """Foss-Feig et al., Phys. Rev. A 87, 042101 (2013)."""
    n, delta, noise = 4, np.zeros(4), {"pump": 0.3, "dephasing": 0.1}
    v = random_interaction(2, n)
    atoms = co.Couplings(0.6 * np.eye(n), np.zeros((n, n)), ising=v, **noise)
    found = co.evolve(atoms, EQUATOR, TIMES, method=method, observe=lowering(n), **QUIET)
    wanted = coherence(v, delta, TIMES, decay=0.6, **noise)
    np.testing.assert_allclose(found.expect["a"], wanted, atol=1e-8)


@pytest.mark.slow
def test_sampled_coherence_with_decay_has_a_closed_form():
    n, v = 4, random_interaction(3, 4)
    atoms = co.Couplings(0.6 * np.eye(n), np.zeros((n, n)), ising=v, dephasing=0.1)
    engine = co.engines.Trajectories(n=4000)
    found = co.evolve(
        atoms, EQUATOR, TIMES, method=engine, observe=lowering(n), seed=3, progress=False
    )
    wanted = coherence(v, np.zeros(n), TIMES, decay=0.6, dephasing=0.1)
    np.testing.assert_allclose(found.expect["a"], wanted, atol=5 * 0.5 / np.sqrt(4000))


def kitagawa_ueda(n, angle):
    """ξ² of one-axis twisting by an angle μ = 2χt; Phys. Rev. A 47, 5138 (1993), eq. (7)."""
    a = 1 - np.cos(angle) ** (n - 2)
    b = 4 * np.sin(angle / 2) * np.cos(angle / 2) ** (n - 2)
    return 1 + (n - 1) / 4 * (a - np.hypot(a, b))


def twisted(n, chi=1.0, decay=0.0, **others):
    """N emitters with χJ_z², each with a decay of its own."""
    twist = co.one_axis_twisting(n, chi)
    return co.Couplings(
        decay * np.eye(n),
        np.zeros((n, n)),
        ising=twist.ising,
        detunings=twist.detunings,
        **others,
    )


@pytest.mark.parametrize("n", [2, 5, 200])
def test_squeezing_by_one_axis_twisting_is_that_of_kitagawa_and_ueda(n):
    times = np.linspace(0, 3 * n ** (-2 / 3), 7)
    found = co.observables.squeezing(
        twisted(n), definition="kitagawa-ueda", state=EQUATOR, times=times
    )
    np.testing.assert_allclose(found, kitagawa_ueda(n, 2 * times), atol=1e-8)
    wineland = co.observables.squeezing(twisted(n), state=EQUATOR, times=times)
    length = np.cos(times) ** (n - 1)  # of the mean spin over N/2
    np.testing.assert_allclose(wineland * length**2, found, atol=1e-8)


def test_squeezing_from_states_is_that_of_kitagawa_and_ueda():
    times = np.linspace(0, 0.4, 3)
    result = co.evolve(twisted(4), EQUATOR, times, method="exact", observe="states", **QUIET)
    found = co.observables.squeezing(result, definition="kitagawa-ueda")
    np.testing.assert_allclose(found, kitagawa_ueda(4, 2 * times), atol=1e-8)


@pytest.mark.parametrize("noise", [{}, {"drive": 0.8 - 0.3j}])
def test_squeezing_between_dicke_states_is_that_of_states(noise):
    """With collective and individual decay, dephasing, a pump and exchange."""
    atoms = twisted(4, 0.7, 0.3, dephasing=0.1, pump=0.2, **noise)
    atoms = atoms.replace(decay=0.3 * np.eye(4) + 0.4, shift=0.5 * (1 - np.eye(4)))
    start, times = co.states.coherent(1.1, 0.6), [0, 0.2, 0.7]
    result = co.evolve(atoms, start, times, method="exact", observe="states", **QUIET)
    for definition in ("wineland", "kitagawa-ueda"):
        wanted = co.observables.squeezing(result, definition=definition)
        found = co.observables.squeezing(atoms, definition=definition, state=start, times=times)
        np.testing.assert_allclose(found, wanted, atol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": [0, 1]}, "needs state and times, but state is missing"),
        ({"state": EQUATOR}, "needs state and times, but times is missing"),
        ({"state": co.states.single(0), "times": [0, 1]}, "state must be a pure symmetric state"),
        ({"state": EQUATOR, "times": [1, 0]}, "times must increase"),
    ],
)
def test_squeezing_of_couplings_says_what_it_needs(arguments, message):
    with pytest.raises(ValueError, match=message):
        co.observables.squeezing(twisted(3), **arguments)


def test_squeezing_of_emitters_that_differ_is_refused():
    atoms = twisted(3).replace(ising=random_interaction(1, 3))
    with pytest.raises(ValueError, match="the Ising terms are not the same for every pair"):
        co.observables.squeezing(atoms, state=EQUATOR, times=[0, 1.0])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 4),
    kind=st.sampled_from(["falls", "dephased", "driven"]),
    unit=st.sampled_from([1.0, 1e-7, 3e9]),
)
def test_exact_engines_agree_with_the_dense_lindblad_equation(seed, n, kind, unit):
    """Random complex Γ and Δ, V of both signs, random states, in several units of rate."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    decay = root @ root.conj().T / n
    shift = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    others = {"detunings": rng.normal(size=n)}
    if kind != "falls":
        others["dephasing"] = rng.random(n)
    if kind == "driven":
        others |= {"drive": rng.normal(size=n) + 1j * rng.normal(size=n), "pump": rng.random(n)}
    scaled = {name: unit * values for name, values in others.items()}
    ising = random_interaction(seed, n)
    atoms = co.Couplings(
        unit * decay, unit * (shift + shift.conj().T) / 2, ising=unit * ising, **scaled
    )
    ket = reference.product_ket(n, 1.2, 0.4)
    times = np.linspace(0, 1.5, 4)
    generator = reference.generator(decay, (shift + shift.conj().T) / 2, ising=ising, **others)
    states = reference.evolve(generator, reference.projector(ket), times)
    wanted = [reference.correlations(rho) for rho in states]
    methods = ["exact", "driven"] if kind == "driven" else ["exact", "driven", "blocks"]
    for method in methods:
        found = co.evolve(
            atoms, co.states.coherent(1.2, 0.4), times / unit, method=method,
            observe="correlations", **QUIET,
        )  # fmt: skip
        np.testing.assert_allclose(found.correlations, wanted, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("drive", [0.0, 0.7])
def test_steady_states_and_species_know_the_interaction(drive):
    """Two species with V_AA, V_BB and V_AB, against all 4^N numbers."""
    labels = np.array([0, 0, 0, 1, 1])
    between = np.array([[0.9, -0.6], [-0.6, 0.4]])
    ising = between[labels][:, labels] * (1 - np.eye(5))
    shift = np.array([[0.3, 0.1], [0.1, 0.7]])[labels][:, labels]
    atoms = co.Couplings(
        0.5 * np.eye(5) + 0.5, shift, ising=ising, drive=drive, pump=0.2, dephasing=0.1,
    )  # fmt: skip
    # from the equator, where coherences between numbers of excitations turn by the interaction
    start = co.states.coherent(1.3)
    options = {"observe": "correlations", **QUIET}
    found = co.evolve(atoms, start, TIMES, method="symmetric", **options)
    wanted = co.evolve(atoms, start, TIMES, method="driven", **options)
    assert found.diagnostics["species"] == [3, 2]
    np.testing.assert_allclose(found.correlations, wanted.correlations, atol=1e-8)
    steady = co.steady_state(atoms)
    assert np.abs((atoms.liouvillian() @ co_vector(steady)).full()).max() < 1e-9


def co_vector(rho):
    import qutip

    return qutip.operator_to_vector(rho)


@pytest.mark.slow
def test_identical_emitters_know_the_interaction():
    atoms = co.Couplings(
        0.5 * np.eye(6) + 0.5, 0.4 * np.ones((6, 6)), ising=0.7, drive=0.8, pump=0.1
    )
    start, options = co.states.coherent(1.3, 0.2), {"observe": "correlations", **QUIET}
    found = co.evolve(atoms, start, TIMES, method="symmetric", **options)
    wanted = co.evolve(atoms, start, TIMES, method="driven", **options)
    np.testing.assert_allclose(found.correlations, wanted.correlations, atol=1e-8)
    steady = co.observables.steady(atoms)
    dense = np.abs((atoms.liouvillian() @ co_vector(co.steady_state(atoms))).full()).max()
    assert dense < 1e-9
    late = co.evolve(atoms, start, [0, 60.0], method="symmetric", **options)
    assert steady.emission == pytest.approx(late.emission[-1], abs=1e-7)


def test_symmetries_leave_the_interaction_unchanged():
    ring = co.couple(co.ring(4, 0.2), co.Vacuum())
    neighbours = np.roll(np.eye(4), 1, axis=1) + np.roll(np.eye(4), -1, axis=1)
    engine = co.engines.Blocks()

    def group(ising):
        atoms = ring.replace(ising=ising)
        return co.methods(atoms, "inverted", [0, 1.0], method=engine).costs["blocks"].work

    assert "one column of 8 by symmetry" in group(0.5 * neighbours)
    uneven = 0.5 * neighbours
    uneven[0, 1] = uneven[1, 0] = 0.9
    assert "one column of 2 by symmetry" in group(uneven)
    turned = co.engines.Blocks(symmetries=[[1, 2, 3, 0]])
    with pytest.raises(ValueError, match="does not leave the Ising terms unchanged"):
        co.evolve(ring.replace(ising=uneven), "inverted", [0, 1.0], method=turned)


@pytest.mark.slow
def test_symmetries_of_the_interaction_change_no_number():
    square = co.couple(co.square(2, 2, 0.2), co.Vacuum()).replace(
        ising=co.van_der_waals(co.square(2, 2, 0.2), 0.2**6)
    )
    options = {"observe": "correlations", **QUIET}
    all_of_them = co.evolve(square, "inverted", TIMES, method="blocks", **options)
    assert all_of_them.diagnostics["symmetries"] == 8
    none = co.evolve(square, "inverted", TIMES, method=co.engines.Blocks(symmetries=[]), **options)
    np.testing.assert_allclose(all_of_them.correlations, none.correlations, atol=1e-9)


@pytest.mark.parametrize("method", REFUSING)
def test_engines_without_the_interaction_refuse_it_by_name(method):
    atoms = co.couple(co.chain(3, 0.2), co.Vacuum()).replace(ising=random_interaction(1, 3))
    largest = np.abs(atoms.ising).max()
    with pytest.raises(ValueError, match=f"{method}.* does not treat Ising terms.*{largest:.4g}"):
        co.evolve(atoms, "inverted", [0, 1.0], method=method)


@pytest.mark.slow
def test_one_number_for_many_emitters_is_for_dicke_states():
    n = 5000
    one, none = (np.broadcast_to(x, (n, n)) for x in (1.0, 0.0))
    atoms = co.Couplings(one, none, ising=0.2)
    times = [0.0, 1e-4]
    dense = co.Couplings(np.eye(2), np.zeros((2, 2)), ising=0.1)
    assert refusal(co.engines.Symmetric(), atoms, "inverted", times) is None
    assert refusal(co.engines.Blocks(), dense, "inverted", times) is None


def test_a_checkpoint_knows_the_interaction(tmp_path):
    one, other = (co.Couplings(np.eye(2), np.zeros((2, 2)), ising=v) for v in (0.3, 0.4))
    options = {"method": "exact", "progress": False, "checkpoint": tmp_path / "run.npz"}
    co.evolve(one, EQUATOR, TIMES, **options)
    with pytest.raises(ValueError, match="another problem"):
        co.evolve(other, EQUATOR, TIMES, **options)


def test_one_excitation_does_not_feel_the_interaction():
    chain = co.couple(co.chain(4, 0.2), co.Vacuum())
    strong = chain.replace(ising=50.0)
    options = {"method": "single", "progress": False}
    one, other = (co.evolve(c, co.states.single(0), TIMES, **options) for c in (chain, strong))
    np.testing.assert_allclose(one.populations, other.populations, atol=1e-9)


@pytest.mark.slow
def test_a_blockade_leaves_one_excitation():
    """N emitters within the blockade turn at √N Ω, as one."""
    n, omega = 4, 1.0
    atoms = co.Couplings(np.zeros((n, n)), np.zeros((n, n)), drive=omega, ising=1e3)
    times = np.linspace(0, 2 * np.pi / np.sqrt(n), 5)
    wanted = np.sin(np.sqrt(n) * omega * times / 2) ** 2
    for method in ("driven", "symmetric", co.engines.Capped(excitations=2)):
        found = co.evolve(atoms, "ground", times, method=method, progress=False)
        np.testing.assert_allclose(found.excitation, wanted, atol=5e-3)


@pytest.mark.parametrize("drive", [0.0, 0.9])
def test_mean_field_of_the_interaction_is_first_order(drive):
    """Two formulations of the same equations; the cumulants are held by operator algebra."""
    from collective.engines.cumulants.first import First
    from collective.engines.cumulants.pairs import rates
    from collective.engines.mean_field.equations import Equations

    n = 5
    atoms = co.couple(co.chain(n, 0.2), co.Vacuum()).replace(
        ising=random_interaction(6, n), drive=drive, dephasing=0.1, pump=0.2
    )
    rng = np.random.default_rng(1)
    s = rng.normal(size=n) + 1j * rng.normal(size=n)
    e = rng.random(n)
    mean_field = Equations(atoms)
    ds, de = mean_field.split(mean_field.slope(0.0, mean_field.joined(s[:, None], e[:, None])))
    first = First(rates(atoms), atoms.decay)
    vector = np.concatenate([s.view(float), 2 * e - 1])
    out = np.empty_like(vector)
    first.slope(0.0, vector, out)
    ds_first, dz_first = first.parts(out)
    shared = np.mean(atoms.detunings + atoms.ising.sum(axis=1) / 2)
    turned = ds_first if drive else ds_first - 1j * shared * s  # a frequency of the frame
    np.testing.assert_allclose(ds[:, 0], turned, atol=1e-12)
    np.testing.assert_allclose(2 * de[:, 0], dz_first, atol=1e-12)


def test_mean_field_finds_the_steady_state_with_the_interaction():
    """All alike, so that ⟨σ⁻⟩ and the population of one emitter solve two equations."""
    n, v, omega = 6, -2.0, 1.0
    atoms = co.Couplings(np.eye(n), np.zeros((n, n)), ising=v / (n - 1), drive=omega)
    atoms = atoms.replace(detunings=0.4)
    found = co.observables.steady(atoms, method="mean_field")
    e = found.populations[0]
    shifted = 0.4 + v * e
    assert e == pytest.approx(omega**2 / 4 / (shifted**2 + 0.25 + omega**2 / 2), abs=1e-9)


def test_light_of_interacting_emitters_is_that_of_all_states():
    """g² and the spectrum of a decay by blocks of excitations, against the regression theorem."""
    atoms = co.couple(co.chain(3, 0.2), co.Vacuum()).replace(ising=random_interaction(8, 3))
    delays = [0.0, 0.5, 1.5]
    found = co.observables.g2(atoms, delays, state="inverted")
    generator = reference.generator_of(atoms)
    down = reference.lowering(3)
    rho = reference.projector(reference.inverted(3))

    def photons(matrix):
        terms = [
            atoms.decay[m, k] * down[k] @ matrix @ down[m].T for m in range(3) for k in range(3)
        ]
        return sum(terms)

    def rate(matrix):
        return np.trace(photons(matrix)).real

    after = reference.evolve(generator, photons(rho), np.array(delays))
    later = reference.evolve(generator, rho, np.array(delays))
    wanted = [rate(x) / (rate(rho) * rate(y)) for x, y in zip(after, later, strict=True)]
    np.testing.assert_allclose(found, wanted, atol=1e-8)
