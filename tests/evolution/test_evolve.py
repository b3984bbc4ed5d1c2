import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import qutip
import reference

import collective as co
from collective.engines import loop
from collective.engines.exact import run as engine_run

PAIR = co.couple(co.chain(2, 0.1), co.Vacuum())
TIMES = np.linspace(0, 3, 31)
# calls of an envelope, which is checked before the run, and sampled for kinks when it begins
ASKED = len(TIMES) + 3 * (len(TIMES) - 1) + 256 * 9


def test_contents_of_a_result():
    result = co.evolve(PAIR, "inverted", TIMES)
    assert result.method == "exact"
    assert result.frame == "rotating"
    assert result.complete
    assert result.initial_state == co.states.inverted()
    assert result.correlations is None
    assert result.states is None
    assert result.populations.shape == (31, 2)
    np.testing.assert_allclose(result.excitation, result.populations.sum(axis=1))
    d = result.diagnostics
    assert d["seconds"] > 0
    assert d["bytes_predicted"] > 0
    assert len(d["smallest_eigenvalues"]) == 5
    assert set(d["versions"]) == {"collective-emission", "qutip", "numpy", "scipy"}
    text = repr(result)
    for word in ("2 emitters from inverted", "exact", "rtol 1e-08", "tr ρ", "predicted"):
        assert word in text


def test_observables_on_request():
    parity = qutip.tensor(qutip.sigmaz(), qutip.sigmaz())
    result = co.evolve(
        PAIR,
        co.states.coherent(1.0, 0.3),
        TIMES,
        observe=("correlations", "states", {"zz": parity}),
    )
    for i in (0, 7, 30):
        rho = result.states[i].full()
        np.testing.assert_allclose(result.correlations[i], reference.correlations(rho), atol=1e-12)
        np.testing.assert_allclose(result.expect["zz"][i], np.trace(parity.full() @ rho).real)
    np.testing.assert_allclose(
        result.emission, np.einsum("mn,tmn->t", PAIR.decay, result.correlations).real
    )
    assert "observed    correlations, states, zz" in repr(result)
    alone = co.evolve(PAIR, "inverted", TIMES, observe="correlations")
    assert alone.correlations.shape == (31, 2, 2)
    named = co.evolve(PAIR, "inverted", TIMES, observe={"zz": parity})
    np.testing.assert_allclose(named.expect["zz"][0], 1)


def test_times_that_start_late_or_are_uneven():
    shifted = co.evolve(PAIR, "inverted", [5.0, 5.1, 5.7, 9.0])
    np.testing.assert_allclose(
        shifted.emission,
        reference.two_inverted_atoms(PAIR.decay[0, 1], np.array([0, 0.1, 0.7, 4.0])),
        atol=1e-7,
    )
    single = co.evolve(PAIR, "inverted", [2.0])
    np.testing.assert_allclose(single.emission, [2.0])


def test_individual_dephasing_and_pump_rates():
    """Coherence decays at Γ/2 + γ_φ; a pump p fills the emitter to p/(p + Γ)."""
    atom = co.Couplings([[1.0]], [[0.0]], dephasing=0.7)
    lower = qutip.Qobj([[0, 0], [1, 0]])
    result = co.evolve(atom, co.states.coherent(np.pi / 2), TIMES, observe={"σ": lower})
    np.testing.assert_allclose(result.expect["σ"], 0.5 * np.exp(-1.2 * TIMES), atol=1e-7)
    pumped = co.evolve(co.Couplings([[1.0]], [[0.0]], pump=3.0), "ground", TIMES)
    np.testing.assert_allclose(pumped.excitation, 0.75 * (1 - np.exp(-4 * TIMES)), atol=1e-7)


def test_diagonal_shift_equals_a_detuning():
    at = {"observe": "correlations"}
    by_shift = co.evolve(
        PAIR.replace(shift=PAIR.shift + np.diag([1.0, 0])), co.states.single(0), TIMES, **at
    )
    by_detuning = co.evolve(PAIR.replace(detunings=[1.0, 0]), co.states.single(0), TIMES, **at)
    np.testing.assert_allclose(by_shift.correlations, by_detuning.correlations, atol=1e-10)


def test_envelope_multiplies_the_drive():
    """Without decay a resonant pulse turns the Bloch vector by its area."""
    atom = co.Couplings([[0.0]], [[0.0]], drive=2.0)
    times = np.linspace(-4, 4, 161)
    result = co.evolve(atom, "ground", times, envelope=lambda t: np.exp(-(t**2)))
    from scipy.special import erf

    area = np.sqrt(np.pi) * (erf(times) - erf(-4))
    np.testing.assert_allclose(result.excitation, np.sin(area / 2) ** 2, atol=1e-6)


