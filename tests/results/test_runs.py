"""Every engine, field, approximation and observable gives what it gave: `runs.py` against its file."""

import re
from pathlib import Path

import numpy as np
import pytest
import recipes
import runs
import walker

import collective as co
from collective.engines import choice

SOURCE = (Path(__file__).parents[1] / "runs.py").read_text()
# what gives no numbers of its own: figures, text, files, and what a field of a user's must have
NOT_RUN = {
    "load",
    "citation",
    "Methods.needed",
    "Couplings.collapse_operator_names",  # texts
    "ChannelCouplings.collapse_operator_names",
    "CavityCouplings.collapse_operator_names",
    "Cavity.beyond_markov",
    "Result.save",
    "Couplings.save",
    "ChannelCouplings.save",
    "CavityCouplings.save",
    "Result.to_netcdf",
    "Result.to_xarray",
    "SampledField",  # `SampledField.from_field` makes it
    "SampledField.from_file",
    "SampledField.from_xarray",
    "SampledField.save",
    "units.Level",  # `units.atom` has them
    "units.Line",
}


# with kernels that other quick tests need not compile
COMPILING = {"approximate atoms with manifolds", "blocks in single precision"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in COMPILING)) for n in runs.RUNS]
)
def test_a_run_gives_the_kept_numbers(name):
    found = runs.differences(name)
    assert found
    allowed = runs.RUNS[name].rtol
    assert not {key: gap for key, gap in found.items() if not gap <= allowed}


def test_the_file_has_no_other_runs():
    assert set(runs.kept()) == set(runs.RUNS)
    assert runs.FILE.stat().st_size < 440 * 1024


@pytest.mark.parametrize("name", [n for n, each in runs.RUNS.items() if each.rtol == runs.SAMPLED])
def test_the_same_seed_gives_the_same_bits(name):
    runs.sampled.cache_clear()
    first = runs.values_of(name)
    runs.sampled.cache_clear()
    second = runs.values_of(name)
    assert {key: value.tobytes() for key, value in first.items()} == {
        key: value.tobytes() for key, value in second.items()
    }


def test_every_engine_is_run():
    """By name: what `co.methods` knows of is what `evolve` takes."""
    found = co.methods(runs.plain(), "inverted", runs.TIMES)
    engines = set(found.costs) | set(found.refusals)
    assert {"exact", "blocks", "driven", "trajectories", "symmetric", "single"} <= engines
    for name in engines:
        options = f"co.engines.{type(choice.engine(name)).__name__}("
        texts = (
            f'method="{name}"',
            f'"method": "{name}"',
            f"method={options}",
            f'"method": {options}',
        )
        assert any(text in SOURCE for text in texts), name


def test_every_public_name_is_run():
    left_out = {*NOT_RUN, *recipes.RECORDS, *recipes.PROTOCOLS}
    missing = []
    for name in walker.discovered():
        owner, _, last = name.rpartition(".")
        # scenarios call what is run here, and write files
        if name in left_out or name.split(".")[0] in ("plot", "engines", "scenarios"):
            continue
        if owner in ("", "materials", "states", "units", "spectral", "currents", "observables"):
            found = re.search(rf"\bco\.{re.escape(name)}\(", SOURCE)
        else:  # a method of any object
            found = re.search(rf"\.{last}\b", SOURCE)
        if found is None:
            missing.append(name)
    assert not missing


def test_what_a_file_lacks_is_added_and_the_rest_kept(tmp_path, monkeypatch):
    numbers = {"a": 1.0, "b": 2.0}
    monkeypatch.setattr(runs, "RUNS", {"one": runs.Run(lambda: numbers, runs.CLOSE)})
    file = tmp_path / "runs.npz"
    runs.write(file)
    numbers |= {"a": 1.5, "c": 3.0}
    del numbers["b"]
    runs.RUNS["two"] = runs.Run(lambda: {"d": 4.0}, runs.CLOSE)
    runs.add(file)
    runs.kept.cache_clear()
    assert runs.kept(file) == {"one": {"a": 1.0, "c": 3.0}, "two": {"d": 4.0}}
    runs.kept.cache_clear()


def test_what_differs_is_found():
    one = np.array([1.0, 2.0, np.nan])
    assert runs.difference(one, one.copy()) == 0
    assert runs.difference(one * (1 + 1e-9), one) == pytest.approx(1e-9, rel=1e-3)
    for other in (one[:2], np.array([1.0, np.nan, 2.0]), one.astype(complex), np.array([1, 2, 3])):
        assert runs.difference(other, one) == np.inf
    assert runs.difference(np.array([1e-300]), np.array([0.0])) == np.inf
    assert runs.difference(np.array([3]), np.array([4])) == np.inf
