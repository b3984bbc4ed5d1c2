import matplotlib.pyplot as plt
import numpy as np
import pytest

import collective as co

TIMES = np.linspace(0, 2, 21)


@pytest.fixture(scope="module")
def result():
    return co.evolve(co.couple(co.chain(3, 0.1), co.Vacuum()), "inverted", TIMES)


def test_emission_shows_the_result_and_independent_decay(result):
    ax = co.plot.emission(result)
    collective, independent = ax.get_lines()
    np.testing.assert_array_equal(collective.get_ydata(), result.emission)
    np.testing.assert_allclose(independent.get_ydata(), 3 * np.exp(-TIMES))
    assert "time" in ax.get_xlabel()
    assert "Γ₀" in ax.get_ylabel()


def test_independent_decay_starts_at_the_first_time():
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    late = co.evolve(pair, "inverted", TIMES + 7)
    np.testing.assert_allclose(
        co.plot.emission(late).get_lines()[1].get_ydata(), 2 * np.exp(-TIMES)
    )


def test_emission_of_several_results_per_emitter(result):
    pair = co.evolve(co.couple(co.chain(2, 0.1), co.Vacuum()), "inverted", TIMES)
    ax = co.plot.emission([pair, result], per_emitter=True)
    np.testing.assert_allclose(ax.get_lines()[1].get_ydata(), result.emission / 3)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["N = 2", "N = 3", "independent decay"]
    named = co.plot.emission({"mine": pair}, independent=False)
    assert named.get_legend().get_texts()[0].get_text() == "mine"


def test_populations(result):
    ax = co.plot.populations(result)
    assert len(ax.get_lines()) == 3
    np.testing.assert_array_equal(ax.get_lines()[1].get_ydata(), result.populations[:, 1])


@pytest.mark.filterwarnings("ignore:the error of method")
def test_populations_of_many_emitters_are_a_mean_and_a_band():
    atoms = co.couple(co.square(15, 14, 0.3), co.Vacuum())
    state = co.states.mixed(np.linspace(0, 1, 210))
    many = co.evolve(atoms, state, [0, 1.0], method="mean_field", seed=1)
    ax = co.plot.populations(many)
    (mean,) = ax.get_lines()
    np.testing.assert_allclose(mean.get_ydata(), many.populations.mean(axis=1))
    edges = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (edges.min(), edges.max()) == (many.populations.min(), many.populations.max())


def test_couplings_as_maps():
    couplings = co.couple(co.chain(5, 0.2), co.Vacuum())
    for part in ("decay", "shift"):
        image = co.plot.couplings(couplings, part=part).get_images()[0]
        np.testing.assert_array_equal(image.get_array(), getattr(couplings, part))
        low, high = image.get_clim()
        assert low == -high  # zero is the neutral colour
    circular = co.couple(co.ring(3, 0.2, dipoles=[[1, 1j, 0], [1, 0, 0], [0, 1, 0]]), co.Vacuum())
    ax = co.plot.couplings(circular)
    assert ax.figure.axes[1].get_ylabel().startswith("Re Γ")


def test_every_mode_is_drawn():
    couplings = co.couple(co.chain(9, 0.2), co.Vacuum())
    bright, dark, alone = co.plot.modes(couplings).get_lines()
    modes = couplings.modes()
    assert len(bright.get_xdata()) + len(dark.get_xdata()) == 9
    assert bright.get_ydata().min() > 1 >= dark.get_ydata().max()
    assert set(np.concatenate([bright.get_ydata(), dark.get_ydata()])) == set(modes.rates)
    assert alone.get_ydata()[0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("emitters", "labels"),
    [
        (co.chain(4, 0.2), ("x", "z")),
        (co.square(3, 3, 0.2, dipoles=(1, 0, 0)), ("x", "y")),
        (co.Emitters([[0, 0, 0]]), ("y", "z")),
    ],
)
def test_lattice_in_a_plane(emitters, labels):
    ax = co.plot.lattice(emitters)
    assert ax.get_xlabel().startswith(labels[0])
    assert ax.get_ylabel().startswith(labels[1])
    assert len(ax.get_lines()[0].get_xdata()) == len(emitters)


def test_a_result_of_one_time_is_a_dot():
    driven = co.couple(co.chain(3, 0.1), co.Vacuum()).replace(drive=0.3)
    steady = co.steady_state(driven, result=True)
    (line,) = co.plot.emission(steady).get_lines()
    assert (line.get_marker(), len(line.get_xdata())) == ("o", 1)
    assert {line.get_marker() for line in co.plot.populations(steady).get_lines()} == {"o"}
    assert co.plot.pattern(steady).get_title() == "steady state"
    one = co.evolve(driven, "ground", [0.5], observe="correlations")
    assert co.plot.pattern({"a": one, "b": one}).get_title() == "t = 0.5/Γ₀"
    assert co.plot.pattern({"a": one, "b": steady}).get_title() == ""


def test_modes_that_do_not_decay_at_all_are_drawn():
    ax = co.plot.modes(co.Couplings(np.zeros((2, 2)), [[0, 1], [1, 0]]))
    assert ax.get_yscale() == "linear"
    (dots,) = (line for line in ax.get_lines() if line.get_linestyle() == "None")
    np.testing.assert_allclose(sorted(dots.get_xdata()), [-1, 1])


