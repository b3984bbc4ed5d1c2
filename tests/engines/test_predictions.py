"""Predicted seconds and bytes: what they depend on, and the messages about them."""

import re
import sys

import numpy as np
import pytest

import collective as co
from collective import engines
from collective.engines import choice
from collective.engines import request as _requests
from collective.engines.base import Cost

T = np.linspace(0, 2, 11)
GUIDE = co.Waveguide(1.0, 2 * np.pi, group_velocity=0.5, side_rate=0.1)


def chain(n=3, spacing=0.2, **changes):
    return co.couple(co.chain(n, spacing), co.Vacuum()).replace(**changes)


def seconds(engine, couplings, state="inverted", times=T, **options):
    request = _requests.checked(couplings, state, times, **options)
    if engine == "trajectories":
        engine = co.engines.Trajectories(n=50)
    return choice.engine(engine).cost(request).seconds


INGREDIENTS = {
    "dephasing": {"dephasing": 30.0},
    "pump": {"pump": 30.0},
    "drive": {"drive": 60.0},
    "detunings": {"detunings": [0.0, 900.0, -600.0, 300.0, 50.0, 500.0]},
    "detuned drive": {"drive": 1.0, "detunings": 90.0},
}


@pytest.mark.parametrize("what", INGREDIENTS)
@pytest.mark.parametrize(
    "engine",
    [
        "exact",
        "driven",
        "blocks",
        "single",
        "trajectories",
        "cumulants",
        "truncated_wigner",
        "mean_field",
        "conditional_cumulants",
    ],
)
def test_cost_grows_with_every_rate(engine, what):
    changes = INGREDIENTS[what]
    excited = {"drive", "pump"} & changes.keys()
    states = {"single": co.states.single(0), "exact": co.states.coherent(1.0)}
    state, plain = states.get(engine, "inverted"), chain(6)
    if engine == "trajectories":  # by QuTiP both times, or within excitation blocks both times
        if what == "dephasing":
            plain, changes = plain.replace(dephasing=0.1), {"dephasing": 60.0}
        elif excited:
            plain = plain.replace(drive=0.1)
    if engine in ("blocks", "single") and excited:
        return
    if engine == "single" and what == "detunings":
        return  # modes take the same time wherever they are
    long = np.linspace(0, 8, 11)
    before = seconds(engine, plain, state, long)
    assert seconds(engine, plain.replace(**changes), state, long) > 1.2 * before


@pytest.mark.parametrize(
    "engine",
    [
        "exact",
        "driven",
        "blocks",
        "single",
        "symmetric",
        "cumulants",
        "truncated_wigner",
        "mean_field",
        "conditional_cumulants",
    ],
)
def test_cost_grows_with_the_number_of_output_times(engine):
    alike = co.Couplings(np.ones((3, 3)), np.zeros((3, 3)))
    state = co.states.single(0) if engine == "single" else "inverted"
    couplings = alike if engine == "symmetric" else chain()
    many = seconds(engine, couplings, state, np.linspace(0, 2, 30001))
    few = seconds(engine, couplings, state, np.linspace(0, 2, 11))
    assert many > 3 * few
    kept = seconds(engine, couplings, state, np.linspace(0, 2, 30001), checkpointed=True)
    assert kept > many


def in_guide(n=3, **changes):
    return co.couple(co.chain(n, 0.3), GUIDE).replace(**changes)


def test_cost_with_delay_grows_with_rates_times_delays_and_accuracy():
    one, long = co.states.single(0), np.linspace(0, 40, 11)
    before = seconds("retarded", in_guide(), one, long)
    detuned = in_guide(detunings=[0.0, 300.0, -200.0])
    assert seconds("retarded", detuned, one, long) > 5 * before
    assert seconds("retarded", in_guide(), one, np.linspace(0, 4000, 11)) > 20 * before
    assert seconds("retarded", in_guide(), one, np.linspace(0, 40, 30001)) > 3 * before
    assert seconds("retarded", in_guide(6), one, long) > 1.5 * before
    assert seconds("retarded", in_guide(), one, long, rtol=1e-12) > before
    assert seconds("retarded", in_guide(), one, long, checkpointed=True) > before


