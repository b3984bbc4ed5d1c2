"""Lattices: sites found from places, Γ and Δ by displacement, products by Fourier transforms."""

import copy
import pickle
import re

import numpy as np
import pytest
from user_fields import Waveguide, WholeMirror

import collective as co
from collective.couplings.finding import sites
from collective.couplings.lattice import LatticeMatrix, largest_row, sum_of_squares
from collective.couplings.sites import Sites
from collective.engines.numerics import lattice

VACUUM = co.Vacuum()
RNG = np.random.default_rng(3)
OBLIQUE = np.stack(np.unravel_index(np.arange(24), (4, 3, 2)), axis=1) @ RNG.normal(size=(3, 3))
LATTICES = {
    "chain": co.chain(19, 0.2, axis=(1, 2, 3)),
    "square": co.square(4, 5, 0.3),
    "cubic": co.cubic(3, 2, 4, 0.2, dipoles=(1, 1j, 0)),
    "oblique": co.Emitters(OBLIQUE, dipoles=(0, 1, 1)),
    "triangular": co.triangular(4, 4, 0.2, decay_rates=0.5),
    "shuffled": co.Emitters(RNG.permutation(co.cubic(2, 3, 4, 0.2).positions)),
}


def vectors(n, *more):
    return RNG.normal(size=(n, *more)) + 1j * RNG.normal(size=(n, *more))


@pytest.mark.parametrize("name", LATTICES)
def test_products_by_transforms_are_those_of_the_matrix(name):
    couplings = co.couple(LATTICES[name], VACUUM)
    n = len(couplings)
    found = lattice.of(couplings.replace(detunings=np.arange(n)))
    h = couplings.effective_hamiltonian() + np.diag(np.arange(n))
    for given in (vectors(n), vectors(n, 3)):
        np.testing.assert_allclose(found.product(given), h @ given, atol=1e-12)
        between = h @ given - (np.diag(h) * given.T).T
        np.testing.assert_allclose(found.between(given, workers=2), between, atol=1e-12)
        single = lattice.of(couplings, single=True).between(given)
        assert single.dtype == np.complex64
        np.testing.assert_allclose(single, found.between(given), atol=1e-4)


def test_products_with_one_way_couplings():
    """Complex Γ and Δ that are not symmetric: one mode to the right, another to the left."""
    emitters = co.chain(20, 0.31, axis=(1, 0, 0))
    couplings = co.couple(emitters, Waveguide(right=0.8, left=0.1))
    assert np.iscomplexobj(couplings.decay)
    found, given = lattice.of(couplings), vectors(20, 2)
    exact = couplings.effective_hamiltonian() @ given
    np.testing.assert_allclose(found.product(given), exact, atol=1e-12)


def test_the_places_alone_make_no_lattice():
    chain = co.couple(co.chain(20, 0.2), VACUUM)
    assert lattice.of(chain) is not None
    shift = chain.shift.copy()
    shift[3, 7] = shift[7, 3] = shift[3, 7] + 1e-6
    assert lattice.of(chain.replace(shift=shift, emitters=chain.emitters)) is None
    assert lattice.of(co.Couplings(chain.decay, chain.shift)) is None
    towards = co.couple(co.chain(20, 0.2).translated((0, 0, 0.1)), WholeMirror())
    along = co.couple(co.chain(20, 0.2, axis=(1, 0, 0)).translated((0, 0, 0.1)), WholeMirror())
    assert lattice.of(towards) is None
    assert lattice.of(along) is not None
    one_more = co.couple(co.chain(20, 0.2, dipoles=[[1, 0, 0]] * 19 + [[1, 1, 0]]), VACUUM)
    assert lattice.of(one_more) is None


