"""Atoms with manifolds in mean field and in cumulants, against exact equations of few atoms."""

import numpy as np
import pytest
import qutip
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

import collective as co
from collective.engines.cumulants import level_kernels
from collective.engines.cumulants.levels import Levels, packed, unpacked
from collective.engines.mean_field.levels import LevelEquations
from collective.engines.mean_field.start import with_random_coherences
from collective.engines.request import checked
from collective.states.level_moments import correlations, matrices, uncorrelated_matrices

# an approximation that expects a large error says so
pytestmark = pytest.mark.filterwarnings("ignore:the error of method")
VACUUM = co.Vacuum()
MeanField, Cumulants = co.engines.MeanField, co.engines.Cumulants
QUIET = {"progress": False}
PLACES = np.array([[0, 0, 0], [0.1, 0.05, 0.02], [-0.1, 0.12, 0.05]])
ISOTROPIC = co.Atoms.isotropic(PLACES[:2], zeeman=0.4, axis=(1, 0.2, 0.3))
SHARED = np.array([1, 2j, 0.3, -1, 0.5, 0]) / np.linalg.norm([1, 2, 0.3, 1, 0.5])
LAMBDA = np.zeros((1, 3, 3, 3), dtype=complex)  # one excited level, two ground levels
LAMBDA[0, 0, 1, 0], LAMBDA[0, 1, 2, 0] = 0.8, 0.6j
THREE_LEVELS = co.Atoms(
    PLACES, ("e", "a", "b"), (1, 0, 0), LAMBDA, energies=[[0.3, 0.1, 0], [0.2, 0, 0], [0, 0, 0.1]]
)
HALF = co.atoms(PLACES[:2], ground=1 / 2, excited=3 / 2)
ALONE = co.atoms(PLACES[:1], ground=1 / 2, excited=3 / 2)
BOTH = co.atoms(PLACES[:1], ground=(1, 2), excited=1, momenta=(1 / 2, 1 / 2), nuclear_spin=3 / 2)


def complex_channels(atoms, seed=5):
    """Random complex Γ ⪰ 0 and Δ, also within atoms, with detunings, Λ and a drive."""
    rng, n = np.random.default_rng(seed), len(atoms)
    channels = co.couple(atoms, VACUUM)
    size, each = len(channels.decay), 3 * atoms.lines
    line = np.tile(np.repeat(np.arange(atoms.lines), 3), n)
    a, b = rng.normal(size=(2, size, size)) + 1j * rng.normal(size=(2, size, size))
    a, b = (np.where(line[:, None] == line, x, 0.0) for x in (a, b))
    own = rng.normal(size=(n, each, each)) + 1j * rng.normal(size=(n, each, each))
    return channels.replace(
        decay=channels.decay + a @ a.conj().T / size,
        shift=channels.shift + b + b.conj().T,
        ground_shift=own + own.conj().transpose(0, 2, 1),
        drive=rng.normal(size=size) + 1j * rng.normal(size=size),
        detunings=rng.normal(size=n),
    )


def lowering(atoms):
    """The operator of every channel in the space of all atoms."""
    n, one = len(atoms), qutip.qeye(len(atoms.levels))
    return [
        qutip.tensor([qutip.Qobj(c) if i == m else one for i in range(n)])
        for m in range(n)
        for c in atoms.channels
    ]


def change_of(channels, rho):
    """Dρ/dt by QuTiP."""
    return qutip.vector_to_operator(channels.liouvillian() * qutip.operator_to_vector(rho))


def pairs_of(channels, rho):
    """⟨σ⁺_cσ⁻_c'⟩ and the emission by QuTiP."""
    lower = lowering(channels.atoms)
    found = np.array([[(a.dag() * b * rho).tr() for b in lower] for a in lower])
    return found, np.sum(channels.decay * found).real


def reduced(rho, n):
    """The density matrices of the atoms, and χ of pairs."""
    one = np.array([rho.ptrace(m).full() for m in range(n)])
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    chi = {(a, b): rho.ptrace([a, b]).full() - np.kron(one[a], one[b]) for a, b in pairs}
    return one, chi


