"""What is read from a scenario file, and the error for what cannot be: file, line, way out."""

import numpy as np
import pytest

import collective as co
from collective.scenarios import schema
from collective.scenarios.observing import OBSERVABLES
from collective.scenarios.options import DIMENSIONS, options
from collective.scenarios.quantities import UNITS, Units, complex_text, quantity

PAIR = """
[emitters]
kind = "chain"
n = 2
spacing = 0.1

[field]
kind = "vacuum"

[state]
kind = "inverted"

[times]
stop = 2
number = 5
"""


@pytest.fixture
def read(tmp_path):
    """A function that reads the text of a scenario."""

    def reads(text):
        file = tmp_path / "scenario.toml"
        file.write_text(text, encoding="utf-8")
        return co.scenarios.read(file)

    return reads


@pytest.fixture
def complaint(read):
    """A function that gives the line and the message for the text of a scenario."""

    def complains(text):
        with pytest.raises(co.scenarios.ScenarioError) as caught:
            read(text).couplings()
        return caught.value.line, caught.value.text

    return complains


def test_a_pair(read):
    scenario = read(PAIR)
    np.testing.assert_array_equal(scenario.emitters.positions, co.chain(2, 0.1).positions)
    assert scenario.field == co.Vacuum()
    assert scenario.state == co.states.inverted()
    np.testing.assert_array_equal(scenario.times, [0, 0.5, 1, 1.5, 2])
    assert scenario.method == "auto"
    assert repr(scenario).endswith("scenario.toml': one run, 2 emitters)")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("spacing", "spacng", 5, "[emitters] has no key 'spacng' with kind = \"chain\"; did you mean 'spacing'? Allowed: n, spacing, axis"),
        ("[times]", "[time]", 13, "there is no section or key 'time' here; did you mean 'times'?"),
        ("spacing = 0.1", "spacing = -1", 5, "[emitters] spacing must be above 0, got -1"),
        ("spacing = 0.1", "spacing = true", 5, "[emitters] spacing must be a number (λ₀), got true"),
        ("spacing = 0.1", "spacing = nan", 5, "[emitters] spacing must be finite, got nan"),
        ("spacing = 0.1", "spacing = '0.1'", 5, "[emitters] spacing must be a number, not the text '0.1': write 0.2, or \"0.2 wavelengths\""),
        ("spacing = 0.1", "spacing = '3 ns'", 5, "[emitters] spacing must be a length, but ns is a unit of time: use wavelengths"),
        ("spacing = 0.1", "spacing = '80 nm'", 5, "[emitters] spacing in nm needs a section [units] with wavelength = \"780 nm\""),
        ("spacing = 0.1", "spacing = '2 parsec'", 5, "[emitters] spacing 'parsec' is not a unit that is known here: use wavelengths"),
        ("spacing = 0.1", "spacing = 1979-05-27", 5, "got the date or time 1979-05-27"),
        ("spacing = 0.1", "", 2, "[emitters] needs spacing with kind = \"chain\": distance between neighbours"),
        ("spacing = 0.1", "radius = 0.1", 5, "[emitters] has no key 'radius' with kind = \"chain\", only with cloud"),
        ("spacing = 0.1", "spacing = 0.1\nrtol = 1", 6, "[emitters] has no key 'rtol' with kind = \"chain\"; [run] has such a key"),
        ("n = 2", "n = 2.0", 4, "[emitters] n must be an integer, got 2.0"),
        ("n = 2", "n = 1000000000000", 4, "a lattice of n = 1000000000000 emitters needs 181.9 TiB"),
        ("n = 2", "n = 2\ndipoles = [[1, 0, 0], [0, 1,\n 'x', 0]]", 6, "[emitters] dipoles[1][2] must be a number, not the text 'x'"),
        ("n = 2", "n = 2\ndetunings = [0, 'x']", 5, "[emitters] detunings[1] must be a number, not the text 'x'"),
        ("n = 2", "n = 2\ndetunings = '6 MHz'", 5, "MHz is not used here, because a rate may be meant with or without 2π"),
        ("n = 2", "n = 2\ndetunings = [[1], [1, 2]]", 5, "[emitters] detunings must be a number or a regular array"),
        ("n = 2", "n = 2\ndipoles = ['1 nm', 0, 0]", 5, "has no unit, but 'nm' was given"),
        ("kind = \"chain\"", "kind = \"chian\"", 3, "[emitters] kind must be one of its words, got 'chian'; did you mean 'chain'?"),
        ("kind = \"chain\"", "", 2, "[emitters] needs kind: one of chain, cloud"),
        ("kind = \"vacuum\"", "kind = 3", 8, "[field] kind must be one of its words, got 3; Allowed: "),
        ("[field]\nkind = \"vacuum\"", "", 1, "the scenario needs a section [field]"),
        ("[state]\nkind = \"inverted\"", "", 1, "the scenario needs a section [state]"),
        ("[times]\nstop = 2\nnumber = 5", "", 1, "the scenario needs a section [times]"),
        ("kind = \"inverted\"", "kind = \"single\"\nm = -1", 12, "[state] m must be at least 0, got -1"),
        ("kind = \"inverted\"", "kind = \"single\"", 10, "[state] needs m with kind = \"single\""),
        ("stop = 2", "stop = -2", 13, "[times]: times must increase"),
        ("stop = 2", "stop = 0", 14, "[times] stop must differ from start"),
        ("stop = 2", "", 13, "[times] stop is missing: give stop and number, or values"),
        ("number = 5", "number = 10_000_000_000_000", 15, "number = 10,000,000,000,000: a list of that length needs"),
        ("stop = 2", "start = 1\nvalues = [0, 1]\nstop = 2", 14, "[times] start does not go with values"),
        ("[times]", "[method]\nname = \"exakt\"\n[times]", 14, "[method] name must be one of its words, got 'exakt'; did you mean 'exact'?"),
        ("[times]", "[method]\nname = \"exact\"\nn = 5\n[times]", 15, "[method] has no key 'n' with name = \"exact\", only with trajectories or"),
        ("[times]", "[method]\nname = \"trajectories\"\nn = 0\n[times]", 15, "[method] n must be at least 1, got 0"),
        ("[times]", "[run]\nthread = 1\n[times]", 14, "[run] has no key 'thread'; did you mean 'threads'?"),
        ("[times]", "[observe]\nspectrum = true\n[times]", 14, "[observe] spectrum needs frequencies"),
        ("[times]", "[observe]\ncollected = {axis = [0, 0, 1], NA = 0.5}\n[times]", 14, "[observe] collected has no key 'NA'"),
        ("[times]", "[observe]\npurity = 1\n[times]", 14, "[observe] purity must be true, false, or a table of its options, got 1"),
        ("[times]", "[output]\nfigure = \"a.gif\"\n[times]", 14, "[output] figure must be a file name that ends in .png or .pdf or .svg"),
        ("[times]", "[output]\ndataset = \"../a.nc\"\n[times]", 14, "without folders; got '../a.nc'"),
        ("[times]", "[couplings]\nshift = \"rwaa\"\n[times]", 14, "shift must be one of its words, got 'rwaa'; did you mean 'rwa'? Allowed: full, rwa, resonant"),
        ("[times]", "[couplings]\nthermal_photons = 1\n[times]", 14, "[couplings] has no key 'thermal_photons' without a matrix decay"),
        ("[times]", "[couplings]\npump = [1, 2, 3]\n[times]", 14, "pump must be a number or 2 numbers (one per emitter), got shape (3,)"),
        ("[times]", "[couplings]\ntemperature = 1\n[times]", 14, "temperature"),
        ("[times]", "[couplings]\n[master_equation]\n[times]", 14, "[master_equation] and [couplings] exclude each other"),
        ("[times]", "[master_equation]\napproximation = \"best\"\n[times]", 14, "approximation must be one of"),
        ("[times]", "[grid]\nspacing = [1]\n[times]", 14, "[grid] 'spacing' must be a section and a key, such as emitters.spacing"),
        ("[times]", "[grid]\n\"emitters.spacng\" = [1]\n[times]", 14, "[emitters] has no key 'spacng'"),
        ("[times]", "[grid]\n\"emitters.spacing\" = [0.1,\n 0.2, 0]\n[times]", 15, "[emitters] spacing must be above 0, got 0"),
        ("[times]", "[grid]\nemitters.spacing = [0.1, 0.2, 0.1]\n[times]", 14, "[grid] emitters.spacing has 0.1 twice"),
        ("[times]", "[grid]\nemitters.spacing = []\n[times]", 14, "must be a list of values, or {start, stop, number}; got []"),
        ("[times]", "[grid]\nemitters.spacing = [0.1, 'x']\n[times]", 14, "must have values of one kind, but 0.1 and 'x' differ"),
        ("[times]", "[grid]\nemitters.spacing = [[0.1]]\n[times]", 14, "[grid] emitters.spacing[0] must be a number, true, false or a text, got [0.1]"),
        ("[times]", "[grid]\nemitters.spacing = {start = 0, stop = 1, number = 3, log = true}\n[times]", 14, "start must be above 0 with log = true"),
        ("[times]", "[grid]\nemitters.spacing.start = 0\n[times]", 14, "[grid] emitters.spacing needs stop"),
        ("[times]", "[grid]\noutput.folder = ['a', 'b']\n[times]", 14, "[grid] 'output.folder' must be a section and a key"),
        ("[times]", "[grid]\n[times]", 13, "[grid] is empty"),
        ("[times]", "[made_by]\nversions = {}\n[times]", 13, "[made_by] is written by collective and must be the last section"),
        ("[times]", "[units]\nwavelength = 780\n[times]", 14, "[units] wavelength must be a text, got 780"),
        ("[times]", "[units]\nwavelength = '2 wavelengths'\n[times]", 14, "[units] wavelength must have a unit of SI"),
        ("[times]", "[units]\nwavelength = '-2 nm'\n[times]", 14, "[units] wavelength must be above 0"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_line_and_a_way_out(complaint, old, new, line, message):
    assert old in PAIR
    found, text = complaint(PAIR.replace(old, new, 1))
    assert message in text
    assert found == line


def test_lengths_in_nanometres_exclude_a_wavelength(complaint):
    text = PAIR.replace("n = 2", "n = 2\nwavelength = 2") + '[units]\nwavelength = "780 nm"\n'
    line, message = complaint(text)
    assert line == 5
    assert "exclude each other" in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = [1,\n2,\n", ":2: this is not TOML: Invalid value"),
        (b"a = 1\na = 2\n", ":2: this is not TOML: Cannot overwrite a value"),
        (b"a = 1\nb\n", ":2: this is not TOML: Expected '=' after a key"),
        (b"\n\xff\xfea\x00", ":2: byte 0xff is not UTF-8: save the file with the encoding UTF-8"),
        (PAIR.encode("utf-16"), ":1: byte 0xff is not UTF-8"),
        (b"a = 1\x00\n", ":1: this is not TOML"),
        (b"\nn = " + b"9" * 5000, ":2: not a number that can be used"),
        (b"a = " + b"[" * 5000, ": arrays or tables are nested too deeply"),
        (b"", ":1: the scenario needs a section [emitters]"),
    ],
)
def test_files_that_are_no_scenarios(tmp_path, content, message):
    file = tmp_path / "scenario.toml"
    file.write_bytes(content)
    with pytest.raises(co.scenarios.ScenarioError) as caught:
        co.scenarios.read(file)
    assert f"scenario.toml{message}" in str(caught.value)


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    for path, message in (
        (tmp_path / "none.toml", "this path names no file"),
        (tmp_path, "this path is a folder"),
    ):
        with pytest.raises(co.scenarios.ScenarioError, match=message):
            co.scenarios.read(path)
    with pytest.raises(ValueError, match="path must be a file name, got 3"):
        co.scenarios.read(3)
    file = tmp_path / "large.toml"
    file.write_text(PAIR)
    monkeypatch.setattr("collective.scenarios.source.LARGEST", 20)
    with pytest.raises(co.scenarios.ScenarioError, match=r"a scenario at most 20; keep large.*npz"):
        co.scenarios.read(file)


