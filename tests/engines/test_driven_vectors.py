"""Driven emitters that never decay: 2^N amplitudes, against exponentials and QuTiP's sesolve."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
import qutip
import reference
from random_systems import random_matrix, random_state

import collective as co
from collective.engines import base
from collective.engines.driven import hamiltonian, vector_size, vectors
from collective.engines.request import checked
from collective.evolution.evolve import EvolutionError

TIMES = np.linspace(0, 1.5, 7)


def undamped(n, seed, *, real=False, **changes):
    """Random exchange, detunings and drives, and nothing that decays."""
    shift, drive = random_matrix(seed, n, real=real), random_matrix(seed + 1, n, 1)[:, 0]
    detunings = np.random.default_rng(seed).normal(size=n)
    given = {"detunings": detunings, "drive": drive} | changes
    return co.Couplings(np.zeros((n, n)), (shift + shift.conj().T) / 2, **given)


def evolve(couplings, state="ground", times=TIMES, **options):
    return co.evolve(couplings, state, times, method="driven", progress=False, **options)


def gaussian(width, centre):
    return lambda t: np.exp(-(((t - centre) / width) ** 2))


def random_ket(n, seed):
    return reference.as_qobj(random_matrix(seed, 2**n, 1)[:, 0]).unit()


@pytest.mark.parametrize(("n", "real"), [(1, False), (2, True), (3, False), (4, True), (5, False)])
def test_states_and_observables_are_those_of_the_exponential_of_h(n, real):
    couplings, ket = undamped(n, n, real=real), random_ket(n, 3)
    operators = {
        "lower": qutip.tensor(qutip.sigmam(), *[qutip.qeye(2)] * (n - 1)),
        "energy": couplings.hamiltonian(),
        "anything": reference.as_qobj(random_matrix(2, 2**n)),
    }
    found = evolve(couplings, ket, observe=["states", "correlations", operators])
    assert f"{n} emitters, 2^{n} amplitudes of a pure state" in found.reason
    energies, modes = np.linalg.eigh(couplings.hamiltonian().full())
    turned = np.exp(-1j * energies * TIMES[:, None]) * (modes.conj().T @ ket.full()[:, 0])
    for t, psi in enumerate(turned @ modes.T):
        rho = np.outer(psi, psi.conj())
        np.testing.assert_allclose(found.states[t].full(), rho, atol=1e-12)
        pairs = reference.correlations(rho)
        np.testing.assert_allclose(found.correlations[t], pairs, atol=1e-12)
        np.testing.assert_allclose(found.populations[t], np.diagonal(pairs).real, atol=1e-12)
        for name, operator in operators.items():
            expected = psi.conj() @ operator.full() @ psi
            assert found.expect[name][t] == pytest.approx(expected, abs=1e-11)
    assert found.expect["energy"].dtype == float
    assert not found.emission.any()
    np.testing.assert_allclose(found.last_state.full(), rho, atol=1e-12)
    assert found.last_state.dims == [[2] * n, [2] * n]
    assert found.diagnostics["trace_error"] < 1e-12


@pytest.mark.parametrize("n", [2, 5])
def test_ising_terms_count_in_h(n):
    terms = np.random.default_rng(n).normal(size=(n, n)) * 3
    terms = terms + terms.T - 2 * np.diag(np.diagonal(terms))
    couplings, ket = undamped(n, n, ising=terms), random_ket(n, 5)
    found = evolve(couplings, ket, observe="states").states[-1]
    plain = couplings.replace(ising=None).hamiltonian()
    one = [qutip.tensor([qutip.fock_dm(2, 0) if k == m else qutip.qeye(2) for k in range(n)])
           for m in range(n)]  # fmt: skip
    pairs = sum(terms[m, k] * one[m] * one[k] for m in range(n) for k in range(m))
    psi = (-1j * TIMES[-1] * (plain + pairs)).expm() * ket
    np.testing.assert_allclose(found.full(), psi.proj().full(), atol=1e-11)


@pytest.mark.parametrize(
    "pulse",
    [
        lambda t: 1.0,
        lambda t: np.exp(-((t - 0.7) ** 2) / 0.2 + 3j * (t - 0.7) ** 2),
        lambda t: 1.5 if 0.437 < t < 1.111 else 0.0,
    ],
    ids=["constant", "chirped", "switched"],
)
def test_envelopes_agree_with_the_schroedinger_equation(pulse):
    couplings, ket = undamped(3, 7), random_ket(3, 1)
    found = evolve(couplings, ket, envelope=pulse, observe="correlations")
    h = couplings.undriven_hamiltonian()
    up = couplings.drive_operator()
    edges = [0.0, 0.437, 1.111, 1.5]
    for begin, end in pairwise(edges):  # no step of the solver over a kink
        inside = 0.5 * (begin + end)

        def at(t, begin=begin, end=end):
            return pulse(np.clip(t, begin + 1e-9, end - 1e-9))

        whole = qutip.QobjEvo([h, [up, at], [up.dag(), lambda t, at=at: np.conj(at(t))]])
        options = {"rtol": 1e-11, "atol": 1e-13, "nsteps": 10**5, "method": "dop853"}
        times = np.array([begin, inside, end])
        ket = qutip.sesolve(whole, ket, times, options=options).states[-1]
    psi = ket.full()[:, 0]
    np.testing.assert_allclose(found.last_state.full(), np.outer(psi, psi.conj()), atol=3e-8)


def test_detuned_atoms_flop_at_their_own_rates():
    rabi, detuning = np.linspace(1, 3, 7), np.linspace(-2, 2, 7)
    apart = co.Couplings(np.zeros((7, 7)), np.zeros((7, 7)), detunings=detuning, drive=rabi)
    times = np.array([0, 0.3, 20.0])
    rate = np.hypot(rabi, detuning)
    expected = (rabi / rate * np.sin(rate * times[:, None] / 2)) ** 2
    np.testing.assert_allclose(evolve(apart, times=times).populations, expected, atol=1e-11)


@pytest.mark.parametrize("pulse", [None, gaussian(0.5, 0.7)])
def test_vectors_and_the_whole_matrix_agree(pulse, monkeypatch):
    couplings, state = undamped(4, 5), co.states.coherent(1.1, 0.4)
    options = {"envelope": pulse, "observe": "correlations"}
    found = evolve(couplings, state, **options)
    monkeypatch.setattr(vector_size, "applies", lambda request: False)
    whole = evolve(couplings, state, rtol=1e-10, **options)
    assert "4^4 real entries" in whole.reason
    np.testing.assert_allclose(found.correlations, whole.correlations, atol=1e-8)
    np.testing.assert_allclose(found.last_state.full(), whole.last_state.full(), atol=1e-8)


def test_mixtures_of_a_few_states_are_a_few_vectors():
    couplings, some = undamped(5, 2), co.states.mixed([1.0, 0.3, 0.0, 1.0, 0.0])
    found = evolve(couplings, some, observe="correlations")
    assert "2^5 amplitudes of 2 pure states" in found.reason
    exact = co.evolve(couplings, some, TIMES, method="exact", observe="correlations", rtol=1e-11)
    np.testing.assert_allclose(found.correlations, exact.correlations, atol=1e-8)
    for state in (co.states.mixed(0.3), reference.as_qobj(random_state(1, 5))):
        assert "4^5 real entries of ρ" in co.methods(couplings, state, TIMES).costs["driven"].work


def test_a_pure_state_may_be_given_as_a_density_matrix():
    couplings, ket = undamped(3, 4), random_ket(3, 8)
    found, wanted = evolve(couplings, ket.proj()), evolve(couplings, ket)
    assert found.diagnostics["route"] == wanted.diagnostics["route"] == "pure states"
    np.testing.assert_allclose(found.last_state.full(), wanted.last_state.full(), atol=1e-13)


@pytest.mark.parametrize("change", [{"dephasing": 0.1}, {"pump": 0.1}, {"decay": np.eye(3)}])
def test_whatever_makes_states_mixed_takes_the_whole_matrix(change):
    request = checked(undamped(3, 1).replace(**change), "ground", TIMES)
    assert not vector_size.applies(request)
    assert vector_size.applies(checked(undamped(3, 1), "ground", TIMES))


class Interrupted:
    """Ctrl-C comes in the k-th product with H."""

    def __init__(self, monkeypatch, k):
        left, slope = [k], hamiltonian.Hamiltonian.slope

        def counted(self, *arguments, **others):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return slope(self, *arguments, **others)

        monkeypatch.setattr(hamiltonian.Hamiltonian, "slope", counted)


@pytest.mark.parametrize(("pulse", "k"), [(None, 60), (None, 5), (gaussian(0.5, 0.7), 120)])
def test_a_run_continues_after_ctrl_c(tmp_path, monkeypatch, pulse, k):
    monkeypatch.setattr(vectors, "AMPLITUDES_AT_ONCE", 30)  # three output times at once
    couplings = undamped(3, 6)
    number = {"n": qutip.tensor([qutip.num(2)] * 3)}
    options = {"envelope": pulse, "observe": ["states", "correlations", number]}
    times = np.linspace(0, 3, 10)
    whole = evolve(couplings, times=times, **options)
    with monkeypatch.context() as patch:
        Interrupted(patch, k)
        part = evolve(couplings, times=times, checkpoint=tmp_path / "run", **options)
    assert not part.complete
    assert 1 <= len(part.times) < len(times)
    assert set(part.resume) == {"time", "vector"}
    result = evolve(couplings, times=times, checkpoint=tmp_path / "run", **options)
    assert result.complete
    assert len(result.states) == len(times)
    for name in ("correlations", "populations"):
        np.testing.assert_allclose(getattr(result, name), getattr(whole, name), atol=1e-12)
    np.testing.assert_allclose(result.expect["n"], whole.expect["n"], atol=1e-12)
    np.testing.assert_allclose(result.last_state.full(), whole.last_state.full(), atol=1e-12)


def test_a_checkpoint_of_the_whole_matrix_continues(tmp_path, monkeypatch):
    """Earlier versions kept 4^N numbers of every driven problem."""
    from collective.engines.driven.generator import PackedGenerator

    couplings, times, path = undamped(3, 6), np.linspace(0, 30, 31), tmp_path / "run"
    whole, advance, left = evolve(couplings, times=times), PackedGenerator.advance, [250]

    def counted(self, *arguments):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return advance(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(vector_size, "applies", lambda request: False)
        patch.setattr(PackedGenerator, "advance", counted)
        part = evolve(couplings, times=times, checkpoint=path)
    assert 1 < len(part.times) < len(times)
    found = evolve(couplings, times=times, checkpoint=path)
    assert found.complete
    np.testing.assert_allclose(found.populations, whole.populations, atol=1e-7)


@pytest.mark.parametrize("pulse", [None, gaussian(0.5, 0.7)])
def test_threads_change_no_digit(monkeypatch, pulse):
    monkeypatch.setattr(base, "threads_available", lambda: 3)
    monkeypatch.setattr(vector_size, "_SMALL", 0)
    one, three = (evolve(undamped(5, 3), envelope=pulse, threads=threads) for threads in (1, None))
    assert (one.diagnostics["threads"], three.diagnostics["threads"]) == (1, 3)
    np.testing.assert_array_equal(one.populations, three.populations)


def test_a_width_of_h_that_is_too_small_is_noticed(monkeypatch):
    couplings = undamped(4, 5)
    whole = evolve(couplings)
    monkeypatch.setattr(hamiltonian, "_MARGIN", 0.6)
    found = evolve(couplings)
    assert found.diagnostics["applications"] > whole.diagnostics["applications"]
    np.testing.assert_allclose(found.last_state.full(), whole.last_state.full(), atol=1e-11)


def test_a_long_time_keeps_its_digits():
    """Two emitters exchange, and the drive of the third turns it: 3·10⁴ radians."""
    shift = np.zeros((3, 3))
    shift[0, 1] = shift[1, 0] = 1.0
    couplings = co.Couplings(np.zeros((3, 3)), shift, drive=[0, 0, 0.7])
    found = evolve(couplings, co.states.single(0), [0, 1e4])
    expected = [np.cos(1e4) ** 2, np.sin(1e4) ** 2, np.sin(0.35e4) ** 2]
    bound = found.diagnostics["error_bound"]
    assert 1e-13 < bound < 1e-10
    np.testing.assert_allclose(found.populations[1], expected, atol=30 * bound)


@pytest.mark.parametrize("pulsed", [False, True])
@pytest.mark.parametrize(("unit", "start"), [(1e-15, 0.0), (1e12, 0.0), (1.0, 1e4)])
def test_unit_of_time_and_start_change_no_answer(unit, start, pulsed):
    pulse, here = gaussian(0.5, 0.7), undamped(3, 6)
    wanted = evolve(here, envelope=pulse if pulsed else None).populations
    names = ("shift", "detunings", "drive")
    there = here.replace(**{name: unit * getattr(here, name) for name in names})
    later = (lambda t: pulse(t * unit - start)) if pulsed else None
    found = evolve(there, times=(TIMES + start) / unit, envelope=later)
    np.testing.assert_allclose(found.populations, wanted, atol=1e-8 if start else 1e-11)


def test_times_that_take_years_are_refused():
    with pytest.raises(
        ValueError, match=r"method 'driven' would take .* years; give shorter times"
    ):
        evolve(undamped(3, 1), times=[0, 1e17])


def test_an_envelope_that_no_polynomial_fits_ends_with_a_message():
    noise = np.random.default_rng(1)
    with pytest.raises(EvolutionError, match=r"no polynomial fits the envelope .* rtol = 1e-08"):
        evolve(undamped(2, 1), envelope=lambda t: noise.normal())


@pytest.mark.parametrize(
    ("n", "pulse", "observe"), [(12, None, ()), (12, gaussian(0.1, 0.1), ()), (9, None, "states")]
)
def test_memory_is_predicted(n, pulse, observe):
    couplings = co.couple(co.chain(n, 0.2), co.Vacuum()).replace(decay=np.zeros((n, n)), drive=1.0)
    times, options = np.linspace(0, 0.2, 11), {"envelope": pulse, "observe": observe, "threads": 1}
    evolve(undamped(2, 1), times=times, envelope=pulse)  # compile
    tracemalloc.start()
    result = evolve(couplings, times=times, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak == pytest.approx(result.diagnostics["bytes_predicted"], rel=0.3)


@pytest.mark.slow
def test_sixteen_driven_emitters_keep_their_energy_and_come_back():
    n, times = 16, np.linspace(0, 3, 7)
    shift = co.couple(co.chain(n, 0.2), co.Vacuum()).shift
    couplings = co.Couplings(np.zeros((n, n)), shift, drive=1.5)
    found = co.evolve(couplings, "ground", times, observe="correlations", progress=False)
    assert found.method == "driven"
    # the mirror image of a chain is the same chain
    np.testing.assert_allclose(found.populations, found.populations[:, ::-1], atol=1e-11)
    # H → −H undoes it
    ket = co.states.product(np.full(n, 0.4), 0.3)
    there = evolve(couplings, ket, [0, 1.0])
    assert there.diagnostics["trace_error"] < 1e-12
    assert there.excitation[1] != pytest.approx(there.excitation[0], abs=0.1)
