"""What a scenario computes is what the same calls in Python give, and its copy repeats it."""

import tomllib

import numpy as np
import pytest
import scenario_mutants as mutants
import xarray

import collective as co
from collective import cli
from collective.scenarios import copies, figures, saving
from collective.scenarios.planning import plan

SAMPLED = """
[emitters]
kind = "chain"
n = 3
spacing = 0.2
[field]
kind = "vacuum"
[state]
kind = "inverted"
[times]
stop = 1
number = 6
[method]
name = "trajectories"
n = 20
[output]
figure = ""
"""


ATOMS = """
[emitters]
kind = "square"
nx = 2
ny = 1
spacing = 0.3
[atoms]
kind = "isotropic"
zeeman = 0.5
[field]
kind = "vacuum"
[couplings]
drive = {rabi_frequency = 0.5, direction = [0, 0, 1], polarisation = [1, 0, 0]}
[state]
kind = "ground"
[times]
stop = 1
number = 3
[observe]
polarised_emission = true
modes = true
steady = true
weak_light = {frequencies = [0, 0.5], waist = 1.0}
"""


@pytest.fixture
def read(tmp_path):
    """A function that reads the text of a scenario."""

    def reads(text, name="scenario.toml"):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return co.scenarios.read(file)

    return reads


def test_atoms_run_as_the_same_calls(read, tmp_path):
    outcome = read(ATOMS).run(progress=False)
    atoms = co.Atoms.isotropic(co.square(2, 1, 0.3).positions, zeeman=0.5)
    drive = co.plane_wave(atoms, 0.5, direction=(0, 0, 1), polarisation=(1, 0, 0))
    couplings = co.couple(atoms, co.Vacuum()).replace(drive=drive)
    result = co.evolve(couplings, "ground", [0, 0.5, 1], observe="correlations", progress=False)
    found = {name: one.values for name, one in outcome.arrays().items()}
    np.testing.assert_array_equal(outcome.result.populations, result.populations)
    light = co.observables.weak_light(atoms, [0, 0.5], waist=1.0)
    for name, expected in {
        "polarised_emission": co.observables.polarised_emission(result),
        "modes_rates": couplings.modes().rates,
        "steady_populations": co.observables.steady(couplings).populations,
        "weak_light_transmission": light.transmission,
        "weak_light_extinction": light.extinction,
    }.items():
        np.testing.assert_allclose(found[name], expected, atol=1e-12)
    assert outcome.to_xarray()["steady_populations"].dims == ("emitter", "level")
    assert outcome.save_figure(tmp_path, "atoms.png").exists()
    plain = read(ATOMS.replace(", waist = 1.0", "")).run(progress=False).arrays()
    assert "weak_light_extinction" in plain
    assert "weak_light_transmission" not in plain


