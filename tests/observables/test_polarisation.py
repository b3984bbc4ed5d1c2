"""Light of atoms with manifolds, by transition and through polarisers; populations by level."""

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import collective as co
from collective.observables import patterns

VACUUM = co.Vacuum()
X, Y, Z = np.eye(3)
PLUS = -np.array([1, 1j, 0]) / np.sqrt(2)
MINUS = np.array([1, -1j, 0]) / np.sqrt(2)
HERE = [[0.0, 0.0, 0.0]]
NAMES = ("s", "p", "helicity+", "helicity-")


def unit(rng, *shape):
    vectors = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def two_lines(rng, n=2):
    """Atoms with two excited and two ground levels, all dipoles random, two wave numbers."""
    lowering = np.zeros((2, 3, 4, 4), dtype=complex)
    lowering[0, :, 2, :2] = unit(rng, 2, 3).T
    lowering[1, :, 3, :2] = unit(rng, 2, 3).T
    return co.Atoms(
        rng.uniform(-0.3, 0.3, (n, 3)),
        ("e1", "e2", "g1", "g2"),
        (1, 1, 0, 0),
        lowering,
        linewidths=(0.7, 0.4),
        wavenumbers=(6.3, 5.1),
        axis=rng.normal(size=3),
    )


def random_moment(seed):
    """A random product state of J = 0 → 1 atoms, or of atoms with two lines."""
    rng = np.random.default_rng(seed)
    if seed % 2:
        atoms = two_lines(rng)
    else:
        places = rng.uniform(-0.3, 0.3, (2, 3))
        atoms = co.Atoms.isotropic(places, axis=rng.normal(size=3))
    state = co.states.level_product(unit(rng, len(atoms), 4))
    return co.observables.moment(co.couple(atoms, VACUUM), state)


@settings(max_examples=5)
@given(st.integers(0, 10**6))
def test_all_directions_and_all_transitions_add_up_to_the_emission(seed):
    result = random_moment(seed)
    np.testing.assert_allclose(patterns.far_field(result).total(), result.emission, rtol=1e-10)
    halves = [co.observables.collected(result, axis, 1.0) for axis in ([1, 2, 3], [-1, -2, -3])]
    np.testing.assert_allclose(sum(halves), result.emission, rtol=1e-10)
    each = co.observables.polarised_emission(result)
    np.testing.assert_allclose(each.sum(axis=(1, 2)), result.emission, rtol=1e-12)


@settings(max_examples=5)
@given(st.integers(0, 10**6))
def test_perpendicular_polarisers_share_all_light(seed):
    result = random_moment(seed)
    directions = np.random.default_rng(seed + 1).normal(size=(5, 3))
    seen = {name: patterns.angular_pattern(result, directions, polarisation=name) for name in NAMES}
    whole = patterns.angular_pattern(result, directions)
    np.testing.assert_allclose(seen["s"] + seen["p"], whole, rtol=1e-12)
    np.testing.assert_allclose(seen["helicity+"] + seen["helicity-"], whole, rtol=1e-12)
    assert min(values.min() for values in seen.values()) >= 0


@settings(max_examples=5)
@given(st.integers(0, 10**6))
def test_nothing_changes_if_everything_is_turned(seed):
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed % 2**32).as_matrix()
    atoms = two_lines(rng)
    state, directions = co.states.level_product(unit(rng, 2, 4)), rng.normal(size=(4, 3))
    before = co.observables.moment(co.couple(atoms, VACUUM), state)
    after = co.observables.moment(co.couple(atoms.rotated(turn), VACUUM), state)
    for name in NAMES:
        np.testing.assert_allclose(
            patterns.angular_pattern(after, directions @ turn.T, polarisation=name),
            patterns.angular_pattern(before, directions, polarisation=name),
            atol=1e-12,
        )
    rates = [co.observables.polarised_emission(result) for result in (before, after)]
    np.testing.assert_allclose(*rates, atol=1e-12)


def lowering_operators(atoms):
    """σ⁻ of every channel as QuTiP operators, in the order (atom, line, component)."""
    one = qutip.qeye(len(atoms.levels))
    found = []
    for m in range(len(atoms)):
        for matrix in atoms.channels:
            factors = [one] * len(atoms)
            factors[m] = qutip.Qobj(matrix)
            found.append(qutip.tensor(*factors))
    return found


