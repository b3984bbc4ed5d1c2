"""`Result.to_xarray` and the NetCDF files of `Result.to_netcdf`."""

import json
import sys
from pathlib import Path

import h5netcdf
import h5py
import multilevels
import numpy as np
import pytest
import qutip
import xarray

import collective as co
from collective.results.jumps import Jumps

TIMES = np.linspace(0, 2, 11)
NUMBER = qutip.tensor(qutip.num(2), qutip.qeye(2))


@pytest.fixture(scope="module")
def result():
    """Everything an engine may bring, the statistical parts by hand."""
    dipoles = [[1, 1j, 0], [1, 0, 0], [0, 1, 0]]
    atoms = co.chain(3, 0.2, dipoles=dipoles, detunings=[1, 0, -1], frequency=1e7)
    couplings = co.couple(atoms, co.Vacuum()).replace(
        drive=[1, 1j, 0], dephasing=0.1, pump=[0, 0.2, 0]
    )
    number = qutip.tensor([qutip.num(2)] * 3)
    lowering = qutip.tensor([qutip.sigmam(), qutip.qeye(2), qutip.qeye(2)])
    observe = ("correlations", "states", {"n/σ": number, "time": lowering})
    found = co.evolve(couplings, co.states.coherent(1.0), TIMES, observe=observe)
    return found.replace(
        emission_error=0.01 * found.emission,
        excitation_error=0.02 * found.excitation,
        populations_error=0.03 * found.populations,
        jumps=Jumps(np.array([0, 0, 2]), np.array([0.5, 1.0, 0.1]), np.array([2, 1, 2]), 4),
        resume={"weights": np.ones(3)},
    )


@pytest.fixture
def file(result, tmp_path):
    return result.to_netcdf(tmp_path / "run")


ARRAYS = {
    "emission": ("time",),
    "excitation": ("time",),
    "populations": ("time", "emitter"),
    "correlations": ("time", "emitter", "emitter_2"),
    "emission_error": ("time",),
    "excitation_error": ("time",),
    "populations_error": ("time", "emitter"),
}
MATRICES = ("decay", "shift", "detunings", "dephasing", "pump", "drive")


def test_values_dimensions_and_coordinates(result):
    data = result.to_xarray()
    np.testing.assert_array_equal(data.time, TIMES)
    assert "rate" in data.time.attrs["units"]
    for name, dims in ARRAYS.items():
        assert data[name].dims == dims
        np.testing.assert_array_equal(data[name], getattr(result, name))
    for name in MATRICES:
        assert data[name].dims == ("emitter", "emitter_2")[: data[name].ndim]
        np.testing.assert_array_equal(data[name], getattr(result.couplings, name))
    np.testing.assert_allclose(data.z.sel(emitter=2), 0.4)
    assert {"x", "y", "z", "time", "emitter", "emitter_2", "operator"} < set(data.coords)
    np.testing.assert_array_equal(data.dipoles, result.couplings.emitters.dipoles)
    np.testing.assert_array_equal(data.emitter_detunings, [1, 0, -1])
    for name in result.expect:
        np.testing.assert_array_equal(data.expect.sel(operator=name), result.expect[name])
    assert all(v.attrs.keys() >= {"long_name", "units"} for v in data.data_vars.values())


def test_emission_from_the_dataset_alone(result):
    """Σ Γ_mn⟨σ⁺_mσ⁻_n⟩, with dimensions that find their partners by name."""
    data = result.to_xarray()
    found = (data.decay * data.correlations).sum(("emitter", "emitter_2"))
    np.testing.assert_allclose(found, result.emission, atol=1e-12)


def test_states_are_in_the_basis_of_qutip(result):
    data = result.to_xarray()
    assert data.states.dims == ("time", "row", "column")
    last = qutip.Qobj(data.states[-1].values, dims=[[2] * 3] * 2)
    excited = qutip.tensor([qutip.basis(2, 0).proj(), qutip.qeye(2), qutip.qeye(2)])
    np.testing.assert_allclose(qutip.expect(excited, last), data.populations[-1, 0], atol=1e-12)


def test_jumps_and_their_channels(result):
    data = result.to_xarray()
    assert data.attrs["n_trajectories"] == 4
    assert data.jump_time.dims == data.jump_channel.dims == ("jump",)
    np.testing.assert_array_equal(data.jump_trajectory[data.jump_time > 0.3], [0, 0])
    np.testing.assert_array_equal(data.jump_channel, [2, 1, 2])


