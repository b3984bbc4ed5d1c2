"""`ChannelCouplings`: closed forms, rotations, surroundings, QuTiP operators, modes, bad arguments."""

import numpy as np
import pytest
import qutip
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import rotation

import collective as co
from collective.couplings import channel_modes
from collective.couplings import channels as of_channels
from collective.couplings import modes as two_level_modes

VACUUM = co.Vacuum()
K = 2 * np.pi
TWO = [[0, 0, 0], [0.03, 0.05, 0.1]]


def isotropic(positions=TWO, **options):
    return co.Atoms.isotropic(positions, **options)


def lambda_atoms(positions=TWO, **options):
    """An excited level that decays to two ground levels, with both circular polarisations."""
    plus, _, minus = isotropic().lowering[0, :, 3, :3].T
    lowering = np.zeros((1, 3, 3, 3), dtype=complex)
    lowering[0, :, 1, 0] = np.sqrt(0.3) * plus
    lowering[0, :, 2, 0] = np.sqrt(0.7) * minus
    return co.Atoms(positions, ("e", "a", "b"), (1, 0, 0), lowering, **options)


def two_lines(positions=TWO):
    """An excited level that decays on two lines of different wave numbers."""
    lowering = np.zeros((2, 3, 3, 3), dtype=complex)
    lowering[0, :, 1, 0] = 1, 0, 0
    lowering[1, :, 2, 0] = 0, 0.6, 0.8j
    return co.Atoms(
        positions, ("e", "a", "b"), (1, 0, 0), lowering, linewidths=(1, 0.4), wavenumbers=(K, 4.0)
    )


def by_hand(atoms, field=VACUUM):
    """The Liouvillian of two atoms from Green's tensor, channel by channel, with qutip.tensor."""
    count, one = len(atoms.levels), qutip.qeye(len(atoms.levels))
    lower = {}
    for s in range(atoms.lines):
        for alpha in range(3):
            local = qutip.Qobj(atoms.lowering[s, alpha])
            lower[0, s, alpha] = qutip.tensor(local, one)
            lower[1, s, alpha] = qutip.tensor(one, local)
    energies = [qutip.qdiags([row], [0]) for row in atoms.energies]
    total = qutip.liouvillian(qutip.tensor(energies[0], one) + qutip.tensor(one, energies[1]))
    for (m, s, alpha), raised in lower.items():
        for (n, line, beta), lowered in lower.items():
            if s != line:
                continue
            k, width = atoms.wavenumbers[s], atoms.linewidths[s]
            green = field.green(atoms.positions[m], atoms.positions[n], k)[alpha, beta]
            up, both = raised.dag(), raised.dag() * lowered
            gamma, delta = 6 * np.pi / k * width * green.imag, -3 * np.pi / k * width * green.real
            total += gamma * (
                qutip.sprepost(lowered, up) - 0.5 * (qutip.spre(both) + qutip.spost(both))
            )
            if m != n:
                total += -1j * delta * (qutip.spre(both) - qutip.spost(both))
    assert total.shape == (count**4, count**4)
    return total.full()


def test_six_rates_and_shifts_of_two_atoms_in_closed_form():
    r = 0.23
    xi = K * r
    across = 1.5 * (np.sin(xi) / xi + np.cos(xi) / xi**2 - np.sin(xi) / xi**3)
    along = -3 * (np.cos(xi) / xi**2 - np.sin(xi) / xi**3)
    shift_across = 0.75 * (-np.cos(xi) / xi + np.sin(xi) / xi**2 + np.cos(xi) / xi**3)
    shift_along = -1.5 * (np.sin(xi) / xi**2 + np.cos(xi) / xi**3)
    direction = rotation(3)[0]
    found = co.couple(isotropic([[0, 0, 0], r * direction], axis=(1, 2, 3)), VACUUM).modes()
    expected = [
        (sign * shift, 1 + sign * rate)
        for sign in (1, -1)
        for shift, rate in 2 * [(shift_across, across)] + [(shift_along, along)]
    ]
    pairs = np.array(sorted(zip(found.shifts, found.rates, strict=True)))
    np.testing.assert_allclose(pairs[:, 0], sorted(s for s, _ in expected), atol=1e-12)
    np.testing.assert_allclose(
        np.sort(found.rates), np.sort([rate for _, rate in expected]), atol=1e-12
    )
    np.testing.assert_allclose(
        np.sort(found.jump_rates), np.sort([rate for _, rate in expected]), atol=1e-12
    )


