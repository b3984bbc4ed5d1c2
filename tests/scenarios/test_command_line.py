"""The command `collective`: what it prints, writes and returns, and what happens when it fails."""

import contextlib
import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray

import collective as co
from collective import cli
from collective.scenarios import saving

PAIR = """
[emitters]
kind = "chain"
n = 2
spacing = 0.1
[field]
kind = "vacuum"
[state]
kind = "inverted"
[times]
stop = 2
number = 5
[output]
figure = ""
"""
GRID = '[grid]\n"emitters.spacing" = [0.1, 0.2, 0.3]\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a scenario."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pair.toml").write_text(PAIR)
    (tmp_path / "grid.toml").write_text(PAIR + GRID)
    return tmp_path


def names(path):
    return sorted(each.name for each in path.iterdir())


def test_run(folder, capsys):
    assert cli.main(["run", "pair.toml"]) == 0
    printed = capsys.readouterr()
    assert "2 emitters from inverted" in printed.out
    assert "Files: pair-output/data.nc, pair-output/scenario.toml" in printed.out
    assert names(folder / "pair-output") == ["data.nc", "scenario.toml"]
    expected = co.evolve(co.couple(co.chain(2, 0.1), co.Vacuum()), "inverted", np.linspace(0, 2, 5))
    found = xarray.load_dataset(folder / "pair-output" / "data.nc")
    np.testing.assert_array_equal(found.emission, expected.emission)
    assert cli.main(["run", "pair-output/scenario.toml", "--output", "again"]) == 0
    again = xarray.load_dataset(folder / "again" / "data.nc")
    np.testing.assert_array_equal(again.emission, expected.emission)


def test_the_folder_of_the_file_is_relative_to_it(folder, capsys):
    (folder / "deep").mkdir()
    (folder / "deep" / "pair.toml").write_text(PAIR.replace("[output]", '[output]\nfolder = "x/y"'))
    assert cli.main(["run", "deep/pair.toml"]) == 0
    assert names(folder / "deep" / "x" / "y") == ["data.nc", "scenario.toml"]


def test_sweep(folder, capsys):
    assert cli.main(["sweep", "grid.toml"]) == 0
    assert "grid-output/data.nc" in capsys.readouterr().out
    found = xarray.load_dataset(folder / "grid-output" / "data.nc")
    assert found.emission.dims == ("emitters_spacing", "time")
    # a finished sweep is not computed again, another one is refused
    assert cli.main(["sweep", "grid.toml", "--workers", "1"]) == 0
    (folder / "grid.toml").write_text(PAIR + GRID.replace("0.3", "0.4"))
    assert cli.main(["sweep", "grid.toml"]) == cli.BAD_INPUT
    message = capsys.readouterr().err
    assert message.startswith("collective: grid.toml:15: store: ")
    assert "emitters_spacing[2] = 0.3, in this one it is 0.4" in message
    assert "--output" in message


@pytest.mark.slow
def test_sweep_by_processes_gives_the_same(folder, capsys):
    assert cli.main(["sweep", "grid.toml"]) == 0
    assert cli.main(["sweep", "grid.toml", "--workers", "2", "--output", "two"]) == 0
    one, two = (xarray.load_dataset(folder / n / "data.nc") for n in ("grid-output", "two"))
    assert one.drop_attrs().identical(two.drop_attrs())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_sweep_by_a_dask_cluster_gives_the_same(folder, capsys):
    from dask.distributed import LocalCluster

    assert cli.main(["sweep", "grid.toml"]) == 0
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        assert cli.main(["sweep", "grid.toml", "--scheduler", address, "--output", "two"]) == 0
    one, two = (xarray.load_dataset(folder / n / "data.nc") for n in ("grid-output", "two"))
    assert one.drop_attrs().identical(two.drop_attrs())


