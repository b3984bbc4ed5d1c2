"""The matrix-free engine against dense numpy, closed forms and QuTiP's solver."""

import tracemalloc

import numpy as np
import pytest
import qutip
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from random_systems import random_couplings, random_matrix, random_state

import collective as co
from collective.engines import base, loop
from collective.engines.driven import columns, engine, packed, run, size, steps, symmetry
from collective.engines.driven.columns import columns_of
from collective.engines.driven.generator import PackedGenerator
from collective.engines.numerics import lanes
from collective.engines.numerics.spectrum import Ellipse
from collective.engines.record import smallest_eigenvalue
from collective.engines.request import checked
from collective.evolution.evolve import EvolutionError

TIMES = np.linspace(0, 2, 21)


def random_problem(seed, n, real=False):
    """Couplings with every process, half of them without a pump, and a mixed state."""
    rng = np.random.default_rng(seed)
    couplings = random_couplings(rng, n, real=real, pump=bool(rng.integers(0, 2)))
    return couplings, random_state(rng, n)


def applied(couplings, rho, threads=1, pool=None):
    """Lρ by the kernels."""
    here = packed.pack(reference.as_qobj(rho), len(couplings), None)
    found = np.full_like(here, np.nan)
    generator = PackedGenerator(couplings, threads, pool)
    norm = generator.advance(here, found, found, (1.0, 0.0, 0.0), 0.0)
    result = packed.unpack(found, len(couplings)).full()
    assert norm == pytest.approx(np.linalg.norm(result), rel=1e-12)
    return result


@given(st.integers(1, 3), st.integers(0, 10**6), st.booleans())
def test_kernels_apply_the_master_equation(n, seed, real):
    couplings, rho = random_problem(seed, n, real)
    expected = reference.slope_of(couplings, rho)
    assert np.abs(applied(couplings, rho) - expected).max() < 1e-13 * np.abs(expected).max()


@pytest.mark.parametrize("n", [4, 5, 6])  # two passes over lowered columns
@pytest.mark.parametrize("real", [False, True])
def test_kernels_apply_the_master_equation_over_many_panels(n, real):
    couplings, rho = random_problem(n, n, real)
    expected = reference.slope_of(couplings, rho)
    assert np.abs(applied(couplings, rho) - expected).max() < 1e-13 * np.abs(expected).max()


GROUPS = {
    "reversal": ([4, 3, 2, 1, 0],),
    "rotation": ([1, 2, 3, 4, 0],),
    "ring": ([1, 2, 3, 4, 0], [0, 4, 3, 2, 1]),
    "two swaps": ([1, 0, 2, 3, 4], [0, 1, 3, 2, 4]),
    "any order of three": ([1, 2, 0, 3, 4], [1, 0, 2, 3, 4]),
}


def planted(seed, generators, real=False):
    """Couplings of every process and a state, both averaged over the group; and the group."""
    couplings, rho = random_problem(seed, 5, real)
    group = {tuple(range(5))}
    while True:
        larger = group | {tuple(np.array(g)[list(h)].tolist()) for g in generators for h in group}
        if larger == group:
            break
        group = larger
    group = [np.array(p) for p in sorted(group)]
    mean = {
        name: np.mean([getattr(couplings, name)[np.ix_(p, p)] for p in group], axis=0)
        for name in ("decay", "shift")
    } | {
        name: np.mean([getattr(couplings, name)[p] for p in group], axis=0)
        for name in ("detunings", "dephasing", "pump", "drive")
    }
    moved = [
        reference.as_qobj(rho).permute(p.tolist()).full()  # the tensor factors in another order
        for p in group
    ]
    return co.Couplings(**mean), np.mean(moved, axis=0), group


