"""`co.currents` with bad input, full disks, damaged files and Ctrl-C."""

import datetime
import re
import warnings
from contextlib import suppress

import mutations
import numpy as np
import pytest
import recipes
import walker

import collective as co
from collective.currents import checkpoint
from collective.currents.free_space import Convolution

currents = co.currents
AXIS = np.linspace(-5, 5, 16)
S = currents.gaussian()
ORBITALS = currents.Orbitals([AXIS] * 3, [S, currents.gaussian(1, 1)])
# shapes and sizes that only some arguments accept; `walker.BAD` has the other bad values
EXTREME = {
    str(value): lambda value=value: value
    for value in (
        1e61, 1e60, 1e-60, 1e-200, 60, [[]], [1], [1, 2], [1, 2, 3, 4], [1e-320] * 3, [1e-160] * 3,
        [1e60, 1, 1e-60], [True, False, True], ["1", "2", "3"], "atomic ",
    )
} | {
    "ones (2, 2)": lambda: np.ones((2, 2)),
    "ones (3, 3)": lambda: np.ones((3, 3)),
    "ones (2, 3)": lambda: np.ones((2, 3)),
    "a date": lambda: datetime.date(2020, 1, 1),
    "a module": lambda: co,
    "a function that gives NaN": lambda: lambda k: [np.nan] * 3,
    "a function that gives one number": lambda: lambda k: 1.0,
}  # fmt: skip
NAMES = [name for name in sorted(recipes.recipes()) if name.startswith("currents.")]


@pytest.mark.parametrize("name", NAMES)
def test_bad_shapes_and_sizes_raise_errors_that_name_the_argument(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some values are file names
    assert walker.walk(recipes.recipes()[name], EXTREME) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ORBITALS.derivative(3), "axis"),
        (lambda: ORBITALS.derivative("x"), "axis"),
        (lambda: ORBITALS.derivative(0, None), "order"),
        (lambda: ORBITALS.one_body("x"), "potential"),
        (lambda: ORBITALS.one_body(np.nan), "potential"),
        (lambda: ORBITALS.one_body(10**400), "potential"),
        (lambda: ORBITALS.one_body(lambda x, y, z: np.nan * x), "potential"),
        (lambda: ORBITALS.one_body(lambda x, y, z: "x"), "potential"),
        (lambda: ORBITALS.one_body(lambda x: x), "potential"),
        (lambda: currents.Orbitals([AXIS] * 3, [lambda x: x]), r"wavefunctions\[0\]"),
        (lambda: currents.Orbitals([AXIS] * 3, [lambda x, y, z: None]), "wavefunctions"),
        (lambda: currents.Orbitals.from_si(None, None), "axes"),
        (lambda: currents.Orbitals.from_si([AXIS * 1e-10] * 3, None), "wavefunctions"),
        (lambda: currents.Orbitals.from_si([AXIS] * 3, [S]), "metres"),
    ],
)
def test_bad_arguments_of_methods_of_orbitals_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_extreme_wave_functions_do_not_overflow():
    """Powers and exponentials overflow or underflow separately, but not their product."""
    far = np.array([1e-3, 1.0, 30.0])
    narrow = currents.gaussian(20, 3, width=1e-59)(far, 0 * far, 0 * far)
    assert not np.any(narrow)
    heavy = currents.hydrogen_like(60, 19, 2, charge=1e59)(far, 0 * far, 0 * far)
    assert not np.any(heavy)
    for shape, ends in ((currents.gaussian(3, 0, width=0.7), 6), (currents.hydrogen_like(30), 3e3)):
        r = np.linspace(0, ends, 20001)
        density = np.abs(shape(0 * r, 0 * r, r)) ** 2 * r**2
        # Y_l0(ẑ)² = (2l + 1)/4π
        ratio = np.sum(density) * (r[1] - r[0])
        assert ratio == pytest.approx(7 / (4 * np.pi) if ends == 6 else 1 / (4 * np.pi), rel=1e-6)


