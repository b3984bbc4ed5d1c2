"""Static pages of the teaching demos, without a browser."""

import base64
import dataclasses
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

import collective as co

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import teaching_pages  # noqa: E402

FILES = sorted((ROOT / "teaching").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_static_page_has_every_control_of_its_demo(path):
    source = path.read_text(encoding="utf-8")
    controls = re.findall(r"^    (\w+) = mo\.ui\.", source, flags=re.M)
    chosen = teaching_pages.DEMOS[path.stem]
    assert sorted(chosen) == sorted(controls)
    for control in chosen.values():
        assert len(control.positions) > 1
        assert control.start in control.positions


@pytest.mark.slow
def test_a_static_page_stands_alone(monkeypatch):
    """Fewer positions than on the site; the introduction's list leads to pages beside it."""
    few = {
        name: dataclasses.replace(control, positions=[control.start, control.positions[0]])
        for name, control in teaching_pages.DEMOS["0_introduction"].items()
    }
    few["start"].positions[1] = "opposite"
    monkeypatch.setitem(teaching_pages.DEMOS, "0_introduction", few)
    text = teaching_pages.page("0_introduction")
    assert "<h1" in text
    assert "An excited atom alone decays at the rate Γ₀" in text
    assert text.count("<details>") == 3
    assert text.count('type="range"') == text.count("<select") == 1
    links = re.findall(r'(?:href|src)="([^"]*)"', text)
    own = {teaching_pages.page_name(path.stem) for path in FILES}
    assert set(links) <= own | {"data:,"}
    assert len(own & set(links)) == 7
    figures = json.loads(re.search(r"const figures = (\[.*\]);", text)[1])
    frames = json.loads(re.search(r"const frames = (\[.*\]);", text)[1])
    assert [place for place, _ in frames] == [0, 1, 2, 3]
    palette = {tuple(round(255 * c) for c in to_rgb(colour)) for colour in co.plot.COLOURS[:2]}
    for figure in figures:
        image = Image.open(io.BytesIO(base64.b64decode(figure))).convert("RGB")
        assert image.size[0] > 600
        assert image.getpixel((2, 2)) == (255, 255, 255)
        pixels = np.asarray(image).reshape(-1, 3).astype(int)
        for colour in palette:  # also that of a small dot
            assert np.abs(pixels - colour).max(axis=1).min() < 16
    assert "1.568 and 0.432 Γ₀" in frames[0][1]
    assert "1.923 and 0.077 Γ₀" in frames[3][1]


@pytest.mark.slow
def test_a_control_that_does_nothing_has_no_frames_of_its_own(monkeypatch):
    chosen = teaching_pages.DEMOS["1_an_atom_before_a_mirror"]
    few = {
        "light": dataclasses.replace(chosen["light"], positions=["dipole along", "in a fibre"]),
        "distance": dataclasses.replace(chosen["distance"], positions=[0.25, 0.5]),
        "delay": dataclasses.replace(chosen["delay"], positions=[0, 1]),
    }
    monkeypatch.setitem(teaching_pages.DEMOS, "1_an_atom_before_a_mirror", few)
    text = teaching_pages.page("1_an_atom_before_a_mirror")
    frames = json.loads(re.search(r"const frames = (\[.*\]);", text)[1])
    assert [frame is None for frame in frames] == [False, True, False, True] + [False] * 4
    parts = json.loads(re.search(r"const controls = (\[.*\]);", text)[1])
    assert [part["only"] for part in parts] == [None, None, [0, 1]]