@pytest.mark.parametrize(
    ("positions", "shape"),
    [
        (co.chain(7, 0.2).positions, (7,)),
        (co.square(3, 4, 0.2).positions, (3, 4)),
        (co.square(1, 5, 0.2).positions, (5,)),
        (OBLIQUE, (4, 3, 2)),
        (co.ring(6, 0.2).positions, None),
        (co.cloud(30, 1.0, seed=1).positions, None),
        (co.square(3, 4, 0.2).positions[[0, 1, 2, 4, 5, 7, 9]], None),  # 7 of 12 do not pay
        (co.chain(7, 0.2).positions + 1e-6 * RNG.normal(size=(7, 3)), None),
        ([[0, 0, 0.0]], None),
    ],
)
def test_sites(positions, shape):
    found = sites(np.asarray(positions))
    assert (None if found is None else found.shape) == shape


def test_sites_of_emitters_in_any_order():
    where = co.cubic(2, 3, 4, 0.2).positions
    order = RNG.permutation(24)
    found = sites(where[order])
    np.testing.assert_allclose(found.on_sites(where[order]).reshape(24, 3), where)
    np.testing.assert_allclose(found.of_emitters(where.reshape(2, 3, 4, 3)), where[order])
    assert [found.nearest(tuple(site)) for site in found.coordinates] == list(range(24))
    for places, message in (
        ([0, 1, 1], "places must name a site of its own for every emitter"),
        ([0, 1, 3], "places must be whole numbers from 0 to 2"),
        ([-1, 0, 1], "places must be whole numbers from 0 to 2"),
        ([0.0, 1.0], "places must be whole numbers from 0 to 2"),
        ([], "places must be whole numbers from 0 to 2"),
    ):
        with pytest.raises(ValueError, match=message):
            Sites((3,), np.array(places))


WARM = {"frequency": 1e6, "detunings": 0.0}
BOTH = {
    "chain": (co.chain(9, 0.2), VACUUM, {}),
    "square": (co.square(4, 5, 0.2, decay_rates=2.0, detunings=np.arange(20)), VACUUM, {}),
    "cubic": (LATTICES["cubic"], VACUUM, {}),
    "shuffled": (LATTICES["shuffled"], VACUUM, {}),
    "warm": (co.chain(5, 0.2, **WARM), VACUUM, {"temperature": 1e6}),
    "mirror": (co.square(3, 4, 0.2).translated((0, 0, 0.2)), WholeMirror(), {}),
}


@pytest.mark.parametrize("name", BOTH)
def test_couplings_by_displacement_are_those_of_the_matrices(name):
    emitters, field, options = BOTH[name]
    plain = co.couple(emitters, field, **options)
    found = co.couple(emitters, field, by_displacement=True, **options)
    assert isinstance(found.decay, LatticeMatrix)
    for one, other in ((found.decay, plain.decay), (found.shift, plain.shift)):
        np.testing.assert_allclose(np.asarray(one), other, atol=1e-13 * np.abs(other).max())
        np.testing.assert_array_equal(one.diagonal(), np.diagonal(np.asarray(one)))
        assert sum_of_squares(one) == pytest.approx(sum_of_squares(other))
        assert largest_row(one) >= largest_row(other) * (1 - 1e-12)
    assert found.largest_exchange() == pytest.approx(plain.largest_exchange())
    assert found.thermal_photons == plain.thermal_photons
    np.testing.assert_array_equal(found.detunings, plain.detunings)
    lowest, highest = found.extreme_rates()
    rates = plain.collective_rates()
    assert rates[0] - 1e-12 <= lowest <= highest <= rates[-1] + 1e-12
    assert highest == pytest.approx(rates[-1], rel=1e-6)
    np.testing.assert_allclose(
        np.sort(found.modes().rates), np.sort(plain.modes().rates), atol=1e-10
    )


