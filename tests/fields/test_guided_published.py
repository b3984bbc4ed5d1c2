"""Nanofibres against numbers that others have printed or archived, to all their digits.

A step-index fibre in a cladding of index n₂ is a wire in vacuum with ε = (n₁/n₂)² at the wave
number n₂k.
"""

import numpy as np
import pytest
from reference import seen_by_plane_waves

import collective as co
from collective.fields.nanowire import bound

K = 2 * np.pi


def test_modes_of_a_strongly_guiding_fibre_in_a_textbook():
    """Bures, Guided Optics (2009), table 3.6: 1 − n₂²/n₁² = 0.6 and V = 5."""
    printed = {
        "HE11": 2.119,
        "TE01": 3.153,
        "HE21": 3.377,
        "TM01": 3.446,
        "EH11": 4.235,
        "HE31": 4.507,
        "HE12": 4.638,
    }
    found = bound.profiles(5 / np.sqrt(1.5), 2.5, 1.0, 1.0)
    assert {mode.name: round(mode.u, 3) for mode in found} == printed


def test_cut_offs_of_a_strongly_guiding_fibre_in_a_textbook():
    """The same table: below the printed V there is no such mode, above it there is."""
    printed = {
        "TE01": 2.4048,
        "TM01": 2.4048,
        "HE21": 2.8526,
        "EH11": 3.8317,
        "HE31": 4.3423,
        "EH21": 5.1356,
        "TE02": 5.5201,
        "TM02": 5.5201,
        "EH12": 7.0156,
        "EH22": 8.4172,
    }
    for name, strength in printed.items():
        below, above = (
            {mode.name for mode in bound.profiles(v / np.sqrt(1.5), 2.5, 1.0, 1.0)}
            for v in (strength - 1e-4, strength + 1e-4)
        )
        assert name in above - below


def test_modes_of_a_weakly_guiding_fibre_of_another_program():
    """Effective indices in the tests of fibermodes (C. Brunet): n = 1.448918 in 1.444418."""
    printed = {
        "HE11": 1.4479082,
        "TE01": 1.44643,
        "HE21": 1.446427,
        "TM01": 1.4464268,
        "EH11": 1.444673,
        "HE31": 1.444669,
        "HE12": 1.4444531,
    }
    core, cladding = 1.448918, 1.444418
    fibre = co.Nanowire(4.5, (core / cladding) ** 2)  # in μm, at 0.8 μm
    modes = fibre.guided_modes(K * cladding / 0.8)
    assert [mode.name for mode in modes] == list(printed)
    for mode, index in zip(modes, printed.values(), strict=True):
        assert mode.wavenumber * 0.8 / K == pytest.approx(index, abs=0.6e-7)


@pytest.mark.parametrize(
    ("wavelength", "distance", "radial", "others"),
    [
        (852.3472758, 1.05, 0.5745916235, 0.1585260079),
        (852.3472758, 1.844871794871795, 0.0847508806, 0.0305795429),
        (894.592959, 1.05, 0.6203379698, 0.1626611249),
        (894.592959, 1.844871794871795, 0.1062764640, 0.0374952360),
    ],
)
def test_guided_rates_of_caesium_near_a_silica_fibre(wavelength, distance, radial, others):
    """Both D lines at a = 225 nm, n = 1.4469: data archived with a paper.

    Qi, Jau and Deutsch, Phys. Rev. A 97, 033829 (2018), files nanofiber_decayrates_D1 and _D2 of
    github.com/CQuIC/FaradaySqueezingProtocol. A quantisation axis along the radius: π is a radial
    dipole, σ⁺ and σ⁻ have half the sum of the azimuthal and the axial rate.
    """
    fibre = co.Nanowire(225 / wavelength, 1.4469**2)
    places = np.tile([distance * fibre.radius, 0, 0], (3, 1))
    rates = fibre.guided(co.Emitters(places, dipoles=np.eye(3)))["HE11"]
    assert rates[0] == pytest.approx(radial, rel=1e-8)
    assert rates[1:].mean() == pytest.approx(others, rel=1e-8)
    turning = co.Emitters(places[:2], dipoles=[[0, 1, 1j], [0, 1, -1j]])
    np.testing.assert_allclose(fibre.guided(turning)["HE11"], others, rtol=1e-8)


def test_channelling_of_caesium_near_a_silica_fibre():
    """Up to 28 % at a radius of about 200 nm: Le Kien et al., Phys. Rev. A 72, 032509 (2005).

    The most is channelled from the outermost sublevel, whose dipole turns about the fibre's axis.
    """
    radii = np.array([170, 190, 210]) / 852
    best = [
        co.Nanowire(radius, 1.45**2).beta(co.Emitters([[1.01 * radius, 0, 0]], dipoles=(1, 1j, 0)))[
            0
        ]
        for radius in radii
    ]
    assert round(max(best), 2) == 0.28
    assert np.argmax(best) == 1


def test_circular_dipoles_emit_one_way():
    """Trapped caesium, radius 250 nm, 230 nm off: asymmetry above 10:1, more than 90 % one way.

    Mitsch, Sayrin, Albrecht, Schneeweiss and Rauschenbeutel, Nat. Commun. 5, 5713 (2014).
    """
    fibre = co.Nanowire(250 / 852, 1.4525**2)
    place = [480 / 852, 0, 0]
    (mode,) = fibre.guided_modes(K)
    for turn, way in ((-1, 1), (1, -1)):
        atom = co.Emitters([place], dipoles=(1, 0, turn * 1j))
        with_it, against = (fibre.guided(atom, direction=w)["HE11"][0] for w in (way, -way))
        assert 10 < with_it / against < 13
        assert with_it / (with_it + against) > 0.9
        # the share is the overlap of the dipole with the mode that is polarised along x
        along_x = sum(mode.electric(place, direction=way, circulation=c) for c in (1, -1))
        overlap = np.abs(atom.dipoles[0] @ along_x.conj()) ** 2 / np.linalg.norm(along_x) ** 2
        np.testing.assert_allclose(with_it / (with_it + against), overlap, rtol=1e-12)
    # a dipole without turn, or one that turns in another plane, has no preferred direction
    for dipole in ((1, 0, 1), (1, 1j, 0), (0, 1, 1j)):
        atom = co.Emitters([place], dipoles=dipole)
        rates = [fibre.guided(atom, direction=w)["HE11"][0] for w in (1, -1)]
        np.testing.assert_allclose(*rates, rtol=1e-12)


@pytest.mark.parametrize(
    ("radius", "epsilon", "mu", "nodes"), [(225 / 852, 1.4469**2, 1.0, 60), (0.3, 2.5, 1.8, 200)]
)
def test_guided_light_and_what_plane_waves_bring_are_the_whole_rate(radius, epsilon, mu, nodes):
    """By reciprocity a dipole radiates into a direction as it is excited by a plane wave from there.

    The fields of the plane waves come from 4×4 boundary solves with Bessel functions of scipy,
    which know neither the modes nor the Green's tensor.
    """
    wire = co.Nanowire(radius, epsilon, permeability=mu)
    rho = 1.1 * radius
    intensity = seen_by_plane_waves(K, epsilon, mu, radius, rho, nodes)
    atoms = co.Emitters(
        np.tile([rho, 0, 0], (5, 1)),
        dipoles=[[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1j], [1, 0.5j, 0.3]],
    )
    radiated = np.einsum("ni,ij,nj->n", atoms.dipoles.conj(), intensity, atoms.dipoles).real
    guided = sum(wire.guided(atoms).values())
    np.testing.assert_allclose(guided + radiated, co.purcell(atoms, wire), rtol=1e-9)
