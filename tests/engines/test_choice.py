"""What `co.methods` says, and which engine "auto" chooses."""

import re

import numpy as np
import pytest

import collective as co
from collective import engines
from collective.engines import choice
from collective.engines.methods import error_text, seconds_text
from collective.engines.request import checked

T = np.linspace(0, 2, 11)


def chain(n, **changes):
    return co.couple(co.chain(n, 0.2), co.Vacuum()).replace(**changes)


def test_small_problems_take_qutip_and_larger_ones_blocks():
    assert co.evolve(chain(2), "inverted", T).method == "exact"
    large = co.evolve(chain(8), "inverted", T)
    assert large.method == "blocks"
    assert "9 excitation blocks" in large.reason
    assert "predicted" in large.reason


def test_auto_takes_an_engine_that_keeps_what_is_observed():
    assert co.evolve(chain(7), "ground", T[:2], observe="states").method in ("exact", "driven")
    found = co.methods(chain(7), "ground", T, observe="states")
    assert "keeps no density matrix" in found.refusals["blocks"]


def test_methods_is_a_table_of_what_each_would_take():
    found = co.methods(chain(10), "inverted", T)
    assert found.chosen == "blocks"
    assert found.costs["exact"].bytes > 4 * found.costs["blocks"].bytes
    assert found.costs["exact"].seconds > 10 * found.costs["blocks"].seconds
    text = repr(found)
    assert "*blocks" in text
    assert "MiB" in text
    for name in engines.NAMES:
        assert name in text
    lines = text.splitlines()
    work = lines[0].index("work")
    refused = next(line for line in lines if line.startswith(" symmetric"))
    assert refused[work - 1 :] == found.refusals["symmetric"]
    widest = max(len(cost.work) for cost in found.costs.values())
    assert lines[0].index("keeps") < work + widest + 30  # no refusal makes the table wider
    with pytest.raises(ValueError, match="times must increase"):
        co.methods(chain(2), "inverted", [1.0, 0.0])
    with pytest.raises(TypeError, match="Couplings or a MasterEquation"):
        co.methods(3, "inverted", T)


def test_what_does_not_fit_is_refused_with_the_numbers(available_memory):
    nine = chain(9)
    available_memory(20_000_000)
    found = co.methods(nine, "inverted", T)
    assert not found.fits("exact")
    assert "more memory than there is" in repr(found)
    result = co.evolve(nine, "inverted", T)
    assert result.method == "blocks"
    assert "exact would not fit" in result.reason
    with pytest.raises(co.ProblemTooLargeError, match=r"exact.*needs .* MiB, but 19.1 MiB"):
        co.evolve(nine, "inverted", T, method="exact")
    available_memory(10_000)
    with pytest.raises(co.ProblemTooLargeError, match=r"least of all engines, needs .*fewer emit"):
        co.evolve(nine, "inverted", T)


@pytest.mark.parametrize("n", [40, 600])
def test_costs_are_predicted_without_doing_the_work(n):
    many = co.Couplings(np.eye(n), np.zeros((n, n)))
    assert co.methods(many, "inverted", T).costs["exact"].bytes > 2**80


def test_predicted_seconds_order_the_engines():
    for n in (9, 12):
        one, more = (co.methods(chain(k), "inverted", T).costs["blocks"] for k in (n, n + 1))
        assert more.seconds > 1.5 * one.seconds
        assert more.bytes > 1.5 * one.bytes


def test_an_engine_with_options_takes_its_place_in_the_table():
    ring = co.couple(co.ring(14, 0.2), co.Vacuum())
    turned = co.engines.Blocks(symmetries=[[*range(1, 14), 0]])
    plain, some, all_of_them = (
        co.methods(ring, "inverted", T, method=method)
        for method in (co.engines.Blocks(symmetries=[]), turned, "auto")
    )
    assert all_of_them.costs["blocks"].bytes < some.costs["blocks"].bytes
    assert some.costs["blocks"].bytes < plain.costs["blocks"].bytes
    assert some.costs["exact"] == plain.costs["exact"]
    few, many = (
        co.methods(ring, "inverted", T, method=co.engines.Trajectories(n=n)).costs["trajectories"]
        for n in (10, 10_000)
    )
    assert few.seconds < many.seconds


def test_an_engine_that_refuses_names_one_that_can():
    ring = co.couple(co.ring(4, 0.2), co.Vacuum()).replace(drive=1.0)
    turned = co.engines.Blocks(symmetries=[[1, 2, 3, 0]])
    with pytest.raises(ValueError, match=r"there is a drive; use method='(symmetric|driven)'"):
        co.evolve(ring, "inverted", T, method=turned)


