"""Atoms with manifolds on a lattice: Γ and Δ by displacement against the matrices over channels."""

import copy
import pickle
import re

import numpy as np
import pytest

import collective as co
from collective.couplings.by_displacement import stand_in
from collective.couplings.lattice import LatticeMatrix, largest_row, sum_of_squares
from collective.couplings.sites import Sites
from collective.engines.mean_field.levels import LevelEquations
from collective.engines.request import checked
from collective.results.xarray import parts

pytestmark = pytest.mark.filterwarnings("ignore:the error of method")
VACUUM = co.Vacuum()
QUIET = {"progress": False}
SQUARE = co.square(3, 4, 0.3).positions
# a lattice with vacant sites, whose vectors are along no axis and at no right angle
LEANING = np.array([[0.3, 0.1, 0], [0.1, 0.3, 0.1], [0, 0, 0.35]])
BOX = np.stack(np.unravel_index(np.arange(64), (4, 4, 4)), axis=1)
VACANT = BOX[np.random.default_rng(3).choice(64, 40, replace=False)] @ LEANING
CASES = {
    "square": co.Atoms.isotropic(SQUARE, zeeman=0.4, axis=(1, 0.2, 0.3)),
    "any order": co.Atoms.isotropic(SQUARE[np.random.default_rng(0).permutation(12)]),
    "vacant sites": co.Atoms.isotropic(VACANT, detunings=np.linspace(0, 0.3, 40)),
    "two lines": co.Atoms(
        SQUARE,
        ("e", "a", "b"),
        (1, 0, 0),
        [
            [[[0, 0, 0], [0.8, 0, 0], [0, 0, 0]], np.zeros((3, 3)), np.zeros((3, 3))],
            [np.zeros((3, 3)), [[0, 0, 0], [0, 0, 0], [0.6j, 0, 0]], np.zeros((3, 3))],
        ],
        linewidths=(1.0, 0.5),
        wavenumbers=(6.0, 7.0),
    ),
}


def both(atoms, field=VACUUM, **options):
    """The couplings with matrices, and by displacement."""
    return [co.couple(atoms, field, by_displacement=kept, **options) for kept in (False, True)]


@pytest.mark.parametrize("name", CASES)
def test_couplings_by_displacement_are_those_of_the_matrices(name):
    plain, found = both(CASES[name])
    vectors = np.random.default_rng(1).normal(size=(len(plain.decay), 2, 2)) @ [1, 1j]
    for one, other in ((found.decay, plain.decay), (found.shift, plain.shift)):
        assert isinstance(one, LatticeMatrix)
        np.testing.assert_allclose(np.asarray(one), other, atol=1e-13)
        np.testing.assert_allclose(one @ vectors, other @ vectors, atol=1e-12)
        np.testing.assert_allclose(one[4:9], other[4:9], atol=1e-13)
        np.testing.assert_allclose(one.diagonal(), other.diagonal(), atol=1e-13)
        between = np.array(other).reshape(len(plain), one.each, len(plain), one.each)
        between[range(len(plain)), :, range(len(plain))] = 0
        squares = np.abs(between) ** 2
        np.testing.assert_allclose(sum_of_squares(one), squares.sum(), rtol=1e-12)
        np.testing.assert_allclose(largest_row(one), squares.sum(axis=(2, 3)).max(), rtol=1e-12)
        np.testing.assert_allclose(stand_in(one)[0, 1], np.abs(between).max(), rtol=1e-12)
    np.testing.assert_allclose(found.extreme_rates(), plain.extreme_rates(), atol=1e-12)
    np.testing.assert_allclose(found.largest_exchange(), plain.largest_exchange(), rtol=1e-12)
    np.testing.assert_allclose(found.local_hamiltonians(), plain.local_hamiltonians(), atol=1e-13)
    assert str(found) == str(plain)
    for twin in (copy.deepcopy(found), pickle.loads(pickle.dumps(found)), found.replace()):
        assert twin == found
        assert hash(twin) == hash(found)
    assert found.replace(decay=np.asarray(found.decay), field=VACUUM) == found.replace()


@pytest.mark.parametrize("name", CASES)
def test_mean_field_by_displacement_is_that_of_the_matrices(name):
    """The slope, its derivative, the emission, and a step of Newton's method by products."""
    atoms = CASES[name]
    rng, n = np.random.default_rng(2), len(atoms)
    levels = len(atoms.levels)
    made = rng.normal(size=(n, 1, levels, levels)) + 1j * rng.normal(size=(n, 1, levels, levels))
    rho = made @ made.conj().swapaxes(-1, -2)
    rho /= np.trace(rho, axis1=2, axis2=3)[..., None, None]
    drive = rng.normal(size=(len(atoms.channels) * n, 2)) @ [1, 1j]
    plain, found = (LevelEquations(c.replace(drive=drive)) for c in both(atoms))
    y = plain.joined(rho)
    np.testing.assert_allclose(found.slope(0.0, y), plain.slope(0.0, y), atol=1e-12)
    np.testing.assert_allclose(found.emission(y), plain.emission(y), atol=1e-12)
    change = plain.possible(rng.normal(size=len(y)))
    np.testing.assert_allclose(found.derivative(y)(change), plain.derivative(y)(change), atol=1e-11)
    slope = plain.derivative(y)(change)
    np.testing.assert_allclose(found.newton(y, slope), -change, atol=1e-6)
    quick = LevelEquations(both(atoms)[1], single=True).slope(0.0, y)
    precise = LevelEquations(both(atoms)[1]).slope(0.0, y)
    assert 0 < np.abs(quick - precise).max() < 1e-5


