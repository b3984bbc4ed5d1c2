"""Weak light on atoms with one ground level: one atom, energy, arrays, three ways to solve."""

import re

import numpy as np
import pytest
import reference

import collective as co
from collective.observables import _resolvent, _weak_light_time
from collective.observables._focused_beam import beam
from collective.observables.linear_response import weak_light

WAVE = 2 * np.pi
RESONANT = 3 / WAVE  # the cross-section 3λ²/2π


def cloud(n, extent, seed, **options):
    rng = np.random.default_rng(seed)
    return co.Atoms.isotropic(extent * rng.random((n, 3)), **options)


def closeness(one, other):
    """Largest difference of amplitudes, relative to the largest."""
    return np.abs(one.amplitudes - other.amplitudes).max() / np.abs(other.amplitudes).max()


@pytest.mark.parametrize("method", ["dense", "sum"])
@pytest.mark.parametrize("seed", range(3))
def test_one_atom_has_the_same_cross_section_for_every_polarisation(method, seed):
    rng = np.random.default_rng(seed)
    vector = rng.standard_normal(3) + 1j * rng.standard_normal(3)
    axis = np.cross(vector.real, vector.imag)
    atom = co.Atoms.isotropic([rng.standard_normal(3)], axis=rng.standard_normal(3))
    w = np.array([0.0, 0.5, -3.0])
    light = weak_light(atom, w, axis=axis, polarisation=vector, method=method)
    assert light.extinction == pytest.approx(RESONANT / (1 + 4 * w**2), rel=1e-12)
    assert light.scattered == pytest.approx(light.extinction, rel=1e-12)


def test_wide_beams_feel_the_cross_section():
    """One atom in a wide beam: t = 1 − 6/(kw)² on resonance, twice that share of the power."""
    light = weak_light(co.Atoms.isotropic([[0, 0, 0]]), 0.0, waist=20.0)
    assert 1 - light.transmitted[0, 0].real == pytest.approx(6 / (20 * WAVE) ** 2, rel=1e-3)
    assert light.extinction[0] == pytest.approx(2 * RESONANT / (np.pi * 20**2), rel=1e-3)


def test_a_magnetic_field_splits_the_circular_polarisations():
    atom = co.Atoms.isotropic([[0, 0, 0.3]], zeeman=4.0)
    w = np.array([-4.0, 0.0, 4.0])
    for polarisation, resonance in (((1, 1j, 0), 4.0), ((1, -1j, 0), -4.0)):
        light = weak_light(atom, w, polarisation=polarisation)
        assert light.extinction == pytest.approx(RESONANT / (1 + 4 * (w - resonance) ** 2))
    along = weak_light(atom, w, axis=(1, 0, 0), polarisation=(0, 0, 1))
    assert along.extinction == pytest.approx(RESONANT / (1 + 4 * w**2))


def test_the_field_turns_the_polarisation():
    """Faraday: linear light is the sum of two circular ones with different amplitudes."""
    atoms = co.Atoms.isotropic(co.square(5, 5, 0.7).positions, zeeman=0.8)
    kinds = (1, 0, 0), (1, 1j, 0), (1, -1j, 0)
    linear, plus, minus = (weak_light(atoms, 0.2, waist=1.5, polarisation=e) for e in kinds)
    half, turned = (plus.transmitted + minus.transmitted) / 2, plus.transmitted - minus.transmitted
    assert linear.transmitted[0, 0] == pytest.approx(half[0, 0], abs=1e-9)
    # x = (e₊ + e₋)/√2 and y = (e₊ − e₋)/i√2
    assert linear.transmitted[0, 1] == pytest.approx(turned[0, 0] * 0.5j, abs=1e-9)
    assert abs(linear.transmitted[0, 1]) > 0.1


def test_weakly_driven_steady_state_of_the_master_equation():
    atoms = co.Atoms.isotropic([[0, 0, 0], [0.1, 0.2, 0.15]], zeeman=0.7, axis=(1, 2, 3))
    channels = co.couple(atoms, co.Vacuum()).replace(detunings=0.4)
    wave = {"axis": (0, 1, 0), "polarisation": (1, 0, 0.5j)}
    light = weak_light(channels, 0.1, **wave)
    rabi = 1e-3
    drive = co.plane_wave(atoms, rabi, direction=wave["axis"], polarisation=wave["polarisation"])
    rho = co.steady_state(channels.replace(detunings=0.3, drive=drive)).full()
    lower = [np.kron(d, np.eye(4)) for d in atoms.channels]
    lower += [np.kron(np.eye(4), d) for d in atoms.channels]
    found = np.array([np.trace(rho @ d) for d in lower]).reshape(2, 3) / rabi
    assert found == pytest.approx(light.amplitudes[0], abs=1e-5)
    assert weak_light(atoms, -0.3, **wave).amplitudes == pytest.approx(light.amplitudes)