def test_pattern_is_that_of_the_field_operator():
    """⟨E⁻·E⁺⟩ of each line, with E⁺ written as an operator of QuTiP."""
    rng = np.random.default_rng(5)
    atoms = two_lines(rng)
    channels = co.couple(atoms, VACUUM)
    ket = qutip.Qobj(unit(rng, 16), dims=[[4, 4], [1, 1]])
    result = co.observables.moment(channels, ket)
    lower = lowering_operators(atoms)
    direction, polariser = Rotation.from_euler("zyx", [0.3, 0.8, -0.4]).as_matrix()[:2]
    expected = np.zeros(2)
    for s, (width, k) in enumerate(zip(atoms.linewidths, atoms.wavenumbers, strict=True)):
        field = [0, 0, 0]
        for m, place in enumerate(atoms.positions):
            phase = np.sqrt(3 * width / (8 * np.pi)) * np.exp(-1j * k * direction @ place)
            for row in range(3):
                across = np.eye(3)[row] - direction[row] * direction
                for column in range(3):
                    field[row] += phase * across[column] * lower[6 * m + 3 * s + column]
        expected[0] += sum((part * ket).norm() ** 2 for part in field)
        passed = sum(polariser[row] * field[row] for row in range(3))
        expected[1] += (passed * ket).norm() ** 2
    seen = [
        patterns.angular_pattern(result, direction, polarisation=chosen)[0, 0]
        for chosen in (None, polariser)
    ]
    np.testing.assert_allclose(seen, expected, rtol=1e-12)


def test_emission_of_every_transition_against_operators():
    """Half of each cross term, from the lowering operators about a tilted axis."""
    rng = np.random.default_rng(8)
    turn = Rotation.from_euler("zyx", [0.2, 0.7, 1.1]).as_matrix()
    atoms = co.Atoms.isotropic(rng.uniform(-0.2, 0.2, (2, 3)), axis=turn @ Z)
    channels = co.couple(atoms, VACUUM)
    ket = qutip.Qobj(unit(rng, 16), dims=[[4, 4], [1, 1]])
    lower = lowering_operators(atoms)
    expected = []
    for vector in (turn @ PLUS, turn @ Z, turn @ MINUS):
        rate = 0.0
        for m in range(2):
            own = sum(vector[a].conj() * lower[3 * m + a] for a in range(3))
            for a in range(3):
                for d, other in enumerate(lower):
                    weight = vector[a].conj() * channels.decay[3 * m + a, d]
                    rate += (weight * (own * ket).dag() * (other * ket)).real
        expected.append(rate)
    result = co.observables.moment(channels, ket)
    np.testing.assert_allclose(
        co.observables.polarised_emission(result)[0, 0], expected, rtol=1e-12
    )


def test_branches_of_a_hyperfine_level():
    """F = 1, F′ = 2: Clebsch–Gordan coefficients squared, of QuTiP."""
    channels = co.couple(co.atoms(HERE, ground=1, excited=2), VACUUM)
    for m in (2, 1, 0, -1, -2):
        name = f"e {m:+d}" if m else "e 0"
        result = co.observables.moment(channels, co.states.levels(name))
        expected = [
            qutip.clebsch(1, 1, 2, m - q, q, m) ** 2 if abs(m - q) <= 1 else 0.0 for q in (1, 0, -1)
        ]
        np.testing.assert_allclose(
            co.observables.polarised_emission(result)[0, 0], expected, atol=1e-14
        )


@pytest.mark.parametrize("field", [VACUUM, co.Mirror()])
def test_one_polarisation_is_that_of_two_level_emitters(field):
    """One excitation of "e +1" alone radiates like two-level emitters with this dipole."""
    rng = np.random.default_rng(2)
    places = rng.uniform(0.1, 0.6, (3, 3))
    amplitudes = unit(rng, 3)
    pairs = np.outer(amplitudes.conj(), amplitudes)
    emitters = co.couple(co.Emitters(places, dipoles=PLUS), field)
    expected = co.observables.moment(emitters, pairs)
    whole = np.zeros((3, 3), complex)
    whole[:, 0] = amplitudes
    atoms = co.couple(co.Atoms.isotropic(places), field)
    found = co.observables.moment(atoms, co.states.from_amplitudes(whole))
    np.testing.assert_allclose(found.emission, expected.emission, rtol=1e-12)
    directions = rng.normal(size=(4, 3))
    directions[:, 2] = np.abs(directions[:, 2])
    for chosen in (None, *NAMES, [1, 2j, 0.5]):
        seen = [
            patterns.angular_pattern(each, directions, polarisation=chosen)
            for each in (expected, found)
        ]
        np.testing.assert_allclose(*seen, rtol=1e-10)
    points = [[1.0, 0.2, 0.9], [0.3, -2.0, 0.4]]
    near = [co.observables.near_field(each, points) for each in (expected, found)]
    np.testing.assert_allclose(*near, rtol=1e-10)


