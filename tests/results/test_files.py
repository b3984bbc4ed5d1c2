"""Files of results and checkpoints: names, old formats, damage, edits, paths, what killed runs leave."""

import functools
import json
import os
import resource
import zipfile
from contextlib import suppress
from pathlib import Path

import multilevels
import mutations
import numpy as np
import pytest
import qutip
import runs as runs_of_everything

import collective as co
from collective._tools import archive
from collective.engines import loop
from collective.evolution import checkpoint

DATA = Path(__file__).parents[1] / "data"
TIMES = np.linspace(0, 1, 5)
PAIR = co.couple(co.chain(2, 0.1, frequency=1e6), co.Vacuum())
DRIVEN = PAIR.replace(drive=[1.0, 0.5j], dephasing=0.1, detunings=[0.3, -0.3])
FIRST = qutip.tensor(qutip.num(2), qutip.qeye(2))


def everything():
    """Results of every kind of content, as bytes of a file, by name."""
    observe = ("states", "correlations", {"x": FIRST, "x.npy": 2 * FIRST, "n/σ": 1j * FIRST})
    table = co.materials.Table([3.0, 5.0, 7.0, 9.0], [-50 + 1j, -40 + 2j, -30 + 1j, -20 + 1j])
    wire = co.Nanowire(0.01, table)
    beside = PAIR.replace(field=wire, decay=PAIR.decay, shift=PAIR.shift)
    levels = multilevels.random_multilevel(1, levels=(3, 2))
    dims = [[3, 2], [3, 2]]
    energy = qutip.Qobj(np.diag(np.add.outer(*levels.energies).ravel()), dims=dims)
    jump = qutip.Qobj(np.eye(6, k=1), dims=dims)
    generator = qutip.liouvillian(energy, [jump])
    equation = co.MasterEquation(
        energy, generator=generator, multilevel=levels, approximation="redfield"
    )
    return {
        "driven": co.evolve(DRIVEN, "ground", TIMES, observe=observe, method="driven"),
        "wire": co.evolve(beside, "inverted", TIMES),
        "equation": co.evolve(equation, "inverted", TIMES, observe="states"),
        "lindblad": co.evolve(
            co.MasterEquation(FIRST, [FIRST], emission_operator=FIRST), (FIRST / 2).unit(), TIMES
        ),
        "trajectories": co.evolve(
            PAIR, "inverted", TIMES, method=co.engines.Trajectories(n=8), seed=1
        ),
        "begun": co.evolve(PAIR, "inverted", TIMES, method="blocks").replace(
            resume={"vector": np.arange(4.0), "time": np.array(0.5)}, complete=False
        ),
    }


def third_beside_a_wire():
    table = co.materials.Table([3.0, 5.0, 7.0, 9.0], [-50 + 1j, -40 + 2j, -30 + 1j, -20 + 1j])
    beside = co.Couplings(
        [[1.0, 0.4 + 0.1j], [0.4 - 0.1j, 0.8]],
        [[0, 0.3], [0.3, 0]],
        detunings=[0.3, -0.3],
        dephasing=0.1,
        pump=[0, 0.2],
        drive=[1.0, 0.5j],
        emitters=co.Emitters(
            [[0.02, 0, 0], [0, 0.03, 0.2]],
            detunings=[0.3, -0.3],
            frequency=1e6,
            decay_rates=[1, 0.8],
        ),
        field=co.Nanowire(0.01, table),
    )
    observe = ("states", "correlations", {"x": FIRST, "x.npy": 2 * FIRST, "n/σ": 1j * FIRST})
    return co.evolve(beside, "ground", TIMES, observe=observe, method="driven", rtol=1e-12)


def third_of_an_equation():
    system, bath = multilevels.lossy_mode((1.0, 1.3), (0.1, 0.15), 1.1, 0.4)
    equation = co.master_equation(system, bath, approximation="redfield")
    return co.evolve(equation, "inverted", TIMES, observe="states")


def third_of_trajectories():
    couplings = co.Couplings([[1.0, 0.3], [0.3, 0.6]], [[0, 0.2], [0.2, 0]])
    return co.evolve(
        couplings, "inverted", TIMES, method=co.engines.Trajectories(n=20), seed=1,
        observe="correlations",
    )  # fmt: skip