@pytest.mark.parametrize("n", [3, 4])
def test_channels_of_couplings_that_only_decay(n):
    """A square's Γ is degenerate: the vectors must be those that were drawn."""
    atoms = co.square(2, 2, 0.3) if n == 4 else co.chain(n, 0.2)
    couplings = co.couple(atoms, co.Vacuum())
    found = co.evolve(couplings, "inverted", TIMES, method=co.engines.Trajectories(n=5))
    data, modes = found.to_xarray(), couplings.modes()
    np.testing.assert_array_equal(data.channel_rate, modes.jump_rates)
    np.testing.assert_array_equal(data.channel_vector, modes.jump_vectors)
    assert "eigenvector of Γ" in data.jump_channel.attrs["long_name"]
    rebuilt = (data.channel_vector.values * data.channel_rate.values) @ (
        data.channel_vector.values.conj().T
    )
    np.testing.assert_allclose(rebuilt, couplings.decay, atol=1e-12)


@pytest.mark.parametrize(
    ("others", "observe"),
    [({"drive": 2.0}, ()), ({"pump": 0.5}, ()), ({"dephasing": 0.5}, ()), ({}, {"one": NUMBER})],
)
def test_channels_of_other_runs_count_the_collapse_operators(others, observe):
    couplings = co.couple(co.chain(2, 0.1), co.Vacuum()).replace(**others)
    found = co.evolve(
        couplings, "inverted", TIMES, method=co.engines.Trajectories(n=4), observe=observe
    )
    data = found.to_xarray()
    assert len(found.jumps) > 0
    assert found.jumps.channels.max() < len(couplings.collapse_operators())
    assert "channel_rate" not in data
    assert "channel_vector" not in data
    assert "collapse_operators()" in data.jump_channel.attrs["long_name"]


def test_attributes(result):
    attributes = result.to_xarray().attrs
    for name in ("method", "reason", "frame", "complete", "accuracy"):
        assert attributes[name] == getattr(result, name)
    assert attributes["initial_state"] == str(result.initial_state)
    assert json.loads(attributes["diagnostics"]) == result.diagnostics
    assert f"qutip {qutip.__version__}" in attributes["versions"]
    assert attributes["field"] == "Vacuum()"
    assert attributes["frequency"] == 1e7
    assert attributes["left_out"] == "last_state, resume"
    assert "leftmost" in attributes["conventions"]
    assert "start" not in attributes
    assert result.at(result.times[1:]).to_xarray().attrs["start"] == result.times[0]


def test_the_dataset_is_a_copy(result):
    data = result.to_xarray()
    data.emission[0] = -1
    data.decay[0, 0] = -1
    assert result.emission[0] > 0
    assert result.couplings.decay[0, 0] > 0


def test_a_file_read_back(result, file):
    """Real variables as they were, complex ones as two."""
    assert file.name == "run.nc"
    data = result.to_xarray()
    with xarray.open_dataset(file, engine="h5netcdf") as back:
        assert {**back.attrs, "complete": True} == data.attrs
        for name, values in data.variables.items():
            if values.dtype.kind == "c":
                assert name not in back
                real, imag = back[f"{name}_real"], back[f"{name}_imag"]
                assert real.dims == imag.dims == values.dims
                np.testing.assert_array_equal(real.values + 1j * imag.values, values)
                assert real.attrs["long_name"].endswith("real part")
            else:
                assert back[name].dims == values.dims
                np.testing.assert_array_equal(back[name], values)
                assert back[name].attrs == values.attrs
        assert set(back.coords) == set(data.coords)


def test_the_file_is_plain_netcdf(result, file):
    """h5netcdf refuses what NetCDF has not; the types in HDF5 are numbers and strings."""
    with h5netcdf.File(file, "r") as stored:
        assert stored.dimensions["time"].size == len(TIMES)
        assert not stored.groups
        np.testing.assert_array_equal(stored["correlations_imag"][:], result.correlations.imag)
        assert stored.attrs["method"] == "exact"
        assert stored.attrs["complete"] == 1
    with h5py.File(file, "r") as stored:
        kinds = {name: stored[name].dtype.kind for name in stored}
        assert {name for name, kind in kinds.items() if kind not in "if"} == {
            "operator",
            "component",
        }


