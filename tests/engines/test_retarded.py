"""One excitation with delay and with modes that keep light, against closed forms of other kinds."""

from math import comb, factorial

import numpy as np
import pytest
import qutip
from numpy.polynomial.legendre import leggauss
from scipy.special import lambertw

import collective as co

K = 2 * np.pi
RETARDED = {"method": "retarded", "progress": False}
TIMES = np.linspace(0, 8, 33)


def echoes(times, at_once, returned, delay, of_slope=0.0):
    """The solution of ċ = −a c(t) + b c(t − τ) + g ċ(t − τ) with c(0) = 1.

    Its Laplace transform 1/((s + a) − (b − ga)e^{−sτ}/(1 − ge^{−sτ})) in powers of e^{−sτ} has a
    term for each return of the light.
    """
    found, most = np.zeros(len(times), dtype=complex), int(times[-1] / delay)
    for k in range(most + 1):
        for j in range(most + 1 - k if k and of_slope else 1):
            since = np.clip(times - (k + j) * delay, 0, None)
            size = comb(k - 1 + j, j) * of_slope**j if k else 1.0
            term = ((returned - of_slope * at_once) * since) ** k / factorial(k)
            term = size * term * np.exp(-at_once * since)
            found += np.where(times >= (k + j) * delay, term, 0)
    return found


def guide(**options):
    return co.Waveguide(1.0, K, **{"group_velocity": 0.5, **options})


def one_excitation(sign):
    up, down = qutip.basis(2, 0), qutip.basis(2, 1)
    return (qutip.tensor(up, down) + sign * qutip.tensor(down, up)).unit()


@pytest.mark.parametrize(("place", "rate"), [(0.5, 1.0), (0.27, 1.0), (-0.4, 6.0)])
def test_an_emitter_before_a_mirror_sees_its_own_light_come_back(place, rate):
    """Dorner and Zoller, Phys. Rev. A 66, 023816 (2002)."""
    field = co.Waveguide(rate, K, group_velocity=0.5, mirror=0.0)
    alone = co.couple(co.Emitters([[0, 0, place]]), field)
    result = co.evolve(alone, "inverted", TIMES, **RETARDED)
    back = rate / 2 * np.exp(2j * K * abs(place))
    expected = echoes(TIMES, rate / 2, back, 4 * abs(place))
    np.testing.assert_allclose(result.excitation, np.abs(expected) ** 2, atol=1e-9)
    assert result.diagnostics["error_bound"] < 1e-8


@pytest.mark.parametrize("place", [12345.0, 1000000.5, 5574205.0])
def test_a_node_far_from_a_mirror_where_gamma_is_round_off_is_not_refused(place):
    """There direct and returned light cancel, and Γ is their round-off, 10⁻¹⁷ γ or less."""
    delay = 1.0
    field = co.Waveguide(1.0, K, group_velocity=2 * place / delay, mirror=0.0)
    result = co.evolve(
        co.couple(co.Emitters([[0, 0, place]]), field), "inverted", TIMES, **RETARDED
    )
    expected = echoes(TIMES, 0.5, 0.5, delay)
    np.testing.assert_allclose(result.excitation, np.abs(expected) ** 2, atol=1e-7)


@pytest.mark.parametrize("sign", [1, -1])
def test_two_emitters_in_a_guide_by_echoes_and_by_poles_of_lambert(sign):
    """Poles s = −γ/2 + W(∓(γτ/2) e^{iφ + γτ/2})/τ with residues 1/(1 + W), Milonni and Knight."""
    pair = co.couple(co.chain(2, 0.3), guide())
    result = co.evolve(pair, one_excitation(sign), TIMES, **RETARDED)
    phase, delay = np.exp(1j * K * 0.3), 0.6
    expected = echoes(TIMES, 0.5, -sign * phase / 2, delay)
    np.testing.assert_allclose(result.excitation, np.abs(expected) ** 2, atol=1e-9)
    branches = lambertw(-sign * phase * delay / 2 * np.exp(delay / 2), np.arange(-300, 301))
    late = TIMES[6 * delay < TIMES]
    poles = np.exp(np.multiply.outer(late, -0.5 + branches / delay)) @ (1 / (1 + branches))
    np.testing.assert_allclose(result.excitation[-len(late) :], np.abs(poles) ** 2, atol=1e-8)