# what tests/data/result_format_3….npz were saved from, by the release that wrote format 3 first; as
# with formats 1 and 2, they are never written anew
OF_FORMAT_3 = {
    "": third_beside_a_wire,
    "_equation": third_of_an_equation,
    "_trajectories": third_of_trajectories,
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    return {name: result.save(folder / name).read_bytes() for name, result in everything().items()}


def test_operators_keep_their_names(tmp_path):
    """Names that numpy takes for those of members, and names no member can have."""
    names = ["x", "x.npy", "x.npy.npy", "metadata", "digest", "a/b", "../c", "n/σ", "k" * 70_000]
    observe = {name: (i + 1) * FIRST for i, name in enumerate(names)}
    result = co.evolve(PAIR, "inverted", TIMES, observe=observe)
    back = co.load(result.save(tmp_path / "run"))
    assert list(back.expect) == names
    for name in names:
        np.testing.assert_array_equal(back.expect[name], result.expect[name])


def test_files_of_the_format_before_are_read():
    """Format 2 kept the names of operators in those of the arrays."""
    back = co.load(DATA / "result_format_2.npz")
    np.testing.assert_array_equal(back.expect["x.npy"], 5.0)
    assert back.expect["x"][0] == 1.0
    assert abs(back.expect["x"][-1]) < 1
    assert back.couplings.emitters.frequency == 1e7
    np.testing.assert_allclose(back.emission[0], 2.0)
    assert [rho.tr() for rho in back.states] == pytest.approx([1.0] * 4)
    assert back.accuracy == "exact"


def test_files_of_the_first_format_are_read(tmp_path):
    """Format 1 kept a field as its name and numbers; what it holds can be evolved again."""
    back = co.load(DATA / "result_format_1.npz")
    assert back.couplings.field == co.Vacuum()
    np.testing.assert_array_equal(back.couplings.drive, [0.5, 0.25j])
    np.testing.assert_array_equal(back.couplings.emitters.detunings, [0.5, -0.5])
    assert back.expect["n"][0] == 0.0
    assert back.initial_state == co.states.inverted()
    assert back.states[-1].dims == [[2, 2], [2, 2]]
    again = co.evolve(back.couplings, "inverted", back.times, observe=("states", "correlations"))
    np.testing.assert_allclose(again.emission, back.emission, rtol=1e-7)
    np.testing.assert_allclose(again.correlations, back.correlations, atol=1e-7)
    np.testing.assert_allclose(again.states[-1].full(), back.states[-1].full(), atol=1e-7)
    assert co.load(back.save(tmp_path / "now")).diagnostics == back.diagnostics


@pytest.mark.parametrize("name", ["", "_equation", "_trajectories"])
def test_files_of_the_third_format_are_read(name, tmp_path):
    """With the numbers that were written, and what is needed to evolve it again."""
    back = co.load(DATA / f"result_format_3{name}.npz")
    again = OF_FORMAT_3[name]()
    assert back.method == again.method
    assert back.initial_state == again.initial_state
    assert back.accuracy == again.accuracy == ("sampled" if name == "_trajectories" else "exact")
    assert back.frame == again.frame
    assert list(back.expect) == list(again.expect)
    one, other = (
        runs_of_everything.numbers(runs_of_everything.of_result(r)) for r in (back, again)
    )
    assert one.keys() == other.keys()
    # frequencies of 1e6 turn round-off into 1e-10
    assert max(runs_of_everything.difference(one[key], other[key]) for key in one) < 1e-8
    if name == "_equation":
        assert back.equation.approximation == "redfield"
        np.testing.assert_allclose(back.equation.multilevel.energies[0], [1.0, 0.0])
        back.equation.validity()
    else:
        np.testing.assert_array_equal(back.couplings.drive, again.couplings.drive)
        assert co.evolve(back.couplings, "inverted", TIMES, progress=False).complete
    if not name:
        one, other = back.couplings.field, again.couplings.field
        assert one.radius == other.radius
        np.testing.assert_array_equal(one.permittivity.values, other.permittivity.values)
        np.testing.assert_array_equal(back.couplings.emitters.detunings, [0.3, -0.3])
    kept_again = co.load(back.save(tmp_path / "now"))
    np.testing.assert_array_equal(kept_again.populations, back.populations)
    assert kept_again.diagnostics == back.diagnostics


def mutated(written, random):
    """One more file: damaged, or edited with the old digest, its own digest, or none."""
    name = sorted(written)[random.integers(len(written))]
    content = written[name]
    if random.integers(3) == 0:
        return mutations.damaged(content, random)
    parts = mutations.members(content)
    how = random.integers(3)
    if how == 2:
        parts = mutations.of_format_2(parts)
    parts, method = mutations.edited(parts, random)
    if how == 1:
        parts = mutations.signed(parts)
    return mutations.zipped(parts.items(), method)


def whole(result, path):
    """A result that can be printed, drawn from, saved and read again."""
    assert "Result" in repr(result)
    steps = len(result.times)
    assert np.all(np.diff(result.times) > 0)
    for values in (result.emission, result.excitation, result.populations, result.correlations):
        assert values is None or len(values) == steps
    for values in result.expect.values():
        assert values.shape == (steps,)
    if result.couplings is not None:
        assert result.populations.shape == (steps, len(result.couplings))
        assert np.all(np.isfinite(result.populations))
    back = co.load(result.save(path))
    np.testing.assert_array_equal(back.populations, result.populations)


def or_refused(work, path, which):
    """What the work gives, or None if it says what is wrong with the file, by name."""
    said = ""
    try:
        return work()
    except ValueError as error:
        said = str(error)
    assert str(path) in said, which
    assert "pickle" not in said, which
    return None


def look_at(count, seed, written, tmp_path):
    random = np.random.default_rng(seed)
    path, refused = tmp_path / "a file.npz", 0
    for i in range(count):
        path.write_bytes(mutated(written, random))
        result = or_refused(lambda: co.load(path), path, (seed, i))
        if result is None:
            refused += 1
        else:
            whole(result, tmp_path / "again.npz")
    assert refused > count // 2


def test_mutated_files_load_whole_or_say_what_is_wrong(written, tmp_path):
    look_at(150, 1, written, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_mutated_files(written, tmp_path, seed):
    look_at(200, seed, written, tmp_path)


def test_every_edit_is_found_by_the_digest(written, tmp_path):
    """One digit of one array, with everything else as it was."""
    path = tmp_path / "edited.npz"
    for content in written.values():
        parts = mutations.members(content)
        for name in sorted(parts.keys() - {"metadata.npy", "digest.npy"}):
            array = mutations.array_of(parts[name])
            if array.size == 0:
                continue
            other = array.copy()
            other.reshape(-1)[0] += 1
            path.write_bytes(mutations.zipped({**parts, name: mutations.npy(other)}.items()))
            with pytest.raises(ValueError, match="its contents were changed after it was written"):
                co.load(path)


def bomb(path, name, count):
    """A small file with a member of zeros that unpacks to 8·count bytes."""
    file = zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED)
    with file, file.open(name, "w", force_zip64=True) as stream:
        stream.write(mutations.header(count))
        for _ in range(count // 2**20):
            stream.write(bytes(2**23))


def test_small_files_do_not_unpack_to_large_ones(tmp_path, available_memory):
    """Shapes are looked at before anything is read; what fits them must fit into memory."""
    path = co.evolve(PAIR, "inverted", TIMES).save(tmp_path / "run.npz")
    bomb(path, "expect:7.npy", 2**24)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"expect:7 has shape \(16777216,\), not \(5,\)"):
        co.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16  # KiB
    path = co.evolve(PAIR, "inverted", TIMES).save(tmp_path / "run.npz")
    available_memory(500)
    with pytest.raises(co.ProblemTooLargeError, match=r"the file .*run.npz needs"):
        co.load(path)


def test_results_that_do_not_belong_together_are_not_saved(tmp_path):
    result = co.evolve(PAIR, "inverted", TIMES, observe="correlations")
    for change, what in (
        ({"emission": result.emission[1:]}, r"emission has shape \(4,\), not \(5,\)"),
        ({"populations": result.populations * np.nan}, r"populations\[0, 0\] is nan"),
        ({"times": result.times[::-1].copy()}, "does not come after"),
        ({"correlations": result.correlations[:, 0].copy()}, "correlations has shape"),
        ({"diagnostics": {"seconds": "long"}}, "seconds is 'long'"),
    ):
        with pytest.raises(ValueError, match=f"cannot be saved: .*{what}"):
            result.replace(**change).save(tmp_path / "run")
    assert not list(tmp_path.iterdir())


PATHS = (None, 5, b"run", 1.5, ["run"], object(), "", "a\0b", "~nobody-of-this-name/run")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path)[:12])
def test_what_is_no_path_is_refused_by_every_function(path):
    result = co.evolve(PAIR, "inverted", TIMES)
    for name, call in (
        ("path", lambda: co.load(path)),
        ("path", lambda: result.save(path)),
        ("path", lambda: result.to_netcdf(path)),
        ("checkpoint", lambda: co.evolve(PAIR, "inverted", TIMES, checkpoint=path)),
        ("path", lambda: co.plot.animate(result, path)),
    ):
        if path is None and "checkpoint" in (name,):
            continue  # none is kept
        if path is None and call.__code__.co_names[-1] == "animate":
            continue  # none is written
        with pytest.raises(ValueError, match=f"^{name}( must|: the home folder)"):
            call()


