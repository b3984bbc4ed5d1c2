"""For anything that a user passes there is an answer, or an error that names the argument.

And what is frozen stays so, in copies too (`test_copies.py`).
"""

import copy
import dataclasses
import inspect
import io
import pickle

import numpy as np
import pytest
import recipes
import walker

import collective as co

NAMES = sorted(recipes.recipes())
# one of each kind: text, a truth value, no regular array, too large, too small
FEW = ("'0.1'", "True", "a ragged list", "10**400", "1e-308")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Some bad values are good file names."""
    monkeypatch.chdir(tmp_path)


def test_every_public_function_is_walked():
    """A new one needs good arguments in recipes.py; its bad ones then come by themselves."""
    assert recipes.missing() == []


# of a kind that other quick tests have too, and slow
FURTHER = ("HalfSpace", "Nanowire (permeable)")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in FURTHER)) for n in NAMES]
)
def test_good_arguments_work(name):
    recipe = recipes.recipes()[name]
    answer = recipe.call(recipe.arguments())
    assert walker.not_finite(answer, recipe.holes) is None
    if recipe.then is not None:
        assert walker.not_finite(recipe.then(answer), recipe.holes) is None


@pytest.mark.parametrize("name", NAMES)
def test_some_bad_values_are_refused_by_name_or_answered(name):
    few = {label: walker.BAD[label] for label in FEW}
    assert walker.walk(recipes.recipes()[name], few) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_all_other_bad_values_are_refused_by_name_or_answered(name):
    others = {label: make for label, make in walker.BAD.items() if label not in FEW}
    assert walker.walk(recipes.recipes()[name], others) == []


def public_classes():
    """Every class that the package or one of its rooms offers."""
    offered = [getattr(co, name) for name in dir(co) if not name.startswith("_")]
    rooms = [vars(room).values() for room in offered if inspect.ismodule(room)]
    return {c for room in (offered, *rooms) for c in room if inspect.isclass(c)}


def test_no_class_that_holds_arrays_forgets_to_freeze_its_copies():
    """numpy lets copies and unpickled arrays be written to: each class must say no by itself."""
    holding = [
        c
        for c in public_classes()
        if dataclasses.is_dataclass(c)
        and any("ndarray" in str(f.type) or "NDArray" in str(f.type) for f in dataclasses.fields(c))
    ]
    assert {"Couplings", "Steady", "Spectrum", "Result"} <= {c.__name__ for c in holding}
    assert [c.__name__ for c in holding if "__setstate__" not in vars(c)] == []


def test_arrays_of_copies_are_read_only():
    """A negative rate would run and give more and more excitation."""
    for how in (copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))):
        again = how(recipes.pair())
        with pytest.raises(ValueError, match="read-only"):
            again.decay[0, 0] = -1.0


def test_a_doctored_pickle_is_refused():
    data = pickle.dumps(co.Couplings([[1.0]], [[0.0]], drive=0.5))
    good, bad = np.float64(1.0).tobytes(), np.float64(-1.0).tobytes()
    assert data.count(good) == 1
    with pytest.raises(ValueError, match="decay must be positive semidefinite"):
        pickle.loads(data.replace(good, bad))


def test_one_number_stays_one_number_in_copies():
    n = 100_000
    many = co.Couplings(np.broadcast_to(1.0, (n, n)), np.broadcast_to(0.5, (n, n)))
    buffer = io.BytesIO()
    pickle.dump(many, buffer)
    assert buffer.tell() < 100 * n
    for one in (copy.deepcopy(many), pickle.loads(buffer.getvalue())):
        assert one.decay.strides == one.shift.strides == (0, 0)
        assert (one.decay[0, 1], one.shift[0, 1]) == (1.0, 0.5)


@pytest.mark.parametrize(
    "build",
    [
        lambda n: co.chain(n, 0.1),
        lambda n: co.ring(n, 0.1),
        lambda n: co.square(n, 2, 0.1),
        lambda n: co.triangular(2, n, 0.1),
        lambda n: co.cubic(2, 2, n, 0.1),
        lambda n: co.cloud(n, 1.0, seed=1),
    ],
)
def test_more_emitters_than_memory_are_refused_before_they_are_made(build):
    for n in (2**50, 2**70, 10**400):
        with pytest.raises(co.ProblemTooLargeError, match=r"n[xyz]? = 1\d+.* needs .*available"):
            build(n)
