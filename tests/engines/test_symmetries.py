"""Permutations of the emitters that change nothing: found whole, and noticed where they break."""

import re
from itertools import combinations, permutations
from math import factorial

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_systems import random_couplings

import collective as co
from collective.engines import request as requests
from collective.engines.basis import automorphisms, permutation_groups, symmetries
from collective.engines.blocks import engine, expansion
from collective.engines.driven.columns import columns_of

T = np.linspace(0, 3, 13)
VACUUM = co.Vacuum()
TETRAHEDRON = 0.1 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


def found(couplings, state="inverted", **options):
    return symmetries.found(requests.checked(couplings, state, T), **options)


def as_set(group):
    return {tuple(p) for p in np.asarray(group).tolist()}


def scalar(positions):
    """Couplings that depend on the distance alone."""
    distance = np.linalg.norm(positions[:, None] - positions, axis=2)
    return co.Couplings(np.exp(-(distance**2)), 1 / (1 + distance) - np.eye(len(positions)))


def coupled(emitters):
    return co.couple(emitters, VACUUM)


def around(positions):
    """The couplings of an incommensurate set with dipoles that all point to its middle."""
    centred = positions - positions.mean(axis=0)
    return coupled(co.Emitters(positions, dipoles=centred))


CUBE = co.cubic(2, 2, 2, spacing=0.2)


@pytest.mark.parametrize(
    ("couplings", "order"),
    [
        (coupled(co.chain(1, 0.2)), 1),
        (coupled(co.chain(2, 0.2)), 2),
        (coupled(co.chain(9, 0.2)), 2),
        (coupled(co.chain(5, 0.2, dipoles=[1, 0.3, 2])), 2),
        (coupled(co.ring(3, 0.2)), 6),
        (coupled(co.ring(12, 0.2)), 24),
        (coupled(co.ring(17, 0.2)), 34),
        (coupled(co.ring(8, 0.2, dipoles=[1, 0, 0])), 4),
        (coupled(co.square(4, 4, spacing=0.2)), 8),
        (coupled(co.square(4, 4, spacing=0.2, dipoles=[1, 0, 0])), 4),
        (coupled(co.square(4, 4, spacing=0.2, dipoles=[1, 1, 0])), 4),
        (coupled(co.square(4, 4, spacing=0.2, dipoles=[1, 0.3, 0])), 2),
        (coupled(co.square(3, 4, spacing=0.2)), 4),
        (scalar(CUBE.positions), 48),
        (around(CUBE.positions), 48),
        (coupled(CUBE), 16),
        (coupled(co.cubic(2, 2, 2, spacing=0.2, dipoles=[1, 1, 1])), 12),
        (scalar(co.cubic(2, 2, 3, spacing=0.2).positions), 16),
        (coupled(co.cubic(2, 2, 3, spacing=0.2)), 16),
        (coupled(co.cubic(2, 3, 4, spacing=0.2)), 8),
        (scalar(TETRAHEDRON), 24),
        (around(TETRAHEDRON), 24),
        (coupled(co.cloud(24, 1.0, seed=1)), 1),
        (coupled(co.triangular(3, 3, spacing=0.2)), 2),
    ],
)
def test_groups_of_known_order_are_found(couplings, order):
    group = found(couplings)
    assert len(group) == group.order == order
    for p in group.permutations:
        for matrix in (couplings.decay, couplings.shift):
            np.testing.assert_allclose(matrix[np.ix_(p, p)], matrix, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["detunings", "dephasing", "decay", "shift", "drive"])
def test_small_differences_beside_a_very_large_shift_break_a_symmetry(name):
    """Two pairs, 0.001 wavelengths apart each: Δ is 10⁶ times as large as these differences."""
    places = np.array([0, 0.001, 0.5, 0.501])[:, None] * [1, 0, 0]
    pairs = coupled(co.Emitters(places))
    assert len(found(pairs)) == 2
    one = np.zeros((4, 4) if name in ("decay", "shift") else 4)
    one.flat[0] = 1e-7
    if name == "shift":  # the second and the fourth emitter keep theirs
        one = np.zeros((4, 4))
        one[0, 2] = one[2, 0] = 1e-7
    changed = pairs.replace(**{name: getattr(pairs, name) + one})
    assert len(found(changed)) == 1


