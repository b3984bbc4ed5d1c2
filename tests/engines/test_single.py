"""At most one excitation, against dense exponentials, closed forms and the whole density matrix."""

import concurrent.futures
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import qutip
import reference
from random_systems import random_matrix
from scipy.linalg import expm
from systems import circular_ring

import collective as co
from collective.couplings import modes as _modes
from collective.engines.base import unsupported
from collective.engines.basis.configurations import one_excitation
from collective.engines.record import Recorder
from collective.engines.request import checked
from collective.engines.single import amplitudes, size

VACUUM = co.Vacuum()
TIMES = np.linspace(0, 5, 11)
CHAIN = co.couple(co.chain(5, 0.2), VACUUM)
CLOUD = co.couple(co.cloud(5, 0.4, seed=3, decay_rates=[1, 0.5, 2, 1, 1]), VACUUM).replace(
    detunings=[0.3, -1, 0, 2, 0.1]
)
CIRCULAR = circular_ring()


def both(couplings, state, times=TIMES, **options):
    return (
        co.evolve(
            couplings,
            state,
            times,
            method=method,
            rtol=1e-10,
            atol=1e-12,
            observe="correlations",
            **options,
        )
        for method in ("exact", "single")
    )


def agree(exact, found, atol=1e-8):
    for name in ("emission", "excitation", "populations", "correlations"):
        np.testing.assert_allclose(getattr(found, name), getattr(exact, name), atol=atol)


@pytest.mark.parametrize(
    "state",
    [
        co.states.ground(),
        co.states.single(1),
        co.states.dicke(1),
        co.states.timed_dicke([1.0, 2.0, 6.0]),
    ],
    ids=str,
)
@pytest.mark.parametrize("dephasing", [0.0, 0.4, [0.1, 0.7, 0, 0, 0.3]], ids=str)
@pytest.mark.parametrize("couplings", [CHAIN, CLOUD], ids=["chain", "cloud"])
def test_against_the_whole_density_matrix(couplings, dephasing, state):
    agree(*both(couplings.replace(dephasing=dephasing), state))


@pytest.mark.parametrize("dephasing", [0.0, 0.4])
def test_complex_couplings_keep_the_order_of_their_indices(dephasing):
    assert np.iscomplexobj(CIRCULAR.decay)
    agree(*both(CIRCULAR.replace(dephasing=dephasing), co.states.single(1)))


@pytest.mark.parametrize("dephasing", [0.0, 0.4])
def test_qutip_states_with_at_most_one_excitation(dephasing):
    dark = reference.as_qobj(reference.ket(3))
    kets = [reference.as_qobj(reference.ket(3, m)) for m in range(3)]
    superposed = (dark + kets[0] + 1j * kets[1]).unit()
    mixed = 0.2 * dark.proj() + 0.5 * superposed.proj() + 0.3 * kets[2].proj()
    for state in (superposed, mixed, dark):
        agree(*both(CIRCULAR.replace(dephasing=dephasing), state))


def test_timed_dicke_emission_of_five():
    """Σ Γ_mn e^{ik(r_n−r_m)}/N at the start, along and across a chain."""
    emitters = co.chain(5, 0.25)
    couplings = co.couple(emitters, VACUUM)
    for wavevector in ([0, 0, 2 * np.pi], [2 * np.pi, 0, 0]):
        exact, found = both(couplings, co.states.timed_dicke(wavevector))
        agree(exact, found)
        phases = np.exp(1j * emitters.positions @ wavevector)
        start = np.real(phases.conj() @ couplings.decay @ phases) / 5
        np.testing.assert_allclose(found.emission[0], start, rtol=1e-13)


@pytest.mark.parametrize(
    ("n", "rate", "late"), [(10, 5.0596e-3, 1e3), (20, 5.6855e-4, 2e4), (40, 6.8716e-5, 1.5e5)]
)
def test_the_darkest_mode_remains_at_late_times(n, rate, late):
    couplings = co.couple(co.chain(n, 0.3), VACUUM)
    found = co.evolve(
        couplings, co.states.single(0), [0, late, 1.5 * late], method="single", rtol=1e-10
    )
    decayed = np.log(found.excitation[1] / found.excitation[2]) / (0.5 * late)
    assert abs(decayed / rate - 1) < 1e-4
    np.testing.assert_allclose(found.emission[1] / found.excitation[1], decayed, rtol=1e-6)