@pytest.mark.parametrize("method", ["dense", "sum"])
@pytest.mark.parametrize("waist", [None, 0.7])
def test_energy_is_conserved(method, waist):
    atoms = cloud(25, 0.9, 3, zeeman=1.2, axis=(1, 1, 0))
    w = np.linspace(-3, 3, 5)
    light = weak_light(atoms, w, waist=waist, polarisation=(1, 0.4j, 0), method=method)
    assert light.scattered == pytest.approx(light.extinction, rel=1e-10)
    directions, weights = co.observables.sphere(30, 40)
    assert light.pattern(directions) @ weights == pytest.approx(light.extinction, rel=1e-10)
    if waist is not None:
        assert light.loss.min() > -1e-12
        assert light.extinction == pytest.approx(2 - 2 * light.transmitted[:, 0].real, rel=1e-10)


def test_patterns_of_two_polarisations_add_up():
    light = weak_light(cloud(4, 1.0, 5), [0.0, 0.4])
    n = np.array([[0.6, 0, 0.8], [0, 0, 1]])
    e = np.array([0, 1, 0]), np.array([0.8, 0, -0.6])
    parts = sum(light.pattern(n[:1], each) for each in e)
    assert light.pattern(n)[:, :1] == pytest.approx(parts)
    circular = sum(light.pattern(n[1:], (1, s * 1j, 0)) for s in (1, -1))
    assert light.pattern(n[1]) == pytest.approx(circular)


def test_turning_everything_changes_nothing():
    atoms = cloud(6, 0.6, 7, zeeman=0.5)
    turn = reference.rotation(8)
    axis, e = np.array([0, 0, 1.0]), np.array([1, 0.3j, 0])
    one = weak_light(atoms, [0.2, 1.0], waist=0.6, axis=axis, polarisation=e)
    two = weak_light(
        atoms.rotated(turn), [0.2, 1.0], waist=0.6, axis=turn @ axis, polarisation=turn @ e
    )
    assert two.transmitted == pytest.approx(one.transmitted, abs=1e-10)
    assert two.reflected == pytest.approx(one.reflected, abs=1e-10)
    assert two.amplitudes == pytest.approx(one.amplitudes @ turn.T, abs=1e-10)


def _lattices():
    rng = np.random.default_rng(2)
    tilted = {"zeeman": 0.6, "axis": (1, 0, 2)}
    square = co.square(8, 9, 0.6).positions
    yield "square", co.Atoms.isotropic(square, **tilted)
    yield "vacant", co.Atoms.isotropic(square[rng.random(72) < 0.8], **tilted)
    yield "sparse", co.Atoms.isotropic(square[rng.random(72) < 0.55], **tilted)
    yield "disordered", co.Atoms.isotropic(square, detunings=rng.standard_normal(72))
    yield "cubic", co.Atoms.isotropic(co.cubic(4, 3, 5, 0.4).positions, **tilted)
    yield "chain", co.Atoms.isotropic(co.chain(30, 0.3).positions @ reference.rotation(4), **tilted)
    yield "two-level", co.Atoms.from_emitters(co.square(7, 7, 0.5, dipoles=(1, 0.5j, 0)))


@pytest.mark.parametrize(("name", "atoms"), list(_lattices()))
def test_three_ways_to_solve_agree(name, atoms):
    beam_of = {"waist": 1.2, "axis": (0, 0, 1), "polarisation": (1, 0.2j, 0)}
    w = [0.0, 0.35, -1.0]
    dense, lattice, summed = (
        weak_light(atoms, w, method=method, **beam_of) for method in ("dense", "lattice", "sum")
    )
    assert (dense.method, lattice.method, summed.method) == ("dense", "lattice", "sum")
    assert closeness(lattice, dense) < 1e-9
    assert closeness(summed, dense) < 1e-9
    for found in (lattice, summed):
        assert found.residuals.max() < 1e-10
        assert found.products > 0
        assert found.scattered == pytest.approx(found.extinction, rel=1e-10)
        assert found.transmitted == pytest.approx(dense.transmitted, abs=1e-10)
        assert found.reflected == pytest.approx(dense.reflected, abs=1e-10)


