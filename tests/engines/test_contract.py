"""The engine contract: what every engine states, and what "auto" does with it."""

import dataclasses
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import qutip
from systems import refusal, systems

import collective as co
from collective import engines
from collective.engines import base, choice, loop

T = np.linspace(0, 2, 11)
CHAIN = co.couple(co.chain(4, 0.2), co.Vacuum())


@dataclasses.dataclass(frozen=True)
class Guess:
    """An approximate engine, faster than all others: every emitter decays alone."""

    name: ClassVar[str] = "guess"
    accuracy: ClassVar[str] = "approximate"
    keeps: ClassVar[tuple[str, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ()

    def refusal(self, request):
        return base.unsupported(self, request)

    def cost(self, request):
        return co.engines.Cost(1, 1e-9, "a guess")

    def prepare(self, request):
        pass

    def start(self, request, earlier):
        return Guessing(request)


class Guessing:
    done = True
    share = 1.0

    def __init__(self, request):
        rates = np.diagonal(request.couplings.decay).real
        self.populations = np.exp(-np.outer(request.times, rates))
        self.emission = self.populations @ rates

    def advance(self):
        raise AssertionError("it is done")

    def fields(self):
        excitation = self.populations.sum(axis=1)
        return {
            "emission": self.emission,
            "excitation": excitation,
            "populations": self.populations,
            "error_estimate": 0.1 * self.emission,
        }

    def diagnostics(self):
        return {}

    def resume(self):
        return {}

    def notes(self):
        return []

    def close(self):
        pass


@pytest.fixture
def with_a_guess(monkeypatch):
    """The approximate engine as one of the package."""
    monkeypatch.setitem(engines.NAMES, "guess", "Guess")
    monkeypatch.setattr(engines, "Guess", Guess, raising=False)


def only(monkeypatch, *names):
    """Make every engine but these refuse."""
    for kind in engines.NAMES.values():
        engine = getattr(engines, kind)
        if engine.name not in names:
            monkeypatch.setattr(engine, "refusal", lambda self, request: f"{self.name} cannot")


@pytest.mark.parametrize("name", engines.NAMES)
def test_an_engine_states_its_contract(name):
    engine = choice.engine(name)
    assert isinstance(engine, co.engines.Engine)
    assert engine.name == name
    assert engine.accuracy in base.ACCURACIES
    assert set(engine.keeps) <= set(base.KEPT)
    assert set(engine.cite) <= set(keys())
    assert type(engine).__doc__
    assert engine == type(engine)()
    hash(engine)
    with pytest.raises(dataclasses.FrozenInstanceError):
        engine.name = "other"


def keys():
    from collective.citations import REFERENCES

    return REFERENCES


@pytest.mark.parametrize("name", engines.NAMES)
def test_a_name_stands_for_the_default_options(name):
    """On the first system that the engine takes."""
    for system in systems():
        if refusal(choice.engine(name), system.couplings, system.state, T) is None:
            break
    one, other = (
        co.evolve(system.couplings, system.state, T, method=m, seed=1)
        for m in (name, choice.engine(name))
    )
    np.testing.assert_array_equal(one.emission, other.emission)
    assert one.accuracy == choice.engine(name).accuracy


def test_evolve_and_methods_take_the_same_arguments():
    of_evolve, of_methods = (inspect.signature(f).parameters for f in (co.evolve, co.methods))
    assert list(of_evolve) == list(of_methods)
    for name in of_evolve:
        assert of_evolve[name].default == of_methods[name].default, name
    options = {f.name for n in engines.NAMES for f in dataclasses.fields(choice.engine(n))}
    assert not options & set(of_evolve)
    assert not options & {f.name for f in dataclasses.fields(co.engines.Request)}


def test_auto_never_takes_an_approximate_engine(with_a_guess, monkeypatch):
    found = co.methods(CHAIN, "inverted", T)
    assert min(found.costs, key=lambda name: found.costs[name].seconds) == "guess"
    assert found.chosen != "guess"
    kinds = [found.accuracy[name] for name in found.able()]
    assert "guess" in found.able()
    assert kinds == sorted(kinds, key=["exact", "sampled", "approximate"].index)
    assert co.evolve(CHAIN, "inverted", T).method != "guess"
    only(monkeypatch, "trajectories", "guess")
    assert co.methods(CHAIN, "inverted", T).chosen == "trajectories"
    assert co.evolve(CHAIN, "inverted", T, seed=1).method == "trajectories"


def test_auto_names_the_approximate_engines_where_no_other_can(with_a_guess, monkeypatch):
    only(monkeypatch, "guess")
    found = co.methods(CHAIN, "inverted", T)
    assert found.chosen is None
    assert "approximation" in found.needed()
    with pytest.raises(
        ValueError, match=r"takes no approximation, but you can: method='guess' \(1 B"
    ):
        co.evolve(CHAIN, "inverted", T)


def test_auto_names_the_approximate_engines_where_no_other_fits(with_a_guess, available_memory):
    available_memory(1000)
    with pytest.raises(co.ProblemTooLargeError, match=r"you can: method='guess' \(1 B, .* ms\)"):
        co.evolve(CHAIN, "inverted", T)


def test_auto_names_the_approximate_engines_where_the_others_take_days(with_a_guess, monkeypatch):
    for kind in engines.NAMES.values():
        if kind != "Guess":
            week = co.engines.Cost(1, 7 * 86400, "a week of work")
            monkeypatch.setattr(getattr(engines, kind), "cost", lambda self, r, week=week: week)
    with pytest.raises(ValueError, match=r"would take about .* you can: method='guess'"):
        co.evolve(CHAIN, "inverted", T)


def test_an_approximate_engine_runs_where_it_is_named(with_a_guess):
    for method in ("guess", Guess()):
        found = co.evolve(CHAIN, "inverted", T, method=method)
        assert found.method == "guess"
        assert found.accuracy == "approximate"
        np.testing.assert_allclose(found.emission, 4 * np.exp(-T), rtol=1e-12)


def test_the_table_shows_accuracy_and_what_is_kept(with_a_guess):
    lines = repr(co.methods(CHAIN, "inverted", T)).splitlines()
    assert {"accuracy", "keeps"} <= set(lines[0].split())
    rows = {line[1:].split()[0]: line for line in lines[1:]}
    assert "approximate" in rows["guess"]
    assert "sampled" in rows["trajectories"]
    assert "states" in rows["exact"]


@pytest.mark.parametrize("name", engines.NAMES)
@pytest.mark.parametrize("word", ["correlations", "states", "operators"])
def test_an_engine_keeps_what_it_says_and_refuses_the_rest(name, word):
    engine = co.engines.Trajectories(n=5) if name == "trajectories" else choice.engine(name)
    system = next(s for s in systems() if refusal(engine, s.couplings, s.state, s.times) is None)
    n = len(system.couplings)
    first = qutip.tensor([qutip.num(2)] + [qutip.qeye(2)] * (n - 1))
    observe = {"first": first} if word == "operators" else word

    def found():
        times = system.times
        return co.evolve(
            system.couplings, system.state, times, method=engine, observe=observe, seed=1
        )

    if word not in engine.keeps:
        with pytest.raises(ValueError, match=rf"^observe: method '{name}' .* for {word}; use "):
            found()
        return
    result = found()
    assert (result.correlations is not None) == (word == "correlations")
    assert (result.states is not None) == (word == "states")
    assert set(result.expect) == ({"first"} if word == "operators" else set())
    assert (result.jumps is not None) == ("jumps" in engine.keeps)


@pytest.mark.parametrize("word", ["correlations", "states"])
def test_what_an_engine_does_not_keep_is_refused_for_it(with_a_guess, word):
    with pytest.raises(ValueError, match=rf"^observe: method 'guess' .* {word}; use method='"):
        co.evolve(CHAIN, "inverted", T, method="guess", observe=word)
    assert word in co.methods(CHAIN, "inverted", T, observe=word).refusals["guess"]


def files_entered(function):
    """Files of the package in which functions of Python run while a function is called."""
    package = str(Path(co.__file__).parent)
    found = set()

    def note(frame, event, argument):
        if event == "call" and frame.f_back is not None:
            found.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return sorted(name.removeprefix(package) for name in found if name.startswith(package))


def test_a_run_by_blocks_enters_few_files():
    """So that a reader can follow it; kernels and libraries are there after a first run."""
    eight = co.couple(co.chain(8, 0.2), co.Vacuum())

    def run():
        co.evolve(eight, "inverted", T, method="blocks", observe="correlations")

    run()
    entered = files_entered(run)
    assert f"{os.sep}engines{os.sep}blocks{os.sep}expansion.py" in entered
    assert len(entered) <= 28, entered


def counted(member, asked):
    """A method of an engine that also records which engine is asked."""

    def answer(self, request):
        asked.append((self.name, member.__name__))
        return member(self, request)

    return answer


IMPORTS = """
import sys, numpy as np, collective as co
from collective.engines import choice, loop, timescale
from collective.engines.request import checked
chain = co.couple(co.chain(3, 0.2), co.Vacuum())
alike = co.Couplings(np.ones((3, 3)), 0.2 * (1 - np.eye(3)))
closed = co.Couplings(np.zeros((3, 3)), np.ones((3, 3)))
engine, couplings, state = CASE
request = timescale.scaled(checked(couplings, state, [0, 1.0, 2.0], seed=1, progress=False))
engine.cost(request)
engine.prepare(request)
before = set(sys.modules)
assert loop.run(engine, request).failure is None
print(sorted(name for name in set(sys.modules) - before if not name.startswith("collective")))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        "co.engines.Exact(), chain, 'inverted'",
        "co.engines.Single(), chain, co.states.single(0)",
        "co.engines.Single(), chain.replace(dephasing=0.2), co.states.single(0)",
        "co.engines.Symmetric(), alike, 'inverted'",
        "co.engines.Symmetric(), alike.replace(drive=1.0), 'ground'",
        "co.engines.Symmetric(), alike.replace(pump=1.0), 'ground'",
        "co.engines.Blocks(), chain, 'inverted'",
        "co.engines.Blocks(), closed, 'inverted'",
        "co.engines.Driven(), chain.replace(drive=1.0), 'ground'",
        "co.engines.MeanField(), chain, 'inverted'",
        "co.engines.MeanField(), chain.replace(drive=1.0), 'ground'",
        "co.engines.Trajectories(n=4), chain, 'inverted'",
        "co.engines.Trajectories(n=4), chain.replace(drive=1.0), 'ground'",
        "co.engines.Cumulants(), chain, 'inverted'",
        "co.engines.Cumulants(order=3), chain, 'inverted'",
        "co.engines.Cumulants(), chain.replace(drive=1.0), 'ground'",
    ],
)
def test_no_library_is_imported_after_an_engine_has_prepared(case):
    """Its memory and its seconds would count as the run's."""
    code = IMPORTS.replace("CASE", case)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_engine_is_asked_once(monkeypatch):
    """Each engine is asked for its refusal, and for its cost only if it does not refuse."""
    asked = []
    for kind in engines.NAMES.values():
        engine = getattr(engines, kind)
        for member in ("refusal", "cost"):
            monkeypatch.setattr(engine, member, counted(getattr(engine, member), asked))
    larger = co.couple(co.chain(8, 0.2), co.Vacuum())
    for couplings, method in ((CHAIN, "auto"), (larger, "auto"), (larger, "blocks")):
        asked.clear()
        co.evolve(couplings, "inverted", T, method=method)
        assert len(set(asked)) == len(asked)


def test_ctrl_c_and_failures_are_handled_by_the_loop_alone():
    """No engine imports what the loop is made of.

    One shows the progress of its preparation, which samples a field before the loop begins.
    """
    folder = Path(loop.__file__).parent
    for path in folder.glob("*/*.py"):
        text = path.read_text()
        assert "KeyboardInterrupt" not in text, path.name
        if path.relative_to(folder).as_posix() != "retarded/sampled.py":
            for word in ("import Progress", "_tools.progress"):
                assert word not in text, f"{path.name} has {word}"
