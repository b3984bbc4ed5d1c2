"""Pulses, sweeps and a coupling that changes in time, against dense Liouvillians and closed forms."""

import warnings
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
import qutip
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.special import erf

import collective as co
from collective.engines import timescale
from collective.engines.request import checked

QUIET = {"progress": False}
TIGHT = {"rtol": 1e-11, "atol": 1e-13, **QUIET}
DECAY = np.array([[1.0, 0.4 + 0.2j], [0.4 - 0.2j, 0.9]])
SHIFT = np.array([[0.1, 0.7 - 0.3j], [0.7 + 0.3j, -0.2]])
PAIR = co.Couplings(DECAY, SHIFT, detunings=[0.3, -0.5], dephasing=[0.05, 0.1], pump=[0.02, 0.0])
ATOM = co.Couplings([[1.0]], [[0.0]], dephasing=0.1)
STILL = co.Couplings([[0.0]], [[0.0]])


class Dense:
    """dρ/dt of Couplings with Ω(t), δ(t) and g(t), as matrices on ρ written column by column."""

    def __init__(self, couplings):
        self.couplings, self.n = couplings, len(couplings)
        down, one = np.array([[0.0, 0], [1, 0]]), np.eye(2)  # the first state is excited
        self.lower = [
            reduce(np.kron, [down if k == m else one for k in range(self.n)]) for m in range(self.n)
        ]

    def generator(self, rabi, detunings, strength):
        """The matrix at one moment."""
        c, lower, one = self.couplings, self.lower, np.eye(2**self.n)

        def both(left, right):
            return np.kron(right.T, left)

        h, found = 0j * one, 0j
        for m, raised in enumerate(x.conj().T for x in lower):
            h += (c.detunings[m] + detunings[m]) * raised @ lower[m]
            h += 0.5 * (rabi[m] * raised + np.conj(rabi[m]) * lower[m])
            jumps = [(2 * c.dephasing[m], raised @ lower[m], raised @ lower[m])]
            jumps.append((c.pump[m], raised, lower[m]))
            for k in range(self.n):
                g = strength[m] * strength[k]
                h += g * c.shift[m, k] * raised @ lower[k]
                jumps.append((g * c.decay[m, k], lower[k], raised))
            for rate, a, b in jumps:
                found += rate * (both(a, b) - 0.5 * both(b @ a, one) - 0.5 * both(one, b @ a))
        return found - 1j * (both(h, one) - both(one, h))

    def parts(self):
        """The generator without what changes, and what each number that changes adds to it.

        These are Re Ω, Im Ω, δ and the products g_mg_k.
        """
        zero, unit = np.zeros(self.n), np.eye(self.n)
        still = self.generator(zero, zero, zero)
        found = [self.generator(f * each, zero, zero) for f in (1, 1j) for each in unit]
        found += [self.generator(zero, each, zero) for each in unit]
        own = [self.generator(zero, zero, each) - still for each in unit]
        found = [each - still for each in found]
        for m, k in zip(*np.triu_indices(self.n), strict=True):
            together = self.generator(zero, zero, unit[m] + unit[k]) - still
            found.append(own[m] if m == k else together - own[m] - own[k])
        return still, np.array(found)

    def evolve(self, times, kinks, rabi, detunings=None, strength=None):
        """ρ at the times from the ground state, integrated between all kinks."""
        detunings = detunings or (lambda t: np.zeros(self.n))
        strength = strength or (lambda t: np.ones(self.n))
        still, parts = self.parts()
        now = np.zeros(4**self.n, dtype=complex)
        now[-1] = 1
        found = [now]
        for a, b in pairwise(sorted({*times, *(k for k in kinks if k < times[-1])})):

            def slope(t, y, a=a, b=b):
                t = min(max(t, a + 1e-13 * (b - a)), b - 1e-13 * (b - a))
                g = strength(t)
                light, numbers = rabi(t), np.outer(g, g)[np.triu_indices(self.n)]
                numbers = np.concatenate([light.real, light.imag, detunings(t), numbers])
                return still @ y + np.tensordot(numbers, parts, 1) @ y

            options = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-13, "max_step": (b - a) / 3}
            now = solve_ivp(slope, (a, b), now, **options).y[:, -1]
            found += [now] if b in times else []
        side = 2**self.n
        return np.array([x.reshape((side, side), order="F") for x in found])