def test_two_level_emitters_as_scattering_has_them():
    array = co.square(4, 4, 0.6, dipoles=(1, 0.3, 0))
    w = np.linspace(-1, 1, 5)
    old = co.observables.scattering(co.couple(array, co.Vacuum()), w, waist=1.0)
    new = weak_light(co.Atoms.from_emitters(array), w, waist=1.0)
    assert new.transmitted[:, 0] == pytest.approx(old.transmitted, abs=1e-12)
    assert new.reflected[:, 0] == pytest.approx(old.reflected, abs=1e-12)


def test_large_arrays_are_mirrors_for_every_polarisation_in_their_plane():
    mode = co.observables.bands("square", 0.6, [[0, 0]])
    w = mode.shifts[0] + mode.rates[0] * np.array([-1.0, 0.0, 0.5])
    atoms = co.Atoms.isotropic(co.square(40, 40, 0.6).positions)
    light = weak_light(atoms, w, waist=5.0, polarisation=(1, 1j, 0))
    assert light.method == "lattice"
    assert light.reflection == pytest.approx(
        co.observables.infinite_array(0.6, w).reflection, abs=6e-3
    )
    assert light.reflection[1] > 0.99


@pytest.mark.slow
def test_forty_thousand_atoms():
    mode = co.observables.bands("square", 0.6, [[0, 0]])
    atoms = co.Atoms.isotropic(co.square(200, 200, 0.6).positions)
    light = weak_light(atoms, mode.shifts, waist=30.0)
    assert light.reflection[0] > 0.9995
    assert light.scattered == pytest.approx(light.extinction, rel=1e-10)


@pytest.mark.slow
def test_dilute_clouds_obey_beer_and_lambert():
    """The optical depth is the sum of the shares that the atoms take alone, weighted by |E|²."""
    atoms = cloud(1200, 30.0, 6)
    w, waist = np.array([0.0, 1.0]), 4.0
    light = weak_light(atoms, w, waist=waist, method="sum")
    away = WAVE * (atoms.positions - atoms.positions.mean(axis=0))
    mode = beam(away, WAVE * waist, np.array([0, 0, 1.0]))
    strength = np.sum(np.abs(mode.field(np.array([1, 0, 0]))) ** 2)
    alone = 6 * np.pi * strength / mode.power / (1 + 4 * w**2)
    assert alone[0] > 0.3
    assert -np.log(np.abs(light.transmitted[:, 0]) ** 2) == pytest.approx(alone, rel=0.1)


@pytest.mark.slow
def test_four_hundred_atoms_on_a_lattice_against_elimination():
    atoms = co.Atoms.isotropic(co.square(20, 20, 0.6).positions, zeeman=0.4)
    w, beam_of = [0.1, 0.35], {"waist": 4.0, "polarisation": (1, 0.3j, 0)}
    lattice, dense = (
        weak_light(atoms, w, method=method, **beam_of) for method in ("lattice", "dense")
    )
    assert closeness(lattice, dense) < 1e-8
    assert lattice.reflected == pytest.approx(dense.reflected, abs=1e-8)


@pytest.mark.parametrize(
    ("atoms", "method", "work"),
    [
        (cloud(60, 5.0, 1), "sum", "some (\\d+) products"),
        (co.Atoms.isotropic(co.square(12, 12, 0.6).positions), "lattice", "some (\\d+) products"),
        (cloud(60, 5.0, 1), "dense", "by 'dense', about 0 s"),
    ],
    ids=["sum", "lattice", "dense"],
)
def test_long_work_is_announced(atoms, method, work, monkeypatch, capsys):
    arguments = {"waist": 2.0, "method": method}
    w = np.linspace(0, 1, 40) if method == "dense" else [0.0, 0.3]
    weak_light(atoms, w, **arguments)
    assert "predicted" not in capsys.readouterr().err
    monkeypatch.setattr(_weak_light_time, "_ANNOUNCED", 0.0)
    monkeypatch.setattr(_weak_light_time, "_LITTLE", 0.0)
    light = weak_light(atoms, w, **arguments)
    found = re.search(
        f"weak light on {len(atoms)} atoms .*{work}.* predicted", capsys.readouterr().err
    )
    assert found
    if method != "dense":
        assert 0.5 < int(found[1]) / light.products < 2


