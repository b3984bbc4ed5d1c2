import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
import qutip
import reference
from hypothesis import given
from hypothesis import strategies as st
from systems import STATES, refusal, within_the_estimate

import collective as co
from collective.engines import request
from collective.engines.basis import symmetries as permutations
from collective.states import answers, protocol

UP, DOWN = qutip.basis(2, 0), qutip.basis(2, 1)


def of(state, n, **options):
    couplings = co.Couplings(np.eye(n), np.zeros((n, n)), **options)
    return co.states.density_matrix(state, couplings).full()


def projector(ket):
    return qutip.ket2dm(ket.unit()).full()


def test_states_against_tensor_products():
    np.testing.assert_array_equal(of("inverted", 3), projector(qutip.tensor(UP, UP, UP)))
    np.testing.assert_array_equal(of("ground", 2), projector(qutip.tensor(DOWN, DOWN)))
    np.testing.assert_array_equal(
        of(co.states.single(1), 3), projector(qutip.tensor(DOWN, UP, DOWN))
    )
    w = qutip.tensor(UP, UP, DOWN) + qutip.tensor(UP, DOWN, UP) + qutip.tensor(DOWN, UP, UP)
    np.testing.assert_allclose(of(co.states.dicke(2), 3), projector(w), atol=1e-15)
    one = np.cos(0.35) * DOWN + np.exp(0.2j) * np.sin(0.35) * UP
    np.testing.assert_allclose(
        of(co.states.coherent(0.7, 0.2), 3), projector(qutip.tensor(one, one, one)), atol=1e-15
    )
    np.testing.assert_allclose(of(co.states.coherent(np.pi), 2), of("inverted", 2), atol=1e-15)


def test_timed_dicke_carries_the_phases_of_the_photon():
    atoms = co.Emitters([[0, 0, 0], [0.3, 0.1, 0]])
    k = np.array([2.0, -1.0, 5.0])
    rho = of(co.states.timed_dicke(k), 2, emitters=atoms)
    phase = np.exp(1j * (2 * 0.3 - 0.1))
    expected = projector(qutip.tensor(UP, DOWN) + phase * qutip.tensor(DOWN, UP))
    np.testing.assert_allclose(rho, expected, atol=1e-15)


@pytest.mark.parametrize(
    ("state", "k"),
    [
        (co.states.inverted(), 4),
        (co.states.ground(), 0),
        (co.states.single(2), 1),
        (co.states.dicke(3), 3),
        (co.states.timed_dicke((1, 2, 3)), 1),
    ],
    ids=str,
)
def test_excitation_number(state, k):
    atoms = co.chain(4, 0.2)
    couplings = co.couple(atoms, co.Vacuum())
    rho = co.states.density_matrix(state, couplings)
    assert state.excitations(4) == k
    np.testing.assert_allclose(co.observables.moment(couplings, rho).excitation, k, atol=1e-14)
    np.testing.assert_allclose(co.observables.moment(couplings, state).excitation, k, atol=1e-14)
    np.testing.assert_allclose(rho.tr(), 1)


def test_coherent_states_have_no_fixed_number():
    assert co.states.coherent(1.0).excitations(3) is None


def test_words_and_states_are_the_same():
    np.testing.assert_array_equal(of("inverted", 2), of(co.states.inverted(), 2))
    assert str(co.states.dicke(2)) == "dicke(2)"


@given(st.integers(1, 7), st.data())
def test_dicke_states_emit_by_the_ladder(n, data):
    """Γ_mn = 1: rate k(N−k+1) from k excitations."""
    k = data.draw(st.integers(0, n))
    couplings = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
    result = co.observables.moment(couplings, co.states.dicke(k))
    np.testing.assert_allclose(result.emission, k * (n - k + 1), atol=1e-12)


def test_a_dark_state_stays():
    couplings = co.Couplings(np.ones((2, 2)), np.zeros((2, 2)))
    singlet = (qutip.tensor(UP, DOWN) - qutip.tensor(DOWN, UP)).unit()
    result = co.evolve(couplings, singlet, [0.0, 50.0])
    np.testing.assert_allclose(result.emission, 0, atol=1e-12)
    np.testing.assert_allclose(result.excitation, 1, atol=1e-9)


