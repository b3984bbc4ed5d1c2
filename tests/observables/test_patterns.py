"""Light in space: patterns, apertures, near fields and their figures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from random_systems import random_emitters, random_state
from scipy.integrate import dblquad

import collective as co
from collective.observables import patterns
from collective.plot import patterns as figures

VACUUM = co.Vacuum()
K = 2 * np.pi
X, Y, Z = np.eye(3)


def at_once(emitters, state="inverted", field=VACUUM, times=(0.0,), **options):
    return co.evolve(co.couple(emitters, field), state, times, observe="correlations", **options)


def random_result(seed, n=3, frequency=None):
    rng = np.random.default_rng(seed)
    extent = rng.uniform(0.05, 0.9)
    emitters = random_emitters(rng, n, extent=extent, frequency=frequency)
    return at_once(emitters, reference.as_qobj(random_state(rng, n)))


def by_hand(result, direction, t=0):
    """dR/dΩ as the double sum that it is defined by."""
    matrix = reference.far_field(result.couplings.emitters, direction)
    total = np.sum(matrix * result.correlations[t])
    assert abs(total.imag) < 1e-12
    return total.real


@pytest.fixture(scope="module")
def chain():
    return at_once(co.chain(3, 0.2, dipoles=(1, 0, 0)), times=np.linspace(0, 1, 5), method="exact")


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([None, 30.0]))
def test_pattern_over_all_directions_adds_up_to_the_emission(seed, frequency):
    result = random_result(seed, frequency=frequency)
    np.testing.assert_allclose(patterns.far_field(result).total(), result.emission, rtol=1e-8)


def test_far_field_of_emitters_far_apart_has_enough_directions():
    result = at_once(co.chain(3, 6.3, dipoles=(1, 1j, 0.3)), co.states.dicke(2))
    light = patterns.far_field(result)
    np.testing.assert_allclose(light.total(), result.emission, rtol=1e-10)
    assert light.pattern.shape == (1, *light.weights.shape)
    assert len(light.polar) > K * 12.6 / 2
    np.testing.assert_allclose(
        light.pattern[0, 5, 7],
        patterns.angular_pattern(result, light.directions()[5, 7])[0, 0],
        rtol=1e-12,
    )
    coarse = patterns.far_field(result, n_polar=4, n_azimuth=6)
    assert coarse.pattern.shape == (1, 4, 6)
    assert coarse.weights.sum() == pytest.approx(4 * np.pi)


def test_pattern_against_the_double_sum():
    result = random_result(7, n=4, frequency=50.0)
    directions = np.random.default_rng(1).normal(size=(6, 3))
    unit = directions / np.linalg.norm(directions, axis=1)[:, None]
    expected = [by_hand(result, n) for n in unit]
    np.testing.assert_allclose(
        patterns.angular_pattern(result, directions)[0], expected, rtol=1e-12
    )


def test_a_polar_figure_behind_a_polariser(chain):
    """Dipoles along x send linear light across the plane yz, half of it of each helicity."""
    shares = {None: 1.0, (1, 0, 0): 1.0, "helicity-": 0.5}
    for polarisation, share in shares.items():
        ax = figures.pattern(chain, plane="yz", time=0.0, polarisation=polarisation)
        (line,) = ax.get_lines()
        angles = line.get_xdata()
        directions = np.stack([0 * angles, np.cos(angles), np.sin(angles)], axis=1)
        whole = patterns.angular_pattern(chain, directions)[0]
        np.testing.assert_allclose(line.get_ydata(), share * whole, rtol=1e-12)
    plt.close("all")


def test_chunks_of_directions_agree_with_all_at_once(monkeypatch):
    result = random_result(3)
    directions = patterns.sphere(5, 8)[0]
    whole = patterns.angular_pattern(result, directions)
    points = patterns.near_field(result, 3 * directions)
    monkeypatch.setattr(patterns, "_CHUNK_BYTES", 1000)
    np.testing.assert_allclose(patterns.angular_pattern(result, directions), whole, rtol=1e-13)
    np.testing.assert_allclose(patterns.near_field(result, 3 * directions), points, rtol=1e-13)


def test_one_dipole():
    angles = np.linspace(0, np.pi, 7)
    directions = np.sin(angles)[:, None] * X + np.cos(angles)[:, None] * Z
    linear = at_once(co.Emitters([[0.3, -1, 2]], decay_rates=0.7))
    np.testing.assert_allclose(
        patterns.angular_pattern(linear, directions)[0],
        0.7 * 3 / (8 * np.pi) * (1 - np.cos(angles) ** 2),
        atol=1e-15,
    )
    circular = at_once(co.Emitters([[0, 0, 0]], dipoles=(1, 1j, 0)))
    np.testing.assert_allclose(
        patterns.angular_pattern(circular, directions)[0],
        3 / (16 * np.pi) * (1 + np.cos(angles) ** 2),
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_two_atoms_interfere(sign):
    # (|eg⟩ ± |ge⟩)/√2 half a wavelength apart: 1 ± cos(k d cosθ) times one dipole
    state = (qutip.basis([2, 2], [0, 1]) + sign * qutip.basis([2, 2], [1, 0])).unit()
    result = at_once(co.chain(2, 0.5, dipoles=(0, 1, 0)), state)
    angles = np.linspace(0, np.pi, 9)
    directions = np.sin(angles)[:, None] * X + np.cos(angles)[:, None] * Z
    np.testing.assert_allclose(
        patterns.angular_pattern(result, directions)[0],
        3 / (8 * np.pi) * (1 + sign * np.cos(K * 0.5 * np.cos(angles))),
        atol=1e-14,
    )


def test_a_timed_dicke_state_emits_forward():
    n = 10
    emitters = co.chain(n, 0.3, dipoles=(1, 0, 0))
    result = at_once(emitters, co.states.timed_dicke(K * Z), method="single")
    forward, backward = patterns.angular_pattern(result, [Z, -Z])[0]
    # forward all amplitudes add: N times one emitter's share
    assert forward == pytest.approx(n * 3 / (8 * np.pi), rel=1e-12)
    sine = np.sin(n * K * 0.3) / np.sin(K * 0.3)
    assert backward == pytest.approx(sine**2 / n * 3 / (8 * np.pi), abs=1e-12)
    ahead, behind = (patterns.collected(result, axis, 0.9)[0] for axis in (Z, -Z))
    assert ahead > 20 * behind
    assert ahead > 0.8 * result.emission[0]


def test_engines_agree():
    emitters = co.chain(4, 0.15, dipoles=(1, 0.5j, 0))
    times = np.linspace(0, 1, 4)
    directions = patterns.sphere(4, 6)[0]
    light = {
        method: patterns.angular_pattern(at_once(emitters, times=times, method=method), directions)
        for method in ("exact", "blocks")
    }
    np.testing.assert_allclose(light["blocks"], light["exact"], atol=1e-7)
    sampled = at_once(emitters, times=times, method=co.engines.Trajectories(n=2000), seed=5)
    error = patterns.angular_pattern(sampled, directions) - light["exact"]
    assert np.abs(error).max() < 0.02  # four standard errors of values around 0.4
    assert np.sqrt(np.mean(error**2)) < 0.008
    np.testing.assert_allclose(patterns.far_field(sampled).total(), sampled.emission, rtol=1e-8)


def test_two_half_spaces_add_up_to_the_emission():
    result = random_result(11, n=4)
    for axis in (Z, (1, -2, 0.5)):
        both = patterns.collected(result, axis, 1.0) + patterns.collected(
            result, -np.asarray(axis), 1.0
        )
        np.testing.assert_allclose(both, result.emission, rtol=1e-10)


def test_lens_above_a_dipole():
    atom = at_once(co.Emitters([[0, 0, 0]], dipoles=(1, 0, 0)))
    for aperture in (1e-5, 0.3, 0.95):
        c = np.sqrt(1 - aperture**2)
        # ∫(1 + cos²θ) d cosθ · 3/8 over the cone, (1 − c)(1 + (1 + c + c²)/3)
        share = 3 / 8 * aperture**2 / (1 + c) * (1 + (1 + c + c * c) / 3)
        assert patterns.collected(atom, Z, aperture)[0] == pytest.approx(share, rel=1e-10)


def test_tilted_lens_against_another_quadrature():
    result = random_result(5)
    axis = np.array([1, 2, -2]) / 3
    one = np.array([2, 1, 2]) / 3
    two = np.cross(axis, one)

    def ray(theta, phi):
        across = np.cos(phi) * one + np.sin(phi) * two
        return np.sin(theta) * by_hand(result, np.cos(theta) * axis + np.sin(theta) * across)

    expected, _ = dblquad(ray, 0, 2 * np.pi, 0, np.arcsin(0.6), epsabs=1e-8)
    assert patterns.collected(result, 5 * axis, 0.6)[0] == pytest.approx(expected, rel=1e-6)


def test_near_field_of_one_dipole():
    atom = at_once(co.Emitters([[0, 0, 0.2]], decay_rates=1.3))
    rng = np.random.default_rng(2)
    points = rng.normal(size=(4, 5, 3)) * 0.2
    distance = np.linalg.norm(points, axis=-1)
    cosine, rho = points[..., 2] / distance, K * distance
    across = (1 - cosine**2) * (1 - rho**-2 + rho**-4)
    along = 4 * cosine**2 * (rho**-2 + rho**-4)
    expected = 1.3 * 6 * np.pi * (K / (4 * np.pi * rho)) ** 2 * (across + along)
    found = patterns.near_field(atom, points + 0.2 * Z)
    np.testing.assert_allclose(found[0], expected, rtol=1e-11)
    assert patterns.near_field(atom, [1, 0, 0]).shape == (1,)


def test_the_near_field_becomes_the_far_field():
    result = random_result(13, n=4)
    directions = patterns.sphere(3, 4)[0]
    far = patterns.angular_pattern(result, directions)[0]
    misses = []
    for distance in (1e2, 1e4):
        flux = distance**2 * patterns.near_field(result, distance * directions)[0]
        misses.append(np.abs(flux - far).max() / far.max())
    assert misses[1] < 1e-3
    assert misses[0] / misses[1] == pytest.approx(100, rel=0.1)  # corrections ∝ 1/r


def test_near_field_at_another_emitter_against_the_coupling():
    # |k² d*·G·d|² = Δ₁₂² + Γ₁₂²/4: 6π|u*·G·u|²Γ₁ with g = (6π/k) u*·G·u
    pair = at_once(co.chain(2, 0.3), co.states.single(0))
    alone = co.Emitters([[0, 0, 0]], dipoles=pair.couplings.emitters.dipoles[0])
    intensity = patterns.near_field(at_once(alone), [0, 0, 0.3])[0]
    gamma, delta = pair.couplings.decay[0, 1], pair.couplings.shift[0, 1]
    expected = 6 * np.pi * (K / (3 * np.pi)) ** 2 * (delta**2 + gamma**2 / 4)
    assert intensity == pytest.approx(expected, rel=1e-10)


def test_near_field_beside_a_wire():
    emitters = co.Emitters([[0.06, 0, 0], [0.05, 0.04, 0.3]], dipoles=[[1, 0, 0], [0, 1j, 1]])
    start = at_once(emitters, co.states.dicke(1))
    points = np.array([[0.2, 0.1, 0.1], [-0.3, 0.2, 0.4], [0, 0.1, 1.0]])
    vacuum = patterns.near_field(start, points)
    faint = patterns.near_field(start, points, co.Nanowire(0.02, 1 + 1e-9))
    np.testing.assert_allclose(faint, vacuum, rtol=1e-7)
    silver = co.Nanowire(0.02, -50 + 0.6j)
    metal = patterns.near_field(start, points, silver)
    assert np.all(metal > 0)
    assert metal[0, 2] > 10 * vacuum[0, 2]  # light that follows the wire
    matrices = {"decay": start.couplings.decay, "shift": start.couplings.shift}
    guided = start.replace(couplings=start.couplings.replace(field=silver, **matrices))
    np.testing.assert_array_equal(patterns.near_field(guided, points), metal)
    with pytest.raises(ValueError, match=r"inside the solid matter of Nanowire"):
        patterns.near_field(guided, [0.01, 0, 0])
    with pytest.raises(ValueError, match=r"needs the far field.*Nanowire.*near_field"):
        patterns.angular_pattern(guided, Z)


def test_sphere_integrates_polynomials_exactly():
    directions, weights = patterns.sphere(6, 11)
    x, y, z = directions.T
    for values, exact in (
        (1 + 0 * z, 4 * np.pi),
        (z**10, 4 * np.pi / 11),
        (x**4 * y**4, 4 * np.pi / 105),
    ):
        assert weights @ values == pytest.approx(exact, rel=1e-12)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, rtol=1e-14)


def test_invalid_directions(chain):
    with pytest.raises(ValueError, match=r"directions\[1\] is the zero vector"):
        patterns.angular_pattern(chain, [X, 0 * X])
    for wrong in ([[1, 0]], [1, 2], np.ones((2, 2, 3))):
        with pytest.raises(ValueError, match="directions must have shape"):
            patterns.angular_pattern(chain, wrong)
    with pytest.raises(ValueError, match="directions must be finite"):
        patterns.angular_pattern(chain, [np.nan, 0, 1])
    assert patterns.angular_pattern(chain, [0, 0, 9]).shape == (5, 1)
    assert patterns.angular_pattern(chain, []).shape == (5, 0)
    expected = patterns.angular_pattern(chain, [1, 2, 2])
    for length in (1e160, 1e300, 1e-170, 1e-300):
        scaled = patterns.angular_pattern(chain, length * np.array([1, 2, 2]))
        np.testing.assert_allclose(scaled, expected, rtol=1e-13)
    with pytest.raises(ValueError, match="axis must not be the zero vector"):
        patterns.collected(chain, 0 * X, 0.5)
    with pytest.raises(ValueError, match="n_polar must be at least 1"):
        patterns.sphere(0, 4)
    with pytest.raises(ValueError, match="n_azimuth must be an integer"):
        patterns.far_field(chain, n_azimuth=2.5)


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
def test_narrow_lens_and_emitters_far_apart():
    """Two emitters 3000 wavelengths apart on the axis, against another quadrature."""
    apart, aperture = 3000.0, 0.1
    one, other = [0, 0, 0], [0, 0, apart]
    result = at_once(co.Emitters([one, other], dipoles=(1, 0, 0)), co.states.dicke(1))
    span = 1 - np.sqrt(1 - aperture**2)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    cosines = 1 - span * (1 - nodes) / 2
    # one excitation in the symmetric state: 1 + cos(kz cos θ) of one dipole across the axis
    ring = 3 / 4 * (1 + cosines**2) / 2 * (1 + np.cos(K * apart * cosines))
    expected = ring @ weights * span / 2
    np.testing.assert_allclose(patterns.collected(result, Z, aperture), expected, rtol=1e-9)


def test_lenses_against_a_finer_grid(monkeypatch):
    result = random_result(5, n=4)
    spread = at_once(co.Emitters(6 * result.couplings.emitters.positions), co.states.dicke(2))
    axis = np.array([1.0, -0.4, 0.7])
    found = [patterns.collected(spread, axis, na) for na in (0.05, 0.4, 1.0)]
    monkeypatch.setattr(patterns._sphere, "resolution", lambda largest: (150, 301))
    finer = [patterns.collected(spread, axis, na) for na in (0.05, 0.4, 1.0)]
    np.testing.assert_allclose(found, finer, rtol=1e-10)


@pytest.mark.filterwarnings("ignore::collective.UnitWarning")
def test_spheres_that_do_not_fit_into_memory(available_memory):
    available_memory(2**33)
    far = at_once(co.Emitters([[0, 0, 0], [0, 0, 20_000.0]]))
    with pytest.raises(co.ProblemTooLargeError, match=r"grid of 63\d+ × 12\d+ directions needs 7"):
        patterns.far_field(far)
    with pytest.raises(co.ProblemTooLargeError, match="with the directions you need"):
        patterns.collected(far, X, 0.9)
    with pytest.raises(co.ProblemTooLargeError, match="100000 × 100000"):
        patterns.sphere(100_000, 100_000)


def test_invalid_apertures(chain):
    with pytest.raises(ValueError, match=r"numerical_aperture is 1.2.*half space"):
        patterns.collected(chain, Z, 1.2)
    for wrong in (0, -0.3):
        with pytest.raises(ValueError, match="numerical_aperture must be above 0"):
            patterns.collected(chain, Z, wrong)


def test_invalid_points(chain):
    with pytest.raises(ValueError, match=r"at emitter 1 \(distance 0\)"):
        patterns.near_field(chain, [[1, 0, 0], chain.couplings.emitters.positions[1]])
    with pytest.raises(ValueError, match="points must have three components last"):
        patterns.near_field(chain, [[1, 0]])
    with pytest.raises(ValueError, match="points must be finite"):
        patterns.near_field(chain, [np.inf, 0, 0])
    assert patterns.near_field(chain, np.empty((0, 3))).shape == (5, 0)
    with pytest.raises(TypeError, match="field must be a Field"):
        patterns.near_field(chain, X, field=3)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("angular_pattern", (X,)), ("far_field", ()), ("collected", (X, 0.5)), ("near_field", (X,))],
)
def test_errors_name_what_a_result_lacks(chain, name, arguments):
    observable = getattr(patterns, name)
    with pytest.raises(ValueError, match=rf"{name} needs correlations: evolve\(..., observe="):
        observable(chain.replace(correlations=None), *arguments)
    bare = chain.replace(couplings=chain.couplings.replace(emitters=None))
    with pytest.raises(ValueError, match=f"{name} needs positions and dipoles"):
        observable(bare, *arguments)
    with pytest.raises(TypeError, match="result must be Result"):
        observable(chain.couplings, *arguments)
    equation = co.master_equation(co.chain(2, 0.2, frequency=100.0), VACUUM)
    beyond = co.evolve(equation, "inverted", [0, 0.1])
    refused = "not for a MasterEquation" if name != "near_field" else "needs a field"
    with pytest.raises(ValueError, match=refused):
        observable(beyond, *arguments)


def test_patterns_that_do_not_fit_into_memory(chain, available_memory):
    available_memory(10_000)
    with pytest.raises(co.ProblemTooLargeError, match="5 times and 2 directions needs"):
        patterns.angular_pattern(chain, [X, Z])


def test_polar_figure(chain):
    ax = figures.pattern({"early": chain, "late": chain}, plane="zx", time=0.26)
    assert ax.name == "polar"
    angles, rates = ax.get_lines()[0].get_data()
    # 0 points along the first axis, 90° along the second
    np.testing.assert_allclose(rates[0], patterns.angular_pattern(chain, Z)[1, 0])
    quarter = int(np.argmin(np.abs(angles - np.pi / 2)))
    np.testing.assert_allclose(rates[quarter], 0, atol=1e-12)  # along the dipoles
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["early", "late"]
    assert ax.get_title() == "t = 0.25/Γ₀"
    assert "Γ₀/sr" in ax.get_xlabel()
    assert figures.pattern(chain, ax=ax) is ax
    with pytest.raises(ValueError, match="ax must be polar axes"):
        figures.pattern(chain, ax=plt.subplots()[1])
    with pytest.raises(ValueError, match="plane must be one of"):
        figures.pattern(chain, plane="xx")
    with pytest.raises(ValueError, match="angular_pattern needs correlations"):
        figures.pattern(chain.replace(correlations=None))


def test_figure_in_space(chain):
    ax = figures.pattern_3d(chain, time=0)
    assert ax.name == "3d"
    bar = ax.figure.axes[1]
    assert "Γ₀/sr" in bar.get_ylabel()
    # three inverted dipoles along x do not interfere: 9/8π at most, and none along x
    assert bar.get_ylim()[1] == pytest.approx(9 / (8 * np.pi), rel=1e-3)
    dark = at_once(co.chain(2, 0.2), "ground")
    assert figures.pattern_3d(dark).name == "3d"
    with pytest.raises(ValueError, match="ax must be 3d axes"):
        figures.pattern_3d(chain, ax=plt.subplots()[1])
    with pytest.raises(TypeError, match="result must be Result"):
        figures.pattern_3d([chain])


def test_map_of_the_field(chain):
    ax = figures.field_map(chain, plane="yz", points=31, time=1.0)
    mesh = ax.collections[0]
    values = mesh.get_array().reshape(31, 31)
    assert values.mask[15, 15]  # the middle emitter
    # upper right corner: centre (0, 0, 0.2), half width 1.2
    expected = patterns.near_field(chain, [0, 1.2, 1.4])[-1]
    assert values[-1, -1] == pytest.approx(expected)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("y (λ₀)", "z (λ₀)")
    assert "Γ₀/λ₀²" in ax.figure.axes[1].get_ylabel()
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), [0, 0.2, 0.4])
    other = plt.subplots()[1]
    assert figures.field_map(chain, extent=0.3, centre=(0, 0, 2), points=5, ax=other) is other
    assert other.get_ylim() == pytest.approx((1.7, 2.3))
    dark = at_once(co.chain(2, 0.2), "ground")
    assert figures.field_map(dark, points=5).get_title() == "t = 0/Γ₀"
    with pytest.raises(ValueError, match="extent must be above 0"):
        figures.field_map(chain, extent=0)
    for small in ({"extent": 1e-10}, {"extent": 1.0, "centre": (0, 0, 1e10)}):
        with pytest.raises(ValueError, match=r"extent = .* is too small in double precision"):
            figures.field_map(chain, **small)
    with pytest.raises(ValueError, match="near_field needs correlations"):
        figures.field_map(chain.replace(correlations=None))


def test_map_beside_a_wire_shades_the_wire():
    emitters = co.Emitters([[0.1, 0, 0]], dipoles=(1, 0, 0))
    start = at_once(emitters)
    ax = figures.field_map(start, field=co.Nanowire(0.05, 2.0), extent=0.2, points=9)
    light, shade, _ = ax.collections
    assert light.get_array().mask.sum() == 1  # the emitter: below the shade are colours, not white
    across = np.concatenate([path.vertices for path in shade.get_paths()])[:, 0]
    np.testing.assert_allclose([across.min(), across.max()], [-0.05, 0.05], atol=0.006)

    class Cavity(co.Vacuum):
        radius = 0.15

    ax = figures.field_map(start, field=Cavity(), extent=0.2, points=9)
    assert ax.collections[0].get_array().mask.sum() == 1  # the emitter alone


def test_couplings_without_a_field_must_have_the_decay_of_vacuum(tmp_path):
    """Couplings from a file or another program have no field: their Γ must be that of vacuum."""
    pair = co.couple(co.chain(2, 0.2), co.Vacuum())
    again = co.Couplings(pair.decay + np.diag([0.0, 0.1]), pair.shift, emitters=pair.emitters)
    result = co.evolve(again, "inverted", [0, 1], observe="correlations")
    assert patterns.angular_pattern(result, [1, 0, 0]).shape == (2, 1)  # losses of its own

    class Brighter:
        def green(self, r, r_source, k):
            return 2 * co.Vacuum().green(r, r_source, k)

    other = co.Couplings(2 * pair.decay, pair.shift, emitters=pair.emitters, field=Brighter())
    known = co.evolve(other, "inverted", [0, 1], observe="correlations")
    with pytest.raises(ValueError, match="does not give"):
        patterns.angular_pattern(known, [1, 0, 0])
    loaded = co.load(known.save(tmp_path / "brighter"))
    assert loaded.couplings.field is None
    with pytest.raises(ValueError, match=r"differ from those in vacuum by 0\.7"):
        patterns.angular_pattern(loaded, [1, 0, 0])
    with pytest.raises(ValueError, match="near_field without field="):
        patterns.near_field(loaded, [[5, 0, 0]])
    assert patterns.near_field(loaded, [[5, 0, 0]], field=co.Vacuum()).shape == (2, 1)
