"""Method "exact" on atoms with manifolds and in rotating frames, against QuTiP and by laws."""

import numpy as np
import pytest
import qutip
from multilevels import random_multilevel
from reference import rotation
from scipy.sparse import csr_array
from scipy.sparse.linalg import expm_multiply

import collective as co
from collective.engines.exact import frame, kernels, sectors
from collective.engines.numerics import exponential, sparse_rows
from collective.engines.request import checked

VACUUM = co.Vacuum()
K = 2 * np.pi
TIMES = np.linspace(0, 2, 5)
PAIR = [[0, 0, 0], [0.1, 0.05, 0.12]]
SPHERICAL = {
    1: np.array([-1, -1j, 0]) / np.sqrt(2),
    0: np.array([0, 0, 1]),
    -1: np.array([1, -1j, 0]) / np.sqrt(2),
}


def isotropic(positions=PAIR, **options):
    return co.Atoms.isotropic(positions, **options)


def three(seed=0, **options):
    places = np.random.default_rng(seed).uniform(0, 0.35, (3, 3))
    return isotropic(places, zeeman=0.3, axis=(1, 2, 0.5), **options)


def by_clebsch(positions, f, g, zeeman, rabi):
    """Liouvillian and Hamiltonian of two atoms F = f → g from Clebsch–Gordan coefficients.

    The quantisation axis is z; the beam is circularly polarised and goes along z.
    """
    excited, ground = np.arange(g, -g - 1, -1), np.arange(f, -f - 1, -1)
    count = len(excited) + len(ground)
    lower = np.zeros((3, count, count), dtype=complex)
    for i, m in enumerate(excited):
        for j, n in enumerate(ground):
            if abs(m - n) <= 1:
                vector = SPHERICAL[m - n] * qutip.clebsch(f, 1, g, n, m - n, m)
                lower[:, len(excited) + j, i] = vector
    one = qutip.qeye(count)
    levels = qutip.qdiags(np.append(zeeman * excited, np.zeros(len(ground))), 0)
    wave = rabi * np.array([1, 1j, 0]) / np.sqrt(2)
    raising = qutip.Qobj(np.einsum("age,a->eg", lower.conj(), wave)) / 2
    driven = [raising * np.exp(1j * K * r[2]) for r in positions]
    local = [levels + up + up.dag() for up in driven]
    h = qutip.tensor(local[0], one) + qutip.tensor(one, local[1])
    each = [qutip.tensor(qutip.Qobj(a), one) for a in lower]
    each += [qutip.tensor(one, qutip.Qobj(a)) for a in lower]
    total = 0
    for c, raised in enumerate(each):
        for d, lowered in enumerate(each):
            (m, a), (n, b) = divmod(c, 3), divmod(d, 3)
            green = VACUUM.green(positions[m], positions[n], K)[a, b]
            up, gamma = raised.dag(), 6 * np.pi / K * green.imag
            if m != n:
                h = h - 3 * np.pi / K * green.real * up * lowered
            both = up * lowered
            total += gamma * (
                qutip.sprepost(lowered, up) - 0.5 * (qutip.spre(both) + qutip.spost(both))
            )
    return total + qutip.liouvillian(h), count