def test_a_byte_order_mark_and_windows_ends_of_lines_change_nothing(tmp_path):
    file = tmp_path / "scenario.toml"
    file.write_bytes(b"\xef\xbb\xbf" + PAIR.replace("\n", "\r\n").encode())
    assert len(co.scenarios.read(file).times) == 5
    file.write_bytes(b"\xef\xbb\xbf" + PAIR.replace("0.1", "-1").replace("\n", "\r\n").encode())
    with pytest.raises(
        co.scenarios.ScenarioError, match=r":5: \[emitters\] spacing must be above 0"
    ):
        co.scenarios.read(file)


def test_units_and_complex_numbers():
    light = Units(wavelength=780e-9, linewidth=2e7)
    for text, dimension, expected in (
        ("78 nm", "length", 0.1),
        ("0.078 µm", "length", 0.1),
        ("2 1/nm", "inverse length", 1560),
        ("5e7 1/s", "rate", 2.5),
        ("100 ns", "time", 2),
        ("3 lifetimes", "time", 3),
        ("-0.5 linewidths", "rate", -0.5),
        ("180 deg", "angle", np.pi),
    ):
        assert quantity(text, dimension, light) == pytest.approx(expected, rel=1e-14)
    # every unit of SI is its own size over that of the unit: 1 m in wavelengths and so on
    scale = {"length": 1 / 780e-9, "inverse length": 780e-9, "time": 2e7, "rate": 1 / 2e7}
    scale["velocity"] = scale["length"] * scale["rate"]
    for unit, (dimension, size, si) in UNITS.items():
        expected = size * scale[dimension] if si else size
        assert light.factor(unit, dimension) == pytest.approx(expected, rel=1e-14)
    assert complex_text("-50+0.6i") == complex_text(" -50 + 0.6 j") == -50 + 0.6j
    for text in ("i", "1j", "+i"):
        assert complex_text(text) == 1j
    for text in ("1", "1+2", "1+2k", "i2", "1 nm", "", "1++2i", "nan+1i", "1_0i"):
        assert complex_text(text) is None


