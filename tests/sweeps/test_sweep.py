"""`co.sweep` in one process: its points, what they give, and what is refused."""

import functools
import signal
import warnings

import numpy as np
import pytest
import sweep_functions
import xarray

import collective as co


def swept(function, grid, **options):
    return co.sweep(function, grid, progress=False, **options)


def test_every_point_has_the_answer_of_a_plain_call():
    ns, spacings = [2, 3], [0.05, 0.1, 0.4]
    found = swept(sweep_functions.emission, {"n": ns, "spacing": spacings})
    assert found.emission.dims == ("n", "spacing", "time")
    assert found.populations.dims == ("n", "spacing", "time", "emitter")
    for n in ns:
        for spacing in spacings:
            alone = sweep_functions.emission(n, spacing)
            here = found.sel(n=n, spacing=spacing)
            np.testing.assert_array_equal(here.emission, alone.emission)
            np.testing.assert_array_equal(here.populations[:, :n], alone.populations)
            assert np.isnan(here.populations[:, n:]).all()
            np.testing.assert_array_equal(here.z[:n], alone.couplings.emitters.positions[:, 2])
            assert here.method == "exact"
            assert here.complete
    np.testing.assert_array_equal(found.time, np.linspace(0, 1, 5))
    assert found.emission.attrs["long_name"] == "photons per time into the environment"
    assert found.time.attrs["units"] == "inverse units of rate (1/Γ₀ by default)"
    assert found.attrs["initial_state"] == "inverted"
    assert found.attrs["frame"] == "rotating"
    assert "diagnostics" not in found.attrs


def test_what_the_attributes_say():
    found = swept(sweep_functions.drawn, {"n": [1], "x": [0.5]}, seed=7)
    assert found.attrs["function"] == "drawn"
    assert found.attrs["seed"] == 7
    assert found.attrs["complete"] is True
    assert found.attrs["failed"] == 0
    for name, module in (("numpy", np), ("collective-emission", co)):
        assert f"{name} {module.__version__}" in found.attrs["versions"]
    assert "qutip 5" in found.attrs["versions"]
    assert len(found.attrs["date"]) == len("2026-01-01T00:00:00+00:00")


def test_kinds_are_kept_and_lengths_filled_up():
    found = swept(sweep_functions.many_kinds, {"n": [1, 3], "x": [0.5, 1.5]})
    kinds = {name: array.dtype.kind for name, array in found.data_vars.items()}
    assert kinds == {
        **{"real": "f", "integer": "i", "truth": "b", "text": "U", "complex": "c", "table": "i"}
    }
    assert found.table.dims == ("n", "x", "table_0", "table_1")
    np.testing.assert_array_equal(found.table.sel(n=3, x=1.5), 3 * np.arange(6).reshape(2, 3))
    assert found.text.values.tolist() == [["ab"] * 2, ["ababab"] * 2]
    assert found.truth.values.tolist() == [[False] * 2, [True] * 2]
    wave = found.complex.sel(x=0.5).values
    np.testing.assert_array_equal(wave[1], np.exp(0.5j * np.arange(3)))
    assert wave[0, 0] == 1
    assert np.isnan(wave[0, 1:].real).all()
    assert np.isnan(wave[0, 1:].imag).all()


def test_failed_points_have_gaps_and_their_traceback():
    function = functools.partial(sweep_functions.many_kinds, fails=(2, 3))
    with pytest.warns(UserWarning, match=r"4 of 6 points failed, the first at n=2, x=0.5: ValueEr"):
        found = swept(function, {"n": [1, 2, 3], "x": [0.5, 1.5]})
    assert found.attrs["failed"] == 4
    assert found.attrs["complete"] is True
    assert (found.error.sel(n=1) == "").all()
    text = found.error.sel(n=3, x=1.5).item()
    assert text.startswith("Traceback")
    assert text.endswith("ValueError: no answer for 3")
    assert "sweep_functions.py" in text
    assert "workers.py" not in text
    kinds = {name: array.dtype.kind for name, array in found.data_vars.items() if name != "error"}
    assert kinds == {
        **{"real": "f", "integer": "f", "truth": "f", "text": "U", "complex": "c", "table": "f"}
    }
    assert np.isnan(found.integer.sel(n=2)).all()
    assert found.integer.sel(n=1).values.tolist() == [1.0, 1.0]
    assert (found.text.sel(n=2) == "").all()


