"""What `co.methods` says and what "auto" takes."""

import numpy as np
import pytest

import collective as co
from collective import _choice, _memory

T = np.linspace(0, 2, 11)


def chain(n, **changes):
    return co.couple(co.chain(n, 0.2), co.Vacuum()).replace(**changes)


def with_memory(monkeypatch, available):
    for module in (_choice, _memory):
        monkeypatch.setattr(module, "available_bytes", lambda: available)


def test_small_problems_take_qutip_and_larger_ones_blocks():
    assert co.evolve(chain(2), "inverted", T).method == "exact"
    large = co.evolve(chain(8), "inverted", T)
    assert large.method == "blocks"
    assert "9 excitation blocks" in large.reason
    assert "predicted" in large.reason


def test_what_only_one_engine_has_decides():
    assert co.evolve(chain(7), "ground", T[:2], observe="states").method == "exact"
    found = co.methods(chain(7), "ground", T, observe="states")
    assert "keeps no whole density matrix" in found.refusals["blocks"]


def test_methods_is_a_table_of_what_each_would_take():
    found = co.methods(chain(10), "inverted", T)
    assert found.chosen == "blocks"
    assert found.costs["exact"].bytes > 4 * found.costs["blocks"].bytes
    assert found.costs["exact"].seconds > 10 * found.costs["blocks"].seconds
    text = repr(found)
    assert "*blocks" in text
    assert "MiB" in text
    for name in _choice.ENGINES:
        assert name in text
    with pytest.raises(ValueError, match="times must increase"):
        co.methods(chain(2), "inverted", [1.0, 0.0])
    with pytest.raises(TypeError, match="Couplings or a MasterEquation"):
        co.methods(3, "inverted", T)


def test_what_does_not_fit_is_refused_with_the_numbers(monkeypatch):
    with_memory(monkeypatch, 20_000_000)
    found = co.methods(chain(9), "inverted", T)
    assert not found.fits("exact")
    assert "more than there is" in repr(found)
    result = co.evolve(chain(9), "inverted", T)
    assert result.method == "blocks"
    assert "exact would not fit" in result.reason
    with pytest.raises(co.ProblemTooLargeError, match=r"exact.*needs .* MiB, but 19.1 MiB"):
        co.evolve(chain(9), "inverted", T, method="exact")
    with_memory(monkeypatch, 10_000)
    with pytest.raises(co.ProblemTooLargeError, match=r"least of all engines, needs .*see co.meth"):
        co.evolve(chain(9), "inverted", T)


@pytest.mark.parametrize("n", [40, 600])
def test_costs_are_predicted_without_doing_the_work(n):
    many = co.Couplings(np.eye(n), np.zeros((n, n)))
    assert co.methods(many, "inverted", T).costs["exact"].bytes > 2**80


def test_predicted_seconds_order_the_engines():
    for n in (9, 12):
        one, more = (co.methods(chain(k), "inverted", T).costs["blocks"] for k in (n, n + 1))
        assert more.seconds > 1.5 * one.seconds
        assert more.bytes > 1.5 * one.bytes


def test_an_option_that_one_engine_knows_decides():
    ring = co.couple(co.ring(4, 0.2), co.Vacuum())
    turned = [[1, 2, 3, 0]]
    result = co.evolve(ring, "inverted", T, symmetries=turned)
    assert result.method == "blocks"
    assert "asked for by symmetries" in result.reason
    assert co.methods(ring, "inverted", T, symmetries=turned).chosen == "blocks"
    few = co.evolve(ring, "inverted", T, n_trajectories=10, seed=1)
    assert few.method == "trajectories"
    with pytest.raises(
        ValueError, match="n_trajectories is for method='trajectories', got method='blocks'"
    ):
        co.evolve(ring, "inverted", T, method="blocks", n_trajectories=10)
    with pytest.raises(ValueError, match="symmetries is for method='blocks', got method='exact'"):
        co.evolve(ring, "inverted", T, method="exact", symmetries=turned)
    with pytest.raises(ValueError, match="there is a drive"):
        co.evolve(ring.replace(drive=1.0), "inverted", T, symmetries=turned)