def test_arrays_of_files_are_relative_to_the_scenario(read, tmp_path):
    decay, shift = np.array([[1, 0.5], [0.5, 1]]), np.array([[0, 2.0], [2, 0]])
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "own.npz", decay=decay, shift=shift)
    np.save(tmp_path / "rates.npy", np.array([0.1, 0.2]))
    text = """
couplings.decay = {file = "data/own.npz", name = "decay"}
couplings.shift = {file = "data/own.npz", name = "shift"}
couplings.pump = {file = "rates.npy"}
observe.steady = true
"""
    couplings = read(text).couplings()
    np.testing.assert_array_equal(couplings.decay, decay)
    np.testing.assert_array_equal(couplings.shift, shift)
    np.testing.assert_array_equal(couplings.pump, [0.1, 0.2])


def test_arrays_of_files_that_cannot_be_used(complaint, tmp_path):
    np.savez(tmp_path / "own.npz", decay=np.eye(2), words=np.array(["a"]))
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no more")
    (tmp_path / "text.npy").write_text("1 2 3")
    np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    for value, message in (
        ('{file = "none.npz", name = "a"}', "file: there is no "),
        ('{file = "own.npz", name = "dekay"}', "has no array 'dekay'; did you mean 'decay'?"),
        ('{file = "own.npz"}', "[couplings] decay needs name"),
        ('{file = "own.npz", nam = "decay"}', "[couplings] decay has no key 'nam'"),
        ('{file = "bad.npz", name = "decay"}', "cannot be read as arrays of numpy"),
        ('{file = "text.npy"}', "cannot be read as arrays of numpy"),
        ('{file = "objects.npy"}', "cannot be read as arrays of numpy"),
        ('{file = "own.npz", name = "words"}', "decay must be a number or a regular array"),
        ('{file = 3, name = "decay"}', "[couplings] decay.file must be a text, got 3"),
    ):
        text = f"observe.modes = true\n[couplings]\ndecay = {value}\nshift = [[0, 0], [0, 0]]\n"
        line, found = complaint(text)
        assert message in found
        assert line == 3