def test_a_complex_envelope_is_a_detuned_drive():
    """f(t) = e^{-iδt} in the frame at ω₀ is a drive at ω₀ + δ: same populations as detunings −δ."""
    driven = PAIR.replace(drive=[1.0, 0.4j])
    chirped = co.evolve(driven, "ground", TIMES, envelope=lambda t: np.exp(-1.3j * t))
    rotating = co.evolve(driven.replace(detunings=-1.3), "ground", TIMES)
    np.testing.assert_allclose(chirped.populations, rotating.populations, atol=1e-7)


def test_a_short_pulse_is_not_missed():
    atom = co.Couplings([[1e-3]], [[0.0]], drive=1.0)
    result = co.evolve(
        atom, "ground", np.linspace(0, 100, 2001), envelope=lambda t: 20 * (abs(t - 80) < 0.05)
    )
    np.testing.assert_allclose(result.excitation[1590], 0, atol=1e-12)
    assert result.excitation[1605] > 0.5


def test_envelope_need_not_exist_before_the_first_time():
    couplings = PAIR.replace(drive=1.0)
    late = co.evolve(couplings, "ground", [1.0, 2.0, 3.0], envelope=lambda t: 1 / t)
    early = co.evolve(couplings, "ground", [0.0, 1.0, 2.0], envelope=lambda t: 1 / (1 + t))
    np.testing.assert_allclose(late.excitation, early.excitation, atol=1e-9)


def test_drive_frame():
    """Off resonance by δ ≫ Ω the atom stays near its ground state, excited by about Ω²/4δ²."""
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0, detunings=20.0)
    steady = co.steady_state(atom)
    np.testing.assert_allclose(steady.diag()[0], 1 / (4 * 400 + 1 + 2), rtol=1e-8)