def test_a_mode_decays_at_its_own_rate():
    n = 8
    modes = co.couple(co.chain(n, 0.3), VACUUM).modes()
    for i in (0, n - 1):
        state = reference.as_qobj(sum(modes.vectors[m, i] * reference.ket(n, m) for m in range(n)))
        found = co.evolve(co.couple(co.chain(n, 0.3), VACUUM), state, TIMES, method="single")
        np.testing.assert_allclose(found.excitation, np.exp(-modes.rates[i] * TIMES), rtol=1e-12)
        np.testing.assert_allclose(
            found.emission, modes.rates[i] * found.excitation, rtol=1e-11, atol=1e-14
        )


@pytest.mark.parametrize("off", [0.0, 1e-13, 1e-10, 1e-6, -1e-6])
def test_an_exceptional_point(off):
    """δ = Γ₁₂ and Δ₁₂ = 0: h + i/2 is nilpotent, and c = e^{−t/2}(1 − i(h + i/2)t)c(0)."""
    gamma, times = 0.6, np.linspace(0, 20, 41)
    delta = gamma * (1 + off)
    pair = co.Couplings(
        [[1, gamma], [gamma, 1]], np.zeros((2, 2)), detunings=[delta / 2, -delta / 2]
    )
    found = co.evolve(pair, co.states.single(0), times, method="single")
    # (h + i/2)² = s²/4, s² = δ² − Γ₁₂²: cos(st/2) and sin(st/2)/(s/2), expanded
    square = gamma**2 * off * (2 + off) / 4
    cosine = 1 - square * times**2 / 2 + (square * times**2) ** 2 / 24
    sine = times * (1 - square * times**2 / 6 + (square * times**2) ** 2 / 120)
    first = np.exp(-times / 2) * (cosine - 1j * delta / 2 * sine)
    second = np.exp(-times / 2) * -1j * (-0.5j * gamma) * sine
    np.testing.assert_allclose(found.populations[:, 0], abs(first) ** 2, atol=2e-8)
    np.testing.assert_allclose(found.populations[:, 1], abs(second) ** 2, atol=2e-8)
    strict = co.evolve(pair, co.states.single(0), times, method="single", rtol=1e-11)
    np.testing.assert_allclose(strict.populations[:, 0], abs(first) ** 2, atol=1e-11)
    if off == 0:
        assert strict.diagnostics["route"].startswith("exponentials in steps: ")


def test_the_error_stays_below_its_bound():
    """The bound holds also if modes are nearly parallel, and there it is close to the error."""
    times = np.linspace(0, 10, 5)
    start = np.array([[1.0], [0.5j]])
    for off in (1e-1, 1e-6, 1e-10, 1e-13):
        delta = 0.6 * (1 + off)
        h = np.array([[delta / 2, -0.3j], [-0.3j, -delta / 2]]) - 0.5j * np.eye(2)
        route = amplitudes.ByModes(h, start, 0.0, 10.0)
        found = np.concatenate(list(route.through(times)), axis=2)
        exact = np.array([expm(-1j * h * t) @ start for t in times])
        error = np.abs(found.transpose(2, 0, 1) - exact).max()
        assert error < 2 * route.error * np.linalg.norm(start) + 1e-15
    assert route.error > 1e-9


@pytest.mark.parametrize("n", [6, 7, 60])
def test_modes_and_taylor_series_agree(n):
    couplings = co.couple(co.chain(n, 0.15), VACUUM)
    h, times = one_excitation(couplings), np.linspace(0, 8, 4)
    start = random_matrix(n, n, 2)
    start /= np.linalg.norm(start, axis=0)
    by_modes, by_steps = (
        np.concatenate(list(route.through(times)), axis=2)
        for route in (
            amplitudes.ByModes(h, start, 0.0, 8.0),
            amplitudes.BySteps(h, start, 0.0),
        )
    )
    np.testing.assert_allclose(by_modes, by_steps, atol=1e-12)
    np.testing.assert_allclose(by_modes[:, :, 3], expm(-8j * h) @ start, atol=1e-12)


def test_short_times_of_many_emitters_are_stepped():
    couplings = co.couple(co.chain(600, 0.3), VACUUM)
    found = co.evolve(couplings, co.states.single(150), [0, 0.05], method="single")
    assert found.diagnostics["route"] == "exponentials in steps: fewer operations than the modes"
    h = one_excitation(couplings)
    np.testing.assert_allclose(
        found.populations[1], np.abs(expm(-0.05j * h)[:, 150]) ** 2, atol=1e-12
    )


