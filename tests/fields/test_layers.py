"""Stacks of layers: equivalent stacks, energy, bound modes, both axes, what is refused."""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

import collective as co
from collective import materials, spectral
from collective.fields.layered import modes, singularities, sommerfeld, stack

K = 2 * np.pi
GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "half_space.json").read_text())
SILVER = materials.Drude.from_value(-16 + 0.4j, K)
LOSSY = materials.Drude(45.0, 10.0)
BOTH_AXES = pytest.mark.parametrize("k", [K, 1j * K])
POINT, OTHER = np.array([0.1, 0.2, 0.15]), np.array([-0.2, 0.05, 0.3])
TENSORS = ("scattered", "magnetic_green")


def same(one, other, k, accuracy=1e-11, shift=(0, 0, 0)):
    """Assert that two fields have equal tensors, the second at shifted points."""
    for name in TENSORS:
        found = getattr(one, name)(POINT, OTHER, k)
        expected = getattr(other, name)(POINT + shift, OTHER + shift, k)
        np.testing.assert_allclose(found, expected, rtol=0, atol=accuracy * np.abs(expected).max())


@BOTH_AXES
def test_equivalent_stacks(k):
    film, glass = co.Layers([SILVER, 2.25], [0.03]), co.HalfSpace(2.25)
    same(co.Layers([2.25]), glass, k)
    same(co.Layers([SILVER, 2.25], [0.0]), glass, k)
    same(co.Layers([4.0, SILVER, 2.25], [0.0, 0.03]), film, k)
    same(co.Layers([SILVER, SILVER, 2.25], [0.01, 0.02]), film, k)
    same(co.Layers([2.25, 2.25], [0.7]), glass, k)
    same(co.Layers([SILVER, 2.25], [5.0]), co.HalfSpace(SILVER), k)
    # a layer of vacuum is more height
    same(co.Layers([1.0, SILVER, 2.25], [0.4, 0.03]), film, k, shift=(0, 0, 0.4))
    same(co.Layers([1.0, 1.0], [0.4]), co.HalfSpace(1.0), k)


@BOTH_AXES
def test_a_thick_layer_does_not_overflow(k):
    """What a metal of 10⁵ wavelengths or an absorbing glass of 10³ covers is not seen."""
    same(co.Layers([SILVER, 4.0], [1e5]), co.HalfSpace(SILVER), k)
    absorbing = materials.Lorentz(1.25, 3 * K, K)
    same(co.Layers([absorbing, 9.0], [1e3]), co.HalfSpace(absorbing), k)


@BOTH_AXES
def test_a_film_much_thinner_than_an_atom_reflects_in_proportion(k):
    """Its integrals end, although round-off in the reflection coefficients is never smooth."""
    thin, thinner = (
        co.Layers([SILVER, 1.0], [d]).scattered(POINT, OTHER, k) for d in (1e-9, 1e-12)
    )
    np.testing.assert_allclose(1e3 * thinner, thin, rtol=0, atol=1e-4 * np.abs(thin).max())


# --- energy