def test_a_scheduler_that_is_not_there(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(SystemExit) as ended:
        cli.main(["sweep", "grid.toml", "--scheduler", "tcp://127.0.0.1:1"])
    assert ended.value.code == cli.BAD_INPUT
    assert "pip install 'collective-emission[cluster]'" in capsys.readouterr().err


@pytest.mark.filterwarnings("always")
def test_failing_points_are_warned_of_and_all_failing_is_a_failure(folder, capsys):
    text = PAIR + '[method]\nname = "single"\n'
    (folder / "grid.toml").write_text(text + "[grid]\nemitters.n = [1, 2]\n")
    assert cli.main(["sweep", "grid.toml"]) == 0
    message = capsys.readouterr().err
    assert "collective: warning: 1 of 2 points failed, the first at emitters_n=2: " in message
    assert "grid.toml:16: method 'single' is for at most one excitation" in message
    found = xarray.load_dataset(folder / "grid-output" / "data.nc")
    assert np.isnan(found.emission[1]).all()
    (folder / "grid.toml").write_text(text + "[grid]\nemitters.n = [2, 3]\n")
    assert cli.main(["sweep", "grid.toml", "--output", "other"]) == cli.FAILED
    message = capsys.readouterr().err
    assert "failed at all 2 points" in message
    assert message.endswith("use method='symmetric' or 'blocks'\n")
    assert "Traceback" not in message


def test_dry_runs_write_nothing(folder, capsys):
    assert cli.main(["run", "pair.toml", "--dry-run"]) == 0
    assert "predicted: " in capsys.readouterr().out
    assert cli.main(["sweep", "grid.toml", "--dry-run"]) == 0
    assert "3 points, one after the other: " in capsys.readouterr().out
    assert names(folder) == ["grid.toml", "pair.toml"]
    (folder / "pair.toml").write_text(PAIR + '[method]\nname = "single"\n')
    assert cli.main(["run", "pair.toml", "--dry-run"]) == cli.BAD_INPUT
    assert "cannot be evolved, the first: pair.toml:16: method 'single'" in capsys.readouterr().out


def test_methods_and_validity(folder, capsys):
    assert cli.main(["methods", "pair.toml"]) == 0
    assert "*exact" in capsys.readouterr().out
    assert cli.main(["validity", "pair.toml"]) == 0
    assert "no retardation" in capsys.readouterr().out
    for command in ("methods", "validity"):
        assert cli.main([command, "grid.toml"]) == 0
        assert "The first point of the grid: emitters.spacing = 0.1\n" in capsys.readouterr().out


def test_examples_are_printed(folder, capsys):
    assert cli.main(["scenario", "--example"]) == 0
    assert capsys.readouterr().out == cli.example("first_steps")
    assert cli.main(["scenario", "--example", "environments"]) == 0
    assert capsys.readouterr().out == cli.example("environments")
    for arguments in (["--example", "nothing"], []):
        with pytest.raises(SystemExit) as ended:
            cli.main(["scenario", *arguments])
        assert ended.value.code == cli.BAD_INPUT


def test_every_chapter_of_the_gallery_has_an_example():
    gallery = os.path.join(os.path.dirname(__file__), "..", "..", "examples")
    chapters = {name for name in os.listdir(gallery) if os.path.isdir(os.path.join(gallery, name))}
    assert chapters - {"__pycache__"} <= set(cli.chapters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.toml"], "collective: none.toml: this path names no file"),
        (["run", "."], "collective: .: this path is a folder"),
        (["run", "grid.toml"], "collective: grid.toml:15: [grid] makes this a sweep"),
        (["sweep", "pair.toml"], "collective: pair.toml:1: a sweep needs a section [grid]"),
        (["run", "pair.toml", "--output", "pair.toml"], "--output: nothing can be written to 'pair.toml': it is not a folder"),
        (["run", "pair.toml", "--output", "pair.toml/x"], "--output: nothing can be written to"),
        (["run", "pair.toml", "--output", ""], "--output must name a file, got ''"),
        (["sweep", "grid.toml", "--output", "/proc/none"], "--output: nothing can be written to '/proc/none'"),
        (["methods", "bad.toml"], "collective: bad.toml:5: [emitters] spacing must be above 0, got -0.1"),
    ],
)  # fmt: skip
def test_bad_input(folder, capsys, arguments, message):
    (folder / "bad.toml").write_text(PAIR.replace("0.1", "-0.1"))
    assert cli.main(arguments) == cli.BAD_INPUT
    assert message in capsys.readouterr().err
    assert names(folder) == ["bad.toml", "grid.toml", "pair.toml"]