@settings(max_examples=5)
@given(st.integers(0, 10**6))
def test_every_superposition_of_one_atom_decays_alike(seed):
    rng = np.random.default_rng(seed)
    channels = co.couple(isotropic([[0, 0, 0]], axis=rng.standard_normal(3)), VACUUM)
    vector = np.append(rng.standard_normal(3) + 1j * rng.standard_normal(3), 0)
    state = vector / np.linalg.norm(vector)
    lost = [np.linalg.norm(jump.full() @ state) ** 2 for jump in channels.collapse_operators()]
    assert abs(sum(lost) - 1) < 1e-13


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_turning_everything_changes_nothing(seed):
    """Levels turn with the axis: H_eff, and with it every rate and shift, stays the same."""
    rng = np.random.default_rng(seed)
    atoms = isotropic(
        rng.uniform(-0.5, 0.5, (4, 3)), zeeman=rng.uniform(0, 3), axis=rng.standard_normal(3)
    )
    before = co.couple(atoms, VACUUM)
    after = co.couple(atoms.rotated(rotation(seed)), VACUUM)
    size = np.abs(before.shift).max()
    np.testing.assert_allclose(
        after.effective_hamiltonian(), before.effective_hamiltonian(), atol=1e-9 * size
    )


@pytest.mark.slow
@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_turning_atoms_with_ground_levels_does_not_change_their_liouvillian(seed):
    atoms = lambda_atoms(0.3 * np.random.default_rng(seed).standard_normal((2, 3)), energies=0.1)
    before = co.couple(atoms, VACUUM).liouvillian().full()
    after = co.couple(atoms.rotated(rotation(seed)), VACUUM).liouvillian().full()
    np.testing.assert_allclose(after, before, atol=1e-9 * np.abs(before).max())


def test_without_a_magnetic_field_the_axis_does_not_matter():
    one, other = (
        co.couple(isotropic(axis=axis), VACUUM).modes() for axis in ((0, 0, 1), (1, -2, 0.5))
    )
    np.testing.assert_allclose(other.rates, one.rates, atol=1e-12)


def test_in_a_strong_magnetic_field_each_polarisation_is_a_two_level_emitter():
    splitting = 1e8
    places = co.cloud(5, 0.4, seed=2).positions
    axis = (1, 2, 2)
    atoms = isotropic(places, zeeman=splitting, axis=axis)
    found = co.couple(atoms, VACUUM).modes()
    for level, m in enumerate((1, 0, -1)):
        near = np.abs(found.shifts - m * splitting) < splitting / 2
        dipole = atoms.lowering[0, :, 3, level]
        expected = co.couple(co.Emitters(places, dipoles=dipole), VACUUM).modes()
        assert near.sum() == len(places)
        np.testing.assert_allclose(np.sort(found.rates[near]), np.sort(expected.rates), atol=1e-6)
        np.testing.assert_allclose(
            np.sort(found.shifts[near] - m * splitting), np.sort(expected.shifts), atol=1e-6
        )


@pytest.mark.parametrize(
    "atoms",
    [
        isotropic(zeeman=0.4, detunings=[0.3, -0.2], axis=(1, 0, 1)),
        lambda_atoms(energies=[0.3, 0.1, -0.2]),
        two_lines(),
    ],
    ids=["isotropic", "lambda", "two lines"],
)
def test_liouvillian_against_one_written_by_hand(atoms):
    found = co.couple(atoms, VACUUM)
    assert found.hamiltonian().dims == [[len(atoms.levels)] * 2] * 2
    expected = by_hand(atoms)
    np.testing.assert_allclose(
        found.liouvillian().full(), expected, atol=1e-12 * np.abs(expected).max()
    )