def test_bad_options_are_refused_before_anything_is_computed():
    ring = co.couple(co.ring(4, 0.2), co.Vacuum())
    with pytest.raises(ValueError, match="rtol must be at least 1e-14, got 1e-300"):
        co.evolve(ring, "inverted", T, rtol=1e-300)
    with pytest.raises(ValueError, match=r"symmetries\[0\] must be a permutation"):
        co.methods(ring, "inverted", T, method=co.engines.Blocks(symmetries=[[0, 1, 2]]))
    with pytest.raises(ValueError, match=r"method must be one of 'auto', 'exact', .*got 'magic'"):
        co.evolve(ring, "inverted", T, method="magic")
    with pytest.raises(TypeError, match=r"use Exact\(\) with its options"):
        co.evolve(ring, "inverted", T, method=co.engines.Exact)
    with pytest.raises(TypeError, match=r"an engine such as .* 3 has no 'name'"):
        co.evolve(ring, "inverted", T, method=3)


def test_a_checkpoint_is_continued_by_the_engine_that_started_it(tmp_path):
    chain_of_six, path = chain(6), tmp_path / "run.npz"
    first = co.evolve(chain_of_six, "inverted", T, method="blocks", checkpoint=path)
    again = co.evolve(chain_of_six, "inverted", T, checkpoint=path)
    assert again.method == "blocks"
    assert "the engine that started the checkpoint" in again.reason
    np.testing.assert_array_equal(again.emission, first.emission)
    with pytest.raises(ValueError, match=r"another problem or method \(it was made by 'blocks'\)"):
        co.evolve(chain_of_six, "inverted", T, method="exact", checkpoint=path)


def test_a_checkpoint_of_emitters_at_other_places_is_refused(tmp_path):
    """Two chains may have the same couplings, but other phases of an absorbed photon."""
    path, photon = tmp_path / "run.npz", co.states.timed_dicke([0, 0, 5.0])
    for axis in ((0, 0, 1), (0, 1, 0)):
        along = co.couple(co.chain(3, 0.2, axis=axis), co.Vacuum())
        if axis == (0, 0, 1):
            co.evolve(along, photon, T, checkpoint=path)
        else:
            with pytest.raises(ValueError, match="another problem"):
                co.evolve(along, photon, T, checkpoint=path)


@pytest.mark.parametrize(("n", "spacing"), [(6, 0.1), (7, 0.2), (8, 0.1), (9, 0.3)])
def test_auto_prefers_blocks_where_there_is_no_drive(n, spacing):
    couplings = co.couple(co.chain(n, spacing), co.Vacuum())
    assert co.methods(couplings, "inverted", np.linspace(0, 4, 201)).chosen == "blocks"
    driven = couplings.replace(drive=1.0)
    assert co.methods(driven, "ground", np.linspace(0, 4, 201)).chosen in ("driven", "exact")


def test_fits_of_an_engine_without_cost_says_why():
    pair = co.couple(co.chain(2, 0.1, detunings=[0.0, 0.3]), co.Vacuum())
    found = co.methods(pair, "inverted", [0.0, 1.0])
    refused = next(iter(found.refusals))
    for name, said in ((refused, found.refusals[refused][:20]), ("exakt", "there are .*exact")):
        with pytest.raises(KeyError, match=f"no cost of '{name}': .*{said}"):
            found.fits(name)
    with pytest.raises(TypeError, match="name must be str"):
        found.fits(["exact"])


def test_memory_that_becomes_free_during_the_choice_is_used(monkeypatch):
    """Between the table and the error another process may end."""
    seen = iter([1000, 1000])
    monkeypatch.setattr(choice, "available_bytes", lambda: next(seen, 2**40))
    monkeypatch.setattr(choice, "require", lambda *given: None)
    found = choice.chosen(checked(chain(8), "inverted", T), "auto")
    assert found.method == "blocks"


# approximate engines: named, with what they take and how wrong they are, but never taken

APPROXIMATE = [
    name for name, kind in engines.NAMES.items() if getattr(engines, kind).accuracy == "approximate"
]
HUNDREDS = [name for name in APPROXIMATE if name != "capped"]  # of excited emitters


@pytest.fixture(scope="module")
def two_hundred():
    return co.couple(co.square(10, 20, 0.2), co.Vacuum())