def test_modes_of_independent_emitters():
    lines = co.plot.modes(co.Couplings(np.eye(3), np.zeros((3, 3)))).get_lines()
    assert [line.get_label() for line in lines] == ["independent", "one emitter"]
    dark = co.plot.modes(co.Couplings(np.ones((2, 2)), np.zeros((2, 2)))).get_lines()
    assert len(dark[1].get_ydata()) == 1
    assert dark[1].get_ydata()[0] > 0  # on a logarithmic axis


def test_equal_labels_are_numbered(result):
    texts = co.plot.emission([result, result]).get_legend().get_texts()
    assert [t.get_text() for t in texts][:2] == ["N = 3", "N = 3 (2)"]


def test_lattice_in_space():
    ax = co.plot.lattice(co.cubic(2, 2, 2, 0.2))
    assert ax.name == "3d"
    with pytest.raises(ValueError, match="ax must be 3d axes"):
        co.plot.lattice(co.cubic(2, 2, 2, 0.2), ax=plt.subplots()[1])


@pytest.mark.parametrize("name", ["emission", "populations"])
def test_results_are_drawn_on_given_axes(result, name):
    ax = plt.subplots()[1]
    assert getattr(co.plot, name)(result, ax=ax) is ax


@pytest.mark.parametrize("projection", ["3d", "polar"])
def test_flat_figures_refuse_other_axes(result, projection):
    with pytest.raises(ValueError, match=f"ax must be flat axes.*got {projection}"):
        co.plot.emission(result, ax=plt.subplot(projection=projection))


@pytest.mark.parametrize("wrong", ["x", 1, [None], plt, plt.Figure])
def test_invalid_axes(result, wrong):
    couplings = result.couplings
    for draw in (
        lambda: co.plot.emission(result, ax=wrong),
        lambda: co.plot.populations(result, ax=wrong),
        lambda: co.plot.couplings(couplings, ax=wrong),
        lambda: co.plot.modes(couplings, ax=wrong),
        lambda: co.plot.mode(couplings, ax=wrong),
        lambda: co.plot.lattice(couplings.emitters, ax=wrong),
        lambda: co.plot.lattice(co.cubic(2, 2, 2, 0.2), ax=wrong),
    ):
        with pytest.raises(TypeError, match=r"^ax must be matplotlib axes"):
            draw()


def test_modes_are_drawn_from_couplings_or_from_their_modes(result):
    first, second = (
        co.plot.modes(given, ax=plt.subplots()[1])
        for given in (result.couplings, result.couplings.modes())
    )
    assert len(first.lines) == len(second.lines) > 1
    for one, other in zip(first.lines, second.lines, strict=True):
        np.testing.assert_allclose(one.get_xydata(), other.get_xydata(), rtol=1e-12)


@pytest.mark.parametrize("name", ["couplings", "modes", "lattice"])
def test_couplings_are_drawn_on_given_axes(result, name):
    ax = plt.subplots()[1]
    thing = result.couplings.emitters if name == "lattice" else result.couplings
    assert getattr(co.plot, name)(thing, ax=ax) is ax


def test_wrong_types_of_arguments(result):
    with pytest.raises(TypeError, match="result must be Result"):
        co.plot.populations(result.couplings)
    with pytest.raises(TypeError, match="couplings must be Couplings"):
        co.plot.modes(result)
    with pytest.raises(TypeError, match="emitters must be Emitters"):
        co.plot.lattice(result.couplings)
    for wrong in ("abc", [result.couplings], None):
        with pytest.raises(TypeError, match="results must be Result"):
            co.plot.emission(wrong)
    with pytest.raises(ValueError, match="results is empty"):
        co.plot.emission([])
    with pytest.raises(ValueError, match="part must be one of 'decay', 'shift'"):
        co.plot.couplings(result.couplings, part="gamma")


def test_shots_are_samples_with_their_mean(result):
    shots = result.emission * np.array([[0.5], [1.5], [0.8], [1.2]])
    samples = result.replace(shots=shots)
    *single, mean = co.plot.shots(samples, count=3, per_emitter=True).get_lines()
    np.testing.assert_array_equal([line.get_ydata() for line in single], shots[:3] / 3)
    np.testing.assert_array_equal(mean.get_ydata(), result.emission / 3)
    assert mean.get_label() == "mean of 4"
    assert len(co.plot.shots(samples, count=50).get_lines()) == 5
    with pytest.raises(ValueError, match="needs the emission of single samples"):
        co.plot.shots(result)


def test_pulses_that_cannot_be_drawn_together_are_refused():
    two, three = (co.pulse.square(rabi=np.ones(n), start=0, length=1) for n in (2, 3))
    with pytest.raises(ValueError, match="different numbers of emitters, 2 and 3"):
        co.plot.pulses([two, three])
    atom = co.Couplings([[1.0]], [[0.0]])
    once = co.evolve(atom, "ground", [0.5], drive=two.replace(rabi=1.0), progress=False)
    with pytest.raises(ValueError, match=r"one time alone, t = 0\.5"):
        co.plot.pulses(once)
