"""Files that are written under another name first, so that a killed process leaves none by halves."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import collective as co
from collective._tools import files


def test_partial_files_of_killed_runs_are_removed_and_those_of_others_stay(tmp_path):
    """A process killed in the middle of writing, one that still writes, and a file of somebody's."""
    code = (
        "import os, sys, time, collective._tools.files as f\n"
        "def write(partial):\n"
        "    print(partial, flush=True)\n"
        "    time.sleep(60)\n"
        "f.written(sys.argv[1], '.npz', write)\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / name)], stdout=subprocess.PIPE, text=True
        )
        for name in ("run.npz", "run.npz", "other.npz")
    ]
    dead, alive, elsewhere = partials = [Path(p.stdout.readline().strip()) for p in started]
    for process in (started[0], started[2]):
        process.send_signal(signal.SIGKILL)
        process.wait()
    mine = tmp_path / "run.npz.part.npz"
    mine.write_text("")
    long_ago = time.time() - 60
    for path in (*partials, mine):
        os.utime(path, (long_ago, long_ago))
    atom = co.Couplings([[1.0]], [[0.0]])
    co.evolve(atom, "inverted", np.linspace(0, 1, 5)).save(tmp_path / "run")
    started[1].kill()
    started[1].wait()
    for process in started:
        process.stdout.close()
    assert not dead.exists()
    assert alive.exists()
    assert elsewhere.exists()
    assert mine.exists()


def test_files_written_by_several_threads_leave_the_permissions_of_the_process(monkeypatch):
    """The mask of new files can only be read by setting it: a second thread must not read that."""
    set_to = os.umask

    def slowly(mask):
        before = set_to(mask)
        time.sleep(0.002)
        return before

    before = set_to(0o027)
    try:
        monkeypatch.setattr(files.os, "umask", slowly)
        with ThreadPoolExecutor(4) as pool:
            found = set(pool.map(lambda _: files._umask(), range(12)))
    finally:
        left = set_to(before)
    assert found == {0o027}
    assert left == 0o027