@given(st.integers(0, 10**6))
def test_photon_statistics_of_inverted_emitters(seed):
    """g²(0) of all photons is 1 + (Var − 1)/N, Var of the eigenvalues of Γ; 1 − 1/N by emitter."""
    n = 4
    couplings = co.couple(co.cloud(n, 0.3, seed=seed), co.Vacuum())
    inverted = qutip.tensor([UP] * n)

    def g2(jumps):
        once = sum(qutip.expect(a.dag() * a, inverted) for a in jumps)
        twice = sum((b * a * inverted).norm() ** 2 for a in jumps for b in jumps)
        return twice / once**2

    variance = np.var(np.linalg.eigvalsh(couplings.decay))
    np.testing.assert_allclose(
        g2(couplings.collapse_operators()), 1 + (variance - 1) / n, atol=1e-10
    )
    alone = co.Couplings(np.eye(n), np.zeros((n, n)))
    np.testing.assert_allclose(g2(alone.collapse_operators()), 1 - 1 / n, atol=1e-12)
    dicke = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
    np.testing.assert_allclose(g2(dicke.collapse_operators()), 2 - 2 / n, atol=1e-12)
    # photons into one direction: one jump with the phases of that direction
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random(n))
    lowering = [qutip.Qobj(s, dims=[[2] * n, [2] * n]) for s in reference.lowering(n)]
    one_way = sum(phase * s for phase, s in zip(phases, lowering, strict=True))
    np.testing.assert_allclose(g2([one_way]), 2 - 2 / n, atol=1e-12)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("excited", "unknown state 'excited': use 'inverted', 'ground'"),
        (co.states.single(3), r"single\(3\) needs emitter 3, but there are 3"),
        (co.states.dicke(4), r"dicke\(4\) needs 4 emitters, but there are 3"),
        (co.states.timed_dicke((0, 0, 1)), "timed_dicke needs positions"),
        (qutip.basis(4, 0), r"shape \(8, 1\) or \(8, 8\); got ket \(4, 1\)"),
        (2 * qutip.basis([2] * 3, [0] * 3), "state must be normalised: its trace is 4"),
        (qutip.Qobj(np.diag([1.5, -0.5] + [0] * 6)), "state must be positive: smallest.*-0.5"),
        (qutip.Qobj(np.eye(8) / 8 + 0.1j * np.eye(8, k=1)), "Hermitian density matrix"),
        (qutip.Qobj(np.full((8, 1), np.nan)), "state must be finite"),
        (np.eye(8), "unknown state of type ndarray"),
        (None, "unknown state of type NoneType"),
        ((1 + 1e-6) ** 0.5 * qutip.basis([2] * 3, [0] * 3), "its trace is 1.000001"),
        (qutip.Qobj(np.diag([1 + 1e-6, -1e-6] + [0] * 6)), "smallest eigenvalue -1e-06"),
        (qutip.basis([2] * 3, [0] * 3).dag(), r"got bra \(1, 8\)"),
        (qutip.operator_to_vector(qutip.qeye([2] * 3) / 8), "got operator-ket"),
    ],
)
def test_bad_states(state, message):
    with pytest.raises(ValueError, match=message):
        co.evolve(co.Couplings(np.eye(3), np.zeros((3, 3))), state, [0, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: co.states.single(-1), "m must be at least 0, got -1"),
        (lambda: co.states.single(0.5), "m must be an integer"),
        (lambda: co.states.dicke(-1), "k must be at least 0"),
        (lambda: co.states.timed_dicke((1, 2)), "wavevector must have three components"),
        (lambda: co.states.coherent(np.nan), "theta must be finite"),
        (lambda: co.states.dicke(1.9), "k must be an integer, got 1.9"),
        (lambda: co.states.dicke(True), "k must be an integer, got True"),
        (lambda: co.states.single("a"), "m must be an integer, got 'a'"),
        (lambda: co.states.timed_dicke((0, 0, np.inf)), "wavevector must be finite"),
        (lambda: co.states.product([0.1, np.nan]), r"theta must be finite: theta\[1\] is nan"),
        (lambda: co.states.product([]), r"theta must be a number or one number per emitter"),
        (lambda: co.states.product(0.1, np.eye(2)), r"phi must be a number or one.*\(2, 2\)"),
        (lambda: co.states.product([1, 2], [1, 2, 3]), "theta and phi have 2 and 3 angles"),
        (lambda: co.states.product([1, 2]).spinors(3), "theta has 2 angles, but there are 3"),
        (lambda: co.states.product(1, [1, 2]).excitations(3), "phi has 2 angles, but there are 3"),
        (lambda: co.states.dicke(3).excitations(2), "needs 3 emitters, but there are 2"),
        (lambda: co.states.single(2).excitations(2), "needs emitter 2, but there are 2"),
        (lambda: co.states.dicke(1).amplitudes(np.eye(2)), "excited must be truth values"),
        (
            lambda: co.states.timed_dicke((0, 0, 1)).amplitudes(
                np.eye(2, dtype=bool), co.chain(3, 0.1)
            ),
            "emitters must be 2 emitters",
        ),
    ],
)
def test_bad_recipes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# states of a user's


@dataclass(frozen=True)
class Weighted:
    """One excitation with chosen amplitudes: a W state with weights, from amplitudes alone."""

    weights: tuple[complex, ...]

    def excitations(self, n):
        return 1

    def symmetric(self, n):
        return len(set(self.weights)) == 1

    def amplitudes(self, excited, emitters=None):
        one = excited.sum(axis=1) == 1
        return one * (excited @ (np.array(self.weights) / np.linalg.norm(self.weights)))


@dataclass(frozen=True)
class Cat:
    """All emitters excited or none, from amplitudes alone; the numbers have probabilities."""

    tells: bool = True

    def excitations(self, n):
        return np.eye(n + 1)[[0, n]].sum(axis=0) / 2 if self.tells else None

    def symmetric(self, n):
        return True

    def amplitudes(self, excited, emitters=None):
        counts = excited.sum(axis=1)
        return ((counts == 0) + 1j * (counts == excited.shape[1])) / np.sqrt(2)


@dataclass(frozen=True)
class Spinning:
    """A product state from spinors alone."""

    angle: float

    def excitations(self, n):
        return None

    def symmetric(self, n):
        return n == 1

    def spinors(self, n):
        angles = self.angle * np.arange(n)
        return np.stack([1j * np.sin(angles), np.cos(angles)], axis=1)


@dataclass(frozen=True)
class Thermal:
    """A mixture from probabilities alone, which fall along the chain."""

    population: float

    def excitations(self, n):
        return None

    def symmetric(self, n):
        return n == 1

    def probabilities(self, n):
        return self.population ** np.arange(1, n + 1)


class Silent:
    """A state that no engine can build."""

    def excitations(self, n):
        return 1

    def symmetric(self, n):
        return True

    def __str__(self):
        return "silent"


