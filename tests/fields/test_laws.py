"""The laws that every field obeys.

A new field of the package gets a line in `CASES`, a model without a Green's tensor one in `MODELS`.
Each case is a field with places where emitters may be. Laws about a member that is optional, such as
`magnetic_green`, are tried on every field that has the member.
"""

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, is_dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from user_fields import Mirror, Waveguide, WholeMirror

import collective as co
import collective.fields as package
from collective import materials
from collective.fields.protocol import COUPLING

K = 2 * np.pi
WAVE_NUMBERS = [K, 0.3 * K, 2.1 * K, 1j * K, 0.01j * K]
SILVER = materials.Drude.from_value(-50 + 0.6j, K)
LOSSY = materials.Drude(45.0, 10.0)
NEGATIVE = co.Nanowire(  # ε and μ are both negative at K
    0.1,
    materials.Drude(1.6 * K, 0.02 * K),
    permeability=materials.Lorentz([1.5], [0.8 * K], [0.02 * K]),
)
SMALL, LARGE = (0.0, 0.0, -0.2), (0.0, 0.0, -1.2)  # the centres of spheres


def anywhere(rng, n):
    return rng.uniform(-1, 1, (n, 3))


def above(rng, n):
    return rng.uniform([-0.5, -0.5, 0.05], [0.5, 0.5, 1.0], (n, 3))


def around(radius):
    """Places from close to the surface of a wire to some wavelengths off."""

    def places(rng, n):
        rho = radius * np.exp(rng.uniform(np.log(1.15), np.log(30.0), n))
        rho, phi = np.minimum(rho, 0.5), rng.uniform(-np.pi, np.pi, n)
        return np.stack([rho * np.cos(phi), rho * np.sin(phi), rng.uniform(-2, 2, n)], axis=1)

    return places


SAMPLED = above(np.random.default_rng(8), 8)  # places that the samples of a mirror know


def sampled(rng, n):
    return SAMPLED[rng.permutation(len(SAMPLED))[:n]]


def samples_of_a_mirror():
    """At the wave numbers of these tests, closely around K, and along the imaginary axis."""
    real = np.concatenate([[0.3, 0.4, 0.5, 2.1], np.linspace(0.94, 1.06, 7)])
    imaginary = np.concatenate([np.geomspace(1e-5, 200, 100), [0.01, 1.0, 7.0]])
    k = K * np.concatenate([real, 1j * imaginary])
    return co.SampledField.from_field(Mirror(), co.Emitters(SAMPLED), k)


def beside_a_ball(radius, centre=(0.0, 0.0, -0.2), farthest=8.0):
    """Places from close to the surface of a sphere to some radii off."""

    def places(rng, n):
        distance = radius * np.exp(rng.uniform(np.log(1.05), np.log(farthest), n))
        directions = rng.standard_normal((n, 3))
        directions /= np.linalg.norm(directions, axis=1)[:, None]
        return centre + distance[:, None] * directions

    return places


@dataclass
class Case:
    """A field and what is special about it.

    Attributes:
        field: that is held against the laws.
        places: of n emitters outside solid matter, from a random generator.
        digits: relative accuracy of its tensor.
        dissipates: whether Im G is not zero at K.
        unequal: of a model, whether it takes emitters of different linewidths.
        takes_up: whether some light goes elsewhere than far away into the vacuum.
    """

    field: Any
    places: Callable[[np.random.Generator, int], np.ndarray]
    digits: float = 1e-11
    dissipates: bool = True
    unequal: bool = True
    takes_up: bool = False


