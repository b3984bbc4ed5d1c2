"""Two-level emitters and lattices: normalised dipoles, wave numbers, distances, bad arguments."""

import numpy as np
import pytest

import collective as co


def test_dipoles_are_normalised_and_broadcast():
    atoms = co.Emitters([[0, 0, 0], [1, 0, 0]], dipoles=(1, 1j, 0))
    np.testing.assert_allclose(np.linalg.norm(atoms.dipoles, axis=1), 1)
    np.testing.assert_allclose(atoms.dipoles[1], np.array([1, 1j, 0]) / np.sqrt(2))
    # the squares of such small components underflow
    np.testing.assert_allclose(
        co.Emitters([[0, 0, 0]], dipoles=(0, 3e-200, 4e-200)).dipoles[0, 1], 0.6
    )
    # the inverse of such small components overflows
    mixed = co.Emitters([[0, 0, 0], [0, 0, 1]], dipoles=[(3e-320, 0, 4e-320j), (3, 0, 4j)])
    np.testing.assert_allclose(mixed.dipoles[0], [0.6, 0, 0.8j], rtol=1e-3)  # of few bits
    np.testing.assert_allclose(mixed.dipoles[1], [0.6, 0, 0.8j])
    wave = co.plane_wave(co.chain(1, 1.0), 1.0, direction=(0, 0, 1), polarisation=(1e-310, 0, 0))
    np.testing.assert_array_equal(wave, [1])


def test_wave_numbers_follow_the_detunings_only_at_a_finite_frequency():
    at = [[0, 0, 0], [1, 0, 0]]
    free = co.Emitters(at, detunings=[0, 5], wavelength=2.0)
    np.testing.assert_allclose(free.wavenumbers, np.pi)
    assert free.speed_of_light is None
    finite = free.replace(frequency=100.0)
    np.testing.assert_allclose(finite.wavenumbers, np.pi * np.array([1, 1.05]))
    np.testing.assert_allclose(finite.speed_of_light, 100 / np.pi)


def test_replace_keeps_all_other_values_exactly():
    rng = np.random.default_rng(0)
    for _ in range(50):
        atoms = co.Emitters(np.zeros((1, 3)), dipoles=rng.standard_normal(3) + 1j)
        np.testing.assert_array_equal(atoms.replace(decay_rates=2).dipoles, atoms.dipoles)


def test_direction_vectors_of_any_length_are_normalised():
    far = co.chain(2, 1.0, axis=(1e200, 0, 1e200)).positions[1]
    np.testing.assert_allclose(far, np.array([1, 0, 1]) / np.sqrt(2))
    wave = co.plane_wave(
        co.chain(2, 1.0), 1.0, direction=(0, 0, 1e-200), polarisation=(1e200, 0, 0)
    )
    np.testing.assert_allclose(np.abs(wave), 1)


def test_arrays_are_frozen():
    atoms = co.chain(2, 0.1)
    with pytest.raises(ValueError, match="read-only"):
        atoms.positions[0, 0] = 1
    with pytest.raises(AttributeError):
        atoms.wavelength = 2


def test_the_input_array_is_copied():
    positions = np.zeros((1, 3))
    atoms = co.Emitters(positions)
    positions[0, 0] = 7
    assert atoms.positions[0, 0] == 0


@pytest.mark.parametrize(
    ("lattice", "n", "dipole"),
    [
        (co.chain(5, 0.2), 5, [1, 0, 0]),
        (co.ring(7, 0.2), 7, [0, 0, 1]),
        (co.square(3, 4, 0.2), 12, [0, 0, 1]),
        (co.triangular(3, 4, 0.2), 12, [0, 0, 1]),
        (co.cubic(2, 3, 4, 0.2), 24, [0, 0, 1]),
    ],
    ids=["chain", "ring", "square", "triangular", "cubic"],
)
def test_lattices_have_the_given_spacing(lattice, n, dipole):
    assert len(lattice) == n
    np.testing.assert_allclose(lattice.dipoles[0], dipole)
    distances = np.linalg.norm(lattice.positions[:, None] - lattice.positions, axis=-1)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_allclose(distances.min(axis=1), 0.2)
    np.testing.assert_allclose(lattice.nearest_pair()[0], 0.2)


