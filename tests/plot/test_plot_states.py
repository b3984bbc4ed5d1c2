import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip
from matplotlib.animation import FFMpegWriter, PillowWriter

import collective as co
from collective.plot.states import animate, ladder

TIMES = np.linspace(0, 2, 21)


@pytest.fixture(scope="module")
def result():
    atoms = co.couple(co.chain(3, 0.1), co.Vacuum())
    return co.evolve(atoms, "inverted", TIMES, observe="states")


def drawn(film, frame):
    """Draw one frame; matplotlib then does not warn that the film was never drawn."""
    film._draw_was_started = True
    film._func(frame)
    return film._fig.axes


def test_ladder_shows_probabilities_and_their_mean(result):
    ax = ladder(result)
    mesh = ax.collections[0]
    assert mesh.get_array().shape == (4, 21)
    np.testing.assert_allclose(mesh.get_array()[:, 0], [0, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(mesh.get_array().sum(axis=0), 1, atol=1e-8)
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), result.excitation, atol=1e-8)
    np.testing.assert_allclose(ax.get_xlim(), (0, 2))
    assert list(ax.get_yticks()) == [0, 1, 2, 3]
    assert ax.get_xlabel() == "time (1/Γ₀)"


def test_ladder_from_trajectories_and_into_given_axes():
    chain = co.couple(co.chain(14, 0.1), co.Vacuum())
    sampled = co.evolve(chain, "inverted", TIMES[:5], method=co.engines.Trajectories(n=20), seed=1)
    _, given = plt.subplots()
    assert ladder(sampled, ax=given) is given
    assert given.get_ylim() == (-0.5, 14.5)
    moment = co.evolve(chain.replace(), "inverted", [0.0], method="trajectories", seed=1)
    ladder(moment).figure.canvas.draw()


def test_ladder_error_names_what_is_missing(result):
    with pytest.raises(ValueError, match="excitation_distribution needs states"):
        ladder(result.replace(states=None))
    with pytest.raises(TypeError, match="result must be Result"):
        ladder([result])


def test_frames_show_the_result(result):
    film = animate(result, fps=10, seconds=2)
    space, beside = drawn(film, 0)[0], film._fig.axes[-1]
    dots = space.collections[0]
    np.testing.assert_allclose(dots.get_array(), 1)
    full = dots.get_sizes()[0]
    beside = next(ax for ax in film._fig.axes if ax.get_ylabel().startswith("emission"))
    drawn(film, 19)
    np.testing.assert_allclose(dots.get_array(), result.populations[-1])
    assert np.all(dots.get_sizes() < full)
    curve = beside.get_lines()[1]
    np.testing.assert_allclose(curve.get_ydata(), result.emission)
    assert "t = 2.00" in beside.get_title()


def test_positions_of_the_emitters_in_a_film(result):
    row = co.evolve(co.Couplings(np.eye(3), np.zeros((3, 3))), "inverted", TIMES)
    ax = drawn(animate(row, seconds=0.2), 0)[0]
    np.testing.assert_array_equal(ax.collections[0].get_offsets()[:, 0], [0, 1, 2])
    assert ax.get_xlabel() == "emitter"
    ax = drawn(animate(result, seconds=0.2), 0)[0]
    np.testing.assert_allclose(ax.collections[0].get_offsets()[:, 0], [0, 0.1, 0.2])
    assert ax.get_xlabel() == "z (λ₀)"
    cloud = co.evolve(co.couple(co.cloud(3, 0.5, seed=1), co.Vacuum()), "inverted", TIMES)
    assert drawn(animate(cloud, seconds=0.2), 0)[0].name == "3d"


@pytest.mark.slow
def test_a_gif_is_written(result, tmp_path):
    from PIL import Image

    file = tmp_path / "decay.gif"
    film = animate(result, file, fps=10, seconds=0.4)
    assert film is not None
    with Image.open(file) as image:
        assert image.n_frames == 4
        assert image.info["duration"] == 100


def test_a_film_in_three_dimensions_has_equal_scales(result):
    r = np.array([[0, 0, 0], [3.0, 0.2, 0.1], [1.0, 0.1, 0.4]])
    space = co.evolve(co.couple(co.Emitters(r), co.Vacuum()), "inverted", TIMES)
    ax = drawn(animate(space, seconds=0.2), 0)[0]
    spans = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim()), np.ptp(ax.get_zlim())])
    box = ax._box_aspect
    np.testing.assert_allclose(spans / box, np.full(3, spans[0] / box[0]))
    assert spans[0] > 3


@pytest.mark.slow
def test_a_film_that_fails_leaves_no_file_and_no_figure(result, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OSError, match="file"):
        animate(result, blocked / "decay.gif", seconds=0.2)
    old = tmp_path / "decay.gif"
    old.write_text("as before")

    def full(self):
        raise OSError("disk full")

    monkeypatch.setattr(PillowWriter, "finish", full)
    with pytest.raises(OSError, match="disk full"):
        animate(result, old, seconds=0.2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["decay.gif", "file"]
    assert old.read_text() == "as before"
    assert not plt.get_fignums()


def test_bad_films(result, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"must end in \.gif or \.mp4, got 'decay\.avi'"):
        animate(result, tmp_path / "decay.avi")
    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    with pytest.raises(ValueError, match=r"needs the program ffmpeg.*use a \.gif"):
        animate(result, str(tmp_path / "decay.mp4"))
    with pytest.raises(ValueError, match="path must be a file name, got 5"):
        animate(result, 5)
    with pytest.raises(ValueError, match=r"fps must be at most 50 for a \.gif.*got 60"):
        animate(result, tmp_path / "decay.gif", fps=60)
    with pytest.raises(ValueError, match="fps must be at least 1"):
        animate(result, fps=0)
    with pytest.raises(ValueError, match="seconds must be above 0"):
        animate(result, seconds=-1)
    with pytest.raises(ValueError, match="two or more times"):
        animate(result.at(result.times[0]))
    equation = co.MasterEquation(qutip.sigmaz(), [qutip.sigmam()])
    with pytest.raises(ValueError, match="two-level emitters evolved from Couplings"):
        animate(co.evolve(equation, qutip.basis(2, 0), TIMES))
    assert not plt.get_fignums()