CASES = {
    "vacuum": Case(co.Vacuum(), anywhere),
    "plasma above its edge": Case(co.Plasma(0.2 * K), anywhere),
    "plasma below its edge": Case(co.Plasma(3.0 * K), anywhere, dissipates=False),
    "silver wire": Case(co.Nanowire(0.01, SILVER), around(0.01)),
    "lossy wire": Case(co.Nanowire(0.03, LOSSY), around(0.03)),
    "dielectric wire": Case(co.Nanowire(0.05, 2.5, 1.8), around(0.05)),
    "nanofibre": Case(co.Nanowire(200 / 852, 1.45**2), around(200 / 852)),
    "wire of negative index": Case(NEGATIVE, around(0.1), 1e-10),
    "samples of a mirror": Case(samples_of_a_mirror(), sampled),
    "silver sphere": Case(
        co.Sphere(0.05, SILVER, centre=SMALL), beside_a_ball(0.05), takes_up=True
    ),
    "dielectric sphere": Case(co.Sphere(0.15, 6.0, 1.5, centre=SMALL), beside_a_ball(0.15)),
    "large sphere": Case(co.Sphere(1.05, 2.1, centre=LARGE), beside_a_ball(1.05, LARGE, 2.0)),
    "mirror": Case(co.Mirror(), above),
    "magnetic mirror": Case(co.Mirror("magnetic"), above),
    "silver below": Case(co.HalfSpace(SILVER), above, takes_up=True),
    "silver film on glass": Case(co.Layers([SILVER, 2.25], [0.02]), above, takes_up=True),
    "mirror of a user": Case(Mirror(), above),
    "whole mirror of a user": Case(WholeMirror(), above),
}
MODELS = {
    "waveguide of a user": Case(Waveguide(0.5, 0.5), anywhere),
    "one-way guide of a user": Case(Waveguide(0.8, 0.0), anywhere),
    "waveguide": Case(co.Waveguide(0.8, 1.1 * K, side_rate=0.1), anywhere, unequal=False),
    "chiral waveguide": Case(co.Waveguide(0.8, 1.1 * K, chirality=-0.4), anywhere, unequal=False),
    "guide with a mirror": Case(
        co.Waveguide(0.8, 1.1 * K, chirality=0.2, mirror=0.0), above, unequal=False
    ),
    "cavity": Case(co.Cavity(0.3 + 0.1j, 4.0, 1.5), anywhere, unequal=False),
}
# of a kind that another case has too, and slow
FURTHER = (
    *("lossy wire", "wire of negative index", "dielectric wire", "nanofibre"),
    *("large sphere", "magnetic mirror"),
)


def of(cases):
    """A parametrisation over cases; further ones of a kind run with the long tests."""
    every = [
        pytest.param(case, id=name, marks=[pytest.mark.slow] * (name in FURTHER))
        for name, case in cases.items()
    ]
    return pytest.mark.parametrize("case", every)


BOTH = of(CASES | MODELS)
ALL = of(CASES)


def those_with(member):
    """The cases whose field has an optional member."""
    return of({name: case for name, case in CASES.items() if hasattr(case.field, member)})


def tensors(field):
    """Every tensor that a field defines, by name."""
    names = ("green", "scattered", "magnetic_green")
    return {name: getattr(field, name) for name in names if hasattr(field, name)}


def whole(field, r, r_source, k):
    """The whole Green's tensor of a field that defines one of the two parts."""
    if hasattr(field, "green"):
        return field.green(r, r_source, k)
    return co.Vacuum().green(r, r_source, k) + field.scattered(r, r_source, k)


def emitters_in(case, n=3, seed=1, **options):
    rng = np.random.default_rng(seed)
    dipoles = rng.standard_normal((n, 3)) + 1j * rng.standard_normal((n, 3))
    return co.Emitters(case.places(rng, n), dipoles=dipoles, **options)


def pair_in(case):
    return emitters_in(case, 2).replace(dipoles=(1, 0, 0))


def test_every_field_of_the_package_is_held_against_the_laws():
    of_package = {getattr(package, name) for name in package.__all__}
    fields = {
        kind
        for kind in of_package - {co.Field}
        if isinstance(kind, type) and any(hasattr(kind, member) for member in COUPLING)
    }
    cases = [*CASES.values(), *MODELS.values()]
    assert fields == {type(case.field) for case in cases} & of_package


@ALL
@settings(max_examples=12)
@given(st.integers(0, 10**6), st.sampled_from(WAVE_NUMBERS))
def test_reciprocity(case, seed, k):
    """G(r, r') = Gᵀ(r', r), for each part and for magnetic dipoles."""
    r, r_source = case.places(np.random.default_rng(seed), 2)
    for name, tensor in tensors(case.field).items():
        there, back = tensor(r, r_source, k), tensor(r_source, r, k)
        allowed = case.digits * np.abs(there).max()
        np.testing.assert_allclose(there, back.T, rtol=0, atol=allowed, err_msg=name)


@ALL
@settings(max_examples=12)
@given(st.integers(0, 10**6), st.sampled_from([1j * K, 0.01j * K, 7j * K]))
def test_real_on_the_imaginary_axis(case, seed, k):
    """G(−k*) = G*(k)."""
    r, r_source = case.places(np.random.default_rng(seed), 2)
    for name, tensor in tensors(case.field).items():
        found = tensor(r, r_source, k)
        assert np.abs(found.imag).max() <= 1e-12 * np.abs(found).max(), name