def disk_full_after(writes, monkeypatch):
    """Let `written` fail as with a full disk after some writes; returns the list of attempts."""
    original, attempts = checkpoint.written, []

    def written(path, suffix, write):
        attempts.append(path)
        if len(attempts) > writes:
            raise OSError(28, "No space left on device")
        return original(path, suffix, write)

    monkeypatch.setattr(checkpoint, "written", written)
    return attempts


@pytest.mark.parametrize("filter_", ["always", "error"])
def test_full_disk_gives_a_warning_and_the_same_integrals(tmp_path, monkeypatch, filter_):
    plain = currents.interactions(ORBITALS, progress=False)
    attempts = disk_full_after(2, monkeypatch)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(filter_)
        found = currents.interactions(ORBITALS, checkpoint=tmp_path / "x", progress=False)
    assert len(attempts) == 6  # one at the start, one for each part
    np.testing.assert_array_equal(found.two_body, plain.two_body)
    assert "No space left" in found.diagnostics["checkpoint_failure"]
    if filter_ == "always":
        assert [w.filename for w in caught] == [__file__]
        assert "checkpoint could not be written" in str(caught[0].message)


def test_full_disk_does_not_stop_a_continued_run(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    plain = currents.interactions(ORBITALS, checkpoint=path, progress=False)
    disk_full_after(0, monkeypatch)
    again = currents.interactions(ORBITALS, checkpoint=path, progress=False)
    np.testing.assert_array_equal(again.two_body, plain.two_body)
    with pytest.raises(OSError, match="No space left"):  # a new file fails at once
        currents.interactions(ORBITALS, checkpoint=tmp_path / "new", progress=False)


@pytest.mark.parametrize("when", [1, 2, 3, 6, 8])
def test_interruption_keeps_every_finished_potential(tmp_path, monkeypatch, when):
    """Over both runs each potential is computed once (two orbitals, five parts of three pairs)."""
    plain = currents.interactions(ORBITALS, 0.2, progress=False)
    original, calls = Convolution.__call__, []

    def counted(self, f):
        calls.append(f)
        if len(calls) == when:
            raise KeyboardInterrupt
        return original(self, f)

    monkeypatch.setattr(Convolution, "__call__", counted)
    path = tmp_path / "x.npz"
    with pytest.raises(KeyboardInterrupt):
        currents.interactions(ORBITALS, 0.2, checkpoint=path, progress=False)
    again = currents.interactions(ORBITALS, 0.2, checkpoint=path, progress=False)
    np.testing.assert_array_equal(again.two_body, plain.two_body)
    assert again.ampere_error == plain.ampere_error
    with_interruption = len(calls)
    currents.interactions(ORBITALS, 0.2, progress=False)
    whole = len(calls) - with_interruption
    assert with_interruption == whole + 1  # the interrupted one is computed twice


def test_interrupted_write_of_a_checkpoint_is_repeated(tmp_path, monkeypatch):
    original, attempts = checkpoint.written, []

    def written(path, suffix, write):
        attempts.append(path)
        if len(attempts) == 2:
            raise KeyboardInterrupt
        return original(path, suffix, write)

    monkeypatch.setattr(checkpoint, "written", written)
    with pytest.raises(KeyboardInterrupt):
        currents.interactions(ORBITALS, checkpoint=tmp_path / "x", progress=False)
    with np.load(tmp_path / "x.npz") as file:
        assert "charge" in file.files


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A complete checkpoint, and one that Ctrl-C interrupted in the middle of a part."""
    folder = tmp_path_factory.mktemp("kept")
    currents.interactions(ORBITALS, checkpoint=folder / "whole", progress=False)
    original, calls = Convolution.__call__, []

    def interrupted(self, f):
        calls.append(f)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return original(self, f)

    with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(Convolution, "__call__", interrupted)
        currents.interactions(ORBITALS, checkpoint=folder / "begun", progress=False)
    return {name: (folder / f"{name}.npz").read_bytes() for name in ("whole", "begun")}


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("charge", np.zeros(3), r"'charge' is of kind 'f' and shape \(3,\)"),
        ("charge", np.full((2, 2, 2, 2), np.nan + 0j), "damaged: 'charge' in it is wrong"),
        ("charge", np.zeros((2, 2, 2, 2), np.complex64), "damaged: 'charge' in it is wrong"),
        ("charge", np.array(["x"]), "'charge' is of kind 'U'"),
        ("x_error", np.array("x"), "'x_error' is of kind 'U'"),
        ("x_error", np.array(-1.0), "damaged: 'x_error' in it is wrong"),
        ("y_error", np.zeros(2), r"'y_error' is of kind 'f' and shape \(2,\)"),
        ("others", np.zeros(2), "'others' is not part of a checkpoint"),
        ("charge", None, "its contents were changed after it was written"),
    ],
)
def test_edited_checkpoints_are_refused(checkpoints, tmp_path, name, value, what):
    """The digest is correct, except for the last edit, which changes numbers only."""
    path = tmp_path / "x.npz"
    parts = mutations.members(checkpoints["whole"])
    if value is None:
        charge = mutations.array_of(parts["charge.npy"])
        parts = {**parts, "charge.npy": mutations.npy(charge * 1.01)}
    else:
        parts = mutations.signed({**parts, f"{name}.npy": mutations.npy(value)})
    path.write_bytes(mutations.zipped(parts.items()))
    with pytest.raises(ValueError, match=f"^checkpoint .*x.npz is .*{what}"):
        currents.interactions(ORBITALS, checkpoint=path, progress=False)


@pytest.mark.parametrize("pairs", [-1, 3, 10**9])
def test_checkpoint_with_a_wrong_number_of_pairs_is_refused(checkpoints, tmp_path, pairs):
    path = tmp_path / "x.npz"
    parts = mutations.members(checkpoints["begun"])
    (name,) = (name for name in parts if name.endswith("_pairs.npy"))
    parts = mutations.signed({**parts, name: mutations.npy(np.array(pairs))})
    path.write_bytes(mutations.zipped(parts.items()))
    with pytest.raises(ValueError, match=f"is damaged: '{name[:-4]}'"):
        currents.interactions(ORBITALS, checkpoint=path, progress=False)


def test_mutated_checkpoints_are_refused_or_give_the_same_integrals(checkpoints, tmp_path):
    plain = currents.interactions(ORBITALS, progress=False)
    path, random, refused = tmp_path / "x.npz", np.random.default_rng(1), []
    for i in range(120):
        content = checkpoints[("whole", "begun")[i % 2]]
        how = random.integers(3)
        if how == 0:
            content = mutations.damaged(content, random)
        else:
            parts, method = mutations.edited(
                mutations.members(content), random, same_numbers=how == 1
            )
            parts = mutations.signed(parts) if how == 1 else parts
            content = mutations.zipped(parts.items(), method)
        path.write_bytes(content)
        try:
            found = currents.interactions(ORBITALS, checkpoint=path, progress=False)
        except ValueError as error:
            refused.append(str(error))
        else:
            np.testing.assert_array_equal(found.two_body, plain.two_body)
            assert found.ampere_error == plain.ampere_error
    assert len(refused) > 60
    assert all(re.match(r"checkpoint .*x\.npz ", words) for words in refused)


def test_checkpoint_that_unpacks_to_a_large_array_is_refused(checkpoints, tmp_path):
    path = tmp_path / "x.npz"
    parts = mutations.members(checkpoints["whole"])
    parts["charge.npy"] = mutations.header(2**20) + bytes(2**23)
    path.write_bytes(mutations.zipped(parts.items()))
    assert path.stat().st_size < 2**17
    with pytest.raises(ValueError, match=r"'charge' is of kind 'f' and shape \(1048576,\)"):
        currents.interactions(ORBITALS, checkpoint=path, progress=False)


def test_damaged_checkpoints_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    currents.interactions(ORBITALS, checkpoint=path, progress=False)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(whole)
        for place in rng.integers(0, len(broken), 3):
            broken[place] ^= 255
        path.write_bytes(
            broken[: rng.integers(1, len(broken))]
        )  # the directory of a zip file is at its end
        with pytest.raises(ValueError, match=r"^checkpoint .*x.npz is .*not a file of integrals"):
            currents.interactions(ORBITALS, checkpoint=path, progress=False)
