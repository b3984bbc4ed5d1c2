"""Static pages of the teaching demos: single files, which need neither Python nor a network.

A page has the introduction of its demo, its controls, its figure and numbers, and the questions
with their answers. Each demo is run at every combination of the positions of its controls. The page
shows the figure and the numbers of the combination that the reader chooses. (marimo's own HTML
export loads its program from a server.)
"""

import base64
import importlib.util
import io
import itertools
import json
import os
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from html import escape
from multiprocessing import get_context
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image

import collective

ROOT = Path(__file__).parent.parent


@dataclass
class FixedControl:
    """A control with a fixed value."""

    value: Any


@dataclass
class Control:
    """A control of a static page.

    Args:
        label: its label.
        positions: the values that it can take; texts make a list, numbers a slider.
        start: the value that it starts with.
        unit: stands behind a number.
        only: (name, value) of another control; only with this value does this one do anything.
    """

    label: str
    positions: list[Any]
    start: Any
    unit: str = ""
    only: tuple[str, Any] | None = None

    def words(self):
        """The positions as texts."""
        names = {True: "on", False: "off"}
        return [
            names[value] if isinstance(value, bool) else f"{value}{self.unit}"
            for value in self.positions
        ]


# the controls of each demo, by the name of its file
DEMOS = {
    "0_introduction": {
        "distance": Control(
            "Distance", [0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 1.2, 1.6], 0.25, " λ₀"
        ),
        "start": Control("Start", ["in phase", "opposite", "first atom"], "in phase"),
    },
    "1_an_atom_before_a_mirror": {
        "light": Control("Light", ["dipole along", "dipole across", "in a fibre"], "dipole along"),
        "distance": Control(
            "Distance z",
            [0.01, 0.1, 0.2, 0.25, 0.34, 0.5, 0.6, 0.75, 1.0, 1.25, 1.5],
            0.25,
            " wavelengths",
        ),
        "delay": Control("Delay in the fibre", [0, 1, 2], 0, "/Γ₀", only=("light", "in a fibre")),
    },
    "2_detuning_and_beats": {
        "detuning": Control("Detuning δ", [0, 0.3, 0.6, 0.9, 1.2, 2, 3, 4, 6], 1.2, " Γ₀"),
        "decay": Control("Γ₁₂", [0, 0.9, 1], 0.9, " Γ₀"),
        "shift": Control("Δ₁₂", [0, 1, 2], 0, " Γ₀"),
    },
    "3_a_pair_on_a_wire": {
        "distance": Control(
            "Distance along the wire",
            [0.2, 0.26, 0.32, 0.4, 0.5, 0.58, 0.66, 0.74, 0.82, 0.98, 1.32, 1.98],
            0.66,
            " λ₀",
        ),
        "gap": Control("Gap to the wire", [0.005, 0.01, 0.02, 0.04, 0.08], 0.01, " λ₀"),
    },
    "4_light_from_a_phased_array": {
        "atoms": Control("Atoms N", [4, 8], 8),
        "spacing": Control("Spacing", [0.25, 0.5, 0.9, 1.0], 0.5, " λ₀"),
        "phase": Control("Phase φ", [0, 45, 90, 135, 180], 45, "°"),
        "time": Control("Time", [0, 3], 0, "/Γ₀"),
    },
    "5_spacing_and_the_burst": {
        "atoms": Control("Atoms N", [2, 3, 4, 5, 6], 6),
        "spacing": Control("Spacing", [0.05, 0.1, 0.14, 0.16, 0.19, 0.2, 0.25, 0.4], 0.1, " λ₀"),
        "shifted": Control("Dipole–dipole shift Δ", [True, False], True),
    },
    "6_a_hundred_atoms": {
        "atoms": Control("Atoms N", [4, 9, 16, 25, 36, 100], 100),
        "spacing": Control("Spacing", [0.1, 0.2, 0.3, 0.4, 0.45], 0.2, " λ₀"),
        "method": Control(
            "Method", ["truncated Wigner", "cumulants of order 2", "mean field"], "truncated Wigner"
        ),
    },
    "7_rwa_on_trial": {
        "ratio": Control("Coupling G/ω₀", [0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1], 0.05),
        "degrees": Control("Start θ", [0, 30, 60, 90, 120, 150, 180], 90, "°"),
    },
}

PAGE = Template((ROOT / "docs" / "_templates" / "teaching_page.html").read_text(encoding="utf-8"))


