"""Lattices with vacant sites: found from places, stored by displacement, kept in files."""

import copy
import pickle
import warnings

import mutations
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from user_fields import Waveguide, WholeMirror

import collective as co
from collective.couplings import finding
from collective.couplings.finding import sites
from collective.couplings.lattice import LatticeMatrix, largest_row, sum_of_squares
from collective.couplings.sites import Sites
from collective.engines.numerics import exchange, lattice

VACUUM = co.Vacuum()
QUIET = {"progress": False}
RNG = np.random.default_rng(15)
TURNED = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
CELLS = np.stack(np.unravel_index(np.arange(6**3), (6, 6, 6)), axis=1).astype(float)
FACES = 0.2 * CELLS @ np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])


def some(positions, share):
    """That share of the positions, drawn at random and in random order."""
    count = round(share * len(positions))
    return RNG.choice(positions, count, replace=False)


def ball(positions):
    """The positions within a ball around their middle that touches the sides."""
    around = positions - positions.mean(axis=0)
    return positions[np.linalg.norm(around, axis=1) <= np.abs(around).max() * 1.001]


EVEN = np.flatnonzero(np.add(*np.indices((8, 8))).ravel() % 2 == 0)[:-3]
PLACES = {
    "chain": some(co.chain(60, 0.3, axis=(1, 2, 3)).positions, 0.6),
    "square": some(co.square(9, 7, 0.3).positions, 0.7),
    "oblong": some(co.cubic(5, 4, 6, 0.2).positions * [1, 1.7, np.pi], 0.7),
    "ball": ball(co.cubic(7, 7, 7, 0.3).positions),
    "far away": some(np.add(co.cubic(5, 5, 5, 0.3).positions, [1e4, -70, 0.1]), 0.7),
    "turned": some(co.cubic(5, 5, 5, 0.3).positions @ TURNED, 0.7),
    "triangular": some(co.triangular(9, 9, 0.3).positions, 0.8),
    "turned triangular": some(co.triangular(9, 9, 0.3).positions @ TURNED, 0.9),
    "disk": ball(co.triangular(13, 15, 0.3).positions),
    "face-centred": some(FACES, 0.9),
    "turned oblong": some(co.square(14, 14, 0.1).positions * [1, 20, 1] @ TURNED, 0.9),
    "turned layers": some(co.cubic(6, 6, 4, 0.2).positions * [1, 1, 6] @ TURNED, 0.9),
    "turned rows": some(co.cubic(8, 4, 4, 0.1).positions * [1, 7, 30] @ TURNED, 0.9),
    "every second": co.square(8, 8, 0.3).positions[EVEN],
}


@pytest.mark.parametrize("name", PLACES)
def test_sites_are_found_from_places_in_any_order(name):
    positions = PLACES[name]
    found = sites(positions)
    assert len(found) == len(positions)
    assert found.vacant > 0
    cells = found.coordinates
    assert len(np.unique(cells, axis=0)) == len(positions)
    np.testing.assert_array_equal(cells.min(axis=0), 0)
    np.testing.assert_array_equal(cells.max(axis=0), np.array(found.shape) - 1)
    # equal differences of sites are equal differences of places
    vectors, left = np.linalg.lstsq(cells - cells[0], positions - positions[0], rcond=None)[:2]
    np.testing.assert_allclose(left, 0, atol=1e-18 + 1e-20 * np.abs(positions).max() ** 2)
    assert np.linalg.matrix_rank(vectors) == len(found.shape)