@pytest.mark.slow
@ALL
@settings(max_examples=12)
@given(st.integers(0, 10**6), st.sampled_from([K, 0.4 * K]))
def test_dipoles_lose_energy(case, seed, k):
    """Im G over all points is positive semidefinite; that of magnetic dipoles, too."""
    r = case.places(np.random.default_rng(seed), 6)
    found = {"green": whole(case.field, r[:, None], r[None], k)}
    if hasattr(case.field, "magnetic_green"):
        found["magnetic_green"] = case.field.magnetic_green(r[:, None], r[None], k)
    for name, tensor in found.items():
        eigenvalues = np.linalg.eigvalsh(tensor.imag.transpose(0, 2, 1, 3).reshape(18, 18))
        assert eigenvalues[0] >= -case.digits * max(eigenvalues[-1], 1e-300), name


@those_with("scattered")
@pytest.mark.parametrize("k", WAVE_NUMBERS)
def test_the_whole_is_vacuum_plus_what_scatters(case, k):
    """At coincident points the vacuum has its imaginary part alone, ik/6π on the real axis."""
    r = case.places(np.random.default_rng(5), 3)
    scattered = case.field.scattered(r[:, None], r[None], k)
    expected = co.Vacuum().green(r[:, None], r[None], k) + scattered
    found = whole(case.field, r[:, None], r[None], k)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    own = 1j * k / (6 * np.pi) * np.eye(3) if np.real(k) else np.zeros((3, 3))
    np.testing.assert_allclose(
        whole(case.field, r, r, k) - case.field.scattered(r, r, k),
        np.broadcast_to(own, (3, 3, 3)),
        atol=1e-13 * max(np.abs(scattered).max(), abs(k)),
    )


@ALL
def test_broadcasting_equals_one_by_one(case):
    rng = np.random.default_rng(2)
    r, r_source = case.places(rng, 4)[:, None], case.places(rng, 3)
    for name, tensor in tensors(case.field).items():
        for k in (K, 1j * K):
            found = tensor(r, r_source, k)
            assert found.shape == (4, 3, 3, 3), name
            one = np.array([[tensor(a[0], b, k) for b in r_source] for a in r])
            allowed = 10 * case.digits * np.abs(one).max()
            np.testing.assert_allclose(found, one, rtol=0, atol=allowed, err_msg=name)


@pytest.mark.parametrize("name", [n for n in CASES if "user" not in n])
def test_wave_numbers_broadcast_in_fields_of_the_package(name):
    case = CASES[name]
    r, r_source = case.places(np.random.default_rng(2), 2)
    k = np.array([0.5, 1.0]) * K if case.dissipates else np.array([4.0, 5.0]) * K
    for tensor in tensors(case.field).values():
        one = np.array([tensor(r, r_source, each) for each in k])
        found = tensor(r, r_source, k)
        np.testing.assert_allclose(found, one, atol=case.digits * np.abs(one).max())
        assert tensor(r, [r_source] * 2, k).shape == (2, 3, 3)


LEVI_CIVITA = np.zeros((3, 3, 3))
for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    LEVI_CIVITA[i, j, k], LEVI_CIVITA[i, k, j] = 1, -1


def curls(green, r, r_source, step):
    """∇×G×∇' by central differences of sixth order."""
    weights, offsets = np.array([-1, 9, -45, 0, 45, -9, 1]) / 60, np.arange(-3, 4)
    shifts = step * offsets[:, None, None] * np.eye(3)
    near, far = (r + shifts).reshape(-1, 3), (r_source + shifts).reshape(-1, 3)
    tensors = green(near[:, None], far[None]).reshape(7, 3, 7, 3, 3, 3)
    slopes = np.einsum("o,p,okpmln->kmln", weights, weights, tensors) / step**2
    return np.einsum("ikl,jmn,kmln->ij", LEVI_CIVITA, LEVI_CIVITA, slopes)


@those_with("magnetic_green")
@pytest.mark.parametrize("k", [K, 1j * K])
def test_the_magnetic_response_is_the_curl_of_the_electric_one(case, k):
    """C = ∇×G×∇' of what scatters where it is known, which is smoother than the whole tensor."""
    field, step = case.field, 8e-4
    r, r_source = np.array([0.26, 0.04, 0.13]), np.array([-0.06, 0.3, 0.1])
    found = field.magnetic_green(r, r_source, k)
    if hasattr(field, "scattered") and not isinstance(field, co.Vacuum):
        found = found - co.Vacuum().magnetic_green(r, r_source, k)
        expected = curls(lambda a, b: field.scattered(a, b, k), r, r_source, step)
    else:
        expected = curls(lambda a, b: field.green(a, b, k), r, r_source, step)
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(found).max())


