"""One problem by several engines: what is compared, drawn, kept and refused."""

from dataclasses import replace

import numpy as np
import pytest

import collective as co
from collective.engines import loop

TIMES = np.linspace(0, 2, 21)
CHAIN = co.couple(co.chain(3, 0.2), co.Vacuum())
SAMPLED = co.engines.Trajectories(n=50)


def compared(*engines, **options):
    engines = engines or ("exact", "blocks", SAMPLED)
    return co.compare(CHAIN, "inverted", TIMES, engines=engines, progress=False, seed=3, **options)


def test_results_and_deviations_are_those_of_evolve():
    found = compared(threads=1)
    names = ["exact", "blocks", "trajectories (n=50)"]
    assert list(found.results) == names
    assert found.complete
    alone = co.evolve(CHAIN, "inverted", TIMES, method=SAMPLED, seed=3, progress=False)
    sampled = found.results[names[2]]
    np.testing.assert_array_equal(sampled.emission, alone.emission)
    away = found.deviation(names[2], "exact")
    np.testing.assert_array_equal(away, sampled.emission - found.results["exact"].emission)
    assert 0 < np.abs(away).max() < 1
    lines = str(found).splitlines()
    titles = ["engine", "accuracy", "largest emission", "at t", "estimated error", "time"]
    assert lines[0].split() == " ".join(titles).split()
    assert lines[3].startswith("trajectories (n=50)")


def test_state_and_times_can_be_given_by_name():
    found = co.compare(CHAIN, state="inverted", times=TIMES, engines=["exact"], progress=False)
    np.testing.assert_array_equal(found.times, TIMES)
    found = co.compare(CHAIN, "inverted", times=TIMES, engines=["exact"], progress=False)
    np.testing.assert_array_equal(found.times, TIMES)


def test_the_figure_shows_every_engine_and_the_band_of_an_approximation():
    found = compared("exact", "blocks")
    band = 0.1 * found.results["blocks"].emission
    rough = found.results["blocks"].replace(error_estimate=band, accuracy="approximate")
    ax = co.plot.comparison(replace(found, results=found.results | {"blocks": rough}))
    assert [line.get_label() for line in ax.lines] == ["exact", "blocks"]
    (area,) = ax.collections
    outline = area.get_paths()[0].vertices
    assert np.isclose(outline[:, 1].max(), (rough.emission + band).max())


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {"engines": ["exact", "cumulus"]}, "method must be one of"),
        ((), {"engines": "exact"}, "engines must be a list"),
        ((), {"engines": []}, "engines must be a list"),
        ((), {"engines": ["exact", "exact"]}, "'exact' is given twice"),
        ((), {"engines": ["auto"]}, "name each engine"),
        ((), {"engines": ["exact", "single"]}, "at most one excitation: state inverted"),
        ((), {}, "engines is missing"),
        ((), {"engines": ["exact"], "temperature": 1.0}, "for Emitters or a Multilevel"),
        ((TIMES,), {"engines": ["exact"]}, "Couplings have one already"),
    ],
)
def test_bad_arguments(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        co.compare(CHAIN, "inverted", TIMES, *arguments, **options)


def test_engines_and_seeds_are_not_for_approximations():
    pair = co.chain(2, 0.1, frequency=1e4)
    for option in ({"engines": ["exact"]}, {"seed": 1}, {"threads": 1}):
        with pytest.raises(ValueError, match=f"{next(iter(option))} is for engines"):
            co.compare(pair, co.Vacuum(), "inverted", TIMES, **option)
    with pytest.raises(ValueError, match="times is missing"):
        co.compare(pair, co.Vacuum(), "inverted")


def test_an_interrupted_comparison_keeps_what_it_has(interrupted_at):
    with interrupted_at(1):  # after the first output time that an engine computes
        found = compared("exact", "blocks")
    assert not found.complete
    assert list(found.results) == ["exact"]
    assert "INCOMPLETE" in str(found)


def test_an_engine_that_fails_keeps_the_results_of_the_others(monkeypatch):
    run, calls = loop.run, []

    def failing(engine, request, earlier, checkpoint):
        calls.append(engine.name)
        found = run(engine, request, earlier, checkpoint)
        if len(calls) == 2:
            found.failure = RuntimeError("too stiff")
        return found

    monkeypatch.setattr(loop, "run", failing)
    with pytest.raises(co.EvolutionError, match=r"engine 'blocks': .*too stiff") as caught:
        compared()
    assert list(caught.value.result.results) == ["exact", "blocks"]


def test_an_engine_without_a_result_keeps_the_results_of_the_others(monkeypatch):
    run = loop.run

    def failing(engine, *arguments, **options):
        if engine.name == "blocks":
            raise co.ProblemTooLargeError("another program has taken the memory")
        return run(engine, *arguments, **options)

    monkeypatch.setattr(loop, "run", failing)
    with pytest.raises(co.EvolutionError, match="engine 'blocks': another program") as caught:
        compared()
    assert list(caught.value.result.results) == ["exact"]
    with pytest.raises(co.ProblemTooLargeError):
        compared("blocks")