@pytest.mark.parametrize("rabi", [0.0, 1.3], ids=["free", "driven"])
@pytest.mark.parametrize(("f", "g"), [(0, 1), (1, 2)], ids=["J = 0 to 1", "F = 1 to 2"])
def test_two_atoms_against_clebsch_gordan_coefficients(f, g, rabi):
    atoms = co.atoms(PAIR, ground=f, excited=g)
    zeeman = 0.4
    energies = zeeman * np.append(np.arange(g, -g - 1, -1), np.zeros(2 * f + 1))
    atoms = atoms.replace(energies=energies)
    channels = co.couple(atoms, VACUUM)
    if rabi:
        wave = co.plane_wave(atoms, rabi, direction=(0, 0, 1), polarisation=(1, 1j, 0))
        channels = channels.replace(drive=wave)
    generator, count = by_clebsch(PAIR, f, g, zeeman, rabi)
    start = np.zeros((2, count))
    start[0, :2], start[1, [1, 2 * g + 1]] = (0.8, 0.6), (0.6, -0.8)
    state = co.states.level_product(start)
    options = {"rtol": 1e-11, "atol": 1e-13, "method": "exact"}
    found = co.evolve(channels, state, TIMES, observe=["states", "correlations"], **options)
    assert "series" in found.reason
    rho = qutip.ket2dm(qutip.tensor(*map(qutip.Qobj, start)))
    matrix = csr_array(generator.data.as_scipy())
    columns = expm_multiply(
        matrix, rho.full().ravel(order="F"), start=0, stop=TIMES[-1], num=len(TIMES)
    )
    for i, (state, column) in enumerate(zip(found.states, columns, strict=True)):
        expected = column.reshape(count**2, count**2, order="F")
        np.testing.assert_allclose(state.full(), expected, atol=1e-8)
        reduced = qutip.Qobj(expected, dims=rho.dims)
        for m in range(2):
            np.testing.assert_allclose(
                found.populations[i, m], reduced.ptrace(m).diag().real, atol=1e-8
            )
    one = np.eye(count)
    lower = [np.kron(a, one) for a in atoms.channels] + [np.kron(one, a) for a in atoms.channels]
    last = columns[-1].reshape(count**2, count**2, order="F")
    expected = [[np.trace(a.conj().T @ b @ last) for b in lower] for a in lower]
    np.testing.assert_allclose(found.correlations[-1], expected, atol=1e-8)
    emission = np.einsum("cd,tcd->t", channels.decay, found.correlations).real
    np.testing.assert_allclose(found.emission, emission, atol=1e-12)
    np.testing.assert_allclose(
        found.excitation, found.populations[..., atoms.excited == 1].sum(axis=(1, 2)), atol=1e-12
    )


def test_three_atoms_at_an_optical_frequency_with_and_without_it():
    """Zeeman shifts of 0.3 linewidths change k by 3e-8; nothing else differs."""
    atoms = three(frequency=1e7)
    state = co.states.levels([0, 1, 2])
    channels = co.evolve(co.couple(atoms, VACUUM), state, TIMES, rtol=1e-11)
    multilevel = co.Multilevel.from_atoms(atoms)
    equation = co.master_equation(multilevel, VACUUM, approximation="rwa")
    found = co.evolve(equation, state, TIMES, rtol=1e-11, observe="states")
    assert "rotating frame" in found.reason
    assert found.frame == "lab"
    np.testing.assert_allclose(found.populations, channels.populations, atol=1e-6)
    np.testing.assert_allclose(found.emission, channels.emission, atol=1e-6)
    assert found.diagnostics["trace_error"] < 1e-11


def test_an_equation_in_its_frame_is_the_one_in_the_laboratory_frame(monkeypatch):
    """Coherences between numbers of excitations turn with ω₀ in the laboratory frame."""
    atoms = isotropic(zeeman=0.3, frequency=300.0)
    multilevel = co.Multilevel.from_atoms(atoms)
    equation = co.master_equation(multilevel, VACUUM, approximation="rwa")
    state = co.states.density_matrix(
        co.states.level_product([[1, 1j, 0, 1], [0, 0.5, 1, 2]]), co.couple(atoms, VACUUM)
    )
    sigma = qutip.tensor(qutip.Qobj(atoms.lowering[0, 0]), qutip.qeye(4))
    asked = {"observe": ["states", {"σ": sigma}], "rtol": 1e-11, "atol": 1e-13}
    expected = co.evolve(equation, state, TIMES + 3, **asked)
    assert "exponentials" in expected.reason
    monkeypatch.setattr(exponential, "LARGEST", 1)
    found = co.evolve(equation, state, TIMES + 3, **asked)
    assert "series" in found.reason
    for frames in (
        (found, expected),
        [r.replace(expect={}).in_frame("rotating") for r in (found, expected)],
    ):
        for one, other in zip(*(r.states for r in frames), strict=True):
            np.testing.assert_allclose(one.full(), other.full(), atol=1e-9)
    np.testing.assert_allclose(found.expect["σ"], expected.expect["σ"], atol=1e-9)
    np.testing.assert_allclose(found.emission, expected.emission, atol=1e-9)


