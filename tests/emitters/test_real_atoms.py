"""Atoms by name and by quantum numbers: dipoles, branching, Zeeman shifts, levels in SI."""

import warnings

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import constants

import collective as co
from collective.emitters.spherical import rotation_to
from collective.emitters.transitions import amplitudes, branching

HERE = [[0.0, 0.0, 0.0]]
PAIR = [[0.0, 0.0, 0.0], [0.1, 0.05, 0.2]]
D2 = (1 / 2, 3 / 2)
TABLE = [
    f"{isotope} {line}"
    for isotope in ("Li6", "Li7", "Na23", "K39", "K40", "Rb85", "Rb87", "Cs133")
    for line in ("D1", "D2")
]
TABLE += [f"{isotope} {line}" for isotope in ("Sr87", "Sr88") for line in (461, 689)]
TABLE += [f"{isotope} {line}" for isotope in ("Yb171", "Yb173", "Yb174") for line in (399, 556)]
TABLE += [f"{isotope} {line}" for isotope in ("Er166", "Er168") for line in (401, 583, 841)]
TABLE += [f"{isotope} {line}" for isotope in ("Dy162", "Dy164") for line in (421, 626, 741)]

# |⟨F m|er_q|F′ m+q⟩|² in units of |⟨J||er||J′⟩|², by rising m where it is not zero; Steck, Rubidium
# 87 D Line Data, tables 9 to 14 (D2); the decay of one sublevel is (2J+1)/(2J′+1) = 1/2 there
STECK_RB87_D2 = [
    (2, 3, +1, [1 / 30, 1 / 10, 1 / 5, 1 / 3, 1 / 2]),
    (2, 2, +1, [1 / 12, 1 / 8, 1 / 8, 1 / 12]),
    (2, 1, +1, [1 / 20, 1 / 40, 1 / 120]),
    (2, 3, 0, [1 / 6, 4 / 15, 3 / 10, 4 / 15, 1 / 6]),
    (2, 2, 0, [1 / 6, 1 / 24, 0, 1 / 24, 1 / 6]),
    (2, 3, -1, [1 / 2, 1 / 3, 1 / 5, 1 / 10, 1 / 30]),
    (1, 2, +1, [1 / 24, 1 / 8, 1 / 4]),
    (1, 1, +1, [5 / 24, 5 / 24]),
    (1, 0, +1, [1 / 6]),
]
# relative hyperfine strengths S_FF′ of Rb87 D2 (table 8 there)
STECK_STRENGTHS = {
    (2, 3): 7 / 10, (2, 2): 1 / 4, (2, 1): 1 / 20, (1, 2): 5 / 12, (1, 1): 5 / 12, (1, 0): 1 / 6,
}  # fmt: skip


@pytest.mark.parametrize(("ground", "excited", "q", "squares"), STECK_RB87_D2)
def test_dipoles_of_rubidium_agree_with_steck(ground, excited, q, squares):
    found = amplitudes(D2, 3 / 2, ground, excited)[1 - q] ** 2 / 2
    m = np.arange(-ground, ground + 1)
    m = m[np.abs(m + q) <= excited]
    along = [found[ground - low, excited - (low + q)] for low in m]
    np.testing.assert_allclose(along, squares, atol=1e-15)
    assert abs(found.sum() - sum(squares)) < 1e-14


def test_branching_of_rubidium_agrees_with_steck():
    for (ground, excited), strength in STECK_STRENGTHS.items():
        expected = strength * (2 * ground + 1) / (2 * excited + 1) * 2
        assert branching(D2, 3 / 2, excited)[ground] == pytest.approx(expected, abs=1e-15)


def total_momentum(atoms, manifolds):
    """F of one atom in the basis of its levels, along x, y and z, (3, L, L)."""
    blocks = [
        [qutip.jmat(f, a).full() if f else np.zeros((1, 1)) for f in manifolds] for a in "xyz"
    ]
    count = len(atoms.levels)
    found = np.zeros((3, count, count), complex)
    for a in range(3):
        begin = 0
        for block in blocks[a]:
            end = begin + len(block)
            found[a, begin:end, begin:end] = block
            begin = end
    return found


