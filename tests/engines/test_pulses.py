"""Pulses, sweeps and a coupling that changes in time, against dense Liouvillians and closed forms."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
import qutip
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.special import erf

import collective as co

QUIET = {"progress": False}
TIGHT = {"rtol": 1e-11, "atol": 1e-13, **QUIET}
DECAY = np.array([[1.0, 0.4 + 0.2j], [0.4 - 0.2j, 0.9]])
SHIFT = np.array([[0.1, 0.7 - 0.3j], [0.7 + 0.3j, -0.2]])
PAIR = co.Couplings(DECAY, SHIFT, detunings=[0.3, -0.5], dephasing=[0.05, 0.1], pump=[0.02, 0.0])
ATOM = co.Couplings([[1.0]], [[0.0]], dephasing=0.1)


class Dense:
    """dρ/dt of Couplings with Ω(t), δ(t) and g(t), written with QuTiP's superoperators."""

    def __init__(self, couplings):
        self.n = n = len(couplings)
        self.couplings = couplings
        one = [qutip.qeye(2)] * n
        self.lower = [qutip.tensor([*one[:m], qutip.sigmam(), *one[m + 1 :]]) for m in range(n)]
        self.size = 4**n

    def generator(self, rabi, detunings, strength):
        """The Liouvillian at one moment."""
        c, lower, n = self.couplings, self.lower, self.n
        h = sum((c.detunings[m] + detunings[m]) * lower[m].dag() * lower[m] for m in range(n))
        for m in range(n):
            h += 0.5 * (rabi[m] * lower[m].dag() + np.conj(rabi[m]) * lower[m])
            for k in range(n):
                h += strength[m] * strength[k] * c.shift[m, k] * lower[m].dag() * lower[k]
        found = qutip.liouvillian(h)
        for m in range(n):
            for k in range(n):
                both, rate = lower[m].dag() * lower[k], c.decay[m, k] * strength[m] * strength[k]
                found += rate * (
                    qutip.sprepost(lower[k], lower[m].dag())
                    - 0.5 * qutip.spre(both)
                    - 0.5 * qutip.spost(both)
                )
            found += qutip.lindblad_dissipator(
                np.sqrt(2 * c.dephasing[m]) * lower[m].dag() * lower[m]
            )
            found += qutip.lindblad_dissipator(np.sqrt(c.pump[m]) * lower[m].dag())
        return found.full()

    def evolve(self, rho, times, kinks, rabi, detunings=None, strength=None):
        """ρ at the times, integrated between all kinks; functions of time that give (N,)."""
        n = self.n
        nothing, always = (lambda t: np.zeros(n)), (lambda t: np.ones(n))
        detunings, strength = detunings or nothing, strength or always
        # the generator is linear in these numbers, so that few matrices are enough
        zero = np.zeros(n)
        still = self.generator(zero, zero, zero)
        unit = np.eye(n)
        light = [
            [self.generator(f * unit[m], zero, zero) - still for f in (1.0, 1j)] for m in range(n)
        ]
        tuned = [self.generator(zero, unit[m], zero) - still for m in range(n)]
        pairs = {}
        for m in range(n):
            for k in range(m, n):
                g = unit[m] + (unit[k] if k != m else 0)
                pairs[m, k] = self.generator(zero, zero, g) - still
        whole = {
            key: value - (pairs[key[0], key[0]] + pairs[key[1], key[1]] if key[0] != key[1] else 0)
            for key, value in pairs.items()
        }

        def slope(t, y):
            w, d, g = rabi(t), detunings(t), strength(t)
            generator = still + sum(d[m] * tuned[m] for m in range(n))
            for m in range(n):
                generator = generator + w[m].real * light[m][0] + w[m].imag * light[m][1]
            for (m, k), value in whole.items():
                generator = generator + g[m] * g[k] * value
            return generator @ y

        stops = sorted({*times, *(k for k in kinks if times[0] < k < times[-1])})
        now, found = qutip.operator_to_vector(rho).full()[:, 0].astype(complex), [rho.full()]
        for a, b in pairwise(stops):
            eps = 1e-13 * (b - a)

            def inside(t, y, a=a, b=b, eps=eps):
                return slope(min(max(t, a + eps), b - eps), y)

            now = solve_ivp(
                inside, (a, b), now, method="DOP853", rtol=1e-12, atol=1e-14,
                max_step=(b - a) / 5,
            ).y[:, -1]  # fmt: skip
            if b in times:
                side = 2**n
                found.append(now.reshape((side, side), order="F"))
        return np.array(found)