@those_with("far_field")
def test_the_far_field_is_the_limit_far_away(case):
    rng = np.random.default_rng(4)
    sources = case.places(rng, 3)
    directions = rng.standard_normal((5, 1, 3))
    directions[..., 2] = np.abs(directions[..., 2])  # where a mirror has light
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    distance = 1e6
    found = case.field.far_field(directions, sources, K)
    assert found.shape == (5, 3, 3, 3)
    wave = distance * np.exp(-1j * K * distance)
    near = wave * whole(case.field, distance * directions, sources, K)
    np.testing.assert_allclose(found, near, atol=1e-4 * np.abs(found).max())
    if hasattr(case.field, "magnetic_far_field"):
        found = case.field.magnetic_far_field(directions, sources, K)
        near = wave * case.field.magnetic_green(distance * directions, sources, K)
        np.testing.assert_allclose(found, near, atol=1e-4 * np.abs(found).max())


@those_with("far_field")
def test_all_light_goes_far_away_or_into_matter(case):
    """∫dΩ dR/dΩ = Σ_mn Γ_mn⟨σ⁺_mσ⁻_n⟩, less what matter takes up."""
    couplings = co.couple(emitters_in(case), case.field)
    result = co.evolve(couplings, "inverted", [0.0, 0.5], observe="correlations", progress=False)
    directions, weights = co.observables.sphere(48, 48)
    pattern = co.observables.angular_pattern(result, directions)
    if case.takes_up:
        assert np.all((pattern @ weights > 0) & (pattern @ weights < 0.999 * result.emission))
    else:
        np.testing.assert_allclose(pattern @ weights, result.emission, rtol=1e-9)


@ALL
def test_purcell_is_the_own_decay_of_coupled_emitters(case):
    emitters = emitters_in(case, decay_rates=[1.0, 2.0, 0.5])
    found = co.purcell(emitters, case.field)
    couplings = co.couple(emitters, case.field)
    np.testing.assert_allclose(found * emitters.decay_rates, np.diag(couplings.decay), rtol=1e-10)
    assert np.linalg.eigvalsh(couplings.decay)[0] >= -1e-10 * np.abs(couplings.decay).max()
    assert np.all(found > 0) == case.dissipates
    if hasattr(case.field, "magnetic_green"):
        magnets = emitters.replace(kind="magnetic")
        expected = np.diag(co.couple(magnets, case.field).decay)
        found = co.purcell(magnets, case.field) * emitters.decay_rates
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    else:
        with pytest.raises(ValueError, match="no magnetic response: define magnetic_green"):
            co.purcell(emitters.replace(kind="magnetic"), case.field)


@pytest.mark.parametrize("case", MODELS.values(), ids=MODELS)
def test_models_give_hermitian_and_positive_matrices(case):
    rates = [1.0, 2.0, 0.5, 1.0, 1.0] if case.unequal else np.full(5, 2.0)
    emitters = emitters_in(case, 5, decay_rates=rates)
    couplings = co.couple(emitters, case.field)
    for matrix in (couplings.decay, couplings.shift):
        np.testing.assert_allclose(matrix, matrix.conj().T, atol=1e-14)
    assert np.linalg.eigvalsh(couplings.decay)[0] >= -1e-12
    found = co.purcell(emitters, case.field) * emitters.decay_rates
    np.testing.assert_allclose(found, np.diag(couplings.decay).real, rtol=1e-14)
    # numbered in another order, emitters are coupled as before
    order = [3, 0, 4, 1, 2]
    other = co.couple(
        emitters.replace(
            positions=emitters.positions[order],
            dipoles=emitters.dipoles[order],
            decay_rates=emitters.decay_rates[order],
        ),
        case.field,
    )
    np.testing.assert_allclose(other.decay, couplings.decay[np.ix_(order, order)], atol=1e-13)
    np.testing.assert_allclose(other.shift, couplings.shift[np.ix_(order, order)], atol=1e-13)


@ALL
def test_purcell_of_detuned_emitters_is_that_at_their_own_wave_number(case):
    emitters = emitters_in(case, 2, frequency=100.0, detunings=[-2.0, 3.0])
    for m, k in enumerate(emitters.wavenumbers):
        r, u = emitters.positions[m], emitters.dipoles[m]
        expected = 6 * np.pi / k * (u.conj() @ whole(case.field, r, r, float(k)).imag @ u).real
        np.testing.assert_allclose(co.purcell(emitters, case.field)[m], expected, rtol=1e-10)


@ALL
def test_check_field_passes(case):
    places = case.places(np.random.default_rng(3), 3)
    if not case.dissipates:
        with pytest.raises(ValueError, match="nothing to check"):
            co.check_field(case.field, places, kramers_kronig=False)
        return
    found = co.check_field(case.field, places, kramers_kronig=False)
    assert found.passed, found
    assert found.imaginary_axis is not None