def test_a_matrix_by_displacement_is_an_array_in_every_other_respect():
    plain = co.couple(LATTICES["shuffled"], VACUUM).shift
    found = co.couple(LATTICES["shuffled"], VACUUM, by_displacement=True).shift
    given = vectors(24)
    for one, other in (
        (2 * found - 1, 2 * plain - 1),
        (np.abs(found).max(), np.abs(plain).max()),
        (found.sum(axis=0), plain.sum(axis=0)),
        (found[3], plain[3]),
        (found[-2:], plain[-2:]),
        (found[np.array([4, 1])], plain[np.array([4, 1])]),
        (found[2, 5], plain[2, 5]),
        (found @ given, plain @ given),
        (found @ given.real, plain @ given.real),
    ):
        np.testing.assert_allclose(one, other, atol=1e-12)
    assert not np.iscomplexobj(found @ given.real)
    assert (len(found), found.shape, found.ndim, found.dtype) == (24, (24, 24), 2, float)
    assert repr(found) == "LatticeMatrix: 24 × 24, a lattice of 2 × 3 × 4 sites"
    for twin in (copy.deepcopy(found), pickle.loads(pickle.dumps(found)), found.scaled(1.0)):
        np.testing.assert_array_equal(np.asarray(twin), np.asarray(found))
        assert not twin.kernel.flags.writeable


@pytest.mark.parametrize(
    ("emitters", "field", "options", "message"),
    [
        (co.ring(6, 0.2), VACUUM, {}, "by_displacement: the emitters must fill a block"),
        (co.chain(1, 0.2), VACUUM, {}, "by_displacement: the emitters must fill a block"),
        (co.chain(3, 0.2, decay_rates=[1, 1, 2]), VACUUM, {}, "the same rate"),
        (co.chain(2, 0.2, dipoles=[[1, 0, 0], [0, 1, 0]]), VACUUM, {}, "the same dipole"),
        (co.chain(2, 0.2, frequency=100, detunings=[0, 1]), VACUUM, {}, "the same wave number"),
        (co.chain(4, 0.2), VACUUM, {"shift": "rwa"}, 'the shift must be "full"'),
        (co.chain(4, 0.2, axis=(1, 0, 0)), Waveguide(), {}, "has no Green's tensor"),
        (
            co.chain(4, 0.2).translated((0, 0, 0.1)),
            WholeMirror(),
            {},
            "that of others at the same displacement",
        ),
    ],
)
def test_what_is_no_matter_of_displacements_is_refused(emitters, field, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        co.couple(emitters, field, by_displacement=True, **options)


def test_kernels_are_checked():
    good = co.couple(co.chain(4, 0.2), VACUUM, by_displacement=True)
    with pytest.raises(ValueError, match=r"kernel of shape \(5,\) does not fit sites \(4,\)"):
        LatticeMatrix(np.zeros(5), Sites((4,)))
    crooked = good.shift.kernel.copy()
    crooked[0] = 7
    with pytest.raises(ValueError, match="shift must be Hermitian: entries of opposite"):
        co.Couplings(good.decay, LatticeMatrix(crooked, good.shift.sites))
    with pytest.raises(ValueError, match="shift must be finite"):
        co.Couplings(good.decay, LatticeMatrix(crooked * np.nan, good.shift.sites))
    negative = LatticeMatrix(good.decay.kernel - 2, good.decay.sites)
    with pytest.raises(ValueError, match="positive semidefinite: it has an eigenvalue of -"):
        co.Couplings(negative, good.shift)


def test_matrices_are_made_of_what_is_not_stored_in_the_same_way(tmp_path):
    """One matrix of the user, or other sites of as many emitters."""
    plain, found = (
        co.couple(co.square(4, 5, 0.2), VACUUM, by_displacement=sparing)
        for sparing in (False, True)
    )
    turned = co.couple(co.square(5, 4, 0.2), VACUUM, by_displacement=True)
    for changes in ({"decay": np.eye(20)}, {"shift": np.zeros((20, 20))}, {"shift": turned.shift}):
        mixed = found.replace(**changes)
        assert not isinstance(mixed.decay, LatticeMatrix)
        assert not isinstance(mixed.shift, LatticeMatrix)
        wanted = plain.replace(**{name: np.asarray(matrix) for name, matrix in changes.items()})
        np.testing.assert_allclose(mixed.decay, wanted.decay, atol=1e-13)
        np.testing.assert_allclose(mixed.shift, wanted.shift, atol=1e-13)
        result = co.evolve(mixed, "ground", [0.0], method="mean_field", progress=False)
        kept = co.load(result.save(tmp_path / "mixed.npz")).couplings
        np.testing.assert_array_equal(kept.shift, mixed.shift)
    again = found.replace(shift=found.shift.scaled(2.0))
    assert isinstance(again.decay, LatticeMatrix)


@pytest.fixture(scope="module")
def many():
    """40,000 emitters, whose matrices would take 12.8 GB each."""
    return co.couple(co.square(200, 200, 0.2), VACUUM, by_displacement=True)


@pytest.mark.slow
def test_nothing_of_many_emitters_makes_their_matrices(many, tmp_path):
    assert "40000 two-level emitters" in repr(many)
    assert many.validity()["decay matrix positive"].verdict == "holds"
    driven = many.replace(drive=1.0, detunings=0.1)
    assert driven.decay is many.decay
    table = co.methods(driven, "ground", [0, 1.0])
    assert "stored by displacement" in table.refusals["single"]
    assert table.costs["mean_field"].bytes < 1e9
    result = co.evolve(driven, "ground", [0.0], method="mean_field", progress=False)
    kept = co.load(result.save(tmp_path / "many.npz")).couplings
    np.testing.assert_array_equal(kept.shift.kernel, many.shift.kernel)
    assert kept.shift.sites.shape == (200, 200)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(kept)).drive, driven.drive)
    assert result.to_xarray().decay.dims == ("displacement_1", "displacement_2")