def exact(channels, state, times):
    """Emission and populations by the whole density matrix, with sparse jumps."""
    from scipy.sparse import csr_array

    jumps = [csr_array(j.full()) for j in channels.collapse_operators()]
    loss = sum(j.conj().T @ j for j in jumps)
    generator = csr_array(-1j * channels.hamiltonian().full()) - 0.5 * loss
    start = co.states.density_matrix(state, channels)
    size, dims = start.shape[0], start.dims

    def slope(_, flat):
        rho = flat.reshape(size, size)
        half = generator @ rho
        found = half + half.conj().T
        for jump in jumps:
            found = found + jump @ (jump @ rho).conj().T
        return found.ravel()

    y = start.full().ravel().astype(complex)
    found = solve_ivp(
        slope, times[[0, -1]], y, method="DOP853", t_eval=times, rtol=1e-8, atol=1e-10
    )
    states = [qutip.Qobj(flat.reshape(size, size), dims=dims) for flat in found.y.T]
    populations = [[rho.ptrace(m).diag() for m in range(len(channels))] for rho in states]
    emission = [np.sum((loss.T.multiply(rho.full())).toarray()).real for rho in states]
    return np.array(emission), np.array(populations)


@pytest.mark.parametrize("atoms", [ISOTROPIC, HALF, THREE_LEVELS, BOTH])
def test_slopes_of_mean_field_are_exact_for_product_states(atoms):
    channels, n, levels = complex_channels(atoms), len(atoms), len(atoms.levels)
    rho = qutip.tensor([qutip.rand_dm(levels, seed=m + 3) for m in range(n)])
    one, _ = reduced(rho, n)
    equations = LevelEquations(channels)
    y = equations.joined(one[:, None])
    found = equations.split(equations.slope(0.0, y))[:, 0]
    np.testing.assert_allclose(found, reduced(change_of(channels, rho), n)[0], atol=1e-13)
    pairs, emission = pairs_of(channels, rho)
    np.testing.assert_allclose(equations.pairs(y), pairs, atol=1e-13)
    np.testing.assert_allclose(equations.emission(y), emission, atol=1e-13)
    step = equations.possible(1e-6 * np.random.default_rng(1).normal(size=len(y)))
    ahead, behind = (equations.slope(0.0, y + sign * step) for sign in (1, -1))
    np.testing.assert_allclose(equations.derivative(y)(step), (ahead - behind) / 2, atol=1e-14)
    moved = equations.newton(y, equations.derivative(y)(step))
    np.testing.assert_allclose(moved, -step, atol=1e-11)


@pytest.mark.parametrize("atoms", [ISOTROPIC, HALF])
def test_slopes_of_cumulants_are_exact_for_two_atoms(atoms):
    channels, levels = complex_channels(atoms), len(atoms.levels)
    assert_exact_slopes(channels, qutip.rand_dm([levels, levels], seed=1))


@pytest.mark.parametrize("alone", [0, 1, 2])
def test_slopes_of_cumulants_are_exact_without_third_cumulants(alone):
    """A correlated pair beside an independent atom has no joint cumulant of all three."""
    rho = qutip.tensor(qutip.rand_dm([3, 3], seed=1), qutip.rand_dm(3, seed=9))
    order = [0, 1]
    order.insert(alone, 2)
    assert_exact_slopes(complex_channels(THREE_LEVELS), rho.permute(order))


def assert_exact_slopes(channels, rho):
    n = len(channels)
    equations = Levels(channels)
    y, change = equations.start(*reduced(rho, n)), change_of(channels, rho)
    one, changed = reduced(rho, n)[0], reduced(change, n)[0]
    wanted = {
        (a, b): change.ptrace([a, b]).full()
        - np.kron(changed[a], one[b])
        - np.kron(one[a], changed[b])
        for a in range(n)
        for b in range(a + 1, n)
    }
    found = np.empty_like(y)
    equations.slope(0.0, y, found)
    np.testing.assert_allclose(found, equations.start(changed, wanted), atol=1e-13)
    pairs, emission = pairs_of(channels, rho)
    np.testing.assert_allclose(equations.correlations(y), pairs, atol=1e-13)
    np.testing.assert_allclose(equations.emission(y), emission, atol=1e-13)
    np.testing.assert_allclose(equations.matrices(y), one, atol=1e-14)


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 5))
def test_packing_keeps_hermitian_matrices(seed, size):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(2, size, size)) + 1j * rng.normal(size=(2, size, size))
    a = a + a.conj().transpose(0, 2, 1)
    np.testing.assert_array_equal(unpacked(packed(a)), a)


