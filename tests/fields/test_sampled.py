"""A field from samples: what it reproduces, which faults of a solver it names, files, units."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray
from scipy import constants
from user_fields import Mirror

import collective as co

ROOT = Path(__file__).parents[2]
K = 2 * np.pi
PLACES = np.array([[0, 0, 0.1], [0.2, 0.1, 0.25], [-0.1, 0.3, 0.4]])
ATOMS = co.Emitters(PLACES, dipoles=(1, 0.5, 0.2))


def whole(field=None, places=PLACES, k=(K,)):
    """The tensors of a field at all pairs of places, (K, P, P, 3, 3)."""
    green = co.Vacuum().green(places[:, None], places[None], np.array(k)[:, None, None])
    if field is None:
        return green
    return green + np.array([field.scattered(places[:, None], places[None], q) for q in k])


def scattered(k=(K,)):
    return np.array([Mirror().scattered(PLACES[:, None], PLACES[None], q) for q in k])


def sampled(tensors, k=(K,), content="total", **options):
    return co.SampledField(PLACES, np.array(k), tensors, content=content, **options)


# --- what it reproduces


def test_the_samples_of_a_wire_give_the_dynamics_of_the_wire():
    wire = co.Nanowire(0.05, 2.5)
    atoms = co.Emitters([[0.2, 0, 0], [0.2, 0, 0.1]], dipoles=(1, 0, 0))
    k = K * np.concatenate([np.linspace(0.97, 1.03, 5), 1j * np.geomspace(1e-4, 40, 40)])
    field = co.SampledField.from_field(wire, atoms, k)
    times = np.linspace(0, 3, 7)
    for wavelength in (1.0, 1.005):  # at a sample, and between two
        apart = atoms.replace(wavelength=wavelength)
        found, expected = (
            co.evolve(co.couple(apart, each), co.states.single(0), times, progress=False)
            for each in (field, wire)
        )
        np.testing.assert_allclose(found.populations, expected.populations, atol=1e-6)
        assert expected.populations[3, 1] > 0.05


def test_a_field_of_low_accuracy_is_sampled_within_its_tolerance():
    class Rough(co.Field):
        def scattered(self, r, r_source, k):
            noise = 1e-4 * np.sin(
                1e3 * np.asarray(r)[..., :1, None] * np.arange(1, 10).reshape(3, 3)
            )
            return Mirror().scattered(r, r_source, k) + noise

    with pytest.raises(ValueError, match=r"not reciprocal.*give a larger tolerance"):
        co.SampledField.from_field(Rough(), ATOMS, [K])
    field = co.SampledField.from_field(Rough(), ATOMS, [K], tolerance=1e-2)
    np.testing.assert_allclose(field.tensors, scattered(), atol=2e-4)


@pytest.mark.parametrize("shift", ["full", "rwa", "resonant"])
def test_each_shift_of_a_mirror_follows_from_its_samples(shift):
    k = K * np.concatenate([[1.0], 1j * np.geomspace(1e-4, 40, 120)])
    field = co.SampledField.from_field(Mirror(), ATOMS, k)
    found, expected = (co.couple(ATOMS, each, shift=shift) for each in (field, Mirror()))
    np.testing.assert_allclose(found.decay, expected.decay, rtol=1e-13)
    np.testing.assert_allclose(found.shift, expected.shift, atol=2e-7)


def test_the_resonant_shift_before_a_mirror_is_its_closed_form():
    """Δ = −(3/4)Γ₀{−p cos ξ/ξ + (p − 3q)(sin ξ/ξ² + cos ξ/ξ³)} at twice the distance, mirrored."""
    for height in (0.1, 0.37):
        xi = 2 * K * height
        near = np.sin(xi) / xi**2 + np.cos(xi) / xi**3
        across = co.Emitters([[0, 0, height]], dipoles=(1, 0, 0))
        along = across.replace(dipoles=(0, 0, 1))
        shifts = [co.couple(a, Mirror(), shift="resonant").shift[0, 0] for a in (across, along)]
        np.testing.assert_allclose(shifts, [-0.75 * (near - np.cos(xi) / xi), -1.5 * near])
    hot = across.replace(frequency=1e7)
    with pytest.raises(ValueError, match=r'temperature = 1e\+06 needs shift="full"'):
        co.couple(hot, Mirror(), shift="resonant", temperature=1e6)
    lattice = co.square(3, 3, 0.4, dipoles=(1, 0, 0)).translated([0, 0, 0.2])
    sparing = co.couple(lattice, Mirror(), shift="resonant", by_displacement=True)
    expected = co.couple(lattice, Mirror(), shift="resonant")
    assert sparing.shift.own == pytest.approx(expected.shift[0, 0], rel=1e-12)


def test_from_metres_and_debye_to_rates_in_three_lines():
    """Γ₀ = ω³d²/3πε₀ħc³; Γ₁₂ and Δ₁₂ of a pair a tenth of a wavelength apart, from the tables."""
    wavelength, d = 600e-9, 10 * co.units.debye
    places = np.array([[0, 0, 0], [0.1 * wavelength, 0, 0]])
    k = 2 * np.pi / wavelength
    tensors = co.Vacuum().green(places[:, None], places, k)[None]  # 1/m

    field = co.SampledField.from_si(places, [k], tensors, content="total")
    molecules = co.Emitters.from_si(places, dipoles=[0, 0, d], wavelength=wavelength)
    couplings = co.couple(molecules, field)

    omega = 2 * np.pi * constants.c / wavelength
    rate = omega**3 * d**2 / (3 * np.pi * constants.epsilon_0 * constants.hbar * constants.c**3)
    np.testing.assert_allclose(couplings.decay[0], [rate, 0.9226968484 * rate], rtol=1e-9)
    np.testing.assert_allclose(couplings.shift[0], [0, 2.5970938737 * rate], rtol=1e-9)
    # the energy of two classical dipoles is the shift's near field: Δ₁₂ ≈ d²/4πε₀ħr³
    close = places * 0.03
    tensors = co.Vacuum().green(close[:, None], close, k)[None]
    field = co.SampledField.from_si(close, [k], tensors, content="total", length=1e-9)
    pair = co.Emitters.from_si(
        close, dipoles=[0, 0, d], wavelength=wavelength, length=1e-9, rate=1e9
    )
    with np.errstate(all="raise"):
        shift = co.couple(pair, field).shift[0, 1] * 1e9
    static = d**2 / (4 * np.pi * constants.epsilon_0 * constants.hbar * close[1, 0] ** 3)
    np.testing.assert_allclose(shift, static, rtol=1e-3)


def test_the_other_time_dependence_and_order_of_wave_numbers():
    k = [1.1 * K, 2j, K]
    tensors = whole(Mirror(), k=[1.1 * K, K])
    tensors = np.stack([tensors[0], scattered([2j])[0] + whole(k=[2j])[0], tensors[1]])
    here, there = sampled(tensors, k), sampled(tensors.conj(), k, time="exp(+iwt)")
    np.testing.assert_array_equal(here.tensors, there.tensors)
    np.testing.assert_array_equal(here.wavenumbers, [K, 1.1 * K, 2j])
    assert (there.time, there.content) == ("exp(-iwt)", "scattered")
    np.testing.assert_allclose(here.tensors, scattered([K, 1.1 * K, 2j]), atol=1e-13)
    np.testing.assert_allclose(
        sampled(scattered(k), k, "scattered").tensors, here.tensors, atol=1e-13
    )


def test_the_error_between_samples_is_estimated():
    """The estimate is not below the true error, and not far above it."""
    k = np.linspace(0.8, 1.2, 9) * K
    field = sampled(whole(Mirror(), k=k), k)
    for at in (1.03 * K, 0.86 * K, 1.19 * K):
        found = field.scattered(PLACES[:, None], PLACES[None], at)
        expected = Mirror().scattered(PLACES[:, None], PLACES[None], at)
        error = np.abs(found - expected).max() / np.abs(field.tensors).max()
        assert error <= field.interpolation_error(at) <= 100 * error
        assert error < 1e-5
    assert field.interpolation_error(k[2]) == 0
    coarse = sampled(whole(Mirror(), k=3 * k[::2]), 3 * k[::2])
    with pytest.warns(UserWarning, match=r"interpolated at k = 18.2 with an error of about 0.0"):
        coarse.green(PLACES[0], PLACES[1], 18.2)


def of_treams(file, *spheres, orders):
    """The field of spheres (centre, radius, ε) in nm, by the recipe of treams in the documentation.

    Where treams can be imported, the recipe computes it at the places and wave numbers of a file in
    tests/data. The file has the tensors that treams 0.4.7 gave, which are the field otherwise.
    """
    path = ROOT / "tests" / "data" / file
    kept = co.SampledField.from_file(path, length=1e-9)
    try:
        import treams
    except ImportError:  # also raised for a SciPy that this treams does not know
        return kept
    page = (ROOT / "docs" / "bring_your_own_field.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\{code-block\} python\n:class: fragment\n(.*?)```", page, flags=re.S)
    (recipe,) = (block for block in blocks if "import treams" in block)
    with np.load(path) as stored:
        places, wavenumbers = stored["positions"], stored["wavenumbers"]
    outside = places + np.array([200e-9, 0, 0])  # of the two spheres in its last lines
    names = {"np": np, "co": co, "places": outside, "k": wavenumbers[0]}
    exec(recipe, names)
    assert names["field"].check.reciprocity < 1e-9
    tensors = []
    for k in wavenumbers:
        each = [
            names["sphere"](k, radius * 1e-9, epsilon, orders) for _, radius, epsilon in spheres
        ]
        centres = np.array([centre for centre, _, _ in spheres]) * 1e-9
        whole = each[0]
        if len(each) > 1:
            whole = treams.TMatrix.cluster(each, centres).interaction.solve()
        tensors.append(names["scattered"](whole, places))
    live = co.SampledField.from_si(places, wavenumbers, tensors, content="scattered", length=1e-9)
    np.testing.assert_allclose(live.tensors, kept.tensors, atol=1e-7 * np.abs(kept.tensors).max())
    return live


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SciPy, which treams uses
def test_a_sphere_of_another_program_gives_the_rates_of_the_sphere():
    """R = 72 nm, ε = −11 + 1.2i, three places beside it and five wave numbers around 2π/600 nm."""
    sampled = of_treams("treams_sphere.npz", ([0, 0, 0], 72, -11 + 1.2j), orders=30)
    sphere = co.Sphere(72.0, -11 + 1.2j)
    molecules = co.Emitters.from_si(
        sampled.positions * 1e-9,
        dipoles=np.array([1, 0.5, 0.3j]) * 10 * co.units.debye,
        wavelength=603e-9,
        length=1e-9,
        rate=1e9,
    )
    found, expected = (co.couple(molecules, field, shift="resonant") for field in (sampled, sphere))
    np.testing.assert_allclose(found.decay, expected.decay, atol=1e-5 * expected.decay.max())
    np.testing.assert_allclose(found.shift, expected.shift, atol=1e-5 * expected.decay.max())
    assert co.purcell(molecules, sampled).max() > 5


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SciPy, which treams uses
def test_a_cluster_of_another_program_scatters_as_coupled_dipoles():
    """Two small spheres, to the first order of Mie's series: G^S = k²G·(1/α − k²G)⁻¹·G.

    α is the exact one, α = 6πi a₁/k³ with the coefficient a₁ of Bohren and Huffman, equation 4.53.
    Without the light that one sphere sends to the other the tensor would be a third different. What
    remains, 2·10⁻⁵, are magnetic dipoles of the spheres.
    """
    centres = np.array([[0, 0, 0], [0, 0, -30.0]])
    spheres = ((centres[0], 10, -2.6 + 0.4j), (centres[1], 12, -2.2 + 0.5j))
    field = of_treams("treams_cluster.npz", *spheres, orders=1)
    (k,), places, vacuum = field.wavenumbers.real, field.positions, co.Vacuum()
    inverse = np.repeat([1 / polarisability(k, radius, ε) for _, radius, ε in spheres], 3)
    between = k**2 * vacuum.green(centres[:, None], centres, k)
    between[[0, 1], [0, 1]] = 0
    between = between.transpose(0, 2, 1, 3).reshape(6, 6)
    arriving = vacuum.green(centres[:, None], places, k).transpose(0, 2, 1, 3).reshape(6, -1)

    def tensor(matrix):
        found = k**2 * arriving.T @ np.linalg.solve(matrix, arriving)
        return found.reshape(len(places), 3, -1, 3).transpose(0, 2, 1, 3)

    expected, alone = tensor(np.diag(inverse) - between), tensor(np.diag(inverse))
    largest = np.abs(expected).max()
    np.testing.assert_allclose(field.tensors[0], expected, atol=1e-4 * largest)
    assert np.abs(alone - expected).max() > 0.3 * largest


def polarisability(k, radius, epsilon):
    """α of a sphere, p = ε₀αE, exact in its first order."""

    def riccati(x):
        """ψ₁ and ψ₁′, ξ₁ and ξ₁′."""
        psi, wave = np.sin(x) / x - np.cos(x), np.exp(1j * x) * (-1j / x - 1)
        dpsi = np.cos(x) / x - np.sin(x) / x**2 + np.sin(x)
        dwave = np.exp(1j * x) * (1 / x - 1j + 1j / x**2)
        return psi, dpsi, wave, dwave

    m = np.sqrt(complex(epsilon))
    inner, dinner, _, _ = riccati(m * k * radius)
    psi, dpsi, wave, dwave = riccati(k * radius)
    a1 = (m * inner * dpsi - psi * dinner) / (m * inner * dwave - wave * dinner)
    return 6j * np.pi * a1 / k**3


# --- faults, each with its number


@pytest.mark.parametrize(
    ("tensors", "content", "message"),
    [
        (lambda: np.conj(whole(Mirror())), "total", r'negative decay rates: .* -1 .*time="exp\(\+'),
        (lambda: scattered(), "total", r'negative decay rates: .* Then say content="scattered"'),
        (lambda: whole(Mirror()).transpose(0, 1, 2, 4, 3), "total", "negative decay rates: the sm"),
        (lambda: whole(Mirror()) - 0.2j * np.eye(3), "total", "negative decay rates: the smallest"),
        (
            lambda: whole(Mirror())[:, :2],
            "total",
            r"must have the shape .* = \(1, 3, 3, 3, 3\),.*got \(1, 2, 3",
        ),
    ],
)
def test_faults_of_a_solver_are_named(tensors, content, message):
    with pytest.raises(ValueError, match="^tensors.*" + message):
        sampled(tensors(), content=content)


@pytest.mark.parametrize(("factor", "number"), [(1e7, r"e\+0[67]"), (1e-7, "e-0[78]")])
def test_another_unit_is_asked_about(factor, number):
    """1/m in the place of 1/wavelength and the other way round."""
    with pytest.warns(co.UnitWarning, match=number + r" times k/6π.* the same unit.*from_si"):
        sampled(whole(Mirror()) * factor)


def test_one_wave_number_is_enough_for_a_report_on_assumptions():
    atoms = ATOMS.replace(frequency=1e7)
    report = co.couple(atoms, sampled(whole(Mirror())), shift="resonant").validity()
    assert "is none of the real wave numbers" in str(report)
    assert "not assessed" in str(report)


def test_what_a_metal_scatters_is_not_conjugated_without_a_word():
    """Its own absorption, which the vacuum cannot make up for, would be gain."""
    close = np.array([[0.06, 0, 0], [0.07, 0, 0.02]])
    metal = co.Nanowire(0.05, -10 + 3j)
    tensors = metal.scattered(close[:, None], close[None], K)[None]
    co.SampledField(close, [K], tensors, content="scattered")
    with pytest.raises(ValueError, match=r'negative decay rates: .*time="exp\(\+iwt\)"'):
        co.SampledField(close, [K], tensors.conj(), content="scattered")


def test_what_is_missing_is_named():
    tensors = whole(Mirror(), k=[K, 1.1 * K])
    tensors[1, 2, 0] = np.nan
    message = (
        r"1 of 18 are missing \(NaN\), the first at wave number 1 between the positions 2 and 0"
    )
    with pytest.raises(ValueError, match=message):
        sampled(tensors, [K, 1.1 * K])
    with pytest.raises(ValueError, match=r"positions 0 and 2 are 0 apart, which is one place"):
        co.SampledField(PLACES[[0, 1, 0]], [K], whole(places=PLACES[[0, 1, 2]]), content="total")
    with pytest.raises(ValueError, match=r"wavenumbers: 6.28319 is given twice"):
        sampled(whole(k=[K, K]), [K, K])
    for k, message in (
        ([-K], "got -6.28319"),
        ([K + 1j], "got 6.28319"),
        ([2j], "at least one real"),
        ([[K]], r"a list \(K,\)"),
    ):
        with pytest.raises(ValueError, match="wavenumbers must.*" + message):
            sampled(whole(), k)


@pytest.mark.parametrize("content", ["total", "scattered"])
def test_a_pair_of_zeros_is_asked_about(content):
    """An array that a solver has not filled to its end gives pairs without any coupling."""
    k = [K, 1.1 * K]
    tensors = whole(Mirror(), k=k) if content == "total" else scattered(k)
    tensors[1, 0, 2] = tensors[1, 2, 0] = 0
    message = "2 of 18 are zero, the first at wave number 1 between the positions 0 and 2"
    with pytest.warns(UserWarning, match=message):
        sampled(tensors, k, content)
    nothing = sampled(np.zeros((1, 3, 3, 3, 3)), [K], "scattered")  # the vacuum, without a warning
    np.testing.assert_allclose(co.purcell(ATOMS, nothing), 1)
    with pytest.warns(UserWarning, match="9 of 9 are zero"):
        sampled(np.zeros((1, 3, 3, 3, 3)), [K], "total")


def test_a_pair_is_not_reciprocal_by_a_number():
    tensors = whole(Mirror())
    tensors[0, 1, 2, 0, 2] += 1e-3
    size = np.abs(scattered()).max()
    with pytest.raises(
        ValueError, match=r"between the positions 1 and 2 at wave number 6.28319"
    ) as e:
        sampled(tensors)
    assert f"differ by {1e-3 / size:.2g} of their size, tolerance is 1e-06" in str(e.value)


def test_noise_within_the_tolerance_is_put_right_and_reported():
    noise = np.random.default_rng(1).standard_normal((2, 1, 3, 3, 3, 3)) * 1e-3
    tensors = whole(Mirror()) + noise[0] + 1j * noise[1]
    field = sampled(tensors, tolerance=0.02)
    again = field.tensors.transpose(0, 2, 1, 4, 3)
    np.testing.assert_array_equal(field.tensors, again)
    np.testing.assert_allclose(field.tensors, scattered(), atol=5e-3)
    assert 1e-3 < field.check.reciprocity < 0.02
    assert field.check.passed
    assert np.linalg.eigvalsh(co.couple(ATOMS, field, shift="resonant").decay)[0] > 0
    # two atoms at almost one place: noise makes their dark state gain
    close = np.array([[0, 0, 0.1], [0, 0, 0.101]])
    noisy = whole(Mirror(), close) - 1e-4j * np.eye(6).reshape(2, 3, 2, 3).swapaxes(1, 2)
    with pytest.raises(ValueError, match=r"negative decay rates.*give a larger tolerance"):
        co.SampledField(close, [K], noisy, content="total")
    field = co.SampledField(close, [K], noisy, content="total", tolerance=0.01)
    assert 2e-5 < field.check.passivity < 2e-4
    assert "holds" in str(field.check)
    atoms = co.Emitters(close, dipoles=(1, 0, 0))
    assert np.linalg.eigvalsh(co.couple(atoms, field, shift="resonant").decay)[0] >= -1e-12


WIDE = K * np.concatenate([np.geomspace(0.05, 10, 300), 1j * np.geomspace(0.05, 10, 80)])


def test_causality_compares_the_two_axes():
    tensors = scattered(WIDE)
    field = sampled(tensors, WIDE, "scattered")
    assert field.check.kramers_kronig < max(1e-5, field.check.quadrature) < 1e-2
    assert field.check.passed
    wrong = tensors.copy()
    wrong[300:] *= 1.05
    with pytest.raises(ValueError, match=r"not causal: .* violated by 0.04\d of its size"):
        sampled(wrong, WIDE, "scattered")
    narrow = sampled(tensors[100:], WIDE[100:], "scattered")
    assert "not assessed: it needs 20 real wave numbers over a factor of 100" in str(narrow.check)
    real = sampled(tensors[:300], WIDE[:300], "scattered")
    assert "not assessed: it needs both axes" in str(real.check)
    assert "no samples there" in str(real.check)


def test_numbers_on_the_imaginary_axis_must_be_real():
    tensors = scattered([K, 2j])
    tensors[1, 0, 0, 0, 0] += 0.01j
    with pytest.raises(ValueError, match=r"real at imaginary wave numbers.* at 2i .* is 0.0"):
        sampled(tensors, [K, 2j], "scattered")


# --- what it cannot do


def test_it_refuses_what_it_does_not_know():
    few, k = sampled(whole(Mirror())), np.linspace(0.9, 1.1, 5) * K
    many = sampled(whole(Mirror(), k=k), k)
    elsewhere = ATOMS.translated([0, 0, 1e-7])
    message = r"r: SampledField\(3 places.* knows nothing at .* number 0, .* distance of 1e-07"
    for call in (co.couple, co.purcell):
        with pytest.raises(ValueError, match=message):
            call(elsewhere, few)
    co.purcell(ATOMS.translated([0, 0, 1e-10]), few)
    with pytest.raises(
        ValueError, match=r"k = 6.3\d* is none of the real wave numbers .* at least 4"
    ):
        co.purcell(ATOMS.replace(wavelength=0.99), few)
    with pytest.raises(
        ValueError, match=r"k = 7.85398 is outside the real .* 5.65487 … 6.9115, and"
    ):
        co.purcell(ATOMS.replace(wavelength=0.8), many)
    for shift in ("full", "rwa"):
        with pytest.raises(ValueError, match=r'no samples at imaginary .*shift="resonant"'):
            co.couple(ATOMS, many, shift=shift)
    assert np.all(np.isfinite(co.couple(ATOMS, many, shift="resonant").shift))
    with pytest.raises(ValueError, match="no magnetic response"):
        co.couple(ATOMS.replace(kind="magnetic"), many)
    q = np.concatenate([[K], 1j * np.geomspace(0.1, 2, 8)])
    short = sampled(scattered(q), q, "scattered")
    with pytest.raises(
        ValueError, match=r"outside the imaginary .* 0.1i … 2i, and nothing is extra"
    ):
        co.couple(ATOMS, short)
    with pytest.raises(ValueError, match=r"k = 3i: .* has no samples at imaginary"):
        many.interpolation_error(3j)


# --- files


def test_files_of_every_kind(tmp_path):
    k = np.array([K, 1.1 * K, 2j])
    tensors = np.concatenate([whole(Mirror(), k=k[:2]), (scattered(k) + whole(k=[2j]))[2:]])
    expected = sampled(tensors, k)
    micrometres = {"positions": PLACES * 1e-6, "wavenumbers": k * 1e6, "tensors": tensors * 1e6}
    words = {"content": "total", "time": "exp(-iwt)", "unit": "SI"}
    np.savez(tmp_path / "a.npz", **micrometres, **words)
    with h5py.File(tmp_path / "a.h5", "w") as stored:
        for name, array in micrometres.items():
            stored[name] = array
        stored.attrs.update(words)
    with h5py.File(tmp_path / "a.hdf5", "w") as stored:
        stored["positions"] = micrometres["positions"]
        for name in ("wavenumbers", "tensors"):
            stored[f"{name}_real"] = micrometres[name].real
            stored[f"{name}_imag"] = micrometres[name].imag
        stored.attrs.update({name: [np.bytes_(word)] for name, word in words.items()})  # MATLAB
    last = ("position", "source", "axis", "source_axis", "wavenumber")
    moved = np.moveaxis(micrometres["tensors"], 0, -1)
    dataset = xarray.Dataset(
        {
            "positions": (("axis", "position"), micrometres["positions"].T),
            "wavenumbers_real": ("wavenumber", micrometres["wavenumbers"].real),
            "wavenumbers_imag": ("wavenumber", micrometres["wavenumbers"].imag),
            "tensors_real": (last, moved.real),
            "tensors_imag": (last, moved.imag),
        },
        attrs=words,
    )
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    expected.save(tmp_path / "b")
    found = [
        co.SampledField.from_file(tmp_path / f"a.{kind}", length=1e-6)
        for kind in ("npz", "h5", "hdf5", "nc")
    ]
    found += [
        co.SampledField.from_xarray(dataset, length=1e-6),
        co.SampledField.from_file(tmp_path / "b.npz"),
    ]
    for field in found:
        np.testing.assert_allclose(field.positions, PLACES, rtol=1e-14)
        np.testing.assert_allclose(field.wavenumbers, k, rtol=1e-14)
        np.testing.assert_allclose(field.tensors, expected.tensors, atol=1e-12)


def test_a_file_that_is_not_one_says_what_is_missing(tmp_path):
    path = tmp_path / "a.npz"
    arrays = {"positions": PLACES, "wavenumbers": np.array([K]), "tensors": whole(Mirror())}
    words = {"content": "total", "time": "exp(-iwt)", "unit": "natural"}
    for missing, message in (
        ({"tensors"}, "tensors is missing"),
        ({"unit"}, "the text unit is missing, one of 'SI', 'natural'"),
    ):
        some = {n: a for n, a in (arrays | words).items() if n not in missing}
        np.savez(path, **some)
        with pytest.raises(ValueError, match=message):
            co.SampledField.from_file(path)
    np.savez(path, **arrays, **(words | {"unit": "nm"}))
    with pytest.raises(ValueError, match="unit must be one of 'SI', 'natural', got 'nm'"):
        co.SampledField.from_file(path)
    np.savez(path, **arrays, **words)
    with pytest.raises(ValueError, match="length = 1e-09 m needs numbers in SI"):
        co.SampledField.from_file(path, length=1e-9)
    np.savez(path, **arrays, **(words | {"unit": ["SI", "SI"]}))
    with pytest.raises(ValueError, match="unit must be one of 'SI', 'natural', got"):
        co.SampledField.from_file(path)
    parts = {"tensors_real": whole().real, "tensors_imag": whole()[:, :1].imag}
    np.savez(path, positions=PLACES, wavenumbers=[K], **parts, **words)
    with pytest.raises(ValueError, match=r"tensors_imag must have one shape, got \(1, 3, 3, 3, 3"):
        co.SampledField.from_file(path)
    np.savez(path, **(arrays | {"tensors": np.array([{"a": 1}])}), **words)
    with pytest.raises(ValueError, match="cannot be read"):  # nothing is unpickled
        co.SampledField.from_file(path)
    path.write_bytes(b"no file")
    with pytest.raises(ValueError, match="cannot be read"):
        co.SampledField.from_file(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        co.SampledField.from_file(tmp_path / "none.h5")
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        co.SampledField.from_file(tmp_path / "a.mat")
    dataset = xarray.Dataset({"positions": (("place", "axis"), PLACES)}, attrs=words)
    with pytest.raises(ValueError, match=r"positions has the dimensions \('place', 'axis'\), not"):
        co.SampledField.from_xarray(dataset)


def test_labels_in_another_order_are_refused():
    """The names of the axes are those of xarray; a reordered axis would turn the dipoles."""
    dimensions = ("wavenumber", "position", "source", "axis", "source_axis")
    data = xarray.Dataset(
        {
            "positions": (("position", "axis"), PLACES),
            "wavenumbers": ("wavenumber", [K]),
            "tensors": (dimensions, scattered()),
        },
        coords={"position": [4, 5, 6], "source": [4, 5, 6], "axis": list("xyz")},
        attrs={"content": "scattered", "time": "exp(-iwt)", "unit": "natural"},
    )
    np.testing.assert_array_equal(co.SampledField.from_xarray(data).positions, PLACES)
    for other, message in (
        (data.isel(source=[2, 1, 0]), "labels of (source|position) are .*sortby"),
        (data.isel(axis=[2, 1, 0]), r"labels of axis are z, y, x, not x, y, z: sort"),
        (data.assign_coords(source_axis=list("yxz")), "labels of source_axis are y, x, z"),
    ):
        with pytest.raises(ValueError, match=message):
            co.SampledField.from_xarray(other)


def test_many_samples_are_arrays_of_the_file_of_a_result(tmp_path):
    """They come back bit for bit, and few of them are words, as arguments of other fields are."""
    k = np.linspace(0.8, 1.2, 200) * K
    many, few = sampled(whole(Mirror(), k=k), k), sampled(whole(Mirror()))
    for field, stored in ((many, ["field:0.npy"]), (few, [])):
        couplings = co.couple(ATOMS, field, shift="resonant")
        path = co.evolve(couplings, "inverted", [0, 1], progress=False).save(tmp_path / "run")
        with np.load(path) as file:
            names = [f"{name}.npy" for name in file.files if name.startswith("field:")]
            assert names == stored
            assert len(str(file["metadata"])) < 100_000
        again = co.load(path).couplings.field
        np.testing.assert_array_equal(again.tensors, field.tensors)
        np.testing.assert_array_equal(again.wavenumbers, field.wavenumbers)
        assert repr(again) == repr(field)