@pytest.mark.parametrize("name", PLACES)
def test_couplings_by_displacement_are_those_of_the_matrices(name):
    emitters = co.Emitters(PLACES[name], dipoles=(1, 0.5j, 0), decay_rates=2.0)
    plain = co.couple(emitters, VACUUM)
    found = co.couple(emitters, VACUUM, by_displacement=True)
    n = len(emitters)
    given = RNG.normal(size=(n, 2)) + 1j * RNG.normal(size=(n, 2))
    for one, other in ((found.decay, plain.decay), (found.shift, plain.shift)):
        assert isinstance(one, LatticeMatrix)
        size = np.abs(other).max()
        close = {"atol": (1e-12 + 1e-14 * np.abs(emitters.positions).max()) * size, "rtol": 0}
        np.testing.assert_allclose(np.asarray(one), other, **close)
        np.testing.assert_allclose(
            one @ given, other @ given, **{**close, "atol": n * close["atol"]}
        )
        np.testing.assert_array_equal(one.diagonal(), np.diagonal(np.asarray(one)))
        assert sum_of_squares(one) == pytest.approx(sum_of_squares(other))
        assert largest_row(one) == pytest.approx(largest_row(other))
        assert "of them vacant" in repr(one)
    # of pairs that exist: no neighbours if only every second site is taken
    assert found.largest_exchange() == pytest.approx(plain.largest_exchange())
    lowest, highest = found.extreme_rates()
    rates = plain.collective_rates()
    assert rates[0] - 1e-9 <= lowest <= highest <= rates[-1] + 1e-9
    assert highest == pytest.approx(rates[-1], rel=1e-6)
    if n <= 200:
        assert lowest == pytest.approx(rates[0], abs=1e-9)
    assert co.observables.burst_criterion(found).slope == pytest.approx(
        co.observables.burst_criterion(plain).slope
    )


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(2, 5), min_size=1, max_size=3),
    share=st.floats(0.2, 1.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_kernel_gives_the_entries_of_every_pair(shape, share, seed):
    rng = np.random.default_rng(seed)
    count = int(np.prod(shape))
    places = rng.permutation(count)[: max(1, round(share * count))]
    at = Sites(tuple(shape), places)
    kernel = rng.normal(size=at.kernel_shape) + 1j * rng.normal(size=at.kernel_shape)
    kernel = kernel + np.flip(kernel).conj()
    found, n = LatticeMatrix(kernel, at), len(places)
    cells = np.stack(np.unravel_index(places, shape), axis=1)
    dense, pairs = np.zeros((n, n), dtype=complex), np.zeros(at.kernel_shape)
    for i in range(n):
        for j in range(n):
            displacement = tuple(cells[j] - cells[i] + np.array(shape) - 1)
            dense[i, j] = kernel[displacement]
            pairs[displacement] += 1
    np.testing.assert_array_equal(np.asarray(found), dense)
    np.testing.assert_array_equal(at.pairs, pairs)
    np.testing.assert_array_equal(found.kernel == 0, pairs == 0)
    vectors = rng.normal(size=(n, 3)) + 1j * rng.normal(size=(n, 3))
    np.testing.assert_allclose(found @ vectors, dense @ vectors, atol=1e-10)
    between = dense - np.diag(np.diag(dense))
    assert sum_of_squares(found) == pytest.approx(np.sum(np.abs(between) ** 2))
    rows = np.sum(np.abs(between) ** 2, axis=1)
    assert largest_row(found) == pytest.approx(rows.max(), abs=1e-12)
    assert found.largest_between() == np.abs(between).max()
    values = rng.normal(size=(n, 2))
    on_sites = at.on_sites(values)
    np.testing.assert_array_equal(at.of_emitters(on_sites), values)
    assert np.count_nonzero(on_sites) == values.size
    for m, site in enumerate(cells):
        assert at.nearest(tuple(site)) == m
    twin = pickle.loads(pickle.dumps(at))
    assert twin.same(at)
    assert twin.same(copy.deepcopy(at))


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 6), min_size=3, max_size=3),
    steps=st.lists(st.floats(0.05, 3.0), min_size=3, max_size=3),
    share=st.floats(0.6, 0.95),
    seed=st.integers(0, 2**32 - 1),
)
def test_lattices_along_the_axes_are_found_whatever_their_steps(shape, steps, share, seed):
    rng = np.random.default_rng(seed)
    cells = np.stack(np.unravel_index(rng.permutation(int(np.prod(shape))), shape), axis=1)
    cells = cells[: max(1, round(share * len(cells)))]
    positions = cells * steps + rng.normal(size=3)
    found = sites(positions)
    if found is None:  # only where it does not pay
        box = np.ptp(cells, axis=0) + 1
        assert 2 * np.prod(2 * box - 1) > len(cells) ** 2
        return
    assert len(np.unique(found.coordinates, axis=0)) == len(cells)
    apart = found.coordinates - found.coordinates[0]
    vectors = np.linalg.lstsq(apart, positions - positions[0], rcond=None)[0]
    np.testing.assert_allclose(apart @ vectors, positions - positions[0], atol=1e-12)