def rabi_of(pulses, n, constant=0.0):
    return lambda t: constant + sum(np.broadcast_to(p(t), (n,)) for p in pulses) + 0j


def states_of(result):
    return np.array([rho.full() for rho in result.states])


LENGTH = 0.01
HALF = co.pulse.square(area=np.pi / 2, start=0.0, length=LENGTH)
RAMSEY = co.pulse.sequence([0.7133, HALF, 1.3, HALF])
SHORT = [
    co.pulse.square(rabi=[90.0, 40j], start=0.3111, length=0.01, phase=0.4, detuning=30.0),
    co.pulse.gaussian(area=[2.0, -1.0], centre=1.4177, width=0.003),
]


def test_two_half_pulses_and_a_wait_are_exact_whatever_the_output_times():
    """Ramsey: three exponentials of dense matrices."""
    dense = Dense(PAIR)
    on = dense.generator(np.full(2, np.pi / 2 / LENGTH), np.zeros(2), np.ones(2))
    off = dense.generator(np.zeros(2), np.zeros(2), np.ones(2))
    steps = [(0.7133, off), (LENGTH, on), (1.3, off), (LENGTH, on), (4 - 2.0133 - 2 * LENGTH, off)]
    rho = np.eye(16)[-1]
    for span, generator in steps:
        rho = expm(generator * span) @ rho
    for times in ([0, 4], [0, 0.7133, 0.7183, 2.01331, 2.0133 + LENGTH, 4], np.linspace(0, 4, 41)):
        result = co.evolve(PAIR, "ground", times, method="exact", drive=RAMSEY, **TIGHT)
        assert np.abs(result.last_state.full() - rho.reshape((4, 4), order="F")).max() < 1e-10


@pytest.mark.parametrize("method", ["exact", pytest.param("driven", marks=pytest.mark.slow)])
@pytest.mark.parametrize("times", [[0.0, 2.0], [0.0, 0.315, 1.4177, 1.5, 2.0]], ids=["few", "more"])
def test_short_pulses_between_output_times(method, times):
    """A box of light of one ratio and a Gaussian of another, on top of a constant drive."""
    couplings = PAIR.replace(drive=[0.5, 0.2j])
    kinks = [k for p in SHORT for k in p.kinks]
    expected = Dense(couplings).evolve(times, kinks, rabi_of(SHORT, 2, couplings.drive))
    result = co.evolve(
        couplings, "ground", times, method=method, drive=SHORT, observe="states", **TIGHT
    )
    np.testing.assert_allclose(states_of(result), expected, atol=1e-9)


def test_detunings_and_strength_of_every_emitter():
    """δ_m(t) and g_m(t) that differ, and a pulse."""

    def detunings(t):
        return np.array([3 * np.sin(2 * t), 0.5 * t])

    strength = co.pulse.table([0, 0.5, 1.5, 2], [[1, 1], [1, 0], [0.3, 1], [1, -1]])
    times, pulse = [0.0, 0.4, 1.1, 2.0], co.pulse.sech(area=[1.0, 2.0], centre=0.4, width=0.01)
    kinks = [*pulse.kinks, *strength.kinks]
    expected = Dense(PAIR).evolve(times, kinks, rabi_of([pulse], 2), detunings, strength)
    options = {"drive": pulse, "detunings": detunings, "strength": strength, **TIGHT}
    result = co.evolve(PAIR, "ground", times, method="exact", observe="states", **options)
    np.testing.assert_allclose(states_of(result), expected, atol=1e-9)
    rates = [DECAY * np.outer(strength(t), strength(t)) for t in times]
    lower = Dense(PAIR).lower
    emitted = [
        sum(rate[m, k] * np.trace(lower[m].T @ lower[k] @ rho) for m in range(2) for k in range(2))
        for rate, rho in zip(rates, expected, strict=True)
    ]
    np.testing.assert_allclose(result.emission, np.real(emitted), atol=1e-9)