def test_a_wrong_style_of_progress_is_said_before_anything_runs(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLLECTIVE_PROGRESS", "silent")
    for command in (["run", "pair.toml"], ["demo", "--output", "demo"], ["sweep", "grid.toml"]):
        assert cli.main(command) == 2
        said = capsys.readouterr().err
        assert said.startswith("collective: the environment variable COLLECTIVE_PROGRESS must be")
    assert names(folder) == ["grid.toml", "pair.toml"]


def test_bad_options(folder, capsys):
    for arguments in (["sweep", "grid.toml", "--workers", "0"], ["run"], ["party"], []):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == cli.BAD_INPUT


def test_ctrl_c_keeps_the_work_and_the_same_command_goes_on(folder, capsys, interrupted_at):
    text = PAIR.replace("number = 5", "number = 50") + '[method]\nname = "exact"\n'
    (folder / "pair.toml").write_text(text)
    with interrupted_at(10):
        assert cli.main(["run", "pair.toml"]) == cli.INTERRUPTED
    message = capsys.readouterr().err
    assert "The work is kept in pair-output/checkpoint.npz: the same command goes on." in message
    assert names(folder / "pair-output") == ["checkpoint.npz"]
    kept = co.load(folder / "pair-output" / "checkpoint.npz")
    assert 1 < len(kept.times) < 50
    # another scenario does not go on with it
    (folder / "pair.toml").write_text(text.replace("spacing = 0.1", "spacing = 0.2"))
    assert cli.main(["run", "pair.toml"]) == cli.BAD_INPUT
    message = capsys.readouterr().err
    assert "belongs to another problem" in message
    assert "delete pair-output/checkpoint.npz" in message
    (folder / "pair.toml").write_text(text)
    assert cli.main(["run", "pair.toml"]) == 0
    assert names(folder / "pair-output") == ["data.nc", "scenario.toml"]
    found = xarray.load_dataset(folder / "pair-output" / "data.nc")
    expected = co.evolve(
        co.couple(co.chain(2, 0.1), co.Vacuum()), "inverted", np.linspace(0, 2, 50), method="exact"
    )
    np.testing.assert_allclose(found.emission, expected.emission, rtol=1e-7)


def test_ctrl_c_while_a_sweep_runs_keeps_the_points(folder, capsys, monkeypatch):
    calls = []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return co.evolve(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("collective.scenarios.scenario.evolve", interrupted)
        assert cli.main(["sweep", "grid.toml"]) == cli.INTERRUPTED
    assert "the same command goes on" in capsys.readouterr().err
    assert cli.main(["sweep", "grid.toml"]) == 0
    found = xarray.load_dataset(folder / "grid-output" / "data.nc")
    assert np.all(np.isfinite(found.emission))


def test_a_full_disk_loses_no_work(folder, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data.nc")

    with monkeypatch.context() as patch:
        patch.setattr("collective.scenarios.outcome.write_dataset", full)
        assert cli.main(["run", "pair.toml"]) == cli.FAILED
    assert "No space left on device" in capsys.readouterr().err
    assert names(folder / "pair-output") == ["checkpoint.npz"]

    def never(*_, **__):
        raise AssertionError("it must not be computed again")

    with monkeypatch.context() as patch:
        patch.setattr("collective.engines.exact.engine.Exact.start", never)
        assert cli.main(["run", "pair.toml"]) == 0
    assert names(folder / "pair-output") == ["data.nc", "scenario.toml"]


def test_a_failed_run(folder, capsys, monkeypatch):
    def broken(*_, **__):
        raise co.EvolutionError("method 'exact' failed after t = 1: no more", None)

    monkeypatch.setattr("collective.scenarios.scenario.evolve", broken)
    assert cli.main(["run", "pair.toml"]) == cli.FAILED
    assert "collective: method 'exact' failed after t = 1" in capsys.readouterr().err


@pytest.mark.filterwarnings("always")
def test_warnings_are_one_line(folder, capsys):
    (folder / "pair.toml").write_text(PAIR.replace("spacing = 0.1", "spacing = 1e5"))
    assert cli.main(["validity", "pair.toml"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("collective: warning: positions") for line in lines)
    assert lines


def test_a_folder_without_permission(folder, capsys, monkeypatch):
    def refused(**_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(saving.tempfile, "TemporaryFile", refused)
    assert cli.main(["run", "pair.toml"]) == cli.BAD_INPUT
    message = capsys.readouterr().err
    assert "collective: pair.toml:1" in message
    assert "[output] folder: nothing can be written to 'pair-output': Permission denied" in message


@pytest.mark.slow
def test_as_a_process(folder):
    """As it is installed: a mistake ends with code 2 and one line, without a traceback."""
    (folder / "bad.toml").write_text(PAIR.replace("spacing", "spacng"))
    run = [sys.executable, "-c", "import sys; from collective.cli import main; sys.exit(main())"]
    bad = subprocess.run([*run, "run", "bad.toml"], capture_output=True, text=True, check=False)
    assert bad.returncode == cli.BAD_INPUT
    assert bad.stderr.count("\n") == 1
    assert bad.stderr.startswith("collective: bad.toml:5: [emitters] has no key 'spacng'")
    example = subprocess.run(
        [*run, "scenario", "--example"], capture_output=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert example.stdout.decode("utf-8") == cli.example("first_steps")


def test_every_command_says_what_it_does_and_what_its_options_are(capsys):
    for command in ("run", "sweep", "methods", "validity", "scenario", "demo"):
        with pytest.raises(SystemExit) as ended:
            cli.main([command, "--help"])
        assert ended.value.code == 0
        printed = capsys.readouterr().out
        summary = printed.split("\n\n")[1]
        assert len(summary) > 20
        assert summary.endswith(".")
        for line in printed.splitlines():
            if line.startswith(("  --output", "  scenario.toml", "  --emitters")):
                following = printed[printed.index(line) + len(line) :].lstrip("\n")
                assert "  " in line.strip() or following.startswith("      ")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
def test_workers_end_when_the_command_is_killed(folder):
    text = PAIR.replace("stop = 2", "stop = 2000").replace("number = 5", "number = 4000")
    spacings = "{start = 0.1, stop = 0.9, number = 4000}"
    (folder / "grid.toml").write_text(text + f'[grid]\n"emitters.spacing" = {spacings}\n')
    mark = f"COLLECTIVE_TEST={os.getpid()}"
    name, value = mark.split("=")
    run = "import sys; from collective.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", run, "sweep", "grid.toml", "--workers", "2"]
    process = subprocess.Popen(
        command, env={**os.environ, name: value}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def alive():
        found = 0
        for place in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                found += mark.encode() in place.read_bytes().split(b"\0")
        return found

    journal = folder / "grid-output" / "data.nc.journal"
    deadline = time.monotonic() + 120
    try:  # until points are kept and both workers are there
        while not (journal.exists() and journal.stat().st_size > 10_000 and alive() >= 3):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    while alive():
        assert time.monotonic() < deadline
        time.sleep(0.1)