@pytest.mark.parametrize("distance", [0.5, pytest.param(1.5, marks=pytest.mark.slow)])
def test_an_excitation_is_trapped_between_two_emitters(distance):
    """A bound state in the continuum keeps 1/(1 + Γτ/2) of the amplitude."""
    pair = co.couple(co.chain(2, distance), guide())
    result = co.evolve(pair, one_excitation(1), [0.0, 150.0], **RETARDED)
    np.testing.assert_allclose(result.excitation[1], (1 + distance) ** -2, atol=1e-6)
    assert abs(result.emission[1]) < 1e-6


@pytest.mark.parametrize("distance", [0.5, 1.5])
def test_excitation_and_the_light_outside_and_between_two_emitters_add_up(distance):
    """The light follows from the amplitude c of the bound pair, not from `Result.emission`.

    What leaves at both ends is Γ/2 (c(t) − c(t − τ))², what travels between them Γ/2 ∫c² over τ.
    """
    pair, delay, spans = co.couple(co.chain(2, distance), guide()), distance / 0.5, 8
    nodes, weights = leggauss(14)
    times = delay * (np.arange(spans)[:, None] + (1 + nodes) / 2)  # smooth within a delay
    times = np.concatenate([[0.0], times.ravel(), [spans * delay]])
    result = co.evolve(pair, one_excitation(1), times, **RETARDED)
    c = np.sqrt(result.excitation[1:-1]).reshape(spans, -1)  # it stays positive
    before = np.concatenate([np.zeros((1, len(nodes))), c[:-1]])
    outside = 0.5 * (c - before) ** 2 @ (delay / 2 * weights)
    between = 0.5 * c[-1] ** 2 @ (delay / 2 * weights)
    assert outside.sum() > 0.1
    assert between > 0.1
    total = result.excitation[-1] + outside.sum() + between
    np.testing.assert_allclose(total, 1.0, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"chirality": 0.4, "side_rate": 0.8},
        {"mirror": -0.4, "side_rate": (0.9, 0.8, 1.0)},
        {"mirror": 1.2, "chirality": -0.5, "side_rate": 0.8},
    ],
)
def test_time_in_each_emitter_follows_from_the_resolvent(options):
    r"""\int|c_m|²dt = \int|[ω − δ − Σ(ω)]⁻¹_{m0}|²dω/2π by Parseval, with Γ and Δ as at ω = 0."""
    field, atoms, detunings = (
        guide(group_velocity=2.0, **options),
        co.chain(3, 0.4),
        np.array([0.5, 0.0, -0.8]),
    )
    couplings = co.couple(atoms, field).replace(detunings=detunings)
    memory = field.memory(atoms)
    effective = couplings.shift - 0.5j * couplings.decay
    np.testing.assert_allclose(memory.self_energy(0.0), effective, atol=1e-13)
    nodes, weights = leggauss(6)
    begins = np.arange(0, 32, 0.2)[:, None]  # where the slope may jump
    times = (begins + 0.1 * (1 + nodes)).ravel()
    whole = co.evolve(couplings, co.states.single(0), np.concatenate([[0.0], times]), **RETARDED)
    inside = np.tile(0.1 * weights, len(begins)) @ whole.populations[1:, 1:]

    omega = np.arange(-300, 300, 0.05)
    resolvent = omega[:, None, None] * np.eye(3) - np.diag(detunings) - memory.self_energy(omega)
    column = np.linalg.solve(resolvent, np.eye(3)[:, :1])[:, 1:, 0]
    np.testing.assert_allclose(
        inside, (np.abs(column) ** 2).sum(axis=0) * 0.05 / (2 * np.pi), atol=1e-7
    )


