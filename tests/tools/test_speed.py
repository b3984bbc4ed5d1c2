"""How fast this machine is: measured once, kept, never at import."""

import json
import subprocess
import sys

from collective._tools import speed

MEASURED = speed._read_or_measured  # which the fixture of all tests replaces


def test_the_speed_of_a_machine_is_measured_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls = []
    figures = speed.Speed(1e-6, 3e-11, 2e-9)
    monkeypatch.setattr(speed, "measured", lambda: calls.append(1) or figures)
    for _ in range(3):
        monkeypatch.setattr(speed, "_read_or_measured", MEASURED)
        speed.speed.cache_clear()
        assert speed.speed() == figures
    assert len(calls) == 1
    (path,) = tmp_path.glob("collective/speed-*.json")
    broken = ["", "{", "[1]", json.dumps({"format": 99}), json.dumps({"format": 1, "call": "x"})]
    negative = {"format": 1, "call": -1, "flop": 3e-11, "entry": 2e-9}
    for text in [*broken, json.dumps(negative), json.dumps({**negative, "call": 1e9})]:
        path.write_text(text)
        monkeypatch.setattr(speed, "_read_or_measured", MEASURED)
        speed.speed.cache_clear()
        assert speed.speed() == figures
    assert len(calls) == 1 + len(broken) + 2


def test_where_nothing_can_be_kept_common_figures_serve(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(speed, "_read_or_measured", MEASURED)
    speed.speed.cache_clear()
    assert speed.speed() == speed.COMMON


def test_measuring_takes_no_second_and_gives_figures_of_a_computer():
    found = speed.measured()
    assert 1e-8 < found.call < 1e-4
    assert 1e-13 < found.flop < 1e-8
    assert 1e-11 < found.entry < 1e-6


def test_nothing_is_measured_at_import():
    code = "import sys, collective; print('collective._tools.speed' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
