"""Figures, numbers and answers of the teaching demos, without a browser.

All are slow tests: they need marimo, which is large, and which `make test` does not install.
"""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import collective as co

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
# the demos in teaching order, without their numbers
FILES = {path.stem.partition("_")[2]: path for path in sorted((ROOT / "teaching").glob("*.py"))}
DEMOS = list(FILES)
sys.path.insert(0, str(ROOT / "docs"))

import teaching_pages  # noqa: E402

TEACHING = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")


def load(name):
    return teaching_pages.load(FILES[name].stem)


def show(demo, **values):
    """The numbers under the figure with the controls at these values, as text."""
    return numbers(teaching_pages.run(demo, values)[0])


def numbers(shown):
    text = next(text for text in shown if 'class="numbers"' in text)
    return re.findall(r'<span class="number">([^<]*)</span>', text)


@pytest.mark.parametrize("name", [name for name in DEMOS if name != "rwa_on_trial"])
def test_every_demo_has_a_figure_numbers_and_three_questions(name):
    texts, variables = teaching_pages.run(load(name), {})
    assert sum('<img class="figure"' in text for text in texts) == 1
    assert len(numbers(texts)) >= 2
    assert_nothing_is_cut_or_covered(variables["figure"])
    assert len(variables["questions"]) == 3
    assert all(question in TEACHING for question in variables["questions"])


def test_spacing_and_the_burst():
    demo = load("spacing_and_the_burst")
    found = [demo.critical_spacing(n) for n in (3, 10, 100)]
    np.testing.assert_allclose(found, [0.15414, 0.22053, 0.25623], atol=1e-5)
    assert demo.critical_spacing(2) is None
    assert show(demo, atoms=2, spacing=0.05, shifted=True) == ["1.000", "none"]
    assert show(demo, atoms=6, spacing=0.05, shifted=True) == ["1.231", "0.1986 λ₀"]
    assert show(demo, atoms=6, spacing=0.05, shifted=False) == ["1.372", "0.1986 λ₀"]
    assert show(demo, atoms=6, spacing=0.2, shifted=True)[0] == "1.000"
    with_shift, without = (float(show(demo, atoms=6, spacing=0.1, shifted=s)[0]) for s in (1, 0))
    assert 0 < without - with_shift < 0.01


def test_detuning_and_beats():
    demo = load("detuning_and_beats")
    for detuning, decay, shift in ((2.0, 0.9, 2.0), (0.3, 1.0, 0.0), (3.0, 0.5, 0.0), (0, 0, 2)):
        modes = demo.detuned_pair(detuning, decay, shift).modes()
        slow, fast, beat = demo.rates_and_beat(detuning, decay, shift)
        np.testing.assert_allclose([slow, fast], np.sort(modes.rates), atol=1e-12)
        np.testing.assert_allclose(beat, np.ptp(modes.shifts), atol=1e-12)
    assert show(demo, detuning=0.8, decay=0.9, shift=0)[1] == "0.000 Γ₀"
    assert show(demo, detuning=1.5, decay=0.9, shift=0) == ["1.000 and 1.000 Γ₀", "1.200 Γ₀"]
    assert demo.rates_and_beat(0.3, 1, 0)[0] == pytest.approx(0.046, abs=5e-4)
    assert demo.rates_and_beat(0, 1, 0)[0] == 0


def test_rwa_on_trial():
    demo = load("rwa_on_trial")
    errors = {}
    for ratio in (0.05, 0.1):
        for degrees in (0, 60, 180):
            full, rwa, distance = demo.trial(ratio, degrees)
            errors[ratio, degrees] = distance.max() / ratio, np.abs(full - rwa).max() / ratio**2
    np.testing.assert_allclose([errors[0.05, 0], errors[0.1, 0]], 1, atol=0.02)
    assert 1.08 < errors[0.05, 60][0] < 1.1
    assert errors[0.05, 180][0] < 0.02
    texts, variables = teaching_pages.run(demo, {"ratio": 0.05, "degrees": 0})
    assert all(question in TEACHING for question in variables["questions"])
    assert_nothing_is_cut_or_covered(variables["figure"])
    assert sum('<img class="figure"' in text for text in texts) == 1
    assert numbers(texts) == ["0.04992", "0.00249"]


