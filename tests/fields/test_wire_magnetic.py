"""The wire far along the imaginary axis, magnetic dipoles, permeability, negative index, workers."""

import multiprocessing
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import cylinder_point as at
from reference import cylinder_tensor as local

import collective as co
from collective import materials
from collective.errors import UnitWarning
from collective.fields.nanowire import contour
from collective.master import master_equation as master

K = 2 * np.pi
SILVER = materials.Drude.from_value(-50 + 0.6j, K)
LOSSY = materials.Drude(45.0, 10.0)
NEGATIVE = co.Nanowire(
    0.1,
    materials.Drude(1.6 * K, 0.02 * K),
    permeability=materials.Lorentz([1.5], [0.8 * K], [0.02 * K]),
)


# Trapezoidal sums over real k_z in 26 digits, each order and k_z a 4×4 boundary solve in mpmath
FAR = [
    (
        (0.02, SILVER, 1.0, 3 * K, 0.05, 0.03, -2.0, 0.6),
        [
            [2.981708515730394e-07, 6.437359198171244e-07, -9.452281379510178e-08],
            [-1.8314460711484297e-07, 3.863839815400679e-07, -2.1116514554855468e-07],
            [1.883480854695919e-07, -1.528384133999607e-07, -3.9022713092304406e-08],
        ],
    ),
    (
        (0.02, 4.0, 1.0, 2 * K, 0.05, 0.04, 1.1, 2.0),
        [
            [2.201136664346564e-14, -9.074134943722223e-14, -2.343031366450054e-14],
            [5.0400025666756187e-14, -7.696179243989407e-14, 2.7836900916174054e-14],
            [2.2037898110573102e-14, 2.244172975021296e-14, -1.948826682139597e-15],
        ],
    ),
    (
        (0.05, 2.5, 1.8, 1.5 * K, 0.13, 0.11, 0.4, 0.5),
        [
            [0.00015550707364102835, -8.646272212628174e-05, -0.0001919100355920352],
            [6.766680251251267e-05, -0.0003001177734067016, 8.529459135768839e-05],
            [0.0001733984419602928, 8.388103201793822e-05, 0.00012625387733696924],
        ],
    ),
]


@pytest.mark.parametrize(("case", "expected"), FAR, ids=["metal", "dielectric", "permeable"])
def test_digits_survive_the_distance_on_the_imaginary_axis(case, expected):
    radius, epsilon, mu, kappa, rho, rho_source, phi, z = case
    wire = co.Nanowire(radius, epsilon, mu)
    found = wire.scattered(at(rho, phi, z), at(rho_source, 0, 0), 1j * kappa)
    np.testing.assert_allclose(local(found, phi), expected, rtol=1e-10)


@given(
    st.floats(0.012, 0.3),
    st.floats(0.012, 0.3),
    st.floats(-3, 3),
    st.floats(0.01, 5),
    st.floats(1e-3, 30),
)
@settings(max_examples=20)
def test_the_raised_path_agrees_with_the_real_line(rho, rho_source, phi, z, kappa):
    """To round-off of the value at Δz = 0, which is what the real line gives."""
    wire = co.Nanowire(0.01, SILVER)
    points = at(rho, phi, z), at(rho_source, 0, 0)
    beside = np.abs(wire.scattered(at(rho, phi, 0), at(rho_source, 0, 0), 1j * kappa)).max()
    raised = wire.scattered(*points, 1j * kappa)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contour, "heights", lambda kappa, z, distance: np.zeros(len(z)))
        straight = wire.scattered(*points, 1j * kappa)
    np.testing.assert_allclose(raised, straight, atol=1e-11 * beside)