def test_levels_padded_with_nan(tmp_path):
    """A master equation: levels beside emitters, no Γ and Δ, no excitation."""
    system = multilevels.random_multilevel(3, levels=(2, 3))
    equation = co.master_equation(system, co.Vacuum(), approximation="secular")
    found = co.evolve(equation, "inverted", [0.0, 0.1, 0.2])
    back = xarray.load_dataset(found.to_netcdf(tmp_path / "levels.nc"))
    assert back.populations.dims == ("time", "emitter", "level")
    np.testing.assert_array_equal(back.populations, found.populations)
    assert np.isnan(back.populations.sel(emitter=0, level=2)).all()
    np.testing.assert_allclose(back.populations.sum("level"), 1, atol=1e-9)
    for i, energies in enumerate(system.energies):
        np.testing.assert_array_equal(back.energies.sel(emitter=i)[: len(energies)], energies)
    np.testing.assert_array_equal(back.x, system.positions[:, 0])
    np.testing.assert_array_equal(back.emission, found.emission)
    assert not {"decay", "shift", "excitation", "correlations"} & set(back)
    assert "MasterEquation" in back.attrs["equation"]
    assert "operators of the equation" in back.attrs["left_out"]


def test_an_equation_and_matrices_of_the_user(tmp_path):
    """No places, no bath, nothing left out but the equation: empty attributes survive the file."""
    equation = co.MasterEquation(qutip.sigmaz(), [qutip.sigmam()])
    found = co.evolve(equation, qutip.basis(2, 0), [0.0, 1.0])
    back = xarray.load_dataset(found.to_netcdf(tmp_path / "own.nc"))
    assert not {"x", "energies", "emission"} & set(back.variables)
    bare = co.evolve(co.Couplings([[1.0]], [[0.0]]), "inverted", TIMES).replace(last_state=None)
    back = xarray.load_dataset(bare.to_netcdf(tmp_path / "bare.nc"))
    np.testing.assert_allclose(back.emission, np.exp(-TIMES), atol=1e-7)
    assert back.attrs["left_out"] == ""
    assert not {"x", "dipoles"} & set(back.variables)


def test_one_number_for_all_pairs_stays_one_number(tmp_path):
    """Identical couplings are one number seen N² times, and N² of them need not fit."""
    n = 200_000
    couplings = co.Couplings([[1.0]], [[0.0]])
    for name, value in (("decay", 1.0), ("shift", 0.0)):
        object.__setattr__(couplings, name, np.broadcast_to(value, (n, n)))
    for name in ("detunings", "dephasing", "pump", "drive"):
        object.__setattr__(couplings, name, np.zeros(n))
    alone = co.evolve(co.Couplings([[1.0]], [[0.0]]), "inverted", [0.0, 1.0])
    found = alone.replace(couplings=couplings, populations=np.ones((2, n)))
    back = xarray.load_dataset(found.to_netcdf(tmp_path / "many.nc"))
    assert back.sizes["emitter"] == n
    assert back.decay.dims == ()
    assert back.decay.item() == 1
    assert "every m and n" in back["shift"].attrs["long_name"]


def test_trajectories_without_a_photon(result, tmp_path):
    none = Jumps(np.empty(0, int), np.empty(0), np.empty(0, int), 4)
    path = result.replace(jumps=none).to_netcdf(tmp_path / "dark.nc")
    back = xarray.load_dataset(path)
    assert back.sizes["jump"] == 0
    assert back.attrs["n_trajectories"] == 4


def test_an_interrupted_run(result, tmp_path, monkeypatch):
    from collective.engines.record import Recorder

    add = Recorder.add

    def interrupted(self, *arguments, **options):
        if self.reached == 4:
            raise KeyboardInterrupt
        add(self, *arguments, **options)

    monkeypatch.setattr(Recorder, "add", interrupted)
    found = co.evolve(result.couplings, "inverted", TIMES)
    assert found.to_xarray().attrs["complete"] is False
    back = xarray.load_dataset(found.to_netcdf(tmp_path / "part.nc"))
    assert back.attrs["complete"] == 0
    np.testing.assert_array_equal(back.time, TIMES[:4])
    assert back.emission.shape == (4,)


def test_writing_is_atomic(result, file, monkeypatch):
    before = file.read_bytes()

    def fail(self, content):
        self.write_text("half a file")
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        result.to_netcdf(file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["run.nc"]


def test_a_path_must_name_a_file(result, tmp_path):
    with pytest.raises(ValueError, match="path must name a file"):
        result.to_netcdf(tmp_path)


@pytest.mark.parametrize("missing", ["xarray", "h5netcdf", "h5py"])
def test_a_missing_library_is_named_with_the_extra(result, tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    message = rf"to_netcdf needs {missing}: pip install 'collective-emission\[data\]'"
    with pytest.raises(ImportError, match=message):
        result.to_netcdf(tmp_path / "run.nc")
    assert not list(tmp_path.iterdir())
    if missing == "xarray":
        with pytest.raises(ImportError, match="to_xarray needs xarray: pip install 'collective-e"):
            result.to_xarray()
    else:
        assert "emission" in result.to_xarray()