def test_disorder_is_added_in_a_fixed_order(read, complaint):
    text = PAIR.replace("n = 2", "n = 9\noffset = [1, 0, 0]\nfilling = {fraction = 0.5, seed = 1}").replace(
        "[field]", "random_detunings.width = 2\nrandom_detunings.seed = 1\n"
        "motion = {width = '0.01 wavelengths', seed = 1}\n[field]",
    )  # fmt: skip
    found = read(text).emitters
    expected = co.chain(9, 0.1).translated([1, 0, 0]).with_filling(0.5, seed=1)
    expected = expected.with_motion(0.01, seed=1).with_random_detunings(2, seed=1)
    np.testing.assert_array_equal(found.positions, expected.positions)
    np.testing.assert_array_equal(found.detunings, expected.detunings)
    for old, new, line, message in (
        ("0.5", "1.5", 6, "[emitters] filling fraction must"),
        ("0.01 wave", "-0.01 wave", 11, "[emitters] motion width must"),
        ("fraction", "share", 6, "[emitters] filling has no key 'share'; Allowed: fraction, seed"),
        ("'0.01 wavelengths'", "'1 linewidth'", 11, "must be a length, but linewidth is a unit of rate"),
    ):  # fmt: skip
        where, said = complaint(text.replace(old, new))
        assert message in said
        assert where == line