def test_beams_above_their_focus_against_sums_of_plane_waves():
    waist, points = 2.5, np.array([[0, 0, 3.0], [1.0, 0.5, -2.0], [2.0, -1.0, 0.4]])
    q = np.linspace(-1, 1, 401)
    x, y = np.meshgrid(q, q, indexing="ij")
    inside = x**2 + y**2 < 1
    waves = np.stack([x[inside], y[inside]], axis=1)
    waves = np.column_stack([waves, np.sqrt(1 - np.sum(waves**2, axis=1))])
    e = np.array([1, 0.5j, 0])
    vectors = e - waves * (waves @ e)[:, None]
    weights = np.exp(-np.sum(waves[:, :2] ** 2, axis=1) * waist**2 / 4) * (q[1] - q[0]) ** 2
    found = beam(points, waist, np.array([0, 0, 1.0]))
    for sign, field in ((1, found.field(e)), (-1, found.mirrored(e))):
        flip = np.array([1, 1, sign])
        phases = np.exp(1j * points @ (waves * flip).T)
        expected = phases @ (weights[:, None] * vectors * flip) / (2 * np.pi) ** 2
        assert field == pytest.approx(expected, abs=2e-3 * np.abs(expected).max())


def test_what_cannot_be_answered_is_refused(monkeypatch):
    pair = co.Atoms.isotropic([[0, 0, 0], [0, 0, 0.4]])
    manifold = co.atoms([[0, 0, 0]], ground=1, excited=2)
    with pytest.raises(ValueError, match="3 ground levels"):
        weak_light(manifold, 0.0)
    with pytest.raises(ValueError, match="field of these couplings is Mirror"):
        weak_light(co.couple(co.Atoms.isotropic([[0, 0, 1.0]]), co.Mirror()), 0.0)
    with pytest.raises(ValueError, match="perpendicular to the axis"):
        weak_light(pair, 0.0, polarisation=(0, 0, 1))
    with pytest.raises(ValueError, match="the beam drives none"):
        weak_light(co.Atoms.from_emitters(co.chain(2, 0.4, dipoles=(0, 1, 0))), 0.0)
    with pytest.raises(ValueError, match="use method"):
        weak_light(cloud(30, 1.0, 1), 0.0, method="lattice")
    with pytest.raises(ValueError, match="needs no matrices"):
        weak_light(co.couple(pair, co.Vacuum()), 0.0, method="lattice")
    with pytest.raises(ValueError, match="Give waist="):
        _ = weak_light(pair, 0.0).transmission
    with pytest.raises(ValueError, match=r"is along directions\[0\]"):
        weak_light(pair, 0.0).pattern([[1, 0, 0]], (2, 0, 0))
    with pytest.raises(ValueError, match="tolerance must be"):
        weak_light(pair, 0.0, tolerance=1e-17)
    monkeypatch.setattr(_resolvent, "_MOST_PRODUCTS", 3)
    monkeypatch.setattr(_resolvent, "_FEWEST_PRODUCTS", 3)
    for method in ("sum", "lattice"):
        with pytest.raises(ValueError, match=r"frequencies\[0\] = 0.1: after 3 products"):
            weak_light(
                co.Atoms.isotropic(co.square(5, 5, 0.3).positions), 0.1, waist=1.0, method=method
            )


def test_modes_that_do_not_decay_are_refused():
    lowering = np.zeros((1, 3, 3, 3), complex)
    lowering[0, 0, 2, :2] = 1  # two levels with the same dipole: one superposition is dark
    atoms = co.Atoms([[0, 0, 0]], ("a", "b", "g"), (1, 1, 0), lowering, energies=(0.5, 0.5, 0))
    with pytest.raises(ValueError, match="does not decay"):
        weak_light(atoms, 0.5, method="dense")
    line = atoms.replace(positions=[[0, 0.3 * j, 0] for j in range(20)], energies=(0.5, 0.5, 0))
    both = [weak_light(line, 0.5, method=method) for method in ("lattice", "sum")]
    assert closeness(*both) < 1e-9
    assert weak_light(atoms, 0.7).scattered == pytest.approx(weak_light(atoms, 0.7).extinction)


def test_auto_takes_what_suits_the_problem():
    few = cloud(10, 1.0, 3)
    assert weak_light(few, 0.0).method == "dense"
    line = co.Atoms.isotropic(co.chain(210, 0.6).positions)
    light = weak_light(line, [0.0], polarisation=(0, 1, 0))
    assert light.method == "lattice"
    assert "lattice" in repr(light)
    assert "1 frequency on 210 atoms" in repr(light)
    away = cloud(210, 40.0, 3)
    many = weak_light(away, np.linspace(-1, 1, 420))
    assert many.method == "sum"
    assert closeness(weak_light(away, [-1.0]), weak_light(away, [-1.0], method="sum")) < 1e-9
    assert weak_light(away, [-1.0]).method == "dense"