@pytest.mark.parametrize(
    ("g", "linewidth", "detuning"),
    [(0.05, 2.0, 0.0), (0.7, 1.6, 0.0), (1.2, 0.01, -2.0), (1.5, 0.2, 0.3)],
)
def test_a_cavity_is_the_mode_itself(g, linewidth, detuning):
    """Purcell decay, a far mode and two good cavities, against H and √κ a with QuTiP."""
    couplings, aside = np.array([g, 0.6j * g]), np.array([0.1, 0.02])
    field = co.Cavity(tuple(couplings), linewidth, detuning, side_rate=tuple(aside))
    pair = co.couple(co.chain(2, 0.3), field).replace(detunings=[0.2, -0.3])
    result = co.evolve(pair, co.states.single(0), TIMES, observe="correlations", **RETARDED)

    lower, one = qutip.sigmam(), qutip.qeye(2)
    a = qutip.tensor(one, one, lower)  # at most one photon
    atoms = [qutip.tensor(lower, one, one), qutip.tensor(one, lower, one)]
    h = -detuning * a.dag() * a
    jumps = [np.sqrt(linewidth) * a]
    for atom, coupling, delta, side in zip(atoms, couplings, [0.2, -0.3], aside, strict=True):
        h += delta * atom.dag() * atom
        h += coupling * atom * a.dag() + np.conj(coupling) * atom.dag() * a
        jumps.append(np.sqrt(side) * atom)
    step = (qutip.liouvillian(h, jumps) * TIMES[1]).expm().full()
    up, down = qutip.basis(2, 0), qutip.basis(2, 1)
    rho = qutip.operator_to_vector(qutip.ket2dm(qutip.tensor(up, down, down))).full()
    for found in result.correlations:
        matrix = qutip.Qobj(rho.reshape(8, 8, order="F"), dims=a.dims)
        expected = [[(m.dag() * n * matrix).tr() for n in atoms] for m in atoms]
        np.testing.assert_allclose(found, expected, atol=1e-8)
        rho = step @ rho


@pytest.mark.parametrize("delay", [0.1, 0.7])
def test_the_emission_jumps_where_light_comes_back(delay):
    """−d|c|²/dt by ċ = −½c(t) + b c(t − τ), close to each return and in between."""
    place = delay / 4
    alone = co.couple(co.Emitters([[0, 0, place]]), guide(mirror=0.0))
    times = np.sort(np.concatenate([TIMES, np.arange(1, 9) * delay + 1e-6]))
    result = co.evolve(alone, "inverted", times, **RETARDED)
    back = np.exp(2j * K * place) / 2
    c, before = (echoes(t, 0.5, back, delay) for t in (times, times - delay))
    before = np.where(times >= delay, before, 0)
    expected = -2 * (c.conj() * (-0.5 * c + back * before)).real
    np.testing.assert_allclose(result.emission, expected, atol=1e-8)


@pytest.mark.parametrize(
    ("atoms", "field"),
    [
        (co.cloud(8, 1.0, seed=2, min_distance=0.1, frequency=300.0), co.Vacuum()),
        (co.Emitters([[0, 0, 0.3], [0.5, 0, 0.9], [0.4, 1, 2]], frequency=50.0), co.Mirror()),
    ],
)
def test_the_error_stays_below_its_bound_in_few_steps(atoms, field):
    """Close to the first arrivals, where each pair has a delay of its own, and later."""
    longest = field.memory(atoms).delays.max()
    times = np.unique(np.concatenate([np.linspace(0, 3 * longest, 97), np.linspace(0, 4, 9)]))
    rough, fine = (
        co.evolve(co.couple(atoms, field), co.states.single(0), times, **RETARDED, rtol=rtol)
        for rtol in (1e-6, 1e-10)
    )
    assert rough.diagnostics["error_bound"] <= 1e-6
    away = np.abs(np.sqrt(rough.populations) - np.sqrt(fine.populations)).max()
    assert away < rough.diagnostics["error_bound"]
    assert rough.diagnostics["steps"] < 250