ENGINES = tuple(co.engines.NAMES)
APPROXIMATE = tuple(
    name for name, kind in co.engines.NAMES.items()
    if getattr(co.engines, kind).accuracy == "approximate"
)  # fmt: skip
OPTIONS = {
    "trajectories": {"n": 4000},
    "capped": {"excitations": 4},  # exact for four emitters
    "truncated_wigner": {"n": 300},
    "conditional_cumulants": {"n": 16},
}
ALIKE = co.Couplings(np.full((4, 4), 0.8) + 0.2 * np.eye(4), 0.3 * (1 - np.eye(4)))
LATER = np.linspace(0, 2, 6)


@pytest.mark.parametrize("method", ENGINES)
def test_a_state_that_an_engine_cannot_build_is_refused_by_name(method):
    wanted = f"method '{method}' cannot build the state silent: its class has neither amplitudes"
    with pytest.raises(ValueError, match=wanted + r".*State; no other engine can$"):
        co.evolve(ALIKE, Silent(), LATER, method=method)
    assert wanted in co.methods(ALIKE, Silent(), LATER).refusals[method]


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0, 3], r"levels of state silent\[1\] must be below 2, the number of levels; got 3"),
        ([0], r"levels of state silent must be 2 whole numbers, one for each emitter; got \[0\]"),
        ([0, 0.5], r"levels of state silent\[1\] must be an integer, got 0.5"),
    ],
)
def test_levels_that_do_not_exist_are_refused_by_name(levels, message):
    class Levels(Silent):
        def levels(self, multilevel):
            return levels

        def amplitudes(self, excited, emitters=None):
            raise AssertionError

    equation = co.master_equation(co.chain(2, 0.1, frequency=1e4), co.Vacuum())
    with pytest.raises(ValueError, match=message):
        co.states.density_matrix(Levels(), equation)


def test_auto_says_that_no_engine_can_build_a_state():
    with pytest.raises(ValueError, match=r"no engine can: .*cannot build the state silent"):
        co.evolve(ALIKE, Silent(), LATER)
    with pytest.raises(ValueError, match="silent: its class has neither"):
        co.states.density_matrix(Silent(), ALIKE)


# products of emitters, as "product" is: they run with the long tests
PRODUCTS = [
    pytest.param(STATES[name], marks=pytest.mark.slow) for name in ("levels", "level_product")
]
SEVERAL = [
    *(state for name, state in STATES.items() if name not in ("levels", "level_product")),
    *PRODUCTS,
    Weighted((1, 1, 1, 1)),
    Weighted((0.5, 1j, -2, 0.25)),
    Cat(),
    Cat(tells=False),
    Spinning(0.7),
    Thermal(0.4),
    co.states.mixed(0.3),
    co.states.mixed([0, 0, 0.4, 0]),
    co.states.product([0.4, 1.0, 2.2, 0.4], [0, 0.3, -1, 2]),
    co.states.product(1.1, [0, np.pi / 2, np.pi, 0]),
    co.states.coherent(1.3, 0.4),
]


@pytest.mark.parametrize("decaying", [True, False], ids=["decaying", "lossless"])
@pytest.mark.parametrize("state", SEVERAL, ids=str)
def test_states_on_every_engine_that_can_against_the_qutip_state(state, decaying):
    """An engine that refuses says why; the others give what the density matrix gives."""
    places = co.couple(co.chain(4, 0.15), co.Vacuum())
    alike = ALIKE.replace(emitters=places.emitters)
    ran = set()
    for couplings in (alike, places):
        if not decaying:
            couplings = couplings.replace(decay=np.zeros((4, 4)))
        start = by_hand(state, 4, places.emitters)
        wanted = co.evolve(couplings, start, LATER, method="exact", observe="correlations")
        refusals = co.methods(couplings, state, LATER).refusals
        for method in set(ENGINES) - set(APPROXIMATE) - set(refusals):
            sampled = method == "trajectories"
            found = co.evolve(
                couplings, state, LATER, method=with_options(method), observe="correlations", seed=1
            )
            if found.accuracy == "approximate":  # within its estimate
                allowed = 3 * found.error_estimate + 0.05 * np.abs(wanted.emission).max() + 1e-6
                assert np.all(np.abs(found.emission - wanted.emission) <= allowed)
                assert found.initial_state == state
                continue
            error = 0.06 if sampled else 1e-7
            np.testing.assert_allclose(found.correlations, wanted.correlations, atol=error)
            assert found.initial_state == state
            ran.add(method)
    assert {"exact", "blocks", "driven", "trajectories"} <= ran
    assert ("symmetric" in ran) == two_are_alike(start)
    assert ("single" in ran) == (answers.highest_excitation(state, 4) <= 1)


def two_are_alike(state):
    """Whether two of four emitters may be exchanged, so that there are at most three species."""
    rho = state.proj() if state.isket else state
    orders = [[1, 0, 2, 3], [2, 1, 0, 3], [3, 1, 2, 0], [0, 2, 1, 3], [0, 3, 2, 1], [0, 1, 3, 2]]
    return any(abs((rho.permute(order) - rho).full()).max() < 1e-12 for order in orders)


def with_options(method):
    return getattr(co.engines, co.engines.NAMES[method])(**OPTIONS.get(method, {}))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the error of method")