@pytest.mark.parametrize("dephasing", [0.3, 1.5, 8.0])
def test_dephased_exchange_of_two(dephasing):
    """z = ρ₁₁ − ρ₂₂ obeys z'' + 2γ_φ z' + 4Δ²z = 0: beats, or a random walk."""
    pair = co.Couplings(np.zeros((2, 2)), [[0, 1.0], [1.0, 0]], dephasing=dephasing)
    found = co.evolve(pair, co.states.single(0), TIMES, method="single")
    root = np.sqrt(complex(dephasing**2 - 4))
    z = np.exp(-dephasing * TIMES) * (
        np.cosh(root * TIMES) + dephasing / root * np.sinh(root * TIMES)
    )
    np.testing.assert_allclose(found.populations[:, 0], (1 + z.real) / 2, atol=1e-8)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 31])
def test_the_reflected_halves_are_the_whole(n):
    couplings = co.couple(co.chain(n, 0.12, dipoles=(1, 0, 1)), VACUUM)
    h = couplings.effective_hamiltonian()
    pieces = _modes.parts(h)
    assert len(pieces) == (1 if n == 1 else 2)
    vectors = random_matrix(n, n, 3)
    folded = [piece.fold(vectors) for piece in pieces]
    assert sum(len(part) for part in folded) == n
    np.testing.assert_allclose(
        sum(p.unfold(part) for p, part in zip(pieces, folded, strict=True)), vectors, atol=1e-14
    )
    np.testing.assert_allclose(
        sum(p.unfold(p.matrix @ part) for p, part in zip(pieces, folded, strict=True)),
        h @ vectors,
        atol=1e-11 * np.abs(h).max(),
    )
    modes = couplings.modes()
    np.testing.assert_allclose(
        np.sort_complex(modes.eigenvalues), np.sort_complex(np.linalg.eigvals(h)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.norm(modes.vectors, axis=0), 1, rtol=1e-14)


def test_couplings_without_reflection_symmetry_are_not_split():
    for couplings in (
        CLOUD,
        CHAIN.replace(detunings=[1e-9, 0, 0, 0, 0]),
        co.couple(co.chain(3, 0.1, dipoles=[[1, 0, 0], [1, 0, 0], [1, 0, 1e-6]]), VACUUM),
    ):
        assert len(_modes.parts(couplings.effective_hamiltonian())) == 1
    # Γ keeps the symmetry that detunings break in H_eff
    tilted = CHAIN.replace(detunings=[1, 0.5, 0, -0.5, -1])
    modes, h = tilted.modes(), tilted.effective_hamiltonian()
    np.testing.assert_allclose(h @ modes.vectors, modes.vectors * modes.eigenvalues, atol=1e-13)
    np.testing.assert_allclose(
        modes.jump_vectors * modes.jump_rates @ modes.jump_vectors.T, tilted.decay, atol=1e-14
    )


def test_modes_of_a_long_chain():
    n = 501
    couplings = co.couple(co.chain(n, 0.2), VACUUM)
    modes, h = couplings.modes(), couplings.effective_hamiltonian()
    residual = h @ modes.vectors - modes.vectors * modes.eigenvalues
    assert np.abs(residual).max() < 1e-10 * np.linalg.norm(h, 2)
    assert np.all(np.diff(modes.rates) <= 0)
    assert np.all(np.diff(modes.jump_rates) >= 0)
    np.testing.assert_allclose(np.linalg.norm(modes.vectors, axis=0), 1, rtol=1e-13)
    np.testing.assert_allclose(
        (modes.jump_vectors * modes.jump_rates) @ modes.jump_vectors.T, couplings.decay, atol=1e-12
    )


def test_six_hundred_emitters():
    couplings = co.couple(co.chain(600, 0.2), VACUUM)
    times = np.linspace(0, 500, 201)
    found = co.evolve(couplings, co.states.timed_dicke([2.0, 0, 6.0]), times, method="single")
    assert found.diagnostics["route"] == "modes"
    assert found.diagnostics["error_bound"] < 1e-8
    assert np.all(np.diff(found.excitation) < 0)


@pytest.mark.parametrize(
    ("couplings", "state", "options", "message"),
    [
        (CHAIN.replace(drive=2.0), "ground", {}, "the drive is 2; use method='(driven|exact)'"),
        (CHAIN.replace(pump=0.1), "ground", {}, "the pump is 0.1; use method='(driven|exact)'"),
        (CHAIN, "inverted", {}, "inverted has 5; use method='(blocks|exact|driven)'"),
        (CHAIN, co.states.dicke(2), {}, r"dicke\(2\) has 2"),
        # 10 sin⁴(0.05) and less
        (CHAIN, co.states.coherent(0.1), {}, r"coherent\(0.1, 0\) has 5, with a weight of 6.2e-05"),
        (CHAIN, reference.as_qobj(reference.inverted(5)), {}, "QuTiP state has 5, .* of 1 beyond"),
        (CHAIN, "ground", {"observe": "states"}, "use method='(driven|exact)'"),
    ],
)
def test_refusals_name_the_reason_and_another_engine(couplings, state, options, message):
    with pytest.raises(ValueError, match=message):
        co.evolve(couplings, state, TIMES, method="single", **options)


def test_a_master_equation_is_refused():
    equation = co.master_equation(co.chain(2, 0.1, frequency=100.0), VACUUM)
    with pytest.raises(ValueError, match="not a MasterEquation; use method='exact'"):
        co.evolve(equation, "ground", [0, 1], method="single")


@pytest.mark.slow
def test_cost_of_a_thousand_emitters_is_predicted_within_seconds():
    n = 1000
    couplings = co.Couplings(np.eye(n), np.diag(np.linspace(0, 1, n)))
    begin = time.perf_counter()
    table = co.methods(couplings, co.states.single(3), [0, 1.0], observe="correlations")
    assert time.perf_counter() - begin < 5
    assert table.chosen == "single"
    found = co.evolve(couplings, co.states.single(3), [0, 1.0])
    np.testing.assert_allclose(found.excitation, [1, np.exp(-1)], rtol=1e-12)
    with pytest.raises(MemoryError, match="one excitation of 1000 emitters"):
        co.evolve(
            couplings,
            co.states.single(3),
            np.arange(10**4),
            method="single",
            observe="correlations",
        )


ROUTES = {"modes": 0.0, "steps": 1e9, "dephased": 0.0}


@pytest.mark.parametrize("route", ROUTES)
def test_interrupted_and_continued(route, monkeypatch, tmp_path):
    couplings = CHAIN.replace(dephasing=0.2) if route == "dephased" else CHAIN
    # steps are worth it always, or never
    monkeypatch.setattr(size, "WORTH_STEPPING", ROUTES[route])
    monkeypatch.setattr(amplitudes, "_CHUNK", 3)
    arguments = {"method": "single", "observe": "correlations", "checkpoint": tmp_path / "run.npz"}
    add = Recorder.add

    def stop(self, rows, **others):
        if self.reached == 7:
            raise KeyboardInterrupt
        add(self, rows, **others)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "add", stop)
        partial = co.evolve(couplings, co.states.single(1), TIMES, **arguments)
    assert not partial.complete
    assert len(partial.times) == 7
    again = co.evolve(couplings, co.states.single(1), TIMES, **arguments)
    assert again.complete
    exact, _ = both(couplings, co.states.single(1))
    agree(exact, again, atol=1e-7)
    assert len(again.diagnostics["smallest_eigenvalues"]) == 5
    third = co.evolve(couplings, co.states.single(1), TIMES, **arguments)
    np.testing.assert_array_equal(third.emission, again.emission)


