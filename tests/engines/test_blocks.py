"""The block engine: against the plain Lindblad equation, symmetries, interruptions, limits."""

from math import comb

import numpy as np
import pytest
import reference
import systems
from hypothesis import given, settings
from hypothesis import strategies as st
from random_systems import random_couplings, random_state
from scipy.integrate import solve_ivp
from scipy.sparse import csr_array

import collective as co
from collective.engines import base, record
from collective.engines import request as _requests
from collective.engines.basis import symmetries as _symmetries
from collective.engines.basis.configurations import ExcitationBlocks, qutip_index
from collective.engines.blocks import engine, size, tables
from collective.engines.blocks import expansion as steps
from collective.engines.blocks.columns import NOBODY
from collective.engines.blocks.passes import Passes
from collective.engines.numerics.lanes import BYTES

T = np.linspace(0, 4, 21)
CHAIN = co.couple(co.chain(6, 0.15), co.Vacuum())


def packed(layout, rho):
    """A vector with Re ρ + Im ρ of the blocks as the engine stores them, with repeated columns."""
    t = layout.tables
    lanes = t.columns.shape[1]
    vector = np.zeros(layout.size)
    for k in range(layout.blocks.highest + 1):
        places = qutip_index(layout.blocks.n, layout.blocks.configurations(k))
        block = rho[np.ix_(places, places)]
        columns = t.columns[t.tasks[:, 0] == k]
        panels = vector[t.offset[k] : t.offset[k + 1]].reshape(len(columns), len(places), lanes)
        panels[:] = (block.real + block.imag)[:, columns].swapaxes(0, 1)
    return vector


def applied(layout, vector, number, recurrence=(1.0, 0.0, 0.0), previous=None, pieces=1):
    """αL vector + β vector + γ previous by the kernels, and its norm."""
    engine.compile_kernels(False, np.dtype(number).name)
    vector, out, y = (np.zeros(layout.size) if v is None else v for v in (vector, previous, None))
    vector, out, y = (v.astype(number) for v in (vector, out, y))
    applying = Passes(layout.tables, number, pieces, threads=1)
    norm = applying.apply(vector, out, y, recurrence, 0.5, 0, layout.blocks.highest)
    np.testing.assert_allclose(y, 0.5 * out, atol=np.finfo(number).eps * np.abs(out).max())
    return out, norm


