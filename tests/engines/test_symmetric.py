"""Identical emitters on Dicke states, against closed forms, dense exponentials and QuTiP."""

import time

import mpmath
import numpy as np
import pytest
import qutip
import reference
from qutip.piqs import piqs
from scipy.integrate import simpson
from scipy.linalg import expm
from scipy.sparse import diags_array
from scipy.sparse.linalg import expm_multiply
from systems import identical

import collective as co
from collective.engines.basis import dicke as _dicke
from collective.engines.numerics import rational
from collective.engines.symmetric import density, engine


def dicke(n):
    """N emitters at one place; above 4,096 without the matrices."""
    one = np.broadcast_to(1.0, (n, n))
    return co.Couplings(one, 0 * one if n < 5000 else np.broadcast_to(0.0, (n, n)))


def ladder(n):
    """Rates and generator of the ladder."""
    k = np.arange(n + 1.0)
    rates = k * (n - k + 1)
    return rates, diags_array([-rates, rates[1:]], offsets=[0, 1]).tocsr()


def common(e):
    return _dicke.Identical(
        **{
            **{"n": 3, "collective": 0.7, "individual": 0.0, "exchange": 0.0, "detuning": 0.0},
            **{"dephasing": 0.0, "pump": 0.0, "drive": 0j},
            **e,
        }
    )


def test_the_rational_approximation_is_of_pade():
    """Poles and residues of P/Q, P and Q the Padé polynomials of degrees 5 and 6."""
    with mpmath.workdps(40):
        f = mpmath.factorial

        def polynomial(top, other, sign):
            return [
                sign**j * f(top + other - j) * f(top) / (f(top + other) * f(j) * f(top - j))
                for j in range(top + 1)
            ]

        def value(coefficients, z):
            return sum(c * z**j for j, c in enumerate(coefficients))

        numerator, denominator = polynomial(5, 6, 1), polynomial(6, 5, -1)
        slope = [c * j for j, c in enumerate(denominator)][1:]
        for pole, weight in zip(rational.POLES, rational.WEIGHTS, strict=True):
            exact = mpmath.findroot(lambda z: value(denominator, z), pole)
            assert abs(exact - pole) < 1e-14
            residue = value(numerator, exact) / value(slope, exact)
            assert abs(-2 * residue - weight) < 1e-15 * abs(weight) + 1e-13