def test_one_atom_has_its_optical_bloch_equations():
    """A driven atom alone, also with a pulse, against QuTiP."""
    times = np.linspace(0, 6, 13)
    for atoms, start in ((BOTH, "g2 +1"), (ALONE, "g -1/2")):
        drive = co.plane_wave(atoms, 1.7, direction=(0, 0, 1), polarisation=(1, 0.4j, 0))
        channels = co.couple(atoms, VACUUM).replace(drive=drive, detunings=0.3)
        state = co.states.levels(start)
        options = {"atol": 1e-11, "rtol": 1e-10, "nsteps": 10**5}
        rho = co.states.density_matrix(state, channels)
        wanted = qutip.mesolve(channels.liouvillian(), rho, times, options=options).states
        for method in ("mean_field", "cumulants"):
            found = co.evolve(channels, state, times, method=method, rtol=1e-10, **QUIET)
            np.testing.assert_allclose(
                found.populations[:, 0], [each.diag() for each in wanted], atol=2e-8
            )


@pytest.mark.parametrize(
    ("atoms", "state", "drive"),
    [
        (ISOTROPIC, co.states.levels(["e +1", "e 0"]), 0.0),
        (ISOTROPIC, co.states.from_amplitudes(SHARED), 0.0),
        (ISOTROPIC, "ground", 2.0),
        (HALF, co.states.levels(["e +3/2", "g -1/2"]), 2.0),
    ],
    ids=["excited", "one excitation", "driven", "several ground levels"],
)
def test_cumulants_are_exact_for_two_atoms(atoms, state, drive):
    times = np.linspace(0, 2, 5)
    channels = co.couple(atoms, VACUUM)
    if drive:
        wave = co.plane_wave(atoms, drive, direction=(0, 0, 1), polarisation=(1, 0.3j, 0))
        channels = channels.replace(drive=wave)
    found = co.evolve(channels, state, times, method="cumulants", rtol=1e-11, atol=1e-13, **QUIET)
    emission, populations = exact(channels, state, times)
    np.testing.assert_allclose(found.emission, emission, atol=1e-7)
    np.testing.assert_allclose(found.populations, populations, atol=1e-7)
    assert np.all(found.error_estimate == 0)
    if not drive:
        assert found.diagnostics["energy_balance"] < 1e-12


@pytest.mark.parametrize("method", ["mean_field", "cumulants"])
def test_weakly_driven_atoms_are_coupled_dipoles(method):
    """Σ h_kl c_l = −Ω_k/2 for the amplitudes of 3N classical dipoles, with their transients."""
    n = 30 if method == "mean_field" else 5
    places = co.cloud(n, 0.6, seed=3, min_distance=0.15).positions
    atoms = co.Atoms.isotropic(places, zeeman=0.3, axis=(0.2, 0.5, 1), detunings=0.2)
    drive = co.plane_wave(atoms, 1e-7, direction=(0, 0, 1), polarisation=(1, 0.3j, 0))
    channels = co.couple(atoms, VACUUM).replace(drive=drive)
    observe = {"observe": "correlations", **QUIET}
    found = co.evolve(
        channels, "ground", [0, 1.5, 4], method=method, rtol=1e-13, atol=1e-18, **observe
    )
    h, dipoles = channels.effective_hamiltonian(), atoms.channels[:, -1, :3]
    driven = 0.5 * (drive.reshape(n, 3) @ dipoles.conj()).ravel()
    steady = np.linalg.solve(h, -driven)
    for t, seen in zip(found.times, found.correlations, strict=True):
        c = ((steady - expm(-1j * h * t) @ steady).reshape(n, 3) @ dipoles.T).ravel()
        scale = np.abs(c).max() ** 2 or 1.0
        np.testing.assert_allclose(seen / scale, np.outer(c.conj(), c) / scale, atol=1e-10)