@pytest.mark.parametrize("dephasing", [0.0, 0.2])
def test_ctrl_c_at_any_line_of_the_recorder(dephasing, tmp_path):
    """The recorded arrays and the state to continue from belong to the same time."""
    couplings = CHAIN.replace(dephasing=dephasing)
    arguments = {"method": "single", "observe": "correlations", "progress": False}
    whole = co.evolve(couplings, co.states.single(1), TIMES, **arguments)
    code = Recorder.add.__code__
    lines = sorted({line for *_, line in code.co_lines() if line and line > code.co_firstlineno})
    stopped, before = 0, sys.gettrace()
    for line in lines:

        def inside(frame, event, _, line=line):
            reached = frame.f_locals["self"].reached
            if event == "line" and frame.f_lineno == line and reached == 5:
                raise KeyboardInterrupt
            return inside

        path = tmp_path / f"{line}.npz"
        sys.settrace(lambda frame, *_, inside=inside: inside if frame.f_code is code else None)
        try:
            partial = co.evolve(couplings, co.states.single(1), TIMES, checkpoint=path, **arguments)
        finally:
            sys.settrace(before)
        stopped += not partial.complete
        again = co.evolve(couplings, co.states.single(1), TIMES, checkpoint=path, **arguments)
        agree(whole, again, atol=1e-7)
        smallest = again.diagnostics["smallest_eigenvalues"]
        np.testing.assert_allclose(smallest, whole.diagnostics["smallest_eigenvalues"], atol=1e-7)
    assert stopped >= 6