def test_a_run_and_its_file_by_displacement(tmp_path):
    """A driven run, its steady state, and a file with the sites of the atoms."""
    atoms = CASES["vacant sites"]
    drive = co.plane_wave(atoms, 0.4, direction=(0, 0, 1), polarisation=(1, 0.3j, 0))
    plain, found = (c.replace(drive=drive) for c in both(atoms))
    runs = [
        co.evolve(c, "ground", [0, 0.5, 1], method="mean_field", **QUIET) for c in (plain, found)
    ]
    np.testing.assert_allclose(runs[1].populations, runs[0].populations, atol=1e-9)
    np.testing.assert_allclose(runs[1].error_estimate, runs[0].error_estimate, rtol=1e-9)
    kept = co.load(runs[1].save(tmp_path / "run.npz"))
    assert kept.couplings == found
    assert isinstance(kept.couplings.shift, LatticeMatrix)
    variables, coordinates, _ = parts(runs[1])
    assert variables["decay"][1].shape == (*found.decay.sites.kernel_shape, 3, 3)
    seen = {**variables, **coordinates}["site_2"][1]
    np.testing.assert_array_equal(seen, found.decay.sites.coordinates[:, 1])
    steady = [co.observables.steady(c, method="mean_field") for c in (plain, found)]
    np.testing.assert_allclose(steady[1].populations, steady[0].populations, atol=1e-9)


def test_weak_light_of_couplings_by_displacement_needs_no_matrix():
    atoms = co.Atoms.isotropic(SQUARE, zeeman=0.4)
    plain, found = (c.replace(detunings=0.2) for c in both(atoms))
    options = {"waist": 1.0, "polarisation": (1, 0, 0)}
    wanted = co.observables.weak_light(plain, [0.3], **options)
    light = co.observables.weak_light(found, [0.3], method="lattice", **options)
    np.testing.assert_allclose(light.transmitted, wanted.transmitted, atol=1e-8)


def test_atoms_beside_a_mirror_keep_their_own_shifts():
    """Γ, Δ and Λ within an atom include the light that comes back to it."""
    atoms = co.Atoms.isotropic(co.square(2, 3, 0.3).translated((0, 0, 0.2)).positions)
    plain, found = both(atoms, co.Mirror())
    np.testing.assert_allclose(np.asarray(found.shift), plain.shift, atol=1e-9)
    np.testing.assert_allclose(np.asarray(found.decay), plain.decay, atol=1e-12)
    np.testing.assert_allclose(found.ground_shift, plain.ground_shift, atol=1e-9)


@pytest.mark.parametrize(
    ("positions", "field", "options", "message"),
    [
        (co.ring(6, 0.2).positions, VACUUM, {}, "by_displacement: the emitters must fill a block"),
        ([[0, 0, 0]], VACUUM, {}, "by_displacement: the emitters must fill a block"),
        (SQUARE, VACUUM, {"shift": "rwa"}, 'the shift must be "full" or "resonant"'),
        (
            co.chain(4, 0.2).translated((0, 0, 0.1)).positions,
            co.Mirror(),
            {},
            "that of others at the same displacement",
        ),
    ],
)
def test_what_is_no_matter_of_displacements_is_refused(positions, field, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        co.couple(co.Atoms.isotropic(positions), field, by_displacement=True, **options)


def test_what_needs_the_matrices_is_refused_by_name():
    _, found = both(CASES["square"])
    start = co.states.levels(["e 0"] + ["g 0"] * 11)
    for method in ("exact", "single", "trajectories", "cumulants"):
        with pytest.raises(ValueError, match=r"36 × 36 matrices.*by_displacement=False"):
            co.evolve(found, start, [0, 1], method=method, **QUIET)
    kernel = found.shift.kernel.copy()
    kernel[0, 0, 1, 2] += 1
    with pytest.raises(ValueError, match="shift must be Hermitian: entries of opposite"):
        found.replace(shift=LatticeMatrix(kernel, found.shift.sites))
    with pytest.raises(ValueError, match=r"kernel of shape \(5, 7, 3, 2\) does not fit"):
        LatticeMatrix(np.zeros((5, 7, 3, 2)), Sites((3, 4)))
    two = co.couple(CASES["two lines"], VACUUM, by_displacement=True)
    kernel = two.decay.kernel.copy()
    kernel[2, 3, 0, 3] = kernel[2, 3, 3, 0] = 0.1
    with pytest.raises(ValueError, match="must not couple different lines"):
        two.replace(decay=LatticeMatrix(kernel, two.decay.sites))


def test_many_atoms_are_stored_by_displacement_of_themselves(monkeypatch):
    """Matrices of 10⁴ atoms would take 14 GB; kernels take some megabytes."""
    monkeypatch.setattr("collective.couplings.of_atoms._MATRICES", 10**12)
    assert isinstance(co.couple(co.Atoms.isotropic(SQUARE), VACUUM).decay, LatticeMatrix)
    for changes, message in (({"shift": "rwa"}, 'the shift must be "full"'), ({}, "must fill a")):
        places = co.ring(6, 0.2).positions if not changes else SQUARE
        with pytest.raises(co.ProblemTooLargeError, match=f"cannot be stored by.*{message}"):
            co.couple(co.Atoms.isotropic(places), VACUUM, **changes)


def test_the_memory_of_a_lattice_of_atoms_is_that_of_its_kernels():
    plain, found = both(co.Atoms.isotropic(co.square(8, 8, 0.3).positions))
    costs = [
        co.engines.MeanField().cost(checked(c, "ground", [0.0, 1.0])).bytes for c in (plain, found)
    ]
    assert costs[1] < costs[0]
