"""Computed results are not lost: warnings raised as errors, progress bars, full disks, Ctrl-C."""

import re
import subprocess
import sys
import warnings
from contextlib import suppress

import numpy as np
import pytest

import collective as co
from collective.engines import loop
from collective.engines.exact import run as engine_run
from collective.evolution import evolve

TIMES = np.linspace(0, 1, 6)
CHAIN = co.couple(co.chain(3, 0.2), co.Vacuum())
GUIDED = co.couple(co.chain(2, 0.2), co.Waveguide(1.0, 6.0, group_velocity=0.5))
IDENTICAL = co.Couplings(np.ones((3, 3)), np.zeros((3, 3)))
ENGINES = {
    "exact": (CHAIN, "inverted", {}),
    "blocks": (CHAIN, "inverted", {}),
    "driven": (CHAIN.replace(drive=1.0), "ground", {}),
    "single": (CHAIN, co.states.single(0), {}),
    "retarded": (GUIDED, co.states.single(0), {}),
    "symmetric": (IDENTICAL, "inverted", {}),
    "cumulants": (CHAIN, "inverted", {}),
    "mean_field": (CHAIN.replace(drive=0.2), "ground", {}),
    "trajectories": (CHAIN, "inverted", {"seed": 1}),
    "mcsolve": (CHAIN.replace(drive=1.0), "ground", {"seed": 1}),
    "truncated_wigner": (CHAIN, "inverted", {"seed": 1, "threads": 1}),
    "capped": (CHAIN.replace(drive=0.3), "ground", {}),
    "conditional_cumulants": (CHAIN, "inverted", {"seed": 1, "threads": 1}),
    "capped, sampled": (CHAIN.replace(drive=0.3), "ground", {"seed": 1}),
}
SAMPLED = {
    "trajectories": co.engines.Trajectories(n=8),
    "mcsolve": co.engines.Trajectories(n=4),
    "capped, sampled": co.engines.Capped(n=4),
}


def run(name, **options):
    problem, state, arguments = ENGINES[name]
    method = SAMPLED.get(name, name)
    return co.evolve(problem, state, TIMES, method=method, **arguments, **options)


def saving(monkeypatch, broken):
    """Make `Result.save` fail at the calls i for which broken(i) is an error; list of its calls."""
    save, calls = co.Result.save, []

    def failing(self, path):
        calls.append(self)
        error = broken(len(calls))
        if error is not None:
            raise error
        return save(self, path)

    monkeypatch.setattr(co.Result, "save", failing)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    return calls


@pytest.mark.parametrize("name", ENGINES)
def test_a_warning_raised_as_an_error_has_the_result(name, tmp_path, monkeypatch):
    """The disk is full from the second checkpoint on."""
    whole = run(name)

    def full(i):
        return OSError(28, "No space left on device") if i > 1 else None

    with monkeypatch.context() as patch:
        saving(patch, full)
        with pytest.raises(co.EvolutionError, match=r"not be written.*\.result holds") as caught:
            run(name, checkpoint=tmp_path / "run")  # warnings are errors in these tests
    assert caught.value.result.complete
    np.testing.assert_array_equal(caught.value.result.populations, whole.populations)
    saving(monkeypatch, full)
    with pytest.warns(UserWarning, match="No space left"):
        found = run(name, checkpoint=tmp_path / "again")
    np.testing.assert_array_equal(found.populations, whole.populations)


@pytest.mark.parametrize("error", [MemoryError(), ValueError("populations[3, 0] is nan")])
def test_a_checkpoint_that_cannot_be_written_gives_a_warning(error, tmp_path, monkeypatch):
    saving(monkeypatch, lambda i: error if i > 1 else None)
    said = re.escape(str(error) or "MemoryError")
    with pytest.warns(UserWarning, match=f"the checkpoint could not be written: {said}"):
        found = run("blocks", checkpoint=tmp_path / "run")
    assert found.complete


@pytest.mark.parametrize("name", ["exact", "driven", "symmetric"])
def test_a_wrong_trace_raised_as_an_error_has_the_result(name, monkeypatch):
    monkeypatch.setattr(evolve, "_TRACE_ERROR", -1.0)
    with pytest.raises(co.EvolutionError, match="the trace of ρ is off by") as caught:
        run(name)
    assert len(caught.value.result.times) == len(TIMES)


def test_a_standard_error_not_reached_keeps_the_trajectories():
    method = co.engines.Trajectories(n=100, standard_error=1e-3)
    arguments = {"method": method, "seed": 1}
    with pytest.raises(co.EvolutionError, match=r"standard_error: .* allow more") as caught:
        co.evolve(CHAIN, "inverted", TIMES, **arguments)
    assert caught.value.result.diagnostics["n_trajectories"] == 100
    with pytest.warns(
        UserWarning, match=r"allow more by Trajectories\(n=\.\.\.\), about"
    ) as warned:
        co.evolve(CHAIN, "inverted", TIMES, **arguments)
    assert warned[0].filename == __file__