def test_rates_of_a_pair_in_closed_form():
    """(|e₊g⟩ + |g e₊⟩)/√2 of two atoms on the axis: σ⁺ alone, Γ₀ + Γ₁₂ of a dipole across."""
    distance = 0.2
    atoms = co.Atoms.isotropic([[0, 0, 0], [0, 0, distance]])
    bright = np.array([[1, 0, 0], [1, 0, 0]]) / np.sqrt(2)
    result = co.observables.moment(co.couple(atoms, VACUUM), co.states.from_amplitudes(bright))
    xi = 2 * np.pi * distance
    shared = 1.5 * (np.sin(xi) / xi + np.cos(xi) / xi**2 - np.sin(xi) / xi**3)
    rates = co.observables.polarised_emission(result)[0, 0]
    np.testing.assert_allclose(rates, [1 + shared, 0, 0], atol=1e-12)


def test_a_polarisation_may_take_up_more_light_than_it_sends():
    """A σ⁻ dipole, driven by its neighbour, is the sink of the pair: a negative rate."""
    atoms = co.Atoms.isotropic([[0, 0, 0], [0.5, 0, 0]])
    channels = co.couple(atoms, VACUUM)
    between = channels.one_excitation()[0][0, 5].real  # from "e -1" of the other to "e +1"
    amplitudes = np.zeros((2, 3))
    amplitudes[0, 0], amplitudes[1, 2] = np.sqrt(0.99), -np.sign(between) * 0.1
    state = co.states.from_amplitudes(amplitudes)
    rates = co.observables.polarised_emission(co.observables.moment(channels, state))[0, 0]
    cross = -abs(between) * np.sqrt(0.99) * 0.1
    np.testing.assert_allclose(rates, [0.99 + cross, 0, 0.01 + cross], atol=1e-12)
    assert rates[2] < 0


def test_helicity_is_the_angular_momentum_along_the_direction():
    start = co.states.levels("e +1")
    result = co.observables.moment(co.couple(co.Atoms.isotropic(HERE), VACUUM), start)
    poles = [[0, 0, 1], [0, 0, -2.0]]
    brightest = 3 / (8 * np.pi)
    right = patterns.angular_pattern(result, poles, polarisation="helicity+")
    np.testing.assert_allclose(right, [[brightest, 0]], atol=1e-15)
    left = patterns.angular_pattern(result, poles, polarisation="helicity-")
    np.testing.assert_allclose(left, [[0, brightest]], atol=1e-15)
    absorbed = patterns.angular_pattern(result, poles, polarisation=(1, 1j, 0))
    np.testing.assert_allclose(absorbed, [[brightest, brightest]], atol=1e-15)


@pytest.mark.parametrize(("kind", "dark"), [("electric", "s"), ("magnetic", "p")])
def test_electric_and_magnetic_dipoles_through_a_polariser(kind, dark):
    """An electric dipole along z has E in the plane of n̂ and z, a magnetic one across it."""
    atom = co.couple(co.Emitters(HERE, dipoles=Z, kind=kind), VACUUM)
    result = co.observables.moment(atom, "inverted")
    directions = np.array([[1.0, 0, 0], [1, 2, 3]])
    np.testing.assert_allclose(
        patterns.angular_pattern(result, directions, polarisation=dark), 0, atol=1e-15
    )
    tilted = np.cos(0.3) * Z + np.sin(0.3) * Y
    share = np.cos(0.3) if kind == "electric" else np.sin(0.3)
    seen = patterns.angular_pattern(result, X, polarisation=tilted)
    np.testing.assert_allclose(seen, 3 / (8 * np.pi) * share**2)