def sent_downwards(epsilons, thicknesses, z, across):
    """Rate into plane waves in a lossless substrate per Γ₀, by transfer matrices of the amplitudes.

    .. math:: (3/8π)∫d²q (Re k_zs/|k_z|²)[|t_s|²|ŝ·u|² + |t_p|²|p̂·u|²/ε_s] e^{−2Re λ z}
    """
    media, ends = np.array([1.0, *epsilons]), np.array([0.0, *np.cumsum(thicknesses)]) * K

    def transmitted(q, weights):
        kz = np.sqrt(media - q**2 + 0j)
        matrix = np.eye(2, dtype=complex)  # of waves down and up
        for j in range(len(epsilons)):
            ratio = kz[j + 1] / weights[j + 1] / (kz[j] / weights[j])
            step = np.array([[1 + ratio, 1 - ratio], [1 - ratio, 1 + ratio]]) / 2
            there = np.exp(np.array([-1j, 1j]) * kz[j] * ends[j])
            here = np.exp(np.array([1j, -1j]) * kz[j + 1] * ends[j])
            matrix = matrix @ (there[:, None] * step * here)
        return abs(1 / matrix[0, 0]) ** 2

    def density(q):
        kz, under = np.sqrt(1 - q**2 + 0j), np.sqrt(epsilons[-1] - q**2)
        s, p = transmitted(q, np.ones_like(media)), transmitted(q, media) / epsilons[-1]
        parts = s * (1 - across) / 2 + p * (abs(kz) ** 2 * (1 - across) / 2 + q**2 * across)
        return 0.75 * q * under / abs(kz) ** 2 * parts * np.exp(-2 * abs(kz.imag) * z * K)

    nodes, weights = np.polynomial.legendre.leggauss(120)
    total = 0.0
    corners = [0.0, 1.0, np.sqrt(epsilons[-1])]
    for a, b in pairwise(corners):
        if b > a:  # q = middle − half·cos t takes out the roots at both ends
            t = np.pi / 2 * (nodes + 1)
            q, slope = (a + b) / 2 - (b - a) / 2 * np.cos(t), (b - a) / 2 * np.sin(t)
            values = np.array([density(one) for one in q])
            total += np.pi / 2 * float(np.sum(weights * slope * values))
    return total


@pytest.mark.parametrize(
    ("epsilons", "thicknesses"),
    [
        ([2.25], []),
        ([4.0, 1.0], [0.2]),
        ([12.0, 2.25], [0.3]),
        ([12.0, 1.0, 9.0, 2.25], [0.15, 0.1, 0.2]),
    ],
)
def test_all_light_goes_up_or_down_or_is_guided(epsilons, thicknesses):
    field = co.Layers(epsilons, thicknesses)
    for dipole, across in (((1, 0, 0), 0), ((0, 0, 1), 1), ((0.6, 0, 0.8j), 0.64)):
        atom = co.Emitters([[0.2, 0.1, 0.07]], dipoles=dipole)
        guided = field.guided(atom)
        below = sent_downwards(np.array(epsilons), thicknesses, 0.07, across)
        given_away = sent_upwards(field, atom) + below + sum(rate[0] for rate in guided.values())
        np.testing.assert_allclose(given_away, co.purcell(atom, field)[0], rtol=1e-8)


def sent_upwards(field, atom):
    """∫dΩ 6π|A·u|² over the upper half, by Gauss's rule in cos θ for the average over φ."""
    nodes, weights = np.polynomial.legendre.leggauss(100)
    cosine, sine = (nodes + 1) / 2, np.sqrt(1 - ((nodes + 1) / 2) ** 2)
    angles = np.arange(8) * np.pi / 4
    directions = np.stack(
        [
            sine[:, None] * np.cos(angles),
            sine[:, None] * np.sin(angles),
            np.broadcast_to(cosine[:, None], (100, 8)),
        ],
        axis=-1,
    )
    far = field.far_field(directions, atom.positions[0], K) @ atom.dipoles[0]
    pattern = 6 * np.pi * np.sum(np.abs(far) ** 2, axis=-1).mean(axis=1)
    return float(np.pi * weights @ pattern)


# --- bound modes


def test_modes_of_a_free_slab():
    """Roots of tan(κd/2) = λ/κ and the like, and all of them."""
    epsilon, d = 6.25, 3.0
    for name, weight in (("TE", 1.0), ("TM", epsilon)):
        found = [
            mode[1].real
            for mode in modes.of_dielectrics(np.array([epsilon, 1.0]), np.array([d]))
            if mode[0].startswith(name)
        ]
        assert len(found) == int(np.ceil(d * np.sqrt(epsilon - 1) / np.pi))
        assert found == sorted(found, reverse=True)
        for m, q in enumerate(found):
            inside, outside = np.sqrt(epsilon - q**2) / weight, np.sqrt(q**2 - 1)
            phase = inside * weight * d - m * np.pi
            np.testing.assert_allclose(phase, 2 * np.arctan(outside / inside), rtol=0, atol=1e-11)