def test_three_emitters_are_excited_one_after_the_other():
    """The second is on the way to the third, and the first sends light to both."""
    atoms = co.chain(3, 0.4, frequency=40.0)
    delay = 0.4 / atoms.speed_of_light
    times = np.linspace(0, 4, 33) * delay
    result = co.evolve(co.couple(atoms, co.Vacuum()), co.states.single(0), times, **RETARDED)
    for m in (1, 2):
        assert result.populations[times < 0.99 * m * delay, m].max() < 1e-25
        assert result.populations[-1, m] > 1e-6


@pytest.mark.parametrize("dipole", [(1, 0, 0), (0, 0, 1), (0.3, 1j, 1)])
def test_nothing_arrives_before_light_can(dipole):
    atoms = co.chain(2, 3.0, dipoles=dipole, frequency=40.0)
    delay = 3.0 / atoms.speed_of_light
    times = np.linspace(0, 4 * delay, 41)
    start = co.states.single(0)
    result = co.evolve(co.couple(atoms, co.Vacuum()), start, times, **RETARDED)
    early = times < delay
    assert result.populations[early, 1].max() < 1e-20
    assert result.populations[~early, 1].max() > 1e-6
    rate = 1 / (1 + (1.5 / 40) ** 2)  # Γ ∝ k³ to first order, at ω₀/Γ = 40
    alone = np.exp(-rate * times[early])
    np.testing.assert_allclose(result.populations[early, 0], alone, atol=1e-9)


@pytest.mark.slow
def test_a_short_delay_is_the_markov_limit_with_an_error_that_is_proportional():
    away = []
    for frequency in (1e4, 2e4, 4e4):
        chain = co.couple(co.chain(4, 0.3, frequency=frequency), co.Vacuum())
        found = [
            co.evolve(chain, co.states.single(1), TIMES, method=m, progress=False)
            for m in ("retarded", "single")
        ]
        away.append(np.abs(found[0].populations - found[1].populations).max())
    np.testing.assert_allclose(np.array(away[:-1]) / away[1:], 2.0, rtol=0.01)
    assert away[0] < 1e-3


def test_a_mirror_far_away_sends_light_back_late():
    """Echoes with Γ and Δ of the image dipole, from the formulas of a pair in vacuum.

    A strength S ∝ k² G e^{−ikr} ∝ η² + iη − 1, η = kr, changes with frequency, and Γ as k³.
    """
    place, frequency = 2.3, 30.0
    atom = co.Emitters([[0, 0, place]], dipoles=(1, 0, 0), frequency=frequency)
    result = co.evolve(co.couple(atom, co.Mirror()), "inverted", TIMES, **RETARDED)
    image = co.couple(co.chain(2, 2 * place, dipoles=(1, 0, 0)), co.Vacuum())
    strength = -(image.shift[0, 1] - 0.5j * image.decay[0, 1])
    level = co.couple(atom, co.Mirror()).shift[0, 0] - strength.real  # what is not resonant
    delay = 2 * place / atom.speed_of_light
    eta = 2 * K * place
    change = strength * delay * (2 * eta + 1j) / (eta**2 + 1j * eta - 1)
    scale = 1 / (1 + 1.5j / frequency)  # (1 − C)iċ = … with C = −(3i/2)/ω₀ of its own light
    at_once, later = 1j * scale * (level - 0.5j), -1j * scale * strength
    expected = echoes(TIMES, at_once, later, delay, of_slope=scale * change)
    np.testing.assert_allclose(result.excitation, np.abs(expected) ** 2, atol=1e-9)


def test_excitation_of_emitters_and_emission_add_up():
    """The integral of the emission, also where it is negative, is what the emitters have lost."""
    pair = co.couple(co.chain(2, 0.25), guide(mirror=-0.25))  # kinks at multiples of a half
    nodes, weights = leggauss(12)
    begins = np.arange(0, 8, 0.5)[:, None]
    times = np.concatenate([[0.0], (begins + 0.25 * (1 + nodes)).ravel(), [8.0]])
    result = co.evolve(pair, co.states.single(0), times, **RETARDED)
    assert result.emission.min() < -0.01
    emitted = np.tile(0.25 * weights, len(begins)) @ result.emission[1:-1]
    np.testing.assert_allclose(result.excitation[-1] + emitted, 1.0, atol=1e-8)