@pytest.mark.parametrize(
    "positions",
    [
        RNG.random((3000, 3)),
        1e6 + RNG.random((300, 3)),
        RNG.normal(size=(300, 3)) * [1, 1, 0],
        np.round(RNG.random((500, 3)), 3),  # a lattice of 10⁹ sites
        RNG.random((300, 3)) * [0, 0, 1],
        co.cloud(200, 1.0, min_distance=0.1, seed=1).positions,
        co.ring(200, 0.1).positions,
        PLACES["ball"] + 1e-7 * RNG.normal(size=PLACES["ball"].shape),
        np.concatenate([PLACES["ball"], PLACES["ball"][:1]]),  # two emitters at one place
        some(co.cubic(12, 12, 12, 0.3).positions, 0.05),  # so few that it does not pay
        np.multiply.outer([0, 1, 3, 7], [0, 0, 1.0]),
        [[0.1, 0.2, 0.3]],
    ],
)
def test_emitters_at_other_places_have_no_lattice(positions):
    assert sites(np.asarray(positions, dtype=float)) is None


@pytest.mark.parametrize("scale", [1e-90, 1e-9, 1e9, 1e90])
def test_the_unit_of_length_does_not_matter(scale):
    one, other = sites(PLACES["oblong"]), sites(PLACES["oblong"] * scale)
    assert other.same(one)


def test_a_plane_across_a_cubic_lattice_is_a_lattice_of_two_dimensions():
    cells = np.stack(np.unravel_index(np.arange(48**3), (48, 48, 48)), axis=1)
    plane = some(0.3 * cells[cells.sum(axis=1) == 70], 0.8)
    assert finding.pays((48, 48, 48), len(plane))
    assert finding._along_axes(plane / np.ptp(plane, axis=0).max(), 1e-12) is None
    assert len(sites(plane).shape) == 2


def test_rounded_places_are_on_the_sites():
    assert sites(PLACES["ball"] + 1e-11 * RNG.normal(size=PLACES["ball"].shape)) is not None


def test_a_lattice_with_too_many_vacant_sites_is_refused_in_words():
    few = co.Emitters(some(co.cubic(12, 12, 12, 0.3).positions, 0.05))
    assert len(few) == 86
    with pytest.raises(ValueError, match=r"at most N²/2 = 3,698 displacements"):
        co.couple(few, VACUUM, by_displacement=True)


@pytest.mark.parametrize(
    ("drive", "state", "method"),
    [
        (1.0, "ground", "mean_field"),
        (0.0, co.states.coherent(1.0, 0.3), "mean_field"),
        (0.0, "inverted", co.engines.MeanField(phases=3)),
    ],
)
def test_mean_field_by_displacement_is_that_of_the_matrices(drive, state, method):
    emitters = co.Emitters(PLACES["ball"], dipoles=(1, 0, 0))
    drive = drive * np.exp(2j * np.pi * emitters.positions[:, 2])
    plain, found = (
        co.couple(emitters, VACUUM, by_displacement=sparing).replace(drive=drive, pump=0.1)
        for sparing in (False, True)
    )
    assert exchange.kind(plain) == "matrix"
    assert exchange.kind(found) == "lattice"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the estimated error
        one, other = (
            co.evolve(
                c, state, [0, 0.3, 1.0], method=method, seed=2, rtol=1e-11, atol=1e-13, **QUIET
            )
            for c in (plain, found)
        )
    # with random phases products are computed in single precision
    close = 1e-10 if one.shots is None else 2e-4
    np.testing.assert_allclose(other.emission, one.emission, rtol=close)
    np.testing.assert_allclose(other.populations, one.populations, atol=close)
    if one.shots is None:
        steady = [
            co.observables.steady(c.replace(drive=0.3 * drive + 0.1), method="mean_field")
            for c in (plain, found)
        ]
        np.testing.assert_allclose(steady[1].populations, steady[0].populations, atol=1e-10)