def test_triangular_lattice_has_six_neighbours():
    r = co.triangular(5, 5, 1.0).positions
    middle = np.argmin(np.linalg.norm(r - r.mean(axis=0), axis=1))
    distances = np.linalg.norm(r - r[middle], axis=1)
    assert np.sum(np.isclose(distances, 1)) == 6


def test_chain_axis_and_options():
    atoms = co.chain(3, 0.5, axis=(0, 3, 4), detunings=[1, 2, 3], decay_rates=2.0)
    np.testing.assert_allclose(atoms.positions[2], [0, 0.6, 0.8])
    np.testing.assert_allclose(atoms.detunings, [1, 2, 3])
    np.testing.assert_allclose(atoms.decay_rates, 2)


@pytest.mark.parametrize("shape", ["ball", "gaussian"])
def test_cloud_is_reproducible_and_keeps_the_minimum_distance(shape):
    one, two = (co.cloud(60, 0.5, shape=shape, min_distance=0.05, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.positions, two.positions)
    assert not np.array_equal(one.positions, co.cloud(60, 0.5, shape=shape, seed=4).positions)
    assert one.nearest_pair()[0] >= 0.05


def test_cloud_shapes():
    ball = np.linalg.norm(co.cloud(4000, 2.0, seed=0).positions, axis=1)
    assert ball.max() <= 2
    np.testing.assert_allclose(np.mean(ball**3), 4, rtol=0.05)  # r³ is uniform on [0, 8]
    gaussian = co.cloud(4000, 2.0, shape="gaussian", seed=0).positions
    np.testing.assert_allclose(gaussian.std(axis=0), 2, rtol=0.05)


def test_translation_and_extent():
    atoms = co.square(2, 2, 1.0).translated((0, 0, 5))
    np.testing.assert_allclose(atoms.positions[:, 2], 5)
    np.testing.assert_allclose(atoms.extent, np.sqrt(2))


def test_nearest_pair_names_the_pair():
    atoms = co.Emitters([[0, 0, 0], [5, 0, 0], [5, 0.5, 0], [9, 0, 0]])
    assert atoms.nearest_pair() == (0.5, (1, 2))
    assert co.Emitters([[0, 0, 0]]).nearest_pair()[0] == np.inf


def test_repr_shows_spacing_detunings_and_frequency():
    text = repr(co.chain(3, 0.25, dipoles=(1, 1j, 0), detunings=[0, 1, 2], frequency=1e7))
    assert "3 two-level emitters" in text
    assert "0.25" in text
    assert "0 … 2" in text
    assert "1e+07" in text
    assert "1 two-level emitter\n" in repr(co.Emitters([[0, 0, 0]]))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0, 0, 0],), {}, r"positions must have shape \(N, 3\)"),
        (([],), {}, "positions must have shape"),
        (([[0, 0, np.nan]],), {}, r"positions must be finite: positions\[0, 2\]"),
        (("here",), {}, "positions must be a number or"),
        (([[0, 0, 1j]],), {}, r"positions must be real: positions\[0, 2\]"),
        (([[0, 0, 0]],), {"dipoles": (0, 0, 0)}, "dipoles is zero"),
        (([[0, 0, 0], [0, 0, 1]],), {"dipoles": [[1, 0, 0], [0, 0, 0]]}, r"dipoles\[1\] is zero"),
        (
            ([[0, 0, 0]],),
            {"dipoles": [[1, 0, 0]] * 2},
            r"dipoles must have shape \(3,\) or \(1, 3\)",
        ),
        (([[0, 0, 0]],), {"decay_rates": -0.5}, "decay_rates must not be below 0.*-0.5"),
        (([[0, 0, 0]],), {"decay_rates": [1, 2]}, "decay_rates must be a number or 1 numbers"),
        (([[0, 0, 0]],), {"detunings": np.inf}, "detunings must be finite"),
        (([[0, 0, 0]],), {"wavelength": 0}, "wavelength must be above 0"),
        (([[0, 0, 0]],), {"frequency": -1}, "frequency must be above 0"),
        (([[0, 0, 0]],), {"frequency": 1, "detunings": -2}, "emitter 0 has 1 \\+ -2"),
    ],
)
def test_bad_arguments_of_emitters_are_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        co.Emitters(*arguments, **options)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: co.chain(0, 0.1), "n must be at least 1, got 0"),
        (lambda: co.chain(2.5, 0.1), "n must be an integer"),
        (lambda: co.chain(3, 0), "spacing must be above 0, got 0"),
        (lambda: co.chain(3, 0.1, axis=(0, 0, 0)), "axis must not be the zero vector"),
        (lambda: co.chain(3, 0.1, axis=(0, 1)), "axis must have three components"),
        (lambda: co.ring(1, 0.1), "n must be at least 2"),
        (lambda: co.square(2, -1, 0.1), "ny must be at least 1"),
        (lambda: co.cloud(5, 1.0, shape="cube", seed=0), "shape must be one of 'ball', 'gaussian'"),
        (lambda: co.cloud(5, 1.0, min_distance=-1, seed=0), "min_distance must not be negative"),
        (lambda: co.cloud(5, 1.0, seed=-1), "seed must be at least 0"),
        (lambda: co.cloud(500, 0.1, min_distance=0.1, seed=0), "leaves no room for emitter"),
    ],
)
def test_bad_arguments_of_lattices_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_emitters_from_si_units_agree_with_natural_units():
    """Γ and Δ in s⁻¹ are those of wavelengths and linewidths, times the linewidth."""
    positions = np.array([[0, 0, 0], [0, 0, 60.0], [30.0, 10.0, 0]]) * 1e-9
    dipole = np.array([1, 1j, 0.5]) * 2e-29
    in_metres = co.Emitters.from_si(positions, dipoles=dipole, wavelength=600e-9)
    linewidth = co.units.linewidth(dipole, 600e-9)
    np.testing.assert_allclose(in_metres.decay_rates, linewidth, rtol=1e-12)
    natural = co.Emitters(positions / 600e-9, dipoles=dipole)
    found, wanted = co.couple(in_metres, co.Vacuum()), co.couple(natural, co.Vacuum())
    np.testing.assert_allclose(found.decay, wanted.decay * linewidth, rtol=1e-9)
    np.testing.assert_allclose(found.shift, wanted.shift * linewidth, rtol=1e-9)
    units = {"length": 600e-9, "rate": linewidth}
    scaled = co.Emitters.from_si(positions, dipoles=dipole, wavelength=600e-9, **units)
    np.testing.assert_allclose(scaled.decay_rates, 1, rtol=1e-12)
    np.testing.assert_allclose(scaled.frequency, co.units.natural_frequency(600e-9, linewidth))
    np.testing.assert_allclose(scaled.speed_of_light * 600e-9 * linewidth, 299792458, rtol=1e-12)