def test_a_distant_pair_decays_as_the_retarded_exponential():
    """ln|G| falls by κ per unit of length, over 50 orders of magnitude."""
    wire, kappa = co.Nanowire(0.02, 4.0), 10.0
    z = np.array([1.0, 2.0, 4.0, 8.0, 12.0])
    far = np.column_stack([0.05 + 0 * z, 0 * z, z])
    size = np.abs(wire.scattered(far, [0.05, 0, 0], 1j * kappa)[:, 2, 2])
    slope = np.diff(np.log(size)) / np.diff(z)
    assert np.all((slope < -kappa) & (slope > -1.4 * kappa))
    assert np.all(np.diff(slope) > 0)
    np.testing.assert_allclose(slope[-1], -kappa, rtol=0.05)


def test_duality_exchanges_permittivity_and_permeability():
    r, r_source = at(0.08, 0.3, 0.2), at(0.06, -1.0, 0.0)
    for k in (K, 1j * K):
        wire, dual = co.Nanowire(0.05, LOSSY, 1.7), co.Nanowire(0.05, 1.7, LOSSY)
        np.testing.assert_allclose(
            wire.magnetic_green(r, r_source, k), k**2 * dual.green(r, r_source, k), rtol=1e-12
        )
    # and a wire of nothing is vacuum
    nothing = co.Nanowire(0.05, 1.0, 1.0)
    expected = co.Vacuum().magnetic_green(r, r_source, K)
    np.testing.assert_array_equal(nothing.magnetic_green(r, r_source, K), expected)
    thin = [
        np.abs(co.Nanowire(x, 2.0, 3.0).magnetic_green(r, r_source, K) - expected).max()
        for x in (1e-3, 1e-4, 1e-5)
    ]
    np.testing.assert_allclose(np.divide(thin[1:], thin[:-1]), 1e-2, rtol=0.01)  # ∝ R²


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wire", "k", "factor"),
    [
        (co.Nanowire(0.1, -1e14 + 0j), K, -1.0),  # a conductor repels a magnet
        (co.Nanowire(0.1, 4.0, 3.0), 1j * K, 0.5),  # (μ − 1)/(μ + 1)
    ],
    ids=["conductor", "permeable"],
)
def test_magnetic_images_near_the_surface(wire, k, factor):
    found = []
    for gap in (4e-4, 2e-4):
        r = [0.1 + gap, 0, 0]
        tensor = wire.magnetic_green(r, r, k) - co.Vacuum().magnetic_green(r, r, k)
        found.append(np.diag(tensor) * 4 * np.pi * (2 * gap) ** 3)
    np.testing.assert_allclose(2 * found[1] - found[0], factor * np.array([2, 1, 1]), atol=4e-3)


@pytest.mark.parametrize("name", ["green", "magnetic_green"])
def test_dipoles_lose_energy_at_an_absorbing_permeability(name):
    """The permeability is known on the real axis only, so this wire is not in `test_laws.py`."""
    wire = co.Nanowire(0.1, SILVER, 2.0 + 0.1j)
    rng = np.random.default_rng(4)
    r = np.array([at(*row) for row in rng.uniform([0.12, -3, -2], [0.4, 3, 2], (6, 3))])
    whole = getattr(wire, name)(r[:, None], r[None], K).imag
    eigenvalues = np.linalg.eigvalsh(whole.transpose(0, 2, 1, 3).reshape(18, 18))
    assert eigenvalues[0] > -1e-11 * eigenvalues[-1]


@pytest.mark.slow
def test_both_axes_belong_together_for_magnetic_dipoles_and_a_negative_index():
    """Kramers–Kronig passes through wave numbers at which the index is negative."""
    wire = co.Nanowire(
        0.05, materials.Drude(1.6 * K, 0.2 * K), materials.Lorentz([1.5], [0.8 * K], [0.2 * K])
    )
    assert wire.epsilon(K).real < 0
    assert wire.mu(K).real < 0

    class Magnetic:
        def green(self, r, r_source, k):
            return wire.magnetic_green(r, r_source, k) / k**2

    found = co.check_field(Magnetic(), [[0.08, 0, 0], [0, 0.09, 0.2]])
    assert found.passed
    assert found.kramers_kronig < 1e-7


