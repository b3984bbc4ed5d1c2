"""What notebooks show: the printed text as a table, escaped; and short texts of large records."""

import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

import collective as co
from collective._tools import notebook


class Tags(HTMLParser):
    """The tags of a page, of which each must be closed, and the texts of its cells."""

    def __init__(self, html):
        super().__init__()
        self.open, self.texts, self.names = [], [], set()
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.names.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


PAIR = co.couple(co.chain(2, 0.1, frequency=1e7), co.Vacuum())
ATOMS = co.Atoms.isotropic([[0, 0, 0], [0, 0, 0.1]])
RESULT = co.evolve(PAIR, "inverted", np.linspace(0, 1, 4), observe="correlations")
JUMPS = co.Jumps(np.array([0, 0, 1]), np.array([0.5, 1.5, 0.25]), np.array([1, 0, 1]), 3)
DRIVEN = co.Couplings([[1.0]], [[0.0]], drive=1.0)
SPECTRUM = co.observables.spectrum(DRIVEN, np.linspace(-3, 3, 7))
LEVELS = co.Multilevel.from_emitters(co.chain(2, 0.1, frequency=1e7))
SHOWN = {
    "emitters": PAIR.emitters,
    "atoms": ATOMS,
    "multilevel": LEVELS,
    "couplings": PAIR,
    "channels": co.couple(ATOMS, co.Vacuum()),
    "equation": co.MasterEquation(PAIR.hamiltonian(), PAIR.collapse_operators()),
    "result": RESULT,
    "methods": co.methods(PAIR, "inverted", [0.0, 1.0]),
    "validity": PAIR.validity(),
    "modes": PAIR.modes(),
    "jumps": JUMPS,
    "spectrum": SPECTRUM,
    "bands": co.observables.bands("chain", 0.2, np.linspace(0, 3, 20)),
    "far field": co.observables.far_field(RESULT),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_table_has_every_word_that_is_printed_and_no_colours(name):
    thing = SHOWN[name]
    html = thing._repr_html_()
    found = Tags(html)
    assert found.names <= {"table", "caption", "thead", "tbody", "tr", "td", "th"}
    words = set(" ".join(found.texts).split())
    assert set(repr(thing).split()) <= words
    assert not re.search("color|background|<script|class=", html)
    rows = re.findall("<tr>(.*?)</tr>", html)
    widths = {
        sum(int(n or 1) for n in re.findall(r'<t[dh](?: colspan="(\d+)")?', row)) for row in rows
    }
    assert len(widths) <= 1  # each row fills the table


def test_what_stands_in_a_cell_is_escaped():
    class Named(co.Vacuum):
        def __repr__(self):
            return "<b>field & 'friends'</b>"

    couplings = co.couple(co.chain(2, 0.1), Named())
    html = couplings._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;field &amp; &#x27;friends&#x27;&lt;/b&gt;" in html
    assert "<b>field & 'friends'</b>" in unescape(html)


def test_rows_and_columns_of_a_table():
    html = notebook.table("title", [("a", "1 < 2"), ("whole row",)], ("name", "number"))
    texts = Tags(html).texts
    assert texts == ["title", "name", "number", "a", "1 < 2", "whole row"]
    assert html.count('colspan="2"') == 1
    assert Tags(notebook.table("", [])).texts == []


def test_the_table_has_characters_that_a_console_may_lack(monkeypatch):
    import io
    import sys

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert "largest |Delta_mn|" in repr(PAIR)
    assert "largest |Δ_mn|" in PAIR._repr_html_()
    assert "δ_m" in PAIR.validity()._repr_html_()


def test_short_texts_of_records():
    assert repr(PAIR.modes()) == (
        "Modes: 2 of one excitation\n"
        "  decay rates  0.0773032 … 1.9227\n"
        "  shifts       -2.59709 … 2.59709\n"
        "  jump rates   0.0773032 … 1.9227"
    )
    assert repr(JUMPS) == (
        "Jumps: 3 jumps of 3 trajectories\n  times     0.25 … 1.5\n  channels  0 … 1"
    )
    none = co.Jumps(*(np.zeros(0, dtype) for dtype in (int, float, int)), 1)
    assert repr(none).startswith("Jumps: 0 jumps of 1 trajectory\n  times     none")
    assert repr(SPECTRUM).splitlines()[:2] == ["Spectrum: 7 frequencies", "  frequencies    -3 … 3"]
    assert "at ω = 0" in repr(SPECTRUM)
    cloud = co.couple(co.cloud(60, 1.0, seed=1), co.Vacuum())
    for long in (cloud.modes(), SHOWN["bands"], SHOWN["far field"], SPECTRUM):
        assert len(repr(long)) < 250


def test_states_of_hundreds_of_atoms_have_short_texts_and_few_atoms_all_their_numbers():
    many = np.linspace(0, 1, 400)
    for state in (
        co.states.from_amplitudes(np.full(400, 0.05)),
        co.states.product(many, 2 * many),
        co.states.mixed(many),
        co.states.level_product([[1, 0, 0, 0]] * 400),
        co.states.levels(["e 0"] * 400),
    ):
        assert len(repr(state)) < 250
        assert "… 400 in all)" in repr(state)
    assert repr(co.states.mixed((0.25, 0.123456789))) == "Mixed(populations=(0.25, 0.123456789))"
    levels = co.Multilevel.from_emitters(co.chain(400, 0.2, frequency=1e6))
    assert repr(levels).startswith("Multilevel: 400 electric dipoles of 2 levels\n")