def test_the_home_folder_is_known_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    result = co.evolve(PAIR, "inverted", TIMES[:2], checkpoint="~/kept")
    assert result.save("~/deeper/run") == tmp_path / "deeper" / "run.npz"
    assert co.load("~/deeper/run").method == result.method
    assert result.to_netcdf("~/run") == tmp_path / "run.nc"
    co.plot.animate(result, "~/film.gif", seconds=0.1)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"kept.npz", "deeper", "run.nc", "film.gif"}


def test_folders_and_files_of_others_are_named(tmp_path):
    result = co.evolve(PAIR, "inverted", TIMES)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("mine")
    for call in (
        lambda: co.load(tmp_path / "folder"),
        lambda: result.save(tmp_path / "folder"),
        lambda: co.evolve(PAIR, "inverted", TIMES, checkpoint=tmp_path / "folder"),
    ):
        with pytest.raises(ValueError, match=r"folder"):
            call()
    with pytest.raises(OSError, match="text"):
        result.save(tmp_path / "text" / "run")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        co.load(tmp_path / "nowhere" / "run")
    if os.path.exists("/dev/zero"):
        with pytest.raises(ValueError, match=r"/dev/zero.* is not an ordinary file"):
            co.load("/dev/zero")
    others = {
        "a.txt": b"hello",
        "a.png": b"\x89PNG\r\n\x1a\n" + bytes(99),
        "a.npy": mutations.npy(np.eye(2)),
        "a.npz": mutations.zipped([("a.npy", mutations.npy(np.eye(2)))]),
        "a.nc": bytes(result.to_netcdf(tmp_path / "true").read_bytes()),
    }
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} is (truncated, damaged or )?not a result"):
            co.load(tmp_path / name)