def test_atoms_of_two_levels_are_two_level_emitters():
    """The same phases give the same samples; a pulse, a drive and correlations agree too."""
    emitters, times = co.square(2, 3, 0.2, dipoles=(1, 0, 0)), np.linspace(0, 2, 5)
    two, atoms = co.couple(emitters, VACUUM), co.Atoms.from_emitters(emitters)
    channels = co.couple(atoms, VACUUM)
    options = {"seed": 4, "observe": "correlations", **QUIET}
    for method in (MeanField(phases=40), Cumulants(closure="general")):
        wanted = co.evolve(two, "inverted", times, method=method, **options)
        found = co.evolve(channels, "inverted", times, method=method, **options)
        tolerance = 1e-3 if method.name == "mean_field" else 1e-7
        np.testing.assert_allclose(found.emission, wanted.emission, atol=tolerance)
        np.testing.assert_allclose(found.populations[:, :, 0], wanted.populations, atol=tolerance)
    wave = {"direction": (0, 0, 1), "polarisation": (1, 0, 0)}
    two = two.replace(drive=co.plane_wave(emitters, 1.5, **wave))
    channels = channels.replace(drive=co.plane_wave(atoms, 1.5, **wave))
    options |= {"envelope": lambda t: np.exp(-((t - 1) ** 2)), "rtol": 1e-10}
    for method in ("mean_field", "cumulants"):
        wanted = co.evolve(two, "ground", times, method=method, **options)
        found = co.evolve(channels, "ground", times, method=method, **options)
        np.testing.assert_allclose(found.emission, wanted.emission, atol=1e-7)
        np.testing.assert_allclose(found.error_estimate, wanted.error_estimate, atol=1e-6)
        dipole = channels.atoms.channels[:, 1, 0]
        seen = np.einsum("c,tmcnd,d->tmn", dipole, grouped(found, 6), dipole.conj())
        np.testing.assert_allclose(seen, wanted.correlations, atol=1e-7)


def test_kernels_are_compiled_once_for_atoms_of_any_levels():
    """Arrays in another order of memory would compile them again, which takes seconds."""
    two_levels = co.couple(co.Atoms.from_emitters(co.chain(2, 0.2)), VACUUM)
    four_levels = co.couple(ISOTROPIC, VACUUM)
    for channels, state in (
        (two_levels, "inverted"),
        (four_levels, co.states.levels(["e +1", "g 0"])),
    ):
        co.evolve(channels, state, [0.0, 0.1], method="cumulants", **QUIET)
    for kernel in (level_kernels.slopes_of_pairs, level_kernels.traces_of_pairs):
        assert len(kernel.signatures) == 1


def grouped(result, n):
    """Correlations as (T, N, C, N, C)."""
    return result.correlations.reshape(len(result.times), n, 3, n, 3)


@pytest.mark.slow
def test_a_strong_magnetic_field_leaves_one_polarisation():
    """Far from the other levels each channel is the two-level emitter of its dipole."""
    places = co.cloud(4, 0.3, seed=1, min_distance=0.2).positions
    times = np.linspace(0, 1.5, 4)
    two = co.couple(co.Emitters(places, dipoles=(0, 0, 1)), VACUUM)
    start = [0, 0.6, 0, 0.8]
    spinors = co.states.level_product(np.tile([0.6, 0.8], (4, 1)))
    for method in ("mean_field", "cumulants"):
        wanted = co.evolve(two, spinors, times, method=method, **QUIET)
        errors = []
        for zeeman in (15.0, 45.0):
            atoms = co.Atoms.isotropic(places, zeeman=zeeman)
            found = co.evolve(
                co.couple(atoms, VACUUM),
                co.states.level_product(start),
                times,
                method=method,
                **QUIET,
            )
            errors.append(np.abs(found.emission - wanted.emission).max())
        assert errors[1] < 5e-3
        assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize("method", ["mean_field", "cumulants"])
def test_a_frequency_that_all_share_costs_no_steps_without_a_drive(method):
    """As in a frame that turns with it: 10⁷ linewidths, and differences that stay."""
    emitters = co.chain(3, 0.2)
    apart = np.array([0.0, 0.3, -0.2])
    for system, state in (
        (emitters, co.states.coherent(1.0)),
        (co.Atoms.isotropic(emitters.positions), co.states.level_product([1, 0.2j, 0, 1])),
    ):
        plain = co.couple(system, VACUUM).replace(detunings=apart)
        slow, fast = (
            co.evolve(c, state, [0, 1.0], method=method, observe="correlations", **QUIET)
            for c in (plain, plain.replace(detunings=apart + 1e7))
        )
        assert fast.diagnostics["steps"] <= 2 * slow.diagnostics["steps"]
        np.testing.assert_allclose(fast.correlations, slow.correlations, atol=1e-7)