def test_steady_state_against_late_times():
    couplings = co.couple(co.cloud(3, 0.3, seed=1), co.Vacuum()).replace(
        drive=[1, 0.5, 1j], dephasing=0.1, pump=0.05
    )
    steady = co.steady_state(couplings)
    late = co.evolve(couplings, "ground", [0.0, 60.0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(steady.full(), late.last_state.full(), atol=1e-7)
    assert steady.dims == [[2] * 3, [2] * 3]


@pytest.mark.parametrize("n", [2, 5])
def test_dense_and_sparse_steady_states(n):
    """Dense below five emitters, sparse above; without a drive the ground state is left."""
    steady = co.steady_state(co.couple(co.chain(n, 0.3), co.Vacuum()))
    np.testing.assert_allclose(steady.diag()[-1], 1, atol=1e-9)
    driven = co.couple(co.chain(n, 0.3), co.Vacuum()).replace(drive=1.0)
    result = co.evolve(driven, co.steady_state(driven), [0, 2.0])
    np.testing.assert_allclose(result.populations[0], result.populations[1], atol=1e-8)


def test_degenerate_steady_states_are_refused():
    two_groups = np.kron(np.diag([1.0, 0.0]), np.ones((3, 3)))[:5, :5]
    two_groups[3:, 3:] = 1
    for decay, finding in (
        (np.ones((2, 2)), "to working precision: .*dimension 2"),
        (np.ones((3, 3)), "to working precision: .*dimension 5"),
        (two_groups, "purely collective decay and drive keep the total spin J of the 3 emitters"),
    ):
        dicke = co.Couplings(decay, np.zeros_like(decay), drive=1.0)
        with pytest.raises(ValueError, match=f"steady state is not unique.* {finding}"):
            co.steady_state(dicke)
    with pytest.raises(ValueError, match="dimension 4"):
        co.steady_state(co.Couplings([[0.0]], [[0.0]]))


def test_ctrl_c_returns_the_times_reached():
    def stop(t):
        if t > 1.05:
            raise KeyboardInterrupt
        return 1.0

    couplings = PAIR.replace(drive=1.0)
    calls = iter([False] * ASKED)
    result = co.evolve(
        couplings,
        "ground",
        TIMES,
        envelope=lambda t: 1.0 if next(calls, None) is False else stop(t),
    )
    assert not result.complete
    assert 5 <= len(result.times) <= 11
    assert len(result.emission) == len(result.populations) == len(result.times)
    assert "INCOMPLETE" in repr(result)
    whole = co.evolve(couplings, "ground", TIMES)
    np.testing.assert_allclose(
        result.populations, whole.populations[: len(result.times)], atol=1e-6
    )


@pytest.mark.slow
def test_ctrl_c_in_a_real_process(tmp_path):
    script = textwrap.dedent(
        """
        import signal, sys, numpy as np, collective as co
        # a process in the background of a shell inherits that Ctrl-C is ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
        couplings = co.couple(co.chain(7, 0.05), co.Vacuum())
        co.evolve(couplings, "inverted", [0.0], method="exact")  # everything is imported
        print("ready", flush=True)
        times = np.linspace(0, 200, 20001)
        result = co.evolve(couplings, "inverted", times, method="exact")
        result.save(sys.argv[1])
        """
    )
    path = tmp_path / "partial.npz"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    import time

    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()
    partial = co.load(path)
    assert not partial.complete
    assert 1 <= len(partial.times) < 20001


def test_a_failure_keeps_the_times_reached():
    calls = iter([False] * ASKED)

    def envelope(t):
        if next(calls, None) is None and t > 1.05:
            raise ZeroDivisionError("pulse shaper exploded")
        return 1.0

    with pytest.raises(co.EvolutionError, match="pulse shaper exploded") as caught:
        co.evolve(PAIR.replace(drive=1.0), "ground", TIMES, envelope=envelope)
    assert 5 <= len(caught.value.result.times) <= 11


def test_checkpoint_continues_where_it_stopped(tmp_path):
    path = tmp_path / "run.npz"
    couplings = PAIR.replace(drive=1.0)
    arguments = {"observe": ("states", {"n": qutip.tensor(qutip.num(2), qutip.qeye(2))})}
    calls, later = iter([False] * ASKED), []

    def breaking(t):
        if next(calls, None) is None and t > 1.55:
            raise KeyboardInterrupt
        return 1.0

    def recording(t):
        later.append(t)
        return 1.0

    first = co.evolve(couplings, "ground", TIMES, envelope=breaking, checkpoint=path, **arguments)
    assert not first.complete
    assert not co.load(path).complete
    second = co.evolve(couplings, "ground", TIMES, envelope=recording, checkpoint=path, **arguments)
    assert second.complete
    asked = [t for t in later[ASKED:] if t > 0]  # QuTiP asks at 0 when it is set up
    assert min(asked) >= first.times[-1]
    whole = co.evolve(couplings, "ground", TIMES, **arguments)
    np.testing.assert_allclose(second.populations, whole.populations, atol=1e-7)
    np.testing.assert_allclose(second.expect["n"], whole.expect["n"], atol=1e-7)
    assert len(second.states) == len(TIMES)
    # the run is finished: the result is read from the file
    again = co.evolve(couplings, "ground", TIMES, envelope=recording, checkpoint=path, **arguments)
    np.testing.assert_array_equal(again.emission, second.emission)
    with pytest.raises(ValueError, match="belongs to another problem"):
        co.evolve(couplings, "inverted", TIMES, checkpoint=path)


def test_ctrl_c_during_observables_keeps_complete_times(monkeypatch):
    """After Ctrl-C during the observables of one time, all arrays end before that time."""
    real, calls = engine_run.smallest_eigenvalue, iter(range(10**6))

    def interrupted(matrix):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(matrix)

    number_operator = qutip.tensor(qutip.num(2), qutip.qeye(2))
    couplings = co.Couplings(PAIR.decay, PAIR.shift)
    with monkeypatch.context() as patch:
        patch.setattr(engine_run, "smallest_eigenvalue", interrupted)
        partial = co.evolve(
            couplings, "inverted", TIMES, observe=("states", {"n": number_operator})
        )
    assert not partial.complete
    reached = len(partial.times)
    assert 0 < reached < len(TIMES)
    assert len(partial.states) == len(partial.expect["n"]) == len(partial.emission) == reached
    for rho, value in zip(partial.states, partial.expect["n"], strict=True):
        np.testing.assert_allclose(qutip.expect(number_operator, rho), value)


def test_checkpoints_of_another_problem_are_refused(tmp_path):
    """Everything that changes the answer belongs to the problem."""
    driven = PAIR.replace(drive=1.0)
    base = {
        "couplings": driven,
        "state": "ground",
        "times": TIMES,
        "envelope": np.cos,
        "rtol": 1e-6,
    }
    path = tmp_path / "run.npz"
    co.evolve(**base, checkpoint=path)
    hidden = {"envelope": lambda t: np.cos(t) + np.sin(np.pi * t / TIMES[1])}
    for change in (
        {"couplings": driven.replace(shift=2 * driven.shift)},
        {"couplings": driven.replace(dephasing=0.1)},
        {"state": "inverted"},
        {"times": TIMES * 1.1},
        {"rtol": 1e-7},
        {"envelope": np.sin},
        hidden,  # the same at every output time
        {"observe": "states"},
        {"observe": {"n": qutip.tensor(qutip.num(2), qutip.qeye(2))}},
    ):
        with pytest.raises(ValueError, match="belongs to another problem"):
            co.evolve(**{**base, **change}, checkpoint=path)


def test_checkpoints_are_written_during_the_run(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", np.inf)
    save = co.Result.save
    monkeypatch.setattr(
        co.Result, "save", lambda self, path: (saved.append(len(self.times)), save(self, path))
    )
    co.evolve(PAIR, "inverted", TIMES, checkpoint=tmp_path / "run.npz")
    assert saved == [*range(1, len(TIMES) + 1), len(TIMES)]


def test_a_checkpoint_path_that_cannot_be_written_is_refused_at_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        co.evolve(PAIR, "inverted", TIMES, checkpoint=tmp_path / "file" / "run.npz")
    # a disk that fills later costs the checkpoint, not the run
    save, calls = co.Result.save, iter(range(100))

    def full_disk(self, path):
        if next(calls) > 0:
            raise OSError("no space left")
        return save(self, path)

    monkeypatch.setattr(co.Result, "save", full_disk)
    with pytest.warns(UserWarning, match="could not be written: no space left"):
        result = co.evolve(PAIR, "inverted", TIMES, checkpoint=tmp_path / "run.npz")
    assert result.complete


@pytest.mark.parametrize("state", ["inverted", co.states.coherent(1.0)], ids=str)
def test_smallest_eigenvalues_are_of_the_whole_density_matrix(state):
    triple = co.couple(co.chain(3, 0.1), co.Vacuum())
    result = co.evolve(triple, state, [0, 0.3, 0.7, 1.5, 2], observe="states")
    expected = [np.linalg.eigvalsh(rho.full())[0] for rho in result.states]
    np.testing.assert_allclose(result.diagnostics["smallest_eigenvalues"], expected, atol=1e-14)


def test_diagnostics_against_the_states():
    mixed = qutip.Qobj(np.diag([0.4, 0.3, 0.2, 0.1 + 4e-9]), dims=[[2, 2], [2, 2]])
    result = co.evolve(PAIR, mixed, TIMES, observe="states")
    chosen = np.round(np.linspace(0, 30, 5)).astype(int)
    expected = [np.linalg.eigvalsh(result.states[i].full())[0] for i in chosen]
    np.testing.assert_allclose(result.diagnostics["smallest_eigenvalues"], expected, atol=1e-15)
    assert result.diagnostics["smallest_eigenvalues"][0] > 0.09
    np.testing.assert_allclose(result.diagnostics["trace_error"], 4e-9, rtol=0.1)


def test_tolerances_reach_the_integrator():
    errors = []
    for rtol in (1e-3, 1e-6, 1e-9):
        result = co.evolve(PAIR, "inverted", TIMES, rtol=rtol, atol=rtol / 100)
        exact_rate = reference.two_inverted_atoms(PAIR.decay[0, 1], TIMES)
        errors.append(np.abs(result.emission - exact_rate).max())
    assert errors[0] > 20 * errors[1] > 400 * errors[2]


def test_permutation_of_the_emitters():
    atoms = co.cloud(3, 0.3, seed=5, dipoles=(1, 1j, 0), detunings=[0.5, 0, -1])
    order = [2, 0, 1]
    shuffled = atoms.replace(positions=atoms.positions[order], detunings=atoms.detunings[order])
    one, other = (
        co.evolve(co.couple(a, co.Vacuum()), co.states.single(m), TIMES, observe="correlations")
        for a, m in ((atoms, 2), (shuffled, 0))
    )
    np.testing.assert_allclose(other.populations, one.populations[:, order], atol=1e-7)
    np.testing.assert_allclose(other.emission, one.emission, atol=1e-7)


def test_results_are_read_only():
    result = co.evolve(PAIR, "inverted", TIMES)
    with pytest.raises(ValueError, match="read-only"):
        result.emission[0] = 7


@pytest.mark.slow
@pytest.mark.parametrize("n", [40, 600, 2000])
def test_far_too_many_emitters_are_refused_with_readable_numbers(n):
    large = co.Couplings(np.eye(n), np.zeros((n, n)))
    for attempt in (
        lambda: co.evolve(large, "inverted", TIMES, method="exact"),
        lambda: co.steady_state(large),
        large.liouvillian,
        large.hamiltonian,
        large.collapse_operators,
    ):
        with pytest.raises(MemoryError, match=r"needs (more than 1 EiB|[\d.]+ \w+), but"):
            attempt()


def test_too_many_emitters_are_refused_before_allocation():
    large = co.Couplings(np.eye(20), np.zeros((20, 20)))
    with pytest.raises(MemoryError, match=r"density matrix of 20 emitters.* needs .* TiB"):
        co.evolve(large, "inverted", TIMES, method="exact")
    with pytest.raises(ValueError, match="available"):
        co.steady_state(large)
    some = co.Couplings(np.eye(9), np.zeros((9, 9)))
    with pytest.raises(MemoryError, match=r"at 1000000 times, states kept.* needs"):
        co.evolve(some, "inverted", np.arange(10**6), observe="states", method="exact")


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([], "times must be a non-empty list"),
        (1.0, r"times must be a non-empty list of numbers, got shape \(\)"),
        ([0, 2, 1], r"times must increase: times\[1\] = 2, times\[2\] = 1"),
        ([0, 1, 1], "times must increase"),
        ([0, np.nan], r"times must be finite: times\[1\] is nan"),
        ([0, 1j], "times must be real"),
        ([[0, 1]], "times must be a non-empty list"),
    ],
)
def test_bad_times(times, message):
    with pytest.raises(ValueError, match=message):
        co.evolve(PAIR, "inverted", times)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "method must be one of 'auto', 'exact'.*; got 'magic'"),
        ({"observe": "photons"}, "observe must be one of 'correlations', 'states'; got 'photons'"),
        ({"observe": {"n": qutip.num(2)}}, r"observe\['n'\] must be a QuTiP operator"),
        ({"observe": {"n": 3}}, r"observe\['n'\] must be a QuTiP operator"),
        ({"observe": {1: qutip.qeye([2, 2])}}, "names must be printable strings, got 1"),
        (
            {"observe": {"s": qutip.to_super(qutip.qeye(2))}},
            r"observe\['s'\] must be a QuTiP operator",
        ),
        ({"observe": {"n": np.nan * qutip.qeye([2, 2])}}, r"observe\['n'\] must be finite"),
        ({"observe": None}, "observe must be words, .* got None"),
        ({"observe": qutip.qeye([2, 2])}, "observe must be words, .* got Quantum object"),
        ({"method": np.eye(2)}, "method must be one of"),
        ({"rtol": 1.0}, "rtol and atol must be at most 0.1, got 1"),
        ({"checkpoint": 5}, "checkpoint must be a file name, got 5"),
        ({"rtol": 0}, "rtol must be above 0"),
        ({"atol": -1}, "atol must be above 0"),
        ({"envelope": lambda t: 1.0}, "envelope multiplies the drive, but there is none"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        co.evolve(PAIR, "inverted", TIMES, **options)


def test_bad_envelopes():
    driven = PAIR.replace(drive=1.0)
    with pytest.raises(ValueError, match="envelope must be a function"):
        co.evolve(driven, "ground", TIMES, envelope=np.ones(31))
    with pytest.raises(ValueError, match="envelope must be finite: at t = 1"):
        co.evolve(driven, "ground", TIMES, envelope=lambda t: np.nan if t >= 0.95 else 1.0)
    for value in (None, [1.0], np.ones(2), "1"):
        with pytest.raises(ValueError, match="envelope must return a number: at t = 0"):
            co.evolve(driven, "ground", TIMES, envelope=lambda t, value=value: value)
    with pytest.raises(co.EvolutionError, match="envelope must be finite"):
        co.evolve(driven, "ground", [0.0, 1.0], envelope=lambda t: np.nan if 0.4 < t < 0.5 else 1.0)


@pytest.mark.slow
def test_logarithmic_times_with_an_envelope():
    times = [0, *np.logspace(-6, 1, 15)]
    result = co.evolve(PAIR.replace(drive=1.0), "ground", times, envelope=lambda t: np.exp(-t))
    assert result.complete


def test_wrong_types_of_couplings():
    with pytest.raises(TypeError, match="couplings must be Couplings"):
        co.evolve(co.chain(2, 0.1), "inverted", TIMES)
    with pytest.raises(TypeError, match="couplings must be Couplings"):
        co.steady_state("pair")