def test_modes_of_two_equal_slabs_come_in_pairs():
    """Apart, each mode of one slab splits in two, however little."""
    epsilons, thicknesses = np.array([6.25, 1.0, 6.25, 1.0]), np.array([2.0, 4.0, 2.0])
    one = modes.of_dielectrics(np.array([6.25, 1.0]), np.array([2.0]))
    two = modes.of_dielectrics(epsilons, thicknesses)
    assert len(two) == 2 * len(one)
    for n, (_, q, _) in enumerate(one):
        assert two[2 * n + 1][1].real < q.real < two[2 * n][1].real
    assert abs(two[0][1] - two[1][1]) < 1e-4


@pytest.mark.parametrize("epsilon", [-4.0, -1.5])
def test_a_lossless_metal_sends_light_up_or_into_the_plasmon(epsilon):
    field = co.HalfSpace(epsilon)
    for dipole, z in (((1, 0, 0), 0.05), ((0, 0, 1), 0.2)):
        atom = co.Emitters([[0, 0, z]], dipoles=dipole)
        given_away = field.guided(atom)["plasmon"][0] + sent_upwards(field, atom)
        np.testing.assert_allclose(given_away, co.purcell(atom, field)[0], rtol=1e-9)


def test_magnetic_dipoles_and_bound_modes():
    """A vertical magnetic dipole has no part in TM waves."""
    atoms = co.Emitters([[0, 0, 0.1], [0, 0, 0.1]], dipoles=[(0, 0, 1), (1, 0, 0)], kind="magnetic")
    assert co.HalfSpace(-1.5).guided(atoms)["plasmon"][0] == 0
    assert co.HalfSpace(-1.5).guided(atoms)["plasmon"][1] > 0
    assert co.HalfSpace(2.25).guided(atoms) == {}
    field = co.Layers([4.0, 1.0], [0.2])
    rates = field.guided(atoms)
    assert rates["TM0"][0] == 0
    assert rates["TE0"][0] > 0
    whole = co.purcell(atoms, field)
    assert np.all(sum(rates.values()) < whole)


@pytest.mark.parametrize(("rho", "left"), [(30, 1e-2), (120, 1.3e-3)])
def test_far_along_a_metal_only_the_plasmon_is_left(rho, left):
    """Γ₁₂ + 2iΔ₁₂ → Γ_pl H₀⁽¹⁾(q_pρ) of vertical dipoles; the rest falls by ρ^−3/2 against it."""
    field, z = co.HalfSpace(-1.5), 0.05
    rate = field.guided(co.Emitters([[0, 0, z]], dipoles=(0, 0, 1)))["plasmon"][0]
    along = rho + np.linspace(0, 1, 9)
    far = np.stack([along, 0 * along, z + 0 * along], axis=1)
    tensor = 6 * np.pi / K * field.green(far, [0, 0, z], K)[:, 2, 2]
    expected = rate * special.hankel1(0, np.sqrt(3.0) * K * along)
    found = tensor.imag - 1j * tensor.real
    np.testing.assert_allclose(found, expected, rtol=0, atol=left * np.abs(expected).max())


# --- both axes


@pytest.mark.slow
def test_reflected_light_on_both_axes():
    """−(1/π)P∫dq q² Im G/(q − k) over the half line is the real part less an integral at iκ."""
    for field in (co.HalfSpace(LOSSY), co.Layers([LOSSY, 2.25], [0.01])):

        @cache
        def dissipation(q, field=field):
            return q**2 * field.scattered(POINT, OTHER, q).imag

        def half(q, dissipation=dissipation):
            return dissipation(q) if q > 0 else np.zeros((3, 3))

        def integrand(kappa, field=field):
            tensor = field.scattered(POINT, OTHER, 1j * kappa).real
            return kappa**2 * K / (kappa**2 + K**2) * tensor / np.pi

        image = float(np.linalg.norm(POINT - OTHER * [1, 1, -1]))
        low = np.geomspace(1e-4, 2.0, 8)
        found = 2 * spectral.principal_value(
            half, K, period=2 * np.pi / image, breakpoints=(*-low, 0.0, *low, 45.0, 60.0)
        )
        expected = -(K**2) * field.scattered(POINT, OTHER, K).real
        expected = expected - spectral.imaginary_axis(integrand, K, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7 * np.abs(expected).max())


