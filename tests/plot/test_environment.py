"""The figure of emitters in their environment: light of one of them, matter, markers."""

import figures
import matplotlib.pyplot as plt
import numpy as np
import pytest
from user_fields import Waveguide, WholeMirror

import collective as co

ATOMS = co.Emitters(
    [[0, 0, 0.3], [0.2, 0, 0.4], [0.1, 0.2, 0.3]], dipoles=[[1, 0, 0], [0, 0, 1], [1, 1j, 0]]
)


@pytest.mark.parametrize(("field", "source"), [(co.Vacuum(), 1), (WholeMirror(), 0)])
def test_the_colours_are_the_light_of_one_excited_emitter(field, source):
    ax = co.plot.environment(field, ATOMS, source=source, extent=0.5, points=24)
    drawn = ax.collections[0].get_array().reshape(24, 24)
    # the same from a state of one excitation, of emitters of which the others take no part
    start = co.observables.moment(co.couple(ATOMS, field), co.states.single(source))
    side = np.linspace(-0.5, 0.5, 24)
    for i, j in ((20, 3), (23, 23), (12, 18)):
        at = [0.1 + side[j], 0, 0.35 + side[i]]
        expected = co.observables.near_field(start, [at], field)[0, 0]
        assert drawn[i, j] == pytest.approx(expected, rel=1e-10)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (λ₀)", "z (λ₀)")


def test_matter_is_shaded_and_emitters_are_marked():
    ax = co.plot.environment(WholeMirror(), ATOMS, extent=0.5, points=20)
    _, shade, outline = ax.collections
    heights = np.concatenate([path.vertices for path in shade.get_paths()])[:, 1]
    assert heights.min() == pytest.approx(-0.15)
    assert heights.max() == pytest.approx(0.0, abs=0.01)
    assert len(outline.get_paths()[0].vertices) > 0
    lines = {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}
    assert lines["excited emitter"] == [[0, 0.3]]
    assert lines["emitters"] == [[0.2, 0.4]]
    assert lines["emitters out of the plane"] == [[0.1, 0.3]]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["emitters out of the plane", "emitters", "excited emitter"]
    assert not figures.complaints(ax.figure)
    # real dipoles are lines along themselves; the third one is circular
    dipoles = [line.get_xydata() for line in ax.get_lines() if line.get_label().startswith("_")]
    directions = [np.abs(ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0]) for ends in dipoles]
    np.testing.assert_allclose(directions, [[1, 0], [0, 1]], atol=1e-12)
    other = plt.subplots()[1]
    other.plot([0, 1], [0, 1], label="mine")
    assert co.plot.environment(co.Vacuum(), ATOMS, plane="yx", points=8, ax=other) is other
    assert other.get_lines()[0].get_label() == "mine"
    assert (other.get_xlabel(), other.get_ylabel()) == ("y (λ₀)", "x (λ₀)")


def test_the_map_lies_in_the_plane_of_the_source():
    above = co.plot.environment(WholeMirror(), ATOMS, source=1, plane="xy", extent=0.5, points=10)
    drawn = above.collections[0].get_array().reshape(10, 10)
    start = co.observables.moment(co.couple(ATOMS, WholeMirror()), co.states.single(1))
    corner = [[0.1 + 0.5, 0.1 + 0.5, 0.4]]
    expected = co.observables.near_field(start, corner, WholeMirror())[0, 0]
    assert drawn[-1, -1] == pytest.approx(expected, rel=1e-10)


def test_what_cannot_be_drawn_is_refused_by_name():
    with pytest.raises(TypeError, match=r"field: Waveguide\(0.5, 0.5\) .* no Green's tensor"):
        co.plot.environment(Waveguide(), ATOMS)
    samples = co.SampledField.from_field(co.Vacuum(), ATOMS, [2 * np.pi])
    with pytest.raises(ValueError, match=r"SampledField\(3 places.* knows nothing at"):
        co.plot.environment(samples, ATOMS, points=8)
    with pytest.raises(ValueError, match="source must be below 3"):
        co.plot.environment(co.Vacuum(), ATOMS, source=3)
    with pytest.raises(ValueError, match="plane must be one of"):
        co.plot.environment(co.Vacuum(), ATOMS, plane="xx")
    with pytest.raises(ValueError, match="no magnetic response"):
        co.plot.environment(samples, ATOMS.replace(kind="magnetic"), points=4)
    with pytest.raises(ValueError, match=r"emitters.positions\[0\] .* inside the solid matter of"):
        co.plot.environment(WholeMirror(), ATOMS.translated([0, 0, -0.35]))