def test_matrices_of_many_emitters_on_a_lattice_are_multiplied_by_transforms():
    emitters = co.Emitters(some(co.square(32, 32, 0.3).positions, 0.75))
    couplings = co.couple(emitters, VACUUM)
    assert exchange.kind(couplings) == "lattice"
    given = RNG.normal(size=(len(emitters), 2)) + 1j * RNG.normal(size=(len(emitters), 2))
    h = couplings.effective_hamiltonian()
    wanted = h @ given - np.diag(h)[:, None] * given
    np.testing.assert_allclose(exchange.exchange(couplings)(given, 1), wanted, atol=1e-11)
    np.testing.assert_allclose(lattice.of(couplings).product(given), h @ given, atol=1e-11)
    # one pair that differs: the rows that are looked at first do not show it
    shift = couplings.shift.copy()
    shift[100, 200] = shift[200, 100] = shift[100, 200] + 1e-5
    other = couplings.replace(shift=shift, emitters=emitters)
    assert lattice.of(other) is None
    h = other.effective_hamiltonian()
    wanted = h @ given - np.diag(h)[:, None] * given
    np.testing.assert_allclose(exchange.exchange(other)(given, 1), wanted, atol=1e-11)


def test_one_way_couplings_of_a_chain_with_vacant_sites():
    chain = co.chain(700, 0.31, axis=(1, 0, 0)).positions
    couplings = co.couple(co.Emitters(some(chain, 0.7)), Waveguide(right=0.8, left=0.1))
    assert exchange.kind(couplings) == "lattice"
    given = RNG.normal(size=(490, 1)) + 1j * RNG.normal(size=(490, 1))
    found = lattice.of(couplings).product(given)
    np.testing.assert_allclose(found, couplings.effective_hamiltonian() @ given, atol=1e-10)


def test_a_mirror_across_the_lattice_sees_more_than_displacements():
    emitters = co.Emitters(np.add(some(co.cubic(13, 13, 5, 0.2).positions, 0.9), [0, 0, 0.1]))
    with pytest.raises(ValueError, match="that of others at the same displacement"):
        co.couple(emitters, WholeMirror(), by_displacement=True)
    couplings = co.couple(emitters, WholeMirror())
    assert not lattice.likely(couplings, sites(emitters.positions))
    assert lattice.of(couplings) is None
    above = np.add(some(co.square(9, 9, 0.2).positions, 0.8), [0, 0, 0.1])
    along = co.Emitters(above, dipoles=(1, 0, 0))
    plain = co.couple(along, WholeMirror())
    found = co.couple(along, WholeMirror(), by_displacement=True)
    np.testing.assert_allclose(np.asarray(found.shift), plain.shift, atol=1e-12)
    np.testing.assert_allclose(found.decay.diagonal(), plain.decay.diagonal(), atol=1e-12)


class Pillar(co.Vacuum):
    """Empty space, but for a thin pillar where no emitter can be."""

    def inside(self, points):
        return np.hypot(points[..., 0] - 0.6, points[..., 1] - 0.6) < 0.01


def test_the_field_must_answer_at_vacant_sites():
    square = co.square(5, 5, 0.3).positions
    around = co.Emitters(np.delete(square, 12, axis=0))
    assert co.couple(around, VACUUM, by_displacement=True).decay.sites.vacant == 1
    message = r"also needed at vacant sites.*sites\[12\].*by_displacement=False"
    with pytest.raises(ValueError, match=message):
        co.couple(around, Pillar(), by_displacement=True)