@pytest.mark.parametrize("state", SEVERAL, ids=str)
def test_states_on_every_approximate_engine_that_can(state):
    """They start from the state itself, up to the scatter of samples, and know their error later."""
    places = co.couple(co.chain(4, 0.15), co.Vacuum())
    asked = {"observe": "correlations", "seed": 1}
    wanted = co.evolve(places, state, LATER, method="exact", **asked)
    for method in APPROXIMATE:
        engine = with_options(method)
        if refusal(engine, places, state, LATER, observe="correlations") is not None:
            continue
        found = co.evolve(places, state, LATER, method=engine, **asked)
        assert found.initial_state == state
        if method != "mean_field":  # its estimate is fitted to dipoles in phase
            assert within_the_estimate(found, wanted.emission), method
        if found.populations_error is None:
            np.testing.assert_allclose(found.correlations[0], wanted.correlations[0], atol=1e-9)
        else:
            away = np.abs(found.populations[0] - wanted.populations[0])
            assert np.all(away <= 5 * found.populations_error[0] + 1e-6), method


def by_hand(state, n, emitters=None):
    """A QuTiP ket, or a density matrix of a mixture, put together from tensor products."""
    if answers.is_mixed(state):
        populations = state.probabilities(n)
        return qutip.tensor([qutip.qdiags([p, 1 - p]) for p in populations])
    kets = [qutip.tensor([UP if up else DOWN for up in row]) for row in every(n)]
    found = amplitudes(state, n, emitters)
    return sum(amplitude * ket for amplitude, ket in zip(found, kets, strict=True))


def every(n):
    return (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1


def amplitudes(state, n, emitters=None):
    """By hand, from spinors where there are some."""
    if not hasattr(state, "spinors"):
        return state.amplitudes(every(n), emitters)
    up, down = state.spinors(n).T
    return np.prod(np.where(every(n), up, down), axis=1)


def test_the_list_has_every_state_of_the_package():
    """Files, bad input and every engine are held against the states in this list."""
    assert {type(state) for state in STATES.values()} == set(protocol.OWN)
    functions = set(co.states.__all__) - {"State", "correlations", "density_matrix"}
    assert set(STATES) == functions


def test_a_class_is_no_state():
    with pytest.raises(ValueError, match="unknown state of type type"):
        co.evolve(ALIKE, Weighted, LATER)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"excitations": lambda self, n: 7}, r"excitations\(4\) of state .* at most 4, got 7"),
        ({"excitations": lambda self, n: np.ones(n)}, "5 probabilities that sum to 1"),
        ({"excitations": lambda self, n: 2}, "of 2 excitations sum to 0"),
        ({"amplitudes": lambda self, c, e: 2.0 * c.any(axis=1)}, "must be normalised"),
        ({"amplitudes": lambda self, c, e: np.ones(3)}, "must be numbers of shape"),
        ({"amplitudes": lambda self, c, e: np.full(len(c), np.nan)}, "must be finite"),
        ({"spinors": lambda self, n: np.ones((n, 2)), "excitations": lambda self, n: None}, "norm"),
    ],
)
def test_bad_answers_of_a_state_are_named(change, message):
    kind = type("Bad", (Weighted,), change)
    with pytest.raises(ValueError, match=message):
        co.evolve(ALIKE, kind((1, 1, 1, 1)), LATER)


class WronglySymmetric:
    """A state that says that it is symmetric, but is not."""

    def symmetric(self, n):
        return True

    def __str__(self):
        return "wrong"


class WrongSuperposition(WronglySymmetric):
    def excitations(self, n):
        return None

    def amplitudes(self, excited, emitters=None):
        return amplitudes(Spinning(0.7), 4)[excited @ (1 << np.arange(4))]


class WrongPair(WronglySymmetric):
    def excitations(self, n):
        return 2

    def amplitudes(self, excited, emitters=None):
        return ((excited.sum(axis=1) == 2) & excited[:, 0] & excited[:, 1]).astype(complex)


class WrongProduct(WronglySymmetric):
    def excitations(self, n):
        return None

    def spinors(self, n):
        return Spinning(0.7).spinors(n)


@pytest.mark.parametrize("method", [*ENGINES, "auto"])
@pytest.mark.parametrize("state", [WrongSuperposition(), WrongPair(), WrongProduct()])
def test_a_state_that_wrongly_calls_itself_symmetric_is_refused(state, method):
    """From one configuration of each number it would be another state."""
    with pytest.raises(ValueError, match="state wrong says that it is symmetric, but"):
        co.evolve(ALIKE, state, LATER, method=method)


@pytest.mark.parametrize("n", [30, 10**5])
@pytest.mark.parametrize("kind", [WrongPair, WrongProduct])
def test_many_emitters_in_a_wrongly_symmetric_state_are_refused(kind, n):
    many = co.Couplings(np.broadcast_to(1.0, (n, n)), np.broadcast_to(0.0, (n, n)))
    with pytest.raises(ValueError, match="state wrong says that it is symmetric, but"):
        co.evolve(many, kind(), [0, 1e-5], method="symmetric")


@pytest.mark.slow
def test_the_norm_of_one_excitation_of_many_emitters_is_checked():
    class Double(Weighted):
        def amplitudes(self, excited, emitters=None):
            return 2 * super().amplitudes(excited)

    n = 3000
    couplings = co.Couplings(np.eye(n), np.zeros((n, n)))
    with pytest.raises(ValueError, match="squares of its amplitudes of 1 excitations sum to 4"):
        co.evolve(couplings, Double(tuple(range(n))), [0, 1], method="single")


def test_a_superposition_of_many_emitters_is_not_counted_through():
    """The sum of 10⁵ binomial coefficients of 30,000 digits takes hours."""
    n = 10**5
    many = co.Couplings(np.broadcast_to(1.0, (n, n)), np.broadcast_to(0.0, (n, n)))
    with pytest.raises(ValueError, match=r"a superposition of .* may have up to 1000 emitters"):
        co.evolve(many, Cat(tells=False), [0, 1e-5], method="symmetric")