def test_if_all_points_fail_the_first_traceback_is_raised():
    function = functools.partial(sweep_functions.many_kinds, fails=(2, 3))
    with pytest.raises(co.EvolutionError, match=r"all 2 points; the first is n=2, x=1") as caught:
        swept(function, {"n": [2, 3], "x": [1]})
    assert "ValueError: no answer for 2" in str(caught.value)
    assert caught.value.result.attrs["failed"] == 2


def test_numbers_and_lone_arrays_are_called_value():
    found = swept(sweep_functions.product, {"b": [1, 2, 3], "a": [0.5, 2]})
    np.testing.assert_array_equal(found.value, np.outer([1, 2, 3], [0.5, 2]))
    assert list(found.value.dims) == ["b", "a"]
    found = swept(lambda a: np.ones((a, 2)), {"a": [1, 3]})
    assert dict(found.sizes) == {"a": 2, "value_0": 3, "value_1": 2}
    assert np.isnan(found.value.sel(a=1)[1:]).all()


def test_arrays_and_datasets_of_xarray_keep_their_names():
    def array(a):
        return xarray.DataArray([a, a], {"phase": [0.0, 0.5]}, name="signal", attrs={"units": "m"})

    found = swept(array, {"a": [1, 2]})
    assert found.signal.dims == ("a", "phase")
    assert found.signal.attrs["units"] == "m"
    again = swept(lambda a: array(a).to_dataset().assign_attrs(kind="x", a=a), {"a": [1, 2]})
    assert again.signal.identical(found.signal)
    assert again.attrs["kind"] == "x"
    assert "a" not in again.attrs
    inside = swept(lambda a: {"first": array(a), "second": 2 * a}, {"a": [1, 2]})
    np.testing.assert_array_equal(inside.first, found.signal)
    assert inside.second.values.tolist() == [2, 4]


def test_a_sweep_in_a_sweep():
    def inner(a):
        return swept(functools.partial(sweep_functions.product, a), {"b": [1, 2]})

    found = swept(inner, {"a": [3, 5]})
    np.testing.assert_array_equal(found.value, [[3, 6], [5, 10]])
    assert found.value.dims == ("a", "b")


def test_grids_of_texts_and_booleans():
    found = swept(lambda word, flag: word * (1 + flag), {"word": ["a", "b"], "flag": [False, True]})
    assert found.value.sel(word="b", flag=True) == "bb"
    assert found.flag.dtype == bool


def test_points_get_numbers_of_python():
    kinds = []
    swept(lambda a, b: kinds.append((type(a), type(b))) or 0, {"a": np.arange(1), "b": np.ones(1)})
    assert kinds == [(int, float)]


def test_seeds_follow_from_names_and_values_alone():
    first = swept(sweep_functions.drawn, {"n": [1, 2], "x": [0.5, 1.0]}, seed=3)
    other = swept(sweep_functions.drawn, {"x": [1, 0.0, 0.5], "n": [5.0, 2.0]}, seed=3)
    np.testing.assert_array_equal(first.value.sel(n=2, x=1), other.value.sel(n=2, x=1))
    numbers = first.value.values.reshape(4, 3)
    assert len(np.unique(numbers)) == 12
    another = swept(sweep_functions.drawn, {"n": [1, 2], "x": [0.5, 1.0]}, seed=4)
    assert not np.any(another.value.values == first.value.values)
    seeds = swept(lambda n, seed: seed, {"n": [1, 2]}, seed=0)
    assert seeds.value.dtype == int
    assert seeds.value.min() >= 0


