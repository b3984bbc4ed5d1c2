"""A scenario file with a mistake is a clear error, or means what it says."""

import random
import re
import tomllib
import warnings

import pytest
import scenario_meaning as meaning
import scenario_mutants as mutants
from hypothesis import given, settings
from hypothesis import strategies as st

import collective as co
from collective.scenarios.source import key_lines


def read(file):
    """The scenario of a file, or the error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", co.UnitWarning)
            scenario = co.scenarios.read(file)
            few = scenario.emitters is None or len(scenario.emitters) < 12
            long = isinstance(scenario.field, co.Nanowire) or "master_equation" in scenario.calls
            if few and not long:
                scenario.couplings()
            return scenario
    except co.scenarios.ScenarioError as error:
        return error


def check(content, file):
    """Check what becomes of a file with mistakes; returns its scenario, or the error."""
    file.write_bytes(content)
    found = read(file)
    if isinstance(found, Exception):
        text = str(found)
        assert len(text) < 1500
        if found.line is None:
            assert text.startswith(f"{file}: ")
            assert "nested too deeply" in text
        else:
            assert text.startswith(f"{file}:{found.line}: ")
            assert 1 <= found.line <= content.count(b"\n") + 1
        assert re.search(r"\w{3}", found.text)
    else:
        meaning.assert_means(found, tomllib.loads(content.decode("utf-8-sig")))
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("mutants") / "mutant.toml"


@pytest.fixture(autouse=True)
def little_memory(available_memory):
    """Sizes that do not fit are refused, and what fits is quick."""
    available_memory(10**8)


@pytest.mark.parametrize("text", mutants.TEXTS, ids=lambda text: text.split("\n")[1][:30])
def test_without_mistakes_they_mean_what_they_say(text, file):
    assert isinstance(check(text.encode(), file), co.scenarios.Scenario)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=150)
def test_a_file_with_mistakes_is_a_clear_error_or_means_what_it_says(file, seed):
    check(mutants.mutant(random.Random(seed)), file)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32))
@settings(max_examples=10_000)
def test_ten_thousand_files_with_mistakes(file, seed):
    check(mutants.mutant(random.Random(seed)), file)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=200)
def test_every_key_has_its_line(seed):
    """The line finder comes to the same keys as the reader of TOML, each on a line that has it."""
    content = mutants.mutant(random.Random(seed))
    try:
        text = content.decode().replace("\r\n", "\n")
        data = tomllib.loads(text)
    except (ValueError, RecursionError):
        return
    lines = key_lines(text)
    assert set(lines) == set(mutants.places(data))
    written = text.split("\n")
    for keys, line in lines.items():
        if isinstance(keys[-1], str) and keys[-1].isidentifier():
            assert keys[-1] in written[line - 1]
