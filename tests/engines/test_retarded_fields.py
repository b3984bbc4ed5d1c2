"""One excitation in fields that are sampled over frequency, against routes that do not sample."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss
from scipy.linalg import expm

import collective as co
from collective.engines.retarded.rational import Fit
from collective.engines.retarded.remainder import Problem, remainder
from collective.fields.memory import Memory

K = 2 * np.pi
RETARDED = {"method": "retarded", "progress": False}
SILVER = co.materials.Drude.from_value(-50 + 0.6j, K)
WIRE = co.Nanowire(0.01, SILVER)


def along(tensor, k):
    """A scattered tensor of which x-dipoles of linewidth 1 have this −k²d·G·d, (..., 3, 3)."""
    found = np.zeros((*np.shape(tensor), 3, 3), dtype=complex)
    found[..., 0, 0] = tensor / (-3 * np.pi / K**3 * k**2)
    return found


class Resonance(co.Field):
    """One lossy mode: Σ = g(r)g(r')/(ω − ν), which is not told to anyone."""

    def __init__(self, g, nu, frequency):
        self.g, self.nu, self.frequency = g, nu, frequency

    def scattered(self, r, r_source, k):
        omega = (k - K) / K * self.frequency
        size = self.g * np.cos(2 * np.asarray(r)[..., 2])
        return along(
            size * self.g * np.cos(2 * np.asarray(r_source)[..., 2]) / (omega - self.nu), k
        )


class Fibre(co.Field):
    """A guide of refractive index n: only the guided light couples different places."""

    def __init__(self, rate, index):
        self.rate, self.index = rate, index

    def scattered(self, r, r_source, k):
        z = np.abs(np.asarray(r)[..., 2] - np.asarray(r_source)[..., 2])
        return along(-0.5j * self.rate * np.exp(1j * (K + self.index * (k - K)) * z), k)


class OwnMirror(co.Field):
    """A mirror that says nothing about delays."""

    def scattered(self, r, r_source, k):
        return co.Mirror().scattered(r, r_source, k)


@pytest.mark.parametrize(
    ("g", "linewidth", "detuning"),
    [(0.5, 8.0, 0.0), (3.0, 1e-3, 0.7), (20.0, 5.0, -3.0), (0.3, 1e-5, 0.01)],
)
def test_a_resonance_in_a_sampled_field_is_a_mode_that_is_kept(g, linewidth, detuning):
    """Purcell decay, Rabi oscillations, and a line that is far narrower than 1/t: 3 × 3 matrices."""
    frequency, times = 1e8, np.linspace(0, 8, 25)
    nu = detuning - 0.5j * linewidth
    pair = co.chain(2, 0.3, frequency=frequency)
    field = Resonance(g, nu, frequency)
    couplings = co.couple(pair, field, shift="resonant")
    result = co.evolve(couplings, co.states.single(0), times, **RETARDED)
    vacuum = co.couple(pair, co.Vacuum())
    h = np.zeros((3, 3), dtype=complex)
    h[:2, :2] = vacuum.shift - 0.5j * vacuum.decay
    h[2, :2] = h[:2, 2] = g * np.cos(2 * pair.positions[:, 2])
    h[2, 2] = nu
    every = np.array([expm(-1j * h * t)[:, 0] for t in times])
    expected, slopes = every[:, :2], -1j * (every @ h.T)[:, :2]
    np.testing.assert_allclose(result.populations, np.abs(expected) ** 2, atol=3e-8)
    emission = -2 * np.sum((expected.conj() * slopes).real, axis=1)
    np.testing.assert_allclose(result.emission[1:], emission[1:], atol=1e-7 * (1 + g**2))
    assert result.diagnostics["error_bound"] < 1e-7


@pytest.mark.parametrize("index", [3.0, 60.0])
def test_the_delay_of_a_sampled_guide_is_found(index):
    """Against the delays themselves, given by hand."""
    atoms = co.chain(3, 0.3, frequency=1e3)
    field = Fibre(5.0, index)
    couplings = co.couple(atoms, field, shift="resonant")
    distance = np.abs(np.subtract.outer(atoms.positions[:, 2], atoms.positions[:, 2]))

    class Told:
        def coefficients(self, emitters):
            return couplings.decay, couplings.shift

        def memory(self, emitters):
            vacuum = co.Vacuum().memory(emitters)
            guided = -2.5j * np.exp(1j * K * distance)
            return Memory(
                np.concatenate([vacuum.strengths, [guided]]),
                np.concatenate([vacuum.delays, [index * distance / emitters.speed_of_light]]),
                vacuum.couplings,
                vacuum.frequencies,
                np.concatenate([vacuum.changes, np.zeros((1, 3, 3))]),
            )

    told = co.Couplings(couplings.decay, couplings.shift, emitters=atoms, field=Told())
    times = np.linspace(0, 3, 31)
    found, expected, markov = (
        co.evolve(c, co.states.single(0), times, method=method, progress=False)
        for c, method in ((couplings, "retarded"), (told, "retarded"), (told, "single"))
    )
    np.testing.assert_allclose(found.populations, expected.populations, atol=1e-9)
    np.testing.assert_allclose(found.emission, expected.emission, atol=1e-7)
    assert np.abs(markov.populations - expected.populations).max() > 0.005
    assert found.diagnostics["error_bound"] < 1e-8


def test_a_mirror_far_away_is_found_from_its_spectrum():
    """As from its delays. Both are right to first order in Γ/ω₀, beside the delay of 0.5/Γ."""
    frequency = 400.0
    atoms = co.Emitters([[0, 0, 16.1], [0.3, 0, 16.4]], dipoles=(1, 0, 0), frequency=frequency)
    times = np.linspace(0, 6, 61)
    hidden = co.couple(atoms, OwnMirror(), level_shifts=False)
    known = co.couple(atoms, co.Mirror(), level_shifts=False)
    found, expected, markov = (
        co.evolve(c, co.states.single(0), times, method=method, progress=False)
        for c, method in ((hidden, "retarded"), (known, "retarded"), (known, "single"))
    )
    away = np.abs(found.populations - expected.populations).max()
    assert away < 0.1 / frequency
    assert np.abs(markov.populations - expected.populations).max() > 10 * away


@pytest.mark.parametrize("shift", ["full", "rwa"])
def test_shifts_that_are_not_resonant_stay_without_delay(shift):
    """A close mirror, as `Mirror` has it, to first order in 1/ω₀."""
    frequency, times = 1e6, np.linspace(0, 4, 21)
    atoms = co.Emitters([[0, 0, 0.1], [0.2, 0, 0.15]], dipoles=(1, 0, 0), frequency=frequency)
    couplings = [co.couple(atoms, field, shift=shift) for field in (OwnMirror(), co.Mirror())]
    found, expected = (co.evolve(c, co.states.single(0), times, **RETARDED) for c in couplings)
    np.testing.assert_allclose(found.populations, expected.populations, atol=10 / frequency)
    resonant = co.couple(atoms, OwnMirror(), shift="resonant")
    other = co.evolve(resonant, co.states.single(0), times, **RETARDED)
    assert np.abs(found.populations - other.populations).max() > 0.01


def spectrum_without_delays(memory, half=2000.0, vacuum=None):
    """A spectrum whose reference is the Markov limit: all that Σ(ω) does is left.

    The source of a vacuum's changing strengths is taken off, as in the equation with delays.
    """
    n = len(memory)

    def caused(omega):
        if vacuum is None:
            return np.zeros((len(omega), n, n))
        return -vacuum.changes[0] * np.exp(1j * omega[:, None, None] * vacuum.delays[0])

    flat = Memory(
        memory.self_energy(0.0)[None],
        np.zeros((1, n, n)),
        np.zeros((0, n)),
        np.zeros(0),
    )
    return SimpleNamespace(
        memory=flat,
        middle=0.0,
        half=half,
        error=0.0,
        left=lambda omega: memory.self_energy(omega) - memory.self_energy(0.0),
        caused=caused,
    )


@pytest.mark.parametrize(
    "field",
    [
        co.Waveguide(1.0, K, group_velocity=0.5),
        co.Waveguide(1.0, K, group_velocity=0.5, mirror=-0.4, chirality=0.3),
        co.Cavity(0.6, 1.3, 0.4),
    ],
)
def test_the_integral_over_frequency_agrees_with_the_delays(field):
    """All delays and modes by the integral alone, beside exponentials without delay."""
    atoms = co.chain(2, 0.3)
    times = np.linspace(0, 4, 17)
    memory = field.memory(atoms)
    markov = memory.self_energy(0.0)
    start = np.array([[1.0], [0.0]], dtype=complex)
    problem = Problem(
        spectrum_without_delays(memory),
        1.0,
        np.zeros((2, 2)),
        start,
        np.linalg.norm(markov, 2),
        4.0,
    )
    added = remainder(problem, times, 0.0, 1e-8)
    amplitudes = np.array([expm(-1j * markov * t) @ start for t in times]) + added.amplitudes
    couplings = co.Couplings(*field.coefficients(atoms), emitters=atoms, field=field)
    expected = co.evolve(couplings, co.states.single(0), times, **RETARDED)
    away = np.abs(np.abs(amplitudes[..., 0]) ** 2 - expected.populations).max()
    assert away < 2 * (added.error + added.outside) < 1e-2
    assert np.abs(added.amplitudes).max() > 0.05


def test_samples_of_a_mirror_solve_the_integral_with_its_own_delays():
    """[ω − δ − Σ(ω)]⁻¹c(0) with Σ of `Mirror.memory`, right to second order in 1/ω₀."""
    frequency, times = 1e4, np.linspace(0, 5, 26)
    atoms = co.Emitters([[0, 0, 0.3], [0.2, 0, 2.6]], dipoles=(1, 0, 0), frequency=frequency)
    couplings = co.couple(atoms, OwnMirror(), level_shifts=False)
    found = co.evolve(couplings, co.states.single(0), times, **RETARDED)
    memory, markov = co.Mirror().memory(atoms), couplings.shift - 0.5j * couplings.decay
    spectrum = spectrum_without_delays(memory, 3000.0, co.Vacuum().memory(atoms))
    rest = markov - memory.self_energy(0.0)
    start = np.array([[1.0], [0.0]], dtype=complex)
    problem = Problem(spectrum, 1.0, rest, start, np.linalg.norm(markov, 2), times[-1])
    amplitudes = remainder(problem, times, 0.0, 1e-9).amplitudes
    amplitudes = amplitudes + [expm(-1j * markov * t) @ start for t in times]
    away = np.abs(np.abs(amplitudes[..., 0]) ** 2 - found.populations).max()
    markovian = co.evolve(couplings, co.states.single(0), times, method="single")
    assert away < 3e-8
    assert np.abs(markovian.populations - found.populations).max() > 1e3 * away


@pytest.mark.slow
def test_time_in_each_emitter_at_a_wire_follows_from_the_tensor():
    r"""\int|c_m|²dt = \int|[ω − δ − Σ(ω)]⁻¹_{m0}|²dω/2π by Parseval, Σ from the wire's tensor."""
    frequency = 1e6
    pair = co.Emitters([[0.03, 0, 0], [0.03, 0, 2.2]], dipoles=(1, 0, 0), frequency=frequency)
    couplings = co.couple(pair, WIRE, level_shifts=False)
    nodes, weights = leggauss(16)
    begins = np.linspace(0, 1.5, 61)[:-1, None]
    width = 1.5 / 60
    times = (begins + width / 2 * (1 + nodes)).ravel()
    result = co.evolve(
        couplings, co.states.single(0), np.concatenate([[0.0], times, [1.5]]), **RETARDED
    )
    assert result.excitation[-1] < 1e-9
    inside = np.tile(width / 2 * weights, 60) @ result.populations[1:-1]

    turn, scale = np.pi / 2 * 0.999, float(couplings.decay[0, 0])
    angles, of_angles = leggauss(160)
    omega = scale * np.tan(turn * angles)
    measure = of_angles * turn * scale / np.cos(turn * angles) ** 2
    at_resonance = couplings.shift - 0.5j * couplings.decay

    def sandwich(k):
        green = WIRE.green(pair.positions[:, None], pair.positions, k)
        return -3 * np.pi / K**3 * k**2 * green[..., 0, 0]

    rest = np.diag(np.diag(at_resonance - sandwich(K)))  # of level shifts that are left out
    sigma = np.array([sandwich(K + x / pair.speed_of_light) for x in omega]) + rest
    column = np.linalg.inv(omega[:, None, None] * np.eye(2) - sigma)[:, :, 0]
    expected = measure @ np.abs(column) ** 2 / (2 * np.pi)
    expected[0] += 2 / (2 * np.pi * scale * np.tan(turn))  # of 1/ω² beyond
    np.testing.assert_allclose(inside, expected, rtol=2e-5)


@pytest.mark.slow
def test_nothing_arrives_along_a_wire_before_light_can():
    frequency = 3e3
    pair = co.Emitters([[0.05, 0, 0], [0.05, 0, 4.2]], dipoles=(1, 0, 0), frequency=frequency)
    delay = 4.2 / pair.speed_of_light
    times = np.linspace(0, 6 * delay, 61)
    couplings = co.couple(pair, WIRE, level_shifts=False)
    result = co.evolve(couplings, co.states.single(0), times, **RETARDED)
    early = times < 0.98 * delay
    bound = result.diagnostics["error_bound"]
    assert np.sqrt(result.populations[early, 1].max()) < bound < 1e-3
    assert np.sqrt(result.populations[-1, 1]) > 20 * bound  # the plasmon is slower than light
    slow = 4.2 * WIRE.plasmon(K).real / K / pair.speed_of_light
    assert np.sqrt(result.populations[times < 0.9 * slow, 1].max()) < 0.1 * np.sqrt(
        result.populations[:, 1].max()
    )


@pytest.mark.slow
def test_a_wire_has_its_markov_limit_with_an_error_that_is_proportional():
    away, times = [], np.linspace(0, 0.3, 16)
    places = [[0.03, 0, 0], [0.03, 0, 0.4]]
    for frequency in (1e6, 2e6, 4e6):
        pair = co.Emitters(places, dipoles=(1, 0, 0), frequency=frequency)
        couplings = co.couple(pair, WIRE, level_shifts=False)
        found, markov = (
            co.evolve(couplings, co.states.single(0), times, method=method, progress=False)
            for method in ("retarded", "single")
        )
        away.append(np.abs(found.populations - markov.populations).max())
    np.testing.assert_allclose(np.array(away[:-1]) / away[1:], 2.0, rtol=0.05)
    assert away[0] < 1e-3


def test_the_unit_of_rate_does_not_matter():
    times = np.linspace(0, 4, 9)
    found = []
    for unit in (1.0, 3e5):
        nu = unit * (0.4 - 0.3j)
        atoms = co.chain(2, 0.3, decay_rates=unit, frequency=1e6 * unit)
        field = Resonance(np.sqrt(unit) * np.sqrt(unit) * 0.9 / np.sqrt(unit), nu, 1e6 * unit)
        couplings = co.couple(atoms, field, shift="resonant")
        found.append(co.evolve(couplings, co.states.single(0), times / unit, **RETARDED))
    np.testing.assert_allclose(found[0].populations, found[1].populations, atol=1e-9)
    bands = [np.array(result.diagnostics["spectrum"]["band"]) for result in found]
    np.testing.assert_allclose(bands[1], 3e5 * bands[0], rtol=1e-9)


def test_an_interrupted_run_continues(tmp_path, interrupted_at):
    pair = co.couple(co.chain(2, 0.3, frequency=1e3), Fibre(2.0, 60.0), shift="resonant")
    times = np.linspace(0, 2, 13)
    whole = co.evolve(pair, co.states.single(0), times, **RETARDED)
    options = {"checkpoint": tmp_path / "run.npz", **RETARDED}
    with interrupted_at(12):
        part = co.evolve(pair, co.states.single(0), times, **options)
    assert not part.complete
    rest = co.evolve(pair, co.states.single(0), times, **options)
    np.testing.assert_array_equal(rest.populations, whole.populations)
    assert rest.diagnostics["error_bound"] == whole.diagnostics["error_bound"]


class OneColour(co.Field):
    """Known at one wave number alone, beside which it fails."""

    def scattered(self, r, r_source, k):
        if abs(k - K) > 1e-9:
            raise RuntimeError("the file ends here")
        return co.Mirror().scattered(r, r_source, k)


class Model:
    """Γ and Δ, and nothing else."""

    def coefficients(self, emitters):
        return np.eye(len(emitters)), np.zeros((len(emitters), len(emitters)))


PLACES = np.array([[0, 0, 0.1], [0.3, 0, 0.2]])
ATOMS = co.Emitters(PLACES, dipoles=(1, 0, 0), frequency=1e5)
ONE_COLOUR = co.SampledField(
    PLACES, [K], [co.Mirror().scattered(PLACES[:, None], PLACES, K)], content="scattered"
)


@pytest.mark.parametrize(
    ("atoms", "field", "message"),
    [
        (ATOMS.replace(frequency=None), OwnMirror(), "frequency is required: the spectrum"),
        (ATOMS.replace(frequency=12.0), OwnMirror(), "too fast for the frequency 12"),
        (ATOMS.replace(detunings=[0.0, 50.0]), OwnMirror(), "different wave numbers"),
        (ATOMS, ONE_COLOUR, "needed at all wave numbers from 6.28.*1 real wave number"),
        (ATOMS, OneColour(), "needed at all wave numbers.*RuntimeError: the file ends here"),
        (ATOMS, co.Plasma(2.0), "at most one excitation"),
        (ATOMS, Model(), "neither a Green's tensor nor memory"),
        (
            ATOMS.replace(positions=PLACES + np.array([0.2, 0, 0])),
            co.Nanowire(0.1, -50 + 0.6j),
            r"has no spectrum: permittivity -50\+0.6j is one number",
        ),
    ],
)
def test_a_field_without_a_spectrum_is_refused_by_name(atoms, field, message):
    options = {} if isinstance(field, Model) else {"level_shifts": False}
    couplings = co.couple(atoms, field, **options)
    state = "inverted" if isinstance(field, co.Plasma) else co.states.single(0)
    with pytest.raises(ValueError, match=f"(?s)method 'retarded'.*{message}"):
        co.evolve(couplings, state, [0.0, 1.0], **RETARDED)


def test_rates_of_another_field_are_refused():
    couplings = co.couple(ATOMS, OwnMirror(), level_shifts=False)
    other = co.Couplings(
        1.1 * couplings.decay, couplings.shift, emitters=ATOMS, field=couplings.field
    )
    with pytest.raises(ValueError, match="Γ of these couplings differs by"):
        co.evolve(other, co.states.single(0), [0.0, 1.0], **RETARDED)


def test_dynamics_that_is_too_fast_for_the_frequency_is_said():
    atoms = co.chain(2, 0.3, frequency=150.0)
    couplings = co.couple(atoms, Fibre(20.0, 2.0), shift="resonant")
    weaker = co.couple(atoms, Fibre(4.0, 2.0), shift="resonant")
    with pytest.raises(ValueError, match="is too fast for the frequency 150"):
        co.evolve(couplings, co.states.single(0), [0.0, 1.0], **RETARDED)
    assert co.evolve(weaker, co.states.single(0), [0.0, 1.0], **RETARDED).complete


@pytest.mark.parametrize(("detuning", "found"), [(400.0, True), (6e7, False)])
def test_a_resonance_far_from_the_emitters_is_found_or_said(detuning, found):
    """It takes g²/(detuning)² of the amplitude, back and forth."""
    g, frequency, times = detuning / 40, 1e8, np.linspace(0, 2, 41)
    atom = co.chain(1, 0.3, frequency=frequency)
    alone = co.couple(atom, Resonance(g, detuning - 0.5j, frequency), shift="resonant")
    result = co.evolve(alone, "inverted", times, **RETARDED)
    h = np.array([[-0.5j, g], [g, detuning - 0.5j]])
    expected = np.array([np.abs(expm(-1j * h * t)[0, 0]) ** 2 for t in times])
    away = np.abs(result.excitation - expected).max()
    bound = result.diagnostics["error_bound"]
    assert away < 4 * bound
    assert (bound < 1e-5) == found
    assert bound < 1e-3


def test_a_field_that_is_not_causal_is_found_out():
    """A mode that gains energy has its pole above the real axis."""
    atom = co.chain(1, 0.3, frequency=1e5)
    times = np.linspace(0, 10, 11)
    errors = []
    for nu in (-0.5j, 0.5j):
        alone = co.couple(atom, Resonance(0.3, nu, 1e5), shift="resonant")
        if nu.imag < 0:
            run = co.evolve(alone, "inverted", times, **RETARDED)
        else:
            with pytest.warns(UserWarning, match="or the field is not causal"):
                run = co.evolve(alone, "inverted", times, **RETARDED)
        errors.append(run.diagnostics["spectrum"]["error_of_band"])
    assert errors[0] < 1e-8
    assert errors[1] > 0.01


def test_a_field_that_makes_amplitudes_grow_fast_is_found_out():
    """Light of a negative norm, −g²/(ω − ν): e^{66t} is over long before the first time seen."""
    atom = co.chain(1, 0.3, frequency=1e8)
    alone = co.couple(atom, Resonance(100j, -150 - 0.1j, 1e8), shift="resonant")
    growth = np.linalg.eigvals(np.array([[-0.5j, 100j], [100j, -150 - 0.1j]])).imag.max()
    assert growth == pytest.approx(66, abs=1)
    with pytest.warns(UserWarning, match="or the field is not causal"):
        run = co.evolve(alone, "inverted", np.linspace(0, 10, 11), **RETARDED)
    assert run.diagnostics["error_bound"] > 0.05


@pytest.mark.parametrize("time", [0.0, 3.0])
def test_one_time_is_the_start(time):
    pair = co.couple(co.chain(2, 0.3, frequency=1e6), Resonance(0.3, -0.5j, 1e6), shift="resonant")
    start = co.evolve(pair, co.states.single(1), [time], **RETARDED)
    np.testing.assert_array_equal(start.populations, [[0, 1]])


def test_the_cost_counts_the_frequencies():
    couplings = co.couple(ATOMS, OwnMirror(), level_shifts=False)
    cost = co.methods(couplings, co.states.single(0), [0.0, 1.0]).costs["retarded"]
    assert "130 frequencies of the field" in cost.work
    assert cost.seconds > 0


def test_an_error_that_is_estimated_is_not_called_a_bound():
    pairs = (co.couple(ATOMS, field, level_shifts=False) for field in (OwnMirror(), co.Mirror()))
    own, known = (str(co.evolve(c, co.states.single(0), [0.0, 1.0], **RETARDED)) for c in pairs)
    assert "error ≈" in own
    assert "error ≤" in known


def fitted(function, ends=100.0, tolerance=1e-9):
    count = []

    def sampled(x):
        count.extend(x)
        return function(x)[:, None]

    support = ends * np.array([-1, -0.1, -0.01, 0, 0.01, 0.1, 1])
    return Fit(sampled, support, lambda x: tolerance * np.maximum(1, np.abs(x))), len(count)


@pytest.mark.parametrize(
    ("function", "most"),
    [
        (lambda x: 1 / (x - 0.3 + 1e-6j), 40),
        (lambda x: 1 / (x - 0.3 + 1e-2j) + 2 / (x + 7 + 1j) + np.exp(0.05j * x), 90),
        (lambda x: (1 + 1e-3 * x**2) * np.exp(0.1j * x), 90),
        (lambda x: 0j * x, 40),
        (lambda x: 0j * x + 2, 40),
    ],
)
def test_a_rational_function_needs_few_samples(function, most):
    fit, count = fitted(function)
    x = np.linspace(-99, 99, 4001) + 0.05j
    np.testing.assert_allclose(fit.rational(x)[:, 0], function(x), atol=1e-6, rtol=1e-7)
    assert fit.error <= 1
    assert count <= most


def test_noise_of_the_samples_ends_the_search_and_is_reported():
    noise = np.random.default_rng(3)
    fit, count = fitted(lambda x: 1 / (x + 5j) + 1e-5 * noise.normal(size=len(x)))
    assert 1e-6 < 1e-9 * fit.error < 1e-2
    assert count < 250