def test_the_seed_is_the_documented_one():
    import hashlib

    words = np.frombuffer(hashlib.sha256(b'{"n": 2, "x": 0.1}').digest(), "<u4")
    sequence = np.random.SeedSequence([11, *map(int, words)])
    wanted = int(sequence.generate_state(1, np.uint64)[0]) // 2
    found = swept(lambda x, n, seed: seed, {"x": [0.1], "n": [2.0]}, seed=11)
    assert found.value.item() == wanted


def test_independent_seeds_give_normal_numbers():
    """The mean of 400 streams' first numbers is that of independent ones, within 4 σ."""
    found = swept(sweep_functions.drawn, {"n": range(20), "x": range(20)}, seed=0)
    assert abs(found.value.mean()) < 4 / np.sqrt(1200)
    assert abs(found.value.std() - 1) < 4 / np.sqrt(2 * 1200)


BAD = [
    ({}, "grid must have at least one argument"),
    ([("a", 1)], "grid must be a mapping"),
    ({"a": []}, "values of 'a' are empty"),
    ({"a": [1, "x"]}, "'a' must all be numbers, all booleans or all texts, not numbers and texts"),
    ({"a": [1, True]}, "not booleans and numbers"),
    ({"a": [1, 2, 1.0]}, "'a' must differ from each other: 1.0 occurs twice"),
    ({"a": [0.0, -0.0]}, "occurs twice"),
    ({"a": [[1, 2], [3, 4]]}, r"'a' must be real numbers, booleans or texts, not \[1, 2\]"),
    ({"a": np.ones((2, 2))}, "must be a list or an array of one dimension"),
    ({"a": "abc"}, "must be a list or an array of one dimension, not 'abc'"),
    ({"a": 3}, "must be a list or an array of one dimension, not 3"),
    ({"a": {1, 2}}, "must be a list or an array of one dimension"),
    ({"a": [1, float("nan")]}, "must be finite, not nan"),
    ({"a": [1j]}, "must be real numbers, booleans or texts, not 1j"),
    ({"a": [None]}, "must be real numbers, booleans or texts, not None"),
    ({"a": [2**63]}, r"must be integers below 2\*\*63"),
    ({"a": ["x\0"]}, "texts that a file can hold"),
    ({"a": np.ma.array([1, 2], mask=[0, 1])}, "must be a list or an array of one dimension"),
    ({"not a name": [1]}, "cannot be the name of an argument"),
    ({1: [1]}, "1 cannot be the name"),
    ({"a" * 201: [1]}, "grid: the name 'a.* is longer than 200 bytes"),
    ({"time": [1]}, "'time' is a name that datasets of results use themselves"),
    ({"c": [1]}, "grid: the function has no argument 'c'; it takes a, b"),
    ({"a": [1]}, r"function: missing a required argument: 'b'; the grid gives a.*partial"),
    ({"a": range(10**30), "b": [1]}, "'a' are too many"),
]


@pytest.mark.parametrize(("grid", "message"), BAD)
def test_bad_grids_are_refused_before_anything_runs(grid, message):
    def function(a, b):
        raise AssertionError

    with pytest.raises(ValueError, match=message):
        swept(function, grid)


def test_more_points_than_memory_are_refused():
    with pytest.raises(co.ProblemTooLargeError, match=r"1000000000000 points of the grid"):
        swept(lambda a, b, c: a, dict.fromkeys("abc", range(10**4)))


def test_answers_larger_than_memory_are_refused(available_memory):
    available_memory(2**24)
    with pytest.raises(co.ProblemTooLargeError, match=r"'value' of shape \(1000,\) at 3000 points"):
        swept(lambda a: np.zeros(1000), {"a": range(3000)})