@pytest.mark.parametrize(
    ("atoms", "field", "last"),
    [
        (co.chain(2, 0.5), GUIDE, 100.0),  # light comes back again and again
        (co.chain(8, 0.3), co.Waveguide(1.0, 6.0, group_velocity=20.0, mirror=-0.2), 20.0),
        (co.cloud(6, 0.8, seed=3, min_distance=0.1, frequency=1e3), co.Vacuum(), 5.0),
        (co.Emitters([[0, 0, 0.3], [0.5, 0, 0.9]], frequency=1e2), co.Mirror(), 5.0),
        (co.chain(3, 0.3), co.Cavity(0.4, 2.0, 0.0), 50.0),
    ],
    ids=["slow guide", "mirrored guide", "cloud", "mirror", "cavity"],
)
def test_steps_with_delay_are_foreseen(atoms, field, last):
    couplings, times = co.couple(atoms, field), np.linspace(0, last, 21)
    result = co.evolve(
        couplings, co.states.single(0), times, method="retarded", rtol=1e-6, progress=False
    )
    foreseen = int(re.search(r"about (\d+) steps", result.reason)[1])
    assert 0.5 < result.diagnostics["steps"] / foreseen < 1.5


THREE = {
    "detunings 0, 1e6, -1e6": (chain(detunings=[0, 1e6, -1e6]), np.linspace(0, 4, 9)),
    "drive 1e4": (chain(drive=1e4), np.linspace(0, 4, 9)),
    "dephasing 1e6": (chain(dephasing=1e6), np.linspace(0, 4, 9)),
    "to a million lifetimes": (chain(), np.array([0, 1, 1e6])),
    "a thousandth of a wavelength apart": (chain(3, 1e-3), np.linspace(0, 4, 9)),
    "of rates 1 and 1e8": (
        co.couple(co.chain(2, 0.3, decay_rates=[1, 1e8]), co.Vacuum()),
        np.linspace(0, 4, 9),
    ),
}


@pytest.mark.parametrize("what", THREE)
def test_stiff_problems_of_few_emitters_run_by_exponentials(what):
    couplings, times = THREE[what]
    result = co.evolve(couplings, "inverted", times, progress=False)
    assert result.method == "exact"
    assert "exponentials" in result.reason
    assert result.diagnostics["trace_error"] < 1e-12


@pytest.mark.parametrize("engine", ["cumulants", "conditional_cumulants", "truncated_wigner"])
@pytest.mark.parametrize(
    ("changes", "times"),
    [({}, [0, 1e25]), ({"detunings": [0, 1e20, 1]}, [0, 1]), ({"drive": 1e90}, [0, 1])],
    ids=["times", "detunings", "drive"],
)
def test_steps_that_cannot_be_counted_take_for_ever(engine, changes, times):
    assert seconds(engine, chain(**changes), times=times) > 1e10


def test_auto_avoids_qutip_for_many_output_times():
    assert co.methods(chain(2), "inverted", np.linspace(0, 5, 30000)).chosen != "exact"


def test_a_run_of_more_than_a_minute_is_announced(monkeypatch, capsys):
    monkeypatch.setattr(choice, "_ANNOUNCED", 0.0)
    co.evolve(chain(), "inverted", T)
    said = capsys.readouterr().err
    assert "collective: method 'exact' (" in said
    assert "predicted" in said
    co.evolve(chain(), "inverted", T, progress=False)
    assert "predicted" not in capsys.readouterr().err
    monkeypatch.setattr(sys, "stderr", None)
    choice.announce(choice.Choice(co.engines.Exact(), "", Cost(1, 1e3, "")), show=True)


def test_a_run_of_days_starts_only_if_its_method_is_named():
    nine, times = chain(9, 1e-3), np.linspace(0, 1e6, 11)
    assert co.methods(nine, "inverted", times).chosen is None
    with pytest.raises(
        ValueError, match=r"would take about .* years; use shorter .*method='blocks"
    ):
        co.evolve(nine, "inverted", times)
    request = _requests.checked(nine, "inverted", times)
    assert choice.chosen(request, "blocks").method == "blocks"