# product states


@given(st.lists(st.floats(0, np.pi), min_size=1, max_size=6), st.data())
def test_numbers_of_excitations_of_product_states(theta, data):
    """The Poisson binomial distribution, from all 2^N configurations."""
    n = len(theta)
    phi = data.draw(st.lists(st.floats(-4, 4), min_size=n, max_size=n))
    state = co.states.product(theta, phi)
    weights = np.abs(amplitudes(state, n)) ** 2
    wanted = np.bincount(every(n).sum(axis=1), weights, n + 1)
    np.testing.assert_allclose(answers.distribution(state, n), wanted, atol=1e-14)
    assert answers.weight_above_one(state, n) == pytest.approx(wanted[2:].sum(), abs=1e-14)
    assert answers.numbers(state, n)[-1] == answers.highest_excitation(state, n)
    left_out = sorted(set(range(n + 1)) - set(answers.numbers(state, n)))
    assert wanted[left_out].sum() < 1e-12
    mean = wanted @ np.arange(n + 1)
    assert mean - 1e-8 <= answers.typical_excitation(state, n) <= mean + 2 * np.sqrt(n) / 2 + 1


def test_small_weights_keep_their_digits():
    """P(k ≥ 2) of two emitters is sin²(θ₁/2)sin²(θ₂/2), far below the round-off of one."""
    state = co.states.product([1e-6, 2e-6])
    wanted = np.sin(0.5e-6) ** 2 * np.sin(1e-6) ** 2
    assert answers.weight_above_one(state, 2) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("theta", "phi", "mirrored"),
    [
        ([0.3, 1.0, 0.3], 0.2, True),
        ([0.3, 1.0, 0.3], [0.2, 0.0, 0.2], True),
        ([0.3, 1.0, 0.3], [0.2, 0.0, 0.3], False),
        ([0.3, 1.0, 0.4], 0.0, False),
        ([0.0, 1.0, 0.0], [0.2, 0.0, 0.3], True),  # the ground state has no phase
    ],
)
def test_the_mirror_image_of_a_product_state(theta, phi, mirrored):
    """The blocks use the reversal of a chain only if the angles have it too."""
    couplings = co.couple(co.chain(3, 0.2), co.Vacuum())
    state = co.states.product(theta, phi)
    asked = request.checked(couplings, state, LATER)
    assert (len(permutations.group(asked)) == 2) == mirrored


def test_product_states_of_equal_angles_are_symmetric():
    assert co.states.product([0.5] * 3, 0.1).symmetric(3)
    assert co.states.product([np.pi] * 3, [0, 1, 2]).symmetric(3)  # a phase of each, none between
    assert not co.states.product([0.5] * 3, [0, 0, 1e-9]).symmetric(3)
    assert co.states.product(0.5, 0.1) == co.states.coherent(0.5, 0.1)
    assert str(co.states.product([0.5, 1, 2, 3], 1)) == "product([0.5, 1, 2, …], 1)"


def test_large_product_states_need_no_configurations():
    """One excitation of 300 emitters and the ladder of 300: sums of N numbers."""
    angles = np.zeros(300)
    angles[7] = np.pi
    couplings = co.couple(co.chain(300, 0.3), co.Vacuum())
    one = co.evolve(couplings, co.states.product(angles), [0, 1.0], method="single")
    np.testing.assert_allclose(one.populations[0], angles / np.pi, atol=1e-12)
    found = co.states.correlations(co.states.product(np.linspace(0, 3, 300)), couplings)
    np.testing.assert_allclose(found[0], 0, atol=1e-15)
    np.testing.assert_allclose(np.diagonal(found).real, np.sin(np.linspace(0, 1.5, 300)) ** 2)


# mixtures of independent emitters


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_numbers_of_excitations_of_mixtures(populations):
    """The Poisson binomial distribution, from all 2^N configurations."""
    n, p = len(populations), np.array(populations)
    state = co.states.mixed(populations)
    weights = np.prod(np.where(every(n), p, 1 - p), axis=1)
    wanted = np.bincount(every(n).sum(axis=1), weights, n + 1)
    np.testing.assert_allclose(state.excitations(n), wanted, atol=1e-14)
    np.testing.assert_allclose(answers.distribution(state, n), wanted, atol=1e-14)
    np.testing.assert_allclose(answers.weights_of(state, every(n)), weights, atol=1e-15)
    assert answers.weight_above_one(state, n) == pytest.approx(wanted[2:].sum(), abs=1e-14)
    left_out = sorted(set(range(n + 1)) - set(answers.numbers(state, n)))
    assert wanted[left_out].sum() < 1e-12


def test_a_mixture_is_a_tensor_product():
    rho = of(co.states.mixed([0.2, 1.0, 0.5]), 3)
    np.testing.assert_allclose(rho, np.diag(np.kron([0.2, 0.8], [0.5, 0.5, 0, 0])), atol=1e-15)
    assert str(co.states.mixed([0.2, 1, 0.5, 0])) == "mixed([0.2, 1, 0.5, …])"
    assert co.states.mixed(0.2).symmetric(3)
    assert not co.states.mixed([0.2, 0.3]).symmetric(2)


def test_independent_emitters_of_a_mixture_decay_alone():
    populations = [0.9, 0.1, 0.5]
    alone = co.Couplings(np.diag([1.0, 2.0, 0.5]), np.zeros((3, 3)))
    result = co.evolve(alone, co.states.mixed(populations), LATER)
    wanted = populations * np.exp(-LATER[:, None] * [1.0, 2.0, 0.5])
    np.testing.assert_allclose(result.populations, wanted, atol=1e-8)