@pytest.mark.slow
def test_a_mixture_is_the_mean_of_its_parts():
    pair = co.couple(co.chain(2, 0.4), guide())
    first, second = (co.states.single(m) for m in range(2))
    up, down = qutip.basis(2, 0), qutip.basis(2, 1)
    mixed = 0.3 * qutip.ket2dm(qutip.tensor(up, down)) + 0.7 * qutip.ket2dm(qutip.tensor(down, up))
    one, other, both = (
        co.evolve(pair, s, TIMES, observe="correlations", **RETARDED)
        for s in (first, second, mixed)
    )
    expected = 0.3 * one.correlations + 0.7 * other.correlations
    np.testing.assert_allclose(both.correlations, expected, atol=1e-9)


def test_an_interrupted_run_continues_with_its_past(tmp_path, interrupted_at):
    pair, times = co.couple(co.chain(3, 0.4), guide(mirror=-0.3)), np.linspace(0, 6, 13)
    arguments = {"observe": "correlations", **RETARDED}
    whole = co.evolve(pair, co.states.single(0), times, **arguments)
    with interrupted_at(20):
        part = co.evolve(
            pair, co.states.single(0), times, checkpoint=tmp_path / "run.npz", **arguments
        )
    assert not part.complete
    assert len(part.times) > 2
    rest = co.evolve(pair, co.states.single(0), times, checkpoint=tmp_path / "run.npz", **arguments)
    np.testing.assert_array_equal(rest.correlations, whole.correlations)
    np.testing.assert_array_equal(rest.emission, whole.emission)
    assert rest.diagnostics["error_bound"] == whole.diagnostics["error_bound"]


ATOMS = co.chain(2, 0.3)