def ground(n):
    return qutip.tensor([qutip.ket2dm(qutip.basis(2, 1))] * n)


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
    rho = qutip.operator_to_vector(ground(2)).full()[:, 0]
    for span, generator in steps:
        rho = expm(generator * span) @ rho
    for times in ([0, 4], [0, 0.7133, 0.7183, 2.01331, 2.0133 + LENGTH, 4], np.linspace(0, 4, 41)):
        result = co.evolve(PAIR, "ground", times, method="exact", drive=RAMSEY, **TIGHT)
        assert np.abs(result.last_state.full() - rho.reshape((4, 4), order="F")).max() < 1e-10


@pytest.mark.parametrize("method", ["exact", "driven"])
@pytest.mark.parametrize("times", [[0.0, 2.0], [0.0, 0.315, 1.4177, 1.5, 2.0]], ids=["few", "more"])
def test_short_pulses_between_output_times(method, times):
    """A box of light of one ratio and a Gaussian of another, on top of a constant drive."""
    couplings = PAIR.replace(drive=[0.5, 0.2j])
    kinks = [k for p in SHORT for k in p.kinks]
    expected = Dense(couplings).evolve(ground(2), times, kinks, rabi_of(SHORT, 2, couplings.drive))
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
    expected = Dense(PAIR).evolve(ground(2), times, kinks, rabi_of([pulse], 2), detunings, strength)
    options = {"drive": pulse, "detunings": detunings, "strength": strength, **TIGHT}
    result = co.evolve(PAIR, "ground", times, method="exact", observe="states", **options)
    np.testing.assert_allclose(states_of(result), expected, atol=1e-9)
    rates = [DECAY * np.outer(strength(t), strength(t)) for t in times]
    lower = Dense(PAIR).lower
    emitted = [
        sum(
            rate[m, k] * np.trace((lower[m].dag() * lower[k]).full() @ rho)
            for m in range(2)
            for k in range(2)
        )
        for rate, rho in zip(rates, expected, strict=True)
    ]
    np.testing.assert_allclose(result.emission, np.real(emitted), atol=1e-9)


def test_a_detuning_that_all_share_turns_the_frame_and_back():
    """States and operators are in the user's frame, with the phase of the sweep."""
    times, pulse = [0.0, 0.8, 1.7], co.pulse.square(rabi=[3.0, 2.0], start=0.2, length=0.9)

    def sweep(t):
        return 4 * np.cos(3 * t)

    expected = Dense(PAIR).evolve(
        ground(2), times, pulse.kinks, rabi_of([pulse], 2), lambda t: np.full(2, sweep(t))
    )
    lower = Dense(PAIR).lower[0]
    options = {"drive": pulse, "detunings": sweep, **TIGHT}
    for method in ("exact", "driven"):
        result = co.evolve(PAIR, "ground", times, method=method, observe="states", **options)
        np.testing.assert_allclose(states_of(result), expected, atol=1e-9)
        np.testing.assert_allclose(result.last_state.full(), expected[-1], atol=1e-9)
    result = co.evolve(PAIR, "ground", times, method="exact", observe={"s": lower}, **options)
    found = [np.trace(lower.full() @ rho) for rho in expected]
    np.testing.assert_allclose(result.expect["s"], found, atol=1e-9)


def test_landau_zener():
    """A sweep through resonance ends with 1 − e^{−πΩ²/2χ}: of the light, or of the emitter.

    The light is switched on and off smoothly, far from resonance, so that nothing oscillates at
    the end.
    """
    atom, chirp, rabi, end = co.Couplings([[0.0]], [[0.0]]), 1.0, 0.8, 36.0
    times = np.linspace(-end, end, 401)
    shape = 0.5 * (erf((times + 24) / 4) - erf((times - 24) / 4))
    right = 1 - np.exp(-np.pi * rabi**2 / (2 * chirp))
    light = {"rabi": rabi, "interpolation": "cubic"}
    chirped = co.pulse.from_array(times, shape, chirp=chirp, **light)
    plain = co.pulse.from_array(times, shape, **light)
    sweep = co.pulse.table([-end, end], [chirp * end, -chirp * end])
    for options in ({"drive": chirped}, {"drive": plain, "detunings": sweep}):
        found = co.evolve(atom, "ground", [-end, end], method="exact", **options, **TIGHT)
        assert abs(found.excitation[-1] - right) < 1e-6


@pytest.mark.parametrize("unit", [1.0, 3e7])
def test_units_and_a_late_start_change_nothing(unit):
    late, pulse = 50.0, co.pulse.gaussian(area=[2.0, 1.0], centre=0.51, width=0.02, chirp=300.0)
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


ENGINES = {
    "symmetric": "symmetric",
    "capped": co.engines.Capped(2) if hasattr(co.engines, "Capped") else "capped",
    "cumulants": "cumulants",
}


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