def test_linewidths_from_si_follow_the_frequency_of_each_emitter():
    omega = 2 * np.pi * 299792458 / 600e-9
    pair = co.Emitters.from_si(
        [[0, 0, 0], [0, 0, 1e-7]],
        dipoles=[[1e-29, 0, 0], [0, 2e-29, 0]],
        wavelength=600e-9,
        detunings=[0, 0.1 * omega],
    )
    np.testing.assert_allclose(pair.decay_rates[1] / pair.decay_rates[0], 4 * 1.1**3, rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dipoles": [1e-29, 0]}, ValueError, r"dipoles must have shape \(3,\) or \(2, 3\)"),
        ({"dipoles": [0, 0, 0]}, ValueError, "dipoles is zero"),
        ({"wavelength": -6e-7}, ValueError, "wavelength must be above 0"),
        ({"length": 0}, ValueError, "length must be above 0"),
        ({"dipoles": [10, 0, 0]}, co.UnitWarning, "is it in C·m"),
        ({"dipoles": [1, 0, 0], "kind": "magnetic"}, co.UnitWarning, "is it in J/T"),
        ({"wavelength": 600}, co.UnitWarning, "wavelength: 600 m is longer .* is it in metres"),
    ],
)
def test_bad_arguments_in_si_units(changes, error, message):
    good = {"dipoles": [1e-29, 0, 0], "wavelength": 6e-7}
    with pytest.raises(error, match=message):
        co.Emitters.from_si([[0, 0, 0], [0, 0, 1e-7]], **{**good, **changes})