@settings(deadline=None, max_examples=15)
@given(
    numbers=st.sampled_from(
        [(0, 0, 1), (0.5, 0, 0.5), (0.5, 0.5, 1.5), (0.5, 1.5, 1.5), (1.5, 1, 0.5), (2, 0, 2)]
    ),
    axis=st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1),
    data=st.data(),
)
def test_dipoles_are_vectors(numbers, axis, data):
    """[F_i, σ⁻_j] = iε_ijk σ⁻_k and Σ_j σ⁺_jσ⁻_j = 1 on excited levels: signs and phases."""
    lower, spin, upper = numbers
    excited = data.draw(st.sampled_from(list(np.arange(abs(upper - spin), upper + spin + 1))))
    ground = tuple(branching((lower, upper), spin, excited))
    atoms = co.atoms(
        HERE, ground=ground, excited=excited, momenta=(lower, upper), nuclear_spin=spin, axis=axis
    )
    about_axis = total_momentum(atoms, (excited, *ground))
    turn = rotation_to(np.array(axis) / np.linalg.norm(axis))
    momentum = np.einsum("ab,bxy->axy", turn, about_axis)
    epsilon = np.zeros((3, 3, 3))
    epsilon[[0, 1, 2], [1, 2, 0], [2, 0, 1]] = 1
    epsilon[[0, 2, 1], [2, 1, 0], [1, 0, 2]] = -1
    for dipole in atoms.lowering:
        commutator = np.einsum("ixy,jyz->ijxz", momentum, dipole)
        commutator -= np.einsum("jxy,iyz->ijxz", dipole, momentum)
        expected = 1j * np.einsum("ijk,kxz->ijxz", epsilon, dipole)
        np.testing.assert_allclose(commutator, expected, atol=1e-13)
    decays = np.einsum("sage,sagf->ef", atoms.lowering.conj(), atoms.lowering)
    np.testing.assert_allclose(decays, np.diag(atoms.excited), atol=1e-14)


@pytest.mark.filterwarnings("ignore:excited")
@pytest.mark.parametrize(
    "name",
    [
        n if n in ("Rb87 D2", "Dy164 741") else pytest.param(n, marks=pytest.mark.slow)
        for n in TABLE
    ],
)
def test_every_excited_level_decays_at_the_linewidth(name):
    line = co.units.atom(name)
    for excited in line.momenta("excited"):
        electrons = line.ground.momentum, line.excited.momentum
        decays = branching(electrons, line.nuclear_spin, excited)
        assert abs(sum(decays.values()) - 1) < 1e-14
        atoms = co.atoms(HERE, line, ground=tuple(decays), excited=excited)
        np.testing.assert_allclose(atoms.decay_rates, atoms.excited, atol=1e-14)


def test_a_line_without_ground_spin_is_the_vector_model():
    """The levels of J = 0 → 1 are those of `Atoms.isotropic`, with any axis."""
    axis = (1.0, 2.0, -2.0)
    made = co.atoms(PAIR, ground=0, excited=1, axis=axis, detunings=[0.5, 0.0])
    plain = co.Atoms.isotropic(PAIR, axis=axis, detunings=[0.5, 0.0])
    np.testing.assert_allclose(made.lowering, plain.lowering, atol=1e-15)
    assert made.replace(lowering=plain.lowering) == plain


def test_hyperfine_lines_have_their_wave_numbers():
    """The two lines from F′ = 2 are 6.835 GHz apart, and F = 1 is the lower level."""
    atoms = co.atoms(PAIR, "rb87 d2", ground=(1, 2), excited=2)
    assert atoms.lines == 2
    assert atoms.levels[5:7] == ("g1 +1", "g1 0")
    assert atoms.wavenumbers[0] == 2 * np.pi
    line = co.units.atom("Rb87 D2")
    apart = atoms.frequency * line.linewidth * (1 - atoms.wavenumbers[1] / atoms.wavenumbers[0])
    assert apart / (2 * np.pi) == pytest.approx(6.834682610904e9, rel=1e-6)
    level = co.Multilevel.from_atoms(atoms)
    energies = level.energies[0]
    splitting = (energies[atoms.level("g2 0")] - energies[atoms.level("g1 0")]) * line.linewidth
    assert splitting / (2 * np.pi) == pytest.approx(6.834682610904e9, rel=1e-6)
    assert energies[atoms.level("g1 0")] == 0
    metres = co.atoms(
        np.multiply(PAIR, line.wavelength), line, ground=2, excited=3, wavelength=line.wavelength
    )
    assert metres.wavenumbers[0] == pytest.approx(2 * np.pi / line.wavelength)