# --- reference numbers


def by_mpmath(epsilon, rho, z, z_source, axis):
    """The reflected tensor ρρ, φφ, zz, ρz at k = 2π or 2πi, with 20 digits."""
    import mpmath as mp

    with mp.workdps(20):
        k = 2 * mp.pi
        squared = k**2 if axis == "real" else -(k**2)
        h, epsilon = mp.mpf(z) + mp.mpf(z_source), mp.mpc(epsilon)

        def integrands(q):
            lam, inside = mp.sqrt(q**2 - squared), mp.sqrt(q**2 - epsilon * squared)
            s = (lam - inside) / (lam + inside)
            p = (epsilon * lam - inside) / (epsilon * lam + inside)
            j = [mp.besselj(n, q * rho) for n in range(3)]
            c = q / (8 * mp.pi * lam) * mp.exp(-lam * h)
            s, p = c * s, c * p * lam**2 / squared
            return [
                s * (j[0] + j[2]) + p * (j[0] - j[2]),
                s * (j[0] - j[2]) + p * (j[0] + j[2]),
                2 * p * q**2 / lam**2 * j[0],
                2 * p * q / lam * j[1],
            ]

        # below the branch points and the plasmon at 1.03 k, then along the real axis
        dip = mp.mpc(0, -k / 8) if axis == "real" else 0
        path = [0, k / 2 + dip, k + dip, 5 * k / 4 + dip, 3 * k / 2]
        path = [
            *path,
            *(3 * k / 2 + 2 * n / (h + rho) for n in range(1, 1 + int(20 * (1 + rho / h)))),
        ]
        found = [mp.quad(lambda q, c=c: integrands(q)[c], path) for c in range(4)]
        return [complex(x) for x in found]


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['axis']} {row['rho']}")
def test_silver_against_independent_integrals(row):
    k = K if row["axis"] == "real" else 1j * K
    constant = complex(*row["epsilon"])
    field = co.HalfSpace(lambda _: constant if k == K else constant.real)
    found = field.scattered([row["rho"], 0, row["z"]], [0, 0, row["z_source"]], k)
    expected = np.array(row["re"]) + 1j * np.array(row["im"])
    found = found[[0, 1, 2, 0], [0, 1, 2, 2]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


@pytest.mark.slow
def test_the_independent_integrals_again():
    row = GOLDEN[0]
    found = by_mpmath(complex(*row["epsilon"]), row["rho"], row["z"], row["z_source"], row["axis"])
    np.testing.assert_allclose(found, np.array(row["re"]) + 1j * np.array(row["im"]), rtol=1e-12)


# --- random stacks, and what is refused

DIELECTRIC = st.floats(1.0, 16.0)
THICKNESS = st.one_of(st.just(0.0), st.floats(0.003, 0.6))
METAL = st.builds(complex, st.floats(-40.0, -0.05), st.floats(0.05, 5.0))


@settings(max_examples=12)
@given(
    st.lists(st.tuples(st.one_of(DIELECTRIC, METAL), THICKNESS), max_size=3),
    st.one_of(DIELECTRIC, METAL),
    st.integers(0, 10**6),
)
def test_decay_is_positive_above_any_stack(films, substrate, seed):
    field = co.Layers([*(e for e, _ in films), substrate], [d for _, d in films])
    rng = np.random.default_rng(seed)
    r = rng.uniform([-0.4, -0.4, 0.03], [0.4, 0.4, 0.6], (4, 3))
    for name, scale in (("green", 1), ("magnetic_green", K**2)):
        whole = getattr(field, name)(r[:, None], r[None], K).imag.transpose(0, 2, 1, 3)
        eigenvalues = np.linalg.eigvalsh(whole.reshape(12, 12)) / scale
        size = np.abs(getattr(field, name)(r[:, None], r[None], K)[np.eye(4) == 0]).max() / scale
        assert eigenvalues[0] > -1e-9 * max(size, eigenvalues[-1])


def test_a_lossless_metal_film_that_guides_backward_waves_is_refused():
    """Above ε = −1 a thin film's plasmon runs backwards; with absorption it is no problem."""
    with pytest.raises(ValueError, match=r"permittivities with -0.5.* backward waves"):
        co.Layers([-0.5, 1.0], [0.01]).scattered(POINT, OTHER, K)
    epsilons, thicknesses = np.array([-0.5 + 0.01j, 1.0]), np.array([0.05 * K])
    last = singularities.end(epsilons, thicknesses)
    # its pole is at 3.097 − 0.0918i, by Newton's method
    assert singularities.dip(epsilons, thicknesses, last) == singularities.DIP / 4
    # two faces of a thick film have two equal modes, forward ones
    thick = np.array([-40 + 0.05j, 1.0]), np.array([0.6 * K])
    assert singularities.dip(*thick, singularities.end(*thick)) == singularities.DIP
    assert co.Layers([-0.5 + 0.01j, 1.0], [0.05]).scattered(POINT, POINT, K)[2, 2].imag > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: co.Layers(2.25), "permittivities must be a list"),
        (lambda: co.Layers([]), "permittivities must hold at least one"),
        (lambda: co.Layers([2.0, 3.0]), "thicknesses must be one fewer than the permittivities"),
        (lambda: co.Layers([2.0, 3.0], [-1.0]), r"thicknesses\[0\] must"),
        (lambda: co.Layers([2.0, "x"], [1.0]), r"permittivities\[1\]"),
        (lambda: co.HalfSpace(0.0), "permittivity must be one number, not zero"),
        (
            lambda: co.HalfSpace(2 - 1j).scattered(POINT, OTHER, K),
            "permittivity with gain: Im ε = -1 .*; this field takes no gain",
        ),
        (
            lambda: co.Layers([4.0, 2 - 1j], [0.1]).scattered(POINT, OTHER, K),
            r"permittivities\[1\] with gain: Im ε = -1 .*; this field takes no gain",
        ),
        (lambda: co.HalfSpace(-1.0).scattered(POINT, OTHER, K), "permittivity -1.* ε = −1"),
        (lambda: co.HalfSpace(2.0).scattered([0, 0, 0], OTHER, K), "r: .* the surface z = 0"),
        (lambda: co.HalfSpace(2.0).far_field([0, 0, 1], [0, 0, -1], K), "r_source: .* z = 0"),
        (
            lambda: co.HalfSpace(2.0).scattered([1e7, 0, 0.1], [0, 0, 0.1], K),
            "r and r_source.* farther from the surface",
        ),
        (lambda: co.HalfSpace(2.0).scattered([1e12, 0, 0.1], OTHER, K), "at most .* farther away"),
        (lambda: co.HalfSpace(2.0).scattered([0, 0, 1e-60], [0, 0, 1e-60], K), "above the surface"),
        (
            lambda: co.Layers([SILVER, 2.0], [0.1]).guided(co.Emitters([[0, 0, 1]])),
            "permittivities with -16.* lossless dielectrics only",
        ),
        (
            lambda: co.couple(co.Emitters([[0, 0, -1]]), co.HalfSpace(2.0)),
            r"emitters.positions\[0\] .* inside the solid matter of HalfSpace",
        ),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_after_the_first_call_nothing_is_left_to_compile():
    """One signature of the kernel serves half-spaces and layers on both axes."""
    stack.compile_kernels()
    before = len(sommerfeld.integrals.signatures)
    for k in (K, 1j * K):
        co.HalfSpace(2.25).scattered(POINT, OTHER, k)
        co.Layers([LOSSY, 2.25], [0.1]).magnetic_green(POINT, OTHER, k)
    assert len(sommerfeld.integrals.signatures) == before