def test_the_smallest_rate_of_many_emitters_is_shown_as_a_bound():
    many = co.Emitters(some(co.square(20, 20, 0.3).positions, 0.75))
    found = co.couple(many, VACUUM, by_displacement=True)
    lowest, true = found.extreme_rates()[0], co.couple(many, VACUUM).extreme_rates()[0]
    assert true < lowest < 1e-3
    assert f"collective rates  at most {lowest:.6g} …" in repr(found)
    few = co.couple(co.Emitters(PLACES["square"]), VACUUM, by_displacement=True)
    assert f"collective rates  {few.extreme_rates()[0]:.6g} …" in repr(few)


def test_coincident_emitters_are_named():
    twice = np.concatenate([PLACES["ball"], PLACES["ball"][:1]])
    with pytest.raises(ValueError, match=rf"emitters 0 and {len(twice) - 1} coincide"):
        co.couple(co.Emitters(twice), VACUUM, by_displacement=True)


def test_emitters_beside_the_sites_are_refused_with_the_tolerance():
    beside = PLACES["ball"] + 1e-7 * RNG.normal(size=PLACES["ball"].shape)
    with pytest.raises(ValueError, match="to 1e-09 of its spacing"):
        co.couple(co.Emitters(beside), VACUUM, by_displacement=True)


def test_magnetic_and_warm_emitters():
    for options, more in (
        ({"kind": "magnetic"}, {}),
        ({"frequency": 1e6}, {"temperature": 1e6}),
        ({"detunings": np.arange(len(PLACES["square"]))}, {}),
    ):
        emitters = co.Emitters(PLACES["square"], **options)
        plain, found = (
            co.couple(emitters, VACUUM, by_displacement=sparing, **more)
            for sparing in (False, True)
        )
        np.testing.assert_allclose(np.asarray(found.shift), plain.shift, atol=1e-12)
        np.testing.assert_allclose(np.asarray(found.decay), plain.decay, atol=1e-12)
        np.testing.assert_array_equal(found.detunings, plain.detunings)
        assert found.thermal_photons == plain.thermal_photons


@pytest.fixture(scope="module")
def evolved():
    emitters = co.Emitters(PLACES["ball"], dipoles=(1, 0, 0))
    couplings = co.couple(emitters, VACUUM, by_displacement=True).replace(drive=0.1)
    return co.evolve(couplings, "ground", [0.0, 0.1], method="mean_field", **QUIET)


def test_files_and_copies_keep_the_sites(evolved, tmp_path):
    couplings = evolved.couplings
    loaded = co.load(evolved.save(tmp_path / "ball.npz")).couplings
    for kept in (loaded, pickle.loads(pickle.dumps(couplings)), copy.deepcopy(couplings)):
        for one, other in ((kept.decay, couplings.decay), (kept.shift, couplings.shift)):
            assert one.sites.same(other.sites)
            np.testing.assert_array_equal(one.kernel, other.kernel)
            assert not one.sites.places.flags.writeable
        again = co.evolve(kept, "ground", [0.0, 0.1], method="mean_field", **QUIET)
        np.testing.assert_array_equal(again.populations, evolved.populations)


def edited(path, **arrays):
    """The file with some arrays of its couplings changed, added, or left out where they are None."""
    parts = mutations.members(path.read_bytes())
    for name, array in arrays.items():
        member = f"couplings:{name}.npy"
        parts.pop(member, None)
        if array is not None:
            parts[member] = mutations.npy(array)
    path.write_bytes(mutations.zipped(mutations.signed(parts).items()))
    return path