@pytest.mark.parametrize(
    ("couplings", "state", "message"),
    [
        (co.couple(ATOMS, guide()), "inverted", "at most one excitation: state inverted has 2"),
        (co.couple(ATOMS, guide()).replace(drive=1.0), "ground", "the drive is 1"),
        (co.couple(ATOMS, guide()).replace(dephasing=0.1), "ground", "the dephasing is 0.1"),
        (co.couple(ATOMS, co.Vacuum()), "ground", "frequency is required"),
        (co.couple(ATOMS, co.Waveguide(1.0, K)), "ground", "group_velocity is required"),
        (co.couple(co.chain(401, 0.3), guide()), "ground", "at most 400 emitters.* these are 401"),
        (co.couple(ATOMS, co.Plasma(2.0)), "ground", "frequency is required: the spectrum"),
        (co.Couplings(np.eye(2), np.zeros((2, 2))), "ground", "needs the emitters and the field"),
        (
            co.couple(ATOMS.replace(frequency=50.0, detunings=[0.0, 9.0]), co.Vacuum()),
            "ground",
            r"give these by couplings.replace\(detunings",
        ),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(couplings, state, message):
    with pytest.raises(ValueError, match=message):
        co.evolve(couplings, state, TIMES, **RETARDED)


def test_detunings_that_change_in_time_are_refused_also_if_all_emitters_share_them():
    """Σ(ω) is not that of another frame: a shared detuning moves the emitters from the mode."""
    pair = co.couple(ATOMS, co.Cavity(0.3, 0.5, 0.0))
    with pytest.raises(ValueError, match=r"functions of time.*replace\(detunings"):
        co.evolve(pair, co.states.single(0), TIMES, detunings=lambda t: 9.0, **RETARDED)
    away = co.evolve(pair.replace(detunings=9.0), co.states.single(0), TIMES, **RETARDED)
    assert away.excitation.min() > 0.98  # (g/δ)² stay away from the mode


@pytest.mark.parametrize("times", [[0.0, 1.0], np.linspace(0, 3, 7), np.array([0, 0.2, 0.9, 3.0])])
def test_a_mode_alone_is_followed_without_steps(times):
    """A bad cavity of κ = 10⁸: e^{−4g²t/κ} up to κ-times shorter times, and with one step."""
    alone = co.couple(co.chain(1, 0.3), co.Cavity(1e4, 1e8, 0.0))
    result = co.evolve(alone, "inverted", times, **RETARDED)
    np.testing.assert_allclose(result.excitation, np.exp(-4 * np.array(times)), atol=1e-6)
    assert result.diagnostics["steps"] == 1
    assert result.diagnostics["error_bound"] < 1e-6


def test_auto_never_takes_it_and_nobody_is_sent_to_it():
    pair = co.couple(ATOMS, guide())
    table = co.methods(pair, co.states.single(0), TIMES)
    assert "retarded" in table.costs
    assert table.chosen != "retarded"
    with pytest.raises(ValueError, match="state inverted has 2") as caught:
        co.evolve(pair, "inverted", TIMES, method="single")
    assert "retarded" not in str(caught.value)


def test_light_that_needs_time_has_no_pattern_of_one_time():
    chain = co.couple(co.chain(2, 0.3, frequency=1e3), co.Vacuum())
    result = co.evolve(chain, co.states.single(0), TIMES, observe="correlations", **RETARDED)
    with pytest.raises(ValueError, match="'retarded' needs time to arrive"):
        co.observables.angular_pattern(result, [[0, 0, 1.0]])
    assert co.observables.concurrence(result, 0, 1).shape == TIMES.shape


@pytest.mark.parametrize("field", [co.Vacuum(), co.Mirror()])
def test_the_self_energy_of_dipoles_is_exact_to_first_order(field):
    """−(3π/k₀³)√(Γ_mΓ_n) k²u*·G(k)·u at k = k₀ + ω/c, of dipoles of fixed size."""
    atoms = co.Emitters(
        [[0, 0, 0.3], [0.02, 0, 0.31], [1.5, 0.4, 0.9]],
        dipoles=[(1, 0, 0), (1, 1j, 0), (0, 1, 1)],
        decay_rates=[1, 0.5, 2],
        frequency=1e3,
    )
    u, root = atoms.dipoles, np.sqrt(atoms.decay_rates)
    memory, away = field.memory(atoms), []
    for omega in (0.1, 1.0):
        k = K + omega / atoms.speed_of_light
        green = field.green(atoms.positions[:, None], atoms.positions, k)
        sandwich = np.einsum("mi,mnij,nj->mn", u.conj(), green, u)
        # what diverges without a field is left out at both
        exact = -3 * np.pi / K**3 * k**2 * np.outer(root, root) * sandwich
        away.append(np.abs(memory.self_energy(omega) - exact).max())
    assert away[1] < 1e-4
    assert away[0] < 0.02 * away[1]


@pytest.mark.slow
def test_a_near_field_hardly_has_a_delay():
    """At 0.02 wavelengths light of the near field alone would gain Δ²τ = 0.003 Γ."""
    pair = co.couple(co.chain(2, 0.02, frequency=1e6), co.Vacuum())
    dark = one_excitation(-1)
    found, markov = (
        co.evolve(pair, dark, [0.0, 0.2], method=method, progress=False)
        for method in ("retarded", "single")
    )
    largest = 3 * pair.shift[0, 1] / 1e6  # by which Γ ∝ k³ of a shifted level changes
    np.testing.assert_allclose(found.excitation, markov.excitation, atol=largest * 1e-2)


def test_emitters_that_are_too_close_for_the_rwa_are_refused():
    with pytest.warns(co.UnitWarning):
        pair = co.couple(co.chain(2, 0.05, frequency=5.0), co.Vacuum())
    with pytest.raises(ValueError, match="the interaction changes too fast with frequency"):
        co.evolve(pair, co.states.single(0), TIMES, **RETARDED)


def test_shifts_that_are_no_small_part_of_the_frequency_are_refused():
    """To first order in Δ/ω₀ the amplitudes would grow: 1.46 excitations at Δ/ω₀ = 0.27."""
    pair = co.couple(co.chain(2, 0.0624, dipoles=(0, 0, 1), frequency=100.0), co.Vacuum())
    with pytest.raises(
        ValueError, match=r"rates and shifts of 26\.\d are 0.27 of the frequency 100"
    ):
        co.evolve(pair, co.states.single(0), np.linspace(0, 5, 60), **RETARDED)
