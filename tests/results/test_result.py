import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import qutip
from systems import STATES

import collective as co
from collective.results import contents, storage
from collective.results.jumps import Jumps
from collective.states import protocol

TIMES = np.linspace(0, 2, 11)


class Elsewhere:
    """A field of a user's own, which a file cannot bring back."""

    def green(self, r, r_source, k):
        return co.Vacuum().green(r, r_source, k)

    def __repr__(self):
        return "Elsewhere()"


@pytest.fixture
def result():
    atoms = co.chain(3, 0.2, dipoles=[[1, 1j, 0], [1, 0, 0], [0, 1, 0]], detunings=[1, 0, -1])
    couplings = co.couple(atoms.replace(frequency=1e7), co.Vacuum()).replace(
        drive=[1, 1j, 0], dephasing=0.1, pump=[0, 0.2, 0]
    )
    observe = ("correlations", "states", {"n": qutip.tensor([qutip.num(2)] * 3)})
    return co.evolve(couplings, co.states.coherent(1.0), TIMES, observe=observe)


def test_a_saved_result_is_loaded_unchanged(result, tmp_path):
    path = result.save(tmp_path / "run.npz")
    back = co.load(path)
    for name in ("times", "emission", "excitation", "populations", "correlations"):
        np.testing.assert_array_equal(getattr(back, name), getattr(result, name))
    np.testing.assert_array_equal(back.expect["n"], result.expect["n"])
    for mine, theirs in zip(back.states, result.states, strict=True):
        assert mine.dims == theirs.dims
        np.testing.assert_array_equal(mine.full(), theirs.full())
    np.testing.assert_array_equal(back.last_state.full(), result.last_state.full())
    for name in ("decay", "shift", "detunings", "dephasing", "pump", "drive"):
        np.testing.assert_array_equal(
            getattr(back.couplings, name), getattr(result.couplings, name)
        )
    assert back.couplings.field == co.Vacuum()
    for name in ("positions", "dipoles", "decay_rates", "detunings"):
        np.testing.assert_array_equal(
            getattr(back.couplings.emitters, name), getattr(result.couplings.emitters, name)
        )
    assert back.couplings.emitters.frequency == 1e7
    for name in (
        "method",
        "reason",
        "initial_state",
        "frame",
        "complete",
        "diagnostics",
        "accuracy",
    ):
        assert getattr(back, name) == getattr(result, name)
    assert repr(back) == repr(result)


def test_jumps_errors_and_resume_arrays_are_loaded_unchanged(result, tmp_path):
    jumps = Jumps(np.array([0, 2, 2]), np.array([0.5, 0.1, 1.0]), np.array([1, 0, 2]), 4)
    errors = ("emission_error", "excitation_error", "populations_error")
    resume = {"block": np.arange(6.0).reshape(2, 3) * 1j, "generator": np.array([2**63], np.uint64)}
    sampled = result.replace(
        **{name: 0.1 * getattr(result, name.removesuffix("_error")) for name in errors},
        jumps=jumps,
        resume=resume,
        complete=False,
    )
    back = co.load(sampled.save(tmp_path / "run.npz"))
    for name in errors:
        np.testing.assert_array_equal(getattr(back, name), getattr(sampled, name))
    for name in ("trajectory", "times", "channels"):
        np.testing.assert_array_equal(getattr(back.jumps, name), getattr(jumps, name))
    assert back.jumps.n_trajectories == 4
    assert len(back.jumps) == 3
    np.testing.assert_array_equal(back.jumps.of(2)[0], [0.1, 1.0])
    assert back.resume.keys() == resume.keys()
    for name, array in resume.items():
        np.testing.assert_array_equal(back.resume[name], array)
        assert back.resume[name].dtype == array.dtype
    assert not back.complete
    assert repr(back) == repr(sampled)


def test_missing_arrays_stay_missing(result, tmp_path):
    back = co.load(result.save(tmp_path / "run.npz"))
    assert back.emission_error is back.excitation_error is back.populations_error is None
    assert back.jumps is None
    assert back.resume == {}