def test_a_pair_of_coinciding_modes_beside_a_far_detuned_emitter():
    """‖h‖t = 10⁷: series would take minutes. c₀ and c₁ of the pair at its exceptional point."""
    couplings = co.Couplings(
        np.diag([1.0, 0, 1, 1]),
        np.array([[0, 0.25, 0, 0], [0.25, 0, 0, 0], [0, 0, 0, 0.1], [0, 0, 0.1, 0]]),
        detunings=[0, 0, 0, 1e6],
    )
    times = np.linspace(0, 10, 21)
    begin = time.perf_counter()
    found = co.evolve(couplings, co.states.single(0), times, method="single")
    assert time.perf_counter() - begin < 10
    assert found.diagnostics["route"].startswith("exponentials in steps: ")
    decayed = np.exp(-times / 2)
    # h + i/4 = −i/4 [[1, i], [i, −1]] is nilpotent
    np.testing.assert_allclose(found.populations[:, 0], decayed * (1 - times / 4) ** 2, atol=1e-7)
    np.testing.assert_allclose(found.populations[:, 1], decayed * (times / 4) ** 2, atol=1e-7)


def test_dense_exponentials_and_taylor_series_agree(monkeypatch):
    h, start = one_excitation(CLOUD), np.eye(5, 2, dtype=complex)
    times = np.concatenate([np.linspace(0, 4, 40), [4.5, 7.0]])
    expected = np.array([expm(-1j * h * t) @ start for t in times])
    for seconds in (0.0, np.inf):
        monkeypatch.setattr(amplitudes, "dense_seconds", lambda *_, s=seconds: s)
        route = amplitudes.BySteps(h, start, 0.0)
        found = np.concatenate(list(route.through(times)), axis=2).transpose(2, 0, 1)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_reflected_halves_are_predicted_where_they_exist():
    """Γ and Δ whose first rows alone have a reflection symmetry are not split."""
    for couplings in (CHAIN, CLOUD, CHAIN.replace(detunings=[1, 0, 0, 0, 0])):
        halves = len(_modes.parts(one_excitation(couplings)))
        assert size._halved(couplings) == (halves == 2)
    n = 150
    long = co.couple(co.chain(n, 0.2), VACUUM)
    assert size._halved(long)
    shift = long.shift.copy()
    shift[3, 5] += 0.1
    shift[5, 3] += 0.1
    assert not size._halved(long.replace(shift=shift))


@pytest.mark.parametrize("threads", [1, 2, None])
def test_threads_are_at_most_those_asked_for(threads, monkeypatch):
    pools, pool = [], concurrent.futures.ThreadPoolExecutor

    def counted(workers):
        pools.append(workers)
        return pool(workers)

    monkeypatch.setattr(concurrent.futures, "ThreadPoolExecutor", counted)
    couplings = co.couple(co.chain(400, 0.3), VACUUM)
    co.evolve(couplings, co.states.single(3), [0, 5.0], method="single", threads=threads)
    assert pools == [threads or 2]


