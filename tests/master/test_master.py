"""Master equations beyond the RWA: reference numbers, an exact model, plain numpy, bad arguments."""

from pathlib import Path

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from multilevels import GOLDEN, Mirror, flip, golden_pair, lossy_mode, number, random_multilevel
from scipy.linalg import expm

import collective as co
from collective import spectral
from collective.master.approximations import APPROXIMATIONS

VACUUM = co.Vacuum()


def choi_bound(superoperator):
    """Smallest eigenvalue of the Choi matrix outside |Φ⟩; negative if not completely positive."""
    size = int(np.sqrt(superoperator.shape[0]))
    matrix = superoperator.full().reshape([size] * 4)  # [col, row, col', row'], stacked columns
    choi = matrix.transpose(1, 3, 0, 2).reshape(size**2, size**2)
    phi = np.eye(size).ravel()[:, None] / np.sqrt(size)
    project = np.eye(size**2) - phi @ phi.T
    return np.linalg.eigvalsh(project @ choi @ project)[0]


def lamb_shift(equation, system):
    return equation.hamiltonian().full() - np.diag(np.array([sum(e) for e in _energies(system)]))


def _energies(system):
    grid = np.meshgrid(*system.energies, indexing="ij")
    return np.stack([g.ravel() for g in grid], axis=-1)


def test_lossy_mode_against_reference_numbers():
    g = GOLDEN["pseudomode_two_qubits"]
    pair, bath = lossy_mode((1.25, 0.75), (0.05, 0.04), 1.6, 0.5)
    equation = co.master_equation(pair, bath)
    shift = lamb_shift(equation, pair)
    assert abs(shift[1, 2] - number(g["HLS_s1p_s2m"])) < 1e-15  # |eg⟩⟨ge|
    assert abs(shift[0, 3] - number(g["HLS_s1p_s2p"])) < 1e-15
    (jump,) = equation.collapse_operators()
    matrix = jump.full()
    matrix = matrix * np.sign(matrix[2, 0].real)  # σ⁻ of qubit 1 takes |ee⟩ to |ge⟩
    for key, (row, column) in {
        "i=1,w=1.25": (2, 0), "i=1,w=-1.25": (0, 2), "i=2,w=0.75": (1, 0), "i=2,w=-0.75": (0, 1),
    }.items():  # fmt: skip
        assert abs(matrix[row, column] - float(g["ule_L_coeff"][key])) < 1e-14


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("kind", ["electric", "magnetic"])
def test_pair_part_of_the_lamb_shift_is_the_interaction(kind, temperature):
    """H_LS of all emitters minus H_LS of each alone is Σ(G^(P) + G^(D))ττ."""
    system = random_multilevel(1, (3, 3, 2), kind)
    whole = lamb_shift(co.master_equation(system, VACUUM, temperature=temperature), system)
    own = 0
    for i in range(3):
        silent = [d if j == i else 0 * d for j, d in enumerate(system.dipoles)]
        alone = co.Multilevel(system.positions, system.energies, silent, kind=kind)
        own = own + lamb_shift(co.master_equation(alone, VACUUM, temperature=temperature), alone)
    expected = co.interaction(system, VACUUM).hamiltonian().full()
    np.testing.assert_allclose(whole - own, expected, atol=1e-12 * np.abs(expected).max())