def test_a_file_that_may_not_be_read_keeps_the_name_of_the_system_s_error(tmp_path, monkeypatch):
    path = co.evolve(PAIR, "inverted", TIMES).save(tmp_path / "run.npz")

    def forbidden(self, *_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(PermissionError, match=r"run.npz"):
        co.load(path)


def test_a_name_too_long_is_an_error_of_the_system(tmp_path):
    result = co.evolve(PAIR, "inverted", TIMES)
    with pytest.raises(OSError, match=r"k{100}"):
        result.save(tmp_path / ("k" * 300))
    assert result.save(tmp_path / ("k" * 240)).exists()


# --- checkpoints

CHAIN = co.couple(co.chain(3, 0.2), co.Vacuum())
GUIDED = co.couple(co.chain(2, 0.2), co.Waveguide(1.0, 6.0, group_velocity=0.5))
IDENTICAL = co.Couplings(np.full((3, 3), 0.5) + 0.5 * np.eye(3), np.zeros((3, 3)))
LEVELS = co.MasterEquation(
    FIRST, [qutip.tensor(qutip.sigmam(), qutip.qeye(2))], emission_operator=FIRST
)
UP = qutip.tensor(qutip.basis(2, 0), qutip.basis(2, 0))
KEPT_TIMES = np.linspace(0, 2, 9)
RUNS = {
    "exact": (CHAIN.replace(drive=1.0), "ground", {"observe": ("states", {"n": qutip.tensor([qutip.num(2)] * 3)})}),
    "levels": (LEVELS, UP, {}),
    "blocks": (CHAIN, "inverted", {"observe": "correlations"}),
    "driven": (CHAIN.replace(drive=1.0), "ground", {}),
    "single": (CHAIN, co.states.single(0), {}),
    "retarded": (GUIDED, co.states.single(0), {}),
    "symmetric": (IDENTICAL, "inverted", {}),
    "cumulants": (CHAIN.replace(drive=1.0), "ground", {"observe": "correlations"}),
    "mean_field": (CHAIN, "inverted", {"seed": 3}),
    "trajectories": (DRIVEN, "ground", {"seed": 3}),
    "truncated_wigner": (CHAIN, "inverted", {"seed": 3}),
    "capped": (CHAIN.replace(drive=0.3), "ground", {"observe": "correlations"}),
    "conditional_cumulants": (CHAIN, "inverted", {"observe": "correlations", "seed": 3}),
    "capped, sampled": (CHAIN.replace(drive=0.3), "ground", {"observe": "correlations", "seed": 3}),
}  # fmt: skip

# what tests/data/checkpoint_layout_2_….npz were interrupted from; matrices are written out, as a
# checkpoint knows its problem by every bit of it
_GAMMA = 0.25 * np.array([[4, 1, 2.0], [1, 4, 1], [2, 1, 3]])
_ROW = co.Couplings(_GAMMA, 0.5 * np.eye(3, k=1) + 0.5 * np.eye(3, k=-1), detunings=[0.25, 0, -0.5])
OF_LAYOUT_2 = {
    "layout 2: exact": (_ROW.replace(drive=1.0), "ground", {"observe": "states"}),
    "layout 2: levels": (LEVELS, UP, {}),
    "layout 2: blocks": (_ROW, "inverted", {"observe": "correlations"}),
    "layout 2: driven": (_ROW.replace(drive=1.0), "ground", {}),
    "layout 2: single": (_ROW, co.states.single(0), {}),
    "layout 2: symmetric": (IDENTICAL, "inverted", {}),
    "layout 2: trajectories": (_ROW, "inverted", {"seed": 3}),
    "layout 2: mcsolve": (_ROW.replace(drive=1.0), "ground", {"seed": 3}),
}
METHODS = {
    "levels": "auto",
    "mean_field": co.engines.MeanField(phases=8),
    "trajectories": co.engines.Trajectories(n=200),  # 128 of them at once
    "capped, sampled": co.engines.Capped(n=8),
    "layout 2: trajectories": co.engines.Trajectories(n=600),
    "layout 2: mcsolve": co.engines.Trajectories(n=20),
}


def kept(name, path, **options):
    problem, state, arguments = (RUNS | OF_LAYOUT_2)[name]
    plain = name.removeprefix("layout 2: ")
    method = METHODS.get(name, METHODS.get(plain, plain))
    return co.evolve(
        problem, state, KEPT_TIMES, method=method, checkpoint=path, **arguments, **options
    )


def interrupted(name, path, monkeypatch):
    """A checkpoint of a run that Ctrl-C ended while it was under way."""
    often = ("exact", "levels", "symmetric", "trajectories", "mcsolve")
    left, save = [2 if name.endswith(often) else 1], co.Result.save

    def stopping(self, where):
        save(self, where)
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(loop, "CHECKPOINT_SHARE", np.inf)
        patch.setattr(co.Result, "save", stopping)
        assert not kept(name, path).complete


def same(one, other):
    np.testing.assert_allclose(one.populations, other.populations, rtol=0, atol=1e-6)
    if other.emission is not None:
        np.testing.assert_allclose(one.emission, other.emission, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def references():
    return {name: kept(name, None) for name in RUNS}


@pytest.mark.parametrize("name", RUNS)
def test_an_interrupted_run_is_continued(name, references, tmp_path, monkeypatch):
    interrupted(name, tmp_path / "run", monkeypatch)
    same(kept(name, tmp_path / "run"), references[name])


def look_at_checkpoints(count, seed, references, tmp_path, monkeypatch):
    random = np.random.default_rng(seed)
    contents = {}
    for name in RUNS:
        interrupted(name, tmp_path / "run.npz", monkeypatch)
        contents[name] = (tmp_path / "run.npz").read_bytes()
        (tmp_path / "run.npz").unlink()
    path, refused = tmp_path / "kept here.npz", 0
    for i in range(count):
        name = sorted(RUNS)[i % len(RUNS)]
        how = random.integers(3)
        if how == 0:
            path.write_bytes(mutations.damaged(contents[name], random))
        else:
            parts = mutations.members(contents[name])
            parts, method = mutations.edited(parts, random, same_numbers=how == 1)
            if how == 1:  # by hand, with the digest that belongs to it
                parts = mutations.signed(parts)
            path.write_bytes(mutations.zipped(parts.items(), method))
        result = or_refused(functools.partial(kept, name, path), path, (name, seed, i))
        if result is None:
            refused += 1
        else:
            same(result, references[name])
    assert refused > count // 2


def test_mutated_checkpoints_are_refused_or_give_the_right_curve(references, tmp_path, monkeypatch):
    look_at_checkpoints(56, 1, references, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_many_mutated_checkpoints(references, tmp_path, monkeypatch, seed):
    look_at_checkpoints(280, seed, references, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "name",
    [
        "blocks",
        "driven",
        "single",
        "symmetric",
        "trajectories",
        "truncated_wigner",
        "capped",
        "mean_field",
        "conditional_cumulants",
        "retarded",
    ],
)
def test_arrays_for_continuing_must_have_the_right_shape(name, tmp_path, monkeypatch):
    """One number instead of a vector, which numpy would spread over all of it."""
    path = tmp_path / "run.npz"
    interrupted(name, path, monkeypatch)
    parts = mutations.members(path.read_bytes())
    found = [part for part in parts if part.startswith("resume:")]
    assert found
    for part in found:
        array = mutations.array_of(parts[part])
        other = np.zeros((1,) * (array.ndim + (array.ndim == 0)))
        if array.shape == other.shape:
            continue
        for changed in (
            {**parts, part: mutations.npy(other)},
            {n: c for n, c in parts.items() if n != part},
        ):
            if part == "resume:permutations.npy" and part not in changed:
                continue  # files of earlier versions have none
            path.write_bytes(mutations.zipped(mutations.signed(changed).items()))
            with pytest.raises(
                ValueError, match=f"run.npz cannot be continued: its array '{part[7:-4]}'"
            ):
                kept(name, path)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("exact", "last_state"),
        ("exact", "states"),
        ("exact", "correlations"),
        ("levels", "last_state"),
        ("levels", "emission"),
        ("blocks", "correlations"),
        ("driven", "correlations"),
    ],
)
def test_a_checkpoint_without_an_array_is_refused_by_its_name(name, part, tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    interrupted(name, path, monkeypatch)
    parts = mutations.members(path.read_bytes())
    del parts[f"{part}.npy"]
    path.write_bytes(mutations.zipped(mutations.signed(parts).items()))
    with pytest.raises(
        ValueError, match=f"run.npz cannot be continued: its array '{part}' is missing"
    ):
        kept(name, path)


def test_a_checkpoint_distinguishes_operators_dims_and_levels(tmp_path):
    path = tmp_path / "run"
    co.evolve(LEVELS, UP, TIMES, checkpoint=path)
    jump = qutip.tensor(qutip.sigmam(), qutip.qeye(2))
    flat = [qutip.Qobj(operator.full()) for operator in (FIRST, jump, UP)]
    for equation, state in (
        (co.MasterEquation(FIRST, [jump], emission_operator=100 * FIRST), UP),
        (co.MasterEquation(FIRST, [jump]), UP),
        (co.MasterEquation(flat[0], [flat[1]], emission_operator=flat[0]), flat[2]),
    ):
        with pytest.raises(ValueError, match=r"run belongs to another problem"):
            co.evolve(equation, state, TIMES, checkpoint=path)


def test_checkpoints_of_other_releases_are_refused_by_name(tmp_path, monkeypatch):
    old = tmp_path / "old.npz"
    old.write_bytes((DATA / "checkpoint_format_2.npz").read_bytes())
    pair, times = co.couple(co.chain(2, 0.1), co.Vacuum()), np.linspace(0, 1, 4)
    with pytest.raises(
        ValueError, match=r"old.npz was written by collective-emission 0.1.0 with lay"
    ):
        co.evolve(pair, "inverted", times, method="blocks", checkpoint=old)
    path = tmp_path / "run.npz"
    co.evolve(pair, "inverted", times, checkpoint=path)
    monkeypatch.setattr(checkpoint, "LAYOUT", checkpoint.LAYOUT + 1)
    with pytest.raises(ValueError, match=f"with layout {checkpoint.LAYOUT}: finish it"):
        co.evolve(pair, "inverted", times, checkpoint=path)
    monkeypatch.undo()
    monkeypatch.setattr(checkpoint, "__version__", "99.0")
    with pytest.raises(ValueError, match=r"this is 99.0 with layout"):
        co.evolve(pair, "inverted", times, checkpoint=path)


@pytest.mark.parametrize("name", OF_LAYOUT_2)
def test_checkpoints_of_layout_2_are_continued_or_refused_by_name(name, tmp_path):
    """Continued as long as the engines keep what they kept; never taken for something else."""
    source = DATA / f"checkpoint_layout_2_{name.rpartition(' ')[2]}.npz"
    old = tmp_path / "old.npz"
    old.write_bytes(source.read_bytes())
    unfinished = co.load(old)
    assert 0 < len(unfinished.times) <= len(KEPT_TIMES)
    assert not unfinished.complete
    if (checkpoint.LAYOUT, co.__version__) == (2, "0.1.0"):
        finished = kept(name, old)
        assert finished.complete
        made_with = unfinished.diagnostics["versions"]["qutip"]
        if not name.endswith("mcsolve") or made_with == qutip.__version__:
            same(finished, kept(name, None))  # other versions draw other random numbers
        shared = finished.populations[: len(unfinished.times)]
        if finished.method != "trajectories":  # whose means change with every further one
            np.testing.assert_array_equal(shared, unfinished.populations)
    else:
        with pytest.raises(ValueError, match=r"old.npz was written by collective-emission 0.1.0"):
            kept(name, old)
        assert old.read_bytes() == source.read_bytes()


def test_the_digest_is_of_names_types_shapes_and_contents():
    base = {"a": np.arange(4.0), "b": np.zeros((0, 2))}
    for other in (
        {"a": np.arange(4.0), "c": np.zeros((0, 2))},
        {"a": np.arange(4), "b": np.zeros((0, 2))},
        {"a": np.arange(4.0).reshape(2, 2), "b": np.zeros((0, 2))},
        {"a": np.arange(4.0), "b": np.zeros((0, 3))},
        {"a": np.arange(4.0)[::-1], "b": np.zeros((0, 2))},
    ):
        assert archive.digest(other) != archive.digest(base)
    across = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert archive.digest({"a": across}) == archive.digest({"a": across.copy(order="C")})


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("inverted", co.states.inverted()),
        ("ground", co.states.ground()),
        ("single(1)", co.states.single(1)),
        ("dicke(2)", co.states.dicke(2)),
        # their printed numbers are not all of their digits
        ("dicke(1e+06)", "dicke(1e+06)"),
        ("coherent(1, 0.333333)", "coherent(1, 0.333333)"),
        ("timed_dicke(0, 0, 6.28319)", "timed_dicke(0, 0, 6.28319)"),
        ("a QuTiP state", "a QuTiP state"),
        ("inverted()", "inverted()"),
        ("dicke", "dicke"),
    ],
)
def test_initial_states_of_old_files(name, state, tmp_path):
    """Formats 1 to 3 kept the printed name: a state where the name holds all of it."""
    parts = mutations.members((DATA / "result_format_3_trajectories.npz").read_bytes())
    metadata = json.loads(str(mutations.array_of(parts["metadata.npy"])))
    metadata["initial_state"] = name
    parts["metadata.npy"] = mutations.npy(np.array(json.dumps(metadata)))
    path = tmp_path / "old.npz"
    path.write_bytes(mutations.zipped(mutations.signed(parts).items()))
    assert co.load(path).initial_state == state


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (3, "initial_state is '3'"),
        ({"state": "Nothing", "parameters": {}}, "initial_state is"),
        ({"state": ["Dicke"], "parameters": {"k": 1}}, "initial_state is"),
        ({"state": "Dicke", "parameters": {"k": 1, "l": 2}}, "is damaged"),
        ({"state": "Dicke", "parameters": {"k": -1}}, "k must be at least 0"),
        ({"state": "Dicke", "parameters": {"k": 3}}, "needs 3 emitters"),
        ({"dims": [[2, 2], [1]]}, "initial_state is missing, or is no QuTiP state"),
        ({"text": 1}, "initial_state is"),
        ({}, "initial_state is"),
    ],
)
def test_edited_initial_states_are_refused(stored, message, tmp_path):
    path = co.evolve(PAIR, "inverted", TIMES).save(tmp_path / "run.npz")
    parts = mutations.members(path.read_bytes())
    metadata = json.loads(str(mutations.array_of(parts["metadata.npy"])))
    metadata["initial_state"] = stored
    parts["metadata.npy"] = mutations.npy(np.array(json.dumps(metadata)))
    path.write_bytes(mutations.zipped(mutations.signed(parts).items()))
    with pytest.raises(ValueError, match=message):
        co.load(path)
