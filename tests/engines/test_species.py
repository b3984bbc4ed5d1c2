"""Emitters of a few species on the Dicke states of each, against other engines and QuTiP."""

import numpy as np
import pytest
import qutip
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from qutip.piqs import piqs
from systems import identical

import collective as co
from collective.engines.basis.species import Species, species, split
from collective.engines.basis.species_space import SpeciesSpace, entries, one_apart
from collective.engines.symmetric import species as runs

TIMES = np.array([0, 0.3, 2.0])
EXACT = {"observe": "correlations", "rtol": 1e-10, "atol": 1e-12, "progress": False}
SHARED = np.array([[0.7, 0.5 + 0.2j], [0.5 - 0.2j, 0.9]])
SHIFTED = np.array([[0.4, 0.3 - 0.4j], [0.3 + 0.4j, -0.2]])


def ensembles(counts, *, decay=SHARED, shift=SHIFTED, alone=(0, 0), order=None, **others):
    """Two species: Γ_AB, Δ_AB, γ_A of each, and what acts on each; emitters in some order."""
    labels = np.repeat(np.arange(2), counts)
    labels = labels if order is None else labels[order]
    between = np.ix_(labels, labels)
    each = {name: np.array(value)[labels] for name, value in others.items()}
    return co.Couplings(decay[between] + np.diag(np.array(alone)[labels]), shift[between], **each)


CASES = {
    "collective": {},
    "one alone": {"alone": (0.3, 0)},
    "individual": {"alone": (0.3, 0.2), "detunings": (0.3, -0.5)},
    "pumped": {"alone": (0.1, 0), "pump": (0, 0.3), "dephasing": (0.2, 0)},
    "driven": {"drive": (1.1, 0.5j)},
    "everything": {
        "alone": (0.2, 0),
        "pump": (0.1, 0),
        "dephasing": (0, 0.2),
        "drive": (1.1, 0.5j),
        "detunings": (0.3, 0.1),
    },
}


QUICK = ("one alone", "everything")


@pytest.mark.parametrize(
    "case", [*QUICK, *(pytest.param(x, marks=pytest.mark.slow) for x in CASES if x not in QUICK)]
)
@pytest.mark.parametrize("counts", [(1, 2), pytest.param((2, 2), marks=pytest.mark.slow)])
def test_against_the_whole_density_matrix(case, counts):
    n = sum(counts)
    order = np.arange(n)[::-1] if counts == (1, 2) else [0, 2, 1, 3]
    couplings = ensembles(counts, order=order, **CASES[case])
    apart = np.repeat([1.0, 0.0], counts)[order]
    for state in (
        "inverted",
        co.states.dicke(2),
        co.states.coherent(1.1, 0.4),
        co.states.mixed(apart),
        co.states.mixed(0.2 + 0.5 * apart),
        co.states.product(0.3 + 2 * apart, apart),
        co.states.from_amplitudes((0.6 + 0.2j * apart) / np.linalg.norm(0.6 + 0.2j * apart)),
    ):
        exact, found = (
            co.evolve(couplings, state, TIMES, method=method, **EXACT)
            for method in ("exact", "symmetric")
        )
        for name in ("emission", "excitation", "populations", "correlations"):
            np.testing.assert_allclose(getattr(found, name), getattr(exact, name), atol=3e-9)
        assert found.diagnostics["trace_error"] < 1e-10
        assert min(found.diagnostics["smallest_eigenvalues"]) > -1e-9
        assert "2 species" in found.reason