def test_a_pair_on_a_wire():
    demo = load("a_pair_on_a_wire")
    pair = demo.pair_at(0.01, 1.98)  # so far apart that the plasmon is all but a few per cent
    atom = co.Emitters([[0.03, 0, 0]], dipoles=(1, 0, 0))
    wave = demo.WIRE.plasmon_amplitude(atom) * np.exp(1.98j * demo.WIRE.plasmon(2 * np.pi))
    wave = wave[0] / demo.WIRE.purcell(atom)[0]
    np.testing.assert_allclose(pair.decay[0, 1], wave.real, atol=0.02)
    np.testing.assert_allclose(pair.shift[0, 1], wave.imag / 2, atol=0.02)
    _, beta, decay, shift = demo.along_the_wire(0.01)
    turns = demo.DISTANCES[1:-1][np.diff(np.sign(np.diff(decay))) != 0]
    np.testing.assert_allclose(np.diff(turns), demo.PLASMON / 2, atol=0.021)
    quarter = np.abs(demo.DISTANCES - 0.66 - demo.PLASMON / 4).argmin()
    assert abs(decay[quarter]) < 0.1
    assert 0.4 < abs(shift[quarter]) < 0.5
    entangled = [float(show(demo, gap=gap, distance=0.66)[1]) for gap in (0.005, 0.01, 0.08)]
    assert entangled[1] > entangled[0] > 1.5 * entangled[2]
    assert beta > 0.9
    assert demo.along_the_wire(0.08)[1] == pytest.approx(0.64, abs=0.01)


def test_light_from_a_phased_array():
    demo = load("light_from_a_phased_array")
    for n, spacing, degrees in ((8, 0.4, 60), (5, 0.25, -40)):
        angle = np.degrees(np.arcsin(degrees / 360 / spacing))
        brightest, times_one, _ = show(demo, atoms=n, spacing=spacing, phase=degrees, time=0)
        assert float(brightest.strip("°").replace("−", "-")) == pytest.approx(angle, abs=0.51)
        assert float(times_one) == pytest.approx(n, abs=0.02)
    along = 90  # index of the angle −90°, on the axis of the chain
    dark = demo.shine(8, 0.25, 180)
    assert dark.emission[0] < 1 / 12
    for spacing, degrees, least, most in (
        (0.85, 0, 0, 0.4),
        (0.95, 0, 4, 5),
        (1.0, 0, 8, 8),
        (0.5, 180, 8, 8),
    ):
        light = demo.pattern(demo.shine(8, spacing, degrees), 0)[along]
        assert least - 1e-9 < light < most + 1e-9, spacing
    # the pattern in the plane of one dipole: dR/dΩ = (3/8π) pattern, over all directions the rate
    result = demo.shine(3, 0.3, 30)
    x, weights = np.polynomial.legendre.leggauss(24)
    phi = 2 * np.pi * np.arange(48) / 48
    s = np.sqrt(1 - x**2)[:, None]
    n = np.stack([s * np.cos(phi), s * np.sin(phi), np.broadcast_to(x[:, None], (24, 48))], axis=-1)
    waves = np.exp(2j * np.pi * n @ result.couplings.emitters.positions.T)
    light = np.einsum("abm,mn,abn->ab", waves, result.correlations[9], waves.conj()).real
    total = 3 / (8 * np.pi) * weights @ (light * (1 - n[..., 1] ** 2)).sum(axis=1) * 2 * np.pi / 48
    np.testing.assert_allclose(total, result.emission[9], rtol=1e-8)