def page_name(demo):
    """The name of the page of a demo: without its number, so that a new order moves no page."""
    return demo.partition("_")[2] + ".html"


def load(name):
    """The module of a demo."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "teaching" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(demo, values):
    """The texts of all that a demo shows with the controls at these values, and its variables."""
    from marimo import Html  # large; tests read what is above without it

    # functions that keep what they have computed: a run would define them anew, without memory
    fixed = {name: each for name, each in vars(demo).items() if hasattr(each, "cache_info")}
    fixed |= {name: FixedControl(value) for name, value in values.items()}
    shown, variables = demo.app.run(defs=fixed)
    return [one.text for one in shown if isinstance(one, Html)], variables


def attribute(image, name):
    """An attribute of an image."""
    return image.split(f' {name}="')[1].split('"')[0]


def small(address):
    """A figure, from its data address, as a PNG of 64 colours: a third of the bytes."""
    picture = io.BytesIO(base64.b64decode(address.partition(",")[2]))
    smaller = io.BytesIO()
    image = Image.open(picture).convert("RGB")
    image.quantize(64, method=Image.Quantize.MAXCOVERAGE).save(smaller, format="png")
    return base64.b64encode(smaller.getvalue()).decode()


def part(number, control):
    """The HTML of a control: a list of texts, or a slider."""
    start, words = control.positions.index(control.start), control.words()
    label = escape(control.label)
    if isinstance(control.positions[0], str | bool):
        options = "".join(
            f'<option value="{i}"{" selected" if i == start else ""}>{escape(word)}</option>'
            for i, word in enumerate(words)
        )
        return f'<label>{label}<select id="control{number}">{options}</select></label>'
    return (
        f'<label>{label}: <output id="where{number}"></output><input id="control{number}" '
        f'type="range" min="0" max="{len(words) - 1}" value="{start}"></label>'
    )


def asked_for(chosen, values):
    """Whether a page asks for these values: what does nothing counts as at its first position."""
    for name, control in chosen.items():
        if control.only:
            other, needed = control.only
            if values[other] != needed and values[name] != control.positions[0]:
                return False
    return True


def page(name):
    """The static page of a demo as HTML."""
    from marimo import md

    demo, chosen = load(name), DEMOS[name]
    figures, frames = {}, []
    for combination in itertools.product(*(control.positions for control in chosen.values())):
        values = dict(zip(chosen, combination, strict=True))
        if not asked_for(chosen, values):
            frames.append(None)
            continue
        texts, variables = run(demo, values)
        image = next(text for text in texts if 'class="figure"' in text)
        figure = small(attribute(image, "src"))
        numbers = next(text for text in texts if 'class="numbers"' in text)
        frames.append([figures.setdefault(figure, len(figures)), numbers])
    parts = []
    for control in chosen.values():
        only = None
        if control.only:
            other, needed = control.only
            only = [list(chosen).index(other), chosen[other].positions.index(needed)]
        parts.append({"words": control.words(), "only": only})
    contents = variables["contents"].text if "contents" in variables else ""
    return PAGE.substitute(
        title=title(name),
        css=(ROOT / "teaching" / "demo.css").read_text(encoding="utf-8"),
        introduction=next(text for text in texts if "<h1" in text),
        controls="\n".join(part(i, control) for i, control in enumerate(chosen.values())),
        alt=attribute(image, "alt"),
        questions="\n".join(
            f"<details><summary>{escape(question)}</summary>{md(answer).text}</details>"
            for question, answer in variables["questions"].items()
        ),
        after=re.sub(r'href="\?file=(\w+)\.py"', lambda m: f'href="{page_name(m[1])}"', contents),
        version=collective.__version__,
        figures=json.dumps(list(figures)),
        frames=json.dumps(frames, ensure_ascii=False).replace("</", "<\\/"),
        parts=json.dumps(parts, ensure_ascii=False),
    )


def title(name):
    """The title of a demo."""
    return name.partition("_")[2].replace("_", " ").capitalize().replace("Rwa", "RWA")


def write(folder, names=tuple(DEMOS)):
    """Write one page for each demo into a folder, as many at a time as there are cores."""
    folder.mkdir(parents=True, exist_ok=True)
    workers = min(len(names), os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for name, text in zip(names, pool.map(page, names), strict=True):
            (folder / page_name(name)).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).parent / "_static" / "teaching")
