"""Available memory: of the machine, by the limits of the process, and by its control groups."""

import subprocess
import sys

import numpy as np
import pytest

import collective as co
from collective._tools import memory

GIB = 2**30


@pytest.fixture(autouse=True)
def no_reuse(monkeypatch):
    """Read the available memory at every call, because limits change within a test."""
    monkeypatch.setattr(memory, "FRESH", 0.0)


def group(folder, names, limit, used, cache):
    """Write the files of one control group as Linux shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    most, held, inactive = names
    (folder / most).write_text(f"{limit}\n")
    (folder / held).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{inactive} {cache}\n")


@pytest.mark.parametrize("version", [1, 2])
def test_available_memory_is_limited_by_every_control_group(tmp_path, monkeypatch, version):
    """It is the least that a group leaves; cached files do not count as used."""
    names = memory._GROUPS_1 if version == 1 else memory._GROUPS_2
    root = tmp_path / "memory" if version == 1 else tmp_path
    unlimited = 2**63 - 4096 if version == 1 else "max"
    group(root, names, unlimited, 9 * GIB, 0)
    group(root / "job", names, 3 * GIB, 2 * GIB, GIB // 2)  # 1.5 GiB left
    group(root / "job" / "step", names, 2 * GIB, GIB // 4, 0)  # 1.75 GiB left
    line = "4:cpu,memory:/job/step" if version == 1 else "0::/job/step"
    (tmp_path / "cgroup").write_text(f"7:pids:/elsewhere\n{line}\n")
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    monkeypatch.setattr(memory, "_machine_bytes", lambda: 20 * GIB)
    assert memory.available_bytes() == 3 * GIB // 2
    group(root / "job" / "step", names, GIB, 2 * GIB, 0)  # more than its limit: nothing is left
    assert memory.available_bytes() == 0
    (tmp_path / "cgroup").write_text("0::/../..\n4:memory:/gone\n")  # as seen from a container
    assert memory.available_bytes() >= 20 * GIB


def test_unknown_limits_refuse_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "none")
    monkeypatch.setattr(memory, "_machine_bytes", lambda: None)
    assert memory.available_bytes() is None
    memory.require(10**30, "a large array", "use fewer emitters")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_limits_of_the_process_reduce_available_memory(limit):
    code = (
        "import resource; from collective._tools import memory; memory.FRESH = 0;"
        "before = memory.available_bytes();"
        f"resource.setrlimit(resource.{limit}, (2**30, 2**30));"
        "after = memory.available_bytes(); assert 2**28 < after < 2**30 < before, (after, before)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("dipoles", [(1, 0, 0), (1, 1j, 0)])
def test_couple_refuses_matrices_that_do_not_fit_before_computing(monkeypatch, dipoles):
    # of unequal rates, so that they cannot be stored by displacement either
    many = co.chain(2500, 0.3, dipoles=dipoles, decay_rates=np.linspace(1, 2, 2500))
    needed = 10 * 2500**2 * (16 if dipoles[1] else 8)
    monkeypatch.setattr(memory, "available_bytes", lambda: needed)
    monkeypatch.setattr("collective.couplings.couple.unit_couplings", None)  # nothing is computed
    with pytest.raises(co.ProblemTooLargeError, match=r"2,500 emitters needs .* fewer emitters"):
        co.couple(many, co.Vacuum())


def test_memory_of_couple_is_predicted(monkeypatch):
    """The peak of numpy's arrays agrees with the predicted number of bytes."""
    import tracemalloc

    requested = []
    monkeypatch.setattr("collective.couplings.couple.fits", lambda n: requested.append(n) or True)
    co.couple(
        co.chain(2, 0.3), co.Vacuum()
    )  # the first call imports modules, which are not counted
    for dipoles, n in (((1, 0, 0), 300), ((1, 0, 0), 900), ((1, 1j, 0), 700)):
        chain = co.chain(n, 0.3, dipoles=dipoles)
        tracemalloc.start()
        co.couple(chain, co.Vacuum())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak / 1.3 < requested.pop() < 1.3 * peak


def test_available_memory_is_read_once_in_a_small_run(monkeypatch):
    requested = []
    monkeypatch.setattr(memory, "FRESH", 60.0)
    monkeypatch.setattr(memory, "_answer", None)
    monkeypatch.setattr(memory, "_machine_bytes", lambda: requested.append(1) or 2**28)
    pair = co.Couplings([[1.0, 0.3], [0.3, 1.0]], [[0.0, 0.4], [0.4, 0.0]])
    co.evolve(pair, "inverted", [0, 1.0], progress=False)
    assert len(requested) == 1
    with pytest.raises(co.ProblemTooLargeError):
        memory.require(2**29, "a large array", "use fewer emitters")