def test_certain_populations_are_a_definite_number():
    """They are the inverted state and the ground state, also for the ladder of all emitters."""
    n = 500
    many = co.Couplings(np.broadcast_to(1.0, (n, n)), np.broadcast_to(0.0, (n, n)))
    for p, state in ((1, "inverted"), (0, "ground")):
        found = co.evolve(many, co.states.mixed(p), [0, 1e-3], method="symmetric")
        wanted = co.evolve(many, state, [0, 1e-3], method="symmetric")
        np.testing.assert_array_equal(found.emission, wanted.emission)
        assert answers.definite_number(co.states.mixed(p), n) == p * n
    one, none = (np.broadcast_to(x, (800, 800)) for x in (1.0, 0.0))
    driven = co.Couplings(one, none, drive=1.0)
    with pytest.raises(MemoryError, match=r"800 identical emitters on all ladders, 85,974,"):
        co.evolve(driven, co.states.mixed(0.5), [0, 1e-3], method="symmetric")


def test_a_mixture_of_identical_emitters_is_on_all_ladders():
    """Emission at the start is Σ Γ_mm p, later there is a small burst; the trace stays one."""
    n, p = 300, 0.75
    many = co.Couplings(np.broadcast_to(1.0, (n, n)), np.broadcast_to(0.0, (n, n)))
    found = co.evolve(many, co.states.mixed(p), np.linspace(0, 0.1, 21), method="symmetric")
    assert found.emission[0] == pytest.approx(n * p, rel=1e-12)
    assert found.excitation[0] == pytest.approx(n * p, rel=1e-12)
    assert found.emission.max() > 10 * n * p
    assert found.diagnostics["trace_error"] < 1e-10


def test_light_of_a_mixture_is_that_of_its_density_matrix():
    """Identical emitters take a shorter way only from the longest ladder."""
    state, times = co.states.mixed(0.4), [0.0, 0.5]
    for function in (co.observables.g1, co.observables.g2):
        found = function(ALIKE, times, state=state)
        rho = co.states.density_matrix(state, ALIKE)
        np.testing.assert_allclose(found, function(ALIKE, times, state=rho), atol=1e-9)


def test_a_mixture_of_many_emitters_needs_no_configurations():
    n = 10**5
    state, populations = co.states.mixed(0.3), np.zeros(1000)
    assert answers.numbers(state, n) == list(range(n + 1))
    assert answers.definite_number(state, n) is None
    populations[7] = 0.25
    couplings = co.couple(co.chain(1000, 0.3), co.Vacuum())
    one = co.evolve(couplings, co.states.mixed(populations), [0, 0.1], method="single")
    np.testing.assert_allclose(one.populations[0], populations, atol=1e-12)


