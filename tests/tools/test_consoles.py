"""Consoles with few characters, Python without docstrings, no compiler, a broken kernel cache."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import collective as co
from collective._tools import console


def python(code, *options, **environment):
    """Run code in a new interpreter; returns its output and exit status."""
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        capture_output=True,
        env={**os.environ, "NUMBA_NUM_THREADS": "1", **environment},
        check=False,
    )


PRINTED = """
import numpy as np, collective as co
from collective import currents
times, atoms = np.linspace(0, 1, 4), co.chain(2, 0.1, frequency=1e6)
pair = co.couple(atoms, co.Vacuum())
table = co.materials.Table([3.0, 5.0, 7.0, 9.0], [-50 + 1j, -40 + 2j, -30 + 1j, -20 + 1j])
levels = co.Multilevel.from_emitters(atoms)
equation = co.master_equation(atoms, co.Vacuum())
axis = np.linspace(-6, 6, 24)
orbitals = currents.Orbitals([axis] * 3, [currents.gaussian(1, 1)])
for thing in (
    atoms, levels, co.Vacuum(), co.Plasma(2.0), table, co.Nanowire(0.01, table),
    pair, pair.modes(), pair.validity(), equation, equation.validity(),
    co.interaction(levels, co.Vacuum()), co.methods(pair, "inverted", times),
    co.evolve(pair, "inverted", times, observe="correlations"),
    co.evolve(pair, "inverted", times, method=co.engines.Trajectories(n=4), seed=1).jumps,
    co.states.coherent(1.0), co.check_field(co.Vacuum(), [[0, 0, 0], [0.1, 0.2, 0.3]]),
    co.compare(atoms, co.Vacuum(), co.states.single(0), times, approximations=["universal", "rwa"]),
    co.observables.burst_criterion(pair), orbitals, currents.interactions(orbitals),
    co.citation(pair),
):
    print(thing)
    print(repr(thing))
print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", pytest.param("cp1252", marks=pytest.mark.slow)])
def test_everything_can_be_printed_on_any_console(encoding):
    found = python(PRINTED, PYTHONIOENCODING=encoding)
    assert found.returncode == 0, found.stderr.decode()[-800:]
    text = found.stdout.decode(encoding)
    assert text.endswith("done" + os.linesep)
    assert "t = 0 ... 1" in text or encoding != "ascii"
    assert "|tr rho - 1| <= " in text


def test_characters_the_console_lacks_are_replaced_by_ascii(monkeypatch):
    class Stream:
        errors, encoding = "strict", "ascii"

    monkeypatch.setattr(sys, "stdout", Stream)
    assert console.shown("Γ₁₂ ≤ ½γ, ⟨σ⁺σ⁻⟩ → 10⁻³ Å, −ω₀…") == (
        "Gamma12 <= 1/2gamma, <sigma+sigma-> -> 10-3 A, -omega0..."
    )
    assert console.shown("plain") == "plain"
    assert console.shown("日") == "?"
    Stream.encoding = "utf-8"
    assert console.shown("Γ日") == "Γ日"
    Stream.encoding, Stream.errors = "ascii", "replace"
    assert console.shown("Γ") == "Γ"  # the stream replaces the character itself
    Stream.encoding, Stream.errors = "no such code page", "strict"
    assert console.shown("Γ") == "Γ"
    monkeypatch.setattr(sys, "stdout", None)
    assert console.shown("Γ") == "Γ"


def test_files_keep_all_characters_on_any_console(monkeypatch):
    table = co.materials.Table([3.0, 5.0, 7.0, 9.0], [-50 + 1j, -40 + 2j, -30 + 1j, -20 + 1j])
    wire = co.Nanowire(0.01, table)
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    result = co.evolve(pair, "inverted", [0.0, 1.0], progress=False)
    beside = pair.replace(field=wire, decay=pair.decay, shift=pair.shift)
    result = result.replace(couplings=beside)

    class Stream:
        errors, encoding = "strict", "ascii"

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Stream)
        assert "k = 3 ... 9" in repr(wire)
        kept = result.to_xarray().attrs["field"]
    assert "k = 3 … 9" in kept
    assert kept == repr(wire)


