"""Units in the labels of figures: Γ₀ where a linewidth is 1, the names of `in_units` elsewhere."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import collective as co

TIMES = np.linspace(0, 2e-7, 5)
GIVEN = np.array([[2e7, 1e7], [1e7, 2e7]])  # 1/s


def texts(ax):
    """Every text of the figure of these axes."""
    found = [text for each in ax.figure.axes for text in (each.title, each.xaxis.label)]
    found += [each.yaxis.label for each in ax.figure.axes]
    found += [text for each in ax.figure.axes for text in each.texts]
    words = " ".join(text.get_text() for text in found)
    plt.close(ax.figure)
    return words


@pytest.fixture(scope="module")
def dots():
    return co.Emitters.from_si(
        [[0, 0, 0], [0, 0, 100e-9]],
        dipoles=[10 * co.units.debye, 0, 0],
        wavelength=600e-9,
        length=1e-9,
        rate=1e9,
    )


@pytest.fixture(scope="module")
def figures(dots):
    """Functions that draw a figure of emitters in nanometres and nanoseconds."""
    c = co.couple(dots, co.Vacuum())
    result = co.evolve(c, "inverted", [0, 5.0, 10.0], observe=("correlations", "states"))
    levels = co.couple(co.Atoms.from_emitters(dots), co.Vacuum())
    atoms = co.evolve(levels, "inverted", [0, 5.0], observe="correlations")
    jumps = co.evolve(c, "inverted", [0, 5.0], method=co.engines.Trajectories(n=4), seed=1)
    p = co.plot
    return [
        lambda: p.emission(result),
        lambda: p.emission({"a": result, "b": jumps}, per_emitter=True),
        lambda: p.populations(result),
        lambda: p.populations(atoms),
        lambda: p.polarised_emission(atoms),
        lambda: p.ladder(result),
        lambda: p.jumps(jumps),
        lambda: p.pattern(result),
        lambda: p.pattern_3d(result),
        lambda: p.field_map(result, points=11),
        lambda: p.environment(co.Vacuum(), dots, points=11),
        lambda: p.couplings(c),
        lambda: p.modes(c),
        lambda: p.mode(c),
        lambda: p.lattice(dots),
    ]


def test_no_figure_says_linewidths_if_the_rates_are_in_other_units(figures):
    for draw in figures:
        words = texts(draw())
        assert not {"Γ", "λ"} & set(words.replace("Γ$_{mn}$", "")), words
        with co.plot.in_units(time="ns", length="nm"):
            named = texts(draw())
        assert "units of" not in named, named
        assert "ns" in named or "nm" in named, named


def test_units_stand_as_one_writes_them(figures):
    with co.plot.in_units(time="ns", length="nm"):
        words = [texts(draw()) for draw in figures]
    assert "time (ns) emission rate (1/ns)" in words[0]
    assert "emission rate per solid angle (1/(ns sr))" in words[7]
    assert "t = 0 ns" in words[7]
    assert "intensity (1/(ns nm²))" in words[9]
    assert "x (nm)" in words[9]
    assert "/ns, shift" in words[13]


def test_a_film_of_nanoseconds_says_so(dots):
    result = co.evolve(co.couple(dots, co.Vacuum()), "inverted", [0, 5.0])
    with co.plot.in_units(time="ns"):
        film = co.plot.animate(result, fps=2, seconds=1)
    film._draw_was_started = True  # matplotlib then does not warn that it was never drawn
    film._func(1)
    assert "t = 5.00 ns" in texts(film._fig.axes[0])


def test_means_and_cavities_of_seconds_say_so():
    given = co.Couplings(GIVEN, 0 * GIVEN)
    mean = co.ensemble(lambda seed: co.evolve(given, "inverted", TIMES), 2, seed=1)
    mode = co.CavityCouplings(given, co.cavity_mode(1e6, 1e7), photons=3)
    kept = co.evolve(mode, "inverted", TIMES)
    for what in (mean, kept, {"a": mean, "b": kept}):
        assert "units of time" in texts(co.plot.emission(what, independent=False))
    pair = co.couple(co.chain(2, 0.2), co.Vacuum())
    mean = co.ensemble(lambda seed: co.evolve(pair, "inverted", [0.0, 1.0]), 2, seed=1)
    assert "time (1/Γ₀)" in texts(co.plot.emission(mean))


def test_couplings_in_seconds_have_no_linewidths():
    result = co.evolve(co.Couplings(GIVEN, 0 * GIVEN), "inverted", TIMES)
    assert texts(co.plot.emission(result)) == " time (units of time) emission rate (units of rate)"
    with co.plot.in_units(time="s"):
        assert texts(co.plot.emission(result)) == " time (s) emission rate (1/s)"
    assert "units of time" in texts(co.plot.emission(result))


@pytest.mark.parametrize(
    ("rate", "unit"), [(1.0, "1/Γ₀"), ([2.0, 1.0], "1/Γ₀"), (2.0, "units of time")]
)
def test_linewidth_is_the_unit_if_one_emitter_has_linewidth_one(rate, unit):
    pair = co.chain(2, 0.2, decay_rates=rate, frequency=1e6)
    for system in (co.couple(pair, co.Vacuum()), co.master_equation(pair, co.Vacuum())):
        result = co.evolve(system, "inverted", [0.0, 1.0])
        assert texts(co.plot.populations(result)).startswith(f" time ({unit})")


def test_lengths_and_times_have_their_own_units():
    metres = co.chain(2, 150e-9, wavelength=780e-9)
    result = co.evolve(co.couple(metres, co.Vacuum()), "inverted", [0.0, 1.0])
    assert co.plot.emission(result).get_xlabel() == "time (1/Γ₀)"
    assert co.plot.lattice(metres).get_xlabel().endswith("(units of length)")
    with co.plot.in_units(length="m"):
        assert co.plot.lattice(metres).get_xlabel().endswith("(m)")
        assert co.plot.emission(result).get_xlabel() == "time (1/Γ₀)"
        with co.plot.in_units(time="µs"):
            assert co.plot.emission(result).get_xlabel() == "time (µs)"
            assert co.plot.lattice(metres).get_xlabel().endswith("(m)")
    plt.close("all")


def test_what_knows_no_emitters_takes_the_given_unit():
    pulse = co.pulse.square(rabi=1.0, start=0, length=2)
    driven = co.Couplings([[1.0]], [[0.0]], drive=1.0)
    light = co.observables.spectrum(driven, [-1.0, 0.0, 1.0])
    assert "Γ₀" in texts(co.plot.spectrum(light))
    assert "Γ₀" in texts(co.plot.pulses(pulse))
    with co.plot.in_units(time="µs"):
        spectrum, pulses = texts(co.plot.spectrum(light)), texts(co.plot.pulses(pulse))
    assert "frequency ω (1/µs)" in spectrum
    assert "elastic 0.111/µs" in spectrum
    assert "time (µs) |Ω| (1/µs)" in pulses


def test_bands_and_shifts_of_a_line_are_in_linewidths_whatever_is_named():
    with co.plot.in_units(time="ns", length="nm"):
        bands = texts(co.plot.bands(co.observables.bands("chain", 0.2, [0.0, 1.0, 2.0])))
        shifts = texts(co.plot.zeeman("Rb87 D2", ground=2, excited=3))
    assert "(1/λ₀)" in bands
    assert "shift (Γ₀)" in bands
    assert "decay rate (Γ₀)" in bands
    assert "shift of the transition (Γ₀)" in shifts


def test_scenario_files_are_in_linewidths(tmp_path):
    from collective.scenarios.figures import of_run

    pair = co.couple(co.chain(2, 0.2, decay_rates=2.0), co.Vacuum())
    result = co.evolve(pair, "inverted", [0.0, 1.0])
    labels = [ax.get_xlabel() for ax in of_run("", result, pair.modes(), {}).axes]
    assert labels == ["time (1/Γ₀)", "time (1/Γ₀)", "shift of the mode (Γ₀)"]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({}, ValueError, "in_units needs a unit"),
        ({"time": 1e-9}, TypeError, "time must be the name of a unit.*1e-09"),
        ({"length": " "}, ValueError, "length must be the name of a unit"),
    ],
)
def test_a_unit_without_a_name_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        co.plot.in_units(**given)