def test_a_rotation_of_everything_changes_nothing():
    turn = Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix()
    wave = {"direction": np.array([0, 0, 1.0]), "polarisation": np.array([1, 0.3j, 0])}
    turned = {name: turn @ vector for name, vector in wave.items()}
    for method in ("mean_field", "cumulants"):
        first, second = (
            co.evolve(
                co.couple(atoms, VACUUM).replace(drive=co.plane_wave(atoms, 1.2, **how)),
                co.states.levels("g -1/2"),
                [0, 1.0, 2.0],
                method=method,
                **QUIET,
            )
            for atoms, how in ((HALF, wave), (HALF.rotated(turn), turned))
        )
        np.testing.assert_allclose(first.populations, second.populations, atol=1e-7)
        np.testing.assert_allclose(first.emission, second.emission, atol=1e-7)


def test_random_coherences_have_the_correlations_of_each_atom():
    atoms, samples = HALF, 4000
    rho = np.array([qutip.rand_dm(6, seed=m).full() for m in range(2)])
    drawn = with_random_coherences(rho, 4, samples, seed=1)
    np.testing.assert_allclose(drawn, drawn.conj().swapaxes(-1, -2), atol=1e-14)
    s = np.einsum("cge,mbeg->mcb", atoms.channels, drawn).reshape(6, samples)
    found = s.conj() @ s.T / samples
    own = np.einsum("cge,dgf,mfe->mcd", atoms.channels.conj(), atoms.channels, rho)
    mean = np.einsum("cge,meg->mc", atoms.channels, rho).ravel()
    wanted = np.outer(mean.conj(), mean)
    for m in range(2):
        wanted[3 * m : 3 * m + 3, 3 * m : 3 * m + 3] = own[m]
    assert np.abs(found - wanted).max() < 6 / samples**0.5 * np.abs(own).max()


@pytest.mark.slow
def test_excited_atoms_radiate_one_by_one_without_random_phases():
    atoms = co.Atoms.isotropic(co.square(2, 2, 0.1).positions)
    channels, state = co.couple(atoms, VACUUM), co.states.levels("e 0")
    with pytest.warns(UserWarning, match="decayed one by one"):
        alone = co.evolve(channels, state, [0, 1.0], method=MeanField(phases=0), **QUIET)
    np.testing.assert_allclose(alone.excitation[1], 4 * np.exp(-1.0), rtol=1e-7)
    found = co.evolve(channels, state, [0, 0.2, 1.0], method="mean_field", seed=3, **QUIET)
    assert found.diagnostics["phases"] > 100
    assert found.shots.shape == (found.diagnostics["phases"], 3)
    assert found.populations_error.shape == found.populations.shape
    wanted = exact(channels, state, found.times)[0]
    assert np.all(np.abs(found.emission - wanted) < found.error_estimate + 3 * found.emission_error)
    assert found.excitation[2] < 0.9 * alone.excitation[1]


@pytest.mark.slow
def test_the_numbers_do_not_depend_on_threads_nor_on_the_unit():
    atoms = co.Atoms.isotropic(co.cloud(13, 0.4, seed=2, min_distance=0.1).positions)
    channels, times = co.couple(atoms, VACUUM), np.linspace(0, 1, 3)
    state, hertz = co.states.levels("e 0"), 4.0**12
    fast = co.couple(atoms.replace(linewidths=atoms.linewidths * hertz), VACUUM)
    for method in (MeanField(phases=50), Cumulants()):
        options = {"method": method, "seed": 1, **QUIET}
        one = co.evolve(channels, state, times, threads=1, **options)
        two = co.evolve(channels, state, times, threads=2, **options)
        np.testing.assert_array_equal(one.populations, two.populations)
        quick = co.evolve(fast, state, times / hertz, threads=1, **options)
        np.testing.assert_allclose(quick.emission, one.emission * hertz, rtol=1e-10)