@pytest.mark.parametrize(
    ("method", "drive", "until"),
    [pytest.param("blocks", 0.0, 20.0, marks=pytest.mark.slow), ("driven", 1.0, 8.0)],
)
def test_round_off_that_breaks_a_symmetry_does_not_grow(method, drive, until):
    """Seven identical emitters with 42 permutations: it would grow by e^(2.5 t), to numbers like 9.

    Entries of one column of ρ are equal by permutations that leave its configuration unchanged.
    """
    ones = np.ones((7, 7))
    alike = co.Couplings(0.9 * ones + 0.1 * np.eye(7), 0.3 * (ones - np.eye(7)), drive=drive)
    times, state = np.linspace(0, until, 9), "ground" if drive else "inverted"
    ladder = co.evolve(alike, state, times, method="symmetric", rtol=1e-11)
    for rtol in (1e-8, 1e-5) if method == "blocks" else (1e-8,):
        reduced = co.evolve(alike, state, times, method=method, rtol=rtol)
        assert reduced.diagnostics["symmetries"] == 42
        np.testing.assert_allclose(reduced.populations, ladder.populations, rtol=0, atol=rtol)


def test_means_over_equal_entries_are_means_over_the_group():
    turns = [[(m + k) % 5 for m in range(5)] for k in range(5)]
    columns = columns_of(5, turns + [list(reversed(p)) for p in turns])
    packed = np.random.default_rng(1).normal(size=columns.shape)
    settled = packed.copy()
    columns.means.settle(settled.ravel())
    for panel, stored in enumerate(columns.stored):
        for lane, j in enumerate(stored):
            same = [g for g in columns.images if g[j] == j]
            wanted = np.mean([packed[panel, g, lane] for g in same], axis=0)
            np.testing.assert_allclose(settled[panel, :, lane], wanted, atol=1e-15)
    assert np.abs(settled - packed).max() > 0.1


def by_trying(pairs):
    """All permutations that leave the colours unchanged, by trying every one."""
    every = map(np.array, permutations(range(len(pairs))))
    return {tuple(p.tolist()) for p in every if np.array_equal(pairs[np.ix_(p, p)], pairs)}


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 6), st.integers(1, 3), st.booleans(), st.integers(0, 2**32 - 1))
def test_the_whole_group_of_colours_is_found(n, colours, directed, seed):
    pairs = np.random.default_rng(seed).integers(0, colours, (n, n))
    if not directed:
        pairs = np.triu(pairs) + np.triu(pairs, 1).T
    group = automorphisms.automorphisms(pairs)
    assert group.whole
    every = by_trying(pairs)
    assert group.order == len(every)
    assert as_set(permutation_groups.closed(group.generators)) == every


def turned(positions, n, mirror):
    """Points turned n times around z, and with their mirror images if asked for."""
    angles = 2 * np.pi * np.arange(n) / n
    turns = [[[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]] for a in angles]
    images = [positions, positions * [1, -1, 1]] if mirror else [positions]
    return np.concatenate([points @ np.transpose(turn) for points in images for turn in turns])