def test_a_frame_is_found_only_where_jumps_change_the_energy_by_definite_amounts():
    energies = csr_array(np.diag([7.0, 4.1, 3.9, 0.0]))
    down = np.zeros((4, 4))
    down[1, 0] = down[3, 1] = 1
    other = np.zeros((4, 4))
    other[2, 0] = other[3, 2] = 1
    hop = np.zeros((4, 4))
    hop[1, 2] = hop[2, 1] = 0.3
    found, sector = frame.frame_of(energies + csr_array(hop), [csr_array(down), csr_array(other)])
    np.testing.assert_allclose(found - found[3], [7.5, 3.75, 3.75, 0], atol=1.0)
    np.testing.assert_allclose(found[0] - found[1], found[1] - found[3], atol=1e-12)
    assert sector.tolist() == [2, 1, 1, 0]
    both = csr_array(down + down.T)
    assert not frame.frame_of(energies + csr_array(hop), [both])[1].any()
    free, each = frame.frame_of(energies, [])
    np.testing.assert_allclose(free, energies.diagonal(), atol=1e-12)
    assert each.tolist() == [3, 2, 1, 0]


def test_independent_emitters_of_many_frequencies_turn_together():
    """Seven emitters of seven frequencies; a sector for each number of excitations is enough."""
    n = 7
    frequencies = 1e6 + np.arange(n) ** 1.5
    ops = [
        qutip.tensor(*[qutip.sigmap() if i == m else qutip.qeye(2) for i in range(n)])
        for m in range(n)
    ]
    h = sum(w * up * up.dag() for w, up in zip(frequencies, ops, strict=True))
    equation = co.MasterEquation(h, [up.dag() for up in ops])
    psi = qutip.tensor(*[(qutip.basis(2, 0) + qutip.basis(2, 1)).unit()] * n)
    found = co.evolve(equation, psi, [0, 1.0], observe="states")
    assert "rotating frame" in found.reason
    expected = 0.5 * np.exp(-1j * frequencies - 0.5)
    coherences = [found.states[-1].ptrace(m).full()[0, 1] for m in range(n)]
    np.testing.assert_allclose(coherences, expected, atol=1e-7)


def test_in_a_strong_magnetic_field_atoms_are_two_level_emitters():
    axis = (1, 2, 2)
    atoms = isotropic(zeeman=1e8, axis=axis)
    dipole = atoms.lowering[0, :, 3, 0]
    expected = co.evolve(co.couple(co.Emitters(PAIR, dipoles=dipole), VACUUM), "inverted", TIMES)
    found = co.evolve(co.couple(atoms, VACUUM), co.states.levels("e +1"), TIMES, method="exact")
    assert "exponentials" in found.reason
    np.testing.assert_allclose(found.populations[..., 0], expected.populations, atol=1e-6)
    np.testing.assert_allclose(found.emission, expected.emission, atol=1e-6)


def test_two_level_atoms_are_two_level_emitters():
    chain = co.chain(3, 0.11, dipoles=(1, 0.5j, 0.4), detunings=[0.1, 0, -0.3])
    drive = [0.5, 1j, -0.3]
    couplings = co.couple(chain, VACUUM).replace(drive=drive)
    channels = co.couple(co.Atoms.from_emitters(chain), VACUUM)
    raised = channels.atoms.channels[:, 1, 0]
    channels = channels.replace(drive=np.outer(drive, raised).ravel())  # |u|² = 1
    expected = co.evolve(couplings, "inverted", TIMES, rtol=1e-10, atol=1e-12)
    found = co.evolve(channels, "inverted", TIMES, rtol=1e-10, method="exact")
    np.testing.assert_allclose(found.populations[..., 0], expected.populations, atol=1e-8)
    np.testing.assert_allclose(found.emission, expected.emission, atol=1e-8)