@pytest.mark.parametrize("methods", [["exact"], pytest.param(["driven"], marks=pytest.mark.slow)])
def test_a_detuning_that_all_share_turns_the_frame_and_back(methods):
    """States and operators are in the user's frame, with the phase of the sweep."""
    times, pulse = [0.0, 0.8, 1.7], co.pulse.square(rabi=[3.0, 2.0], start=0.2, length=0.9)

    def sweep(t):
        return 4 * np.cos(3 * t)

    expected = Dense(PAIR).evolve(
        times, pulse.kinks, rabi_of([pulse], 2), lambda t: np.full(2, sweep(t))
    )
    lower = Dense(PAIR).lower[0]
    options = {"drive": pulse, "detunings": sweep, **TIGHT}
    for method in methods:
        result = co.evolve(PAIR, "ground", times, method=method, observe="states", **options)
        np.testing.assert_allclose(states_of(result), expected, atol=1e-9)
        np.testing.assert_allclose(result.last_state.full(), expected[-1], atol=1e-9)
    operator = {"s": qutip.Qobj(lower, dims=[[2, 2]] * 2)}
    result = co.evolve(PAIR, "ground", times, method="exact", observe=operator, **options)
    found = [np.trace(lower @ rho) for rho in expected]
    np.testing.assert_allclose(result.expect["s"], found, atol=1e-9)


@pytest.mark.slow
def test_landau_zener():
    """A sweep through resonance ends with 1 − e^{−πΩ²/2χ}: of the light, or of the emitter.

    The light is switched on and off smoothly, far from resonance, so that nothing oscillates at
    the end.
    """
    atom, chirp, rabi, end = co.Couplings([[0.0]], [[0.0]]), 1.0, 0.8, 30.0
    times = np.linspace(-end, end, 201)
    shape = 0.5 * (erf((times + 18) / 4) - erf((times - 18) / 4))
    right = 1 - np.exp(-np.pi * rabi**2 / (2 * chirp))
    light = {"rabi": rabi, "interpolation": "cubic"}
    chirped = co.pulse.from_array(times, shape, chirp=chirp, **light)
    plain = co.pulse.from_array(times, shape, **light)
    sweep = co.pulse.table([-end, end], [chirp * end, -chirp * end])
    for options in ({"drive": chirped}, {"drive": plain, "detunings": sweep}):
        found = co.evolve(atom, "ground", [-end, end], method="exact", **options, **QUIET)
        assert abs(found.excitation[-1] - right) < 1e-6


def test_units_and_a_late_start_change_nothing():
    unit, late, pulse = (
        3e7,
        50.0,
        co.pulse.gaussian(area=[2.0, 1.0], centre=0.51, width=0.02, chirp=300.0),
    )
    here = co.evolve(PAIR, "ground", [0, 1, 2], drive=pulse, method="exact", **TIGHT)
    scaled = co.Couplings(
        DECAY * unit, SHIFT * unit, detunings=PAIR.detunings * unit,
        dephasing=PAIR.dephasing * unit, pump=PAIR.pump * unit,
    )  # fmt: skip
    other = co.pulse.gaussian(
        area=[2.0, 1.0], centre=(0.51 + late) / unit, width=0.02 / unit, chirp=300.0 * unit**2
    )
    there = co.evolve(
        scaled, "ground", (np.array([0, 1, 2]) + late) / unit, drive=other, method="exact", **TIGHT
    )
    np.testing.assert_allclose(there.populations, here.populations, atol=2e-9)
    np.testing.assert_allclose(there.emission / unit, here.emission, atol=2e-9)