METHODS = [name for name in co.engines.NAMES if name != "retarded"]  # which needs a field
EVOLVED = f"""
import numpy as np, collective as co
chain = co.Couplings(np.eye(3), np.zeros((3, 3)))
for method in {METHODS}:
    state = co.states.single(0)
    if method in ("symmetric", "truncated_wigner", "mean_field"):
        state = "inverted"
    try:
        r = co.evolve(chain, state, [0, 1.0], method=method, progress=False)
        assert abs(r.emission[-1] / r.emission[0] - np.exp(-1)) < 0.2
        print(method, "ran")
    except Exception as error:
        print(method, type(error).__name__, error)
"""


@pytest.mark.slow
def test_disabled_compiler_gives_a_clear_error():
    found = python(EVOLVED, NUMBA_DISABLE_JIT="1").stdout.decode().splitlines()
    without_kernels = {f"{name} ran" for name in ("exact", "single", "capped", "mean_field")}
    assert len(found) == len(METHODS)
    assert without_kernels <= set(found)
    for line in set(found) - without_kernels:
        assert "RuntimeError NUMBA_DISABLE_JIT is set, but this needs compiled kernels" in line


KERNEL = """
import os, resource, signal, sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
import kernels
print(kernels.twice(2.0), kernels.twice.stats.cache_path)
"""
MODULE = """
from collective._tools.compiled import compiled

@compiled(nogil=True)
def once(x):
    return x

@compiled(nogil=True)
def twice(x):
    return once(x) + once(x)
"""


@pytest.mark.slow
def test_full_or_broken_kernel_cache_does_not_change_results(tmp_path):
    (tmp_path / "kernels.py").write_text(MODULE)
    cache = tmp_path / "cache"

    def run(disk="free"):
        found = subprocess.run(
            [sys.executable, "-c", KERNEL, str(tmp_path), disk],
            capture_output=True,
            text=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        )
        assert found.returncode == 0, found.stderr[-800:]
        value, path = found.stdout.split()
        assert value == "4.0"
        return Path(path)

    folder = run("full")
    assert not [path for path in folder.glob("*.nbc") if path.stat().st_size]
    run()
    whole = {path.name for path in folder.iterdir()}
    assert len(whole) >= 4
    for path in folder.glob("*.nbi"):
        path.write_bytes(b"not an index")
    for path in folder.glob("*once*.nbc"):
        path.write_bytes(path.read_bytes()[:50])
    run()
    assert {path.name for path in folder.iterdir()} == whole
    for path in folder.glob("*.nbc"):
        path.write_bytes(path.read_bytes()[:50])
    run()


@pytest.mark.slow
@pytest.mark.parametrize("option", ["-O", "-OO"])
def test_engines_run_without_asserts_and_docstrings(option):
    found = python(EVOLVED, option).stdout.decode().splitlines()
    assert len(found) == len(METHODS)
    assert {line.split()[1] for line in found[1:]} == {"ran"}
    if option == "-O":
        assert found[0] == "exact ran"
    else:
        assert "ValueError QuTiP's integrators cannot run under python -OO" in found[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "what"),
    [
        (
            "co.evolve(co.couple(co.chain(2, 0.1), co.Vacuum()), 'inverted', [0, 1], method='blocks')",
            "the blocks engine",
        ),
        ("co.Sphere(0.1, 2.0).scattered([0, 0, 0.2], [0, 0, 0.2], 6.0)", "the sphere"),
        (
            "co.HalfSpace(2.0).scattered([0, 0, 1], [0, 0, 1], 6.0)",
            "the integrals of half-spaces and layers",
        ),
    ],
    ids=["blocks", "sphere", "half-space"],
)
def test_compiling_is_announced_once(tmp_path, code, what):
    """One line is printed if nothing is cached, and none if it is."""
    code = f"import collective as co\n{code}"
    runs = [python(code, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0]
    said = [run.stderr.decode() for run in runs]
    assert said[0].count(f"compiling {what}") == 1
    assert said[0].count("\n") == 1
    assert said[1] == ""