@pytest.mark.parametrize(
    ("epsilon", "mu", "radius"),
    [(-1.56 + 0.05j, -1.66 + 0.15j, 0.1), (-3 + 0.05j, -2 + 0.05j, 0.3), (-2 + 0.1j, 1.5, 0.2)],
)
def test_the_path_passes_backward_waves_on_their_right_side(monkeypatch, epsilon, mu, radius):
    """Closer to the real axis there is no other pole, and what dipoles lose is positive."""
    wire, z = co.Nanowire(radius, epsilon, mu), np.array([0.0, 0.1, 1.0, 4.0])
    r = np.column_stack([1.2 * radius + 0 * z, 0 * z, z])
    tensor = wire.green(r[:, None], r[None], K)
    eigenvalues = np.linalg.eigvalsh(tensor.imag.transpose(0, 2, 1, 3).reshape(12, 12))
    assert eigenvalues[0] > -1e-11 * eigenvalues[-1]
    depth = contour.depth
    monkeypatch.setattr(contour, "depth", lambda *numbers: depth(*numbers) / 8)
    again = wire.green(r[:, None], r[None], K)
    np.testing.assert_allclose(again, tensor, atol=1e-10 * np.abs(tensor).max())


@pytest.mark.slow
def test_far_along_a_negative_index_wire_only_the_resonant_part_is_left():
    """What Dzsotjan et al. leave open: there too the integral is small beyond a wavelength.

    On the imaginary axis no index is negative: ε and μ are above 1, as in every medium.
    """
    wire = co.Nanowire(
        0.1,
        materials.Drude(1.6 * K, 0.002 * K),
        materials.Lorentz([1.5], [0.8 * K], [0.002 * K]),
    )
    shares = []
    for z in (0.05, 1.0, 3.0):
        pair = co.Emitters([[0.13, 0, 0], [0.13, 0, z]], dipoles=(1, 0, 0))
        full, rwa = (co.couple(pair, wire, shift=s).shift[0, 1] for s in ("full", "rwa"))
        shares.append(abs(full / rwa - 1))
    assert shares[0] > 0.3
    assert shares[1] < 1e-3
    assert shares[2] < 1e-4


def test_lossless_negative_indices_are_refused():
    with pytest.raises(
        ValueError, match="backward waves, which differ from forward ones only with absorption"
    ):
        co.Nanowire(0.1, -2.0 + 0j, -1.5 + 0j).scattered([0.13, 0, 0], [0.13, 0, 1], K)


def test_magnetic_dipoles_interact_along_a_wire():
    """Through the same paths as electric ones: the interaction is K = −Re m·C·m."""
    spin = np.zeros((2, 2, 3))
    spin[0, 1, 2] = spin[1, 0, 2] = 1.0
    pair = co.Multilevel(
        [[0.13, 0, 0], [0.13, 0, 0.4]],
        [[K, 0.0]] * 2,
        [spin] * 2,
        kind="magnetic",
        speed_of_light=1.0,
    )
    found = co.interaction(pair, NEGATIVE).principal(0, 1)
    tensor = NEGATIVE.magnetic_green(*pair.positions, K)
    np.testing.assert_allclose(found[0, 1, 1, 0], -tensor[2, 2].real, rtol=1e-9)
    alone = co.interaction(pair, co.Vacuum()).principal(0, 1)
    assert abs(found[0, 1, 1, 0] - alone[0, 1, 1, 0]) > 0.01 * abs(alone[0, 1, 1, 0])


