"""What every test runs under, and what tests may set about the machine they run on."""

import gc
import math
import os
import sys
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
# what processes started by tests measure on a busy machine is not kept for the user
os.environ["XDG_CACHE_HOME"] = str(Path(__file__).parents[1] / ".pytest_cache" / "user")

import pytest
from hypothesis import settings

# their tests need nothing of each other: they come last, one by one, so that no core waits for the
# other at the end
ONE_BY_ONE = ("pages/test_gallery.py", "pages/test_docs.py")
# files that need the same compiled kernels: one process runs all files of a group, so that two
# processes do not compile one kernel at the same time
TOGETHER = {
    "calls": ("test_bad_input.py", "test_copies.py"),
    "engines": (
        "engines/test_levels.py", "engines/test_systems.py", "results/test_runs.py",
        "test_layout.py",
    ),
}  # fmt: skip
# of several processes every second imports the files in the opposite order: it finds half of them
# compiled to bytecode
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "")
BACKWARDS = PROCESS[-1:] in tuple("13579")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Each file or group in one process, as by ``--dist loadfile``, but for `ONE_BY_ONE`."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            if file.endswith(ONE_BY_ONE):
                return nodeid
            groups = (group for group, files in TOGETHER.items() if file.endswith(files))
            return next(groups, file)

    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


class FromTheEnd(pytest.Dir):
    """A folder whose files are imported in the opposite order."""

    def collect(self):
        return reversed(list(super().collect()))


def pytest_collect_directory(path, parent):
    return FromTheEnd.from_parent(parent, path=path) if BACKWARDS else None


def pytest_collection_modifyitems(items):
    """All processes have the tests in the same order, that of the names of the files."""
    if PROCESS:
        items.sort(key=lambda item: item.path.parts)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Python looks for no garbage while tests are collected."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


settings.register_profile("default", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def figures_of_a_common_machine(monkeypatch):
    """Predictions, and with them what "auto" takes, are the same wherever tests run."""
    from collective._tools import speed

    monkeypatch.setattr(speed, "_read_or_measured", lambda: speed.COMMON)
    speed.speed.cache_clear()


@pytest.fixture(autouse=True, scope="module")
def environment_as_it_was():
    """No file leaves variables behind: a dask cluster sets some that change how memory is freed."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(autouse=True)
def close_figures():
    """No test leaves a figure open."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def available_memory(monkeypatch):
    """A function that sets how many bytes of memory there seem to be."""
    from collective._tools import memory

    def set_to(available):
        monkeypatch.setattr(memory, "FRESH", math.inf)  # the answer holds for ever
        monkeypatch.setattr(memory, "_answer", (0.0, available))

    return set_to


@pytest.fixture
def interrupted_at(monkeypatch):
    """A context in which Ctrl-C comes after so many steps of a run, one at least."""
    from collective.engines.loop import Clock

    @contextmanager
    def interrupted(after):
        keep, steps = Clock.keep, iter(range(1, 10**9))

        def stop(self, *arguments):
            if next(steps) == after:
                raise KeyboardInterrupt
            return keep(self, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(Clock, "keep", stop)
            yield

    return interrupted