def test_a_mixture_in_a_master_equation():
    equation = co.master_equation(co.chain(2, 0.1, frequency=1e4), co.Vacuum())
    state = co.states.mixed([0.25, 0.5])
    rho = co.states.density_matrix(state, equation)
    found = co.evolve(equation, state, [0.0, 1e-4], method="exact")
    wanted = co.evolve(equation, rho, [0.0, 1e-4], method="exact")
    np.testing.assert_allclose(found.populations, wanted.populations, atol=1e-12)
    assert np.sort(found.populations[0][0])[-1] == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: co.states.mixed(1.5), "populations must be from 0 to 1, but one is 1.5"),
        (lambda: co.states.mixed([0.1, -0.2]), "populations must be from 0 to 1, but one is -0.2"),
        (lambda: co.states.mixed([]), "populations must be a number or one number per emitter"),
        (lambda: co.states.mixed(np.nan), "populations must be finite"),
        (lambda: co.states.mixed([0.1, 0.2]).symmetric(3), "has 2 populations, but there are 3"),
        (lambda: evolve(co.states.mixed([0.1, 0.2])), "has 2 populations, but there are 4"),
        (lambda: evolve(Wrong(np.full(4, 1.5))), "from 0 to 1: that of emitter 0 is 1.5"),
        (lambda: evolve(Wrong(np.zeros(3))), r"must have shape \(4,\), got \(3,\)"),
        (lambda: evolve(Wrong(np.arange(4) / 4)), "symmetric, but its probabilities are not"),
        (lambda: answers.amplitudes_of(co.states.mixed(0.1), every(2), None), "no amplitudes"),
    ],
)
def test_bad_mixtures(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def evolve(state):
    return co.evolve(ALIKE, state, LATER)


class Wrong(WronglySymmetric):
    """A mixture with any probabilities."""

    def __init__(self, given):
        self.given = given

    def excitations(self, n):
        return None

    def probabilities(self, n):
        return self.given


# what a state is without an evolution


@pytest.mark.parametrize(
    "state",
    [
        "inverted",
        "ground",
        *STATES.values(),
        co.states.timed_dicke((0, 1, 6)),
        co.states.coherent(0.7, 0.2),
        co.states.product([0.1, 1, 2, 3], [1, 2, 3, 4]),
        Weighted((1, 2j, 3, 4)),
        Cat(),
        Spinning(0.3),
        Thermal(0.6),
        co.states.mixed(0.3),
        qutip.rand_ket([2] * 4, seed=1),
        qutip.rand_dm([2] * 4, seed=2),
    ],
    ids=str,
)
def test_correlations_of_a_state_against_its_density_matrix(state):
    couplings = co.couple(co.chain(4, 0.15), co.Vacuum())
    rho = co.states.density_matrix(state, couplings)
    lowering = [qutip.Qobj(s, dims=[[2] * 4, [2] * 4]) for s in reference.lowering(4)]
    wanted = [[qutip.expect(a.dag() * b, rho) for b in lowering] for a in lowering]
    found = co.states.correlations(state, couplings)
    np.testing.assert_allclose(found, wanted, atol=1e-14)
    moment = co.observables.moment(couplings, state, states=True)
    start = co.evolve(couplings, state, [0, 1.0], method="exact", observe=("states",)).at(0.0)
    np.testing.assert_allclose(moment.emission, start.emission, atol=1e-12)
    np.testing.assert_allclose(moment.populations, start.populations, atol=1e-12)
    np.testing.assert_allclose(moment.states[0].full(), start.states[0].full(), atol=1e-12)


@given(st.integers(1, 4), st.integers(0, 10**6))
def test_correlations_of_any_state_are_accepted_as_given(n, seed):
    couplings = co.Couplings(np.eye(n), np.zeros((n, n)))
    for state in (qutip.rand_ket([2] * n, seed=seed), qutip.rand_dm([2] * n, seed=seed)):
        found = co.states.correlations(state, couplings)
        co.observables.moment(couplings, found)


def test_a_moment_of_correlations_alone():
    couplings = co.couple(co.chain(3, 0.2), co.Vacuum())
    somewhere = co.observables.moment(couplings, np.eye(3) / 3)
    np.testing.assert_allclose(somewhere.emission, 1)
    np.testing.assert_allclose(somewhere.excitation, 1)
    assert "given correlations" in repr(somewhere)
    for matrix, message in (
        (np.eye(2), r"have shape \(3, 3\), got \(2, 2\)"),
        (np.triu(np.ones((3, 3))), "must be Hermitian"),
        (2 * np.eye(3), "probabilities, but one is 2"),
        (np.ones((3, 3)) - np.eye(3), "σ⁺_mσ⁻_n⟩ must be positive semi.* eigenvalue is -1"),
        (np.ones((3, 3)), "σ⁻_mσ⁺_n⟩ must be positive semidefinite, but .* eigenvalue is -1"),
    ):
        with pytest.raises(ValueError, match=message):
            co.observables.moment(couplings, matrix)
    with pytest.raises(ValueError, match="does not follow from correlations"):
        co.observables.moment(couplings, np.eye(3) / 3, states=True)


def test_a_density_matrix_that_does_not_fit_is_refused():
    many = co.Couplings(np.eye(40), np.zeros((40, 40)))
    with pytest.raises(co.ProblemTooLargeError, match="use fewer emitters"):
        co.states.density_matrix("inverted", many)
    np.testing.assert_array_equal(co.states.correlations("inverted", many), np.eye(40))


# --- states of atoms with manifolds

ISOTROPIC = co.Atoms.isotropic([[0, 0, 0], [0, 0, 0.1]])
CHANNELS = co.couple(ISOTROPIC, co.Vacuum())


def test_levels_by_name_and_by_number_are_the_same_state():
    names = co.states.levels(["e -1", "g 0"])
    numbers = co.states.levels([2, 3])
    ket = qutip.tensor(qutip.basis(4, 2), qutip.basis(4, 3))
    for state in (names, numbers, ket):
        found = co.states.density_matrix(state, CHANNELS)
        np.testing.assert_array_equal(found.full(), ket.proj().full())
    assert names.level_vectors(ISOTROPIC).shape == (2, 4)
    assert not names.symmetric(2)
    assert co.states.levels("e 0").symmetric(2)


def test_levels_of_two_level_emitters_are_products():
    couplings = co.couple(co.chain(3, 0.1), co.Vacuum())
    found = co.states.density_matrix(co.states.levels(["e", "g", "e"]), couplings)
    np.testing.assert_array_equal(found.full(), qutip.tensor(UP, DOWN, UP).proj().full())


def test_superpositions_of_levels_are_normalised():
    state = co.states.level_product([[3, 0, 4j, 0], [0, 0, 0, 1e-200]])
    np.testing.assert_allclose(state.level_vectors(ISOTROPIC)[0], [0.6, 0, 0.8j, 0])
    ket = qutip.tensor(qutip.Qobj([0.6, 0, 0.8j, 0]), qutip.basis(4, 3))
    found = co.states.density_matrix(state, CHANNELS)
    np.testing.assert_allclose(found.full(), ket.proj().full(), atol=1e-15)


def test_one_excitation_of_atoms_is_in_the_order_of_atoms_and_levels():
    amplitudes = np.array([[1, 2j, 0], [0, -1, 3]]) / np.sqrt(15)
    state = co.states.from_amplitudes(amplitudes)
    ket = sum(
        amplitudes[m, e] * qutip.tensor([qutip.basis(4, e if m == k else 3) for k in range(2)])
        for m in range(2)
        for e in range(3)
    )
    found = co.states.density_matrix(state, CHANNELS)
    np.testing.assert_allclose(found.full(), ket.proj().full(), atol=1e-15)
    assert state == co.states.from_amplitudes(amplitudes.ravel())


def test_two_level_atoms_start_from_every_pure_state_of_emitters():
    chain = co.chain(3, 0.1)
    atoms = co.couple(co.Atoms.from_emitters(chain), co.Vacuum())
    couplings = co.couple(chain, co.Vacuum())
    for state in (
        "inverted",
        "ground",
        co.states.single(1),
        co.states.dicke(1),
        co.states.timed_dicke((1, 2, 3)),
        co.states.coherent(0.3, 0.2),
        co.states.levels("e"),
    ):
        one, other = (co.states.density_matrix(state, c).full() for c in (atoms, couplings))
        np.testing.assert_allclose(one, other, atol=1e-15)


def test_levels_start_a_master_equation_by_their_numbers():
    multilevel = co.Multilevel.from_emitters(co.chain(2, 0.1, frequency=1e5))
    equation = co.master_equation(multilevel, co.Vacuum())
    found = co.states.density_matrix(co.states.levels([0, 1]), equation)
    np.testing.assert_array_equal(found.full(), qutip.tensor(UP, DOWN).proj().full())
    with pytest.raises(ValueError, match="levels of a Multilevel have no names"):
        co.states.density_matrix(co.states.levels("e"), equation)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("inverted", r"state 'inverted' is not determined: .* 3 excited levels, 'e \+1', 'e 0'"),
        (co.states.single(0), r"state single\(0\) is of two-level emitters, but these atoms"),
        (co.states.mixed(0.5), r"state mixed\(0.5\) is of two-level emitters"),
        (co.states.levels("f"), r"'f' does not exist: these atoms have 'e \+1'"),
        (co.states.levels(["g 0"] * 3), r"has 3 levels, one per atom, but there are 2 atoms"),
        (co.states.levels(4), "must be below 4, the number of levels"),
        (co.states.level_product([1, 0]), "2 amplitudes per atom, but the atoms have 4 levels"),
        (co.states.level_product(np.ones((3, 4))), "3 vectors, one per atom, but there are 2"),
        (co.states.from_amplitudes([1, 0]), "2 amplitudes, but 2 atoms of 3 excited levels need 6"),
        (qutip.basis(4, 0), r"dims \[4, 4\]"),
    ],
    ids=str,
)
def test_states_that_atoms_do_not_have_are_refused(state, message):
    with pytest.raises(ValueError, match=message):
        co.states.density_matrix(state, CHANNELS)


