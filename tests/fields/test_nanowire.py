"""The wire's tensor against golden numbers, and against limits that have another solution.

The laws that it shares with other fields are in `test_laws.py`.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import reference
from reference import cylinder_point as at
from reference import cylinder_tensor as local

import collective as co
from collective import materials, spectral
from collective.fields.nanowire import contour, cylinder

K = 2 * np.pi
GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "golden_wire.json").read_text())
SILVER = materials.Drude.from_value(-50 + 0.6j, K)
WIRE = co.Nanowire(0.01, SILVER)
LOSSY = materials.Drude(45.0, 10.0)
POINT, OTHER = np.array([0.015, 0.0, 0.0]), np.array([0.012, 0.017, 0.13])


@pytest.mark.parametrize("row", GOLDEN["tensors"], ids=str)
def test_golden_tensor(row):
    k = K * complex(*row["w_over_wA"])
    r, r_source = at(row["rho"], row["dphi"] + 0.3, row["dz"] - 1), at(row["rhop"], 0.3, -1)
    found = local(WIRE.scattered(r, r_source, k), row["dphi"] + 0.3, 0.3)
    np.testing.assert_allclose(found, np.array(row["G_re"]) + 1j * np.array(row["G_im"]), rtol=1e-9)


@pytest.fixture(scope="module")
def golden_pairs():
    table = GOLDEN["pairs"][0]
    atoms = co.Emitters([[0.015, 0, row["z"]] for row in table["rows"]], dipoles=(1, 0, 0))
    fields = {"wire": co.Nanowire(table["R"], SILVER), "vacuum": co.Vacuum()}
    return table["rows"], {
        (name, shift): co.couple(atoms, field, shift=shift)
        for name, field in fields.items()
        for shift in ("full", "rwa")
    }


def test_golden_pairs(golden_pairs):
    rows, found = golden_pairs
    full, rwa = found["wire", "full"], found["wire", "rwa"]
    vacuum, vacuum_rwa = found["vacuum", "full"], found["vacuum", "rwa"]
    wire = {name: np.array([row[name] for row in rows]) for name in rows[0] if "vac" not in name}
    free = {name: np.array([row[name] for row in rows[1:]]) for name in rows[0] if "vac" in name}
    np.testing.assert_allclose(
        full.decay[0, 1:], wire["Gamma12_wire"][1:] + free["Gamma12_vac"], rtol=1e-10
    )
    np.testing.assert_allclose(
        full.shift[0, 1:], wire["dw_res_wire"][1:] + free["dw_full_vac"], rtol=1e-9
    )
    np.testing.assert_allclose(vacuum.shift[0, 1:], free["dw_full_vac"], rtol=1e-9)
    np.testing.assert_allclose(
        (vacuum_rwa.shift - vacuum.shift)[0, 1:], free["dw_int_vac"], rtol=1e-7, atol=1e-10
    )
    np.testing.assert_allclose(
        (rwa.shift - full.shift)[0, 1:],
        wire["dw_int_wire"][1:] + free["dw_int_vac"],
        rtol=1e-7,
        atol=1e-9,
    )
    # on the diagonal the integral counts twice, or once with the RWA in the coupling
    resonant, integral = wire["dw_res_wire"][0], wire["dw_int_wire"][0]
    np.testing.assert_allclose(full.shift[0, 0], resonant + 2 * integral, rtol=1e-9)
    np.testing.assert_allclose(rwa.shift[0, 0], resonant + integral, rtol=1e-9)
    assert round(full.shift[0, 0]) == -1405
    assert round(rwa.shift[0, 0]) == -3638
    np.testing.assert_allclose(full.decay[0, 0], wire["Gamma12_wire"][0] + 1, rtol=1e-10)


@pytest.mark.parametrize("row", GOLDEN["free_space"], ids=lambda row: row["dipoles"])
def test_golden_near_field_of_the_vacuum(row):
    dipoles = (1, 0, 0) if row["dipoles"].startswith("perp") else (0, 0, 1)
    pair = co.chain(2, row["r"], dipoles=dipoles)
    for shift, name in (("full", "dw_full_Lehmberg"), ("rwa", "dw_RWA")):
        found = co.couple(pair, co.Vacuum(), shift=shift)
        np.testing.assert_allclose(found.shift[0, 1], row[name], rtol=1e-9)
        assert not found.shift.diagonal().any()


@pytest.mark.parametrize("row", GOLDEN["purcell"], ids=lambda row: str(row["rho"]))
def test_golden_purcell_factors(row):
    for name, dipole in (("rr", (1, 0, 0)), ("pp", (0, 1, 0)), ("zz", (0, 0, 1))):
        atom = co.Emitters([[row["rho"], 0, 0.7]], dipoles=dipole, decay_rates=3.0)
        gamma = row[f"Gamma11_over_Gamma0_{name}"]
        np.testing.assert_allclose(WIRE.purcell(atom), gamma, rtol=1e-9)
        plasmon = row[f"Gamma_plasmon_over_Gamma0_{name}"]
        np.testing.assert_allclose(WIRE.plasmon_rate(atom), 3 * plasmon, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(WIRE.beta(atom), plasmon / gamma, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("row", GOLDEN["plasmon"], ids=lambda row: str(row["R"]))
def test_golden_plasmons(row):
    found = co.Nanowire(row["R"], SILVER).plasmon(K) / K
    np.testing.assert_allclose(found, row["kpl_over_k0"] + 1j * row["gamma_over_k0"], rtol=1e-10)


def test_far_along_the_wire_only_the_plasmon_is_left():
    z = np.linspace(4, 6, 41)
    atoms = co.Emitters(np.column_stack([0.015 + 0 * z, 0 * z, z]) - [0, 0, 4], dipoles=(1, 0, 0))
    one, far = atoms.positions[:1], atoms.translated([0, 0, 4]).positions
    tensor = WIRE.green(one, far, K)[:, 0, 0]
    gamma, delta = 6 * np.pi / K * tensor.imag, -3 * np.pi / K * tensor.real
    amplitude = WIRE.plasmon_amplitude(atoms)[0]
    wave = amplitude * np.exp(1j * WIRE.plasmon(K) * z)
    own = WIRE.purcell(atoms)[0]
    np.testing.assert_allclose(gamma, wave.real, atol=1e-2 * own)
    np.testing.assert_allclose(delta, wave.imag / 2, atol=1e-2 * own)
    # the oscillation itself: the phase of Γ + 2iΔ turns by Re k_pl a length
    phase = np.unwrap(np.angle(gamma + 2j * delta))
    np.testing.assert_allclose(np.polyfit(z, phase, 1)[0], WIRE.plasmon(K).real, rtol=1e-4)


@pytest.mark.parametrize(
    ("k", "epsilon", "mu", "height"),
    [
        (K, SILVER, 1.0, 0),
        pytest.param(K, 2.3, 1.0, 0, marks=pytest.mark.slow),
        pytest.param(2 * K, LOSSY, 1.0, 0, marks=pytest.mark.slow),
        (1j * K, SILVER, 1.0, 0),
        pytest.param(0.3j, 2.3, 1.0, 0, marks=pytest.mark.slow),
        pytest.param(K, SILVER, 1.7 + 0.2j, 0, marks=pytest.mark.slow),
        pytest.param(K, -1.2 + 0.3j, -1.4 + 0.1j, 0, marks=pytest.mark.slow),
        pytest.param(1j * K, SILVER, 3.0, 0, marks=pytest.mark.slow),
        pytest.param(1j * K, SILVER, 3.0, 0.7, marks=pytest.mark.slow),
        pytest.param(2j * K, 2.3, 1.0, 0.945, marks=pytest.mark.slow),
    ],
)
def test_waves_meet_the_boundary_conditions(k, epsilon, mu, height):
    """Per order and k_z against four linear equations for the fields at the surface."""
    wire = co.Nanowire(0.05, epsilon, permeability=mu)
    distances = np.array([0.07, 0.09])
    kz = np.array([0.7, 3.0, 20.0]) + (-0.4j if np.real(k) else height * np.abs(k) * 1j)
    kz = kz if np.any(kz.imag) else kz.real
    eps = wire.epsilon(k)
    for top in (0, 1, 4):
        pieces = [
            cylinder.spectra(
                kz,
                complex(k),
                cylinder.reflection(kz, complex(k), eps, wire.mu(k), 0.05, m),
                cylinder.waves(kz, complex(k), 0.05, distances, m),
                distances,
                np.array([[0, 1]]),
                np.array([0.4]),
                np.array([m]),
            )
            for m in ((top, top - 1) if top else (top,))
        ]
        found = pieces[0] - pieces[1] if top else pieces[0]
        for n, z in enumerate(kz):
            direct = reference.wire_wave(top, z, k, eps, 0.05, *distances, mu=mu)
            mirrored = reference.wire_wave(-top, z, k, eps, 0.05, *distances, mu=mu)
            whole = direct * np.exp(0.4j * top)
            whole = whole + mirrored * np.exp(-0.4j * top) if top else whole
            # the kernel leaves an i out of what is odd in z
            for c in (2, 5, 6, 7):
                whole.flat[c] *= 1j
            np.testing.assert_allclose(
                found[0, :, n].reshape(3, 3), whole, atol=1e-11 * np.abs(whole).max()
            )


def test_a_wire_of_vacuum_or_without_radius_scatters_nothing():
    for k in (K, 1j * K):
        whole = np.abs(WIRE.scattered(POINT, OTHER, k)).max()
        same = co.Nanowire(0.01, 1 + 1e-9).scattered(POINT, OTHER, k)
        assert np.abs(same).max() < 1e-7 * whole
        same = co.Nanowire(0.01, 1.0).scattered(POINT, OTHER, k)
        assert np.abs(same).max() < 1e-15 * whole
        thin = [
            np.abs(co.Nanowire(r, 2.0).scattered(POINT, OTHER, k)).max() for r in (1e-4, 1e-5, 1e-6)
        ]
        np.testing.assert_allclose(np.divide(thin[1:], thin[:-1]), 1e-2, rtol=0.01)  # ∝ R²


@pytest.mark.slow
@pytest.mark.parametrize("k", [K, 1j * K])
def test_image_limit_near_the_surface(k):
    """The static image, extrapolated to no gap: what curvature adds is linear in it."""
    gaps, radius, epsilon = np.array([2e-3, 1e-3]), 0.1, 4.0
    factor = (epsilon - 1) / (epsilon + 1)
    found = []
    for gap in gaps * radius:
        tensor = k**2 * co.Nanowire(radius, epsilon).scattered(*2 * ([radius + gap, 0, 0],), k)
        found.append(np.diag(tensor) * 4 * np.pi * (2 * gap) ** 3 / factor)
    limit = 2 * found[1] - found[0]
    np.testing.assert_allclose(limit, [2, 1, 1], atol=2e-4)


def test_a_perfect_conductor_has_no_tangential_field():
    wire, source = co.Nanowire(0.05, -1e14 + 0j), at(0.08, 0.4, 0.0)
    for phi, z in ((0.1, 0.02), (2.0, 0.1), (0.4, 0.0)):
        surface = at(0.05 * (1 + 1e-9), phi, z)
        total = local(wire.green(surface, source, K), phi, 0.4)
        free = np.abs(co.Vacuum().green(surface, source, K)).max()
        assert np.abs(total[1:]).max() < 3e-6 * free
        assert np.abs(total[0]).max() > 0.1 * free


@pytest.mark.slow
@pytest.mark.parametrize(
    ("epsilon", "radius", "rho"),
    [
        (-1.1 + 0.003j, 0.05, 0.065),
        (-1.05 + 0.03j, 0.02, 0.03),
        (-1.3 + 0.01j, 0.2, 0.23),
        (-4.0 + 0j, 0.05, 0.06),
        (4.0 + 0j, 1.0, 1.2),
        (12.0 + 0j, 0.1, 10.0),
        (2.25 + 0j, 3.0, 50.0),
        (-50 + 0.6j, 0.01, 300.0),
    ],
)
def test_a_pair_does_not_depend_on_the_others_in_its_call(epsilon, radius, rho):
    """The path of integration follows the farthest pair; no pole may lie between two paths."""
    wire = co.Nanowire(radius, epsilon)
    r = np.array([at(rho, 0.2, 0.0), at(rho * 1.05, 1.2, 0.3), at(rho, 0, 40.0)])
    alone = wire.scattered(r[:2, None], r[None, :2], K)
    batched = wire.scattered(r[:, None], r[None], K)[:2, :2]
    np.testing.assert_allclose(alone, batched, atol=1e-9 * np.abs(alone).max())
    whole = wire.green(r[:, None], r[None], K).imag.transpose(0, 2, 1, 3).reshape(9, 9)
    eigenvalues = np.linalg.eigvalsh(whole)
    assert eigenvalues[0] > -1e-10 * eigenvalues[-1]


@pytest.mark.parametrize(
    ("radius", "epsilon", "rho", "k"),
    [(3.0, 2.25, 50.0, K), (0.5, -50 + 0.6j, 20.0, K), (1.0, 4.0, 2.0, 20j), (0.1, 12.0, 10.0, K)],
)
def test_more_orders_change_nothing(monkeypatch, radius, epsilon, rho, k):
    """Far from a thick wire its own size sets the number of orders, not the distance."""
    from collective.fields.nanowire import scattered

    r, other = at(rho, 0.1, 0.2), at(1.1 * rho, 0.4, 0.0)
    few = co.Nanowire(radius, epsilon).scattered(r, other, k)
    monkeypatch.setattr(scattered, "_DECAYED", 60.0)
    monkeypatch.setattr(scattered, "_OWN_ORDERS", (16.0, 40))
    many = co.Nanowire(radius, epsilon).scattered(r, other, k)
    beside = co.Nanowire(radius, epsilon).scattered(r, at(1.1 * rho, 0.1, 0.2), k)
    np.testing.assert_allclose(few, many, atol=1e-11 * np.abs(beside).max())


@pytest.mark.parametrize("epsilon", [2.1, 30.0, 0.3])
@pytest.mark.parametrize("kappa", [0.01, K, 60 * K])
def test_more_panels_change_nothing_on_the_imaginary_axis(monkeypatch, epsilon, kappa):
    """The first panel ends where the nearest singularity is; a constant below 1 brings it closer."""
    wire = co.Nanowire(0.2, lambda k: epsilon)
    r, other = at(0.21, 0.1, 0.01), at(0.25, 0.4, 0.0)
    few = wire.scattered(r, other, 1j * kappa)
    monkeypatch.setattr(contour, "_FIRST", 1e-4)
    many = wire.scattered(r, other, 1j * kappa)
    own = np.abs(wire.scattered(r, r, 1j * kappa)).max()
    np.testing.assert_allclose(few, many, atol=1e-12 * own)


def test_broadcasting_chunks_and_symmetry(monkeypatch):
    from collective.fields.nanowire import field as nanowire
    from collective.fields.nanowire import scattered

    rng = np.random.default_rng(3)
    r = np.array([at(*row) for row in rng.uniform([0.02, -3, -1], [0.2, 3, 1], (5, 3))])
    whole = WIRE.scattered(r[:, None], r[None], K)
    monkeypatch.setattr(nanowire, "_BATCH", 3)
    monkeypatch.setattr(scattered, "_CHUNK_BYTES", 20_000)
    pieces = WIRE.scattered(r[:, None], r[None], K)
    np.testing.assert_allclose(whole, pieces, atol=1e-11 * np.abs(whole).max())
    single = WIRE.scattered(r[0], r[1], np.array([K, 2 * K]))
    np.testing.assert_allclose(single[0], whole[0, 1], atol=1e-11 * np.abs(whole[0, 1]).max())
    assert single.shape == (2, 3, 3)
    # a turn about the axis and a shift along it
    turn = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    moved = WIRE.scattered(r[0] @ turn.T + [0, 0, 3], r[1] @ turn.T + [0, 0, 3], K)
    np.testing.assert_allclose(moved, turn @ single[0] @ turn.T, atol=1e-11 * np.abs(moved).max())


def principal_values(field, r, other, k, distance, breakpoints):
    """−(1/π)P∫ q² Im G(q)/(q − k) over the half line and over the whole one."""

    @cache
    def dissipation(q):
        return q**2 * field.green(r, other, q).imag

    def half(q):
        return dissipation(q) if q > 0 else np.zeros((3, 3))

    def odd(q):
        return dissipation(q) if q > 0 else -dissipation(-q)

    return [
        2 * spectral.principal_value(f, k, period=2 * np.pi / distance, breakpoints=breakpoints)
        for f in (half, odd)
    ]


def integral(field, r, other, k):
    def integrand(kappa):
        return kappa**2 * k / (kappa**2 + k**2) * field.green(r, other, 1j * kappa).real / np.pi

    return spectral.imaginary_axis(integrand, k, rtol=1e-12, atol=1e-14)


def test_principal_value_and_imaginary_axis_agree_in_vacuum():
    field, r, other = co.Vacuum(), np.array([0.1, 0.2, 0.5]), np.zeros(3)
    resonant = -(K**2) * field.green(r, other, K).real
    half, whole = principal_values(field, r, other, K, np.linalg.norm(r), (0.0,))
    expected = resonant - integral(field, r, other, K)
    np.testing.assert_allclose(half, expected, atol=1e-8 * np.abs(expected).max())
    np.testing.assert_allclose(whole, resonant, atol=1e-10 * np.abs(resonant).max())


class Scattered:
    """What a lossy wire scatters, without the vacuum."""

    wire = co.Nanowire(0.03, LOSSY)

    def green(self, r, r_source, k):
        return self.wire.scattered(r, r_source, k)


@pytest.mark.slow
def test_principal_value_and_imaginary_axis_agree_for_a_wire():
    field, r, other = Scattered(), np.array([0.06, 0, 1.0]), np.array([0, 0.07, 0])
    # an infinite conductor is logarithmic towards zero frequency; the metal ends above k_p
    low = np.geomspace(1e-10, 2.0, 14)
    breakpoints = (*-low, 0.0, *low, 60.0)
    resonant = -(K**2) * field.green(r, other, K).real
    half, whole = principal_values(field, r, other, K, np.linalg.norm(r - other), breakpoints)
    expected = resonant - integral(field, r, other, K)
    np.testing.assert_allclose(half, expected, atol=1e-8 * np.abs(expected).max())
    np.testing.assert_allclose(whole, resonant, atol=1e-10 * np.abs(resonant).max())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:emitters. a shift of:UserWarning")  # above ω₀ = 100
def test_detuned_emitters_at_a_wire():
    """A pair's shift is the average of both wave numbers', each dipole of its own size."""
    pair = co.Emitters(
        [[0.02, 0, 0], [0.02, 0, 0.1]],
        dipoles=(1, 0, 0),
        frequency=100.0,
        detunings=[-2.0, 3.0],
    )
    for shift in ("full", "rwa"):
        found = co.couple(pair, WIRE, shift=shift).shift
        ones = [
            co.couple(
                pair.replace(detunings=0.0, wavelength=2 * np.pi / k), WIRE, shift=shift
            ).shift
            for k in pair.wavenumbers
        ]
        sizes = pair.wavenumbers**3 / np.prod(pair.wavenumbers) ** 1.5
        both = (sizes[0] * ones[0] + sizes[1] * ones[1])[0, 1] / 2
        np.testing.assert_allclose(found[0, 1], both, rtol=1e-9)
        np.testing.assert_allclose(np.diag(found), [ones[0][0, 0], ones[1][1, 1]], rtol=1e-9)


@pytest.mark.slow
def test_interaction_and_master_equation_take_a_wire():
    """Interaction and master equation through the same tensor; a result remembers it."""
    pair = co.Emitters([[0.02, 0, 0], [0.02, 0, 0.3]], dipoles=(1, 0, 0), frequency=1e6)
    couplings = co.couple(pair, WIRE)
    found = co.interaction(co.Multilevel.from_emitters(pair), WIRE).principal(0, 1)
    np.testing.assert_allclose(found[0, 1, 1, 0], couplings.shift[0, 1], rtol=1e-9)
    equation = co.master_equation(pair, WIRE)
    rates = np.linalg.eigvalsh(couplings.decay)
    jumps = [(j.dag() * j).tr().real / 2 for j in equation.collapse_operators()]
    np.testing.assert_allclose(sorted(jumps), rates, rtol=1e-6)


def test_saved_results_know_their_wire(tmp_path):
    pair = co.Emitters([[0.02, 0, 0], [0.02, 0, 0.3]], dipoles=(1, 0, 0))
    k = np.linspace(1, 40, 50)
    table = materials.Table(k, SILVER.permittivity(k))
    for material in (SILVER, materials.Lorentz(1.0, 60.0, 0.1), 2.25, table):
        wire = co.Nanowire(0.01, material)
        couplings = co.Couplings(np.eye(2), np.zeros((2, 2)), emitters=pair, field=wire)
        path = co.evolve(couplings, "inverted", [0, 1]).save(tmp_path / "run.npz")
        again = co.load(path).couplings.field
        assert type(again) is co.Nanowire
        np.testing.assert_array_equal(again.green(POINT, OTHER, K), wire.green(POINT, OTHER, K))


def test_check_field():
    good = co.check_field(co.Vacuum(), [[0, 0, 0], [0.1, 0.2, 0.3], [0, 0.4, 1]])
    assert good.passed
    assert "Kramers–Kronig" in str(good)
    wire = co.check_field(WIRE, [POINT, OTHER], kramers_kronig=False)
    assert wire.passed
    assert wire.kramers_kronig is None
    with pytest.raises(ValueError, match="points must be at least two"):
        co.check_field(WIRE, [POINT])

    class Conjugated:  # made for the other sign of time
        def green(self, r, r_source, k):
            return np.conj(co.Vacuum().green(r, r_source, k))

    class Gaining:
        def green(self, r, r_source, k):
            green = co.Vacuum().green(r, r_source, k)
            return green.real - 0.5j * green.imag

    class Turned:  # not reciprocal, and not real at imaginary k
        def green(self, r, r_source, k):
            bias = np.cross(np.eye(3), [0, 0, 0.1j])
            return co.Vacuum().green(r, r_source, k) + bias

    found = co.check_field(Conjugated(), [[0, 0, 0], [0.1, 0.2, 0.3]])
    assert found.passivity > 0.1
    assert found.kramers_kronig > 0.1
    assert not found.passed
    assert co.check_field(Gaining(), [[0, 0, 0], [0.1, 0, 0]], kramers_kronig=False).passivity > 0.1
    odd = co.check_field(Turned(), [[0, 0, 0], [0.1, 0, 0]], kramers_kronig=False)
    assert odd.reciprocity > 1e-3
    assert odd.imaginary_axis > 1e-3
    assert "fails" in str(odd)


@pytest.mark.slow
def test_check_field_holds_both_axes_of_a_wire_together():
    found = co.check_field(co.Nanowire(0.03, LOSSY), [[0.06, 0, 0], [0, 0.09, 0.4]])
    assert found.passed
    assert found.kramers_kronig < 1e-5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: co.Nanowire(0, 2.0), "radius must be above 0, got 0"),
        (lambda: co.Nanowire(0.1, 0), "permittivity must be one number, not zero"),
        (lambda: co.Nanowire(0.1, [1, 2]), "permittivity must be one number"),
        (
            lambda: co.couple(co.chain(2, 0.1), WIRE),
            r"emitters.positions\[0\] = \[0. 0. 0.\] is on or inside the solid matter of Nanowire",
        ),
        (
            lambda: WIRE.green([0.01, 0, 0], POINT, K),
            r"r: \[0.01 0. +0. *\] is on or inside the wire: 0.01 from its axis, the radius is 0.01",
        ),
        (lambda: WIRE.green(POINT, OTHER, K + 1j), "k must be positive, or i times positive"),
        (lambda: WIRE.green(POINT, OTHER, -K), "k must be positive, or i times positive"),
        (
            lambda: co.Nanowire(0.01, -50 - 0.6j).green(POINT, OTHER, K),
            "permittivity with gain: Im ε = -0.6 at k = 6.28319",
        ),
        (
            lambda: co.couple(
                co.Emitters([POINT, OTHER], dipoles=(1, 0, 0)), co.Nanowire(0.01, -50 + 0.6j)
            ),
            "use materials.Drude.from_value",
        ),
        (
            lambda: co.Nanowire(0.01, lambda k: 2 + 1j).green(POINT, OTHER, 1j),
            "permittivity must be real and positive on the imaginary axis",
        ),
        (
            lambda: co.Nanowire(0.01, -1.0001 + 0.01j).plasmon(K),
            "the resonance of the flat surface",
        ),
        (lambda: co.Nanowire(0.01, 2.0).plasmon(K), "no bound plasmon .* it needs Re ε below −1"),
        (
            lambda: co.Nanowire(0.01, materials.Table([5, 6, 7, 8], [2, 2, 2, 2])).green(
                POINT, OTHER, 4.0
            ),
            "k = 4 is outside the table, which covers 5 … 8",
        ),
        (lambda: co.couple(co.chain(2, 0.1), co.Vacuum(), shift="half"), "shift must be one of"),
        (
            lambda: co.Nanowire(0.05, -1.1 + 0j).green(5 * POINT, 5 * OTHER, K),
            "a wire guides backward waves, which differ .* only with absorption: Im ε above",
        ),
        (
            lambda: co.Nanowire(0.01, lambda k: -3.0).green(POINT, OTHER, 1j),
            "permittivity must be real and positive on the imaginary axis, got -3",
        ),
        (
            lambda: co.Nanowire(0.01, lambda k: np.ones(2)).green(POINT, OTHER, K),
            "must be one number, got shape",
        ),
        (
            lambda: WIRE.green([0.010001, 0, 0], [0.010001, 0, 0], K),
            "azimuthal orders would be needed, the limit is 20000",
        ),
        (lambda: WIRE.green(POINT, OTHER, np.array([1, 2j])), "not both"),
        (lambda: co.check_field(WIRE, [POINT, POINT]), "points 0 and 1 coincide"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_gain_on_request():
    wire = co.Nanowire(0.01, -50 - 0.6j, allow_gain=True)
    r = POINT + np.array([[0, 0, 0], [0, 0, 1.0], [0, 0, 10.0]])
    alone = wire.scattered(POINT, r[:2], K)
    np.testing.assert_allclose(wire.scattered(POINT, r, K)[:2], alone, rtol=1e-7)
    # amplified along the wire, and no longer positive
    assert np.abs(wire.scattered(POINT, r[2], K)).max() > np.abs(alone[1]).max()
    assert np.linalg.eigvalsh(wire.green(r[:, None], r[None], K)[..., 0, 0].imag)[0] < 0
    with pytest.raises(ValueError, match=r"with gain points may be at most 12\.7 apart"):
        wire.scattered(POINT, [0.015, 0, 13.0], K)


def test_arguments_of_the_wrong_type():
    with pytest.raises(TypeError, match="emitters must be Emitters"):
        WIRE.purcell([0.1])
    with pytest.raises(TypeError, match=r"use Drude\(\.\.\.\)"):
        co.Nanowire(0.01, materials.Drude)
    # a function of real k gets a real number
    table = co.Nanowire(0.01, lambda k: np.interp(k, [1.0, 10.0], [2.0, 3.0]))
    assert np.isfinite(table.green(POINT, OTHER, K)).all()


@pytest.mark.slow
@pytest.mark.parametrize("z", [1e-4, 1e-2, 0.3, 1.0, 3.0, 20.0])
def test_check_field_knows_the_vacuum_at_every_distance(z):
    found = co.check_field(co.Vacuum(), [[0, 0, 0], [0, 0, z]])
    assert found.passed
    assert (found.kramers_kronig is None) == (z in (1e-4, 20.0))


@pytest.mark.slow
def test_kernels_compile_without_a_cache(tmp_path):
    """Where neither the package nor the home can be written: files stand where folders should."""
    package = tmp_path / "collective"
    shutil.copytree(Path(co.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (package / "fields", package):
        (folder / "__pycache__").write_text("")
    home = tmp_path / "home"
    home.write_text("")
    code = (
        "from collective.fields.nanowire import filon as _filon; import numpy as np;"
        "edges, z = np.array([0, 1 + 0j]), np.array([2.0]);"
        "print(_filon.weights(edges.tobytes(), z.tobytes())[0].sum(), _filon.__file__)"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("NUMBA_CACHE_DIR", None)
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    value, file = found.stdout.split()
    assert file.startswith(str(tmp_path))
    assert float(value) == pytest.approx(np.sin(2.0))  # ∫₀¹ 2cos 2k dk


def test_a_field_that_knows_real_wave_numbers_only():
    class RealOnly:
        def green(self, r, r_source, k):
            if np.imag(k):
                raise RuntimeError("no such mesh")
            return co.Vacuum().green(r, r_source, k)

    pair = co.chain(2, 0.1, frequency=1e6)
    co.couple(pair, RealOnly())
    for attempt in (
        lambda: co.couple(pair, RealOnly(), shift="rwa"),
        lambda: co.master_equation(pair, RealOnly()),
    ):
        with pytest.raises(ValueError, match=r"at imaginary wave numbers.*no such mesh"):
            attempt()
