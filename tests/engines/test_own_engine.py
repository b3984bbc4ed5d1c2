"""An engine of the user, given as `method=Alone()`: runs, checkpoints, what to cite, wrong members."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import qutip

import collective as co
from collective.engines import loop, record
from collective.engines.request import checked

T = np.linspace(0, 2, 11)
CHAIN = co.couple(co.chain(3, 0.2, decay_rates=[1, 2, 3.0]), co.Vacuum())
PAPER = "@article{alone2026,\n  title = {All alone},\n}"


class Alone:
    """An approximate engine that is no dataclass: every emitter decays alone, step by step."""

    name = "alone"
    accuracy = "approximate"
    keeps = ()
    cite = ("lehmberg1970", PAPER)

    def refusal(self, request):
        return None

    def cost(self, request):
        return co.engines.Cost(1000, 1e-3, "emitters alone")

    def prepare(self, request):
        pass

    def start(self, request, earlier):
        return Running(request, earlier)

    def __repr__(self):
        return "Alone()"


@dataclass(frozen=True)
class WithOptions(Alone):
    weights: object = 1
    patience: float = field(default=1.0, metadata={"only says when a run ends": True})


class Running:
    stops_at = None

    def __init__(self, request, earlier):
        self.times = request.times
        self.rates = np.diagonal(request.couplings.decay).real
        self.rows = [np.ones(len(self.rates))] if earlier is None else list(earlier.populations)

    @property
    def done(self):
        return len(self.rows) == len(self.times)

    @property
    def share(self):
        return len(self.rows) / len(self.times)

    def advance(self):
        i = len(self.rows)
        if i == self.stops_at:
            raise KeyboardInterrupt
        self.rows.append(self.rows[-1] * np.exp(-self.rates * (self.times[i] - self.times[i - 1])))

    def fields(self):
        populations = np.array(self.rows)
        return {
            "populations": populations,
            "excitation": populations.sum(axis=1),
            "emission": populations @ self.rates,
            "error_estimate": 0.2 * populations @ self.rates,
        }

    def diagnostics(self):
        return {"rows": len(self.rows)}

    def resume(self):
        return {}

    def notes(self):
        return []

    def close(self):
        pass


def evolve(method, problem=CHAIN, **options):
    return co.evolve(problem, "inverted", T, method=method, progress=False, **options)


@pytest.mark.parametrize("engine", [Alone(), WithOptions((1.0, 2.0))])
def test_a_run_is_interrupted_and_continued(engine, tmp_path, monkeypatch):
    expected = CHAIN.decay.diagonal().real * np.exp(-np.outer(T, CHAIN.decay.diagonal().real))
    path = tmp_path / "run.npz"
    monkeypatch.setattr(Running, "stops_at", 4)
    part = evolve(engine, checkpoint=path)
    assert not part.complete
    np.testing.assert_array_equal(part.times, T[:4])
    monkeypatch.setattr(Running, "stops_at", None)
    whole = evolve(engine, checkpoint=path)
    assert whole.complete
    assert (whole.method, whole.accuracy) == ("alone", "approximate")
    np.testing.assert_allclose(whole.emission, expected.sum(axis=1), rtol=1e-13)
    assert whole.diagnostics["rows"] == len(T)
    assert co.load(path).method == "alone"


def test_a_checkpoint_belongs_to_the_options(tmp_path):
    """Also to those in the middle of a large array, which its repr leaves out."""
    path, other = tmp_path / "run.npz", np.zeros(5000)
    engine = Hashed(np.zeros(5000))
    evolve(engine, checkpoint=path)
    assert evolve(replace(engine, patience=2.0), checkpoint=path).complete
    other[2500] = 1
    with pytest.raises(ValueError, match="another problem or to other options of the method"):
        evolve(replace(engine, weights=other), checkpoint=path)


@dataclass(frozen=True, eq=False)
class Hashed(WithOptions):
    """Compared by identity, because arrays have no hash."""

    __eq__, __hash__ = object.__eq__, object.__hash__


def test_an_engine_that_cannot_be_known_again_has_no_checkpoint(tmp_path):
    class Plain(Alone):
        __repr__ = object.__repr__

    assert evolve(Plain()).complete
    with pytest.raises(co.EngineContractError, match="method 'alone' cannot be recognised"):
        evolve(Plain(), checkpoint=tmp_path / "run.npz")
    with pytest.raises(co.EngineContractError, match="frozen dataclass whose fields are numbers"):
        evolve(WithOptions(lambda x: x), checkpoint=tmp_path / "run.npz")


def test_a_run_that_diverges_ends_with_what_it_had(tmp_path, monkeypatch):
    path, path_of_file = tmp_path / "run.npz", tmp_path / "result.npz"

    def advance(self):
        if len(self.rows) == 4:
            raise co.DivergedError("the guess diverged at t = 0.8")
        plain(self)

    plain = Running.advance
    monkeypatch.setattr(Running, "advance", advance)
    with pytest.warns(UserWarning, match="diverged at t = 0.8: the result has only the times"):
        found = evolve(Alone(), checkpoint=path)
    assert not found.complete
    assert not found.resume
    np.testing.assert_array_equal(found.times, T[:4])
    assert found.reason.endswith("the guess diverged at t = 0.8")
    assert "the guess diverged" in repr(found)
    assert co.load(found.save(path_of_file)).reason == found.reason
    monkeypatch.setattr(Running, "advance", None)  # the checkpoint says that it ended
    with pytest.warns(UserWarning, match="diverged at t = 0.8"):
        again = evolve(Alone(), checkpoint=path)
    assert not again.complete
    np.testing.assert_array_equal(again.emission, found.emission)


def test_a_run_that_diverges_with_values_at_all_times_is_not_complete(monkeypatch):
    """Engines that sample have values at all times from the first sample on."""

    def advance(self):
        if len(self.rows) == len(T):
            raise co.DivergedError("the samples diverged")
        plain(self)

    plain = Running.advance
    monkeypatch.setattr(Running, "advance", advance)
    monkeypatch.setattr(Running, "done", False)
    with pytest.warns(UserWarning, match="the samples diverged"):
        found = evolve(Alone())
    np.testing.assert_array_equal(found.times, T)
    assert not found.complete


def test_what_an_approximate_engine_samples_is_kept_in_the_users_unit(tmp_path, monkeypatch):
    """Shots have the unit of the emission, coincidences its square; both are cut with the times."""

    def fields(self):
        found = plain(self)
        emission = found["emission"]
        return found | {
            "shots": np.array([emission, 3 * emission]),
            "coincidence_rate": emission**2,
            "coincidence_error": 0 * emission,
        }

    plain = Running.fields
    monkeypatch.setattr(Running, "fields", fields)
    fast = CHAIN.replace(decay=64 * CHAIN.decay, shift=64 * CHAIN.shift)
    slow, quick = evolve(Alone()), co.evolve(fast, "inverted", T / 64, method=Alone())
    for found in (quick, co.load(quick.save(tmp_path / "run"))):
        np.testing.assert_allclose(found.emission, 64 * slow.emission, rtol=1e-12)
        np.testing.assert_allclose(found.error_estimate, 0.2 * found.emission, rtol=1e-12)
        np.testing.assert_allclose(found.shots[1], 3 * found.emission, rtol=1e-12)
        np.testing.assert_allclose(found.coincidence_rate, found.emission**2, rtol=1e-12)
        assert found.shots.shape == (2, len(T))
        assert found.at(found.times[3:5]).shots.shape == (2, 2)
        assert found.trusted_until == found.times[-1]
    data = quick.to_xarray()
    assert data.shots.dims == ("sample", "time")
    worse = quick.replace(error_estimate=np.where(np.arange(11) < 5, 0.1, 2.0) * quick.emission)
    assert worse.trusted_until == quick.times[4]
    assert "nothing is claimed after" in repr(worse)


def test_a_large_estimated_error_is_warned_of(monkeypatch):
    plain = Running.fields
    monkeypatch.setattr(
        Running,
        "fields",
        lambda self: plain(self) | {"error_estimate": 0.3 * plain(self)["emission"]},
    )
    with pytest.warns(UserWarning, match="'alone' is estimated to be up to 30% of the largest"):
        evolve(Alone())


def test_what_to_cite_comes_from_the_engine_also_after_a_file(tmp_path):
    result = evolve(Alone())
    for found in (result, co.load(result.save(tmp_path / "result"))):
        text = co.citation(found)
        assert text.count("lehmberg1970") == 1
        assert PAPER in text
    old = {k: v for k, v in result.diagnostics.items() if k != "cite"}
    assert PAPER not in co.citation(result.replace(diagnostics=old))
    sampled = result.replace(diagnostics=old, method="trajectories")
    assert "dalibard1992" in co.citation(sampled)
    unknown = result.replace(diagnostics={"cite": ["nobody2026"]})
    with pytest.raises(ValueError, match=r"method 'alone' cites 'nobody2026', .*must hold the Bib"):
        co.citation(unknown)


def test_the_table_has_a_row_for_it():
    found = co.methods(CHAIN, "inverted", T, method=Alone())
    row = next(line for line in repr(found).splitlines() if "alone" in line)
    assert " ".join(row.split()).startswith("alone approximate, error not known 1000")
    assert found.chosen == "exact"


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("name", 3, "name must be a word, got 3"),
        ("name", "", "name must be a word, got ''"),
        ("name", "exact", "the name 'exact' is taken by the package"),
        ("name", "auto", "the name 'auto' is taken by the package"),
        ("accuracy", "aproximate", "accuracy of method 'alone' must be one of 'exact', 'sampled'"),
        ("keeps", "states", "keeps must be a tuple of words from 'correlations', 'states'"),
        ("keeps", ("state",), r"keeps must be .* got \('state',\)"),
        ("cite", "qutip", "cite must be a tuple of keys of collective.citations"),
        ("refusal", None, "refusal must be a method, got None"),
        ("refusal", lambda self, request: True, r"refusal\(request\) must be None, or a text"),
        ("refusal", lambda self, request: False, r"refusal\(request\) must be None, or a text"),
        ("refusal", lambda self, request: " ", r"refusal\(request\) must be None, or a text"),
        ("cost", lambda self, request: (1, 1, ""), r"cost\(request\) must be a co.engines.Cost"),
        ("cost", lambda self, request: "cheap", r"cost\(request\) must be .* got 'cheap'"),
        ("start", lambda *given: None, r"start\(request, earlier\) must be .*no 'done'"),
        ("start", lambda *given: Running, r"start\(request, earlier\) must be .*not a class"),
    ],
)
def test_a_wrong_member_is_named(member, value, said):
    wrong = type("Wrong", (Alone,), {member: value})()
    for ask in (evolve, lambda method: co.methods(CHAIN, "inverted", T, method=method)):
        if member == "start" and ask is not evolve:
            continue
        with pytest.raises((co.EngineContractError, ValueError), match=said) as caught:
            ask(wrong)
        assert "method 'alone'" in str(caught.value) or "method Wrong" in str(caught.value)


def with_fields(**changes):
    """`fields` with other values; a function gets all fields, None takes one away."""

    def fields(self):
        found = Running.fields(self)
        for name, value in changes.items():
            found[name] = value(found) if callable(value) else value
        return {name: value for name, value in found.items() if value is not None}

    return {"fields": fields}


WRONG_RUNS = [
    (with_fields(populations=None), r"'populations' of fields\(\) must be given"),
    (with_fields(emission=None), r"'emission' of fields\(\) must be given"),
    (with_fields(populations=np.ones((12, 3))), r"must be an array of 1 to 11 rows"),
    (with_fields(populations=np.ones((0, 3))), r"must be an array of 1 to 11 rows"),
    (with_fields(populations=np.ones((1, 2))), r"'populations' .* \(1, 3\) .*got float64 of shape"),
    (with_fields(populations=1j * np.ones((1, 3))), r"of real numbers, got complex128"),
    (with_fields(emission=np.ones(3)), r"'emission' .* shape \(1,\) .* shape \(3,\)"),
    (with_fields(error_estimate=None), r"'error_estimate' of fields\(\) must be given"),
    (with_fields(shots=np.ones((4, 2))), r"'shots' .* shape \(4, 1\) .* shape \(4, 2\)"),
    (with_fields(excitation=[3.0]), r"'excitation' .* got \[3.0\]"),
    (with_fields(correlations=np.ones((1, 3))), r"'correlations' .* shape \(1, 3, 3\)"),
    (with_fields(states=[]), r"'states' of fields\(\) must be a list of 1 density matrices"),
    (with_fields(expect={"x": np.ones(1)}), r"'expect' .* dictionary of the operators \[\]"),
    (with_fields(light=np.ones(1)), r"names in fields\(\) must be fields of Result .* 'light'"),
    ({"fields": lambda self: [1]}, r"fields\(\) must be a dictionary"),
    ({"diagnostics": lambda self: None}, r"diagnostics\(\) must be a dictionary"),
    ({"diagnostics": lambda self: {"seconds": 1}}, r"names in diagnostics\(\) must be others"),
    ({"diagnostics": lambda self: {"x": object()}}, r"'x' of diagnostics\(\) must be what JSON"),
    ({"notes": lambda self: "careful"}, r"notes\(\) must be a list of texts"),
    ({"done": lambda self: True}, "done of the run must be a property"),
    ({"close": None}, "close of the run must be a method"),
]


def with_run(members):
    kind = type("Wrong", (Running,), members)
    return type("Started", (Alone,), {"start": lambda self, *given: kind(*given)})()


@pytest.mark.parametrize("kept", [False, True], ids=["", "checkpoint"])
@pytest.mark.parametrize(("members", "said"), WRONG_RUNS)
def test_a_wrong_member_of_a_run_is_named(members, said, kept, tmp_path):
    path = {"checkpoint": tmp_path / "run.npz"} if kept else {}
    with pytest.raises(co.EngineContractError, match=f"method 'alone': .*{said}"):
        evolve(with_run(members), **path)


def test_wrong_arrays_to_continue_from_are_named(tmp_path):
    for value, said in ((None, "dictionary"), ({"x": [1]}, "'x' of resume.. must be an array")):
        with pytest.raises(co.EngineContractError, match=f"method 'alone': .*{said}"):
            evolve(with_run({"resume": lambda self, v=value: v}), checkpoint=tmp_path / "run.npz")


def test_what_is_asked_for_and_missing_is_named():
    up = {"up": qutip.tensor([qutip.num(2), qutip.qeye(2), qutip.qeye(2)])}
    for observe, name in (("correlations", "correlations"), ("states", "states"), (up, "expect")):
        with pytest.raises(co.EngineContractError, match=rf"'{name}' of fields\(\) must be given"):
            evolve(Alone(), observe=observe)


def test_a_share_that_is_no_number_ends_the_run_and_keeps_it():
    with pytest.raises(co.EvolutionError, match=r"share of the run must be .* got nan") as caught:
        evolve(with_run({"share": float("nan")}))
    assert len(caught.value.result.times) == 2
    assert evolve(with_run({"share": 1 + 1e-15})).complete


def test_numbers_that_are_not_finite_are_told():
    def advance(self):
        Running.advance(self)
        self.rows[-1] = self.rows[-1] * np.nan

    with pytest.raises(co.EvolutionError, match="populations of method 'alone' has entries"):
        evolve(with_run({"advance": advance}))


def test_a_second_ctrl_c_takes_no_result_away():
    """It comes while the answer is put together."""
    calls = []

    def fields(self):
        calls.append(len(self.rows))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return Running.fields(self)

    found = evolve(with_run({"fields": fields, "stops_at": 5}))
    assert len(calls) == 3
    assert len(found.times) == 5


def test_a_run_is_closed_whatever_ends_it():
    closed = []
    for error in (SystemExit, KeyboardInterrupt, ZeroDivisionError):

        def advance(self, error=error):
            raise error

        wrong = with_run({"advance": advance, "close": lambda self: closed.append(1)})
        if error is KeyboardInterrupt:
            assert len(evolve(wrong).times) == 1
        else:
            with pytest.raises((SystemExit, co.EvolutionError)):
                evolve(wrong)
    assert len(closed) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((-1, 1.0, ""), "bytes must be a number ≥ 0, got -1"),
        ((np.inf, 1.0, ""), "bytes must be finite"),
        ((1, float("nan"), ""), "seconds must be a number ≥ 0, got nan"),
        ((1, True, ""), "seconds must be a number ≥ 0, got True"),
        ((1, 1.0, None), "work must be a text, got None"),
    ],
)
def test_a_cost_is_checked(given, said):
    with pytest.raises(ValueError, match=said):
        co.engines.Cost(*given)


def test_the_kept_names_are_those_of_the_diagnostics(tmp_path):
    """What `evolve` and checkpoints add is what no engine may give."""
    found = evolve(Alone(), checkpoint=tmp_path / "run.npz").diagnostics
    assert (set(found) - {"rows"}) | {"ended"} == set(loop._OURS)


@pytest.mark.parametrize("name", ["states", "correlations"])
def test_rows_that_are_missing_are_not_continued(name, tmp_path, interrupted_at):
    """Of an engine of the package, from a file that another program has written."""
    path, options = tmp_path / "run.npz", {"observe": ("states", "correlations")}
    with interrupted_at(3):
        part = evolve("exact", checkpoint=path, **options)
    assert not part.complete
    part.replace(**{name: None}).save(path)
    with pytest.raises(ValueError, match=f"cannot be continued: its array '{name}' is missing"):
        evolve("exact", checkpoint=path, **options)


def test_a_recorder_without_eigenvalues_gives_none():
    """By default they are recorded, but an engine may have no ρ."""
    recorder = record.Recorder(checked(CHAIN, "inverted", T), CHAIN.decay)
    recorder.add({"correlations": np.zeros((1, 3, 3), dtype=complex)})
    assert recorder.checks() == {"trace_error": 0.0}