def test_redfield_equals_the_bloch_redfield_tensor_of_qutip():
    """Without S, a correlated γ is diagonalised into independent baths, as QuTiP needs them.

    QuTiP's tensor is defined for real coupling operators only.
    """
    system = random_multilevel(2, (3, 2))
    system = co.Multilevel(system.positions, system.energies, [d.real for d in system.dipoles])
    rng = np.random.default_rng(0)
    mixing = np.linalg.qr(rng.standard_normal((6, 6)))[0]

    def spectra(w):
        return np.array([1 / (1 + np.exp(-w / (k + 1))) / (1 + 0.1 * k * w**2) for k in range(6)])

    bath = spectral.Bath(lambda w: (mixing * spectra(w)) @ mixing.T, lambda w: np.zeros((6, 6)))
    found = co.master_equation(system, bath, approximation="redfield").liouvillian()
    parts = [
        qutip.tensor(qutip.Qobj(system.dipoles[0][:, :, a]), qutip.qeye(2)) for a in range(3)
    ] + [qutip.tensor(qutip.qeye(3), qutip.Qobj(system.dipoles[1][:, :, a])) for a in range(3)]
    bare = qutip.tensor(qutip.qdiags(system.energies[0], 0), qutip.qeye(2)) + qutip.tensor(
        qutip.qeye(3), qutip.qdiags(system.energies[1], 0)
    )
    operators = [sum(mixing[a, k] * parts[a] for a in range(6)) for k in range(6)]

    def spectrum(k):
        return lambda w: spectra(w)[k]

    peer = qutip.bloch_redfield_tensor(
        bare,
        [[op, spectrum(k)] for k, op in enumerate(operators)],
        sec_cutoff=-1,
        fock_basis=True,
    )
    np.testing.assert_allclose(found.full(), peer.full(), atol=1e-12)


@pytest.mark.slow
@settings(max_examples=8)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 1.0]))
def test_universal_is_completely_positive(seed, temperature):
    system = random_multilevel(seed, (3, 2))
    equation = co.master_equation(system, VACUUM, temperature=temperature)
    assert len(equation.collapse_operators()) <= 6
    generator = equation.liouvillian()
    scale = np.abs(generator.full()).max()
    assert choi_bound(generator) > -1e-12 * scale
    trace = np.eye(6).ravel() @ generator.full()
    np.testing.assert_allclose(trace, 0, atol=1e-12 * scale)


@pytest.mark.parametrize("approximation", APPROXIMATIONS)
def test_every_approximation_preserves_trace_and_hermiticity(approximation):
    system = random_multilevel(4, (2, 3))
    equation = co.master_equation(system, VACUUM, approximation=approximation, temperature=0.5)
    generator = equation.liouvillian().full()
    np.testing.assert_allclose(np.eye(6).ravel() @ generator, 0, atol=1e-12)
    rng = np.random.default_rng(0)
    a = rng.standard_normal((6, 6)) + 1j * rng.standard_normal((6, 6))
    image = (generator @ (a + a.conj().T).ravel(order="F")).reshape(6, 6, order="F")
    np.testing.assert_allclose(image, image.conj().T, atol=1e-12)


def exact_with_mode(frequencies, g, mode, kappa, ket, times, cutoff=6):
    """ρ of two qubits at every time, from a model with one lossy mode."""
    sx, one, a = qutip.sigmax(), qutip.qeye(2), qutip.destroy(cutoff)
    quantum = qutip.qeye(cutoff)
    bare = sum(
        (
            frequencies[0] * qutip.tensor(qutip.basis(2, 0).proj(), one, quantum),
            frequencies[1] * qutip.tensor(one, qutip.basis(2, 0).proj(), quantum),
            mode * qutip.tensor(one, one, a.dag() * a),
        )
    )
    coupling = g[0] * qutip.tensor(sx, one, quantum) + g[1] * qutip.tensor(one, sx, quantum)
    field = qutip.tensor(one, one, a)
    hamiltonian = bare + coupling * (field + field.dag())
    generator = qutip.liouvillian(hamiltonian, [np.sqrt(kappa) * field])
    start = qutip.ket2dm(qutip.tensor(ket, qutip.basis(cutoff, 0)))
    return _propagate(generator, start, times, lambda rho: rho.ptrace([0, 1]).full())


def _propagate(generator, rho, times, reduce):
    step = expm(generator.full() * (times[1] - times[0]))
    vector = rho.full().ravel(order="F")
    found = []
    for k in range(len(times)):
        if k:
            vector = step @ vector
        size = rho.shape[0]
        found.append(reduce(qutip.Qobj(vector.reshape(size, size, order="F"), dims=rho.dims)))
    return found


def distance(a, b):
    return 0.5 * np.abs(np.linalg.eigvalsh(a - b)).sum()