def test_drive_against_one_written_by_hand():
    atoms = lambda_atoms()
    epsilon, k_hat = np.array([0, 1, 1j]) / np.sqrt(2), np.array([1.0, 0, 0])
    wave = co.plane_wave(atoms, 0.3 + 0.1j, direction=k_hat, polarisation=epsilon)
    channels = co.couple(atoms, VACUUM)
    found = channels.replace(drive=wave, detunings=[0.5, -0.5])
    expected, alone = channels.hamiltonian() * 0, []
    for m in range(2):
        phase = np.exp(1j * K * atoms.positions[m] @ k_hat)
        raised = np.einsum("age,a->eg", atoms.lowering[0].conj(), epsilon) * (0.3 + 0.1j) * phase
        local = qutip.Qobj((raised + raised.conj().T) / 2 + np.diag([(0.5, -0.5)[m], 0, 0]))
        parts = [qutip.qeye(3)] * 2
        parts[m] = local
        expected += qutip.tensor(*parts)
        alone.append(local.full())
    difference = found.hamiltonian() - channels.hamiltonian() - expected
    assert np.abs(difference.full()).max() < 1e-14
    np.testing.assert_allclose(found.local_hamiltonians(), alone, atol=1e-14)
    undriven = found.local_hamiltonians(drive=False)
    np.testing.assert_allclose(undriven, [np.diag([d, 0, 0]) for d in (0.5, -0.5)], atol=1e-14)


def test_a_driven_j0_to_j1_atom_is_a_two_level_atom_of_that_polarisation():
    """Excitation against Ω²/(Γ² + 2Ω² + 4δ²) of a two-level atom."""
    atoms = isotropic([[0, 0, 0]])
    wave = co.plane_wave(atoms, 0.8, direction=(0, 0, 1), polarisation=(1, 2j, 0))
    rho = co.steady_state(co.couple(atoms, VACUUM).replace(drive=wave, detunings=0.6))
    assert abs(1 - rho.diag()[3].real - 0.64 / (1 + 2 * 0.64 + 4 * 0.36)) < 1e-12


