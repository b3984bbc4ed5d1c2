"""Parts of emitters and atoms, sums of them, and turned ones."""

import numpy as np
import pytest
from reference import rotation
from scipy.spatial.transform import Rotation

import collective as co

CHAIN = co.chain(5, 0.2, detunings=[0.0, 1.0, 2.0, 3.0, 4.0], decay_rates=np.arange(1, 6))
ATOMS = co.Atoms.isotropic(CHAIN.positions, zeeman=0.3, detunings=CHAIN.detunings)
BOTH = pytest.mark.parametrize("whole", [CHAIN, ATOMS], ids=["emitters", "atoms"])


@BOTH
@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (0, [0]),
        (-1, [4]),
        (np.int64(2), [2]),
        (slice(1, None), [1, 2, 3, 4]),
        (slice(None, None, -2), [4, 2, 0]),
        ([3, 1], [3, 1]),
        (np.array([0, -1]), [0, 4]),
        ([True, False, False, True, False], [0, 3]),
    ],
)
def test_a_part_has_the_chosen_emitters_and_nothing_else_changes(whole, index, expected):
    part = whole[index]
    np.testing.assert_array_equal(part.positions, whole.positions[expected])
    own = "detunings" if whole is CHAIN else "energies"
    np.testing.assert_array_equal(getattr(part, own), getattr(whole, own)[expected])
    if whole is CHAIN:
        np.testing.assert_array_equal(part.decay_rates, np.array(expected) + 1.0)
    assert type(part) is type(whole)
    assert len(part) == len(expected)


def test_the_couplings_of_a_part_are_a_block_of_the_couplings_of_the_whole():
    some = [0, 3, 4]
    whole, part = co.couple(CHAIN, co.Vacuum()), co.couple(CHAIN[some], co.Vacuum())
    np.testing.assert_allclose(part.decay, whole.decay[np.ix_(some, some)], rtol=1e-14)
    np.testing.assert_allclose(part.shift, whole.shift[np.ix_(some, some)], rtol=1e-14)


@BOTH
def test_parts_add_up_to_the_whole_and_loops_end(whole):
    assert whole[:2] + whole[2:] == whole
    assert [len(each) for each in whole] == [1] * 5
    turned = whole[::-1]
    assert turned != whole
    assert turned[::-1] == whole


@BOTH
def test_wrong_indices(whole):
    with pytest.raises(IndexError, match=r"no number 5: the 5 (emitters|atoms) are 0 … 4"):
        whole[5]
    with pytest.raises(IndexError, match="no number -6"):
        whole[[0, -6]]
    for nothing in (slice(3, 3), [], [False] * 5):
        with pytest.raises(ValueError, match="leaves none of the 5"):
            whole[nothing]
    for wrong in (1.0, "0", True, [True, False], [[0]], None, (0, 1.5), {}):
        with pytest.raises(TypeError, match=r"the index of .* must be a whole number, a slice"):
            whole[wrong]
    for wrong in (slice(0.5, None), slice("a", None), slice(True, None)):
        with pytest.raises(TypeError, match="a slice must have whole numbers"):
            whole[wrong]
    with pytest.raises(ValueError, match="step of a slice must not be 0"):
        whole[::0]


def test_only_alike_sets_add_up():
    for changes, name in (
        ({"wavelength": 2.0}, "wavelength"),
        ({"frequency": 1e6}, "frequency"),
        ({"kind": "magnetic"}, "kind"),
    ):
        with pytest.raises(ValueError, match=rf"must have the same {name}, got .*replace.{name}="):
            CHAIN + CHAIN.translated([1, 0, 0]).replace(**changes)
    other = co.Atoms.isotropic([[1, 0, 0]], axis=(1, 0, 0))
    with pytest.raises(ValueError, match=r"same (lowering|axis)"):
        ATOMS + other
    for wrong in (ATOMS, None):
        with pytest.raises(TypeError):
            CHAIN + wrong
    for wrong in (1, [0, 0, 1], (0, 0, 1), np.ones(3), np.float64(2)):
        for whole in (CHAIN, ATOMS):
            with pytest.raises(TypeError, match=r"translated\(\[x, y, z\]\) moves emitters"):
                whole + wrong


def test_numpy_takes_a_set_of_emitters_as_one_object():
    """As before there were parts: NumPy must not make an array of parts of parts."""
    for whole in (CHAIN, ATOMS):
        assert np.asarray(whole).shape == ()
        listed = np.array([whole, whole[:3]], dtype=object)
        assert listed.shape == (2,)
        assert listed[1] == whole[:3]
    with pytest.raises(ValueError, match="decay must be"):
        co.Couplings(CHAIN, CHAIN)


def test_a_turn_of_everything_changes_no_coupling():
    turn = rotation(3)
    atoms = CHAIN.replace(dipoles=[1, 1j, 0.4])
    turned = atoms.rotated(turn)
    for one, other in zip(atoms.positions, turned.positions, strict=True):
        np.testing.assert_allclose(other, turn @ one, atol=1e-14)
    whole, again = (co.couple(each, co.Vacuum()) for each in (atoms, turned))
    np.testing.assert_allclose(again.decay, whole.decay, atol=1e-12)
    np.testing.assert_allclose(again.shift, whole.shift, rtol=1e-11)
    only_places = atoms.replace(positions=atoms.positions @ turn.T)
    assert np.abs(co.couple(only_places, co.Vacuum()).shift - whole.shift).max() > 0.1
    with pytest.raises(ValueError, match="determinant is −1"):
        atoms.rotated(-np.eye(3))
    with pytest.raises(TypeError, match=r"give rotation.as_matrix\(\)"):
        atoms.rotated(Rotation.from_matrix(turn))