def test_two_lines_share_the_decay_without_interference():
    """From every superposition of F′ = 2 half of the atoms end in F = 1, by jumps of line 0."""
    atoms = co.atoms(HERE, "Rb87 D2", ground=(1, 2), excited=2)
    jumps = co.couple(atoms, co.Vacuum()).collapse_operators()
    assert len(jumps) == 6
    lower = np.array([name.startswith("g1") for name in atoms.levels])
    to_one = sum(jump.dag() * qutip.qdiags(lower.astype(float), 0) * jump for jump in jumps)
    np.testing.assert_allclose(to_one.full(), 0.5 * np.diag(atoms.excited), atol=1e-14)
    for jump in jumps:
        ends = np.abs(jump.full()).max(axis=1) > 1e-12
        assert np.all(lower[ends]) or not np.any(lower[ends])


# slopes in MHz per gauss, from the figures of Steck's data sheets (linear Zeeman effect)
SLOPES = [
    ("Rb87 D2", "ground", 1, -0.70),
    ("Rb87 D2", "ground", 2, 0.70),
    ("Rb87 D2", "excited", 1, 0.93),
    ("Rb87 D2", "excited", 3, 0.93),
    ("Rb87 D1", "excited", 1, -0.23),
    ("Rb85 D2", "ground", 3, 0.47),
    ("Rb85 D2", "excited", 1, -1.40),
    ("Cs133 D2", "ground", 4, 0.35),
    ("Cs133 D2", "excited", 2, -0.93),
]


@pytest.mark.parametrize(("name", "side", "momentum", "slope"), SLOPES)
def test_g_factors_agree_with_the_tables(name, side, momentum, slope):
    magneton = constants.value("Bohr magneton in Hz/T") * 1e-10  # MHz per gauss
    found = co.units.atom(name).g_factor(side, momentum) * magneton
    assert found == pytest.approx(slope, abs=0.006)


@pytest.mark.parametrize(("name", "side"), [("Rb87 D2", "ground"), ("Cs133 D2", "excited")])
def test_weak_fields_agree_with_the_diagonal_form_of_the_whole_hamiltonian(name, side):
    """H/h = A I·J + quadrupole + μ_B(g_J J_z + g_I I_z)B, diagonalised, at two weak fields."""
    line = co.units.atom(name)
    level, spin = line.level(side), line.nuclear_spin
    j, i = (
        [qutip.tensor(a, qutip.qeye(round(2 * spin + 1))) for a in qutip.jmat(level.momentum)],
        [qutip.tensor(qutip.qeye(round(2 * level.momentum + 1)), a) for a in qutip.jmat(spin)],
    )
    product = sum((a * b for a, b in zip(i, j, strict=True)), 0 * i[0])
    hamiltonian = level.magnetic_dipole * product
    if level.momentum > 0.5:
        both = level.momentum * (level.momentum + 1) * spin * (spin + 1)
        over = 2 * spin * (2 * spin - 1) * level.momentum * (2 * level.momentum - 1)
        quadrupole = 3 * product**2 + 1.5 * product - both
        hamiltonian = hamiltonian + level.electric_quadrupole / over * quadrupole
    moment = level.g_factor * j[2] + line.nuclear_g_factor * i[2]
    magneton = constants.value("Bohr magneton in Hz/T")
    field = 1e-7
    exact = np.sort((hamiltonian + magneton * field * moment).eigenenergies())
    linear = np.sort(
        [
            line.hyperfine_shift(side, f) + line.g_factor(side, f) * m * magneton * field
            for f in line.momenta(side)
            for m in np.arange(-f, f + 1)
        ]
    )
    np.testing.assert_allclose(linear, exact, atol=3e-5 * magneton * field)


def test_the_field_gives_the_axis_and_the_shifts():
    gauss = 1e-4
    assert co.units.gauss == gauss
    up = co.atoms(HERE, "Sr88 689 nm", ground=0, excited=1, magnetic_field=(0, gauss, 0))
    down = co.atoms(
        HERE, "Sr88 689 nm", ground=0, excited=1, magnetic_field=(0, -gauss, 0), axis=(0, 1, 0)
    )
    np.testing.assert_array_equal(up.axis, (0, 1, 0))
    expected = 1.5 * constants.value("Bohr magneton in Hz/T") * gauss / 7479
    np.testing.assert_allclose(up.energies, [[expected, 0, -expected, 0]], rtol=1e-9)
    np.testing.assert_allclose(down.energies, -up.energies, rtol=1e-14)
    level = co.Multilevel.from_atoms(up)
    np.testing.assert_allclose(
        level.bohr_frequencies(0)[:3, 3], up.frequency + up.energies[0, :3], rtol=1e-14
    )