ATOMS = """
[emitters]
kind = "chain"
n = 2
spacing = "206.8 nm"

[atoms]
line = "Sr88 689 nm"
ground = 0
excited = 1
magnetic_field = [0, 0, "10 mG"]

[field]
kind = "vacuum"

[couplings]
drive = {rabi_frequency = 0.5, direction = [0, 0, 1], polarisation = [1, "1i", 0]}

[state]
kind = "levels"
names = ["e +1", 3]

[times]
stop = 1
number = 2
"""


def test_atoms_of_a_line_are_those_of_the_same_call(read):
    found = read(ATOMS)
    spacing = 206.8e-9 / co.units.atom("Sr88 689 nm").wavelength
    field = [0, 0, 10e-3 * co.units.gauss]
    places = co.chain(2, spacing).positions
    atoms = co.atoms(places, "Sr88 689 nm", ground=0, excited=1, magnetic_field=field)
    np.testing.assert_allclose(found.emitters.positions, places, rtol=1e-14)
    np.testing.assert_allclose(found.emitters.energies, atoms.energies, rtol=1e-14)
    assert found.state == co.states.levels(["e +1", 3])
    assert repr(found).endswith("one run, 2 atoms)")
    drive = co.plane_wave(found.emitters, 0.5, direction=(0, 0, 1), polarisation=(1, 1j, 0))
    assert found.couplings() == co.couple(found.emitters, co.Vacuum()).replace(drive=drive)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("Sr88 689 nm", "Sr88 698 nm", 8, "[atoms] line: name 'Sr88 698 nm' is not in the table. Did you mean 'Sr88 689 nm'"),
        ("ground = 0", "ground = 1", 9, "[atoms] ground: J must be 0"),
        ("ground = 0", "", 7, '[atoms] needs ground with kind = "line"'),
        ("ground = 0", "ground = 0\nzeeman = 1", 10, "no key 'zeeman' with kind = \"line\", only with isotropic"),
        ("10 mG", "10 nm", 11, "must be a magnetic field, but nm is a unit of length: use T"),
        ("n = 2", "n = 2\ndipoles = [1, 0, 0]", 5, "[emitters] dipoles describes two-level emitters"),
        ("[atoms]", "random_detunings = {width = 1, seed = 1}\n[atoms]", 7, "[emitters] random_detunings describes two-level"),
        ("[field]", "wavelength = 1\n[units]\nwavelength = '1 nm'\n[field]", 13, "exclude each other"),
        ("[field]", "[units]\nwavelength = '1 nm'\n[field]", 13, "[units] and the line 'Sr88 689 nm'"),
        ("[emitters]\nkind = \"chain\"\nn = 2\nspacing = \"206.8 nm\"", "", 4, "[atoms] needs a section [emitters]"),
        ("[couplings]", "[couplings]\npump = 1", 17, "[couplings] has no key 'pump' with a section [atoms]"),
        ("[couplings]", "[couplings]\ndecay = [[1]]", 17, "[couplings] has no key 'decay' with a section [atoms]"),
        ("polarisation = [1", "line = 1, polarisation = [1", 17, "line must be"),
        ("[couplings]\ndrive", "[master_equation]\nsystem", 16, "[master_equation] is for two-level emitters here"),
        ("\"e +1\", 3", "\"e +1\", 0.5", 21, "names[1] must be the name of a level or its number"),
        ("\"e +1\", 3", "\"e +1\", \"g 1\"", 19, "[state]: the level of name 'g 1' does not exist"),
    ],
)  # fmt: skip
def test_mistakes_about_atoms_have_their_line_and_a_way_out(read, old, new, line, message):
    assert old in ATOMS
    with pytest.raises(co.scenarios.ScenarioError) as caught:
        read(ATOMS.replace(old, new, 1)).run(progress=False)
    assert message in caught.value.text
    assert caught.value.line == line


def test_a_range_of_integers_may_be_of_an_integer(read):
    text = PAIR + '[grid]\n"emitters.n" = {start = 2, stop = 8, number = 3}\n'
    assert read(text).axes[0].values == (2, 5, 8)
    assert read(text.replace("emitters.n", "emitters.spacing")).axes[0].values == (2, 5, 8)
    with pytest.raises(co.scenarios.ScenarioError, match=r"n must be an integer, got 2\.0"):
        read(text.replace("stop = 8", "stop = 9"))


