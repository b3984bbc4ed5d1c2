"""Couplings of every kind in files: equal ones come back, and damage is found."""

import mutations
import numpy as np
import pytest

import collective as co

CHAIN = co.chain(3, 0.2, detunings=[0.0, 0.1, -0.2], frequency=1e7)
IN_VACUUM = co.couple(CHAIN, co.Vacuum())
ATOMS = co.Atoms.isotropic(CHAIN.positions, zeeman=0.4)
SHARED = 0.2 * np.ones((3, 3))
WIRE = co.Nanowire(0.01, co.materials.Drude.from_value(-50 + 0.6j, 2 * np.pi))
KINDS = {
    "emitters in vacuum": IN_VACUUM,
    "matrices alone": co.Couplings([[1, 0.2j], [-0.2j, 1]], np.zeros((2, 2))),
    "everything that acts": IN_VACUUM.replace(
        drive=[1.0, 1j, 0.0], pump=SHARED, dephasing=0.1, ising=SHARED - 0.2 * np.eye(3)
    ),
    "thermal light": co.couple(CHAIN, co.Vacuum(), temperature=1e7),
    "one number": co.Couplings(np.broadcast_to(1.0, (9, 9)), np.broadcast_to(0.0, (9, 9))),
    "by displacement": co.couple(co.square(5, 5, 0.3), co.Vacuum(), by_displacement=True),
    "a field with a material": IN_VACUUM.replace(
        decay=IN_VACUUM.decay, shift=IN_VACUUM.shift, field=WIRE
    ),
    "atoms": co.couple(ATOMS.translated([0, 0, 0.3]), co.Mirror()),
    "a cavity mode": co.CavityCouplings(IN_VACUUM, co.CavityMode([0.5, 0.2, 0.1], 2.0, 0.3), 3),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_loaded_equals_what_was_saved(name, tmp_path):
    couplings = KINDS[name]
    written = couplings.save(tmp_path / "new" / "couplings")
    assert written == tmp_path / "new" / "couplings.npz"
    for path in (written, tmp_path / "new" / "couplings"):
        again = co.load(path)
        assert type(again) is type(couplings)
        assert again == couplings
        assert repr(again) == repr(couplings)


def test_numpy_reads_the_matrices(tmp_path):
    with np.load(IN_VACUUM.save(tmp_path / "a")) as file:
        np.testing.assert_array_equal(file["couplings:decay"], IN_VACUUM.decay)
        np.testing.assert_array_equal(file["emitters:positions"], CHAIN.positions)


def test_results_are_loaded_as_before_and_evolve_goes_on_from_loaded_couplings(tmp_path):
    again = co.load(IN_VACUUM.save(tmp_path / "couplings"))
    result = co.evolve(again, "inverted", [0.0, 0.5])
    assert co.load(result.save(tmp_path / "result")) == result
    assert result == co.evolve(IN_VACUUM, "inverted", [0.0, 0.5])


def test_a_field_of_the_user_comes_back_as_none(tmp_path):
    class Own:
        def green(self, r, r_source, k):
            return co.Vacuum().green(r, r_source, k)

    couplings = co.couple(CHAIN, Own())
    again = co.load(couplings.save(tmp_path / "own"))
    assert again.field is None
    assert again == couplings.replace(field=None)


def test_files_that_are_missing_or_of_something_else(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        co.load(tmp_path / "nothing")
    other = tmp_path / "other.npz"
    np.savez(other, a=np.ones(3))
    with pytest.raises(ValueError, match=r"other\.npz is not a result of collective"):
        co.load(other)
    with pytest.raises(ValueError, match="path must name a file"):
        IN_VACUUM.save("")


@pytest.mark.parametrize(
    "name", ["everything that acts", "by displacement", "atoms", "a cavity mode"]
)
def test_damaged_and_edited_files_are_refused_by_name(name, tmp_path):
    couplings = KINDS[name]
    content = couplings.save(tmp_path / "good").read_bytes()
    random = np.random.default_rng(7)
    path, refused = tmp_path / "a file.npz", 0
    for i in range(30):
        if i % 3 == 0:
            path.write_bytes(mutations.damaged(content, random))
        else:
            parts, method = mutations.edited(mutations.members(content), random)
            parts = mutations.signed(parts) if i % 3 == 1 else parts
            path.write_bytes(mutations.zipped(parts.items(), method))
        said, again = loaded_or_said(path)
        refused += bool(said)
        if said:
            assert str(path) in said
            assert "pickle" not in said
        else:
            assert len(again) == len(couplings)
            assert np.isfinite(again.validity().assumptions[0].value)
    assert refused > 15


def loaded_or_said(path):
    """What the error says, and the couplings; one of them is empty."""
    try:
        return "", co.load(path)
    except ValueError as error:
        return str(error), None