@pytest.mark.parametrize(
    ("field", "shift"),
    [
        (co.Mirror(), "full"),
        (VACUUM, "full"),
        (co.Mirror(), "resonant"),
        pytest.param(co.Mirror(), "rwa", marks=pytest.mark.slow),
        pytest.param(VACUUM, "rwa", marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_two_level_atoms_are_two_level_emitters(field, shift):
    chain = co.chain(3, 0.11, dipoles=(1, 0.5j, 0.4), detunings=[0.1, 0, -0.3], decay_rates=0.7)
    chain = chain.translated((0, 0, 0.06))
    found = co.couple(co.Atoms.from_emitters(chain), field, shift=shift)
    expected = co.couple(chain, field, shift=shift).liouvillian().full()
    np.testing.assert_allclose(found.liouvillian().full(), expected, atol=1e-10)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (lambda_atoms, co.Mirror()),
        pytest.param(isotropic, co.Mirror(), marks=pytest.mark.slow),
        pytest.param(lambda_atoms, VACUUM, marks=pytest.mark.slow),
        pytest.param(isotropic, VACUUM, marks=pytest.mark.slow),
    ],
)
def test_against_the_master_equation_of_multilevel_dipoles(field, kind):
    """Surroundings shift and mix excited levels by Δ, and ground levels by Λ."""
    omega = 1e5
    atoms = kind([[0, 0, 0.08], [0.05, 0.02, 0.15]], frequency=omega)
    channels = co.couple(atoms, field)
    dipoles = np.sqrt(3 * np.pi / K**3) * np.moveaxis(atoms.lowering[0], 0, 2)
    dipoles = dipoles + dipoles.conj().transpose(1, 0, 2)
    levels = omega * atoms.excited
    multilevel = co.Multilevel(
        atoms.positions, [levels] * 2, [dipoles] * 2, speed_of_light=atoms.speed_of_light
    )
    equation = co.master_equation(multilevel, field, approximation="rwa")
    bare = qutip.qdiags([levels.astype(float)], [0])
    one = qutip.qeye(len(levels))
    bare = qutip.tensor(bare, one) + qutip.tensor(one, bare)
    expected = (equation.liouvillian() - qutip.liouvillian(bare)).full()
    np.testing.assert_allclose(channels.liouvillian().full(), expected, atol=1e-9)
    assert np.any(channels.ground_shift) == (field != VACUUM)


def test_lines_have_couplings_of_their_own_and_none_with_each_other():
    atoms = two_lines()
    found = co.couple(atoms, VACUUM)
    shape = (2, 2, 3, 2, 2, 3)
    for name in ("decay", "shift"):
        matrix = getattr(found, name).reshape(shape)
        assert not np.any(matrix[:, 0, :, :, 1])
        for s, k in enumerate(atoms.wavenumbers):
            alone = co.Atoms(
                atoms.positions, atoms.levels, atoms.excited, atoms.lowering[s : s + 1],
                linewidths=atoms.linewidths[s : s + 1], wavenumbers=[k],
            )  # fmt: skip
            expected = getattr(co.couple(alone, VACUUM), name).reshape(2, 3, 2, 3)
            np.testing.assert_array_equal(matrix[:, s, :, :, s], expected)
    rates, vectors = found.jump_channels()
    assert np.all(np.diff(rates) <= 0)
    of_first = np.abs(vectors.reshape(2, 2, 3, -1)[:, 0]).max(axis=(0, 1)) > 1e-12
    of_second = np.abs(vectors.reshape(2, 2, 3, -1)[:, 1]).max(axis=(0, 1)) > 1e-12
    assert np.all(of_first != of_second)


@pytest.mark.parametrize(
    "positions",
    [co.square(3, 3, 0.3).positions, co.square(4, 2, 0.3).positions[::-1], co.chain(4, 0.2).positions,
     co.cubic(2, 3, 2, 0.4).positions[[3, 1, 0, 4, 2, 7, 5, 6, 9, 8, 11, 10]],
     co.cloud(5, 0.4, seed=1).positions, [[0, 0, 0]]],
    ids=["odd square", "even square", "chain", "cubic", "cloud", "one atom"],
)  # fmt: skip
@pytest.mark.parametrize("axis", [(0, 0, 1), (1, 1, 0.3), (0, 1, 0)], ids=str)
def test_modes_of_parts_are_modes_of_the_whole(positions, axis):
    channels = co.couple(isotropic(positions, zeeman=0.3, axis=axis), VACUUM)
    h, gamma = channels.effective_hamiltonian(), channels.one_excitation()[0]
    found, whole = channels.modes(), two_level_modes.modes(h, gamma)
    np.testing.assert_allclose(h @ found.vectors, found.vectors * found.eigenvalues, atol=1e-12)
    np.testing.assert_allclose(
        gamma @ found.jump_vectors, found.jump_vectors * found.jump_rates, atol=1e-12
    )
    np.testing.assert_allclose(np.sort(found.rates), np.sort(whole.rates), atol=1e-10)
    np.testing.assert_allclose(found.jump_rates, whole.jump_rates, atol=1e-12)
    assert np.all(np.diff(found.rates) <= 0)


@pytest.mark.parametrize(
    ("atoms", "sizes"),
    [
        # x, y even or odd under both mirrors, and z likewise; (a, b) sites have a·b/4 in each
        (isotropic(co.square(4, 2, 0.3).positions), [4] * 4 + [2] * 4),
        # a field across the array leaves x and y the turn about itself, and does not act on z
        (isotropic(co.square(4, 2, 0.3).positions, zeeman=1.0), [8] * 2 + [2] * 4),
        # a field in the plane along x leaves the mirror x → −x, and the plane of the array
        (isotropic(co.square(4, 2, 0.3).positions, zeeman=1.0, axis=(1, 0, 0)), [6] * 4),
        # with a field in any direction the inversion is left
        (isotropic(co.square(4, 2, 0.3).positions, zeeman=1.0, axis=(1, 1, 1)), [12] * 2),
        (isotropic(co.square(4, 2, 0.3).positions, detunings=np.arange(8)), [16, 8]),
        (isotropic(co.cubic(2, 2, 2, 0.3).positions), [3] * 8),
        (isotropic(co.chain(4, 0.3).positions @ rotation(5)), [6, 6]),
        (isotropic(co.cloud(4, 0.4, seed=1).positions), [12]),
        # two levels whose dipoles are no basis of space: the inversion alone
        (co.Atoms.from_emitters(co.square(4, 2, 0.3, dipoles=(1, 1j, 0))), [4, 4]),
    ],
)
def test_symmetries_split_the_modes_into_parts(atoms, sizes):
    channels = co.couple(atoms, VACUUM)
    dipoles = atoms.channels[:, -1, :-1]
    turn = channel_modes._turn(dipoles)
    h = channels.effective_hamiltonian()
    if turn is not None:
        h = channel_modes._turned(h, turn)
    parts = channel_modes._parts(h, dipoles.shape[1], atoms.positions, turn is not None)
    assert sorted((part.images.shape[1] for part in parts), reverse=True) == sizes
    # the bases are orthonormal, and no part couples to another
    basis = np.zeros(h.shape)
    begin = 0
    for part in parts:
        size = part.images.shape[1]
        for images, weights in zip(part.images, part.weights, strict=True):
            basis[images, begin + np.arange(size)] = weights
        begin += size
    np.testing.assert_allclose(basis.T @ basis, np.eye(len(h)), atol=1e-14)
    turned = basis.T @ h @ basis
    begin = 0
    for part in parts:
        here = slice(begin, begin + part.images.shape[1])
        np.testing.assert_allclose(turned[here, here], part.of_matrix(h), atol=1e-12)
        turned[here, here] = 0.0
        begin = here.stop
    assert np.abs(turned).max() < 1e-11 * np.abs(h).max()


def test_modes_of_matrices_that_do_not_belong_to_the_positions():
    """Γ and Δ of the user keep only the symmetries that they have."""
    places = co.square(3, 2, 0.3).positions
    rng = np.random.default_rng(4)
    shift = rng.standard_normal((18, 18))
    own = co.ChannelCouplings(np.eye(18), shift + shift.T, isotropic(places))
    values = np.linalg.eigvalsh(shift + shift.T)
    np.testing.assert_allclose(np.sort(own.modes().shifts), values, atol=1e-12)
    reversed_alike = shift + shift.T
    reversed_alike = reversed_alike + reversed_alike.reshape(6, 3, 6, 3)[::-1, :, ::-1].reshape(
        18, 18
    )
    found = co.ChannelCouplings(np.eye(18), reversed_alike, isotropic(places)).modes()
    np.testing.assert_allclose(
        np.sort(found.shifts), np.linalg.eigvalsh(reversed_alike), atol=1e-12
    )


@pytest.mark.parametrize("few", [co.chain(5, 0.2), isotropic(co.cloud(3, 0.4, seed=1).positions)])
def test_long_eigenproblems_are_announced(few, monkeypatch, capsys):
    channels = co.couple(few, VACUUM)
    channels.modes()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(two_level_modes, "_LITTLE", 0.0)
    monkeypatch.setattr(two_level_modes, "_ANNOUNCED", 0.0)
    channels.modes()
    noun = "emitters" if len(few) == 5 else "atoms"
    assert (
        f"collective: the modes of {len(few)} {noun}, about 0 s predicted"
        in capsys.readouterr().err
    )


def test_modes_beside_a_mirror_include_the_shifts_of_the_ground_level():
    """One atom: the difference of the energies of H between excited and ground level."""
    channels = co.couple(isotropic([[0, 0, 0.1]]), co.Mirror())
    h = channels.hamiltonian().full()
    np.testing.assert_allclose(
        channels.effective_hamiltonian().real, h[:3, :3] - h[3, 3] * np.eye(3), atol=1e-13
    )
    assert abs(h[3, 3]) > 0.01


def test_validity_reports_what_is_neglected():
    atoms = isotropic([[0, 0, 0.1], [0, 0, 0.3]], zeeman=3.0, frequency=1e3)
    report = co.couple(atoms, co.Mirror()).validity()
    assert abs(report["one wave number for all"].value - 6e-3) < 1e-12
    assert report["only these manifolds"].verdict == "note"
    assert report["no retardation"].verdict == "holds"
    # x, y and z do not mix for atoms on the z axis: the largest change is that of one of them
    name = "couplings flat over a linewidth"
    alone = [
        co.couple(co.Emitters(atoms.positions, dipoles=u, frequency=1e3), co.Mirror()).validity()
        for u in np.eye(3)
    ]
    np.testing.assert_allclose(report[name].value, max(a[name].value for a in alone), rtol=1e-3)
    unknown = co.couple(two_lines(), VACUUM).validity()
    assert unknown["lines far apart"].verdict == "not assessed"
    known = co.couple(two_lines().replace(frequency=1e8), VACUUM).validity()
    assert known["lines far apart"].verdict == "holds"


def test_polarisations_that_no_transition_has_give_no_jumps():
    chain = co.chain(3, 0.1, dipoles=(1, 1j, 0))
    found, expected = co.couple(co.Atoms.from_emitters(chain), VACUUM), co.couple(chain, VACUUM)
    np.testing.assert_allclose(
        found.jump_channels()[0], expected.collective_rates()[::-1], atol=1e-13
    )
    np.testing.assert_allclose(found.extreme_rates(), expected.extreme_rates(), atol=1e-13)
    assert len(found.collapse_operators()) == 3
    # the lambda atom has two polarisations, in the plane across its axis
    assert len(co.couple(lambda_atoms(), VACUUM).jump_channels()[0]) == 4


def test_extreme_rates_of_many_atoms_are_those_of_a_krylov_space(monkeypatch):
    channels = co.couple(isotropic(co.square(5, 5, 0.3).positions), VACUUM)
    lowest, highest = channels.extreme_rates()
    assert "collective rates  at most" not in repr(channels)
    monkeypatch.setattr(of_channels, "_FEW", 70)
    found = channels.extreme_rates()
    assert found[1] == pytest.approx(highest, rel=1e-9)
    assert lowest - 1e-12 <= found[0] < 0.01
    assert f"collective rates  at most {found[0]:.6g} … {highest:.6g}" in repr(channels)
    assert "upper bound of the smallest" in repr(channels.validity())


def test_equal_couplings_are_equal_and_others_are_not():
    channels = co.couple(isotropic(), VACUUM)
    assert channels == co.couple(isotropic(), VACUUM)
    assert hash(channels) == hash(co.couple(isotropic(), VACUUM))
    assert channels != channels.replace(detunings=0.1)
    assert channels.replace(atoms=isotropic(zeeman=1.0)).energies[0, 0] == 1.0
    assert channels.replace(decay=np.eye(6)).field is None


def test_plane_waves_that_drive_nothing_are_refused():
    atoms = co.Atoms.from_emitters(co.chain(2, 0.2, dipoles=(1, 0, 0)))
    with pytest.raises(ValueError, match="perpendicular to every transition of line 0"):
        co.plane_wave(atoms, 1.0, direction=(0, 0, 1), polarisation=(0, 1, 0))
    with pytest.raises(ValueError, match="line must be below 1, the number of lines"):
        co.plane_wave(atoms, 1.0, direction=(0, 0, 1), polarisation=(1, 0, 0), line=1)
    with pytest.raises(ValueError, match="line must be 0: two-level emitters have one line"):
        co.plane_wave(co.chain(2, 0.1), 1.0, direction=(0, 0, 1), polarisation=(1, 0, 0), line=1)
    found = co.plane_wave(
        two_lines(), 1.0, direction=(0, 0, 1), polarisation=(0, 1, 0), line=1
    ).reshape(2, 2, 3)
    assert not np.any(found[:, 0])
    np.testing.assert_allclose(found[1, 1], [0, np.exp(0.4j), 0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decay": np.eye(5)}, r"decay must be 6 × 6: 2 atoms of 3 channels each"),
        ({"decay": -np.eye(6)}, "decay must be positive semidefinite"),
        ({"shift": np.triu(np.ones((6, 6)))}, "shift must be Hermitian"),
        ({"ground_shift": np.ones((2, 2, 2))}, r"ground_shift must be 0 or have shape \(2, 3, 3\)"),
        (
            {"ground_shift": np.triu(np.ones((2, 3, 3)))},
            r"ground_shift\[0\] must be Hermitian: ground_shift\[0\]\[0, 1\]",
        ),
        ({"drive": 1.0}, r"drive must be 0 or have one entry per channel, 6"),
        ({"drive": np.ones(2)}, r"drive must be 0 or have one entry per channel, 6"),
        ({"detunings": np.ones(6)}, "detunings must be a number or 2 numbers"),
        ({"atoms": isotropic([[0, 0, 0], [0, 0, 1]])}, "atoms: Γ and Δ of these couplings belong"),
        ({"field": co.Mirror()}, "field: Γ and Δ of these couplings belong to Vacuum"),
    ],
)
def test_bad_channel_couplings_are_refused(changes, message):
    channels = co.couple(isotropic(), VACUUM)
    with pytest.raises(ValueError, match=message):
        channels.replace(**changes)


def test_coupled_lines_are_refused():
    channels = co.couple(two_lines(), VACUUM)
    shift = channels.shift.copy()
    shift[0, 3] = shift[3, 0] = 1.0
    with pytest.raises(ValueError, match=r"shift must not couple different lines.*shift\[0, 3\]"):
        channels.replace(shift=shift)


def test_what_couple_cannot_do_for_atoms_is_refused():
    with pytest.raises(ValueError, match="temperature = 3: couple treats thermal light"):
        co.couple(isotropic(frequency=1e6), VACUUM, temperature=3.0)
    with pytest.raises(TypeError, match=r"Waveguide.* has no Green's tensor"):
        co.couple(isotropic(), co.Waveguide(1.0, K))
    with pytest.raises(ValueError, match="emitters 0 and 1 coincide"):
        co.couple(isotropic([[0, 0, 0], [0, 0, 0]]), VACUUM)
    with pytest.raises(ValueError, match=r"atoms.positions\[0\] .* solid matter"):
        co.couple(isotropic([[0, 0, -1]]), co.Mirror())
    with pytest.raises(TypeError, match="atoms must be Atoms"):
        co.ChannelCouplings(np.eye(3), np.zeros((3, 3)), co.chain(1, 0.1))


def test_one_excitation_needs_one_ground_level():
    channels = co.couple(lambda_atoms(), VACUUM)
    for verb in (channels.effective_hamiltonian, channels.modes, channels.transitions):
        with pytest.raises(ValueError, match=r"these atoms have 2 \(a, b\)"):
            verb()


def test_operators_that_do_not_fit_are_refused():
    lowering = np.zeros((1, 3, 150, 150), dtype=complex)
    lowering[0, 0, 1:, 0] = 0.1
    names = tuple(map(str, range(150)))
    many = co.Atoms(co.chain(150, 0.2).positions, names, np.eye(150)[0], lowering)
    for atoms in (isotropic(co.chain(20, 0.2).positions), many):
        channels = co.couple(atoms, VACUUM)  # 150^150 is larger than any double
        for verb in (channels.hamiltonian, channels.collapse_operators, channels.liouvillian):
            with pytest.raises(co.ProblemTooLargeError, match=f"of {len(atoms)} atoms"):
                verb()


def test_pairs_of_vacuum_against_the_formula_of_lehmberg():
    atoms = isotropic()
    found = co.couple(atoms, VACUUM)
    for alpha in range(3):
        for beta in range(3):
            u, v = np.eye(3)[[alpha, beta]]
            decay, shift = reference.vacuum_pair(*atoms.positions, u, v)
            assert abs(found.decay[alpha, 3 + beta] - decay) < 1e-12
            assert abs(found.shift[alpha, 3 + beta] - shift) < 1e-12 * np.abs(found.shift).max()