def test_a_function_with_a_short_feature_is_found():
    """An envelope that knows no kinks: a box, shorter than the distance of the output times."""

    def box(t):
        return 1.0 if 1.234 < t < 1.334 else 0.0

    atom = ATOM.replace(drive=20.0)
    known = co.pulse.square(rabi=20.0, start=1.234, length=0.1)
    right = co.evolve(ATOM, "ground", [0, 5, 10], drive=known, method="exact", **TIGHT)
    found = co.evolve(atom, "ground", [0, 5, 10], envelope=box, method="exact", **TIGHT)
    np.testing.assert_allclose(found.populations, right.populations, atol=1e-9)


def test_decay_through_a_strength_is_decay_in_another_time():
    """Without drive g(t) only changes the clock: e^{−∫g²dt}."""
    atom = co.Couplings([[1.0]], [[0.0]])
    for method in ("exact", "mean_field"):
        result = co.evolve(
            atom, "inverted", [0, 1, 2], strength=lambda t: np.sqrt(2 * t), method=method, **TIGHT
        )
        right = np.exp(-np.array([0.0, 1, 4]))
        np.testing.assert_allclose(result.populations[:, 0], right, atol=1e-9)
        np.testing.assert_allclose(result.emission, right * np.array([0, 2.0, 4]), atol=1e-9)


def test_results_with_pulses_are_saved_and_loaded(tmp_path):
    pulses = [*SHORT, co.pulse.from_array([0, 1], [1, 2j], interpolation="steps")]

    def sweep(t):
        return np.array([t, 1.0])

    strength = co.pulse.table([0, 1], [1, 0.5], interpolation="cubic")
    options = {"drive": pulses, "detunings": sweep, "strength": strength, **QUIET}
    result = co.evolve(PAIR, "ground", [0, 0.2], method="exact", **options)
    again = co.load(result.save(tmp_path / "kept"))
    assert again == result
    assert again.controls.drive == tuple(pulses)
    assert again.controls.strength == strength
    assert again.controls.detunings.name == "sweep"
    np.testing.assert_allclose(again.controls.detunings(0.13), [0.13, 1.0], atol=1e-12)


def test_a_checkpoint_belongs_to_its_pulses(tmp_path):
    def run(delay, path=tmp_path / "kept.npz"):
        drive = co.pulse.gaussian(area=1.0, centre=0.1 + delay, width=0.01)
        return co.evolve(
            ATOM, "ground", [0, 0.2, 0.3], drive=drive, detunings=np.cos, checkpoint=path,
            observe="states", method="exact", **QUIET,
        )  # fmt: skip

    first = run(0.0)
    again = run(0.0)
    assert np.array_equal(again.populations, first.populations)
    np.testing.assert_allclose(states_of(again), states_of(first), atol=1e-15)
    with pytest.raises(ValueError, match="belongs to another problem"):
        run(0.01)