def random_request(rng):
    """A random problem: few or many emitters, alike or not, with or without each process."""
    n = int(rng.integers(1, 12)) if rng.random() < 0.7 else int(rng.integers(40, 90))
    if rng.random() < 0.3:
        couplings = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
    else:
        couplings = chain(n, float(rng.uniform(0.05, 0.5)))
    for name in ("drive", "pump", "dephasing"):
        if rng.random() < 0.25:
            couplings = couplings.replace(**{name: 0.3})
    states = ["inverted", "ground", co.states.single(0), co.states.coherent(1.0)]
    observe = [(), "correlations", "states"][int(rng.choice([0, 0, 1, 2]))]
    return _requests.checked(couplings, states[int(rng.integers(4))], T, observe=observe)


def test_advised_engines_can_and_fit(available_memory):
    available_memory(2 * 2**30)
    rng, named, without = np.random.default_rng(3), 0, 0
    for _ in range(25):
        request = random_request(rng)
        for name in engines.NAMES:
            try:
                choice.chosen(request, name)
                continue
            except ValueError as error:
                text = str(error)
            advised = re.findall(r"use method='(\w+)'(?: or '(\w+)')?", text)
            if not advised:
                without += 1
                others = [other for other in choice.table(request).able() if other != name]
                assert not others, text
                assert re.search("no other engine|every other engine", text), text
                continue
            for other in filter(None, advised[0]):
                named += 1
                assert choice.chosen(request, other).method == other
            assert text.count("method=") == 1, text
    assert named > 20
    assert without > 5


def test_advice_for_two_hundred_inverted_emitters_names_no_engine_that_cannot():
    found = co.methods(chain(200), "inverted", T)
    assert found.chosen is None
    assert "use method" not in repr(found)
    assert repr(found).endswith("can, with an approximation")
    with pytest.raises(co.ProblemTooLargeError, match="use fewer emitters") as refused:
        co.steady_state(chain(200))
    assert "trajectories" not in str(refused.value)
    for method in (co.engines.Trajectories(n=10), co.engines.Trajectories(standard_error=0.1)):
        with pytest.raises(ValueError, match=r"at most 62 emitters.*which is an approximation"):
            co.evolve(chain(200), "inverted", T, method=method)
    with pytest.raises(co.ProblemTooLargeError, match="use fewer emitters"):
        co.evolve(chain(200), "inverted", T, observe="states")  # one time is too much
    with pytest.raises(co.ProblemTooLargeError, match="observe fewer times or no states"):
        co.evolve(chain(8), "inverted", np.linspace(0, 1, 10**6), observe="states")
    with pytest.raises(co.ProblemTooLargeError, match="use fewer emitters"):
        chain(40).liouvillian()


@pytest.mark.parametrize("n", [3, 9, 40, 200])
def test_columns_of_the_table_do_not_collide(n):
    lines = repr(co.methods(chain(n), "inverted", T)).splitlines()
    width = lines[0].index("memory") + len("memory")
    for line in lines[1 : 1 + len(engines.NAMES)]:
        assert line[width - len(line[:width].split("  ")[-1]) - 1] == " "
        assert line[width : width + 2] == "  "


def test_cost_of_rates_that_differ_by_orders_of_magnitude():
    """A fast emitter makes every step short, long after it has decayed itself."""
    import time

    shift = np.array([[0, 0.5, 0.2], [0.5, 0, 0.3], [0.2, 0.3, 0]])
    method = co.engines.Trajectories(n=8)
    times, spent = np.linspace(0, 3, 7), []
    for fast in (1e2, 3e5):
        problem = co.Couplings(np.diag([1.0, fast, 1.0]), shift)
        begin = time.process_time()
        co.evolve(problem, "inverted", times, method=method, seed=1, progress=False)
        spent.append(time.process_time() - begin)  # the first compiles
    predicted = co.methods(problem, "inverted", times, method=method).costs["trajectories"].seconds
    assert spent[1] / 4 < predicted < 4 * spent[1]
    faster = problem.replace(decay=np.diag([1.0, 1e9, 1.0]))
    long = co.methods(faster, "inverted", times, method=method)
    assert long.costs["trajectories"].seconds > 100