@pytest.mark.parametrize("method", [MeanField(), MeanField(phases=20), Cumulants()])
def test_interrupted_runs_of_atoms_continue(method, tmp_path, interrupted_at):
    channels, times = co.couple(ISOTROPIC, VACUUM), np.linspace(0, 2, 12)
    state = co.states.level_product([0.5, 0.3j, 0.2, 0.8])
    options = {"method": method, "observe": "correlations", "seed": 2, **QUIET}
    whole = co.evolve(channels, state, times, **options)
    assert co.load(whole.save(tmp_path / "whole")) == whole
    with interrupted_at(4):
        part = co.evolve(channels, state, times, checkpoint=tmp_path / "part", **options)
    assert not part.complete
    again = co.evolve(channels, state, times, checkpoint=tmp_path / "part", **options)
    np.testing.assert_allclose(again.populations, whole.populations, atol=1e-12)
    np.testing.assert_allclose(again.excitation, whole.excitation, atol=1e-12)
    np.testing.assert_allclose(again.correlations, whole.correlations, atol=1e-12)


def test_states_of_one_and_of_two_atoms():
    state = co.states.from_amplitudes(SHARED)
    channels = co.couple(ISOTROPIC, VACUUM)
    rho = co.states.density_matrix(state, channels)
    one, chi = reduced(rho, 2)
    for each in (state, rho):
        np.testing.assert_allclose(matrices(each, ISOTROPIC), one, atol=1e-14)
        np.testing.assert_allclose(correlations(each, ISOTROPIC)[0, 1], chi[0, 1], atol=1e-14)
        assert uncorrelated_matrices(each, ISOTROPIC) is None
    product = qutip.tensor(qutip.rand_dm(4, seed=1), qutip.rand_dm(4, seed=2))
    found = uncorrelated_matrices(product, ISOTROPIC)
    np.testing.assert_allclose(found, reduced(product, 2)[0], atol=1e-14)
    assert correlations(co.states.levels("e 0"), ISOTROPIC) == {}


@pytest.mark.parametrize(
    ("method", "state", "message"),
    [
        (
            Cumulants(order=3),
            "ground",
            r"order 3 takes two-level Couplings, .* Cumulants\(order=2\)",
        ),
        (Cumulants(closure="u1"), "ground", 'use closure="general"'),
        ("mean_field", co.states.from_amplitudes(SHARED), "without correlations"),
    ],
)
def test_what_is_not_possible_for_atoms_is_refused(method, state, message):
    with pytest.raises(ValueError, match=message):
        co.evolve(co.couple(ISOTROPIC, VACUUM), state, [0, 1.0], method=method, **QUIET)


def test_steady_states_of_atoms():
    """One atom exactly; weakly driven ones are dipoles; strongly driven ones are where runs end."""
    wave = {"direction": (0, 0, 1), "polarisation": (1, 0.4j, 0)}
    alone = co.couple(ALONE, VACUUM)
    alone = alone.replace(drive=co.plane_wave(alone.atoms, 1.3, **wave), detunings=0.2)
    one, two = (
        co.observables.steady(alone, method=method, start=start)
        for method, start in (("exact", None), ("mean_field", co.states.levels("g -1/2")))
    )
    assert "1 atom" in repr(one)
    for name in ("emission", "excitation", "populations", "correlations", "coherences"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=1e-11)
    atoms = co.Atoms.isotropic(co.square(4, 4, 0.3).positions, zeeman=0.3)
    weak = co.couple(atoms, VACUUM).replace(drive=co.plane_wave(atoms, 1e-6, **wave))
    found = co.observables.steady(weak, method="mean_field")
    dipoles = atoms.channels[:, -1, :3]
    driven = 0.5 * (weak.drive.reshape(16, 3) @ dipoles.conj()).ravel()
    c = (np.linalg.solve(weak.effective_hamiltonian(), -driven).reshape(16, 3) @ dipoles.T).ravel()
    np.testing.assert_allclose(found.coherences / np.abs(c).max(), c / np.abs(c).max(), atol=1e-9)
    strong = weak.replace(drive=weak.drive * 2e6)
    found = co.observables.steady(strong, method="mean_field")
    late = co.evolve(strong, "ground", [0, 60.0], method="mean_field", **QUIET)
    np.testing.assert_allclose(found.populations, late.populations[-1], atol=1e-6)
    np.testing.assert_allclose(found.emission, late.emission[-1], atol=1e-6)
    with pytest.raises(ValueError, match="start: mean field needs a state without correlations"):
        co.observables.steady(
            co.couple(ISOTROPIC, VACUUM),
            method="mean_field",
            start=co.states.from_amplitudes(SHARED),
        )