def test_magnetic_dipoles_at_a_wire_in_couplings_and_master_equations():
    """Γ, Δ and level shifts of both routes; and those of electric dipoles at the dual wire."""
    pair = co.Emitters(
        [[0.09, 0, 0], [0.054, 0.072, 0.2]],
        dipoles=[(1, 0.3, 0.2), (0.1, 1, 0.5j)],
        frequency=1e6,
        kind="magnetic",
    )
    couplings = co.couple(pair, co.Nanowire(0.05, 2.5, 1.8))
    dual = co.couple(pair.replace(kind="electric"), co.Nanowire(0.05, 1.8, 2.5))
    np.testing.assert_allclose(couplings.decay, dual.decay, rtol=1e-9)
    np.testing.assert_allclose(couplings.shift, dual.shift, rtol=1e-9)
    derivation = master.derive(pair, couplings.field, 0.0)
    ground, excited = 3, [1, 2]  # of ee, eg, ge, gg
    for approximation in ("rwa", "universal"):
        equation = master.equation_of(derivation, pair, approximation, 0.0)
        levels = equation.hamiltonian().full()
        shift = levels[np.ix_(excited, excited)] - (levels[ground, ground] + 1e6) * np.eye(2)
        np.testing.assert_allclose(shift, couplings.shift, rtol=1e-9, atol=1e-8)
        jumps = np.array([jump.full()[ground, excited] for jump in equation.collapse_operators()])
        np.testing.assert_allclose(jumps.conj().T @ jumps, couplings.decay, rtol=1e-6)


def test_files_from_before_the_permeability_load():
    from collective.fields.saving import decoded

    old = {"part": "Nanowire", "radius": 0.01, "permittivity": {"complex": [2.0, 0.0]}}
    assert decoded({**old, "allow_gain": False}) == co.Nanowire(0.01, 2.0)


def used_in_a_worker(z):
    wire = co.Nanowire(0.02, SILVER)
    r = np.column_stack([0.05 + 0 * z, 0.01 * np.arange(len(z)), z])
    return wire.scattered(r[:, None], r[None], K)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_can_use_a_wire_that_the_parent_has_used(method):
    """Threads end with the call: a forked worker misses none."""
    if method not in multiprocessing.get_all_start_methods():
        method = "spawn"
    z = np.linspace(0, 1, 16)
    expected = used_in_a_worker(z)
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.apply_async(used_in_a_worker, (z,)).get(timeout=120)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_no_kernel_starts_threads_by_itself():
    """OpenMP and its like do not survive a fork: threads are Python's."""
    from pathlib import Path

    sources = Path(co.__file__).parent.rglob("*.py")
    assert not [p.name for p in sources if "parallel=True" in p.read_text(encoding="utf-8")]


def test_threads_share_the_pairs(monkeypatch):
    from collective.fields.nanowire import cylinder

    z = np.linspace(0, 1, 12)
    alone = used_in_a_worker(z)
    monkeypatch.setattr(cylinder, "_WORTH_THREADS", 0)
    monkeypatch.setattr(cylinder, "threads_available", lambda: 3)
    np.testing.assert_array_equal(used_in_a_worker(z), alone)


def test_a_radius_in_another_unit_is_asked_about():
    atom = co.Emitters([[0.05, 0, 0]], dipoles=(1, 0, 0))
    with pytest.warns(
        UnitWarning, match=r"radius is 2.5e-08, which is 2.5e-08 wavelengths of 1: do all"
    ):
        co.Nanowire(25e-9, 2.0).purcell(atom)
    # nanometres beside wavelengths: the atom would be inside
    with pytest.raises(
        ValueError, match=r"inside the solid matter.*in the unit of the emitters' wavel"
    ):
        co.Nanowire(25.0, 2.0).purcell(atom)
    with pytest.raises(ValueError, match=r"so thick .* lengths are in the unit of the emitters'"):
        co.Nanowire(2e4, 2.0).green([3e4, 0, 0], [3e4, 0, 0], K)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnitWarning)  # it is meant
        np.testing.assert_allclose(co.Nanowire(25e-9, 2.0).purcell(atom), 1.0, atol=1e-9)
    metres = atom.replace(positions=[[50e-9, 0, 0]], wavelength=780e-9)
    assert (
        co.Nanowire(25e-9, materials.Drude.from_value(-50 + 0.6j, 2 * np.pi / 780e-9)).purcell(
            metres
        )[0]
        > 2
    )