@pytest.mark.parametrize(
    ("numbers", "field"),
    [
        ((0, 1), co.Vacuum()),
        ((0.5, 0.5), co.Vacuum()),
        pytest.param((1, 1), co.Vacuum(), marks=pytest.mark.slow),
        pytest.param((0, 1), co.Mirror(), marks=pytest.mark.slow),
        pytest.param((1, 1), co.Mirror(), marks=pytest.mark.slow),
    ],
)
def test_the_rwa_master_equation_of_multilevel_is_that_of_channels(numbers, field):
    ground, excited = numbers
    above = np.add(PAIR, (0, 0, 0.15))
    atoms = co.atoms(above, ground=ground, excited=excited, axis=(1, 0, 2))
    atoms = atoms.replace(frequency=1e4)
    system = co.Multilevel.from_atoms(atoms)
    equation = co.master_equation(system, field, approximation="rwa")
    one = qutip.qdiags(system.energies[0], 0)
    unit = qutip.qeye(len(atoms.levels))
    frame = qutip.liouvillian(qutip.tensor(one, unit) + qutip.tensor(unit, one))
    with qutip.CoreOptions(auto_tidyup=False):
        expected = co.couple(atoms, field).liouvillian() + frame
        difference = (equation.liouvillian() - expected).data_as("csr_matrix")
    assert np.abs(difference.data).max(initial=0.0) < 1e-10