def test_other_bad_arguments():
    grid = {"a": [1, 2], "b": [1]}
    product = sweep_functions.product
    for options, message in (
        ({"executor": 3}, "executor must be None or an executor"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": 1}, "seed: the function has no argument 'seed'; it takes a, b"),
        ({"retry_failed": 1}, "retry_failed must be True or False"),
        ({"store": "x.npz"}, r"store must be a file name that ends in .nc or .zarr"),
        ({"store": 1}, "store must be a file name"),
    ):
        with pytest.raises(ValueError, match=message):
            co.sweep(product, grid, **options)
    with pytest.raises(ValueError, match="progress must be True or False"):
        co.sweep(product, grid, progress="yes")
    with pytest.raises(ValueError, match="function must be a function, got 3"):
        swept(3, grid)
    with pytest.raises(ValueError, match="grid: 'seed' is given to the function by seed="):
        swept(sweep_functions.drawn, {"n": [1], "x": [1], "seed": [1]}, seed=1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda a: None, "TypeError: the function must return numbers.*'value' is None"),
        (lambda a: {}, "returned an empty mapping"),
        (lambda a: {"x": {"y": 1}}, "'x' is {'y': 1}"),
        (lambda a: {1: 1}, "something of the name 1"),
        (
            lambda a: {"..": 1},
            r"something of the name '\.\.': names must be texts of 1 to 200 bytes",
        ),
        (lambda a: {".zattrs": 1}, "something of the name '.zattrs'"),
        (lambda a: {"a/b": 1}, "something of the name 'a/b'"),
        (lambda a: {"a\\b": 1}, "something of the name"),
        (lambda a: {"é" * 101: 1}, "something of the name 'é"),
        (lambda a: {"\ud800": 1}, "something of the name"),
        (lambda a: [1, "x"], r"'value' is \[1, 'x'\]"),
        (lambda a: [[1], [1, 2]], r"'value' is \[\[1\], \[1, 2\]\]"),
        (lambda a: object(), "'value' is <object"),
        (lambda a: np.datetime64("2020-01-01"), "'value' is np.datetime64"),
        (lambda a: b"x", "'value' is b'x'"),
        (lambda a: "x\0y", "letters that a file cannot hold"),
        (lambda a: np.uint64(2**63), r"an integer of 2\*\*63 or more"),
        (lambda a: np.ma.array([1, 2]), "masked array"),
        (lambda a: {"x": np.ones(2), "x_0": 1}, "'x_0' is both a variable and a dimension"),
        (lambda a: {"x": 1j, "x_real": 1}, "'x_real'"),
    ],
)
def test_answers_that_a_dataset_cannot_hold_are_failures(answer, message):
    with pytest.raises(co.EvolutionError, match=message):
        swept(answer, {"a": [1]})


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            lambda a: np.zeros((2,) * a),
            r"\('value_0', 'value_1'\) at a=2, but numbers .*\('value_0',\) at a=1",
        ),
        (lambda a: "x" if a == 2 else 1, "'value' is texts with dimensions .* at a=2, but numbers"),
        (lambda a: {"a": 1}, "the answer at a=1 has 'a', which is a name of the grid"),
        (lambda a: {"error": 1}, "'error', which is a name of the grid or of the failures"),
        (
            lambda a: xarray.DataArray([0, 0], {"t": [0, a]}, name="s"),
            "'t' has other values at a=2 than at a=1",
        ),
        (
            lambda a: xarray.DataArray([0, 0], {"t": [0, 1]} if a == 1 else None, "t", "s"),
            "'t' has labels only at one of a=1 or a=2",
        ),
        (
            lambda a: xarray.Dataset({"s": 1, **({"c": 1} if a == 1 else {})}).assign_coords(
                {} if a == 1 else {"c": 1}
            ),
            "'c' is a coordinate at some points and a variable at others",
        ),
    ],
)
def test_answers_that_do_not_fit_together_name_both_points(answer, message):
    with pytest.raises(ValueError, match=message):
        swept(answer, {"a": [1, 2]})


def test_labels_may_end_early():
    """As the times of a run that ended before its last time do."""

    def run(a):
        return xarray.DataArray(np.ones(a), {"t": np.arange(a)}, name="s")

    for values in ([2, 4], [4, 2]):
        found = swept(run, {"a": values})
        assert found.t.values.tolist() == [0, 1, 2, 3]
        assert np.isnan(found.s.sel(a=2)[2:]).all()