def test_observables_are_those_of_the_functions(read):
    text = """
[emitters]
kind = "square"
nx = 2
ny = 2
spacing = 0.3
dipoles = [1, 0, 0]
[field]
kind = "vacuum"
[state]
kind = "single"
m = 1
[times]
values = [0, 0.5, 1]
[observe]
states = true
angular_pattern = {directions = [[0, 0, 1], [1, 1, 0]]}
collected = {axis = [0, 0, 1], numerical_aperture = 0.4}
far_field = {n_polar = 4, n_azimuth = 6}
near_field = {points = [[0, 0, 2], [0, 0, 3]]}
concurrence = {m = 0, n = 1}
negativity = {emitters = [0, 1]}
purity = true
entropy = {emitters = [0]}
squeezing = false
excitation_distribution = true
burst_criterion = {direction = [0, 0, 1]}
inverted_g2 = true
participation_ratios = true
modes = true
scattering = {frequencies = {start = -1, stop = 1, number = 5}, waist = 1.0}
g1 = {delays = [0, 0.5], state = "inverted"}
spectrum = {frequencies = [0, 1], state = {kind = "single", m = 0}}
"""
    couplings = co.couple(co.square(2, 2, 0.3, dipoles=(1, 0, 0)), co.Vacuum())
    result = co.evolve(
        couplings, co.states.single(1), [0, 0.5, 1], observe=("correlations", "states")
    )
    seen = co.observables
    found = read(text).run().to_xarray()
    np.testing.assert_array_equal(found.emission, result.emission)
    assert found.states.shape == (3, 16, 16)
    far = seen.far_field(result, n_polar=4, n_azimuth=6)
    criterion = seen.burst_criterion(couplings, direction=(0, 0, 1))
    light = seen.scattering(couplings, np.linspace(-1, 1, 5), waist=1.0)
    spectrum = seen.spectrum(couplings, [0, 1], state=co.states.single(0))
    expected = {
        "angular_pattern": seen.angular_pattern(result, [[0, 0, 1], [1, 1, 0]]),
        "angular_pattern_directions": [[0, 0, 1], [1, 1, 0]],
        "collected": seen.collected(result, (0, 0, 1), 0.4),
        "far_field": far.pattern,
        "far_field_polar": far.polar,
        "far_field_azimuth": far.azimuth,
        "near_field": seen.near_field(result, [[0, 0, 2], [0, 0, 3]]),
        "concurrence": seen.concurrence(result, 0, 1),
        "negativity": seen.negativity(result, [0, 1]),
        "purity": seen.purity(result),
        "entropy": seen.entropy(result, emitters=[0]),
        "excitation_distribution": seen.excitation_distribution(result),
        "burst_criterion_slope": criterion.slope,
        "burst_criterion_variance": criterion.variance,
        "burst_criterion_bursts": criterion.bursts,
        "inverted_g2": seen.inverted_g2(couplings),
        "participation_ratios": seen.participation_ratios(couplings),
        "modes_rates": couplings.modes().rates,
        "modes_shifts": couplings.modes().shifts,
        "scattering_frequency": np.linspace(-1, 1, 5),
        "scattering_transmission": light.transmission,
        "scattering_reflection": light.reflection,
        "g1": seen.g1(couplings, [0, 0.5], state="inverted"),
        "g1_delay": [0, 0.5],
        "spectrum": spectrum.values,
        "spectrum_total": spectrum.total,
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert "squeezing" not in found
    assert found.far_field.dims == ("time", "far_field_polar", "far_field_azimuth")


def test_engines_without_states_are_asked_for_what_is_enough(read):
    text = SAMPLED + "[observe]\nexcitation_distribution = true\n"
    found = read(text + "[run]\nseed = 3\n").run(progress=False)
    expected = co.observables.excitation_distribution(found.result)
    np.testing.assert_array_equal(found.to_xarray().excitation_distribution, expected)
    one = text.replace('"inverted"', '"single"\nm = 0').replace("trajectories", "single")
    one = one.replace("n = 20", "").replace(
        "excitation_distribution = true", "concurrence = {m = 0, n = 1}"
    )
    found = read(one).run(progress=False)
    assert found.result.method == "single"
    together = np.abs(found.result.correlations[:, 0, 1])
    np.testing.assert_allclose(found.to_xarray().concurrence, 2 * together, atol=1e-12)


def test_a_figure_of_a_sweep_with_points_that_failed(read, tmp_path):
    text = SAMPLED.replace('"trajectories"\nn = 20', '"single"').replace('figure = ""', "")
    grid = """[grid]
emitters.n = [1, 2]
emitters.spacing = [0.1, 0.2]
"method.name" = ["single", "exact"]
"""
    with pytest.warns(UserWarning, match="2 of 8 points failed"):
        saved = saving.sweep(read(text + grid), tmp_path / "out", progress=False)
    assert (tmp_path / "out" / "figure.png").stat().st_size > 10_000
    assert saved.outcome.attrs["failed"] == 2


def test_couplings_of_every_kind(read):
    places = """
emitters = {kind = "chain", n = 2, spacing = 0.2, frequency = 1e6, offset = [0.1, 0, 0]}
field = {kind = "plasma", wavenumber = 2.0}
observe.burst_criterion = true
"""
    atoms = co.chain(2, 0.2, frequency=1e6).translated([0.1, 0, 0])
    wave = co.plane_wave(atoms, 1 + 2j, direction=(0, 0, 1), polarisation=(1, 0, 0))
    expected = co.couple(atoms, co.Plasma(2.0), temperature=1e5).replace(pump=0.1, drive=wave)
    found = read(
        places + 'couplings = {temperature = 1e5, pump = 0.1, drive = {rabi_frequency = "1+2i", '
        "direction = [0, 0, 1], polarisation = [1, 0, 0]}}"
    ).couplings()
    for name in ("decay", "shift", "pump", "drive", "thermal_photons"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    equation = read(places.replace("burst_criterion", "modes") + "master_equation = {}").couplings()
    assert isinstance(equation, co.MasterEquation)
    with pytest.raises(co.scenarios.ScenarioError, match="must be Couplings"):
        read(places.replace("burst_criterion", "modes") + "master_equation = {}").run()


def test_a_wrong_argument_of_an_observable_is_found_before_the_run(read, monkeypatch):
    text = SAMPLED + "[observe]\ncollected = {axis = [0, 0, 0], numerical_aperture = 0.5}\n"

    def never(*_, **__):
        raise AssertionError("it must not run")

    monkeypatch.setattr("collective.scenarios.scenario.evolve", never)
    with pytest.raises(co.scenarios.ScenarioError, match=r":19: \[observe\] collected axis must"):
        read(text).run()


def test_what_does_not_fit_together_has_the_line_of_what_is_wrong(read):
    for text, message in (
        (SAMPLED.replace('"inverted"', '"single"\nm = 5'), r":9: .*single\(5\)"),
        (SAMPLED + "[run]\nrtol = 1e-20\n", r":19: rtol must be at least"),
        (SAMPLED + "[observe]\nstates = true\n", r".*trajectories"),
        (SAMPLED.replace("spacing = 0.2", "spacing = 1e-12"), r":3: .*emitters 0 and 1 coincide"),
        (SAMPLED.replace('"trajectories"\nn = 20', '"single"'), r":14: .*'single' is for"),
        (SAMPLED.replace("n = 3", "n = 40").replace('"trajectories"\nn = 20', '"exact"'), r"exact"),
    ):
        with pytest.raises(co.scenarios.ScenarioError, match=message):
            read(text).run()
    with pytest.raises(co.scenarios.ScenarioError, match=r"needs sections \[state\] and \[times\]"):
        read("couplings = {decay = [[1]], shift = [[0]]}\nobserve.modes = true").methods()


def test_the_copy_repeats_a_run_with_random_numbers(read, tmp_path):
    first = read(SAMPLED)
    saved = saving.run(first, tmp_path / "one", progress=False)
    copy = tmp_path / "one" / copies.NAME
    made = tomllib.loads(copy.read_text(encoding="utf-8"))["made_by"]
    assert made["seed"] == saved.outcome.result.diagnostics["seed"]
    assert made["versions"]["collective-emission"] == co.__version__
    assert copy.read_text(encoding="utf-8").startswith(SAMPLED.lstrip("\n"))
    again = saving.run(co.scenarios.read(copy), tmp_path / "two", progress=False)
    one, two = (xarray.load_dataset(tmp_path / name / "data.nc") for name in ("one", "two"))
    for name in ("emission", "emission_error", "jump_time"):
        np.testing.assert_array_equal(one[name], two[name])
    # the copy of a copy is the same file
    other = tmp_path / "two" / copies.NAME
    assert other.read_bytes() == copy.read_bytes()
    assert copies.differing(co.scenarios.read(other).file) == ""
    # another seed gives other numbers
    third = read(SAMPLED + f"[run]\nseed = {made['seed'] + 1}\n")
    assert not np.array_equal(third.run(progress=False).result.emission, one.emission)
    assert again.files[-1] == other


def test_the_copy_has_the_arrays_that_the_scenario_reads(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    np.savez(tmp_path / "a" / "own.npz", decay=[[2.0]])
    np.savez(tmp_path / "b" / "own.npz", shift=[[3.0]])
    file = tmp_path / "b" / "scenario.toml"
    file.write_text(
        'couplings.decay = {file = "../a/own.npz", name = "decay"}\n'
        'couplings.shift = {file = "own.npz", name = "shift"}\n'
        "observe.modes = true\n"
        'output.figure = ""\n'
    )
    saved = saving.run(co.scenarios.read(file), tmp_path / "out", progress=False)
    assert {path.name for path in saved.files} >= {"own.npz", "own-2.npz", "scenario.toml"}
    assert (tmp_path / "out" / "arrays" / "own-2.npz").exists()
    for folder in ("a", "b"):
        (tmp_path / folder / "own.npz").unlink()
    copy = co.scenarios.read(tmp_path / "out" / "scenario.toml")
    np.testing.assert_array_equal(copy.run().to_xarray().modes_rates, [2.0])
    np.testing.assert_array_equal(copy.run().to_xarray().modes_shifts, [3.0])
    # the copy can be run in its own folder
    again = saving.run(copy, tmp_path / "out", progress=False)
    np.testing.assert_array_equal(again.outcome.to_xarray().modes_rates, [2.0])


def test_other_versions_are_named(read):
    text = SAMPLED + '[made_by]\nversions = {"numpy" = "1.0", "qutip" = "1.0"}\n'
    found = copies.differing(read(text).file)
    assert "numpy 1.0 (here " in found
    assert "qutip 1.0 (here " in found


def test_texts_in_a_copy_are_read_back(read):
    names = {'a"b\\c\n\x7fé': "ü\t'"}
    text = copies.copy_text(read(SAMPLED).file, 3, names)
    made = tomllib.loads(text)["made_by"]
    assert made["files"] == names
    assert made["seed"] == 3


def test_without_xarray_the_numbers_are_in_npz_files(read, tmp_path, monkeypatch):
    monkeypatch.setattr("collective.scenarios.outcome.find_spec", lambda _: None)
    outcome = read(SAMPLED + "[run]\nseed = 1\n[observe]\nmodes = true\n").run(progress=False)
    result, observed = outcome.save_data(tmp_path / "out", "data.nc")
    np.testing.assert_array_equal(co.load(result).emission, outcome.result.emission)
    with np.load(observed) as arrays:
        np.testing.assert_array_equal(arrays["modes_rates"], outcome.couplings.modes().rates)


def test_a_sweep_is_the_loop_over_its_points(read, tmp_path):
    text = """
title = "pairs and triples"
[emitters]
kind = "chain"
n = 2
[field]
kind = "vacuum"
[state]
kind = "inverted"
[times]
stop = 1
number = 5
[observe]
burst_criterion = true
[grid]
"emitters.spacing" = [0.1, 0.3]
emitters.n = [2, 3]
"""
    scenario = read(text)
    found = co.scenarios.sweep(scenario, store=tmp_path / "data.nc", progress=False)
    assert found.emission.dims == ("emitters_spacing", "emitters_n", "time")
    assert found.emitters_spacing.attrs["long_name"] == "emitters.spacing"
    for spacing in (0.1, 0.3):
        for n in (2, 3):
            couplings = co.couple(co.chain(n, spacing), co.Vacuum())
            result = co.evolve(couplings, "inverted", np.linspace(0, 1, 5))
            one = found.sel(emitters_spacing=spacing, emitters_n=n)
            np.testing.assert_array_equal(one.emission, result.emission)
            np.testing.assert_array_equal(one.populations[:, :n], result.populations)
            variance = co.observables.burst_criterion(couplings).variance
            assert float(one.burst_criterion_variance) == variance
    # the store is returned as it is, but not for another scenario
    again = co.scenarios.sweep(scenario, store=tmp_path / "data.nc", progress=False)
    np.testing.assert_array_equal(again.emission, found.emission)
    other = read(text.replace("stop = 1", "stop = 2"))
    with pytest.raises(ValueError, match="is of another sweep, with the function 'scenario"):
        co.scenarios.sweep(other, store=tmp_path / "data.nc", progress=False)
    # titles, comments and the order of keys change nothing
    same = text.replace("pairs and triples", "else").replace(
        "n = 2\n[field]", "n = 2 # two\n[field]"
    )
    co.scenarios.sweep(read(same), store=tmp_path / "data.nc", progress=False)


def test_points_of_a_sweep_have_seeds_of_their_own(read):
    text = SAMPLED + "[grid]\nemitters.spacing = [0.1, 0.2]\n"
    one, two = (co.scenarios.sweep(read(text), progress=False) for _ in range(2))
    np.testing.assert_array_equal(one.emission, two.emission)
    other = co.scenarios.sweep(read(text + "[run]\nseed = 5\n"), progress=False)
    assert not np.array_equal(one.emission, other.emission)
    swapped = co.scenarios.sweep(read(text.replace("[0.1, 0.2]", "[0.2, 0.1]")), progress=False)
    np.testing.assert_array_equal(one.emission, swapped.emission.sel(emitters_spacing=[0.1, 0.2]))


def test_a_grid_may_name_the_seeds(read):
    found = co.scenarios.sweep(read(SAMPLED + "[grid]\nrun.seed = [5, 6]\n"), progress=False)
    for seed in (5, 6):
        alone = read(SAMPLED + f"[run]\nseed = {seed}\n").run(progress=False)
        np.testing.assert_array_equal(found.emission.sel(run_seed=seed), alone.result.emission)


def test_states_are_written_only_if_they_are_asked_for(read, tmp_path, monkeypatch):
    text = SAMPLED.replace('"trajectories"\nn = 20', '"exact"') + "[observe]\n"
    text += "purity = true\ncollected = {axis = [1, 0, 0], numerical_aperture = 0.5}\n"
    for more, there in (("", set()), ("states = true\n", {"states"})):
        scenario = read(text + more)
        outcome = scenario.run(progress=False)
        assert outcome.result.states is not None
        data = outcome.to_xarray()
        assert {"states", "correlations"} & set(data) == there
        assert {"purity", "collected", "emission"} <= set(data)
        swept = co.scenarios.sweep(read(text + more + "[grid]\nemitters.n = [3]\n"), progress=False)
        assert {"states", "correlations"} & set(swept) == there
    monkeypatch.setattr("collective.scenarios.outcome.find_spec", lambda _: None)
    files = read(text).run(progress=False).save_data(tmp_path, "data.nc")
    assert co.load(files[0]).states is None


def test_only_emitters_that_decay_are_compared_with_independent_ones(read):
    text = SAMPLED.replace('"trajectories"\nn = 20', '"exact"')
    for more, curves in (
        ("", 2),
        ("[couplings]\npump = 0.5\n", 1),
        ("[couplings]\ndrive = 1\n", 1),
    ):
        outcome = read(text + more).run(progress=False)
        figure = figures.of_run("", outcome.result, None, {})
        assert len(figure.axes[0].lines) == curves


def test_output_times_can_be_swept(read):
    text = SAMPLED.replace('"trajectories"\nn = 20', '"exact"')
    found = co.scenarios.sweep(read(text + "[grid]\ntimes.stop = [1, 2]\n"), progress=False)
    assert found.emission.dims == ("times_stop", "step")
    np.testing.assert_array_equal(found.time[:, -1], [1, 2])
    assert co.scenarios.sweep(
        read(text + '[grid]\nmethod.name = ["exact", "blocks"]\n'), progress=False
    ).emission.shape == (2, 6)


def test_only_a_grid_can_be_swept(read):
    with pytest.raises(co.scenarios.ScenarioError, match=r"a sweep needs a section \[grid\]"):
        co.scenarios.sweep(read(SAMPLED))
    with pytest.raises(TypeError, match="scenario must be a Scenario"):
        co.scenarios.sweep("scenario.toml")
    with pytest.raises(co.scenarios.ScenarioError, match=r":18: \[grid\] makes this a sweep"):
        read(SAMPLED + "[grid]\nemitters.spacing = [0.1]\n").run()


def test_predictions_are_those_of_methods(read):
    scenario = read(SAMPLED)
    cost = scenario.methods().costs["trajectories"]
    found = plan(scenario)
    assert (found.points, found.methods, found.refused) == (1, {"trajectories": 1}, 0)
    assert found.seconds == cost.seconds
    assert found.bytes == cost.bytes
    assert "by trajectories" in str(found)
    grid = "[grid]\nemitters.n = [2, 3]\nemitters.spacing = {start = 0.1, stop = 1, number = 100}\n"
    exact = SAMPLED.replace('"trajectories"\nn = 20', '"exact"')
    many = plan(read(exact + grid))
    assert (many.points, many.looked_at) == (200, 64)
    costs = []
    for n in (2, 3):
        one = read(exact.replace("n = 3", f"n = {n}"))
        costs.append(one.methods().costs["exact"].seconds)
    assert many.seconds == pytest.approx(100 * sum(costs), rel=0.02)
    assert "200 points" in str(many)
    impossible = plan(read(exact.replace('"exact"', '"single"') + "[grid]\nemitters.n = [1, 2]\n"))
    assert (impossible.refused, impossible.methods) == (1, {"single": 1})
    assert "1 of 2 cannot be evolved, the first: " in str(impossible)
    nothing = plan(read("couplings = {decay = [[1]], shift = [[0]]}\nobserve.modes = true"))
    assert "nothing to predict" in str(nothing)


QUICK = {"first_steps"}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in cli.chapters() if name not in QUICK]


@pytest.mark.slow
@pytest.mark.parametrize("chapter", [*sorted(QUICK), *SLOW])
def test_every_example_runs(chapter, tmp_path):
    file = tmp_path / f"{chapter}.toml"
    file.write_text(cli.example(chapter), encoding="utf-8")
    scenario = co.scenarios.read(file)
    folder = saving.folder_of(scenario, None)
    save = saving.sweep if scenario.axes else saving.run
    save(scenario, folder, progress=False)
    assert folder == tmp_path / f"{chapter}-output"
    assert {"data.nc", "figure.png", "scenario.toml"} == {path.name for path in folder.iterdir()}
    found = xarray.load_dataset(folder / "data.nc")
    assert np.all(np.isfinite(found.emission))
    assert (folder / "figure.png").stat().st_size > 10_000


def test_mutants_that_are_read_run_or_say_why(read):
    """Each mutant text without a mistake, as a run."""
    for i, text in enumerate(mutants.TEXTS[len(cli.chapters()) :]):
        scenario = read(text, f"{i}.toml")
        if not scenario.axes:
            outcome = scenario.run(progress=False)
            assert repr(outcome)
            assert len(outcome.to_xarray())