REFUSED = [
    ({"line": "Rb87 D2", "ground": 1.5, "excited": 2}, "F must be 1 or 2 for J = 1/2 and I = 3/2"),
    ({"line": "Rb87 D2", "ground": 1, "excited": 3}, "F′=3 → F=1 is forbidden"),
    (
        {"line": "Rb87 D2", "ground": 2, "excited": 2},
        r"F′=2 decays to F=1 with probability 0.5; give ground=\(1, 2\)",
    ),
    ({"line": "Rb87 D2", "ground": (1, 2), "excited": 3}, "no chosen excited level decays to F=1"),
    ({"line": "Rb87 D3", "ground": 2, "excited": 3}, "Did you mean 'Rb87 D2'"),
    ({"line": "Sr 88", "ground": 0, "excited": 1}, "Did you mean 'Sr88 689 nm'"),
    ({"ground": 0, "excited": 0}, "J = 0 → J′ = 0 is forbidden"),
    ({"ground": 0, "excited": 2}, "J = 0 → J′ = 2 is forbidden"),
    ({"ground": 0.5, "excited": 1}, "both must be integers"),
    ({"ground": 0.3, "excited": 1}, "ground must be a multiple of 1/2, got 0.3"),
    ({"ground": (0, 1), "excited": 1}, "ground must be one J"),
    ({"ground": 2, "excited": 3, "nuclear_spin": 1.5}, "nuclear_spin = 3/2 needs momenta"),
    ({"ground": 2, "excited": 3, "momenta": 1}, r"momenta must be \(J, J′\)"),
    ({"line": "Rb87 D2", "ground": 2, "excited": 3, "momenta": D2}, "momenta belongs to the line"),
    ({"line": "Rb87 D2", "ground": (2, 2), "excited": 3}, "ground must name each F once"),
    (
        {"line": "Rb87 D2", "ground": 2, "excited": 3, "magnetic_field": 1e-4},
        "magnetic_field needs a direction",
    ),
    (
        {"line": "Rb87 D2", "ground": 2, "excited": 3, "magnetic_field": (0, 0, 300)},
        "is it in gauss",
    ),
    (
        {
            **{"line": "Rb87 D2", "ground": 2, "excited": 3},
            **{"magnetic_field": (1e-4, 0, 0), "axis": (0, 0, 1)},
        },
        "axis must be along magnetic_field",
    ),
    ({"ground": 0, "excited": 1, "magnetic_field": (0, 0, 1e-4)}, "needs a line whose linewidth"),
    ({"line": co.units.Line("x", 1e-6, 1e6), "ground": 0, "excited": 1}, "'x' has no levels"),
    (
        {
            "line": co.units.Line(
                "x", 1e-6, 1e6, ground=co.units.Level(0), excited=co.units.Level(1)
            ),
            **{"ground": 0, "excited": 1, "magnetic_field": (0, 0, 1e-4)},
        },
        "g_J of the excited level is not known",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_impossible_atoms_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        co.atoms(HERE, **arguments)


def test_a_lattice_gives_its_positions():
    lattice = co.square(2, 2, 0.3)
    with pytest.raises(ValueError, match=r"of a lattice give lattice\.positions"):
        co.atoms(lattice, ground=0, excited=1)
    assert len(co.atoms(lattice.positions, ground=0, excited=1)) == 4


def test_fields_beyond_the_linear_regime_are_warned_of():
    rubidium = {"line": "Rb87 D2", "ground": 2, "excited": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        co.atoms(HERE, **rubidium, magnetic_field=(0, 0, 9e-4))
    with pytest.warns(UserWarning, match="reliable up to 0.00095 T"):
        co.atoms(HERE, **rubidium, magnetic_field=(0, 0, 1e-3))


def test_overlapping_hyperfine_levels_are_warned_of():
    with pytest.warns(UserWarning, match="F′=5/2 and F′=3/2 of Li6 D2 are 0.51 linewidths apart"):
        co.atoms(HERE, "Li6 D2", ground=3 / 2, excited=5 / 2)


def test_close_hyperfine_levels_share_a_line():
    """The electrons see no nuclear spin but for A I·J: the dipole is the one of J = 0 → 1."""
    spin, splitting = 1.5, 0.3e6
    line = co.units.Line(
        "test",
        500e-9,
        2e6 * np.pi,
        ground=co.units.Level(0),
        excited=co.units.Level(1, magnetic_dipole=splitting),
        nuclear_spin=spin,
    )
    upper = (2.5, 0.5, 1.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        atoms = co.atoms(HERE, line, ground=spin, excited=upper, axis=(1, 2, 0))
    assert atoms.lines == 1
    np.testing.assert_allclose(atoms.decay_rates, atoms.excited, atol=1e-14)
    m = np.arange(spin, -spin - 1, -1)
    states = [(f, f - i) for f in upper for i in range(round(2 * f + 1))]
    turn = np.array(
        [
            [qutip.clebsch(1, spin, f, a, b, total) for f, total in states]
            for a in (1, 0, -1)
            for b in m
        ]
    )
    isotropic = co.Atoms.isotropic(HERE, axis=(1, 2, 0)).lowering[0, :, 3, :3]
    found = atoms.lowering[0, :, 12:, :12] @ turn.T
    expected = np.einsum("ae,gi->agei", isotropic, np.eye(4)).reshape(3, 4, 12)
    np.testing.assert_allclose(found, expected, atol=1e-14)
    product = sum(np.kron(qutip.jmat(1, a).full(), qutip.jmat(spin, a).full()) for a in "xyz")
    energies = turn @ np.diag(atoms.energies[0, :12]) @ turn.T
    offset = np.trace(energies) / 12  # of the centre from the first level
    np.testing.assert_allclose(
        energies, splitting / 1e6 * product + offset * np.eye(12), atol=1e-13
    )


def test_only_close_levels_share_a_line():
    """F′ = 1/2 … 5/2 of lithium-6 are within a linewidth, its ground levels 39 apart."""
    atoms = co.atoms(HERE, "Li6 D2", ground=(1 / 2, 3 / 2), excited=(1 / 2, 3 / 2, 5 / 2))
    assert atoms.lines == 2
    line = co.units.atom("Li6 D2")
    apart = (
        2 * np.pi * (line.hyperfine_shift("excited", 2.5) - line.hyperfine_shift("excited", 0.5))
    )
    first, last = atoms.energies[0, [atoms.level("e1/2 +1/2"), atoms.level("e5/2 +1/2")]]
    assert last - first == pytest.approx(apart / line.linewidth, rel=1e-12)
    level = co.Multilevel.from_atoms(atoms)
    gaps = level.bohr_frequencies(0)[atoms.level("e5/2 +1/2"), atoms.level("e1/2 +1/2")]
    assert gaps == pytest.approx(apart / line.linewidth, abs=1e-6)


def test_multilevel_needs_a_frequency_and_lines_that_agree():
    atoms = co.atoms(HERE, ground=0, excited=1)
    with pytest.raises(ValueError, match="frequency is required"):
        co.Multilevel.from_atoms(atoms)
    twice = atoms.replace(
        lowering=np.concatenate([atoms.lowering] * 2),
        linewidths=[1.0, 1.0],
        wavenumbers=[6.0, 7.0],
        frequency=1e4,
    )
    with pytest.raises(ValueError, match="wavenumbers contradict each other: line 1"):
        co.Multilevel.from_atoms(twice)