@pytest.mark.parametrize("drive", [0.0, 1.0])
def test_a_single_trajectory_is_loaded_unchanged(drive, tmp_path):
    """Its standard errors are not known; a checkpoint of it is kept and found complete."""
    pair = co.couple(co.chain(2, 0.2), co.Vacuum()).replace(drive=drive)
    asked = {"method": co.engines.Trajectories(n=1), "seed": 1, "progress": False}
    run = co.evolve(pair, "inverted", TIMES, **asked, checkpoint=tmp_path / "kept")
    for back in (
        co.load(run.save(tmp_path / "run")),
        co.evolve(pair, "inverted", TIMES, **asked, checkpoint=tmp_path / "kept"),
    ):
        np.testing.assert_array_equal(back.emission, run.emission)
        assert np.all(np.isnan(back.emission_error))
        assert np.all(np.isnan(back.populations_error))
        assert "standard error" not in repr(back)
    lying = run.replace(emission_error=np.where(TIMES > 1, np.nan, 0.1))
    with pytest.raises(ValueError, match=r"emission_error\[6\] is nan"):
        lying.save(tmp_path / "lying")


def test_no_photon_in_any_trajectory(result, tmp_path):
    none = Jumps(np.empty(0, int), np.empty(0), np.empty(0, int), 7)
    back = co.load(result.replace(jumps=none).save(tmp_path / "run.npz"))
    assert len(back.jumps) == 0
    assert back.jumps.n_trajectories == 7


def test_matrices_and_a_field_of_the_user(tmp_path):
    bare = co.evolve(co.Couplings([[1]], [[0]]), "inverted", TIMES)
    back = co.load(bare.save(tmp_path / "bare.npz"))
    assert back.couplings.emitters is None
    assert back.couplings.field is None
    other = co.evolve(co.couple(co.chain(2, 0.1), Elsewhere()), "inverted", TIMES)
    back = co.load(other.save(tmp_path / "other.npz"))
    assert back.couplings.field is None
    assert back.diagnostics["field"] == "Elsewhere()"


class Vacuum(Elsewhere):
    """Not the package's, for all its name."""


def test_a_field_of_the_user_with_a_known_name_is_not_mistaken(tmp_path):
    other = co.evolve(co.couple(co.chain(2, 0.1), Vacuum()), "inverted", TIMES)
    assert co.load(other.save(tmp_path / "other.npz")).couplings.field is None


def test_a_path_must_name_a_file(result, tmp_path):
    for path in (tmp_path, "..", ""):
        with pytest.raises(ValueError, match="path must name a file"):
            result.save(path)


def test_the_suffix_is_optional(result, tmp_path):
    path = result.save(tmp_path / "deeper" / "run.v2")
    assert path.name == "run.v2.npz"
    assert co.load(tmp_path / "deeper" / "run.v2").method == "exact"


def test_saving_is_atomic(result, tmp_path, monkeypatch):
    path = result.save(tmp_path / "run.npz")
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        result.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_files_hold_no_pickle(result, tmp_path):
    with np.load(result.save(tmp_path / "run.npz"), allow_pickle=False) as file:
        assert json.loads(str(file["metadata"]))["format"] == "collective result"
        assert all(file[name].dtype != object for name in file.files)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        co.load(tmp_path / "nothing.npz")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 broken"])
def test_files_that_are_not_results(content, tmp_path):
    path = tmp_path / "file.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"file.npz is truncated, damaged or not a result"):
        co.load(path)


def test_other_numpy_files(tmp_path):
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match="not a result of collective: it contains no metadata"):
        co.load(tmp_path / "other.npz")
    np.save(tmp_path / "single.npy", np.eye(2))
    with pytest.raises(ValueError, match="not a result"):
        co.load(tmp_path / "single.npy")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_files(result, tmp_path, share):
    path = result.save(tmp_path / "run.npz")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="truncated, damaged or not a result"):
        co.load(path)


def test_flipped_bits(result, tmp_path):
    path = result.save(tmp_path / "run.npz")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        co.load(path)


def test_newer_and_incomplete_formats(result, tmp_path):
    path = result.save(tmp_path / "run.npz")
    with np.load(path) as file:
        arrays = dict(file)
    metadata = json.loads(str(arrays["metadata"]))
    np.savez(path, **{**arrays, "metadata": json.dumps({**metadata, "version": 99})})
    with pytest.raises(ValueError, match="result format 99, this version reads up to 4; upgrade"):
        co.load(path)
    for version in ("1", None):
        np.savez(path, **{**arrays, "metadata": json.dumps({**metadata, "version": version})})
        with pytest.raises(ValueError, match="not a result"):
            co.load(path)
    np.savez(path, **{**arrays, "couplings:drive": np.ones(7)})
    with pytest.raises(ValueError, match=r"damaged .*couplings:drive has shape \(7,\), not \(3,\)"):
        co.load(path)
    del arrays["couplings:decay"]
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"damaged .*couplings:decay is missing"):
        co.load(path)