@pytest.mark.parametrize(
    ("make", "argument", "message"),
    [
        (co.states.levels, [], "names must be a level, or one level per atom"),
        (co.states.levels, [1.5], "names must be names of levels, or their numbers; got 1.5"),
        (co.states.level_product, [[1, 0], [0, 0]], r"vectors\[1\] must not be all zero"),
        (co.states.level_product, np.ones((2, 2, 2)), r"got shape \(2, 2, 2\)"),
    ],
)
def test_states_that_are_none_are_refused(make, argument, message):
    with pytest.raises(ValueError, match=message):
        make(argument)


def test_two_level_emitters_do_not_have_other_levels():
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    with pytest.raises(ValueError, match="two-level emitters have the levels 'e' and 'g'"):
        co.evolve(pair, co.states.levels("e +1"), [0, 1.0])
    with pytest.raises(ValueError, match="6 amplitudes, but there are 2 emitters"):
        co.evolve(pair, co.states.from_amplitudes(np.ones(6) / np.sqrt(6)), [0, 1.0])


def test_a_mode_as_a_state_keeps_its_shape_and_decays_at_its_rate(tmp_path):
    """e^{−iHt}v = e^{−iλt}v, in an engine of amplitudes and in one of all of ρ."""
    chain = co.couple(co.chain(5, 0.3), co.Vacuum()).replace(detunings=[0, 0.1, 0.3, 0, 0])
    modes, times = chain.modes(), np.array([0.0, 0.7, 5.0])
    for i in (0, 2, -1):
        state, v = modes.state(i), modes.vectors[:, i]
        kept = np.exp(-modes.rates[i] * times)
        for method in ("single", "blocks", "exact"):
            found = co.evolve(chain, state, times, method=method, observe="correlations")
            expected = kept[:, None, None] * np.outer(v.conj(), v)
            np.testing.assert_allclose(found.correlations, expected, atol=1e-7)
        assert found.initial_state == co.states.from_amplitudes(v)
        assert co.load(found.save(tmp_path / f"mode{i}")).initial_state == state
    with pytest.raises(ValueError, match="i must be from -5 to 4"):
        modes.state(5)
    with pytest.raises(ValueError, match="i must be at least -5"):
        modes.state(-6)


def test_a_vector_of_amplitudes_is_checked():
    shared = co.states.from_amplitudes
    with pytest.raises(ValueError, match=r"norm of 1, but it is 5; divide it by"):
        shared([3, 4j])
    with pytest.raises(ValueError, match=r"norm of 1, but it is 0$"):
        shared([0, 0])
    with pytest.raises(ValueError, match=r"one per emitter, \(N,\).*shape \(2, 1, 1\)"):
        shared([[[0.6]], [[0.8]]])
    with pytest.raises(
        ValueError, match=r"from_amplitudes\(\[0.6, 0\+0.8j\]\) has 2 amplitudes, b"
    ):
        co.evolve(ALIKE, shared([0.6, 0.8j]), LATER)
    assert shared([0.6, 0.8j]) == shared(np.array([0.6, 0.8j])) != shared([0.6, 0.8])
    assert shared(np.ones(4) / 2).symmetric(4)
    assert not shared([0.6, 0.8]).symmetric(2)
    with pytest.raises(ValueError, match="without correlations"):
        co.evolve(ALIKE, shared(np.ones(4) / 2), LATER, method="mean_field")


def test_thousands_of_amplitudes_take_no_square_of_their_number():
    n = 3000
    wave = np.exp(0.3j * np.arange(n)) / np.sqrt(n)
    state = co.states.from_amplitudes(wave)
    tracemalloc.start()
    found = answers.one_excitation_of(state, n, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(found, wave)
    assert peak < n * n  # bytes; one complex matrix has 16 n²