@pytest.mark.parametrize("name", ENGINES)
def test_ctrl_c_in_the_last_checkpoint_returns_the_run(name, tmp_path, monkeypatch):
    whole = run(name)
    calls = saving(monkeypatch, lambda i: None)
    run(name, checkpoint=tmp_path / "first")
    last = len(calls)
    saving(monkeypatch, lambda i: KeyboardInterrupt() if i == last else None)
    with pytest.warns(UserWarning, match="Ctrl-C came while the checkpoint was written"):
        found = run(name, checkpoint=tmp_path / "second")
    np.testing.assert_array_equal(found.populations, whole.populations)
    again = run(name, checkpoint=tmp_path / "second")
    np.testing.assert_allclose(again.populations, whole.populations, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", ENGINES)
def test_ctrl_c_before_the_first_step_keeps_the_checkpoint(name, tmp_path, monkeypatch):
    """During the first checkpoint of a new run, and of a run that continues from a checkpoint."""
    whole, path = run(name), tmp_path / "run"
    for _ in range(2):
        with monkeypatch.context() as patch:
            saving(patch, lambda i: KeyboardInterrupt() if i == 1 else None)
            try:
                found = run(name, checkpoint=path)
            except KeyboardInterrupt:
                found = None  # nothing was computed
            assert found is None or not found.complete
        if found is None:
            interrupted_run(name, path, monkeypatch)
    np.testing.assert_allclose(
        run(name, checkpoint=path).populations, whole.populations, rtol=0, atol=1e-7
    )


@pytest.mark.parametrize("name", ENGINES)
def test_ctrl_c_during_the_preparation_keeps_the_checkpoint(name, tmp_path, monkeypatch):
    """Before the tables, the operators and the kernels of a continued run are ready."""
    whole, path = run(name), tmp_path / "run.npz"
    interrupted_run(name, path, monkeypatch)
    reached = len(co.load(path).times)
    begin, interrupts = loop.Clock.__init__, iter([KeyboardInterrupt])

    def interrupted(self, *arguments):
        for error in interrupts:
            raise error
        begin(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Clock, "__init__", interrupted)
        try:
            found = run(name, checkpoint=path)
        except KeyboardInterrupt:
            found = None  # nothing was computed
    assert next(interrupts, None) is None
    assert found is None or (not found.complete and len(found.times) >= reached)
    assert len(co.load(path).times) >= reached
    np.testing.assert_allclose(
        run(name, checkpoint=path).populations, whole.populations, rtol=0, atol=1e-7
    )


def test_ctrl_c_during_the_operators_returns_the_first_time(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine_run, "solver", interrupted)
    found = run("exact")
    assert not found.complete
    np.testing.assert_array_equal(found.populations, [[1.0] * 3])


def interrupted_run(name, path, monkeypatch):
    """Start a run and interrupt it right after its first checkpoint."""
    save, interrupts = co.Result.save, iter([KeyboardInterrupt])

    def interrupted(self, where):
        save(self, where)
        for error in interrupts:
            raise error

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(co.Result, "save", interrupted)
        assert not run(name, checkpoint=path).complete


@pytest.mark.parametrize("stage", ["before", "inside"])
def test_ctrl_c_during_saving_keeps_the_old_file(stage, tmp_path, monkeypatch):
    result = run("exact")
    path = result.save(tmp_path / "run")
    before = path.read_bytes()

    def interrupted(stream, **arrays):
        if stage == "inside":
            stream.write(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        result.save(path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["run.npz"]


def test_a_progress_bar_that_fails_does_not_stop_a_run(monkeypatch):
    import tqdm.auto

    monkeypatch.setenv("COLLECTIVE_PROGRESS", "bar")

    class Failing:
        disable = False

        def __init__(self, **_):
            pass

        def update(self, n):
            raise RuntimeError("no widgets")

        def close(self):
            raise RuntimeError("no widgets")

    monkeypatch.setattr(tqdm.auto, "tqdm", Failing)
    for name in ("exact", "blocks", "single"):
        assert run(name, progress=True).complete

    def refuses(**_):
        warnings.warn("IProgress not found", stacklevel=2)  # an error here

    monkeypatch.setattr(tqdm.auto, "tqdm", refuses)
    assert run("exact", progress=True).complete


FULL = """
import resource, signal, sys, numpy as np, collective as co
times = np.linspace(0, 5, 201)
pair = co.couple(co.chain(4, 0.1), co.Vacuum())
r = co.evolve(pair, "inverted", times, method="exact", observe="states", progress=False)
r.to_netcdf(sys.argv[1] + "/first")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
for write in (r.to_netcdf, r.save):
    try:
        write(sys.argv[1] + "/run")
    except OSError as error:
        print("refused:", error.filename)
print("still here", r.emission.shape)
"""


@pytest.mark.slow
def test_a_full_disk_does_not_crash_the_interpreter(tmp_path):
    """HDF5 alone causes a segmentation fault at exit when the disk is full."""
    found = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr[-500:]
    path = tmp_path / "run"
    assert found.stdout.splitlines() == [
        f"refused: {path}.nc",
        f"refused: {path}.npz",
        "still here (201,)",
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["first.nc"]


def test_another_kind_of_file_as_checkpoint_is_refused(tmp_path):
    path = tmp_path / "integrals.npz"
    np.savez(path, charge=np.eye(2))
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    with pytest.raises(ValueError, match=r"^checkpoint: .*integrals\.npz is not a result"):
        co.evolve(pair, "inverted", [0.0, 1.0], checkpoint=path, progress=False)