@BOTH
def test_a_saved_result_knows_its_field(case, tmp_path):
    couplings = co.Couplings(np.eye(2), np.zeros((2, 2)), emitters=pair_in(case), field=case.field)
    result = co.evolve(couplings, "inverted", [0, 1], progress=False)
    again = co.load(result.save(tmp_path / "run.npz"))
    if not is_dataclass(case.field):  # a field of a user: nothing is made from a file but ours
        assert again.couplings.field is None
        assert again.diagnostics["field"] == repr(case.field)
        return
    same_numbers(case, again.couplings.field)


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda field: pickle.loads(pickle.dumps(field))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_give_the_same_numbers(case, copied):
    same_numbers(case, copied(case.field))


def same_numbers(case, again):
    assert type(again) is type(case.field)
    r, r_source = case.places(np.random.default_rng(6), 2)
    for name, tensor in tensors(case.field).items():
        found = getattr(again, name)(r, r_source, K)
        np.testing.assert_array_equal(found, tensor(r, r_source, K))
    one, other = (co.couple(pair_in(case), field) for field in (again, case.field))
    np.testing.assert_array_equal(one.decay, other.decay)
    np.testing.assert_array_equal(one.shift, other.shift)


@ALL
def test_fields_of_the_package_are_frozen_and_print_as_they_are_made(case):
    assert isinstance(case.field, co.Field)
    assert issubclass(type(case.field), co.Field)
    if is_dataclass(case.field):
        assert repr(case.field).startswith(type(case.field).__name__ + "(")
        with pytest.raises(FrozenInstanceError):
            case.field.radius = 1.0


@those_with("inside")
def test_no_emitter_may_be_in_solid_matter(case):
    """The axis of a wire, and what is below a mirror."""
    within, outside = np.array([0.0, 0.0, -0.2]), case.places(np.random.default_rng(7), 1)[0]
    mask = case.field.inside(np.array([[within, outside]]))
    assert mask.tolist() == [[True, False]]
    pair = co.Emitters([outside, within], dipoles=(1, 0, 0))
    result = co.evolve(
        co.couple(pair.replace(positions=[outside, np.add(outside, [0, 0, 0.1])]), co.Vacuum()),
        "inverted",
        [0.0, 1.0],
        observe="correlations",
        progress=False,
    )
    levels = co.Multilevel.from_emitters(pair.replace(frequency=1e6))
    pairs = r"multilevel.positions\[1\]"
    for call, name in (
        (lambda: co.interaction(levels, case.field), pairs),
        (lambda: co.master_equation(levels, case.field), pairs),
        (lambda: co.spectral.bath(levels, case.field), pairs),
        (lambda: co.spectral.coupling_tensor(levels, case.field, 0, 1, 1e6), pairs),
        (lambda: co.spectral.retarded(levels, case.field, 0, 1, [0.1], width=1e5), pairs),
        (lambda: co.check_field(case.field, [outside, within], K), r"points\[1\]"),
        (lambda: co.couple(pair, case.field), r"emitters.positions\[1\]"),
        (lambda: co.purcell(pair, case.field), r"emitters.positions\[1\]"),
        (lambda: co.observables.near_field(result, [within], case.field), r"points\[0\]"),
    ):
        with pytest.raises(ValueError, match=name + " = .* inside the solid matter of"):
            call()


@those_with("guided")
def test_guided_modes_have_a_rate_for_each_emitter(case):
    """Without absorption, or with little, they take a part of the decay; else a pole has no sign."""
    emitters = emitters_in(case)
    if case is CASES["silver film on glass"]:
        with pytest.raises(ValueError, match="known for lossless dielectrics only"):
            case.field.guided(emitters)
        return
    rates = case.field.guided(emitters)
    assert all(rate.shape == (3,) and np.all(np.isfinite(rate)) for rate in rates.values())
    only = {
        "silver wire": "plasmon",
        "silver below": "plasmon",
        "dielectric wire": "HE11",
        "nanofibre": "HE11",
    }
    for name, mode in only.items():
        if case is CASES[name]:
            whole = co.purcell(emitters, case.field) * emitters.decay_rates
            assert list(rates) == [mode]
            assert np.all((rates[mode] > 0) & (rates[mode] < whole))


@BOTH
def test_citations_are_bibtex_entries(case):
    text = co.citation(co.Couplings([[1.0]], [[0.0]], field=case.field))
    assert getattr(case.field, "citation", "") in text
    assert text.count("{") == text.count("}")