def test_a_pulse_against_qutip():
    atoms = isotropic(zeeman=0.4)
    wave = co.plane_wave(atoms, 3.0, direction=(0, 1, 0), polarisation=(1, 0, 1j))
    channels = co.couple(atoms, VACUUM).replace(drive=wave, detunings=0.3)

    def envelope(t):
        return np.exp(-20 * (t - 0.6) ** 2 + 3j * t)

    times = np.linspace(0, 2, 21)
    options = {"rtol": 1e-9, "atol": 1e-11}
    state = co.states.levels("g 0")
    found = co.evolve(channels, state, times, envelope=envelope, observe="states", **options)
    up = channels.drive_operator()
    h = [channels.undriven_hamiltonian(), [up, envelope],
         [up.dag(), lambda t: np.conj(envelope(t))]]  # fmt: skip
    expected = qutip.mesolve(
        qutip.QobjEvo(h), found.states[0], times, channels.collapse_operators(),
        options={**options, "max_step": 0.05, "store_states": True},
    )  # fmt: skip
    for one, other in zip(found.states, expected.states, strict=True):
        np.testing.assert_allclose(one.full(), other.full(), atol=1e-7)
    assert found.excitation.max() > 0.3


@pytest.mark.parametrize(
    "seed", [pytest.param(i, marks=[pytest.mark.slow] if i > 5 else []) for i in range(26)]
)
def test_random_starts_keep_trace_and_positivity(seed):
    rng = np.random.default_rng(seed)
    atoms = co.atoms(rng.uniform(0, 0.4, (2, 3)), ground=1, excited=0)
    channels = co.couple(atoms.replace(energies=rng.normal(size=4)), VACUUM)
    if seed % 2:
        channels = channels.replace(drive=rng.normal(size=6) + 1j * rng.normal(size=6))
    vectors = rng.normal(size=(16, 3)) + 1j * rng.normal(size=(16, 3))
    matrix = vectors @ vectors.conj().T
    rho = qutip.Qobj(matrix / np.trace(matrix), dims=[[4, 4], [4, 4]])
    found = co.evolve(channels, rho, [0, 0.7, 3.0], method="exact")
    assert found.diagnostics["trace_error"] < 1e-8
    assert min(found.diagnostics["smallest_eigenvalues"]) > -1e-8
    np.testing.assert_allclose(found.populations.sum(axis=2), 1, atol=1e-8)


def test_turning_everything_changes_nothing():
    atoms = three()
    turn = rotation(5)
    wave = co.plane_wave(atoms, 1.0, direction=(0, 0, 1), polarisation=(1, 0.3j, 0))
    turned = co.plane_wave(
        atoms.rotated(turn), 1.0, direction=turn[:, 2], polarisation=turn @ [1, 0.3j, 0]
    )
    state = co.states.levels(["e +1", "g 0", "g 0"])
    before = co.couple(atoms, VACUUM).replace(drive=wave)
    after = co.couple(atoms.rotated(turn), VACUUM).replace(drive=turned)
    times = [0, 0.4, 1.0]
    one, other = (co.evolve(c, state, times, rtol=1e-10) for c in (before, after))
    np.testing.assert_allclose(other.populations, one.populations, atol=1e-9)
    np.testing.assert_allclose(other.emission, one.emission, atol=1e-8)


@pytest.mark.parametrize("unit", [4.0**-20, pytest.param(3e7, marks=pytest.mark.slow)])
def test_the_unit_of_rate_does_not_matter(unit):
    atoms = isotropic(zeeman=0.4)
    scaled = atoms.replace(linewidths=atoms.linewidths * unit, energies=atoms.energies * unit)
    wave = co.plane_wave(atoms, 1.0, direction=(0, 0, 1), polarisation=(1, 0.3j, 0))
    state = co.states.levels(["e 0", "g 0"])
    expected = co.evolve(co.couple(atoms, VACUUM).replace(drive=wave), state, TIMES)
    fast = co.couple(scaled, VACUUM).replace(drive=wave * unit)
    found = co.evolve(fast, state, TIMES / unit)
    np.testing.assert_allclose(found.populations, expected.populations, atol=1e-8)
    np.testing.assert_allclose(found.emission / unit, expected.emission, atol=1e-8)


