"""`Atoms`: spherical vectors, rotations, decay rates, copies, bad arguments."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import rotation

import collective as co
from collective.emitters.spherical import spherical_vectors

ORIGIN = [[0, 0, 0]]
PLUS, ZERO, MINUS = np.array([[-1, -1j, 0], [0, 0, np.sqrt(2)], [1, -1j, 0]]) / np.sqrt(2)
NAMES = ("e +1", "e 0", "e -1", "g 0")


def lowering():
    found = np.zeros((1, 3, 4, 4), dtype=complex)
    found[0, :, 3, :3] = np.transpose([PLUS, ZERO, MINUS])
    return found


def test_levels_turn_about_the_axis_like_their_quantum_number():
    """⟨g|d|e, m⟩ turns by e^{−imφ}, as the state m does: a conjugate vector fails here."""
    phi = 0.7
    turn = [[np.cos(phi), -np.sin(phi), 0], [np.sin(phi), np.cos(phi), 0], [0, 0, 1]]
    atoms = co.Atoms.isotropic(ORIGIN)
    turned = atoms.rotated(turn)
    for level, m in enumerate((1, 0, -1)):
        before, after = (each.lowering[0, :, 3, level] for each in (atoms, turned))
        np.testing.assert_allclose(after, np.exp(-1j * m * phi) * before, atol=1e-15)


def test_light_of_m_plus_one_turns_counterclockwise_about_the_axis():
    """Its real field x̂ cos ωt + ŷ sin ωt carries the angular momentum +1."""
    field = co.Atoms.isotropic(ORIGIN).lowering[0, :, 3, 0]
    now, later = (field * np.exp(-1j * phase) for phase in (0.0, 0.1))
    assert np.cross(now.real, later.real)[2] > 0


@given(st.integers(0, 10**6))
def test_spherical_vectors_of_any_axis_are_orthonormal_and_turn_about_it(seed):
    axis = np.random.default_rng(seed).standard_normal(3)
    plus, zero, minus = vectors = spherical_vectors(axis)
    np.testing.assert_allclose(vectors.conj() @ vectors.T, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(zero, axis / np.linalg.norm(axis), atol=1e-14)
    # a right-handed frame: e₊ × e₋ = … and the Condon–Shortley relation e₋ = −e₊*
    np.testing.assert_allclose(minus, -plus.conj(), atol=1e-14)
    np.testing.assert_allclose(np.cross(plus, zero), 1j * plus, atol=1e-14)


def test_spherical_vectors_of_the_opposite_axis():
    plus, zero, _ = spherical_vectors((0, 0, -2))
    np.testing.assert_allclose(zero, (0, 0, -1))
    np.testing.assert_allclose(np.cross(plus, zero), 1j * plus, atol=1e-15)


def test_the_shorthand_makes_the_same_atoms():
    at = [[0, 0, 0], [0, 0, 0.2]]
    energies = np.array([[2.5, 0.5, -1.5, 0], [1.9, -0.1, -2.1, 0]])
    by_hand = co.Atoms(at, NAMES, [True, True, True, False], lowering(), energies=energies)
    assert co.Atoms.isotropic(at, zeeman=2.0, detunings=[0.5, -0.1]) == by_hand
    assert hash(by_hand) == hash(by_hand.replace(axis=(0, 0, 3)))
    assert pickle.loads(pickle.dumps(by_hand)) == by_hand
    np.testing.assert_allclose(by_hand.decay_rates, [1, 1, 1, 0])
    assert by_hand.level("e -1") == by_hand.level(2) == 2
    assert by_hand != by_hand.translated((0, 0, 1))


def test_decay_rates_sum_over_lines_and_ground_levels():
    """A level that decays to two ground levels on two lines."""
    vectors = np.zeros((2, 3, 3, 3), dtype=complex)
    vectors[0, :, 1, 0] = 0.6 * PLUS
    vectors[0, :, 2, 0] = 0.8 * ZERO
    vectors[1, :, 2, 0] = MINUS
    atoms = co.Atoms(
        ORIGIN, ("e", "a", "b"), (1, 0, 0), vectors, linewidths=(2, 0.5), wavenumbers=(6, 5)
    )
    np.testing.assert_allclose(atoms.decay_rates, [2.5, 0, 0])
    assert atoms.channels.shape == (6, 3, 3)
    np.testing.assert_array_equal(atoms.channels[4, 2, 0], vectors[1, 1, 2, 0])
    assert "lines         2, linewidths 0.5 … 2, decay rate of the levels 2.5" in repr(atoms)


@settings(max_examples=5)
@given(st.integers(0, 10**6))
def test_two_rotations_are_one(seed):
    first, second = rotation(seed), rotation(seed + 1)
    atoms = co.Atoms.isotropic(np.random.default_rng(seed).standard_normal((3, 3)), zeeman=1.0)
    twice, once = atoms.rotated(first).rotated(second), atoms.rotated(second @ first)
    for name in ("positions", "lowering", "axis"):
        np.testing.assert_allclose(getattr(twice, name), getattr(once, name), atol=1e-13)


def test_two_level_emitters_as_atoms():
    chain = co.chain(3, 0.2, dipoles=(1, 1j, 0), detunings=[0, 1, 2], frequency=None)
    atoms = co.Atoms.from_emitters(chain)
    np.testing.assert_allclose(atoms.lowering[0, :, 1, 0], chain.dipoles[0])
    np.testing.assert_array_equal(atoms.energies, [[0, 0], [1, 0], [2, 0]])
    with pytest.raises(ValueError, match=r"emitters must be alike.*decay_rates\[2\] = \[?2"):
        co.Atoms.from_emitters(chain.replace(decay_rates=[1, 1, 2]))
    with pytest.raises(ValueError, match="must be electric"):
        co.Atoms.from_emitters(chain.replace(kind="magnetic"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"levels": ("a", "b", "c")},
            r"excited must have one entry per level \(3 names in levels\)",
        ),
        ({"levels": ("a", "b", "b", "c")}, "levels must have different names, but 'b' comes twice"),
        ({"levels": "eeeg"}, "levels must be a list of names"),
        ({"levels": ("a", "b", 3, "c")}, r"levels\[2\] must be a printable name, got 3"),
        ({"levels": list(map(str, range(300)))}, "levels must be at most 200, got 300"),
        ({"excited": (1, 1, 0, 1)}, "levels must list excited levels first, but 'g 0'"),
        ({"excited": (1, 2, 1, 0)}, r"excited\[1\], of level 'e 0', is 2"),
        ({"excited": (1, 1, 1, 1)}, "there must be at least one ground level"),
        ({"excited": (0, 0, 0, 0)}, "there must be at least one excited level"),
        ({"lowering": np.zeros((1, 3, 3, 3))}, r"lowering must have shape \(S, 3, 4, 4\)"),
        ({"lowering": np.zeros((1, 3, 4, 4))}, r"lowering\[0\] is zero"),
        (
            {"lowering": np.swapaxes(lowering(), 2, 3)},
            r"lowering\[0, 0, 0, 3\] = .* leads from 'g 0' to 'e \+1'",
        ),
        ({"linewidths": (1, 1)}, "linewidths must have one entry per line of lowering, 1"),
        ({"linewidths": (-1,)}, r"linewidths must be at least 0: linewidths\[0\] is -1"),
        ({"wavenumbers": (0,)}, r"wavenumbers must be above 0: wavenumbers\[0\] is 0"),
        ({"wavenumbers": (1e-200,)}, "wavenumbers"),
        ({"energies": (1, 2, 3)}, r"one per level \(4,\), or one per atom and level \(1, 4\)"),
        ({"energies": np.inf}, "energies must be finite"),
        ({"axis": (0, 0, 0)}, "axis must not be the zero vector"),
        ({"frequency": -1.0}, "frequency must be above 0"),
        ({"wavelength": 2.0}, "wavelength: the wave numbers of the lines depend on it"),
    ],
)
def test_bad_atoms_are_refused(changes, message):
    atoms = co.Atoms(ORIGIN, NAMES, (1, 1, 1, 0), lowering())
    with pytest.raises(ValueError, match=message):
        atoms.replace(**changes)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(2), "rotation must be a 3 × 3 matrix"),
        (2 * np.eye(3), "rotation must be orthogonal: R Rᵀ differs from 1 by 3"),
        (-np.eye(3), "its determinant is −1: a reflection"),
    ],
)
def test_only_rotations_turn_atoms(matrix, message):
    with pytest.raises(ValueError, match=message):
        co.Atoms.isotropic(ORIGIN).rotated(matrix)


def test_a_level_that_does_not_exist():
    with pytest.raises(ValueError, match=r"'f 0' does not exist: these atoms have 'e \+1'"):
        co.Atoms.isotropic(ORIGIN).level("f 0")
    with pytest.raises(ValueError, match="must be below 4, the number of levels"):
        co.Atoms.isotropic(ORIGIN).level(4)