def test_files_with_the_order_of_a_full_block_are_read(tmp_path):
    """Files once held the emitter on each site, and not the site of each emitter."""
    order = RNG.permutation(24)
    emitters = co.Emitters(co.cubic(2, 3, 4, 0.2).positions[order])
    couplings = co.couple(emitters, VACUUM, by_displacement=True)
    result = co.evolve(couplings, "ground", [0.0], method="mean_field", **QUIET)
    path = result.save(tmp_path / "old.npz")
    kept = co.load(edited(path, places=None, order=np.argsort(order))).couplings
    np.testing.assert_array_equal(np.asarray(kept.shift), np.asarray(couplings.shift))
    assert kept.shift.sites.same(couplings.shift.sites)
    with pytest.raises(ValueError, match="order must name every emitter once"):
        co.load(edited(path, order=order * 0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda places: None, "couplings:places is missing"),
        (lambda places: places[1:], "couplings:places has shape"),
        (lambda places: places[[0, *range(len(places) - 1)]], "a site of its own"),
        (lambda places: places + 300, "whole numbers from 0 to 342"),
        (lambda places: places * 1.0, "numbers of kind 'f'"),
    ],
)
def test_damaged_sites_in_files_are_refused(evolved, tmp_path, change, message):
    path = evolved.save(tmp_path / "damaged.npz")
    with pytest.raises(ValueError, match=message):
        co.load(edited(path, places=change(evolved.couplings.decay.sites.places)))


def test_checkpoints_know_the_sites(tmp_path):
    """The same kernel on other sites is another problem."""
    path, kept = tmp_path / "run.npz", {"method": "mean_field", "progress": False}
    places = co.chain(9, 0.2).positions[[0, 1, 2, 3, 4, 6, 8]]
    one = co.couple(co.Emitters(places), VACUUM, by_displacement=True)
    other = Sites((9,), np.array([0, 1, 2, 3, 4, 5, 8]))
    changed = co.Couplings(*(LatticeMatrix(m.kernel, other) for m in (one.decay, one.shift)))
    first = co.evolve(one, "ground", [0, 1.0], checkpoint=path, **kept)
    again = co.evolve(one, "ground", [0, 1.0], checkpoint=path, **kept)
    np.testing.assert_array_equal(first.populations, again.populations)
    with pytest.raises(ValueError, match="belongs to another problem"):
        co.evolve(changed, "ground", [0, 1.0], checkpoint=path, **kept)


def test_xarray_has_the_site_of_each_emitter(evolved):
    found, decay = evolved.to_xarray(), np.asarray(evolved.couplings.decay)
    cells = np.stack([found[f"site_{i}"] for i in (1, 2, 3)], axis=1)
    middle = np.array(found.decay.shape) // 2
    for m, n in ((0, 0), (3, 100), (100, 3)):
        assert found.decay.values[tuple(cells[n] - cells[m] + middle)] == decay[m, n]


def test_kernels_that_do_not_fit_into_memory_are_refused(available_memory):
    many = co.Emitters(some(co.cubic(30, 30, 30, 0.3).positions, 0.3))
    available_memory(25e6)
    with pytest.raises(co.ProblemTooLargeError, match=r"205,379 displacements.*fewer vacant sites"):
        co.couple(many, VACUUM, by_displacement=True)
    available_memory(4e9)
    assert isinstance(co.couple(many, VACUUM).decay, LatticeMatrix)  # N × N need 5.8 GB


def test_memory_of_kernels_is_predicted(monkeypatch):
    """The peak of numpy's arrays is below the predicted number of bytes, and not far below."""
    import tracemalloc

    predicted = []
    monkeypatch.setattr(
        "collective.couplings.by_displacement.require", lambda n, *_: predicted.append(n)
    )
    for positions in (
        some(co.cubic(18, 18, 18, 0.3).positions, 0.4),
        some(co.chain(8000, 0.3).positions, 0.5),
    ):
        emitters = co.Emitters(positions)
        co.couple(emitters, VACUUM, by_displacement=True)  # imports count once
        tracemalloc.start()
        co.couple(emitters, VACUUM, by_displacement=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert 0.5 * predicted[-1] < peak < predicted[-1]