def test_a_state_alone_makes_species():
    """Excitation of one of five identical emitters, of which four stay alike."""
    five = identical(5, together=0.6, alone=0.9, exchange=1.3)
    mine, theirs = (
        co.evolve(five, co.states.single(2), TIMES, method=method, **EXACT)
        for method in ("symmetric", "blocks")
    )
    assert sorted(mine.diagnostics["species"]) == [1, 4]
    np.testing.assert_allclose(mine.correlations, theirs.correlations, atol=1e-9)
    # one excitation of a thousand emitters at one place: all but a share 1/N is trapped
    many = co.Couplings(np.broadcast_to(1.0, (1000, 1000)), np.broadcast_to(0.0, (1000, 1000)))
    late = co.evolve(many, co.states.single(7), [0, 0.05], method="symmetric", progress=False)
    assert late.excitation[1] == pytest.approx(1 - 1 / 1000, abs=1e-9)
    driven = identical(4, together=0.6, drive=1.0)
    mine, theirs = (
        co.evolve(driven, co.states.mixed(0.3), TIMES, method=method, **EXACT)
        for method in ("symmetric", "exact")
    )
    np.testing.assert_allclose(mine.correlations, theirs.correlations, atol=1e-9)


@pytest.mark.slow
def test_qutip_states_of_two_species():
    up, down = qutip.basis(2, 0), qutip.basis(2, 1)
    bell = (qutip.tensor(up, down) + qutip.tensor(down, up)).unit()
    couplings = ensembles((2, 2), alone=(0.1, 0))
    for state in (qutip.tensor(bell, up, up), 0.5 * qutip.tensor(bell, down, down).proj()):
        state = state + 0.5 * qutip.tensor(up, up, up, up).proj() if state.isoper else state
        exact, found = (
            co.evolve(couplings, state, TIMES, method=method, **EXACT)
            for method in ("exact", "symmetric")
        )
        np.testing.assert_allclose(found.correlations, exact.correlations, atol=1e-9)
    dark = qutip.tensor((qutip.tensor(up, down) - qutip.tensor(down, up)).unit(), up, up)
    with pytest.raises(ValueError, match="weight of 1 of this QuTiP state is on other than"):
        co.evolve(couplings, dark, TIMES, method="symmetric")


def test_two_driven_ensembles_against_piqs():
    """Tensor products of the spins J = 3/2 and J = 1 of `piqs`."""
    na, nb, rabi = 3, 2, (0.8, -0.5j)
    couplings = ensembles((na, nb), drive=rabi, detunings=(0.2, -0.3))
    spins = [qutip.jmat(n / 2, "-") for n in (na, nb)]
    # piqs has the same matrices of each ensemble in its basis of Dicke states
    assert abs(piqs.jspin(na, "-", basis="dicke")[:4, :4] - spins[0].full()).max() < 1e-12
    low = [qutip.tensor(spins[0], qutip.qeye(nb + 1)), qutip.tensor(qutip.qeye(na + 1), spins[1])]
    identity = qutip.tensor(qutip.qeye(na + 1), qutip.qeye(nb + 1))
    number = [
        qutip.tensor(qutip.jmat(na / 2, "z"), qutip.qeye(nb + 1)) + na / 2 * identity,
        qutip.tensor(qutip.qeye(na + 1), qutip.jmat(nb / 2, "z")) + nb / 2 * identity,
    ]
    H = sum(d * x for d, x in zip((0.2, -0.3), number, strict=True))
    rates, vectors = np.linalg.eigh(SHARED)
    for a in range(2):
        H += (rabi[a] * low[a].dag() + np.conj(rabi[a]) * low[a]) / 2
        for b in range(2):
            H += SHIFTED[a, b] * low[a].dag() * low[b]
    jumps = [
        np.sqrt(rate) * sum(c.conj() * x for c, x in zip(v, low, strict=True))
        for rate, v in zip(rates, vectors.T, strict=True)
    ]
    # exchanges within a species: H has Δ_AA J⁺J⁻, whose diagonal is Δ_mm of each emitter
    start = qutip.tensor(qutip.basis(na + 1, na), qutip.basis(nb + 1, nb))
    solved = qutip.mesolve(
        H, start, TIMES, jumps, e_ops=number, options={"rtol": 1e-10, "atol": 1e-12}
    )
    found = co.evolve(couplings, "ground", TIMES, method="symmetric", **EXACT)
    np.testing.assert_allclose(found.populations[:, 0] * na, solved.expect[0], atol=1e-8)
    np.testing.assert_allclose(found.populations[:, -1] * nb, solved.expect[1], atol=1e-8)