MEMORY = """
n, times, dephasing, observe = CASE
run = {"method": "single", "observe": observe, "progress": False}
few, many = (
    co.couple(co.chain(size, 0.3), co.Vacuum()).replace(dephasing=dephasing) for size in (4, n)
)
co.evolve(few, co.states.single(1), times, **run)
measured(lambda: co.evolve(many, co.states.single(1), times, **run))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        "(1500, [0, 0.001], 0.0, ())",  # in steps
        "(900, np.linspace(0, 5, 5), 0.0, ())",
        "(300, np.linspace(0, 5, 61), 0.0, 'correlations')",
        "(200, np.linspace(0, 0.1, 5), 0.5, ())",
        "(100, np.linspace(0, 0.5, 101), 0.5, 'correlations')",
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_is_predicted(case):
    code = MEMORY.replace("CASE", case)
    (ratio,) = reference.predicted_over_used(code)
    assert 0.7 < ratio < 1.3


def test_only_round_off_is_lost():
    couplings = co.couple(co.chain(2, 0.3, detunings=[0.4, -0.9]), VACUUM)
    populations, emission = reference.one_excitation(
        couplings.decay, couplings.shift, couplings.detunings, np.array([1, 0]), TIMES
    )
    found = co.evolve(couplings, co.states.single(0), TIMES, method="single")
    np.testing.assert_allclose(found.populations, populations, atol=1e-13)
    np.testing.assert_allclose(found.emission, emission, atol=1e-13)
    atom = co.Couplings([[0.7]], [[0.0]])
    found = co.evolve(atom, "inverted", TIMES, method="single")
    np.testing.assert_allclose(found.emission, 0.7 * np.exp(-0.7 * TIMES), rtol=1e-13)


# --- atoms with several excited levels and one ground level

ATOMS = co.Atoms.isotropic(
    [[0, 0, 0], [0.05, 0, 0.1]], zeeman=0.3, detunings=[0.2, -0.1], axis=(1, 1, 0)
)
CHANNELS = co.couple(ATOMS, VACUUM)
SHARED = np.array([1, 2j, 0.3, -1, 0.5, 0]) / np.sqrt(6.34)


def levels_by_qutip(channels, state, times):
    """Populations of levels, ⟨σ⁺_cσ⁻_c'⟩ and emission from the whole density matrix."""
    atoms, n = channels.atoms, len(channels)
    states = qutip.mesolve(
        channels.hamiltonian(),
        co.states.density_matrix(state, channels),
        times,
        channels.collapse_operators(),
        options={"atol": 1e-12, "rtol": 1e-10},
    ).states
    lowering = []
    for m in range(n):
        for local in atoms.channels:
            parts = [qutip.qeye(len(atoms.levels))] * n
            parts[m] = qutip.Qobj(local)
            lowering.append(qutip.tensor(*parts))
    populations = np.array([[rho.ptrace(m).diag().real for m in range(n)] for rho in states])
    correlations = np.array(
        [[[(a.dag() * b * rho).tr() for b in lowering] for a in lowering] for rho in states]
    )
    return populations, correlations, np.einsum("cd,tcd->t", channels.decay, correlations).real


@pytest.mark.parametrize(
    ("state", "channels"),
    [
        (co.states.from_amplitudes(SHARED), CHANNELS),
        (co.states.levels(["g 0", "e -1"]), CHANNELS),
        (co.states.level_product([[0, 0, 0, 1j], [1, 1, 0, 1]]), CHANNELS),
        (co.states.ground(), CHANNELS),
        (
            co.states.levels(["e +1", "g 0"]),
            co.couple(ATOMS.translated((0, 0, 0.08)), co.Mirror()),
        ),
    ],
    ids=["one excitation", "levels", "product", "ground", "mirror"],
)
def test_levels_of_atoms_against_the_whole_density_matrix(state, channels):
    times = np.array([0.0, 0.4, 1.5])
    populations, correlations, emission = levels_by_qutip(channels, state, times)
    found = co.evolve(channels, state, times + 2, method="single", observe="correlations")
    np.testing.assert_allclose(found.populations, populations, atol=1e-8)
    np.testing.assert_allclose(found.correlations, correlations, atol=1e-8)
    np.testing.assert_allclose(found.emission, emission, atol=1e-8)
    np.testing.assert_allclose(found.excitation, populations[:, :, :3].sum(axis=(1, 2)), atol=1e-8)


def test_mixtures_and_kets_of_atoms_are_read_off():
    up = co.states.density_matrix(co.states.levels(["e +1", "g 0"]), CHANNELS)
    down = co.states.density_matrix(co.states.levels(["g 0", "e 0"]), CHANNELS)
    ground = co.states.density_matrix("ground", CHANNELS)
    mixed = co.evolve(CHANNELS, 0.5 * up + 0.3 * down + 0.2 * ground, [0, 1.0], method="single")
    parts = [
        co.evolve(CHANNELS, co.states.levels(names), [0, 1.0], method="single").excitation
        for names in (["e +1", "g 0"], ["g 0", "e 0"])
    ]
    np.testing.assert_allclose(mixed.excitation, 0.5 * parts[0] + 0.3 * parts[1], atol=1e-12)