@pytest.mark.parametrize("unit", [1e-30, 1e-17, 1.0, 1e15])
@pytest.mark.parametrize("form", ["jumps", "generator"])
def test_an_equation_in_any_unit_is_loaded_unchanged(unit, form, tmp_path):
    """QuTiP's conversion of dense matrices drops entries below 1e-15, and so would a file."""
    lowering = np.array([[0, 0], [1, 0]])
    energy, jump, emitted = (
        qutip.Qobj(values)
        for values in (
            unit * np.array([[1e-3, 0.5], [0.5, 0]]),
            np.sqrt(unit) * lowering,
            unit * np.diag([1, 0]),
        )
    )
    if form == "jumps":
        equation = co.MasterEquation(energy, [jump], emission_operator=emitted)
    else:
        with qutip.CoreOptions(auto_tidyup=False):
            generator = qutip.liouvillian(energy, [jump])
        equation = co.MasterEquation(energy, generator=generator, emission_operator=emitted)
    run = co.evolve(equation, qutip.basis(2, 0), TIMES / unit)
    back = co.load(run.save(tmp_path / "run"))
    for name in ("hamiltonian", "liouvillian"):
        mine, theirs = getattr(back.equation, name)(), getattr(equation, name)()
        np.testing.assert_array_equal(mine.full(), theirs.full())
    again = co.evolve(back.equation, qutip.basis(2, 0), TIMES / unit)
    np.testing.assert_array_equal(again.emission, run.emission)
    # driven at Ω = Γ, all but on resonance, it ends at Γ/3
    assert run.emission[0] == pytest.approx(unit)
    late = co.evolve(back.equation, qutip.basis(2, 0), [0.0, 60 / unit])
    assert late.emission[-1] == pytest.approx(unit / 3, rel=1e-5)


def test_replaced_arrays_are_copies_and_unknown_names_are_refused(result):
    mine = np.array(result.emission)
    again = result.replace(emission=mine, populations=np.array(result.populations))
    mine[0] = 7.0  # still the user's to write to
    assert again.emission[0] == result.emission[0]
    with pytest.raises(TypeError, match="a result has no emissions: it has times, emission"):
        result.replace(emissions=mine)


# results at some of their times


def test_a_result_at_some_of_its_times_has_every_array_there(result):
    rows = [2, 5, 10]
    found = result.at(TIMES[rows])
    for name in ("times", "emission", "excitation", "populations", "correlations"):
        np.testing.assert_array_equal(getattr(found, name), getattr(result, name)[rows])
    np.testing.assert_array_equal(found.expect["n"], result.expect["n"][rows])
    assert found.states == [result.states[i] for i in rows]
    assert found.last_state == result.last_state
    assert found.initial_state == result.initial_state
    assert (found.method, found.accuracy, found.complete) == ("exact", "exact", True)
    assert result.at(TIMES[3]).last_state is None
    assert result.at(0.6000000000000001).times == TIMES[3]  # up to round-off


def test_standard_errors_are_cut_too_and_jumps_are_left_out():
    pair = co.couple(co.chain(2, 0.1), co.Vacuum())
    result = co.evolve(pair, "inverted", TIMES, method=co.engines.Trajectories(n=50), seed=1)
    found = result.at([0.2, 1.0])
    for name in ("emission_error", "excitation_error", "populations_error"):
        np.testing.assert_array_equal(getattr(found, name), getattr(result, name)[[1, 5]])
    assert found.jumps is None
    assert found.accuracy == "sampled"
    for call in (co.plot.jumps, co.observables.excitation_distribution):
        with pytest.raises(ValueError, match=r"'trajectories'.*Result.at, which leaves the jumps"):
            call(found)


def test_a_result_at_later_times_is_saved_and_keeps_its_frame(result, tmp_path):
    """The rotating frame turns since the start, which is not among the times any more."""
    plain = co.evolve(
        result.couplings.replace(drive=0), co.states.coherent(1.0), TIMES, observe="states"
    )
    later = plain.at(TIMES[4:])
    back = co.load(later.save(tmp_path / "later"))
    assert back.start == later.start == 0.0
    for one, other in zip(
        back.in_frame("lab").states, plain.in_frame("lab").states[4:], strict=True
    ):
        np.testing.assert_array_equal(one.full(), other.full())
    assert later.at(TIMES[6]).start == 0.0
    assert "resume" not in later.to_xarray().attrs["left_out"]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (0.5, r"0.5 is not a time of this result, the nearest are 0.4 and 0.6; evolve with"),
        (-1, r"-1 is not a time of this result, the nearest are 0 and 0.2"),
        (3, r"3 is not a time of this result, the nearest are 1.8 and 2;"),
        ([0.4, 0.2], r"times must increase: times\[0\] = 0.4, times\[1\] = 0.2"),
        ([0.4, 0.4], "times must increase"),
        ([0.4, 0.4 + 1e-14], "are the same time of this result"),
        ([], "one number or a list"),
        ([[0.4]], r"got shape \(1, 1\)"),
        (np.nan, "times must be finite"),
        ("0.4", "times must be a number or"),
    ],
)
def test_times_that_a_result_does_not_have(result, times, message):
    with pytest.raises(ValueError, match=message):
        result.at(times)