def test_the_schema_has_what_the_package_has():
    """Nothing of this is typed again, so that new names are known by themselves."""
    assert {"chain", "ring", "square", "triangular", "cubic", "cloud", "positions"} <= set(
        schema.lattices()
    )
    assert {"vacuum", "plasma", "nanowire"} <= set(schema.field_kinds())
    assert set(schema.method_kinds()) == {"auto", *co.engines.NAMES}
    made = set(co.states.__all__) - {"State", "density_matrix", "correlations"}
    assert set(schema.state_kinds()) == made
    kinds = {"drude", "drude_from_value", "lorentz", "table", "table_from_nk", "gold", "silica"}
    assert kinds <= set(schema.material_kinds())


def test_arguments_with_a_unit_in_their_docstring_have_a_dimension():
    """A new argument "in units of length" needs an entry in DIMENSIONS."""
    every = [
        *(each for section in schema.SECTIONS.values() for each in section.variants().values()),
        *schema.material_kinds().values(),
        *map(schema.observable_options, OBSERVABLES),
        *schema.disorder().values(),
        schema.drive_options(),
    ]
    words = {
        "inverse units of length": "inverse length",
        "in units of length": "length",
        "in units of rate": "rate",
        "radians": "angle",
    }
    checked = 0
    for found in every:
        for key in found.keys.values():
            said = next((words[text] for text in words if text in key.meaning), None)
            if said is not None and key.kind in ("number", "array", "complex"):
                assert key.dimension == said, (found.function, key.name)
                checked += 1
    assert checked > 30
    arguments = {key.argument for found in every for key in found.keys.values()}
    assert {name.split(".")[-1] for name in DIMENSIONS} <= arguments


def test_fields_of_every_kind(read):
    """Each with numbers, lists, complex numbers and units, as the same call in Python."""
    k = 2 * np.pi
    silver = co.materials.Drude.from_value(-50 + 0.6j, k)
    for text, expected in (
        ('kind = "cavity"\ncoupling = ["0.5i", "0.4 linewidths"]\nlinewidth = 10\ndetuning = 1',
         co.Cavity([0.5j, 0.4], 10, 1)),
        ('kind = "waveguide"\nrate = 0.9\nwavenumber = 7\nchirality = 0.5\nside_rate = [0.1, 0.2]',
         co.Waveguide(0.9, 7, chirality=0.5, side_rate=[0.1, 0.2])),
        ('kind = "sphere"\nradius = 0.02\npermittivity = "2.25+0i"\ncentre = [0, 0, -0.2]',
         co.Sphere(0.02, 2.25, centre=(0, 0, -0.2))),
        ('kind = "nanowire"\nradius = 0.01\npermittivity = {kind = "drude_from_value", '
         'epsilon = "-50+0.6i", k = 6.283185307179586}', co.Nanowire(0.01, silver)),
        ('kind = "nanowire"\nradius = "8 nm"\npermittivity = {kind = "gold"}\n'
         '[units]\nwavelength = "800 nm"', co.Nanowire(0.01, co.materials.gold(800e-9))),
    ):  # fmt: skip
        found = read(PAIR.replace('kind = "vacuum"', text)).field
        assert repr(found) == repr(expected)
        if hasattr(expected, "permittivity") and not isinstance(expected.permittivity, complex):
            one, other = (field.permittivity.permittivity(k) for field in (found, expected))
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_options_follow_signatures_and_docstrings():
    found = options(co.cloud).keys
    assert list(found)[:5] == ["n", "radius", "shape", "min_distance", "seed"]
    assert "frequency" in found  # of `Emitters`
    assert found["shape"].choices == ("ball", "gaussian")
    assert found["seed"].required
    assert not found["shape"].required
    assert found["n"].meaning == "number of emitters."


def test_measured_materials_need_the_unit_of_length(read, complaint):
    text = PAIR.replace('kind = "vacuum"', 'kind = "sphere"\nradius = 0.05\npermittivity = {METAL}')
    text = text.replace("n = 2", "n = 2\noffset = [0.1, 0, 0]")
    _, message = complaint(text.replace("METAL", 'kind = "gold"'))
    assert message.startswith("[field] permittivity needs length")
    assert "not needed with a section [units]" in message
    own = read(text.replace("METAL", 'kind = "gold", length = 780e-9'))
    units = read(text.replace("METAL", 'kind = "gold"') + '[units]\nwavelength = "780 nm"\n')
    expected = co.materials.gold(length=780e-9).permittivity(2 * np.pi)
    for scenario in (own, units):
        found = scenario.field.permittivity.permittivity(2 * np.pi)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