def test_an_interrupted_run_continues_in_the_frame_that_turns(tmp_path):
    """States and last_state are turned for the user, and back for the engine."""
    drive = co.pulse.square(area=1.0, start=0.05, length=0.1)
    request = checked(ATOM, "ground", [0, 0.1, 0.3], drive=drive, detunings=np.cos)
    scaled = timescale.scaled(request)
    whole = co.evolve(
        ATOM, "ground", [0, 0.1, 0.3], drive=drive, detunings=np.cos, observe="states",
        method="exact", **QUIET,
    )  # fmt: skip
    inner = timescale.inward(whole, scaled)
    names = {"states": inner.states, "last_state": inner.last_state}
    outer = timescale.outward({"populations": whole.populations, **names}, scaled)
    assert np.abs(inner.last_state.full() - whole.last_state.full()).max() > 0.01
    np.testing.assert_allclose(outer["last_state"].full(), whole.last_state.full(), atol=1e-15)
    np.testing.assert_allclose(outer["states"][1].full(), whole.states[1].full(), atol=1e-15)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("symmetric", {"drive": SHORT}, "one common ratio.* use method='driven'"),
        ("driven", {"strength": np.cos}, "does not take a strength.* use method='exact'"),
        ("driven", {"detunings": lambda t: [t, 0.0]}, "differ between the emitters; use"),
        ("blocks", {"drive": HALF}, "drive"),
    ],
)
def test_engines_that_cannot_refuse_by_name(method, options, message):
    pair = co.Couplings(np.eye(2), np.zeros((2, 2)))
    with pytest.raises(ValueError, match=f"method '{method}'.*{message}"):
        co.evolve(pair, "ground", [0, 2], method=method, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drive": 1.0}, "drive must be a pulse"),
        ({"drive": co.pulse.square(rabi=[1, 2, 3], start=0, length=1)}, r"drive\[0\]: its rabi"),
        ({"detunings": lambda t: [1, 2, 3]}, "detunings must return a number or 2 numbers"),
        ({"detunings": lambda t: 1 / (t - 1)}, "detunings failed at t = 1"),
        ({"strength": lambda t: 1j}, "strength at t = 0 must be real"),
        ({"strength": lambda t: np.nan}, "strength at t = 0 must be finite"),
        ({"detunings": co.pulse.table([0, 1], [0, 1j])}, "detunings must be real"),
    ],
)
def test_bad_controls_are_named(options, message):
    pair = co.Couplings(np.eye(2), np.zeros((2, 2)))
    with pytest.raises((ValueError, TypeError), match=message):
        co.evolve(pair, "ground", [0, 1], **options)


def test_a_result_with_a_changing_strength_gives_no_pattern_of_the_light():
    pair = co.couple(co.chain(2, 0.2), co.Vacuum())
    options = {"observe": "correlations", "method": "exact", **QUIET}
    result = co.evolve(pair, "inverted", [0, 0.1], strength=np.cos, **options)
    with pytest.raises(ValueError, match="strength of the coupling changed in time"):
        co.observables.far_field(result)


def test_thermal_light_interactions_and_shared_noise_beside_a_pulse():
    """The same light as a function, which QuTiP's integrator follows."""
    warm = PAIR.replace(
        thermal_photons=0.3, ising=[[0, 2.0], [2.0, 0]], dephasing=[[0.1, 0.05], [0.05, 0.1]]
    )
    pulse = co.pulse.gaussian(rabi=[3.0, 1j], centre=1.0, width=0.2)
    found = co.evolve(warm, "ground", [0, 1, 2], drive=pulse, method="exact", **TIGHT)
    right = co.evolve(
        warm.replace(drive=[3.0, 1j]), "ground", np.linspace(0, 2, 21), method="exact",
        envelope=lambda t: np.exp(-((t - 1) ** 2) / 0.08), **TIGHT,
    )  # fmt: skip
    assert "QuTiP" in right.reason
    assert "between kinks" in found.reason
    np.testing.assert_allclose(found.populations, right.populations[::10], atol=1e-9)
    np.testing.assert_allclose(found.emission, right.emission[::10], atol=1e-9)


def test_the_only_large_value_of_a_long_array_is_not_missed():
    times, values = np.linspace(0, 1, 5001), np.zeros(5001)
    values[1003] = 1.0
    pulse = co.pulse.from_array(times, values, area=2.0)
    assert len(pulse.kinks) == 5
    found = co.evolve(STILL, "ground", [0, 1], drive=pulse, method="exact", **TIGHT)
    assert abs(found.excitation[-1] - np.sin(1.0) ** 2) < 1e-10


@pytest.mark.parametrize(
    "further", [{"detunings": lambda t: 0 * t}, {"drive": HALF.replace(rabi=1e-9)}]
)
def test_a_short_envelope_is_found_beside_other_controls(further):
    """It is zero at every time at which the strength of the light is looked at."""
    atom = STILL.replace(drive=300.0)

    def box(t):
        return 1.0 if 0.3003 < t < 0.3053 else 0.0

    found = co.evolve(atom, "ground", [0, 1], envelope=box, method="exact", **further, **TIGHT)
    assert abs(found.excitation[-1] - np.sin(0.75) ** 2) < 1e-8