@pytest.mark.slow
def test_figures_and_sums_of_many_emitters_need_no_matrix(many, available_memory):
    available_memory(2**32)
    result = co.evolve(many, "ground", [0, 1.0], method="mean_field", progress=False)
    ax = co.plot.emission(result)
    np.testing.assert_array_equal(ax.get_lines()[1].get_ydata(), 0.0)
    square, n = sum_of_squares(many.decay) + 40000, 40000
    found = co.observables.burst_criterion(many)
    assert found.rate == n
    assert not hasattr(many.decay, "full")
    assert many.shift[7, 8] == many.shift[7][8]
    assert many.shift[-1, -2] == pytest.approx(many.shift[0, 1])
    assert found.slope == pytest.approx(square - 2 * n)
    assert co.observables.inverted_g2(many) == pytest.approx(1 + (square - 2 * n) / n**2)
    with pytest.raises(ValueError, match="squeezing needs states"):
        co.observables.squeezing(result)


@pytest.mark.slow
def test_what_needs_the_matrices_of_many_emitters_is_refused(many, available_memory):
    available_memory(2**32)
    for ask in (
        lambda: np.asarray(many.decay),
        lambda: 2 * many.shift,
        many.modes,
        many.collective_rates,
        lambda: co.evolve(many, "inverted", [0, 1.0], method="mean_field", observe="correlations"),
        lambda: co.couple(many.emitters, VACUUM, by_displacement=False),
    ):
        with pytest.raises(co.ProblemTooLargeError):
            ask()
    assert isinstance(co.couple(many.emitters, VACUUM).decay, LatticeMatrix)
    cloud = co.Emitters(10 * RNG.random((10000, 3)))
    with pytest.raises(co.ProblemTooLargeError, match="cannot be stored by displacement: the emi"):
        co.couple(cloud, VACUUM)


def test_files_keep_the_order_of_the_emitters(tmp_path):
    shuffled = co.couple(LATTICES["shuffled"], VACUUM, by_displacement=True)
    result = co.evolve(shuffled, "ground", [0.0], method="mean_field")
    kept = co.load(result.save(tmp_path / "one.npz"))
    np.testing.assert_array_equal(np.asarray(kept.couplings.decay), np.asarray(shuffled.decay))


def test_observables_that_diagonalise_the_matrices_refuse_couplings_by_displacement():
    """The matrices of some thousand emitters fit into memory, but N³ operations take hours."""
    emitters = co.square(3, 3, 0.3, dipoles=(1, 0, 0))
    stored = co.couple(emitters, VACUUM, by_displacement=True)
    for ask in (
        lambda: co.observables.participation_ratios(stored),
        lambda: co.observables.scattering(stored, [0.0], waist=1.0),
    ):
        with pytest.raises(
            ValueError, match=r"9 × 9 matrices and N³ operations.*by_displacement=F"
        ):
            ask()