def test_lines_do_not_interfere():
    """One excited level that decays on two lines, from a superposition with a ground level."""
    lowering = np.zeros((2, 3, 3, 3), dtype=complex)
    lowering[0, :, 1, 0] = 1, 0, 0
    lowering[1, :, 2, 0] = 0, 0.6, 0.8j
    atoms = co.Atoms(
        PAIR, ("e", "a", "b"), (1, 0, 0), lowering, linewidths=(1, 0.4), wavenumbers=(K, 4.0)
    )
    channels = co.couple(atoms, VACUUM)
    state = co.states.level_product([[1, 1, 0], [0, 1, 1j]])
    found = co.evolve(channels, state, TIMES, rtol=1e-11, observe="states", method="exact")
    rho = found.states[0].full().ravel(order="F")
    expected = expm_multiply(TIMES[-1] * channels.liouvillian().full(), rho)
    np.testing.assert_allclose(
        found.states[-1].full(), expected.reshape(9, 9, order="F"), atol=1e-9
    )


@pytest.mark.slow
def test_interrupted_runs_of_atoms_continue(tmp_path, interrupted_at):
    channels = co.couple(isotropic(), VACUUM)
    times = np.linspace(0, 5, 40)
    asked = {"observe": "correlations", "method": "exact", "progress": False}
    whole = co.evolve(channels, co.states.levels("e 0"), times, **asked)
    with interrupted_at(9):
        part = co.evolve(
            channels, co.states.levels("e 0"), times, checkpoint=tmp_path / "part", **asked
        )
    assert not part.complete
    again = co.evolve(
        channels, co.states.levels("e 0"), times, checkpoint=tmp_path / "part", **asked
    )
    assert again.complete
    np.testing.assert_allclose(again.populations, whole.populations, atol=1e-8)
    np.testing.assert_allclose(again.correlations, whole.correlations, atol=1e-8)


def test_only_blocks_that_the_state_reaches_are_kept():
    """1, 9, 27 and 27 states have 0 to 3 of three atoms excited."""
    channels = co.couple(three(), VACUUM)

    def stored(problem, state):
        return sectors.generator_of(checked(problem, state, TIMES)).size

    assert stored(channels, co.states.levels("e 0")) == 1 + 9**2 + 2 * 27**2
    assert stored(channels, co.states.levels(["e 0", "g 0", "g 0"])) == 1 + 9**2
    assert stored(channels, co.states.level_product([1, 0, 0, 1])) == 64**2
    driven = channels.replace(drive=np.full(9, 0.1))
    assert stored(driven, co.states.levels("g 0")) == 64**2


def test_many_atoms_are_refused_with_the_number_of_their_states():
    six = isotropic(np.arange(18).reshape(6, 3) / 10)
    with pytest.raises(ValueError, match=r"up to 2,048 states together, but 6 .* have 4\^6"):
        co.evolve(co.couple(six, VACUUM), co.states.levels("e 0"), TIMES, method="exact")
    many = isotropic(np.arange(120).reshape(40, 3) / 10)
    with pytest.raises(
        ValueError, match=r"40 atoms of 4 levels have 4\^40; use method='cumulants'"
    ):
        co.evolve(co.couple(many, VACUUM), co.states.levels("e 0"), TIMES, method="exact")


def test_beyond_the_rwa_optical_frequencies_are_refused():
    multilevel = co.Multilevel.from_atoms(three(frequency=1e7))
    equation = co.master_equation(multilevel, VACUUM)
    with pytest.raises(ValueError, match="these jumps leave no frame without them"):
        co.evolve(equation, co.states.levels(0), TIMES)