def test_the_steady_state_of_two_level_atoms_is_that_of_emitters():
    emitters, wave = co.chain(3, 0.2), {"direction": (0, 0, 1), "polarisation": (1, 0, 0)}
    atoms = co.Atoms.from_emitters(emitters)
    one = co.observables.steady(
        co.couple(emitters, VACUUM).replace(drive=co.plane_wave(emitters, 1.0, **wave))
    )
    two = co.observables.steady(
        co.couple(atoms, VACUUM).replace(drive=co.plane_wave(atoms, 1.0, **wave))
    )
    np.testing.assert_allclose(two.distribution, one.distribution, atol=1e-12)
    np.testing.assert_allclose(two.populations[:, 0], one.populations, atol=1e-12)
    np.testing.assert_allclose(two.emission, one.emission, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "spacing", "rabi"),
    [
        (co.states.levels("e 0"), 0.15, 0.0),
        (co.states.levels(["e +1", "e 0", "e -1", "e 0"]), 0.1, 0.0),
        (co.states.level_product([0.5, 0.3j, 0.2, 0.8]), 0.12, 0.0),
        (co.states.levels("g 0"), 0.15, 1.0),
    ],
)
def test_four_atoms_are_within_the_estimated_errors(state, spacing, rabi):
    atoms = co.Atoms.isotropic(
        co.cloud(4, 1.2 * spacing, seed=1, min_distance=0.7 * spacing).positions, zeeman=0.3
    )
    channels, times = co.couple(atoms, VACUUM), np.linspace(0, 2.5, 11)
    wave = {"direction": (0, 0, 1), "polarisation": (1, 0.4j, 0)}
    channels = channels.replace(drive=co.plane_wave(atoms, rabi, **wave))
    emission = exact(channels, state, times)[0]
    largest = emission.max()
    for method in ("mean_field", "cumulants"):
        found = co.evolve(channels, state, times, method=method, seed=1, **QUIET)
        noise = 0.0 if found.emission_error is None else 3 * found.emission_error
        error = np.abs(found.emission - emission)
        assert np.all(error <= found.error_estimate + noise + 1e-6 * largest)
        assert found.error_estimate.max() < 1.5 * largest
        expected = method_cost(channels, state, times, method)
        assert error.max() <= 2.2 * (4 if rabi else 1) * expected * largest + np.max(noise)


def method_cost(channels, state, times, method):
    """The error that a method expects."""
    return co.methods(channels, state, times).costs[method].error


@pytest.mark.slow
def test_several_manifolds_are_within_the_estimated_errors():
    atoms = co.atoms(co.chain(2, 0.12).positions, ground=1, excited=2)
    channels, state, times = (
        co.couple(atoms, VACUUM),
        co.states.levels("e +1"),
        np.linspace(0, 3, 7),
    )
    emission = exact(channels, state, times)[0]
    found = co.evolve(channels, state, times, method="mean_field", seed=1, **QUIET)
    allowed = found.error_estimate + 3 * found.emission_error
    assert np.all(np.abs(found.emission - emission) <= allowed)
    again = co.evolve(channels, state, times, method="cumulants", **QUIET)
    np.testing.assert_allclose(again.emission, emission, atol=1e-6)


@pytest.mark.slow
def test_predictions_of_memory_hold():
    for n, method in ((60, Cumulants()), (300, MeanField())):
        radius = 0.5 * (n / 25) ** (1 / 3)
        atoms = co.Atoms.isotropic(co.cloud(n, radius, seed=2, min_distance=0.1).positions)
        channels = co.couple(atoms, VACUUM)
        wave = {"direction": (0, 0, 1), "polarisation": (1, 0, 0)}
        channels = channels.replace(drive=co.plane_wave(atoms, 0.5, **wave))
        request = checked(channels, "ground", [0, 0.5, 1.0], progress=False)
        predicted = method.cost(request)
        found = co.evolve(channels, "ground", [0, 0.5, 1.0], method=method, **QUIET)
        assert found.diagnostics["bytes_used"] < 1.3 * predicted.bytes + 3e7
