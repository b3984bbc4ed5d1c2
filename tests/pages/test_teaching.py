"""Figures, numbers and answers of the teaching demos, without a browser.

All are slow tests: they need marimo, which is large, and which `make test` does not install.
"""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

import collective as co

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parents[2] / "teaching"
DEMOS = sorted(path.stem for path in FOLDER.glob("*.py"))


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class FixedSlider:
    """A slider with a fixed value."""

    def __init__(self, value):
        self.value = value


def show(module, **values):
    """The numbers under the figure with the sliders at these values, as text."""
    shown, _ = module.app.run(defs={name: FixedSlider(value) for name, value in values.items()})
    return numbers(shown)


def texts_of(shown):
    """The parts of the page that a demo shows."""
    from marimo import Html

    return [one.text for one in shown if isinstance(one, Html)]


def numbers(shown):
    text = next(text for text in texts_of(shown) if "numbers" in text)
    return re.findall(r'<span class="number">([^<]*)</span>', text)


@pytest.mark.parametrize("name", [name for name in DEMOS if name != "rwa_on_trial"])
def test_every_demo_has_a_figure_numbers_and_three_questions(name):
    shown, _ = load(name).app.run()
    texts = texts_of(shown)
    assert sum('<img class="figure"' in text for text in texts) == 1
    assert len(numbers(shown)) >= 2
    assert (FOLDER / f"{name}.py").read_text().count('?": ') == 3


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
    shown, _ = demo.app.run(defs={"ratio": FixedSlider(0.05), "degrees": FixedSlider(0)})
    texts = texts_of(shown)
    assert sum('<img class="figure"' in text for text in texts) == 1
    assert numbers(shown) == ["0.04992", "0.00249"]


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