def test_dephasing_between_levels_is_summed_accurately():
    """Coherences decay faster than the populations that a jump leaves as they are."""
    h, jump = 0.5 * qutip.sigmax(), np.sqrt(2.0) * qutip.sigmaz()
    ops = [qutip.tensor(*[a if i == m else qutip.qeye(2) for i in range(6)])
           for m in range(6) for a in (h, jump)]  # fmt: skip
    equation = co.MasterEquation(sum(ops[::2]), ops[1::2])
    psi = qutip.tensor(*[qutip.basis(2, 0)] * 6)
    found = co.evolve(equation, psi, TIMES, rtol=1e-10)
    assert "series" in found.reason
    alone = qutip.liouvillian(h, [jump]).full()
    expected = [(expm_multiply(alone * t, np.array([1.0, 0, 0, 0])))[0].real for t in TIMES]
    np.testing.assert_allclose(found.populations[:, 3, 0], expected, atol=1e-9)


@pytest.mark.slow
def test_random_equations_of_lindblad_form_are_those_of_exponentials(monkeypatch):
    system = random_multilevel(4, (3, 2))
    for approximation in ("universal", "secular", "rwa"):
        equation = co.master_equation(system, VACUUM, approximation=approximation)
        expected = co.evolve(equation, "inverted", TIMES, rtol=1e-10, observe="states")
        with monkeypatch.context() as patch:
            patch.setattr(exponential, "LARGEST", 1)
            found = co.evolve(equation, "inverted", TIMES, rtol=1e-10, observe="states")
        assert "series" in found.reason
        for one, other in zip(found.states, expected.states, strict=True):
            np.testing.assert_allclose(one.full(), other.full(), atol=1e-8)


def test_kernels_are_what_scipy_computes():
    channels = co.couple(three(), VACUUM)
    state = co.states.level_product([1, 0.3j, 0, 1])
    generator = sectors.generator_of(checked(channels, state, TIMES))
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(64, 64)) + 1j * rng.normal(size=(64, 64))
    values = generator.pack(matrix + matrix.conj().T)
    found = generator.apply(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse_rows, "multiply", sparse_rows.multiply_plainly)
        patch.setattr(kernels, "jump", kernels.jump_plainly)
        np.testing.assert_allclose(generator.apply(values), found, atol=1e-12)
    generator.share(2)
    np.testing.assert_array_equal(generator.apply(values), found)
    generator.close()
    # the mean energy of the transitions is 0: the frame does not turn
    rho = generator.unpack(values, 0.0).ravel(order="F")
    expected = csr_array(channels.liouvillian().data.as_scipy()) @ rho
    np.testing.assert_allclose(generator.unpack(found, 0.0).ravel(order="F"), expected, atol=1e-11)


@pytest.mark.slow
def test_a_steady_state_is_where_an_evolution_ends():
    atoms = isotropic(zeeman=0.4)
    wave = co.plane_wave(atoms, 1.5, direction=(0, 1, 0), polarisation=(1, 0, 0.3j))
    channels = co.couple(atoms, VACUUM).replace(drive=wave)
    late = co.evolve(channels, co.states.levels("g 0"), [0, 100.0], rtol=1e-11, method="exact")
    np.testing.assert_allclose(late.last_state.full(), co.steady_state(channels).full(), atol=1e-8)


@pytest.mark.parametrize("method", ["exact", "trajectories"])
def test_atoms_that_do_not_decay_only_turn(method):
    """Rabi oscillations, and nothing at all."""
    atoms = isotropic([[0, 0, 0]]).replace(linewidths=[0.0])
    channels = co.couple(atoms, VACUUM)
    driven = channels.replace(drive=[1.0, 0, 0])
    start = co.states.levels("g 0")
    found = co.evolve(driven, start, TIMES, method=method, seed=1, progress=False)
    np.testing.assert_allclose(found.excitation, np.sin(TIMES / 2) ** 2, atol=1e-8)
    still = co.states.level_product([1, 0, 1, 1])
    found = co.evolve(channels, still, TIMES, method=method, seed=1, progress=False)
    np.testing.assert_allclose(found.populations[-1], found.populations[0], atol=1e-12)
    np.testing.assert_allclose(found.emission, 0, atol=1e-15)