def test_a_mode_of_atoms_decays_at_its_rate():
    places = co.square(4, 4, 0.3).positions
    channels = co.couple(co.Atoms.isotropic(places, zeeman=0.2), VACUUM)
    modes = channels.modes()
    slow = modes.state(-1)
    found = co.evolve(channels, slow, [0, 3.0], method="single")
    np.testing.assert_allclose(found.excitation, np.exp(-modes.rates[-1] * found.times), atol=1e-10)


def test_an_evolution_of_atoms_does_not_depend_on_the_unit_of_rate():
    hertz = 4.0**12
    fast = CHANNELS.atoms.replace(
        linewidths=CHANNELS.atoms.linewidths * hertz, energies=CHANNELS.atoms.energies * hertz
    )
    state = co.states.from_amplitudes(SHARED)
    found = co.evolve(co.couple(fast, VACUUM), state, TIMES / hertz, method="single")
    slow = co.evolve(CHANNELS, state, TIMES, method="single")
    np.testing.assert_array_equal(found.populations, slow.populations)
    np.testing.assert_allclose(found.emission, slow.emission * hertz, rtol=1e-14)


def test_results_of_atoms_are_kept_in_files_and_continued(tmp_path, interrupted_at):
    state, times = co.states.levels(["e +1", "g 0"]), np.linspace(0, 2, 140)
    options = {"method": "single", "observe": "correlations"}
    whole = co.evolve(CHANNELS, state, times, **options)
    assert co.load(whole.save(tmp_path / "whole")) == whole
    with interrupted_at(2):
        part = co.evolve(CHANNELS, state, times, checkpoint=tmp_path / "part", **options)
    assert not part.complete
    again = co.evolve(CHANNELS, state, times, checkpoint=tmp_path / "part", **options)
    np.testing.assert_allclose(again.populations, whole.populations, atol=1e-12)
    other = CHANNELS.replace(atoms=ATOMS.replace(energies=0.1))
    with pytest.raises(ValueError, match="belongs to another problem"):
        co.evolve(other, state, times, checkpoint=tmp_path / "part", **options)
    data = whole.to_xarray()
    assert data["level"].values.tolist() == list(ATOMS.levels)
    np.testing.assert_array_equal(
        data.populations.sel(level="e +1", emitter=0), whole.populations[:, 0, 0]
    )


@pytest.mark.parametrize(
    ("state", "channels", "message"),
    [
        (co.states.levels("e 0"), CHANNELS, "at most one excitation: state levels.* has 2"),
        (
            co.states.levels("g 0"),
            CHANNELS.replace(drive=np.full(6, 0.5)),
            "for atoms that nothing excites, but the drive is 0.5",
        ),
        (
            qutip.tensor(qutip.basis(4, 0), qutip.basis(4, 1)),
            CHANNELS,
            "at most one excitation: state a QuTiP state has 2",
        ),
    ],
)
def test_atoms_that_need_more_than_one_excitation_are_refused(state, channels, message):
    with pytest.raises(ValueError, match=message):
        co.evolve(channels, state, TIMES, method="single")


def test_atoms_with_two_ground_levels_are_refused():
    lowering = np.zeros((1, 3, 3, 3), dtype=complex)
    lowering[0, 0, 1, 0] = lowering[0, 1, 2, 0] = 1.0
    atoms = co.Atoms([[0, 0, 0]], ("e", "a", "b"), (1, 0, 0), lowering)
    with pytest.raises(ValueError, match=r"one ground level: these have 2 \(a, b\)"):
        co.evolve(co.couple(atoms, VACUUM), co.states.levels("e"), TIMES, method="single")


def test_what_knows_two_levels_refuses_atoms_by_name():
    request = checked(CHANNELS, "ground", TIMES)
    engine = SimpleNamespace(name="own", keeps=())
    expected = "method 'own' takes two-level Couplings, not ChannelCouplings of atoms with 4 levels"
    assert unsupported(engine, request) == expected
    assert unsupported(engine, request, channels=True) is None
    result = co.evolve(CHANNELS, "ground", TIMES, method="single", observe="correlations")
    with pytest.raises(ValueError, match="squeezing is defined for two-level emitters"):
        co.observables.squeezing(result)
    with pytest.raises(ValueError, match="concurrence is defined for two-level emitters"):
        co.observables.concurrence(result, 0, 1)
    with pytest.raises(ValueError, match="lab frame of atoms with manifolds"):
        result.in_frame("lab")