def test_one_time_alone_can_be_asked_for():
    """A result with a single time has one neighbour to name."""
    atom = co.Couplings([[1.0]], [[0.0]])
    moment = co.observables.moment(atom, "inverted")
    np.testing.assert_array_equal(moment.at(0).emission, [1.0])
    with pytest.raises(ValueError, match=r"the nearest are 0;"):
        moment.at(1)


# the initial state in files


class Own:
    """A state of a user's own, which a file keeps by its name."""

    def excitations(self, n):
        return 1

    def symmetric(self, n):
        return False

    def amplitudes(self, excited, emitters=None):
        return (excited[:, 0] & (excited.sum(axis=1) == 1)).astype(complex)

    def __str__(self):
        return "inverted"  # not to be taken for the state of this name


@pytest.mark.parametrize(
    "state",
    [*STATES.values(), qutip.rand_ket([2] * 4, seed=1), qutip.rand_dm([2] * 4, seed=1)],
    ids=[*STATES, "ket", "matrix"],
)
def test_initial_states_are_loaded_unchanged(state, tmp_path):
    couplings = co.couple(co.chain(4, 0.2), co.Vacuum())
    result = co.evolve(couplings, state, TIMES[:3])
    back = co.load(result.save(tmp_path / "run"))
    assert back.initial_state == result.initial_state == state
    if isinstance(state, co.states.State):
        assert repr(back.initial_state) == repr(state)
        assert f"from {state}" in repr(back)
    else:
        assert "from a QuTiP state" in repr(back)
    again = co.evolve(couplings, back.initial_state, TIMES[:3])
    np.testing.assert_array_equal(again.populations, result.populations)


@dataclass(frozen=True)
class OfEveryKind:
    """A state whose arguments are all that a state of the package may have."""

    flag: bool
    count: int
    words: str
    number: complex
    numbers: tuple[complex, ...]
    nothing: None = None

    def excitations(self, n):
        return 0

    def symmetric(self, n):
        return True

    def amplitudes(self, excited, emitters=None):
        return (~excited.any(axis=1)).astype(complex)

    def __post_init__(self):
        object.__setattr__(self, "numbers", tuple(self.numbers))


def test_arguments_of_a_state_of_the_package_are_kept_exactly(tmp_path, monkeypatch):
    """Of each kind that a new state may have: JSON alone has no complex numbers."""
    for part in (contents, storage):
        monkeypatch.setattr(part, "OWN", (*protocol.OWN, OfEveryKind))
    state = OfEveryKind(True, 3, "left", 1 / 3 + 2j, (0.1, 1j / 3, -2))
    moment = co.observables.moment(co.Couplings([[1.0]], [[0.0]]), state)
    back = co.load(moment.save(tmp_path / "run"))
    assert back.initial_state == state
    assert repr(back.initial_state) == repr(state)
    with pytest.raises(TypeError, match=r"number of state OfEveryKind.*cannot be saved"):
        moment.replace(initial_state=replace(state, number={1})).save(tmp_path / "run")


def test_a_state_class_of_the_user_is_loaded_as_its_name(tmp_path):
    couplings = co.couple(co.chain(3, 0.2), co.Vacuum())
    result = co.evolve(couplings, Own(), TIMES[:3])
    assert isinstance(result.initial_state, Own)
    back = co.load(result.save(tmp_path / "run"))
    assert back.initial_state == "inverted"
    assert co.load(back.save(tmp_path / "again")).initial_state == "inverted"
    with pytest.raises(ValueError, match="needs states"):  # its number is not known any more
        co.observables.excitation_distribution(back.replace(method="blocks"))


def test_accuracy_is_one_of_three_words(result):
    assert result.replace(accuracy=None).accuracy is None
    assert "approximate" in repr(result.replace(accuracy="approximate"))
    with pytest.raises(ValueError, match="accuracy must be"):
        result.replace(accuracy="good")