@pytest.mark.parametrize(("late", "length"), [(0.0, 2e-11), (0.0, 1e-13), (1e6, 1e-5)])
def test_a_pulse_that_is_too_short_for_the_digits_of_time_is_refused(late, length):
    pulse = co.pulse.square(area=2.0, start=0.3 + late, length=length)
    with pytest.raises(ValueError, match=r"drive\[0\]: a pulse of the width .* too short"):
        co.evolve(STILL, "ground", [late, late + 1], drive=pulse)
    outside = pulse.shifted(2.0)
    assert co.evolve(STILL, "ground", [late, late + 1], drive=outside, **QUIET).excitation[-1] == 0


def test_a_pulse_as_long_as_the_run_is_one_exponential():
    """However strong it is: 10⁷ turns of the atom."""
    pulse = co.pulse.square(area=2e7 * np.pi + 2.0, start=0, length=1)
    found = co.evolve(STILL, "ground", [0, 1], drive=pulse, method="exact", **TIGHT)
    assert abs(found.excitation[-1] - np.sin(1.0) ** 2) < 1e-6


def test_a_strong_coupling_is_predicted_to_take_long():
    """Γ and Δ a hundred times as large take as long as with a constant strength."""
    strong = co.Couplings(100 * DECAY, 100 * SHIFT)
    for method in ("exact", "mean_field"):
        cost = [
            getattr(co.engines, {"exact": "Exact", "mean_field": "MeanField"}[method])().cost(
                timescale.scaled(checked(couplings, "inverted", [0, 200], strength=g))
            )
            for couplings, g in ((PAIR, lambda t: 10.0), (strong, lambda t: 1.0))
        ]
        assert 0.7 < cost[0].seconds / cost[1].seconds < 1.4


@pytest.mark.slow
def test_trajectories_stay_finite_in_a_long_time_without_light():
    """After a box of light, in many pieces in which nothing happens at all."""
    one, atom = co.engines.Trajectories(n=2), STILL.replace(drive=300.0)

    def box(t):
        return 1.0 if 0.3003 < t < 0.3053 else 0.0

    found = co.evolve(atom, "ground", [0, 0.4, 1], envelope=box, method=one, **QUIET)
    np.testing.assert_allclose(found.excitation[1:], np.sin(0.75) ** 2, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [(0.3, 0.1), (0.0, 1j)])
def test_driven_pure_states_follow_short_pulses(ratio):
    """Without any decay: one common ratio, for which vectors are evolved, and two ratios."""
    lossless = co.Couplings(np.zeros((2, 2)), SHIFT, drive=[0.3, 0.1])
    gaussian = co.pulse.gaussian(rabi=300 * np.array(ratio), centre=1.3, width=0.002)
    pulses = [HALF.shifted(0.3).replace(rabi=[90.0, 30.0]), gaussian]
    options = {"drive": pulses, "detunings": np.sin, "observe": "states", **TIGHT}
    right = co.evolve(lossless, "ground", [0, 2], method="exact", **options)
    found = co.evolve(lossless, "ground", [0, 2], method="driven", **options)
    np.testing.assert_allclose(states_of(found), states_of(right), atol=1e-9)


def test_pulses_outside_the_run_leave_every_engine_free():
    """Blocks take no drive, and there is none between these times."""
    outside = [HALF.shifted(-1.0), HALF.shifted(1.0), HALF.replace(rabi=0.0)]
    right = co.evolve(PAIR.replace(pump=0.0), "inverted", [0, 1], method="exact", **TIGHT)
    found = co.evolve(
        PAIR.replace(pump=0.0), "inverted", [0, 1], drive=outside, method="blocks", **QUIET
    )
    np.testing.assert_allclose(found.populations, right.populations, atol=1e-7)


