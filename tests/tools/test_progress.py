"""The line that shows how far a run is."""

import io
import sys

import numpy as np
import pytest

from collective._tools import progress


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self):
        raise BrokenPipeError(32, "Broken pipe")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("tqdm", ["tqdm", "without tqdm"])
@pytest.mark.parametrize("stream", [None, Broken(), closed()], ids=["none", "pipe", "closed"])
def test_a_bar_that_cannot_be_written_stops_nothing(stream, tqdm, monkeypatch):
    if tqdm != "tqdm":
        monkeypatch.setitem(sys.modules, "tqdm", None)
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys, "stderr", stream)
    clock = iter(np.arange(0.0, 1e5, 3.0))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.Progress(9, "counting", show=True) as bar:
        bar.step()
        if bar._bar is not None:
            bar._bar.delay = bar._bar.mininterval = bar._bar.miniters = 0
        for _ in range(8):
            bar.step()
    progress.say("compiling")