@settings(deadline=None, max_examples=12)
@given(st.integers(2, 6), st.booleans(), st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_planted_symmetries_are_found_and_what_breaks_them_is_noticed(n, mirror, orbits, seed):
    rng = np.random.default_rng(seed)
    positions = turned(0.4 * rng.normal(size=(orbits, 3)), n, mirror)
    distances = np.linalg.norm(positions[:, None] - positions, axis=2)
    size = len(positions)
    assume(distances[~np.eye(size, dtype=bool)].min() > 0.05)
    couplings = coupled(co.Emitters(positions))
    whole = found(couplings)
    every = as_set(whole.permutations)
    # the points of one orbit alone have a mirror plane more, or an inversion
    assert len(every) % (2 * n if mirror else n) == 0
    if orbits == 2 and not mirror and n > 2:
        assert len(every) == n
    m, k = rng.choice(size, 2, replace=False)
    fixing = {p for p in every if p[m] == m}
    one = np.eye(size)[m]
    for name, value in (
        ("detunings", 1e-9 * one),
        ("dephasing", 0.1 * one),
        ("pump", 0.1 * one),
        ("drive", 0.3 * np.exp(1e-6j * one)),
    ):
        assert as_set(found(couplings.replace(**{name: value})).permutations) == fixing
    # chiral: light from m to k has another phase than back
    handed = np.zeros((size, size), dtype=complex)
    handed[m, k], handed[k, m] = 1e-3j, -1e-3j
    both = {p for p in fixing if p[k] == k}
    for name in ("decay", "shift"):
        changed = couplings.replace(**{name: getattr(couplings, name) + handed}, emitters=None)
        assert as_set(found(changed).permutations) == both
    for state in (
        co.states.single(int(m)),
        co.states.product(1 + one, 0.3),
        co.states.product(1.0, 1e-6 * one),
        co.states.mixed(0.5 + 0.1 * one),
    ):
        assert as_set(found(couplings, state).permutations) == fixing
    wave = rng.normal(size=3)
    phases = np.exp(1j * positions @ wave)
    kept = {p for p in every if np.ptp(np.angle(phases[list(p)] / phases)) < 1e-9}
    assert as_set(found(couplings, co.states.timed_dicke(wave)).permutations) == kept
    driven = couplings.replace(drive=phases)
    unchanged = {p for p in every if np.abs(phases[list(p)] - phases).max() < 1e-9}
    assert as_set(found(driven, "ground").permutations) == unchanged


@settings(deadline=None, max_examples=8)
@given(st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_random_couplings_with_a_planted_permutation_keep_it(n, seed):
    """Complex Γ and Δ and all rates, averaged over the powers of one permutation."""
    rng = np.random.default_rng(seed)
    planted = permutation_groups.closed(rng.permutation(n)[None])
    bare = random_couplings(rng, n)

    def mean(array):
        each = (array[np.ix_(p, p)] if array.ndim == 2 else array[p] for p in planted)
        return sum(each) / len(planted)

    names = ("decay", "shift", "detunings", "dephasing", "pump", "drive")
    couplings = co.Couplings(**{name: mean(getattr(bare, name)) for name in names})
    group = found(couplings)
    assert as_set(planted) <= as_set(group.permutations)
    for p in group.permutations:
        for name in names:
            array = getattr(couplings, name)
            moved = array[np.ix_(p, p)] if array.ndim == 2 else array[p]
            np.testing.assert_allclose(moved, array, rtol=0, atol=1e-11)


def clusters(*sizes):
    """Couplings of groups of emitters, each of them at one place."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    return co.Couplings(1.0 * (group[:, None] == group), np.where(group[:, None] == group, 0, 0.3))


def rings_apart(n, each):
    """Rings whose emitters couple to their neighbours only."""
    one = np.roll(np.eye(each), 1, axis=1)
    return co.Couplings(np.eye(n * each), np.kron(np.eye(n), one + one.T))


@pytest.mark.parametrize(
    ("couplings", "order"),
    [
        (clusters(16), factorial(16)),
        (clusters(8, 8), 2 * factorial(8) ** 2),
        pytest.param(clusters(*[2] * 12), 2**12 * factorial(12), marks=pytest.mark.slow),
        pytest.param(clusters(*[6] * 4), factorial(6) ** 4 * factorial(4), marks=pytest.mark.slow),
        pytest.param(clusters(24), factorial(24), marks=pytest.mark.slow),
        (rings_apart(6, 4), 8**6 * factorial(6)),
        (rings_apart(2, 12), 2 * 24**2),
        (scalar(np.stack(np.meshgrid(*[[0, 1.0]] * 4), -1).reshape(-1, 4)), 384),
    ],
)
def test_very_large_groups_are_used_in_part(couplings, order):
    group = found(couplings)
    assert group.order == order
    assert 20 < len(group) <= 1000
    every = as_set(group.permutations)
    assert len(every) == len(group)
    assert group.permutations[0].tolist() == list(range(len(couplings)))
    for p in group.permutations[:: 1 + len(group) // 15]:
        assert as_set(group.permutations[:, p]) == every
        for matrix in (couplings.decay, couplings.shift):
            np.testing.assert_allclose(matrix[np.ix_(p, p)], matrix, rtol=0, atol=1e-11)
    if len(group) < order:
        assert re.search(rf"by symmetry \({len(group)} of [\d,.e+]+ permutations\)$", str(group))
    assert found(couplings, co.states.single(0)).order < order


def test_rates_far_larger_than_the_couplings_have_more_round_off():
    ring = co.couple(co.ring(6, 0.3), co.Vacuum())
    phases = co.ring(6, 0.3).positions @ (2 * np.pi * np.array([0.8, 0, 0.6]))
    wave = ring.replace(drive=1e8 * np.exp(1j * phases))
    # shared by the reflection that keeps x; in detunings with an offset a difference is noticed
    assert len(found(wave, "ground")) == 2
    offset = ring.replace(detunings=1e8 + 3e-5 * (np.arange(6) == 1))
    assert len(found(offset, "ground")) == 2
    with pytest.raises(ValueError, match="does not leave the detunings unchanged"):
        symmetries.generated(requests.checked(offset, "ground", T), [[1, 2, 3, 4, 5, 0]])


def test_a_search_that_is_given_up_leaves_a_group(monkeypatch):
    """Two graphs that no refinement of pairs tells apart: the rook's moves and Shrikhande's."""
    places = np.array([(a, b) for a in range(4) for b in range(4)])
    moves = ((places[:, None] == places).sum(axis=2) == 1).astype(int)
    steps = {(0, 1), (1, 0), (1, 1), (0, 3), (3, 0), (3, 3)}
    other = [[int(tuple((a - b) % 4) in steps) for b in places] for a in places]
    pairs = np.block([[moves, np.full((16, 16), 2)], [np.full((16, 16), 2), np.array(other)]])
    for most, order in ((automorphisms._MOST_REFINEMENTS, 1152 * 192), (40, None)):
        monkeypatch.setattr(automorphisms, "_MOST_REFINEMENTS", most)
        part = automorphisms.automorphisms(pairs)
        assert not part.whole  # that the graphs are different takes longest to see
        assert order in (None, part.order)
        for p in part.generators:
            np.testing.assert_array_equal(pairs[np.ix_(p, p)], pairs)


LINES = [{(i + j) % 7 for j in (0, 1, 3)} for i in range(7)]


def of_lines():
    """Three excitations on the lines of Fano's plane: any two emitters are on one of them."""
    return reference.as_qobj(sum(reference.ket(7, *line) for line in LINES) / np.sqrt(7))


def test_a_state_whose_pairs_hide_that_it_breaks_a_symmetry():
    ring, state = coupled(co.ring(7, 0.2)), of_lines()
    group = found(ring, state)
    assert len(found(ring)) == 14
    assert len(group) == 7  # the reflections turn the lines into others
    rho = state @ state.dag()
    assert as_set(found(ring, rho).permutations) == as_set(group.permutations)
    result = co.evolve(ring, state, T, method="blocks")
    plain = co.evolve(ring, state, T, method=co.engines.Blocks(symmetries=[]))
    np.testing.assert_allclose(result.populations, plain.populations, rtol=0, atol=1e-10)
    # of all permutations of identical emitters, some that keep the lines
    same = found(clusters(7), state)
    for p in same.permutations:
        assert [{int(p[m]) for m in line} in LINES for line in LINES] == [True] * 7


def test_coherences_between_excitation_numbers_may_break_a_symmetry():
    """The exchange changes the sign of one excitation, which only coherences with none show."""
    odd = (reference.ket(2, 0) - reference.ket(2, 1)) / np.sqrt(2)
    state = reference.as_qobj((reference.ket(2) + odd) / np.sqrt(2))
    pair = coupled(co.chain(2, 0.2))
    for each in (state, state @ state.dag()):
        assert len(found(pair, each)) == 1
        assert len(found(pair, each, by_number=True)) == 2


def test_a_group_can_be_found_given_or_empty():
    request = requests.checked(coupled(co.ring(6, 0.2)), "inverted", T)
    turn = [[1, 2, 3, 4, 5, 0]]
    assert [len(symmetries.group(request, some)) for some in ((), turn)] == [12, 6]
    assert len(symmetries.generated(request, ())) == 1
    assert list(map(len, symmetries.group(request))) == [6] * 12


ALIKE = {
    "ring": (coupled(co.ring(7, 0.2)), "inverted"),
    "square, dephased": (coupled(co.square(2, 3, spacing=0.2)).replace(dephasing=0.2), "inverted"),
    "circular": (coupled(co.ring(6, 0.2, dipoles=[1, 1j, 0.4])), "inverted"),
    "helix": (
        coupled(
            co.Emitters(
                co.ring(6, 0.2).positions,
                dipoles=[[np.cos(a), np.sin(a), 1j] for a in np.pi / 3 * np.arange(6)],
            )
        ),
        "inverted",
    ),
    "cube": (around(CUBE.positions), co.states.dicke(3)),
    "one excited": (coupled(co.ring(7, 0.2)), co.states.single(2)),
    "absorbed": (coupled(co.ring(7, 0.2)), co.states.timed_dicke([0, 0, 5.0])),
    "clusters": (clusters(4, 3), "inverted"),
    "partly excited": (coupled(co.ring(6, 0.2)), co.states.mixed([0.2, 0.9] * 3)),
}


@pytest.mark.parametrize("case", ALIKE)
def test_results_are_those_without_symmetries(case):
    couplings, state = ALIKE[case]
    options = {"observe": "correlations", "rtol": 1e-10, "progress": False}
    plain, reduced = (
        co.evolve(couplings, state, T, method=co.engines.Blocks(symmetries=some), **options)
        for some in ([], "auto")
    )
    assert plain.diagnostics["symmetries"] == 1
    count = reduced.diagnostics["symmetries"]
    assert count > 1
    assert "symm" not in plain.reason
    assert f"one column of {count} by symmetry" in reduced.reason
    np.testing.assert_allclose(reduced.correlations, plain.correlations, rtol=0, atol=1e-10)
    np.testing.assert_allclose(reduced.emission, plain.emission, rtol=0, atol=1e-10)


def interrupted(ring, path, monkeypatch, applications):
    real = expansion.PackedDensity.apply

    def apply(self, *arguments):
        if self.applications == applications:
            raise KeyboardInterrupt
        return real(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(expansion.PackedDensity, "apply", apply)
        return co.evolve(ring, "inverted", T, method="blocks", checkpoint=path)


def test_a_checkpoint_is_continued_with_the_permutations_it_was_written_with(tmp_path, monkeypatch):
    """Earlier versions knew the reversal of the order alone, and did not write it down."""
    ring = coupled(co.ring(6, 0.1))
    whole = co.evolve(ring, "inverted", T, method="blocks")
    half, path = whole.diagnostics["applications"] // 2, tmp_path / "run.npz"
    resume = expansion.Expansion.resume

    def without(self):
        return {name: value for name, value in resume(self).items() if name != "permutations"}

    with monkeypatch.context() as patch:
        reversal = symmetries.generated_with_reversal
        patch.setattr(engine, "found", lambda request, by_number: reversal(request, ()))
        patch.setattr(expansion.Expansion, "resume", without)
        part = interrupted(ring, path, monkeypatch, half)
    assert not part.complete
    assert "permutations" not in part.resume
    for count in (2, 12):
        rest = co.evolve(ring, "inverted", T, method="blocks", checkpoint=path)
        assert rest.complete
        assert rest.diagnostics["symmetries"] == count
        np.testing.assert_allclose(rest.emission, whole.emission, atol=1e-8)
        path.unlink()
        assert not interrupted(ring, path, monkeypatch, half).complete


def test_pairs_that_are_turned_into_each_other_are_counted_once():
    """Each ordered pair has the number of one of its images, and this one has its own."""
    group = found(coupled(co.square(3, 4, spacing=0.2))).permutations
    same = symmetries.same_pairs(group)
    assert np.all(same.ravel()[same.ravel()] == same.ravel())
    for m, n in combinations(range(12), 2):
        images = {(int(p[m]), int(p[n])) for p in group}
        assert divmod(int(same[m, n]), 12) == min(images)
