"""`couple(level_shifts=False)`: real wave numbers are enough, and Δ_mm is 0."""

import numpy as np
import pytest
import reference

import collective as co
from collective.fields import Mirror

K = 2 * np.pi


class RealAxis:
    """A mirror that is known at real wave numbers alone."""

    def scattered(self, r, r_source, k):
        if np.any(np.imag(k)):
            raise ValueError("measured at real wave numbers")
        return Mirror().scattered(r, r_source, k)

    def green(self, r, r_source, k):
        return co.Vacuum().green(r, r_source, k) + self.scattered(r, r_source, k)


FIELD = RealAxis()
ATOMS = co.Emitters(
    [[0, 0, 0.2], [0.15, 0, 0.3]], dipoles=[(1, 0, 0), (0, 0, 1)], decay_rates=[1.0, 0.7]
)


def with_image(m, n):
    """Γ and Δ of a pair before a mirror: the vacuum's, and those with the image of dipole n.

    The image of a dipole along the surface points the other way, that across it the same way.
    """
    flip = np.diag([1, 1, -1])
    (a, b), (u, v) = ATOMS.positions[[m, n]], ATOMS.dipoles[[m, n]]
    image = reference.vacuum_pair(a, flip @ b, u, -flip @ v, k=K)
    free = (0.0, 0.0) if m == n else reference.vacuum_pair(a, b, u, v, k=K)
    strength = np.sqrt(ATOMS.decay_rates[m] * ATOMS.decay_rates[n])
    return [strength * (x + y) for x, y in zip(free, image, strict=True)]


def test_a_pair_before_a_mirror_is_its_closed_form_without_imaginary_wave_numbers():
    found = co.couple(ATOMS, FIELD, level_shifts=False)
    np.testing.assert_allclose([found.decay[0, 1], found.shift[0, 1]], with_image(0, 1), rtol=1e-12)
    for m in (0, 1):
        own = ATOMS.decay_rates[m] + with_image(m, m)[0]
        np.testing.assert_allclose(found.decay[m, m], own, rtol=1e-12)
    np.testing.assert_array_equal(np.diag(found.shift), 0)


def test_without_the_choice_the_error_names_it():
    with pytest.raises(
        ValueError, match=r"imaginary wave numbers.*level_shifts=False leaves it out"
    ):
        co.couple(ATOMS, FIELD)
    with pytest.raises(ValueError, match="level_shifts=False leaves it out"):
        co.couple(co.Atoms.isotropic(ATOMS.positions), FIELD)
    warm = ATOMS.replace(frequency=1e7)
    with pytest.raises(ValueError, match="level_shifts=False leaves it out"):
        co.couple(warm, FIELD, temperature=1e6)


def test_all_but_the_own_shifts_is_as_with_them():
    warm = ATOMS.replace(frequency=1e7)
    for options in ({}, {"shift": "rwa"}, {"shift": "resonant"}, {"temperature": 1e7}):
        whole, part = (
            co.couple(warm, Mirror(), level_shifts=own, **options) for own in (True, False)
        )
        assert np.all(np.diag(whole.shift) != 0)
        np.testing.assert_array_equal(part.decay, whole.decay)
        np.testing.assert_array_equal(part.shift, whole.shift - np.diag(np.diag(whole.shift)))
        assert part.thermal_photons == whole.thermal_photons


def test_alike_emitters_at_alike_places_evolve_the_same_and_others_do_not():
    alike = co.chain(3, 0.2, axis=(1, 0, 0), dipoles=(0, 0, 1)).translated([0, 0, 0.15])
    times = [0.0, 0.5, 1.5]
    for atoms, same in ((alike, True), (ATOMS, False)):
        state = co.states.single(0)
        whole, part = (
            co.evolve(co.couple(atoms, Mirror(), level_shifts=own), state, times)
            for own in (True, False)
        )
        difference = np.abs(whole.populations - part.populations).max()
        assert difference < 1e-8 if same else difference > 1e-3