@pytest.mark.parametrize("order", [[1, 2], [2, 1]])
def test_labels_do_not_depend_on_which_point_came_first(order):
    """0 and −0 are equal labels, and so are 1 and 1.0 and two NaN."""

    def run(a):
        t = [0, 1] if a == 1 else [-0.0, 1.0]
        k = [np.nan, -0.0] if a == 1 else [np.nan, 0.0]
        x = ("t", [-0.0 if a == 1 else 0.0, 3.0])
        return xarray.Dataset({"s": (("t", "k"), np.ones((2, 2)))}, {"t": t, "k": k, "x": x})

    found = swept(run, {"a": order})
    for name, wanted in (("t", [0.0, 1.0]), ("k", [np.nan, 0.0]), ("x", [0.0, 3.0])):
        assert found[name].values.tobytes() == np.array(wanted).tobytes(), name


def test_labels_of_other_kinds_are_refused():
    def run(a):
        return xarray.DataArray([0], {"t": [1] if a == 1 else ["1"]}, name="s")

    with pytest.raises(ValueError, match="'t' has other values at a=2 than at a=1"):
        swept(run, {"a": [1, 2]})


def test_texts_larger_than_memory_are_refused(available_memory):
    available_memory(2**24)
    with pytest.raises(co.ProblemTooLargeError, match=r"texts of up to 5000 letters in 'value'"):
        swept(lambda a: "x" * (5000 if a == 1 else 1), {"a": range(3000)})


def test_coordinates_that_differ_get_the_dimensions_of_the_grid():
    def places(a):
        there = {"x": ("i", [a, 2.0]), "y": ("i", [0.0, 0.0])}
        return xarray.Dataset({"s": ("i", [1, 2])}, coords=there)

    found = swept(places, {"a": [1, 2]})
    assert found.x.dims == ("a", "i")
    assert found.y.dims == ("i",)
    assert {"x", "y"} <= set(found.coords)


def test_a_variable_that_some_points_lack_has_gaps():
    found = swept(lambda a: {"s": a, **({"t": a} if a > 1 else {})}, {"a": [1, 2]})
    assert found.s.dtype == int
    np.testing.assert_array_equal(found.t, [np.nan, 2.0])


def test_ctrl_c_gives_the_points_so_far(capsys):
    def function(a):
        if a == 3:
            signal.raise_signal(signal.SIGINT)
        return 2 * a

    found = swept(function, {"a": range(6)})
    assert found.attrs["complete"] is False
    np.testing.assert_array_equal(found.value, [0, 2, 4, np.nan, np.nan, np.nan])
    assert found.error.values.tolist() == [""] * 3 + ["not computed"] * 3
    assert "Ctrl-C after 3 of 6 points; nothing was kept" in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt):
        swept(function, {"a": [3, 4]})


def test_a_point_that_answers_ctrl_c_itself_is_not_taken():
    """As `evolve` does, which returns the times reached."""

    def function(a):
        try:
            if a == 3:
                signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            return -1
        return 2 * a

    before = signal.getsignal(signal.SIGINT)
    found = swept(function, {"a": range(6)})
    assert found.attrs["complete"] is False
    assert -1 not in found.value
    assert signal.getsignal(signal.SIGINT) is before


def test_without_xarray_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    with pytest.raises(ImportError, match=r"sweep needs xarray: pip install 'collective-em"):
        swept(sweep_functions.product, {"a": [1], "b": [1]})


def test_warnings_as_errors_do_not_lose_the_dataset():
    function = functools.partial(sweep_functions.many_kinds, fails=(2,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(co.EvolutionError, match="1 of 2 points failed") as caught:
            swept(function, {"n": [1, 2], "x": [0.5]})
    assert caught.value.result.real.sel(n=1, x=0.5) == 0.5 / 3
