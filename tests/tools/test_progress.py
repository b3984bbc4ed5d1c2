"""How far work is: bars, lines, or nothing, and streams that cannot be written."""

import io
import sys
import types

import numpy as np
import pytest

import collective as co
from collective._tools import progress


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self):
        raise BrokenPipeError(32, "Broken pipe")


class Terminal(io.StringIO):
    """A stream that shows at once what is written."""

    def isatty(self):
        return True


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.fixture
def every_three_seconds(monkeypatch):
    """A clock that goes on by three seconds each time it is read; no line was printed before."""
    clock = iter(np.arange(1000.0, 1e5, 3.0))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(progress, "_last_line", -np.inf)


def shown(stream, monkeypatch, steps=9, **options):
    """What a work of some steps, each of three seconds, writes to a stream."""
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.Progress(steps, "counting", **options) as bar:
        if bar._bar is not None:
            bar._bar.delay = bar._bar.mininterval = bar._bar.miniters = 0
        for _ in range(steps):
            bar.step()
    return stream.getvalue()


@pytest.mark.parametrize("style", ["bar", "lines"])
@pytest.mark.parametrize("tqdm", ["tqdm", "without tqdm"])
@pytest.mark.parametrize("stream", [None, Broken(), closed()], ids=["none", "pipe", "closed"])
def test_what_cannot_be_written_stops_nothing(
    stream, tqdm, style, monkeypatch, every_three_seconds
):
    if tqdm != "tqdm":
        monkeypatch.setitem(sys.modules, "tqdm", None)
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setenv("COLLECTIVE_PROGRESS", style)
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.Progress(9, "counting", show=True) as bar:
        bar.step()
        if bar._bar is not None:
            bar._bar.delay = bar._bar.mininterval = bar._bar.miniters = 0
        for _ in range(8):
            bar.step()
    progress.say("compiling")
    progress.notice("compiling")


def test_a_file_gets_a_line_in_thirty_seconds(monkeypatch, every_three_seconds):
    """Also of several works one after the other; the first line comes after two seconds."""
    monkeypatch.delenv("COLLECTIVE_PROGRESS", raising=False)
    text = shown(io.StringIO(), monkeypatch, steps=35)
    lines = text.splitlines()
    assert lines[0] == "counting: 1/35, about 102 s left"
    assert [int(line.split()[1].split("/")[0]) for line in lines] == [1, 11, 21, 31]
    assert "\r" not in text
    assert shown(io.StringIO(), monkeypatch, steps=1) == ""


def test_a_terminal_gets_a_bar(monkeypatch, every_three_seconds):
    monkeypatch.delenv("COLLECTIVE_PROGRESS", raising=False)
    text = shown(Terminal(), monkeypatch)
    assert "counting:  44%|" in text
    assert "\r" in text
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert "\rcounting: 4/9, about 15 s left" in shown(Terminal(), monkeypatch)


def test_a_notebook_gets_a_bar(monkeypatch):
    monkeypatch.delenv("COLLECTIVE_PROGRESS", raising=False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert progress.style() == "lines"
    shell = types.SimpleNamespace(kernel=object())
    notebook = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    assert progress.style() == "bar"
    del shell.kernel  # IPython in a program whose output is a file
    assert progress.style() == "lines"


def test_the_switch_of_the_package(monkeypatch, every_three_seconds):
    monkeypatch.setenv("COLLECTIVE_PROGRESS", "off")
    assert shown(Terminal(), monkeypatch) == ""
    progress.notice("compiling")
    assert sys.stderr.getvalue() == ""
    progress.say("an error")  # this is no progress
    assert sys.stderr.getvalue() == "an error\n"
    monkeypatch.setenv("COLLECTIVE_PROGRESS", "lines")
    assert shown(Terminal(), monkeypatch) == "counting: 1/9, about 24 s left\n"
    monkeypatch.setenv("COLLECTIVE_PROGRESS", "bar")
    assert "%|" in shown(io.StringIO(), monkeypatch)
    assert shown(io.StringIO(), monkeypatch, show=False) == ""


def test_another_value_of_the_switch_is_refused_at_once(monkeypatch):
    monkeypatch.setenv("COLLECTIVE_PROGRESS", "no")
    pair = co.Couplings(np.eye(2), np.zeros((2, 2)))
    wanted = r"variable COLLECTIVE_PROGRESS must be one of 'bar', 'lines', 'off'; got 'no'"
    with pytest.raises(ValueError, match=wanted):
        co.evolve(pair, "inverted", [0.0, 1.0])
    assert co.evolve(pair, "inverted", [0.0, 1.0], progress=False).complete
    monkeypatch.setenv("COLLECTIVE_PROGRESS", "")  # as if it were not set
    assert co.evolve(pair, "inverted", [0.0, 1.0]).complete