def named(message):
    """Bytes, seconds and expected error of each approximate engine that a message names."""
    found = re.findall(r"method='(\w+)' \(([^()]*)\)", message.split("but you can: ")[1])
    return {name: numbers.split(", ") for name, numbers in found}


def test_auto_refuses_hundreds_of_emitters_and_names_what_can(two_hundred):
    found = co.methods(two_hundred, "inverted", T)
    assert set(found.fitting("approximate")) == set(HUNDREDS)
    with pytest.raises(co.ProblemTooLargeError) as caught:
        co.evolve(two_hundred, "inverted", T)
    message = str(caught.value)
    assert '"auto" takes no approximation, but you can: ' in message
    told, table = named(message), repr(found)
    assert set(told) == set(HUNDREDS)
    for name, (memory, time, error) in told.items():
        cost = found.costs[name]
        assert memory in table  # as the table says it
        assert time == seconds_text(cost.seconds)
        assert error == error_text(cost.error)
        assert error.startswith("error ")


def test_the_table_says_which_approximation_to_believe(two_hundred):
    found = co.methods(two_hundred, "inverted", T)
    assert found.chosen is None
    errors = {name: found.costs[name].error for name in HUNDREDS}
    assert found.believe == min(errors, key=lambda name: errors[name])
    lines = repr(found).splitlines()
    for name in HUNDREDS:
        row = next(line for line in lines if line.strip().startswith(name + " "))
        assert f"approximate, {error_text(errors[name])}" in row
        assert seconds_text(found.costs[name].seconds) in row
    assert f"believe {found.believe!r}" in repr(found)
    assert f'no engine that "auto" would take: method={found.believe!r} can' in repr(found)
    assert found.able() == sorted(HUNDREDS, key=lambda name: errors[name])


def test_a_refusal_names_the_approximations_with_the_smallest_errors(two_hundred):
    found = co.methods(two_hundred, "inverted", T)
    with pytest.raises(ValueError, match="takes at most") as caught:
        co.evolve(two_hundred, "inverted", T, method="trajectories")
    best, second = found.able()[:2]
    assert f"use method={best!r} or {second!r}, which is an approximation" in str(caught.value)


def test_an_engine_with_options_shows_its_own_error(two_hundred):
    """Third order expects a smaller error than second order, and takes more."""
    second, third = (
        co.methods(two_hundred, "inverted", T, method=co.engines.Cumulants(order=order))
        for order in (2, 3)
    )
    assert third.costs["cumulants"].error < second.costs["cumulants"].error
    assert third.costs["cumulants"].bytes > 10 * second.costs["cumulants"].bytes


def test_only_approximations_that_fit_are_named(two_hundred, available_memory):
    costs = co.methods(two_hundred, "inverted", T).costs
    bytes_of = {name: costs[name].bytes for name in HUNDREDS}
    available_memory((min(bytes_of.values()) + max(bytes_of.values())) // 2)
    with pytest.raises(co.ProblemTooLargeError) as caught:
        co.evolve(two_hundred, "inverted", T)
    told = named(str(caught.value))
    assert told
    assert set(told) < set(HUNDREDS)


def test_auto_never_takes_an_approximation_where_an_exact_engine_is_slower():
    couplings, times = chain(12), np.linspace(0, 5, 101)
    found = co.methods(couplings, "inverted", times)
    faster = [n for n in HUNDREDS if found.costs[n].seconds < found.costs["blocks"].seconds]
    assert faster
    assert found.accuracy[found.chosen] == "exact"


def test_a_run_of_more_than_a_day_names_the_approximations():
    ten = chain(10, drive=1.0)
    with pytest.raises(ValueError, match="would take about") as caught:
        co.evolve(ten, "ground", np.linspace(0, 1e8, 5))
    assert set(HUNDREDS) <= set(named(str(caught.value)))


def test_the_error_of_a_dark_start_is_not_known_where_there_is_no_light():
    """Nothing is relative to an emission of zero; a pump makes light."""
    found = co.methods(chain(3), "ground", T)
    assert found.costs["truncated_wigner"].error is None
    assert "truncated_wigner" in repr(found)
    pumped = co.methods(chain(3, pump=0.1), "ground", T)
    assert pumped.costs["truncated_wigner"].error > 0


def test_a_run_that_is_far_off_warns_with_the_number():
    dense = co.couple(co.chain(10, 0.05), co.Vacuum())
    with pytest.warns(UserWarning, match=r"'cumulants' is estimated to be up to \d+% of the large"):
        result = co.evolve(dense, "inverted", T, method="cumulants")
    assert result.error_estimate.max() > 0.2 * result.emission.max()