@pytest.mark.parametrize("generators", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("real", [False, True])
def test_kernels_apply_the_master_equation_to_one_column_of_each_orbit(generators, real):
    couplings, rho, group = planted(3, generators, real)
    columns = columns_of(5, [p.tolist() for p in group])
    assert columns.stored.size < 32
    assert columns.weights.sum() == 32
    here = packed.pack(reference.as_qobj(rho), 5, None, columns)
    found = np.full_like(here, np.nan)
    generator = PackedGenerator(couplings, 1, None, columns)
    norm = generator.advance(here, found, found, (1.0, 0.0, 0.0), 0.0)
    expected = reference.slope_of(couplings, rho)
    result = packed.unpack(found, 5, columns).full()
    assert np.abs(result - expected).max() < 1e-13 * np.abs(expected).max()
    assert norm == pytest.approx(np.linalg.norm(expected), rel=1e-12)
    assert generator.norm(here) == pytest.approx(np.linalg.norm(rho), rel=1e-12)


@settings(max_examples=4)
@given(st.sampled_from(list(GROUPS)), st.integers(0, 10**6))
def test_symmetries_change_the_size_but_no_answer(name, seed):
    """Observables that break the symmetry are right, too."""
    couplings, rho, group = planted(seed, GROUPS[name])
    operator = {"one": qutip.tensor([qutip.sigmam(), *[qutip.qeye(2)] * 4])}
    reduced, full = (
        co.evolve(
            couplings,
            reference.as_qobj(rho),
            [0, 0.3, 0.5],
            method=co.engines.Driven(symmetries=symmetries),
            observe=["correlations", "states", operator],
        )
        for symmetries in (GROUPS[name], [])
    )
    assert reduced.diagnostics["symmetries"] == len(group)
    assert full.diagnostics["symmetries"] == 1
    np.testing.assert_allclose(reduced.correlations, full.correlations, atol=1e-10)
    np.testing.assert_allclose(reduced.expect["one"], full.expect["one"], atol=1e-10)
    for mine, theirs in zip(reduced.states, full.states, strict=True):
        np.testing.assert_allclose(mine.full(), theirs.full(), atol=1e-10)
    smallest = (run.diagnostics["smallest_eigenvalues"] for run in (reduced, full))
    np.testing.assert_allclose(*smallest, atol=1e-10)


def chain_of_five(**changes):
    return co.couple(co.chain(5, 0.2), co.Vacuum()).replace(**{"drive": 1.0} | changes)


BROKEN = {
    "one detuning": ({"detunings": [0, 0, 0, 0, 1e-6]}, "ground"),
    "one pump": ({"pump": [1e-6, 0, 0, 0, 0]}, "ground"),
    "one dephasing": ({"dephasing": [0.2, 0, 0, 0, 0]}, "ground"),
    "phases of a tilted plane wave": ({"drive": np.exp(0.3j * np.arange(5))}, "ground"),
    "one phase of the drive": ({"drive": [1, 1, 1, 1, 1j]}, "ground"),
    "one excited emitter": ({}, co.states.single(1)),
    "phases of the state": ({}, co.states.timed_dicke((0, 0, 1.0))),
    "another spinor": ({}, co.states.product([0.3, 0.3, 0.3, 0.3, 0.4], 0.0)),
    "a mixture": ({}, co.states.mixed([0.3, 0.1, 0.3, 0.3, 0.3])),
    "coherences between excitation numbers": (
        {},
        (qutip.basis([2] * 5, [1] * 5) + qutip.basis([2] * 5, [0, 1, 1, 1, 1])).unit(),
    ),
}


@pytest.mark.parametrize(("changes", "state"), BROKEN.values(), ids=BROKEN)
def test_broken_symmetries_are_noticed(changes, state):
    request = checked(chain_of_five(), "ground", TIMES)
    assert len(symmetry.reduced(request, None)) == 2
    request = checked(chain_of_five(**changes), state, TIMES)
    assert len(symmetry.reduced(request, None)) == 1


def test_a_coherence_that_only_its_phase_breaks_is_noticed():
    """Each excitation block of this state is symmetric, but their relative phase is not."""
    zero, one = (
        qutip.basis([2] * 5, [1] * 5),
        [qutip.basis([2] * 5, [int(m != k) for m in range(5)]) for k in range(5)],
    )
    odd = (one[0] - one[4]).unit()
    state = (zero + odd).unit()
    for each, kept in ((odd, 2), (state, 1)):
        request = checked(chain_of_five(), each, TIMES)
        assert len(symmetry.reduced(request, None)) == kept


def test_chiral_couplings_have_no_reflection():
    wire = co.Waveguide(1.0, 1.3, chirality=0.6)
    couplings = co.couple(co.chain(5, 0.2), wire).replace(drive=1.0)
    result = co.evolve(couplings, "ground", [0, 0.5], method="driven")
    assert result.diagnostics["symmetries"] == 1
    other = co.couple(co.chain(5, 0.2), co.Waveguide(1.0, 1.3)).replace(drive=1.0)
    result = co.evolve(other, "ground", [0, 0.5], method="driven")
    assert result.diagnostics["symmetries"] == 2
    assert "one column of 2 by symmetry" in result.reason


def test_a_pulse_keeps_the_symmetry():
    couplings = chain_of_five(dephasing=0.2)
    runs = [
        co.evolve(
            couplings,
            "inverted",
            TIMES,
            method=co.engines.Driven(symmetries),
            envelope=gaussian(2.0, 0.5, 1.0),
        )
        for symmetries in ("auto", [])
    ]
    assert [run.diagnostics["symmetries"] for run in runs] == [2, 1]
    np.testing.assert_allclose(runs[0].emission, runs[1].emission, atol=1e-10)
    np.testing.assert_allclose(*(run.last_state.full() for run in runs), atol=1e-10)


def test_few_emitters_are_not_reduced():
    """One panel of eight columns is the least that is computed."""
    pair = co.couple(co.chain(2, 0.2), co.Vacuum()).replace(drive=1.0)
    result = co.evolve(pair, "ground", TIMES, method=co.engines.Driven([[1, 0]]))
    assert result.diagnostics["symmetries"] == 1


def test_permutations_that_are_no_symmetries_are_refused():
    def evolve(couplings, symmetries):
        co.evolve(couplings, "ground", TIMES, method=co.engines.Driven(symmetries))

    swap, turned = [1, 0, 2, 3, 4], [4, 3, 2, 1, 0]
    with pytest.raises(ValueError, match=r"symmetries\[0\] does not leave the couplings unchanged"):
        evolve(chain_of_five(), [swap])
    with pytest.raises(
        ValueError, match=r"symmetries\[0\] does not leave the drive unchanged: \(4,"
    ):
        evolve(chain_of_five(drive=[1, 0, 0, 0, 0]), [turned])
    with pytest.raises(ValueError, match=r"symmetries\[0\] does not leave the pump unchanged"):
        evolve(chain_of_five(pump=[1, 0, 0, 0, 0]), [turned])
    with pytest.raises(ValueError, match=r"symmetries\[0\] must be a permutation of 0 … 4"):
        evolve(chain_of_five(), [[1, 0]])
    with pytest.raises(ValueError, match="symmetries must be 'auto' or a list of permutations"):
        co.engines.Driven("all")


@pytest.mark.parametrize("first", ["auto", []])
def test_a_checkpoint_continues_with_other_symmetries(tmp_path, monkeypatch, first):
    """Without symmetries it holds what all checkpoints held before there were any."""
    couplings, times = chain_of_five(), np.linspace(0, 30, 31)
    options = {"observe": "correlations", "checkpoint": tmp_path / "run"}
    last = [] if first == "auto" else "auto"
    whole = co.evolve(couplings, "inverted", times, method="driven", observe="correlations")
    with monkeypatch.context() as patch:
        Interrupted(patch, 200)
        part = co.evolve(couplings, "inverted", times, method=co.engines.Driven(first), **options)
    assert 1 < len(part.times) < len(times)
    assert set(part.resume) == {"time", "state"} | ({"symmetries"} if first == "auto" else set())
    assert part.resume["state"].shape == (3 if first == "auto" else 4, 32, 8)
    result = co.evolve(couplings, "inverted", times, method=co.engines.Driven(last), **options)
    assert result.complete
    np.testing.assert_allclose(result.correlations, whole.correlations, atol=1e-8)
    np.testing.assert_allclose(result.last_state.full(), whole.last_state.full(), atol=1e-8)


def test_one_application_adds_one_term_of_the_recurrence():
    """before ← αL·here + β·here + γ·before, sums += w·before, with a stronger drive elsewhere."""
    couplings, rho = random_problem(5, 3)
    other, third = random_problem(6, 3)[1], random_problem(7, 3)[1]
    here, before, past = (packed.pack(reference.as_qobj(x), 3, None) for x in (rho, other, third))
    sums = before.copy()
    g = 0.3 - 0.8j
    generator = PackedGenerator(couplings, 1, None)
    vectors = generator.half(couplings.drive[None])
    generator.advance(
        here, before, sums, (0.7, -0.2, 1.3), 0.5, 0.4j * vectors[0], vectors,
        [(np.array([g]), past)],
    )  # fmt: skip
    pulsed = couplings.replace(drive=0.4j * couplings.drive)
    nothing = co.Couplings(np.zeros((3, 3)), np.zeros((3, 3)), drive=g * couplings.drive)
    expected = (
        0.7 * (reference.slope_of(pulsed, rho) + reference.slope_of(nothing, third))
        - 0.2 * rho
        + 1.3 * other
    )
    np.testing.assert_allclose(packed.unpack(before, 3).full(), expected, atol=1e-14)
    np.testing.assert_allclose(packed.unpack(sums, 3).full(), other + 0.5 * expected, atol=1e-14)


@settings(max_examples=15)
@given(st.integers(1, 3), st.integers(0, 10**6))
def test_evolution_is_the_matrix_exponential(n, seed):
    couplings, rho = random_problem(seed, n)
    result = co.evolve(
        couplings,
        reference.as_qobj(rho),
        TIMES,
        method="driven",
        observe=["correlations", "states"],
    )
    exact = reference.evolve(reference.generator_of(couplings), rho, TIMES)
    for i, expected in enumerate(exact):
        np.testing.assert_allclose(result.states[i].full(), expected, atol=1e-8)
        pairs = reference.correlations(expected)
        np.testing.assert_allclose(result.correlations[i], pairs, atol=1e-8)
    np.testing.assert_allclose(result.last_state.full(), exact[-1], atol=1e-8)
    assert result.diagnostics["trace_error"] < 1e-8


@pytest.mark.slow
def test_default_tolerances_hold_where_the_generator_is_far_from_normal():
    """Close emitters, a strong drive and uneven output times, against QuTiP at tight tolerance."""
    couplings = co.couple(co.chain(5, 0.07), co.Vacuum()).replace(drive=[2, 2j, -1, 0, 1])
    times = np.array([0, 0.01, 0.5, 0.51, 3.0])
    state = co.states.coherent(1.2, 0.3)
    tight = co.evolve(couplings, state, times, method="exact", rtol=1e-11, atol=1e-13)
    result = co.evolve(couplings, state, times, method="driven")
    np.testing.assert_allclose(result.emission, tight.emission, atol=1e-8)
    np.testing.assert_allclose(result.populations, tight.populations, atol=1e-8)


@pytest.mark.parametrize("n", [2, 6])  # by all eigenvalues, and by the tridiagonal form
def test_the_smallest_eigenvalue_of_a_matrix_of_any_size(n):
    size = 1 << n
    matrix = random_state(3, n) - 0.01 * np.eye(size)
    every = np.linalg.eigvalsh(matrix)
    assert smallest_eigenvalue(matrix) == pytest.approx(every[0], abs=1e-14)
    apart = np.zeros((size + 1, size + 1), complex)  # in two blocks
    apart[1:, 1:], apart[0, 0] = matrix, 2 * every[0]
    assert smallest_eigenvalue(apart) == pytest.approx(2 * every[0], abs=1e-14)
    apart[0, 0] = 1
    assert smallest_eigenvalue(apart) == pytest.approx(every[0], abs=1e-14)


@pytest.mark.parametrize("pulse", [None, lambda t: 1.0])
def test_populations_of_mixtures_of_many_states_hold_their_tolerance(pulse):
    """The norm of such a ρ is small, so that a small error by its norm may be a large trace."""
    couplings = co.couple(co.chain(6, 0.2), co.Vacuum())
    couplings = couplings.replace(drive=0.5, pump=1.0, dephasing=0.5)
    times = np.linspace(0, 5, 11)
    options = {"method": "driven", "progress": False}
    rough = co.evolve(couplings, "ground", times, rtol=1e-6, envelope=pulse, **options)
    assert rough.diagnostics["trace_error"] < 1e-6
    tight = co.evolve(couplings, "ground", times, rtol=1e-12, atol=1e-13, **options)
    np.testing.assert_allclose(rough.populations, tight.populations, atol=1e-6)


def test_steady_state_of_a_driven_atom():
    rabi, decay = 1.7, 0.6
    atom = co.Couplings([[decay]], [[0.0]], drive=rabi)
    result = co.evolve(atom, "inverted", [0, 30, 60], method="driven")
    assert result.excitation[2] == pytest.approx(rabi**2 / (decay**2 + 2 * rabi**2), abs=1e-8)
    steady = co.steady_state(atom)
    np.testing.assert_allclose(result.last_state.full(), steady.full(), atol=1e-8)


def test_without_couplings_a_state_stays_the_same():
    quiet = co.Couplings(np.zeros((2, 2)), np.zeros((2, 2)))
    state = co.states.coherent(0.4, 1.0)
    result = co.evolve(quiet, state, [0, 5.0, 1e6], method="driven")
    np.testing.assert_allclose(result.excitation, 2 * np.sin(0.2) ** 2, rtol=1e-12)
    once = co.evolve(quiet, "inverted", [3.0], method="driven")
    assert once.complete
    assert once.excitation == [2.0]


def gaussian(area, width, centre):
    return lambda t: area / (width * np.sqrt(np.pi)) * np.exp(-(((t - centre) / width) ** 2))


def test_a_pi_pulse_inverts():
    atoms = co.Couplings(np.zeros((2, 2)), np.zeros((2, 2)), drive=1.0)
    pulse = gaussian(np.pi, 0.3, 2.0)
    result = co.evolve(atoms, "ground", np.linspace(0, 4, 41), method="driven", envelope=pulse)
    np.testing.assert_allclose(result.populations[-1], 1.0, atol=1e-8)
    half = result.populations[20]  # an area of π/2 by the centre
    np.testing.assert_allclose(half, 0.5, atol=1e-8)


def test_a_chirped_pulse_agrees_with_the_solver():
    couplings = co.couple(co.chain(4, 0.2), co.Vacuum()).replace(
        drive=[3, 3j, 2, -1], dephasing=0.1, pump=[0, 0.2, 0, 0]
    )

    def pulse(t):
        return np.exp(-((t - 1) ** 2) / 0.2 + 2j * (t - 1) ** 2)

    times = np.linspace(0, 3, 31)
    tight = co.evolve(
        couplings, "ground", times, method="exact", envelope=pulse, rtol=1e-11, atol=1e-13
    )
    result = co.evolve(couplings, "ground", times, method="driven", envelope=pulse)
    np.testing.assert_allclose(result.emission, tight.emission, atol=1e-8)
    np.testing.assert_allclose(result.last_state.full(), tight.last_state.full(), atol=1e-8)


def test_a_switch_is_found_between_output_times():
    """The drive is on from t = 0.437 to 1.111; a matrix exponential gives each piece."""
    couplings = co.couple(co.chain(2, 0.15), co.Vacuum()).replace(drive=4.0)
    times = np.linspace(0, 2, 11)
    result = co.evolve(
        couplings,
        "ground",
        times,
        method="driven",
        envelope=lambda t: 1.0 if 0.437 < t < 1.111 else 0.0,
    )
    on = reference.generator_of(couplings)
    off = reference.generator_of(couplings.replace(drive=0))
    rho = reference.projector(reference.ket(2))
    rho = reference.evolve(on, rho, np.array([0.437, 1.111]))[-1]
    rho = reference.evolve(off, rho, np.array([1.111, 2.0]))[-1]
    np.testing.assert_allclose(result.last_state.full(), rho, atol=2e-8)


def test_a_short_pulse_is_not_missed():
    """Nothing else happens for a long time, so that only the output times limit the steps."""
    atom = co.Couplings([[1e-3]], [[0.0]], drive=1.0)
    pulse = gaussian(np.pi, 0.05, 31.4)
    result = co.evolve(atom, "ground", np.linspace(0, 50, 501), method="driven", envelope=pulse)
    tight = co.evolve(
        atom, "ground", np.linspace(0, 50, 501), method="exact", envelope=pulse, rtol=1e-10
    )
    np.testing.assert_allclose(result.excitation, tight.excitation, atol=1e-7)
    assert result.excitation.max() > 0.99


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_envelope_that_is_not_finite_raises_with_the_time(bad):
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    times = np.linspace(0, 4, 5)
    with pytest.raises(EvolutionError, match=r"envelope must be finite: at t = 2\.3") as error:
        co.evolve(
            atom,
            "ground",
            times,
            method="driven",
            envelope=lambda t: bad if 2.3 < t < 2.4 else 1.0,
        )
    reached = error.value.result
    assert 1 <= len(reached.times) < 4
    assert not reached.complete
    np.testing.assert_allclose(
        reached.excitation, reference.driven_atom(1.0, reached.times), atol=1e-8
    )


def test_an_ellipse_that_is_too_small_makes_steps_shorter(monkeypatch):
    """The series converges only over shorter steps; if it never does, an error says so."""
    monkeypatch.setattr(PackedGenerator, "ellipse", lambda self: Ellipse(0.1, 0.1))
    atom = co.Couplings([[1.0]], [[0.0]], drive=30.0)
    result = co.evolve(atom, "ground", TIMES, method="driven")
    np.testing.assert_allclose(result.excitation, reference.driven_atom(30.0, TIMES), atol=1e-8)
    monkeypatch.setattr(steps, "_SHORTEST", 0.9)
    with pytest.raises(EvolutionError, match=r"not converge at t = 0 .*; method='exact' can"):
        co.evolve(atom, "ground", TIMES, method="driven")


class Interrupted:
    """Ctrl-C comes in the k-th application of the generator."""

    def __init__(self, monkeypatch, k):
        self._left, self._advance = k, PackedGenerator.advance
        interrupted = self

        def advance(self, *arguments):
            interrupted._left -= 1
            if interrupted._left == 0:
                raise KeyboardInterrupt
            return interrupted._advance(self, *arguments)

        monkeypatch.setattr(PackedGenerator, "advance", advance)


@pytest.mark.parametrize("pulse", [None, gaussian(2.0, 0.5, 1.0)])
@pytest.mark.parametrize("k", [3, 60, 100])
def test_a_run_continues_after_ctrl_c(tmp_path, monkeypatch, pulse, k):
    couplings = co.couple(co.chain(3, 0.1), co.Vacuum()).replace(drive=3.0, pump=0.2)
    number = {"n": qutip.tensor([qutip.num(2)] * 3)}
    options = {
        "method": "driven",
        "envelope": pulse,
        "observe": ["states", "correlations", number],
    }
    times = np.linspace(0, 6, 31)
    whole = co.evolve(couplings, "ground", times, **options)
    assert whole.diagnostics["applications"] > 100
    with monkeypatch.context() as patch:
        Interrupted(patch, k + 1)  # the first compiles
        part = co.evolve(couplings, "ground", times, checkpoint=tmp_path / "run", **options)
    assert not part.complete
    assert len(part.times) < len(times)
    assert set(part.resume) == {"time", "state"}
    np.testing.assert_allclose(part.emission, whole.emission[: len(part.times)], atol=1e-8)
    result = co.evolve(couplings, "ground", times, checkpoint=tmp_path / "run", **options)
    assert result.complete
    assert not result.resume
    np.testing.assert_allclose(result.correlations, whole.correlations, atol=1e-8)
    np.testing.assert_allclose(result.expect["n"], whole.expect["n"], atol=1e-8)
    np.testing.assert_allclose(result.last_state.full(), whole.last_state.full(), atol=1e-8)
    assert len(result.states) == len(times)
    assert len(result.diagnostics["smallest_eigenvalues"]) == 5
    again = co.evolve(couplings, "ground", times, checkpoint=tmp_path / "run", **options)
    np.testing.assert_array_equal(again.emission, result.emission)


@pytest.mark.parametrize("pulse", [None, gaussian(2.0, 0.5, 1.0)])
def test_a_step_pauses_between_its_terms(monkeypatch, pulse):
    """The answers of a run are right at every pause, and it can be continued from there."""
    couplings = co.couple(co.chain(3, 0.1), co.Vacuum()).replace(drive=3.0)
    number = {"n": qutip.tensor([qutip.num(2)] * 3)}
    observe = ["correlations", number]
    request = checked(couplings, "ground", np.linspace(0, 6, 31), observe=observe, envelope=pulse)
    driven = co.engines.Driven()
    driven.prepare(request)
    whole = loop.run(driven, request)
    monkeypatch.setattr(steps, "_PAUSE", 0)  # after every term
    run, pauses, shares, reached = driven.start(request, None), 0, [0.0], [1]
    while not run.done:
        run.advance()
        fields = run.fields()
        reached.append(len(fields["populations"]))
        shares.append(run.share)
        pauses += reached[-1] == reached[-2]
        for name in ("emission", "populations", "correlations"):
            np.testing.assert_array_equal(fields[name], whole.fields[name][: reached[-1]])
        np.testing.assert_array_equal(
            fields["expect"]["n"], whole.fields["expect"]["n"][: reached[-1]]
        )
        assert fields["last_state"] is None
        assert set(run.resume()) == {"time", "state"}
    run.close()
    assert pauses > 100
    assert pauses < run.diagnostics()["applications"] == whole.diagnostics["applications"]
    assert np.all(np.diff(shares) >= 0)
    assert shares[-1] == 1
    assert len(np.unique(shares)) > 50
    assert run.fields()["last_state"] == whole.fields["last_state"]


def test_checkpoints_are_written_between_the_terms_of_a_step(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "_PAUSE", 0)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", np.inf)
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    save, kept = co.Result.save, []

    def noted(self, path):
        kept.append(len(self.times))
        return save(self, path)

    monkeypatch.setattr(co.Result, "save", noted)
    co.evolve(atom, "ground", TIMES, method="driven", checkpoint=tmp_path / "run")
    assert kept.count(1) > 10  # the first step reaches all output times
    assert kept[-1] == len(TIMES)


def test_states_and_operators_are_those_of_the_solver():
    couplings = co.couple(co.chain(3, 0.2), co.Vacuum()).replace(
        drive=[1, 2j, 0.3], detunings=[0, 1, -1]
    )
    operators = {
        "dipole": qutip.tensor(qutip.sigmam(), qutip.qeye(2), qutip.qeye(2)),
        "energy": couplings.hamiltonian(),
        "anything": reference.as_qobj(random_matrix(2, 8)),
    }
    state = qutip.tensor(*[qutip.rand_ket(2, seed=seed) for seed in range(3)])
    found, solved = (
        co.evolve(
            couplings,
            state,
            TIMES,
            method=method,
            observe=["states", operators],
            rtol=1e-10,
            atol=1e-12,
        )
        for method in ("driven", "exact")
    )
    for name in operators:
        np.testing.assert_allclose(found.expect[name], solved.expect[name], atol=1e-8)
        assert found.expect[name].dtype == solved.expect[name].dtype
    for mine, theirs in zip(found.states, solved.states, strict=True):
        assert mine.dims == theirs.dims
        np.testing.assert_allclose(mine.full(), theirs.full(), atol=1e-8)
    np.testing.assert_allclose(
        found.diagnostics["smallest_eigenvalues"],
        solved.diagnostics["smallest_eigenvalues"],
        atol=1e-9,
    )


@pytest.mark.parametrize("pulse", [None, gaussian(2.0, 0.2, 0.3)])
def test_threads_do_not_change_the_result(monkeypatch, pulse):
    monkeypatch.setattr(base, "threads_available", lambda: 3)
    monkeypatch.setattr(size, "_SMALL", 0)
    couplings = co.couple(co.chain(5, 0.2), co.Vacuum()).replace(drive=1.0, dephasing=0.1)
    one, three = (
        co.evolve(
            couplings,
            "inverted",
            np.linspace(0, 1, 11),
            method="driven",
            threads=threads,
            envelope=pulse,
        )
        for threads in (1, None)
    )
    assert (one.diagnostics["threads"], three.diagnostics["threads"]) == (1, 3)
    np.testing.assert_allclose(one.emission, three.emission, rtol=1e-13)


@pytest.mark.parametrize(
    ("n", "pulse", "observe"),
    [
        (8, None, ()),
        (9, None, ()),
        (10, None, ()),
        (8, gaussian(1.0, 0.1, 0.05), ()),
        (8, None, "states"),
    ],
)
def test_memory_is_predicted(n, pulse, observe):
    """The prediction is compared with the peak of what numpy allocates."""
    couplings = co.couple(co.chain(n, 0.2), co.Vacuum()).replace(drive=1.0)
    times = np.linspace(0, 0.1, 21)
    options = {"method": "driven", "envelope": pulse, "threads": 1, "observe": observe}
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    co.evolve(atom, "ground", times, method="driven", envelope=pulse)  # compile
    tracemalloc.start()
    result = co.evolve(couplings, "ground", times, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak == pytest.approx(result.diagnostics["bytes_predicted"], rel=0.3)
    assert ("smallest_eigenvalues" in result.diagnostics) == (n <= 8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "until", "steps", "observe", "pulse"),
    [
        (2, 4.0, 20_000, (), None),
        (2, 100.0, 20_000, (), None),
        (2, 4.0, 4_000, (), lambda t: 1.0),
        pytest.param(2, 4.0, 5_000, "states", None, marks=pytest.mark.slow),
        (4, 4.0, 101, (), None),
        (6, 0.1, 21, "operators", None),
    ],
)
def test_memory_of_few_emitters_is_predicted(n, until, steps, observe, pulse):
    """Many output times, or many operators, take more memory than ρ."""
    couplings = co.couple(co.chain(n, 0.2), co.Vacuum()).replace(drive=1.0)
    if observe == "operators":
        observe = {str(i): qutip.rand_herm([2] * n, density=1, seed=i) for i in range(10)}
    options = {"method": "driven", "observe": observe, "envelope": pulse}
    co.evolve(couplings, "ground", [0, 0.1], **options)  # compile
    tracemalloc.start()
    result = co.evolve(couplings, "ground", np.linspace(0, until, steps), **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.diagnostics["bytes_predicted"] == pytest.approx(peak, rel=0.3)


def test_an_envelope_that_jumps_all_the_time_raises():
    rng = np.random.default_rng(1)
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    with pytest.raises(EvolutionError, match=r"no polynomial fits .*rtol = 1e-08; .*'exact' can"):
        co.evolve(atom, "ground", [0, 1.0, 2.0], method="driven", envelope=lambda t: rng.uniform())


@pytest.mark.parametrize("method", ["driven", "exact"])
def test_an_envelope_that_raises_is_reported_with_the_time(method):
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)

    def broken(t):
        if 1.3 < t < 1.4:
            raise ZeroDivisionError("no light")
        return 1.0

    with pytest.raises(EvolutionError, match=r"envelope failed at t = 1\.3.*no light"):
        co.evolve(atom, "ground", [0, 1.0, 2.0, 3.0], method=method, envelope=broken)


def interrupted(*arguments):
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", ["prepare", "start"])
def test_ctrl_c_before_the_run_has_started_is_raised(tmp_path, monkeypatch, step):
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    monkeypatch.setattr(engine.Driven, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        co.evolve(atom, "inverted", TIMES, method="driven", checkpoint=tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ["ellipse", "advance"])
def test_ctrl_c_in_the_first_step_leaves_the_first_output_time(tmp_path, monkeypatch, step):
    options = {"method": "driven", "checkpoint": tmp_path / "run"}
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    co.evolve(atom, "inverted", TIMES, method="driven")  # compile
    with monkeypatch.context() as patch:
        patch.setattr(PackedGenerator, step, interrupted)
        patch.setattr(engine.Driven, "prepare", lambda self, request: None)
        part = co.evolve(atom, "inverted", TIMES, **options)
    assert not part.complete
    np.testing.assert_array_equal(part.times, TIMES[:1])
    np.testing.assert_allclose(part.excitation, [1.0])
    assert part.last_state is not None
    result = co.evolve(atom, "inverted", TIMES, **options)
    assert result.complete
    assert result.last_state is not None


def test_a_complete_checkpoint_needs_no_last_state(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "STATE_EMITTERS", 0)
    options = {"method": "driven", "checkpoint": tmp_path / "run", "observe": "states"}
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    first = co.evolve(atom, "inverted", TIMES, **options)
    assert first.complete
    assert first.last_state is None
    again = co.evolve(atom, "inverted", TIMES, **options)
    assert again.complete
    np.testing.assert_array_equal(again.emission, first.emission)
    assert len(again.states) == len(TIMES)


def test_a_run_is_not_complete_before_its_last_state(tmp_path, monkeypatch):
    """Ctrl-C while the last state is unpacked: the next call unpacks it."""
    options = {"method": "driven", "checkpoint": tmp_path / "run"}
    atom = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    with monkeypatch.context() as patch:
        patch.setattr(packed, "unpack", interrupted)
        part = co.evolve(atom, "inverted", TIMES, **options)
    assert len(part.times) == len(TIMES)
    assert not part.complete
    result = co.evolve(atom, "inverted", TIMES, **options)
    assert result.complete
    assert result.last_state is not None


@pytest.mark.slow
def test_costs_of_any_number_of_emitters_are_predicted():
    n = 2000
    couplings = co.Couplings(np.eye(n), np.zeros((n, n)), drive=1.0)
    request = checked(couplings, "ground", TIMES)
    assert co.engines.Driven().cost(request).bytes > 4**n
    with pytest.raises(co.ProblemTooLargeError, match="more than 1 EiB"):
        co.evolve(couplings, "ground", TIMES, method="driven")


def test_a_master_equation_is_refused():
    equation = co.MasterEquation(qutip.sigmax())
    with pytest.raises(ValueError, match="method='exact'"):
        co.evolve(equation, qutip.basis(2, 0), TIMES, method="driven")


def test_a_panel_has_as_many_columns_as_there_are_lanes():
    assert columns.LANES == lanes.LANES