def test_a_known_difference_of_level_shifts_is_a_detuning():
    whole = co.couple(ATOMS, Mirror())
    part = co.couple(ATOMS, FIELD, level_shifts=False)
    part = part.replace(detunings=np.diag(whole.shift))
    difference = whole.effective_hamiltonian() - part.effective_hamiltonian()
    np.testing.assert_allclose(difference, 0, atol=1e-12)


def test_couplings_and_their_validity_say_what_is_left_out():
    left_out = co.couple(ATOMS, FIELD, level_shifts=False)
    assert ", level shifts left out\n" in repr(left_out)
    assert left_out.validity()["level shifts"].verdict == "note"
    again = left_out.replace(drive=1.0)
    assert "level shifts left out" in repr(again)
    for whole in (
        co.couple(ATOMS, Mirror()),
        co.couple(ATOMS, co.Vacuum(), level_shifts=False),
        co.couple(ATOMS, co.Cavity([1.0, 1.0], 50.0, 0.0)),
        left_out.replace(shift=np.eye(2)),
    ):
        assert "level shifts" not in repr(whole)
        assert "level shifts" not in str(whole.validity())


def test_atoms_without_level_shifts():
    atoms = co.Atoms.isotropic(ATOMS.positions)
    part, whole = co.couple(atoms, FIELD, level_shifts=False), co.couple(atoms, Mirror())
    np.testing.assert_allclose(part.decay, whole.decay, rtol=1e-13)
    between = np.kron([[0, 1], [1, 0]], np.ones((3, 3)))
    np.testing.assert_allclose(part.shift, whole.shift * between, rtol=1e-13)
    assert np.any(whole.ground_shift)
    assert not np.any(part.ground_shift)
    assert "level shifts left out" in repr(part)
    assert part.validity()["level shifts"].verdict == "note"
    assert "level shifts" not in repr(whole) + str(whole.validity())
    assert "level shifts" not in repr(co.couple(atoms, co.Vacuum()))


def test_by_displacement_without_level_shifts():
    lattice = co.square(3, 3, 0.4, dipoles=(1, 0, 0)).translated([0, 0, 0.2])
    sparing, dense = (
        co.couple(lattice, FIELD, level_shifts=False, by_displacement=by) for by in (True, False)
    )
    np.testing.assert_allclose(np.array(sparing.shift), dense.shift, atol=1e-13)
    assert sparing.shift.own == 0
    assert "level shifts left out" in repr(sparing)
    atoms = co.Atoms.isotropic(lattice.positions)
    sparing, dense = (
        co.couple(atoms, FIELD, level_shifts=False, by_displacement=by) for by in (True, False)
    )
    np.testing.assert_allclose(np.array(sparing.shift), dense.shift, atol=1e-13)
    assert not np.any(sparing.shift.own)
    assert "level shifts left out" in repr(sparing)


def test_a_model_without_a_tensor_has_no_level_shifts_to_leave_out():
    with pytest.raises(ValueError, match=r"level_shifts=False .* no tensor"):
        co.couple(ATOMS, co.Cavity([1.0, 1.0], 50.0, 0.0), level_shifts=False)


@pytest.mark.slow
def test_one_permittivity_is_enough_above_silver_and_beside_a_wire():
    value = -16 + 0.4j
    metal = co.materials.Drude.from_value(value, K)
    above = ATOMS.translated([0.1, 0, -0.1])
    for make in (co.HalfSpace, lambda epsilon: co.Nanowire(0.02, epsilon)):
        part = co.couple(above, make(value), level_shifts=False)
        whole = co.couple(above, make(metal))
        np.testing.assert_allclose(part.decay, whole.decay, rtol=1e-9)
        np.testing.assert_allclose(part.shift[0, 1], whole.shift[0, 1], rtol=1e-9)
