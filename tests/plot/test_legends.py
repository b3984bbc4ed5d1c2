"""Legends, colour bars, and curves that can be told apart."""

import pickle

import figures
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, QuadMesh

import collective as co
from collective.plot.legends import legend

TIMES = np.linspace(0, 2, 21)


def burst(n, times=TIMES):
    """The Dicke burst of n atoms."""
    alike = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
    return co.evolve(alike, "inverted", times, method="symmetric", progress=False)


def test_curves_differ_in_colour_and_in_dashes():
    ax = co.plot.emission([burst(n) for n in range(1, 8)], independent=False)
    assert not figures.complaints(ax.figure)
    lines = ax.get_lines()
    assert len({line.get_color() for line in lines}) == 7
    # the same lines in black, one above the other: no two have the same pixels
    ax.get_legend().remove()
    for height, line in enumerate(lines):
        line.set(color="black", linewidth=1.5, xdata=[0, 2], ydata=[height, height])
    ax.set(xlim=(0.2, 1.8), ylim=(-1, 7))
    ax.figure.canvas.draw()
    pixels = np.asarray(ax.figure.canvas.buffer_rgba())[::-1, :, 0]
    rows = [round(ax.transData.transform((0, height))[1]) for height in range(7)]
    box = ax.get_window_extent()
    dashes = {tuple(pixels[row, int(box.x0) + 5 : int(box.x1) - 5] < 100) for row in rows}
    assert len(dashes) == 7


def test_curves_that_lie_on_each_other_are_wider_below():
    one = burst(3)
    ax = co.plot.emission({"a": one, "b": burst(8), "c": one, "d": one}, independent=False)
    a, b, c, d = (line.get_linewidth() for line in ax.get_lines())
    assert a > c > d
    assert b == d


@pytest.mark.parametrize(
    ("labels", "name", "shown"),
    [
        ([f"N = {n}" for n in range(1, 10)], "N", [str(n) for n in range(1, 10)]),
        ([f"run-{n}" for n in range(1, 10)], "run", [str(n) for n in range(1, 10)]),
        ([f"δ = {n} Γ₀" for n in range(-9, 0)], "δ (Γ₀)", [str(n) for n in range(-9, 0)]),
        ([f"{n / 10:g} λ₀ apart" for n in range(1, 9)], "λ₀ apart", None),
        ([f"spacing {n} nm" for n in range(1, 41)], "spacing (nm)", ["1", "9", "17", "24", "32"]),
        ([0.5 * n for n in range(8)], "", None),
        (list("abcdefgh"), "", list("abcdefgh")),
        (["one 1", "one 2", "two 3", *"abcde"], "", ["one 1", "one 2", "two 3", *"abcde"]),
    ],
)
def test_many_results_have_a_colour_bar_with_their_labels(labels, name, shown):
    one = burst(2)
    ax = co.plot.emission(dict.fromkeys(labels, one))
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == name
    texts = [tick.get_text() for tick in bar.get_yticklabels()]
    if shown is not None:
        assert texts[: len(shown)] == shown
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert entries == ["independent decay"]
    # the colour at the place of a label is that of its curve
    (mesh,) = [drawn for drawn in bar.collections if isinstance(drawn, QuadMesh)]
    curves = ax.get_lines()[: len(labels)]
    for place in (0, len(labels) - 1):
        np.testing.assert_allclose(mesh.cmap(mesh.norm(place)), curves[place].get_color())


def test_many_emitters_have_a_colour_bar():
    couplings = co.couple(co.chain(9, 0.2), co.Vacuum())
    result = co.evolve(couplings, co.states.single(3), TIMES, progress=False)
    ax = co.plot.populations(result)
    assert len(ax.get_lines()) == 9
    assert ax.get_legend() is None
    assert ax.figure.axes[1].get_ylabel() == "emitter"


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_axes_grow_until_the_legend_covers_no_curve(scale):
    wave = 2 + np.sin(40 * TIMES)  # fills the axes
    figure, ax = plt.subplots(figsize=(4, 3), layout="constrained")
    ax.set_yscale(scale)
    results = {f"result {i}": burst(2).replace(emission=wave + 0.01 * i) for i in range(5)}
    co.plot.emission(results, independent=False, ax=ax)
    assert ax.get_ylim()[1] > 3.5
    assert not figures.complaints(figure)


def test_the_legend_keeps_off_lines_with_a_colour_at_each_point():
    figure, ax = plt.subplots(figsize=(4, 3), layout="constrained")
    wave = np.column_stack([TIMES, np.sin(40 * TIMES)])
    ax.add_collection(LineCollection(list(np.stack([wave[:-1], wave[1:]], axis=1)), colors="k"))
    ax.autoscale_view()
    ax.plot([], [], "k", label="a wave that fills the figure")
    legend(ax)
    assert ax.get_ylim()[1] > 1.2
    assert not figures.complaints(figure)


def test_axes_with_room_for_the_legend_stay_as_they_are():
    result = burst(2)
    ax = co.plot.emission(result)
    assert ax.get_ylim()[1] < 1.1 * result.emission.max()


@pytest.mark.parametrize("layout", ["constrained", "compressed", "tight", "none"])
@pytest.mark.parametrize("size", [(8, 5), (8, 2.5)])
def test_a_colour_bar_is_as_high_as_a_square_map(layout, size):
    figure, (left, right) = plt.subplots(1, 2, figsize=size, layout=layout)
    co.plot.couplings(co.couple(co.chain(4, 0.2), co.Vacuum()), ax=left)
    right.plot([0, 1], [0, 1])
    figure.canvas.draw()
    bar = figure.axes[2]
    square, beside = left.get_window_extent(), bar.get_window_extent()
    assert beside.height == pytest.approx(square.height, abs=1)
    assert 0 < beside.x0 - square.x1 < 40
    pickle.loads(pickle.dumps(figure)).canvas.draw()
    if layout in ("constrained", "compressed"):
        assert not figures.complaints(figure)


def test_the_strongest_elastic_line_has_the_tallest_arrow():
    pair = co.couple(co.chain(2, 0.3), co.Vacuum())
    omega = np.linspace(-5, 5, 41)
    light = {f"Ω = {w}": co.observables.spectrum(pair.replace(drive=w), omega) for w in (3.0, 0.5)}
    ax = co.plot.spectrum(light)
    heights = {}
    for text in ax.texts:
        if text.get_text():
            heights[float(text.get_text().split()[1])] = text.xy[1]
    strengths = sorted(heights)
    assert len(strengths) == 2
    assert heights[strengths[0]] < heights[strengths[1]]


def test_complaints_are_found():
    figure, (left, right) = plt.subplots(1, 2, figsize=(5, 3))
    for i in range(12):
        left.plot(np.sin(np.arange(50) + i), "k", label=f"curve {i}")
    left.legend()
    left.set_xlabel("time")
    right.set_ylabel("a label that is much too wide\n" * 6)
    said = " | ".join(figures.complaints(figure))
    for words in ("12 entries", "with a frame", "on a curve", "collide", "without a unit"):
        assert words in said