@pytest.mark.parametrize(("number", "within"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@settings(deadline=None, max_examples=20)
@given(st.integers(1, 4), st.integers(0, 2**32 - 1), st.booleans())
def test_kernels_apply_the_plain_lindblad_generator(number, within, n, seed, real):
    """Complex and real couplings, with dephasing, in double and in single precision."""
    rng = np.random.default_rng(seed)
    couplings, rho = (
        random_couplings(rng, n, real=real, pump=False, drive=False),
        random_state(rng, n),
    )
    layout = tables.layout(couplings, n, np.arange(n)[None], BYTES // np.dtype(number).itemsize)
    out, norm = applied(layout, packed(layout, rho), number)
    dense = reference.slope_of(couplings, rho)
    np.testing.assert_allclose(out, packed(layout, dense), atol=within)
    excited = np.array([i.bit_count() for i in range(2**n)])
    blocks_only = np.where(excited[:, None] == excited, dense, 0)
    np.testing.assert_allclose(norm, np.linalg.norm(blocks_only), rtol=within, atol=within)
    before = packed(layout, random_state(rng, n))
    mixed, _ = applied(layout, packed(layout, rho), number, (0.3, -0.7, 1.1), before, pieces=3)
    wanted = 0.3 * packed(layout, dense) - 0.7 * packed(layout, rho) + 1.1 * before
    np.testing.assert_allclose(mixed, wanted, atol=within)


RING = [1, 1j, 0]  # dipoles of a ring whose Γ is complex


@pytest.mark.parametrize(("number", "within"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize(
    ("couplings", "turn"),
    [
        (co.couple(co.ring(6, 0.2), co.Vacuum()), True),
        (co.couple(co.ring(6, 0.2, dipoles=RING), co.Vacuum()).replace(dephasing=0.3), True),
        (co.couple(co.chain(7, 0.2), co.Vacuum()).replace(dephasing=0.2), False),
    ],
    ids=["ring", "complex ring with dephasing", "chain with dephasing"],
)
def test_kernels_apply_the_generator_to_one_column_of_each_orbit(couplings, turn, number, within):
    """A random state that the group leaves unchanged, against the dense generator."""
    n, rng = len(couplings), np.random.default_rng(1)
    every = [np.arange(n), np.arange(n)[::-1]]
    if turn:
        turns = [np.roll(np.arange(n), m) for m in range(n)]
        plain = not np.any(couplings.decay.imag)
        every = turns + [p[::-1] for p in turns if plain]
    rho = random_state(rng, n).reshape([2] * (2 * n))
    rho = sum(rho.transpose([*p, *(p + n)]) for p in every).reshape(2**n, 2**n) / len(every)
    layout = tables.layout(couplings, n, np.array(every), BYTES // np.dtype(number).itemsize)
    out, norm = applied(layout, packed(layout, rho), number, pieces=2)
    dense = reference.slope_of(couplings, rho)
    np.testing.assert_allclose(out, packed(layout, dense), atol=within)
    excited = np.array([i.bit_count() for i in range(2**n)])
    blocks_only = np.where(excited[:, None] == excited, dense, 0)
    np.testing.assert_allclose(norm, np.linalg.norm(blocks_only), rtol=within)


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_evolution_agrees_with_the_plain_lindblad_equation(n, seed):
    """States may have any coherences: those between excitation numbers change no observable."""
    rng = np.random.default_rng(seed)
    couplings, rho = random_couplings(rng, n, pump=False, drive=False), random_state(rng, n)
    times = np.linspace(-1, 2, 7)
    result = co.evolve(
        couplings, reference.as_qobj(rho), times, method="blocks", observe="correlations"
    )
    states = reference.evolve(reference.generator_of(couplings), rho, times)
    wanted = [reference.correlations(rho) for rho in states]
    np.testing.assert_allclose(result.correlations, wanted, atol=1e-8)
    np.testing.assert_allclose(
        result.emission,
        np.einsum("mn,tmn->t", couplings.decay, result.correlations).real,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    "state",
    [
        "inverted",
        "ground",
        co.states.single(0),
        co.states.single(2),
        co.states.dicke(3),
        co.states.coherent(1.2, 0.7),
        co.states.timed_dicke([0, 0, 5.0]),
    ],
    ids=str,
)
def test_every_state_agrees_with_exact(state):
    result = co.evolve(CHAIN, state, T, method="blocks")
    exact = co.evolve(CHAIN, state, T, method="exact", rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(result.populations, exact.populations, atol=1e-8)
    np.testing.assert_allclose(result.emission, exact.emission, atol=1e-7)


@pytest.mark.parametrize("spacing", [0.1, 0.2, 0.7])
def test_emission_agrees_with_another_integrator(spacing):
    """The whole equation in the site basis by another integrator at 1e-11."""
    n, times = 5, np.linspace(0, 5, 26)
    couplings = co.couple(co.chain(n, spacing), co.Vacuum())
    superoperator = csr_array(reference.generator_of(couplings))
    start = np.zeros(4**n, complex)
    start[0] = 1
    solved = solve_ivp(
        lambda t, y: superoperator @ y, (0, 5), start, "DOP853", times, rtol=1e-11, atol=1e-13
    )
    wanted = [reference.emission(couplings.decay, y.reshape(2**n, -1)) for y in solved.y.T]
    result = co.evolve(couplings, "inverted", times, method="blocks")
    np.testing.assert_allclose(result.emission, wanted, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("spacing", [0.06, 0.2])
def test_emission_agrees_with_shorter_steps_and_a_tight_tolerance(spacing, monkeypatch):
    couplings = co.couple(co.chain(9, spacing), co.Vacuum())
    result = co.evolve(couplings, "inverted", T, method="blocks")
    monkeypatch.setattr(steps, "LONGEST_STEP", 5.0)
    monkeypatch.setattr(steps, "NEGLIGIBLE", 0.0)
    fine = co.evolve(couplings, "inverted", T, method="blocks", rtol=1e-12)
    assert fine.diagnostics["applications"] > 1.5 * result.diagnostics["applications"]
    np.testing.assert_allclose(result.emission, fine.emission, atol=1e-8)
    np.testing.assert_allclose(result.populations, fine.populations, atol=1e-8)


def rotation(n, step=1):
    return [(m + step) % n for m in range(n)]


SINGLE, DOUBLE = (co.engines.Blocks(precision=p) for p in ("single", "double"))


@pytest.mark.parametrize(
    ("couplings", "times"),
    [
        (CHAIN, T),
        (co.couple(co.chain(5, 0.06), co.Vacuum()), T / 4),
        (co.couple(co.ring(6, 0.2, dipoles=[1, 1j, 0]), co.Vacuum()), T),
        (CHAIN.replace(dephasing=0.5, detunings=np.arange(6) / 3), 5 * T),
    ],
    ids=["chain", "dense chain", "complex ring", "dephased for long"],
)
def test_single_precision_is_as_accurate_as_it_says(couplings, times):
    request = {"observe": "correlations"}
    exact = co.evolve(couplings, "inverted", times, method=DOUBLE, rtol=1e-10, **request)
    result = co.evolve(couplings, "inverted", times, method=SINGLE, rtol=1e-5, **request)
    assert result.diagnostics["precision"] == "single"
    assert exact.diagnostics["precision"] == "double"
    assert "single precision" in result.reason
    np.testing.assert_allclose(result.correlations, exact.correlations, atol=1e-5)
    np.testing.assert_allclose(result.emission, exact.emission, atol=1e-5 * exact.emission.max())
    assert not np.array_equal(result.emission, exact.emission)


@pytest.mark.parametrize("number", ["float32", "float64"])
def test_compiled_kernels_are_called_without_an_error_however_fast_they_are(number, monkeypatch):
    monkeypatch.setattr(steps, "_AT_ONCE", 60.0)  # to the end, as if nothing had to be compiled
    engine.compile_kernels.__wrapped__(False, number)


@pytest.mark.slow
@pytest.mark.parametrize("system", systems.systems(), ids=lambda system: system.name)
def test_single_precision_of_every_system_it_takes(system):
    request = system.couplings, system.state, system.times
    refusal = systems.refusal(SINGLE, *request, rtol=1e-5)
    assert (refusal is None) == system.closed, refusal
    if refusal is None:
        found = co.evolve(*request, method=SINGLE, rtol=1e-5, observe="correlations")
        decays = np.any(system.couplings.decay)
        assert found.diagnostics.get("precision") == ("single" if decays else None)
        largest = max(np.abs(system.emission).max(), 1e-30)
        np.testing.assert_allclose(found.emission, system.emission, atol=1e-5 * largest)
        np.testing.assert_allclose(found.correlations, system.correlations, atol=1e-5)


@pytest.mark.slow
def test_single_precision_of_many_emitters_with_few_and_many_excitations():
    for emitters, state, until in (
        (co.chain(11, 0.2), "inverted", 5.0),
        (co.cloud(9, 0.4, min_distance=0.1, seed=3), "inverted", 3.0),
        (co.chain(20, 0.1), co.states.dicke(2), 10.0),
    ):
        couplings, times = co.couple(emitters, co.Vacuum()), np.linspace(0, until, 41)
        exact, single = (
            co.evolve(couplings, state, times, method=engine, rtol=rtol)
            for engine, rtol in ((DOUBLE, 1e-9), (SINGLE, 1e-5))
        )
        largest = exact.emission.max()
        np.testing.assert_allclose(single.emission, exact.emission, atol=1e-5 * largest)
        np.testing.assert_allclose(single.populations, exact.populations, atol=1e-5)
        assert single.diagnostics["trace_error"] < 1e-5


def test_single_precision_is_taken_where_rtol_allows_it_and_takes_half_of_the_memory():
    def precision(rtol, method="blocks"):
        couplings = co.couple(co.chain(3, 0.2), co.Vacuum())
        result = co.evolve(couplings, "inverted", T[:3], method=method, rtol=rtol)
        return result.diagnostics["precision"]

    assert precision(1e-5) == "single"
    assert precision(9e-6) == "double"
    assert precision(1e-3, DOUBLE) == "double"
    request = _requests.checked(co.couple(co.chain(12, 0.2), co.Vacuum()), "inverted", T, rtol=1e-5)
    single, double = SINGLE.cost(request), DOUBLE.cost(request)
    assert single.bytes < 0.65 * double.bytes
    assert single.seconds < 0.65 * double.seconds
    assert "in single precision" in single.work
    assert "single" not in double.work


def test_single_precision_that_is_too_coarse_is_refused():
    with pytest.raises(ValueError, match=r"accurate to 1e-05, but rtol is 1e-08: ask for rtol=1e"):
        co.evolve(CHAIN, "inverted", T, method=SINGLE)
    with pytest.raises(ValueError, match="precision must be one of 'auto', 'double', 'single'"):
        co.engines.Blocks(precision="half")


@pytest.mark.parametrize("method", [SINGLE, DOUBLE], ids=["single", "double"])
def test_a_checkpoint_keeps_the_precision(method, tmp_path, monkeypatch):
    couplings, times = co.couple(co.chain(4, 0.05), co.Vacuum()), np.linspace(0, 4, 81)
    run = {"method": method, "rtol": 1e-5, "checkpoint": tmp_path / "run.npz"}
    whole = co.evolve(couplings, "inverted", times, method=method, rtol=1e-5)
    with monkeypatch.context() as patch:
        interrupted_after(patch, whole.diagnostics["applications"] // 2)
        part = co.evolve(couplings, "inverted", times, **run)
    kind = np.float32 if method is SINGLE else np.float64
    assert part.resume["vector"].dtype == kind
    rest = co.evolve(couplings, "inverted", times, **run)
    assert rest.complete
    np.testing.assert_allclose(rest.emission, whole.emission, atol=1e-5)
    other = SINGLE if method is DOUBLE else DOUBLE
    with pytest.raises(ValueError, match="belongs to another problem"):
        co.evolve(couplings, "inverted", times, **{**run, "method": other})


def test_the_size_of_a_vector_is_that_of_the_kernels():
    """Costs are predicted without importing the compiler."""
    assert size.VECTOR_BYTES == BYTES


def test_symmetries_change_the_size_but_no_answer():
    ring = co.couple(co.ring(8, 0.2), co.Vacuum())
    plain = co.evolve(ring, "inverted", T, method=co.engines.Blocks(symmetries=[]))
    reversal = co.engines.Blocks(symmetries=[range(7, -1, -1)])
    reversed_ = co.evolve(ring, "inverted", T, method=reversal)
    full = co.evolve(ring, "inverted", T, method="blocks")
    found = [run.diagnostics["symmetries"] for run in (plain, reversed_, full)]
    assert found == [1, 2, 16]
    for other in (reversed_, full):
        np.testing.assert_allclose(other.emission, plain.emission, atol=1e-10)
        np.testing.assert_allclose(other.populations, plain.populations, atol=1e-10)
    size = [
        tables.layout(ring, 8, group).size
        for group in (
            np.arange(8)[None],
            _symmetries.group(_requests.checked(ring, "inverted", T)),
        )
    ]
    assert size[1] < 0.16 * size[0]


def test_complex_couplings_with_a_symmetry_agree_with_exact():
    ring = co.couple(co.ring(6, 0.2, dipoles=[1, 1j, 0]), co.Vacuum())
    exact = co.evolve(ring, "inverted", T, method="exact")
    result = co.evolve(ring, "inverted", T, method=co.engines.Blocks(symmetries=[rotation(6)]))
    assert result.diagnostics["symmetries"] >= 6
    np.testing.assert_allclose(result.emission, exact.emission, atol=1e-6)


def test_permutations_that_are_no_symmetries_are_refused():
    def evolve(couplings, state, *symmetries):
        co.evolve(couplings, state, T, method=co.engines.Blocks(symmetries=symmetries))

    with pytest.raises(ValueError, match=r"symmetries\[0\] does not leave the couplings unchanged"):
        evolve(CHAIN, "inverted", rotation(6))
    ring = co.couple(co.ring(6, 0.2), co.Vacuum())
    with pytest.raises(ValueError, match=r"symmetries\[1\] does not leave the state unchanged"):
        evolve(ring, co.states.single(0), range(6), rotation(6))
    with pytest.raises(ValueError, match=r"symmetries\[0\] must be a permutation of 0 … 5"):
        evolve(ring, "inverted", [1, 0])
    with pytest.raises(ValueError, match=r"symmetries\[0\] does not leave the detunings unchanged"):
        evolve(ring.replace(detunings=np.eye(6)[2]), "inverted", rotation(6))


@pytest.mark.parametrize(
    "bad", [[[0, 2]], [[0, 0, 1]], [[0, 1.5]], [[]], [3], "reversal", 3, None, np.array(3)], ids=str
)
def test_symmetries_that_are_no_permutations_are_refused(bad):
    with pytest.raises(ValueError, match="symmetries"):
        co.engines.Blocks(symmetries=bad)


def test_the_engine_is_a_value():
    """Lists and arrays of permutations are stored as tuples of integers."""
    turned = co.engines.Blocks(symmetries=[[1, 2, 0]])
    assert turned == co.engines.Blocks(np.array([[1, 2, 0]]))
    assert hash(turned) == hash(co.engines.Blocks(((1, 2, 0),)))
    assert repr(turned) == "Blocks(symmetries=((1, 2, 0),), precision='auto')"
    assert co.engines.Blocks() == co.engines.Blocks("auto") != co.engines.Blocks([])


def test_a_state_that_breaks_the_reflection_is_not_reflected():
    for state, symmetries in [(co.states.single(0), 1), (co.states.dicke(2), 2)]:
        result = co.evolve(CHAIN, state, T, method="blocks")
        assert result.diagnostics["symmetries"] == symmetries
        ket = co.states.density_matrix(state, CHAIN)
        again = co.evolve(CHAIN, ket, T, method="blocks")
        assert again.diagnostics["symmetries"] == symmetries
        np.testing.assert_allclose(again.emission, result.emission, atol=1e-12)


def test_few_excitations_take_little_memory():
    """Two excitations of twenty emitters need 36,000 numbers instead of 10¹¹."""
    couplings = co.couple(co.chain(20, 0.3), co.Vacuum())
    one = co.evolve(couplings, co.states.single(7), T, method="blocks")
    populations, emission = reference.one_excitation(
        couplings.decay, couplings.shift, 0.0, np.eye(20)[7], T
    )
    np.testing.assert_allclose(one.populations, populations, atol=1e-9)
    np.testing.assert_allclose(one.emission, emission, atol=1e-8)
    two = co.evolve(couplings, co.states.dicke(2), T, method="blocks")
    assert two.diagnostics["bytes_predicted"] < 20e6
    assert two.excitation[0] == pytest.approx(2, abs=1e-12)


def test_empty_blocks_are_dropped_and_late_times_cost_little():
    couplings = co.couple(co.chain(5, 0.3), co.Vacuum())
    times = np.array([0.0, 5, 40, 80])
    late = co.evolve(couplings, "inverted", times, method="blocks")
    exact = co.evolve(couplings, "inverted", times, method="exact", rtol=1e-11, atol=1e-13)
    assert 0 < late.diagnostics["dropped"] < 1e-9
    np.testing.assert_allclose(late.populations, exact.populations, atol=1e-8)


@pytest.mark.parametrize(("chance", "rtol"), [(1e-8, 1e-5), (1e-11, 1e-8), (1e-13, 1e-2)])
@pytest.mark.parametrize("kind", ["mixed", "coherent"])
def test_weakly_excited_emitters_keep_their_digits(kind, chance, rtol):
    """Their populations are those of one excitation, times the chance of it."""
    times = np.array([0.0, 0.5, 4.0, 60.0])
    state = (
        co.states.mixed(chance)
        if kind == "mixed"
        else co.states.coherent(2 * np.arcsin(np.sqrt(chance)))
    )
    chain = co.couple(co.chain(4, 0.2), co.Vacuum())
    found = co.evolve(chain, state, times, method="blocks", rtol=rtol, progress=False)
    energies, modes = np.linalg.eig(chain.effective_hamiltonian())
    start = np.eye(4) if kind == "mixed" else np.ones((4, 1))
    for t, row in zip(times, found.populations, strict=True):
        amplitudes = modes * np.exp(-1j * energies * t) @ np.linalg.solve(modes, start)
        wanted = chance * np.sum(np.abs(amplitudes) ** 2, axis=1)
        np.testing.assert_allclose(row, wanted, rtol=0, atol=rtol * chance)


def test_the_number_of_threads_changes_no_answer(monkeypatch):
    monkeypatch.setattr(base, "threads_available", lambda: 2)
    couplings = co.couple(co.chain(10, 0.2), co.Vacuum())
    one, two = (co.evolve(couplings, "inverted", T[:9], method="blocks", threads=n) for n in (1, 2))
    assert one.diagnostics["threads"] == 1
    assert two.diagnostics["threads"] == 2
    np.testing.assert_array_equal(one.emission, two.emission)


def interrupted_after(monkeypatch, applications, error=KeyboardInterrupt):
    real = steps.PackedDensity.apply

    def apply(self, *arguments):
        if self.applications == applications:
            raise error
        return real(self, *arguments)

    return monkeypatch.setattr(steps.PackedDensity, "apply", apply)


def test_an_interrupted_run_keeps_whole_steps_and_continues(tmp_path, monkeypatch):
    couplings = co.couple(co.chain(4, 0.05), co.Vacuum())
    times, path = np.linspace(0, 4, 81), tmp_path / "run.npz"
    whole = co.evolve(couplings, "inverted", times, method="blocks")
    with monkeypatch.context() as patch:
        interrupted_after(patch, whole.diagnostics["applications"] // 2)
        part = co.evolve(couplings, "inverted", times, method="blocks", checkpoint=path)
    assert not part.complete
    reached = len(part.times)
    assert 1 < reached < len(times)
    assert part.diagnostics["trace_error"] < 1e-8
    np.testing.assert_allclose(part.emission, whole.emission[:reached], atol=1e-9)
    rest = co.evolve(couplings, "inverted", times, method="blocks", checkpoint=path)
    assert rest.complete
    again = whole.diagnostics["applications"] + part.diagnostics["applications"]
    assert rest.diagnostics["applications"] < 0.8 * again  # counted from the beginning
    finished = co.evolve(couplings, "inverted", times, method="blocks", checkpoint=path)
    np.testing.assert_array_equal(finished.emission, rest.emission)
    np.testing.assert_allclose(rest.emission, whole.emission, atol=1e-8)
    np.testing.assert_allclose(rest.populations, whole.populations, atol=1e-8)
    assert not rest.resume


@pytest.mark.parametrize("share", [0.02, 0.35, 0.7])
def test_a_run_interrupted_within_a_step_continues_from_its_start(share, tmp_path, monkeypatch):
    """After any term, the recorded arrays and those kept to continue belong together."""
    monkeypatch.setattr(steps, "_AT_ONCE", 0.0)  # one term at a time
    couplings, times = co.couple(co.chain(3, 0.05), co.Vacuum()), np.linspace(0, 4, 41)
    whole = co.evolve(couplings, "inverted", times, method="blocks")
    advance, path = steps.Expansion.advance, tmp_path / "run.npz"

    def stop(self):
        if self.share > share:
            raise KeyboardInterrupt
        advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(steps.Expansion, "advance", stop)
        part = co.evolve(couplings, "inverted", times, method="blocks", checkpoint=path)
    assert not part.complete
    np.testing.assert_allclose(part.emission, whole.emission[: len(part.times)], atol=1e-9)
    rest = co.evolve(couplings, "inverted", times, method="blocks", checkpoint=path)
    np.testing.assert_allclose(rest.emission, whole.emission, atol=1e-8)
    assert rest.diagnostics["applications"] > part.diagnostics["applications"]


def test_an_interruption_right_after_recording_loses_nothing(tmp_path, monkeypatch):
    couplings, times = co.couple(co.chain(3, 0.05), co.Vacuum()), np.linspace(0, 4, 41)
    whole = co.evolve(couplings, "inverted", times, method="blocks")
    add, path = record.Recorder.add, tmp_path / "run.npz"

    def stop(self, rows, **more):
        add(self, rows, **more)
        if 1 < self.reached < len(times):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(record.Recorder, "add", stop)
        part = co.evolve(couplings, "inverted", times, method="blocks", checkpoint=path)
    assert part.resume["time"] >= part.times[-1]
    rest = co.evolve(couplings, "inverted", times, method="blocks", checkpoint=path)
    np.testing.assert_allclose(rest.emission, whole.emission, atol=1e-8)


def test_a_run_moves_in_small_pieces(monkeypatch):
    """Each call computes one term of the expansion, and the share of the work grows."""
    monkeypatch.setattr(steps, "_AT_ONCE", 0.0)
    run = co.engines.Blocks().start(_requests.checked(CHAIN, "inverted", T), None)
    assert len(run.fields()["emission"]) == 1  # the first output time, before anything is computed
    seen = [run.share]
    while not run.done:
        run.advance()
        seen.append(run.share)
    run.close()
    assert len(seen) >= run.diagnostics()["applications"] > 50
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    assert 0 <= np.diff(seen).min() <= np.diff(seen[:-1]).max() < 0.1


def test_a_step_whose_terms_grow_too_much_is_repeated(monkeypatch):
    monkeypatch.setattr(size, "_DECAY", 0.8)  # an ellipse on which they grow
    usual = co.evolve(CHAIN, "inverted", T, method="blocks")
    monkeypatch.setattr(steps, "LARGEST_GROWTH", 2.0)
    careful = co.evolve(CHAIN, "inverted", T, method="blocks")
    assert careful.diagnostics["applications"] > usual.diagnostics["applications"]
    np.testing.assert_allclose(careful.emission, usual.emission, atol=1e-8)
    monkeypatch.setattr(steps, "LARGEST_GROWTH", 0.5)
    with pytest.raises(co.EvolutionError, match="does not converge") as caught:
        co.evolve(CHAIN, "inverted", T, method="blocks")
    assert len(caught.value.result.times) == 1


def test_a_later_step_whose_terms_grow_too_much_repeats_the_run(monkeypatch):
    """Its start is not kept without a checkpoint, so that the run begins again, more carefully."""
    times = np.linspace(0, 20, 11)
    usual = co.evolve(CHAIN, "inverted", times, method="blocks")
    expand, calls = steps.Expansion._expand, []

    def too_large_once(self, ellipse, h, **options):
        growth = yield from expand(self, ellipse, h, **options)
        calls.append(growth)
        return np.inf if len(calls) == 2 else growth

    monkeypatch.setattr(steps.Expansion, "_expand", too_large_once)
    found = co.evolve(CHAIN, "inverted", times, method="blocks")
    assert len(calls) > 4
    assert found.diagnostics["applications"] > 1.3 * usual.diagnostics["applications"]
    np.testing.assert_allclose(found.populations, usual.populations, atol=1e-8)
    np.testing.assert_allclose(found.emission, usual.emission, atol=1e-8)


def test_a_refusal_names_an_engine_that_can():
    with pytest.raises(ValueError, match=r"there is a drive; use method='(driven|exact)'"):
        co.evolve(CHAIN.replace(drive=1.0), "ground", T, method="blocks")
    with pytest.raises(ValueError, match="there is a pump"):
        co.evolve(CHAIN.replace(pump=1.0), "ground", T, method="blocks")
    with pytest.raises(ValueError, match="keeps no density matrix for states; use method="):
        co.evolve(CHAIN, "ground", T, method="blocks", observe="states")
    many = co.Couplings(np.eye(70), np.zeros((70, 70)))
    with pytest.raises(ValueError, match=r"ends at 62 emitters .*, got 70"):
        co.evolve(many, "inverted", T, method="blocks")
    large = co.Couplings(np.eye(20), np.zeros((20, 20)), detunings=np.arange(20))
    with pytest.raises(MemoryError, match=r"numbers in 21 excitation blocks.* needs .* TiB"):
        co.evolve(large, "inverted", T, method="blocks")
    equation = co.master_equation(co.chain(2, 0.1, frequency=1e3), co.Vacuum(), approximation="rwa")
    with pytest.raises(ValueError, match="method='exact'"):
        co.evolve(equation, "inverted", T, method="blocks")


@pytest.mark.slow
def test_memory_of_a_process_is_predicted():
    code = (
        "def run(n):\n"
        "    chain = co.couple(co.chain(n, 0.3), co.Vacuum())\n"
        "    return co.evolve(chain, 'inverted', [0, 0.05], method='blocks', progress=False)\n"
        "run(3)\n"
        "measured(lambda: run(12))"
    )
    (ratio,) = reference.predicted_over_used(code)
    assert 0.7 < ratio < 1.3


def test_a_vector_is_as_long_as_all_blocks():
    layout = tables.layout(CHAIN, 6, np.arange(6)[None])
    wanted = sum(comb(6, k) * -(-comb(6, k) // 8) * 8 for k in range(7))
    assert layout.size == wanted
    basis = ExcitationBlocks(5, 5)
    assert sorted(np.concatenate([basis.configurations(k) for k in range(6)])) == list(range(32))


def test_a_failure_keeps_what_was_reached(monkeypatch):
    couplings = co.couple(co.chain(4, 0.05), co.Vacuum())
    interrupted_after(monkeypatch, 300, MemoryError("no memory left"))
    with pytest.raises(
        co.EvolutionError, match=r"method 'blocks' failed .* no memory left"
    ) as caught:
        co.evolve(couplings, "inverted", np.linspace(0, 4, 81), method="blocks")
    assert 1 < len(caught.value.result.times) < 81


@pytest.mark.parametrize(
    ("n", "permutations"),
    [
        (7, [rotation(7)]),
        (12, [[1, 0, *range(2, 12)]]),
        (10, [[*range(7, -1, -1), 8, 9], [*range(8), 9, 8]]),
    ],
)
def test_orbits_are_counted_by_burnside(n, permutations):
    couplings = co.Couplings(np.eye(n) + 1, np.ones((n, n)))
    request = _requests.checked(couplings, "inverted", T)
    group = _symmetries.group(request, permutations)
    counted = _symmetries.orbits(n, n, group)
    layout = tables.layout(couplings, n, group)
    columns = [layout.tables.tasks[:, 0].tolist().count(k) for k in range(n + 1)]
    assert columns == [-(-c // 8) for c in counted]


@pytest.mark.parametrize(
    ("n", "permutations", "most"),
    [
        (5, [], 1.0),
        (7, [[*range(1, 7), 0], [*range(6, -1, -1)]], 0.85),
        (8, [[*range(1, 8), 0], [*range(7, -1, -1)]], 0.85),
        (9, [[2, 1, 0, 5, 4, 3, 8, 7, 6], [6, 7, 8, 3, 4, 5, 0, 1, 2]], 1.0),
    ],
)
def test_each_state_is_taken_to_a_stored_column_by_few_permutations(n, permutations, most):
    """A panel is read once for each permutation in `used`, at most `most` of all pairs of these."""
    request = _requests.checked(co.Couplings(np.eye(n) + 1, np.ones((n, n))), "inverted", T)
    group = _symmetries.group(request, permutations)
    t = tables.layout(request.couplings, n, group, 4).tables
    read = 0
    for k in range(n + 1):
        columns = t.columns[t.tasks[:, 0] == k].ravel()
        seen = []
        for g in range(len(group)):
            listed = t.used[k, g, 1 : 1 + t.used[k, g, 0]]
            sources = t.sources[k, g, : len(columns)]
            places = np.flatnonzero(sources != NOBODY)
            np.testing.assert_array_equal(np.unique(places // 4), np.sort(listed))
            states = sources[places].astype(int)
            np.testing.assert_array_equal(t.images[g, t.start[k] + states], columns[places])
            np.testing.assert_array_equal(t.stored[t.start[k] + states, 2], g)
            seen += states.tolist()
            read += len(listed)
        assert sorted(seen) == list(range(t.start[k + 1] - t.start[k]))  # each state once
    assert read <= most * len(group) * len(t.tasks)


def test_too_large_a_group_is_refused():
    couplings = co.Couplings(np.ones((8, 8)), np.zeros((8, 8)))
    every = [rotation(8), [1, 0, *range(2, 8)]]  # generate all 40,320
    with pytest.raises(ValueError, match=r"more than 1,000 permutations.*method='symmetric'"):
        co.evolve(couplings, "inverted", T, method=co.engines.Blocks(symmetries=every))


@pytest.mark.parametrize("case", ["ket", "dephased", "many times", "swap", "ring"])
def test_memory_of_states_times_and_symmetries_is_predicted(case):
    import tracemalloc

    n, times, symmetries, state = 9, T[:3], "auto", "inverted"
    couplings = co.couple(co.chain(n, 0.3), co.Vacuum())
    if case == "ket":
        state = co.states.density_matrix(co.states.dicke(2), CHAIN)
        couplings = CHAIN
    elif case == "dephased":
        couplings, state = co.couple(co.chain(16, 0.3), co.Vacuum()), co.states.single(0)
        couplings = couplings.replace(dephasing=0.1)
    elif case == "many times":
        couplings, times = co.couple(co.chain(4, 0.3), co.Vacuum()), np.linspace(0, 1, 20_001)
    elif case == "ring":
        couplings = co.couple(co.ring(11, 0.3), co.Vacuum())
    else:
        couplings = co.Couplings(np.eye(n) + 1, np.zeros((n, n)))
        symmetries = [[1, 0, *range(2, n)]]
    run = {"method": co.engines.Blocks(symmetries), "progress": False}
    co.evolve(couplings, state, times[:2], **run)
    tables._kept_structure.cache_clear()
    tracemalloc.start()
    result = co.evolve(couplings, state, times, **run)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.5 < peak / result.diagnostics["bytes_predicted"] < 1.3


def test_blocks_of_a_pure_state_may_have_different_phases_under_a_symmetry():
    """The reversal changes the sign of the two-excitation part, but not of its block of ρ."""
    import qutip

    up, down = qutip.basis(2, 0), qutip.basis(2, 1)
    odd = (qutip.tensor(up, down) - qutip.tensor(down, up)).unit()
    state = (qutip.tensor(down, down) + odd).unit()
    pair = co.couple(co.chain(2, 0.2), co.Vacuum())
    result = co.evolve(pair, state, T, method="blocks")
    assert result.diagnostics["symmetries"] == 2
    exact = co.evolve(pair, state, T, method="exact", rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(result.emission, exact.emission, atol=1e-8)