def assert_nothing_is_cut_or_covered(figure):
    """All texts are on the page, the panels apart, and no legend covers its panel."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    whole = figure.get_tightbbox(renderer)
    assert whole.x0 > 0
    assert whole.y0 > 0
    assert whole.x1 < figure.get_figwidth()
    assert whole.y1 < figure.get_figheight()
    first, second = (ax.get_tightbbox(renderer) for ax in figure.axes)
    assert first.x1 < second.x0
    for ax in figure.axes:
        if ax.get_legend():
            assert ax.get_legend().get_window_extent(renderer).y0 >= ax.bbox.y1


def test_the_numbers_of_the_files_are_the_teaching_order():
    assert [path.stem[0] for path in FILES.values()] == [str(i) for i in range(8)]
    introduction = FILES["introduction"].read_text(encoding="utf-8")
    linked = re.findall(r"\?file=(\w+)\.py\): ", introduction)
    assert linked == [path.stem for path in FILES.values()][1:]
    pages = re.findall(r"_static/teaching/(\w+)\.html", TEACHING)
    assert pages == DEMOS
    headings = [teaching_pages.title(path.stem) for path in FILES.values()]
    assert re.findall(r"^## (.*)$", TEACHING, flags=re.M) == headings


def test_introduction():
    demo = load("introduction")
    for distance, start, rates in (
        (0.1, "in phase", (1.923, 0.077)),
        (0.7, "opposite", (0.668, 1.332)),
    ):
        xi = 2 * np.pi * distance
        by_hand = 1.5 * (np.sin(xi) / xi + np.cos(xi) / xi**2 - np.sin(xi) / xi**3)
        both, _, left = show(demo, distance=distance, start=start)
        assert both == f"{rates[0]:.3f} and {rates[1]:.3f} Γ₀"
        rate = 1 + by_hand if start == "in phase" else 1 - by_hand
        assert float(left) == pytest.approx(np.exp(-5 * rate), abs=6e-4)
    decay, shift = demo.along_the_line()
    pair = demo.couplings_at(demo.DISTANCES[60])
    np.testing.assert_allclose([decay[60], shift[60]], [pair.decay[0, 1], pair.shift[0, 1]])
    left = float(show(demo, distance=0.1, start="first atom")[2])
    assert left == pytest.approx((np.exp(-5 * 0.0773) + np.exp(-5 * 1.9227)) / 2, abs=1e-3)
    assert left == pytest.approx(0.34, abs=0.005)


def test_an_atom_before_a_mirror():
    demo = load("an_atom_before_a_mirror")
    xi = 4 * np.pi * demo.DISTANCES
    across = 1 + 3 * (np.sin(xi) / xi**3 - np.cos(xi) / xi**2)
    along = 1 - 1.5 * (np.sin(xi) / xi + np.cos(xi) / xi**2 - np.sin(xi) / xi**3)
    np.testing.assert_allclose(demo.decay_rates("dipole along"), along, atol=1e-8)
    np.testing.assert_allclose(demo.decay_rates("dipole across"), across, atol=1e-8)
    for place in (0.1, 0.5, 0.75):
        fibre = demo.coupled("in a fibre", place).decay[0, 0]
        assert fibre == pytest.approx(1 - np.cos(4 * np.pi * place), abs=1e-12)
        curve = demo.decay_rates("in a fibre")[np.abs(demo.DISTANCES - place).argmin()]
        assert fibre == pytest.approx(curve, abs=1e-12)
    # what the answers say of both ends of the distance
    assert along[0] < 0.01 < 1.99 < across[0]
    far = demo.DISTANCES >= 1
    np.testing.assert_allclose(np.abs(along - 1)[far].max(), 0.11, atol=0.005)
    np.testing.assert_allclose(np.abs(across - 1)[far].max(), 0.02, atol=0.003)
    # alone until its light comes back, then the part that a bound state keeps
    late = demo.excited("in a fibre", 0.5, 2.0)
    before = demo.TIMES < 2
    np.testing.assert_allclose(late[before], np.exp(-demo.TIMES[before]), atol=1e-6)
    for delay, kept in ((0, "1.000"), (1, "0.444")):
        assert show(demo, light="in a fibre", distance=0.5, delay=delay)[1] == kept
    assert show(demo, light="dipole across", distance=0.01, delay=1)[0] == "1.998 Γ₀"
    _, variables = teaching_pages.run(demo, {"light": "in a fibre", "distance": 0.5, "delay": 1})
    assert_nothing_is_cut_or_covered(variables["figure"])


def test_a_hundred_atoms():
    demo = load("a_hundred_atoms")
    for n, spacing in ((4, 0.1), (9, 0.1), (9, 0.2)):
        exact = co.evolve(
            demo.square(n, spacing), "inverted", demo.TIMES, method="blocks", progress=False
        )
        for method in demo.METHODS:
            emission, error = demo.light(n, spacing, method)
            top = exact.emission.argmax()
            assert abs(emission[top] - exact.emission[top] / n) <= error[top] + 0.003, method
    # four atoms at 0.2 λ₀ burst by less than a per cent
    four = co.evolve(demo.square(4, 0.2), "inverted", demo.TIMES, method="blocks", progress=False)
    assert 1.005 < four.emission.max() / 4 < 1.01
    assert demo.variance(4, 0.2) > 1
    assert demo.peak(4, 0.2, "cumulants of order 2")[0] == pytest.approx(1.007, abs=0.001)
    # the answers' numbers for a hundred
    said = {
        (0.2, "truncated Wigner"): (1.54, 0.08),
        (0.2, "cumulants of order 2"): (1.71, 0.35),
        (0.2, "mean field"): (1.54, 0.39),
        (0.1, "cumulants of order 2"): (4.0, 2.8),
        (0.1, "mean field"): (2.9, 1.1),
        (0.1, "truncated Wigner"): (3.1, 0.3),
    }
    for (spacing, method), numbers_said in said.items():
        np.testing.assert_allclose(demo.peak(100, spacing, method)[:2], numbers_said, atol=0.06)
    assert demo.variance(100, 0.4) > 1 > demo.variance(100, 0.45)
    assert demo.variance(4, 0.22) > 1 > demo.variance(4, 0.225)
    assert demo.variance(9, 0.27) > 1 > demo.variance(9, 0.275)
    assert demo.peak(100, 0.4, "truncated Wigner")[0] == pytest.approx(1.01, abs=0.006)
    dicke = co.Couplings(np.ones((100, 100)), np.zeros((100, 100)))
    ladder = co.evolve(dicke, "inverted", np.linspace(0, 0.1, 101), progress=False)
    assert ladder.emission.max() / 100 == pytest.approx(20, abs=0.5)
