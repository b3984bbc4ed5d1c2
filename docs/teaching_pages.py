"""Static pages of the teaching demos, which need neither Python nor a network.

Each demo is run at several positions of its main slider. The page shows the figure and the numbers
of the position that the reader chooses. (marimo's own HTML export loads its program from a server.)
"""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marimo import Html

ROOT = Path(__file__).parent.parent


@dataclass
class FixedSlider:
    """A slider with a fixed value."""

    value: Any


# for each demo: the main slider, its label, its positions, and the values of the other controls
DEMOS = {
    "spacing_and_the_burst": (
        "spacing",
        "spacing {} λ₀",
        [0.05, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.25, 0.3, 0.4, 0.5],
        {"atoms": 6, "shifted": True},
    ),
    "detuning_and_beats": (
        "detuning",
        "detuning {} Γ₀",
        [0, 0.3, 0.6, 0.8, 0.9, 1, 1.2, 1.5, 2, 3, 4, 6],
        {"decay": 0.9, "shift": 0},
    ),
    "rwa_on_trial": (
        "degrees",
        "start θ = {}°",
        [0, 30, 60, 90, 120, 150, 180],
        {"ratio": 0.05},
    ),
    "a_pair_on_a_wire": (
        "distance",
        "distance {} λ₀",
        [0.2, 0.26, 0.32, 0.4, 0.5, 0.58, 0.66, 0.74, 0.82, 0.98, 1.32, 1.98],
        {"gap": 0.01},
    ),
    "light_from_a_phased_array": (
        "phase",
        "phase φ = {}°",
        [0, 20, 40, 60, 80, 100, 120, 140, 160, 180],
        {"atoms": 8, "spacing": 0.4, "time": 0},
    ),
}

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
body {{ max-width: 52rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 sans-serif; }}
img, input {{ width: 100%; }}
#scroll {{ overflow-x: auto; }}
{css}
#figure {{ min-width: 40rem; }} /* a telephone scrolls, for the labels to be read */
</style>
</head>
<body>
<h1>{title}</h1>
<label><span id="where"></span>
<input id="slider" type="range" min="0" max="{last}" value="{middle}"></label>
<div id="scroll" tabindex="0" role="group" aria-label="figure"><img id="figure" alt=""></div>
<div id="numbers" aria-live="polite"></div>
<p>This is one of {controls} controls. <code>make teach</code> starts the demo with the {others}.
<a href="../../teaching.html">The questions</a></p>
<script>
const frames = {frames};
const slider = document.getElementById("slider");
function show() {{
  const frame = frames[slider.value];
  document.getElementById("where").textContent = frame.where;
  slider.setAttribute("aria-valuetext", frame.where);
  const figure = document.getElementById("figure");
  figure.src = frame.figure;
  figure.alt = frame.alt;
  document.getElementById("numbers").innerHTML = frame.numbers;
}}
slider.addEventListener("input", show);
show();
</script>
</body>
</html>
"""


def load(name):
    """The marimo app of a demo."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "teaching" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app


def outputs(app, values):
    """Address and description of the figure, and the numbers, with the controls at these values."""
    shown, _ = app.run(defs={name: FixedSlider(value) for name, value in values.items()})
    texts = [one.text for one in shown if isinstance(one, Html)]
    image = next(text for text in texts if 'class="figure"' in text)
    figure, alt = (image.split(f' {name}="')[1].split('"')[0] for name in ("src", "alt"))
    return figure, alt, next(text for text in texts if 'class="numbers"' in text)


def frame(app, where, values):
    """The figure and the numbers at these values as a dictionary, for the script of the page."""
    figure, alt, numbers = outputs(app, values)
    return {"where": where, "figure": figure, "alt": alt, "numbers": numbers}


def write(folder, names=tuple(DEMOS)):
    """Write one page for each demo into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    css = (ROOT / "teaching" / "demo.css").read_text()
    for name in names:
        dragged, words, positions, others = DEMOS[name]
        app = load(name)
        frames = [
            frame(app, words.format(value), {**others, dragged: value}) for value in positions
        ]
        page = PAGE.format(
            title=name.replace("_", " ").capitalize().replace("Rwa", "RWA"),
            css=css,
            last=len(positions) - 1,
            middle=len(positions) // 2,
            controls=len(others) + 1,
            others="other" if len(others) == 1 else "others",
            frames=json.dumps(frames),
        )
        (folder / f"{name}.html").write_text(page)


if __name__ == "__main__":
    write(Path(__file__).parent / "_static" / "teaching")