def test_a_detuning_of_all_has_no_effect_in_mean_field_under_a_strength_of_each():
    """Nothing drives the emitters, whose dipoles exchange energy."""
    pair = co.Couplings([[1, 0.3], [0.3, 1]], [[0, 1.5], [1.5, 0]])
    options = {"strength": lambda t: [1 + 0.5 * np.sin(3 * t), 0.5], "method": "mean_field"}
    start = co.states.coherent(1.0)
    right = co.evolve(pair, start, [0, 1, 2], **options, **TIGHT)
    found = co.evolve(pair.replace(detunings=7.0), start, [0, 1, 2], **options, **TIGHT)
    np.testing.assert_allclose(found.populations, right.populations, atol=1e-9)


ENGINES = {"capped": co.engines.Capped(2)}


@pytest.mark.slow
def test_trajectories_without_jumps_follow_short_pulses():
    lossless = co.Couplings(np.zeros((2, 2)), SHIFT, drive=[0.3, 0.1])
    pulses = [HALF.shifted(0.333).replace(rabi=3 * HALF.rabi * np.array([0.3, 0.1]))]
    right = co.evolve(lossless, "ground", [0, 1, 2], drive=pulses, method="exact", **TIGHT)
    one = co.engines.Trajectories(n=1)
    found = co.evolve(lossless, "ground", [0, 1, 2], drive=pulses, method=one, **QUIET)
    np.testing.assert_allclose(found.populations, right.populations, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["TruncatedWigner", "ConditionalCumulants"])
def test_samples_follow_short_pulses(name):
    atom, pulse = (
        co.Couplings([[1.0]], [[0.0]]),
        co.pulse.gaussian(area=2, centre=0.123, width=0.01),
    )
    right = co.evolve(atom, "ground", [0, 0.3, 0.7], drive=pulse, method="exact", **TIGHT)
    method = getattr(co.engines, name)(n=2000 if name == "TruncatedWigner" else 64)
    found = co.evolve(atom, "ground", [0, 0.3, 0.7], drive=pulse, method=method, seed=1, **QUIET)
    assert np.all(np.abs(found.excitation - right.excitation) < 4 * found.excitation_error + 0.005)


@pytest.mark.slow
def test_atoms_with_manifolds_take_pulses():
    """The light of a pulse, and the same light as an envelope that the user resolves."""
    atoms = co.Atoms.isotropic([[0, 0, 0], [0, 0, 0.1]])
    wave = co.plane_wave(atoms, 4.0, direction=(0, 1, 0), polarisation=(1, 0, 1j))
    channels, state = co.couple(atoms, co.Vacuum()), co.states.levels("g 0")
    pulse = co.pulse.gaussian(rabi=wave, centre=0.4, width=0.05, detuning=3.0)
    found = co.evolve(channels, state, [0, 1], drive=pulse, **TIGHT)
    shape = pulse.replace(rabi=1.0)
    right = co.evolve(
        channels.replace(drive=wave), state, np.linspace(0, 1, 101), envelope=shape, **TIGHT
    )
    np.testing.assert_allclose(found.populations[-1], right.populations[-1], atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["symmetric", "capped", "cumulants", "driven"])
def test_engines_agree_on_short_pulses_of_one_ratio(name):
    """Each of them is exact for two emitters."""
    pair = co.Couplings([[1, 0.4], [0.4, 1]], [[0, 0.7], [0.7, 0]])
    pulses = [*RAMSEY, co.pulse.gaussian(area=1.0, centre=3.01, width=0.004, detuning=20.0)]
    times, options = [0.0, 1.0, 2.5, 4.0], {"drive": pulses, "detunings": np.sin, **TIGHT}
    right = co.evolve(pair, "ground", times, method="exact", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = co.evolve(pair, "ground", times, method=ENGINES.get(name, name), **options)
    np.testing.assert_allclose(found.populations, right.populations, atol=2e-8)