def test_individual_decay_of_two_ensembles_against_piqs():
    """Without coupling between them the Liouvillian is the sum of both of `piqs`."""
    apart = {"decay": np.diag([0.7, 0.9]), "shift": np.zeros((2, 2))}
    couplings = ensembles(
        (3, 2), **apart, alone=(0.3, 0.1), pump=(0.4, 0), dephasing=(0, 0.2), drive=(1.0, 0.5)
    )
    found = co.evolve(couplings, "ground", TIMES, method="symmetric", **EXACT)
    for first, n, rates, rabi in (
        (0, 3, {"emission": 0.3, "collective_emission": 0.7, "pumping": 0.4}, 1.0),
        (3, 2, {"emission": 0.1, "collective_emission": 0.9, "dephasing": 0.4}, 0.5),
    ):
        x, z = piqs.jspin(n, "x"), piqs.jspin(n, "z")
        ensemble = piqs.Dicke(n, hamiltonian=rabi * x, **rates)
        solved = qutip.mesolve(
            ensemble.liouvillian(), piqs.ground(n), TIMES, [], e_ops=[z],
            options={"rtol": 1e-10, "atol": 1e-12},
        )  # fmt: skip
        expected = 0.5 + np.real(solved.expect[0]) / n
        np.testing.assert_allclose(found.populations[:, first], expected, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_keeping_one_emitter_apart_commutes_with_time_evolution(case):
    """The map to "one of A, the others of A, and B", and both generators."""
    found = species(ensembles((3, 2), **CASES[case]))
    difference = None if found.driven else 0
    whole = SpeciesSpace(found, difference)
    assert len(whole) == entries(found, difference)
    for a in (0, 1):
        apart = SpeciesSpace(split(found, a), difference)
        if not found.all_ladders[a]:
            continue  # one emitter apart from a longest ladder needs no other ladder
        leads = one_apart(whole, apart, a)
        assert abs(apart.whole() @ leads - leads @ whole.whole()).max() < 1e-12
        np.testing.assert_allclose(apart.trace @ leads, whole.trace, atol=1e-13)


@st.composite
def planted(draw):
    """Emitters of planted species in a random order."""
    counts = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    size, labels = len(counts), rng.permutation(np.repeat(np.arange(len(counts)), counts))
    root = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    shift = rng.normal(size=(size, size))
    shift = shift + shift.T
    between = np.ix_(labels, labels)
    alone = np.diag(rng.uniform(0.1, 1, size)[labels])
    return labels, (root @ root.conj().T)[between] + alone, shift[between], rng


@settings(max_examples=12, deadline=None)
@given(planted())
def test_planted_species_are_found(problem):
    labels, decay, shift, rng = problem
    found = species(co.Couplings(decay, shift))
    if len(labels) > 1 and np.bincount(labels).max() == 1:
        assert found == "no two emitters are alike"
        return
    together = found.labels[:, None] == found.labels
    np.testing.assert_array_equal(together, labels[:, None] == labels)
    for a, b in np.ndindex(len(found), len(found)):
        m, n = (np.flatnonzero(found.labels == x)[i] for x, i in ((a, 0), (b, -1)))
        if m != n:
            assert found.collective[a, b] == pytest.approx(decay[m, n], rel=1e-12)
    # one number that differs parts an emitter from its species
    m = int(rng.integers(len(labels)))
    detuned = species(co.Couplings(decay, shift, detunings=1e-6 * (np.arange(len(labels)) == m)))
    if isinstance(detuned, Species):
        assert np.count_nonzero(detuned.labels == detuned.labels[m]) == 1


def test_many_kinds_are_refused():
    chain = co.couple(co.chain(12, 0.1), co.Vacuum())
    with pytest.raises(ValueError, match="more than 8 kinds of emitters; use method='blocks'"):
        co.evolve(chain, "inverted", TIMES, method="symmetric")
    with pytest.raises(ValueError, match=r"of state .* it is not known for which emitters"):
        co.evolve(identical(5), Odd(), TIMES, method="symmetric")


class Odd:
    """Two given emitters excited."""

    def excitations(self, n):
        return 2

    def symmetric(self, n):
        return False

    def amplitudes(self, excited, emitters=None):
        return ((excited.sum(axis=1) == 2) & excited[:, 0] & excited[:, 3]).astype(complex)


def test_a_pulse_and_a_continued_run(tmp_path, monkeypatch):
    couplings, path = ensembles((3, 2), **CASES["everything"]), tmp_path / "run.npz"
    arguments = {"envelope": lambda t: np.exp(-((t - 1) ** 2) + 1j * t), **EXACT}
    exact = co.evolve(couplings, "ground", TIMES, method="exact", **arguments)
    whole = co.evolve(couplings, "ground", TIMES, method="symmetric", **arguments)
    np.testing.assert_allclose(whole.correlations, exact.correlations, atol=1e-8)
    advance = runs.Density.to

    def stop(self, t):
        if t > 1.2:
            raise KeyboardInterrupt
        advance(self, t)

    with monkeypatch.context() as patch:
        patch.setattr(runs.Density, "to", stop)
        partial = co.evolve(
            couplings, "ground", TIMES, method="symmetric", checkpoint=path, **arguments
        )
    assert not partial.complete
    again = co.evolve(couplings, "ground", TIMES, method="symmetric", checkpoint=path, **arguments)
    assert again.complete
    np.testing.assert_allclose(again.correlations, whole.correlations, atol=1e-8)
    assert again.diagnostics["steps"] > partial.diagnostics["steps"] > 0


def trapped(n, until):
    """What n inverted emitters beside n others at the same place keep, and how much it should be.

    The spins N/2 of both add up to J = 0 … n with M = 0; n − J excitations of each J are dark.
    """
    both = co.Couplings(np.ones((2 * n, 2 * n)), np.zeros((2 * n, 2 * n)))
    state = co.states.mixed(np.repeat([1.0, 0.0], n))
    found = co.evolve(both, state, [0.0, until], progress=False, method="symmetric")
    J = np.arange(n + 1)
    weights = [float(qutip.clebsch(n / 2, n / 2, j, n / 2, -n / 2, 0)) ** 2 for j in J]
    return found, np.array(weights) @ (n - J)


def test_dark_states_of_two_ensembles_of_six():
    found, expected = trapped(6, 40.0)
    assert found.excitation[-1] == pytest.approx(expected, rel=1e-7)


@pytest.mark.slow
def test_forty_emitters_of_two_ensembles_take_441_kets():
    found, expected = trapped(20, 20.0)
    assert "6,181 entries of ρ" in found.reason
    assert found.excitation[-1] == pytest.approx(expected, rel=1e-7)
    table = co.methods(found.couplings, found.initial_state, [0.0, 20.0])
    assert table.chosen == "symmetric"


MEMORY = """
def problem(n, **others):
    labels = np.repeat([0, 1], n)
    decay = np.array([[0.7, 0.5], [0.5, 0.9]])[np.ix_(labels, labels)]
    return co.Couplings(decay, np.zeros((2 * n, 2 * n)), **others)
for n, others, state in ((40, {}, "inverted"), (18, {"drive": 1.0}, "ground")):
    co.evolve(problem(2, **others), state, [0, 0.01], method="symmetric", progress=False)
    run = {"method": "symmetric", "progress": False}
    measured(lambda: co.evolve(problem(n, **others), state, [0, 0.02], **run))
"""


@pytest.mark.slow
def test_memory_is_predicted():
    ratios = reference.predicted_over_used(MEMORY)
    assert len(ratios) == 2
    assert all(0.7 < ratio < 1.7 for ratio in ratios)