def worst(equation, ket, exact, times):
    mine = _propagate(equation.liouvillian(), qutip.ket2dm(ket), times, lambda rho: rho.full())
    return max(distance(a, b) for a, b in zip(mine, exact, strict=True))


UP, DOWN = qutip.basis(2, 0), qutip.basis(2, 1)


@pytest.mark.parametrize(
    ("column", "frequencies", "g", "mode", "kappa", "ket", "end", "close", "far"),
    [
        (2, (1.25, 0.75), (0.064, 0.048), 0.41, 1.49, (UP, DOWN), 600, 0.02, 0.25),
        (3, (1.0, 1.0), (2.5, 2.5), 42.0, 0.5, (DOWN, DOWN), 12, 0.04, 0.25),
    ],
    ids=["detuned |eg⟩", "counter-rotating |gg⟩"],
)
def test_approximations_against_the_exact_model(
    column, frequencies, g, mode, kappa, ket, end, close, far
):
    times = np.linspace(0, end, 61)
    ket = qutip.tensor(*ket)
    pair, bath = lossy_mode(frequencies, g, mode, kappa)
    exact = exact_with_mode(frequencies, g, mode, kappa, ket, times)
    errors = {
        name: worst(co.master_equation(pair, bath, approximation=name), ket, exact, times)
        for name in APPROXIMATIONS
    }
    assert errors["universal"] < close
    assert errors["redfield"] < close
    assert errors["rwa"] > far
    # the documentation prints these numbers
    page = (Path(__file__).parents[2] / "docs" / "beyond_rwa.md").read_text()
    for name, error in errors.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` | 0."))
        assert float(row.split("|")[column]) == pytest.approx(error, abs=6e-4)


@pytest.mark.slow
def test_sign_of_the_dissipative_part_of_the_interaction():
    """Redfield with G^(D) of the wrong sign is at least four times worse."""
    times, ket = np.linspace(0, 1500, 2), qutip.tensor(UP, DOWN)
    parameters = ((1.25, 0.75), (0.05, 0.04), 1.6, 0.5)
    pair, bath = lossy_mode(*parameters)
    exact = exact_with_mode(*parameters, ket, times)
    right = co.master_equation(pair, bath, approximation="redfield")
    shift = lamb_shift(right, pair)
    # the pair part of G^(D): H_LS minus the part from S alone
    without = spectral.Bath(lambda w: 0 * bath.gamma(w), bath.shift)
    principal = lamb_shift(co.master_equation(pair, without), pair)
    dissipative = shift - principal
    flipped = right.liouvillian() - qutip.liouvillian(
        2 * qutip.Qobj(dissipative, dims=[[2, 2], [2, 2]])
    )
    wrong = co.MasterEquation(
        right.hamiltonian(), generator=flipped, approximation="redfield, wrong sign"
    )
    error = worst(right, ket, exact, times)
    assert worst(wrong, ket, exact, times) > 4 * error


@pytest.mark.parametrize("spread", [0.0, 3.0])
def test_two_level_emitters_agree_with_the_rwa_couplings(spread):
    """At ω₀/Γ = 10⁶ they differ only by terms of order G/ω₀."""
    atoms = co.Emitters(
        [[0, 0, 0], [0.12, 0, 0.2]], dipoles=[[1, 1j, 0], [1, 0, 1]], frequency=1e6,
        detunings=[spread / 2, -spread / 2],
    )  # fmt: skip
    couplings = co.couple(atoms, VACUUM)
    equation = co.master_equation(atoms, VACUUM)
    ket = (qutip.tensor(UP, UP) + 1j * qutip.tensor(UP, DOWN)).unit()
    times = np.linspace(0, 2, 21)
    theirs = co.evolve(couplings, ket, times, observe="states", rtol=1e-10, atol=1e-12)
    bare = np.array([2e6, 1e6, 1e6, 0.0])  # the rotating frame is at ω₀
    mine = _propagate(equation.liouvillian(), qutip.ket2dm(ket), times, lambda rho: rho.full())
    for t, a, b in zip(times, mine, theirs.states, strict=True):
        turned = a * np.exp(1j * np.subtract.outer(bare, bare) * t)
        assert distance(turned, b.full()) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(("field", "temperature"), [(VACUUM, 0.0), (VACUUM, 1.0), (Mirror(), 0.0)])
def test_universal_and_redfield_against_plain_numpy(field, temperature):
    """Against plain double sums over frequencies, for three emitters with 3, 3 and 2 levels."""
    system = random_multilevel(6, (3, 3, 2))
    above = system.positions + np.array([0, 0, 4])
    system = co.Multilevel(above, system.energies, system.dipoles)
    bath = spectral.bath(system, field, temperature)
    sizes, total = system.levels, int(np.prod(system.levels))
    energy = _energies(system).sum(axis=1)
    operators = []
    for i in range(3):
        for a in range(3):
            factors = [np.eye(n) for n in sizes]
            factors[i] = system.dipoles[i][:, :, a]
            operators.append(np.kron(np.kron(factors[0], factors[1]), factors[2]))
    local = np.concatenate([np.subtract.outer(e, e).ravel() for e in system.energies])
    frequencies = np.unique(np.round(local, 12))
    bohr = energy[None] - energy[:, None]
    parts = [[np.where(np.abs(bohr - w) < 1e-9, op, 0) for w in frequencies] for op in operators]
    for op, split in zip(operators, parts, strict=True):
        np.testing.assert_allclose(sum(split), op, atol=1e-14)
    gammas, shifts = [bath.gamma(w) for w in frequencies], [bath.shift(w) for w in frequencies]
    one = np.eye(total)

    def both(left, right):
        return np.kron(right.T, left)

    redfield = -1j * (both(np.diag(energy), one) - both(one, np.diag(energy)))
    shift, jumps = np.zeros((total, total), complex), []
    for a, op in enumerate(operators):
        half = sum(
            (0.5 * g[a, b] + 1j * s[a, b]) * parts[b][w]
            for w, (g, s) in enumerate(zip(gammas, shifts, strict=True))
            for b in range(9)
        )
        back = half.conj().T
        redfield += both(half, op) + both(op, back) - both(op @ half, one) - both(one, back @ op)
        shift += (op @ half - back @ op) / 2j
    for k in range(9):
        jump = 0
        for w, g in enumerate(gammas):
            values, vectors = np.linalg.eigh(g)
            root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.conj().T
            jump = jump + sum(root[k, b] * parts[b][w] for b in range(9))
        jumps.append(jump)
    hamiltonian = np.diag(energy) + shift
    universal = -1j * (both(hamiltonian, one) - both(one, hamiltonian))
    for jump in jumps:
        product = jump.conj().T @ jump
        universal += both(jump, jump.conj().T) - 0.5 * (both(product, one) + both(one, product))
    for name, expected in (("redfield", redfield), ("universal", universal)):
        found = co.master_equation(
            system, field, approximation=name, temperature=temperature
        ).liouvillian()
        np.testing.assert_allclose(found.full(), expected, atol=1e-10)


def test_complex_bath_gives_equal_exchange_in_rwa_and_universal():
    """K_ab(Ω) = S_ab(Ω) + S_ba(−Ω): on resonance both exchange excitations equally."""
    g, mode, kappa = np.array([0.05, 0.04j]), 1.6, 0.5
    pair, _ = lossy_mode((1.0, 1.0), (1, 1), 1.6, 0.5)

    def shape(omega, top):
        return np.outer(g.conj(), g) * top / ((omega - mode) ** 2 + kappa**2 / 4)

    bath = spectral.Bath(lambda w: shape(w, kappa), lambda w: shape(w, w - mode))
    rwa = co.master_equation(pair, bath, approximation="rwa").hamiltonian()
    universal = co.master_equation(pair, bath).hamiltonian()
    assert abs(rwa[1, 2]) > 1e-4
    np.testing.assert_allclose(rwa[1, 2], universal[1, 2], atol=1e-15)


def test_levels_degenerate_up_to_rounding_are_degenerate_everywhere():
    def system(rounding):
        dipoles = np.zeros((3, 3, 3))
        dipoles[0, 1, 2] = dipoles[1, 0, 2] = 1.0
        levels = [1.0, 1.0 + rounding, 0.0]
        return co.Multilevel([[0, 0, 0], [0, 0, 1]], [levels] * 2, [dipoles] * 2)

    exact, rounded = (
        co.master_equation(system(r), VACUUM, approximation="rwa").hamiltonian().full()
        for r in (0.0, 1e-15)
    )
    assert np.abs(exact - np.diag(np.diag(exact))).max() > 0.1
    np.testing.assert_allclose(rounded, exact, atol=1e-12)
    assert {t.kind for t in co.interaction(system(1e-15), VACUUM).terms()} == {"resonant"}


def test_validity_reports_a_narrow_bath():
    for width in (0.02, 2.0):
        pair, bath = lossy_mode((1.0, 1.0), (0.05 * width**0.5, 0.05), 1.0, 0.01)
        found = co.master_equation(pair, bath).validity()
        assert found["bath flat over a linewidth"].verdict == "fails"


def test_validity_counts_permanent_dipoles_as_coupling():
    moment = np.zeros((2, 2, 3))
    moment[0, 0, 0], moment[1, 1, 0] = 1.0, -1.0
    pair = co.Multilevel([[0, 0, 0], [0.1, 0, 0]], [[1.0, 0]] * 2, [moment] * 2)
    equation = co.master_equation(pair, VACUUM)
    np.testing.assert_allclose(equation.report.coupling, 2 / (4 * np.pi * 1e-3), rtol=1e-9)


def test_thermal_steady_state_is_a_boltzmann_distribution():
    """Rates (n+1)Γ down and nΓ up give a Boltzmann distribution for any coupling."""
    atoms = co.chain(2, 0.3, frequency=1e3)
    equation = co.master_equation(atoms, VACUUM, approximation="rwa", temperature=500.0)
    steady = qutip.steadystate(equation.liouvillian())
    excited = 1 / (1 + np.exp(2))
    np.testing.assert_allclose(steady.ptrace(0).diag(), [excited, 1 - excited], atol=1e-9)


def test_secular_has_one_jump_for_each_frequency():
    """Transitions of different frequencies have separate jumps and do not interfere."""
    pair = co.Multilevel(
        [[0, 0, 0], [0, 0, 0.5]], [[1.0, 0], [1.4, 0]], [0.3 * flip(), 0.3 * flip()]
    )
    equation = co.master_equation(pair, VACUUM, approximation="secular")
    jumps = equation.collapse_operators()
    assert len(jumps) == 2
    rates = sorted(np.abs(j.full()).max() ** 2 for j in jumps)
    np.testing.assert_allclose(rates, [0.09 / (3 * np.pi), 0.09 * 1.4**3 / (3 * np.pi)], rtol=1e-12)


def test_secular_treats_nearly_degenerate_levels_as_one_frequency():
    """Two transitions of equal frequency, up to rounding, interfere: one jump for both."""
    dipoles = np.zeros((3, 3, 3))
    dipoles[0, 2, 0] = dipoles[2, 0, 0] = dipoles[1, 2, 0] = dipoles[2, 1, 0] = 0.5
    close = co.Multilevel([[0, 0, 0]], [[1.0, 1.0 + 1e-15, 0.0]], [dipoles])
    (jump,) = co.master_equation(close, VACUUM, approximation="secular").collapse_operators()
    np.testing.assert_allclose(abs(jump[2, 0]), abs(jump[2, 1]))
    apart = co.Multilevel([[0, 0, 0]], [[1.0, 1.1, 0.0]], [dipoles])
    assert len(co.master_equation(apart, VACUUM, approximation="secular").collapse_operators()) == 2


def test_dressed_eigenoperators_decay_to_the_dressed_ground_state():
    """At strong coupling the emitters decay to the ground state of H₀ + H_LS."""
    pair = co.Multilevel(
        [[0, 0, 0], [0, 0, 0.2]], [[1.0, 0], [1.0, 0]], [0.1 * flip(), 0.1 * flip()]
    )
    equation = co.master_equation(pair, VACUUM, eigenoperators="dressed")
    steady = qutip.steadystate(equation.liouvillian())
    lowest = equation.hamiltonian().groundstate()[1]
    assert qutip.fidelity(steady, lowest) > 1 - 1e-6
    local = qutip.steadystate(co.master_equation(pair, VACUUM).liouvillian())
    assert qutip.fidelity(local, lowest) < qutip.fidelity(steady, lowest)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: co.master_equation(co.chain(2, 0.1), VACUUM), "frequency is required"),
        (
            lambda: co.master_equation(co.chain(2, 0.1, frequency=10), VACUUM, temperature=-1),
            "temperature must not be negative, got -1",
        ),
        (
            lambda: co.master_equation(
                co.chain(2, 0.1, frequency=10), VACUUM, approximation="exact"
            ),
            "approximation must be one of 'universal', 'redfield', 'secular', 'rwa'",
        ),
        (
            lambda: co.master_equation(golden_pair("real_par")[0], spectral.Bath(lambda w: -np.eye(2))),
            "must be positive semidefinite: smallest eigenvalue -1",
        ),
        (
            lambda: co.master_equation(golden_pair("real_par")[0], spectral.Bath(lambda w: np.eye(5))),
            r"gamma must be 6×6 .* or 2×2 .*, got shape \(5, 5\)",
        ),
        (
            lambda: co.master_equation(
                co.chain(2, 0.1, frequency=10), VACUUM, approximation="rwa", eigenoperators="dressed"
            ),
            'eigenoperators must be "local" unless .*; it is "rwa"',
        ),
        (lambda: co.MasterEquation(qutip.create(2)), "hamiltonian must be Hermitian"),
        (lambda: co.MasterEquation(qutip.qeye(2), generator=qutip.qeye(2)), "generator must be a QuTiP"),
        (lambda: co.MasterEquation(qutip.qeye(2), frame=[1.0]), "frame must be 2 energies"),
        (lambda: co.MasterEquation(qutip.qeye(2), emission_operator=qutip.qeye(3)), "emission_operator"),
        (
            lambda: co.MasterEquation(
                qutip.qeye(2), [qutip.sigmam()], generator=qutip.to_super(qutip.qeye(2))
            ),
            "exclude each other",
        ),
        (
            lambda: co.master_equation(
                golden_pair("real_par")[0], spectral.Bath(lambda w: np.eye(2), lambda w: np.eye(3))
            ),
            r"bath: shift\(.*\) must have shape \(2, 2\), got \(3, 3\)",
        ),
        (lambda: co.MasterEquation(qutip.qeye(2), [qutip.qeye(3)]), r"collapse_operators\[0\] has dims"),
        (
            lambda: co.master_equation(
                golden_pair("real_par")[0], VACUUM, approximation="redfield"
            ).collapse_operators(),
            "redfield is not of Lindblad form",
        ),
    ],
)  # fmt: skip
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_master_equation_in_a_plasma_below_its_frequency():
    """A plasma below its frequency screens the interaction and causes no decay."""
    pair = co.Multilevel(
        [[0, 0, 0], [0, 0, 0.5]],
        [[0.6, 0], [0.6, 0]],
        [0.3 * flip(), 0.3 * flip()],
        kind="magnetic",
    )
    equation = co.master_equation(pair, co.Plasma(1.0))
    assert equation.collapse_operators() == []
    x = 0.8 * 0.5  # κr, across the axis
    shift = 0.09 * np.exp(-x) * (1 + x + x**2) / (4 * np.pi * 0.5**3)
    np.testing.assert_allclose(equation.hamiltonian()[1, 2], shift, rtol=1e-12)


def test_redfield_that_does_not_fit_into_memory_is_refused():
    chain = co.chain(12, 0.3, frequency=100.0)
    with pytest.raises(MemoryError, match="Redfield superoperator of dimension 4096 needs"):
        co.master_equation(chain, VACUUM, approximation="redfield")