@pytest.mark.parametrize(
    ("polarisation", "message"),
    [
        ("σ+", r"polarisation: σ\+ is the polarisation of a transition"),
        ("t", "polarisation must be one of 's', 'p', 'helicity"),
        ((0, 0, 0), "polarisation must not be the zero vector"),
        ((1, 2), r"polarisation must be one of .* got shape \(2,\)"),
        ("s", r"directions\[1\] = \[0. 0. 1.\] is along the axis"),
        ("p", r"directions\[1\] = \[0. 0. 1.\] is along the axis"),
        ((0, 0, 1j), r"directions\[1\] = \[0. 0. 1.\] is along the polarisation"),
    ],
)
def test_impossible_polarisers_are_refused(polarisation, message):
    result = co.observables.moment(co.couple(co.Emitters(HERE), VACUUM), "inverted")
    with pytest.raises(ValueError, match=message):
        patterns.angular_pattern(result, [[1, 0, 0], [0, 0, 1]], polarisation=polarisation)


def test_moments_of_states_of_atoms():
    """Products and one excitation in closed form, against the whole density matrix."""
    rng = np.random.default_rng(0)
    channels = co.couple(co.Atoms.isotropic(rng.normal(size=(2, 3))), VACUUM)
    product = co.states.level_product(unit(rng, 2, 4))
    one = co.states.from_amplitudes(unit(rng, 6).reshape(2, 3))
    for state in (product, one):
        found = co.observables.moment(channels, state, states=True)
        expected = co.observables.moment(channels, found.states[0])
        np.testing.assert_allclose(found.correlations, expected.correlations, atol=1e-14)
        np.testing.assert_allclose(found.populations, expected.populations, atol=1e-14)
        np.testing.assert_allclose(
            co.states.correlations(state, channels), found.correlations[0], atol=1e-14
        )
    evolved = co.evolve(channels, one, [0, 1], observe="correlations", progress=False).at(0.0)
    moment = co.observables.moment(channels, one)
    for name in ("correlations", "populations", "emission", "excitation"):
        np.testing.assert_allclose(getattr(evolved, name), getattr(moment, name), atol=1e-12)
    with pytest.raises(ValueError, match="correlations alone do not say which levels"):
        co.observables.moment(channels, np.eye(6))


def test_populations_by_name():
    channels = co.couple(co.Atoms.isotropic([[0, 0, 0], [0, 0, 0.3]]), VACUUM)
    result = co.evolve(channels, co.states.levels(["e 0", "g 0"]), [0, 1], progress=False)
    found = co.observables.level_populations(result)
    assert list(found) == ["e +1", "e 0", "e -1", "g 0"]
    np.testing.assert_array_equal(found["e 0"], result.populations[:, :, 1])


def test_observables_of_atoms_refuse_two_level_emitters():
    result = co.observables.moment(co.couple(co.Emitters(HERE), VACUUM), "inverted")
    for observable in (co.observables.polarised_emission, co.observables.level_populations):
        with pytest.raises(ValueError, match="is defined for atoms with manifolds"):
            observable(result)
    channels = co.couple(co.Atoms.isotropic(HERE), VACUUM)
    without = co.evolve(channels, co.states.levels("e 0"), [0, 1], progress=False)
    for observable in (co.observables.polarised_emission, co.observables.far_field):
        with pytest.raises(ValueError, match="needs correlations"):
            observable(without)


def test_couplings_without_a_field_must_be_those_of_vacuum():
    channels = co.couple(co.Atoms.isotropic([[0, 0, 0], [0, 0, 0.2]]), VACUUM)
    state = co.states.levels(["e 0", "g 0"])
    bare = co.ChannelCouplings(channels.decay, channels.shift, channels.atoms)
    seen = patterns.angular_pattern(co.observables.moment(bare, state), X)
    expected = patterns.angular_pattern(co.observables.moment(channels, state), X)
    np.testing.assert_allclose(seen, expected)
    other = co.ChannelCouplings(0.5 * channels.decay, channels.shift, channels.atoms)
    with pytest.raises(ValueError, match=r"differ from those in vacuum by 0\.5"):
        patterns.angular_pattern(co.observables.moment(other, state), X)