def test_fifty_emitters_against_a_dense_exponential():
    times = np.array([0, 0.01, 0.05, 0.08, 0.1, 0.3, 2.0])
    found = co.evolve(dicke(50), "inverted", times, method="symmetric", rtol=1e-11)
    np.testing.assert_allclose(found.emission, reference.dicke_ladder(50, times), atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("state", [co.states.inverted(), co.states.dicke(400)], ids=str)
@pytest.mark.parametrize("rtol", [1e-4, 1e-8, 1e-11])
def test_the_error_is_below_the_tolerance(state, rtol):
    """A thousand emitters against Taylor series of the explicit generator."""
    n = 1000
    rates, generator = ladder(n)
    start = np.zeros(n + 1)
    start[state.excitations(n)] = 1
    times = np.linspace(0, 0.012, 9)
    expected = expm_multiply(generator, start, times[0], times[-1], len(times)) @ rates
    found = co.evolve(dicke(n), state, times, method="symmetric", rtol=rtol)
    # Σ|δp| < rtol, and no rate exceeds (N + 1)²/4
    assert np.abs(found.emission - expected).max() < max(rtol, 5e-12) * (n + 1) ** 2 / 4
    assert found.diagnostics["error_estimate"] < 50 * rtol
    assert min(found.diagnostics["smallest_eigenvalues"]) > -rtol


def test_a_looser_tolerance_takes_fewer_steps():
    steps = [
        co.evolve(dicke(1000), "inverted", [0, 0.02], method="symmetric", rtol=rtol).diagnostics[
            "steps"
        ]
        for rtol in (1e-3, 1e-6, 1e-9)
    ]
    assert steps[0] < steps[1] < steps[2] < 200


@pytest.mark.parametrize(
    ("n", "moment", "height"),
    [(3, 0.156707, 3.22485), (10, 0.212843, 22.75912), (100, 0.048583, 1972.579)],
)
def test_peak_of_a_burst(n, moment, height):
    times = np.concatenate([[0], moment * np.linspace(0.995, 1.005, 21)])
    found = co.evolve(dicke(n), "inverted", times, method="symmetric")
    a, b, c = np.polyfit(times[1:] - moment, found.emission[1:], 2)
    assert abs(b / (2 * a)) < 1e-6
    assert abs(c - b**2 / (4 * a) - height) < 2e-6 * height


@pytest.mark.slow
def test_the_peak_of_two_thousand():
    n = 2000
    times = np.concatenate([[0], np.linspace(0.9, 1.2, 61) * np.log(n) / n])
    found = co.evolve(dicke(n), "inverted", times, method="symmetric")
    assert abs(found.emission.max() / n**2 - 0.1957) < 5e-5


@pytest.mark.slow
def test_burst_of_a_hundred_thousand_emitters(tmp_path):
    """Every photon is emitted, the run takes seconds, and the result is small."""
    n = 10**5
    times = np.linspace(0, 4 * np.log(n) / n, 101)
    begin = time.perf_counter()
    found = co.evolve(dicke(n), "inverted", times)
    assert time.perf_counter() - begin < 30  # one second on a core of its own
    assert found.method == "symmetric"
    # the interval is 30 lifetimes of the burst; Simpson's error is 10⁻⁸ of it
    assert abs(simpson(found.emission, x=times) - n) < 1e-7 * n
    assert found.excitation[-1] < 1e-8
    assert abs(found.emission.max() / n**2 - 0.195) < 1e-3
    assert found.diagnostics["trace_error"] < 1e-10
    assert found.diagnostics["bytes_predicted"] < 10**7
    assert found.populations.shape == (101, n)
    np.testing.assert_allclose(found.populations[:, 7] * n, found.excitation, rtol=1e-15)
    path = found.save(tmp_path / "burst")
    assert path.stat().st_size < 10**6
    again = co.load(path)
    np.testing.assert_array_equal(again.populations[50], found.populations[50])
    assert len(again.couplings) == n
    assert again.couplings.decay.strides == (0, 0)
    assert "100000 two-level emitters" in repr(again.couplings)


def test_couplings_given_as_one_number_stay_one_number(tmp_path):
    many = dicke(50000)
    assert many.decay.base.size == 1
    assert "0 … 50000" in repr(many)
    assert many.validity()["decay matrix positive"].verdict == "holds"
    table = co.methods(many, "inverted", [0, 1e-4])
    assert table.chosen == "symmetric"
    assert all("one number" in why for name, why in table.refusals.items())
    for attempt in (many.effective_hamiltonian, many.hamiltonian, many.liouvillian):
        with pytest.raises(MemoryError, match="needs"):
            attempt()
    with pytest.raises(ValueError, match=r"decay\[0, 0\] = -1"):
        co.Couplings(np.broadcast_to(-1.0, (5000, 5000)), np.broadcast_to(0.0, (5000, 5000)))
    with pytest.raises(ValueError, match="square matrix"):
        co.Couplings(np.broadcast_to(1.0, (5000, 3)), np.eye(3))
    # a checkpoint knows the problem without the matrices
    path = tmp_path / "run.npz"
    for _ in range(2):
        found = co.evolve(many, "inverted", [0, 1e-4], checkpoint=path)
    assert found.complete


@pytest.mark.parametrize("theta", [0.0, 0.02, 1.1, np.pi, 4.0])
def test_coherent_states_have_binomial_weights(theta):
    n = 10**5
    found = co.evolve(dicke(n), co.states.coherent(theta, 0.3), [0.0], method="symmetric")
    up, down = np.sin(theta / 2) ** 2, np.cos(theta / 2) ** 2
    np.testing.assert_allclose(found.excitation, n * up, rtol=1e-11, atol=1e-20)
    np.testing.assert_allclose(
        found.emission, n * up + n * (n - 1) * up * down, rtol=1e-11, atol=1e-20
    )


INDIVIDUAL = {"together": 0.6, "alone": 0.9, "exchange": 1.3, "own": 0.4}
CASES = {
    "ladder": {"exchange": 1.3},
    "individual decay": INDIVIDUAL,
    "negative Γ₁₂": {"together": -0.2, "alone": 0.9},
    "dephasing": {"dephasing": 0.3},
    "all but a drive": dict(**INDIVIDUAL, dephasing=0.2, pump=0.4, detunings=0.7),
    "drive": {"exchange": 1.3, "own": 0.4, "detunings": 0.7, "drive": 1.2 - 0.5j},
    "all": dict(**INDIVIDUAL, dephasing=0.2, pump=0.4, detunings=0.7, drive=1.2 - 0.5j),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("n", [1, 3, 4])
def test_against_the_whole_density_matrix(n, case):
    couplings = identical(n, **CASES[case])
    times = np.linspace(1, 4, 7)
    states = ["inverted", co.states.dicke(1), co.states.coherent(1.1, 0.4)]
    states += [] if couplings.drive[0] else [co.states.mixed(0.3)]
    for state in states:
        exact, found = (
            co.evolve(
                couplings,
                state,
                times,
                method=method,
                rtol=1e-10,
                atol=1e-12,
                observe="correlations",
            )
            for method in ("exact", "symmetric")
        )
        np.testing.assert_allclose(found.emission, exact.emission, atol=2e-9)
        np.testing.assert_allclose(found.excitation, exact.excitation, atol=2e-9)
        np.testing.assert_allclose(found.populations, exact.populations, atol=1e-9)
        np.testing.assert_allclose(found.correlations, exact.correlations, atol=1e-9)
        assert found.diagnostics["trace_error"] < 1e-11


@pytest.mark.parametrize("case", ["drive", "all"])
def test_a_pulse(case):
    couplings = identical(3, **CASES[case])
    times = np.linspace(-3, 3, 31)
    exact, found = (
        co.evolve(
            couplings,
            "ground",
            times,
            method=method,
            envelope=lambda t: np.exp(-(t**2) + 1j * t),
            rtol=1e-10,
            atol=1e-12,
        )
        for method in ("exact", "symmetric")
    )
    np.testing.assert_allclose(found.emission, exact.emission, atol=1e-8)


def test_a_driven_ensemble_reaches_its_steady_state():
    couplings = identical(3, **CASES["all"])
    late = co.evolve(couplings, "ground", [0, 60.0], method="symmetric", rtol=1e-10, atol=1e-12)
    steady = co.steady_state(couplings)
    number = qutip.tensor(*[qutip.num(2)] * 3)
    assert number.shape == (8, 8)
    expected = [np.trace(a.T @ a @ steady.full()).real for a in reference.lowering(3)]
    np.testing.assert_allclose(late.populations[-1], expected, atol=1e-8)


@pytest.mark.parametrize("n", [2, 5, 12])
def test_rates_between_dicke_states_agree_with_qutip(n):
    """The coefficient matrix of `piqs`: J, then M, descending."""
    e = common({"n": n, "individual": 0.3, "dephasing": 0.2, "pump": 0.4})
    states = _dicke.Triangle.of(n)
    assert len(states.k) == states.size(n)
    order = np.concatenate(
        [
            states.place(np.arange(n - d, d - 1, -1), np.full(n - 2 * d + 1, d))
            for d in range(n // 2 + 1)
        ]
    )
    theirs = piqs.Dicke(
        n, emission=0.3, collective_emission=0.7, dephasing=0.4, pumping=0.4
    ).coefficient_matrix()
    mine = states.matrix(e).toarray()[np.ix_(order, order)]
    np.testing.assert_allclose(mine, theirs.toarray(), atol=1e-13)


def test_coherences_between_dicke_states_agree_with_qutip():
    """`piqs` computes them in single precision."""
    n = 6
    e = common({"n": n, "individual": 0.3, "dephasing": 0.2, "pump": 0.4})
    theirs = piqs.Dicke(
        n, emission=0.3, collective_emission=0.7, dephasing=0.4, pumping=0.4
    ).lindbladian()
    sides = [7, 5, 3, 1]
    total, places, first = sum(sides), [], 0
    for side in sides:
        descending = first + np.arange(side)[::-1]
        places.append((descending[:, None] + total * descending).ravel())
        first += side
    places = np.concatenate(places)
    slope = density.LadderBlocks(e).slope(None)
    mine = np.array([slope(0, column) for column in np.eye(len(places), dtype=complex)]).T
    np.testing.assert_allclose(mine, theirs.full()[np.ix_(places, places)], atol=1e-6)


@pytest.mark.parametrize("pump", [0.0, 0.5])
def test_all_ladders_of_forty_emitters(pump):
    """Sweeps and factors against a dense exponential of QuTiP's coefficients."""
    n = 40
    ensemble = piqs.Pim(
        n, emission=0.2, collective_emission=0.8, dephasing=0.6, pumping=pump
    ).coefficient_matrix()
    times = np.array([0, 0.05, 0.15, 1.0])
    m = np.concatenate([np.arange(j, -j - 1, -1) for j in np.arange(n / 2, -1, -1)])
    start = np.zeros(len(m))
    start[0] = 1
    expected = [(m + n / 2) @ expm(ensemble.toarray() * t) @ start for t in times]
    couplings = identical(n, together=0.8, dephasing=0.3, pump=pump)
    found = co.evolve(couplings, "inverted", times, method="symmetric", rtol=1e-10)
    np.testing.assert_allclose(found.excitation, expected, atol=1e-7)


def test_independent_emitters_decay_alone():
    """With Γ₁₂ = 0 three hundred ladders still give N e^{−t}."""
    times = np.linspace(0, 5, 6)
    found = co.evolve(identical(300, together=0.0), "inverted", times, method="symmetric")
    np.testing.assert_allclose(found.emission, 300 * np.exp(-times), rtol=1e-6)


def test_long_times_take_few_steps():
    found = co.evolve(dicke(1000), "inverted", [0, 1e4], method="symmetric")
    assert found.diagnostics["steps"] < 100
    assert abs(found.excitation[-1]) < 1e-12
    trapped = co.evolve(identical(20, together=0.9), "inverted", [0, 1e4], method="symmetric")
    assert abs(trapped.excitation[-1]) < 1e-9


def test_qutip_states_of_the_symmetric_subspace():
    n, up, down = 4, qutip.basis(2, 0), qutip.basis(2, 1)
    ghz = (qutip.tensor(*[up] * n) + qutip.tensor(*[down] * n)).unit()
    mixed = 0.3 * ghz.proj() + 0.7 * qutip.tensor(*[(up + 1j * down).unit()] * n).proj()
    times = np.linspace(0, 2, 5)
    for couplings in (identical(n, **CASES["individual decay"]), identical(n, drive=1.5)):
        for state in (ghz, mixed):
            exact, found = (
                co.evolve(couplings, state, times, method=method, rtol=1e-10, atol=1e-12)
                for method in ("exact", "symmetric")
            )
            np.testing.assert_allclose(found.emission, exact.emission, atol=1e-8)


UNLIKE = co.states.from_amplitudes([0.6, 0.48, 0.64])


def lopsided():
    return qutip.tensor(qutip.basis(2, 0), qutip.basis(2, 1), qutip.basis(2, 1))


@pytest.mark.parametrize(
    ("couplings", "state", "options", "message"),
    [
        (identical(3), UNLIKE, {}, "no two emitters are alike; use method='(single|blocks)'"),
        (identical(3), lopsided(), {}, "weight of 0.67 .*use method='(blocks|driven|single)'"),
        (identical(3, detunings=[0, 2, 1]), "inverted", {}, "the detunings are unequal"),
        (
            identical(3, pump=[0, 2, 1]),
            "inverted",
            {},
            "the pump is unequal.*use method='(driven|exact)'",
        ),
        (
            identical(3, drive=[1, 0, 1j]),
            "inverted",
            {},
            "drive is unequal.*use method='(driven|exact)'",
        ),
        (identical(3, drive=1), UNLIKE, {}, "use method='(driven|exact)'"),
        (identical(3, drive=1), lopsided(), {}, "weight of 0.67 .*use method='(driven|exact)'"),
        (co.couple(co.chain(4, 0.1), co.Vacuum()), "inverted", {}, "the decay is not the same"),
        (
            co.Couplings(np.eye(3), np.diag([1.0, 2, 0])),
            "inverted",
            {},
            "shift is not the same .*'blocks'",
        ),
        (co.Couplings([[1, 0.5j], [-0.5j, 1]], np.zeros((2, 2))), "ground", {}, "not the same"),
        (identical(2500), "inverted", {"observe": "correlations"}, "1 GB .* populations"),
        (identical(3), "inverted", {"observe": "states"}, "use method='(driven|exact)'"),
    ],
)
def test_refusals_name_the_reason_and_another_engine(couplings, state, options, message):
    with pytest.raises(ValueError, match=message):
        co.evolve(couplings, state, np.linspace(0, 1, 11), method="symmetric", **options)


def test_a_master_equation_is_refused():
    atoms = co.chain(2, 0.1, frequency=100.0)
    equation = co.master_equation(atoms, co.Vacuum())
    with pytest.raises(ValueError, match="not a MasterEquation; use method='exact'"):
        co.evolve(equation, "inverted", [0, 1], method="symmetric")


def test_nearly_equal_couplings_do_not_count_as_equal():
    decay = np.ones((4, 4)) + 0.1 * np.eye(4)
    decay[0, 1] = decay[1, 0] = 1 - 1e-9
    assert isinstance(_dicke.identical(co.Couplings(decay, np.zeros((4, 4)))), str)
    decay[0, 1] = decay[1, 0] = 1 - 1e-14
    assert _dicke.identical(co.Couplings(decay, np.zeros((4, 4)))).n == 4


def test_the_automatic_choice():
    assert co.evolve(dicke(30), "inverted", [0, 0.1]).method == "symmetric"
    assert co.evolve(dicke(3), "inverted", [0, 0.1]).method == "exact"


@pytest.mark.parametrize("case", ["ladder", "all but a drive", "drive"])
def test_interrupted_and_continued(case, monkeypatch, tmp_path):
    couplings, path = identical(6, **CASES[case]), tmp_path / "run.npz"
    times = np.linspace(0, 2, 21)
    whole = co.evolve(couplings, "inverted", times, method="symmetric", observe="correlations")
    kind = engine.Density if case == "drive" else engine.Populations
    advance = kind.to

    def stop(self, t):
        if t > 0.75:
            raise KeyboardInterrupt
        advance(self, t)

    arguments = {"method": "symmetric", "observe": "correlations", "checkpoint": path}
    with monkeypatch.context() as patch:
        patch.setattr(kind, "to", stop)
        partial = co.evolve(couplings, "inverted", times, **arguments)
    assert not partial.complete
    assert len(partial.times) == 8
    np.testing.assert_array_equal(partial.emission, whole.emission[:8])
    again = co.evolve(couplings, "inverted", times, **arguments)
    assert again.complete
    for name in ("emission", "populations", "correlations"):
        np.testing.assert_allclose(getattr(again, name), getattr(whole, name), atol=1e-7)
    assert len(again.diagnostics["smallest_eigenvalues"]) == 5
    # those of both parts
    assert again.diagnostics["steps"] > partial.diagnostics["steps"] > 0
    if case != "drive":
        assert again.diagnostics["error_estimate"] > partial.diagnostics["error_estimate"] > 0


def test_a_pulse_that_fails_keeps_what_was_reached():
    calls = []

    def envelope(t):
        calls.append(t)
        return np.nan if len(calls) > 200 else 1.0

    with pytest.raises(co.EvolutionError, match="envelope must be finite") as caught:
        co.evolve(
            identical(4, drive=3.0),
            "ground",
            np.linspace(0, 5, 21),
            method="symmetric",
            envelope=envelope,
        )
    assert 1 <= len(caught.value.result.times) < 21


@pytest.mark.slow
def test_cost_is_predicted_at_once_and_without_allocating():
    for n, others in ((2000, {"drive": 1.0, "pump": 0.1}), (2000, {"pump": 0.1}), (1500, {})):
        couplings = identical(n, together=0.5, **others)
        begin = time.perf_counter()
        cost = co.methods(couplings, "inverted", [0, 1]).costs["symmetric"]
        assert time.perf_counter() - begin < 5
        assert cost.bytes > 10**6


MEMORY = """
def problem(n, others):
    return co.Couplings(0.5 * np.ones((n, n)) + 0.5 * np.eye(n), np.zeros((n, n)), **others)
def run(n, others, end):
    return co.evolve(problem(n, others), "inverted", [0, end], method="symmetric", progress=False)
for case in ((150, {"pump": 1.0}, 0.04), (110, {"drive": 3.0}, 1e-4)):
    run(3, *case[1:])
    measured(lambda: run(*case))
"""


@pytest.mark.slow
def test_memory_is_predicted():
    ratios = reference.predicted_over_used(MEMORY)
    assert len(ratios) == 2
    assert all(0.7 < ratio < 1.3 for ratio in ratios)
